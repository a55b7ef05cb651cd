package model

import (
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/internal/par"
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
	passBase[T]
	m *VRNN[T]

	cells                                 *stackTape[T]
	phiX, phiZ, prior, posterior, decoder net[T]
	in                                    inputs[T]
	skip                                  skip[T]
	dHPrev                                []T
	g                                     *VRNN[T] // where a running Backward adds

	// The phases as function values, made once: a closure per call would be an allocation.
	before, loop, after, afterBack, loopBack, beforeBack func(lo, hi int)
}

// NewPass implements [Model].
func (m *VRNN[T]) NewPass(threads int) Pass[T] { return newVRNNPass(m, threads) }

func newVRNNPass[T cell.Float](m *VRNN[T], threads int) *vrnnPass[T] {
	p := &vrnnPass[T]{passBase: m.newPass(threads), m: m, cells: newStackTape(m.stack, streamDropout, streamDropoutHeads, m.DropoutHeads),
		phiX: net[T]{mlp: m.phiX}, phiZ: net[T]{mlp: m.phiZ}, prior: net[T]{mlp: m.prior},
		posterior: net[T]{mlp: m.posterior}, decoder: net[T]{mlp: m.decoder}, skip: newSkip(&m.base, m.skip)}
	p.before, p.loop, p.after = p.beforeRows, p.loopRows, p.afterRows
	p.afterBack, p.loopBack, p.beforeBack, p.stageGrad = p.afterRowsBackward, p.loopRowsBackward, p.beforeRowsBackward, p.gradOf
	return p
}

// Forward implements [Pass].
func (p *vrnnPass[T]) Forward(b *Batch[T], obj Objective, training bool) {
	p.start(b, obj, training)
	m, rows := p.m, b.Shape.Rows()
	p.in.begin(&p.passBase, training)
	beginNets(rows, &p.phiX, &p.phiZ, &p.prior, &p.posterior, &p.decoder)
	p.skip.begin(&p.passBase)
	p.cells.begin(b, 0, m.State(), training)
	p.cells.expose(p.cells.seq.HPrev, b, training)
	if p.mask == nil { // otherwise step by step
		par.Do(p.threads, rows, p.before)
	}
	par.Do(p.threads, b.Shape.Batch(), p.loop)
	par.Do(p.threads, rows, p.after)
}

// beforeRows computes what needs no state, for the rows lo..hi.
func (p *vrnnPass[T]) beforeRows(lo, hi int) {
	m := p.m
	p.in.encode(&p.passBase, lo, hi)
	p.phiX.forward(lo, hi, p.in.u)
	p.cells.project(p.phiX.Y, lo, hi, 0, m.PhiX)
	p.cells.project(p.given, lo, hi, m.PhiX+m.PhiZ, p.cells.stack.In())
	p.skip.forward(lo, hi, p.skip.u)
	if m.Latent > 0 {
		p.skip.residuals(p.x, lo, hi)
		at := m.PhiX + m.Hidden
		p.posterior.project(p.phiX.Y, lo, hi, 0, m.PhiX)
		p.posterior.project(p.given, lo, hi, at, at+m.Given)
		p.posterior.project(p.skip.r, lo, hi, at+m.Given, m.posterior.In())
	}
}

// loopRows runs the recurrent loop for the sequences b0..b1.
func (p *vrnnPass[T]) loopRows(b0, b1 int) {
	m := p.m
	for t := range p.shape.Steps() {
		off, n := p.shape.Step(t)
		n = min(b1, n)
		if n <= b0 {
			return
		}
		p.cells.see(p.shape, t, b0, b1)
		lo, hi := off+b0, off+n
		if p.mask != nil {
			p.skip.see(p.batch, t, b0, b1)
			p.fillRows(uint32(t), uint32(p.batch.Row0+b0), lo, hi)
			p.beforeRows(lo, hi)
		}
		if m.Latent > 0 {
			p.posterior.project(p.cells.heads, lo, hi, m.PhiX, m.PhiX+m.Hidden)
			p.posterior.activate(lo, hi)
			p.lat.noise(p.batch.Noise, uint32(t), uint32(p.batch.Row0+b0), lo, hi)
			p.lat.draw(p.posterior.Y, lo, hi)
			p.phiZ.forward(lo, hi, p.lat.z)
			p.cells.project(p.phiZ.Y, lo, hi, m.PhiX, m.PhiX+m.PhiZ)
		}
		p.cells.step(t, b0, b1)
	}
}

// fillRows fills in what is missing in the rows lo..hi, which are the rows row... of step t.
func (p *vrnnPass[T]) fillRows(t, row uint32, lo, hi int) {
	m, h := p.m, p.cells.heads
	if missing(rowsOf(p.mask, lo, hi, m.Data)) == 0 {
		return
	}
	p.skip.forward(lo, hi, p.skip.u)
	if m.Latent == 0 {
		p.decode(lo, hi)
		p.fillIn(p.decoder.Y, t, row, lo, hi)
		return
	}
	p.prior.forward(lo, hi, h, p.given)
	p.guess(p.prior.Y, t, row, lo, hi)
	p.decode(lo, hi)
	p.fillIn(p.decoder.Y, t, row, lo, hi)
	p.beforeRows(lo, hi)
	p.posterior.project(h, lo, hi, m.PhiX, m.PhiX+m.Hidden)
	p.posterior.activate(lo, hi)
	p.guess(p.posterior.Y, t, row, lo, hi)
	p.decode(lo, hi)
	p.fillIn(p.decoder.Y, t, row, lo, hi)
}

// decode computes the outputs, from z where there is one.
func (p *vrnnPass[T]) decode(lo, hi int) {
	p.phiZ.forward(lo, hi, p.lat.z)
	p.decoder.forward(lo, hi, p.phiZ.Y, p.cells.heads, p.given)
	p.skip.add(p.decoder.Y, lo, hi)
}

// afterRows computes what needs the states of all steps, for the rows lo..hi.
func (p *vrnnPass[T]) afterRows(lo, hi int) {
	if h := p.cells.heads; p.m.Latent > 0 {
		p.prior.forward(lo, hi, h, p.given)
		p.lat.kl(p.KL, p.posterior.Y, p.prior.Y, lo, hi)
		p.decoder.forward(lo, hi, p.phiZ.Y, h, p.given)
	} else {
		p.decoder.forward(lo, hi, h, p.given)
	}
	p.skip.add(p.decoder.Y, lo, hi)
	p.score(p.decoder.Y, lo, hi)
}

// Backward implements [Pass]; grad is a *VRNN.
func (p *vrnnPass[T]) Backward(grad Model[T]) {
	if !p.startBackward(p.m, grad) {
		return
	}
	rows := p.shape.Rows()
	p.g = grad.(*VRNN[T])
	p.dHPrev = pages.Grow(p.dHPrev, rows*p.m.Hidden)
	p.cells.seq.BeginBackward(nil, nil)
	beginNetsBackward(&p.phiX, &p.phiZ, &p.prior, &p.posterior, &p.decoder)
	p.skip.beginBackward()
	par.Do(p.threads, rows, p.afterBack)
	p.finish(0, 1)
	par.Do(p.threads, p.shape.Batch(), p.loopBack)
	p.finish(2, 4)
	par.Do(p.threads, rows, p.beforeBack)
	p.finish(5, 6)
	p.g = nil
}

func (p *vrnnPass[T]) afterRowsBackward(lo, hi int) {
	m := p.m
	p.scoreBackward(p.decoder.DY, p.decoder.Y, lo, hi)
	p.skip.addBackward(p.decoder.DY, lo, hi)
	p.decoder.back(lo, hi)
	_, first := p.shape.Step(0)
	later := min(max(lo, first), hi) // nobody asks for the gradient of the initial states
	p.decoder.inputGrad(p.dHPrev, later, hi, m.PhiZ, m.PhiZ+m.Hidden, false)
	if m.Latent == 0 {
		return
	}
	p.decoder.inputGrad(p.phiZ.DY, lo, hi, 0, m.PhiZ, false)
	p.lat.klBackward(p.posterior.DY, p.prior.DY, p.dkl, p.posterior.Y, p.prior.Y, lo, hi)
	if m.prior != nil {
		p.prior.back(lo, hi)
		p.prior.inputGrad(p.dHPrev, later, hi, 0, m.Hidden, true)
	}
}

func (p *vrnnPass[T]) loopRowsBackward(b0, b1 int) {
	m := p.m
	h := m.Hidden
	for t := p.shape.Steps() - 1; t >= 0; t-- {
		off, n := p.shape.Step(t)
		n = min(b1, n)
		if n <= b0 {
			continue
		}
		// The gradient of h_t from outside the cell is that of the state step t+1 started with.
		next, more := p.shape.Step(t + 1)
		p.cells.stepBackward(t, b0, b1, p.dHPrev[next*h:(next+more)*h])
		lo, hi := off+b0, off+n
		if m.Latent > 0 {
			p.cells.inputGrad(p.phiZ.DY, lo, hi, m.PhiX, m.PhiX+m.PhiZ, true)
			p.latentBackward(&p.phiZ, &p.posterior, lo, hi)
			if t > 0 {
				p.posterior.inputGrad(p.dHPrev, lo, hi, m.PhiX, m.PhiX+h, true)
			}
		}
		if t > 0 {
			p.cells.seeBackward(p.dHPrev, lo, hi)
		}
	}
}

func (p *vrnnPass[T]) beforeRowsBackward(lo, hi int) {
	m := p.m
	p.cells.inputGrad(p.phiX.DY, lo, hi, 0, m.PhiX, false)
	if m.Latent > 0 {
		p.posterior.inputGrad(p.phiX.DY, lo, hi, 0, m.PhiX, true)
		p.skip.residualsBackward(&p.posterior, lo, hi)
	}
	p.phiX.back(lo, hi)
}

// gradOf computes part i of the gradients of a stage, split by outputs.
func (p *vrnnPass[T]) gradOf(stage, i int) {
	m, g, h := p.m, p.g, p.cells.heads
	switch {
	case stage == 0:
		p.likeGrad(&g.base, i)
		p.decoder.paramGrad(g.decoder, i, p.threads, p.phiZ.Y, h, p.given)
	case stage == 1 && m.prior != nil:
		p.prior.paramGrad(g.prior, i, p.threads, h, p.given)
	case stage == 2:
		p.cells.paramGrad(g.stack, i, p.threads, p.phiX.Y, p.phiZ.Y, p.given)
	case stage == 3 && m.Latent > 0:
		p.posterior.paramGrad(g.posterior, i, p.threads, p.phiX.Y, h, p.given, p.skip.r)
	case stage == 4 && m.Latent > 0:
		p.phiZ.paramGrad(g.phiZ, i, p.threads, p.lat.z)
	case stage == 5:
		p.phiX.paramGrad(g.phiX, i, p.threads, p.in.u)
	case stage == 6:
		p.skip.grad(g.skip, i, p.threads)
	}
}

// Final implements [Pass].
func (p *vrnnPass[T]) Final(h, c []T) {
	p.checkRan("Pass.Final")
	checkStates(len(h), len(c), p.shape.Batch(), p.m.State())
	p.cells.final(h, c, p.shape.Batch(), 0, p.m.State())
	p.skip.final(h, c, p.batch)
}

// Channels implements [Pass].
func (p *vrnnPass[T]) Channels(add func(name string, values []T)) {
	p.show(add, p.decoder.Y)
	if p.m.Latent > 0 {
		p.showSigma(add, "phi_sig", p.posterior.Y)
	}
	if p.m.prior != nil {
		p.showSigma(add, "prior_sig", p.prior.Y)
	}
}
