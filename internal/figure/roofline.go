package figure

import (
	"fmt"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Memory is a level of memory, and how many bytes a second it delivers.
type Memory struct {
	Name string
	Rate float64
}

// Work is a group of things measured, each at so many operations a byte and operations a second.
// In the picture the points are numbered through, from 1.
type Work struct {
	Name            string
	Intensity, Rate []float64 // of the same length
}

// Roofline draws what a processor can do at most over the operations done a byte, which is the
// smaller of its peak, in operations a second, and what its memories deliver, and below it what
// was measured. Both axes are logarithmic.
//
// Source: Williams, Waterman and Patterson 2009.
func Roofline(path, title string, peak float64, memories []Memory, works []Work) error {
	if !(peak > 0) || len(memories) == 0 {
		return fmt.Errorf("%s: a peak of %g operations and %d memories, want some", path, peak, len(memories))
	}
	q := newPlot()
	q.X.Label.Text, q.Y.Label.Text = "operations a byte", "GFLOP/s"
	q.X.Scale, q.Y.Scale = plot.LogScale{}, plot.LogScale{}
	q.X.Tick.Marker, q.Y.Tick.Marker = powers{}, powers{}
	q.Add(grid{})
	x, y := emptySpan(), emptySpan()
	number := 1
	var clouds []Cloud
	for i, w := range works {
		if len(w.Intensity) != len(w.Rate) {
			return fmt.Errorf("%s: work %q has %d intensities and %d rates", path, w.Name, len(w.Intensity), len(w.Rate))
		}
		c := Cloud{Name: w.Name}
		for k, v := range w.Intensity {
			if !(v > 0 && w.Rate[k] > 0) || !finite(v) || !finite(w.Rate[k]) {
				return fmt.Errorf("%s: work %q: %g operations a byte at %g a second, want both above 0", path, w.Name, v, w.Rate[k])
			}
			x.add(v)
			y.add(w.Rate[k] / 1e9)
			c.X, c.Y = append(c.X, v), append(c.Y, w.Rate[k]/1e9)
		}
		clouds = append(clouds, c)
		q.Add(numbered{cloud{c, mark(i)}, number})
		number += len(c.X)
	}
	for _, m := range memories {
		if !(m.Rate > 0) {
			return fmt.Errorf("%s: memory %q delivers %g bytes a second", path, m.Name, m.Rate)
		}
		x.add(peak / m.Rate)
	}
	y.add(peak / 1e9)
	q.X.Min, q.X.Max = x.lo/2, x.hi*4
	q.Y.Min, q.Y.Max = y.lo/2, y.hi*2
	for _, m := range memories {
		q.Add(roof{peak, m})
	}
	return save(path, 560, func(c draw.Canvas) { q.Draw(cloudLegend(heading(c, title), clouds)) })
}

// powers are ticks at 1, 2 and 5 times the powers of 10, with all digits.
type powers struct{}

func (powers) Ticks(lo, hi float64) (list []plot.Tick) {
	for e := math.Floor(math.Log10(lo)); e <= math.Log10(hi); e++ {
		for _, d := range []float64{1, 2, 5} {
			if v := d * math.Pow(10, e); v >= lo && v <= hi {
				list = append(list, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', 3, 64)})
			}
		}
	}
	return list
}

// roof draws the bound of one memory, with its name along the slope.
type roof struct {
	peak   float64
	memory Memory
}

func (r roof) Plot(c draw.Canvas, p *plot.Plot) {
	at := func(x, y float64) vg.Point { return vg.Point{X: c.X(p.X.Norm(x)), Y: c.Y(p.Y.Norm(y))} }
	ridge, top := r.peak/r.memory.Rate, r.peak/1e9
	left := math.Max(p.X.Min, p.Y.Min*1e9/r.memory.Rate)
	c.StrokeLines(draw.LineStyle{Color: ink, Width: 1.2}, []vg.Point{at(left, left*r.memory.Rate/1e9), at(ridge, top), at(p.X.Max, top)})
	sty := tickStyle
	sty.XAlign, sty.YAlign = draw.XRight, draw.YBottom
	c.FillText(sty, at(math.Sqrt(left*ridge), math.Sqrt(left*ridge)*r.memory.Rate/1e9), r.memory.Name)
}

// numbered draws points with a number beside each.
type numbered struct {
	cloud
	first int
}

func (n numbered) Plot(c draw.Canvas, p *plot.Plot) {
	n.cloud.Plot(c, p)
	sty := tickStyle
	sty.XAlign, sty.YAlign = draw.XLeft, draw.YCenter
	for i, x := range n.points.X {
		c.FillText(sty, vg.Point{X: c.X(p.X.Norm(x)) + 4, Y: c.Y(p.Y.Norm(n.points.Y[i]))}, strconv.Itoa(n.first+i))
	}
}
