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
	kernels.RNNFusedStep(m.hy, m.gates, m.hx, &l.whh, m.n, l.Hidden, m.ld, c.act, m.part)
}

func (c rnn[T]) stepBackward(l *Recurrent[T], m momentBack[T]) {
	if !l.fused() {
		l.stateGrad(m.dh, m.after, m.next)
		kernels.RNNStepBackward(m.gates, m.dh, m.hy, m.n, l.Hidden, m.ld, c.act)
		return
	}
	kernels.RNNFusedStepBackward(m.gates, m.dh, m.after, m.hy, &l.whh, m.n, m.next, l.Hidden, m.ld, c.act, m.part)
}

func (rnn[T]) recurrentGrad(l, grad *Recurrent[T], s *Sequence[T], lo, hi int) {
	l.whhGrad(grad, s, lo, hi)
}
