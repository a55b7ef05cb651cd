package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/elbow-go/elbow/internal/atomicfile"
	"github.com/elbow-go/elbow/internal/figure"
	"github.com/elbow-go/elbow/internal/music"
	"github.com/elbow-go/elbow/internal/strokes"
	"github.com/elbow-go/elbow/internal/text"
	"github.com/elbow-go/elbow/internal/wave"
	"github.com/elbow-go/elbow/model"
)

// The files that samples are written to, each by the kind of data it fits.
const (
	midiFile    = "sample.mid"
	rollsFile   = "rolls" // .png and .svg
	waveFile    = "sample.wav"
	wavesFile   = "waves" // .png and .svg
	imagesFile  = "images.png"
	strokesFile = "strokes" // .png and .svg
	textFile    = "sample.txt"
	csvFile     = "sample.csv"
)

// drawCurves draws what became of the epochs as path.png and path.svg.
func drawCurves(path string, history []model.Epoch) error {
	curve := func(name string, y func(model.Epoch) float64) figure.Line {
		l := figure.Line{Name: name}
		for _, e := range history {
			l.X, l.Y = append(l.X, float64(e.Epoch)), append(l.Y, y(e))
		}
		return l
	}
	name := "NLL"
	if !history[0].Valid.Exact {
		name = "bound on NLL"
	}
	panels := []figure.Panel{{Title: name, XLabel: "epoch", YLabel: "nats per step", WholeX: true, Lines: []figure.Line{
		curve("train", func(e model.Epoch) float64 { return e.Train.NLLPerStep }),
		curve("valid", func(e model.Epoch) float64 { return e.Valid.NLLPerStep }),
	}}}
	if !history[0].Valid.Exact {
		panels = append(panels, figure.Panel{Title: "its two terms, valid", XLabel: "epoch", YLabel: "nats per step", WholeX: true, Lines: []figure.Line{
			curve("reconstruction", func(e model.Epoch) float64 { return e.Valid.ReconPerStep }),
			curve("KL", func(e model.Epoch) float64 { return e.Valid.KLPerStep }),
		}})
	}
	panels = append(panels, figure.Panel{Title: "gradient norm", XLabel: "epoch", YLabel: "before the clip", WholeX: true,
		Lines: []figure.Line{curve("mean of the epoch", func(e model.Epoch) float64 { return e.GradNorm })}})
	return both(path, func(path string) error { return figure.Curves(path, "Training", panels) })
}

// both draws a picture as PNG and as SVG.
func both(path string, draw func(path string) error) error {
	for _, ext := range []string{".png", ".svg"} {
		if err := draw(path + ext); err != nil {
			return err
		}
	}
	return nil
}

// sampling says how much to draw from a model.
type sampling struct {
	count, steps int // 0: what suits the kind of data
	seed         uint64
	mean         bool
}

// sizes returns how many sequences of how many steps are drawn.
func (s sampling) sizes(form model.Form) (count, steps int) {
	// 16 bars of 4/4 in eighths; three seconds of speech; a sheet; a page.
	count, steps = 1, 128
	switch form.Kind {
	case model.FormImage:
		count, steps = 64, 1
	case model.FormStrokes:
		count, steps = 16, 120
	case model.FormText:
		steps = 1000
	}
	if s.count > 0 {
		count = s.count
	}
	if s.steps > 0 && form.Kind != model.FormImage {
		steps = s.steps
	}
	return count, steps
}

// beside returns how many pieces of the data a picture shows beside samples.
func beside(form model.Form) int {
	switch form.Kind {
	case model.FormImage:
		return 64
	case model.FormStrokes:
		return 16
	}
	return 1
}

// writeSamples draws from the model and writes what came out in the format of the data it
// was trained on. Where there is a picture, some of the given data are beside it. It
// returns the names of the files.
func writeSamples(dir string, m model.Model[float32], form model.Form, s sampling, data []model.Sequence) ([]string, error) {
	count, steps := s.sizes(form)
	dim := m.Settings().Data
	if m.Settings().Model == model.ModelClassifier {
		return nil, errors.New("a classifier has nothing to draw from")
	}
	// The mean of an image is what one looks at: its pixels do not know of each other.
	x := model.Sample(m, count, steps, s.seed, s.mean || form.Kind == model.FormImage)
	return writeDrawn(dir, form, x, count, steps, dim, data)
}

// writeDrawn is writeSamples for what was drawn already: x is [count, steps, dim] and is
// used up.
func writeDrawn(dir string, form model.Form, x []float32, count, steps, dim int, data []model.Sequence) ([]string, error) {
	raw := make([]model.Sequence, len(data))
	for i, d := range data {
		raw[i] = model.Sequence{Name: d.Name, X: append([]float32(nil), d.X...)}
		form.Raw(raw[i].X, dim)
	}
	form.Raw(x, dim)
	samples := make([][]float32, count)
	for i := range samples {
		samples[i] = x[i*steps*dim : (i+1)*steps*dim]
	}
	write := map[string]func(string, model.Form, [][]float32, []model.Sequence, int) ([]string, error){
		model.FormRoll: writeRoll, model.FormWave: writeWave, model.FormImage: writeImages,
		model.FormStrokes: writeStrokes, model.FormText: writeText, model.FormSeries: writeSeries,
	}[form.Kind]
	if write == nil {
		return nil, fmt.Errorf("samples of data of kind %q cannot be written", form.Kind)
	}
	return write(dir, form, samples, raw, dim)
}

func writeRoll(dir string, form model.Form, samples [][]float32, data []model.Sequence, dim int) ([]string, error) {
	if dim != music.Dims {
		return nil, fmt.Errorf("%d dimensions, a piano roll has %d", dim, music.Dims)
	}
	grid := max(form.Rate, 1)
	roll := music.FromRows(slices.Concat(samples...)) // one after another
	err := atomicfile.Write(filepath.Join(dir, midiFile), 0o666, func(w io.Writer) error {
		return music.WriteMIDI(w, roll, music.MIDIOptions{StepsPerQuarter: grid, Title: "sample"})
	})
	if err != nil {
		return nil, err
	}
	var panels []figure.RollPanel
	for _, d := range data {
		piece := music.FromRows(d.X)
		panels = append(panels, figure.RollPanel{Title: "data: " + d.Name, Steps: piece[:min(len(piece), len(samples[0])/dim)]})
	}
	for i, s := range samples {
		if len(panels) < 8 {
			panels = append(panels, figure.RollPanel{Title: numbered("sample of the model", i, len(samples)), Steps: music.FromRows(s), Sample: true})
		}
	}
	path := filepath.Join(dir, rollsFile)
	return []string{midiFile, rollsFile + ".png"}, both(path, func(path string) error { return figure.Rolls(path, "Piano rolls", panels, grid) })
}

// numbered names one of several.
func numbered(name string, i, of int) string {
	if of == 1 {
		return name
	}
	return fmt.Sprintf("%s %d", name, i+1)
}

// writeWave writes one file: the samples one after another, a tenth of a second between them.
func writeWave(dir string, form model.Form, samples [][]float32, data []model.Sequence, _ int) ([]string, error) {
	rate := max(form.Rate, 1)
	var all []float32
	for i, s := range samples {
		if i > 0 {
			all = append(all, make([]float32, rate/10)...)
		}
		all = append(all, s...)
	}
	err := atomicfile.Write(filepath.Join(dir, waveFile), 0o666, func(w io.Writer) error {
		return wave.Write(w, rate, all)
	})
	if err != nil {
		return nil, err
	}
	panel := func(title string, x []float32) figure.Panel {
		l := figure.Line{}
		for i, v := range envelope(x) {
			at := i * len(x) / (2 * envelopeParts)
			if len(x) <= 2*envelopeParts {
				at = i
			}
			l.X, l.Y = append(l.X, float64(at)/float64(rate)), append(l.Y, float64(v))
		}
		return figure.Panel{Title: title, XLabel: "seconds", YLabel: "amplitude", Lines: []figure.Line{l}}
	}
	var panels []figure.Panel
	if len(data) > 0 {
		panels = append(panels, panel("data: "+filepath.Base(data[0].Name), data[0].X))
	}
	panels = append(panels, panel("sample of the model", samples[0]))
	return []string{waveFile, wavesFile + ".png"}, both(filepath.Join(dir, wavesFile), func(path string) error { return figure.Curves(path, "Sound", panels) })
}

// envelopeParts is how many parts of a sound a picture tells apart: a column of its
// panel each, and few enough to be drawn at once.
const envelopeParts = 300

// envelope returns the least and the largest sample of each part of x, or x if it is short.
func envelope(x []float32) []float32 {
	if len(x) <= 2*envelopeParts {
		return x
	}
	out := make([]float32, 0, 2*envelopeParts)
	for i := range envelopeParts {
		part := x[len(x)*i/envelopeParts : len(x)*(i+1)/envelopeParts]
		out = append(out, slices.Min(part), slices.Max(part))
	}
	return out
}

func writeImages(dir string, form model.Form, samples [][]float32, data []model.Sequence, _ int) ([]string, error) {
	var panels []figure.ImagePanel
	if len(data) > 0 {
		p := figure.ImagePanel{Title: "data"}
		for _, d := range data {
			p.Images = append(p.Images, d.X[:form.Rows*form.Cols])
		}
		panels = append(panels, p)
	}
	panels = append(panels, figure.ImagePanel{Title: "samples of the model", Images: samples})
	return []string{imagesFile}, figure.Images(filepath.Join(dir, imagesFile), "Images", panels, form.Rows, form.Cols)
}

func writeStrokes(dir string, _ model.Form, samples [][]float32, data []model.Sequence, dim int) ([]string, error) {
	if dim != strokes.Dims {
		return nil, fmt.Errorf("%d dimensions, pen strokes have %d", dim, strokes.Dims)
	}
	var panels []figure.DrawingPanel
	if len(data) > 0 {
		p := figure.DrawingPanel{Title: "data"}
		for _, d := range data {
			p.Drawings = append(p.Drawings, d.X)
		}
		panels = append(panels, p)
	}
	panels = append(panels, figure.DrawingPanel{Title: "samples of the model", Drawings: samples, Sample: true})
	return []string{strokesFile + ".png"}, both(filepath.Join(dir, strokesFile), func(path string) error { return figure.Drawings(path, "Pen strokes", panels) })
}

func writeText(dir string, form model.Form, samples [][]float32, _ []model.Sequence, _ int) ([]string, error) {
	symbols := []rune(form.Symbols)
	var all string
	for _, s := range samples {
		all += text.Decode(s, symbols) + "\n"
	}
	return []string{textFile}, atomicfile.WriteFile(filepath.Join(dir, textFile), []byte(all), 0o666)
}

// writeSeries writes a table that package series reads again.
func writeSeries(dir string, _ model.Form, samples [][]float32, _ []model.Sequence, dim int) ([]string, error) {
	return []string{csvFile}, atomicfile.Write(filepath.Join(dir, csvFile), 0o666, func(w io.Writer) error {
		t := csv.NewWriter(w)
		line := []string{"sequence"}
		for j := range dim {
			line = append(line, "x"+strconv.Itoa(j))
		}
		t.Write(line)
		for i, s := range samples {
			for k, v := range s {
				if k%dim == 0 {
					line = append(line[:0], strconv.Itoa(i))
				}
				if line = append(line, strconv.FormatFloat(float64(v), 'g', -1, 32)); len(line) == dim+1 {
					t.Write(line)
				}
			}
		}
		t.Flush()
		return t.Error()
	})
}
