package model

import "github.com/elbow-go/elbow/cell"

// STORN is the stochastic recurrent network of Bayer and Osendorfer 2014: one recurrent
// network recognises, another one generates, and only z goes from the first to the second.
// In step t:
//
//	r_t = cell_r(φr(x_t - mean), r_{t-1})
//	posterior  q(z_t | x_<=t)      = N(μq, σq)(r_t)      z_t = μq + σq ε
//	prior      p(z_t)              = N(0, I)
//	h_t = cell([φx(x_{t-1} - mean), φz(z_t)], h_{t-1})
//	output     p(x_t | z_<=t, x_<t) = θ(h_t)
//
// Before the first step x - mean is 0. Conditions y_t, see [Batch].Given, are further inputs of both
// recurrent networks in step t. The nets are stacks of ReLU layers, every σ is
// softplus(a) + 1e-4, of the output + SigmaFloor, the recurrent networks are of the same kind and size.
//
// With Config.Skip the outputs have a linear part beside the decoder, of the last steps themselves, and the
// posterior is (r_t, x_t - mean less the mean of that part), as in a [VRNN].
//
// A missing value of x_t is seen as what is expected with z_t = 0 or a draw from N(0, I), and then as what is expected
// with z_t from the posterior that sees that, its mean or a draw.
type STORN[T cell.Float] struct {
	recurrentBase[T]

	phiR, posterior, phiX, phiZ, decoder *cell.MLP[T]
	skip                                 *cell.MLP[T] // may be nil
	recognition, generator               *cell.Stack[T]
}

func newSTORN[T cell.Float](c Config) builder[T] {
	m := &STORN[T]{recurrentBase: recurrentBase[T]{newBase[T]("STORN", c)}}
	in := m.like.inputs(c.Data)
	m.state = 2*c.Layers*c.Hidden + in + c.skipIn() // of the generating and the recognising network, the last input, the skip
	m.has(
		slot[T]{name: meanTensor, place: &m.Mean, out: in},
		slot[T]{name: "phi_r", place: &m.phiR, in: in, width: c.PhiX, stage: 6},
		slot[T]{name: "phi_x", place: &m.phiX, in: in, width: c.PhiX, stage: 7},
		slot[T]{name: "phi_z", place: &m.phiZ, in: c.Latent, width: c.PhiZ, stage: 3},
		slot[T]{name: "posterior", place: &m.posterior, in: c.Hidden + c.residuals(), width: c.Posterior, out: 2 * c.Latent, head: gaussian,
			residuals: c.residuals(), stage: 2},
		slot[T]{name: "decoder", place: &m.decoder, in: c.Hidden, width: c.Decoder, out: c.outputs(), head: output},
		slot[T]{name: "skip", place: &m.skip, in: c.skipIn(), width: c.Skip, out: c.outputs(), head: linear, stage: 4},
		slot[T]{name: "recognition", place: &m.recognition, in: c.PhiX + c.Given, out: c.Hidden, stage: 5},
		slot[T]{name: "cell", place: &m.generator, in: c.PhiX + c.PhiZ + c.Given, out: c.Hidden, stage: 1})
	return m
}

// last returns the columns of the state of sequence i that have its last input.
func (m *STORN[T]) last(h []T, i int) []T {
	end := (i+1)*m.state - m.skipIn()
	return h[end-len(m.Mean) : end]
}

// Sample implements [Model].
func (m *STORN[T]) Sample(dst []T, d Draw, from *States[T]) {
	s := m.stepper(m.sampler("STORN.Sample", dst, d), m.generator, m.phiX, m.phiZ, m.decoder, m.skip)
	if s.resume(from); from != nil {
		in := len(m.Mean)
		for i := range d.Count {
			copy(s.u[i*in:(i+1)*in], m.last(from.H, i))
		}
	}
	for t := range d.Steps {
		s.noise(t)
		s.give(t)
		s.phiZ.forward(0, d.Count, s.z)
		s.step()
		s.emit(t, s.cells.seq.H)
	}
}
