package recipe

import (
	. "github.com/elbow-go/elbow/asm/_gen/engine"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Philox 4x32-10, uniforms and Box-Muller normals, in groups of 64 columns: lane j of 16
// computes block j, whose words 0 to 3 are columns j, 16+j, 32+j and 48+j.
//
// A round multiplies 32 by 32 bits to 64, which the instructions do for even lanes. So the
// blocks with even and with odd j are two vectors of 64-bit lanes all the way; what is in
// the upper halves does not matter, and the words meet at the end:
//
//	even  0 . 2 . 4 . 6 .     odd  1 . 3 . 5 . 7 .     ->     0 1 2 3 4 5 6 7

const (
	philoxM0 = 0xd2511f53
	philoxM1 = 0xcd9e8d57
)

func Noise(f *File) {
	// AVX2 makes the 16 blocks in two halves.
	halves := 16 / f.ISA.Lanes
	even, odd := make([]operand.Mem, halves), make([]operand.Mem, halves)
	for h := range halves {
		for i, at := range []*operand.Mem{&even[h], &odd[h]} {
			w := make([]uint32, f.ISA.Lanes)
			for j := 0; j < f.ISA.Lanes; j += 2 {
				w[j] = uint32(h*f.ISA.Lanes + j + i)
			}
			*at = f.Table(w)
		}
	}
	kernel := func(name, does string, g func(b *Block, w [4]*Value) [4]*Value) {
		fn := f.NewFunc(name, "(dst *float32, ctr, keys *uint32, groups int)",
			does+" for groups of 64 columns of a row: see kernels."+name+".",
			"ctr is the counter of the first block, 4 words; keys holds the two keys of each of the 10 rounds.")
		dst, ctr, keys, n := reg.RDI, reg.RSI, reg.RDX, reg.RCX
		word := func(base reg.Register, i int) operand.Mem { return operand.Mem{Base: base, Disp: 4 * i} }
		c0 := fn.NewVar()
		for i, arg := range []string{"dst", "ctr", "keys", "groups"} {
			fn.Emit("MOVQ", fn.ParamMem(arg), []reg.GPPhysical{dst, ctr, keys, n}[i])
		}
		if f.ISA.AVX512 {
			fn.Emit("MOVL", operand.U32(0xaaaa), reg.EAX)
			fn.Emit("KMOVW", reg.EAX, KRegs[OddMask])
		}
		fn.Block(Block{}, 1, func(b *Block) { b.Set(c0, b.BroadcastMem(word(ctr, 0))) })
		loop := f.NewLabel()
		fn.Label(loop)
		for h := range halves {
			fn.Block(Block{}, 1, func(b *Block) {
				var e, o [4]*Value
				e[0] = b.AddI(b.LoadMem(even[h]), b.Get(c0))
				o[0] = b.AddI(b.LoadMem(odd[h]), b.Get(c0))
				for i := 1; i < 4; i++ {
					e[i] = b.BroadcastMem(word(ctr, i))
					o[i] = e[i]
				}
				b.Note("ten rounds of Philox on the even and the odd blocks")
				for r := range 10 {
					k0, k1 := b.BroadcastMem(word(keys, 2*r)), b.BroadcastMem(word(keys, 2*r+1))
					b.Par(func() { e = philoxRound(b, e, k0, k1) }, func() { o = philoxRound(b, o, k0, k1) })
				}
				b.Note("words in order of the blocks")
				var w [4]*Value
				for i := range w {
					w[i] = b.MergeOdd(e[i], o[i])
				}
				for i, z := range g(b, w) {
					b.StoreMem(operand.Mem{Base: dst, Disp: 64*i + h*f.ISA.Bytes()}, z)
				}
			})
		}
		fn.Block(Block{}, 1, func(b *Block) { b.Set(c0, b.AddI(b.Get(c0), b.Bits(16))) })
		fn.Emit("ADDQ", Imm(256), dst)
		fn.Emit("DECQ", n)
		fn.Emit("JNE", operand.LabelRef(loop))
		fn.Done()
	}
	kernel("Uniforms", "writes uniform numbers", func(b *Block, w [4]*Value) (u [4]*Value) {
		for i := range w {
			u[i] = uniform(b, w[i])
		}
		return u
	})
	kernel("Normals", "writes normal numbers", func(b *Block, w [4]*Value) (z [4]*Value) {
		b.Par(func() { z[0], z[1] = boxMuller(b, w[0], w[1]) }, func() { z[2], z[3] = boxMuller(b, w[2], w[3]) })
		return z
	})
}

func philoxRound(b *Block, c [4]*Value, k0, k1 *Value) [4]*Value {
	p0 := b.MulEven(c[0], b.Bits(philoxM0))
	p1 := b.MulEven(c[2], b.Bits(philoxM1))
	return [4]*Value{b.Xor3(b.Shr64(p1, 32), c[1], k0), p1, b.Xor3(b.Shr64(p0, 32), c[3], k1), p0}
}

// uniform is ((w>>8) + 1/2) 2^-24, and never 1.
func uniform(b *Block, w *Value) *Value {
	u := b.FMA(b.CvtInt(b.Shr(w, 8)), b.Const(0x1p-24), b.Const(0x1p-25))
	return b.MinC(1-0x1p-24, u)
}

// boxMuller takes the radius from w0 and the angle from w1. The uniforms are normal numbers
// below 1, so the logarithm needs no special cases.
func boxMuller(b *Block, w0, w1 *Value) (z0, z1 *Value) {
	r := b.Sqrt(b.Mul(logNormal(b, uniform(b, w0), nil), b.Const(-2)))
	s, c := sincos(b, uniform(b, w1))
	return b.Mul(r, c), b.Mul(r, s)
}

// sincos is the sine and cosine of 2 pi u: see kernels/vec_generic.go.
func sincos(b *Block, u *Value) (sin, cos *Value) {
	b.Note("sine and cosine of 2 pi u: quadrant n, f = 4u - n")
	v := b.Mul(u, b.Const(4))
	n := b.Add(v, b.Const(magic)) // only the last two bits are used
	f := b.Sub(v, b.Sub(n, b.Const(magic)))
	g := b.Mul(f, f)
	s := b.Horner(g, neg(0x1.2dbd92p-8), 0x1.465fc4p-4, neg(0x1.4abbbep-1), neg(0x1.777a5cp-25))
	s = b.FMA(b.Const(0x1.921fb6p0), f, b.Mul(s, f))
	c := b.Horner(g, 0x1.d684aap-11, neg(0x1.55b7cep-6), 0x1.03c1b8p-2, neg(0x1.3bd3ccp0), 1)
	odd := b.TestBit0(n)
	sin = b.XorSign(b.Select(odd, c, s), b.Shl(n, 30))
	cos = b.XorSign(b.Select(odd, s, c), b.Shl(b.AddI(n, b.Bits(1)), 30))
	return sin, cos
}
