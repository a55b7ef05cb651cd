package figure

import (
	"image/color"
	"math"
	"slices"
	"testing"
)

// TestSpectrogram: a tone is where its frequency is, whatever the rate.
func TestSpectrogram(t *testing.T) {
	for _, rate := range []int{8000, 44100} {
		x := make([]float32, rate)
		for i := range x {
			x[i] = float32(8000 * math.Sin(2*math.Pi*1000*float64(i)/float64(rate)))
		}
		cols, rows, db := Spectrogram(x, rate)
		if len(db) != cols*rows || cols < 50 || cols > 402 || rows > 256 {
			t.Fatalf("%d x %d of %d", cols, rows, len(db))
		}
		middle := db[cols/2*rows : (cols/2+1)*rows]
		at := slices.Index(middle, slices.Max(middle))
		if f := (float64(at) + 0.5) * float64(rate) / 2 / float64(rows); math.Abs(f-1000) > float64(rate)/float64(rows) {
			t.Errorf("rate %d: the tone is at %v Hz", rate, f)
		}
	}
}

// TestSounds: a tone is drawn in the colours of what is loud, silence beside it in black, over the seconds and
// amplitudes of both.
func TestSounds(t *testing.T) {
	const rate = 8000
	loud, quiet := make([]float32, rate), make([]float32, rate/2)
	for i := range loud {
		loud[i] = float32(16384 * math.Sin(2*math.Pi*1000*float64(i)/rate))
	}
	panels := []SoundPanel{{Title: "data: tone", X: loud}, {Title: "silence", X: quiet, Sample: true}}
	img, svg := drawAll(t, 2, func(path string) error { return Sounds(path, "Sound", panels, rate) })
	checkLabels(t, svg, "Sound", "data: tone", "silence", "seconds", "kHz", "amplitude", "-0.4", "0.4")
	bright, black := 0, 0
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			c := color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)
			half := x < img.Bounds().Dx()/2
			switch {
			case half && c.R > 240 && c.G > 140 && c.B < 190:
				bright++
			case !half && c.R < 10 && c.G < 10 && c.B < 20:
				black++
			}
		}
	}
	if bright < 500 || black < 5000 {
		t.Errorf("%d bright pixels of the tone, %d black ones of the silence", bright, black)
	}
	for _, bad := range [][]SoundPanel{nil, make([]SoundPanel, 5), {{}}} {
		if err := Sounds(t.TempDir()+"/a.png", "", bad, rate); err == nil {
			t.Errorf("%d panels pass", len(bad))
		}
	}
}
