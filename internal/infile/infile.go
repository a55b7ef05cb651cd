// Package infile reads files from outside with a bound on what they may cost.
package infile

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
)

// Read reads a whole file, which must be a regular one of at most limit bytes. Errors name
// path.
func Read(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err // names path
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", path)
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: larger than the limit of %d bytes", path, limit)
	}
	return data, nil
}

// Head returns the first n bytes of a file, or fewer if it is shorter; those of the
// content if it is gzipped.
func Head(path string, n int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, int64(max(n, 4096))))
	if err != nil {
		return nil, err
	}
	if IsGzip(head) {
		if z, err := gzip.NewReader(bytes.NewReader(head)); err == nil {
			// The end of what was read cuts the stream; what came before it counts.
			head, _ = io.ReadAll(io.LimitReader(z, int64(n)))
		}
	}
	return head[:min(n, len(head))], nil
}

// IsGzip reports whether data begin as a gzip file does.
func IsGzip(data []byte) bool { return len(data) >= 2 && data[0] == 0x1f && data[1] == 0x8b }

// Gunzip returns the content of data if it is gzipped, and data itself otherwise. The
// content may have at most limit bytes: a small file can unpack to any size. Errors name
// path.
func Gunzip(path string, data []byte, limit int64) ([]byte, error) {
	if !IsGzip(data) {
		return data, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	out, err := io.ReadAll(io.LimitReader(z, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s: gzip, after %d bytes of content: %w", path, len(out), err)
	}
	if int64(len(out)) > limit {
		return nil, fmt.Errorf("%s: the content is larger than the limit of %d bytes", path, limit)
	}
	return out, nil
}
