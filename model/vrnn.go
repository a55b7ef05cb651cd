package model

import (
	"fmt"
	"math"

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
// so x_t enters the state only after it was scored. Without latent variables it is the RNN
// baseline: θ(h_{t-1}) and cell(φx_t, h_{t-1}), with an exact likelihood. All nets are
// stacks of ReLU layers; every σ is softplus(a) + 1e-4.
//
// A VRNN is read-only while it is used and may be shared; what a batch leaves behind lives
// in a [Pass].
type VRNN[T cell.Float] struct {
	Config
	Mean []T // [Data], subtracted from the inputs, not from the targets

	phiX, phiZ, prior, posterior, decoder *net[T] // phiZ, prior and posterior may be nil
	cell                                  *cell.Recurrent[T]
	like                                  likelihood[T]
}

// newVRNN returns a model with all parameters 0 for a configuration that was resolved.
func newVRNN[T cell.Float](c Config) *VRNN[T] {
	m := &VRNN[T]{Config: c, Mean: make([]T, c.Data), like: newLikelihood[T](c.Likelihood)}
	m.phiX = newNet[T](c.Data, c.PhiX, c.Depth, 0, cell.ReLU)
	in, seen := c.PhiX, c.Hidden
	if c.Model != ModelRNN {
		m.posterior = newNet[T](c.PhiX+c.Hidden, c.Posterior, c.Depth, 2*c.Latent, cell.ReLU)
		m.phiZ = newNet[T](c.Latent, c.PhiZ, c.Depth, 0, cell.ReLU)
		in, seen = c.PhiX+c.PhiZ, c.PhiZ+c.Hidden
		if c.Model == ModelVRNN {
			m.prior = newNet[T](c.Hidden, c.Prior, c.Depth, 2*c.Latent, cell.ReLU)
		}
	}
	m.decoder = newNet[T](seen, c.Decoder, c.Depth, m.like.outputs(c.Data), cell.ReLU)
	m.cell = cell.NewRecurrent[T](c.kind(), in, c.Hidden)
	return m
}

// Settings implements [Model].
func (m *VRNN[T]) Settings() Config { return m.Config }

// Constants returns the mean of the inputs.
func (m *VRNN[T]) Constants() []cell.Tensor[T] {
	return []cell.Tensor[T]{{Name: meanTensor, Shape: []int{len(m.Mean)}, Data: m.Mean}}
}

// State implements [Model].
func (m *VRNN[T]) State() int { return m.Hidden }

// NewGrad returns a model of the same shape, all 0, to hold the gradient of m.
func (m *VRNN[T]) NewGrad() Model[T] {
	return &VRNN[T]{Config: m.Config, Mean: make([]T, len(m.Mean)), like: m.like,
		phiX: m.phiX.newGrad(), phiZ: m.phiZ.newGrad(), prior: m.prior.newGrad(),
		posterior: m.posterior.newGrad(), decoder: m.decoder.newGrad(), cell: m.cell.NewGrad()}
}

// Tensors returns the parameters in a fixed order.
func (m *VRNN[T]) Tensors() []cell.Tensor[T] {
	var ts []cell.Tensor[T]
	ts = m.phiX.tensors(ts, "phi_x")
	ts = m.phiZ.tensors(ts, "phi_z")
	ts = m.prior.tensors(ts, "prior")
	ts = m.posterior.tensors(ts, "posterior")
	ts = m.decoder.tensors(ts, "decoder")
	for _, t := range m.cell.Tensors() {
		t.Name = "cell." + t.Name
		ts = append(ts, t)
	}
	return ts
}

// vrnnLandmarks is [Config.landmarks] for the RNN and the VRNNs.
func (c Config) vrnnLandmarks() []landmark {
	g, last := c.kind().Gates(), fmt.Sprint(c.Depth-1)
	ls := []landmark{
		{meanTensor, []int{c.Data}},
		{"cell.whh", []int{g * c.Hidden, c.Hidden}},
		{"cell.wih", []int{g * c.Hidden, c.PhiX + c.PhiZ}},
		{"phi_x.0.w", []int{c.PhiX, c.Data}},
		{"phi_x." + last + ".w", []int{c.PhiX, -1}},
		{"decoder." + last + ".w", []int{c.Decoder, -1}},
	}
	if c.Latent > 0 {
		ls = append(ls, landmark{"posterior." + last + ".w", []int{c.Posterior, -1}}, landmark{"phi_z.0.w", []int{c.PhiZ, c.Latent}})
	}
	if c.Prior > 0 {
		ls = append(ls, landmark{"prior." + last + ".w", []int{c.Prior, -1}})
	}
	return ls
}

// Pack prepares the parameters for forward passes; whoever has written to them calls it.
func (m *VRNN[T]) Pack() { m.pack(false) }

// PackForTraining prepares the parameters for forward and backward passes.
func (m *VRNN[T]) PackForTraining() { m.pack(true) }

func (m *VRNN[T]) pack(training bool) {
	for _, n := range []*net[T]{m.phiX, m.phiZ, m.prior, m.posterior, m.decoder} {
		n.pack(training)
	}
	if training {
		m.cell.PackForTraining()
	} else {
		m.cell.Pack()
	}
}

// sigmaBias is where the biases of all σ outputs start: softplus(0.6) = 1.04.
const sigmaBias = 0.6

// Init draws the parameters: input weights as configured, recurrent weights orthogonal
// gate by gate, biases 0 but for those of σ and, for binary data, of the output, which
// start at the logits of the mean; it also sets Mean. The draw depends on seed alone.
func (m *VRNN[T]) Init(seed uint64, stats Stats) {
	// Parameter k is drawn from the noise with Update k, row by row.
	index := map[*T]uint32{}
	for k, t := range m.Tensors() {
		index[&t.Data[0]] = uint32(k)
	}
	noise := func(w []T) kernels.Noise {
		return kernels.Noise{Seed: seed, Stream: streamInit, Update: index[&w[0]]}
	}
	draw := func(w []T, in, lo, hi int) { drawRows(w, in, lo, hi, m.Config.Init, noise(w)) }
	for _, n := range []*net[T]{m.phiX, m.phiZ, m.prior, m.posterior, m.decoder} {
		if n == nil {
			continue
		}
		for i, d := range n.layers {
			clear(d.B)
			// A Gaussian head is two layers side by side, μ and σ.
			if i == len(n.layers)-1 && m.heads(n) == 2 {
				draw(d.W, d.In, 0, d.Out/2)
				draw(d.W, d.In, d.Out/2, d.Out)
				fill(d.B[d.Out/2:], sigmaBias)
			} else {
				draw(d.W, d.In, 0, d.Out)
			}
		}
	}
	m.like.initBias(m.decoder.last().B, stats)
	for j := range m.Mean {
		m.Mean[j] = T(stats.Mean[j])
	}
	l, h := m.cell, m.Hidden
	draw(l.Wih, l.In, 0, l.Kind.Gates()*h)
	for g := range l.Kind.Gates() {
		cell.Orthogonal(l.Whh[g*h*h:(g+1)*h*h], h, noise(l.Whh), g*h)
	}
	clear(l.B)
	clear(l.Bhn)
}

// drawRows fills the rows lo..hi of the weights w [, in], which are a layer of their own.
func drawRows[T cell.Float](w []T, in, lo, hi int, init string, noise kernels.Noise) {
	rows := w[lo*in : hi*in]
	limit := 0.08
	switch init {
	case InitNormal:
		kernels.Normals(rows, noise, 0, uint32(lo), hi-lo, in)
		kernels.Scal(rows, rows, normalSigma)
		return
	case InitGlorot:
		limit = math.Sqrt(6 / float64(in+hi-lo))
	}
	cell.Uniform(rows, in, -limit, limit, noise, lo)
}

// normalSigma is the σ of InitNormal.
const normalSigma = 0.01

// heads returns into how many equal parts the outputs of net n fall.
func (m *VRNN[T]) heads(n *net[T]) int {
	switch {
	case n == m.prior || n == m.posterior:
		return 2
	case n == m.decoder:
		return m.like.outputs(m.Data) / m.Data
	}
	return 1
}

func fill[T cell.Float](s []T, v T) {
	for i := range s {
		s[i] = v
	}
}
