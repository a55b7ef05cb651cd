package model

import (
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/internal/par"
)

// vraePass runs a [VRAE] over one batch after another and holds what a batch leaves
// behind; see [Pass].
//
//	x --encoder--> h_T --head--> [μ | ln σ²] --+--> z --start--> s_0 --> decoder --> output --> LogProb
//	                                  ε -------+--> KL                      ^---- y ----+
type vraePass[T cell.Float] struct {
	passBase[T]
	m *VRAE[T]

	enc     *reader[T] // whose y are q [Batch, 2 Latent]
	dec     *cell.Sequence[T]
	s0      []T  // [Batch, Hidden]
	in, out []T  // y_{t-1} and the outputs of every row
	fills   bool // while what is missing is filled in

	dout, dh, din, ds0 []T

	g *VRAE[T] // where a running Backward adds

	// The phases as function values, made once: a closure per call would be an allocation.
	draw, starts, loop, outputs, scores        func(lo, hi int)
	scoreBack, outputsBack, loopBack, drawBack func(lo, hi int)
}

// NewPass implements [Model].
func (m *VRAE[T]) NewPass(threads int) Pass[T] {
	p := &vraePass[T]{passBase: m.newPass(threads), m: m, enc: m.reader(threads), dec: cell.NewSequence[T]()}
	p.perSequence = true
	p.draw, p.starts, p.loop, p.outputs, p.scores = p.drawRows, p.startRows, p.loopRows, p.outputRows, p.scoreRows
	p.scoreBack, p.outputsBack, p.loopBack = p.scoreRowsBackward, p.outputRowsBackward, p.loopRowsBackward
	p.drawBack, p.stageGrad = p.drawRowsBackward, p.gradOf
	return p
}

// Forward implements [Pass].
func (p *vraePass[T]) Forward(b *Batch[T], obj Objective, training bool) {
	p.start(b, obj, training)
	p.recognise()
	par.Do(p.threads, b.Shape.Batch(), p.draw)
	p.decode()
	if p.m.Teacher {
		par.Do(p.threads, b.Shape.Rows(), p.outputs)
	}
	par.Do(p.threads, b.Shape.Rows(), p.scores)
}

// recognise makes q of every sequence. What is missing it fills in before: by what is expected without any data,
// and then by what is expected with z from the q that sees that.
func (p *vraePass[T]) recognise() {
	p.s0 = pages.Grow(p.s0, p.shape.Batch()*p.m.Hidden)
	if p.mask != nil {
		p.fillFrom(nil)
		p.enc.read(p.batch, p.x)
		p.fillFrom(p.enc.y)
	}
	p.enc.read(p.batch, p.x)
}

// fillFrom fills in what is missing by what the decoder makes of z from heads.
func (p *vraePass[T]) fillFrom(heads []T) {
	n := p.shape.Batch()
	p.guess(heads, 0, uint32(p.batch.Row0), 0, n)
	par.Do(p.threads, n, p.starts)
	p.fills = true
	p.decode()
	p.fills = false
}

// decode runs the decoder from its initial states.
func (p *vraePass[T]) decode() {
	rows := p.shape.Rows()
	p.in, p.out = pages.Grow(p.in, rows*p.m.Data), pages.Grow(p.out, rows*p.m.output.Out)
	p.dec.Begin(p.m.decoder, p.shape, p.s0, nil)
	par.Do(p.threads, p.shape.Batch(), p.loop)
}

// firstInputs sets the inputs of the decoder in step t of the sequences b0..n if the step before did not: zero in
// the first step and, with a teacher, the data in all others.
func (p *vraePass[T]) firstInputs(t, b0, n int) {
	d := p.m.Data
	off, _ := p.shape.Step(t)
	in := p.in[(off+b0)*d : (off+n)*d]
	switch {
	case t == 0:
		clear(in)
	case p.m.Teacher:
		before, _ := p.shape.Step(t - 1)
		copy(in, p.x[(before+b0)*d:])
	}
}

// drawRows draws z and computes KL and the initial states of the decoder, for the
// sequences lo..hi.
func (p *vraePass[T]) drawRows(lo, hi int) {
	p.lat.noise(p.batch.Noise, 0, uint32(p.batch.Row0+lo), lo, hi)
	p.lat.step(p.KL, p.enc.y, lo, hi)
	p.startRows(lo, hi)
}

// startRows computes the initial states of the decoder from z.
func (p *vraePass[T]) startRows(lo, hi int) {
	h := p.m.Hidden
	p.m.start.Forward(p.s0[lo*h:hi*h], p.lat.rows(p.lat.z, lo, hi), hi-lo)
}

// loopRows runs the decoder for the sequences b0..b1.
func (p *vraePass[T]) loopRows(b0, b1 int) {
	m, d, w := p.m, p.m.Data, p.m.output.Out
	for t := range p.shape.Steps() {
		off, n := p.shape.Step(t)
		if n = min(b1, n); n <= b0 {
			return
		}
		lo, hi := off+b0, off+n
		p.firstInputs(t, b0, n)
		m.decoder.Project(p.dec, p.in[lo*d:hi*d], lo, hi, 0, d)
		if g := m.Given; g > 0 {
			m.decoder.Project(p.dec, p.given[lo*g:hi*g], lo, hi, d, d+g)
		}
		m.decoder.Step(p.dec, t, b0, b1)
		if m.Teacher && !p.fills {
			continue
		}
		p.outputRows(lo, hi)
		if p.fills {
			p.fillIn(p.out, uint32(t), uint32(p.batch.Row0+b0), lo, hi)
		}
		if m.Teacher {
			continue
		}
		next, more := p.shape.Step(t + 1)
		if more = min(n, more); more > b0 {
			m.like.mean(p.in[(next+b0)*d:(next+more)*d], p.out[lo*w:], more-b0, d)
		}
	}
}

// outputRows computes the output layer of the rows lo..hi.
func (p *vraePass[T]) outputRows(lo, hi int) {
	h, w := p.m.Hidden, p.m.output.Out
	p.m.output.Forward(p.out[lo*w:hi*w], p.dec.H[lo*h:hi*h], hi-lo)
}

func (p *vraePass[T]) scoreRows(lo, hi int) { p.score(p.out, lo, hi) }

// Backward implements [Pass].
func (p *vraePass[T]) Backward(grad Model[T]) {
	if !p.startBackward(p.m, grad) {
		return
	}
	m, rows, n := p.m, p.shape.Rows(), p.shape.Batch()
	p.g = grad.(*VRAE[T])
	p.dout, p.dh, p.din = pages.Grow(p.dout, rows*m.output.Out), pages.Grow(p.dh, rows*m.Hidden), pages.Grow(p.din, rows*m.Data)
	p.ds0 = pages.Grow(p.ds0, n*m.Hidden)
	p.enc.beginBackward()
	p.dec.BeginBackward(nil, nil)
	par.Do(p.threads, rows, p.scoreBack)
	if m.Teacher {
		par.Do(p.threads, rows, p.outputsBack)
	}
	par.Do(p.threads, n, p.loopBack)
	p.dec.InitialGrad(p.ds0, nil, 0, n)
	par.Do(p.threads, n, p.drawBack)
	p.finish(0, 3)
	p.enc.backward(p.g.encoder, nil)
	p.g = nil
}

func (p *vraePass[T]) scoreRowsBackward(lo, hi int) { p.scoreBackward(p.dout, p.out, lo, hi) }

func (p *vraePass[T]) outputRowsBackward(lo, hi int) {
	h, w := p.m.Hidden, p.m.output.Out
	p.m.output.InputGrad(p.dh[lo*h:hi*h], p.dout[lo*w:hi*w], hi-lo, 0, h, false)
}

func (p *vraePass[T]) loopRowsBackward(b0, b1 int) {
	m, shape := p.m, p.shape
	d, h, w := m.Data, m.Hidden, m.output.Out
	for t := shape.Steps() - 1; t >= 0; t-- {
		off, n := shape.Step(t)
		if n = min(b1, n); n <= b0 {
			continue
		}
		lo, hi := off+b0, off+n
		if !m.Teacher {
			// What step t put out was the input of step t+1.
			next, more := shape.Step(t + 1)
			if more = min(n, more); more > b0 {
				from, to := (next+b0)*d, (next+more)*d
				m.feed.meanBackward(p.dout[lo*w:], p.din[from:to], p.in[from:to], more-b0, d)
			}
			p.outputRowsBackward(lo, hi)
		}
		m.decoder.StepBackward(p.dec, t, b0, b1, p.dh[off*h:hi*h])
		if !m.Teacher && t > 0 {
			m.decoder.InputGrad(p.dec, p.din[lo*d:hi*d], lo, hi, 0, d, false)
		}
	}
}

// drawRowsBackward takes the gradient from the initial states of the decoder to the last
// states of the encoder, for the sequences lo..hi.
func (p *vraePass[T]) drawRowsBackward(lo, hi int) {
	m, h, n, q, dq := p.m, p.m.Hidden, hi-lo, p.enc.y, p.enc.dy
	ds0 := p.ds0[lo*h : hi*h]
	m.start.ActivateBackward(ds0, p.s0[lo*h:hi*h], n)
	if p.lat.sampled {
		p.lat.klBackward(dq, nil, p.dkl, q, nil, lo, hi)
	}
	m.start.InputGrad(p.lat.rows(p.lat.dz, lo, hi), ds0, n, 0, m.Latent, p.lat.sampled)
	p.lat.stepBackward(dq, p.dkl, q, lo, hi)
	p.enc.headBackward(lo, hi)
}

// gradOf computes part i of the gradients of a stage, split by outputs. The encoder computes its own.
func (p *vraePass[T]) gradOf(stage, i int) {
	m, g := p.m, p.g
	switch stage {
	case 0:
		from, to := share(m.decoder.Kind.Gates()*m.Hidden, i, p.threads)
		m.decoder.ParamGrad(g.decoder, p.dec, p.in, 0, m.Data, from, to)
		if m.Given > 0 {
			m.decoder.ParamGrad(g.decoder, p.dec, p.given, m.Data, m.decoder.In, from, to)
		}
	case 1:
		p.likeGrad(&g.base, i)
		from, to := share(m.output.Out, i, p.threads)
		m.output.ParamGrad(g.output, p.dout, p.dec.H, p.shape.Rows(), 0, m.Hidden, from, to)
	case 2:
		from, to := share(m.start.Out, i, p.threads)
		m.start.ParamGrad(g.start, p.ds0, p.lat.z, p.shape.Batch(), 0, m.start.In, from, to)
	case 3:
		p.enc.headGrad(g.head, i, p.threads)
	}
}

// Channels implements [Pass]: phi_sig is σ of the posterior.
func (p *vraePass[T]) Channels(add func(name string, values []T)) {
	p.show(add, p.out)
	p.showSigma(add, "phi_sig", p.enc.y)
}
