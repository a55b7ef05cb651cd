package recipe

import (
	"fmt"

	. "github.com/elbow-go/elbow/asm/_gen/engine"
)

// A rowsProduct writes GemvRows, the product of a matrix and a vector where the rows are contiguous
// and every row is an output: the batch-1 form of x W^T.
//
//	y[r] = start, then for k ascending: y[r] = fma(a[r][k], x[k], y[r])
//
// Lanes are rows, so blocks of the matrix are transposed in registers. The chains of one
// vector wait for each other, and those of up to four vectors fill the gaps.
type rowsProduct struct {
	product
	a        Transposer
	field    func(string) Place
	x, steps GP // x at this k; steps left
	c        GP
	mask     Mask
	acc      V // first chain
}

func (p product) gemvRows() {
	regs, field := p.begin("GemvRows", p.gemmArgs,
		"multiplies (Vecs-1)*Lanes+Tail contiguous rows of A by the vector B of K elements, and",
		"adds to the vector C. AStep, BStep, CRow, Tiles and Rows are not used.")
	r := rowsProduct{product: p, field: field, steps: regs.Take(p.Count(), "steps left"), acc: V(p.traits.Vectors - 4)}
	regs.GP("nothing") // the loops are 5 % slower with AVX-512 where the codes of lower registers have moved them
	r.c, r.x = regs.GP("C"), regs.GP("x")
	r.a = p.Transposer(regs, 4)
	p.arguments(regs, fmt.Sprintf("0 up one for each k, then a spare one and an element of x    %d up chains", r.acc))
	r.mask = p.TailMask(field("Tail"))
	p.Move(r.x, field("B"))
	p.Move(r.c, field("C"))
	r.a.Distance(field("ARow"))
	for v := 4; v >= 2; v-- {
		p.CmpJump(field("Vecs"), IfEq, Num(v), vecsLabel(v))
	}
	for v := 1; v <= 4; v++ {
		name := fmt.Sprint(v)
		p.Label(vecsLabel(v))
		r.start(v)
		p.CmpJump(field("Tail"), IfNe, Num(p.Lanes()), "few"+name)
		r.a.Full(field("A"), false)
		r.rows(v)
		p.Label("few" + name)
		r.a.Few(v, field("A"), field("Tail"))
		r.rows(v)
	}
}

// eachC visits the chains in memory.
func (r rowsProduct) eachC(vecs int, do func(x V, at Place, tail bool)) {
	for i := range vecs {
		do(r.acc+V(i), At(r.c, i*r.Bytes()), i == vecs-1)
	}
}

// start begins the chains.
func (r rowsProduct) start(vecs int) {
	steps := "steps" + fmt.Sprint(vecs)
	r.eachC(vecs, func(x V, at Place, tail bool) { r.Zero(x) })
	r.CmpJump(r.field("Start"), IfEq, Num(0), steps)
	r.eachC(vecs, func(x V, at Place, tail bool) { r.loadTail(x, at, tail, r.mask) })
	r.CmpJump(r.field("Start"), IfEq, Num(1), steps)
	r.Spread(0, r.field("Beta"))
	r.eachC(vecs, func(x V, at Place, tail bool) { r.Mul(x, x, 0) })
	r.Label(steps)
}

// rows writes the loops over k for rows of so many vectors, and ends the chains.
func (r rowsProduct) rows(vecs int) {
	r.Move(r.steps, r.field("K"))
	spare := V(r.Lanes())
	mulAdd := func(k int, a, c V) { r.MulAddSpread(c, a, At(r.x, r.elemBytes*k), spare+1) }
	r.kLoops(r.a, r.steps, func(blocks int) {
		for v := range vecs {
			r.a.Read(v, blocks)
			for i := range blocks {
				for k, a := range r.a.Turn(i, spare) {
					mulAdd(r.a.Block()*i+k, a, r.acc+V(v))
				}
			}
		}
	}, func() {
		for v := range vecs {
			r.a.ReadOne(v)
			mulAdd(0, 0, r.acc+V(v))
		}
	}, func(k int) { r.Add(r.x, Num(r.elemBytes*k)) })
	r.eachC(vecs, func(x V, at Place, tail bool) { r.storeTail(at, x, tail && !r.a.IsFull(), r.mask, 0) })
	r.Return()
}
