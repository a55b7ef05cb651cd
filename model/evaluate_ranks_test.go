package model

import (
	"math"
	"reflect"
	"sync"
	"testing"

	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/dist"
)

// togetherOn runs do on ranks that are goroutines, and reports the first error.
func togetherOn(t *testing.T, ranks int, do func(comm *dist.Comm) error) {
	t.Helper()
	var group sync.WaitGroup
	for _, comm := range dist.Local(ranks) {
		group.Go(func() {
			if err := do(comm); err != nil {
				t.Error(err)
				comm.Abort(1)
			}
		})
	}
	group.Wait()
}

// TestEvaluateOn: any number of ranks have the scores of one process, to the last bit, whatever the shards,
// also where there are more ranks than batches.
func TestEvaluateOn(t *testing.T) {
	blastest.UseGo(t)
	d := testData(6)
	seqs := append(append([]Sequence{}, d.Train...), Sequence{X: make([]float32, 6*40)})
	for _, name := range []string{ModelRNN, ModelVRNN, ModelVRAE} {
		m := newTestModel[float32](t, Config{Model: name, Data: 6, Hidden: 8})
		for _, c := range []EvalConfig{{Batch: 2, Seed: 3}, {Batch: 3, Samples: 5, Seed: 1, Threads: 2}, {Batch: 2, Samples: 300, Seed: 1}, {Batch: 4, Shards: 3}, {Batch: 100}} {
			if c.Samples > 5 && testing.Short() {
				continue
			}
			want, steps := Evaluate(m, seqs, c), ScoreSteps(m, seqs, EvalConfig{Batch: 1, Samples: min(c.Samples, 5), Seed: c.Seed})
			for _, ranks := range []int{1, 2, 3, 7} {
				togetherOn(t, ranks, func(comm *dist.Comm) error {
					got, err := EvaluateOn(comm, m, seqs, c)
					if err == nil && (got != want || math.IsNaN(got.NLLPerStep)) {
						t.Errorf("%s, %+v, %d ranks: %+v, want %+v", name, c, ranks, got, want)
					}
					if err != nil {
						return err
					}
					scores, err := ScoreStepsOn(comm, m, seqs, EvalConfig{Batch: 1, Samples: min(c.Samples, 5), Seed: c.Seed})
					if err == nil && !reflect.DeepEqual(scores, steps) {
						t.Errorf("%s, %d ranks: other scores of steps", name, ranks)
					}
					return err
				})
			}
		}
	}
	// Data without a sequence, as a part can be.
	m := newTestModel[float32](t, Config{Model: ModelRNN, Data: 6, Hidden: 8})
	togetherOn(t, 2, func(comm *dist.Comm) error {
		got, err := EvaluateOn(comm, m, nil, EvalConfig{Batch: 2})
		if want := Evaluate(m, nil, EvalConfig{Batch: 2}); err == nil && !(got == want || got.Steps == 0 && got.Sequences == want.Sequences) {
			t.Errorf("of nothing: %+v, want %+v", got, want)
		}
		return err
	})
}
