package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

var rowArgs = args{"RowArgs", []string{
	"RowArgs says what GemmRow works on. Distances are in bytes.",
}, []field{
	{"A", "*float32", "first element of the row"},
	{"B", "*float32", "first element of the first panel"},
	{"B2", "*float32", "first element of the second panel"},
	{"C", "*float32", "first element of the row"},
	{"AStep", "int", "from one k of A to the next"},
	{"CVec", "int", "from one vector of C to the next"},
	{"CLast", "int", "from the first vector of C to the last"},
	{"CPanel", "int", "from the vectors of the first panel to those of the second"},
	{"K", "int", "steps of the chains, at least 1"},
	{"Vecs", "int", "vectors in a row of a panel, 2 to 4, all of them full"},
	{"Start", "int", "where chains start: 0 at +0, 1 at C"},
}}

// row writes GemmRow, a tile of one row. It takes two panels at a time: the chains of one of
// them, four at most, would wait for themselves. Every vector of B is used once, straight from
// memory, so this runs at the speed of the cache that holds the panels.
//
// Registers: AX A, BX and DX panels, CX steps left, R8 distance of k in A; R11 C, R9 R10 its
// distances. Z0 up or Y0 up: chains; Z15 or Y15 element of A.
func (g *gen) row() {
	g.begin("GemmRow", rowArgs,
		"multiplies a row of A by two panels of B and adds to a row of C: the chain of every output",
		"goes on by K steps. The panels lie as GemmTiles has them, without gaps between the steps.")
	const elem = 15
	a, b, b2, steps, aStep := reg.RAX, reg.RBX, reg.RDX, reg.RCX, reg.R8
	c, cVec, cLast := reg.R11, reg.R9, reg.R10
	for _, f := range []struct {
		name string
		to   reg.Register
	}{{"A", a}, {"B", b}, {"B2", b2}, {"K", steps}, {"AStep", aStep}, {"C", c}, {"CVec", cVec}, {"CLast", cLast}} {
		g.MOVQ(rowArgs.at(argp, f.name), f.to)
	}
	for v := 4; v > 2; v-- {
		g.CMPQ(rowArgs.at(argp, "Vecs"), U8(v))
		g.JEQ(LabelRef(fmt.Sprintf("vecs%d", v)))
	}
	for vecs := 2; vecs <= 4; vecs++ {
		name := fmt.Sprint(vecs)
		each := func(do func(i int, m Mem)) {
			g.MOVQ(c, reg.RSI)
			for p := range 2 {
				for v := range vecs {
					m := Mem{Base: reg.RSI}
					switch {
					case v == vecs-1:
						m.Index, m.Scale = cLast, 1
					case v > 0:
						m.Index, m.Scale = cVec, uint8(v)
					}
					do(p*vecs+v, m)
				}
				if p == 0 {
					g.ADDQ(rowArgs.at(argp, "CPanel"), reg.RSI)
				}
			}
		}
		g.Label("vecs" + name)
		for i := range 2 * vecs {
			g.zero(i)
		}
		g.CMPQ(rowArgs.at(argp, "Start"), U8(0))
		g.JEQ(LabelRef("k" + name))
		each(func(i int, m Mem) { g.VMOVUPS(m, g.vec(i)) })
		g.Label("k" + name)
		g.VBROADCASTSS(mem(a, 0), g.vec(elem))
		for p, panel := range []reg.Register{b, b2} {
			for v := range vecs {
				g.VFMADD231PS(mem(panel, v*g.bytes()), g.vec(elem), g.vec(p*vecs+v))
			}
			g.ADDQ(U32(vecs*g.bytes()), panel)
		}
		g.ADDQ(aStep, a)
		g.DECQ(steps)
		g.JNZ(LabelRef("k" + name))
		each(func(i int, m Mem) { g.VMOVUPS(g.vec(i), m) })
		g.end()
	}
}
