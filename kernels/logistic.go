package kernels

import (
	"fmt"

	"github.com/elbow-go/elbow/internal/size"
)

// maxLevels is the finest grid: that of 16 bit.
const maxLevels = 1 << 16

// LogisticMixtureLogProb writes the log-probability of each row under mixtures of discretised
// logistic distributions, one mixture for each dimension, in nats: the likelihood of quantised
// signals, such as 8 or 16 bit audio, of PixelCNN++ and Parallel WaveNet.
//
//	lp[i] = sum_j ln sum_c pi_c ( F((x + h - mu_c)/s_c) - F((x - h - mu_c)/s_c) )
//	F(z) = 1/(1 + e^-z)   h = 1/(levels-1)   pi = softmax(logits)
//
// with F(..) = 0 on the left of the lowest level and 1 on the right of the highest, so that the
// probabilities of all levels sum to 1. The levels lie at -1, -1 + 2h, ..., 1; x counts as the
// nearest of them.
//
// x is [rows, d], dense. logits, mu and s are [rows, d, k]: the d mixtures of a row follow each
// other, each with its k components contiguous; the row stride of all three is ld >= d k, so they
// may be parts of one head [rows, 3 d k]. lp is [rows], overwritten, and must not overlap the
// rest. The scale s_c is given by s in one of the forms of [ScaleForm] (with [LogSigma], it is the
// log scale; there is no need to keep it above -7). levels is 2 to 65536: 256 for 8 bit.
//
// The bin's probability is formed as (1 - e^-delta) F(b) F(-a), delta = b - a = 2h/s_c, so that
// nothing cancels: neither for narrow scales, nor far from the mean, nor for bins far narrower
// than the scale. float32: the scale counts as within 2^-120 and 2^120 h, |a| and |b| as 7/4 2^127
// (2.98e38) at most; beyond these, values and gradients are those of the end of the range. So
// finite arguments never give NaN, nor -Inf for d = 1. A logit of -Inf switches its component off.
// An Inf among the logits, nothing but -Inf among them, k = 0, a negative s of form [Sigma] and a
// NaN anywhere in a row give NaN, in that row alone.
// float32: the logarithm of a bin's probability p has an absolute error of at most
// 2^-24 (32 + 12 |ln p|); that of a dimension is the largest of its components' and
// (16 + k/8) 2^-24 (1 + |ln p| + ln k), as in [GMMLogProb], and so is what is said of the logits
// there; the sum runs over 16 virtual lanes.
//
// LogisticMixtureLogProb panics if a size is negative, a slice or the stride too short, or levels
// or form unknown. It starts no goroutine and allocates nothing.
//
// Source: Salimans et al. 2017, "PixelCNN++", section 2.1; van den Oord et al. 2018.
func LogisticMixtureLogProb[T Float](lp, x, logits, mu, s []T, form ScaleForm, levels, rows, k, d, ld int) {
	const fn = "LogisticMixtureLogProb"
	checkLogistic(fn, x, logits, mu, s, form, levels, rows, k, d, ld)
	checkLen(fn, "lp", len(lp), rows)
	switch lp := any(lp).(type) {
	case []float32:
		logisticMixture32(lp, nil, nil, nil, nil, any(x).([]float32), any(logits).([]float32), any(mu).([]float32), any(s).([]float32),
			form, levels, rows, k, d, ld)
	case []float64:
		logisticMixture64(lp, nil, nil, nil, nil, any(x).([]float64), any(logits).([]float64), any(mu).([]float64), any(s).([]float64),
			form, levels, rows, k, d, ld)
	}
}

// LogisticMixtureLogProbBackward is the gradient of [LogisticMixtureLogProb]; x has none.
//
//	p_c = softmax_c(logits_c + ln P_c)                    the responsibilities
//	dlogits_c = w (p_c - pi_c)                            w = dlp[i]
//	dmu_c = w p_c (F(a) - F(-b))/s_c                      a = (x - h - mu_c)/s_c   b = (x + h - mu_c)/s_c
//	ds_c = w p_c (a F(a) - b F(-b) - delta/(e^delta - 1))/s_c
//
// At the lowest level there is no a and no delta, at the highest no b and no delta. dlogits, dmu
// and ds have the layout of logits, mu and s, with the same stride, and are overwritten. lp, if
// not nil, gets the values of LogisticMixtureLogProb, bit for bit. dmu may be mu and ds may be s;
// nothing else may overlap (dlogits is used on the way).
//
// A component with w p_c = 0 gets gradients of exactly 0. A NaN in a row makes gradients of that
// row NaN, and no other's.
// float32: p_c has a relative error of the errors of lp and its component together. The other
// factors are differences, with absolute errors: F(a) - F(-b) is within
// 8 2^-24 (F(a) (1 + |a|) + F(-b) (1 + |b|)), the bracket of ds within 12 2^-24 (1 + |ln P_c|). Relative
// to what is left of them they may be off by any amount: F(a) - F(-b) at the middle of a bin, the
// bracket where it changes its sign.
// No gradient is infinite: one beyond the range of float32, or that would be with w p_c = 1, counts
// as the end of it. Finite arguments give no NaN.
//
// LogisticMixtureLogProbBackward panics as LogisticMixtureLogProb does.
func LogisticMixtureLogProbBackward[T Float](lp, dlogits, dmu, ds, dlp, x, logits, mu, s []T, form ScaleForm, levels, rows, k, d, ld int) {
	const fn = "LogisticMixtureLogProbBackward"
	checkLogistic(fn, x, logits, mu, s, form, levels, rows, k, d, ld)
	checkMatrix(fn, "dlogits", len(dlogits), rows, size.Mul(d, k), ld)
	checkMatrix(fn, "dmu", len(dmu), rows, size.Mul(d, k), ld)
	checkMatrix(fn, "ds", len(ds), rows, size.Mul(d, k), ld)
	checkLen(fn, "dlp", len(dlp), rows)
	if lp != nil {
		checkLen(fn, "lp", len(lp), rows)
	}
	switch lp := any(lp).(type) {
	case []float32:
		logisticMixture32(lp, any(dlogits).([]float32), any(dmu).([]float32), any(ds).([]float32), any(dlp).([]float32),
			any(x).([]float32), any(logits).([]float32), any(mu).([]float32), any(s).([]float32), form, levels, rows, k, d, ld)
	case []float64:
		logisticMixture64(lp, any(dlogits).([]float64), any(dmu).([]float64), any(ds).([]float64), any(dlp).([]float64),
			any(x).([]float64), any(logits).([]float64), any(mu).([]float64), any(s).([]float64), form, levels, rows, k, d, ld)
	}
}

func checkLogistic[T Float](fn string, x, logits, mu, s []T, form ScaleForm, levels, rows, k, d, ld int) {
	checkForm(fn, form)
	if levels < 2 || levels > maxLevels {
		panic(fmt.Sprintf("kernels: %s: levels = %d, want 2 to %d", fn, levels, maxLevels))
	}
	checkSize(fn, "k", k, 0)
	checkMatrix(fn, "x", len(x), rows, d, d)
	checkMatrix(fn, "logits", len(logits), rows, size.Mul(d, k), ld)
	checkMatrix(fn, "mu", len(mu), rows, size.Mul(d, k), ld)
	checkMatrix(fn, "s", len(s), rows, size.Mul(d, k), ld)
}
