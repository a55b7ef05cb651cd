package recipe

import (
	"fmt"

	. "github.com/elbow-go/elbow/asm/_gen/engine"
	"github.com/elbow-go/elbow/internal/f32"
)

// The sums of the Gaussian kernels are finished for 16 rows at once. The loop over the columns
// stores the virtual lanes of a row as they are, and another function folds those of 16 rows
// together and takes one vector of logarithms: folded row by row, the end of a row costs as
// much as 50 of its columns. A row of the buffer is
//
//	squares [16]   logarithms, or products [16]   exponents [16]   weight, and 15 unused
//
// The rows of a buffer come in fours, quad bytes apart: 0 makes a buffer of four rows stand for
// all 16, since few rows should not pay for the zeros of a long buffer.
//
// The lanes of different rows never meet, and those of one row are folded in the same order as
// everywhere: 16 to 8 to 4 to 2 to 1, each with the one half the length away.

// storeLanes leaves the virtual lanes of all reductions in the buffer.
func storeLanes(b *Block, k *Vars) {
	for slot, vars := range k.Acc {
		for i, v := range vars {
			b.StoreTo(b.VectorAt("lanes", i).Plus(64*slot), b.Get(v))
		}
	}
}

// loadWeight reads the weight of the row into all lanes.
func loadWeight(b *Block) *Value { return b.LoadAt("lanes", f32.WeightLane) }

// laneSums writes a kernel that leaves the lanes of its reductions in the buffer and reports rows that
// are not plain, and fills in what all of these have in common. If weighted, the second of the Vars
// has the weight of the row.
func laneSums(f *File, c scale, weighted bool, k Kernel, p Pass) {
	k.Accs, k.Lanes, k.Vars, k.Scalars = c.accs(), 16, 1, c.scalars()
	k.Bad, k.First, k.Last = true, watchFirst, c.watchLast
	p.Serial, p.Before, p.Each, p.After = true, c.zero, c.each(), storeLanes
	if weighted {
		k.Vars = 2
		p.Before = func(b *Block, k *Vars) {
			b.Set(k.Keep[1], loadWeight(b))
			c.zero(b, k)
		}
	}
	k.Passes = []Pass{p}
	f.Kernel(k)
}

// laneEnd writes a function that makes the values of 16 rows of their lanes. log says that the
// logarithms were added up as such.
func laneEnd(f *File, name, does string, log bool, scalars string, value func(b *Block, squares, logs *Value) *Value) {
	f.Func(name, "(v, lanes *float32, quad int"+scalars+") (bad int)", []string{does + " of 16 rows of lanes: see asm/_gen/recipe/lanes.go.",
		"bad is not zero if one of them is not finite."}, func(f *Func) {
		regs := f.Target().Traits().Registers()
		dst := regs.GP("v")
		f.Move(dst, Arg("v"))
		var quads [4]GP
		for i := range quads {
			quads[i] = regs.GP("rows")
		}
		f.Move(quads[0], Arg("lanes"))
		f.Move(f.Scratch(), Arg("quad"))
		for i, q := range quads[1:] {
			f.Address(q, By(quads[i], f.Scratch(), 1))
		}
		flag := f.NewVar()
		f.Block(func(b *Block) { b.Set(flag, b.Bits(0)) })
		n := f.Target().Traits().Lanes(4)
		for at := 0; at < f32.LaneRows; at += n {
			f.Block(func(b *Block) {
				b.Note(fmt.Sprintf("%d rows: lanes 16 to 8, 8 to 4, 4 to 2, 2 to 1", n))
				squares, l := foldRows(b, log, func(row, slot, part int) *Value {
					row += at
					return b.LoadFrom(At(quads[row/4], 4*(f32.RowLanes*(row%4)+16*slot+n*part)))
				})
				r := value(b, squares, l)
				b.StoreTo(At(dst, 4*at), r)
				b.Note("sign set if the exponent is that of Inf and NaN")
				b.Set(flag, b.Or(b.Get(flag), b.AddI(b.Abs(r), b.Bits(1<<23))))
			})
		}
		f.ReturnSigns(flag)
	})
}

// foldRows gives the sums of the squares and the logarithms of a vector of rows.
func foldRows(b *Block, log bool, load func(row, slot, part int) *Value) (squares, logs *Value) {
	if log {
		v := b.FoldRows([]Op{OpAdd, OpAdd}, func(row, part int) []*Value {
			return []*Value{load(row, accSquares, part), load(row, accLogs, part)}
		})
		return v[0], b.Add(v[1], b.Const(0))
	}
	v := b.FoldRows([]Op{OpAdd, OpMul, OpAddI}, func(row, part int) []*Value {
		s := load(row, accSquares, part)
		m, e := split(b, load(row, accLogs, part), false)
		return []*Value{s, m, b.AddI(e, load(row, accExps, part))}
	})
	m, e := split(b, v[1], false)
	return v[0], logOf(b, m, b.AddI(e, v[2]))
}
