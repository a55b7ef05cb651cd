package model

import (
	"math"
	"testing"
)

// TestChannelRange: extremes and mean over several calls, and a NaN is never passed over.
func TestChannelRange(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	var c Channel
	for _, v := range [][]float32{{3, 1}, {}, {-2, 6}} {
		c.add(v)
	}
	if c.Min != -2 || c.Max != 6 || c.Mean != 2 {
		t.Errorf("%+v, want -2, 2, 6", c)
	}
	c.add([]float32{inf, -inf})
	if !math.IsInf(c.Min, -1) || !math.IsInf(c.Max, 1) || !math.IsNaN(c.Mean) {
		t.Errorf("with both infinities %+v", c)
	}
	for _, v := range [][]float32{{nan, 1, 2}, {1, nan, 2}, {1, 2, nan}} {
		var c Channel
		c.add(v)
		c.add([]float32{5})
		if !math.IsNaN(c.Min) || !math.IsNaN(c.Max) || !math.IsNaN(c.Mean) {
			t.Errorf("%v and 5: %+v, want NaN", v, c)
		}
	}
}
