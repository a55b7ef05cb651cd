package simd

import "unsafe"

// MaxElems is the most elements that one call of machine code gets: it cannot be preempted, so a
// collection waits for it. The slowest elementwise kernel takes 20 to 40 microseconds for so many.
// The functions of this package make several calls of what is more, if the kernel has no result.
const MaxElems = 1 << 15

// Rows is how many of some rows of n elements make one call; a row is never split. A unit of an
// LSTM takes as long as several elements.
func Rows(rows, n int) int {
	if rows*n <= MaxElems/2 {
		return rows
	}
	return max(1, MaxElems/2/n)
}

// after is the place n elements behind p, where there are more; nil if there is no array.
func after[T float32 | int8](p *T, n int) *T {
	if p == nil {
		return nil
	}
	return (*T)(unsafe.Add(unsafe.Pointer(p), int(unsafe.Sizeof(*p))*n))
}
