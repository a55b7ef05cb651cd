package cell

import (
	"fmt"

	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/kernels"
)

// Kind is the kind of a [Recurrent] layer.
type Kind uint8

// The kinds. h is the state before the step, h' the state after it, x the input.
const (
	// RNNTanh and RNNReLU: h' = act(Wih x + Whh h + b). Elman 1990; layout of torch.nn.RNN.
	RNNTanh Kind = iota
	RNNReLU
	// LSTM: i f g o = Wih x + Whh h + b; c' = σ(f) c + σ(i) tanh(g); h' = σ(o) tanh(c').
	// With peepholes, i and f see c and o sees c'. Gers, Schmidhuber and Cummins 2000;
	// layout of torch.nn.LSTM.
	LSTM
	// GRU is the reset-after form of cuDNN and torch.nn.GRU: r z = σ(Wih x + Whh h + b);
	// n = tanh(Win x + bn + r (Whn h + bhn)); h' = (1-z) n + z h.
	GRU
	// GRUBefore is the reset-before form of Cho et al. 2014: n = tanh(Win x + Whn (r h) + bn),
	// with z as in GRU.
	GRUBefore
)

var kindNames = [...]string{"rnn", "rnn-relu", "lstm", "gru", "gru-before"}

// String returns the name used in configurations.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// ParseKind returns the kind with the given name.
func ParseKind(name string) (Kind, error) {
	for k, n := range kindNames {
		if n == name {
			return Kind(k), nil
		}
	}
	return 0, fmt.Errorf("cell: unknown kind %q, want one of %v", name, kindNames)
}

// Gates returns how many gates of the size of the state the kind has: the rows of Wih and
// Whh are Gates times the hidden size.
func (k Kind) Gates() int {
	switch k {
	case LSTM:
		return 4
	case GRU, GRUBefore:
		return 3
	}
	return 1
}

// saved returns how many columns of the size of the state a step leaves behind for the
// backward pass: the gates and, for the GRU, one more: Whn h + bhn, or r h.
func (k Kind) saved() int {
	if k == GRU || k == GRUBefore {
		return 4
	}
	return k.Gates()
}

// Recurrent is one recurrent layer. Parameters have the shapes and the gate order of
// PyTorch (i f g o; r z n), with one bias vector where PyTorch has two that are added.
//
// A layer is read-only while it is used and may be shared by goroutines; what a sequence
// leaves behind lives in a [Sequence], which belongs to one caller.
type Recurrent[T Float] struct {
	Kind       Kind
	In, Hidden int
	Wih        []T // [Gates*Hidden, In]
	Whh        []T // [Gates*Hidden, Hidden]
	B          []T // [Gates*Hidden]
	Bhn        []T // [Hidden], GRU only: the bias inside the reset
	Peephole   []T // [3*Hidden] for i, f and o, LSTM only, or nil

	packing  packing[T]
	products products[T]            // by Wih
	whh      kernels.StepWeights[T] // Whh as the steps read it
}

// NewRecurrent returns a layer with all parameters 0 and without peepholes. It panics if a size
// is negative or larger than [MaxSize], a matrix would have more than [MaxWeights] elements, or
// kind is none of the kinds.
func NewRecurrent[T Float](kind Kind, in, hidden int) *Recurrent[T] {
	l := &Recurrent[T]{Kind: kind, In: in, Hidden: hidden}
	l.checkSizes("NewRecurrent")
	rows := kind.Gates() * hidden
	l.Wih, l.Whh, l.B = pages.Make[T](rows*in), pages.Make[T](rows*hidden), make([]T, rows)
	if kind == GRU {
		l.Bhn = make([]T, hidden)
	}
	return l
}

// NewPeepholeLSTM returns an LSTM with peepholes, all parameters 0. It panics as NewRecurrent.
func NewPeepholeLSTM[T Float](in, hidden int) *Recurrent[T] {
	l := NewRecurrent[T](LSTM, in, hidden)
	l.Peephole = make([]T, 3*hidden)
	return l
}

// NewGrad returns a layer of the same shape, all 0, to hold the gradient of l.
func (l *Recurrent[T]) NewGrad() *Recurrent[T] {
	if l.Peephole != nil {
		return NewPeepholeLSTM[T](l.In, l.Hidden)
	}
	return NewRecurrent[T](l.Kind, l.In, l.Hidden)
}

// Tensors returns the parameters: wih, whh, b, and bhn or peephole where the layer has them.
func (l *Recurrent[T]) Tensors() []Tensor[T] {
	rows := l.Kind.Gates() * l.Hidden
	ts := []Tensor[T]{{"wih", []int{rows, l.In}, l.Wih}, {"whh", []int{rows, l.Hidden}, l.Whh}, {"b", []int{rows}, l.B}}
	if l.Bhn != nil {
		ts = append(ts, Tensor[T]{"bhn", []int{l.Hidden}, l.Bhn})
	}
	if l.Peephole != nil {
		ts = append(ts, Tensor[T]{"peephole", []int{3, l.Hidden}, l.Peephole})
	}
	return ts
}

// Pack makes the copy of the recurrent weights that the steps read, for the instruction
// set in use. Whoever has written to a parameter calls it: [Sequence.Begin] and
// [Recurrent.Next] look at some elements of each and panic if they have changed since. The
// input weights are copied later, by the products that gain from it. Pack panics if the
// parameters do not have the sizes of the layer.
func (l *Recurrent[T]) Pack() { l.pack("Recurrent.Pack", false) }

// PackForTraining is Pack for the backward pass too.
func (l *Recurrent[T]) PackForTraining() { l.pack("Recurrent.PackForTraining", true) }

// PackBF16 is Pack with the recurrent weights rounded to bfloat16 in the copy: half the memory,
// and about twice the speed for one sequence or a few where the weights do not fit the cache.
// See [kernels.StepWeights.PackBF16].
func (l *Recurrent[T]) PackBF16() {
	l.checkTensors("Recurrent.PackBF16", "")
	l.products.reset()
	l.whh.PackBF16(stepKinds[l.Kind], l.Whh, l.Hidden)
	l.mark(false)
}

func (l *Recurrent[T]) pack(fn string, training bool) {
	l.checkTensors(fn, "")
	l.products.reset()
	l.whh.Pack(stepKinds[l.Kind], l.Whh, l.Hidden, training)
	l.mark(training)
}

var stepKinds = [...]kernels.StepKind{kernels.StepRNN, kernels.StepRNN, kernels.StepLSTM, kernels.StepGRU, kernels.StepGRUBefore}

// stride returns the distance between rows of pre-activations. Rows that lie a whole number of
// pages apart share the sets of the first cache and would push each other out of it, so these
// are moved on by a cache line.
func (l *Recurrent[T]) stride() int {
	w := l.Kind.saved() * l.Hidden
	if w > 0 && w%1024 == 0 {
		w += 16
	}
	return w
}

// Project adds the input columns from..to to the pre-activations of all rows lo..hi of the
// sequence, starting them with the bias when from is 0. x is [hi-lo, to-from]: its first
// row belongs to row lo. Rows are those of the whole batch, so one product serves all
// steps; a model whose later columns are known only inside the loop projects them there,
// before the step. The bits do not depend on how it is cut. It panics if x is too short, a range
// is not within the batch and the input, or s has not begun with l.
func (l *Recurrent[T]) Project(s *Sequence[T], x []T, lo, hi, from, to int) {
	const fn = "Recurrent.Project"
	l.check(fn, false)
	s.check(fn, l, begun, ran)
	checkRange(fn, "from..to", from, to, l.In)
	checkRange(fn, "lo..hi", lo, hi, s.shape.Rows())
	checkMatrix(fn, "x", len(x), hi-lo, to-from)
	l.project(s, x, lo, hi, from, to)
}

// project is Project with what has been checked.
func (l *Recurrent[T]) project(s *Sequence[T], x []T, lo, hi, from, to int) {
	n, w, g := to-from, l.stride(), l.Kind.Gates()*l.Hidden
	pre := s.gates[lo*w : hi*w]
	if from == 0 {
		kernels.SetRows(pre, l.B, hi-lo, g, w)
	}
	l.products.project(pre, x, l.Wih, hi-lo, g, l.In, from, to, w, n)
}

// Step computes step t for the sequences b0..b1 of the batch, as far as they are still
// running; their pre-activations must have all columns projected and their steps before t
// must be done. Disjoint ranges of sequences may be stepped by different goroutines. It panics if
// there is no such step or range, or s has not begun with l.
func (l *Recurrent[T]) Step(s *Sequence[T], t, b0, b1 int) {
	const fn = "Recurrent.Step"
	l.check(fn, false)
	s.check(fn, l, begun, ran)
	checkIndex(fn, "t", t, s.shape.Steps())
	checkRange(fn, "b0..b1", b0, b1, s.shape.Batch())
	l.step(s, t, b0, b1)
}

// step is Step with what has been checked.
func (l *Recurrent[T]) step(s *Sequence[T], t, b0, b1 int) {
	off, n := s.shape.Step(t)
	n = min(b1, n) - b0
	if n <= 0 {
		return
	}
	h := l.Hidden
	lo, hi := off+b0, off+b0+n
	hx := s.HPrev[lo*h : hi*h]
	l.fusedStep(s, t, b0, n, hx, kernels.StepPart{})
	next, more := s.shape.Step(t + 1)
	if more = min(b0+n, more); more > b0 {
		copy(s.HPrev[(next+b0)*h:(next+more)*h], s.H[lo*h:])
	}
}

// fusedStep is a part of step t for n sequences from b0, with the state hx before it.
func (l *Recurrent[T]) fusedStep(s *Sequence[T], t, b0, n int, hx []T, part kernels.StepPart) {
	// Every other step reads the weights the other way round and so starts with those that the
	// step before has left in the cache.
	part.Falling = t&1 != 0
	h, w := l.Hidden, l.stride()
	off, _ := s.shape.Step(t)
	lo, hi := off+b0, off+b0+n
	pre, hy := s.gates[lo*w:hi*w], s.H[lo*h:hi*h]
	switch l.Kind {
	case RNNTanh, RNNReLU:
		kernels.RNNFusedStep(hy, pre, hx, &l.whh, n, h, w, l.activation(), part)
	case LSTM:
		kernels.LSTMFusedStep(hy, s.state(s.C, lo, n), pre, hx, s.cellBefore(t, b0, n), l.Peephole, &l.whh, n, h, w, part)
	case GRU:
		kernels.GRUFusedStep(hy, pre, hx, l.Bhn, &l.whh, n, h, w, part)
	case GRUBefore:
		kernels.GRUBeforeFusedStep(hy, pre, hx, &l.whh, n, h, w, part)
	}
}

func (l *Recurrent[T]) activation() kernels.Activation {
	if l.Kind == RNNReLU {
		return kernels.RNNReLU
	}
	return kernels.RNNTanh
}

// StepBackward computes the gradient of step t for the sequences b0..b1, as far as they
// run at t. Steps are called last first, after [Sequence.BeginBackward]; afterwards the
// pre-activations of the step are replaced by their gradient, from which InputGrad and
// ParamGrad go on.
//
// dy is the gradient of h_t as far as it comes from outside the layer, for the first
// len(dy)/Hidden sequences of the step; the others have none. What flows back from step
// t+1 and from the final state is added here. It panics if dy has no whole rows, there is no
// such step or range, or s does not go backward with l.
func (l *Recurrent[T]) StepBackward(s *Sequence[T], t, b0, b1 int, dy []T) {
	const fn = "Recurrent.StepBackward"
	l.check(fn, true)
	s.check(fn, l, back, back)
	checkIndex(fn, "t", t, s.shape.Steps())
	checkRange(fn, "b0..b1", b0, b1, s.shape.Batch())
	if len(dy)%max(1, l.Hidden) != 0 {
		panic(fmt.Sprintf("cell: %s: len(dy) = %d, want whole rows of Hidden = %d", fn, len(dy), l.Hidden))
	}
	_, n := s.shape.Step(t)
	n = min(b1, n) - b0
	if n <= 0 {
		return
	}
	l.collect(s, t, b0, n, dy)
	l.stepBackward(s, t, b0, n, kernels.StepPart{})
}

// stepBackward is a part of StepBackward after collect, for n sequences from b0.
func (l *Recurrent[T]) stepBackward(s *Sequence[T], t, b0, n int, part kernels.StepPart) {
	part.Falling = t&1 != 0
	h, w := l.Hidden, l.stride()
	off, _ := s.shape.Step(t)
	lo, hi := off+b0, off+b0+n
	dh, g := s.dh[b0*h:(b0+n)*h], s.gates[lo*w:hi*w]
	hx, hy := s.HPrev[lo*h:hi*h], s.H[lo*h:hi*h]
	next, m := s.shape.Step(t + 1)
	m = max(0, min(b0+n, m)-b0) // sequences that go on at t+1
	after := s.gates[(next+b0*min(1, m))*w : (next+b0*min(1, m)+m)*w]
	switch l.Kind {
	case RNNTanh, RNNReLU:
		kernels.RNNFusedStepBackward(g, dh, after, hy, &l.whh, n, m, h, w, l.activation(), part)
	case LSTM:
		dc := s.dc[b0*h : (b0+n)*h]
		kernels.LSTMFusedStepBackward(g, dc, dh, after, dc, g, s.cellBefore(t, b0, n), s.state(s.C, lo, n), l.Peephole, &l.whh, n, m, h, w, part)
	case GRU:
		kernels.GRUFusedStepBackward(g, s.dhx[b0*h:(b0+n)*h], dh, after, g, hx, &l.whh, n, m, h, w, part)
	case GRUBefore:
		kernels.GRUBeforeFusedStepBackward(g, s.dhx[b0*h:(b0+n)*h], dh, after, g, hx, &l.whh, n, m, h, w, part)
	}
}

// collect puts into s.dh where the chains of the gradient of h_t start: the part from outside,
// to which the state's direct path (GRU) or the final state's gradient is added. The product
// with the gradients of step t+1 goes on from there.
func (l *Recurrent[T]) collect(s *Sequence[T], t, b0, n int, dy []T) {
	h := l.Hidden
	_, m := s.shape.Step(t + 1)
	m = min(b0+n, m) // the sequences before this one go on at t+1
	given := len(dy) / max(1, h)
	for lo, hi := b0, 0; lo < b0+n; lo = hi {
		state := s.dhn // of sequences that end with this step
		if hi = b0 + n; lo < m {
			state, hi = s.dhx, m // on its way: the direct path of t+1
		}
		var out []T
		if lo < given {
			hi = min(hi, given)
			out = dy[lo*h : hi*h]
		}
		if state != nil {
			state = state[lo*h : hi*h]
		}
		sum(s.dh[lo*h:hi*h], state, out)
	}
}

// sum computes dst = a + b, where nil counts as absent.
func sum[T Float](dst, a, b []T) {
	switch {
	case a == nil && b == nil:
		clear(dst)
	case a == nil:
		copy(dst, b)
	case b == nil:
		copy(dst, a)
	default:
		copy(dst, a)
		kernels.Axpy(dst, b, 1)
	}
}

// InputGrad computes the gradient of the input columns from..to for the rows lo..hi, whose
// steps have gone backward: dx = dG Wih[:, from:to], or dx += if add is set. dx is
// [hi-lo, to-from]. It panics if dx is too short, a range is not within the batch and the input,
// or s does not go backward with l.
func (l *Recurrent[T]) InputGrad(s *Sequence[T], dx []T, lo, hi, from, to int, add bool) {
	const fn = "Recurrent.InputGrad"
	l.check(fn, true)
	s.check(fn, l, back, back)
	checkRange(fn, "from..to", from, to, l.In)
	checkRange(fn, "lo..hi", lo, hi, s.shape.Rows())
	n, w := to-from, l.stride()
	checkMatrix(fn, "dx", len(dx), hi-lo, n)
	l.products.inputGrad(dx, s.gates[lo*w:hi*w], l.Wih, hi-lo, l.Kind.Gates()*l.Hidden, l.In, from, to, n, w, add)
}

// ParamGrad adds to grad the gradient of the input weights of the columns from..to and,
// when from is 0, of all other parameters, once all steps have gone backward. x is the
// input of all rows, [Rows, to-from]. Only the outputs lo..hi of Gates()*Hidden are
// computed: goroutines may share the work by outputs, which leaves the order of every sum,
// and so its bits, alone. It panics if x is too short, a range is not within the layer, grad is
// not of its shape, or s does not go backward with l.
func (l *Recurrent[T]) ParamGrad(grad *Recurrent[T], s *Sequence[T], x []T, from, to, lo, hi int) {
	const fn = "Recurrent.ParamGrad"
	s.check(fn, l, back, back)
	l.checkGrad(fn, grad)
	h, w, rows, n := l.Hidden, l.stride(), s.shape.Rows(), to-from
	checkRange(fn, "from..to", from, to, l.In)
	checkRange(fn, "lo..hi", lo, hi, l.Kind.Gates()*h)
	checkMatrix(fn, "x", len(x), rows, n)
	if lo == hi || rows == 0 {
		return
	}
	tMul(grad.Wih[lo*l.In+from:], s.gates[lo:], x, hi-lo, n, rows, l.In, w, n)
	if from != 0 {
		return
	}
	kernels.AddColumnSums(grad.B[lo:hi], s.gates[lo:], rows, hi-lo, w)
	switch l.Kind {
	case GRU, GRUBefore: // the rows of r and z, then those of n, saw different vectors
		if mid := min(hi, 2*h); lo < mid {
			tMul(grad.Whh[lo*h:], s.gates[lo:], s.HPrev, mid-lo, h, rows, h, w, h)
		}
		from := max(lo, 2*h)
		if from >= hi {
			break
		}
		if l.Kind == GRU {
			dhn := s.gates[from+h:]
			tMul(grad.Whh[from*h:], dhn, s.HPrev, hi-from, h, rows, h, w, h)
			kernels.AddColumnSums(grad.Bhn[from-2*h:hi-2*h], dhn, rows, hi-from, w)
		} else {
			tMul(grad.Whh[from*h:], s.gates[from:], s.gates[3*h:], hi-from, h, rows, h, w, w)
		}
	default:
		tMul(grad.Whh[lo*h:], s.gates[lo:], s.HPrev, hi-lo, h, rows, h, w, h)
	}
	if l.Peephole != nil {
		l.peepholeGrad(grad, s, lo, hi)
	}
}

// peepholeGrad adds the gradient of the peepholes of the gates lo..hi. The gates i and f
// saw the state before the step, o the one after it; g has none.
func (l *Recurrent[T]) peepholeGrad(grad *Recurrent[T], s *Sequence[T], lo, hi int) {
	h, w := l.Hidden, l.stride()
	for gate, peep := range [...]int{0, 1, -1, 2} {
		a, b := max(lo, gate*h), min(hi, (gate+1)*h)
		if peep < 0 || a >= b {
			continue
		}
		col := a - gate*h
		dst := grad.Peephole[peep*h+col : peep*h+b-gate*h]
		for t := range s.shape.Steps() {
			off, n := s.shape.Step(t)
			c := s.cellBefore(t, 0, n)
			if gate == 3 {
				c = s.state(s.C, off, n)
			}
			kernels.AddColumnProducts(dst, s.gates[off*w+a:], c[col:], n, b-a, w, h)
		}
	}
}
