package kernels_test

import (
	"fmt"

	"github.com/elbow-go/elbow/kernels"
)

// Two steps of an LSTM with two units and back: the product with the recurrent weights, the gates
// and the state in one pass. The input parts of the pre-activations are given.
func ExampleLSTMFusedStep() {
	const batch, hidden, ld = 1, 2, 4 * 2
	whh := make([]float64, 4*hidden*hidden) // [4H, H], gates i f g o
	for i := range whh {
		whh[i] = 0.1 * float64(i%5)
	}
	var w kernels.StepWeights[float64]
	w.Pack(kernels.StepLSTM, whh, hidden, true)

	gates := [][]float64{
		{1, -1, 2, 0, 0.5, -0.5, 0, 3}, // i, f, g, o
		{0, 0, 1, 1, 1, -1, 1, 1},
	}
	h := [][]float64{{0, 0}, {0, 0}, {0, 0}} // before the steps, after the first and the second
	c := [][]float64{nil, {0, 0}, {0, 0}}    // nil is a state of zeros
	var steps []*kernels.Step[float64]
	for t, g := range gates {
		s := &kernels.Step[float64]{H: h[t+1], C: c[t+1], Gates: g, HPrev: h[t], CPrev: c[t], Batch: batch, Ld: ld}
		kernels.LSTMFusedStep(s, &w)
		steps = append(steps, s)
	}
	fmt.Printf("h = %.4f  c = %.4f\n", h[2], c[2])

	// The gradient of the sum of h, in the place of the gates. The last step has none after it.
	dc := []float64{0, 0}
	last := &kernels.StepGrad[float64]{H: []float64{1, 1}, C: dc, Gates: gates[1], CPrev: dc}
	kernels.LSTMFusedStepBackward(last, steps[1], &w)
	first := &kernels.StepGrad[float64]{H: []float64{0, 0}, C: dc, Gates: gates[0], CPrev: dc, Next: gates[1], NextRows: batch}
	kernels.LSTMFusedStepBackward(first, steps[0], &w)
	fmt.Printf("dgates = %.4f\n", gates[0])
	// Output:
	// h = [0.4077 -0.3279]  c = [0.6301 -0.4734]
	// dgates = [0.0343 -0.0448 0.0000 0.0000 0.2172 0.1042 0.0007 -0.0003]
}

// A step of a GRU with one unit, for two sequences.
func ExampleGRUFusedStep() {
	var w kernels.StepWeights[float32]
	w.Pack(kernels.StepGRU, []float32{0.5, -0.5, 1}, 1, false) // r, z, n
	s := &kernels.Step[float32]{
		H:     make([]float32, 2),
		Gates: []float32{1, 0, 0.3, 0 /* hn */, 0, 1, -0.3, 0},
		HPrev: []float32{0.5, -0.5},
		Bhn:   []float32{0.1},
		Batch: 2, Ld: 4,
	}
	kernels.GRUFusedStep(s, &w)
	fmt.Printf("%.4f\n", s.H)
	// Output: [0.5814 -0.4872]
}
