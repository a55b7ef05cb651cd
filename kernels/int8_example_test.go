package kernels_test

import (
	"fmt"

	"github.com/elbow-go/elbow/kernels"
)

// A layer of two outputs and three inputs for two rows, of which the second is all of equal size, so
// that it is quantised without an error.
func ExampleGemmInt8() {
	var w kernels.Int8Weights
	w.Pack([]float32{
		0.5, -1, 0.25,
		1, 1, -1,
	}, 2, 3, 3)
	x := []float32{
		0.3, -0.2, 0.1,
		2, -2, 2,
	}
	c := []float32{0, 0, 10, 10} // with the bias of a layer
	kernels.GemmInt8(c, x, &w, 2, 2, 3)
	fmt.Printf("%.4f\n", c)
	// Output: [0.3770 0.0000 13.5118 8.0000]
}
