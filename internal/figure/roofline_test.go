package figure

import (
	"math"
	"path/filepath"
	"testing"
)

func TestRoofline(t *testing.T) {
	memories := []Memory{{"L2", 1e11}, {"memory", 1e10}}
	works := []Work{{"products", []float64{30, 60}, []float64{9e10, 8e10}}, {"vectors", []float64{0.5}, []float64{1e10}}}
	img, svg := drawAll(t, 2, func(path string) error { return Roofline(path, "Roofline", 1e11, memories, works) })
	checkLabels(t, svg, "Roofline", "L2", "memory", "products", "vectors", "operations a byte", "GFLOP/s", "10", "100", "200", "3")
	for i := range works {
		if n := count(img, palette[i]); n < 20 {
			t.Errorf("%d pixels of the colour of work %d, want its points", n, i)
		}
	}
	path := filepath.Join(t.TempDir(), "a.svg")
	for name, err := range map[string]error{
		"no peak":      Roofline(path, "", 0, memories, works),
		"no memory":    Roofline(path, "", 1, nil, works),
		"no rate":      Roofline(path, "", 1, []Memory{{"L2", 0}}, works),
		"lengths":      Roofline(path, "", 1, memories, []Work{{"a", []float64{1}, nil}}),
		"no finite":    Roofline(path, "", 1, memories, []Work{{"a", []float64{1}, []float64{math.NaN()}}}),
		"no work":      Roofline(path, "", 1, memories, []Work{{"a", []float64{1}, []float64{0}}}),
		"wrong ending": Roofline(path+".jpg", "", 1, memories, works),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
