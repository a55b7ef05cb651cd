package recipe

import (
	"math"
	"slices"

	. "github.com/elbow-go/elbow/asm/_gen/engine"
)

// What the products take of a toy.

func (a *toyAsm) Declare(*Struct) {}

// float is element i of words, and setFloat sets it.
func (v toyVectors) float(w []uint32, i int) float64 {
	if v.elem == 4 {
		return float64(math.Float32frombits(w[i]))
	}
	return math.Float64frombits(uint64(w[2*i]) | uint64(w[2*i+1])<<32)
}

func (v toyVectors) setFloat(w []uint32, i int, x float64) {
	if v.elem == 4 {
		w[i] = math.Float32bits(float32(x))
		return
	}
	b := math.Float64bits(x)
	w[2*i], w[2*i+1] = uint32(b), uint32(b>>32)
}

// each sets the lanes of a register.
func (v toyVectors) each(to V, f func(m *toyMachine, i int) float64) {
	v.op(func(m *toyMachine) {
		for i := range v.Lanes() {
			v.setFloat(m.v[to], i, f(m, i))
		}
	})
}

func (v toyVectors) Zero(to V) { v.each(to, func(*toyMachine, int) float64 { return 0 }) }

func (v toyVectors) Mul(to, x, y V) {
	v.each(to, func(m *toyMachine, i int) float64 { return v.float(m.v[x], i) * v.float(m.v[y], i) })
}

// fma is rounded as often as it happens to be, here and in what a test expects.
func (v toyVectors) fma(x, y, z float64) float64 {
	if v.elem == 4 {
		return float64(toyFMA(float32(x), float32(y), float32(z)))
	}
	return math.FMA(x, y, z)
}

func (v toyVectors) MulAdd(acc, x V, y Operand) {
	from, inMemory := y.(Place)
	if inMemory && !v.toy.traits.MemOperand {
		panic("an operand in memory")
	}
	v.each(acc, func(m *toyMachine, i int) float64 {
		if inMemory {
			return v.fma(v.float(m.v[x], i), v.float(m.words(from, v.bytes/4), i), v.float(m.v[acc], i))
		}
		return v.fma(v.float(m.v[x], i), v.float(m.v[y.(V)], i), v.float(m.v[acc], i))
	})
}

func (v toyVectors) MulAddSpread(acc, x V, y Place, spare V) {
	v.Spread(spare, y)
	v.MulAdd(acc, x, spare)
}

func (v toyVectors) Element(to V, from Place) {
	v.op(func(m *toyMachine) {
		w := append([]uint32(nil), m.words(from, v.elem/4)...)
		clear(m.v[to])
		copy(m.v[to], w)
	})
}

func (v toyVectors) Elements(to V, from Place) { v.Load(to, from) }

func (v toyVectors) MulAddLane(acc, x, y V, lane int) {
	v.each(acc, func(m *toyMachine, i int) float64 {
		return v.fma(v.float(m.v[x], i), v.float(m.v[y], lane), v.float(m.v[acc], i))
	})
}

func (v toyVectors) SumRows(chains int, spare V) {
	v.op(func(m *toyMachine) {
		n := v.Lanes()
		sums := make([]float64, n)
		for r := range chains * n {
			for i := range n {
				sums[r%n] += v.float(m.v[r], i)
			}
		}
		for i := range chains * n {
			v.setFloat(m.v[i], 0, math.NaN())
		}
		m.v[spare][0] = math.MaxUint32
		for i, s := range sums {
			v.setFloat(m.v[0], i, s)
		}
	})
}

// A mask is the number of its lanes, in the frame.
func (v toyVectors) mask(m Mask) Place { return Place{Kind: InFrame, Off: int(m)} }

func (v toyVectors) TailMask(p Place) Mask {
	m := Mask(v.Local(8).Off)
	v.Move(v.mask(m), p)
	v.Move(toyScratch, Num(-99))
	v.Move(toyCount, Num(-99))
	v.Zero(0)
	return m
}

func (v toyVectors) CopyMask(m Mask) Mask {
	to := Mask(v.Local(8).Off)
	v.Move(v.mask(to), v.mask(m))
	return to
}

func (v toyVectors) FillMask(m Mask) { v.Move(v.mask(m), Num(v.Lanes())) }

func (v toyVectors) LoadMasked(to V, from Place, mask Mask) {
	v.op(func(m *toyMachine) {
		clear(m.v[to])
		n := int(m.get(v.mask(mask))) * v.elem / 4
		copy(m.v[to][:n], m.words(from, n))
	})
}

func (v toyVectors) StoreMasked(to Place, x V, mask Mask, spare V) {
	if x == spare {
		panic("x is spare")
	}
	v.op(func(m *toyMachine) {
		m.v[spare][0] = math.MaxUint32
		n := int(m.get(v.mask(mask))) * v.elem / 4
		copy(m.words(to, n), m.v[x])
	})
}

func (v toyVectors) words(to, x V, f func(w uint32) uint32) {
	v.op(func(m *toyMachine) {
		for i := range m.v[to] {
			m.v[to][i] = f(m.v[x][i])
		}
	})
}

func (v toyVectors) OddMask(to V) {
	v.Move(toyScratch, Num(-99))
	v.words(to, to, func(uint32) uint32 { return 0xffff0000 })
}

func (v toyVectors) WidenEven(to, x V) { v.words(to, x, func(w uint32) uint32 { return w << 16 }) }

func (v toyVectors) WidenOdd(to, x, mask V) {
	v.op(func(m *toyMachine) {
		for i := range m.v[to] {
			m.v[to][i] = m.v[x][i] & m.v[mask][i]
		}
	})
}

// A toyTransposer reads element by element.
type toyTransposer struct {
	toyVectors
	full          bool
	row, off, few GP // distance of rows; of this k from the first row; rows in the last group, or as many as are asked for
	last          int
}

func (v toyVectors) Transposer(r *Registers, groups int) Transposer {
	return &toyTransposer{toyVectors: v, row: r.GP("row"), off: r.GP("source"), few: r.GP("few")}
}

func (t *toyTransposer) Distance(p Place) { t.Move(t.row, p) }
func (t *toyTransposer) IsFull() bool     { return t.full }
func (t *toyTransposer) Block() int       { return 16 / t.elem }
func (t *toyTransposer) Advance(k int)    { t.Add(t.off, Num(t.elem*k)) }

func (t *toyTransposer) start(first Place, half bool) {
	if t.bytes = t.toy.traits.VecBytes; half {
		t.bytes /= 2
	}
	t.Move(t.off, first)
}

func (t *toyTransposer) Full(first Place, half bool) {
	t.full = true
	t.start(first, half)
}

func (t *toyTransposer) Few(groups int, first, tail Place) {
	t.full, t.last = false, groups-1
	t.start(first, false)
	t.Move(t.few, tail)
}

func (t *toyTransposer) NextGroup(first Place) {
	t.Multiple(t.row, t.row, t.toy.traits.Lanes(t.elem))
	t.Add(first, t.row)
}

func (t *toyTransposer) read(group, n int) {
	full, last, bytes := t.full, t.last, t.bytes
	t.Move(toyScratch, Num(-99))
	t.op(func(m *toyMachine) {
		for k := range n {
			for i := range bytes / t.elem {
				if !full && group == last {
					i = min(i, int(m.gp[t.few])-1)
				}
				row := int64(group*bytes/t.elem + i)
				w := m.mem[(m.gp[t.off]+row*m.gp[t.row])/4+int64(k*t.elem/4):][:t.elem/4]
				copy(m.v[k][i*t.elem/4:], w)
			}
			if !full && group == last { // what is behind the last row repeats it
				for i := int(m.gp[t.few]); i < bytes/t.elem; i++ {
					t.setFloat(m.v[k], i, t.float(m.v[k], int(m.gp[t.few])-1))
				}
			}
		}
	})
}

func (t *toyTransposer) ReadOne(group int)      { t.read(group, 1) }
func (t *toyTransposer) Read(group, blocks int) { t.read(group, blocks*t.Block()) }

// Turn moves what Read has read already turned over.
func (t *toyTransposer) Turn(i int, spare V) (at []V) {
	first := V(i * t.Block())
	t.Copy(spare, first)
	at = append(at, spare)
	for k := first + 1; k < first+V(t.Block()); k++ {
		at = append(at, k)
	}
	t.Zero(first)
	return slices.Clone(at)
}
