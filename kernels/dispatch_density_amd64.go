//go:build !purego

package kernels

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/avx2"
	"github.com/elbow-go/elbow/asm/avx512"
)

// plainRowsX is plainRows with x, which is dense.
func plainRowsX(isa asm.ISA, x, mu, s []float32, form ScaleForm, i, r, d, ld int) int {
	mask, low, span := form.sRange()
	at := i * ld
	if isa == asm.AVX512 {
		return r - avx512.GaussPlainX(&x[i*d], &mu[at], &s[at], r, d, ld, mask, low, span)
	}
	return r - avx2.GaussPlainX(&x[i*d], &mu[at], &s[at], r, d, ld, mask, low, span)
}

func gaussLogProb32(lp, x, mu, s []float32, form ScaleForm, rows, d, ld int) {
	isa := asm.Active()
	if isa != asm.AVX512 && isa != asm.AVX2 || d == 0 {
		gaussLogProbGeneric(lp, x, mu, s, form, rows, d, ld)
		return
	}
	if rows <= fewRows {
		gaussLogProbRows(isa, new(fewLanes)[:], lp, keptScales{}, x, mu, s, form, rows, d, d, ld)
	} else {
		gaussLogProbRows(isa, new(laneBuf)[:], lp, keptScales{}, x, mu, s, form, rows, d, d, ld)
	}
}

// keptScales is where gaussLogProbRows leaves of the scales of plain rows what their gradients
// need: e^(-ln(sigma)/2) in s in the log forms, 1/sigma in mu and dsigma/ds in s with
// SoftplusSigma. Both have the layout of s. In the zero value nothing is left.
type keptScales struct{ mu, s []float32 }

func (k keptScales) from(i int) keptScales { return keptScales{from(k.mu, i), from(k.s, i)} }

// gaussLogProbRows has a row stride of x: d, or 0 for the components of a mixture. It reports
// whether all rows were plain.
func gaussLogProbRows(isa asm.ISA, lanes laneSlice, lp []float32, kept keptScales, x, mu, s []float32, form ScaleForm, rows, d, ldx, ld int) (plain bool) {
	plain = true
	for b := (blocks{}); b.i < rows; {
		i, ax, at := b.i, b.i*ldx, b.i*ld
		r := maxRows(min(rows-i, lanes.rows()), d)
		if b.look() {
			if ldx == 0 {
				r = 1
			}
			r = plainRowsX(isa, x[ax:], mu[at:], s[at:], form, 0, r, d, ld)
		}
		if r == 0 {
			gaussLogProbGeneric(lp[i:], x[ax:], mu[at:], s[at:], form, 1, d, ld)
			plain = false
			b.i++
			continue
		}
		bad := gaussLogProbLanes(isa, lanes, kept.from(at), x[ax:], mu[at:], s[at:], form, r, d, ldx, ld)
		b.done(r, bad|logProbEnd(isa, lp[i:i+r], lanes, form, d))
	}
	return plain
}

// logProbEnd finishes the log-densities of a block.
func logProbEnd(isa asm.ISA, lp []float32, lanes laneSlice, form ScaleForm, d int) (bad int) {
	var v [laneRows]float32
	switch {
	case isa == asm.AVX512 && form.isLog():
		bad = avx512.GaussLogProbLogEnd(&v[0], &lanes[0], lanes.quad(), float32(d))
	case isa == asm.AVX512:
		bad = avx512.GaussLogProbEnd(&v[0], &lanes[0], lanes.quad(), float32(d))
	case form.isLog():
		bad = avx2.GaussLogProbLogEnd(&v[0], &lanes[0], lanes.quad(), float32(d))
	default:
		bad = avx2.GaussLogProbEnd(&v[0], &lanes[0], lanes.quad(), float32(d))
	}
	copy(lp, v[:])
	return bad
}

func gaussLogProbLanes(isa asm.ISA, lanes laneSlice, kept keptScales, x, mu, s []float32, form ScaleForm, r, d, ldx, ld int) (bad int) {
	switch {
	case isa == asm.AVX512 && kept.mu != nil:
		return avx512.GaussLogProbSoftplusKeep(&lanes[0], &x[0], &mu[0], &s[0], &kept.mu[0], &kept.s[0], r, d, ldx, ld)
	case isa == asm.AVX512 && kept.s != nil:
		return avx512.GaussLogProbLogKeep(&lanes[0], &x[0], &mu[0], &s[0], &kept.s[0], r, d, ldx, ld, form.factor())
	case kept.mu != nil:
		return avx2.GaussLogProbSoftplusKeep(&lanes[0], &x[0], &mu[0], &s[0], &kept.mu[0], &kept.s[0], r, d, ldx, ld)
	case kept.s != nil:
		return avx2.GaussLogProbLogKeep(&lanes[0], &x[0], &mu[0], &s[0], &kept.s[0], r, d, ldx, ld, form.factor())
	case isa == asm.AVX512 && form == Sigma:
		return avx512.GaussLogProbSigma(&lanes[0], &x[0], &mu[0], &s[0], r, d, ldx, ld)
	case isa == asm.AVX512 && form == SoftplusSigma:
		return avx512.GaussLogProbSoftplus(&lanes[0], &x[0], &mu[0], &s[0], r, d, ldx, ld)
	case isa == asm.AVX512:
		return avx512.GaussLogProbLog(&lanes[0], &x[0], &mu[0], &s[0], r, d, ldx, ld, form.factor())
	case form == Sigma:
		return avx2.GaussLogProbSigma(&lanes[0], &x[0], &mu[0], &s[0], r, d, ldx, ld)
	case form == SoftplusSigma:
		return avx2.GaussLogProbSoftplus(&lanes[0], &x[0], &mu[0], &s[0], r, d, ldx, ld)
	default:
		return avx2.GaussLogProbLog(&lanes[0], &x[0], &mu[0], &s[0], r, d, ldx, ld, form.factor())
	}
}

func gaussLogProbBackward32(lp, dx, dmu, ds, dlp, x, mu, s []float32, form ScaleForm, rows, d, ld int) {
	isa := asm.Active()
	if isa != asm.AVX512 && isa != asm.AVX2 || d == 0 {
		gaussLogProbBackwardGeneric(lp, dx, dmu, ds, dlp, x, mu, s, form, rows, d, ld)
		return
	}
	if rows <= fewRows {
		gaussLogProbBackwardRows(isa, new(fewLanes)[:], lp, dx, dmu, ds, dlp, x, mu, s, form, rows, d, ld)
	} else {
		gaussLogProbBackwardRows(isa, new(laneBuf)[:], lp, dx, dmu, ds, dlp, x, mu, s, form, rows, d, ld)
	}
}

func gaussLogProbBackwardRows(isa asm.ISA, lanes laneSlice, lp, dx, dmu, ds, dlp, x, mu, s []float32, form ScaleForm, rows, d, ld int) {
	inPlace := same(dx, x) || same(dmu, mu) || same(ds, s)
	for b := (blocks{inPlace: inPlace}); b.i < rows; {
		i, ax, at := b.i, b.i*d, b.i*ld
		r := maxRows(min(rows-i, lanes.rows()), d)
		if b.look() {
			r = plainRowsX(isa, x[ax:], mu[at:], s[at:], form, 0, r, d, ld)
		}
		if r == 0 {
			gaussLogProbBackwardGeneric(from(lp, i), from(dx, ax), dmu[at:], ds[at:], dlp[i:], x[ax:], mu[at:], s[at:], form, 1, d, ld)
			b.i++
			continue
		}
		lanes.setWeights(dlp[i : i+r])
		bad := gaussLogProbBackwardLanes(isa, lanes, from(dx, ax), dmu[at:], ds[at:], x[ax:], mu[at:], s[at:], form, r, d, d, ld)
		var v [laneRows]float32
		bad |= logProbEnd(isa, v[:], lanes, form, d)
		if b.done(r, bad) && lp != nil {
			copy(lp[i:i+r], v[:])
		}
	}
}

func gaussLogProbBackwardLanes(isa asm.ISA, lanes laneSlice, dx, dmu, ds, x, mu, s []float32, form ScaleForm, r, d, ldx, ld int) (bad int) {
	if dx == nil {
		switch {
		case isa == asm.AVX512 && form == Sigma:
			return avx512.GaussLogProbSigmaBackward(&lanes[0], &dmu[0], &ds[0], &x[0], &mu[0], &s[0], r, d, ld, ldx)
		case isa == asm.AVX512 && form == SoftplusSigma:
			return avx512.GaussLogProbSoftplusBackward(&lanes[0], &dmu[0], &ds[0], &x[0], &mu[0], &s[0], r, d, ld, ldx)
		case isa == asm.AVX512:
			return avx512.GaussLogProbLogBackward(&lanes[0], &dmu[0], &ds[0], &x[0], &mu[0], &s[0], r, d, ld, ldx, form.factor())
		case form == Sigma:
			return avx2.GaussLogProbSigmaBackward(&lanes[0], &dmu[0], &ds[0], &x[0], &mu[0], &s[0], r, d, ld, ldx)
		case form == SoftplusSigma:
			return avx2.GaussLogProbSoftplusBackward(&lanes[0], &dmu[0], &ds[0], &x[0], &mu[0], &s[0], r, d, ld, ldx)
		default:
			return avx2.GaussLogProbLogBackward(&lanes[0], &dmu[0], &ds[0], &x[0], &mu[0], &s[0], r, d, ld, ldx, form.factor())
		}
	}
	switch {
	case isa == asm.AVX512 && form == Sigma:
		return avx512.GaussLogProbSigmaBackwardX(&lanes[0], &dx[0], &dmu[0], &ds[0], &x[0], &mu[0], &s[0], r, d, ld, ldx)
	case isa == asm.AVX512 && form == SoftplusSigma:
		return avx512.GaussLogProbSoftplusBackwardX(&lanes[0], &dx[0], &dmu[0], &ds[0], &x[0], &mu[0], &s[0], r, d, ld, ldx)
	case isa == asm.AVX512:
		return avx512.GaussLogProbLogBackwardX(&lanes[0], &dx[0], &dmu[0], &ds[0], &x[0], &mu[0], &s[0], r, d, ld, ldx, form.factor())
	case form == Sigma:
		return avx2.GaussLogProbSigmaBackwardX(&lanes[0], &dx[0], &dmu[0], &ds[0], &x[0], &mu[0], &s[0], r, d, ld, ldx)
	case form == SoftplusSigma:
		return avx2.GaussLogProbSoftplusBackwardX(&lanes[0], &dx[0], &dmu[0], &ds[0], &x[0], &mu[0], &s[0], r, d, ld, ldx)
	default:
		return avx2.GaussLogProbLogBackwardX(&lanes[0], &dx[0], &dmu[0], &ds[0], &x[0], &mu[0], &s[0], r, d, ld, ldx, form.factor())
	}
}

func gaussSample32(z, mu, s, eps []float32, form ScaleForm, rows, n, ld int) {
	isa := asm.Active()
	if isa != asm.AVX512 && isa != asm.AVX2 {
		gaussSampleGeneric(z, mu, s, eps, form, rows, n, ld)
		return
	}
	for i, r := 0, 0; i < rowsOf(rows, n); i += r {
		r = maxRows(rows-i, n)
		at := i * ld
		switch {
		case isa == asm.AVX512 && form == Sigma:
			avx512.GaussSampleSigma(&z[i*n], &mu[at], &s[at], &eps[i*n], r, n, ld)
		case isa == asm.AVX512 && form == SoftplusSigma:
			avx512.GaussSampleSoftplus(&z[i*n], &mu[at], &s[at], &eps[i*n], r, n, ld)
		case isa == asm.AVX512:
			avx512.GaussSampleLog(&z[i*n], &mu[at], &s[at], &eps[i*n], r, n, ld, form.factor())
		case form == Sigma:
			avx2.GaussSampleSigma(&z[i*n], &mu[at], &s[at], &eps[i*n], r, n, ld)
		case form == SoftplusSigma:
			avx2.GaussSampleSoftplus(&z[i*n], &mu[at], &s[at], &eps[i*n], r, n, ld)
		default:
			avx2.GaussSampleLog(&z[i*n], &mu[at], &s[at], &eps[i*n], r, n, ld, form.factor())
		}
	}
}

func gaussSampleBackward32(dmu, ds, dz, s, eps []float32, form ScaleForm, rows, n, ld int) {
	isa := asm.Active()
	if isa != asm.AVX512 && isa != asm.AVX2 {
		gaussSampleBackwardGeneric(dmu, ds, dz, s, eps, form, rows, n, ld)
		return
	}
	for i, r := 0, 0; i < rowsOf(rows, n); i += r {
		r = maxRows(rows-i, n)
		at := i * ld
		switch {
		case isa == asm.AVX512 && form == Sigma:
			avx512.GaussSampleSigmaBackward(&dmu[at], &ds[at], &dz[i*n], &s[at], &eps[i*n], r, n, ld)
		case isa == asm.AVX512 && form == SoftplusSigma:
			avx512.GaussSampleSoftplusBackward(&dmu[at], &ds[at], &dz[i*n], &s[at], &eps[i*n], r, n, ld)
		case isa == asm.AVX512:
			avx512.GaussSampleLogBackward(&dmu[at], &ds[at], &dz[i*n], &s[at], &eps[i*n], r, n, ld, form.factor())
		case form == Sigma:
			avx2.GaussSampleSigmaBackward(&dmu[at], &ds[at], &dz[i*n], &s[at], &eps[i*n], r, n, ld)
		case form == SoftplusSigma:
			avx2.GaussSampleSoftplusBackward(&dmu[at], &ds[at], &dz[i*n], &s[at], &eps[i*n], r, n, ld)
		default:
			avx2.GaussSampleLogBackward(&dmu[at], &ds[at], &dz[i*n], &s[at], &eps[i*n], r, n, ld, form.factor())
		}
	}
}
