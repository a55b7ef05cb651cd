package model

import (
	"math"
	"testing"

	"github.com/elbow-go/elbow/blas/blastest"
)

// TestEvaluateLong: sequences longer than a pass takes score as they do at once where no
// draws differ, and close to it where they do, whatever the batch size.
func TestEvaluateLong(t *testing.T) {
	blastest.UseGo(t)
	d := testData(6)
	whole := evalSteps
	defer func() { evalSteps = whole }()
	for _, name := range []string{ModelRNN, ModelVRNN, ModelVRNNI, ModelSTORN, ModelVRAE} {
		m := newTestModel[float32](t, Config{Model: name, Data: 6, Hidden: 8})
		for _, k := range []int{1, 200} {
			evalSteps = whole
			want := Evaluate(m, d.Valid, EvalConfig{Batch: 4, Samples: k, Seed: 1})
			evalSteps = 2
			got := Evaluate(m, d.Valid, EvalConfig{Batch: 4, Samples: k, Seed: 1})
			bound := 0.1
			if name == ModelRNN {
				bound = 1e-9
			}
			if got.Steps != want.Steps || got.Sequences != want.Sequences || math.Abs(got.NLLPerStep-want.NLLPerStep) > bound*want.NLLPerStep {
				t.Errorf("%s, %d draws: in parts %+v, at once %+v", name, k, got, want)
			}
			if name == ModelVRAE && got != want {
				t.Errorf("%s: in parts %+v, at once %+v", name, got, want)
			}
			one := Evaluate(m, d.Valid, EvalConfig{Batch: 1, Samples: k, Seed: 1})
			if math.Abs(one.NLLPerStep-got.NLLPerStep) > 1e-6*got.NLLPerStep {
				t.Errorf("%s, %d draws: batch 1 %+v, batch 4 %+v", name, k, one, got)
			}
		}
	}
}
