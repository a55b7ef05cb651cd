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
		kernels.LSTMStep(h, c, gates, c, nil, batch, hidden, 4*hidden)
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
	h, c := make([]float64, hidden), make([]float64, hidden)
	gates := []float64{1, -1, 2, 0, 0.5, -0.5, 0, 3}
	kernels.LSTMStep(h, c, gates, nil, nil, batch, hidden, 4*hidden)

	dh := []float64{1, 1}
	dc := make([]float64, hidden)
	// In place: the gates make room for their gradients.
	kernels.LSTMStepBackward(gates, dc, dh, nil, gates, nil, c, nil, batch, hidden, 4*hidden)
	fmt.Printf("di = %.4f\ndf = %.4f\ndg = %.4f\ndo = %.4f\n", gates[:2], gates[2:4], gates[4:6], gates[6:])
	// Output:
	// di = [0.0406 -0.0852]
	// df = [0.0000 0.0000]
	// dg = [0.2570 0.1984]
	// do = [0.0814 -0.0056]
}

// The two forms of the GRU agree while the reset gate is open, here r = σ(100) = 1.
func ExampleGRUStep() {
	hx := []float32{0.5, -0.5}
	hn := []float32{0.1, 0.2} // recurrent part of n, with its bias
	after := []float32{100, 100, 0, 1, 0.3, -0.3}
	hy := make([]float32, 2)
	kernels.GRUStep(hy, after, hn, hx, 1, 2, 6, 2)
	fmt.Printf("reset after:  %.4f\n", hy)

	before := []float32{100, 100, 0, 1, 0.3, -0.3}
	rh := make([]float32, 2)
	kernels.GRUBeforeReset(rh, before, hx, 1, 2, 6, 2)
	before[4] += hn[0] // stands for the product of rh with the recurrent weights of n
	before[5] += hn[1]
	kernels.GRUBeforeUpdate(hy, before, hx, 1, 2, 6)
	fmt.Printf("reset before: %.4f\n", hy)
	// Output:
	// reset after:  [0.4400 -0.3923]
	// reset before: [0.4400 -0.3923]
}

// One step forward and back of a plain unit.
func ExampleRNNStep() {
	a := []float32{-1, 0, 1, 2}
	h := make([]float32, 4)
	kernels.RNNStep(h, a, 2, 2, 2, kernels.RNNTanh)
	fmt.Printf("h  = %.4f\n", h)

	dh := []float32{1, 1, 1, 1}
	da := make([]float32, 4)
	kernels.RNNStepBackward(da, dh, h, 2, 2, 2, kernels.RNNTanh)
	fmt.Printf("da = %.4f\n", da)
	// Output:
	// h  = [-0.7616 0.0000 0.7616 0.9640]
	// da = [0.4200 1.0000 0.4200 0.0707]
}
