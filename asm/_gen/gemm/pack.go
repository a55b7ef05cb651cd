package main

import (
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// pack writes GemmPack. Registers: AX source row, BX panel, CX rows left, DX SI distances of
// their rows, K1 or 0(SP) tail mask.
func (g *gen) pack() {
	g.begin("GemmPack", packArgs,
		"copies K rows of a matrix, Vecs vectors each, into a panel. Columns that do not exist",
		"become 0.")
	mask := g.tailMask(packArgs)
	g.MOVQ(packArgs.at(argp, "Src"), reg.RAX)
	g.MOVQ(packArgs.at(argp, "Dst"), reg.RBX)
	g.MOVQ(packArgs.at(argp, "K"), reg.RCX)
	g.MOVQ(packArgs.at(argp, "SrcRow"), reg.RDX)
	g.MOVQ(packArgs.at(argp, "DstRow"), reg.RSI)
	names := []string{"", "one", "two", "three", "four"}
	for v := 3; v >= 1; v-- {
		g.CMPQ(packArgs.at(argp, "Vecs"), imm(v))
		g.JEQ(LabelRef(names[v]))
	}
	for v := 4; v >= 1; v-- {
		g.Label(names[v])
		for i := range v - 1 {
			g.VMOVUPS(mem(reg.RAX, i*g.bytes()), g.vec(i))
		}
		g.loadTail(mem(reg.RAX, (v-1)*g.bytes()), v-1, mask)
		for i := range v {
			g.VMOVUPS(g.vec(i), mem(reg.RBX, i*g.bytes()))
		}
		g.ADDQ(reg.RDX, reg.RAX)
		g.ADDQ(reg.RSI, reg.RBX)
		g.DECQ(reg.RCX)
		g.JNE(LabelRef(names[v]))
		g.end()
	}
}

// A transposer turns rows of a matrix into vectors across the rows: one vector of each k, with
// as many rows as a vector has lanes.
//
// Four k at a time are read as 128-bit pieces. Register i, lane l (of 128 bits) holds row 4l+i:
//
//	            lane 0              lane 1              ...
//	r0    row 0: k0 k1 k2 k3   row 4: k0 k1 k2 k3
//	r1    row 1                row 5
//	r2    row 2                row 6
//	r3    row 3                row 7
//
// and a 4x4 transposition inside of the lanes leaves row 0 1 2 3 | 4 5 6 7 | ... of one k in
// each register. Pieces are inserted straight from memory, which takes no shuffle. Full groups
// are of eight rows with AVX-512 as well: inserting into the longer vectors takes more than it
// saves.
//
// If there are fewer rows than lanes, the rows come as a table of pointers that repeats the
// last one: nothing outside of the matrix is read, and the lanes in question are not stored,
// or not used. Otherwise all rows are at known distances from the first one.
type transposer struct {
	*gen
	table Mem // pointers to rows; the zero Mem if the group is full

	// off is the offset of this k from the pointers. In a full group it is the pointer to row 0
	// at this k, and row1 to row7 are the distances of rows.
	off                    reg.Register
	row1, row3, row5, row7 reg.Register
	ptr                    reg.Register // free
}

func (t transposer) full() bool { return t.table.Base == nil }

// pointers fills a group of the table from the row at ptr on; behind the given number of rows
// the last is repeated. zero holds 0; step holds the distance of rows and is changed.
func (t transposer) pointers(group int, ptr, rows, step, zero reg.Register) {
	first := group * t.lanes
	t.MOVQ(ptr, t.table.Offset(8*first))
	for i := 1; i < t.lanes; i++ {
		t.CMPQ(rows, imm(i))
		t.CMOVQLE(zero, step)
		t.ADDQ(step, ptr)
		t.MOVQ(ptr, t.table.Offset(8*(first+i)))
	}
}

// distances computes row3, row5 and row7.
func (t transposer) distances() {
	t.LEAQ(Mem{Base: t.row1, Index: t.row1, Scale: 2}, t.row3)
	t.LEAQ(Mem{Base: t.row1, Index: t.row1, Scale: 4}, t.row5)
	t.LEAQ(Mem{Base: t.row3, Index: t.row1, Scale: 4}, t.row7)
}

// begin starts to read a group at this k.
func (t transposer) begin(group int) {
	if !t.full() {
		return
	}
	if group == 0 {
		t.MOVQ(t.off, t.ptr)
	} else {
		t.LEAQ(Mem{Base: t.ptr, Index: t.row1, Scale: 8}, t.ptr)
	}
}

// row returns the place of a row of a group at this k. Rows have to be asked for in order.
func (t transposer) row(group, r int) Mem {
	if !t.full() {
		t.MOVQ(t.table.Offset(8*(group*t.lanes+r)), t.ptr)
		return Mem{Base: t.ptr, Index: t.off, Scale: 1}
	}
	if r == 8 {
		t.LEAQ(Mem{Base: t.ptr, Index: t.row1, Scale: 8}, t.ptr)
	}
	switch r % 8 {
	case 0:
		return Mem{Base: t.ptr}
	case 1, 2, 4:
		return Mem{Base: t.ptr, Index: t.row1, Scale: uint8(r % 8)}
	case 3, 6:
		return Mem{Base: t.ptr, Index: t.row3, Scale: uint8(r % 8 / 3)}
	case 5:
		return Mem{Base: t.ptr, Index: t.row5, Scale: 1}
	}
	return Mem{Base: t.ptr, Index: t.row7, Scale: 1}
}

// load reads 4*quads k of a group, into registers 4q+i.
func (t transposer) load(group, quads int) {
	t.begin(group)
	for r := range t.lanes {
		m := t.row(group, r)
		for q := range quads {
			t.insert(r/4, m.Offset(16*q), 4*q+r%4)
		}
	}
}

// insert puts 128 bits into a lane of register i. Lane 0 has to be first.
func (t transposer) insert(lane int, m Op, i int) {
	switch {
	case lane == 0:
		t.VMOVUPS(m, xmm(i))
	case t.lanes == 16:
		t.VINSERTF32X4(U8(lane), m, t.vec(i), t.vec(i))
	default:
		t.VINSERTF128(U8(lane), m, t.vec(i), t.vec(i))
	}
}

// transpose turns registers 4q to 4q+3 over and returns those that hold k0 to k3 then: these
// without the first, and spare.
func (t transposer) transpose(q, spare int) [4]int {
	r0, r1, r2, r3 := 4*q, 4*q+1, 4*q+2, 4*q+3
	t.VUNPCKLPS(t.vec(r1), t.vec(r0), t.vec(spare)) // r0 r1 at k0 k1
	t.VUNPCKHPS(t.vec(r1), t.vec(r0), t.vec(r0))    // r0 r1 at k2 k3
	t.VUNPCKLPS(t.vec(r3), t.vec(r2), t.vec(r1))    // r2 r3 at k0 k1
	t.VUNPCKHPS(t.vec(r3), t.vec(r2), t.vec(r2))    // r2 r3 at k2 k3
	t.VUNPCKLPD(t.vec(r1), t.vec(spare), t.vec(r3))
	t.VUNPCKHPD(t.vec(r1), t.vec(spare), t.vec(spare))
	t.VUNPCKLPD(t.vec(r2), t.vec(r0), t.vec(r1))
	t.VUNPCKHPD(t.vec(r2), t.vec(r0), t.vec(r2))
	return [4]int{r3, spare, r1, r2}
}

// gather reads one k of a group into register 0, through the first four registers.
func (t transposer) gather(group int) {
	t.begin(group)
	for r := range t.lanes {
		m := t.row(group, r)
		if r%4 == 0 {
			t.VMOVSS(m, xmm(r/4))
		} else {
			t.VINSERTPS(U8(r%4<<4), m, xmm(r/4), xmm(r/4))
		}
	}
	for l := 1; l < t.lanes/4; l++ {
		t.insert(l, xmm(l), 0)
	}
}

// packT writes GemmPackT. Registers: BX panel at this k, CX steps left, DX SI one and three rows
// of the panel, R8 R9 R10 R12 distances of source rows, R11 AX source, R13 groups left. Where
// rows are few: R9 their number, R10 zero, 0(SP) pointers to them.
func (g *gen) packT() {
	g.begin("GemmPackT", packArgs,
		"copies K columns of a matrix, Vecs*Lanes rows of it, into a panel: row k of the panel",
		"is column k of the matrix. Columns of the panel that do not exist repeat the last one. Dst and",
		"Src are changed on return.")
	full := transposer{gen: g.eight(), off: reg.R11, row1: reg.R8, row3: reg.R9, row5: reg.R10, row7: reg.R12, ptr: reg.RAX}
	few := full
	few.gen, few.table = g, g.AllocLocal(8*g.lanes)
	dst, steps, row1, row3, groups := reg.RBX, reg.RCX, reg.RDX, reg.RSI, reg.R13

	g.MOVQ(packArgs.at(argp, "Vecs"), groups)
	g.MOVQ(packArgs.at(argp, "DstRow"), row1)
	g.LEAQ(Mem{Base: row1, Index: row1, Scale: 2}, row3)

	// A group is one or two halves of t.lanes rows. The halves take turns, so that the lines of
	// the panel are complete before they leave the L1 cache.
	body := func(t transposer, halves int) {
		g.MOVQ(packArgs.at(argp, "Dst"), dst)
		g.MOVQ(packArgs.at(argp, "K"), steps)
		some := func(quads int) func() {
			return func() {
				for h := range halves {
					t.load(h, quads)
					for q := range quads {
						out := t.transpose(q, 4*quads+q)
						at := h * t.bytes()
						g.VMOVUPS(t.vec(out[0]), Mem{Base: dst, Disp: at})
						g.VMOVUPS(t.vec(out[1]), Mem{Base: dst, Index: row1, Scale: 1, Disp: at})
						g.VMOVUPS(t.vec(out[2]), Mem{Base: dst, Index: row1, Scale: 2, Disp: at})
						g.VMOVUPS(t.vec(out[3]), Mem{Base: dst, Index: row3, Scale: 1, Disp: at})
						if q < quads-1 {
							g.LEAQ(Mem{Base: dst, Index: row1, Scale: 4}, dst)
						}
					}
					if h < halves-1 && quads > 1 {
						g.SUBQ(row3, dst) // back by four rows: quads is 2
						g.SUBQ(row1, dst)
					}
				}
				g.LEAQ(Mem{Base: dst, Index: row1, Scale: 4}, dst)
			}
		}
		g.kLoops(t.lanes, steps, []reg.Register{t.off}, some(t.lanes/4), some(1), func() {
			for h := range halves {
				t.gather(h)
				g.VMOVUPS(t.vec(0), mem(dst, h*t.bytes()))
			}
			g.ADDQ(row1, dst)
		})
	}

	g.Label("group")
	g.CMPQ(groups, imm(1))
	g.JNE(LabelRef("full"))
	g.CMPQ(packArgs.at(argp, "Tail"), imm(g.lanes))
	g.JNE(LabelRef("few"))
	g.Label("full")
	g.MOVQ(packArgs.at(argp, "SrcRow"), full.row1)
	g.MOVQ(packArgs.at(argp, "Src"), full.off)
	full.distances()
	body(full, g.lanes/8)
	g.ADDQ(imm(g.bytes()), packArgs.at(argp, "Dst"))
	g.IMUL3Q(imm(g.lanes), full.row1, full.row1)
	g.ADDQ(full.row1, packArgs.at(argp, "Src"))
	g.DECQ(groups)
	g.JNE(LabelRef("group"))
	g.end()

	g.Label("few")
	g.MOVQ(packArgs.at(argp, "SrcRow"), reg.R8)
	g.MOVQ(packArgs.at(argp, "Src"), reg.RAX)
	g.XORL(reg.R10L, reg.R10L)
	g.MOVQ(packArgs.at(argp, "Tail"), reg.R9)
	few.pointers(0, reg.RAX, reg.R9, reg.R8, reg.R10)
	g.XORL(reg.R11L, reg.R11L)
	body(few, 1)
	g.end()
}

// kLoops writes loops over the steps: most at once, then four, then one. The pointers go on by 4
// bytes a step.
func (g *gen) kLoops(most int, steps reg.Register, pointers []reg.Register, vector, four, one func()) {
	names := [3]string{g.label("vector"), g.label("four"), g.label("one")}
	end := g.label("end")
	for i, n := range []int{most, 4, 1} {
		next := end
		if i < 2 {
			next = names[i+1]
		}
		g.Label(names[i])
		g.CMPQ(steps, imm(n))
		g.JLT(LabelRef(next))
		[]func(){vector, four, one}[i]()
		for _, p := range pointers {
			g.ADDQ(imm(4*n), p)
		}
		if n == 1 {
			g.DECQ(steps)
		} else {
			g.SUBQ(imm(n), steps)
		}
		g.JMP(LabelRef(names[i]))
	}
	g.Label(end)
}
