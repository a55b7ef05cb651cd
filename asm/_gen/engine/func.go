package engine

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"slices"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A File is one family for one target: the functions of one .s file, their constants and
// their Go declarations. Ctx is avo's context, for code that is not made of blocks.
type File struct {
	ISA    *ISA
	Serves map[string]Variant // by the name of the kernel
	Ctx    *build.Context
	consts map[uint32]int // offset in the pool
	pool   []uint32
	global operand.Mem
	tables [][]uint32
	labels int
}

// Layout of the pool: on AVX2 a ramp of ones and zeros for the tail masks; the tables, all
// of them added before the first constant; one word per constant on AVX-512, one vector
// per constant on AVX2.
const tailOnes = 64 // longest group of elements that has one tail

// A Variant is what a kernel says of its place in package simd: the function that calls it, and the
// condition, in Go, if that calls others too. Moves says where a call goes on that another call has
// begun: how many elements on an array is for each row, or for each element where there are no
// rows. It is nil if calls cannot be split.
type Variant struct {
	Of, When string
	Moves    map[string]string
}

// Serve says which function of package simd calls a kernel that is no [Kernel], and when.
func (f *File) Serve(name, of, when string) { f.Serves[name] = Variant{Of: of, When: when} }

func NewFile(isa *ISA, family string) *File {
	f := &File{ISA: isa, Ctx: build.NewContext(), consts: map[uint32]int{}, Serves: map[string]Variant{}}
	f.Ctx.ConstraintExpr("!purego")
	f.global = f.Ctx.StaticGlobal(family + "Consts")
	f.Ctx.DataAttributes(attr.RODATA | attr.NOPTR)
	return f
}

func (f *File) rampBytes() int {
	if f.ISA.AVX512 {
		return 0
	}
	return 2 * 4 * tailOnes
}

// constMem is the place of a constant.
func (f *File) constMem(bits uint32) operand.Mem {
	i, ok := f.consts[bits]
	if !ok {
		i = len(f.pool)
		f.consts[bits] = i
		f.pool = append(f.pool, bits)
	}
	size := 4
	if !f.ISA.AVX512 {
		size = f.ISA.Bytes()
	}
	return f.global.Offset(f.rampBytes() + len(f.tables)*f.ISA.Bytes() + i*size)
}

// Table adds words to the pool, one vector of them, and returns their place.
func (f *File) Table(words []uint32) operand.Mem {
	f.tables = append(f.tables, words)
	return f.global.Offset(f.rampBytes() + (len(f.tables)-1)*f.ISA.Bytes())
}

// finish writes the pool.
func (f *File) Finish() {
	at := 0
	put := func(w uint32, n int) {
		for range n {
			f.Ctx.AddDatum(at, operand.U32(w))
			at += 4
		}
	}
	if !f.ISA.AVX512 {
		put(math.MaxUint32, tailOnes)
		put(0, tailOnes)
	}
	for _, words := range f.tables {
		for _, w := range words {
			put(w, 1)
		}
	}
	n := 1
	if !f.ISA.AVX512 {
		n = f.ISA.Lanes
	}
	for _, bits := range f.pool {
		put(bits, n)
	}
	if at == 0 {
		put(0, 1)
	}
}

// call emits an instruction by its name.
func (f *File) call(m string, ops ...operand.Op) {
	method := reflect.ValueOf(f.Ctx).MethodByName(m)
	if !method.IsValid() {
		panic("no instruction " + m)
	}
	args := make([]reflect.Value, len(ops))
	for i, o := range ops {
		args[i] = reflect.ValueOf(&o).Elem()
	}
	method.Call(args)
}

func (f *File) NewLabel() string {
	f.labels++
	return fmt.Sprintf("l%d", f.labels)
}

// A home is where a constant or a scalar argument is kept.
type home struct {
	reg    int         // register, or -1
	scalar operand.Mem // 4 bytes
	vector operand.Mem // a whole vector, AVX2 only
	uses   int
	local  bool        // the places are locals, filled at the start
	arg    operand.Mem // from here
	order  int
}

// A Func collects code and blocks; done puts them together once the registers of the
// constants are known.
type Func struct {
	*File
	name   string
	copies int // interleaved copies, for the mask registers of the tail
	homes  map[*Value]*home
	byBits map[uint32]*Value
	byName map[string]*Value
	vars   int
	items  []any // *Block or func()
	locals []operand.Mem
	tailAt reg.Register
	leave  string // label of the end of a kernel with Rest
}

// NewFunc starts a function; sig is its Go signature without the name.
func (f *File) NewFunc(name, sig string, doc ...string) *Func {
	f.Ctx.Function(name)
	f.Ctx.Attributes(attr.NOSPLIT)
	f.Ctx.SignatureExpr("func" + sig)
	f.Ctx.Doc(append([]string{name + " " + doc[0]}, doc[1:]...)...)
	f.Ctx.Pragma("noescape")
	return &Func{File: f, name: name, copies: 1,
		homes: map[*Value]*home{}, byBits: map[uint32]*Value{}, byName: map[string]*Value{}}
}

func (f *Func) constant(bits uint32) *Value {
	v := f.byBits[bits]
	if v == nil {
		v = &Value{op: opConst, bits: bits}
		m := f.constMem(bits)
		f.byBits[bits] = v
		f.homes[v] = &home{reg: -1, scalar: m, vector: m, order: len(f.homes)}
	}
	f.homes[v].uses++
	return v
}

// ParamMem is the place of an argument.
func (f *Func) ParamMem(name string) operand.Mem {
	b, err := f.Ctx.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

func (f *Func) scalar(name string) *Value {
	v := f.byName[name]
	if v == nil {
		v = &Value{op: opParam, param: name}
		f.byName[name] = v
		h := &home{reg: -1, arg: f.ParamMem(name), local: true, order: len(f.homes)}
		if f.ISA.AVX512 { // go vet would take a broadcast for an access of 64 bytes
			h.scalar = f.Ctx.AllocLocal(8)
		} else {
			h.vector = f.Ctx.AllocLocal(f.ISA.Bytes())
			h.scalar = h.vector
		}
		f.homes[v] = h
	}
	f.homes[v].uses++
	return v
}

func (f *Func) home(v *Value) *home { return f.homes[v] }

// NewVar reserves a register for the whole function.
func (f *Func) NewVar() *Var {
	f.vars++
	return &Var{f.ISA.Regs - f.vars}
}

func (f *Func) slotMem(i int) operand.Mem {
	for i >= len(f.locals) {
		f.locals = append(f.locals, f.Ctx.AllocLocal(f.ISA.Bytes()))
	}
	return f.locals[i]
}

// tailMask is the place of the tail mask of a copy (AVX2).
func (f *Func) tailMask(copy int) operand.Mem {
	return operand.Mem{Base: f.tailAt, Disp: copy * f.ISA.Bytes()}
}

// Do adds code that is not a block. It runs when the function is put together.
func (f *Func) Do(code func()) { f.items = append(f.items, code) }

// Emit adds one instruction.
func (f *Func) Emit(m string, ops ...operand.Op) { f.Do(func() { f.call(m, ops...) }) }

// Label adds a label.
func (f *Func) Label(l string) { f.Do(func() { f.Ctx.Label(l) }) }

// Block records a recipe copies times, interleaved, and returns the block for reading.
func (f *Func) Block(proto Block, copies int, recipe func(b *Block)) {
	b := &proto
	b.f, b.ISA, b.Of = f, f.ISA, copies
	var lists [][]*Value
	for c := range copies {
		b.Copy, b.vals = c, nil
		recipe(b)
		lists = append(lists, b.vals)
	}
	b.vals = merge(lists)
	if b.serial {
		b.vals = nil
		for i, l := range lists { // all up to LeaveIf before what comes after it
			at := slices.IndexFunc(l, func(v *Value) bool { return v.op == opLeave }) + 1
			b.vals = append(b.vals, l[:at]...)
			lists[i] = l[at:]
		}
		b.vals = slices.Concat(b.vals, slices.Concat(lists...))
	}
	f.items = append(f.items, b)
}

// registerMap says what the vector registers are for.
func (f *Func) registerMap(top, consts int) string {
	name := "Y"
	if f.ISA.AVX512 {
		name = "Z"
	}
	part := func(from, to int, what string) string {
		switch {
		case from >= to:
			return ""
		case from == to-1:
			return fmt.Sprintf("    %s%d %s", name, from, what)
		}
		return fmt.Sprintf("    %s%d-%s%d %s", name, from, name, to-1, what)
	}
	return "Registers:" + part(0, top-consts, "values") + part(top-consts, top, "constants and scalars") +
		part(top, f.ISA.Regs, "kept from loop to loop")
}

// done finds registers for the constants and emits the function.
func (f *Func) Done() {
	var all []*home
	for _, h := range f.homes {
		all = append(all, h)
	}
	slices.SortFunc(all, func(a, b *home) int { return cmp.Or(cmp.Compare(b.uses, a.uses), cmp.Compare(a.order, b.order)) })
	top := f.ISA.Regs - f.vars
	fits := func(n int) bool {
		for i, h := range all {
			h.reg = -1
			if i < n {
				h.reg = top - 1 - i
			}
		}
		for _, it := range f.items {
			if b, ok := it.(*Block); ok {
				if _, _, ok := allocate(b, top-n, false); !ok {
					return false
				}
			}
		}
		return true
	}
	n := min(len(all), top-1)
	for n > 0 && !fits(n) {
		n--
	}
	spill := n == 0 && !fits(0)
	// Spilled vectors need their slots before the first instruction is emitted.
	code := map[*Block][]Instr{}
	for _, it := range f.items {
		if b, ok := it.(*Block); ok {
			code[b], _, _ = allocate(b, top-n, spill)
		}
	}
	f.Ctx.Comment(f.registerMap(top, n))
	for i, h := range all {
		switch {
		case h.local && i < n:
			f.call("VBROADCASTSS", h.arg, f.ISA.Vec(h.reg))
		case h.local && f.ISA.AVX512:
			f.call("MOVL", h.arg, reg.EAX)
			f.call("MOVL", reg.EAX, h.scalar)
		case h.local:
			f.call("VBROADCASTSS", h.arg, f.ISA.Vec(0))
			f.call("VMOVUPS", f.ISA.Vec(0), h.vector)
		case i < n:
			f.call("VBROADCASTSS", h.scalar, f.ISA.Vec(h.reg))
		}
	}
	for _, it := range f.items {
		switch it := it.(type) {
		case func():
			it()
		case *Block:
			for _, in := range spread(it.Among, code[it]) {
				if in.Note != "" {
					f.Ctx.Comment(in.Note)
				} else {
					f.call(in.Mnem, in.Ops...)
				}
			}
		}
	}
	f.call("VZEROUPPER")
	f.call("RET")
}

// spread puts b among a, both in order, as evenly as can be.
func spread(a, b []Instr) (all []Instr) {
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
