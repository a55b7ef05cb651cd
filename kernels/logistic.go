package kernels

import (
	"fmt"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
	"github.com/elbow-go/elbow/internal/f32"
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
// x is [rows, cols], dense. p is laid out as [Mixture] says: the mixtures of the columns follow each
// other, each with its K components contiguous. lp is [rows], overwritten, and must not overlap the
// rest. The scale s_c is given by p.S (with [LogSigma], that is the log scale; there is no need to
// keep it above -7). levels is 2 to 65536: 256 for 8 bit.
//
// The bin's probability is formed as (1 - e^-delta) F(b) F(-a), delta = b - a = 2h/s_c, so that
// nothing cancels: neither for narrow scales, nor far from the mean, nor for bins far narrower
// than the scale. float32: the scale counts as within 2^-120 and 2^120 h, |a| and |b| as 7/4 2^127
// (2.98e38) at most; beyond these, values and gradients are those of the end of the range. So
// finite arguments never give NaN, nor -Inf for one column. A logit of -Inf switches its component off.
// An Inf among the logits, nothing but -Inf among them, K = 0, a negative s of form [Sigma] and a
// NaN anywhere in a row give NaN, in that row alone.
// float32: the logarithm of a bin's probability p has an absolute error of at most
// 2^-24 (32 + 12 |ln p|); that of a dimension is the largest of its components' and
// (16 + K/8) 2^-24 (1 + |ln p| + ln K), as in [GMMLogProb], and so is what is said of the logits
// there; the sum runs over 16 virtual lanes.
//
// LogisticMixtureLogProb panics if a size is negative, a slice or the stride too short, or levels
// or the form unknown. It starts no goroutine and allocates nothing.
//
// Source: Salimans et al. 2017, "PixelCNN++", section 2.1; van den Oord et al. 2018.
func LogisticMixtureLogProb[T Float](lp, x []T, levels int, p *Mixture[T], rows, cols int) {
	const fn = "LogisticMixtureLogProb"
	checkLevels(fn, levels)
	checkSizes(fn, rows, cols)
	s := p.check(fn, rows, cols, true)
	checkDense(fn, "x", len(x), rows, cols)
	checkLen(fn, "lp", len(lp), rows)
	logisticMixture(lp, &MixtureGrad[T]{}, nil, x, levels, p, rows, cols, s.ld)
}

// LogisticMixtureLogProbBackward is the gradient of [LogisticMixtureLogProb]; x has none.
//
//	p_c = softmax_c(logits_c + ln P_c)                    the responsibilities
//	dlogits_c = w (p_c - pi_c)                            w = dlp[i]
//	dmu_c = w p_c (F(a) - F(-b))/s_c                      a = (x - h - mu_c)/s_c   b = (x + h - mu_c)/s_c
//	ds_c = w p_c (a F(a) - b F(-b) - delta/(e^delta - 1))/s_c
//
// At the lowest level there is no a and no delta, at the highest no b and no delta. dp, which holds
// dlogits, dmu and ds, is overwritten. lp, if not nil, gets the values of LogisticMixtureLogProb,
// bit for bit. dmu may be mu and ds may be s; nothing else may overlap (dlogits is used on the way).
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
func LogisticMixtureLogProbBackward[T Float](lp []T, dp *MixtureGrad[T], dlp, x []T, levels int, p *Mixture[T], rows, cols int) {
	const fn = "LogisticMixtureLogProbBackward"
	checkLevels(fn, levels)
	checkSizes(fn, rows, cols)
	s := p.check(fn, rows, cols, true)
	dp.check(fn, s)
	checkDense(fn, "x", len(x), rows, cols)
	checkLen(fn, "dlp", len(dlp), rows)
	checkLenOrNil(fn, "lp", lp, rows)
	logisticMixture(lp, dp, dlp, x, levels, p, rows, cols, s.ld)
}

// logisticMixture writes lp or the gradients of dp or both; what is nil is left out.
func logisticMixture[T Float](lp []T, dp *MixtureGrad[T], dlp, x []T, levels int, p *Mixture[T], rows, cols, ld int) {
	if p.Mask == nil {
		logisticMixtureAll(lp, dp, dlp, x, levels, p, rows, cols, ld)
		return
	}
	k := p.K
	clear(lp[:min(rows, len(lp))])
	for s := newSpans(p.Mask, rows, cols); s.next(); s.add(lp) {
		dq := MixtureGrad[T]{Logits: s.of(dp.Logits, ld, k), Mu: s.of(dp.Mu, ld, k), S: s.of(dp.S, ld, k)}
		q := Mixture[T]{Logits: s.of(p.Logits, ld, k), Mu: s.of(p.Mu, ld, k), S: s.of(p.S, ld, k), K: k, Form: p.Form}
		logisticMixtureAll(s.values(lp), &dq, from(dlp, s.row), s.of(x, cols, 1), levels, &q, s.rows, s.cols, ld)
	}
	for _, d := range [][]T{dp.Logits, dp.Mu, dp.S} {
		clearMissing(d, p.Mask, rows, cols, ld, k)
	}
}

// logisticMixtureAll is logisticMixture without a mask.
func logisticMixtureAll[T Float](lp []T, dp *MixtureGrad[T], dlp, x []T, levels int, p *Mixture[T], rows, cols, ld int) {
	if is32[T]() {
		logisticMixture32(f32s(lp), f32s(dp.Logits), f32s(dp.Mu), f32s(dp.S), f32s(dlp), f32s(x), f32s(p.Logits), f32s(p.Mu), f32s(p.S),
			p.Form, levels, rows, p.K, cols, ld)
	} else {
		logisticMixture64(f64s(lp), f64s(dp.Logits), f64s(dp.Mu), f64s(dp.S), f64s(dlp), f64s(x), f64s(p.Logits), f64s(p.Mu), f64s(p.S),
			p.Form, levels, rows, p.K, cols, ld)
	}
}

func checkLevels(fn string, levels int) {
	if levels < 2 || levels > maxLevels {
		panic(fmt.Sprintf("kernels: %s: levels = %d, want 2 to %d", fn, levels, maxLevels))
	}
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
