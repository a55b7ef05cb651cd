package blastest

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/elbow-go/elbow/blas"
)

// Packed tests blas.GemmPacked under the active backend and instruction set: every n from 0 to
// 70 and past the panels, few and many rows, several blocks of k, and parts of a packed matrix
// that start and end anywhere.
func Packed(t *testing.T, opt Options) {
	t.Run("float32", func(t *testing.T) { testPacked[float32](t, opt.Chains) })
	if !opt.Float32Only {
		t.Run("float64", func(t *testing.T) { testPacked[float64](t, false) })
	}
	t.Run("panics", testPackedPanics)
}

func testPacked[T blas.Float](t *testing.T, chains bool) {
	rng := rand.New(rand.NewPCG(6, 6))
	count := 0
	next := func(m, n, k int) {
		count++
		if testing.Short() && count%5 != 0 {
			return
		}
		kindA, kindB := twoKinds(rng)
		gemmCase[T]{
			tA: blas.NoTrans, tB: transposes[count&1], m: m, n: n, k: k,
			alpha: 1, beta: T([]float64{0, 1, 2.5}[rng.IntN(3)]),
			padA: pads[rng.IntN(3)], padB: pads[rng.IntN(3)], padC: pads[rng.IntN(3)],
			kindA: kindA, kindB: kindB, bitsOnly: count%4 != 0,
		}.run(t, rng, packedPart[T](rng), chains)
	}
	sizes := []int{0, 1, 2, 5, 6, 7, 13, 33}
	for n := range 71 {
		for _, m := range sizes {
			next(m, n, sizes[rng.IntN(len(sizes))])
			next(m, sizes[rng.IntN(len(sizes))], n)
		}
	}
	if testing.Short() {
		return
	}
	for _, s := range [][3]int{{1, 200, 1030}, {3, 70, 2100}, {193, 34, 1030}, {193, 1090, 9}, {40, 130, 129}} {
		next(s[0], s[1], s[2])
	}
}

// packedPart returns Gemm as a product by a part of a matrix that is packed beforehand. Its other
// parts are NaN.
func packedPart[T blas.Float](rng *rand.Rand) gemmFunc[T] {
	var p blas.Packed[T] // the memory is used again
	return func(_, tB blas.Transpose, m, n, k int, _ T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
		around := []int{0, 0, 1, 5, 16, 70}
		k0, j0 := around[rng.IntN(6)], around[rng.IntN(6)]
		rows, cols := k0+k+around[rng.IntN(6)], j0+n+around[rng.IntN(6)]
		ld := cols + rng.IntN(3)
		if tB != blas.NoTrans {
			ld = rows + rng.IntN(3)
		}
		big := make([]T, ld*max(rows, cols))
		for i := range big {
			big[i] = T(math.NaN())
		}
		for q := range k {
			for j := range n {
				if tB == blas.NoTrans {
					big[(k0+q)*ld+j0+j] = b[q*ldb+j]
				} else {
					big[(j0+j)*ld+k0+q] = b[j*ldb+q]
				}
			}
		}
		p.Pack(tB, rows, cols, big, ld)
		blas.GemmPacked(m, k0, k0+k, j0, j0+n, a, lda, &p, beta, c, ldc)
	}
}

func testPackedPanics(t *testing.T) {
	x, out := make([]float32, 100), make([]float32, 100)
	var p blas.Packed[float32]
	refuse := func(want string, f func()) {
		t.Helper()
		defer func() {
			t.Helper()
			if got, _ := recover().(string); got != want {
				t.Errorf("panic %q, want %q", got, want)
			}
		}()
		f()
	}
	pack := func(want string, tr blas.Transpose, k, n, length, ld int) {
		t.Helper()
		refuse(want, func() { p.Pack(tr, k, n, x[:length], ld) })
	}
	pack(`blas: Packed.Pack: t = 'x', want NoTrans ('N'), Trans ('T') or ConjTrans ('C')`, 'x', 2, 3, 6, 3)
	pack("blas: Packed.Pack: k = -1, want at least 0", blas.NoTrans, -1, 3, 6, 3)
	pack("blas: Packed.Pack: n = -3, want at least 0", blas.NoTrans, 2, -3, 6, 3)
	pack("blas: Packed.Pack: ldb = 2, want at least n = 3", blas.NoTrans, 2, 3, 6, 2)
	pack("blas: Packed.Pack: ldb = 1, want at least k = 2", blas.Trans, 2, 3, 6, 1)
	pack("blas: Packed.Pack: len(b) = 5, want at least (k-1)*ldb+n = 6", blas.NoTrans, 2, 3, 5, 3)
	p.Pack(blas.NoTrans, 4, 3, x[:12], 3)
	mul := func(want string, m, k0, k1, j0, j1, lenA, lda, lenC, ldc int) {
		t.Helper()
		refuse(want, func() { blas.GemmPacked(m, k0, k1, j0, j1, x[:lenA], lda, &p, 0, out[:lenC], ldc) })
	}
	mul("blas: GemmPacked: m = -1, want at least 0", -1, 0, 4, 0, 3, 8, 4, 6, 3)
	mul("blas: GemmPacked: k0..k1 = 1..5, want a part of 0..4", 2, 1, 5, 0, 3, 8, 4, 6, 3)
	mul("blas: GemmPacked: j0..j1 = -1..2, want a part of 0..3", 2, 0, 4, -1, 2, 8, 4, 6, 3)
	mul("blas: GemmPacked: j0..j1 = 2..1, want a part of 0..3", 2, 0, 4, 2, 1, 8, 4, 6, 3)
	mul("blas: GemmPacked: lda = 0, want at least 1", 2, 0, 4, 0, 3, 8, 0, 6, 3)
	mul("blas: GemmPacked: len(a) = 7, want at least (m-1)*lda+k = 8", 2, 0, 4, 0, 3, 7, 4, 6, 3)
	mul("blas: GemmPacked: len(c) = 4, want at least (m-1)*ldc+n = 5", 2, 0, 4, 1, 3, 8, 4, 4, 3)
	for i, v := range out {
		if v != 0 {
			t.Fatalf("before a panic element %d was written", i)
		}
	}
}
