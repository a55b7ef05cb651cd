package cell

import (
	"slices"

	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/internal/par"
	"github.com/elbow-go/elbow/kernels"
)

// StackSequence is the workspace of a [Stack] over one batch of sequences: a [Sequence] for each
// layer and, in training, what is dropped between them. It is sized by Begin, allocates only when
// it has never been that large, belongs to one caller and goes through the same stages as a
// Sequence. Its zero value is ready for use.
type StackSequence[T Float] struct {
	H     []T // outputs of the topmost layer or pair, all rows [Rows, Out]
	HPrev []T // states of the topmost layer before each step, see [Sequence.HPrev]; nil with pairs

	stack *Stack[T]
	seqs  []*Sequence[T] // of every layer, see running
	shape *Ragged

	drop Dropout[T] // of the outputs of all levels but the topmost, next to each other
	cols []int      // the first column of drop that is of the input of a level: a layer or pair
	in   [][]T      // what a level sees where elements are dropped
	dIn  [][]T      // gradient of what a level sees
	both [][]T      // outputs of a pair
	turn [3][]T     // scratch of pairs: input, output gradient and input gradient of one direction

	// Parts of a running Forward or Backward as function values, made once: a closure per call
	// would be an allocation per call. level is the one they are at, move what movePart does.
	level                                   int
	move                                    mover[T]
	drawPart, dropPart, scalePart, movePart func(lo, hi int)
}

// NewStackSequence returns an empty workspace.
func NewStackSequence[T Float]() *StackSequence[T] { return new(StackSequence[T]) }

// Train has the batches that begin from now on drop elements. What is kept depends on the noise,
// the step and the row alone, where sequence b of the batch is row row0+b: so each update of a
// training, and each stack within it, gets a noise of its own. It panics if row0 is negative or
// larger than [MaxRows].
func (s *StackSequence[T]) Train(noise kernels.Noise, row0 int) {
	s.drop.train("StackSequence.Train", noise, row0)
}

// Eval has the batches that begin from now on drop nothing, as those of a new StackSequence.
func (s *StackSequence[T]) Eval() { s.drop.Eval() }

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

// checkSteps is check for what works on steps, which a stack of pairs does not have.
func (s *StackSequence[T]) checkSteps(fn string, st *Stack[T], from, to stage) {
	s.check(fn, st, from, to)
	st.checkOneWay(fn)
}

// checkOneWay panics if st reads sequences from their ends too.
func (st *Stack[T]) checkOneWay(fn string) {
	if st.Bidirectional != OneWay {
		panic("cell: " + fn + ": the stack is bidirectional, so every step depends on all others: call Stack.Forward and Stack.Backward")
	}
}

// Begin prepares s for a batch of the given shape, which it keeps. h0 and c0 are the initial
// states, copied; nil is zero. It panics as [Sequence.Begin] does: c0 is nil or empty where no layer is
// an LSTM.
func (s *StackSequence[T]) Begin(st *Stack[T], shape *Ragged, h0, c0 []T) {
	const fn = "StackSequence.Begin"
	if st == nil {
		panic("cell: " + fn + ": st is nil, want a stack")
	}
	st.checkLayers(fn)
	st.checkOneWay(fn)
	shape.check(fn)
	for l, layer := range st.Layers {
		s.seq(l).checkLook(fn, layer, shape)
	}
	s.begin(fn, st, shape, h0, c0)
	for _, seq := range s.running() {
		seq.tape(true)
	}
}

// seq returns the sequence of layer l, which is made if need be.
func (s *StackSequence[T]) seq(l int) *Sequence[T] {
	for len(s.seqs) <= l {
		s.seqs = append(s.seqs, NewSequence[T]())
		s.in, s.dIn, s.both, s.cols = append(s.in, nil), append(s.dIn, nil), append(s.both, nil), append(s.cols, 0)
	}
	return s.seqs[l]
}

// begin is Begin with a stack that is packed, but for the room for gates.
func (s *StackSequence[T]) begin(fn string, st *Stack[T], shape *Ragged, h0, c0 []T) {
	if s.drawPart == nil {
		s.drawPart, s.dropPart, s.scalePart, s.movePart = s.drop.drawAll, s.dropRows, s.scaleRows, s.moveRows
	}
	n, rows := shape.Batch(), shape.Rows()
	checkBlocks(fn, st, n, "h0", h0, "c0", c0)
	s.seq(len(st.Layers) - 1)
	s.stack, s.shape, s.drop.P = st, shape, st.Dropout
	s.drop.begin(fn, shape, s.width(st.levels()))
	for l, layer := range st.Layers {
		s.seqs[l].begin(fn, layer, shape, s.hOf(l, h0), s.cOf(l, c0))
	}
	for level := range st.levels() {
		s.cols[level] = s.width(level)
		if level > 0 && s.drop.drops() {
			s.in[level] = pages.Grow(s.in[level], rows*st.levelIn(level))
		}
		if st.Bidirectional != OneWay {
			checkRoom(fn, rows, st.levelOut(level))
			s.both[level] = pages.Grow(s.both[level], rows*st.levelOut(level))
		}
	}
	s.H, s.HPrev = s.out(st.levels()-1), nil
	if st.Bidirectional == OneWay {
		s.HPrev = s.seqs[st.levels()-1].HPrev
	}
}

// width returns how many columns of drop are for the levels below one.
func (s *StackSequence[T]) width(level int) (w int) {
	for k := 1; k < level; k++ {
		w += s.stack.levelIn(k)
	}
	return w
}

// checkBlocks panics if states of all layers for n sequences, unless they are nil, are too short, or c
// is given to layers that have none.
func checkBlocks[T Float](fn string, st *Stack[T], n int, nameH string, h []T, nameC string, c []T) {
	rowH, rowC := st.StateSizes()
	if h != nil {
		checkMatrix(fn, nameH, len(h), n, rowH)
	}
	switch {
	case c == nil:
	case slices.ContainsFunc(st.Layers, func(l *Recurrent[T]) bool { return l.Kind.cell().form().memory }):
		checkMatrix(fn, nameC, len(c), n, rowC)
	case len(c) > 0:
		badMemory(fn, nameC, len(c), "a stack without an LSTM")
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
// It panics if a slice is too short, c has elements and no layer is an LSTM, or s has not begun.
func (s *StackSequence[T]) Final(h, c []T) {
	const fn = "StackSequence.Final"
	s.check(fn, s.stack, passed, back)
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
	s.checkSteps(fn, s.stack, begun, ran)
	s.checkStates(fn, "dhn", dhn, "dcn", dcn)
	s.growBackward()
	for l, seq := range s.running() {
		seq.BeginBackward(s.hOf(l, dhn), s.cOf(l, dcn))
	}
}

func (s *StackSequence[T]) growBackward() {
	for level := 1; level < s.stack.levels(); level++ {
		s.dIn[level] = pages.Grow(s.dIn[level], s.shape.Rows()*s.stack.levelIn(level))
	}
}

// InitialGrad computes the gradients of the initial states once all steps have gone backward;
// either may be nil. It panics if a slice is too short or s does not go backward.
func (s *StackSequence[T]) InitialGrad(dh0, dc0 []T) {
	const fn = "StackSequence.InitialGrad"
	s.checkSteps(fn, s.stack, back, back)
	s.checkStates(fn, "dh0", dh0, "dc0", dc0)
	for l, seq := range s.running() {
		seq.InitialGrad(s.hOf(l, dh0), s.cOf(l, dc0), 0, s.shape.Batch())
	}
}

// runForward is [Stack.Forward] with a batch that has begun.
func (s *StackSequence[T]) runForward(x []T, threads int) {
	if s.drop.drops() {
		par.Do(threads, s.shape.Batch(), s.drawPart)
	}
	for level := range s.stack.levels() {
		if s.level = level; level > 0 {
			if s.drop.drops() {
				par.Do(threads, s.shape.Rows(), s.dropPart)
			}
			x = s.input(level)
		}
		if s.stack.Bidirectional == OneWay {
			s.seqs[level].runForward(x, threads)
		} else {
			s.pairForward(level, x, threads)
		}
	}
}

// runBackward is [Stack.Backward] with what has been checked.
func (s *StackSequence[T]) runBackward(grad *Stack[T], g Grads[T], x []T, threads int) {
	s.growBackward()
	dy := g.DY
	for level := s.stack.levels() - 1; level >= 0; level-- {
		in, dx := x, g.DX
		if level > 0 {
			in, dx = s.input(level), s.dIn[level]
		}
		if s.stack.Bidirectional == OneWay {
			s.layerBackward(level, grad, g, dx, dy, in, threads)
		} else {
			s.pairBackward(level, grad, g, dx, dy, in, threads)
		}
		if s.level = level; level > 0 && s.drop.drops() {
			par.Do(threads, s.shape.Rows(), s.scalePart)
		}
		dy = dx
	}
}

// layerBackward runs layer l backward. g has the gradients of the states of all layers, dx, dy and
// x are those of the layer.
func (s *StackSequence[T]) layerBackward(l int, grad *Stack[T], g Grads[T], dx, dy, x []T, threads int) {
	var into *Recurrent[T]
	if grad != nil {
		into = grad.Layers[l]
	}
	s.seqs[l].runBackward(into, Grads[T]{DY: dy, DHn: s.hOf(l, g.DHn), DCn: s.cOf(l, g.DCn),
		DX: dx, DH0: s.hOf(l, g.DH0), DC0: s.cOf(l, g.DC0)}, x, threads)
}

// out returns the outputs of a level.
func (s *StackSequence[T]) out(level int) []T {
	if s.stack.Bidirectional == OneWay {
		return s.seqs[level].H
	}
	return s.both[level]
}

// input returns what a level above the first sees of all rows.
func (s *StackSequence[T]) input(level int) []T {
	if s.drop.drops() {
		return s.in[level]
	}
	return s.out(level - 1)
}

// dropInput computes what a level above the first sees in the rows lo..hi.
func (s *StackSequence[T]) dropInput(level, lo, hi int) {
	s.scale(s.in[level], s.out(level-1), level, lo, hi)
}

// scale multiplies the rows lo..hi of x by what is kept of the input of a level.
func (s *StackSequence[T]) scale(dst, x []T, level, lo, hi int) {
	n, from := s.stack.levelIn(level), s.cols[level]
	s.drop.apply(dst[lo*n:hi*n], x[lo*n:hi*n], lo, hi, from, from+n)
}

func (s *StackSequence[T]) dropRows(lo, hi int) { s.dropInput(s.level, lo, hi) }
func (s *StackSequence[T]) scaleRows(lo, hi int) {
	s.scale(s.dIn[s.level], s.dIn[s.level], s.level, lo, hi)
}
