package dataset

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/elbow-go/elbow/internal/atomicfile"

	"github.com/elbow-go/elbow/model"
)

// sheet is what a kind writes: samples of a model, and pieces of data to be shown beside
// them where there is a picture, all as raw values.
type sheet struct {
	dir     string
	form    model.Form
	dim     int
	steps   int
	samples [][]float32
	data    []shown
	files   []string
}

type shown struct {
	name string
	x    []float32
}

// file writes one file.
func (w *sheet) file(name string, write func(f io.Writer) error) error {
	w.files = append(w.files, name)
	return atomicfile.Write(filepath.Join(w.dir, name), 0o666, write)
}

// one draws a picture.
func (w *sheet) one(name string, draw func(path string) error) error {
	w.files = append(w.files, name)
	return draw(filepath.Join(w.dir, name))
}

// picture draws a picture as PNG and as SVG.
func (w *sheet) picture(name string, draw func(path string) error) error {
	if err := w.one(name+".png", draw); err != nil {
		return err
	}
	return draw(filepath.Join(w.dir, name+".svg"))
}

// WriteSamples writes samples x, [count, steps, dim], which it uses up, to files in dir in the
// format of the data of the form. Where there is a picture, it shows the given data too. It returns the
// names of the files.
func WriteSamples(dir string, f model.Form, x []float32, count, steps, dim int, data []model.Sequence) ([]string, error) {
	k, err := kindOf(f.Kind)
	if err != nil {
		return nil, err
	}
	if k.write == nil || count < 1 || steps < 1 {
		return nil, fmt.Errorf("%d samples of %d steps: nothing to be written", count, steps)
	}
	w := &sheet{dir: dir, form: f, dim: dim, steps: steps}
	for i := range data {
		d := shown{data[i].Name, data[i].Values(dim)}
		f.Raw(d.x, dim)
		w.data = append(w.data, d)
	}
	f.Raw(x, dim)
	for i := range count {
		w.samples = append(w.samples, x[i*steps*dim:(i+1)*steps*dim])
	}
	err = k.write(w)
	return w.files, err
}

// SampleFiles returns the names of the files that samples of a kind of data are written to.
func SampleFiles(kind string) []string {
	for _, k := range kinds {
		if k.name == kind {
			return k.files
		}
	}
	return nil
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
