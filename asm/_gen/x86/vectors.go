package x86

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/elbow-go/elbow/asm/_gen/engine"
)

// vectors is an engine.Vectors.
type vectors struct {
	*asm
	elem  int // bytes of an element
	bytes int // of a vector
}

func (a *asm) Vectors(elem int) engine.Vectors {
	return vectors{a, elem, a.target.traits.VecBytes}
}

func (v vectors) Lanes() int { return v.bytes / v.elem }
func (v vectors) Bytes() int { return v.bytes }

func (v vectors) Half() engine.Vectors { return vectors{v.asm, v.elem, v.bytes / 2} }

// vec is vector register i.
func (v vectors) vec(i engine.V) reg.Register {
	if int(i) >= v.target.traits.Vectors {
		panic(fmt.Sprintf("%s has no vector register %d", v.target.traits.Name, i))
	}
	if v.bytes == 64 {
		return zmm[i]
	}
	return zmm[i].AsY()
}

func xmm(i engine.V) reg.Register { return zmm[i].AsX() }

// name is the name of an instruction for floats of the size of an element: VMULP names VMULPS or VMULPD.
func (v vectors) name(m string) string {
	if v.elem == 8 {
		return m + "D"
	}
	return m + "S"
}

// vecOrMem is an operand that may be in memory.
func (v vectors) vecOrMem(o engine.Operand) operand.Op {
	if r, is := o.(engine.V); is {
		return v.vec(r)
	}
	return v.op(o)
}

func (v vectors) Zero(to engine.V) {
	if to > 15 {
		v.emit("VPXORD", v.vec(to), v.vec(to), v.vec(to))
		return
	}
	x := xmm(to) // a write to the low part clears the rest
	v.emit("VXORPS", x, x, x)
}

func (v vectors) Load(to engine.V, from engine.Place) { v.emit("VMOVUPS", v.mem(from), v.vec(to)) }
func (v vectors) Store(to engine.Place, x engine.V)   { v.emit("VMOVUPS", v.vec(x), v.mem(to)) }

func (v vectors) Copy(to, x engine.V) { v.emit("VMOVAPS", v.vec(x), v.vec(to)) }

func (v vectors) Spread(to engine.V, from engine.Place) {
	v.emit(v.name("VBROADCASTS"), v.mem(from), v.vec(to))
}

func (v vectors) Mul(to, x, y engine.V) { v.emit(v.name("VMULP"), v.vec(y), v.vec(x), v.vec(to)) }

func (v vectors) MulAdd(acc, x engine.V, y engine.Operand) {
	v.emit(v.name("VFMADD231P"), v.vecOrMem(y), v.vec(x), v.vec(acc))
}

func (v vectors) MulAddSpread(acc, x engine.V, y engine.Place, spare engine.V) {
	if v.target.avx512 {
		v.emit(v.name("VFMADD231P")+"_BCST", v.mem(y), v.vec(x), v.vec(acc))
		return
	}
	v.Spread(spare, y)
	v.MulAdd(acc, x, spare)
}

// SumRows adds halves of two registers, of which one register remains, until there is one in all:
//
//	0 0 0 0   1 1 1 1   2 2 2 2   3 3 3 3   ->   0 1 0 1   2 3 2 3   ->   0 1 2 3
func (v vectors) SumRows(chains int, spare engine.V) {
	add := func(to, x, y engine.V) { v.emit("VADDPD", v.vec(y), v.vec(x), v.vec(to)) }
	n := engine.V(v.Lanes())
	for c := engine.V(1); c < engine.V(chains); c++ {
		for r := range n {
			add(r, r, c*n+r)
		}
	}
	for step := engine.V(1); step < n; step *= 2 {
		for r := engine.V(0); r < n; r += 2 * step {
			v.halves(int(step), r, r+step, spare)
			add(r, r, spare)
		}
	}
}

// halves puts into x and spare what is to be added of x and y: in each 128 bits, or in each 256, or of
// quarters of 512 bits.
func (v vectors) halves(step int, x, y, spare engine.V) {
	switch {
	case step == 1:
		v.emit("VUNPCKHPD", v.vec(y), v.vec(x), v.vec(spare))
		v.emit("VUNPCKLPD", v.vec(y), v.vec(x), v.vec(x))
	case v.bytes == 64:
		v.emit("VSHUFF64X2", operand.U8(0xdd), v.vec(y), v.vec(x), v.vec(spare))
		v.emit("VSHUFF64X2", operand.U8(0x88), v.vec(y), v.vec(x), v.vec(x))
	default:
		v.emit("VPERM2F128", operand.U8(0x31), v.vec(y), v.vec(x), v.vec(spare))
		v.emit("VPERM2F128", operand.U8(0x20), v.vec(y), v.vec(x), v.vec(x))
	}
}

func (v vectors) Element(to engine.V, from engine.Place)  { panic("x86 has no element operands") }
func (v vectors) Elements(to engine.V, from engine.Place) { panic("x86 has no element operands") }
func (v vectors) MulAddLane(acc, x, y engine.V, lane int) { panic("x86 has no element operands") }

// A Mask is a mask register, K1 up, or with AVX2 the number of a local that holds a vector of
// ones and zeros.

func (v vectors) k(m engine.Mask) reg.Register { return kregs[m+1] }

var kregs = []reg.Register{reg.K0, reg.K1, reg.K2, reg.K3, reg.K4, reg.K5, reg.K6, reg.K7}

func (v vectors) newMask() engine.Mask {
	m := operand.Mem{}
	if !v.target.avx512 {
		m = v.ctx.AllocLocal(v.bytes)
	}
	v.asm.masks = append(v.asm.masks, m)
	return engine.Mask(len(v.asm.masks) - 1)
}

func (v vectors) TailMask(p engine.Place) engine.Mask {
	if v.target.avx512 {
		m := v.newMask()
		v.emit("MOVQ", v.mem(p), reg.RCX)
		v.emit("MOVL", operand.U32(1), reg.EAX)
		v.emit("SHLL", reg.CL, reg.EAX)
		v.emit("DECL", reg.EAX)
		v.emit("KMOVW", reg.EAX, v.k(m))
		return m
	}
	v.emit("LEAQ", v.global.Offset(4*rampOnes), reg.RAX)
	v.emit("MOVQ", v.mem(p), reg.RCX)
	v.emit("NEGQ", reg.RCX)
	v.emit("VMOVUPS", operand.Mem{Base: reg.RAX, Index: reg.RCX, Scale: uint8(v.elem)}, v.vec(0))
	m := v.newMask()
	v.emit("VMOVUPS", v.vec(0), v.masks[m])
	return m
}

func (v vectors) CopyMask(m engine.Mask) engine.Mask {
	to := v.newMask()
	if v.target.avx512 {
		v.emit("KMOVW", v.k(m), v.k(to))
	} else { // as TailMask has left it
		v.emit("VMOVUPS", v.vec(0), v.masks[to])
	}
	return to
}

func (v vectors) FillMask(m engine.Mask) {
	if v.target.avx512 {
		v.emit("KXNORW", v.k(m), v.k(m), v.k(m))
		return
	}
	v.emit("VMOVUPS", v.global, v.vec(0))
	v.emit("VMOVUPS", v.vec(0), v.masks[m])
}

func (v vectors) LoadMasked(to engine.V, from engine.Place, m engine.Mask) {
	if v.target.avx512 {
		v.emit(v.name("VMOVUP")+"_Z", v.mem(from), v.k(m), v.vec(to))
		return
	}
	v.emit("VMOVUPS", v.masks[m], v.vec(to))
	v.emit(v.name("VMASKMOVP"), v.mem(from), v.vec(to), v.vec(to))
}

func (v vectors) StoreMasked(to engine.Place, x engine.V, m engine.Mask, spare engine.V) {
	if v.target.avx512 {
		v.emit(v.name("VMOVUP"), v.vec(x), v.k(m), v.mem(to))
		return
	}
	v.emit("VMOVUPS", v.masks[m], v.vec(spare))
	v.emit(v.name("VMASKMOVP"), v.vec(x), v.vec(spare), v.mem(to))
}

func (v vectors) OddMask(to engine.V) {
	v.emit("MOVL", operand.U32(0xffff0000), reg.EAX)
	v.emit("VMOVD", reg.EAX, xmm(to))
	v.emit("VPBROADCASTD", xmm(to), v.vec(to))
}

func (v vectors) WidenEven(to, words engine.V) {
	v.emit("VPSLLD", operand.U8(16), v.vec(words), v.vec(to))
}

func (v vectors) WidenOdd(to, words, mask engine.V) {
	m := "VPAND"
	if v.target.avx512 {
		m = "VPANDD"
	}
	v.emit(m, v.vec(mask), v.vec(words), v.vec(to))
}
