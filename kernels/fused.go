package kernels

import (
	"fmt"
	"math"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/internal/size"
	"github.com/elbow-go/elbow/internal/tile"
)

// The fused steps are whole recurrent steps: the product with the recurrent weights, the
// activations and the state, block of units by block of units, so that pre-activations do
// not leave the first cache between the product and the gates. The weights are packed once
// per update, in the order in which the machine code reads them.
//
//	whh [G*H, H] --StepWeights.Pack--> panels
//	                                     |
//	Gates, HPrev, CPrev --LSTMFusedStep RNN.. GRU.. GRUBefore..--> H, C
//
// The results are, bit for bit, those of the product (each output one chain of fused
// multiply-adds that starts at the pre-activation, in the order of k) and of the gate kernel
// behind it.

// StepKind says how the weights of a layer are used, and so in what order they are packed.
type StepKind uint8

// The kinds, with the shape of the recurrent weights.
const (
	StepRNN       StepKind = iota // [H, H]
	StepLSTM                      // [4H, H], i f g o
	StepGRU                       // [3H, H], r z n; reset-after form
	StepGRUBefore                 // [3H, H], r z n; reset-before form
)

// A stepLayout says how the recurrent weights and the pre-activations of a kind lie, in blocks of
// H rows and of H columns. The driver in fused_step.go knows no more of a kind than this and its
// gates.
type stepLayout struct {
	gates int // blocks of the weights
	saved int // blocks of the pre-activations
	first int // gates that are a product with h; the others are one with r h, by itself
	last  int // block of the pre-activations with the last of first; the others are 0, 1, ...
}

var stepLayouts = [...]stepLayout{
	StepRNN:       {gates: 1, saved: 1, first: 1, last: 0},
	StepLSTM:      {gates: 4, saved: 4, first: 4, last: 3},
	StepGRU:       {gates: 3, saved: 4, first: 3, last: 3}, // hn lies behind n
	StepGRUBefore: {gates: 3, saved: 4, first: 2, last: 1},
}

// twoPasses reports whether a step has a second product.
func (l stepLayout) twoPasses() bool { return l.first < l.gates }

// Gates returns how many times H rows the weights have. It panics if k is unknown.
func (k StepKind) Gates() int {
	checkKind("StepKind.Gates", k)
	return stepLayouts[k].gates
}

func checkKind(fn string, kind StepKind) {
	if most := len(stepLayouts) - 1; int(kind) > most {
		panic(fmt.Sprintf("kernels: %s: kind = %d, want at most %d", fn, kind, most))
	}
}

// StepWeights holds the recurrent weights of one layer, packed for the fused steps. The zero
// value is empty. It is only read by the steps and may be shared by goroutines.
type StepWeights[T Float] struct {
	kind     StepKind
	hidden   int
	ready    bool
	training bool
	isa      asm.ISA
	plain    []T // the weights, where there are no panels

	// The second ones are those of a GRU, reset-before form: the weights of n.
	forward, backward [2]tile.Panels[T]

	int8 *int8Step // the weights in place of those: see PackInt8
}

// Pack copies the weights whh [Gates*H, H], dense, row-major, into w, for the instruction set
// in use. With training set the backward steps can be taken too, which takes twice the
// memory. The copy has no denormals: they count as +0, since each product with one would
// trap into microcode, at a hundred times the cost, in every step. Pack panics if kind is
// unknown, hidden negative or whh too short. It allocates only when w has never been so large.
func (w *StepWeights[T]) Pack(kind StepKind, whh []T, hidden int, training bool) {
	w.pack(whh[:checkPack("StepWeights.Pack", kind, len(whh), hidden)], kind, hidden, training)
}

// checkPack panics unless a slice of length n holds the weights of a layer, and returns their
// number.
func checkPack(fn string, kind StepKind, n, hidden int) int {
	checkKind(fn, kind)
	checkSize(fn, "hidden", hidden, 0)
	want := size.Mul(kind.Gates(), size.Mul(hidden, hidden))
	checkLen(fn, "whh", n, want)
	return want
}

// pack is Pack for weights that are all of whh.
func (w *StepWeights[T]) pack(whh []T, kind StepKind, h int, training bool) {
	w.kind, w.hidden, w.ready, w.training, w.isa, w.int8 = kind, h, true, training, asm.Active(), nil
	if !w.machine() {
		w.plain = append(w.plain[:0], whh...)
		tile.Flush(w.plain)
		whh = w.plain
	}
	l := stepLayouts[kind]
	first, second := whh[:l.first*h*h], whh[l.first*h*h:l.gates*h*h]
	gates := l.first
	if gates == 1 {
		gates = 0 // columns of units
	}
	w.set(&w.forward[0], true, h, gates, first)
	if training {
		w.set(&w.backward[0], false, l.first*h, 0, first)
	}
	if l.twoPasses() {
		w.set(&w.forward[1], true, h, 0, second)
		if training {
			w.set(&w.backward[1], false, h, 0, second)
		}
	}
}

// machine reports whether there is machine code for all of a step.
func (w *StepWeights[T]) machine() bool {
	_, is32 := any(w).(*StepWeights[float32])
	return is32 && w.isa != asm.Generic
}

// set makes a set of panels of weights b, used transposed in the product of a step and as they are
// in that of its gradient, or remembers the weights where there is no machine code for a step.
func (w *StepWeights[T]) set(s *tile.Panels[T], trans bool, steps, gates int, b []T) {
	if w.machine() {
		s.Pack(w.isa, trans, steps, w.hidden, gates, b, w.hidden)
		s.Flush()
	} else {
		s.Keep(w.isa, trans, steps, w.hidden, gates, b, w.hidden)
	}
}

// PackBF16 is Pack for inference with weights rounded to bfloat16, the upper half of a float32:
// 8 bits of precision, in half the memory. A step with one row, or a few, takes as long as it
// takes to read the weights, so where they do not fit the cache it is about twice as fast; for
// more than 8 rows with AVX-512, and 4 with AVX2, Pack is the better one. Weights are rounded to
// the nearest, ties to even (a NaN stays one), and denormals count as +0; the products are those
// of float32, so the bits of a step with rounded weights do not depend on the instruction set
// either. PackBF16 panics as Pack does. It allocates.
func (w *StepWeights[T]) PackBF16(kind StepKind, whh []T, hidden int) {
	rounded := make([]T, checkPack("StepWeights.PackBF16", kind, len(whh), hidden))
	for i := range rounded {
		rounded[i] = T(roundBF16(float32(whh[i])))
	}
	w.pack(rounded, kind, hidden, false)
	w.forward[0].Halve()
	if stepLayouts[kind].twoPasses() { // otherwise these are left from other weights, and may be halved already
		w.forward[1].Halve()
	}
}

// Divides reports whether goroutines gain from sharing a step: see [StepPart].
func (w *StepWeights[T]) Divides() bool { return w.machine() && w.int8 == nil }

// check panics unless w is packed for what fn is going to do, and part is one.
func (w *StepWeights[T]) check(fn string, kind StepKind, training bool, part *StepPart) {
	switch {
	case w == nil || !w.ready:
		panic("kernels: " + fn + ": the weights are not packed: call Pack")
	case w.kind != kind:
		panic(fmt.Sprintf("kernels: %s: weights of kind %d, want kind %d", fn, w.kind, kind))
	case training && !w.training:
		panic("kernels: " + fn + ": the weights are packed for inference only: call Pack with training set")
	case w.isa != asm.Active():
		panic(fmt.Sprintf("kernels: %s: the weights are packed for isa = %v, want %v: call Pack again after asm.Use", fn, w.isa, asm.Active()))
	case part.Of > 1 && part.Meet == nil && stepLayouts[kind].twoPasses():
		panic("kernels: " + fn + ": s.Part.Meet = nil, want a function: a step of this kind has two passes")
	}
	checkSize(fn, "s.Part.Index", part.Index, 0)
	checkMost(fn, "s.Part.Index", part.Index, max(1, part.Of)-1)
}

// Step holds the arguments of a step of B = Batch rows and H units: of a fused one, or of its gates
// alone, which come behind a product of package blas. A kind of layer needs some of the fields, as
// its function says, and ignores the others.
type Step[T Float] struct {
	// The state after the step, [B, H], dense: h and, in an LSTM, the memory cells c.
	H, C []T

	// The pre-activations, row stride Ld, with the bias: a fused step adds the product, and every
	// step replaces them by what its gradient reads.
	Gates []T

	// The state before the step, [B, H], dense. CPrev nil is a state of zeros.
	HPrev, CPrev []T

	Peephole []T        // of an LSTM, nil or [3H], as in LSTMStep
	Bhn      []T        // of a fused GRU, reset-after form: the bias in the reset, [H]
	Act      Activation // of a plain layer

	Batch, Ld int
	Part      StepPart // of a fused step; all of it by default
}

// StepGrad holds the gradients of a step: of the fields of [Step] with the same names, in the same
// shapes and with its row stride, and of the step after it.
type StepGrad[T Float] struct {
	// H comes with what flows into it. A fused step adds the product with the weights of the next
	// step and leaves the whole gradient, which the gates alone come with and only read. C comes
	// from the next step; nil is zeros.
	H, C []T

	// Overwritten. Gates may be those of the step; CPrev may be C.
	Gates, HPrev, CPrev []T

	// For a fused step the gradient of the Gates of the step after this one, row stride Ld, for the
	// first NextRows rows; the others have none, because their sequences end here.
	Next     []T
	NextRows int
}

// sizes panics unless the sizes of a step are right, with so many blocks of H columns in a row of the
// gates. It returns how many elements a state and the gates have.
func (s *Step[T]) sizes(fn string, hidden, blocks int) (state, gates int) {
	if s == nil {
		panic(badNil(fn, "s"))
	}
	checkSize(fn, "s.Batch", s.Batch, 0)
	checkSize(fn, "hidden", hidden, 0)
	cols := size.Mul(blocks, hidden)
	checkSize(fn, "s.Ld", s.Ld, cols)
	return size.Mul(s.Batch, hidden), size.Matrix(s.Batch, cols, s.Ld)
}

// checkFused panics unless w is packed for a step, and s holds what that needs. It reports whether
// there is anything to do.
func (s *Step[T]) checkFused(fn string, kind StepKind, w *StepWeights[T]) bool {
	if s == nil {
		panic(badNil(fn, "s"))
	}
	checkSize(fn, "s.Batch", s.Batch, 0)
	w.check(fn, kind, false, &s.Part)
	h, gates := w.hidden, 0
	switch kind {
	case StepRNN:
		gates = s.checkRNN(fn, h)
	case StepLSTM:
		gates = s.checkLSTM(fn, h)
	default:
		gates = s.checkGRU(fn, h)
	}
	checkLen(fn, "s.HPrev", len(s.HPrev), size.Mul(s.Batch, h))
	if kind == StepGRU {
		checkLen(fn, "s.Bhn", len(s.Bhn), h)
	}
	return gates > 0
}

// checkFusedBackward is checkFused for the gradient.
func (s *Step[T]) checkFusedBackward(fn string, kind StepKind, w *StepWeights[T], d *StepGrad[T]) bool {
	switch {
	case s == nil:
		panic(badNil(fn, "s"))
	case d == nil:
		panic(badNil(fn, "d"))
	}
	checkSize(fn, "s.Batch", s.Batch, 0)
	w.check(fn, kind, true, &s.Part)
	h, gates := w.hidden, 0
	switch kind {
	case StepRNN:
		gates = s.checkRNNBackward(fn, h, d)
	case StepLSTM:
		gates = s.checkLSTMBackward(fn, h, d)
	default:
		gates = s.checkGRUBackward(fn, h, d)
		checkLen(fn, "s.HPrev", len(s.HPrev), size.Mul(s.Batch, h))
	}
	checkSize(fn, "d.NextRows", d.NextRows, 0)
	checkMost(fn, "d.NextRows", d.NextRows, s.Batch)
	checkLen(fn, "d.Next", len(d.Next), size.Matrix(d.NextRows, stepLayouts[kind].saved*h, s.Ld))
	return gates > 0
}

// StepPart says which share of a step one call computes, and in which direction it goes through the
// weights. The zero value computes all of the step.
//
// Several goroutines may compute one step together. Each calls the function with a part of its own
// and otherwise the same arguments; it reads the state of all units and writes the results of its
// share of the units. All parts of a step must be done before any part of the next one starts,
// since that reads the new state of all units. The bits are the same as with one call.
//
// Units are shared out by whole panels of the weights, which hold at least 8 units, as evenly as
// that allows; with more parts than panels, some parts have nothing to do. Without machine code
// there is one panel, so part 0 computes all units: see [StepWeights.Divides]. A step panics if
// Index is not less than Of, or if it needs Meet and that is nil.
type StepPart struct {
	// Part Index of Of. Of = 0 is the same as 1.
	Index, Of int

	// Falling goes through the panels from last to first, with the same bits. If the weights are
	// slightly too large for a cache, a step that starts where the step before it stopped finds
	// part of them there. So let every other step of a sequence fall.
	Falling bool

	// Meet returns once all parts have called it. It is called in the middle of the steps that
	// have two passes, those of the GRU, reset-before form, if Of > 1; otherwise it may be nil.
	Meet func()
}

// meet waits between two passes.
func (p StepPart) meet() {
	if p.Of > 1 {
		p.Meet()
	}
}

// units returns the range of units of a part, cut at multiples of width. With more parts than
// panels, each of the first parts has one panel and the others have none; that also keeps the
// products here from overflowing.
func (p StepPart) units(hidden, width int) (from, to int) {
	n := (hidden + width - 1) / width
	of, index := min(max(1, p.Of), n), min(p.Index, n)
	return min(hidden, index*n/of*width), min(hidden, (index+1)*n/of*width)
}

// RNNFusedStep computes one time step of a plain recurrent network for a batch.
//
//	h = act(a + hPrev Whhᵀ)    act = tanh or ReLU
//
// s.Gates [B, H] is a: the input part of the pre-activations with its bias. It is overwritten with
// the whole pre-activations, s.H with the state. s.HPrev is read and may not be s.H; nothing
// else may overlap either.
//
// NaN, infinity, accuracy and flush are those of the product (see package blas) and of
// [RNNStep]. It panics if w is not packed for StepRNN and the instruction set in use, if a size is
// negative, a slice or stride too short. Zero sizes do nothing. It starts no goroutine and
// allocates nothing.
func RNNFusedStep[T Float](s *Step[T], w *StepWeights[T]) {
	if s.checkFused("RNNFusedStep", StepRNN, w) {
		var f fusedStep[T]
		f.set(opRNN, s, nil)
		f.run(w)
	}
}

// LSTMFusedStep computes one LSTM time step for a batch.
//
//	i f g o += hPrev Whhᵀ         then as LSTMStep:
//	i, f, o = σ(i), σ(f), σ(o)    g = tanh(g)
//	c = f⊙cPrev + i⊙g             h = o⊙tanh(c)
//
// s.Gates is [B, 4H], gate order i f g o: the input part of the pre-activations with its bias. It is
// overwritten with the activated gates, which the backward step reads; s.H and s.C are overwritten.
// s.C may be s.CPrev; nothing else may overlap, s.H and s.HPrev neither: all of the state before is
// read for every unit.
//
// NaN, infinity, accuracy and flush are those of the product (see package blas) and of
// [LSTMStep]. It panics if w is not packed for StepLSTM and the instruction set in use, if a size is
// negative, a slice or stride too short. Zero sizes do nothing. It starts no goroutine and
// allocates nothing.
func LSTMFusedStep[T Float](s *Step[T], w *StepWeights[T]) {
	if s.checkFused("LSTMFusedStep", StepLSTM, w) {
		var f fusedStep[T]
		f.set(opLSTM, s, nil)
		f.run(w)
	}
}

// GRUFusedStep computes one time step of a GRU, reset-after form, for a batch.
//
//	r z += hPrev Whhᵀ    hn = bhn + hPrev Whnᵀ    then as GRUStep:
//	r, z = σ(r), σ(z)    n = tanh(n + r⊙hn)       h = (1-z)⊙n + z⊙hPrev
//
// s.Gates is [B, 4H], order r z n hn: r, z and n hold the input part of the pre-activations with its
// bias, hn is not read. It is overwritten with the activated r z n and with hn, which the backward
// step reads; s.H is overwritten. Nothing may overlap.
//
// NaN, infinity, accuracy and flush are those of the product (see package blas) and of
// [GRUStep]. It panics if w is not packed for StepGRU and the instruction set in use, if a size is
// negative, a slice or stride too short. Zero sizes do nothing. It starts no goroutine and
// allocates nothing.
func GRUFusedStep[T Float](s *Step[T], w *StepWeights[T]) {
	if s.checkFused("GRUFusedStep", StepGRU, w) {
		var f fusedStep[T]
		f.set(opGRU, s, nil)
		f.run(w)
	}
}

// GRUBeforeFusedStep computes one time step of a GRU, reset-before form, for a batch.
//
//	r z += hPrev Whhᵀ    r, z = σ(r), σ(z)    rh = r⊙hPrev
//	n += rh Whnᵀ         n = tanh(n)          h = (1-z)⊙n + z⊙hPrev
//
// s.Gates is [B, 4H], order r z n rh: r, z and n hold the input part of the pre-activations with its
// bias, rh is not read. It is overwritten with the activated r z n and with rh, which the backward
// step reads; s.H is overwritten. Nothing may overlap.
//
// NaN, infinity, accuracy and flush are those of the product (see package blas) and of
// [GRUBeforeReset] and [GRUBeforeUpdate]. It panics if w is not packed for StepGRUBefore and the
// instruction set in use, if a size is negative, a slice or stride too short. Zero sizes do nothing.
// It starts no goroutine and allocates nothing.
func GRUBeforeFusedStep[T Float](s *Step[T], w *StepWeights[T]) {
	if !s.checkFused("GRUBeforeFusedStep", StepGRUBefore, w) {
		return
	}
	var f fusedStep[T]
	f.set(opGRUReset, s, nil)
	f.run(w)
	s.Part.meet()
	f.op = opGRUUpdate
	f.run(w)
}

// roundBF16 returns the bfloat16 nearest to x, ties to even, +0 for a denormal.
func roundBF16(x float32) float32 {
	b := math.Float32bits(x)
	if x == x {
		b += 0x7fff + b>>16&1
	} else {
		b |= 1 << 22 // of a NaN, the bits that are left may be those of Inf
	}
	if b &^= 0xffff; b&0x7f800000 == 0 {
		b = 0
	}
	return math.Float32frombits(b)
}
