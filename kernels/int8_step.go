package kernels

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/internal/tile"
)

// An int8Step has the recurrent weights of a layer as int8. Each part goes to columns of the
// pre-activations of its own: those of the candidate of a GRU lie behind the gates, or are
// multiplied by themselves.
type int8Step [2]struct {
	w   Int8Weights
	col int
}

// PackInt8 is Pack for inference with weights quantised to int8, a quarter of the memory. A step
// quantises the state before it as well, row by row, as [Int8Weights] says, and its product is that of
// [GemmInt8]; the gates are computed as ever. So the bits do not depend on the instruction set.
//
// A step takes between a quarter and a half of the time where reading the weights is all the work, and about
// a quarter with many rows as well where the machine has an instruction for products of bytes (AVX-512 VNNI). The error of
// a weight is relative to the largest one of its gate and unit, at most 1/254 of it.
//
// PackInt8 panics as Pack does, if the weights are float64, and if hidden is larger than [MaxInt8In]. It allocates.
func (w *StepWeights[T]) PackInt8(kind StepKind, whh []T, hidden int) {
	const fn = "StepWeights.PackInt8"
	n := checkPack(fn, kind, len(whh), hidden)
	if !is32[T]() {
		panic("kernels: " + fn + ": the weights are float64, want float32")
	}
	checkMost(fn, "hidden", hidden, MaxInt8In)
	h, l, b := hidden, stepLayouts[kind], f32s(whh[:n])
	*w = StepWeights[T]{kind: kind, hidden: h, ready: true, isa: asm.Active(), int8: new(int8Step)}
	rows := l.first // blocks of the first part
	if l.last >= l.first {
		rows-- // the last one lies apart
	}
	w.int8[0].w.Pack(b, rows*h, h, h)
	w.int8[1].w.Pack(b[rows*h*h:], (l.gates-rows)*h, h, h)
	if w.int8[1].col = rows * h; l.last >= l.first {
		w.int8[1].col = l.last * h
	}
}

// runInt8 is run with weights of int8.
func (f *fusedStep[T]) runInt8(w *StepWeights[T]) {
	f.p = tile.Step[T]{ISA: w.isa} // which the gates read
	if f.Part.Index > 0 {
		return // one part has all units: see StepWeights.Divides
	}
	gates, room := f32s(f.Gates), int8Rooms.Get()
	switch f.op {
	case opGRUUpdate: // n, of r h
		room.rows.quantize(gates[3*f.hidden:], f.Batch, f.hidden, f.Ld)
		room.multiply(gates[w.int8[1].col:], &w.int8[1].w, f.Ld)
	case opGRU:
		SetRows(gates[3*f.hidden:], f32s(f.Bhn), f.Batch, f.hidden, f.Ld)
		room.rows.quantize(f32s(f.HPrev), f.Batch, f.hidden, f.hidden)
		room.multiply(gates, &w.int8[0].w, f.Ld)
		room.multiply(gates[w.int8[1].col:], &w.int8[1].w, f.Ld)
	default:
		room.rows.quantize(f32s(f.HPrev), f.Batch, f.hidden, f.hidden)
		room.multiply(gates, &w.int8[0].w, f.Ld)
	}
	int8Rooms.Put(room)
	f.after(0, f.Batch, 0, f.hidden)
}
