package recipe

import (
	"fmt"
	"math"
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
	toyGP     = strings.Fields("a b c d e f g h i j")
	toyOthers = []string{"scratch", "count"}
	wideToy   = &toy{Traits{Name: "wide", GP: toyGP, Others: toyOthers, Vectors: 32, VecBytes: 64, VecName: "w", Masks: 6,
		MemOperand: true, WordOperand: true, CheapMasks: true, Copies: 2, Par: true, GroupTails: true,
		Product: ProductTraits{MaxRows: [5]int{0, 8, 8, 8, 6}, UnrollFrom: 15, MaxRows16: 4, Halves: true}}}
	narrowToy = &toy{Traits{Name: "narrow", GP: toyGP, Others: toyOthers, Vectors: 32, VecBytes: 16, VecName: "n",
		ElementOperand: true, Copies: 4, Serial: true, ShortTails: true,
		Product: ProductTraits{MaxRows: [5]int{0, 8, 8, 8, 6}, UnrollFrom: 8, MaxRows16: 2}}}
)

func (t *toy) Traits() *Traits        { return &t.traits }
func (t *toy) NewAsm(stem string) Asm { return &toyAsm{toy: t} }

const (
	toyScratch GP = 11
	toyCount   GP = 12
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
	gp     [13]int64
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

// Operations.

const (
	toyRowFold   = OpOwn + iota // Of, over the lanes, the result in all lanes
	toyRowInsert                // lane Imm of the second, the others of the first
	toyPair                     // two values, as MulWide gives them
	toyNumbers
)

var toyFMA = func(x, y, z float32) float32 { return float32(float64(x)*float64(y) + float64(z)) }

// compute is an operation on one lane.
func toyCompute(v *Value, x []uint32) uint32 {
	f := func(i int) float32 { return math.Float32frombits(x[i]) }
	bits := math.Float32bits
	is := func(b bool) uint32 {
		if b != v.Not {
			return math.MaxUint32
		}
		return 0
	}
	switch v.Op {
	case OpAdd:
		return bits(f(0) + f(1))
	case OpSub:
		return bits(f(0) - f(1))
	case OpMul:
		return bits(f(0) * f(1))
	case OpDiv:
		return bits(f(0) / f(1))
	case OpSqrt:
		return bits(float32(math.Sqrt(float64(f(0)))))
	case OpFMA:
		a, c := f(0), f(2)
		if v.NegProduct {
			a = -a
		}
		if v.NegAddend {
			c = -c
		}
		return bits(toyFMA(a, f(1), c))
	case OpAtMost:
		if f(1) > f(0) {
			return x[0]
		}
		return x[1]
	case OpAtLeast:
		if f(1) < f(0) {
			return x[0]
		}
		return x[1]
	case OpLarger:
		if f(0) > f(1) {
			return x[0]
		}
		return x[1]
	case OpScale:
		return bits(float32(math.Ldexp(float64(f(0)), int(f(1)))))
	case OpPow2:
		return bits(float32(math.Ldexp(1, int(f(0)))))
	case OpToFloat:
		return bits(float32(int32(x[0])))
	case OpLess:
		return is(f(0) < f(1))
	case OpLessEqual:
		return is(f(0) <= f(1))
	case OpEqual:
		return is(f(0) == f(1))
	case OpGreater:
		return is(f(0) > f(1))
	case OpBitSet:
		return is(x[0]>>v.Imm&1 != 0)
	case OpSelect:
		return x[0]&x[1] | ^x[0]&x[2]
	case OpKeep:
		return x[0] & x[1]
	case OpAnd:
		return x[0] & x[1]
	case OpOr:
		return x[0] | x[1]
	case OpXor:
		return x[0] ^ x[1]
	case OpOr3:
		return x[0] | x[1] | x[2]
	case OpXor3:
		return x[0] ^ x[1] ^ x[2]
	case OpCopySign:
		return x[0] | x[1]&SignBit
	case OpXorSign:
		return x[0] ^ x[1]&SignBit
	case OpAddI:
		return x[0] + x[1]
	case OpSubI:
		return x[0] - x[1]
	case OpMinU:
		return min(x[0], x[1])
	case OpMaxU:
		return max(x[0], x[1])
	case OpShl:
		return x[0] << v.Imm
	case OpShr:
		return x[0] >> v.Imm
	case OpSar:
		return uint32(int32(x[0]) >> v.Imm)
	case OpLow:
		return x[0] * x[1]
	case OpHigh:
		return uint32(uint64(x[0]) * uint64(x[1]) >> 32)
	case OpCopy:
		return x[0]
	}
	panic(fmt.Sprint("no operation ", v.Op))
}

// Products are pairs here, and all lanes are in one vector.
func (a *toyAsm) Expand(b *Block, v *Value) *Value {
	switch v.Op {
	case OpMulWide:
		return v
	case OpLow, OpHigh:
		v.Args = v.Args[0].Args
	case OpJoin:
		return v.Args[0]
	}
	return b.Append(v)
}

func (a *toyAsm) WideLanes() [][]int {
	var lanes []int
	for i := range a.toy.traits.Lanes(4) {
		lanes = append(lanes, i)
	}
	return [][]int{lanes}
}

func (a *toyAsm) FoldRows(b *Block, ops []Op, part func(row, i int) []*Value) (z []*Value) {
	n := a.toy.traits.Lanes(4)
	for row := range n {
		var parts [][]*Value
		for i := range 16 / n {
			parts = append(parts, part(row, i))
		}
		for n := len(parts) / 2; n > 0; n /= 2 {
			for i := range n {
				parts[i] = b.MergeRows(ops, parts[i], parts[i+n], func(x, y *Value, high bool) *Value {
					if high {
						return y
					}
					return x
				})
			}
		}
		for i, op := range ops {
			v := b.Append(&Value{Op: toyRowFold, Of: op, Args: []*Value{parts[0][i]}})
			if row == 0 {
				z = append(z, v)
			} else {
				z[i] = b.Append(&Value{Op: toyRowInsert, Imm: row, Args: []*Value{z[i], v}})
			}
		}
	}
	return z
}

func (a *toyAsm) Reloaded(v *Value) *Value {
	if v.Op == OpFMA && !a.toy.traits.MemOperand {
		if z := v.Args[2]; z.Op == OpConst && z != v.Args[0] && z != v.Args[1] {
			return z
		}
	}
	return nil
}

// toyFold folds the upper half of the lanes into the lower until one is left.
func toyFold(op Op, lanes []uint32) uint32 {
	for n := len(lanes) / 2; n > 0; n /= 2 {
		for i := range n {
			lanes[i] = toyCompute(&Value{Op: op}, []uint32{lanes[i], lanes[i+n]})
		}
	}
	return lanes[0]
}

func (a *toyAsm) Lower(al *Alloc, v *Value) {
	switch v.Op {
	case OpLoad, OpSpread, OpTail:
		a.lowerLoad(al, v)
	case OpStore, OpStoreLane:
		a.lowerStore(al, v)
	case OpSet, OpAcc, OpAccFMA:
		a.lowerUpdate(al, v)
	case OpFold:
		var r []V
		for _, x := range v.Args {
			r = append(r, al.Reg(x))
		}
		d := al.Define()
		a.op(func(m *toyMachine) {
			var lanes []uint32
			for _, r := range r {
				lanes = append(lanes, m.v[r]...)
			}
			for _, r := range r {
				clear(m.v[r]) // they are lost
			}
			x := toyFold(v.Of, lanes)
			for i := range m.v[d] {
				m.v[d][i] = x
			}
		})
	case toyRowFold:
		x, d := al.Reg(v.Args[0]), al.Define()
		a.op(func(m *toyMachine) {
			w := toyFold(v.Of, append([]uint32(nil), m.v[x]...))
			for i := range m.v[d] {
				m.v[d][i] = w
			}
		})
	case toyRowInsert:
		d := al.Own(v.Args[0])
		x := al.Reg(v.Args[1])
		al.DefineIn(d)
		a.op(func(m *toyMachine) { m.v[d][v.Imm] = m.v[x][v.Imm] })
	case OpLeave:
		panic("no toy leaves")
	default:
		a.lowerLanes(al, v)
	}
}

// lowerLanes is for what is done lane by lane. Masks are registers of their own on the wide toy. On the
// narrow one an fma overwrites its addend and a selection its mask.
func (a *toyAsm) lowerLanes(al *Alloc, v *Value) {
	masks := a.toy.traits.Masks > 0
	var src []func(m *toyMachine, lane int) uint32
	var d V
	over := -1
	if !masks && v.Op == OpFMA {
		over = 2
	} else if !masks && v.Op == OpSelect {
		over = 0
	}
	if over >= 0 {
		d = al.Own(v.Args[over])
	}
	for i, x := range v.Args {
		switch {
		case i == over:
			src = append(src, func(m *toyMachine, lane int) uint32 { return m.v[d][lane] })
		case masks && i == 0 && (v.Op == OpSelect || v.Op == OpKeep):
			k := al.Mask(x)
			src = append(src, func(m *toyMachine, lane int) uint32 {
				if m.mask[k][lane] {
					return math.MaxUint32
				}
				return 0
			})
		default:
			src = append(src, toyOperand(al.Operand(x)))
		}
	}
	compute := func(m *toyMachine) []uint32 {
		z := make([]uint32, m.lanes())
		for lane := range z {
			var x []uint32
			for _, s := range src {
				x = append(x, s(m, lane))
			}
			z[lane] = toyCompute(v, x)
		}
		return z
	}
	switch v.Op {
	case OpLess, OpLessEqual, OpEqual, OpGreater, OpBitSet:
		if masks {
			k := al.DefineMask()
			a.op(func(m *toyMachine) {
				m.mask[k] = make([]bool, m.lanes())
				for i, w := range compute(m) {
					m.mask[k][i] = w != 0
				}
			})
			return
		}
	}
	if over >= 0 {
		al.DefineIn(d)
	} else {
		d = al.Define()
	}
	a.op(func(m *toyMachine) { copy(m.v[d], compute(m)) })
}

func toyOperand(o Operand) func(m *toyMachine, lane int) uint32 {
	switch o := o.(type) {
	case V:
		return func(m *toyMachine, lane int) uint32 { return m.v[o][lane] }
	case OneWord:
		return func(m *toyMachine, lane int) uint32 { return m.words(Place(o), 1)[0] }
	}
	return func(m *toyMachine, lane int) uint32 { return m.words(o.(Place).Plus(4*lane), 1)[0] }
}

// tailLanes are how many lanes of a copy exist.
func (a *toyAsm) tailLanes(m *toyMachine, v *Value) int {
	if m.gp[toyScratch] != -1 {
		panic("Scratch is overwritten in a tail")
	}
	if a.toy.traits.ShortTails && v.Op != OpTail && v.Short != (m.args["n"] < int64(m.lanes())) {
		panic("a tail of a short row is none, or the other way round")
	}
	if a.toy.traits.GroupTails {
		return min(m.lanes(), max(0, m.rest-v.Copy*m.lanes()))
	}
	return min(m.lanes(), m.rest)
}

func (a *toyAsm) lowerLoad(al *Alloc, v *Value) {
	switch {
	case v.Op == OpTail:
		if a.toy.traits.Masks > 0 {
			return
		}
		d := al.Define()
		a.op(func(m *toyMachine) {
			for i := range m.v[d] {
				m.v[d][i] = 0
				if i < a.tailLanes(m, v) {
					m.v[d][i] = math.MaxUint32
				}
			}
		})
	case v.Op == OpSpread:
		a.Vectors(4).Spread(al.Define(), v.Place)
	case !v.Tail:
		a.Vectors(4).Load(al.Define(), v.Place)
	default:
		d := al.Define()
		a.op(func(m *toyMachine) {
			clear(m.v[d])
			copy(m.v[d], m.words(v.Place, a.tailLanes(m, v)))
		})
	}
}

func (a *toyAsm) lowerStore(al *Alloc, v *Value) {
	x := al.Reg(v.Args[0])
	a.op(func(m *toyMachine) {
		n := m.lanes()
		if v.Op == OpStoreLane {
			n = 1
		} else if v.Tail {
			n = a.tailLanes(m, v)
		}
		copy(m.words(v.Place, n), m.v[x])
	})
}

func (a *toyAsm) lowerUpdate(al *Alloc, v *Value) {
	to := v.Var.Reg
	var src []func(m *toyMachine, lane int) uint32
	for _, x := range v.Args {
		src = append(src, toyOperand(al.Operand(x)))
	}
	a.op(func(m *toyMachine) {
		for lane := range m.v[to] {
			x, old := src[0](m, lane), m.v[to][lane]
			switch v.Op {
			case OpAcc:
				x = toyCompute(&Value{Op: v.Of}, []uint32{x, old})
			case OpAccFMA:
				x = toyCompute(&Value{Op: OpFMA}, []uint32{x, src[1](m, lane), old})
			}
			m.v[to][lane] = x
		}
	})
}
