package model

import (
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// VAE is the variational auto-encoder of Kingma and Welling 2014. A sequence of T steps is T
// data points; an image is a sequence of one step.
//
//	prior     p(z)   = N(0, I)
//	posterior q(z|x) = N(μ, σ)(encoder(x - mean))      z = μ + σ ε
//	output    p(x|z) = θ(decoder(z))
//
// Encoder and decoder are multilayer perceptrons of Posterior and Decoder units; with Depth
// -1 they are linear, and with a Gaussian output of constant σ the model is factor analysis.
// A VAE is read-only while it is used and may be shared; see [Model].
type VAE[T cell.Float] struct {
	Config
	Mean []T // [Data], subtracted from the inputs, not from the targets

	encoder, decoder *cell.MLP[T]
	like             likelihood[T]
	form             kernels.ScaleForm // of σ in the posterior
	squash           bool              // the means of the output go through a sigmoid
}

// newVAE takes a resolved configuration.
func newVAE[T cell.Float](c Config) Model[T] {
	m := &VAE[T]{Config: c, Mean: make([]T, c.Data), like: newLikelihood[T](c), form: c.scaleForm(), squash: c.Means == MeansUnit}
	m.encoder = newNet[T](c.activation(), c.Data, c.Posterior, c.layers(), 2*c.Latent)
	m.decoder = newNet[T](c.activation(), c.Latent, c.Decoder, c.layers(), outputs(m.like, c.Data))
	return m
}

// Settings implements [Model].
func (m *VAE[T]) Settings() Config { return m.Config }

// State implements [Model]: data points have no state.
func (m *VAE[T]) State() int { return 0 }

// NewGrad implements [Model].
func (m *VAE[T]) NewGrad() Model[T] {
	return &VAE[T]{Config: m.Config, Mean: make([]T, len(m.Mean)), like: m.like, form: m.form, squash: m.squash,
		encoder: netGrad(m.encoder), decoder: netGrad(m.decoder)}
}

// Tensors implements [Model]: encoder.K.w, encoder.K.b, then those of the decoder.
func (m *VAE[T]) Tensors() []cell.Tensor[T] {
	return netTensors(netTensors(nil, m.encoder, "encoder"), m.decoder, "decoder")
}

// Constants implements [Model].
func (m *VAE[T]) Constants() []cell.Tensor[T] {
	return []cell.Tensor[T]{{Name: meanTensor, Shape: []int{len(m.Mean)}, Data: m.Mean}}
}

// Pack implements [Model].
func (m *VAE[T]) Pack() {
	packNets(false, m.encoder, m.decoder)
}

// PackForTraining implements [Model].
func (m *VAE[T]) PackForTraining() {
	packNets(true, m.encoder, m.decoder)
}

// Init implements [Model]. Weights are drawn as configured; the biases are 0 but for those
// of σ and of the output, which start as the likelihood says, and Mean is the mean of the
// data. With InitNormal, the paper's start, every parameter is drawn from N(0, 0.01²) and
// Mean is 0.
func (m *VAE[T]) Init(seed uint64, stats Stats) {
	checkStats("VAE.Init", stats, m.Data, m.Classes)
	d := newInitialiser[T](m, seed)
	d.net(m.encoder, m.Latent, m.Latent)
	d.net(m.decoder, m.like.heads(m.Data)...)
	if clear(m.Mean); d.kind == InitNormal {
		d.biases(m.encoder)
		d.biases(m.decoder)
		return
	}
	for j := range m.Mean {
		m.Mean[j] = T(stats.Mean[j])
	}
	if m.form == kernels.SoftplusSigma {
		fill(last(m.encoder).B[m.Latent:], sigmaBias)
	}
	initPoints(last(m.decoder).B, m.like, m.squash, stats)
}

// initPoints sets the biases of an output; squashed means start at the mean of the data.
func initPoints[T cell.Float](b []T, like likelihood[T], squash bool, stats Stats) {
	like.initBias(b, stats)
	if squash {
		bernoulli[T]{}.initBias(b[:len(stats.Mean)], stats)
	}
}

// biases draws the biases of a net too.
func (d *initialiser[T]) biases(n *cell.MLP[T]) {
	for _, l := range n.Layers {
		d.draw(l.B, l.Out, 0, 1)
	}
}
