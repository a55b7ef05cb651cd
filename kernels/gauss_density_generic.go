package kernels

import (
	"math"

	"github.com/elbow-go/elbow/internal/f32"
)

// lpScale32 is the scale of one dimension of a log-density: sigma and, of SoftplusSigma, dsigma/ds
// in the sigma forms, e^(-ln(sigma)/2) in the log forms.
type lpScale32 struct {
	sd       sdev32
	slope, h float32
}

func newLPScale32(form ScaleForm, s float32) (k lpScale32) {
	switch {
	case form.isLog():
		k.h = halfInv32(logSigma32(form, s))
	case form.isSoftplus():
		var v float32
		v, k.slope = softplusSigma32(form, s)
		k.sd = newSdev32(v)
	default:
		k.sd = newSdev32(s)
	}
	return k
}

// kept is what restoreScale32 makes the scale of again, without exponentials and logarithms.
func (k *lpScale32) kept(form ScaleForm) (a, b float32) {
	if form.isLog() {
		return 0, k.h
	}
	return k.sd.v, k.slope
}

func restoreScale32(form ScaleForm, a, b float32) (k lpScale32) {
	if form.isLog() {
		k.h = b
	} else {
		k.sd, k.slope = newSdev32(a), b
	}
	return k
}

// grad returns the gradients of w times the term with the score t. It is given x, mu and s again,
// for what overflows.
func (k *lpScale32) grad(form ScaleForm, w, t, x, mu, s float32) (dmu, ds float32) {
	switch {
	case form.isLog():
		dmu = float32(float32(float32(w*k.h)*t) * k.h)
		wl := logWeight32(form, w)
		ds = f32.FMA(float32(wl*t), t, -wl)
	case form.isSoftplus():
		dmu = k.sd.div(float32(w * t))
		ds = keepSlope32(k.slope, f32.FMA(float32(dmu*k.slope), t, -float32(k.sd.div(w)*k.slope)))
	default:
		dmu = k.sd.div(float32(w * t))
		ds = f32.FMA(dmu, t, -k.sd.div(w))
	}
	if !finite32(dmu) || !finite32(ds) {
		dmu, ds = lpWideGrad32(form, w, x, mu, s, t, dmu, ds)
	}
	return dmu, ds
}

// lpSum32 adds up a row of a log-density: t = sum of t^2/4, logs = sum of ln sigma.
type lpSum32 struct {
	t    [16]float32
	logs logSum32
}

// value returns the log-density of a row of d dimensions.
func (s *lpSum32) value(d int) float32 {
	t, l := f32.Fold16(&s.t), s.logs.value()
	if t == float32(math.Inf(1)) && l == float32(math.Inf(-1)) {
		l = 0 // off the mean of a Gaussian of width 0: the distance decides
	}
	return f32.FMA(-2, t, 0-f32.FMA(float32(d), f32.HalfLog2Pi, l)) // 0 - x: +0 for d = 0
}

// gaussLogProbRow32 returns the log-density of the row x, and writes the gradients of w times it to
// dmu, ds and dx; dx, or all of them, may be nil. With keep, dmu and ds get what is kept of the
// scales instead.
func gaussLogProbRow32(dx, dmu, ds []float32, w float32, x, mu, s []float32, form ScaleForm, keep bool) float32 {
	sum := lpSum32{logs: newLogSum32()}
	for j, xj := range x {
		var t float32
		var k lpScale32
		switch {
		case form.isLog():
			l := logSigma32(form, s[j])
			k.h = halfInv32(l)
			t = score32(xj, mu[j], k.h)
			sum.logs.add(j, l)
		default:
			if form.isSoftplus() && dmu != nil {
				k = newLPScale32(form, s[j])
			} else {
				k.sd = newSdev32(sigma32(form, s[j]))
			}
			t = k.sd.score(xj, mu[j])
			m, e := split32(k.sd.v)
			sum.logs.mul(j, m, e)
		}
		u := 0.5 * t
		sum.t[j%16] = f32.FMA(u, u, sum.t[j%16])
		if keep {
			dmu[j], ds[j] = k.kept(form)
		} else if dmu != nil {
			dmu[j], ds[j] = k.grad(form, w, t, xj, mu[j], s[j])
		}
		if dx != nil {
			dx[j] = -dmu[j]
		}
	}
	return sum.value(len(x))
}

// gaussLogProbGeneric does rows i to end: it writes the values, unless there is no place for them, and with weights the
// gradients; that of x unless there is no place for it.
func gaussLogProbGeneric(a *gaussArgs[float32], i, end int) {
	for ; i < end; i++ {
		var dmu, ds []float32
		if a.w != nil {
			dmu, ds = rowAt(a.dmuQ, i, a.n, a.ld), rowAt(a.dsQ, i, a.n, a.ld)
		}
		v := gaussLogProbRow32(rowAt(a.dx, i, a.n, a.n), dmu, ds, orZero(a.w, i),
			rowAt(a.x, i, a.n, a.ldx), rowAt(a.muQ, i, a.n, a.ld), rowAt(a.sQ, i, a.n, a.ld), a.form, false)
		if a.v != nil {
			a.v[i] = v
		}
	}
}
