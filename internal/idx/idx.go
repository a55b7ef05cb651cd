// Package idx reads files in the idx format of the MNIST data: arrays of numbers with a
// short header, gzipped or not.
package idx

import (
	"encoding/binary"
	"fmt"

	"github.com/elbow-go/elbow/internal/array"
	"github.com/elbow-go/elbow/internal/infile"
)

// maxRank is the most dimensions that are accepted; images in colour have four.
const maxRank = 8

// Array is an array of numbers. It keeps the bytes of its elements.
type Array = array.Array

// types are the types of elements by the third byte of a file.
var types = map[byte]string{8: "|u1", 9: "|i1", 0xb: ">i2", 0xc: ">i4", 0xd: ">f4", 0xe: ">f8"}

// Is reports whether a file that begins with head could be an idx file.
func Is(head []byte) bool {
	return len(head) >= 4 && head[0] == 0 && head[1] == 0 && types[head[2]] != "" && head[3] >= 1 && head[3] <= maxRank
}

// Read reads an idx file. Errors name the file and the byte, counted from 0 after unpacking.
func Read(path string, b *infile.Budget) (*Array, error) {
	raw, err := b.Read(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, raw)
}

// Parse is Read for a file that is in memory and unpacked. The array keeps raw, which the
// caller must not use any more.
//
// The format: two zero bytes, the type, the number of dimensions, the sizes as big-endian
// 32-bit numbers, the elements, big-endian too.
func Parse(name string, raw []byte) (*Array, error) {
	if len(raw) < 4 {
		return nil, fmt.Errorf("%s: byte %d: the file ends in the magic number", name, len(raw))
	}
	if raw[0] != 0 || raw[1] != 0 {
		return nil, fmt.Errorf("%s: byte 0: magic number %#x, want 0x0000 and a type", name, raw[:4])
	}
	typ := types[raw[2]]
	if typ == "" {
		return nil, fmt.Errorf("%s: byte 2: element type %#x, want 0x8 (unsigned bytes), 0x9, 0xb, 0xc (integers), 0xd or 0xe (floats)", name, raw[2])
	}
	rank := int(raw[3])
	if rank < 1 || rank > maxRank {
		return nil, fmt.Errorf("%s: byte 3: %d dimensions, want 1 to %d", name, rank, maxRank)
	}
	start := 4 + 4*rank
	if len(raw) < start {
		return nil, fmt.Errorf("%s: byte %d: the file ends in the header of %d bytes", name, len(raw), start)
	}
	shape, data, width := make([]int, rank), raw[start:], array.Width(typ)
	for i := range shape {
		n := binary.BigEndian.Uint32(raw[4+4*i:])
		switch {
		case n == 0:
			return nil, fmt.Errorf("%s: byte %d: dimension %d has no elements", name, 4+4*i, i)
		case uint64(n) > uint64(len(data)):
			return nil, fmt.Errorf("%s: byte %d: dimension %d of %d, but only %d bytes of elements", name, 4+4*i, i, n, len(data))
		}
		shape[i] = int(n)
	}
	n, ok := array.Count(shape, len(data)/width)
	if !ok {
		return nil, fmt.Errorf("%s: byte %d: the file ends after %d bytes of elements, which is less than shape %v of %d bytes each", name, len(raw), len(data), shape, width)
	}
	if rest := len(data) - n*width; rest > 0 {
		return nil, fmt.Errorf("%s: byte %d: %d bytes after the last element", name, start+n*width, rest)
	}
	return array.New(shape, typ, data), nil
}
