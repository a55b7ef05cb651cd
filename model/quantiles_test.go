package model

import (
	"math"
	"testing"
)

func TestQuantiles(t *testing.T) {
	// Two elements of four draws: 4 1 3 2 and 10 10 10 NaN.
	nan := float32(math.NaN())
	mean, q := Quantiles([]float32{4, 10, 1, 10, 3, nan, 2, 10}, 4, []float64{0, 0.1, 0.5, 1})
	for l, want := range []float32{1, 1.3, 2.5, 4} {
		if d := q[l][0] - want; d > 1e-6 || d < -1e-6 || q[l][1] == q[l][1] {
			t.Errorf("quantile %d: %v, want %v and NaN", l, q[l], want)
		}
	}
	if mean[0] != 2.5 || mean[1] == mean[1] {
		t.Errorf("means %v", mean)
	}
	if _, q := Quantiles([]float32{7, 8}, 1, []float64{0.9}); q[0][0] != 7 || q[0][1] != 8 {
		t.Errorf("of one draw: %v", q)
	}
	mustPanic(t, "model: Quantiles: level 2", func() { Quantiles(nil, 1, []float64{2}) })
	mustPanic(t, "model: Quantiles: len(x) = 3", func() { Quantiles(make([]float32, 3), 2, nil) })
}
