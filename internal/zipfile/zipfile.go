// Package zipfile reads zip files from outside, in memory, with a bound on what they may cost. Formats that are zip files
// with something inside, such as npz, are read through it.
package zipfile

import (
	"archive/zip"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/elbow-go/elbow/internal/infile"
)

const (
	// MaxMembers bounds the members of a file: each takes some memory.
	MaxMembers = 1 << 16

	// maxRatio is more than deflate can make of a byte.
	maxRatio = 1040
)

// Open opens a zip file whose members are distinct.
func Open(raw []byte) (*zip.Reader, error) {
	if bytes.Count(raw, []byte("PK\x01\x02")) > MaxMembers {
		return nil, fmt.Errorf("more than %d members", MaxMembers)
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

// Content returns what a member of the file raw holds, unpacked. inside says that it is a part of raw; otherwise it has
// taken its size from the budget. Errors begin with place.
func Content(place string, raw []byte, f *zip.File, b *infile.Budget) (content []byte, inside bool, err error) {
	from, err := f.DataOffset()
	packed, size := int64(f.CompressedSize64), f.UncompressedSize64
	switch {
	case err != nil:
		return nil, false, fmt.Errorf("%s: %w", place, err)
	case f.Flags&1 != 0:
		return nil, false, fmt.Errorf("%s: encrypted", place)
	case f.Method != zip.Store && f.Method != zip.Deflate:
		return nil, false, fmt.Errorf("%s: packed by method %d %s: save it with np.savez", place, f.Method, methods[f.Method])
	case size > uint64(packed)*maxRatio || f.Method == zip.Store && size != uint64(packed):
		return nil, false, fmt.Errorf("%s: damaged: %d bytes of %d", place, size, packed)
	}
	if f.Method == zip.Deflate {
		content, err = inflate(place, f, b)
		return content, false, err
	}
	content = raw[from : from+packed : from+packed]
	if crc32.ChecksumIEEE(content) != f.CRC32 {
		return nil, true, fmt.Errorf("%s: %w", place, zip.ErrChecksum)
	}
	return content, true, nil
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
