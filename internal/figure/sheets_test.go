package figure

import (
	"image"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestImages(t *testing.T) {
	white, black := make([]float32, 12), make([]float32, 12)
	for i := range white {
		white[i], black[i] = 2, float32(math.NaN())
	}
	half := append([]float32{0.5}, white[1:]...)
	panels := []ImagePanel{{"Data", [][]float32{black, white, half}}, {"Sample", [][]float32{black, black}}}
	img, svg := drawAll(t, 2, func(path string) error { return Images(path, "Digits", panels, 4, 3) })
	counts := map[color.Color]int{}
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y++ {
		for x := range img.Bounds().Dx() {
			counts[color.GrayModel.Convert(img.At(x, y))]++
		}
	}
	if counts[color.Gray{}] < 20000 || counts[color.Gray{0x80}] < 1000 {
		t.Errorf("%d black and %d grey pixels", counts[color.Gray{}], counts[color.Gray{0x80}])
	}
	for _, want := range []string{"Digits", "Data", "Sample"} {
		if !strings.Contains(string(svg), want) {
			t.Errorf("no %q in the SVG", want)
		}
	}
	s := sheet([][]float32{black, white, half}, 4, 3, 2, 2).(*image.Gray)
	block := s.Bounds().Dx() / 8
	for _, c := range []struct {
		x, y int
		want uint8
	}{{0, 0, 0}, {3 * block, 0, 255}, {4 * block, 0, 255}, {0, 5 * block, 128}, {block, 5 * block, 255}, {0, 6 * block, 255}, {0, 4 * block, 255}} {
		if got := s.GrayAt(c.x, c.y).Y; got != c.want {
			t.Errorf("pixel %d, %d is %d, want %d", c.x, c.y, got, c.want)
		}
	}
	for _, c := range []struct {
		panels     []ImagePanel
		rows, cols int
		want       string
	}{
		{nil, 4, 3, "0 panels"}, {panels, 0, 3, "0 x 3"}, {panels, 3, 3, "image 0 has 12 pixels"}, {[]ImagePanel{{}}, 4, 3, "no images"},
	} {
		path := filepath.Join(t.TempDir(), "a.png")
		if err := Images(path, "", c.panels, c.rows, c.cols); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

func TestDrawings(t *testing.T) {
	inf := float32(math.Inf(1))
	steps := []float32{0, 1, 2, 1, 1, 0, 0, 5, 5, 0.2, 0, -1}
	if got, want := paths(steps), [][][2]float64{{{0, 0}, {1, 2}, {2, 2}}, {{7, 7}, {7, 6}}}; !reflect.DeepEqual(got, want) {
		t.Errorf("paths %v, want %v", got, want)
	}
	if got, want := paths([]float32{0, 1, 1, 0, inf, 0, 0, 1, 1}), [][][2]float64{{{0, 0}, {1, 1}}}; !reflect.DeepEqual(got, want) {
		t.Errorf("paths %v, want %v", got, want)
	}
	panels := []DrawingPanel{{Title: "Real", Drawings: [][]float32{steps, steps, nil}}, {Title: "Sampled", Drawings: [][]float32{steps, {1, 0, 0}}, Sample: true}}
	img, _ := drawAll(t, 2, func(path string) error { return Drawings(path, "Strokes", panels) })
	blue, red := 0, 0
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y++ {
		for x := range img.Bounds().Dx() {
			switch c := color.RGBAModel.Convert(img.At(x, y)); c {
			case palette[0]:
				blue++
			case palette[1]:
				red++
			}
		}
	}
	if blue < 20 || red < 20 {
		t.Errorf("%d blue and %d red pixels", blue, red)
	}
	path := filepath.Join(t.TempDir(), "a.png")
	if err := Drawings(path, "", []DrawingPanel{{Drawings: [][]float32{{1, 2}}}}); err == nil || !strings.Contains(err.Error(), "drawing 0 has 2 values") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a picture was left behind")
	}
}
