package cell

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/blas/blastest"
)

// TestDenseCopies: products have the same bits before, while and after the weights are copied, and
// see what was written to the weights before Pack.
func TestDenseCopies(t *testing.T) {
	blastest.UseGo(t)
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 4))
		const most, in, out, from, to = 40, 50, 90, 7, 41
		d := NewDense[float32](in, out, Linear)
		x, dy := random[float32](most*in, rng), random[float32](most*out, rng)
		for write := range 3 {
			randomize(d.W, rng)
			d.PackForTraining()
			for _, rows := range []int{1, 3, 5, most} {
				want, dwant := make([]float32, rows*out), make([]float32, rows*(to-from))
				mulT(want, x, d.W[from:], rows, out, to-from, out, to-from, in)
				mul(dwant, dy, d.W[from:], rows, to-from, out, to-from, out, in, false)
				if write == 1 {
					d.PackForTraining() // each number of rows is the first to copy
				}
				var wg sync.WaitGroup
				for range 3 {
					wg.Go(func() {
						y, dx := make([]float32, rows*out), make([]float32, rows*(to-from))
						for range 20 {
							clear(y)
							d.Project(y, x, rows, from, to)
							d.InputGrad(dx, dy, rows, from, to, false)
							if !slices.Equal(y, want) || !slices.Equal(dx, dwant) {
								t.Errorf("%d rows, written %d times: a product differs from that of the weights", rows, write)
								return
							}
						}
					})
				}
				wg.Wait()
			}
			if p := &d.products; !p.forward.ready.Load() || !p.backward.ready.Load() {
				t.Error("the weights were not copied: nothing was tested")
			}
		}
	})
}

// TestDenseUsedOnce: weights that were multiplied by once between the last two Packs are not copied for
// the first product, if it has few rows, but for the second.
func TestDenseUsedOnce(t *testing.T) {
	const in, out = 7, 20
	d := NewDense[float32](in, out, Linear)
	x, y := make([]float32, 2*onceRows*in), make([]float32, 2*onceRows*out)
	for i, step := range []struct {
		rows   []int // of the products after Pack
		copied []bool
	}{
		{[]int{onceRows}, []bool{true}}, // nothing is known yet
		{[]int{onceRows}, []bool{false}},
		{[]int{onceRows + 1}, []bool{true}},
		{[]int{onceRows, 2, onceRows}, []bool{false, true, true}},
		{[]int{onceRows}, []bool{true}},
		{nil, nil},
		{[]int{onceRows}, []bool{true}},
	} {
		d.PackForTraining()
		for j, rows := range step.rows {
			d.Forward(y, x, rows)
			d.InputGrad(x, y, rows, 0, in, false)
			got, back := d.products.forward.ready.Load(), d.products.backward.ready.Load()
			if want := step.copied[j]; got != want || rows >= backwardSoon && back != want {
				t.Errorf("Pack %d, product %d: copied %v and %v, want %v", i, j, got, back, want)
			}
		}
	}
}

// TestDenseCopyAllocations: weights are copied again into the memory they had.
func TestDenseCopyAllocations(t *testing.T) {
	blastest.UseGo(t)
	asmtest.ForEachISA(t, func(t *testing.T) {
		const in, out, rows = 40, 50, 40
		d := NewDense[float32](in, out, Linear)
		x, y, dx, dy := make([]float32, rows*in), make([]float32, rows*out), make([]float32, rows*in), make([]float32, rows*out)
		if got := testing.AllocsPerRun(3, func() {
			d.PackForTraining()
			d.Forward(y, x, rows)
			d.InputGrad(dx, dy, rows, 0, in, false)
		}); got != 0 {
			t.Errorf("%v allocations", got)
		}
	})
}
