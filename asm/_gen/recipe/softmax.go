package recipe

import (
	"math"

	. "github.com/elbow-go/elbow/asm/_gen/engine"
)

// Softmax and log-sum-exp of rows: the largest element, then the sum of e^(x-m) in 16 virtual
// lanes, then the quotient or the logarithm; all passes over a row in one call.

func Softmax(f *File) {
	largest := func(finite bool) Pass {
		return Pass{Uses: "x", Copies: 4,
			Before: func(b *Block, k *Vars) { k.Lowest(b, 0) },
			Body:   func(b *Block) { b.AccMax(0, b.Load("x", 0)) },
			After: func(b *Block, k *Vars) {
				m := k.Max(b, 0)
				if finite { // so that neither -Inf - -Inf nor Inf - Inf arises
					m = b.Keep(b.Less(b.Abs(m), b.Bits(0x7f800000)), m)
				}
				b.Set(k.Keep[0], m)
			}}
	}
	zero := func(b *Block, k *Vars) { k.Zero(b, 0) }
	f.Kernel(Kernel{
		Name: "Softmax", Doc: []string{"writes the softmax of rows of n elements: see kernels.Softmax."},
		Arrays: []Array{{Name: "dst"}, {Name: "x"}}, Accs: 1, Lanes: 16, Vars: 1,
		Passes: []Pass{
			largest(false),
			{Uses: "dst x", Before: zero,
				Body: func(b *Block) {
					e := exp(b, b.Sub(b.Load("x", 0), b.Kept(0)), false, expNotAbove)
					b.Store("dst", 0, e)
					b.AccAdd(0, e)
				},
				After: func(b *Block, k *Vars) { b.Set(k.Keep[0], b.Div(b.Const(1), k.Sum(b, 0))) }},
			{Uses: "dst", Copies: 4, Body: func(b *Block) {
				b.Store("dst", 0, b.Mul(b.Load("dst", 0), b.Kept(0)))
			}},
		},
	})
	logSum := func(after func(b *Block, k *Vars)) []Pass {
		return []Pass{largest(true), {Uses: "x", Before: zero, After: after,
			Body: func(b *Block) { // x - m may be Inf here
				b.AccAdd(0, exp(b, b.Sub(b.Load("x", 0), b.Kept(0)), false, expAny))
			}}}
	}
	f.Kernel(Kernel{
		Name: "LogSumExp", Doc: []string{"writes ln sum e^x of rows of n elements: see kernels.LogSumExp."},
		Arrays: []Array{{Name: "dst", Kind: PerRow}, {Name: "x"}}, Accs: 1, Lanes: 16, Vars: 1,
		Passes: logSum(func(b *Block, k *Vars) { b.StoreRow("dst", b.Add(b.Kept(0), log(b, k.Sum(b, 0)))) }),
	})
	f.Kernel(Kernel{
		Name: "MaxLogSum", Doc: []string{"writes the largest elements m of rows of n, and ln sum e^(x-m): see maxLogSum32 in package kernels."},
		Arrays: []Array{{Name: "m", Kind: PerRow}, {Name: "sum", Kind: PerRow}, {Name: "x", Kind: Strided, Ld: "ld"}}, Accs: 1, Lanes: 16, Vars: 1,
		Passes: logSum(func(b *Block, k *Vars) {
			b.StoreRow("m", b.Kept(0))
			b.StoreRow("sum", log(b, k.Sum(b, 0)))
		}),
	})
	f.Kernel(Kernel{
		Name: "SoftmaxBackward", Doc: []string{"is the gradient of Softmax: see kernels.SoftmaxBackward."},
		Arrays: []Array{{Name: "dx"}, {Name: "dy"}, {Name: "y"}}, Accs: 1, Lanes: 16, Vars: 1,
		Passes: []Pass{
			{Uses: "dy y", Before: zero,
				Body:  func(b *Block) { b.AccFMA(0, b.Load("dy", 0), b.Load("y", 0)) },
				After: func(b *Block, k *Vars) { b.Set(k.Keep[0], k.Sum(b, 0)) }},
			{Uses: "dx dy y", Copies: 4, Body: func(b *Block) {
				b.Store("dx", 0, b.Mul(b.Load("y", 0), b.Sub(b.Load("dy", 0), b.Kept(0))))
			}},
		},
	})
	Mixture(f)
}

// mixtureKernels are what a mixture needs beside the densities of its components: a
// log-sum-exp whose terms come 16 at a time, as lseLanes32 in kernels/mixture_generic.go. A sum is
// at least 1 and a scale other than 1 comes with a term of 1, so expTerm gives the same bits.
func Mixture(f *File) {
	f.Kernel(Kernel{
		Name: "LSEAdd", Doc: []string{"adds n terms v to the lanes of log-sum-exps, maxima m and sums s: see lseLanes32 in package kernels."},
		Arrays: []Array{{Name: "m"}, {Name: "s"}, {Name: "v"}}, OneRow: true,
		Passes: []Pass{{Uses: "m s v", Body: func(b *Block) {
			v, old := b.Load("v", 0), b.Load("m", 0)
			m := b.AtMost(math.MaxFloat32, b.Larger(v, old)) // v > old ? v : old
			var scale, e *Value
			b.Par(func() { scale = expTerm(b, b.Sub(old, m)) }, func() { e = expTerm(b, b.Sub(v, m)) })
			b.Store("s", 0, b.FMA(b.Load("s", 0), scale, e))
			b.Store("m", 0, m)
		}}},
	})
	f.Kernel(Kernel{
		Name: "LSEValue", Doc: []string{"writes the log-sum-exps of rows of n lanes: see lseLanes32 in package kernels."},
		Arrays: append([]Array{{Name: "dst", Kind: PerRow}}, strided("m", "s")...), Accs: 1, Lanes: 16, Vars: 1,
		Passes: []Pass{
			{Uses: "m", Before: func(b *Block, k *Vars) { k.Lowest(b, 0) },
				Body:  func(b *Block) { b.AccMax(0, b.Load("m", 0)) },
				After: func(b *Block, k *Vars) { b.Set(k.Keep[0], k.Max(b, 0)) }},
			{Uses: "m s", Before: func(b *Block, k *Vars) { k.Zero(b, 0) },
				Body: func(b *Block) {
					b.AccAdd(0, b.Mul(b.Load("s", 0), expTerm(b, b.Sub(b.Load("m", 0), b.Kept(0)))))
				},
				After: func(b *Block, k *Vars) { b.StoreRow("dst", b.Add(b.Kept(0), log(b, k.Sum(b, 0)))) }},
		},
	})
}
