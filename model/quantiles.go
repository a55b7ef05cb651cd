package model

import (
	"fmt"
	"math"
	"slices"
)

// Quantiles returns the mean and the quantiles of count draws x, [count, n], element by element. Of the
// draws in ascending order v, of which the first is v_0, the quantile at level p is
//
//	v_i + (h - i) (v_{i+1} - v_i),   h = (count - 1) p,   i = ⌊h⌋
//
// Source: Hyndman and Fan 1996, definition 7. A NaN among the draws of an element is a NaN in all its
// results. It panics if there are no draws, x is not count times as long as a draw, or a level is
// not within 0..1.
func Quantiles(x []float32, count int, levels []float64) (mean []float32, quantiles [][]float32) {
	if count < 1 || len(x)%count != 0 {
		panic(fmt.Sprintf("model: Quantiles: len(x) = %d, want a multiple of count = %d, which is at least 1", len(x), count))
	}
	for _, p := range levels {
		if !(p >= 0 && p <= 1) {
			panic(fmt.Sprintf("model: Quantiles: level %v, want 0..1", p))
		}
	}
	n := len(x) / count
	mean, quantiles = make([]float32, n), make([][]float32, len(levels))
	for l := range quantiles {
		quantiles[l] = make([]float32, n)
	}
	v := make([]float64, count)
	for i := range n {
		sum := 0.0
		for k := range v {
			v[k] = float64(x[k*n+i])
			sum += v[k]
		}
		mean[i] = float32(sum / float64(count))
		slices.Sort(v) // NaN before all others
		for l, p := range levels {
			h := float64(float64(count-1) * p)
			at := min(int(h), count-1)
			q := v[at]
			if rest := h - float64(at); rest > 0 {
				q += float64(rest * (v[at+1] - v[at]))
			}
			if math.IsNaN(v[0]) {
				q = v[0]
			}
			quantiles[l][i] = float32(q)
		}
	}
	return mean, quantiles
}
