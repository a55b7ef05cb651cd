package kernels

import (
	"math"

	"github.com/elbow-go/elbow/internal/f32"
)

// logSum32 is a sum of logarithms over a row that takes one logarithm in all. The numbers
// are split into mantissa and exponent, which is exact; the mantissas are multiplied and
// the exponents added, in 16 virtual lanes (lane = index mod 16). Every 64th product of a
// lane is split again, before it can leave the range of float32. A product is rounded by
// 2^-24 of itself, so n numbers cost at most (n + 15) 2^-24 in the logarithm.
//
// Logarithms that come as such (log sigma as an argument) are added up in lanes of their own.
//
// Lane exponents hold the sums of rows of up to 2^26 columns.
type logSum32 struct {
	p [16]float32 // products of mantissas
	e [16]int32   // sums of exponents
	s [16]float32 // sums of logarithms
}

func newLogSum32() (l logSum32) {
	for k := range l.p {
		l.p[k] = 1
	}
	return l
}

// split32 returns x as m 2^e with sqrt(1/2) <= m < sqrt(2): numbers near 1 keep e = 0, so that
// the logarithm of a product near 1 is not a difference. What has no logarithm of its own
// passes through as m, with e = 0: 0, Inf and NaN are themselves, a negative x is NaN.
func split32(x float32) (m float32, e int32) {
	y := x
	if x < 0x1p-126 { // denormals; what else is below is sorted out at the end
		y, e = x*0x1p24, -24
	}
	i := math.Float32bits(y) - f32.SqrtHalfBits
	m = math.Float32frombits(i&(1<<23-1) + f32.SqrtHalfBits)
	e += int32(i) >> 23
	if !(0 < x && x < float32(math.Inf(1))) {
		m, e = x, 0
		if x < 0 {
			m = float32(math.NaN())
		}
	}
	return m, e
}

// mul adds ln(m 2^e) as element j of the row, 1/2 <= m <= 2.
func (l *logSum32) mul(j int, m float32, e int32) {
	k := j % 16
	l.p[k] *= m
	l.e[k] += e
	if j/16%64 == 63 {
		l.p[k], e = split32(l.p[k])
		l.e[k] += e
	}
}

// add adds the logarithm x as element j of the row.
func (l *logSum32) add(j int, x float32) { l.s[j%16] += x }

// value returns the sum: the lanes are split once more, folded (products by multiplication:
// 16 mantissas stay within 2^-8 and 2^8), and split for the last time. The lanes are overwritten.
// 0 among the numbers gives -Inf, Inf gives Inf, both NaN; NaN and negative ones give NaN.
func (l *logSum32) value() float32 {
	for k := range l.p {
		m, e := split32(l.p[k])
		l.p[k] = m
		l.e[k] += e
	}
	for n := 8; n > 0; n /= 2 {
		for k := range n {
			l.p[k] *= l.p[k+n]
			l.e[k] += l.e[k+n]
		}
	}
	m, e := split32(l.p[0])
	n := float32(l.e[0] + e)
	return f32.Fold16(&l.s) + f32.FMA(n, f32.Ln2Hi, f32.FMA(n, f32.Ln2Lo, log32(m)))
}
