//go:build !purego

package kernels

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/avx2"
	"github.com/elbow-go/elbow/asm/avx512"
)

func latentStep32(sigmaQ, z, kl, muQ, sQ, muP, sP, eps []float32, form ScaleForm, rows, n, ld int) {
	isa := asm.Active()
	if isa != asm.AVX512 && isa != asm.AVX2 || n == 0 {
		latentStepGeneric(sigmaQ, z, kl, muQ, sQ, muP, sP, eps, form, rows, n, ld)
		return
	}
	sigma := sigmaQ
	if sigma == nil { // nobody wants it: it is written first and then overwritten
		sigma = z
	}
	for i := 0; i < rows; {
		r := plainRows(isa, muQ, sQ, form, i, maxRows(min(rows-i, distRows), n), n, ld)
		r = plainRows(isa, muP, sP, form, i, r, n, ld)
		at, to := i*ld, i*n
		if r == 0 {
			latentStepGeneric(from(sigmaQ, to), z[to:], kl[i:], muQ[at:], sQ[at:], from(muP, at), from(sP, at), eps[to:], form, 1, n, ld)
			i++
			continue
		}
		if muP == nil {
			switch {
			case isa == asm.AVX512 && form == Sigma:
				avx512.LatentStepStandardSigma(&sigma[to], &z[to], &kl[i], &muQ[at], &sQ[at], &eps[to], r, n, ld)
			case isa == asm.AVX512 && form == SoftplusSigma:
				avx512.LatentStepStandardSoftplus(&sigma[to], &z[to], &kl[i], &muQ[at], &sQ[at], &eps[to], r, n, ld)
			case isa == asm.AVX512:
				avx512.LatentStepStandardLog(&sigma[to], &z[to], &kl[i], &muQ[at], &sQ[at], &eps[to], r, n, ld, form.factor())
			case form == Sigma:
				avx2.LatentStepStandardSigma(&sigma[to], &z[to], &kl[i], &muQ[at], &sQ[at], &eps[to], r, n, ld)
			case form == SoftplusSigma:
				avx2.LatentStepStandardSoftplus(&sigma[to], &z[to], &kl[i], &muQ[at], &sQ[at], &eps[to], r, n, ld)
			default:
				avx2.LatentStepStandardLog(&sigma[to], &z[to], &kl[i], &muQ[at], &sQ[at], &eps[to], r, n, ld, form.factor())
			}
		} else {
			switch {
			case isa == asm.AVX512 && form == Sigma:
				avx512.LatentStepSigma(&sigma[to], &z[to], &kl[i], &muQ[at], &sQ[at], &muP[at], &sP[at], &eps[to], r, n, ld)
			case isa == asm.AVX512 && form == SoftplusSigma:
				avx512.LatentStepSoftplus(&sigma[to], &z[to], &kl[i], &muQ[at], &sQ[at], &muP[at], &sP[at], &eps[to], r, n, ld)
			case isa == asm.AVX512:
				avx512.LatentStepLog(&sigma[to], &z[to], &kl[i], &muQ[at], &sQ[at], &muP[at], &sP[at], &eps[to], r, n, ld, form.factor())
			case form == Sigma:
				avx2.LatentStepSigma(&sigma[to], &z[to], &kl[i], &muQ[at], &sQ[at], &muP[at], &sP[at], &eps[to], r, n, ld)
			case form == SoftplusSigma:
				avx2.LatentStepSoftplus(&sigma[to], &z[to], &kl[i], &muQ[at], &sQ[at], &muP[at], &sP[at], &eps[to], r, n, ld)
			default:
				avx2.LatentStepLog(&sigma[to], &z[to], &kl[i], &muQ[at], &sQ[at], &muP[at], &sP[at], &eps[to], r, n, ld, form.factor())
			}
		}
		i += r
	}
}

func latentStepBackward32(dmuQ, dsQ, dmuP, dsP, dz, dkl, muQ, sQ, muP, sP, eps []float32, form ScaleForm, rows, n, ld int) {
	isa := asm.Active()
	if isa != asm.AVX512 && isa != asm.AVX2 || n == 0 {
		latentStepBackwardGeneric(dmuQ, dsQ, dmuP, dsP, dz, dkl, muQ, sQ, muP, sP, eps, form, rows, n, ld)
		return
	}
	gmu, gs := dmuP, dsP
	if gmu == nil { // as in gaussKLBackward32
		gmu, gs = dmuQ, dsQ
	}
	for i := 0; i < rows; {
		r := plainRows(isa, muQ, sQ, form, i, maxRows(min(rows-i, distRows), n), n, ld)
		r = plainRows(isa, muP, sP, form, i, r, n, ld)
		at, to := i*ld, i*n
		if r == 0 {
			latentStepBackwardGeneric(dmuQ[at:], dsQ[at:], from(dmuP, at), from(dsP, at), dz[to:], dkl[i:],
				muQ[at:], sQ[at:], from(muP, at), from(sP, at), eps[to:], form, 1, n, ld)
			i++
			continue
		}
		for range r {
			w := dkl[i]
			if muP == nil {
				switch {
				case isa == asm.AVX512 && form == Sigma:
					avx512.LatentStepStandardSigmaBackward(&dmuQ[at], &dsQ[at], &dz[to], &muQ[at], &sQ[at], &eps[to], n, w)
				case isa == asm.AVX512 && form == SoftplusSigma:
					avx512.LatentStepStandardSoftplusBackward(&dmuQ[at], &dsQ[at], &dz[to], &muQ[at], &sQ[at], &eps[to], n, w)
				case isa == asm.AVX512:
					avx512.LatentStepStandardLogBackward(&dmuQ[at], &dsQ[at], &dz[to], &muQ[at], &sQ[at], &eps[to], n, w, form.factor())
				case form == Sigma:
					avx2.LatentStepStandardSigmaBackward(&dmuQ[at], &dsQ[at], &dz[to], &muQ[at], &sQ[at], &eps[to], n, w)
				case form == SoftplusSigma:
					avx2.LatentStepStandardSoftplusBackward(&dmuQ[at], &dsQ[at], &dz[to], &muQ[at], &sQ[at], &eps[to], n, w)
				default:
					avx2.LatentStepStandardLogBackward(&dmuQ[at], &dsQ[at], &dz[to], &muQ[at], &sQ[at], &eps[to], n, w, form.factor())
				}
			} else {
				switch {
				case isa == asm.AVX512 && form == Sigma:
					avx512.LatentStepSigmaBackward(&dmuQ[at], &dsQ[at], &gmu[at], &gs[at], &dz[to], &muQ[at], &sQ[at], &muP[at], &sP[at], &eps[to], n, w)
				case isa == asm.AVX512 && form == SoftplusSigma:
					avx512.LatentStepSoftplusBackward(&dmuQ[at], &dsQ[at], &gmu[at], &gs[at], &dz[to], &muQ[at], &sQ[at], &muP[at], &sP[at], &eps[to], n, w)
				case isa == asm.AVX512:
					avx512.LatentStepLogBackward(&dmuQ[at], &dsQ[at], &gmu[at], &gs[at], &dz[to], &muQ[at], &sQ[at], &muP[at], &sP[at], &eps[to], n, w, form.factor())
				case form == Sigma:
					avx2.LatentStepSigmaBackward(&dmuQ[at], &dsQ[at], &gmu[at], &gs[at], &dz[to], &muQ[at], &sQ[at], &muP[at], &sP[at], &eps[to], n, w)
				case form == SoftplusSigma:
					avx2.LatentStepSoftplusBackward(&dmuQ[at], &dsQ[at], &gmu[at], &gs[at], &dz[to], &muQ[at], &sQ[at], &muP[at], &sP[at], &eps[to], n, w)
				default:
					avx2.LatentStepLogBackward(&dmuQ[at], &dsQ[at], &gmu[at], &gs[at], &dz[to], &muQ[at], &sQ[at], &muP[at], &sP[at], &eps[to], n, w, form.factor())
				}
			}
			i, at, to = i+1, at+ld, to+n
		}
	}
}
