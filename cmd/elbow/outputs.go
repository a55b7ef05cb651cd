package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/internal/f64"
	"github.com/elbow-go/elbow/internal/figure"
	"github.com/elbow-go/elbow/internal/report"
	"github.com/elbow-go/elbow/internal/rundir"
	"github.com/elbow-go/elbow/model"
)

// drawCurves draws what became of the epochs as path.png and path.svg.
func drawCurves(path string, history []model.Epoch) error {
	panels := report.CurvePanels(history)
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
	given        []float32 // the conditions of the steps of a sample, all of which have the same; nil: those of the data
}

// sizes returns how many sequences of how many steps are drawn.
func (s sampling) sizes(form model.Form) (count, steps int) {
	count, steps = dataset.SampleSizes(form)
	if s.count > 0 {
		count = s.count
	}
	if s.steps > 0 && form.Kind != model.FormImage {
		steps = s.steps
	}
	return count, steps
}

// drawing returns how many bytes it takes to draw samples and to write them, which takes two more
// copies.
func drawing(m model.Model[float32], count, steps int) float64 {
	return 3 * m.Settings().MemoryToSample(count, steps)
}

// writeSamples draws from the model and writes what came out in the format of the data it
// was trained on. Where there is a picture, some of the given data are beside it. It
// returns the names of the files.
func writeSamples(dir string, m model.Model[float32], form model.Form, s sampling, data []model.Sequence) ([]string, error) {
	count, steps := s.sizes(form)
	if c := m.Settings(); c.Likelihood == "" {
		return nil, fmt.Errorf("a %s has nothing to draw from", c.Model)
	} else if c.Given != form.GivenWidth() && c.Model != model.ModelRegression {
		return nil, fmt.Errorf("the model is given %d numbers, of which it does not say what they are", c.Given)
	}
	// The mean of an image is what one looks at: its pixels do not know of each other.
	means := s.mean || form.Kind == model.FormImage
	x := model.Sample(m, model.Draw{Count: count, Steps: steps, Seed: s.seed, Mean: means, Given: s.conditions(form.GivenWidth(), count, steps, data)})
	return dataset.Write(dir, form, m.Settings().Data, dataset.Output{Base: dataset.BaseSample, Pieces: dataset.Split(x, count), Means: means, Before: data})
}

// makeDir makes the output folder and finds out whether files can be made in it, before
// hours of work are spent on them.
func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return err
	}
	f.Close()
	return os.Remove(f.Name())
}

// left prints which files a command has left in a folder, as its result, with what else there is to say
// in JSON.
func (c *call) left(dir string, files []string, more map[string]any) error {
	fmt.Fprintf(c.out, "%s: %s\n", dir, strings.Join(files, " "))
	all := map[string]any{"folder": dir, "files": files}
	maps.Copy(all, more)
	return c.result(all)
}

// outdated removes the files of pieces that an earlier call has left under the same name beside those of
// this one, of which there are count, as far as they are ours.
func outdated(folder *rundir.Dir, kind, base string, count int, out io.Writer) error {
	now := dataset.Files(kind, base, count)
	var gone []string
	for _, name := range slices.Concat(dataset.Files(kind, base, 1), dataset.Files(kind, base, maxContinuations)) {
		if slices.Contains(now, name) || !folder.Owns(name) {
			continue
		}
		if err := folder.Remove(name); err != nil {
			return err
		}
		gone = append(gone, name)
	}
	if len(gone) > 0 {
		remark(out, []string{"note: removed, from an earlier call: " + strings.Join(gone, " ")})
	}
	return nil
}

// unitNats returns what the nats per step of standardised values become larger by in the units of the data: the
// sum of ln Scale over the dimensions. ok is false for data that are not standardised, and for sound and strokes,
// whose units say nothing.
func unitNats(f model.Form, dim int) (more float64, ok bool) {
	if f.Kind != model.FormSeries || len(f.Scale) == 0 {
		return 0, false
	}
	for j := range dim {
		more += f64.Log(f.Scale[min(j, len(f.Scale)-1)])
	}
	return more, true
}

// printUnits says what a score is in the units of the data, if it is one of standardised values, or how many
// of them are missing: the units of those that are not there do not count.
func printUnits(out io.Writer, name string, s model.Score, more float64, ok bool) {
	if s.Missing > 0 {
		fmt.Fprintf(out, "%-5s %d values are missing, and part of no figure\n", name, s.Missing)
	} else if ok {
		fmt.Fprintf(out, "%-5s of standardised values; %.4f nats per step in the units of the data\n", name, s.NLLPerStep+more)
	}
}
