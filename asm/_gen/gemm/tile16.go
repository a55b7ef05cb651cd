package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// tiles16 writes GemmTile16: a tile of a few rows for panels of bfloat16, in words as row.go
// has them. Each word is widened once for all rows.
//
// Registers: AX A, DX SI its distances of one and three rows; BX B, CX steps left; DI arguments.
// For C as in GemmTiles. Z0 up or Y0 up: chains [row][vector]; behind them elements of A, of the
// even and the odd step [row][2]; then word (and odd step), even step, mask.
func (g *gen) tiles16() {
	most := 2
	if g.avx512 {
		most = 4
	}
	g.begin("GemmTile16", tileArgs,
		"is GemmTiles for panels of bfloat16 as GemmRow16 has them: one tile of 2 rows with AVX2, 2 to 4",
		"with AVX-512, and 2 to 4 Vecs, all of them full. The elements of a row of A lie side by side.",
		"AStep, BStep, Next, Tiles and Tail are not used.")
	g.MOVQ(tileArgs.at(argp, "ARow"), rRow1)
	g.LEAQ(Mem{Base: rRow1, Index: rRow1, Scale: 2}, rRow3)
	for v := 4; v >= 2; v-- {
		for r := most; r >= 2; r-- {
			next := g.label("not")
			g.CMPQ(tileArgs.at(argp, "Vecs"), imm(v))
			g.JNE(LabelRef(next))
			g.CMPQ(tileArgs.at(argp, "Rows"), imm(r))
			g.JNE(LabelRef(next))
			g.tile16(r, v)
			g.Label(next)
		}
	}
	g.end()
}

func (g *gen) tile16(rows, vecs int) {
	name := fmt.Sprintf("%dx%d", rows, vecs)
	acc := func(r, v int) int { return r*vecs + v }
	elem := func(r, odd int) int { return rows*vecs + 2*r + odd }
	word, even, mask := rows*vecs+2*rows, rows*vecs+2*rows+1, rows*vecs+2*rows+2
	eachC := func(do func(r, v int, m Mem)) {
		g.MOVQ(tileArgs.at(argp, "C"), rC)
		g.MOVQ(tileArgs.at(argp, "CRow"), rCRow)
		g.MOVQ(tileArgs.at(argp, "CVec"), rCVec)
		g.MOVQ(tileArgs.at(argp, "CLast"), rCLast)
		for r := range rows {
			for v := range vecs {
				do(r, v, placeOfC(v, vecs))
			}
			if r < rows-1 {
				g.ADDQ(rCRow, rC)
			}
		}
	}
	step := func(odds int) {
		for r := range rows {
			for odd := range odds {
				m := row(r)
				m.Disp = 4 * odd
				g.VBROADCASTSS(m, g.vec(elem(r, odd)))
			}
		}
		for v := range vecs {
			g.VMOVUPS(mem(rB, v*g.bytes()), g.vec(word))
			g.VPSLLD(U8(16), g.vec(word), g.vec(even))
			for r := range rows {
				g.VFMADD231PS(g.vec(even), g.vec(elem(r, 0)), g.vec(acc(r, v)))
			}
			if odds < 2 {
				continue
			}
			if g.avx512 {
				g.VPANDD(g.vec(mask), g.vec(word), g.vec(word))
			} else {
				g.VPAND(g.vec(mask), g.vec(word), g.vec(word))
			}
			for r := range rows {
				g.VFMADD231PS(g.vec(word), g.vec(elem(r, 1)), g.vec(acc(r, v)))
			}
		}
		g.ADDQ(imm(vecs*g.bytes()), rB)
		g.ADDQ(imm(4*odds), rA)
	}
	g.Comment("Tile " + name + ".")
	g.MOVL(U32(0xffff0000), reg.EAX)
	g.VMOVD(reg.EAX, xmm(mask))
	g.VPBROADCASTD(xmm(mask), g.vec(mask))
	for i := range rows * vecs {
		g.zero(i)
	}
	g.CMPQ(tileArgs.at(argp, "Start"), imm(0))
	g.JEQ(LabelRef("started" + name))
	eachC(func(r, v int, m Mem) { g.VMOVUPS(m, g.vec(acc(r, v))) })
	g.Label("started" + name)
	g.MOVQ(tileArgs.at(argp, "A"), rA)
	g.MOVQ(tileArgs.at(argp, "B"), rB)
	g.MOVQ(tileArgs.at(argp, "K"), rK)
	g.SUBQ(imm(2), rK)
	g.JLT(LabelRef("last" + name))
	g.Label("k" + name)
	step(2)
	g.SUBQ(imm(2), rK)
	g.JGE(LabelRef("k" + name))
	g.Label("last" + name)
	g.CMPQ(rK, imm(-1))
	g.JNE(LabelRef("store" + name))
	step(1)
	g.Label("store" + name)
	eachC(func(r, v int, m Mem) { g.VMOVUPS(g.vec(acc(r, v)), m) })
	g.end()
}
