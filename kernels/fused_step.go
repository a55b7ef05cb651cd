package kernels

import (
	"github.com/elbow-go/elbow/asm"
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

// A fusedStep has the arguments of one fused step, those that it has.
type fusedStep[T Float] struct {
	op                       fusedOp
	act                      Activation
	part                     StepPart
	batch, next, hidden, ldg int
	hy, cy, gates, hx, cx    []T
	bhn, peephole            []T
	dgates, dcx, dhx, dh     []T
	dnext, dcy               []T

	machine bool // gates are computed in machine code, some units at a time
	p       tile.Step[T]
	last    lateTile
}

// A lateTile is the rows and the first unit of a tile whose gates are yet to be computed.
type lateTile struct{ row, rows, unit int }

// lateSize is the size of a set of panels up to which gates are computed among the product. The
// tiles for that are lower than others, and would read a larger set too often.
const lateSize = 1 << 18

// lateRows is the most rows of a tile with gates among it. Five rows read the panel less often than
// four, but leave the gates so few registers that they need the stack.
func lateRows(hidden int) int {
	if hidden <= 160 {
		return 4
	}
	return 5
}

// product sets f.p to the product of a pass.
func (f *fusedStep[T]) product(w *StepWeights[T]) {
	h, ldg, p, layout := f.hidden, f.ldg, &f.p, stepLayouts[w.kind]
	p.ISA, p.Rows, p.Split, p.Gate, p.Last = w.isa, f.batch, h, 0, 0
	switch f.op {
	case opRNN, opLSTM, opGRU, opGRUReset:
		p.W, p.A, p.LDA, p.C, p.LDC = &w.forward[0], f.hx, h, f.gates, ldg
		p.Gate, p.Last = h, layout.last*h
	case opGRUUpdate: // n, of r h
		p.W, p.A, p.LDA, p.C, p.LDC = &w.forward[1], f.gates[3*h:], ldg, f.gates[2*h:], ldg
	case opRNNBackward, opLSTMBackward, opGRUBackward, opGRUUpdateBackward, opRecurrentGrad:
		p.W, p.A, p.LDA, p.C, p.LDC = &w.backward[0], f.dnext, ldg, f.dh, h
		p.Rows = f.next
		p.Split, p.Skip = layout.first*h, 0
		if apart := layout.last + 1 - layout.first; apart > 0 {
			p.Split, p.Skip = p.Split-h, apart*h
		}
	case opGRUResetBackward:
		p.W, p.A, p.LDA, p.C, p.LDC = &w.backward[1], f.dgates[2*h:], ldg, f.dh, h
		p.Zero = true
	}
}

// run does one pass.
func (f *fusedStep[T]) run(w *StepWeights[T]) {
	f.machine = w.machine()
	f.product(w)
	p := &f.p
	if f.machine && w.isa == asm.AVX512 && f.op == opLSTM && f.peephole == nil && p.Small(lateSize) {
		p.MostRows = lateRows(f.hidden)
	}
	group, width := p.Units()
	from, to := f.part.units(f.hidden, width)
	var room tile.Room
	p.PackRows(&room, to-from)
	groups := (to - from + group - 1) / group
	unit, ahead := from, group
	if f.part.Falling {
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
			SetRows(f.gates[p.Row*f.ldg+3*f.hidden+unit:], f.bhn[unit:], p.Count, n, f.ldg)
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
	if p.Rows < f.batch { // without a step behind this one
		f.after(p.Rows, f.batch-p.Rows, unit, n)
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
	cx, has := either(f.cx, f.hy)
	simd.LSTMTiles(asm.AVX512, t.A, t.B, t.Next, t.C, &f.hy[at], &f.cy[at], &cx[at],
		&f.gates[last.row*f.ldg+last.unit], &f.hy[lastAt], &f.cy[lastAt], &cx[lastAt],
		t.NextStep, last.rows, h, f.ldg, t.K, t.Tiles, t.Rows, has)
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
	isa, h, ldg := f.p.ISA, f.hidden, f.ldg
	at, g := row*h+unit, row*ldg+unit
	const has = 1<<32 - 1
	var peephole *float32
	if f.peephole != nil {
		peephole = &f.peephole[unit]
	}
	relu := f.act == RNNReLU
	switch f.op {
	case opRNN:
		simd.RNNStep(isa, relu, &f.hy[at], &f.gates[g], rows, n, h, ldg)
	case opLSTM:
		cx, hasCx := either(f.cx, f.hy)
		simd.LSTMStep(isa, &f.hy[at], &f.cy[at], &f.gates[g], &cx[at], peephole, rows, n, h, ldg, hasCx)
	case opGRU:
		simd.GRUStep(isa, &f.hy[at], &f.gates[g], &f.gates[g+3*h], &f.hx[at], rows, n, h, ldg, ldg, has)
	case opGRUReset:
		simd.GRUBeforeReset(isa, &f.gates[g+3*h], &f.gates[g], &f.hx[at], rows, n, ldg, ldg, h, has)
	case opGRUUpdate:
		simd.GRUBeforeUpdate(isa, &f.hy[at], &f.gates[g], &f.hx[at], rows, n, h, ldg, has)
	case opRNNBackward:
		simd.RNNStepBackward(isa, relu, &f.dgates[g], &f.dh[at], &f.hy[at], rows, n, ldg, h)
	case opLSTMBackward:
		cx, hasCx := either(f.cx, f.dh)
		dcy, hasDcy := either(f.dcy, f.dh)
		simd.LSTMStepBackward(isa, &f.dgates[g], &f.dcx[at], &f.dh[at], &dcy[at], &f.gates[g], &cx[at], &f.cy[at], peephole,
			rows, n, ldg, h, hasCx, hasDcy)
	case opGRUBackward:
		simd.GRUStepBackward(isa, &f.dgates[g], &f.dgates[g+3*h], &f.dhx[at], &f.dh[at], &f.gates[g], &f.gates[g+3*h], &f.hx[at],
			rows, n, ldg, ldg, h, has)
	case opGRUUpdateBackward:
		simd.GRUBeforeUpdateBackward(isa, &f.dgates[g], &f.dhx[at], &f.dh[at], &f.gates[g], &f.hx[at], rows, n, ldg, h, has)
	case opGRUResetBackward:
		simd.GRUBeforeResetBackward(isa, &f.dgates[g], &f.dhx[at], &f.dh[at], &f.gates[g], &f.hx[at], rows, n, ldg, h, h, has)
	}
}

// rowGates is after in plain Go, for all units.
func (f *fusedStep[T]) rowGates(row, rows int) {
	h, ldg := f.hidden, f.ldg
	at, g := row*h, row*ldg
	from := func(s []T) []T { // nil stays nil
		if s == nil {
			return nil
		}
		return s[at:]
	}
	switch f.op {
	case opRNN:
		RNNStep(f.hy[at:], f.gates[g:], rows, h, ldg, f.act)
	case opLSTM:
		LSTMStep(f.hy[at:], f.cy[at:], f.gates[g:], from(f.cx), f.peephole, rows, h, ldg)
	case opGRU:
		GRUStep(f.hy[at:], f.gates[g:], f.gates[g+3*h:], f.hx[at:], rows, h, ldg, ldg)
	case opGRUReset:
		GRUBeforeReset(f.gates[g+3*h:], f.gates[g:], f.hx[at:], rows, h, ldg, ldg)
	case opGRUUpdate:
		GRUBeforeUpdate(f.hy[at:], f.gates[g:], f.hx[at:], rows, h, ldg)
	case opRNNBackward:
		RNNStepBackward(f.dgates[g:], f.dh[at:], f.hy[at:], rows, h, ldg, f.act)
	case opLSTMBackward:
		LSTMStepBackward(f.dgates[g:], f.dcx[at:], f.dh[at:], from(f.dcy), f.gates[g:], from(f.cx), f.cy[at:], f.peephole, rows, h, ldg)
	case opGRUBackward:
		GRUStepBackward(f.dgates[g:], f.dgates[g+3*h:], f.dhx[at:], f.dh[at:], f.gates[g:], f.gates[g+3*h:], f.hx[at:], rows, h, ldg, ldg)
	case opGRUUpdateBackward:
		GRUBeforeUpdateBackward(f.dgates[g:], f.dhx[at:], f.dh[at:], f.gates[g:], f.hx[at:], rows, h, ldg)
	case opGRUResetBackward:
		GRUBeforeResetBackward(f.dgates[g:], f.dhx[at:], f.dh[at:], f.gates[g:], f.hx[at:], rows, h, ldg, h)
	}
}
