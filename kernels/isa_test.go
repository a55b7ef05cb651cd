package kernels

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
)

// TestISA compares every instruction set with plain Go, bit for bit: all column counts from 0 to
// 67 and long ones, row counts and strides, arrays at the start and at the end of accessible
// memory and 0 to 15 elements from it, slices shared and left out, all kinds of data.
func TestISA(t *testing.T) {
	fences := newFences(t)
	eachForm(t, func(t *testing.T, k *kernel[float32], form ScaleForm) {
		rng := rand.New(rand.NewPCG(uint64(len(k.name)), uint64(form)))
		var cases []*isaCase
		for i, s := range isaShapes(k, rng) {
			s.form, s.gap = form, []int{0, 1, 7}[rng.IntN(3)]
			cases = append(cases, newISACase(k, s, rng, i%3))
		}
		asmtest.ForEachISA(t, func(t *testing.T) {
			if asm.Active() == asm.Generic {
				t.Skip("is the reference")
			}
			for _, c := range cases {
				c.check(t, fences)
			}
		})
	})
}

// isaShapes are rows and columns of the calls for a kernel.
func isaShapes(k *kernel[float32], rng *rand.Rand) (shapes []shape) {
	calls, step, first := 2, 1, 0
	switch {
	case *exhaustive:
		calls = 40
	case testing.Short(): // every number of lanes in a last vector all the same
		calls, step, first = 1, 3, rng.IntN(3)
	}
	for n := first; n < 68; n += step {
		if len(k.forms()) > 1 && n == 34 {
			calls = (calls + 1) / 2
		}
		for range calls {
			shapes = append(shapes, shape{rows: []int{3, 1, 2, 5, 0, 9}[rng.IntN(6)], n: n})
		}
	}
	for i := range 12 { // rows that machine code takes in blocks of up to 16
		shapes = append(shapes, shape{rows: 15 + 5*i, n: []int{1, 5, 17}[i%3]})
	}
	shapes = append(shapes, shape{rows: 150, n: 3}, shape{rows: 1, n: 200})
	if k.slow || testing.Short() {
		return shapes
	}
	for _, n := range []int{1024, 1037, 1040, 2085} { // a lane splits its product every 1024 columns
		shapes = append(shapes, shape{rows: 1, n: n})
	}
	if len(k.forms()) == 1 { // more than one call; those of the others are by rows, as above
		shapes = append(shapes, shape{rows: 1, n: maxTestElems}, shape{rows: maxTestElems / 7, n: 7})
	}
	return shapes
}

// newFences makes memory for the arrays of a call, in three sizes: the smaller, the faster to fill
// and check.
func newFences(t *testing.T) (fences [3][]*asmtest.Fence) {
	for i, n := range []int{1 << 10, 1 << 14, 8 * maxTestElems} {
		for range 11 {
			f := asmtest.NewFence(n)
			t.Cleanup(f.Close)
			fences[i] = append(fences[i], f)
		}
	}
	return fences
}

// fencesFor are the smallest in which the arrays of a call have a place.
func (c *call[T]) fencesFor(fences [3][]*asmtest.Fence) []*asmtest.Fence {
	longest := 0
	for i := range c.a {
		longest = max(longest, c.len(i)+16)
	}
	switch {
	case longest <= 1<<10:
		return fences[0]
	case longest <= 1<<14:
		return fences[1]
	}
	return fences[2]
}

// An isaCase is a call and what plain Go makes of it.
type isaCase struct {
	what     string
	in, want *call[float32]
	to       map[int]int // outputs in the place of an input
	place    int         // of the arrays in their fences: 0 is the end, 1 the start, 2 the end but for a few
	before   []int       // that end
}

func newISACase(k *kernel[float32], s shape, rng *rand.Rand, place int) *isaCase {
	in, what := k.draw(s, rng)
	c := &isaCase{in: in, want: k.layout(s), to: map[int]int{}, place: place,
		what: fmt.Sprintf("%+v, place %d, %s", in.shape, place, what)}
	for _, p := range k.pairs() {
		if rng.IntN(4) == 0 && in.a[p[0]] != nil && in.a[p[1]] != nil && in.ld(p[0]) == in.ld(p[1]) {
			c.to[p[0]] = p[1]
			c.what += ", " + k.arrays[p[0]].name + " is " + k.arrays[p[1]].name
			if k.arrays[p[0]].in {
				copy(in.a[p[0]], in.a[p[1]])
			}
		}
	}
	c.want.left = in.left
	for i, x := range in.a {
		if x != nil {
			c.want.a[i] = slices.Clone(x)
		}
		c.before = append(c.before, rng.IntN(16)) // any offset to the width of a vector
	}
	isa := asm.Use(asm.Generic)
	c.want.run()
	asm.Use(isa)
	for o, i := range c.to {
		in.keep(o, c.want.a[o], in.a[i])
	}
	return c
}

// check makes the call with the instruction set that is in use.
func (c *isaCase) check(t *testing.T, sets [3][]*asmtest.Fence) {
	k, in := c.in.k, c.in
	got := k.layout(in.shape)
	got.left = in.left
	fences := in.fencesFor(sets)
	for i, x := range in.a {
		if x == nil {
			continue
		}
		n := len(x)
		switch c.place {
		case 0:
			got.a[i] = fences[i].Tail(n)
		case 1:
			got.a[i] = fences[i].Head(n)
		default:
			got.a[i] = fences[i].Tail(n + c.before[i])[:n:n]
		}
		copy(got.a[i], x)
	}
	for o, i := range c.to {
		got.a[o] = got.a[i]
	}
	got.run()
	over := map[int]bool{}
	for _, i := range c.to {
		over[i] = true
	}
	for i, x := range in.a {
		if x == nil || over[i] {
			continue
		}
		if k.arrays[i].out {
			x = c.want.a[i]
		}
		asmtest.SameFloats(t, c.what+": "+k.arrays[i].name, got.a[i], x)
		at := i
		if j, shared := c.to[i]; shared {
			at = j
		}
		if j, bad := fences[at].Check(got.a[i]); bad {
			t.Fatalf("%s: %s: wrote at %d", c.what, k.arrays[i].name, j)
		}
	}
}

// keep puts what x has between the rows, and where the kernel does not look, in y.
func (c *call[T]) keep(i int, y, x []T) {
	kinds, ld := c.k.arrays[i].kinds(c.n), c.ld(i)
	for j := range y {
		if col := j % ld; col >= len(kinds) || kinds[col] == kindUnread {
			y[j] = x[j]
		}
	}
}

// draw makes the arrays of a call with random data in all of them, and says what they are: values
// that suit the kinds of columns, special ones among them, or others whatever the columns mean.
func (k *kernel[T]) draw(s shape, rng *rand.Rand) (c *call[T], what string) {
	c = k.layout(s)
	pick := func() int {
		switch {
		case s.n > 1000 && rng.IntN(2) == 0:
			return farDraws[rng.IntN(len(farDraws))]
		case s.rows > 9:
			return tameDraws[rng.IntN(len(tameDraws))]
		}
		return rng.IntN(len(rawDraws))
	}
	raw, huge, bits := pick(), rng.IntN(4) == 0, rng.IntN(3) > 0
	what = rawDraws[raw].name
	var byKind drawFunc
	switch i := rng.IntN(4); {
	case i == 0, i == 1 && s.rows > 9:
		byKind, what = drawUsual, "usual"
	case i == 1:
		byKind, what = drawSpecial, "special"
	}
	for i := range k.arrays {
		a := &k.arrays[i]
		if a.absent {
			continue
		}
		c.a[i] = make([]T, c.len(i))
		one := rawDraws[raw]
		if rng.IntN(3) == 0 { // the arrays differ in kind
			one = rawDraws[pick()]
		}
		kinds, ld := a.kinds(c.n), c.ld(i)
		for j := range c.a[i] {
			v := float32(0)
			switch kind := kinds[min(j%ld, len(kinds)-1)]; {
			case byKind != nil:
				v = byKind(rng, kind, c.shape)
			case kind == kindMean && huge:
				v = float32(rng.IntN(5)-2) * 0x1.fp126
			case kind == kindTarget, kind == kindMask, kind == kindBit && bits:
				v = drawUsual(rng, kind, c.shape)
			default:
				v = one.draw(rng)
			}
			c.a[i][j] = T(v)
		}
	}
	for _, name := range k.cases() {
		if rng.IntN(3) == 0 {
			c.leaveOut(name)
			what += ", no " + name
		}
	}
	return c, what
}
