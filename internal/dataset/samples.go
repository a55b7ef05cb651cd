package dataset

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/elbow-go/elbow/internal/atomicfile"

	"github.com/elbow-go/elbow/model"
)

// Output is what a model made of one kind of data, to be written to files.
type Output struct {
	// Base is what the files are called, but for their extension; with several pieces a number
	// follows. Pictures of samples have names of their own, those of other outputs are called Base.
	Base   string
	Pieces [][]float32 // [steps, dim] each, as a model sees them; they are used up
	Means  bool        // they are means of outputs, not draws
	Names  []string    // of the pieces, in pictures; nil: they are samples of the model

	// Before and After are sequences of the data that pictures show on both sides of the pieces.
	Before, After []model.Sequence
}

// BaseSample is the base of samples.
const BaseSample = "sample"

// sheet is what a kind writes, all as raw values.
type sheet struct {
	Output
	dir           string
	kind          *kind
	form          model.Form
	dim           int
	before, after []shown
	files         []string
}

type shown struct {
	name string
	x    []float32
}

// each writes a file for every piece.
func (w *sheet) each(write func(f io.Writer, piece []float32) error) error {
	for i, x := range w.Pieces {
		name := fileOf(w.kind, w.Base, i, len(w.Pieces))
		w.files = append(w.files, name)
		if err := atomicfile.Write(filepath.Join(w.dir, name), 0o666, func(f io.Writer) error { return write(f, x) }); err != nil {
			return err
		}
	}
	return nil
}

// title returns what a picture calls a piece.
func (w *sheet) title(i int) string {
	if w.Names != nil {
		return w.Names[i]
	}
	return numbered("sample of the model", i, len(w.Pieces))
}

// titleOfAll returns what one picture of all pieces is called.
func (w *sheet) titleOfAll() string {
	switch n := w.Names; {
	case n == nil:
		return "samples of the model"
	case len(n) > 3: // "reconstruction: a to z"
		label, _, _ := strings.Cut(n[0], ": ")
		return n[0] + " to " + strings.TrimPrefix(n[len(n)-1], label+": ")
	default:
		return strings.Join(n, ", ")
	}
}

// draw draws the picture, as PNG and, unless it is one of pixels, as SVG.
func (w *sheet) draw(draw func(path string) error) error {
	for i, name := range pictures(w.kind, w.Base) {
		if i == 0 {
			w.files = append(w.files, name)
		}
		if err := draw(filepath.Join(w.dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// Write writes an output to files in dir in the format of the data of the form, and a picture
// where the kind has one. It returns the names of the files.
func Write(dir string, f model.Form, dim int, o Output) ([]string, error) {
	k, err := kindOf(f.Kind)
	if err != nil {
		return nil, err
	}
	if len(o.Pieces) == 0 {
		return nil, errors.New("nothing to be written")
	}
	for _, x := range o.Pieces {
		if len(x) == 0 {
			return nil, errors.New("a piece of no steps: nothing to be written")
		}
	}
	w := newSheet(f, dim, o)
	w.dir, w.kind = dir, k
	err = k.write(w)
	return w.files, err
}

// newSheet turns an output into raw values.
func newSheet(f model.Form, dim int, o Output) *sheet {
	w := &sheet{Output: o, form: f, dim: dim}
	for _, x := range o.Pieces {
		f.Raw(x, dim)
	}
	w.before, w.after = w.show(o.Before), w.show(o.After)
	return w
}

// show returns the raw values of sequences of the data.
func (w *sheet) show(seqs []model.Sequence) (list []shown) {
	for i := range seqs {
		d := shown{seqs[i].Name, seqs[i].Values(w.dim)}
		w.form.Raw(d.x, w.dim)
		list = append(list, d)
	}
	return list
}

// Split returns pieces of x, count of the same length.
func Split(x []float32, count int) (pieces [][]float32) {
	n := len(x) / max(count, 1)
	for i := range count {
		pieces = append(pieces, x[i*n:(i+1)*n:(i+1)*n])
	}
	return pieces
}

// Files returns the names of the files that so many pieces of a kind of data are written to.
func Files(kind, base string, count int) (names []string) {
	k, err := kindOf(kind)
	if err != nil {
		return nil
	}
	for i := 0; i < count && k.ext != ""; i++ {
		names = append(names, fileOf(k, base, i, count))
	}
	return append(names, pictures(k, base)...)
}

// fileOf returns the name of the file of one of so many pieces.
func fileOf(k *kind, base string, i, of int) string {
	if of > 1 {
		base = fmt.Sprintf("%s-%d", base, i+1)
	}
	return base + k.ext
}

// pictures returns the names of the files of a picture.
func pictures(k *kind, base string) []string {
	if base == BaseSample {
		base = k.picture
	}
	switch {
	case k.picture == "":
		return nil
	case k.pixels:
		return []string{base + ".png"}
	}
	return []string{base + ".png", base + ".svg"}
}

// Beside returns how many pieces of the data a picture of samples shows.
func Beside(f model.Form) int {
	switch f.Kind {
	case model.FormImage:
		return 64
	case model.FormStrokes:
		return 16
	}
	return 1
}

// SampleSizes returns how many samples of how many steps suit the data: 16 bars of 4/4 in
// eighths, three seconds of speech, a sheet, a page.
func SampleSizes(f model.Form) (count, steps int) {
	switch f.Kind {
	case model.FormImage:
		return 64, 1
	case model.FormStrokes:
		return 16, 120
	case model.FormText:
		return 1, 1000
	}
	return 1, 128
}

// numbered names one of several.
func numbered(name string, i, of int) string {
	if of == 1 {
		return name
	}
	return fmt.Sprintf("%s %d", name, i+1)
}
