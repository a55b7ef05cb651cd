package asm

import (
	"math"
	"strings"
	"testing"
)

func TestCheckFloat(t *testing.T) {
	if err := FloatError(); err != nil {
		t.Error(err)
	}
	if err := CheckFloat(); err != nil {
		t.Error(err)
	}
	// What a processor with another setting does.
	flush := func(x float32) float32 {
		if math.Abs(float64(x)) < 0x1p-126 {
			return 0
		}
		return x
	}
	// toward rounds the exact x down, up or to zero.
	toward := func(x float64, mode string) float32 {
		y := float32(x)
		switch {
		case float64(y) > x && (mode == "down" || mode == "zero" && x > 0):
			return math.Nextafter32(y, float32(math.Inf(-1)))
		case float64(y) < x && (mode == "up" || mode == "zero" && x < 0):
			return math.Nextafter32(y, float32(math.Inf(1)))
		}
		return y
	}
	for _, c := range []struct {
		name, want string
		mul        func(a, b float32) float32
		add        func(a, b float32) float32
	}{
		{"FTZ", "FTZ", func(a, b float32) float32 { return flush(a * b) }, add},
		{"DAZ", "DAZ", func(a, b float32) float32 { return flush(a) * flush(b) }, add},
		{"up", "not rounded to nearest", mul, func(a, b float32) float32 { return toward(float64(a)+float64(b), "up") }},
		{"down", "not rounded to nearest", mul, func(a, b float32) float32 { return toward(float64(a)+float64(b), "down") }},
		{"zero", "not rounded to nearest", mul, func(a, b float32) float32 { return toward(float64(a)+float64(b), "zero") }},
	} {
		if err := checkFloat(c.mul, c.add); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
