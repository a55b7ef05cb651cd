package cell

import "github.com/elbow-go/elbow/kernels"

// lstm is long short-term memory.
//
//	i f g o = Wih x + Whh h + b
//	c' = σ(f) c + σ(i) tanh(g)
//	h' = σ(o) tanh(c')
//
// With peepholes p, i and f are moved on by p c, and o by p c'. With CellClip, c' is clipped before
// h' sees it. With Proj, h' is multiplied by Whr. For
// LayerNorm see norm.go.
//
// Source: Gers, Schmidhuber and Cummins 2000; layout as torch.nn.LSTM.
type lstm[T Float] struct{}

var lstmForm = form{name: "lstm", packs: kernels.StepLSTM, gates: 4, saved: 4, memory: true, norms: [2]int{4},
	takes: Options{Peepholes: true, CellClip: 1, Proj: 1, Heads: 1, LayerNorm: true}}

func (lstm[T]) form() *form { return &lstmForm }

func (c lstm[T]) step(l *Recurrent[T], m moment[T]) {
	if l.LayerNorm {
		c.normStep(l, m)
		return
	}
	h, p := l.Hidden, l.Proj
	s := &kernels.Step[T]{H: m.my, C: m.cy, Gates: m.gates, HPrev: m.hx, CPrev: m.cx, Peephole: l.Peephole, Batch: m.n, Ld: m.ld, Part: m.part}
	if l.fused() {
		kernels.LSTMFusedStep(s, &l.whh)
	} else {
		l.projectState(m.gates, m.hx, m.n, m.ld)
		kernels.LSTMStep(s, h)
	}
	if l.CellClip > 0 {
		l.clip.apply(m, h)
	}
	if p > 0 {
		clear(m.hy)
		l.byWhr.project(m.hy, m.my, l.Whr, nil, m.n, 0, p, p, h, 0, h, p, h)
	}
}

func (c lstm[T]) stepBackward(l *Recurrent[T], m momentBack[T]) {
	if l.LayerNorm {
		c.normStepBackward(l, m)
		return
	}
	h, p := l.Hidden, l.Proj
	s := &kernels.Step[T]{C: m.cy, Gates: m.gates, CPrev: m.cx, Peephole: l.Peephole, Batch: m.n, Ld: m.ld, Part: m.part}
	d := &kernels.StepGrad[T]{H: m.dh, C: m.dc, Gates: m.gates, CPrev: m.dc, Next: m.after, NextRows: m.next}
	if l.fused() {
		kernels.LSTMFusedStepBackward(d, s, &l.whh)
	} else {
		l.stateGrad(m.dh, m.after, m.next)
		if p > 0 {
			d.H = m.dm
			l.byWhr.inputGrad(m.dm, m.dh, l.Whr, m.n, p, h, 0, h, h, p, false)
		}
		kernels.LSTMStepBackward(d, s, h)
	}
	if l.CellClip > 0 {
		l.clip.applyBackward(m, h)
	}
}

func (c lstm[T]) weightGrad(l, grad *Recurrent[T], s *Sequence[T], x []T, columns, lo, hi int) {
	l.productGrad(grad, s, x, s.HPrev, s.out, columns, lo, hi)
	if l.Peepholes {
		c.peepholeGrad(l, grad, s, lo, hi)
	}
	if l.LayerNorm { // its columns are shared out as the gates are
		l.stateNormGrad(grad, s, lo/4, hi/4)
	}
	if p := l.Proj; p > 0 { // its rows are shared out as the gates are
		h := l.Hidden
		lo, hi := lo*p/(4*h), hi*p/(4*h)
		tMul(grad.Whr[lo*h:], s.dH[lo:], s.m, hi-lo, h, s.shape.Rows(), h, p, h)
	}
}

// peepholeGrad adds the gradient of the peepholes of the gates lo..hi. The gates i and f
// saw the state before the step, o the one after it; g has none.
func (lstm[T]) peepholeGrad(l, grad *Recurrent[T], s *Sequence[T], lo, hi int) {
	h, w := l.Hidden, l.stride()
	for gate, peep := range [...]int{0, 1, -1, 2} {
		a, b := max(lo, gate*h), min(hi, (gate+1)*h)
		if peep < 0 || a >= b {
			continue
		}
		col := a - gate*h
		dst := grad.Peephole[peep*h+col : peep*h+b-gate*h]
		for t := range s.shape.Steps() {
			off, n := s.shape.Step(t)
			c := s.cellBefore(t, 0, n)
			if gate == 3 {
				c = s.state(s.C, off, n)
			}
			kernels.AddColumnProducts(dst, s.gates[off*w+a:], c[col:], n, b-a, w, h)
		}
	}
}
