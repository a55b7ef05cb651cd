package kernels

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
)

const u32 = 0x1p-24 // half an ULP of a float32, relative

// near reports whether got is want within bound, or both are NaN or the same infinity.
func near(got float32, want, bound float64) bool {
	g := float64(got)
	return g == want || g != g && want != want || math.Abs(g-want) <= bound
}

// TestAdam takes one step from random states of all magnitudes and compares each of the
// three results with float64, within the roundings that the doc comment lists.
func TestAdam(t *testing.T) {
	forEachDivider(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(8, 1))
		for n := range 68 {
			for _, step := range []float64{1, 2, 1000, 1e9} {
				var lr, beta1, beta2, eps, decay float32 = 1e-3, 0.9, 0.999, 1e-8, 100
				c1 := float32(1 - math.Pow(float64(beta1), step))
				c2 := float32(1 - math.Pow(float64(beta2), step))
				p0, g0 := vecRandn[float32](rng, n, 1), vecRandn[float32](rng, n, 1)
				m0, v0 := vecRandn[float32](rng, n, 1), vecRandn[float32](rng, n, 1)
				for i := range g0 {
					g0[i] *= pow2(int32(rng.IntN(50) - 40))
					m0[i] *= pow2(int32(rng.IntN(50) - 40))
					v0[i] *= v0[i] * pow2(int32(rng.IntN(90)-80))
				}
				p := slices.Clone(p0)
				m := slices.Clone(m0)
				v := slices.Clone(v0)
				Adam(p, g0, &Moments[float32]{m, v}, &AdamSettings[float32]{lr, beta1, beta2, eps, decay, c1, c2, 0})
				b1, b2 := float64(beta1), float64(beta2)
				for i := range n {
					gi := float64(g0[i])
					bg := float64(1-beta1) * gi // 1-beta1 is exact in float32
					wm := b1*float64(m0[i]) + bg
					if !near(m[i], wm, u32*(math.Abs(wm)+math.Abs(bg))*1.01) {
						t.Fatalf("m[%d] = %v, want %v", i, m[i], wm)
					}
					wv := b2*float64(v0[i]) + float64(1-beta2)*gi*gi
					if !near(v[i], wv, u32*2*wv*1.01) {
						t.Fatalf("v[%d] = %v, want %v", i, v[i], wv)
					}
					// From the new m and v on: lr/c1, 1/c2, v*s (the last two halved by the root), root,
					// sum, quotient, each a rounding of the change; lr*decay, keep, keep*p and p.
					d := float64(lr) / float64(c1) * float64(m[i]) / (math.Sqrt(float64(v[i])/float64(c2)) + float64(eps))
					kept := (1 - float64(lr)*float64(decay)) * float64(p0[i])
					wp := kept - d
					if !near(p[i], wp, u32*(math.Abs(wp)+5*math.Abs(d)+2.2*math.Abs(kept))*1.01) {
						t.Fatalf("p[%d] = %v, want %v", i, p[i], wp)
					}
				}
			}
		}
	})
}

// TestAdamScale: a scale is a gradient that was scaled before, with a decay too, and that is what g is then.
func TestAdamScale(t *testing.T) {
	forEachDivider(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(8, 3))
		for _, n := range []int{0, 1, 17, 1024, 2500} {
			for _, decay := range []float32{0, 1} {
				o := AdamSettings[float32]{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Decay: decay, C1: 0.5, C2: 0.25}
				want := [4][]float32{vecRandn[float32](rng, n, 1), vecRandn[float32](rng, n, 1), vecRandn[float32](rng, n, 1), make([]float32, n)}
				var got [4][]float32
				for i := range want {
					got[i] = slices.Clone(want[i])
				}
				Scal(want[1], want[1], 0.3)
				Adam(want[0], want[1], &Moments[float32]{want[2], want[3]}, &o)
				o.Scale = 0.3
				Adam(got[0], got[1], &Moments[float32]{got[2], got[3]}, &o)
				for i, name := range []string{"p", "g", "m", "v"} {
					asmtest.SameFloats(t, name, got[i], want[i])
				}
			}
		}
	})
}

// forEachDivider calls f once per available instruction set, and twice for AVX-512.
func forEachDivider(t *testing.T, f func(t *testing.T)) {
	was := slowDivider
	t.Cleanup(func() { slowDivider = was })
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, slowDivider = range []bool{false, true} {
			if slowDivider || asm.Active() == asm.AVX512 {
				f(t)
			}
		}
	})
}

// TestAdamQuotient lets steps give p = m/eps, for every significand of eps and the m whose
// quotients are nearest to the middle of two numbers: those are what a quotient that is not the
// divider's could round wrongly. With all significands as integers, 2^23 <= M, D < 2^24, the
// quotient is M 2^s / D in units of half an ULP, s = 24 or 25, and near the odd x, a middle, where
// M 2^s = x D + j for a small j. No |j| above 3 can be wrong.
func TestAdamQuotient(t *testing.T) {
	forEachDivider(t, func(t *testing.T) {
		step := uint64(61)
		if asm.Active() == asm.AVX512 && !testing.Short() {
			step = 1
		}
		var p, g, m, v [64]float32
		for D := uint64(1<<24 - 1); D >= 1<<23; D -= step {
			n := 0
			zeros := bits.TrailingZeros64(D)
			odd := D >> zeros
			inverse := odd * (2 - odd*odd) // modulo 2^6, then 2^12, 2^24, 2^48
			for range 3 {
				inverse *= 2 - odd*inverse
			}
			for s := 24; s <= 25; s++ {
				period := uint64(1) << (s - min(zeros, s))
				for j := int64(-4); j <= 4; j++ {
					if zeros > 2 || j == 0 || bits.TrailingZeros64(uint64(j)) != zeros {
						continue // x would be even, or no integer
					}
					x := uint64(-(j>>zeros))*inverse&(period-1) | 1<<24&^(period-1)
					for ; x < 1<<25; x += period {
						if M := (x*D + uint64(j)) >> s; x > 1<<24 && M >= 1<<23 && M < 1<<24 {
							m[n] = float32(M) * 0x1p-23
							n++
						}
					}
				}
			}
			if n > 48 { // the fourth vector of 16 has the divider's quotients
				t.Fatalf("%d cases for %d", n, D)
			}
			d := float32(D) * 0x1p-23
			clear(p[:])
			Adam(p[:], g[:], &Moments[float32]{m[:], v[:]}, &AdamSettings[float32]{LR: -1, Beta1: 1, Beta2: 1, Eps: d, C1: 1, C2: 1})
			for i := range p[:n] {
				if p[i] != m[i]/d {
					t.Fatalf("%x / %x = %x, want %x", m[i], d, p[i], m[i]/d)
				}
			}
		}
	})
}

// TestAdamRange has elements on both sides of the limits within which AVX-512 code divides in
// software, at all places of long arrays: the bits are those of the reference.
func TestAdamRange(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	below := math.Nextafter32(2, 0)
	forEachDivider(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(8, 3))
		for _, eps := range []float32{1e-45, 0x1p-61, 0x1p-60, 1e-8, below, 2, 1e30, inf, nan} {
			for _, n := range []int{64, 640, 4000, 1<<17 + 3} {
				if n > 4000 && eps != 1e-8 {
					continue
				}
				p, g := vecRandn[float32](rng, n, 1), vecRandn[float32](rng, n, 0.1)
				m, v := vecRandn[float32](rng, n, 0.1), vecRandn[float32](rng, n, 0.1)
				for i := range v {
					v[i] *= v[i] * pow2(int32(rng.IntN(60)-60))
					m[i] *= pow2(int32(rng.IntN(50) - 50))
					if i%3 == 0 { // the divisor is eps
						v[i], g[i] = 0, 0
					}
				}
				for range n / 500 {
					at := func() int { return rng.IntN(n) }
					m[at()] = []float32{2, below, -2, -below, inf, -inf, nan, 1e38, 0x1p-100, -0x1p-99}[rng.IntN(10)]
					v[at()] = []float32{4, 3.9999, 1e38, inf, nan, -1, 0, 0x1p-120}[rng.IntN(8)]
					g[at()] = []float32{nan, inf, 1e30, 0, 1e-30}[rng.IntN(5)]
				}
				wp, wm, wv := slices.Clone(p), slices.Clone(m), slices.Clone(v)
				const beta1, beta2 float32 = 0.9, 0.999
				adamGeneric(wp, g, wm, wv, beta1, beta2, 1e-3, eps, 1)
				Adam(p, g, &Moments[float32]{m, v}, &AdamSettings[float32]{LR: 1e-3, Beta1: beta1, Beta2: beta2, Eps: eps, C1: 1, C2: 1})
				asmtest.SameFloats(t, "p", p, wp)
				asmtest.SameFloats(t, "m", m, wm)
				asmtest.SameFloats(t, "v", v, wv)
			}
		}
	})
}

// TestAdamFlush lets the gradient become 0: no denormal may ever be stored, and the
// parameter comes to rest.
func TestAdamFlush(t *testing.T) {
	forEachDivider(t, func(t *testing.T) {
		p, g := []float32{1, -2}, []float32{1e-3, -1e-7}
		m, v := make([]float32, 2), make([]float32, 2)
		normal := func(x float32) bool { return x == 0 || abs32(x) >= 0x1p-126 }
		o := &AdamSettings[float32]{LR: 1e-3, Beta1: 0.9, Beta2: 0.99, Eps: 1e-8, C1: 0.1, C2: 0.01}
		Adam(p, g, &Moments[float32]{m, v}, o)
		clear(g)
		o.C1, o.C2 = 1, 1
		for i := range 10000 {
			Adam(p, g, &Moments[float32]{m, v}, o)
			if !normal(m[0]) || !normal(m[1]) || !normal(v[0]) || !normal(v[1]) {
				t.Fatalf("step %d: denormal state m %v, v %v", i, m, v)
			}
		}
		if m[0] != 0 || v[0] != 0 || m[1] != 0 || v[1] != 0 || !(p[0] < 1 && p[1] > -2) {
			t.Errorf("after 10000 steps without gradient p %v, m %v, v %v", p, m, v)
		}
	})
}

func TestOptimSpecial(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	p, g := []float32{1, 1, 1, 1}, []float32{nan, inf, 1e21, 1}
	m, v := make([]float32, 4), make([]float32, 4)
	Adam(p, g, &Moments[float32]{m, v}, &AdamSettings[float32]{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, C1: 0.1, C2: 0.001})
	if p[0] == p[0] || p[1] == p[1] || p[2] != 1 || !near(p[3], 0.999, 1e-6) || !math.IsInf(float64(v[2]), 1) {
		t.Errorf("Adam with g = %v: p = %v, v = %v", g, p, v)
	}
	p, m = []float32{1, 1, 1, 1}, make([]float32, 4)
	SGD(p, g, m, &SGDSettings[float32]{LR: 1e-3, Momentum: 0.9})
	if p[0] == p[0] || !math.IsInf(float64(p[1]), -1) || !near(p[3], 0.999, 1e-6) {
		t.Errorf("SGD with g = %v: p = %v", g, p)
	}
	p, v = []float32{1, 1, 1, 1}, make([]float32, 4)
	Adagrad(p, g, v, &AdagradSettings[float32]{LR: 1e-3, Eps: 1e-8})
	if p[0] == p[0] || p[1] == p[1] || p[2] != 1 || !near(p[3], 0.999, 1e-6) {
		t.Errorf("Adagrad with g = %v: p = %v", g, p)
	}
	m = []float32{0x1p-100, -0x1p-100}
	SGD(make([]float32, 2), make([]float32, 2), m, &SGDSettings[float32]{LR: 1, Momentum: 0.75})
	if !asmtest.SameBits(m[0], 0) || !asmtest.SameBits(m[1], 0) {
		t.Errorf("SGD keeps the momentum %x", m)
	}
	v = []float32{0, 0, 0x1p-119}
	Adagrad(make([]float32, 3), []float32{0x1p-61, 0x1p-60, 0}, v, &AdagradSettings[float32]{LR: 1, Eps: 1e-8})
	if v[0] != 0 || v[1] != 0x1p-120 || v[2] != 0x1p-119 {
		t.Errorf("Adagrad keeps the sums %x", v)
	}
}

func TestSGDAdagrad(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(8, 2))
		for n := range 68 {
			p0, g := vecRandn[float32](rng, n, 1), vecRandn[float32](rng, n, 1)
			s0 := vecRandn[float32](rng, n, 1)
			const lr, mu, eps float32 = 0.01, 0.9, 1e-8
			plain := slices.Clone(p0)
			p := slices.Clone(p0)
			m := slices.Clone(s0)
			SGD(plain, g, nil, &SGDSettings[float32]{LR: lr})
			SGD(p, g, m, &SGDSettings[float32]{LR: lr, Momentum: mu})
			for i := range n {
				wm := float64(mu)*float64(s0[i]) + float64(g[i])
				if asmtest.ULP(m[i], wm) > 0.5001 || asmtest.ULP(p[i], float64(p0[i])-float64(lr)*float64(m[i])) > 0.5001 ||
					asmtest.ULP(plain[i], float64(p0[i])-float64(lr)*float64(g[i])) > 0.5001 {
					t.Fatalf("SGD n=%d i=%d: m %v, p %v, without momentum %v", n, i, m[i], p[i], plain[i])
				}
			}
			for i := range s0 {
				s0[i] *= s0[i]
			}
			p = slices.Clone(p0)
			s := slices.Clone(s0)
			Adagrad(p, g, s, &AdagradSettings[float32]{LR: lr, Eps: eps})
			for i := range n {
				ws := float64(s0[i]) + float64(g[i])*float64(g[i])
				d := float64(lr) * float64(g[i]) / (math.Sqrt(float64(s[i])) + float64(eps))
				wp := float64(p0[i]) - d
				if asmtest.ULP(s[i], ws) > 0.5001 || !near(p[i], wp, u32*(math.Abs(wp)+3*math.Abs(d))*1.01) {
					t.Fatalf("Adagrad n=%d i=%d: s %v, want %v, p %v, want %v", n, i, s[i], ws, p[i], wp)
				}
			}
		}
	})
}

// TestOptimFloat64 runs both types side by side down an ill-conditioned bowl: they stay
// together and arrive.
func TestOptimFloat64(t *testing.T) {
	curve := []float64{1, 10, 100, 0.1}
	for _, c := range []struct {
		name string
		f32  func(p, g, m, v []float32, step int)
		f64  func(p, g, m, v []float64, step int)
	}{
		{"Adam", adamStep[float32], adamStep[float64]},
		{"SGD", sgdStep[float32], sgdStep[float64]},
		{"Adagrad", adagradStep[float32], adagradStep[float64]},
	} {
		p, p32 := []float64{1, 1, 1, 1}, []float32{1, 1, 1, 1}
		g, m, v := make([]float64, 4), make([]float64, 4), make([]float64, 4)
		g32, m32, v32 := make([]float32, 4), make([]float32, 4), make([]float32, 4)
		for step := 1; step <= 3000; step++ {
			for i, a := range curve {
				g[i] = a * (p[i] - 0.25)
				g32[i] = float32(a) * (p32[i] - 0.25)
			}
			c.f64(p, g, m, v, step)
			c.f32(p32, g32, m32, v32, step)
			if step == 10 {
				for i := range p {
					if math.Abs(p[i]-float64(p32[i])) > 2e-5 {
						t.Errorf("%s: after 10 steps p[%d] = %v, float32 %v", c.name, i, p[i], p32[i])
					}
				}
			}
		}
		for i := range p {
			if math.Abs(p[i]-0.25) > 0.01 || math.Abs(float64(p32[i])-0.25) > 0.01 {
				t.Errorf("%s: p[%d] = %v, float32 %v, want 0.25", c.name, i, p[i], p32[i])
			}
		}
	}
}

func adamStep[T Float](p, g, m, v []T, step int) {
	Adam(p, g, &Moments[T]{m, v}, &AdamSettings[T]{LR: 0.01, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8,
		C1: T(1 - math.Pow(0.9, float64(step))), C2: T(1 - math.Pow(0.999, float64(step)))})
}

func sgdStep[T Float](p, g, m, _ []T, _ int) { SGD(p, g, m, &SGDSettings[T]{LR: 2e-3, Momentum: 0.95}) }

func adagradStep[T Float](p, g, _, v []T, _ int) {
	Adagrad(p, g, v, &AdagradSettings[T]{LR: 0.5, Eps: 1e-8})
}

// TestUnsetSettings: what cannot be 0 has been left out, and is refused before anything is written.
func TestUnsetSettings(t *testing.T) {
	x := []float32{1}
	adam := func(change func(o *AdamSettings[float32])) func() {
		o := &AdamSettings[float32]{LR: 1, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, C1: 1, C2: 1}
		change(o)
		return func() { Adam(x, []float32{1}, &Moments[float32]{[]float32{0}, []float32{0}}, o) }
	}
	for want, f := range map[string]func(){
		"kernels: Adam: o.Beta2 = 0, want it set":          adam(func(o *AdamSettings[float32]) { o.Beta2 = 0 }),
		"kernels: Adam: o.Eps = 0, want it set":            adam(func(o *AdamSettings[float32]) { o.Eps = 0 }),
		"kernels: Adam: o.C1 = 0, want it set":             adam(func(o *AdamSettings[float32]) { o.C1 = 0 }),
		"kernels: Adam: o.C2 = 0, want it set":             adam(func(o *AdamSettings[float32]) { o.C2 = 0 }),
		"kernels: Adagrad: o.Eps = 0, want it set":         func() { Adagrad(x, []float32{1}, []float32{0}, &AdagradSettings[float32]{LR: 1}) },
		"kernels: SGD: o.Momentum = 0.5 without m, want 0": func() { SGD(x, []float32{1}, nil, &SGDSettings[float32]{LR: 1, Momentum: 0.5}) },
	} {
		if got := panicText(f); got != want {
			t.Errorf("panic %q, want %q", got, want)
		}
	}
	if x[0] != 1 {
		t.Errorf("written before a panic: %v", x)
	}
	adam(func(o *AdamSettings[float32]) { o.Beta1 = 0 })()
	if x[0] >= 1 {
		t.Error("Adam without a first moment made no step")
	}
}
