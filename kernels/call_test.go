package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
)

// A shape is what a call has beside its arrays: rows, columns, what the row strides are above the
// least, the form of scales.
type shape struct {
	form         ScaleForm
	rows, n, gap int
}

// A call is a kernel with its arguments.
type call[T Float] struct {
	k *kernel[T]
	shape
	a       [][]T          // what is passed
	whole   [][]T          // the same with guards before and behind
	short   string         // a stride that is one too short
	set     map[string]any // other values of parameters
	left    []string       // cases in which arrays are left out
	without string         // a pointer that is nil
}

const guardLen = 16

// guard fills what must be neither read nor written: a NaN with a payload of its own.
func guard[T Float]() T {
	var x T
	switch p := any(&x).(type) {
	case *float32:
		*p = math.Float32frombits(0x7fc0dead)
	case *float64:
		*p = math.Float64frombits(0x7ff800000000dead)
	}
	return x
}

func bitsOf[T Float](x T) uint64 {
	if y, ok := any(x).(float32); ok {
		return uint64(math.Float32bits(y))
	}
	return math.Float64bits(float64(x))
}

// sameBits is equality as the bit contract has it: any NaN equals any NaN.
func sameBits[T Float](a, b T) bool { return bitsOf(a) == bitsOf(b) || a != a && b != b }

// newCall makes the arguments of a call, all elements guards, and every slice offset elements
// behind those before it.
func (k *kernel[T]) newCall(s shape, offset int) *call[T] {
	c := k.layout(s)
	for i := range k.arrays {
		if k.arrays[i].absent {
			continue
		}
		n := c.len(i)
		c.whole[i] = slices.Repeat([]T{guard[T]()}, guardLen+offset+n+guardLen)
		c.a[i] = c.whole[i][guardLen+offset:][:n:n]
	}
	return c
}

// layout is newCall without memory.
func (k *kernel[T]) layout(s shape) *call[T] {
	if !k.hasRows() {
		s.rows = 1
	}
	if s.n == 0 && slices.ContainsFunc(k.arrays, func(a array) bool { return a.blocks != nil && a.blocks[0].kind == kindTarget }) {
		s.rows = 0 // no column for a target
	}
	return &call[T]{k: k, shape: s, a: make([][]T, len(k.arrays)), whole: make([][]T, len(k.arrays))}
}

func (c *call[T]) width(i int) int { return c.k.arrays[i].width(c.n) }

// rowsOf is the number of rows of array i.
func (c *call[T]) rowsOf(i int) int {
	if c.k.arrays[i].one {
		return 1
	}
	return c.rows
}

// ld is the row stride of array i, strideOf the one with the name.
func (c *call[T]) ld(i int) int {
	if name := c.k.arrays[i].stride; name != "" {
		return c.strideOf(name)
	}
	return c.width(i)
}

func (c *call[T]) strideOf(name string) (ld int) {
	for i := range c.k.arrays {
		if c.k.arrays[i].stride == name {
			ld = max(ld, c.width(i))
		}
	}
	if name == c.short {
		return ld - 1
	}
	return ld + c.gap
}

// len is how many elements array i has to have.
func (c *call[T]) len(i int) int {
	rows, width := c.rowsOf(i), c.width(i)
	if rows <= 0 || width == 0 {
		return 0
	}
	return (rows-1)*c.ld(i) + width
}

// row returns row r of array i, nil of one that is left out.
func (c *call[T]) row(i, r int) []T {
	if c.a[i] == nil || r >= c.rowsOf(i) || c.width(i) == 0 {
		return nil
	}
	return c.a[i][r*c.ld(i):][:c.width(i)]
}

// args binds the parameters.
func (c *call[T]) args() []reflect.Value {
	params := c.k.params()
	var args []reflect.Value
	structs := map[string]reflect.Value{} // what pointers point to
	slice := 0
	for _, p := range params {
		if i := strings.LastIndex(p.name, "."); i >= 0 {
			structs[p.name[:i]].FieldByName(p.name[i+1:]).Set(c.arg(p, &slice))
			continue
		}
		arg := reflect.New(p.t).Elem()
		if p.group {
			arg.Set(reflect.New(p.t.Elem()))
			structs[p.name] = arg.Elem()
			if c.without == p.name || c.gone(p.name) {
				arg.SetZero()
			}
		} else {
			arg.Set(c.arg(p, &slice))
		}
		args = append(args, arg)
	}
	if slice < len(c.a) {
		panic(fmt.Sprintf("table: %s: an array without a parameter", c.k.name))
	}
	return args
}

// arg makes the value of a parameter. slice counts those that are slices.
func (c *call[T]) arg(p param, slice *int) reflect.Value {
	v, fixed := c.set[p.name]
	if !fixed {
		v, fixed = c.k.with[p.name]
	}
	switch {
	case p.t.Kind() == reflect.Slice:
		i := *slice
		if p.name != "" {
			i = c.k.array(p.name)
		}
		if i < 0 && p.isField() {
			return reflect.Zero(p.t)
		} else if i < 0 {
			panic(fmt.Sprintf("table: %s: no array for parameter %s", c.k.name, p.name))
		}
		if v = c.a[i]; p.t == reflect.TypeFor[[]int32]() {
			v = int32s(c.a[i])
		}
		*slice++
	case fixed:
	case p.t == reflect.TypeFor[ScaleForm]():
		v = c.form
	case p.t.Kind() == reflect.Int && (p.field() == "rows" || p.field() == "Batch"):
		v = c.rows
	case p.t.Kind() == reflect.Int && p.isStride():
		v = c.strideOf(p.name)
	case p.t.Kind() == reflect.Int:
		v = c.n
	case p.isField():
		return reflect.Zero(p.t)
	default:
		panic(fmt.Sprintf("table: %s: nothing for parameter %s", c.k.name, p.name))
	}
	return reflect.ValueOf(v).Convert(p.t)
}

func int32s[T Float](x []T) []int32 {
	y := make([]int32, len(x))
	for i, v := range x {
		y[i] = int32(v)
	}
	return y
}

// allocs returns how many allocations a call makes. It takes the least of three counts: reflect
// keeps frames of calls in a sync.Pool, and under the race detector a pool drops some at random.
func (c *call[T]) allocs() float64 {
	f, args := reflect.ValueOf(c.k.f), c.args()
	least := math.Inf(1)
	for i := 0; i < 3 && least > 0; i++ {
		least = min(least, testing.AllocsPerRun(5, func() { f.Call(args) }))
	}
	return least
}

func (c *call[T]) run() { reflect.ValueOf(c.k.f).Call(c.args()) }

// fill draws the inputs, from a seed that gives both element types the same values.
func (c *call[T]) fill(seed uint64, draw drawFunc) *call[T] {
	rng := rand.New(rand.NewPCG(seed, 1))
	for i := range c.k.arrays {
		a := &c.k.arrays[i]
		if !a.in {
			continue
		}
		kinds := a.kinds(c.n)
		for r := range c.rowsOf(i) {
			row := c.row(i, r)
			for col := range row {
				if kinds[col] != kindUnread {
					row[col] = T(draw(rng, kinds[col], c.shape))
				}
			}
		}
	}
	return c
}

// withOnes makes masks ones.
func (c *call[T]) withOnes() *call[T] {
	for i := range c.k.arrays {
		if c.k.isMask(i) {
			for at := range c.a[i] {
				c.a[i][at] = 1
			}
		}
	}
	return c
}

// leaveOut leaves out the arrays that are nil in the case.
func (c *call[T]) leaveOut(name string) {
	c.left = append(c.left, name)
	for i, a := range c.k.arrays {
		if slices.Contains(a.nils, name) {
			c.a[i] = nil
		}
	}
}

// gone reports whether all arrays of a struct are left out, and so the pointer to it is nil.
func (c *call[T]) gone(group string) bool {
	for _, name := range c.left {
		some, all := false, true
		for _, a := range c.k.arrays {
			if strings.HasPrefix(a.name, group+".") {
				some, all = true, all && slices.Contains(a.nils, name)
			}
		}
		if some && all {
			return true
		}
	}
	return false
}

// cases are those in which some array is nil.
func (k *kernel[T]) cases() (names []string) {
	for _, a := range k.arrays {
		for _, name := range a.nils {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// pairs are the outputs that may be the same slice as an input.
func (k *kernel[T]) pairs() (p [][2]int) {
	for i, a := range k.arrays {
		for _, name := range a.shares {
			p = append(p, [2]int{i, k.array(name)})
		}
	}
	return p
}

// snapshot copies all memory, for unchanged.
func (c *call[T]) snapshot() (before [][]T) {
	for _, w := range c.whole {
		before = append(before, slices.Clone(w))
	}
	return before
}

// unchanged fails if anything but the rows of the outputs is not what it was. With outputs it
// fails if they are not, too.
func (c *call[T]) unchanged(t *testing.T, before [][]T, outputs bool) {
	t.Helper()
	for i, w := range c.whole {
		a := &c.k.arrays[i]
		if a.out && !outputs && c.a[i] != nil {
			now := &call[T]{k: c.k, shape: c.shape, a: slices.Clone(c.a)}
			now.a[i] = before[i][len(w)-guardLen-c.len(i):]
			kinds := a.kinds(c.n)
			for r := range c.rowsOf(i) {
				was := now.row(i, r)
				for col, v := range c.row(i, r) {
					if kinds[col] != kindUnread {
						was[col] = v
					}
				}
			}
		}
		for at := range w {
			if bitsOf(w[at]) != bitsOf(before[i][at]) {
				t.Fatalf("%+v: wrote %v at %d, outside of what is to be written of %s", c.shape, w[at], at+c.len(i)+guardLen-len(w), a.name)
			}
		}
	}
}

// same fails unless the outputs are those of d.
func (c *call[T]) same(t *testing.T, what string, d *call[T]) {
	t.Helper()
	for r := range max(c.rows, 1) {
		c.sameRow(t, what, r, d, r)
	}
}

// sameRow fails unless row r of the outputs is row s of those of d.
func (c *call[T]) sameRow(t *testing.T, what string, r int, d *call[T], s int) {
	t.Helper()
	for i, a := range c.k.arrays {
		if !a.out {
			continue
		}
		got, want, kinds := c.row(i, r), d.row(i, s), a.kinds(c.n)
		for col := range min(len(got), len(want)) {
			if kinds[col] != kindUnread && !sameBits(got[col], want[col]) {
				t.Fatalf("%s: %+v: %s[%d,%d] = %v (%x), want %v (%x)", what, c.shape, a.name, r, col, got[col], bitsOf(got[col]), want[col], bitsOf(want[col]))
			}
		}
	}
}

// units calls f for every unit of a kernel that works element by element, with the values of the
// columns of its inputs.
func (c *call[T]) units(f func(r, j int, in []gateNum)) {
	p := gatePrecisionOf[T]()
	for r := range c.rows {
		for j := range c.n {
			var x []gateNum
			for i, a := range c.k.arrays {
				for b := range a.blocks {
					if a.in {
						v := 0.0
						if c.a[i] != nil {
							v = float64(c.row(i, min(r, c.rowsOf(i)-1))[b*c.n+j])
						}
						x = append(x, gateNum{v, 0, p})
					}
				}
			}
			f(r, j, x)
		}
	}
}

// checkOracle runs the call and compares every output with the equation of its unit. It returns the
// largest error as a part of its bound.
func (c *call[T]) checkOracle(t *testing.T) (worst float64) {
	t.Helper()
	var inputs, want [][]gateNum
	c.units(func(_, _ int, x []gateNum) {
		inputs, want = append(inputs, x), append(want, c.k.unit(x))
	})
	c.run()
	u := 0
	for r := range c.rows {
		for j := range c.n {
			n := 0
			for i, a := range c.k.arrays {
				for b, block := range a.blocks {
					if !a.out {
						continue
					}
					w := want[u][n]
					n++
					if block.kind == kindUnread {
						continue
					}
					got := float64(c.row(i, r)[b*c.n+j])
					if !w.holds(got, !c.k.backward) {
						t.Fatalf("%s of unit %d, block %d = %v, want %v ± %v; inputs %v", a.name, u, b, got, w.v, w.e, inputs[u])
					}
					if w.p == gateSingle && !a.free && gateDenormal(float32(got)) {
						t.Fatalf("%s of unit %d, block %d = %v is a denormal; inputs %v", a.name, u, b, got, inputs[u])
					}
					if e := math.Abs(got-w.v) / w.e; e > worst && math.Abs(w.v) > 0x1p-40 { // not what a flush may have changed
						worst = e
					}
				}
			}
			u++
		}
	}
	return worst
}

// eachKernel runs f32 under every instruction set and f64 once, for every kernel and form.
func eachKernel(t *testing.T, f32 func(*testing.T, *kernel[float32], ScaleForm), f64 func(*testing.T, *kernel[float64], ScaleForm)) {
	asmtest.ForEachISA(t, func(t *testing.T) { eachForm(t, f32) })
	t.Run("float64", func(t *testing.T) { eachForm(t, f64) })
}

func eachForm[T Float](t *testing.T, f func(*testing.T, *kernel[T], ScaleForm)) {
	for _, k := range table[T]() {
		for _, form := range k.forms() {
			name := k.name
			if len(k.forms()) > 1 {
				name = fmt.Sprintf("%s/form=%v", k.name, form)
			}
			t.Run(name, func(t *testing.T) { f(t, &k, form) })
		}
	}
}
