package asmtest

import (
	"strings"
	"unsafe"

	"github.com/klauspost/cpuid/v2"
	"golang.org/x/sys/unix"
)

// moat is how much memory that cannot be used lies around that of remoteWords: a gigabyte or, with
// few addresses, a megabyte. It costs nothing but addresses.
const moat = 1 << (20 + 10*(^uint(0)>>63))

// remoteWords returns n words, with nothing near that a wrong place could hit.
func remoteWords(n int) []uint64 {
	page := unix.Getpagesize()
	size := (8*n + page - 1) / page * page
	m, err := unix.Mmap(-1, 0, size+2*moat, unix.PROT_NONE, unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_NORESERVE)
	if err != nil {
		return make([]uint64, n)
	}
	if unix.Mprotect(m[moat:moat+size], unix.PROT_READ|unix.PROT_WRITE) != nil {
		unix.Munmap(m)
		return make([]uint64, n)
	}
	return unsafe.Slice((*uint64)(unsafe.Pointer(&m[moat])), n)
}

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
