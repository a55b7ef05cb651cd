package model

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/cell"
)

// TestDropout: training drops, by the noise of the batch and everywhere by another; outside training
// nothing is dropped.
func TestDropout(t *testing.T) {
	base := Config{Cell: "rnn", Likelihood: Gauss, Data: 2, Hidden: 20, Layers: 3}
	for _, name := range sequenceModels {
		var all [][]float32
		for _, change := range []func(*Config){
			func(c *Config) { c.Dropout = 0.3 }, func(c *Config) { c.DropoutInput = 0.3 }, func(c *Config) { c.DropoutHeads = 0.3 },
		} {
			c := base
			c.Model = name
			change(&c)
			m := newTestModel[float32](t, c)
			b := newTestBatch[float32](m, rand.New(rand.NewPCG(1, 1)), 40, 30)
			p := m.NewPass(1)
			run := func(training bool) []float32 {
				p.Forward(b, Bound(70), training)
				return slices.Clone(terms(p).LogProb)
			}
			first := run(true)
			all = append(all, first)
			asmtest.SameFloats(t, "again", run(true), first)
			plain := run(false)
			if slices.Equal(plain, first) {
				t.Errorf("%+v: nothing is dropped in training", c)
			}
			if c.Model != ModelRNN {
				continue // another update has another z
			}
			b.Noise.Update++
			if slices.Equal(run(true), first) {
				t.Errorf("%+v: two updates drop the same", c)
			}
			asmtest.SameFloats(t, "outside training", run(false), plain)
		}
		if slices.Equal(all[0], all[1]) || slices.Equal(all[1], all[2]) || slices.Equal(all[0], all[2]) {
			t.Errorf("%s: two places drop the same", name)
		}
	}
}

// TestLayers: two layers are the second one fed with the states of the first.
func TestLayers(t *testing.T) {
	m := newTestModel[float64](t, Config{Model: ModelRNN, Cell: "gru", Likelihood: Gauss, Data: 2, Hidden: 4, Layers: 2}).(*VRNN[float64])
	b := newTestBatch[float64](m, rand.New(rand.NewPCG(1, 1)), 5, 3)
	b.H, b.C = nil, nil
	p := newVRNNPass(m, 1)
	p.Forward(b, Bound(8), false)
	want := make([]float64, 0)
	x := p.phiX.Y
	for _, l := range m.stack.Layers {
		s := cell.NewSequence[float64]()
		l.Forward(s, b.Shape, x, nil, nil, 1)
		x = slices.Clone(s.H)
		want = append(want[:0], s.HPrev...)
	}
	if !slices.Equal(p.cells.seq.HPrev, want) {
		t.Errorf("states before the steps %v, want %v", p.cells.seq.HPrev, want)
	}
}

// TestSampleFollowsModel: what is fed back when sampling leads to the states that the model
// has on the same sequence: a sequence of means has these means as its predictions.
func TestSampleFollowsModel(t *testing.T) {
	for _, layers := range []int{1, 2} {
		c := testConfig(ModelRNN, "lstm", Gauss)
		c.Layers = layers
		m := newTestModel[float64](t, c).(*VRNN[float64])
		const steps = 6
		x := Sample(m, Draw{Count: 1, Steps: steps, Seed: 1, Mean: true})
		p := newVRNNPass(m, 1)
		p.Forward(&Batch[float64]{Shape: cell.NewRagged(steps), X: x}, Bound(steps), false)
		mean := make([]float64, len(x))
		m.like.mean(mean, p.decoder.Y, steps, m.Data)
		for i := range x {
			if math.Abs(mean[i]-x[i]) > 1e-12 {
				t.Fatalf("%d layers: prediction %v of element %d, sampled %v", layers, mean[i], i, x[i])
			}
		}
	}
}
