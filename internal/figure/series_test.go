package figure

import (
	"math"
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
