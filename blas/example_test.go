package blas_test

import (
	"fmt"

	"github.com/elbow-go/elbow/blas"
)

// A dense layer, forward and backward: three products, one for each transposition in use.
func ExampleGemm() {
	const rows, in, out = 2, 3, 2
	x := []float32{ // [rows, in]
		1, 2, 3,
		4, 5, 6}
	w := []float32{ // [out, in]
		1, 0, -1,
		0.5, 0.5, 0.5}
	dy := []float32{ // [rows, out]
		1, 0,
		0, 2}

	y := make([]float32, rows*out)
	blas.Gemm(blas.NoTrans, blas.Trans, rows, out, in, 1, x, in, w, in, 0, y, out)
	fmt.Println("y  = x W^T   ", y)

	dx := make([]float32, rows*in)
	blas.Gemm(blas.NoTrans, blas.NoTrans, rows, in, out, 1, dy, out, w, in, 0, dx, in)
	fmt.Println("dx = dy W    ", dx)

	dw := make([]float32, out*in)
	blas.Gemm(blas.Trans, blas.NoTrans, out, in, rows, 1, dy, out, x, in, 1, dw, in)
	fmt.Println("dW += dy^T x ", dw)
	// Output:
	// y  = x W^T    [-2 3 -2 7.5]
	// dx = dy W     [1 0 -1 1 1 1]
	// dW += dy^T x  [1 2 3 8 10 12]
}

func ExampleGemv() {
	a := []float64{
		1, 2,
		3, 4}
	y := []float64{10, 20}
	blas.Gemv(blas.NoTrans, 2, 2, 1, a, 2, []float64{1, 1}, 1, 1, y, 1)
	fmt.Println(y)
	// Output: [13 27]
}
