package x86

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/elbow-go/elbow/asm/_gen/engine"
)

// Operations of this target.
const (
	opXorI       = engine.OpOwn + iota // exclusive or in the units for integers
	opShl64                            // by Imm, 64-bit lanes
	opHalves                           // halves of the 512 bits of x, y, as Imm says
	opHalves256                        // halves of the 256 bits
	opPairs                            // two of the four 32-bit lanes of x and two of y, in each 128 bits
	opUnpackLow                        // 64-bit lanes in turn, of the lower halves of each 128 bits
	opUnpackHigh                       // of the upper halves
)

// Expand adds v as this target has it.
func (a *asm) Expand(b *engine.Block, v *engine.Value) *engine.Value {
	if v.Op == engine.OpLow { // of 64 bits; what is in the upper half does not matter
		return v.Args[0]
	}
	if a.target.avx512 {
		return a.expand512(b, v)
	}
	return a.expand256(b, v)
}

func (a *asm) expand512(b *engine.Block, v *engine.Value) *engine.Value {
	switch v.Op {
	case engine.OpCopySign, engine.OpXorSign:
		v.Args = append(v.Args, b.Bits(engine.SignBit))
	case engine.OpBitSet:
		v.Args = append(v.Args, b.Bits(1<<v.Imm))
	}
	return b.Append(v)
}

func (a *asm) expand256(b *engine.Block, v *engine.Value) *engine.Value {
	xorI := func(x, y *engine.Value) *engine.Value {
		return b.Append(&engine.Value{Op: opXorI, Args: []*engine.Value{x, y}})
	}
	x := v.Args
	switch v.Op {
	case engine.OpLoad, engine.OpStore:
		if v.Tail {
			v.Args = append(v.Args, b.TailMask())
		}
	case engine.OpStoreBytes:
		v.Args = []*engine.Value{b.And(x[0], b.Bits(0xff))}
	case engine.OpCopySign:
		return b.Or(x[0], b.And(x[1], b.Bits(engine.SignBit)))
	case engine.OpXorSign:
		return b.Xor(x[0], b.And(x[1], b.Bits(engine.SignBit)))
	case engine.OpOr3:
		return b.Or(b.Or(x[0], x[1]), x[2])
	case engine.OpXor3:
		return xorI(xorI(x[0], x[1]), x[2])
	case engine.OpBitSet: // a blend looks at the sign bit alone, and so does VTESTPS
		if v.Imm == 31 {
			return x[0]
		}
		return b.Shl(x[0], 31-v.Imm)
	case engine.OpJoin:
		v.Args = []*engine.Value{x[0], b.Append(&engine.Value{Op: opShl64, Imm: 32, Args: x[1:]})}
	}
	return b.Append(v)
}

// Products of 64 bits are made of the even lanes. So the even and the odd lanes of a vector are two
// vectors of 64-bit lanes all the way, and the words meet at the end:
//
//	even  0 . 2 . 4 . 6 .     odd  1 . 3 . 5 . 7 .     ->     0 1 2 3 4 5 6 7

func (a *asm) WideLanes() [][]int {
	n := a.target.traits.Lanes(4)
	even, odd := make([]int, n), make([]int, n)
	for i := 0; i < n; i += 2 {
		even[i], even[i+1], odd[i], odd[i+1] = i, -1, i+1, -1
	}
	return [][]int{even, odd}
}

func (a *asm) JoinMask() {
	if a.target.avx512 {
		a.emit("MOVL", operand.U32(0xaaaa), reg.EAX)
		a.emit("KMOVW", reg.EAX, oddLanes)
	}
}

// FoldRows: the lanes of a row are in one register or two; then a register has the halves of two rows,
// the quarters of four, and so on.
func (a *asm) FoldRows(b *engine.Block, ops []engine.Op, part func(row, i int) []*engine.Value) []*engine.Value {
	type values = []*engine.Value
	merge := func(x, y values, op engine.Op, low, high int) values {
		return b.MergeRows(ops, x, y, func(x, y *engine.Value, h bool) *engine.Value {
			v := &engine.Value{Op: op, Imm: low, Args: values{x, y}}
			if h {
				v.Imm = high
			}
			return b.Append(v)
		})
	}
	var quarters func(r int) values // rows r, 4+r, ...: a row has one quarter of the register or a half
	if a.target.avx512 {
		two := func(r, s int) values { return merge(part(r, 0), part(s, 0), opHalves, 0x44, 0xee) }
		quarters = func(r int) values { return merge(two(r, 4+r), two(8+r, 12+r), opHalves, 0x88, 0xdd) }
	} else {
		one := func(r int) values {
			return b.MergeRows(ops, part(r, 0), part(r, 1), func(x, y *engine.Value, h bool) *engine.Value {
				if h {
					return y
				}
				return x
			})
		}
		quarters = func(r int) values { return merge(one(r), one(4+r), opHalves256, 0x20, 0x31) }
	}
	pairs := func(r int) values {
		return b.MergeRows(ops, quarters(r), quarters(r+1), func(x, y *engine.Value, h bool) *engine.Value {
			op := opUnpackLow
			if h {
				op = opUnpackHigh
			}
			return b.Append(&engine.Value{Op: op, Args: values{x, y}})
		})
	}
	return merge(pairs(0), pairs(2), opPairs, 0x88, 0xdd)
}

func (a *asm) PoolStart() int {
	if a.target.avx512 {
		return 0
	}
	return 2 * 4 * rampOnes
}

// Reloaded: instructions that overwrite an operand are chosen so that it is no constant, or it has to
// be loaded anyway.
func (a *asm) Reloaded(v *engine.Value) *engine.Value { return nil }

func (a *asm) LoadConst(to engine.V, from engine.Place) { a.words().Spread(to, from) }

func (a *asm) MoveWord(to, from engine.Place) {
	a.emit("MOVL", a.mem(from), reg.EAX)
	a.emit("MOVL", reg.EAX, a.mem(to))
}

// MaskRest makes mask registers, or puts an address in the ramp of ones and zeros into Scratch.
func (a *asm) MaskRest(_, copies int) {
	if !a.target.avx512 {
		a.emit("LEAQ", a.global.Offset(4*rampOnes), reg.RAX)
		a.emit("NEGQ", reg.RCX)
		a.emit("LEAQ", operand.Mem{Base: reg.RAX, Index: reg.RCX, Scale: 4}, reg.RAX)
		a.emit("NEGQ", reg.RCX)
		return
	}
	a.emit("MOVQ", operand.U32(1), reg.RAX)
	a.emit("SHLQ", reg.CL, reg.RAX)
	a.emit("DECQ", reg.RAX)
	for c := range copies {
		if c > 0 {
			a.emit("SHRQ", operand.U8(16), reg.RAX)
		}
		a.emit("KMOVW", reg.EAX, maskRegs[len(maskRegs)-1-c])
	}
}

func (a *asm) JumpAny(x engine.V, l string) {
	if v := a.words().vec(x); a.target.avx512 {
		a.emit("VPTESTMD", v, v, reg.K1)
		a.emit("KORTESTW", reg.K1, reg.K1)
	} else {
		a.emit("VPTEST", v, v)
	}
	a.jump(engine.IfNe, l)
}

func (a *asm) Signs(to engine.GP, x engine.V) {
	if v := a.words().vec(x); a.target.avx512 {
		a.emit("VPMOVD2M", v, reg.K1)
		a.emit("KMOVW", reg.K1, gps[to].As32())
	} else {
		a.emit("VMOVMSKPS", v, gps[to].As32())
	}
}

// words are vectors of 32-bit lanes.
func (a *asm) words() vectors { return vectors{a, 4, a.target.traits.VecBytes} }

// Mask registers of values; the tails take the last ones. The odd lanes have one of their own: see
// JoinMask.
var maskRegs = []reg.Register{reg.K1, reg.K2, reg.K4, reg.K5, reg.K6, reg.K7}

var oddLanes = reg.K3
