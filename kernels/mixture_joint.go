package kernels

import (
	"math"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
	"github.com/elbow-go/elbow/internal/f32"
)

// The components of a row are rows to the Gaussian kernels, 16 a call, with the same x; what is
// left is a few vectors of exponentials.

// A joint holds lseLanes32 of up to 16 rows for machine code: row by row, a log-sum-exp is long
// chains of operations that wait for each other.
type joint struct {
	isa asm.ISA
	l   [f32.LaneRows]lseLanes32
	v   [f32.LaneRows]float32 // the next terms
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
	r := &t.l[i]
	simd.LSEAdd(t.isa, &r.m[0], &r.s[0], &t.v[0], f32.LaneRows)
}

// values writes the first len(dst) rows.
func (t *joint) values(dst []float32) {
	const lanes, ld = len(t.l[0].m), len(t.l[0].m) + len(t.l[0].s)
	r := &t.l[0]
	simd.LSEValue(t.isa, &dst[0], &r.m[0], &r.s[0], len(dst), lanes, ld)
}

func gmmLogProb32(lp, x, logits, mu, s []float32, form ScaleForm, rows, k, d, ldl, ld int) {
	isa := asm.Active()
	if isa == asm.Generic || k == 0 || d == 0 {
		gmmLogProbGeneric(lp, x, logits, mu, s, form, rows, k, d, ldl, ld)
		return
	}
	lanes := laneSlice(new(laneBuf)[:])
	a := gaussArgs[float32]{form: form, n: d, ld: d}
	t := joint{isa: isa}
	for i, r := 0, 0; i < rows; i += r {
		r = min(rows-i, f32.LaneRows)
		var largest, prior [f32.LaneRows]float32
		simd.MaxLogSum(isa, &largest[0], &prior[0], &logits[i*ldl], r, k, ldl)
		for j := range r {
			li := rowAt(logits, i+j, k, ldl)
			a.x = rowAt(x, i+j, d, d)
			t.l[j] = newLSELanes32()
			for c := 0; c < k; c += f32.LaneRows {
				n, at := min(k-c, f32.LaneRows), (i+j)*ld+c*d
				a.v, a.muQ, a.sQ, a.rows = t.v[:n], mu[at:], s[at:], n
				gaussLogProbBlocks(isa, lanes, &a)
				t.add(j, li[c:c+n], largest[j])
			}
		}
		t.values(lp[i : i+r])
		for j := range r {
			lp[i+j] -= prior[j]
		}
	}
}

// gmmLogProbBackward32 is what gmmLogProbBackwardGeneric is. The gradients need the scales that
// the densities have computed. Until then these wait in the place of the gradients, dmu and ds,
// unless mu and s themselves are there.
func gmmLogProbBackward32(lp, dx, dlogits, dmu, ds, dlp, x, logits, mu, s []float32, form ScaleForm, rows, k, d, ldl, ld int) {
	isa := asm.Active()
	if isa == asm.Generic || k == 0 || d == 0 {
		gmmLogProbBackwardGeneric(lp, dx, dlogits, dmu, ds, dlp, x, logits, mu, s, form, rows, k, d, ldl, ld)
		return
	}
	lanes := laneSlice(new(laneBuf)[:])
	a := gaussArgs[float32]{form: form, n: d, ld: d}
	t := joint{isa: isa}
	var keptMu, keptS, next []float32
	switch {
	case form.isLog() && !same(ds, s):
		keptS, next = ds, mu
	case form.isSoftplus() && !same(ds, s) && !same(dmu, mu):
		keptMu, keptS, next = dmu, ds, mu
	}
	for i := range rows {
		li, dli := rowAt(logits, i, k, ldl), rowAt(dlogits, i, k, ldl)
		a.x = rowAt(x, i, d, d)
		var largest, prior float32
		simd.MaxLogSum(isa, &largest, &prior, &li[0], 1, k, k)
		t.l[0] = newLSELanes32()
		plain := true
		for c := 0; c < k; c += f32.LaneRows {
			n, at := min(k-c, f32.LaneRows), i*ld+c*d
			a.v, a.dmuQ, a.dsQ, a.muQ, a.sQ, a.rows = t.v[:n], from(keptMu, at), from(keptS, at), mu[at:], s[at:], n
			if !gaussLogProbBlocks(isa, lanes, &a) {
				plain = false
			}
			t.add(0, li[c:c+n], largest)
			copy(dli[c:c+n], t.v[:])
		}
		var v [1]float32
		t.values(v[:])
		all := v[0]
		if lp != nil {
			lp[i] = all - prior
		}
		dxi, fetch := rowAt(dx, i, d, d), gmmNext(isa, i, rows, k*d)*ld
		clear(dxi)
		all = finiteOr0(all)
		for c := 0; c < k; c += f32.LaneRows {
			n, at := min(k-c, f32.LaneRows), i*ld+c*d
			var p, pi [f32.LaneRows]float32
			for j := range n {
				p[j], pi[j] = dli[c+j]-all, li[c+j]-largest-prior
			}
			exps(p[:], p[:])
			exps(pi[:], pi[:])
			for j := range n {
				dli[c+j] = dlp[i] * (p[j] - pi[j])
				p[j] *= dlp[i]
			}
			gmmGradients(isa, p[:n], dmu[at:], ds[at:], a.x, mu[at:], s[at:], from(next, fetch+c*d), form, d, plain)
			for j := range n {
				if dxi != nil {
					axpy(dxi, dmu[at+j*d:][:d], -1)
				}
			}
		}
	}
	if dx != nil {
		gmmSumsAgain(isa, dx, dmu, rows, k, d, ld)
	}
}

// gmmSumsAgain calls gmmSumAgain32 where an element of dx may have overflowed. Such rows are rare,
// so blocks of rows are searched for them with the test for plain rows, to which a block is one
// long row of means: it fails if an element is infinite, or larger than a plain mean.
func gmmSumsAgain(isa asm.ISA, dx, dmu []float32, rows, k, d, ld int) {
	for i, r := 0, 0; i < rows; i += r {
		r = simd.Rows(rows-i, d)
		at, n := i*d, r*d
		left := simd.GaussPlain(isa, nil, &dx[at], &dx[at], 1, n, n, 0, 0, 0)
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
// dmu and ds hold what gaussLogProbBlocks has kept.
func gmmGradients(isa asm.ISA, w, dmu, ds, x, mu, s, next []float32, form ScaleForm, d int, plain bool) {
	scale, factor := form.machine()
	for j := 0; j < len(w); {
		r, at := 1, j*d
		if plain {
			r = len(w) - j
		} else if plainRows(isa, x, mu[at:], s[at:], form, 1, d, d) == 0 {
			gmmGradient32(dmu[at:][:d], ds[at:][:d], w[j], x, mu[at:][:d], s[at:][:d], form, false)
			j++
			continue
		}
		simd.GMMGradient(isa, scale, &w[j], &dmu[at], &ds[at], &x[0], &mu[at], ref(next, at), &s[at], r, d, factor)
		j += r
	}
}
