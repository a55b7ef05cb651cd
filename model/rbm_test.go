package model

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// newTestRBM returns an RBM with parameters and outputs of a model for rows of it.
func newTestRBM(dim, units, gibbs, rows int) (l *rbm[float64], out []float64) {
	rng := rand.New(rand.NewPCG(3, 3))
	draw := func(n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = rng.NormFloat64()
		}
		return x
	}
	l = &rbm[float64]{units: units, gibbs: gibbs, w: newVector[float64](dim, units)}
	l.w.v = draw(dim * units)
	return l, draw(rows * (dim + units))
}

// patterns returns all that dim bits can be.
func patterns(dim int) []float64 {
	x := make([]float64, dim<<dim)
	for i := range x {
		x[i] = float64(i / dim >> (i % dim) & 1)
	}
	return x
}

// minusF is -F(x) by the equation; theta is [b | c].
func minusF(l *rbm[float64], x, theta []float64) float64 {
	sum, d := 0.0, len(x)
	for j, v := range x {
		sum += theta[j] * v
	}
	for k := range l.units {
		a := theta[d+k]
		for j, v := range x {
			a += l.w.v[k*d+j] * v
		}
		sum += math.Max(a, 0) + math.Log1p(math.Exp(-math.Abs(a)))
	}
	return sum
}

// logZ returns ln Z by enumeration.
func logZ(l *rbm[float64], theta []float64, dim int) float64 {
	var fs []float64
	for i, all := 0, patterns(dim); i < len(all); i += dim {
		fs = append(fs, minusF(l, all[i:i+dim], theta))
	}
	mean, _ := logMean(fs)
	return mean + math.Log(float64(len(fs)))
}

// TestRBMAnnealing compares estimates of the log-likelihood with enumeration: within what the
// estimate says of its error, for few chains and temperatures and for many.
func TestRBMAnnealing(t *testing.T) {
	const dim, units, rows = 10, 8, 40
	l, out := newTestRBM(dim, units, 1, rows)
	rng := rand.New(rand.NewPCG(4, 4))
	x, means := make([]float64, rows*dim), make([]float64, dim)
	for i := range x {
		x[i] = float64(rng.IntN(2))
	}
	for j := range means {
		means[j] = float64(j) / dim // 0 among them
	}
	want := make([]float64, rows)
	for i := range rows {
		theta := out[i*(dim+units) : (i+1)*(dim+units)]
		want[i] = minusF(l, x[i*dim:(i+1)*dim], theta) - logZ(l, theta, dim)
	}
	last := math.Inf(1)
	for _, a := range []Annealing{{30, 10}, {100, 30}, {200, 100}} {
		w := &rbmWork[float64]{rbm: l}
		w.begin(run[float64]{x: x, shape: cell.NewRagged(append([]int{3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2}, ones(17)...)...), dim: dim, means: means, anneal: a, noise: kernels.Noise{Seed: 5}})
		lp := make([]float64, rows)
		w.logProb(lp, out, 0, 7) // in parts
		w.logProb(lp, out, 7, rows)
		totals := w.mark(Totals{})
		high, squares := 0.0, 0.0
		for i := range rows {
			e, sd := lp[i]-want[i], math.Sqrt(w.variance[i])
			high += e
			squares += e * e
			if math.Abs(e) > 6*sd {
				t.Errorf("%+v: row %d: ln p = %v +- %v, want %v", a, i, lp[i], sd, want[i])
			}
		}
		se := math.Sqrt(totals.Variance)
		t.Logf("%+v: %.4f too high, expected %.4f +- %.4f; squares of the errors %.3g, expected %.3g", a, high, totals.Variance/2, se, squares, totals.Variance)
		if math.Abs(high-totals.Variance/2) > 4*se {
			t.Errorf("%+v: the sum of %d rows is %v too high, want %v +- %v", a, rows, high, totals.Variance/2, se)
		}
		if r := squares / totals.Variance; r < 0.4 || r > 2.5 {
			t.Errorf("%+v: the squares of the errors are %v times what is expected", a, r)
		}
		if se > last/2 {
			t.Errorf("%+v: error %v, with less work %v", a, se, last)
		}
		last = se
	}
}

// ones returns n of them.
func ones(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = 1
	}
	return s
}

// TestRBMPseudo compares the pseudo-likelihood with the equation.
func TestRBMPseudo(t *testing.T) {
	const dim, units, rows = 7, 5, 70
	l, out := newTestRBM(dim, units, 1, rows)
	x := patterns(dim)[:rows*dim]
	w := &rbmWork[float64]{rbm: l}
	w.begin(run[float64]{x: x, shape: oneStep(rows), dim: dim})
	lp := make([]float64, rows)
	w.logProb(lp, out, 0, rows)
	for i := range rows {
		row, theta, want := append([]float64(nil), x[i*dim:(i+1)*dim]...), out[i*(dim+units):(i+1)*(dim+units)], 0.0
		f := minusF(l, row, theta)
		for j := range row {
			row[j] = 1 - row[j]
			want -= math.Log1p(math.Exp(minusF(l, row, theta) - f))
			row[j] = 1 - row[j]
		}
		if math.Abs(lp[i]-want) > 1e-12*math.Abs(want) {
			t.Errorf("row %d: %v, want %v", i, lp[i], want)
		}
	}
}

// TestRBMContrast: the terms of a training are F(v) - F(x) by the equation, and their gradients the
// central differences of that with v, the end of the chain, held still.
func TestRBMContrast(t *testing.T) {
	const dim, units, rows = 10, 8, 70
	l, out := newTestRBM(dim, units, 3, rows)
	rng := rand.New(rand.NewPCG(4, 4))
	x, dlp := make([]float64, rows*dim), make([]float64, rows)
	for i := range x {
		x[i] = float64(rng.IntN(2))
	}
	for i := range dlp {
		dlp[i] = rng.NormFloat64()
	}
	w := &rbmWork[float64]{rbm: l}
	w.begin(run[float64]{x: x, shape: cell.NewRagged(40, 20, 10), dim: dim, noise: kernels.Noise{Seed: 5}, training: true})
	lp, dout := make([]float64, rows), make([]float64, len(out))
	w.logProb(lp, out, 0, 33)
	w.logProb(lp, out, 33, rows)
	w.beginBackward()
	w.backward(dout, dlp, out, 0, rows)
	grad := &rbm[float64]{w: newVector[float64](dim, units)}
	for i := range 3 {
		w.paramGrad(grad, i, 3)
	}
	term := func(i int) float64 {
		theta := out[i*(dim+units) : (i+1)*(dim+units)]
		return minusF(l, x[i*dim:(i+1)*dim], theta) - minusF(l, w.v[i*dim:(i+1)*dim], theta)
	}
	moved := 0
	for i := range x {
		if x[i] != w.v[i] {
			moved++
		}
	}
	if moved < rows*dim/5 {
		t.Errorf("%d of %d bits changed in the chains", moved, rows*dim)
	}
	for i := range rows {
		if want := term(i); math.Abs(lp[i]-want) > 1e-12*(1+math.Abs(want)) {
			t.Errorf("row %d: %v, want %v", i, lp[i], want)
		}
	}
	check := func(name string, p *float64, got float64) {
		t.Helper()
		const h = 1e-5
		was, difference := *p, 0.0
		for _, step := range []float64{h, -h} {
			*p = was + step
			for i, d := range dlp {
				difference += d * term(i) / (2 * step)
			}
		}
		if *p = was; math.Abs(got-difference) > 1e-7*(1+math.Abs(difference)) {
			t.Errorf("d%s = %v, want %v", name, got, difference)
		}
	}
	for i := range l.w.v {
		check(fmt.Sprintf("W[%d]", i), &l.w.v[i], grad.w.v[i])
	}
	for i := range out {
		check(fmt.Sprintf("out[%d]", i), &out[i], dout[i])
	}
}

// TestRBMSample: a chain that is long enough draws every pattern as often as it is probable.
func TestRBMSample(t *testing.T) {
	const dim, units, count = 4, 3, 20000
	l, theta := newTestRBM(dim, units, 30, 1)
	var out []float64
	for range count {
		out = append(out, theta...)
	}
	x, seen := make([]float64, count*dim), make([]float64, 1<<dim)
	l.sample(x, out, kernels.Noise{Seed: 2}, 3, 5, count, dim)
	for i := range count {
		at := 0
		for j, v := range x[i*dim : (i+1)*dim] {
			at += int(v) << j
		}
		seen[at]++
	}
	z := logZ(l, theta, dim)
	for i, all := 0, patterns(dim); i < len(seen); i++ {
		p := math.Exp(minusF(l, all[i*dim:(i+1)*dim], theta) - z)
		sd := math.Sqrt(p * (1 - p) / count)
		if got := seen[i] / count; math.Abs(got-p) > 4.5*sd {
			t.Errorf("pattern %04b: frequency %v, want %v +- %v", i, got, p, sd)
		}
	}
}

// TestRBMScores: after an epoch there is a pseudo-likelihood and no NLL; on request there is an
// estimate of that, whose bits depend on neither threads nor the batch, and annealing that
// cannot be is a panic.
func TestRBMScores(t *testing.T) {
	blastest.UseGo(t)
	d := testData(5)
	c := testConfig(ModelRNN, "gru", RBM)
	tr := newTestTrainer(t, c, testTrainConfig(), d, "")
	if err := tr.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	e := tr.History()[len(tr.History())-1]
	if s := e.Valid; s.Measure != MeasurePseudo || s.NLLPerStep != 0 || s.ReconPerStep != 0 || s.Exact || s.MeasurePerStep != s.Figure() || s.Figure() <= 0 {
		t.Errorf("valid: %+v", s)
	}
	if s := e.Train; s.Measure != MeasureCD || s.NLLPerStep != 0 || s.Exact || s.MeasurePerStep != s.Figure() {
		t.Errorf("train: %+v", s)
	}
	if bound, _ := tr.Best(); bound != e.Valid.Figure() && e.Best {
		t.Errorf("best %v, want %v", bound, e.Valid.Figure())
	}
	score := func(batch, threads int, a Annealing) Score {
		return Evaluate(tr.Model, d.Valid, EvalConfig{Batch: batch, Threads: threads, Seed: 3, Anneal: a})
	}
	a := Annealing{Runs: 40, Temperatures: 30}
	want := score(3, 1, a)
	if want.Measure != MeasureAnnealed || want.MeasurePerStep != 0 || want.Exact || !(want.StdErr > 0 && want.Bias > 0 && want.NLLPerStep > 0) {
		t.Errorf("%+v", want)
	}
	for batch := 1; batch < 6; batch += 2 {
		for threads := 1; threads < 4; threads++ {
			got := score(batch, threads, a)
			if math.Abs(got.NLLPerStep-want.NLLPerStep) > 1e-12 || math.Abs(got.StdErr-want.StdErr) > 1e-12 { // added up in another order
				t.Errorf("batch %d, %d threads: %+v, want %+v", batch, threads, got, want)
			}
		}
	}
	was := evalSteps
	defer func() { evalSteps = was }()
	evalSteps = 4
	if got := score(3, 1, a); math.Abs(got.NLLPerStep-want.NLLPerStep) > 6*(got.StdErr+want.StdErr) || got.Steps != want.Steps {
		t.Errorf("in parts %+v, want %+v", got, want)
	}
	for want, a := range map[string]Annealing{
		"model: Evaluate: Anneal.Runs = 1, want 2..4096":          {Runs: 1, Temperatures: 5},
		"model: Evaluate: Anneal.Temperatures = 0, want 1..65536": {Runs: 2},
	} {
		func() {
			defer func() {
				if got := recover(); got != want {
					t.Errorf("%+v: panic %v, want %q", a, got, want)
				}
			}()
			score(1, 1, a)
		}()
	}
}

// TestRBMBits: estimates have the bits of plain Go on every instruction set.
func TestRBMBits(t *testing.T) {
	blastest.UseGo(t)
	d := testData(19)
	var want [2]Score
	asmtest.ForEachISA(t, func(t *testing.T) {
		c := testConfig(ModelRNN, "lstm", RBM)
		c.Data, c.Units = 19, 37
		m := newTestModel[float32](t, c)
		got := [2]Score{
			Evaluate(m, d.Valid, EvalConfig{Batch: 3, Threads: 2}),
			Evaluate(m, d.Valid, EvalConfig{Batch: 3, Threads: 2, Anneal: Annealing{Runs: 9, Temperatures: 20}}),
		}
		if asm.Active() == asm.Generic {
			want = got
		} else if got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}

// TestRBMAllocations: neither measure of a score allocates, once a pass has its memory.
func TestRBMAllocations(t *testing.T) {
	blastest.UseGo(t)
	m := newTestModel[float32](t, testConfig(ModelRNN, "lstm", RBM))
	b := newTestBatch(m, rand.New(rand.NewPCG(9, 9)), 6, 6, 4, 1)
	for _, a := range []Annealing{{}, {Runs: 3, Temperatures: 4}} {
		p := m.NewPass(1)
		obj := Bound(17)
		obj.Anneal = a
		if n := testing.AllocsPerRun(30, func() {
			p.Forward(b, obj, false)
			p.Totals()
		}); n != 0 {
			t.Errorf("%+v: a pass allocates %v times, want 0", a, n)
		}
	}
}

// TestRBMData: what is no bit is refused, and by whom.
func TestRBMData(t *testing.T) {
	d := testData(5)
	d.Valid[1].X[7] = 0.5
	m := newTestModel[float32](t, testConfig(ModelRNN, "lstm", RBM))
	_, err := NewTrainer(m, d, testTrainConfig())
	checkError(t, err, "step 1: 0.5 cannot be the outcome of an rbm, want 0 or 1")
	d.Valid[1].X[7] = -0.5
	_, err = NewTrainer(newTestModel[float32](t, testConfig(ModelRNN, "lstm", NADE)), d, testTrainConfig())
	checkError(t, err, "step 1: -0.5 cannot be the outcome of a nade, want 0..1")
}
