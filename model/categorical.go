package model

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/f64"
	"github.com/elbow-go/elbow/kernels"
)

// Categorical is, with D = 1, the index of one of Config.Classes classes, [logits Classes].
//
//	ln p = ln softmax(logits)_x
const Categorical = "categorical"

// categorical is a distribution over k classes, from logits. The data have one dimension,
// the index of a class; a model sees it as a vector with a single 1.
type categorical[T cell.Float] struct{ k int }

var fieldClasses = number("classes", func(c *Config) *int { return &c.Classes }, 0, 2, maxSize)

func newCategorical[T cell.Float](c Config) likelihood[T] { return categorical[T]{k: c.Classes} }

func (categorical[T]) dims(dim int) error {
	if dim != 1 {
		return errors.New("one dimension, the number of a class")
	}
	return nil
}

func (l categorical[T]) suits(f Form) error {
	if f.Classes != l.k {
		return fmt.Errorf("has %d classes, the model %d", f.Classes, l.k)
	}
	return nil
}

// checkIndices panics unless all x that are there are classes.
func (l categorical[T]) checkIndices(fn string, x, mask []T) {
	for i, v := range x {
		if mask != nil && mask[i] == 0 {
			continue
		}
		if k := float64(v); !(k >= 0 && k < float64(l.k)) {
			panic(fmt.Sprintf("model: %s: b.X[%d] = %v, want a class from 0 to %d", fn, i, v, l.k-1))
		}
	}
}

func (l categorical[T]) heads(int) []int { return []int{l.k} }
func (l categorical[T]) inputs(int) int  { return l.k }

func (l categorical[T]) encode(u, x []T, rows, _ int) {
	clear(u[:rows*l.k])
	for i, v := range x[:rows] {
		u[i*l.k+int(v)] = 1
	}
}

// inputMean: the frequencies of the classes.
func (l categorical[T]) inputMean(stats Stats) []float64 {
	mean := make([]float64, l.k)
	for c, n := range stats.Counts {
		mean[c] = float64(n) / float64(max(stats.Steps, 1))
	}
	return mean
}

// initBias: the logarithms of the frequencies, with half a count added so that a class
// that never occurs stays finite.
func (l categorical[T]) initBias(b []T, stats Stats) {
	for c, n := range stats.Counts {
		b[c] = T(f64.Log((float64(n) + 0.5) / (float64(stats.Steps) + float64(0.5*float64(l.k)))))
	}
}

// classes calls f with the classes of the rows, a few rows at a time: a slice for all of
// them would be an allocation in every pass.
func classes[T cell.Float](x []T, rows int, f func(lo, n int, target []int32)) {
	var target [64]int32
	for lo := 0; lo < rows; lo += len(target) {
		n := min(rows-lo, len(target))
		for i, v := range x[lo : lo+n] {
			target[i] = int32(v)
		}
		f(lo, n, target[:n])
	}
}

func (l categorical[T]) logProb(lp, x, mask, out []T, rows, _ int) {
	classes(x, rows, func(lo, n int, target []int32) {
		kernels.CategoricalLogProb(lp[lo:lo+n], target, &kernels.Categorical[T]{Logits: out[lo*l.k:], Mask: rowsOf(mask, lo, lo+n, 1)}, n, l.k)
	})
}

func (l categorical[T]) backward(dout, dlp, x, mask, out []T, rows, _ int) {
	classes(x, rows, func(lo, n int, target []int32) {
		kernels.CategoricalLogProbBackward(nil, &kernels.CategoricalGrad[T]{Logits: dout[lo*l.k:]}, dlp[lo:lo+n], target,
			&kernels.Categorical[T]{Logits: out[lo*l.k:], Mask: rowsOf(mask, lo, lo+n, 1)}, n, l.k)
	})
}

func (l categorical[T]) sample(x, out []T, noise kernels.Noise, step, row0 uint32, rows, _ int) {
	for i, c := range drawClasses(softmaxRows(out, rows, l.k, l.k), noise, step, row0, rows, 1, l.k) {
		x[i] = T(c)
	}
}

// narrow turns the logits of rows into those of the distribution that d says.
func (l categorical[T]) narrow(out []T, rows int, d Draw) {
	never := T(math.Inf(-1))
	order, p := make([]int, l.k), make([]T, l.k)
	for i := range rows {
		row := out[i*l.k : (i+1)*l.k]
		if d.Temperature > 0 {
			most := slices.Max(row) // so that a low temperature does not overflow
			for c := range row {
				row[c] -= most
			}
			kernels.Scal(row, row, T(1/d.Temperature))
		}
		for c := range order {
			order[c] = c
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(row[b], row[a]) })
		keep := l.k
		if d.TopK > 0 {
			keep = min(d.TopK, keep)
		}
		for _, c := range order[keep:] {
			row[c] = never
		}
		if d.TopP > 0 {
			kernels.Softmax(p, row, 1, l.k)
			sum := 0.0
			for n, c := range order[:keep] {
				if sum >= d.TopP {
					keep = n
					break
				}
				sum += float64(p[c])
			}
			for _, c := range order[keep:] {
				row[c] = never
			}
		}
	}
}

func (l categorical[T]) mean(x, out []T, rows, _ int) {
	for i := range rows {
		best, row := 0, out[i*l.k:(i+1)*l.k]
		for c, v := range row {
			if v > row[best] {
				best = c
			}
		}
		x[i] = T(best)
	}
}

// channels adds the largest probability of every row.
func (l categorical[T]) channels(add func(name string, values []T), out []T, rows, _ int) {
	p, most := softmaxRows(out, rows, l.k, l.k), make([]T, rows)
	for i, v := range p {
		most[i/l.k] = max(most[i/l.k], v)
	}
	add("theta_max", most)
}
