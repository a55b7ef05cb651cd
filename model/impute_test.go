package model

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestImpute: what is there stays as it is, what is missing is filled in, with quantiles in order, and the
// result does not depend on the threads.
func TestImpute(t *testing.T) {
	for _, c := range []Config{testConfig(ModelRNN, "gru", Gauss), testConfig(ModelVRNN, "lstm", Gauss), testConfig(ModelVRNNI, "gru", GMM),
		testConfig(ModelRNN, "gru", StudentFull), testConfig(ModelVRNN, "gru", GaussFull), testConfig(ModelRNN, "gru", Student), testConfig(ModelRNN, "gru", GaussLowRank),
		testConfig(ModelSTORN, "lstm", Gauss), {Model: ModelVRAE, Cell: "gru", Likelihood: Gauss, Data: 5, Hidden: 4, Latent: 3},
		{Model: ModelVAE, Likelihood: Gauss, Data: 5, Hidden: 4, Latent: 3}} {
		m := newTestModel[float32](t, c)
		rng := rand.New(rand.NewPCG(6, 6))
		q := Sequence{Name: "a"}
		for range 40 * c.Data {
			v := float32(rng.NormFloat64())
			if rng.IntN(4) == 0 {
				v = float32(math.NaN())
			}
			q.X = append(q.X, v)
		}
		ic := ImputeConfig{Draws: 30, Lag: 3, Levels: []float64{0.1, 0.9}, Seed: 4, Threads: 1}
		f := Impute(m, q, ic)
		for i, v := range q.X {
			low, high := f.Quantiles[0][i], f.Quantiles[1][i]
			switch {
			case f.Missing[i] != (v != v):
				t.Errorf("%s: value %d, %v, counts as missing: %v", c.Model, i, v, f.Missing[i])
			case v == v && (f.Mean[i] != v || low != v || high != v):
				t.Errorf("%s: value %d has become %v", c.Model, i, f.Mean[i])
			case !finite(float64(f.Mean[i])) || !(low <= high):
				t.Errorf("%s: value %d: mean %v, quantiles %v, %v", c.Model, i, f.Mean[i], low, high)
			}
		}
		ic.Threads = 3
		if g := Impute(m, q, ic); !slices.Equal(f.Mean, g.Mean) {
			t.Errorf("%s: depends on the threads", c.Model)
		}
	}
}

// TestImputeLooksBothWays: the draws that a later step speaks against do not count. The model expects of a
// step what the step before was.
func TestImputeLooksBothWays(t *testing.T) {
	c := Config{Model: ModelRNN, Cell: "rnn", Likelihood: Gauss, Data: 1, Hidden: 1, PhiX: 2, Decoder: 2, Depth: 1}
	m := newModel[float32](t, c)
	set := map[string][]float32{"phi_x.0.w": {1, -1}, "cell.wih": {1, -1}, "decoder.0.w": {1, -1}, "decoder.1.w": {1, -1, 0, 0}, "decoder.1.b": {0, -1}}
	found := 0
	for _, ts := range m.Tensors() {
		if v, ok := set[ts.Name]; ok {
			found++
			copy(ts.Data, v)
		}
	}
	if found != len(set) {
		t.Fatalf("the model has other tensors: %d of %d", found, len(set))
	}
	m.Pack()
	nan := float32(math.NaN())
	ic := ImputeConfig{Draws: 4000, Levels: []float64{0.5}, Seed: 1, Threads: 1}
	before := Impute(m, Sequence{X: []float32{0, nan, 0.4}}, ic).Mean[1]
	ic.Lag = 1
	if after := Impute(m, Sequence{X: []float32{0, nan, 0.4}}, ic).Mean[1]; math.Abs(float64(before)) > 0.05 || after < 0.1 || after > 0.3 {
		t.Errorf("between 0 and 0.4 is %v, before 0.4 is known %v", after, before)
	}
}

// TestImputeJointly: what is missing of a step is what is expected of it given the rest of the step.
func TestImputeJointly(t *testing.T) {
	for _, like := range []string{GaussFull, StudentFull} {
		m := newTestModel[float32](t, Config{Model: ModelRNN, Cell: "gru", Likelihood: like, Data: 2, Hidden: 2})
		last := last(m.(*VRNN[float32]).decoder)
		clear(last.W)
		copy(last.B, []float32{1, -1, 0, -2, 0.7}) // x_1 = -1 + 0.7 (x_0 - 1) + e^-2 ε
		m.Pack()
		nan := float32(math.NaN())
		f := Impute(m, Sequence{X: []float32{3, nan, nan, 0.4}}, ImputeConfig{Draws: 4000, Levels: []float64{0.1, 0.9}, Seed: 1, Threads: 1})
		if v := float64(f.Mean[1]); math.Abs(v-0.4) > 0.01 {
			t.Errorf("%s: x_1 is filled in as %v, want 0.4", like, v)
		}
		// x_0 given x_1: variance 1/(1 + 0.49 e^4), mean 1 + 1.4 0.7 e^4 times that
		s := math.Exp(2 * 8 * math.Tanh(2./8))
		if v, want := float64(f.Mean[2]), 1+1.4*0.7*s/(1+0.49*s); math.Abs(v-want) > 0.02 {
			t.Errorf("%s: x_0 is filled in as %v, want %v", like, v, want)
		}
	}
}

// TestImputeRefuses: a model that needs all values.
func TestImputeRefuses(t *testing.T) {
	defer func() {
		if s, _ := recover().(string); !strings.HasPrefix(s, "model: Impute: the likelihood nade") {
			t.Errorf("panic %q", s)
		}
	}()
	Impute(newTestModel[float32](t, testConfig(ModelSTORN, "gru", NADE)), Sequence{X: make([]float32, 5)}, ImputeConfig{Draws: 2})
}
