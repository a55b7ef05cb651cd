// Package engine makes machine code of recipes, for any target.
//
//	Kernel, Pass   a function over rows of arrays: loops, tails, reductions      kernel.go loop.go
//	Func           a function of blocks and code between them, its constants     func.go
//	Block, Value   straight-line code, recorded as operations with a meaning     block.go value.go
//	Alloc          registers for values; the target asks it for operands         alloc.go
//	Target         what an instruction set offers and says about itself          target.go place.go
package engine

import (
	"math"
	"slices"

	"github.com/elbow-go/elbow/internal/f32"
)

// A Block records straight-line code. A recipe is a Go function that calls its methods; each call
// records an operation and returns its value. Values are never changed. Registers, operands in
// memory and instructions are found later: see Alloc.
//
// What is one instruction on some targets and several on others is a method too (Scale, CopySign),
// so that a recipe stays a list of steps of the equation.
type Block struct {
	Copy int // which of the interleaved copies is being recorded
	Of   int // how many there are

	f     *Func
	vals  []*Value
	tails int  // only some lanes exist: of so many copies, and not of those before whole
	whole int  //
	short bool // the row has not a whole vector
	place func(array string, block, copy int) Place
	acc   func(slot, copy int) *Var
	kept  []*Var
	bits  *Value // see LeaveIf
	leave string // where that jumps

	width int    // so many copies are interleaved, and such groups follow each other; 0 for all copies
	loop  bool   // runs again and again
	among []Line // code to spread the block among
	first V      // registers before this one are not for the block
}

// Append adds v as it is. It is for targets: recipes call the verbs, and those ask the target.
func (b *Block) Append(v *Value) *Value {
	v.Copy = b.Copy
	b.vals = append(b.vals, v)
	return v
}

func (b *Block) record(v *Value) *Value { return b.f.Expand(b, v) }

func (b *Block) op(op Op, args ...*Value) *Value { return b.record(&Value{Op: op, Args: args}) }

// Const is a float32 in all lanes.
func (b *Block) Const(x float32) *Value {
	b.f.floats[math.Float32bits(x)] = true
	return b.Bits(math.Float32bits(x))
}

// Bits is a 32-bit word in all lanes.
func (b *Block) Bits(x uint32) *Value { return b.f.constant(x) }

// Param is a scalar argument in all lanes.
func (b *Block) Param(name string) *Value { return b.f.scalar(name) }

func (b *Block) Add(x, y *Value) *Value { return b.op(OpAdd, x, y) }
func (b *Block) Sub(x, y *Value) *Value { return b.op(OpSub, x, y) }
func (b *Block) Mul(x, y *Value) *Value { return b.op(OpMul, x, y) }
func (b *Block) Div(x, y *Value) *Value { return b.op(OpDiv, x, y) }
func (b *Block) Sqrt(x *Value) *Value   { return b.op(OpSqrt, x) }

// AtMost is x, or the bound if x is above it; a NaN stays. AtLeast is x, or the bound if x is below
// it. The sign of a zero that meets a bound of zero is not defined.
func (b *Block) AtMost(bound float32, x *Value) *Value  { return b.op(OpAtMost, b.Const(bound), x) }
func (b *Block) AtLeast(bound float32, x *Value) *Value { return b.op(OpAtLeast, b.Const(bound), x) }

// AtMostOf is AtMost with a bound that is not a constant.
func (b *Block) AtMostOf(bound, x *Value) *Value { return b.op(OpAtMost, bound, x) }

// Larger is x if x > old, else old; so old if one of them is NaN.
func (b *Block) Larger(x, old *Value) *Value { return b.op(OpLarger, x, old) }

// FMA and its kin are rounded once: x*y + z, -x*y + z, x*y - z.
func (b *Block) FMA(x, y, z *Value) *Value  { return b.SignedFMA(x, y, z, false, false) }
func (b *Block) FNMA(x, y, z *Value) *Value { return b.SignedFMA(x, y, z, true, false) }
func (b *Block) FMS(x, y, z *Value) *Value  { return b.SignedFMA(x, y, z, false, true) }

// SignedFMA is FMA with the product or the addend negated.
func (b *Block) SignedFMA(x, y, z *Value, negProduct, negAddend bool) *Value {
	return b.record(&Value{Op: OpFMA, Args: []*Value{x, y, z}, NegProduct: negProduct, NegAddend: negAddend})
}

// Horner evaluates c[0] x^n + c[1] x^(n-1) + ..., each step an fma.
func (b *Block) Horner(x *Value, c ...float32) *Value { return b.SignedHorner(x, false, c...) }

// SignedHorner is Horner at x, or at -x where negate is set.
func (b *Block) SignedHorner(x *Value, negate bool, c ...float32) *Value {
	p := b.Const(c[0])
	for _, k := range c[1:] {
		p = b.SignedFMA(p, x, b.Const(k), negate, false)
	}
	return p
}

// ScaleMagic is what makes an integer of a number that is added to it, and of that sum the word that
// Scale and, with normal, Pow2 take. Where these are made of shifts, the bias of exponents is in it
// already. The sum is rounded as with Magic alone, but for ties: no product with log2 e, which has an
// odd significand, is one.
func (b *Block) ScaleMagic(normal bool) *Value {
	switch {
	case b.f.Target().Traits().ScaleOp:
		return b.Const(f32.Magic)
	case normal:
		return b.Const(f32.Magic + 127)
	}
	return b.Const(f32.Magic + 2*127) // there are two factors
}

// Scale is p 2^t, rounded once. t is an integer as a float, |t| <= 150, and n the word of ScaleMagic
// plus t. normal promises that 2^t and the result are normal numbers, or NaN.
func (b *Block) Scale(p, t, n *Value, normal bool) *Value {
	switch {
	case b.f.Target().Traits().ScaleOp:
		return b.op(OpScale, p, t)
	case normal:
		return b.Mul(p, b.Pow2(t, n))
	}
	// p 2^h 2^(t-h), h = t>>1: the low bits of n are 254+t, half of which is 127+h; 0 < 254+t < 512.
	s1 := b.Shl(b.Shr(n, 1), 23)
	s2 := b.SubI(b.Shl(n, 23), s1)
	return b.Mul(b.Mul(p, s1), s2)
}

// Pow2 is 2^t, t and n as in Scale; it is a normal number, or t is NaN and the result anything.
func (b *Block) Pow2(t, n *Value) *Value {
	if b.f.Target().Traits().ScaleOp {
		return b.op(OpScale, b.Const(1), t)
	}
	return b.Shl(n, 23) // 127+t; what is above it leaves at the top
}

// ToFloat is the float32 of an integer, rounded.
func (b *Block) ToFloat(x *Value) *Value { return b.op(OpToFloat, x) }

// The masks of lanes in which x < y, and so on: not those with NaN. Constants come second.
func (b *Block) Less(x, y *Value) *Value      { return b.op(OpLess, x, y) }
func (b *Block) LessEqual(x, y *Value) *Value { return b.op(OpLessEqual, x, y) }
func (b *Block) Equal(x, y *Value) *Value     { return b.op(OpEqual, x, y) }
func (b *Block) Greater(x, y *Value) *Value   { return b.op(OpGreater, x, y) }

// Not is the mask of the lanes that a comparison leaves out, those with NaN among them. It is no
// operation of its own, so nothing may have used m before.
func (b *Block) Not(m *Value) *Value {
	if slices.ContainsFunc(b.vals, func(v *Value) bool { return slices.Contains(v.Args, m) }) {
		panic("Not of a mask that is in use")
	}
	m.Not = !m.Not
	return m
}

// BitSet is the mask of the lanes with this bit. Only Select and what leaves may use it.
func (b *Block) BitSet(x *Value, bit int) *Value {
	return b.record(&Value{Op: OpBitSet, Args: []*Value{x}, Imm: bit})
}

// Select is x where m holds and y elsewhere.
func (b *Block) Select(m, x, y *Value) *Value { return b.op(OpSelect, m, x, y) }

// Keep is x where m holds and +0 elsewhere.
func (b *Block) Keep(m, x *Value) *Value { return b.op(OpKeep, m, x) }

func (b *Block) And(x, y *Value) *Value     { return b.op(OpAnd, x, y) }
func (b *Block) Or(x, y *Value) *Value      { return b.op(OpOr, x, y) }
func (b *Block) Xor(x, y *Value) *Value     { return b.op(OpXor, x, y) }
func (b *Block) Or3(x, y, z *Value) *Value  { return b.op(OpOr3, x, y, z) }
func (b *Block) Xor3(x, y, z *Value) *Value { return b.op(OpXor3, x, y, z) }

// SignBit is the sign of a float32.
const SignBit = 1 << 31

func (b *Block) Abs(x *Value) *Value { return b.And(x, b.Bits(SignBit-1)) }
func (b *Block) Neg(x *Value) *Value { return b.Xor(x, b.Bits(SignBit)) }

// CopySign is x, which is not negative, with the sign of s.
func (b *Block) CopySign(x, s *Value) *Value { return b.op(OpCopySign, x, s) }

// XorSign is x with its sign changed where the sign bit of s is set.
func (b *Block) XorSign(x, s *Value) *Value { return b.op(OpXorSign, x, s) }

func (b *Block) AddI(x, y *Value) *Value { return b.op(OpAddI, x, y) }
func (b *Block) SubI(x, y *Value) *Value { return b.op(OpSubI, x, y) }
func (b *Block) MinU(x, y *Value) *Value { return b.op(OpMinU, x, y) }

func (b *Block) shift(op Op, x *Value, n int) *Value {
	return b.record(&Value{Op: op, Args: []*Value{x}, Imm: n})
}

func (b *Block) Shl(x *Value, n int) *Value { return b.shift(OpShl, x, n) }
func (b *Block) Shr(x *Value, n int) *Value { return b.shift(OpShr, x, n) } // zeros move in
func (b *Block) Sar(x *Value, n int) *Value { return b.shift(OpSar, x, n) } // the sign does

// MulWide multiplies 32-bit words to 64 bits, of which Low and High give the halves. It may take
// only some of the lanes: see Func.WideTable. Join is one vector of all lanes again.
func (b *Block) MulWide(x, y *Value) *Value { return b.op(OpMulWide, x, y) }
func (b *Block) Low(x *Value) *Value        { return b.op(OpLow, x) }
func (b *Block) High(x *Value) *Value       { return b.op(OpHigh, x) }
func (b *Block) Join(x ...*Value) *Value    { return b.op(OpJoin, x...) }

// Load reads a vector of an array; in a tail, +0 where there are no elements. block counts the
// columns blocks (gates) of the array.
func (b *Block) Load(array string, block int) *Value {
	return b.record(&Value{Op: OpLoad, Place: b.place(array, block, b.Copy), Tail: b.partial(), Short: b.short})
}

// Store writes a vector of an array; in a tail, only the elements that exist.
func (b *Block) Store(array string, block int, x *Value) {
	b.record(&Value{Op: OpStore, Place: b.place(array, block, b.Copy), Tail: b.partial(), Short: b.short, Args: []*Value{x}})
}

// StoreBytes writes the low bytes of the lanes to an array of bytes; in a tail perhaps those of the lanes
// that do not exist as well, up to eight.
func (b *Block) StoreBytes(array string, x *Value) {
	b.record(&Value{Op: OpStoreBytes, Place: b.place(array, 0, b.Copy), Tail: b.partial(), Args: []*Value{x}})
}

// LoadFrom, StoreTo and SpreadFrom take a place. They ignore tails. SpreadFrom reads one element
// into all lanes.
func (b *Block) LoadFrom(p Place) *Value { return b.record(&Value{Op: OpLoad, Place: p}) }
func (b *Block) StoreTo(p Place, x *Value) {
	b.record(&Value{Op: OpStore, Place: p, Args: []*Value{x}})
}
func (b *Block) SpreadFrom(p Place) *Value { return b.record(&Value{Op: OpSpread, Place: p}) }

// VectorAt is the place of a vector of an array, counted from where its pointer is.
func (b *Block) VectorAt(array string, i int) Place { return b.place(array, 0, i) }

// StoreAt writes lane 0 to element i of an array, counted from where its pointer is: between passes,
// that is the first column of the row, if a later pass uses the array. LoadAt reads that element
// into all lanes.
func (b *Block) StoreAt(array string, i int, x *Value) {
	b.record(&Value{Op: OpStoreLane, Place: b.VectorAt(array, 0).Plus(4 * i), Args: []*Value{x}})
}

func (b *Block) LoadAt(array string, i int) *Value {
	return b.SpreadFrom(b.VectorAt(array, 0).Plus(4 * i))
}

// StoreRow and LoadRow are for the element of this row of a PerRow array.
func (b *Block) StoreRow(array string, x *Value) { b.StoreAt(array, 0, x) }
func (b *Block) LoadRow(array string) *Value     { return b.LoadAt(array, 0) }

// partial reports whether only some lanes of this copy exist.
func (b *Block) partial() bool { return b.tails > 0 && b.Copy >= b.whole }

// TailMask is the mask of the lanes that exist: one value per block and copy.
func (b *Block) TailMask() *Value {
	for _, v := range b.vals {
		if v.Op == OpTail && v.Copy == b.Copy {
			return v
		}
	}
	return b.Append(&Value{Op: OpTail})
}

// TailKeep is x, with +0 in the lanes that do not exist.
func (b *Block) TailKeep(x *Value) *Value {
	if !b.partial() {
		return x
	}
	return b.Keep(b.TailMask(), x)
}

// TailFill is x, with y in the lanes that do not exist.
func (b *Block) TailFill(x, y *Value) *Value {
	if !b.partial() {
		return x
	}
	return b.Select(b.TailMask(), x, y)
}

// Get and Set read and write a Var. A value got before a Set must not be used after it.
func (b *Block) Get(v *Var) *Value { return &Value{Op: OpVar, Var: v} }
func (b *Block) Set(v *Var, x *Value) {
	b.record(&Value{Op: OpSet, Var: v, Args: []*Value{x}})
}

// Kept is what an earlier pass has left in a Var of the kernel.
func (b *Block) Kept(i int) *Value { return b.Get(b.kept[i]) }

// Acc is the Var with the virtual lanes of a reduction that belong to this copy.
func (b *Block) Acc(slot int) *Var { return b.acc(slot, b.Copy) }

// AccOf is Acc for any copy.
func (b *Block) AccOf(slot, copy int) *Var { return b.acc(slot, copy) }

func (b *Block) accumulate(v *Var, op Op, x *Value) {
	b.record(&Value{Op: OpAcc, Of: op, Var: v, Args: []*Value{x}})
}

// AccAdd, AccFMA, AccMul, AccMax and AccMaxU continue the virtual lanes of a reduction. In a tail
// the missing lanes stay as they are: +0 is added, 1 multiplied, -Inf compared. AccMax passes over
// NaN; AccMaxU is for unsigned integers.
func (b *Block) AccAdd(slot int, x *Value) { b.accumulate(b.Acc(slot), OpAdd, b.TailKeep(x)) }

func (b *Block) AccFMA(slot int, x, y *Value) {
	b.record(&Value{Op: OpAccFMA, Var: b.Acc(slot), Args: []*Value{b.TailKeep(x), b.TailKeep(y)}})
}

func (b *Block) AccMul(slot int, x *Value) {
	b.accumulate(b.Acc(slot), OpMul, b.TailFill(x, b.Const(1)))
}

func (b *Block) AccMax(slot int, x *Value) {
	b.accumulate(b.Acc(slot), OpLarger, b.TailFill(x, b.Const(float32(math.Inf(-1)))))
}

func (b *Block) AccMaxU(slot int, x *Value) { b.accumulate(b.Acc(slot), OpMaxU, b.TailKeep(x)) }

// AccAddI is AccAdd for integers.
func (b *Block) AccAddI(slot int, x *Value) { b.accumulate(b.Acc(slot), OpAddI, b.TailKeep(x)) }

// KeepMaxU is AccMaxU for what Kept gives.
func (b *Block) KeepMaxU(i int, x *Value) { b.accumulate(b.kept[i], OpMaxU, b.TailKeep(x)) }

// FoldRows folds the virtual lanes of as many rows as a vector has lanes; lane r of the results is
// that of row r. part gives part i of the lanes of a row, one vector for each of ops. The lanes of a
// row are folded in the order of Vars.Fold.
func (b *Block) FoldRows(ops []Op, part func(row, i int) []*Value) []*Value {
	return b.f.FoldRows(b, ops, part)
}

// MergeRows is a step of FoldRows, for targets: the fold of what half gives of x and y.
func (b *Block) MergeRows(ops []Op, x, y []*Value, half func(x, y *Value, high bool) *Value) (z []*Value) {
	for i, op := range ops {
		z = append(z, b.op(op, half(x[i], y[i], false), half(x[i], y[i], true)))
	}
	return z
}

// LeaveIf leaves this group of vectors to Any if the bit is set in a lane of x or y of any copy. Nothing may
// be stored before.
func (b *Block) LeaveIf(bit int, x, y *Value) {
	if b.Copy == 0 {
		b.bits = b.Or(x, y)
	} else {
		b.bits = b.Or3(b.bits, x, y)
	}
	b.leaveIf(func() *Value { return b.BitSet(b.bits, bit) })
}

// LeaveAbove is LeaveIf for a lane of x, an unsigned integer, above limit < 1<<31 - 1.
func (b *Block) LeaveAbove(limit uint32, x *Value) {
	if b.Copy == 0 {
		b.bits = x
	} else {
		b.bits = b.op(OpMaxU, x, b.bits)
	}
	b.leaveIf(func() *Value { // the sign of min(x, limit+1) + 2^31 - (limit+1)
		return b.BitSet(b.AddI(b.MinU(b.bits, b.Bits(limit+1)), b.Bits(1<<31-1-limit)), 31)
	})
}

// leaveIf records the jump behind the last copy.
func (b *Block) leaveIf(any func() *Value) {
	if b.Copy == b.Of-1 {
		b.op(OpLeave, any())
	} else {
		b.op(OpLeave)
	}
}

// Note puts a comment before the next operation. Interleaved copies share the first one's.
func (b *Block) Note(text string) { b.record(&Value{Op: OpNote, text: text}) }

// InTurn reports whether Par takes recipes in turn.
func (b *Block) InTurn() bool { return b.f.Target().Traits().Par }

// Par records recipes that do not depend on each other; one operation of each in turn, if the target
// wants that.
func (b *Block) Par(fs ...func()) {
	if !b.InTurn() {
		for _, f := range fs {
			f()
		}
		return
	}
	before := b.vals
	var lists [][]*Value
	for _, f := range fs {
		b.vals = nil
		f()
		lists = append(lists, b.vals)
	}
	b.vals = append(before, merge(lists)...)
}

// merge takes one value of each list in turn.
func merge(lists [][]*Value) (all []*Value) {
	for i := 0; ; i++ {
		more := false
		for _, l := range lists {
			if i < len(l) {
				all = append(all, l[i])
				more = true
			}
		}
		if !more {
			return all
		}
	}
}

// inTurn records a recipe as often as there are copies, and puts the copies together.
func (b *Block) inTurn(copies int, recipe func(b *Block)) {
	b.Of = copies
	var lists [][]*Value
	for c := range copies {
		b.Copy, b.vals = c, nil
		recipe(b)
		lists = append(lists, b.vals)
	}
	if b.width == 0 || b.width >= copies {
		b.vals = merge(lists)
		return
	}
	b.vals = nil
	for i, l := range lists { // all up to LeaveIf before what comes after it
		at := slices.IndexFunc(l, func(v *Value) bool { return v.Op == OpLeave }) + 1
		b.vals = append(b.vals, l[:at]...)
		lists[i] = l[at:]
	}
	for group := range slices.Chunk(lists, b.width) {
		b.vals = append(b.vals, merge(group)...)
	}
}
