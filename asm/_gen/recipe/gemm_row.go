package recipe

import (
	"fmt"

	. "github.com/elbow-go/elbow/asm/_gen/engine"
)

// A rowProduct writes GemmRow, a tile of one row, and with half set GemmRow16, the same for panels
// of bfloat16. It takes two panels at a time: the chains of one of them, four at most, would wait
// for themselves. Every vector of B is used once, straight from memory, so this runs at the
// speed of the cache that holds the panels. Where there are registers for it, it takes two rows as well: they
// too wait for the panels, or, with ElementOperand, for each other.
//
// A bfloat16 is the upper half of a float32. Two steps share a word: the even one is word<<16,
// the odd one word&0xffff0000, so that no instruction for bfloat16 is needed and the chains are
// those of float32.
//
// Four steps of one panel come before those of the other: the caches take lines that follow each
// other faster, by 5 to 8 % with AVX-512 for panels in the L2 cache; with AVX2 it is all the same.
type rowProduct struct {
	product
	field func(string) Place
	half  bool
	rows  int // 2 only if there are registers for it

	at            GP    // in the row of C
	b, b2         GP    // panels
	next          GP    // from the end of a pair of panels to the next one
	a, steps      GP    // A at this k; steps left
	aStep, aStep3 GP    // once and three times the distance of k in A
	c, cVec       GP    // vectors of this pair in C, and from one of them to the next
	cLast         GP    // from the first to the last
	pairs         Place // left
	a2            GP    // A of the second row, in the place of at
}

// Vector registers: first the chains of both panels. GemmRow: from rowElem on, elements of A.
const rowElem V = 10

// GemmRow16: the words of a vector, what they hold of the even and of the odd step, the mask for
// that, and elements of A.
const rowWord, rowEven, rowOdd, rowMask, rowElem2, rowElem1 V = 10, 11, 12, 13, 14, 15

func (p product) row(half bool) {
	name, doc := "GemmRow", []string{
		"multiplies a row of A, or with AVX-512 and NEON one or two rows, by pairs of panels of B and adds to as many rows",
		"of C: the chain of every output goes on by K steps. The panels lie as GemmTiles has them, without",
		"gaps between the steps."}
	if half {
		name, doc = "GemmRow16", []string{
			"is GemmRow for panels of bfloat16: a word has the weights of steps 2k (lower half) and 2k+1.",
			"With K odd the upper halves of the last step do not count."}
	}
	regs, field := p.begin(name, rowArgs, doc...)
	r := rowProduct{product: p, field: field, half: half, rows: 1, a: regs.Take(p.Scratch(), "A"), steps: regs.Take(p.Count(), "steps left")}
	r.at, r.b2, r.b, r.aStep = regs.GP("in C, A of the second row"), regs.GP("second B"), regs.GP("B"), regs.GP("k of A")
	r.cVec, r.cLast, r.c = regs.GP("vector of C"), regs.GP("last of C"), regs.GP("C")
	r.aStep3, r.next = regs.GP("3 k of A"), regs.GP("next pair")
	r.a2 = r.at
	two := p.roomy() && !half
	if half {
		p.arguments(regs, fmt.Sprintf("0 up chains    %d word    %d %d its even and odd step    %d mask    %d %d elements of A",
			rowWord, rowEven, rowOdd, rowMask, rowElem2, rowElem1))
	} else if p.traits.ElementOperand {
		p.arguments(regs, "chains [row][panel][vector]; a vector of each row of A; those of a step of a panel")
	} else {
		p.arguments(regs, fmt.Sprintf("0 up chains    %d up elements of A; with two rows chains [row][panel][vector], elements, a vector of B", rowElem))
	}
	for _, f := range []struct {
		name string
		to   GP
	}{{"B", r.b}, {"B2", r.b2}, {"AStep", r.aStep}, {"C", r.c}, {"CVec", r.cVec}, {"CLast", r.cLast}} {
		p.Move(f.to, field(f.name))
	}
	r.pairs = p.local(field("Pairs"))
	if half {
		p.OddMask(rowMask)
	}
	if two {
		p.CmpJump(field("Rows"), IfEq, Num(2), "rows2")
	}
	r.pairsOf()
	if two {
		p.Label("rows2")
		r.rows = 2
		r.pairsOf()
	}
}

// pairsOf writes the code for pairs of panels of any number of vectors.
func (r rowProduct) pairsOf() {
	for v := 4; v > 2; v-- {
		r.CmpJump(r.field("Vecs"), IfEq, Num(v), vecsLabel(v)+r.suffix())
	}
	for vecs := 2; vecs <= 4; vecs++ {
		r.pair(vecs)
	}
}

// suffix tells the labels for two rows from those for one.
func (r rowProduct) suffix() string {
	if r.rows == 1 {
		return ""
	}
	return fmt.Sprintf("x%d", r.rows)
}

// eachC visits the chains in memory.
func (r rowProduct) eachC(vecs int, do func(x V, at Place)) {
	for row := range r.rows {
		r.Move(r.at, r.c)
		if row > 0 {
			r.Add(r.at, r.field("CRow"))
		}
		for panel := range 2 {
			for v := range vecs {
				at := At(r.at, 0)
				switch {
				case v == vecs-1:
					at = By(r.at, r.cLast, 1)
				case v > 0:
					at = By(r.at, r.cVec, v)
				}
				do(V((row*2+panel)*vecs+v), at)
			}
			if panel == 0 {
				r.Add(r.at, r.field("CPanel"))
			}
		}
	}
}

// weights does something with each vector of n steps.
func (r rowProduct) weights(vecs, n int, do func(x V, step int, at Place)) {
	for p, panel := range []GP{r.b, r.b2} {
		for s := range n {
			for v := range vecs {
				do(V(p*vecs+v), s, At(panel, (s*vecs+v)*r.Bytes()))
			}
		}
		r.Add(panel, Num(n*vecs*r.Bytes()))
	}
}

// pair writes the code for pairs of panels of so many vectors.
func (r rowProduct) pair(vecs int) {
	name := fmt.Sprint(vecs) + r.suffix()
	r.Label(vecsLabel(vecs) + r.suffix())
	r.Move(r.next, r.b2)
	r.Sub(r.next, r.b)
	r.Add(r.next, r.next)
	r.Move(r.steps, r.field("K"))
	if r.half {
		r.Add(r.steps, Num(1))
		r.Shift(r.steps, -1)
	}
	r.Multiple(r.steps, r.steps, vecs*r.Bytes())
	r.Sub(r.next, r.steps)
	r.Label("pair" + name)
	r.Move(r.a, r.field("A"))
	r.Move(r.steps, r.field("K"))
	for x := range V(r.rows * 2 * vecs) {
		r.Zero(x)
	}
	r.CmpJump(r.field("Start"), IfEq, Num(0), "started"+name)
	r.eachC(vecs, func(x V, at Place) { r.Load(x, at) })
	r.Label("started" + name)
	if r.rows == 2 {
		r.Move(r.a2, r.a)
		r.Add(r.a2, r.field("ARow"))
	}
	switch {
	case r.half:
		r.loops16(vecs, name)
	case r.traits.ElementOperand:
		r.elemLoops(vecs, name)
	default:
		r.loops(vecs, name)
	}
	r.Label("store" + name)
	r.eachC(vecs, func(x V, at Place) { r.Store(at, x) })
	r.Add(r.b, r.next)
	r.Add(r.b2, r.next)
	r.Move(r.at, r.field("CPanel"))
	r.Address(r.c, By(r.c, r.at, 2))
	r.SubJump(r.pairs, 1, IfNe, "pair"+name)
	r.Return()
}

// elemLoops is loops where multiply-adds take one element of a register. The vectors of a step of a panel
// are loaded at once, so that they come in pairs.
func (r rowProduct) elemLoops(vecs int, name string) {
	elem := V(r.rows * 2 * vecs)
	b := elem + V(r.rows)
	steps := func(n int) {
		for row, a := range []GP{r.a, r.a2}[:r.rows] {
			if n == 1 {
				r.Element(elem+V(row), At(a, 0))
			} else {
				r.Elements(elem+V(row), At(a, 0))
			}
			r.Add(a, Num(n*r.elemBytes))
		}
		for p, panel := range []GP{r.b, r.b2} {
			for s := range n {
				for v := range vecs {
					r.Load(b+V(v), At(panel, (s*vecs+v)*r.Bytes()))
				}
				for row := range r.rows {
					for v := range vecs {
						r.MulAddLane(V((row*2+p)*vecs+v), b+V(v), elem+V(row), s)
					}
				}
			}
			r.Add(panel, Num(n*vecs*r.Bytes()))
		}
	}
	n := r.Lanes()
	r.SubJump(r.steps, n, IfLt, "rest"+name)
	r.Label("four" + name)
	steps(n)
	r.SubJump(r.steps, n, IfGe, "four"+name)
	r.Label("rest" + name)
	r.SubJump(r.steps, -n, IfEq, "store"+name)
	r.Label("one" + name)
	steps(1)
	r.SubJump(r.steps, 1, IfNe, "one"+name)
}

// loops writes the loops over k: four steps, then one.
func (r rowProduct) loops(vecs int, name string) {
	elem, rows := rowElem, []GP{r.a, r.a2}[:r.rows]
	if r.rows > 1 {
		elem = V(r.rows * 2 * vecs)
	}
	b := elem + V(4*r.rows)
	mulAdd := func(x V, step int, at Place) {
		if r.rows == 1 {
			r.mulAddElemAt(x, elem+V(step), at, b)
			return
		}
		r.Load(b, at)
		for row := range r.rows {
			r.mulAddElem(x+V(row*2*vecs), elem+V(4*row+step), b)
		}
	}
	r.SubJump(r.steps, 4, IfLt, "rest"+name)
	r.times(r.aStep3, r.aStep, 3)
	r.Label("four" + name)
	for row, a := range rows {
		e := elem + V(4*row)
		r.element(e, At(a, 0))
		r.element(e+1, By(a, r.aStep, 1))
		r.element(e+2, By(a, r.aStep, 2))
		r.element(e+3, By(a, r.aStep3, 1))
	}
	r.weights(vecs, 4, mulAdd)
	for _, a := range rows {
		r.Address(a, By(a, r.aStep, 4))
	}
	r.SubJump(r.steps, 4, IfGe, "four"+name)
	r.Label("rest" + name)
	r.SubJump(r.steps, -4, IfEq, "store"+name)
	r.Label("one" + name)
	for row, a := range rows {
		r.element(elem+V(4*row), At(a, 0))
	}
	r.weights(vecs, 1, mulAdd)
	for _, a := range rows {
		r.Add(a, r.aStep)
	}
	r.SubJump(r.steps, 1, IfNe, "one"+name)
}

// loops16 writes the loop over pairs of k, and what is left if their number is odd.
func (r rowProduct) loops16(vecs int, name string) {
	r.SubJump(r.steps, 2, IfLt, "last"+name)
	r.Label("k" + name)
	r.element(rowElem1, At(r.a, 0))
	r.element(rowElem2, By(r.a, r.aStep, 1))
	r.weights(vecs, 1, func(x V, _ int, at Place) {
		r.Load(rowWord, at)
		r.WidenEven(rowEven, rowWord)
		r.WidenOdd(rowOdd, rowWord, rowMask)
		r.mulAddElem(x, rowElem1, rowEven)
		r.mulAddElem(x, rowElem2, rowOdd)
	})
	r.Address(r.a, By(r.a, r.aStep, 2))
	r.SubJump(r.steps, 2, IfGe, "k"+name)
	r.Label("last" + name)
	r.CmpJump(r.steps, IfNe, Num(-1), "store"+name)
	r.element(rowElem1, At(r.a, 0))
	r.weights(vecs, 1, func(x V, _ int, at Place) {
		r.Load(rowWord, at)
		r.WidenEven(rowEven, rowWord)
		r.mulAddElem(x, rowElem1, rowEven)
	})
}

// PairRows is the most rows that GemmRow takes.
func PairRows(t *Traits) int {
	if roomy(t) {
		return 2
	}
	return 1
}
