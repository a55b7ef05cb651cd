package model

import (
	"fmt"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/kernels"
)

// stack is recurrent layers of one size on top of each other. Layer 0 sees the input; every
// other layer sees h_t of the one below it, of which training drops elements:
//
//	in_l = h_{l-1} m / (1 - dropout),   m = 1 with probability 1 - dropout, else 0
//
// so that the expectation stays and nothing is scaled outside training (Srivastava et al.
// 2014; between the layers only, as Zaremba et al. 2014).
type stack[T cell.Float] struct {
	layers  []*cell.Recurrent[T]
	hidden  int
	dropout float64
}

// newStack returns the layers that c asks for, with in inputs.
func newStack[T cell.Float](c Config, in int) *stack[T] {
	s := &stack[T]{hidden: c.Hidden, dropout: c.Dropout}
	for range c.Layers {
		s.layers = append(s.layers, cell.NewRecurrent[T](c.kind(), in, c.Hidden))
		in = c.Hidden
	}
	return s
}

func (s *stack[T]) newGrad() *stack[T] {
	g := &stack[T]{hidden: s.hidden, dropout: s.dropout}
	for _, l := range s.layers {
		g.layers = append(g.layers, l.NewGrad())
	}
	return g
}

// state returns the columns of the states of all layers.
func (s *stack[T]) state() int { return len(s.layers) * s.hidden }

// layerPrefix is that of the names of the tensors of layer l.
func layerPrefix(prefix string, l int) string {
	if l == 0 {
		return prefix + "."
	}
	return fmt.Sprintf("%s.%d.", prefix, l)
}

// tensors appends the parameters to ts, as prefix.wih, prefix.1.wih and so on.
func (s *stack[T]) tensors(ts []cell.Tensor[T], prefix string) []cell.Tensor[T] {
	for i, l := range s.layers {
		for _, t := range l.Tensors() {
			t.Name = layerPrefix(prefix, i) + t.Name
			ts = append(ts, t)
		}
	}
	return ts
}

// stackLandmarks appends the shapes of the matrices of a stack; see [Config.landmarks].
func (c Config) stackLandmarks(ls []landmark, prefix string, in int) []landmark {
	rows := c.kind().Gates() * c.Hidden
	for l := range c.Layers {
		name := layerPrefix(prefix, l)
		ls = append(ls, landmark{name + "whh", []int{rows, c.Hidden}}, landmark{name + "wih", []int{rows, in}})
		in = c.Hidden
	}
	return ls
}

func (s *stack[T]) pack(training bool) {
	for _, l := range s.layers {
		if training {
			l.PackForTraining()
		} else {
			l.Pack()
		}
	}
}

func (s *stack[T]) packBF16() {
	for _, l := range s.layers {
		l.PackBF16()
	}
}

// init draws the weights.
func (s *stack[T]) init(d *initialiser[T]) {
	for _, l := range s.layers {
		d.recurrent(l)
	}
}

// stackTape is the workspace of a stack over one batch.
type stackTape[T cell.Float] struct {
	*stack[T]
	seqs []*cell.Sequence[T]

	shape  *cell.Ragged
	noise  kernels.Noise
	row0   int
	drop   bool
	stream uint8
	keep   []T   // [rows, (layers-1) Hidden]: 0 or 1/(1-dropout)
	in     [][]T // what layer l sees where elements are dropped
	dIn    [][]T // gradient of what layer l sees
	h, c   []T   // initial or final states of one layer
}

// newStackTape returns an empty workspace that drops by the noise of the given stream.
func newStackTape[T cell.Float](s *stack[T], stream uint8) *stackTape[T] {
	p := &stackTape[T]{stack: s, stream: stream, in: make([][]T, len(s.layers)), dIn: make([][]T, len(s.layers))}
	for range s.layers {
		p.seqs = append(p.seqs, cell.NewSequence[T]())
	}
	return p
}

// first returns the sequence that sees the input, top the one whose states others see.
func (p *stackTape[T]) first() *cell.Sequence[T] { return p.seqs[0] }
func (p *stackTape[T]) top() *cell.Sequence[T]   { return p.seqs[len(p.seqs)-1] }

// begin prepares for a batch. The initial states are the columns from.. of b.H and b.C, of
// which there are state in all.
func (p *stackTape[T]) begin(b *Batch[T], from, state int, training bool) {
	p.shape, p.noise, p.row0 = b.Shape, b.Noise, b.Row0
	p.noise.Stream = p.stream
	p.drop = training && p.dropout > 0
	n := b.Shape.Batch()
	for l, layer := range p.layers {
		p.seqs[l].Begin(layer, b.Shape, columns(&p.h, b.H, n, p.hidden, from+l*p.hidden, state),
			columns(&p.c, b.C, n, p.hidden, from+l*p.hidden, state))
		if l > 0 && p.drop {
			p.in[l] = pages.Grow(p.in[l], b.Shape.Rows()*p.hidden)
		}
	}
	if p.drop {
		p.keep = pages.Grow(p.keep, b.Shape.Rows()*(p.state()-p.hidden))
	}
}

// columns returns the cols columns from.. of x, rows of ld columns, in the memory of buf.
// Without x there are none.
func columns[T cell.Float](buf *[]T, x []T, rows, cols, from, ld int) []T {
	if x == nil {
		return nil
	}
	dst := pages.Grow(*buf, rows*cols)
	*buf = dst
	for i := range rows {
		copy(dst[i*cols:(i+1)*cols], x[i*ld+from:])
	}
	return dst
}

// final copies the states after the last step to the columns from.. of h and c.
func (p *stackTape[T]) final(h, c []T, from, state int) {
	n := p.shape.Batch() * p.hidden
	p.h, p.c = pages.Grow(p.h, n), pages.Grow(p.c, n)
	clear(p.c)
	for l, s := range p.seqs {
		s.Final(p.h, p.c)
		for b := range p.shape.Batch() {
			to := b*state + from + l*p.hidden
			copy(h[to:to+p.hidden], p.h[b*p.hidden:])
			copy(c[to:to+p.hidden], p.c[b*p.hidden:])
		}
	}
}

// input returns what layer l > 0 sees of all rows.
func (p *stackTape[T]) input(l int) []T {
	if p.drop {
		return p.in[l]
	}
	return p.seqs[l-1].H
}

// project gives the rows lo..hi of layer 0 the columns from..to of their input; x are these
// rows and columns.
func (p *stackTape[T]) project(x []T, lo, hi, from, to int) {
	p.layers[0].Project(p.first(), x, lo, hi, from, to)
}

// step computes step t of all layers for the sequences b0..b1, whose input of layer 0 has
// been projected.
func (p *stackTape[T]) step(t, b0, b1 int) {
	off, n := p.shape.Step(t)
	if n = min(n, b1); n <= b0 {
		return
	}
	lo, hi, h := off+b0, off+n, p.hidden
	if p.drop {
		p.mask(t, b0, lo, hi)
	}
	for l, layer := range p.layers {
		if l > 0 {
			if p.drop {
				copy(p.in[l][lo*h:hi*h], p.seqs[l-1].H[lo*h:])
				p.apply(p.in[l], l, lo, hi)
			}
			layer.Project(p.seqs[l], p.input(l)[lo*h:hi*h], lo, hi, 0, h)
		}
		layer.Step(p.seqs[l], t, b0, b1)
	}
}

// mask draws what to keep of the rows lo..hi, the sequences b0... at step t.
func (p *stackTape[T]) mask(t, b0, lo, hi int) {
	w := p.state() - p.hidden
	keep := p.keep[lo*w : hi*w]
	kernels.Uniforms(keep, p.noise, uint32(t), uint32(p.row0+b0), hi-lo, w)
	scale := T(1 / (1 - p.dropout))
	for i, u := range keep {
		keep[i] = scale
		if float64(u) < p.dropout {
			keep[i] = 0
		}
	}
}

// apply multiplies the rows lo..hi of x by what is kept of the input of layer l.
func (p *stackTape[T]) apply(x []T, l, lo, hi int) {
	w, h := p.state()-p.hidden, p.hidden
	for i := lo; i < hi; i++ {
		keep := p.keep[i*w+(l-1)*h:][:h]
		for j, k := range keep {
			x[i*h+j] *= k
		}
	}
}

// beginBackward starts the backward pass.
func (p *stackTape[T]) beginBackward() {
	for l, s := range p.seqs {
		s.BeginBackward(nil, nil)
		if l > 0 {
			p.dIn[l] = pages.Grow(p.dIn[l], p.shape.Rows()*p.hidden)
		}
	}
}

// stepBackward is the gradient of step t for the sequences b0..b1; dy as in
// [cell.Recurrent.StepBackward] is the gradient of h_t of the topmost layer.
func (p *stackTape[T]) stepBackward(t, b0, b1 int, dy []T) {
	off, n := p.shape.Step(t)
	lo, hi, h := off+b0, off+min(n, b1), p.hidden
	if hi <= lo {
		return
	}
	for l := len(p.layers) - 1; l >= 0; l-- {
		p.layers[l].StepBackward(p.seqs[l], t, b0, b1, dy)
		if l == 0 {
			return
		}
		p.layers[l].InputGrad(p.seqs[l], p.dIn[l][lo*h:hi*h], lo, hi, 0, h, false)
		if p.drop {
			p.apply(p.dIn[l], l, lo, hi)
		}
		dy = p.dIn[l][off*h : (off+n)*h]
	}
}

// inputGrad computes (or adds to) the gradient of the columns from..to of the input of the
// rows lo..hi.
func (p *stackTape[T]) inputGrad(dx []T, lo, hi, from, to int, add bool) {
	p.layers[0].InputGrad(p.first(), dx, lo, hi, from, to, add)
}

// paramGrad adds part i of parts of the gradient of all parameters to grad. x are the parts
// of the input, in column order.
func (p *stackTape[T]) paramGrad(grad *stack[T], i, parts int, x ...[]T) {
	rows := p.shape.Rows()
	for l, layer := range p.layers {
		lo, hi := share(layer.Kind.Gates()*p.hidden, i, parts)
		if l > 0 {
			layer.ParamGrad(grad.layers[l], p.seqs[l], p.input(l), 0, p.hidden, lo, hi)
			continue
		}
		from := 0
		for _, part := range x {
			to := from + len(part)/max(rows, 1)
			layer.ParamGrad(grad.layers[0], p.seqs[0], part, from, to, lo, hi)
			from = to
		}
	}
}
