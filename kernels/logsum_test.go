package kernels

import (
	"math"
	"math/rand/v2"
	"testing"
)

// gaussU is half an ULP of 1, the unit of the bounds in this family.
const gaussU = 0x1p-24

// worstRatio keeps the largest error in parts of its bound, for the log of a test.
type worstRatio float64

// within fails t unless got is within bound of want; NaN matches NaN and Inf itself.
func (w *worstRatio) within(t *testing.T, what string, got, want, bound float64) {
	t.Helper()
	if got == want || got != got && want != want {
		return
	}
	r := math.Abs(got-want) / bound
	if !(r <= 1) {
		t.Errorf("%s = %v, want %v: off by %.3g, bound %.3g", what, got, want, math.Abs(got-want), bound)
	}
	*w = max(*w, worstRatio(r))
}

func TestSplit32(t *testing.T) {
	for i := uint64(0); i <= 255<<23; i += 1021 {
		x := math.Float32frombits(uint32(i))
		m, e := split32(x)
		if back := math.Ldexp(float64(m), int(e)); back != float64(x) {
			t.Fatalf("split32(%x) = %x, %d", x, m, e)
		}
		if x != 0 && i < 255<<23 && !(float32(0.70710677) <= m && m < math.Sqrt2) {
			t.Fatalf("split32(%x): mantissa %x", x, m)
		}
	}
	nan, inf, neg0 := float32(math.NaN()), float32(math.Inf(1)), float32(math.Copysign(0, -1))
	for _, x := range []float32{nan, -1, -inf, -0x1p-149} {
		if m, e := split32(x); m == m || e != 0 {
			t.Errorf("split32(%v) = %v, %d, want NaN, 0", x, m, e)
		}
	}
	if m, e := split32(inf); m != inf || e != 0 {
		t.Errorf("split32(Inf) = %v, %d", m, e)
	}
	if m, e := split32(neg0); m != 0 || e != 0 {
		t.Errorf("split32(-0) = %v, %d", m, e)
	}
}

func TestLogSum(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name string
		draw func() float32
	}{
		{"near1", func() float32 { return 1 + (rng.Float32()-0.5)/16 }},
		{"wide", func() float32 { return float32(math.Exp(160*rng.Float64() - 80)) }},
		{"large", func() float32 { return 1.4142135 }}, // the fastest growth of the product
		{"small", func() float32 { return 0.70710678 }},
		{"bits", func() float32 { return math.Float32frombits(1 + rng.Uint32N(255<<23-1)) }},
		{"two", func() float32 { return 2 }}, // with exponent 0: as 1 + e^-0
	} {
		var worst worstRatio
		for _, n := range []int{0, 1, 2, 15, 16, 17, 33, 200, 1023, 1024, 1025, 2100, 9000} {
			l, want, size := newLogSum32(), 0.0, 0.0
			for j := range n {
				x := c.draw()
				m, e := split32(x)
				if c.name == "two" {
					m, e = 2, 0
				}
				l.mul(j, m, e)
				want += math.Log(float64(x))
				size += math.Abs(math.Log(float64(x)))
			}
			// n + 15 products, ln m within 1 ULP of 0.69, two roundings of the result.
			worst.within(t, c.name, float64(l.value()), want, gaussU*(float64(n)+18+3*math.Abs(want))+1e-13*size)
		}
		t.Logf("%s: at most %.3f of the bound", c.name, worst)
	}

	inf, nan := math.Inf(1), math.NaN()
	for _, c := range []struct {
		at   []float64
		want float64
	}{
		{[]float64{0}, -inf}, {[]float64{inf}, inf}, {[]float64{0, inf}, nan}, {[]float64{-1}, nan},
		{[]float64{nan}, nan}, {[]float64{0, 0}, -inf}, {[]float64{inf, inf}, inf}, {[]float64{-0x1p-140}, nan},
	} {
		for _, at := range []int{0, 7, 700, 1020} { // before and after a renormalisation
			l := newLogSum32()
			for j := range 2000 {
				x := float32(3)
				if k := j - at; 0 <= k && k < len(c.at) {
					x = float32(c.at[k])
				}
				m, e := split32(x)
				l.mul(j, m, e)
			}
			if got := float64(l.value()); got != c.want && (got == got || c.want == c.want) {
				t.Errorf("with %v at %d: %v, want %v", c.at, at, got, c.want)
			}
		}
	}
}

// TestLogSumLanes pins the lanes: element j belongs to lane j mod 16 and to no other.
func TestLogSumLanes(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	got, want := newLogSum32(), newLogSum32()
	for j := range 100 {
		x := 1 + rng.Float32()
		got.mul(j, x, int32(j))
		got.add(j, x)
		want.p[j&15] *= x
		want.e[j&15] += int32(j)
		want.s[j&15] += x
	}
	if got != want {
		t.Errorf("lanes %v, want %v", got, want)
	}
}
