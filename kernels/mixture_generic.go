package kernels

import (
	"math"

	"github.com/elbow-go/elbow/internal/f32"
)

// lseLanes32 is a log-sum-exp whose terms come one by one, in 16 virtual lanes: each lane has
// a running maximum m and the sum s of e^(v - m). The maxima stay within the finite numbers, so
// that terms of -Inf count as 0 and a term of Inf gives Inf; NaN goes to s.
type lseLanes32 struct{ m, s [16]float32 }

func newLSELanes32() (l lseLanes32) {
	for i := range l.m {
		l.m[i] = -math.MaxFloat32
	}
	return l
}

func (l *lseLanes32) add(c int, v float32) {
	i := c % 16
	m := l.m[i]
	if v > m {
		m = v
	}
	if math.MaxFloat32 < m {
		m = math.MaxFloat32
	}
	l.s[i] = f32.FMA(l.s[i], exp32(l.m[i]-m), exp32(v-m))
	l.m[i] = m
}

func (l *lseLanes32) value() float32 {
	m := rowMax(l.m[:])
	for i := range l.s {
		l.s[i] = float32(l.s[i] * exp32(l.m[i]-m))
	}
	return m + log32(f32.Fold16(&l.s))
}

func gmmLogProbGeneric(lp, x, logits, mu, s []float32, form ScaleForm, rows, k, d, ldl, ld int) {
	for i := range rows {
		xi, li := rowAt(x, i, d, d), rowAt(logits, i, k, ldl)
		largest, prior := maxLogSum32(li)
		joint := newLSELanes32()
		for c, l := range li {
			at := i*ld + c*d
			joint.add(c, l-largest+gaussLogProbRow32(nil, nil, nil, 0, xi, partAt(mu, at, d), partAt(s, at, d), form, false))
		}
		lp[i] = joint.value() - prior
	}
}

// Until the responsibilities are known, dlogits holds the components' terms; dmu and ds hold what
// is dear of the scales, unless they are mu and s.
func gmmLogProbBackwardGeneric(lp, dx, dlogits, dmu, ds, dlp, x, logits, mu, s []float32, form ScaleForm, rows, k, d, ldl, ld int) {
	kept := form != Sigma && !same(dmu, mu) && !same(ds, s)
	for i := range rows {
		xi, li, dli := rowAt(x, i, d, d), rowAt(logits, i, k, ldl), rowAt(dlogits, i, k, ldl)
		largest, prior := maxLogSum32(li)
		joint := newLSELanes32()
		for c, l := range li {
			at := i*ld + c*d
			var a, b []float32
			if kept {
				a, b = partAt(dmu, at, d), partAt(ds, at, d)
			}
			dli[c] = l - largest + gaussLogProbRow32(nil, a, b, 0, xi, partAt(mu, at, d), partAt(s, at, d), form, kept)
			joint.add(c, dli[c])
		}
		all := joint.value()
		if lp != nil {
			lp[i] = all - prior
		}
		dxi := rowAt(dx, i, d, d)
		clear(dxi)
		for c, l := range li {
			p := exp32(dli[c] - finiteOr0(all)) // all terms -Inf: no responsibilities
			dli[c] = dlp[i] * (p - exp32(l-largest-prior))
			at := i*ld + c*d
			gmmGradient32(partAt(dmu, at, d), partAt(ds, at, d), float32(dlp[i]*p), xi, partAt(mu, at, d), partAt(s, at, d), form, kept)
			for j := range dxi {
				dxi[j] -= dmu[at+j]
			}
		}
		gmmSumAgain32(dxi, partAt(dmu, i*ld, k*d))
	}
}

// gmmGradient32 writes the gradients of a component with the weight w; kept says that dmu and ds
// hold what gaussLogProbRow32 has left. A component that does not count has no gradients, even
// where its own are Inf or NaN. None is infinite, for two reasons: their sum may be finite, and
// where a log-density has lost the digits of its responsibility, so may they.
func gmmGradient32(dmu, ds []float32, w float32, x, mu, s []float32, form ScaleForm, kept bool) {
	if w == 0 {
		clear(dmu)
		clear(ds)
		return
	}
	for j, xj := range x {
		var k lpScale32
		if kept {
			k = restoreScale32(form, dmu[j], ds[j])
		} else {
			k = newLPScale32(form, s[j])
		}
		var t float32
		if form.isLog() {
			t = score32(xj, mu[j], k.h)
		} else {
			t = k.sd.score(xj, mu[j])
		}
		a, b := k.grad(form, w, t, xj, mu[j], s[j])
		dmu[j], ds[j] = clamp32(a, math.MaxFloat32), clamp32(b, math.MaxFloat32)
	}
}

// gmmSumAgain32 adds up in float64 the elements of dx that have overflowed; they stay finite.
func gmmSumAgain32(dx, dmu []float32) {
	for j, v := range dx {
		if finite32(v) {
			continue
		}
		sum := 0.0
		for at := j; at < len(dmu); at += len(dx) {
			sum -= float64(dmu[at])
		}
		dx[j] = clamp32(float32(sum), math.MaxFloat32)
	}
}

// scaleOrClear32 returns x times a; a = 0 gives +0, even from Inf and NaN: a component that does
// not count has no gradient.
func scaleOrClear32(x, a float32) float32 {
	if a == 0 {
		return 0
	}
	return float32(x * a)
}

func gmmLogProb64(lp, x, logits, mu, s []float64, form ScaleForm, rows, k, d, ldl, ld int) {
	for i := range rows {
		xi, li := rowAt(x, i, d, d), rowAt(logits, i, k, ldl)
		largest, prior := maxLogSum64(li)
		joint := newLSE64()
		for c, l := range li {
			at := i*ld + c*d
			joint.add(l - largest + gaussLogProbRow64(nil, nil, nil, 0, xi, partAt(mu, at, d), partAt(s, at, d), form))
		}
		lp[i] = joint.value() - prior
	}
}

func gmmLogProbBackward64(lp, dx, dlogits, dmu, ds, dlp, x, logits, mu, s []float64, form ScaleForm, rows, k, d, ldl, ld int) {
	for i := range rows {
		xi, li, dli := rowAt(x, i, d, d), rowAt(logits, i, k, ldl), rowAt(dlogits, i, k, ldl)
		largest, prior := maxLogSum64(li)
		joint := newLSE64()
		for c, l := range li {
			at := i*ld + c*d
			dli[c] = l - largest + gaussLogProbRow64(nil, nil, nil, 0, xi, partAt(mu, at, d), partAt(s, at, d), form)
			joint.add(dli[c])
		}
		all := joint.value()
		if lp != nil {
			lp[i] = all - prior
		}
		dxi := rowAt(dx, i, d, d)
		clear(dxi)
		for c, l := range li {
			p := math.Exp(dli[c] - finiteOr0(all))
			dli[c] = dlp[i] * (p - math.Exp(l-largest-prior))
			at := i*ld + c*d
			gm, gs := partAt(dmu, at, d), partAt(ds, at, d)
			if w := dlp[i] * p; w != 0 {
				gaussLogProbRow64(nil, gm, gs, w, xi, partAt(mu, at, d), partAt(s, at, d), form)
			} else {
				clear(gm)
				clear(gs)
			}
			for j := range dxi {
				dxi[j] -= gm[j]
			}
		}
	}
}

// lse64 is a log-sum-exp whose terms come one by one.
type lse64 struct{ m, s float64 }

func newLSE64() lse64 { return lse64{m: -math.MaxFloat64} }

func (l *lse64) add(v float64) {
	m := l.m
	if v > m {
		m = min(v, math.MaxFloat64)
	}
	l.s = l.s*math.Exp(l.m-m) + math.Exp(v-m)
	l.m = m
}

func (l *lse64) value() float64 { return l.m + math.Log(l.s) }
