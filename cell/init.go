package cell

import (
	"math"

	"github.com/elbow-go/elbow/kernels"
)

// Uniform fills w, rows of cols columns, with uniform draws from (lo, hi). Row i of w is
// row row+i of the noise at step 0, so a matrix may be filled whole or in parts.
func Uniform[T Float](w []T, cols int, lo, hi float64, noise kernels.Noise, row int) {
	if len(w) == 0 {
		return
	}
	kernels.Uniforms(w, noise, 0, uint32(row), len(w)/cols, cols)
	for i, u := range w {
		w[i] = T(lo + float64((hi-lo)*float64(u)))
	}
}

// Orthogonal fills the n by n matrix w with an orthonormal basis drawn from the rows row...
// of the noise: the rows of a matrix of normals, made orthonormal one after the other (Gram
// and Schmidt, twice for accuracy). It is written in plain float64 operations that no compiler may
// fuse, so that every machine starts from the same parameters.
func Orthogonal[T Float](w []T, n int, noise kernels.Noise, row int) {
	checkLen("Orthogonal", "w", len(w), n*n)
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

func dot(a, b []float64) float64 {
	s := 0.0
	for i, v := range a {
		s += float64(v * b[i])
	}
	return s
}
