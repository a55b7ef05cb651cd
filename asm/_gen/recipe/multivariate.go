package recipe

import (
	. "github.com/elbow-go/elbow/asm/_gen/engine"
	"github.com/elbow-go/elbow/internal/f32"
)

// Gaussians and t distributions with a unit-triangular regression among the dimensions, operation by
// operation as kernels/multivariate_generic.go, which has the equations. A row of parameters is
// mu, a and T by columns, so that neither r = d - T d nor the gradient of T has a sum inside a row:
//
//	MultiCenter      d = x - mu, r = d
//	MultiUpdate      r -= T_j d_j, for one column j after the other
//	MultiTerms       z = r e^-s, q = sum z^2, the log-densities; of gradients g, and those of mu and a so far
//	MultiColumn      dT_j = g d_j and dmu_j -= T_j' g
//
// Each call does some rows, so that what one row waits for is hidden behind the others. In Go a row of
// 12 dimensions takes some microseconds, nearly all of it emulated fma; here about a tenth of one.

//
// With a covariance of low rank there are U_1 ... U_K in place of T; kernels/lowrank.go has the equations. It is the
// same for rows of any length, and K is small, so everything is a sum over a row or an update of one:
//
//	MultiWhiten      y = (x - mu) e^-s, v = y
//	MultiDot         U_k' y and U_k' U_l, from which Go computes C, its factor and b for every row
//	MultiUpdate      v -= U_k b_k, and of gradients dU_k -= U_l w C^-1_kl
//	MultiNorm        |v|^2
//	MultiWhitenBackward      the gradients of mu and a

// multiScale returns t = tanh(a/8), s = 8 t and e^-s.
func multiScale(b *Block) (t, s, e *Value) {
	t = tanh(b, b.Mul(b.Load("a", 0), b.Const(1/f32.LogScaleBound)))
	s = b.Mul(t, b.Const(f32.LogScaleBound))
	b.Note("e^-s")
	return t, s, exp(b, s, true, expNormal)
}

// multiTerm is one dimension: z = r e^-s.
type multiTerm struct{ t, e, z *Value }

func newMultiTerm(b *Block) (k multiTerm) {
	t, s, e := multiScale(b)
	k.t, k.e = t, e
	k.z = clamp(b, b.Mul(b.Load("r", 0), k.e), f32.MaxMultiScore)
	b.AccFMA(0, k.z, k.z)
	b.AccAdd(1, s)
	return k
}

// multiValue writes the log-density of a row, and keeps c = (nu+D)/(nu+q) of a t.
func multiValue(b *Block, k *Vars, student, grad bool) {
	q, s := k.Sum(b, 0), k.Sum(b, 1)
	l := b.Sub(b.Param("base"), s)
	if !student {
		b.StoreRow("lp", b.FNMA(b.Const(0.5), q, l))
		return
	}
	y := b.Mul(q, b.Param("inv"))
	u := b.Add(y, b.Const(1))
	b.Note("ln(1 + q/nu)")
	log1p := b.Select(b.LessEqual(y, b.Const(1)), log1pUnit(b, y), log(b, u))
	b.StoreRow("lp", b.FNMA(b.Param("half"), log1p, l))
	if grad {
		c := b.Div(b.Param("ratio"), u)
		b.StoreRow("dnu", b.Mul(b.Kept(0), b.Mul(b.Const(0.5), b.Sub(b.Sub(b.Param("slope"), log1p), c))))
		b.Set(k.Keep[1], b.Mul(b.Kept(0), c))
	}
}

func Multivariate(f *File) {
	rows := func(name string) Array { return Array{Name: name, Kind: Strided, Ld: "ldr"} }
	theta := func(name string) Array { return Array{Name: name, Kind: Strided, Ld: "ld"} }
	f.Kernel(Kernel{
		Name: "MultiCenter", Doc: []string{"writes x - mu to d and r, which are dense: see asm/_gen/recipe/multivariate.go."},
		Arrays: []Array{{Name: "d"}, {Name: "r"}, {Name: "x"}, theta("mu")},
		Passes: []Pass{{Uses: "d r x mu", Body: func(b *Block) {
			v := b.Sub(b.Load("x", 0), b.Load("mu", 0))
			b.Store("d", 0, v)
			b.Store("r", 0, v)
		}}},
	})
	f.Kernel(Kernel{
		Name: "MultiUpdate", Doc: []string{"subtracts t d from r, with one d a row: see asm/_gen/recipe/multivariate.go."},
		Arrays: []Array{rows("r"), {Name: "d", Kind: Column, Ld: "ldd"}, theta("t")}, Vars: 1,
		Passes: []Pass{{Uses: "r t",
			Before: func(b *Block, k *Vars) { b.Set(k.Keep[0], b.LoadRow("d")) },
			Body:   func(b *Block) { b.Store("r", 0, b.FNMA(b.Load("t", 0), b.Kept(0), b.Load("r", 0))) }}},
	})
	for _, student := range []bool{false, true} {
		multiTerms(f, student)
	}
	lowRank(f)
	f.Kernel(Kernel{
		Name: "MultiColumn", Doc: []string{"writes dt = gs d, with one d a row, and subtracts the sum of t gs from dmu: see asm/_gen/recipe/multivariate.go."},
		Arrays: []Array{{Name: "dmu", Kind: Column, Ld: "ld"}, theta("dt"), rows("gs"), {Name: "d", Kind: Column, Ld: "ldr"}, theta("t")},
		Accs:   1, Lanes: 16, Vars: 1,
		Passes: []Pass{{Uses: "dt gs t",
			Before: func(b *Block, k *Vars) {
				b.Set(k.Keep[0], b.LoadRow("d"))
				k.Zero(b, 0)
			},
			Body: func(b *Block) {
				g := b.Load("gs", 0)
				b.Store("dt", 0, b.Mul(g, b.Kept(0)))
				b.AccFMA(0, b.Load("t", 0), g)
			},
			After: func(b *Block, k *Vars) { b.StoreRow("dmu", b.Sub(b.LoadRow("dmu"), k.Sum(b, 0))) }}},
	})
}

// lowRank are the kernels of covariances of low rank.
func lowRank(f *File) {
	theta := func(name string) Array { return Array{Name: name, Kind: Strided, Ld: "ld"} }
	sum := func(name string) func(b *Block, k *Vars) {
		return func(b *Block, k *Vars) { b.StoreRow(name, k.Sum(b, 0)) }
	}
	zero := func(b *Block, k *Vars) { k.Zero(b, 0) }
	for _, grad := range []bool{false, true} {
		name, arrays := "MultiWhiten", []Array{{Name: "s", Kind: PerRow}, {Name: "y"}, {Name: "v"}}
		doc, uses := "writes y = (x - mu) e^-s to y and v, and the sum of s: see asm/_gen/recipe/multivariate.go.", "y v x mu a"
		if grad {
			name, doc = name+"Keep", "is MultiWhiten that leaves e^-s in dmu and tanh(a/8) in da: see asm/_gen/recipe/multivariate.go."
			arrays, uses = append(arrays, theta("dmu"), theta("da")), "y v dmu da x mu a"
		}
		f.Kernel(Kernel{
			Name: name, Doc: []string{doc}, Arrays: append(arrays, Array{Name: "x"}, theta("mu"), theta("a")), Accs: 1, Lanes: 16,
			Passes: []Pass{{Uses: uses, Before: zero, Serial: true, After: sum("s"), Body: func(b *Block) {
				t, s, e := multiScale(b)
				y := clamp(b, b.Mul(b.Sub(b.Load("x", 0), b.Load("mu", 0)), e), f32.MaxMultiScore)
				b.Store("y", 0, y)
				b.Store("v", 0, y)
				if grad {
					b.Store("dmu", 0, e)
					b.Store("da", 0, t)
				}
				b.AccAdd(0, s)
			}}},
		})
	}
	f.Kernel(Kernel{
		Name: "MultiDot", Doc: []string{"writes the sums of the products of rows of a and b: see asm/_gen/recipe/multivariate.go."},
		Arrays: []Array{{Name: "dot", Kind: PerRow}, {Name: "a", Kind: Strided, Ld: "lda"}, {Name: "b", Kind: Strided, Ld: "ldb"}}, Accs: 1, Lanes: 16,
		Passes: []Pass{{Uses: "a b", Before: zero, After: sum("dot"),
			Body: func(b *Block) { b.AccFMA(0, b.Load("a", 0), b.Load("b", 0)) }}},
	})
	f.Kernel(Kernel{
		Name: "MultiNorm", Doc: []string{"keeps v within its bound, and writes the sums of the squares: see asm/_gen/recipe/multivariate.go."},
		Arrays: []Array{{Name: "q", Kind: PerRow}, {Name: "v"}}, Accs: 1, Lanes: 16,
		Passes: []Pass{{Uses: "v", Before: zero, After: sum("q"), Body: func(b *Block) {
			v := clamp(b, b.Load("v", 0), f32.MaxMultiScore)
			b.Store("v", 0, v)
			b.AccFMA(0, v, v)
		}}},
	})
	f.Kernel(Kernel{
		Name: "MultiWhitenBackward", Doc: []string{"makes gradients of what MultiWhitenKeep has left, with w and w c of each row: see asm/_gen/recipe/multivariate.go."},
		Arrays: []Array{{Name: "w", Kind: PerRow}, {Name: "wc", Kind: PerRow}, theta("dmu"), theta("da"), {Name: "y"}, {Name: "v"}}, Vars: 2,
		Passes: []Pass{{Uses: "dmu da y v",
			Before: func(b *Block, k *Vars) {
				b.Set(k.Keep[0], b.LoadRow("w"))
				b.Set(k.Keep[1], b.LoadRow("wc"))
			},
			Body: func(b *Block) {
				t, g := b.Load("da", 0), b.Mul(b.Kept(1), b.Load("v", 0))
				b.Store("dmu", 0, b.Mul(g, b.Load("dmu", 0)))
				b.Note("ds, and that of a")
				b.Store("da", 0, b.Mul(b.FMS(g, b.Load("y", 0), b.Kept(0)), b.FNMA(t, t, b.Const(1))))
			}}},
	})
}

func multiTerms(f *File, student bool) {
	name, scalars := "MultiTerms", []string{"base float32"}
	if student {
		name, scalars = name+"Student", append(scalars, "half float32", "inv float32")
	}
	theta := func(name string) Array { return Array{Name: name, Kind: Strided, Ld: "ld"} }
	lp := Array{Name: "lp", Kind: PerRow}
	zero := func(b *Block, k *Vars) {
		k.Zero(b, 0)
		k.Zero(b, 1)
	}
	f.Kernel(Kernel{
		Name: name, Of: "MultiTerms", When: map[bool]string{false: "inv == 0", true: "inv != 0"}[student],
		Doc:    []string{"writes the log-densities of rows of residuals r: see asm/_gen/recipe/multivariate.go."},
		Arrays: []Array{lp, {Name: "r"}, theta("a")}, Accs: 2, Lanes: 16, Scalars: scalars,
		Passes: []Pass{{Uses: "r a", Before: zero, Serial: true,
			Body:  func(b *Block) { newMultiTerm(b) },
			After: func(b *Block, k *Vars) { multiValue(b, k, student, false) }}},
	})
	arrays := []Array{lp, {Name: "r"}, theta("dmu"), theta("da"), theta("a")}
	if student {
		scalars = append(scalars, "ratio float32", "slope float32")
		arrays = append([]Array{lp, {Name: "dnu", Kind: PerRow}}, arrays[1:]...)
	}
	f.Kernel(Kernel{
		Name: name + "Backward", Of: "MultiTermsBackward", When: map[bool]string{false: "inv == 0", true: "inv != 0"}[student],
		Doc: []string{"is " + name + " with gradients: see asm/_gen/recipe/multivariate.go.",
			"lp holds the weights, and gets the log-densities. r and dmu get g."},
		Arrays: arrays, Accs: 2, Lanes: 16, Vars: 2, Scalars: scalars,
		Passes: []Pass{
			{Uses: "r dmu da a", Serial: true,
				Before: func(b *Block, k *Vars) {
					w := b.LoadRow("lp")
					b.Set(k.Keep[0], w)
					b.Set(k.Keep[1], w)
					zero(b, k)
				},
				Body: func(b *Block) {
					k := newMultiTerm(b)
					b.Store("r", 0, k.z)
					b.Store("dmu", 0, k.e)
					b.Store("da", 0, k.t)
				},
				After: func(b *Block, k *Vars) { multiValue(b, k, student, true) }},
			{Uses: "r dmu da a", Body: func(b *Block) {
				z, t := b.Load("r", 0), b.Load("da", 0)
				v := b.Mul(b.Kept(1), z)
				g := b.Mul(v, b.Load("dmu", 0))
				b.Store("r", 0, g)
				b.Store("dmu", 0, g)
				b.Note("ds, and that of a")
				b.Store("da", 0, b.Mul(b.FMS(v, z, b.Kept(0)), b.FNMA(t, t, b.Const(1))))
			}},
		},
	})
}
