package blas

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
)

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		threads, m, n, k, least int
		parts                   int
		byColumns               bool
	}{
		{8, 100, 100, 100, 1 << 24, 0, false},   // too little work
		{8, 512, 512, 512, 1 << 24, 8, true},    // 8 panels
		{8, 400, 512, 512, 1 << 24, 6, true},    // work for 6
		{2, 4096, 4096, 4096, 1 << 24, 2, true}, // as many as asked for
		{8, 4096, 256, 512, 1 << 24, 8, false},  // the longer side
		{8, 600, 640, 1 << 20, 1, 8, true},      //
		{16, 600, 640, 1 << 20, 1, 16, false},   // not enough panels
		{15, 5, 1000, 1 << 20, 1, 15, true},     // 15 panels and some columns
		{64, 5, 1000, 1 << 20, 1, 15, true},     // and no more
		{1, 4096, 4096, 4096, 1, 1, true},
		{0, 4096, 4096, 4096, 1, 0, true},
		{-3, 4096, 4096, 4096, 1, -3, true},
		{4, 0, 10, 10, 1, 0, true},
	} {
		parts, byColumns := split(c.threads, c.m, c.n, c.k, c.least)
		if parts != c.parts || parts > 1 && byColumns != c.byColumns {
			t.Errorf("split%+v: %d parts, by columns %v", c, parts, byColumns)
		}
	}
}

// TestGemmThreads: however it is split, a product has the same bits.
func TestGemmThreads(t *testing.T) {
	onlyGo(t)
	asmtest.ForEachISA(t, func(t *testing.T) {
		testGemmThreads[float32](t)
		testGemmThreads[float64](t)
	})
	defer func() {
		if e, _ := recover().(string); !strings.HasPrefix(e, "blas: Gemm: lda = 3, want at least k = 4") {
			t.Errorf("panic %q", e)
		}
	}()
	GemmThreads(2, NoTrans, NoTrans, 2, 3, 4, 1, make([]float32, 8), 3, make([]float32, 12), 3, 0, make([]float32, 6), 3)
}

func testGemmThreads[T Float](t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	draw := func(n int) []T {
		x := make([]T, n)
		for i := range x {
			x[i] = T(rng.NormFloat64())
		}
		return x
	}
	// The last ones are products with a vector if they are cut badly.
	for _, s := range [][3]int{{70, 300, 40}, {200, 50, 33}, {13, 65, 9}, {1, 200, 30}, {13, 65, 50}, {1, 129, 70}, {25, 1, 50}, {129, 20, 40}, {131, 1, 40}} {
		m, n, k := s[0], s[1], s[2]
		for i := range 8 {
			tA, tB := []Transpose{NoTrans, Trans}[i&1], []Transpose{NoTrans, Trans}[i>>1&1]
			lda, ldb, ldc := max(m, k)+3, max(n, k)+2, n+1
			a, b := draw(lda*max(m, k)), draw(ldb*max(n, k))
			c := draw(ldc * m)
			alpha, beta := []T{1, 0.5}[i>>2], T(i%3)
			same := func(what string, run func(c []T)) {
				want, got := slices.Clone(c), slices.Clone(c)
				Gemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, want, ldc)
				run(got)
				if !slices.Equal(got, want) {
					t.Errorf("%T: %dx%dx%d %c%c %s: other bits than in one part", c, m, n, k, tA, tB, what)
				}
			}
			for _, parts := range []int{2, 3, 5} {
				for _, byColumns := range []bool{false, true} {
					same(fmt.Sprintf("in %d parts, by columns %v", parts, byColumns), func(c []T) {
						gemmParts(parts, byColumns, tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
					})
				}
			}
			same("on 4 threads", func(c []T) { GemmThreads(4, tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc) })
		}
	}
}
