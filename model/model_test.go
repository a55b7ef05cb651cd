package model

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// sequenceModels are the models of sequences.
var sequenceModels = []string{ModelRNN, ModelVRNN, ModelVRNNI, ModelSTORN}

// testConfigs returns every model of sequences with every likelihood and, for two of them,
// every cell, with sizes that differ from each other so that no two can be mistaken.
//
// -short keeps the LSTM: the cells have tests of their own.
func testConfigs() []Config {
	var cs []Config
	for _, m := range sequenceModels {
		for _, c := range []string{"lstm", "rnn", "rnn-relu", "gru", "gru-before"} {
			for _, l := range likelihoods() {
				if c != "lstm" && (testing.Short() || l != Bernoulli && l != Gauss) {
					continue
				}
				cs = append(cs, testConfig(m, c, l))
			}
		}
	}
	return append(cs, stacked()...)
}

// stacked returns every model with two recurrent layers and dropout between them.
func stacked() []Config {
	var cs []Config
	for i, m := range sequenceModels {
		c := testConfig(m, []string{"lstm", "gru", "rnn"}[i%3], Gauss)
		c.Layers, c.Dropout = 2, 0.4
		cs = append(cs, c)
	}
	return cs
}

func testConfig(model, cell, likelihood string) Config {
	l := likelihoodTests[likelihood]
	return Config{Model: model, Cell: cell, Likelihood: likelihood, Data: cmp.Or(l.data, 5), Hidden: 4, Latent: 3, Depth: 2,
		PhiX: 6, PhiZ: 7, Prior: 8, Posterior: 9, Decoder: 10, Components: l.components, Classes: l.classes, Levels: l.levels}
}

func (c Config) testName() string {
	return fmt.Sprintf("%s/%s%d/%s", c.Model, c.Cell, max(c.Layers, 1), c.Likelihood)
}

// terms returns the terms of the rows of a pass.
func terms[T cell.Float](p Pass[T]) *tally[T] { return p.(interface{ self() *tally[T] }).self() }

func (y *tally[T]) self() *tally[T] { return y }

// last returns the layer with the outputs of a net.
func last[T cell.Float](n *cell.MLP[T]) *cell.Dense[T] { return n.Layers[len(n.Layers)-1] }

func newModel[T cell.Float](t testing.TB, c Config) Model[T] {
	t.Helper()
	m, err := New[T](c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// newTestModel returns a model with all parameters moved away from their start.
func newTestModel[T cell.Float](t testing.TB, c Config) Model[T] {
	t.Helper()
	m := newModel[T](t, c)
	dim := m.Settings().Data
	stats := Stats{Steps: 100, Mean: make([]float64, dim)}
	for j := range stats.Mean {
		stats.Mean[j] = float64(j+1) / float64(dim+2)
	}
	m.Init(7, stats)
	// Biases are 0 after Init, which would leave their gradients untested at a kink.
	rng := rand.New(rand.NewPCG(5, 5))
	for _, ts := range m.Tensors() {
		for i := range ts.Data {
			ts.Data[i] += T(rng.NormFloat64() * 0.1)
		}
	}
	m.PackForTraining()
	return m
}

// newTestBatch returns a batch of the given lengths with data that suit the likelihood.
func newTestBatch[T cell.Float](m Model[T], rng *rand.Rand, lengths ...int) *Batch[T] {
	s, c := cell.NewRagged(lengths...), m.Settings()
	b := &Batch[T]{Shape: s, X: make([]T, s.Rows()*c.Data), H: make([]T, s.Batch()*m.State()), C: make([]T, s.Batch()*m.State()),
		Noise: kernels.Noise{Seed: 3, Stream: streamTrain, Update: 11}}
	for i := range b.X {
		b.X[i] = T(likelihoodValue(c.Likelihood, rng, i%c.Data))
	}
	for i := range b.H {
		b.H[i], b.C[i] = T(rng.NormFloat64()*0.5), T(rng.NormFloat64()*0.5)
	}
	return b
}

// testObjectives returns every estimator for a batch of the given rows.
func testObjectives(latent bool, rows int) map[string]Objective {
	o := Objective{KLWeight: 0.7, Scale: 1 / float64(rows)}
	os := map[string]Objective{"analytic": o}
	if latent {
		o.Sampled, o.Samples, o.Scale = true, 3, o.Scale*3
		os["sampled K=3"] = o
		o.Sampled, o.Importance = false, true
		os["importance K=3"] = o
	}
	return os
}

func TestGradient(t *testing.T) {
	for _, c := range testConfigs() {
		for name, obj := range testObjectives(c.Model != ModelRNN, 21) {
			if testing.Short() && c.Likelihood != Gauss && name != "analytic" {
				continue
			}
			if c.Cell != "lstm" && c.Layers < 2 && (name != "analytic" || c.Likelihood != Gauss) {
				continue // neither the estimators nor the likelihoods see the cell
			}
			t.Run(c.testName()+"/"+name, func(t *testing.T) { checkGradient(t, c, obj) })
		}
	}
}

// checkGradient compares the gradient of the objective with central differences.
func checkGradient(t *testing.T, c Config, obj Objective) {
	m := newTestModel[float64](t, c)
	rng := rand.New(rand.NewPCG(9, 9))
	b := newTestBatch(m, rng, 6, 6, 6, 1, 1, 1)
	p := m.NewPass(1)
	loss := func() float64 {
		m.PackForTraining()
		p.Forward(b, obj, true)
		return p.Loss()
	}
	loss()
	if c.Model != ModelRNN && !obj.sampled() { // free bits in the widest gap between the rows: some are above, some below
		kl := slices.Sorted(slices.Values(terms(p).KL))
		gap := 0.0
		for i := 1; i < len(kl); i++ {
			if d := kl[i] - kl[i-1]; d > gap {
				gap, obj.FreeBits = d, (kl[i]+kl[i-1])/2
			}
		}
		loss()
	}
	grad := m.NewGrad()
	p.Backward(grad)
	grads := grad.Tensors()
	for i, ts := range m.Tensors() {
		for range 2 {
			j := rng.IntN(len(ts.Data))
			const h = 4e-6 // the ReLUs have kinks, which a larger one finds
			old := ts.Data[j]
			ts.Data[j] = old + h
			up := loss()
			ts.Data[j] = old - h
			down := loss()
			ts.Data[j] = old
			got, want := grads[i].Data[j], (up-down)/(2*h)
			if math.Abs(got-want) > 1e-6*math.Max(math.Abs(want), 2e-3) {
				t.Errorf("d%s[%d] = %v, want %v", ts.Name, j, got, want)
			}
		}
	}
}

// TestSameOnEveryISA: a short training of every model ends with the bits of plain Go.
func TestSameOnEveryISA(t *testing.T) {
	blastest.UseGo(t)
	want := map[string][]float32{}
	data := map[int]*Data{5: testData(19), 1: testClasses(11), 3: testData(3)}
	for _, d := range data {
		d.Train = d.Train[:8]
	}
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, c := range testConfigs() {
			c.Hidden, c.PhiX, c.PhiZ, c.Latent = 17, 33, 16, 15
			tc := testTrainConfig()
			tc.Epochs = 1
			if c.Layers > 1 && c.Model != ModelRNN {
				tc.Samples, tc.Importance, tc.FreeBits = 2, true, 0
			}
			tr := newTestTrainer(t, c, tc, data[c.Data], "")
			if err := tr.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			var got []float32
			for _, ts := range append(stored(tr.Model), tr.training()...) {
				got = append(got, ts.Data...)
			}
			got = append(got, Sample(tr.Model, 2, 5, 1, false)...)
			if asm.Active() == asm.Generic {
				want[c.testName()] = got
			} else {
				asmtest.SameFloats(t, c.testName(), got, want[c.testName()])
			}
		}
	})
}

// TestPassBits: threads change nothing, nor does the split of the batch change any row.
func TestPassBits(t *testing.T) {
	blastest.UseGo(t)
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, c := range testConfigs() {
			t.Run(c.testName(), func(t *testing.T) {
				m := newTestModel[float32](t, c)
				rng := rand.New(rand.NewPCG(9, 9))
				b := newTestBatch(m, rng, 6, 4, 4, 1)
				p := m.NewPass(1)
				p.Forward(b, Bound(15), true)
				lp, kl := slices.Clone(terms(p).LogProb), slices.Clone(terms(p).KL)
				grad := m.NewGrad()
				p.Backward(grad)
				for threads := 2; threads < 5; threads++ {
					q := m.NewPass(threads)
					q.Forward(b, Bound(15), true)
					asmtest.SameFloats(t, "LogProb", terms(q).LogProb, lp)
					asmtest.SameFloats(t, "KL", terms(q).KL, kl)
					g := m.NewGrad()
					q.Backward(g)
					for i, ts := range g.Tensors() {
						asmtest.SameFloats(t, "d"+ts.Name, ts.Data, grad.Tensors()[i].Data)
					}
				}
				for k := range b.Shape.Batch() {
					n := b.Shape.Length(k)
					one := &Batch[float32]{Shape: cell.NewRagged(n), Noise: b.Noise, Row0: k,
						H: b.H[k*m.State() : (k+1)*m.State()], C: b.C[k*m.State() : (k+1)*m.State()]}
					for s := range n {
						r := b.Shape.Row(s, k)
						one.X = append(one.X, b.X[r*c.Data:(r+1)*c.Data]...)
					}
					q := m.NewPass(1)
					q.Forward(one, Bound(15), true)
					for s := range n {
						r := b.Shape.Row(s, k)
						asmtest.SameFloats(t, "LogProb of one sequence", terms(q).LogProb[s:s+1], lp[r:r+1])
						if len(kl) > 0 {
							asmtest.SameFloats(t, "KL of one sequence", terms(q).KL[s:s+1], kl[r:r+1])
						}
					}
				}
			})
		}
	})
}

// TestEstimatorBits: threads change nothing in the estimators with several samples either.
func TestEstimatorBits(t *testing.T) {
	blastest.UseGo(t)
	for _, c := range stacked() {
		m := newTestModel[float32](t, c)
		b := newTestBatch(m, rand.New(rand.NewPCG(9, 9)), 6, 6, 6, 1, 1, 1)
		for name, obj := range testObjectives(c.Model != ModelRNN, 21) {
			var want []cell.Tensor[float32]
			for threads := 1; threads < 5; threads++ {
				p, grad := m.NewPass(threads), m.NewGrad()
				p.Forward(b, obj, true)
				p.Backward(grad)
				if threads == 1 {
					want = grad.Tensors()
				}
				for i, ts := range grad.Tensors() {
					asmtest.SameFloats(t, c.testName()+", "+name+": d"+ts.Name, ts.Data, want[i].Data)
				}
			}
		}
	}
}

func TestPassAllocations(t *testing.T) {
	blastest.UseGo(t)
	for _, c := range testConfigs() {
		m := newTestModel[float32](t, c)
		b := newTestBatch(m, rand.New(rand.NewPCG(9, 9)), 6, 6, 6, 1, 1, 1)
		for name, obj := range testObjectives(c.Model != ModelRNN, 21) {
			p, grad := m.NewPass(1), m.NewGrad()
			// Layers copy their weights once in a while: that is less than once in 30 passes.
			if n := testing.AllocsPerRun(30, func() {
				p.Forward(b, obj, true)
				p.Loss()
				p.Totals()
				p.Backward(grad)
			}); n != 0 {
				t.Errorf("%s, %s: forward and backward allocate %v times, want 0", c.testName(), name, n)
			}
		}
	}
}

// TestCounts: the parameter counts of the models that the figures are compared with.
func TestCounts(t *testing.T) {
	for _, c := range []struct {
		config Config
		want   int
	}{
		{Config{Model: ModelRNN, Data: 88, Hidden: 64}, 48600},
		{Config{Model: ModelVRNN, Data: 88, Hidden: 32}, 28664},
		{Config{Model: ModelVRNN, Data: 88, Hidden: 64}, 102296},
		{Config{Model: ModelVRNNI, Data: 88, Hidden: 32}, 25496},
		{Config{Model: ModelRNN, Likelihood: Gauss, Data: 200, Hidden: 128}, 225424},
		{Config{Model: ModelVRNN, Likelihood: Gauss, Data: 200, Hidden: 128, Latent: 32}, 377488},
		{Config{Model: ModelVRNNI, Likelihood: Gauss, Data: 200, Hidden: 128, Latent: 32}, 352720},
	} {
		m := newModel[float32](t, c.config)
		if got := cell.Count(m.Tensors()); got != c.want {
			t.Errorf("%s %d: %d parameters, want %d", c.config.Model, c.config.Hidden, got, c.want)
		}
	}
}
