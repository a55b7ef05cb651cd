package kernels

import (
	"github.com/elbow-go/elbow/asm/simd"
	"github.com/elbow-go/elbow/internal/tile"
)

// The driver of all fused steps:
//
//	for each group of units                        one or two panels of weights, or more
//	    for each block of k, and chunk of rows     a piece of the product
//	                                               gates of these rows and units
//
// The product leaves its chains in the rows of pre-activations, from where the gate kernel takes
// them out of the first cache. A group of two panels gives that two vectors of units to work on in
// turn. Where the weights stay in the L2 cache and there is machine code for it, gates are computed
// among the product of the next tile instead: see simd.LSTMTiles. In plain Go the only group has
// all units, and the only piece all rows.

// A fusedOp is one pass of a fused step: a product and what follows each piece of it.
type fusedOp uint8

const (
	opRNN fusedOp = iota
	opLSTM
	opGRU
	opGRUReset
	opGRUUpdate
	opRNNBackward
	opLSTMBackward
	opGRUBackward
	opGRUUpdateBackward
	opGRUResetBackward
	opRecurrentGrad
)

// A fusedStep is one pass over the arguments of a step and, on the way back, its gradients.
type fusedStep[T Float] struct {
	op     fusedOp
	hidden int
	Step[T]
	d StepGrad[T]

	machine bool // gates are computed in machine code, some units at a time
	p       tile.Step[T]
	last    lateTile
}

// A lateTile is the rows and the first unit of a tile whose gates are yet to be computed.
type lateTile struct{ row, rows, unit int }

// lateSize is the size of a set of panels up to which gates are computed among the product. The
// tiles for that are lower than others, and would read a larger set too often.
const lateSize = 1 << 18

// lateRows is the most rows of a tile with gates among it, of so many rows in all. Five rows read the panel
// less often than four, but leave the gates so few registers that they need the stack. Where a panel
// passes by slowly that does not pay, unless the rows are just as many as make tiles of five.
func lateRows(hidden, rows int) int {
	if hidden <= 160 || rows > 10 && halves {
		return 4
	}
	return 5
}

var halves = tile.Halves()

// set copies the arguments, field by field: what was just put together elsewhere is read the way it
// was written. d is nil on the way forward.
func (f *fusedStep[T]) set(op fusedOp, s *Step[T], d *StepGrad[T]) {
	f.op = op
	f.H, f.C, f.Gates, f.HPrev, f.CPrev = s.H, s.C, s.Gates, s.HPrev, s.CPrev
	f.Peephole, f.Bhn, f.Act, f.Batch, f.Ld = s.Peephole, s.Bhn, s.Act, s.Batch, s.Ld
	f.Part.Index, f.Part.Of, f.Part.Falling, f.Part.Meet = s.Part.Index, s.Part.Of, s.Part.Falling, s.Part.Meet
	if d != nil {
		f.d.H, f.d.C, f.d.Gates, f.d.HPrev, f.d.CPrev = d.H, d.C, d.Gates, d.HPrev, d.CPrev
		f.d.Next, f.d.NextRows = d.Next, d.NextRows
	}
}

// product sets f.p to the product of a pass.
func (f *fusedStep[T]) product(w *StepWeights[T]) {
	h, ldg, p, layout := f.hidden, f.Ld, &f.p, stepLayouts[w.kind]
	p.ISA, p.Rows, p.Split, p.Gate, p.Last = w.isa, f.Batch, h, 0, 0
	switch f.op {
	case opRNN, opLSTM, opGRU, opGRUReset:
		p.W, p.A, p.LDA, p.C, p.LDC = &w.forward[0], f.HPrev, h, f.Gates, ldg
		p.Gate, p.Last = h, layout.last*h
	case opGRUUpdate: // n, of r h
		p.W, p.A, p.LDA, p.C, p.LDC = &w.forward[1], f.Gates[3*h:], ldg, f.Gates[2*h:], ldg
	case opRNNBackward, opLSTMBackward, opGRUBackward, opGRUUpdateBackward, opRecurrentGrad:
		p.W, p.A, p.LDA, p.C, p.LDC = &w.backward[0], f.d.Next, ldg, f.d.H, h
		p.Rows = f.d.NextRows
		p.Split, p.Skip = layout.first*h, 0
		if apart := layout.last + 1 - layout.first; apart > 0 {
			p.Split, p.Skip = p.Split-h, apart*h
		}
	case opGRUResetBackward:
		p.W, p.A, p.LDA, p.C, p.LDC = &w.backward[1], f.d.Gates[2*h:], ldg, f.d.H, h
		p.Zero = true
	}
}

// run does one pass.
func (f *fusedStep[T]) run(w *StepWeights[T]) {
	f.machine, f.hidden = w.machine(), w.hidden
	if w.int8 != nil {
		f.runInt8(w)
		return
	}
	f.product(w)
	p := &f.p
	if f.machine && simd.Among(w.isa) && f.op == opLSTM && f.Peephole == nil && p.Small(lateSize) {
		p.MostRows = lateRows(f.hidden, f.Batch)
	}
	group, width := p.Units()
	from, to := f.Part.units(f.hidden, width)
	var room tile.Room
	p.PackRows(&room, to-from)
	groups := (to - from + group - 1) / group
	unit, ahead := from, group
	if f.Part.Falling {
		unit, ahead = from+(groups-1)*group, -group
	}
	for left := groups; left > 0; left-- {
		next := unit + ahead
		if left == 1 {
			next = f.hidden
		}
		f.group(unit, min(group, to-unit), next)
		unit = next
	}
	room.Free()
	if t := &f.last; t.rows > 0 {
		f.after(t.row, t.rows, t.unit, width)
		t.rows = 0
	}
}

// group does one pass for n units. next is the first of those that follow, or the number of all
// units.
func (f *fusedStep[T]) group(unit, n, next int) {
	p := &f.p
	for p.Start(unit, n, next); p.Next(); {
		if f.op == opGRU && p.Initial() {
			SetRows(f.Gates[p.Row*f.Ld+3*f.hidden+unit:], f.Bhn[unit:], p.Count, n, f.Ld)
		}
		if p.Own() {
			lateTiles(any(f).(*fusedStep[float32]), unit)
			continue
		}
		p.Multiply()
		if p.Final() {
			f.after(p.Row, p.Count, unit, n)
		}
	}
	if p.Rows < f.Batch { // without a step behind this one
		f.after(p.Rows, f.Batch-p.Rows, unit, n)
	}
}

// lateTiles does the tiles of a piece and, among them, the gates of the rows and units in f.last,
// whose place the last of these tiles takes.
func lateTiles(f *fusedStep[float32], unit int) {
	var t tile.Args[float32]
	f.p.Args(&t, unit)
	if t.Next == nil {
		t.Next, t.NextStep = t.B, 0 // which is there
	}
	h, last := f.hidden, &f.last
	at, lastAt := f.p.Row*h+unit, last.row*h+last.unit
	cx, has := either(f.CPrev, f.H)
	simd.LSTMTiles(f.p.ISA, t.A, t.B, t.Next, t.C, &f.H[at], &f.C[at], &cx[at],
		&f.Gates[last.row*f.Ld+last.unit], &f.H[lastAt], &f.C[lastAt], &cx[lastAt],
		t.NextStep, last.rows, h, f.Ld, t.K, t.Tiles, t.Rows, has)
	*last = lateTile{f.p.Row + (t.Tiles-1)*t.Rows, t.Rows, unit}
}

// after does what follows the product, for some rows and units.
func (f *fusedStep[T]) after(row, rows, unit, n int) {
	if f.machine {
		unitGates(any(f).(*fusedStep[float32]), row, rows, unit, n)
	} else {
		f.rowGates(row, rows)
	}
}

// either returns x and all ones; for an x that is nil, another slice, which may be read in its
// place, and zero, which says that it does not count.
func either(x, other []float32) ([]float32, uint32) {
	if x == nil {
		return other, 0
	}
	return x, 1<<32 - 1
}

// unitGates is after in machine code.
func unitGates(f *fusedStep[float32], row, rows, unit, n int) {
	isa, h, ldg := f.p.ISA, f.hidden, f.Ld
	at, g := row*h+unit, row*ldg+unit
	const has = 1<<32 - 1
	var peephole *float32
	if f.Peephole != nil && (f.op == opLSTM || f.op == opLSTMBackward) {
		peephole = &f.Peephole[unit]
	}
	relu := f.Act == RNNReLU
	switch f.op {
	case opRNN:
		simd.RNNStep(isa, relu, &f.H[at], &f.Gates[g], rows, n, h, ldg)
	case opLSTM:
		cx, hasCx := either(f.CPrev, f.H)
		simd.LSTMStep(isa, &f.H[at], &f.C[at], &f.Gates[g], &cx[at], peephole, rows, n, h, ldg, hasCx)
	case opGRU:
		simd.GRUStep(isa, &f.H[at], &f.Gates[g], &f.Gates[g+3*h], &f.HPrev[at], rows, n, h, ldg, ldg, has)
	case opGRUReset:
		simd.GRUBeforeReset(isa, &f.Gates[g+3*h], &f.Gates[g], &f.HPrev[at], rows, n, ldg, ldg, h, has)
	case opGRUUpdate:
		simd.GRUBeforeUpdate(isa, &f.H[at], &f.Gates[g], &f.HPrev[at], rows, n, h, ldg, has)
	case opRNNBackward:
		simd.RNNStepBackward(isa, relu, &f.d.Gates[g], &f.d.H[at], &f.H[at], rows, n, ldg, h)
	case opLSTMBackward:
		cx, hasCx := either(f.CPrev, f.d.H)
		dcy, hasDcy := either(f.d.C, f.d.H)
		simd.LSTMStepBackward(isa, &f.d.Gates[g], &f.d.CPrev[at], &f.d.H[at], &dcy[at], &f.Gates[g], &cx[at], &f.C[at], peephole,
			rows, n, ldg, h, hasCx, hasDcy)
	case opGRUBackward:
		simd.GRUStepBackward(isa, &f.d.Gates[g], &f.d.Gates[g+3*h], &f.d.HPrev[at], &f.d.H[at], &f.Gates[g], &f.Gates[g+3*h], &f.HPrev[at],
			rows, n, ldg, ldg, h, has)
	case opGRUUpdateBackward:
		simd.GRUBeforeUpdateBackward(isa, &f.d.Gates[g], &f.d.HPrev[at], &f.d.H[at], &f.Gates[g], &f.HPrev[at], rows, n, ldg, h, has)
	case opGRUResetBackward:
		simd.GRUBeforeResetBackward(isa, &f.d.Gates[g], &f.d.HPrev[at], &f.d.H[at], &f.Gates[g], &f.HPrev[at], rows, n, ldg, h, h, has)
	}
}

// rowGates is after in plain Go, for all units.
func (f *fusedStep[T]) rowGates(row, rows int) {
	h := f.hidden
	cut := func(x []T, ld int) []T { // what the step does not need may be nil, or too short
		if len(x) < row*ld {
			return nil
		}
		return x[row*ld:]
	}
	s := &Step[T]{H: cut(f.H, h), C: cut(f.C, h), Gates: cut(f.Gates, f.Ld), HPrev: cut(f.HPrev, h), CPrev: cut(f.CPrev, h),
		Peephole: f.Peephole, Act: f.Act, Batch: rows, Ld: f.Ld}
	d := &StepGrad[T]{H: cut(f.d.H, h), C: cut(f.d.C, h), Gates: cut(f.d.Gates, f.Ld), HPrev: cut(f.d.HPrev, h), CPrev: cut(f.d.CPrev, h)}
	switch f.op {
	case opRNN:
		RNNStep(s, h)
	case opLSTM:
		LSTMStep(s, h)
	case opGRU:
		GRUStep(s, h)
	case opGRUReset:
		GRUBeforeReset(s, h)
	case opGRUUpdate:
		GRUBeforeUpdate(s, h)
	case opRNNBackward:
		RNNStepBackward(d, s, h)
	case opLSTMBackward:
		LSTMStepBackward(d, s, h)
	case opGRUBackward:
		GRUStepBackward(d, s, h)
	case opGRUUpdateBackward:
		GRUBeforeUpdateBackward(d, s, h)
	case opGRUResetBackward:
		GRUBeforeResetBackward(d, s, h)
	}
}
