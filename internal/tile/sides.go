package tile

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
)

// A Side is what one of several products has for itself that share their first operand: B [k, N] and C
// [m, N], both row-major.
type Side[T Float] struct {
	N   int
	B   []T
	Ldb int
	C   []T
	Ldc int
}

// GemmTN sets the C of every side to A^T B + beta C, with A [k, m] as it is stored, for arguments that have
// been checked: see GemmTN of package blas. ends are where the parts of k end. The bits of a single part are
// those of Gemm. A large A^T, which has to be copied, is copied once for all sides then: as many columns of C
// as they have together use the copy.
func GemmTN[T Float](isa asm.ISA, m int, ends []int, a []T, lda int, beta T, sides []Side[T]) {
	if len(ends) > 1 {
		gemmParts(isa, m, ends, a, lda, beta, sides)
		return
	}
	k := ends[0]
	by := blockingOf[T](isa)
	n, shared := 0, isa != asm.Generic && k > 0 && far[T](isa, m, k, lda, by)
	for i := range sides {
		n += sides[i].cols()
		shared = shared && !Few[T](isa, sides[i].N)
	}
	if !shared {
		for i := range sides {
			s := &sides[i]
			Gemm(isa, true, false, m, s.N, k, 1, a, lda, s.B, s.Ldb, beta, s.C, s.Ldc)
		}
		return
	}
	var r Room
	p := product[T]{isa: isa, k: k, room: &r, sides: sides}
	p.a.data = a
	p.a.row, p.a.col = 1, lda
	p.b.col, p.c.col = 1, 1
	p.tiled = simd.PackedRows(isa, maxVecs) > 0
	grow[T](&r.get().b, min(k, by.steps)*(min(n, blockCols)+tileCols)) // which panels only find large enough
	p.many(m, n, by, true, beta)
	r.Free()
}

// far reports whether an A^T, stored in rows of lda elements, is copied before a product of m rows and k
// steps reads it. Where vectors are computed in halves, it comes soon enough from wherever it is: products
// without a copy took up to 18 % less time, from 32 x 1024 x 3200 to 4096 x 1024 x 400.
func far[T Float](isa asm.ISA, m, k, lda int, by blocking) bool {
	if inHalves[T](isa) {
		return false
	}
	return m >= packRows && size[T]()*lda*min(k, by.steps) >= packBytes
}

// cols is N in whole panels: a block of columns may begin with one, but not inside of it.
func (s *Side[T]) cols() int { return (s.N + tileCols - 1) / tileCols * tileCols }

// columns is panels for the columns j0 to j1 of all sides, next to each other.
func (p *product[T]) columns(args Args[T], m, i0, ib, k0, j0, j1 int, by blocking) {
	if p.sides == nil {
		p.panels(args, m, i0, ib, k0, j0, j1, 0, by)
		return
	}
	first := 0
	for i := range p.sides {
		s := &p.sides[i]
		if from, to := max(j0-first, 0), min(j1-first, s.N); from < to {
			p.b.data, p.b.row = s.B, s.Ldb
			p.c.data, p.c.row = s.C, s.Ldc
			args.CRow = size[T]() * s.Ldc
			p.panels(args, m, i0, ib, k0, from, to, args.K*max(first-j0, 0), by)
		}
		first += s.cols()
	}
}
