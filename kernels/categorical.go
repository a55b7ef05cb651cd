package kernels

import (
	"fmt"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
)

// Categorical holds the parameters of variables that are one of cols classes, in each row one: the
// logits of the classes, [rows, cols], dense. Mask, [rows], is 0 where the class is missing, whatever
// the target says; nil is nowhere.
type Categorical[T Float] struct {
	Logits, Mask []T
}

// CategoricalGrad holds the gradient of a [Categorical], in its layout.
type CategoricalGrad[T Float] struct {
	Logits []T
}

// CategoricalLogProb writes the log-probability of each row's target under a softmax, in nats.
//
//	lp[i] = logits[i,y] - ln sum_c e^logits[i,c],   y = target[i]
//
// logits = p.Logits is [rows, cols], dense; target and lp are [rows], 0 <= target[i] < cols; lp is overwritten and
// must not overlap logits.
//
// The maximum of the row is subtracted first, so no finite row overflows unless the result
// does. A logit of -Inf is a class of probability 0: lp = -Inf if it is the target. A row that
// is all -Inf, or has an Inf or a NaN, gives NaN, in that row alone.
// float32: the sum runs over 16 virtual lanes; the absolute error is at most
// 2^-24 (12 + k/16 + 3 ln k + 2 |lp|).
//
// CategoricalLogProb panics, before anything is written, if p is nil, a size negative, a slice too
// short or a target out of range. It starts no goroutine and allocates nothing.
func CategoricalLogProb[T Float](lp []T, target []int32, p *Categorical[T], rows, cols int) {
	const fn = "CategoricalLogProb"
	checkSizes(fn, rows, cols)
	if p == nil {
		panic(badNil(fn, "p"))
	}
	checkDense(fn, "p.Logits", len(p.Logits), rows, cols)
	checkLen(fn, "lp", len(lp), rows)
	checkTarget(fn, target, p.Mask, rows, cols)
	categoricalLogProb(lp, nil, nil, target, p.Logits, p.Mask, rows, cols)
}

// CategoricalLogProbBackward is the gradient of [CategoricalLogProb].
//
//	dlogits[i,c] = w ([c = y] - softmax(logits[i])_c)   w = dlp[i]
//
// For the negative log-likelihood as a loss dlp is negative. dlogits = dp.Logits is [rows, cols],
// dense, overwritten; it may be p.Logits. lp, if not nil, gets the values of CategoricalLogProb, bit for
// bit; nothing else may overlap. Rows with NaN as there.
// float32: the probabilities have the bits of [Softmax]; [c = y] - p is rounded once, and so is
// its product with w.
//
// CategoricalLogProbBackward panics as CategoricalLogProb does, and if dp is nil.
func CategoricalLogProbBackward[T Float](lp []T, dp *CategoricalGrad[T], dlp []T, target []int32, p *Categorical[T], rows, cols int) {
	const fn = "CategoricalLogProbBackward"
	checkSizes(fn, rows, cols)
	switch {
	case p == nil:
		panic(badNil(fn, "p"))
	case dp == nil:
		panic(badNil(fn, "dp"))
	}
	checkDense(fn, "p.Logits", len(p.Logits), rows, cols)
	checkDense(fn, "dp.Logits", len(dp.Logits), rows, cols)
	checkLen(fn, "dlp", len(dlp), rows)
	checkLenOrNil(fn, "lp", lp, rows)
	checkTarget(fn, target, p.Mask, rows, cols)
	categoricalLogProb(lp, dp.Logits, dlp, target, p.Logits, p.Mask, rows, cols)
}

// categoricalLogProb writes lp or the gradient dlogits or both; what is nil is left out.
func categoricalLogProb[T Float](lp, dlogits, dlp []T, target []int32, logits, mask []T, rows, k int) {
	if mask == nil {
		categoricalLogProbAll(lp, dlogits, dlp, target, logits, rows, k)
		return
	}
	clear(lp[:min(rows, len(lp))])
	for s := newSpans(mask, rows, 1); s.next(); {
		categoricalLogProbAll(s.values(lp), s.of(dlogits, k, 0), from(dlp, s.row), target[s.row:], s.of(logits, k, 0), s.rows, k)
	}
	clearMissing(dlogits, mask, rows, 1, k, k)
}

// categoricalLogProbAll is categoricalLogProb without a mask.
func categoricalLogProbAll[T Float](lp, dlogits, dlp []T, target []int32, logits []T, rows, k int) {
	if is32[T]() {
		categoricalLogProb32(f32s(lp), f32s(dlogits), f32s(dlp), target, f32s(logits), rows, k)
	} else {
		categoricalLogProb64(f64s(lp), f64s(dlogits), f64s(dlp), target, f64s(logits), rows, k)
	}
}

func checkTarget[T Float](fn string, target []int32, mask []T, rows, cols int) {
	checkLen(fn, "target", len(target), rows)
	checkLenOrNil(fn, "p.Mask", mask, rows)
	for i, y := range target[:rows] {
		if (y < 0 || int(y) >= cols) && (mask == nil || mask[i] != 0) {
			panic(fmt.Sprintf("kernels: %s: target[%d] = %d, want at least 0 and less than cols = %d", fn, i, y, cols))
		}
	}
}

// categoricalLogProb32 is what categoricalLogProbGeneric is. The element of the outcome is
// done here, with the logarithm: it is one in a row.
func categoricalLogProb32(lp, dlogits, dlp []float32, target []int32, logits []float32, rows, k int) {
	isa := asm.Active()
	if isa == asm.Generic || k == 0 {
		categoricalLogProbGeneric(lp, dlogits, dlp, target, logits, rows, k)
		return
	}
	var largest, sum, ly [distRows]float32
	for i, r := 0, 0; i < rows; i += r {
		r = simd.Rows(min(rows-i, distRows), k)
		at := i * k
		for j := range r { // dlogits may be logits
			ly[j] = logits[at+j*k+int(target[i+j])]
		}
		if dlogits != nil {
			copy(sum[:r], dlp[i:])
		}
		simd.Categorical(isa, &largest[0], &sum[0], ref(dlogits, at), &logits[at], r, k)
		for j := range r {
			l := ly[j] - largest[j]
			if lp != nil {
				lp[i+j] = l - log32(sum[j])
			}
			if dlogits != nil {
				p := float32(exp32(l) * (1 / sum[j]))
				dlogits[at+j*k+int(target[i+j])] = dlp[i+j] * (1 - p)
			}
		}
	}
}
