package pages

import (
	"fmt"
	"syscall"
	"unsafe"
)

// large is the size of a large page on amd64, and on arm64 where small ones have 4 KB.
const large = 2 << 20

// Advice that package syscall has no names for: see madvise(2).
const (
	madvHugepage = 14 // for pages that are not there yet
	madvCollapse = 25 // for those that are, from Linux 6.1 on
)

// advise asks for large pages for n bytes at p. All of each large page they lie in is asked for:
// the rest is Go's as well, or not in use.
func advise(p unsafe.Pointer, n uintptr) error {
	from := uintptr(p) &^ (large - 1)
	n = (uintptr(p) + n + large - 1 - from) &^ (large - 1)
	if err := madvise(from, n, madvHugepage); err != 0 {
		return fmt.Errorf("madvise: huge page: %w", err)
	}
	// EINVAL: nothing there yet, or a Linux that does not know it and gets there in the background.
	if err := madvise(from, n, madvCollapse); err != 0 && err != syscall.EINVAL {
		return fmt.Errorf("madvise: collapse: %w", err)
	}
	return nil
}

func madvise(at, n uintptr, advice int) syscall.Errno {
	_, _, err := syscall.Syscall(syscall.SYS_MADVISE, at, n, uintptr(advice))
	return err
}
