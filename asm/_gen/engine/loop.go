package engine

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/internal/f32"
)

// loops writes the code of a kernel around its recipes.
type loops struct {
	*Func
	k      *Kernel
	vars   *Vars
	regs   *Registers
	ptr    map[string]GP
	far    Place         // pointer of the PerRowFar array
	stride map[string]GP // bytes between blocks
	triple map[string]GP // three times that
	width  Operand       // bytes of the n elements of a row, of four bytes each
	rows   Place         // rows left
	short  int           // by so much Count is less than the elements left: see left
	rare   []rare        // of passes with Any
	adjust []Place       // from the end of a row of the Strided arrays to the next one, and along a Column
}

// Kernel writes k.
func (f *File) Kernel(k Kernel) {
	f.Serves[k.Name] = Variant{cmp.Or(k.Of, k.Name), k.When, k.moves()}
	f.Func(k.Name, k.signature(), k.Doc, func(f *Func) {
		l := &loops{Func: f, k: &k, vars: f.newVars(&k), regs: f.Target().Traits().Registers(),
			ptr: map[string]GP{}, stride: map[string]GP{}, triple: map[string]GP{}}
		l.kernel()
	})
}

func (l *loops) kernel() {
	k := l.k
	l.registers()
	l.arguments()
	if k.First != nil {
		l.once(k.First)
	}
	next := ""
	if !k.OneRow {
		l.rows = l.Local(8)
		l.copy(l.rows, Arg("rows"))
		l.adjustments()
		next = l.label()
		l.Label(next)
	}
	for i := range k.Passes {
		l.pass(i)
	}
	out := ""
	if k.Left {
		out = l.label()
		l.JumpAny(l.vars.Keep[0].Reg, out)
	}
	if !k.OneRow {
		l.nextRow()
		l.SubJump(l.rows, 1, IfNe, next)
	}
	l.results(out)
	l.rareGroups()
}

// results writes the end of the function.
func (l *loops) results(out string) {
	k := l.k
	if k.Left {
		l.Label(out)
		l.copy(Result("left"), l.rows)
	}
	if k.Last != nil {
		l.once(k.Last)
	}
	if k.Bad {
		l.ReturnSigns(l.vars.Keep[0])
	}
}

// A rare is a group of a pass with Any that its block jumps to, and where it jumps back to.
type rare struct {
	*passLoop
	label, back string
}

// rareGroups writes those groups, out of the way of all others. Their copies come one after the other:
// interleaved they would leave fewer registers to the constants of the loop.
func (l *loops) rareGroups() {
	if len(l.rare) == 0 {
		return
	}
	end := l.label()
	l.Jump(end)
	for _, r := range l.rare {
		l.Label(r.label)
		b := r.block
		b.width = 1
		l.block(b, r.copies, r.Any)
		l.Jump(r.back)
	}
	l.Label(end)
}

// ReturnSigns returns the sign bits of the lanes of v as the result bad.
func (f *Func) ReturnSigns(v *Var) {
	f.Signs(f.Scratch(), v.Reg)
	f.Move(Result("bad"), f.Scratch())
}

func (f *Func) lanes() int { return f.Target().Traits().Lanes(4) }

func (f *Func) label() string { return f.NewLabel("l") }

// once adds code that runs once in a kernel.
func (l *loops) once(recipe func(b *Block, k *Vars)) {
	l.block(Block{kept: l.vars.Keep}, 1, func(b *Block) { recipe(b, l.vars) })
}

// copy goes through Scratch.
func (l *loops) copy(to, from Place) {
	l.Move(l.Scratch(), from)
	l.Move(to, l.Scratch())
}

// nextRow moves the pointers from the end of a row to the next one.
func (l *loops) nextRow() {
	adjust := l.adjust
	for _, a := range l.k.Arrays {
		switch a.Kind {
		case Strided, Column:
			l.Add(l.ptr[a.Name], adjust[0])
			adjust = adjust[1:]
		case Shared:
			l.rewind(a.Name)
		case PerRow:
			l.Add(l.ptr[a.Name], Num(4*max(1, a.Cols)))
		case PerRowFar:
			l.Add(l.far, Num(4))
		case Lanes:
			l.Add(l.ptr[a.Name], Num(4*f32.RowLanes))
		}
	}
}

// block is the name of the distance of the blocks of an array.
func (a *Array) block() string { return cmp.Or(a.Block, "n") }

// registers gives registers to the pointers and to the distances of the blocks that the recipes use.
func (l *loops) registers() {
	t := l.Target().Traits()
	var regs []string
	for _, a := range l.k.Arrays {
		if a.Kind != PerRowFar {
			l.ptr[a.Name] = l.regs.GP(a.Name)
			regs = append(regs, t.GPName(l.ptr[a.Name])+" "+a.Name)
		}
	}
	regs = append(regs, t.GPName(l.Count())+" elements left in the row")
	if !l.k.OneRow && l.roomForWidth() {
		l.stride["n"] = l.regs.GP("4n")
		regs = append(regs, t.GPName(l.stride["n"])+" 4n")
	}
	for _, a := range l.k.Arrays {
		if by := a.block(); a.Block != "" && l.stride[by] == 0 {
			l.stride[by] = l.regs.GP("4" + by)
		}
		if by := a.block(); a.Blocks > 3 && l.triple[by] == 0 {
			l.triple[by] = l.regs.GP("12" + by)
		}
	}
	l.Comment("Registers:    " + strings.Join(regs, "    "))
}

// roomForWidth reports whether there is a register for the width of a row beside the pointers
// and the distances of the blocks.
func (l *loops) roomForWidth() bool {
	need := map[string]bool{"n": true}
	for _, a := range l.k.Arrays {
		need["pointer "+a.Name] = a.Kind != PerRowFar
		need[a.block()] = true
		if a.Blocks > 3 {
			need["three times "+a.block()] = true
		}
	}
	room := l.regs.Free() + len(l.ptr)
	for _, needed := range need {
		if needed {
			room--
		}
	}
	return room >= 0
}

// arguments fills the registers.
func (l *loops) arguments() {
	for _, a := range l.k.Arrays {
		if a.Kind == PerRowFar {
			l.far = l.Local(8)
			l.copy(l.far, Arg(a.Name))
			l.ptr[a.Name] = l.Scratch()
			continue
		}
		l.Move(l.ptr[a.Name], Arg(a.Name))
	}
	filled := map[GP]bool{}
	distance := func(to GP, of string) {
		if !filled[to] {
			l.Move(to, Arg(of))
			l.Shift(to, 2)
			filled[to] = true
		}
	}
	if !l.k.OneRow {
		if r := l.stride["n"]; r != 0 {
			distance(r, "n")
			l.width = r
		} else { // the registers are for the pointers
			at := l.Local(8)
			distance(l.Scratch(), "n")
			l.Move(at, l.Scratch())
			l.width = at
		}
	}
	for _, a := range l.k.Arrays {
		by := a.block()
		if a.Block != "" {
			distance(l.stride[by], by)
		}
		if r := l.triple[by]; a.Blocks > 3 && !filled[r] {
			l.Address(r, By(l.stride[by], l.stride[by], 2))
			filled[r] = true
		}
	}
}

// adjustments computes what takes a pointer from the end of a row to the next one, or from one element of
// a Column to the next.
func (l *loops) adjustments() {
	for _, a := range l.k.Arrays {
		if a.Kind == Strided || a.Kind == Column {
			at := l.Local(8)
			l.Move(l.Scratch(), Arg(a.Ld))
			if by := bits.TrailingZeros(uint(a.size() * max(1, a.Fold))); by > 0 {
				l.Shift(l.Scratch(), by)
			}
			if a.Kind == Strided {
				l.Sub(l.Scratch(), l.rowBytes(a.Name))
			}
			l.Move(at, l.Scratch())
			l.adjust = append(l.adjust, at)
		}
	}
}

func (l *loops) rewind(array string) { l.Sub(l.ptr[array], l.rowBytes(array)) }

// array is that of the name.
func (l *loops) array(name string) *Array {
	i := slices.IndexFunc(l.k.Arrays, func(a Array) bool { return a.Name == name })
	return &l.k.Arrays[i]
}

// rowBytes is the bytes of the n elements of a row.
func (l *loops) rowBytes(array string) Operand {
	if l.array(array).Bytes {
		return Arg("n")
	}
	return l.width
}

// address of a vector of an array.
func (l *loops) address(array string, block, copy int) Place {
	a := l.array(array)
	p := At(l.ptr[array], copy*l.lanes()*a.size())
	by := a.block()
	switch block {
	case 0:
	case 1, 2, 4:
		p.Index, p.Scale = l.stride[by], block
	case 3:
		p.Index, p.Scale = l.triple[by], 1
	default:
		panic("no such block")
	}
	return p
}

// A passLoop is what the parts of a pass have in common.
type passLoop struct {
	*Pass
	block  Block
	copies int
	group  bool // the tail is masked as a group
	arrays []string
}

func (l *loops) newPass(i int) *passLoop {
	p := &passLoop{Pass: &l.k.Passes[i]}
	t := l.Target().Traits()
	p.arrays = strings.Fields(p.Uses)
	p.copies = cmp.Or(p.Copies, t.Copies)
	p.block = Block{place: l.address, kept: l.vars.Keep,
		acc: func(slot, copy int) *Var {
			a := l.vars.Acc[slot]
			return a[copy%len(a)]
		}}
	if p.Serial && (t.Serial || p.Any != nil) {
		p.block.width = 1
	}
	reduces := l.reduces(p)
	if reduces {
		p.copies = max(p.copies, l.k.Lanes/l.lanes())
		p.group = l.k.Lanes > l.lanes()
	}
	if t.FitCopies {
		l.interleave(p)
		if !reduces && !p.Serial {
			p.copies = p.block.width
		}
	}
	return p
}

// interleave decides how many copies of a pass are interleaved: as many as there can be, since they do
// not wait for each other. But the more there are, the fewer registers are left to constants.
func (l *loops) interleave(p *passLoop) {
	uses := map[*home]int{}
	for _, h := range l.homes {
		uses[h] = h.uses
	}
	best, fewest := 1, math.Inf(1)
	for width := 1; width <= p.copies; width *= 2 {
		p.block.width = width
		if lines, ok := l.lines(p); ok {
			fewest = min(fewest, lines)
			if lines < maxLoads*fewest {
				best = width
			}
		}
	}
	p.block.width = best
	for _, h := range l.homes { // these blocks were for counting only
		h.uses = uses[h]
	}
}

// maxLoads is how many lines interleaving may cost, as a factor. With up to 14 % more of them a loop
// takes 10 to 30 % less time in LLVM's models of Neoverse N1 and V1, with 22 % and more it takes longer.
const maxLoads = 1.15

// lines is how many lines a copy of a pass takes, if all values find registers.
func (l *loops) lines(p *passLoop) (lines float64, ok bool) {
	b := p.block
	b.f, b.loop = l.Func, true
	copies := p.copies
	if !p.group && !p.Serial {
		copies = b.width
	}
	b.inTurn(copies, p.Body)
	n, ok := l.constants([]*Block{&b})
	if !ok {
		return 0, false
	}
	code, _ := allocate(&b, l.top()-n, false)
	return float64(len(code)+loopLines) / float64(copies), true
}

// loopLines is about what a loop has besides a block.
const loopLines = 6

// reduces reports whether a pass continues the lanes of a reduction.
func (l *loops) reduces(p *passLoop) bool {
	b := p.block
	b.f = l.Func
	p.Body(&b)
	for _, v := range b.vals {
		if v.Op == OpAcc || v.Op == OpAccFMA || v.Op == OpSet {
			return true
		}
	}
	return false
}

func (l *loops) pass(i int) {
	p := l.newPass(i)
	if p.Before != nil {
		if l.far != (Place{}) {
			l.Move(l.Scratch(), l.far)
		}
		l.block(p.block, 1, func(b *Block) { p.Before(b, l.vars) })
	}
	many, one, tail, end := l.label(), l.label(), l.label(), l.label()
	l.Move(l.Count(), Arg("n"))
	l.short = 0
	if p.group || p.copies == 1 {
		l.many(p, many, tail)
	} else {
		l.many(p, many, one)
		l.one(p, one, tail)
	}
	l.Label(tail)
	l.tail(p, end)
	l.Label(end)
	for _, a := range p.arrays {
		if l.usedAfter(a, i) {
			l.rewind(a)
		}
	}
	if p.After != nil {
		l.block(p.block, 1, func(b *Block) { p.After(b, l.vars) })
	}
}

// left makes Count by short less than the elements left, and jumps if then it is c 0. A loop whose
// Count is short by one round ends with a single instruction that counts and compares.
func (l *loops) left(short int, c Cond, to string) {
	l.SubJump(l.Count(), short-l.short, c, to)
	l.short = short
}

// group is the block of the loop over interleaved vectors.
func (l *loops) group(p *passLoop, b Block) {
	if p.Any == nil {
		l.block(b, p.copies, p.Body)
		return
	}
	r := rare{p, l.label(), l.label()}
	l.rare = append(l.rare, r)
	b.leave = r.label
	l.block(b, p.copies, p.Body)
	l.Label(r.back)
}

// single is the recipe of what is less than a group.
func (p *passLoop) single() func(b *Block) {
	if p.Any != nil {
		return p.Any
	}
	return p.Body
}

// many is the loop over interleaved vectors; rest comes behind it.
func (l *loops) many(p *passLoop, label, rest string) {
	n := p.copies * l.lanes()
	l.left(n, IfLt, rest)
	l.Label(label)
	for _, a := range strings.Fields(p.Ahead) {
		for line := 0; line < 4*n; line += 64 {
			l.Prefetch(1, At(l.ptr[a], cmp.Or(p.AheadBytes, aheadBytes)+line))
		}
	}
	b := p.block
	b.loop = true
	l.group(p, b)
	if p.Each != nil {
		l.block(b, 1, func(b *Block) { p.Each(b, l.vars) })
	}
	l.advance(p, n)
	l.SubJump(l.Count(), n, IfGe, label)
}

// one is the loop over single vectors, or what takes its place if there is at most one.
func (l *loops) one(p *passLoop, label, rest string) {
	n := l.lanes()
	l.Label(label)
	l.left(n, IfLt, rest)
	again := l.label()
	l.Label(again)
	b := p.block
	b.loop = true
	l.block(b, 1, p.single())
	l.advance(p, n)
	if p.copies > 2 {
		l.SubJump(l.Count(), n, IfGe, again)
	} else {
		l.Sub(l.Count(), Num(n))
	}
}

// advance moves the pointers by n elements.
func (l *loops) advance(p *passLoop, n int) {
	for _, a := range p.arrays {
		l.Add(l.ptr[a], Num(l.array(a).size()*n))
	}
}

// tail does the elements that are left, if there are any.
func (l *loops) tail(p *passLoop, end string) {
	l.left(0, IfEq, end)
	switch {
	case !p.group:
		l.part(p, 0, 1)
	case l.Target().Traits().GroupTails:
		l.part(p, 0, p.copies)
	default:
		done := l.label()
		for whole := p.copies - 1; whole > 0; whole-- {
			less := l.label()
			l.CmpJump(l.Count(), IfLe, Num(whole*l.lanes()), less)
			l.part(p, whole, whole+1)
			l.Jump(done)
			l.Label(less)
		}
		l.part(p, 0, 1)
		l.Label(done)
	}
	if l.k.OneRow {
		return // nobody reads the pointers again
	}
	for _, a := range p.arrays {
		l.Address(l.ptr[a], By(l.ptr[a], l.Count(), l.array(a).size()))
	}
}

// part does a tail of so many copies, the first of them whole.
func (l *loops) part(p *passLoop, whole, copies int) {
	l.MaskRest(whole, copies)
	b := p.block
	b.tails, b.whole = copies, whole
	if whole == 0 && l.Target().Traits().ShortTails {
		short, done := l.label(), l.label()
		l.CmpJump(Arg("n"), IfLt, Num(l.lanes()), short)
		l.block(b, copies, p.single())
		l.Jump(done)
		l.Label(short)
		b.short = true
		l.block(b, copies, p.single())
		l.Label(done)
		return
	}
	l.block(b, copies, p.single())
}

func (l *loops) usedAfter(array string, pass int) bool {
	for _, p := range l.k.Passes[pass+1:] {
		if p.uses(array) {
			return true
		}
	}
	return false
}
