package recipe

import (
	. "github.com/elbow-go/elbow/asm/_gen/engine"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
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
const laneRows = 16

// StoreLanes leaves the virtual lanes of all reductions in the buffer.
func storeLanes(b *Block, k *Vars) {
	for slot, vars := range k.Acc {
		for i, v := range vars {
			m := b.Mem("lanes", 0, i)
			m.Disp += 64 * slot
			b.StoreMem(m, b.Get(v))
		}
	}
}

// loadWeight reads the weight of the row into all lanes.
func loadWeight(b *Block) *Value {
	m := b.Mem("lanes", 0, 0)
	m.Disp += 64 * 3
	return b.BroadcastMem(m)
}

// A fold is the values of one row, or later of several.
type fold struct{ squares, logs, exps *Value }

// merge combines the halves of the lanes of x and y that the shuffles low and high take.
func mergeFolds(b *Block, x, y fold, half func(x, y *Value, high bool) *Value) (f fold) {
	halves := func(x, y *Value) (*Value, *Value) { return half(x, y, false), half(x, y, true) }
	f.squares = b.Add(halves(x.squares, y.squares))
	if x.exps == nil {
		f.logs = b.Add(halves(x.logs, y.logs))
		return f
	}
	f.logs = b.Mul(halves(x.logs, y.logs))
	f.exps = b.AddI(halves(x.exps, y.exps))
	return f
}

// laneEnd writes a function that makes the values of 16 rows of their lanes. log says that the
// logarithms were added up as such.
func laneEnd(f *File, name, does string, log bool, scalars string, value func(b *Block, squares, logs *Value) *Value) {
	fn := f.NewFunc(name, "(v, lanes *float32, quad int"+scalars+") (bad int)", does+" of 16 rows of lanes: see asm/_gen/lanes.go.",
		"bad is not zero if one of them is not finite.")
	dst, quads := reg.RDI, []reg.GPPhysical{reg.RSI, reg.RDX, reg.RBX, reg.R8}
	fn.Emit("MOVQ", fn.ParamMem("v"), dst)
	fn.Emit("MOVQ", fn.ParamMem("lanes"), quads[0])
	fn.Emit("MOVQ", fn.ParamMem("quad"), reg.RAX)
	for i, q := range quads[1:] {
		fn.Emit("LEAQ", operand.Mem{Base: quads[i], Index: reg.RAX, Scale: 1}, q)
	}
	flag := fn.NewVar()
	fn.Block(Block{}, 1, func(b *Block) { b.Set(flag, b.Bits(0)) })
	n := f.ISA.Lanes
	for at := 0; at < laneRows; at += n { // AVX2 takes 8 rows at a time
		fn.Block(Block{}, 1, func(b *Block) {
			load := func(row, slot, part int) *Value {
				row += at
				return b.LoadMem(operand.Mem{Base: quads[row/4], Disp: 4*RowLanes*(row%4) + 64*slot + f.ISA.Bytes()*part})
			}
			part := func(row, i int) fold {
				v := fold{squares: load(row, 0, i), logs: load(row, 1, i)}
				if !log {
					var e *Value
					v.logs, e = split(b, v.logs, false)
					v.exps = b.AddI(e, load(row, 2, i))
				}
				return v
			}
			swap := func(m string, low, high uint8) func(x, y *Value, h bool) *Value {
				return func(x, y *Value, h bool) *Value {
					return b.Shuffle(m, x, y, map[bool]uint8{false: low, true: high}[h])
				}
			}
			var quarters func(m int) fold // rows m, 4+m, ...: a row has one quarter of the register or a half
			if f.ISA.AVX512 {
				b.Note("16 rows: lanes 16 to 8, 8 to 4, 4 to 2, 2 to 1")
				two := func(r, s int) fold {
					return mergeFolds(b, part(r, 0), part(s, 0), swap("VSHUFF64X2", 0x44, 0xee))
				}
				quarters = func(m int) fold { return mergeFolds(b, two(m, 4+m), two(8+m, 12+m), swap("VSHUFF64X2", 0x88, 0xdd)) }
			} else {
				b.Note("8 rows: lanes 16 to 8, 8 to 4, 4 to 2, 2 to 1")
				one := func(r int) fold {
					halves := [2]fold{part(r, 0), part(r, 1)}
					return mergeFolds(b, halves[0], halves[1], func(x, y *Value, h bool) *Value { return map[bool]*Value{false: x, true: y}[h] })
				}
				quarters = func(m int) fold { return mergeFolds(b, one(m), one(4+m), swap("VPERM2F128", 0x20, 0x31)) }
			}
			pairs := func(m int) fold {
				return mergeFolds(b, quarters(m), quarters(m+1), func(x, y *Value, h bool) *Value {
					return b.Bin(map[bool]string{false: "VUNPCKLPD", true: "VUNPCKHPD"}[h], x, y, false)
				})
			}
			v := mergeFolds(b, pairs(0), pairs(2), swap("VSHUFPS", 0x88, 0xdd))
			l := v.logs
			if log {
				l = b.Add(l, b.Const(0))
			} else {
				m, e := split(b, l, false)
				l = logOf(b, m, b.AddI(e, v.exps))
			}
			r := value(b, v.squares, l)
			b.StoreMem(operand.Mem{Base: dst, Disp: 4 * at}, r)
			b.Note("sign set if the exponent is that of Inf and NaN")
			b.Set(flag, b.Or(b.Get(flag), b.AddI(b.Abs(r), b.Bits(1<<23))))
		})
	}
	fn.ReturnSigns(flag)
	fn.Done()
}
