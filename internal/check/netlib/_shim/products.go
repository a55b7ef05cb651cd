package main

import (
	"fmt"
	"os"
	"sync/atomic"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/blas"
	"github.com/elbow-go/elbow/blas/gonumblas"
)

var (
	way   = os.Getenv("NETLIB_WAY")
	plant atomic.Bool // the next product of some size is to be wrong
)

func init() { plant.Store(os.Getenv("NETLIB_PLANT") != "") }

// plantedError is what one element of one product is wrong by. The elements that are multiplied
// are below 1/2, and the drivers allow some 1e-5 in float32.
const plantedError = 1e-3

// gemm is a row-major product in the way that was asked for.
func gemm[T blas.Float](tA, tB blas.Transpose, m32, n32, k32 int32, alpha T, a *T, lda32 int32, b *T, ldb32 int32, beta T, c *T, ldc32 int32) {
	announce()
	m, n, k, lda, ldb, ldc := int(m32), int(n32), int(k32), int(lda32), int(ldb32), int(ldc32)
	as, bs, cs := matrix(a, tA, m, k, lda), matrix(b, tB, k, n, ldb), matrix(c, blas.NoTrans, m, n, ldc)
	switch way {
	case "plain":
		blas.Gemm(tA, tB, m, n, k, alpha, as, lda, bs, ldb, beta, cs, ldc)
	case "packed":
		packed(tA, tB, m, n, k, alpha, as, lda, bs, ldb, beta, cs, ldc)
	case "threads":
		threads(tA, tB, m, n, k, alpha, as, lda, bs, ldb, beta, cs, ldc)
	case "gonumblas":
		var g gonumblas.Implementation
		switch as := any(as).(type) {
		case []float32:
			g.Sgemm(tA, tB, m, n, k, float32(alpha), as, lda, any(bs).([]float32), ldb, float32(beta), any(cs).([]float32), ldc)
		case []float64:
			g.Dgemm(tA, tB, m, n, k, float64(alpha), as, lda, any(bs).([]float64), ldb, float64(beta), any(cs).([]float64), ldc)
		}
	default:
		unknownWay()
	}
	if min(m, n, k) > 2 && alpha != 0 && plant.CompareAndSwap(true, false) {
		cs[len(cs)-1] += plantedError
	}
}

// packed multiplies by a matrix that is packed beforehand, in one go or, if a size is odd, cut in
// two there. alpha and the transposition of A go into a copy of A, as GemmPacked has neither.
func packed[T blas.Float](tA, tB blas.Transpose, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	if m == 0 || n == 0 {
		return
	}
	if alpha != 1 || tA != blas.NoTrans {
		a, lda = stretch(tA, m, k, k, alpha, a, lda), k
	}
	var p blas.Packed[T]
	p.Pack(tB, k, n, b, ldb)
	for _, col := range cut(n) {
		beta := beta
		for _, row := range cut(k) {
			blas.GemmPacked(m, row[0], row[1], col[0], col[1], a[row[0]:], lda, &p, beta, c[col[0]:], ldc)
			beta = 1
		}
	}
}

// cut splits an odd number of things in two parts that are not equal.
func cut(n int) [][2]int {
	if n%2 == 0 || n < 3 {
		return [][2]int{{0, n}}
	}
	return [][2]int{{0, n / 3}, {n / 3, n}}
}

// threads multiplies on several goroutines. The largest matrices of the drivers are too small to
// be split where machine code multiplies, so there k is stretched by zeros, which change nothing.
// Two parts are columns, three are rows.
func threads[T blas.Float](tA, tB blas.Transpose, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	parts := 3
	if alpha == 1 {
		parts = 2
	}
	const enough = 1 << 14
	if _, single := any(alpha).(float32); single && asm.Active() != asm.Generic && min(m, n, k) >= 64 {
		a, b = stretch(tA, m, k, enough, 1, a, lda), stretch(other(tB), n, k, enough, 1, b, ldb)
		tA, tB, k, lda, ldb = blas.NoTrans, blas.Trans, enough, enough, enough
	}
	blas.GemmThreads(parts, tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// stretch returns alpha op(A) [rows, cols], with zeros behind each row, as [rows, to].
func stretch[T blas.Float](t blas.Transpose, rows, cols, to int, alpha T, a []T, lda int) []T {
	out := make([]T, rows*to)
	for i := range rows {
		for j := range cols {
			at := i*lda + j
			if t != blas.NoTrans {
				at = j*lda + i
			}
			out[i*to+j] = alpha * a[at]
		}
	}
	return out
}

// gemv is the row-major product with a vector in the way that was asked for.
func gemv[T blas.Float](t blas.Transpose, m32, n32 int32, alpha T, a *T, lda32 int32, x *T, incX32 int32, beta T, y *T, incY32 int32) {
	announce()
	m, n, lda, incX, incY := int(m32), int(n32), int(lda32), int(incX32), int(incY32)
	lenX, lenY := n, m
	if t != blas.NoTrans {
		lenX, lenY = m, n
	}
	as, xs, ys := matrix(a, blas.NoTrans, m, n, lda), vector(x, lenX, incX), vector(y, lenY, incY)
	switch way {
	case "plain":
		blas.Gemv(t, m, n, alpha, as, lda, xs, incX, beta, ys, incY)
	case "gonumblas":
		var g gonumblas.Implementation
		switch as := any(as).(type) {
		case []float32:
			g.Sgemv(t, m, n, float32(alpha), as, lda, any(xs).([]float32), incX, float32(beta), any(ys).([]float32), incY)
		case []float64:
			g.Dgemv(t, m, n, float64(alpha), as, lda, any(xs).([]float64), incX, float64(beta), any(ys).([]float64), incY)
		}
	default:
		unknownWay()
	}
	if min(m, n) > 2 && alpha != 0 && plant.CompareAndSwap(true, false) {
		ys[len(ys)-1] += plantedError
	}
}

// unknownWay ends the process: a driver would take a product that is missing for a wrong one.
func unknownWay() {
	fmt.Fprintf(os.Stderr, "shim: NETLIB_WAY is %q\n", way)
	os.Exit(2)
}
