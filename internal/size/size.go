// Package size computes how many elements the sizes of a caller stand for, without overflow.
//
// Sizes and strides come from outside, and their product may wrap around to a small number
// that every slice satisfies. Here a result that an int cannot hold is [Max], which no slice
// of numbers reaches: a check that compares a length with such a result needs no cases.
//
// Products are taken in 128 bits. That is the same test as a division by one of the factors,
// and a division takes as long as ten products: a step of a small layer checks eight slices.
package size

import (
	"math"
	"math/bits"
)

// Max stands for itself and for all that is larger.
const Max = math.MaxInt

// Mul returns x*y, at most Max. A negative factor counts as one above Max, so that only a
// product with 0 hides it.
func Mul(x, y int) int {
	hi, lo := bits.Mul64(uint64(x), uint64(y))
	if hi != 0 || lo > Max {
		return Max
	}
	return int(lo)
}

// Add returns x+y, at most Max, for x and y that are not negative.
func Add(x, y int) int { return min(x, Max-y) + y }

// Matrix returns how many elements a row-major matrix with row stride ld takes, at most Max:
//
//	(rows-1)*ld + cols      or 0 if rows or cols is 0
//
// The last row ends with its last element. rows and cols must not be negative.
func Matrix(rows, cols, ld int) int {
	if rows == 0 || cols == 0 {
		return 0
	}
	return Add(Mul(rows-1, ld), cols)
}
