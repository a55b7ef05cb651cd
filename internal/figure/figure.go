// Package figure draws the pictures that a training run leaves behind: curves over the
// epochs and piano rolls, as PNG of 1000 pixels width or as SVG.
//
// The file name decides which: ".png" or ".svg". The same data give the same bytes. Files
// appear complete or not at all; errors name the file.
package figure

import (
	"bytes"
	"fmt"
	"image/color"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/elbow-go/elbow/internal/atomicfile"
)

// DPI is how many dots an inch of a PNG has. Tests that want a picture to be there, whatever it
// looks like, set it low.
var DPI = 100

// All lengths are in points; at 100 dots per inch the width gives 1000 pixels.
const width = 10 * vg.Inch

// Colours that the colour-blind can tell apart too (Okabe and Ito, 2008), in the order in
// which lines take them, and the greys of everything that is not data.
var (
	palette = []color.Color{
		color.RGBA{0x00, 0x72, 0xb2, 0xff}, // blue
		color.RGBA{0xd5, 0x5e, 0x00, 0xff}, // vermilion
		color.RGBA{0x00, 0x9e, 0x73, 0xff}, // green
		color.RGBA{0xcc, 0x79, 0xa7, 0xff}, // purple
		color.RGBA{0xe6, 0x9f, 0x00, 0xff}, // orange
		color.RGBA{0x56, 0xb4, 0xe9, 0xff}, // sky
	}
	ink       = color.Gray{0x22}
	softInk   = color.Gray{0x55}
	axisInk   = color.Gray{0x99}
	gridInk   = color.Gray{0xe4}
	octaveInk = color.Gray{0xcc}
	blackKey  = color.Gray{0xf4}
)

// style is text in the sans-serif font that package plot carries.
func style(size vg.Length, bold bool, c color.Color) text.Style {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
	if bold {
		f.Weight = 3 // WeightBold of golang.org/x/image/font
	}
	return text.Style{Color: c, Font: f, Handler: plot.DefaultTextHandler}
}

var (
	titleStyle = style(14, true, ink)
	panelStyle = style(11, true, ink)
	labelStyle = style(10, false, softInk)
	tickStyle  = style(9, false, softInk)
)

// save draws a picture of the given height and writes it to path.
func save(path string, height vg.Length, paint func(draw.Canvas)) error {
	var picture io.WriterTo
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".png":
		c := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(DPI), vgimg.UseBackgroundColor(color.White))}
		paint(draw.New(c))
		picture = c
	case ".svg":
		c := vgsvg.NewWith(vgsvg.UseWH(width, height))
		canvas := draw.New(c)
		canvas.FillPolygon(color.White, rectangle(canvas.Rectangle))
		paint(canvas)
		picture = c
	default:
		return fmt.Errorf("%s: want a file name that ends in .png or .svg", path)
	}
	var b bytes.Buffer
	if _, err := picture.WriteTo(&b); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	// Where the font is missing, one of the same widths takes its place.
	data := bytes.ReplaceAll(b.Bytes(), []byte("font-family:Liberation Sans;"), []byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;"))
	return atomicfile.WriteFile(path, data, 0o644)
}

func rectangle(r vg.Rectangle) []vg.Point {
	return []vg.Point{r.Min, {X: r.Max.X, Y: r.Min.Y}, r.Max, {X: r.Min.X, Y: r.Max.Y}}
}

// heading writes the title of the picture and returns the canvas below it.
func heading(c draw.Canvas, title string) draw.Canvas {
	c = draw.Crop(c, 12, -14, 8, -12)
	if title == "" {
		return c
	}
	sty := titleStyle
	sty.XAlign, sty.YAlign = draw.XLeft, draw.YTop
	c.FillText(sty, vg.Point{X: c.Min.X, Y: c.Max.Y}, fit(sty, title, c.Size().X))
	return draw.Crop(c, 0, 0, 0, -26)
}

// fit shortens a text to a width.
func fit(sty text.Style, s string, w vg.Length) string {
	if sty.Width(s) <= w {
		return s
	}
	r := []rune(s)
	for len(r) > 0 && sty.Width(string(r)+"...") > w {
		r = r[:len(r)-1]
	}
	return string(r) + "..."
}

// newPlot is an empty plot in our style.
func newPlot() *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil // save has painted it
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle.Font = labelStyle.Font
		a.Label.TextStyle.Color = labelStyle.Color
		a.Label.Padding = 4
		a.Tick.Label.Font = tickStyle.Font
		a.Tick.Label.Color = tickStyle.Color
		a.Tick.LineStyle.Color = axisInk
		a.Tick.Length = 4
		a.LineStyle.Color = axisInk
		a.Padding = 0
	}
	return p
}

// ticks are round numbers, about as many as asked for (two thirds to one and a half), whole ones
// if whole is set.
type ticks struct {
	count int
	whole bool
}

// step is the distance of the ticks from lo to hi.
func (t ticks) step(lo, hi float64) float64 {
	raw := (hi - lo) / float64(t.count)
	if !(raw > 0) || math.IsInf(raw, 0) {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(raw)))
	step := 10 * unit
	for _, m := range []float64{1, 2, 5} {
		if m*unit >= raw*0.7 {
			step = m * unit
			break
		}
	}
	if t.whole {
		step = math.Max(1, math.Round(step))
	}
	return step
}

// Ticks implements plot.Ticker.
func (t ticks) Ticks(lo, hi float64) []plot.Tick {
	step := t.step(lo, hi)
	decimals := max(0, int(math.Ceil(-math.Log10(step)-1e-9)))
	var list []plot.Tick
	// Index the ticks by whole numbers, so that zero is zero.
	for k := math.Ceil(lo/step - 1e-9); k*step <= hi+step*1e-9 && len(list) < 100; k++ {
		v := k*step + 0 // not -0
		label := strconv.FormatFloat(v, 'f', decimals, 64)
		if len(label) > 8 {
			label = strconv.FormatFloat(v, 'g', 3, 64)
		}
		list = append(list, plot.Tick{Value: v, Label: label})
	}
	return list
}
