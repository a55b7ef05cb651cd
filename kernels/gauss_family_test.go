package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
)

// All kernels of this family work row by row. So each is one entry of a table, and what they
// promise alike is tested here for all of them: instruction sets, strides, places, rows on
// their own, NaN, nil and shared arguments, zero sizes, panics and allocations.

// A distArg is an argument [rows, width(n)]; strided ones have a row stride above the width.
type distArg struct {
	name    string
	width   func(n int) int
	strided bool
	out     bool
	add     bool   // added to: input and output
	opt     bool   // may be nil
	alias   string // the input it may be
}

type distKernel[T Float] struct {
	name string
	args []distArg
	// call runs the kernel; extra is what row strides are above the width.
	call func(a [][]T, form ScaleForm, rows, n, extra int)
	form bool // uses form
}

const distK = 3 // components of the mixtures

func distRow(int) int      { return 1 }
func distDims(n int) int   { return n }
func distComps(int) int    { return distK }
func distTable(n int) int  { return distK * n }
func distTheta(n int) int  { return 1 + 6*n }
func distStroke(int) int   { return 3 }
func distTriple(n int) int { return 3 * n }

// distTarget is the target of a row of k classes.
func distTarget(rows, k int) []int32 {
	t := make([]int32, rows)
	for i := range t {
		t[i] = int32((5*i + 2) % k)
	}
	return t
}

func distKernels[T Float]() []distKernel[T] {
	in := func(name string) distArg { return distArg{name: name, width: distDims} }
	par := func(name string) distArg { return distArg{name: name, width: distDims, strided: true} }
	row := func(name string) distArg { return distArg{name: name, width: distRow} }
	out := func(a distArg) distArg { a.out = true; return a }
	opt := func(a distArg) distArg { a.opt = true; return a }
	may := func(a distArg, alias string) distArg { a.alias = alias; return a }
	add := func(a distArg) distArg { a.add = true; return a }
	comps := distArg{name: "logits", width: distComps, strided: true}
	table := func(name string) distArg { return distArg{name: name, width: distTable, strided: true} }
	mixes := func(name string) distArg { return distArg{name: name, width: distTriple, strided: true} }
	theta := func(name string) distArg { return distArg{name: name, width: distTheta, strided: true} }
	stroke := func(name string) distArg { return distArg{name: name, width: distStroke} }
	named := func(a distArg, name string) distArg { a.name = name; return a }
	return []distKernel[T]{
		{"GaussKL", []distArg{out(row("kl")), par("muQ"), par("sQ"), par("muP"), par("sP")},
			func(a [][]T, f ScaleForm, rows, n, x int) { GaussKL(a[0], a[1], a[2], a[3], a[4], f, rows, n, n+x) }, true},
		{"GaussKLStandard", []distArg{out(row("kl")), par("mu"), par("s")},
			func(a [][]T, f ScaleForm, rows, n, x int) { GaussKLStandard(a[0], a[1], a[2], f, rows, n, n+x) }, true},
		{"GaussKLBackward", []distArg{opt(out(row("kl"))), may(out(par("dmuQ")), "muQ"), may(out(par("dsQ")), "sQ"),
			may(out(par("dmuP")), "muP"), may(out(par("dsP")), "sP"), row("dkl"), par("muQ"), par("sQ"), par("muP"), par("sP")},
			func(a [][]T, f ScaleForm, rows, n, x int) {
				GaussKLBackward(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], f, rows, n, n+x)
			}, true},
		{"GaussKLStandardBackward", []distArg{opt(out(row("kl"))), may(out(par("dmu")), "mu"), may(out(par("ds")), "s"),
			row("dkl"), par("mu"), par("s")},
			func(a [][]T, f ScaleForm, rows, n, x int) {
				GaussKLStandardBackward(a[0], a[1], a[2], a[3], a[4], a[5], f, rows, n, n+x)
			}, true},
		{"GaussLogProb", []distArg{out(row("lp")), in("x"), par("mu"), par("s")},
			func(a [][]T, f ScaleForm, rows, n, x int) { GaussLogProb(a[0], a[1], a[2], a[3], f, rows, n, n+x) }, true},
		{"GaussLogProbBackward", []distArg{opt(out(row("lp"))), may(opt(out(in("dx"))), "x"), may(out(par("dmu")), "mu"),
			may(out(par("ds")), "s"), row("dlp"), in("x"), par("mu"), par("s")},
			func(a [][]T, f ScaleForm, rows, n, x int) {
				GaussLogProbBackward(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], f, rows, n, n+x)
			}, true},
		{"GaussSample", []distArg{may(out(in("z")), "eps"), par("mu"), par("s"), in("eps")},
			func(a [][]T, f ScaleForm, rows, n, x int) { GaussSample(a[0], a[1], a[2], a[3], f, rows, n, n+x) }, true},
		{"GaussSampleBackward", []distArg{add(out(par("dmu"))), add(out(par("ds"))), in("dz"), par("s"), in("eps")},
			func(a [][]T, f ScaleForm, rows, n, x int) {
				GaussSampleBackward(a[0], a[1], a[2], a[3], a[4], f, rows, n, n+x)
			}, true},
		{"LatentStep", []distArg{opt(out(in("sigmaQ"))), may(out(in("z")), "eps"), out(row("kl")), par("muQ"), par("sQ"),
			par("muP"), par("sP"), in("eps")},
			func(a [][]T, f ScaleForm, rows, n, x int) {
				LatentStep(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], f, rows, n, n+x)
			}, true},
		{"LatentStepBackward", []distArg{may(out(par("dmuQ")), "muQ"), may(out(par("dsQ")), "sQ"), may(out(par("dmuP")), "muP"),
			may(out(par("dsP")), "sP"), in("dz"), row("dkl"), par("muQ"), par("sQ"), par("muP"), par("sP"), in("eps")},
			func(a [][]T, f ScaleForm, rows, n, x int) {
				LatentStepBackward(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], f, rows, n, n+x)
			}, true},
		{"GMMLogProb", []distArg{out(row("lp")), in("x"), comps, table("mu"), table("s")},
			func(a [][]T, f ScaleForm, rows, n, x int) {
				GMMLogProb(a[0], a[1], a[2], a[3], a[4], f, rows, distK, n, distK+x, distK*n+x)
			}, true},
		{"GMMLogProbBackward", []distArg{opt(out(row("lp"))), opt(out(in("dx"))), out(named(comps, "dlogits")),
			may(out(table("dmu")), "mu"), may(out(table("ds")), "s"), row("dlp"), in("x"), comps, table("mu"), table("s")},
			func(a [][]T, f ScaleForm, rows, n, x int) {
				GMMLogProbBackward(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], f, rows, distK, n, distK+x, distK*n+x)
			}, true},
		{"BivariateMixtureLogProb", []distArg{out(row("lp")), stroke("y"), theta("theta")},
			func(a [][]T, f ScaleForm, rows, n, x int) {
				BivariateMixtureLogProb(a[0], a[1], a[2], f, rows, n, 1+6*n+x)
			}, true},
		{"BivariateMixtureLogProbBackward", []distArg{opt(out(row("lp"))), opt(out(stroke("dy"))), out(theta("dtheta")),
			row("dlp"), stroke("y"), theta("theta")},
			func(a [][]T, f ScaleForm, rows, n, x int) {
				BivariateMixtureLogProbBackward(a[0], a[1], a[2], a[3], a[4], a[5], f, rows, n, 1+6*n+x)
			}, true},
		{"LogisticMixtureLogProb", []distArg{out(row("lp")), in("x"), table("logits"), table("mu"), table("s")},
			func(a [][]T, f ScaleForm, rows, n, x int) {
				LogisticMixtureLogProb(a[0], a[1], a[2], a[3], a[4], f, 256, rows, distK, n, distK*n+x)
			}, true},
		{"LogisticMixtureLogProbBackward", []distArg{opt(out(row("lp"))), out(mixes("dlogits")), may(out(mixes("dmu")), "mu"),
			may(out(mixes("ds")), "s"), row("dlp"), stroke("x"), mixes("logits"), mixes("mu"), mixes("s")},
			func(a [][]T, f ScaleForm, rows, n, x int) {
				LogisticMixtureLogProbBackward(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], f, 1<<16, rows, n, 3, 3*n+x)
			}, true},
		{"BernoulliLogProb", []distArg{out(row("lp")), in("x"), in("logits")},
			func(a [][]T, _ ScaleForm, rows, n, _ int) { BernoulliLogProb(a[0], a[1], a[2], rows, n) }, false},
		{"BernoulliLogProbBackward", []distArg{opt(out(row("lp"))), may(out(in("dlogits")), "logits"), row("dlp"), in("x"), in("logits")},
			func(a [][]T, _ ScaleForm, rows, n, _ int) {
				BernoulliLogProbBackward(a[0], a[1], a[2], a[3], a[4], rows, n)
			}, false},
		{"CategoricalLogProb", []distArg{out(row("lp")), in("logits")},
			func(a [][]T, _ ScaleForm, rows, n, _ int) {
				if n == 0 {
					rows = 0 // no class for a target
				}
				CategoricalLogProb(a[0], distTarget(rows, max(n, 1)), a[1], rows, n)
			}, false},
		{"CategoricalLogProbBackward", []distArg{opt(out(row("lp"))), may(out(in("dlogits")), "logits"), row("dlp"), in("logits")},
			func(a [][]T, _ ScaleForm, rows, n, _ int) {
				if n == 0 {
					rows = 0
				}
				CategoricalLogProbBackward(a[0], a[1], a[2], distTarget(rows, max(n, 1)), a[3], rows, n)
			}, false},
	}
}

// eachDist runs f32 under every instruction set and f64 once, for every kernel and form.
func eachDist(t *testing.T, f32 func(*testing.T, *distKernel[float32], ScaleForm), f64 func(*testing.T, *distKernel[float64], ScaleForm)) {
	asmtest.ForEachISA(t, func(t *testing.T) { eachForm(t, f32) })
	t.Run("float64", func(t *testing.T) { eachForm(t, f64) })
}

func eachForm[T Float](t *testing.T, f func(*testing.T, *distKernel[T], ScaleForm)) {
	for _, k := range distKernels[T]() {
		for _, form := range gaussForms {
			if k.form || form == Sigma {
				t.Run(fmt.Sprintf("%s/form=%v", k.name, form), func(t *testing.T) { f(t, &k, form) })
			}
		}
	}
}

// A distCall is one call with its arguments, all elements outside the rows being guards.
type distCall[T Float] struct {
	k              *distKernel[T]
	form           ScaleForm
	rows, n, extra int
	a, whole       [][]T
}

func distGuard[T Float]() T {
	var x T
	switch p := any(&x).(type) {
	case *float32:
		*p = math.Float32frombits(0x7fc0beef)
	case *float64:
		*p = math.Float64frombits(0x7ff800000000beef)
	}
	return x
}

func distBits[T Float](x T) uint64 {
	if y, ok := any(x).(float32); ok {
		return uint64(math.Float32bits(y))
	}
	return math.Float64bits(float64(x))
}

func sameDist[T Float](a, b T) bool { return distBits(a) == distBits(b) || a != a && b != b }

func (c *distCall[T]) width(i int) int { return c.k.args[i].width(c.n) }
func (c *distCall[T]) ld(i int) int {
	if c.k.args[i].strided {
		return c.width(i) + c.extra
	}
	return c.width(i)
}
func (c *distCall[T]) row(i, r int) []T { return rowAt(c.a[i], r, c.width(i), c.ld(i)) }
func (c *distCall[T]) run()             { c.k.call(c.a, c.form, c.rows, c.n, c.extra) }
func (c *distCall[T]) arg(name string) int {
	return slices.IndexFunc(c.k.args, func(a distArg) bool { return a.name == name })
}

// newDist makes the arguments, the slices starting offset elements behind their guards, and
// draws the inputs. Row r gets the values that seed, r and the name give.
func newDist[T Float](k *distKernel[T], form ScaleForm, rows, n, extra, offset int, seed uint64) *distCall[T] {
	c := &distCall[T]{k: k, form: form, rows: rows, n: n, extra: extra}
	const pad = 8
	for i, arg := range k.args {
		size := 0
		if w := c.width(i); rows > 0 && w > 0 {
			size = (rows-1)*c.ld(i) + w
		}
		whole := slices.Repeat([]T{distGuard[T]()}, pad+offset+size+pad)
		c.whole = append(c.whole, whole)
		c.a = append(c.a, whole[pad+offset:][:size:size])
		if arg.out && !arg.add {
			continue
		}
		for r := range rows {
			c.fill(i, r, seed+uint64(r))
		}
	}
	return c
}

func (c *distCall[T]) fill(i, r int, seed uint64) {
	name := c.k.args[i].name
	rng := rand.New(rand.NewPCG(seed, uint64(len(name))<<8+uint64(name[len(name)-1])))
	for j := range c.row(i, r) {
		v := rng.NormFloat64()
		switch {
		case name[0] == 's', name == "theta" && j > 2*c.n && j <= 4*c.n:
			v = drawScale(rng, c.form, 2)
		case name == "x" && strings.HasPrefix(c.k.name, "Bernoulli"):
			v = float64(rng.IntN(2))
		}
		c.row(i, r)[j] = T(math.Round(v*1024) / 1024) // the same on machines whose math.Exp differs in the last bit
	}
}

// guarded fails if anything outside the rows, or any input, has changed since before.
func (c *distCall[T]) guarded(t *testing.T, before *distCall[T]) {
	t.Helper()
	for i, arg := range c.k.args {
		if arg.out {
			for r := range c.rows {
				if c.a[i] != nil && before.a[i] != nil {
					copy(before.row(i, r), c.row(i, r))
				}
			}
		}
		for j, v := range c.whole[i] {
			if distBits(v) != distBits(before.whole[i][j]) {
				t.Fatalf("%s: element %d of the memory around it changed", arg.name, j)
			}
		}
	}
}

// sameRow fails unless row r of all outputs of c is row s of those of d.
func (c *distCall[T]) sameRow(t *testing.T, r int, d *distCall[T], s int) {
	t.Helper()
	for i, arg := range c.k.args {
		if !arg.out || c.a[i] == nil || d.a[i] == nil {
			continue
		}
		want := d.row(i, s)
		for j, v := range c.row(i, r) {
			if !sameDist(v, want[j]) {
				t.Fatalf("%s[%d,%d] = %v (%x), want %v (%x)", arg.name, r, j, v, distBits(v), want[j], distBits(want[j]))
			}
		}
	}
}

// TestDistShapes: the result of a row depends on nothing but the row: not on the other rows,
// the stride, the place in memory or the instruction set; nothing else is written.
func TestDistShapes(t *testing.T) {
	eachDist(t, testDistShapes[float32], testDistShapes[float64])
}

func testDistShapes[T Float](t *testing.T, k *distKernel[T], form ScaleForm) {
	step, first := 5, int(form) // TestDistISA has all of them
	if testing.Short() {
		step, first = 11, 0
	}
	for n := first; n < 68; n += step {
		rows := []int{3, 1, 3, 8, 0, 2}[n%6]
		if n < 2 {
			rows = 3
		}
		extra, offset, seed := []int{0, 1, 7, n}[n%4], 5*n%16, uint64(n)
		ref := newDist(k, form, rows, n, 0, 0, seed)
		was := asm.Use(asm.Generic)
		ref.run()
		asm.Use(was)
		c, before := newDist(k, form, rows, n, extra, offset, seed), newDist(k, form, rows, n, extra, offset, seed)
		c.run()
		for r := range rows {
			c.sameRow(t, r, ref, r)
		}
		c.guarded(t, before)
		if rows >= 3 && !strings.HasPrefix(k.name, "Categorical") { // their targets go by the row
			one := newDist(k, form, 1, n, 0, 0, seed+2)
			one.run()
			c.sameRow(t, 2, one, 0)
		}
	}
}

// TestDistNaN: a NaN anywhere stays in its row, and reaches the value of the row.
func TestDistNaN(t *testing.T) { eachDist(t, testDistNaN[float32], testDistNaN[float64]) }

func testDistNaN[T Float](t *testing.T, k *distKernel[T], form ScaleForm) {
	const rows, n = 3, 19
	clean := newDist(k, form, rows, n, 2, 0, 1)
	clean.run()
	for i, arg := range k.args {
		if arg.out && !arg.add {
			continue
		}
		c := newDist(k, form, rows, n, 2, 0, 1)
		c.row(i, 1)[c.width(i)/2] = T(math.NaN())
		c.run()
		c.sameRow(t, 0, clean, 0)
		c.sameRow(t, 2, clean, 2)
		nans := 0
		for o, out := range k.args {
			for _, v := range c.row(o, 1) {
				if out.out && v != v {
					nans++
				}
			}
			if (out.name == "kl" || out.name == "lp") && out.out {
				isValue := arg.name != "dkl" && arg.name != "dlp" && arg.name != "eps"
				if v := c.row(o, 1)[0]; isValue != (v != v) {
					t.Errorf("NaN in %s: %s = %v", arg.name, out.name, v)
				}
			}
		}
		unused := k.name == "GaussSampleBackward" && form == Sigma && arg.name == "s" // dsigma/ds = 1
		if nans == 0 && !unused {
			t.Errorf("NaN in %s: lost", arg.name)
		}
	}
}

// TestDistAlias: every allowed pair of shared arguments, against separate ones.
func TestDistAlias(t *testing.T) { eachDist(t, testDistAlias[float32], testDistAlias[float64]) }

func testDistAlias[T Float](t *testing.T, k *distKernel[T], form ScaleForm) {
	const rows, n = 3, 21
	ref := newDist(k, form, rows, n, 5, 0, 2)
	ref.run()
	all := newDist(k, form, rows, n, 5, 0, 2)
	for i, arg := range k.args {
		if arg.alias == "" {
			continue
		}
		c := newDist(k, form, rows, n, 5, 0, 2)
		c.a[i] = c.a[c.arg(arg.alias)]
		c.run()
		for r := range rows {
			c.sameRow(t, r, ref, r)
		}
		all.a[i] = all.a[all.arg(arg.alias)]
	}
	all.run()
	for r := range rows {
		all.sameRow(t, r, ref, r)
	}
}

// TestDistNil: leaving out an optional result changes no other.
func TestDistNil(t *testing.T) { eachDist(t, testDistNil[float32], testDistNil[float64]) }

func testDistNil[T Float](t *testing.T, k *distKernel[T], form ScaleForm) {
	const rows, n = 2, 18
	ref := newDist(k, form, rows, n, 1, 0, 3)
	ref.run()
	without := func(names ...string) {
		c := newDist(k, form, rows, n, 1, 0, 3)
		for _, name := range names {
			c.a[c.arg(name)] = nil
		}
		c.run()
		for r := range rows {
			c.sameRow(t, r, ref, r)
		}
	}
	var opts []string
	for _, arg := range k.args {
		if arg.opt {
			without(arg.name)
			opts = append(opts, arg.name)
		}
	}
	without(opts...)
	if ref.arg("dmuP") >= 0 {
		without("dmuP", "dsP")
	}
}

// TestDistPanics: every argument one element short, every stride one short, negative sizes and
// an unknown form, each with its name, and before anything is written.
func TestDistPanics(t *testing.T) {
	eachForm(t, testDistPanics[float32])
	eachForm(t, testDistPanics[float64])
}

func testDistPanics[T Float](t *testing.T, k *distKernel[T], form ScaleForm) {
	try := func(what, want string, c *distCall[T]) {
		t.Helper()
		before := make([][]T, len(c.whole))
		for i := range c.whole {
			before[i] = slices.Clone(c.whole[i])
		}
		defer func() {
			t.Helper()
			msg, _ := recover().(string)
			if !strings.HasPrefix(msg, "kernels: "+k.name+": ") || !strings.Contains(msg, want) {
				t.Errorf("%s: panic %q, want one about %q", what, msg, want)
			}
			for i := range before {
				for j, v := range before[i] {
					if distBits(v) != distBits(c.whole[i][j]) {
						t.Fatalf("%s: %s was written to", what, k.args[i].name)
					}
				}
			}
		}()
		c.run()
	}
	const rows, n = 3, 4
	for i, arg := range k.args {
		c := newDist(k, form, rows, n, 1, 0, 4)
		c.a[i] = c.a[i][:len(c.a[i])-1]
		try(arg.name+" short", "len("+arg.name+")", c)
		if !arg.opt {
			c = newDist(k, form, rows, n, 1, 0, 4)
			c.a[i] = nil
			try(arg.name+" nil", "", c)
		}
	}
	if k.form {
		c := newDist(k, form, rows, n, 1, 0, 4)
		c.extra = -1
		try("stride", "row stride of ", c)
		c = newDist(k, form, rows, n, 1, 0, 4)
		c.form = 4
		try("form", "form = ScaleForm(4), want Sigma, LogSigma, LogVar or SoftplusSigma", c)
	}
	c := newDist(k, form, rows, n, 1, 0, 4)
	c.n = -1
	try("negative size", "= -1, want at least 0", c)
	if !strings.HasPrefix(k.name, "Categorical") {
		c = newDist(k, form, rows, n, 1, 0, 4)
		c.rows = -2
		try("negative rows", "= -2, want at least 0", c)
	}
}

func TestDistAllocs(t *testing.T) { eachDist(t, testDistAllocs[float32], testDistAllocs[float64]) }

func testDistAllocs[T Float](t *testing.T, k *distKernel[T], form ScaleForm) {
	c := newDist(k, form, 2, 20, 3, 0, 5)
	if got := testing.AllocsPerRun(5, c.run); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

// TestDistGolden pins the bits of the float32 results, so that no compiler, architecture or
// rewrite changes them unseen. Rows of 70 go past four vectors, one of 1100 past the
// renormalisation of the product.
func TestDistGolden(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, k := range distKernels[float32]() {
			sum := uint32(0)
			for _, form := range gaussForms {
				if !k.form && form != Sigma {
					continue
				}
				for _, size := range [][2]int{{9, 70}, {1, 1100}} {
					c := newDist(&k, form, size[0], size[1], 0, 0, 6)
					c.run()
					for i, arg := range k.args {
						if arg.out {
							sum = bitsCRC(sum, c.a[i]...)
						}
					}
				}
			}
			if want := distGolden[k.name]; sum != want {
				t.Errorf("%q: %#08x, want %#08x", k.name, sum, want)
			}
		}
	})
}

var distGolden = map[string]uint32{
	"GaussKL":                         0xdfbcbc3e,
	"GaussKLStandard":                 0x8e7296d1,
	"GaussKLBackward":                 0x3c782513,
	"GaussKLStandardBackward":         0x5a49faa0,
	"GaussLogProb":                    0xe64ec035,
	"GaussLogProbBackward":            0x458056d9,
	"GaussSample":                     0xbb01dcec,
	"GaussSampleBackward":             0x44006eb1,
	"LatentStep":                      0xedc69312,
	"LatentStepBackward":              0xde5504d3,
	"GMMLogProb":                      0x623bb39f,
	"GMMLogProbBackward":              0x329aaf89,
	"BivariateMixtureLogProb":         0xc095dc1f,
	"BivariateMixtureLogProbBackward": 0x39f59b84,
	"LogisticMixtureLogProb":          0xa4758cfe,
	"LogisticMixtureLogProbBackward":  0xd95c5700,
	"BernoulliLogProb":                0x74330ae9,
	"BernoulliLogProbBackward":        0xb7965756,
	"CategoricalLogProb":              0x15adb319,
	"CategoricalLogProbBackward":      0x3cf894a3,
}
