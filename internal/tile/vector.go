package tile

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
)

// Products with one row of A, a vector and a matrix, or with two.

const (
	colsFrom = 8    // vectors of columns from which gemvCols is faster than tiles of one row
	colsN    = 2048 // columns that it takes at once: C stays in the L1 cache
	dotsFrom = 32   // steps from which gemvDots pays
)

// vector sets C to A*B + beta*C if there is a better way for one row than tiles, and reports whether.
func (p *product[T]) vector(n int, beta T) bool {
	switch {
	case p.b.row == 1 && p.b.col != 1:
		start := start(beta)
		for k0 := 0; k0 < p.k; k0 += rowsK {
			steps := min(rowsK, p.k-k0)
			if is64[T]() && steps >= dotsFrom && n >= lanes[T](p.isa) {
				p.dots(k0, steps, n, start, beta)
			} else {
				p.rows(k0, steps, n, start, beta)
			}
			start = 1
		}
	case p.b.col == 1 && n > colsFrom*lanes[T](p.isa):
		p.cols(n, beta)
	default:
		return false
	}
	return true
}

// x returns the place of steps of A from k0 on, or of a copy if they do not lie side by side.
func (p *product[T]) x(k0, steps int) *T {
	if p.a.col == 1 {
		return p.a.ptr(0, k0)
	}
	x := as[T](p.room.get().x[:])
	for k := range steps {
		x[k] = *p.a.ptr(0, k0+k)
	}
	return &x[0]
}

// rows takes steps from k0 on where the columns of B are contiguous.
func (p *product[T]) rows(k0, steps, n, start int, beta T) {
	width := maxVecs * lanes[T](p.isa)
	if p.isa == asm.AVX2 {
		// gemvRows comes twice to every line of its rows. If they share a set or two of the L1
		// cache, eight or sixteen rows are all that stay in it.
		switch bytes := size[T]() * p.b.col; {
		case bytes%4096 == 0:
			width = min(width, 8)
		case bytes%2048 == 0:
			width = min(width, 16)
		}
	}
	x := p.x(k0, steps)
	for j := 0; j < n; j += width {
		args := Args[T]{
			A: p.b.ptr(k0, j), B: x, C: p.c.ptr(0, j), ARow: size[T]() * p.b.col, K: steps, Start: start, Beta: beta,
		}
		args.Vecs, args.Tail = vectors(lanes[T](p.isa), min(width, n-j))
		gemvRows(p.isa, &args)
	}
}

// dots is rows for at least as many columns as a vector has lanes, in float64, whose sums may have
// any order: a lane sums up some of the steps, so that B need not be turned over.
func (p *product[T]) dots(k0, steps, n, start int, beta T) {
	l := lanes[T](p.isa)
	if start == 1 {
		beta = 1 // gemvDots multiplies C by it wherever sums start there
	}
	args := Args[T]{B: p.x(k0, steps), ARow: size[T]() * p.b.col, Start: start, Alpha: 1, Beta: beta}
	args.Vecs, args.Tail = vectors(l, steps)
	groups := n / l
	for g := 0; g < groups; g += args.Tiles {
		args.A, args.C = p.b.ptr(k0, g*l), p.c.ptr(0, g*l)
		args.Tiles = max(1, min(groups-g, callWork/(l*args.Vecs)))
		gemvDots(p.isa, &args)
	}
	// The rest, in a group with columns that have been there before, or the bits of a column would
	// depend on its place.
	if rest := n % l; rest > 0 {
		last := p.c.data[p.c.at+n-rest:][:rest]
		var c [8]T
		copy(c[l-rest:l], last)
		args.A, args.C, args.Tiles = p.b.ptr(k0, n-l), &c[0], 1
		gemvDots(p.isa, &args)
		copy(last, c[l-rest:])
	}
}

// cols is A*B + beta*C where the rows of B are contiguous: a few of them at a time, from end to end. A
// panel of a large B has its steps in a page each.
func (p *product[T]) cols(n int, beta T) {
	Scale(1, n, beta, p.c.data[p.c.at:], n)
	args := Args[T]{ARow: size[T]() * p.b.row}
	for j := 0; j < n; j += colsN {
		args.Vecs, args.Tail = vectors(lanes[T](p.isa), min(colsN, n-j))
		args.C = p.c.ptr(0, j)
		for k0 := 0; k0 < p.k; k0 += args.K {
			args.K = min(rowsK, p.k-k0, max(8, callWork/args.Vecs&^7))
			args.A, args.B = p.b.ptr(k0, j), p.x(k0, args.K)
			gemvCols(p.isa, &args)
		}
	}
}

// pairs does the pairs of full panels with which a packed B starts, for one row of A or, where GemmRow takes
// them, two, and returns how many columns that is.
func (p *product[T]) pairs(m, n int, beta T) (columns int) {
	l, bytes := lanes[T](p.isa), size[T]()
	width := maxVecs * l
	if m > simd.PairRows(p.isa) || is64[T]() || p.packed == nil || p.col%width != 0 || start(beta) == 2 {
		return 0
	}
	if columns = n / (2 * width) * (2 * width); columns == 0 {
		return 0
	}
	args := rowArgs[T]{
		AStep: bytes, CVec: bytes * l, CLast: bytes * (width - l), CPanel: bytes * width, Vecs: maxVecs,
		Rows: m, ARow: bytes * p.a.row, CRow: bytes * p.c.row,
	}
	for j := 0; j < columns; j += args.Pairs * 2 * width {
		args.Start = start(beta)
		args.Pairs = max(1, min((columns-j)/(2*width), callWork/(m*2*maxVecs*min(rowsK, p.k))))
		for k0 := 0; k0 < p.k; k0 += rowsK {
			args.K = min(rowsK, p.k-k0)
			args.A, args.C = p.a.ptr(0, k0), p.c.ptr(0, j)
			args.B, _ = p.packed.where(p.row+k0, p.col+j)
			args.B2, _ = p.packed.where(p.row+k0, p.col+j+width)
			gemmRow(p.isa, false, &args)
			args.Start = 1
		}
	}
	return columns
}
