package figure

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// testClouds are n rings of points beside each other.
func testClouds(n int) []Cloud {
	clouds := make([]Cloud, n)
	for i := range clouds {
		clouds[i].Name = fmt.Sprintf("tune %d", i)
		for k := range 20 {
			a := 2 * math.Pi * float64(k) / 20
			clouds[i].X = append(clouds[i].X, float64(3*i)+math.Cos(a))
			clouds[i].Y = append(clouds[i].Y, math.Sin(a))
		}
	}
	return clouds
}

func TestScatter(t *testing.T) {
	img, svg := drawAll(t, 2, func(path string) error { return Scatter(path, "Latent map", "z1", "z2", testClouds(2)) })
	checkLabels(t, svg, "Latent map", "tune 0", "tune 1", "z1", "0.5")
	for i := range 2 {
		if n := count(img, palette[i]); n < 400 {
			t.Errorf("%d pixels of the colour of cloud %d, want its 20 points", n, i)
		}
	}
	if n := count(img, palette[2]); n > 0 {
		t.Errorf("%d pixels of the colour of a cloud that is not there", n)
	}
}

// Texts keep apart whatever the data are, and every cloud differs from every other.
func TestScatterLabels(t *testing.T) {
	nan := []float64{math.NaN(), math.Inf(1), 1}
	long := strings.Repeat("a very long name ", 20)
	for name, clouds := range map[string][]Cloud{
		"most":      testClouds(MaxClouds),
		"one point": {{"a", []float64{3}, []float64{4}}},
		"gaps":      {{"a", nan, []float64{1, 2, 3}}, {"", nil, nil}, {long, []float64{1e149}, []float64{-1e140}}},
	} {
		t.Run(name, func(t *testing.T) {
			svg := drawSVG(t, func(path string) error { return Scatter(path, long, "x", "y", clouds) })
			checkLabels(t, svg)
		})
	}
	if n := len(palette) * len(marks); n != MaxClouds {
		t.Errorf("%d colours and marks for %d clouds", n, MaxClouds)
	}
	seen := map[string]int{}
	for i := range MaxClouds {
		key := fmt.Sprintf("%v %T", mark(i).Color, mark(i).Shape)
		if j, ok := seen[key]; ok {
			t.Errorf("clouds %d and %d look the same", j, i)
		}
		seen[key] = i
	}
}

func TestScatterErrors(t *testing.T) {
	for want, clouds := range map[string][]Cloud{
		"0 clouds, want 1 to 48":  nil,
		"49 clouds, want 1 to 48": testClouds(49),
		"has 2 x and 1 y":         {{"a", []float64{1, 2}, []float64{1}}},
		"no finite point":         {{"a", []float64{math.NaN()}, []float64{1}}},
	} {
		err := Scatter(t.TempDir()+"/a.png", "", "", "", clouds)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "a.png") {
			t.Errorf("error %v, want the file and %q", err, want)
		}
	}
}
