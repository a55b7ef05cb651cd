package recipe

import (
	. "github.com/elbow-go/elbow/asm/_gen/engine"
)

// pack writes GemmPack.
func (p product) pack() {
	regs, field := p.begin("GemmPack", p.packArgs,
		"copies K rows of a matrix, Vecs vectors each, into a panel. Columns that do not exist",
		"become 0. If DstRow is less than a row, the next one overwrites its end.")
	dstRow, srcRow, dst := regs.GP("row of panel"), regs.GP("row of source"), regs.GP("panel")
	src, rows := regs.Take(p.Scratch(), "source"), regs.Take(p.Count(), "rows left")
	p.arguments(regs, "a row")
	mask := p.TailMask(field("Tail"))
	p.Move(src, field("Src"))
	p.Move(dst, field("Dst"))
	p.Move(rows, field("K"))
	p.Move(srcRow, field("SrcRow"))
	p.Move(dstRow, field("DstRow"))
	names := []string{"", "one", "two", "three", "four"}
	for v := 3; v >= 1; v-- {
		p.CmpJump(field("Vecs"), IfEq, Num(v), names[v])
	}
	for v := 4; v >= 1; v-- {
		p.Label(names[v])
		for i := range v {
			p.loadTail(V(i), At(src, i*p.Bytes()), i == v-1, mask)
		}
		for i := range v {
			p.Store(At(dst, i*p.Bytes()), V(i))
		}
		p.Add(src, srcRow)
		p.Add(dst, dstRow)
		p.SubJump(rows, 1, IfNe, names[v])
		p.Return()
	}
}

// A packer writes GemmPackT.
type packer struct {
	product
	src              Transposer
	field            func(string) Place
	dst, steps       GP // panel at this k; steps left
	row1, row3, many GP // one and three rows of the panel; groups left
}

// packT writes GemmPackT.
func (p product) packT() {
	regs, field := p.begin("GemmPackT", p.packArgs,
		"copies K columns of a matrix, Vecs*Lanes rows of it, into a panel: row k of the panel",
		"is column k of the matrix. Columns of the panel that do not exist repeat the last one. With NEON,",
		"and a single vector, DstRow may be less than a row: the next one overwrites its end. Dst and Src",
		"are changed on return.")
	w := packer{product: p, field: field, steps: regs.Take(p.Count(), "steps left")}
	w.row3, w.row1, w.dst = regs.GP("3 rows of panel"), regs.GP("row of panel"), regs.GP("panel")
	w.src = p.Transposer(regs, 1)
	w.many = regs.GP("groups left")
	p.arguments(regs, "one for each k, then a spare one for each block of k")

	p.Move(w.many, field("Vecs"))
	p.Move(w.row1, field("DstRow"))
	p.times(w.row3, w.row1, 3)
	p.Label("group")
	p.CmpJump(w.many, IfNe, Num(1), "full")
	p.CmpJump(field("Tail"), IfNe, Num(p.Lanes()), "few")
	p.Label("full")
	w.src.Distance(field("SrcRow"))
	w.src.Full(field("Src"), p.traits.Product.Halves)
	w.group(p.Lanes() / w.src.Lanes())
	p.Add(field("Dst"), Num(p.Bytes()))
	w.src.NextGroup(field("Src"))
	p.SubJump(w.many, 1, IfNe, "group")
	p.Return()

	p.Label("few")
	w.src.Distance(field("SrcRow"))
	w.src.Few(1, field("Src"), field("Tail"))
	w.group(1)
	p.Return()
}

// group packs the rows of a vector, whole or in halves. The halves take turns, so that the lines of
// the panel are complete before they leave the L1 cache.
func (w packer) group(halves int) {
	w.Move(w.dst, w.field("Dst"))
	w.Move(w.steps, w.field("K"))
	w.kLoops(w.src, w.steps, func(blocks int) {
		for h := range halves {
			w.turn(h, blocks)
			if h < halves-1 {
				w.back((blocks - 1) * w.src.Block())
			}
		}
		w.Address(w.dst, By(w.dst, w.row1, w.src.Block()))
	}, func() {
		for h := range halves {
			w.src.ReadOne(h)
			w.src.Store(At(w.dst, h*w.src.Bytes()), 0)
		}
		w.Add(w.dst, w.row1)
	}, func(int) {})
}

// turn packs blocks of k and leaves dst at the last of them.
func (w packer) turn(half, blocks int) {
	w.src.Read(half, blocks)
	rows := []Place{At(w.dst, 0), By(w.dst, w.row1, 1), By(w.dst, w.row1, 2), By(w.dst, w.row3, 1)}
	for i := range blocks {
		for k, x := range w.src.Turn(i, V(blocks*w.src.Block()+i)) {
			w.src.Store(rows[k].Plus(half*w.src.Bytes()), x)
		}
		if i < blocks-1 {
			w.Address(w.dst, By(w.dst, w.row1, w.src.Block()))
		}
	}
}

// back takes dst back by rows of the panel.
func (w packer) back(rows int) {
	for ; rows >= 3; rows -= 3 {
		w.Sub(w.dst, w.row3)
	}
	for ; rows > 0; rows-- {
		w.Sub(w.dst, w.row1)
	}
}

// kLoops writes loops over the steps: those of a vector of k at once, then a block of them, then one.
// advance is for what goes on by so many k beside the transposer.
func (p product) kLoops(t Transposer, steps GP, blocks func(n int), one func(), advance func(k int)) {
	names := [3]string{p.NewLabel("vector"), p.NewLabel("four"), p.NewLabel("one")}
	end := p.NewLabel("end")
	for i, n := range []int{t.Lanes(), t.Block(), 1} {
		next := end
		if i < 2 {
			next = names[i+1]
		}
		p.Label(names[i])
		p.CmpJump(steps, IfLt, Num(n), next)
		if n > 1 {
			blocks(n / t.Block())
		} else {
			one()
		}
		t.Advance(n)
		advance(n)
		p.Sub(steps, Num(n))
		p.Jump(names[i])
	}
	p.Label(end)
}
