package blastest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/elbow-go/elbow/blas"
)

// Gemv tests Sgemv and Dgemv of backend b.
func Gemv(t *testing.T, b blas.Backend, opt Options) {
	t.Run("float32", func(t *testing.T) { testGemv(t, b.Sgemv, opt.Chains) })
	if !opt.Float32Only {
		t.Run("float64", func(t *testing.T) { testGemv(t, b.Dgemv, false) })
	}
}

var increments = []int{1, 1, 2, 5, -1, -3}

func testGemv[T blas.Float](t *testing.T, gemv gemvFunc[T], chains bool) {
	rng := rand.New(rand.NewPCG(2, 2))
	i := 0
	next := func(m, n int) {
		i++
		kindA, kindX := twoKinds(rng)
		gemvCase[T]{
			t: transposes[i%3], m: m, n: n,
			alpha: T(factors[max(0, rng.IntN(9)-4)]), beta: T(factors[rng.IntN(5)]),
			pad: pads[rng.IntN(3)], incX: increments[rng.IntN(6)], incY: increments[rng.IntN(6)],
			kindA: kindA, kindX: kindX,
		}.run(t, rng, gemv, chains)
	}
	for m := range 10 {
		for n := range 10 {
			for range 12 {
				next(m, n)
			}
		}
	}
	for _, m := range edges {
		for _, n := range edges {
			for range 3 {
				next(m, n)
			}
		}
	}
	next(300, 150)
	next(150, 300)
	for _, tr := range transposes { // longer than any block of k
		for _, f := range [][2]T{{1, 0}, {1, 2.5}, {0.7, 0}, {0.7, 2.5}} {
			for _, inc := range []int{1, -3} {
				q := gemvCase[T]{t: tr, m: 20, n: 4500, alpha: f[0], beta: f[1], incX: inc, incY: inc}
				q.run(t, rng, gemv, chains)
				q.m, q.n = q.n, q.m
				q.run(t, rng, gemv, chains)
			}
		}
	}
}

type gemvCase[T blas.Float] struct {
	t            blas.Transpose
	m, n         int
	alpha, beta  T
	pad          int
	incX, incY   int
	kindA, kindX int
}

func (q gemvCase[T]) String() string {
	return fmt.Sprint("Gemv[", name[T](), "] ", string(q.t), " m=", q.m, " n=", q.n, " alpha=", q.alpha, " beta=", q.beta,
		" gap=", q.pad, " inc=", q.incX, ",", q.incY, " a=", kinds[q.kindA].name, " x=", kinds[q.kindX].name)
}

// newVector returns a vector of n elements at distance |inc|.
func newVector[T blas.Float](rng *rand.Rand, n, inc int, gen func(*rand.Rand) float64) matrix[T] {
	return newMatrix[T](rng, n, 1, max(inc, -inc)-1, gen)
}

// place returns the place in memory of element i of n: with a negative increment a vector is
// stored backwards.
func place(i, n, inc int) int {
	if inc < 0 {
		return n - 1 - i
	}
	return i
}

func (q gemvCase[T]) run(t *testing.T, rng *rand.Rand, gemv gemvFunc[T], chains bool) {
	t.Helper()
	a := newMatrix[T](rng, q.m, q.n, q.pad, kinds[q.kindA].gen)
	rows, cols := q.m, q.n
	if q.t != blas.NoTrans {
		rows, cols = cols, rows
	}
	genY := kinds[0].gen
	if q.beta == 0 {
		genY = func(*rand.Rand) float64 { return math.NaN() } // must not be read
	}
	x := newVector[T](rng, cols, q.incX, kinds[q.kindX].gen)
	y := newVector[T](rng, rows, q.incY, genY)
	wasA, wasX, wasY := a.clone(), x.clone(), y.clone()
	gemv(q.t, q.m, q.n, q.alpha, a.data(), a.ld, x.data(), q.incX, q.beta, y.data(), q.incY)
	what := q.String()
	sameBuffer(t, what+": A", a, wasA, true)
	sameBuffer(t, what+": x", x, wasX, true)
	sameBuffer(t, what+": y", y, wasY, cols == 0)
	if cols == 0 {
		return
	}
	rowsA := a.lines(q.t == blas.NoTrans)
	elems := make([]T, cols)
	for p := range elems {
		elems[p] = x.at(place(p, cols, q.incX), 0)
	}
	for i := range rows {
		rowA := rowsA[i*cols:][:cols]
		got, was := y.at(place(i, rows, q.incY), 0), wasY.at(place(i, rows, q.incY), 0)
		checkValue(t, what, i, 0, got, q.alpha, q.beta, was, rowA, elems)
		if chains {
			checkChain(t, what, i, 0, got, q.alpha, q.beta, was, rowA, elems)
		}
	}
}
