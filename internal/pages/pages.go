// Package pages makes large slices that the processor finds its way through quickly.
//
// Memory is divided into pages of 4 KB, and a processor has to translate the address of each. It
// keeps about 100 recent translations at hand, and about 2,000 in a slower table behind that.
// Packed weights and a batch of gates are spread over more pages than both tables hold, and a
// translation that is missing has to be looked up in memory, on a virtual machine twice: this made
// a step of an LSTM with 1024 units 11 to 20 % slower. Linux also has pages of 2 MB, but on many
// systems only for programs that ask for them (where
// /sys/kernel/mm/transparent_hugepage/enabled says madvise). This package asks.
//
// The memory still belongs to Go and is freed as usual. A large page contains whatever lies next to
// the slice, so a slice can keep up to 2 MB more of the machine's memory in use at either end.
// Where there are no large pages, a slice is simply what make returns.
package pages

import "unsafe"

// least is the size in bytes from which large pages are asked for: a third of what the 100
// translations at hand cover.
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
