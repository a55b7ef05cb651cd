package main

import (
	"fmt"
	"math"

	"github.com/elbow-go/elbow/blas"
	"github.com/elbow-go/elbow/weights"
)

// The spectrum of a window of 2h samples x, h+1 bins k:
//
//	re[k] = Σ w[n] cos(πkn/h) x[n]      im[k] = -Σ w[n] sin(πkn/h) x[n]
//
// The cosines are even about the middle of the window and the sines are odd, so that real parts need only sums of
// two samples and imaginary parts only differences. About the middle of a half they are even or odd again, cosines
// with the bins in turn, sines the other way round. So, with the windowed samples
//
//	s[n] = w[n] (x[n] + x[2h-n])      d[n] = w[n] (x[n] - x[2h-n])      n = 1 ... h, where s[h] = w[h] x[h] and d[h] = 0,
//
// there are four products, each with a quarter of the samples and half of the bins: a quarter of the work of a
// convolution with the window as it stands.
//
//	bins     re                            im
//	even     s[n] + s[h-n], n = 0 ... h/2     d[n] - d[h-n], n = 1 ... h/2-1
//	odd      s[n] - s[h-n], n = 0 ... h/2-1   d[n] + d[h-n], n = 1 ... h/2
//
// Here s[0] = 0, and s[h/2] and d[h/2] count once. The bins of a spectrum come in the order even, odd.
type fold struct {
	half, quarter int
	w             []float32 // [half+1]
	products      [4]blas.Packed[float32]
}

// The products, and what is multiplied.
const (
	evenRe = iota
	oddRe
	evenIm
	oddIm
)

// folded are the folded samples of some windows, for each product.
type folded [4][]float32

// bin returns the bin at a place of a spectrum.
func (f *fold) bin(at int) int {
	if at <= f.quarter {
		return 2 * at
	}
	return 2*(at-f.quarter) - 1
}

// part says how product p lies: the first n of its samples, how many there are, its first place in a spectrum, and how many bins it has.
func (f *fold) part(p int) (from, samples, at, bins int) {
	switch q := f.quarter; p {
	case evenRe:
		return 0, q + 1, 0, q + 1
	case oddRe:
		return 0, q, q + 1, q
	case evenIm:
		return 1, q - 1, 1, q - 1
	default:
		return 1, q, q + 1, q
	}
}

// set packs the products, given the rows of the windows [2 (half+1), 1, 2 half], of which first come all real, then all
// imaginary parts. It does so after a look whether they are what they have to be.
func (f *fold) set(t *weights.Tensor, half int) error {
	bins, size := half+1, 2*half
	if t == nil || len(t.Shape) != 3 || t.Shape[0] != 2*bins || t.Shape[1] != 1 || t.Shape[2] != size {
		return fmt.Errorf("missing, or not of shape [%d 1 %d]", 2*bins, size)
	}
	all, err := weights.Values[float32](t)
	if err != nil {
		return err
	}
	f.half, f.quarter, f.w = half, half/2, all[:half+1]
	for p := range f.products {
		from, samples, at, count := f.part(p)
		b := make([]float32, samples*count)
		for j := range count {
			k := f.bin(at + j)
			row := all[k*size:][:size]
			if p >= evenIm {
				row = all[(bins+k)*size:][:size]
			}
			for i := range samples {
				if b[i*count+j], err = f.factor(row, p >= evenIm, k, from+i); err != nil {
					return err
				}
			}
		}
		f.products[p].Pack(blas.NoTrans, samples, count, b, count)
	}
	return nil
}

// factor returns the cosine or sine of bin k at sample n, taken from a row of windows where that is large: at half-n. The
// error is that the row is something else.
func (f *fold) factor(row []float32, sine bool, k, n int) (float32, error) {
	size, far := 2*f.half, f.half-n
	c := row[far] / f.w[far]
	near, mirror := c, float32(1) // c at n, and its sign on the right of the window
	if k%2 == 1 != sine {
		near = -c
	}
	if sine {
		mirror = -1
	}
	for _, x := range [][2]float32{{row[n], near * f.w[n]}, {row[(size-n)%size], mirror * near * f.w[n]}, {row[size-far], mirror * c * f.w[far]}} {
		if !(math.Abs(float64(x[0]-x[1])) <= 1e-6) {
			return 0, fmt.Errorf("bin %d is not symmetric at %d", k, n)
		}
	}
	return near, nil
}

// arrange puts the channels of weights, which are those of a spectrum, into the order in which the bins come.
func (f *fold) arrange(w []float32) {
	old := make([]float32, f.half+1)
	for ; len(w) > 0; w = w[len(old):] {
		copy(old, w)
		for at := range old {
			w[at] = old[f.bin(at)]
		}
	}
}

// room returns room for so many windows.
func (f *fold) room(rows int) (x folded) {
	for p := range x {
		_, samples, _, _ := f.part(p)
		x[p] = make([]float32, rows*samples)
	}
	return x
}

// window folds a window of samples x into a row of dst.
func (f *fold) window(dst folded, row int, x []float32) {
	h, q := f.half, f.quarter
	er, or := dst[evenRe][row*(q+1):][:q+1], dst[oddRe][row*q:][:q]
	ei, oi := dst[evenIm][row*(q-1):][:q-1], dst[oddIm][row*q:][:q]
	w := f.w
	middle := w[h] * x[h]
	er[0], or[0] = middle, -middle
	// Slices of one length, from both ends of a quarter each: the compiler then leaves no check in the loop.
	a, b, c, d := x[1:q], x[h+q+1:2*h], x[q+1:h], x[h+1:h+q]
	near, far := w[1:q], w[q+1:h]
	b, c, d, near, far = b[:len(a)], c[:len(a)], d[:len(a)], near[:len(a)], far[:len(a)]
	er1, or1, ei, oi1 := er[1:][:len(a)], or[1:][:len(a)], ei[:len(a)], oi[:len(a)]
	for n, a := range a {
		m := len(b) - 1 - n
		b, c, d := b[m], c[m], d[n]
		s, t := float32(near[n]*(a+b)), float32(far[m]*(c+d))
		er1[n], or1[n] = s+t, s-t
		s, t = float32(near[n]*(a-b)), float32(far[m]*(c-d))
		ei[n], oi1[n] = s-t, s+t
	}
	er[q], oi[q-1] = w[q]*(x[q]+x[h+q]), w[q]*(x[q]-x[h+q])
}

// spectra computes the spectra of so many windows.
func (f *fold) spectra(re, im []float32, x folded, rows int) {
	for p := range f.products {
		_, samples, at, bins := f.part(p)
		y := re
		if p >= evenIm {
			y = im
		}
		blas.GemmPacked(rows, 0, samples, 0, bins, x[p], samples, &f.products[p], 0, y[at:], f.half+1)
	}
}
