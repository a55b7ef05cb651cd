package x86

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"

	"github.com/elbow-go/elbow/asm/_gen/engine"
)

func (a *asm) Scratch() engine.GP { return scratch }
func (a *asm) Count() engine.GP   { return count }

func (a *asm) Local(bytes int) engine.Place {
	return engine.Place{Kind: engine.InFrame, Off: a.ctx.AllocLocal(bytes).Disp}
}

func (a *asm) Move(to, from engine.Operand) {
	if n, is := from.(engine.Num); is {
		if r, is := to.(engine.GP); is && n == 0 {
			a.emit("XORL", gps[r].As32(), gps[r].As32())
			return
		}
		a.emit("MOVQ", operand.U32(n), a.op(to))
		return
	}
	a.emit("MOVQ", a.op(from), a.op(to))
}

func (a *asm) Address(to engine.GP, p engine.Place) { a.emit("LEAQ", a.mem(p), gps[to]) }

func (a *asm) Add(to, by engine.Operand) {
	if by == engine.Num(1) {
		a.emit("INCQ", a.op(to))
		return
	}
	a.emit("ADDQ", a.op(by), a.op(to))
}

func (a *asm) Sub(to, by engine.Operand) {
	if by == engine.Num(1) {
		a.emit("DECQ", a.op(to))
		return
	}
	a.emit("SUBQ", a.op(by), a.op(to))
}

func (a *asm) Multiple(to, x engine.GP, n int) { a.emit("IMUL3Q", imm(n), gps[x], gps[to]) }

func (a *asm) Shift(to engine.GP, n int) {
	if n < 0 {
		a.emit("SHRQ", operand.U8(-n), gps[to])
		return
	}
	a.emit("SHLQ", operand.U8(n), gps[to])
}

func (a *asm) Prefetch(level int, p engine.Place) {
	a.emit([]string{1: "PREFETCHT0", 2: "PREFETCHT1"}[level], a.mem(p))
}

func (a *asm) NewLabel(stem string) string {
	a.labels++
	return fmt.Sprintf("%s%d", stem, a.labels)
}

func (a *asm) Label(l string) { a.Emit(instr{label: l}) }

func (a *asm) Jump(l string) { a.emit("JMP", operand.LabelRef(l)) }

func (a *asm) jump(c engine.Cond, l string) {
	a.emit([]string{engine.IfEq: "JEQ", engine.IfNe: "JNE", engine.IfLt: "JLT", engine.IfLe: "JLE", engine.IfGt: "JGT", engine.IfGe: "JGE"}[c],
		operand.LabelRef(l))
}

func (a *asm) CmpJump(x engine.Operand, c engine.Cond, y engine.Operand, l string) {
	if r, is := x.(engine.GP); is && y == engine.Num(0) {
		a.emit("TESTQ", gps[r], gps[r])
	} else {
		a.emit("CMPQ", a.op(x), a.op(y))
	}
	a.jump(c, l)
}

func (a *asm) SubJump(x engine.Operand, n int, c engine.Cond, l string) {
	if n < 0 {
		a.Add(x, engine.Num(-n))
	} else {
		a.Sub(x, engine.Num(n))
	}
	a.jump(c, l)
}

func (a *asm) Comment(lines ...string) { a.Emit(instr{note: lines}) }

func (a *asm) Return() {
	a.emit("VZEROUPPER")
	a.emit("RET")
}
