package f32

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// exactFMA is a*b + c in arbitrary precision, rounded once. Signed zeros, infinities and
// NaN, which big.Float does not have in the same way, are taken from float64.
func exactFMA(a, b, c float32) float32 {
	d := float64(a)*float64(b) + float64(c)
	if d == 0 || math.IsInf(d, 0) || math.IsNaN(d) {
		return float32(d)
	}
	p := new(big.Float).SetPrec(2000).SetFloat64(float64(a))
	p.Mul(p, new(big.Float).SetFloat64(float64(b)))
	p.Add(p, new(big.Float).SetFloat64(float64(c)))
	f, _ := p.Float32()
	return f
}

func TestFMA(t *testing.T) {
	n := 600_000
	if testing.Short() {
		n = 200_000
	}
	rng := rand.New(rand.NewPCG(1, 2))
	special := []float32{0, float32(math.Copysign(0, -1)), 1, -1, float32(math.Inf(1)), float32(math.Inf(-1)),
		float32(math.NaN()), math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, 0x1p-126, 0x1.fffffep-127}
	check := func(a, b, c float32) {
		t.Helper()
		got, want := FMA(a, b, c), exactFMA(a, b, c)
		if got != got && want != want {
			return
		}
		if math.Float32bits(got) != math.Float32bits(want) {
			t.Fatalf("FMA(%x, %x, %x) = %x, want %x", a, b, c, got, want)
		}
	}
	for _, a := range special {
		for _, b := range special {
			for _, c := range special {
				check(a, b, c)
			}
		}
	}
	naive := 0
	for range n {
		a := math.Float32frombits(rng.Uint32())
		b := math.Float32frombits(rng.Uint32())
		var c float32
		switch rng.IntN(5) {
		case 0: // anything
			c = math.Float32frombits(rng.Uint32())
		case 1: // c cancels most of the product
			c = -float32(float64(a)*float64(b)) * (1 + float32(rng.IntN(9)-4)*0x1p-23)
		case 2: // products that end in a tie, with c far below
			a = math.Float32frombits(rng.Uint32N(1<<12)<<11 | (100+rng.Uint32N(60))<<23)
			b = math.Float32frombits(rng.Uint32N(1<<13)<<10 | (100+rng.Uint32N(60))<<23)
			c = math.Float32frombits(rng.Uint32()&0x807fffff | rng.Uint32N(100)<<23)
		case 3: // results among the denormals, with many zero bits
			a = math.Float32frombits(rng.Uint32()&0x80fff000 | (40+rng.Uint32N(30))<<23)
			b = math.Float32frombits(rng.Uint32()&0x80fff000 | (20+rng.Uint32N(30))<<23)
			c = math.Float32frombits(rng.Uint32() & 0x80ffffff)
		case 4: // overflow
			a = math.Float32frombits(rng.Uint32()&0x807fffff | (180+rng.Uint32N(12))<<23)
			b = math.Float32frombits(rng.Uint32()&0x807fffff | (190+rng.Uint32N(12))<<23)
			c = math.Float32frombits(rng.Uint32()&0x807fffff | (220+rng.Uint32N(35))<<23)
		}
		if a != a || b != b || c != c {
			continue
		}
		check(a, b, c)
		if float32(float64(a)*float64(b)+float64(c)) != exactFMA(a, b, c) {
			naive++
		}
	}
	if naive == 0 {
		t.Error("no case in which rounding twice is wrong: the test tests nothing")
	}
}

func TestFold(t *testing.T) {
	var l16 [16]float32
	var l64 [64]float32
	for i := range l64 {
		l64[i] = float32(i)
		l16[i%16] = float32(i % 16)
	}
	if got := Fold16(&l16); got != 120 {
		t.Errorf("Fold16(0..15) = %v, want 120", got)
	}
	if got := Fold64(&l64); got != 2016 {
		t.Errorf("Fold64(0..63) = %v, want 2016", got)
	}
	// The order: (1 + 2^24) + (1 - 2^24) loses the ones, pairwise neighbours would not.
	l16 = [16]float32{0: 1, 8: 0x1p24, 4: 1, 12: -0x1p24}
	if got := Fold16(&l16); got != 1 {
		t.Errorf("Fold16 order: got %v, want 1", got)
	}
}
