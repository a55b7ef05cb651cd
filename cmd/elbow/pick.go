package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/model"
)

// elsewhere returns flags that read other data in the same way.
func (f *dataFlags) elsewhere(path string) *dataFlags {
	var other dataFlags
	other.flags(newCall(command{}, nil, nil))
	other.path, other.Given, other.Strict, other.maxData = path, f.Given, f.Strict, f.maxData
	return &other
}

// pick returns the sequence that a user means by a name: the first one of a file or folder, or one
// of the data. open is how they are read.
func (f *dataFlags) pick(name string, open func(*dataFlags) (*dataset.Data, error), out io.Writer) (model.Sequence, error) {
	if _, err := os.Stat(name); err == nil {
		d, err := open(f.elsewhere(name))
		if err != nil {
			return model.Sequence{}, err
		}
		remark(out, d.Notes)
		all := d.Pieces()
		if len(all) > 1 {
			remark(out, []string{fmt.Sprintf("note: the first of the %d sequences of %s is taken, %q", len(all), name, all[0].Name)})
		}
		return all[0].Sequence, nil
	}
	d, err := open(f)
	if err != nil {
		return model.Sequence{}, fmt.Errorf("%s is no file, and the data could not be read: %w", name, err)
	}
	all := d.Pieces()
	if i := meant(all, name); i >= 0 {
		return all[i].Sequence, nil
	}
	return model.Sequence{}, fmt.Errorf("%s: no file and no sequence %q; they have names like %q", d.Name, name, all[0].Name)
}

// meant returns the place of the sequence that is called so: exactly, or as the piece that a window
// is of, or but for folders and the extension of its file, or in the table that it is of, or the only one whose name begins so. It is
// -1 if there is none.
func meant(all []dataset.Piece, name string) int {
	base := func(s string) string {
		s = strings.ToLower(filepath.Base(s))
		if ext := filepath.Ext(s); !strings.ContainsAny(ext, "[, ") { // of an array or a part it is not the end
			s = strings.TrimSuffix(s, ext)
		}
		return s
	}
	for _, same := range []func(q string) bool{
		func(q string) bool { return q == name },
		func(q string) bool { piece, _ := model.Piece(q); return piece == name },
		func(q string) bool {
			piece, at := model.Piece(q)
			want, step := model.Piece(name)
			return base(piece) == base(want) && (want == name || at == step)
		},
		func(q string) bool { piece, _ := model.Piece(q); return strings.HasSuffix(piece, ": "+name) },
	} {
		if i := slices.IndexFunc(all, func(p dataset.Piece) bool { return same(p.Name) }); i >= 0 {
			return i
		}
	}
	found := -1
	for i, p := range all {
		piece, _ := model.Piece(p.Name)
		if !strings.HasPrefix(base(piece), strings.ToLower(name)) {
			continue
		}
		if first, _ := model.Piece(all[max(found, 0)].Name); found >= 0 && first != piece {
			return -1
		} else if found < 0 {
			found = i
		}
	}
	return found
}
