package model

import (
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/internal/par"
	"github.com/elbow-go/elbow/kernels"
)

// vaePass is the [Pass] of a [VAE].
//
//	x - mean --encoder--> μ, a --K times--> z --decoder--> LogProb
//	                           \---------------> KL
//
// The samples of a data point are neighbours, so the encoder sees each point once; heads, z
// and the decoder have a row per sample.
type vaePass[T cell.Float] struct {
	passBase[T]
	m *VAE[T]

	encoder pointNet[T] // its rows are the heads [μ | a] of every sample
	decoder net[T]

	cost, dHat []T    // score function: weight of every row, gradient of ln q
	dreamX     []T    // wake-sleep: x of every point
	dreamGiven []T    // wake-sleep: the conditions of every point
	dreamer    net[T] // wake-sleep: the decoder's outputs there
	g          *VAE[T]

	fresh     bool        // the next Backward sets the gradient
	ends      []int       // where the parts of rows end whose gradients it adds up, if there are several
	pointEnds []int       // of their points
	ones      []int       // lengths of sequences
	partOf    cell.Ragged // the shape of a part

	// The phases as function values, made once: a closure per call would be an allocation.
	forward, decoderBack, back, sleep func(lo, hi int)
}

// NewPass implements [Model].
func (m *VAE[T]) NewPass(threads int) Pass[T] { return m.pass(threads) }

func (m *VAE[T]) pass(threads int) *vaePass[T] {
	p := &vaePass[T]{passBase: m.newPass(threads), m: m, decoder: m.outputNet(m.decoder), dreamer: m.outputNet(m.decoder)}
	p.encoder.mlp = m.encoder
	p.forward, p.decoderBack, p.back, p.sleep, p.stageGrad = p.forwardPoints, p.decoderBackward, p.backwardPoints, p.sleepPoints, p.gradOf
	return p
}

// Forward implements [Pass].
func (p *vaePass[T]) Forward(b *Batch[T], obj Objective, training bool) {
	p.start(b, obj, training)
	rows := b.Shape.Rows()
	p.encoder.begin(rows, obj.samples())
	beginNets(rows, &p.decoder)
	par.Do(p.threads, p.encoder.points, p.forward)
}

// forwardPoints computes the data points lo..hi.
func (p *vaePass[T]) forwardPoints(lo, hi int) {
	m, k := p.m, p.encoder.k
	a, b := lo*k, hi*k
	if p.mask != nil {
		p.fillRows(lo, hi)
	}
	p.encoder.see(p.x, k*m.Data, m.Mean, p.given, k*m.Given, lo, hi)
	p.encoder.repeat(lo, hi)
	p.normals(p.lat.eps, p.batch.Noise, a, b, 1)
	p.lat.step(p.KL, p.encoder.y, a, b)
	p.decoder.forward(a, b, p.lat.z, p.given)
	p.score(p.decoder.Y, a, b)
}

// fillRows fills in what is missing in the points lo..hi.
func (p *vaePass[T]) fillRows(lo, hi int) {
	m, k := p.m, p.encoder.k
	a, b := lo*k, hi*k
	if missing(rowsOf(p.mask, a, b, m.Data)) == 0 {
		return
	}
	noise := p.batch.Noise
	noise.Stream = streamFillZ
	guess := func(heads []T) {
		if clear(p.lat.rows(p.lat.eps, a, b)); p.draws() {
			p.normals(p.lat.eps, noise, a, b, 1)
		}
		p.drawOf(heads, a, b)
		p.decoder.forward(a, b, p.lat.z, p.given)
		eachStep(p.shape, a, b, 1, p.batch.Row0, func(t, row uint32, from, to int) {
			p.fillIn(p.decoder.Y, t, row, from, to)
		})
	}
	guess(nil)
	p.encoder.see(p.x, k*m.Data, m.Mean, p.given, k*m.Given, lo, hi)
	p.encoder.repeat(lo, hi)
	guess(p.encoder.y)
}

// normals draws noise for z of the rows a..b, or of the points if k is the number of samples.
func (p *vaePass[T]) normals(dst []T, noise kernels.Noise, a, b, k int) {
	l := p.m.Latent
	if p.lat.still {
		clear(dst[a*l : b*l])
		return
	}
	eachStep(p.shape, a, b, k, p.batch.Row0, func(t, row uint32, from, to int) {
		kernels.Normals(dst[from*l:to*l], noise, uint32(p.batch.Step0)+t, row, to-from, l)
	})
}

// eachStep calls f for the parts of a..b that belong to one step, with the counters of
// their noise: the step and the row of the batch that the part begins with. With k above 1
// all rows are counted in groups of k.
func eachStep(shape *cell.Ragged, a, b, k, row0 int, f func(t, row uint32, from, to int)) {
	for t := range shape.Steps() {
		off, n := shape.Step(t)
		from, to := max(a, off/k), min(b, (off+n)/k)
		if from < to {
			f(uint32(t), uint32(row0/k+from-off/k), from, to)
		}
	}
}

// Backward implements [Pass].
func (p *vaePass[T]) Backward(grad Model[T]) {
	if !p.startBackward(p.m, grad) {
		return
	}
	p.g = grad.(*VAE[T])
	p.encoder.beginBackward()
	beginNetsBackward(&p.decoder)
	p.beginGradient()
	if p.obj.Method == MethodScore || p.obj.Method == MethodBaseline {
		p.costs()
	}
	points := p.encoder.points
	par.Do(p.threads, points, p.decoderBack)
	p.finish(0, 0)
	par.Do(p.threads, points, p.back)
	if p.obj.Method == MethodWakeSleep {
		p.dreamX = pages.Grow(p.dreamX, points*p.m.Data)
		beginNets(points, &p.dreamer)
		p.dreamGiven = pages.Grow(p.dreamGiven, points*p.m.Given)
		par.Do(p.threads, points, p.sleep)
	}
	p.finish(1, 1)
	p.g = nil
}

// overwrite has the next Backward set the gradient in place of adding to it, and reports whether it can: whether
// there are rows and all of the parameters are those of the nets.
func (p *vaePass[T]) overwrite() bool {
	p.fresh = p.work == nil && len(p.LogProb) > 0
	return p.fresh
}

// cuts implements cutter. The baseline of one sample is a mean over the shard, and the gradient of a likelihood's
// own parameters is not cut.
func (p *vaePass[T]) cuts(obj Objective) bool {
	return p.work == nil && (obj.Method != MethodBaseline || obj.samples() > 1)
}

// cut implements cutter.
func (p *vaePass[T]) cut(ends []int) { p.ends = ends }

// beginGradient tells the nets how their gradients are added up.
func (p *vaePass[T]) beginGradient() {
	if p.fresh {
		p.encoder.Overwrite()
		p.decoder.Overwrite()
	}
	if p.ends != nil {
		p.pointEnds = p.pointEnds[:0]
		for _, end := range p.ends {
			p.pointEnds = append(p.pointEnds, end/p.encoder.k)
		}
		p.encoder.Cut(p.pointEnds)
		p.decoder.Cut(p.ends)
	}
	p.fresh, p.ends = false, nil
}

// part implements cutter.
func (p *vaePass[T]) part(lo, hi int) (loss float64, t Totals) {
	for len(p.ones) < hi-lo {
		p.ones = append(p.ones, 1)
	}
	p.partOf.Reset(p.ones[:hi-lo])
	y := p.tally
	y.LogProb, y.shape = p.LogProb[lo:hi], &p.partOf
	if len(p.KL) > 0 {
		y.KL = p.KL[lo:hi]
	}
	t = y.Totals()
	t.Missing = missing(rowsOf(p.mask, lo, hi, p.m.Data)) / p.obj.samples()
	return y.Loss(), t
}

// decoderBackward computes the gradients of the decoder's pre-activations of the data points lo..hi.
func (p *vaePass[T]) decoderBackward(lo, hi int) {
	a, b := lo*p.encoder.k, hi*p.encoder.k
	p.scoreBackward(p.decoder.DY, p.decoder.Y, a, b)
	p.decoder.back(a, b)
}

// backwardPoints computes those of the encoder.
func (p *vaePass[T]) backwardPoints(lo, hi int) {
	q, dq, k := p.encoder.y, p.encoder.dy, p.encoder.k
	a, b := lo*k, hi*k
	switch p.obj.Method {
	case MethodWakeSleep:
		return // q learns from dreams
	case MethodScore, MethodBaseline:
		p.scoreFunction(a, b)
	default:
		if p.lat.sampled {
			p.lat.klBackward(dq, nil, p.dkl, q, nil, a, b)
		}
		p.decoder.inputGrad(p.lat.dz, a, b, 0, p.m.Latent, p.lat.sampled)
		p.lat.stepBackward(dq, p.dkl, q, a, b)
	}
	p.encoder.back(lo, hi)
}

// gradOf computes part i of the gradients of a stage, split by outputs.
func (p *vaePass[T]) gradOf(stage, i int) {
	if stage == 0 {
		p.likeGrad(&p.g.base, i)
		p.decoder.paramGrad(p.g.decoder, i, p.threads, p.lat.z, p.given)
	} else {
		p.encoder.paramGrad(p.g.encoder, i, p.threads, p.encoder.u)
	}
}

// Channels implements [Pass].
func (p *vaePass[T]) Channels(add func(name string, values []T)) {
	p.show(add, p.decoder.Y)
	p.showSigma(add, "phi_sig", p.encoder.Y)
}
