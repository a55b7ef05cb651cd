package dataset

import (
	"encoding/csv"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/elbow-go/elbow/internal/atomicfile"
	"github.com/elbow-go/elbow/internal/figure"
	"github.com/elbow-go/elbow/model"
)

// Forecast is what a model expects of the steps that follow a series.
type Forecast struct {
	Past   model.Sequence // the series
	Truth  []float32      // [steps, dim], what followed if that is known, otherwise nil
	Draws  []float32      // [count, steps, dim]; used up
	Count  int
	Levels []float64 // of the quantiles, ascending
}

// BaseForecast is what the files of a forecast are called.
const BaseForecast = "forecast"

// ForecastFiles returns the names of its files.
func ForecastFiles() []string {
	return []string{BaseForecast + ".csv", BaseForecast + ".png", BaseForecast + ".svg"}
}

// WriteForecast writes a table of means and quantiles, a row a step, and a picture, in the units of
// the data. It returns the names of the files and, if the truth is known, the share of its values that are
// within the outermost quantiles.
func WriteForecast(dir string, form model.Form, dim int, f Forecast) (files []string, covered float64, err error) {
	form.Raw(f.Draws, dim)
	form.Raw(f.Truth, dim)
	first := f.Past.Steps(dim)
	steps := len(f.Draws) / dim / max(f.Count, 1)
	mean, quantiles := model.Quantiles(f.Draws, f.Count, f.Levels)
	names := columnNames(form, dim)
	err = atomicfile.Write(filepath.Join(dir, BaseForecast+".csv"), 0o666, func(w io.Writer) error {
		t := csv.NewWriter(w)
		line := []string{"step"}
		for _, n := range names {
			line = append(line, n+" mean")
			for _, l := range f.Levels {
				line = append(line, fmt.Sprintf("%s %g%%", n, 100*l))
			}
			if f.Truth != nil {
				line = append(line, n+" truth")
			}
		}
		t.Write(line)
		for s := range steps {
			line = append(line[:0], strconv.Itoa(first+s))
			add := func(v float32) { line = append(line, strconv.FormatFloat(float64(v), 'g', -1, 32)) }
			for j := range dim {
				at := s*dim + j
				add(mean[at])
				for _, q := range quantiles {
					add(q[at])
				}
				if f.Truth != nil {
					add(f.Truth[at])
				}
			}
			t.Write(line)
		}
		t.Flush()
		return t.Error()
	})
	if err != nil {
		return nil, 0, err
	}
	low, high := quantiles[0], quantiles[len(quantiles)-1]
	for i, v := range f.Truth {
		if v >= low[i] && v <= high[i] {
			covered += 1 / float64(len(f.Truth))
		}
	}
	panels := f.panels(form, names, steps, mean, quantiles)
	for _, ext := range []string{".png", ".svg"} {
		if err := figure.Series(filepath.Join(dir, BaseForecast+ext), "Forecast of "+filepath.Base(f.Past.Name), panels); err != nil {
			return nil, 0, err
		}
	}
	return ForecastFiles()[:2], covered, nil
}

// panels shows the first dimensions: as many steps of the past as are forecast twice, the median or
// mean and the outermost interval, and the truth.
func (f *Forecast) panels(form model.Form, names []string, steps int, mean []float32, quantiles [][]float32) (panels []figure.Panel) {
	dim := len(names)
	past := f.Past.Values(dim)
	form.Raw(past, dim)
	first := len(past) / dim
	from := max(first-max(2*steps, 50), 0)
	share := 100 * (f.Levels[len(f.Levels)-1] - f.Levels[0])
	for j := range min(dim, maxPanels) {
		p := figure.Panel{Title: names[j], YLabel: " "}
		if j == min(dim, maxPanels)-1 {
			p.XLabel = "step"
		}
		interval := column(strings.TrimSpace(fmt.Sprintf("%.4g %% interval", share)), quantiles[0], dim, j, first)
		interval.Hi = column("", quantiles[len(quantiles)-1], dim, j, first).Y
		middle := column("mean", mean, dim, j, first)
		middle.Dashed = true
		p.Lines = []figure.Line{column("data", past[from*dim:], dim, j, from), interval, middle}
		if f.Truth != nil {
			p.Lines = append(p.Lines, column("what followed", f.Truth, dim, j, first))
		}
		panels = append(panels, p)
	}
	return panels
}

// Prompt returns a text as a model has learned to read it, and how many of its characters the model
// does not know.
func Prompt(form model.Form, text string) (q model.Sequence, unknown int) {
	c := newCode(form)
	for _, r := range text {
		k := c.class(r)
		if int(k) == form.Classes-1 {
			unknown++
		}
		q.X = append(q.X, k)
	}
	q.Name = "prompt"
	return q, unknown
}

// Text returns the characters that the classes of a text stand for.
func Text(form model.Form, x []float32) string {
	symbols := []rune(form.Symbols)
	var b strings.Builder
	for _, v := range x {
		r := rune(unknown)
		if v >= 0 && float64(v) < float64(len(symbols)) {
			r = symbols[int(v)]
		}
		b.WriteRune(r)
	}
	return b.String()
}
