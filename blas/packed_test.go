package blas

import (
	"math/rand/v2"
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
