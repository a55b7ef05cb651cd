package cell

import (
	"time"

	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/internal/par"
)

// Sequence is the workspace of one [Recurrent] layer over one batch of sequences: the
// states of all steps and, hidden, what the backward pass needs. It is sized by Begin,
// allocates only when it has never been that large, and belongs to one caller. The order
// of the hidden part is the layer's own business.
//
// It goes through stages and panics where one is left out: Begin or Forward with a layer, then
// BeginBackward or Backward with the same one, once, since the gradients take the place of the
// gates; after Forward only if the layer was packed for training. The shape must not be reset before
// all is done.
type Sequence[T Float] struct {
	H     []T // h_t of all rows [Rows, Out]
	HPrev []T // h_{t-1} of all rows: the state a row starts its step with; those of step t are there once step t-1 is done
	C     []T // c_t of all rows [Rows, Hidden], LSTM only

	stage    stage
	shape    *Ragged
	version  uint64 // of shape, at Begin
	hidden   int
	out      int // columns of h
	streamed int // single steps of the layer so far
	h0, c0   []T
	gates    []T  // [Rows, stride]: pre-activations, then activated gates, then their gradient
	kept     bool // gates are of all rows, and not just of those that run: see tape
	m        []T  // what the gates give, of all rows, where that is not h
	dh, dc   []T  // [Batch, Out] and [Batch, Hidden], the gradients that flow back from step to step
	dhx      []T  // the GRU's direct path
	dhn      []T  // gradient of the final states, or nil
	dm       []T  // [Batch, Hidden], room for the gradient of m at a step
	dH       []T  // with a projection: the gradient of h_t of all rows

	// With LayerNorm: 1 over the root mean squares, the first of all rows, then the second, ...; and
	// the state normalised, and tanh of it with gain and bias, whose gradient takes its place.
	rstd, chat, tanh []T

	// The arguments of a running Forward or Backward, and its parts as function values
	// made once: a closure per call would be an allocation per call.
	layer, grad   *Recurrent[T]
	x, y, dx      []T
	forward, back func(b0, b1 int)
	outside       func(lo, hi int)
	parts         int       // of what is outside of the steps
	barrier       barrier   // of the goroutines that share steps
	choices       [2]choice // of how to divide Forward and Backward
	meet          func()
	forwardShare  func(i, _ int)
	backShare     func(i, _ int)
}

// stage is how far the use of a Sequence has come.
type stage uint8

const (
	fresh  stage = iota
	passed       // Forward has done all of them and left nothing to go backward with
	begun        // Begin: steps may go forward
	ran          // Forward has done all of them
	back         // BeginBackward: steps may go backward
)

// NewSequence returns an empty workspace.
func NewSequence[T Float]() *Sequence[T] {
	s := new(Sequence[T])
	s.init()
	return s
}

// init makes the function values of a Sequence that has none yet.
func (s *Sequence[T]) init() {
	if s.forward != nil {
		return
	}
	s.forward, s.back, s.outside = s.forwardRows, s.backwardRows, s.outsideParts
	s.meet, s.forwardShare, s.backShare = s.barrier.wait, s.forwardUnits, s.backwardUnits
}

// check panics unless s is in use by l, in one of the stages from..to.
func (s *Sequence[T]) check(fn string, l *Recurrent[T], from, to stage) {
	if s == nil || s.stage < from || s.stage > to || s.layer != l || s.shape.version != s.version {
		s.misused(fn, l, from, to)
	}
}

// misused is the panic of check.
func (s *Sequence[T]) misused(fn string, l *Recurrent[T], from, to stage) {
	what := "the shape was reset since Begin"
	switch {
	case s == nil:
		what = "s is nil, want a Sequence"
	case s.stage == fresh:
		what = "the sequence has not begun: call Begin or Forward"
	case s.stage == passed && s.layer == l:
		what = "the sequence has kept nothing to go on with, as Forward does with a layer packed for inference only: call Begin, or PackForTraining before Forward"
	case s.layer != l:
		what = "the sequence has begun with another layer"
	case s.stage > to:
		what = "the sequence has gone backward, which is done once: call Begin or Forward"
	case s.stage < from && from == ran:
		what = "the sequence has not gone forward: call Forward"
	case s.stage < from:
		what = "the sequence does not go backward: call BeginBackward"
	}
	panic("cell: " + fn + ": " + what)
}

// Begin prepares s for a batch of the given shape, which it keeps. h0 and c0 are the
// initial states [Batch, Out] and [Batch, Hidden], copied; nil is zero. It panics if a state is too short, c0 has
// elements and the layer is no LSTM, the batch is too large, or the layer not packed since its parameters were
// written; of batches of a single step the first for a layer asks that and every 64th.
func (s *Sequence[T]) Begin(l *Recurrent[T], shape *Ragged, h0, c0 []T) {
	const fn = "Sequence.Begin"
	if l == nil {
		panic("cell: " + fn + ": l is nil, want a layer")
	}
	shape.check(fn)
	s.checkLook(fn, l, shape)
	s.begin(fn, l, shape, h0, c0)
	s.tape(true)
}

// checkLook panics unless l is packed, and looks at its parameters as often as Begin says.
func (s *Sequence[T]) checkLook(fn string, l *Recurrent[T], shape *Ragged) {
	if shape.Steps() == 1 {
		s.checkStream(fn, l)
	} else {
		l.checkPacked(fn, false)
	}
}

// checkStream panics unless l is packed. Single steps follow each other quickly, and a look at the
// parameters would be 4 % of one of an LSTM of 64 units, so only some of them look.
func (s *Sequence[T]) checkStream(fn string, l *Recurrent[T]) {
	if s.layer != l {
		s.streamed = 0
	}
	if s.streamed%stepsPerLook == 0 {
		l.checkPacked(fn, false)
	} else {
		l.check(fn, false)
	}
	s.streamed++
}

// stepsPerLook is how many single steps go from one look at the parameters to the next.
const stepsPerLook = 64

// begin is Begin with a layer that is packed, but for the room for gates: see tape.
func (s *Sequence[T]) begin(fn string, l *Recurrent[T], shape *Ragged, h0, c0 []T) {
	h, out, w, b, rows := l.Hidden, l.Out(), l.stride(), shape.Batch(), shape.Rows()
	l.checkStates(fn, b, "h0", h0, "c0", c0)
	checkRoom(fn, max(b, rows), max(w, out))
	s.init()
	s.stage, s.layer, s.shape, s.version, s.hidden, s.out, s.dhn = begun, l, shape, shape.version, h, out, nil
	s.H, s.HPrev = pages.Grow(s.H, rows*out), pages.Grow(s.HPrev, rows*out)
	s.h0 = initial(s.h0, h0, b*out)
	if shape.Steps() > 0 {
		_, n := shape.Step(0)
		copy(s.HPrev[:n*out], s.h0)
	}
	s.C, s.c0, s.m = s.C[:0], s.c0[:0], s.m[:0]
	if l.cell.form().memory {
		s.C = pages.Grow(s.C, rows*h)
		s.c0 = initial(s.c0, c0, b*h)
	}
	if l.Proj > 0 || len(s.C) > 0 && l.LayerNorm {
		s.m = pages.Grow(s.m, rows*h)
	}
	if l.LayerNorm {
		s.rstd = pages.Grow(s.rstd, (numNorms+1)*rows)
		s.chat, s.tanh = pages.Grow(s.chat, len(s.C)), pages.Grow(s.tanh, len(s.C))
	}
}

func initial[T Float](dst, src []T, n int) []T {
	dst = pages.Grow(dst, n)
	if src == nil {
		clear(dst)
	} else {
		copy(dst, src)
	}
	return dst
}

// state returns n rows of a state matrix that not every kind has, or nil.
func (s *Sequence[T]) state(c []T, row, n int) []T {
	if len(c) == 0 {
		return nil
	}
	return c[row*s.hidden : (row+n)*s.hidden]
}

// cellBefore returns c_{t-1} of n sequences from b0, nil where there is no cell state.
func (s *Sequence[T]) cellBefore(t, b0, n int) []T {
	if t == 0 {
		return s.state(s.c0, b0, n)
	}
	p, _ := s.shape.Step(t - 1)
	return s.state(s.C, p+b0, n)
}

// Final copies the state of every sequence at its last step to h [Batch, Out] and c [Batch, Hidden];
// a sequence of length 0 keeps its initial state. c may be nil. It panics if a slice is too short, c has
// elements and the layer is no LSTM, or s has not begun.
func (s *Sequence[T]) Final(h, c []T) {
	const fn = "Sequence.Final"
	s.check(fn, s.layer, passed, back)
	checkMatrix(fn, "h", len(h), s.shape.Batch(), s.out)
	s.checkStates(fn, "h", h, "c", c)
	s.final(h, c)
}

// final is Final with what has been checked; h may be nil too.
func (s *Sequence[T]) final(h, c []T) {
	n, out := s.hidden, s.out
	for b := range s.shape.Batch() {
		hs, cs, row := s.h0, s.c0, b
		if t := s.shape.Length(b); t > 0 {
			hs, cs, row = s.H, s.C, s.shape.Row(t-1, b)
		}
		if h != nil {
			copy(h[b*out:(b+1)*out], hs[row*out:])
		}
		if len(c) > 0 {
			copy(c[b*n:(b+1)*n], cs[row*n:])
		}
	}
}

// BeginBackward starts the backward pass. dhn and dcn are the gradients of the final
// states, of their shapes; nil is zero. dhn is read until the pass has ended. It panics if a slice
// is too short, dcn has elements and the layer is no LSTM, or s has not begun or has gone backward
// already.
func (s *Sequence[T]) BeginBackward(dhn, dcn []T) {
	const fn = "Sequence.BeginBackward"
	s.check(fn, s.layer, begun, ran)
	s.layer.checkPacked(fn, true)
	s.checkStates(fn, "dhn", dhn, "dcn", dcn)
	n := s.shape.Batch() * s.hidden
	s.stage, s.dhn = back, dhn
	s.dh = pages.Grow(s.dh, s.shape.Batch()*s.out)
	s.dhx, s.dc, s.dm, s.dH = s.dhx[:0], s.dc[:0], s.dm[:0], s.dH[:0]
	f := s.layer.cell.form()
	if f.direct {
		s.dhx = pages.Grow(s.dhx, n)
	}
	if f.memory {
		s.dc = initial(s.dc, dcn, n)
	}
	if len(s.m) > 0 {
		s.dm = pages.Grow(s.dm, n)
	}
	if s.layer.Proj > 0 {
		s.dH = pages.Grow(s.dH, len(s.H))
	}
}

// checkStates is that of the layer, for the batch of s.
func (s *Sequence[T]) checkStates(fn, nameH string, h []T, nameC string, c []T) {
	s.layer.checkStates(fn, s.shape.Batch(), nameH, h, nameC, c)
}

// InitialGrad computes the gradient of the initial states of the sequences b0..b1 once all
// their steps have gone backward. dh0 and dc0 are of their shapes; either may be nil. It panics if a
// slice is too short, dc0 has elements and the layer is no LSTM, the range is not within the batch, or
// s does not go backward.
func (s *Sequence[T]) InitialGrad(dh0, dc0 []T, b0, b1 int) {
	const fn = "Sequence.InitialGrad"
	s.check(fn, s.layer, back, back)
	h, out, l := s.hidden, s.out, s.layer
	checkRange(fn, "b0..b1", b0, b1, s.shape.Batch())
	s.checkStates(fn, "dh0", dh0, "dc0", dc0)
	if len(dc0) > 0 {
		copy(dc0[b0*h:b1*h], s.dc[b0*h:b1*h])
	}
	if dh0 == nil {
		return
	}
	n := 0
	if s.shape.Steps() > 0 {
		_, n = s.shape.Step(0)
	}
	for b := b0; b < b1; b++ {
		row := dh0[b*out : (b+1)*out]
		switch {
		case b < n && len(s.dhx) > 0:
			copy(row, s.dhx[b*out:])
		case b >= n && s.dhn != nil:
			copy(row, s.dhn[b*out:])
		default:
			clear(row)
		}
	}
	if n = min(n, b1) - b0; n > 0 {
		w := l.stride()
		l.stateGrad(dh0[b0*out:], s.gates[b0*w:(b0+n)*w], n)
	}
}

// Forward runs the whole batch: x [Rows, In] in, the outputs in s.H. h0 and c0 are as in
// Begin. The batch is split over the given number of goroutines, each taking whole
// sequences. Where there are fewer than four for each, every goroutine may compute its share of the units
// of every step instead, and so read its share of the weights only; then all wait for each other at every step,
// and do so spinning, for a while. s measures which way is quicker from pass to pass. The bits do not
// depend on it. One goroutine is the caller's own, and then nothing is allocated in the steady state;
// 0 is one too.
//
// With a layer that is packed for inference only, by Pack, nothing is kept to go backward with, which
// takes little memory for long sequences and is quicker. It panics as Begin does, and if x has not as
// many elements or threads is negative or larger than [MaxThreads].
func (l *Recurrent[T]) Forward(s *Sequence[T], shape *Ragged, x, h0, c0 []T, threads int) {
	const fn = "Recurrent.Forward"
	if s == nil {
		panic("cell: " + fn + ": s is nil, want a Sequence")
	}
	l.checkPacked(fn, false)
	shape.check(fn)
	checkExact(fn, "x", len(x), shape.Rows(), l.In)
	checkSize(fn, "threads", threads, MaxThreads)
	s.begin(fn, l, shape, h0, c0)
	s.runForward(x, threads)
}

// runForward runs a batch that has begun.
func (s *Sequence[T]) runForward(x []T, threads int) {
	s.x = x
	// Goroutines with sequences of their own are not all at the same step, so there the gates of a
	// row must not move up into the place of another sequence's.
	together := threads <= 1 || s.shape.Steps() == 0 || s.shape.Rows() == s.shape.Steps()*s.shape.Batch()
	s.tape(s.layer.packing.training || !together)
	s.do(threads, &s.choices[0], s.forward, s.forwardShare)
	s.x = nil
	if s.stage = ran; !s.kept {
		s.stage = passed
	}
}

// do runs rows for the parts of the batch, or share for each goroutine.
func (s *Sequence[T]) do(threads int, c *choice, rows func(b0, b1 int), share func(i, _ int)) {
	if !s.shareable(threads) {
		par.Do(threads, s.shape.Batch(), rows)
		return
	}
	units := c.next(choiceCase{s.layer, s.shape.Batch(), threads}) || alwaysShare
	start := time.Now()
	if units {
		s.barrier.init(threads)
		par.Do(threads, threads, share)
	} else {
		par.Do(threads, s.shape.Batch(), rows)
	}
	c.done(units, time.Since(start)/time.Duration(s.shape.Steps()))
}

// Grads are the gradients that go into a backward pass and come out of it, but for those of the
// parameters. Any of them may be nil: what goes in is then 0, what comes out is not computed.
type Grads[T Float] struct {
	DY       []T // in: of the outputs [Rows, Out]
	DHn, DCn []T // in: of the final states, shaped as they are; DCn of an LSTM, nil or empty for others
	DX       []T // out: of the input [Rows, In]
	DH0, DC0 []T // out: of the initial states, shaped as they are; DC0 as DCn
}

// Backward runs the batch of the last Forward backward: it writes the gradients of the input and
// of the initial states to g and adds that of the parameters to grad, if that is not nil. x is the
// input of the forward pass. It panics if a slice is too short, DCn or DC0 has elements and the layer is
// no LSTM, threads is negative or larger than
// [MaxThreads], grad is not of the shape of l, or s has not gone forward with l.
func (l *Recurrent[T]) Backward(s *Sequence[T], grad *Recurrent[T], g Grads[T], x []T, threads int) {
	const fn = "Recurrent.Backward"
	l.checkPacked(fn, true)
	s.check(fn, l, ran, ran)
	rows := s.shape.Rows()
	if g.DX != nil {
		checkMatrix(fn, "g.DX", len(g.DX), rows, l.In)
	}
	if g.DY != nil {
		checkMatrix(fn, "g.DY", len(g.DY), rows, l.Out())
	}
	checkMatrix(fn, "x", len(x), rows, l.In)
	s.checkStates(fn, "g.DH0", g.DH0, "g.DC0", g.DC0)
	s.checkStates(fn, "g.DHn", g.DHn, "g.DCn", g.DCn)
	if grad != nil {
		l.checkGrad(fn, grad)
	}
	checkSize(fn, "threads", threads, MaxThreads)
	s.runBackward(grad, g, x, threads)
}

// leastOutside is how many multiplications the products outside of the steps have that are worth another
// goroutine: it takes 50 microseconds to wake up.
const leastOutside = 1 << 23

// runBackward is Backward with what has been checked.
func (s *Sequence[T]) runBackward(grad *Recurrent[T], g Grads[T], x []T, threads int) {
	s.BeginBackward(g.DHn, g.DCn)
	s.grad, s.x, s.y, s.dx = grad, x, g.DY, g.DX
	s.do(threads, &s.choices[1], s.back, s.backShare)
	s.InitialGrad(g.DH0, g.DC0, 0, s.shape.Batch())
	if grad != nil || g.DX != nil {
		s.parts = 1
		if rows := s.shape.Rows(); rows*s.outputs() > leastOutside/max(1, s.layer.In+s.layer.columns()) {
			s.parts = max(1, threads)
		}
		par.Do(s.parts, s.parts, s.outside)
	}
	s.grad, s.x, s.y, s.dx = nil, nil, nil, nil
}

func (s *Sequence[T]) backwardRows(b0, b1 int) {
	l := s.layer
	for t := s.shape.Steps() - 1; t >= 0; t-- {
		l.StepBackward(s, t, b0, b1, s.outputGrad(t))
	}
}

// outputGrad returns the gradient of the outputs of step t, or nil if it is 0.
func (s *Sequence[T]) outputGrad(t int) []T {
	if s.y == nil {
		return nil
	}
	off, n := s.shape.Step(t)
	return s.y[off*s.out : (off+n)*s.out]
}

// outsideParts computes the parts lo..hi of the gradients that no step waits for, which are products of
// all rows: that of a single row would read all of Wih for it, and push Whh out of the cache.
func (s *Sequence[T]) outsideParts(lo, hi int) {
	l := s.layer
	for i := lo; i < hi; i++ {
		if from, to := portion(s.shape.Rows(), i, s.parts); s.dx != nil && from < to {
			l.InputGrad(s, s.dx[from*l.In:], from, to, 0, l.In, false)
		}
		if from, to := portion(s.outputs(), i, s.parts); s.grad != nil {
			l.ParamGrad(s.grad, s, s.x, 0, l.In, from, to)
		}
	}
}
