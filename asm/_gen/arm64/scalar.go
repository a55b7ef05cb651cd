package arm64

import (
	"fmt"

	"github.com/elbow-go/elbow/asm/_gen/engine"
)

func (a *asm) Scratch() engine.GP { return engine.GP(len(gps) + 1) }
func (a *asm) Count() engine.GP   { return engine.GP(len(gps) + 2) }

func (a *asm) Local(bytes int) engine.Place {
	return engine.Place{Kind: engine.InFrame, Off: a.Func.Local(bytes)}
}

// word is a place of eight bytes as an operand of MOVD.
func (a *asm) word(p engine.Place) any {
	if p.Kind == engine.InArgs || p.Kind == engine.InResults {
		return Arg(p.Name)
	}
	base, off := a.mem(p, func(off int) bool { return near(off, 8) })
	return Mem{base, off}
}

// in gives an operand in a register: its own, or via.
func (a *asm) in(o engine.Operand, via R) R {
	if r, is := o.(engine.GP); is {
		return gp(r)
	}
	a.wrote(via)
	a.move(via, o)
	return via
}

func (a *asm) move(to R, from engine.Operand) {
	switch from := from.(type) {
	case engine.GP:
		a.Go("MOVD", gp(from), to)
	case engine.Num:
		a.Go("MOVD", int(from), to)
	case engine.Place:
		a.Go("MOVD", a.word(from), to)
	}
}

// set gives the register in which a verb makes its result, and done puts the result in its place.
func (a *asm) set(to engine.Operand) R {
	r := spare
	if g, is := to.(engine.GP); is {
		r = gp(g)
	}
	a.wrote(r)
	return r
}

func (a *asm) done(to engine.Operand) {
	if p, is := to.(engine.Place); is {
		a.Go("MOVD", spare, a.word(p))
	}
}

func (a *asm) Move(to, from engine.Operand) {
	if p, is := to.(engine.Place); is {
		if g, is := from.(engine.GP); is {
			a.Go("MOVD", gp(g), a.word(p))
			return
		}
	}
	a.move(a.set(to), from)
	a.done(to)
}

func (a *asm) Address(to engine.GP, p engine.Place) {
	t := gp(to)
	if p.Kind == engine.InArray && p.Index != 0 {
		a.wrote(t)
		a.Go("ADD", Shifted{gp(p.Index), log2(p.Scale)}, gp(p.Base), t)
		a.offset(t, t, p.Off)
		return
	}
	base, off := a.mem(p, func(int) bool { return true })
	a.wrote(t)
	if base == SP || off == 0 {
		panic("arm64: no address to make")
	}
	a.offset(t, base, off)
}

func (a *asm) Add(to, by engine.Operand) { a.arith("ADD", to, by) }
func (a *asm) Sub(to, by engine.Operand) { a.arith("SUB", to, by) }

func (a *asm) arith(verb string, to, by engine.Operand) {
	x := a.in(to, spare)
	var y any
	switch n, is := by.(engine.Num); {
	case is && n < 0 && addend(int(-n)):
		y, verb = int(-n), map[string]string{"ADD": "SUB", "SUB": "ADD", "ADDS": "SUBS", "SUBS": "ADDS"}[verb]
	case is && addend(int(n)):
		y = int(n)
	default:
		y = a.in(by, other)
	}
	a.wrote(x)
	a.Go(verb, y, x, x)
	a.done(to)
}

func (a *asm) Multiple(to, x engine.GP, n int) {
	a.wrote(other)
	a.Go("MOVD", n, other)
	a.wrote(gp(to))
	a.Go("MUL", other, gp(x), gp(to))
}

func (a *asm) Shift(to engine.GP, n int) {
	verb := "LSL"
	if n < 0 {
		verb, n = "LSR", -n
	}
	a.wrote(gp(to))
	a.Go(verb, n, gp(to), gp(to))
}

func (a *asm) Prefetch(level int, p engine.Place) {
	if p.Kind == engine.InArray && p.Index != 0 && p.Scale == 1 && p.Off == 0 {
		a.Op([]string{1: "PRFM1X", 2: "PRFM2X"}[level], gp(p.Base), gp(p.Index))
		return
	}
	base, off := a.mem(p, func(off int) bool { return off >= 0 && off%8 == 0 && off < 8*4096 })
	a.Op([]string{1: "PRFM1", 2: "PRFM2"}[level], base, off)
}

func (a *asm) NewLabel(stem string) string {
	a.labels++
	return fmt.Sprintf("%s%d", stem, a.labels)
}

func (a *asm) Label(l string) {
	a.Func.Label(Label(l))
	a.forget()
}

func (a *asm) Jump(l string) { a.Go("B", Label(l)) }

var jumps = []string{engine.IfEq: "BEQ", engine.IfNe: "BNE", engine.IfLt: "BLT", engine.IfLe: "BLE", engine.IfGt: "BGT", engine.IfGe: "BGE"}

func (a *asm) CmpJump(x engine.Operand, c engine.Cond, y engine.Operand, l string) {
	xr := a.in(x, spare)
	n, is := y.(engine.Num)
	switch {
	case is && n == 0 && c == engine.IfEq:
		a.Go("CBZ", xr, Label(l))
		return
	case is && n == 0 && c == engine.IfNe:
		a.Go("CBNZ", xr, Label(l))
		return
	case is && addend(int(n)):
		a.Go("CMP", int(n), xr)
	default:
		a.Go("CMP", a.in(y, other), xr)
	}
	a.Go(jumps[c], Label(l))
}

func (a *asm) SubJump(x engine.Operand, n int, c engine.Cond, l string) {
	a.arith("SUBS", x, engine.Num(n))
	a.Go(jumps[c], Label(l))
}

func (a *asm) Comment(lines ...string) {
	for i, l := range lines {
		if i == 0 {
			a.Func.Comment("%s", l)
		} else {
			a.body = append(a.body, "\t// "+l+"\n")
		}
	}
}

func (a *asm) Return() { a.Go("RET") }
