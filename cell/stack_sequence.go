package cell

import (
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/internal/par"
	"github.com/elbow-go/elbow/kernels"
)

// StackSequence is the workspace of a [Stack] over one batch of sequences: a [Sequence] for each
// layer and, in training, what is dropped between them. It is sized by Begin, allocates only when
// it has never been that large, belongs to one caller and goes through the same stages as a
// Sequence. Its zero value is ready for use.
type StackSequence[T Float] struct {
	H     []T // outputs of the topmost layer, all rows [Rows, Out]
	HPrev []T // states of the topmost layer before each step, see [Sequence.HPrev]

	// Spin is that of every [Sequence].
	Spin bool

	stack *Stack[T]
	seqs  []*Sequence[T] // of every layer, see running
	shape *Ragged

	training bool // as Train and Eval say
	noise    kernels.Noise
	row0     int

	drops bool  // elements, in this batch
	keep  []T   // [Rows, outputs of all layers but the topmost]: 0 or 1/(1-Dropout)
	cols  []int // the first of keep that is for the input of layer l
	in    [][]T // what layer l sees where elements are dropped
	dIn   [][]T // gradient of what layer l sees

	// Parts of a running Forward or Backward as function values, made once: a closure per call
	// would be an allocation per call. level is the layer they are at.
	level                         int
	maskPart, dropPart, scalePart func(lo, hi int)
}

// NewStackSequence returns an empty workspace.
func NewStackSequence[T Float]() *StackSequence[T] { return new(StackSequence[T]) }

// Train has the batches that begin from now on drop elements. What is kept depends on the noise,
// the step and the row alone, where sequence b of the batch is row row0+b: so each update of a
// training, and each stack within it, gets a noise of its own. It panics if row0 is negative or
// larger than [MaxRows].
func (s *StackSequence[T]) Train(noise kernels.Noise, row0 int) {
	checkSize("StackSequence.Train", "row0", row0, MaxRows)
	s.training, s.noise, s.row0 = true, noise, row0
}

// Eval has the batches that begin from now on drop nothing, as those of a new StackSequence.
func (s *StackSequence[T]) Eval() { s.training = false }

// running returns the sequences of the stack, of which others may have had more.
func (s *StackSequence[T]) running() []*Sequence[T] { return s.seqs[:len(s.stack.Layers)] }

// check panics unless s is in use by st, in one of the stages from..to.
func (s *StackSequence[T]) check(fn string, st *Stack[T], from, to stage) {
	switch {
	case s == nil:
		panic("cell: " + fn + ": s is nil, want a StackSequence")
	case s.stack == nil:
		panic("cell: " + fn + ": the sequence has not begun: call Begin or Forward")
	case s.stack != st || len(s.seqs) < len(st.Layers):
		panic("cell: " + fn + ": the sequence has begun with another stack")
	}
	s.seqs[0].check(fn, st.Layers[0], from, to)
}

// Begin prepares s for a batch of the given shape, which it keeps. h0 and c0 are the initial
// states, copied; nil is zero. It panics as [Sequence.Begin] does.
func (s *StackSequence[T]) Begin(st *Stack[T], shape *Ragged, h0, c0 []T) {
	const fn = "StackSequence.Begin"
	if st == nil {
		panic("cell: " + fn + ": st is nil, want a stack")
	}
	st.checkLayers(fn)
	shape.check(fn)
	for l, layer := range st.Layers {
		s.seq(l).checkLook(fn, layer, shape)
	}
	s.begin(fn, st, shape, h0, c0)
}

// seq returns the sequence of layer l, which is made if need be.
func (s *StackSequence[T]) seq(l int) *Sequence[T] {
	for len(s.seqs) <= l {
		s.seqs = append(s.seqs, NewSequence[T]())
		s.in, s.dIn, s.cols = append(s.in, nil), append(s.dIn, nil), append(s.cols, 0)
	}
	return s.seqs[l]
}

// begin is Begin with a stack that is packed.
func (s *StackSequence[T]) begin(fn string, st *Stack[T], shape *Ragged, h0, c0 []T) {
	if s.maskPart == nil {
		s.maskPart, s.dropPart, s.scalePart = s.maskRows, s.dropRows, s.scaleRows
	}
	n, rows := shape.Batch(), shape.Rows()
	checkBlocks(fn, st, n, "h0", h0, "c0", c0)
	s.seq(len(st.Layers) - 1)
	s.stack, s.shape, s.drops = st, shape, s.training && st.Dropout > 0
	width := 0
	for l, layer := range st.Layers {
		seq := s.seqs[l]
		seq.Spin = s.Spin
		seq.begin(fn, layer, shape, s.hOf(l, h0), s.cOf(l, c0))
		if l > 0 && s.drops {
			s.cols[l] = width
			width += layer.In
			s.in[l] = pages.Grow(s.in[l], rows*layer.In)
		}
	}
	if s.drops {
		checkRoom(fn, rows, width)
		s.keep = pages.Grow(s.keep, rows*width)
	}
	top := s.seqs[len(st.Layers)-1]
	s.H, s.HPrev = top.H, top.HPrev
}

// checkBlocks panics if states of all layers for n sequences, unless they are nil, are too short.
func checkBlocks[T Float](fn string, st *Stack[T], n int, nameH string, h []T, nameC string, c []T) {
	rowH, rowC := st.StateSizes()
	if h != nil {
		checkMatrix(fn, nameH, len(h), n, rowH)
	}
	if c != nil {
		checkMatrix(fn, nameC, len(c), n, rowC)
	}
}

// checkStates is checkBlocks for the batch of s.
func (s *StackSequence[T]) checkStates(fn, nameH string, h []T, nameC string, c []T) {
	checkBlocks(fn, s.stack, s.shape.Batch(), nameH, h, nameC, c)
}

// hOf returns the part of states h of all layers that is of layer l, nil if there is none.
func (s *StackSequence[T]) hOf(l int, h []T) []T {
	at, _ := s.stack.stateSizes(l)
	return block(h, at, s.stack.Layers[l].Out(), s.shape.Batch())
}

// cOf is hOf for states c.
func (s *StackSequence[T]) cOf(l int, c []T) []T {
	_, at := s.stack.stateSizes(l)
	return block(c, at, s.stack.Layers[l].memory(), s.shape.Batch())
}

func block[T Float](x []T, at, cols, rows int) []T {
	if x == nil || cols == 0 {
		return nil
	}
	return x[at*rows : (at+cols)*rows]
}

// Final copies the states after the last step to h and c, see [Sequence.Final]; either may be nil.
// It panics if a slice is too short or s has not begun.
func (s *StackSequence[T]) Final(h, c []T) {
	const fn = "StackSequence.Final"
	s.check(fn, s.stack, begun, back)
	s.checkStates(fn, "h", h, "c", c)
	for l, seq := range s.running() {
		seq.final(s.hOf(l, h), s.cOf(l, c))
	}
}

// BeginBackward starts the backward pass. dhn and dcn are the gradients of the final states; nil
// is zero. dhn is read until the pass has ended. It panics if a slice is too short, or if s has not
// begun or has gone backward already.
func (s *StackSequence[T]) BeginBackward(dhn, dcn []T) {
	const fn = "StackSequence.BeginBackward"
	s.check(fn, s.stack, begun, ran)
	s.checkStates(fn, "dhn", dhn, "dcn", dcn)
	s.growBackward()
	for l, seq := range s.running() {
		seq.BeginBackward(s.hOf(l, dhn), s.cOf(l, dcn))
	}
}

func (s *StackSequence[T]) growBackward() {
	for l, layer := range s.stack.Layers {
		if l > 0 {
			s.dIn[l] = pages.Grow(s.dIn[l], s.shape.Rows()*layer.In)
		}
	}
}

// InitialGrad computes the gradients of the initial states once all steps have gone backward;
// either may be nil. It panics if a slice is too short or s does not go backward.
func (s *StackSequence[T]) InitialGrad(dh0, dc0 []T) {
	const fn = "StackSequence.InitialGrad"
	s.check(fn, s.stack, back, back)
	s.checkStates(fn, "dh0", dh0, "dc0", dc0)
	for l, seq := range s.running() {
		seq.InitialGrad(s.hOf(l, dh0), s.cOf(l, dc0), 0, s.shape.Batch())
	}
}

// runForward is [Stack.Forward] with a batch that has begun.
func (s *StackSequence[T]) runForward(x []T, threads int) {
	if s.drops {
		par.Do(threads, s.shape.Batch(), s.maskPart)
	}
	for l, seq := range s.running() {
		if l > 0 {
			if s.level = l; s.drops {
				par.Do(threads, s.shape.Rows(), s.dropPart)
			}
			x = s.input(l)
		}
		seq.runForward(x, threads)
	}
}

// runBackward is [Stack.Backward] with what has been checked.
func (s *StackSequence[T]) runBackward(grad *Stack[T], g Grads[T], x []T, threads int) {
	s.growBackward()
	dy := g.DY
	for l := len(s.running()) - 1; l >= 0; l-- {
		in, dx := x, g.DX
		if l > 0 {
			in, dx = s.input(l), s.dIn[l]
		}
		var into *Recurrent[T]
		if grad != nil {
			into = grad.Layers[l]
		}
		s.seqs[l].runBackward(into, Grads[T]{DY: dy, DHn: s.hOf(l, g.DHn), DCn: s.cOf(l, g.DCn),
			DX: dx, DH0: s.hOf(l, g.DH0), DC0: s.cOf(l, g.DC0)}, in, threads)
		if s.level = l; l > 0 && s.drops {
			par.Do(threads, s.shape.Rows(), s.scalePart)
		}
		dy = dx
	}
}

// input returns what layer l > 0 sees of all rows.
func (s *StackSequence[T]) input(l int) []T {
	if s.drops {
		return s.in[l]
	}
	return s.seqs[l-1].H
}

// mask draws what to keep of the rows lo..hi, the sequences b0... at step t.
func (s *StackSequence[T]) mask(t, b0, lo, hi int) {
	w := s.width()
	keep, drop := s.keep[lo*w:hi*w], s.stack.Dropout
	kernels.Uniforms(keep, s.noise, uint32(t), uint32(s.row0+b0), hi-lo, w)
	scale := T(1 / (1 - drop))
	for i, u := range keep {
		keep[i] = scale
		if float64(u) < drop {
			keep[i] = 0
		}
	}
}

// width returns the columns of keep.
func (s *StackSequence[T]) width() int {
	top := len(s.running()) - 1
	if top == 0 {
		return 0
	}
	return s.cols[top] + s.stack.Layers[top].In
}

// maskRows is mask for all steps of the sequences b0..b1.
func (s *StackSequence[T]) maskRows(b0, b1 int) {
	for t := range s.shape.Steps() {
		off, n := s.shape.Step(t)
		if n = min(n, b1); n > b0 {
			s.mask(t, b0, off+b0, off+n)
		}
	}
}

// drop computes what layer l > 0 sees in the rows lo..hi.
func (s *StackSequence[T]) drop(l, lo, hi int) {
	n := s.stack.Layers[l].In
	copy(s.in[l][lo*n:hi*n], s.seqs[l-1].H[lo*n:])
	s.scale(s.in[l], l, lo, hi)
}

// scale multiplies the rows lo..hi of x by what is kept of the input of layer l.
func (s *StackSequence[T]) scale(x []T, l, lo, hi int) {
	w, n := s.width(), s.stack.Layers[l].In
	for i := lo; i < hi; i++ {
		keep := s.keep[i*w+s.cols[l]:][:n]
		for j, k := range keep {
			x[i*n+j] *= k
		}
	}
}

func (s *StackSequence[T]) dropRows(lo, hi int)  { s.drop(s.level, lo, hi) }
func (s *StackSequence[T]) scaleRows(lo, hi int) { s.scale(s.dIn[s.level], s.level, lo, hi) }
