package figure

import (
	"fmt"
	"image"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// SoundPanel is one recording of a picture.
type SoundPanel struct {
	Title  string
	X      []float32 // samples, of which 32768 is full scale
	Sample bool      // drawn in the colour of what a model made, otherwise of data
}

// Sounds draws recordings beside each other, at most four, each as its envelope above its spectrogram. All share the axes:
// seconds, amplitude, frequency and loudness.
func Sounds(path, title string, panels []SoundPanel, rate int) error {
	if len(panels) < 1 || len(panels) > 4 {
		return fmt.Errorf("%s: %d panels, want 1 to 4", path, len(panels))
	}
	seconds, peak, loudest := 0.0, 1e-4, math.Inf(-1)
	spectra := make([]spectrum, len(panels))
	for i, p := range panels {
		seconds = math.Max(seconds, float64(len(p.X))/float64(rate))
		for _, v := range p.X {
			if a := math.Abs(float64(v)) / 32768; finite(a) {
				peak = math.Max(peak, a)
			}
		}
		s := &spectra[i]
		s.seconds = float64(len(p.X)) / float64(rate)
		s.cols, s.rows, s.decibels = Spectrogram(p.X, rate)
		for _, v := range s.decibels {
			loudest = math.Max(loudest, v)
		}
	}
	if seconds == 0 {
		return fmt.Errorf("%s: no samples to draw", path)
	}
	plots := make([][]*plot.Plot, 2)
	for i, p := range panels {
		above, below := newPlot(), newPlot()
		above.Y.Min, above.Y.Max = -1.02*peak, 1.02*peak
		below.Y.Max = float64(rate) / 2000
		for _, q := range []*plot.Plot{above, below} {
			q.X.Max = seconds
			q.X.Tick.Marker, q.Y.Tick.Marker = ticks{4, false}, ticks{4, false}
		}
		below.X.Label.Text = "seconds"
		if i == 0 {
			above.Y.Label.Text, below.Y.Label.Text = "amplitude", "kHz"
		}
		l := Line{X: make([]float64, len(p.X)), Y: make([]float64, len(p.X))}
		for k, v := range p.X {
			l.X[k], l.Y[k] = float64(k)/float64(rate), float64(v)/32768
		}
		ink := palette[0]
		if p.Sample {
			ink = palette[1]
		}
		above.Add(grid{}, curve{l.Thin(maxRuns), draw.LineStyle{Color: ink, Width: 1}})
		spectra[i].loudest, spectra[i].hertz = loudest, float64(rate)/2
		below.Add(spectra[i])
		plots[0], plots[1] = append(plots[0], above), append(plots[1], below)
	}
	height := vg.Length(330)
	if title == "" {
		height -= 26
	}
	return save(path, height, func(c draw.Canvas) {
		c = heading(c, title)
		const head, gap = 18, 22
		tiles := draw.Tiles{Rows: 2, Cols: len(panels), PadX: gap, PadY: 10}
		for i, row := range plot.Align(plots, tiles, draw.Crop(c, 0, 0, 0, -head)) {
			for k, tile := range row {
				plots[i][k].Draw(tile)
			}
		}
		w := (c.Size().X + gap) / vg.Length(len(panels))
		for i, p := range panels {
			sty := panelStyle
			sty.XAlign, sty.YAlign = draw.XLeft, draw.YTop
			c.FillText(sty, vg.Point{X: c.Min.X + w*vg.Length(i), Y: c.Max.Y}, fit(sty, p.Title, w-gap))
		}
	})
}

// spectrum is a spectrogram, drawn as an image.
type spectrum struct {
	cols, rows     int
	decibels       []float64
	loudest        float64 // of all that share the colours
	seconds, hertz float64 // what it covers
}

func (s spectrum) Plot(c draw.Canvas, p *plot.Plot) {
	if s.cols == 0 {
		return
	}
	m := image.NewRGBA(image.Rect(0, 0, s.cols, s.rows))
	for t := range s.cols {
		for r := range s.rows {
			m.Set(t, s.rows-1-r, heat(1+(s.decibels[t*s.rows+r]-s.loudest)/DecibelRange))
		}
	}
	c.DrawImage(vg.Rectangle{Min: vg.Point{X: c.X(p.X.Norm(0)), Y: c.Y(p.Y.Norm(0))}, Max: vg.Point{X: c.X(p.X.Norm(s.seconds)), Y: c.Y(p.Y.Norm(s.hertz / 1000))}}, m)
}

// heat returns a colour from black over red to pale yellow, each lighter than those before it.
func heat(v float64) color.RGBA {
	stops := [...][3]float64{{0, 0, 8}, {60, 15, 110}, {150, 40, 120}, {225, 90, 60}, {250, 175, 50}, {252, 250, 180}}
	v = math.Min(math.Max(v, 0), 1) * float64(len(stops)-1)
	k := min(int(v), len(stops)-2)
	w := v - float64(k)
	var c [3]uint8
	for j := range c {
		c[j] = uint8(math.Round(stops[k][j]*(1-w) + stops[k+1][j]*w))
	}
	return color.RGBA{c[0], c[1], c[2], 0xff}
}
