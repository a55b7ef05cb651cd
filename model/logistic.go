package model

import (
	"fmt"
	"math"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// LogisticMixture is quantised signals. Every dimension takes one of Config.Levels levels
// between -1 and 1, a step of 2δ = 2/(Levels-1) apart, and has K logistic distributions of
// its own, [logits D·K | μ D·K | a D·K].
//
//	p(x_j) = Σ_k softmax(logits_j)_k (F((x_j + δ - μ_jk)/σ_jk) - F((x_j - δ - μ_jk)/σ_jk))
//
// with F(u) = 1/(1 + exp(-u)); the outermost levels take in all that is beyond them. Source:
// Salimans et al. 2017.
const LogisticMixture = "logistic-mixture"

// logistic is the output for quantised signals: every dimension has a mixture of k logistic
// distributions of its own, discretised to levels between -1 and 1 (Salimans et al. 2017).
// A row of outputs is [logits dim x k | means dim x k | a dim x k] with the scales
// softplus(a) + SigmaFloor.
type logistic[T cell.Float] struct {
	plain[T]
	k, levels int
	form      kernels.ScaleForm
}

// fieldLevels is how many levels there are: 256 for 8 bit.
var fieldLevels = number("levels", func(c *Config) *int { return &c.Levels }, 256, 2, 1<<16)

func newLogistic[T cell.Float](c Config) likelihood[T] {
	return logistic[T]{k: c.Components, levels: c.Levels, form: c.outputForm()}
}

func (l logistic[T]) suits(f Form) error {
	if f.Levels > 0 && f.Levels != l.levels {
		return fmt.Errorf("has %d levels, the model %d", f.Levels, l.levels)
	}
	return l.plain.suits(f)
}

func (logistic[T]) value(_ int, v float32) error {
	if v >= -1 && v <= 1 {
		return nil
	}
	return fmt.Errorf("%v is not between the levels, want -1..1", v)
}

func (l logistic[T]) heads(dim int) []int { return []int{dim * l.k, dim * l.k, dim * l.k} }

func (l logistic[T]) initBias(b []T, _ Stats) { fill(b[2*len(b)/3:], sigmaBias) }

// parts returns logits, means and scales of the outputs, and their row stride.
func (l logistic[T]) parts(out []T, dim int) (logits, mu, s []T, ld int) {
	n := dim * l.k
	return out, from(out, n), from(out, 2*n), 3 * n
}

func (l logistic[T]) logProb(lp, x, mask, out []T, rows, dim int) {
	logits, mu, s, ld := l.parts(out, dim)
	kernels.LogisticMixtureLogProb(lp, x, l.levels, &kernels.Mixture[T]{Logits: logits, Mu: mu, S: s, Mask: mask, K: l.k, Ld: ld, Form: l.form}, rows, dim)
}

func (l logistic[T]) backward(dout, dlp, x, mask, out []T, rows, dim int) {
	logits, mu, s, ld := l.parts(out, dim)
	dlogits, dmu, ds, _ := l.parts(dout, dim)
	kernels.LogisticMixtureLogProbBackward(nil, &kernels.MixtureGrad[T]{Logits: dlogits, Mu: dmu, S: ds}, dlp, x, l.levels,
		&kernels.Mixture[T]{Logits: logits, Mu: mu, S: s, Mask: mask, K: l.k, Ld: ld, Form: l.form}, rows, dim)
}

// weights returns the mixture weights [rows, dim, k].
func (l logistic[T]) weights(out []T, rows, dim, ld int) []T {
	w := make([]T, rows*dim*l.k)
	for i := range rows {
		copy(w[i*dim*l.k:(i+1)*dim*l.k], out[i*ld:])
	}
	kernels.Softmax(w, w, rows*dim, l.k)
	return w
}

// sample draws a component, with noise of its own, and then the level in whose bin a point
// of it falls: μ + s ln(u/(1-u)).
func (l logistic[T]) sample(x, out []T, noise kernels.Noise, step, row0 uint32, rows, dim int) {
	_, mu, s, ld := l.parts(out, dim)
	which := drawClasses(l.weights(out, rows, dim, ld), noise, step, row0, rows, dim, l.k)
	kernels.Uniforms(x, noise, step, row0, rows, dim)
	v := make([]T, rows*dim)
	for i, u := range x[:rows*dim] {
		v[i] = 1 - u
	}
	kernels.Log(x, x[:rows*dim])
	kernels.Log(v, v)
	for i, c := range which {
		at := i/dim*ld + i%dim*l.k + c
		one := x[i : i+1]
		one[0] -= v[i]
		kernels.GaussSample(one, &kernels.Gauss[T]{Mu: mu[at:], S: s[at:], Ld: 1, Form: l.form}, one, 1, 1)
		one[0] = l.level(one[0])
	}
}

// level returns the level nearest to x.
func (l logistic[T]) level(x T) T {
	last := float64(l.levels - 1)
	n := math.Round((float64(x) + 1) * last / 2)
	return T(2*min(max(n, 0), last)/last - 1)
}

// mean writes the level nearest to the mean of the mixture before it is discretised.
func (l logistic[T]) mean(x, out []T, rows, dim int) {
	_, mu, _, ld := l.parts(out, dim)
	w := l.weights(out, rows, dim, ld)
	for i := range x[:rows*dim] {
		x[i] = 0
		for c := range l.k {
			kernels.Axpy(x[i:i+1], mu[i/dim*ld+i%dim*l.k+c:][:1], w[i*l.k+c])
		}
		x[i] = l.level(x[i])
	}
}

// channels adds the means, the scales and the weights of the components.
func (l logistic[T]) channels(add func(name string, values []T), out []T, rows, dim int) {
	_, mu, s, ld := l.parts(out, dim)
	n := dim * l.k
	for i := range rows {
		add("theta_mu", mu[i*ld:i*ld+n])
	}
	scale := make([]T, rows*n)
	sigmas(scale, s, l.form, rows, n, ld)
	add("theta_sig", scale)
	add("coeff", l.weights(out, rows, dim, ld))
}
