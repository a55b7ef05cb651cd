package cell

import (
	"fmt"

	"github.com/elbow-go/elbow/kernels"
)

// Kind is the kind of a [Recurrent] layer.
type Kind uint8

// The kinds. h is the state before the step, h' the state after it, x the input.
const (
	// RNNTanh and RNNReLU: h' = act(Wih x + Whh h + b). Elman 1990; layout of torch.nn.RNN.
	RNNTanh Kind = iota
	RNNReLU
	// LSTM: i f g o = Wih x + Whh h + b; c' = σ(f) c + σ(i) tanh(g); h' = σ(o) tanh(c').
	// With peepholes, i and f see c and o sees c'. Gers, Schmidhuber and Cummins 2000;
	// layout of torch.nn.LSTM.
	LSTM
	// GRU is the reset-after form of cuDNN and torch.nn.GRU: r z = σ(Wih x + Whh h + b);
	// n = tanh(Win x + bn + r (Whn h + bhn)); h' = (1-z) n + z h.
	GRU
	// GRUBefore is the reset-before form of Cho et al. 2014: n = tanh(Win x + Whn (r h) + bn),
	// with z as in GRU.
	GRUBefore

	numKinds = iota
)

// cells has one line for each kind. All else that is particular to a kind is in a file of its own.
func cells[T Float]() [numKinds]cell[T] {
	return [...]cell[T]{
		RNNTanh:   rnn[T]{kernels.RNNTanh},
		RNNReLU:   rnn[T]{kernels.RNNReLU},
		LSTM:      lstm[T]{},
		GRU:       gru[T]{},
		GRUBefore: gruBefore[T]{},
	}
}

// A cell is what layers of one kind have and compute.
type cell[T Float] interface {
	form() *form

	// step computes a step, stepBackward its gradient.
	step(l *Recurrent[T], m moment[T])
	stepBackward(l *Recurrent[T], m momentBack[T])

	// weightGrad adds to grad the gradient of the outputs lo..hi, not none, of the first columns of
	// Wih, which have seen x, and of what the steps read: Whh and all that only this kind has.
	weightGrad(l, grad *Recurrent[T], s *Sequence[T], x []T, columns, lo, hi int)
}

// A form is what the layers of a kind have. Blocks have the size of the state.
type form struct {
	name   string           // in configurations
	packs  kernels.StepKind // how the steps read Whh
	gates  int              // blocks of rows of Wih, Whh and B
	saved  int              // blocks of columns that a step leaves behind for its gradient, the gates first
	inner  int              // of the gates the last ones, whose product is not with the state but with what other gates leave of it
	memory bool             // there is a state c beside h
	direct bool             // h passes into the state after it beside the product with Whh
	bhn    bool             // there is a bias inside the reset
	norms  [2]int           // gates that LayerNorm takes together, the first ones and those behind them
	takes  Options          // the options that layers may have are not 0
}

// sees returns how many gates see the state itself.
func (f *form) sees() int { return f.gates - f.inner }

// A moment is a step of some sequences.
type moment[T Float] struct {
	s      *Sequence[T]
	lo     int // the first of its rows
	n, ld  int // sequences, and the distance between rows of their gates
	gates  []T // pre-activations of the inputs, which the step replaces by what it saves
	hx, hy []T // the state h before the step and after it, [n, Out]
	my     []T // what the gates give, [n, Hidden]: hy unless that is projected or normalised
	cx, cy []T // the state c, where there is one
	part   kernels.StepPart
}

// A momentBack is a step of some sequences on the way back.
type momentBack[T Float] struct {
	moment[T]
	next  int // sequences that go on with the step after it
	after []T // gradient of the pre-activations of that step
	dh    []T // gradient of hy, but for the part that comes through after and Whh
	dm    []T // room for the gradient of my, where that is not hy
	dc    []T // gradient of cy, which the step replaces by that of cx, where there are these
	dhx   []T // gets the gradient of hx but for the part through Whh, where there is another
}

// cell returns what is particular to the kind.
func (k Kind) cell() cell[float32] { return cells[float32]()[k] }

// String returns the name used in configurations.
func (k Kind) String() string {
	if k < numKinds {
		return k.cell().form().name
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// ParseKind returns the kind with the given name.
func ParseKind(name string) (Kind, error) {
	var names []string
	for k := range Kind(numKinds) {
		if names = append(names, k.String()); k.String() == name {
			return k, nil
		}
	}
	return 0, fmt.Errorf("cell: unknown kind %q, want one of %v", name, names)
}

// Gates returns how many gates of the size of the state the kind has: the rows of Wih and
// Whh are Gates times the hidden size. It panics if there is no such kind.
func (k Kind) Gates() int {
	checkSize("Kind.Gates", "kind", int(k), numKinds-1)
	return k.cell().form().gates
}
