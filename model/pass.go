package model

import (
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/internal/par"
	"github.com/elbow-go/elbow/kernels"
)

// vrnnPass is the [Pass] of a [VRNN].
//
//	            before the loop          in the loop, per step             after the loop
//	x - mean --> φx -----+--------> posterior(φx, h) -> z -> φz --+------> decoder(φz, h) -> LogProb
//	                     |                         ^              |        prior(h) --------> KL
//	                     +--> cell: input part     +---- h <--- cell
//
// Only what needs h_{t-1} to be known and is needed to know h_t is inside the loop.
type vrnnPass[T cell.Float] struct {
	tally[T]

	m       *VRNN[T]
	cells   *stackTape[T]
	threads int
	batch   *Batch[T]

	u                                     []T // x - mean
	eps, z, dz                            []T
	dHPrev                                []T
	dlp, dkl                              []T
	phiX, phiZ, prior, posterior, decoder cell.Activations[T]

	atDraw sampledKL[T]

	g *VRNN[T] // where a running Backward adds

	// The phases as function values, made once: a closure per call would be an allocation.
	before, loop, after, afterBack, loopBack, beforeBack, params func(lo, hi int)
}

// NewPass implements [Model].
func (m *VRNN[T]) NewPass(threads int) Pass[T] { return newVRNNPass(m, threads) }

func newVRNNPass[T cell.Float](m *VRNN[T], threads int) *vrnnPass[T] {
	checkThreads("NewPass", threads)
	checkMade("NewPass", m.stack != nil)
	p := &vrnnPass[T]{m: m, threads: max(threads, 1), cells: newStackTape(m.stack, streamDropout)}
	p.atDraw.form = kernels.SoftplusSigma
	p.before, p.loop, p.after = p.beforeRows, p.loopRows, p.afterRows
	p.afterBack, p.loopBack, p.beforeBack, p.params = p.afterRowsBackward, p.loopRowsBackward, p.beforeRowsBackward, p.paramGrad
	return p
}

// Forward implements [Pass].
func (p *vrnnPass[T]) Forward(b *Batch[T], obj Objective, training bool) {
	m := p.m
	checkPacked("Pass.Forward", m.packed(training))
	checkBatch(m.Config, m.State(), b, obj)
	rows := b.Shape.Rows()
	p.batch = b
	p.begin(obj, b.Shape, m.Latent > 0, training)
	p.u = pages.Grow(p.u, rows*len(m.Mean))
	beginNet(m.phiX, &p.phiX, rows)
	beginNet(m.phiZ, &p.phiZ, rows)
	beginNet(m.prior, &p.prior, rows)
	beginNet(m.posterior, &p.posterior, rows)
	beginNet(m.decoder, &p.decoder, rows)
	p.eps, p.z = pages.Grow(p.eps, rows*m.Latent), pages.Grow(p.z, rows*m.Latent)
	if obj.sampled() {
		p.atDraw.size(rows, m.Latent)
	}
	p.cells.begin(b, 0, m.State(), training)
	par.Do(p.threads, rows, p.before)
	par.Do(p.threads, b.Shape.Batch(), p.loop)
	par.Do(p.threads, rows, p.after)
}

// beforeRows computes what needs no state, for the rows lo..hi.
func (p *vrnnPass[T]) beforeRows(lo, hi int) {
	m := p.m
	in := len(m.Mean)
	encode(m.like, p.u[lo*in:hi*in], p.batch.X[lo*m.Data:hi*m.Data], m.Mean, hi-lo, m.Data)
	m.phiX.Project(&p.phiX, p.u[lo*in:hi*in], lo, hi, 0, in)
	m.phiX.Activate(&p.phiX, lo, hi)
	phi := p.phiX.Y
	p.m.stack.Project(p.cells.seq, phi[lo*m.PhiX:hi*m.PhiX], lo, hi, 0, m.PhiX)
	if m.Latent > 0 {
		m.posterior.Project(&p.posterior, phi[lo*m.PhiX:hi*m.PhiX], lo, hi, 0, m.PhiX)
	}
}

// loopRows runs the recurrent loop for the sequences b0..b1.
func (p *vrnnPass[T]) loopRows(b0, b1 int) {
	m, shape := p.m, p.batch.Shape
	for t := range shape.Steps() {
		off, n := shape.Step(t)
		n = min(b1, n)
		if n <= b0 {
			return
		}
		if m.Latent > 0 {
			lo, hi := off+b0, off+n
			m.posterior.Project(&p.posterior, p.cells.seq.HPrev[lo*m.Hidden:hi*m.Hidden], lo, hi, m.PhiX, m.PhiX+m.Hidden)
			m.posterior.Activate(&p.posterior, lo, hi)
			p.latent(lo, hi, uint32(t), uint32(p.batch.Row0+b0))
			m.phiZ.Project(&p.phiZ, p.z[lo*m.Latent:hi*m.Latent], lo, hi, 0, m.Latent)
			m.phiZ.Activate(&p.phiZ, lo, hi)
			p.m.stack.Project(p.cells.seq, p.phiZ.Y[lo*m.PhiZ:hi*m.PhiZ], lo, hi, m.PhiX, m.PhiX+m.PhiZ)
		}
		p.m.stack.Step(p.cells.seq, t, b0, b1)
	}
}

// latent draws z for the rows lo..hi, which are the sequences row0... at step t.
func (p *vrnnPass[T]) latent(lo, hi int, t, row0 uint32) {
	z := p.m.Latent
	eps := p.eps[lo*z : hi*z]
	kernels.Normals(eps, p.batch.Noise, t, row0, hi-lo, z)
	q := p.posterior.Y[lo*2*z : hi*2*z]
	kernels.GaussSample(p.z[lo*z:hi*z], kernels.GaussHead(q, z, kernels.SoftplusSigma), eps, hi-lo, z)
}

// afterRows computes what needs the states of all steps, for the rows lo..hi.
func (p *vrnnPass[T]) afterRows(lo, hi int) {
	m := p.m
	n, z := hi-lo, m.Latent
	from := 0
	if z > 0 {
		m.decoder.Project(&p.decoder, p.phiZ.Y[lo*m.PhiZ:hi*m.PhiZ], lo, hi, 0, m.PhiZ)
		from = m.PhiZ
		q := p.posterior.Y[lo*2*z : hi*2*z]
		var pr []T
		if m.prior != nil {
			m.prior.Project(&p.prior, p.cells.seq.HPrev[lo*m.Hidden:hi*m.Hidden], lo, hi, 0, m.Hidden)
			m.prior.Activate(&p.prior, lo, hi)
			pr = p.prior.Y[lo*2*z : hi*2*z]
		}
		switch {
		case p.obj.sampled():
			p.atDraw.forward(p.KL, p.z, p.eps, q, pr, lo, hi, z)
		case m.prior != nil:
			kernels.GaussKL(p.KL[lo:hi], kernels.GaussHead(q, z, kernels.SoftplusSigma), kernels.GaussHead(pr, z, kernels.SoftplusSigma), n, z)
		default:
			kernels.GaussKLStandard(p.KL[lo:hi], kernels.GaussHead(q, z, kernels.SoftplusSigma), n, z)
		}
	}
	m.decoder.Project(&p.decoder, p.cells.seq.HPrev[lo*m.Hidden:hi*m.Hidden], lo, hi, from, from+m.Hidden)
	m.decoder.Activate(&p.decoder, lo, hi)
	w := last(m.decoder).Out
	m.like.logProb(p.LogProb[lo:hi], p.batch.X[lo*m.Data:hi*m.Data], p.decoder.Y[lo*w:hi*w], n, m.Data)
}

// Backward implements [Pass]; grad is a *VRNN.
func (p *vrnnPass[T]) Backward(grad Model[T]) {
	checkPacked("Pass.Backward", p.m.packed(true))
	p.goBack(p.m, grad)
	m, rows := p.m, p.batch.Shape.Rows()
	if rows == 0 {
		return
	}
	p.g = grad.(*VRNN[T])
	p.dHPrev = pages.Grow(p.dHPrev, rows*m.Hidden)
	p.dlp, p.dkl = pages.Grow(p.dlp, rows), pages.Grow(p.dkl, rows)
	p.dz = pages.Grow(p.dz, rows*m.Latent)
	p.grad(p.dlp, p.dkl)
	p.cells.seq.BeginBackward(nil, nil)
	beginBackward(m.phiX, &p.phiX)
	beginBackward(m.phiZ, &p.phiZ)
	beginBackward(m.prior, &p.prior)
	beginBackward(m.posterior, &p.posterior)
	beginBackward(m.decoder, &p.decoder)
	par.Do(p.threads, rows, p.afterBack)
	par.Do(p.threads, p.batch.Shape.Batch(), p.loopBack)
	par.Do(p.threads, rows, p.beforeBack)
	par.Do(p.threads, p.threads, p.params)
	p.g = nil
}

// Final implements [Pass].
func (p *vrnnPass[T]) Final(h, c []T) {
	p.checkRan("Pass.Final")
	checkStates(len(h), len(c), p.shape.Batch(), p.m.State())
	p.cells.final(h, c, p.shape.Batch(), 0, p.m.State())
}

// Channels implements [Pass].
func (p *vrnnPass[T]) Channels(add func(name string, values []T)) {
	p.checkRan("Pass.Channels")
	checkThere("Pass.Channels", "add", add != nil)
	m, rows := p.m, p.batch.Shape.Rows()
	add("x", p.batch.X[:rows*m.Data])
	p.m.like.channels(add, p.decoder.Y, rows, m.Data)
	if m.Latent > 0 {
		headSigma(add, "phi_sig", p.posterior.Y, rows, m.Latent)
	}
	if m.prior != nil {
		headSigma(add, "prior_sig", p.prior.Y, rows, m.Latent)
	}
}

func (p *vrnnPass[T]) afterRowsBackward(lo, hi int) {
	m := p.m
	n, z := hi-lo, m.Latent
	w := last(m.decoder).Out
	m.like.backward(p.decoder.DY[lo*w:hi*w], p.dlp[lo:hi], p.batch.X[lo*m.Data:hi*m.Data], p.decoder.Y[lo*w:hi*w], n, m.Data)
	m.decoder.ActivateBackward(&p.decoder, lo, hi)
	from := 0
	if z > 0 {
		from = m.PhiZ
		m.decoder.InputGrad(&p.decoder, p.phiZ.DY[lo*m.PhiZ:hi*m.PhiZ], lo, hi, 0, m.PhiZ, false)
	}
	m.decoder.InputGrad(&p.decoder, p.dHPrev[lo*m.Hidden:hi*m.Hidden], lo, hi, from, from+m.Hidden, false)
	if z == 0 {
		return
	}
	q, dq := p.posterior.Y[lo*2*z:hi*2*z], p.posterior.DY[lo*2*z:hi*2*z]
	var pr, dpr []T
	if m.prior != nil {
		pr, dpr = p.prior.Y[lo*2*z:hi*2*z], p.prior.DY[lo*2*z:hi*2*z]
	}
	switch {
	case p.obj.sampled():
		p.atDraw.backward(p.dz, dq, dpr, p.dkl, p.z, q, pr, lo, hi, z)
	case m.prior != nil:
		kernels.GaussKLBackward(nil, kernels.GaussHeadGrad(dq, z), kernels.GaussHeadGrad(dpr, z), p.dkl[lo:hi],
			kernels.GaussHead(q, z, kernels.SoftplusSigma), kernels.GaussHead(pr, z, kernels.SoftplusSigma), n, z)
	default:
		kernels.GaussKLStandardBackward(nil, kernels.GaussHeadGrad(dq, z), p.dkl[lo:hi], kernels.GaussHead(q, z, kernels.SoftplusSigma), n, z)
	}
	if m.prior == nil {
		return
	}
	m.prior.ActivateBackward(&p.prior, lo, hi)
	m.prior.InputGrad(&p.prior, p.dHPrev[lo*m.Hidden:hi*m.Hidden], lo, hi, 0, m.Hidden, true)
}

func (p *vrnnPass[T]) loopRowsBackward(b0, b1 int) {
	m, shape := p.m, p.batch.Shape
	h, z := m.Hidden, m.Latent
	for t := shape.Steps() - 1; t >= 0; t-- {
		off, n := shape.Step(t)
		n = min(b1, n)
		if n <= b0 {
			continue
		}
		// The gradient of h_t from outside the cell is that of the state step t+1 started with.
		next, more := shape.Step(t + 1)
		p.m.stack.StepBackward(p.cells.seq, t, b0, b1, p.dHPrev[next*h:(next+more)*h])
		if z == 0 {
			continue
		}
		lo, hi := off+b0, off+n
		p.m.stack.InputGrad(p.cells.seq, p.phiZ.DY[lo*m.PhiZ:hi*m.PhiZ], lo, hi, m.PhiX, m.PhiX+m.PhiZ, true)
		m.phiZ.ActivateBackward(&p.phiZ, lo, hi)
		m.phiZ.InputGrad(&p.phiZ, p.dz[lo*z:hi*z], lo, hi, 0, z, p.obj.sampled())
		q, dq := p.posterior.Y[lo*2*z:hi*2*z], p.posterior.DY[lo*2*z:hi*2*z]
		kernels.GaussSampleBackward(kernels.GaussHeadGrad(dq, z), p.dz[lo*z:hi*z], kernels.GaussHead(q, z, kernels.SoftplusSigma), p.eps[lo*z:hi*z], hi-lo, z)
		m.posterior.ActivateBackward(&p.posterior, lo, hi)
		m.posterior.InputGrad(&p.posterior, p.dHPrev[lo*h:hi*h], lo, hi, m.PhiX, m.PhiX+h, true)
	}
}

func (p *vrnnPass[T]) beforeRowsBackward(lo, hi int) {
	m := p.m
	d := p.phiX.DY
	p.m.stack.InputGrad(p.cells.seq, d[lo*m.PhiX:hi*m.PhiX], lo, hi, 0, m.PhiX, false)
	if m.Latent > 0 {
		m.posterior.InputGrad(&p.posterior, d[lo*m.PhiX:hi*m.PhiX], lo, hi, 0, m.PhiX, true)
	}
	m.phiX.ActivateBackward(&p.phiX, lo, hi)
}

// paramGrad computes the parts lo..hi of all parameter gradients, split by outputs.
func (p *vrnnPass[T]) paramGrad(lo, hi int) {
	m, g := p.m, p.g
	for i := lo; i < hi; i++ {
		m.phiX.ParamGrad(g.phiX, &p.phiX, i, p.threads, p.u)
		if m.Latent == 0 {
			p.m.stack.ParamGrad(g.stack, p.cells.seq, i, p.threads, p.phiX.Y)
			m.decoder.ParamGrad(g.decoder, &p.decoder, i, p.threads, p.cells.seq.HPrev)
			continue
		}
		p.m.stack.ParamGrad(g.stack, p.cells.seq, i, p.threads, p.phiX.Y, p.phiZ.Y)
		m.phiZ.ParamGrad(g.phiZ, &p.phiZ, i, p.threads, p.z)
		m.posterior.ParamGrad(g.posterior, &p.posterior, i, p.threads, p.phiX.Y, p.cells.seq.HPrev)
		m.decoder.ParamGrad(g.decoder, &p.decoder, i, p.threads, p.phiZ.Y, p.cells.seq.HPrev)
		if m.prior != nil {
			m.prior.ParamGrad(g.prior, &p.prior, i, p.threads, p.cells.seq.HPrev)
		}
	}
}
