package model

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/elbow-go/elbow/cell"
)

// newTestNADE returns a NADE of dim bits with parameters and outputs of a model for rows of them.
func newTestNADE(dim, units, rows int) (l *nade[float64], out []float64) {
	rng := rand.New(rand.NewPCG(3, 3))
	draw := func(n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = rng.NormFloat64()
		}
		return x
	}
	l = &nade[float64]{units: units, in: newVector[float64](units, dim), out: cell.NewDense[float64](units, dim, cell.Linear)}
	l.in.v, l.out.W, l.out.B = draw(dim*units), draw(dim*units), draw(dim)
	l.out.Pack()
	return l, draw(rows * (dim + units))
}

// logProbs computes the terms of one step.
func logProbs(l likelihood[float64], lp, x, out []float64, dim int) {
	if l, ok := l.(direct[float64]); ok {
		l.logProb(lp, x, nil, out, len(lp), dim)
		return
	}
	w := l.(parametric[float64]).work()
	w.begin(run[float64]{x: x, shape: oneStep(len(lp)), dim: dim})
	w.logProb(lp, out, 0, len(lp))
}

// TestNADE compares the log-likelihood with the equations, bit by bit, for bits and for other
// numbers, and sums the probabilities of all that a row can be.
func TestNADE(t *testing.T) {
	const dim, units = 6, 4
	for _, fractions := range []bool{false, true} {
		const rows = 1 << dim
		l, out := newTestNADE(dim, units, rows)
		rng := rand.New(rand.NewPCG(4, 4))
		x, lp := make([]float64, rows*dim), make([]float64, rows)
		for i := range x {
			if x[i] = float64(i / dim >> (i % dim) & 1); fractions {
				x[i] = rng.Float64()
			}
		}
		for i := range rows { // one distribution over all rows
			copy(out[i*(dim+units):], out[:dim+units])
		}
		logProbs(l, lp, x, out, dim)
		sum := 0.0
		for i := range rows {
			row, b := x[i*dim:(i+1)*dim], out[i*(dim+units):]
			a, want := append([]float64(nil), b[dim:dim+units]...), 0.0
			for j, v := range row {
				logit := b[j] + l.out.B[j]
				for k := range units {
					logit += l.out.W[j*units+k] / (1 + math.Exp(-a[k]))
				}
				want -= v*math.Log1p(math.Exp(-logit)) + (1-v)*math.Log1p(math.Exp(logit))
				for k := range units {
					a[k] += v * l.in.v[j*units+k]
				}
			}
			if math.Abs(lp[i]-want) > 1e-12*(1+math.Abs(want)) {
				t.Errorf("row %d: %v, want %v", i, lp[i], want)
			}
			sum += math.Exp(lp[i])
		}
		if !fractions && math.Abs(sum-1) > 1e-12 {
			t.Errorf("the probabilities sum to %v", sum)
		}
	}
}

// TestNADEMean: the mean is the row whose bits are each the more probable one after those before.
func TestNADEMean(t *testing.T) {
	const dim, units, rows = 6, 4, 20
	l, out := newTestNADE(dim, units, rows)
	x, other := make([]float64, rows*dim), make([]float64, rows*dim)
	l.mean(x, out, rows, dim)
	for j := range dim {
		// Beyond bit j the rows of other sum to both of its values: compare those sums.
		sums := make([]float64, rows)
		for bits := range 1 << (dim - j) {
			lp := make([]float64, rows)
			for i := range rows {
				copy(other[i*dim:], x[i*dim:i*dim+j])
				for k := j; k < dim; k++ {
					other[i*dim+k] = float64(bits >> (k - j) & 1)
				}
			}
			logProbs(l, lp, other, out, dim)
			for i := range rows {
				if other[i*dim+j] == x[i*dim+j] {
					sums[i] += math.Exp(lp[i])
				} else {
					sums[i] -= math.Exp(lp[i])
				}
			}
		}
		for i, d := range sums {
			if d < 0 {
				t.Errorf("row %d: bit %d is %v, which is the less probable one", i, j, x[i*dim+j])
			}
		}
	}
}
