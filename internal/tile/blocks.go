package tile

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
)

// The order of the tiles. With few rows a panel of B is used once, so it stays in the cache from
// its packing to its use:
//
//	for each panel of B
//	    for each block of k              pack the panel, if that pays or it has to be turned over
//	        for each few rows of A       tile
//
// With many, a block of A stays in the L2 cache while the panels of a block of B pass by, each
// fetched by the tiles of the one before it:
//
//	for each block of columns of B
//	    for each block of k              pack the block of B, as above
//	        for each block of rows of A  pack it, if it is transposed and large, or see tiles.go
//	            for each panel
//	                for each few rows    tile
//
// A block of k is long: with the next one all of C is read and written again, which for a large
// C costs more than what a short block saves. A large A^T has every step of a tile in another page
// of memory, so it is packed by rows, at a distance that is no multiple of a page.
const (
	blockBytes = 1 << 12 // most bytes in a row of a block of A
	blockRows  = 192     // rows in a block of A: with blockBytes, well inside of an L2 cache of 1 or 2 MB
	blockCols  = 1024    // columns in a block of B
	skinnyK    = 64      // steps in a block for a few rows of A: the packed panel then stays in the L1 cache
	skinny     = 4       // rows that count as a few
	packRows   = 32      // rows from which it may pay to copy a panel
	nearRows   = 64      // most rows for which a panel is better read where it is, if few steps of it fit the L2 cache
	nearSteps  = 128     // steps that are not few
	packBytes  = 1 << 17 // distance of the first and the last step of a block that makes it pay
	fetchBytes = 1 << 19 // size of B from which panels are no longer in the L2 cache by themselves
	fetchRows  = 12      // rows from which there are tiles enough to fetch the next panel
)

// atBias is the Start of chains that start at Bias.
const atBias = 3

// A blocking says how large blocks are, and when to pack.
type blocking struct {
	steps int // in a block of k
	farB  int // packBytes for B
}

// blockSteps is the most steps in a block of k.
func blockSteps[T Float]() int { return blockBytes / size[T]() }

func blockingOf[T Float](isa asm.ISA) blocking {
	if simd.TileRows(isa, maxVecs) < 4 {
		// Tiles of three rows read the panel twice as often as those of six: it has to be in the
		// L1 cache.
		return blocking{steps: 512 / size[T](), farB: packBytes / 8}
	}
	by := blocking{steps: blockSteps[T](), farB: packBytes}
	if inHalves[T](isa) { // there is time for B to come from where it is
		by.farB *= 4
	}
	return by
}

// near makes blocks of k so short that the rows of B of a block stay in the L2 cache, at the distance
// they have, and are read where they are, if a product with m rows gains by that. Rows that lie a power
// of 2 apart share sets of the cache: it has room for no more of them than of all that is between them.
// For more than nearRows rows the shorter blocks cost more than a copy, and tiles of three rows need
// the panel in the L1 cache. Where A is packed too, loops are made for panels.
func (by *blocking) near(isa asm.ISA, m, row int) {
	if m < packRows || m > nearRows || simd.TileRows(isa, maxVecs) < 4 || simd.PackedRows(isa, maxVecs) > 0 {
		return
	}
	if steps := L2() / row; steps >= nearSteps {
		by.steps = min(by.steps, steps)
		by.farB = L2() + 1
	}
}

// blocks sets C to A*B + beta*C for m rows and n columns, where the columns of C are side by side.
func (p *product[T]) blocks(m, n int, beta T) {
	if m == 1 && p.packed == nil && p.vector(n, beta) {
		return
	}
	by := blockingOf[T](p.isa)
	packA := p.a.row == 1 && p.a.col != 1 && far[T](p.isa, m, p.k, p.a.col, by)
	if !packA && p.packed == nil && p.b.col == 1 {
		by.near(p.isa, m, size[T]()*p.b.row)
	}
	p.tiled = p.tilesA(packA, m, n, by)
	switch {
	case m <= skinny && p.b.col != 1 && p.packed == nil:
		by.steps = skinnyK
		p.few(m, n, by, beta)
	case m <= blockRows && !packA && !p.tiled:
		p.few(m, n, by, beta)
	default:
		p.many(m, n, by, packA, beta)
	}
}

// few is blocks for a single block of rows.
func (p *product[T]) few(m, n int, by blocking, beta T) {
	bytes := size[T]()
	args := Args[T]{ARow: bytes * p.a.row, AStep: bytes * p.a.col, CRow: bytes * p.c.row, CVec: bytes * lanes[T](p.isa), Beta: beta}
	for j, w := p.pairs(m, n, beta), 0; j < n; j += w {
		w = p.width(j, n)
		args.Vecs, args.Tail = vectors(lanes[T](p.isa), w)
		args.Start = start(beta)
		if p.bias != nil {
			args.Start, args.Bias = atBias, &p.bias[j]
		}
		for k0 := 0; k0 < p.k; k0 += by.steps {
			args.K = min(by.steps, p.k-k0)
			if args.B, args.BStep = p.where(m, by, k0, j); args.B == nil {
				args.B = &grow[T](&p.room.get().b, args.K*tileCols)[0]
				args.BStep = bytes * lanes[T](p.isa) * args.Vecs
				packPanel(p.isa, args.B, args.BStep, &p.b, k0, j, args.K, args.Vecs, args.Tail)
			}
			fetch := 0
			if p.packed != nil && m >= fetchRows && j+w < n && bytes*p.k*n >= fetchBytes {
				args.Next, fetch = p.packedBlock(k0, j+w, args.K)
			}
			args.A, args.C = p.a.ptr(0, k0), p.c.ptr(0, j)
			if m <= simd.TileRows(p.isa, args.Vecs) { // without a copy of args, which waits for what was just written
				args.Rows, args.Tiles, args.CLast = m, 1, args.CVec*(args.Vecs-1)
				gemmTiles(p.isa, &args)
			} else {
				p.tiles(m, args, fetch)
			}
			args.Start = 1
		}
	}
}

// many is blocks for any number of rows.
func (p *product[T]) many(m, n int, by blocking, packA bool, beta T) {
	bytes := size[T]()
	args := Args[T]{ARow: bytes * p.a.row, AStep: bytes * p.a.col, CRow: bytes * p.c.row, Beta: beta}
	// Blocks of equal size: a small one at the end would use each panel a few times only.
	count := (m + blockRows - 1) / blockRows
	rows := (m + count - 1) / count
	for j0 := 0; j0 < n; j0 += blockCols {
		args.Start = start(beta)
		for k0 := 0; k0 < p.k; k0 += by.steps {
			args.K = min(by.steps, p.k-k0)
			for i0 := 0; i0 < m; i0 += rows {
				ib := min(rows, m-i0)
				if p.tiled {
					args.A = p.packTiles(ib, args.K, i0, k0)
				} else if packA {
					args.A, args.ARow = p.packA(ib, args.K, i0, k0)
					args.AStep = bytes
				} else {
					args.A = p.a.ptr(i0, k0)
				}
				p.columns(args, m, i0, ib, k0, j0, min(j0+blockCols, n), by)
			}
			args.Start = 1
		}
	}
}

// panels takes ib rows of a block of A through the panels of the columns j0 to j1, which the first
// rows pack if need be, behind so many packed elements of other columns. args has what is the same for
// all panels.
func (p *product[T]) panels(args Args[T], m, i0, ib, k0, j0, j1, packed int, by blocking) {
	a := args.A
	for j, w := j0, 0; j < j1; j += w {
		w = p.width(j, j1)
		args.Vecs, args.Tail = vectors(lanes[T](p.isa), w)
		var block []T // where the block of B is packed
		if args.B, args.BStep = p.where(m, by, k0, j); args.B == nil {
			block = grow[T](&p.room.get().b, packed+args.K*(j1-j0+tileCols))[packed:]
			args.B = &block[(j-j0)*args.K]
			args.BStep = size[T]() * lanes[T](p.isa) * args.Vecs
			if i0 == 0 {
				packPanel(p.isa, args.B, args.BStep, &p.b, k0, j, args.K, args.Vecs, args.Tail)
			}
		}
		fetch := 0
		if size[T]()*args.K*(j1-j0) >= fetchBytes {
			next := j + w
			if next == j1 {
				next = j0
			}
			switch {
			case p.packed != nil:
				args.Next, fetch = p.packedBlock(k0, next, args.K)
			case block != nil && i0 > 0:
				args.Next = &block[(next-j0)*args.K]
				fetch = args.K * args.BStep
			}
		}
		if p.bias != nil && k0 == 0 {
			args.Start, args.Bias = atBias, &p.bias[j]
		}
		args.A, args.C = a, p.c.ptr(i0, j)
		p.tiles(ib, args, fetch)
	}
}

// width returns the number of columns of the panel at column j of n: less than four vectors at
// the end, and where the product starts inside of a panel that was packed beforehand.
func (p *product[T]) width(j, n int) int {
	full := maxVecs * lanes[T](p.isa)
	return min(full-(p.col+j)&(full-1), n-j)
}

// where returns the place of a block of a panel of B and the distance of its steps in bytes, or
// nil if the block cannot be read where it is, or m rows of A make a copy pay.
func (p *product[T]) where(m int, by blocking, k0, j int) (*T, int) {
	switch {
	case p.packed != nil:
		return p.packed.where(p.row+k0, p.col+j)
	case p.inPlace(m, by, k0):
		return p.b.ptr(k0, j), size[T]() * p.b.row
	}
	return nil, 0
}

// inPlace reports whether a block of a B that is not packed is read where it is.
func (p *product[T]) inPlace(m int, by blocking, k0 int) bool {
	if p.isa == asm.NEON && p.b.row < 3 && !is64[T]() {
		return false // see BStep of GemmTiles: this can be a single column
	}
	return p.b.col == 1 && (m < packRows || size[T]()*p.b.row*min(by.steps, p.k-k0) < by.farB)
}

// packedBlock returns the place of steps from k0 on, in the panel of column j of a B that was packed
// beforehand, and how many bytes are there. The panel may have fewer vectors than the one before it,
// and a pointer must not go on behind the last panel: the collector finds it in args.
func (p *product[T]) packedBlock(k0, j, steps int) (*T, int) {
	at, row := p.packed.where(p.row+k0, p.col+j)
	return at, steps*row - size[T]()*((p.col+j)%p.packed.Width())
}

// packPanel copies a block of a panel of B: steps from k0 on, and columns from j on. The rows of
// the panel are so many bytes apart.
func packPanel[T Float](isa asm.ISA, dst *T, row int, b *place[T], k0, j, steps, vecs, tail int) {
	args := packArgs[T]{Dst: dst, DstRow: row, Src: b.ptr(k0, j), K: steps, Vecs: vecs, Tail: tail}
	if b.col == 1 {
		args.SrcRow = size[T]() * b.row
		gemmPack(isa, &args)
	} else {
		args.SrcRow = size[T]() * b.col
		gemmPackT(isa, &args)
	}
}

// packA copies a block of a transposed A row by row, and returns the place of the copy and the
// distance of its rows in bytes.
func (p *product[T]) packA(rows, steps, i0, k0 int) (*T, int) {
	// Whole vectors are written, and the distance of rows is an odd number of cache lines.
	line := lineBytes / size[T]()
	ld := (steps+line-1)/line*line | line
	dst := grow[T](&p.room.get().a, rows*ld)
	width := maxVecs * lanes[T](p.isa)
	for k := 0; k < steps; k += width {
		args := packArgs[T]{
			Dst: &dst[k], DstRow: size[T]() * ld, Src: p.a.ptr(i0, k0+k), SrcRow: size[T]() * p.a.col, K: rows,
		}
		args.Vecs, args.Tail = vectors(lanes[T](p.isa), min(width, steps-k))
		gemmPackT(p.isa, &args)
	}
	return &dst[0], size[T]() * ld
}
