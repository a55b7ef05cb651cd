package kernels

import "fmt"

// The checks of the exported functions. A wrong length is a bug in the caller, so it
// panics, before anything is written. The text is built in badLen, out of the way.

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

//go:noinline
func badArg(fn, arg string, got, want int) {
	panic(fmt.Sprintf("kernels: %s: %s = %d, want at least %d", fn, arg, got, want))
}
