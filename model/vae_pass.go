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
	tally[T]

	m         *VAE[T]
	threads   int
	batch     *Batch[T]
	points, k int // data points, and samples of each

	u                []T    // x - mean of every point
	q, dq            []T    // heads [μ | a] of every row; with one sample those of the encoder itself
	repeated         [2][]T // what q and dq are otherwise
	eps, z, dz       []T    // of every row
	atDraw           sampledKL[T]
	encoder, decoder cell.Activations[T] // the decoder's means already squashed

	dlp, dkl   []T
	cost, dHat []T                 // score function: weight of every row, gradient of ln q
	dreamX     []T                 // wake-sleep: x of every point
	dreamer    cell.Activations[T] // wake-sleep: the decoder's outputs there
	into       *VAE[T]

	// The phases as function values, made once: a closure per call would be an allocation.
	forward, back, sleep, params func(lo, hi int)
}

// NewPass implements [Model].
func (m *VAE[T]) NewPass(threads int) Pass[T] { return m.newPass(threads) }

func (m *VAE[T]) newPass(threads int) *vaePass[T] {
	checkThreads("NewPass", threads)
	checkMade("NewPass", m.encoder != nil)
	p := &vaePass[T]{m: m, threads: max(threads, 1)}
	p.atDraw.form = m.form
	p.forward, p.back, p.sleep, p.params = p.forwardPoints, p.backwardPoints, p.sleepPoints, p.paramGrad
	return p
}

// Forward implements [Pass].
func (p *vaePass[T]) Forward(b *Batch[T], obj Objective, training bool) {
	m := p.m
	checkPacked("Pass.Forward", m.packed(training))
	checkBatch(m.Config, 0, b, obj)
	rows := b.Shape.Rows()
	p.begin(obj, b.Shape, true, training)
	p.batch, p.k = b, obj.samples()
	p.points = rows / p.k
	p.u = pages.Grow(p.u, p.points*m.Data)
	beginNet(m.encoder, &p.encoder, p.points)
	beginNet(m.decoder, &p.decoder, rows)
	p.eps, p.z = pages.Grow(p.eps, rows*m.Latent), pages.Grow(p.z, rows*m.Latent)
	p.q = p.encoder.Y
	if p.k > 1 {
		p.repeated[0] = pages.Grow(p.repeated[0], rows*2*m.Latent)
		p.q = p.repeated[0]
	}
	if obj.sampled() {
		p.atDraw.size(rows, m.Latent)
	}
	par.Do(p.threads, p.points, p.forward)
}

// forwardPoints computes the data points lo..hi.
func (p *vaePass[T]) forwardPoints(lo, hi int) {
	m, k, x := p.m, p.k, p.batch.X
	for i := lo; i < hi; i++ {
		center(p.u[i*m.Data:(i+1)*m.Data], x[i*k*m.Data:], m.Mean)
	}
	m.encode(&p.encoder, p.u, lo, hi)
	a, b := lo*k, hi*k
	l := m.Latent
	if k > 1 {
		repeatRows(p.q, p.encoder.Y, 2*l, k, lo, hi)
	}
	p.normals(p.eps, p.batch.Noise, a, b, 1)
	q, eps, z, kl := p.q[a*2*l:b*2*l], p.eps[a*l:b*l], p.z[a*l:b*l], p.KL[a:b]
	if p.obj.sampled() {
		kernels.GaussSample(z, kernels.GaussHead(q, l, m.form), eps, b-a, l)
		p.atDraw.forward(p.KL, p.z, p.eps, q, nil, a, b, l)
	} else {
		kernels.LatentStep(&kernels.Latent[T]{Z: z, KL: kl}, kernels.GaussHead(q, l, m.form), nil, eps, b-a, l)
	}
	m.decode(&p.decoder, p.z, a, b)
	w := last(m.decoder).Out
	m.like.logProb(p.LogProb[a:b], x[a*m.Data:b*m.Data], p.decoder.Y[a*w:b*w], b-a, m.Data)
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
	checkPacked("Pass.Backward", p.m.packed(true))
	p.goBack(p.m, grad)
	m, rows := p.m, p.batch.Shape.Rows()
	if rows == 0 {
		return
	}
	p.into = grad.(*VAE[T])
	p.dlp, p.dkl = pages.Grow(p.dlp, rows), pages.Grow(p.dkl, rows)
	p.grad(p.dlp, p.dkl)
	p.dz = pages.Grow(p.dz, rows*m.Latent)
	p.encoder.BeginBackward()
	p.decoder.BeginBackward()
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
		beginNet(m.decoder, &p.dreamer, p.points)
		par.Do(p.threads, p.points, p.sleep)
	}
	par.Do(p.threads, p.threads, p.params)
	p.into = nil
}

// backwardPoints computes the gradients of the pre-activations of the data points lo..hi.
func (p *vaePass[T]) backwardPoints(lo, hi int) {
	m, l := p.m, p.m.Latent
	a, b := lo*p.k, hi*p.k
	w := last(m.decoder).Out
	out, dOut := p.decoder.Y[a*w:b*w], p.decoder.DY[a*w:b*w]
	m.like.backward(dOut, p.dlp[a:b], p.batch.X[a*m.Data:b*m.Data], out, b-a, m.Data)
	if m.squash {
		squashBackward(dOut, out, m.Data)
	}
	m.decoder.ActivateBackward(&p.decoder, a, b)
	switch p.obj.Method {
	case MethodWakeSleep:
		return // q learns from dreams
	case MethodScore, MethodBaseline:
		p.scoreRows(a, b)
	default:
		p.latentBackward(a, b)
	}
	if p.k > 1 {
		sumRows(p.encoder.DY, p.dq, 2*l, p.k, lo, hi)
	}
	m.encoder.ActivateBackward(&p.encoder, lo, hi)
}

// latentBackward computes the pathwise gradient of the heads of the rows a..b, after that of
// the decoder.
func (p *vaePass[T]) latentBackward(a, b int) {
	m, n, l, sampled := p.m, b-a, p.m.Latent, p.obj.sampled()
	q, dq := p.q[a*2*l:b*2*l], p.dq[a*2*l:b*2*l]
	dz, eps := p.dz[a*l:b*l], p.eps[a*l:b*l]
	if sampled {
		p.atDraw.backward(p.dz, dq, nil, p.dkl, p.z, q, nil, a, b, l)
	}
	m.decoder.InputGrad(&p.decoder, p.dz[a*l:b*l], a, b, 0, l, sampled)
	if sampled {
		kernels.GaussSampleBackward(kernels.GaussHeadGrad(dq, l), dz, kernels.GaussHead(q, l, m.form), eps, n, l)
	} else {
		kernels.LatentStepBackward(kernels.GaussHeadGrad(dq, l), nil, dz, p.dkl[a:b], kernels.GaussHead(q, l, m.form), nil, eps, n, l)
	}
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
		p.m.encoder.ParamGrad(p.into.encoder, &p.encoder, i, p.threads, p.u)
		p.m.decoder.ParamGrad(p.into.decoder, &p.decoder, i, p.threads, p.z)
	}
}

// Final implements [Pass]: data points leave no state.
func (p *vaePass[T]) Final(_, _ []T) { p.checkRan("Pass.Final") }

// center writes x - mean to u.
func center[T cell.Float](u, x, mean []T) {
	copy(u, x[:len(mean)])
	kernels.Axpy(u, mean, -1)
}

// encode computes the heads of the rows lo..hi of u.
func (m *VAE[T]) encode(tp *cell.Activations[T], u []T, lo, hi int) {
	m.encoder.Project(tp, u[lo*m.Data:hi*m.Data], lo, hi, 0, m.Data)
	m.encoder.Activate(tp, lo, hi)
}

// decode computes the outputs of the rows lo..hi of z.
func (m *VAE[T]) decode(tp *cell.Activations[T], z []T, lo, hi int) {
	m.decoder.Project(tp, z[lo*m.Latent:hi*m.Latent], lo, hi, 0, m.Latent)
	m.decoder.Activate(tp, lo, hi)
	if m.squash {
		w := last(m.decoder).Out
		squashMeans(tp.Y[lo*w:hi*w], m.Data)
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
	p.checkRan("Pass.Channels")
	checkThere("Pass.Channels", "add", add != nil)
	m, rows := p.m, p.shape.Rows()
	add("x", p.batch.X[:rows*m.Data])
	m.like.channels(add, p.decoder.Y, rows, m.Data)
	sigma := make([]T, p.points*m.Latent)
	sigmasOf(sigma, from(p.encoder.Y, m.Latent), m.form, p.points, m.Latent, 2*m.Latent)
	add("phi_sig", sigma)
}
