package weights

import (
	"fmt"
	"os"
)

// mapping is a file in memory.
type mapping struct {
	raw    []byte
	unmap  func() error
	closed bool
}

// slice returns a function that returns a part of the file as long as that is open.
func (m *mapping) slice(part []byte) func() []byte {
	return func() []byte {
		if m.closed {
			panic("weights: a tensor was read after its file was closed")
		}
		return part
	}
}

func (m *mapping) close() error {
	if m.closed || m.unmap == nil {
		return nil
	}
	m.closed, m.raw = true, nil
	return m.unmap()
}

// openMapping maps a regular file, or reads it where that cannot be done.
func openMapping(path string) (*mapping, error) {
	info, err := os.Stat(path) // before it is opened, which can block at a pipe
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: want a regular file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err = file.Stat(); err != nil {
		return nil, err
	}
	if raw, unmap := mapFile(file, info.Size()); unmap != nil {
		return &mapping{raw: raw, unmap: unmap}, nil
	}
	raw, err := os.ReadFile(path)
	return &mapping{raw: raw}, err
}
