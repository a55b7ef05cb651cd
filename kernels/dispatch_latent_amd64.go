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
	if rows <= fewRows {
		latentStepBlocks(isa, new(fewLanes)[:], sigmaQ, z, kl, muQ, sQ, muP, sP, eps, form, rows, n, ld)
	} else {
		latentStepBlocks(isa, new(laneBuf)[:], sigmaQ, z, kl, muQ, sQ, muP, sP, eps, form, rows, n, ld)
	}
}

func latentStepBlocks(isa asm.ISA, lanes laneSlice, sigmaQ, z, kl, muQ, sQ, muP, sP, eps []float32, form ScaleForm, rows, n, ld int) {
	sigma := sigmaQ
	if sigma == nil { // nobody wants it: it is written first and then overwritten
		sigma = z
	}
	for b := (blocks{inPlace: same(z, eps)}); b.i < rows; {
		i, at, to := b.i, b.i*ld, b.i*n
		r := maxRows(min(rows-i, lanes.rows()), n)
		if b.look() {
			r = plainRows(isa, muQ, sQ, form, i, r, n, ld)
			r = plainRows(isa, muP, sP, form, i, r, n, ld)
		}
		if r == 0 {
			latentStepGeneric(from(sigmaQ, to), z[to:], kl[i:], muQ[at:], sQ[at:], from(muP, at), from(sP, at), eps[to:], form, 1, n, ld)
			b.i++
			continue
		}
		bad := latentStepLanes(isa, lanes, sigma[to:], z[to:], muQ[at:], sQ[at:], from(muP, at), from(sP, at), eps[to:], form, r, n, ld)
		b.done(r, bad|klEnd(isa, kl[i:i+r], lanes, form))
	}
}

func latentStepLanes(isa asm.ISA, lanes laneSlice, sigma, z, muQ, sQ, muP, sP, eps []float32, form ScaleForm, r, n, ld int) (bad int) {
	std := muP == nil
	switch {
	case isa == asm.AVX512 && std && form == Sigma:
		return avx512.LatentStepStandardSigma(&sigma[0], &z[0], &lanes[0], &muQ[0], &sQ[0], &eps[0], r, n, ld)
	case isa == asm.AVX512 && std && form == SoftplusSigma:
		return avx512.LatentStepStandardSoftplus(&sigma[0], &z[0], &lanes[0], &muQ[0], &sQ[0], &eps[0], r, n, ld)
	case isa == asm.AVX512 && std:
		return avx512.LatentStepStandardLog(&sigma[0], &z[0], &lanes[0], &muQ[0], &sQ[0], &eps[0], r, n, ld, form.factor())
	case isa == asm.AVX512 && form == Sigma:
		return avx512.LatentStepSigma(&sigma[0], &z[0], &lanes[0], &muQ[0], &sQ[0], &muP[0], &sP[0], &eps[0], r, n, ld)
	case isa == asm.AVX512 && form == SoftplusSigma:
		return avx512.LatentStepSoftplus(&sigma[0], &z[0], &lanes[0], &muQ[0], &sQ[0], &muP[0], &sP[0], &eps[0], r, n, ld)
	case isa == asm.AVX512:
		return avx512.LatentStepLog(&sigma[0], &z[0], &lanes[0], &muQ[0], &sQ[0], &muP[0], &sP[0], &eps[0], r, n, ld, form.factor())
	case std && form == Sigma:
		return avx2.LatentStepStandardSigma(&sigma[0], &z[0], &lanes[0], &muQ[0], &sQ[0], &eps[0], r, n, ld)
	case std && form == SoftplusSigma:
		return avx2.LatentStepStandardSoftplus(&sigma[0], &z[0], &lanes[0], &muQ[0], &sQ[0], &eps[0], r, n, ld)
	case std:
		return avx2.LatentStepStandardLog(&sigma[0], &z[0], &lanes[0], &muQ[0], &sQ[0], &eps[0], r, n, ld, form.factor())
	case form == Sigma:
		return avx2.LatentStepSigma(&sigma[0], &z[0], &lanes[0], &muQ[0], &sQ[0], &muP[0], &sP[0], &eps[0], r, n, ld)
	case form == SoftplusSigma:
		return avx2.LatentStepSoftplus(&sigma[0], &z[0], &lanes[0], &muQ[0], &sQ[0], &muP[0], &sP[0], &eps[0], r, n, ld)
	default:
		return avx2.LatentStepLog(&sigma[0], &z[0], &lanes[0], &muQ[0], &sQ[0], &muP[0], &sP[0], &eps[0], r, n, ld, form.factor())
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
	inPlace := same(dmuQ, muQ) || same(dsQ, sQ) || same(dmuP, muP) || same(dsP, sP)
	for b := (blocks{inPlace: inPlace}); b.i < rows; {
		i, at, to := b.i, b.i*ld, b.i*n
		r := maxRows(min(rows-i, laneRows), n)
		if b.look() {
			r = plainRows(isa, muQ, sQ, form, i, r, n, ld)
			r = plainRows(isa, muP, sP, form, i, r, n, ld)
		}
		if r == 0 {
			latentStepBackwardGeneric(dmuQ[at:], dsQ[at:], from(dmuP, at), from(dsP, at), dz[to:], dkl[i:],
				muQ[at:], sQ[at:], from(muP, at), from(sP, at), eps[to:], form, 1, n, ld)
			b.i++
			continue
		}
		b.done(r, latentStepBackwardRows(isa, dmuQ[at:], dsQ[at:], gmu[at:], gs[at:], dz[to:], dkl[i:], muQ[at:], sQ[at:],
			from(muP, at), from(sP, at), eps[to:], form, r, n, ld))
	}
}

func latentStepBackwardRows(isa asm.ISA, dmuQ, dsQ, dmuP, dsP, dz, dkl, muQ, sQ, muP, sP, eps []float32, form ScaleForm, r, n, ld int) (bad int) {
	std := muP == nil
	switch {
	case isa == asm.AVX512 && std && form == Sigma:
		return avx512.LatentStepStandardSigmaBackward(&dmuQ[0], &dsQ[0], &dz[0], &muQ[0], &sQ[0], &eps[0], &dkl[0], r, n, ld)
	case isa == asm.AVX512 && std && form == SoftplusSigma:
		return avx512.LatentStepStandardSoftplusBackward(&dmuQ[0], &dsQ[0], &dz[0], &muQ[0], &sQ[0], &eps[0], &dkl[0], r, n, ld)
	case isa == asm.AVX512 && std:
		return avx512.LatentStepStandardLogBackward(&dmuQ[0], &dsQ[0], &dz[0], &muQ[0], &sQ[0], &eps[0], &dkl[0], r, n, ld, form.factor())
	case isa == asm.AVX512 && form == Sigma:
		return avx512.LatentStepSigmaBackward(&dmuQ[0], &dsQ[0], &dmuP[0], &dsP[0], &dz[0], &muQ[0], &sQ[0], &muP[0], &sP[0], &eps[0], &dkl[0], r, n, ld)
	case isa == asm.AVX512 && form == SoftplusSigma:
		return avx512.LatentStepSoftplusBackward(&dmuQ[0], &dsQ[0], &dmuP[0], &dsP[0], &dz[0], &muQ[0], &sQ[0], &muP[0], &sP[0], &eps[0], &dkl[0], r, n, ld)
	case isa == asm.AVX512:
		return avx512.LatentStepLogBackward(&dmuQ[0], &dsQ[0], &dmuP[0], &dsP[0], &dz[0], &muQ[0], &sQ[0], &muP[0], &sP[0], &eps[0], &dkl[0], r, n, ld, form.factor())
	case std && form == Sigma:
		return avx2.LatentStepStandardSigmaBackward(&dmuQ[0], &dsQ[0], &dz[0], &muQ[0], &sQ[0], &eps[0], &dkl[0], r, n, ld)
	case std && form == SoftplusSigma:
		return avx2.LatentStepStandardSoftplusBackward(&dmuQ[0], &dsQ[0], &dz[0], &muQ[0], &sQ[0], &eps[0], &dkl[0], r, n, ld)
	case std:
		return avx2.LatentStepStandardLogBackward(&dmuQ[0], &dsQ[0], &dz[0], &muQ[0], &sQ[0], &eps[0], &dkl[0], r, n, ld, form.factor())
	case form == Sigma:
		return avx2.LatentStepSigmaBackward(&dmuQ[0], &dsQ[0], &dmuP[0], &dsP[0], &dz[0], &muQ[0], &sQ[0], &muP[0], &sP[0], &eps[0], &dkl[0], r, n, ld)
	case form == SoftplusSigma:
		return avx2.LatentStepSoftplusBackward(&dmuQ[0], &dsQ[0], &dmuP[0], &dsP[0], &dz[0], &muQ[0], &sQ[0], &muP[0], &sP[0], &eps[0], &dkl[0], r, n, ld)
	default:
		return avx2.LatentStepLogBackward(&dmuQ[0], &dsQ[0], &dmuP[0], &dsP[0], &dz[0], &muQ[0], &sQ[0], &muP[0], &sP[0], &eps[0], &dkl[0], r, n, ld, form.factor())
	}
}
