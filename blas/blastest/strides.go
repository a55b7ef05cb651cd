package blastest

import (
	"math"
	"testing"

	"github.com/elbow-go/elbow/blas"
)

// Strides tests that a stride without a second row or element to lead to does not count, however
// large it is.
func Strides(t *testing.T, b blas.Backend) {
	t.Run("float32", func(t *testing.T) { testStrides(t, b.Sgemm, b.Sgemv) })
	t.Run("float64", func(t *testing.T) { testStrides(t, b.Dgemm, b.Dgemv) })
}

func testStrides[T blas.Float](t *testing.T, gemm gemmFunc[T], gemv gemvFunc[T]) {
	const no, yes = blas.NoTrans, blas.Trans
	for _, far := range []int{math.MaxInt32, math.MaxInt/2 + 1, math.MaxInt/2 + 2, math.MaxInt - 1, math.MaxInt} {
		row, one, c := []T{2, 3, 5}, []T{7}, make([]T, 3)
		check := func(what string, want ...T) {
			t.Helper()
			for i, w := range want {
				if c[i] != w {
					t.Errorf("%s, strides of %d: element %d = %v, want %v", what, far, i, c[i], w)
				}
			}
			clear(c)
		}
		gemm(no, no, 1, 3, 1, 1, one, far, row, far, 0, c, far)
		check("1x1 times 1x3", 14, 21, 35)
		gemm(yes, no, 3, 1, 1, 1, row, far, one, far, 0, c, 1)
		check("(1x3)^T times 1x1", 14, 21, 35)
		gemm(no, yes, 1, 1, 3, 2, row, far, row, far, 0, c, far)
		check("1x3 times (1x3)^T", 76)
		for _, inc := range []int{far, -far, math.MinInt} {
			gemv(no, 1, 3, 1, row, far, row, 1, 0, c, inc)
			check("1x3 times 3", 38)
			gemv(yes, 1, 3, 2, row, far, one, inc, 0, c, -1)
			check("(1x3)^T times 1", 70, 42, 28)
		}
	}
}
