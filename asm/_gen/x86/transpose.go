package x86

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/elbow-go/elbow/asm/_gen/engine"
)

// A transposer is an engine.Transposer.
//
// A block is read as 128-bit pieces, which hold four k, or two of float64. Register i, lane l (of
// 128 bits) holds row 4l+i:
//
//	            lane 0              lane 1              ...
//	r0    row 0: k0 k1 k2 k3   row 4: k0 k1 k2 k3
//	r1    row 1                row 5
//	r2    row 2                row 6
//	r3    row 3                row 7
//
// and a 4x4 transposition inside of the lanes leaves row 0 1 2 3 | 4 5 6 7 | ... of one k in
// each register; for float64 two registers and a 2x2 transposition do. Pieces are inserted straight from memory, which takes no shuffle. Full groups
// that are stored are halves of a vector with AVX-512: inserting into the longer vectors takes more
// than it saves.
//
// If there are fewer rows than lanes, the rows come as a table of pointers that repeats the
// last one: nothing outside of the matrix is read, and the lanes in question are not stored,
// or not used. Otherwise all rows are at known distances from the first one.
type transposer struct {
	vectors
	most  int         // groups
	table operand.Mem // pointers to rows
	full  bool

	// off is the offset of this k from the pointers. In a full group it is the pointer to row 0
	// at this k, and row1 to row7 are the distances of rows.
	off                    reg.GPPhysical
	row1, row3, row5, row7 reg.GPPhysical
	ptr                    reg.GPPhysical // free
}

func (v vectors) Transposer(r *engine.Registers, groups int) engine.Transposer {
	t := &transposer{vectors: v, most: groups, ptr: gps[r.Take(scratch, "row of source at this k")]}
	for _, x := range []struct {
		name string
		at   *reg.GPPhysical
	}{{"row of source", &t.row1}, {"3 rows", &t.row3}, {"5 rows", &t.row5}, {"source", &t.off}, {"7 rows", &t.row7}} {
		*x.at = gps[r.GP(x.name)]
	}
	return t
}

func (t *transposer) Distance(p engine.Place) { t.emit("MOVQ", t.mem(p), t.row1) }

func (t *transposer) Full(first engine.Place, half bool) {
	t.full, t.bytes = true, t.target.traits.VecBytes
	if half {
		t.bytes /= 2
	}
	t.emit("MOVQ", t.mem(first), t.off)
	t.emit("LEAQ", operand.Mem{Base: t.row1, Index: t.row1, Scale: 2}, t.row3)
	t.emit("LEAQ", operand.Mem{Base: t.row1, Index: t.row1, Scale: 4}, t.row5)
	t.emit("LEAQ", operand.Mem{Base: t.row3, Index: t.row1, Scale: 4}, t.row7)
}

// Few fills the table: behind the last row it is repeated, because the distance becomes 0.
func (t *transposer) Few(groups int, first, tail engine.Place) {
	t.full, t.bytes = false, t.target.traits.VecBytes
	rows, zero := t.row3, t.row5
	if t.table.Base == nil {
		t.table = t.ctx.AllocLocal(8 * t.Lanes() * t.most)
	}
	t.emit("MOVQ", t.mem(first), t.ptr)
	t.emit("XORL", zero.As32(), zero.As32())
	for g := range groups {
		if g < groups-1 {
			t.emit("MOVQ", operand.U32(t.Lanes()), rows)
		} else {
			t.emit("MOVQ", t.mem(tail), rows)
		}
		for i := range t.Lanes() {
			if i > 0 {
				t.emit("CMPQ", rows, imm(i))
				t.emit("CMOVQLE", zero, t.row1)
				t.emit("ADDQ", t.row1, t.ptr)
			}
			t.emit("MOVQ", t.ptr, t.table.Offset(8*(g*t.Lanes()+i)))
		}
		if g < groups-1 {
			t.emit("ADDQ", t.row1, t.ptr)
		}
	}
	t.emit("XORL", t.off.As32(), t.off.As32())
}

func (t *transposer) IsFull() bool { return t.full }
func (t *transposer) Block() int   { return 16 / t.elem }

// begin starts to read a group at this k.
func (t *transposer) begin(group int) {
	switch {
	case !t.full:
	case group == 0:
		t.emit("MOVQ", t.off, t.ptr)
	default:
		t.emit("LEAQ", operand.Mem{Base: t.ptr, Index: t.row1, Scale: uint8(min(8, t.Lanes()))}, t.ptr)
	}
}

// row returns the place of a row of a group at this k. Rows have to be asked for in order.
func (t *transposer) row(group, r int) operand.Mem {
	if !t.full {
		t.emit("MOVQ", t.table.Offset(8*(group*t.Lanes()+r)), t.ptr)
		return operand.Mem{Base: t.ptr, Index: t.off, Scale: 1}
	}
	if r == 8 {
		t.emit("LEAQ", operand.Mem{Base: t.ptr, Index: t.row1, Scale: 8}, t.ptr)
	}
	switch r % 8 {
	case 0:
		return operand.Mem{Base: t.ptr}
	case 1, 2, 4:
		return operand.Mem{Base: t.ptr, Index: t.row1, Scale: uint8(r % 8)}
	case 3, 6:
		return operand.Mem{Base: t.ptr, Index: t.row3, Scale: uint8(r % 8 / 3)}
	case 5:
		return operand.Mem{Base: t.ptr, Index: t.row5, Scale: 1}
	}
	return operand.Mem{Base: t.ptr, Index: t.row7, Scale: 1}
}

func (t *transposer) Read(group, blocks int) {
	t.begin(group)
	per := t.Block()
	for r := range t.Lanes() {
		m := t.row(group, r)
		for b := range blocks {
			t.insert(r/per, m.Offset(16*b), engine.V(per*b+r%per))
		}
	}
}

// insert puts 128 bits into a lane of register i. Lane 0 has to be first.
func (t *transposer) insert(lane int, m operand.Op, i engine.V) {
	switch {
	case lane == 0:
		t.emit("VMOVUPS", m, xmm(i))
	case t.bytes == 64:
		t.emit("VINSERTF32X4", operand.U8(lane), m, t.vec(i), t.vec(i))
	default:
		t.emit("VINSERTF128", operand.U8(lane), m, t.vec(i), t.vec(i))
	}
}

func (t *transposer) Turn(i int, spare engine.V) []engine.V {
	shuffle := func(m string, x, y, to engine.V) { t.emit(m, t.vec(y), t.vec(x), t.vec(to)) }
	r0 := engine.V(t.Block() * i)
	r1, r2, r3 := r0+1, r0+2, r0+3
	if t.elem == 8 {
		shuffle("VUNPCKLPD", r0, r1, spare)
		shuffle("VUNPCKHPD", r0, r1, r0)
		return []engine.V{spare, r0}
	}
	shuffle("VUNPCKLPS", r0, r1, spare) // r0 r1 at k0 k1
	shuffle("VUNPCKHPS", r0, r1, r0)    // r0 r1 at k2 k3
	shuffle("VUNPCKLPS", r2, r3, r1)    // r2 r3 at k0 k1
	shuffle("VUNPCKHPS", r2, r3, r2)    // r2 r3 at k2 k3
	shuffle("VUNPCKLPD", spare, r1, r3)
	shuffle("VUNPCKHPD", spare, r1, spare)
	shuffle("VUNPCKLPD", r0, r2, r1)
	shuffle("VUNPCKHPD", r0, r2, r2)
	return []engine.V{r3, spare, r1, r2}
}

// ReadOne goes through the first registers, one for every 128 bits.
func (t *transposer) ReadOne(group int) {
	t.begin(group)
	per := t.Block()
	for r := range t.Lanes() {
		m := t.row(group, r)
		x := xmm(engine.V(r / per))
		switch {
		case r%per == 0:
			t.emit(t.name("VMOVS"), m, x)
		case t.elem == 8:
			t.emit("VMOVHPD", m, x, x)
		default:
			t.emit("VINSERTPS", operand.U8(r%per<<4), m, x, x)
		}
	}
	for l := 1; l < t.Lanes()/per; l++ {
		t.insert(l, xmm(engine.V(l)), 0)
	}
}

func (t *transposer) Advance(k int) { t.emit("ADDQ", imm(t.elem*k), t.off) }

func (t *transposer) NextGroup(first engine.Place) {
	t.emit("IMUL3Q", imm(t.target.traits.VecBytes/t.elem), t.row1, t.row1)
	t.emit("ADDQ", t.row1, t.mem(first))
}
