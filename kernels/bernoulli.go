package kernels

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
)

// Bernoulli holds the parameters of independent bits: their logits, [rows, cols], dense. Mask, of the
// same layout, is 0 where a bit is missing; nil is none.
type Bernoulli[T Float] struct {
	Logits, Mask []T
}

// BernoulliGrad holds the gradient of a [Bernoulli], in its layout.
type BernoulliGrad[T Float] struct {
	Logits []T
}

// BernoulliLogProb writes the log-likelihood of each row under independent Bernoulli variables
// given by their logits, in nats.
//
//	lp[i] = sum_j ( x l - softplus(l) ) = sum_j ( x ln sigmoid(l) + (1-x) ln(1 - sigmoid(l)) )
//
// x and l = p.Logits are [rows, cols], dense; lp is [rows], overwritten, and must not overlap the
// rest. x is 0 or 1, or a probability between them (then -lp is the cross-entropy).
//
// The sum is computed as (x - [l>0]) l - ln(1 + e^-|l|), the logarithms as one logarithm of a
// product, so nothing overflows or cancels however large |l| is. A logit of Inf or -Inf is
// certainty: it costs 0 if x agrees, else lp is -Inf. A NaN makes its row NaN.
// float32: sums over 16 virtual lanes; the absolute error is at most
// 2^-24 ( 4d + 24 + (8 + d/16) sum_j |x - [l>0]| |l| ).
//
// BernoulliLogProb panics if p is nil, a size negative or a slice too short. Zero sizes are legal; a
// row of none has lp = 0. It starts no goroutine and allocates nothing.
func BernoulliLogProb[T Float](lp, x []T, p *Bernoulli[T], rows, cols int) {
	const fn = "BernoulliLogProb"
	checkSizes(fn, rows, cols)
	if p == nil {
		panic(badNil(fn, "p"))
	}
	checkDense(fn, "x", len(x), rows, cols)
	checkDense(fn, "p.Logits", len(p.Logits), rows, cols)
	checkDenseOrNil(fn, "p.Mask", p.Mask, rows, cols)
	checkLen(fn, "lp", len(lp), rows)
	bernoulliLogProb(lp, nil, nil, x, p.Logits, p.Mask, rows, cols)
}

// BernoulliLogProbBackward is the gradient of [BernoulliLogProb].
//
//	dlogits = w (x - sigmoid(l))   w = dlp[i]
//
// dlogits = dp.Logits is [rows, cols], dense, overwritten; it may be p.Logits or x. lp, if not nil,
// gets the values of BernoulliLogProb, bit for bit; nothing else may overlap. A NaN in x or logits
// stays in its element.
// float32: x - [l>0] and sigmoid(-|l|) are combined, so the gradient of a right and certain
// prediction is small and precise, not a difference of ones: the absolute error is at most
// 2^-24 w (3 |x - [l>0]| + 8 sigmoid(-|l|)) where that is a normal number.
//
// BernoulliLogProbBackward panics as BernoulliLogProb does, and if dp is nil.
func BernoulliLogProbBackward[T Float](lp []T, dp *BernoulliGrad[T], dlp, x []T, p *Bernoulli[T], rows, cols int) {
	const fn = "BernoulliLogProbBackward"
	checkSizes(fn, rows, cols)
	switch {
	case p == nil:
		panic(badNil(fn, "p"))
	case dp == nil:
		panic(badNil(fn, "dp"))
	}
	checkDense(fn, "x", len(x), rows, cols)
	checkDense(fn, "p.Logits", len(p.Logits), rows, cols)
	checkDenseOrNil(fn, "p.Mask", p.Mask, rows, cols)
	checkDense(fn, "dp.Logits", len(dp.Logits), rows, cols)
	checkLen(fn, "dlp", len(dlp), rows)
	checkLenOrNil(fn, "lp", lp, rows)
	bernoulliLogProb(lp, dp.Logits, dlp, x, p.Logits, p.Mask, rows, cols)
}

// bernoulliLogProb writes lp or the gradient dlogits or both; what is nil is left out.
func bernoulliLogProb[T Float](lp, dlogits, dlp, x, logits, mask []T, rows, d int) {
	if mask == nil {
		bernoulliLogProbAll(lp, dlogits, dlp, x, logits, rows, d)
		return
	}
	clear(lp[:min(rows, len(lp))])
	for s := newSpans(mask, rows, d); s.next(); s.add(lp) {
		bernoulliLogProbAll(s.values(lp), s.of(dlogits, d, 1), from(dlp, s.row), s.of(x, d, 1), s.of(logits, d, 1), s.rows, s.cols)
	}
	clearMissing(dlogits, mask, rows, d, d, 1)
}

// bernoulliLogProbAll is bernoulliLogProb without a mask.
func bernoulliLogProbAll[T Float](lp, dlogits, dlp, x, logits []T, rows, d int) {
	if is32[T]() {
		bernoulliLogProb32(f32s(lp), f32s(dlogits), f32s(dlp), f32s(x), f32s(logits), rows, d)
	} else {
		bernoulliLogProb64(f64s(lp), f64s(dlogits), f64s(dlp), f64s(x), f64s(logits), rows, d)
	}
}

// bernoulliLogProb32 is what bernoulliLogProbGeneric is.
func bernoulliLogProb32(lp, dlogits, dlp, x, logits []float32, rows, d int) {
	isa := asm.Active()
	if isa == asm.Generic || d == 0 {
		bernoulliLogProbGeneric(lp, dlogits, dlp, x, logits, rows, d)
		return
	}
	var buf [distRows]float32
	for i, r := 0, 0; i < rows; i += r {
		r = simd.Rows(min(rows-i, distRows), d)
		v := ref(lp, i)
		if dlogits != nil {
			v = values(lp, &buf, dlp, i, r)
		}
		simd.BernoulliLogProb(isa, v, ref(dlogits, i*d), &x[i*d], &logits[i*d], r, d)
	}
}
