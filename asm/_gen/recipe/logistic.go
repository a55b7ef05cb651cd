package recipe

import (
	"math"

	. "github.com/elbow-go/elbow/asm/_gen/engine"
	"github.com/elbow-go/elbow/internal/f32"
)

// Mixtures of discretised logistic distributions, operation by operation as
// kernels/logistic_generic.go, which has the equations and explains the scalars (logisticGrid). A
// row is one mixture.

// gridPoint is the level nearest to x.
func gridPoint(b *Block, x *Value) *Value {
	levels1 := b.Param("levels1")
	half := b.Mul(levels1, b.Const(0.5))
	t := b.AtMostOf(levels1, b.FMA(x, half, half))
	j := b.Sub(b.Add(b.AtLeast(0, t), b.Const(f32.Magic)), b.Const(f32.Magic))
	return b.Mul(b.FMS(b.Const(2), j, levels1), b.Param("step"))
}

// logisticTerm is one component: see kernels/logistic_generic.go for the names.
type logisticTerm struct {
	s           invSigma
	a, b        *Value
	ea, eb      *Value
	ea1, eb1, r *Value // 1 + ea, 1 + eb
	width, t    *Value
	inner, q    *Value
}

// logisticTerm takes the level from Keep[mixRow].
func newLogisticTerm(b *Block, c scale, grad bool) *logisticTerm {
	k := &logisticTerm{s: newInvSigma(b, c, b.Load("s", 0), grad)}
	inf, zero, one := float32(math.Inf(1)), b.Const(0), b.Const(1)
	w := b.Mul(k.s.inv, b.Param("unit"))
	b.Note("the edges of the bin")
	point, last, step, mu := b.Kept(mixRow), b.Param("last"), b.Param("step"), b.Load("mu", 0)
	lo := b.Select(b.Equal(b.Add(point, last), zero), b.Const(-inf), b.Sub(point, step))
	hi := b.Select(b.Equal(point, last), b.Const(inf), b.Add(point, step))
	k.a = clamp(b, b.Mul(b.FNMA(mu, last, lo), w), f32.MaxBinScore)
	k.b = clamp(b, b.Mul(b.FNMA(mu, last, hi), w), f32.MaxBinScore)
	w = b.AtMost(f32.MaxHalfWidth, b.AtLeast(1/f32.MaxSigma, b.Mul(w, step)))
	k.width = b.Add(w, w)
	b.Par(func() { k.t = expm1Twice(b, w) },
		func() { k.ea = exp(b, b.Or(k.a, b.Bits(SignBit)), false, expNotAbove) },
		func() { k.eb = exp(b, b.Or(k.b, b.Bits(SignBit)), false, expNotAbove) })
	k.ea1, k.eb1 = b.Add(one, k.ea), b.Add(one, k.eb)
	k.r = b.Div(one, b.Mul(k.ea1, k.eb1))
	k.inner = b.Less(b.Abs(point), last)
	k.q = b.Mul(b.Select(k.inner, b.Div(k.t, b.Add(k.t, one)), one), k.r)
	return k
}

// logProb is the log-probability.
func (k *logisticTerm) logProb(b *Block) *Value {
	l := logNormal(b, k.q, nil)
	positive := func(x *Value) *Value { return b.Keep(b.Not(b.Less(x, b.Const(0))), x) } // keeps NaN
	return b.Sub(b.Sub(l, positive(k.a)), positive(b.Neg(k.b)))
}

// grad writes the gradients of the log-probability. It comes before logProb, which needs only a few of
// the values.
func (k *logisticTerm) grad(b *Block) {
	one, w := b.Const(1), b.Keep(k.inner, b.Div(k.width, k.t))
	fa := b.Mul(b.Mul(b.Select(b.Greater(k.a, b.Const(0)), one, k.ea), k.eb1), k.r)
	fb := b.Mul(b.Mul(b.Select(b.Greater(k.b, b.Const(0)), k.eb, one), k.ea1), k.r)
	b.Store("dmu", 0, b.Mul(b.Sub(fa, fb), k.s.inv))
	b.Store("ds", 0, k.s.ds(b, b.FMS(k.a, fa, b.FMA(k.b, fb, w))))
}

func Logistic(f *File) {
	for _, c := range scales {
		logistic(f, c)
	}
}

func logistic(f *File, c scale) {
	lp, x := Array{Name: "lp", Kind: PerRow}, Array{Name: "x", Kind: PerRow}
	scalars := append([]string{"levels1 float32", "step float32", "last float32", "unit float32"}, c.scalars()...)
	first := mixLargest(func(b *Block, k *Vars) { b.Set(k.Keep[mixRow], gridPoint(b, b.LoadRow("x"))) })
	value := func(b *Block, v *Value) *Value { return v }
	f.Kernel(Kernel{
		Name: "Logistic" + c.String(), Of: "Logistic", When: c.when("dlogits == nil"), Doc: []string{"writes the log-probabilities of mixtures of n components: see kernels.LogisticMixtureLogProb.",
			c.doc()},
		Arrays: append([]Array{lp, x}, strided("logits", "mu", "s")...),
		Accs:   mixAccs, Lanes: 16, Vars: 2, Scalars: scalars,
		Passes: []Pass{first, mixTerms("logits mu s", false, func(b *Block) *Value { return newLogisticTerm(b, c, false).logProb(b) }, value)},
	})
	f.Kernel(Kernel{
		Name: "Logistic" + c.String() + "Backward", Of: "Logistic", When: c.when("dlogits != nil"), Doc: []string{"is the gradient of Logistic" + c.String() + ": see kernels.LogisticMixtureLogProbBackward.",
			"lp holds the weights, and gets the log-probabilities."},
		Arrays: append(append([]Array{lp}, strided("dlogits", "dmu", "ds")...), append([]Array{x}, strided("logits", "mu", "s")...)...),
		Accs:   mixAccs, Lanes: 16, Vars: 3, Scalars: scalars,
		Passes: []Pass{first,
			mixTerms("logits mu s dlogits dmu ds", true, func(b *Block) *Value {
				k := newLogisticTerm(b, c, true)
				k.grad(b)
				return k.logProb(b)
			}, value),
			mixGrads("logits dlogits dmu ds", true, nil, func(b *Block, times func(array string, block int) *Value) {
				times("dmu", 0)
				times("ds", 0)
			}, nil)},
	})
}
