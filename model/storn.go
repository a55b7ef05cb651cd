package model

import (
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

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
// Before the first step x - mean is 0. The nets are stacks of ReLU layers, every σ is
// softplus(a) + 1e-4, the recurrent networks are of the same kind and size.
type STORN[T cell.Float] struct {
	base[T]

	phiR, posterior, phiX, phiZ, decoder *cell.MLP[T]
	recognition, generator               *cell.Stack[T]
}

func newSTORN[T cell.Float](c Config) builder[T] {
	m := &STORN[T]{base: newBase[T]("STORN", c)}
	in := m.like.inputs(c.Data)
	m.state = 2*c.Layers*c.Hidden + in // of the generating and the recognising network, and the last input
	m.has(
		slot[T]{name: meanTensor, place: &m.Mean, out: in},
		slot[T]{name: "phi_r", place: &m.phiR, in: in, width: c.PhiX},
		slot[T]{name: "phi_x", place: &m.phiX, in: in, width: c.PhiX},
		slot[T]{name: "phi_z", place: &m.phiZ, in: c.Latent, width: c.PhiZ},
		slot[T]{name: "posterior", place: &m.posterior, in: c.Hidden, width: c.Posterior, out: 2 * c.Latent, head: gaussian},
		slot[T]{name: "decoder", place: &m.decoder, in: c.Hidden, width: c.Decoder, out: c.outputs(), head: output},
		slot[T]{name: "recognition", place: &m.recognition, in: c.PhiX, out: c.Hidden},
		slot[T]{name: "cell", place: &m.generator, in: c.PhiX + c.PhiZ, out: c.Hidden})
	return m
}

// PackBF16 implements [BF16Packer].
func (m *STORN[T]) PackBF16() { m.packBF16() }

// Sample implements [Model].
func (m *STORN[T]) Sample(dst []T, count, steps int, seed uint64, mean bool) {
	s := m.sampler("STORN.Sample", dst, count, steps, seed, mean)
	if steps == 0 {
		return
	}
	var (
		cells      = newStackTape(m.generator, streamDropout, 0, 0)
		phiX, phiZ = net[T]{mlp: m.phiX}, net[T]{mlp: m.phiZ}
		dec        = net[T]{mlp: m.decoder}
		n          = cells.state()
		state      = Batch[T]{Shape: oneStep(count), H: make([]T, count*n), C: make([]T, count*n)}
		u, z       = make([]T, count*len(m.Mean)), make([]T, count*m.Latent)
	)
	beginNets(count, &phiX, &phiZ, &dec)
	for t := range steps {
		phiX.project(u, 0, count, 0, len(m.Mean))
		phiX.activate(0, count)
		kernels.Normals(z, s.prior, uint32(t), 0, count, m.Latent)
		phiZ.project(z, 0, count, 0, m.Latent)
		phiZ.activate(0, count)
		cells.begin(&state, 0, n, false)
		cells.project(phiX.Y, 0, count, 0, m.PhiX)
		cells.project(phiZ.Y, 0, count, m.PhiX, m.PhiX+m.PhiZ)
		cells.step(0, 0, count)
		cells.final(state.H, state.C, count, 0, n)
		dec.project(cells.seq.H, 0, count, 0, m.Hidden)
		dec.activate(0, count)
		s.draw(t, dec.Y)
		m.encode(u, s.x, 0, count)
	}
}
