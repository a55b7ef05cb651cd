package model

import (
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// VRNN is the variational recurrent network of Chung et al. 2015 and its relatives. With
// h the output of the recurrent cell, in step t:
//
//	φx_t = φx(x_t - mean)
//	prior      p(z_t | x_<t)      = N(μp, σp)(h_{t-1})            VRNN-I: N(0, I)
//	posterior  q(z_t | x_<=t)     = N(μq, σq)(φx_t, h_{t-1})      z_t = μq + σq ε
//	output     p(x_t | z_t, x_<t) = θ(φz(z_t), h_{t-1})
//	h_t = cell([φx_t, φz(z_t)], h_{t-1})
//
// so x_t enters the state only after it was scored. Conditions y_t, see [Batch].Given, are further
// inputs of prior, posterior, output and cell of the step, as in a conditional VAE. With several recurrent layers h is the
// output of the topmost one. Without latent variables it is the RNN
// baseline: θ(h_{t-1}) and cell(φx_t, h_{t-1}), with an exact likelihood. All nets are
// stacks of ReLU layers; every σ is softplus(a) + 1e-4, that of the
// output softplus(a) + SigmaFloor.
//
// With Config.Skip the outputs have a linear part beside the decoder, of the last steps themselves, and the
// posterior is (φx_t, h_{t-1}, x_t - mean less the mean of that part): a good linear part leaves so little of x_t
// that φx_t would hardly show it.
//
// A VRNN is read-only while it is used and may be shared; what a batch leaves behind lives
// in a [Pass].
type VRNN[T cell.Float] struct {
	recurrentBase[T]

	phiX, phiZ, prior, posterior, decoder *cell.MLP[T] // phiZ, prior and posterior may be nil
	skip                                  *cell.MLP[T] // likewise
	stack                                 *cell.Stack[T]
}

// resolveRNN and the others are [Config.Resolve] for the models with layers of recurrent cells.
func (c Config) resolveRNN() (Config, error) { return c.take(fieldsRNN(Likelihoods()...)...) }

func (c Config) resolveVRNN() (Config, error) {
	return c.take(append(fieldsVRNNI(), width("prior", func(c *Config) *int { return &c.Prior }))...)
}

func (c Config) resolveVRNNI() (Config, error) { return c.take(fieldsVRNNI()...) }

func fieldsRNN(likelihoods ...string) []field {
	return []field{fieldData, fieldGiven, fieldHidden, fieldCell(cell.LSTM), fieldInit, fieldDepth, fieldLayers, fieldDropout,
		fieldLikelihood(likelihoods...), fieldSkip, fieldPhiX, fieldDecoder}
}

func fieldsVRNNI() []field {
	return append(fieldsRNN(normalised()...), width("latent", func(c *Config) *int { return &c.Latent }), fieldPhiZ, fieldPosterior)
}

func newVRNN[T cell.Float](c Config) builder[T] {
	m := &VRNN[T]{recurrentBase: recurrentBase[T]{newBase[T]("VRNN", c)}}
	in := m.like.inputs(c.Data)
	m.state = c.Layers*c.Hidden + c.skipIn()
	m.has(
		slot[T]{name: meanTensor, place: &m.Mean, out: in},
		slot[T]{name: "phi_x", place: &m.phiX, in: in, width: c.PhiX, stage: 5},
		slot[T]{name: "phi_z", place: &m.phiZ, in: c.Latent, width: c.PhiZ, stage: 4},
		slot[T]{name: "prior", place: &m.prior, in: c.Hidden + c.Given, width: c.Prior, out: 2 * c.Latent, head: gaussian, stage: 1},
		slot[T]{name: "posterior", place: &m.posterior, in: c.PhiX + c.Hidden + c.Given + c.residuals(), width: c.Posterior, out: 2 * c.Latent, head: gaussian,
			residuals: c.residuals(), stage: 3},
		slot[T]{name: "decoder", place: &m.decoder, in: c.PhiZ + c.Hidden + c.Given, width: c.Decoder, out: c.outputs(), head: output},
		slot[T]{name: "skip", place: &m.skip, in: c.skipIn(), width: c.Skip, out: c.outputs(), head: linear, stage: 6},
		slot[T]{name: "cell", place: &m.stack, in: c.PhiX + c.PhiZ + c.Given, out: c.Hidden, stage: 2})
	return m
}

// Sample implements [Model].
func (m *VRNN[T]) Sample(dst []T, d Draw, from *States[T]) {
	s, count := m.stepper(m.sampler("VRNN.Sample", dst, d), m.stack, m.phiX, m.phiZ, m.decoder, m.skip), d.Count
	prior, h := net[T]{mlp: m.prior}, s.resume(from)
	beginNets(count, &prior)
	for t := range d.Steps {
		s.noise(t)
		if prior.forward(0, count, h, s.give(t)); m.prior != nil {
			kernels.GaussSample(s.z, kernels.GaussHead(prior.Y, m.Latent, m.form), s.z, count, m.Latent)
		}
		s.phiZ.forward(0, count, s.z)
		s.emit(t, s.phiZ.Y, h, s.given)
		s.step()
		h = s.cells.seq.H
	}
}

// PackInt8 implements [Int8Packer].
func (m *VRNN[T]) PackInt8() {
	m.base.PackInt8()
	m.phiX.PackInt8Less(m.Mean)
	m.folded = true
}
