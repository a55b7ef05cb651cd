package kernels

import (
	"fmt"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
)

// Categorical holds the parameters of variables that are one of cols classes, in each row one: the
// logits of the classes, [rows, cols], dense.
type Categorical[T Float] struct {
	Logits []T
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
	checkTarget(fn, target, rows, cols)
	if is32[T]() {
		categoricalLogProb32(f32s(lp), nil, nil, target, f32s(p.Logits), rows, cols)
	} else {
		categoricalLogProb64(f64s(lp), nil, nil, target, f64s(p.Logits), rows, cols)
	}
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
	checkTarget(fn, target, rows, cols)
	if is32[T]() {
		categoricalLogProb32(f32s(lp), f32s(dp.Logits), f32s(dlp), target, f32s(p.Logits), rows, cols)
	} else {
		categoricalLogProb64(f64s(lp), f64s(dp.Logits), f64s(dlp), target, f64s(p.Logits), rows, cols)
	}
}

func checkTarget(fn string, target []int32, rows, cols int) {
	checkLen(fn, "target", len(target), rows)
	for i, y := range target[:rows] {
		if y < 0 || int(y) >= cols {
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
