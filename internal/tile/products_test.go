package tile

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
)

// TestBlockedProducts: products that are cut into blocks in ways of their own have the bits of plain Go, with
// B packed beforehand too.
func TestBlockedProducts(t *testing.T) {
	normals := func(n int) []float32 {
		rng := rand.New(rand.NewPCG(1, uint64(n)))
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		return x
	}
	near := L2() / (4 * nearSteps) // the longest rows of B of which near takes blocks
	for _, s := range []struct {
		transA, transB     bool
		m, n, k, ldb, cGap int
	}{
		{false, true, shortFrom, 16, 1, 3, 0}, // short, in every remainder of columns
		{false, true, 6, 17, 33, 33, 1},
		{true, true, 7, 23, 9, 12, 0},
		{false, true, 8, 24, 64, 64, 5},
		{false, true, 8, 1031, rowsK + 3, rowsK + 5, 2}, // several blocks of C and of k
		{false, false, packRows, 70, 3*nearSteps + 1, near, 0},
		{false, false, nearRows, 70, nearSteps - 1, near, 3},
		{true, false, 40, 65, 2*nearSteps + 7, near - 1, 0},
		{false, false, 40, 65, 2*nearSteps + 7, near + 1, 0},
		{false, true, 1, 300, rowsK + 3, rowsK + 3, 0}, // packed, pairs of panels in several blocks of k
		{false, false, 2, 261, rowsK + 1, 261, 1},
		{false, false, 8, 8, 19, 9, 1}, // half a vector at the end, behind none, one, two and three
		{false, true, 9, 24, 5, 6, 0},
		{true, false, 24, 64 + 33, 70, 97, 2},
		{false, true, 200, 128 + 52, 7, 7, 0},
		{false, false, 3, 64 + 56, 11, 120, 1},
		{false, true, 7, 32 + 9, 6, 6, 0}, // one column more
	} {
		lda := s.k
		if s.transA {
			lda = s.m
		}
		rowsB := s.k
		if s.transB {
			rowsB = s.n
		}
		ldc := s.n + s.cGap
		a, b, c := normals(s.m*s.k), normals(rowsB*s.ldb), normals(s.m*ldc)
		for _, beta := range []float32{0, 1, 2} {
			want := append([]float32(nil), c...)
			Gemm(asm.Generic, s.transA, s.transB, s.m, s.n, s.k, 1, a, lda, b, s.ldb, beta, want, ldc)
			asmtest.ForEachISA(t, func(t *testing.T) {
				same := func(how string, got []float32) {
					for i := range got {
						if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
							t.Fatalf("%s %+v, beta = %v: C[%d,%d] = %v, want %v", how, s, beta, i/ldc, i%ldc, got[i], want[i])
						}
					}
				}
				defer func(old bool) { halves = old }(halves)
				for _, halves = range []bool{false, true} {
					got := append([]float32(nil), c...)
					Gemm(asm.Active(), s.transA, s.transB, s.m, s.n, s.k, 1, a, lda, b, s.ldb, beta, got, ldc)
					same("Gemm", got)
					var p Panels[float32]
					if p.Pack(asm.Active(), s.transB, s.k, s.n, 0, b, s.ldb); p.Packed() && !s.transA {
						got := append([]float32(nil), c...)
						p.Gemm(s.m, s.n, s.k, 0, 0, a, lda, beta, nil, got, ldc)
						same("Panels.Gemm", got)
					}
				}
			})
		}
	}
}
