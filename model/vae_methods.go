package model

import (
	"github.com/elbow-go/elbow/kernels"

	"github.com/elbow-go/elbow/internal/pages"
)

// costs prepares the weights of the score-function estimator. With f the part of a row's
// loss that depends on its draw,
//
//	d/dq E[f] = E[ (f - b) d ln q(z|x) ]
//
// for any baseline b that does not depend on the row's own ε. Here it is the mean of f over
// the other samples of the same data point or, with one sample, over the other points of the
// batch.
func (p *vaePass[T]) costs() {
	rows := len(p.LogProb)
	p.cost, p.dHat = pages.Grow(p.cost, rows), pages.Grow(p.dHat, rows*2*p.m.Latent)
	f := func(i int) float64 {
		v := float64(float64(p.dlp[i]) * float64(p.LogProb[i]))
		if p.lat.sampled {
			v += float64(float64(p.dkl[i]) * float64(p.KL[i]))
		}
		return v
	}
	group := p.encoder.k
	if group == 1 {
		group = rows
	}
	for g := 0; g < rows; g += group {
		sum := 0.0
		for i := g; i < g+group; i++ {
			sum += f(i)
		}
		for i := g; i < g+group; i++ {
			v := f(i)
			if p.obj.Method == MethodBaseline && group > 1 {
				v -= (sum - v) / float64(group-1)
			}
			p.cost[i] = T(v)
		}
	}
}

// scoreFunction computes the score-function gradient of the heads of the rows a..b. The sampled
// KL depends on q directly too, but the expectation of that part is 0, so it is left out.
func (p *vaePass[T]) scoreFunction(a, b int) {
	heads := p.encoder.y
	dq := p.lat.heads(p.encoder.dy, a, b)
	if p.lat.sampled {
		clear(dq)
	} else {
		p.lat.klBackward(p.encoder.dy, nil, p.dkl, heads, nil, a, b)
	}
	kernels.GaussLogProbBackward(nil, nil, p.lat.dq(p.dHat, a, b), p.cost[a:b], p.lat.rows(p.lat.z, a, b), p.lat.q(heads, a, b), b-a, p.m.Latent)
	kernels.Axpy(dq, p.lat.heads(p.dHat, a, b), 1)
}

// sleepPoints dreams as many data points as the batch has, lo..hi of them, and computes the
// gradient of the encoder there:
//
//	z ~ p(z)   x ~ p(x|z)   loss = -Scale Σ ln q(z|x)
//
// The encoder's part of the wake phase is over, so its tape is used again.
func (p *vaePass[T]) sleepPoints(lo, hi int) {
	m, n := p.m, hi-lo
	noise := p.batch.Noise
	noise.Stream = streamDreamZ
	// The first row of each point's samples holds its dream.
	z := p.lat.dz
	p.normals(z, noise, lo, hi, p.encoder.k)
	for i, g := lo, m.Given; i < hi; i++ {
		copy(p.dreamGiven[i*g:(i+1)*g], p.given[i*p.encoder.k*g:])
	}
	p.dreamer.forward(lo, hi, z[:p.encoder.points*m.Latent], p.dreamGiven)
	noise.Stream = streamDreamX
	w := p.width
	eachStep(p.shape, lo, hi, p.encoder.k, p.batch.Row0, func(t, row uint32, from, to int) {
		m.like.sample(p.dreamX[from*m.Data:to*m.Data], p.dreamer.Y[from*w:to*w], noise, t, row, to-from, m.Data)
	})
	p.encoder.see(p.dreamX, m.Data, m.Mean, p.dreamGiven, m.Given, lo, hi)
	weight := p.dlp[lo:hi] // the likelihood is done with it
	fill(weight, T(-p.obj.Scale))
	kernels.GaussLogProbBackward(nil, nil, p.lat.dq(p.encoder.DY, lo, hi), weight, p.lat.rows(z, lo, hi), p.lat.q(p.encoder.Y, lo, hi), n, m.Latent)
	p.encoder.net.back(lo, hi)
}
