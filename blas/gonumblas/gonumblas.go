// Package gonumblas puts the products of package blas under gonum.
//
//	blas32.Use(gonumblas.Implementation{})    // float32: blas32
//	blas64.Use(gonumblas.Implementation{})    // float64: blas64, mat
//
//	mat, blas64, blas32 --> Implementation: Sgemm, Sgemv --> package blas, active backend
//	                                        Dgemm, Dgemv --> the same; without machine code and
//	                                                         OpenBLAS, its checks and gonum
//	                                        the rest     --> gonum
//
// In float32 the machine code of package blas is several times as fast as gonum; only products of
// a dozen numbers or so take longer, by some 50 ns. Without machine code package blas keeps its
// bits, at several times the time of gonum: a program that does not need the same bits on every
// machine is better off with gonum alone there.
//
// So are those of float64, where there is machine code. Without it gonum, which adds whole vectors, is
// faster than plain Go, and multiplies in its own order of operations and on its own goroutines; a
// NaN or Inf may then not show where it meets a zero. It also multiplies small matrices and those with
// few or short rows by a vector. What package blas adds are its checks, which
// take some 15 ns: gonum's own take sizes for small ones whose product wraps around.
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

	"github.com/elbow-go/elbow/asm"
	elbow "github.com/elbow-go/elbow/blas"
	"github.com/elbow-go/elbow/blas/internal/shared"
	"github.com/elbow-go/elbow/internal/tile"
)

// Implementation is gonum's own implementation of BLAS, levels 1 to 3, with the general products
// replaced by those of package blas: they start no goroutines, and in float32 they have the bit
// contract of that package. Those of float64 are gonum's where that is faster. All have the
// checks and the panics of package blas.
type Implementation struct{ gonum.Implementation }

var (
	_ blas.Float32 = Implementation{}
	_ blas.Float64 = Implementation{}
)

// Sgemm is blas.Gemm[float32] of this module.
func (Implementation) Sgemm(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	elbow.Gemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// Sgemv is blas.Gemv[float32] of this module.
func (Implementation) Sgemv(t blas.Transpose, m, n int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int) {
	elbow.Gemv(t, m, n, alpha, a, lda, x, incX, beta, y, incY)
}

// useGonum reports whether float64 has no backend that is faster than gonum.
func useGonum() bool {
	_, plain := elbow.Active().(elbow.Go)
	return plain && asm.Active() == asm.Generic
}

// Dgemm is gonum's, for arguments that are checked here, or blas.Gemm[float64] of this module.
func (i Implementation) Dgemm(tA, tB blas.Transpose, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	if !useGonum() {
		elbow.Gemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
		return
	}
	lda, ldb, ldc = shared.OthersGemm(shared.Int, tA, tB, m, n, k, len(a), lda, len(b), ldb, len(c), ldc)
	switch {
	case m == 0 || n == 0:
	case k == 0 || alpha == 0:
		tile.Scale(m, n, beta, c, ldc)
	default:
		i.Implementation.Dgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	}
}

// Dgemv is gonum's, for arguments that are checked here, or blas.Gemv[float64] of this module. A small
// product is gonum's, and so is one with few or short rows, of which ours takes blocks.
func (i Implementation) Dgemv(t blas.Transpose, m, n int, alpha float64, a []float64, lda int, x []float64, incX int, beta float64, y []float64, incY int) {
	if !useGonum() && !(m*n < 1<<10 || t == blas.NoTrans && (m < 8 || n < 32)) {
		elbow.Gemv(t, m, n, alpha, a, lda, x, incX, beta, y, incY)
		return
	}
	lda, incX, incY = shared.OthersGemv(shared.Int, t, m, n, len(a), lda, len(x), incX, len(y), incY)
	if m == 0 || n == 0 {
		return
	}
	rows := m
	if t != blas.NoTrans {
		rows = n
	}
	// Without machine code, as on arm64, gonum clears all of the slice where beta is 0.
	y = y[:1+(rows-1)*max(incY, -incY)]
	i.Implementation.Dgemv(t, m, n, alpha, a, lda, x, incX, beta, y, incY)
}
