package shared

import (
	"testing"

	"gonum.org/v1/gonum/blas"
)

// TestLimit: sizes and strides that count may not be above the limit of a library.
func TestLimit(t *testing.T) {
	const most = 10
	gemm := func(m, n, k, lda, ldb, ldc int) func() {
		return func() {
			OthersGemm(most, blas.NoTrans, blas.NoTrans, m, n, k, 300, lda, 300, ldb, 300, ldc)
		}
	}
	gemv := func(m, n, lda, incX, incY int) func() {
		return func() { OthersGemv(most, blas.NoTrans, m, n, 300, lda, 300, incX, 300, incY) }
	}
	for _, c := range []struct {
		call func()
		want string
	}{
		{gemm(10, 10, 10, 10, 10, 10), ""},
		{gemm(11, 2, 2, 3, 3, 3), "blas: Gemm: m = 11, want at most 10"},
		{gemm(2, 11, 2, 3, 20, 30), "blas: Gemm: n = 11, want at most 10"},
		{gemm(2, 2, 2, 11, 3, 3), "blas: Gemm: lda = 11, want at most 10"},
		{gemm(1, 2, 2, 11, 3, 11), ""},
		{gemm(2, 2, 2, 3, 11, 3), "blas: Gemm: ldb = 11, want at most 10"},
		{gemm(2, 2, 2, 3, 3, 11), "blas: Gemm: ldc = 11, want at most 10"},
		{gemm(0, 2, 2, 11, 11, 11), ""},
		{gemm(2, 2, 0, 11, 11, 11), ""},
		{gemv(2, 2, 3, 1, -1), ""},
		{gemv(0, 2, 12, 12, 12), ""},
		{gemv(2, 2, 11, 1, 1), "blas: Gemv: lda = 11, want at most 10"},
		{gemv(2, 2, 3, -11, 1), "blas: Gemv: |incX| = 11, want at most 10"},
		{gemv(2, 2, 3, 1, 12), "blas: Gemv: |incY| = 12, want at most 10"},
		{gemv(1, 1, 12, 12, -12), ""},
	} {
		func() {
			defer func() {
				if got, _ := recover().(string); got != c.want {
					t.Errorf("panic %q, want %q", got, c.want)
				}
			}()
			c.call()
		}()
	}
}
