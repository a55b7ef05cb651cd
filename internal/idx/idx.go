// Package idx reads files in the idx format of the MNIST data: arrays of bytes with a
// short header, gzipped or not.
package idx

import (
	"encoding/binary"
	"fmt"

	"github.com/elbow-go/elbow/internal/infile"
)

// maxFile bounds a file and what it unpacks to, in bytes. The MNIST images have 47 MB.
const maxFile = 1 << 30

// maxRank is the most dimensions that are accepted; images in colour have four.
const maxRank = 4

// Array is an array of bytes in C order.
type Array struct {
	Shape []int
	Data  []byte
}

// Is reports whether a file that begins with head could be an idx file of bytes.
func Is(head []byte) bool {
	return len(head) >= 4 && head[0] == 0 && head[1] == 0 && head[2] == 8 && head[3] >= 1 && head[3] <= maxRank
}

// Read reads an idx file of unsigned bytes. Errors name the file and the byte, counted from
// 0 after unpacking.
func Read(path string) (*Array, error) {
	raw, err := infile.Read(path, maxFile)
	if err == nil {
		raw, err = infile.Gunzip(path, raw, maxFile)
	}
	if err != nil {
		return nil, err
	}
	return Parse(path, raw)
}

// Parse is Read for a file that is in memory and unpacked. The array shares its memory.
//
// The format: two zero bytes, the type (8 is unsigned byte, the only one accepted), the
// number of dimensions, the sizes as big-endian 32-bit numbers, the elements.
func Parse(name string, raw []byte) (*Array, error) {
	if len(raw) < 4 {
		return nil, fmt.Errorf("%s: byte %d: the file ends in the magic number", name, len(raw))
	}
	if raw[0] != 0 || raw[1] != 0 {
		return nil, fmt.Errorf("%s: byte 0: magic number %#x, want 0x0000 and a type", name, raw[:4])
	}
	if raw[2] != 8 {
		return nil, fmt.Errorf("%s: byte 2: element type %#x, want 0x8, unsigned bytes", name, raw[2])
	}
	rank := int(raw[3])
	if rank < 1 || rank > maxRank {
		return nil, fmt.Errorf("%s: byte 3: %d dimensions, want 1 to %d", name, rank, maxRank)
	}
	start := 4 + 4*rank
	if len(raw) < start {
		return nil, fmt.Errorf("%s: byte %d: the file ends in the header of %d bytes", name, len(raw), start)
	}
	a := &Array{Shape: make([]int, rank), Data: raw[start:]}
	// The product is compared after each factor, so it cannot overflow.
	size := int64(1)
	for i := range a.Shape {
		n := binary.BigEndian.Uint32(raw[4+4*i:])
		if n == 0 {
			return nil, fmt.Errorf("%s: byte %d: dimension %d has no elements", name, 4+4*i, i)
		}
		size *= int64(n)
		if size > int64(len(a.Data)) {
			return nil, fmt.Errorf("%s: byte %d: the header asks for more elements than the %d bytes that follow", name, 4+4*i, len(a.Data))
		}
		a.Shape[i] = int(n)
	}
	if size < int64(len(a.Data)) {
		return nil, fmt.Errorf("%s: byte %d: %d bytes after the last element", name, int64(start)+size, int64(len(a.Data))-size)
	}
	return a, nil
}
