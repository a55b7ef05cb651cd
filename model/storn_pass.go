package model

import (
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/internal/par"
	"github.com/elbow-go/elbow/kernels"
)

// stornPass is the [Pass] of a [STORN]. All but the two recurrent loops works on the rows
// of all steps at once:
//
//	x_t     --> φr --> loop: r --> posterior --> z, KL --> φz --+--> loop: h --> decoder --> LogProb
//	x_{t-1} --> φx ---------------------------------------------+
type stornPass[T cell.Float] struct {
	tally[T]

	m                      *STORN[T]
	recognition, generator *stackTape[T]
	threads                int
	batch                  *Batch[T]

	u, prev                              []T // x - mean of every row, and that of the step before
	eps, z, dz, dR, dH, dlp, dkl         []T
	phiR, phiX, phiZ, posterior, decoder cell.Activations[T]
	atDraw                               sampledKL[T]

	g *STORN[T] // where a running Backward adds

	// The phases as function values, made once: a closure per call would be an allocation.
	before, recognise, between, generate, after                     func(lo, hi int)
	beforeBack, recogniseBack, betweenBack, generateBack, afterBack func(lo, hi int)
	params                                                          func(lo, hi int)
}

// NewPass implements [Model].
func (m *STORN[T]) NewPass(threads int) Pass[T] {
	checkThreads("NewPass", threads)
	checkMade("NewPass", m.generator != nil)
	p := &stornPass[T]{m: m, threads: max(threads, 1),
		recognition: newStackTape(m.recognition, streamDropoutR), generator: newStackTape(m.generator, streamDropout)}
	p.atDraw.form = kernels.SoftplusSigma
	p.before, p.recognise, p.between, p.generate, p.after = p.beforeRows, p.recogniseRows, p.betweenRows, p.generateRows, p.afterRows
	p.beforeBack, p.recogniseBack, p.betweenBack = p.beforeRowsBackward, p.recogniseRowsBackward, p.betweenRowsBackward
	p.generateBack, p.afterBack, p.params = p.generateRowsBackward, p.afterRowsBackward, p.paramGrad
	return p
}

// Forward implements [Pass].
func (p *stornPass[T]) Forward(b *Batch[T], obj Objective, training bool) {
	m := p.m
	checkPacked("Pass.Forward", m.packed(training))
	checkBatch(m.Config, m.State(), b, obj)
	rows := b.Shape.Rows()
	p.batch = b
	p.begin(obj, b.Shape, true, training)
	p.u, p.prev = pages.Grow(p.u, rows*len(m.Mean)), pages.Grow(p.prev, rows*len(m.Mean))
	p.eps, p.z = pages.Grow(p.eps, rows*m.Latent), pages.Grow(p.z, rows*m.Latent)
	beginNet(m.phiR, &p.phiR, rows)
	beginNet(m.phiX, &p.phiX, rows)
	beginNet(m.phiZ, &p.phiZ, rows)
	beginNet(m.posterior, &p.posterior, rows)
	beginNet(m.decoder, &p.decoder, rows)
	if obj.sampled() {
		p.atDraw.size(rows, m.Latent)
	}
	n := stackState(m.generator)
	p.generator.begin(b, 0, m.State(), training)
	p.recognition.begin(b, n, m.State(), training)
	encode(m.like, p.u, b.X, m.Mean, rows, m.Data)
	p.shift()
	par.Do(p.threads, rows, p.before)
	par.Do(p.threads, b.Shape.Batch(), p.recognise)
	par.Do(p.threads, rows, p.between)
	par.Do(p.threads, b.Shape.Batch(), p.generate)
	par.Do(p.threads, rows, p.after)
}

// shift fills prev: the rows of a step are the first ones of the step before.
func (p *stornPass[T]) shift() {
	shape, in := p.batch.Shape, len(p.m.Mean)
	last := 0
	for t := range shape.Steps() {
		off, n := shape.Step(t)
		dst := p.prev[off*in : (off+n)*in]
		switch {
		case t > 0:
			copy(dst, p.u[last*in:])
		case p.batch.H != nil:
			state := p.m.State()
			for b := range n {
				copy(dst[b*in:(b+1)*in], p.batch.H[(b+1)*state-in:])
			}
		default:
			clear(dst)
		}
		last = off
	}
}

func (p *stornPass[T]) beforeRows(lo, hi int) {
	m, in := p.m, len(p.m.Mean)
	m.phiR.Project(&p.phiR, p.u[lo*in:hi*in], lo, hi, 0, in)
	m.phiR.Activate(&p.phiR, lo, hi)
	p.m.recognition.Project(p.recognition.seq, p.phiR.Y[lo*m.PhiX:hi*m.PhiX], lo, hi, 0, m.PhiX)
	m.phiX.Project(&p.phiX, p.prev[lo*in:hi*in], lo, hi, 0, in)
	m.phiX.Activate(&p.phiX, lo, hi)
	p.m.generator.Project(p.generator.seq, p.phiX.Y[lo*m.PhiX:hi*m.PhiX], lo, hi, 0, m.PhiX)
}

// recogniseRows runs the recognising network for the sequences b0..b1 and draws their noise.
func (p *stornPass[T]) recogniseRows(b0, b1 int) {
	shape, z := p.batch.Shape, p.m.Latent
	for t := range shape.Steps() {
		off, n := shape.Step(t)
		if n = min(b1, n); n <= b0 {
			return
		}
		p.m.recognition.Step(p.recognition.seq, t, b0, b1)
		kernels.Normals(p.eps[(off+b0)*z:(off+n)*z], p.batch.Noise, uint32(t), uint32(p.batch.Row0+b0), n-b0, z)
	}
}

func (p *stornPass[T]) betweenRows(lo, hi int) {
	m := p.m
	n, z := hi-lo, m.Latent
	m.posterior.Project(&p.posterior, p.recognition.seq.H[lo*m.Hidden:hi*m.Hidden], lo, hi, 0, m.Hidden)
	m.posterior.Activate(&p.posterior, lo, hi)
	q := p.posterior.Y[lo*2*z : hi*2*z]
	kernels.GaussSample(p.z[lo*z:hi*z], kernels.GaussHead(q, z, kernels.SoftplusSigma), p.eps[lo*z:hi*z], n, z)
	if p.obj.sampled() {
		p.atDraw.forward(p.KL, p.z, p.eps, q, nil, lo, hi, z)
	} else {
		kernels.GaussKLStandard(p.KL[lo:hi], kernels.GaussHead(q, z, kernels.SoftplusSigma), n, z)
	}
	m.phiZ.Project(&p.phiZ, p.z[lo*z:hi*z], lo, hi, 0, z)
	m.phiZ.Activate(&p.phiZ, lo, hi)
	p.m.generator.Project(p.generator.seq, p.phiZ.Y[lo*m.PhiZ:hi*m.PhiZ], lo, hi, m.PhiX, m.PhiX+m.PhiZ)
}

func (p *stornPass[T]) generateRows(b0, b1 int) {
	for t := range p.batch.Shape.Steps() {
		p.m.generator.Step(p.generator.seq, t, b0, b1)
	}
}

func (p *stornPass[T]) afterRows(lo, hi int) {
	m := p.m
	m.decoder.Project(&p.decoder, p.generator.seq.H[lo*m.Hidden:hi*m.Hidden], lo, hi, 0, m.Hidden)
	m.decoder.Activate(&p.decoder, lo, hi)
	w := last(m.decoder).Out
	m.like.logProb(p.LogProb[lo:hi], p.batch.X[lo*m.Data:hi*m.Data], p.decoder.Y[lo*w:hi*w], hi-lo, m.Data)
}

// Backward implements [Pass]; grad is a *STORN.
func (p *stornPass[T]) Backward(grad Model[T]) {
	checkPacked("Pass.Backward", p.m.packed(true))
	p.goBack(p.m, grad)
	m, rows := p.m, p.batch.Shape.Rows()
	if rows == 0 {
		return
	}
	p.g = grad.(*STORN[T])
	p.dlp, p.dkl = pages.Grow(p.dlp, rows), pages.Grow(p.dkl, rows)
	p.dz, p.dR, p.dH = pages.Grow(p.dz, rows*m.Latent), pages.Grow(p.dR, rows*m.Hidden), pages.Grow(p.dH, rows*m.Hidden)
	p.grad(p.dlp, p.dkl)
	p.generator.seq.BeginBackward(nil, nil)
	p.recognition.seq.BeginBackward(nil, nil)
	p.phiR.BeginBackward()
	p.phiX.BeginBackward()
	p.phiZ.BeginBackward()
	p.posterior.BeginBackward()
	p.decoder.BeginBackward()
	par.Do(p.threads, rows, p.afterBack)
	par.Do(p.threads, p.batch.Shape.Batch(), p.generateBack)
	par.Do(p.threads, rows, p.betweenBack)
	par.Do(p.threads, p.batch.Shape.Batch(), p.recogniseBack)
	par.Do(p.threads, rows, p.beforeBack)
	par.Do(p.threads, p.threads, p.params)
	p.g = nil
}

func (p *stornPass[T]) afterRowsBackward(lo, hi int) {
	m, w := p.m, last(p.m.decoder).Out
	m.like.backward(p.decoder.DY[lo*w:hi*w], p.dlp[lo:hi], p.batch.X[lo*m.Data:hi*m.Data], p.decoder.Y[lo*w:hi*w], hi-lo, m.Data)
	m.decoder.ActivateBackward(&p.decoder, lo, hi)
	m.decoder.InputGrad(&p.decoder, p.dH[lo*m.Hidden:hi*m.Hidden], lo, hi, 0, m.Hidden, false)
}

func (p *stornPass[T]) generateRowsBackward(b0, b1 int) { p.loopBackward(p.generator, p.dH, b0, b1) }

func (p *stornPass[T]) recogniseRowsBackward(b0, b1 int) {
	p.loopBackward(p.recognition, p.dR, b0, b1)
}

// loopBackward runs a recurrent network backward; dy is the gradient of its outputs.
func (p *stornPass[T]) loopBackward(cells *stackTape[T], dy []T, b0, b1 int) {
	shape, h := p.batch.Shape, p.m.Hidden
	for t := shape.Steps() - 1; t >= 0; t-- {
		off, n := shape.Step(t)
		cells.stack.StepBackward(cells.seq, t, b0, b1, dy[off*h:(off+n)*h])
	}
}

func (p *stornPass[T]) betweenRowsBackward(lo, hi int) {
	m := p.m
	n, z := hi-lo, m.Latent
	q, dq := p.posterior.Y[lo*2*z:hi*2*z], p.posterior.DY[lo*2*z:hi*2*z]
	if p.obj.sampled() {
		p.atDraw.backward(p.dz, dq, nil, p.dkl, p.z, q, nil, lo, hi, z)
	} else {
		kernels.GaussKLStandardBackward(nil, kernels.GaussHeadGrad(dq, z), p.dkl[lo:hi], kernels.GaussHead(q, z, kernels.SoftplusSigma), n, z)
	}
	p.m.generator.InputGrad(p.generator.seq, p.phiZ.DY[lo*m.PhiZ:hi*m.PhiZ], lo, hi, m.PhiX, m.PhiX+m.PhiZ, false)
	m.phiZ.ActivateBackward(&p.phiZ, lo, hi)
	m.phiZ.InputGrad(&p.phiZ, p.dz[lo*z:hi*z], lo, hi, 0, z, p.obj.sampled())
	kernels.GaussSampleBackward(kernels.GaussHeadGrad(dq, z), p.dz[lo*z:hi*z], kernels.GaussHead(q, z, kernels.SoftplusSigma), p.eps[lo*z:hi*z], n, z)
	m.posterior.ActivateBackward(&p.posterior, lo, hi)
	m.posterior.InputGrad(&p.posterior, p.dR[lo*m.Hidden:hi*m.Hidden], lo, hi, 0, m.Hidden, false)
}

func (p *stornPass[T]) beforeRowsBackward(lo, hi int) {
	m := p.m
	p.m.recognition.InputGrad(p.recognition.seq, p.phiR.DY[lo*m.PhiX:hi*m.PhiX], lo, hi, 0, m.PhiX, false)
	m.phiR.ActivateBackward(&p.phiR, lo, hi)
	p.m.generator.InputGrad(p.generator.seq, p.phiX.DY[lo*m.PhiX:hi*m.PhiX], lo, hi, 0, m.PhiX, false)
	m.phiX.ActivateBackward(&p.phiX, lo, hi)
}

// paramGrad computes the parts lo..hi of all parameter gradients, split by outputs.
func (p *stornPass[T]) paramGrad(lo, hi int) {
	m, g := p.m, p.g
	for i := lo; i < hi; i++ {
		m.phiR.ParamGrad(g.phiR, &p.phiR, i, p.threads, p.u)
		m.phiX.ParamGrad(g.phiX, &p.phiX, i, p.threads, p.prev)
		m.phiZ.ParamGrad(g.phiZ, &p.phiZ, i, p.threads, p.z)
		m.posterior.ParamGrad(g.posterior, &p.posterior, i, p.threads, p.recognition.seq.H)
		m.decoder.ParamGrad(g.decoder, &p.decoder, i, p.threads, p.generator.seq.H)
		p.m.recognition.ParamGrad(g.recognition, p.recognition.seq, i, p.threads, p.phiR.Y)
		p.m.generator.ParamGrad(g.generator, p.generator.seq, i, p.threads, p.phiX.Y, p.phiZ.Y)
	}
}

// Final implements [Pass].
func (p *stornPass[T]) Final(h, c []T) {
	p.checkRan("Pass.Final")
	checkStates(len(h), len(c), p.shape.Batch(), p.m.State())
	state, n, in, shape := p.m.State(), stackState(p.m.generator), len(p.m.Mean), p.batch.Shape
	p.generator.final(h, c, shape.Batch(), 0, state)
	p.recognition.final(h, c, shape.Batch(), n, state)
	for b := range shape.Batch() {
		last := h[(b+1)*state-in : (b+1)*state]
		switch t := shape.Length(b); {
		case t > 0:
			copy(last, p.u[shape.Row(t-1, b)*in:])
		case p.batch.H != nil:
			copy(last, p.batch.H[(b+1)*state-in:])
		default:
			clear(last)
		}
	}
}

// Channels implements [Pass].
func (p *stornPass[T]) Channels(add func(name string, values []T)) {
	p.checkRan("Pass.Channels")
	checkThere("Pass.Channels", "add", add != nil)
	m, rows := p.m, p.batch.Shape.Rows()
	add("x", p.batch.X[:rows*m.Data])
	m.like.channels(add, p.decoder.Y, rows, m.Data)
	headSigma(add, "phi_sig", p.posterior.Y, rows, m.Latent)
}
