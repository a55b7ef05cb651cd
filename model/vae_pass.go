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

	points, k        int    // data points, and samples of each
	u                []T    // x - mean of every point
	q, dq            []T    // heads [μ | a] of every row; with one sample those of the encoder itself
	repeated         [2][]T // what q and dq are otherwise
	encoder, decoder net[T] // the decoder's means already squashed

	cost, dHat []T    // score function: weight of every row, gradient of ln q
	dreamX     []T    // wake-sleep: x of every point
	dreamer    net[T] // wake-sleep: the decoder's outputs there
	g          *VAE[T]

	// The phases as function values, made once: a closure per call would be an allocation.
	forward, back, sleep, params func(lo, hi int)
}

// NewPass implements [Model].
func (m *VAE[T]) NewPass(threads int) Pass[T] { return m.pass(threads) }

func (m *VAE[T]) pass(threads int) *vaePass[T] {
	p := &vaePass[T]{passBase: m.newPass(threads), m: m,
		encoder: net[T]{mlp: m.encoder}, decoder: net[T]{mlp: m.decoder}, dreamer: net[T]{mlp: m.decoder}}
	p.forward, p.back, p.sleep, p.params = p.forwardPoints, p.backwardPoints, p.sleepPoints, p.paramGrad
	return p
}

// Forward implements [Pass].
func (p *vaePass[T]) Forward(b *Batch[T], obj Objective, training bool) {
	p.start(b, obj, training)
	m, rows := p.m, b.Shape.Rows()
	p.k = obj.samples()
	p.points = rows / p.k
	p.u = pages.Grow(p.u, p.points*m.Data)
	beginNets(p.points, &p.encoder)
	beginNets(rows, &p.decoder)
	p.q = p.encoder.Y
	if p.k > 1 {
		p.repeated[0] = pages.Grow(p.repeated[0], rows*2*m.Latent)
		p.q = p.repeated[0]
	}
	par.Do(p.threads, p.points, p.forward)
}

// forwardPoints computes the data points lo..hi.
func (p *vaePass[T]) forwardPoints(lo, hi int) {
	m, k := p.m, p.k
	for i := lo; i < hi; i++ {
		center(p.u[i*m.Data:(i+1)*m.Data], p.x[i*k*m.Data:], m.Mean)
	}
	m.encode(&p.encoder, p.u, lo, hi)
	a, b := lo*k, hi*k
	if k > 1 {
		repeatRows(p.q, p.encoder.Y, 2*m.Latent, k, lo, hi)
	}
	p.normals(p.lat.eps, p.batch.Noise, a, b, 1)
	p.lat.step(p.KL, p.q, a, b)
	m.decode(&p.decoder, p.lat.z, a, b)
	p.score(p.decoder.Y, a, b)
}

// normals draws noise for z of the rows a..b, or of the points if k is the number of samples.
func (p *vaePass[T]) normals(dst []T, noise kernels.Noise, a, b, k int) {
	l := p.m.Latent
	eachStep(p.shape, a, b, k, p.batch.Row0, func(t, row uint32, from, to int) {
		kernels.Normals(dst[from*l:to*l], noise, t, row, to-from, l)
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
	m, rows := p.m, p.shape.Rows()
	p.g = grad.(*VAE[T])
	beginNetsBackward(&p.encoder, &p.decoder)
	p.dq = p.encoder.DY
	if p.k > 1 {
		p.repeated[1] = pages.Grow(p.repeated[1], rows*2*m.Latent)
		p.dq = p.repeated[1]
	}
	if p.obj.Method == MethodScore || p.obj.Method == MethodBaseline {
		p.costs()
	}
	par.Do(p.threads, p.points, p.back)
	if p.obj.Method == MethodWakeSleep {
		p.dreamX = pages.Grow(p.dreamX, p.points*m.Data)
		beginNets(p.points, &p.dreamer)
		par.Do(p.threads, p.points, p.sleep)
	}
	par.Do(p.threads, p.threads, p.params)
	p.g = nil
}

// backwardPoints computes the gradients of the pre-activations of the data points lo..hi.
func (p *vaePass[T]) backwardPoints(lo, hi int) {
	m, l := p.m, p.m.Latent
	a, b := lo*p.k, hi*p.k
	p.scoreBackward(p.decoder.DY, p.decoder.Y, a, b)
	if m.squash {
		squashBackward(p.decoder.DY[a*p.width:b*p.width], p.decoder.Y[a*p.width:b*p.width], m.Data)
	}
	p.decoder.back(a, b)
	switch p.obj.Method {
	case MethodWakeSleep:
		return // q learns from dreams
	case MethodScore, MethodBaseline:
		p.scoreFunction(a, b)
	default:
		if p.lat.sampled {
			p.lat.klBackward(p.dq, nil, p.dkl, p.q, nil, a, b)
		}
		p.decoder.inputGrad(p.lat.dz, a, b, 0, l, p.lat.sampled)
		p.lat.stepBackward(p.dq, p.dkl, p.q, a, b)
	}
	if p.k > 1 {
		sumRows(p.encoder.DY, p.dq, 2*l, p.k, lo, hi)
	}
	p.encoder.back(lo, hi)
}

// repeatRows writes the rows lo..hi of src, of w columns, to dst, every one k times.
func repeatRows[T cell.Float](dst, src []T, w, k, lo, hi int) {
	for i := lo * k; i < hi*k; i++ {
		copy(dst[i*w:(i+1)*w], src[i/k*w:])
	}
}

// sumRows is the gradient of repeatRows: the rows lo..hi of dst become the sums of their k
// rows of src, in order.
func sumRows[T cell.Float](dst, src []T, w, k, lo, hi int) {
	for i := lo; i < hi; i++ {
		d := dst[i*w : (i+1)*w]
		copy(d, src[i*k*w:])
		for r := i*k + 1; r < (i+1)*k; r++ {
			kernels.Axpy(d, src[r*w:(r+1)*w], 1)
		}
	}
}

// paramGrad computes the parts lo..hi of all parameter gradients, split by outputs.
func (p *vaePass[T]) paramGrad(lo, hi int) {
	for i := lo; i < hi; i++ {
		p.encoder.paramGrad(p.g.encoder, i, p.threads, p.u)
		p.decoder.paramGrad(p.g.decoder, i, p.threads, p.lat.z)
	}
}

// center writes x - mean to u.
func center[T cell.Float](u, x, mean []T) {
	copy(u, x[:len(mean)])
	kernels.Axpy(u, mean, -1)
}

// encode computes the heads of the rows lo..hi of u.
func (m *VAE[T]) encode(n *net[T], u []T, lo, hi int) {
	n.project(u, lo, hi, 0, m.Data)
	n.activate(lo, hi)
}

// decode computes the outputs of the rows lo..hi of z.
func (m *VAE[T]) decode(n *net[T], z []T, lo, hi int) {
	n.project(z, lo, hi, 0, m.Latent)
	n.activate(lo, hi)
	if m.squash {
		w := m.decoder.Out()
		squashMeans(n.Y[lo*w:hi*w], m.Data)
	}
}

// squashMeans puts the means of the rows of out, [mean | a] with d columns each, through a
// sigmoid.
func squashMeans[T cell.Float](out []T, d int) {
	for i := 0; i < len(out); i += 2 * d {
		kernels.Sigmoid(out[i:i+d], out[i:i+d])
	}
}

// squashBackward turns the gradient of the squashed means into that of the raw ones.
func squashBackward[T cell.Float](dOut, out []T, d int) {
	for i := 0; i < len(out); i += 2 * d {
		kernels.SigmoidBackward(dOut[i:i+d], dOut[i:i+d], out[i:i+d])
	}
}

// Channels implements [Pass].
func (p *vaePass[T]) Channels(add func(name string, values []T)) {
	p.show(add, p.decoder.Y)
	p.showSigma(add, "phi_sig", p.encoder.Y)
}
