package figure

import (
	"fmt"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// DrawingPanel is a sheet of pen drawings. A drawing is steps [pen_up, dx, dy]: pen_up at or
// above 1/2 ends a stroke at the point that the step leads to, y goes up. Steps that are
// not finite end the drawing.
type DrawingPanel struct {
	Title    string
	Drawings [][]float32
	Sample   bool // drawn in the colour of what a model made, otherwise of data
}

// Drawings draws sheets of pen drawings below each other, at most four, with 8 drawings in a
// row. Each drawing is scaled to its cell.
func Drawings(path, title string, panels []DrawingPanel) error {
	if len(panels) < 1 || len(panels) > 4 {
		return fmt.Errorf("%s: %d panels, want 1 to 4", path, len(panels))
	}
	const across, head, gap = 8, 18, 10
	cell := (vg.Length(width) - 20) / across
	height := vg.Length(22)
	if title != "" {
		height += 26
	}
	for _, p := range panels {
		for i, d := range p.Drawings {
			if len(d)%3 != 0 {
				return fmt.Errorf("%s: panel %q: drawing %d has %d values, want a multiple of 3", path, p.Title, i, len(d))
			}
		}
		height += head + gap + cell*vg.Length((len(p.Drawings)+across-1)/across)
	}
	return save(path, height, func(c draw.Canvas) {
		c = heading(c, title)
		top := c.Max.Y
		for _, p := range panels {
			sty := panelStyle
			sty.XAlign, sty.YAlign = draw.XLeft, draw.YTop
			c.FillText(sty, vg.Point{X: c.Min.X, Y: top}, fit(sty, p.Title, c.Size().X))
			top -= head
			line := draw.LineStyle{Color: palette[0], Width: 1.4}
			if p.Sample {
				line.Color = palette[1]
			}
			for i, d := range p.Drawings {
				x, y := c.Min.X+cell*vg.Length(i%across), top-cell*vg.Length(i/across)
				pen(c, line, d, vg.Rectangle{Min: vg.Point{X: x + 8, Y: y - cell + 8}, Max: vg.Point{X: x + cell - 8, Y: y - 8}})
			}
			top -= cell*vg.Length((len(p.Drawings)+across-1)/across) + gap
		}
	})
}

// paths turns steps into strokes of points, from the origin.
func paths(steps []float32) [][][2]float64 {
	at := [2]float64{}
	stroke, all := [][2]float64{at}, [][][2]float64(nil)
	for k := 0; k+3 <= len(steps); k += 3 {
		at[0] += float64(steps[k+1])
		at[1] += float64(steps[k+2])
		if !finite(at[0]) || !finite(at[1]) {
			break
		}
		stroke = append(stroke, at)
		if steps[k] >= 0.5 {
			all, stroke = append(all, stroke), nil
		}
	}
	if len(stroke) > 0 {
		all = append(all, stroke)
	}
	return all
}

// pen draws one drawing into a rectangle, in its own proportions.
func pen(c draw.Canvas, line draw.LineStyle, steps []float32, r vg.Rectangle) {
	strokes := paths(steps)
	x, y := emptySpan(), emptySpan()
	for _, s := range strokes {
		for _, p := range s {
			x.add(p[0])
			y.add(p[1])
		}
	}
	size := math.Max(math.Max(x.hi-x.lo, y.hi-y.lo), 1e-9)
	scale := float64(r.Max.X-r.Min.X) / size
	middle := vg.Point{X: (r.Min.X + r.Max.X) / 2, Y: (r.Min.Y + r.Max.Y) / 2}
	for _, s := range strokes {
		points := make([]vg.Point, len(s))
		for i, p := range s {
			points[i] = vg.Point{X: middle.X + vg.Length((p[0]-(x.lo+x.hi)/2)*scale), Y: middle.Y + vg.Length((p[1]-(y.lo+y.hi)/2)*scale)}
		}
		if len(points) == 1 {
			c.DrawGlyphNoClip(draw.GlyphStyle{Color: line.Color, Radius: 1, Shape: draw.CircleGlyph{}}, points[0])
			continue
		}
		c.StrokeLines(line, points)
	}
}
