package cell

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
)

// TestWritten: a layer notices that a whole tensor was written to, as an optimiser does it,
// whichever it was and whatever begins then, and Pack puts it right.
func TestWritten(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(6, 6))
		shape := NewRagged(3, 2)
		for _, hidden := range []int{1, 3, 64} {
			for name, l := range layers[float32](2, hidden, rng) {
				x, s, stream := random[float32](10, rng), NewSequence[float32](), l.NewStream(1)
				for _, ts := range l.Tensors() {
					text := ts.Name + " was written to since the layer was packed: call Pack after writing parameters"
					forward := func() { l.Forward(s, shape, x, nil, nil, 1) }
					next := func() { stream.Push(x[:2]) }
					backward := func() { l.Backward(s, nil, Grads[float32]{}, x, 1) }
					forward()
					next()
					for j := range ts.Data {
						ts.Data[j] += 1e-3
					}
					mustPanic(t, "cell: Recurrent.Backward: "+text, backward)
					mustPanic(t, "cell: Recurrent.Forward: "+text, forward)
					mustPanic(t, "cell: Sequence.Begin: "+text, func() { s.Begin(l, shape, nil, nil) })
					mustPanic(t, "cell: Stream.Push: "+text, func() { l.NewStream(1).Push(x[:2]) })
					mustPanic(t, "cell: Stream.Push: "+text, func() {
						for range stepsPerLook {
							next()
						}
					})
					if l.Packed(false) == nil {
						t.Errorf("%s: Packed says that it is, with another %s", name, ts.Name)
					}
					for i, pack := range []func(){l.PackBF16, l.Pack, l.PackForTraining} {
						if i == 0 && !l.fused() {
							continue
						}
						pack()
						next()
						forward()
					}
				}
			}
		}
	})
}

// TestDenseWritten: likewise, with few rows and with many.
func TestDenseWritten(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {3, 2}, {64, 70}} {
		in, out := size[0], size[1]
		d := NewDense[float64](in, out, Tanh)
		for i, rows := range []int{1, manyRows - 1, manyRows} {
			x, y := make([]float64, rows*in), make([]float64, rows*out)
			for _, ts := range d.Tensors() {
				text := ts.Name + " was written to since the layer was packed: call Pack after writing parameters"
				d.PackForTraining()
				d.Forward(y, x, rows)
				for j := range ts.Data {
					ts.Data[j] += float64(i + 1)
				}
				mustPanic(t, "cell: Dense.Project: "+text, func() { d.Forward(y, x, rows) })
				mustPanic(t, "cell: Dense.InputGrad: "+text, func() { d.InputGrad(x, y, rows, 0, in, false) })
			}
		}
		d.Pack()
		d.W = slices.Clone(d.W)[:len(d.W)-1]
		if d.Packed(false) == nil {
			t.Error("Packed says that it is, with fewer weights")
		}
	}
}

// TestMark: the elements that are kept lie all over a tensor, cover a small one, and a NaN is
// what it was.
func TestMark(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 5, 8, 13, 64, 4096, 1 << 20} {
		s := make([]float32, n)
		var m mark[float32]
		m.set(s)
		if !m.same(s, markLen) {
			t.Fatalf("%d elements: not the same as itself", n)
		}
		// A stretch of a sixteenth anywhere holds an element of the mark.
		for from := 0; from < n; from += max(1, n/16) {
			to := min(n, from+max(1, n/16))
			if to-from < n/16 {
				break
			}
			for i := from; i < to; i++ {
				s[i] = 1
			}
			if m.same(s, markLen) {
				t.Errorf("%d elements: a write to %d..%d was not noticed", n, from, to)
			}
			clear(s[from:to])
		}
	}
	var m mark[float32]
	s := []float32{float32(math.NaN()), 1}
	m.set(s)
	if !m.same(s, markLen) {
		t.Error("a NaN is not what it was")
	}
	if s[1] = float32(math.NaN()); m.same(s, markLen) {
		t.Error("a 1 that became NaN was not noticed")
	}
	if m.same(s[:1], markLen) {
		t.Error("a shorter tensor was not noticed")
	}
}
