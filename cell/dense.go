package cell

import (
	"fmt"

	"github.com/elbow-go/elbow/blas"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/kernels"
)

// Activation is the nonlinearity of a [Dense] layer.
type Activation uint8

// The activations. Softplus is ln(1 + exp(a)).
const (
	Linear Activation = iota
	ReLU
	Tanh
	Sigmoid
	Softplus
)

var activationNames = [...]string{"linear", "relu", "tanh", "sigmoid", "softplus"}

// String returns the name used in configurations.
func (a Activation) String() string {
	if int(a) < len(activationNames) {
		return activationNames[a]
	}
	return fmt.Sprintf("Activation(%d)", uint8(a))
}

// Dense is a fully connected layer.
//
//	y = act(b + x Wᵀ)      x [rows, In]    W [Out, In]    b [Out]    y [rows, Out]
//
// An input that consists of parts which become known at different times can be given part
// by part: Project with the first columns starts the sum with the bias, Project with later
// columns goes on where the sum stands, Activate ends it. The bits are those of one
// product, since every output is one chain over the columns in order.
type Dense[T Float] struct {
	In, Out int
	Act     Activation
	W       []T // [Out, In]
	B       []T // [Out]

	packing
	products products[T] // by W
}

// NewDense returns a layer with all parameters 0.
func NewDense[T Float](in, out int, act Activation) *Dense[T] {
	checkRange("NewDense", "act", int(act), int(act), len(activationNames)-1)
	return &Dense[T]{In: in, Out: out, Act: act, W: pages.Make[T](out * in), B: make([]T, out)}
}

// NewGrad returns a layer of the same shape, all 0, to hold the gradient of d.
func (d *Dense[T]) NewGrad() *Dense[T] { return NewDense[T](d.In, d.Out, d.Act) }

// Tensors returns the parameters: w [Out, In] and b [Out].
func (d *Dense[T]) Tensors() []Tensor[T] {
	return []Tensor[T]{{"w", []int{d.Out, d.In}, d.W}, {"b", []int{d.Out}, d.B}}
}

// Pack prepares the parameters for Forward, Project and Activate under the instruction set
// in use. Whoever has written to W or B calls it. W is copied later, by the products that gain
// from it.
func (d *Dense[T]) Pack() { d.pack(false) }

// PackForTraining is Pack for the backward pass too.
func (d *Dense[T]) PackForTraining() { d.pack(true) }

func (d *Dense[T]) pack(training bool) {
	d.products.reset()
	d.set(training)
}

// Forward computes y = act(b + x Wᵀ). y must not overlap x.
func (d *Dense[T]) Forward(y, x []T, rows int) {
	d.Project(y, x, rows, 0, d.In)
	d.Activate(y, rows)
}

// Project adds the input columns from..to to the pre-activation y [rows, Out], starting it
// with the bias when from is 0. x is [rows, to-from].
func (d *Dense[T]) Project(y, x []T, rows, from, to int) {
	const fn = "Dense.Project"
	d.check(fn, false)
	checkRange(fn, "from..to", from, to, d.In)
	n := to - from
	checkLen(fn, "y", len(y), rows*d.Out)
	checkLen(fn, "x", len(x), rows*n)
	if from == 0 {
		kernels.SetRows(y, d.B, rows, d.Out, d.Out)
	}
	d.products.project(y, x, d.W, rows, d.Out, d.In, from, to, d.Out, n)
}

// Activate replaces the pre-activation y [rows, Out] by the activation.
func (d *Dense[T]) Activate(y []T, rows int) {
	checkLen("Dense.Activate", "y", len(y), rows*d.Out)
	y = y[:rows*d.Out]
	switch d.Act {
	case ReLU:
		kernels.ReLU(y, y)
	case Tanh:
		kernels.Tanh(y, y)
	case Sigmoid:
		kernels.Sigmoid(y, y)
	case Softplus:
		kernels.Softplus(y, y)
	}
}

// ActivateBackward turns dy, the gradient of the output, into the gradient of the
// pre-activation, in place. y is the output.
func (d *Dense[T]) ActivateBackward(dy, y []T, rows int) {
	const fn = "Dense.ActivateBackward"
	checkLen(fn, "dy", len(dy), rows*d.Out)
	checkLen(fn, "y", len(y), rows*d.Out)
	dy, y = dy[:rows*d.Out], y[:rows*d.Out]
	switch d.Act {
	case ReLU:
		kernels.ReLUBackward(dy, dy, y)
	case Tanh:
		kernels.TanhBackward(dy, dy, y)
	case Sigmoid:
		kernels.SigmoidBackward(dy, dy, y)
	case Softplus:
		kernels.SoftplusBackward(dy, dy, y)
	}
}

// InputGrad computes the gradient of the input columns from..to, given the gradient da
// [rows, Out] of the pre-activation: dx = da W[:, from:to], or dx += if add is set. dx is
// [rows, to-from].
func (d *Dense[T]) InputGrad(dx, da []T, rows, from, to int, add bool) {
	const fn = "Dense.InputGrad"
	d.check(fn, true)
	checkRange(fn, "from..to", from, to, d.In)
	n := to - from
	checkLen(fn, "dx", len(dx), rows*n)
	checkLen(fn, "da", len(da), rows*d.Out)
	d.products.inputGrad(dx, da, d.W, rows, d.Out, d.In, from, to, n, d.Out, add)
}

// ParamGrad adds to grad the gradient of the weights of the input columns from..to and,
// when from is 0, of the bias, for the outputs lo..hi only: goroutines may share the work
// by outputs, which leaves the order of every sum, and so its bits, alone. da is the
// gradient of the pre-activation [rows, Out], x the input [rows, to-from].
func (d *Dense[T]) ParamGrad(grad *Dense[T], da, x []T, rows, from, to, lo, hi int) {
	const fn = "Dense.ParamGrad"
	checkRange(fn, "from..to", from, to, d.In)
	checkRange(fn, "lo..hi", lo, hi, d.Out)
	n := to - from
	checkLen(fn, "da", len(da), rows*d.Out)
	checkLen(fn, "x", len(x), rows*n)
	if lo == hi || rows == 0 {
		return
	}
	tMul(grad.W[lo*d.In+from:], da[lo:], x, hi-lo, n, rows, d.In, d.Out, n)
	if from == 0 {
		kernels.AddColumnSums(grad.B[lo:hi], da[lo:], rows, hi-lo, d.Out)
	}
}

// The three products of a layer. All continue the chains that c holds, or start them at 0.

// mulT computes c += a bᵀ with a [m, k] and b [n, k].
func mulT[T Float](c, a, b []T, m, n, k, ldc, lda, ldb int) {
	if m > 0 && n > 0 && k > 0 {
		blas.Gemm(blas.NoTrans, blas.Trans, m, n, k, 1, a, lda, b, ldb, 1, c, ldc)
	}
}

// mul computes c = a b, or c += a b, with a [m, k] and b [k, n].
func mul[T Float](c, a, b []T, m, n, k, ldc, lda, ldb int, add bool) {
	if m > 0 && n > 0 {
		var beta T
		if add {
			beta = 1
		}
		blas.Gemm(blas.NoTrans, blas.NoTrans, m, n, k, 1, a, lda, b, ldb, beta, c, ldc)
	}
}

// tMul computes c += aᵀ b with a [k, m] and b [k, n].
func tMul[T Float](c, a, b []T, m, n, k, ldc, lda, ldb int) {
	if m > 0 && n > 0 && k > 0 {
		blas.Gemm(blas.Trans, blas.NoTrans, m, n, k, 1, a, lda, b, ldb, 1, c, ldc)
	}
}
