package kernels_test

import (
	"fmt"
	"math"

	"github.com/elbow-go/elbow/kernels"
)

func ExampleSoftplus() {
	x := []float32{-10, -1, 0, 1, 100}
	kernels.Softplus(x, x) // in place
	fmt.Println(x)
	// Output: [4.53989e-05 0.3132617 0.6931472 1.3132617 100]
}

func ExampleSoftmax() {
	logits := []float32{1, 2, 3, 1000, 1000, float32(math.Inf(-1))}
	p, lse := make([]float32, 6), make([]float32, 2)
	kernels.Softmax(p, logits, 2, 3)
	kernels.LogSumExp(lse, logits, 2, 3)
	fmt.Printf("%.4f %.4f\n", p[:3], lse[0])
	fmt.Printf("%.4f %.4f\n", p[3:], lse[1])
	// Output:
	// [0.0900 0.2447 0.6652] 3.4076
	// [0.5000 0.5000 0.0000] 1000.6932
}

// Clip the norm of a gradient that lies in two tensors.
func ExampleSumSquares() {
	w, b := []float32{3, 0, 0}, []float32{4}
	norm := math.Sqrt(kernels.SumSquares(w) + kernels.SumSquares(b))
	if limit := 1.0; norm > limit {
		kernels.Scal(w, w, float32(limit/norm))
		kernels.Scal(b, b, float32(limit/norm))
	}
	fmt.Println(norm, w, b)
	// Output: 5 [0.6 0 0] [0.8]
}

// The numbers belong to their place: a part equals the part of the whole.
func ExampleNormals() {
	n := kernels.Noise{Seed: 42, Stream: 1, Update: 7}
	whole, part := make([]float32, 3*4), make([]float32, 4)
	kernels.Normals(whole, n, 0, 0, 3, 4)
	kernels.Normals(part, n, 0, 2, 1, 4) // row 2
	fmt.Println(whole[8:])
	fmt.Println(part)
	// Output:
	// [0.055883072 1.5175169 1.1217527 0.5253147]
	// [0.055883072 1.5175169 1.1217527 0.5253147]
}

// Dropout: a row of uniform numbers says which units stay.
func ExampleUniforms() {
	n, x := kernels.Noise{Seed: 42}, []float32{1, 2, 3, 4, 5, 6}
	u := make([]float32, len(x))
	kernels.Uniforms(u, n, 0, 0, 1, len(x))
	for i := range x {
		if u[i] < 0.5 {
			x[i] = 0
		}
	}
	fmt.Printf("%.3f %v\n", u, x)
	// Output: [0.613 0.988 0.826 0.730 0.326 0.315] [1 2 3 4 0 0]
}

// One update of AdamW: a step of the size of the learning rate, and the decay.
func ExampleAdam_decay() {
	p, g := []float64{1, 1}, []float64{0.5, -20}
	moments := &kernels.Moments[float64]{M: make([]float64, 2), V: make([]float64, 2)}
	kernels.Adam(p, g, moments, &kernels.AdamSettings[float64]{LR: 0.1, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Decay: 0.01,
		C1: 1 - 0.9, C2: 1 - 0.999})
	fmt.Printf("%.3f\n", p)
	// Output: [0.899 1.099]
}

// The gradient of the first of three probabilities.
func ExampleSoftmaxBackward() {
	const rows, cols = 1, 3
	y, dy, dx := make([]float64, cols), []float64{1, 0, 0}, make([]float64, cols)
	kernels.Softmax(y, []float64{0, 0, 0}, rows, cols)
	kernels.SoftmaxBackward(dx, dy, y, rows, cols)
	fmt.Printf("%.4f %.4f\n", y, dx)
	// Output: [0.3333 0.3333 0.3333] [0.2222 -0.1111 -0.1111]
}

func ExampleShuffle() {
	order := make([]int, 8)
	kernels.Shuffle(order, kernels.Noise{Seed: 42}, 0, 0)
	fmt.Println(order)
	// Output: [3 1 7 5 0 2 4 6]
}

func ExampleAdam() {
	// Minimise (p-3)^2 / 2.
	p, g, moments := []float32{0}, []float32{0}, &kernels.Moments[float32]{M: []float32{0}, V: []float32{0}}
	settings := &kernels.AdamSettings[float32]{LR: 0.1, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}
	b1, b2 := 1.0, 1.0
	for range 500 {
		g[0] = p[0] - 3
		b1, b2 = b1*0.9, b2*0.999
		settings.C1, settings.C2 = float32(1-b1), float32(1-b2)
		kernels.Adam(p, g, moments, settings)
	}
	fmt.Printf("%.3f\n", p)
	// Output: [3.000]
}

// Rows of an activation on their way into the next layer, with a gain and a bias for each column.
func ExampleLayerNorm() {
	x := []float32{1, 2, 3, 4, -10, 0, 0, 10} // [2, 4]
	gain, bias := []float32{1, 1, 1, 2}, []float32{0, 0, 0, 100}
	y := make([]float32, len(x))
	n := &kernels.Norm[float32]{XHat: make([]float32, len(x)), RStd: make([]float32, 2), Weight: gain, Ld: 4}
	kernels.SetRows(y, bias, 2, 4, 4)
	kernels.LayerNorm(y, x, n, 2, 4, 1e-5)
	fmt.Printf("%.3f\n%.3f\n", y[:4], y[4:])

	dx := make([]float32, len(x))
	kernels.LayerNormBackward(dx, []float32{1, 0, 0, 0, 1, 1, 1, 1}, n, 2, 4)
	fmt.Printf("%.3f\n", dx[:4])
	// Output:
	// [-1.342 -0.447 0.447 102.683]
	// [-1.414 0.000 0.000 102.828]
	// [0.268 -0.358 -0.089 0.179]
}
