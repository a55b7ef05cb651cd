package kernels

import "github.com/elbow-go/elbow/internal/size"

// Dense as the Ld of a [Mixture] says that its matrices are dense, each with rows of its own length.
const Dense = -1

// Mixture holds the parameters of mixtures of K components, in each row one or several. Logits, Mu
// and S are matrices [rows, ...], row-major, all with the row stride Ld, so that they may be parts
// of one head in any order; or three dense matrices if Ld is [Dense]. S gives the scales in one of
// the forms of [ScaleForm].
//
//	                     Logits       Mu, S        in each row
//	GMMLogProb           [K]          [K, cols]    one mixture over all columns
//	LogisticMixture..    [cols, K]    [cols, K]    a mixture for each column
//
// Mask, [rows, cols], dense, is 0 where an entry of x is missing; nil is nowhere. Bivariate mixtures,
// whose components have a correlation, are a [Bivariate].
type Mixture[T Float] struct {
	Logits, Mu, S []T
	Mask          []T
	K, Ld         int
	Form          ScaleForm
}

// MixtureGrad holds the gradients of a [Mixture]. They have the layout of what they are the
// gradients of, with its row stride.
type MixtureGrad[T Float] struct {
	Logits, Mu, S []T
}

// A mixtureSize is the row strides of a mixture, and how many elements its slices have to have.
type mixtureSize struct{ ldl, ld, logits, n int }

// check panics unless the argument p of function fn holds what it should: with each, a mixture for
// each column. rows and cols have been checked.
func (p *Mixture[T]) check(fn string, rows, cols int, each bool) (s mixtureSize) {
	switch {
	case p == nil:
		panic(badNil(fn, "p"))
	case p.K < 0:
		panic(badArg(fn, "p.K", p.K, 0))
	}
	checkForm(fn, "p.Form", p.Form)
	logits, n := p.K, size.Mul(p.K, cols)
	if each {
		logits = n
	}
	s.ldl, s.ld = p.Ld, p.Ld
	if p.Ld == Dense {
		s.ldl, s.ld = logits, n
	} else if most := max(logits, n); p.Ld < most {
		panic(badArg(fn, "p.Ld", p.Ld, most))
	}
	checkDenseOrNil(fn, "p.Mask", p.Mask, rows, cols)
	s.logits, s.n = size.Matrix(rows, logits, s.ldl), size.Matrix(rows, n, s.ld)
	checkMixture(fn, "p", len(p.Logits), len(p.Mu), len(p.S), s)
	return s
}

// check panics unless the gradients have the size of the parameters.
func (d *MixtureGrad[T]) check(fn string, s mixtureSize) {
	if d == nil {
		panic(badNil(fn, "dp"))
	}
	checkMixture(fn, "dp", len(d.Logits), len(d.Mu), len(d.S), s)
}

// checkMixture panics unless the slices of an argument are long enough.
func checkMixture(fn, arg string, logits, mu, scales int, s mixtureSize) {
	switch {
	case logits < s.logits:
		panic(badField(fn, arg, "Logits", logits, s.logits))
	case mu < s.n:
		panic(badField(fn, arg, "Mu", mu, s.n))
	case scales < s.n:
		panic(badField(fn, arg, "S", scales, s.n))
	}
}

// GMMLogProb writes the log-density of each row under a mixture of diagonal Gaussians, in
// nats.
//
//	lp[i] = ln sum_c pi_c N(x; mu_c, sigma_c),   pi = softmax(logits[i])
//	      = LSE_c(l_c + ln N(x; mu_c, sigma_c)) - LSE_c(l_c),   l_c = logits_c - max logits
//
// x is [rows, cols], dense. p is laid out as [Mixture] says: the K components of a row follow each
// other, each with its dimensions contiguous. lp is [rows], overwritten, and must not overlap the
// rest. ln N is [GaussLogProb]'s.
//
// No finite arguments with |ln sigma| <= 80 give NaN: a component whose log-density is -Inf
// counts as 0, and lp is -Inf where that holds for all of them. A logit of -Inf switches its
// component off, if its density is not Inf. An Inf among the logits, nothing but -Inf among
// them, K = 0, and a NaN anywhere in a row give NaN, in that row alone.
//
// The largest logit is subtracted from all of them first. So a number that is added to all logits
// of a row changes no bit of the results, as long as their differences stay exact, and however
// large they are, they only count by their differences.
// float32: the absolute error is at most the largest of the components' errors (GaussLogProb's
// bound, plus one rounding each of l_c and of its sum with ln N) and
// (16 + K/8) 2^-24 (1 + |lp| + ln K).
//
// GMMLogProb panics if a size is negative, a slice or the stride too short, or the form unknown. It
// starts no goroutine and allocates nothing.
//
// Source: Chung et al. 2015 (RNN-GMM, VRNN-GMM), who put the component index last.
func GMMLogProb[T Float](lp, x []T, p *Mixture[T], rows, cols int) {
	const fn = "GMMLogProb"
	checkSizes(fn, rows, cols)
	s := p.check(fn, rows, cols, false)
	checkDense(fn, "x", len(x), rows, cols)
	checkLen(fn, "lp", len(lp), rows)
	gmm(lp, nil, &MixtureGrad[T]{}, nil, x, p, rows, cols, s)
}

// GMMLogProbBackward is the gradient of [GMMLogProb].
//
//	p_c = softmax_c(logits_c + ln N(x; mu_c, sigma_c))   the responsibilities
//	dlogits_c = w (p_c - pi_c)                           w = dlp[i]
//	dmu_c = w p_c t/sigma_c    dsigma_c = w p_c (t^2 - 1)/sigma_c    dx = -sum_c dmu_c
//
// with t = (x - mu_c)/sigma_c, and ds = dsigma dsigma/ds. dp, which holds dlogits, dmu and ds, is
// overwritten; dx is [rows, cols], dense, overwritten, or nil. lp, if not nil, gets the values of
// GMMLogProb, bit for bit.
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
func GMMLogProbBackward[T Float](lp, dx []T, dp *MixtureGrad[T], dlp, x []T, p *Mixture[T], rows, cols int) {
	const fn = "GMMLogProbBackward"
	checkSizes(fn, rows, cols)
	s := p.check(fn, rows, cols, false)
	dp.check(fn, s)
	checkDense(fn, "x", len(x), rows, cols)
	checkDenseOrNil(fn, "dx", dx, rows, cols)
	checkLen(fn, "dlp", len(dlp), rows)
	checkLenOrNil(fn, "lp", lp, rows)
	gmm(lp, dx, dp, dlp, x, p, rows, cols, s)
}

// gmm is GMMLogProb or, with weights dlp, its gradient.
func gmm[T Float](lp, dx []T, dp *MixtureGrad[T], dlp, x []T, p *Mixture[T], rows, cols int, s mixtureSize) {
	if p.Mask != nil {
		gmmMasked(lp, dx, dp, dlp, x, p, rows, cols, s)
	} else {
		gmmAll(lp, dx, dp, dlp, x, p, rows, cols, s)
	}
}

// gmmAll is gmm without a mask.
func gmmAll[T Float](lp, dx []T, dp *MixtureGrad[T], dlp, x []T, p *Mixture[T], rows, cols int, s mixtureSize) {
	switch {
	case dlp == nil && is32[T]():
		gmmLogProb32(f32s(lp), f32s(x), f32s(p.Logits), f32s(p.Mu), f32s(p.S), p.Form, rows, p.K, cols, s.ldl, s.ld)
	case dlp == nil:
		gmmLogProb64(f64s(lp), f64s(x), f64s(p.Logits), f64s(p.Mu), f64s(p.S), p.Form, rows, p.K, cols, s.ldl, s.ld)
	case is32[T]():
		gmmLogProbBackward32(f32s(lp), f32s(dx), f32s(dp.Logits), f32s(dp.Mu), f32s(dp.S), f32s(dlp),
			f32s(x), f32s(p.Logits), f32s(p.Mu), f32s(p.S), p.Form, rows, p.K, cols, s.ldl, s.ld)
	default:
		gmmLogProbBackward64(f64s(lp), f64s(dx), f64s(dp.Logits), f64s(dp.Mu), f64s(dp.S), f64s(dlp),
			f64s(x), f64s(p.Logits), f64s(p.Mu), f64s(p.S), p.Form, rows, p.K, cols, s.ldl, s.ld)
	}
}
