package kernels

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
)

// The gate kernels all work unit by unit. So each is one entry of a table, with its
// arguments and with the equation of one unit, and every general promise is tested in
// gate_test.go for all of them: accuracy, special values, shapes, strides, places, aliasing,
// nil arguments, panics and allocations. What is particular to a family is in its own file.

// gateKind says what an argument holds, for drawing test values.
type gateKind int

const (
	kindPre   gateKind = iota // pre-activations
	kindSigma                 // activated by σ
	kindTanh                  // activated by tanh
	kindState                 // c, h
	kindGrad
	kindWeight // peepholes
	kindUnread // a column that the kernel must not look at
)

type gateArg struct {
	name string
	cols []gateKind // one per H columns
	ld   int        // index of its row stride, or denseRows
	in   bool       // its values matter
	out  bool       // it is written
	opt  bool       // nil means zeros
	row  bool       // one row for the whole batch
	free bool       // as an output, it may hold denormals
}

const denseRows = -1

type gateKernel[T Float] struct {
	name     string // of the function, with a variant behind a slash
	args     []gateArg
	lds      []string    // names of the row strides
	alias    [][2]string // an output and the input it may be
	backward bool
	call     func(a [][]T, batch, hidden int, ld []int)
	unit     func(x []gateNum) (y []gateNum) // columns of the in arguments -> columns of the out arguments
}

func (k *gateKernel[T]) fn() string { fn, _, _ := strings.Cut(k.name, "/"); return fn }

func (k *gateKernel[T]) arg(name string) int {
	return slices.IndexFunc(k.args, func(a gateArg) bool { return a.name == name })
}

// minLds returns the least row strides.
func (k *gateKernel[T]) minLds(hidden int) []int {
	ld := make([]int, len(k.lds))
	for _, a := range k.args {
		if a.ld != denseRows {
			ld[a.ld] = len(a.cols) * hidden
		}
	}
	return ld
}

// gateKernels returns the table. forEachGate runs f for each entry and element type.
func gateKernels[T Float]() []gateKernel[T] {
	return slices.Concat(rnnKernels[T](), lstmKernels[T](), gruKernels[T]())
}

// forEachGate runs f32 under every instruction set and f64 once, for every kernel.
func forEachGate(t *testing.T, f32 func(*testing.T, *gateKernel[float32]), f64 func(*testing.T, *gateKernel[float64])) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, k := range gateKernels[float32]() {
			t.Run(k.name, func(t *testing.T) { f32(t, &k) })
		}
	})
	for _, k := range gateKernels[float64]() {
		t.Run("float64/"+k.name, func(t *testing.T) { f64(t, &k) })
	}
}

// A gateCall holds the arguments of one call, in the order of the table.
type gateCall[T Float] struct {
	k             *gateKernel[T]
	batch, hidden int
	ld            []int
	a             [][]T // what is passed
	whole         [][]T // the same with a guard before and behind
}

const gateGuardLen = 16

// gateGuard fills what must be neither read nor written: a NaN with a payload of its own.
func gateGuard[T Float]() T {
	var x T
	switch p := any(&x).(type) {
	case *float32:
		*p = math.Float32frombits(0x7fc0dead)
	case *float64:
		*p = math.Float64frombits(0x7ff800000000dead)
	}
	return x
}

func gateBits[T Float](x T) uint64 {
	switch x := any(x).(type) {
	case float32:
		return uint64(math.Float32bits(x))
	case float64:
		return math.Float64bits(x)
	}
	return 0
}

// gateSameBits is equality as the bit contract has it: any NaN equals any NaN.
func gateSameBits[T Float](a, b T) bool { return gateBits(a) == gateBits(b) || a != a && b != b }

// newCall makes the arguments of a call, all filled with gateGuard. Strides are the least
// ones plus extra, and every slice starts offset elements behind its guard.
func (k *gateKernel[T]) newCall(batch, hidden, extra, offset int) *gateCall[T] {
	c := &gateCall[T]{k: k, batch: batch, hidden: hidden, ld: k.minLds(hidden)}
	for i := range c.ld {
		c.ld[i] += extra
	}
	for i := range k.args {
		n := 0
		if rows := c.rows(i); rows > 0 && hidden > 0 {
			n = (rows-1)*c.stride(i) + len(k.args[i].cols)*hidden
		}
		w := slices.Repeat([]T{gateGuard[T]()}, gateGuardLen+offset+n+gateGuardLen)
		c.whole = append(c.whole, w)
		c.a = append(c.a, w[gateGuardLen+offset:][:n:n])
	}
	return c
}

func (c *gateCall[T]) rows(i int) int {
	if c.k.args[i].row {
		return 1
	}
	return c.batch
}

func (c *gateCall[T]) stride(i int) int {
	if a := c.k.args[i]; a.ld != denseRows {
		return c.ld[a.ld]
	}
	return len(c.k.args[i].cols) * c.hidden
}

// at returns the index in argument i of unit j of row b, column block col.
func (c *gateCall[T]) at(i, b, j, col int) int {
	if c.k.args[i].row {
		b = 0
	}
	return b*c.stride(i) + col*c.hidden + j
}

func (c *gateCall[T]) run() { c.k.call(c.a, c.batch, c.hidden, c.ld) }

// fill draws all inputs, from a seed that gives both element types the same values.
func (c *gateCall[T]) fill(seed uint64, draw func(*rand.Rand, gateKind) float32) *gateCall[T] {
	rng := rand.New(rand.NewPCG(seed, 1))
	for i, a := range c.k.args {
		for b := range c.rows(i) {
			for col, kind := range a.cols {
				for j := range c.hidden {
					if a.in && kind != kindUnread {
						c.a[i][c.at(i, b, j, col)] = T(draw(rng, kind))
					}
				}
			}
		}
	}
	return c
}

// inputs returns what the equation of unit j of row b reads.
func (c *gateCall[T]) inputs(b, j int) (x []gateNum) {
	p := gatePrecisionOf[T]()
	for i, a := range c.k.args {
		for col := range a.cols {
			if a.in {
				v := 0.0
				if c.a[i] != nil {
					v = float64(c.a[i][c.at(i, b, j, col)])
				}
				x = append(x, gateNum{v, 0, p})
			}
		}
	}
	return x
}

// checkOracle runs the call and compares every output with the equation.
func (c *gateCall[T]) checkOracle(t *testing.T) (worst float64) {
	t.Helper()
	want := make([][]gateNum, c.batch*c.hidden)
	in := make([][]gateNum, c.batch*c.hidden)
	for u := range want {
		in[u] = c.inputs(u/c.hidden, u%c.hidden)
		want[u] = c.k.unit(in[u])
	}
	c.run()
	for u, want := range want {
		n := 0
		for i, a := range c.k.args {
			if !a.out {
				continue
			}
			for col, kind := range a.cols {
				w := want[n]
				n++
				if kind == kindUnread {
					continue
				}
				got := float64(c.a[i][c.at(i, u/c.hidden, u%c.hidden, col)])
				if !w.holds(got, !c.k.backward) {
					t.Fatalf("%s of unit %d, column block %d = %v, want %v ± %v; inputs %v", a.name, u, col, got, w.v, w.e, in[u])
				}
				if w.p == gateSingle && !a.free && got != 0 && math.Abs(got) < 0x1p-126 {
					t.Fatalf("%s of unit %d, column block %d = %v is a denormal; inputs %v", a.name, u, col, got, in[u])
				}
				if r := math.Abs(got-w.v) / w.e; r > worst && math.Abs(w.v) > 0x1p-40 { // not what a flush may have changed
					worst = r
				}
			}
		}
	}
	return worst
}

// drawGateNormal draws the values that a model in training has, and the ends of their ranges.
func drawGateNormal(rng *rand.Rand, kind gateKind) float32 {
	x := rng.NormFloat64()
	switch kind {
	case kindPre:
		if rng.IntN(8) == 0 {
			x *= 20
		}
		return float32(2 * x)
	case kindSigma:
		return float32(1 / (1 + math.Exp(3*x)))
	case kindTanh:
		return float32(math.Tanh(2 * x))
	case kindGrad:
		return float32(x * math.Exp2(-float64(rng.IntN(80))))
	}
	return float32(x)
}

var (
	gateInf = float32(math.Inf(1))
	gateNaN = float32(math.NaN())
)

// drawGateSpecial mixes in the values at the ends: both zeros, infinities, NaN, denormals, the
// neighbours of the flush limits and of the clamp, very large numbers.
func drawGateSpecial(rng *rand.Rand, kind gateKind) float32 {
	if rng.IntN(2) == 0 {
		return drawGateNormal(rng, kind)
	}
	var table []float32
	switch kind {
	case kindSigma: // σ of the inner form: at least 2^-57.7, at most 1
		return []float32{1, 1 - 0x1p-24, 0.5, 0x1.39p-58, gateNaN}[rng.IntN(5)]
	case kindTanh:
		table = []float32{0, 1, 1 - 0x1p-24, 0x1p-60, 0x1p-149, gateNaN}
	case kindPre:
		table = []float32{0, 39.999, 40, 41, 87, 88, 104, 1e9, math.MaxFloat32, gateInf, gateNaN, 0x1p-60, 0x1p-126, 0x1p-130, 0x1p-149}
	case kindState, kindWeight:
		table = []float32{0, 1, 1e18, 1e30, gateInf, gateNaN, 0x1p-59, 0x1p-60, 0x1.fffffep-61, 0x1p-126, 0x1p-130, 0x1p-149}
	case kindGrad:
		table = []float32{0, 1, 1e18, 1e30, gateInf, gateNaN, 0x1p-69, 0x1p-70, 0x1.fffffep-71, 0x1p-126, 0x1p-130, 0x1p-149}
	}
	x := table[rng.IntN(len(table))]
	if rng.IntN(2) == 0 {
		x = -x
	}
	return x
}

// checkGateGradient compares dx with central differences of f, which depends on x.
func checkGateGradient(t *testing.T, name string, f func() float64, x, dx []float64) {
	t.Helper()
	for i, was := range x {
		const h = 1e-5 // error h² f”'/6 + 1e-16 f/h, about 1e-10
		x[i] = was + h
		up := f()
		x[i] = was - h
		down := f()
		x[i] = was
		if d := (up - down) / (2 * h); math.Abs(d-dx[i]) > 2e-9*(1+math.Abs(d)) {
			t.Fatalf("%s[%d] = %v, finite difference %v", name, i, dx[i], d)
		}
	}
}

// gateRandn returns n normal deviates.
func gateRandn[T Float](rng *rand.Rand, n int) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = T(rng.NormFloat64())
	}
	return x
}

func gateDot(x, y []float64) (s float64) {
	for i := range x {
		s += x[i] * y[i]
	}
	return s
}

// gateDenormal reports whether x is a denormal.
func gateDenormal(x float32) bool { return x != 0 && abs32(x) < 0x1p-126 }
