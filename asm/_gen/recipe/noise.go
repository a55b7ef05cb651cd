package recipe

import (
	. "github.com/elbow-go/elbow/asm/_gen/engine"
	"github.com/elbow-go/elbow/internal/f32"
)

// Philox 4x32-10, uniforms and Box-Muller normals, in groups of 64 columns: lane j of 16
// computes block j, whose words 0 to 3 are columns j, 16+j, 32+j and 48+j. A round multiplies 32 by 32
// bits to 64, for which a target may spread the blocks over several vectors.

func Noise(f *File) {
	lanes := f.Target().Traits().Lanes(4)
	var blocks [][]Place // their numbers, a vector at a time
	for at := 0; at < 16; at += lanes {
		var w []uint32
		for j := range lanes {
			w = append(w, uint32(at+j))
		}
		blocks = append(blocks, f.WideTable(w))
	}
	kernel := func(name, does string, g func(b *Block, w [4]*Value) [4]*Value) {
		f.Func(name, "(dst *float32, ctr, keys *uint32, groups int)",
			[]string{does + " for groups of 64 columns of a row: see kernels." + name + ".",
				"ctr is the counter of the first block, 4 words; keys holds the two keys of each of the 10 rounds."},
			func(f *Func) {
				regs := f.Target().Traits().Registers()
				dst, ctr, keys := regs.GP("dst"), regs.GP("ctr"), regs.GP("keys")
				f.Move(dst, Arg("dst"))
				f.Move(ctr, Arg("ctr"))
				f.Move(keys, Arg("keys"))
				f.Move(f.Count(), Arg("groups"))
				f.JoinMask()
				c0 := f.NewVar()
				f.Block(func(b *Block) { b.Set(c0, b.SpreadFrom(At(ctr, 0))) })
				loop := f.NewLabel("l")
				f.Label(loop)
				for i, at := range blocks {
					f.Block(func(b *Block) {
						for part, z := range g(b, philox(b, at, c0, ctr, keys)) {
							b.StoreTo(At(dst, 4*(16*part+i*lanes)), z)
						}
					})
				}
				f.Block(func(b *Block) { b.Set(c0, b.AddI(b.Get(c0), b.Bits(16))) })
				f.Add(dst, Num(4*64))
				f.SubJump(f.Count(), 1, IfNe, loop)
			})
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

// philox gives the words of the blocks whose numbers are at the places at, behind c0.
func philox(b *Block, at []Place, c0 *Var, ctr, keys GP) (w [4]*Value) {
	word := func(base GP, i int) *Value { return b.SpreadFrom(At(base, 4*i)) }
	c := make([][4]*Value, len(at))
	for p := range c {
		c[p][0] = b.AddI(b.LoadFrom(at[p]), b.Get(c0))
	}
	for i := 1; i < 4; i++ {
		v := word(ctr, i)
		for p := range c {
			c[p][i] = v
		}
	}
	b.Note("ten rounds of Philox")
	for r := range 10 {
		k0, k1 := word(keys, 2*r), word(keys, 2*r+1)
		var rounds []func()
		for p := range c {
			rounds = append(rounds, func() { c[p] = philoxRound(b, c[p], k0, k1) })
		}
		b.Par(rounds...)
	}
	b.Note("words in order of the blocks")
	for i := range w {
		var parts []*Value
		for p := range c {
			parts = append(parts, c[p][i])
		}
		w[i] = b.Join(parts...)
	}
	return w
}

func philoxRound(b *Block, c [4]*Value, k0, k1 *Value) [4]*Value {
	p0 := b.MulWide(c[0], b.Bits(f32.PhiloxM0))
	p1 := b.MulWide(c[2], b.Bits(f32.PhiloxM1))
	return [4]*Value{b.Xor3(b.High(p1), c[1], k0), b.Low(p1), b.Xor3(b.High(p0), c[3], k1), b.Low(p0)}
}

// uniform is ((w>>8) + 1/2) 2^-24, and never 1.
func uniform(b *Block, w *Value) *Value {
	u := b.FMA(b.ToFloat(b.Shr(w, 8)), b.Const(0x1p-24), b.Const(0x1p-25))
	return b.AtMost(1-0x1p-24, u)
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
	n := b.Add(v, b.Const(f32.Magic)) // only the last two bits are used
	f := b.Sub(v, b.Sub(n, b.Const(f32.Magic)))
	g := b.Mul(f, f)
	s := b.Horner(g, neg(0x1.2dbd92p-8), 0x1.465fc4p-4, neg(0x1.4abbbep-1), neg(0x1.777a5cp-25))
	s = b.FMA(b.Const(0x1.921fb6p0), f, b.Mul(s, f))
	c := b.Horner(g, 0x1.d684aap-11, neg(0x1.55b7cep-6), 0x1.03c1b8p-2, neg(0x1.3bd3ccp0), 1)
	odd := b.BitSet(n, 0)
	sin = b.XorSign(b.Select(odd, c, s), b.Shl(n, 30))
	cos = b.XorSign(b.Select(odd, s, c), b.Shl(b.AddI(n, b.Bits(1)), 30))
	return sin, cos
}
