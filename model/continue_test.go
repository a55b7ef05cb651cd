package model

import (
	"math"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/blas/blastest"
)

// TestContinueMeans: an RNN that is shown the beginning of its own means goes on as if it had not
// been interrupted.
func TestContinueMeans(t *testing.T) {
	blastest.UseGo(t)
	for _, c := range []Config{
		{Model: ModelRNN, Cell: "lstm", Data: 4, Hidden: 6, Layers: 2}, {Model: ModelRNN, Cell: "gru", Data: 4, Hidden: 6, Likelihood: Gauss},
		{Model: ModelRNN, Cell: "rnn", Data: 1, Hidden: 6, Likelihood: Categorical, Classes: 5},
	} {
		m := newTestModel[float32](t, c)
		const n, more = 7, 5
		whole := Sample(m, Draw{Count: 1, Steps: n + more, Mean: true})
		s := NewScorer(m, EvalConfig{})
		s.Score(Sequence{X: whole[:3*c.Data]})
		s.Score(Sequence{X: whole[3*c.Data : n*c.Data]})
		got := s.Continue(Draw{Count: 2, Steps: more, Mean: true})
		asmtest.SameFloats(t, c.Cell, got[:more*c.Data], whole[n*c.Data:])
		asmtest.SameFloats(t, c.Cell+", second", got[more*c.Data:], whole[n*c.Data:])
	}
}

// TestContinueLatent: a continuation depends on all of the past, on the draws of its latent variables
// and on nothing else.
func TestContinueLatent(t *testing.T) {
	blastest.UseGo(t)
	for _, name := range []string{ModelVRNN, ModelVRNNI, ModelSTORN} {
		m := newTestModel[float32](t, Config{Model: name, Cell: "lstm", Data: 4, Hidden: 6, Latent: 3, Layers: 2})
		past := signal(8, 4)
		run := func(cuts ...int) (*Scorer, []float32) {
			s, from := NewScorer(m, EvalConfig{Samples: 3, Seed: 2}), 0
			for _, to := range append(cuts, 8) {
				s.Score(past.Slice(from, to, 4))
				from = to
			}
			return s, s.Continue(Draw{Count: 5, Steps: 6, Seed: 4})
		}
		s, want := run()
		_, got := run(1, 4)
		asmtest.SameFloats(t, name+", cut", got, want)
		asmtest.SameFloats(t, name+", again", s.Continue(Draw{Count: 5, Steps: 6, Seed: 4}), want)
		asmtest.SameFloats(t, name+", fewer", s.Continue(Draw{Count: 2, Steps: 6, Seed: 4}), want[:2*6*4])
		first := s.Continue(Draw{Count: 3, Steps: 1, Seed: 4, Mean: true})
		if slices.Equal(first[:4], first[4:8]) {
			t.Errorf("%s: two draws of the past have one future", name)
		}
		other := NewScorer(m, EvalConfig{Samples: 3, Seed: 2})
		changed := Sequence{X: slices.Clone(past.X)}
		changed.X[7*4+1] = 1 - changed.X[7*4+1] // the last step alone
		other.Score(changed)
		if slices.Equal(other.Continue(Draw{Count: 3, Steps: 1, Seed: 4, Mean: true}), first) {
			t.Errorf("%s: the last step of the past does not matter", name)
		}
		asmtest.SameFloats(t, name+", no past", NewScorer(m, EvalConfig{}).Continue(Draw{Count: 2, Steps: 3, Seed: 1}), Sample(m, Draw{Count: 2, Steps: 3, Seed: 1}))
	}
	mustPanic(t, "carries no state", func() {
		NewScorer(newTestModel[float32](t, Config{Model: ModelVAE, Data: 4, Hidden: 3}), EvalConfig{}).Continue(Draw{Count: 1, Steps: 1})
	})
}

// TestVRAEContinue: what follows a sequence is the end of what z of it is decoded to; a teacher shows
// the sequence.
func TestVRAEContinue(t *testing.T) {
	blastest.UseGo(t)
	for _, teacher := range []bool{false, true} {
		m := newTestModel[float32](t, Config{Model: ModelVRAE, Cell: "gru", Data: 4, Hidden: 6, Latent: 3, Teacher: teacher}).(*VRAE[float32])
		past := signal(8, 4)
		got := m.Continue(past, Draw{Count: 2, Steps: 5, Mean: true})
		z, _ := m.Encode([]Sequence{past}, 1, 1)
		want := m.Decode(z, nil, 1, 13)[8*4:]
		if same := slices.Equal(got[:5*4], want); same == teacher {
			t.Errorf("teacher %t: %v, decoded %v", teacher, got[:5*4], want)
		}
		if draws := m.Continue(past, Draw{Count: 3, Steps: 5, Seed: 3}); slices.Equal(draws[:20], draws[20:40]) || len(draws) != 60 {
			t.Errorf("teacher %t: draws %v", teacher, draws)
		}
	}
}

// TestNarrow: temperature, top-k and top-p give the distributions that they say.
func TestNarrow(t *testing.T) {
	p := []float64{0.1, 0.4, 0.2, 0.05, 0.25}
	for _, c := range []struct {
		draw Draw
		want []float64
	}{
		{Draw{Temperature: 1}, p},
		{Draw{Temperature: 0.5}, []float64{0.01, 0.16, 0.04, 0.0025, 0.0625}},
		{Draw{Temperature: 1e-5}, []float64{0, 1, 0, 0, 0}},
		{Draw{TopK: 2}, []float64{0, 0.4, 0, 0, 0.25}}, {Draw{TopK: 9}, p}, {Draw{TopK: 1}, []float64{0, 1, 0, 0, 0}},
		{Draw{TopP: 0.6}, []float64{0, 0.4, 0, 0, 0.25}}, {Draw{TopP: 1}, p}, {Draw{TopP: 1e-9}, []float64{0, 1, 0, 0, 0}},
		{Draw{TopK: 4, TopP: 0.9}, []float64{0.1, 0.4, 0.2, 0, 0.25}},
		{Draw{Temperature: 2, TopK: 3}, []float64{0, math.Sqrt(0.4), math.Sqrt(0.2), 0, math.Sqrt(0.25)}},
	} {
		logits := make([]float32, 2*len(p))
		for i := range logits {
			logits[i] = float32(math.Log(p[i%len(p)]) + 50)
		}
		categorical[float32]{k: len(p)}.narrow(logits, 2, c.draw)
		got, sum := softmaxRows(logits, 2, len(p), len(p)), 0.0
		for _, v := range c.want {
			sum += v
		}
		for i, v := range got {
			if want := c.want[i%len(p)] / sum; math.Abs(float64(v)-want) > 2e-5 {
				t.Errorf("%+v: p[%d] = %v, want %v", c.draw, i, v, want)
			}
		}
	}
	text := Config{Likelihood: Categorical}
	for _, bad := range []Draw{{Temperature: -1}, {Temperature: math.NaN()}, {TopK: -1}, {TopP: 1.1}, {TopP: math.NaN()}} {
		if bad.Check(text) == nil {
			t.Errorf("%+v passes", bad)
		}
	}
	if err := (Draw{TopK: 3}).Check(Config{Likelihood: Gauss}); err == nil {
		t.Error("top-k of a Gaussian passes")
	}
}
