package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/internal/f32"
)

// mixtureRounds is the number of rounds of the sweeps over mixtures.
func mixtureRounds() int {
	if *exhaustive {
		return 100000
	}
	return 1500
}

// logit draws a logit, small or up to the end of float32.
func (d *rangeDraw) logit() float32 {
	size := []float64{1, 1, 100, 3e38}[d.rng.IntN(4)]
	return clamp32(float32(size*d.rng.NormFloat64()), math.MaxFloat32)
}

// similar fills x with draws of which some are the same: components at the same distance.
func (d *rangeDraw) similar(x []float32, draw func() float64) {
	for i := range x {
		if x[i] = float32(draw()); i > 0 && d.rng.IntN(2) == 0 {
			x[i] = x[d.rng.IntN(i)]
		}
	}
}

// rangeJoint are the terms of a row of a mixture in float64: responsibilities, and by how much of
// themselves those of float32 may be off. size is of what a term is the sum of.
type rangeJoint struct{ v, size []float64 }

func (j *rangeJoint) add(logit, v, size float64) {
	j.v, j.size = append(j.v, logit+v), append(j.size, 1+math.Abs(logit)+size)
}

func (j *rangeJoint) responsibility(c int) (p, off float64) {
	all, worst := oracleLSE(j.v), 0.0
	for i, v := range j.v {
		if v > all-200-1e-4*j.size[i] {
			worst = max(worst, j.size[i])
		}
	}
	return math.Exp(j.v[c] - all), math.Expm1(0x1p-18 * (1 + worst + j.size[c]))
}

// checkWeighted compares a gradient of a component, want without weight and responsibility; size
// is of what want is the sum of, and tiny what it is off by below the normal numbers. Gradients
// that do not fit are the end of float32.
func checkWeighted(t *testing.T, got float32, w, p, off, want, size, tiny float64, what func() string) {
	t.Helper()
	if !finite32(got) {
		t.Fatalf("gradient %v, want %v; %s", got, w*p*want, what())
	}
	v := math.Max(-math.MaxFloat32, math.Min(w*p*want, math.MaxFloat32))
	if tol := math.Abs(w*p*size)*(rangeTol+off) + 0x1p-145*(1+math.Abs(w))*(1+size) + tiny; !(math.Abs(float64(got)-v) <= tol) && p*off < 1e-2 {
		t.Fatalf("gradient %v, want %v; p = %v %s", got, v, p, what())
	}
}

// TestGMMRange: values and gradients of mixtures are finite, and near those of float64 where the
// responsibilities are, for arguments from end to end of float32.
func TestGMMRange(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 82))
		for n := range mixtureRounds() {
			d := newRangeDraw(rng, ScaleForm(n%4))
			k, cols := []int{1, 2, 3, 20}[rng.IntN(4)], []int{1, 1, 2, 5}[rng.IntN(4)]
			testGMMRange(t, d, k, cols)
		}
	})
}

func testGMMRange(t *testing.T, d *rangeDraw, k, cols int) {
	n, form := k*cols, d.form
	x, mu, s, logits, w := make([]float32, cols), make([]float32, n), make([]float32, n), make([]float32, k), []float32{float32(d.weight())}
	d.similar(x, d.mean)
	d.similar(mu, d.mean)
	d.similar(s, d.scale)
	for c := range logits {
		logits[c] = d.logit()
	}
	lp, dx, dl, dmu, ds := []float32{0}, make([]float32, cols), make([]float32, k), make([]float32, n), make([]float32, n)
	GMMLogProbBackward(lp, dx, mixtureGradOf(dl, dmu, ds), w, x, mixtureOf(logits, mu, s, form, k, n), 1, cols)
	what := func() string {
		return fmt.Sprintf("%v k=%d lp=%v w=%v x=%v logits=%v mu=%v s=%v", form, k, lp[0], w, x, logits, mu, s)
	}

	a, b, e, f, g := []float32{0}, make([]float32, cols), make([]float32, k), make([]float32, n), make([]float32, n)
	gmmLogProbBackwardGeneric(a, b, e, f, g, w, x, logits, mu, s, form, 1, k, cols, k, n)
	asmtest.SameFloats(t, "lp, dx", joined(lp, dx), joined(a, b))
	asmtest.SameFloats(t, "dlogits, dmu, ds", joined(dl, dmu, ds), joined(e, f, g))
	copy(f, mu)
	copy(g, s)
	GMMLogProbBackward(a, b, mixtureGradOf(e, f, g), w, x, mixtureOf(logits, f, g, form, k, n), 1, cols)
	asmtest.SameFloats(t, "dx, dmu, ds in place", joined(b, f, g), joined(dx, dmu, ds))
	GMMLogProb(a, x, mixtureOf(logits, mu, s, form, k, n), 1, cols)
	asmtest.SameFloats(t, "lp", a, lp)

	var joint rangeJoint
	shifted := oracleLogits(logits)
	for c := range k {
		v, size := 0.0, 0.0
		for j := range cols {
			g := newRangeTerm(form, x[j], mu[c*cols+j], s[c*cols+j])
			v, size = v-g.t*g.t/2-g.log-math.Log(2*math.Pi)/2, size+g.t*g.t/2+math.Abs(g.log)+1
		}
		joint.add(shifted[c], v, size)
	}
	if want := oracleLSE(joint.v) - oracleLSE(shifted); !fits(lp[0], want, rangeTol*(1+math.Abs(want)+math.Log(float64(k))+joint.worst())) {
		t.Fatalf("lp = %v, want %v; %s", lp[0], want, what())
	}
	if lp[0] == float32(math.Inf(-1)) {
		return // no responsibilities
	}
	for j, v := range dx {
		if !finite32(v) {
			t.Fatalf("dx[%d] = %v; %s", j, v, what())
		}
	}
	for c := range k {
		p, off := joint.responsibility(c)
		for j := range cols {
			at := c*cols + j
			g, w := newRangeTerm(form, x[j], mu[at], s[at]), float64(w[0])
			v := g.t * g.inv
			checkWeighted(t, dmu[at], w, p, off, v, math.Abs(v)+g.inv, g.tiny(w), what)
			checkWeighted(t, ds[at], w, p, off, (g.t*g.t-1)*g.slope, (g.t*g.t+1)*g.tol()/rangeTol, g.tiny(w)*(1+math.Abs(g.t)), what)
		}
	}
}

// worst is the size of the terms that count in the sum.
func (j *rangeJoint) worst() (size float64) {
	all := oracleLSE(j.v)
	for c, v := range j.v {
		if v > all-200-1e-4*j.size[c] {
			size = max(size, j.size[c])
		}
	}
	return size
}

// TestBivariateRange is TestGMMRange for bivariate mixtures, with correlations up to the last bit.
func TestBivariateRange(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 83))
		for n := range mixtureRounds() {
			testBivariateRange(t, newRangeDraw(rng, ScaleForm(n%4)), []int{1, 2, 3, 20}[rng.IntN(4)])
		}
	})
}

func testBivariateRange(t *testing.T, d *rangeDraw, k int) {
	form, rows, ld := d.form, 1+d.rng.IntN(3), 1+6*k
	var y, theta []float32
	w := randRow(rows, d.weight)
	for range rows {
		yi, row := drawBivariateRange(d, k)
		y, theta = append(y, yi...), append(theta, row...)
	}
	lp, dy, dtheta := make([]float32, rows), make([]float32, 3*rows), make([]float32, rows*ld)
	BivariateMixtureLogProbBackward(lp, dy, bivariateGradOf(dtheta), w, y, bivariateOf(theta, form, k, ld), rows)
	a, b, c := make([]float32, rows), make([]float32, 3*rows), make([]float32, rows*ld)
	bivariateBackwardGeneric(a, b, c, w, y, theta, form, rows, k, ld, true)
	asmtest.SameFloats(t, "lp, dy, dtheta", joined(lp, dy, dtheta), joined(a, b, c))
	clear(c)
	BivariateMixtureLogProbBackward(nil, nil, bivariateGradOf(c), w, y, bivariateOf(theta, form, k, ld), rows)
	asmtest.SameFloats(t, "dtheta without dy", dtheta, c)
	BivariateMixtureLogProb(a, y, bivariateOf(theta, form, k, ld), rows)
	asmtest.SameFloats(t, "lp", a, lp)
	for i := range rows {
		checkBivariateRange(t, form, k, lp[i], dy[3*i:][:3], dtheta[i*ld:][:ld], w[i], y[3*i:][:3], theta[i*ld:][:ld])
	}
}

func drawBivariateRange(d *rangeDraw, k int) (y, theta []float32) {
	mean := func() float64 { // scores are made of halves
		x := d.mean()
		if math.Abs(x) < 0x1p-120 {
			x = 0
		}
		return x
	}
	theta, y = make([]float32, 1+6*k), make([]float32, 3)
	theta[0], y[0] = d.logit(), float32(d.rng.IntN(2))
	d.similar(y[1:], mean)
	d.similar(theta[1:][:2*k], mean)
	d.similar(theta[1+2*k:][:2*k], d.scale)
	d.similar(theta[biAt(biCorr, k, 0):][:k], func() float64 {
		return []float64{2, 20, 80}[d.rng.IntN(3)] * (2*d.rng.Float64() - 1)
	})
	for c := range k {
		theta[biAt(biLogits, k, c)] = d.logit()
	}
	return y, theta
}

func checkBivariateRange(t *testing.T, form ScaleForm, k int, lp float32, dy, dtheta []float32, weight float32, y, theta []float32) {
	t.Helper()
	what := func() string { return fmt.Sprintf("%v k=%d lp=%v w=%v y=%v theta=%v", form, k, lp, weight, y, theta) }
	at := func(plane, c int) float64 { return float64(theta[biAt(plane, k, c)]) }
	var joint rangeJoint
	var comps []biOracle
	shifted := oracleLogits(theta[biAt(biLogits, k, 0):])
	for c := range k {
		o := newBiOracle(form, float64(y[1]), float64(y[2]), at(biMu1, c), at(biMu2, c), at(biS1, c), at(biS2, c), at(biCorr, c))
		comps = append(comps, o)
		joint.add(shifted[c], o.lp, o.bound()/gaussU)
	}
	pen := -oracleSoftplus(float64(theta[0]) * (1 - 2*float64(y[0])))
	want := oracleLSE(joint.v) - oracleLSE(shifted) + pen
	if tol := gaussU * (16*(1+math.Abs(pen)) + 4*joint.worst()); !fits(lp, want, tol+mixtureBound(k, want)) {
		t.Fatalf("lp = %v, want %v; %s", lp, want, what())
	}
	for j, v := range joined(dy[1:], dtheta[1:]) {
		if !finite32(v) {
			t.Fatalf("gradient %d = %v; %s", j, v, what())
		}
	}
	if oracleLSE(joint.v) < -0.9*math.MaxFloat32 {
		return // perhaps no responsibilities
	}
	w := float64(weight)
	for c, o := range comps {
		p, off := joint.responsibility(c)
		spread := o.spread(at(biCorr, c))
		tiny := 0x1p-145 * (1 + math.Abs(w)) * math.Pow(math.Cosh(at(biCorr, c)), 2) // of g
		for i := range 2 {
			tiny *= 1 + math.Exp(-2*oracleLogSigma(form, at(biS1+i, c)))
		}
		for i, g := range [2]float64{o.g1, o.g2} {
			u, s := [2]float64{o.u1, o.u2}[i], at(biS1+i, c)
			inv := math.Exp(-oracleLogSigma(form, s))
			slope := inv * oracleDSigma(form, s)
			size := 1 + spread + math.Abs(u)
			checkWeighted(t, dtheta[biAt(biMu1+i, k, c)], w, p, off, g*inv, size*inv, tiny, what)
			checkWeighted(t, dtheta[biAt(biS1+i, k, c)], w, p, off, (g*u-1)*slope, (1+math.Abs(u))*size*(slope+0x1p-130*inv), tiny*(1+math.Abs(u)), what)
		}
		checkWeighted(t, dtheta[biAt(biCorr, k, c)], w, p, off, o.dr, 1+(math.Abs(o.u1)+math.Abs(o.u2))*(1+spread), tiny*(1+math.Abs(o.u1)+math.Abs(o.u2)), what)
	}
}

// TestLogisticRange is TestGMMRange for discretised logistic mixtures; their values are finite, too.
func TestLogisticRange(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 84))
		for n := range mixtureRounds() {
			testLogisticRange(t, newRangeDraw(rng, ScaleForm(n%4)), []int{1, 2, 3, 20}[rng.IntN(4)], []int{2, 3, 256, 65536}[rng.IntN(4)])
		}
	})
}

func testLogisticRange(t *testing.T, d *rangeDraw, k, levels int) {
	form := d.form
	j := []int{0, levels - 1, d.rng.IntN(levels), levels / 2}[d.rng.IntN(4)]
	x, mu, s, logits, w := []float32{float32(gridLevel(j, levels))}, make([]float32, k), make([]float32, k), make([]float32, k), []float32{float32(d.weight())}
	d.recent = float64(x[0])
	d.similar(mu, d.mean)
	d.similar(s, d.scale)
	for c := range logits {
		logits[c] = d.logit()
	}
	lp, dl, dmu, ds := []float32{0}, make([]float32, k), make([]float32, k), make([]float32, k)
	LogisticMixtureLogProbBackward(lp, mixtureGradOf(dl, dmu, ds), w, x, levels, mixtureOf(logits, mu, s, form, k, k), 1, 1)
	what := func() string {
		return fmt.Sprintf("%v level %d of %d, lp=%v w=%v logits=%v mu=%v s=%v", form, j, levels, lp[0], w, logits, mu, s)
	}
	a, b, c, e := []float32{0}, make([]float32, k), append([]float32(nil), mu...), append([]float32(nil), s...)
	logisticMixtureGeneric(a, b, c, e, w, x, logits, mu, s, form, levels, 1, k, 1, k)
	asmtest.SameFloats(t, "lp, dlogits, dmu, ds", joined(lp, dl, dmu, ds), joined(a, b, c, e))
	copy(c, mu)
	copy(e, s)
	LogisticMixtureLogProbBackward(a, mixtureGradOf(b, c, e), w, x, levels, mixtureOf(logits, c, e, form, k, k), 1, 1)
	asmtest.SameFloats(t, "lp, dlogits, dmu, ds in place", joined(a, b, c, e), joined(lp, dl, dmu, ds))
	LogisticMixtureLogProb(a, x, levels, mixtureOf(logits, mu, s, form, k, k), 1, 1)
	asmtest.SameFloats(t, "lp", a, lp)

	var joint rangeJoint
	shifted := oracleLogits(logits)
	grads := make([]logisticGradient, k)
	for c := range k {
		var v float64
		v, grads[c] = edgeLogistic(form, j, levels, float64(mu[c]), float64(s[c]))
		v = max(v, -f32.MaxBinScore)
		joint.add(shifted[c], v, 32+12*math.Abs(v))
	}
	want := oracleLSE(joint.v) - oracleLSE(shifted)
	if !finite32(lp[0]) || math.Abs(float64(lp[0])-want) > gaussU*4*joint.worst()+mixtureBound(k, want) {
		t.Fatalf("lp = %v, want %v; %s", lp[0], want, what())
	}
	for c := range k {
		p, off := joint.responsibility(c)
		g, w := grads[c], float64(w[0])
		v := joint.v[c] - shifted[c]
		checkWeighted(t, dmu[c], w, p, off, g.mean*g.inv, g.meanTol/gaussU*g.inv, 0x1p-120*g.inv, what)
		if math.Abs(g.bracket*g.slope) > math.MaxFloat32 || v == -f32.MaxBinScore {
			if !finite32(ds[c]) {
				t.Fatalf("ds = %v; %s", ds[c], what())
			}
			continue
		}
		checkWeighted(t, ds[c], w, p, off, g.bracket*g.slope, 12*(1+math.Abs(v))*(g.slope+0x1p-130*g.inv), 0x1p-120*g.slope, what)
	}
}

// edgeLogistic returns ln P and what its gradients are made of from the edges of the bin, as the
// comment of the kernel has it. The equations of oracleLogistic lose an edge near 0 if the bin is
// wide in comparison.
func edgeLogistic(form ScaleForm, j, levels int, mu, s float64) (lnP float64, g logisticGradient) {
	l, last := oracleLogSigma(form, s), float64(levels-1)
	g.inv = math.Exp(-l)
	g.slope = g.inv * oracleDSigma(form, s)
	a, b := ((2*float64(j)-last-1)/last-mu)*g.inv, ((2*float64(j)-last+1)/last-mu)*g.inv
	fa, fb, rest := oracleSigmoid(a), oracleSigmoid(-b), 0.0
	width := 2 * max(g.inv/last, 1/f32.MaxSigma) // the end of the scale
	switch j {
	case 0:
		lnP, a, fa = -oracleSoftplus(-b), 0, 0
	case levels - 1:
		lnP, b, fb = -oracleSoftplus(a), 0, 0
	default:
		lnP = math.Log(-math.Expm1(-width)) - oracleSoftplus(a) - oracleSoftplus(-b)
		rest = 1
		if width > 1e-10 {
			rest = width / math.Expm1(width)
		}
	}
	g.mean, g.bracket = fa-fb, -rest
	if fa > 0 {
		g.bracket += a * fa
	}
	if fb > 0 {
		g.bracket -= b * fb
	}
	g.meanTol = 8 * gaussU * (fa*(1+math.Abs(a)) + fb*(1+math.Abs(b)))
	return lnP, g
}

// TestBivariateOpposite: components whose gradients go beyond float32 in opposite directions.
func TestBivariateOpposite(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, form := range gaussForms {
			s := []float32{1e-4, -9.2103404, -18.420681, -40}[form&formMask]
			for _, far := range []float32{-1e-22, -1e-21, -1e-20} {
				theta := []float32{0, far, far, 0, 0, s, s, s, s, -80, 80, 0, 0}
				lp, dy, dtheta := []float32{0}, make([]float32, 3), make([]float32, len(theta))
				BivariateMixtureLogProbBackward(lp, dy, bivariateGradOf(dtheta), []float32{1}, make([]float32, 3), bivariateOf(theta, form, 2, 13), 1)
				if dy[2] != 0 || !(dy[1] < 0) || !finite32(dy[1]) {
					t.Errorf("%v, mean %v: dy = %v, want 0 and a finite number below 0", form, far, dy)
				}
				for j, v := range dtheta {
					if !finite32(v) {
						t.Errorf("%v, mean %v: gradient %d is %v", form, far, j, v)
					}
				}
			}
		}
	})
}
