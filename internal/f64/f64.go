// Package f64 holds functions of float64 with the same bits on every architecture.
//
// Those of package math are written in machine code for some architectures, and where the
// compiler fuses x*y + z into one instruction, as for arm64, plain Go gives other last digits
// too. What reaches a file or a decision takes its logarithms from here. Every product that
// is added to something is rounded first, by an explicit conversion, which the compiler has
// to respect.
package f64

import "math"

// ln 2 in two parts: the upper one has 42 bits, so its product with an exponent is exact.
const (
	ln2Hi = 0x1.62e42fefa38p-1
	ln2Lo = math.Ln2 - ln2Hi
)

// logTerms are the coefficients of s^2, s^4, ... in atanh(s)/s - 1, which is 1/3, 1/5, ...
// For |s| < 0.1716 what comes after them is below 2^-60.
var logTerms = [...]float64{1.0 / 3, 1.0 / 5, 1.0 / 7, 1.0 / 9, 1.0 / 11, 1.0 / 13, 1.0 / 15, 1.0 / 17, 1.0 / 19, 1.0 / 21}

// Log returns the natural logarithm of x, within 1 ULP. As with [math.Log] it is -Inf at 0
// and NaN below.
//
// With x = 2^k (1+d), 1+d between the roots of 1/2 and 2, and s = d/(2+d):
//
//	ln(1+d) = 2 atanh(s) = d - s (d - 2 (s^2/3 + s^4/5 + ...))
//
// where d is exact and all else is a small correction to it.
func Log(x float64) float64 {
	switch {
	case math.IsNaN(x) || math.IsInf(x, 1):
		return x
	case x < 0:
		return math.NaN()
	case x == 0:
		return math.Inf(-1)
	}
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, e = 2*m, e-1
	}
	d, k := m-1, float64(e)
	s := d / (2 + d)
	w := float64(s * s)
	p := 0.0
	for i := len(logTerms) - 1; i >= 0; i-- {
		p = float64((p + logTerms[i]) * w)
	}
	// 2 atanh(s) = 2s (1 + p) and 2s = d - s d.
	small := float64(s * (d - float64(2*p)))
	return float64(k*ln2Hi) + (d - (small - float64(k*ln2Lo)))
}

// expTerms are 1/2!, 1/3!, ..., 1/14!.
var expTerms = [...]float64{1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040, 1.0 / 40320, 1.0 / 362880,
	1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800, 1.0 / 87178291200}

// Exp returns e^x, within 1 ULP where the result is not subnormal. It is +Inf above 709.8 and
// 0 below -745.2.
//
// With k = round(x / ln 2) it is 2^k e^r, |r| < 0.347, and e^r its Taylor series up to r^14.
func Exp(x float64) float64 {
	switch {
	case math.IsNaN(x):
		return x
	case x > 710:
		return math.Inf(1)
	case x < -746:
		return 0
	}
	k := math.RoundToEven(x / math.Ln2)
	r := (x - float64(k*ln2Hi)) - float64(k*ln2Lo)
	p := 0.0
	for i := len(expTerms) - 1; i >= 0; i-- {
		p = float64((p + expTerms[i]) * r)
	}
	return math.Ldexp(1+(r+float64(p*r)), int(k))
}

// Pow returns x^n by repeated squaring. Its relative error is below n 2^-53.
func Pow(x float64, n uint64) float64 {
	p := 1.0
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			p *= x
		}
		x *= x
	}
	return p
}

// cosTerms are -1/2!, 1/4!, -1/6!, ..., 1/24!.
var cosTerms = [...]float64{-1.0 / 2, 1.0 / 24, -1.0 / 720, 1.0 / 40320, -1.0 / 3628800, 1.0 / 479001600, -1.0 / 87178291200, 1.0 / 20922789888000,
	-1.0 / 6402373705728000, 1.0 / 2432902008176640000, -1.0 / 1124000727777607680000, 1.0 / 620448401733239439360000}

// CosPi returns cos(π x) for x of 0..1, within 2^-51. It is exact at both ends and in the middle.
//
// Below 1/2 it is the Taylor series up to (π x)^24, above it -cos(π (1-x)).
func CosPi(x float64) float64 {
	switch {
	case x == 0.5:
		return 0
	case x > 0.5:
		return -CosPi(1 - x)
	}
	w := float64(math.Pi * x)
	w = float64(w * w)
	p := 0.0
	for i := len(cosTerms) - 1; i >= 0; i-- {
		p = float64((p + cosTerms[i]) * w)
	}
	return 1 + p
}

// halfLog2Pi is ln(2 π)/2.
const halfLog2Pi = 0.91893853320467274178

// Lgamma returns ln Γ(x) for x > 0, within 2^-46 (1 + |ln Γ(x)|) for x of 2^-30 to 2^40.
//
// Γ(x) = Γ(x+1)/x takes x above 16; there it is Stirling's series
//
//	ln Γ(x) = (x - 1/2) ln x - x + ln(2π)/2 + Σ B_2k/(2k(2k-1)) x^(1-2k)
//
// up to x^-13, whose next term is below 2^-55.
func Lgamma(x float64) float64 {
	product := 1.0
	for x < 16 {
		product *= x
		x++
	}
	y := 1 / (x * x)
	s := 1.0 / 156
	for _, c := range []float64{-691.0 / 360360, 1.0 / 1188, -1.0 / 1680, 1.0 / 1260, -1.0 / 360, 1.0 / 12} {
		s = float64(s*y) + c
	}
	return float64((x-0.5)*Log(x)) - x + halfLog2Pi + s/x - Log(product)
}

// Digamma returns ψ(x) = d ln Γ(x)/dx for x > 0, within 2^-46 (1 + |ψ(x)| + 1/x) for x of 2^-30 to 2^40:
// ψ(x) = ψ(x+1) - 1/x takes x above 16, there it is ln x - 1/(2x) - Σ B_2k/(2k) x^-2k up to x^-14.
func Digamma(x float64) float64 {
	sum := 0.0
	for x < 16 {
		sum += 1 / x
		x++
	}
	y := 1 / (x * x)
	s := 1.0 / 12
	for _, c := range []float64{-691.0 / 32760, 1.0 / 132, -1.0 / 240, 1.0 / 252, -1.0 / 120, 1.0 / 12} {
		s = float64(s*y) + c
	}
	return Log(x) - 0.5/x - float64(s*y) - sum
}
