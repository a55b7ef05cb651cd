package cell

import "github.com/elbow-go/elbow/kernels"

// Layer normalisation. The two products are normalised before they are added up and reach the gates,
// so the rows of gates keep them apart. With g gates of H units a row holds, behind what the kind saves,
//
//	Wih x [gH]   Whh h [gH]   xhat of the one [gH]   xhat of the other [gH]
//
// and the gradients of the products take the places of these on the way back.

// normEps is added to variances, as by torch.nn.LayerNorm.
const normEps = 1e-5

// A norm is a product of some gates that are normalised together.
type norm struct {
	side      int // of Wih x and Whh h
	from, to  int // rows of the weights
	sum       int // columns of the saved gates: where it is added up
	raw, xhat int // the product, and what is normalised
}

// numNorms is the most norms of a layer; behind their rstd is that of c.
const numNorms = 4

// norms returns those of a layer, of which some may be empty.
func (l *Recurrent[T]) norms() (ns [numNorms]norm) {
	f, h := l.cell.form(), l.Hidden
	from := 0
	for i, gates := range f.norms {
		to := from + gates*h
		for side := range 2 {
			raw, sum := (f.saved+side*f.gates)*h+from, from
			if side == 1 {
				sum = l.sumColumn(from)
			}
			ns[2*i+side] = norm{side, from, to, sum, raw, raw + 2*f.gates*h}
		}
		from = to
	}
	return ns
}

// gain returns the weights of a norm of l or of its gradient.
func (l *Recurrent[T]) gain(side int) []T {
	if side == 0 {
		return l.Gih
	}
	return l.Ghh
}

// rstd returns the i-th of them of some rows, as LayerNorm leaves it.
func (m *moment[T]) rstd(i int) []T {
	return m.s.rstd[i*m.s.shape.Rows()+m.lo:][:m.n]
}

// norm returns what the i-th of the norms, n, reads and leaves of the rows of m.
func (l *Recurrent[T]) norm(n norm, m *moment[T], i int) kernels.Norm[T] {
	return kernels.Norm[T]{XHat: m.gates[n.xhat:], RStd: m.rstd(i), Weight: l.gain(n.side)[n.from:], Ld: m.ld}
}

// memoryNorm is norm for that of the state c of an LSTM.
func (l *Recurrent[T]) memoryNorm(m *moment[T]) kernels.Norm[T] {
	return kernels.Norm[T]{XHat: m.s.state(m.s.chat, m.lo, m.n), RStd: m.rstd(numNorms), Weight: l.Gc, Ld: l.Hidden}
}

// normProject makes the pre-activations of a step: the bias and both products, normalised.
func (l *Recurrent[T]) normProject(m moment[T]) {
	rows := l.cell.form().gates * l.Hidden
	kernels.SetRows(m.gates, l.B, m.n, rows, m.ld)
	kernels.SetRows(m.gates[l.column(0):], nil, m.n, rows, m.ld)
	l.projectState(m.gates, m.hx, m.n, m.ld)
	for i, n := range l.norms() {
		k := l.norm(n, &m, i)
		kernels.LayerNorm(m.gates[n.sum:], m.gates[n.raw:], &k, m.n, n.to-n.from, normEps)
	}
}

// normProjectBackward makes the gradients of both products of that of the pre-activations.
func (l *Recurrent[T]) normProjectBackward(m momentBack[T]) {
	for i, n := range l.norms() {
		k := l.norm(n, &m.moment, i)
		kernels.LayerNormBackward(m.gates[n.raw:], m.gates[n.sum:], &k, m.n, n.to-n.from)
	}
}

// gainGrad adds the gradient of the gains of the rows lo..hi.
func (l *Recurrent[T]) gainGrad(grad *Recurrent[T], s *Sequence[T], lo, hi int) {
	w := l.stride()
	for _, n := range l.norms() {
		if a, b := max(lo, n.from), min(hi, n.to); a < b {
			at := a - n.from
			kernels.AddColumnProducts(grad.gain(n.side)[a:b], s.gates[n.sum+at:], s.gates[n.xhat+at:], s.shape.Rows(), b-a, w, w)
		}
	}
}

// normStep is the step of an LSTM whose products and whose state, on its way to h, are normalised.
func (lstm[T]) normStep(l *Recurrent[T], m moment[T]) {
	h := l.Hidden
	l.normProject(m)
	kernels.LSTMStep(&kernels.Step[T]{H: m.my, C: m.cy, Gates: m.gates, CPrev: m.cx, Batch: m.n, Ld: m.ld}, h) // its output has seen c' as it is
	t := m.s.state(m.s.tanh, m.lo, m.n)
	kernels.SetRows(t, l.Bc, m.n, h, h)
	k := l.memoryNorm(&m)
	kernels.LayerNorm(t, m.cy, &k, m.n, h, normEps)
	kernels.Tanh(t, t)
	for i := range m.n {
		o, t, y := m.gates[i*m.ld+3*h:], t[i*h:], m.hy[i*h:(i+1)*h]
		for j := range y {
			y[j] = o[j] * t[j]
		}
	}
}

func (lstm[T]) normStepBackward(l *Recurrent[T], m momentBack[T]) {
	h := l.Hidden
	l.stateGrad(m.dh, m.after, m.next)
	t := m.s.state(m.s.tanh, m.lo, m.n)
	for i := range m.n {
		o, t, dh, do := m.gates[i*m.ld+3*h:], t[i*h:], m.dh[i*h:(i+1)*h], m.my[i*h:]
		for j, d := range dh {
			do[j] = T(d*t[j]) * T(o[j]*(1-o[j]))
			dh[j] = d * o[j]
		}
	}
	kernels.TanhBackward(t, m.dh, t) // now the gradient of the normalised state
	k := l.memoryNorm(&m.moment)
	kernels.LayerNormBackward(m.dm, t, &k, m.n, h)
	kernels.Axpy(m.dc, m.dm, 1)
	clear(m.dh)
	kernels.LSTMStepBackward(&kernels.StepGrad[T]{H: m.dh, C: m.dc, Gates: m.gates, CPrev: m.dc},
		&kernels.Step[T]{C: m.cy, Gates: m.gates, CPrev: m.cx, Batch: m.n, Ld: m.ld}, h)
	for i := range m.n {
		copy(m.gates[i*m.ld+3*h:], m.my[i*h:(i+1)*h])
	}
	l.normProjectBackward(m)
}

// stateNormGrad adds the gradient of the gain and the bias of the state, the columns lo..hi.
func (l *Recurrent[T]) stateNormGrad(grad *Recurrent[T], s *Sequence[T], lo, hi int) {
	if h := l.Hidden; lo < hi {
		kernels.AddColumnProducts(grad.Gc[lo:hi], s.tanh[lo:], s.chat[lo:], s.shape.Rows(), hi-lo, h, h)
		kernels.AddColumnSums(grad.Bc[lo:hi], s.tanh[lo:], s.shape.Rows(), hi-lo, h)
	}
}
