package model

import (
	"fmt"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// VRAE is the variational recurrent auto-encoder of Fabius and van Amersfoort 2014: one
// latent variable z for a whole sequence.
//
//	encoder    h_t = cell(x_t, h_{t-1}), h_0 = 0      over the sequence, or its reverse
//	posterior  q(z | x) = N(μ, σ), [μ | ln σ²] = W h_T + b      prior N(0, I)
//	decoder    s_0 = tanh(Wz z + bz), s_t = cell(y_{t-1}, s_{t-1}), y_0 = 0
//	output     p(x_t | z) = θ(Wo s_t + bo)
//
// y_t is the decoder's own output, the mean of p(x_t | z): 1/(1+exp(-a)) where the data
// are binary. The gradient flows through it, and z is all the decoder ever learns of the
// data. With Config.Teacher y_t is x_t instead, which is easier to train but lets the
// decoder do without z.
//
// The published code of the paper adds 0.01 KL(q || p) to the cost of every step, where the
// bound has 1/T of it for T steps: TrainConfig.KLWeight = T/100 does the same.
//
// Of an LSTM, s_0 is the output part of the state; the cell part starts at 0. The encoder
// reads x as it is, without subtracting a mean.
//
// A VRAE is read-only while it is used and may be shared; what a batch leaves behind lives
// in a pass.
type VRAE[T cell.Float] struct {
	Config

	encoder, decoder    *cell.Recurrent[T]
	head, start, output *cell.Dense[T]
	like                likelihood[T]
	feed                feeder[T] // nil where the teacher makes it needless
}

// feeder is a likelihood whose mean can be the input of the next step in training.
type feeder[T cell.Float] interface {
	// meanBackward adds to dout the gradient of the mean y [rows, dim]; dy may be used up.
	meanBackward(dout, dy, y []T, rows, dim int)
}

func (bernoulli[T]) meanBackward(dout, dy, y []T, rows, dim int) {
	n := rows * dim
	kernels.SigmoidBackward(dy[:n], dy[:n], y[:n])
	kernels.Axpy(dout[:n], dy[:n], 1)
}

func (gauss[T]) meanBackward(dout, dy, _ []T, rows, dim int) {
	for i := range rows {
		kernels.Axpy(dout[i*2*dim:i*2*dim+dim], dy[i*dim:(i+1)*dim], 1)
	}
}

// latentForm is how the head of a VRAE gives σ: as ln σ².
const latentForm = kernels.LogVar

// vraeLatent is the default size of z, that of the second experiment of the paper.
const vraeLatent = 20

// resolveVRAE is [Config.Resolve] for the VRAE, which has no nets beside its cells.
func (c Config) resolveVRAE() (Config, error) {
	r, err := c.take(fieldData, fieldHidden, fieldCell(cell.RNNTanh), fieldInit, fieldLikelihood(likelihoods()...),
		number("latent", func(c *Config) *int { return &c.Latent }, vraeLatent, 1, maxSize))
	if err != nil {
		return r, err
	}
	r.Layers, r.Reverse, r.Teacher = 1, c.Reverse, c.Teacher
	l := newLikelihood[float32](r)
	if _, ok := l.(feeder[float32]); !ok && !r.Teacher || l.inputs(r.Data) != r.Data {
		return r, fmt.Errorf("model: a %s cannot feed back the outputs of likelihood %q (teacher %t)", r.Model, r.Likelihood, r.Teacher)
	}
	return r, nil
}

// newVRAE returns a model with all parameters 0 for a configuration that was resolved.
func newVRAE[T cell.Float](c Config) Model[T] {
	m := &VRAE[T]{Config: c, like: newLikelihood[T](c)}
	m.feed, _ = m.like.(feeder[T])
	m.encoder = cell.NewRecurrent[T](c.kind(), c.Data, c.Hidden)
	m.head = cell.NewDense[T](c.Hidden, 2*c.Latent, cell.Linear)
	m.start = cell.NewDense[T](c.Latent, c.Hidden, cell.Tanh)
	m.decoder = cell.NewRecurrent[T](c.kind(), c.Data, c.Hidden)
	m.output = cell.NewDense[T](c.Hidden, outputs(m.like, c.Data), cell.Linear)
	return m
}

// vraeLandmarks is [Config.landmarks] for the VRAE.
func (c Config) vraeLandmarks() []landmark {
	rows := c.kind().Gates() * c.Hidden
	return []landmark{
		{"encoder.wih", []int{rows, c.Data}},
		{"encoder.whh", []int{rows, c.Hidden}},
		{"latent.w", []int{2 * c.Latent, c.Hidden}},
		{"start.w", []int{c.Hidden, c.Latent}},
		{"decoder.wih", []int{rows, c.Data}},
		{"decoder.whh", []int{rows, c.Hidden}},
		{"output.w", []int{c.outputs(), c.Hidden}},
	}
}

// Settings implements [Model].
func (m *VRAE[T]) Settings() Config { return m.Config }

// Constants implements [Model]: there are none.
func (m *VRAE[T]) Constants() []cell.Tensor[T] { return nil }

// State implements [Model]: sequences are not cut, since each has one z.
func (m *VRAE[T]) State() int { return 0 }

// NewGrad returns a model of the same shape, all 0, to hold the gradient of m.
func (m *VRAE[T]) NewGrad() Model[T] {
	return &VRAE[T]{Config: m.Config, like: m.like, feed: m.feed, encoder: m.encoder.NewGrad(), decoder: m.decoder.NewGrad(),
		head: m.head.NewGrad(), start: m.start.NewGrad(), output: m.output.NewGrad()}
}

// part is one layer of a model with its name.
type part[T cell.Float] struct {
	name  string
	layer interface {
		Tensors() []cell.Tensor[T]
		Pack()
		PackForTraining()
	}
}

func (m *VRAE[T]) parts() []part[T] {
	return []part[T]{{"encoder", m.encoder}, {"latent", m.head}, {"start", m.start}, {"decoder", m.decoder}, {"output", m.output}}
}

// Tensors returns the parameters in a fixed order.
func (m *VRAE[T]) Tensors() []cell.Tensor[T] { return partTensors(m.parts()) }

// Pack prepares the parameters for forward passes; whoever has written to them calls it.
func (m *VRAE[T]) Pack() { packParts(m.parts(), false) }

// PackBF16 implements [BF16Packer].
func (m *VRAE[T]) PackBF16() {
	m.Pack()
	m.encoder.PackBF16()
	m.decoder.PackBF16()
}

// PackForTraining prepares the parameters for forward and backward passes.
func (m *VRAE[T]) PackForTraining() { packParts(m.parts(), true) }

func partTensors[T cell.Float](parts []part[T]) []cell.Tensor[T] {
	var ts []cell.Tensor[T]
	for _, p := range parts {
		for _, t := range p.layer.Tensors() {
			t.Name = p.name + "." + t.Name
			ts = append(ts, t)
		}
	}
	return ts
}

func packParts[T cell.Float](parts []part[T], training bool) {
	for _, p := range parts {
		if training {
			p.layer.PackForTraining()
		} else {
			p.layer.Pack()
		}
	}
}

// Init draws the parameters: input and dense weights as configured, recurrent weights
// orthogonal gate by gate, biases 0 but for those of the output, which start where the
// statistics of the data put them. The draw depends on seed alone.
func (m *VRAE[T]) Init(seed uint64, stats Stats) {
	checkStats("VRAE.Init", stats, m.Data, m.Classes)
	d := newInitialiser[T](m, seed)
	d.recurrent(m.encoder)
	d.dense(m.head, m.Latent, m.Latent)
	d.dense(m.start)
	d.recurrent(m.decoder)
	d.dense(m.output, m.like.heads(m.Data)...)
	m.like.initBias(m.output.B, stats)
}
