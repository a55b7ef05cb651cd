package figure

import (
	"math"

	"gonum.org/v1/gonum/dsp/fourier"
)

// DecibelRange is how far below the loudest a spectrogram shows sound.
const DecibelRange = 70.0

// Spectrogram returns the power of short pieces of a sound by frequency, from 0 to half the rate, in decibels,
// column by column, rows from the lowest: |FFT|² of pieces of about 32 ms under Hann's window, a quarter of a piece apart or, where those would be
// more than a page has pixels for, farther.
func Spectrogram(x []float32, rate int) (cols, rows int, decibels []float64) {
	const most = 400 // columns
	n := 64
	for n < rate*32/1000 && n < 2048 {
		n *= 2
	}
	hop := max(n/4, (len(x)+most-1)/most, 1)
	fft := fourier.NewFFT(n)
	window, frame := make([]float64, n), make([]float64, n)
	for i := range window {
		window[i] = 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(n))
	}
	// Rows are halved where there are more than a picture shows, the louder one of two is kept.
	fold := max(n/2/128, 1)
	rows = n / 2 / fold
	var c []complex128
	for at := -n / 2; at+n/2 < len(x); at += hop {
		for i := range frame {
			frame[i] = 0
			if k := at + i; k >= 0 && k < len(x) && !math.IsNaN(float64(x[k])) {
				frame[i] = float64(x[k]) / 32768 * window[i]
			}
		}
		c = fft.Coefficients(c, frame)
		for r := range rows {
			p := 0.0
			for _, v := range c[r*fold : (r+1)*fold] {
				p = math.Max(p, real(v)*real(v)+imag(v)*imag(v))
			}
			decibels = append(decibels, 10*math.Log10(p+1e-12))
		}
		cols++
	}
	return cols, rows, decibels
}
