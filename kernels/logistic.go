package kernels

import (
	"fmt"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
	"github.com/elbow-go/elbow/internal/f32"
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
	if is32[T]() {
		logisticMixture32(f32s(lp), nil, nil, nil, nil, f32s(x), f32s(logits), f32s(mu), f32s(s), form, levels, rows, k, d, ld)
	} else {
		logisticMixture64(f64s(lp), nil, nil, nil, nil, f64s(x), f64s(logits), f64s(mu), f64s(s), form, levels, rows, k, d, ld)
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
	if is32[T]() {
		logisticMixture32(f32s(lp), f32s(dlogits), f32s(dmu), f32s(ds), f32s(dlp), f32s(x), f32s(logits), f32s(mu), f32s(s), form, levels, rows, k, d, ld)
	} else {
		logisticMixture64(f64s(lp), f64s(dlogits), f64s(dmu), f64s(ds), f64s(dlp), f64s(x), f64s(logits), f64s(mu), f64s(s), form, levels, rows, k, d, ld)
	}
}

func checkLogistic[T Float](fn string, x, logits, mu, s []T, form ScaleForm, levels, rows, k, d, ld int) {
	checkForm(fn, "form", form)
	if levels < 2 || levels > maxLevels {
		panic(fmt.Sprintf("kernels: %s: levels = %d, want 2 to %d", fn, levels, maxLevels))
	}
	checkSize(fn, "k", k, 0)
	checkMatrix(fn, "x", len(x), rows, d, d)
	checkMatrix(fn, "logits", len(logits), rows, size.Mul(d, k), ld)
	checkMatrix(fn, "mu", len(mu), rows, size.Mul(d, k), ld)
	checkMatrix(fn, "s", len(s), rows, size.Mul(d, k), ld)
}

// logisticMixture32 is what logisticMixtureGeneric is. The machine code takes mixtures: rows
// with one dimension, or the dimensions of one row, whose values are summed here.
func logisticMixture32(lp, dlogits, dmu, ds, dlp, x, logits, mu, s []float32, form ScaleForm, levels, rows, k, d, ld int) {
	isa := asm.Active()
	if isa == asm.Generic || k == 0 || d == 0 {
		logisticMixtureGeneric(lp, dlogits, dmu, ds, dlp, x, logits, mu, s, form, levels, rows, k, d, ld)
		return
	}
	g := newLogisticGrid(levels)
	scale, factor := form.machine()
	// v holds the weights of n mixtures, if there are gradients, and gets the values.
	var v [distRows]float32
	mixtures := func(at, xi, n, ld int) {
		simd.Logistic(isa, scale, &v[0], ref(dlogits, at), ref(dmu, at), ref(ds, at), &x[xi], &logits[at], &mu[at], &s[at],
			n, k, ld, g.levels1, g.step, g.last, g.unit, factor)
	}
	if d == 1 {
		for i, r := 0, 0; i < rows; i += r {
			r = mixRows(rows-i, k)
			if dlogits != nil {
				copy(v[:r], dlp[i:])
			}
			mixtures(i*ld, i, r, ld)
			if lp != nil {
				copy(lp[i:], v[:r])
			}
		}
		return
	}
	for i := range rows {
		var lanes [16]float32
		for j, r := 0, 0; j < d; j += r {
			r = mixRows(d-j, k)
			for m := range r {
				if dlogits != nil {
					v[m] = dlp[i]
				}
			}
			mixtures(i*ld+j*k, i*d+j, r, k)
			for m := range r {
				lanes[(j+m)%16] += v[m]
			}
		}
		if lp != nil {
			lp[i] = f32.Fold16(&lanes)
		}
	}
}
