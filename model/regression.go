package model

import (
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/f64"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/internal/par"
	"github.com/elbow-go/elbow/kernels"
)

// Regression is conditional stochastic regression. A step is [x | y], with Given dimensions
// of x, and a sequence of T steps is T data points.
//
//	y = μ(x) + σ(x) ε     ε ~ N(0, I)
//
// Its objective is the exact likelihood, p(y|x) = N(μ, σ). With Objective.Sampled it is
// stochastic backpropagation: a draw of y by the line above, and the density of the data
// around it, with the gradient through the draw,
//
//	-ln N(y; μ(x) + σ(x) ε, Noise²) = |y - μ - σ ε|²/(2 Noise²) + const
//
// One draw, or the mean over K, is the squared error. Its expectation |y - μ|² + σ² pulls σ
// to 0: it finds the mean of y alone. With Objective.Importance the densities of the K draws
// are averaged before the logarithm, which for growing K is the likelihood with variance
// σ² + Noise², and finds σ as well.
type Regression[T cell.Float] struct {
	base[T]

	net *cell.MLP[T]
}

func newRegression[T cell.Float](c Config) builder[T] {
	m := &Regression[T]{base: newBase[T]("Regression", c)}
	m.points, m.drawn, m.squash, m.dim = true, true, c.Means == MeansUnit, c.Data-c.Given
	m.form = c.outputForm() // of its draws, which are of the output: there are no latent variables
	m.has(
		slot[T]{name: meanTensor, place: &m.Mean, out: c.Given},
		slot[T]{name: "net", place: &m.net, in: c.Given, width: c.Decoder, out: 2 * m.dim, head: output})
	return m
}

// Predict writes μ and σ of p(y|x) of the rows of x [rows, Given] to mu and sigma [rows,
// Data-Given]; sigma may be nil. It panics if a slice is too short or rows is negative.
func (m *Regression[T]) Predict(mu, sigma, x []T, rows int) {
	m.gaussians("Regression.Predict", m.outputNet(m.net), mu, sigma, x, nil, rows, m.dim)
}

// Sample implements [Model]: y is drawn at the mean of x of the training data, which
// stands before it.
func (m *Regression[T]) Sample(dst []T, draw Draw, _ *States[T]) {
	count, steps, seed, mean := draw.Count, draw.Steps, draw.Seed, draw.Mean
	m.checkPacked("Regression.Sample", false)
	checkSample("Regression.Sample", len(dst), count, steps, m.Data)
	d := m.dim
	mu, sigma, y := make([]T, d), make([]T, d), make([]T, d)
	m.Predict(mu, sigma, m.Mean, 1)
	noise := kernels.Noise{Seed: seed, Stream: streamOutput}
	for i := range count {
		for t := range steps {
			copy(y, mu)
			if !mean {
				kernels.Normals(y, noise, uint32(t), uint32(i), 1, d)
				kernels.GaussSample(y, &kernels.Gauss[T]{Mu: mu, S: sigma, Ld: d, Form: kernels.Sigma}, y, 1, d)
			}
			row := dst[(i*steps+t)*m.Data : (i*steps+t+1)*m.Data]
			copy(row[copy(row, m.Mean):], y)
		}
	}
}

// regressionPass is the [Pass] of a [Regression].
type regressionPass[T cell.Float] struct {
	passBase[T]
	m *Regression[T]

	net        pointNet[T] // its rows are [μ | a] of every sample
	y          []T         // of every row
	eps, draw  []T         // of the sampled objective
	scale      []T         // ln σ of its density
	dDraw, dNo []T
	g          *Regression[T]

	forward, back, params func(lo, hi int)
}

// NewPass implements [Model].
func (m *Regression[T]) NewPass(threads int) Pass[T] {
	p := &regressionPass[T]{passBase: m.newPass(threads), m: m, net: pointNet[T]{net: m.outputNet(m.net)}}
	p.forward, p.back, p.params = p.forwardPoints, p.backwardPoints, p.paramGrad
	return p
}

// Forward implements [Pass].
func (p *regressionPass[T]) Forward(b *Batch[T], obj Objective, training bool) {
	p.start(b, obj, training)
	m, rows := p.m, b.Shape.Rows()
	n := rows * m.dim
	p.y = pages.Grow(p.y, n)
	p.x = p.y
	p.net.begin(rows, obj.samples())
	if obj.sampled() {
		p.eps, p.draw, p.scale = pages.Grow(p.eps, n), pages.Grow(p.draw, n), pages.Grow(p.scale, n)
		fill(p.scale, T(f64.Log(m.Config.Noise)))
	}
	par.Do(p.threads, p.net.points, p.forward)
}

func (p *regressionPass[T]) forwardPoints(lo, hi int) {
	m, d, k := p.m, p.m.dim, p.net.k
	p.net.see(p.batch.X, k*m.Data, m.Mean, nil, 0, lo, hi)
	p.net.repeat(lo, hi)
	a, b := lo*k, hi*k
	for i := a; i < b; i++ {
		copy(p.y[i*d:(i+1)*d], p.batch.X[i*m.Data+m.Given:])
	}
	if !p.obj.sampled() {
		p.score(p.net.y, a, b)
		return
	}
	out, y := p.net.y[a*2*d:b*2*d], p.y[a*d:b*d]
	eachStep(p.shape, a, b, 1, p.batch.Row0, func(t, row uint32, from, to int) {
		kernels.Normals(p.eps[from*d:to*d], p.batch.Noise, t, row, to-from, d)
	})
	draw := p.draw[a*d : b*d]
	kernels.GaussSample(draw, kernels.GaussHead(out, d, m.form), p.eps[a*d:b*d], b-a, d)
	kernels.GaussLogProb(p.LogProb[a:b], y, &kernels.Gauss[T]{Mu: draw, S: p.scale[a*d : b*d], Ld: d, Form: kernels.LogSigma}, b-a, d)
}

// Backward implements [Pass].
func (p *regressionPass[T]) Backward(grad Model[T]) {
	if !p.startBackward(p.m, grad) {
		return
	}
	p.g = grad.(*Regression[T])
	p.net.beginBackward()
	if p.obj.sampled() {
		p.dDraw, p.dNo = pages.Grow(p.dDraw, len(p.draw)), pages.Grow(p.dNo, len(p.draw))
	}
	par.Do(p.threads, p.net.points, p.back)
	par.Do(p.threads, p.threads, p.params)
	p.g = nil
}

func (p *regressionPass[T]) backwardPoints(lo, hi int) {
	m, d := p.m, p.m.dim
	a, b := lo*p.net.k, hi*p.net.k
	if p.obj.sampled() {
		out, dOut := p.net.y[a*2*d:b*2*d], p.net.dy[a*2*d:b*2*d]
		y, dlp := p.y[a*d:b*d], p.dlp[a:b]
		dDraw, dNo := p.dDraw[a*d:b*d], p.dNo[a*d:b*d]
		kernels.GaussLogProbBackward(nil, nil, &kernels.GaussGrad[T]{Mu: dDraw, S: dNo}, dlp, y,
			&kernels.Gauss[T]{Mu: p.draw[a*d : b*d], S: p.scale[a*d : b*d], Ld: d, Form: kernels.LogSigma}, b-a, d)
		clear(dOut)
		kernels.GaussSampleBackward(kernels.GaussHeadGrad(dOut, d), dDraw, kernels.GaussHead(out, d, m.form), p.eps[a*d:b*d], b-a, d)
	} else {
		p.scoreBackward(p.net.dy, p.net.y, a, b)
	}
	p.net.back(lo, hi)
}

func (p *regressionPass[T]) paramGrad(lo, hi int) {
	for i := lo; i < hi; i++ {
		p.net.paramGrad(p.g.net, i, p.threads, p.net.u)
	}
}

// Channels implements [Pass].
func (p *regressionPass[T]) Channels(add func(name string, values []T)) { p.show(add, p.net.y) }
