package engine

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
)

// A recipe is a Go function that calls the methods of a Block; each call records one
// operation and returns its value. A recipe is written once for all targets. Values are
// never changed, registers and memory operands are found later (alloc.go).
//
// Operations that have no single instruction on every target are methods too (Scale,
// CopySign, ...), so that a recipe stays a list of steps of the equation.

type opcode int

const (
	opConst opcode = iota // bits; shared by the function
	opParam               // scalar argument, broadcast; shared by the function
	opVar                 // current value of a Var
	opBin                 // mnemonic, two sources
	opUn                  // mnemonic, one source, imm if hasImm
	opShuf                // mnemonic, two sources, imm
	opFMA
	opCmp    // Imm is the predicate; gives a mask
	opTest   // bit 0 of an integer: gives a mask
	opLeave  // jump to the end of the function if the mask has a lane
	opSelect // mask, a, b
	opKeep   // mask, a: a or +0
	opTern   // ternary logic, AVX-512 only: imm, first source is overwritten
	opLoad   // mem
	opBcast  // mem: one float32 into all lanes
	opStore  // mem
	opTail   // mask of the lanes of this copy that exist
	opMerge  // even lanes of the first, odd lanes of the second (from its even lanes)
	opSet    // Var := value
	opAcc    // Var := Var op value (mnemonic), in place
	opAccFMA // Var := fma(a, b, Var)
	opReturn // store lane 0 to mem
	opNote   // a comment
	opFold   // all lanes := the folded lanes of the Vars in args; overwrites them
)

// A Value is the result of one operation: a vector, or a mask of lanes.
type Value struct {
	op       opcode
	mnem     string
	args     []*Value
	imm      uint8
	hasImm   bool
	np, na   bool // opFMA: negate the product, the addend
	commutes bool
	mask     bool
	masked   bool // opLoad, opStore: only the lanes of the tail
	bits     uint32
	mem      operand.Mem
	v        *Var
	param    string
	copy     int // which interleaved copy it belongs to
}

// shared values belong to the function, not to a place in the code.
func (v *Value) shared() bool { return v.op == opConst || v.op == opParam || v.op == opVar }

// A Var lives in one register from end to end of the function.
type Var struct{ reg int }

// A Block records straight-line code.
type Block struct {
	f    *Func
	ISA  *ISA
	vals []*Value
	Copy int  // index of the interleaved copy being recorded
	Of   int  // how many there are
	tail bool // only some lanes exist
	Mem  func(array string, block int, copy int) operand.Mem
	Acc  func(slot, copy int) *Var
	kept []*Var

	serial bool    // copies one after the other
	Among  []Instr // code to spread the block among
	First  int     // registers before this one are not for the block
}

func (b *Block) Record(v *Value) *Value {
	v.copy = b.Copy
	b.vals = append(b.vals, v)
	return v
}

// Const is a float32 in all lanes.
func (b *Block) Const(x float32) *Value { return b.Bits(math.Float32bits(x)) }

// Bits is a 32-bit word in all lanes.
func (b *Block) Bits(x uint32) *Value { return b.f.constant(x) }

// Param is a scalar argument in all lanes.
func (b *Block) Param(name string) *Value { return b.f.scalar(name) }

func (b *Block) Bin(m string, x, y *Value, commutes bool) *Value {
	return b.Record(&Value{op: opBin, mnem: m, args: []*Value{x, y}, commutes: commutes})
}

func (b *Block) Add(x, y *Value) *Value { return b.Bin("VADDPS", x, y, true) }
func (b *Block) Sub(x, y *Value) *Value { return b.Bin("VSUBPS", x, y, false) }
func (b *Block) Mul(x, y *Value) *Value { return b.Bin("VMULPS", x, y, true) }
func (b *Block) Div(x, y *Value) *Value { return b.Bin("VDIVPS", x, y, false) }

// MinC and MaxC limit x by a constant that is not zero. They keep a NaN in x: the
// instruction returns its second source, which is x, if either is NaN.
func (b *Block) MinC(lim float32, x *Value) *Value { return b.Bin("VMINPS", b.Const(lim), x, false) }
func (b *Block) MaxC(lim float32, x *Value) *Value { return b.Bin("VMAXPS", b.Const(lim), x, false) }

func (b *Block) AddI(x, y *Value) *Value { return b.Bin("VPADDD", x, y, true) }
func (b *Block) SubI(x, y *Value) *Value { return b.Bin("VPSUBD", x, y, false) }

// shuffle takes lanes of x and y as the instruction's immediate says.
func (b *Block) Shuffle(m string, x, y *Value, imm uint8) *Value {
	return b.Record(&Value{op: opShuf, mnem: m, args: []*Value{x, y}, imm: imm})
}

// MulEven multiplies the even 32-bit lanes to 64 bits.
func (b *Block) MulEven(x, y *Value) *Value { return b.Bin("VPMULUDQ", x, y, true) }

// logic is a bit operation in the domain that is natural for floats: AVX-512F has only
// the integer forms.
func (b *Block) logic(f, i string, x, y *Value) *Value {
	if b.ISA.AVX512 {
		return b.Bin(i, x, y, true)
	}
	return b.Bin(f, x, y, true)
}

func (b *Block) And(x, y *Value) *Value { return b.logic("VANDPS", "VPANDD", x, y) }
func (b *Block) Or(x, y *Value) *Value  { return b.logic("VORPS", "VPORD", x, y) }
func (b *Block) Xor(x, y *Value) *Value { return b.logic("VXORPS", "VPXORD", x, y) }

// XorI is Xor for integers.
func (b *Block) XorI(x, y *Value) *Value { return b.logic("VPXOR", "VPXORD", x, y) }

func (b *Block) Abs(x *Value) *Value { return b.And(x, b.Bits(0x7fffffff)) }

func (b *Block) shift(m string, x *Value, n uint8) *Value {
	return b.Record(&Value{op: opUn, mnem: m, args: []*Value{x}, imm: n, hasImm: true})
}

func (b *Block) Shl(x *Value, n uint8) *Value   { return b.shift("VPSLLD", x, n) }
func (b *Block) Shr(x *Value, n uint8) *Value   { return b.shift("VPSRLD", x, n) }
func (b *Block) Sar(x *Value, n uint8) *Value   { return b.shift("VPSRAD", x, n) }
func (b *Block) Shr64(x *Value, n uint8) *Value { return b.shift("VPSRLQ", x, n) }

func (b *Block) Un(m string, x *Value) *Value {
	return b.Record(&Value{op: opUn, mnem: m, args: []*Value{x}})
}

func (b *Block) Sqrt(x *Value) *Value   { return b.Un("VSQRTPS", x) }
func (b *Block) CvtInt(x *Value) *Value { return b.Un("VCVTDQ2PS", x) }

// FMA and its kin are rounded once: x*y + z, -x*y + z, x*y - z, -x*y - z.
func (b *Block) FMASigned(x, y, z *Value, np, na bool) *Value {
	return b.Record(&Value{op: opFMA, args: []*Value{x, y, z}, np: np, na: na})
}

func (b *Block) FMA(x, y, z *Value) *Value  { return b.FMASigned(x, y, z, false, false) }
func (b *Block) FNMA(x, y, z *Value) *Value { return b.FMASigned(x, y, z, true, false) }
func (b *Block) FMS(x, y, z *Value) *Value  { return b.FMASigned(x, y, z, false, true) }
func (b *Block) FNMS(x, y, z *Value) *Value { return b.FMASigned(x, y, z, true, true) }

// Horner evaluates c[0] x^n + c[1] x^(n-1) + ..., each step an fma.
func (b *Block) Horner(x *Value, c ...float32) *Value {
	p := b.FMA(b.Const(c[0]), x, b.Const(c[1]))
	for _, k := range c[2:] {
		p = b.FMA(p, x, b.Const(k))
	}
	return p
}

// Predicates of Cmp, all quiet. The N forms are true for NaN.
const (
	EQ  = 0x00
	LT  = 0x11
	LE  = 0x12
	NLT = 0x15
	NLE = 0x16
	GT  = 0x1e
	NEQ = 0x04 // true for NaN
)

// Cmp is the mask of x pred y. Write constants second.
func (b *Block) Cmp(pred uint8, x, y *Value) *Value {
	return b.Record(&Value{op: opCmp, args: []*Value{x, y}, imm: pred, mask: true})
}

// Or3 is x | y | z, AVX-512 only.
func (b *Block) Or3(x, y, z *Value) *Value {
	return b.Record(&Value{op: opTern, imm: 0xfe, args: []*Value{x, y, z}})
}

// LeaveIf ends a kernel with Rest before this group of vectors if a bit of mask is set in a
// lane of what the last copy gives as x. Nothing may be stored before. AVX-512 only.
func (b *Block) LeaveIf(x *Value, mask uint32) {
	v := &Value{op: opLeave}
	if b.Copy == b.Of-1 {
		v.args = []*Value{b.Record(&Value{op: opTest, args: []*Value{x, b.Bits(mask)}, mask: true})}
	}
	b.Record(v)
}

// TestBit0 is the mask of the integers that are odd. Only Select may use it.
func (b *Block) TestBit0(x *Value) *Value {
	if b.ISA.AVX512 {
		return b.Record(&Value{op: opTest, args: []*Value{x, b.Bits(1)}, mask: true})
	}
	v := b.Shl(x, 31) // the blend looks at the sign bit alone
	v.mask = true
	return v
}

// Select is x where m holds and y elsewhere.
func (b *Block) Select(m, x, y *Value) *Value {
	return b.Record(&Value{op: opSelect, args: []*Value{m, x, y}})
}

// Keep is x where m holds and +0 elsewhere.
func (b *Block) Keep(m, x *Value) *Value {
	return b.Record(&Value{op: opKeep, args: []*Value{m, x}})
}

// CopySign is x, which is not negative, with the sign of s.
func (b *Block) CopySign(x, s *Value) *Value {
	if b.ISA.AVX512 {
		return b.Record(&Value{op: opTern, imm: 0xf8, args: []*Value{x, s, b.Bits(0x80000000)}}) // x | s&m
	}
	return b.Or(x, b.And(s, b.Bits(0x80000000)))
}

// XorSign is x with its sign changed where the sign bit of s is set.
func (b *Block) XorSign(x, s *Value) *Value {
	if b.ISA.AVX512 {
		return b.Record(&Value{op: opTern, imm: 0x78, args: []*Value{x, s, b.Bits(0x80000000)}}) // x ^ s&m
	}
	return b.Xor(x, b.And(s, b.Bits(0x80000000)))
}

// Xor3 is x ^ y ^ z for integers.
func (b *Block) Xor3(x, y, z *Value) *Value {
	if b.ISA.AVX512 {
		return b.Record(&Value{op: opTern, imm: 0x96, args: []*Value{x, y, z}})
	}
	return b.XorI(b.XorI(x, y), z)
}

// MergeOdd gives the even 32-bit lanes of e and, in the odd lanes, the even ones of o.
func (b *Block) MergeOdd(e, o *Value) *Value {
	if b.ISA.AVX512 {
		return b.Record(&Value{op: opMerge, args: []*Value{e, o}})
	}
	return b.Record(&Value{op: opMerge, args: []*Value{e, b.shift("VPSLLQ", o, 32)}})
}

// Load reads a vector of an array; in a tail, +0 where there are no elements. block counts
// the columns blocks (gates) of the array.
func (b *Block) Load(array string, block int) *Value {
	v := &Value{op: opLoad, mem: b.Mem(array, block, b.Copy), masked: b.tail}
	if b.tail && !b.ISA.AVX512 {
		v.args = []*Value{b.tailMask()}
	}
	return b.Record(v)
}

// Store writes a vector of an array; in a tail, only the elements that exist.
func (b *Block) Store(array string, block int, x *Value) {
	v := &Value{op: opStore, mem: b.Mem(array, block, b.Copy), masked: b.tail, args: []*Value{x}}
	if b.tail && !b.ISA.AVX512 {
		v.args = append(v.args, b.tailMask())
	}
	b.Record(v)
}

// LoadMem, StoreMem and BroadcastMem take an address. They ignore tails.
func (b *Block) LoadMem(m operand.Mem) *Value { return b.Record(&Value{op: opLoad, mem: m}) }
func (b *Block) StoreMem(m operand.Mem, x *Value) {
	b.Record(&Value{op: opStore, mem: m, args: []*Value{x}})
}
func (b *Block) BroadcastMem(m operand.Mem) *Value { return b.Record(&Value{op: opBcast, mem: m}) }

// tailMask is the mask of the lanes that exist: one value per block and copy.
func (b *Block) tailMask() *Value {
	for _, v := range b.vals {
		if v.op == opTail && v.copy == b.Copy {
			return v
		}
	}
	return b.Record(&Value{op: opTail, mask: true})
}

// TailKeep is x, with +0 in the lanes that do not exist.
func (b *Block) TailKeep(x *Value) *Value {
	if !b.tail {
		return x
	}
	return b.Keep(b.tailMask(), x)
}

// TailFill is x, with y in the lanes that do not exist.
func (b *Block) TailFill(x, y *Value) *Value {
	if !b.tail {
		return x
	}
	return b.Select(b.tailMask(), x, y)
}

// Get and Set read and write a Var. A value got before a Set must not be used after it.
func (b *Block) Get(v *Var) *Value { return &Value{op: opVar, v: v} }
func (b *Block) Set(v *Var, x *Value) {
	b.Record(&Value{op: opSet, v: v, args: []*Value{x}})
}

// Kept is what an earlier pass has left in a Var of the kernel.
func (b *Block) Kept(i int) *Value { return b.Get(b.kept[i]) }

// AccAdd, AccFMA and AccMax continue the virtual lanes of reduction slot. In a tail the
// missing lanes are left as they are: +0 is added, -Inf compared.
func (b *Block) AccAdd(slot int, x *Value) {
	b.Record(&Value{op: opAcc, mnem: "VADDPS", v: b.Acc(slot, b.Copy), args: []*Value{b.TailKeep(x)}})
}

func (b *Block) AccFMA(slot int, x, y *Value) {
	b.Record(&Value{op: opAccFMA, v: b.Acc(slot, b.Copy), args: []*Value{b.TailKeep(x), b.TailKeep(y)}})
}

// AccMax is x > acc ? x : acc, which passes over NaN.
func (b *Block) AccMax(slot int, x *Value) {
	x = b.TailFill(x, b.Const(float32(math.Inf(-1))))
	b.Record(&Value{op: opAcc, mnem: "VMAXPS", v: b.Acc(slot, b.Copy), args: []*Value{x}})
}

// Note puts a comment before the next operation. Interleaved copies share the first one's.
func (b *Block) Note(text string) { b.Record(&Value{op: opNote, mnem: text}) }

// Par records recipes that do not depend on each other, one operation of each in turn.
func (b *Block) Par(fs ...func()) {
	before := b.vals
	var lists [][]*Value
	for _, f := range fs {
		b.vals = nil
		f()
		lists = append(lists, b.vals)
	}
	b.vals = append(before, merge(lists)...)
}

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

func (b *Block) MinU(x, y *Value) *Value { return b.Bin("VPMINUD", x, y, true) }

// AccMul multiplies the virtual lanes of reduction slot, AccMaxU takes the larger unsigned
// integer. Missing lanes stay as they are.
func (b *Block) AccMul(slot int, x *Value) {
	b.Record(&Value{op: opAcc, mnem: "VMULPS", v: b.Acc(slot, b.Copy), args: []*Value{b.TailFill(x, b.Const(1))}})
}

func (b *Block) AccMaxU(slot int, x *Value) {
	b.Record(&Value{op: opAcc, mnem: "VPMAXUD", v: b.Acc(slot, b.Copy), args: []*Value{b.TailKeep(x)}})
}

// KeepMaxU is AccMaxU for one of the Vars.
func (b *Block) KeepMaxU(i int, x *Value) {
	b.Record(&Value{op: opAcc, mnem: "VPMAXUD", v: b.kept[i], args: []*Value{b.TailKeep(x)}})
}
