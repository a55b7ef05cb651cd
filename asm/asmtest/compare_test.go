package asmtest

import (
	"math"
	"testing"
)

func TestULP(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		got  float32
		want float64
		ulp  float64
	}{
		{1, 1, 0},
		{1 + 0x1p-23, 1, 1},
		{1 - 0x1p-24, 1, 0.5},
		{1, 1 + 0x1p-24, 0.5},
		{0x1p-149, 0, 1},
		{0x1p-149, 0x1.8p-149, 0.5},
		{inf, 1e300, 0},
		{inf, 1, math.Inf(1)},
		{nan, 1, math.Inf(1)},
		{nan, math.NaN(), 0},
		{-inf, math.Inf(1), math.Inf(1)},
	} {
		if u := ULP(c.got, c.want); u != c.ulp {
			t.Errorf("ULP(%v, %v) = %v, want %v", c.got, c.want, u, c.ulp)
		}
	}
}

func TestSameBits(t *testing.T) {
	nan := math.Float32frombits(0x7fc00001)
	if !SameBits(nan, math.Float32frombits(0xffc00000)) || SameBits(0, float32(math.Copysign(0, -1))) || SameBits(nan, 1) {
		t.Error("SameBits is wrong")
	}
}
