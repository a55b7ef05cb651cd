package kernels

import "github.com/elbow-go/elbow/internal/size"

// GMMLogProb writes the log-density of each row under a mixture of diagonal Gaussians, in
// nats.
//
//	lp[i] = ln sum_c pi_c N(x; mu_c, sigma_c),   pi = softmax(logits[i])
//	      = LSE_c(l_c + ln N(x; mu_c, sigma_c)) - LSE_c(l_c),   l_c = logits_c - max logits
//
// x is [rows, d], dense. logits is [rows, k], row stride ldl >= k. mu and s are [rows, k, d]: the
// k components of a row follow each other, each with its d dimensions contiguous; the row
// stride of both is ld >= k d. So logits, mu and s may be parts of one head of any layout of
// rows. lp is [rows], overwritten, and must not overlap the rest. ln N is [GaussLogProb]'s, and
// s has one of the forms of [ScaleForm].
//
// No finite arguments with |ln sigma| <= 80 give NaN: a component whose log-density is -Inf
// counts as 0, and lp is -Inf where that holds for all of them. A logit of -Inf switches its
// component off, if its density is not Inf. An Inf among the logits, nothing but -Inf among
// them, k = 0, and a NaN anywhere in a row give NaN, in that row alone.
//
// The largest logit is subtracted from all of them first. So a number that is added to all logits
// of a row changes no bit of the results, as long as their differences stay exact, and however
// large they are, they only count by their differences.
// float32: the absolute error is at most the largest of the components' errors (GaussLogProb's
// bound, plus one rounding each of l_c and of its sum with ln N) and
// (16 + k/8) 2^-24 (1 + |lp| + ln k).
//
// GMMLogProb panics if a size is negative, a slice or a stride too short, or form unknown. It
// starts no goroutine and allocates nothing.
//
// Source: Chung et al. 2015 (RNN-GMM, VRNN-GMM), who put the component index last.
func GMMLogProb[T Float](lp, x, logits, mu, s []T, form ScaleForm, rows, k, d, ldl, ld int) {
	const fn = "GMMLogProb"
	checkGMM(fn, x, logits, mu, s, form, rows, k, d, ldl, ld)
	checkLen(fn, "lp", len(lp), rows)
	if is32[T]() {
		gmmLogProb32(f32s(lp), f32s(x), f32s(logits), f32s(mu), f32s(s), form, rows, k, d, ldl, ld)
	} else {
		gmmLogProb64(f64s(lp), f64s(x), f64s(logits), f64s(mu), f64s(s), form, rows, k, d, ldl, ld)
	}
}

// GMMLogProbBackward is the gradient of [GMMLogProb].
//
//	p_c = softmax_c(logits_c + ln N(x; mu_c, sigma_c))   the responsibilities
//	dlogits_c = w (p_c - pi_c)                           w = dlp[i]
//	dmu_c = w p_c t/sigma_c    dsigma_c = w p_c (t^2 - 1)/sigma_c    dx = -sum_c dmu_c
//
// with t = (x - mu_c)/sigma_c, and ds = dsigma dsigma/ds. dlogits, dmu and ds have the layout
// of logits, mu and s, with the same strides, and are overwritten; dx is [rows, d], dense,
// overwritten, or nil. lp, if not nil, gets the values of GMMLogProb, bit for bit.
// dmu may be mu and ds may be s; nothing else may overlap (dlogits is used on the way).
//
// A component with w p_c = 0 gets gradients of exactly 0, however far away it is; a row with
// lp = -Inf has no responsibilities, so its dmu, ds and dx are 0. A NaN in a row makes that
// row's gradients NaN, and no other's; where a softplus is flat to the last bit, ds stays 0.
// float32: no gradient is infinite. One beyond the range, and one in a sum dx, counts as the end
// of it; finite arguments with |ln sigma| <= 80 and |w| <= 2^30 give no NaN.
// float32: p_c has a relative error of the errors of lp and its component together, dmu and ds
// that of p_c and three roundings more than [GaussLogProbBackward]'s.
//
// GMMLogProbBackward panics as GMMLogProb does.
func GMMLogProbBackward[T Float](lp, dx, dlogits, dmu, ds, dlp, x, logits, mu, s []T, form ScaleForm, rows, k, d, ldl, ld int) {
	const fn = "GMMLogProbBackward"
	checkGMM(fn, x, logits, mu, s, form, rows, k, d, ldl, ld)
	checkMatrix(fn, "dlogits", len(dlogits), rows, k, ldl)
	checkMatrix(fn, "dmu", len(dmu), rows, size.Mul(k, d), ld)
	checkMatrix(fn, "ds", len(ds), rows, size.Mul(k, d), ld)
	if dx != nil {
		checkMatrix(fn, "dx", len(dx), rows, d, d)
	}
	checkLen(fn, "dlp", len(dlp), rows)
	if lp != nil {
		checkLen(fn, "lp", len(lp), rows)
	}
	if is32[T]() {
		gmmLogProbBackward32(f32s(lp), f32s(dx), f32s(dlogits), f32s(dmu), f32s(ds), f32s(dlp), f32s(x), f32s(logits), f32s(mu), f32s(s), form,
			rows, k, d, ldl, ld)
	} else {
		gmmLogProbBackward64(f64s(lp), f64s(dx), f64s(dlogits), f64s(dmu), f64s(ds), f64s(dlp), f64s(x), f64s(logits), f64s(mu), f64s(s), form,
			rows, k, d, ldl, ld)
	}
}

func checkGMM[T Float](fn string, x, logits, mu, s []T, form ScaleForm, rows, k, d, ldl, ld int) {
	checkForm(fn, "form", form)
	checkMatrix(fn, "x", len(x), rows, d, d)
	checkMatrix(fn, "logits", len(logits), rows, k, ldl)
	checkMatrix(fn, "mu", len(mu), rows, size.Mul(k, d), ld)
	checkMatrix(fn, "s", len(s), rows, size.Mul(k, d), ld)
}
