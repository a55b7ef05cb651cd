package recipe

import (
	"fmt"

	. "github.com/elbow-go/elbow/asm/_gen/engine"
)

// tiles16 writes GemmTile16: a tile of a few rows for panels of bfloat16, in words as
// gemm_row.go has them. Each word is widened once for all rows.
func (p product) tiles16() {
	most := p.traits.Product.MaxRows16
	regs, field := p.begin("GemmTile16", p.gemmArgs,
		"is GemmTiles for panels of bfloat16 as GemmRow16 has them: one tile of 2 rows with AVX2, 2 to 4",
		"with AVX-512, and 2 to 4 Vecs, all of them full. The elements of a row of A lie side by side.",
		"AStep, BStep, Next, Tiles and Tail are not used.")
	r := newTileRegs(p, regs)
	p.arguments(regs, "chains [row][vector]; elements of A, of the even and the odd step [row][2]; words and odd step, even step, mask")
	r.distances(p, field("ARow"), most)
	for v := 4; v >= 2; v-- {
		for rows := most; rows >= 2; rows-- {
			next := p.NewLabel("not")
			p.CmpJump(field("Vecs"), IfNe, Num(v), next)
			p.CmpJump(field("Rows"), IfNe, Num(rows), next)
			tile16{tile{tiling{product: p, tileRegs: r, field: field}, rows, v, fmt.Sprintf("%dx%d", rows, v)}}.write()
			p.Label(next)
		}
	}
	p.Return()
}

// A tile16 is the code for tiles of one size.
type tile16 struct{ tile }

// elem is the register of an element of A.
func (t tile16) elem(r, odd int) V { return t.chains() + V(2*r+odd) }

func (t tile16) word() V { return t.elem(t.rows, 0) }
func (t tile16) even() V { return t.word() + 1 }
func (t tile16) mask() V { return t.word() + 2 }

func (t tile16) write() {
	t.Comment("Tile " + t.name + ".")
	t.OddMask(t.mask())
	for x := range t.chains() {
		t.Zero(x)
	}
	t.CmpJump(t.field("Start"), IfEq, Num(0), "started"+t.name)
	t.eachC(func(x V, at Place) { t.Load(x, at) })
	t.Label("started" + t.name)
	t.Move(t.a, t.field("A"))
	t.Move(t.b, t.field("B"))
	t.Move(t.k, t.field("K"))
	t.SubJump(t.k, 2, IfLt, "last"+t.name)
	t.Label("k" + t.name)
	t.step(2)
	t.SubJump(t.k, 2, IfGe, "k"+t.name)
	t.Label("last" + t.name)
	t.CmpJump(t.k, IfNe, Num(-1), "store"+t.name)
	t.step(1)
	t.Label("store" + t.name)
	t.eachC(func(x V, at Place) { t.Store(at, x) })
	t.Return()
}

// eachC visits the chains in memory.
func (t tile16) eachC(do func(x V, at Place)) {
	t.Move(t.c, t.field("C"))
	t.distancesOfC()
	for r := range t.rows {
		for v := range t.vecs {
			do(t.chain(r, v), t.vecOfC(v, t.vecs))
		}
		if r < t.rows-1 {
			t.Add(t.c, t.cRow)
		}
	}
}

// step writes a word of steps, or the even one alone.
func (t tile16) step(steps int) {
	for r := range t.rows {
		for odd := range steps {
			t.element(t.elem(r, odd), t.rowOfA(r).Plus(t.elemBytes*odd))
		}
	}
	for v := range t.vecs {
		t.Load(t.word(), At(t.b, v*t.Bytes()))
		t.WidenEven(t.even(), t.word())
		for r := range t.rows {
			t.mulAddElem(t.chain(r, v), t.elem(r, 0), t.even())
		}
		if steps < 2 {
			continue
		}
		t.WidenOdd(t.word(), t.word(), t.mask())
		for r := range t.rows {
			t.mulAddElem(t.chain(r, v), t.elem(r, 1), t.word())
		}
	}
	t.Add(t.b, Num(t.vecs*t.Bytes()))
	t.Add(t.a, Num(t.elemBytes*steps))
}
