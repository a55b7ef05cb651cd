package recipe

import (
	. "github.com/elbow-go/elbow/asm/_gen/engine"
	"github.com/elbow-go/elbow/internal/f32"
)

// One pass over parameters, gradients and state. In Go, root, quotient and emulated fma make
// an Adam step some ten times as slow as memory.

// The gradient is named grad here: g means a register to the assembler.

func Optim(f *File) {
	kernel := func(name string, arrays []Array, uses string, scalars []string, body func(b *Block)) {
		f.Kernel(Kernel{
			Name: name, Doc: []string{"makes one step of " + name + " on n parameters: see kernels." + name + "."},
			Arrays: arrays, OneRow: true, Scalars: scalars,
			Passes: []Pass{{Uses: uses, Ahead: uses, Body: body}},
		})
	}
	//	m = beta1 m + b g    v = beta2 v + d g^2    p = p - a m / (sqrt(v s) + eps)
	// One divider makes both roots and quotients. On Intel's processors with AVX-512 it takes some 22 cycles for
	// 16 of each, longer than the 14 that it takes to read and write them from and to the L2 cache. So such a
	// target leaves the divider only one quotient of every four, and multiplies for the others.
	adam := func(software bool) func(b *Block) {
		return func(b *Block) {
			g := b.Load("grad", 0)
			m := b.FMA(b.Param("beta1"), b.Load("m", 0), b.Mul(b.Param("b"), g))
			m = flush(b, m, f32.FlushMean)
			v := flush(b, b.FMA(b.Mul(b.Param("d"), g), g, b.Mul(b.Param("beta2"), b.Load("v", 0))), f32.FlushSquare)
			b.Note("root")
			d := b.Add(b.Sqrt(b.Mul(v, b.Param("s"))), b.Param("eps"))
			quotient := b.Div
			if software {
				// A bit of any |m| or d that is 2 or more, Inf or NaN: out of the range of divide.
				b.LeaveIf(30, m, d)
				if b.Copy < b.Of-1 {
					quotient = func(x, y *Value) *Value { return divide(b, x, y) }
				}
			}
			b.Store("m", 0, m)
			b.Store("v", 0, v)
			b.Note("p")
			b.Store("p", 0, b.FNMA(b.Param("a"), quotient(m, d), b.Load("p", 0)))
		}
	}
	// From memory an EPYC (Zen 4) takes 15 % less time with these arrays prefetched so near than 1024 or 2048
	// bytes ahead. The others of this file, with fewer arrays, take 2 % more.
	pass := Pass{Uses: "p grad m v", Ahead: "p grad m v", AheadBytes: 512, Body: adam(false)}
	if every := f.Target().Traits().Divided; every > 0 {
		pass.Copies, pass.Serial, pass.Body, pass.Any = every, true, adam(true), adam(false)
	}
	f.Kernel(Kernel{
		Name: "Adam", Doc: []string{"makes one step of Adam on n parameters: see kernels.Adam."},
		Arrays: []Array{{Name: "p"}, {Name: "grad"}, {Name: "m"}, {Name: "v"}}, OneRow: true,
		Scalars: []string{"beta1 float32", "beta2 float32", "b float32", "d float32", "a float32", "eps float32", "s float32"},
		Passes:  []Pass{pass},
	})
	//	m = mu m + g    p = p - lr m
	kernel("SGD", []Array{{Name: "p"}, {Name: "grad"}, {Name: "m"}}, "p grad m",
		[]string{"lr float32", "mu float32"}, func(b *Block) {
			m := flush(b, b.FMA(b.Param("mu"), b.Load("m", 0), b.Load("grad", 0)), f32.FlushMean)
			b.Store("m", 0, m)
			b.Store("p", 0, b.FNMA(b.Param("lr"), m, b.Load("p", 0)))
		})
	//	s = s + g^2    p = p - lr g / (sqrt(s) + eps)
	kernel("Adagrad", []Array{{Name: "p"}, {Name: "grad"}, {Name: "s"}}, "p grad s",
		[]string{"lr float32", "eps float32"}, func(b *Block) {
			g := b.Load("grad", 0)
			s := flush(b, b.FMA(g, g, b.Load("s", 0)), f32.FlushSquare)
			b.Store("s", 0, s)
			b.Note("p")
			q := b.Div(g, b.Add(b.Sqrt(s), b.Param("eps")))
			b.Store("p", 0, b.FNMA(b.Param("lr"), q, b.Load("p", 0)))
		})
}
