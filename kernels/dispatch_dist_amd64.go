//go:build !purego

package kernels

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/avx2"
	"github.com/elbow-go/elbow/asm/avx512"
)

// distRows is the most rows that one call gets in the kernels of this file.
const distRows = 64

// values returns the place of the row values i to i+r of a gradient kernel, which hold its
// weights: v, or buf if the values are not wanted.
func values(v []float32, buf *[distRows]float32, w []float32, i, r int) *float32 {
	p := buf[:r]
	if v != nil {
		p = v[i : i+r]
	}
	copy(p, w[i:i+r])
	return &p[0]
}

// bernoulliLogProb32 is what bernoulliLogProbGeneric is.
func bernoulliLogProb32(lp, dlogits, dlp, x, logits []float32, rows, d int) {
	if d == 0 {
		bernoulliLogProbGeneric(lp, dlogits, dlp, x, logits, rows, d)
		return
	}
	var buf [distRows]float32
	for i, r := 0, 0; i < rows; i += r {
		r = maxRows(min(rows-i, distRows), d)
		at := i * d
		switch isa := asm.Active(); {
		case isa == asm.AVX512 && dlogits == nil:
			avx512.BernoulliLogProb(&lp[i], &x[at], &logits[at], r, d)
		case isa == asm.AVX512:
			avx512.BernoulliLogProbBackward(values(lp, &buf, dlp, i, r), &dlogits[at], &x[at], &logits[at], r, d)
		case isa == asm.AVX2 && dlogits == nil:
			avx2.BernoulliLogProb(&lp[i], &x[at], &logits[at], r, d)
		case isa == asm.AVX2:
			avx2.BernoulliLogProbBackward(values(lp, &buf, dlp, i, r), &dlogits[at], &x[at], &logits[at], r, d)
		default:
			bernoulliLogProbGeneric(lp, dlogits, dlp, x, logits, rows, d)
			return
		}
	}
}

// categoricalLogProb32 is what categoricalLogProbGeneric is. The element of the outcome is
// done here, with the logarithm: it is one in a row.
func categoricalLogProb32(lp, dlogits, dlp []float32, target []int32, logits []float32, rows, k int) {
	isa := asm.Active()
	if isa != asm.AVX512 && isa != asm.AVX2 || k == 0 {
		categoricalLogProbGeneric(lp, dlogits, dlp, target, logits, rows, k)
		return
	}
	var largest, sum, ly [distRows]float32
	for i, r := 0, 0; i < rows; i += r {
		r = maxRows(min(rows-i, distRows), k)
		at := i * k
		for j := range r { // dlogits may be logits
			ly[j] = logits[at+j*k+int(target[i+j])]
		}
		if dlogits != nil {
			copy(sum[:r], dlp[i:])
		}
		switch {
		case isa == asm.AVX512 && dlogits == nil:
			avx512.CategoricalSums(&largest[0], &sum[0], &logits[at], r, k)
		case isa == asm.AVX512:
			avx512.CategoricalBackward(&largest[0], &sum[0], &dlogits[at], &logits[at], r, k)
		case dlogits == nil:
			avx2.CategoricalSums(&largest[0], &sum[0], &logits[at], r, k)
		default:
			avx2.CategoricalBackward(&largest[0], &sum[0], &dlogits[at], &logits[at], r, k)
		}
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
