package kernels

import (
	"math"

	"github.com/elbow-go/elbow/internal/f32"
)

// Gradients of the Gaussian family beyond the plain range. A score, or a product on the way, may
// overflow where the gradient fits: (x-mu)/sigma times a small weight, or times the slope of a
// softplus. Such a gradient is computed again in float64, which holds all of these numbers, with
// the exponentials of float32 and nothing but products, quotients and sums: so it has the same
// bits everywhere.
//
// Machine code does no such thing: it does not take rows where it could come to that. So
// elements count as plain here exactly where they do there.

// sRange says which s are plain: those with (bits of s & mask) - low <= span. For Sigma they go
// from 2^-30 to 2^30, in the log forms to |s| = 40, for SoftplusSigma to |s| = 2^30.
func (f ScaleForm) sRange() (mask, low, span uint32) {
	switch {
	case f == Sigma:
		lo, hi := math.Float32bits(f32.MinPlainSigma), math.Float32bits(f32.MaxPlainSigma)
		return math.MaxUint32, lo, hi - lo
	case f.isLog():
		return 1<<31 - 1, 0, math.Float32bits(f32.MaxPlainLog)
	}
	return 1<<31 - 1, 0, math.Float32bits(f32.MaxPlainSigma)
}

func (f ScaleForm) plainScale(s float32) bool {
	mask, low, span := f.sRange()
	return math.Float32bits(s)&mask-low <= span
}

// farMean reports whether the score t of a mean and what it is the mean of is out of the ranges.
func farMean(t, x, mu float32) bool {
	return !(abs32(t) < f32.MaxPlainScore) && (abs32(x) > f32.MaxPlainMean || abs32(mu) > f32.MaxPlainMean)
}

func finite32(x float32) bool { return x-x == 0 }

// fitting32 returns x, or wide if x is not finite and wide is a number.
func fitting32(x float32, wide float64) float32 {
	if !finite32(x) && wide == wide {
		return float32(wide)
	}
	return x
}

// wideScale32 returns 1/sigma, and the derivative of ln sigma with respect to s.
func wideScale32(form ScaleForm, s float32) (inv, slope float64) {
	if form.isLog() {
		h := float64(halfInv32(logSigma32(form, s)))
		return h * h, float64(logWeight32(form, 1))
	}
	inv = 1 / float64(sigma32(form, s))
	return inv, inv * float64(dSigma32(form, s))
}

// lpWideGrad32 returns the gradients of w ln N, given the score t and the gradients as they came
// out in float32.
func lpWideGrad32(form ScaleForm, w, x, mu, s, t, dmu, ds float32) (_, _ float32) {
	if form.plainScale(s) && !farMean(t, x, mu) {
		return dmu, ds
	}
	inv, slope := wideScale32(form, s)
	z := (float64(x) - float64(mu)) * inv
	wz := float64(w) * z
	return fitting32(dmu, wz*inv), fitting32(ds, (float64(wz*z)-float64(w))*slope)
}

// wideGrad is the same for grad.
func (k *klTerm32) wideGrad(form ScaleForm, w, dmu, dq, dsP float32) (_, _, _ float32) {
	plainP := k.std || form.plainScale(k.sP)
	if form.plainScale(k.sQ) && plainP && !farMean(k.t, k.muQ, k.muP) {
		return dmu, dq, dsP
	}
	invQ, slopeQ := wideScale32(form, k.sQ)
	invP, slopeP := 1.0, 0.0
	if !k.std {
		invP, slopeP = wideScale32(form, k.sP)
	}
	r := invP / invQ
	if !k.log {
		slopeQ = invQ // of sigma itself
	}
	z := (float64(k.muQ) - float64(k.muP)) * invP
	wz, r2 := float64(w)*z, float64(float64(w)*(float64(r*r)-1))
	return fitting32(dmu, wz*invP), fitting32(dq, r2*slopeQ), fitting32(dsP, -(float64(wz*z)+r2)*slopeP)
}
