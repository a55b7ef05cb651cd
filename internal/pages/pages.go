// Package pages makes large slices that the processor finds its way through quickly.
//
// A processor translates addresses page by page and remembers some 100 translations at once,
// 2,000 on second thought. Packed weights and a batch of gates are read across more pages of
// 4 KB than that, and on a virtual machine each translation that is not remembered costs two
// walks through tables: a step of an LSTM with 1024 units took 11 to 20 % longer. On Linux a
// page can have 2 MB, and programs can ask for it; many systems give such pages to nobody who
// does not (/sys/kernel/mm/transparent_hugepage/enabled: madvise).
//
// The memory is Go's, freed as any other. Its neighbours on the same 2 MB come along, so a
// slice may hold that much more of the machine's memory. Where there are no such pages, a
// slice is as Go makes it.
package pages

import "unsafe"

// least is the size in bytes from which a slice is worth asking for: a third of what the first
// table of translations covers.
const least = 128 << 10

// Make returns n zeros.
func Make[T any](n int) []T {
	s := make([]T, n)
	Advise(s)
	return s
}

// Grow returns s with length n, reallocated only if it was never that long. The elements are
// whatever they were.
func Grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return Make[T](n)
	}
	return s[:n]
}

// Advise asks for large pages for s, with what is in it, and returns the error of the system, if
// any: s is as good as it was, but slower. Small slices are left where they are.
func Advise[T any](s []T) error {
	var t T
	if size := uintptr(cap(s)) * unsafe.Sizeof(t); size >= least {
		return advise(unsafe.Pointer(unsafe.SliceData(s)), size)
	}
	return nil
}
