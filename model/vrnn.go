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
// so x_t enters the state only after it was scored. With several recurrent layers h is the
// output of the topmost one. Without latent variables it is the RNN
// baseline: θ(h_{t-1}) and cell(φx_t, h_{t-1}), with an exact likelihood. All nets are
// stacks of ReLU layers; every σ is softplus(a) + 1e-4.
//
// A VRNN is read-only while it is used and may be shared; what a batch leaves behind lives
// in a [Pass].
type VRNN[T cell.Float] struct {
	Config
	Mean []T // of the inputs, [Data] or [Classes], subtracted from them but not from the targets

	phiX, phiZ, prior, posterior, decoder *cell.MLP[T] // phiZ, prior and posterior may be nil
	stack                                 *cell.Stack[T]
	like                                  likelihood[T]
}

// resolveRNN and the others are [Config.Resolve] for the models with layers of recurrent cells.
func (c Config) resolveRNN() (Config, error) { return c.take(fieldsRNN()...) }

func (c Config) resolveVRNN() (Config, error) {
	return c.take(append(fieldsVRNNI(), width("prior", func(c *Config) *int { return &c.Prior }))...)
}

func (c Config) resolveVRNNI() (Config, error) { return c.take(fieldsVRNNI()...) }

func fieldsRNN() []field {
	return []field{fieldData, fieldHidden, fieldCell(cell.LSTM), fieldInit, fieldDepth, fieldLayers, fieldDropout,
		fieldLikelihood(likelihoods()...), fieldPhiX, fieldDecoder}
}

func fieldsVRNNI() []field {
	return append(fieldsRNN(), width("latent", func(c *Config) *int { return &c.Latent }), fieldPhiZ, fieldPosterior)
}

// newVRNN returns a model with all parameters 0 for a configuration that was resolved.
func newVRNN[T cell.Float](c Config) Model[T] {
	m := &VRNN[T]{Config: c, like: newLikelihood[T](c)}
	m.Mean = make([]T, m.like.inputs(c.Data))
	m.phiX = newNet[T](cell.ReLU, len(m.Mean), c.PhiX, c.Depth, 0)
	in, seen := c.PhiX, c.Hidden
	if c.Model != ModelRNN {
		m.posterior = newNet[T](cell.ReLU, c.PhiX+c.Hidden, c.Posterior, c.Depth, 2*c.Latent)
		m.phiZ = newNet[T](cell.ReLU, c.Latent, c.PhiZ, c.Depth, 0)
		in, seen = c.PhiX+c.PhiZ, c.PhiZ+c.Hidden
		if c.Model == ModelVRNN {
			m.prior = newNet[T](cell.ReLU, c.Hidden, c.Prior, c.Depth, 2*c.Latent)
		}
	}
	m.decoder = newNet[T](cell.ReLU, seen, c.Decoder, c.Depth, outputs(m.like, c.Data))
	m.stack = newStack[T](c, in)
	return m
}

// Settings implements [Model].
func (m *VRNN[T]) Settings() Config { return m.Config }

// Constants returns the mean of the inputs.
func (m *VRNN[T]) Constants() []cell.Tensor[T] {
	return []cell.Tensor[T]{{Name: meanTensor, Shape: []int{len(m.Mean)}, Data: m.Mean}}
}

// State implements [Model].
func (m *VRNN[T]) State() int { return stackState(m.stack) }

// NewGrad returns a model of the same shape, all 0, to hold the gradient of m.
func (m *VRNN[T]) NewGrad() Model[T] {
	return &VRNN[T]{Config: m.Config, Mean: make([]T, len(m.Mean)), like: m.like,
		phiX: netGrad(m.phiX), phiZ: netGrad(m.phiZ), prior: netGrad(m.prior),
		posterior: netGrad(m.posterior), decoder: netGrad(m.decoder), stack: m.stack.NewGrad()}
}

// Tensors returns the parameters in a fixed order.
func (m *VRNN[T]) Tensors() []cell.Tensor[T] {
	var ts []cell.Tensor[T]
	ts = netTensors(ts, m.phiX, "phi_x")
	ts = netTensors(ts, m.phiZ, "phi_z")
	ts = netTensors(ts, m.prior, "prior")
	ts = netTensors(ts, m.posterior, "posterior")
	ts = netTensors(ts, m.decoder, "decoder")
	return appendTensors(ts, m.stack.Tensors(), "cell")
}

// vrnnLandmarks is [Config.landmarks] for the RNN and the VRNNs.
func (c Config) vrnnLandmarks() []landmark {
	like := newLikelihood[float32](c)
	in, seen := like.inputs(c.Data), c.PhiZ+c.Hidden // PhiZ is 0 without latent variables
	ls := c.stackLandmarks([]landmark{{meanTensor, []int{in}}}, "cell", c.PhiX+c.PhiZ)
	ls = c.netLandmarks(ls, "phi_x", in, c.PhiX, 0)
	ls = c.netLandmarks(ls, "decoder", seen, c.Decoder, c.outputs())
	if c.Latent > 0 {
		ls = c.netLandmarks(ls, "phi_z", c.Latent, c.PhiZ, 0)
		ls = c.netLandmarks(ls, "posterior", c.PhiX+c.Hidden, c.Posterior, 2*c.Latent)
	}
	if c.Prior > 0 {
		ls = c.netLandmarks(ls, "prior", c.Hidden, c.Prior, 2*c.Latent)
	}
	return ls
}

// Pack prepares the parameters for forward passes; whoever has written to them calls it.
func (m *VRNN[T]) Pack() { m.pack(false) }

// PackBF16 implements [BF16Packer].
func (m *VRNN[T]) PackBF16() {
	m.Pack()
	m.stack.PackBF16()
}

// PackForTraining prepares the parameters for forward and backward passes.
func (m *VRNN[T]) PackForTraining() { m.pack(true) }

func (m *VRNN[T]) pack(training bool) {
	packNets(training, m.phiX, m.phiZ, m.prior, m.posterior, m.decoder)
	packStack(m.stack, training)
}

// Init draws the parameters: input weights as configured, recurrent weights orthogonal
// gate by gate, biases 0 but for those of σ and, for binary data, of the output, which
// start at the logits of the mean; it also sets Mean. The draw depends on seed alone.
func (m *VRNN[T]) Init(seed uint64, stats Stats) {
	checkStats("VRNN.Init", stats, m.Data, m.Classes)
	d := newInitialiser[T](m, seed)
	d.net(m.phiX)
	d.net(m.phiZ)
	d.gaussHead(m.prior, m.Latent)
	d.gaussHead(m.posterior, m.Latent)
	d.net(m.decoder, m.like.heads(m.Data)...)
	m.like.initBias(last(m.decoder).B, stats)
	for j, v := range m.like.inputMean(stats) {
		m.Mean[j] = T(v)
	}
	d.stack(m.stack)
}

// encode writes what a model sees of rows of data, less its mean.
func encode[T cell.Float](like likelihood[T], u, x, mean []T, rows, dim int) {
	like.encode(u, x, rows, dim)
	in := len(mean)
	for i := range rows {
		kernels.Axpy(u[i*in:(i+1)*in], mean, -1)
	}
}
