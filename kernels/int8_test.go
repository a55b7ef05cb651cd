package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/internal/f32"
)

// forEachDot runs f for every instruction set, with the instruction for products of bytes where there is one,
// and without.
func forEachDot(t *testing.T, f func(t *testing.T)) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		was := asm.UseDot(false)
		defer asm.UseDot(was)
		t.Run("dot=off", f)
		if asm.HasDot() {
			if asm.UseDot(true); asm.Dot() {
				t.Run("dot=on", f)
			}
		}
	})
}

// int8Rule is the rule of quantisation in other words.
func int8Rule(x []float32) (q []int, scale float32) {
	q = make([]int, len(x))
	m := float32(0)
	for _, v := range x {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return q, float32(math.NaN())
		}
		m = max(m, float32(math.Abs(float64(v))))
	}
	if m < 0x1p-120 {
		return q, 0
	}
	inv := 127 / m
	for i, v := range x {
		q[i] = int(math.RoundToEven(float64(v) * float64(inv))) // exact in float64
	}
	return q, m / 127
}

// int8Draws are rows for which the rule has something to say.
var int8Draws = []struct {
	name string
	draw func(r *rand.Rand) float32
}{
	{"usual", func(r *rand.Rand) float32 { return float32(r.NormFloat64()) }},
	{"ends", func(r *rand.Rand) float32 { return float32(2*r.IntN(2)-1) * 3 }}, // all ±127
	{"ties", func(r *rand.Rand) float32 { return float32(r.IntN(255)-127) / 254 }},
	{"bits", func(r *rand.Rand) float32 { return float32(r.IntN(2)) }},
	{"small", func(r *rand.Rand) float32 { return float32(r.NormFloat64()) * 0x1p-120 }},
	{"tiny", func(r *rand.Rand) float32 { return math.Float32frombits(r.Uint32N(1 << 24)) }},
	{"large", func(r *rand.Rand) float32 { return float32(r.Float64()) * math.MaxFloat32 }},
	{"any", func(r *rand.Rand) float32 { return math.Float32frombits(r.Uint32()) }},
	{"zeros", func(r *rand.Rand) float32 { return float32(math.Copysign(0, r.Float64()-0.5)) }},
	{"NaN", func(r *rand.Rand) float32 { return sometimes(r, math.Float32frombits(0xff800001+r.Uint32N(1<<20))) }},
	{"Inf", func(r *rand.Rand) float32 { return sometimes(r, float32(math.Inf(r.IntN(2)-1))) }},
}

func sometimes(r *rand.Rand, x float32) float32 {
	if r.IntN(40) == 0 {
		return x
	}
	return float32(r.NormFloat64())
}

// TestInt8Rule: rows are quantised as the comment of Int8Weights says, and no byte is -128.
func TestInt8Rule(t *testing.T) {
	fence := asmtest.NewFence(300 * 5)
	t.Cleanup(fence.Close)
	forEachDot(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 2))
		for _, d := range int8Draws {
			for n := 1; n < 300; n = n*9/8 + 1 {
				const rows = 5
				x := fence.Tail((rows-1)*(n+1) + n)
				if n%2 == 0 {
					x = fence.Head(len(x))
				}
				for i := range x {
					x[i] = d.draw(rng)
				}
				var r int8Rows
				r.quantize(x, rows, n, n+1)
				for i := range rows {
					q, scale := int8Rule(x[i*(n+1):][:n])
					if !sameBits(r.scale[i], scale) {
						t.Fatalf("%s, %d columns: scale %v, want %v", d.name, n, r.scale[i], scale)
					}
					for k, got := range r.q[i*r.stride():][:r.stride()] {
						if r.biased {
							got ^= -128
						}
						want := 0
						if k < n {
							want = q[k]
						}
						if int(got) != want || got == -128 {
							t.Fatalf("%s, %d columns: q[%d] = %d, want %d", d.name, n, k, got, want)
						}
					}
				}
			}
		}
	})
}

// TestInt8Ends: the largest element of a row is ±127, whatever it is. All float32 with -exhaustive.
func TestInt8Ends(t *testing.T) {
	step := uint32(1021)
	if *exhaustive {
		step = 1
	}
	for u := math.Float32bits(f32.Int8Least); u < 0x7f800000; u += step {
		m := math.Float32frombits(u)
		if got := f32.FMA(m, 127/m, f32.Magic); got != f32.Magic+127 {
			t.Fatalf("%v becomes %v, want 127", m, got-f32.Magic)
		}
	}
}

// An int8Case is a product; in gaps of its matrices are guards.
type int8Case struct {
	rows, out, in, gap int
	x, w, c            []float32
}

func newInt8Case(rows, out, in, gap int, rng *rand.Rand) *int8Case {
	k := &int8Case{rows: rows, out: out, in: in, gap: gap}
	draw := func(rows, cols int, draw func(r *rand.Rand) float32) []float32 {
		x := slices.Repeat([]float32{guard[float32]()}, max(0, rows*(cols+gap)-gap))
		for i := range rows {
			if rng.IntN(4) == 0 {
				draw = int8Draws[rng.IntN(len(int8Draws))].draw
			}
			for j := range cols {
				x[i*(cols+gap)+j] = draw(rng)
			}
		}
		return x
	}
	usual := int8Draws[rng.IntN(2)].draw
	k.x, k.w, k.c = draw(rows, in, usual), draw(out, in, usual), draw(rows, out, usual)
	return k
}

// run returns the product.
func (k *int8Case) run(c []float32) []float32 {
	copy(c, k.c)
	var w Int8Weights
	w.Pack(k.w, k.out, k.in, k.in+k.gap)
	GemmInt8(c, k.x, &w, k.rows, k.out+k.gap, k.in+k.gap)
	return c
}

// oracle is the product in other words.
func (k *int8Case) oracle() []float32 {
	c := slices.Clone(k.c)
	for i := range k.rows {
		x, sx := int8Rule(k.x[i*(k.in+k.gap):][:k.in])
		for j := range k.out {
			w, sw := int8Rule(k.w[j*(k.in+k.gap):][:k.in])
			t := 0
			for k := range x {
				t += x[k] * w[k]
			}
			at := &c[i*(k.out+k.gap)+j]
			*at = f32.FMA(float32(float32(t)*sw), sx, *at)
		}
	}
	return c
}

// TestInt8Gemm: plain Go is the oracle, and machine code has its bits, at every size around those of
// groups, panels and tiles, and beyond what one call of machine code gets. Nothing outside of c is written,
// and rows end at unreadable pages.
func TestInt8Gemm(t *testing.T) {
	fences := newFences(t)
	var cases []*int8Case
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 60 {
		in := []int{1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 40, 64, 65, 100}[rng.IntN(16)]
		out := []int{1, 3, 15, 16, 17, 63, 64, 65, 100, 128, 130, 200}[rng.IntN(12)]
		cases = append(cases, newInt8Case(1+i%15, out, in, []int{0, 1, 7}[rng.IntN(3)], rng))
	}
	cases = append(cases, newInt8Case(1, 300, 1100, 0, rng), newInt8Case(3, 70, 3000, 1, rng))
	if !testing.Short() { // several calls
		cases = append(cases, newInt8Case(1, 1200, 1000, 0, rng), newInt8Case(40, 128, 1100, 0, rng), newInt8Case(13, 100, 3000, 0, rng))
	}
	var want [][]float32
	for _, k := range cases {
		want = append(want, k.oracle())
	}
	forEachDot(t, func(t *testing.T) {
		for i, k := range cases {
			fence := fences[min(2, len(k.c)/1000)][0]
			c := fence.Tail(len(k.c))
			if i%2 == 0 {
				c = fence.Head(len(k.c))
			}
			what := fmt.Sprintf("%d rows, %d outputs, %d inputs, gap %d", k.rows, k.out, k.in, k.gap)
			asmtest.SameFloats(t, what, k.run(c), want[i])
			if j, bad := fence.Check(c); bad {
				t.Fatalf("%s: wrote at %d", what, j)
			}
		}
	})
}

// TestInt8Saturation: rows full of the ends of the range reach the largest sums, of either sign.
func TestInt8Saturation(t *testing.T) {
	const out, in = 70, MaxInt8In
	x, w := slices.Repeat([]float32{1}, in), make([]float32, out*in)
	for j := range out {
		for k := range in {
			w[j*in+k] = float32(1 - 2*(j%2))
		}
	}
	var p Int8Weights
	p.Pack(w, out, in, in)
	forEachDot(t, func(t *testing.T) {
		c := make([]float32, out)
		GemmInt8(c, x, &p, 1, out, in)
		for j, y := range c {
			if s := float32(1. / 127); y != float32(float32(127*127*in)*s)*s*float32(1-2*(j%2)) {
				t.Fatalf("c[%d] = %v, want ±%d", j, y, in)
			}
		}
	})
}

func TestInt8GemmAllocs(t *testing.T) {
	const rows, out, in = 5, 70, 33
	k := newInt8Case(rows, out, in, 0, rand.New(rand.NewPCG(5, 6)))
	var w Int8Weights
	w.Pack(k.w, out, in, in)
	forEachDot(t, func(t *testing.T) {
		if n := testing.AllocsPerRun(20, func() { GemmInt8(k.c, k.x, &w, rows, out, in) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

// int8Outputs is how many outputs products have in the table.
const int8Outputs = 3

// int8Memory is that of gemmInt8Of, which must not allocate.
var int8Memory struct {
	p       Int8Weights
	c, x, w []float32
}

// gemmInt8Of is GemmInt8 with weights [int8Outputs, n] that it packs itself.
func gemmInt8Of[T Float](c, x, w []T, rows, ldc, ldx int) {
	m, n := &int8Memory, len(w)/int8Outputs
	m.p.Pack(as32(&m.w, w), int8Outputs, n, n)
	y := as32(&m.c, c)
	GemmInt8(y, as32(&m.x, x), &m.p, rows, ldc, ldx)
	if !is32[T]() {
		for i := range rows { // and nothing in between
			for j := i * ldc; j < i*ldc+int8Outputs && n > 0; j++ {
				c[j] = T(y[j])
			}
		}
	}
}

func gemmInt8WithoutDot[T Float](c, x, w []T, rows, ldc, ldx int) {
	defer asm.UseDot(asm.UseDot(false))
	gemmInt8Of(c, x, w, rows, ldc, ldx)
}

// as32 is x itself, or rounded.
func as32[T Float](memory *[]float32, x []T) []float32 {
	if is32[T]() {
		return f32s(x)
	}
	*memory = (*memory)[:0]
	for _, v := range x {
		*memory = append(*memory, float32(v))
	}
	return *memory
}
