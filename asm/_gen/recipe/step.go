package recipe

import (
	"fmt"
	"strings"

	. "github.com/elbow-go/elbow/asm/_gen/engine"
)

// The product and the gates of a fused step in one stream of instructions, for targets with 32
// vector registers.
//
// A product keeps the multipliers busy and leaves everything else idle; the gates spend their time
// waiting for divisions and for one another. So the gates of a tile are computed during the product
// of the next one, the instructions of one row of gates being spread over [chunk] steps of it:
//
//	tile 0     product
//	tile 1     product   with gates of tile 0
//	tile 2     product   with gates of tile 1 ...
//
// The gates of the last tile are left to the next call, or to the gate kernel. The gates need
// registers, so tiles have a row or two fewer than those of GemmTiles. That makes the step 5 to 15 %
// faster as long as the weights fit in the L2 cache; larger weights are read once a tile, and more
// tiles would cost more than is gained. A GRU has fewer gates to hide and loses more rows: it was
// sometimes 4 % faster and as often 4 % slower, so it does without.

// chunk is the number of steps over which the gates of a row are spread. With fewer steps there is
// not enough work in between to fill the waits. With 32 it was just as fast from 128 units on, but
// smaller layers ran out of steps before their gates were done.
const chunk = 16

const (
	stepVecs = 4 // the four gates of the product, a vector of each
	stepRows = 5 // the most rows of a tile; only tiles of this height prefetch
)

// Vector registers: chains [row][gate], then the gates of the panel, then an element of A, then what is
// left for the recipe of the gates.

// stepStateNames are the arrays of ldh columns.
var stepStateNames = []string{"hy", "cy", "cx"}

// Step is for targets with registers for it.
func Step(f *File) {
	f.Func("LSTMTiles", "(a, b, next, gates, hy, cy, cx, late, lateHy, lateCy, lateCx *float32, nextStep, lateRows, ldh, ldg, k, tiles, rows int, hasCx uint32)",
		[]string{"does the product of a fused step of an LSTM, k steps, for tiles times rows rows and the units",
			"of one panel b, and among it the gates of lateRows rows whose product is complete, and then",
			"those of all tiles but the last.",
			fmt.Sprintf("rows is 2 to %d. With %[1]d rows a line at next goes to the L2 cache with every step, nextStep bytes", stepRows),
			"behind the one before. See kernels.LSTMFusedStep."},
		func(f *Func) {
			r := f.Target().Traits().Registers()
			l := &stepLoops{Func: f, vec: f.Vectors(4), local: map[string]Place{}, state: map[string]GP{},
				// A and k, and between the products scratch and the row of C, share registers.
				a: f.Scratch(), k: f.Count(), gates: r.GP("gates"), ldh3: r.GP("12ldh"), ldh: r.GP("4ldh"), b: r.GP("panel, or row of C")}
			for _, n := range stepStateNames {
				l.state[n] = r.GP(n)
			}
			l.next, l.nextStep = r.GP("next"), r.GP("nextStep")
			l.arguments()
			for r := stepRows; r > 2; r-- {
				l.CmpJump(Arg("rows"), IfEq, Num(r), fmt.Sprintf("tile%d", r))
			}
			for r := 2; r <= stepRows; r++ {
				l.tile(r)
			}
			l.Label("return")
		})
}

type stepLoops struct {
	*Func
	vec            Vectors
	local          map[string]Place // pointers are not moved in the arguments: Go must not see one behind the last row
	state          map[string]GP
	a, b, k        GP // at this step; steps left
	ldh, ldh3      GP // once and three times the distance of rows of A and of gates
	gates          GP
	next, nextStep GP // what to fetch, and from one step to the next of that
}

// arguments puts what changes on the stack, and the distances into registers.
func (l *stepLoops) arguments() {
	names := []string{"a", "next", "gates", "hy", "cy", "cx", "late", "lateHy", "lateCy", "lateCx", "lateRows", "tiles"}
	for _, n := range names {
		l.local[n] = l.Local(8)
		l.move(l.local[n], Arg(n))
	}
	l.local["ldg"] = l.Local(8)
	l.Move(l.Scratch(), Arg("ldg"))
	l.Shift(l.Scratch(), 2)
	l.Move(l.local["ldg"], l.Scratch())
	l.Move(l.nextStep, Arg("nextStep"))
	l.Move(l.ldh, Arg("ldh"))
	l.Shift(l.ldh, 2)
	l.Address(l.ldh3, By(l.ldh, l.ldh, 2))
}

// move goes through Scratch.
func (l *stepLoops) move(to, from Place) {
	l.Move(l.Scratch(), from)
	l.Move(to, l.Scratch())
}

// lateName is the argument of a state that belongs to the gates among the product.
func lateName(state string) string { return "late" + strings.ToUpper(state[:1]) + state[1:] }

// rowsOn is the place r rows of ldh elements on from where base points, or r gates on.
func (l *stepLoops) rowsOn(base GP, r int) Place {
	switch r {
	case 0:
		return At(base, 0)
	case 1, 2, 4:
		return By(base, l.ldh, r)
	case 3:
		return By(base, l.ldh3, 1)
	}
	panic("no such row")
}

// place is where the recipe of the gates finds an array.
func (l *stepLoops) place(array string, block, copy int) Place {
	if state, is := l.state[array]; is {
		return At(state, 0)
	}
	return l.rowsOn(l.gates, block)
}

func acc(r, v int) V { return V(r*stepVecs + v) }

// steps writes n steps of a product.
func (l *stepLoops) steps(rows, n int) {
	b := V(rows * stepVecs)
	elem := b + stepVecs
	for s := range n {
		for v := range V(stepVecs) {
			l.vec.Load(b+v, At(l.b, (s*stepVecs+int(v))*l.vec.Bytes()))
		}
		for r := range rows {
			l.vec.Spread(elem, l.rowsOn(l.a, r).Plus(4*s))
			for v := range stepVecs {
				l.vec.MulAdd(acc(r, v), elem, b+V(v))
			}
		}
		if rows == stepRows {
			l.Prefetch(2, At(l.next, 0))
			l.Add(l.next, l.nextStep)
		}
	}
	l.Add(l.a, Num(4*n))
	l.Add(l.b, Num(n*stepVecs*l.vec.Bytes()))
}

// gateRow does the gates of a row, among other code. It leaves the registers of a tile of so many rows
// alone.
func (l *stepLoops) gateRow(rows int, among []Line) {
	l.BlockAmong(among, V((rows+1)*stepVecs+1), l.place, func(b *Block) { lstmStep(b, false) })
	l.Add(l.gates, l.local["ldg"])
	for _, n := range stepStateNames {
		l.Add(l.state[n], l.ldh)
	}
}

// eachC visits the chains of a tile in memory, and leaves b behind its last row.
func (l *stepLoops) eachC(rows int, do func(p Place, acc V)) {
	l.Move(l.b, l.local["gates"])
	for r := range rows {
		for v := range stepVecs {
			do(l.rowsOn(l.b, v), acc(r, v))
		}
		l.Add(l.b, l.local["ldg"])
	}
}

// tile writes the loop over tiles of so many rows.
func (l *stepLoops) tile(rows int) {
	at := func(s string) string { return fmt.Sprintf("%s%d", s, rows) }

	l.Label(at("tile"))
	l.eachC(rows, func(p Place, acc V) { l.vec.Load(acc, p) })
	l.Move(l.gates, l.local["late"])
	for _, n := range stepStateNames {
		l.Move(l.state[n], l.local[lateName(n)])
	}
	l.Move(l.a, l.local["a"])
	l.Move(l.b, Arg("b"))
	l.Move(l.k, Arg("k"))
	l.Move(l.next, l.local["next"])

	l.Label(at("chunk"))
	l.CmpJump(l.local["lateRows"], IfEq, Num(0), at("plain"))
	l.SubJump(l.k, chunk, IfLt, at("short"))
	l.gateRow(rows, l.Record(func() { l.steps(rows, chunk) }))
	l.Sub(l.local["lateRows"], Num(1))
	l.Jump(at("chunk"))
	l.Label(at("short"))
	l.Add(l.k, Num(chunk))

	l.Label(at("plain"))
	l.SubJump(l.k, 4, IfLt, at("rest"))
	l.Label(at("four"))
	l.steps(rows, 4)
	l.SubJump(l.k, 4, IfGe, at("four"))
	l.Label(at("rest"))
	l.SubJump(l.k, -4, IfEq, at("late"))
	l.Label(at("one"))
	l.steps(rows, 1)
	l.SubJump(l.k, 1, IfNe, at("one"))

	l.Label(at("late"))
	l.Comment("Gates for which there were not enough steps.")
	l.CmpJump(l.local["lateRows"], IfEq, Num(0), at("store"))
	l.Label(at("gates"))
	l.gateRow(rows, nil)
	l.SubJump(l.local["lateRows"], 1, IfNe, at("gates"))

	l.Label(at("store"))
	l.nextTile(rows)
	l.SubJump(l.local["tiles"], 1, IfNe, at("tile"))
	l.Jump("return")
}

// nextTile stores the chains of a tile, whose gates are late now, and moves the pointers on.
func (l *stepLoops) nextTile(rows int) {
	l.Move(l.local["next"], l.next)
	l.eachC(rows, func(p Place, acc V) { l.vec.Store(p, acc) })
	l.move(l.local["late"], l.local["gates"])
	for _, n := range stepStateNames {
		l.move(l.local[lateName(n)], l.local[n])
	}
	l.Move(l.local["lateRows"], Num(rows))
	l.Move(l.local["gates"], l.b)
	l.Multiple(l.Scratch(), l.ldh, rows)
	for _, n := range append([]string{"a"}, stepStateNames...) {
		l.Add(l.local[n], l.Scratch())
	}
}
