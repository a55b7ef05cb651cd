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
// Conditions of a step, see [Batch].Given, are further inputs of both cells in it.
//
// y_t is the decoder's own output, the mean of p(x_t | z): 1/(1+exp(-a)) where the data
// are binary. The gradient flows through it, and z is all the decoder ever learns of the
// data. With Config.Teacher y_t is x_t instead, which is easier to train but lets the
// decoder do without z.
//
// There is no Config.Skip: z is all that a decoder is to know, and a linear map of the last steps, its own means or
// those of a teacher, would leave nothing for it to say.
//
// A missing value is seen as what the decoder makes of z = 0 or of a draw from N(0, I), and then as what it makes of z
// from the posterior that sees that, its mean or a draw, which the encoder reads again.
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
	recurrentBase[T]

	encoder, decoder    *cell.Recurrent[T]
	head, start, output *cell.Dense[T]
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

// vraeLatent is the default size of z, that of the second experiment of the paper.
const vraeLatent = 20

// resolveVRAE is [Config.Resolve] for the VRAE, which has no nets beside its cells.
func (c Config) resolveVRAE() (Config, error) {
	r, err := c.take(fieldData, fieldGiven, fieldHidden, fieldCell(cell.RNNTanh), fieldInit, fieldLikelihood(normalised()...),
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

func newVRAE[T cell.Float](c Config) builder[T] {
	m := &VRAE[T]{recurrentBase: recurrentBase[T]{newBase[T]("VRAE", c)}}
	m.form = kernels.LogVar
	m.feed, _ = m.like.(feeder[T])
	m.has(
		slot[T]{name: "encoder", place: &m.encoder, in: c.Data + c.Given, out: c.Hidden, stage: 4},
		slot[T]{name: "latent", place: &m.head, in: c.Hidden, out: 2 * c.Latent, head: gaussian, stage: 3},
		slot[T]{name: "start", place: &m.start, in: c.Latent, out: c.Hidden, act: cell.Tanh, stage: 2},
		slot[T]{name: "decoder", place: &m.decoder, in: c.Data + c.Given, out: c.Hidden},
		slot[T]{name: "output", place: &m.output, in: c.Hidden, out: c.outputs(), head: output, stage: 1})
	return m
}

func (m *VRAE[T]) reader(threads int) *reader[T] {
	return &reader[T]{model: &m.base, cell: m.encoder, head: m.head, threads: threads, seq: cell.NewSequence[T]()}
}
