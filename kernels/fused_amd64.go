//go:build !purego

package kernels

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/avx2"
	"github.com/elbow-go/elbow/asm/avx512"
)

// The fused steps in machine code:
//
//	for each panel of weights, or two of them
//	    for each few rows of the batch      tile: the chains of these rows and units
//	                                        gates of these rows and units
//
// A tile leaves its chains in the rows of pre-activations, from where the gate kernel takes
// them out of the first cache. Two panels at a time give it two vectors of units to work on
// in turn.

// stepCallWork is the most vectors times steps in one call of machine code: some 20
// microseconds, since no call can be preempted.
const stepCallWork = 1 << 16

// pack packs weights for the instruction set in use, if there is machine code.
func (p *stepPanels) pack(kind StepKind, whh []float32, hidden int, training bool) bool {
	switch asm.Active() {
	case asm.AVX512:
		p.packLanes(kind, whh, hidden, 16, training)
	case asm.AVX2:
		p.packLanes(kind, whh, hidden, 8, training)
	default:
		return false
	}
	return true
}

// tileRows is the most rows of a tile of so many vectors.
func tileRows(isa asm.ISA, vecs int) int {
	if isa == asm.AVX512 {
		return [...]int{0, 8, 8, 8, 6}[vecs]
	}
	return [...]int{0, 8, 6, 4, 3}[vecs]
}

func gemmTiles(isa asm.ISA, args *avx512.GemmArgs) {
	switch isa {
	case asm.AVX512:
		avx512.GemmTiles(args)
	case asm.AVX2:
		avx2.GemmTiles((*avx2.GemmArgs)(args))
	}
}

// A stepProduct is the product of a fused step: C += A W, or C = A W.
type stepProduct struct {
	set         *panelSet
	a, c        []float32
	lda, ldc    int
	rows        int
	zero        bool // chains start at +0
	cvec, clast int  // distances in C of the second and of the last gate
	split, skip int  // from column split on, those of A lie skip further
}

// product returns the product of a pass.
func (f *fusedStep) product(p *stepPanels) stepProduct {
	h, ldg := f.hidden, f.ldg
	sp := stepProduct{set: &p.forward[0], a: f.hx, lda: h, c: f.gates, ldc: ldg, rows: f.batch, split: h}
	switch f.op {
	case opLSTM:
		sp.cvec, sp.clast = h, 3*h
	case opGRU:
		sp.cvec, sp.clast = h, 3*h // r z, and hn
	case opGRUReset:
		sp.cvec, sp.clast = h, h
	case opGRUUpdate:
		sp.set, sp.a, sp.lda, sp.c = &p.forward[1], f.gates[3*h:], ldg, f.gates[2*h:]
	case opRNNBackward, opLSTMBackward, opGRUBackward, opGRUUpdateBackward, opRecurrentGrad:
		set := &p.backward[0]
		sp = stepProduct{set: set, a: f.dnext, lda: ldg, c: f.dh, ldc: h, rows: f.next, split: set.steps}
		if set.steps == 3*h {
			sp.split, sp.skip = 2*h, h // r z, and hn behind n
		}
	case opGRUResetBackward:
		sp = stepProduct{set: &p.backward[1], a: f.dgates[2*h:], lda: ldg, c: f.dh, ldc: h, rows: f.batch, zero: true, split: h}
	}
	return sp
}

// run does one pass.
func (f *fusedStep) run(p *stepPanels) {
	sp := f.product(p)
	units := sp.set.width()
	if sp.set.gates > 0 {
		units *= 2
	}
	groups := (f.hidden + units - 1) / units
	isa := asm.Active()
	for g := range groups {
		if f.falling {
			g = groups - 1 - g
		}
		f.group(isa, &sp, g*units, min(units, f.hidden-g*units))
	}
}

// group does one pass for n units.
func (f *fusedStep) group(isa asm.ISA, p *stepProduct, unit, n int) {
	s := p.set
	for k0, k1 := 0, 0; k0 < s.steps; k0 = k1 {
		k1 = s.steps
		a := k0
		if k0 < p.split {
			k1 = min(k1, p.split)
		} else {
			a += p.skip
		}
		most := tileRows(isa, s.vecs(unit))
		count := (p.rows + most - 1) / most
		for row := 0; row < p.rows; {
			rows := (p.rows - row + count - 1) / count
			count--
			if k0 == 0 {
				f.before(row, rows, unit, n)
			}
			for u := unit; u < unit+n; u += s.width() {
				vecs := s.vecs(u)
				args := avx512.GemmArgs{
					A: &p.a[row*p.lda+a], B: &s.data[s.at(u)+k0*vecs*s.lanes], C: &p.c[row*p.ldc+u],
					ARow: 4 * p.lda, AStep: 4, BStep: 4 * vecs * s.lanes, CRow: 4 * p.ldc,
					K: k1 - k0, Tiles: 1, Rows: rows, Vecs: vecs, Start: 1,
				}
				if s.gates > 0 {
					args.CVec, args.CLast = 4*p.cvec, 4*p.clast
					args.Tail = min(s.lanes, s.units-u)
				} else {
					args.CVec, args.CLast = 4*s.lanes, 4*s.lanes*(vecs-1)
					args.Tail = min(s.lanes, s.units-u-(vecs-1)*s.lanes)
				}
				if p.zero && k0 == 0 {
					args.Start = 0
				}
				gemmTiles(isa, &args)
			}
			if k1 == s.steps {
				f.after(isa, row, rows, unit, n)
			}
			row += rows
		}
	}
	for row := p.rows; row < f.batch; {
		rows := min(f.batch-row, maxElems/2/n)
		f.after(isa, row, rows, unit, n)
		row += rows
	}
}

// before makes the starts of the chains of some rows and units, where they are not there yet.
func (f *fusedStep) before(row, rows, unit, n int) {
	if f.op == opGRU {
		SetRows(f.gates[row*f.ldg+3*f.hidden+unit:], f.bhn[unit:], rows, n, f.ldg)
	}
}

// after does what follows the product, for some rows and units.
func (f *fusedStep) after(isa asm.ISA, row, rows, unit, n int) {
	h, ldg := f.hidden, f.ldg
	at, g := row*h+unit, row*ldg+unit
	switch f.op {
	case opRNN:
		rnnUnits(isa, f.hy[at:], f.gates[g:], rows, n, h, ldg, f.act)
	case opLSTM:
		cx, has := f.hy[at:], uint32(0)
		if f.cx != nil {
			cx, has = f.cx[at:], 1<<32-1
		}
		lstmUnits(isa, f.hy[at:], f.cy[at:], f.gates[g:], cx, has, f.peepholes(unit), rows, n, h, ldg)
	case opGRU:
		gruUnits(isa, f.hy[at:], f.gates[g:], f.gates[g+3*h:], f.hx[at:], 1<<32-1, rows, n, h, ldg, ldg)
	case opGRUReset:
		gruResetUnits(isa, f.gates[g+3*h:], f.gates[g:], f.hx[at:], 1<<32-1, rows, n, h, ldg, ldg)
	case opGRUUpdate:
		gruUpdateUnits(isa, f.hy[at:], f.gates[g:], f.hx[at:], 1<<32-1, rows, n, h, ldg)
	case opRNNBackward:
		rnnUnitsBackward(isa, f.dgates[g:], f.dh[at:], f.hy[at:], rows, n, h, ldg, f.act)
	case opLSTMBackward:
		cx, hasCx, dcy, hasDcy := f.dh[at:], uint32(0), f.dh[at:], uint32(0)
		if f.cx != nil {
			cx, hasCx = f.cx[at:], 1<<32-1
		}
		if f.dcy != nil {
			dcy, hasDcy = f.dcy[at:], 1<<32-1
		}
		lstmUnitsBackward(isa, f.dgates[g:], f.dcx[at:], f.dh[at:], dcy, f.gates[g:], cx, f.cy[at:], hasCx, hasDcy,
			f.peepholes(unit), rows, n, h, ldg)
	case opGRUBackward:
		gruUnitsBackward(isa, f.dgates[g:], f.dgates[g+3*h:], f.dhx[at:], f.dh[at:], f.gates[g:], f.gates[g+3*h:], f.hx[at:], 1<<32-1,
			rows, n, h, ldg, ldg)
	case opGRUUpdateBackward:
		gruUpdateUnitsBackward(isa, f.dgates[g:], f.dhx[at:], f.dh[at:], f.gates[g:], f.hx[at:], 1<<32-1, rows, n, h, ldg)
	case opGRUResetBackward:
		gruResetUnitsBackward(isa, f.dgates[g:], f.dhx[at:], f.dh[at:], f.gates[g:], f.hx[at:], 1<<32-1, rows, n, h, ldg, h)
	}
}

func (f *fusedStep) peepholes(unit int) []float32 {
	if f.peephole == nil {
		return nil
	}
	return f.peephole[unit:]
}
