package asmtest

import (
	"strings"
	"unsafe"

	"github.com/klauspost/cpuid/v2"
	"golang.org/x/sys/unix"
)

// newFence maps the room with one page more on either side, and takes all rights from those.
func newFence(n int) *Fence {
	if strings.Contains(cpuid.CPU.BrandName, "QEMU TCG") {
		return plainFence(n) // the emulator reads all of a vector for VMASKMOVPS; processors do not
	}
	page := unix.Getpagesize()
	size := (max(4*n, 1) + page - 1) / page * page
	m, err := unix.Mmap(-1, 0, size+2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return plainFence(n)
	}
	if unix.Mprotect(m[:page], unix.PROT_NONE) != nil || unix.Mprotect(m[page+size:], unix.PROT_NONE) != nil {
		unix.Munmap(m)
		return plainFence(n)
	}
	room := unsafe.Slice((*float32)(unsafe.Pointer(&m[page])), size/4)
	return &Fence{all: room, room: room, close: func() { unix.Munmap(m) }}
}
