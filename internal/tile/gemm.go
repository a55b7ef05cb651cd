package tile

import (
	"unsafe"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
)

// Gemm sets C to alpha op(A) op(B) + beta C, for arguments that have been checked: see Gemm of
// package blas, whose bits it defines. transA and transB say which operands are transposed.
func Gemm[T Float](isa asm.ISA, transA, transB bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	switch {
	case m == 0 || n == 0:
		return
	case k == 0 || alpha == 0:
		Scale(m, n, beta, c, ldc)
		return
	}
	var r Room
	p := product[T]{isa: isa, k: k, room: &r}
	p.c.data = c
	p.c.row, p.c.col = ldc, 1
	if m > n && n <= fewCols[T](p.isa) {
		// C^T = op(B)^T op(A)^T fills the vectors.
		m, n = n, m
		p.a.data = b
		p.a.row, p.a.col = strides(transB, ldb)
		p.b.data = a
		p.b.row, p.b.col = strides(transA, lda)
		p.a.transpose()
		p.b.transpose()
		p.c.transpose()
	} else {
		p.a.data = a
		p.a.row, p.a.col = strides(transA, lda)
		p.b.data = b
		p.b.row, p.b.col = strides(transB, ldb)
	}
	p.multiply(m, n, alpha, beta)
	r.Free()
}

// Gemv sets y to alpha op(A) x + beta y, for arguments that have been checked, A being [m,n] as it
// is stored: see Gemv of package blas. It is a product with one row, y^T = x^T op(A)^T.
func Gemv[T Float](isa asm.ISA, trans bool, m, n int, alpha T, a []T, lda int, x []T, incX int, beta T, y []T, incY int) {
	if m == 0 || n == 0 {
		return
	}
	if trans {
		m, n = n, m
	}
	if alpha == 0 {
		Scale(m, 1, beta, y, max(incY, -incY))
		return
	}
	var r Room
	p := product[T]{isa: isa, k: n, room: &r}
	p.a.data = x
	p.a.at, p.a.col = first(incX, n), incX
	p.b.data = a
	p.b.row, p.b.col = strides(trans, lda)
	p.b.transpose()
	p.c.data = y
	p.c.at, p.c.col = first(incY, m), incY
	p.multiply(1, m, alpha, beta)
	r.Free()
}

// fewCols is the most columns of a C that is computed transposed if it has more rows.
func fewCols[T Float](isa asm.ISA) int {
	if isa == asm.Generic {
		return 1
	}
	return lanes[T](isa) / 2
}

// Few reports whether n columns are so few that products do not read panels of them: Gemm rather
// computes C transposed.
func Few[T Float](isa asm.ISA, n int) bool { return n <= fewCols[T](isa) }

// A product is C = alpha*A*B + beta*C. B has a stride of 1 in one direction. It is in place of
// long lists of arguments, which cost a small product a tenth of its time.
type product[T Float] struct {
	isa     asm.ISA
	k       int
	a, b, c place[T]
	packed  *Panels[T] // B where it was packed beforehand, or nil
	row     int        // first k of the product in packed
	col     int        // first column of the product in packed
	room    *Room
	tiled   bool      // A is packed tile by tile: see tiles.go
	sides   []Side[T] // the operands B and C where there are several: see sides.go
	bias    []T       // the row that all rows of C start as, in place of beta*C, or nil
}

// multiply computes m rows and n columns. Where alpha is not 1, and where C has a stride between
// columns, the chains are in a block of scratch.
func (p *product[T]) multiply(m, n int, alpha, beta T) {
	if alpha == 1 && p.c.col == 1 && p.isShort(m, n) {
		p.short(m, n, beta)
		return
	}
	if alpha == 1 && (p.c.col == 1 || n == 1 || m == 1 && p.isa == asm.Generic) {
		p.direct(m, n, beta)
		return
	}
	for j, cols := 0, 0; j < n; j += cols {
		cols = apartSize(n-j, tileCols)
		for i, rows := 0, 0; i < m; i += rows {
			rows = apartSize(m-i, chainRows)
			p.apart(i, j, rows, cols, alpha, beta)
		}
	}
}

// apartSize returns the size of the next block of scratch where so many rows or columns are left.
// None of few is left over by larger ones: in float64 a vector, and a vector's few columns, have
// bits of their own, and then those of GemmThreads would depend on where it cuts.
func apartSize(left, most int) int {
	if left > most && left < most+lineBytes/8 {
		return most - lineBytes/8
	}
	return min(most, left)
}

// direct is multiply with alpha = 1 and the chains in C.
func (p *product[T]) direct(m, n int, beta T) {
	if p.isa == asm.Generic {
		p.plain(m, n, beta)
	} else {
		p.blocks(m, n, beta)
	}
}

// apart is multiply for the block of C at row i and column j, with the chains in scratch.
func (p *product[T]) apart(i, j, m, n int, alpha, beta T) {
	s := place[T]{as[T](p.room.get().chains[:]), 0, tileCols, 1}
	part := product[T]{isa: p.isa, k: p.k, a: p.a, b: p.b, c: s, room: p.room}
	part.a.move(i, 0)
	part.b.move(0, j)
	c := p.c
	c.move(i, j)
	if alpha == 1 {
		if beta != 0 {
			for i := range m {
				for j := range n {
					*s.ptr(i, j) = *c.ptr(i, j)
				}
			}
		}
		part.direct(m, n, beta)
		for i := range m {
			for j := range n {
				*c.ptr(i, j) = *s.ptr(i, j)
			}
		}
		return
	}
	part.direct(m, n, 0)
	if p.isa == asm.Generic || c.col != 1 {
		for i := range m {
			for j := range n {
				v := c.ptr(i, j)
				*v = finish(alpha, *s.ptr(i, j), beta, *v)
			}
		}
		return
	}
	for j, w := 0, maxVecs*lanes[T](p.isa); j < n; j += w {
		args := Args[T]{
			A: s.ptr(0, j), C: c.ptr(0, j), ARow: size[T]() * tileCols, CRow: size[T]() * c.row, Tiles: m, Alpha: alpha, Beta: beta,
		}
		args.Vecs, args.Tail = vectors(lanes[T](p.isa), min(w, n-j))
		if beta != 0 {
			args.Start = 2
		}
		gemmFinish(p.isa, &args)
	}
}

var halves = Halves() // tests change it

// inHalves reports whether vectors are computed in halves.
func inHalves[T Float](isa asm.ISA) bool { return halves && isa == asm.AVX512 && !is64[T]() }

// tiles runs over m rows in tiles as equal as can be. Meanwhile it fetches as evenly so many bytes from
// args.Next on: what waits for the third cache is in the way of what waits for the second.
func (p *product[T]) tiles(m int, args Args[T], fetch int) {
	most := simd.TileRows(p.isa, args.Vecs)
	if p.tiled {
		most, args.ARow = simd.PackedRows(p.isa, maxVecs), size[T]()
	}
	args.CVec = size[T]() * lanes[T](p.isa)
	args.CLast = args.CVec * (args.Vecs - 1)
	left := cutRows(m, most)
	if fetch > 0 {
		args.NextStep = min(lineBytes, (fetch+left.tiles*args.K-1)/(left.tiles*args.K))
	}
	for {
		if fetch <= 0 {
			args.Next = nil
		}
		args.Rows, args.Tiles = left.next()
		args.Tiles = max(1, min(args.Tiles, callWork/(args.Rows*args.Vecs*args.K)))
		tile := args.Rows * args.ARow // from one in A to the next
		if p.tiled {
			args.AStep = size[T]() * args.Rows
			tile = args.K * args.AStep
		}
		gemmTiles(p.isa, &args)
		left.skip(args.Tiles, args.Rows)
		if left.tiles == 0 {
			return
		}
		// Only while there are rows: a pointer behind the last one may belong to nothing.
		args.A = (*T)(unsafe.Add(unsafe.Pointer(args.A), args.Tiles*tile))
		args.C = (*T)(unsafe.Add(unsafe.Pointer(args.C), args.Tiles*args.Rows*args.CRow))
		fetched := args.Tiles * args.K * args.NextStep
		if fetch -= fetched; fetch > 0 {
			args.Next = (*T)(unsafe.Add(unsafe.Pointer(args.Next), fetched))
		}
	}
}
