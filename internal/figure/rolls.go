package figure

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/elbow-go/elbow/internal/music"
)

// RollPanel is one piano roll of a picture.
type RollPanel struct {
	Title string
	Steps music.Roll
	// Struck holds the notes that begin at each step, where that is known; then a note that
	// is struck again is drawn as two. It has as many steps as Steps, or is nil.
	Struck music.Roll
	Sample bool // drawn in the colour of what a model made, otherwise of data
}

// Rolls draws piano rolls below each other, at most eight. All share the axes: time in
// quarter notes, and the notes by name. stepsPerQuarter says how long a step is.
func Rolls(path, title string, panels []RollPanel, stepsPerQuarter int) error {
	if len(panels) < 1 || len(panels) > 8 {
		return fmt.Errorf("%s: %d panels, want 1 to 8", path, len(panels))
	}
	if stepsPerQuarter < 1 {
		return fmt.Errorf("%s: %d steps per quarter note, want at least 1", path, stepsPerQuarter)
	}
	notes, steps := emptySpan(), 0
	for _, p := range panels {
		if err := p.Steps.Check(); err != nil {
			return fmt.Errorf("%s: panel %q: %w", path, p.Title, err)
		}
		if p.Struck != nil && len(p.Struck) != len(p.Steps) {
			return fmt.Errorf("%s: panel %q: struck notes for %d steps, want %d", path, p.Title, len(p.Struck), len(p.Steps))
		}
		steps = max(steps, len(p.Steps))
		for _, step := range p.Steps {
			for _, n := range step {
				notes.add(float64(n))
			}
		}
	}
	if steps == 0 {
		return fmt.Errorf("%s: no steps to draw", path)
	}
	if notes.lo > notes.hi { // silence is drawn, too
		notes = span{57, 69}
	}
	// Two octaves at least, and a margin.
	for notes.hi-notes.lo < 23 {
		notes.lo, notes.hi = notes.lo-1, notes.hi+1
	}
	notes.lo, notes.hi = notes.lo-1.5, notes.hi+1.5

	// A semitone takes 3 points, so that names an octave apart have room, but the picture
	// may not grow without bound.
	const panelHead, axes = 18, 18
	data := min(3*vg.Length(notes.hi-notes.lo), 700/vg.Length(len(panels)))
	panel := panelHead + data + axes
	const xLabel, gap = 16, 6
	height := 20 + vg.Length(len(panels))*(panel+gap) - gap + xLabel
	if title != "" {
		height += 26
	}
	return save(path, height, func(c draw.Canvas) {
		c = heading(c, title)
		top := vg.Length(0)
		for i, p := range panels {
			h := panel
			if i == len(panels)-1 {
				h += xLabel
			}
			tile := draw.Crop(c, 0, 0, c.Size().Y-top-h, -top)
			sty := panelStyle
			sty.XAlign, sty.YAlign = draw.XLeft, draw.YTop
			tile.FillText(sty, vg.Point{X: tile.Min.X, Y: tile.Max.Y}, fit(sty, p.Title, tile.Size().X))

			q := newPlot()
			q.X.Min, q.X.Max = 0, float64(steps)/float64(stepsPerQuarter)
			q.Y.Min, q.Y.Max = notes.lo, notes.hi
			q.X.Tick.Marker = quarterTicks{}
			q.Y.Tick.Marker = octaveTicks{}
			if i == len(panels)-1 {
				q.X.Label.Text = "time (quarter notes)"
			}
			ink := palette[0]
			if p.Sample {
				ink = palette[1]
			}
			q.Add(keys{}, bars{p, float64(stepsPerQuarter), ink})
			q.Draw(draw.Crop(tile, 0, 0, 0, -panelHead))
			top += h + gap
		}
	})
}

// octaveTicks puts the name of the note at every C.
type octaveTicks struct{}

func (octaveTicks) Ticks(lo, hi float64) []plot.Tick {
	var list []plot.Tick
	for n := 0; n <= 127; n += 12 {
		if v := float64(n); v >= lo && v <= hi {
			list = append(list, plot.Tick{Value: v, Label: music.NoteName(uint8(n))})
		}
	}
	return list
}

// quarterTicks are multiples of 4 quarter notes: 4, 8, 16, ..., at most about 16 of them.
type quarterTicks struct{}

func (quarterTicks) Ticks(lo, hi float64) []plot.Tick {
	step := 1.0
	if hi > 8 {
		step = 4 * math.Exp2(math.Max(0, math.Ceil(math.Log2(hi/64))))
	}
	var list []plot.Tick
	for v := 0.0; v <= hi; v += step {
		list = append(list, plot.Tick{Value: v, Label: fmt.Sprint(v)})
	}
	return list
}

// keys is the background: the rows of the black keys in grey, a line below every C, and a
// line at every tick of the time axis.
type keys struct{}

func (keys) Plot(c draw.Canvas, p *plot.Plot) {
	line := draw.LineStyle{Color: gridInk, Width: 0.6}
	for n := math.Ceil(p.Y.Min); n <= p.Y.Max; n++ {
		lo := c.Y(p.Y.Norm(math.Max(n-0.5, p.Y.Min)))
		hi := c.Y(p.Y.Norm(math.Min(n+0.5, p.Y.Max)))
		switch int(n) % 12 {
		case 1, 3, 6, 8, 10:
			c.FillPolygon(blackKey, rectangle(vg.Rectangle{Min: vg.Point{X: c.Min.X, Y: lo}, Max: vg.Point{X: c.Max.X, Y: hi}}))
		case 0:
			c.StrokeLine2(draw.LineStyle{Color: octaveInk, Width: 0.6}, c.Min.X, lo, c.Max.X, lo)
		}
	}
	for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
		x := c.X(p.X.Norm(t.Value))
		c.StrokeLine2(line, x, c.Min.Y, x, c.Max.Y)
	}
}

// bars draws the notes, each as one bar from its begin to its end.
type bars struct {
	panel RollPanel
	steps float64 // per quarter note
	ink   color.Color
}

func (b bars) Plot(c draw.Canvas, p *plot.Plot) {
	var begin [music.Highest + 1]int // 1 + the step where the note began, 0 if it is silent
	bar := func(note, end int) {
		x0 := c.X(p.X.Norm(float64(begin[note]-1) / b.steps))
		x1 := c.X(p.X.Norm(float64(end) / b.steps))
		// A little air at the end keeps notes that follow each other apart.
		x1 -= min(1, (x1-x0)*0.2)
		y0, y1 := c.Y(p.Y.Norm(float64(note)-0.42)), c.Y(p.Y.Norm(float64(note)+0.42))
		c.FillPolygon(b.ink, rectangle(vg.Rectangle{Min: vg.Point{X: x0, Y: y0}, Max: vg.Point{X: x1, Y: y1}}))
		begin[note] = 0
	}
	for i := 0; i <= len(b.panel.Steps); i++ {
		var now, struck [music.Highest + 1]bool
		if i < len(b.panel.Steps) {
			for _, n := range b.panel.Steps[i] {
				now[n] = true
			}
			if b.panel.Struck != nil {
				for _, n := range b.panel.Struck[i] {
					struck[min(n, music.Highest)] = true
				}
			}
		}
		for n := range now {
			if begin[n] > 0 && (!now[n] || struck[n]) {
				bar(n, i)
			}
			if now[n] && begin[n] == 0 {
				begin[n] = i + 1
			}
		}
	}
}
