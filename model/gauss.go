package model

import (
	"math"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/f64"
	"github.com/elbow-go/elbow/kernels"
)

// Gauss is independent normals, [μ D | a D].
//
//	ln p = Σ_j ln N(x_j; μ_j, σ_j)
const Gauss = "gauss"

// gauss lays its outputs out as [mean | a] per row, with σ of a in the form.
type gauss[T cell.Float] struct {
	plain[T]
	form kernels.ScaleForm
}

func newGauss[T cell.Float](c Config) likelihood[T] { return gauss[T]{form: c.outputForm()} }

func (gauss[T]) heads(dim int) []int { return []int{dim, dim} }

func (l gauss[T]) initBias(b []T, stats Stats) {
	if stats.Residual != nil {
		l.start(b, stats.Mean, stats.Residual)
		return
	}
	if l.form != kernels.LogVar {
		fill(b[len(b)/2:], sigmaBias)
	}
}

// start makes a row of outputs the distribution with a mean and the variances of a covariance.
func (l gauss[T]) start(b []T, mean, cov []float64) {
	dim := len(mean)
	for j, v := range mean {
		b[j] = T(v)
		variance := math.Max(cov[j*dim+j], 1e-12)
		if l.form == kernels.LogVar {
			b[dim+j] = T(f64.Log(variance))
		} else { // the inverse of softplus
			s := math.Max(math.Sqrt(variance)-l.form.Floor(), 1e-6)
			b[dim+j] = T(s + f64.Log(1-f64.Exp(-s)))
		}
	}
}

func (l gauss[T]) logProb(lp, x, mask, out []T, rows, dim int) {
	p := kernels.GaussHead(out, dim, l.form)
	p.Mask = mask
	kernels.GaussLogProb(lp, x, p, rows, dim)
}

func (l gauss[T]) backward(dout, dlp, x, mask, out []T, rows, dim int) {
	p := kernels.GaussHead(out, dim, l.form)
	p.Mask = mask
	kernels.GaussLogProbBackward(nil, nil, kernels.GaussHeadGrad(dout, dim), dlp, x, p, rows, dim)
}

func (l gauss[T]) sample(x, out []T, noise kernels.Noise, step, row0 uint32, rows, dim int) {
	eps := make([]T, rows*dim)
	kernels.Normals(eps, noise, step, row0, rows, dim)
	kernels.GaussSample(x, kernels.GaussHead(out, dim, l.form), eps, rows, dim)
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
	sigmas(mean, from(out, dim), l.form, rows, dim, 2*dim)
	add("theta_sig", mean)
}
