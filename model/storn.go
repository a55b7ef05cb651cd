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
	Config
	Mean []T // as in [VRNN]

	phiR, posterior, phiX, phiZ, decoder *cell.MLP[T]
	recognition, generator               *cell.Stack[T]
	like                                 likelihood[T]
}

// newSTORN returns a model with all parameters 0 for a configuration that was resolved.
func newSTORN[T cell.Float](c Config) Model[T] {
	m := &STORN[T]{Config: c, like: newLikelihood[T](c)}
	m.Mean = make([]T, m.like.inputs(c.Data))
	m.phiR = newNet[T](cell.ReLU, len(m.Mean), c.PhiX, c.Depth, 0)
	m.phiX = newNet[T](cell.ReLU, len(m.Mean), c.PhiX, c.Depth, 0)
	m.phiZ = newNet[T](cell.ReLU, c.Latent, c.PhiZ, c.Depth, 0)
	m.posterior = newNet[T](cell.ReLU, c.Hidden, c.Posterior, c.Depth, 2*c.Latent)
	m.decoder = newNet[T](cell.ReLU, c.Hidden, c.Decoder, c.Depth, outputs(m.like, c.Data))
	m.recognition = newStack[T](c, c.PhiX)
	m.generator = newStack[T](c, c.PhiX+c.PhiZ)
	return m
}

// Settings implements [Model].
func (m *STORN[T]) Settings() Config { return m.Config }

// Constants returns the mean of the inputs.
func (m *STORN[T]) Constants() []cell.Tensor[T] {
	return []cell.Tensor[T]{{Name: meanTensor, Shape: []int{len(m.Mean)}, Data: m.Mean}}
}

// State implements [Model]: the states of the generating and of the recognising network and
// the input of the last step.
func (m *STORN[T]) State() int { return 2*stackState(m.generator) + len(m.Mean) }

// NewGrad implements [Model].
func (m *STORN[T]) NewGrad() Model[T] {
	return &STORN[T]{Config: m.Config, Mean: make([]T, len(m.Mean)), like: m.like,
		phiR: netGrad(m.phiR), phiX: netGrad(m.phiX), phiZ: netGrad(m.phiZ), posterior: netGrad(m.posterior),
		decoder: netGrad(m.decoder), recognition: m.recognition.NewGrad(), generator: m.generator.NewGrad()}
}

// Tensors implements [Model].
func (m *STORN[T]) Tensors() []cell.Tensor[T] {
	var ts []cell.Tensor[T]
	ts = netTensors(ts, m.phiR, "phi_r")
	ts = netTensors(ts, m.phiX, "phi_x")
	ts = netTensors(ts, m.phiZ, "phi_z")
	ts = netTensors(ts, m.posterior, "posterior")
	ts = netTensors(ts, m.decoder, "decoder")
	ts = appendTensors(ts, m.recognition.Tensors(), "recognition")
	return appendTensors(ts, m.generator.Tensors(), "cell")
}

// stornLandmarks is [Config.landmarks] for the STORN.
func (c Config) stornLandmarks() []landmark {
	in := newLikelihood[float32](c).inputs(c.Data)
	ls := c.stackLandmarks([]landmark{{meanTensor, []int{in}}}, "cell", c.PhiX+c.PhiZ)
	ls = c.stackLandmarks(ls, "recognition", c.PhiX)
	ls = c.netLandmarks(ls, "phi_r", in, c.PhiX, 0)
	ls = c.netLandmarks(ls, "phi_x", in, c.PhiX, 0)
	ls = c.netLandmarks(ls, "phi_z", c.Latent, c.PhiZ, 0)
	ls = c.netLandmarks(ls, "posterior", c.Hidden, c.Posterior, 2*c.Latent)
	return c.netLandmarks(ls, "decoder", c.Hidden, c.Decoder, c.outputs())
}

// Pack implements [Model].
func (m *STORN[T]) Pack() { m.pack(false) }

// PackBF16 implements [BF16Packer].
func (m *STORN[T]) PackBF16() {
	m.Pack()
	m.recognition.PackBF16()
	m.generator.PackBF16()
}

// PackForTraining implements [Model].
func (m *STORN[T]) PackForTraining() { m.pack(true) }

func (m *STORN[T]) pack(training bool) {
	packNets(training, m.phiR, m.posterior, m.phiX, m.phiZ, m.decoder)
	packStack(m.recognition, training)
	packStack(m.generator, training)
}

// Init draws the parameters as [VRNN.Init] does.
func (m *STORN[T]) Init(seed uint64, stats Stats) {
	checkStats("STORN.Init", stats, m.Data, m.Classes)
	d := newInitialiser[T](m, seed)
	for _, n := range []*cell.MLP[T]{m.phiR, m.phiX, m.phiZ} {
		d.net(n)
	}
	d.gaussHead(m.posterior, m.Latent)
	d.net(m.decoder, m.like.heads(m.Data)...)
	m.like.initBias(last(m.decoder).B, stats)
	for j, v := range m.like.inputMean(stats) {
		m.Mean[j] = T(v)
	}
	d.stack(m.recognition)
	d.stack(m.generator)
}

// Sample implements [Model].
func (m *STORN[T]) Sample(dst []T, count, steps int, seed uint64, mean bool) {
	const fn = "STORN.Sample"
	checkPacked(fn, m.packed(false))
	checkSample(fn, len(dst), count, steps, m.Data)
	if steps == 0 {
		return
	}
	var (
		cells           = newStackTape(m.generator, streamDropout)
		phiX, phiZ, dec cell.Activations[T]
		n               = stackState(m.generator)
		state           = Batch[T]{Shape: oneStep(count), H: make([]T, count*n), C: make([]T, count*n)}
		x, u            = make([]T, count*m.Data), make([]T, count*len(m.Mean))
		z               = make([]T, count*m.Latent)
		prior, output   = kernels.Noise{Seed: seed, Stream: streamPrior}, kernels.Noise{Seed: seed, Stream: streamOutput}
	)
	beginNet(m.phiX, &phiX, count)
	beginNet(m.phiZ, &phiZ, count)
	beginNet(m.decoder, &dec, count)
	for t := range steps {
		m.phiX.Project(&phiX, u, 0, count, 0, len(m.Mean))
		m.phiX.Activate(&phiX, 0, count)
		kernels.Normals(z, prior, uint32(t), 0, count, m.Latent)
		m.phiZ.Project(&phiZ, z, 0, count, 0, m.Latent)
		m.phiZ.Activate(&phiZ, 0, count)
		cells.begin(&state, 0, n, false)
		m.generator.Project(cells.seq, phiX.Y, 0, count, 0, m.PhiX)
		m.generator.Project(cells.seq, phiZ.Y, 0, count, m.PhiX, m.PhiX+m.PhiZ)
		m.generator.Step(cells.seq, 0, 0, count)
		cells.final(state.H, state.C, count, 0, n)
		m.decoder.Project(&dec, cells.seq.H, 0, count, 0, m.Hidden)
		m.decoder.Activate(&dec, 0, count)
		if mean {
			m.like.mean(x, dec.Y, count, m.Data)
		} else {
			m.like.sample(x, dec.Y, output, uint32(t), 0, count, m.Data)
		}
		for i := range count {
			copy(dst[(i*steps+t)*m.Data:], x[i*m.Data:(i+1)*m.Data])
		}
		encode(m.like, u, x, m.Mean, count, m.Data)
	}
}
