package f64

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/big"
	"testing"
)

// xorshift is a source of numbers that no library can change.
type xorshift uint64

func (s *xorshift) next() uint64 {
	*s ^= *s << 13
	*s ^= *s >> 7
	*s ^= *s << 17
	return uint64(*s)
}

// between returns a number of [lo, hi).
func (s *xorshift) between(lo, hi float64) float64 {
	return lo + float64((hi-lo)*float64(s.next()>>11)*0x1p-53)
}

// ulps returns how many units in the last place of want got is away.
func ulps(got float64, want *big.Float) float64 {
	w, _ := want.Float64()
	unit := math.Nextafter(math.Abs(w), math.Inf(1)) - math.Abs(w)
	d, _ := new(big.Float).Sub(want, new(big.Float).SetFloat64(got)).Float64()
	return math.Abs(d) / unit
}

const precision = 200

func number(x float64) *big.Float { return new(big.Float).SetPrec(precision).SetFloat64(x) }

// bigLog is ln x = ln(1+d) + k ln 2 with as many terms of atanh as 200 bits need.
func bigLog(x float64) *big.Float {
	atanh2 := func(s *big.Float) *big.Float { // 2 atanh(s)
		w := number(0).Mul(s, s)
		sum, term := number(0), number(0).Set(s)
		for i := 1; i < 160; i += 2 {
			sum.Add(sum, number(0).Quo(term, number(float64(i))))
			term.Mul(term, w)
		}
		return sum.Add(sum, sum)
	}
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, e = 2*m, e-1
	}
	s := number(0).Quo(number(m-1), number(0).Add(number(m), number(1)))
	ln2 := atanh2(number(0).Quo(number(1), number(3)))
	return number(0).Add(atanh2(s), ln2.Mul(ln2, number(float64(e))))
}

// bigExp is (e^(x/2^12))^(2^12) by Taylor's series.
func bigExp(x float64) *big.Float {
	r := number(0).SetMantExp(number(x), -12)
	sum, term := number(1), number(1)
	for i := 1; i < 60; i++ {
		term.Mul(term, r)
		term.Quo(term, number(float64(i)))
		sum.Add(sum, term)
	}
	for range 12 {
		sum.Mul(sum, sum)
	}
	return sum
}

func TestLog(t *testing.T) {
	s := xorshift(1)
	check := func(x float64) {
		if u := ulps(Log(x), bigLog(x)); u > 1 {
			t.Errorf("Log(%v) = %v, %.3f ULP away", x, Log(x), u)
		}
	}
	for range 1000 {
		check(s.between(0.5, 2))
		check(s.between(0.999, 1.001))
		check(math.Exp2(s.between(-1070, 1023)))
	}
	for _, x := range []float64{math.SmallestNonzeroFloat64, math.MaxFloat64, math.Nextafter(1, 0), math.Nextafter(1, 2), math.Sqrt2 / 2, math.Sqrt2} {
		check(x)
	}
	for x, want := range map[float64]float64{1: 0, 0: math.Inf(-1), math.Copysign(0, -1): math.Inf(-1), -1: math.NaN(), math.Inf(-1): math.NaN(), math.Inf(1): math.Inf(1)} {
		if got := Log(x); math.Float64bits(got) != math.Float64bits(want) && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("Log(%v) = %v, want %v", x, got, want)
		}
	}
	if !math.IsNaN(Log(math.NaN())) {
		t.Error("Log(NaN) is a number")
	}
}

func TestExp(t *testing.T) {
	s := xorshift(2)
	for range 1000 {
		for _, x := range []float64{s.between(-1, 1), s.between(-708, 709.7), s.between(-1e-8, 1e-8)} {
			if u := ulps(Exp(x), bigExp(x)); u > 1 {
				t.Errorf("Exp(%v) = %v, %.3f ULP away", x, Exp(x), u)
			}
		}
	}
	for x, want := range map[float64]float64{0: 1, 710: math.Inf(1), math.Inf(1): math.Inf(1), 1e300: math.Inf(1), -746: 0, math.Inf(-1): 0, -1e300: 0,
		709.79: math.Inf(1), -745.2: 0, -745: math.SmallestNonzeroFloat64} {
		if got := Exp(x); got != want {
			t.Errorf("Exp(%v) = %v, want %v", x, got, want)
		}
	}
	if !math.IsNaN(Exp(math.NaN())) {
		t.Error("Exp(NaN) is a number")
	}
}

func TestPow(t *testing.T) {
	for _, x := range []float64{0, 0.5, 0.9, 0.999, 1 - 1e-8, 1, -0.5} {
		for _, n := range []uint64{0, 1, 2, 3, 10, 1000, 123457} {
			got, want := Pow(x, n), math.Pow(x, float64(n))
			if math.Abs(got-want) > (float64(n)+2)*0x1p-53*math.Abs(want) {
				t.Errorf("Pow(%v, %d) = %v, want %v", x, n, got, want)
			}
		}
	}
}

func TestCosPi(t *testing.T) {
	s := xorshift(4)
	h := fnv.New64a()
	for range 10000 {
		x := s.between(0, 1)
		fmt.Fprintf(h, "%x ", math.Float64bits(CosPi(x)))
		if got, want := CosPi(x), math.Cos(math.Pi*x); math.Abs(got-want) > 0x1p-51 {
			t.Errorf("CosPi(%v) = %v, want %v", x, got, want)
		}
	}
	for x, want := range map[float64]float64{0: 1, 0.5: 0, 1: -1} {
		if got := CosPi(x); got != want {
			t.Errorf("CosPi(%v) = %v, want %v", x, got, want)
		}
	}
	if got, want := h.Sum64(), uint64(0xcf8a973a56f83ddc); got != want {
		t.Errorf("hash of results %#x, want %#x, as on every architecture", got, want)
	}
}

// TestSameBits compares a hash of many results with the one that every architecture has.
func TestSameBits(t *testing.T) {
	s := xorshift(3)
	h := fnv.New64a()
	for range 20000 {
		x, y := s.between(1e-3, 1e3), s.between(-700, 700)
		for _, v := range []float64{Log(x), Exp(y), Pow(s.between(0.9, 1), s.next()%10000)} {
			fmt.Fprintf(h, "%x ", math.Float64bits(v))
		}
	}
	if got, want := h.Sum64(), uint64(0x765718359aa6a29e); got != want {
		t.Errorf("hash of results %#x, want %#x", got, want)
	}
}

// TestGamma: ln Γ at integers is a sum of logarithms, ln Γ(1/2) = ln(π)/2, and it has the recurrence
// everywhere; ψ is its derivative, ψ(1) = -γ.
func TestGamma(t *testing.T) {
	near := func(what string, got, want, size float64) {
		t.Helper()
		if !(math.Abs(got-want) <= 0x1p-46*size) {
			t.Errorf("%s = %v, want %v", what, got, want)
		}
	}
	near("ln Γ(1/2)", Lgamma(0.5), math.Log(math.Pi)/2, 1)
	near("ψ(1)", Digamma(1), -0.57721566490153286061, 2)
	near("ψ(1/2)", Digamma(0.5), -1.96351002602142347944, 4)
	for _, x := range []float64{0x1p-30, 0.3, 1, 1.0001, 2, 4.5, 15.999, 16, 17, 40, 1e3, 1e6, 0x1p40} {
		want, _ := math.Lgamma(x)
		near(fmt.Sprintf("ln Γ(%v)", x), Lgamma(x), want, 1+math.Abs(want))
		near(fmt.Sprintf("ψ(%v)", x), Digamma(x+1), Digamma(x)+1/x, 2+math.Abs(Digamma(x))+1/x)
		h := 1e-4 * x
		if d := (Lgamma(x+h) - Lgamma(x-h)) / (2 * h); math.Abs(d-Digamma(x)) > 1e-6*(1+math.Abs(d)) {
			t.Errorf("ψ(%v) = %v, the slope of ln Γ is %v", x, Digamma(x), d)
		}
	}
}
