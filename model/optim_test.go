package model

import (
	"math"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/cell"
)

// TestAdamW: the matrix loses a tenth before it moves by the rate, the vector only moves, and the
// gradient is not touched. What decay 0 leaves, Adam leaves.
func TestAdamW(t *testing.T) {
	tensors := func(v float32) []cell.Tensor[float32] {
		return []cell.Tensor[float32]{{Name: "w", Shape: []int{1, 1}, Data: []float32{v}}, {Name: "b", Shape: []int{1}, Data: []float32{v}}}
	}
	p := tensors(2)
	o := Optimizer{Method: OptimizerAdamW, Rate: 0.5, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, Decay: 0.2}
	if size := o.Step(p, tensors(3)); math.Abs(size-3*math.Sqrt2) > 1e-5 {
		t.Errorf("norm of the gradient %v, want that without decay, %v", size, 3*math.Sqrt2)
	}
	for i, want := range []float64{2*0.9 - 0.5, 2 - 0.5} {
		if got := float64(p[i].Data[0]); math.Abs(got-want) > 1e-5 {
			t.Errorf("%s: %v, want %v", p[i].Name, got, want)
		}
	}
}

// TestBeta1Decay: two steps with gradients 1 and 0.5, decay 0.5 and rate 1, by hand. The first
// goes to -1. In the second β1 is 0.45, so m = 0.45·0.1 + 0.55·0.5 = 0.32, corrected by
// 1 - 0.9² = 0.19, and v = 0.001249, corrected by 0.001999: -1 - 1.68421/0.79045 = -3.1307.
func TestBeta1Decay(t *testing.T) {
	o := Optimizer{Rate: 1, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, Beta1Decay: 0.5}
	p := []cell.Tensor[float32]{{Name: "p", Shape: []int{1}, Data: []float32{0}}}
	for _, step := range []struct{ gradient, want float32 }{{1, -1}, {0.5, -3.1307}} {
		o.Step(p, []cell.Tensor[float32]{{Name: "p", Shape: []int{1}, Data: []float32{step.gradient}}})
		if got := p[0].Data[0]; math.Abs(float64(got-step.want)) > 5e-5 {
			t.Errorf("after update %d: %v, want %v", o.Update, got, step.want)
		}
	}
}

// TestOptimizerUnset: settings without which there would be another method are asked for by name.
func TestOptimizerUnset(t *testing.T) {
	all := Optimizer{Method: OptimizerAdamW, Rate: 1, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, Decay: 0.1}
	for _, c := range []struct {
		want  string
		unset func(*Optimizer)
	}{
		{"Beta2 = 0, want it set: 0.999 is usual", func(o *Optimizer) { o.Beta2 = 0 }},
		{"Beta2 = 0, want it set: 0.999 is usual", func(o *Optimizer) { o.Method, o.Beta2 = "", 0 }},
		{"Decay = 0 of adamw, want it set, or adam", func(o *Optimizer) { o.Decay = 0 }},
		{"Epsilon = 0, want more than 0", func(o *Optimizer) { o.Epsilon = 0 }},
	} {
		o := all
		c.unset(&o)
		want := "model: Optimizer.Step: " + c.want
		func() {
			defer func() {
				if got := recover(); got != want {
					t.Errorf("panic %v, want %q", got, want)
				}
			}()
			p := []cell.Tensor[float32]{{Name: "w", Shape: []int{1, 1}, Data: []float32{1}}}
			o.Step(p, p)
		}()
	}
}

// TestOptimizerThreads: goroutines that share a step leave the bits of one, of every method, also more of
// them than a tensor has rows.
func TestOptimizerThreads(t *testing.T) {
	for _, method := range optimizers {
		var want []cell.Tensor[float32]
		for _, threads := range []int{0, 2, 3, 40} {
			o := Optimizer{Method: method, Rate: 0.01, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, Clip: 1, ColumnClip: 0.5, Divisor: 3, Decay: 0.1, Threads: threads}
			tensors := func(step float32) (ts []cell.Tensor[float32]) {
				for _, shape := range [][]int{{37, 19}, {5, 133}, {70}, {1}} {
					x := make([]float32, shape[0]*append(shape, 1)[1])
					for i := range x {
						x[i] = step + float32(i%23)/7 - 1.5
					}
					ts = append(ts, cell.Tensor[float32]{Name: "w", Shape: shape, Data: x})
				}
				return ts
			}
			p := tensors(0)
			for step := range 3 {
				o.Step(p, tensors(float32(step)))
			}
			if threads == 0 {
				want = p
			}
			for i := range p {
				if !slices.Equal(p[i].Data, want[i].Data) {
					t.Errorf("%s, %d threads: tensor %d is not what one leaves", method, threads, i)
				}
			}
		}
	}
}
