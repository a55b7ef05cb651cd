package tile

import (
	"math/bits"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
)

// Products whose k is cut into parts. Each part of an output is a chain of its own, and the parts are added
// up along a binary tree: 0 and 1, 2 and 3, then these sums, and so on. From left to right, a sum is added
// to what the next part comes to as soon as nothing else comes first, so that few sums wait, as many as the
// number of a part has bits:
//
//	part 0    is kept
//	part 1    sum of 0 to 1
//	part 2                       is kept
//	part 3    sum of 0 to 3 = (0 + 1) + (2 + 3)
//	part 4                       is kept
//
// They wait in scratch, for a few rows of a panel at a time, and are added by the tiles of the part, whose
// chains are in registers: what comes to memory are the sums of all parts, once.

// partRows is the most rows of C for which sums wait.
const partRows = 48

// Joins returns how many of the sums that wait are added to part i of n, the last ones first. What it
// comes to takes the place of the first of them. The last part takes all.
func Joins(i, n int) int {
	if i == n-1 {
		return bits.OnesCount(uint(i))
	}
	return bits.TrailingZeros(^uint(i))
}

// Waiting returns how many sums wait when part i comes.
func Waiting(i int) int { return bits.OnesCount(uint(i)) }

// gemmParts is GemmTN for several parts.
func gemmParts[T Float](isa asm.ISA, m int, ends []int, a []T, lda int, beta T, sides []Side[T]) {
	var r Room
	p := partial[T]{isa: isa, ends: ends, a: a, lda: lda, beta: beta, room: &r}
	p.sums = grow[T](&r.get().sums, bits.Len(uint(len(ends)))*partRows*tileCols)
	if isa == asm.Generic {
		for i := range sides {
			p.plain(m, &sides[i])
		}
	} else {
		p.blocks(m, sides)
	}
	r.Free()
}

// A partial is a product in parts.
type partial[T Float] struct {
	isa  asm.ISA
	ends []int
	a    []T
	lda  int
	beta T
	sums []T // that wait [Waiting][partRows][tileCols]
	room *Room
}

// sum is the place of a sum that waits.
func (p *partial[T]) sum(i int) []T { return p.sums[i*partRows*tileCols:] }

// begin has the chains of the first part, which are in the first sum, go on from C, if there is a beta.
func (p *partial[T]) begin(s *Side[T], row, col, m, n int) (start int) {
	if p.beta == 0 {
		return 0
	}
	for i := range m {
		to, from := p.sum(0)[i*tileCols:][:n], s.C[(row+i)*s.Ldc+col:]
		for j := range to {
			to[j] = p.beta * from[j]
		}
	}
	return 1
}

// nothing is a step that adds nothing to chains.
var nothing [tileCols]float64

// blocks computes all of it with machine code, panel by panel of B, in the order in which tiles read it. If A
// does not fit the L2 cache, a block of it does, which is copied too.
func (p *partial[T]) blocks(m int, sides []Side[T]) {
	k, l, bytes, n := p.ends[len(p.ends)-1], lanes[T](p.isa), size[T](), 0
	for i := range sides {
		n += sides[i].cols()
	}
	rows := m
	if most := L2() / 2 / bytes; m*k > most {
		rows = min(blockRows, max(partRows, most/k/partRows*partRows))
	}
	b := grow[T](&p.room.get().b, k*n+tileCols)
	for i0 := 0; i0 < m; i0 += rows {
		ib := min(rows, m-i0)
		a, lda := p.a[min(i0, len(p.a)):], p.lda
		if rows < m {
			a, lda = p.packA(i0, ib, k)
		}
		at := 0
		for i := range sides {
			s := &sides[i]
			for j := 0; j < s.N; j += maxVecs * l {
				vecs, tail := vectors(l, min(maxVecs*l, s.N-j))
				if i0 == 0 && k > 0 {
					packPanel(p.isa, &b[at], bytes*l*vecs, &place[T]{s.B, 0, s.Ldb, 1}, 0, j, k, vecs, tail)
				}
				p.panel(s, a, b[at:], lda, i0, j, ib, vecs, tail)
				at += k * l * vecs
			}
		}
	}
}

// packA copies k steps of rows from i0 on, and returns the copy and the distance of its steps.
func (p *partial[T]) packA(i0, rows, k int) ([]T, int) {
	width := maxVecs * lanes[T](p.isa)
	lda := (rows + tileCols - 1) / tileCols * tileCols
	a := grow[T](&p.room.get().a, k*lda)
	for i := 0; i < rows; i += width {
		vecs, tail := vectors(lanes[T](p.isa), min(width, rows-i))
		packPanel(p.isa, &a[i], size[T]()*lda, &place[T]{p.a, 0, p.lda, 1}, 0, i0+i, k, vecs, tail)
	}
	return a, lda
}

// panel computes m rows of C, from one on, and the columns of a panel. There is one copy
// of the arguments, which are changed one by one: a part may take no longer than a few dozen such changes.
func (p *partial[T]) panel(s *Side[T], a, b []T, lda, row, col, m, vecs, tail int) {
	bytes, l := size[T](), lanes[T](p.isa)
	args := Args[T]{ARow: bytes, AStep: bytes * lda, AddRow: bytes * tileCols, AddNext: -bytes * partRows * tileCols, Vecs: vecs, Tail: tail, Alpha: 1}
	args.CVec, args.CLast, args.BStep = bytes*l, bytes*l*(args.Vecs-1), bytes*l*args.Vecs
	longest, from := 1, 0
	for _, end := range p.ends {
		longest, from = max(longest, end-from), end
	}
	for at, left := 0, cutRows(m, simd.TileRows(p.isa, args.Vecs)); left.tiles > 0; {
		args.Rows, args.Tiles = left.next()
		args.Tiles = max(1, min(args.Tiles, partRows/args.Rows, callWork/(args.Rows*args.Vecs*longest)))
		rows := args.Rows * args.Tiles
		args.Start = p.begin(s, row+at, col, rows, l*(vecs-1)+tail)
		for i, k0 := 0, 0; i < len(p.ends); i++ {
			end := p.ends[i]
			if args.K = end - k0; args.K > 0 {
				args.A, args.B = &a[k0*lda+at], &b[k0*l*args.Vecs]
			} else {
				args.A, args.B, args.K = &as[T](nothing[:])[0], &as[T](nothing[:])[0], 1
			}
			waiting := Waiting(i)
			if args.Adds = Joins(i, len(p.ends)); args.Adds > 0 {
				args.Add = &p.sum(waiting - 1)[0]
			}
			if i < len(p.ends)-1 {
				args.C, args.CRow = &p.sum(waiting - args.Adds)[0], bytes*tileCols
			} else {
				args.C, args.CRow = &s.C[(row+at)*s.Ldc+col], bytes*s.Ldc
			}
			gemmTiles(p.isa, &args)
			args.Start, k0 = 0, end
		}
		at += rows
		left.skip(args.Tiles, args.Rows)
	}
}

// plain is the same in plain Go, for one side.
func (p *partial[T]) plain(m int, s *Side[T]) {
	for col := 0; col < s.N; col += tileCols {
		for row := 0; row < m; row += partRows {
			p.plainBlock(s, row, col, min(partRows, m-row), min(tileCols, s.N-col))
		}
	}
}

// plainBlock computes m rows and n columns.
func (p *partial[T]) plainBlock(s *Side[T], row, col, m, n int) {
	beta := T(p.begin(s, row, col, m, n))
	k0 := 0
	for i, end := range p.ends {
		waiting := Waiting(i)
		part := product[T]{isa: p.isa, k: end - k0, room: p.room}
		part.a = place[T]{p.a, k0*p.lda + row, 1, p.lda}
		part.b = place[T]{s.B, k0*s.Ldb + col, s.Ldb, 1}
		part.c = place[T]{p.sum(waiting), 0, tileCols, 1}
		part.plain(m, n, beta)
		for range Joins(i, len(p.ends)) {
			waiting--
			sum, more := p.sum(waiting), p.sum(waiting+1)
			for j := range m * tileCols {
				sum[j] += more[j]
			}
		}
		beta, k0 = 0, end
	}
	for i := range m {
		copy(s.C[(row+i)*s.Ldc+col:][:n], p.sum(0)[i*tileCols:])
	}
}
