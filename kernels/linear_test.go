package kernels

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/internal/f32"
)

func TestSetRows(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(6, 1))
		for cols := range 68 {
			for _, rows := range []int{0, 1, 3} {
				for _, gap := range []int{0, 1, 7} {
					for _, bias := range [][]float32{nil, vecRandn[float32](rng, cols, 1)} {
						ld := cols + gap
						before := vecRandn[float32](rng, max(rows*ld-gap, 0), 1)
						c := slices.Clone(before)
						SetRows(c, bias, rows, cols, ld)
						for k, v := range c {
							want := before[k] // in a gap
							if j := k % ld; j < cols {
								want = 0
								if bias != nil {
									want = bias[j]
								}
							}
							if math.Float32bits(v) != math.Float32bits(want) {
								t.Fatalf("rows=%d cols=%d ldc=%d: c[%d] = %v, want %v", rows, cols, ld, k, v, want)
							}
						}
					}
				}
			}
		}
	})
}

// TestColumnSums compares with the chain of the doc comment, and the whole with its parts.
func TestColumnSums(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(6, 2))
		for cols := range 68 {
			for _, rows := range []int{0, 1, 2, 9, 40} {
				lda, ldb := cols+cols%3, cols+7*(cols%2)
				a, b := vecRandn[float32](rng, rows*lda, 1), vecRandn[float32](rng, rows*ldb, 1)
				start := vecRandn[float32](rng, cols, 1)
				sums := slices.Clone(start)
				prods := slices.Clone(start)
				AddColumnSums(sums, a, rows, cols, lda)
				AddColumnProducts(prods, a, b, rows, cols, lda, ldb)
				for j := range cols {
					s, p := start[j], start[j]
					exact, abs := float64(p), math.Abs(float64(p))
					for i := range rows {
						s += a[i*lda+j]
						p = f32.FMA(a[i*lda+j], b[i*ldb+j], p)
						term := float64(a[i*lda+j]) * float64(b[i*ldb+j])
						exact += term
						abs += math.Abs(term)
					}
					if sums[j] != s {
						t.Fatalf("rows=%d cols=%d AddColumnSums[%d] = %x, want %x", rows, cols, j, sums[j], s)
					}
					if prods[j] != p {
						t.Fatalf("rows=%d cols=%d AddColumnProducts[%d] = %x, want %x", rows, cols, j, prods[j], p)
					}
					if math.Abs(float64(p)-exact) > abs*float64(rows)*0x1p-24 {
						t.Fatalf("rows=%d cols=%d AddColumnProducts[%d] = %v, exact %v", rows, cols, j, p, exact)
					}
				}
				if rows > 1 {
					parts, prodParts := append([]float32(nil), start...), append([]float32(nil), start...)
					k := 1 + rng.IntN(rows-1)
					AddColumnSums(parts, a, k, cols, lda)
					AddColumnSums(parts, a[k*lda:], rows-k, cols, lda)
					asmtest.SameFloats(t, "AddColumnSums in parts", parts, sums)
					AddColumnProducts(prodParts, a, b, k, cols, lda, ldb)
					AddColumnProducts(prodParts, a[k*lda:], b[k*ldb:], rows-k, cols, lda, ldb)
					asmtest.SameFloats(t, "AddColumnProducts in parts", prodParts, prods)
				}
			}
		}
	})
	dst := []float64{1, 2}
	AddColumnSums(dst, []float64{1, 2, 9, 3, 4}, 2, 2, 3)
	AddColumnProducts(dst, []float64{1, 2, 9, 3, 4}, []float64{10, 10, 10, 10}, 2, 2, 3, 2)
	if dst[0] != 45 || dst[1] != 68 {
		t.Errorf("float64 column sums: %v, want [45 68]", dst)
	}
}

func TestAxpyScale(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(6, 3))
		for n := range 68 {
			x, y := vecRandn[float32](rng, n, 1), vecRandn[float32](rng, n, 1)
			a := float32(rng.NormFloat64())
			axpy := slices.Clone(y)
			scaled := slices.Clone(y)
			Axpy(axpy, x, a)
			Scal(scaled, x, a)
			for i := range x {
				// One rounding: the product of two float32 is exact in float64, and the sum is
				// off by far less than the half ULP a fused operation may be off by.
				if u := asmtest.ULP(axpy[i], float64(a)*float64(x[i])+float64(y[i])); u > 0.5001 {
					t.Fatalf("n=%d Axpy[%d]: %v ULP", n, i, u)
				}
				if u := asmtest.ULP(scaled[i], float64(a)*float64(x[i])); u > 0.5 {
					t.Fatalf("n=%d Scal[%d]: %v ULP", n, i, u)
				}
			}
		}
	})
	x := []float64{1, 2}
	Axpy(x, x, 2)
	Scal(x, x, 10)
	if x[0] != 30 || x[1] != 60 {
		t.Errorf("float64 Axpy and Scale: %v, want [30 60]", x)
	}
	nan := []float32{float32(math.NaN()), float32(math.Inf(1))}
	dst := []float32{1, 1}
	Axpy(dst, nan, 0)
	Scal(nan, nan, 0)
	if dst[0] == dst[0] || dst[1] == dst[1] || nan[0] == nan[0] || nan[1] == nan[1] {
		t.Errorf("0 times NaN and Inf: %v, %v", dst, nan)
	}
}

func TestSumSquares(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(6, 4))
		for n := 0; n < 3000; n += 1 + n/70*31 {
			x := vecRandn[float32](rng, n, 1)
			var want float64
			for _, v := range x {
				want += float64(v) * float64(v)
			}
			if got := SumSquares(x); math.Abs(got-want) > want*(7+float64(n)/64)*0x1p-24 {
				t.Fatalf("n=%d SumSquares = %v, want %v", n, got, want)
			}
		}
		// 2^24 + 1 + 1 is 2^24 in one lane; elements 16 and 48 meet before they meet element 0
		// only with 64 lanes folded in halves.
		x := make([]float32, 100)
		x[0], x[16], x[48] = 1<<12, 1, 1
		if got := SumSquares(x); got != 1<<24+2 {
			t.Errorf("SumSquares = %v, want 2^24 + 2", got)
		}
		x[16], x[48], x[64] = 0, 0, 1 // the same lane as element 0
		if got := SumSquares(x); got != 1<<24 {
			t.Errorf("SumSquares = %v, want 2^24", got)
		}
		x[64] = 1e20
		if got := SumSquares(x); !math.IsInf(got, 1) {
			t.Errorf("SumSquares with 1e20 = %v, want Inf", got)
		}
		x[7] = float32(math.NaN())
		if got := SumSquares(x); got == got {
			t.Errorf("SumSquares with NaN = %v", got)
		}
	})
	if got := SumSquares([]float64{3, 4}); got != 25 {
		t.Errorf("float64 SumSquares = %v, want 25", got)
	}
}
