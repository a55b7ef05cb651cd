// Package shared holds what all backends do alike: the argument checks, so that each refuses
// the same calls in the same words, and the scaling of C by beta.
package shared

import (
	"fmt"

	"gonum.org/v1/gonum/blas"
)

// CheckGemm panics unless the arguments describe op(A) [m,k], op(B) [k,n] and C [m,n] within
// slices of the given lengths. A matrix without elements may have any length, and 0 as
// its leading dimension.
func CheckGemm(tA, tB blas.Transpose, m, n, k, lenA, lda, lenB, ldb, lenC, ldc int) {
	trans("Gemm", "tA", tA)
	trans("Gemm", "tB", tB)
	size("Gemm", "m", m)
	size("Gemm", "n", n)
	size("Gemm", "k", k)
	if tA == blas.NoTrans {
		matrix("Gemm", "a", "m", "k", m, k, lenA, lda)
	} else {
		matrix("Gemm", "a", "k", "m", k, m, lenA, lda)
	}
	if tB == blas.NoTrans {
		matrix("Gemm", "b", "k", "n", k, n, lenB, ldb)
	} else {
		matrix("Gemm", "b", "n", "k", n, k, lenB, ldb)
	}
	matrix("Gemm", "c", "m", "n", m, n, lenC, ldc)
}

// CheckGemv panics unless the arguments describe A [m,n] and the two vectors of op(A)·x.
func CheckGemv(t blas.Transpose, m, n, lenA, lda, lenX, incX, lenY, incY int) {
	trans("Gemv", "t", t)
	size("Gemv", "m", m)
	size("Gemv", "n", n)
	matrix("Gemv", "a", "m", "n", m, n, lenA, lda)
	if t == blas.NoTrans {
		vector("Gemv", "x", "X", "n", n, lenX, incX)
		vector("Gemv", "y", "Y", "m", m, lenY, incY)
	} else {
		vector("Gemv", "x", "X", "m", m, lenX, incX)
		vector("Gemv", "y", "Y", "n", n, lenY, incY)
	}
}

// CheckPack panics unless the arguments describe op(B) [k,n].
func CheckPack(t blas.Transpose, k, n, lenB, ldb int) {
	const fn = "Packed.Pack"
	trans(fn, "t", t)
	size(fn, "k", k)
	size(fn, "n", n)
	if t == blas.NoTrans {
		matrix(fn, "b", "k", "n", k, n, lenB, ldb)
	} else {
		matrix(fn, "b", "n", "k", n, k, lenB, ldb)
	}
}

// CheckPacked panics unless the arguments describe the rows k0..k1 and columns j0..j1 of op(B)
// [k,n], A [m,k1-k0] and C [m,j1-j0].
func CheckPacked(m, k0, k1, j0, j1, k, n, lenA, lda, lenC, ldc int) {
	const fn = "GemmPacked"
	size(fn, "m", m)
	part(fn, "k0..k1", k0, k1, k)
	part(fn, "j0..j1", j0, j1, n)
	matrix(fn, "a", "m", "k", m, k1-k0, lenA, lda)
	matrix(fn, "c", "m", "n", m, j1-j0, lenC, ldc)
}

func part(fn, arg string, from, to, n int) {
	if from < 0 || to < from || to > n {
		badPart(fn, arg, from, to, n)
	}
}

func trans(fn, arg string, t blas.Transpose) {
	switch t {
	case blas.NoTrans, blas.Trans, blas.ConjTrans:
	default:
		badTrans(fn, arg, t)
	}
}

func size(fn, arg string, got int) {
	if got < 0 {
		bad(fn, arg, got, "at least", "", 0)
	}
}

// matrix checks a row-major matrix of rows x cols; the last row may end with its last element.
func matrix(fn, arg, rowsName, colsName string, rows, cols, length, ld int) {
	if ld < cols {
		bad(fn, "ld"+arg, ld, "at least", colsName, cols)
	}
	if rows > 0 && cols > 0 && length < (rows-1)*ld+cols {
		bad(fn, "len("+arg+")", length, "at least", "("+rowsName+"-1)*ld"+arg+"+"+colsName, (rows-1)*ld+cols)
	}
}

func vector(fn, arg, upper, countName string, count, length, inc int) {
	if inc == 0 {
		bad(fn, "inc"+upper, inc, "anything but", "", 0)
	}
	if step := max(inc, -inc); count > 0 && length < (count-1)*step+1 {
		bad(fn, "len("+arg+")", length, "at least", "("+countName+"-1)*|inc"+upper+"|+1", (count-1)*step+1)
	}
}

//go:noinline
func bad(fn, arg string, got int, relation, formula string, want int) {
	if formula != "" {
		formula += " = "
	}
	panic(fmt.Sprintf("blas: %s: %s = %d, want %s %s%d", fn, arg, got, relation, formula, want))
}

//go:noinline
func badTrans(fn, arg string, got blas.Transpose) {
	panic(fmt.Sprintf("blas: %s: %s = %q, want NoTrans (%q), Trans (%q) or ConjTrans (%q)",
		fn, arg, rune(got), rune(blas.NoTrans), rune(blas.Trans), rune(blas.ConjTrans)))
}

//go:noinline
func badPart(fn, arg string, from, to, n int) {
	panic(fmt.Sprintf("blas: %s: %s = %d..%d, want a part of 0..%d", fn, arg, from, to, n))
}

// Scale sets the m x n matrix C to beta*C, without a look at C if beta is 0.
func Scale[T float32 | float64](m, n int, beta T, c []T, ldc int) {
	if beta == 1 {
		return
	}
	for i := range m {
		row := c[i*ldc:][:n]
		if beta == 0 {
			clear(row)
			continue
		}
		for j := range row {
			row[j] *= beta
		}
	}
}
