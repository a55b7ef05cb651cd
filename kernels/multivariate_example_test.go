package kernels_test

import (
	"fmt"

	"github.com/elbow-go/elbow/kernels"
)

// A Gaussian of two dimensions, of which the second is 0.8 times the first and noise, scored with its
// gradient; then the same as a t distribution with 4 degrees of freedom.
func ExampleMultivariateLogProbBackward() {
	theta := []float32{
		0, 1, // mu
		0, -0.7, // a: sigma is e^(8 tanh(a/8))
		0.8, // T
	}
	x, dlp, lp := []float32{1, 2.5}, []float32{1}, []float32{0}
	dtheta := make([]float32, len(theta))
	for _, nu := range []float64{0, 4} {
		p := &kernels.Multivariate[float32]{Theta: theta, Ld: len(theta), Nu: nu}
		kernels.MultivariateLogProbBackward(lp, &kernels.MultivariateGrad[float32]{Theta: dtheta}, dlp, x, p, 1, 2)
		fmt.Printf("%.4f %.3f\n", lp[0], dtheta)
	}
	// Output:
	// -2.6296 [-1.263 2.829 0.000 0.973 2.829]
	// -2.8099 [-1.086 2.431 -0.140 0.697 2.431]
}
