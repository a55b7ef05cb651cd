package blastest

import (
	"math"
	"testing"

	"github.com/elbow-go/elbow/blas"
	"github.com/elbow-go/elbow/internal/f32"
)

// A sum is kept as hi + lo in twice the precision of float64, with the sum of magnitudes.
type sum struct{ hi, lo, abs float64 }

// add adds a*b (Ogita, Rump and Oishi 2005, algorithm Dot2). What is not finite is added as
// float64 does it.
func (s *sum) add(a, b float64) {
	p := float64(a * b)
	s.abs += math.Abs(p)
	h := s.hi + p
	if math.IsInf(h, 0) || h != h {
		s.hi, s.lo = h, 0
		return
	}
	d := h - s.hi
	s.lo += (s.hi - (h - d)) + (p - d) + math.FMA(a, b, -p)
	s.hi = h
}

// bound is the one in the comment of blas.Gemm: k+2 roundings, each of a part of abs, the sum
// of magnitudes, or of the last denormal.
func bound[T blas.Float](k int, alpha, abs float64) float64 {
	u, least := 0x1p-53, 0x1p-1074
	if _, ok := any(T(0)).(float32); ok {
		u, least = 0x1p-24, 0x1p-149
	}
	n := float64(k + 2)
	// 1.0001 covers the higher orders in n*u; 2^-50 the rounding of the oracle and of abs.
	return 1.0001*n*u*abs + n*max(1, math.Abs(alpha))*least + 0x1p-50*u*abs
}

// checkValue compares got with the oracle for one output: alpha*(a.b) + beta*c.
func checkValue[T blas.Float](t *testing.T, what string, i, j int, got T, alpha, beta, c T, a, b []T) {
	t.Helper()
	var s sum
	if alpha != 0 {
		for q := range a {
			s.add(float64(a[q]), float64(b[q]))
		}
	}
	var r sum
	if alpha != 0 {
		r.add(float64(alpha), s.hi)
		r.add(float64(alpha), s.lo)
		r.abs = math.Abs(float64(alpha)) * s.abs
	}
	if beta != 0 {
		abs := r.abs
		r.add(float64(beta), float64(c))
		r.abs = abs + math.Abs(float64(beta)*float64(c))
	}
	want := r.hi + r.lo
	switch {
	case want != want || math.IsInf(want, 0):
		if g := float64(got); !(want != want && g != g) && g != want {
			t.Fatalf("%s: element (%d, %d) = %v, want %v", what, i, j, got, want)
		}
	case !(math.Abs(float64(got)-r.hi-r.lo) <= bound[T](len(a), float64(alpha), r.abs)):
		t.Fatalf("%s: element (%d, %d) = %v, want %v within %.3g", what, i, j, got, want, bound[T](len(a), float64(alpha), r.abs))
	}
}

// chain is the float32 contract, word for word: package comment of blas.
func chain[T blas.Float](alpha, beta, c float32, a, b []T) float32 {
	start := beta * c
	if beta == 0 {
		start = 0
	}
	if alpha == 0 || len(a) == 0 {
		return start
	}
	s := float32(0)
	if alpha == 1 {
		s = start
	}
	for q := range a {
		s = f32.FMA(float32(a[q]), float32(b[q]), s)
	}
	if alpha == 1 {
		return s
	}
	return f32.FMA(alpha, s, start)
}

func checkChain[T blas.Float](t *testing.T, what string, i, j int, got T, alpha, beta, c T, a, b []T) {
	t.Helper()
	want := chain(float32(alpha), float32(beta), float32(c), a, b)
	if g := float32(got); math.Float32bits(g) != math.Float32bits(want) && (g == g || want == want) {
		t.Fatalf("%s: element (%d, %d) = %x (%v), want the chain %x (%v)", what, i, j, got, got, want, want)
	}
}
