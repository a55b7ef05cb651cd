package kernels

import (
	"math"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
)

// scalarFuncs is the one table of the one-argument float32 functions: what they compute, in
// float64, for which arguments, and within how many ULP: the largest that a sweep of all of
// them found, rounded up.
var scalarFuncs = []struct {
	name   string
	f      func(float32) float32
	slice  func(dst, x []float32) // the exported function, nil if there is none
	oracle func(float64) float64
	lo, hi float64 // NaN and arguments outside are left out of the bound
	ulp    float64
	drop   uint32 // how many float32 a result may lie below that of the argument before; sweep all to change
}{
	{"exp32", exp32, Exp[float32], math.Exp, math.Inf(-1), math.Inf(1), 0.8914, 1},
	{"log32", log32, Log[float32], math.Log, math.Inf(-1), math.Inf(1), 0.86, 0},
	{"log1pUnit32", log1pUnit32, nil, math.Log1p, 0, 1, 0.9074, 1},
	{"softplus32", softplus32, Softplus[float32], oracleSoftplus, math.Inf(-1), math.Inf(1), 1.6533, 1},
	{"softplusDerivative32", softplusDerivative32, softplusBackwardOfOnes, func(y float64) float64 { return -math.Expm1(-y) }, 0, math.Inf(1), 2.4504, 1},
	{"softplusDerivative32 of softplus32", func(x float32) float32 { return softplusDerivative32(softplus32(x)) }, nil, oracleSigmoid, math.Inf(-1), math.Inf(1), 4.2401, 1},
	{"sigmoid32", sigmoid32, Sigmoid[float32], func(x float64) float64 { return oracleSigmoid(oracleClamp(x, 87)) }, math.Inf(-1), math.Inf(1), 1.961, 1},
	{"tanh32", tanh32, Tanh[float32], math.Tanh, math.Inf(-1), math.Inf(1), 1.3623, 0},
	{"gateSigmoid32", gateSigmoid32, nil, func(x float64) float64 { return oracleSigmoid(oracleClamp(x, 40)) }, math.Inf(-1), math.Inf(1), 2.4808, 1},
	{"gateTanh32", gateTanh32, nil, math.Tanh, math.Inf(-1), math.Inf(1), 2.5326, 2},
	{"sqrt32", sqrt32, Sqrt[float32], math.Sqrt, math.Inf(-1), math.Inf(1), 0.5000001, 0}, // that is, rounded once
	{"sin32", func(u float32) float32 { s, _ := sincos32(u); return s }, nil, oracleSin, 0x1p-25, 1, 0.8714, 0},
	{"cos32", func(u float32) float32 { _, c := sincos32(u); return c }, nil, oracleCos, 0x1p-25, 1, 0.8745, 0},
}

// softplusBackwardOfOnes is SoftplusBackward where dy is 1.
func softplusBackwardOfOnes(dx, y []float32) {
	for i := range dx {
		dx[i] = 1
	}
	SoftplusBackward(dx, dx, y)
}

func oracleSigmoid(x float64) float64  { return 1 / (1 + math.Exp(-x)) }
func oracleSoftplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }
func oracleClamp(x, lim float64) float64 {
	return min(max(x, -lim), lim) // NaN stays
}

// oracleSin is sin(2 pi u), exact at the multiples of 1/4, accurate around them.
func oracleSin(u float64) float64 {
	n := math.RoundToEven(4 * u)
	s, c := math.Sincos(math.Pi / 2 * (4*u - n))
	return [4]float64{s, c, -s, -c}[int(n)&3]
}

func oracleCos(u float64) float64 {
	n := math.RoundToEven(4 * u)
	s, c := math.Sincos(math.Pi / 2 * (4*u - n))
	return [4]float64{c, -s, -c, s}[int(n)&3]
}

// TestScalarAccuracy sweeps the inputs in chunks: the scalar function against the oracle, and
// the exported function, where there is one, against the scalar: on every instruction set
// when exhaustive, else on one after the other.
func TestScalarAccuracy(t *testing.T) {
	asmtest.CheckEnv(t)
	defer asm.Use(asm.Active())
	step := uint64(3067)
	if *exhaustive {
		step = 1
	} else if testing.Short() {
		step = 10211
	}
	var x, want, got [4096]float32
	for _, c := range scalarFuncs {
		t.Run(c.name, func(t *testing.T) {
			worst, at, chunk := 0.0, float32(0), 0
			for i := uint64(0); i < 1<<32; {
				n := 0
				for ; n < len(x) && i < 1<<32; i += step {
					x[n] = math.Float32frombits(uint32(i))
					want[n] = c.f(x[n])
					n++
				}
				for k, v := range x[:n] {
					if float64(v) < c.lo || float64(v) > c.hi {
						continue
					}
					if u := asmtest.ULP(want[k], c.oracle(float64(v))); u > worst {
						worst, at = u, v
					}
				}
				if c.slice == nil {
					continue
				}
				isas := asm.Available()[1:] // generic is a loop over c.f
				if chunk++; !*exhaustive && len(isas) > 0 {
					isas = isas[chunk%len(isas):][:1]
				}
				for _, isa := range isas {
					asm.Use(isa)
					c.slice(got[:n], x[:n])
					for k := range n {
						if !asmtest.SameBits(got[k], want[k]) {
							t.Fatalf("isa=%v: %s(%x) = %x, scalar %x", isa, c.name, x[k], got[k], want[k])
						}
					}
				}
			}
			t.Logf("max %.4f ULP at %v (%x)", worst, at, at)
			if worst > c.ulp {
				t.Errorf("%s(%x) = %x, want %x: %v ULP, bound %v",
					c.name, at, c.f(at), float32(c.oracle(float64(at))), worst, c.ulp)
			}
		})
	}
}

// ordered returns the float32 of place i in ascending order: 0 for 0, -1 for -2^-149.
func ordered(i int64) float32 {
	if i < 0 {
		return -math.Float32frombits(uint32(-i))
	}
	return math.Float32frombits(uint32(i))
}

// TestScalarMonotone walks neighbouring arguments: all of the functions rise.
func TestScalarMonotone(t *testing.T) {
	const inf, run = 0x7f800000, 64
	stride := int64(4093 * run) // a run of neighbours in each stride
	if *exhaustive {
		stride = run
	} else if testing.Short() {
		stride *= 10
	}
	for _, c := range scalarFuncs {
		if c.hi == 1 && c.lo != 0 { // sine and cosine
			continue
		}
		first, last := int64(-inf), int64(inf)
		if c.lo == 0 {
			first = 0
		}
		if c.hi == 1 {
			last = int64(math.Float32bits(1))
		}
		t.Run(c.name, func(t *testing.T) {
			count, worst, at := 0, uint32(0), float32(0)
			for start := first; start < last; start += stride {
				before := c.f(ordered(start))
				for i := start + 1; i <= min(start+run, last); i++ {
					y := c.f(ordered(i))
					if y < before {
						count++
						// Both have the same sign: no function falls through 0.
						if d := math.Float32bits(abs32(y)) - math.Float32bits(abs32(before)); min(d, -d) > worst {
							worst, at = min(d, -d), ordered(i)
						}
					}
					before = y
				}
			}
			t.Logf("falls %d times, at most by %d float32, at %x", count, worst, at)
			if worst > c.drop {
				t.Errorf("%s falls by %d float32 at %x, bound %d", c.name, worst, at, c.drop)
			}
		})
	}
}

func TestScalarSpecial(t *testing.T) {
	inf, nan, neg0 := float32(math.Inf(1)), float32(math.NaN()), float32(math.Copysign(0, -1))
	for _, c := range []struct {
		name    string
		f       func(float32) float32
		x, want float32
	}{
		{"exp32", exp32, 0, 1},
		{"exp32", exp32, neg0, 1},
		{"exp32", exp32, inf, inf},
		{"exp32", exp32, -inf, 0},
		{"exp32", exp32, 0x1.62e42ep6, 0x1.ffff08p127}, // the last finite result
		{"exp32", exp32, 0x1.62e43p6, inf},
		{"exp32", exp32, -0x1.9fe368p6, 0x1p-149}, // the last result above 0
		{"exp32", exp32, -0x1.9fe36ap6, 0},
		{"log32", log32, 1, 0},
		{"log32", log32, 0, -inf},
		{"log32", log32, neg0, -inf},
		{"log32", log32, inf, inf},
		{"log32", log32, -inf, nan},
		{"log32", log32, -1, nan},
		{"log32", log32, -0x1p-149, nan},
		{"log1pUnit32", log1pUnit32, 0, 0},
		{"log1pUnit32", log1pUnit32, 1, math.Ln2},
		{"softplus32", softplus32, inf, inf},
		{"softplus32", softplus32, -inf, 0},
		{"softplus32", softplus32, 0, math.Ln2},
		{"sigmoid32", sigmoid32, 0, 0.5},
		{"sigmoid32", sigmoid32, neg0, 0.5},
		{"sigmoid32", sigmoid32, inf, 1},
		{"sigmoid32", sigmoid32, -inf, sigmoid32(-87)},
		{"gateSigmoid32", gateSigmoid32, 0, 0.5},
		{"gateSigmoid32", gateSigmoid32, inf, 1},
		{"gateSigmoid32", gateSigmoid32, -inf, gateSigmoid32(-40)},
	} {
		if got := c.f(c.x); !asmtest.SameBits(got, c.want) {
			t.Errorf("%s(%x) = %x, want %x", c.name, c.x, got, c.want)
		}
	}
	for _, c := range scalarFuncs {
		for _, b := range []uint32{0x7fc00000, 0xffc00000, 0x7f800001, 0xffffffff} {
			if c.hi != 1 || c.name == "log1pUnit32" {
				if got := c.f(math.Float32frombits(b)); got == got {
					t.Errorf("%s(NaN %#x) = %v, want NaN", c.name, b, got)
				}
			}
		}
	}
	if y := sigmoid32(-inf); y < 0x1p-126 {
		t.Errorf("sigmoid32(-Inf) = %x is denormal", y)
	}
	for _, f := range []func(float32) float32{tanh32, gateTanh32} {
		for _, c := range [][2]float32{{0, 0}, {0x1p-149, 0x1p-149}, {0x1p-130, 0x1p-130}, {0x1p-64, 0x1p-64}, {10, 1}, {inf, 1}} {
			if got := f(c[0]); !asmtest.SameBits(got, c[1]) {
				t.Errorf("tanh(%x) = %x, want %x", c[0], got, c[1])
			}
		}
		for i := uint32(0); i < 0x7f800000; i += 10007 {
			x := math.Float32frombits(i)
			if !asmtest.SameBits(f(-x), -f(x)) {
				t.Fatalf("tanh(%x) = %x, tanh(%x) = %x: not odd", x, f(x), -x, f(-x))
			}
		}
	}
	for _, c := range [][3]float32{{0, 0, 1}, {0.25, 1, neg0}, {0.5, neg0, -1}, {0.75, -1, 0}, {1, 0, 1}} {
		if s, cos := sincos32(c[0]); !asmtest.SameBits(s, c[1]) || !asmtest.SameBits(cos, c[2]) {
			t.Errorf("sincos32(%v) = %v, %v, want %v, %v", c[0], s, cos, c[1], c[2])
		}
	}
}

// sweepFuncs are the functions of one argument.
var sweepFuncs = []struct {
	name string
	f    func(dst, x []float32)
}{
	{"Exp", Exp[float32]}, {"Log", Log[float32]}, {"Tanh", Tanh[float32]},
	{"Sigmoid", Sigmoid[float32]}, {"Softplus", Softplus[float32]}, {"ReLU", ReLU[float32]},
	{"RNNStep", func(dst, x []float32) {
		RNNStep(&Step[float32]{H: dst, Gates: x, Act: RNNTanh, Batch: 1, Ld: len(x)}, len(x))
	}},
	{"GRUBeforeReset", func(dst, x []float32) { // σ of the gates, out of its r columns
		g := make([]float32, 4*len(x))
		copy(g, x)
		GRUBeforeReset(&Step[float32]{Gates: g, Batch: 1, Ld: len(g)}, len(x))
		copy(dst, g)
	}},
}

// TestISAExhaustive compares all instruction sets with -exhaustive over all 2^32 float32, else
// over every 4093rd: TestScalarAccuracy has more of them, with one instruction set for each.
func TestISAExhaustive(t *testing.T) {
	asmtest.CheckEnv(t)
	step := uint64(4093)
	if testing.Short() {
		step = 16381
	}
	if *exhaustive {
		step = 1
	}
	was := asm.Active()
	defer asm.Use(was)
	const block = 1 << 14
	x, want, got := make([]float32, block), make([]float32, block), make([]float32, block)
	for _, c := range sweepFuncs {
		t.Run(c.name, func(t *testing.T) {
			wrong := 0
			for u := uint64(0); u < 1<<32; u += block * step {
				n := 0
				for n < block && u+uint64(n)*step < 1<<32 {
					x[n] = math.Float32frombits(uint32(u + uint64(n)*step))
					n++
				}
				for i, isa := range asm.Available() {
					asm.Use(isa)
					if i == 0 {
						c.f(want[:n], x[:n])
						continue
					}
					c.f(got[:n], x[:n])
					for j, g := range got[:n] {
						if !asmtest.SameBits(g, want[j]) {
							if wrong++; wrong < 5 {
								t.Errorf("isa=%v: %s(%x) = %x, want %x", isa, c.name, x[j], g, want[j])
							}
						}
					}
				}
			}
			t.Logf("%d differences, isa %v, every input of %d", wrong, asm.Available(), step)
		})
	}
}
