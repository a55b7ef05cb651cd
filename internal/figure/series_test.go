package figure

import (
	"math"
	"slices"
	"testing"
)

// TestSeries: panels are below each other, and a band is filled between its ends.
func TestSeries(t *testing.T) {
	x, y, hi := []float64{0, 1, 2, 3}, []float64{1, 2, 1, 2}, []float64{3, 4, 3, 5}
	draw := func(y []float64) func(string) error {
		band := Line{Name: "80 %", X: x, Y: y, Hi: hi}
		return func(path string) error {
			return Series(path, "Forecast", []Panel{{Title: "left", Lines: []Line{band, {Name: "median", X: x, Y: y, Dashed: true}}}, {Title: "right", XLabel: "step", Lines: []Line{{Name: "data", X: x, Y: hi}}}})
		}
	}
	whole, svg := drawAll(t, 2, draw(y))
	checkLabels(t, svg, "Forecast", "left", "right", "80 %", "median", "data", "step")
	panel := Panel{Lines: []Line{{X: x, Y: y, Hi: hi}}}
	pale := panel.lineStyle(0).Color
	gap, _ := drawAll(t, 1, draw([]float64{1, math.NaN(), 1, 2}))
	if a, b := count(whole, pale), count(gap, pale); a < 5000 || b < 1000 || a < 2*b {
		t.Errorf("%d pixels of a band, %d of one with a gap", a, b)
	}
	for _, bad := range [][]Panel{nil, make([]Panel, 9), {{Lines: []Line{{X: x, Y: y, Hi: hi[:2]}}}}} {
		if err := Series(t.TempDir()+"/a.png", "", bad); err == nil {
			t.Errorf("%d panels pass", len(bad))
		}
	}
}

// TestThin: a long line keeps its peaks and its gaps, a band its width, and a short one is not touched.
func TestThin(t *testing.T) {
	l := Line{Name: "a", Dashed: true}
	for i := range 10007 {
		l.X, l.Y = append(l.X, float64(i)), append(l.Y, 0)
	}
	l.Y[5000], l.Y[9999] = 3, -2
	for i := 2000; i < 2200; i++ {
		l.Y[i] = math.NaN()
	}
	s := l.Thin(100)
	gaps := 0
	for _, y := range s.Y {
		if y != y {
			gaps++
		}
	}
	if len(s.X) > 200 || len(s.X) != len(s.Y) || !slices.Contains(s.Y, 3) || gaps == 0 || !slices.Contains(s.Y, -2) || !slices.IsSorted(s.X) || s.Name != "a" || !s.Dashed {
		t.Errorf("%d points, %d gaps", len(s.X), gaps)
	}
	l.Hi = slices.Repeat([]float64{1}, len(l.X))
	l.Hi[5001] = 7
	if s := l.Thin(100); len(s.Hi) != len(s.Y) || slices.Max(s.Hi) != 7 || !slices.Contains(s.Y, -2) {
		t.Errorf("%d and %d points of a band", len(s.Hi), len(s.Y))
	}
	short := Line{X: l.X[:7], Y: l.Y[:7]}
	if got := short.Thin(4); len(got.X) != 7 {
		t.Errorf("%d points of 7", len(got.X))
	}
}
