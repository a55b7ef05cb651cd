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
//	gates, hx, cx --LSTMFusedStep RNN.. GRU.. GRUBefore..--> hy, cy
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
	w.kind, w.hidden, w.ready, w.training, w.isa = kind, h, true, training, asm.Active()
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
func (w *StepWeights[T]) Divides() bool { return w.machine() }

// check panics unless w is packed for what fn is going to do, and part is one.
func (w *StepWeights[T]) check(fn string, kind StepKind, hidden int, training bool, part StepPart) {
	switch {
	case w == nil || !w.ready:
		panic("kernels: " + fn + ": the weights are not packed: call Pack")
	case w.kind != kind || w.hidden != hidden:
		panic(fmt.Sprintf("kernels: %s: weights of kind %d and %d units, want kind %d and %d units", fn, w.kind, w.hidden, kind, hidden))
	case training && !w.training:
		panic("kernels: " + fn + ": the weights are packed for inference only: call Pack with training set")
	case w.isa != asm.Active():
		panic(fmt.Sprintf("kernels: %s: the weights are packed for isa = %v, want %v: call Pack again after asm.Use", fn, w.isa, asm.Active()))
	case part.Of > 1 && part.Meet == nil && stepLayouts[kind].twoPasses():
		panic("kernels: " + fn + ": part.Meet = nil, want a function: a step of this kind has two passes")
	}
	checkSize(fn, "part.Index", part.Index, 0)
	checkMost(fn, "part.Index", part.Index, max(1, part.Of)-1)
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
//	h = act(a + hx Whhᵀ)    act = tanh or ReLU
//
// a is [B, H], row stride lda ≥ H: the input part of the pre-activations with its bias. hx
// and hy are [B, H], dense, row-major. a is overwritten with the whole pre-activations, hy
// with the state. No arguments may overlap. part is as in [StepPart].
//
// NaN, infinity, accuracy and flush are those of the product (see package blas) and of
// [RNNStep]. It panics if w is not packed for StepRNN, H units and the instruction set in
// use, if a size is negative, a slice or stride too short. Zero sizes do nothing. It starts
// no goroutine and allocates nothing.
func RNNFusedStep[T Float](hy, a, hx []T, w *StepWeights[T], batch, hidden, lda int, act Activation, part StepPart) {
	const fn = "RNNFusedStep"
	checkGateSizes(fn, batch, hidden)
	checkAct(fn, act)
	w.check(fn, StepRNN, hidden, false, part)
	checkGate(fn, "hy", len(hy), batch, hidden, hidden)
	checkSize(fn, "lda", lda, hidden)
	checkGate(fn, "a", len(a), batch, hidden, lda)
	checkGate(fn, "hx", len(hx), batch, hidden, hidden)
	if batch == 0 || hidden == 0 {
		return
	}
	f := fusedStep[T]{op: opRNN, act: act, batch: batch, hidden: hidden, ldg: lda, part: part,
		hy: hy, gates: a, hx: hx}
	f.run(w)
}

// LSTMFusedStep computes one LSTM time step for a batch.
//
//	i f g o += hx Whhᵀ            then as LSTMStep:
//	i, f, o = σ(i), σ(f), σ(o)    g = tanh(g)
//	cy = f⊙cx + i⊙g               hy = o⊙tanh(cy)
//
// gates is [B, 4H], gate order i f g o, row stride ldg ≥ 4H: the input part of the
// pre-activations with its bias. hx, cx, hy and cy are [B, H], dense, row-major; peephole is
// nil or [3H], as in [LSTMStep]. cx nil is a state of zeros. gates is overwritten with the
// activated gates, which the backward step reads; hy and cy are overwritten. cy may be cx; no
// other arguments may overlap, hy and hx neither: all of hx is read for every unit.
// part is as in [StepPart].
//
// NaN, infinity, accuracy and flush are those of the product (see package blas) and of
// [LSTMStep]. It panics if w is not packed for StepLSTM, H units and the instruction set in
// use, if a size is negative, a slice or stride too short. Zero sizes do nothing. It starts
// no goroutine and allocates nothing.
func LSTMFusedStep[T Float](hy, cy, gates, hx, cx, peephole []T, w *StepWeights[T], batch, hidden, ldg int, part StepPart) {
	const fn = "LSTMFusedStep"
	checkGateSizes(fn, batch, hidden)
	w.check(fn, StepLSTM, hidden, false, part)
	checkGate(fn, "hy", len(hy), batch, hidden, hidden)
	checkGate(fn, "cy", len(cy), batch, hidden, hidden)
	checkSize(fn, "ldg", ldg, size.Mul(4, hidden))
	checkGate(fn, "gates", len(gates), batch, size.Mul(4, hidden), ldg)
	checkGate(fn, "hx", len(hx), batch, hidden, hidden)
	checkGateOrNil(fn, "cx", cx, batch, hidden)
	checkGateOrNil(fn, "peephole", peephole, 1, size.Mul(3, hidden))
	if batch == 0 || hidden == 0 {
		return
	}
	f := fusedStep[T]{op: opLSTM, batch: batch, hidden: hidden, ldg: ldg, part: part,
		hy: hy, cy: cy, gates: gates, hx: hx, cx: cx, peephole: peephole}
	f.run(w)
}

// GRUFusedStep computes one time step of a GRU, reset-after form, for a batch.
//
//	r z += hx Whhᵀ       hn = bhn + hx Whnᵀ      then as GRUStep:
//	r, z = σ(r), σ(z)    n = tanh(n + r⊙hn)      hy = (1-z)⊙n + z⊙hx
//
// gates is [B, 4H], order r z n hn, row stride ldg ≥ 4H: r, z and n hold the input part of the
// pre-activations with its bias, hn is not read. bhn is [H]; hx and hy are [B, H], dense,
// row-major. gates is overwritten with the activated r z n and with hn, which the backward
// step reads; hy is overwritten. No arguments may overlap. part is as in [StepPart].
//
// NaN, infinity, accuracy and flush are those of the product (see package blas) and of
// [GRUStep]. It panics if w is not packed for StepGRU, H units and the instruction set in
// use, if a size is negative, a slice or stride too short. Zero sizes do nothing. It starts
// no goroutine and allocates nothing.
func GRUFusedStep[T Float](hy, gates, hx, bhn []T, w *StepWeights[T], batch, hidden, ldg int, part StepPart) {
	const fn = "GRUFusedStep"
	checkGateSizes(fn, batch, hidden)
	w.check(fn, StepGRU, hidden, false, part)
	checkGate(fn, "hy", len(hy), batch, hidden, hidden)
	checkSize(fn, "ldg", ldg, size.Mul(4, hidden))
	checkGate(fn, "gates", len(gates), batch, size.Mul(4, hidden), ldg)
	checkGate(fn, "hx", len(hx), batch, hidden, hidden)
	checkLen(fn, "bhn", len(bhn), hidden)
	if batch == 0 || hidden == 0 {
		return
	}
	f := fusedStep[T]{op: opGRU, batch: batch, hidden: hidden, ldg: ldg, part: part,
		hy: hy, gates: gates, hx: hx, bhn: bhn}
	f.run(w)
}

// GRUBeforeFusedStep computes one time step of a GRU, reset-before form, for a batch.
//
//	r z += hx Whhᵀ    r, z = σ(r), σ(z)    rh = r⊙hx
//	n += rh Whnᵀ      n = tanh(n)          hy = (1-z)⊙n + z⊙hx
//
// gates is [B, 4H], order r z n rh, row stride ldg ≥ 4H: r, z and n hold the input part of the
// pre-activations with its bias, rh is not read. hx and hy are [B, H], dense, row-major. gates
// is overwritten with the activated r z n and with rh, which the backward step reads; hy is
// overwritten. No arguments may overlap. part is as in [StepPart].
//
// NaN, infinity, accuracy and flush are those of the product (see package blas), of
// [GRUBeforeReset] and [GRUBeforeUpdate]. It panics if w is not packed for StepGRUBefore, H
// units and the instruction set in use, if a size is negative, a slice or stride too short.
// Zero sizes do nothing. It starts no goroutine and allocates nothing.
func GRUBeforeFusedStep[T Float](hy, gates, hx []T, w *StepWeights[T], batch, hidden, ldg int, part StepPart) {
	const fn = "GRUBeforeFusedStep"
	checkGateSizes(fn, batch, hidden)
	w.check(fn, StepGRUBefore, hidden, false, part)
	checkGate(fn, "hy", len(hy), batch, hidden, hidden)
	checkSize(fn, "ldg", ldg, size.Mul(4, hidden))
	checkGate(fn, "gates", len(gates), batch, size.Mul(4, hidden), ldg)
	checkGate(fn, "hx", len(hx), batch, hidden, hidden)
	if batch == 0 || hidden == 0 {
		return
	}
	f := fusedStep[T]{op: opGRUReset, batch: batch, hidden: hidden, ldg: ldg, part: part,
		hy: hy, gates: gates, hx: hx}
	f.run(w)
	part.meet()
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
