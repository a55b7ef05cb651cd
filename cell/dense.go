package cell

import (
	"fmt"
	"math/bits"

	"github.com/elbow-go/elbow/blas"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/internal/tile"
	"github.com/elbow-go/elbow/kernels"
)

// Activation is the nonlinearity of a [Dense] or [Conv1d] layer.
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

	packing  packing[T]
	products products[T] // by W
	folded   []T         // with a mean in it, in place of B: see MLP.PackInt8Less
}

// NewDense returns a layer with all parameters 0. It panics if a size is negative or larger than
// [MaxSize], W would have more than [MaxWeights] elements, or act is none of the activations.
func NewDense[T Float](in, out int, act Activation) *Dense[T] {
	const fn = "NewDense"
	checkSize(fn, "act", int(act), len(activationNames)-1)
	checkSize(fn, "in", in, MaxSize)
	checkSize(fn, "out", out, MaxSize)
	checkWeights(fn, "W", out, in)
	return &Dense[T]{In: in, Out: out, Act: act, W: pages.Make[T](out * in), B: make([]T, out)}
}

// NewGrad returns a layer of the same shape, all 0, to hold the gradient of d.
func (d *Dense[T]) NewGrad() *Dense[T] { return NewDense[T](d.In, d.Out, d.Act) }

// Tensors returns the parameters: w [Out, In] and b [Out].
func (d *Dense[T]) Tensors() []Tensor[T] {
	return []Tensor[T]{{"w", []int{d.Out, d.In}, d.W}, {"b", []int{d.Out}, d.B}}
}

// Pack prepares the parameters for Forward, Project and Activate under the instruction set
// in use. Whoever has written to W or B calls it: Project and InputGrad look at some elements
// of both and panic if they have changed since. W is copied later, by the products that gain
// from it. Pack panics if W and B do not have the sizes of the layer.
func (d *Dense[T]) Pack() { d.pack("Dense.Pack", false) }

// PackForTraining is Pack for the backward pass too.
func (d *Dense[T]) PackForTraining() { d.pack("Dense.PackForTraining", true) }

func (d *Dense[T]) pack(fn string, training bool) {
	d.checkTensors(fn, "")
	d.products.reset()
	d.folded = nil
	d.packing.set(training, d.sizes(), d.W, d.B)
}

func (d *Dense[T]) sizes() layerSizes {
	return layerSizes{dense: true, kind: int(d.Act), in: d.In, out: d.Out}
}

// checkTensors panics unless d could have been made by NewDense. layer goes before the names
// of its parameters.
func (d *Dense[T]) checkTensors(fn, layer string) {
	checkSize(fn, "Act", int(d.Act), len(activationNames)-1)
	checkSize(fn, "In", d.In, MaxSize)
	checkSize(fn, "Out", d.Out, MaxSize)
	checkTensor(fn, layer, "W", len(d.W), d.Out, d.In)
	checkTensor(fn, layer, "B", len(d.B), d.Out, 1)
}

// Packed returns nil if the layer is packed, for the backward pass too if training is set, and
// neither the instruction set nor, as far as a few dozen elements of each tensor tell, the
// parameters have changed since. Otherwise the error says what to do.
func (d *Dense[T]) Packed(training bool) error {
	if err := d.packing.err(training, d.sizes()); err != nil {
		return err
	}
	if i := d.packing.written(markLen, d.W, d.B); i >= 0 {
		return errWritten(d.Tensors()[i].Name)
	}
	return nil
}

// manyRows is how many rows of a product take so long that comparing a whole mark does not count.
const manyRows = 128

// check panics unless d is packed. A product that begins, with column 0, looks at the parameters
// as well, at few elements if it has few rows.
func (d *Dense[T]) check(fn string, training bool, rows, from int) {
	p := &d.packing
	if p.fits(training, d.sizes()) && (from > 0 || rows < manyRows && p.marks[0].same(d.W, markFew) && p.marks[1].same(d.B, markFew)) {
		return
	}
	if err := d.Packed(training); err != nil {
		panic("cell: " + fn + ": " + err.Error())
	}
}

// Forward computes y = act(b + x Wᵀ). y must not overlap x.
func (d *Dense[T]) Forward(y, x []T, rows int) {
	d.Project(y, x, rows, 0, d.In)
	d.Activate(y, rows)
}

// Project adds the input columns from..to to the pre-activation y [rows, Out], starting it
// with the bias when from is 0. x is [rows, to-from]. It panics if a slice is too short, rows is
// negative, from..to is not within the input, or the layer is not packed.
func (d *Dense[T]) Project(y, x []T, rows, from, to int) {
	const fn = "Dense.Project"
	d.check(fn, false, rows, from)
	checkSize(fn, "rows", rows, MaxRows)
	checkRange(fn, "from..to", from, to, d.In)
	n := to - from
	checkMatrix(fn, "y", len(y), rows, d.Out)
	checkMatrix(fn, "x", len(x), rows, n)
	var bias []T
	switch {
	case from > 0:
	case d.folded != nil:
		bias = d.folded
	default:
		bias = d.B
	}
	d.products.project(y, x, d.W, bias, rows, 0, d.Out, d.Out, d.In, from, to, d.Out, n)
}

// Activate replaces the pre-activation y [rows, Out] by the activation. It panics if y is too
// short or rows negative.
func (d *Dense[T]) Activate(y []T, rows int) {
	const fn = "Dense.Activate"
	checkSize(fn, "rows", rows, MaxRows)
	checkMatrix(fn, "y", len(y), rows, d.Out)
	activate(d.Act, y[:rows*d.Out])
}

// activate replaces y by the activation.
func activate[T Float](act Activation, y []T) {
	switch act {
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
// pre-activation, in place. y is the output. It panics if a slice is too short or rows negative.
func (d *Dense[T]) ActivateBackward(dy, y []T, rows int) {
	const fn = "Dense.ActivateBackward"
	checkSize(fn, "rows", rows, MaxRows)
	checkMatrix(fn, "dy", len(dy), rows, d.Out)
	checkMatrix(fn, "y", len(y), rows, d.Out)
	activateBackward(d.Act, dy[:rows*d.Out], y[:rows*d.Out])
}

// activateBackward turns dy into the gradient before the activation.
func activateBackward[T Float](act Activation, dy, y []T) {
	switch act {
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
// [rows, to-from]. It panics as Project does, and if the layer is not packed for training.
func (d *Dense[T]) InputGrad(dx, da []T, rows, from, to int, add bool) {
	const fn = "Dense.InputGrad"
	d.check(fn, true, rows, from)
	checkSize(fn, "rows", rows, MaxRows)
	checkRange(fn, "from..to", from, to, d.In)
	n := to - from
	checkMatrix(fn, "dx", len(dx), rows, n)
	checkMatrix(fn, "da", len(da), rows, d.Out)
	d.products.inputGrad(dx, da, d.W, rows, d.Out, d.In, from, to, n, d.Out, add)
}

// ParamGrad adds to grad the gradient of the weights of the input columns from..to and,
// when from is 0, of the bias, for the outputs lo..hi only: goroutines may share the work
// by outputs, which leaves the order of every sum, and so its bits, alone. da is the
// gradient of the pre-activation [rows, Out], x the input [rows, to-from]. It panics if a slice
// is too short, a range is not within the layer, or grad is not of its shape.
func (d *Dense[T]) ParamGrad(grad *Dense[T], da, x []T, rows, from, to, lo, hi int) {
	const fn = "Dense.ParamGrad"
	if grad == d {
		panic("cell: " + fn + ": grad is the layer itself, want one from NewGrad")
	}
	if grad == nil || grad.In != d.In || grad.Out != d.Out {
		panic("cell: " + fn + ": grad is not of the shape of the layer, want one from NewGrad")
	}
	grad.checkTensors(fn, "grad.")
	checkSize(fn, "rows", rows, MaxRows)
	checkRange(fn, "from..to", from, to, d.In)
	checkRange(fn, "lo..hi", lo, hi, d.Out)
	n := to - from
	checkMatrix(fn, "da", len(da), rows, d.Out)
	checkMatrix(fn, "x", len(x), rows, n)
	if lo == hi || rows == 0 {
		return
	}
	tMul(grad.W[lo*d.In+from:], da[lo:], x, hi-lo, n, rows, d.In, d.Out, n)
	if from == 0 {
		kernels.AddColumnSums(grad.B[lo:hi], da[lo:], rows, hi-lo, d.Out)
	}
}

// paramGrad computes the gradient of all parameters for the outputs lo..hi, or adds it to grad if add is set.
// x are the parts of the input, for all of which da is read at once, and ends those of the parts of the rows.
func (d *Dense[T]) paramGrad(grad *Dense[T], da []T, x [][]T, ends []int, add bool, lo, hi int) {
	rows := ends[len(ends)-1]
	if lo == hi || rows == 0 && add {
		return
	}
	if rows == 0 {
		clear(grad.W[lo*d.In : hi*d.In])
		clear(grad.B[lo:hi])
		return
	}
	sides, from := make([]blas.Side[T], 0, 4), 0 // more would be an allocation
	for _, x := range x {
		if n := min(len(x)/rows, d.In-from); n > 0 {
			sides = append(sides, blas.Side[T]{N: n, B: x, Ldb: n, C: grad.W[lo*d.In+from:], Ldc: d.In})
			from += n
		}
	}
	var beta T
	if add {
		beta = 1
	} else {
		clear(grad.B[lo:hi])
	}
	blas.GemmTN(hi-lo, ends, da[lo:], d.Out, beta, sides)
	columnSums(grad.B[lo:hi], da[lo:], ends, d.Out)
}

// columnSums adds the sums of the columns of x to dst. ends are those of parts of its rows, whose sums are
// added up as those of GemmTN are.
func columnSums[T Float](dst, x []T, ends []int, ldx int) {
	if len(ends) == 1 {
		kernels.AddColumnSums(dst, x, ends[0], len(dst), ldx)
		return
	}
	var room [4096]T
	most := len(room) / bits.Len(uint(len(ends))) // columns at a time
	for j := 0; j < len(dst); j += most {
		n := min(most, len(dst)-j)
		sum := func(i int) []T { return room[i*most:][:n] } // of those that wait
		copy(sum(0), dst[j:])
		from, waiting := 0, 0
		for i, end := range ends {
			if i > 0 {
				clear(sum(waiting))
			}
			if end > from {
				kernels.AddColumnSums(sum(waiting), x[from*ldx+j:], end-from, n, ldx)
			}
			for range tile.Joins(i, len(ends)) {
				waiting--
				kernels.Axpy(sum(waiting), sum(waiting+1), 1)
			}
			from = end
			waiting++
		}
		copy(dst[j:], sum(0))
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
