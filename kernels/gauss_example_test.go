package kernels_test

import (
	"fmt"

	"github.com/elbow-go/elbow/kernels"
)

// The divergence of two rows of a posterior from a prior, both as networks put them out, and its
// gradient.
func ExampleGaussKL() {
	const rows, cols = 2, 2
	// Means, then standard deviations, in each row.
	q := []float32{
		0, 1, 1, 0.5,
		0, 0, 1, 2,
	}
	p := []float32{
		0, 0, 1, 1,
		0, 0, 1, 2,
	}
	kl := make([]float32, rows)
	kernels.GaussKL(kl, kernels.GaussHead(q, cols, kernels.Sigma), kernels.GaussHead(p, cols, kernels.Sigma), rows, cols)
	fmt.Printf("%.4f\n", kl)

	dq, dp, dkl := make([]float32, len(q)), make([]float32, len(p)), []float32{1, 1}
	kernels.GaussKLBackward(nil, kernels.GaussHeadGrad(dq, cols), kernels.GaussHeadGrad(dp, cols), dkl,
		kernels.GaussHead(q, cols, kernels.Sigma), kernels.GaussHead(p, cols, kernels.Sigma), rows, cols)
	fmt.Printf("%.2f\n", dq[:4])
	// Output:
	// [0.8181 0.0000]
	// [0.00 1.00 0.00 -1.50]
}

// A density with mean and scale in matrices of their own.
func ExampleGaussLogProb() {
	const rows, cols = 1, 2
	x := []float64{0.5, -1}
	p := &kernels.Gauss[float64]{Mu: []float64{0, 0}, S: []float64{0, 0}, Ld: cols, Form: kernels.LogVar}
	lp := make([]float64, rows)
	kernels.GaussLogProb(lp, x, p, rows, cols)
	fmt.Printf("%.4f\n", lp)
	// Output: [-2.4629]
}

// A draw and its gradient: the reparameterisation trick.
func ExampleGaussSample() {
	const rows, cols = 1, 2
	head := []float32{1, -1, 0.5, 2} // means, then standard deviations
	q, eps := kernels.GaussHead(head, cols, kernels.Sigma), []float32{2, -0.5}
	z := make([]float32, rows*cols)
	kernels.GaussSample(z, q, eps, rows, cols)
	fmt.Println(z)

	dz, dhead := []float32{1, 1}, make([]float32, len(head))
	kernels.GaussSampleBackward(kernels.GaussHeadGrad(dhead, cols), dz, q, eps, rows, cols)
	fmt.Println(dhead)
	// Output:
	// [2 -2]
	// [1 1 2 -0.5]
}

// One step of a variational model: the head of the posterior, and a standard prior.
func ExampleLatentStep() {
	const rows, cols = 1, 2
	head := []float32{0.5, -0.5, 1, 1} // means, then the inputs of softplus
	q, eps := kernels.GaussHead(head, cols, kernels.SoftplusSigma), []float32{1, -1}
	out := &kernels.Latent[float32]{Z: make([]float32, rows*cols), KL: make([]float32, rows)}
	kernels.LatentStep(out, q, nil, eps, rows, cols)
	fmt.Printf("z = %.4f, KL = %.4f\n", out.Z, out.KL[0])

	dz, dkl, dhead := []float32{1, 1}, []float32{1}, make([]float32, len(head))
	kernels.LatentStepBackward(kernels.GaussHeadGrad(dhead, cols), nil, dz, dkl, q, nil, eps, rows, cols)
	fmt.Printf("%.4f\n", dhead)
	// Output:
	// z = [1.8134 -1.8134], KL = 0.4297
	// [1.5000 0.5000 1.1346 -0.3275]
}
