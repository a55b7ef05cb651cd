package recipe

import . "github.com/elbow-go/elbow/asm/_gen/engine"

// Elementwise functions: dst[i] = f(x[i]), dx[i] = dy[i] f'(y[i]). The equations are in
// math.go. Machine code makes them 15 to 40 times as fast as the Go reference, which has to
// emulate the fused multiply-add.

func Vec(f *File) {
	store := func(g func(b *Block, x *Value) *Value) func(b *Block) {
		return func(b *Block) { b.Store("dst", 0, g(b, b.Load("x", 0))) }
	}
	unaryPass := func(name, does string, p Pass) {
		p.Uses = "dst x"
		f.Kernel(Kernel{
			Name: name, Doc: []string{does + " n elements: see kernels." + name + "."},
			Arrays: []Array{{Name: "dst"}, {Name: "x"}}, OneRow: true, Passes: []Pass{p},
		})
	}
	unary := func(name, does string, g func(b *Block, x *Value) *Value, copies int) {
		unaryPass(name, does, Pass{Copies: copies, Body: store(g)})
	}
	unary("Exp", "writes e^x of", func(b *Block, x *Value) *Value { return exp(b, x, false, expAny) }, 0)
	unaryPass("Log", "writes ln x of", Pass{Body: store(logCommon), Any: store(log)})
	unary("Tanh", "writes tanh x of", tanh, 0)
	unary("Sigmoid", "writes the logistic function of", sigmoid, 0)
	unary("Softplus", "writes ln(1+e^x) of", softplus, 0)
	unary("ReLU", "writes the positive part of", func(b *Block, x *Value) *Value {
		return b.Keep(b.Not(b.LessEqual(x, b.Const(0))), x)
	}, 4)
	unary("Square", "writes x^2 of", func(b *Block, x *Value) *Value { return b.Mul(x, x) }, 4)
	unary("Sqrt", "writes the square root of", func(b *Block, x *Value) *Value { return b.Sqrt(x) }, 4)
	// Products and sum are rounded each: with a fused multiply-add the two parts would not be alike.
	f.Kernel(Kernel{
		Name: "Magnitude", Doc: []string{"writes sqrt(re^2+im^2) of n elements: see kernels.Magnitude."},
		Arrays: []Array{{Name: "dst"}, {Name: "re"}, {Name: "im"}}, OneRow: true,
		Passes: []Pass{{Uses: "dst re im", Copies: 4, Body: func(b *Block) {
			re, im := b.Load("re", 0), b.Load("im", 0)
			b.Store("dst", 0, b.Sqrt(b.Add(b.Mul(re, re), b.Mul(im, im))))
		}}},
	})

	backward := func(name, does string, g func(b *Block, dy, y *Value) *Value, copies int) {
		f.Kernel(Kernel{
			Name: name, Doc: []string{does + " n elements: see kernels." + name + "."},
			Arrays: []Array{{Name: "dx"}, {Name: "dy"}, {Name: "y"}}, OneRow: true,
			Passes: []Pass{{Uses: "dx dy y", Copies: copies, Body: func(b *Block) {
				b.Store("dx", 0, g(b, b.Load("dy", 0), b.Load("y", 0)))
			}}},
		})
	}
	backward("TanhBackward", "writes dy (1-y^2) of", func(b *Block, dy, y *Value) *Value {
		return b.Mul(dy, dTanh(b, y))
	}, 4)
	backward("SigmoidBackward", "writes dy y (1-y) of", func(b *Block, dy, y *Value) *Value {
		return b.Mul(dy, dSigmoid(b, y))
	}, 4)
	backward("SoftplusBackward", "writes dy (1-e^-y) of", func(b *Block, dy, y *Value) *Value {
		t := expm1Twice(b, b.Mul(b.AtMost(80, b.Abs(y)), b.Const(0.5)))
		return b.Mul(dy, b.Div(t, b.Add(t, b.Const(1))))
	}, 0)
	backward("ReLUBackward", "writes dy where y > 0 of", func(b *Block, dy, y *Value) *Value {
		return b.Keep(b.Not(b.LessEqual(y, b.Const(0))), dy)
	}, 4)
}

// dTanh is 1-y^2 and dSigmoid y-y^2, each rounded once.
func dTanh(b *Block, y *Value) *Value    { return b.FNMA(y, y, b.Const(1)) }
func dSigmoid(b *Block, y *Value) *Value { return b.FNMA(y, y, y) }
