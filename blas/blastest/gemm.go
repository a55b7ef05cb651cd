package blastest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	gonum "gonum.org/v1/gonum/blas"

	"github.com/elbow-go/elbow/blas"
)

// Options says what a backend promises and how long to look.
type Options struct {
	Chains     bool // float32 results are those of the bit contract
	Exhaustive bool // all m, n and k from 0 to 70

	// Float32Only leaves the float64 routines out, where they do not depend on what is tested.
	Float32Only bool
}

type (
	gemmFunc[T blas.Float] func(tA, tB blas.Transpose, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int)
	gemvFunc[T blas.Float] func(t blas.Transpose, m, n int, alpha T, a []T, lda int, x []T, incX int, beta T, y []T, incY int)
)

// name returns the type's name for test names.
func name[T blas.Float]() string {
	if _, ok := any(T(0)).(float32); ok {
		return "float32"
	}
	return "float64"
}

var (
	transposes = []blas.Transpose{blas.NoTrans, blas.Trans, gonum.ConjTrans}
	factors    = []float64{1, 0, 0.7, -1, 2.5} // alpha and beta; 1 first: by far the most used
	pads       = []int{0, 1, 7}
	edges      = []int{1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65} // past the blocks of every backend
)

// Gemm tests Sgemm and Dgemm of backend b.
func Gemm(t *testing.T, b blas.Backend, opt Options) {
	t.Run("float32", func(t *testing.T) { testGemm(t, b.Sgemm, opt.Chains, opt.Exhaustive) })
	if !opt.Float32Only {
		t.Run("float64", func(t *testing.T) { testGemm(t, b.Dgemm, false, opt.Exhaustive) })
	}
}

func testGemm[T blas.Float](t *testing.T, gemm gemmFunc[T], chains, exhaustive bool) {
	rng := rand.New(rand.NewPCG(1, 1))
	n := 0
	// next walks through transpositions, factors, gaps and kinds of values so that, over a few
	// shapes, everything meets everything.
	next := func(m, nn, k int) {
		n++
		kindA, kindB := twoKinds(rng)
		gemmCase[T]{
			tA: transposes[n%3], tB: transposes[n/3%3],
			m: m, n: nn, k: k,
			alpha: T(factors[max(0, rng.IntN(9)-4)]), beta: T(factors[rng.IntN(5)]),
			padA: pads[rng.IntN(3)], padB: pads[rng.IntN(3)], padC: pads[rng.IntN(3)],
			kindA: kindA, kindB: kindB, bitsOnly: n%4 != 0,
		}.run(t, rng, gemm, chains)
	}
	for m := range 10 {
		for n := range 10 {
			for k := range 10 {
				for range 2 {
					next(m, n, k)
				}
			}
		}
	}
	if !exhaustive {
		draws := 300
		if testing.Short() {
			draws = 60
		}
		for range draws {
			next(edges[rng.IntN(len(edges))], edges[rng.IntN(len(edges))], edges[rng.IntN(len(edges))])
		}
	}
	if testing.Short() {
		return
	}
	// Several blocks of everything.
	for _, s := range [][3]int{{130, 70, 200}, {3, 131, 300}, {257, 5, 129}, {1, 300, 150}, {300, 1, 150}} {
		for range 3 {
			next(s[0], s[1], s[2])
		}
	}
	if exhaustive {
		for _, m := range edges {
			for _, n := range edges {
				for _, k := range edges {
					next(m, n, k)
				}
			}
		}
		for m := 1; m <= 70; m++ {
			for n := 1; n <= 70; n++ {
				for range 6 {
					next(m, n, 1+rng.IntN(70))
				}
			}
		}
	}
}

// twoKinds returns the kinds of two operands, the same for both in half of the cases.
func twoKinds(rng *rand.Rand) (a, b int) {
	a, b = rng.IntN(len(kinds)), rng.IntN(2*len(kinds))
	if b >= len(kinds) {
		b = a
	}
	return a, b
}

type gemmCase[T blas.Float] struct {
	tA, tB           blas.Transpose
	m, n, k          int
	alpha, beta      T
	padA, padB, padC int
	kindA, kindB     int
	bitsOnly         bool // with chains: leave out the comparison with the oracle
}

func (q gemmCase[T]) String() string {
	return fmt.Sprint("Gemm[", name[T](), "] ", string(q.tA), string(q.tB), " m=", q.m, " n=", q.n, " k=", q.k,
		" alpha=", q.alpha, " beta=", q.beta, " gaps=", q.padA, ",", q.padB, ",", q.padC,
		" a=", kinds[q.kindA].name, " b=", kinds[q.kindB].name)
}

func (q gemmCase[T]) run(t *testing.T, rng *rand.Rand, gemm gemmFunc[T], chains bool) {
	t.Helper()
	a, b := q.operands(rng)
	genC := kinds[max(0, rng.IntN(2*len(kinds))-len(kinds))].gen
	if q.beta == 0 {
		genC = func(*rand.Rand) float64 { return math.NaN() } // must not be read
	}
	c := newMatrix[T](rng, q.m, q.n, q.padC, genC)
	q.check(t, a, b, c, gemm, chains)
}

// operands returns A and B as they are stored.
func (q gemmCase[T]) operands(rng *rand.Rand) (a, b matrix[T]) {
	ra, ca, rb, cb := q.m, q.k, q.k, q.n
	if q.tA != blas.NoTrans {
		ra, ca = ca, ra
	}
	if q.tB != blas.NoTrans {
		rb, cb = cb, rb
	}
	return newMatrix[T](rng, ra, ca, q.padA, kinds[q.kindA].gen), newMatrix[T](rng, rb, cb, q.padB, kinds[q.kindB].gen)
}

// check multiplies and compares every element of every buffer.
func (q gemmCase[T]) check(t *testing.T, a, b, c matrix[T], gemm gemmFunc[T], chains bool) {
	t.Helper()
	wasA, wasB, wasC := a.clone(), b.clone(), c.clone()
	gemm(q.tA, q.tB, q.m, q.n, q.k, q.alpha, a.data(), a.ld, b.data(), b.ld, q.beta, c.data(), c.ld)
	what := q.String()
	sameBuffer(t, what+": A", a, wasA, true)
	sameBuffer(t, what+": B", b, wasB, true)
	sameBuffer(t, what+": C", c, wasC, false)
	rowsA, colsB := a.lines(q.tA == blas.NoTrans), b.lines(q.tB != blas.NoTrans)
	for i := range q.m {
		for j := range q.n {
			rowA, colB := rowsA[i*q.k:][:q.k], colsB[j*q.k:][:q.k]
			if !(q.bitsOnly && chains) {
				checkValue(t, what, i, j, c.at(i, j), q.alpha, q.beta, wasC.at(i, j), rowA, colB)
			}
			if chains {
				checkChain(t, what, i, j, c.at(i, j), q.alpha, q.beta, wasC.at(i, j), rowA, colB)
			}
		}
	}
}
