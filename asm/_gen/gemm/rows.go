package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// gemvRows writes GemvRows, the product of a matrix and a vector where the rows are contiguous
// and every row is an output: the batch-1 form of x W^T.
//
//	y[r] = start, then for k ascending: y[r] = fma(a[r][k], x[k], y[r])
//
// Lanes are rows, so blocks of the matrix are transposed in registers. The chains of one
// vector wait for each other, and those of up to four vectors fill the gaps.
//
// Registers: DX x, CX steps left, SI y, R10 AX rows, BX R8 R9 R11 distances of rows. Where the
// last group is not full: R8 rows in it, R9 zero, 0(SP) pointers. Z0-Z15 or Y0-Y7 pieces of
// rows, Z16 or Y8 spare, Y9 element of x (AVX2), Z28 or Y12 up: chains. K1 or a local: tail
// mask.
func (g *gen) gemvRows() {
	g.begin("GemvRows", tileArgs,
		"multiplies (Vecs-1)*Lanes+Tail contiguous rows of A by the vector B of K elements, and",
		"adds to the vector C. AStep, BStep, CRow, Tiles and Rows are not used.")
	mask := g.tailMask(tileArgs)
	full := transposer{gen: g, off: reg.R10, row1: reg.RBX, row3: reg.R8, row5: reg.R9, row7: reg.R11, ptr: reg.RAX}
	few := full
	few.table = g.AllocLocal(4 * 8 * g.lanes)
	x, steps, c := reg.RDX, reg.RCX, reg.RSI
	quads := g.lanes / 4
	spare, elem, acc := 4*quads, 4*quads+1, 12
	if g.avx512 {
		acc = 28
	}
	g.MOVQ(tileArgs.at(argp, "B"), x)
	g.MOVQ(tileArgs.at(argp, "C"), c)
	g.MOVQ(tileArgs.at(argp, "ARow"), full.row1)
	for v := 4; v >= 2; v-- {
		g.CMPQ(tileArgs.at(argp, "Vecs"), imm(v))
		g.JEQ(LabelRef(fmt.Sprintf("vecs%d", v)))
	}
	for v := 1; v <= 4; v++ {
		name := fmt.Sprint(v)
		each := func(do func(i int, m Mem, tail bool)) {
			for i := range v {
				do(acc+i, mem(c, i*g.bytes()), i == v-1)
			}
		}
		g.Label("vecs" + name)
		each(func(i int, m Mem, tail bool) { g.zero(i) })
		g.CMPQ(tileArgs.at(argp, "Start"), imm(0))
		g.JEQ(LabelRef("steps" + name))
		each(func(i int, m Mem, tail bool) {
			if tail {
				g.loadTail(m, i, mask)
			} else {
				g.VMOVUPS(m, g.vec(i))
			}
		})
		g.CMPQ(tileArgs.at(argp, "Start"), imm(1))
		g.JEQ(LabelRef("steps" + name))
		g.VBROADCASTSS(tileArgs.at(argp, "Beta"), g.vec(0))
		each(func(i int, m Mem, tail bool) { g.VMULPS(g.vec(0), g.vec(i), g.vec(i)) })
		g.Label("steps" + name)
		body := func(t transposer) {
			g.MOVQ(tileArgs.at(argp, "K"), steps)
			fma := func(k, a, c int) {
				if g.avx512 {
					g.VFMADD231PS_BCST(mem(x, 4*k), g.vec(a), g.vec(c))
					return
				}
				g.VBROADCASTSS(mem(x, 4*k), g.vec(elem))
				g.VFMADD231PS(g.vec(elem), g.vec(a), g.vec(c))
			}
			block := func(quads int) func() {
				return func() {
					for i := range v {
						t.load(i, quads)
						for q := range quads {
							for k, r := range t.transpose(q, spare) {
								fma(4*q+k, r, acc+i)
							}
						}
					}
				}
			}
			g.kLoops(g.lanes, steps, []reg.Register{t.off, x}, block(quads), block(1), func() {
				for i := range v {
					t.gather(i)
					fma(0, 0, acc+i)
				}
			})
			each(func(i int, m Mem, tail bool) {
				if tail && !t.full() {
					g.storeTail(i, m, mask, 0)
				} else {
					g.VMOVUPS(g.vec(i), m)
				}
			})
			g.end()
		}
		g.CMPQ(tileArgs.at(argp, "Tail"), imm(g.lanes))
		g.JNE(LabelRef("few" + name))
		g.MOVQ(tileArgs.at(argp, "A"), full.off)
		full.distances()
		body(full)

		g.Label("few" + name)
		g.MOVQ(tileArgs.at(argp, "A"), reg.RAX)
		g.XORL(reg.R9L, reg.R9L)
		for i := range v {
			if i < v-1 {
				g.MOVQ(U32(g.lanes), reg.R8)
			} else {
				g.MOVQ(tileArgs.at(argp, "Tail"), reg.R8)
			}
			few.pointers(i, reg.RAX, reg.R8, reg.RBX, reg.R9)
			if i < v-1 {
				g.ADDQ(reg.RBX, reg.RAX)
			}
		}
		g.XORL(reg.R10L, reg.R10L)
		body(few)
	}
}
