package cell

import (
	"fmt"
	"math"

	"github.com/elbow-go/elbow/internal/size"
)

// The checks of the exported functions. What does not fit is a bug of the caller and panics,
// before anything is written. No size gets past them by a product that overflows.

// The largest sizes. They are far beyond what anybody trains and keep every product of sizes
// within an int.
const (
	MaxSize    = 1 << 24       // inputs, outputs and units of a layer
	MaxWeights = math.MaxInt32 // elements of a matrix of parameters
	MaxSteps   = 1 << 28       // steps of a sequence
	MaxRows    = 1 << 30       // steps of all sequences of a batch, and rows in general
	MaxThreads = 1 << 12       // goroutines
)

// checkSize panics unless arg is within 0..most.
func checkSize(fn, arg string, got, most int) {
	if got < 0 || got > most {
		panic(fmt.Sprintf("cell: %s: %s = %d, want 0..%d", fn, arg, got, most))
	}
}

// checkMatrix panics unless slice arg of function fn has room for rows of cols columns. A negative
// number of either is taken for a very large one.
func checkMatrix(fn, arg string, got, rows, cols int) {
	if size.Mul(rows, cols) > got {
		badLen(fn, arg, got, rows, cols)
	}
}

// checkExact panics unless arg has rows*cols elements, no more: what is longer than a batch is often
// a batch of another layout.
func checkExact(fn, arg string, got, rows, cols int) {
	checkMatrix(fn, arg, got, rows, cols)
	if want := rows * cols; got != want {
		panic(fmt.Sprintf("cell: %s: len(%s) = %d, want %d", fn, arg, got, want))
	}
}

//go:noinline
func badLen(fn, arg string, got, rows, cols int) {
	want := fmt.Sprintf("%d*%d", rows, cols)
	if n := size.Mul(rows, cols); n < size.Max {
		want = fmt.Sprint(n)
	}
	panic(fmt.Sprintf("cell: %s: len(%s) = %d, want at least %s", fn, arg, got, want))
}

// checkRange panics unless lo..hi is a range of columns (or rows, or steps) within 0..n.
func checkRange(fn, what string, lo, hi, n int) {
	if lo < 0 || hi < lo || hi > n {
		panic(fmt.Sprintf("cell: %s: %s = %d..%d, want a range within 0..%d", fn, what, lo, hi, n))
	}
}

// checkIndex panics unless i is within 0..n-1.
func checkIndex(fn, what string, i, n int) {
	if i < 0 || i >= n {
		badIndex(fn, what, i, n)
	}
}

//go:noinline
func badIndex(fn, what string, i, n int) {
	panic(fmt.Sprintf("cell: %s: %s = %d, want at least 0 and less than %d", fn, what, i, n))
}

// checkWeights panics unless a matrix of rows*cols parameters, which are sizes, may be made.
func checkWeights(fn, what string, rows, cols int) {
	if size.Mul(rows, cols) > MaxWeights {
		panic(fmt.Sprintf("cell: %s: %s has %d*%d elements, want at most %d", fn, what, rows, cols, MaxWeights))
	}
}

// checkTensor panics unless a parameter of a layer has the given number of elements. The name of
// the layer goes before that of the parameter.
func checkTensor(fn, layer, name string, got, rows, cols int) {
	if size.Mul(rows, cols) != got {
		panic(fmt.Sprintf("cell: %s: len(%s%s) = %d, want %d*%d, as a new layer has it", fn, layer, name, got, rows, cols))
	}
}

// maxRoom is the largest number of elements of a workspace: more than there is memory.
const maxRoom = min(1<<44, math.MaxInt>>4)

// checkRoom panics if rows of cols columns, which are sizes, are more than any memory holds.
func checkRoom(fn string, rows, cols int) {
	if size.Mul(rows, cols) > maxRoom {
		panic(fmt.Sprintf("cell: %s: %d rows of %d elements are more than any memory holds", fn, rows, cols))
	}
}

// checkParts panics unless there is a part i of so many.
func checkParts(fn string, i, parts int) {
	if parts < 1 || parts > MaxThreads {
		panic(fmt.Sprintf("cell: %s: parts = %d, want 1..%d", fn, parts, MaxThreads))
	}
	checkIndex(fn, "i", i, parts)
}

// checkColumns panics unless x are the parts of a matrix of so many rows and columns, next to each
// other.
func checkColumns[T Float](fn string, x [][]T, rows, cols int) {
	if rows == 0 {
		return
	}
	got := 0
	for i, x := range x {
		if len(x)%rows != 0 {
			panic(fmt.Sprintf("cell: %s: len(x[%d]) = %d, want a multiple of %d rows", fn, i, len(x), rows))
		}
		got += len(x) / rows
	}
	if got != cols {
		panic(fmt.Sprintf("cell: %s: x has %d columns, want %d", fn, got, cols))
	}
}

// checkStates panics unless states h and c of a batch have room for those of l, or are nil. What has no
// state c is given none: it would be ignored.
func (l *Recurrent[T]) checkStates(fn string, batch int, nameH string, h []T, nameC string, c []T) {
	if h != nil {
		checkMatrix(fn, nameH, len(h), batch, l.Out())
	}
	switch {
	case c == nil:
	case l.cell.form().memory:
		checkMatrix(fn, nameC, len(c), batch, l.Hidden)
	case len(c) > 0:
		badMemory(fn, nameC, len(c), "a layer of kind "+l.Kind.String())
	}
}

// badMemory is the panic of a function that was given a state c, or room for one, for what has none.
//
//go:noinline
func badMemory(fn, arg string, got int, what string) {
	panic(fmt.Sprintf("cell: %s: len(%s) = %d, want 0: %s has no state c", fn, arg, got, what))
}
