// Package gonumblas puts the products of package blas under gonum.
//
//	blas32.Use(gonumblas.Implementation{})    // float32: blas32
//	blas64.Use(gonumblas.Implementation{})    // float64: blas64, mat
//
//	mat, blas64, blas32 --> Implementation: Gemm, Gemv --> package blas, active backend
//	                                        the rest   --> gonum
//
// gonum has no call for a matrix that is packed beforehand; a blas.Packed may be made from the
// fields of a blas32.General, and under backend go gives the same bits as Sgemm.
//
// It is a package of its own so that a program without gonum's matrices does not compile
// gonum's BLAS.
package gonumblas

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"

	elbow "github.com/elbow-go/elbow/blas"
)

// Implementation is gonum's own implementation of BLAS, levels 1 to 3, with the general
// products of float32 and float64 replaced by those of package blas. These have the bit
// contract and the panics of that package; gonum's goroutines do not start in them.
type Implementation struct{ gonum.Implementation }

var (
	_ blas.Float32 = Implementation{}
	_ blas.Float64 = Implementation{}
)

// Sgemm is blas.Gemm[float32] of this module.
func (Implementation) Sgemm(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	elbow.Gemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// Dgemm is blas.Gemm[float64] of this module.
func (Implementation) Dgemm(tA, tB blas.Transpose, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	elbow.Gemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// Sgemv is blas.Gemv[float32] of this module.
func (Implementation) Sgemv(t blas.Transpose, m, n int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int) {
	elbow.Gemv(t, m, n, alpha, a, lda, x, incX, beta, y, incY)
}

// Dgemv is blas.Gemv[float64] of this module.
func (Implementation) Dgemv(t blas.Transpose, m, n int, alpha float64, a []float64, lda int, x []float64, incX int, beta float64, y []float64, incY int) {
	elbow.Gemv(t, m, n, alpha, a, lda, x, incX, beta, y, incY)
}
