package npy

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/internal/zipfile"
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
	if bytes.HasPrefix(raw, []byte(magic)) {
		return nil, nil, fmt.Errorf("%s: byte 0: a single array: .npy in its name says so", path)
	}
	z, err := zipfile.Open(raw)
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

// member reads an array; inside says that it keeps a part of raw, the whole file.
func member(path string, raw []byte, f *zip.File, b *infile.Budget) (a *Array, inside bool, err error) {
	place := fmt.Sprintf("%s: %.60q", path, f.Name)
	name, ok := strings.CutSuffix(f.Name, ".npy")
	if !ok {
		return nil, false, fmt.Errorf("%s: no .npy file", place)
	}
	content, inside, err := zipfile.Content(place, raw, f, b)
	if err != nil {
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
