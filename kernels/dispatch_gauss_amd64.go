//go:build !purego

package kernels

import (
	"math"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/avx2"
	"github.com/elbow-go/elbow/asm/avx512"
)

// The machine code with sums takes plain rows (see asm/_gen/gauss.go), and practically all
// rows are. The others, one by one, go to the reference. A row is looked at before anything
// is written, because a gradient may lie where its argument was.

// sRange says which s are plain, for machine code.
func (f ScaleForm) sRange() (mask, low, span uint32) {
	if f == Sigma {
		lo, hi := math.Float32bits(0x1p-30), math.Float32bits(0x1p30)
		return math.MaxUint32, lo, hi - lo
	}
	return 1<<31 - 1, 0, math.Float32bits(0x1p30)
}

// factor of s in ln sigma, in the log forms.
func (f ScaleForm) factor() float32 {
	if f == LogVar {
		return 0.5
	}
	return 1
}

// plainRows returns how many of the rows from row i on are plain, at most r.
func plainRows(isa asm.ISA, mu, s []float32, form ScaleForm, i, r, z, ld int) int {
	mask, low, span := form.sRange()
	at := i * ld
	switch {
	case r == 0 || mu == nil:
		return r
	case isa == asm.AVX512:
		return r - avx512.GaussPlain(&mu[at], &s[at], r, z, ld, mask, low, span)
	}
	return r - avx2.GaussPlain(&mu[at], &s[at], r, z, ld, mask, low, span)
}

// from returns x from index i on; nil if x is nil.
func from(x []float32, i int) []float32 {
	if x == nil {
		return nil
	}
	return x[i:]
}

func gaussKL32(kl, muQ, sQ, muP, sP []float32, form ScaleForm, rows, z, ld int) {
	isa := asm.Active()
	if isa != asm.AVX512 && isa != asm.AVX2 || z == 0 {
		gaussKLGeneric(kl, muQ, sQ, muP, sP, form, rows, z, ld)
		return
	}
	for i := 0; i < rows; {
		r := plainRows(isa, muQ, sQ, form, i, maxRows(min(rows-i, distRows), z), z, ld)
		r = plainRows(isa, muP, sP, form, i, r, z, ld)
		at := i * ld
		if r == 0 {
			gaussKLGeneric(kl[i:], muQ[at:], sQ[at:], from(muP, at), from(sP, at), form, 1, z, ld)
			i++
			continue
		}
		std := muP == nil
		switch {
		case isa == asm.AVX512 && std && form == Sigma:
			avx512.GaussKLStandardSigma(&kl[i], &muQ[at], &sQ[at], r, z, ld)
		case isa == asm.AVX512 && std && form == SoftplusSigma:
			avx512.GaussKLStandardSoftplus(&kl[i], &muQ[at], &sQ[at], r, z, ld)
		case isa == asm.AVX512 && std:
			avx512.GaussKLStandardLog(&kl[i], &muQ[at], &sQ[at], r, z, ld, form.factor())
		case isa == asm.AVX512 && form == Sigma:
			avx512.GaussKLSigma(&kl[i], &muQ[at], &sQ[at], &muP[at], &sP[at], r, z, ld)
		case isa == asm.AVX512 && form == SoftplusSigma:
			avx512.GaussKLSoftplus(&kl[i], &muQ[at], &sQ[at], &muP[at], &sP[at], r, z, ld)
		case isa == asm.AVX512:
			avx512.GaussKLLog(&kl[i], &muQ[at], &sQ[at], &muP[at], &sP[at], r, z, ld, form.factor())
		case std && form == Sigma:
			avx2.GaussKLStandardSigma(&kl[i], &muQ[at], &sQ[at], r, z, ld)
		case std && form == SoftplusSigma:
			avx2.GaussKLStandardSoftplus(&kl[i], &muQ[at], &sQ[at], r, z, ld)
		case std:
			avx2.GaussKLStandardLog(&kl[i], &muQ[at], &sQ[at], r, z, ld, form.factor())
		case form == Sigma:
			avx2.GaussKLSigma(&kl[i], &muQ[at], &sQ[at], &muP[at], &sP[at], r, z, ld)
		case form == SoftplusSigma:
			avx2.GaussKLSoftplus(&kl[i], &muQ[at], &sQ[at], &muP[at], &sP[at], r, z, ld)
		default:
			avx2.GaussKLLog(&kl[i], &muQ[at], &sQ[at], &muP[at], &sP[at], r, z, ld, form.factor())
		}
		i += r
	}
}

func gaussKLBackward32(kl, dmuQ, dsQ, dmuP, dsP, dkl, muQ, sQ, muP, sP []float32, form ScaleForm, rows, z, ld int) {
	isa := asm.Active()
	if isa != asm.AVX512 && isa != asm.AVX2 || z == 0 {
		gaussKLBackwardGeneric(kl, dmuQ, dsQ, dmuP, dsP, dkl, muQ, sQ, muP, sP, form, rows, z, ld)
		return
	}
	gmu, gs := dmuP, dsP
	if gmu == nil { // nobody wants them: they are written first and then overwritten
		gmu, gs = dmuQ, dsQ
	}
	var buf [distRows]float32
	for i := 0; i < rows; {
		r := plainRows(isa, muQ, sQ, form, i, maxRows(min(rows-i, distRows), z), z, ld)
		r = plainRows(isa, muP, sP, form, i, r, z, ld)
		at := i * ld
		if r == 0 {
			gaussKLBackwardGeneric(from(kl, i), dmuQ[at:], dsQ[at:], from(dmuP, at), from(dsP, at), dkl[i:],
				muQ[at:], sQ[at:], from(muP, at), from(sP, at), form, 1, z, ld)
			i++
			continue
		}
		w := values(kl, &buf, dkl, i, r)
		std := muP == nil
		switch {
		case isa == asm.AVX512 && std && form == Sigma:
			avx512.GaussKLStandardSigmaBackward(w, &dmuQ[at], &dsQ[at], &muQ[at], &sQ[at], r, z, ld)
		case isa == asm.AVX512 && std && form == SoftplusSigma:
			avx512.GaussKLStandardSoftplusBackward(w, &dmuQ[at], &dsQ[at], &muQ[at], &sQ[at], r, z, ld)
		case isa == asm.AVX512 && std:
			avx512.GaussKLStandardLogBackward(w, &dmuQ[at], &dsQ[at], &muQ[at], &sQ[at], r, z, ld, form.factor())
		case isa == asm.AVX512 && form == Sigma:
			avx512.GaussKLSigmaBackward(w, &dmuQ[at], &dsQ[at], &gmu[at], &gs[at], &muQ[at], &sQ[at], &muP[at], &sP[at], r, z, ld)
		case isa == asm.AVX512 && form == SoftplusSigma:
			avx512.GaussKLSoftplusBackward(w, &dmuQ[at], &dsQ[at], &gmu[at], &gs[at], &muQ[at], &sQ[at], &muP[at], &sP[at], r, z, ld)
		case isa == asm.AVX512:
			avx512.GaussKLLogBackward(w, &dmuQ[at], &dsQ[at], &gmu[at], &gs[at], &muQ[at], &sQ[at], &muP[at], &sP[at],
				r, z, ld, form.factor())
		case std && form == Sigma:
			avx2.GaussKLStandardSigmaBackward(w, &dmuQ[at], &dsQ[at], &muQ[at], &sQ[at], r, z, ld)
		case std && form == SoftplusSigma:
			avx2.GaussKLStandardSoftplusBackward(w, &dmuQ[at], &dsQ[at], &muQ[at], &sQ[at], r, z, ld)
		case std:
			avx2.GaussKLStandardLogBackward(w, &dmuQ[at], &dsQ[at], &muQ[at], &sQ[at], r, z, ld, form.factor())
		case form == Sigma:
			avx2.GaussKLSigmaBackward(w, &dmuQ[at], &dsQ[at], &gmu[at], &gs[at], &muQ[at], &sQ[at], &muP[at], &sP[at], r, z, ld)
		case form == SoftplusSigma:
			avx2.GaussKLSoftplusBackward(w, &dmuQ[at], &dsQ[at], &gmu[at], &gs[at], &muQ[at], &sQ[at], &muP[at], &sP[at], r, z, ld)
		default:
			avx2.GaussKLLogBackward(w, &dmuQ[at], &dsQ[at], &gmu[at], &gs[at], &muQ[at], &sQ[at], &muP[at], &sP[at],
				r, z, ld, form.factor())
		}
		i += r
	}
}
