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

var gruForm = form{name: "gru", packs: kernels.StepGRU, gates: 3, saved: 4, direct: true, bhn: true,
	norms: [2]int{2, 1}, takes: Options{Heads: 1, LayerNorm: true}}

func (gru[T]) form() *form { return &gruForm }

func (gru[T]) step(l *Recurrent[T], m moment[T]) {
	s := &kernels.Step[T]{H: m.hy, Gates: m.gates, HPrev: m.hx, Bhn: l.Bhn, Batch: m.n, Ld: m.ld, Part: m.part}
	if l.fused() {
		kernels.GRUFusedStep(s, &l.whh)
		return
	}
	h := l.Hidden
	kernels.SetRows(m.gates[3*h:], l.Bhn, m.n, h, m.ld)
	if l.LayerNorm {
		l.normProject(m)
	} else {
		l.projectState(m.gates, m.hx, m.n, m.ld)
	}
	kernels.GRUStep(s, h)
}

func (gru[T]) stepBackward(l *Recurrent[T], m momentBack[T]) {
	s := &kernels.Step[T]{Gates: m.gates, HPrev: m.hx, Batch: m.n, Ld: m.ld, Part: m.part}
	d := &kernels.StepGrad[T]{H: m.dh, Gates: m.gates, HPrev: m.dhx, Next: m.after, NextRows: m.next}
	if l.fused() {
		kernels.GRUFusedStepBackward(d, s, &l.whh)
		return
	}
	l.stateGrad(m.dh, m.after, m.next)
	kernels.GRUStepBackward(d, s, l.Hidden)
	if l.LayerNorm {
		l.normProjectBackward(m)
	}
}

func (gru[T]) weightGrad(l, grad *Recurrent[T], s *Sequence[T], x []T, columns, lo, hi int) {
	h := l.Hidden
	if mid := min(hi, 2*h); lo < mid { // r and z
		l.productGrad(grad, s, x, s.HPrev, s.out, columns, lo, mid)
	}
	if lo = max(lo, 2*h); lo < hi { // n, behind the reset
		l.productGrad(grad, s, x, s.HPrev, s.out, columns, lo, hi)
		kernels.AddColumnSums(grad.Bhn[lo-2*h:hi-2*h], s.gates[lo+h:], s.shape.Rows(), hi-lo, l.stride())
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

var gruBeforeForm = form{name: "gru-before", packs: kernels.StepGRUBefore, gates: 3, saved: 4, inner: 1, direct: true, takes: Options{Heads: 1}}

func (gruBefore[T]) form() *form { return &gruBeforeForm }

func (gruBefore[T]) step(l *Recurrent[T], m moment[T]) {
	s := &kernels.Step[T]{H: m.hy, Gates: m.gates, HPrev: m.hx, Batch: m.n, Ld: m.ld, Part: m.part}
	if l.fused() {
		kernels.GRUBeforeFusedStep(s, &l.whh)
		return
	}
	h := l.Hidden
	l.projectState(m.gates, m.hx, m.n, m.ld)
	kernels.GRUBeforeReset(s, h)
	l.projectRows(m.gates, m.gates[3*h:], m.n, 2*h, 3*h, m.ld, m.ld)
	kernels.GRUBeforeUpdate(s, h)
}

func (gruBefore[T]) stepBackward(l *Recurrent[T], m momentBack[T]) {
	s := &kernels.Step[T]{Gates: m.gates, HPrev: m.hx, Batch: m.n, Ld: m.ld, Part: m.part}
	d := &kernels.StepGrad[T]{H: m.dh, Gates: m.gates, HPrev: m.dhx, Next: m.after, NextRows: m.next}
	if l.fused() {
		kernels.GRUBeforeFusedStepBackward(d, s, &l.whh)
		return
	}
	h := l.Hidden
	l.stateGrad(m.dh, m.after, m.next)
	kernels.GRUBeforeUpdateBackward(d, s, h)
	l.rowsGrad(m.dh, m.gates, m.n, 2*h, 3*h, false) // now the gradient of r h
	kernels.GRUBeforeResetBackward(d, s, h)
}

func (gruBefore[T]) weightGrad(l, grad *Recurrent[T], s *Sequence[T], x []T, columns, lo, hi int) {
	h := l.Hidden
	if mid := min(hi, 2*h); lo < mid { // r and z
		l.productGrad(grad, s, x, s.HPrev, s.out, columns, lo, mid)
	}
	if lo = max(lo, 2*h); lo < hi { // n, which saw r h
		l.productGrad(grad, s, x, s.gates[3*h:], l.stride(), columns, lo, hi)
	}
}
