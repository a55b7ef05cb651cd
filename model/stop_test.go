package model

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/elbow-go/elbow/blas/blastest"
)

// slowPass calls before at every Forward.
type slowPass struct {
	Pass[float32]
	before func()
}

func (p slowPass) Forward(b *Batch[float32], obj Objective, training bool) {
	p.before()
	p.Pass.Forward(b, obj, training)
}

// slow has the passes of a training call before.
func slow(t *Trainer, before func()) {
	for _, r := range t.shards.replicas {
		r.pass = slowPass{r.pass, before}
	}
}

// TestStopInUpdate: the checkpoint of a training whose context ends is written while an update or
// the scoring of the valid split is still running, and training goes on from it with the same bits.
func TestStopInUpdate(t *testing.T) {
	blastest.UseGo(t)
	d := testData(5)
	for _, c := range []struct {
		name   string
		model  Config
		change func(*TrainConfig)
	}{
		{"whole sequences", Config{Model: ModelVRNN, Hidden: 6}, func(*TrainConfig) {}},
		{"segments", Config{Model: ModelVRNN, Hidden: 6}, func(c *TrainConfig) { c.Truncate, c.ResetEvery = 3, 2 }},
		{"mixed", Config{Model: ModelRNN, Hidden: 6}, func(c *TrainConfig) { c.Reshuffle = true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			tc := testTrainConfig()
			tc.Epochs = 2
			c.change(&tc)
			whole := newTestTrainer(t, c.model, tc, d, t.TempDir())
			passes := 0
			slow(whole, func() { passes++ })
			if err := whole.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			// Forward number stop is one of an update, or of the valid split.
			for stop := 1; stop <= passes; stop += 1 + passes/12 {
				part := newTestTrainer(t, c.model, tc, d, t.TempDir())
				ctx, cancel := context.WithCancel(t.Context())
				saved := make(chan error, 1)
				part.OnStop = func(err error) {
					part.Seconds() // may be called
					saved <- err
				}
				n := 0
				slow(part, func() {
					if n++; n != stop {
						return
					}
					cancel()
					select {
					case err := <-saved:
						if err != nil {
							t.Error(err)
						}
					case <-time.After(10 * time.Second):
						t.Fatalf("stopped in pass %d: no checkpoint while it was running", stop)
					}
				})
				err := part.Run(ctx)
				if stop < passes && !errors.Is(err, context.Canceled) && n != passes {
					t.Fatalf("stopped in pass %d: %v", stop, err)
				}
				back, err := Resume(part.Dir, d, 0, 1)
				if err != nil {
					t.Fatal(err)
				}
				if err := back.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				sameTrainers(t, back, whole)
				if !slices.Equal(bestBytes(t, back.Dir), bestBytes(t, whole.Dir)) {
					t.Errorf("stopped in pass %d: best.safetensors differs", stop)
				}
			}
		})
	}
}
