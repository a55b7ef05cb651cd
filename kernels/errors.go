package kernels

import (
	"fmt"

	"github.com/elbow-go/elbow/internal/size"
)

// The checks of the exported functions. A wrong length is a bug in the caller, so it
// panics, before anything is written. What sizes amount to is computed by package size, in
// which nothing wraps around; of what an int cannot hold the text says the largest int. The
// texts are built in functions of their own, out of the way.

// checkLen panics unless slice arg of function fn has at least want elements.
func checkLen(fn, arg string, got, want int) {
	if got < want {
		panic(badArg(fn, "len("+arg+")", got, want))
	}
}

// checkSize panics unless the size or count arg is at least least.
func checkSize(fn, arg string, got, least int) {
	if got < least {
		panic(badArg(fn, arg, got, least))
	}
}

// checkMost panics if the size arg is above most.
func checkMost(fn, arg string, got, most int) {
	if got > most {
		panic(badMost(fn, arg, uint64(got), uint64(most)))
	}
}

// checkMatrix panics unless a slice of length n holds a row-major matrix with row stride ld,
// none of whose sizes has been checked before.
func checkMatrix(fn, arg string, n, rows, cols, ld int) {
	switch { // the texts are put together only when needed
	case rows < 0:
		panic(badArg(fn, "rows of "+arg, rows, 0))
	case cols < 0:
		panic(badArg(fn, "cols of "+arg, cols, 0))
	case ld < cols:
		panic(badArg(fn, "row stride of "+arg, ld, cols))
	}
	checkLen(fn, arg, n, size.Matrix(rows, cols, ld))
}

// checkSizes is the check of the two sizes of a matrix that several arguments have.
func checkSizes(fn string, rows, cols int) {
	checkSize(fn, "rows", rows, 0)
	checkSize(fn, "cols", cols, 0)
}

// checkDense panics unless a slice of length n holds a dense matrix, whose sizes have been checked.
func checkDense(fn, arg string, n, rows, cols int) { checkLen(fn, arg, n, size.Mul(rows, cols)) }

// checkDenseOrNil is checkDense for an argument that may be nil.
func checkDenseOrNil[T Float](fn, arg string, x []T, rows, cols int) {
	if x != nil {
		checkDense(fn, arg, len(x), rows, cols)
	}
}

// checkLenOrNil is checkLen for an argument that may be nil.
func checkLenOrNil[T Float](fn, arg string, x []T, want int) {
	if x != nil {
		checkLen(fn, arg, len(x), want)
	}
}

// checkGate panics unless a slice of length n holds rows of cols elements, ld apart, all of
// which have been checked.
func checkGate(fn, arg string, n, rows, cols, ld int) {
	checkLen(fn, arg, n, size.Matrix(rows, cols, ld))
}

//go:noinline
func badArg(fn, arg string, got, want int) any {
	return fmt.Sprintf("kernels: %s: %s = %d, want at least %d", fn, arg, got, want)
}

// badField is badArg for the length of a slice in a struct.
//
//go:noinline
func badField(fn, arg, field string, got, want int) any {
	return badArg(fn, "len("+arg+"."+field+")", got, want)
}

// checkSet panics if a setting that cannot be 0 is, because the caller has left it out.
func checkSet[T Float](fn, arg string, x T) {
	if x == 0 {
		panic(badSetting(fn, arg))
	}
}

//go:noinline
func badSetting(fn, arg string) any {
	return "kernels: " + fn + ": " + arg + " = 0, want it set"
}

//go:noinline
func badMomentum(fn string, got float64) any {
	return fmt.Sprintf("kernels: %s: o.Momentum = %v without m, want 0", fn, got)
}

//go:noinline
func badMask(fn, arg string) any {
	return "kernels: " + fn + ": " + arg + ".Mask is set, want nil"
}

//go:noinline
func badNil(fn, arg string) any {
	return "kernels: " + fn + ": " + arg + " = nil, want what it points to"
}

// badOther is for two fields that have to be the same.
//
//go:noinline
func badOther(fn, arg string, got any, other string, want any) any {
	return fmt.Sprintf("kernels: %s: %s = %v, want %s = %v", fn, arg, got, other, want)
}

//go:noinline
func badMost(fn, arg string, got, most uint64) any {
	return fmt.Sprintf("kernels: %s: %s = %d, want at most %d", fn, arg, got, most)
}
