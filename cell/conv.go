package cell

import (
	"fmt"

	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/internal/size"
	"github.com/elbow-go/elbow/kernels"
)

// Window is how the kernel of a [Conv1d] moves over the steps of a sequence.
type Window struct {
	Kernel  int // steps that an output is made of, at least 1
	Stride  int // steps from one output to the next, at least 1
	Padding int // steps of zeros in front of a sequence, and as many behind it
}

// Outputs returns how many outputs a sequence of so many steps has:
//
//	⌊(steps + 2 Padding - Kernel) / Stride⌋ + 1      or 0 if they are fewer than the kernel
//
// It panics if steps is negative or there is no such window.
func (w Window) Outputs(steps int) int {
	const fn = "Window.Outputs"
	w.check(fn)
	checkSize(fn, "steps", steps, MaxSteps)
	return w.outputs(steps)
}

// check panics unless w is the window of a layer.
func (w Window) check(fn string) {
	for _, s := range []struct {
		name       string
		got, least int
	}{{"Kernel", w.Kernel, 1}, {"Stride", w.Stride, 1}, {"Padding", w.Padding, 0}} {
		if s.got < s.least || s.got > MaxSize {
			panic(fmt.Sprintf("cell: %s: %s = %d, want %d..%d", fn, s.name, s.got, s.least, MaxSize))
		}
	}
}

func (w Window) outputs(steps int) int {
	if last := steps + 2*w.Padding - w.Kernel; last >= 0 {
		return last/w.Stride + 1
	}
	return 0
}

// taps returns the part of the kernel that lies over the steps of a sequence, and not over the padding, at
// output t. It may be empty.
func (w Window) taps(t, steps int) (from, to int) {
	first := t*w.Stride - w.Padding
	from = min(max(0, -first), w.Kernel)
	return from, max(from, min(w.Kernel, steps-first))
}

// covered returns the outputs for which tap k of the kernel lies over the steps.
func (w Window) covered(k, steps int) (lo, hi int) {
	if ahead := w.Padding - k; ahead > 0 {
		lo = (ahead + w.Stride - 1) / w.Stride
	}
	if last := steps - 1 + w.Padding - k; last >= 0 {
		hi = min(last/w.Stride+1, w.outputs(steps))
	}
	return lo, max(lo, hi)
}

// Conv1d is a convolution over the steps of sequences of one length, channels last.
//
//	y[n, t] = act(b + Σ_k W[:, k] x[n, t Stride + k - Padding])      k = 0 ... Kernel-1
//
//	x [batch, steps, In]    W [Out, Kernel, In]    b [Out]    y [batch, Outputs(steps), Out]
//
// x is 0 outside of the sequence. (As in every library of networks, the kernel is not turned over: it is a
// correlation.) Every output is one chain: the bias, then the taps k in order, and of each the
// channels in order. So the bits depend neither on the batch nor on the length of the sequence.
//
// Streams: with Padding 0 an output is known as soon as its last step is. Of steps that come in parts, keep
// those from step Stride*outputs on, the first Kernel-Stride or more that the next output sees, and put the
// next part behind them; the outputs are those of the whole sequence. A causal convolution starts with
// Kernel-1 steps of zeros.
//
// No columns are copied: the rows of a product are windows, which overlap where they lie (see
// [blas.GemmPacked]), or all that one tap sees.
//
// Source: Waibel et al. 1989; layout and sizes as torch.nn.Conv1d, but for the order of the axes.
type Conv1d[T Float] struct {
	In, Out int
	Window
	Act Activation
	W   []T // [Out, Kernel, In]
	B   []T // [Out]

	packing  packing[T]
	products products[T] // by W as a matrix [Out, Kernel*In]
}

// NewConv1d returns a layer with all parameters 0. It panics if a size is negative or larger than [MaxSize],
// kernel or stride are 0, W would have more than [MaxWeights] elements, or act is none of the activations.
func NewConv1d[T Float](in, out int, w Window, act Activation) *Conv1d[T] {
	c := &Conv1d[T]{In: in, Out: out, Window: w, Act: act}
	c.checkSizes("NewConv1d")
	c.W, c.B = pages.Make[T](out*w.Kernel*in), make([]T, out)
	return c
}

// NewGrad returns a layer of the same shape, all 0, to hold the gradient of c.
func (c *Conv1d[T]) NewGrad() *Conv1d[T] { return NewConv1d[T](c.In, c.Out, c.Window, c.Act) }

// Tensors returns the parameters: w [Out, Kernel, In] and b [Out].
func (c *Conv1d[T]) Tensors() []Tensor[T] {
	return []Tensor[T]{{"w", []int{c.Out, c.Kernel, c.In}, c.W}, {"b", []int{c.Out}, c.B}}
}

// Init draws the parameters as PyTorch does: W and B uniform within ±1/√(In Kernel), from the noise at step 0
// and 1; see [Recurrent.Init] on noises. The layer has to be packed afterwards. It panics if the parameters do
// not have the sizes of the layer.
func (c *Conv1d[T]) Init(noise kernels.Noise) {
	c.checkTensors("Conv1d.Init", "")
	for k, t := range c.Tensors() {
		initTensor(t, c.columns(), noise, uint32(k))
	}
}

// columns is how many inputs an output has.
func (c *Conv1d[T]) columns() int { return c.Kernel * c.In }

func (c *Conv1d[T]) sizes() layerSizes {
	return layerSizes{dense: true, kind: int(c.Act), in: c.In, out: c.Out, window: c.Window}
}

// checkSizes panics unless there can be a layer of the sizes of c.
func (c *Conv1d[T]) checkSizes(fn string) {
	checkSize(fn, "Act", int(c.Act), len(activationNames)-1)
	checkSize(fn, "In", c.In, MaxSize)
	checkSize(fn, "Out", c.Out, MaxSize)
	c.Window.check(fn)
	checkWeights(fn, "W", c.Out, size.Mul(c.Kernel, c.In))
}

// checkTensors panics unless c could have been made by NewConv1d. layer goes before the names of its parameters.
func (c *Conv1d[T]) checkTensors(fn, layer string) {
	c.checkSizes(fn)
	checkTensor(fn, layer, "W", len(c.W), c.Out, c.columns())
	checkTensor(fn, layer, "B", len(c.B), c.Out, 1)
}

// Pack is [Dense.Pack].
func (c *Conv1d[T]) Pack() { c.pack("Conv1d.Pack", false) }

// PackForTraining is Pack for the backward pass too.
func (c *Conv1d[T]) PackForTraining() { c.pack("Conv1d.PackForTraining", true) }

func (c *Conv1d[T]) pack(fn string, training bool) {
	c.checkTensors(fn, "")
	c.products.reset()
	c.packing.set(training, c.sizes(), c.W, c.B)
}

// Packed is [Dense.Packed].
func (c *Conv1d[T]) Packed(training bool) error {
	if err := c.packing.err(training, c.sizes()); err != nil {
		return err
	}
	if i := c.packing.written(markLen, c.W, c.B); i >= 0 {
		return errWritten(c.Tensors()[i].Name)
	}
	return nil
}

// check panics unless c is packed. It looks at few elements of the parameters.
func (c *Conv1d[T]) check(fn string, training bool) {
	p := &c.packing
	if p.fits(training, c.sizes()) && p.marks[0].same(c.W, markFew) && p.marks[1].same(c.B, markFew) {
		return
	}
	if err := c.Packed(training); err != nil {
		panic("cell: " + fn + ": " + err.Error())
	}
}

// checkRows panics unless there can be so many sequences and steps, and returns the rows of input and output.
func (c *Conv1d[T]) checkRows(fn string, batch, steps int) (in, out int) {
	checkSize(fn, "batch", batch, MaxRows)
	checkSize(fn, "steps", steps, MaxSteps)
	in, out = size.Mul(batch, steps), size.Mul(batch, c.outputs(steps))
	if max(in, out) > MaxRows {
		panic(fmt.Sprintf("cell: %s: %d sequences of %d steps, want at most %d in all, and as many outputs", fn, batch, steps, MaxRows))
	}
	return in, out
}

// Forward computes y of so many sequences, each of so many steps. y must not overlap x. It panics if a slice is
// too short, batch or steps is negative, or the layer is not packed. It starts no goroutine: several may share a
// batch.
func (c *Conv1d[T]) Forward(y, x []T, batch, steps int) {
	const fn = "Conv1d.Forward"
	c.check(fn, false)
	in, out := c.checkRows(fn, batch, steps)
	checkMatrix(fn, "y", len(y), out, c.Out)
	checkMatrix(fn, "x", len(x), in, c.In)
	kernels.SetRows(y, c.B, out, c.Out, c.Out)
	if c.In > 0 && c.Out > 0 {
		c.pieces(batch, steps, func(p convPiece) {
			c.products.project(y[p.y*c.Out:], x[p.x*c.In:], c.W, nil, p.rows, 0, c.Out, c.Out, c.columns(), p.from*c.In, p.to*c.In, p.ldy*c.Out, p.ldx*c.In)
		})
	}
	activate(c.Act, y[:out*c.Out])
}

// ActivateBackward turns dy, the gradient of the output y, into the gradient of the pre-activation, in place. It
// panics if a slice is too short, or batch or steps is negative.
func (c *Conv1d[T]) ActivateBackward(dy, y []T, batch, steps int) {
	const fn = "Conv1d.ActivateBackward"
	_, out := c.checkRows(fn, batch, steps)
	checkMatrix(fn, "dy", len(dy), out, c.Out)
	checkMatrix(fn, "y", len(y), out, c.Out)
	activateBackward(c.Act, dy[:out*c.Out], y[:out*c.Out])
}

// InputGrad computes the gradient of the input, given that of the pre-activation, da [batch, Outputs(steps), Out]:
//
//	dx[n, s] = Σ_t W[:, k]ᵀ da[n, t]      over all t with s = t Stride + k - Padding, in order
//
// or adds it to dx [batch, steps, In] if add is set. It panics as Forward does, and if the layer is not packed for training.
func (c *Conv1d[T]) InputGrad(dx, da []T, batch, steps int, add bool) {
	const fn = "Conv1d.InputGrad"
	c.check(fn, true)
	in, out := c.checkRows(fn, batch, steps)
	checkMatrix(fn, "dx", len(dx), in, c.In)
	checkMatrix(fn, "da", len(da), out, c.Out)
	if !add {
		clear(dx[:in*c.In])
	}
	if c.In == 0 || c.Out == 0 {
		return
	}
	visit := func(p convPiece) {
		c.products.inputGrad(dx[p.x*c.In:], da[p.y*c.Out:], c.W, p.rows, c.Out, c.columns(), p.from*c.In, p.to*c.In, p.ldx*c.In, p.ldy*c.Out, true)
	}
	// Windows that overlap cannot be rows of a result.
	if batch >= c.outputs(steps) || c.In < tapChannels {
		c.byOutput(batch, steps, visit)
		return
	}
	for n := range batch {
		for k := c.Kernel - 1; k >= 0; k-- { // so that t rises
			c.byTap(n, k, k+1, steps, visit)
		}
	}
}

// ParamGrad adds to grad the gradient of the parameters for the outputs lo..hi only: goroutines may share the work
// by outputs, which leaves the order of every sum alone. That order is the one of the sequences, then of t, so
// parts of a batch may also be added one after the other. da is the gradient of the pre-activation, x the
// input. It panics if a slice is too short, lo..hi is not within the layer, or grad is not of its shape.
func (c *Conv1d[T]) ParamGrad(grad *Conv1d[T], da, x []T, batch, steps, lo, hi int) {
	const fn = "Conv1d.ParamGrad"
	if grad == c {
		panic("cell: " + fn + ": grad is the layer itself, want one from NewGrad")
	}
	if grad == nil || grad.sizes() != c.sizes() {
		panic("cell: " + fn + ": grad is not of the shape of the layer, want one from NewGrad")
	}
	grad.checkTensors(fn, "grad.")
	in, out := c.checkRows(fn, batch, steps)
	checkRange(fn, "lo..hi", lo, hi, c.Out)
	checkMatrix(fn, "da", len(da), out, c.Out)
	checkMatrix(fn, "x", len(x), in, c.In)
	if lo == hi || out == 0 {
		return
	}
	if c.In > 0 {
		for n := range batch {
			for k := range c.Kernel {
				c.byTap(n, k, k+1, steps, func(p convPiece) {
					tMul(grad.W[lo*c.columns()+k*c.In:], da[p.y*c.Out+lo:], x[p.x*c.In:], hi-lo, c.In, p.rows, c.columns(), c.Out, p.ldx*c.In)
				})
			}
		}
	}
	kernels.AddColumnSums(grad.B[lo:hi], da[lo:], out, hi-lo, c.Out)
}

// A convPiece is one of the products that a convolution is made of: some outputs, and the taps of the kernel that
// they share. Those of one output follow each other in the order of the taps.
type convPiece struct {
	y, x     int // first row of the outputs, first row of the input that they see
	ldy, ldx int // from one row of the product to the next, in rows of outputs and input
	rows     int
	from, to int // taps
}

// tapChannels is the number of channels from which a tap is a product of its own where there is padding. Its
// sums are then long enough, and W is read once for all outputs and not again for those at the edges.
const tapChannels = 32

// pieces calls visit for the products of a forward pass. The rows of a product are what there are more of,
// sequences or outputs of one.
func (c *Conv1d[T]) pieces(batch, steps int, visit func(p convPiece)) {
	outs := c.outputs(steps)
	switch {
	case batch >= outs:
		c.byOutput(batch, steps, visit)
	case c.Padding > 0 && c.In >= tapChannels:
		for n := range batch {
			for k, next := 0, 0; k < c.Kernel; k = next {
				next = c.alike(k, steps)
				c.byTap(n, k, next, steps, visit)
			}
		}
	default:
		first, _ := c.covered(0, steps)
		_, behind := c.covered(c.Kernel-1, steps)
		for n := range batch {
			for t, rows := 0, 0; t < outs; t += rows {
				if rows = 1; t >= first && t < behind {
					rows = behind - t // all of the kernel lies over the steps
				}
				from, to := c.taps(t, steps)
				if from < to {
					visit(convPiece{n*outs + t, n*steps + t*c.Stride - c.Padding + from, 1, c.Stride, rows, from, to})
				}
			}
		}
	}
}

// byOutput calls visit for products whose rows are the sequences of a batch.
func (c *Conv1d[T]) byOutput(batch, steps int, visit func(p convPiece)) {
	outs := c.outputs(steps)
	for t := range outs {
		if from, to := c.taps(t, steps); from < to && batch > 0 {
			visit(convPiece{t, t*c.Stride - c.Padding + from, outs, steps, batch, from, to})
		}
	}
}

// alike returns the tap behind those from k on that lie over the steps at the same outputs.
func (c *Conv1d[T]) alike(k, steps int) int {
	lo, hi := c.covered(k, steps)
	for k++; k < c.Kernel; k++ {
		if l, h := c.covered(k, steps); l != lo || h != hi {
			break
		}
	}
	return k
}

// byTap calls visit for the product of taps from..to, which are alike, with sequence n, if there is one.
func (c *Conv1d[T]) byTap(n, from, to, steps int, visit func(p convPiece)) {
	if lo, hi := c.covered(from, steps); lo < hi {
		visit(convPiece{n*c.outputs(steps) + lo, n*steps + lo*c.Stride - c.Padding + from, 1, c.Stride, hi - lo, from, to})
	}
}
