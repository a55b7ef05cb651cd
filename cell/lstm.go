package cell

import "github.com/elbow-go/elbow/kernels"

// lstm is long short-term memory.
//
//	i f g o = Wih x + Whh h + b
//	c' = σ(f) c + σ(i) tanh(g)
//	h' = σ(o) tanh(c')
//
// With peepholes p, i and f are moved on by p c, and o by p c'. With CellClip, c' is clipped before
// h' sees it.
//
// Source: Gers, Schmidhuber and Cummins 2000; layout as torch.nn.LSTM.
type lstm[T Float] struct{}

func (lstm[T]) form() form {
	return form{name: "lstm", packs: kernels.StepLSTM, gates: 4, saved: 4, memory: true,
		takes: Options{Peepholes: true, CellClip: 1}}
}

func (lstm[T]) step(l *Recurrent[T], m moment[T]) {
	kernels.LSTMFusedStep(m.hy, m.cy, m.gates, m.hx, m.cx, l.Peephole, &l.whh, m.n, l.Hidden, m.ld, m.part)
	if l.CellClip > 0 {
		l.clip.apply(m, l.Hidden)
	}
}

func (lstm[T]) stepBackward(l *Recurrent[T], m momentBack[T]) {
	kernels.LSTMFusedStepBackward(m.gates, m.dc, m.dh, m.after, m.dc, m.gates, m.cx, m.cy, l.Peephole, &l.whh,
		m.n, m.next, l.Hidden, m.ld, m.part)
	if l.CellClip > 0 {
		l.clip.applyBackward(m, l.Hidden)
	}
}

func (c lstm[T]) recurrentGrad(l, grad *Recurrent[T], s *Sequence[T], lo, hi int) {
	l.whhGrad(grad, s, lo, hi)
	if l.Peepholes {
		c.peepholeGrad(l, grad, s, lo, hi)
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
