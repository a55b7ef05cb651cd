package kernels

import (
	"math"

	"github.com/elbow-go/elbow/internal/f32"
)

// The scalar functions below are the float32 bit contract: machine code does the same
// operations in the same order. They use only add, subtract, multiply, fused
// multiply-add, divide, square root, compare and select, bit operations and integer
// add and shift. A float becomes an integer by adding magic, whose last place is 1.
//
// A clamp is written "if bound < x { x = bound }", which keeps a NaN; that is MIN or MAX
// with the constant first. Coefficients are from Sollya; testdata/coefficients.sollya
// finds them again and lists their errors. The largest ULP in each comment is over all
// float32 arguments, against float64; go test -exhaustive measures it again.

const signBit = 0x80000000

func abs32(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ signBit) }

// withSign returns x, which is not negative, with the sign of s.
func withSign(x, s float32) float32 {
	return math.Float32frombits(math.Float32bits(x) | math.Float32bits(s)&signBit)
}

// pow2 returns 2^n for -127 < n < 128.
func pow2(n int32) float32 { return math.Float32frombits(uint32(n+127) << 23) }

// clamp32 limits x to [-lim, lim] and keeps NaN.
func clamp32(x, lim float32) float32 {
	if lim < x {
		x = lim
	}
	if -lim > x {
		x = -lim
	}
	return x
}

// exp32 returns e^x: n = round(x/ln 2), r = x - n ln 2, |r| <= 0.347, and
//
//	e^r = 1 + r(1 + r p(r)),  p of degree 4: relative error 0.05 * 2^-24
//
// Full range: denormal results are rounded once, e^-Inf = 0, e^Inf = Inf, NaN is NaN.
// The last step is p * 2^(n/2) * 2^(n-n/2): the first product is exact, so it is the same
// as one scaling by 2^n (vscalefps) even where 2^n is not a float32.
// At most 0.8913 ULP, at -5.8486.
func exp32(x float32) float32 {
	if 89 < x { // e^89 overflows; n stays at most 128
		x = 89
	}
	if -104 > x { // e^-104 < 2^-150 rounds to 0; n stays at least -150
		x = -104
	}
	t := f32.FMA(x, f32.Log2E, f32.Magic)
	n := int32(math.Float32bits(t) - f32.MagicBits)
	t -= f32.Magic
	r := f32.FMA(t, -f32.Ln2Hi, x)
	r = f32.FMA(t, -f32.Ln2Lo, r)
	p := f32.FMA(0x1.6a5e34p-10, r, 0x1.123adp-7)
	p = f32.FMA(p, r, 0x1.5558a2p-5)
	p = f32.FMA(p, r, 0x1.55549p-3)
	p = f32.FMA(p, r, 0x1.fffffcp-2)
	p = f32.FMA(p, r, 1)
	p = f32.FMA(p, r, 1)
	h := n >> 1
	return p * pow2(h) * pow2(n-h)
}

// log32 returns ln x: x = 2^k m with sqrt(1/2) <= m < sqrt(2), r = m - 1, and
//
//	ln x = k ln 2 + r + r^2 (-1/2 + r p(r)),  p of degree 7: relative error 0.13 * 2^-24
//
// Full range: denormals are scaled by 2^24 first; ln 0 = -Inf for either zero, ln Inf =
// Inf, NaN for x < 0 and for NaN. At most 0.8599 ULP, at 1.2758.
func log32(x float32) float32 {
	y, k := x, int32(0)
	if x < 0x1p-126 {
		y, k = x*0x1p24, -24
	}
	s := logNormal32(y, k)
	if x < 0 {
		s = float32(math.NaN())
	}
	if x == 0 {
		s = float32(math.Inf(-1))
	}
	if !(x < float32(math.Inf(1))) { // Inf and NaN
		s = x
	}
	return s
}

// logNormal32 returns ln(2^k y) for a normal number y above 0, and a number of no meaning for
// any other y: NaN is lost.
func logNormal32(y float32, k int32) float32 {
	i := math.Float32bits(y) - f32.SqrtHalfBits
	k += int32(i) >> 23
	kf := float32(k) // exact
	r := math.Float32frombits(i&(1<<23-1)+f32.SqrtHalfBits) - 1
	p := f32.FMA(-0x1.2a6f78p-4, r, 0x1.015974p-3)
	p = f32.FMA(p, r, -0x1.0e96ccp-3)
	p = f32.FMA(p, r, 0x1.239ce2p-3)
	p = f32.FMA(p, r, -0x1.5466fep-3)
	p = f32.FMA(p, r, 0x1.99944ep-3)
	p = f32.FMA(p, r, -0x1.000234p-2)
	p = f32.FMA(p, r, 0x1.55557p-2)
	p = f32.FMA(p, r, -0.5)
	s := f32.FMA(p, r*r, float32(kf*f32.Ln2Lo)) + r
	return f32.FMA(kf, f32.Ln2Hi, s)
}

// log1pUnit32 returns ln(1+x) for 0 <= x <= 1, and NaN for NaN. Up to 1/2, r = x; above,
// r = (x-1)/2, which is exact, and ln 2 is added:
//
//	ln(1+r) = r + r^2 (-1/2 + r p(r)) on [-1/4, 1/2],  p of degree 7: relative error 0.08 * 2^-24
//
// At most 0.9073 ULP, at 0.6389.
func log1pUnit32(x float32) float32 {
	r, c := x, float32(0)
	if x > 0.5 {
		r, c = f32.FMA(x, 0.5, -0.5), f32.Ln2 // ln 2
	}
	p := f32.FMA(-0x1.713e36p-5, r, 0x1.aca08ep-4)
	p = f32.FMA(p, r, -0x1.0d93f4p-3)
	p = f32.FMA(p, r, 0x1.2886b8p-3)
	p = f32.FMA(p, r, -0x1.54ef16p-3)
	p = f32.FMA(p, r, 0x1.996966p-3)
	p = f32.FMA(p, r, -0x1.000042p-2)
	p = f32.FMA(p, r, 0x1.5555a4p-2)
	p = f32.FMA(p, r, -0.5)
	return c + f32.FMA(p, r*r, r)
}

// softplus32 returns ln(1 + e^x) = max(x, 0) + log1p(e^-|x|). Full range: 0 at -Inf, Inf
// at Inf, denormal results as exp32 gives them. At most 1.6532 ULP, at -0.4398.
func softplus32(x float32) float32 {
	l := log1pUnit32(exp32(-abs32(x)))
	var m float32
	if x > 0 {
		m = x
	}
	return m + l
}

// sigmoid32 returns 1/(1+e^-x), with one correction step for the roundings of the sum and
// the quotient: y + y(1 - y - e y). The argument is clamped to [-87, 87], so the result is
// a normal number everywhere: 1.6e-38 from -87 down to -Inf. At most 1.9609 ULP of the
// sigmoid of the clamped argument, at -17.3375.
func sigmoid32(x float32) float32 {
	e := exp32(-clamp32(x, 87))
	y := 1 / (1 + e)
	d := f32.FMA(-e, y, 1-y)
	return f32.FMA(d, y, y)
}

// tanh32 returns tanh x: below 0.63 an odd polynomial, above it 1 - 2/(e^2|x| + 1), with the
// sign of x put back at the end. tanh(-0) = -0. At most 1.3622 ULP, at 0.6300.
func tanh32(x float32) float32 {
	a := abs32(x)
	if 40 < a {
		a = 40
	}
	y := 1 - 2/(exp32(a+a)+1)
	s := a * a
	p := f32.FMA(-0x1.734f12p-8, s, 0x1.51971cp-6)
	p = f32.FMA(p, s, -0x1.b826fep-5)
	p = f32.FMA(p, s, 0x1.110688p-3)
	p = f32.FMA(p, s, -0x1.55553p-2)
	if a < 0.63 {
		y = f32.FMA(a*s, p, a)
	}
	return withSign(y, x)
}

// gateSigmoid32 is the sigmoid inside recurrent steps: 1/(1+e^-x) without the correction,
// the argument clamped to [-40, 40], where the result is 4e-18 or 1: no state that is
// multiplied by it falls into the denormals in one step. At most 2.4807 ULP of the sigmoid of
// the clamped argument, at -16.6357.
func gateSigmoid32(x float32) float32 {
	return 1 / (1 + exp32(-clamp32(x, 40)))
}

// gateTanh32 is the tanh inside recurrent steps: t/(t+2), t = e^(2|x|) - 1, |x| clamped to
// 40, with the sign of x put back at the end.
// At most 2.5325 ULP, at 0.0625.
func gateTanh32(x float32) float32 {
	a := abs32(x)
	if 40 < a {
		a = 40
	}
	t := expm1Twice32(a)
	return withSign(t/(t+2), x)
}

// expm1Twice32 returns e^(2a) - 1 for 0 <= a <= 40, and NaN for NaN. With
// n = round(2a/ln 2) and r = a - n ln(2)/2:
//
//	e^2r - 1 = 2r + r^2 q(r), q of degree 4    e^2a - 1 = 2^n (e^2r - 1) + (2^n - 1)
//
// q r is formed first, never r^2, which would be denormal for r below 2^-63.
func expm1Twice32(a float32) float32 {
	t := f32.FMA(a, 2*f32.Log2E, f32.Magic)
	n := int32(math.Float32bits(t) - f32.MagicBits)
	t -= f32.Magic
	r := f32.FMA(t, -f32.Ln2Hi/2, a)
	r = f32.FMA(t, -f32.Ln2Lo/2, r)
	q := f32.FMA(0x1.6b71a8p-4, r, 0x1.1227c2p-2)
	q = f32.FMA(q, r, 0x1.555718p-1)
	q = f32.FMA(q, r, 0x1.5554bp0)
	q = f32.FMA(q, r, 0x1.fffffep0)
	m := f32.FMA(q*r, r, r+r)
	s := pow2(n)
	return f32.FMA(s, m, s-1)
}

// sincos32 returns the sine and cosine of 2 pi u for u = 0 and 2^-25 <= u <= 1. With n = round(4u) and
// f = 4u - n, which is exact, |f| <= 1/2:
//
//	sin(pi/2 f) = f (pi/2 + f^2 s(f^2))   cos(pi/2 f) = 1 + f^2 c(f^2)
//
// and n mod 4 says which of the two is which, and their signs. pi/2 is given by two float32.
// At most 0.8714 ULP (sine, at u = 0.12511) and 0.8745 (cosine, at u = 0.12386).
func sincos32(u float32) (sin, cos float32) {
	v := float32(4 * u)
	t := v + f32.Magic
	n := math.Float32bits(t) // only the last two bits are used
	f := v - (t - f32.Magic)
	g := f * f
	s := f32.FMA(-0x1.2dbd92p-8, g, 0x1.465fc4p-4)
	s = f32.FMA(s, g, -0x1.4abbbep-1)
	s = f32.FMA(s, g, -0x1.777a5cp-25)
	s = f32.FMA(0x1.921fb6p0, f, s*f)
	c := f32.FMA(0x1.d684aap-11, g, -0x1.55b7cep-6)
	c = f32.FMA(c, g, 0x1.03c1b8p-2)
	c = f32.FMA(c, g, -0x1.3bd3ccp0)
	c = f32.FMA(c, g, 1)
	if n&1 != 0 {
		s, c = c, s
	}
	// Sine is negative in quadrants 2 and 3, cosine in 1 and 2.
	sin = math.Float32frombits(math.Float32bits(s) ^ n<<30&signBit)
	cos = math.Float32frombits(math.Float32bits(c) ^ (n+1)<<30&signBit)
	return sin, cos
}

func expGeneric(dst, x []float32) {
	for i, v := range x {
		dst[i] = exp32(v)
	}
}

func logGeneric(dst, x []float32) {
	for i, v := range x {
		dst[i] = log32(v)
	}
}

func tanhGeneric(dst, x []float32) {
	for i, v := range x {
		dst[i] = tanh32(v)
	}
}

func sigmoidGeneric(dst, x []float32) {
	for i, v := range x {
		dst[i] = sigmoid32(v)
	}
}

func softplusGeneric(dst, x []float32) {
	for i, v := range x {
		dst[i] = softplus32(v)
	}
}

// relu is exact, so one text serves both types. The test is v <= 0, not v > 0: NaN stays.
func relu[T Float](dst, x []T) {
	for i, v := range x {
		if v <= 0 {
			v = 0
		}
		dst[i] = v
	}
}

func square[T Float](dst, x []T) {
	for i, v := range x {
		dst[i] = v * v
	}
}

func sqrt[T Float](dst, x []T) {
	for i, v := range x {
		dst[i] = T(math.Sqrt(float64(v))) // correctly rounded in float32 too
	}
}

func magnitude[T Float](dst, re, im []T) {
	for i, v := range re {
		dst[i] = T(math.Sqrt(float64(T(T(v*v) + T(im[i]*im[i])))))
	}
}

func reluBackward[T Float](dx, dy, y []T) {
	for i, v := range y {
		d := dy[i]
		if v <= 0 {
			d = 0
		}
		dx[i] = d
	}
}

func tanhBackwardGeneric(dx, dy, y []float32) {
	for i, v := range y {
		dx[i] = dy[i] * f32.FMA(-v, v, 1)
	}
}

func sigmoidBackwardGeneric(dx, dy, y []float32) {
	for i, v := range y {
		dx[i] = dy[i] * f32.FMA(-v, v, v)
	}
}

// softplusDerivative32 returns the derivative of softplus from its value y, 1 - e^-y = t/(t+1) with
// t = e^y - 1: no cancellation where y is small. At most 2.4504 ULP given y, at 0.0157; 4.24 ULP of
// the derivative at x where y is softplus32 of x.
func softplusDerivative32(y float32) float32 {
	y = abs32(y)
	if 80 < y {
		y = 80
	}
	t := expm1Twice32(0.5 * y)
	return t / (t + 1)
}

func softplusBackwardGeneric(dx, dy, y []float32) {
	for i, v := range y {
		dx[i] = dy[i] * softplusDerivative32(v)
	}
}

func exp64(dst, x []float64) {
	for i, v := range x {
		dst[i] = math.Exp(v)
	}
}

func log64(dst, x []float64) {
	for i, v := range x {
		dst[i] = math.Log(v)
	}
}

func tanh64(dst, x []float64) {
	for i, v := range x {
		dst[i] = math.Tanh(v)
	}
}

func sigmoid64(dst, x []float64) {
	for i, v := range x {
		dst[i] = 1 / (1 + math.Exp(-v))
	}
}

func softplus64(dst, x []float64) {
	for i, v := range x {
		dst[i] = max(v, 0) + math.Log1p(math.Exp(-math.Abs(v)))
	}
}

func tanhBackward64(dx, dy, y []float64) {
	for i, v := range y {
		dx[i] = dy[i] * (1 - v*v)
	}
}

func sigmoidBackward64(dx, dy, y []float64) {
	for i, v := range y {
		dx[i] = dy[i] * v * (1 - v)
	}
}

func softplusBackward64(dx, dy, y []float64) {
	for i, v := range y {
		dx[i] = dy[i] * -math.Expm1(-v)
	}
}
