package report

import (
	"bytes"
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"github.com/elbow-go/elbow/internal/dataset"
	"github.com/elbow-go/elbow/internal/figure"
	"github.com/elbow-go/elbow/internal/music"
	"github.com/elbow-go/elbow/model"
	wav "github.com/elbow-go/elbow/sound"
)

// shower turns what a model made, and data, into figures of the kind of the data.
type shower struct {
	form model.Form
	dim  int
}

// piece is a sequence of raw values to be shown.
type piece struct {
	name   string
	x      []float32
	sample bool // made by a model
}

// show returns the figures of an output with the data before and after it. Those that can be compared share
// their axes.
func (s shower) show(o dataset.Output) (figures []Figure) {
	if s.form.Kind == model.FormSeries {
		for _, p := range dataset.ColumnPanels(s.form, s.dim, o) {
			figures = append(figures, chartOf(p, ""))
		}
		return figures
	}
	before, after := s.data(o.Before), s.data(o.After)
	var made []piece
	longest := 0
	for i, x := range o.Pieces {
		s.form.Raw(x, s.dim)
		if o.Means && s.form.Kind == model.FormRoll {
			dataset.Sounding(x, s.dim)
		}
		name := "sample"
		if o.Names != nil {
			name = o.Names[i]
		} else if len(o.Pieces) > 1 {
			name = fmt.Sprintf("sample %d", i+1)
		}
		made = append(made, piece{name, x, true})
		longest = max(longest, len(x))
	}
	for _, list := range [][]piece{before, after} {
		for i := range list {
			if p := &list[i]; longest > 0 {
				p.x = p.x[:min(len(p.x), longest)]
			}
		}
	}
	switch s.form.Kind {
	case model.FormImage:
		return s.sheets(before, made, after, s.images)
	case model.FormStrokes:
		return s.sheets(before, made, after, s.strokes)
	}
	for _, list := range [][]piece{before, made, after} {
		for _, p := range list {
			switch s.form.Kind {
			case model.FormRoll:
				figures = append(figures, s.roll(p))
			case model.FormWave:
				figures = append(figures, s.sound(p))
			case model.FormText:
				figures = append(figures, Figure{"text", p.name, "", text{Text: dataset.Text(s.form, p.x)}})
			}
		}
	}
	align(figures)
	return figures
}

// data returns sequences as pieces.
func (s shower) data(seqs []model.Sequence) (list []piece) {
	for i := range seqs {
		x := seqs[i].Values(s.dim)
		s.form.Raw(x, s.dim)
		list = append(list, piece{name: "data: " + filepath.Base(seqs[i].Name), x: x})
	}
	return list
}

// sheets puts the pieces of each list on one figure or, where data are at both ends, all on one.
func (s shower) sheets(before, made, after []piece, sheet func(string, []piece, bool) Figure) (figures []Figure) {
	if len(after) > 0 {
		return []Figure{sheet("the way", append(append(before, made...), after...), true)}
	}
	if len(before) > 0 {
		figures = append(figures, sheet("data", before, false))
	}
	if len(made) > 0 {
		title := "samples"
		if len(made) == 1 || !strings.HasPrefix(made[0].name, "sample") {
			title, _, _ = strings.Cut(made[0].name, ":")
		}
		figures = append(figures, sheet(title, made, false))
	}
	return figures
}

func (s shower) images(title string, list []piece, named bool) Figure {
	m := images{Rows: s.form.Rows, Cols: s.form.Cols}
	for _, p := range list {
		for _, v := range p.x {
			m.Pixels = append(m.Pixels, grey(v))
		}
		if named {
			m.Names = append(m.Names, p.name)
		}
		m.count++
	}
	return Figure{"images", title, fmt.Sprintf("%s of %d × %d pixels", count(m.count, "image"), s.form.Cols, s.form.Rows), m}
}

func grey(v float32) byte {
	if !(v > 0) {
		return 0
	}
	return byte(math.Round(255 * math.Min(1, float64(v))))
}

func (s shower) strokes(title string, list []piece, named bool) Figure {
	d := strokes{Sample: len(list) > 0 && list[0].sample}
	for _, p := range list {
		d.Paths = append(d.Paths, pathOf(p.x))
		if named {
			d.Names = append(d.Names, p.name)
		}
	}
	return Figure{"strokes", title, count(len(list), "drawing"), d}
}

// pathOf returns a drawing of steps [pen_up, dx, dy], y going up, in its own proportions within 0..100.
func pathOf(steps []float32) string {
	type point struct{ x, y float64 }
	at, low, high := point{}, point{}, point{}
	points, ups := []point{at}, []bool{false}
	for k := 0; k+3 <= len(steps); k += 3 {
		at.x += float64(steps[k+1])
		at.y -= float64(steps[k+2])
		if !(math.Abs(at.x) < 1e12 && math.Abs(at.y) < 1e12) {
			break
		}
		low, high = point{math.Min(low.x, at.x), math.Min(low.y, at.y)}, point{math.Max(high.x, at.x), math.Max(high.y, at.y)}
		points, ups = append(points, at), append(ups, steps[k] >= 0.5)
	}
	const room, margin = 100.0, 6.0
	scale := (room - 2*margin) / math.Max(math.Max(high.x-low.x, high.y-low.y), 1e-9)
	var b strings.Builder
	down := false // the pen is
	for i, p := range points {
		x, y := room/2+(p.x-(low.x+high.x)/2)*scale, room/2+(p.y-(low.y+high.y)/2)*scale
		if !down {
			fmt.Fprintf(&b, "M%.1f %.1f", x, y)
		}
		fmt.Fprintf(&b, "L%.1f %.1f", x, y)
		down = !ups[i]
	}
	return b.String()
}

func (s shower) roll(p piece) Figure {
	steps := music.FromRows(p.x)
	r := roll{Steps: len(steps), Length: len(steps), PerQuarter: max(s.form.Rate, 1), Low: math.MaxInt, High: 0, Sample: p.sample, Notes: [][3]int{}}
	var begin [music.Highest + 1]int // 1 + the step where the note began, 0 if it is silent
	for t := 0; t <= len(steps); t++ {
		var now [music.Highest + 1]bool
		if t < len(steps) {
			for _, n := range steps[t] {
				now[n] = true
			}
		}
		for n := range now {
			switch {
			case now[n] && begin[n] == 0:
				begin[n] = t + 1
			case !now[n] && begin[n] > 0:
				r.Notes = append(r.Notes, [3]int{n, begin[n] - 1, t})
				r.Low, r.High = min(r.Low, n), max(r.High, n)
				begin[n] = 0
			}
		}
	}
	words := fmt.Sprintf("%s in %d quarters", count(len(r.Notes), "note"), (r.Steps+r.PerQuarter-1)/r.PerQuarter)
	if len(r.Notes) > 0 {
		words += fmt.Sprintf(", from %s to %s", music.NoteName(uint8(r.Low)), music.NoteName(uint8(r.High)))
	}
	return Figure{"roll", p.name, words, &r}
}

func (s shower) sound(p piece) Figure {
	rate := max(s.form.Rate, 1)
	d := sound{Rate: rate, Seconds: float64(len(p.x)) / float64(rate), Sample: p.sample, Range: figure.DecibelRange}
	const parts = 400
	for i := range min(parts, len(p.x)) {
		lo, hi := float32(math.Inf(1)), float32(math.Inf(-1))
		for _, v := range p.x[len(p.x)*i/min(parts, len(p.x)) : len(p.x)*(i+1)/min(parts, len(p.x))] {
			lo, hi = min(lo, v), max(hi, v)
		}
		d.Low, d.High = append(d.Low, float64(lo)/32768), append(d.High, float64(hi)/32768)
		d.Peak = math.Max(d.Peak, math.Max(math.Abs(float64(lo)), math.Abs(float64(hi)))/32768)
	}
	d.Length, d.Hertz = d.Seconds, float64(rate)/2
	d.Cols, d.Rows, d.decibels = figure.Spectrogram(p.x, rate)
	var b bytes.Buffer
	if err := wav.WriteWAV(&b, rate, p.x); err == nil { // which only sizes can make fail that no page has
		d.WAV = b.Bytes()
	}
	return Figure{"sound", p.name, fmt.Sprintf("%.2f s, peak %.2g", d.Seconds, d.Peak), &d}
}

// align gives rolls and sounds the axes of all of them.
func align(figures []Figure) {
	a := newScale()
	a.widen(figures)
	a.apply(figures)
}

// scale is what the axes of figures have room for: of rolls, of sounds, and of charts by their titles.
type scale struct {
	low, high, steps      int
	loudest, peak, length float64
	charts                map[string][2]float64
}

func newScale() *scale {
	return &scale{low: math.MaxInt, loudest: math.Inf(-1), charts: map[string][2]float64{}}
}

// widen makes room for figures.
func (a *scale) widen(figures []Figure) {
	for _, f := range figures {
		switch d := f.Data.(type) {
		case *roll:
			a.low, a.high, a.steps = min(a.low, d.Low), max(a.high, d.High), max(a.steps, d.Steps)
		case *sound:
			a.peak, a.length = math.Max(a.peak, d.Peak), math.Max(a.length, d.Seconds)
			for _, v := range d.decibels {
				a.loudest = math.Max(a.loudest, v)
			}
		case *chart:
			ends, ok := a.charts[f.Title]
			if !ok {
				ends = [2]float64{math.Inf(1), math.Inf(-1)}
			}
			for _, l := range d.Lines {
				for _, v := range l.Y {
					if v >= -math.MaxFloat64 && v <= math.MaxFloat64 {
						ends = [2]float64{math.Min(ends[0], v), math.Max(ends[1], v)}
					}
				}
			}
			a.charts[f.Title] = ends
		}
	}
}

// apply gives figures the axes.
func (a *scale) apply(figures []Figure) {
	low, high := a.low, a.high
	if low > high { // silence
		low, high = 57, 69
	}
	for high-low < 23 { // two octaves at least
		low, high = low-1, high+1
	}
	for _, f := range figures {
		switch d := f.Data.(type) {
		case *roll:
			d.Low, d.High, d.Length = low-1, high+1, a.steps
		case *sound:
			d.Peak, d.Length = math.Max(a.peak, 1e-4), a.length
			d.Levels = make(base64Bytes, len(d.decibels))
			for i, v := range d.decibels {
				d.Levels[i] = grey(float32(1 + (v-a.loudest)/figure.DecibelRange))
			}
		case *chart:
			if ends := a.charts[f.Title]; ends[0] <= ends[1] {
				d.Range = numbers(ends[:])
			}
		}
	}
}

// count says how many there are of something.
func count(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}
