package figure

import (
	"bytes"
	"encoding/xml"
	"image"
	"image/color"
	_ "image/png"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"

	"github.com/elbow-go/elbow/internal/music"
)

func epochs(n int) (x, falling, rising []float64) {
	for e := 1; e <= n; e++ {
		x = append(x, float64(e))
		falling = append(falling, 4+9*math.Exp(-float64(e)/5))
		rising = append(rising, 1-math.Exp(-float64(e)/8))
	}
	return x, falling, rising
}

func trainingPanels(n int) []Panel {
	x, bound, kl := epochs(n)
	return []Panel{
		{Title: "Bound", XLabel: "epoch", YLabel: "nats per step", WholeX: true, Lines: []Line{{Name: "train", X: x, Y: bound}, {Name: "valid", X: x, Y: bound}}},
		{Title: "Reconstruction & more <here>", XLabel: "epoch", WholeX: true, Lines: []Line{{Name: "train", X: x, Y: bound}}},
		{Title: "KL", XLabel: "epoch", WholeX: true, Lines: []Line{{Name: "train", X: x, Y: kl}, {Name: "valid", X: x, Y: kl, Dashed: true}}},
	}
}

func rollPanels() []RollPanel {
	train, valid, _ := music.Tunes()
	a, struck := train[0].Rolls(2)
	b, _ := valid[2].Rolls(2)
	return []RollPanel{{"Data: Ode to Joy", a, struck, false}, {"Data: Minuet", b, nil, false}, {"Sample 1", b[:40], nil, true}}
}

// drawAll draws a picture as PNG and SVG, each as often as said, and returns both.
func drawAll(t *testing.T, times int, drawTo func(path string) error) (image.Image, []byte) {
	t.Helper()
	dir := t.TempDir()
	var data [2][]byte
	for i, name := range []string{"a.png", "b.SVG"} {
		path := filepath.Join(dir, name)
		for try := range times {
			if err := drawTo(path); err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if try > 0 && !bytes.Equal(b, data[i]) {
				t.Errorf("%s: drawn twice, the bytes differ", name)
			}
			data[i] = b
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("the folder holds %v", entries)
	}
	img, kind, err := image.Decode(bytes.NewReader(data[0]))
	if err != nil || kind != "png" {
		t.Fatal(kind, err)
	}
	if w := img.Bounds().Dx(); w != 1000 {
		t.Errorf("%d pixels wide, want 1000", w)
	}
	return img, data[1]
}

// drawSVG is drawAll for tests that only read texts.
func drawSVG(t *testing.T, drawTo func(path string) error) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.svg")
	if err := drawTo(path); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// label is a text of an SVG picture with the box it takes, without rotated ones.
type label struct {
	text           string
	x0, x1, y0, y1 float64
}

func labels(t *testing.T, svg []byte) []label {
	t.Helper()
	var list []label
	d := xml.NewDecoder(bytes.NewReader(svg))
	var open *label
	for {
		tok, err := d.Token()
		if tok == nil {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if tok.Name.Local != "text" {
				continue
			}
			attr := map[string]string{}
			for _, a := range tok.Attr {
				attr[a.Name.Local] = a.Value
			}
			if strings.Contains(attr["transform"], "rotate") {
				continue
			}
			x, _ := strconv.ParseFloat(attr["x"], 64)
			y, _ := strconv.ParseFloat(attr["y"], 64)
			_, rest, _ := strings.Cut(attr["style"], "font-size:")
			size, _ := strconv.ParseFloat(rest[:strings.Index(rest, "px")], 64)
			open = &label{"", x, size, y - 0.7*size, y} // x1 holds the size until the text is known
		case xml.CharData:
			if open != nil {
				open.text += string(tok)
			}
		case xml.EndElement:
			if open != nil && tok.Name.Local == "text" {
				open.x1 = open.x0 + float64(style(vg.Length(open.x1), false, ink).Width(open.text))
				list = append(list, *open)
				open = nil
			}
		}
	}
	return list
}

// checkLabels fails if a text leaves the picture or touches another one, or if one of the
// wanted texts is missing.
func checkLabels(t *testing.T, svg []byte, want ...string) {
	t.Helper()
	list := labels(t, svg)
	seen := map[string]bool{}
	for i, a := range list {
		seen[a.text] = true
		if a.x0 < 0 || a.x1 > float64(width) {
			t.Errorf("%q leaves the picture: %v to %v", a.text, a.x0, a.x1)
		}
		for _, b := range list[:i] {
			if a.x0 < b.x1 && b.x0 < a.x1 && a.y0 < b.y1 && b.y0 < a.y1 {
				t.Errorf("%q and %q overlap", a.text, b.text)
			}
		}
	}
	for _, w := range want {
		if !seen[w] {
			t.Errorf("no text %q", w)
		}
	}
}

// count says how many pixels have exactly a colour.
func count(img image.Image, c color.Color) int {
	r, g, b, _ := c.RGBA()
	n := 0
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y++ {
		for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x++ {
			if pr, pg, pb, _ := img.At(x, y).RGBA(); pr == r && pg == g && pb == b {
				n++
			}
		}
	}
	return n
}

func TestCurves(t *testing.T) {
	img, svg := drawAll(t, 2, func(path string) error { return Curves(path, "VRNN on tunes", trainingPanels(40)) })
	checkLabels(t, svg, "VRNN on tunes", "Bound", "Reconstruction & more <here>", "KL", "train", "valid", "epoch", "40", "0.8")
	// Between two entries of a legend is room for the sample of the second.
	var before label
	for _, l := range labels(t, svg) {
		if l.text == "valid" && (l.y1 != before.y1 || l.x0-before.x1 < 30) {
			t.Errorf("%q at %v, %q before it ends at %v", l.text, l.x0, before.text, before.x1)
		}
		before = l
	}
	if blue, red := count(img, palette[0]), count(img, palette[1]); blue < 500 || red < 200 {
		t.Errorf("%d pixels of the first line's colour, %d of the second's", blue, red)
	}
	if c := color.GrayModel.Convert(img.At(2, 2)).(color.Gray); c.Y != 255 {
		t.Errorf("background %v, want white", c)
	}
}

// Texts keep apart whatever the data are.
func TestCurvesLabels(t *testing.T) {
	x, bound, kl := epochs(2000)
	long := strings.Repeat("a very long name ", 20)
	for name, panels := range map[string][]Panel{
		"one epoch":     trainingPanels(1),
		"two epochs":    trainingPanels(2),
		"many epochs":   trainingPanels(2000),
		"long names":    {{Title: long, XLabel: "epoch", YLabel: "y", Lines: []Line{{Name: long, X: x, Y: bound}, {Name: "short", X: x, Y: bound}, {Name: long, X: x, Y: kl}}}},
		"four":          append(trainingPanels(100), Panel{Title: "Four", Lines: []Line{{X: x, Y: bound}}}),
		"constant":      {{Lines: []Line{{Name: "a", X: x[:9], Y: make([]float64, 9)}}}},
		"huge":          {{Lines: []Line{{Name: "a", X: []float64{1, 2, 3}, Y: []float64{-1e140, 1e149, math.MaxFloat64}}}}},
		"tiny":          {{Lines: []Line{{Name: "a", X: []float64{1, 2}, Y: []float64{1e-300, 2e-300}}}}},
		"large, narrow": {{Lines: []Line{{Name: "a", X: []float64{1, 2}, Y: []float64{1e9, 1e9 + 3}}}}},
		"gaps":          {{Lines: []Line{{Name: "a", X: x[:5], Y: []float64{math.NaN(), 1, math.Inf(1), 2, 3}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			svg := drawSVG(t, func(path string) error { return Curves(path, long, panels) })
			checkLabels(t, svg)
		})
	}
}

// A value that is not finite leaves a gap, a value without neighbours is a dot.
func TestCurvesGaps(t *testing.T) {
	at := func(y ...float64) int {
		x, _, _ := epochs(len(y))
		img, _ := drawAll(t, 1, func(path string) error {
			return Curves(path, "", []Panel{{Lines: []Line{{X: x, Y: y}}}})
		})
		return count(img, palette[0])
	}
	whole, gap, dots := at(1, 2, 1, 2, 1), at(1, 2, math.NaN(), 2, 1), at(1, math.NaN(), 1.5, math.Inf(-1), 2)
	if !(whole > gap && gap > dots && dots > 20) {
		t.Errorf("coloured pixels: %d whole, %d with a gap, %d as dots", whole, gap, dots)
	}
}

func TestCurvesErrors(t *testing.T) {
	x, y, _ := epochs(3)
	good := []Panel{{Title: "p", Lines: []Line{{Name: "l", X: x, Y: y}}}}
	dir := t.TempDir()
	for _, c := range []struct {
		name, path string
		panels     []Panel
		want       string
	}{
		{"format", "a.gif", good, "a.gif: want a file name that ends in .png or .svg"},
		{"no panels", "a.png", nil, "a.png: 0 panels"},
		{"five panels", "a.png", make([]Panel, 5), "a.png: 5 panels"},
		{"no lines", "a.png", []Panel{{Title: "p"}}, `a.png: panel "p": no finite value`},
		{"no values", "a.png", []Panel{{Title: "p", Lines: []Line{{X: []float64{1}, Y: []float64{math.NaN()}}}}}, "no finite value"},
		{"lengths", "a.png", []Panel{{Title: "p", Lines: []Line{{Name: "l", X: x, Y: y[:2]}}}}, `a.png: panel "p": line "l" has 3 x and 2 y`},
		{"no folder", filepath.Join("none", "a.png"), good, "a.png"},
	} {
		err := Curves(filepath.Join(dir, c.path), "", c.panels)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: error %v, want %q with its folder", c.name, err, c.want)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestRolls(t *testing.T) {
	img, svg := drawAll(t, 2, func(path string) error { return Rolls(path, "Data and samples", rollPanels(), 2) })
	checkLabels(t, svg, "Data and samples", "Data: Ode to Joy", "Sample 1", "C4", "time (quarter notes)", "60")
	if blue, red := count(img, palette[0]), count(img, palette[1]); blue < 3000 || red < 500 {
		t.Errorf("%d pixels of data, %d of samples", blue, red)
	}
}

func TestRollsLabels(t *testing.T) {
	wide := music.Roll{{21}, {108}}
	long := make(music.Roll, 20000)
	for name, c := range map[string]struct {
		panels []RollPanel
		grid   int
	}{
		"one step":    {[]RollPanel{{Steps: music.Roll{{60}}}}, 4},
		"silence":     {[]RollPanel{{Title: "a", Steps: music.Roll{{}, {}}}}, 1},
		"whole range": {[]RollPanel{{Title: "a", Steps: wide}, {Title: "b", Steps: wide}, {Title: "c", Steps: wide}, {Steps: wide}, {Steps: wide}, {Steps: wide}, {Steps: wide}, {Title: "h", Steps: wide}}, 1},
		"long":        {[]RollPanel{{Title: strings.Repeat("long ", 99), Steps: long}}, 1},
		"empty panel": {[]RollPanel{{Title: "a"}, {Title: "b", Steps: wide}}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			svg := drawSVG(t, func(path string) error { return Rolls(path, "title", c.panels, c.grid) })
			checkLabels(t, svg, "time (quarter notes)")
		})
	}
}

// Notes stand where they belong: the bars of an SVG picture are counted and measured.
func TestRollsBars(t *testing.T) {
	steps := music.Roll{{60}, {60, 64}, {60}, {}}
	bars := func(struck music.Roll) int {
		svg := drawSVG(t, func(path string) error { return Rolls(path, "", []RollPanel{{"p", steps, struck, true}}, 1) })
		return strings.Count(string(svg), "fill:#D55E00")
	}
	if got := bars(nil); got != 2 {
		t.Errorf("%d bars, want 2", got)
	}
	if got := bars(music.Roll{{60}, {60, 64}, {}, {}}); got != 3 {
		t.Errorf("%d bars with struck notes, want 3", got)
	}
}

func TestRollsErrors(t *testing.T) {
	good := RollPanel{Title: "p", Steps: music.Roll{{60}}}
	path := filepath.Join(t.TempDir(), "r.png")
	for _, c := range []struct {
		panels []RollPanel
		grid   int
		want   string
	}{
		{nil, 1, "0 panels, want 1 to 8"},
		{make([]RollPanel, 9), 1, "9 panels"},
		{[]RollPanel{good}, 0, "0 steps per quarter note"},
		{[]RollPanel{{}}, 1, "no steps to draw"},
		{[]RollPanel{{Title: "q", Steps: music.Roll{{3}}}}, 1, `panel "q": step 0: note 3`},
		{[]RollPanel{{Title: "q", Steps: music.Roll{{60}}, Struck: music.Roll{}}}, 1, `panel "q": struck notes for 0 steps, want 1`},
	} {
		if err := Rolls(path, "", c.panels, c.grid); err == nil || !strings.Contains(err.Error(), path+": "+c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		t      ticks
		lo, hi float64
		want   string
	}{
		{ticks{5, false}, 3.5, 13.2, "4 6 8 10 12"},
		{ticks{5, false}, -0.02, 1, "0.0 0.2 0.4 0.6 0.8 1.0"},
		{ticks{6, true}, 0.98, 40.1, "5 10 15 20 25 30 35 40"},
		{ticks{6, true}, 0.5, 1.5, "1"},
		{ticks{6, true}, 1, 3, "1 2 3"},
		{ticks{5, false}, 1e-9, 9e-9, "2e-09 4e-09 6e-09 8e-09"},
	} {
		var got []string
		for _, tick := range c.t.Ticks(c.lo, c.hi) {
			got = append(got, tick.Label)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%v to %v: %q, want %q", c.lo, c.hi, got, c.want)
		}
	}
}
