package cell

import "fmt"

// Stack is recurrent layers on top of each other. Layer 0 sees the input, every other layer h_t of
// the one below it, of which training drops elements:
//
//	x_l = h_{l-1} m / (1 - Dropout),   m = 1 with probability 1 - Dropout, else 0
//
// so that the expectation stays and nothing is scaled outside training (Srivastava et al. 2014;
// between the layers only, as Zaremba et al. 2014 and torch.nn.LSTM).
//
// States are [layers, batch, hidden], as in PyTorch: those of layer 0 for the whole batch, then
// those of layer 1. Layers may differ in size and kind; c is that of the LSTM layers alone.
//
// Forward and Backward run whole batches, layer by layer. A model whose input depends on the state
// calls the parts, which run all layers step by step, with the same bits: Begin, Project, Step, and
// BeginBackward, StepBackward, InputGrad, ParamGrad.
//
// A Stack is read-only while it is used and may be shared by goroutines; what a batch leaves
// behind lives in a [StackSequence], which belongs to one caller.
type Stack[T Float] struct {
	Layers  []*Recurrent[T] // from the input up; each has as many inputs as the one below has outputs
	Dropout float64         // at least 0 and less than 1
}

// StackConfig is what [NewStack] makes, named as the arguments of torch.nn.LSTM.
type StackConfig struct {
	Kind       Kind
	In, Hidden int     // sizes of the input and of the state of every layer
	Layers     int     // at least 1
	Dropout    float64 // of what a layer hands to the next, in training
	Options    Options // of every layer
}

// NewStack returns layers of one kind and size, all parameters 0. It panics if there is no layer or
// Dropout is not a share below 1, and as [NewRecurrent] does.
func NewStack[T Float](c StackConfig) *Stack[T] {
	const fn = "NewStack"
	if c.Layers < 1 || c.Layers > MaxSize {
		panic(fmt.Sprintf("cell: %s: c.Layers = %d, want 1..%d", fn, c.Layers, MaxSize))
	}
	var layers []*Recurrent[T]
	for in := c.In; len(layers) < c.Layers; in = layers[len(layers)-1].Out() {
		layers = append(layers, newRecurrent[T](fn, c.Kind, in, c.Hidden, c.Options))
	}
	return NewStackOf(c.Dropout, layers...)
}

// NewStackOf returns a stack of the given layers, from the input up. It panics if there is none,
// one does not fit on the one below, or dropout is not a share below 1.
func NewStackOf[T Float](dropout float64, layers ...*Recurrent[T]) *Stack[T] {
	st := &Stack[T]{Layers: layers, Dropout: dropout}
	st.checkLayers("NewStackOf")
	return st
}

// checkLayers panics unless st could have been made by NewStackOf.
func (st *Stack[T]) checkLayers(fn string) {
	if len(st.Layers) == 0 {
		panic("cell: " + fn + ": the stack has no layers, want at least 1")
	}
	if !(st.Dropout >= 0 && st.Dropout < 1) {
		panic(fmt.Sprintf("cell: %s: dropout = %v, want at least 0 and less than 1", fn, st.Dropout))
	}
	for l, layer := range st.Layers {
		if layer == nil {
			panic(fmt.Sprintf("cell: %s: Layers[%d] is nil, want a layer", fn, l))
		}
		if l > 0 && layer.In != st.Layers[l-1].Out() {
			panic(fmt.Sprintf("cell: %s: Layers[%d].In = %d, want %d, the outputs of Layers[%d]", fn, l, layer.In, st.Layers[l-1].Out(), l-1))
		}
	}
}

// In returns the number of inputs.
func (st *Stack[T]) In() int { return st.Layers[0].In }

// Out returns the number of outputs: the units of the topmost layer.
func (st *Stack[T]) Out() int { return st.Layers[len(st.Layers)-1].Out() }

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
	g := &Stack[T]{Dropout: st.Dropout}
	for _, l := range st.Layers {
		g.Layers = append(g.Layers, l.NewGrad())
	}
	return g
}

// Tensors returns the parameters of all layers: wih, whh and so on of layer 0, 1.wih of layer 1.
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
func (st *Stack[T]) prefix(l int) string {
	if l == 0 {
		return ""
	}
	return fmt.Sprintf("%d.", l)
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
	if grad == nil || len(grad.Layers) != len(st.Layers) {
		panic("cell: " + fn + ": grad is not of the shape of the stack, want one from NewGrad")
	}
	for l, layer := range st.Layers {
		layer.checkGrad(fn, grad.Layers[l])
	}
}

// Forward runs the whole batch: x [Rows, In] in, the outputs in s.H. h0 and c0 are the initial
// states; nil is zero. Threads and bits are as in [Recurrent.Forward]. It panics if a slice is too
// short, threads is negative or larger than [MaxThreads], or a layer is not packed.
func (st *Stack[T]) Forward(s *StackSequence[T], shape *Ragged, x, h0, c0 []T, threads int) {
	const fn = "Stack.Forward"
	if s == nil {
		panic("cell: " + fn + ": s is nil, want a StackSequence")
	}
	st.checkPacked(fn, false)
	shape.check(fn)
	checkMatrix(fn, "x", len(x), shape.Rows(), st.In())
	checkSize(fn, "threads", threads, MaxThreads)
	s.begin(fn, st, shape, h0, c0)
	s.runForward(x, threads)
}

// Backward runs the batch of the last Forward backward: it writes the gradients of the input and
// of the initial states to g and adds that of the parameters to grad, if that is not nil. x is the
// input of the forward pass. It panics if a slice is too short, threads is negative or larger than
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
	s.check(fn, st, begun, ran)
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
	s.check(fn, st, begun, ran)
	checkIndex(fn, "t", t, s.shape.Steps())
	checkRange(fn, "b0..b1", b0, b1, s.shape.Batch())
	off, n := s.shape.Step(t)
	if n = min(n, b1); n <= b0 {
		return
	}
	lo, hi := off+b0, off+n
	if s.drops {
		s.mask(t, b0, lo, hi)
	}
	for l, layer := range st.Layers {
		if l > 0 {
			if s.drops {
				s.drop(l, lo, hi)
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
	s.check(fn, st, back, back)
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
		if s.drops {
			s.scale(s.dIn[l], l, lo, hi)
		}
		dy = s.dIn[l][off*in : (off+n)*in]
	}
}

// InputGrad computes the gradient of the input columns from..to for the rows lo..hi, whose steps
// have gone backward, or adds it to dx if add is set, as [Recurrent.InputGrad] does.
func (st *Stack[T]) InputGrad(s *StackSequence[T], dx []T, lo, hi, from, to int, add bool) {
	const fn = "Stack.InputGrad"
	s.check(fn, st, back, back)
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
	s.check(fn, st, back, back)
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
