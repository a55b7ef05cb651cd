package tile

import (
	"math"
	"slices"
	"unsafe"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
	"github.com/elbow-go/elbow/internal/pages"
)

// Panels are a matrix [steps, units] in the order in which tiles read it: what one tile reads lies
// together, step by step. There are two kinds.
//
//	columns  [panel][k][vector][lane]    a panel has up to four vectors of columns side by side
//	gates    [panel][k][gate][lane]      a panel has one vector of columns of each gate
//
// With gates the matrix is [steps, gates*units]. Lanes beyond the last column hold anything. In the
// last panel of columns there may be fewer vectors.
//
// Of weights in bfloat16 the pairs of full panels are in words, two steps in each, the even one in
// the lower half; only what is left behind them is in data.
type Panels[T Float] struct {
	isa   asm.ISA
	data  []T
	words []uint32
	first int // unit with which data starts
	lanes int
	units int
	steps int // k
	gates int // of panels of gates, or 0

	// The matrix as it is, where there are no panels.
	trans bool
	b     []T
	ldb   int
}

// Pack copies op(B) [steps, units], or [steps, gates*units] if gates is not 0, into panels for
// isa, if that has machine code, and otherwise is Keep; b is stored row-major with leading dimension
// ldb. The memory of s is used again.
func (s *Panels[T]) Pack(isa asm.ISA, trans bool, steps, units, gates int, b []T, ldb int) {
	s.Keep(isa, trans, steps, units, gates, b, ldb)
	if s.isa == asm.Generic || steps == 0 {
		return
	}
	s.lanes = lanes[T](isa)
	s.data = alignedSlice(s.data, (units+s.lanes-1)/s.lanes*s.lanes*max(1, gates)*steps)
	var from place[T]
	from.data = b
	from.row, from.col = strides(trans, ldb)
	for u := 0; u < units; u += s.Width() {
		row := s.vecs(u) * s.lanes
		for k0 := 0; k0 < steps; k0 += blockSteps[T]() {
			kb := min(blockSteps[T](), steps-k0)
			dst := s.data[s.at(u)+k0*row:]
			if gates == 0 {
				vecs, tail := vectors(s.lanes, min(s.Width(), units-u))
				packPanel(isa, &dst[0], size[T]()*row, &from, k0, u, kb, vecs, tail)
				continue
			}
			for g := range gates {
				packPanel(isa, &dst[g*s.lanes], size[T]()*row, &from, k0, g*units+u, kb, 1, min(s.lanes, units-u))
			}
		}
	}
	s.b = nil
}

// Keep makes s the matrix of Pack as it is, without panels. b must not change while s is in use.
func (s *Panels[T]) Keep(isa asm.ISA, trans bool, steps, units, gates int, b []T, ldb int) {
	s.isa, s.steps, s.units, s.gates, s.first = isa, steps, units, gates, 0
	s.trans, s.b, s.ldb = trans, b, ldb
	s.data, s.words = s.data[:0], nil
}

// Packed reports whether there are panels, and not just a matrix.
func (s *Panels[T]) Packed() bool { return len(s.data)+len(s.words) > 0 }

// Flush sets the denormals in the panels to +0.
func (s *Panels[T]) Flush() { Flush(s.data) }

// alignedSlice returns n elements that start with a cache line, those of s if it has room. In
// panels of whole vectors none then lies in two lines.
func alignedSlice[T Float](s []T, n int) []T {
	if cap(s) < n {
		line := lineBytes / size[T]()
		s = pages.Make[T](n + line)
		off := int(-uintptr(unsafe.Pointer(&s[0]))/uintptr(size[T]())) & (line - 1)
		s = s[off : off+n : off+n]
	}
	return s[:n]
}

// Width is the number of units in a panel. Without panels all units are one.
func (s *Panels[T]) Width() int {
	switch {
	case !s.Packed():
		return max(1, s.units)
	case s.gates > 0:
		return s.lanes
	}
	return maxVecs * s.lanes
}

// vecs is the number of vectors in a row of the panel of a unit.
func (s *Panels[T]) vecs(unit int) int {
	if s.gates > 0 {
		return s.gates
	}
	return min(maxVecs, (s.units-unit+s.lanes-1)/s.lanes)
}

// at is the index of the panel that starts with a unit; all panels before it are full.
func (s *Panels[T]) at(unit int) int { return (unit - s.first) * max(1, s.gates) * s.steps }

// where returns the place of column j of step k, in panels of columns, and the distance of the
// steps of its panel in bytes.
func (s *Panels[T]) where(k, j int) (*T, int) {
	unit := j - j%s.Width()
	row := s.vecs(unit) * s.lanes
	return &s.data[s.at(unit)+k*row+j-unit], size[T]() * row
}

// ptr is the place so many elements behind the start of step k in the panel of a unit, or nil if
// that is behind the last panel.
func (s *Panels[T]) ptr(unit, k, elements int) *T {
	if unit < s.first || unit >= s.units {
		return nil
	}
	at := s.at(unit) + k*s.vecs(unit)*s.lanes + elements
	if at >= len(s.data) {
		return nil
	}
	return &s.data[at]
}

// Halve turns panels of float32, whose elements have been rounded to bfloat16, into words.
func (s *Panels[T]) Halve() {
	if !s.Packed() {
		return
	}
	width := s.Width()
	pairs := s.units / (2 * width)
	first, row := pairs*2*width, s.vecs(0)*s.lanes
	s.words = make([]uint32, 2*pairs*s.wordSteps()*row)
	for u := 0; u < first; u += width {
		panel, words := s.data[s.at(u):][:s.steps*row], s.words[s.wordsAt(u):]
		for i, x := range panel {
			k, at := i/row, i%row
			words[k/2*row+at] |= math.Float32bits(float32(x)) >> 16 << (k % 2 * 16)
		}
	}
	s.data, s.first = slices.Clone(s.data[s.at(first):]), first
}

// wordSteps is the number of words for the steps of a panel.
func (s *Panels[T]) wordSteps() int { return (s.steps + 1) / 2 }

// wordsAt is at for words.
func (s *Panels[T]) wordsAt(unit int) int {
	return unit / s.Width() * s.wordSteps() * s.vecs(unit) * s.lanes
}

// wordsPtr is the place of the words of step k, which is even, in the panel of a unit.
func (s *Panels[T]) wordsPtr(unit, k int) *T {
	return (*T)(unsafe.Pointer(&s.words[s.wordsAt(unit)+k/2*s.vecs(unit)*s.lanes]))
}

// Serve reports whether there are panels for products under isa.
func (s *Panels[T]) Serve(isa asm.ISA) bool { return s.Packed() && s.isa == isa }

// Gemm sets C to A op(B)[k0:k0+k, j0:j0+n] + beta C, for arguments that have been checked, by
// panels of columns. If there is a bias, all rows of C start as that, in place of beta C: what is
// written to C beforehand would be read again, which costs a short product 7 % of its time.
func (s *Panels[T]) Gemm(m, n, k, k0, j0 int, a []T, lda int, beta T, bias, c []T, ldc int) {
	if bias != nil && m <= simd.PairRows(s.isa) {
		SetRows(m, n, bias, c, ldc)
		bias, beta = nil, 1
	}
	var r Room
	var p product[T] // field by field: see place
	p.isa, p.k, p.packed, p.row, p.col, p.bias, p.room = s.isa, k, s, k0, j0, bias, &r
	p.a.data = a
	p.a.row, p.a.col = lda, 1
	p.c.data = c
	p.c.row, p.c.col = ldc, 1
	p.blocks(m, n, beta)
	r.Free()
}
