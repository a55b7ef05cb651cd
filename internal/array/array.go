// Package array holds arrays of numbers as the bytes they were read as.
//
//	bytes of a file --New--> Array --Read--> any part of it in float64
//
// An array of bytes that were read from a file takes as much memory as they do, whatever
// the type of its elements. The readers of formats make arrays: npy and idx.
package array

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
)

// Array is an array of numbers in C order: the last index goes fastest.
type Array struct {
	Name  string // where a file holds several, otherwise empty
	Shape []int  // none for a single number
	Type  string // as NumPy writes it: "<f4", ">i2", "|u1"

	kind string // Type without the order of bytes
	data []byte // little-endian
}

// Width returns the bytes of an element of a type, 0 if New does not take it. It takes
// booleans, integers of 1, 2, 4 and 8 bytes and floating point numbers of 2, 4 and 8 bytes.
func Width(typ string) int {
	kind := strings.TrimLeft(typ, "<>=|")
	if len(typ)-len(kind) > 1 {
		return 0
	}
	switch kind {
	case "b1", "i1", "u1", "i2", "u2", "f2", "i4", "u4", "f4", "i8", "u8", "f8":
		width := int(kind[1] - '0')
		if typ[0] == '|' && width > 1 { // says that the order does not matter
			return 0
		}
		return width
	}
	return 0
}

// Count returns the number of elements of a shape, and whether it is at most the given one.
func Count(shape []int, most int) (n int, ok bool) {
	n = 1
	for _, size := range shape {
		if size == 0 {
			return 0, true
		}
	}
	for _, size := range shape {
		if size < 0 || size > most/n {
			return 0, false
		}
		n *= size
	}
	return n, n <= most
}

// New returns an array of the elements in raw, which it keeps, but for numbers with the high byte first, and does not
// write to: it may be a file that is mapped. The caller must not use raw any more. The order of bytes of a type without one is that of nearly all machines, little-
// endian. New panics if it does not take the type or raw has another length than the shape.
func New(shape []int, typ string, raw []byte) *Array {
	width := Width(typ)
	if width == 0 {
		panic(fmt.Sprintf("array: New: type %q, want one with a Width", typ))
	}
	if n, ok := Count(shape, len(raw)/width); !ok || n*width != len(raw) {
		panic(fmt.Sprintf("array: New: len(raw) = %d, want that of %v elements of %d bytes", len(raw), shape, width))
	}
	if typ[0] == '>' {
		raw = bytes.Clone(raw)
		Swap(raw, width)
	}
	return &Array{Shape: shape, Type: typ, kind: strings.TrimLeft(typ, "<>=|"), data: raw}
}

// Swap reverses the bytes of each number of width bytes.
func Swap(b []byte, width int) {
	if width == 1 {
		return
	}
	for ; len(b) >= width; b = b[width:] {
		for i, j := 0, width-1; i < j; i, j = i+1, j-1 {
			b[i], b[j] = b[j], b[i]
		}
	}
}

// Len returns the number of elements.
func (a *Array) Len() int { return len(a.data) / a.width() }

func (a *Array) width() int {
	if a.kind == "" { // the zero value has no elements
		return 1
	}
	return int(a.kind[1] - '0')
}

// Bytes returns the elements of an array of unsigned bytes, "|u1", and nil for other types.
func (a *Array) Bytes() []byte {
	if a.kind != "u1" {
		return nil
	}
	return a.data
}

// Raw returns the bytes of all elements, little-endian: the memory of the array.
func (a *Array) Raw() []byte { return a.data }

// Read fills dst with the elements from the one with number from on. A boolean is 0 or 1;
// an integer beyond 2^53 is rounded to the nearest float64, all else is exact.
//
// Read panics if there are fewer elements than it is asked for. Any number of goroutines
// can read at once.
func (a *Array) Read(dst []float64, from int) {
	if n := a.Len(); from < 0 || len(dst) > n || from > n-len(dst) {
		panic(fmt.Sprintf("array: Read: from = %d, len(dst) = %d, want them inside of %d elements", from, len(dst), n))
	}
	le := binary.LittleEndian
	b := a.data[from*a.width():]
	switch a.kind {
	case "b1":
		for i := range dst {
			dst[i] = 0
			if b[i] != 0 {
				dst[i] = 1
			}
		}
	case "u1":
		for i := range dst {
			dst[i] = float64(b[i])
		}
	case "i1":
		for i := range dst {
			dst[i] = float64(int8(b[i]))
		}
	case "u2":
		for i := range dst {
			dst[i] = float64(le.Uint16(b[2*i:]))
		}
	case "i2":
		for i := range dst {
			dst[i] = float64(int16(le.Uint16(b[2*i:])))
		}
	case "f2":
		for i := range dst {
			dst[i] = half(le.Uint16(b[2*i:]))
		}
	case "u4":
		for i := range dst {
			dst[i] = float64(le.Uint32(b[4*i:]))
		}
	case "i4":
		for i := range dst {
			dst[i] = float64(int32(le.Uint32(b[4*i:])))
		}
	case "f4":
		for i := range dst {
			dst[i] = float64(math.Float32frombits(le.Uint32(b[4*i:])))
		}
	case "u8":
		for i := range dst {
			dst[i] = float64(le.Uint64(b[8*i:]))
		}
	case "i8":
		for i := range dst {
			dst[i] = float64(int64(le.Uint64(b[8*i:])))
		}
	case "f8":
		for i := range dst {
			dst[i] = math.Float64frombits(le.Uint64(b[8*i:]))
		}
	}
}

// half decodes a number of half precision: a sign, five bits of exponent, ten of mantissa.
func half(h uint16) float64 {
	exponent, mantissa := int(h>>10&31), float64(h&1023)
	var v float64
	switch exponent {
	case 0:
		v = math.Ldexp(mantissa, -24)
	case 31:
		if v = math.Inf(1); mantissa != 0 {
			v = math.NaN()
		}
	default:
		v = math.Ldexp(1024+mantissa, exponent-25)
	}
	if h>>15 == 1 {
		v = -v
	}
	return v
}
