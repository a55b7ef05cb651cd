package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

var rowArgs = args{"RowArgs", []string{
	"RowArgs says what GemmRow and GemmRow16 work on. Distances are in bytes.",
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
	{"Pairs", "int", "how many pairs of panels follow each other in B and in C, at least 1"},
	{"Vecs", "int", "vectors in a row of a panel, 2 to 4, all of them full"},
	{"Start", "int", "where chains start: 0 at +0, 1 at C"},
}}

// row writes GemmRow, a tile of one row, and with half set GemmRow16, the same for panels of
// bfloat16. It takes two panels at a time: the chains of one of them, four at most, would wait
// for themselves. Every vector of B is used once, straight from memory, so this runs at the
// speed of the cache that holds the panels.
//
// A bfloat16 is the upper half of a float32. Two steps share a word: the even one is word<<16,
// the odd one word&0xffff0000, so that no instruction for bfloat16 is needed and the chains are
// those of float32.
//
// Four steps of one panel come before those of the other: the caches take lines that follow each
// other faster, by 5 to 8 % with AVX-512 for panels in the L2 cache; with AVX2 it is all the same.
//
// Registers: AX A, BX and DX panels, CX steps left, R8 R12 once and three times the distance of k
// in A; R11 C, R9 R10 its distances; R13 from the end of a pair to the next one. Z0 up or Y0 up:
// chains. GemmRow: 10 up, elements of A. GemmRow16: 10 words, 11 and 12 the even and odd step; 13
// the mask; 14 15 elements of A.
func (g *gen) row(half bool) {
	if half {
		g.begin("GemmRow16", rowArgs,
			"is GemmRow for panels of bfloat16: a word has the weights of steps 2k (lower half) and 2k+1.",
			"With K odd the upper halves of the last step do not count.")
	} else {
		g.begin("GemmRow", rowArgs,
			"multiplies a row of A by pairs of panels of B and adds to a row of C: the chain of every output",
			"goes on by K steps. The panels lie as GemmTiles has them, without gaps between the steps.")
	}
	const elems = 10 // GemmRow
	const word, even, odd, mask, elem2, elem = 10, 11, 12, 13, 14, 15
	a, b, b2, steps, aStep, aStep3 := reg.RAX, reg.RBX, reg.RDX, reg.RCX, reg.R8, reg.R12
	c, cVec, cLast := reg.R11, reg.R9, reg.R10
	for _, f := range []struct {
		name string
		to   reg.Register
	}{{"B", b}, {"B2", b2}, {"AStep", aStep}, {"C", c}, {"CVec", cVec}, {"CLast", cLast}} {
		g.MOVQ(rowArgs.at(argp, f.name), f.to)
	}
	pairs, next := g.AllocLocal(8), reg.R13
	g.MOVQ(rowArgs.at(argp, "Pairs"), reg.RAX)
	g.MOVQ(reg.RAX, pairs)
	if half {
		g.MOVL(U32(0xffff0000), reg.EAX)
		g.VMOVD(reg.EAX, xmm(mask))
		g.VPBROADCASTD(xmm(mask), g.vec(mask))
	}
	for v := 4; v > 2; v-- {
		g.CMPQ(rowArgs.at(argp, "Vecs"), imm(v))
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
		// weights does something with each vector of n steps.
		weights := func(n int, do func(i, step int, m Mem)) {
			for p, panel := range []reg.Register{b, b2} {
				for s := range n {
					for v := range vecs {
						do(p*vecs+v, s, mem(panel, (s*vecs+v)*g.bytes()))
					}
				}
				g.ADDQ(imm(n*vecs*g.bytes()), panel)
			}
		}
		g.Label("vecs" + name)
		g.MOVQ(b2, next)
		g.SUBQ(b, next)
		g.ADDQ(next, next)
		g.MOVQ(rowArgs.at(argp, "K"), steps)
		if half {
			g.INCQ(steps)
			g.SHRQ(U8(1), steps)
		}
		g.IMUL3Q(imm(vecs*g.bytes()), steps, steps)
		g.SUBQ(steps, next)
		g.Label("pair" + name)
		g.MOVQ(rowArgs.at(argp, "A"), a)
		g.MOVQ(rowArgs.at(argp, "K"), steps)
		for i := range 2 * vecs {
			g.zero(i)
		}
		g.CMPQ(rowArgs.at(argp, "Start"), imm(0))
		g.JEQ(LabelRef("started" + name))
		each(func(i int, m Mem) { g.VMOVUPS(m, g.vec(i)) })
		g.Label("started" + name)
		if half {
			g.SUBQ(imm(2), steps)
			g.JLT(LabelRef("last" + name))
		}
		if half {
			g.Label("k" + name)
			g.VBROADCASTSS(mem(a, 0), g.vec(elem))
			g.VBROADCASTSS(Mem{Base: a, Index: aStep, Scale: 1}, g.vec(elem2))
			weights(1, func(i, _ int, m Mem) {
				g.VMOVUPS(m, g.vec(word))
				g.VPSLLD(U8(16), g.vec(word), g.vec(even))
				if g.avx512 {
					g.VPANDD(g.vec(mask), g.vec(word), g.vec(odd))
				} else {
					g.VPAND(g.vec(mask), g.vec(word), g.vec(odd))
				}
				g.VFMADD231PS(g.vec(even), g.vec(elem), g.vec(i))
				g.VFMADD231PS(g.vec(odd), g.vec(elem2), g.vec(i))
			})
			g.LEAQ(Mem{Base: a, Index: aStep, Scale: 2}, a)
			g.SUBQ(imm(2), steps)
			g.JGE(LabelRef("k" + name))
			g.Label("last" + name)
			g.CMPQ(steps, imm(-1))
			g.JNE(LabelRef("store" + name))
			g.VBROADCASTSS(mem(a, 0), g.vec(elem))
			weights(1, func(i, _ int, m Mem) {
				g.VMOVUPS(m, g.vec(word))
				g.VPSLLD(U8(16), g.vec(word), g.vec(even))
				g.VFMADD231PS(g.vec(even), g.vec(elem), g.vec(i))
			})
			g.Label("store" + name)
		} else {
			fma := func(i, step int, m Mem) { g.VFMADD231PS(m, g.vec(elems+step), g.vec(i)) }
			g.SUBQ(imm(4), steps)
			g.JLT(LabelRef("rest" + name))
			g.LEAQ(Mem{Base: aStep, Index: aStep, Scale: 2}, aStep3)
			g.Label("four" + name)
			g.VBROADCASTSS(mem(a, 0), g.vec(elems))
			g.VBROADCASTSS(Mem{Base: a, Index: aStep, Scale: 1}, g.vec(elems+1))
			g.VBROADCASTSS(Mem{Base: a, Index: aStep, Scale: 2}, g.vec(elems+2))
			g.VBROADCASTSS(Mem{Base: a, Index: aStep3, Scale: 1}, g.vec(elems+3))
			weights(4, fma)
			g.LEAQ(Mem{Base: a, Index: aStep, Scale: 4}, a)
			g.SUBQ(imm(4), steps)
			g.JGE(LabelRef("four" + name))
			g.Label("rest" + name)
			g.ADDQ(imm(4), steps)
			g.JEQ(LabelRef("store" + name))
			g.Label("one" + name)
			g.VBROADCASTSS(mem(a, 0), g.vec(elems))
			weights(1, fma)
			g.ADDQ(aStep, a)
			g.DECQ(steps)
			g.JNE(LabelRef("one" + name))
			g.Label("store" + name)
		}
		each(func(i int, m Mem) { g.VMOVUPS(g.vec(i), m) })
		g.ADDQ(next, b)
		g.ADDQ(next, b2)
		g.MOVQ(rowArgs.at(argp, "CPanel"), reg.RSI)
		g.LEAQ(Mem{Base: c, Index: reg.RSI, Scale: 2}, c)
		g.DECQ(pairs)
		g.JNE(LabelRef("pair" + name))
		g.end()
	}
}
