package weights

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/array"
	"github.com/elbow-go/elbow/internal/atomicfile"
)

// File is a list of named tensors: what a file holds, or what is to be written to one. Its methods
// Under, Select and Rename return other lists of the same tensors.
type File struct {
	Path    string            // of the file, for errors
	Format  string            // one of the Format constants, empty for a list that was not read
	Meta    map[string]string // text beside the tensors, of safetensors and ONNX
	Tensors []*Tensor
	Nodes   []*Node // of an ONNX file, those in the branches of If and the bodies of Loop too

	file *mapping
}

// The formats.
const (
	Safetensors = "safetensors"
	NPZ         = "npz"
	ONNXGraph   = "onnx"
	TorchZip    = "pt" // of torch.save
)

// maxTensors bounds the tensors of a file, each of which takes some memory that its name alone
// does not pay for.
const maxTensors = 1 << 14

// Open reads a file of any of the formats, which it tells apart by the content. Where the system
// allows, the file is mapped into memory: its tensors are read when they are asked for, and the
// file must neither change nor be cut meanwhile. Close ends that. Errors name the path.
func Open(path string) (*File, error) {
	m, err := openMapping(path)
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	f, err := parse(path, m.raw, m)
	if err != nil {
		m.close()
		return nil, err
	}
	return f, nil
}

// Parse is Open for a file that is in memory; name is used for errors. The tensors keep raw, which
// the caller must not use any more.
func Parse(name string, raw []byte) (*File, error) { return parse(name, raw, &mapping{raw: raw}) }

// Close gives back the memory of an opened file. The tensors must not be read any more.
func (f *File) Close() error {
	if f.file == nil {
		return nil
	}
	return f.file.close()
}

// a reader reads one format.
type reader struct {
	format string
	is     func(raw []byte) bool
	read   func(f *File, raw []byte) error
}

func readers() []reader {
	return []reader{
		{Safetensors, isSafetensors, readSafetensors},
		{TorchZip, isTorch, readTorch},
		{"", isHDF5, refuseHDF5},
		{NPZ, isNPZ, readNPZ},
		{ONNXGraph, isONNX, readONNX},
	}
}

func parse(name string, raw []byte, m *mapping) (*File, error) {
	for _, r := range readers() {
		if !r.is(raw) {
			continue
		}
		f := &File{Path: name, Format: r.format, file: m}
		if err := r.read(f, raw); err != nil {
			return nil, fmt.Errorf("weights: %s: %w", name, err)
		}
		return f, nil
	}
	return nil, fmt.Errorf("weights: %s: header: not a file of a known format, want safetensors, npz, ONNX or .pt of PyTorch", name)
}

// Tensor returns the tensor of that name, or nil.
func (f *File) Tensor(name string) *Tensor {
	if i := slices.IndexFunc(f.Tensors, func(t *Tensor) bool { return t.Name == name }); i >= 0 {
		return f.Tensors[i]
	}
	return nil
}

// with returns a list of other tensors of f.
func (f *File) with(ts []*Tensor) *File {
	return &File{Path: f.Path, Format: f.Format, Meta: f.Meta, Tensors: ts, Nodes: f.Nodes, file: f.file}
}

// Under returns the tensors whose names begin with the prefix, without it:
//
//	f.Under("encoder.lstm.")     weight_ih_l0, weight_hh_l0 ...
func (f *File) Under(prefix string) *File {
	var ts []*Tensor
	for _, t := range f.Tensors {
		if name, ok := strings.CutPrefix(t.Name, prefix); ok {
			ts = append(ts, t.as(name))
		}
	}
	return f.with(ts)
}

// Select returns the tensors whose names match one of the patterns, in which * stands for any text.
func (f *File) Select(patterns ...string) *File {
	var ts []*Tensor
	exprs := exprsOf(patterns)
	for _, t := range f.Tensors {
		if slices.ContainsFunc(exprs, func(p *regexp.Regexp) bool { return p.MatchString(t.Name) }) {
			ts = append(ts, t)
		}
	}
	return f.with(ts)
}

// Rename returns all tensors, with new names for those that match a pattern. The arguments are pairs
// of a pattern, in which * stands for any text, and a new name, whose stars take what those of the
// pattern stood for. The first pattern that matches decides.
//
//	f.Rename("net.*.weight", "*.w", "net.*.bias", "*.b")
//
// It panics if a pattern has no new name, or a new name more stars than its pattern.
func (f *File) Rename(pairs ...string) *File {
	if len(pairs)%2 != 0 {
		panic(fmt.Sprintf("weights: File.Rename: len(pairs) = %d, want pairs of a pattern and a name", len(pairs)))
	}
	var from, to []string
	for i := 0; i < len(pairs); i += 2 {
		if strings.Count(pairs[i+1], "*") > strings.Count(pairs[i], "*") {
			panic(fmt.Sprintf("weights: File.Rename: %q has more stars than %q", pairs[i+1], pairs[i]))
		}
		from, to = append(from, pairs[i]), append(to, pairs[i+1])
	}
	var ts []*Tensor
	exprs := exprsOf(from)
	for _, t := range f.Tensors {
		ts = append(ts, t.as(rename(t.Name, exprs, to)))
	}
	return f.with(ts)
}

// rename returns the new name of the first expression that matches, or name.
func rename(name string, from []*regexp.Regexp, names []string) string {
	for i, expr := range from {
		if m := expr.FindStringSubmatch(name); m != nil {
			parts := strings.Split(names[i], "*")
			to := parts[0]
			for k, p := range parts[1:] {
				to += m[k+1] + p
			}
			return to
		}
	}
	return name
}

// exprsOf returns the regular expressions of patterns with stars.
func exprsOf(patterns []string) []*regexp.Regexp {
	exprs := make([]*regexp.Regexp, len(patterns))
	for i, p := range patterns {
		exprs[i] = regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(p), `\*`, "(.*)") + "$")
	}
	return exprs
}

// Add appends tensors.
func (f *File) Add(ts ...*Tensor) { f.Tensors = append(f.Tensors, ts...) }

// WriteFile writes the tensors to path in the format that its end names, .safetensors or .npz: to a
// new file first, which then takes the place of path. It must not be the file that f was opened from
// while that is mapped.
func (f *File) WriteFile(path string) error {
	write := map[string]func(io.Writer, *File) error{".safetensors": WriteSafetensors, ".npz": WriteNPZ}[strings.ToLower(filepath.Ext(path))]
	if write == nil {
		return fmt.Errorf("weights: %s: want a name that ends in .safetensors or .npz", path)
	}
	if err := atomicfile.Write(path, 0o666, func(w io.Writer) error { return write(w, f) }); err != nil {
		return fmt.Errorf("weights: %w", err)
	}
	return nil
}

// checkNames reports two tensors of one name.
func (f *File) checkNames() error {
	seen := make(map[string]bool, len(f.Tensors))
	for _, t := range f.Tensors {
		if seen[t.Name] {
			return fmt.Errorf("two tensors %.60q", t.Name)
		}
		seen[t.Name] = true
	}
	return nil
}

// DType is the type of the elements of a tensor, as safetensors names it.
type DType string

// The types that are read. A file may hold others, which are listed but have no values.
const (
	F64  DType = "F64"
	F32  DType = "F32"
	F16  DType = "F16"  // IEEE 754 half precision
	BF16 DType = "BF16" // the upper half of an F32
	I64  DType = "I64"
	I32  DType = "I32"
	I16  DType = "I16"
	I8   DType = "I8"
	U64  DType = "U64"
	U32  DType = "U32"
	U16  DType = "U16"
	U8   DType = "U8"
	Bool DType = "BOOL"
)

// dtypes lists the types in the order in which safetensors stores tensors, reversed: by alignment.
var dtypes = []struct {
	DType
	width int
	numpy string // empty where NumPy has no such type
}{
	{Bool, 1, "|b1"}, {"F8_E5M2", 1, ""}, {"F8_E4M3", 1, ""}, {U8, 1, "|u1"}, {I8, 1, "|i1"}, {I16, 2, "<i2"}, {U16, 2, "<u2"}, {F16, 2, "<f2"}, {BF16, 2, ""},
	{I32, 4, "<i4"}, {U32, 4, "<u4"}, {F32, 4, "<f4"}, {"C64", 8, ""}, {F64, 8, "<f8"}, {I64, 8, "<i8"}, {U64, 8, "<u8"},
}

// order returns the place of a type among all, -1 if there is no such type.
func (d DType) order() int {
	for i, t := range dtypes {
		if t.DType == d {
			return i
		}
	}
	return -1
}

// Width returns the bytes of an element, 0 of a type that is not known.
func (d DType) Width() int {
	if i := d.order(); i >= 0 {
		return dtypes[i].width
	}
	return 0
}

// numpy returns the type as NumPy writes it, or "".
func (d DType) numpy() string {
	if i := d.order(); i >= 0 {
		return dtypes[i].numpy
	}
	return ""
}

// readable reports whether the elements are numbers that Read takes.
func (d DType) readable() bool { return d == BF16 || d.numpy() != "" }

// Tensor is an array of numbers in C order: the last index goes fastest.
type Tensor struct {
	Name  string
	Shape []int // none for a single number
	DType DType

	bytes func() []byte // the elements, little-endian
}

// Of returns a tensor of the given values, which it does not copy. It panics if there are not as many as
// the shape says.
func Of[T cell.Float](name string, shape []int, values []T) *Tensor {
	if n, ok := array.Count(shape, len(values)); !ok || n != len(values) {
		panic(fmt.Sprintf("weights: Of: len(values) = %d, want those of shape %v", len(values), shape))
	}
	t := &Tensor{Name: name, Shape: slices.Clone(shape), DType: dtypeOf[T]()}
	t.bytes = func() []byte {
		raw := make([]byte, 0, t.DType.Width()*len(values))
		for _, v := range values {
			if t.DType == F32 {
				raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(v)))
			} else {
				raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(float64(v)))
			}
		}
		return raw
	}
	return t
}

func dtypeOf[T cell.Float]() DType {
	if T(1)/3 == T(float32(1)/3) {
		return F32
	}
	return F64
}

// as returns t with another name.
func (t *Tensor) as(name string) *Tensor {
	u := *t
	u.Name = name
	return &u
}

// Len returns the number of elements.
func (t *Tensor) Len() int {
	n, _ := array.Count(t.Shape, math.MaxInt)
	return n
}

// Read fills dst with the elements of t: exactly where T can hold them, otherwise rounded to the
// nearest. The error is that the type of t is not one of numbers that are read. It panics if dst has not as many elements.
func Read[T cell.Float](t *Tensor, dst []T) error {
	if len(dst) != t.Len() {
		panic(fmt.Sprintf("weights: Read: len(dst) = %d, want %d, the elements of %s", len(dst), t.Len(), t.Name))
	}
	if !t.DType.readable() {
		return fmt.Errorf("weights: %.60q: elements of type %s, want one of F64, F32, F16, BF16 and integers", t.Name, t.DType)
	}
	raw := t.bytes()
	if t.DType == BF16 {
		for i := range dst {
			dst[i] = T(math.Float32frombits(uint32(binary.LittleEndian.Uint16(raw[2*i:])) << 16))
		}
		return nil
	}
	a := array.New(t.Shape, t.DType.numpy(), raw)
	if d, ok := any(dst).([]float64); ok {
		a.Read(d, 0)
		return nil
	}
	var part [1024]float64
	for from := 0; from < len(dst); from += len(part) {
		p := part[:min(len(part), len(dst)-from)]
		a.Read(p, from)
		for i, v := range p {
			dst[from+i] = T(v)
		}
	}
	return nil
}

// Values returns the elements of t, as Read gives them.
func Values[T cell.Float](t *Tensor) ([]T, error) {
	dst := make([]T, t.Len())
	return dst, Read(t, dst)
}
