package model

import (
	"math"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/f64"
	"github.com/elbow-go/elbow/kernels"
)

// The likelihoods p(x_t | ...), by the names used in configurations. x has D = Config.Data
// dimensions, K is Config.Components, all logarithms are in nats, and every scale is
// softplus(a) + 1e-4 unless Config.Scale says otherwise. In brackets is a row of outputs of
// the decoder, in the order of its columns.
const (
	// Bernoulli: independent bits, or probabilities of them, [logits D].
	//
	//	ln p = Σ_j x_j ln s(a_j) + (1 - x_j) ln (1 - s(a_j)),   s(a) = 1/(1 + exp(-a))
	Bernoulli = "bernoulli"

	// Gauss: independent normals, [μ D | a D].
	//
	//	ln p = Σ_j ln N(x_j; μ_j, σ_j)
	Gauss = "gauss"

	// GMM: a mixture of normals whose components span all dimensions, [logits K | μ K·D | a K·D].
	//
	//	ln p = ln Σ_k softmax(logits)_k Π_j N(x_j; μ_kj, σ_kj)
	//
	// Source: Chung et al. 2015.
	GMM = "gmm"

	// Categorical: D = 1, the index of one of Config.Classes classes, [logits Classes].
	//
	//	ln p = ln softmax(logits)_x
	Categorical = "categorical"

	// Bivariate: pen strokes, D = 3: a bit and two correlated coordinates, ρ = tanh(r),
	// [logit of the bit | μ1 | μ2 | a1 | a2 | r].
	//
	//	ln p = ln Bernoulli(x_0) + ln N2(x_1, x_2; μ, σ, ρ)
	Bivariate = "bivariate"

	// BivariateMixture: likewise with a mixture of K of them, [logit of the bit | μ1 K | μ2 K |
	// a1 K | a2 K | r K | logits K]. Source: Graves 2013.
	BivariateMixture = "bivariate-mixture"

	// LogisticMixture: quantised signals. Every dimension takes one of Config.Levels levels
	// between -1 and 1, a step of 2δ = 2/(Levels-1) apart, and has K logistic distributions of
	// its own, [logits D·K | μ D·K | a D·K].
	//
	//	p(x_j) = Σ_k softmax(logits_j)_k (F((x_j + δ - μ_jk)/σ_jk) - F((x_j - δ - μ_jk)/σ_jk))
	//
	// with F(u) = 1/(1 + exp(-u)); the outermost levels take in all that is beyond them. Source:
	// Salimans et al. 2017.
	LogisticMixture = "logistic-mixture"
)

var likelihoods = []string{Bernoulli, Gauss, GMM, Categorical, Bivariate, BivariateMixture, LogisticMixture}

// likelihood is the output distribution p(x_t | ...) of a model: out holds the outputs of
// the decoder for every row, dim is the number of dimensions of the data.
type likelihood[T cell.Float] interface {
	// heads returns the sizes of the parts of a row of outputs, which are layers of their
	// own, side by side.
	heads(dim int) []int
	// inputs returns how many numbers a model sees of a row of data, encode writes them:
	// u is [rows, inputs].
	inputs(dim int) int
	encode(u, x []T, rows, dim int)
	// inputMean returns the mean of what encode writes.
	inputMean(stats Stats) []float64
	// initBias sets the biases of the output layer, which are 0, from statistics of the
	// training data.
	initBias(b []T, stats Stats)
	// logProb computes lp[row] = ln p(x[row] | out[row]) in nats, summed over dim.
	logProb(lp, x, out []T, rows, dim int)
	// backward computes the gradient of Σ dlp lp with respect to out.
	backward(dout, dlp, x, out []T, rows, dim int)
	// sample draws x for the rows row0... of a step.
	sample(x, out []T, noise kernels.Noise, step, row0 uint32, rows, dim int)
	// mean writes the mean of the output, of a distribution over classes its mode.
	mean(x, out []T, rows, dim int)
	// channels calls add with what is monitored of the output.
	channels(add func(name string, values []T), out []T, rows, dim int)
}

// newLikelihood returns the likelihood of a resolved configuration.
func newLikelihood[T cell.Float](c Config) likelihood[T] {
	switch c.Likelihood {
	case Gauss:
		return gauss[T]{logVar: c.Scale == ScaleLogVar}
	case GMM:
		return gmm[T]{k: c.Components}
	case Categorical:
		return categorical[T]{k: c.Classes}
	case Bivariate:
		return bivariate[T]{k: 1}
	case BivariateMixture:
		return bivariate[T]{k: c.Components, mixture: true}
	case LogisticMixture:
		return logistic[T]{k: c.Components, levels: c.Levels}
	}
	return bernoulli[T]{}
}

// outputs returns how many outputs a row needs.
func outputs[T cell.Float](l likelihood[T], dim int) int {
	n := 0
	for _, h := range l.heads(dim) {
		n += h
	}
	return n
}

// from returns s without its first n elements, or nothing if it has no rows at all.
func from[T any](s []T, n int) []T { return s[min(n, len(s)):] }

// plain is the encoding of data that a model sees as they are.
type plain[T cell.Float] struct{}

func (plain[T]) inputs(dim int) int              { return dim }
func (plain[T]) encode(u, x []T, rows, dim int)  { copy(u, x[:rows*dim]) }
func (plain[T]) inputMean(stats Stats) []float64 { return stats.Mean }

type bernoulli[T cell.Float] struct{ plain[T] }

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
type gauss[T cell.Float] struct {
	plain[T]
	logVar bool
}

func (l gauss[T]) form() kernels.ScaleForm {
	if l.logVar {
		return kernels.LogVar
	}
	return kernels.SoftplusSigma
}

func (gauss[T]) heads(dim int) []int { return []int{dim, dim} }

func (l gauss[T]) initBias(b []T, _ Stats) {
	if !l.logVar {
		fill(b[len(b)/2:], sigmaBias)
	}
}

func (l gauss[T]) logProb(lp, x, out []T, rows, dim int) {
	kernels.GaussLogProb(lp, x, out, from(out, dim), l.form(), rows, dim, 2*dim)
}

func (l gauss[T]) backward(dout, dlp, x, out []T, rows, dim int) {
	kernels.GaussLogProbBackward(nil, nil, dout, from(dout, dim), dlp, x, out, from(out, dim), l.form(), rows, dim, 2*dim)
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
	sigmasOf(mean, from(out, dim), l.form(), rows, dim, 2*dim)
	add("theta_sig", mean)
}

// sigmas writes σ = softplus(a) + 1e-4 of rows of cols columns with the row stride ld.
func sigmas[T cell.Float](sigma, a []T, rows, cols, ld int) {
	sigmasOf(sigma, a, kernels.SoftplusSigma, rows, cols, ld)
}

// sigmasOf is sigmas for both forms of a head: LogVar is a = ln σ².
func sigmasOf[T cell.Float](sigma, a []T, form kernels.ScaleForm, rows, cols, ld int) {
	sigma = sigma[:rows*cols]
	for i := range rows {
		copy(sigma[i*cols:(i+1)*cols], a[i*ld:])
	}
	if form == kernels.LogVar {
		kernels.Scal(sigma, sigma, 0.5)
		kernels.Exp(sigma, sigma)
		return
	}
	kernels.Softplus(sigma, sigma)
	for i := range sigma {
		sigma[i] += kernels.ScaleEps
	}
}
