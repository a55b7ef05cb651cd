package model

import (
	"fmt"
	"math"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/f64"
	"github.com/elbow-go/elbow/kernels"
)

// Bernoulli is independent bits, or probabilities of them, [logits D].
//
//	ln p = Σ_j x_j ln s(a_j) + (1 - x_j) ln (1 - s(a_j)),   s(a) = 1/(1 + exp(-a))
const Bernoulli = "bernoulli"

type bernoulli[T cell.Float] struct{ plain[T] }

func newBernoulli[T cell.Float](Config) likelihood[T] { return bernoulli[T]{} }

func (bernoulli[T]) value(_ int, v float32) error { return probability(Bernoulli, v) }

// probability reports v as the outcome of a bit of a likelihood.
func probability(of string, v float32) error {
	if v >= 0 && v <= 1 {
		return nil
	}
	return fmt.Errorf("%v cannot be the outcome of a %s, want 0..1", v, of)
}

func (bernoulli[T]) heads(dim int) []int { return []int{dim} }

// initBias: logit of the mean, with half a count added on either side so that a dimension
// that is never (or always) on stays finite.
func (bernoulli[T]) initBias(b []T, stats Stats) {
	n := float64(stats.Steps)
	for j := range b {
		p := (float64(stats.Mean[j]*n) + 0.5) / (n + 1)
		b[j] = T(f64.Log(p / (1 - p)))
	}
}

func (bernoulli[T]) logProb(lp, x, mask, out []T, rows, dim int) {
	kernels.BernoulliLogProb(lp, x, &kernels.Bernoulli[T]{Logits: out, Mask: mask}, rows, dim)
}

func (bernoulli[T]) backward(dout, dlp, x, mask, out []T, rows, dim int) {
	kernels.BernoulliLogProbBackward(nil, &kernels.BernoulliGrad[T]{Logits: dout}, dlp, x, &kernels.Bernoulli[T]{Logits: out, Mask: mask}, rows, dim)
}

func (bernoulli[T]) sample(x, out []T, noise kernels.Noise, step, row0 uint32, rows, dim int) {
	kernels.Uniforms(x, noise, step, row0, rows, dim)
	p := make([]T, rows*dim)
	kernels.Sigmoid(p, out[:rows*dim])
	for i := range p {
		if x[i] < p[i] {
			x[i] = 1
		} else {
			x[i] = 0
		}
	}
}

func (bernoulli[T]) mean(x, out []T, rows, dim int) { kernels.Sigmoid(x, out[:rows*dim]) }

func (l bernoulli[T]) channels(add func(name string, values []T), out []T, rows, dim int) {
	mean, sigma := make([]T, rows*dim), make([]T, rows*dim)
	l.mean(mean, out, rows, dim)
	for i, p := range mean {
		sigma[i] = T(math.Sqrt(float64(p) * float64(1-p)))
	}
	add("theta_mu", mean)
	add("theta_sig", sigma)
}
