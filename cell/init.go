package cell

import (
	"fmt"
	"math"

	"github.com/elbow-go/elbow/kernels"
)

// Uniform fills w, rows of cols columns, with uniform draws from (lo, hi). Row i of w is
// row row+i of the noise at step 0, so a matrix may be filled whole or in parts. It panics
// unless w consists of whole rows and rows are counted from 0 to 2^32-1.
func Uniform[T Float](w []T, cols int, lo, hi float64, noise kernels.Noise, row int) {
	const fn = "Uniform"
	checkSize(fn, "cols", cols, MaxWeights)
	if len(w) == 0 {
		return
	}
	if cols == 0 || len(w)%cols != 0 {
		panic(fmt.Sprintf("cell: %s: len(w) = %d, want a multiple of cols = %d", fn, len(w), cols))
	}
	checkNoiseRows(fn, row, len(w)/cols)
	kernels.Uniforms(w, noise, 0, uint32(row), len(w)/cols, cols)
	for i, u := range w {
		w[i] = T(lo + float64((hi-lo)*float64(u)))
	}
}

// Orthogonal fills the n by n matrix w with an orthonormal basis drawn from the rows row...
// of the noise: the rows of a matrix of normals, made orthonormal one after the other (Gram
// and Schmidt, twice for accuracy). It is written in plain float64 operations that no compiler may
// fuse, so that every machine starts from the same parameters.
//
// It panics if w is too short, n is not a size, or rows are not counted from 0 to 2^32-1.
func Orthogonal[T Float](w []T, n int, noise kernels.Noise, row int) {
	const fn = "Orthogonal"
	checkSize(fn, "n", n, MaxSize)
	checkMatrix(fn, "w", len(w), n, n)
	checkNoiseRows(fn, row, n)
	draws := make([]float64, n*n)
	kernels.Normals(draws, noise, 0, uint32(row), n, n)
	for i := range n {
		v := draws[i*n : (i+1)*n]
		for range 2 {
			for k := range i {
				u := draws[k*n : (k+1)*n]
				d := dot(u, v)
				for j := range v {
					v[j] -= float64(d * u[j])
				}
			}
		}
		scale := 1 / math.Sqrt(dot(v, v))
		for j := range v {
			v[j] *= scale
			w[i*n+j] = T(v[j])
		}
	}
}

// checkNoiseRows panics unless the rows row...row+n-1 can be those of a noise.
func checkNoiseRows(fn string, row, n int) {
	if row < 0 || uint64(row)+uint64(n) > 1<<32 {
		panic(fmt.Sprintf("cell: %s: row = %d, want at least 0 and, with its %d rows, at most 2^32", fn, row, n))
	}
}

func dot(a, b []float64) float64 {
	s := 0.0
	for i, v := range a {
		s += float64(v * b[i])
	}
	return s
}
