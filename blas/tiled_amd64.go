//go:build !purego

package blas

import (
	"sync/atomic"
	"unsafe"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/avx512"
	"github.com/elbow-go/elbow/blas/internal/shared"
)

// The product in machine code, bit for bit the one in plain Go:
//
//	for each panel of four vectors of columns of B
//	    for each block of k              pack the panel, if that pays or it has to be turned over
//	        for each few rows of A       tile: a chain per output, up to 24 vectors of them
//
// Tiles read A from where it is, whatever its strides. B has to have its columns side by
// side. A block of k goes on with the chains in C. With alpha other than 1, and where C has
// a stride between columns, the chains are in a block of scratch instead. A large A^T has
// every step of a tile in another page of memory, so it is packed, in panels like those of B:
//
//	for each block of k
//	    for each block of rows of A      pack the rows in panels of four vectors
//	        for each panel of B          pack it, if that pays
//	            for each panel of A      tiles
const (
	tileK     = 256     // steps in a block
	skinnyK   = 64      // the same for a few rows: the packed panel then stays in the L1 cache
	skinny    = 4       // rows that count as a few
	tileCols  = 64      // most columns of a panel
	blockRows = 256     // rows in a packed block of A
	chainRows = 64      // rows in a block of chains in scratch
	rowsK     = 2048    // steps in one call of gemvRows
	callWork  = 1 << 16 // vectors times steps in one call, some 20 microseconds: no call can be preempted
	packRows  = 32      // rows from which it may pay to copy a panel
	packBytes = 1 << 17 // distance of the first and the last step of a block that makes it pay
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

func (p place) ptr(i, j int) *float32 { return &p.data[p.at+i*p.row+j*p.col] }

func (p place) from(i, j int) place {
	p.at += i*p.row + j*p.col
	return p
}

func (p place) transposed() place {
	p.row, p.col = p.col, p.row
	return p
}

func placeOf(v view[float32]) place { return place{v.data, 0, v.row, v.col} }

// A scratch is the memory of one call.
type scratch struct {
	panel  [tileK * tileCols]float32
	chains [chainRows * tileCols]float32
	x      [rowsK]float32
	a      []float32 // blockRows*tileK, made when first asked for
}

// scratches keeps what calls have given back: as many as there were calls at a time. The
// collector does not empty it, unlike a sync.Pool, so that there is an end to allocations.
var scratches [64]atomic.Pointer[scratch]

func newScratch() *scratch {
	for i := range scratches {
		if scratches[i].Load() != nil {
			if s := scratches[i].Swap(nil); s != nil {
				return s
			}
		}
	}
	return new(scratch)
}

func (s *scratch) free() {
	for i := range scratches {
		if scratches[i].Load() == nil && scratches[i].CompareAndSwap(nil, s) {
			return
		}
	}
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
	pa, pb, pc := placeOf(op(tA, a, lda)), placeOf(op(tB, b, ldb)), place{c, 0, ldc, 1}
	if n <= lanes(isa)/2 && m > n {
		// C^T = op(B)^T op(A)^T fills the vectors.
		m, n = n, m
		pa, pb, pc = pb.transposed(), pa.transposed(), pc.transposed()
	}
	multiply(isa, m, n, k, alpha, pa, pb, beta, pc)
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
	vx, vy := newVector(x, incX, n), newVector(y, incY, m)
	multiply(isa, 1, m, n, alpha, place{x, vx.at, 0, incX}, placeOf(op(t, a, lda)).transposed(), beta, place{y, vy.at, 0, incY})
}

// vectors returns the number of vectors in w columns, and of columns in the last of them.
func vectors(isa asm.ISA, w int) (vecs, tail int) {
	vecs = (w + lanes(isa) - 1) / lanes(isa)
	return vecs, w - (vecs-1)*lanes(isa)
}

// multiply sets C to alpha*A*B + beta*C. B has a stride of 1 in one direction.
func multiply(isa asm.ISA, m, n, k int, alpha float32, a, b place, beta float32, c place) {
	p := product{isa: isa, k: k, steps: tileK, farB: packBytes}
	if isa == asm.AVX2 {
		// Tiles of three rows read the panel twice as often as those of six: it has to be in the
		// L1 cache.
		p.steps, p.farB = tileK/2, packBytes/8
	}
	if alpha == 1 && c.col == 1 && a.row == 1 && m >= packRows && 4*a.col*min(k, tileK) >= packBytes {
		p.packed(m, n, a, b, beta, c)
		p.room.free()
		return
	}
	width := 4 * lanes(isa)
	if isa == asm.AVX2 && m == 1 && b.row == 1 {
		// gemvRows comes twice to every line of its rows. If they share a set or two of the L1
		// cache, eight or sixteen rows are all that stay in it.
		switch {
		case b.col%1024 == 0:
			width = 8
		case b.col%512 == 0:
			width = 16
		}
	}
	for j := 0; j < n; j += width {
		w := min(width, n-j)
		p.vecs, p.tail = vectors(isa, w)
		pb, pc := b.from(0, j), c.from(0, j)
		if alpha == 1 && (c.col == 1 || w == 1) {
			p.panel(m, a, pb, beta, pc)
			continue
		}
		for i := 0; i < m; i += chainRows {
			p.apart(min(chainRows, m-i), w, alpha, a.from(i, 0), pb, beta, pc.from(i, 0))
		}
	}
	if p.room != nil {
		p.room.free()
	}
}

// A product is what the parts of one call have in common.
type product struct {
	isa        asm.ISA
	k          int
	steps      int // in a block
	farB       int // packBytes for B
	vecs, tail int // vectors in the panel, and columns in the last of them
	room       *scratch
}

// scratch returns the scratch of this call.
func (p *product) scratch() *scratch {
	if p.room == nil {
		p.room = newScratch()
	}
	return p.room
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

// panel sets some columns of C to A*B + beta*C, where the columns of C are side by side.
func (p *product) panel(m int, a, b place, beta float32, c place) {
	start := start(beta)
	if m == 1 && b.row == 1 && b.col != 1 {
		p.rows(a, b, start, beta, c)
		return
	}
	block := p.steps
	if m <= skinny && b.col != 1 {
		block = skinnyK
	}
	for k0 := 0; k0 < p.k; k0 += block {
		kb := min(block, p.k-k0)
		args := avx512.GemmArgs{
			A: a.ptr(0, k0), C: c.ptr(0, 0), ARow: 4 * a.row, AStep: 4 * a.col, CRow: 4 * c.row,
			CVec: 4 * lanes(p.isa), CLast: 4 * lanes(p.isa) * (p.vecs - 1), K: kb, Vecs: p.vecs, Tail: p.tail, Start: start, Beta: beta,
		}
		args.B, args.BStep = p.panelB(m, b, k0, kb)
		p.tiles(m, args)
		start = 1
	}
}

// packed is A*B + beta*C for all columns, for rows of A that are side by side.
func (p *product) packed(m, n int, a, b place, beta float32, c place) {
	s := p.scratch()
	if s.a == nil {
		s.a = make([]float32, blockRows*tileK)
	}
	width := 4 * lanes(p.isa)
	start := start(beta)
	for k0 := 0; k0 < p.k; k0 += p.steps {
		kb := min(p.steps, p.k-k0)
		for i0 := 0; i0 < m; i0 += blockRows {
			ib := min(blockRows, m-i0)
			for i := 0; i < ib; i += width {
				args := avx512.PackArgs{Dst: &s.a[i*kb], Src: a.ptr(i0+i, k0), SrcRow: 4 * a.col, K: kb}
				args.Vecs, args.Tail = vectors(p.isa, min(width, ib-i))
				packPanel(p.isa, &args)
			}
			for j := 0; j < n; j += width {
				p.vecs, p.tail = vectors(p.isa, min(width, n-j))
				args := avx512.GemmArgs{
					ARow: 4, CRow: 4 * c.row, CVec: 4 * lanes(p.isa), CLast: 4 * lanes(p.isa) * (p.vecs - 1), K: kb, Vecs: p.vecs, Tail: p.tail, Start: start, Beta: beta,
				}
				args.B, args.BStep = p.panelB(ib, b.from(0, j), k0, kb)
				for i := 0; i < ib; i += width {
					w := min(width, ib-i)
					vecs, _ := vectors(p.isa, w)
					args.A, args.C = &s.a[i*kb], c.ptr(i0+i, j)
					args.AStep = 4 * lanes(p.isa) * vecs
					p.tiles(w, args)
				}
			}
		}
		start = 1
	}
}

// panelB returns a block of a panel of B, and the distance of its steps in bytes. It is in
// scratch if it had to be turned over, or if m rows of A make a copy pay.
func (p *product) panelB(m int, b place, k0, kb int) (*float32, int) {
	if b.col == 1 && (m < packRows || 4*b.row*kb < p.farB) {
		return b.ptr(k0, 0), 4 * b.row
	}
	dst := &p.scratch().panel[0]
	args := avx512.PackArgs{Dst: dst, Src: b.ptr(k0, 0), K: kb, Vecs: p.vecs, Tail: p.tail}
	if b.col == 1 {
		args.SrcRow = 4 * b.row
		packPanel(p.isa, &args)
	} else {
		args.SrcRow = 4 * b.col
		packPanelT(p.isa, &args)
	}
	return dst, 4 * lanes(p.isa) * p.vecs
}

// tiles runs over m rows, in tiles as equal as can be: with few chains at a time, each waits
// for itself.
func (p *product) tiles(m int, args avx512.GemmArgs) {
	count := (m + maxRows(p.isa, p.vecs) - 1) / maxRows(p.isa, p.vecs)
	args.Rows = (m + count - 1) / count
	larger := m - count*(args.Rows-1) // tiles with that many rows; the others have one less
	for count > 0 {
		if larger == 0 {
			args.Rows--
			larger = count
		}
		run := max(1, min(larger, callWork/(args.Rows*args.Vecs*args.K)))
		args.Tiles = run
		tiles(p.isa, &args)
		larger -= run
		if count -= run; count > 0 {
			// Only while there are rows: a pointer behind the last one may belong to nothing.
			args.A = (*float32)(unsafe.Add(unsafe.Pointer(args.A), run*args.Rows*args.ARow))
			args.C = (*float32)(unsafe.Add(unsafe.Pointer(args.C), run*args.Rows*args.CRow))
		}
	}
}

// rows is panel for one row, where the columns of B are contiguous.
func (p *product) rows(a, b place, start int, beta float32, c place) {
	for k0 := 0; k0 < p.k; k0 += rowsK {
		kb := min(rowsK, p.k-k0)
		x := a.ptr(0, k0)
		if a.col != 1 {
			room := &p.scratch().x
			for q := range kb {
				room[q] = *a.ptr(0, k0+q)
			}
			x = &room[0]
		}
		gemvRows(p.isa, &avx512.GemmArgs{
			A: b.ptr(k0, 0), B: x, C: c.ptr(0, 0), ARow: 4 * b.col, K: kb, Vecs: p.vecs, Tail: p.tail, Start: start, Beta: beta,
		})
		start = 1
	}
}

// apart is alpha*A*B + beta*C for a block of w columns, with the chains in scratch.
func (p *product) apart(m, w int, alpha float32, a, b place, beta float32, c place) {
	s := place{p.scratch().chains[:], 0, tileCols, 1}
	if alpha == 1 {
		if beta != 0 {
			for i := range m {
				for j := range w {
					*s.ptr(i, j) = *c.ptr(i, j)
				}
			}
		}
		p.panel(m, a, b, beta, s)
		for i := range m {
			for j := range w {
				*c.ptr(i, j) = *s.ptr(i, j)
			}
		}
		return
	}
	p.panel(m, a, b, 0, s)
	if c.col != 1 {
		for i := range m {
			for j := range w {
				v := c.ptr(i, j)
				*v = finish(alpha, *s.ptr(i, j), beta, *v)
			}
		}
		return
	}
	args := avx512.GemmArgs{
		A: s.ptr(0, 0), C: c.ptr(0, 0), ARow: 4 * tileCols, CRow: 4 * c.row,
		Tiles: m, Vecs: p.vecs, Tail: p.tail, Alpha: alpha, Beta: beta,
	}
	if beta != 0 {
		args.Start = 2
	}
	finishTiles(p.isa, &args)
}
