package model

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// sequenceModels are the models with recurrent layers on top of each other.
var sequenceModels = names(func(k Kind) bool { return k.Carried })

// names returns the names of some of the kinds.
func names(which func(Kind) bool) (ns []string) {
	for _, k := range Kinds() {
		if which(k) {
			ns = append(ns, k.Name)
		}
	}
	return ns
}

// testConfigs returns configurations of every model of the table of kinds, with sizes that differ
// from each other so that no two can be mistaken. -short keeps one cell: they have tests of their own.
func testConfigs() []Config {
	var cs []Config
	for _, k := range kinds[float32]() {
		switch k.Name {
		case ModelVRAE:
			cs = append(cs, vraeConfigs()...)
		case ModelClassifier:
			cs = append(cs, classifierConfigs()...)
		case ModelVAE, ModelRegression:
			cs = append(cs, pointConfigs(k.Name)...)
		default:
			cs = append(cs, sequenceConfigs(k.Name)...)
		}
	}
	return slices.Concat(cs, stacked(), conditioned())
}

// sequenceConfigs returns the model with every likelihood and, for two of them, every cell.
func sequenceConfigs(model string) []Config {
	var cs []Config
	for _, c := range []string{"lstm", "rnn", "rnn-relu", "gru", "gru-before"} {
		for _, l := range Likelihoods() {
			if l == RBM && model != ModelRNN {
				continue
			}
			if c == "lstm" || !testing.Short() && (l == Bernoulli || l == Gauss) {
				cs = append(cs, testConfig(model, c, l))
			}
		}
	}
	return cs
}

// stacked returns every model with two recurrent layers and dropout wherever there can be some.
func stacked() []Config {
	var cs []Config
	for i, m := range sequenceModels {
		c := testConfig(m, []string{"lstm", "gru", "rnn"}[i%3], Gauss)
		c.Layers, c.Dropout, c.DropoutInput, c.DropoutHeads = 2, 0.4, 0.2, 0.5
		cs = append(cs, c)
	}
	return cs
}

// conditioned returns every model that can be given conditions.
func conditioned() []Config {
	var cs []Config
	for i, name := range sequenceModels {
		c := testConfig(name, []string{"lstm", "gru", "gru-before"}[i%3], Gauss)
		c.Layers = 2
		cs = append(cs, c)
	}
	cs = append(cs, testConfig(ModelRNN, "rnn", RBM), testConfig(ModelRNN, "gru", NADE), testConfig(ModelSTORN, "gru", Categorical),
		Config{Model: ModelVRAE, Cell: "gru", Data: 5, Hidden: 7, Latent: 3},
		Config{Model: ModelVRAE, Cell: "lstm", Likelihood: Gauss, Data: 5, Hidden: 7, Latent: 3, Teacher: true, Reverse: true},
		Config{Model: ModelVAE, Data: 5, Hidden: 4, Latent: 3, Depth: 2, Posterior: 6, Decoder: 7},
		Config{Model: ModelVAE, Likelihood: Gauss, Data: 5, Hidden: 4, Latent: 3, Scale: ScaleLogVar})
	for i := range cs {
		cs[i].Given = 2 + i%2
	}
	return cs
}

func testConfig(model, cell, likelihood string) Config {
	l, given := likelihoodTests[likelihood], 0
	if model == ModelRegression {
		given = 2
	}
	return Config{Given: given, Model: model, Cell: cell, Likelihood: likelihood, Data: cmp.Or(l.data, 5), Hidden: 4, Latent: 3, Depth: 2,
		PhiX: 6, PhiZ: 7, Prior: 8, Posterior: 9, Decoder: 10, Components: l.components, Rank: l.rank, Classes: l.classes, Levels: l.levels, Units: l.units, Gibbs: l.gibbs,
		Labels: []string{"a", "b", "c", "d"}}
}

func (c Config) testName() string {
	name := fmt.Sprintf("%s/%s%d/%s/depth %d", c.Model, c.Cell, max(c.Layers, 1), c.Likelihood, c.Depth)
	for _, s := range []string{c.Means, c.Activation, c.Scale} {
		if s != "" {
			name += "/" + s
		}
	}
	return fmt.Sprintf("%s/reverse %t/teacher %t/given %d", name, c.Reverse, c.Teacher, c.Given)
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

// newTestBatch returns a batch of the given lengths with data and labels that suit the model.
func newTestBatch[T cell.Float](m Model[T], rng *rand.Rand, lengths ...int) *Batch[T] {
	s, c := cell.NewRagged(lengths...), m.Settings()
	b := &Batch[T]{Shape: s, X: make([]T, s.Rows()*c.Data), H: make([]T, s.Batch()*m.State()), C: make([]T, s.Batch()*m.State()),
		Noise: kernels.Noise{Seed: 3, Stream: streamTrain, Update: 11}}
	for i := range b.X {
		b.X[i] = T(likelihoodValue(c.Likelihood, rng, i%c.Data))
	}
	for range s.Rows() * c.given() {
		b.Given = append(b.Given, T(rng.NormFloat64()))
	}
	for i := range b.H {
		b.H[i], b.C[i] = T(rng.NormFloat64()*0.5), T(rng.NormFloat64()*0.5)
	}
	for i := range lengths {
		if n := len(c.Labels); n > 0 {
			b.Label = append(b.Label, c.Labels[i%n])
		}
	}
	return b
}

// drawn gives every group of k sequences, which are of one length, the data of the first of them,
// as an objective with k samples wants.
func (b *Batch[T]) drawn(k int) *Batch[T] {
	for _, x := range [][]T{b.X, b.Given} {
		d := len(x) / max(b.Shape.Rows(), 1)
		for i := range b.Shape.Batch() {
			for t := range b.Shape.Length(i) {
				copy(x[b.Shape.Row(t, i)*d:][:d], x[b.Shape.Row(t, i-i%k)*d:])
			}
		}
	}
	return b
}

// alone returns the sequences from..to of a batch.
func (b *Batch[T]) alone(from, to, state int) *Batch[T] {
	var lengths []int
	for i := from; i < to; i++ {
		lengths = append(lengths, b.Shape.Length(i))
	}
	a := &Batch[T]{Shape: cell.NewRagged(lengths...), Noise: b.Noise, Row0: b.Row0 + from,
		H: b.H[from*state : to*state], C: b.C[from*state : to*state]}
	if b.Label != nil {
		a.Label = b.Label[from:to]
	}
	for _, x := range []struct {
		to   *[]T
		from []T
	}{{&a.X, b.X}, {&a.Given, b.Given}} {
		d := len(x.from) / max(b.Shape.Rows(), 1)
		*x.to = make([]T, a.Shape.Rows()*d)
		for i := range lengths {
			for t := range lengths[i] {
				copy((*x.to)[a.Shape.Row(t, i)*d:][:d], x.from[b.Shape.Row(t, from+i)*d:])
			}
		}
	}
	return a
}

// testObjectives returns every estimator of a model's objective for a batch of the given rows.
func testObjectives[T cell.Float](m Model[T], rows int) map[string]Objective {
	o := Objective{KLWeight: 0.7, Scale: 1 / float64(rows), Samples: 1}
	os := map[string]Objective{"analytic": o}
	if m.Settings().Latent > 0 || partsOf(m).drawn {
		one := o
		one.Sampled = true
		os["sampled"] = one
		o.Samples, o.Scale = 3, o.Scale*3
		os["analytic K=3"] = o
		o.Sampled = true
		os["sampled K=3"] = o
		o.Sampled, o.Importance = false, true
		os["importance K=3"] = o
	}
	return os
}

func TestGradient(t *testing.T) {
	for _, c := range testConfigs() {
		m := newTestModel[float64](t, c)
		points := partsOf(m).points
		for name, obj := range testObjectives(m, 21) {
			if testing.Short() && c.Likelihood != Gauss && name != "analytic" && !points {
				continue
			}
			if slices.Contains(sequenceModels, c.Model) && c.Cell != "lstm" && c.Layers < 2 && (name != "analytic" || c.Likelihood != Gauss) {
				continue // neither the estimators nor the likelihoods see the cell
			}
			t.Run(c.testName()+"/"+name, func(t *testing.T) { checkGradient(t, m, obj) })
		}
	}
}

// checkGradient compares the gradient of the objective with central differences.
func checkGradient(t *testing.T, m Model[float64], obj Objective) {
	rng := rand.New(rand.NewPCG(9, 9))
	b := newTestBatch(m, rng, 6, 6, 6, 1, 1, 1, 0, 0, 0).drawn(obj.Samples)
	p := m.NewPass(2)
	loss := lossesOf(m, p, b, &obj)
	loss()
	p.Backward(m.NewGrad())                        // leaves its traces in the workspace
	if m.Settings().Latent > 0 && !obj.sampled() { // free bits in the widest gap between the terms: some are above, some below
		kl := slices.Sorted(slices.Values(terms(p).KL))
		gap := 0.0
		for i := 1; i < len(kl); i++ {
			if d := kl[i] - kl[i-1]; d > gap {
				gap, obj.FreeBits = d, (kl[i]+kl[i-1])/2
			}
		}
	}
	loss()
	grad := m.NewGrad()
	p.Backward(grad)
	checkDifferences(t, m.Tensors(), grad.Tensors(), loss)
}

// losses returns the parts of the objective, whose sum it is.
func losses(p Pass[float64]) (parts []float64) {
	y := terms(p)
	y.eachTerm(func(v float64) { parts = append(parts, y.ofTerms(v)) })
	return parts
}

// lossesOf returns what computes them for a batch, with the parameters and the objective of that moment.
func lossesOf(m Model[float64], p Pass[float64], b *Batch[float64], obj *Objective) func() []float64 {
	return func() []float64 {
		m.PackForTraining()
		p.Forward(b, *obj, true)
		return losses(p)
	}
}

// checkDifferences compares gradients with central differences of the parts of a loss, each along one
// direction in which all elements of its tensor move alike. What a parameter does not change leaves the
// difference as it is, which a sum of all parts would round.
func checkDifferences(t *testing.T, params, grads []cell.Tensor[float64], losses func() []float64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(2, 2))
	for i, ts := range params {
		old, dir := slices.Clone(ts.Data), make([]float64, len(ts.Data))
		got, want := 0.0, 0.0
		for j := range dir {
			dir[j] = float64(1-2*rng.IntN(2)) / math.Sqrt(float64(len(dir)))
			got += grads[i].Data[j] * dir[j]
		}
		move := func(h float64) []float64 {
			for j, d := range dir {
				ts.Data[j] = old[j] + h*d
			}
			return losses()
		}
		const h = 4e-6 // the ReLUs have kinks, which a larger one finds
		up, down := move(h), move(-h)
		copy(ts.Data, old)
		for k := range up {
			want += (up[k] - down[k]) / (2 * h)
		}
		if math.Abs(got-want) > 1e-6*math.Max(math.Abs(want), 2e-3) {
			t.Errorf("d%s: %v along a direction, want %v", ts.Name, got, want)
		}
	}
	losses()
}

// TestSameOnEveryISA: a short training of every model ends with the bits of plain Go.
func TestSameOnEveryISA(t *testing.T) {
	blastest.UseGo(t)
	want := map[string][]float32{}
	data := map[int]*Data{5: testData(19), 1: testClasses(11), 3: testData(3)}
	for _, d := range data {
		d.Train = d.Train[:8]
		for _, seqs := range [][]Sequence{d.Train, d.Valid, d.Test} {
			for i := range seqs {
				seqs[i].Label = string(rune('a' + i%4))
			}
		}
	}
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, c := range testConfigs() {
			c.Hidden, c.PhiX, c.PhiZ, c.Latent = 17, 33, 16, 15
			tc := testTrainConfig()
			tc.Epochs = 1
			if c.Layers > 1 && c.Model != ModelRNN {
				tc.Samples, tc.Importance, tc.FreeBits = 2, true, 0
			}
			d := data[c.Data].given(c.given())
			tr := newTestTrainer(t, c, tc, d, "")
			if err := tr.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			var got []float32
			for _, ts := range append(stored(tr.Model), tr.training()...) {
				got = append(got, ts.Data...)
			}
			if c.Model != ModelClassifier {
				got = append(got, Sample(tr.Model, Draw{Count: 2, Steps: 5, Seed: 1, Given: d.Train[0].Given[:2*5*d.Given]})...)
			}
			if asm.Active() == asm.Generic {
				want[c.testName()] = got
			} else {
				asmtest.SameFloats(t, c.testName(), got, want[c.testName()])
			}
		}
	})
}

// TestPassBits: threads and the instruction set change nothing in any estimator, nor does the split
// of the batch change any row.
func TestPassBits(t *testing.T) {
	blastest.UseGo(t)
	want := map[string][]float32{}
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, c := range testConfigs() {
			m := newTestModel[float32](t, c)
			objectives := testObjectives(m, 21)
			for _, method := range partsOf(m).kind.Methods {
				o := objectives["analytic K=3"]
				o.Method = method
				objectives[method] = o
			}
			for name, obj := range objectives {
				if testing.Short() && c.Likelihood != Gauss && name != "analytic" && !partsOf(m).points {
					continue
				}
				t.Run(c.testName()+"/"+name, func(t *testing.T) {
					b := newTestBatch(m, rand.New(rand.NewPCG(9, 9)), 6, 6, 6, 4, 4, 4, 1, 1, 1).drawn(obj.Samples)
					p := m.NewPass(1)
					one := allBits(m, p, b, obj)
					for threads := 2; threads < 5; threads++ {
						if testing.Short() && threads != 3 {
							continue
						}
						asmtest.SameFloats(t, fmt.Sprint(threads, " threads"), allBits(m, m.NewPass(threads), b, obj), one)
					}
					if asm.Active() == asm.Generic {
						want[t.Name()] = one
					} else if w, ok := want[strings.Replace(t.Name(), "isa="+asm.Active().String(), "isa=generic", 1)]; ok {
						asmtest.SameFloats(t, "plain Go", one, w)
					} else {
						t.Errorf("no bits of plain Go")
					}
					for from := 0; from < b.Shape.Batch(); from += obj.Samples {
						q := m.NewPass(1)
						q.Forward(b.alone(from, from+obj.Samples, m.State()), obj, true)
						asmtest.SameFloats(t, "sequence alone", seqTerms(q, 0, obj.Samples), seqTerms(p, from, from+obj.Samples))
					}
				})
			}
		}
	})
}

// allBits returns the terms of a batch and the gradient.
func allBits(m Model[float32], p Pass[float32], b *Batch[float32], obj Objective) []float32 {
	p.Forward(b, obj, true)
	grad := m.NewGrad()
	p.Backward(grad)
	got := slices.Concat(terms(p).LogProb, terms(p).KL)
	for _, ts := range grad.Tensors() {
		got = append(got, ts.Data...)
	}
	return got
}

// seqTerms returns the terms of the sequences from..to of a batch.
func seqTerms(p Pass[float32], from, to int) []float32 {
	var got []float32
	y := terms(p)
	for i := from; i < to; i++ {
		for t := range y.shape.Length(i) {
			r := y.shape.Row(t, i)
			got = append(got, y.LogProb[r])
			if len(y.KL) > 0 && !y.perSequence {
				got = append(got, y.KL[r])
			}
		}
		if y.perSequence {
			got = append(got, y.KL[i])
		}
	}
	return got
}

func TestPassAllocations(t *testing.T) {
	blastest.UseGo(t)
	for _, c := range testConfigs() {
		m := newTestModel[float32](t, c)
		for name, obj := range testObjectives(m, 21) {
			b := newTestBatch(m, rand.New(rand.NewPCG(9, 9)), 6, 6, 6, 1, 1, 1).drawn(obj.Samples)
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
