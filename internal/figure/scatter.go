package figure

import (
	"fmt"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Cloud is a named set of points that share a colour and a mark, for example the windows
// of one tune in a latent space. Points that are not finite are left out.
type Cloud struct {
	Name string
	X, Y []float64 // of the same length
}

// marks are the shapes of the points, in the order in which clouds take them once they
// have used up the colours.
var marks = []draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, draw.RingGlyph{},
	draw.SquareGlyph{}, draw.TriangleGlyph{}, draw.PlusGlyph{}, draw.CrossGlyph{}}

// MaxClouds is how many clouds can be told apart by colour and mark.
const MaxClouds = 48

// Scatter draws clouds of points over one pair of axes, at most 48 clouds, with a legend
// above the axes. Clouds are drawn in order, so later points cover earlier ones.
func Scatter(path, title, xLabel, yLabel string, clouds []Cloud) error {
	if len(clouds) < 1 || len(clouds) > MaxClouds {
		return fmt.Errorf("%s: %d clouds, want 1 to %d", path, len(clouds), MaxClouds)
	}
	q := newPlot()
	q.X.Label.Text, q.Y.Label.Text = xLabel, yLabel
	q.Add(grid{})
	x, y := emptySpan(), emptySpan()
	for i, c := range clouds {
		if len(c.X) != len(c.Y) {
			return fmt.Errorf("%s: cloud %q has %d x and %d y", path, c.Name, len(c.X), len(c.Y))
		}
		for k := range c.X {
			if finite(c.X[k]) && finite(c.Y[k]) {
				x.add(c.X[k])
				y.add(c.Y[k])
			}
		}
		q.Add(cloud{c, mark(i)})
	}
	if x.lo > x.hi {
		return fmt.Errorf("%s: no finite point to draw", path)
	}
	q.X.Tick.Marker, q.Y.Tick.Marker = ticks{8, false}, ticks{7, false}
	q.X.Min, q.X.Max = x.widen(0.04)
	q.Y.Min, q.Y.Max = y.widen(0.04)
	return save(path, 560, func(c draw.Canvas) { q.Draw(cloudLegend(heading(c, title), clouds)) })
}

// mark returns colour and shape of cloud i.
func mark(i int) draw.GlyphStyle {
	var c color.Color = palette[i%len(palette)]
	return draw.GlyphStyle{Color: c, Radius: 3, Shape: marks[i/len(palette)%len(marks)]}
}

// cloudLegend writes the names beside their marks, in rows that wrap, and returns the
// canvas that is left for the plot.
func cloudLegend(c draw.Canvas, clouds []Cloud) draw.Canvas {
	sty := tickStyle
	sty.XAlign, sty.YAlign = draw.XLeft, draw.YCenter
	const room, rowHeight = 10, 14
	x, y := c.Min.X, c.Max.Y
	for i, v := range clouds {
		if v.Name == "" {
			continue
		}
		name := fit(sty, v.Name, c.Size().X-room)
		w := room + sty.Width(name)
		if x > c.Min.X && x+w > c.Max.X {
			x, y = c.Min.X, y-rowHeight
		}
		mid := y - rowHeight/2
		c.DrawGlyphNoClip(mark(i), vg.Point{X: x + 3, Y: mid})
		c.FillText(sty, vg.Point{X: x + room, Y: mid}, name)
		x += w + 14
	}
	if x > c.Min.X {
		y -= rowHeight
	}
	return draw.Crop(c, 0, 0, 0, y-6-c.Max.Y)
}

// cloud draws the points of one cloud.
type cloud struct {
	points Cloud
	style  draw.GlyphStyle
}

func (v cloud) Plot(c draw.Canvas, p *plot.Plot) {
	for i, x := range v.points.X {
		if y := v.points.Y[i]; finite(x) && finite(y) {
			c.DrawGlyphNoClip(v.style, vg.Point{X: c.X(p.X.Norm(x)), Y: c.Y(p.Y.Norm(y))})
		}
	}
}
