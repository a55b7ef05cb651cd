package model

import (
	"math"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/f64"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/kernels"
)

// Outputs for real-valued series whose dimensions depend on each other, or that have outliers.
const (
	// GaussFull is a normal with a full covariance, [μ D | a D | T D(D-1)/2], each dimension a regression on
	// those before it, whose residual has ln σ = 8 tanh(a/8): see [kernels.Multivariate].
	GaussFull = "gauss-full"
	// Student is independent scales under one Student's t distribution, [μ D | a D], with ln σ = 8 tanh(a/8)
	// and ν = 2 + exp(min(student.nu, 16)) degrees of freedom, which are learned.
	Student = "student"
	// StudentFull is that with the outputs of GaussFull.
	StudentFull = "student-full"
	// GaussLowRank is a normal with the covariance diag(σ²) + W W' of Config.Rank factors, for many dimensions,
	// [μ D | a D | U D·Rank], with ln σ = 8 tanh(a/8) and W = diag(σ) U.
	GaussLowRank = "gauss-lowrank"
)

// fieldRank is of a covariance of low rank.
var fieldRank = number("rank", func(c *Config) *int { return &c.Rank }, 4, 1, 256)

// multivariate is what they have in common.
type multivariate[T cell.Float] struct {
	plain[T]
	diagonal bool
	rank     int
}

func (l multivariate[T]) heads(dim int) []int {
	switch {
	case l.diagonal:
		return []int{dim, dim}
	case l.rank > 0:
		return []int{dim, dim, l.rank * dim}
	}
	return []int{dim, dim, dim * (dim - 1) / 2}
}

func (l multivariate[T]) params(out, mask []T, dim int, nu float64) *kernels.Multivariate[T] {
	return &kernels.Multivariate[T]{Theta: out, Ld: l.width(dim), Nu: nu, Diagonal: l.diagonal, Rank: l.rank, Mask: mask}
}

func (l multivariate[T]) width(dim int) (n int) {
	for _, h := range l.heads(dim) {
		n += h
	}
	return n
}

// initBias starts at the covariance of the training data, where stats have it, else at N(0, I).
func (l multivariate[T]) initBias(b []T, stats Stats) {
	if stats.Residual != nil {
		l.start(b, stats.Mean, stats.Residual)
	}
}

// start makes a row of outputs the distribution with a mean and a covariance.
func (l multivariate[T]) start(b []T, mean, cov []float64) {
	dim := len(mean)
	for j, v := range mean {
		b[j] = T(v)
	}
	scale := func(j int, variance float64) {
		t := math.Min(math.Max(0.5*f64.Log(math.Max(variance, 1e-12))/8, -0.99), 0.99)
		b[dim+j] = T(4 * (f64.Log(1+t) - f64.Log(1-t))) // 8 atanh
	}
	switch {
	case l.diagonal:
		for j := range dim {
			scale(j, cov[j*dim+j])
		}
		return
	case l.rank > 0:
		for j, v := range factors(b[2*dim:], cov, dim) {
			scale(j, v)
		}
		return
	}
	// Row i of T is the regression on the dimensions before it: with the factor L of the covariance and its
	// unit form U, it is that of 1 - U^-1.
	u, inv := factor(cov, dim), make([]float64, dim*dim)
	for j := range dim {
		d := u[j*dim+j]
		scale(j, d*d)
		for i := j; i < dim; i++ {
			u[i*dim+j] /= d
		}
	}
	for j := range dim {
		inv[j*dim+j] = 1
		for i := j + 1; i < dim; i++ {
			sum := 0.0
			for k := j; k < i; k++ {
				sum += float64(u[i*dim+k] * inv[k*dim+j])
			}
			inv[i*dim+j] = -sum
		}
	}
	at := 2 * dim
	for j := range dim {
		for i := j + 1; i < dim; i++ {
			b[at] = T(-inv[i*dim+j])
			at++
		}
	}
}

// factors writes U of the principal factors of a covariance, [factors, dim], and returns the variances that are left
// to the dimensions, so that those of the whole are the same. What the factors leave counts as noise of one size.
//
// Source: Tipping and Bishop 1999, of the correlations.
func factors[T cell.Float](u []T, cov []float64, dim int) (left []float64) {
	rest, left := make([]float64, dim*dim), make([]float64, dim)
	for i := range dim {
		for j := range dim {
			rest[i*dim+j] = cov[i*dim+j] / math.Sqrt(math.Max(cov[i*dim+i], 1e-12)*math.Max(cov[j*dim+j], 1e-12))
		}
		left[i] = 1
	}
	n := len(u) / dim
	v, values, noise := make([]float64, (n+1)*dim), make([]float64, n), float64(dim)
	for k := range n {
		vk := v[k*dim:][:dim]
		values[k] = principal(vk, v[n*dim:], rest, k%dim)
		noise -= values[k]
		for i := range dim {
			for j := range dim {
				rest[i*dim+j] -= float64(float64(vk[i]*vk[j]) * values[k])
			}
		}
	}
	noise = math.Max(noise/math.Max(float64(dim-n), 1), 0.05)
	for k, value := range values {
		root := math.Sqrt(math.Max(value-noise, 0.01)) // a factor of 0 would have no gradient
		for i := range dim {
			loading := float64(root * v[k*dim+i])
			v[k*dim+i] = loading
			left[i] -= float64(loading * loading)
		}
	}
	for i := range dim {
		left[i] = math.Max(left[i], 0.05)
		for k := range n {
			u[k*dim+i] = T(v[k*dim+i] / math.Sqrt(left[i]))
		}
		left[i] *= cov[i*dim+i]
	}
	return left
}

// principal makes v the eigenvector of the largest eigenvalue of a, by powers of a from near dimension at on, and
// returns the eigenvalue; w is of its size.
func principal(v, w, a []float64, at int) (value float64) {
	dim := len(v)
	for i := range v {
		v[i] = 1 / float64(dim)
	}
	v[at]++
	for range 50 {
		norm := 0.0
		for i := range w {
			w[i] = 0
			for j, x := range v {
				w[i] += float64(a[i*dim+j] * x)
			}
			norm += float64(w[i] * w[i])
		}
		value = math.Sqrt(norm)
		for i := range v {
			v[i] = w[i] / math.Max(value, 1e-12)
		}
	}
	return value
}

func (l multivariate[T]) mean(x, out []T, rows, dim int) {
	for i, w := 0, l.width(dim); i < rows; i++ {
		copy(x[i*dim:(i+1)*dim], out[i*w:])
	}
}

// meanBackward adds to the gradient of the means, which are outputs.
func (l multivariate[T]) meanBackward(dout, dy, _ []T, rows, dim int) {
	for i, w := 0, l.width(dim); i < rows; i++ {
		kernels.Axpy(dout[i*w:i*w+dim], dy[i*dim:(i+1)*dim], 1)
	}
}

// channels adds the means, and the e^s of the dimensions given those before them, or the factors.
func (l multivariate[T]) channels(add func(name string, values []T), out []T, rows, dim int) {
	v, w := make([]T, rows*dim), l.width(dim)
	l.mean(v, out, rows, dim)
	add("theta_mu", v)
	for i := range rows {
		copy(v[i*dim:(i+1)*dim], out[i*w+dim:])
	}
	kernels.Scal(v, v, 1./8)
	kernels.Tanh(v, v)
	kernels.Scal(v, v, 8)
	kernels.Exp(v, v)
	add("theta_sig", v)
}

// multiGauss is a multivariate normal.
type multiGauss[T cell.Float] struct{ multivariate[T] }

func newGaussFull[T cell.Float](Config) likelihood[T] { return multiGauss[T]{} }

func newGaussLowRank[T cell.Float](c Config) likelihood[T] {
	return multiGauss[T]{multivariate[T]{rank: c.Rank}}
}

func (l multiGauss[T]) logProb(lp, x, mask, out []T, rows, dim int) {
	kernels.MultivariateLogProb(lp, x, l.params(out, mask, dim, 0), rows, dim)
}

func (l multiGauss[T]) backward(dout, dlp, x, mask, out []T, rows, dim int) {
	kernels.MultivariateLogProbBackward(nil, &kernels.MultivariateGrad[T]{Theta: dout}, dlp, x, l.params(out, mask, dim, 0), rows, dim)
}

func (l multiGauss[T]) impute(x, mask, out []T, draw bool, noise kernels.Noise, step, row0 uint32, rows, dim int) {
	var eps []T
	if draw {
		eps = make([]T, rows*(dim+l.rank))
		kernels.Normals(eps, noise, step, row0, rows, dim+l.rank)
	}
	kernels.MultivariateImpute(x, l.params(out, mask, dim, 0), eps, rows, dim)
}

func (l multiGauss[T]) sample(x, out []T, noise kernels.Noise, step, row0 uint32, rows, dim int) {
	eps := x
	if l.rank > 0 {
		eps = make([]T, rows*(dim+l.rank))
	}
	kernels.Normals(eps, noise, step, row0, rows, dim+l.rank)
	kernels.MultivariateSample(x, l.params(out, nil, dim, 0), eps, rows, dim)
}

// student is a t distribution; a of ν = 2 + e^a is a parameter of it.
type student[T cell.Float] struct {
	multivariate[T]
	a *vector[T]
}

// startNu is a where ν starts at 8.
var startNu = f64.Log(6)

func newStudent[T cell.Float](Config) likelihood[T] {
	return &student[T]{multivariate: multivariate[T]{diagonal: true}}
}

func newStudentFull[T cell.Float](Config) likelihood[T] { return &student[T]{} }

func (l *student[T]) slots(int) []slot[T] {
	return []slot[T]{{name: "student.nu", place: &l.a, out: 1, start: startNu}}
}

// nu returns ν, and dν/da, which above 16 is that at 16: a gradient of 0 would keep a there for good.
func (l *student[T]) nu() (nu, slope float64) {
	slope = f64.Exp(math.Min(float64(l.a.v[0]), 16))
	return 2 + slope, slope
}

func (l *student[T]) work() worker[T] { return &studentWork[T]{student: l} }

// sample divides normals by the roots of draws of Gamma(ν/2), rate ν/2.
func (l *student[T]) sample(x, out []T, noise kernels.Noise, step, row0 uint32, rows, dim int) {
	nu, _ := l.nu()
	tails(x, nil, nu, noise, step, row0, rows, dim)
	kernels.MultivariateSample(x, l.params(out, nil, dim, 0), x, rows, dim)
}

// impute draws from a t that has one more degree of freedom for every dimension that is there.
func (l *student[T]) impute(x, mask, out []T, draw bool, noise kernels.Noise, step, row0 uint32, rows, dim int) {
	nu, _ := l.nu()
	var eps []T
	if draw {
		eps = make([]T, rows*dim)
		tails(eps, mask, nu, noise, step, row0, rows, dim)
	}
	kernels.MultivariateImpute(x, l.params(out, mask, dim, nu), eps, rows, dim)
}

// tails draws normals, those of a row divided by the root of one draw of Gamma(n/2), rate n/2: n is ν and one more
// for every dimension that a mask says is there.
func tails[T cell.Float](x, mask []T, nu float64, noise kernels.Noise, step, row0 uint32, rows, dim int) {
	kernels.Normals(x, noise, step, row0, rows, dim)
	shape := func(i int) float64 {
		n := nu
		if mask != nil {
			n += float64(dim - missing(mask[i*dim:(i+1)*dim]))
		}
		return n / 2
	}
	for i, g := range gammas[T](shape, noise, step, row0, rows) {
		kernels.Scal(x[i*dim:(i+1)*dim], x[i*dim:(i+1)*dim], T(1/math.Sqrt(g)))
	}
}

// gammaTries is how often a draw may be rejected, one in twenty at most; then it is the mode.
const gammaTries = 16

// gammas draws from Gamma(shape) with the mean 1, shape above 1, one for each row, by rejection.
//
// Source: Marsaglia and Tsang 2000.
func gammas[T cell.Float](shapeOf func(row int) float64, noise kernels.Noise, step, row0 uint32, rows int) []float64 {
	z, u, g := make([]T, rows*gammaTries), make([]T, rows*gammaTries), make([]float64, rows)
	noise.Stream = streamGamma
	kernels.Normals(z, noise, step, row0, rows, gammaTries)
	noise.Stream = streamAccept
	kernels.Uniforms(u, noise, step, row0, rows, gammaTries)
	for i := range g {
		shape := shapeOf(i)
		d := shape - 1.0/3
		c := 1 / math.Sqrt(9*d)
		g[i] = d / shape
		for k := range gammaTries {
			n := float64(z[i*gammaTries+k])
			v := 1 + float64(c*n)
			if v <= 0 {
				continue
			}
			v = v * v * v
			if f64.Log(float64(u[i*gammaTries+k])) < float64(n*n/2)+d-float64(d*v)+float64(d*f64.Log(v)) {
				g[i] = d * v / shape
				break
			}
		}
	}
	return g
}

// studentWork is a t distribution over the rows of a batch.
type studentWork[T cell.Float] struct {
	*student[T]
	run[T]
	dnu []T // of every row
}

func (w *studentWork[T]) begin(r run[T]) { w.run, w.dnu = r, w.dnu[:0] }

func (w *studentWork[T]) beginBackward() { w.dnu = pages.Grow(w.dnu, w.shape.Rows()) }

func (w *studentWork[T]) logProb(lp, out []T, lo, hi int) {
	nu, _ := w.nu()
	d, ld := w.dim, w.width(w.dim)
	kernels.MultivariateLogProb(lp[lo:hi], w.x[lo*d:hi*d], w.params(out[lo*ld:hi*ld], rowsOf(w.mask, lo, hi, d), d, nu), hi-lo, d)
}

func (w *studentWork[T]) backward(dout, dlp, out []T, lo, hi int) {
	nu, _ := w.nu()
	d, ld := w.dim, w.width(w.dim)
	kernels.MultivariateLogProbBackward(nil, &kernels.MultivariateGrad[T]{Theta: dout[lo*ld : hi*ld], Nu: w.dnu[lo:hi]}, dlp[lo:hi],
		w.x[lo*d:hi*d], w.params(out[lo*ld:hi*ld], rowsOf(w.mask, lo, hi, d), d, nu), hi-lo, d)
}

// paramGrad is a sum over all rows, which the first part does alone.
func (w *studentWork[T]) paramGrad(grad likelihood[T], i, _ int) {
	if i > 0 {
		return
	}
	sum := 0.0
	for _, d := range w.dnu {
		sum += float64(d)
	}
	_, slope := w.nu()
	grad.(*student[T]).a.v[0] += T(sum * slope)
}
