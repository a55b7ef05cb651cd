package figure

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Line is one curve, for example the bound on the validation data after each epoch. Values
// that are not finite leave a gap.
type Line struct {
	Name   string
	X, Y   []float64 // of the same length; X ascends
	Dashed bool
	Dots   bool // a mark at every point, with no line between them
	// Hi, if not nil, is as long as Y: the area between Y and Hi is filled in place of a curve.
	Hi []float64
}

// Panel is one set of axes. WholeX asks for whole numbers on the x axis, as for epochs.
// Lines take their colours in turn; a dashed line takes the colour of the line before it.
type Panel struct {
	Title          string
	XLabel, YLabel string
	WholeX         bool
	Lines          []Line
}

// Curves draws the panels beside each other, at most four, below a title.
func Curves(path, title string, panels []Panel) error {
	if len(panels) < 1 || len(panels) > 4 {
		return fmt.Errorf("%s: %d panels, want 1 to 4", path, len(panels))
	}
	plots := make([]*plot.Plot, len(panels))
	for i, p := range panels {
		var err error
		if plots[i], err = p.plot(); err != nil {
			return fmt.Errorf("%s: panel %q: %w", path, p.Title, err)
		}
	}
	height := vg.Length(300)
	if title == "" {
		height -= 26
	}
	return save(path, height, func(c draw.Canvas) {
		c = heading(c, title)
		const gap = 22
		w := (c.Size().X - gap*vg.Length(len(panels)-1)) / vg.Length(len(panels))
		for i, p := range panels {
			left := (w + gap) * vg.Length(i)
			tile := draw.Crop(c, left, left+w-c.Size().X, 0, 0)
			plots[i].Draw(p.header(tile))
		}
	})
}

// maxSeries is how many panels a picture of series has at most.
const maxSeries = 8

// Series draws the panels below each other, at most eight, each over the whole width.
func Series(path, title string, panels []Panel) error {
	if len(panels) < 1 || len(panels) > maxSeries {
		return fmt.Errorf("%s: %d panels, want 1 to %d", path, len(panels), maxSeries)
	}
	plots := make([]*plot.Plot, len(panels))
	for i, p := range panels {
		var err error
		if plots[i], err = p.plot(); err != nil {
			return fmt.Errorf("%s: panel %q: %w", path, p.Title, err)
		}
	}
	const panel, gap = 150, 12
	height := 46 + (panel+gap)*vg.Length(len(panels)) - gap
	if title == "" {
		height -= 26
	}
	return save(path, height, func(c draw.Canvas) {
		c = heading(c, title)
		for i, p := range panels {
			top := (panel + gap) * vg.Length(i)
			tile := draw.Crop(c, 0, 0, c.Size().Y-top-panel, -top)
			plots[i].Draw(p.header(tile))
		}
	})
}

// Hue returns which colour of the palette line i has, counted from 0.
func (p Panel) Hue(i int) int {
	k := -1
	for j := 0; j <= i; j++ {
		if !p.Lines[j].Dashed || j == 0 {
			k++
		}
	}
	return k % len(palette)
}

func (p Panel) lineStyle(i int) draw.LineStyle {
	s := draw.LineStyle{Color: palette[p.Hue(i)], Width: 1.6}
	if p.Lines[i].Hi != nil {
		r, g, b, _ := s.Color.RGBA()
		pale := func(v uint32) uint8 { return uint8((v + 3*0xffff) / 4 >> 8) }
		s.Color, s.Width = color.RGBA{pale(r), pale(g), pale(b), 0xff}, 6
	}
	if p.Lines[i].Dashed {
		s.Dashes = []vg.Length{5, 3}
	}
	return s
}

// header writes the title of the panel and, below it, the legend, which wraps if it must.
// It returns the canvas that is left for the plot. Above the axes the legend cannot cover
// a curve.
func (p Panel) header(c draw.Canvas) draw.Canvas {
	sty := panelStyle
	sty.XAlign, sty.YAlign = draw.XLeft, draw.YTop
	y := c.Max.Y
	if p.Title != "" {
		c.FillText(sty, vg.Point{X: c.Min.X, Y: y}, fit(sty, p.Title, c.Size().X))
		y -= 18
	}
	sty = tickStyle
	sty.XAlign, sty.YAlign = draw.XLeft, draw.YCenter
	const sample, rowHeight = 20, 14
	x := c.Min.X
	for i, l := range p.Lines {
		if l.Name == "" {
			continue
		}
		name := fit(sty, l.Name, c.Size().X-sample-5)
		w := sample + 5 + sty.Width(name)
		if x > c.Min.X && x+w > c.Max.X {
			x, y = c.Min.X, y-rowHeight
		}
		mid := y - rowHeight/2
		if l.Dots {
			c.DrawGlyphNoClip(dot(p.lineStyle(i)), vg.Point{X: x + sample/2, Y: mid})
		} else {
			c.StrokeLine2(p.lineStyle(i), x, mid, x+sample, mid)
		}
		c.FillText(sty, vg.Point{X: x + sample + 5, Y: mid}, name)
		x += w + 14
	}
	if x > c.Min.X {
		y -= rowHeight
	}
	return draw.Crop(c, 0, 0, 0, y-6-c.Max.Y)
}

// plot makes the axes and the curves.
func (p Panel) plot() (*plot.Plot, error) {
	q := newPlot()
	q.X.Label.Text, q.Y.Label.Text = p.XLabel, p.YLabel
	q.Add(grid{})
	x, y := emptySpan(), emptySpan()
	for i, l := range p.Lines {
		if len(l.X) != len(l.Y) {
			return nil, fmt.Errorf("line %q has %d x and %d y", l.Name, len(l.X), len(l.Y))
		}
		if l.Hi != nil && len(l.Hi) != len(l.Y) {
			return nil, fmt.Errorf("line %q has %d y and %d hi", l.Name, len(l.Y), len(l.Hi))
		}
		for k := range l.X {
			if finite(l.X[k]) && finite(l.Y[k]) {
				x.add(l.X[k])
				y.add(l.Y[k])
				if l.Hi != nil && finite(l.Hi[k]) {
					y.add(l.Hi[k])
				}
			}
		}
		q.Add(curve{l.Thin(maxRuns), p.lineStyle(i)})
	}
	if x.lo > x.hi {
		return nil, errors.New("no finite value to draw")
	}
	tx, ty := ticks{6, p.WholeX}, ticks{5, false}
	q.X.Tick.Marker, q.Y.Tick.Marker = tx, ty
	q.X.Min, q.X.Max = x.widen(0.02)
	q.Y.Min, q.Y.Max = y.widen(0.05)
	return q, nil
}

// span is a range of values.
type span struct{ lo, hi float64 }

func emptySpan() span { return span{math.Inf(1), math.Inf(-1)} }

func (s *span) add(v float64) { s.lo, s.hi = math.Min(s.lo, v), math.Max(s.hi, v) }

// widen adds a fraction at both ends; a single value gets a range around it.
func (s span) widen(by float64) (lo, hi float64) {
	if s.hi-s.lo <= 1e-12*math.Max(math.Abs(s.lo), math.Abs(s.hi)) {
		d := math.Max(0.5, 0.05*math.Abs(s.lo))
		return s.lo - d, s.hi + d
	}
	d := by * (s.hi - s.lo)
	return s.lo - d, s.hi + d
}

// finite also refuses values whose differences may overflow.
func finite(v float64) bool { return math.Abs(v) < 1e150 }

// grid draws faint horizontal lines at the ticks of the y axis.
type grid struct{}

func (grid) Plot(c draw.Canvas, p *plot.Plot) {
	for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
		y := c.Y(p.Y.Norm(t.Value))
		c.StrokeLine2(draw.LineStyle{Color: gridInk, Width: 0.6}, c.Min.X, y, c.Max.X, y)
	}
}

// curve draws one line; a point without neighbours is drawn as a dot.
type curve struct {
	line  Line
	style draw.LineStyle
}

// dot is the mark of a point.
func dot(s draw.LineStyle) draw.GlyphStyle {
	return draw.GlyphStyle{Color: s.Color, Radius: 2.5, Shape: draw.CircleGlyph{}}
}

func (v curve) Plot(c draw.Canvas, p *plot.Plot) {
	if v.line.Hi != nil {
		v.band(c, p)
		return
	}
	var run []vg.Point
	flush := func() {
		if len(run) > 1 && !v.line.Dots {
			c.StrokeLines(v.style, run)
		} else {
			for _, at := range run {
				c.DrawGlyphNoClip(dot(v.style), at)
			}
		}
		run = nil
	}
	for i, x := range v.line.X {
		if !finite(x) || !finite(v.line.Y[i]) {
			flush()
			continue
		}
		run = append(run, vg.Point{X: c.X(p.X.Norm(x)), Y: c.Y(p.Y.Norm(v.line.Y[i]))})
	}
	flush()
}

// band fills the area, as far as its ends are finite.
func (v curve) band(c draw.Canvas, p *plot.Plot) {
	var low, high []vg.Point
	flush := func() {
		if len(low) > 1 {
			slices.Reverse(high)
			c.FillPolygon(v.style.Color, append(low, high...))
		}
		low, high = nil, nil
	}
	for i, x := range v.line.X {
		if !finite(x) || !finite(v.line.Y[i]) || !finite(v.line.Hi[i]) {
			flush()
			continue
		}
		at := c.X(p.X.Norm(x))
		low = append(low, vg.Point{X: at, Y: c.Y(p.Y.Norm(v.line.Y[i]))})
		high = append(high, vg.Point{X: at, Y: c.Y(p.Y.Norm(v.line.Hi[i]))})
	}
	flush()
}
