package model

import (
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// GMM is a mixture of normals whose components span all dimensions, [logits K | μ K·D | a K·D].
//
//	ln p = ln Σ_k softmax(logits)_k Π_j N(x_j; μ_kj, σ_kj)
//
// Source: Chung et al. 2015.
const GMM = "gmm"

// gmm is a mixture of k diagonal normals with weights shared by the dimensions. A row of
// outputs is [logits k | means k x dim | a k x dim] with σ = softplus(a) + SigmaFloor.
type gmm[T cell.Float] struct {
	plain[T]
	k    int
	form kernels.ScaleForm
}

func newGMM[T cell.Float](c Config) likelihood[T] {
	return gmm[T]{k: c.Components, form: c.outputForm()}
}

func (l gmm[T]) heads(dim int) []int { return []int{l.k, l.k * dim, l.k * dim} }

func (l gmm[T]) initBias(b []T, _ Stats) {
	n := (len(b) - l.k) / 2
	fill(b[l.k+n:], sigmaBias)
}

// parts returns logits, means and scales of the outputs, and their row stride.
func (l gmm[T]) parts(out []T, dim int) (logits, mu, s []T, ld int) {
	return out, from(out, l.k), from(out, l.k+l.k*dim), l.k + 2*l.k*dim
}

func (l gmm[T]) logProb(lp, x, mask, out []T, rows, dim int) {
	logits, mu, s, ld := l.parts(out, dim)
	kernels.GMMLogProb(lp, x, &kernels.Mixture[T]{Logits: logits, Mu: mu, S: s, Mask: mask, K: l.k, Ld: ld, Form: l.form}, rows, dim)
}

func (l gmm[T]) backward(dout, dlp, x, mask, out []T, rows, dim int) {
	logits, mu, s, ld := l.parts(out, dim)
	dlogits, dmu, ds, _ := l.parts(dout, dim)
	kernels.GMMLogProbBackward(nil, nil, &kernels.MixtureGrad[T]{Logits: dlogits, Mu: dmu, S: ds}, dlp, x,
		&kernels.Mixture[T]{Logits: logits, Mu: mu, S: s, Mask: mask, K: l.k, Ld: ld, Form: l.form}, rows, dim)
}

// sample draws a component, with noise of its own, and then from it.
func (l gmm[T]) sample(x, out []T, noise kernels.Noise, step, row0 uint32, rows, dim int) {
	_, mu, s, ld := l.parts(out, dim)
	which := drawClasses(l.weights(out, rows, ld), noise, step, row0, rows, 1, l.k)
	kernels.Normals(x, noise, step, row0, rows, dim)
	for i, c := range which {
		at, row := i*ld+c*dim, x[i*dim:(i+1)*dim]
		kernels.GaussSample(row, &kernels.Gauss[T]{Mu: mu[at:], S: s[at:], Ld: dim, Form: l.form}, row, 1, dim)
	}
}

// weights returns the mixture weights [rows, k].
func (l gmm[T]) weights(out []T, rows, ld int) []T { return softmaxRows(out, rows, l.k, ld) }

func (l gmm[T]) mean(x, out []T, rows, dim int) {
	_, mu, _, ld := l.parts(out, dim)
	clear(x[:rows*dim])
	for i, w := range l.weights(out, rows, ld) {
		row, c := i/l.k, i%l.k
		kernels.Axpy(x[row*dim:(row+1)*dim], mu[row*ld+c*dim:][:dim], w)
	}
}

// channels adds the means, the σ and the weights of the components.
func (l gmm[T]) channels(add func(name string, values []T), out []T, rows, dim int) {
	_, mu, s, ld := l.parts(out, dim)
	n := l.k * dim
	for i := range rows {
		add("theta_mu", mu[i*ld:i*ld+n])
	}
	sigma := make([]T, rows*n)
	sigmas(sigma, s, l.form, rows, n, ld)
	add("theta_sig", sigma)
	add("coeff", l.weights(out, rows, ld))
}

// softmaxRows returns the softmax [rows, k] of rows of logits with the row stride ld.
func softmaxRows[T cell.Float](logits []T, rows, k, ld int) []T {
	p := make([]T, rows*k)
	for i := range rows {
		copy(p[i*k:(i+1)*k], logits[i*ld:])
	}
	kernels.Softmax(p, p, rows, k)
	return p
}

// drawClasses draws classes [rows, cols] from the probabilities p [rows, cols, k].
func drawClasses[T cell.Float](p []T, noise kernels.Noise, step, row0 uint32, rows, cols, k int) []int {
	noise.Stream = streamClass
	u := make([]T, rows*cols)
	kernels.Uniforms(u, noise, step, row0, rows, cols)
	which := make([]int, rows*cols)
	for i := range which {
		// What rounding leaves of the sum goes to the last class that has any probability.
		sum, last := T(0), 0
		for c, v := range p[i*k : (i+1)*k] {
			if v > 0 {
				last = c
			}
			if sum += v; u[i] < sum {
				break
			}
		}
		which[i] = last
	}
	return which
}
