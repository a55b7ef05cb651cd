package blas

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/blas/internal/shared"
	"github.com/elbow-go/elbow/internal/tile"
)

// Gemm multiplies two matrices and adds a third.
//
//	C = alpha op(A) op(B) + beta C          op(X) = X or, with Trans, X^T
//
// op(A) is [m,k], op(B) is [k,n], C is [m,n]; all are row-major with leading dimensions
// lda, ldb and ldc, in elements, at least the width of the matrix as it is stored: A is
// [m,k] with NoTrans and [k,m] with Trans. The slices may end with the last element of the
// last row. In a layer y = x W^T is NoTrans, Trans; dx = dy W is NoTrans, NoTrans; and
// dW += dy^T x is Trans, NoTrans with beta = 1.
//
// C is overwritten; with beta = 0 it is not read. A and B may overlap each other, not C.
// What lies between the rows is neither read nor written. With m or n = 0 nothing happens;
// with k = 0 or alpha = 0, C becomes beta C, and A and B are not read.
//
// A NaN or Inf reaches the row of C of its row of op(A) or the column of its column of
// op(B), also where it meets a zero. float32 under the backend go follows the bit contract
// of the package comment; every backend is within
//
//	(k+2) 2^-24 (|alpha| |op(A)| |op(B)| + |beta C|) + (k+2) max(1, |alpha|) 2^-149
//
// of the exact value, to first order, as long as nothing overflows; float64 with 2^-53 in
// place of 2^-24, and 2^-1074. Gemm panics if an argument does not fit, before anything is
// written. It starts no goroutine and allocates nothing.
//
// Source: Dongarra, Du Croz, Hammarling and Duff 1990.
func Gemm[T Float](tA, tB Transpose, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	switch a := any(a).(type) {
	case []float32:
		sgemm(tA, tB, m, n, k, float32(alpha), a, lda, any(b).([]float32), ldb, float32(beta), any(c).([]float32), ldc)
	case []float64:
		dgemm(tA, tB, m, n, k, float64(alpha), a, lda, any(b).([]float64), ldb, float64(beta), any(c).([]float64), ldc)
	}
}

// A Side is what one of several products has for itself that share their first operand: B [k,N] with
// leading dimension Ldb, and C [m,N] with leading dimension Ldc.
type Side[T Float] = tile.Side[T]

// GemmTN multiplies one transposed matrix by a B of each of several products, and adds a C.
//
//	C = A^T B + beta C      for the B and C of every side
//
// A is [k,m] as it is stored, row-major with leading dimension lda. In a layer with several inputs it is
// dy, and every input, or state, is the B of a side: dW += dy^T x with beta = 1. Under the backend go a large A,
// which products copy into another order, is copied once for all of them; the bits are those of [Gemm] for
// each side with alpha = 1, and other backends call that. All that is said of Gemm holds here
// too. No C may overlap another.
//
// ends are the rows of A and B where a part of them ends, in ascending order, the last one being k. With more
// than one end the parts are multiplied by themselves and added up along a binary tree: with P_i being the
// product of part i, and beta C added to that of the first,
//
//	C = ((P_0 + P_1) + (P_2 + P_3)) + ((P_4 + P_5) + P_6)
//
// to the left always as many parts as are a power of 2. So the sum over a batch may be that of parts of it which
// were computed elsewhere, bit for bit. A part of nothing is +0. Such products are those of the backend go
// whatever the backend is. A part costs as much as writing C to a cache does: with AVX-512 eight of 12 rows
// take 1.2 times as long as one of 100, eight of 32 rows 1.04 times as long as one of 256.
func GemmTN[T Float](m int, ends []int, a []T, lda int, beta T, sides []Side[T]) {
	k := shared.CheckEnds(ends)
	shared.CheckGemm(Trans, NoTrans, m, 0, k, len(a), lda, 0, 0, 0, 0)
	for i := range sides {
		s := &sides[i]
		shared.CheckGemm(Trans, NoTrans, m, s.N, k, len(a), lda, len(s.B), s.Ldb, len(s.C), s.Ldc)
	}
	if active.Load() == 0 || len(ends) > 1 { // the backend go
		tile.GemmTN(asm.Active(), m, ends, a, lda, beta, sides)
		return
	}
	for i := range sides {
		s := &sides[i]
		Gemm(Trans, NoTrans, m, s.N, k, 1, a, lda, s.B, s.Ldb, beta, s.C, s.Ldc)
	}
}

// Gemv multiplies a matrix and a vector and adds a second vector.
//
//	y = alpha op(A) x + beta y
//
// A is [m,n] as it is stored, whatever t is: x has n and y has m elements with NoTrans, the
// other way round with Trans. A is row-major with leading dimension lda. Elements are |incX|
// and |incY| apart; with a negative increment the vector is stored backwards, its last
// element at index 0, as in BLAS. An increment of 0 is refused.
//
// y is overwritten; with beta = 0 it is not read. A and x may overlap each other, not y.
// What lies between rows and elements is neither read nor written. With m or n = 0 nothing
// happens, not even a scaling of y (as in BLAS); with alpha = 0, y becomes beta y.
//
// float32 under the backend go gives the bits of the same product by Gemm. NaN and Inf, the
// bound, panics, goroutines and allocations are as for Gemm.
func Gemv[T Float](t Transpose, m, n int, alpha T, a []T, lda int, x []T, incX int, beta T, y []T, incY int) {
	switch a := any(a).(type) {
	case []float32:
		sgemv(t, m, n, float32(alpha), a, lda, any(x).([]float32), incX, float32(beta), any(y).([]float32), incY)
	case []float64:
		dgemv(t, m, n, float64(alpha), a, lda, any(x).([]float64), incX, float64(beta), any(y).([]float64), incY)
	}
}

// Go is the backend "go": the products of this package, in plain Go or machine code.
type Go struct{}

// Name returns "go".
func (Go) Name() string { return "go" }

// Sgemm is Gemm[float32] under the active instruction set of package asm.
func (Go) Sgemm(tA, tB Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	shared.CheckGemm(tA, tB, m, n, k, len(a), lda, len(b), ldb, len(c), ldc)
	tile.Gemm(asm.Active(), tA != NoTrans, tB != NoTrans, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// Dgemm is Gemm[float64] under the active instruction set of package asm.
func (Go) Dgemm(tA, tB Transpose, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	shared.CheckGemm(tA, tB, m, n, k, len(a), lda, len(b), ldb, len(c), ldc)
	tile.Gemm(asm.Active(), tA != NoTrans, tB != NoTrans, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// Sgemv is Gemv[float32] under the active instruction set of package asm.
func (Go) Sgemv(t Transpose, m, n int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int) {
	shared.CheckGemv(t, m, n, len(a), lda, len(x), incX, len(y), incY)
	tile.Gemv(asm.Active(), t != NoTrans, m, n, alpha, a, lda, x, incX, beta, y, incY)
}

// Dgemv is Gemv[float64] under the active instruction set of package asm.
func (Go) Dgemv(t Transpose, m, n int, alpha float64, a []float64, lda int, x []float64, incX int, beta float64, y []float64, incY int) {
	shared.CheckGemv(t, m, n, len(a), lda, len(x), incX, len(y), incY)
	tile.Gemv(asm.Active(), t != NoTrans, m, n, alpha, a, lda, x, incX, beta, y, incY)
}
