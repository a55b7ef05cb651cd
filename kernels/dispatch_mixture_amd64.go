//go:build !purego

package kernels

import (
	"math"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/avx2"
	"github.com/elbow-go/elbow/asm/avx512"
)

// The components of a row are rows to the Gaussian kernels, 16 a call, with the same x; what is
// left is a few vectors of exponentials.

func gmmInGo(k, d int) bool {
	isa := asm.Active()
	return isa != asm.AVX512 && isa != asm.AVX2 || k == 0 || d == 0
}

// gmmPriors is maxLogSum32 of the logits of some rows.
func gmmPriors(isa asm.ISA, largest, prior, logits []float32, k, ldl int) {
	for i, r := 0, 0; i < len(prior); i += r {
		r = maxRows(len(prior)-i, k)
		if isa == asm.AVX512 {
			avx512.MaxLogSum(&largest[i], &prior[i], &logits[i*ldl], r, k, ldl)
		} else {
			avx2.MaxLogSum(&largest[i], &prior[i], &logits[i*ldl], r, k, ldl)
		}
	}
}

// A joint holds lseLanes32 of up to 16 rows for machine code: row by row, a log-sum-exp is long
// chains of operations that wait for each other.
type joint struct {
	isa asm.ISA
	l   [laneRows]lseLanes32
	v   [laneRows]float32 // the next terms
}

// add adds l[j] - largest + v[j], for the components of a block, to row i, and leaves them in v.
func (t *joint) add(i int, l []float32, largest float32) {
	for j := range t.v {
		if j < len(l) {
			t.v[j] += l[j] - largest
		} else {
			t.v[j] = float32(math.Inf(-1)) // counts as nothing
		}
	}
	if r := &t.l[i]; t.isa == asm.AVX512 {
		avx512.LSEAdd(&r.m[0], &r.s[0], &t.v[0], laneRows)
	} else {
		avx2.LSEAdd(&r.m[0], &r.s[0], &t.v[0], laneRows)
	}
}

// values writes the first len(dst) rows.
func (t *joint) values(dst []float32) {
	const lanes, ld = len(t.l[0].m), len(t.l[0].m) + len(t.l[0].s)
	if r := &t.l[0]; t.isa == asm.AVX512 {
		avx512.LSEValue(&dst[0], &r.m[0], &r.s[0], len(dst), lanes, ld)
	} else {
		avx2.LSEValue(&dst[0], &r.m[0], &r.s[0], len(dst), lanes, ld)
	}
}

func gmmLogProb32(lp, x, logits, mu, s []float32, form ScaleForm, rows, k, d, ldl, ld int) {
	if gmmInGo(k, d) {
		gmmLogProbGeneric(lp, x, logits, mu, s, form, rows, k, d, ldl, ld)
		return
	}
	lanes := laneSlice(new(laneBuf)[:])
	t := joint{isa: asm.Active()}
	for i, r := 0, 0; i < rows; i += r {
		r = min(rows-i, laneRows)
		var largest, prior [laneRows]float32
		gmmPriors(t.isa, largest[:r], prior[:r], logits[i*ldl:], k, ldl)
		for j := range r {
			xi, li := rowAt(x, i+j, d, d), rowAt(logits, i+j, k, ldl)
			t.l[j] = newLSELanes32()
			for c := 0; c < k; c += laneRows {
				n, at := min(k-c, laneRows), (i+j)*ld+c*d
				gaussLogProbRows(t.isa, lanes, t.v[:n], keptScales{}, xi, mu[at:], s[at:], form, n, d, 0, d)
				t.add(j, li[c:c+n], largest[j])
			}
		}
		t.values(lp[i : i+r])
		for j := range r {
			lp[i+j] -= prior[j]
		}
	}
}

// gmmLogProbBackward32: see gmmLogProbBackwardGeneric. Between the densities and their gradients,
// dmu and ds hold what is dear of the scales, unless they are mu and s.
func gmmLogProbBackward32(lp, dx, dlogits, dmu, ds, dlp, x, logits, mu, s []float32, form ScaleForm, rows, k, d, ldl, ld int) {
	if gmmInGo(k, d) {
		gmmLogProbBackwardGeneric(lp, dx, dlogits, dmu, ds, dlp, x, logits, mu, s, form, rows, k, d, ldl, ld)
		return
	}
	lanes := laneSlice(new(laneBuf)[:])
	t := joint{isa: asm.Active()}
	var kept keptScales
	var next []float32
	switch {
	case form.isLog() && !same(ds, s):
		kept.s, next = ds, mu
	case form == SoftplusSigma && !same(ds, s) && !same(dmu, mu):
		kept.mu, kept.s, next = dmu, ds, mu
	}
	for i := range rows {
		xi, li, dli := rowAt(x, i, d, d), rowAt(logits, i, k, ldl), rowAt(dlogits, i, k, ldl)
		var largest, prior [1]float32
		gmmPriors(t.isa, largest[:], prior[:], li, k, k)
		t.l[0] = newLSELanes32()
		plain := true
		for c := 0; c < k; c += laneRows {
			n, at := min(k-c, laneRows), i*ld+c*d
			if !gaussLogProbRows(t.isa, lanes, t.v[:n], kept.from(at), xi, mu[at:], s[at:], form, n, d, 0, d) {
				plain = false
			}
			t.add(0, li[c:c+n], largest[0])
			copy(dli[c:c+n], t.v[:])
		}
		var v [1]float32
		t.values(v[:])
		all := v[0]
		if lp != nil {
			lp[i] = all - prior[0]
		}
		dxi, fetch := rowAt(dx, i, d, d), gmmNext(t.isa, i, rows, k*d)*ld
		clear(dxi)
		all = finiteOr0(all)
		for c := 0; c < k; c += laneRows {
			n, at := min(k-c, laneRows), i*ld+c*d
			var p, pi [laneRows]float32
			for j := range n {
				p[j], pi[j] = dli[c+j]-all, li[c+j]-largest[0]-prior[0]
			}
			exps(p[:], p[:])
			exps(pi[:], pi[:])
			for j := range n {
				dli[c+j] = dlp[i] * (p[j] - pi[j])
				p[j] *= dlp[i]
			}
			gmmGradients(t.isa, p[:n], dmu[at:], ds[at:], xi, mu[at:], s[at:], from(next, fetch+c*d), form, d, plain)
			for j := range n {
				if dxi != nil {
					axpy(dxi, dmu[at+j*d:][:d], -1)
				}
			}
		}
	}
	if dx != nil {
		gmmSumsAgain(t.isa, dx, dmu, rows, k, d, ld)
	}
}

// gmmSumsAgain is gmmSumAgain32 of the rows of a block in which an element, were it a mean, would
// not be plain. The block is one row to that test.
func gmmSumsAgain(isa asm.ISA, dx, dmu []float32, rows, k, d, ld int) {
	for i, r := 0, 0; i < rows; i += r {
		r = maxRows(rows-i, d)
		left, at, n := 0, i*d, r*d
		if isa == asm.AVX512 {
			left = avx512.GaussPlain(&dx[at], &dx[at], 1, n, n, 0, 0, 0)
		} else {
			left = avx2.GaussPlain(&dx[at], &dx[at], 1, n, n, 0, 0, 0)
		}
		for j := i; left > 0 && j < i+r; j++ {
			gmmSumAgain32(dx[j*d:][:d], dmu[j*ld:][:k*d])
		}
	}
}

// gmmNext is the row whose mu the gradients of row i fetch, a row of n elements. On AVX-512, whose
// loops wait for memory, it is the next one, if that stays in the second cache till it is read.
func gmmNext(isa asm.ISA, i, rows, n int) int {
	if isa == asm.AVX512 && i+1 < rows && n <= 1<<16 {
		return i + 1
	}
	return i
}

// gmmGradients writes the gradients of len(w) components with the weights w. plain says that
// all of them are known to be plain. next, if not nil, is the mu to fetch meanwhile, and says that
// ds holds what gaussLogProbRows has left.
func gmmGradients(isa asm.ISA, w, dmu, ds, x, mu, s, next []float32, form ScaleForm, d int, plain bool) {
	for j := 0; j < len(w); {
		r, at := 1, j*d
		if plain {
			r = maxRows(len(w)-j, d)
		} else if plainRowsX(isa, x, mu[at:], s[at:], form, 0, 1, d, d) == 0 {
			gmmGradient32(dmu[at:][:d], ds[at:][:d], w[j], x, mu[at:][:d], s[at:][:d], form, false)
			j++
			continue
		}
		switch {
		case isa == asm.AVX512 && next != nil && form == SoftplusSigma:
			avx512.GMMGradientSoftplusKept(&w[j], &dmu[at], &ds[at], &x[0], &mu[at], &next[at], r, d)
		case isa == asm.AVX512 && next != nil:
			avx512.GMMGradientLogKept(&w[j], &dmu[at], &ds[at], &x[0], &mu[at], &next[at], r, d, form.factor())
		case next != nil && form == SoftplusSigma:
			avx2.GMMGradientSoftplusKept(&w[j], &dmu[at], &ds[at], &x[0], &mu[at], &next[at], r, d)
		case next != nil:
			avx2.GMMGradientLogKept(&w[j], &dmu[at], &ds[at], &x[0], &mu[at], &next[at], r, d, form.factor())
		case isa == asm.AVX512 && form == Sigma:
			avx512.GMMGradientSigma(&w[j], &dmu[at], &ds[at], &x[0], &mu[at], &s[at], r, d)
		case isa == asm.AVX512 && form == SoftplusSigma:
			avx512.GMMGradientSoftplus(&w[j], &dmu[at], &ds[at], &x[0], &mu[at], &s[at], r, d)
		case isa == asm.AVX512:
			avx512.GMMGradientLog(&w[j], &dmu[at], &ds[at], &x[0], &mu[at], &s[at], r, d, form.factor())
		case form == Sigma:
			avx2.GMMGradientSigma(&w[j], &dmu[at], &ds[at], &x[0], &mu[at], &s[at], r, d)
		case form == SoftplusSigma:
			avx2.GMMGradientSoftplus(&w[j], &dmu[at], &ds[at], &x[0], &mu[at], &s[at], r, d)
		default:
			avx2.GMMGradientLog(&w[j], &dmu[at], &ds[at], &x[0], &mu[at], &s[at], r, d, form.factor())
		}
		j += r
	}
}
