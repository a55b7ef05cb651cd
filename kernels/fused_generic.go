package kernels

import (
	"math"

	"github.com/elbow-go/elbow/internal/f32"
)

// The products of the fused steps in plain Go: the definition of their bits.

// stepMulT computes c += a wᵀ for a [m, k], w [n, k], c [m, n]: each output goes on with
// the chain that c holds, k ascending.
func stepMulT[T Float](c, a, w []T, m, n, k, ldc, lda int) {
	for i := range m {
		for j := range n {
			c[i*ldc+j] = chain(c[i*ldc+j], a[i*lda:][:k], w[j*k:], 1)
		}
	}
}

// stepMul computes c += a w for a [m, k], w [k, n], c [m, n], c dense.
func stepMul[T Float](c, a, w []T, m, k, n, lda int) {
	for i := range m {
		for j := range n {
			c[i*n+j] = chain(c[i*n+j], a[i*lda:][:k], w[j:], n)
		}
	}
}

// chain returns s + a[0] w[0] + a[1] w[step] + ..., in float32 rounded once per step.
func chain[T Float](s T, a, w []T, step int) T {
	switch a := any(a).(type) {
	case []float32:
		s, w := float32(s), any(w).([]float32)
		for k, x := range a {
			s = f32.FMA(x, w[k*step], s)
		}
		return T(s)
	case []float64:
		s, w := float64(s), any(w).([]float64)
		for k, x := range a {
			s += x * w[k*step]
		}
		return T(s)
	}
	panic("unreachable")
}

// flushDenormal returns x, or +0 if x is a denormal.
func flushDenormal(x float32) float32 {
	if math.Float32bits(x)&0x7fffffff < 0x00800000 {
		return 0
	}
	return x
}

// roundBF16 returns the bfloat16 nearest to x, ties to even, +0 for a denormal.
func roundBF16(x float32) float32 {
	b := math.Float32bits(x)
	if x == x {
		b += 0x7fff + b>>16&1
	} else {
		b |= 1 << 22 // of a NaN, the bits that are left may be those of Inf
	}
	return flushDenormal(math.Float32frombits(b &^ 0xffff))
}
