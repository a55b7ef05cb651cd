package cell

import (
	"fmt"
	"math"

	"github.com/elbow-go/elbow/blas"
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
	uniform(w, cols, lo, hi, noise, 0, uint32(row))
}

func uniform[T Float](w []T, cols int, lo, hi float64, noise kernels.Noise, step, row uint32) {
	kernels.Uniforms(w, noise, step, row, len(w)/cols, cols)
	for i, u := range w {
		w[i] = T(lo + float64((hi-lo)*float64(u)))
	}
}

// Init draws the parameters as PyTorch does: all uniform within ±1/√Hidden, but for the gains of
// LayerNorm, which are 1, and Bc, which is 0. (B is one draw, where PyTorch has two biases and so the
// sum of two.) Parameter k of [Recurrent.Tensors] is drawn from the noise at step k, so layers that
// shall differ need noises that differ, by their Stream, say. The layer has to be packed afterwards. It panics if the parameters do not have
// the sizes of the layer.
func (l *Recurrent[T]) Init(noise kernels.Noise) { l.init("Recurrent.Init", noise, 0) }

// init is Init with its parameters drawn from step first on. It returns the step after the last.
func (l *Recurrent[T]) init(fn string, noise kernels.Noise, first uint32) uint32 {
	l.checkTensors(fn, "")
	for _, t := range l.Tensors() {
		switch t.Name {
		case "gih", "ghh", "gc":
			for i := range t.Data {
				t.Data[i] = 1
			}
		case "bc":
			clear(t.Data)
		default:
			initTensor(t, l.Hidden, noise, first)
		}
		first++
	}
	return first
}

// Init draws the parameters as PyTorch does: W and B uniform within ±1/√In, from the noise at step 0
// and 1; see [Recurrent.Init] on noises. The layer has to be packed afterwards. It panics if the parameters do not have the sizes of
// the layer.
func (d *Dense[T]) Init(noise kernels.Noise) { d.init("Dense.Init", noise, 0) }

func (d *Dense[T]) init(fn string, noise kernels.Noise, first uint32) uint32 {
	d.checkTensors(fn, "")
	for _, t := range d.Tensors() {
		initTensor(t, d.In, noise, first)
		first++
	}
	return first
}

// initTensor draws t within ±1/√fan.
func initTensor[T Float](t Tensor[T], fan int, noise kernels.Noise, step uint32) {
	if len(t.Data) > 0 {
		bound := 1 / math.Sqrt(float64(max(1, fan)))
		uniform(t.Data, t.Shape[len(t.Shape)-1], -bound, bound, noise, step, 0)
	}
}

// Init is [Recurrent.Init] for all layers: parameter k of [Stack.Tensors] is drawn at step k. It
// panics if a layer does not fit on the one below, and as that does.
func (st *Stack[T]) Init(noise kernels.Noise) {
	const fn = "Stack.Init"
	st.checkLayers(fn)
	first := uint32(0)
	for _, l := range st.Layers {
		first = l.init(fn, noise, first)
	}
}

// Init is [Dense.Init] for all layers: parameter k of [MLP.Tensors] is drawn at step k. It panics if
// a layer does not fit on the one below, and as that does.
func (m *MLP[T]) Init(noise kernels.Noise) {
	const fn = "MLP.Init"
	m.checkLayers(fn)
	first := uint32(0)
	for _, d := range m.Layers {
		first = d.init(fn, noise, first)
	}
}

// orthogonalRows is how many rows Orthogonal makes orthonormal at a time.
const orthogonalRows = 64

// Orthogonal fills the n by n matrix w with an orthonormal basis drawn from the rows row...
// of the noise: the rows of a matrix of normals, made orthonormal in order, 64 at a time. What they
// have of all rows before is taken off by products, twice for accuracy (block Gram and Schmidt); then
// each is freed of those of the 64 before it, likewise, in plain float64 operations that no compiler
// may fuse. Every machine starts from the same parameters, since the products are those of
// [blas.Go], whichever backend is in use. It takes 4 n³ operations.
//
// It panics if w is too short, n is not a size, or rows are not counted from 0 to 2^32-1.
func Orthogonal[T Float](w []T, n int, noise kernels.Noise, row int) {
	const fn = "Orthogonal"
	checkSize(fn, "n", n, MaxSize)
	checkMatrix(fn, "w", len(w), n, n)
	checkNoiseRows(fn, row, n)
	draws, c := make([]float64, min(n, orthogonalRows)*n), make([]T, orthogonalRows*n)
	for i := 0; i < n; i += orthogonalRows {
		rows := min(orthogonalRows, n-i)
		draws := draws[:rows*n]
		kernels.Normals(draws, noise, 0, uint32(row+i), rows, n)
		if i > 0 {
			block := w[i*n : (i+rows)*n]
			for j, v := range draws {
				block[j] = T(v)
			}
			for range 2 {
				goGemm(blas.Trans, rows, i, n, 1, block, n, w, n, 0, c, i)
				goGemm(blas.NoTrans, rows, n, i, -1, c, i, w, n, 1, block, n)
			}
			for j, v := range block {
				draws[j] = float64(v)
			}
		}
		orthonormalise(draws, n)
		for j, v := range draws {
			w[i*n+j] = T(v)
		}
	}
}

// orthonormalise makes the rows of x, of n columns, orthonormal one after the other.
func orthonormalise(x []float64, n int) {
	for i := 0; i < len(x); i += n {
		v := x[i : i+n]
		for range 2 {
			for k := 0; k < i; k += n {
				u := x[k : k+n]
				d := dot(u, v)
				for j := range v {
					v[j] -= float64(d * u[j])
				}
			}
		}
		scale := 1 / math.Sqrt(dot(v, v))
		for j := range v {
			v[j] *= scale
		}
	}
}

// goGemm is a product of A as it is with the one backend whose bits are the same everywhere.
func goGemm[T Float](tB blas.Transpose, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	switch a := any(a).(type) {
	case []float32:
		blas.Go{}.Sgemm(blas.NoTrans, tB, m, n, k, float32(alpha), a, lda, any(b).([]float32), ldb, float32(beta), any(c).([]float32), ldc)
	case []float64:
		blas.Go{}.Dgemm(blas.NoTrans, tB, m, n, k, float64(alpha), a, lda, any(b).([]float64), ldb, float64(beta), any(c).([]float64), ldc)
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
