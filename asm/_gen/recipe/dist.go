package recipe

import (
	. "github.com/elbow-go/elbow/asm/_gen/engine"
	"github.com/elbow-go/elbow/internal/f32"
)

// Likelihoods of discrete variables, and what they and the Gaussians share: the sum of
// logarithms of a row as one logarithm of a product, as kernels/logsum.go.
//
// The product is split into mantissa and exponent after each round of the loop. The reference
// does so every 64th time; scaling by a power of 2 is exact, so the bits are the same.

// Reductions of the kernels with a sum: squares, and the logarithms, either as such or as
// a product with its exponent.
const (
	accSquares = iota
	accLogs
	accExps
)

// one starts a product in accLogs, with its exponents in accExps.
func one(b *Block, k *Vars) {
	for i := range k.Acc[accLogs] {
		b.Set(k.Acc[accLogs][i], b.Const(1))
		b.Set(k.Acc[accExps][i], b.Const(0))
	}
}

// split is x as m 2^k with sqrt(1/2) <= m < sqrt(2), for x normal and positive, or NaN if nan
// is set (k is then anything).
func split(b *Block, x *Value, nan bool) (m, k *Value) {
	m, e := significand(b, x)
	if nan {
		m = b.Select(b.Equal(x, x), m, x)
	}
	return m, b.Sar(e, 23)
}

// normalize moves the exponents of the lanes of the product to accExps.
func normalize(b *Block, k *Vars, nan bool) {
	for i, v := range k.Acc[accLogs] {
		m, e := split(b, b.Get(v), nan)
		b.Set(k.Acc[accExps][i], b.AddI(e, b.Get(k.Acc[accExps][i])))
		b.Set(v, m)
	}
}

// logProduct is the logarithm of the product.
func logProduct(b *Block, k *Vars, nan bool) *Value {
	normalize(b, k, nan)
	p := k.Fold(b, accLogs, OpMul)
	m, e := split(b, p, nan)
	e = b.AddI(e, k.Fold(b, accExps, OpAddI))
	if !nan {
		return logOf(b, m, e)
	}
	return logSum(b, e, b.Select(b.Equal(p, p), logNormal(b, m, nil), p))
}

// logOf is ln(m 2^e), m as split gives it.
func logOf(b *Block, m, e *Value) *Value { return logSum(b, e, logNormal(b, m, nil)) }

// logSum is e ln 2 + l.
func logSum(b *Block, e, l *Value) *Value {
	n := b.ToFloat(e)
	return b.Add(b.FMA(n, b.Const(f32.Ln2Hi), b.FMA(n, b.Const(f32.Ln2Lo), l)), b.Const(0))
}

func Dist(f *File) {
	categorical(f, false)
	categorical(f, true)
	//	lp = sum of c l - ln(1 + e^-|l|), c = x - [l>0]
	bernoulli := func(b *Block, grad bool) {
		x, l := b.Load("x", 0), b.Load("logits", 0)
		e := exp(b, b.Or(l, b.Bits(SignBit)), false, expNotAbove)
		c := b.Sub(x, b.Keep(b.Greater(l, b.Const(0)), b.Const(1)))
		e1 := b.Add(b.Const(1), e)
		b.AccMul(accLogs, e1)
		b.AccFMA(accSquares, c, b.Keep(b.Not(b.Equal(c, b.Const(0))), l)) // no 0*Inf
		if grad {
			q := b.Xor(b.Div(e, e1), b.Keep(b.LessEqual(l, b.Const(0)), b.Bits(SignBit)))
			b.Store("dlogits", 0, b.Mul(b.Kept(0), b.Add(c, q)))
		}
	}
	zero := func(b *Block, k *Vars) {
		k.Zero(b, accSquares)
		one(b, k)
	}
	each := func(b *Block, k *Vars) { normalize(b, k, true) }
	after := func(b *Block, k *Vars) {
		l := logProduct(b, k, true)
		b.StoreRow("lp", b.Sub(k.Sum(b, accSquares), l))
	}
	f.Kernel(Kernel{
		Name: "BernoulliLogProb", When: "dlogits == nil", Doc: []string{"writes the log-likelihoods of rows: see kernels.BernoulliLogProb."},
		Arrays: []Array{{Name: "lp", Kind: PerRow}, {Name: "x"}, {Name: "logits"}}, Accs: 3, Lanes: 16,
		Passes: []Pass{{Uses: "x logits", Before: zero, Each: each, After: after,
			Body: func(b *Block) { bernoulli(b, false) }}},
	})
	f.Kernel(Kernel{
		Name: "BernoulliLogProbBackward", Of: "BernoulliLogProb", When: "dlogits != nil", Doc: []string{"is the gradient of BernoulliLogProb: see kernels.BernoulliLogProbBackward.",
			"lp holds the weights, and gets the log-likelihoods."},
		Arrays: []Array{{Name: "lp", Kind: PerRow}, {Name: "dlogits"}, {Name: "x"}, {Name: "logits"}}, Accs: 3, Lanes: 16, Vars: 1,
		Passes: []Pass{{Uses: "dlogits x logits", Each: each, After: after,
			Before: func(b *Block, k *Vars) {
				b.Set(k.Keep[0], b.LoadRow("lp"))
				zero(b, k)
			},
			Body: func(b *Block) { bernoulli(b, true) }}},
	})
}

// categorical writes, for each row, the largest logit m and the sum of e^(l-m), and with grad
// the gradient as if the outcome were none of the columns; the caller puts that one right.
func categorical(f *File, grad bool) {
	name, does := "CategoricalSums", "writes the maximum and the sum of e^(l-max) of rows"
	arrays := []Array{{Name: "largest", Kind: PerRow}, {Name: "sum", Kind: PerRow}}
	body := Pass{Uses: "logits",
		Before: func(b *Block, k *Vars) { k.Zero(b, 0) },
		Body: func(b *Block) {
			b.AccAdd(0, exp(b, b.Sub(b.Load("logits", 0), b.Kept(0)), false, expAny))
		},
		After: func(b *Block, k *Vars) { b.StoreRow("sum", k.Sum(b, 0)) },
	}
	if grad {
		name, does = "CategoricalBackward", does+", and -w e^(l-max)/sum to dlogits; w is in sum"
		arrays = append(arrays, Array{Name: "dlogits"})
		body.Uses += " dlogits"
		body.Body = func(b *Block) {
			e := exp(b, b.Sub(b.Load("logits", 0), b.Kept(0)), false, expAny)
			b.Store("dlogits", 0, e)
			b.AccAdd(0, e)
		}
		body.After = func(b *Block, k *Vars) {
			sum := k.Sum(b, 0)
			b.Set(k.Keep[1], b.LoadRow("sum"))
			b.StoreRow("sum", sum)
			b.Set(k.Keep[0], b.Div(b.Const(1), sum))
		}
	}
	passes := []Pass{
		{Uses: "logits", Copies: 4,
			Before: func(b *Block, k *Vars) { k.Lowest(b, 0) },
			Body:   func(b *Block) { b.AccMax(0, b.Load("logits", 0)) },
			After: func(b *Block, k *Vars) {
				m := k.Max(b, 0)
				b.StoreRow("largest", m)
				b.Set(k.Keep[0], m)
			}},
		body,
	}
	if grad {
		passes = append(passes, Pass{Uses: "dlogits", Copies: 4, Body: func(b *Block) {
			p := b.Mul(b.Load("dlogits", 0), b.Kept(0))
			b.Store("dlogits", 0, b.Mul(b.Kept(1), b.Sub(b.Const(0), p)))
		}})
	}
	f.Kernel(Kernel{
		Name: name, Of: "Categorical", When: whether("dlogits", !grad), Doc: []string{does + ": see kernels.CategoricalLogProb."},
		Arrays: append(arrays, Array{Name: "logits"}), Accs: 1, Lanes: 16, Vars: 2, Passes: passes,
	})
}
