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

// outlook is a forecast in the units of the data.
type outlook struct {
	Forecast
	form      model.Form
	names     []string // of the dimensions
	first     int      // step of the forecast
	steps     int
	mean      []float32
	quantiles [][]float32
}

func (f Forecast) outlook(form model.Form, dim int) *outlook {
	form.Raw(f.Draws, dim)
	form.Raw(f.Truth, dim)
	o := &outlook{Forecast: f, form: form, names: columnNames(form, dim), first: f.Past.Steps(dim), steps: len(f.Draws) / dim / max(f.Count, 1)}
	o.mean, o.quantiles = model.Quantiles(f.Draws, f.Count, f.Levels)
	return o
}

// WriteForecast writes a table of means and quantiles, a row a step, and a picture, in the units of
// the data. It returns the names of the files and how many values of the truth are known and which share of these is
// within the outermost quantiles.
func WriteForecast(dir string, form model.Form, dim int, f Forecast) (files []string, known int, covered float64, err error) {
	o := f.outlook(form, dim)
	if err := atomicfile.Write(filepath.Join(dir, BaseForecast+".csv"), 0o666, o.write); err != nil {
		return nil, 0, 0, err
	}
	low, high := o.quantiles[0], o.quantiles[len(o.quantiles)-1]
	for _, v := range f.Truth {
		if v == v { // not missing
			known++
		}
	}
	for i, v := range f.Truth {
		if v >= low[i] && v <= high[i] {
			covered += 1 / float64(known)
		}
	}
	panels := o.panels()
	for _, ext := range []string{".png", ".svg"} {
		if err := figure.Series(filepath.Join(dir, BaseForecast+ext), "Forecast of "+filepath.Base(f.Past.Name), panels); err != nil {
			return nil, 0, 0, err
		}
	}
	return ForecastFiles()[:2], known, covered, nil
}

// write writes the table.
func (o *outlook) write(w io.Writer) error {
	t := csv.NewWriter(w)
	line := []string{"step"}
	for _, n := range o.names {
		line = append(line, n+" mean")
		for _, l := range o.Levels {
			line = append(line, fmt.Sprintf("%s %g%%", n, 100*l))
		}
		if o.Truth != nil {
			line = append(line, n+" truth")
		}
	}
	t.Write(line)
	for s := range o.steps {
		line = append(line[:0], strconv.Itoa(o.first+s))
		add := func(v float32) { line = append(line, strconv.FormatFloat(float64(v), 'g', -1, 32)) }
		for j := range o.names {
			at := s*len(o.names) + j
			add(o.mean[at])
			for _, q := range o.quantiles {
				add(q[at])
			}
			if o.Truth != nil {
				add(o.Truth[at])
			}
		}
		t.Write(line)
	}
	t.Flush()
	return t.Error()
}

// ForecastPanels returns the panels of the picture of a forecast, the first dimensions: as many steps of the past as
// are forecast twice, the mean and the outermost interval, and the truth.
func ForecastPanels(form model.Form, dim int, f Forecast) []figure.Panel {
	return f.outlook(form, dim).panels()
}

func (o *outlook) panels() (panels []figure.Panel) {
	dim := len(o.names)
	from := max(o.first-max(2*o.steps, 50), 0)
	past := o.Past.Slice(from, o.first, dim)
	x := past.Values(dim)
	o.form.Raw(x, dim)
	share := 100 * (o.Levels[len(o.Levels)-1] - o.Levels[0])
	for j := range min(dim, maxPanels) {
		p := figure.Panel{Title: o.names[j], YLabel: " "}
		if j == min(dim, maxPanels)-1 {
			p.XLabel = "step"
		}
		interval := column(strings.TrimSpace(fmt.Sprintf("%.4g %% interval", share)), o.quantiles[0], dim, j, o.first)
		interval.Hi = column("", o.quantiles[len(o.quantiles)-1], dim, j, o.first).Y
		middle := column("mean", o.mean, dim, j, o.first)
		middle.Dashed = true
		p.Lines = []figure.Line{column("data", x, dim, j, from), interval, middle}
		if o.Truth != nil {
			p.Lines = append(p.Lines, column("what followed", o.Truth, dim, j, o.first))
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
