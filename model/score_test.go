package model

import (
	"math"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/kernels"
)

// causalModels are the models whose scores of a step depend on it and those before it alone.
func causalModels() (cs []Config) {
	for _, c := range everyModel() {
		if k, _ := KindOf(c.Model); k.Carried || c.Model == ModelVAE {
			cs = append(cs, c)
		}
	}
	return append(cs, Config{Model: ModelRNN, Cell: "gru", Likelihood: RBM, Data: 5, Hidden: 4, Units: 3})
}

// signal is a sequence of ones and zeros.
func signal(steps, dim int) Sequence {
	x := make([]float32, steps*dim)
	kernels.Uniforms(x, kernels.Noise{Seed: 9}, 0, 0, steps, dim)
	for i, v := range x {
		x[i] = float32(math.Round(float64(v)))
	}
	return Sequence{Name: "signal", X: x}
}

// signalFor is a signal that suits a model, with its conditions.
func signalFor(m Model[float32], steps int) Sequence {
	c := m.Settings()
	s := signal(steps, c.Data)
	s.Given = conditionsOf(steps, c.given())
	return s
}

// TestScoreCut: wherever a signal is cut, every step scores the same to the last bit.
func TestScoreCut(t *testing.T) {
	blastest.UseGo(t)
	const steps = 23
	whole := evalSteps
	defer func() { evalSteps = whole }()
	for _, c := range causalModels() {
		for _, draws := range []int{1, 3} {
			m := newTestModel[float32](t, c)
			dim := m.Settings().Data
			s := signalFor(m, steps)
			e := EvalConfig{Samples: draws, Seed: 5, Threads: 2}
			if c.Likelihood == RBM {
				e.Anneal = Annealing{Runs: 2, Temperatures: 3}
			}
			evalSteps = whole
			want := ScoreSteps(m, []Sequence{s}, e)[0]
			if len(want.Steps) != steps {
				t.Fatalf("%s: %d scores for %d steps", c.testName(), len(want.Steps), steps)
			}
			for _, cuts := range [][]int{{1, 2, 3, 4, 5, 6, 7}, {5}, {11, 12, 22}} {
				for _, part := range []int{whole, 4} {
					evalSteps = part
					r := NewScorer(m, e)
					r.Score(signalFor(m, 3)) // another signal before this one leaves nothing behind
					r.Reset()
					var got []StepScore
					from := 0
					for _, to := range append(slices.Clone(cuts), steps) {
						got = append(got, r.Score(s.Slice(from, to, dim)).Steps...)
						from = to
					}
					if !slices.Equal(got, want.Steps) {
						t.Errorf("%s, %d draws, cut at %v, %d steps a pass: %v, want %v", c.testName(), draws, cuts, part, got, want.Steps)
					}
				}
			}
		}
	}
}

// TestScoreSums: the terms of a step add up, and the steps to the score of the sequence, which is
// that of Evaluate where the draws are the same; it does not depend on the other sequences.
func TestScoreSums(t *testing.T) {
	blastest.UseGo(t)
	for _, c := range everyModel() {
		if c.Model == ModelClassifier || c.Likelihood == RBM { // whose scores are no likelihoods
			continue
		}
		for _, draws := range []int{1, 70} {
			m := newTestModel[float32](t, c)
			dim := m.Settings().Data
			seqs := []Sequence{signalFor(m, 9), signalFor(m, 1), signalFor(m, 0), signalFor(m, 17)}
			all := ScoreSteps(m, seqs, EvalConfig{Samples: draws, Seed: 3, Threads: 3})
			for i, s := range seqs {
				e := EvalConfig{Batch: 1, Samples: draws, Seed: 3}
				if alone := ScoreSteps(m, seqs[i:i+1], e)[0]; !slices.Equal(alone.Steps, all[i].Steps) || alone.Whole != all[i].Whole {
					t.Errorf("%s: sequence %d alone %v, among others %v", c.testName(), i, alone, all[i])
				}
				for k, v := range all[i].Steps {
					if v.NLL != v.Recon+v.KL-v.Gain || m.Settings().Latent == 0 && v.NLL != v.Recon {
						t.Errorf("%s: sequence %d, step %d: %+v does not add up", c.testName(), i, k, v)
					}
				}
				if s.Steps(dim) == 0 {
					continue
				}
				want := Evaluate(m, []Sequence{s}, e)
				sum, n := all[i].Sum(), float64(s.Steps(dim))
				for _, p := range []struct {
					name      string
					got, want float64
				}{{"nll", sum.NLL, want.NLLPerSeq}, {"recon", sum.Recon, want.ReconPerStep * n}, {"kl", sum.KL, want.KLPerStep * n}} {
					if math.Abs(p.got-p.want) > 1e-9*(1+math.Abs(p.want)) {
						t.Errorf("%s, %d draws, sequence %d: %s %v, want %v", c.testName(), draws, i, p.name, p.got, p.want)
					}
				}
			}
		}
	}
}

// TestScoreFindsAnomaly: a step that breaks the rule of the training data scores far above all.
func TestScoreFindsAnomaly(t *testing.T) {
	blastest.UseGo(t)
	d := testData(6)
	c := testTrainConfig()
	c.Epochs = 15
	for _, name := range []string{ModelRNN, ModelVRNN} {
		tr := newTestTrainer(t, Config{Model: name, Hidden: 12}, c, d, "")
		if err := tr.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		s := Sequence{X: slices.Clone(d.Test[0].X)}
		at := s.Steps(6) / 2
		for j := range 6 {
			s.X[at*6+j] = 1 - s.X[at*6+j]
		}
		scores := ScoreSteps(tr.Model, []Sequence{s}, EvalConfig{})[0].Steps
		for i, v := range scores {
			if i != at && v.NLL >= scores[at].NLL {
				t.Errorf("%s: step %d scores %v, the anomaly at %d %v", name, i, v.NLL, at, scores[at].NLL)
			}
		}
	}
}

func TestSpread(t *testing.T) {
	s := SpreadOf(slices.Values([]float64{1, 3, 5, 7}))
	if s.N != 4 || s.Mean != 4 || math.Abs(s.Std-math.Sqrt(5)) > 1e-15 || math.Abs(s.Z(4+2*math.Sqrt(5))-2) > 1e-15 {
		t.Errorf("spread %+v", s)
	}
	for _, s := range []Spread{SpreadOf(slices.Values([]float64{2, 2})), SpreadOf(slices.Values([]float64{2})), SpreadOf(slices.Values([]float64(nil)))} {
		if z := s.Z(3); !math.IsNaN(z) {
			t.Errorf("%+v: z = %v", s, z)
		}
	}
}
