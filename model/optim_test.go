package model

import (
	"math"
	"testing"

	"github.com/elbow-go/elbow/cell"
)

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
