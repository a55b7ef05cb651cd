package tile

import (
	"math/rand/v2"
	"testing"
	"unsafe"

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

// TestPanelFences has all operands of a product by panels, and the panels, end or start at memory
// that cannot be read.
func TestPanelFences(t *testing.T) {
	var fences [4]*asmtest.Fence
	for i := range fences {
		fences[i] = asmtest.NewFence(200 * 200)
		defer fences[i].Close()
	}
	asmtest.ForEachISA(t, func(t *testing.T) {
		isa := asm.Active()
		if isa == asm.Generic {
			t.Skip("no panels")
		}
		rng := rand.New(rand.NewPCG(1, 2))
		place := func(i, n int) []float32 {
			if rng.IntN(2) == 0 {
				return fences[i].Head(n)
			}
			return fences[i].Tail(n)
		}
		for i := range 300 {
			m, k, n := 1+rng.IntN(20), 1+rng.IntN(70), 1+rng.IntN(140)
			switch i % 6 {
			case 0:
				n += tiledCols // A is copied
			case 1:
				m = min(m, 2) // panels are multiplied in pairs
			}
			trans, ldb := false, n
			if i%2 == 1 {
				trans, ldb = true, k
			}
			a, b, c := place(0, m*k), place(1, k*n), place(2, m*n)
			copy(a, normals(rng, m*k))
			copy(b, normals(rng, k*n))
			var p Panels[float32]
			p.Pack(isa, trans, k, n, 0, b, ldb)
			p.data = place(3, len(p.data))
			p.Pack(isa, trans, k, n, 0, b, ldb)
			if p.b != nil {
				t.Fatal("the panels keep the matrix in memory")
			}
			// A part, and then the rest.
			k0, j0 := 1+rng.IntN(k), 1+rng.IntN(n)
			for _, j := range [][2]int{{0, j0}, {j0, n}} {
				if j[0] == j[1] {
					continue
				}
				p.Gemm(m, j[1]-j[0], k0, 0, j[0], a, k, 0, nil, c[j[0]:], n)
				if k0 < k {
					p.Gemm(m, j[1]-j[0], k-k0, k0, j[0], a[k0:], k, 1, nil, c[j[0]:], n)
				}
			}
			want := make([]float32, m*n)
			Gemm(isa, false, trans, m, n, k, 1, a, k, b, ldb, 0, want, n)
			asmtest.SameFloats(t, "C in parts", c, want)
			for i, x := range [][]float32{a, b, c, p.data} {
				if at, bad := fences[i].Check(x); bad {
					t.Fatalf("operand %d: element %d outside of it was written", i, at)
				}
			}
		}
	})
}

// TestPackedBlock: what a product fetches of the next panel ends where the panels end.
func TestPackedBlock(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		isa := asm.Active()
		if isa == asm.Generic {
			t.Skip("no panels")
		}
		const k, n = 50, 257
		var s Panels[float32]
		s.Pack(isa, false, k, n, 0, make([]float32, k*n), n)
		p := product[float32]{isa: isa, k: k, packed: &s}
		end := uintptr(unsafe.Pointer(&s.data[len(s.data)-1])) + 4
		for j := range n {
			at, bytes := p.packedBlock(30, j, 20)
			if got := uintptr(unsafe.Pointer(at)) + uintptr(bytes); got > end || j == n-1 && got != end {
				t.Errorf("column %d: %d bytes, which end %d behind the last panel", j, bytes, int(got-end))
			}
		}
	})
}

// TestPackLetsGo: panels do not keep the matrix that they are a copy of.
func TestPackLetsGo(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		var s Panels[float32]
		s.Pack(asm.Active(), false, 3, 5, 0, make([]float32, 15), 5)
		if s.Packed() == (s.b != nil) {
			t.Errorf("packed %v, matrix kept %v", s.Packed(), s.b != nil)
		}
	})
}
