package kernels_test

import (
	"fmt"
	"math"

	"github.com/elbow-go/elbow/kernels"
)

// A row of x with one column under 0.25 N(-1, 1) + 0.75 N(2, 0.5).
func ExampleGMMLogProb() {
	const rows, cols = 1, 1
	x, lp := []float64{1.5}, make([]float64, rows)
	p := &kernels.Mixture[float64]{
		Logits: []float64{math.Log(1), math.Log(3)}, Mu: []float64{-1, 2}, S: []float64{1, 0.5},
		K: 2, Ld: kernels.Dense, Form: kernels.Sigma,
	}
	kernels.GMMLogProb(lp, x, p, rows, cols)
	fmt.Printf("%.4f\n", lp[0])

	dp := &kernels.MixtureGrad[float64]{Logits: make([]float64, 2), Mu: make([]float64, 2), S: make([]float64, 2)}
	kernels.GMMLogProbBackward(nil, nil, dp, []float64{1}, x, p, rows, cols)
	fmt.Printf("%.4f\n%.4f\n", dp.Logits, dp.Mu)
	// Output:
	// -1.0015
	// [-0.2381 0.2381]
	// [0.0298 -1.9761]
}

// One sample of 8-bit audio, level 200, under two components of equal weight, all in one head.
func ExampleLogisticMixtureLogProb() {
	const rows, cols, k, levels = 1, 1, 2, 256
	head := []float64{
		0, 0, // logits
		0.5, -0.5, // means
		-4, -2, // log scales
	}
	p := &kernels.Mixture[float64]{Logits: head, Mu: head[k:], S: head[2*k:], K: k, Ld: 3 * k, Form: kernels.LogSigma}
	x, lp := []float64{2*200.0/(levels-1) - 1}, make([]float64, rows)
	kernels.LogisticMixtureLogProb(lp, x, levels, p, rows, cols)
	fmt.Printf("%.4f\n", lp[0])

	dhead := make([]float64, len(head))
	dp := &kernels.MixtureGrad[float64]{Logits: dhead, Mu: dhead[k:], S: dhead[2*k:]}
	kernels.LogisticMixtureLogProbBackward(nil, dp, []float64{1}, x, levels, p, rows, cols)
	fmt.Printf("%.4f\n%.4f\n", dhead[:k], dhead[k:2*k])
	// Output:
	// -5.3260
	// [0.4978 -0.4978]
	// [51.9124 0.0164]
}

// A pen stroke (up, 0.5, 0.4) under two components, the first with correlation tanh(1).
func ExampleBivariateMixtureLogProb() {
	const rows, k = 1, 2
	theta := []float64{
		-1,   // logit of the pen
		0, 1, // mu1 of both components
		0, -1, // mu2
		1, 0.5, // s1
		1, 0.5, // s2
		1, 0, // r
		0, math.Log(3), // logits
	}
	p := &kernels.Bivariate[float64]{Theta: theta, K: k, Ld: 1 + 6*k, Form: kernels.Sigma}
	dp := &kernels.BivariateGrad[float64]{Theta: make([]float64, len(theta))}
	y, lp := []float64{1, 0.5, 0.4}, make([]float64, rows)
	kernels.BivariateMixtureLogProb(lp, y, p, rows)
	kernels.BivariateMixtureLogProbBackward(nil, nil, dp, []float64{1}, y, p, rows)
	fmt.Printf("%.4f\n%.4f\n", lp[0], dp.Theta[11:])
	// Output:
	// -4.1283
	// [0.6541 -0.6541]
}
