package recipe

import (
	. "github.com/elbow-go/elbow/asm/_gen/engine"
	"github.com/elbow-go/elbow/internal/f32"
)

// Mixtures of bivariate Gaussians with a Bernoulli bit, operation by operation as
// kernels/bivariate_generic.go, which has the equations. theta points at the first mean of a
// row, behind the logit of the pen; its blocks are mu1, mu2, s1, s2, r.

// An invSigma is 1/sigma, with ln sigma in logScale. slope, which only gradients have, is that of
// softplusScale.
type invSigma struct {
	c             scale
	inv, l, slope *Value
}

func newInvSigma(b *Block, c scale, s *Value, grad bool) invSigma {
	if c == logScale {
		l := clamp(b, lnSigma(b, s), f32.MaxLogSigma)
		return invSigma{c, exp(b, l, true, expNormal), l, nil}
	}
	sigma, e := sdev(b, c, s)
	v := b.AtLeast(1/f32.MaxSigma, b.AtMost(f32.MaxSigma, sigma))
	if c == sigmaScale {
		v = b.Select(b.Less(s, b.Const(0)), b.Bits(0x7fc00000), v)
	}
	k := invSigma{c, b.Div(b.Const(1), v), nil, nil}
	if c == softplusScale && grad {
		k.slope = dSoftplus(b, s, e)
	}
	return k
}

// ds makes the gradient of s from that of ln sigma.
func (k invSigma) ds(b *Block, d *Value) *Value {
	switch k.c {
	case logScale:
		return b.Mul(d, b.Param("factor"))
	case softplusScale:
		return keepSlope(b, k.slope, b.Mul(d, b.Mul(k.inv, k.slope)))
	}
	return b.Mul(d, k.inv)
}

// pen is the Bernoulli part and its derivative with respect to the logit.
func pen(b *Block, pen, l *Value) (lp, d *Value) {
	e := exp(b, b.Or(l, b.Bits(SignBit)), false, expNotAbove)
	c := b.Sub(pen, b.Keep(b.Greater(l, b.Const(0)), b.Const(1)))
	q := b.Xor(b.Div(e, b.Add(b.Const(1), e)), b.Keep(b.LessEqual(l, b.Const(0)), b.Bits(SignBit)))
	lp = b.FMS(c, b.Keep(b.Not(b.Equal(c, b.Const(0))), l), log1pUnit(b, e))
	return lp, b.Add(c, q)
}

// biTerm is one component: see kernels/bivariate_generic.go for the names.
type biTerm struct {
	c           scale
	s1, s2      invSigma
	r           *Value
	w1, w2      *Value
	up, down, e *Value
	d1, d2      *Value
	lp          *Value
}

func newBiTerm(b *Block, c scale, grad bool) *biTerm {
	k := &biTerm{c: c, r: b.Load("theta", 4)}
	b.Par(func() { k.s1 = newInvSigma(b, c, b.Load("theta", 2), grad) },
		func() { k.s2 = newInvSigma(b, c, b.Load("theta", 3), grad) })
	a := b.AtMost(f32.MaxCorr, b.Abs(k.r))
	k.down = exp(b, a, true, expNormal)
	k.up = b.Div(b.Const(1), k.down)
	k.e = b.Mul(k.down, k.down)
	b.Note("w = u/2, with the sign of r in w2")
	half := func(i int, inv *Value) *Value {
		x := b.Mul(b.LoadAt("y", 1+i), b.Const(0.5))
		return clamp(b, b.Mul(b.FNMA(b.Load("theta", i), b.Const(0.5), x), inv), f32.MaxScore)
	}
	k.w1 = half(0, k.s1.inv)
	k.w2 = b.XorSign(half(1, k.s2.inv), k.r)
	var l *Value
	if c == logScale {
		l = b.Sub(log1pUnit(b, k.e), b.Add(k.s1.l, k.s2.l))
	} else {
		m1, e1 := significand(b, k.s1.inv)
		m2, e2 := significand(b, k.s2.inv)
		l = logNormal(b, b.Mul(b.Mul(m1, m2), b.Add(b.Const(1), k.e)), b.AddI(e1, e2))
	}
	l = b.Add(b.Sub(l, b.Const(f32.LogFourPi)), a)
	b.Note("the quadratic form")
	k.d1 = b.Mul(b.Mul(b.Sub(k.w1, k.w2), b.Const(0.5)), k.up)
	k.d2 = b.Mul(b.Mul(b.Add(k.w1, k.w2), b.Const(0.5)), k.down)
	q := b.FMA(b.Const(2), b.FMA(k.d1, k.d1, b.Mul(k.d2, k.d2)), b.FMA(k.w1, k.w1, b.Mul(k.w2, k.w2)))
	k.lp = b.Sub(l, q)
	return k
}

// grad writes the gradients of the log-density.
func (k *biTerm) grad(b *Block) {
	h := b.Mul(k.d2, k.down)
	g1 := b.FMA(k.d1, k.up, b.Add(h, k.w1))
	g2 := b.FNMA(k.d1, k.up, b.Add(h, k.w2))
	b.Store("dtheta", 0, b.Mul(g1, k.s1.inv))
	b.Store("dtheta", 1, b.Mul(b.XorSign(g2, k.r), k.s2.inv))
	ds := func(s invSigma, g, w *Value) *Value { return s.ds(b, b.FMS(g, b.Add(w, w), b.Const(1))) }
	b.Store("dtheta", 2, ds(k.s1, g1, k.w1))
	b.Store("dtheta", 3, ds(k.s2, g2, k.w2))
	one := b.Const(1)
	tanh := b.Div(b.Sub(one, k.e), b.Add(one, k.e))
	b.Store("dtheta", 4, b.XorSign(b.FMA(b.Mul(b.Sub(k.d1, k.d2), b.Const(-4)), b.Add(k.d1, k.d2), tanh), k.r))
}

func Bivariate(f *File) {
	for _, c := range scales {
		bivariate(f, c)
	}
}

func bivariate(f *File, c scale) {
	theta := func(name string) Array {
		return Array{Name: name, Kind: Strided, Ld: "ld", Blocks: 5}
	}
	logits := func(name string) Array { return Array{Name: name, Kind: Strided, Ld: "ldl"} }
	y := func(name string) Array { return Array{Name: name, Kind: PerRow, Cols: 3} }
	lp := Array{Name: "lp", Kind: PerRow}
	value := func(b *Block, v *Value) *Value { return b.Add(v, b.Kept(mixRow)) }
	f.Kernel(Kernel{
		Name: "Bivariate" + c.String(), Of: "Bivariate", When: c.when(""), Doc: []string{"writes the log-densities of rows of n components: see kernels.BivariateMixtureLogProb.",
			c.doc() + " theta points behind the logit of the pen."},
		Arrays: []Array{lp, y("y"), theta("theta"), logits("logits")},
		Accs:   mixAccs, Lanes: 16, Vars: 2, Scalars: c.scalars(),
		Passes: []Pass{
			mixLargest(func(b *Block, k *Vars) {
				v, _ := pen(b, b.LoadAt("y", 0), b.LoadAt("theta", -1))
				b.Set(k.Keep[mixRow], v)
			}),
			mixTerms("theta logits", false, func(b *Block) *Value { return newBiTerm(b, c, false).lp }, value),
		},
	})
	f.Kernel(Kernel{
		Name: "Bivariate" + c.String() + "Backward", Of: "BivariateBackward", When: c.when(""), Doc: []string{"is the gradient of Bivariate" + c.String() + ": see kernels.BivariateMixtureLogProbBackward.",
			"lp holds the weights, and gets the log-densities. If a gradient but of a logit is not finite, then neither is that of y."},
		Arrays: []Array{lp, y("dy"), theta("dtheta"), logits("dlogits"), y("y"), theta("theta"), logits("logits")},
		Accs:   mixAccs, Lanes: 16, Vars: 3, Scalars: c.scalars(),
		Passes: []Pass{
			mixLargest(func(b *Block, k *Vars) {
				w, l := b.LoadRow("lp"), b.LoadAt("theta", -1)
				v, d := pen(b, b.LoadAt("y", 0), l)
				b.Set(k.Keep[mixRow], v)
				b.StoreAt("dtheta", -1, b.Mul(w, d))
				b.StoreAt("dy", 0, b.Mul(w, l))
			}),
			mixTerms("theta logits dtheta dlogits", true, func(b *Block) *Value {
				k := newBiTerm(b, c, true)
				k.grad(b)
				return k.lp
			}, value),
			mixGrads("logits dtheta dlogits", false,
				func(b *Block, k *Vars) { k.Zero(b, mixGrad1); k.Zero(b, mixGrad1+1) },
				func(b *Block, times func(array string, block int) *Value) {
					zero := b.Const(0)
					bad := b.Mul(times("dtheta", 2), zero)
					bad = b.FMA(times("dtheta", 3), zero, bad)
					bad = b.FMA(times("dtheta", 4), zero, bad)
					b.Note("0, or NaN if one of them is not finite")
					b.AccAdd(mixGrad1, b.Sub(bad, times("dtheta", 0)))
					b.AccAdd(mixGrad1+1, b.Neg(times("dtheta", 1)))
				},
				func(b *Block, k *Vars) {
					b.StoreAt("dy", 1, k.Sum(b, mixGrad1))
					b.StoreAt("dy", 2, k.Sum(b, mixGrad1+1))
				}),
		},
	})
}
