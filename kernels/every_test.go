package kernels

import (
	"fmt"
	"math"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/asm/simd"
)

// TestEveryKernel: no machine code is without a test. The source says which functions call it.
func TestEveryKernel(t *testing.T) {
	reach, err := asmtest.Reach(".", "simd")
	if err != nil {
		t.Fatal(err)
	}
	tested := map[string]bool{}
	for _, k := range table[float32]() {
		for _, name := range reach[k.fn()] {
			tested[name] = true
		}
	}
	for _, name := range simd.Kernels {
		for pattern := range elsewhere {
			if match, _ := path.Match(pattern, name); match {
				tested[name] = true
			}
		}
		if !tested[name] {
			t.Errorf("no row of the table calls simd.%s", name)
		}
	}
}

// TestPlaces: a row, and in a kernel that works element by element a unit, has the bits that it has
// in a dense call of plain Go at another place among others; nothing else is written.
func TestPlaces(t *testing.T) { eachKernel(t, testPlaces[float32], testPlaces[float64]) }

func testPlaces[T Float](t *testing.T, k *kernel[T], form ScaleForm) {
	const poolRows, poolN = 7, 67
	step, first := 1, 0
	if !k.each {
		step, first = 5, int(form) // TestISA has all of them
	}
	if testing.Short() {
		step *= 5
	}
	// A pool has the rows that those of a call are taken from.
	type pool struct{ in, out *call[T] }
	newPool := func(rows, n int) pool {
		s := shape{form, rows, n, 0}
		p := pool{k.newCall(s, 0).fill(3, drawUsual), k.newCall(s, 0).fill(3, drawUsual)}
		was := asm.Use(asm.Generic)
		p.out.run()
		asm.Use(was)
		return p
	}
	all := newPool(poolRows, poolN)
	for n := first; n < 68; n += step {
		for i, rows := range []int{0, 1, 2, 3, 8, 33} {
			if rows == 33 && n%4 != 3 && n != 0 || !k.each && i != []int{3, 1, 3, 4, 0, 2}[n%6] { // for time
				continue
			}
			c := k.newCall(shape{form, rows, n, []int{0, 1, 7}[(n+i)%3]}, (6*n+i)%16)
			p, from := all, func(r int) int { return (r + n) % max(all.in.rows, 1) }
			switch {
			case k.joint:
				p, from = newPool(c.rows, n), func(r int) int { return r }
			case !k.each:
				p = newPool(poolRows, n)
				from = func(r int) int { return (r + n) % max(p.in.rows, 1) }
			}
			// taken returns what row r of array a is in the pool.
			taken := func(pool *call[T], a, r int) []T {
				row := pool.row(a, min(from(r), pool.rowsOf(a)-1))
				if k.each {
					units := make([]T, c.width(a))
					for col := range units {
						units[col] = row[col/n*poolN+(col%n+5*i)%poolN]
					}
					return units
				}
				return row
			}
			for a := range k.arrays {
				for r := range c.rowsOf(a) {
					copy(c.row(a, r), taken(p.in, a, r))
				}
			}
			before := c.snapshot()
			c.run()
			for a := range k.arrays {
				for r := range c.rowsOf(a) {
					got, want := c.row(a, r), taken(p.out, a, r)
					for col, v := range got {
						if !sameBits(v, want[col]) {
							t.Fatalf("%+v: %s[%d,%d] = %v, want %v", c.shape, k.arrays[a].name, r, col, v, want[col])
						}
					}
				}
			}
			c.unchanged(t, before, false)
		}
	}
}

// TestNaN: a NaN stays in its row, in a kernel that works element by element in its unit. In others
// it reaches some result and, if there is one, the value of the row.
func TestNaN(t *testing.T) { eachKernel(t, testNaN[float32], testNaN[float64]) }

func testNaN[T Float](t *testing.T, k *kernel[T], form ScaleForm) {
	if k.joint || !k.hasRows() {
		t.Skip("has no rows on their own")
	}
	s := shape{form, 3, 19, 2}
	clean := k.newCall(s, 0).fill(1, drawUsual).withOnes()
	clean.run()
	for i, arg := range k.arrays {
		c := k.newCall(s, 0).fill(1, drawUsual).withOnes()
		at := c.width(i) / 2
		if !arg.in || arg.one || slices.Contains([]kind{kindTarget, kindMask, kindUnread}, arg.kinds(s.n)[at]) {
			continue
		}
		c.row(i, 1)[at] = T(math.NaN())
		c.run()
		c.sameRow(t, "NaN beside", 0, clean, 0)
		c.sameRow(t, "NaN beside", 2, clean, 2)
		nans := 0
		for o, out := range k.arrays {
			if !out.out {
				continue
			}
			for col, v := range c.row(o, 1) {
				if v != v {
					nans++
				}
				if k.each && col%s.n != at%s.n && !sameBits(v, clean.row(o, 1)[col]) {
					t.Fatalf("NaN in %s[1,%d]: %s[1,%d] = %v, want %v", arg.name, at, out.name, col, v, clean.row(o, 1)[col])
				}
			}
			if slices.Contains([]string{"kl", "lp", "out.KL"}, out.name) {
				isValue := arg.name != "dkl" && arg.name != "dlp" && arg.name != "eps"
				if v := c.row(o, 1)[0]; isValue != (v != v) {
					t.Errorf("NaN in %s: %s = %v", arg.name, out.name, v)
				}
			}
		}
		unused := k.name == "GaussSampleBackward" && form == Sigma && arg.name == "q.S" // dsigma/ds = 1
		if nans == 0 && !unused && !k.each {
			t.Errorf("NaN in %s: lost", arg.name)
		}
	}
}

// TestAlias compares every allowed overlap, alone and together, with separate memory.
func TestAlias(t *testing.T) { eachKernel(t, testAlias[float32], testAlias[float64]) }

func testAlias[T Float](t *testing.T, k *kernel[T], form ScaleForm) {
	pairs := k.pairs()
	sizes := []int{21}
	if k.each {
		sizes = []int{1, 16, 37}
	}
	for set := range 1 << len(pairs) {
		for _, n := range sizes {
			s, to := shape{form, 3, n, 5}, map[int]int{}
			for p, pair := range pairs {
				if set>>p&1 != 0 {
					if _, twice := to[pair[0]]; twice {
						s.rows = -1 // an output can have one place only
					}
					if to[pair[0]] = pair[1]; k.arrays[pair[0]].stride != k.arrays[pair[1]].stride {
						s.gap = 0
					}
				}
			}
			if s.rows < 0 {
				continue
			}
			want, got := k.newCall(s, 0).fill(4, drawUsual), k.newCall(s, 0).fill(4, drawUsual)
			what := "in place"
			for o, i := range to {
				if k.arrays[o].in { // what it keeps is part of the input
					copy(want.a[o], want.a[i])
				}
				got.a[o] = got.a[i]
				what += ", " + k.arrays[o].name + " is " + k.arrays[i].name
			}
			want.run()
			got.run()
			got.same(t, what, want)
		}
	}
}

// TestNil: leaving out a result changes no other; an input that may be left out is zeros.
func TestNil(t *testing.T) { eachKernel(t, testNil[float32], testNil[float64]) }

func testNil[T Float](t *testing.T, k *kernel[T], form ScaleForm) {
	cases := slices.DeleteFunc(k.cases(), func(name string) bool { // those in which the results are others
		return slices.ContainsFunc(k.arrays, func(a array) bool { return slices.Contains(a.nils, name) && a.in && !a.zeros })
	})
	draw := drawUsual
	if k.each {
		draw = drawSpecial
	}
	for set := range 1 << len(cases) {
		s := shape{form, 3, 21, 1}
		want, got := k.newCall(s, 0).fill(5, draw), k.newCall(s, 0).fill(5, draw)
		for i, name := range cases {
			if set>>i&1 != 0 {
				got.leaveOut(name)
			}
		}
		for i := range got.a {
			if got.a[i] == nil && k.arrays[i].zeros {
				clear(want.a[i])
			}
		}
		want.run()
		got.run()
		got.same(t, fmt.Sprintf("%b of %q", set, cases), want)
	}
}

// TestPanics makes every slice and stride one too short, every slice nil that must be there, every
// size negative, and the form unknown: a panic that says so, before anything is written.
func TestPanics(t *testing.T) {
	eachForm(t, testPanics[float32])
	eachForm(t, testPanics[float64])
}

func testPanics[T Float](t *testing.T, k *kernel[T], form ScaleForm) {
	try := func(want string, change func(c *call[T])) {
		t.Helper()
		c := k.newCall(shape{form, 3, 5, 2}, 0).fill(6, drawUsual)
		before := c.snapshot()
		change(c)
		if got := panicText(c.run); !strings.HasPrefix(got, "kernels: "+k.fn()+": ") || !strings.Contains(got, want) {
			t.Errorf("panic %q, want %q", got, want)
		}
		c.unchanged(t, before, true)
	}
	layout := k.layout(shape{form, 3, 5, 2})
	for i, a := range k.arrays {
		n := layout.len(i)
		if a.absent || a.counts || !k.named() {
			continue
		}
		try(fmt.Sprintf("len(%s) = %d, want at least %d", a.name, n-1, n), func(c *call[T]) { c.a[i] = c.a[i][:n-1] })
		if !k.mayBeNil(a) {
			try("", func(c *call[T]) { c.a[i] = nil })
		}
		if a.stride != "" {
			ld := layout.strideOf(a.stride) - layout.gap
			want := fmt.Sprintf(" = %d, want at least %d", ld-1, ld)
			if a.stride == "p.Ld" && k.has("q") {
				want = fmt.Sprintf("p.Ld = %d, want q.Ld = %d", ld-1, layout.strideOf("q.Ld"))
			}
			try(want, func(c *call[T]) { c.short = a.stride })
		}
	}
	for _, p := range k.params() {
		_, fixed := k.with[p.name]
		switch field := p.field(); {
		case p.group && !(&call[T]{k: k, left: k.cases()}).gone(p.name):
			try(p.name+" = nil, want what it points to", func(c *call[T]) { c.without = p.name })
		case field == "rows" || field == "Batch":
			try(" = -1, want at least 0", func(c *call[T]) { c.rows = -1 })
		case !fixed && slices.Contains([]string{"n", "d", "k", "K", "cols", "hidden"}, field):
			try(" = -1, want at least 0", func(c *call[T]) { c.n = -1 })
		case p.name == "p.Form" && k.has("q"): // see below
		case field == "form" || field == "Form":
			try(p.name+" = ScaleForm(4), want Sigma, LogSigma, LogVar, SoftplusSigma or a SoftplusFloor", func(c *call[T]) { c.set = map[string]any{p.name: 4} })
		}
	}
	// Two structs of one type have the same stride and the same form.
	for _, p := range k.params() {
		if p.name == "p.Ld" && k.has("q") {
			ld := layout.strideOf(p.name)
			try(fmt.Sprintf("p.Ld = %d, want q.Ld = %d", ld-1, ld), func(c *call[T]) { c.set = map[string]any{p.name: ld - 1} })
		}
		if p.name == "p.Form" && k.has("q") {
			other := (form + 1) % 4
			try(fmt.Sprintf("p.Form = %v, want q.Form = %v", other, form), func(c *call[T]) { c.set = map[string]any{p.name: other} })
		}
	}
}

// mayBeNil reports whether an array may be nil while all others are there.
func (k *kernel[T]) mayBeNil(a array) bool {
	return k.isMask(k.array(a.name)) || slices.ContainsFunc(a.nils, func(name string) bool {
		return !slices.ContainsFunc(k.arrays, func(b array) bool { return b.name != a.name && slices.Contains(b.nils, name) })
	})
}

// TestZeroSizes: no rows or no columns are legal, with nil for what has no elements.
func TestZeroSizes(t *testing.T) { eachKernel(t, testZeroSizes[float32], testZeroSizes[float64]) }

func testZeroSizes[T Float](t *testing.T, k *kernel[T], form ScaleForm) {
	for _, size := range [][2]int{{0, 0}, {0, 3}, {5, 0}} {
		c := k.newCall(shape{form, size[0], size[1], 7}, 0).fill(7, drawUsual)
		for i, x := range c.a {
			if len(x) == 0 {
				c.a[i] = nil
			}
		}
		before := c.snapshot()
		c.run()
		c.unchanged(t, before, false)
	}
}

func TestAllocs(t *testing.T) { eachKernel(t, testAllocs[float32], testAllocs[float64]) }

func testAllocs[T Float](t *testing.T, k *kernel[T], form ScaleForm) {
	for _, without := range append(k.cases(), "") {
		for _, rows := range []int{20, 3} { // more than a block, and few rows
			if testing.Short() && rows == 3 {
				continue
			}
			c := k.newCall(shape{form, rows, 20, 1}, 0).fill(8, drawUsual)
			c.leaveOut(without)
			if n := c.allocs(); n != 0 {
				t.Errorf("%d rows, without %q: %v allocations, want 0", rows, without, n)
			}
		}
	}
}

// TestGateOracle compares what works element by element with the equation in float64, within the
// errors that its operations may have.
func TestGateOracle(t *testing.T) {
	rows, n := 2, 2000
	if testing.Short() {
		n = 200
	}
	eachKernel(t, testOracle[float32](rows, n, drawUsual), testOracle[float64](rows, n, drawUsual))
}

// TestGateSpecials does it with special values in every combination, NaN and Inf included. No output
// is ever denormal in float32.
func TestGateSpecials(t *testing.T) {
	n := 4000
	if testing.Short() {
		n = 500
	}
	eachKernel(t, testOracle[float32](1, n, drawSpecial), testOracle[float64](1, n, drawSpecial))
}

func testOracle[T Float](rows, n int, draw drawFunc) func(*testing.T, *kernel[T], ScaleForm) {
	return func(t *testing.T, k *kernel[T], _ ScaleForm) {
		if k.unit == nil {
			t.Skip("its accuracy is tested with its family")
		}
		worst := k.newCall(shape{rows: rows, n: n}, 0).fill(1, draw).checkOracle(t)
		if rows > 1 && worst < 0.05 && gatePrecisionOf[T]() == gateSingle && !strings.HasSuffix(k.name, "relu") { // ReLU is exact
			t.Errorf("largest error is %.3f of the bound: the bound is too loose to show anything", worst)
		}
		t.Logf("largest error is %.3f of the bound", worst)
	}
}

// FuzzKernels turns bytes into a kernel, sizes, strides, a place and values, and holds the call to
// its memory, to plain Go and to the oracle.
func FuzzKernels(f *testing.F) {
	ks := table[float32]()
	for i := range ks {
		for _, n := range []uint8{1, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33} {
			f.Add(uint8(i), uint8(3), n, n%3, n%16, uint8(i)+n, uint64(i)<<8|uint64(n), n%2 == 0)
		}
	}
	f.Fuzz(func(t *testing.T, row, rows, n, gap, offset, form uint8, seed uint64, special bool) {
		k, draw := ks[int(row)%len(ks)], drawUsual
		if special {
			draw = drawSpecial
		}
		s := shape{gaussForms[int(form)%len(k.forms())], int(rows % 40), int(n % 80), int(gap % 20)}
		c, want := k.newCall(s, int(offset%16)).fill(seed, draw), k.newCall(s, 0).fill(seed, draw)
		before := c.snapshot()
		if k.unit != nil {
			c.checkOracle(t)
		} else {
			c.run()
		}
		was := asm.Use(asm.Generic)
		want.run()
		asm.Use(was)
		c.same(t, k.name, want)
		c.unchanged(t, before, false)
	})
}
