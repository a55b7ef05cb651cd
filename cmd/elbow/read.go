package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/internal/idx"
	"github.com/elbow-go/elbow/internal/infile"
	"github.com/elbow-go/elbow/internal/music"
	"github.com/elbow-go/elbow/internal/npy"
	"github.com/elbow-go/elbow/internal/series"
	"github.com/elbow-go/elbow/internal/strokes"
	"github.com/elbow-go/elbow/internal/text"
	"github.com/elbow-go/elbow/internal/wave"
	"github.com/elbow-go/elbow/kernels"
	"github.com/elbow-go/elbow/model"
)

// What follows turns what the readers return into data for a model, one kind each.

func builtinTunes() *dataset {
	d := rolls(music.Builtin())
	d.builtin = true
	return d
}

func readRolls(f *dataFlags) (*dataset, error) {
	grid := f.grid
	if grid == 0 {
		grid = 2
		if strings.EqualFold(filepath.Ext(f.path), ".json") {
			grid = 1
		}
	}
	set, err := music.Open(f.path, grid)
	if err != nil {
		return nil, err
	}
	return rolls(set), nil
}

func rolls(set *music.Dataset) *dataset {
	part := func(pieces []music.Piece) []model.Sequence {
		seqs := make([]model.Sequence, len(pieces))
		for i, p := range pieces {
			x := make([]float32, len(p.Steps)*music.Dims)
			music.Rows(x, p.Steps)
			seqs[i] = model.Sequence{Name: p.Name, Label: p.Name, X: x}
		}
		return seqs
	}
	return &dataset{Data: &model.Data{Name: set.Name, Dim: music.Dims, Hash: set.Hash(),
		Form:  model.Form{Kind: model.FormRoll, Rate: set.StepsPerQuarter},
		Train: part(set.Train), Valid: part(set.Valid), Test: part(set.Test)}}
}

// readWaves reads one recording, or all in a folder. The folder may say with the files
// train.txt, valid.txt and test.txt, a file name per line, which recording belongs where;
// otherwise a hash of its name puts 80, 10 and 10 of 100 recordings into the parts.
func readWaves(f *dataFlags) (*dataset, error) {
	d := &model.Data{Dim: f.frame}
	out := &dataset{Data: d}
	info, err := os.Stat(f.path)
	if err != nil {
		return nil, err
	}
	var raw [3][]sound // with the tails that fill no frame, which count for the mean
	var names [3][]string
	if info.IsDir() {
		if names, err = waveLists(f.path); err != nil {
			return nil, err
		}
	} else {
		names[0] = []string{f.path}
	}
	for part, list := range names {
		for _, path := range list {
			s, err := readSound(path)
			if err != nil {
				return nil, err
			}
			out.notes = append(out.notes, s.Notes...)
			if d.Form.Rate == 0 {
				d.Form.Rate = s.Rate
			}
			if s.Rate != d.Form.Rate {
				return nil, fmt.Errorf("%s: %d samples per second, but %d in the recordings before it", path, s.Rate, d.Form.Rate)
			}
			raw[part] = append(raw[part], s)
		}
	}
	if !info.IsDir() {
		all := raw[0][0].samples
		n := len(all) / f.frame
		a, b := n*8/10*f.frame, n*9/10*f.frame
		raw = [3][]sound{{{samples: all[:a]}}, {{samples: all[a:b]}}, {{samples: all[b:]}}}
		names = [3][]string{names[0], names[0], names[0]}
	}
	for part, to := range []*[]model.Sequence{&d.Train, &d.Valid, &d.Test} {
		for i, s := range raw[part] {
			x := s.samples[: len(s.samples)/f.frame*f.frame : len(s.samples)/f.frame*f.frame]
			if len(x) == 0 {
				out.notes = append(out.notes, fmt.Sprintf("%s: left out: its %d samples fill no frame of %d", names[part][i], len(s.samples), f.frame))
				continue
			}
			*to = append(*to, model.Sequence{Name: names[part][i], X: x})
		}
	}
	if f.levels > 0 {
		quantise(d, f.levels)
	} else {
		mean, std := soundStats(raw[0])
		rescale(d, []float64{mean}, []float64{std})
	}
	if !info.IsDir() {
		d.Train = parallel(d.Train, d.Dim, f.streams)
		out.truncate = 40 // as for Blizzard in Chung et al. 2015
	}
	return out, nil
}

// sound is a recording, decoded.
type sound struct {
	*wave.Sound
	samples []float32
}

func readSound(path string) (s sound, err error) {
	if s.Sound, err = wave.Read(path, new(infile.Budget)); err != nil {
		return s, err
	}
	x := make([]float64, s.Len())
	s.Read(x, 0)
	for _, v := range x {
		s.samples = append(s.samples, float32(v))
	}
	return s, nil
}

// quantise brings samples of 16 bits to the nearest lower of the given number of levels,
// which lie between -1 and 1. Back in raw values, a level is the middle of its samples.
func quantise(d *model.Data, levels int) {
	step, last := 65536/float64(levels), float64(levels-1)
	for _, seqs := range [][]model.Sequence{d.Train, d.Valid, d.Test} {
		for _, s := range seqs {
			for i, v := range s.X {
				n := min(max(math.Floor((float64(v)+32768)/step), 0), last)
				s.X[i] = float32(2*n/last - 1)
			}
		}
	}
	scale := float64(last / 2 * step)
	d.Form.Scale, d.Form.Offset, d.Form.Levels = []float64{scale}, []float64{scale + float64((step-1)/2) - 32768}, levels
}

// soundStats returns the mean and the deviation of all samples.
func soundStats(list []sound) (mean, std float64) {
	n, sum, squares := 0.0, 0.0, 0.0
	for _, s := range list {
		for _, v := range s.samples {
			sum += float64(v)
			squares += float64(float64(v) * float64(v))
		}
		n += float64(len(s.samples))
	}
	if n == 0 {
		return 0, 1
	}
	mean = sum / n
	if std = math.Sqrt(max(0, squares/n-float64(mean*mean))); std == 0 {
		std = 1
	}
	return mean, std
}

// maxList bounds a list of file names, in bytes.
const maxList = 64 << 20

// waveLists returns the paths of the recordings in each part.
func waveLists(dir string) (parts [3][]string, err error) {
	byName := map[string]string{}
	var all []string
	err = walk(dir, func(path string) error {
		if strings.EqualFold(filepath.Ext(path), ".wav") {
			all = append(all, path)
			rel, _ := filepath.Rel(dir, path)
			byName[filepath.ToSlash(rel)] = path
			byName[filepath.Base(path)] = path
		}
		return nil
	})
	if err != nil {
		return parts, err
	}
	for i, name := range []string{"train.txt", "valid.txt", "test.txt"} {
		list := filepath.Join(dir, name)
		raw, err := infile.Read(list, maxList)
		if i == 0 && errors.Is(err, fs.ErrNotExist) {
			for _, path := range all {
				sum := sha256.Sum256([]byte(filepath.Base(path)))
				k := max(0, int(sum[0])%10-7) // 0 to 7 train, 8 valid, 9 test
				parts[k] = append(parts[k], path)
			}
			return parts, nil
		}
		if err != nil {
			return parts, err
		}
		for n, line := range strings.Split(string(raw), "\n") {
			line = strings.TrimSpace(line)
			if line == "" {
				continue
			}
			path, ok := byName[line]
			if !ok {
				return parts, fmt.Errorf("%s: line %d: no recording %q in %s", list, n+1, line, dir)
			}
			parts[i] = append(parts[i], path)
		}
	}
	return parts, nil
}

// readImages reads one file of images, whose tenths at the end are valid and test, or a
// folder with one for training, the last sixth of which becomes valid, and one for test.
func readImages(f *dataFlags) (*dataset, error) {
	info, err := os.Stat(f.path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		a, err := readBytes(f.path)
		if err != nil {
			return nil, err
		}
		return oneImageFile(f, f.path, a)
	}
	type file struct {
		path  string
		array *idx.Array
	}
	var images, labels []file
	err = walk(f.path, func(path string) error {
		head, err := infile.Head(path, 4)
		if err != nil || !idx.Is(head) {
			return err
		}
		a, err := readBytes(path)
		if err != nil {
			return err
		}
		switch len(a.Shape) {
		case 1:
			labels = append(labels, file{path, a})
		case 3:
			images = append(images, file{path, a})
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case len(images) == 1:
		return oneImageFile(f, images[0].path, images[0].array)
	case len(images) != 2:
		return nil, fmt.Errorf("%s: %d idx files of images, want one, or one for train and one for test", f.path, len(images))
	}
	forTraining := func(x file) bool { return strings.Contains(filepath.Base(x.path), "train") }
	if forTraining(images[1]) {
		images[0], images[1] = images[1], images[0]
	}
	if !forTraining(images[0]) || forTraining(images[1]) {
		return nil, fmt.Errorf("%s: want one file of images with train in its name, got %s and %s", f.path, images[0].path, images[1].path)
	}
	if !slices.Equal(images[0].array.Shape[1:], images[1].array.Shape[1:]) {
		return nil, fmt.Errorf("%s: images of %v, but %v in %s", images[1].path, images[1].array.Shape[1:], images[0].array.Shape[1:], images[0].path)
	}
	d := imageData(images[0].array)
	var parts [2][]model.Sequence
	for i, im := range images {
		var names []byte
		for _, l := range labels {
			if forTraining(l) == forTraining(im) {
				names = l.array.Bytes()
				if len(names) != im.array.Shape[0] {
					return nil, fmt.Errorf("%s: %d labels for the %d images in %s", l.path, len(names), im.array.Shape[0], im.path)
				}
			}
		}
		parts[i] = imageSequences(f, im.path, im.array, names)
	}
	held := len(parts[0]) / 6
	if f.valid > 0 {
		held = min(held, f.valid)
	}
	n := len(parts[0]) - held
	d.Train, d.Valid, d.Test = parts[0][:n], parts[0][n:], parts[1]
	return &dataset{Data: d}, nil
}

// readBytes reads an array of images from an idx or a .npy file.
func readBytes(path string) (a *idx.Array, err error) {
	if strings.EqualFold(filepath.Ext(path), ".npy") {
		a, err = npy.Read(path, new(infile.Budget))
	} else {
		a, err = idx.Read(path, new(infile.Budget))
	}
	if err == nil && !strings.HasSuffix(a.Type, "u1") {
		return nil, fmt.Errorf("%s: elements of type %s, want bytes, |u1", path, a.Type)
	}
	return a, err
}

// streamSplit is the noise stream of the order in which -shuffle splits; those of package
// model are below it.
const streamSplit = 100

func oneImageFile(f *dataFlags, path string, a *idx.Array) (*dataset, error) {
	if len(a.Shape) != 3 || a.Len() == 0 {
		return nil, fmt.Errorf("%s: shape %v, want [images, rows, columns]", path, a.Shape)
	}
	n := a.Shape[0]
	if n < 10 {
		return nil, fmt.Errorf("%s: %d images are too few to be split into train, valid and test", path, n)
	}
	// A tenth, in whole hundreds where there are enough: 200 of the 1965 Frey faces.
	part := n / 10
	if n >= 1000 {
		part = (part + 99) / 100 * 100
	}
	all := imageSequences(f, path, a, nil)
	if f.shuffle {
		order := make([]int, n)
		kernels.Shuffle(order, kernels.Noise{Seed: 1, Stream: streamSplit}, 0, 0)
		shuffled := make([]model.Sequence, n)
		for i, k := range order {
			shuffled[i] = all[k]
		}
		all = shuffled
	}
	d := imageData(a)
	d.Train, d.Valid, d.Test = all[:n-2*part], all[n-2*part:n-part], all[n-part:]
	return &dataset{Data: d}, nil
}

func imageData(a *idx.Array) *model.Data {
	rows, cols := a.Shape[1], a.Shape[2]
	return &model.Data{Dim: rows * cols, Form: model.Form{Rows: rows, Cols: cols}}
}

// imageSequences makes a sequence of one step of every image.
func imageSequences(f *dataFlags, path string, a *idx.Array, labels []byte) []model.Sequence {
	n, dim := a.Shape[0], a.Shape[1]*a.Shape[2]
	x := make([]float32, n*dim)
	for i, b := range a.Bytes() {
		switch f.pixels {
		case pixels256:
			x[i] = float32(b) / 256
		case pixelsThreshold:
			if b > 127 {
				x[i] = 1
			}
		default:
			x[i] = float32(b) / 255
		}
	}
	seqs := make([]model.Sequence, n)
	for i := range seqs {
		seqs[i] = model.Sequence{Name: fmt.Sprintf("%s[%d]", path, i), X: x[i*dim : (i+1)*dim : (i+1)*dim], Binarise: f.pixels == pixelsDraw}
		if labels != nil {
			seqs[i].Label = fmt.Sprint(labels[i])
		}
	}
	return seqs
}

func readStrokes(f *dataFlags) (*dataset, error) {
	set, err := strokes.Read(f.path, new(infile.Budget))
	if err != nil {
		return nil, err
	}
	part := func(list []strokes.Drawing) []model.Sequence {
		seqs := make([]model.Sequence, len(list))
		for i, d := range list {
			label, _, _ := strings.Cut(d.Name, "/")
			seqs[i] = model.Sequence{Name: d.Name, Label: label, X: d.Steps}
		}
		return seqs
	}
	d := &model.Data{Dim: strokes.Dims, Train: part(set.Train), Valid: part(set.Valid), Test: part(set.Test)}
	s := strokes.Describe(set.Train)
	scale := func(std float64) float64 {
		if std > 0 {
			return std
		}
		return 1
	}
	rescale(d, []float64{0, s.MeanX, s.MeanY}, []float64{1, scale(s.StdX), scale(s.StdY)})
	return &dataset{Data: d, notes: set.Skipped}, nil
}

// evalChunk is how many characters the valid and test parts of a text are scored in at
// once. The state starts anew in each, which costs little over that length.
const evalChunk = 4096

func readText(f *dataFlags) (*dataset, error) {
	c, err := text.Read(f.path)
	if err != nil {
		return nil, err
	}
	part := func(name string, x []uint16, n int) []model.Sequence {
		s := model.Sequence{Name: name, X: make([]float32, len(x))}
		for i, v := range x {
			s.X[i] = float32(v)
		}
		return parallel([]model.Sequence{s}, 1, n)
	}
	chunks := func(x []uint16) int { return (len(x) + evalChunk - 1) / evalChunk }
	d := &model.Data{Dim: 1, Form: model.Form{Classes: len(c.Symbols), Symbols: string(c.Symbols)},
		Train: part("train", c.Train, f.streams), Valid: part("valid", c.Valid, chunks(c.Valid)), Test: part("test", c.Test, chunks(c.Test))}
	return &dataset{Data: d, corpus: c, truncate: 100}, nil
}

// readSeries standardises what it reads unless it is all zeros and ones.
func readSeries(f *dataFlags) (*dataset, error) {
	set, err := series.Read(f.path)
	if err != nil {
		return nil, err
	}
	d := &model.Data{Dim: set.Dim, Train: asSequences(set.Train), Valid: asSequences(set.Valid), Test: asSequences(set.Test)}
	if !isBinary(d) {
		standardise(d)
	}
	return &dataset{Data: d}, nil
}

// isBinary reports whether all values are 0 or 1.
func isBinary(d *model.Data) bool {
	for _, seqs := range [][]model.Sequence{d.Train, d.Valid, d.Test} {
		for _, s := range seqs {
			if slices.ContainsFunc(s.X, func(v float32) bool { return v != 0 && v != 1 }) {
				return false
			}
		}
	}
	return true
}
