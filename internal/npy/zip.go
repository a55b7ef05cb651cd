package npy

import (
	"archive/zip"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/internal/infile"
)

const (
	// maxMembers bounds the members of a .npz file: each takes some memory.
	maxMembers = 1 << 16

	// maxRatio is more than deflate can make of a byte.
	maxRatio = 1040
)

// ReadZip reads all arrays of a .npz file in the order in which they are stored. Members
// that are no arrays, or none that can be read, are named in unread with file and reason;
// it is an error if nothing else is there. All members share the budget.
func ReadZip(path string, b *infile.Budget) (list []*Array, unread []string, err error) {
	raw, err := b.Read(path)
	if err != nil {
		return nil, nil, err
	}
	return ParseZip(path, raw, b)
}

// ParseZip is ReadZip for a file that is in memory and counted by the budget. The arrays keep parts of
// raw, which the caller must not use any more.
func ParseZip(path string, raw []byte, b *infile.Budget) (list []*Array, unread []string, err error) {
	z, err := openZip(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	kept := false // whether an array keeps a part of raw
	for _, f := range z.File {
		a, inside, err := member(path, raw, f, b)
		var limit *infile.LimitError
		if errors.As(err, &limit) {
			return nil, nil, err
		}
		if err != nil {
			unread = append(unread, err.Error()+": not read")
			continue
		}
		kept = kept || inside
		list = append(list, a)
	}
	if !kept {
		b.Return(int64(len(raw)))
	}
	if len(list) > 0 {
		return list, unread, nil
	}
	if len(unread) > 0 {
		return nil, nil, fmt.Errorf("%s, and no other array inside", unread[0])
	}
	return nil, nil, fmt.Errorf("%s: no array inside", path)
}

// openZip opens a zip file whose members are distinct.
func openZip(raw []byte) (*zip.Reader, error) {
	switch {
	case bytes.HasPrefix(raw, []byte(magic)):
		return nil, errors.New("byte 0: a single array: .npy in its name says so")
	case bytes.Count(raw, []byte("PK\x01\x02")) > maxMembers:
		return nil, fmt.Errorf("more than %d members", maxMembers)
	}
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		if bytes.HasPrefix(raw, []byte("PK")) {
			return nil, fmt.Errorf("%w: damaged or cut off", err)
		}
		return nil, err
	}
	type span struct {
		name     string
		from, to int64
	}
	var spans []span
	seen := map[string]bool{}
	for _, f := range z.File {
		if seen[f.Name] {
			return nil, fmt.Errorf("two members %.60q", f.Name)
		}
		seen[f.Name] = true
		from, err := f.DataOffset()
		if size := int64(f.CompressedSize64); err != nil || size < 0 || size > int64(len(raw))-from {
			return nil, fmt.Errorf("member %.60q lies outside of the file", f.Name)
		}
		spans = append(spans, span{f.Name, from, from + int64(f.CompressedSize64)})
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	for i := 1; i < len(spans); i++ {
		if a, b := spans[i-1], spans[i]; b.from < a.to {
			return nil, fmt.Errorf("members %.60q and %.60q overlap", a.name, b.name)
		}
	}
	return z, nil
}

// methods names ways of packing that are not read.
var methods = map[uint16]string{9: "deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "xz", 99: "AES encryption"}

// member reads an array; inside says that it keeps a part of raw, the whole file.
func member(path string, raw []byte, f *zip.File, b *infile.Budget) (a *Array, inside bool, err error) {
	place := fmt.Sprintf("%s: %.60q", path, f.Name)
	name, ok := strings.CutSuffix(f.Name, ".npy")
	from, err := f.DataOffset()
	packed, size := int64(f.CompressedSize64), f.UncompressedSize64
	switch {
	case !ok:
		return nil, false, fmt.Errorf("%s: no .npy file", place)
	case err != nil:
		return nil, false, fmt.Errorf("%s: %w", place, err)
	case f.Flags&1 != 0:
		return nil, false, fmt.Errorf("%s: encrypted", place)
	case f.Method != zip.Store && f.Method != zip.Deflate:
		return nil, false, fmt.Errorf("%s: packed by method %d %s: save it with np.savez", place, f.Method, methods[f.Method])
	case size > uint64(packed)*maxRatio || f.Method == zip.Store && size != uint64(packed):
		return nil, false, fmt.Errorf("%s: damaged: %d bytes of %d", place, size, packed)
	}
	content := raw[from : from+packed : from+packed]
	if inside = f.Method == zip.Store; inside {
		if crc32.ChecksumIEEE(content) != f.CRC32 {
			return nil, false, fmt.Errorf("%s: %w", place, zip.ErrChecksum)
		}
	} else if content, err = inflate(place, f, b); err != nil {
		return nil, false, err
	}
	a, copied, err := parse(place, content, b)
	if (copied || err != nil) && !inside {
		b.Return(int64(len(content)))
	}
	if err != nil {
		return nil, false, err
	}
	a.Name = name
	return a, inside && !copied, nil
}

// inflate unpacks a member into memory.
func inflate(place string, f *zip.File, b *infile.Budget) ([]byte, error) {
	content, err := b.ReadAll(place, infile.Hint(int64(f.CompressedSize64), f.UncompressedSize64), f.Open)
	var limit *infile.LimitError
	if err != nil && !errors.As(err, &limit) {
		err = fmt.Errorf("%s: %w", place, err)
	}
	return content, err
}
