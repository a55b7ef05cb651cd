package arm64

import (
	"github.com/elbow-go/elbow/asm/_gen/engine"
)

// Operations that only this target has.
const (
	opNeg engine.Op = engine.OpOwn + iota
	opAbs
	opBelow0   // x < 0
	opAtMost0  // x <= 0
	opEqual0   // x == 0
	opAbove0   // x > 0
	opWideLow  // products of lanes 0 and 1
	opWideHigh // and of 2 and 3
	opEven     // lanes 0 and 2 of x, then of y
	opOdd      // lanes 1 and 3
	opLowerHalf
	opUpperHalf
)

// plain are the operations that are one instruction whose operands are the same in the same order.
var plain = map[engine.Op]string{
	engine.OpAdd: "FADD", engine.OpSub: "FSUB", engine.OpMul: "FMUL", engine.OpDiv: "FDIV", engine.OpSqrt: "FSQRT",
	engine.OpAtMost: "FMIN", engine.OpAtLeast: "FMAX", engine.OpToFloat: "SCVTF",
	engine.OpEqual: "FCMEQ", engine.OpGreater: "FCMGT", engine.OpBitSet: "CMTST",
	engine.OpAnd: "AND", engine.OpOr: "ORR", engine.OpXor: "EOR",
	engine.OpAddI: "ADD", engine.OpSubI: "SUB", engine.OpMinU: "UMIN", engine.OpMaxU: "UMAX",
	engine.OpCopy: "MOV",

	opNeg: "FNEG", opAbs: "FABS", opBelow0: "FCMLT0", opAtMost0: "FCMLE0", opEqual0: "FCMEQ0", opAbove0: "FCMGT0",
	opWideLow: "UMULL", opWideHigh: "UMULL2", opEven: "UZP1", opOdd: "UZP2", opLowerHalf: "TRN1.2d", opUpperHalf: "TRN2.2d",
}

// swapped are those with the second operand first.
var swapped = map[engine.Op]string{engine.OpLess: "FCMGT", engine.OpLessEqual: "FCMGE"}

var shifts = map[engine.Op]string{engine.OpShl: "SHL", engine.OpShr: "USHR", engine.OpSar: "SSHR"}

// against0 are comparisons with zero, which need no constant.
var against0 = map[engine.Op]engine.Op{
	engine.OpLess: opBelow0, engine.OpLessEqual: opAtMost0, engine.OpEqual: opEqual0, engine.OpGreater: opAbove0,
}

// Expand records v, as several operations where NEON has none for it.
func (a *asm) Expand(b *engine.Block, v *engine.Value) *engine.Value {
	own := func(op engine.Op, args ...*engine.Value) *engine.Value {
		return b.Append(&engine.Value{Op: op, Args: args})
	}
	x := v.Args
	switch v.Op {
	case engine.OpAnd:
		if isWord(x[1], engine.SignBit-1) {
			return own(opAbs, x[0])
		}
	case engine.OpXor:
		if isWord(x[1], engine.SignBit) {
			return own(opNeg, x[0])
		}
	case engine.OpLess, engine.OpLessEqual, engine.OpEqual, engine.OpGreater:
		if isWord(x[1], 0) {
			return own(against0[v.Op], x[0])
		}
	case engine.OpFMA:
		if v.NegAddend { // there is no such instruction
			z := x[2]
			if w, is := z.Word(); is {
				z = b.Bits(w ^ engine.SignBit)
			} else {
				z = own(opNeg, z)
			}
			v.Args, v.NegAddend = []*engine.Value{x[0], x[1], z}, false
		}
	case engine.OpBitSet:
		v.Args = []*engine.Value{x[0], b.Bits(1 << v.Imm)}
	case engine.OpOr3:
		return b.Or(b.Or(x[0], x[1]), x[2])
	case engine.OpXor3:
		return b.Xor(b.Xor(x[0], x[1]), x[2])
	case engine.OpCopySign: // the mask comes first: see Select
		return b.Select(b.Bits(engine.SignBit), x[1], x[0])
	case engine.OpXorSign:
		return b.Xor(x[0], b.And(x[1], b.Bits(engine.SignBit)))
	case engine.OpMulWide: // never in one register: Low and High take it apart
		return &engine.Value{Op: engine.OpMulWide, Args: []*engine.Value{own(opWideLow, x...), own(opWideHigh, x...)}}
	case engine.OpLow:
		return own(opEven, x[0].Args...)
	case engine.OpHigh:
		return own(opOdd, x[0].Args...)
	case engine.OpJoin:
		return x[0]
	}
	return b.Append(v)
}

// isWord reports whether v is this constant.
func isWord(v *engine.Value, word uint32) bool {
	w, is := v.Word()
	return is && w == word
}

// PoolStart: the constants begin with the ramp for the masks of tails.
func (a *asm) PoolStart() int { return 2 * 4 * rampOnes }

// MaskRest and JoinMask have nothing to prepare: see memory, and Expand.
func (a *asm) MaskRest(_, _ int) {}
func (a *asm) JoinMask()         {}

// Reloaded: loads have units of their own, and copies take those of the arithmetic.
func (a *asm) Reloaded(v *engine.Value) *engine.Value {
	if v.Op == engine.OpFMA {
		if _, is := v.Args[2].Word(); is {
			return v.Args[2]
		}
	}
	return nil
}

func (a *asm) LoadConst(to engine.V, from engine.Place) { a.access("LDR", V(to), from, 16) }

func (a *asm) MoveWord(to, from engine.Place) {
	a.access("LDR", 0, from, 4)
	a.access("STR", 0, to, 4)
}

// WideLanes: a vector of MulWide has all lanes.
func (a *asm) WideLanes() [][]int { return [][]int{{0, 1, 2, 3}} }

// FoldRows folds the 16 lanes of four rows: to 4 by whole vectors, then to 2 and 1 of two and four
// rows together.
//
//	rows 0, 1     lanes 0 1 | 0 1 plus 2 3 | 2 3
//	rows 0 to 3   lanes 0 0 0 0 plus 1 1 1 1
func (a *asm) FoldRows(b *engine.Block, ops []engine.Op, part func(row, i int) []*engine.Value) []*engine.Value {
	own := func(low, high engine.Op) func(x, y *engine.Value, upper bool) *engine.Value {
		return func(x, y *engine.Value, upper bool) *engine.Value {
			op := low
			if upper {
				op = high
			}
			return b.Append(&engine.Value{Op: op, Args: []*engine.Value{x, y}})
		}
	}
	whole := func(x, y *engine.Value, upper bool) *engine.Value {
		if upper {
			return y
		}
		return x
	}
	row := func(r int) []*engine.Value {
		return b.MergeRows(ops, b.MergeRows(ops, part(r, 0), part(r, 2), whole), b.MergeRows(ops, part(r, 1), part(r, 3), whole), whole)
	}
	pair := func(r int) []*engine.Value {
		return b.MergeRows(ops, row(r), row(r+1), own(opLowerHalf, opUpperHalf))
	}
	return b.MergeRows(ops, pair(0), pair(2), own(opEven, opOdd))
}

// Lower writes the instructions of v.
func (a *asm) Lower(al *engine.Alloc, v *engine.Value) {
	reg := func(i int) V { return V(al.Reg(v.Args[i])) }
	if name, is := plain[v.Op]; is {
		var in []any
		for i := range v.Args {
			in = append(in, reg(i))
		}
		a.Op(name, append([]any{V(al.Define())}, in...)...)
		return
	}
	if name, is := swapped[v.Op]; is {
		x, y := reg(0), reg(1)
		a.Op(name, V(al.Define()), y, x)
		return
	}
	if name, is := shifts[v.Op]; is {
		x := reg(0)
		a.Op(name, V(al.Define()), x, v.Imm)
		return
	}
	switch v.Op {
	case engine.OpFMA:
		d, x, y := al.Own(v.Args[2]), reg(0), reg(1)
		a.Op(fma(v.NegProduct), V(al.DefineIn(d)), x, y)
	case engine.OpLarger:
		if !al.CanOwn(v.Args[1]) { // the mask becomes the result
			x, old, m := reg(0), reg(1), V(al.Temp())
			a.Op("FCMGT", m, x, old)
			a.Op("BSL", V(al.DefineIn(engine.V(m))), x, old)
			return
		}
		d, x, m := al.Own(v.Args[1]), reg(0), V(al.Temp())
		a.larger(V(al.DefineIn(d)), x, m)
	case engine.OpSelect:
		a.choose(al, v)
	case engine.OpKeep:
		m, x := reg(0), reg(1)
		name := "AND"
		if v.Args[0].Not {
			name = "BIC"
		}
		a.Op(name, V(al.Define()), x, m)
	case engine.OpSet:
		if p, is := al.Home(v.Args[0]); is {
			a.access("LDR", V(v.Var.Reg), p, 16)
		} else if x := reg(0); x != V(v.Var.Reg) {
			a.Op("MOV", V(v.Var.Reg), x)
		}
	case engine.OpAcc:
		x, d := reg(0), V(v.Var.Reg)
		if v.Of == engine.OpLarger {
			a.larger(d, x, V(al.Temp()))
		} else {
			a.Op(plain[v.Of], d, d, x)
		}
	case engine.OpAccFMA:
		a.Op("FMLA", V(v.Var.Reg), reg(0), reg(1))
	case engine.OpFold:
		a.fold(al, v)
	case engine.OpLeave:
		if len(v.Args) > 0 {
			a.any(V(al.Temp()), reg(0), al.Leave())
		}
	default:
		a.memory(al, v)
	}
}

func fma(negated bool) string {
	if negated {
		return "FMLS"
	}
	return "FMLA"
}

// larger makes d = x where x > d. It overwrites m.
func (a *asm) larger(d, x, m V) {
	a.Op("FCMGT", m, x, d)
	a.Op("BIT", d, x, m)
}

// choose is OpSelect: which of the three instructions depends on the operand that may be overwritten.
func (a *asm) choose(al *engine.Alloc, v *engine.Value) {
	m, x, y := v.Args[0], v.Args[1], v.Args[2]
	if m.Not {
		x, y = y, x
	}
	reg := func(v *engine.Value) V { return V(al.Reg(v)) }
	_, load := al.Home(x) // which makes a copy of its own
	switch {
	case al.CanOwn(m):
		d, x, y := al.Own(m), reg(x), reg(y)
		a.Op("BSL", V(al.DefineIn(d)), x, y)
	case (load || al.CanOwn(x)) && !al.CanOwn(y):
		d, y, m := al.Own(x), reg(y), reg(m)
		a.Op("BIF", V(al.DefineIn(d)), y, m)
	default:
		d, x, m := al.Own(y), reg(x), reg(m)
		a.Op("BIT", V(al.DefineIn(d)), x, m)
	}
}

// fold combines the upper half of all lanes with the lower one until one is left.
func (a *asm) fold(al *engine.Alloc, v *engine.Value) {
	var r []V
	for _, x := range v.Args {
		r = append(r, V(al.Reg(x)))
	}
	t := V(al.Temp())
	combine := func(x, y V) {
		if v.Of == engine.OpLarger { // x where x > y, else y
			m := V(al.Temp())
			a.Op("FCMGT", m, x, y)
			a.Op("BIF", x, y, m)
			return
		}
		a.Op(plain[v.Of], x, x, y)
	}
	for n := len(r) / 2; n > 0; n /= 2 {
		for i := range n {
			combine(r[i], r[i+n])
		}
	}
	for _, bytes := range []int{8, 4} {
		a.Op("EXT", t, r[0], r[0], bytes)
		combine(r[0], t)
	}
	a.Op("DUPE", V(al.Define()), r[0], 0)
}

// memory is what loads and stores.
func (a *asm) memory(al *engine.Alloc, v *engine.Value) {
	switch v.Op {
	case engine.OpLoad:
		if d := V(al.Define()); v.Tail {
			a.tail("LDR", d, v, al.Copies() > 1)
		} else {
			a.access("LDR", d, v.Place, 16)
		}
	case engine.OpStore:
		if x := V(al.Reg(v.Args[0])); v.Tail {
			a.tail("STR", x, v, al.Copies() > 1)
		} else {
			a.access("STR", x, v.Place, 16)
		}
	case engine.OpSpread:
		a.spread(V(al.Define()), v.Place, 4)
	case engine.OpStoreLane:
		a.access("STR", V(al.Reg(v.Args[0])), v.Place, 4)
	case engine.OpStoreBytes: // the low halves, and of these the low halves
		x, t := V(al.Reg(v.Args[0])), V(al.Temp())
		a.Op("UZP1.8h", t, x, x)
		a.Op("UZP1.16b", t, t, t)
		a.access("STR", t, v.Place, 4)
	case engine.OpTail:
		a.usesPool = true
		a.Go("SUB", Shifted{count, 2}, poolAt, third)
		a.Op("LDRQ", V(al.Define()), third, 4*rampOnes+16*v.Copy)
	default:
		panic("arm64: unknown operation")
	}
}

// tail loads or stores the elements of a vector that exist. Count has the number of those of all
// copies.
func (a *asm) tail(verb string, x V, v *engine.Value, group bool) {
	if !group {
		a.some(verb, x, v.Place, 4, count, false, false)
		return
	}
	n := count
	if v.Copy > 0 {
		n = third
		a.Go("SUB", 4*v.Copy, count, third)
	}
	a.some(verb, x, v.Place, 4, n, true, v.Copy > 0)
}

// any jumps if a lane of x is not zero. It overwrites t.
func (a *asm) any(t, x V, l string) {
	a.Op("UMAXV", t, x)
	a.Go("FMOVS", t, third)
	a.Go("CBNZW", third, Label(l))
}

func (a *asm) JumpAny(x engine.V, l string) { a.any(0, V(x), l) }

// Signs is a number that is not zero if a lane has its sign set.
func (a *asm) Signs(to engine.GP, x engine.V) {
	a.Op("USHR", V(0), V(x), 31)
	a.Op("UMAXV", V(0), V(0))
	a.Go("FMOVS", V(0), gp(to))
}
