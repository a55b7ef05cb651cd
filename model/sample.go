package model

import (
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// Sample draws count sequences of the given number of steps from m, from its initial state:
// z from the prior, x_t from the output distribution, fed back where the model feeds back.
// Sequence i is result[i*steps*Data:], [steps, Data]; it depends on the seed and i, not on
// count.
//
// With mean set, x_t is the mean of the output instead of a draw from it. It panics if count or
// steps is negative or the result would have more than [cell.MaxWeights] elements.
func Sample[T cell.Float](m Model[T], count, steps int, seed uint64, mean bool) []T {
	checkThere("Sample", "m", m != nil)
	checkResult("Sample", count, steps, m.Settings().Data)
	dst := make([]T, count*steps*m.Settings().Data)
	if len(dst) > 0 {
		m.Sample(dst, count, steps, seed, mean)
	}
	return dst
}

// sampler puts the steps that a model draws where [Sample] wants them.
type sampler[T cell.Float] struct {
	m            *base[T]
	dst          []T
	count, steps int
	mean         bool
	prior        kernels.Noise // of latent variables
	noise        kernels.Noise // of the outputs
	x            []T           // the last step [count, Data]
}

// sampler checks what the function fn that draws from a model is given.
func (m *base[T]) sampler(fn string, dst []T, count, steps int, seed uint64, mean bool) *sampler[T] {
	m.checkPacked(fn, false)
	checkSample(fn, len(dst), count, steps, m.Data)
	return &sampler[T]{m: m, dst: dst, count: count, steps: steps, mean: mean, x: make([]T, count*m.Data),
		prior: kernels.Noise{Seed: seed, Stream: streamPrior}, noise: kernels.Noise{Seed: seed, Stream: streamOutput}}
}

// draw draws step t, or takes its mean, from the outputs.
func (s *sampler[T]) draw(t int, out []T) {
	if s.mean {
		s.m.like.mean(s.x, out, s.count, s.m.Data)
	} else {
		s.m.like.sample(s.x, out, s.noise, uint32(t), 0, s.count, s.m.Data)
	}
	s.put(t, s.x)
}

// put stores x as step t.
func (s *sampler[T]) put(t int, x []T) {
	d := s.m.Data
	for i := range s.count {
		copy(s.dst[(i*s.steps+t)*d:], x[i*d:(i+1)*d])
	}
}

// stepper draws step by step from models with layers of recurrent cells.
type stepper[T cell.Float] struct {
	*sampler[T]
	cells               *stackTape[T]
	phiX, phiZ, decoder net[T]

	state Batch[T]
	u, z  []T // what φx and φz see [count, ...]
}

func (m *base[T]) stepper(s *sampler[T], st *cell.Stack[T], phiX, phiZ, decoder *cell.MLP[T]) *stepper[T] {
	p := &stepper[T]{sampler: s, cells: newStackTape(st, streamDropout, 0, 0),
		phiX: net[T]{mlp: phiX}, phiZ: net[T]{mlp: phiZ}, decoder: net[T]{mlp: decoder},
		u: make([]T, s.count*len(m.Mean)), z: make([]T, s.count*m.Latent)}
	beginNets(s.count, &p.phiX, &p.phiZ, &p.decoder)
	n := s.count * p.cells.state()
	p.state = Batch[T]{Shape: oneStep(s.count), H: make([]T, n), C: make([]T, n)}
	return p
}

// noise draws z of step t from N(0, I).
func (p *stepper[T]) noise(t int) {
	kernels.Normals(p.z, p.prior, uint32(t), 0, p.count, p.m.Latent)
}

// step gives φx(u) and φz(z), which is known, to the cells.
func (p *stepper[T]) step() {
	m, n := p.m, p.count
	p.phiX.forward(0, n, p.u)
	p.cells.begin(&p.state, 0, p.cells.state(), false)
	p.cells.project(p.phiX.Y, 0, n, 0, m.PhiX)
	if m.Latent > 0 {
		p.cells.project(p.phiZ.Y, 0, n, m.PhiX, m.PhiX+m.PhiZ)
	}
	p.cells.step(0, 0, n)
	p.cells.final(p.state.H, p.state.C, n, 0, p.cells.state())
}

// emit draws step t from the decoder, whose input has the parts x, as the next step will see it.
func (p *stepper[T]) emit(t int, x ...[]T) {
	p.decoder.forward(0, p.count, x...)
	p.draw(t, p.decoder.Y)
	p.m.encode(p.u, p.x, 0, p.count)
}

// oneStep returns the shape of count sequences of one step.
func oneStep(count int) *cell.Ragged {
	ones := make([]int, count)
	for i := range ones {
		ones[i] = 1
	}
	return cell.NewRagged(ones...)
}
