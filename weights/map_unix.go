//go:build unix

package weights

import (
	"os"
	"syscall"
)

// mapFile maps a file of size bytes, or returns nil. The mapping is private: what array.New swaps in
// place, the bytes of big-endian numbers, does not reach the file.
func mapFile(file *os.File, size int64) (raw []byte, unmap func() error) {
	if size <= 0 || size != int64(int(size)) {
		return nil, nil
	}
	raw, err := syscall.Mmap(int(file.Fd()), 0, int(size), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE)
	if err != nil {
		return nil, nil
	}
	return raw, func() error { return syscall.Munmap(raw) }
}
