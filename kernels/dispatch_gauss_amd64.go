//go:build !purego

package kernels

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/avx2"
	"github.com/elbow-go/elbow/asm/avx512"
)

// The machine code takes plain rows (see asm/_gen/gauss.go), and practically all rows are. It
// works on blocks of up to 16 rows and says afterwards if one of them was not plain. Then the
// rows of the block are looked at one by one, plain ones done again and the others given to the
// reference. Where a gradient lies in the place of its argument there is no second try, and the
// rows are looked at first.

// laneRows is the most rows of a block, rowLanes the length of a row of lanes (see
// asm/_gen/lanes.go), atWeight the place of its weight.
const (
	laneRows = 16
	fewRows  = 4
	rowLanes = 64
	atWeight = 48
)

// A laneBuf holds the lanes of a block, a fewLanes those of calls of few rows, which should not
// pay for the zeros of a laneBuf.
type (
	laneBuf  [laneRows * rowLanes]float32
	fewLanes [fewRows * rowLanes]float32
)

// A laneSlice is one of them.
type laneSlice []float32

func (l laneSlice) rows() int { return len(l) / rowLanes }

// quad is the distance of its groups of four rows in bytes.
func (l laneSlice) quad() int {
	if len(l) == len(fewLanes{}) {
		return 0
	}
	return 4 * len(fewLanes{})
}

// setWeights copies the weights of the rows of a block.
func (l laneSlice) setWeights(w []float32) {
	for j, v := range w {
		l[j*rowLanes+atWeight] = v
	}
}

// A blocks walks over the rows of a call.
type blocks struct {
	i       int  // the next row
	inPlace bool // an argument is overwritten: look at every row first
	suspect int  // rows before this one are looked at first
}

// look reports whether rows have to be looked at before the next block.
func (b *blocks) look() bool { return b.inPlace || b.i < b.suspect }

// done goes on behind a block of r rows, or has it done again with a look if it was bad.
func (b *blocks) done(r, bad int) (ok bool) {
	if bad != 0 && !b.look() {
		b.suspect = b.i + r
		return false
	}
	b.i += r
	return true
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
	if rows <= fewRows {
		gaussKLBlocks(isa, new(fewLanes)[:], kl, muQ, sQ, muP, sP, form, rows, z, ld)
	} else {
		gaussKLBlocks(isa, new(laneBuf)[:], kl, muQ, sQ, muP, sP, form, rows, z, ld)
	}
}

func gaussKLBlocks(isa asm.ISA, lanes laneSlice, kl, muQ, sQ, muP, sP []float32, form ScaleForm, rows, z, ld int) {
	for b := (blocks{}); b.i < rows; {
		i, at := b.i, b.i*ld
		r := maxRows(min(rows-i, lanes.rows()), z)
		if b.look() {
			r = plainRows(isa, muQ, sQ, form, i, r, z, ld)
			r = plainRows(isa, muP, sP, form, i, r, z, ld)
		}
		if r == 0 {
			gaussKLGeneric(kl[i:], muQ[at:], sQ[at:], from(muP, at), from(sP, at), form, 1, z, ld)
			b.i++
			continue
		}
		bad := gaussKLLanes(isa, lanes, muQ[at:], sQ[at:], from(muP, at), from(sP, at), form, r, z, ld)
		b.done(r, bad|klEnd(isa, kl[i:i+r], lanes, form))
	}
}

// klEnd finishes the divergences of a block.
func klEnd(isa asm.ISA, kl []float32, lanes laneSlice, form ScaleForm) (bad int) {
	var v [laneRows]float32
	switch {
	case isa == asm.AVX512 && form.isLog():
		bad = avx512.GaussKLLogEnd(&v[0], &lanes[0], lanes.quad())
	case isa == asm.AVX512:
		bad = avx512.GaussKLEnd(&v[0], &lanes[0], lanes.quad())
	case form.isLog():
		bad = avx2.GaussKLLogEnd(&v[0], &lanes[0], lanes.quad())
	default:
		bad = avx2.GaussKLEnd(&v[0], &lanes[0], lanes.quad())
	}
	copy(kl, v[:])
	return bad
}

func gaussKLLanes(isa asm.ISA, lanes laneSlice, muQ, sQ, muP, sP []float32, form ScaleForm, r, z, ld int) (bad int) {
	std := muP == nil
	switch {
	case isa == asm.AVX512 && std && form == Sigma:
		return avx512.GaussKLStandardSigma(&lanes[0], &muQ[0], &sQ[0], r, z, ld)
	case isa == asm.AVX512 && std && form == SoftplusSigma:
		return avx512.GaussKLStandardSoftplus(&lanes[0], &muQ[0], &sQ[0], r, z, ld)
	case isa == asm.AVX512 && std:
		return avx512.GaussKLStandardLog(&lanes[0], &muQ[0], &sQ[0], r, z, ld, form.factor())
	case isa == asm.AVX512 && form == Sigma:
		return avx512.GaussKLSigma(&lanes[0], &muQ[0], &sQ[0], &muP[0], &sP[0], r, z, ld)
	case isa == asm.AVX512 && form == SoftplusSigma:
		return avx512.GaussKLSoftplus(&lanes[0], &muQ[0], &sQ[0], &muP[0], &sP[0], r, z, ld)
	case isa == asm.AVX512:
		return avx512.GaussKLLog(&lanes[0], &muQ[0], &sQ[0], &muP[0], &sP[0], r, z, ld, form.factor())
	case std && form == Sigma:
		return avx2.GaussKLStandardSigma(&lanes[0], &muQ[0], &sQ[0], r, z, ld)
	case std && form == SoftplusSigma:
		return avx2.GaussKLStandardSoftplus(&lanes[0], &muQ[0], &sQ[0], r, z, ld)
	case std:
		return avx2.GaussKLStandardLog(&lanes[0], &muQ[0], &sQ[0], r, z, ld, form.factor())
	case form == Sigma:
		return avx2.GaussKLSigma(&lanes[0], &muQ[0], &sQ[0], &muP[0], &sP[0], r, z, ld)
	case form == SoftplusSigma:
		return avx2.GaussKLSoftplus(&lanes[0], &muQ[0], &sQ[0], &muP[0], &sP[0], r, z, ld)
	default:
		return avx2.GaussKLLog(&lanes[0], &muQ[0], &sQ[0], &muP[0], &sP[0], r, z, ld, form.factor())
	}
}

func gaussKLBackward32(kl, dmuQ, dsQ, dmuP, dsP, dkl, muQ, sQ, muP, sP []float32, form ScaleForm, rows, z, ld int) {
	isa := asm.Active()
	if isa != asm.AVX512 && isa != asm.AVX2 || z == 0 {
		gaussKLBackwardGeneric(kl, dmuQ, dsQ, dmuP, dsP, dkl, muQ, sQ, muP, sP, form, rows, z, ld)
		return
	}
	if rows <= fewRows {
		gaussKLBackwardBlocks(isa, new(fewLanes)[:], kl, dmuQ, dsQ, dmuP, dsP, dkl, muQ, sQ, muP, sP, form, rows, z, ld)
	} else {
		gaussKLBackwardBlocks(isa, new(laneBuf)[:], kl, dmuQ, dsQ, dmuP, dsP, dkl, muQ, sQ, muP, sP, form, rows, z, ld)
	}
}

func gaussKLBackwardBlocks(isa asm.ISA, lanes laneSlice, kl, dmuQ, dsQ, dmuP, dsP, dkl, muQ, sQ, muP, sP []float32, form ScaleForm, rows, z, ld int) {
	gmu, gs := dmuP, dsP
	if gmu == nil { // nobody wants them: they are written first and then overwritten
		gmu, gs = dmuQ, dsQ
	}
	inPlace := same(dmuQ, muQ) || same(dsQ, sQ) || same(dmuP, muP) || same(dsP, sP)
	for b := (blocks{inPlace: inPlace}); b.i < rows; {
		i, at := b.i, b.i*ld
		r := maxRows(min(rows-i, lanes.rows()), z)
		if b.look() {
			r = plainRows(isa, muQ, sQ, form, i, r, z, ld)
			r = plainRows(isa, muP, sP, form, i, r, z, ld)
		}
		if r == 0 {
			gaussKLBackwardGeneric(from(kl, i), dmuQ[at:], dsQ[at:], from(dmuP, at), from(dsP, at), dkl[i:],
				muQ[at:], sQ[at:], from(muP, at), from(sP, at), form, 1, z, ld)
			b.i++
			continue
		}
		lanes.setWeights(dkl[i : i+r])
		bad := gaussKLBackwardLanes(isa, lanes, dmuQ[at:], dsQ[at:], gmu[at:], gs[at:], muQ[at:], sQ[at:], from(muP, at), from(sP, at), form, r, z, ld)
		var v [laneRows]float32
		bad |= klEnd(isa, v[:], lanes, form)
		if b.done(r, bad) && kl != nil {
			copy(kl[i:i+r], v[:])
		}
	}
}

func gaussKLBackwardLanes(isa asm.ISA, lanes laneSlice, dmuQ, dsQ, dmuP, dsP, muQ, sQ, muP, sP []float32, form ScaleForm, r, z, ld int) (bad int) {
	std := muP == nil
	switch {
	case isa == asm.AVX512 && std && form == Sigma:
		return avx512.GaussKLStandardSigmaBackward(&lanes[0], &dmuQ[0], &dsQ[0], &muQ[0], &sQ[0], r, z, ld)
	case isa == asm.AVX512 && std && form == SoftplusSigma:
		return avx512.GaussKLStandardSoftplusBackward(&lanes[0], &dmuQ[0], &dsQ[0], &muQ[0], &sQ[0], r, z, ld)
	case isa == asm.AVX512 && std:
		return avx512.GaussKLStandardLogBackward(&lanes[0], &dmuQ[0], &dsQ[0], &muQ[0], &sQ[0], r, z, ld, form.factor())
	case isa == asm.AVX512 && form == Sigma:
		return avx512.GaussKLSigmaBackward(&lanes[0], &dmuQ[0], &dsQ[0], &dmuP[0], &dsP[0], &muQ[0], &sQ[0], &muP[0], &sP[0], r, z, ld)
	case isa == asm.AVX512 && form == SoftplusSigma:
		return avx512.GaussKLSoftplusBackward(&lanes[0], &dmuQ[0], &dsQ[0], &dmuP[0], &dsP[0], &muQ[0], &sQ[0], &muP[0], &sP[0], r, z, ld)
	case isa == asm.AVX512:
		return avx512.GaussKLLogBackward(&lanes[0], &dmuQ[0], &dsQ[0], &dmuP[0], &dsP[0], &muQ[0], &sQ[0], &muP[0], &sP[0], r, z, ld, form.factor())
	case std && form == Sigma:
		return avx2.GaussKLStandardSigmaBackward(&lanes[0], &dmuQ[0], &dsQ[0], &muQ[0], &sQ[0], r, z, ld)
	case std && form == SoftplusSigma:
		return avx2.GaussKLStandardSoftplusBackward(&lanes[0], &dmuQ[0], &dsQ[0], &muQ[0], &sQ[0], r, z, ld)
	case std:
		return avx2.GaussKLStandardLogBackward(&lanes[0], &dmuQ[0], &dsQ[0], &muQ[0], &sQ[0], r, z, ld, form.factor())
	case form == Sigma:
		return avx2.GaussKLSigmaBackward(&lanes[0], &dmuQ[0], &dsQ[0], &dmuP[0], &dsP[0], &muQ[0], &sQ[0], &muP[0], &sP[0], r, z, ld)
	case form == SoftplusSigma:
		return avx2.GaussKLSoftplusBackward(&lanes[0], &dmuQ[0], &dsQ[0], &dmuP[0], &dsP[0], &muQ[0], &sQ[0], &muP[0], &sP[0], r, z, ld)
	default:
		return avx2.GaussKLLogBackward(&lanes[0], &dmuQ[0], &dsQ[0], &dmuP[0], &dsP[0], &muQ[0], &sQ[0], &muP[0], &sP[0], r, z, ld, form.factor())
	}
}
