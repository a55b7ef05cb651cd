package shared

import (
	"math"

	"gonum.org/v1/gonum/blas"

	"github.com/elbow-go/elbow/internal/size"
)

// BLAS by others wants more of its arguments than package blas does: no leading dimension is 0,
// no slice of a matrix empty, and a stride counts that leads nowhere, since there is one row or
// one element. OpenBLAS takes 32 bits of every size and leaves out the rest. So the arguments of
// such a library go through here: they are checked and given values that mean the same everywhere.

// Limit is the largest size that a library takes.
type Limit int

// The limits of sizes.
const (
	Int   Limit = size.Max
	Int32 Limit = math.MaxInt32
)

// OthersGemm checks and prepares a call of Gemm. It returns the leading dimensions to call with.
// A call with m, n, k or alpha = 0 is not for others: Scale of package tile does what there is to do.
func OthersGemm(most Limit, tA, tB blas.Transpose, m, n, k, lenA, lda, lenB, ldb, lenC, ldc int) (lda1, ldb1, ldc1 int) {
	CheckGemm(tA, tB, m, n, k, lenA, lda, lenB, ldb, lenC, ldc)
	lda, ldb, ldc = stride(tA, m, k, lda), stride(tB, k, n, ldb), stride(blas.NoTrans, m, n, ldc)
	if max(m, n, k, lda, ldb, ldc) > int(most) && m > 0 && n > 0 && k > 0 {
		badLimit("Gemm", int(most), []named{{"m", m}, {"n", n}, {"k", k}, {"lda", lda}, {"ldb", ldb}, {"ldc", ldc}})
	}
	return lda, ldb, ldc
}

// OthersGemv checks and prepares a call of Gemv. It returns the leading dimension and increments
// to call with. A call with m or n = 0 is not for others: it does nothing.
func OthersGemv(most Limit, t blas.Transpose, m, n, lenA, lda, lenX, incX, lenY, incY int) (lda1, incX1, incY1 int) {
	CheckGemv(t, m, n, lenA, lda, lenX, incX, lenY, incY)
	lda = stride(blas.NoTrans, m, n, lda)
	countX, countY := n, m
	if t != blas.NoTrans {
		countX, countY = m, n
	}
	if countX <= 1 {
		incX = 1
	}
	if countY <= 1 {
		incY = 1
	}
	if max(m, n, lda, incX, -incX, incY, -incY) > int(most) && m > 0 && n > 0 {
		badLimit("Gemv", int(most), []named{{"m", m}, {"n", n}, {"lda", lda}, {"|incX|", max(incX, -incX)}, {"|incY|", max(incY, -incY)}})
	}
	return lda, incX, incY
}

// stride returns the leading dimension of op(X) [rows,cols], or the least there is if X has no
// second row, as it is stored.
func stride(t blas.Transpose, rows, cols, ld int) int {
	if t != blas.NoTrans {
		rows, cols = cols, rows
	}
	if rows <= 1 {
		return cols
	}
	return ld
}

// named is a size and its name.
type named struct {
	name string
	size int
}

//go:noinline
func badLimit(fn string, most int, sizes []named) {
	for _, s := range sizes {
		if s.size > most {
			bad(fn, s.name, s.size, "at most", "", most)
		}
	}
}
