package recipe

import . "github.com/elbow-go/elbow/asm/_gen/engine"

// Sums over columns, multiples of vectors, sums of squares. The emulated fma of the Go
// reference costs 2 ns; here these run at the speed of the first cache.

func Linear(f *File) {
	f.Kernel(Kernel{
		Name: "Axpy", Doc: []string{"adds a x to n elements of dst: see kernels.Axpy."},
		Arrays: []Array{{Name: "dst"}, {Name: "x"}}, OneRow: true, Scalars: []string{"a float32"},
		Passes: []Pass{{Uses: "dst x", Copies: 4, Body: func(b *Block) {
			b.Store("dst", 0, b.FMA(b.Param("a"), b.Load("x", 0), b.Load("dst", 0)))
		}}},
	})
	f.Kernel(Kernel{
		Name: "Scal", Doc: []string{"writes a x for n elements: see kernels.Scal."},
		Arrays: []Array{{Name: "dst"}, {Name: "x"}}, OneRow: true, Scalars: []string{"a float32"},
		Passes: []Pass{{Uses: "dst x", Copies: 4, Body: func(b *Block) {
			b.Store("dst", 0, b.Mul(b.Load("x", 0), b.Param("a")))
		}}},
	})
	// Four rows at a time: one load and store of dst for each four of x. The chain of a
	// column stays one chain, from the first row to the last.
	for _, fold := range []int{1, 4} {
		name := map[int]string{1: "", 4: "4"}[fold]
		of := map[int]string{1: "rows", 4: "rows groups of four rows"}[fold]
		block := func(ld string) string {
			if fold == 1 {
				return ""
			}
			return ld
		}
		f.Kernel(Kernel{
			Name: "AddColumnSums" + name, Doc: []string{"adds " + of + " of n columns to dst: see kernels.AddColumnSums."},
			Arrays: []Array{{Name: "dst", Kind: Shared}, {Name: "x", Kind: Strided, Ld: "ldx", Block: block("ldx"), Blocks: fold, Fold: fold}},
			Passes: []Pass{{Uses: "dst x", Body: func(b *Block) {
				s := b.Load("dst", 0)
				for i := range fold {
					s = b.Add(s, b.Load("x", i))
				}
				b.Store("dst", 0, s)
			}}},
		})
		f.Kernel(Kernel{
			Name: "AddColumnProducts" + name, Doc: []string{"adds the products of " + of + " of n columns to dst: see kernels.AddColumnProducts."},
			Arrays: []Array{{Name: "dst", Kind: Shared}, {Name: "a", Kind: Strided, Ld: "lda", Block: block("lda"), Blocks: fold, Fold: fold},
				{Name: "b", Kind: Strided, Ld: "ldb", Block: block("ldb"), Blocks: fold, Fold: fold}},
			Passes: []Pass{{Uses: "dst a b", Body: func(b *Block) {
				s := b.Load("dst", 0)
				for i := range fold {
					s = b.FMA(b.Load("a", i), b.Load("b", i), s)
				}
				b.Store("dst", 0, s)
			}}},
		})
	}
	f.Kernel(Kernel{
		Name: "SumSquares", Doc: []string{"continues the 64 virtual lanes with the squares of n elements: see kernels.SumSquares.",
			"Element i goes to lane i mod 64; so n is a multiple of 64 in all calls but the last."},
		Arrays: []Array{{Name: "lanes"}, {Name: "x"}}, OneRow: true, Accs: 1, Lanes: 64,
		Passes: []Pass{{Uses: "x",
			Before: func(b *Block, k *Vars) {
				for c, v := range k.Acc[0] {
					b.Set(v, b.LoadFrom(b.VectorAt("lanes", c)))
				}
			},
			Body: func(b *Block) {
				x := b.Load("x", 0)
				b.AccFMA(0, x, x)
			},
			After: func(b *Block, k *Vars) {
				for c, v := range k.Acc[0] {
					b.StoreTo(b.VectorAt("lanes", c), b.Get(v))
				}
			},
		}},
	})
}
