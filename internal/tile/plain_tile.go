package tile

import (
	"math"

	"github.com/elbow-go/elbow/internal/f32"
)

// A step of a float32 chain is a float64 multiplication, which is exact, an addition and a
// rounding to float32. Rounding twice is wrong only where the float64 sum is inexact and
// ends halfway between two float32. Three tiles share the work of float32; a survey of the packed
// numbers chooses.
type tileKind int

const (
	// exactTile, where one operand has only 0 and powers of two (one-hot and binary data).
	// The products then have at most 24 bits. If a sum of two such numbers does not fit into
	// 53 bits, the smaller is below 2^-27 of the larger, which is a float32 itself and at
	// least a quarter of its last place away from the next halfway point. So there is
	// nothing to test. In the next tile this data would fail the test all the time: where
	// products have few bits, ties are common, and exact.
	exactTile tileKind = iota

	// plainTile, where no product is so small that a sum below 2^-126 can be inexact. Above
	// that, halfway points are the numbers that end in the 29 bits 1000..., which sums with
	// a zero product do not: inputs with many zeros take the same path as others. On a hit
	// the rest of the step is done with f32.FMA outside of the inner loop: a call inside
	// makes the compiler spill the chains in every step.
	plainTile

	// carefulTile, for the rest: f32.FMA in every step.
	carefulTile

	// wideTile, for float64.
	wideTile
)

// chooseTile returns the tile for rows of A with the given survey and four columns of B.
// Numbers of at least 2^x and 2^y have products that are multiples of 2^(x+y-46), and a
// sum below 2^-126 that is a multiple of 2^-179 fits into 53 bits.
func chooseTile(a survey, bp []quad) tileKind {
	switch {
	case a.pow2 || allPow2(bp):
		return exactTile
	case allAtLeast(bp, 46-179-a.exponent):
		return plainTile
	}
	return carefulTile
}

// tie reports whether s ends halfway between two float32, for |s| >= 2^-126.
func tie(s float64) bool { return uint32(math.Float64bits(s))&(1<<29-1) == 1<<28 }

// fma is f32.FMA on widened float32 values.
func fma(a, b, c float64) float64 {
	return float64(f32.FMA(float32(a), float32(b), float32(c)))
}

// tile adds a[k][r]*b[k][j] to the chains cr[j], k ascending.
func tile(c0, c1 []float32, a []pair, b []quad) {
	c0, c1 = c0[:4], c1[:4]
	c00, c01, c02, c03 := float64(c0[0]), float64(c0[1]), float64(c0[2]), float64(c0[3])
	c10, c11, c12, c13 := float64(c1[0]), float64(c1[1]), float64(c1[2]), float64(c1[3])
	b = b[:len(a)]
	for k := 0; ; k++ {
		hit := 0
		for ; k < len(a); k++ {
			a0, a1 := a[k][0], a[k][1]
			b0, b1, b2, b3 := b[k][0], b[k][1], b[k][2], b[k][3]
			s00 := a0*b0 + c00
			if tie(s00) {
				hit = 0
				break
			}
			c00 = float64(float32(s00))
			s01 := a0*b1 + c01
			if tie(s01) {
				hit = 1
				break
			}
			c01 = float64(float32(s01))
			s02 := a0*b2 + c02
			if tie(s02) {
				hit = 2
				break
			}
			c02 = float64(float32(s02))
			s03 := a0*b3 + c03
			if tie(s03) {
				hit = 3
				break
			}
			c03 = float64(float32(s03))
			s10 := a1*b0 + c10
			if tie(s10) {
				hit = 4
				break
			}
			c10 = float64(float32(s10))
			s11 := a1*b1 + c11
			if tie(s11) {
				hit = 5
				break
			}
			c11 = float64(float32(s11))
			s12 := a1*b2 + c12
			if tie(s12) {
				hit = 6
				break
			}
			c12 = float64(float32(s12))
			s13 := a1*b3 + c13
			if tie(s13) {
				hit = 7
				break
			}
			c13 = float64(float32(s13))
		}
		if k == len(a) {
			break
		}
		// The chains before hit have done step k; this one and the rest have not.
		a0, a1, q := a[k][0], a[k][1], &b[k]
		switch hit {
		case 0:
			c00 = fma(a0, q[0], c00)
			fallthrough
		case 1:
			c01 = fma(a0, q[1], c01)
			fallthrough
		case 2:
			c02 = fma(a0, q[2], c02)
			fallthrough
		case 3:
			c03 = fma(a0, q[3], c03)
			fallthrough
		case 4:
			c10 = fma(a1, q[0], c10)
			fallthrough
		case 5:
			c11 = fma(a1, q[1], c11)
			fallthrough
		case 6:
			c12 = fma(a1, q[2], c12)
			fallthrough
		case 7:
			c13 = fma(a1, q[3], c13)
		}
	}
	c0[0], c0[1], c0[2], c0[3] = float32(c00), float32(c01), float32(c02), float32(c03)
	c1[0], c1[1], c1[2], c1[3] = float32(c10), float32(c11), float32(c12), float32(c13)
}

// tileExact is tile where every product has at most 24 bits.
func tileExact(c0, c1 []float32, a []pair, b []quad) {
	c0, c1 = c0[:4], c1[:4]
	c00, c01, c02, c03 := float64(c0[0]), float64(c0[1]), float64(c0[2]), float64(c0[3])
	c10, c11, c12, c13 := float64(c1[0]), float64(c1[1]), float64(c1[2]), float64(c1[3])
	b = b[:len(a)]
	for k := range a {
		a0, a1 := a[k][0], a[k][1]
		b0, b1, b2, b3 := b[k][0], b[k][1], b[k][2], b[k][3]
		c00 = float64(float32(a0*b0 + c00))
		c01 = float64(float32(a0*b1 + c01))
		c02 = float64(float32(a0*b2 + c02))
		c03 = float64(float32(a0*b3 + c03))
		c10 = float64(float32(a1*b0 + c10))
		c11 = float64(float32(a1*b1 + c11))
		c12 = float64(float32(a1*b2 + c12))
		c13 = float64(float32(a1*b3 + c13))
	}
	c0[0], c0[1], c0[2], c0[3] = float32(c00), float32(c01), float32(c02), float32(c03)
	c1[0], c1[1], c1[2], c1[3] = float32(c10), float32(c11), float32(c12), float32(c13)
}

// tileCareful is tile for any values.
func tileCareful(c0, c1 []float32, a []pair, b []quad) {
	b = b[:len(a)]
	for j := range 4 {
		s0, s1 := c0[j], c1[j]
		for k := range a {
			s0 = f32.FMA(float32(a[k][0]), float32(b[k][j]), s0)
			s1 = f32.FMA(float32(a[k][1]), float32(b[k][j]), s1)
		}
		c0[j], c1[j] = s0, s1
	}
}

// tile64 is tile for float64. The chains are those of the compiler.
func tile64(c0, c1 []float64, a []pair, b []quad) {
	c0, c1 = c0[:4], c1[:4]
	c00, c01, c02, c03 := c0[0], c0[1], c0[2], c0[3]
	c10, c11, c12, c13 := c1[0], c1[1], c1[2], c1[3]
	b = b[:len(a)]
	for k := range a {
		a0, a1 := a[k][0], a[k][1]
		b0, b1, b2, b3 := b[k][0], b[k][1], b[k][2], b[k][3]
		c00 += a0 * b0
		c01 += a0 * b1
		c02 += a0 * b2
		c03 += a0 * b3
		c10 += a1 * b0
		c11 += a1 * b1
		c12 += a1 * b2
		c13 += a1 * b3
	}
	c0[0], c0[1], c0[2], c0[3] = c00, c01, c02, c03
	c1[0], c1[1], c1[2], c1[3] = c10, c11, c12, c13
}
