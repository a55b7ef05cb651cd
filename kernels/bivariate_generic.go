package kernels

import (
	"math"

	"github.com/elbow-go/elbow/internal/f32"
)

// One row of a bivariate mixture: a pen logit, then planes of k elements.
const (
	biMu1 = iota
	biMu2
	biS1
	biS2
	biCorr
	biLogits
)

// at is the index of component c of a plane within the row.
func biAt(plane, k, c int) int { return 1 + plane*k + c }

// invSigma32 returns 1/sigma, with sigma kept within 1/f32.MaxSigma and f32.MaxSigma so that it is a
// normal number, and ln sigma in the log forms. A negative sigma gives NaN.
func invSigma32(form ScaleForm, s float32) (inv, l float32) {
	if form.isLog() {
		l = clamp32(logSigma32(form, s), f32.MaxLogSigma)
		return exp32(-l), l
	}
	v := sigma32(form, s)
	if f32.MaxSigma < v {
		v = f32.MaxSigma
	}
	if 1/f32.MaxSigma > v {
		v = 1 / f32.MaxSigma
	}
	if form == Sigma && s < 0 {
		v = float32(math.NaN())
	}
	return 1 / v, 0
}

// dInvSigma32 turns the gradient d of ln sigma into that of s. The slope of a softplus comes before
// the product with d: where sigma is smallest, softplus is flat.
func dInvSigma32(form ScaleForm, s, inv, d float32) float32 {
	switch {
	case form.isLog():
		return logWeight32(form, d)
	case form.isSoftplus():
		slope := dSigma32(form, s)
		return keepSlope32(slope, float32(d*float32(inv*slope)))
	}
	return float32(d * inv)
}

// xorSign32 returns x with its sign changed where s has a sign.
func xorSign32(x, s float32) float32 {
	return math.Float32frombits(math.Float32bits(x) ^ math.Float32bits(s)&signBit)
}

// biTerm32 is one component of a row. With u = (x-mu)/sigma, a = |r|, and the sign of r moved
// to u2, which makes the correlation tanh a,
//
//	Q = (u1^2 + u2^2 - 2 rho u1 u2) / (2 (1-rho^2))
//	  = u1^2/4 + u2^2/4 + t1^2/2 + t2^2/2,    t1 = (u1-u2)/2 e^a,  t2 = (u1+u2)/2 e^-a
//	-ln(1-rho^2)/2 = ln cosh a = a + ln(1 + e^-2a) - ln 2
//
// so neither 1-rho^2 nor a difference of squares is formed; all terms of Q are positive. The
// logarithms are one of (1 + e^-2a)/(sigma1 sigma2); in the log forms, of 1 + e^-2a alone.
type biTerm32 struct {
	inv1, inv2 float32
	w1, w2     float32 // u1/2 and, with the sign of r, u2/2
	up, down   float32 // e^a, e^-a
	e          float32 // e^-2a
	d1, d2     float32 // t1/2, t2/2
	lp         float32
}

func newBiTerm32(form ScaleForm, x1, x2, mu1, mu2, s1, s2, r float32) (t biTerm32) {
	var l1, l2 float32
	t.inv1, l1 = invSigma32(form, s1)
	t.inv2, l2 = invSigma32(form, s2)
	a := abs32(r)
	if f32.MaxCorr < a {
		a = f32.MaxCorr
	}
	t.down = exp32(-a)
	t.up = 1 / t.down
	t.e = float32(t.down * t.down)
	// Halves, so that no difference overflows.
	t.w1 = clamp32(float32(f32.FMA(-0.5, mu1, float32(0.5*x1))*t.inv1), f32.MaxScore)
	t.w2 = xorSign32(clamp32(float32(f32.FMA(-0.5, mu2, float32(0.5*x2))*t.inv2), f32.MaxScore), r)
	t.d1 = float32(float32(0.5*(t.w1-t.w2)) * t.up)
	t.d2 = float32(float32(0.5*(t.w1+t.w2)) * t.down)
	q := f32.FMA(2, f32.FMA(t.d1, t.d1, float32(t.d2*t.d2)), f32.FMA(t.w1, t.w1, float32(t.w2*t.w2)))
	var l float32
	if form.isLog() {
		l = log1pUnit32(t.e) - (l1 + l2)
	} else {
		m1, e1 := split32(t.inv1)
		m2, e2 := split32(t.inv2)
		l = logNormal32(float32(m1*m2)*(1+t.e), e1+e2)
	}
	t.lp = l - f32.LogFourPi + a - q
	return t
}

// grad returns the gradients of the log-density. dQ/du is the sum of the terms' gradients;
// that of r is tanh a - t1^2 + t2^2 with the sign of r. Where they leave float32, some may be NaN.
func (t *biTerm32) grad(form ScaleForm, s1, s2, r float32) (dmu1, dmu2, ds1, ds2, dr float32) {
	h := float32(t.d2 * t.down)
	g1 := f32.FMA(t.d1, t.up, h+t.w1)
	g2 := f32.FMA(-t.d1, t.up, h+t.w2)
	dmu1, dmu2 = float32(g1*t.inv1), float32(xorSign32(g2, r)*t.inv2)
	ds1 = dInvSigma32(form, s1, t.inv1, f32.FMA(g1, t.w1+t.w1, -1))
	ds2 = dInvSigma32(form, s2, t.inv2, f32.FMA(g2, t.w2+t.w2, -1))
	tanh := (1 - t.e) / (1 + t.e)
	dr = xorSign32(f32.FMA(float32(-4*(t.d1-t.d2)), t.d1+t.d2, tanh), r)
	return dmu1, dmu2, ds1, ds2, dr
}

// penTerm32 is the Bernoulli part: its value, and its derivative with respect to the logit l.
// See bernoulliLogProbGeneric.
func penTerm32(pen, l float32) (lp, d float32) {
	e := exp32(-abs32(l))
	q := e / (1 + e)
	if l > 0 {
		pen -= 1
	} else {
		q = -q
	}
	d = pen + q
	if pen == 0 {
		l = 0
	}
	return f32.FMA(pen, l, -log1pUnit32(e)), d
}

// zeroLogit stands for the logit of a single component.
var zeroLogit = [1]float32{}

// biLogits32 returns the logits of a row; without, it has one component.
func biLogits32(row []float32, k int, mixture bool) []float32 {
	if !mixture {
		return zeroLogit[:]
	}
	return row[biAt(biLogits, k, 0):][:k]
}

func bivariateGeneric(lp, y, theta []float32, form ScaleForm, rows, k, ld int, mixture bool) {
	for i := range rows {
		yi, row := y[3*i:][:3], theta[i*ld:]
		at := func(plane, c int) float32 { return row[biAt(plane, k, c)] }
		logits := biLogits32(row, k, mixture)
		largest, prior := maxLogSum32(logits)
		joint := newLSELanes32()
		for c, l := range logits {
			t := newBiTerm32(form, yi[1], yi[2], at(biMu1, c), at(biMu2, c), at(biS1, c), at(biS2, c), at(biCorr, c))
			joint.add(c, l-largest+t.lp)
		}
		pen, _ := penTerm32(yi[0], row[0])
		lp[i] = joint.value() - prior + pen
	}
}

// The gradients of the components are written with weight 1 first and multiplied by their
// responsibilities when these are known; until then the gradients of the logits hold the
// components' terms. If one of them is not finite after that, the row is done again in float64.
func bivariateBackwardGeneric(lp, dy, dtheta, dlp, y, theta []float32, form ScaleForm, rows, k, ld int, mixture bool) {
	for i := range rows {
		yi, row, drow := y[3*i:][:3], theta[i*ld:], dtheta[i*ld:]
		at := func(plane, c int) float32 { return row[biAt(plane, k, c)] }
		logits := biLogits32(row, k, mixture)
		largest, prior := maxLogSum32(logits)
		joint := newLSELanes32()
		var single [1]float32
		terms := single[:]
		if mixture {
			terms = drow[biAt(biLogits, k, 0):][:k]
		}
		for c, l := range logits {
			s1, s2, r := at(biS1, c), at(biS2, c), at(biCorr, c)
			t := newBiTerm32(form, yi[1], yi[2], at(biMu1, c), at(biMu2, c), s1, s2, r)
			terms[c] = l - largest + t.lp
			joint.add(c, terms[c])
			g := [biLogits]*float32{}
			for p := range g {
				g[p] = &drow[biAt(p, k, c)]
			}
			*g[biMu1], *g[biMu2], *g[biS1], *g[biS2], *g[biCorr] = t.grad(form, s1, s2, r)
		}
		w, all := dlp[i], joint.value()
		pen, dpen := penTerm32(yi[0], row[0])
		drow[0] = w * dpen
		if lp != nil {
			lp[i] = all - prior + pen
		}
		all = finiteOr0(all) // all terms -Inf: no responsibilities
		var d1, d2 [16]float32
		for c, l := range logits {
			p := exp32(terms[c] - all)
			terms[c] = w * (p - exp32(l-largest-prior))
			wp := float32(w * p)
			for plane := range biLogits {
				j := biAt(plane, k, c)
				drow[j] = scaleOrClear32(drow[j], wp)
			}
			d1[c%16] -= drow[biAt(biMu1, k, c)]
			d2[c%16] -= drow[biAt(biMu2, k, c)]
		}
		dyi := [3]float32{w * row[0], f32.Fold16(&d1), f32.Fold16(&d2)}
		copy(rowAt(dy, i, 3, 3), dyi[:])
		if !biFits32(drow, dyi[:], k) {
			biWideRow32(rowAt(dy, i, 3, 3), drow, w, yi, row, form, k, mixture)
		}
	}
}

// biFits32 reports whether the gradients of a row, but those of logits, are finite.
func biFits32(drow, dy []float32, k int) bool {
	for _, d := range drow[biAt(biMu1, k, 0):biAt(biLogits, k, 0)] {
		if !finite32(d) {
			return false
		}
	}
	return finite32(dy[1]) && finite32(dy[2])
}

// biWideRow32 computes the gradients of a row but those of the logits again, as wideScale32 does
// for the Gaussians. None is infinite: as in gmmGradient32.
func biWideRow32(dy, drow []float32, w float32, y, row []float32, form ScaleForm, k int, mixture bool) {
	at := func(plane, c int) float32 { return row[biAt(plane, k, c)] }
	logits := biLogits32(row, k, mixture)
	largest, _ := maxLogSum32(logits)
	term := func(c int) (t biTerm32, v float32) {
		t = newBiTerm32(form, y[1], y[2], at(biMu1, c), at(biMu2, c), at(biS1, c), at(biS2, c), at(biCorr, c))
		return t, logits[c] - largest + t.lp
	}
	joint := newLSELanes32()
	for c := range logits {
		_, v := term(c)
		joint.add(c, v)
	}
	all := finiteOr0(joint.value())
	d1, d2 := 0.0, 0.0
	for c := range logits {
		t, v := term(c)
		wp := float64(float32(w * exp32(v-all)))
		var d [biLogits]float64
		if wp != 0 {
			d = t.wideGrad(form, y[1], y[2], at(biMu1, c), at(biMu2, c), at(biS1, c), at(biS2, c), at(biCorr, c))
		}
		for plane, g := range d {
			drow[biAt(plane, k, c)] = clamp32(float32(wp*g), math.MaxFloat32)
		}
		d1 -= float64(wp * d[biMu1])
		d2 -= float64(wp * d[biMu2])
	}
	if dy != nil {
		dy[1], dy[2] = clamp32(float32(d1), math.MaxFloat32), clamp32(float32(d2), math.MaxFloat32)
	}
}

// wideGrad is grad in float64, with the scales and exponentials of float32.
func (t *biTerm32) wideGrad(form ScaleForm, x1, x2, mu1, mu2, s1, s2, r float32) [biLogits]float64 {
	slope := func(s, inv float32) float64 {
		if form.isLog() {
			return float64(logWeight32(form, 1))
		}
		return float64(inv) * float64(dSigma32(form, s))
	}
	g := biGrad64{
		inv1: float64(t.inv1), inv2: float64(t.inv2), slope1: slope(s1, t.inv1), slope2: slope(s2, t.inv2),
		up: float64(t.up), down: float64(t.down), tanh: float64((1 - t.e) / (1 + t.e)), sign: 1,
	}
	if math.Float32bits(r)&signBit != 0 {
		g.sign = -1
	}
	g.score(float64(x1), float64(x2), float64(mu1), float64(mu2))
	return g.grad()
}

// biGrad64 is what the gradients of a component are made of: biTerm32's equations.
type biGrad64 struct {
	inv1, inv2     float64 // 1/sigma
	slope1, slope2 float64 // of ln sigma by s
	up, down, tanh float64 // e^a, e^-a, tanh a
	sign           float64 // of r
	u1, u2, t1, t2 float64
}

func (g *biGrad64) score(x1, x2, mu1, mu2 float64) {
	g.u1, g.u2 = float64((x1-mu1)*g.inv1), float64(g.sign*(x2-mu2)*g.inv2)
	g.t1, g.t2 = (g.u1-g.u2)/2*g.up, (g.u1+g.u2)/2*g.down
}

func (g *biGrad64) grad() (d [biLogits]float64) {
	a, b := float64(g.t1*g.up), float64(g.t2*g.down)
	g1, g2 := (g.u1+a+b)/2, (g.u2-a+b)/2
	d[biMu1], d[biMu2] = g1*g.inv1, g.sign*g2*g.inv2
	d[biS1], d[biS2] = (float64(g1*g.u1)-1)*g.slope1, (float64(g2*g.u2)-1)*g.slope2
	d[biCorr] = g.sign * (g.tanh - float64((g.t1-g.t2)*(g.t1+g.t2)))
	return d
}

// biTerm64 returns the log-density of a component and its gradients.
func biTerm64(form ScaleForm, x1, x2, mu1, mu2, s1, s2, r float64) (lp float64, d [biLogits]float64) {
	v1, l1, ds1 := sigma64(form, s1)
	v2, l2, ds2 := sigma64(form, s2)
	a := math.Min(math.Abs(r), f32.MaxCorr)
	g := biGrad64{inv1: 1 / v1, inv2: 1 / v2, slope1: ds1 / v1, slope2: ds2 / v2,
		up: math.Exp(a), down: math.Exp(-a), tanh: math.Tanh(a), sign: math.Copysign(1, r)}
	g.score(x1, x2, mu1, mu2)
	lp = -l1 - l2 + a + math.Log1p(math.Exp(-2*a)) - math.Log(4*math.Pi) - (g.u1*g.u1+g.u2*g.u2)/4 - (g.t1*g.t1+g.t2*g.t2)/2
	return lp, g.grad()
}

// bivariate64 writes lp or the gradients or both; what is nil is left out.
func bivariate64(lp, dy, dtheta, dlp, y, theta []float64, form ScaleForm, rows, k, ld int, mixture bool) {
	for i := range rows {
		yi, row := y[3*i:][:3], theta[i*ld:]
		var zero [1]float64
		logits := zero[:]
		if mixture {
			logits = row[biAt(biLogits, k, 0):][:k]
		}
		largest, prior := maxLogSum64(logits)
		term := func(c int) (lp float64, d [biLogits]float64) {
			at := func(plane int) float64 { return row[biAt(plane, k, c)] }
			lp, d = biTerm64(form, yi[1], yi[2], at(biMu1), at(biMu2), at(biS1), at(biS2), at(biCorr))
			return logits[c] - largest + lp, d
		}
		joint := newLSE64()
		for c := range k {
			v, _ := term(c)
			joint.add(v)
		}
		all := joint.value()
		var pen, dpen [1]float64
		one := [1]float64{1}
		bernoulliLogProb64(pen[:], dpen[:], one[:], yi[:1], row[:1], 1, 1)
		if lp != nil {
			lp[i] = all - prior + pen[0]
		}
		if dtheta == nil {
			continue
		}
		w, drow := dlp[i], dtheta[i*ld:]
		drow[0] = w * dpen[0]
		d1, d2 := 0.0, 0.0
		for c, l := range logits {
			v, d := term(c)
			p := math.Exp(v - finiteOr0(all))
			if mixture {
				drow[biAt(biLogits, k, c)] = w * (p - math.Exp(l-largest-prior))
			}
			for plane, g := range d {
				if w*p == 0 {
					g = 0
				}
				drow[biAt(plane, k, c)] = w * p * g
			}
			d1 -= drow[biAt(biMu1, k, c)]
			d2 -= drow[biAt(biMu2, k, c)]
		}
		if dy != nil {
			dy[3*i], dy[3*i+1], dy[3*i+2] = w*row[0], d1, d2
		}
	}
}
