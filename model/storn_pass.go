package model

import (
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/internal/par"
)

// stornPass is the [Pass] of a [STORN]. All but the two recurrent loops works on the rows
// of all steps at once:
//
//	x_t     --> φr --> loop: r --> posterior --> z, KL --> φz --+--> loop: h --> decoder --> LogProb
//	x_{t-1} --> φx ---------------------------------------------+
type stornPass[T cell.Float] struct {
	passBase[T]
	m *STORN[T]

	recognition, generator               *stackTape[T]
	phiR, phiX, phiZ, posterior, decoder net[T]
	in                                   inputs[T]
	prev                                 []T // in of the step before
	skip                                 skip[T]
	dR, dH                               []T
	g                                    *STORN[T] // where a running Backward adds

	// The phases as function values, made once: a closure per call would be an allocation.
	before, recognise, between, generate, stepwise, after           func(lo, hi int)
	beforeBack, recogniseBack, betweenBack, generateBack, afterBack func(lo, hi int)
}

// NewPass implements [Model].
func (m *STORN[T]) NewPass(threads int) Pass[T] {
	p := &stornPass[T]{passBase: m.newPass(threads), m: m,
		recognition: newStackTape(m.recognition, streamDropoutR, streamDropoutHeadsR, m.DropoutHeads),
		generator:   newStackTape(m.generator, streamDropout, streamDropoutHeads, m.DropoutHeads),
		phiR:        net[T]{mlp: m.phiR}, phiX: net[T]{mlp: m.phiX}, phiZ: net[T]{mlp: m.phiZ},
		posterior: net[T]{mlp: m.posterior}, decoder: net[T]{mlp: m.decoder}, skip: newSkip(&m.base, m.skip)}
	p.before, p.recognise, p.between, p.generate, p.after = p.beforeRows, p.recogniseRows, p.betweenRows, p.generateRows, p.afterRows
	p.stepwise = p.stepRows
	p.beforeBack, p.recogniseBack, p.betweenBack = p.beforeRowsBackward, p.recogniseRowsBackward, p.betweenRowsBackward
	p.generateBack, p.afterBack, p.stageGrad = p.generateRowsBackward, p.afterRowsBackward, p.gradOf
	return p
}

// Forward implements [Pass].
func (p *stornPass[T]) Forward(b *Batch[T], obj Objective, training bool) {
	p.start(b, obj, training)
	m, rows := p.m, b.Shape.Rows()
	p.in.begin(&p.passBase, training)
	p.prev = pages.Grow(p.prev, rows*len(m.Mean))
	beginNets(rows, &p.phiR, &p.phiX, &p.phiZ, &p.posterior, &p.decoder)
	p.generator.begin(b, 0, m.State(), training)
	p.recognition.begin(b, p.generator.state(), m.State(), training)
	p.generator.expose(p.generator.seq.H, b, training)
	p.recognition.expose(p.recognition.seq.H, b, training)
	p.skip.begin(&p.passBase)
	if p.mask != nil { // what one step is filled in with, the next one sees
		par.Do(p.threads, b.Shape.Batch(), p.stepwise)
	} else {
		p.in.encode(&p.passBase, 0, rows)
		for t := range b.Shape.Steps() {
			p.shift(t, 0, b.Shape.Batch())
		}
		par.Do(p.threads, rows, p.before)
		par.Do(p.threads, b.Shape.Batch(), p.recognise)
		par.Do(p.threads, rows, p.between)
		par.Do(p.threads, b.Shape.Batch(), p.generate)
	}
	par.Do(p.threads, rows, p.after)
}

// shift fills prev in step t of the sequences b0..b1: the rows are the first ones of the step before.
func (p *stornPass[T]) shift(t, b0, b1 int) {
	in := len(p.m.Mean)
	off, n := p.shape.Step(t)
	n = min(b1, n)
	dst := p.prev[(off+b0)*in : (off+n)*in]
	switch {
	case t > 0:
		before, _ := p.shape.Step(t - 1)
		copy(dst, p.in.u[(before+b0)*in:])
	case p.batch.H != nil:
		for b := b0; b < n; b++ {
			copy(dst[(b-b0)*in:], p.m.last(p.batch.H, b))
		}
	default:
		clear(dst)
	}
}

// stepRows computes all that comes before the outputs, step by step, for the sequences b0..b1.
func (p *stornPass[T]) stepRows(b0, b1 int) {
	for t := range p.shape.Steps() {
		off, n := p.shape.Step(t)
		if n = min(b1, n); n <= b0 {
			return
		}
		lo, hi := off+b0, off+n
		p.shift(t, b0, n)
		p.skip.see(p.batch, t, b0, b1)
		p.fillRows(t, b0, b1)
		p.in.encode(&p.passBase, lo, hi)
		p.beforeRows(lo, hi)
		p.recogniseStep(t, b0, b1)
		p.betweenRows(lo, hi)
		p.generateStep(t, b0, b1)
	}
}

// fillRows fills in what is missing in step t of the sequences b0..b1: by what is expected before x_t, and then by
// what is expected with z from the posterior that sees that.
func (p *stornPass[T]) fillRows(t, b0, b1 int) {
	off, n := p.shape.Step(t)
	lo, hi := off+b0, off+min(b1, n)
	if missing(rowsOf(p.mask, lo, hi, p.m.Data)) == 0 {
		return
	}
	row := uint32(p.batch.Row0 + b0)
	guess := func(heads []T) {
		p.guess(heads, uint32(t), row, lo, hi)
		p.drive(lo, hi)
		p.phiZ.forward(lo, hi, p.lat.z)
		p.generator.project(p.phiZ.Y, lo, hi, p.m.PhiX, p.m.PhiX+p.m.PhiZ)
		p.generateStep(t, b0, b1)
		p.decode(lo, hi)
		p.fillIn(p.decoder.Y, uint32(t), row, lo, hi)
	}
	p.skip.forward(lo, hi, p.skip.u)
	guess(nil)
	p.in.encode(&p.passBase, lo, hi)
	p.beforeRows(lo, hi)
	p.recogniseStep(t, b0, b1)
	p.posterior.forward(lo, hi, p.recognition.heads, p.skip.r)
	guess(p.posterior.Y)
}

func (p *stornPass[T]) beforeRows(lo, hi int) {
	m := p.m
	p.phiR.forward(lo, hi, p.in.u)
	p.recognition.project(p.phiR.Y, lo, hi, 0, m.PhiX)
	p.recognition.project(p.given, lo, hi, m.PhiX, m.recognition.In())
	p.skip.forward(lo, hi, p.skip.u)
	p.skip.residuals(p.x, lo, hi)
	p.drive(lo, hi)
}

// drive gives the generating network all of its input but z.
func (p *stornPass[T]) drive(lo, hi int) {
	m := p.m
	p.phiX.forward(lo, hi, p.prev)
	p.generator.project(p.phiX.Y, lo, hi, 0, m.PhiX)
	p.generator.project(p.given, lo, hi, m.PhiX+m.PhiZ, m.generator.In())
}

// recogniseRows runs the recognising network for the sequences b0..b1 and draws their noise.
func (p *stornPass[T]) recogniseRows(b0, b1 int) {
	for t := range p.shape.Steps() {
		p.recogniseStep(t, b0, b1)
	}
}

func (p *stornPass[T]) recogniseStep(t, b0, b1 int) {
	off, n := p.shape.Step(t)
	if n = min(b1, n); n <= b0 {
		return
	}
	p.recognition.step(t, b0, b1)
	p.recognition.see(p.shape, t, b0, b1)
	p.lat.noise(p.batch.Noise, uint32(t), uint32(p.batch.Row0+b0), off+b0, off+n)
}

func (p *stornPass[T]) betweenRows(lo, hi int) {
	m := p.m
	p.posterior.forward(lo, hi, p.recognition.heads, p.skip.r)
	p.lat.step(p.KL, p.posterior.Y, lo, hi)
	p.phiZ.forward(lo, hi, p.lat.z)
	p.generator.project(p.phiZ.Y, lo, hi, m.PhiX, m.PhiX+m.PhiZ)
}

func (p *stornPass[T]) generateRows(b0, b1 int) {
	for t := range p.shape.Steps() {
		p.generateStep(t, b0, b1)
	}
}

func (p *stornPass[T]) generateStep(t, b0, b1 int) {
	p.generator.step(t, b0, b1)
	p.generator.see(p.shape, t, b0, b1)
}

// decode computes the outputs from the states of the generating network.
func (p *stornPass[T]) decode(lo, hi int) {
	p.decoder.forward(lo, hi, p.generator.heads)
	p.skip.add(p.decoder.Y, lo, hi)
}

func (p *stornPass[T]) afterRows(lo, hi int) {
	p.decode(lo, hi)
	p.score(p.decoder.Y, lo, hi)
}

// Backward implements [Pass]; grad is a *STORN.
func (p *stornPass[T]) Backward(grad Model[T]) {
	if !p.startBackward(p.m, grad) {
		return
	}
	m, rows := p.m, p.shape.Rows()
	p.g = grad.(*STORN[T])
	p.dR, p.dH = pages.Grow(p.dR, rows*m.Hidden), pages.Grow(p.dH, rows*m.Hidden)
	p.generator.seq.BeginBackward(nil, nil)
	p.recognition.seq.BeginBackward(nil, nil)
	beginNetsBackward(&p.phiR, &p.phiX, &p.phiZ, &p.posterior, &p.decoder)
	p.skip.beginBackward()
	par.Do(p.threads, rows, p.afterBack)
	p.finish(0, 0)
	par.Do(p.threads, p.shape.Batch(), p.generateBack)
	p.finish(1, 1)
	par.Do(p.threads, rows, p.betweenBack)
	p.finish(2, 4)
	par.Do(p.threads, p.shape.Batch(), p.recogniseBack)
	p.finish(5, 5)
	par.Do(p.threads, rows, p.beforeBack)
	p.finish(6, 7)
	p.g = nil
}

func (p *stornPass[T]) afterRowsBackward(lo, hi int) {
	p.scoreBackward(p.decoder.DY, p.decoder.Y, lo, hi)
	p.skip.addBackward(p.decoder.DY, lo, hi)
	p.decoder.back(lo, hi)
	p.decoder.inputGrad(p.dH, lo, hi, 0, p.m.Hidden, false)
	p.generator.seeBackward(p.dH, lo, hi)
}

func (p *stornPass[T]) generateRowsBackward(b0, b1 int) { p.loopBackward(p.generator, p.dH, b0, b1) }

func (p *stornPass[T]) recogniseRowsBackward(b0, b1 int) {
	p.loopBackward(p.recognition, p.dR, b0, b1)
}

// loopBackward runs a recurrent network backward; dy is the gradient of its outputs.
func (p *stornPass[T]) loopBackward(cells *stackTape[T], dy []T, b0, b1 int) {
	h := p.m.Hidden
	for t := p.shape.Steps() - 1; t >= 0; t-- {
		off, n := p.shape.Step(t)
		cells.stepBackward(t, b0, b1, dy[off*h:(off+n)*h])
	}
}

func (p *stornPass[T]) betweenRowsBackward(lo, hi int) {
	m := p.m
	p.lat.klBackward(p.posterior.DY, nil, p.dkl, p.posterior.Y, nil, lo, hi)
	p.generator.inputGrad(p.phiZ.DY, lo, hi, m.PhiX, m.PhiX+m.PhiZ, false)
	p.latentBackward(&p.phiZ, &p.posterior, lo, hi)
	p.posterior.inputGrad(p.dR, lo, hi, 0, m.Hidden, false)
	p.skip.residualsBackward(&p.posterior, lo, hi)
	p.recognition.seeBackward(p.dR, lo, hi)
}

func (p *stornPass[T]) beforeRowsBackward(lo, hi int) {
	p.recognition.inputGrad(p.phiR.DY, lo, hi, 0, p.m.PhiX, false)
	p.phiR.back(lo, hi)
	p.generator.inputGrad(p.phiX.DY, lo, hi, 0, p.m.PhiX, false)
	p.phiX.back(lo, hi)
}

// gradOf computes part i of the gradients of a stage, split by outputs.
func (p *stornPass[T]) gradOf(stage, i int) {
	g := p.g
	switch stage {
	case 0:
		p.likeGrad(&g.base, i)
		p.decoder.paramGrad(g.decoder, i, p.threads, p.generator.heads)
	case 1:
		p.generator.paramGrad(g.generator, i, p.threads, p.phiX.Y, p.phiZ.Y, p.given)
	case 2:
		p.posterior.paramGrad(g.posterior, i, p.threads, p.recognition.heads, p.skip.r)
	case 3:
		p.phiZ.paramGrad(g.phiZ, i, p.threads, p.lat.z)
	case 4:
		p.skip.grad(g.skip, i, p.threads)
	case 5:
		p.recognition.paramGrad(g.recognition, i, p.threads, p.phiR.Y, p.given)
	case 6:
		p.phiR.paramGrad(g.phiR, i, p.threads, p.in.u)
	case 7:
		p.phiX.paramGrad(g.phiX, i, p.threads, p.prev)
	}
}

// Final implements [Pass].
func (p *stornPass[T]) Final(h, c []T) {
	p.checkRan("Pass.Final")
	checkStates(len(h), len(c), p.shape.Batch(), p.m.State())
	state, n, in, shape := p.m.State(), p.generator.state(), len(p.m.Mean), p.shape
	p.skip.final(h, c, p.batch)
	p.generator.final(h, c, shape.Batch(), 0, state)
	p.recognition.final(h, c, shape.Batch(), n, state)
	for b := range shape.Batch() {
		last := p.m.last(h, b)
		switch t := shape.Length(b); {
		case t > 0:
			copy(last, p.in.u[shape.Row(t-1, b)*in:])
		case p.batch.H != nil:
			copy(last, p.m.last(p.batch.H, b))
		default:
			clear(last)
		}
	}
}

// Channels implements [Pass].
func (p *stornPass[T]) Channels(add func(name string, values []T)) {
	p.show(add, p.decoder.Y)
	p.showSigma(add, "phi_sig", p.posterior.Y)
}
