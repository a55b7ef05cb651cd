// Command shim, built with -buildmode=c-shared, has the names of the general products of BLAS,
// as Fortran and C know them, over package blas. Preloaded into a program, it takes the place
// of the products in the BLAS that the program is linked with.
//
// The environment says how: NETLIB_WAY is one of the names in products.go, and NETLIB_PLANT, if
// it is set, makes one product wrong. The first call writes to standard error which instruction
// set and which way are in use.
//
// BLAS is column-major here: C = op(A) op(B) is C^T = op(B)^T op(A)^T row by row, so the operands
// change places, and a matrix times a vector changes its transposition.
package main

import "C"

import (
	"fmt"
	"os"
	"sync"
	"unsafe"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/blas"
)

func main() {}

// announce is what the caller looks for, to see that its settings have arrived.
var announce = sync.OnceFunc(func() {
	fmt.Fprintf(os.Stderr, "shim: isa=%v way=%s\n", asm.Active(), way)
})

//export sgemm_
func sgemm_(tA, tB *byte, m, n, k *int32, alpha, a *float32, lda *int32, b *float32, ldb *int32, beta, c *float32, ldc *int32) {
	gemm(fortran(*tB), fortran(*tA), *n, *m, *k, *alpha, b, *ldb, a, *lda, *beta, c, *ldc)
}

//export dgemm_
func dgemm_(tA, tB *byte, m, n, k *int32, alpha, a *float64, lda *int32, b *float64, ldb *int32, beta, c *float64, ldc *int32) {
	gemm(fortran(*tB), fortran(*tA), *n, *m, *k, *alpha, b, *ldb, a, *lda, *beta, c, *ldc)
}

//export sgemv_
func sgemv_(t *byte, m, n *int32, alpha, a *float32, lda *int32, x *float32, incX *int32, beta, y *float32, incY *int32) {
	gemv(other(fortran(*t)), *n, *m, *alpha, a, *lda, x, *incX, *beta, y, *incY)
}

//export dgemv_
func dgemv_(t *byte, m, n *int32, alpha, a *float64, lda *int32, x *float64, incX *int32, beta, y *float64, incY *int32) {
	gemv(other(fortran(*t)), *n, *m, *alpha, a, *lda, x, *incX, *beta, y, *incY)
}

//export cblas_sgemm
func cblas_sgemm(layout, tA, tB, m, n, k int32, alpha float32, a *float32, lda int32, b *float32, ldb int32, beta float32, c *float32, ldc int32) {
	cblasGemm(layout, tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

//export cblas_dgemm
func cblas_dgemm(layout, tA, tB, m, n, k int32, alpha float64, a *float64, lda int32, b *float64, ldb int32, beta float64, c *float64, ldc int32) {
	cblasGemm(layout, tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

//export cblas_sgemv
func cblas_sgemv(layout, t, m, n int32, alpha float32, a *float32, lda int32, x *float32, incX int32, beta float32, y *float32, incY int32) {
	cblasGemv(layout, t, m, n, alpha, a, lda, x, incX, beta, y, incY)
}

//export cblas_dgemv
func cblas_dgemv(layout, t, m, n int32, alpha float64, a *float64, lda int32, x *float64, incX int32, beta float64, y *float64, incY int32) {
	cblasGemv(layout, t, m, n, alpha, a, lda, x, incX, beta, y, incY)
}

// cblas.h: CblasRowMajor. The numbers of its transpositions are characters to gonum.
const rowMajor = 101

func cblasGemm[T blas.Float](layout, tA, tB, m, n, k int32, alpha T, a *T, lda int32, b *T, ldb int32, beta T, c *T, ldc int32) {
	if layout == rowMajor {
		gemm(cblas(tA), cblas(tB), m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
		return
	}
	gemm(cblas(tB), cblas(tA), n, m, k, alpha, b, ldb, a, lda, beta, c, ldc)
}

func cblasGemv[T blas.Float](layout, t, m, n int32, alpha T, a *T, lda int32, x *T, incX int32, beta T, y *T, incY int32) {
	if layout == rowMajor {
		gemv(cblas(t), m, n, alpha, a, lda, x, incX, beta, y, incY)
		return
	}
	gemv(other(cblas(t)), n, m, alpha, a, lda, x, incX, beta, y, incY)
}

// fortran is gonum's name for a transposition, which is the letter of Fortran.
func fortran(t byte) blas.Transpose { return blas.Transpose(t) }

// cblas translates CblasNoTrans = 111, CblasTrans and CblasConjTrans.
func cblas(t int32) blas.Transpose { return blas.Transpose("NTC"[t-111]) }

func other(t blas.Transpose) blas.Transpose {
	if t == blas.NoTrans {
		return blas.Trans
	}
	return blas.NoTrans
}

// matrix is the memory of a matrix that is stored row by row, as far as it may be touched.
func matrix[T any](p *T, t blas.Transpose, rows, cols, ld int) []T {
	if t != blas.NoTrans {
		rows, cols = cols, rows
	}
	if rows == 0 || cols == 0 {
		return nil
	}
	return unsafe.Slice(p, (rows-1)*ld+cols)
}

// vector is the memory of n elements; that of a negative increment begins at the last one.
func vector[T any](p *T, n, inc int) []T {
	if n == 0 {
		return nil
	}
	return unsafe.Slice(p, (n-1)*max(inc, -inc)+1)
}
