package cell

import "github.com/elbow-go/elbow/kernels"

// gru is the gated recurrent unit, reset-after form.
//
//	r z = σ(Wih x + Whh h + b)
//	n = tanh(Win x + bn + r (Whn h + bhn))
//	h' = (1-z) n + z h
//
// A step saves Whn h + bhn behind its gates.
//
// Source: the form of cuDNN; layout as torch.nn.GRU.
type gru[T Float] struct{}

func (gru[T]) form() form {
	return form{name: "gru", packs: kernels.StepGRU, gates: 3, saved: 4, direct: true, bhn: true}
}

func (gru[T]) step(l *Recurrent[T], m moment[T]) {
	kernels.GRUFusedStep(m.hy, m.gates, m.hx, l.Bhn, &l.whh, m.n, l.Hidden, m.ld, m.part)
}

func (gru[T]) stepBackward(l *Recurrent[T], m momentBack[T]) {
	kernels.GRUFusedStepBackward(m.gates, m.dhx, m.dh, m.after, m.gates, m.hx, &l.whh, m.n, m.next, l.Hidden, m.ld, m.part)
}

func (gru[T]) recurrentGrad(l, grad *Recurrent[T], s *Sequence[T], lo, hi int) {
	h, w, rows := l.Hidden, l.stride(), s.shape.Rows()
	if mid := min(hi, 2*h); lo < mid { // r and z
		l.whhGrad(grad, s, lo, mid)
	}
	if lo = max(lo, 2*h); lo < hi { // n, behind the reset
		dhn := s.gates[lo+h:]
		tMul(grad.Whh[lo*h:], dhn, s.HPrev, hi-lo, h, rows, h, w, h)
		kernels.AddColumnSums(grad.Bhn[lo-2*h:hi-2*h], dhn, rows, hi-lo, w)
	}
}

// gruBefore is the gated recurrent unit, reset-before form.
//
//	r z = σ(Wih x + Whh h + b)
//	n = tanh(Win x + Whn (r h) + bn)
//	h' = (1-z) n + z h
//
// A step saves r h behind its gates.
//
// Source: Cho et al. 2014.
type gruBefore[T Float] struct{}

func (gruBefore[T]) form() form {
	return form{name: "gru-before", packs: kernels.StepGRUBefore, gates: 3, saved: 4, direct: true}
}

func (gruBefore[T]) step(l *Recurrent[T], m moment[T]) {
	kernels.GRUBeforeFusedStep(m.hy, m.gates, m.hx, &l.whh, m.n, l.Hidden, m.ld, m.part)
}

func (gruBefore[T]) stepBackward(l *Recurrent[T], m momentBack[T]) {
	kernels.GRUBeforeFusedStepBackward(m.gates, m.dhx, m.dh, m.after, m.gates, m.hx, &l.whh, m.n, m.next, l.Hidden, m.ld, m.part)
}

func (gruBefore[T]) recurrentGrad(l, grad *Recurrent[T], s *Sequence[T], lo, hi int) {
	h, w := l.Hidden, l.stride()
	if mid := min(hi, 2*h); lo < mid { // r and z
		l.whhGrad(grad, s, lo, mid)
	}
	if lo = max(lo, 2*h); lo < hi { // n, which saw r h
		tMul(grad.Whh[lo*h:], s.gates[lo:], s.gates[3*h:], hi-lo, h, s.shape.Rows(), h, w, w)
	}
}
