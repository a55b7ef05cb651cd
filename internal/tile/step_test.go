package tile

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
)

// A stepShape is a recurrent product: gates and units of columns, or units alone.
type stepShape struct {
	rows, units, steps, gates int
	split, skip               int
	trans, zero, half         bool
}

func drawStep(rng *rand.Rand) stepShape {
	s := stepShape{rows: 1 + rng.IntN(20), units: 1 + rng.IntN(150), steps: 1 + rng.IntN(60), gates: []int{0, 2, 3, 4}[rng.IntN(4)],
		trans: rng.IntN(2) == 0, zero: rng.IntN(4) == 0, half: rng.IntN(3) == 0}
	if rng.IntN(10) == 0 {
		s.steps, s.units = 1025, 1+rng.IntN(40) // several blocks
	}
	if s.gates > 0 {
		s.trans = true
	}
	if rng.IntN(3) == 0 {
		s.rows = 1 + rng.IntN(2)
	}
	s.split = s.steps
	if rng.IntN(3) == 0 {
		s.split, s.skip = (s.steps+1)/4*2, 5 // even: a word of bfloat16 has two steps
	}
	return s
}

// TestStep: a product in pieces is that of Gemm, whatever the group of units, and nothing outside of
// the operands and of the panels is read or written.
func TestStep(t *testing.T) {
	var fences [4]*asmtest.Fence
	for i := range fences {
		fences[i] = asmtest.NewFence(200000)
		defer fences[i].Close()
	}
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(5, 6))
		place := func(i, n int) []float32 {
			if rng.IntN(2) == 0 {
				return fences[i].Head(n)
			}
			return fences[i].Tail(n)
		}
		draws := 150
		if testing.Short() {
			draws = 50
		}
		for range draws {
			s := drawStep(rng)
			columns := s.units * max(1, s.gates)
			w := normals(rng, s.steps*columns)
			if s.half {
				for i, x := range w {
					w[i] = math.Float32frombits(math.Float32bits(x) &^ 0xffff)
				}
			}
			lda, ldc := s.steps+s.skip+1, columns+4
			a, c := place(0, (s.rows-1)*lda+s.steps+s.skip), place(1, (s.rows-1)*ldc+columns)
			copy(a, normals(rng, len(a)))
			copy(c, normals(rng, len(c)))

			var p Panels[float32]
			ldb := columns
			if s.trans {
				ldb = s.steps
			}
			if asm.Active() == asm.Generic {
				p.Keep(asm.Generic, s.trans, s.steps, s.units, s.gates, w, ldb)
			} else {
				p.Pack(asm.Active(), s.trans, s.steps, s.units, s.gates, w, ldb)
				if s.half {
					p.Halve()
					words := place(2, len(p.words))
					for i, x := range p.words {
						words[i] = math.Float32frombits(x)
					}
					p.words = unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(words))), len(words))
				}
				data := place(3, len(p.data))
				copy(data, p.data)
				p.data = data
			}

			want := append([]float32(nil), c...)
			for i := range s.rows {
				for j := range columns {
					x := &want[i*ldc+j]
					if s.zero {
						*x = 0
					}
					for k := range s.steps {
						at, from := k*ldb+j, i*lda+k
						if s.trans {
							at = j*ldb + k
						}
						if k >= s.split {
							from += s.skip
						}
						*x = fmaf(a[from], w[at], *x)
					}
				}
			}
			runStep(rng, &Step[float32]{ISA: asm.Active(), W: &p, A: a, LDA: lda, C: c, LDC: ldc, Rows: s.rows, Zero: s.zero,
				Gate: s.units, Last: max(0, s.gates-1) * s.units, Split: s.split, Skip: s.skip}, s.units)
			asmtest.SameFloats(t, fmt.Sprintf("%+v", s), c, want)
			for i, x := range [][]float32{a, c} {
				if at, bad := fences[i].Check(x); bad {
					t.Fatalf("%+v: operand %d: element %d outside of it was written", s, i, at)
				}
			}
		}
	})
}

func runStep(rng *rand.Rand, p *Step[float32], units int) {
	group, _ := p.Units()
	var room Room
	p.PackRows(&room, units)
	defer room.Free()
	falling := rng.IntN(2) == 0
	for g := range (units + group - 1) / group {
		unit := g * group
		if falling {
			unit = (units-1)/group*group - unit
		}
		next := units
		if rng.IntN(2) == 0 {
			next = (unit + group) % (group * ((units + group - 1) / group))
		}
		for p.Start(unit, min(group, units-unit), next); p.Next(); {
			p.Multiply()
		}
	}
}

func fmaf(x, y, z float32) float32 { return float32(fma(float64(x), float64(y), float64(z))) }
