package cell

import (
	"fmt"
	"strings"

	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/kernels"
)

// Recurrent is one recurrent layer. Parameters have the shapes and the gate order of
// PyTorch (i f g o; r z n), with one bias vector where PyTorch has two that are added.
//
// A layer is read-only while it is used and may be shared by goroutines; what a sequence
// leaves behind lives in a [Sequence], which belongs to one caller.
type Recurrent[T Float] struct {
	Kind       Kind
	In, Hidden int
	Options
	Wih      []T // [Gates*Hidden, In]
	Whh      []T // [Gates*Hidden, Out], or [Gates*Hidden, Hidden/Heads]
	B        []T // [Gates*Hidden]
	Bhn      []T // [Hidden], GRU only: the bias inside the reset
	Peephole []T // [3*Hidden] for i, f and o, with Peepholes only
	Whr      []T // [Proj, Hidden], with Proj only
	Gih, Ghh []T // [Gates*Hidden], with LayerNorm only: gains of Wih x and of Whh h
	Gc, Bc   []T // [Hidden], LSTM with LayerNorm only: gain and bias of c

	cell     cell[T] // of the kind, since Pack
	clip     clip[T] // since Pack
	packing  packing[T]
	products products[T]            // by Wih
	whh      kernels.StepWeights[T] // Whh as the fused steps read it
	blocks   []products[T]          // by blocks of Whh, where the steps are not fused
	byWhr    products[T]
}

// NewRecurrent returns a layer without options, all parameters 0. It panics if a size is negative or
// larger than [MaxSize], a matrix would have more than [MaxWeights] elements, or kind is none of the
// kinds.
func NewRecurrent[T Float](kind Kind, in, hidden int) *Recurrent[T] {
	return newRecurrent[T]("NewRecurrent", kind, in, hidden, Options{})
}

// NewRecurrentWith returns a layer with the given options, all parameters 0. It panics as
// NewRecurrent, and if the kind does not have an option.
func NewRecurrentWith[T Float](kind Kind, in, hidden int, options Options) *Recurrent[T] {
	return newRecurrent[T]("NewRecurrentWith", kind, in, hidden, options)
}

// Out returns the columns of the state h, which is the output of the layer: Proj, or Hidden without
// a projection.
func (l *Recurrent[T]) Out() int {
	if l.Proj > 0 {
		return l.Proj
	}
	return l.Hidden
}

// NewGrad returns a layer of the same shape, all 0, to hold the gradient of l.
func (l *Recurrent[T]) NewGrad() *Recurrent[T] {
	return newRecurrent[T]("Recurrent.NewGrad", l.Kind, l.In, l.Hidden, l.Options)
}

func newRecurrent[T Float](fn string, kind Kind, in, hidden int, options Options) *Recurrent[T] {
	l := &Recurrent[T]{Kind: kind, In: in, Hidden: hidden, Options: options}
	l.checkSizes(fn)
	for _, p := range l.params() {
		if p.has {
			*p.data = pages.Make[T](p.rows * p.cols)
		}
	}
	return l
}

// A param is a parameter that layers may have: a matrix, or a vector of a single row.
type param[T Float] struct {
	name       string
	has        bool // l has it
	vector     bool
	rows, cols int
	data       *[]T
}

// numParams is how many parameters there are that layers may have.
const numParams = 10

// params returns the parameters of a layer of the kind and the sizes of l, in their order.
func (l *Recurrent[T]) params() [numParams]param[T] {
	f, h := l.Kind.cell().form(), l.Hidden
	rows := f.gates * h
	return [...]param[T]{
		{"Wih", true, false, rows, l.In, &l.Wih},
		{"Whh", true, false, rows, l.columns(), &l.Whh},
		{"B", true, true, 1, rows, &l.B},
		{"Bhn", f.bhn, true, 1, h, &l.Bhn},
		{"Peephole", l.Peepholes, false, 3, h, &l.Peephole},
		{"Whr", l.Proj > 0, false, l.Proj, h, &l.Whr},
		{"Gih", l.LayerNorm, true, 1, rows, &l.Gih},
		{"Ghh", l.LayerNorm, true, 1, rows, &l.Ghh},
		{"Gc", l.LayerNorm && f.memory, true, 1, h, &l.Gc},
		{"Bc", l.LayerNorm && f.memory, true, 1, h, &l.Bc},
	}
}

// data returns the elements of the parameters.
func (l *Recurrent[T]) data() (d [numParams][]T) {
	for i, p := range l.params() {
		d[i] = *p.data
	}
	return d
}

// memory returns the number of columns of the state c, 0 where there is none.
func (l *Recurrent[T]) memory() int {
	if l.Kind.cell().form().memory {
		return l.Hidden
	}
	return 0
}

// Tensors returns the parameters: wih, whh, b, and of bhn, peephole, whr, gih, ghh, gc and bc
// those that the layer has.
func (l *Recurrent[T]) Tensors() (ts []Tensor[T]) {
	for _, p := range l.params() {
		if !p.has {
			continue
		}
		shape := []int{p.rows, p.cols}
		if p.vector {
			shape = shape[1:]
		}
		ts = append(ts, Tensor[T]{strings.ToLower(p.name), shape, *p.data})
	}
	return ts
}

// Pack makes the copy of the recurrent weights that the steps read, for the instruction
// set in use. Whoever has written to a parameter calls it: [Sequence.Begin] and
// [Stream.Push] look at some elements of each and panic if they have changed since. The
// input weights are copied later, by the products that gain from it. Pack panics if the
// parameters do not have the sizes of the layer.
func (l *Recurrent[T]) Pack() { l.pack("Recurrent.Pack", false) }

// PackForTraining is Pack for the backward pass too.
func (l *Recurrent[T]) PackForTraining() { l.pack("Recurrent.PackForTraining", true) }

// PackBF16 is Pack with the recurrent weights rounded to bfloat16 in the copy: half the memory,
// and about twice the speed for one sequence or a few where the weights do not fit the cache.
// See [kernels.StepWeights.PackBF16]. It panics for a layer with Proj, Heads or LayerNorm.
func (l *Recurrent[T]) PackBF16() {
	const fn = "Recurrent.PackBF16"
	if !l.fused() {
		panic(fmt.Sprintf("cell: %s: Proj = %d, Heads = %d, LayerNorm = %v, want none of them", fn, l.Proj, l.Heads, l.LayerNorm))
	}
	f := l.beginPack(fn)
	l.whh.PackBF16(f.packs, l.Whh, l.Hidden)
	l.mark(false)
}

func (l *Recurrent[T]) pack(fn string, training bool) {
	f := l.beginPack(fn)
	if l.fused() {
		l.whh.Pack(f.packs, l.Whh, l.Hidden, training)
	}
	l.mark(training)
}

// beginPack does what all ways of packing begin with.
func (l *Recurrent[T]) beginPack(fn string) *form {
	l.checkTensors(fn, "")
	l.products.reset()
	l.resetBlocks()
	l.byWhr.reset()
	l.cell = cells[T]()[l.Kind]
	l.clip.set(l.CellClip)
	return l.cell.form()
}

// stride returns the distance between rows of pre-activations. Rows that lie a whole number of
// pages apart share the sets of the first cache and would push each other out of it, so these
// are moved on by a cache line.
func (l *Recurrent[T]) stride() int {
	f := l.cell.form()
	w := f.saved * l.Hidden
	if l.LayerNorm {
		w += 4 * f.gates * l.Hidden
	}
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
	l.project(s.gates[lo*l.stride():], x, hi-lo, from, to, 0, l.cell.form().gates*l.Hidden)
}

// project is Project for the outputs j0..j1 of so many rows, which gates starts with.
func (l *Recurrent[T]) project(gates, x []T, rows, from, to, j0, j1 int) {
	if rows == 0 || j0 == j1 {
		return
	}
	w := l.stride()
	pre := gates[l.inputColumn()+j0 : rows*w]
	var bias []T
	switch {
	case from > 0:
	case l.LayerNorm: // it comes behind the normalisation
		kernels.SetRows(pre, nil, rows, j1-j0, w)
	default:
		bias = l.B[j0:j1]
	}
	l.products.project(pre, x, l.Wih, bias, rows, j0, j1, l.cell.form().gates*l.Hidden, l.In, from, to, w, to-from)
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
	l.step(s, t, b0, b1, 0)
}

// step is Step with what has been checked; s.gates start with row first.
func (l *Recurrent[T]) step(s *Sequence[T], t, b0, b1, first int) {
	off, n := s.shape.Step(t)
	n = min(b1, n) - b0
	if n <= 0 {
		return
	}
	h := s.out
	lo, hi := off+b0, off+b0+n
	hx := s.HPrev[lo*h : hi*h]
	l.fusedStep(s, t, b0, n, first, hx, kernels.StepPart{})
	next, more := s.shape.Step(t + 1)
	if more = min(b0+n, more); more > b0 {
		copy(s.HPrev[(next+b0)*h:(next+more)*h], s.H[lo*h:])
	}
}

// fusedStep is a part of step t for n sequences from b0, with the state hx before it; s.gates start
// with row first.
func (l *Recurrent[T]) fusedStep(s *Sequence[T], t, b0, n, first int, hx []T, part kernels.StepPart) {
	// Every other step reads the weights the other way round and so starts with those that the
	// step before has left in the cache.
	part.Falling = t&1 != 0
	m := s.moment(t, b0, n, first, part)
	m.hx = hx
	l.cell.step(l, m)
}

// moment returns step t of n sequences from b0; s.gates start with row first.
func (s *Sequence[T]) moment(t, b0, n, first int, part kernels.StepPart) moment[T] {
	off, _ := s.shape.Step(t)
	lo, hi, w := off+b0, off+b0+n, s.layer.stride()
	m := moment[T]{s: s, lo: lo, n: n, ld: w, gates: s.gates[(lo-first)*w : (hi-first)*w], hx: s.HPrev[lo*s.out : hi*s.out], hy: s.H[lo*s.out : hi*s.out],
		cx: s.cellBefore(t, b0, n), cy: s.state(s.C, lo, n), part: part}
	if m.my = s.state(s.m, lo, n); m.my == nil {
		m.my = m.hy
	}
	return m
}

// StepBackward computes the gradient of step t for the sequences b0..b1, as far as they
// run at t. Steps are called last first, after [Sequence.BeginBackward]; afterwards the
// pre-activations of the step are replaced by their gradient, from which InputGrad and
// ParamGrad go on.
//
// dy is the gradient of h_t as far as it comes from outside the layer, for the first
// len(dy)/Out() sequences of the step; the others have none. What flows back from step
// t+1 and from the final state is added here. It panics if dy has no whole rows, there is no
// such step or range, or s does not go backward with l.
func (l *Recurrent[T]) StepBackward(s *Sequence[T], t, b0, b1 int, dy []T) {
	const fn = "Recurrent.StepBackward"
	l.check(fn, true)
	s.check(fn, l, back, back)
	checkIndex(fn, "t", t, s.shape.Steps())
	checkRange(fn, "b0..b1", b0, b1, s.shape.Batch())
	if len(dy)%max(1, l.Out()) != 0 {
		panic(fmt.Sprintf("cell: %s: len(dy) = %d, want whole rows of Out() = %d", fn, len(dy), l.Out()))
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
	h, w := s.out, l.stride()
	next, m := s.shape.Step(t + 1)
	m = max(0, min(b0+n, m)-b0) // sequences that go on at t+1
	next += b0 * min(1, m)
	l.cell.stepBackward(l, momentBack[T]{moment: s.moment(t, b0, n, 0, part), next: m, after: s.gates[next*w : (next+m)*w],
		dh: s.dh[b0*h : (b0+n)*h], dm: s.state(s.dm, b0, n), dc: s.state(s.dc, b0, n), dhx: s.state(s.dhx, b0, n)})
	if len(s.dH) > 0 {
		off, _ := s.shape.Step(t)
		copy(s.dH[(off+b0)*h:], s.dh[b0*h:(b0+n)*h])
	}
}

// collect puts into s.dh where the chains of the gradient of h_t start: the part from outside,
// to which the state's direct path (GRU) or the final state's gradient is added. The product
// with the gradients of step t+1 goes on from there.
func (l *Recurrent[T]) collect(s *Sequence[T], t, b0, n int, dy []T) {
	h := s.out
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
		if len(state) > 0 {
			state = state[lo*h : hi*h]
		}
		sum(s.dh[lo*h:hi*h], state, out)
	}
}

// sum computes dst = a + b, where an empty one counts as absent.
func sum[T Float](dst, a, b []T) {
	switch {
	case len(a) == 0 && len(b) == 0:
		clear(dst)
	case len(a) == 0:
		copy(dst, b)
	case len(b) == 0:
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
	if lo == hi {
		return
	}
	l.products.inputGrad(dx, s.gates[lo*w+l.inputColumn():hi*w], l.Wih, hi-lo, l.cell.form().gates*l.Hidden, l.In, from, to, n, w, add)
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
	checkRange(fn, "lo..hi", lo, hi, l.cell.form().gates*h)
	checkMatrix(fn, "x", len(x), rows, n)
	if lo == hi || rows == 0 {
		return
	}
	if from != 0 {
		tMul(grad.Wih[lo*l.In+from:], s.gates[l.inputColumn()+lo:], x, hi-lo, n, rows, l.In, w, n)
		return
	}
	kernels.AddColumnSums(grad.B[lo:hi], s.gates[lo:], rows, hi-lo, w)
	l.cell.weightGrad(l, grad, s, x, n, lo, hi)
	if l.LayerNorm {
		l.gainGrad(grad, s, lo, hi)
	}
}
