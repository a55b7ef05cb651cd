package cell

import "github.com/elbow-go/elbow/kernels"

// rnn is the plain recurrent cell.
//
//	h' = act(Wih x + Whh h + b)    act = tanh or ReLU
//
// Source: Elman 1990; layout as torch.nn.RNN.
type rnn[T Float] struct{ act kernels.Activation }

var rnnForms = [...]form{
	kernels.RNNTanh: {name: "rnn", packs: kernels.StepRNN, gates: 1, saved: 1, takes: Options{Heads: 1}},
	kernels.RNNReLU: {name: "rnn-relu", packs: kernels.StepRNN, gates: 1, saved: 1, takes: Options{Heads: 1}},
}

func (c rnn[T]) form() *form { return &rnnForms[c.act] }

func (c rnn[T]) step(l *Recurrent[T], m moment[T]) {
	s := &kernels.Step[T]{H: m.hy, Gates: m.gates, HPrev: m.hx, Act: c.act, Batch: m.n, Ld: m.ld, Part: m.part}
	if l.fused() {
		kernels.RNNFusedStep(s, &l.whh)
		return
	}
	l.projectState(m.gates, m.hx, m.n, m.ld)
	kernels.RNNStep(s, l.Hidden)
}

func (c rnn[T]) stepBackward(l *Recurrent[T], m momentBack[T]) {
	s := &kernels.Step[T]{H: m.hy, Act: c.act, Batch: m.n, Ld: m.ld, Part: m.part}
	d := &kernels.StepGrad[T]{H: m.dh, Gates: m.gates, Next: m.after, NextRows: m.next}
	if l.fused() {
		kernels.RNNFusedStepBackward(d, s, &l.whh)
		return
	}
	l.stateGrad(m.dh, m.after, m.next)
	kernels.RNNStepBackward(d, s, l.Hidden)
}

func (rnn[T]) weightGrad(l, grad *Recurrent[T], s *Sequence[T], x []T, columns, lo, hi int) {
	l.productGrad(grad, s, x, s.HPrev, s.out, columns, lo, hi)
}
