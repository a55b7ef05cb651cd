// Package f32 holds what every float32 path of this module has to do alike: the fused
// multiply-add, rounded once, the fold of virtual lanes, and numbers.
//
// Machine code has the first two as instructions, and its generator takes the numbers from
// here. So do the plain Go paths, which are the reference the machine code is compared with bit
// for bit.
package f32

import "math"

// FMA returns a*b + c, rounded once to float32, as the VFMADD and FMLA instructions do.
//
// The product of two float32 is exact in float64, so s below differs from a*b + c only
// by the rounding of the sum to 53 bits. Rounding s again to 24 bits gives the right
// result unless s lies exactly between two float32 (low 28 bits zero, bit 28 set) or,
// among the denormals, may do so at a higher bit.
func FMA(a, b, c float32) float32 {
	s := float64(a)*float64(b) + float64(c)
	if math.Float64bits(s)<<36 == 0 {
		return fmaTie(a, b, c)
	}
	return float32(s)
}

// fmaTie is FMA for the rare sums that may be a tie: it recovers the error of the sum
// exactly and, where there is one, rounds the sum to odd, which a second rounding cannot
// take for a tie.
func fmaTie(a, b, c float32) float32 {
	p, z := float64(a)*float64(b), float64(c)
	s := p + z
	u := math.Float64bits(s)
	if u&(1<<28) == 0 && (u<<1 == 0 || u<<1 >= 0x381<<53) {
		return float32(s) // 0, infinite, or nearer to one float32
	}
	zz := s - p
	err := (p - (s - zz)) + (z - zz) // Knuth's TwoSum: p + z = s + err
	if err != 0 && u&1 == 0 {
		if (err > 0) == (s > 0) {
			u++
		} else {
			u--
		}
	}
	return float32(math.Float64frombits(u))
}

// Fold16 and Fold64 return the sum of the virtual lanes of a reduction: the upper half is
// added to the lower half until one lane is left. The lanes are overwritten.
func Fold16(l *[16]float32) float32 { return fold(l[:]) }

// Fold64 is Fold16 for 64 lanes.
func Fold64(l *[64]float32) float32 { return fold(l[:]) }

func fold(l []float32) float32 {
	for n := len(l) / 2; n > 0; n /= 2 {
		for i := range n {
			l[i] += l[i+n]
		}
	}
	return l[0]
}
