package cell

import (
	"fmt"

	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/internal/par"
)

// MLP is a multilayer perceptron: dense layers on top of each other.
//
//	y_0 = x     y_l = act_l(b_l + y_{l-1} W_lᵀ)     y = y_L
//
// As that of a [Dense] layer, its input may come in parts: Project all of them, then Activate.
// Backward is the same way up: ActivateBackward, then InputGrad and ParamGrad. Forward and
// Backward do all of it.
//
// An MLP is read-only while it is used and may be shared by goroutines; what a batch leaves
// behind lives in [Activations], which belong to one caller.
//
// Source: Rumelhart, Hinton and Williams 1986; a torch.nn.Sequential of Linear layers.
type MLP[T Float] struct {
	Layers []*Dense[T] // from the input up; each has as many inputs as the one below has outputs
}

// NewMLP returns a multilayer perceptron with all parameters 0. sizes are those of the input, of
// every hidden layer and of the output:
//
//	NewMLP[float32](ReLU, Linear, 784, 512, 512, 10)     two hidden layers of 512 units
//
// hidden is the activation of the hidden layers, out that of the last one. It panics if there are
// fewer than two sizes, and as [NewDense] does.
func NewMLP[T Float](hidden, out Activation, sizes ...int) *MLP[T] {
	if len(sizes) < 2 {
		panic(fmt.Sprintf("cell: NewMLP: len(sizes) = %d, want at least 2, those of input and output", len(sizes)))
	}
	m := new(MLP[T])
	for l, in := range sizes[:len(sizes)-1] {
		act := hidden
		if l == len(sizes)-2 {
			act = out
		}
		m.Layers = append(m.Layers, NewDense[T](in, sizes[l+1], act))
	}
	return m
}

// In returns the number of inputs.
func (m *MLP[T]) In() int { return m.Layers[0].In }

// Out returns the number of outputs.
func (m *MLP[T]) Out() int { return m.Layers[len(m.Layers)-1].Out }

// NewGrad returns a multilayer perceptron of the same shape, all 0, to hold the gradient of m.
func (m *MLP[T]) NewGrad() *MLP[T] {
	g := new(MLP[T])
	for _, d := range m.Layers {
		g.Layers = append(g.Layers, d.NewGrad())
	}
	return g
}

// Tensors returns the parameters of all layers: 0.w, 0.b, 1.w and so on. A [Stack] has some of these
// names, too: see [Tensor].
func (m *MLP[T]) Tensors() []Tensor[T] {
	var ts []Tensor[T]
	for l, d := range m.Layers {
		for _, t := range d.Tensors() {
			t.Name = fmt.Sprintf("%d.%s", l, t.Name)
			ts = append(ts, t)
		}
	}
	return ts
}

// Pack is [Dense.Pack] for all layers. It panics if a layer does not fit on the one below.
func (m *MLP[T]) Pack() { m.pack("MLP.Pack", false) }

// PackForTraining is Pack for the backward pass too.
func (m *MLP[T]) PackForTraining() { m.pack("MLP.PackForTraining", true) }

func (m *MLP[T]) pack(fn string, training bool) {
	m.checkLayers(fn)
	for _, d := range m.Layers {
		d.pack(fn, training)
	}
}

// Packed returns the error of the first layer that is not packed, see [Dense.Packed], or nil.
func (m *MLP[T]) Packed(training bool) error {
	for l, d := range m.Layers {
		if err := d.Packed(training); err != nil {
			return fmt.Errorf("%d: %w", l, err)
		}
	}
	return nil
}

// checkLayers panics unless there are layers and each fits on the one below.
func (m *MLP[T]) checkLayers(fn string) {
	if len(m.Layers) == 0 {
		panic("cell: " + fn + ": the MLP has no layers, want one from NewMLP")
	}
	for l, d := range m.Layers {
		if d == nil {
			panic(fmt.Sprintf("cell: %s: Layers[%d] is nil, want a layer", fn, l))
		}
		if l > 0 && d.In != m.Layers[l-1].Out {
			panic(fmt.Sprintf("cell: %s: Layers[%d].In = %d, want Layers[%d].Out = %d", fn, l, d.In, l-1, m.Layers[l-1].Out))
		}
	}
}

// Activations is the workspace of an [MLP] over the rows of a batch: the outputs of every layer
// and, in training, their gradients. It is sized by Begin, allocates only when it has never been
// that large, and belongs to one caller. Its zero value is ready for use.
type Activations[T Float] struct {
	Y  []T // outputs [rows, Out]
	DY []T // after BeginBackward: their gradient, to be filled in before ActivateBackward

	mlp   *MLP[T]
	rows  int
	back  bool
	y, dy [][]T // of every layer; after ActivateBackward dy is that of the pre-activations

	ends      []int // of the parts of the rows whose gradients are added up
	all       [1]int
	overwrite bool // gradients are not added to what is there

	// The arguments of a running Forward or Backward, and its parts as function values
	// made once: a closure per call would be an allocation per call.
	grad                            *MLP[T]
	x, dx                           []T
	parts                           int
	forwardPart, backPart, gradPart func(lo, hi int)
}

// Begin prepares a for so many rows. It panics if rows is negative or larger than [MaxRows].
func (a *Activations[T]) Begin(m *MLP[T], rows int) {
	const fn = "Activations.Begin"
	if m == nil {
		panic("cell: " + fn + ": m is nil, want an MLP")
	}
	m.checkLayers(fn)
	checkSize(fn, "rows", rows, MaxRows)
	a.begin(fn, m, rows)
}

// begin is Begin with what has been checked.
func (a *Activations[T]) begin(fn string, m *MLP[T], rows int) {
	n := len(m.Layers)
	for len(a.y) < n {
		a.y, a.dy = append(a.y, nil), append(a.dy, nil)
	}
	a.mlp, a.rows, a.back, a.DY = m, rows, false, nil
	a.all[0], a.overwrite = rows, false
	a.ends = a.all[:]
	for l, d := range m.Layers {
		checkRoom(fn, rows, d.Out)
		a.y[l] = pages.Grow(a.y[l], rows*d.Out)
	}
	a.Y = a.y[n-1]
}

// BeginBackward makes room for the gradients. It panics unless a has begun.
func (a *Activations[T]) BeginBackward() {
	const fn = "Activations.BeginBackward"
	a.check(fn, a.mlp, false)
	for l, d := range a.mlp.Layers {
		a.dy[l] = pages.Grow(a.dy[l], a.rows*d.Out)
	}
	a.DY, a.back = a.dy[len(a.mlp.Layers)-1], true
}

// Cut has the gradients of the parameters be sums over parts of the rows: each part's is computed by itself, and
// they are added up along the binary tree of [blas.GemmTN]. So they may be the sum of gradients that were
// computed elsewhere, bit for bit. ends are the rows where parts end, in ascending order, the last of them
// being the number of rows; a is not to outlive them. Begin makes the rows one part again. Cut
// panics if a has not begun or these are not such rows.
func (a *Activations[T]) Cut(ends []int) {
	const fn = "Activations.Cut"
	a.check(fn, a.mlp, false)
	last := 0
	for i, end := range ends {
		if end < last || end > a.rows {
			checkRange(fn, fmt.Sprintf("ends[%d]", i), last, end, a.rows)
		}
		last = end
	}
	if len(ends) == 0 || last < a.rows {
		panic(fmt.Sprintf("cell: %s: the last of ends is %d, want the number of rows, %d", fn, last, a.rows))
	}
	a.ends = ends
}

// Overwrite has ParamGrad and Backward set the gradient of the parameters in place of adding to it; what is in
// grad is not read. Begin makes them add again. It panics if a has not begun.
func (a *Activations[T]) Overwrite() {
	a.check("Activations.Overwrite", a.mlp, false)
	a.overwrite = true
}

// check panics unless a is in use by m, in a backward pass if back is set.
func (a *Activations[T]) check(fn string, m *MLP[T], back bool) {
	switch {
	case a == nil:
		panic("cell: " + fn + ": a is nil, want Activations")
	case a.mlp == nil:
		panic("cell: " + fn + ": the activations have not begun: call Activations.Begin or MLP.Forward")
	case a.mlp != m:
		panic("cell: " + fn + ": the activations have begun with another MLP")
	case back && !a.back:
		panic("cell: " + fn + ": the activations do not go backward: call Activations.BeginBackward")
	}
}

// Project adds the input columns from..to to the pre-activations of the first layer in the rows
// lo..hi, starting them with the bias when from is 0. x is [hi-lo, to-from]: its first row belongs
// to row lo. It panics if x is too short, a range is not within rows and input, a has not begun
// with m, or the layer is not packed.
func (m *MLP[T]) Project(a *Activations[T], x []T, lo, hi, from, to int) {
	const fn = "MLP.Project"
	a.check(fn, m, false)
	d := m.Layers[0]
	checkRange(fn, "from..to", from, to, d.In)
	checkRange(fn, "lo..hi", lo, hi, a.rows)
	checkMatrix(fn, "x", len(x), hi-lo, to-from)
	d.Project(a.y[0][lo*d.Out:hi*d.Out], x, hi-lo, from, to)
}

// Activate computes the outputs of the rows lo..hi, of which all input columns are projected. It
// panics if the range is not within the rows, a has not begun with m, or a layer is not packed.
func (m *MLP[T]) Activate(a *Activations[T], lo, hi int) {
	const fn = "MLP.Activate"
	a.check(fn, m, false)
	checkRange(fn, "lo..hi", lo, hi, a.rows)
	for l, d := range m.Layers {
		y := a.y[l][lo*d.Out : hi*d.Out]
		if l > 0 {
			d.Project(y, a.y[l-1][lo*d.In:hi*d.In], hi-lo, 0, d.In)
		}
		d.Activate(y, hi-lo)
	}
}

// ActivateBackward turns the gradient of the outputs of the rows lo..hi, in a.DY, into that of all
// pre-activations; a.DY is overwritten. It panics if the range is not within the rows, a does not
// go backward with m, or a layer is not packed for training.
func (m *MLP[T]) ActivateBackward(a *Activations[T], lo, hi int) {
	const fn = "MLP.ActivateBackward"
	a.check(fn, m, true)
	checkRange(fn, "lo..hi", lo, hi, a.rows)
	for l := len(m.Layers) - 1; l >= 0; l-- {
		d := m.Layers[l]
		dy := a.dy[l][lo*d.Out : hi*d.Out]
		d.ActivateBackward(dy, a.y[l][lo*d.Out:hi*d.Out], hi-lo)
		if l > 0 {
			d.InputGrad(a.dy[l-1][lo*d.In:hi*d.In], dy, hi-lo, 0, d.In, false)
		}
	}
}

// InputGrad computes the gradient of the input columns from..to for the rows lo..hi after their
// ActivateBackward, or adds it to dx if add is set. dx is [hi-lo, to-from]. It panics if dx is too
// short, a range is not within rows and input, a does not go backward with m, or the layer is not
// packed for training.
func (m *MLP[T]) InputGrad(a *Activations[T], dx []T, lo, hi, from, to int, add bool) {
	const fn = "MLP.InputGrad"
	a.check(fn, m, true)
	d := m.Layers[0]
	checkRange(fn, "from..to", from, to, d.In)
	checkRange(fn, "lo..hi", lo, hi, a.rows)
	checkMatrix(fn, "dx", len(dx), hi-lo, to-from)
	d.InputGrad(dx, a.dy[0][lo*d.Out:hi*d.Out], hi-lo, from, to, add)
}

// ParamGrad adds part i of parts of the gradient of all parameters to grad, once all rows have
// gone through ActivateBackward; see [Activations.Overwrite] and [Activations.Cut]. x are the parts of the input of all rows, in column order. The
// outputs of every layer are split: goroutines may share the work by parts, which leaves the order
// of every sum, and so its bits, alone. It panics if the columns of x are not those of the input,
// there is no such part, grad is not of the shape of m, or a does not go backward with m.
func (m *MLP[T]) ParamGrad(grad *MLP[T], a *Activations[T], i, parts int, x ...[]T) {
	const fn = "MLP.ParamGrad"
	a.check(fn, m, true)
	m.checkGrad(fn, grad)
	checkParts(fn, i, parts)
	checkColumns(fn, x, a.rows, m.In())
	for l, d := range m.Layers {
		lo, hi := portion(d.Out, i, parts)
		grad.Layers[l].checkTensors(fn, "grad.")
		in := x
		if l > 0 {
			in = a.y[l-1 : l]
		}
		d.paramGrad(grad.Layers[l], a.dy[l], in, a.ends, !a.overwrite, lo, hi)
	}
}

// checkGrad panics unless grad is of the shape of m.
func (m *MLP[T]) checkGrad(fn string, grad *MLP[T]) {
	if grad == m {
		panic("cell: " + fn + ": grad is the MLP itself, want one from NewGrad")
	}
	same := grad != nil && len(grad.Layers) == len(m.Layers)
	for l := 0; same && l < len(m.Layers); l++ {
		same = grad.Layers[l].In == m.Layers[l].In && grad.Layers[l].Out == m.Layers[l].Out
	}
	if !same {
		panic("cell: " + fn + ": grad is not of the shape of the MLP, want one from NewGrad")
	}
}

// Forward computes the outputs a.Y of all rows of x [rows, In], on the given number of goroutines;
// the bits do not depend on it. One goroutine is the caller's own, and then nothing is allocated in
// the steady state. It panics if x has not as many elements, rows or threads is negative or too large, or a
// layer is not packed.
func (m *MLP[T]) Forward(a *Activations[T], x []T, rows, threads int) {
	const fn = "MLP.Forward"
	if a == nil {
		panic("cell: " + fn + ": a is nil, want Activations")
	}
	m.checkLayers(fn)
	m.checkPacked(fn, false)
	checkSize(fn, "rows", rows, MaxRows)
	checkSize(fn, "threads", threads, MaxThreads)
	checkExact(fn, "x", len(x), rows, m.In())
	a.begin(fn, m, rows)
	a.run(threads, x, nil, nil)
}

// Backward adds the gradient of the parameters to grad and writes that of the input to g.DX [rows,
// In], where these are not nil; g.DY [rows, Out], nil for zero, is the gradient of the outputs and
// g has nothing else. x is the input of the Forward before it. It panics if a slice is too short,
// threads is negative or too large, grad is not of the shape of m, a has not begun with m, or a
// layer is not packed for training.
func (m *MLP[T]) Backward(a *Activations[T], grad *MLP[T], g Grads[T], x []T, threads int) {
	const fn = "MLP.Backward"
	a.check(fn, m, false)
	m.checkPacked(fn, true)
	checkSize(fn, "threads", threads, MaxThreads)
	checkMatrix(fn, "x", len(x), a.rows, m.In())
	if g.DY != nil {
		checkMatrix(fn, "g.DY", len(g.DY), a.rows, m.Out())
	}
	if g.DX != nil {
		checkMatrix(fn, "g.DX", len(g.DX), a.rows, m.In())
	}
	if g.DH0 != nil || g.DC0 != nil || g.DHn != nil || g.DCn != nil {
		panic("cell: " + fn + ": g has gradients of states, want DY and DX only")
	}
	if grad != nil {
		m.checkGrad(fn, grad)
	}
	a.BeginBackward()
	if g.DY == nil {
		clear(a.DY)
	} else {
		copy(a.DY, g.DY)
	}
	a.run(threads, x, g.DX, grad)
}

// run is Forward, or Backward if that has begun, with what has been checked.
func (a *Activations[T]) run(threads int, x, dx []T, grad *MLP[T]) {
	if a.forwardPart == nil {
		a.forwardPart, a.backPart, a.gradPart = a.forwardRows, a.backwardRows, a.paramGrad
	}
	a.x, a.dx, a.grad, a.parts = x[:a.rows*a.mlp.In()], dx, grad, max(threads, 1)
	if !a.back {
		par.Do(threads, a.rows, a.forwardPart)
	} else {
		par.Do(threads, a.rows, a.backPart)
	}
	if grad != nil {
		par.Do(threads, a.parts, a.gradPart)
	}
	a.x, a.dx, a.grad = nil, nil, nil
}

func (a *Activations[T]) forwardRows(lo, hi int) {
	in := a.mlp.In()
	a.mlp.Project(a, a.x[lo*in:hi*in], lo, hi, 0, in)
	a.mlp.Activate(a, lo, hi)
}

func (a *Activations[T]) backwardRows(lo, hi int) {
	in := a.mlp.In()
	a.mlp.ActivateBackward(a, lo, hi)
	if a.dx != nil {
		a.mlp.InputGrad(a, a.dx[lo*in:hi*in], lo, hi, 0, in, false)
	}
}

func (a *Activations[T]) paramGrad(lo, hi int) {
	for i := lo; i < hi; i++ {
		a.mlp.ParamGrad(a.grad, a, i, a.parts, a.x)
	}
}

// checkPacked panics with the error of Packed.
func (m *MLP[T]) checkPacked(fn string, training bool) {
	if err := m.Packed(training); err != nil {
		panic("cell: " + fn + ": " + err.Error())
	}
}

// portion returns part i of parts of n outputs.
func portion(n, i, parts int) (lo, hi int) { return n * i / parts, n * (i + 1) / parts }
