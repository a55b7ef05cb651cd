package dataset

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/internal/figure"
	"github.com/elbow-go/elbow/internal/idx"
	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/internal/npy"
	"github.com/elbow-go/elbow/kernels"
	"github.com/elbow-go/elbow/model"
)

// images are pictures in shades of grey: each is a sequence of one step.
var images = kind{
	name: model.FormImage, options: []string{"pixels", "shuffle", "valid"},
	is: func(p *probe) bool {
		return idx.Is(p.head) || p.ext == ".npy" && npy.IsBytes(p.head, 3)
	},
	read: readImages, split: splitImages, learn: learnImages, check: checkImages, write: writeImages, picture: "images", pixels: true,
	suits: func(*set, model.Form) Suits {
		return Suits{Model: model.ModelVAE, Likelihood: model.Bernoulli, Reshuffle: true}
	},
}

// The ways of making numbers of the bytes of images.
const (
	PixelsReal      = "real"      // byte/255
	Pixels256       = "real256"   // byte/256
	PixelsDraw      = "draw"      // 0 or 1, drawn with probability byte/255 at each use
	PixelsThreshold = "threshold" // 1 above 127
)

// PixelWays are all of them.
var PixelWays = []string{PixelsReal, Pixels256, PixelsDraw, PixelsThreshold}

// pixel returns what a byte becomes.
func pixel(b float32, way string) float32 {
	switch {
	case way == Pixels256:
		return b / 256
	case way != PixelsThreshold:
		return b / 255
	case b > 127:
		return 1
	}
	return 0
}

// bytesOf is an array of images, and the file it came from.
type bytesOf struct {
	path  string
	shape []int
	data  []byte
}

// readArray reads an array of bytes from an idx or a .npy file.
func readArray(path string, b *infile.Budget) (*bytesOf, error) {
	if p, err := look(path, b); err == nil && p.ext == ".npy" {
		a, err := npy.Read(path, b)
		if err != nil {
			return nil, err
		}
		if !strings.HasSuffix(a.Type, "u1") {
			return nil, fmt.Errorf("%s: elements of type %s, want bytes, |u1", path, a.Type)
		}
		return &bytesOf{path, a.Shape, a.Bytes()}, nil
	}
	a, err := idx.Read(path, b)
	if err != nil {
		return nil, err
	}
	if a.Bytes() == nil {
		return nil, fmt.Errorf("%s: elements of type %s, want bytes", path, a.Type)
	}
	return &bytesOf{path, a.Shape, a.Bytes()}, nil
}

// shade is the raw values of one image.
type shade []byte

func (s shade) Read(dst []float64, from int) {
	for i, b := range s[from*len(s):][:len(dst)] {
		dst[i] = float64(b)
	}
}

// readImages reads one file of images, or a folder with one for training and one for test,
// and of labels beside them.
func readImages(r *reader, path string) (*set, error) {
	s := &set{form: model.Form{Pixels: r.Pixels}}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		a, err := readArray(path, r.budget)
		if err != nil {
			return nil, err
		}
		return s, s.images(a, nil)
	}
	pictures, labels, err := imageFiles(path, r.budget)
	if err != nil {
		return nil, err
	}
	labelsOf := func(a *bytesOf) (*bytesOf, error) {
		for _, l := range labels {
			if len(pictures) > 1 && partOfImages(l.path) != partOfImages(a.path) {
				continue
			}
			if len(l.data) != a.shape[0] {
				return nil, fmt.Errorf("%s: %d labels for the %d images in %s", l.path, len(l.data), a.shape[0], a.path)
			}
			return l, nil
		}
		return nil, nil
	}
	switch {
	case len(pictures) == 1:
		l, err := labelsOf(pictures[0])
		if err != nil {
			return nil, err
		}
		return s, s.images(pictures[0], l)
	case len(pictures) != 2:
		return nil, fmt.Errorf("%s: %d files of images, want one, or one for train and one for test", path, len(pictures))
	}
	train, test := pictures[0], pictures[1]
	if partOfImages(test.path) == 0 {
		train, test = test, train
	}
	if partOfImages(train.path) != 0 || partOfImages(test.path) == 0 {
		return nil, fmt.Errorf("%s: want one file of images with train in its name, got %s and %s", path, train.path, test.path)
	}
	if !slices.Equal(train.shape[1:], test.shape[1:]) {
		return nil, fmt.Errorf("%s: images of %v, but %v in %s", test.path, test.shape[1:], train.shape[1:], train.path)
	}
	for _, a := range []*bytesOf{train, test} {
		l, err := labelsOf(a)
		if err == nil {
			err = s.images(a, l)
		}
		if err != nil {
			return nil, err
		}
	}
	s.parts = new([3][]int)
	for i := range s.pieces {
		p := 0
		if i >= train.shape[0] {
			p = 2
		}
		s.parts[p] = append(s.parts[p], i)
	}
	return s, nil
}

// partOfImages is 0 for a file of images for training.
func partOfImages(path string) int {
	if strings.Contains(strings.ToLower(filepath.Base(path)), "train") {
		return 0
	}
	return 2
}

// imageFiles reads the files of images and of labels in a folder: those in idx or, if there
// are none, in .npy.
func imageFiles(dir string, b *infile.Budget) (images, labels []*bytesOf, err error) {
	files, err := list(dir)
	if err != nil {
		return nil, nil, err
	}
	var inIdx, inNpy []string
	for _, path := range files {
		p, err := look(path, b)
		switch {
		case err != nil:
			return nil, nil, err
		case idx.Is(p.head):
			inIdx = append(inIdx, path)
		case p.ext == ".npy" && (npy.IsBytes(p.head, 3) || npy.IsBytes(p.head, 1)):
			inNpy = append(inNpy, path)
		}
	}
	if len(inIdx) == 0 { // where there are both, they hold the same
		inIdx = inNpy
	}
	for _, path := range inIdx {
		a, err := readArray(path, b)
		if err != nil {
			return nil, nil, err
		}
		switch len(a.shape) {
		case 1:
			labels = append(labels, a)
		case 3:
			images = append(images, a)
		}
	}
	return images, labels, nil
}

// images adds a sequence of one step for every image.
func (s *set) images(a, labels *bytesOf) error {
	if len(a.shape) != 3 || len(a.data) == 0 {
		return fmt.Errorf("%s: shape %v, want [images, rows, columns]", a.path, a.shape)
	}
	rows, cols := a.shape[1], a.shape[2]
	s.dim, s.form.Rows, s.form.Cols = rows*cols, rows, cols
	for i := range a.shape[0] {
		p := piece{name: fmt.Sprintf("%s[%d]", a.path, i), steps: 1, rows: shade(a.data[i*s.dim : (i+1)*s.dim])}
		if labels != nil {
			p.label = fmt.Sprint(labels.data[i])
		}
		s.pieces = append(s.pieces, p)
	}
	return nil
}

// streamSplit is the noise stream of the order in which images are split; those of package
// model are below it.
const streamSplit = 100

// splitImages gives the last tenths of the images to valid and test, in whole hundreds
// where there are enough: 200 of the 1965 Frey faces.
func splitImages(s *set, f *model.Form) (parts [3][]span, err error) {
	n := len(s.pieces)
	if n < least {
		return parts, fmt.Errorf("%d images are too few to be split into train, valid and test", n)
	}
	part := n / 10
	if n >= 1000 {
		part = (part + 99) / 100 * 100
	}
	order := make([]int, n)
	if f.Shuffle {
		kernels.Shuffle(order, kernels.Noise{Seed: 1, Stream: streamSplit}, 0, 0)
	} else {
		for i := range order {
			order[i] = i
		}
	}
	for k, i := range order {
		p := 0
		if k >= n-part {
			p = 2
		} else if k >= n-2*part {
			p = 1
		}
		parts[p] = append(parts[p], span{i, 0, 1})
	}
	return parts, nil
}

func learnImages(_ *set, _ []span, o Options, f *model.Form) error {
	f.Pixels = o.Pixels
	return nil
}

func checkImages(s *set, f model.Form) error {
	if s.form.Rows != f.Rows || s.form.Cols != f.Cols {
		return fmt.Errorf("images of %d x %d, the model was trained on %d x %d", s.form.Rows, s.form.Cols, f.Rows, f.Cols)
	}
	return nil
}

func writeImages(w *sheet) error {
	n := w.form.Rows * w.form.Cols
	if n == 0 {
		return errors.New("no images to be drawn")
	}
	var panels []figure.ImagePanel
	data := func(list []shown) {
		if len(list) > 0 {
			panels = append(panels, figure.ImagePanel{Title: "data", Images: valuesOf(list)})
		}
	}
	data(w.before)
	panels = append(panels, figure.ImagePanel{Title: w.titleOfAll(), Images: w.Pieces})
	data(w.after)
	return w.draw(func(path string) error { return figure.Images(path, "Images", panels, w.form.Rows, w.form.Cols) })
}
