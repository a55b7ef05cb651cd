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
	for i := 0; i < rows; {
		r := plainRowsX(isa, x, mu, s, form, i, maxRows(min(rows-i, distRows), d), d, ld)
		at := i * ld
		if r == 0 {
			gaussLogProbGeneric(lp[i:], x[i*d:], mu[at:], s[at:], form, 1, d, ld)
			i++
			continue
		}
		switch {
		case isa == asm.AVX512 && form == Sigma:
			avx512.GaussLogProbSigma(&lp[i], &x[i*d], &mu[at], &s[at], r, d, ld, float32(d))
		case isa == asm.AVX512 && form == SoftplusSigma:
			avx512.GaussLogProbSoftplus(&lp[i], &x[i*d], &mu[at], &s[at], r, d, ld, float32(d))
		case isa == asm.AVX512:
			avx512.GaussLogProbLog(&lp[i], &x[i*d], &mu[at], &s[at], r, d, ld, float32(d), form.factor())
		case form == Sigma:
			avx2.GaussLogProbSigma(&lp[i], &x[i*d], &mu[at], &s[at], r, d, ld, float32(d))
		case form == SoftplusSigma:
			avx2.GaussLogProbSoftplus(&lp[i], &x[i*d], &mu[at], &s[at], r, d, ld, float32(d))
		default:
			avx2.GaussLogProbLog(&lp[i], &x[i*d], &mu[at], &s[at], r, d, ld, float32(d), form.factor())
		}
		i += r
	}
}

func gaussLogProbBackward32(lp, dx, dmu, ds, dlp, x, mu, s []float32, form ScaleForm, rows, d, ld int) {
	isa := asm.Active()
	if isa != asm.AVX512 && isa != asm.AVX2 || d == 0 {
		gaussLogProbBackwardGeneric(lp, dx, dmu, ds, dlp, x, mu, s, form, rows, d, ld)
		return
	}
	var buf [distRows]float32
	for i := 0; i < rows; {
		r := plainRowsX(isa, x, mu, s, form, i, maxRows(min(rows-i, distRows), d), d, ld)
		at := i * ld
		if r == 0 {
			gaussLogProbBackwardGeneric(from(lp, i), from(dx, i*d), dmu[at:], ds[at:], dlp[i:], x[i*d:], mu[at:], s[at:], form, 1, d, ld)
			i++
			continue
		}
		w := values(lp, &buf, dlp, i, r)
		if dx == nil {
			switch {
			case isa == asm.AVX512 && form == Sigma:
				avx512.GaussLogProbSigmaBackward(w, &dmu[at], &ds[at], &x[i*d], &mu[at], &s[at], r, d, ld, float32(d))
			case isa == asm.AVX512 && form == SoftplusSigma:
				avx512.GaussLogProbSoftplusBackward(w, &dmu[at], &ds[at], &x[i*d], &mu[at], &s[at], r, d, ld, float32(d))
			case isa == asm.AVX512:
				avx512.GaussLogProbLogBackward(w, &dmu[at], &ds[at], &x[i*d], &mu[at], &s[at], r, d, ld, float32(d), form.factor())
			case form == Sigma:
				avx2.GaussLogProbSigmaBackward(w, &dmu[at], &ds[at], &x[i*d], &mu[at], &s[at], r, d, ld, float32(d))
			case form == SoftplusSigma:
				avx2.GaussLogProbSoftplusBackward(w, &dmu[at], &ds[at], &x[i*d], &mu[at], &s[at], r, d, ld, float32(d))
			default:
				avx2.GaussLogProbLogBackward(w, &dmu[at], &ds[at], &x[i*d], &mu[at], &s[at], r, d, ld, float32(d), form.factor())
			}
		} else {
			switch {
			case isa == asm.AVX512 && form == Sigma:
				avx512.GaussLogProbSigmaBackwardX(w, &dx[i*d], &dmu[at], &ds[at], &x[i*d], &mu[at], &s[at], r, d, ld, float32(d))
			case isa == asm.AVX512 && form == SoftplusSigma:
				avx512.GaussLogProbSoftplusBackwardX(w, &dx[i*d], &dmu[at], &ds[at], &x[i*d], &mu[at], &s[at], r, d, ld, float32(d))
			case isa == asm.AVX512:
				avx512.GaussLogProbLogBackwardX(w, &dx[i*d], &dmu[at], &ds[at], &x[i*d], &mu[at], &s[at], r, d, ld, float32(d), form.factor())
			case form == Sigma:
				avx2.GaussLogProbSigmaBackwardX(w, &dx[i*d], &dmu[at], &ds[at], &x[i*d], &mu[at], &s[at], r, d, ld, float32(d))
			case form == SoftplusSigma:
				avx2.GaussLogProbSoftplusBackwardX(w, &dx[i*d], &dmu[at], &ds[at], &x[i*d], &mu[at], &s[at], r, d, ld, float32(d))
			default:
				avx2.GaussLogProbLogBackwardX(w, &dx[i*d], &dmu[at], &ds[at], &x[i*d], &mu[at], &s[at], r, d, ld, float32(d), form.factor())
			}
		}
		i += r
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
