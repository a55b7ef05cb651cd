package recipe

import (
	"fmt"
	"strings"

	. "github.com/elbow-go/elbow/asm/_gen/engine"
)

// A toy is a target whose code runs here. Its instructions are Go functions, the same ones for all
// toys, so the results of two of them differ only if the engine or a recipe gets something wrong that
// has to do with what a target says about itself.
type toy struct{ traits Traits }

// wideToy is like AVX-512: vectors of 16, mask registers, operands in memory. narrowToy is like NEON:
// vectors of 4, masks that are vectors, no operands in memory, instructions that overwrite an operand.
var (
	toyGP     = strings.Fields("a b c d e f g h i j k l m n")
	toyOthers = []string{"scratch", "count"}
	wideToy   = &toy{Traits{Name: "wide", GP: toyGP, Others: toyOthers, Vectors: 32, VecBytes: 64, VecName: "w", Masks: 6,
		MemOperand: true, WordOperand: true, CheapMasks: true, ScaleOp: true, Copies: 2, Par: true, GroupTails: true,
		Product: ProductTraits{MaxRows: [5]int{0, 8, 8, 8, 6}, UnrollFrom: 15, MaxRows16: 4, Halves: true}}}
	narrowToy = &toy{Traits{Name: "narrow", GP: toyGP, Others: toyOthers, Vectors: 32, VecBytes: 16, VecName: "n",
		ElementOperand: true, Copies: 4, FitCopies: true, ShortTails: true,
		Product: ProductTraits{MaxRows: [5]int{0, 8, 8, 8, 6}, UnrollFrom: 8, MaxRows16: 2}}}
)

func (t *toy) Traits() *Traits        { return &t.traits }
func (t *toy) NewAsm(stem string) Asm { return &toyAsm{toy: t} }

const (
	toyScratch GP = 15
	toyCount   GP = 16
)

// Lines are these.
type (
	toyOp    func(m *toyMachine)
	toyLabel string
	toyJump  struct {
		label string
		taken func(m *toyMachine) bool
	}
)

type toyFunc struct {
	name string
	sig  string
	code []Line
}

// toyAsm is an Asm; what the kernels do not call is missing.
type toyAsm struct {
	Asm
	toy       *toy
	funcs     []*toyFunc
	pool      []uint32
	labels    int
	frame     int
	recording bool
	recorded  []Line
}

func (a *toyAsm) Target() Target { return a.toy }

func (a *toyAsm) Begin(name, sig string, doc ...string) {
	a.funcs = append(a.funcs, &toyFunc{name: name, sig: sig})
	a.frame = 0
}

func (a *toyAsm) Word(off int, w uint32, note string) { a.pool = append(a.pool, w) }

func (a *toyAsm) Record(code func()) []Line {
	before, was := a.recorded, a.recording
	a.recorded, a.recording = nil, true
	code()
	got := a.recorded
	a.recorded, a.recording = before, was
	return got
}

func (a *toyAsm) Emit(code ...Line) {
	if a.recording {
		a.recorded = append(a.recorded, code...)
		return
	}
	f := a.funcs[len(a.funcs)-1]
	f.code = append(f.code, code...)
}

func (a *toyAsm) op(f func(m *toyMachine)) { a.Emit(toyOp(f)) }

// A toyMachine runs a function.
type toyMachine struct {
	asm    *toyAsm
	gp     [17]int64
	v      [32][]uint32
	mask   [6][]bool
	mem    []uint32 // arrays; the index of a word is its address / 4
	frame  []uint32
	args   map[string]int64
	result int64
	rest   int
}

func (m *toyMachine) run(f *toyFunc) {
	at := map[string]int{"": len(f.code)}
	for i, c := range f.code {
		if l, is := c.(toyLabel); is {
			at[string(l)] = i
		}
	}
	for i := range m.v {
		m.v[i] = make([]uint32, m.lanes())
	}
	m.frame = make([]uint32, m.asm.frame/4+1000)
	for pc := 0; pc < len(f.code); pc++ {
		switch c := f.code[pc].(type) {
		case toyOp:
			c(m)
		case toyJump:
			if c.taken(m) {
				to, is := at[c.label]
				if !is {
					panic("no label " + c.label)
				}
				pc = to
			}
		}
	}
}

func (m *toyMachine) lanes() int { return m.asm.toy.traits.Lanes(4) }

// words is n words at p.
func (m *toyMachine) words(p Place, n int) []uint32 {
	switch p.Kind {
	case InArray:
		addr := m.gp[p.Base] + int64(p.Off)
		if p.Index != 0 {
			addr += m.gp[p.Index] * int64(p.Scale)
		}
		return m.mem[addr/4:][:n]
	case InFrame:
		return m.frame[p.Off/4:][:n]
	case InPool:
		return m.asm.pool[p.Off/4:][:n]
	}
	x := m.args[p.Name]
	return []uint32{uint32(x), uint32(x >> 32)}[:n]
}

func (m *toyMachine) get(o Operand) int64 {
	switch o := o.(type) {
	case GP:
		return m.gp[o]
	case Num:
		return int64(o)
	}
	w := m.words(o.(Place), 2)
	return int64(w[0]) | int64(w[1])<<32
}

func (m *toyMachine) set(to Operand, x int64) {
	if r, is := to.(GP); is {
		m.gp[r] = x
		return
	}
	p := to.(Place)
	if p.Kind == InResults {
		m.result = x
		return
	}
	w := m.words(p, 2)
	w[0], w[1] = uint32(x), uint32(x>>32)
}

// Scalar code.

func (a *toyAsm) Scratch() GP { return toyScratch }
func (a *toyAsm) Count() GP   { return toyCount }

func (a *toyAsm) Local(bytes int) Place {
	a.frame += bytes
	return Place{Kind: InFrame, Off: a.frame - bytes}
}

func (a *toyAsm) Move(to, from Operand) { a.op(func(m *toyMachine) { m.set(to, m.get(from)) }) }
func (a *toyAsm) Add(to, by Operand)    { a.op(func(m *toyMachine) { m.set(to, m.get(to)+m.get(by)) }) }
func (a *toyAsm) Sub(to, by Operand)    { a.op(func(m *toyMachine) { m.set(to, m.get(to)-m.get(by)) }) }

func (a *toyAsm) Address(to GP, p Place) {
	a.op(func(m *toyMachine) { m.gp[to] = m.gp[p.Base] + m.gp[p.Index]*int64(p.Scale) + int64(p.Off) })
}

func (a *toyAsm) Shift(to GP, n int) {
	a.op(func(m *toyMachine) { m.gp[to] = m.gp[to] << max(n, 0) >> max(-n, 0) })
}

func (a *toyAsm) Multiple(to, x GP, n int) {
	a.op(func(m *toyMachine) { m.gp[to] = m.gp[x] * int64(n) })
}

func (a *toyAsm) Prefetch(int, Place)     {}
func (a *toyAsm) Comment(lines ...string) {}
func (a *toyAsm) Return()                 { a.Jump("") } // to the end
func (a *toyAsm) Label(l string)          { a.Emit(toyLabel(l)) }

func (a *toyAsm) NewLabel(stem string) string {
	a.labels++
	return fmt.Sprint(stem, a.labels)
}

func (a *toyAsm) CmpJump(x Operand, c Cond, y Operand, l string) {
	a.Emit(toyJump{l, func(m *toyMachine) bool {
		d := m.get(x) - m.get(y)
		return map[Cond]bool{IfEq: d == 0, IfNe: d != 0, IfLt: d < 0, IfLe: d <= 0, IfGt: d > 0, IfGe: d >= 0}[c]
	}})
}

func (a *toyAsm) Jump(l string) { a.CmpJump(Num(0), IfEq, Num(0), l) }

func (a *toyAsm) SubJump(x Operand, n int, c Cond, l string) {
	a.Sub(x, Num(n))
	a.CmpJump(x, c, Num(0), l)
}

// Vectors.

type toyVectors struct {
	Vectors
	*toyAsm
	elem, bytes int // of an element and of a vector
}

func (a *toyAsm) Vectors(elem int) Vectors {
	return toyVectors{toyAsm: a, elem: elem, bytes: a.toy.traits.VecBytes}
}

func (v toyVectors) Bytes() int { return v.bytes }
func (v toyVectors) Lanes() int { return v.bytes / v.elem }

func (v toyVectors) Copy(to, x V) { v.op(func(m *toyMachine) { copy(m.v[to], m.v[x]) }) }

func (v toyVectors) Load(to V, from Place) {
	v.op(func(m *toyMachine) { copy(m.v[to], m.words(from, v.bytes/4)) })
}

func (v toyVectors) Store(to Place, x V) {
	v.op(func(m *toyMachine) { copy(m.words(to, v.bytes/4), m.v[x]) })
}

func (v toyVectors) Spread(to V, from Place) {
	v.op(func(m *toyMachine) {
		w := m.words(from, v.elem/4)
		for i := range m.v[to] {
			m.v[to][i] = w[i%len(w)]
		}
	})
}

func (a *toyAsm) LoadConst(to V, from Place) { a.Vectors(4).Spread(to, from) }
func (a *toyAsm) PoolStart() int             { return 0 }
func (a *toyAsm) JoinMask()                  {}

func (a *toyAsm) MoveWord(to, from Place) {
	a.op(func(m *toyMachine) { m.words(to, 1)[0] = m.words(from, 1)[0] })
}

func (a *toyAsm) MaskRest(whole, copies int) {
	a.op(func(m *toyMachine) {
		if m.rest = int(m.gp[toyCount]) - whole*m.lanes(); m.rest <= 0 {
			panic("a tail without elements")
		}
		m.gp[toyScratch] = -1
		for c := range min(copies, a.toy.traits.Masks) {
			k := make([]bool, m.lanes())
			for i := range k {
				k[i] = c*m.lanes()+i < m.rest
			}
			m.mask[len(m.mask)-1-c] = k
		}
	})
}

func (a *toyAsm) JumpAny(x V, l string) {
	a.Emit(toyJump{l, func(m *toyMachine) bool {
		all := uint32(0)
		for _, w := range m.v[x] {
			all |= w
		}
		return all != 0
	}})
}

func (a *toyAsm) Signs(to GP, x V) {
	a.op(func(m *toyMachine) {
		m.gp[to] = 0
		for i, w := range m.v[x] {
			m.gp[to] |= int64(w>>31) << i
		}
	})
}
