package tile

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
)

// TestVectors: products with a vector that take several calls.
func TestVectors(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		testVectors[float32](t, 1e-3)
		testVectors[float64](t, 1e-11)
	})
}

func testVectors[T Float](t *testing.T, tol float64) {
	rng := rand.New(rand.NewPCG(1, 2))
	draw := func(n int) []T {
		x := make([]T, n)
		for i := range x {
			x[i] = T(rng.NormFloat64())
		}
		return x
	}
	for _, s := range [][2]int{{11, 2049}, {2049, 11}, {3, 4500}, {4500, 3}, {150, 2100}, {2100, 150}, {40, 4200}} {
		m, n := s[0], s[1]
		lda := n + 3
		a, x, y := draw(m*lda), draw(2*max(m, n)), draw(max(m, n))
		for i := range 18 {
			trans, incX := i&1 == 0, 1+i>>1&1
			alpha, beta := []T{1, 1, -2}[i%3], []T{0, 1, 0.5}[i/6]
			rows, cols, row, col := m, n, lda, 1
			if trans {
				rows, cols, row, col = n, m, 1, lda
			}
			got := append([]T(nil), y...)
			Gemv(asm.Active(), trans, m, n, alpha, a, lda, x, incX, beta, got, 1)
			for r := range rows {
				var s float64
				for k := range cols {
					s += float64(a[r*row+k*col]) * float64(x[k*incX])
				}
				want := float64(alpha)*s + float64(beta)*float64(y[r])
				if !(math.Abs(float64(got[r])-want) <= tol) {
					t.Fatalf("%T: %dx%d, transposed %v, incX %d, alpha %v, beta %v: y[%d] = %v, want %v", a, m, n, trans, incX, alpha, beta, r, got[r], want)
				}
			}
		}
	}
}
