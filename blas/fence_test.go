package blas_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/blas"
)

// shape is a product; rows of A, B and C are gap elements longer than they need to be.
type shape struct {
	tA, tB      blas.Transpose
	m, n, k     int
	gap         int
	alpha, beta float32
}

func (s shape) String() string {
	return fmt.Sprintf("%c%c m=%d n=%d k=%d gap=%d alpha=%v beta=%v", s.tA, s.tB, s.m, s.n, s.k, s.gap, s.alpha, s.beta)
}

// sizes returns the lengths and leading dimensions of A, B and C.
func (s shape) sizes() (lens, ld [3]int) {
	rows, cols := [3]int{s.m, s.k, s.m}, [3]int{s.k, s.n, s.n}
	if s.tA == blas.Trans {
		rows[0], cols[0] = cols[0], rows[0]
	}
	if s.tB == blas.Trans {
		rows[1], cols[1] = cols[1], rows[1]
	}
	for i := range 3 {
		ld[i] = cols[i] + s.gap
		lens[i] = (rows[i]-1)*ld[i] + cols[i]
	}
	return lens, ld
}

func (s shape) run(a, b, c []float32) {
	_, ld := s.sizes()
	blas.Go{}.Sgemm(s.tA, s.tB, s.m, s.n, s.k, s.alpha, a, ld[0], b, ld[1], s.beta, c, ld[2])
}

// TestFences multiplies matrices that end, or start, at memory that cannot be read.
func TestFences(t *testing.T) {
	var fences [3]*asmtest.Fence
	for i := range fences {
		fences[i] = asmtest.NewFence(300 * 300)
		defer fences[i].Close()
	}
	sizes := []int{1, 2, 4, 7, 8, 9, 15, 17, 33, 35, 65}
	var shapes []shape
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 600 {
		shapes = append(shapes, shape{
			tA: []blas.Transpose{blas.NoTrans, blas.Trans}[i&1], tB: []blas.Transpose{blas.NoTrans, blas.Trans}[i>>1&1],
			m: sizes[rng.IntN(len(sizes))], n: sizes[rng.IntN(len(sizes))], k: sizes[rng.IntN(len(sizes))],
			gap: []int{0, 3}[rng.IntN(2)], alpha: []float32{1, 1, 0.5}[rng.IntN(3)], beta: []float32{0, 1, 2}[rng.IntN(3)],
		})
		if i%40 == 0 { // large enough to be packed
			s := &shapes[i]
			s.tA, s.tB, s.m, s.n, s.k = blas.Trans, blas.NoTrans, 200+i%7, 150+i%5, 170+i%3
			s.tA = []blas.Transpose{blas.NoTrans, blas.Trans}[i/40&1]
		}
		if i%40 == 1 {
			shapes[i].m = 1 // a vector
		}
		if i%40 == 4 { // and a matrix with rows from end to end
			s := &shapes[i]
			s.m, s.n, s.k, s.tB, s.alpha = 1, 130+i%7, 1+i/40, blas.NoTrans, 1
		}
	}
	asmtest.ForEachISA(t, func(t *testing.T) {
		isa := asm.Active()
		if isa == asm.Generic {
			t.Skip("plain Go cannot read outside of a slice")
		}
		rng := rand.New(rand.NewPCG(3, 4))
		for i, s := range shapes {
			if testing.Short() && i%3 != 0 {
				continue
			}
			lens, _ := s.sizes()
			var x [3][]float32
			for i := range x {
				if rng.IntN(2) == 0 {
					x[i] = fences[i].Head(lens[i])
				} else {
					x[i] = fences[i].Tail(lens[i])
				}
				for j := range x[i] {
					x[i][j] = float32(rng.NormFloat64())
				}
			}
			a, b, want := slices.Clone(x[0]), slices.Clone(x[1]), slices.Clone(x[2])
			asm.Use(asm.Generic)
			s.run(a, b, want)
			asm.Use(isa)
			s.run(x[0], x[1], x[2])
			asmtest.SameFloats(t, s.String()+": C", x[2], want)
			for i, name := range []string{"A", "B", "C"} {
				if at, bad := fences[i].Check(x[i]); bad {
					t.Fatalf("%v: %s[%d] was written", s, name, at)
				}
			}
		}
	})
}

// TestFencesParts is TestFences for products in parts.
func TestFencesParts(t *testing.T) {
	var fences [3]*asmtest.Fence
	for i := range fences {
		fences[i] = asmtest.NewFence(70 * 100)
		defer fences[i].Close()
	}
	ends := []int{3, 3, 11, 12, 20, 27, 28}
	asmtest.ForEachISA(t, func(t *testing.T) {
		isa := asm.Active()
		rng := rand.New(rand.NewPCG(5, 5))
		for i := range 200 {
			m, gap := 1+rng.IntN(60), rng.IntN(3)
			n, beta := 1+rng.IntN(70), []float32{0, 1}[i&1]
			ld := [3]int{m + gap, n + gap, n + gap}
			var x, y [3][]float32
			for j, rows := range [3]int{28, 28, m} {
				length := (rows-1)*ld[j] + ld[j] - gap
				if x[j] = fences[j].Tail(length); rng.IntN(2) == 0 {
					x[j] = fences[j].Head(length)
				}
				for k := range x[j] {
					x[j][k] = float32(rng.NormFloat64())
				}
				y[j] = slices.Clone(x[j])
			}
			run := func(x [3][]float32) {
				blas.GemmTN(m, ends[:2+i%6], x[0], ld[0], beta, []blas.Side[float32]{{N: n, B: x[1], Ldb: ld[1], C: x[2], Ldc: ld[2]}})
			}
			asm.Use(asm.Generic)
			run(y)
			asm.Use(isa)
			run(x)
			asmtest.SameFloats(t, fmt.Sprintf("m %d, n %d, gap %d, ends %v: C", m, n, gap, ends[:2+i%6]), x[2], y[2])
			for j, name := range []string{"A", "B", "C"} {
				if at, bad := fences[j].Check(x[j]); bad {
					t.Fatalf("m %d, n %d, gap %d: %s[%d] was written", m, n, gap, name, at)
				}
			}
		}
	})
}

// TestFencesNarrow multiplies by matrices with rows so short that whole vectors reach over the next one:
// all widths and distances up to 5, B at the end of memory that can be read.
func TestFencesNarrow(t *testing.T) {
	fence := asmtest.NewFence(64)
	defer fence.Close()
	asmtest.ForEachISA(t, func(t *testing.T) {
		isa := asm.Active()
		for i := range 5 * 5 * 3 * 9 {
			s := shape{tA: blas.NoTrans, tB: blas.NoTrans, n: 1 + i%5, gap: i / 5 % 5, m: 1 + i/25%3, k: 1 + i/75, alpha: 1}
			if s.n+s.gap > 5 {
				continue
			}
			lens, _ := s.sizes()
			a, b, got, want := make([]float32, lens[0]), fence.Tail(lens[1]), make([]float32, lens[2]), make([]float32, lens[2])
			for j := range a {
				a[j] = float32(j + 1)
			}
			for j := range b {
				b[j] = float32(3*j - 7)
			}
			s.run(a, b, got)
			asm.Use(asm.Generic)
			s.run(a, b, want)
			asm.Use(isa)
			asmtest.SameFloats(t, s.String()+": C", got, want)
		}
	})
}

// TestConcurrent: products at the same time do not share scratch.
func TestConcurrent(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		var wg sync.WaitGroup
		for g := range 6 {
			s := shape{tA: blas.NoTrans, tB: blas.Trans, m: 20, n: 70, k: 90, alpha: []float32{1, 2}[g%2]}
			lens, _ := s.sizes()
			rng := rand.New(rand.NewPCG(uint64(g), 1))
			var x [2][]float32
			for i := range x {
				x[i] = make([]float32, lens[i])
				for j := range x[i] {
					x[i][j] = float32(rng.NormFloat64())
				}
			}
			want := make([]float32, lens[2])
			s.run(x[0], x[1], want)
			wg.Go(func() {
				got := make([]float32, lens[2])
				for range 50 {
					s.run(x[0], x[1], got)
					if !slices.Equal(got, want) {
						t.Errorf("goroutine %d: a product differs from the first one", g)
						return
					}
				}
			})
		}
		wg.Wait()
	})
}
