package cell

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
)

// TestBatch: padded batches come back as they were, but for the padding, and every row of a batch
// stands where its shape says.
func TestBatch(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, lengths := range [][]int{{}, {0}, {3}, {2, 5, 1}, {2, 2, 2}, {0, 4, 0, 4, 1}, {1, 2, 3, 4, 5, 6}} {
		b := NewBatch(lengths...)
		n := len(lengths)
		for i, from := range b.Order {
			if b.Shape.Length(i) != lengths[from] {
				t.Errorf("lengths %v: sequence %d is of length %d, want %d", lengths, i, b.Shape.Length(i), lengths[from])
			}
			if i > 0 && lengths[from] == lengths[b.Order[i-1]] && from < b.Order[i-1] {
				t.Errorf("lengths %v: order %v, want equal lengths as they were", lengths, b.Order)
			}
		}
		for _, p := range []Padded{{Steps: b.Shape.Steps(), Cols: 1}, {Steps: b.Shape.Steps() + 2, Cols: 3}, {Steps: 7, Cols: 2, BatchFirst: true}, {Steps: 6}} {
			x := random[float32](n*p.Steps*p.Cols, rng)
			rows, back, want := make([]float32, b.Shape.Rows()*p.Cols), random[float32](len(x), rng), make([]float32, len(x))
			FromPadded(b, rows, x, p)
			ToPadded(b, back, rows, p, -7)
			for seq, length := range lengths {
				i := slices.Index(b.Order, seq)
				for step := range p.Steps {
					at := (step*n + seq) * p.Cols
					if p.BatchFirst {
						at = (seq*p.Steps + step) * p.Cols
					}
					for j := range p.Cols {
						if want[at+j] = -7; step < length {
							want[at+j] = x[at+j]
							if got := rows[b.Shape.Row(step, i)*p.Cols+j]; got != x[at+j] {
								t.Fatalf("lengths %v, %+v: row of step %d of sequence %d has %v, want %v", lengths, p, step, seq, got, x[at+j])
							}
						}
					}
				}
			}
			asmtest.SameFloats(t, "padded again", back, want)
		}
		states := random[float32](3*n*2, rng)
		sorted, back := make([]float32, len(states)), make([]float32, len(states))
		SortStates(b, sorted, states, 2)
		UnsortStates(b, back, sorted, 2)
		asmtest.SameFloats(t, "states sorted and back", back, states)
		for i, from := range b.Order {
			for l := range 3 {
				asmtest.SameFloats(t, "sorted state", sorted[(l*n+i)*2:(l*n+i+1)*2], states[(l*n+from)*2:(l*n+from+1)*2])
			}
		}
	}
}

func TestBatchAllocations(t *testing.T) {
	b, lengths := NewBatch(9, 9, 9, 9, 9), []int{1, 4, 2, 8}
	x, rows := make([]float32, 8*4*2), make([]float32, 15*2)
	if n := testing.AllocsPerRun(10, func() {
		b.Reset(lengths)
		FromPadded(b, rows, x, Padded{Steps: 8, Cols: 2})
		ToPadded(b, x, rows, Padded{Steps: 8, Cols: 2}, 0)
	}); n != 0 {
		t.Errorf("a batch allocates %v times, want 0", n)
	}
}
