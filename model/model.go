package model

import (
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// Model is what a [Trainer] trains and a checkpoint holds: settings and parameters. It is
// read-only while it is used and may be shared; what a batch leaves behind lives in a
// [Pass].
type Model[T cell.Float] interface {
	// Settings returns the configuration, resolved.
	Settings() Config
	// Tensors returns the parameters in a fixed order.
	Tensors() []cell.Tensor[T]
	// Constants returns what is stored with the parameters but not trained, such as the
	// mean of the inputs.
	Constants() []cell.Tensor[T]
	// State returns how many columns of state are carried from one segment of a sequence to
	// the next: those of Batch.H and Batch.C. It is 0 where sequences are not cut.
	State() int
	// Init draws the parameters; the draw depends on seed and stats alone.
	Init(seed uint64, stats Stats)
	// NewGrad returns a model of the same shape, all 0, to hold the gradient.
	NewGrad() Model[T]
	// Pack prepares the parameters for forward passes, PackForTraining for backward ones
	// too; whoever has written to them calls one of the two.
	Pack()
	PackForTraining()
	// NewPass returns an empty workspace. The work is split over the given number of
	// goroutines; the bits do not depend on it.
	NewPass(threads int) Pass[T]
	// Sample writes the sequences of d, which go on from the given states, one for each, or begin
	// if there are none; see the function Sample.
	Sample(dst []T, d Draw, from *States[T])
}

// States are the states of some sequences, as [Pass].Final leaves them: both [sequences, State].
type States[T cell.Float] struct{ H, C []T }

// BF16Packer is a [Model] with recurrent layers, whose weights can be rounded for inference.
type BF16Packer interface {
	// PackBF16 is Pack with the recurrent weights rounded to bfloat16, 8 bits of precision, in
	// the copy that the steps read. The parameters stay as they are, so a later Pack undoes
	// it, and so does training; input weights and dense layers are not rounded. It halves
	// what a step reads, which pays in passes over few sequences, 8 at most; see
	// [cell.Recurrent.PackBF16]. What it costs in nats, [Evaluate] tells before and after it:
	// an LSTM of 64 units on chorales lost 0.00014 of its 8.767 nats per step.
	PackBF16()
}

// Int8Packer is a [Model] whose weights can be quantised for inference.
type Int8Packer interface {
	// PackInt8 is Pack with all weights of layers quantised to int8, and inputs of layers where they are
	// multiplied, both row by row; the parameters stay as they are, so a later Pack undoes it, and so does
	// training. The bits do not depend on the instruction set. See [cell.Recurrent.PackInt8]. Where only one net sees the
	// inputs, as in a [VRNN], their mean goes into its bias, so that bits are exact. What it costs in nats,
	// [Evaluate] tells before and after it. It panics for models of float64.
	PackInt8()
}

// Pass runs a [Model] over one batch after another and holds what a batch leaves behind. It
// belongs to one caller; its memory is reused, so in the steady state with one thread
// nothing is allocated.
type Pass[T cell.Float] interface {
	// Forward computes the terms of the objective. With training set, it keeps what Backward
	// needs; b must stay as it is until then.
	Forward(b *Batch[T], obj Objective, training bool)
	// Backward adds to grad, which is of the model's own type, the gradient of the objective
	// of the last Forward, which had training set.
	Backward(grad Model[T])
	// Loss returns the objective of the last Forward.
	Loss() float64
	// Totals sums the terms of the last Forward, in float64 and in a fixed order.
	Totals() Totals
	// StepLogProb returns ln p(x|z) of every row of the last Forward, in nats and in the order of
	// the rows of Batch.Shape, and StepKL its KL term: of every row, of every sequence of the batch
	// if there is one z for a whole sequence, and none without latent variables. Of a classifier
	// both are of sequences. The slices are valid until the next Forward.
	StepLogProb() []T
	StepKL() []T
	// LogWeights returns ln p(x, z) - ln q(z|x), or its closed-form expectation over z, of
	// every row of the batch, summed over its steps, in nats and with the KL weight of the
	// objective. It is valid until the next Forward.
	LogWeights() []float64
	// Final copies the state of every sequence of the batch after its last step to h and c
	// [Batch, State], from which the next segment goes on.
	Final(h, c []T)
	// Channels calls add with the values of every monitored quantity of the last Forward.
	// The slices are valid during the call only.
	Channels(add func(name string, values []T))
}

// Batch is what one pass works on: sequences, longest first, stored as [cell.Ragged] says.
//
// An objective with K samples takes every sequence K times: row i of the batch is draw i%K
// for sequence i/K.
type Batch[T cell.Float] struct {
	Shape *cell.Ragged
	X     []T // [Rows, Data]
	// Mask is 0 where a value of X is missing, which then may be anything, and 1 where it is there
	// [Rows, Data]; nil where none is missing. A missing value is part of no term. Where the model
	// would have seen it, it sees what it expects there itself, see [Config].Fill, and no gradient
	// goes through that. A class or a stroke of a pen is missing as a whole.
	Mask []T
	// Given are the conditions of every row, which the model is given and does not predict [Rows,
	// Given of the configuration]; nil where that is 0. What holds for a whole sequence, such as its
	// class, is the same in every step.
	Given []T
	H, C  []T      // initial states [Batch, State], nil for zero; C is not read without an LSTM
	Label []string // of every sequence; only a classifier reads them

	// Noise chooses the draws. The draw of row b of the batch at step t depends on Noise, Step0+t
	// and Row0+b alone: what goes on from H and C has in Step0 how many steps came before. In
	// training Step0 is 0.
	Noise       kernels.Noise
	Step0, Row0 int

	u    []T       // scratch of a row
	mask []T       // memory of Mask
	rows []float32 // scratch of a sequence
}

// New returns the model that the configuration asks for, with all parameters 0; see
// [Model]. It reports what is wrong with the configuration.
func New[T cell.Float](config Config) (Model[T], error) {
	c, err := config.Resolve()
	if err != nil {
		return nil, err
	}
	if err := c.checkWeights(); err != nil {
		return nil, err
	}
	k, err := kindOf[T](c.Model)
	if err != nil {
		return nil, err
	}
	m := k.build(c)
	for _, s := range m.parts().slots {
		s.fill(c)
	}
	return m, nil
}
