package infile

import (
	"os"
	"sync"
	"syscall"
)

// maps are all files that are mapped, for as long as the process lives.
var maps struct {
	sync.Mutex
	all [][]byte
}

// mapFile maps the first size bytes of a file into memory, to be read only.
func mapFile(f *os.File, size int64) ([]byte, error) {
	data, err := syscall.Mmap(int(f.Fd()), 0, int(size), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	maps.Lock()
	defer maps.Unlock()
	maps.all = append(maps.all, data)
	return data, nil
}

// Release takes what mapped files hold out of the memory of the process. What is read again comes back, page by
// page.
func Release() error {
	maps.Lock()
	defer maps.Unlock()
	for _, data := range maps.all {
		if err := syscall.Madvise(data, syscall.MADV_DONTNEED); err != nil {
			return err
		}
	}
	return nil
}
