package engine

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// A File is one family for one target: the functions of one file of machine code and their
// constants. Asm is for code that is not made of blocks.
type File struct {
	Asm
	Serves map[string]Variant // by the name of the kernel
	Names  map[uint32]string  // of constants, for the reader
	consts map[uint32]int     // place in the pool
	floats map[uint32]bool    // constants that are floats somewhere
	pool   []uint32
	tables [][]uint32
}

// A Variant is what a kernel says of its place in package simd: the function that calls it, and the
// condition, in Go, if that calls others too. Moves says where a call goes on that another call has
// begun: how many elements on an array is for each row, or for each element where there are no
// rows. It is nil if calls cannot be split.
type Variant struct {
	Of, When string
	Moves    map[string]string
}

// NewFile starts a file.
func NewFile(a Asm) *File {
	return &File{Asm: a, consts: map[uint32]int{}, Serves: map[string]Variant{}, floats: map[uint32]bool{}}
}

// Serve says which function of package simd calls a kernel that is no [Kernel], and when.
func (f *File) Serve(name, of, when string) { f.Serves[name] = Variant{Of: of, When: when} }

// Layout of the pool, behind what the target has there: the tables, all of them added before the
// first constant; then a word or a vector for each constant, as the target takes operands.

func (f *File) constBytes() int {
	if t := f.Target().Traits(); !t.WordOperand {
		return t.VecBytes
	}
	return 4
}

// constant is the place of a constant.
func (f *File) constant(bits uint32) Place {
	i, ok := f.consts[bits]
	if !ok {
		i = len(f.pool)
		f.consts[bits] = i
		f.pool = append(f.pool, bits)
	}
	return f.table(len(f.tables)).Plus(i * f.constBytes())
}

func (f *File) table(i int) Place {
	return Pool(f.PoolStart() + i*f.Target().Traits().VecBytes)
}

// Table adds a vector of words to the pool and returns its place.
func (f *File) Table(words []uint32) Place {
	f.tables = append(f.tables, words)
	return f.table(len(f.tables) - 1)
}

// WideTable adds words, one a lane, in as many vectors as MulWide takes.
func (f *File) WideTable(words []uint32) (at []Place) {
	for _, lanes := range f.WideLanes() {
		w := make([]uint32, len(words))
		for to, from := range lanes {
			if from >= 0 {
				w[to] = words[from]
			}
		}
		at = append(at, f.Table(w))
	}
	return at
}

// Finish writes the pool.
func (f *File) Finish() {
	at := f.PoolStart()
	put := func(w uint32, note string) {
		f.Word(at, w, note)
		at += 4
	}
	for _, words := range f.tables {
		for _, w := range words {
			put(w, "")
		}
	}
	for _, bits := range f.pool {
		note := f.note(bits)
		for range f.constBytes() / 4 {
			put(bits, note)
			note = "" // for all words of a vector
		}
	}
}

// note is the value of a constant, as a float32 or a small integer, and its name.
func (f *File) note(bits uint32) string {
	var parts []string
	x, n := float64(math.Float32frombits(bits)), int32(bits)
	switch {
	case math.IsInf(x, 0) && f.Names[bits] != "":
	case f.floats[bits] && (math.IsInf(x, 0) || x == math.Trunc(x) && math.Abs(x) < 1000):
		parts = append(parts, fmt.Sprint(x))
	case f.floats[bits]:
		parts = append(parts, fmt.Sprintf("%x = %[1]v", float32(x)))
	case -1000 < n && n < 1000:
		parts = append(parts, fmt.Sprint(n))
	}
	if name := f.Names[bits]; name != "" {
		parts = append(parts, name)
	}
	return strings.Join(parts, ": ")
}

// A home is where a constant or a scalar argument is kept.
type home struct {
	reg    V     // or -1
	at     Place // of one word, or a whole vector
	arg    string
	order  int
	wanted bool // in a register
	uses   int
	anew   int // of these, with a load of their own
	loops  int // of the others, in loops
}

// A Func is a function of blocks and of code between them.
type Func struct {
	*File
	name  string
	homes map[*Value]*home
	bits  map[uint32]*Value
	args  map[string]*Value
	vars  int
	slots []Place // for values that had to leave their registers
}

// Func writes a function; sig is its Go signature without the name, doc continues the name. body
// records what it does, since nothing can be written before the registers of the constants are known.
func (f *File) Func(name, sig string, doc []string, body func(f *Func)) {
	fn := &Func{File: f, name: name,
		homes: map[*Value]*home{}, bits: map[uint32]*Value{}, args: map[string]*Value{}}
	f.Begin(name, sig, doc...)
	fn.write(f.Record(func() { body(fn) }))
}

func (f *Func) constant(bits uint32) *Value {
	v := f.bits[bits]
	if v == nil {
		v = &Value{Op: OpConst, bits: bits}
		f.bits[bits] = v
		f.homes[v] = &home{reg: -1, at: f.File.constant(bits), order: len(f.homes)}
	}
	f.homes[v].uses++
	return v
}

func (f *Func) scalar(name string) *Value {
	v := f.args[name]
	if v == nil {
		v = &Value{Op: OpParam, text: name}
		f.args[name] = v
		size := f.Target().Traits().VecBytes
		if f.constBytes() == 4 {
			size = 8 // go vet would take an operand in the arguments for an access of 64 bytes
		}
		f.homes[v] = &home{reg: -1, at: f.Local(size), arg: name, order: len(f.homes)}
	}
	f.homes[v].uses++
	return v
}

// NewVar reserves a register for the whole function.
func (f *Func) NewVar() *Var {
	f.vars++
	return &Var{V(f.Target().Traits().Vectors - f.vars)}
}

func (f *Func) slot(i int) Place {
	for i >= len(f.slots) {
		f.slots = append(f.slots, f.Local(f.Target().Traits().VecBytes))
	}
	return f.slots[i]
}

// Block adds a recipe, once.
func (f *Func) Block(recipe func(b *Block)) { f.block(Block{}, 1, recipe) }

// BlockAmong adds a recipe, spread among other code, that leaves the registers before first alone;
// place is where it finds its arrays.
func (f *Func) BlockAmong(code []Line, first V, place func(array string, block, copy int) Place, recipe func(b *Block)) {
	f.block(Block{place: place, among: code, first: first}, 1, recipe)
}

func (f *Func) block(b Block, copies int, recipe func(b *Block)) {
	b.f = f
	b.inTurn(copies, recipe)
	f.Emit(&b)
}

// registerMap says what the vector registers are for.
func (f *Func) registerMap(top, consts V) string {
	name := f.Target().Traits().VecName
	part := func(from, to V, what string) string {
		switch {
		case from >= to:
			return ""
		case from == to-1:
			return fmt.Sprintf("    %s%d %s", name, from, what)
		}
		return fmt.Sprintf("    %s%d-%s%d %s", name, from, name, to-1, what)
	}
	return "Registers:" + part(0, top-consts, "values") + part(top-consts, top, "constants and scalars") +
		part(top, V(f.Target().Traits().Vectors), "kept from loop to loop")
}

// blocks are those of the code.
func blocks(code []Line) (all []*Block) {
	for _, c := range code {
		if b, is := c.(*Block); is {
			all = append(all, b)
		}
	}
	return all
}

// byUse returns the homes, those first whose constants are used most, and how many are of use in a
// register: a constant that is loaded anew whenever it is used is not. Without operands in memory the
// uses in loops count most, and there the arguments come first: those without a register are on the
// stack.
func (f *Func) byUse(bs []*Block) (all []*home, wanted V) {
	for _, h := range f.homes {
		h.anew, h.loops = 0, 0
	}
	for _, b := range bs {
		for _, v := range b.vals {
			f.count(v, b.loop)
		}
	}
	for _, h := range f.homes {
		all = append(all, h)
		if h.wanted {
			wanted++
		}
	}
	operands := f.Target().Traits().MemOperand
	rank := func(h *home) (loops, uses int) {
		switch {
		case !h.wanted:
			return 0, 0
		case operands:
			return 0, h.uses - h.anew
		case h.inLoop():
			return math.MaxInt, h.loops
		}
		return h.loops, h.uses - h.anew
	}
	slices.SortFunc(all, func(a, b *home) int {
		la, ua := rank(a)
		lb, ub := rank(b)
		return cmp.Or(cmp.Compare(lb, la), cmp.Compare(ub, ua), cmp.Compare(a.order, b.order))
	})
	return all, wanted
}

// inLoop says of a scalar argument that a loop uses it.
func (h *home) inLoop() bool { return h.arg != "" && h.loops > 0 }

// count counts the constants among the operands of v.
func (f *Func) count(v *Value, loop bool) {
	anew := f.Reloaded(v)
	for _, x := range v.Args {
		if !x.constant() {
			continue
		}
		h := f.homes[x]
		if x == anew {
			h.anew++
			continue
		}
		h.wanted = true
		if loop {
			h.loops++
		}
	}
}

// top is the first register of Vars.
func (f *Func) top() V { return V(f.Target().Traits().Vectors - f.vars) }

// write finds registers for the constants and writes the function.
func (f *Func) write(code []Line) {
	bs := blocks(code)
	n, spill := f.share(bs)
	top := f.top()
	var lines []Line
	for _, c := range code { // all slots are reserved before anything is written
		if b, is := c.(*Block); is {
			own, _ := allocate(b, top-n, spill)
			lines = append(lines, spread(b.among, own)...)
		} else {
			lines = append(lines, c)
		}
	}
	f.Comment(f.registerMap(top, n))
	all, _ := f.byUse(bs)
	for _, h := range all {
		f.fill(h)
	}
	f.Emit(lines...)
	f.Return()
}

// share gives registers to constants, and reports whether some values will not find any. Those should
// not be in a loop.
func (f *Func) share(bs []*Block) (n V, spill bool) {
	n, ok := f.constants(bs)
	loops := slices.DeleteFunc(slices.Clone(bs), func(b *Block) bool { return !b.loop })
	if !ok && len(loops) > 0 {
		n, _ = f.constants(loops)
	}
	return n, !ok
}

// constants gives registers to as many constants as can have them, and reports whether all values find
// registers besides, and the arguments that loops use unless they can be operands in memory.
func (f *Func) constants(bs []*Block) (n V, ok bool) {
	all, n := f.byUse(bs)
	least := V(0)
	if !f.Target().Traits().MemOperand {
		for _, h := range all {
			if h.inLoop() {
				least++
			}
		}
	}
	top := f.top()
	n = min(n, top-1)
	for n > 0 && !f.fits(bs, all, top, n) {
		n--
	}
	return n, n >= least && (n > 0 || f.fits(bs, all, top, 0))
}

// fits gives registers to the first n constants and reports whether enough are left to all blocks.
func (f *Func) fits(bs []*Block, all []*home, top, n V) bool {
	for i, h := range all {
		h.reg = -1
		if V(i) < n {
			h.reg = top - 1 - V(i)
		}
	}
	for _, b := range bs {
		if _, ok := allocate(b, top-n, false); !ok {
			return false
		}
	}
	return true
}

// fill puts a constant or a scalar argument where it is kept.
func (f *Func) fill(h *home) {
	v := f.Vectors(4)
	switch {
	case h.reg >= 0 && h.arg != "":
		v.Spread(h.reg, Arg(h.arg))
	case h.reg >= 0:
		f.LoadConst(h.reg, h.at)
	case h.arg == "":
	case f.constBytes() == 4:
		f.MoveWord(h.at, Arg(h.arg))
	default:
		v.Spread(0, Arg(h.arg))
		v.Store(h.at, 0)
	}
}

// spread puts b among a, both in order, as evenly as can be.
func spread(a, b []Line) (all []Line) {
	if len(a) == 0 {
		return b
	}
	done := 0
	for i, in := range a {
		all = append(all, in)
		for ; done < (i+1)*len(b)/len(a); done++ {
			all = append(all, b[done])
		}
	}
	return all
}
