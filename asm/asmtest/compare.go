package asmtest

import (
	"math"
	"testing"
)

// SameBits reports whether a and b are the same float32: the same bits, or both NaN.
func SameBits(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

// SameFloats reports, through t, the first place where got and want differ in bits.
func SameFloats(t testing.TB, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: len = %d, want %d", what, len(got), len(want))
	}
	for i := range got {
		if !SameBits(got[i], want[i]) {
			t.Fatalf("%s[%d] = %x (%v), want %x (%v), %v ULP apart",
				what, i, got[i], got[i], want[i], want[i], ULP(got[i], float64(want[i])))
		}
	}
}

// ULP returns the distance of got from the exact value want in units in the last place of
// a float32 of the size of want: 0.5 is a correctly rounded result. Values that overflow
// count as infinite; two NaN or two equal infinities are 0 apart.
func ULP(got float32, want float64) float64 {
	w := float32(want)
	switch {
	case got != got || want != want:
		if got != got && want != want {
			return 0
		}
		return math.Inf(1)
	case math.IsInf(float64(got), 0) || math.IsInf(float64(w), 0):
		if got == w {
			return 0
		}
		return math.Inf(1)
	}
	ulp := 0x1p-149
	if want != 0 {
		_, e := math.Frexp(want)
		ulp = math.Ldexp(1, max(e-24, -149))
	}
	return math.Abs(float64(got)-want) / ulp
}
