package kernels

import (
	"math"

	"github.com/elbow-go/elbow/internal/f32"
)

// Sigma and softplus ("sigma forms") divide by sigma; LogSigma and LogVar ("log forms")
// multiply by e^-ln sigma and never see sigma. The sums hold t/2 and r/2 squared, so that a
// value up to the largest float32 does not overflow on its way: t^2/2 may be finite where t^2
// is not. Halving is exact, and machine code can have t/2 from the start, as d (0.5/sigma).
//
// Gradients have the largest range. As long as sigma is plain and the means are not astronomic
// (plainScale, farMean), nothing overflows on the way to a gradient that fits; that is what
// machine code takes. What is left is computed again in float64 where it overflows: see
// gauss_wide_generic.go.

// sigma32 returns the standard deviation that s stands for.
func sigma32(form ScaleForm, s float32) float32 {
	switch {
	case form.isLog():
		return exp32(logSigma32(form, s))
	case form.isSoftplus():
		return softplus32(s) + form.floor()
	}
	return s
}

// dSigma32 returns its derivative.
func dSigma32(form ScaleForm, s float32) float32 {
	switch {
	case form == LogSigma:
		return exp32(s)
	case form == LogVar:
		return float32(0.5 * exp32(0.5*s))
	case form.isSoftplus():
		return softplusSlope32(s, exp32(-abs32(s)))
	}
	return 1
}

// softplusSlope32 is the derivative of softplus at s, given e = e^-|s|.
func softplusSlope32(s, e float32) float32 {
	n := float32(1)
	if s < 0 {
		n = e
	}
	return n / (1 + e)
}

// softplusSigma32 returns sigma32 and dSigma32 of a softplus, which share e^-|s|.
func softplusSigma32(form ScaleForm, s float32) (sigma, slope float32) {
	e := exp32(-abs32(s))
	m := float32(0)
	if s > 0 {
		m = s
	}
	return m + log1pUnit32(e) + form.floor(), softplusSlope32(s, e)
}

// logSigma32 returns ln sigma in the log forms.
func logSigma32(form ScaleForm, s float32) float32 {
	if form == LogVar {
		s = float32(0.5 * s)
	}
	return s
}

// sdev32 is a standard deviation to divide by, in the sigma forms. A plain one lies in
// [2^-60, 2^60]: 1/v is then accurate, ratios of two stay far from overflow, and one division
// serves several quotients. The others take true divisions, which are right up to the ends of
// float32; machine code can put them out of the way, since practically none occurs.
type sdev32 struct {
	v, inv float32
	plain  bool
}

func newSdev32(v float32) sdev32 { return sdev32{v, 1 / v, 0x1p-60 <= v && v <= 0x1p60} }

// div returns a/v, and 0 for 0/0: the distance of a point from itself.
func (s *sdev32) div(a float32) float32 {
	if s.plain {
		return float32(a * s.inv)
	}
	if a == 0 && s.v == 0 {
		return 0
	}
	return a / s.v
}

// score returns (x - mu)/v. If the difference overflows, the quotients are subtracted.
func (s *sdev32) score(x, mu float32) float32 {
	d := x - mu
	if abs32(d) == float32(math.Inf(1)) {
		return s.div(x) - s.div(mu)
	}
	return s.div(d)
}

// halfInv32 returns h = e^(-l/2) for l = ln sigma, so that a/sigma is (a h) h, over the whole
// range of float32 and beyond. It is finite, so that 0/0 is 0 here as well.
func halfInv32(l float32) float32 {
	h := exp32(-0.5 * l)
	if math.MaxFloat32 < h {
		h = math.MaxFloat32
	}
	return h
}

// score32 is sdev32.score in the log forms.
func score32(x, mu, h float32) float32 {
	d := x - mu
	if abs32(d) == float32(math.Inf(1)) {
		return float32(float32(x*h)*h) - float32(float32(mu*h)*h)
	}
	return float32(float32(d*h) * h)
}

// klTerm32 is what one dimension of a KL divergence is made of.
type klTerm32 struct {
	muQ, sQ, muP, sP float32 // as given; 0 for a standard Gaussian p

	t, r float32 // (muQ-muP)/sigmaP, sigmaQ/sigmaP
	q, p sdev32  // sigma forms
	l, h float32 // log forms: ln r, e^(-ln(sigmaP)/2)
	log  bool
	std  bool
}

// set takes the term at index at; p is the standard Gaussian if muP and sP are nil.
func (k *klTerm32) set(a *gaussArgs[float32], at int) {
	form := a.form
	k.std = a.muP == nil && a.sP == nil
	k.muQ, k.sQ, k.muP, k.sP = a.muQ[at], a.sQ[at], 0, 0
	if !k.std {
		k.muP, k.sP = a.muP[at], a.sP[at]
	}
	if form.isLog() {
		lq, lp := logSigma32(form, k.sQ), logSigma32(form, k.sP)
		k.log = true
		k.l = lq - lp
		k.r = exp32(k.l)
		k.h = halfInv32(lp)
		k.t = score32(k.muQ, k.muP, k.h)
		return
	}
	k.q, k.p = newSdev32(sigma32(form, k.sQ)), newSdev32(1)
	if !k.std {
		k.p = newSdev32(sigma32(form, k.sP))
	}
	k.t = k.p.score(k.muQ, k.muP)
	if k.q.plain && k.p.plain {
		// The correction makes r = 1 where sigmaQ = sigmaP, so that KL(q, q) is 0.
		k.r = float32(k.q.v * k.p.inv)
		k.r = f32.FMA(f32.FMA(-k.r, k.p.v, k.q.v), k.p.inv, k.r)
	} else {
		k.r = k.q.v / k.p.v
	}
}

// klSum32 adds up a row of them: q = sum of (r^2 - 1 + t^2)/4, logs = sum of ln r.
type klSum32 struct {
	q    [16]float32
	logs logSum32
}

func (s *klSum32) add(j int, k *klTerm32) {
	t, r := 0.5*k.t, 0.5*k.r
	s.q[j%16] += f32.FMA(t, t, f32.FMA(r, r, -0.25))
	switch {
	case k.log:
		s.logs.add(j, k.l)
	case k.q.plain && k.p.plain: // r is a normal number
		m, e := split32(k.r)
		s.logs.mul(j, m, e)
	default: // r may have left the range of float32
		mq, eq := split32(k.q.v)
		mp, ep := split32(k.p.v)
		s.logs.mul(j, mq/mp, eq-ep)
	}
}

func (s *klSum32) value() float32 {
	l := s.logs.value()
	if math.MaxFloat32 < l { // sigmaQ is Inf or sigmaP is 0, and q is Inf: so is the value
		l = math.MaxFloat32
	}
	kl := f32.FMA(2, f32.Fold16(&s.q), -l)
	if kl < 0 { // by rounding: the true value is not negative
		kl = 0
	}
	return kl
}

// grad returns the gradients of w times the term: of muQ, of sigmaQ (log forms: of sQ), and of sP.
// r^2 - 1 is (r-1)(r+1) with the division in between, for the range.
func (k *klTerm32) grad(form ScaleForm, w float32) (dmu, dq, dsP float32) {
	r1 := k.r - 1
	switch {
	case k.log:
		dmu = float32(float32(float32(w*k.h)*k.t) * k.h)
		wl := logWeight32(form, w)
		dq = float32(float32(wl*r1) * (k.r + 1))
		dsP = -f32.FMA(float32(wl*k.t), k.t, dq)
	default:
		dmu = k.p.div(float32(w * k.t))
		dq = float32(float32(w*k.q.div(r1)) * (k.r + 1))
		rest := float32(w * k.p.div(r1))
		if form.isSoftplus() && !k.std {
			slope := dSigma32(form, k.sP)
			dsP = keepSlope32(slope, -f32.FMA(float32(dmu*slope), k.t, float32(float32(rest*slope)*(k.r+1))))
		} else {
			dsP = -f32.FMA(dmu, k.t, float32(rest*(k.r+1)))
		}
	}
	if !finite32(dmu) || !finite32(dq) || !finite32(dsP) {
		dmu, dq, dsP = k.wideGrad(form, w, dmu, dq, dsP)
	}
	return dmu, dq, dsP
}

// logWeight32 is the weight of a gradient of s in the log forms: d ln sigma/ds times w.
func logWeight32(form ScaleForm, w float32) float32 {
	if form == LogVar {
		w = float32(0.5 * w)
	}
	return w
}

// toArg32 turns the gradient of sigma into that of s in the sigma forms. Where it may be far
// larger, t^2/sigma, the slope comes before the last product instead: softplus is flat where
// sigma is smallest.
func toArg32(form ScaleForm, s, d float32) float32 {
	if form.isSoftplus() {
		slope := dSigma32(form, s)
		d = keepSlope32(slope, float32(d*slope))
	}
	return d
}

// keepSlope32 returns the gradient d of a softplus argument. Where softplus is flat to the last bit
// there is no gradient, not even of Inf.
func keepSlope32(slope, d float32) float32 {
	if slope == 0 {
		d = 0
	}
	return d
}

// gaussKLGeneric does rows i to end: it writes the values, unless there is no place for them, and with weights the
// gradients; those of p unless there is no place for them.
func gaussKLGeneric(a *gaussArgs[float32], i, end int) {
	var k klTerm32
	for ; i < end; i++ {
		sum := klSum32{logs: newLogSum32()}
		for j := range a.n {
			at := i*a.ld + j
			k.set(a, at)
			if a.v != nil {
				sum.add(j, &k)
			}
			if a.w == nil {
				continue
			}
			dmu, dq, dp := k.grad(a.form, a.w[i])
			if a.dmuP != nil {
				a.dmuP[at], a.dsP[at] = -dmu, dp
			}
			a.dmuQ[at], a.dsQ[at] = dmu, toArg32(a.form, k.sQ, dq)
		}
		if a.v != nil {
			a.v[i] = sum.value()
		}
	}
}

// same reports whether two slices start at the same place; one that is nil or empty does not.
func same[T Float](x, y []T) bool { return len(x) > 0 && len(y) > 0 && &x[0] == &y[0] }

// rowAt returns row i of a matrix; nil if the matrix is nil or has no columns.
func rowAt[T Float](x []T, i, cols, ld int) []T { return partAt(x, i*ld, cols) }

// partAt returns n elements of x from index at on; nil if x is nil or n is 0.
func partAt[T Float](x []T, at, n int) []T {
	if x == nil || n == 0 {
		return nil
	}
	return x[at:][:n]
}
