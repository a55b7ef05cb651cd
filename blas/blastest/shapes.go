package blastest

import (
	"math/rand/v2"
	"testing"

	"github.com/elbow-go/elbow/blas"
)

// Shapes tests Sgemm and Sgemv of backend b in every size from 0 to 70 in one dimension, past
// the largest tiles, with all transpositions, and with sizes that need several blocks.
func Shapes(t *testing.T, b blas.Backend, opt Options) {
	others := []int{1, 3, 16, 17}
	stride := 5 // prime to the number of combinations below: all sizes still occur
	switch {
	case opt.Exhaustive:
		stride = 1
	case testing.Short():
		stride = 7
	}
	rng := rand.New(rand.NewPCG(4, 4))
	count := 0
	next := func(m, n, k int) {
		for i := range 4 {
			if count++; count%stride != 0 {
				continue
			}
			gemmCase[float32]{
				tA: transposes[i&1], tB: transposes[i>>1],
				m: m, n: n, k: k,
				alpha: []float32{1, 1, 1, -0.7}[rng.IntN(4)], beta: []float32{0, 1, 2.5}[rng.IntN(3)],
				padA: pads[rng.IntN(3)], padB: pads[rng.IntN(3)], padC: pads[rng.IntN(3)],
				kindA: rng.IntN(2) * rng.IntN(len(kinds)), kindB: rng.IntN(2) * rng.IntN(len(kinds)),
				bitsOnly: true,
			}.run(t, rng, b.Sgemm, opt.Chains)
		}
	}
	for s := range 71 {
		for _, x := range others {
			for _, y := range others {
				next(s, x, y)
				next(x, s, y)
				next(x, y, s)
			}
		}
	}
	vector := func(m, n int) {
		for _, tr := range []blas.Transpose{blas.NoTrans, blas.Trans} {
			gemvCase[float32]{
				t: tr, m: m, n: n,
				alpha: []float32{1, 1, 1, -0.7}[rng.IntN(4)], beta: []float32{0, 1, 2.5}[rng.IntN(3)],
				pad: pads[rng.IntN(3)], incX: increments[rng.IntN(6)], incY: increments[rng.IntN(6)],
			}.run(t, rng, b.Sgemv, opt.Chains)
		}
	}
	for s := range 71 {
		for _, x := range []int{1, 4, 7, 16, 35, 64} {
			vector(s, x)
			vector(x, s)
		}
	}
	if testing.Short() {
		return
	}
	vector(70, 2100)
	vector(2100, 70)
	// Several blocks of everything: of steps, of rows, of columns, of large strides.
	for _, s := range [][3]int{{260, 66, 257}, {49, 130, 257}, {1, 70, 2100}, {3, 200, 300}, {70, 5, 700}, {65, 30, 513}, {200, 34, 1030}, {193, 1090, 9}} {
		next(s[0], s[1], s[2])
	}
	if opt.Exhaustive {
		for m := range 71 {
			for n := range 71 {
				for k := range 71 {
					next(m, n, k)
				}
			}
		}
	}
}
