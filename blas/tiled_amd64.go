//go:build !purego

package blas

import (
	"sync/atomic"
	"unsafe"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/avx512"
	"github.com/elbow-go/elbow/blas/internal/shared"
	"github.com/elbow-go/elbow/internal/pages"
)

// The product in machine code, bit for bit the one in plain Go. Its unit is a tile: a few rows
// of A times a panel of B, which is up to four vectors of columns, with a chain per output in a
// register; asm/_gen/gemm has it. The order of the tiles is in blocks_amd64.go.
//
// Tiles read A from where it is, whatever its strides. B has to have its columns side by
// side. A block of k goes on with the chains in C. With alpha other than 1, and where C has
// a stride between columns, the chains are in a block of scratch instead.
const (
	tileCols  = 64      // most columns of a panel
	chainRows = 64      // rows in a block of chains in scratch
	rowsK     = 2048    // steps in one call of gemvRows
	lineBytes = 64      // in a cache line
	callWork  = 1 << 16 // vectors times steps in one call, some 20 microseconds: no call can be preempted
)

// maxRows is the most rows in a tile of so many vectors.
func maxRows(isa asm.ISA, vecs int) int {
	if isa == asm.AVX512 {
		return [...]int{0, 8, 8, 8, 6}[vecs]
	}
	return [...]int{0, 8, 6, 4, 3}[vecs]
}

func lanes(isa asm.ISA) int {
	if isa == asm.AVX512 {
		return 16
	}
	return 8
}

// A place is a matrix inside a slice: element (i, j) is data[at+i*row+j*col]. Unlike a view it
// may run backwards.
type place struct {
	data         []float32
	at, row, col int
}

func (p *place) ptr(i, j int) *float32 { return &p.data[p.at+i*p.row+j*p.col] }

// move makes element (i, j) the first one.
func (p *place) move(i, j int) { p.at += i*p.row + j*p.col }

func (p *place) transpose() { p.row, p.col = p.col, p.row }

// strides returns those of op(X), where X is row-major with leading dimension ld. Places are
// written field by field: the compiler sees an operand escape that a method stores, and a copy of
// a whole place waits for the stores of its parts.
func strides(t Transpose, ld int) (row, col int) {
	if t == NoTrans {
		return ld, 1
	}
	return 1, ld
}

// A scratch is the memory of one call. The slices are made when they are first asked for.
type scratch struct {
	a, b   []float32 // packed blocks of A and of B
	chains [chainRows * tileCols]float32
	x      [rowsK]float32
}

// scratches keeps what calls have given back: as many as there were calls at a time. The
// collector does not empty it, unlike a sync.Pool, so that there is an end to allocations.
var scratches [64]atomic.Pointer[scratch]

// A room holds the scratch of a call, from the first time that it is asked for to free. It is
// no part of a product: the compiler would see the operands escape with the scratch.
type room struct{ s *scratch }

func (r *room) get() *scratch {
	if r.s != nil {
		return r.s
	}
	for i := range scratches {
		if scratches[i].Load() != nil {
			if r.s = scratches[i].Swap(nil); r.s != nil {
				return r.s
			}
		}
	}
	r.s = new(scratch)
	return r.s
}

func (r *room) free() {
	if r.s == nil {
		return
	}
	for i := range scratches {
		if scratches[i].Load() == nil && scratches[i].CompareAndSwap(nil, r.s) {
			return
		}
	}
}

// blockA and blockB return room for n elements.
func (s *scratch) blockA(n int) []float32 {
	if len(s.a) < n {
		s.a = pages.Make[float32](n)
	}
	return s.a
}

func (s *scratch) blockB(n int) []float32 {
	if len(s.b) < n {
		s.b = pages.Make[float32](n)
	}
	return s.b
}

// gemmTiled is Gemm for checked arguments.
func gemmTiled(isa asm.ISA, tA, tB Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	switch {
	case m == 0 || n == 0:
		return
	case k == 0 || alpha == 0:
		shared.Scale(m, n, beta, c, ldc)
		return
	}
	var r room
	p := product{isa: isa, k: k, room: &r}
	p.c.data = c
	p.c.row, p.c.col = ldc, 1
	if n <= lanes(isa)/2 && m > n {
		// C^T = op(B)^T op(A)^T fills the vectors.
		m, n = n, m
		p.a.data = b
		p.a.row, p.a.col = strides(tB, ldb)
		p.b.data = a
		p.b.row, p.b.col = strides(tA, lda)
		p.a.transpose()
		p.b.transpose()
		p.c.transpose()
	} else {
		p.a.data = a
		p.a.row, p.a.col = strides(tA, lda)
		p.b.data = b
		p.b.row, p.b.col = strides(tB, ldb)
	}
	p.multiply(m, n, alpha, beta)
	r.free()
}

// gemvTiled is Gemv for checked arguments: a product with one row, y^T = x^T op(A)^T.
func gemvTiled(isa asm.ISA, t Transpose, m, n int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int) {
	if m == 0 || n == 0 || alpha == 0 {
		gemvGeneric(t, m, n, alpha, a, lda, x, incX, beta, y, incY)
		return
	}
	if t != NoTrans {
		m, n = n, m
	}
	var r room
	p := product{isa: isa, k: n, room: &r}
	p.a = place{x, newVector(x, incX, n).at, 0, incX}
	p.b.data = a
	p.b.row, p.b.col = strides(t, lda)
	p.b.transpose()
	p.c = place{y, newVector(y, incY, m).at, 0, incY}
	p.multiply(1, m, alpha, beta)
	r.free()
}

// vectors returns the number of vectors in w columns, and of columns in the last of them.
func vectors(isa asm.ISA, w int) (vecs, tail int) {
	vecs = (w + lanes(isa) - 1) / lanes(isa)
	return vecs, w - (vecs-1)*lanes(isa)
}

// A product is C = alpha*A*B + beta*C. B has a stride of 1 in one direction. It is in place of
// long lists of arguments, which cost a small product a tenth of its time.
type product struct {
	isa     asm.ISA
	k       int
	a, b, c place
	packed  *panels // B where it was packed beforehand, or nil
	row     int     // first k of the product in packed
	col     int     // first column of the product in packed
	room    *room
}

// multiply computes m rows and n columns.
func (p *product) multiply(m, n int, alpha, beta float32) {
	if alpha == 1 && (p.c.col == 1 || n == 1) {
		p.blocks(m, n, beta)
	} else {
		for j := 0; j < n; j += tileCols {
			for i := 0; i < m; i += chainRows {
				p.apart(i, j, min(chainRows, m-i), min(tileCols, n-j), alpha, beta)
			}
		}
	}
}

// start is the start of the chains in C.
func start(beta float32) int {
	switch beta {
	case 0:
		return 0
	case 1:
		return 1
	}
	return 2
}

// tiles runs over m rows, in tiles as equal as can be: with few chains at a time, each waits
// for itself. Meanwhile it fetches so many bytes from args.Next on, as evenly: what waits for
// the third cache is in the way of what waits for the second.
func (p *product) tiles(m int, args avx512.GemmArgs, fetch int) {
	most := maxRows(p.isa, args.Vecs)
	count := (m + most - 1) / most
	args.Rows = (m + count - 1) / count
	larger := m - count*(args.Rows-1) // tiles with that many rows; the others have one less
	args.CVec = 4 * lanes(p.isa)
	args.CLast = args.CVec * (args.Vecs - 1)
	args.NextStep = min(lineBytes, (fetch+count*args.K-1)/(count*args.K))
	for count > 0 {
		if larger == 0 {
			args.Rows--
			larger = count
		}
		if fetch <= 0 {
			args.Next = nil
		}
		args.Tiles = max(1, min(larger, callWork/(args.Rows*args.Vecs*args.K)))
		tiles(p.isa, &args)
		larger -= args.Tiles
		if count -= args.Tiles; count > 0 {
			// Only while there are rows: a pointer behind the last one may belong to nothing.
			args.A = (*float32)(unsafe.Add(unsafe.Pointer(args.A), args.Tiles*args.Rows*args.ARow))
			args.C = (*float32)(unsafe.Add(unsafe.Pointer(args.C), args.Tiles*args.Rows*args.CRow))
		}
		fetched := args.Tiles * args.K * args.NextStep
		if fetch -= fetched; fetch > 0 {
			args.Next = (*float32)(unsafe.Add(unsafe.Pointer(args.Next), fetched))
		}
	}
}

// rows is A*B + beta*C for one row, where the columns of B are contiguous.
func (p *product) rows(n int, beta float32) {
	width := 4 * lanes(p.isa)
	if p.isa == asm.AVX2 {
		// gemvRows comes twice to every line of its rows. If they share a set or two of the L1
		// cache, eight or sixteen rows are all that stay in it.
		switch {
		case p.b.col%1024 == 0:
			width = 8
		case p.b.col%512 == 0:
			width = 16
		}
	}
	start := start(beta)
	for k0 := 0; k0 < p.k; k0 += rowsK {
		kb := min(rowsK, p.k-k0)
		x := p.a.ptr(0, k0)
		if p.a.col != 1 {
			copied := &p.room.get().x
			for q := range kb {
				copied[q] = *p.a.ptr(0, k0+q)
			}
			x = &copied[0]
		}
		for j := 0; j < n; j += width {
			args := avx512.GemmArgs{
				A: p.b.ptr(k0, j), B: x, C: p.c.ptr(0, j), ARow: 4 * p.b.col, K: kb, Start: start, Beta: beta,
			}
			args.Vecs, args.Tail = vectors(p.isa, min(width, n-j))
			gemvRows(p.isa, &args)
		}
		start = 1
	}
}

// apart is multiply for the block of C at row i and column j, with the chains in scratch.
func (p *product) apart(i, j, m, n int, alpha, beta float32) {
	s := place{p.room.get().chains[:], 0, tileCols, 1}
	part := product{isa: p.isa, k: p.k, a: p.a, b: p.b, c: s, room: p.room}
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
		part.blocks(m, n, beta)
		for i := range m {
			for j := range n {
				*c.ptr(i, j) = *s.ptr(i, j)
			}
		}
		return
	}
	part.blocks(m, n, 0)
	if c.col != 1 {
		for i := range m {
			for j := range n {
				v := c.ptr(i, j)
				*v = finish(alpha, *s.ptr(i, j), beta, *v)
			}
		}
		return
	}
	width := 4 * lanes(p.isa)
	for j := 0; j < n; j += width {
		args := avx512.GemmArgs{
			A: s.ptr(0, j), C: c.ptr(0, j), ARow: 4 * tileCols, CRow: 4 * c.row, Tiles: m, Alpha: alpha, Beta: beta,
		}
		args.Vecs, args.Tail = vectors(p.isa, min(width, n-j))
		if beta != 0 {
			args.Start = 2
		}
		finishTiles(p.isa, &args)
	}
}
