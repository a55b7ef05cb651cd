package simd

import (
	"math"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
)

func sines(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(math.Sin(float64(i)))
	}
	return x
}

// TestPieces: what is more than one call gives what many small calls give, and calls of nothing
// do nothing.
func TestPieces(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		isa := asm.Active()
		if isa == asm.Generic {
			t.Skip("no machine code")
		}
		n := 2*MaxElems + 77
		x := sines(n)
		got, want := make([]float32, n), make([]float32, n)
		Exp(isa, &got[0], &x[0], n)
		for i := 0; i < n; i += 100 {
			Exp(isa, &want[i], &x[i], min(100, n-i))
		}
		if !slices.Equal(got, want) {
			t.Error("Exp")
		}
		Exp(isa, nil, nil, 0)

		var lanes, lanes1 [64]float32
		SumSquares(isa, &lanes[0], &x[0], n)
		for i := 0; i < n; i += 64 {
			SumSquares(isa, &lanes1[0], &x[i], min(64, n-i))
		}
		if lanes != lanes1 {
			t.Error("SumSquares")
		}

		const units, ldg = 1000, 4100
		rows := 2*Rows(1<<20, units) + 3
		cx, gates := sines(rows*units), sines(rows*ldg)
		gates1 := slices.Clone(gates)
		hy, cy := make([]float32, rows*units), make([]float32, rows*units)
		hy1, cy1 := slices.Clone(hy), slices.Clone(cy)
		LSTMStep(isa, &hy[0], &cy[0], &gates[0], &cx[0], nil, rows, units, units, ldg, math.MaxUint32)
		for i := range rows {
			at := i * units
			LSTMStep(isa, &hy1[at], &cy1[at], &gates1[i*ldg], &cx[at], nil, 1, units, units, ldg, math.MaxUint32)
		}
		if !slices.Equal(hy, hy1) || !slices.Equal(cy, cy1) || !slices.Equal(gates, gates1) {
			t.Error("LSTMStep")
		}
	})
}

func TestRows(t *testing.T) {
	for _, n := range []int{1, 7, 1000, MaxElems/2 - 1, MaxElems / 2, MaxElems/2 + 1, MaxElems, 1 << 20} {
		for _, rows := range []int{0, 1, 2, 3, 16, 17, 1000, 1 << 20} {
			if got, want := Rows(rows, n), min(rows, max(1, MaxElems/2/n)); got != want {
				t.Errorf("Rows(%d, %d) = %d, want %d", rows, n, got, want)
			}
		}
	}
}

// TestMissing: an instruction set without the kernel is noticed.
func TestMissing(t *testing.T) {
	for name, f := range map[string]func(){
		"Exp":     func() { x := make([]float32, 1); Exp(asm.Generic, &x[0], &x[0], 1) },
		"GaussKL": func() { GaussKL(asm.Generic, Sigma, nil, nil, nil, nil, nil, 1, 1, 1, 1) },
		"LSTMTiles": func() {
			LSTMTiles(asm.NEON, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, 0, 0, 0, 0, 0, 0, 0, 0)
		},
	} {
		func() {
			defer func() {
				if recover() != missing {
					t.Errorf("%s did not panic", name)
				}
			}()
			f()
		}()
	}
}
