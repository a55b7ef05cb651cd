package tile

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
)

// TestGemmTN: products that share a copy of A have the bits of products by themselves, and leave alone what
// lies between the rows of C.
func TestGemmTN(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	values := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		return x
	}
	const far = 2*packBytes/4 + 3 // elements in a row of A, so that few steps are far apart
	for _, c := range []struct {
		m, k, lda int
		n         []int
	}{
		{200, 3, far, []int{70, 65}},
		{200, 3, far, []int{64, 9, 130}}, // two blocks of rows, which read B where the first has packed it
		{32, 2, far, []int{17}},
		{200, 2, far, []int{blockCols - 20, 100}},          // two blocks of columns, the first with a part of the second side
		{40, blockSteps[float32]() + 5, 64, []int{33, 20}}, // two blocks of k
		{31, 3, far, []int{70, 65}},                        // too few rows for a copy
		{33, 3, far, []int{70, 1, 65}},                     // a side with a single column
		{33, 3, far, []int{0, 65}},
		{33, 3, far, nil},
	} {
		a := values((c.k-1)*c.lda + c.m)
		var want, got []Side[float32]
		for _, n := range c.n {
			s := Side[float32]{N: n, Ldb: n + 3, Ldc: n + 2, C: values(c.m * (n + 2))}
			if n > 60 {
				s.Ldb = far // so B is packed too
			}
			s.B = values(c.k * s.Ldb)
			want = append(want, s)
		}
		asmtest.ForEachISA(t, func(t *testing.T) {
			got = slices.Clone(want)
			for i := range want {
				s := &got[i]
				s.C = slices.Clone(s.C)
				alone := slices.Clone(s.C)
				Gemm(asm.Active(), true, false, c.m, s.N, c.k, 1, a, c.lda, s.B, s.Ldb, 1, alone, s.Ldc)
				defer func() { asmtest.SameFloats(t, "C", s.C, alone) }()
			}
			GemmTN(asm.Active(), c.m, []int{c.k}, a, c.lda, 1, got)
		})
	}
}
