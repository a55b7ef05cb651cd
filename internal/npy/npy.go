// Package npy reads arrays of numbers that NumPy has saved, .npy and .npz.
//
// No library reads them for us. github.com/sbinet/npyio v0.9.0 panics on every file that
// ends in its header, and allocates what the shape claims before it looks for elements: 400 MB
// for a file of 128 bytes. It refuses headers of Python 2 and of version 3 and half precision,
// and leaves elements in Fortran order as they are in the file.
package npy

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/elbow-go/elbow/internal/array"
	"github.com/elbow-go/elbow/internal/infile"
)

const (
	maxHeader = 1 << 16 // bytes of a header; NumPy itself stops at 10000
	maxRank   = 32
)

// Array is an array of numbers. It keeps the bytes of its elements.
type Array = array.Array

// Read reads a .npy file of booleans, integers or floating point numbers, of either byte
// order, version 1 to 3. Errors name the file and the byte.
func Read(path string, b *infile.Budget) (*Array, error) {
	raw, err := b.Read(path)
	if err != nil {
		return nil, err
	}
	a, copied, err := parse(path, raw, b)
	if copied {
		b.Return(int64(len(raw)))
	}
	return a, err
}

const magic = "\x93NUMPY"

// Parse is Read for a file that is in memory; name is used for errors. The array keeps raw,
// which the caller must not use any more.
//
// The format: the magic string, two bytes of version, the length of the header (two bytes
// in version 1, otherwise four, little-endian), the header, which is a Python dictionary
// with the keys descr, fortran_order and shape, the elements.
func Parse(name string, raw []byte) (*Array, error) {
	a, _, err := parse(name, raw, new(infile.Budget))
	return a, err
}

// Header returns what a .npy file begins with before its elements, in C order, as NumPy writes it.
func Header(typ string, shape []int) []byte {
	text := "("
	for _, n := range shape {
		text += fmt.Sprintf("%d, ", n)
	}
	if len(shape) > 1 {
		text = strings.TrimSuffix(text, ", ")
	} else {
		text = strings.TrimSuffix(text, " ")
	}
	text = fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s), }", typ, text)
	text += strings.Repeat(" ", 63-(len(magic)+4+len(text))%64) + "\n" // the elements begin at a multiple of 64
	return append(binary.LittleEndian.AppendUint16([]byte(magic+"\x01\x00"), uint16(len(text))), text...)
}

// IsBytes reports whether a file that begins with head could be an array of unsigned bytes
// with so many dimensions.
func IsBytes(head []byte, rank int) bool {
	h, _, err := parseHeader(head)
	return err == nil && len(h.shape) == rank && array.Width(h.typ) == 1 && strings.HasSuffix(h.typ, "u1")
}

// parse is Parse; copied says that the array has taken memory from the budget and does not
// keep raw.
func parse(name string, raw []byte, b *infile.Budget) (a *Array, copied bool, err error) {
	h, start, err := parseHeader(raw)
	if err != nil {
		return nil, false, fmt.Errorf("%s: byte %w", name, err)
	}
	if err := refuse(h.typ); err != nil {
		return nil, false, fmt.Errorf("%s: byte %d: %w", name, start, err)
	}
	width, data := array.Width(h.typ), raw[start:]
	n, ok := array.Count(h.shape, len(data)/width)
	if !ok {
		return nil, false, fmt.Errorf("%s: byte %d: the file ends after %d bytes of elements, which is less than shape %v of %s", name, len(raw), len(data), h.shape, h.typ)
	}
	if rest := data[n*width:]; len(rest) > 0 {
		what := ""
		if bytes.HasPrefix(rest, []byte(magic)) {
			what = ", another array: want one in a file, or an .npz"
		}
		return nil, false, fmt.Errorf("%s: byte %d: %d bytes of elements too many for shape %v of %s%s", name, len(raw)-len(rest), len(rest), h.shape, h.typ, what)
	}
	if h.fortran && !isVector(h.shape) {
		if err := b.Take(name, int64(len(data))); err != nil {
			return nil, false, err
		}
		data, copied = transpose(data, h.shape, width), true
	}
	return array.New(h.shape, h.typ, data), copied, nil
}

// parseHeader returns the header and where the elements begin. Errors begin with a byte.
func parseHeader(raw []byte) (h *header, start int, err error) {
	if !bytes.HasPrefix(raw, []byte(magic)) {
		return nil, 0, fmt.Errorf("0: %s", otherwise(raw))
	}
	if len(raw) < 12 {
		return nil, 0, fmt.Errorf("%d: the file ends in the header", len(raw))
	}
	start, size := 10, int(binary.LittleEndian.Uint16(raw[8:]))
	switch v := raw[6]; v {
	case 1:
	case 2, 3:
		start, size = 12, int(min(binary.LittleEndian.Uint32(raw[8:]), math.MaxInt32))
	default:
		return nil, 0, fmt.Errorf("6: version %d, want 1 to 3", v)
	}
	if size > maxHeader {
		return nil, 0, fmt.Errorf("8: header of %d bytes, want at most %d", size, maxHeader)
	}
	if len(raw) < start+size {
		return nil, 0, fmt.Errorf("%d: the file ends in the header", len(raw))
	}
	if h, err = readHeader(string(raw[start : start+size])); err != nil {
		return nil, 0, fmt.Errorf("%d: header: %w", start, err)
	}
	return h, start + size, nil
}

// otherwise says what a file is that is no .npy file.
func otherwise(raw []byte) string {
	for _, k := range []struct{ head, what string }{
		{"PK\x03\x04", "a zip file: .npz in its name says so"}, {"\x89HDF", "an HDF5 file, want a .npy file"}, {"MATLAB 5", "a MATLAB file, want a .npy file"},
		{"\x80\x02", "a pickle, want a .npy file"}, {"\x80\x03", "a pickle, want a .npy file"}, {"\x80\x04", "a pickle, want a .npy file"}, {"\x80\x05", "a pickle, want a .npy file"},
	} {
		if bytes.HasPrefix(raw, []byte(k.head)) {
			return k.what
		}
	}
	return "not a .npy file"
}

// isVector reports whether the order of dimensions makes no difference.
func isVector(shape []int) bool {
	long := 0
	for _, n := range shape {
		if n > 1 {
			long++
		}
	}
	return long < 2
}

// transpose brings elements in Fortran order, first index fastest, into C order.
func transpose(data []byte, shape []int, width int) []byte {
	out := make([]byte, len(data))
	rank := len(shape)
	stride := make([]int, rank) // in bytes of data
	for d, s := 0, width; d < rank; d++ {
		stride[d], s = s, s*shape[d]
	}
	index, from := make([]int, rank), 0
	for at := 0; at < len(out); at += width {
		copy(out[at:at+width], data[from:from+width])
		for d := rank - 1; d >= 0; d-- {
			from += stride[d]
			if index[d]++; index[d] < shape[d] {
				break
			}
			from -= index[d] * stride[d]
			index[d] = 0
		}
	}
	return out
}
