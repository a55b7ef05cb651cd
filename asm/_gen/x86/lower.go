package x86

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/elbow-go/elbow/asm/_gen/engine"
)

// binary are the operations with one instruction of two sources and a result. AVX-512F has only the
// integer forms of bit operations.
var binary = map[engine.Op]struct {
	avx2, avx512 string // the latter if it is another
	commutes     bool
	imm          bool
}{
	engine.OpAdd:     {avx2: "VADDPS", commutes: true},
	engine.OpSub:     {avx2: "VSUBPS"},
	engine.OpMul:     {avx2: "VMULPS", commutes: true},
	engine.OpDiv:     {avx2: "VDIVPS"},
	engine.OpAtMost:  {avx2: "VMINPS"}, // the second source, which is x, if one of them is NaN
	engine.OpAtLeast: {avx2: "VMAXPS"},
	engine.OpLarger:  {avx2: "VMAXPS"}, // the second, which is the old one
	engine.OpScale:   {avx512: "VSCALEFPS"},
	engine.OpAnd:     {avx2: "VANDPS", avx512: "VPANDD", commutes: true},
	engine.OpOr:      {avx2: "VORPS", avx512: "VPORD", commutes: true},
	engine.OpXor:     {avx2: "VXORPS", avx512: "VPXORD", commutes: true},
	opXorI:           {avx2: "VPXOR", commutes: true},
	engine.OpAddI:    {avx2: "VPADDD", commutes: true},
	engine.OpSubI:    {avx2: "VPSUBD"},
	engine.OpMinU:    {avx2: "VPMINUD", commutes: true},
	engine.OpMaxU:    {avx2: "VPMAXUD", commutes: true},
	engine.OpMulWide: {avx2: "VPMULUDQ", commutes: true},
	opUnpackLow:      {avx2: "VUNPCKLPD"},
	opUnpackHigh:     {avx2: "VUNPCKHPD"},
	opHalves:         {avx512: "VSHUFF64X2", imm: true},
	opHalves256:      {avx2: "VPERM2F128", imm: true},
	opPairs:          {avx2: "VSHUFPS", imm: true},
}

// unary are those of one source.
var unary = map[engine.Op]string{
	engine.OpSqrt:    "VSQRTPS",
	engine.OpToFloat: "VCVTDQ2PS",
	engine.OpCopy:    "VMOVAPS",
	engine.OpShl:     "VPSLLD",
	engine.OpShr:     "VPSRLD",
	engine.OpSar:     "VPSRAD",
	engine.OpHigh:    "VPSRLQ",
	opShl64:          "VPSLLQ",
}

// predicates of comparisons, and of their opposites, all quiet.
var predicates = map[engine.Op][2]uint8{
	engine.OpEqual:     {0x00, 0x04},
	engine.OpLess:      {0x11, 0x15},
	engine.OpLessEqual: {0x12, 0x16},
	engine.OpGreater:   {0x1e, 0x1a},
}

// ternary are the tables of VPTERNLOGD, which overwrites its first source.
var ternary = map[engine.Op]uint8{
	engine.OpOr3:      0xfe,
	engine.OpXor3:     0x96,
	engine.OpCopySign: 0xf8, // x | y&z
	engine.OpXorSign:  0x78, // x ^ y&z
}

// mnemonic is the instruction of a binary operation.
func (a *asm) mnemonic(op engine.Op) string {
	if m := binary[op]; a.target.avx512 && m.avx512 != "" {
		return m.avx512
	} else {
		return m.avx2
	}
}

// A lowering is a value on the way to its instructions.
type lowering struct {
	vectors
	*engine.Alloc
	v *engine.Value
}

// Lower writes the instructions of v.
func (a *asm) Lower(al *engine.Alloc, v *engine.Value) {
	l := lowering{a.words(), al, v}
	if _, is := binary[v.Op]; is {
		l.binary()
		return
	}
	if _, is := ternary[v.Op]; is {
		l.ternary()
		return
	}
	if _, is := predicates[v.Op]; is {
		l.compare()
		return
	}
	if m := unary[v.Op]; m != "" {
		l.unary(m)
		return
	}
	switch v.Op {
	case engine.OpFMA:
		l.fma()
	case engine.OpBitSet: // AVX-512
		x := l.Reg(v.Args[0])
		y, one := l.operand(v.Args[1])
		l.emit("VPTESTMD"+one, y, l.vec(x), l.mask(l.DefineMask()))
	case engine.OpSelect:
		l.choose()
	case engine.OpKeep:
		l.keep()
	case engine.OpJoin:
		l.join()
	case engine.OpLoad, engine.OpSpread, engine.OpTail:
		l.load()
	case engine.OpStore, engine.OpStoreLane:
		l.store()
	case engine.OpStoreBytes:
		l.storeBytes()
	case engine.OpSet, engine.OpAcc, engine.OpAccFMA:
		l.update()
	case engine.OpFold:
		l.fold()
	case engine.OpLeave:
		if len(v.Args) > 0 {
			if l.target.avx512 {
				k := l.mask(l.Mask(v.Args[0]))
				l.emit("KORTESTW", k, k)
			} else { // of signs, as in Expand
				m := l.vec(l.Reg(v.Args[0]))
				l.emit("VTESTPS", m, m)
			}
			l.jump(engine.IfNe, l.Leave())
		}
	default:
		panic(fmt.Sprintf("%s cannot do operation %d", l.target.traits.Name, v.Op))
	}
}

// operand is v in a register or in memory, and what the name of an instruction ends in for it.
func (l lowering) operand(v *engine.Value) (operand.Op, string) {
	switch o := l.Operand(v).(type) {
	case engine.V:
		return l.vec(o), ""
	case engine.OneWord:
		return l.mem(engine.Place(o)), "_BCST"
	case engine.Place:
		return l.mem(o), ""
	}
	panic("no operand of a vector instruction")
}

func (l lowering) mask(m engine.Mask) reg.Register { return maskRegs[m] }

func (l lowering) binary() {
	x, y := l.v.Args[0], l.v.Args[1]
	m := binary[l.v.Op]
	if m.commutes && l.InMem(x) && !l.InMem(y) {
		x, y = y, x
	}
	xr := l.vec(l.Reg(x))
	if m.imm {
		yr := l.vec(l.Reg(y))
		l.emit(l.mnemonic(l.v.Op), operand.U8(l.v.Imm), yr, xr, l.vec(l.Define()))
		return
	}
	yo, one := l.operand(y)
	l.emit(l.mnemonic(l.v.Op)+one, yo, xr, l.vec(l.Define()))
}

func (l lowering) unary(m string) {
	x := l.vec(l.Reg(l.v.Args[0]))
	switch l.v.Op {
	case engine.OpShl, engine.OpShr, engine.OpSar, opShl64:
		l.emit(m, operand.U8(l.v.Imm), x, l.vec(l.Define()))
	case engine.OpHigh:
		l.emit(m, operand.U8(32), x, l.vec(l.Define()))
	default:
		l.emit(m, x, l.vec(l.Define()))
	}
}

func (l lowering) ternary() {
	d := l.Own(l.v.Args[0])
	y := l.vec(l.Reg(l.v.Args[1]))
	z, one := l.operand(l.v.Args[2])
	l.emit("VPTERNLOGD"+one, operand.U8(ternary[l.v.Op]), z, y, l.vec(l.DefineIn(d)))
}

func (l lowering) compare() {
	x := l.vec(l.Reg(l.v.Args[0]))
	y, one := l.operand(l.v.Args[1])
	p := predicates[l.v.Op][0]
	if l.v.Not {
		p = predicates[l.v.Op][1]
	}
	if l.target.avx512 {
		l.emit("VCMPPS"+one, operand.U8(p), y, x, l.mask(l.DefineMask()))
		return
	}
	l.emit("VCMPPS", operand.U8(p), y, x, l.vec(l.Define()))
}

func (l lowering) choose() {
	m, x, y := l.v.Args[0], l.v.Args[1], l.v.Args[2]
	yr := l.vec(l.Reg(y))
	if l.target.avx512 {
		xo, one := l.operand(x)
		k := l.mask(l.Mask(m))
		l.emit("VBLENDMPS"+one, xo, yr, k, l.vec(l.Define()))
		return
	}
	mr := l.vec(l.Reg(m))
	xo, _ := l.operand(x)
	l.emit("VBLENDVPS", mr, xo, yr, l.vec(l.Define()))
}

func (l lowering) keep() {
	m, x := l.v.Args[0], l.v.Args[1]
	if l.target.avx512 {
		xr, k := l.vec(l.Reg(x)), l.mask(l.Mask(m))
		l.emit("VMOVAPS_Z", xr, k, l.vec(l.Define()))
		return
	}
	mr := l.vec(l.Reg(m))
	xo, _ := l.operand(x)
	l.emit("VANDPS", xo, mr, l.vec(l.Define()))
}

// join takes the odd lanes of its second operand from its even ones; with AVX2, from the odd ones.
func (l lowering) join() {
	even, odd := l.v.Args[0], l.v.Args[1]
	if l.target.avx512 {
		d := l.Own(even)
		o := l.vec(l.Reg(odd))
		l.emit("VMOVSLDUP", o, oddLanes, l.vec(l.DefineIn(d)))
		return
	}
	e := l.vec(l.Reg(even))
	o, _ := l.operand(odd)
	l.emit("VPBLENDD", operand.U8(0xaa), o, e, l.vec(l.Define()))
}

func (l lowering) load() {
	at := l.v.Place
	switch {
	case l.v.Op == engine.OpTail:
		if !l.target.avx512 {
			l.Load(l.Define(), engine.At(scratch, l.v.Copy*l.bytes))
		}
	case l.v.Op == engine.OpSpread:
		l.Spread(l.Define(), at)
	case !l.v.Tail:
		l.Load(l.Define(), at)
	case l.target.avx512:
		k := l.mask(l.TailOf(l.v.Copy))
		l.emit("VMOVUPS_Z", l.mem(at), k, l.vec(l.Define()))
	default:
		m := l.vec(l.Reg(l.v.Args[0]))
		l.emit("VMASKMOVPS", l.mem(at), m, l.vec(l.Define()))
	}
}

func (l lowering) store() {
	x, at := l.Reg(l.v.Args[0]), l.v.Place
	switch {
	case l.v.Op == engine.OpStoreLane:
		l.emit("VMOVSS", xmm(x), l.mem(at))
	case !l.v.Tail:
		l.Store(at, x)
	case l.target.avx512:
		l.emit("VMOVUPS", l.vec(x), l.mask(l.TailOf(l.v.Copy)), l.mem(at))
	default:
		l.emit("VMASKMOVPS", l.vec(x), l.vec(l.Reg(l.v.Args[1])), l.mem(at))
	}
}

// storeBytes packs the bytes of 8 lanes, all others being 0, by halves: the lower 128 bits have words and
// then bytes of them all.
func (l lowering) storeBytes() {
	x, at := l.Reg(l.v.Args[0]), l.mem(l.v.Place)
	if l.target.avx512 {
		if l.v.Tail {
			l.emit("VPMOVDB", l.vec(x), l.mask(l.TailOf(l.v.Copy)), at)
		} else {
			l.emit("VPMOVDB", l.vec(x), at)
		}
		return
	}
	t := xmm(l.Temp())
	l.emit("VEXTRACTI128", operand.U8(1), l.vec(x), t)
	l.emit("VPACKUSDW", t, xmm(x), t)
	l.emit("VPACKUSWB", t, t, t)
	l.emit("VMOVQ", t, at)
}

// update writes to a Var.
func (l lowering) update() {
	to, x := l.v.Var.Reg, l.v.Args[0]
	switch l.v.Op {
	case engine.OpSet:
		if p, ok := l.Home(x); ok {
			l.Spread(to, p)
		} else if r := l.Reg(x); r != to {
			l.Copy(to, r)
		}
	case engine.OpAcc: // the new element is the first source: see OpLarger
		xr := l.vec(l.Reg(x))
		l.emit(l.mnemonic(l.v.Of), l.vec(to), xr, l.vec(to))
	case engine.OpAccFMA:
		xr := l.vec(l.Reg(x))
		yo, one := l.operand(l.v.Args[1])
		l.emit("VFMADD231PS"+one, yo, xr, l.vec(to))
	}
}

// fma picks among the forms (Go operand order)
//
//	231 y, x, z: z = x*y + z    213 z, y, x: x = x*y + z    132 y, z, x: x = x*y + z
//
// of which the first operand alone may be in memory and the last is overwritten.
func (l lowering) fma() {
	m := "VF"
	if l.v.NegProduct {
		m += "N"
	}
	if m += "MADD"; l.v.NegAddend {
		m = m[:len(m)-3] + "SUB"
	}
	x, y, z := l.v.Args[0], l.v.Args[1], l.v.Args[2]
	if l.CanOwn(y) && !l.CanOwn(x) || l.InMem(x) && !l.InMem(y) {
		x, y = y, x // x is the better one to overwrite, y to be in memory
	}
	form, over, second, first := "231PS", z, x, y
	switch {
	case l.CanOwn(z) && z != x && z != y:
	case l.CanOwn(x) && l.InMem(y):
		form, over, second, first = "132PS", x, z, y
	case l.CanOwn(x):
		form, over, second, first = "213PS", x, y, z
	}
	d := l.Own(over)
	o2 := l.vec(l.Reg(second))
	o1, one := l.operand(first)
	l.emit(m+form+one, o1, o2, l.vec(l.DefineIn(d)))
}

// fold adds (or ...) the registers by halves, and then the halves of what is left.
func (l lowering) fold() {
	m := l.mnemonic(l.v.Of)
	var r []engine.V
	for _, x := range l.v.Args {
		r = append(r, l.Reg(x))
	}
	for n := len(r) / 2; n > 0; n /= 2 {
		for i := range n {
			l.emit(m, l.vec(r[i+n]), l.vec(r[i]), l.vec(r[i]))
		}
	}
	x, t := r[0], l.Temp()
	ymm := func(v engine.V) reg.Register { return zmm[v].AsY() }
	quarter := "VEXTRACTF128"
	if l.target.avx512 {
		l.emit("VEXTRACTF64X4", operand.U8(1), zmm[x], ymm(t))
		l.emit(m, ymm(t), ymm(x), ymm(x))
		quarter = "VEXTRACTF32X4" // knows registers above 15
	}
	l.emit(quarter, operand.U8(1), ymm(x), xmm(t))
	l.emit(m, xmm(t), xmm(x), xmm(x))
	for _, lanes := range []int{0x0e, 0x01} {
		l.emit("VPERMILPS", operand.U8(lanes), xmm(x), xmm(t))
		l.emit(m, xmm(t), xmm(x), xmm(x))
	}
	l.emit("VBROADCASTSS", xmm(x), l.vec(l.Define()))
}
