// Package recipe has the kernels of all families, a file each, as operations on vectors: the same for
// every target. Only comments know of instruction sets, where one is the reason for something.
package recipe

import (
	"math"

	. "github.com/elbow-go/elbow/asm/_gen/engine"
	"github.com/elbow-go/elbow/internal/f32"
)

// The elementary functions, operation by operation as in kernels/vec_generic.go, which
// derives them and gives their errors. testdata/coefficients.sollya there finds the
// coefficients. Names are those of the reference: n exponent, r reduced argument,
// p polynomial.

func neg(x float32) float32 { return -x }

// expRange says what is known of the argument of exp, and so which steps it can do without.
type expRange int

const (
	expAny      expRange = iota
	expNotAbove          // x <= 0 or NaN: no overflow
	expNormal            // |x| <= 88 or NaN: 2^n is a normal number
)

// exp is e^x, or e^-x where negate is set. Then the sign goes into the fma of n and into those of p, and
// r is that of x: every instruction set has fma(-x, y, z), but not all of them fma(-x, y, -z).
func exp(b *Block, x *Value, negate bool, rng expRange) *Value {
	if rng == expAny {
		x = b.AtMost(89, x)
	}
	if rng != expNormal {
		x = b.AtLeast(-104, x)
	}
	b.Note("e^x: n = round(x / ln 2), r = x - n ln 2")
	normal := rng == expNormal
	t := b.SignedFMA(x, b.Const(f32.Log2E), b.ScaleMagic(normal), negate, false)
	n := t // the bits of t: those of magic, plus n
	t = b.Sub(t, b.ScaleMagic(normal))
	r := b.SignedFMA(t, b.Const(f32.Ln2Hi), x, !negate, false)
	r = b.SignedFMA(t, b.Const(f32.Ln2Lo), r, !negate, false)
	b.Note("p = e^r")
	p := b.SignedHorner(r, negate, 0x1.6a5e34p-10, 0x1.123adp-7, 0x1.5558a2p-5, 0x1.55549p-3, 0x1.fffffcp-2, 1, 1)
	b.Note("p 2^n")
	return b.Scale(p, t, n, normal)
}

// significand is x as m 2^k with sqrt(1/2) <= m < sqrt(2), for x normal and positive. e is k 2^23: exponents
// need no shift to where they are in a word, and products with powers of 2 are exact.
func significand(b *Block, x *Value) (m, e *Value) {
	e = b.And(b.SubI(x, b.Bits(f32.SqrtHalfBits)), b.Bits(0xff800000))
	return b.SubI(x, e), e
}

// logNormal is the part of log that normal, positive, finite arguments need: y = x (or
// x 2^24 for a denormal), e0 the exponent correction times 2^23 or nil.
func logNormal(b *Block, y, e0 *Value) *Value {
	b.Note("ln y: y = 2^k (1+r), sqrt(1/2) <= 1+r < sqrt(2)")
	m, e := significand(b, y)
	if e0 != nil {
		e = b.AddI(e, e0)
	}
	ef := b.ToFloat(e)
	r := b.Sub(m, b.Const(1))
	b.Note("r + r^2 p(r) + k ln 2")
	p := b.Horner(r, neg(0x1.2a6f78p-4), 0x1.015974p-3, neg(0x1.0e96ccp-3), 0x1.239ce2p-3,
		neg(0x1.5466fep-3), 0x1.99944ep-3, neg(0x1.000234p-2), 0x1.55557p-2, -0.5)
	s := b.Add(b.FMA(p, b.Mul(r, r), b.Mul(ef, b.Const(f32.Ln2Lo*0x1p-23))), r)
	return b.FMA(ef, b.Const(f32.Ln2Hi*0x1p-23), s)
}

// logCommon is log, and leaves arguments that are not normal, positive, finite numbers.
func logCommon(b *Block, x *Value) *Value {
	least := math.Float32bits(0x1p-126)
	b.LeaveAbove(math.Float32bits(math.MaxFloat32)-least, b.SubI(x, b.Bits(least)))
	return logNormal(b, x, nil)
}

// log is ln x over the full range.
func log(b *Block, x *Value) *Value {
	small := b.Less(x, b.Const(0x1p-126))
	y := b.Select(small, b.Mul(x, b.Const(0x1p24)), x)
	e0 := int32(-24) << 23
	s := logNormal(b, y, b.Keep(small, b.Bits(uint32(e0))))
	b.Note("NaN below 0, -Inf at 0, Inf and NaN as they are")
	s = b.Select(b.Less(x, b.Const(0)), b.Bits(0x7fc00000), s)
	s = b.Select(b.Equal(x, b.Const(0)), b.Const(float32(math.Inf(-1))), s)
	return b.Select(b.Not(b.Less(x, b.Const(float32(math.Inf(1))))), x, s) // Inf and NaN
}

// log1pUnit is ln(1+x) for 0 <= x <= 1.
func log1pUnit(b *Block, x *Value) *Value {
	b.Note("ln(1+x): r = x, or (x-1)/2 above 1/2")
	big := b.Greater(x, b.Const(0.5))
	r := b.Select(big, b.FMS(x, b.Const(0.5), b.Const(0.5)), x)
	c := b.Keep(big, b.Const(f32.Ln2))
	p := b.Horner(r, neg(0x1.713e36p-5), 0x1.aca08ep-4, neg(0x1.0d93f4p-3), 0x1.2886b8p-3,
		neg(0x1.54ef16p-3), 0x1.996966p-3, neg(0x1.000042p-2), 0x1.5555a4p-2, -0.5)
	return b.Add(c, b.FMA(p, b.Mul(r, r), r))
}

// softplus is max(x, 0) + log1p(e^-|x|).
func softplus(b *Block, x *Value) *Value {
	l := log1pUnit(b, exp(b, b.Or(x, b.Bits(SignBit)), false, expNotAbove))
	return b.Add(b.Keep(b.Greater(x, b.Const(0)), x), l)
}

func clamp(b *Block, x *Value, lim float32) *Value { return b.AtLeast(-lim, b.AtMost(lim, x)) }

// sigmoid is 1/(1+e^-x) with one correction step.
func sigmoid(b *Block, x *Value) *Value {
	one := b.Const(1)
	e := exp(b, clamp(b, x, 87), true, expNormal)
	b.Note("y = 1/(1+e), then y + y (1 - y - e y)")
	y := b.Div(one, b.Add(one, e))
	d := b.FNMA(e, y, b.Sub(one, y))
	return b.FMA(d, y, y)
}

// tanh is an odd polynomial below 0.63 and 1 - 2/(e^2|x| + 1) above.
func tanh(b *Block, x *Value) *Value {
	one := b.Const(1)
	a := b.AtMost(40, b.Abs(x))
	y := b.Sub(one, b.Div(b.Const(2), b.Add(exp(b, b.Add(a, a), false, expNormal), one)))
	b.Note("tanh below 0.63: a + a^3 p(a^2)")
	s := b.Mul(a, a)
	p := b.Horner(s, neg(0x1.734f12p-8), 0x1.51971cp-6, neg(0x1.b826fep-5), 0x1.110688p-3, neg(0x1.55553p-2))
	q := b.FMA(b.Mul(a, s), p, a)
	return b.CopySign(b.Select(b.Less(a, b.Const(0.63)), q, y), x)
}

// gateSigmoid is the sigmoid inside recurrent steps.
func gateSigmoid(b *Block, x *Value) *Value {
	one := b.Const(1)
	e := exp(b, clamp(b, x, 40), true, expNormal)
	b.Note("1/(1+e)")
	return b.Div(one, b.Add(one, e))
}

// gateTanh is the tanh inside recurrent steps, t/(t+2) with t = e^2|x| - 1.
func gateTanh(b *Block, x *Value) *Value {
	t := expm1Twice(b, b.AtMost(40, b.Abs(x)))
	b.Note("tanh: t/(t+2), sign of x")
	return b.CopySign(b.Div(t, b.Add(t, b.Const(2))), x)
}

// expm1Twice is e^2a - 1 for 0 <= a <= 40.
func expm1Twice(b *Block, a *Value) *Value {
	b.Note("t = e^2a - 1: n = round(2a / ln 2), r = a - n ln(2)/2")
	t := b.FMA(a, b.Const(2*f32.Log2E), b.ScaleMagic(true))
	n := t
	t = b.Sub(t, b.ScaleMagic(true))
	r := b.FNMA(t, b.Const(f32.Ln2Hi/2), a)
	r = b.FNMA(t, b.Const(f32.Ln2Lo/2), r)
	q := b.Horner(r, 0x1.6b71a8p-4, 0x1.1227c2p-2, 0x1.555718p-1, 0x1.5554bp0, 0x1.fffffep0)
	m := b.FMA(b.Mul(q, r), r, b.Add(r, r))
	s := b.Pow2(t, n)
	return b.FMA(s, m, b.Sub(s, b.Const(1)))
}

// flush is x, or +0 where |x| < lim. NaN stays.
func flush(b *Block, x *Value, lim float32) *Value {
	return b.Keep(b.Not(b.Less(b.Abs(x), b.Const(lim))), x)
}

// divide is x/y to the bit, in 10 instructions that leave the divider alone, for 2^-60 <= y < 2
// and x that is +0 or 2^-100 <= |x| < 2. r = 1/y starts from the negated exponent with a linear
// guess, within 6 %, and ends within 2^-24; q = x r is then off by 1.5 ULP at most, its rest
// exact, and q with the correction off by 3/2^48 before it is rounded. Only quotients as near as
// that to the middle of two numbers could be rounded wrongly. The two constants were searched
// for so that none is: TestAdamQuotient in kernels tries them all.
func divide(b *Block, x, y *Value) *Value {
	b.Note("r = 1/y")
	r := b.SubI(b.Bits(0x7ef09578), y)
	r = b.Mul(r, b.FNMA(y, r, b.Const(0x1.007e72p1)))
	r = b.FMA(r, b.FNMA(y, r, b.Const(1)), r)
	r = b.FMA(r, b.FNMA(y, r, b.Const(1)), r)
	b.Note("x r and its rest")
	q := b.Mul(x, r)
	return b.FMA(b.FNMA(q, y, x), r, q)
}
