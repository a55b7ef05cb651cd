//go:build cgo && openblas

package openblas

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/netlib/blas/netlib"

	"github.com/elbow-go/elbow/blas/internal/shared"
	"github.com/elbow-go/elbow/internal/tile"
)

// Backend multiplies with OpenBLAS. It has the contract of blas.Backend, but refuses sizes, and
// strides that count, above 2^31-1, which the library does not have the bits for.
type Backend struct{}

// Name returns "openblas".
func (Backend) Name() string { return "openblas" }

// Sgemm is blas.Gemm[float32] by OpenBLAS.
func (Backend) Sgemm(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	lda, ldb, ldc = shared.OthersGemm(shared.Int32, tA, tB, m, n, k, len(a), lda, len(b), ldb, len(c), ldc)
	switch {
	case m == 0 || n == 0:
	case k == 0 || alpha == 0:
		tile.Scale(m, n, beta, c, ldc)
	default:
		netlib.Implementation{}.Sgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	}
}

// Dgemm is blas.Gemm[float64] by OpenBLAS.
func (Backend) Dgemm(tA, tB blas.Transpose, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	lda, ldb, ldc = shared.OthersGemm(shared.Int32, tA, tB, m, n, k, len(a), lda, len(b), ldb, len(c), ldc)
	switch {
	case m == 0 || n == 0:
	case k == 0 || alpha == 0:
		tile.Scale(m, n, beta, c, ldc)
	default:
		netlib.Implementation{}.Dgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	}
}

// Sgemv is blas.Gemv[float32] by OpenBLAS.
func (Backend) Sgemv(t blas.Transpose, m, n int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int) {
	lda, incX, incY = shared.OthersGemv(shared.Int32, t, m, n, len(a), lda, len(x), incX, len(y), incY)
	if m > 0 && n > 0 {
		netlib.Implementation{}.Sgemv(t, m, n, alpha, a, lda, x, incX, beta, y, incY)
	}
}

// Dgemv is blas.Gemv[float64] by OpenBLAS.
func (Backend) Dgemv(t blas.Transpose, m, n int, alpha float64, a []float64, lda int, x []float64, incX int, beta float64, y []float64, incY int) {
	lda, incX, incY = shared.OthersGemv(shared.Int32, t, m, n, len(a), lda, len(x), incX, len(y), incY)
	if m > 0 && n > 0 {
		netlib.Implementation{}.Dgemv(t, m, n, alpha, a, lda, x, incX, beta, y, incY)
	}
}
