package kernels_test

import (
	"fmt"

	"github.com/elbow-go/elbow/kernels"
)

// Three steps of an LSTM with two units. The pre-activations of one step are the input
// projection plus whh h; here they are given.
func ExampleLSTMStep() {
	const batch, hidden = 1, 2
	h := make([]float32, batch*hidden)
	c := make([]float32, batch*hidden)
	for range 3 {
		gates := []float32{
			1, -1, // i
			2, 0, // f
			0.5, -0.5, // g
			0, 3, // o
		}
		kernels.LSTMStep(&kernels.Step[float32]{H: h, C: c, Gates: gates, CPrev: c, Batch: batch, Ld: 4 * hidden}, hidden)
		fmt.Printf("h = %.4f  c = %.4f\n", h, c)
	}
	// Output:
	// h = [0.1628 -0.1178]  c = [0.3378 -0.1243]
	// h = [0.2809 -0.1756]  c = [0.6354 -0.1864]
	// h = [0.3575 -0.2040]  c = [0.8975 -0.2175]
}

// The gradient of a loss that is the sum of h, for one step from a state of zeros.
func ExampleLSTMStepBackward() {
	const batch, hidden = 1, 2
	gates := []float64{1, -1, 2, 0, 0.5, -0.5, 0, 3}
	s := &kernels.Step[float64]{H: make([]float64, hidden), C: make([]float64, hidden), Gates: gates, Batch: batch, Ld: 4 * hidden}
	kernels.LSTMStep(s, hidden)

	// In place: the gates make room for their gradients.
	d := &kernels.StepGrad[float64]{H: []float64{1, 1}, Gates: gates, CPrev: make([]float64, hidden)}
	kernels.LSTMStepBackward(d, s, hidden)
	fmt.Printf("di = %.4f\ndf = %.4f\ndg = %.4f\ndo = %.4f\n", gates[:2], gates[2:4], gates[4:6], gates[6:])
	// Output:
	// di = [0.0406 -0.0852]
	// df = [0.0000 0.0000]
	// dg = [0.2570 0.1984]
	// do = [0.0814 -0.0056]
}

// The two forms of the GRU agree while the reset gate is open, here r = σ(100) = 1.
func ExampleGRUStep() {
	const batch, hidden = 1, 2
	h, hPrev := make([]float32, hidden), []float32{0.5, -0.5}
	gates := []float32{
		100, 100, // r
		0, 1, // z
		0.3, -0.3, // n
		0.1, 0.2, // hn, the recurrent part of n, with its bias
	}
	s := &kernels.Step[float32]{H: h, Gates: gates, HPrev: hPrev, Batch: batch, Ld: 4 * hidden}
	kernels.GRUStep(s, hidden)
	fmt.Printf("reset after:  %.4f\n", h)

	s.Gates = []float32{100, 100, 0, 1, 0.3, -0.3, 0, 0}
	kernels.GRUBeforeReset(s, hidden) // rh takes the place of hn
	s.Gates[4] += 0.1                 // stands for the product of rh with the recurrent weights of n
	s.Gates[5] += 0.2
	kernels.GRUBeforeUpdate(s, hidden)
	fmt.Printf("reset before: %.4f\n", h)
	// Output:
	// reset after:  [0.4400 -0.3923]
	// reset before: [0.4400 -0.3923]
}

// One step forward and back of a plain unit.
func ExampleRNNStep() {
	const batch, hidden = 2, 2
	s := &kernels.Step[float32]{H: make([]float32, 4), Gates: []float32{-1, 0, 1, 2}, Act: kernels.RNNTanh, Batch: batch, Ld: hidden}
	kernels.RNNStep(s, hidden)
	fmt.Printf("h  = %.4f\n", s.H)

	d := &kernels.StepGrad[float32]{H: []float32{1, 1, 1, 1}, Gates: make([]float32, 4)}
	kernels.RNNStepBackward(d, s, hidden)
	fmt.Printf("da = %.4f\n", d.Gates)
	// Output:
	// h  = [-0.7616 0.0000 0.7616 0.9640]
	// da = [0.4200 1.0000 0.4200 0.0707]
}
