package model

import (
	"fmt"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/pages"
)

// What models need of [cell.MLP] and [cell.Stack] beyond what these do.

// newNet returns depth hidden layers of the given width and, unless out is 0, a linear head.
func newNet[T cell.Float](act cell.Activation, in, width, depth, out int) *cell.MLP[T] {
	sizes, head := []int{in}, act
	for range depth {
		sizes = append(sizes, width)
	}
	if out > 0 {
		sizes, head = append(sizes, out), cell.Linear
	}
	return cell.NewMLP[T](act, head, sizes...)
}

// newStack returns the recurrent layers that c asks for, with in inputs.
func newStack[T cell.Float](c Config, in int) *cell.Stack[T] {
	return cell.NewStack[T](cell.StackConfig{Kind: c.kind(), In: in, Hidden: c.Hidden, Layers: c.Layers, Dropout: c.Dropout})
}

// last returns the layer with the outputs of a net.
func last[T cell.Float](n *cell.MLP[T]) *cell.Dense[T] { return n.Layers[len(n.Layers)-1] }

// netGrad returns a net for the gradient of n, which some models do not have.
func netGrad[T cell.Float](n *cell.MLP[T]) *cell.MLP[T] {
	if n == nil {
		return nil
	}
	return n.NewGrad()
}

// netTensors appends the parameters of n, if it is there, to ts.
func netTensors[T cell.Float](ts []cell.Tensor[T], n *cell.MLP[T], prefix string) []cell.Tensor[T] {
	if n == nil {
		return ts
	}
	return appendTensors(ts, n.Tensors(), prefix)
}

// appendTensors appends more to ts, with prefix and a point before their names.
func appendTensors[T cell.Float](ts, more []cell.Tensor[T], prefix string) []cell.Tensor[T] {
	for _, t := range more {
		t.Name = prefix + "." + t.Name
		ts = append(ts, t)
	}
	return ts
}

// packNets packs the nets that are there.
func packNets[T cell.Float](training bool, nets ...*cell.MLP[T]) {
	for _, n := range nets {
		switch {
		case n == nil:
		case training:
			n.PackForTraining()
		default:
			n.Pack()
		}
	}
}

// packStack packs the layers of a stack.
func packStack[T cell.Float](st *cell.Stack[T], training bool) {
	if training {
		st.PackForTraining()
	} else {
		st.Pack()
	}
}

// netLandmarks appends the shapes of the matrices of a net, as newNet makes it; see
// [Config.landmarks].
func (c Config) netLandmarks(ls []landmark, prefix string, in, width, out int) []landmark {
	for i := range c.layers() {
		ls = append(ls, landmark{fmt.Sprintf("%s.%d.w", prefix, i), []int{width, in}})
		in = width
	}
	if out > 0 {
		ls = append(ls, landmark{fmt.Sprintf("%s.%d.w", prefix, c.layers()), []int{out, in}})
	}
	return ls
}

// stackLandmarks appends the shapes of the matrices of a stack; see [Config.landmarks].
func (c Config) stackLandmarks(ls []landmark, prefix string, in int) []landmark {
	rows := c.kind().Gates() * c.Hidden
	for l := range c.Layers {
		name := prefix + "."
		if l > 0 {
			name = fmt.Sprintf("%s.%d.", prefix, l)
		}
		ls = append(ls, landmark{name + "whh", []int{rows, c.Hidden}}, landmark{name + "wih", []int{rows, in}})
		in = c.Hidden
	}
	return ls
}

// beginNet prepares the workspace of a net, if it is there, for so many rows, and beginBackward for
// the gradients.
func beginNet[T cell.Float](n *cell.MLP[T], a *cell.Activations[T], rows int) {
	if n != nil {
		a.Begin(n, rows)
	}
}

func beginBackward[T cell.Float](n *cell.MLP[T], a *cell.Activations[T]) {
	if n != nil {
		a.BeginBackward()
	}
}

// stackState returns the columns that the states of a stack have in those of a model.
func stackState[T cell.Float](st *cell.Stack[T]) int {
	h, _ := st.StateSizes()
	return h
}

// stackTape is the workspace of a stack whose states are columns of those of a model.
type stackTape[T cell.Float] struct {
	seq    *cell.StackSequence[T]
	stack  *cell.Stack[T]
	stream uint8 // of the noise by which it drops
	h, c   []T   // states as the stack has them: layer by layer
}

func newStackTape[T cell.Float](st *cell.Stack[T], stream uint8) *stackTape[T] {
	return &stackTape[T]{seq: cell.NewStackSequence[T](), stack: st, stream: stream}
}

// begin prepares for a batch. The initial states are the columns from.. of b.H and b.C, of
// which there are state in all.
func (p *stackTape[T]) begin(b *Batch[T], from, state int, training bool) {
	p.seq.Eval()
	if training {
		noise := b.Noise
		noise.Stream = p.stream
		p.seq.Train(noise, b.Row0)
	}
	n := b.Shape.Batch()
	p.seq.Begin(p.stack, b.Shape, p.byLayer(&p.h, b.H, n, from, state), p.byLayer(&p.c, b.C, n, from, state))
}

// byLayer returns the columns of the stack, from... of the state columns of x, layer by layer and
// in the memory of buf. Without x there are none.
func (p *stackTape[T]) byLayer(buf *[]T, x []T, n, from, state int) []T {
	if x == nil {
		return nil
	}
	h := p.stack.Out()
	*buf = pages.Grow(*buf, n*stackState(p.stack))
	for l := range p.stack.Layers {
		for b := range n {
			copy((*buf)[(l*n+b)*h:(l*n+b+1)*h], x[b*state+from+l*h:])
		}
	}
	return *buf
}

// final copies the states after the last step of n sequences to the columns from.. of h and c, of
// which there are state in all.
func (p *stackTape[T]) final(h, c []T, n, from, state int) {
	size, w := n*stackState(p.stack), p.stack.Out()
	p.h, p.c = pages.Grow(p.h, size), pages.Grow(p.c, size)
	clear(p.c)
	p.seq.Final(p.h, p.c)
	for l := range p.stack.Layers {
		for b := range n {
			row, at := (l*n+b)*w, b*state+from+l*w
			copy(h[at:at+w], p.h[row:])
			copy(c[at:at+w], p.c[row:])
		}
	}
}

// share returns part i of parts of n outputs.
func share(n, i, parts int) (lo, hi int) { return n * i / parts, n * (i + 1) / parts }
