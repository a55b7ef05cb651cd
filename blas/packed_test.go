package blas

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
)

func normals(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// TestPackedElsewhere: under another instruction set than that of its panels, and under another
// backend, a packed matrix still is the same matrix.
func TestPackedElsewhere(t *testing.T) {
	onlyGo(t)
	rng := rand.New(rand.NewPCG(3, 4))
	const m, k, n = 5, 40, 90
	a, b := normals(rng, m*k), normals(rng, k*n)
	want, c := make([]float32, m*n), make([]float32, m*n)
	Gemm(NoTrans, NoTrans, m, n, k, 1, a, k, b, n, 0, want, n)
	asmtest.ForEachISA(t, func(t *testing.T) {
		var p Packed[float32]
		p.Pack(NoTrans, k, n, b, n)
		if kk, nn := p.Size(); kk != k || nn != n {
			t.Errorf("Size() = %d, %d", kk, nn)
		}
		was := asm.Active()
		defer asm.Use(was)
		for _, isa := range asm.Available() {
			asm.Use(isa)
			GemmPacked(m, 0, k, 0, n, a, k, &p, 0, c, n)
			asmtest.SameFloats(t, "packed for "+was.String()+", used under "+isa.String(), c, want)
		}
		asm.Use(was)
		for _, name := range Available() {
			if err := Use(name); err != nil {
				t.Fatal(err)
			}
			GemmPacked(m, 0, k, 0, n, a, k, &p, 0, c, n)
			for i := range c {
				if d := c[i] - want[i]; !(d < 1e-4 && d > -1e-4) {
					t.Fatalf("under %s: element %d = %v, want %v", name, i, c[i], want[i])
				}
			}
		}
		Use("go")
	})
}

// TestPackedOverlap: rows of A that overlap give the result of a copy in which they do not, to the bit in float32, and nothing
// outside of A is read or written.
func TestPackedOverlap(t *testing.T) {
	t.Run("float32", testPackedOverlap[float32])
	t.Run("float64", testPackedOverlap[float64])
}

func testPackedOverlap[T Float](t *testing.T) {
	const most = 1 << 13
	fence := asmtest.NewFence(most)
	defer fence.Close()
	was := Active().Name()
	defer Use(was)
	bound := T(0)
	if len(Available()) > 1 {
		bound = 1e-4
	} else if _, is64 := any(bound).(float64); is64 { // whose sums may have any order
		bound = 1e-12
	}
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(7, 8))
		for i := range 400 {
			m, n, k := 1+rng.IntN(40), 1+rng.IntN(80), 2+rng.IntN(70)
			if i%8 == 0 {
				m, n, k = 150+rng.IntN(80), 1+rng.IntN(300), 20+rng.IntN(100)
			}
			lda := []int{1, 2, (k + 1) / 2, k - 1}[rng.IntN(4)]
			a := make([]T, (m-1)*lda+k)
			if _, is32 := any(a).([]float32); is32 && len(a) <= most {
				x := fence.Tail(len(a))
				if i%2 == 0 {
					x = fence.Head(len(a))
				}
				a = any(x).([]T)
			}
			b, c, copied := make([]T, k*n), make([]T, m*n), make([]T, m*k)
			for _, x := range [][]T{a, b, c} {
				for j := range x {
					x[j] = T(rng.NormFloat64())
				}
			}
			for r := range m {
				copy(copied[r*k:][:k], a[r*lda:])
			}
			trans, ldb := NoTrans, n
			if i%3 == 0 {
				trans, ldb = Trans, k
			}
			var p Packed[T]
			p.Pack(trans, k, n, b, ldb)
			want := slices.Clone(c)
			k0, j0 := rng.IntN(k), rng.IntN(n)
			GemmPacked(m, k0, k, j0, n, copied[k0:], k, &p, 1, want[j0:], n)
			for _, name := range Available() {
				Use(name)
				got := slices.Clone(c)
				GemmPacked(m, k0, k, j0, n, a[k0:], lda, &p, 1, got[j0:], n)
				for j, v := range got {
					if d := v - want[j]; d != 0 && !(d < bound && d > -bound) {
						t.Fatalf("%s: m=%d n=%d k=%d..%d lda=%d: element %d = %v, want %v", name, m, n, k0, k, lda, j, v, want[j])
					}
				}
			}
			Use(was)
			if x, is32 := any(a).([]float32); is32 && len(a) <= most {
				if at, bad := fence.Check(x); bad {
					t.Fatalf("m=%d n=%d k=%d lda=%d: A[%d] was written", m, n, k, lda, at)
				}
			}
		}
	})
}

// TestPackedBias: a bias gives the bits of rows that were written beforehand, for any cut of rows into
// tiles, of steps into blocks and of columns into panels, and gaps between rows of C stay as they are. Nothing
// outside of it is read, which lies before memory that cannot be.
func TestPackedBias(t *testing.T) {
	onlyGo(t)
	t.Run("float32", testPackedBias[float32])
	t.Run("float64", testPackedBias[float64])
}

func testPackedBias[T Float](t *testing.T) {
	fence := asmtest.NewFence(1 << 10)
	defer fence.Close()
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(17, 18))
		draw := func(n int) []T {
			x := make([]T, n)
			for i := range x {
				x[i] = T(rng.NormFloat64())
			}
			return x
		}
		for _, m := range []int{0, 1, 2, 3, 5, 6, 7, 13, 40, 200} {
			for _, n := range []int{1, 15, 16, 17, 63, 64, 65, 90, 131} {
				for _, k := range []int{0, 1, 5, 70, 1100} {
					if testing.Short() && (m+n+k)%3 > 0 {
						continue
					}
					ldc, from, j0 := n+3, min(k, 1), rng.IntN(n)
					a, b, bias, c := draw(m*k), draw(k*n), draw(n-j0), draw(max(0, m*ldc))
					if len(bias) > 1 {
						bias[1] = T(math.Copysign(0, -1))
					}
					if x, is32 := any(fence.Tail(len(bias))).([]T); is32 {
						copy(x, bias)
						bias = x
					}
					var p Packed[T]
					p.Pack(NoTrans, k, n, b, n)
					want := slices.Clone(c)
					for i := range m {
						copy(want[i*ldc:], bias)
					}
					at := min(from, len(a))
					GemmPacked(m, from, k, j0, n, a[at:], max(1, k), &p, 1, want, ldc)
					GemmPackedBias(m, from, k, j0, n, a[at:], max(1, k), &p, bias, c, ldc)
					for i, v := range c {
						if v != want[i] || math.Signbit(float64(v)) != math.Signbit(float64(want[i])) {
							t.Fatalf("m=%d n=%d..%d k=%d..%d: element %d = %v, want %v", m, j0, n, from, k, i, v, want[i])
						}
					}
				}
			}
		}
	})
}

func TestPackedNoAllocation(t *testing.T) {
	onlyGo(t)
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(5, 6))
		a, b, c := normals(rng, 300*80), normals(rng, 80*90), make([]float32, 300*90)
		var p Packed[float32]
		for _, m := range []int{1, 7, 300} {
			if got := testing.AllocsPerRun(3, func() {
				p.Pack(Trans, 80, 90, b, 80)
				GemmPacked(m, 3, 80, 2, 90, a, 80, &p, 1, c, 90)
			}); got != 0 {
				t.Errorf("m = %d: %v allocations", m, got)
			}
		}
	})
}

func onlyGo(t *testing.T) {
	t.Helper()
	was := Active().Name()
	if err := Use("go"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { Use(was) })
}
