package tile

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
)

// A copied in the order in which tiles read it, [tile][k][row], for the instruction sets that take
// elements of A out of vectors: see simd.PackedRows. A tile then reads one stream in place of one from
// each row, and so many whole vectors that a loop needs 3 instructions less in 100. The copy takes two
// for an element, the product n/4.

// tiledCols is the number of columns from which the copy pays.
const tiledCols = 256

// packTiles copies rows of A from i on, and steps from k on, to dst, in tiles of at most so many rows.
// What is copied takes rows*steps elements; a vector behind them may be overwritten.
func packTiles[T Float](isa asm.ISA, dst []T, a *place[T], i, k, rows, steps, most int) {
	for left := cutRows(rows, most); left.tiles > 0; {
		n, _ := left.next()
		packTile(isa, dst, a, i, k, n, steps)
		dst = dst[n*steps:]
		i += n
		left.skip(1, n)
	}
}

// packTile is packTiles for the rows of a single tile. Vectors are written whole. What is too much of one
// is overwritten: by the next step, by the vectors before it, which are therefore written later, or by the
// next tile.
func packTile[T Float](isa asm.ISA, dst []T, a *place[T], i, k, rows, steps int) {
	l := lanes[T](isa)
	args := packArgs[T]{DstRow: size[T]() * rows, K: steps}
	if a.row == 1 && a.col != 1 {
		args.Dst, args.Src, args.SrcRow = &dst[0], a.ptr(i, k), size[T]()*a.col
		args.Vecs, args.Tail = vectors(l, rows)
		gemmPack(isa, &args)
		return
	}
	for first := (rows - 1) / l * l; first >= 0; first -= l {
		args.Dst, args.Src, args.SrcRow = &dst[first], a.ptr(i+first, k), size[T]()*a.row
		args.Vecs, args.Tail = 1, min(l, rows-first)
		gemmPackT(isa, &args)
	}
}

// packTiles is packTiles for a block of A, and returns the place of the copy.
func (p *product[T]) packTiles(rows, steps, i0, k0 int) *T {
	dst := grow[T](&p.room.get().a, rows*steps+lanes[T](p.isa))
	packTiles(p.isa, dst, &p.a, i0, k0, rows, steps, simd.PackedRows(p.isa, maxVecs))
	return &dst[0]
}

// tilesA reports whether A is copied tile by tile: where it has to be copied anyway (far), or where that
// pays and the loop for it can be used, which is for panels only.
func (p *product[T]) tilesA(far bool, m, n int, by blocking) bool {
	most := simd.PackedRows(p.isa, maxVecs)
	return most > 0 && (far || m >= most && n >= tiledCols && (p.packed != nil || !p.inPlace(m, by, 0)))
}
