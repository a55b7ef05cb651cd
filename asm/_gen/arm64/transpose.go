package arm64

import "github.com/elbow-go/elbow/asm/_gen/engine"

// A transposer is an engine.Transposer. A group is four rows, or two of float64, of which as many k
// are turned over at once. Row r is read into register r:
//
//	r0   a0 a1 a2 a3     a0 b0 a2 b2     a0 b0 c0 d0
//	r1   b0 b1 b2 b3     a1 b1 a3 b3     a1 b1 c1 d1
//	r2   c0 c1 c2 c3     c0 d0 c2 d2     a2 b2 c2 d2
//	r3   d0 d1 d2 d3     c1 d1 c3 d3     a3 b3 c3 d3
//
// If there are fewer rows than lanes, the rows come as a table of pointers that repeats the last one.
// Otherwise they are at a known distance from each other.
type transposer struct {
	vectors
	table engine.Place // pointers to rows
	full  bool
	// off is the offset of this k from the pointers; in a full group the pointer to row 0 at this k.
	off, row1 R
}

const rowAt = scratch

func (v vectors) Transposer(r *engine.Registers, groups int) engine.Transposer {
	return &transposer{vectors: v, table: v.Local(16 * ((groups*v.Lanes() + 1) / 2)), off: gp(r.GP("source")), row1: gp(r.GP("row of source"))}
}

func (t *transposer) Distance(p engine.Place) { t.move(t.row1, p) }

func (t *transposer) Full(first engine.Place, _ bool) {
	t.full = true
	t.move(t.off, first)
}

// Few fills the table: behind the last row it is repeated, because the distance becomes 0.
func (t *transposer) Few(groups int, first, tail engine.Place) {
	t.full = false
	t.move(rowAt, first)
	t.Go("MOVD", 0, t.off)
	for g := range groups {
		last := g == groups-1
		if last {
			t.move(third, tail)
		}
		for i := range t.Lanes() {
			switch {
			case i > 0 && last:
				t.Go("CMP", i, third)
				t.Go("CSEL", Word("GT"), t.row1, t.off, spare)
				t.Go("ADD", spare, rowAt, rowAt)
			case i > 0 || g > 0:
				t.Go("ADD", t.row1, rowAt, rowAt)
			}
			t.Go("MOVD", rowAt, t.word(t.table.Plus(8*(g*t.Lanes()+i))))
		}
	}
}

func (t *transposer) IsFull() bool { return t.full }
func (t *transposer) Block() int   { return t.Lanes() }

// row makes rowAt point to a row at this k, unless it is to be added to off. Rows have to be asked for
// in order.
func (t *transposer) row(group, r int) {
	switch {
	case !t.full:
		t.move(rowAt, t.table.Plus(8*(group*t.Lanes()+r)))
	case group+r == 0:
		t.Go("MOVD", t.off, rowAt)
	default:
		t.Go("ADD", t.row1, rowAt, rowAt)
	}
}

func (t *transposer) Read(group, blocks int) {
	if blocks != 1 {
		panic("arm64: one block is a vector")
	}
	for r := range t.Lanes() {
		t.row(group, r)
		if t.full {
			t.Op("LDRQ", V(r), rowAt, 0)
		} else {
			t.Op("LDRQX", V(r), rowAt, t.off)
		}
	}
}

func (t *transposer) Turn(_ int, spare engine.V) []engine.V {
	s := V(spare)
	if t.elem == 8 {
		t.Op("TRN1.2d", s, V(0), V(1))
		t.Op("TRN2.2d", V(1), V(0), V(1))
		return []engine.V{spare, 1}
	}
	t.Op("TRN1", s, V(0), V(1))
	t.Op("TRN2", V(0), V(0), V(1))
	t.Op("TRN1", V(1), V(2), V(3))
	t.Op("TRN2", V(2), V(2), V(3))
	t.Op("TRN1.2d", V(3), s, V(1))
	t.Op("TRN2.2d", s, s, V(1))
	t.Op("TRN1.2d", V(1), V(0), V(2))
	t.Op("TRN2.2d", V(2), V(0), V(2))
	return []engine.V{3, 1, spare, 2}
}

func (t *transposer) ReadOne(group int) {
	for r := range t.Lanes() {
		t.row(group, r)
		at := rowAt
		if !t.full {
			t.Go("ADD", t.off, rowAt, third)
			at = third
		}
		if r == 0 {
			t.Op(map[int]string{4: "LDRS", 8: "LDRD"}[t.elem], V(0), at, 0)
		} else {
			t.Op(t.name("LD1E"), V(0), r, at)
		}
	}
}

func (t *transposer) Advance(k int) { t.Go("ADD", t.elem*k, t.off, t.off) }

func (t *transposer) NextGroup(first engine.Place) {
	t.move(third, first)
	t.Go("ADD", Shifted{t.row1, log2(t.Lanes())}, third, third)
	t.Go("MOVD", third, t.word(first))
}
