package recipe

import (
	"fmt"

	. "github.com/elbow-go/elbow/asm/_gen/engine"
)

// A colsProduct writes GemvCols, the product of a vector and a matrix that is read row by row, as it
// lies in memory:
//
//	y[j] = fma(x[k], a[k][j], y[j])   for k ascending
//
// Tiles of one row keep their chains in registers from the first k to the last, and come to a matrix
// in columns of four vectors. That is best as long as the matrix is in the L2 cache; a larger one has
// every step in another page. Here rows are taken eight at a time from end to end, which is what
// caches fetch ahead, and y passes by once for the eight.
type colsProduct struct {
	product
	tileRegs
	field func(string) Place
	mask  Mask
	y     GP // in y
	kLeft Place
	atA   Place // first of the rows that are left
	atX   Place
}

// gemvCols writes GemvCols. a, a6 and the distances of tileRegs are those of the rows; k counts vectors.
func (p product) gemvCols() {
	regs, field := p.begin("GemvCols", p.gemmArgs,
		"adds to the (Vecs-1)*Lanes+Tail elements of C the product of the vector B of K elements and K",
		"contiguous rows of A. Vecs may be any number. AStep, BStep, CRow, Tiles, Rows and Start are not used.")
	c := colsProduct{product: p, field: field, tileRegs: newTileRegs(p, regs)}
	c.y = c.b
	p.arguments(regs, "0 up elements of x    8 9 vectors of C    10 spare")
	c.mask = p.TailMask(field("Tail"))
	c.kLeft, c.atA, c.atX = p.local(field("K")), p.local(field("A")), p.local(field("B"))
	c.distances(p, field("ARow"), 8)
	for _, rows := range []int{8, 4, 1} {
		c.rows(rows)
	}
	p.Return()
}

// rows writes the loop over so many rows at a time.
func (c colsProduct) rows(rows int) {
	at := func(s string) string { return fmt.Sprintf("%s%d", s, rows) }
	c.Label(at("rows"))
	c.CmpJump(c.kLeft, IfLt, Num(rows), at("end"))
	c.Move(c.a, c.atX)
	for r := range rows {
		c.Spread(V(r), At(c.a, r*c.elemBytes))
	}
	c.Add(c.atX, Num(rows*c.elemBytes))
	c.Move(c.a, c.atA)
	if rows > 6 {
		c.Address(c.a6, By(c.a, c.row3, 2))
	}
	c.Move(c.y, c.field("C"))
	c.Move(c.k, c.field("Vecs"))
	c.SubJump(c.k, 3, IfLt, at("few"))
	c.Label(at("two"))
	c.vectors(rows, 2, false)
	c.SubJump(c.k, 2, IfGe, at("two"))
	c.Label(at("few"))
	c.SubJump(c.k, -1, IfLt, at("last"))
	c.vectors(rows, 1, false)
	c.Label(at("last"))
	c.vectors(rows, 1, true)
	c.Multiple(c.k, c.row1, rows)
	c.Add(c.atA, c.k)
	c.Sub(c.kLeft, Num(rows))
	c.Jump(at("rows"))
	c.Label(at("end"))
}

// vectors adds rows to n vectors of y and goes on to the next ones.
func (c colsProduct) vectors(rows, n int, tail bool) {
	const y, spare = 8, 10
	for v := range n {
		c.loadTail(V(y+v), At(c.y, v*c.Bytes()), tail, c.mask)
	}
	for r := range rows {
		for v := range n {
			from := c.rowOfA(r).Plus(v * c.Bytes())
			if tail {
				c.LoadMasked(spare, from, c.mask)
				c.MulAdd(V(y+v), V(r), V(spare))
			} else {
				c.mulAddAt(V(y+v), V(r), from, spare)
			}
		}
	}
	for v := range n {
		c.storeTail(At(c.y, v*c.Bytes()), V(y+v), tail, c.mask, spare)
	}
	if tail {
		return
	}
	for _, p := range []GP{c.y, c.a, c.a6} {
		if p != c.a6 || rows > 6 {
			c.Add(p, Num(n*c.Bytes()))
		}
	}
}

// A dotProduct writes GemvDots64: rows of a matrix times a vector, each a sum over lanes along the row.
//
//	y[r] = alpha sum over k of a[r][k] x[k] + beta y[r]
//
// So a vector is read at once and needs no turning. Only elements that have no order of k to keep may be
// added up like that.
type dotProduct struct {
	product
	tileRegs
	field                  func(string) Place
	mask                   Mask
	x                      GP // at this k
	atA, atC, tiles        Place
	x0, x1, y, alpha, beta V
}

// dotChains is how many chains a row has: multiply-adds of eight chains are enough to hide that each
// takes some cycles, and AVX2 has four rows of a group.
const dotChains = 2

// gemvDots writes GemvDots64. k of tileRegs counts vectors.
func (p product) gemvDots() {
	regs, field := p.begin("GemvDots", p.gemmArgs,
		"sets Tiles*Lanes elements of C to Alpha times the products of contiguous rows of A with the vector",
		"B of (Vecs-1)*Lanes+Tail elements, plus Beta*C where Start is not 0. Vecs may be any number. Each",
		"product is a sum over lanes along the row. K, Rows, CRow, CVec, CLast and the steps are not used.")
	d := dotProduct{product: p, field: field, tileRegs: newTileRegs(p, regs)}
	d.x = d.b
	d.x0 = V(dotChains * p.Lanes())
	d.x1, d.y, d.alpha, d.beta = d.x0+1, d.x0+2, d.x0, d.x0+1
	p.arguments(regs, "chains [2][row]; two vectors of x, or alpha and beta; spare, or elements of C")
	d.mask = p.TailMask(field("Tail"))
	d.atA, d.atC, d.tiles = p.local(field("A")), p.local(field("C")), p.local(field("Tiles"))
	d.distances(p, field("ARow"), 8)

	p.Label("rows")
	p.Move(d.a, d.atA)
	if p.Lanes() > 6 {
		p.Address(d.a6, By(d.a, d.row3, 2))
	}
	p.Move(d.x, field("B"))
	for i := range d.x0 {
		p.Zero(i)
	}
	p.Move(d.k, field("Vecs"))
	p.SubJump(d.k, 3, IfLt, "few")
	p.Label("two")
	d.vectors(2, false)
	p.SubJump(d.k, 2, IfGe, "two")
	p.Label("few")
	p.SubJump(d.k, -1, IfLt, "last")
	d.vectors(1, false)
	p.Label("last")
	d.vectors(1, true)
	d.finish()
	p.SubJump(d.tiles, 1, IfNe, "rows")
	p.Return()
}

// vectors takes n vectors of all rows.
func (d dotProduct) vectors(n int, tail bool) {
	for v := range n {
		d.loadTail(d.x0+V(v), At(d.x, v*d.Bytes()), tail, d.mask)
	}
	for r := range d.Lanes() {
		for v := range n {
			acc, x, from := V(v*d.Lanes()+r), d.x0+V(v), d.rowOfA(r).Plus(v*d.Bytes())
			if tail {
				d.LoadMasked(d.y, from, d.mask)
				d.MulAdd(acc, x, d.y)
			} else {
				d.mulAddAt(acc, x, from, d.y)
			}
		}
	}
	if tail {
		return
	}
	d.Add(d.x, Num(n*d.Bytes()))
	d.Add(d.a, Num(n*d.Bytes()))
	if d.Lanes() > 6 {
		d.Add(d.a6, Num(n*d.Bytes()))
	}
}

// finish stores the elements of these rows and goes on to the next ones.
func (d dotProduct) finish() {
	d.SumRows(dotChains, d.x0)
	d.Spread(d.alpha, d.field("Alpha"))
	d.Zero(d.y)
	d.Move(d.a, d.atC)
	d.CmpJump(d.field("Start"), IfEq, Num(0), "store")
	d.Load(d.y, At(d.a, 0))
	d.Spread(d.beta, d.field("Beta"))
	d.Mul(d.y, d.y, d.beta)
	d.Label("store")
	d.MulAdd(d.y, 0, d.alpha)
	d.Store(At(d.a, 0), d.y)
	d.Add(d.atC, Num(d.Bytes()))
	d.Multiple(d.k, d.row1, d.Lanes())
	d.Add(d.atA, d.k)
}
