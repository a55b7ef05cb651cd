// Package npy reads arrays of numbers that NumPy has saved, .npy and .npz.
//
// No library reads them for us: the usual one does not look at short files, it panics on some
// damaged headers, and missing elements become zeros. The format is small enough.
package npy

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/elbow-go/elbow/internal/infile"
)

const (
	maxFile   = 1 << 30 // bytes of a file, and of an array in a .npz
	maxHeader = 1 << 16 // bytes of a header; NumPy itself stops at 10000
	maxRank   = 8
)

// Array is an array of numbers in C order.
type Array struct {
	Name  string // of the array inside an .npz, otherwise empty
	Shape []int
	Data  []float64
	Type  string // as in the file: "<f4", "|u1"
}

// Read reads a .npy file of booleans, integers or floating point numbers, of either byte
// order, version 1 to 3. Errors name the file and the byte.
func Read(path string) (*Array, error) {
	raw, err := infile.Read(path, maxFile)
	if err != nil {
		return nil, err
	}
	return Parse(path, raw)
}

// ReadZip reads all arrays of a .npz file in the order in which they are stored.
func ReadZip(path string) ([]*Array, error) {
	raw, err := infile.Read(path, maxFile)
	if err != nil {
		return nil, err
	}
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var list []*Array
	for _, f := range z.File {
		place := path + ": " + f.Name
		name, ok := strings.CutSuffix(f.Name, ".npy")
		if !ok {
			return nil, fmt.Errorf("%s: want only .npy files inside", place)
		}
		r, err := f.Open()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", place, err)
		}
		// The size in the directory is a claim; what is read is bounded.
		raw, err := io.ReadAll(io.LimitReader(r, maxFile+1))
		r.Close()
		if err == nil && len(raw) > maxFile {
			err = fmt.Errorf("larger than the limit of %d bytes", maxFile)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", place, err)
		}
		a, err := Parse(place, raw)
		if err != nil {
			return nil, err
		}
		a.Name = name
		list = append(list, a)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: no array inside", path)
	}
	return list, nil
}

const magic = "\x93NUMPY"

// Parse is Read for a file that is in memory; name is used for errors.
//
// The format: the magic string, two bytes of version, the length of the header (two bytes
// in version 1, otherwise four, little-endian), the header, which is a Python dictionary
// with the keys descr, fortran_order and shape, the elements.
func Parse(name string, raw []byte) (*Array, error) {
	if !bytes.HasPrefix(raw, []byte(magic)) {
		return nil, fmt.Errorf("%s: byte 0: not a .npy file", name)
	}
	short := fmt.Errorf("%s: byte %d: the file ends in the header", name, len(raw))
	if len(raw) < 12 {
		return nil, short
	}
	start, size := 10, int(binary.LittleEndian.Uint16(raw[8:]))
	switch v := raw[6]; v {
	case 1:
	case 2, 3:
		start, size = 12, int(min(binary.LittleEndian.Uint32(raw[8:]), math.MaxInt32))
	default:
		return nil, fmt.Errorf("%s: byte 6: version %d, want 1 to 3", name, v)
	}
	if size > maxHeader {
		return nil, fmt.Errorf("%s: byte 8: header of %d bytes, want at most %d", name, size, maxHeader)
	}
	if len(raw) < start+size {
		return nil, short
	}
	a := new(Array)
	fortran, err := a.header(string(raw[start : start+size]))
	if err != nil {
		return nil, fmt.Errorf("%s: byte %d: header: %w", name, start, err)
	}
	if err := a.elements(raw[start+size:]); err != nil {
		return nil, fmt.Errorf("%s: byte %d: %w", name, start+size, err)
	}
	if fortran {
		a.transpose()
	}
	return a, nil
}

// header reads the dictionary.
func (a *Array) header(text string) (fortran bool, err error) {
	body := strings.TrimSpace(text)
	if !strings.HasPrefix(body, "{") || !strings.HasSuffix(body, "}") {
		return false, errors.New("no dictionary {...}")
	}
	body = body[1 : len(body)-1]
	seen := map[string]bool{}
	for {
		body = strings.TrimLeft(body, " ,")
		if body == "" {
			break
		}
		key, rest, ok := quoted(body)
		if ok {
			rest, ok = strings.CutPrefix(strings.TrimLeft(rest, " "), ":")
		}
		if !ok || seen[key] {
			return false, fmt.Errorf("want a key, got %.30q", body)
		}
		seen[key] = true
		rest = strings.TrimLeft(rest, " ")
		switch key {
		case "descr":
			if a.Type, rest, ok = quoted(rest); !ok {
				return false, fmt.Errorf("element type %.30q, want a plain number", rest)
			}
		case "fortran_order":
			if after, ok := strings.CutPrefix(rest, "True"); ok {
				fortran, rest = true, after
			} else if rest, ok = strings.CutPrefix(rest, "False"); !ok {
				return false, errors.New("fortran_order is neither True nor False")
			}
		case "shape":
			inside, after, ok := strings.Cut(strings.TrimPrefix(rest, "("), ")")
			if !ok || rest[0] != '(' {
				return false, fmt.Errorf("shape %.30q, want (...)", rest)
			}
			rest = after
			for _, field := range strings.FieldsFunc(inside, func(r rune) bool { return r == ',' || r == ' ' }) {
				n, err := strconv.ParseUint(field, 10, 31)
				if err != nil {
					return false, fmt.Errorf("shape (%.30s): %q is not a size", inside, field)
				}
				a.Shape = append(a.Shape, int(n))
			}
		default:
			return false, fmt.Errorf("unknown key %.30q", key)
		}
		body = rest
	}
	for _, key := range []string{"descr", "fortran_order", "shape"} {
		if !seen[key] {
			return false, fmt.Errorf("no key %q", key)
		}
	}
	if len(a.Shape) > maxRank {
		return false, fmt.Errorf("%d dimensions, want at most %d", len(a.Shape), maxRank)
	}
	return fortran, nil
}

// quoted splits 'text'rest.
func quoted(s string) (text, rest string, ok bool) {
	if s == "" || s[0] != '\'' && s[0] != '"' {
		return "", s, false
	}
	text, rest, ok = strings.Cut(s[1:], s[:1])
	return text, rest, ok
}

// elements turns the bytes into Data once the shape is known to fit them.
func (a *Array) elements(raw []byte) error {
	if len(a.Type) < 3 {
		return fmt.Errorf("element type %q is not supported", a.Type)
	}
	width, _ := strconv.Atoi(a.Type[2:])
	order := binary.ByteOrder(binary.LittleEndian)
	switch {
	case a.Type[0] == '>':
		order = binary.BigEndian
	case a.Type[0] == '|' && width != 1 || !strings.ContainsRune("<|=", rune(a.Type[0])):
		return fmt.Errorf("element type %q is not supported", a.Type)
	}
	decode := decoder(a.Type[1], width, order)
	if decode == nil {
		return fmt.Errorf("element type %q is not supported, want booleans, integers or floats of 4 or 8 bytes", a.Type)
	}
	size := int64(1)
	for _, n := range a.Shape {
		// Bounded by the bytes there are, so that it cannot overflow; n is below 2^31.
		size = min(size, int64(len(raw))+1) * int64(n)
	}
	if size*int64(width) != int64(len(raw)) {
		return fmt.Errorf("%d bytes of elements, but shape %v of %s", len(raw), a.Shape, a.Type)
	}
	a.Data = make([]float64, size)
	for i := range a.Data {
		a.Data[i] = decode(raw[i*width:])
	}
	return nil
}

// decoder returns what reads one element, or nil.
func decoder(kind byte, width int, order binary.ByteOrder) func([]byte) float64 {
	switch string(kind) + strconv.Itoa(width) {
	case "b1", "u1":
		return func(b []byte) float64 { return float64(b[0]) }
	case "i1":
		return func(b []byte) float64 { return float64(int8(b[0])) }
	case "u2":
		return func(b []byte) float64 { return float64(order.Uint16(b)) }
	case "i2":
		return func(b []byte) float64 { return float64(int16(order.Uint16(b))) }
	case "u4":
		return func(b []byte) float64 { return float64(order.Uint32(b)) }
	case "i4":
		return func(b []byte) float64 { return float64(int32(order.Uint32(b))) }
	case "u8":
		return func(b []byte) float64 { return float64(order.Uint64(b)) }
	case "i8":
		return func(b []byte) float64 { return float64(int64(order.Uint64(b))) }
	case "f4":
		return func(b []byte) float64 { return float64(math.Float32frombits(order.Uint32(b))) }
	case "f8":
		return func(b []byte) float64 { return math.Float64frombits(order.Uint64(b)) }
	}
	return nil
}

// transpose brings an array in Fortran order, first index fastest, into C order.
func (a *Array) transpose() {
	data := make([]float64, len(a.Data))
	index := make([]int, len(a.Shape))
	for _, v := range a.Data {
		at := 0
		for d, n := range a.Shape {
			at = at*n + index[d]
		}
		data[at] = v
		for d := range index {
			if index[d]++; index[d] < a.Shape[d] {
				break
			}
			index[d] = 0
		}
	}
	a.Data = data
}
