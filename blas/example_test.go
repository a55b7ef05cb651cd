package blas_test

import (
	"fmt"
	"slices"

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

// A large product on several goroutines. The bits do not depend on how many there are.
func ExampleGemmThreads() {
	const n = 300
	a, b := make([]float32, n*n), make([]float32, n*n)
	for i := range a {
		a[i], b[i] = float32(i%7), float32(i%5)-2
	}
	c, same := make([]float32, n*n), make([]float32, n*n)
	blas.GemmThreads(4, blas.NoTrans, blas.NoTrans, n, n, n, 1, a, n, b, n, 0, c, n)
	blas.Gemm(blas.NoTrans, blas.NoTrans, n, n, n, 1, a, n, b, n, 0, same, n)
	fmt.Println(slices.Equal(c, same))
	// Output: true
}

// The weight of a layer, packed once for the products of many inputs. A product may be cut: here
// its columns of one half of the outputs, and the sum over the inputs in two parts.
func ExamplePacked() {
	const in, out = 3, 2
	w := []float32{ // [out, in]
		1, 0, -1,
		0.5, 0.5, 0.5}
	var p blas.Packed[float32]
	p.Pack(blas.Trans, in, out, w, in)

	x := []float32{1, 2, 3}
	y := make([]float32, out)
	blas.GemmPacked(1, 0, in, 0, out, x, in, &p, 0, y, out)
	fmt.Println(y)

	half := make([]float32, 1) // column 1
	blas.GemmPacked(1, 0, 2, 1, 2, x[:2], 2, &p, 0, half, 1)
	blas.GemmPacked(1, 2, in, 1, 2, x[2:], 1, &p, 1, half, 1)
	fmt.Println(half)
	// Output:
	// [-2 3]
	// [3]
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
