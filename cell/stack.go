package cell

import "fmt"

// Stack is recurrent layers on top of each other. Layer 0 sees the input, every other layer h_t of
// the one below it, of which training drops the share Dropout, as [Dropout] says: between the layers
// only (Zaremba et al. 2014, torch.nn.LSTM). A Dropout on the input or the outputs is the caller's.
//
// States are [layers, batch, hidden], as in PyTorch: those of layer 0 for the whole batch, then
// those of layer 1. Layers may differ in size and kind; c is that of the LSTM layers alone.
//
// With [Bidirectional] set, every layer is a pair: a second one reads the sequences from their ends.
// See there.
//
// Forward and Backward run whole batches, layer by layer. A model whose input depends on the state
// calls the parts, which run all layers step by step, with the same bits: Begin, Project, Step, and
// BeginBackward, StepBackward, InputGrad, ParamGrad.
//
// A Stack is read-only while it is used and may be shared by goroutines; what a batch leaves
// behind lives in a [StackSequence], which belongs to one caller.
type Stack[T Float] struct {
	Layers        []*Recurrent[T] // from the input up; each has as many inputs as the one below has outputs
	Bidirectional Bidirectional
	Dropout       float64 // at least 0 and less than 1; at work after [StackSequence.Train] only
}

// Bidirectional says whether a [Stack] reads every sequence from its end as well. If so, its Layers
// are pairs of a layer for either direction, forward first, and the next pair sees what becomes of
// the outputs of both, which stand at the step that both have just read:
//
//	→h_t = →layer(x_t, →h_{t-1})     ←h_t = ←layer(x_t, ←h_{t+1})     y_t = [→h_t, ←h_t] or →h_t + ←h_t
//
// States, too, are in this order: h0 of the reverse layer is its state before the last step of a
// sequence, hn that after the first. Every sequence of a ragged batch is reversed within its own
// length. Nothing of this can be done step by step: the functions of a Stack that work on steps or
// on ranges of rows panic.
//
// Source: Schuster and Paliwal 1997; layout of torch.nn.LSTM with bidirectional=True.
type Bidirectional uint8

// The values. With Sum, the layers of a pair have equally many outputs.
const (
	OneWay Bidirectional = iota // forward only
	Concat                      // y_t = [→h_t, ←h_t]
	Sum                         // y_t = →h_t + ←h_t

	numDirections = iota
)

// StackConfig is what [NewStack] makes, named as the arguments of torch.nn.LSTM.
type StackConfig struct {
	Kind       Kind
	In, Hidden int // sizes of the input and of the state of every layer
	Layers     int // at least 1; pairs count as one

	Bidirectional Bidirectional
	Dropout       float64 // of what a layer hands to the next, in training
	Options       Options // of every layer
}

// NewStack returns layers of one kind and size, all parameters 0. It panics if there is no layer or
// Dropout is not a share below 1, and as [NewRecurrent] does.
func NewStack[T Float](c StackConfig) *Stack[T] {
	const fn = "NewStack"
	if c.Layers < 1 || c.Layers > MaxSize {
		panic(fmt.Sprintf("cell: %s: c.Layers = %d, want 1..%d", fn, c.Layers, MaxSize))
	}
	st := &Stack[T]{Bidirectional: c.Bidirectional, Dropout: c.Dropout}
	checkSize(fn, "c.Bidirectional", int(c.Bidirectional), numDirections-1)
	for in := c.In; len(st.Layers) < c.Layers*st.directions(); in = st.Out() {
		for range st.directions() {
			st.Layers = append(st.Layers, newRecurrent[T](fn, c.Kind, in, c.Hidden, c.Options))
		}
	}
	st.checkLayers(fn)
	return st
}

// NewStackOf returns a stack of the given layers, from the input up, or pairs of them. It panics if
// there is none, one does not fit on the one below, or dropout is not a share below 1.
func NewStackOf[T Float](both Bidirectional, dropout float64, layers ...*Recurrent[T]) *Stack[T] {
	st := &Stack[T]{Layers: layers, Bidirectional: both, Dropout: dropout}
	st.checkLayers("NewStackOf")
	return st
}

// checkLayers panics unless st could have been made by NewStackOf.
func (st *Stack[T]) checkLayers(fn string) {
	checkSize(fn, "Bidirectional", int(st.Bidirectional), numDirections-1)
	d := st.directions()
	if len(st.Layers) == 0 || len(st.Layers)%d != 0 {
		panic(fmt.Sprintf("cell: %s: the stack has %d layers, want a multiple of %d, at least one", fn, len(st.Layers), d))
	}
	checkShare(fn, "dropout", st.Dropout)
	for i, l := range st.Layers {
		if l == nil {
			panic(fmt.Sprintf("cell: %s: Layers[%d] is nil, want a layer", fn, i))
		}
		want := st.Layers[0].In
		if i >= d {
			want = st.levelOut(i/d - 1)
		}
		if l.In != want {
			panic(fmt.Sprintf("cell: %s: Layers[%d].In = %d, want %d, what it sees", fn, i, l.In, want))
		}
		if st.Bidirectional == Sum && i%2 == 1 && l.Out() != st.Layers[i-1].Out() {
			panic(fmt.Sprintf("cell: %s: Layers[%d] has %d outputs, want %d as Layers[%d], to which they are added", fn, i, l.Out(), st.Layers[i-1].Out(), i-1))
		}
	}
}

// directions returns how many layers there are at each level.
func (st *Stack[T]) directions() int {
	if st.Bidirectional == OneWay {
		return 1
	}
	return 2
}

// levels returns how many layers, or pairs, are on top of each other.
func (st *Stack[T]) levels() int { return len(st.Layers) / st.directions() }

// levelIn returns the number of inputs of a layer or pair.
func (st *Stack[T]) levelIn(level int) int { return st.Layers[level*st.directions()].In }

// levelOut returns the number of outputs of a layer or pair.
func (st *Stack[T]) levelOut(level int) int {
	l := level * st.directions()
	if st.Bidirectional == Concat {
		return st.Layers[l].Out() + st.Layers[l+1].Out()
	}
	return st.Layers[l].Out()
}

// In returns the number of inputs.
func (st *Stack[T]) In() int { return st.Layers[0].In }

// Out returns the number of outputs, those of the topmost layer or pair.
func (st *Stack[T]) Out() int { return st.levelOut(st.levels() - 1) }

// StateSizes returns how many elements the states h and c of all layers have for one sequence. c
// is 0 without an LSTM.
func (st *Stack[T]) StateSizes() (h, c int) { return st.stateSizes(len(st.Layers)) }

// stateSizes is StateSizes of the layers below layer l.
func (st *Stack[T]) stateSizes(l int) (h, c int) {
	for _, layer := range st.Layers[:l] {
		h += layer.Out()
		c += layer.memory()
	}
	return h, c
}

// NewGrad returns a stack of the same shape, all 0, to hold the gradient of st.
func (st *Stack[T]) NewGrad() *Stack[T] {
	g := &Stack[T]{Bidirectional: st.Bidirectional, Dropout: st.Dropout}
	for _, l := range st.Layers {
		g.Layers = append(g.Layers, l.NewGrad())
	}
	return g
}

// Tensors returns the parameters of all layers: wih, whh and so on of layer 0, 1.wih of layer 1; of
// pairs also reverse.wih, 1.reverse.wih. An [MLP] has some of these names, too: see [Tensor].
func (st *Stack[T]) Tensors() []Tensor[T] {
	var ts []Tensor[T]
	for l, layer := range st.Layers {
		for _, t := range layer.Tensors() {
			t.Name = st.prefix(l) + t.Name
			ts = append(ts, t)
		}
	}
	return ts
}

// prefix goes before the names of the tensors of layer l.
func (st *Stack[T]) prefix(l int) (name string) {
	d := st.directions()
	if l >= d {
		name = fmt.Sprintf("%d.", l/d)
	}
	if l%d == 1 {
		name += "reverse."
	}
	return name
}

// Pack is [Recurrent.Pack] for all layers. It panics if a layer does not fit on the one below.
func (st *Stack[T]) Pack() {
	const fn = "Stack.Pack"
	st.checkLayers(fn)
	for _, l := range st.Layers {
		l.pack(fn, false)
	}
}

// PackForTraining is Pack for the backward pass too.
func (st *Stack[T]) PackForTraining() {
	const fn = "Stack.PackForTraining"
	st.checkLayers(fn)
	for _, l := range st.Layers {
		l.pack(fn, true)
	}
}

// PackBF16 is [Recurrent.PackBF16] for all layers.
func (st *Stack[T]) PackBF16() {
	st.checkLayers("Stack.PackBF16")
	for _, l := range st.Layers {
		l.PackBF16()
	}
}

// Packed returns the error of the first layer that is not packed, see [Recurrent.Packed], or nil.
func (st *Stack[T]) Packed(training bool) error {
	for l, layer := range st.Layers {
		if err := layer.Packed(training); err != nil {
			return fmt.Errorf("layer %d: %w", l, err)
		}
	}
	return nil
}

// checkPacked panics with the error of Packed.
func (st *Stack[T]) checkPacked(fn string, training bool) {
	st.checkLayers(fn)
	if err := st.Packed(training); err != nil {
		panic("cell: " + fn + ": " + err.Error())
	}
}

// checkGrad panics unless grad is of the shape of st.
func (st *Stack[T]) checkGrad(fn string, grad *Stack[T]) {
	if grad == nil || len(grad.Layers) != len(st.Layers) || grad.Bidirectional != st.Bidirectional {
		panic("cell: " + fn + ": grad is not of the shape of the stack, want one from NewGrad")
	}
	for l, layer := range st.Layers {
		layer.checkGrad(fn, grad.Layers[l])
	}
}

// Forward runs the whole batch: x [Rows, In] in, the outputs in s.H. h0 and c0 are the initial
// states; nil is zero. Threads and bits are as in [Recurrent.Forward]. It panics if x has not as many elements, a state is too
// short, c0 has elements and no layer is an LSTM, threads is negative or larger than [MaxThreads], or a layer is not packed.
func (st *Stack[T]) Forward(s *StackSequence[T], shape *Ragged, x, h0, c0 []T, threads int) {
	const fn = "Stack.Forward"
	if s == nil {
		panic("cell: " + fn + ": s is nil, want a StackSequence")
	}
	st.checkPacked(fn, false)
	shape.check(fn)
	checkExact(fn, "x", len(x), shape.Rows(), st.In())
	checkSize(fn, "threads", threads, MaxThreads)
	s.begin(fn, st, shape, h0, c0)
	s.runForward(x, threads)
}

// Backward runs the batch of the last Forward backward: it writes the gradients of the input and
// of the initial states to g and adds that of the parameters to grad, if that is not nil. x is the
// input of the forward pass. It panics if a slice is too short, DCn or DC0 has elements and no layer is an
// LSTM, threads is negative or larger than
// [MaxThreads], grad is not of the shape of st, or s has not gone forward with st.
func (st *Stack[T]) Backward(s *StackSequence[T], grad *Stack[T], g Grads[T], x []T, threads int) {
	const fn = "Stack.Backward"
	st.checkPacked(fn, true)
	s.check(fn, st, ran, ran)
	rows := s.shape.Rows()
	if g.DX != nil {
		checkMatrix(fn, "g.DX", len(g.DX), rows, st.In())
	}
	if g.DY != nil {
		checkMatrix(fn, "g.DY", len(g.DY), rows, st.Out())
	}
	checkMatrix(fn, "x", len(x), rows, st.In())
	s.checkStates(fn, "g.DH0", g.DH0, "g.DC0", g.DC0)
	s.checkStates(fn, "g.DHn", g.DHn, "g.DCn", g.DCn)
	if grad != nil {
		st.checkGrad(fn, grad)
	}
	checkSize(fn, "threads", threads, MaxThreads)
	s.runBackward(grad, g, x, threads)
}

// Project adds the input columns from..to to the pre-activations of layer 0 in the rows lo..hi, as
// [Recurrent.Project] does.
func (st *Stack[T]) Project(s *StackSequence[T], x []T, lo, hi, from, to int) {
	const fn = "Stack.Project"
	s.checkSteps(fn, st, begun, ran)
	checkRange(fn, "from..to", from, to, st.In())
	checkRange(fn, "lo..hi", lo, hi, s.shape.Rows())
	checkMatrix(fn, "x", len(x), hi-lo, to-from)
	st.Layers[0].Project(s.seqs[0], x, lo, hi, from, to)
}

// Step computes step t of all layers for the sequences b0..b1 of the batch, as far as they are
// still running; their input must have all columns projected and their steps before t must be
// done. Disjoint ranges of sequences may be stepped by different goroutines. It panics if there is
// no such step or range, or s has not begun with st.
func (st *Stack[T]) Step(s *StackSequence[T], t, b0, b1 int) {
	const fn = "Stack.Step"
	s.checkSteps(fn, st, begun, ran)
	checkIndex(fn, "t", t, s.shape.Steps())
	checkRange(fn, "b0..b1", b0, b1, s.shape.Batch())
	off, n := s.shape.Step(t)
	if n = min(n, b1); n <= b0 {
		return
	}
	lo, hi := off+b0, off+n
	if s.drop.drops() {
		s.drop.draw(t, b0, b1)
	}
	for l, layer := range st.Layers {
		if l > 0 {
			if s.drop.drops() {
				s.dropInput(l, lo, hi)
			}
			in := layer.In
			layer.Project(s.seqs[l], s.input(l)[lo*in:hi*in], lo, hi, 0, in)
		}
		layer.Step(s.seqs[l], t, b0, b1)
	}
}

// StepBackward computes the gradient of step t for the sequences b0..b1, as far as they run at t.
// Steps are called last first, after [StackSequence.BeginBackward]. dy is the gradient of h_t of
// the topmost layer as far as it comes from outside, for the first len(dy)/Out sequences of the
// step; the others have none. It panics if dy has no whole rows, there is no such step or range, or
// s does not go backward with st.
func (st *Stack[T]) StepBackward(s *StackSequence[T], t, b0, b1 int, dy []T) {
	const fn = "Stack.StepBackward"
	s.checkSteps(fn, st, back, back)
	checkIndex(fn, "t", t, s.shape.Steps())
	checkRange(fn, "b0..b1", b0, b1, s.shape.Batch())
	if len(dy)%max(1, st.Out()) != 0 {
		panic(fmt.Sprintf("cell: %s: len(dy) = %d, want whole rows of Out = %d", fn, len(dy), st.Out()))
	}
	off, n := s.shape.Step(t)
	lo, hi := off+b0, off+min(n, b1)
	if hi <= lo {
		return
	}
	for l := len(st.Layers) - 1; l >= 0; l-- {
		layer := st.Layers[l]
		layer.StepBackward(s.seqs[l], t, b0, b1, dy)
		if l == 0 {
			return
		}
		in := layer.In
		layer.InputGrad(s.seqs[l], s.dIn[l][lo*in:hi*in], lo, hi, 0, in, false)
		if s.drop.drops() {
			s.scale(s.dIn[l], s.dIn[l], l, lo, hi)
		}
		dy = s.dIn[l][off*in : (off+n)*in]
	}
}

// InputGrad computes the gradient of the input columns from..to for the rows lo..hi, whose steps
// have gone backward, or adds it to dx if add is set, as [Recurrent.InputGrad] does.
func (st *Stack[T]) InputGrad(s *StackSequence[T], dx []T, lo, hi, from, to int, add bool) {
	const fn = "Stack.InputGrad"
	s.checkSteps(fn, st, back, back)
	checkRange(fn, "from..to", from, to, st.In())
	checkRange(fn, "lo..hi", lo, hi, s.shape.Rows())
	checkMatrix(fn, "dx", len(dx), hi-lo, to-from)
	st.Layers[0].InputGrad(s.seqs[0], dx, lo, hi, from, to, add)
}

// ParamGrad adds part i of parts of the gradient of all parameters to grad, once all steps have
// gone backward. x are the parts of the input of all rows, in column order. The outputs of every
// layer are split: goroutines may share the work by parts, which leaves the order of every sum,
// and so its bits, alone. It panics if the columns of x are not those of the input, there is no
// such part, grad is not of the shape of st, or s does not go backward with st.
func (st *Stack[T]) ParamGrad(grad *Stack[T], s *StackSequence[T], i, parts int, x ...[]T) {
	const fn = "Stack.ParamGrad"
	s.checkSteps(fn, st, back, back)
	st.checkGrad(fn, grad)
	checkParts(fn, i, parts)
	rows := s.shape.Rows()
	checkColumns(fn, x, rows, st.In())
	for l, layer := range st.Layers {
		lo, hi := portion(layer.Kind.Gates()*layer.Hidden, i, parts)
		if l > 0 {
			layer.ParamGrad(grad.Layers[l], s.seqs[l], s.input(l), 0, layer.In, lo, hi)
			continue
		}
		from := 0
		for _, x := range x {
			to := from + len(x)/max(rows, 1)
			layer.ParamGrad(grad.Layers[0], s.seqs[0], x, from, min(to, layer.In), lo, hi)
			from = to
		}
	}
}
