package recipe

import . "github.com/elbow-go/elbow/asm/_gen/engine"

// Layer normalisation of rows, operation by operation as kernels/norm_generic.go: the mean, then the
// mean square of the differences, both sums in 16 virtual lanes, then the differences over their
// root; all passes over a row in one call. In Go an element costs some 10 ns, most of it emulated
// fma; here less than 1.

func Norm(f *File) {
	zero := func(slots ...int) func(b *Block, k *Vars) {
		return func(b *Block, k *Vars) {
			for _, slot := range slots {
				k.Zero(b, slot)
			}
		}
	}
	mean := func(b *Block, k *Vars, slot int) *Value { return b.Div(k.Sum(b, slot), b.Param("count")) }
	weight := Array{Name: "weight", Kind: Shared}
	f.Kernel(Kernel{
		Name: "LayerNorm", Doc: []string{"normalises rows of n elements, and adds them to y: see kernels.LayerNorm. count is n."},
		Arrays: append(strided("y", "xhat"), Array{Name: "rstd", Kind: PerRow}, strided("x")[0], weight),
		Accs:   1, Lanes: 16, Vars: 2, Scalars: []string{"count float32", "eps float32"},
		Passes: []Pass{
			{Uses: "x", Before: zero(0),
				Body:  func(b *Block) { b.AccAdd(0, b.Load("x", 0)) },
				After: func(b *Block, k *Vars) { b.Set(k.Keep[0], mean(b, k, 0)) }},
			{Uses: "x", Before: zero(0),
				Body: func(b *Block) {
					d := b.Sub(b.Load("x", 0), b.Kept(0))
					b.AccFMA(0, d, d)
				},
				After: func(b *Block, k *Vars) {
					b.Set(k.Keep[1], b.Div(b.Const(1), b.Sqrt(b.Add(mean(b, k, 0), b.Param("eps")))))
					b.StoreRow("rstd", b.Get(k.Keep[1]))
				}},
			{Uses: "y xhat x weight", Body: func(b *Block) {
				xhat := b.Mul(b.Sub(b.Load("x", 0), b.Kept(0)), b.Kept(1))
				b.Store("xhat", 0, xhat)
				b.Store("y", 0, b.FMA(xhat, b.Load("weight", 0), b.Load("y", 0)))
			}},
		},
	})
	f.Kernel(Kernel{
		Name: "LayerNormBackward", Doc: []string{"is the gradient of LayerNorm: see kernels.LayerNormBackward. count is n."},
		Arrays: append(strided("dx", "dy", "xhat"), Array{Name: "rstd", Kind: PerRow}, weight),
		Accs:   2, Lanes: 16, Vars: 3, Scalars: []string{"count float32"},
		Passes: []Pass{
			{Uses: "dy xhat weight", Before: zero(0, 1),
				Body: func(b *Block) {
					g := b.Mul(b.Load("dy", 0), b.Load("weight", 0))
					b.AccAdd(0, g)
					b.AccFMA(1, g, b.Load("xhat", 0))
				},
				After: func(b *Block, k *Vars) {
					b.Set(k.Keep[0], mean(b, k, 0))
					b.Set(k.Keep[1], mean(b, k, 1))
					b.Set(k.Keep[2], b.LoadRow("rstd"))
				}},
			{Uses: "dx dy xhat weight", Body: func(b *Block) {
				g := b.Sub(b.Mul(b.Load("dy", 0), b.Load("weight", 0)), b.Kept(0))
				b.Store("dx", 0, b.Mul(b.FNMA(b.Load("xhat", 0), b.Kept(1), g), b.Kept(2)))
			}},
		},
	})
}
