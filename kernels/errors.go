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
		badArg(fn, "len("+arg+")", got, want)
	}
}

// checkSize panics unless the size or count arg is at least least.
func checkSize(fn, arg string, got, least int) {
	if got < least {
		badArg(fn, arg, got, least)
	}
}

// checkMost panics if the size arg is above most.
func checkMost(fn, arg string, got, most int) {
	if got > most {
		badMost(fn, arg, uint64(got), uint64(most))
	}
}

// checkMatrix panics unless a slice of length n holds a row-major matrix with row stride ld,
// none of whose sizes has been checked before.
func checkMatrix(fn, arg string, n, rows, cols, ld int) {
	switch { // the texts are put together only when needed
	case rows < 0:
		badArg(fn, "rows of "+arg, rows, 0)
	case cols < 0:
		badArg(fn, "cols of "+arg, cols, 0)
	case ld < cols:
		badArg(fn, "row stride of "+arg, ld, cols)
	}
	checkLen(fn, arg, n, size.Matrix(rows, cols, ld))
}

// checkGateSizes is the check of the two sizes that every gate kernel has.
func checkGateSizes(fn string, batch, hidden int) {
	checkSize(fn, "batch", batch, 0)
	checkSize(fn, "hidden", hidden, 0)
}

// checkGate panics unless a slice of length n holds rows of cols elements, ld apart, all of
// which have been checked.
func checkGate(fn, arg string, n, rows, cols, ld int) {
	checkLen(fn, arg, n, size.Matrix(rows, cols, ld))
}

// checkGateOrNil is checkGate for an argument that may be nil.
func checkGateOrNil[T Float](fn, arg string, x []T, rows, cols int) {
	if x != nil {
		checkGate(fn, arg, len(x), rows, cols, cols)
	}
}

//go:noinline
func badArg(fn, arg string, got, want int) {
	panic(fmt.Sprintf("kernels: %s: %s = %d, want at least %d", fn, arg, got, want))
}

//go:noinline
func badMost(fn, arg string, got, most uint64) {
	panic(fmt.Sprintf("kernels: %s: %s = %d, want at most %d", fn, arg, got, most))
}
