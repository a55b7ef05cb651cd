package engine

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Registers are given out in one pass over straight-line code, together with the choice of
// instruction forms: an fma overwrites the source that is not needed again. Where registers
// run out, the value with the farthest next use goes to the stack (Belady). Constants are
// kept in registers as far as all blocks of a function allow without that, most used first;
// the others are memory operands: embedded broadcasts on AVX-512, whole vectors on AVX2.

// An Instr is an instruction with all operands, or a comment.
type Instr struct {
	Mnem string
	Ops  []operand.Op
	Note string
}

type outOfRegs struct{}

type allocator struct {
	f     *Func
	isa   *ISA
	block *Block
	next  map[*Value][]int // positions of the uses still to come
	in    map[*Value]int   // vector register of a value
	kin   map[*Value]int   // mask register of a value
	slot  map[*Value]int   // stack slot of a value
	owner []*Value         // by vector register
	kown  [8]*Value
	lock  map[int]bool // operands of the current instruction
	temps []int        // registers of constants loaded for the current instruction
	spill bool
	slots int
	// slots of values that are not used again: the frame has to stay below the 800 bytes
	// that a function without a stack check may have
	unused, ending []int
	out            []Instr
}

// allocate returns the code of a block and the number of stack slots it needs. Registers
// from limit on belong to constants and Vars. It returns ok = false if registers run out
// and spill is false.
func allocate(b *Block, limit int, spill bool) (out []Instr, slots int, ok bool) {
	a := &allocator{f: b.f, isa: b.ISA, block: b, spill: spill,
		next: map[*Value][]int{}, in: map[*Value]int{}, kin: map[*Value]int{}, slot: map[*Value]int{},
		owner: make([]*Value, max(limit, b.First)), lock: map[int]bool{}}
	for i, v := range b.vals {
		for _, x := range v.args {
			if n := a.next[x]; len(n) == 0 || n[len(n)-1] != i {
				a.next[x] = append(n, i)
			}
		}
	}
	defer func() {
		if e := recover(); e != nil {
			if _, is := e.(outOfRegs); !is || spill {
				panic(e)
			}
			ok = false
		}
	}()
	for i, v := range b.vals {
		a.step(i, v)
	}
	return a.out, a.slots, true
}

func (a *allocator) emit(m string, ops ...operand.Op) {
	a.out = append(a.out, Instr{Mnem: m, Ops: ops})
}

func (a *allocator) vec(i int) operand.Op { return a.isa.Vec(i) }

// dies reports whether v has no use after the current instruction.
func (a *allocator) dies(v *Value, pos int) bool {
	n := a.next[v]
	return !v.shared() && (len(n) == 0 || n[len(n)-1] <= pos)
}

// newReg finds a free register, or makes one free.
func (a *allocator) newReg() int {
	first := a.block.First
	for i, v := range a.owner[first:] {
		if i += first; v == nil && !a.lock[i] {
			return i
		}
	}
	if !a.spill {
		panic(outOfRegs{})
	}
	far, at := -1, -1
	for i, v := range a.owner[first:] {
		if i += first; !a.lock[i] && v != nil {
			if n := a.next[v][0]; n > far {
				far, at = n, i
			}
		}
	}
	if at < 0 {
		panic(outOfRegs{})
	}
	v := a.owner[at]
	if _, saved := a.slot[v]; !saved {
		if n := len(a.unused); n > 0 {
			a.slot[v], a.unused = a.unused[n-1], a.unused[:n-1]
		} else {
			a.slot[v] = a.slots
			a.slots++
		}
		a.emit("VMOVUPS", a.vec(at), a.f.slotMem(a.slot[v]))
	}
	delete(a.in, v)
	a.owner[at] = nil
	return at
}

func (a *allocator) newK() int {
	for _, i := range []int{1, 2, 4, 5, 6, 7} {
		if a.kown[i] == nil && (!a.block.tail || i <= 7-a.block.f.copies) {
			return i
		}
	}
	panic("out of mask registers")
}

// inMem reports whether v is a constant or a spilled value without a register.
func (a *allocator) inMem(v *Value) bool {
	switch v.op {
	case opConst, opParam:
		return a.f.home(v).reg < 0
	case opVar:
		return false
	}
	_, in := a.in[v]
	return !in
}

// reg brings v into a register and locks it until the end of the instruction.
func (a *allocator) reg(v *Value) int {
	switch v.op {
	case opVar:
		return v.v.reg
	case opConst, opParam:
		h := a.f.home(v)
		if h.reg >= 0 {
			return h.reg
		}
		r := a.newReg()
		a.emit("VBROADCASTSS", h.scalar, a.vec(r))
		a.lock[r] = true
		a.temps = append(a.temps, r)
		return r
	}
	r, ok := a.in[v]
	if !ok {
		s, ok := a.slot[v]
		if !ok {
			panic(fmt.Sprintf("%s: value of %d %s used before it is made", a.f.name, v.op, v.mnem))
		}
		r = a.newReg()
		a.emit("VMOVUPS", a.f.slotMem(s), a.vec(r))
		a.in[v], a.owner[r] = r, v
	}
	a.lock[r] = true
	return r
}

// any returns v as a register or a memory operand, and whether that is a broadcast.
func (a *allocator) any(v *Value) (op operand.Op, bcst string) {
	if !a.inMem(v) {
		return a.vec(a.reg(v)), ""
	}
	if v.op == opConst || v.op == opParam {
		if h := a.f.home(v); a.isa.AVX512 {
			return h.scalar, "_BCST"
		} else {
			return h.vector, ""
		}
	}
	return a.f.slotMem(a.slot[v]), ""
}

// release ends the operands that are not used again, and all locks.
func (a *allocator) release(v *Value, pos int) {
	for _, x := range v.args {
		if n := a.next[x]; len(n) > 0 && n[0] == pos {
			a.next[x] = n[1:]
		}
		if x.shared() || len(a.next[x]) > 0 {
			continue
		}
		if r, ok := a.in[x]; ok {
			a.owner[r] = nil
			delete(a.in, x)
		}
		if s, ok := a.slot[x]; ok {
			a.ending = append(a.ending, s) // this instruction may still read it
			delete(a.slot, x)
		}
		if k, ok := a.kin[x]; ok {
			a.kown[k] = nil
			delete(a.kin, x)
		}
	}
	clear(a.lock)
	a.temps = a.temps[:0]
}

func (a *allocator) define(v *Value, r int) operand.Op {
	if len(a.next[v]) > 0 { // else nobody wants it
		a.in[v], a.owner[r] = r, v
	}
	return a.vec(r)
}

// mask returns the mask register of m (AVX-512).
func (a *allocator) mask(m *Value) reg.Register {
	if m.op == opTail {
		return KRegs[7-m.copy]
	}
	return KRegs[a.kin[m]]
}

func (a *allocator) tailK(v *Value) reg.Register { return KRegs[7-v.copy] }

func (a *allocator) step(pos int, v *Value) {
	a.unused = append(a.unused, a.ending...)
	a.ending = a.ending[:0]
	switch v.op {
	case opBin:
		x, y := v.args[0], v.args[1]
		if v.commutes && a.inMem(x) && !a.inMem(y) {
			x, y = y, x
		}
		xr := a.reg(x)
		yo, bc := a.any(y)
		a.release(v, pos)
		a.emit(v.mnem+bc, yo, a.vec(xr), a.define(v, a.newReg()))
	case opShuf:
		xr := a.reg(v.args[0])
		yr := a.reg(v.args[1])
		a.release(v, pos)
		a.emit(v.mnem, operand.U8(v.imm), a.vec(yr), a.vec(xr), a.define(v, a.newReg()))
	case opUn:
		xr := a.reg(v.args[0])
		a.release(v, pos)
		if d := a.define(v, a.newReg()); v.hasImm {
			a.emit(v.mnem, operand.U8(v.imm), a.vec(xr), d)
		} else {
			a.emit(v.mnem, a.vec(xr), d)
		}
	case opFMA:
		a.fma(pos, v)
	case opCmp:
		xr := a.reg(v.args[0])
		yo, bc := a.any(v.args[1])
		a.release(v, pos)
		a.emit("VCMPPS"+bc, operand.U8(v.imm), yo, a.vec(xr), a.defineMask(v))
	case opTest:
		xr := a.reg(v.args[0])
		yo, bc := a.any(v.args[1])
		a.release(v, pos)
		a.emit("VPTESTMD"+bc, yo, a.vec(xr), a.defineMask(v))
	case opLeave:
		if len(v.args) > 0 { // the last copy
			k := a.mask(v.args[0])
			a.release(v, pos)
			a.emit("KORTESTW", k, k)
			a.emit("JNE", operand.LabelRef(a.f.leave))
		}
	case opSelect:
		m := v.args[0]
		yr := a.reg(v.args[2])
		if a.isa.AVX512 {
			xo, bc := a.any(v.args[1])
			k := a.mask(m)
			a.release(v, pos)
			a.emit("VBLENDMPS"+bc, xo, a.vec(yr), k, a.define(v, a.newReg()))
			return
		}
		mr := a.reg(m)
		xo, _ := a.any(v.args[1])
		a.release(v, pos)
		a.emit("VBLENDVPS", a.vec(mr), xo, a.vec(yr), a.define(v, a.newReg()))
	case opKeep:
		m := v.args[0]
		if a.isa.AVX512 {
			xr, k := a.reg(v.args[1]), a.mask(m)
			a.release(v, pos)
			a.emit("VMOVAPS_Z", a.vec(xr), k, a.define(v, a.newReg()))
			return
		}
		mr := a.reg(m)
		xo, _ := a.any(v.args[1])
		a.release(v, pos)
		a.emit("VANDPS", xo, a.vec(mr), a.define(v, a.newReg()))
	case opTern:
		x, y, z := v.args[0], v.args[1], v.args[2]
		d := a.own(x, pos)
		yr := a.reg(y)
		zo, bc := a.any(z)
		a.release(v, pos)
		a.emit("VPTERNLOGD"+bc, operand.U8(v.imm), zo, a.vec(yr), a.define(v, d))
	case opMerge:
		if a.isa.AVX512 {
			d := a.own(v.args[0], pos)
			or := a.reg(v.args[1])
			a.release(v, pos)
			a.emit("VMOVSLDUP", a.vec(or), KRegs[OddMask], a.define(v, d))
			return
		}
		er := a.reg(v.args[0])
		oo, _ := a.any(v.args[1])
		a.release(v, pos)
		a.emit("VPBLENDD", operand.U8(0xaa), oo, a.vec(er), a.define(v, a.newReg()))
	case opLoad:
		switch {
		case !v.masked:
			a.emit("VMOVUPS", v.mem, a.define(v, a.newReg()))
		case a.isa.AVX512:
			a.emit("VMOVUPS_Z", v.mem, a.tailK(v), a.define(v, a.newReg()))
		default:
			mr := a.reg(v.args[0])
			a.release(v, pos)
			a.emit("VMASKMOVPS", v.mem, a.vec(mr), a.define(v, a.newReg()))
		}
	case opBcast:
		a.emit("VBROADCASTSS", v.mem, a.define(v, a.newReg()))
	case opStore:
		xr := a.reg(v.args[0])
		switch {
		case !v.masked:
			a.emit("VMOVUPS", a.vec(xr), v.mem)
		case a.isa.AVX512:
			a.emit("VMOVUPS", a.vec(xr), a.tailK(v), v.mem)
		default:
			mr := a.reg(v.args[1])
			a.emit("VMASKMOVPS", a.vec(xr), a.vec(mr), v.mem)
		}
		a.release(v, pos)
	case opTail:
		if !a.isa.AVX512 {
			a.emit("VMOVUPS", a.f.tailMask(v.copy), a.define(v, a.newReg()))
		}
	case opSet:
		x := v.args[0]
		if a.inMem(x) && (x.op == opConst || x.op == opParam) {
			a.emit("VBROADCASTSS", a.f.home(x).scalar, a.vec(v.v.reg))
		} else {
			a.emit("VMOVAPS", a.vec(a.reg(x)), a.vec(v.v.reg))
		}
		a.release(v, pos)
	case opAcc:
		// The new element is the first source: VMAXPS then returns the old maximum for a NaN.
		xr := a.reg(v.args[0])
		a.emit(v.mnem, a.vec(v.v.reg), a.vec(xr), a.vec(v.v.reg))
		a.release(v, pos)
	case opAccFMA:
		xr := a.reg(v.args[0])
		yo, bc := a.any(v.args[1])
		a.emit("VFMADD231PS"+bc, yo, a.vec(xr), a.vec(v.v.reg))
		a.release(v, pos)
	case opReturn:
		xr := a.reg(v.args[0])
		a.emit("VMOVSS", xmmOf(xr), v.mem)
		a.release(v, pos)
	case opNote:
		if v.copy == 0 {
			a.out = append(a.out, Instr{Note: v.mnem})
		}
	case opFold:
		var r []int
		for _, x := range v.args {
			r = append(r, a.reg(x))
		}
		a.fold(v.mnem, r)
		a.release(v, pos)
		a.emit("VBROADCASTSS", xmmOf(r[0]), a.define(v, a.newReg()))
	default:
		panic("unknown operation")
	}
}

func (a *allocator) defineMask(v *Value) operand.Op {
	if !a.isa.AVX512 {
		return a.define(v, a.newReg())
	}
	k := a.newK()
	if len(a.next[v]) > 0 {
		a.kin[v], a.kown[k] = k, v
	}
	return KRegs[k]
}

// own returns a locked register that holds x and may be overwritten.
func (a *allocator) own(x *Value, pos int) int {
	if a.dies(x, pos) {
		return a.reg(x)
	}
	if (x.op == opConst || x.op == opParam) && a.inMem(x) {
		return a.reg(x) // loaded for this instruction only
	}
	r := a.reg(x)
	d := a.newReg()
	a.emit("VMOVAPS", a.vec(r), a.vec(d))
	a.lock[d] = true
	return d
}

// fma picks among the forms (Go operand order)
//
//	231 y, x, z: z = x*y + z    213 z, y, x: x = x*y + z    132 y, z, x: x = x*y + z
//
// of which the first operand alone may be in memory and the last is overwritten.
func (a *allocator) fma(pos int, v *Value) {
	m := map[[2]bool]string{{false, false}: "VFMADD", {true, false}: "VFNMADD", {false, true}: "VFMSUB", {true, true}: "VFNMSUB"}[[2]bool{v.np, v.na}]
	x, y, z := v.args[0], v.args[1], v.args[2]
	mayOwn := func(q *Value) bool { return a.dies(q, pos) && !a.inMem(q) }
	if mayOwn(y) && !mayOwn(x) || a.inMem(x) && !a.inMem(y) {
		x, y = y, x // x is the better one to overwrite, y to be in memory
	}
	var form string
	var o1, o2 operand.Op
	var bc string
	var d int
	switch {
	case mayOwn(z) && z != x && z != y:
		d = a.reg(z)
		o2 = a.vec(a.reg(x))
		o1, bc = a.any(y)
		form = "231PS"
	case mayOwn(x) && a.inMem(y):
		d = a.reg(x)
		o2 = a.vec(a.reg(z))
		o1, bc = a.any(y)
		form = "132PS"
	case mayOwn(x):
		d = a.reg(x)
		o2 = a.vec(a.reg(y))
		o1, bc = a.any(z)
		form = "213PS"
	default:
		d = a.own(z, pos)
		o2 = a.vec(a.reg(x))
		o1, bc = a.any(y)
		form = "231PS"
	}
	a.release(v, pos)
	a.emit(m+form+bc, o1, o2, a.define(v, d))
}

// fold leaves in lane 0 of the first register the fold of all lanes of all registers.
func (a *allocator) fold(m string, r []int) {
	for n := len(r) / 2; n > 0; n /= 2 {
		for i := range n {
			a.emit(m, a.vec(r[i+n]), a.vec(r[i]), a.vec(r[i]))
		}
	}
	x, t := r[0], a.newReg()
	if a.isa.AVX512 {
		a.emit("VEXTRACTF64X4", operand.U8(1), a.vec(x), ymmOf(t))
		a.emit(m, ymmOf(t), ymmOf(x), ymmOf(x))
	}
	quarter := "VEXTRACTF128"
	if a.isa.AVX512 {
		quarter = "VEXTRACTF32X4" // knows registers above 15
	}
	a.emit(quarter, operand.U8(1), ymmOf(x), xmmOf(t))
	a.emit(m, xmmOf(t), xmmOf(x), xmmOf(x))
	a.emit("VPERMILPS", operand.U8(0x0e), xmmOf(x), xmmOf(t))
	a.emit(m, xmmOf(t), xmmOf(x), xmmOf(x))
	a.emit("VPERMILPS", operand.U8(0x01), xmmOf(x), xmmOf(t))
	a.emit(m, xmmOf(t), xmmOf(x), xmmOf(x))
}
