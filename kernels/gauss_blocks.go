package kernels

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
	"github.com/elbow-go/elbow/internal/f32"
)

// The machine code takes plain rows (see asm/_gen/recipe/gauss.go), and practically all rows are.
// It works on blocks of up to f32.LaneRows rows and says afterwards if one of them was not plain.
// Then the rows of the block are looked at one by one, plain ones done again and the others given
// to the reference. Where a gradient lies in the place of its argument there is no second try, and
// the rows are looked at first.

// fewRows is the most rows of a call that takes a buffer of so many rows.
const fewRows = 4

// A laneBuf holds the lanes of a block, a fewLanes those of calls of few rows, which should not
// pay for the zeros of a laneBuf.
type (
	laneBuf  [f32.LaneRows * f32.RowLanes]float32
	fewLanes [fewRows * f32.RowLanes]float32
)

// A laneSlice is one of them.
type laneSlice []float32

func (l laneSlice) rows() int { return len(l) / f32.RowLanes }

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
		l[j*f32.RowLanes+f32.WeightLane] = v
	}
}

// machine returns the form as machine code knows it, and what it has of numbers: the factor of s in
// ln sigma, or the floor of a softplus.
func (f ScaleForm) machine() (s simd.Scale, factor float32) {
	switch {
	case f == Sigma:
		return simd.Sigma, 1
	case f.isSoftplus():
		return simd.SoftplusSigma, f.floor()
	case f == LogVar:
		return simd.LogSigma, 0.5
	}
	return simd.LogSigma, 1
}

// plainRows returns how many of the first r rows are plain, with those of x, which is dense, if
// it is not nil.
func plainRows(isa asm.ISA, x, mu, s []float32, form ScaleForm, r, d, ld int) int {
	if r == 0 || mu == nil {
		return r
	}
	mask, low, span := form.sRange()
	return r - simd.GaussPlain(isa, ref(x, 0), &mu[0], &s[0], r, d, ld, mask, low, span)
}

// A blocks walks over the rows of a call: i is the next one, and done goes on.
type blocks struct {
	*gaussArgs[float32]
	isa     asm.ISA
	inPlace bool // an argument is overwritten: look at every row first
	i       int  // the next row
	suspect int  // rows before this one are looked at first
}

// plain returns how many of the next r rows are plain: 0 if the reference has to do the next one.
func (b *blocks) plain(r int) int {
	if b.x != nil && b.ldx == 0 {
		r = 1
	}
	at := b.i * b.ld
	r = plainRows(b.isa, from(b.x, b.i*b.ldx), b.muQ[at:], b.sQ[at:], b.form, r, b.n, b.ld)
	return plainRows(b.isa, nil, from(b.muP, at), from(b.sP, at), b.form, r, b.n, b.ld)
}

// look reports whether rows have to be looked at before the next block.
func (b *blocks) look() bool { return b.inPlace || b.i < b.suspect }

// done goes on behind a block of r rows, with their values, or has it done again with a look if it
// was bad.
func (b *blocks) done(r, bad int, values *[f32.LaneRows]float32) {
	if bad != 0 && !b.look() {
		b.suspect = b.i + r
		return
	}
	if b.v != nil {
		copy(b.v[b.i:b.i+r], values[:])
	}
	b.i += r
}

// overwrites reports whether a gradient lies where its argument is.
func (a *gaussArgs[T]) overwrites() bool {
	return a.w != nil && (same(a.dx, a.x) || same(a.dmuQ, a.muQ) || same(a.dsQ, a.sQ) || same(a.dmuP, a.muP) || same(a.dsP, a.sP))
}

// wanted returns dmuP and dsP, or if nobody wants them dmuQ and dsQ, which are written after them.
func (a *gaussArgs[T]) wanted() (dmu, ds []T) {
	if a.dmuP == nil {
		return a.dmuQ, a.dsQ
	}
	return a.dmuP, a.dsP
}

func gaussKL32(a *gaussArgs[float32]) {
	switch isa := asm.Active(); {
	case isa == asm.Generic || a.n == 0:
		gaussKLGeneric(a, 0, a.rows)
	case a.rows <= fewRows:
		gaussKLBlocks(isa, new(fewLanes)[:], a)
	default:
		gaussKLBlocks(isa, new(laneBuf)[:], a)
	}
}

func gaussKLBlocks(isa asm.ISA, lanes laneSlice, a *gaussArgs[float32]) {
	scale, factor := a.form.machine()
	dmuP, dsP := a.wanted()
	for b := (blocks{gaussArgs: a, isa: isa, inPlace: a.overwrites()}); b.i < a.rows; {
		i, at := b.i, b.i*a.ld
		r := simd.Rows(min(a.rows-i, lanes.rows()), a.n)
		if b.look() {
			r = b.plain(r)
		}
		if r == 0 {
			gaussKLGeneric(a, i, i+1)
			b.i++
			continue
		}
		var bad int
		if a.w == nil {
			bad = simd.GaussKL(isa, scale, &lanes[0], &a.muQ[at], &a.sQ[at], ref(a.muP, at), ref(a.sP, at), r, a.n, a.ld, factor)
		} else {
			lanes.setWeights(a.w[i : i+r])
			bad = simd.GaussKLBackward(isa, scale, &lanes[0], &a.dmuQ[at], &a.dsQ[at], &dmuP[at], &dsP[at],
				&a.muQ[at], &a.sQ[at], ref(a.muP, at), ref(a.sP, at), r, a.n, a.ld, factor)
		}
		var v [f32.LaneRows]float32
		bad |= simd.GaussKLEnd(isa, scale, &v[0], &lanes[0], lanes.quad())
		b.done(r, bad, &v)
	}
}

func gaussLogProb32(a *gaussArgs[float32]) {
	switch isa := asm.Active(); {
	case isa == asm.Generic || a.n == 0:
		gaussLogProbGeneric(a, 0, a.rows)
	case a.rows <= fewRows:
		gaussLogProbBlocks(isa, new(fewLanes)[:], a)
	default:
		gaussLogProbBlocks(isa, new(laneBuf)[:], a)
	}
}

// gaussLogProbBlocks reports whether all rows were plain. Without weights there are no gradients:
// then dmuQ and dsQ, if not nil, get of the scales of plain rows what their gradients need, 1/sigma
// and dsigma/ds with SoftplusSigma, e^(-ln(sigma)/2) in dsQ in the log forms.
func gaussLogProbBlocks(isa asm.ISA, lanes laneSlice, a *gaussArgs[float32]) (plain bool) {
	scale, factor := a.form.machine()
	plain = true
	for b := (blocks{gaussArgs: a, isa: isa, inPlace: a.overwrites()}); b.i < a.rows; {
		i, ax, at := b.i, b.i*a.ldx, b.i*a.ld
		r := simd.Rows(min(a.rows-i, lanes.rows()), a.n)
		if b.look() {
			r = b.plain(r)
		}
		if r == 0 {
			gaussLogProbGeneric(a, i, i+1)
			plain = false
			b.i++
			continue
		}
		var bad int
		if a.w == nil {
			inv, h := ref(a.dmuQ, at), ref(a.dsQ, at)
			bad = simd.GaussLogProb(isa, scale, &lanes[0], &a.x[ax], &a.muQ[at], &a.sQ[at], inv, h, h, r, a.n, a.ldx, a.ld, factor)
		} else {
			lanes.setWeights(a.w[i : i+r])
			bad = simd.GaussLogProbBackward(isa, scale, &lanes[0], ref(a.dx, ax), &a.dmuQ[at], &a.dsQ[at],
				&a.x[ax], &a.muQ[at], &a.sQ[at], r, a.n, a.ld, a.ldx, factor)
		}
		var v [f32.LaneRows]float32
		bad |= simd.GaussLogProbEnd(isa, scale, &v[0], &lanes[0], lanes.quad(), float32(a.n))
		b.done(r, bad, &v)
	}
	return plain
}

func gaussSample32(z, mu, s, eps []float32, form ScaleForm, rows, n, ld int) {
	isa := asm.Active()
	if isa == asm.Generic {
		gaussSampleGeneric(z, mu, s, eps, form, rows, n, ld)
		return
	}
	scale, factor := form.machine()
	simd.GaussSample(isa, scale, &z[0], &mu[0], &s[0], &eps[0], rows, n, ld, factor)
}

func gaussSampleBackward32(dmu, ds, dz, s, eps []float32, form ScaleForm, rows, n, ld int) {
	isa := asm.Active()
	if isa == asm.Generic {
		gaussSampleBackwardGeneric(dmu, ds, dz, s, eps, form, rows, n, ld)
		return
	}
	scale, factor := form.machine()
	simd.GaussSampleBackward(isa, scale, &dmu[0], &ds[0], &dz[0], &s[0], &eps[0], rows, n, ld, factor)
}

func latentStep32(a *latentArgs[float32]) {
	switch isa := asm.Active(); {
	case isa == asm.Generic || a.n == 0:
		latentStepGeneric(a, 0, a.rows)
	case a.rows <= fewRows:
		latentStepBlocks(isa, new(fewLanes)[:], a)
	default:
		latentStepBlocks(isa, new(laneBuf)[:], a)
	}
}

func latentStepBlocks(isa asm.ISA, lanes laneSlice, a *latentArgs[float32]) {
	sigma := a.sigma
	if sigma == nil { // nobody wants it: it is written first and then overwritten
		sigma = a.z
	}
	scale, factor := a.form.machine()
	for b := (blocks{gaussArgs: &a.gaussArgs, isa: isa, inPlace: same(a.z, a.eps)}); b.i < a.rows; {
		i, at, to := b.i, b.i*a.ld, b.i*a.n
		r := simd.Rows(min(a.rows-i, lanes.rows()), a.n)
		if b.look() {
			r = b.plain(r)
		}
		if r == 0 {
			latentStepGeneric(a, i, i+1)
			b.i++
			continue
		}
		bad := simd.LatentStep(isa, scale, &sigma[to], &a.z[to], &lanes[0], &a.muQ[at], &a.sQ[at], ref(a.muP, at), ref(a.sP, at), &a.eps[to],
			r, a.n, a.ld, factor)
		var v [f32.LaneRows]float32
		bad |= simd.GaussKLEnd(isa, scale, &v[0], &lanes[0], lanes.quad())
		b.done(r, bad, &v)
	}
}

func latentStepBackward32(a *latentArgs[float32]) {
	isa := asm.Active()
	if isa == asm.Generic || a.n == 0 {
		latentStepBackwardGeneric(a, 0, a.rows)
		return
	}
	scale, factor := a.form.machine()
	dmuP, dsP := a.wanted()
	for b := (blocks{gaussArgs: &a.gaussArgs, isa: isa, inPlace: a.overwrites()}); b.i < a.rows; {
		i, at, to := b.i, b.i*a.ld, b.i*a.n
		r := simd.Rows(min(a.rows-i, f32.LaneRows), a.n)
		if b.look() {
			r = b.plain(r)
		}
		if r == 0 {
			latentStepBackwardGeneric(a, i, i+1)
			b.i++
			continue
		}
		b.done(r, simd.LatentStepBackward(isa, scale, &a.dmuQ[at], &a.dsQ[at], &dmuP[at], &dsP[at], &a.dz[to], &a.muQ[at], &a.sQ[at],
			ref(a.muP, at), ref(a.sP, at), &a.eps[to], &a.w[i], r, a.n, a.ld, factor), nil)
	}
}
