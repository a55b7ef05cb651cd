package model

import "github.com/elbow-go/elbow/cell"

// VAE is the variational auto-encoder of Kingma and Welling 2014. A sequence of T steps is T
// data points; an image is a sequence of one step.
//
//	prior     p(z)   = N(0, I)
//	posterior q(z|x) = N(μ, σ)(encoder(x - mean))      z = μ + σ ε
//	output    p(x|z) = θ(decoder(z))
//
// Conditions y, see [Batch].Given, are further inputs of encoder and decoder, while the prior stays as
// it is: a conditional VAE (Kingma et al. 2014, their M2 with all labels known; Sohn et al. 2015).
//
// Encoder and decoder are multilayer perceptrons of Posterior and Decoder units; with Depth
// -1 they are linear, and with a Gaussian output of constant σ the model is factor analysis.
// A VAE is read-only while it is used and may be shared; see [Model].
type VAE[T cell.Float] struct {
	base[T]

	encoder, decoder *cell.MLP[T]
}

func newVAE[T cell.Float](c Config) builder[T] {
	m := &VAE[T]{base: newBase[T]("VAE", c)}
	m.points, m.apart, m.squash = true, true, c.Means == MeansUnit
	m.has(
		slot[T]{name: meanTensor, place: &m.Mean, out: c.Data},
		slot[T]{name: "encoder", place: &m.encoder, in: c.Data + c.Given, width: c.Posterior, out: 2 * c.Latent, head: gaussian, stage: 1},
		slot[T]{name: "decoder", place: &m.decoder, in: c.Latent + c.Given, width: c.Decoder, out: c.outputs(), head: output})
	return m
}
