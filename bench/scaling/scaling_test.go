package main

import (
	"bytes"
	"math"
	"os"
	"runtime"
	"testing"

	"github.com/elbow-go/elbow/dist"
	"github.com/elbow-go/elbow/model"
)

// TestSimulation: the few terms of the model are near the simulation of all messages, where a rank has one subtree and
// where some have more.
func TestSimulation(t *testing.T) {
	for _, j := range jobs[:2] {
		for _, n := range append([]network{here}, networks...) {
			for _, c := range [][2]int{{2, 2}, {3, 8}, {4, 8}, {16, 16}, {12, 32}} {
				for _, sequences := range []float64{1, 64} {
					compute := sequences * j.sequence
					got, want := n.step(j, c[1], c[0], compute), n.simulate(j, c[1], even(c[0], compute))
					if got < 0.85*want || got > 1.3*want {
						t.Errorf("%s, %s, %d ranks, %d shards, %v sequences: %.4g s, simulated %.4g s", j.name, n.name, c[0], c[1], sequences, got, want)
					}
				}
			}
		}
	}
}

// TestPowerOfTwo: where every rank has a power of two of shards it sends as much as in a ring, and otherwise somebody sends
// more, but where shards that are not there make a subtree whole.
func TestPowerOfTwo(t *testing.T) {
	for leaves := 1; leaves <= 128; leaves++ {
		for ranks := 1; ranks <= leaves; ranks++ {
			whole := leaves%ranks == 0 && leaves/ranks&(leaves/ranks-1) == 0
			if most := largest(parts(leaves, ranks)); whole && most != 1 {
				t.Errorf("%d shards, %d ranks: a rank has %d subtrees", leaves, ranks, most)
			}
		}
	}
	if got := parts(12, 2); got[0] != 2 || got[1] != 2 {
		t.Errorf("12 shards, 2 ranks: %v subtrees, want 2 each", got)
	}
	if lo, hi := dist.Share(12, 1, 2); lo != 6 || hi != 12 {
		t.Errorf("rank 1 has the shards %d..%d", lo, hi)
	}
}

// TestFit: a network that the model describes is found again.
func TestFit(t *testing.T) {
	want := network{"", 3e-4, perMessage, 2e8}
	var list []measured
	for _, ranks := range []int{2, 3, 4} {
		for _, bytes := range []int{1e6, 1e7} {
			list = append(list, measured{ranks, 8, bytes, 0, want.sum(8, ranks, bytes)})
		}
	}
	got := here.fit(list)
	if math.Abs(got.start/want.start-1) > 0.05 || math.Abs(got.rate/want.rate-1) > 0.05 {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestNumbers: a job has the parameters of the model.
func TestNumbers(t *testing.T) {
	c := model.Config{Model: model.ModelVRNN, Likelihood: model.Gauss, Data: 28, Hidden: 100, Latent: 16, Depth: 2, PhiX: 100, PhiZ: 100, Prior: 100, Posterior: 100, Decoder: 100}
	m, err := model.New[float32](c)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, p := range m.Tensors() {
		sum += len(p.Data)
	}
	if sum != jobs[0].numbers {
		t.Errorf("%d parameters, the model has %d", jobs[0].numbers, sum)
	}
}

// TestPage: the tables of the page are those that the command writes.
func TestPage(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("where multiply-adds are fused the last digit may be another one")
	}
	text, err := os.ReadFile("../../" + page)
	if err != nil {
		t.Fatal(err)
	}
	want, err := fill(text, "../results/epyc-2026-12-01-sums.txt")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, want) {
		t.Error(page + " has other tables: make scaling")
	}
}
