package recipe

import (
	"fmt"
	"math"
	"slices"

	. "github.com/elbow-go/elbow/asm/_gen/engine"
)

// Operations of the toys alone.
const (
	toyRowFold   = OpOwn + iota // Of, over the lanes, the result in all lanes
	toyRowInsert                // lane Imm of the second, the others of the first
)

// toyCompute is an operation on one lane.
func toyCompute(v *Value, x []uint32) uint32 {
	if z, is := toyFloats(v, x); is {
		return z
	}
	if m, is := toyMasks(v, x); is {
		if m != v.Not {
			return math.MaxUint32
		}
		return 0
	}
	return toyBits(v, x)
}

// toyFMA is rounded twice now and then, which is good enough for toys.
func toyFMA(x, y, z float32) float32 { return float32(float64(x)*float64(y) + float64(z)) }

func toyFloats(v *Value, words []uint32) (z uint32, is bool) {
	var x [3]float32
	for i, w := range words {
		x[i] = math.Float32frombits(w)
	}
	var f float32
	switch v.Op {
	case OpAdd:
		f = x[0] + x[1]
	case OpSub:
		f = x[0] - x[1]
	case OpMul:
		f = x[0] * x[1]
	case OpDiv:
		f = x[0] / x[1]
	case OpSqrt:
		f = float32(math.Sqrt(float64(x[0])))
	case OpFMA:
		if v.NegProduct {
			x[0] = -x[0]
		}
		if v.NegAddend {
			x[2] = -x[2]
		}
		f = toyFMA(x[0], x[1], x[2])
	case OpScale:
		f = float32(math.Ldexp(float64(x[0]), int(x[1])))
	case OpToFloat:
		f = float32(int32(words[0]))
	case OpAtMost, OpAtLeast, OpLarger: // the bits of one of them
		if v.Op == OpAtLeast && x[1] < x[0] || v.Op == OpAtMost && x[1] > x[0] || v.Op == OpLarger && x[0] > x[1] {
			return words[0], true
		}
		return words[1], true
	default:
		return 0, false
	}
	return math.Float32bits(f), true
}

func toyMasks(v *Value, words []uint32) (m, is bool) {
	x := math.Float32frombits(words[0])
	if v.Op == OpBitSet {
		return words[0]>>v.Imm&1 != 0, true
	}
	if len(words) < 2 {
		return false, false
	}
	y := math.Float32frombits(words[1])
	switch v.Op {
	case OpLess:
		return x < y, true
	case OpLessEqual:
		return x <= y, true
	case OpEqual:
		return x == y, true
	case OpGreater:
		return x > y, true
	}
	return false, false
}

func toyBits(v *Value, x []uint32) uint32 {
	switch v.Op {
	case OpSelect:
		return x[0]&x[1] | ^x[0]&x[2]
	case OpKeep, OpAnd:
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
		switch {
		case len(v.Args) == 0:
		case a.toy.traits.Masks > 0:
			k := al.Mask(v.Args[0])
			a.Emit(toyJump{al.Leave(), func(m *toyMachine) bool { return slices.Contains(m.mask[k], true) }})
		default:
			a.JumpAny(al.Reg(v.Args[0]), al.Leave())
		}
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
