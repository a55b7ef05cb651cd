package cell

import "github.com/elbow-go/elbow/kernels"

// rnn is the plain recurrent cell.
//
//	h' = act(Wih x + Whh h + b)    act = tanh or ReLU
//
// Source: Elman 1990; layout as torch.nn.RNN.
type rnn[T Float] struct {
	name string
	act  kernels.Activation
}

func (c rnn[T]) form() form {
	return form{name: c.name, packs: kernels.StepRNN, gates: 1, saved: 1, takes: Options{Heads: 1}}
}

func (c rnn[T]) step(l *Recurrent[T], m moment[T]) {
	if !l.fused() {
		l.projectState(m.gates, m.hx, m.n, m.ld)
		kernels.RNNStep(m.hy, m.gates, m.n, l.Hidden, m.ld, c.act)
		return
	}
	kernels.RNNFusedStep(&kernels.Step[T]{H: m.hy, Gates: m.gates, HPrev: m.hx, Act: c.act, Batch: m.n, Ld: m.ld, Part: m.part}, &l.whh)
}

func (c rnn[T]) stepBackward(l *Recurrent[T], m momentBack[T]) {
	if !l.fused() {
		l.stateGrad(m.dh, m.after, m.next)
		kernels.RNNStepBackward(m.gates, m.dh, m.hy, m.n, l.Hidden, m.ld, c.act)
		return
	}
	kernels.RNNFusedStepBackward(&kernels.StepGrad[T]{H: m.dh, Gates: m.gates, Next: m.after, NextRows: m.next},
		&kernels.Step[T]{H: m.hy, Act: c.act, Batch: m.n, Ld: m.ld, Part: m.part}, &l.whh)
}

func (rnn[T]) weightGrad(l, grad *Recurrent[T], s *Sequence[T], x []T, columns, lo, hi int) {
	l.productGrad(grad, s, x, columns, lo, hi)
}
