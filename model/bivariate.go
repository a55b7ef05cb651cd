package model

import (
	"errors"
	"math"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// Bivariate is pen strokes, D = 3: a bit and two correlated coordinates, ρ = tanh(r),
// [logit of the bit | μ1 | μ2 | a1 | a2 | r].
//
//	ln p = ln Bernoulli(x_0) + ln N2(x_1, x_2; μ, σ, ρ)
const Bivariate = "bivariate"

// BivariateMixture is the same with a mixture of K of them, [logit of the bit | μ1 K | μ2 K |
// a1 K | a2 K | r K | logits K]. Source: Graves 2013.
const BivariateMixture = "bivariate-mixture"

// bivariate is the output of Graves 2013 for pen strokes: a Bernoulli bit and two
// coordinates under a mixture of k bivariate normals with correlation, or under a single
// one. A row of data is (pen, x1, x2), a row of outputs
//
//	pen logit   μ1[k]   μ2[k]   a1[k]   a2[k]   r[k]   logits[k]
//
// with σ = softplus(a) + SigmaFloor and ρ = tanh(r); a single normal goes without the logit.
type bivariate[T cell.Float] struct {
	plain[T]
	k       int
	mixture bool
	form    kernels.ScaleForm
}

func newBivariate[T cell.Float](c Config) likelihood[T] {
	return bivariate[T]{k: 1, form: c.outputForm()}
}

func newBivariateMixture[T cell.Float](c Config) likelihood[T] {
	return bivariate[T]{k: c.Components, mixture: true, form: c.outputForm()}
}

func (bivariate[T]) dims(dim int) error {
	if dim != 3 {
		return errors.New("3 dimensions, a pen bit and two coordinates")
	}
	return nil
}

func (bivariate[T]) value(j int, v float32) error {
	if j > 0 {
		return nil
	}
	return probability(Bernoulli, v)
}

func (l bivariate[T]) heads(int) []int {
	h := []int{1, l.k, l.k, l.k, l.k, l.k}
	if l.mixture {
		h = append(h, l.k)
	}
	return h
}

// width returns the number of outputs.
func (l bivariate[T]) width() int {
	if l.mixture {
		return 1 + 6*l.k
	}
	return 1 + 5*l.k
}

// initBias: σ as everywhere, the pen at the logit of its mean as in bernoulli.
func (l bivariate[T]) initBias(b []T, stats Stats) {
	bernoulli[T]{}.initBias(b[:1], stats)
	fill(b[1+2*l.k:1+4*l.k], sigmaBias)
}

// plane returns one of μ1, μ2, a1, a2, r and logits of a row of outputs.
func (l bivariate[T]) plane(row []T, i int) []T { return row[1+i*l.k:][:l.k] }

func (l bivariate[T]) logProb(lp, x, mask, out []T, rows, _ int) {
	if l.mixture {
		kernels.BivariateMixtureLogProb(lp, x, &kernels.Bivariate[T]{Theta: out, Mask: mask, K: l.k, Ld: l.width(), Form: l.form}, rows)
	} else {
		kernels.BivariateLogProb(lp, x, &kernels.Bivariate[T]{Theta: out, Mask: mask, K: 1, Ld: l.width(), Form: l.form}, rows)
	}
}

func (l bivariate[T]) backward(dout, dlp, x, mask, out []T, rows, _ int) {
	if l.mixture {
		kernels.BivariateMixtureLogProbBackward(nil, nil, &kernels.BivariateGrad[T]{Theta: dout}, dlp, x,
			&kernels.Bivariate[T]{Theta: out, Mask: mask, K: l.k, Ld: l.width(), Form: l.form}, rows)
	} else {
		kernels.BivariateLogProbBackward(nil, nil, &kernels.BivariateGrad[T]{Theta: dout}, dlp, x,
			&kernels.Bivariate[T]{Theta: out, Mask: mask, K: 1, Ld: l.width(), Form: l.form}, rows)
	}
}

// weights returns the mixture weights [rows, k].
func (l bivariate[T]) weights(out []T, rows, n int) []T {
	if l.mixture {
		return softmaxRows(from(out, 1+5*l.k), rows, l.k, n)
	}
	w := make([]T, rows)
	fill(w, 1)
	return w
}

// sample draws the pen and a component, with noise of their own, and then a point of it:
// e1 and ρ e1 + sqrt(1-ρ²) e2 are two normals with correlation ρ.
func (l bivariate[T]) sample(x, out []T, noise kernels.Noise, step, row0 uint32, rows, dim int) {
	n := l.width()
	u, eps, pen, rho := make([]T, rows), make([]T, rows*2), make([]T, rows), make([]T, 1)
	kernels.Normals(eps, noise, step, row0, rows, 2)
	penNoise := noise
	penNoise.Stream = streamPen
	kernels.Uniforms(u, penNoise, step, row0, rows, 1)
	for i := range rows {
		pen[i] = out[i*n]
	}
	kernels.Sigmoid(pen, pen)
	for i, c := range drawClasses(l.weights(out, rows, n), noise, step, row0, rows, 1, l.k) {
		row, to, e := out[i*n:(i+1)*n], x[i*dim:(i+1)*dim], eps[2*i:2*i+2]
		to[0] = 0
		if u[i] < pen[i] {
			to[0] = 1
		}
		kernels.Tanh(rho, l.plane(row, 4)[c:c+1])
		rest := T(math.Sqrt(float64(T(1-rho[0]) * T(1+rho[0]))))
		e[1] = T(rho[0]*e[0]) + T(rest*e[1])
		for j := range 2 {
			kernels.GaussSample(to[1+j:], &kernels.Gauss[T]{Mu: l.plane(row, j)[c:], S: l.plane(row, 2+j)[c:], Ld: 1, Form: l.form}, e[j:], 1, 1)
		}
	}
}

// mean writes the probability of the pen and the mean of the mixture.
func (l bivariate[T]) mean(x, out []T, rows, dim int) {
	n := l.width()
	w := l.weights(out, rows, n)
	for i := range rows {
		row, to := out[i*n:(i+1)*n], x[i*dim:(i+1)*dim]
		kernels.Sigmoid(to[:1], row[:1])
		clear(to[1:])
		for c := range l.k {
			for j := range 2 {
				kernels.Axpy(to[1+j:2+j], l.plane(row, j)[c:c+1], w[i*l.k+c])
			}
		}
	}
}

// channels adds the probability of the pen and, of the components, means, σ, correlations
// and weights.
func (l bivariate[T]) channels(add func(name string, values []T), out []T, rows, _ int) {
	n := l.width()
	sigma, v := make([]T, 2*l.k), make([]T, l.k)
	for i := range rows {
		row := out[i*n : (i+1)*n]
		kernels.Sigmoid(v[:1], row[:1])
		add("theta_pen", v[:1])
		add("theta_mu", row[1:1+2*l.k])
		sigmas(sigma, row[1+2*l.k:], l.form, 1, 2*l.k, 2*l.k)
		add("theta_sig", sigma)
		kernels.Tanh(v, l.plane(row, 4))
		add("theta_corr", v)
	}
	if l.mixture {
		add("coeff", l.weights(out, rows, n))
	}
}
