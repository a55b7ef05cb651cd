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

// vecGuard is a NaN that no computation makes.
var vecGuard = math.Float32frombits(0x7fc0beef)

// guarded returns a copy of x, shifted by off, inside guards that check looks at.
func guarded(x []float32, off int) (in []float32, check func(t *testing.T)) {
	all := make([]float32, off+len(x)+17)
	for i := range all {
		all[i] = vecGuard
	}
	in = all[off : off+len(x)]
	copy(in, x)
	return in, func(t *testing.T) {
		t.Helper()
		for i, v := range all {
			if (i < off || i >= off+len(x)) && math.Float32bits(v) != math.Float32bits(vecGuard) {
				t.Fatalf("wrote outside the slice, at %d of [0, %d)", i-off, len(x))
			}
		}
	}
}

func TestVecForward(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 1))
		for _, c := range vecForward {
			t.Run(c.name, func(t *testing.T) {
				for n := range 68 {
					x := vecRandn[float32](rng, n, 5)
					for i := range x {
						if rng.IntN(4) == 0 {
							x[i] = vecSpecial[rng.IntN(len(vecSpecial))]
						}
					}
					want := make([]float32, n)
					for i, v := range x {
						want[i] = c.ref(v)
					}
					in, checkIn := guarded(x, n%16)
					dst, checkDst := guarded(make([]float32, n), (n*7)%16)
					c.f32(dst[:n:n], in)
					asmtest.SameFloats(t, fmt.Sprintf("n=%d dst", n), dst, want)
					asmtest.SameFloats(t, fmt.Sprintf("n=%d x", n), in, x)
					c.f32(in, in)
					asmtest.SameFloats(t, fmt.Sprintf("n=%d in place", n), in, want)
					checkIn(t)
					checkDst(t)
				}
			})
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

func TestVecBackward(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 2))
		for _, c := range vecBackward {
			t.Run(c.name, func(t *testing.T) {
				for n := range 68 {
					y, dy := vecRandn[float32](rng, n, 5), vecRandn[float32](rng, n, 1)
					want := make([]float32, n)
					for i := range y {
						y[i] = float32(c.f(float64(y[i])))
						w := c.grad(float64(dy[i]), float64(y[i]))
						want[i] = float32(w)
					}
					yg, checkY := guarded(y, n%16)
					dyg, checkDY := guarded(dy, n%5)
					dx, checkDX := guarded(make([]float32, n), n%11)
					c.f32(dx, dyg, yg)
					for i := range dx {
						if u := asmtest.ULP(dx[i], c.grad(float64(dy[i]), float64(y[i]))); u > c.ulp {
							t.Fatalf("n=%d dx[%d] = %x, want %x for dy %x, y %x: %v ULP", n, i, dx[i], want[i], dy[i], y[i], u)
						}
					}
					asmtest.SameFloats(t, "dy", dyg, dy)
					asmtest.SameFloats(t, "y", yg, y)
					c.f32(dyg, dyg, yg)
					asmtest.SameFloats(t, "dx = dy", dyg, dx)
					copy(dyg, dy)
					c.f32(yg, dyg, yg)
					asmtest.SameFloats(t, "dx = y", yg, dx)
					checkY(t)
					checkDY(t)
					checkDX(t)
				}
			})
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

func TestVecPanics(t *testing.T) {
	x3, x4 := make([]float32, 3), make([]float32, 4)
	n := Noise{}
	for _, c := range []struct {
		f    func()
		want string
	}{
		{func() { Exp(x3, x4) }, "kernels: Exp: len(dst) = 3, want at least 4"},
		{func() { Log(x3, x4) }, "kernels: Log: len(dst) = 3, want at least 4"},
		{func() { Tanh(x3, x4) }, "kernels: Tanh: len(dst) = 3, want at least 4"},
		{func() { Sigmoid(x3, x4) }, "kernels: Sigmoid: len(dst) = 3, want at least 4"},
		{func() { Softplus(x3, x4) }, "kernels: Softplus: len(dst) = 3, want at least 4"},
		{func() { ReLU(x3, x4) }, "kernels: ReLU: len(dst) = 3, want at least 4"},
		{func() { TanhBackward(x3, x4, x4) }, "kernels: TanhBackward: len(dx) = 3, want at least 4"},
		{func() { TanhBackward(x4, x3, x4) }, "kernels: TanhBackward: len(dy) = 3, want at least 4"},
		{func() { SigmoidBackward(x3, x4, x4) }, "kernels: SigmoidBackward: len(dx) = 3, want at least 4"},
		{func() { SigmoidBackward(x4, x3, x4) }, "kernels: SigmoidBackward: len(dy) = 3, want at least 4"},
		{func() { SoftplusBackward(x3, x4, x4) }, "kernels: SoftplusBackward: len(dx) = 3, want at least 4"},
		{func() { SoftplusBackward(x4, x3, x4) }, "kernels: SoftplusBackward: len(dy) = 3, want at least 4"},
		{func() { ReLUBackward(x3, x4, x4) }, "kernels: ReLUBackward: len(dx) = 3, want at least 4"},
		{func() { ReLUBackward(x4, x3, x4) }, "kernels: ReLUBackward: len(dy) = 3, want at least 4"},
		{func() { Softmax(x3, x4, 2, 2) }, "kernels: Softmax: len(dst) = 3, want at least 4"},
		{func() { Softmax(x4, x3, 2, 2) }, "kernels: Softmax: len(x) = 3, want at least 4"},
		{func() { Softmax(x4, x3, -1, 2) }, "kernels: Softmax: rows of x = -1, want at least 0"},
		{func() { Softmax(x4, x3, 1, -2) }, "kernels: Softmax: cols of x = -2, want at least 0"},
		{func() { Softmax(x4, x4, math.MaxInt, math.MaxInt) }, "kernels: Softmax: len(x) = 4, want at least"},
		{func() { SoftmaxBackward(x3, x4, x4, 2, 2) }, "kernels: SoftmaxBackward: len(dx) = 3, want at least 4"},
		{func() { SoftmaxBackward(x4, x3, x4, 2, 2) }, "kernels: SoftmaxBackward: len(dy) = 3, want at least 4"},
		{func() { SoftmaxBackward(x4, x4, x3, 2, 2) }, "kernels: SoftmaxBackward: len(y) = 3, want at least 4"},
		{func() { LogSumExp(x3, x4, 4, 1) }, "kernels: LogSumExp: len(dst) = 3, want at least 4"},
		{func() { LogSumExp(x3, x4, 3, 2) }, "kernels: LogSumExp: len(x) = 4, want at least 6"},
		{func() { SetRows(x4, nil, 2, 2, 3) }, "kernels: SetRows: len(c) = 4, want at least 5"},
		{func() { SetRows(x4, nil, 2, 2, 1) }, "kernels: SetRows: row stride of c = 1, want at least 2"},
		{func() { SetRows(x4, x3, 1, 4, 4) }, "kernels: SetRows: len(bias) = 3, want at least 4"},
		{func() { AddColumnSums(x3, x4, 1, 4, 4) }, "kernels: AddColumnSums: len(dst) = 3, want at least 4"},
		{func() { AddColumnSums(x3, x4, 2, 3, 3) }, "kernels: AddColumnSums: len(x) = 4, want at least 6"},
		{func() { AddColumnProducts(x3, x4, x4, 1, 4, 4, 4) }, "kernels: AddColumnProducts: len(dst) = 3, want at least 4"},
		{func() { AddColumnProducts(x3, x4, x4, 2, 2, 3, 2) }, "kernels: AddColumnProducts: len(a) = 4, want at least 5"},
		{func() { AddColumnProducts(x3, x4, x4, 2, 2, 2, 3) }, "kernels: AddColumnProducts: len(b) = 4, want at least 5"},
		{func() { Axpy(x3, x4, 1) }, "kernels: Axpy: len(dst) = 3, want at least 4"},
		{func() { Scal(x3, x4, 1) }, "kernels: Scal: len(dst) = 3, want at least 4"},
		{func() { Uniforms(x3, n, 0, 0, 2, 2) }, "kernels: Uniforms: len(dst) = 3, want at least 4"},
		{func() { Uniforms(x4, n, 0, 1<<32-1, 2, 2) }, "kernels: Uniforms: row + rows = 4294967297, want at most 4294967296"},
		{func() { Normals(x3, n, 0, 0, 2, 2) }, "kernels: Normals: len(dst) = 3, want at least 4"},
		{func() { Normals(x3, n, 0, 0, -2, 2) }, "kernels: Normals: rows of dst = -2, want at least 0"},
		{func() { Normals(x3, n, 0, 0, 0, 1<<26+1) }, "kernels: Normals: cols = 67108865, want at most 67108864"},
		{func() { Adam(x4, x3, x4, x4, 1, 0.9, 0.99, 1, 1, 1) }, "kernels: Adam: len(g) = 3, want at least 4"},
		{func() { Adam(x4, x4, x3, x4, 1, 0.9, 0.99, 1, 1, 1) }, "kernels: Adam: len(m) = 3, want at least 4"},
		{func() { Adam(x4, x4, x4, x3, 1, 0.9, 0.99, 1, 1, 1) }, "kernels: Adam: len(v) = 3, want at least 4"},
		{func() { SGD(x4, x3, x4, 1, 0.9) }, "kernels: SGD: len(g) = 3, want at least 4"},
		{func() { SGD(x4, x3, nil, 1, 0.9) }, "kernels: SGD: len(g) = 3, want at least 4"},
		{func() { SGD(x4, x4, x3, 1, 0.9) }, "kernels: SGD: len(m) = 3, want at least 4"},
		{func() { Adagrad(x4, x3, x4, 1, 1) }, "kernels: Adagrad: len(g) = 3, want at least 4"},
		{func() { Adagrad(x4, x4, x3, 1, 1) }, "kernels: Adagrad: len(s) = 3, want at least 4"},
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

// TestVecZeroSizes: empty matrices with rows or with strides are legal and touch nothing.
func TestVecZeroSizes(t *testing.T) {
	x := []float32{1, 2, 3}
	for _, size := range [][2]int{{0, 0}, {0, 3}, {5, 0}} {
		rows, cols := size[0], size[1]
		for _, s := range [][]float32{nil, x[:cols]} {
			if len(s) < cols {
				continue
			}
			SetRows(nil, s, rows, cols, 7)
			AddColumnSums(s, nil, rows, cols, 7)
			AddColumnProducts(s, nil, nil, rows, cols, 7, 9)
			Softmax(s, nil, rows, cols)
			SoftmaxBackward(s, nil, nil, rows, cols)
			Uniforms(s, Noise{}, 0, 0, rows, cols)
			Normals(s, Noise{}, 0, 0, rows, cols)
		}
	}
	Exp[float32](nil, nil)
	TanhBackward[float64](nil, nil, nil)
	Axpy(nil, x[:0], 2)
	Scal(nil, x[:0], 2)
	Adam(x[:0], nil, nil, nil, 1, 0.9, 0.9, 1, 1, 1)
	SGD(x[:0], nil, nil, 1, 1)
	Adagrad(x[:0], nil, nil, 1, 1)
	Uint32s(nil, Noise{}, 0, 0)
	Shuffle(nil, Noise{}, 0, 0)
	if SumSquares[float32](nil) != 0 || SumSquares[float64](nil) != 0 {
		t.Error("SumSquares(nil) is not 0")
	}
	if x[0] != 1 || x[1] != 2 || x[2] != 3 {
		t.Errorf("an empty call wrote: %v", x)
	}
}

// TestVecAllocs calls every function of this family through its generic form.
func TestVecAllocs(t *testing.T) {
	asmtest.ForEachISA(t, testVecAllocs[float32])
	testVecAllocs[float64](t)
}

func testVecAllocs[T Float](t *testing.T) {
	a, b, c, d := make([]T, 120), make([]T, 120), make([]T, 120), make([]T, 120)
	words, perm := make([]uint32, 100), make([]int, 100)
	var n Noise
	for name, f := range map[string]func(){
		"Exp": func() { Exp(a, b) }, "Log": func() { Log(a, b) }, "Tanh": func() { Tanh(a, b) },
		"Sigmoid": func() { Sigmoid(a, b) }, "Softplus": func() { Softplus(a, b) }, "ReLU": func() { ReLU(a, b) },
		"TanhBackward": func() { TanhBackward(a, b, c) }, "SigmoidBackward": func() { SigmoidBackward(a, b, c) },
		"SoftplusBackward": func() { SoftplusBackward(a, b, c) }, "ReLUBackward": func() { ReLUBackward(a, b, c) },
		"Softmax": func() { Softmax(a, b, 4, 30) }, "SoftmaxBackward": func() { SoftmaxBackward(a, b, c, 4, 30) },
		"LogSumExp": func() { LogSumExp(a, b, 4, 30) }, "SetRows": func() { SetRows(a, b, 4, 30, 30) },
		"AddColumnSums":     func() { AddColumnSums(a, b, 4, 30, 30) },
		"AddColumnProducts": func() { AddColumnProducts(a, b, c, 4, 30, 30, 30) },
		"Axpy":              func() { Axpy(a, b, 2) }, "Scal": func() { Scal(a, b, 2) },
		"SumSquares": func() { SumSquares(a) }, "Uniforms": func() { Uniforms(a, n, 1, 2, 4, 30) },
		"Normals": func() { Normals(a, n, 1, 2, 4, 30) }, "Uint32s": func() { Uint32s(words, n, 1, 2) },
		"Shuffle": func() { Shuffle(perm, n, 1, 2) },
		"Adam":    func() { Adam(a, b, c, d, 1e-3, 0.9, 0.999, 1e-8, 0.1, 0.001) },
		"SGD":     func() { SGD(a, b, c, 1e-3, 0.9) }, "SGD without momentum": func() { SGD(a, b, nil, 1e-3, 0) },
		"Adagrad": func() { Adagrad(a, b, d, 1e-3, 1e-8) },
	} {
		if k := testing.AllocsPerRun(5, f); k != 0 {
			t.Errorf("%s[%T]: %v allocations", name, a[0], k)
		}
	}
}
