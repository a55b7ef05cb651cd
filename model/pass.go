package model

import (
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/internal/par"
)

// passBase is what the passes of all models have in common: the batch, the terms of its rows and
// their gradients, the latent variable and the likelihood.
type passBase[T cell.Float] struct {
	tally[T]

	model   *base[T]
	threads int
	batch   *Batch[T]
	x       []T // what the likelihood describes [rows, dim]
	fill    filling[T]
	mask    []T       // of x
	given   []T       // the conditions of every row [rows, given]
	width   int       // of a row of its outputs
	work    worker[T] // the likelihood, if it has parameters
	direct  direct[T] // if it has none

	lat      latent[T]
	dlp, dkl []T

	// The gradients of the parameters: stageGrad computes part i of those of a stage, split by outputs.
	stageGrad func(stage, i int)
	from, to  int              // the stages that are computed
	params    func(lo, hi int) // paramGrad, made once: a closure per call would be an allocation
	final     func(stage int)
}

// report has the pass call final in Backward, on its goroutine, whenever the gradients of the parameters of a
// stage are final. The last stages need not be reported: Backward returns after them.
func (p *passBase[T]) report(final func(stage int)) { p.final = final }

// finish computes the gradients of the parameters of some stages.
func (p *passBase[T]) finish(first, last int) {
	if p.params == nil {
		p.params = p.paramGrad
	}
	if p.final == nil {
		p.from, p.to = first, last
		par.Do(p.threads, p.threads, p.params)
		return
	}
	for stage := first; stage <= last; stage++ {
		p.from, p.to = stage, stage
		par.Do(p.threads, p.threads, p.params)
		p.final(stage)
	}
}

// paramGrad computes the parts lo..hi of the gradients of the parameters of these stages.
func (p *passBase[T]) paramGrad(lo, hi int) {
	for stage := p.from; stage <= p.to; stage++ {
		for i := lo; i < hi; i++ {
			p.stageGrad(stage, i)
		}
	}
}

// newPass is where NewPass of a model begins.
func (m *base[T]) newPass(threads int) passBase[T] {
	checkThreads("NewPass", threads)
	checkMade("NewPass", m.slots != nil)
	p := passBase[T]{model: m, threads: max(threads, 1), lat: latent[T]{form: m.form, size: m.Latent}}
	if m.like != nil {
		p.width = outputs(m.like, m.dim)
	}
	if l, ok := m.like.(parametric[T]); ok {
		p.work = l.work()
	}
	p.direct, _ = m.like.(direct[T])
	return p
}

// start checks what Forward is given and begins a batch.
func (p *passBase[T]) start(b *Batch[T], obj Objective, training bool) {
	p.check(b, obj, training)
	p.open(b, b.Shape, obj, training)
}

// check checks what Forward is given.
func (p *passBase[T]) check(b *Batch[T], obj Objective, training bool) {
	p.model.checkPacked("Pass.Forward", training)
	p.model.checkBatch(b, obj, training)
}

// open begins a batch whose terms have a shape that may be another one.
func (p *passBase[T]) open(b *Batch[T], shape *cell.Ragged, obj Objective, training bool) {
	p.batch, p.x, p.mask, p.given = b, b.X, b.Mask, b.Given
	if n := b.Shape.Rows() * p.model.Data; b.Mask != nil {
		p.x, p.mask = p.fill.begin(b.X[:n]), b.Mask[:n]
	}
	p.begin(obj, shape, p.model.Latent > 0, training)
	p.lat.begin(len(p.KL), obj)
	p.lat.step0 = uint32(b.Step0)
	if p.work != nil {
		p.work.begin(run[T]{x: p.x, mask: p.mask, shape: shape, dim: p.model.dim, means: p.model.Mean,
			noise: b.Noise, step: uint32(b.Step0), row0: b.Row0, anneal: obj.Anneal, training: training})
	}
}

// startBackward checks what Backward is given and computes the gradients of the terms. If there are
// none, there is nothing to do, and it returns false.
func (p *passBase[T]) startBackward(m, grad Model[T]) bool {
	p.model.checkPacked("Pass.Backward", true)
	p.goBack(m, grad)
	if len(p.LogProb)+len(p.KL) == 0 {
		return false
	}
	p.dlp, p.dkl = pages.Grow(p.dlp, len(p.LogProb)), pages.Grow(p.dkl, len(p.KL))
	p.grad(p.dlp, p.dkl)
	p.lat.beginBackward()
	if p.work != nil {
		p.work.beginBackward()
	}
	return true
}

// score computes ln p of the rows lo..hi from the outputs of all rows.
func (p *passBase[T]) score(out []T, lo, hi int) {
	if p.work != nil {
		p.work.logProb(p.LogProb, out, lo, hi)
		return
	}
	d, w := p.model.dim, p.width
	p.direct.logProb(p.LogProb[lo:hi], p.x[lo*d:hi*d], rowsOf(p.mask, lo, hi, d), out[lo*w:hi*w], hi-lo, d)
}

// scoreBackward computes the gradient of the outputs.
func (p *passBase[T]) scoreBackward(dout, out []T, lo, hi int) {
	if p.work != nil {
		p.work.backward(dout, p.dlp, out, lo, hi)
		return
	}
	d, w := p.model.dim, p.width
	p.direct.backward(dout[lo*w:hi*w], p.dlp[lo:hi], p.x[lo*d:hi*d], rowsOf(p.mask, lo, hi, d), out[lo*w:hi*w], hi-lo, d)
}

// Totals implements [Pass].
func (p *passBase[T]) Totals() Totals {
	t := p.tally.Totals()
	t.Missing = missing(p.mask) / p.obj.samples()
	if e, ok := p.work.(estimator); ok {
		t = e.mark(t)
		t.Variance /= float64(p.obj.samples() * p.obj.samples())
	}
	return t
}

// likeGrad adds part i of the gradient of the likelihood's own parameters to a gradient.
func (p *passBase[T]) likeGrad(grad *base[T], i int) {
	if p.work != nil {
		p.work.paramGrad(grad.like, i, p.threads)
	}
}

// Final implements [Pass]: a sequence is never cut, so there is nothing to carry.
func (p *passBase[T]) Final(_, _ []T) { p.checkRan("Pass.Final") }

// show calls add with the data and what is monitored of the outputs.
func (p *passBase[T]) show(add func(name string, values []T), out []T) {
	p.checkRan("Pass.Channels")
	checkThere("Pass.Channels", "add", add != nil)
	rows := p.shape.Rows()
	x := p.batch.X
	if p.mask != nil {
		x = p.x // a missing value is what stands in its place
	}
	add("x", x[:rows*p.model.Data])
	p.model.like.channels(add, out, rows, p.model.dim)
}

// showSigma calls add with σ of heads of a latent variable.
func (p *passBase[T]) showSigma(add func(name string, values []T), name string, heads []T) {
	z := p.model.Latent
	rows := len(heads) / (2 * z)
	s := make([]T, rows*z)
	gaussiansOf(nil, s, heads, p.model.form, rows, z)
	add(name, s)
}

// latentBackward takes the gradient from the outputs of φz of the rows lo..hi, through z, to the
// pre-activations of the posterior, whose heads have that of the KL term already.
func (p *passBase[T]) latentBackward(phiZ, posterior *net[T], lo, hi int) {
	phiZ.back(lo, hi)
	phiZ.inputGrad(p.lat.dz, lo, hi, 0, p.lat.size, p.lat.sampled)
	p.lat.drawBackward(posterior.DY, posterior.Y, lo, hi)
	posterior.back(lo, hi)
}
