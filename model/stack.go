package model

import (
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/pages"
)

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

// state returns the columns of the states of all layers.
func (p *stackTape[T]) state() int {
	h, _ := p.stack.StateSizes()
	return h
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
	*buf = pages.Grow(*buf, n*p.state())
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
	size, w := n*p.state(), p.stack.Out()
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

// project gives the rows lo..hi the columns from..to of their input, all columns of x.
func (p *stackTape[T]) project(x []T, lo, hi, from, to int) {
	w := to - from
	p.stack.Project(p.seq, x[lo*w:hi*w], lo, hi, from, to)
}

// step computes step t of the sequences b0..b1, of which all columns are projected.
func (p *stackTape[T]) step(t, b0, b1 int) { p.stack.Step(p.seq, t, b0, b1) }

// stepBackward is the gradient of step; dy is that of the outputs of the step.
func (p *stackTape[T]) stepBackward(t, b0, b1 int, dy []T) {
	p.stack.StepBackward(p.seq, t, b0, b1, dy)
}

// inputGrad computes the gradient of the input columns from..to, all columns of dx, or adds to it.
func (p *stackTape[T]) inputGrad(dx []T, lo, hi, from, to int, add bool) {
	w := to - from
	p.stack.InputGrad(p.seq, dx[lo*w:hi*w], lo, hi, from, to, add)
}

// paramGrad adds part i of parts of the gradient of the parameters; x are the parts of the input.
func (p *stackTape[T]) paramGrad(grad *cell.Stack[T], i, parts int, x ...[]T) {
	p.stack.ParamGrad(grad, p.seq, i, parts, x...)
}

// share returns part i of parts of n outputs.
func share(n, i, parts int) (lo, hi int) { return n * i / parts, n * (i + 1) / parts }
