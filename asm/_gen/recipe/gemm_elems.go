package recipe

import (
	. "github.com/elbow-go/elbow/asm/_gen/engine"
)

// The loops of GemmTiles for targets whose multiply-adds take one element of a register
// (Traits.ElementOperand). Elements of A are not spread but loaded by vectors, as many at a time as
// lie side by side, so how A lies decides what a step costs:
//
//	form       A                                              panel
//	packed     [k][row], nothing between the steps            nothing between the steps
//	rows       [row][k]: AStep is an element                  nothing between the steps
//	rowsApart  as rows                                        steps lie anywhere
//	columns    [k][row]: ARow is an element                   steps lie anywhere
//	one        anywhere                                       steps lie anywhere
//
// Steps that are left over by the others are for the last of them. All read whole vectors of the
// panel, though the last vector of a row may have fewer columns: what is behind these belongs to the
// next row. The last row has no next one, so in that case its step comes by itself, under the mask.
type form int

const (
	packed form = iota
	rows
	rowsApart
	columns
)

var formNames = []string{"packed", "rows", "rowsapart", "columns"}

// An elemLoop is the loop of one form.
type elemLoop struct {
	tile
	form
	steps  int // in a round
	loaded int // loads of A so far
}

// fetchSteps is the number of steps that share a line to fetch.
const fetchSteps = 4

// packedRegs is the number of registers for A in packed: they are loaded in pairs.
const packedRegs = 4

// byRows reports whether there are registers for a vector of every row of A, and one of the panel.
func byRows(t *Traits, rows, vecs int) bool { return rows*vecs+rows < t.Vectors }

// RowMajorRows is the most rows of a tile of 1 to 4 vectors for rows of A that lie along k: with more
// there is no better loop than one.
func RowMajorRows(t *Traits) [5]int {
	most := t.Product.MaxRows
	for vecs := range most {
		for t.ElementOperand && !byRows(t, most[vecs], vecs) {
			most[vecs]--
		}
	}
	return most
}

// elemLoops writes all loops over k of a tile.
func (t tile) elemLoops() {
	t.CmpJump(t.field("Tail"), IfEq, Num(t.Lanes()), "whole"+t.name)
	t.SubJump(t.k, 1, IfEq, "last"+t.name)
	t.Label("whole" + t.name)
	byRows, several := byRows(t.traits, t.rows, t.vecs), t.rows > 1
	t.CmpJump(t.bStep, IfNe, Num(t.vecs*t.Bytes()), "apart"+t.name)
	if byRows {
		t.CmpJump(t.aStep, IfEq, Num(t.elemBytes), "rows"+t.name)
	}
	if several {
		t.CmpJump(t.aStep, IfNe, Num(t.rows*t.elemBytes), "apart"+t.name)
		t.CmpJump(t.row1, IfEq, Num(t.elemBytes), "packed"+t.name)
	}
	t.Label("apart" + t.name)
	if byRows {
		t.CmpJump(t.aStep, IfEq, Num(t.elemBytes), "rowsapart"+t.name)
	}
	if several {
		t.CmpJump(t.row1, IfEq, Num(t.elemBytes), "columns"+t.name)
	}
	t.Jump("left" + t.name)
	for _, f := range []form{packed, rows, rowsApart, columns} {
		if (f == rows || f == rowsApart) && byRows || (f == packed || f == columns) && several {
			t.elemLoop(f)
		}
	}
	t.Label("left" + t.name)
	if t.rows > 6 {
		t.Address(t.a6, By(t.a, t.row3, 2))
	}
	t.CmpJump(t.k, IfEq, Num(0), "end"+t.name)
	t.Label("one" + t.name)
	t.step(false)
	t.SubJump(t.k, 1, IfNe, "one"+t.name)
	t.Label("end" + t.name)
	t.CmpJump(t.field("Tail"), IfEq, Num(t.Lanes()), "store"+t.name)
	t.Label("last" + t.name)
	t.step(true)
}

func (t tile) elemLoop(f form) {
	l := elemLoop{tile: t, form: f, steps: 4}
	if f <= rows && t.rows*t.vecs >= t.traits.Product.UnrollFrom {
		l.steps = 8
	}
	name := formNames[f] + t.name
	t.Label(name)
	t.SubJump(t.k, l.steps, IfLt, "few"+name)
	t.Label("k" + name)
	l.round()
	t.SubJump(t.k, l.steps, IfGe, "k"+name)
	t.Label("few" + name)
	t.Add(t.k, Num(l.steps))
	t.Jump("left" + t.name)
}

// round writes the steps of a round. Where registers are few, the vectors of the panel come in pairs.
func (l *elemLoop) round() {
	b := l.chains() + V(l.regs())
	most := min(l.vecs, l.traits.Vectors-int(b))
	for s := range l.steps {
		for v := 0; v < l.vecs; v += most {
			vecs := min(most, l.vecs-v)
			for i := range vecs {
				at := At(l.b, (v+i)*l.Bytes())
				if l.form <= rows {
					at.Off += s * l.vecs * l.Bytes()
				}
				l.Load(b+V(i), at)
			}
			for r := range l.rows {
				x, lane := l.elem(s, r)
				for i := range vecs {
					l.MulAddLane(l.chain(r, v+i), b+V(i), x, lane)
				}
			}
		}
		if l.vecs > 1 && s%fetchSteps == 0 {
			l.Prefetch(2, []Place{At(l.next, 0), By(l.next, l.next4, 1)}[s/fetchSteps])
		}
		if l.form > rows {
			l.Add(l.b, l.bStep)
		}
		if l.form == columns {
			l.Add(l.a, l.aStep)
		}
	}
	if l.vecs > 1 {
		l.Address(l.next, By(l.next, l.next4, l.steps/fetchSteps))
	}
	if l.form <= rows {
		l.Add(l.b, Num(l.steps*l.vecs*l.Bytes()))
	}
	switch l.form {
	case packed:
		l.Add(l.a, Num(l.steps*l.rows*l.elemBytes))
	case rows, rowsApart:
		l.nextInRows()
	}
}

// regs is the number of registers for elements of A.
func (l *elemLoop) regs() int {
	switch l.form {
	case packed:
		return packedRegs
	case columns:
		return len(l.parts())
	}
	return l.rows
}

// elem returns the register and the lane with the element of A of a step and a row, after loading it
// with its neighbours if need be.
func (l *elemLoop) elem(step, row int) (x V, lane int) {
	a, n := l.chains(), l.Lanes()
	switch l.form {
	case packed:
		i := step*l.rows + row
		if i/n/2 == l.loaded {
			for v := i / n; v < i/n+2 && v*n < l.steps*l.rows; v++ {
				l.Load(a+V(v%packedRegs), At(l.a, v*l.Bytes()))
			}
			l.loaded++
		}
		return a + V(i/n%packedRegs), i % n
	case columns:
		parts := l.parts()
		p := len(parts) - 1
		for parts[p] > row {
			p--
		}
		if step*len(parts)+p == l.loaded {
			l.loadPart(a+V(p), parts[p])
			l.loaded++
		}
		return a + V(p), row - parts[p]
	}
	if step/n*l.rows+row == l.loaded {
		if row == 0 && step > 0 {
			l.nextInRows()
		}
		l.Elements(a+V(row), l.rowOfA(row))
		l.loaded++
	}
	return a + V(row), step % n
}

// nextInRows goes on by a vector in every row of A.
func (l *elemLoop) nextInRows() {
	l.Add(l.a, Num(l.Bytes()))
	if l.rows > 6 {
		l.Add(l.a6, Num(l.Bytes()))
	}
}

// parts are the rows with which the loads of a step start in columns: whole vectors, then halves.
func (l *elemLoop) parts() (first []int) {
	for n, row := l.Lanes(), 0; row < l.rows; {
		if row+n > l.rows {
			n /= 2
			continue
		}
		first = append(first, row)
		row += n
	}
	return first
}

// loadPart loads the elements of the rows from one of parts on.
func (l *elemLoop) loadPart(to V, row int) {
	at := At(l.a, row*l.elemBytes)
	switch left := l.rows - row; {
	case left >= l.Lanes():
		l.Load(to, at)
	case left > 1: // two words
		l.Asm.Vectors(8).Element(to, at)
	default:
		l.Element(to, at)
	}
}
