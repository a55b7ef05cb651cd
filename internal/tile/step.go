package tile

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
)

const (
	// stepSteps is the most steps in a block of a recurrent product. A block of a group of panels
	// must stay in the L2 cache until all rows have used it, together with the rows of A and with
	// the next block, which is fetched meanwhile. Between blocks the chains are kept in C.
	stepSteps = 512

	// chunkRows is the most rows that are multiplied before the caller continues with them. The
	// pre-activations of the units of two panels then take 24 KB.
	chunkRows = 48

	// fetchFrom is the size of a set of panels, in elements, from which they are fetched ahead. A
	// larger set is assumed to have left the L2 cache by the time the next step needs it; for a
	// smaller one there is nothing to gain.
	fetchFrom = 1 << 17

	// fetchTwice is the size from which up to two cache lines are fetched with each step of a tile,
	// so that one tile or two, which have few steps in all, can fetch a whole panel. Such a set
	// always comes from the L3 cache. A smaller one is still partly in the L2 cache, and fetching
	// twice as fast would evict that part.
	fetchTwice = 3 << 18
)

// A Step is a recurrent product, C += A W or, with Zero, C = A W, in pieces. The caller processes each
// piece of C while it is in the L1 cache. A piece is a chunk of rows of a group of units. The order is
//
//	                                    PackRows
//	for each group of units             Start
//	    for each block of k             Next
//	        for each chunk of rows      Next: Multiply, or Args for machine code of the caller's own
//
// What has to happen before a product is done in pieces that are Initial, what follows it in those
// that are Final. A row of C has all units for each gate.
type Step[T Float] struct {
	ISA         asm.ISA // for a product without panels
	W           *Panels[T]
	A, C        []T
	LDA, LDC    int
	Rows        int
	Zero        bool // chains start at +0
	Gate, Last  int  // distances in C of the second and of the last gate
	Split, Skip int  // from column Split on, those of A lie Skip further
	MostRows    int  // if not 0, the caller multiplies full panels itself, in tiles of at most so many rows, of which only those of five fetch ahead

	// The piece.
	Row, Count int // its rows
	Tiles      int // the tiles that they make
	unit, n    int // its units
	k0, k1, a  int // steps, and column of A with which they start
	left       cut // the rows from the piece on
	own        bool
	fetch      ahead

	packed []T // A tile by tile, block of k by block of k, or nil: see PackRows
}

// ahead says what a product fetches for later: the block of panels that comes next, a part of it
// with each tile.
type ahead struct {
	next    int // the first unit of the group behind this one
	unit, k int // where the block starts
	step    int // bytes with each step of a tile
	done    int // bytes
}

// PackRows copies A tile by tile (see tiles.go) into memory of r, if that pays for a product with so
// many units. A must not change until the product is done.
func (p *Step[T]) PackRows(r *Room, units int) {
	w := p.W
	p.packed = nil
	if !w.Packed() || w.first > 0 || p.MostRows > 0 {
		return
	}
	most := simd.PackedRows(w.isa, w.vecs(0))
	if most == 0 || p.Rows < most || units*max(1, w.gates) < tiledCols {
		return
	}
	p.packed = grow[T](&r.get().a, p.Rows*w.steps+w.lanes)
	var a place[T]
	a.data = p.A
	a.row, a.col = p.LDA, 1
	for k0, k1 := 0, 0; k0 < w.steps; k0 = k1 {
		k1 = p.blockEnd(k0)
		packTiles(w.isa, p.packed[p.Rows*k0:], &a, 0, p.column(k0), p.Rows, k1-k0, most)
	}
}

// Units returns the number of units in a group, and the multiple of units at which a product may be
// cut into parts.
func (p *Step[T]) Units() (group, cut int) {
	w := p.W
	cut = w.Width()
	if !w.Packed() {
		return cut, cut
	}
	panels := 1
	if w.gates > 0 && p.MostRows == 0 {
		panels = simd.Copies(w.isa) // vectors of units to work on in turn
	}
	if p.byPairs() {
		panels = max(panels, 2*w.pairs())
	}
	if w.first > 0 { // panels of words come in pairs
		panels, cut = max(panels, 2), 2*cut
	}
	return panels * w.Width(), cut
}

// byPairs reports whether there are so few rows that panels are multiplied in pairs.
func (p *Step[T]) byPairs() bool {
	return p.Rows == 1 || p.W.first == 0 && p.W.Packed() && p.Rows <= simd.PairRows(p.W.isa)
}

// pairs is how many pairs of panels are in a group for a single row, or two. With few units in a group, the
// calls for what follows the product cost more than the work they do. With too many, groups in
// falling order would no longer start with the panels that the step before has read last.
func (s *Panels[T]) pairs() int {
	n := 4
	for n > 1 && 2*n*s.at(s.first+s.Width()) > 1<<17 {
		n /= 2
	}
	return n
}

// Small reports whether more than one row is multiplied by panels of so few elements, in a single
// block of k.
func (p *Step[T]) Small(elements int) bool {
	return p.Rows > 1 && p.W.first == 0 && len(p.W.data) <= elements && p.blockEnd(0) == p.W.steps
}

// Start begins with n units of panels, from a first one on. next is the first of those that follow,
// or the number of all units.
func (p *Step[T]) Start(unit, n, next int) {
	p.unit, p.n, p.k1 = unit, n, 0
	p.Tiles, p.left = 0, cut{}
	p.own = p.MostRows > 0 && n == p.W.Width()
	p.fetch.next = next
}

// Next goes on to the next piece, and reports whether there is one.
func (p *Step[T]) Next() bool {
	p.Row += p.Count
	p.fetch.done += p.Tiles * (p.k1 - p.k0) * p.fetch.step
	if p.left.tiles == 0 && !p.block() {
		return false
	}
	rows, same := p.left.next()
	p.Tiles = same
	if p.W.Packed() {
		// As many tiles of one size as there are, or make a chunk, or a call.
		p.Tiles = max(1, min(same, chunkRows/rows, callWork/(rows*p.W.vecs(p.unit)*(p.k1-p.k0))))
	}
	p.Count = p.Tiles * rows
	p.left.skip(p.Tiles, rows)
	return true
}

// Initial and Final report whether the piece is in the first and in the last block of k.
func (p *Step[T]) Initial() bool { return p.k0 == 0 }

func (p *Step[T]) Final() bool { return p.k1 == p.W.steps }

// Own reports whether the piece is for machine code of the caller's own: see MostRows.
func (p *Step[T]) Own() bool { return p.own }

// block goes on to the next block of k, and reports whether there is one, with rows.
func (p *Step[T]) block() bool {
	w := p.W
	p.k0 = p.k1
	if p.k0 == w.steps || p.Rows == 0 {
		return false
	}
	p.k1, p.a = p.blockEnd(p.k0), p.column(p.k0)
	p.Row, p.Count, p.Tiles = 0, 0, 0
	if !w.Packed() {
		p.left = cut{p.Rows, 1}
		return true
	}
	most := simd.TileRows(w.isa, w.vecs(p.unit))
	switch {
	case p.own:
		most = p.MostRows
	case p.packed != nil:
		most = simd.PackedRows(w.isa, w.vecs(0))
	}
	p.left = cutRows(p.Rows, most)
	p.startFetch()
	return true
}

// column is the column of A with step k.
func (p *Step[T]) column(k int) int {
	if k >= p.Split {
		return k + p.Skip
	}
	return k
}

// blockEnd returns the end of the block of steps that starts with k0.
func (p *Step[T]) blockEnd(k0 int) int {
	from, to := 0, p.Split
	if k0 >= p.Split {
		from, to = p.Split, p.W.steps
	}
	if !p.W.Packed() {
		return to
	}
	blocks := max(1, (to-from+stepSteps-1)/stepSteps)
	size := (to - from + blocks - 1) / blocks
	return min(to, k0+size+size%2) // no word in two blocks
}

// startFetch says what is fetched during the tiles of a block.
func (p *Step[T]) startFetch() {
	w, f := p.W, &p.fetch
	f.unit, f.k, f.step, f.done = p.unit, p.k1, 0, 0
	if p.k1 == w.steps {
		f.unit, f.k = f.next, 0
	}
	tiles := p.left.tiles
	if p.own { // only tiles of five rows fetch
		tiles = max(0, p.Rows-4*tiles)
	}
	if len(w.data) <= fetchFrom || tiles == 0 {
		return
	}
	lines := 1
	if len(w.data) > fetchTwice {
		lines = 2
	}
	f.step = min(lines*lineBytes, (size[T]()*w.vecs(p.unit)*w.lanes+tiles-1)/tiles)
}

// Multiply does the product of the piece.
func (p *Step[T]) Multiply() {
	w := p.W
	if !w.Packed() {
		p.whole()
		return
	}
	u, width := p.unit, w.Width()
	if p.byPairs() {
		end := u + p.n/(2*width)*(2*width)
		p.row(p.Row, p.Count, u, min(end, w.first))
		p.row(p.Row, p.Count, max(u, w.first), end)
		u = end
	}
	for ; u < min(w.first, p.unit+p.n); u += 2 * width {
		p.half(u)
	}
	for ; u < p.unit+p.n; u += width {
		var args Args[T]
		p.Args(&args, u)
		gemmTiles(w.isa, &args)
	}
}

// Args sets args to those of the tiles of the piece, for the panel that starts with unit u.
func (p *Step[T]) Args(args *Args[T], u int) {
	p.args(args, p.Row, u)
	w, f := p.W, &p.fetch
	args.B = w.ptr(u, p.k0, 0)
	args.Tiles, args.Rows = p.Tiles, p.Count/p.Tiles
	if p.packed != nil {
		args.A = &p.packed[p.Rows*p.k0+p.Row*args.K]
		args.ARow, args.AStep = size[T](), size[T]()*args.Rows
	}
	if f.step > 0 {
		args.Next, args.NextStep = w.ptr(f.unit+u-p.unit, f.k, f.done/size[T]()), f.step
	}
}

// args sets all but B and the numbers of tiles and rows.
func (p *Step[T]) args(args *Args[T], row, u int) {
	w, bytes := p.W, size[T]()
	vecs := w.vecs(u)
	args.A, args.C = &p.A[row*p.LDA+p.a], &p.C[row*p.LDC+u]
	args.ARow, args.AStep, args.BStep, args.CRow = bytes*p.LDA, bytes, bytes*vecs*w.lanes, bytes*p.LDC
	args.CVec, args.CLast = p.vectors(vecs)
	args.K, args.Vecs = p.k1-p.k0, vecs
	args.Tail = min(w.lanes, w.units-u)
	if w.gates == 0 {
		args.Tail = min(w.lanes, w.units-u-(vecs-1)*w.lanes)
	}
	args.Start = p.start()
}

// vectors returns the distances in bytes of the second and of the last of the vectors of a row of
// C that belong to a panel.
func (p *Step[T]) vectors(vecs int) (second, last int) {
	if p.W.gates > 0 {
		return size[T]() * p.Gate, size[T]() * p.Last
	}
	vector := size[T]() * p.W.lanes
	return vector, vector * (vecs - 1)
}

// start is where the chains of a block start.
func (p *Step[T]) start() int {
	if p.Zero && p.k0 == 0 {
		return 0
	}
	return 1
}

// row does pairs of full panels, those of the units from u to end, for one row, or as many as GemmRow
// takes.
func (p *Step[T]) row(row, rows, u, end int) {
	if u >= end {
		return
	}
	w, bytes := p.W, size[T]()
	width, vecs := w.Width(), w.vecs(u)
	args := rowArgs[T]{
		A: &p.A[row*p.LDA+p.a], C: &p.C[row*p.LDC+u],
		AStep: bytes, CPanel: bytes * width, K: p.k1 - p.k0, Pairs: (end - u) / (2 * width), Vecs: vecs, Start: p.start(),
		Rows: rows, ARow: bytes * p.LDA, CRow: bytes * p.LDC,
	}
	args.CVec, args.CLast = p.vectors(vecs)
	if u < w.first {
		args.B, args.B2 = w.wordsPtr(u, p.k0), w.wordsPtr(u+width, p.k0)
	} else {
		args.B, args.B2 = w.ptr(u, p.k0, 0), w.ptr(u+width, p.k0, 0)
	}
	gemmRow(w.isa, u < w.first, &args)
}

// half does the rows of the piece for the two panels of bfloat16 from unit u on.
func (p *Step[T]) half(u int) {
	w := p.W
	row := p.Row
	for left := cutRows(p.Count, simd.TileRows16(w.isa)); left.tiles > 0; {
		rows, _ := left.next()
		if rows == 1 {
			p.row(row, 1, u, u+2*w.Width())
		} else {
			for _, u := range [...]int{u, u + w.Width()} {
				var args Args[T]
				p.args(&args, row, u)
				args.B, args.Rows = w.wordsPtr(u, p.k0), rows
				gemmTile16(w.isa, &args)
			}
		}
		row += rows
		left.skip(1, rows)
	}
}

// whole does the piece where there are no panels: all rows and units.
func (p *Step[T]) whole() {
	w := p.W
	if gates := max(1, w.gates); p.Last == (gates-1)*p.Gate {
		p.gates(0, gates, 0)
	} else { // the last gate lies apart
		p.gates(0, gates-1, 0)
		p.gates(gates-1, 1, p.Last)
	}
}

// gates is whole for n gates from g on, which lie in C from column c on.
func (p *Step[T]) gates(g, n, c int) {
	w := p.W
	b := p.k0*w.ldb + g*w.units
	if w.trans {
		b = g*w.units*w.ldb + p.k0
	}
	Gemm(p.ISA, false, w.trans, p.Count, n*w.units, p.k1-p.k0, 1, p.A[p.Row*p.LDA+p.a:], p.LDA, w.b[b:], w.ldb, T(p.start()), p.C[p.Row*p.LDC+c:], p.LDC)
}
