package model

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/cell"
)

// skipConfigs are models with a linear skip.
func skipConfigs() (cs []Config) {
	for _, like := range []string{Gauss, GaussFull, Student, StudentFull, GaussLowRank} {
		for _, kind := range []string{ModelRNN, ModelVRNN, ModelSTORN} {
			c := testConfig(kind, "gru", like)
			c.Skip = 2
			cs = append(cs, c)
		}
	}
	return cs
}

// newSkipModel returns a model whose skip has weights of all kinds.
func newSkipModel(t *testing.T, c Config) Model[float64] {
	m := newTestModel[float64](t, c)
	rng := rand.New(rand.NewPCG(4, 4))
	for _, ts := range m.Tensors() {
		for i := range ts.Data {
			if strings.HasPrefix(ts.Name, "skip.") && strings.HasSuffix(ts.Name, ".w") {
				ts.Data[i] = 0.1 * rng.NormFloat64()
			}
		}
	}
	m.PackForTraining()
	return m
}

func TestSkipGradient(t *testing.T) {
	for _, c := range skipConfigs() {
		m := newSkipModel(t, c)
		t.Run(c.Model+"/"+c.Likelihood, func(t *testing.T) { checkGradient(t, m, testObjectives[float64](m, 21)["analytic"]) })
	}
}

// TestSkipCut: a sequence in two parts, the state carried over, has the terms of the whole one, and what is
// drawn as means are the means that a pass has for it.
func TestSkipCut(t *testing.T) {
	for _, c := range skipConfigs() {
		if c.Model != ModelRNN {
			continue // their draws of z hang on the step
		}
		c.Latent = 0
		m := newSkipModel(t, c).(*VRNN[float64])
		x := Sample[float64](m, Draw{Count: 1, Steps: 7, Mean: true})
		run := func(x, h, c []float64) ([]float64, []float64, []float64, []float64) {
			p := newVRNNPass(m, 1)
			p.Forward(&Batch[float64]{Shape: cell.NewRagged(len(x) / m.Data), X: x, H: h, C: c}, Bound(1), false)
			st := m.State()
			hn, cn := make([]float64, st), make([]float64, st)
			p.Final(hn, cn)
			return append([]float64(nil), p.LogProb...), append([]float64(nil), p.decoder.Y...), hn, cn
		}
		whole, out, h, _ := run(x, nil, nil)
		for i := range 7 {
			for j := range m.Data {
				if got, want := out[i*len(out)/7+j], x[i*m.Data+j]; math.Abs(got-want) > 1e-12 {
					t.Errorf("%s: mean %d %d is %v in a pass, %v where it was drawn", c.Likelihood, i, j, got, want)
				}
			}
		}
		for cut := 1; cut < 7; cut++ {
			a, _, ha, ca := run(x[:cut*m.Data], nil, nil)
			b, _, hb, _ := run(x[cut*m.Data:], ha, ca)
			for i, v := range append(a, b...) {
				if math.Abs(v-whole[i]) > 1e-12 {
					t.Errorf("%s cut at %d: step %d has %v, want %v", c.Likelihood, cut, i, v, whole[i])
				}
			}
			for i := range h {
				if math.Abs(h[i]-hb[i]) > 1e-12 {
					t.Errorf("%s cut at %d: state %d is %v, want %v", c.Likelihood, cut, i, hb[i], h[i])
				}
			}
		}
	}
}

// TestSkipEnds: the state of a sequence that ends before others is that of its own last step.
func TestSkipEnds(t *testing.T) {
	c := Config{Model: ModelRNN, Cell: "gru", Likelihood: Gauss, Data: 2, Hidden: 3, Skip: 3}
	m := newSkipModel(t, c)
	b := newTestBatch[float64](m, rand.New(rand.NewPCG(3, 3)), 6, 6, 4, 1)
	st := m.State()
	final := func(b *Batch[float64], n int) (h []float64) {
		p := m.NewPass(1)
		p.Forward(b, Bound(1), false)
		h = make([]float64, n*st)
		p.Final(h, make([]float64, n*st))
		return h
	}
	h := final(b, 4)
	for i := range 4 {
		n := b.Shape.Length(i)
		one := &Batch[float64]{Shape: cell.NewRagged(n), H: b.H[i*st : (i+1)*st], C: b.C[i*st : (i+1)*st]}
		for s := range n {
			one.X = append(one.X, b.X[b.Shape.Row(s, i)*c.Data:][:c.Data]...)
		}
		for j, v := range final(one, 1) {
			if math.Abs(h[i*st+j]-v) > 1e-12 {
				t.Errorf("sequence %d: state %d is %v, alone %v", i, j, h[i*st+j], v)
			}
		}
	}
}

// TestLinearStart: of a VAR of known weights a model with a skip starts at these weights, at the covariance
// of the noise and at that of first steps, and so at its entropy.
func TestLinearStart(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	w := [2][4]float64{{0.6, 0.3, -0.3, 0}, {-0.2, 0.5, 0.1, 0.2}} // of the last step and the one before
	d := &Data{Dim: 2}
	for range 300 {
		x := make([]float32, 0, 40)
		for t := range 20 {
			e1, e2 := rng.NormFloat64(), rng.NormFloat64()
			e := [2]float64{0.5 * e1, 0.5*(0.8*e1) + 0.3*e2}
			if t == 0 {
				e = [2]float64{2 * e1, e2 - 1}
			}
			for j := range 2 {
				v := e[j]
				for k := range 4 {
					if t > 0 {
						v += w[j][k] * float64(x[2*max(t-1-k/2, 0)+k%2])
					}
				}
				x = append(x, float32(v))
			}
		}
		d.Train = append(d.Train, Sequence{X: x})
	}
	for _, like := range []string{GaussFull, StudentFull, GaussLowRank} {
		c, err := Config{Model: ModelRNN, Cell: "gru", Likelihood: like, Data: 2, Hidden: 4, Skip: 2}.Resolve()
		if err != nil {
			t.Fatal(err)
		}
		m, err := New[float32](c)
		if err != nil {
			t.Fatal(err)
		}
		m.Init(1, d.StatsFor(c))
		v := m.(*VRNN[float32])
		for j := range 2 {
			for k, want := range []float64{w[j][0] + w[j][2], w[j][1] + w[j][3], -w[j][2], -w[j][3]} { // of x and its change
				if got := float64(v.skip.Layers[0].W[j*5+k]); math.Abs(got-want) > 0.05 {
					t.Errorf("%s: weight %d %d starts at %v, want %v", like, j, k, got, want)
				}
			}
		}
		m.Pack()
		s := Evaluate(m, d.Train, EvalConfig{Batch: 32, Samples: 1, Threads: 1})
		entropy := math.Log(2*math.Pi) + 1
		want := entropy + (19*math.Log(0.5*0.3)+math.Log(2))/20
		if tol := map[string]float64{GaussFull: 0.03, GaussLowRank: 0.03, StudentFull: 0.3}[like]; math.Abs(s.NLLPerStep-want) > tol {
			t.Errorf("%s: %v nats a step at the start, want %v", like, s.NLLPerStep, want)
		}
	}
}

// TestResiduals: a posterior sees x less the mean that the outputs start with, and that as numbers of size 1.
func TestResiduals(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	d := &Data{Dim: 2}
	for range 40 {
		x := make([]float32, 2*30)
		for i := range x {
			if x[i] = 0.01 * float32(rng.NormFloat64()); i >= 2 {
				x[i] += 0.9 * x[i-2]
			}
		}
		d.Train = append(d.Train, Sequence{X: x})
	}
	c, err := Config{Model: ModelVRNN, Cell: "gru", Likelihood: GaussFull, Data: 2, Hidden: 4, Skip: 2, Posterior: 64}.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	m := newTestModel[float32](t, c).(*VRNN[float32])
	m.Init(1, d.StatsFor(c))
	m.Pack()
	p, x := newVRNNPass(m, 1), d.Train[0].X
	p.Forward(&Batch[float32]{Shape: cell.NewRagged(30), X: x}, Bound(1), false)
	w, in, size := m.decoder.Out(), m.posterior.In(), [2]float64{}
	for i := range 30 {
		for j := range 2 {
			if got, want := p.skip.r[2*i+j], x[2*i+j]-p.decoder.Y[i*w+j]; math.Abs(float64(got-want)) > 1e-6 {
				t.Errorf("step %d: residual %v, want %v", i, got, want)
			}
		}
	}
	for i := range c.Posterior {
		for k := range size {
			size[k] += math.Abs(float64(m.posterior.Layers[0].W[i*in+k*(in-1)]))
		}
	}
	if ratio := size[1] / size[0]; ratio < 70 || ratio > 140 {
		t.Errorf("weights of residuals of size 0.01 are %v times as large as others, want about 100", ratio)
	}
}

// TestSkipErrors: a skip is for outputs with a mean, and not for ever.
func TestSkipErrors(t *testing.T) {
	for _, c := range []Config{
		{Model: ModelRNN, Likelihood: Gauss, Data: 2, Hidden: 4, Skip: -1},
		{Model: ModelRNN, Likelihood: Gauss, Data: 2, Hidden: 4, Skip: maxSkip + 1},
		{Model: ModelRNN, Likelihood: GaussFull, Data: 300, Hidden: 4, Skip: 20},
	} {
		if _, err := c.Resolve(); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
	c, err := Config{Model: ModelRNN, Likelihood: GMM, Data: 2, Hidden: 4, Skip: 2}.Resolve()
	if err != nil || c.Skip != 0 {
		t.Errorf("a gmm keeps the skip %d, %v", c.Skip, err)
	}
}

// TestSkipOneSequence: of a single sequence not much is known of how others begin.
func TestSkipOneSequence(t *testing.T) {
	c := Config{Model: ModelRNN, Likelihood: GaussFull, Data: 2, Hidden: 4, Skip: 2}
	m, err := New[float32](c)
	if err != nil {
		t.Fatal(err)
	}
	d := &Data{Dim: 2, Train: []Sequence{{X: make([]float32, 400)}}}
	for i := range d.Train[0].X {
		d.Train[0].X[i] = float32(math.Sin(float64(i*i%101)) * math.Sqrt2)
	}
	m.Init(1, d.StatsFor(m.Settings()))
	m.Pack()
	for _, s := range ScoreSteps(m, []Sequence{d.Train[0].Slice(57, 60, 2)}, EvalConfig{Threads: 1})[0].Steps {
		if !(math.Abs(s.NLL) < 10) {
			t.Errorf("%v nats", s.NLL)
		}
	}
}

// TestFullStart: outputs with a full covariance start at that of the data, whatever the weights below them.
func TestFullStart(t *testing.T) {
	c := Config{Model: ModelRNN, Likelihood: GaussFull, Data: 2, Hidden: 8}
	m, err := New[float32](c)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, 2000)
	for i := 0; i < len(x); i += 2 {
		x[i] = float32(r.NormFloat64())
		x[i+1] = x[i] + 0.05*float32(r.NormFloat64())
	}
	d := &Data{Dim: 2, Train: []Sequence{{X: x}}}
	m.Init(1, d.StatsFor(m.Settings()))
	m.Pack()
	got := Evaluate(m, d.Train, EvalConfig{Batch: 1, Threads: 1}).NLLPerStep
	if want := math.Log(2*math.Pi) + 1 + math.Log(0.05); math.Abs(got-want) > 0.1 {
		t.Errorf("%v nats, want the entropy, %v", got, want)
	}
}
