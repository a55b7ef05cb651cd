package engine

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A Kernel is a function that runs over the elements of one or more arrays, in one or more
// passes per row. Its Go signature is made from its parts, in this order: arrays, rows
// (unless OneRow), n, the strides, the scalars.
//
// Each pass is a loop over Copies interleaved vectors, one over single vectors, and a masked
// tail. With a reduction whose virtual lanes are several vectors, the tail is masked as a
// group instead, so that every element keeps its lane.
type Kernel struct {
	Name    string
	Of      string // the function of package simd that calls it, if that has another name
	When    string // the condition, in Go, if it calls others too: see dispatch.go
	Doc     []string
	Arrays  []Array
	OneRow  bool
	Scalars []string // "name type"
	Passes  []Pass
	Accs    int // reductions
	Lanes   int // virtual lanes of a reduction: 16 or 64
	Vars    int // values kept from pass to pass
	// Left: the function returns how many rows are left at the first row after which a lane
	// of the first of the Vars is not zero, that row among them; 0 if there is none.
	Left bool
	// Rest: the function, of one row, returns how many elements are left where LeaveUnless has
	// ended it, else 0.
	Rest bool
	// Bad: the function returns a number that is not zero if a lane of the first of the Vars has
	// its sign set at the end. First and Last run before the first and after the last row.
	Bad         bool
	First, Last func(b *Block, k *Vars)
}

// An Array is a pointer argument.
type Array struct {
	Name   string
	Kind   ArrayKind
	Ld     string // name of the stride of Strided rows, in elements
	Block  string // blocks (gates) lie this far apart: "n" (default) or a stride
	Blocks int    // how many there are; needed from 4 on
	Fold   int    // Strided: rows taken in one go
	Cols   int    // PerRow: elements a row, default 1
}

// ArrayKind says where the next row of an array is.
type ArrayKind int

const (
	Dense     ArrayKind = iota // behind this one
	Strided                    // Ld elements on
	Shared                     // the same row again
	PerRow                     // one element a row, or Cols
	Lanes                      // RowLanes elements a row: see lanes.go
	PerRowFar                  // PerRow with its pointer in memory, for the first thing in a row to read
)

// A Pass is one loop over the columns of a row.
type Pass struct {
	Before func(b *Block, k *Vars) // once per row, all lanes alike
	Body   func(b *Block)
	After  func(b *Block, k *Vars) // once per row; k.Sum and k.Max give folded reductions
	Each   func(b *Block, k *Vars) // after each round of Copies vectors
	Uses   string                  // the arrays, separated by blanks
	Copies [2]int                  // interleaved vectors on AVX2 and AVX-512; default 2
	Serial bool                    // on AVX2, which has few registers, or with Rest, copies one after the other
	Ahead  string                  // the arrays to prefetch, separated by blanks
}

// RowLanes is the number of elements of a row of Lanes.
const RowLanes = 64

// aheadBytes is how far ahead of the loop Ahead looks. It helps with several arrays from beyond
// the second cache, across the ends of pages and rows: 5 to 10 % of a mixture, 15 % of Adam.
// Distances from 512 to 4096 were alike for the mixture; Adam wanted 2048.
const aheadBytes = 2048

// Vars holds the registers of a kernel that live from pass to pass.
type Vars struct {
	f    *Func
	Acc  [][]*Var // [reduction][copy]
	Keep []*Var
}

type loops struct {
	*Func
	k      *Kernel
	ptr    map[string]reg.GPPhysical
	width  operand.Op                // bytes of the n elements of a row
	stride map[string]reg.GPPhysical // bytes between blocks
	triple map[string]reg.GPPhysical // three times that
	free   []reg.GPPhysical
	vars   *Vars
	far    operand.Mem // pointer of the PerRowFar array
}

// Kernel emits k.
func (f *File) Kernel(k Kernel) {
	f.Serves[k.Name] = Variant{cmp.Or(k.Of, k.Name), k.When, k.moves()}
	l := &loops{k: &k, ptr: map[string]reg.GPPhysical{}, stride: map[string]reg.GPPhysical{}, triple: map[string]reg.GPPhysical{},
		// CX counts, AX is scratch; BP, R14 and R15 are left alone.
		free: []reg.GPPhysical{reg.RDI, reg.RSI, reg.RDX, reg.RBX, reg.R8, reg.R9, reg.R10, reg.R11, reg.R12, reg.R13}}
	l.Func = f.NewFunc(k.Name, k.signature(), k.Doc...)
	l.tailAt = reg.RAX
	l.vars = &Vars{f: l.Func}
	for range k.Accs {
		var a []*Var
		for range max(1, k.Lanes/f.ISA.Lanes) {
			a = append(a, l.NewVar())
		}
		l.vars.Acc = append(l.vars.Acc, a)
	}
	for range k.Vars {
		l.vars.Keep = append(l.vars.Keep, l.NewVar())
	}
	l.arguments()
	var next string
	var rows operand.Mem
	var adjust []operand.Mem
	if k.First != nil {
		l.Block(Block{kept: l.vars.Keep}, 1, func(b *Block) { k.First(b, l.vars) })
	}
	if !k.OneRow {
		rows = f.Ctx.AllocLocal(8)
		l.Emit("MOVQ", l.ParamMem("rows"), reg.RAX)
		l.Emit("MOVQ", reg.RAX, rows)
		adjust = l.adjustments()
		next = f.NewLabel()
		l.Label(next)
	}
	if k.Rest {
		l.leave = f.NewLabel()
	}
	for i := range k.Passes {
		l.pass(i)
	}
	out := ""
	if k.Left {
		out = f.NewLabel()
		l.leaveRow(out)
	}
	if !k.OneRow {
		for _, a := range k.Arrays {
			switch a.Kind {
			case Strided:
				l.Emit("ADDQ", adjust[0], l.ptr[a.Name])
				adjust = adjust[1:]
			case Shared:
				l.rewind(a.Name)
			case PerRow:
				l.Emit("ADDQ", Imm(4*max(1, a.Cols)), l.ptr[a.Name])
			case PerRowFar:
				l.Emit("ADDQ", Imm(4), l.far)
			case Lanes:
				l.Emit("ADDQ", Imm(4*RowLanes), l.ptr[a.Name])
			}
		}
		l.Emit("DECQ", rows)
		l.Emit("JNE", operand.LabelRef(next))
	}
	if k.Left {
		l.Label(out)
		l.Emit("MOVQ", rows, reg.RAX)
		l.Emit("MOVQ", reg.RAX, l.result("left"))
	}
	if k.Rest {
		l.Emit("XORL", reg.ECX, reg.ECX)
		l.Label(l.leave)
		l.Emit("MOVQ", reg.RCX, l.result("left"))
	}
	if k.Last != nil {
		l.Block(Block{kept: l.vars.Keep}, 1, func(b *Block) { k.Last(b, l.vars) })
	}
	if k.Bad {
		l.ReturnSigns(l.vars.Keep[0])
	}
	l.Done()
}

// moves is what a [Variant] says of the arrays.
func (k *Kernel) moves() map[string]string {
	if k.Left || k.Rest || k.Bad {
		return nil
	}
	used := ""
	for _, p := range k.Passes {
		used += p.Uses + " "
	}
	moves := map[string]string{}
	for _, a := range k.Arrays {
		by := ""
		switch {
		case k.OneRow && slices.Contains(strings.Fields(used), a.Name):
			by = "1"
		case k.OneRow || a.Kind == Shared:
			continue
		case a.Kind == Dense:
			by = "n"
		case a.Kind == Strided:
			by = fmt.Sprint(max(1, a.Fold), "*", a.Ld)
		case a.Kind == PerRow:
			by = fmt.Sprint(max(1, a.Cols))
		default:
			panic("cannot split " + k.Name)
		}
		moves[a.Name] = strings.TrimPrefix(by, "1*")
	}
	return moves
}

// leaveRow jumps if a lane of the first of the Vars is not zero.
func (l *loops) leaveRow(to string) {
	v := l.ISA.Vec(l.vars.Keep[0].reg)
	if l.ISA.AVX512 {
		l.Emit("VPTESTMD", v, v, reg.K1)
		l.Emit("KORTESTW", reg.K1, reg.K1)
	} else {
		l.Emit("VPTEST", v, v)
	}
	l.Emit("JNE", operand.LabelRef(to))
}

// ReturnSigns returns the sign bits of the lanes of v as the result bad.
func (f *Func) ReturnSigns(v *Var) {
	if r := f.ISA.Vec(v.reg); f.ISA.AVX512 {
		f.Emit("VPMOVD2M", r, reg.K1)
		f.Emit("KMOVW", reg.K1, reg.EAX)
	} else {
		f.Emit("VMOVMSKPS", r, reg.EAX)
	}
	f.Emit("MOVQ", reg.RAX, f.result("bad"))
}

// result is the place of a result.
func (f *Func) result(name string) operand.Mem {
	b, err := f.Ctx.Return(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

func (k *Kernel) signature() string {
	var s, lds []string
	for _, a := range k.Arrays {
		s = append(s, a.Name)
		if a.Ld != "" && !strings.Contains(" "+strings.Join(lds, " ")+" ", " "+a.Ld+" ") {
			lds = append(lds, a.Ld)
		}
	}
	sig := strings.Join(s, ", ") + " *float32, "
	if !k.OneRow {
		sig += "rows, "
	}
	sig += strings.Join(append([]string{"n"}, lds...), ", ") + " int"
	for _, p := range k.Scalars {
		sig += ", " + p
	}
	sig = "(" + sig + ")"
	switch {
	case k.Left, k.Rest:
		sig += " (left int)"
	case k.Bad:
		sig += " (bad int)"
	}
	return sig
}

func (l *loops) gp() reg.GPPhysical {
	if len(l.free) == 0 {
		panic(l.name + ": out of general registers")
	}
	r := l.free[0]
	l.free = l.free[1:]
	return r
}

// arguments loads the pointers and the distances of the blocks that the recipes use.
func (l *loops) arguments() {
	var regs []string
	for _, a := range l.k.Arrays {
		if a.Kind == PerRowFar {
			l.far = l.Ctx.AllocLocal(8)
			l.Emit("MOVQ", l.ParamMem(a.Name), reg.RAX)
			l.Emit("MOVQ", reg.RAX, l.far)
			l.ptr[a.Name] = reg.RAX
			continue
		}
		r := l.gp()
		l.ptr[a.Name] = r
		regs = append(regs, fmt.Sprintf("%s %s", r.Asm(), a.Name))
		l.Emit("MOVQ", l.ParamMem(a.Name), r)
	}
	regs = append(regs, "CX elements left in the row")
	if !l.k.OneRow {
		if l.roomForWidth() {
			l.strideOf("n")
			l.width = l.stride["n"]
			regs = append(regs, l.stride["n"].Asm()+" 4n")
		} else { // leave the register to the pointers
			at := l.Ctx.AllocLocal(8)
			l.Emit("MOVQ", l.ParamMem("n"), reg.RAX)
			l.Emit("SHLQ", operand.U8(2), reg.RAX)
			l.Emit("MOVQ", reg.RAX, at)
			l.width = at
		}
	}
	l.items = append([]any{func() { l.Ctx.Comment("Registers:    " + strings.Join(regs, "    ")) }}, l.items...)
	for _, a := range l.k.Arrays {
		by := "n"
		if a.Block != "" {
			by = a.Block
			l.strideOf(by)
		}
		if a.Blocks > 3 {
			l.tripleOf(by)
		}
	}
}

// roomForWidth reports whether there is a register for the width of a row beside the pointers
// and the distances of the blocks.
func (l *loops) roomForWidth() bool {
	need := map[string]bool{"n": true}
	for _, a := range l.k.Arrays {
		need["pointer "+a.Name] = true
		by := cmp.Or(a.Block, "n")
		need[by] = true
		if a.Blocks > 3 {
			need["three times "+by] = true
		}
	}
	return len(need) <= len(l.free)+len(l.ptr)
}

func (l *loops) strideOf(name string) {
	if l.stride[name] == nil {
		r := l.gp()
		l.stride[name] = r
		l.Emit("MOVQ", l.ParamMem(name), r)
		l.Emit("SHLQ", operand.U8(2), r)
	}
}

func (l *loops) tripleOf(name string) {
	if l.triple[name] == nil {
		r := l.gp()
		l.triple[name] = r
		s := l.stride[name]
		l.Emit("LEAQ", operand.Mem{Base: s, Index: s, Scale: 2}, r)
	}
}

// adjustments computes what takes a pointer from the end of a row to the next one.
func (l *loops) adjustments() (m []operand.Mem) {
	for _, a := range l.k.Arrays {
		if a.Kind == Strided {
			at := l.Ctx.AllocLocal(8)
			l.Emit("MOVQ", l.ParamMem(a.Ld), reg.RAX)
			l.Emit("SHLQ", operand.U8(uint8(2+bits.TrailingZeros(uint(max(1, a.Fold))))), reg.RAX)
			l.Emit("SUBQ", l.width, reg.RAX)
			l.Emit("MOVQ", reg.RAX, at)
			m = append(m, at)
		}
	}
	return m
}

func (l *loops) rewind(array string) { l.Emit("SUBQ", l.width, l.ptr[array]) }

// address of a vector of an array.
func (l *loops) address(array string, block, copy int) operand.Mem {
	m := operand.Mem{Base: l.ptr[array], Disp: copy * l.ISA.Bytes()}
	by := "n"
	for _, a := range l.k.Arrays {
		if a.Name == array && a.Block != "" {
			by = a.Block
		}
	}
	switch block {
	case 0:
	case 1, 2:
		m.Index, m.Scale = l.stride[by], uint8(block)
	case 3:
		m.Index, m.Scale = l.triple[by], 1
	case 4:
		m.Index, m.Scale = l.stride[by], 4
	}
	return m
}

func (l *loops) pass(i int) {
	p := l.k.Passes[i]
	uses := strings.Fields(p.Uses)
	copies := p.Copies[0]
	if l.ISA.AVX512 {
		copies = p.Copies[1]
	}
	if copies == 0 {
		copies = 2
	}
	proto := Block{Mem: l.address, Acc: func(slot, copy int) *Var {
		a := l.vars.Acc[slot]
		return a[copy%len(a)]
	}, kept: l.vars.Keep, serial: p.Serial && (!l.ISA.AVX512 || l.k.Rest)}
	group := false // the tail is masked as a group
	if l.reduces(proto, p) {
		group = l.k.Lanes > l.ISA.Lanes
		copies = max(copies, l.k.Lanes/l.ISA.Lanes)
	}
	l.copies = 1
	if group {
		l.copies = copies
	}
	if p.Before != nil {
		if l.far.Base != nil {
			l.Emit("MOVQ", l.far, reg.RAX)
		}
		l.Block(proto, 1, func(b *Block) { p.Before(b, l.vars) })
	}
	many, one, tail, end := l.NewLabel(), l.NewLabel(), l.NewLabel(), l.NewLabel()
	step := func(n int) {
		for _, a := range uses {
			l.Emit("ADDQ", Imm(4*n), l.ptr[a])
		}
		l.Emit("SUBQ", Imm(n), reg.RCX)
	}
	l.Emit("MOVQ", l.ParamMem("n"), reg.RCX)
	n := copies * l.ISA.Lanes
	rest := one
	if group || copies == 1 {
		rest = tail
	}
	l.Emit("CMPQ", reg.RCX, Imm(n))
	l.Emit("JLT", operand.LabelRef(rest))
	l.Label(many)
	for _, a := range strings.Fields(p.Ahead) {
		for line := 0; line < 4*n; line += 64 {
			l.Emit("PREFETCHT0", operand.Mem{Base: l.ptr[a], Disp: aheadBytes + line})
		}
	}
	l.Block(proto, copies, p.Body)
	if p.Each != nil {
		l.Block(proto, 1, func(b *Block) { p.Each(b, l.vars) })
	}
	step(n)
	l.Emit("CMPQ", reg.RCX, Imm(n))
	l.Emit("JGE", operand.LabelRef(many))
	if rest == one {
		l.Label(one)
		l.Emit("CMPQ", reg.RCX, Imm(l.ISA.Lanes))
		l.Emit("JLT", operand.LabelRef(tail))
		again := l.NewLabel()
		l.Label(again)
		l.Block(proto, 1, p.Body)
		step(l.ISA.Lanes)
		if copies > 2 {
			l.Emit("CMPQ", reg.RCX, Imm(l.ISA.Lanes))
			l.Emit("JGE", operand.LabelRef(again))
		}
	}
	l.Label(tail)
	l.Emit("TESTQ", reg.RCX, reg.RCX)
	l.Emit("JEQ", operand.LabelRef(end))
	l.maskTail(group, copies)
	proto.tail = true
	if group {
		l.Block(proto, copies, p.Body)
	} else {
		l.Block(proto, 1, p.Body)
	}
	for _, a := range uses {
		if l.k.OneRow {
			break // nobody reads the pointers again
		}
		l.Emit("LEAQ", operand.Mem{Base: l.ptr[a], Index: reg.RCX, Scale: 4}, l.ptr[a])
	}
	l.Label(end)
	proto.tail = false
	for _, a := range uses {
		if l.usedAfter(a, i) {
			l.rewind(a)
		}
	}
	if p.After != nil {
		l.Block(proto, 1, func(b *Block) { p.After(b, l.vars) })
	}
}

// reduces reports whether a pass continues the lanes of a reduction.
func (l *loops) reduces(b Block, p Pass) bool {
	b.f, b.ISA = l.Func, l.ISA
	p.Body(&b)
	for _, v := range b.vals {
		if v.op == opAcc || v.op == opAccFMA || v.op == opSet {
			return true
		}
	}
	return false
}

func (l *loops) usedAfter(array string, pass int) bool {
	for _, p := range l.k.Passes[pass+1:] {
		for _, a := range strings.Fields(p.Uses) {
			if a == array {
				return true
			}
		}
	}
	return false
}

// maskTail makes the mask of the CX elements that are left: K7 (and, for groups, K6...) or
// an address in the ramp of ones and zeros.
func (l *loops) maskTail(group bool, copies int) {
	if l.ISA.AVX512 {
		l.Emit("MOVQ", operand.U32(1), reg.RAX)
		l.Emit("SHLQ", reg.CL, reg.RAX)
		l.Emit("DECQ", reg.RAX)
		l.Emit("KMOVW", reg.EAX, reg.K7)
		if group {
			for c := 1; c < copies; c++ {
				l.Emit("SHRQ", operand.U8(16), reg.RAX)
				l.Emit("KMOVW", reg.EAX, KRegs[7-c])
			}
		}
		return
	}
	l.Emit("LEAQ", l.global.Offset(4*tailOnes), reg.RAX)
	l.Emit("NEGQ", reg.RCX)
	l.Emit("LEAQ", operand.Mem{Base: reg.RAX, Index: reg.RCX, Scale: 4}, reg.RAX)
	l.Emit("NEGQ", reg.RCX)
}

// Zero sets the lanes of a reduction to +0, Lowest to -Inf.
func (k *Vars) Zero(b *Block, slot int) {
	for _, v := range k.Acc[slot] {
		b.Set(v, b.Const(0))
	}
}

// Lowest sets the lanes of a maximum to -Inf.
func (k *Vars) Lowest(b *Block, slot int) {
	for _, v := range k.Acc[slot] {
		b.Set(v, b.Const(float32(math.Inf(-1))))
	}
}

// Sum returns the folded lanes of a reduction in all lanes, Max the largest of them.
func (k *Vars) Sum(b *Block, slot int) *Value { return k.Fold(b, slot, "VADDPS") }
func (k *Vars) Max(b *Block, slot int) *Value { return k.Fold(b, slot, "VMAXPS") }

// MaxOf returns the largest lane of one reduction, and leaves the lanes as they are.
func (k *Vars) MaxOf(b *Block, slot int) *Value {
	v := &Value{op: opFold, mnem: "VMAXPS"}
	for _, a := range k.Acc[slot] {
		v.args = append(v.args, b.Un("VMOVAPS", b.Get(a)))
	}
	return b.Record(v)
}

// fold adds the upper half of the virtual lanes to the lower half until one is left:
//
//	lanes     0 1 2 .. 15  ->  0+8 1+9 ..  ->  (0+8)+(4+12) ..  ->  ...
func (k *Vars) Fold(b *Block, slot int, m string) *Value {
	v := &Value{op: opFold, mnem: m}
	for _, a := range k.Acc[slot] {
		v.args = append(v.args, b.Get(a))
	}
	return b.Record(v)
}

// StoreRow writes lane 0 to the element of this row of a PerRow array.
func (b *Block) StoreRow(array string, x *Value) { b.StoreAt(array, 0, x) }

// LoadRow reads the element of this row of a PerRow array into all lanes.
func (b *Block) LoadRow(array string) *Value { return b.LoadAt(array, 0) }

// StoreAt and LoadAt are StoreRow and LoadRow for element i, counted from where the pointer
// of the array is: between passes, that is the first column of the row, if a later pass uses
// the array.
func (b *Block) StoreAt(array string, i int, x *Value) {
	b.Record(&Value{op: opReturn, mem: b.Mem(array, 0, 0).Offset(4 * i), args: []*Value{x}})
}

func (b *Block) LoadAt(array string, i int) *Value {
	return b.BroadcastMem(b.Mem(array, 0, 0).Offset(4 * i))
}
