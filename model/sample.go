package model

import (
	"fmt"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// Draw says what is drawn from a model.
type Draw struct {
	Count, Steps int // sequences, and steps of each
	Seed         uint64
	Mean         bool // the means of the outputs in place of draws from them

	// Given are the conditions of every step [Count, Steps, Given of the configuration], nil where that
	// is 0; see [Batch].Given.
	Given []float32

	// Of classes, such as the characters of a text, with the probabilities p, one after the other:
	//
	//	Temperature   p^(1/Temperature) / Σ p^(1/Temperature); 0 is 1
	//	TopK          the TopK most probable classes alone; 0: all
	//	TopP          the fewest classes whose probabilities add up to TopP; 0 is 1
	//
	// Among equally probable classes the first ones count as more probable. Source of the last:
	// Holtzman et al. 2020 (nucleus sampling).
	Temperature float64
	TopK        int
	TopP        float64
}

// narrowed reports whether classes are drawn from anything else than their probabilities.
func (d Draw) narrowed() bool { return d.Temperature != 0 || d.TopK != 0 || d.TopP != 0 }

// Check reports what is out of range, or what has no meaning for a model.
func (d Draw) Check(c Config) error {
	switch {
	case !(d.Temperature >= 0 && d.Temperature <= 1e6):
		return fmt.Errorf("temperature %v: want above 0, at most 1e6", d.Temperature)
	case d.TopK < 0:
		return fmt.Errorf("top-k %d: want at least 1", d.TopK)
	case !(d.TopP >= 0 && d.TopP <= 1):
		return fmt.Errorf("top-p %v: want above 0, at most 1", d.TopP)
	case d.narrowed() && c.Likelihood != Categorical:
		return fmt.Errorf("temperature, top-k and top-p are for classes, the outputs of the model are %s", c.Likelihood)
	}
	return nil
}

// Sample draws d.Count sequences of d.Steps steps from m, from its initial state:
// z from the prior, x_t from the output distribution, fed back where the model feeds back.
// Sequence i is result[i*Steps*Data:], [Steps, Data]; it depends on the seed and i, not on
// the count. See [Scorer.Continue] for sequences that go on from data.
//
// It panics if d is out of range, d.Given is not as long as it should be, or the result would have more
// than [cell.MaxWeights] elements.
func Sample[T cell.Float](m Model[T], d Draw) []T {
	checkThere("Sample", "m", m != nil)
	return sampleFrom("Sample", m, d, nil)
}

func sampleFrom[T cell.Float](fn string, m Model[T], d Draw, from *States[T]) []T {
	c := m.Settings()
	dim := c.Data
	checkResult(fn, d.Count, d.Steps, dim)
	checkExact(fn, "d.Given", len(d.Given), d.Count*d.Steps, c.given())
	dst := make([]T, d.Count*d.Steps*dim)
	if len(dst) > 0 {
		m.Sample(dst, d, from)
	}
	return dst
}

// sampler puts the steps that a model draws where [Sample] wants them.
type sampler[T cell.Float] struct {
	Draw
	m     *base[T]
	dst   []T
	prior kernels.Noise // of latent variables
	noise kernels.Noise // of the outputs
	x     []T           // the last step [Count, Data]
	given []T           // the conditions of a step, after give [Count, Given]
}

// sampler checks what the function fn that draws from a model is given.
func (m *base[T]) sampler(fn string, dst []T, d Draw) *sampler[T] {
	m.checkPacked(fn, false)
	checkSample(fn, len(dst), d.Count, d.Steps, m.Data)
	checkExact(fn, "d.Given", len(d.Given), d.Count*d.Steps, m.given())
	if err := d.Check(m.Config); err != nil {
		panic("model: " + fn + ": " + err.Error())
	}
	return &sampler[T]{Draw: d, m: m, dst: dst, x: make([]T, d.Count*m.Data), given: make([]T, d.Count*m.given()),
		prior: kernels.Noise{Seed: d.Seed, Stream: streamPrior}, noise: kernels.Noise{Seed: d.Seed, Stream: streamOutput}}
}

// give makes the conditions of step t those that are given from now on, and returns them.
func (s *sampler[T]) give(t int) []T {
	if n := s.m.given(); n > 0 {
		for i := range s.Count {
			convert(s.given[i*n:(i+1)*n], s.Given[(i*s.Steps+t)*n:])
		}
	}
	return s.given
}

// draw draws step t, or takes its mean, from the outputs, which it may use up.
func (s *sampler[T]) draw(t int, out []T) {
	if s.Mean {
		s.m.like.mean(s.x, out, s.Count, s.m.Data)
	} else {
		if l, ok := s.m.like.(categorical[T]); ok && s.narrowed() {
			l.narrow(out, s.Count, s.Draw)
		}
		s.m.like.sample(s.x, out, s.noise, uint32(t), 0, s.Count, s.m.Data)
	}
	s.put(t, s.x)
}

// put stores x as step t.
func (s *sampler[T]) put(t int, x []T) {
	d := s.m.Data
	for i := range s.Count {
		copy(s.dst[(i*s.Steps+t)*d:], x[i*d:(i+1)*d])
	}
}

// stepper draws step by step from models with layers of recurrent cells.
type stepper[T cell.Float] struct {
	*sampler[T]
	cells               *stackTape[T]
	phiX, phiZ, decoder net[T]
	skip                skip[T]

	state Batch[T]
	u, z  []T // what φx and φz see [count, ...]
}

func (m *base[T]) stepper(s *sampler[T], st *cell.Stack[T], phiX, phiZ, decoder, linear *cell.MLP[T]) *stepper[T] {
	p := &stepper[T]{sampler: s, cells: newStackTape(st, streamDropout, 0, 0),
		phiX: net[T]{mlp: phiX}, phiZ: net[T]{mlp: phiZ}, decoder: net[T]{mlp: decoder}, skip: newSkip(m, linear),
		u: make([]T, s.Count*len(m.Mean)), z: make([]T, s.Count*m.Latent)}
	beginNets(s.Count, &p.phiX, &p.phiZ, &p.decoder, &p.skip.net)
	n := s.Count * p.cells.state()
	p.state = Batch[T]{Shape: oneStep(s.Count), H: make([]T, n), C: make([]T, n)}
	return p
}

// resume goes on from states, of which the cells have the first columns. It returns what the topmost
// layer put out in the last step.
func (p *stepper[T]) resume(from *States[T]) (top []T) {
	st, n, out := p.m.state, p.cells.state(), p.cells.stack.Out()
	top = make([]T, p.Count*out)
	if from == nil {
		p.skip.resume(nil, p.Count)
		return top
	}
	checkLen("Sample", "from.H", len(from.H), p.Count, st)
	checkLen("Sample", "from.C", len(from.C), p.Count, st)
	p.skip.resume(from.H, p.Count)
	for i := range p.Count {
		copy(p.state.H[i*n:(i+1)*n], from.H[i*st:])
		copy(p.state.C[i*n:(i+1)*n], from.C[i*st:])
		copy(top[i*out:(i+1)*out], from.H[i*st+n-out:])
	}
	return top
}

// noise draws z of step t from N(0, I).
func (p *stepper[T]) noise(t int) {
	kernels.Normals(p.z, p.prior, uint32(t), 0, p.Count, p.m.Latent)
}

// step gives φx(u), φz(z), which is known, and the conditions to the cells. The order is that of a pass.
func (p *stepper[T]) step() {
	m, n := p.m, p.Count
	p.phiX.forward(0, n, p.u)
	p.cells.begin(&p.state, 0, p.cells.state(), false)
	p.cells.project(p.phiX.Y, 0, n, 0, m.PhiX)
	p.cells.project(p.given, 0, n, m.PhiX+m.PhiZ, p.cells.stack.In())
	if m.Latent > 0 {
		p.cells.project(p.phiZ.Y, 0, n, m.PhiX, m.PhiX+m.PhiZ)
	}
	p.cells.step(0, 0, n)
	p.cells.final(p.state.H, p.state.C, n, 0, p.cells.state())
}

// emit draws step t from the decoder, whose input has the parts x, as the next step will see it.
func (p *stepper[T]) emit(t int, x ...[]T) {
	p.decoder.forward(0, p.Count, x...)
	p.skip.forward(0, p.Count, p.skip.u)
	p.skip.add(p.decoder.Y, 0, p.Count)
	p.draw(t, p.decoder.Y)
	p.skip.saw(p.x, p.Count)
	p.m.encode(p.u, p.x, 0, p.Count)
}

// oneStep returns the shape of count sequences of one step.
func oneStep(count int) *cell.Ragged {
	ones := make([]int, count)
	for i := range ones {
		ones[i] = 1
	}
	return cell.NewRagged(ones...)
}
