package model

import (
	"math"
	"strings"

	"github.com/elbow-go/elbow/cell"
)

// GradientStats are the mean and the variance of a stochastic gradient, element by element,
// over independent draws.
type GradientStats struct {
	Draws          int
	Mean, Variance []float64
}

// MeasureGradient computes the gradient of the objective of one batch again and again, with
// another draw of the noise each time, and returns its statistics over the parameters whose
// names begin with prefix; VAEs call those of the posterior encoder. It is how estimators
// are compared: they should agree in the mean, and the one with the least variance wins.
// The noise of b is that of its Update and the draws-1 following ones.
func MeasureGradient[T cell.Float](m Model[T], b *Batch[T], obj Objective, draws int, prefix string) GradientStats {
	const fn = "MeasureGradient"
	checkThere(fn, "m", m != nil)
	checkThere(fn, "b", b != nil)
	checkSize(fn, "draws", draws, 1, 1<<30)
	m.PackForTraining()
	p, grad := m.NewPass(1), m.NewGrad()
	var gs []cell.Tensor[T]
	n := 0
	for _, g := range grad.Tensors() {
		if strings.HasPrefix(g.Name, prefix) {
			gs = append(gs, g)
			n += len(g.Data)
		}
	}
	all := grad.Tensors()
	s := GradientStats{Draws: draws, Mean: make([]float64, n), Variance: make([]float64, n)}
	batch := *b
	for k := range draws {
		batch.Noise.Update = b.Noise.Update + uint32(k)
		p.Forward(&batch, obj, true)
		cell.Zero(all)
		p.Backward(grad)
		i := 0
		for _, g := range gs {
			for _, v := range g.Data {
				// Welford 1962.
				d := float64(v) - s.Mean[i]
				s.Mean[i] += d / float64(k+1)
				s.Variance[i] += float64(d * (float64(v) - s.Mean[i]))
				i++
			}
		}
	}
	for i := range s.Variance {
		s.Variance[i] /= math.Max(float64(draws-1), 1)
	}
	return s
}

// Total returns the variance summed over the elements: the expected squared distance of a
// draw from the mean.
func (s GradientStats) Total() float64 {
	sum := 0.0
	for _, v := range s.Variance {
		sum += v
	}
	return sum
}

// Norm returns the length of the mean.
func (s GradientStats) Norm() float64 {
	sum := 0.0
	for _, v := range s.Mean {
		sum += float64(v * v)
	}
	return math.Sqrt(sum)
}
