package recipe

import (
	"fmt"

	. "github.com/elbow-go/elbow/asm/_gen/engine"
)

// unroll is the number of steps in one round of the loops of large tiles: a loop of 16 rounds
// ends where the CPU expects it, one of 64 does not.
const unroll = 4

// tileRegs are the general registers of GemmTiles and GemmTile16.
type tileRegs struct {
	row1, row3, row5 GP // distances of one, three and five rows of A
	row2, row4       GP // with ElementOperand, of two and four: their loads take no multiples

	a, a6          GP // A at this k; the same six rows on
	b, k           GP // B at this k; steps left
	aStep, bStep   GP // from one k of A and of B to the next
	next, nextStep GP // what to fetch; from one k to the next of that
	next4          GP // with ElementOperand, from one fetch to the next

	// Where C is read and written, these are in the place of others:
	c, cRow     GP // row of C, and from one to the next
	cVec, cLast GP // distances of the second and of the last vector
}

func newTileRegs(p product, regs *Registers) (r tileRegs) {
	r.row3, r.row1, r.b, r.row5 = regs.GP("3 rows of A"), regs.GP("row of A"), regs.GP("B, last of C"), regs.GP("5 rows of A")
	r.aStep, r.bStep = regs.GP("k of A"), regs.GP("k of B")
	r.next, r.a6, r.nextStep = regs.GP("next"), regs.GP("A 6 rows on"), regs.GP("k of next, row of C")
	r.a, r.k = regs.Take(p.Scratch(), "A, second of C"), regs.Take(p.Count(), "steps left, C")
	r.c, r.cRow, r.cVec, r.cLast = r.k, r.nextStep, r.a, r.b
	if p.traits.ElementOperand {
		r.row2, r.row4 = regs.GP("2 rows of A"), regs.GP("4 rows of A")
		r.next4 = regs.GP("4 k of next")
	}
	return r
}

// distances sets those of up to so many rows of A.
func (r tileRegs) distances(p product, from Place, rows int) {
	p.Move(r.row1, from)
	p.times(r.row3, r.row1, 3)
	if rows > 5 {
		p.times(r.row5, r.row1, 5)
	}
	if r.row2 != 0 {
		p.double(r.row2, r.row1)
		p.double(r.row4, r.row2)
	}
}

// rowOfA is the place of row i of A at this k.
func (r tileRegs) rowOfA(i int) Place {
	base := r.a
	if i >= 6 {
		base, i = r.a6, i-6
	}
	switch i {
	case 0:
		return At(base, 0)
	case 2, 4:
		if r.row2 != 0 {
			return By(base, map[int]GP{2: r.row2, 4: r.row4}[i], 1)
		}
		fallthrough
	case 1:
		return By(base, r.row1, i)
	case 3:
		return By(base, r.row3, 1)
	}
	return By(base, r.row5, 1)
}

// vecOfC is the place of vector v of so many in a row of C.
func (r tileRegs) vecOfC(v, vecs int) Place {
	switch v {
	case 0:
		return At(r.c, 0)
	case vecs - 1:
		return By(r.c, r.cLast, 1)
	}
	return By(r.c, r.cVec, v)
}

// A tiling is what all sizes of tile in GemmTiles share.
type tiling struct {
	product
	tileRegs
	lower                       product // on the lower half of the registers, if that is what the last vector of a row is
	field                       func(string) Place
	last, others                Mask // of the last vector of a row of C, and of the others
	atA, atC, atNext, tilesLeft Place
	atAdd, addsLeft             Place
}

// tiles writes GemmTiles.
//
//	c[r][j] = start, then for k ascending: c[r][j] = fma(a[r][k], b[k][j], c[r][j])
//
// There is a loop for every size of tile: per step it reads each element of A and each
// vector of B once, from wherever they are.
func (p product) tiles() {
	regs, field := p.begin("GemmTiles", p.gemmArgs,
		"multiplies Tiles*Rows rows of A by a panel of B and adds to rows of C: the chain of",
		"every output goes on by K steps. A vector of C may lie anywhere, so that rows of C may be",
		"columns of several blocks (gates) of a row; see CVec and CLast. To what the chains come to, in the",
		"end, other rows may be added: see Add. args is not changed.")
	p.tilesOf(p, regs, field)
}

// halfTiles writes GemmHalfTiles.
func (p product) halfTiles() {
	regs, field := p.begin("GemmHalfTiles", p.gemmArgs,
		"is GemmTiles where the last vector of a row has at most half of the columns, and the others",
		"all of them: that is computed on half of a register, which takes half as long where a core",
		"computes vectors of this width in halves.")
	lower := p
	lower.Vectors = p.Half()
	p.tilesOf(lower, regs, field)
}

// tilesOf writes the tiles whose last vectors are those of lower.
func (p product) tilesOf(lower product, regs *Registers, field func(string) Place) {
	t := tiling{product: p, lower: lower, tileRegs: newTileRegs(p, regs), field: field}
	p.arguments(regs, "chains [row][vector]; vectors of B, or elements of A if there are fewer of them and no room for both; some of the others")
	t.masks()
	t.atA, t.atC, t.atNext, t.tilesLeft = p.local(field("A")), p.local(field("C")), p.local(field("Next")), p.local(field("Tiles"))
	t.atAdd, t.addsLeft = p.local(field("Add")), p.Local(8)
	t.distances(p, field("ARow"), 8)
	p.Move(t.aStep, field("AStep"))
	p.Move(t.bStep, field("BStep"))
	p.Comment("The size of the tile.")
	for v := 4; v >= 1; v-- {
		p.CmpJump(field("Vecs"), IfEq, Num(v), vecsLabel(v))
	}
	most := p.traits.Product.MaxRows
	for v := 4; v >= 1; v-- {
		p.Label(vecsLabel(v))
		for r := most[v]; r > 1; r-- {
			p.CmpJump(field("Rows"), IfEq, Num(r), fmt.Sprintf("tile%dx%d", r, v))
		}
		p.Jump(fmt.Sprintf("tile1x%d", v))
	}
	for v := 4; v >= 1; v-- {
		for r := most[v]; r >= 1; r-- {
			tile{t, r, v, fmt.Sprintf("%dx%d", r, v)}.write()
		}
	}
	p.Label("done")
	p.Return()
}

// masks makes the masks of a row of C.
func (t *tiling) masks() {
	t.last = t.TailMask(t.field("Tail"))
	apart := t.NewLabel("apart")
	t.others = t.CopyMask(t.last)
	t.CmpJump(t.field("CVec"), IfNe, Num(t.Bytes()), apart)
	t.FillMask(t.others)
	t.Label(apart)
}

// A tile is the code for tiles of one size.
type tile struct {
	tiling
	rows, vecs int
	name       string
}

func (t tile) write() {
	t.Label("tile" + t.name)
	t.start()
	t.Label("steps" + t.name)
	t.pointers()
	t.loops()
	t.Label("store" + t.name)
	t.store()
	t.Comment("The next tile.")
	t.Add(t.c, t.cRow)
	t.Move(t.atC, t.c)
	t.nextA()
}

// nextA goes on to the rows of A of the next tile.
func (t tile) nextA() {
	if t.traits.ElementOperand && t.rows > 1 {
		t.CmpJump(t.aStep, IfNe, Num(t.rows*t.elemBytes), "below"+t.name)
		t.CmpJump(t.row1, IfNe, Num(t.elemBytes), "below"+t.name)
		t.Move(t.k, t.field("K"))
		t.Multiple(t.k, t.k, t.rows*t.elemBytes)
		t.Add(t.atA, t.k)
		t.SubJump(t.tilesLeft, 1, IfNe, "tile"+t.name)
		t.Jump("done")
		t.Label("below" + t.name)
	}
	t.Multiple(t.k, t.row1, t.rows)
	t.Add(t.atA, t.k)
	t.SubJump(t.tilesLeft, 1, IfNe, "tile"+t.name)
	t.Jump("done")
}

// of is for vector v of a row.
func (t tile) of(v int) product {
	if v == t.vecs-1 {
		return t.lower
	}
	return t.product
}

func (t tile) chain(r, v int) V { return V(r*t.vecs + v) }
func (t tile) chains() V        { return V(t.rows * t.vecs) }
func (t tile) spare() V         { return V(t.traits.Vectors - 1) }

// eachC visits the chains of a tile in memory, from c on.
func (t tile) eachC(do func(p product, x V, at Place, m Mask)) {
	for r := range t.rows {
		for v := range t.vecs {
			m := t.others
			if v == t.vecs-1 {
				m = t.last
			}
			do(t.of(v), t.chain(r, v), t.vecOfC(v, t.vecs), m)
		}
		if r < t.rows-1 {
			t.Add(t.c, t.cRow)
		}
	}
}

func (t tile) distancesOfC() {
	t.Move(t.cRow, t.field("CRow"))
	t.Move(t.cVec, t.field("CVec"))
	t.Move(t.cLast, t.field("CLast"))
}

// start begins the chains.
func (t tile) start() {
	t.CmpJump(t.field("Start"), IfEq, Num(0), "zero"+t.name)
	t.Comment("Start of the chains.")
	t.distancesOfC()
	t.Move(t.c, t.atC)
	t.CmpJump(t.field("Start"), IfNe, Num(3), "begin"+t.name)
	t.Move(t.c, t.field("Bias"))
	t.Move(t.cRow, Num(0))
	t.Label("begin" + t.name)
	t.CmpJump(t.field("Tail"), IfNe, Num(t.lower.Lanes()), "loadtail"+t.name)
	t.eachC(func(p product, x V, at Place, m Mask) { p.Load(x, at) })
	t.Jump("loaded" + t.name)
	t.Label("loadtail" + t.name)
	t.eachC(func(p product, x V, at Place, m Mask) { p.LoadMasked(x, at, m) })
	t.Label("loaded" + t.name)
	t.CmpJump(t.field("Start"), IfNe, Num(2), "steps"+t.name)
	t.Spread(t.spare(), t.field("Beta"))
	for x := range t.chains() {
		t.of(int(x)%t.vecs).Mul(x, x, t.spare())
	}
	t.Jump("steps" + t.name)
	t.Label("zero" + t.name)
	for x := range t.chains() {
		t.Zero(x)
	}
}

// pointers sets the pointers to their first k.
func (t tile) pointers() {
	t.Move(t.a, t.atA)
	t.Move(t.b, t.field("B"))
	if t.rows > 6 {
		t.Address(t.a6, By(t.a, t.row3, 2))
	}
	if t.vecs > 1 {
		t.Comment("Without Next, fetch what is there.")
		t.Move(t.nextStep, Num(0))
		t.Move(t.next, t.b)
		t.CmpJump(t.atNext, IfEq, Num(0), "fetch"+t.name)
		t.Move(t.next, t.atNext)
		t.Move(t.nextStep, t.field("NextStep"))
		t.Label("fetch" + t.name)
		if t.next4 != 0 {
			t.Move(t.next4, t.nextStep)
			t.Shift(t.next4, 2)
		}
	}
	t.Move(t.k, t.field("K"))
}

// loops writes the loops over k. Where masks are not free, a panel of full vectors has loops of its
// own.
func (t tile) loops() {
	switch {
	case t.traits.ElementOperand:
		t.elemLoops()
		return
	case t.traits.CheapMasks:
		t.loop(true)
		return
	}
	t.CmpJump(t.field("Tail"), IfNe, Num(t.Lanes()), "tail"+t.name)
	t.loop(false)
	t.Jump("store" + t.name)
	t.Label("tail" + t.name)
	t.Label("onetail" + t.name)
	t.step(true)
	t.SubJump(t.k, 1, IfNe, "onetail"+t.name)
}

func (t tile) loop(tail bool) {
	if t.rows*t.vecs >= t.traits.Product.UnrollFrom {
		t.SubJump(t.k, unroll, IfLt, "rest"+t.name)
		t.Label("k" + t.name)
		for range unroll {
			t.step(tail)
		}
		t.SubJump(t.k, unroll, IfGe, "k"+t.name)
		t.Label("rest" + t.name)
		t.SubJump(t.k, -unroll, IfEq, "store"+t.name)
	}
	t.Label("one" + t.name)
	t.step(tail)
	t.SubJump(t.k, 1, IfNe, "one"+t.name)
}

// step writes one step of all chains of a tile.
func (t tile) step(tail bool) {
	first := t.chains()
	loadB := func(v int, to V) {
		t.of(v).loadTail(to, At(t.b, v*t.Bytes()), tail && v == t.vecs-1, t.last)
	}
	if t.roomy() || t.vecs <= t.rows {
		for v := range t.vecs {
			loadB(v, first+V(v))
		}
		elem := first + V(t.vecs)
		for r := range t.rows {
			t.of(0).element(elem, t.rowOfA(r))
			for v := range t.vecs {
				t.of(v).mulAddElem(t.chain(r, v), elem, first+V(v))
			}
			if t.roomy() && elem < t.spare() {
				elem++
			}
		}
	} else {
		for r := range t.rows {
			t.element(first+V(r), t.rowOfA(r))
		}
		for v := range t.vecs {
			loadB(v, t.spare())
			for r := range t.rows {
				t.of(v).mulAddElem(t.chain(r, v), first+V(r), t.spare())
			}
		}
	}
	if t.vecs > 1 && !t.traits.ElementOperand { // with one vector there are as many loads as the ports take
		t.Prefetch(2, At(t.next, 0))
		if t.Bytes() == cacheLine { // a step of a panel has several lines, and there may be only one or two tiles
			t.Prefetch(2, At(t.next, cacheLine))
		}
		t.Add(t.next, t.nextStep)
	}
	t.Add(t.b, t.bStep)
	t.Add(t.a, t.aStep)
	if t.rows > 6 {
		t.Add(t.a6, t.aStep)
	}
}

const cacheLine = 64

// store ends the chains.
func (t tile) store() {
	if t.vecs > 1 {
		t.CmpJump(t.nextStep, IfEq, Num(0), "fetched"+t.name)
		t.Move(t.atNext, t.next)
		t.Label("fetched" + t.name)
	}
	t.distancesOfC()
	t.add()
	t.Move(t.c, t.atC)
	t.CmpJump(t.field("Tail"), IfNe, Num(t.lower.Lanes()), "storetail"+t.name)
	t.eachC(func(p product, x V, at Place, m Mask) { p.Store(at, x) })
	t.Jump("next" + t.name)
	t.Label("storetail" + t.name)
	t.eachC(func(p product, x V, at Place, m Mask) { p.StoreMasked(at, x, m, t.spare()) })
	t.Label("next" + t.name)
}

// add adds rows, alpha times, to what the chains have come to, and then others.
func (t tile) add() {
	alpha := t.chains()
	t.CmpJump(t.field("Adds"), IfEq, Num(0), "added"+t.name)
	t.Comment("What is added.")
	t.Move(t.c, t.field("Adds"))
	t.Move(t.addsLeft, t.c)
	t.Move(t.cRow, t.field("AddRow"))
	t.Move(t.next, t.atAdd)
	t.Multiple(t.c, t.cRow, t.rows)
	t.Add(t.atAdd, t.c)
	t.Spread(alpha, t.field("Alpha"))
	t.Label("add" + t.name)
	t.Move(t.c, t.next)
	t.CmpJump(t.field("Tail"), IfNe, Num(t.lower.Lanes()), "addtail"+t.name)
	t.eachC(func(p product, x V, at Place, m Mask) { p.mulAddAt(x, alpha, at, t.spare()) })
	t.Jump("nextadd" + t.name)
	t.Label("addtail" + t.name)
	t.eachC(func(p product, x V, at Place, m Mask) {
		p.LoadMasked(t.spare(), at, m)
		p.MulAdd(x, alpha, t.spare())
	})
	t.Label("nextadd" + t.name)
	t.Add(t.next, t.field("AddNext"))
	t.SubJump(t.addsLeft, 1, IfNe, "add"+t.name)
	t.Move(t.cRow, t.field("CRow"))
	t.Label("added" + t.name)
}

// finish writes GemmFinish.
//
//	c = fma(alpha, a, z)      z = beta*c rounded, or +0 without a look at c
func (p product) finish() {
	regs, field := p.begin("GemmFinish", p.gemmArgs,
		"ends a product whose alpha is not 1: C becomes Alpha*A + Beta*C, or with Start = 0",
		"Alpha*A, in Tiles rows. A holds the chains. K, Rows and the steps are not used.")
	atC, aRow, atA := regs.GP("C"), regs.GP("row of A"), regs.GP("A")
	vecs, c, cRow := regs.GP("vectors left"), regs.GP("first of C"), regs.GP("row of C")
	a, rows := regs.Take(p.Scratch(), "first of A"), regs.Take(p.Count(), "rows left")
	const alpha, beta, s, z, spare = V(0), V(1), V(2), V(3), V(4)
	p.arguments(regs, "0 alpha    1 beta    2 of A    3 of C    4 spare")
	mask := p.TailMask(field("Tail"))
	p.Move(a, field("A"))
	p.Move(c, field("C"))
	p.Move(aRow, field("ARow"))
	p.Move(cRow, field("CRow"))
	p.Move(rows, field("Tiles"))
	p.Spread(alpha, field("Alpha"))
	p.Spread(beta, field("Beta"))
	finish := func(tail bool) {
		fma := p.NewLabel("fma")
		p.loadTail(s, At(atA, 0), tail, mask)
		p.Zero(z)
		p.CmpJump(field("Start"), IfEq, Num(0), fma)
		p.loadTail(z, At(atC, 0), tail, mask)
		p.Mul(z, z, beta)
		p.Label(fma)
		p.MulAdd(z, s, alpha)
		p.storeTail(At(atC, 0), z, tail, mask, spare)
	}
	p.Label("row")
	p.Move(atA, a)
	p.Move(atC, c)
	p.Move(vecs, field("Vecs"))
	p.Label("vector")
	p.CmpJump(vecs, IfEq, Num(1), "last")
	finish(false)
	p.Add(atA, Num(p.Bytes()))
	p.Add(atC, Num(p.Bytes()))
	p.Sub(vecs, Num(1))
	p.Jump("vector")
	p.Label("last")
	finish(true)
	p.Add(a, aRow)
	p.Add(c, cRow)
	p.SubJump(rows, 1, IfNe, "row")
	p.Return()
}
