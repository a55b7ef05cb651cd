//go:build !purego

package blas

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/avx512"
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
//	        for each block of rows of A  pack it, if it is transposed and large
//	            for each panel
//	                for each few rows    tile
//
// A block of k is long: with the next one all of C is read and written again, which for a large
// C costs more than what a short block saves. A large A^T has every step of a tile in another page
// of memory, so it is packed by rows, at a distance that is no multiple of a page.
const (
	blockSteps = 1024    // most steps in a block
	blockRows  = 192     // rows in a block of A: with blockSteps, well inside of an L2 cache of 1 or 2 MB
	blockCols  = 1024    // columns in a block of B
	skinnyK    = 64      // steps in a block for a few rows of A: the packed panel then stays in the L1 cache
	skinny     = 4       // rows that count as a few
	packRows   = 32      // rows from which it may pay to copy a panel
	packBytes  = 1 << 17 // distance of the first and the last step of a block that makes it pay
	fetchBytes = 1 << 19 // size of B from which panels are no longer in the L2 cache by themselves
	fetchRows  = 12      // rows from which there are tiles enough to fetch the next panel
	spread     = 16      // elements in a cache line
)

// A blocking says how large blocks are, and when to pack.
type blocking struct {
	steps int // in a block of k
	farB  int // packBytes for B
}

func blockingOf(isa asm.ISA) blocking {
	if isa == asm.AVX2 {
		// Tiles of three rows read the panel twice as often as those of six: it has to be in the
		// L1 cache.
		return blocking{steps: 128, farB: packBytes / 8}
	}
	return blocking{steps: blockSteps, farB: packBytes}
}

// blocks sets C to A*B + beta*C for m rows and n columns, where the columns of C are side by side.
func (p *product) blocks(m, n int, beta float32) {
	if m == 1 && p.b.row == 1 && p.b.col != 1 && p.packed == nil {
		p.rows(n, beta)
		return
	}
	by := blockingOf(p.isa)
	packA := p.a.row == 1 && p.a.col != 1 && m >= packRows && 4*p.a.col*min(p.k, by.steps) >= packBytes
	switch {
	case m <= skinny && p.b.col != 1 && p.packed == nil:
		by.steps = skinnyK
		p.few(m, n, by, beta)
	case m <= blockRows && !packA:
		p.few(m, n, by, beta)
	default:
		p.many(m, n, by, packA, beta)
	}
}

// few is blocks for a single block of rows.
func (p *product) few(m, n int, by blocking, beta float32) {
	args := avx512.GemmArgs{ARow: 4 * p.a.row, AStep: 4 * p.a.col, CRow: 4 * p.c.row, Beta: beta}
	for j, w := 0, 0; j < n; j += w {
		w = p.width(j, n)
		args.Vecs, args.Tail = vectors(p.isa, w)
		args.Start = start(beta)
		for k0 := 0; k0 < p.k; k0 += by.steps {
			args.K = min(by.steps, p.k-k0)
			if args.B, args.BStep = p.inPlace(m, by, k0, j); args.B == nil {
				args.B = &p.room.get().blockB(args.K * tileCols)[0]
				args.BStep = 4 * lanes(p.isa) * args.Vecs
				packPanelB(p.isa, args.B, args.BStep, &p.b, k0, j, args.K, args.Vecs, args.Tail)
			}
			fetch := 0
			if p.packed != nil && m >= fetchRows && j+w < n && 4*p.k*n >= fetchBytes {
				args.Next, _ = p.packed.at(p.isa, p.row+k0, p.col+j+w)
				fetch = args.K * args.BStep
			}
			args.A, args.C = p.a.ptr(0, k0), p.c.ptr(0, j)
			p.tiles(m, args, fetch)
			args.Start = 1
		}
	}
}

// many is blocks for any number of rows.
func (p *product) many(m, n int, by blocking, packA bool, beta float32) {
	args := avx512.GemmArgs{ARow: 4 * p.a.row, AStep: 4 * p.a.col, CRow: 4 * p.c.row, Beta: beta}
	// Blocks of equal size: a small one at the end would use each panel a few times only.
	count := (m + blockRows - 1) / blockRows
	rows := (m + count - 1) / count
	for j0 := 0; j0 < n; j0 += blockCols {
		nb := min(blockCols, n-j0)
		args.Start = start(beta)
		for k0 := 0; k0 < p.k; k0 += by.steps {
			args.K = min(by.steps, p.k-k0)
			for i0 := 0; i0 < m; i0 += rows {
				ib := min(rows, m-i0)
				var packed []float32
				if packA {
					packed, args.ARow = p.packA(ib, args.K, i0, k0)
					args.AStep = 4
				}
				for j, w := j0, 0; j < j0+nb; j += w {
					w = p.width(j, j0+nb)
					args.Vecs, args.Tail = vectors(p.isa, w)
					var block []float32 // where the block of B is packed
					if args.B, args.BStep = p.inPlace(m, by, k0, j); args.B == nil {
						block = p.room.get().blockB(args.K * (nb + tileCols))
						args.B = &block[(j-j0)*args.K]
						args.BStep = 4 * lanes(p.isa) * args.Vecs
						if i0 == 0 {
							packPanelB(p.isa, args.B, args.BStep, &p.b, k0, j, args.K, args.Vecs, args.Tail)
						}
					}
					fetch := 0
					if 4*args.K*nb >= fetchBytes {
						next := j + w
						if next == j0+nb {
							next = j0
						}
						switch {
						case p.packed != nil:
							args.Next, _ = p.packed.at(p.isa, p.row+k0, p.col+next)
							fetch = args.K * args.BStep
						case block != nil && i0 > 0:
							args.Next = &block[(next-j0)*args.K]
							fetch = args.K * args.BStep
						}
					}
					if packA {
						args.A = &packed[0]
					} else {
						args.A = p.a.ptr(i0, k0)
					}
					args.C = p.c.ptr(i0, j)
					p.tiles(ib, args, fetch)
				}
			}
			args.Start = 1
		}
	}
}

// width returns the number of columns of the panel at column j of n: less than four vectors at
// the end, and where the product starts inside of a panel that was packed beforehand.
func (p *product) width(j, n int) int {
	full := 4 * lanes(p.isa)
	return min(full-(p.col+j)%full, n-j)
}

// inPlace returns the place of a block of a panel of B and the distance of its steps in bytes, or
// nil if the block cannot be read where it is, or m rows of A make a copy pay.
func (p *product) inPlace(m int, by blocking, k0, j int) (*float32, int) {
	switch {
	case p.packed != nil:
		return p.packed.at(p.isa, p.row+k0, p.col+j)
	case p.b.col == 1 && (m < packRows || 4*p.b.row*min(by.steps, p.k-k0) < by.farB):
		return p.b.ptr(k0, j), 4 * p.b.row
	}
	return nil, 0
}

// packPanelB copies a block of a panel of B.
func packPanelB(isa asm.ISA, dst *float32, row int, b *place, k0, j, steps, vecs, tail int) {
	args := avx512.PackArgs{Dst: dst, DstRow: row, Src: b.ptr(k0, j), K: steps, Vecs: vecs, Tail: tail}
	if b.col == 1 {
		args.SrcRow = 4 * b.row
		packPanel(isa, &args)
	} else {
		args.SrcRow = 4 * b.col
		packPanelT(isa, &args)
	}
}

// packA copies a block of a transposed A row by row, and returns it and the distance of its rows
// in bytes.
func (p *product) packA(rows, steps, i0, k0 int) ([]float32, int) {
	// Whole vectors are written, and the distance of rows is an odd number of cache lines.
	ld := (steps+spread-1)/spread*spread | spread
	dst := p.room.get().blockA(rows * ld)
	width := 4 * lanes(p.isa)
	for k := 0; k < steps; k += width {
		args := avx512.PackArgs{Dst: &dst[k], DstRow: 4 * ld, Src: p.a.ptr(i0, k0+k), SrcRow: 4 * p.a.col, K: rows}
		args.Vecs, args.Tail = vectors(p.isa, min(width, steps-k))
		packPanelT(p.isa, &args)
	}
	return dst, 4 * ld
}
