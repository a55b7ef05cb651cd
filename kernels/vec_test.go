package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
)

// vecForward and vecBackward list the exported elementwise functions in both types. fromX
// says that the backward form wants the argument of the forward form, not its output.
var vecForward = []struct {
	name string
	f32  func(dst, x []float32)
	f64  func(dst, x []float64)
	ref  func(float32) float32
	f    func(float64) float64
}{
	{"Exp", Exp[float32], Exp[float64], exp32, math.Exp},
	{"Log", Log[float32], Log[float64], log32, math.Log},
	{"Tanh", Tanh[float32], Tanh[float64], tanh32, math.Tanh},
	{"Sigmoid", Sigmoid[float32], Sigmoid[float64], sigmoid32, oracleSigmoid},
	{"Softplus", Softplus[float32], Softplus[float64], softplus32, oracleSoftplus},
	{"ReLU", ReLU[float32], ReLU[float64], oracleReLU32, func(x float64) float64 { return max(x, 0) }},
	{"Square", Square[float32], Square[float64], func(x float32) float32 { return x * x }, func(x float64) float64 { return x * x }},
	{"Sqrt", Sqrt[float32], Sqrt[float64], func(x float32) float32 { return float32(math.Sqrt(float64(x))) }, math.Sqrt},
}

var vecBackward = []struct {
	name string
	f32  func(dx, dy, y []float32)
	f64  func(dx, dy, y []float64)
	f    func(float64) float64       // forward
	grad func(dy, y float64) float64 // from the output y, as the kernel
	ulp  float64
}{
	// 1 - y^2 is rounded once, to half an ULP, which is at most one ULP of the product; the
	// product adds half.
	{"TanhBackward", TanhBackward[float32], TanhBackward[float64], math.Tanh,
		func(dy, y float64) float64 { return dy * (1 - y*y) }, 1.5},
	{"SigmoidBackward", SigmoidBackward[float32], SigmoidBackward[float64], oracleSigmoid,
		func(dy, y float64) float64 { return dy * (y - y*y) }, 1.5},
	// t = e^y - 1 is within 2 ULP, t + 1 and the quotient add half each, the product too.
	{"SoftplusBackward", SoftplusBackward[float32], SoftplusBackward[float64], oracleSoftplus,
		func(dy, y float64) float64 { return dy * -math.Expm1(-y) }, 3.5},
	{"ReLUBackward", ReLUBackward[float32], ReLUBackward[float64], func(x float64) float64 { return max(x, 0) },
		func(dy, y float64) float64 {
			if y > 0 {
				return dy
			}
			return 0
		}, 0},
}

func oracleReLU32(x float32) float32 {
	if x > 0 || x != x {
		return x
	}
	return 0
}

// vecRandn returns n normal numbers of standard deviation sd.
func vecRandn[T Float](rng *rand.Rand, n int, sd float64) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = T(rng.NormFloat64() * sd)
	}
	return x
}

var vecSpecial = []float32{0, float32(math.Copysign(0, -1)), 1, -1, 0x1p-149, -0x1p-149, 0x1.8p-127, -0x1p-126,
	float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), math.MaxFloat32, -math.MaxFloat32,
	87, -87, 88.8, -88.8, 104, -104, 0.63, -0.63, 40, -40}

// TestVecForward compares with the scalar functions, whose accuracy TestScalarAccuracy shows.
func TestVecForward(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 1))
		for _, c := range vecForward {
			x := vecRandn[float32](rng, 1000, 5)
			for i := range x {
				if rng.IntN(4) == 0 {
					x[i] = vecSpecial[rng.IntN(len(vecSpecial))]
				}
			}
			want, got := make([]float32, len(x)), make([]float32, len(x))
			for i, v := range x {
				want[i] = c.ref(v)
			}
			c.f32(got, x)
			asmtest.SameFloats(t, c.name, got, want)
		}
	})
	for _, c := range vecForward {
		x := make([]float64, len(vecSpecial))
		for i, v := range vecSpecial {
			x[i] = float64(v)
		}
		got := make([]float64, len(x)+1)
		c.f64(got, x)
		for i, v := range x {
			if w := c.f(v); got[i] != w && !(got[i] != got[i] && w != w) && math.Abs(got[i]-w) > 1e-15*math.Abs(w) {
				t.Errorf("%s float64(%v) = %v, want %v", c.name, v, got[i], w)
			}
		}
	}
}

// TestMagnitude compares with float64 within the bounds of the comment, and tests what is beyond them.
func TestMagnitude(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	special := [][3]float32{{0, 0, 0}, {3, -4, 5}, {-5, 12, 13}, {float32(math.Copysign(0, -1)), 0, 0}, {0x1p64, 0, inf}, {0x1p-76, 0x1p-76, 0},
		{-inf, 1, inf}, {1, inf, inf}, {nan, 1, nan}, {inf, nan, nan}}
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 3))
		const n = 2000
		re, im, got, turned := vecRandn[float32](rng, n, 1), vecRandn[float32](rng, n, 1), make([]float32, n), make([]float32, n)
		for i := range re {
			e := rng.IntN(110) - 49
			re[i] = float32(math.Ldexp(float64(re[i]), e))
			im[i] = float32(math.Ldexp(float64(im[i]), e-rng.IntN(30)))
		}
		for i, c := range special {
			re[i], im[i] = c[0], c[1]
		}
		Magnitude(got, re, im)
		Magnitude(turned, im, re)
		asmtest.SameFloats(t, "parts exchanged", turned, got)
		for i, c := range special {
			if !asmtest.SameBits(got[i], c[2]) {
				t.Errorf("Magnitude(%v, %v) = %v, want %v", c[0], c[1], got[i], c[2])
			}
		}
		for i := len(special); i < n; i++ {
			want := math.Hypot(float64(re[i]), float64(im[i]))
			if want < 0x1p-50 || want > 0x1p63 {
				continue
			}
			if u := asmtest.ULP(got[i], want); u > 2 {
				t.Fatalf("Magnitude(%x, %x) = %x, want %x: %v ULP", re[i], im[i], got[i], want, u)
			}
		}
	})
	got := make([]float64, 1)
	if Magnitude(got, []float64{3}, []float64{4}); got[0] != 5 {
		t.Errorf("float64: Magnitude(3, 4) = %v", got[0])
	}
}

// TestLogRare has one special number at each place among numbers of which machine code takes the logarithms
// without looking at each of them, from the smallest to the largest, and works in place.
func TestLogRare(t *testing.T) {
	rare := append([]float32{-0x1p-126, 0x1.fffffcp-127, float32(math.NaN()), -float32(math.NaN())}, vecSpecial...)
	asmtest.ForEachISA(t, func(t *testing.T) {
		x, want := make([]float32, 97), make([]float32, 97)
		for place := range x {
			for _, r := range rare {
				for i := range x {
					x[i] = []float32{0x1p-126, math.MaxFloat32, 1, 0x1.6a09e4p0, 0x1.6a09e6p0, 3}[i%6]
				}
				x[place] = r
				for i, v := range x {
					want[i] = log32(v)
				}
				Log(x, x)
				asmtest.SameFloats(t, fmt.Sprintf("Log with %v at %d", r, place), x, want)
			}
		}
	})
}

func TestVecBackward(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 2))
		for _, c := range vecBackward {
			y, dy := vecRandn[float32](rng, 2000, 5), vecRandn[float32](rng, 2000, 1)
			for i := range y {
				y[i] = float32(c.f(float64(y[i])))
			}
			dx := make([]float32, len(y))
			c.f32(dx, dy, y)
			for i := range dx {
				want := c.grad(float64(dy[i]), float64(y[i]))
				if u := asmtest.ULP(dx[i], want); u > c.ulp {
					t.Fatalf("%s: dx[%d] = %x, want %x for dy %x, y %x: %v ULP", c.name, i, dx[i], want, dy[i], y[i], u)
				}
			}
		}
	})
}

func TestVecBackwardFiniteDifferences(t *testing.T) {
	for _, c := range vecBackward {
		const h = 1e-6
		for _, x := range []float64{-20, -3, -0.7, -1e-3, 1e-3, 0.2, 1, 4, 15} {
			dx := []float64{0}
			c.f64(dx, []float64{1.5}, []float64{c.f(x)})
			want := 1.5 * (c.f(x+h) - c.f(x-h)) / (2 * h)
			if math.Abs(dx[0]-want) > 1e-8 { // rounding: 20 * 2^-53 / h
				t.Errorf("%s at %v: %v, finite difference %v", c.name, x, dx[0], want)
			}
		}
	}
}

func TestVecBackwardSpecial(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		name        string
		f           func(dx, dy, y []float32)
		dy, y, want float32
	}{
		{"TanhBackward", TanhBackward[float32], 2, 1, 0},
		{"TanhBackward", TanhBackward[float32], 2, 0, 2},
		{"TanhBackward", TanhBackward[float32], nan, 0, nan},
		{"TanhBackward", TanhBackward[float32], 1, nan, nan},
		{"TanhBackward", TanhBackward[float32], inf, 0.5, inf},
		{"SigmoidBackward", SigmoidBackward[float32], 2, 1, 0},
		{"SigmoidBackward", SigmoidBackward[float32], 2, 0.5, 0.5},
		{"SigmoidBackward", SigmoidBackward[float32], 1, nan, nan},
		{"SoftplusBackward", SoftplusBackward[float32], 2, 0, 0},
		{"SoftplusBackward", SoftplusBackward[float32], 2, 0x1p-40, 0x1p-39},
		{"SoftplusBackward", SoftplusBackward[float32], 2, inf, 2},
		{"SoftplusBackward", SoftplusBackward[float32], 1, nan, nan},
		{"ReLUBackward", ReLUBackward[float32], 2, 0x1p-149, 2},
		{"ReLUBackward", ReLUBackward[float32], 2, 0, 0},
		{"ReLUBackward", ReLUBackward[float32], nan, -1, 0},
		{"ReLUBackward", ReLUBackward[float32], 3, nan, 3},
	} {
		dx := []float32{7}
		c.f(dx, []float32{c.dy}, []float32{c.y})
		if !asmtest.SameBits(dx[0], c.want) {
			t.Errorf("%s(dy %v, y %v) = %v, want %v", c.name, c.dy, c.y, dx[0], c.want)
		}
	}
}

// panicText returns what f panics with.
func panicText(f func()) (s string) {
	defer func() { s = fmt.Sprint(recover()) }()
	f()
	return
}

// TestVecPanics: what TestPanics does not know to be wrong.
func TestVecPanics(t *testing.T) {
	x3, x4 := make([]float32, 3), make([]float32, 4)
	n := Noise{}
	for _, c := range []struct {
		f    func()
		want string
	}{
		{func() { Softmax(x4, x4, math.MaxInt, math.MaxInt) }, "kernels: Softmax: len(x) = 4, want at least"},
		{func() { Uniforms(x4, n, 0, 1<<32-1, 2, 2) }, "kernels: Uniforms: row + rows = 4294967297, want at most 4294967296"},
		{func() { Normals(x3, n, 0, 0, 0, 1<<26+1) }, "kernels: Normals: cols = 67108865, want at most 67108864"},
		{func() { SGD(x4, x3, nil, &SGDSettings[float32]{LR: 1}) }, "kernels: SGD: len(g) = 3, want at least 4"},
	} {
		if got := panicText(c.f); !strings.HasPrefix(got, c.want) {
			t.Errorf("panic %q, want %q", got, c.want)
		}
	}
	for i, v := range append(x3, x4...) {
		if v != 0 {
			t.Fatalf("something was written before the panic: element %d = %v", i, v)
		}
	}
}

// TestVecAllocs: those that are not in the table allocate nothing either, and take nothing.
func TestVecAllocs(t *testing.T) {
	x, words, perm := make([]float32, 120), make([]uint32, 100), make([]int, 100)
	asmtest.ForEachISA(t, func(t *testing.T) {
		for name, f := range map[string]func(){
			"Uint32s":              func() { Uint32s(words, Noise{}, 1, 2) },
			"Shuffle":              func() { Shuffle(perm, Noise{}, 1, 2) },
			"SumSquares":           func() { SumSquares(x) },
			"SGD without momentum": func() { SGD(x, x, nil, &SGDSettings[float32]{LR: 1e-3}) },
		} {
			if k := testing.AllocsPerRun(5, f); k != 0 {
				t.Errorf("%s: %v allocations", name, k)
			}
		}
	})
	Uint32s(nil, Noise{}, 0, 0)
	Shuffle(nil, Noise{}, 0, 0)
	if SumSquares[float32](nil) != 0 || SumSquares[float64](nil) != 0 {
		t.Error("SumSquares(nil) is not 0")
	}
}
