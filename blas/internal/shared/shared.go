// Package shared holds what all backends do alike: the argument checks, so that each refuses
// the same calls in the same words, and for BLAS by others what they would refuse.
package shared

import (
	"fmt"

	"gonum.org/v1/gonum/blas"

	"github.com/elbow-go/elbow/internal/size"
)

// CheckGemm panics unless the arguments describe op(A) [m,k], op(B) [k,n] and C [m,n] within
// slices of the given lengths. A matrix without elements may have any length, and 0 as
// its leading dimension.
func CheckGemm(tA, tB blas.Transpose, m, n, k, lenA, lda, lenB, ldb, lenC, ldc int) {
	trans("Gemm", "tA", tA)
	trans("Gemm", "tB", tB)
	notNegative("Gemm", "m", m)
	notNegative("Gemm", "n", n)
	notNegative("Gemm", "k", k)
	switch {
	case tA == blas.NoTrans && !fits(m, k, lenA, lda):
		badMatrix("Gemm", "a", "m", "k", m, k, lenA, lda)
	case tA != blas.NoTrans && !fits(k, m, lenA, lda):
		badMatrix("Gemm", "a", "k", "m", k, m, lenA, lda)
	}
	switch {
	case tB == blas.NoTrans && !fits(k, n, lenB, ldb):
		badMatrix("Gemm", "b", "k", "n", k, n, lenB, ldb)
	case tB != blas.NoTrans && !fits(n, k, lenB, ldb):
		badMatrix("Gemm", "b", "n", "k", n, k, lenB, ldb)
	}
	if !fits(m, n, lenC, ldc) {
		badMatrix("Gemm", "c", "m", "n", m, n, lenC, ldc)
	}
}

// CheckGemv panics unless the arguments describe A [m,n] and the two vectors of op(A)·x.
func CheckGemv(t blas.Transpose, m, n, lenA, lda, lenX, incX, lenY, incY int) {
	trans("Gemv", "t", t)
	notNegative("Gemv", "m", m)
	notNegative("Gemv", "n", n)
	if !fits(m, n, lenA, lda) {
		badMatrix("Gemv", "a", "m", "n", m, n, lenA, lda)
	}
	nameX, countX, nameY, countY := "n", n, "m", m
	if t != blas.NoTrans {
		nameX, countX, nameY, countY = "m", m, "n", n
	}
	if !vectorFits(countX, lenX, incX) {
		badVector("Gemv", "x", "X", nameX, countX, lenX, incX)
	}
	if !vectorFits(countY, lenY, incY) {
		badVector("Gemv", "y", "Y", nameY, countY, lenY, incY)
	}
}

// CheckPack panics unless the arguments describe op(B) [k,n].
func CheckPack(t blas.Transpose, k, n, lenB, ldb int) {
	const fn = "Packed.Pack"
	trans(fn, "t", t)
	notNegative(fn, "k", k)
	notNegative(fn, "n", n)
	switch {
	case t == blas.NoTrans && !fits(k, n, lenB, ldb):
		badMatrix(fn, "b", "k", "n", k, n, lenB, ldb)
	case t != blas.NoTrans && !fits(n, k, lenB, ldb):
		badMatrix(fn, "b", "n", "k", n, k, lenB, ldb)
	}
}

// CheckPacked panics unless the arguments describe the rows k0..k1 and columns j0..j1 of op(B)
// [k,n], A [m,k1-k0] and C [m,j1-j0].
func CheckPacked(fn string, m, k0, k1, j0, j1, k, n, lenA, lda, lenC, ldc int) {
	notNegative(fn, "m", m)
	part(fn, "k0..k1", k0, k1, k)
	part(fn, "j0..j1", j0, j1, n)
	if lda < min(1, k1-k0) { // its rows may overlap
		bad(fn, "lda", lda, "at least", "", 1)
	}
	if want := size.Matrix(m, k1-k0, lda); lenA < want {
		bad(fn, "len(a)", lenA, "at least", "(m-1)*lda+k", want)
	}
	if !fits(m, j1-j0, lenC, ldc) {
		badMatrix(fn, "c", "m", "n", m, j1-j0, lenC, ldc)
	}
}

// CheckEnds panics unless ends are those of the parts of a product, one after the other, and returns the last
// one.
func CheckEnds(ends []int) int {
	if len(ends) == 0 {
		bad("Gemm", "len(ends)", 0, "at least", "", 1)
	}
	last := 0
	for i, end := range ends {
		if end < last {
			bad("Gemm", fmt.Sprintf("ends[%d]", i), end, "at least", "", last)
		}
		last = end
	}
	return last
}

// CheckBias panics unless a bias has n elements.
func CheckBias(fn string, n, lenBias int) {
	if lenBias < n {
		bad(fn, "len(bias)", lenBias, "at least", "j1-j0", n)
	}
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

func notNegative(fn, arg string, got int) {
	if got < 0 {
		bad(fn, arg, got, "at least", "", 0)
	}
}

// fits reports whether a slice of some length holds a row-major matrix of rows x cols; the last
// row may end with its last element. It is small enough to be a part of its callers: a product
// of a few numbers takes no longer than a dozen calls.
func fits(rows, cols, length, ld int) bool {
	return ld >= cols && length >= size.Matrix(rows, cols, ld)
}

// vectorFits is fits for a vector, which is a column of a matrix. The least of all ints is its
// own negative, which package size takes for what it is: too large.
func vectorFits(count, length, inc int) bool {
	return inc != 0 && length >= size.Matrix(count, 1, max(inc, -inc))
}

// badMatrix panics because of what does not fit.
//
//go:noinline
func badMatrix(fn, arg, rowsName, colsName string, rows, cols, length, ld int) {
	if ld < cols {
		bad(fn, "ld"+arg, ld, "at least", colsName, cols)
	}
	bad(fn, "len("+arg+")", length, "at least", "("+rowsName+"-1)*ld"+arg+"+"+colsName, size.Matrix(rows, cols, ld))
}

// badVector is badMatrix for a vector.
//
//go:noinline
func badVector(fn, arg, upper, countName string, count, length, inc int) {
	if inc == 0 {
		bad(fn, "inc"+upper, inc, "anything but", "", 0)
	}
	bad(fn, "len("+arg+")", length, "at least", "("+countName+"-1)*|inc"+upper+"|+1", size.Matrix(count, 1, max(inc, -inc)))
}

// bad panics. formula is what want was computed from, if anything.
//
//go:noinline
func bad(fn, arg string, got int, relation, formula string, want int) {
	switch {
	case formula != "" && want == size.Max: // the value may be more than that
		formula += " >= "
	case formula != "":
		formula += " = "
	}
	panic(fmt.Sprintf("blas: %s: %s = %d, want %s %s%d", fn, arg, got, relation, formula, want))
}

// BadNil panics because argument arg of fn is nil.
//
//go:noinline
func BadNil(fn, arg string) {
	panic(fmt.Sprintf("blas: %s: %s = nil, want a matrix of Packed.Pack", fn, arg))
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
