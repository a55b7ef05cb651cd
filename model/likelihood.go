package model

import (
	"math"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// The likelihoods, by the names used in configurations.
const (
	Bernoulli = "bernoulli" // independent binary dimensions, from logits
	Gauss     = "gauss"     // independent normals, mean and σ = softplus(a) + 1e-4
)

var likelihoods = []string{Bernoulli, Gauss}

// likelihood is the output distribution p(x_t | ...) of a model: out holds the outputs of
// the decoder for every row.
type likelihood[T cell.Float] interface {
	// outputs returns how many outputs a row of dim dimensions needs.
	outputs(dim int) int
	// initBias sets the biases of the output layer, which are 0, from statistics of the
	// training data.
	initBias(b []T, stats Stats)
	// logProb computes lp[row] = ln p(x[row] | out[row]) in nats, summed over dim.
	logProb(lp, x, out []T, rows, dim int)
	// backward computes the gradient of Σ dlp lp with respect to out.
	backward(dout, dlp, x, out []T, rows, dim int)
	// sample draws x for the rows row0... of a step.
	sample(x, out []T, noise kernels.Noise, step, row0 uint32, rows, dim int)
	// mean writes the mean of the output.
	mean(x, out []T, rows, dim int)
	// channels calls add with what is monitored of the output: its mean theta_mu and its
	// standard deviation theta_sig.
	channels(add func(name string, values []T), out []T, rows, dim int)
}

func newLikelihood[T cell.Float](name string) likelihood[T] {
	if name == Gauss {
		return gauss[T]{}
	}
	return bernoulli[T]{}
}

type bernoulli[T cell.Float] struct{}

func (bernoulli[T]) outputs(dim int) int { return dim }

// initBias: logit of the mean, with half a count added on either side so that a dimension
// that is never (or always) on stays finite.
func (bernoulli[T]) initBias(b []T, stats Stats) {
	n := float64(stats.Steps)
	for j := range b {
		p := (stats.Mean[j]*n + 0.5) / (n + 1)
		b[j] = T(math.Log(p / (1 - p)))
	}
}

func (bernoulli[T]) logProb(lp, x, out []T, rows, dim int) {
	kernels.BernoulliLogProb(lp, x, out, rows, dim)
}

func (bernoulli[T]) backward(dout, dlp, x, out []T, rows, dim int) {
	kernels.BernoulliLogProbBackward(nil, dout, dlp, x, out, rows, dim)
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

// gauss lays its outputs out as [mean | a] per row, with σ = softplus(a) + 1e-4 or, with
// logVar, a = ln σ².
type gauss[T cell.Float] struct{ logVar bool }

func (l gauss[T]) form() kernels.ScaleForm {
	if l.logVar {
		return kernels.LogVar
	}
	return kernels.SoftplusSigma
}

func (gauss[T]) outputs(dim int) int { return 2 * dim }

func (l gauss[T]) initBias(b []T, _ Stats) {
	if !l.logVar {
		fill(b[len(b)/2:], sigmaBias)
	}
}

func (l gauss[T]) logProb(lp, x, out []T, rows, dim int) {
	kernels.GaussLogProb(lp, x, out, out[min(dim, len(out)):], l.form(), rows, dim, 2*dim)
}

func (l gauss[T]) backward(dout, dlp, x, out []T, rows, dim int) {
	kernels.GaussLogProbBackward(nil, nil, dout, dout[min(dim, len(dout)):], dlp, x, out, out[min(dim, len(out)):], l.form(), rows, dim, 2*dim)
}

func (l gauss[T]) sample(x, out []T, noise kernels.Noise, step, row0 uint32, rows, dim int) {
	eps := make([]T, rows*dim)
	kernels.Normals(eps, noise, step, row0, rows, dim)
	kernels.GaussSample(x, out, out[dim:], eps, l.form(), rows, dim, 2*dim)
}

func (gauss[T]) mean(x, out []T, rows, dim int) {
	for i := range rows {
		copy(x[i*dim:(i+1)*dim], out[i*2*dim:])
	}
}

func (l gauss[T]) channels(add func(name string, values []T), out []T, rows, dim int) {
	mean := make([]T, rows*dim)
	l.mean(mean, out, rows, dim)
	add("theta_mu", mean)
	sigma := mean
	for i := range rows {
		sigmas(sigma[i*dim:(i+1)*dim], out[i*2*dim+dim:], l.form())
	}
	add("theta_sig", sigma)
}
