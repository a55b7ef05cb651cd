package blastest

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/elbow-go/elbow/blas"
)

// Values tests Sgemm and Dgemm of backend b, and the vectors through products with one row
// and one column, with NaN and infinities: they reach the elements computed from them, also
// where they meet a zero, and no others. It also multiplies a matrix by itself, which is the
// one overlap that is allowed.
func Values(t *testing.T, b blas.Backend, opt Options) {
	t.Run("float32", func(t *testing.T) { testValues(t, b.Sgemm, b.Sgemv, opt.Chains) })
	if !opt.Float32Only {
		t.Run("float64", func(t *testing.T) { testValues(t, b.Dgemm, b.Dgemv, false) })
	}
}

func testValues[T blas.Float](t *testing.T, gemm gemmFunc[T], gemv gemvFunc[T], chains bool) {
	rng := rand.New(rand.NewPCG(3, 3))
	inf := math.Inf(1)
	specials := []float64{math.NaN(), inf, -inf, 0, math.Copysign(0, -1), 0x1p-149, -0x1p-130}
	put := func(m matrix[T], count int) {
		for range count {
			if m.rows > 0 && m.cols > 0 {
				m.set(rng.IntN(m.rows), rng.IntN(m.cols), T(specials[rng.IntN(len(specials))]))
			}
		}
	}
	sizes := []int{1, 2, 3, 4, 5, 8, 16, 17, 33, 65}
	for i := range 600 {
		q := gemmCase[T]{
			tA: transposes[i%2], tB: transposes[i/2%2],
			m: sizes[rng.IntN(len(sizes))], n: sizes[rng.IntN(len(sizes))], k: sizes[rng.IntN(len(sizes))],
			alpha: T(factors[rng.IntN(5)]), beta: T(factors[rng.IntN(5)]),
			padA: rng.IntN(3), padB: rng.IntN(3), padC: rng.IntN(3),
			kindA: rng.IntN(3), kindB: rng.IntN(3), // with zeros, for Inf to meet
		}
		if q.alpha == 0 && i%8 != 0 {
			q.alpha = 1
		}
		a, b := q.operands(rng)
		c := newMatrix[T](rng, q.m, q.n, q.padC, kinds[0].gen)
		put(a, rng.IntN(3))
		put(b, rng.IntN(3))
		put(c, rng.IntN(3))
		q.check(t, a, b, c, gemm, chains)
	}

	t.Run("overlap", func(t *testing.T) {
		q := gemmCase[T]{tA: blas.NoTrans, tB: blas.Trans, m: 13, n: 13, k: 21, alpha: 1}
		a := newMatrix[T](rng, 13, 21, 2, kinds[0].gen)
		q.check(t, a, a, newMatrix[T](rng, 13, 13, 1, kinds[0].gen), gemm, chains)
	})

	t.Run("vector", func(t *testing.T) {
		const n = 9
		for i := range n {
			a := newMatrix[T](rng, n, n, 0, kinds[0].gen)
			a.set(i, 3, T(math.NaN()))
			x, y := make([]T, n), make([]T, n)
			gemv(blas.NoTrans, n, n, 1, a.data(), n, x, 1, 0, y, 1)
			for j, v := range y {
				if (v != v) != (j == i) {
					t.Fatalf("A[%d,3] = NaN, x = 0: y[%d] = %v", i, j, v)
				}
			}
		}
	})
}
