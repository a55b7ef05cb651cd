//go:build !purego

package kernels

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/avx2"
	"github.com/elbow-go/elbow/asm/avx512"
)

// biRows is how many rows of k components make one call. A component takes as long as several
// elements of other kernels.
func biRows(rows, k int) int { return maxRows(min(rows, distRows), 8*k) }

// biLogitsFrom returns the logits of the rows from row i on, and their stride: without, those of
// rows of one component, which are 0.
func biLogitsFrom(theta []float32, zeros *[distRows]float32, i, k, ld int, mixture bool) (logits *float32, ldl int) {
	if !mixture {
		return &zeros[0], 1
	}
	return &theta[i*ld+biAt(biLogits, k, 0)], ld
}

func bivariate32(lp, y, theta []float32, form ScaleForm, rows, k, ld int, mixture bool) {
	isa := asm.Active()
	if isa != asm.AVX512 && isa != asm.AVX2 || k == 0 {
		bivariateGeneric(lp, y, theta, form, rows, k, ld, mixture)
		return
	}
	var zeros [distRows]float32
	for i, r := 0, 0; i < rows; i += r {
		r = biRows(rows-i, k)
		l, ldl := biLogitsFrom(theta, &zeros, i, k, ld, mixture)
		v, yi, p := &lp[i], &y[3*i], &theta[i*ld+1]
		switch {
		case isa == asm.AVX512 && form == Sigma:
			avx512.BivariateSigma(v, yi, p, l, r, k, ld, ldl)
		case isa == asm.AVX512 && form == SoftplusSigma:
			avx512.BivariateSoftplus(v, yi, p, l, r, k, ld, ldl)
		case isa == asm.AVX512:
			avx512.BivariateLog(v, yi, p, l, r, k, ld, ldl, form.factor())
		case form == Sigma:
			avx2.BivariateSigma(v, yi, p, l, r, k, ld, ldl)
		case form == SoftplusSigma:
			avx2.BivariateSoftplus(v, yi, p, l, r, k, ld, ldl)
		default:
			avx2.BivariateLog(v, yi, p, l, r, k, ld, ldl, form.factor())
		}
	}
}

func bivariateBackward32(lp, dy, dtheta, dlp, y, theta []float32, form ScaleForm, rows, k, ld int, mixture bool) {
	isa := asm.Active()
	if isa != asm.AVX512 && isa != asm.AVX2 || k == 0 {
		bivariateBackwardGeneric(lp, dy, dtheta, dlp, y, theta, form, rows, k, ld, mixture)
		return
	}
	var zeros, unwanted, weights [distRows]float32
	var noDy [3 * distRows]float32
	for i, r := 0, 0; i < rows; i += r {
		r = biRows(rows-i, k)
		l, ldl := biLogitsFrom(theta, &zeros, i, k, ld, mixture)
		dl, _ := biLogitsFrom(dtheta, &unwanted, i, k, ld, mixture)
		v, dys := values(lp, &weights, dlp, i, r), noDy[:3*r]
		if dy != nil {
			dys = dy[3*i:][:3*r]
		}
		dyi := &dys[0]
		yi, p, dp := &y[3*i], &theta[i*ld+1], &dtheta[i*ld+1]
		switch {
		case isa == asm.AVX512 && form == Sigma:
			avx512.BivariateSigmaBackward(v, dyi, dp, dl, yi, p, l, r, k, ld, ldl)
		case isa == asm.AVX512 && form == SoftplusSigma:
			avx512.BivariateSoftplusBackward(v, dyi, dp, dl, yi, p, l, r, k, ld, ldl)
		case isa == asm.AVX512:
			avx512.BivariateLogBackward(v, dyi, dp, dl, yi, p, l, r, k, ld, ldl, form.factor())
		case form == Sigma:
			avx2.BivariateSigmaBackward(v, dyi, dp, dl, yi, p, l, r, k, ld, ldl)
		case form == SoftplusSigma:
			avx2.BivariateSoftplusBackward(v, dyi, dp, dl, yi, p, l, r, k, ld, ldl)
		default:
			avx2.BivariateLogBackward(v, dyi, dp, dl, yi, p, l, r, k, ld, ldl, form.factor())
		}
		for j := i; j < i+r; j++ {
			if d := dys[3*(j-i):][:3]; !finite32(d[1]) || !finite32(d[2]) {
				biWideRow32(rowAt(dy, j, 3, 3), dtheta[j*ld:], dlp[j], y[3*j:][:3], theta[j*ld:], form, k, mixture)
			}
		}
	}
}
