package model

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/dist"
)

// onRanks makes a training on so many ranks, which prepare returns a trainer for, and returns that of rank 0 and
// the errors of all. Only rank 0 has a folder.
func onRanks(t *testing.T, size int, prepare func(rank int) *Trainer, ctx func(rank int) context.Context) (*Trainer, []error) {
	t.Helper()
	comms, trainers, errs := dist.Local(size), make([]*Trainer, size), make([]error, size)
	for r, c := range comms {
		trainers[r] = prepare(r)
		if r > 0 {
			trainers[r].Dir = ""
		}
		c.Bucket = []int{0, 1000, 50}[size%3] // numbers, of which no bit depends
		if err := trainers[r].Join(c); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for r, tr := range trainers {
		wg.Go(func() {
			if errs[r] = tr.Run(ctx(r)); errs[r] != nil && !errors.Is(errs[r], context.Canceled) {
				comms[r].Abort(1)
			}
		})
	}
	wg.Wait()
	return trainers[0], errs
}

// TestRanks: any number of ranks and goroutines has the bits of one process, also where a training is stopped on
// one number of them and goes on with another.
func TestRanks(t *testing.T) {
	blastest.UseGo(t)
	for _, c := range shardCases() {
		t.Run(c.name, func(t *testing.T) {
			const shards = 8
			same := func(got, want *Trainer) {
				t.Helper()
				sameTrainers(t, got, want)
				if !bytes.Equal(bestBytes(t, got.Dir), bestBytes(t, want.Dir)) {
					t.Error("best.safetensors differs")
				}
			}
			whole := c.trainer(t, shards, 1)
			if err := whole.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			always := func(int) context.Context { return t.Context() }
			for _, size := range []int{1, 2, 3, 5, 8} {
				for threads := 1; threads <= 2; threads++ {
					if testing.Short() && threads+size != 4 {
						continue
					}
					tr, errs := onRanks(t, size, func(int) *Trainer { return c.trainer(t, shards, threads) }, always)
					if err := errors.Join(errs...); err != nil {
						t.Fatal(err)
					}
					same(tr, whole)
				}
			}

			// The context of rank 1 ends: all stop, and rank 0 leaves a checkpoint.
			tr, errs := onRanks(t, 3, func(int) *Trainer { return c.trainer(t, shards, 1) }, func(rank int) context.Context {
				if rank == 1 {
					return &countdown{Context: context.Background(), left: 2}
				}
				return t.Context()
			})
			for r, err := range errs {
				if !errors.Is(err, context.Canceled) {
					t.Fatalf("rank %d: %v", r, err)
				}
			}
			dir := tr.Dir
			tr, errs = onRanks(t, 2, func(int) *Trainer {
				tr, err := Resume(dir, c.data, 0, 1)
				if err != nil {
					t.Fatal(err)
				}
				return tr
			}, always)
			if err := errors.Join(errs...); err != nil {
				t.Fatal(err)
			}
			same(tr, whole)
		})
	}
}

// TestRanksForget: ranks keep the values of what they read, each another part of the data, and the caller's stay.
func TestRanksForget(t *testing.T) {
	blastest.UseGo(t)
	c := shardCases()[0]
	values := func(seqs []Sequence) (n int) {
		for i := range seqs {
			n += len(seqs[i].X)
		}
		return n
	}
	train, valid := values(c.data.Train), values(c.data.Valid)
	for _, reshuffle := range []bool{false, true} {
		held, scored := 0, 0
		for _, comm := range dist.Local(3) {
			tr := c.trainer(t, 8, 1)
			tr.Config.Reshuffle = reshuffle
			if err := tr.Join(comm); err != nil {
				t.Fatal(err)
			}
			held, scored = held+values(tr.Data.Train), scored+values(tr.Data.Valid)
			for i, s := range tr.Data.Train {
				if s.Steps(c.data.Dim) != c.data.Train[i].Steps(c.data.Dim) {
					t.Errorf("sequence %d has %d steps", i, s.Steps(c.data.Dim))
				}
			}
		}
		if want := map[bool]int{false: train, true: 3 * train}[reshuffle]; held != want || scored != valid {
			t.Errorf("reshuffle %v: three ranks hold %d and %d values, want %d and %d", reshuffle, held, scored, want, valid)
		}
	}
	if values(c.data.Train) != train || values(c.data.Valid) != valid {
		t.Error("the data of the caller have changed")
	}
}

// TestStages: when a pass reports a stage, the gradients of its parameters have the bits that they have in the end.
func TestStages(t *testing.T) {
	for _, c := range everyModel() {
		m := newTestModel[float32](t, c)
		b, p, grad := everyBatch(m), m.NewPass(2), newGradient(m)
		var early [][]float32
		p.(interface{ report(func(int)) }).report(func(stage int) {
			for _, x := range grad.stage(stage) {
				early = append(early, slices.Clone(x))
			}
		})
		m.PackForTraining()
		grad.of(p, b, Bound(11), phases{})
		if len(grad.stages) > 1 && len(early) == 0 {
			t.Errorf("%s: %d stages, but none is reported", c.Model, len(grad.stages))
		}
		for i, x := range early {
			if !slices.Equal(x, grad.data[i]) {
				t.Errorf("%s: slice %d of the gradient changes after it is final", c.Model, i)
			}
		}
	}
}

// TestRanksFail: more ranks than shards are refused, all see that a loss is not finite, and nobody waits for a
// rank that fails.
func TestRanksFail(t *testing.T) {
	blastest.UseGo(t)
	c := shardCases()[0]
	if err := c.trainer(t, 3, 1).Join(dist.Local(4)[0]); err == nil || !strings.Contains(err.Error(), "4 ranks") {
		t.Errorf("4 ranks of 3 shards: %v", err)
	}
	always := func(int) context.Context { return t.Context() }
	_, errs := onRanks(t, 2, func(int) *Trainer {
		tr := c.trainer(t, 3, 1)
		tr.params[0].Data[0] = float32(math.NaN())
		return tr
	}, always)
	for r, err := range errs {
		if !errors.Is(err, ErrDiverged) {
			t.Errorf("rank %d: %v, want that the training diverged", r, err)
		}
	}
	failed := errors.New("no room")
	_, errs = onRanks(t, 2, func(rank int) *Trainer {
		tr := c.trainer(t, 3, 1)
		if rank == 0 {
			tr.OnEpoch = func(Epoch) error { return failed }
		}
		return tr
	}, always)
	if !errors.Is(errs[0], failed) || !errors.Is(errs[1], dist.ErrAborted) {
		t.Errorf("errors %v", errs)
	}
}
