package recipe

import (
	. "github.com/elbow-go/elbow/asm/_gen/engine"

	"fmt"
	"strings"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The product and the gates of a fused step in one stream of instructions, for AVX-512.
//
// A product keeps the multipliers busy and nothing else; gates wait for divisions and for
// each other. So while the product of a tile goes on, the gates of the tile before are computed
// among it, one row of them spread over [chunk] steps:
//
//	tile 0     product
//	tile 1     product   with gates of tile 0
//	tile 2     product   with gates of tile 1 ...
//
// The gates of the last tile are left to the next call, or to the gate kernel. Tiles are a row or
// two lower than those of GemmTiles, to leave registers to the gates. For weights in the L2 cache
// the step is 5 to 15 % faster; larger ones it would read too often, and of a GRU, whose gates are
// fewer and whose tiles lose more, it was 4 % slower as often as faster.

// chunk is the number of steps among which the gates of a row are spread. Less is too dense
// for the waiting that there is; 32 were as good from 128 units on, and late with fewer.
const chunk = 16

const (
	stepVecs = 4 // gates in the product
	stepRows = 5 // the most of a tile; tiles of that height fetch ahead
)

// Registers of the general kind:
//
//	AX A at this step      DX SI once and three times ldh, the distance of rows of A and of gates
//	BX panel, or row of C  CX steps left      DI gates      R8 R9 R10 states
//	R11 what to fetch      R12 from one step to the next of that
//
// and of vectors: chains [row][gate], then the gates of the panel, then an element of A, then
// what is left for the recipe.
var (
	stepA, stepB, stepK    = reg.RAX, reg.RBX, reg.RCX
	stepLdh, stepLdh3      = reg.RDX, reg.RSI
	stepGates              = reg.RDI
	stepStates             = map[string]reg.GPPhysical{"hy": reg.R8, "cy": reg.R9, "cx": reg.R10}
	stepNext, stepNextStep = reg.R11, reg.R12
	stepScratch, stepPlace = reg.RAX, reg.RBX // between the products
)

// stepStateNames are the arrays of ldh columns.
var stepStateNames = []string{"hy", "cy", "cx"}

func Step(f *File) {
	l := &stepLoops{local: map[string]operand.Mem{}, Func: f.NewFunc("LSTMTiles",
		"(a, b, next, gates, hy, cy, cx, late, lateHy, lateCy, lateCx *float32, nextStep, lateRows, ldh, ldg, k, tiles, rows int, hasCx uint32)",
		"does the product of a fused step of an LSTM, k steps, for tiles times rows rows and the units",
		"of one panel b, and among it the gates of lateRows rows whose product is complete, and then",
		"those of all tiles but the last.",
		fmt.Sprintf("rows is 2 to %d. With %[1]d rows a line at next goes to the L2 cache with every step, nextStep bytes", stepRows),
		"behind the one before. See kernels.LSTMFusedStep.")}
	l.arguments()
	for r := stepRows; r > 2; r-- {
		l.Emit("CMPQ", l.ParamMem("rows"), Imm(r))
		l.Emit("JEQ", operand.LabelRef(fmt.Sprintf("tile%d", r)))
	}
	for r := 2; r <= stepRows; r++ {
		l.tile(r)
	}
	l.Label("return")
	l.Done()
}

type stepLoops struct {
	*Func
	local map[string]operand.Mem // the pointers move: behind the last row there may be nothing Go knows of
}

// arguments puts what changes on the stack, and the distances into registers.
func (l *stepLoops) arguments() {
	names := []string{"a", "next", "gates", "hy", "cy", "cx", "late", "lateHy", "lateCy", "lateCx", "lateRows", "tiles"}
	for _, n := range names {
		l.local[n] = l.Ctx.AllocLocal(8)
		l.Emit("MOVQ", l.ParamMem(n), stepScratch)
		l.Emit("MOVQ", stepScratch, l.local[n])
	}
	l.local["ldg"] = l.Ctx.AllocLocal(8)
	l.Emit("MOVQ", l.ParamMem("ldg"), stepScratch)
	l.Emit("SHLQ", operand.U8(2), stepScratch)
	l.Emit("MOVQ", stepScratch, l.local["ldg"])
	l.Emit("MOVQ", l.ParamMem("nextStep"), stepNextStep)
	l.Emit("MOVQ", l.ParamMem("ldh"), stepLdh)
	l.Emit("SHLQ", operand.U8(2), stepLdh)
	l.Emit("LEAQ", operand.Mem{Base: stepLdh, Index: stepLdh, Scale: 2}, stepLdh3)
}

// lateName is the argument of a state that belongs to the gates among the product.
func lateName(state string) string { return "late" + strings.ToUpper(state[:1]) + state[1:] }

// rowsOn is the place r rows of ldh elements on from where base points, or r gates on.
func rowsOn(base reg.Register, r int) operand.Mem {
	switch r {
	case 0:
		return operand.Mem{Base: base}
	case 1, 2, 4:
		return operand.Mem{Base: base, Index: stepLdh, Scale: uint8(r)}
	case 3:
		return operand.Mem{Base: base, Index: stepLdh3, Scale: 1}
	}
	panic("no such row")
}

// place is where the recipe of the gates finds an array.
func (l *stepLoops) place(array string, block, copy int) operand.Mem {
	if state, is := stepStates[array]; is {
		return operand.Mem{Base: state}
	}
	return rowsOn(stepGates, block)
}

func (l *stepLoops) acc(r, v int) reg.Register { return l.ISA.Vec(r*stepVecs + v) }

// steps is the code of n steps of a product.
func (l *stepLoops) steps(rows, n int) (code []Instr) {
	add := func(m string, ops ...operand.Op) { code = append(code, Instr{Mnem: m, Ops: ops}) }
	b := rows * stepVecs
	elem := l.ISA.Vec(b + stepVecs)
	for s := range n {
		for v := range stepVecs {
			add("VMOVUPS", operand.Mem{Base: stepB, Disp: (s*stepVecs + v) * l.ISA.Bytes()}, l.ISA.Vec(b+v))
		}
		for r := range rows {
			add("VBROADCASTSS", rowsOn(stepA, r).Offset(4*s), elem)
			for v := range stepVecs {
				add("VFMADD231PS", l.ISA.Vec(b+v), elem, l.acc(r, v))
			}
		}
		if rows == stepRows {
			add("PREFETCHT1", operand.Mem{Base: stepNext})
			add("ADDQ", stepNextStep, stepNext)
		}
	}
	add("ADDQ", Imm(4*n), stepA)
	add("ADDQ", Imm(n*stepVecs*l.ISA.Bytes()), stepB)
	return code
}

func (l *stepLoops) product(rows, n int) {
	for _, in := range l.steps(rows, n) {
		l.Emit(in.Mnem, in.Ops...)
	}
}

// gateRow does the gates of a row, among other code, and counts it; the flags are those of the
// rows left. It leaves the registers of a tile of so many rows alone.
func (l *stepLoops) gateRow(rows int, among []Instr) {
	l.Block(Block{Mem: l.place, Among: among, First: (rows+1)*stepVecs + 1}, 1, func(b *Block) { lstmStep(b, false) })
	l.Emit("ADDQ", l.local["ldg"], stepGates)
	for _, n := range stepStateNames {
		l.Emit("ADDQ", stepLdh, stepStates[n])
	}
	l.Emit("DECQ", l.local["lateRows"])
}

// eachC visits the chains of a tile in memory, and leaves stepPlace behind its last row.
func (l *stepLoops) eachC(rows int, do func(m operand.Mem, acc reg.Register)) {
	l.Emit("MOVQ", l.local["gates"], stepPlace)
	for r := range rows {
		for v := range stepVecs {
			do(rowsOn(stepPlace, v), l.acc(r, v))
		}
		l.Emit("ADDQ", l.local["ldg"], stepPlace)
	}
}

// tile writes the loop over tiles of so many rows.
func (l *stepLoops) tile(rows int) {
	at := func(s string) string { return fmt.Sprintf("%s%d", s, rows) }
	jump := func(m, s string) { l.Emit(m, operand.LabelRef(at(s))) }

	l.Label(at("tile"))
	l.eachC(rows, func(m operand.Mem, acc reg.Register) { l.Emit("VMOVUPS", m, acc) })
	l.Emit("MOVQ", l.local["late"], stepGates)
	for _, n := range stepStateNames {
		l.Emit("MOVQ", l.local[lateName(n)], stepStates[n])
	}
	l.Emit("MOVQ", l.local["a"], stepA)
	l.Emit("MOVQ", l.ParamMem("b"), stepB)
	l.Emit("MOVQ", l.ParamMem("k"), stepK)
	l.Emit("MOVQ", l.local["next"], stepNext)

	l.Label(at("chunk"))
	l.Emit("CMPQ", l.local["lateRows"], Imm(0))
	jump("JEQ", "plain")
	l.Emit("SUBQ", Imm(chunk), stepK)
	jump("JLT", "short")
	l.gateRow(rows, l.steps(rows, chunk))
	jump("JMP", "chunk")
	l.Label(at("short"))
	l.Emit("ADDQ", Imm(chunk), stepK)

	l.Label(at("plain"))
	l.Emit("SUBQ", Imm(4), stepK)
	jump("JLT", "rest")
	l.Label(at("four"))
	l.product(rows, 4)
	l.Emit("SUBQ", Imm(4), stepK)
	jump("JGE", "four")
	l.Label(at("rest"))
	l.Emit("ADDQ", Imm(4), stepK)
	jump("JEQ", "late")
	l.Label(at("one"))
	l.product(rows, 1)
	l.Emit("DECQ", stepK)
	jump("JNE", "one")

	l.Label(at("late"))
	l.Do(func() { l.Ctx.Comment("Gates for which there were not enough steps.") })
	l.Emit("CMPQ", l.local["lateRows"], Imm(0))
	jump("JEQ", "store")
	l.Label(at("gates"))
	l.gateRow(rows, nil)
	jump("JNE", "gates")

	l.Label(at("store"))
	l.Emit("MOVQ", stepNext, l.local["next"])
	l.eachC(rows, func(m operand.Mem, acc reg.Register) { l.Emit("VMOVUPS", acc, m) })
	l.Emit("MOVQ", l.local["gates"], stepScratch)
	l.Emit("MOVQ", stepScratch, l.local["late"])
	for _, n := range stepStateNames {
		l.Emit("MOVQ", l.local[n], stepScratch)
		l.Emit("MOVQ", stepScratch, l.local[lateName(n)])
	}
	l.Emit("MOVQ", operand.U32(uint32(rows)), l.local["lateRows"])

	l.Emit("MOVQ", stepPlace, l.local["gates"])
	l.Emit("IMUL3Q", Imm(rows), stepLdh, stepScratch)
	for _, n := range append([]string{"a"}, stepStateNames...) {
		l.Emit("ADDQ", stepScratch, l.local[n])
	}
	l.Emit("DECQ", l.local["tiles"])
	jump("JNE", "tile")
	l.Emit("JMP", operand.LabelRef("return"))
}
