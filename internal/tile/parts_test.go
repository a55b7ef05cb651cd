package tile

import (
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
)

// treeOf adds up parts, each at its place in memory, along the tree: to the left as many as are a power of 2.
func treeOf[T Float](parts [][]T) []T {
	if len(parts) == 1 {
		return parts[0]
	}
	left := 1 << (bits.Len(uint(len(parts)-1)) - 1)
	sum := slices.Clone(treeOf(parts[:left]))
	for i, v := range treeOf(parts[left:]) {
		sum[i] += v
	}
	return sum
}

// TestGemmParts: the sum of parts is that of products by themselves, along the tree, and what lies between
// the rows of C is left alone.
func TestGemmParts(t *testing.T) {
	t.Run("float32", testGemmParts[float32])
	t.Run("float64", testGemmParts[float64])
}

func testGemmParts[T Float](t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	values := func(n int) []T {
		x := make([]T, n)
		for i := range x {
			x[i] = T(float32(rng.NormFloat64()))
		}
		return x
	}
	for _, c := range []struct {
		m, lda int
		ends   []int
		n      []int
		beta   T
	}{
		{30, 31, []int{5, 7}, []int{70, 65}, 1},
		{53, 53, []int{12, 24, 37, 50, 62, 75, 88, 100}, []int{64, 9, 130}, 0}, // two blocks of rows and more
		{7, 9, []int{1, 2, 3}, []int{17}, 1},
		{24, 24, []int{3, 6, 6, 9, 11}, []int{40}, 0},   // a part of nothing
		{25, 24 + 1, []int{0, 0, 4, 4}, []int{33}, 0},   // the first and the last
		{25, 24 + 1, []int{0, 0, 4, 9}, []int{33}, 0.5}, // C in place of the first
		{6, 6, []int{2, 5, 9, 10, 11, 20}, []int{1, 2, 3}, 1},
		{1, 1, []int{2, 2, 9, 10, 11, 20, 30}, []int{1, 64, 200}, 1},
		{3, 3, []int{0, 0}, []int{5}, 0},
		{0, 3, []int{1, 2}, []int{5}, 0},
		{m: 230, lda: 231, ends: []int{L2() / 2 / 230 / 4, L2()/2/230/4 + 20}, n: []int{12, 9}, beta: 1}, // A in two blocks
		{3, 3, []int{1, 2}, []int{0}, 0},
	} {
		k := c.ends[len(c.ends)-1]
		a := values(max(0, k-1)*c.lda + c.m)
		var sides []Side[T]
		for _, n := range c.n {
			sides = append(sides, Side[T]{N: n, Ldb: max(n, 1), Ldc: n + 2, B: values(k * n), C: values(c.m * (n + 2))})
		}
		wants := make([][]T, len(sides))
		for i, s := range sides {
			var parts [][]T
			from := 0
			for j, to := range c.ends {
				part := make([]T, len(s.C))
				if j == 0 {
					for x, v := range s.C {
						part[x] = c.beta * v
					}
				}
				if to > from && s.N > 0 && c.m > 0 {
					Gemm(asm.Generic, true, false, c.m, s.N, to-from, 1, a[from*c.lda:], c.lda, s.B[from*s.Ldb:], s.Ldb, 1, part, s.Ldc)
				}
				parts, from = append(parts, part), to
			}
			wants[i] = treeOf(parts)
			for x := range wants[i] {
				if x%s.Ldc >= s.N { // between the rows
					wants[i][x] = s.C[x]
				}
			}
		}
		asmtest.ForEachISA(t, func(t *testing.T) {
			got := slices.Clone(sides)
			for i := range sides {
				got[i].C = slices.Clone(sides[i].C)
			}
			GemmTN(asm.Active(), c.m, c.ends, a, c.lda, c.beta, got)
			for i, want := range wants {
				if !is64[T]() {
					asmtest.SameFloats(t, "C", any(got[i].C).([]float32), any(want).([]float32))
					continue
				}
				for x := range want { // whose chains are those of each path
					if d := want[x] - got[i].C[x]; d > 1e-11 || d < -1e-11 {
						t.Fatalf("m %d, ends %v, side %d: C[%d] = %v, want %v", c.m, c.ends, i, x, got[i].C[x], want[x])
					}
				}
			}
		})
	}
}

// TestJoins: the sums that wait are those of as many parts as the bits of a number say.
func TestJoins(t *testing.T) {
	for n := 1; n < 70; n++ {
		var waiting []int // how many parts each is the sum of
		for i := range n {
			if len(waiting) != Waiting(i) {
				t.Fatalf("part %d of %d: %d sums wait, want %d", i, n, Waiting(i), len(waiting))
			}
			sum := 1
			for range Joins(i, n) {
				last := len(waiting) - 1
				if i < n-1 && waiting[last] != sum {
					t.Fatalf("part %d of %d: a sum of %d is added to one of %d", i, n, waiting[last], sum)
				}
				sum += waiting[last]
				waiting = waiting[:last]
			}
			waiting = append(waiting, sum)
		}
		if len(waiting) != 1 || waiting[0] != n {
			t.Fatalf("%d parts come to sums of %v", n, waiting)
		}
	}
}
