package model

import "math"

// linearFit is a regression of steps on those before them, in the training data: what a [Config] with
// Skip starts from, and a likelihood with a full covariance.
//
//	x_t - mean = W [x_{t-1} - mean | x_{t-1} - x_{t-2} | ... | t = 0] + r_t
//
// where a sequence stands still before its first step. A missing value counts as the one before it or, where there
// is none, as the mean.
type linearFit struct {
	// Skip is W, [Data, Skip Data + 1], the last column first; nil without lags.
	Skip []float64
	// Residual is the covariance of r, First that in first steps, both [Data, Data]. Without lags
	// Residual is that of x, and First is nil.
	Residual, First []float64
}

// StatsFor returns the [Data.Stats] of a model's configuration, with a linear fit where it starts from one.
func (d *Data) StatsFor(c Config) Stats {
	s := d.Stats()
	full := c.Likelihood == GaussFull || c.Likelihood == Student || c.Likelihood == StudentFull || c.Likelihood == GaussLowRank
	if c.Skip == 0 && !full {
		return s
	}
	n := c.Skip*d.Dim + 1
	fit := &moments{dim: d.Dim, lags: c.Skip, mean: s.Mean, row: make([]float64, n+d.Dim)}
	fit.sum = make([]float64, len(fit.row)*len(fit.row))
	fit.each(d.Train, fit.add)
	s.Skip = fit.solve()
	s.Residual, s.First = fit.covariances(d.Train, s.Skip)
	if c.Skip == 0 {
		s.Skip, s.First = nil, nil
	}
	return s
}

// moments are sums of products of regressors and steps.
type moments struct {
	dim, lags int
	mean      []float64
	row       []float64 // [x_{t-1} | differences | t = 0 | x_t], less the mean
	sum       []float64 // of the products of its elements
}

// each calls f for every step, with row set.
func (m *moments) each(seqs []Sequence, f func(first bool)) {
	d, n := m.dim, m.lags*m.dim
	walk(seqs, d, func(_, t int, x []float32) error {
		switch {
		case t == 0:
			clear(m.row)
		case n > 0:
			copy(m.row[d:n], m.row[:n-d])
			copy(m.row[:d], m.row[n+1:])
			for j := d; j < min(2*d, n); j++ {
				if m.row[j] = m.row[j-d] - m.row[j]; t == 1 {
					m.row[j] = 0
				}
			}
		}
		m.row[n] = 0
		if t == 0 && n > 0 {
			m.row[n] = 1
		}
		for j := range d {
			if x[j] == x[j] {
				m.row[n+1+j] = float64(x[j]) - m.mean[j]
			}
		}
		f(t == 0)
		return nil
	})
}

func (m *moments) add(bool) {
	n := len(m.row)
	for i, a := range m.row {
		for j, b := range m.row[:i+1] {
			m.sum[i*n+j] += float64(a * b)
		}
	}
}

// solve returns the coefficients by least squares, with a ridge that only keeps constant columns from
// doing harm.
func (m *moments) solve() []float64 {
	n, all := m.lags*m.dim+1, len(m.row)
	a := make([]float64, n*n)
	for i := range n {
		for j := range i + 1 {
			a[i*n+j] = m.sum[i*all+j]
		}
		a[i*n+i] += 1e-6 + float64(1e-9*a[i*n+i])
	}
	l := factor(a, n)
	w := make([]float64, m.dim*n)
	for k := range m.dim {
		y := w[k*n : (k+1)*n]
		copy(y, m.sum[(n+k)*all:][:n])
		for i := range n {
			for j := range i {
				y[i] -= float64(l[i*n+j] * y[j])
			}
			y[i] /= l[i*n+i]
		}
		for i := n - 1; i >= 0; i-- {
			for j := i + 1; j < n; j++ {
				y[i] -= float64(l[j*n+i] * y[j])
			}
			y[i] /= l[i*n+i]
		}
	}
	return w
}

// covariances returns that of what is left of all steps but the first ones, and that of the first ones;
// without lags all steps count as the former. Of no more first ones than dimensions it is that of all steps. Of few steps it may be singular, so its diagonal is raised by a millionth.
func (m *moments) covariances(seqs []Sequence, w []float64) (later, first []float64) {
	d, n := m.dim, m.lags*m.dim+1
	r := make([]float64, d)
	later, first = make([]float64, d*d), make([]float64, d*d)
	var laters, firsts float64
	m.each(seqs, func(is bool) {
		cov, count := later, &laters
		if is && m.lags > 0 {
			cov, count = first, &firsts
		}
		*count++
		for j := range r {
			r[j] = m.row[n+j]
			for k := range n {
				r[j] -= float64(w[j*n+k] * m.row[k])
			}
			for i := range j + 1 {
				cov[j*d+i] += float64(r[j] * r[i])
			}
		}
	})
	scale := func(cov []float64, count float64) {
		for j := range d {
			for i := range j + 1 {
				cov[j*d+i] /= math.Max(count-1, 1)
				cov[i*d+j] = cov[j*d+i]
			}
			cov[j*d+j] += 1e-6
		}
	}
	if firsts <= float64(d) { // the covariance of so few is singular: that of all steps, which come first elsewhere
		for j := range d {
			copy(first[j*d:][:j+1], m.sum[(n+j)*len(m.row)+n:])
		}
		firsts += laters
	}
	scale(later, laters)
	scale(first, firsts)
	return later, first
}

// factor returns the Cholesky factor L of a symmetric matrix of n rows, of which the lower triangle counts.
// What is not positive definite is made so as if its diagonal were larger there.
func factor(a []float64, n int) []float64 {
	l := make([]float64, n*n)
	for i := range n {
		for j := range i + 1 {
			v := a[i*n+j]
			for k := range j {
				v -= float64(l[i*n+k] * l[j*n+k])
			}
			if i == j {
				l[i*n+i] = math.Sqrt(math.Max(v, float64(1e-12*a[i*n+i])+1e-300))
			} else {
				l[i*n+j] = v / l[j*n+j]
			}
		}
	}
	return l
}
