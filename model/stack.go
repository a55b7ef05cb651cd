package model

import (
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/internal/par"
)

// stackTape is the workspace of a stack whose states are columns of those of a model.
type stackTape[T cell.Float] struct {
	seq    *cell.StackSequence[T]
	stack  *cell.Stack[T]
	stream uint8 // of the noise by which it drops
	h, c   []T   // states as the stack has them: layer by layer

	// What the nets above the stack see of its states, of which training drops elements too.
	heads      []T // [Rows, Out]
	states     []T // of all rows, those of the stack itself
	drop       cell.Dropout[T]
	dropStream uint8
	dropped    []T // the memory of heads where they are not states
}

// newStackTape returns the workspace of a stack that drops by the noise of the streams, below the
// nets above it the given share.
func newStackTape[T cell.Float](st *cell.Stack[T], stream, headsStream uint8, headsShare float64) *stackTape[T] {
	return &stackTape[T]{seq: cell.NewStackSequence[T](), stack: st, stream: stream,
		drop: cell.Dropout[T]{P: headsShare}, dropStream: headsStream}
}

// state returns the columns of the states of all layers.
func (p *stackTape[T]) state() int {
	h, _ := p.stack.StateSizes()
	return h
}

// memory reports whether the layers have a state c. Models have columns for one all the same, which
// stay 0: one with the state h alone would have checkpoints of another form.
func (p *stackTape[T]) memory() bool {
	_, c := p.stack.StateSizes()
	return c > 0
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
	n, c := b.Shape.Batch(), b.C
	if !p.memory() {
		c = nil
	}
	p.seq.Begin(p.stack, b.Shape, p.byLayer(&p.h, b.H, n, from, state), p.byLayer(&p.c, c, n, from, state))
}

// expose has the nets above see states, [Rows, Out], of the batch that has begun.
func (p *stackTape[T]) expose(states []T, b *Batch[T], training bool) {
	p.heads, p.states = states, states
	if beginDropout(&p.drop, b, p.stack.Out(), p.dropStream, training) {
		p.dropped = pages.Grow(p.dropped, len(states))
		p.heads = p.dropped
	}
}

// see makes what the nets above see in step t of the sequences b0..b1, whose states are known.
func (p *stackTape[T]) see(shape *cell.Ragged, t, b0, b1 int) {
	off, n := shape.Step(t)
	if n = min(n, b1); n <= b0 || p.drop.P == 0 {
		return
	}
	p.drop.Draw(t, b0, b1)
	w, lo, hi := p.stack.Out(), off+b0, off+n
	p.drop.Apply(p.heads[lo*w:hi*w], p.states[lo*w:hi*w], lo, hi)
}

// seeBackward turns the gradient d of heads in the rows lo..hi into that of states.
func (p *stackTape[T]) seeBackward(d []T, lo, hi int) {
	if w := p.stack.Out(); p.drop.P > 0 {
		p.drop.Apply(d[lo*w:hi*w], d[lo*w:hi*w], lo, hi)
	}
}

// beginDropout prepares d for rows of width elements of a batch and reports whether any are dropped.
func beginDropout[T cell.Float](d *cell.Dropout[T], b *Batch[T], width int, stream uint8, training bool) bool {
	if d.Eval(); training {
		noise := b.Noise
		noise.Stream = stream
		d.Train(noise, b.Row0)
	}
	d.Begin(b.Shape, width)
	return training && d.P > 0
}

// inputs are x - mean as the nets that read x see it, of which training drops elements.
type inputs[T cell.Float] struct {
	u    []T // [Rows, dimensions]
	drop cell.Dropout[T]
	draw func(b0, b1 int) // of drop, made once: a closure per call would be an allocation
}

// begin prepares for a batch.
func (in *inputs[T]) begin(p *passBase[T], training bool) {
	m, b := p.model, p.batch
	in.u = pages.Grow(in.u, b.Shape.Rows()*len(m.Mean))
	if in.draw == nil {
		in.draw, in.drop.P = in.drop.DrawAll, m.DropoutInput
	}
	if beginDropout(&in.drop, b, len(m.Mean), streamDropoutInput, training) {
		par.Do(p.threads, b.Shape.Batch(), in.draw)
	}
}

// encode computes the rows lo..hi.
func (in *inputs[T]) encode(p *passBase[T], lo, hi int) {
	m, w := p.model, len(p.model.Mean)
	m.encode(in.u, p.x, lo, hi)
	if in.drop.P > 0 {
		in.drop.Apply(in.u[lo*w:hi*w], in.u[lo*w:hi*w], lo, hi)
	}
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
	if clear(p.c); p.memory() {
		p.seq.Final(p.h, p.c)
	} else {
		p.seq.Final(p.h, nil)
	}
	for l := range p.stack.Layers {
		for b := range n {
			row, at := (l*n+b)*w, b*state+from+l*w
			copy(h[at:at+w], p.h[row:])
			copy(c[at:at+w], p.c[row:])
		}
	}
}

// project gives the rows lo..hi the columns from..to of their input, all columns of x. There may be
// none.
func (p *stackTape[T]) project(x []T, lo, hi, from, to int) {
	if w := to - from; w > 0 {
		p.stack.Project(p.seq, x[lo*w:hi*w], lo, hi, from, to)
	}
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
