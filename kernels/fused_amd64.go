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
// in turn. Where the weights stay in the L2 cache and there is machine code for it, gates are
// computed among the product of the next tile instead: see [avx512.LSTMTiles].

// stepCallWork is the most vectors times steps in one call of machine code: some 20
// microseconds, since no call can be preempted.
const stepCallWork = 1 << 16

// chunkRows is the most rows that go through the product before their gates are computed: the
// pre-activations of two panels' units are then 24 KB.
const chunkRows = 48

// blockSteps is the most steps in a block of a product: see [stepProduct.block].
const blockSteps = 512

// fetchFrom is the size, in elements, from which a set of panels is taken not to be in the L2
// cache any more when the next step comes: its panels are then fetched ahead. Where it is,
// that costs nothing to speak of.
const fetchFrom = 1 << 17

// fetchLines is how many lines may be fetched with a step. Of sets that come from the third cache
// anyway two can be, if there are few rows to make steps for; of those that the second holds a part
// of it would drive out that.
func (s *panelSet) fetchLines() int {
	if len(s.data) > 3<<18 {
		return 2
	}
	return 1
}

// pairs is how many pairs of panels a single row goes through before its gates are computed. Gates
// of few units hardly pay a call; but what was read last has to be read first if a step falls.
func (s *panelSet) pairs() int {
	n := 4
	for n > 1 && 2*n*s.at(s.first+s.width()) > 1<<17 {
		n /= 2
	}
	return n
}

// lateSize is the size up to which gates are computed among the product. Lower tiles read larger
// sets too often.
const lateSize = 1 << 18

// lateRows is the most rows of a tile with gates among it: see [avx512.LSTMTiles]. Five rows read
// the panel less often, and leave the gates so few registers that they need the stack.
func lateRows(steps int) int {
	if steps <= 160 {
		return 4
	}
	return 5
}

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

func gemmTile16(isa asm.ISA, args *avx512.GemmArgs) {
	switch isa {
	case asm.AVX512:
		avx512.GemmTile16(args)
	case asm.AVX2:
		avx2.GemmTile16((*avx2.GemmArgs)(args))
	}
}

func gemmRow(isa asm.ISA, half bool, args *avx512.RowArgs) {
	switch {
	case isa == asm.AVX512 && half:
		avx512.GemmRow16(args)
	case isa == asm.AVX512:
		avx512.GemmRow(args)
	case isa == asm.AVX2 && half:
		avx2.GemmRow16((*avx2.RowArgs)(args))
	case isa == asm.AVX2:
		avx2.GemmRow((*avx2.RowArgs)(args))
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

// block returns the end of the block of steps that starts with k0. A block of a group of
// panels has to stay in the L2 cache, beside the one that is fetched meanwhile, until all rows
// have been through it; so have the rows of A. The chains are in C between blocks.
func (p *stepProduct) block(k0 int) int {
	from, to := 0, p.split
	if k0 >= p.split {
		from, to = p.split, p.set.steps
	}
	blocks := max(1, (to-from+blockSteps-1)/blockSteps)
	size := (to - from + blocks - 1) / blocks
	return min(to, k0+size+size%2) // no word in two blocks
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
	width := sp.set.width()
	isa := asm.Active()
	f.late = f.canBeLate(isa, &sp)
	units := width
	if sp.set.gates > 0 && !f.late || sp.rows == 1 || sp.set.first > 0 {
		units *= 2
	}
	if sp.set.first > 0 {
		width = units // panels of words come in pairs
	}
	if sp.rows == 1 {
		units *= sp.set.pairs()
	}
	from, to := f.part.units(f.hidden, width)
	groups := (to - from + units - 1) / units
	at := func(g int) int { // unit of the group that comes as number g
		if f.part.Falling {
			g = groups - 1 - g
		}
		return from + g*units
	}
	for g := range groups {
		next := f.hidden
		if g+1 < groups {
			next = at(g + 1)
		}
		f.group(isa, &sp, at(g), min(units, to-at(g)), next)
	}
	if t := &f.last; t.rows > 0 {
		f.after(isa, t.row, t.rows, t.unit, width)
		t.rows = 0
	}
}

// canBeLate reports whether gates may be computed among the product of the next tile, of full
// panels at least.
func (f *fusedStep) canBeLate(isa asm.ISA, p *stepProduct) bool {
	return isa == asm.AVX512 && f.op == opLSTM && f.peephole == nil &&
		p.rows > 1 && p.set.first == 0 && len(p.set.data) <= lateSize && p.block(0) == p.set.steps
}

// group does one pass for n units. next is the first of those that follow, or the number of
// all units.
func (f *fusedStep) group(isa asm.ISA, p *stepProduct, unit, n, next int) {
	s := p.set
	for k0, k1 := 0, 0; k0 < s.steps; k0 = k1 {
		a := k0 // column of A
		if k1 = p.block(k0); k0 >= p.split {
			a += p.skip
		}
		// What to fetch: the block of weights that comes next, a part of it with each tile.
		fetchUnit, fetchK := unit, k1
		if k1 == s.steps {
			fetchUnit, fetchK = next, 0
		}
		fetched, most := 0, tileRows(isa, s.vecs(unit))
		late := f.late && n == s.width()
		if late {
			most = lateRows(s.steps)
		}
		tiles := (p.rows + most - 1) / most
		fetching := tiles
		if late { // only tiles of five rows fetch
			fetching = max(0, p.rows-4*tiles)
		}
		fetchStep := 0 // bytes with each step of a tile
		if len(s.data) > fetchFrom && fetching > 0 {
			fetchStep = min(s.fetchLines()*4*lineFloats, (4*s.vecs(unit)*s.lanes+fetching-1)/fetching)
		}
		for row := 0; row < p.rows; {
			// Tiles as equal as can be, and as many of one size as are left, or make a chunk.
			rows := (p.rows - row + tiles - 1) / tiles
			same := tiles - (rows*tiles - (p.rows - row))
			run := max(1, min(same, chunkRows/rows, stepCallWork/(rows*s.vecs(unit)*(k1-k0))))
			tiles -= run
			if k0 == 0 {
				f.before(row, run*rows, unit, n)
			}
			u := unit
			pair := 2 * s.width()
			switch {
			case p.rows == 1:
				end := unit + n/pair*pair
				p.row(isa, row, u, min(end, s.first), k0, k1, a)
				p.row(isa, row, max(u, s.first), end, k0, k1, a)
				u = end
			case u < s.first:
				p.half(isa, row, run*rows, u, k0, k1, a)
				u += pair
			}
			for ; u < unit+n; u += s.width() {
				args := p.tile(row, u, k0, k1, a)
				args.Tiles, args.Rows = run, rows
				if fetchStep > 0 {
					args.Next, args.NextStep = s.from(fetchUnit+u-unit, fetchK, fetched/4), fetchStep
				}
				if late {
					f.tiles(&args, row, u)
				} else {
					gemmTiles(isa, &args)
				}
			}
			fetched += run * (k1 - k0) * fetchStep
			if k1 == s.steps && !late {
				f.after(isa, row, run*rows, unit, n)
			}
			row += run * rows
		}
	}
	for row := p.rows; row < f.batch; {
		rows := min(f.batch-row, maxElems/2/n)
		f.after(isa, row, rows, unit, n)
		row += rows
	}
}

// tiles does tiles of a product and, among it, the gates of the rows and units in f.last, whose
// place the last tile takes.
func (f *fusedStep) tiles(t *avx512.GemmArgs, row, unit int) {
	h, last := f.hidden, &f.last
	at, lastAt, lastGates := row*h+unit, last.row*h+last.unit, &f.gates[last.row*f.ldg+last.unit]
	cx, has := f.hy, uint32(0)
	if f.cx != nil {
		cx, has = f.cx, 1<<32-1
	}
	if t.Next == nil {
		t.Next, t.NextStep = t.B, 0 // which is there
	}
	avx512.LSTMTiles(t.A, t.B, t.Next, t.C, &f.hy[at], &f.cy[at], &cx[at], lastGates, &f.hy[lastAt], &f.cy[lastAt], &cx[lastAt],
		t.NextStep, last.rows, h, f.ldg, t.K, t.Tiles, t.Rows, has)
	*last = lateTile{row + (t.Tiles-1)*t.Rows, t.Rows, unit}
}

// tile returns the arguments for a block of steps of the panel of a unit, from a row on. A is
// read from column a.
func (p *stepProduct) tile(row, u, k0, k1, a int) avx512.GemmArgs {
	s, vecs := p.set, p.set.vecs(u)
	args := avx512.GemmArgs{
		A: &p.a[row*p.lda+a], B: s.from(u, k0, 0), C: &p.c[row*p.ldc+u],
		ARow: 4 * p.lda, AStep: 4, BStep: 4 * vecs * s.lanes, CRow: 4 * p.ldc, K: k1 - k0, Vecs: vecs, Start: 1,
	}
	if s.gates > 0 {
		args.CVec, args.CLast, args.Tail = 4*p.cvec, 4*p.clast, min(s.lanes, s.units-u)
	} else {
		args.CVec, args.CLast = 4*s.lanes, 4*s.lanes*(vecs-1)
		args.Tail = min(s.lanes, s.units-u-(vecs-1)*s.lanes)
	}
	if p.zero && k0 == 0 {
		args.Start = 0
	}
	return args
}

// half does a block of steps of two panels of bfloat16 for some rows.
func (p *stepProduct) half(isa asm.ISA, row, rows, unit, k0, k1, a int) {
	most := 4
	if isa == asm.AVX2 {
		most = 2
	}
	for tiles := (rows + most - 1) / most; tiles > 0; tiles-- {
		n := (rows + tiles - 1) / tiles
		if n == 1 {
			p.row(isa, row, unit, unit+2*p.set.width(), k0, k1, a)
		} else {
			for _, u := range [...]int{unit, unit + p.set.width()} {
				args := p.tile(row, u, k0, k1, a)
				args.B, args.Rows = p.set.wordsFrom(u, k0), n
				gemmTile16(isa, &args)
			}
		}
		row += n
		rows -= n
	}
}

// row does a block of steps of pairs of full panels, those of the units from u to end, for one row.
// A is read from column a.
func (p *stepProduct) row(isa asm.ISA, row, u, end, k0, k1, a int) {
	if u >= end {
		return
	}
	s, vecs := p.set, p.set.vecs(u)
	args := avx512.RowArgs{
		A: &p.a[row*p.lda+a], C: &p.c[row*p.ldc+u],
		AStep: 4, CVec: 4 * s.lanes, CLast: 4 * s.lanes * (vecs - 1), CPanel: 4 * s.width(), K: k1 - k0, Pairs: (end - u) / (2 * s.width()), Vecs: vecs, Start: 1,
	}
	half := u < s.first
	if half {
		args.B, args.B2 = s.wordsFrom(u, k0), s.wordsFrom(u+s.width(), k0)
	} else {
		args.B, args.B2 = s.from(u, k0, 0), s.from(u+s.width(), k0, 0)
	}
	if s.gates > 0 {
		args.CVec, args.CLast = 4*p.cvec, 4*p.clast
	}
	if p.zero && k0 == 0 {
		args.Start = 0
	}
	gemmRow(isa, half, &args)
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
