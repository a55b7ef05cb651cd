package model

import (
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/kernels"
)

// NADE is the neural autoregressive distribution estimator: bits that depend on each other, each
// on those before it, [b D | h Config.Units].
//
//	a_0 = h     a_{j+1} = a_j + x_j W_j     s(a) = 1/(1 + exp(-a))
//	ln p = Σ_j ln Bernoulli(x_j; s(b_j + c_j + V_j · s(a_j)))
//
// The model gives the biases b and h, W, V and c are parameters of the likelihood. With a recurrent
// model, [ModelRNN], it is the RNN-NADE. The mean it gives is the sequence of the most probable
// bits, each after those before it.
//
// Sources: Larochelle and Murray 2011; Boulanger-Lewandowski et al. 2012.
const NADE = "nade"

type nade[T cell.Float] struct {
	plain[T]
	units int
	in    *vector[T]     // W [D, units]
	out   *cell.Dense[T] // V [D, units] and c
}

var fieldUnits = width("units", func(c *Config) *int { return &c.Units })

func newNADE[T cell.Float](c Config) likelihood[T] { return &nade[T]{units: c.Units} }

func (l *nade[T]) slots(dim int) []slot[T] {
	return []slot[T]{
		{name: "nade.in", place: &l.in, in: l.units, out: dim},
		{name: "nade.out", place: &l.out, in: l.units, out: dim}}
}

func (*nade[T]) value(_ int, v float32) error { return probability(NADE, v) }

func (l *nade[T]) heads(dim int) []int { return []int{dim, l.units} }

// initBias: b as in bernoulli, h at 0.
func (l *nade[T]) initBias(b []T, stats Stats) { bernoulli[T]{}.initBias(b[:len(stats.Mean)], stats) }

func (l *nade[T]) work() worker[T] { return &nadeWork[T]{nade: l} }

func (l *nade[T]) sample(x, out []T, noise kernels.Noise, step, row0 uint32, rows, dim int) {
	u := make([]T, rows*dim)
	kernels.Uniforms(u, noise, step, row0, rows, dim)
	l.decide(x, out, u, rows, dim)
}

func (l *nade[T]) mean(x, out []T, rows, dim int) {
	u := make([]T, rows*dim)
	fill(u, 0.5)
	l.decide(x, out, u, rows, dim)
}

// decide sets bit j of a row if u is below its probability, given the bits before it. What is known
// after a bit that is set are all probabilities up to the next one, so it takes one product more
// than a row has bits set.
func (l *nade[T]) decide(x, out, u []T, rows, dim int) {
	n, w := l.units, dim+l.units
	a, s := make([]T, rows*n), make([]T, rows*n)
	p, at := make([]T, rows*dim), make([]int, rows)
	for i := range rows {
		copy(a[i*n:(i+1)*n], out[i*w+dim:])
	}
	for left := true; left; {
		kernels.Sigmoid(s, a)
		l.out.Forward(p, s, rows)
		for i := range rows {
			kernels.Axpy(p[i*dim:(i+1)*dim], out[i*w:i*w+dim], 1)
		}
		kernels.Sigmoid(p, p)
		left = false
		for i := range rows {
			for set := false; at[i] < dim && !set; at[i]++ {
				k := i*dim + at[i]
				if x[k] = 0; u[k] < p[k] {
					x[k], set = 1, true
					kernels.Axpy(a[i*n:(i+1)*n], l.in.v[at[i]*n:(at[i]+1)*n], 1)
				}
			}
			left = left || at[i] < dim
		}
	}
}

// channels adds the biases that the model gives.
func (l *nade[T]) channels(add func(name string, values []T), out []T, rows, dim int) {
	add("theta_bias", out[:rows*(dim+l.units)])
}

// nadeWork is a NADE over the rows of a batch. a_j changes with every bit that is set, and nowhere
// else: a row has one segment of equal a more than it has such bits. Their hidden vectors are the
// rows of one product forward and of two backward.
type nadeWork[T cell.Float] struct {
	*nade[T]
	dim   int
	x     []T
	first []int // segment of every row, and one after the last
	bit   []int // after which a segment begins, -1 in the first of a row

	s, y   []T // of every segment: s(a) [units], c + V s(a) [dim]
	logits []T // of every row [dim]
	dl     []T // their gradients
	dy, da []T // of every segment: the gradient of y; that of a, and of all segments after it
}

// rowValues: s and y of every segment and where it begins, the logits of the row, and their gradients.
func (l *nade[T]) rowValues(x []float32, training bool) int {
	segments := 1
	for _, v := range x {
		if v != 0 {
			segments++
		}
	}
	n := segments*(l.units+len(x)) + len(x)
	if training {
		n *= 2
	}
	return n + 2*(segments+1) // indices
}

func (w *nadeWork[T]) begin(r run[T]) {
	x, rows, dim := r.x, r.shape.Rows(), r.dim
	w.x, w.dim = x, dim
	w.first, w.bit = pages.Grow(w.first, rows+1), w.bit[:0]
	for i := range rows {
		w.first[i] = len(w.bit)
		w.bit = append(w.bit, -1)
		for j, v := range x[i*dim : (i+1)*dim] {
			if v != 0 {
				w.bit = append(w.bit, j)
			}
		}
	}
	n := len(w.bit)
	w.first[rows] = n
	w.s, w.y, w.logits = pages.Grow(w.s, n*w.units), pages.Grow(w.y, n*dim), pages.Grow(w.logits, rows*dim)
	w.dl, w.dy, w.da = w.dl[:0], w.dy[:0], w.da[:0]
}

func (w *nadeWork[T]) beginBackward() {
	w.dl, w.dy, w.da = pages.Grow(w.dl, len(w.logits)), pages.Grow(w.dy, len(w.y)), pages.Grow(w.da, len(w.s))
}

func (w *nadeWork[T]) logProb(lp, out []T, lo, hi int) {
	n, d, ld := w.units, w.dim, w.dim+w.units
	a, b := w.first[lo], w.first[hi]
	for i := lo; i < hi; i++ {
		before := out[i*ld+d : (i+1)*ld]
		for k := w.first[i]; k < w.first[i+1]; k++ {
			to := w.s[k*n : (k+1)*n]
			copy(to, before)
			if j := w.bit[k]; j >= 0 {
				kernels.Axpy(to, w.in.v[j*n:(j+1)*n], w.x[i*d+j])
			}
			before = to
		}
	}
	kernels.Sigmoid(w.s[a*n:b*n], w.s[a*n:b*n])
	w.out.Forward(w.y[a*d:b*d], w.s[a*n:b*n], b-a)
	for i := lo; i < hi; i++ {
		copy(w.logits[i*d:(i+1)*d], out[i*ld:])
		w.eachSegment(i, func(k, from, to int) {
			kernels.Axpy(w.logits[i*d+from:i*d+to], w.y[k*d+from:k*d+to], 1)
		})
	}
	kernels.BernoulliLogProb(lp[lo:hi], w.x[lo*d:hi*d], &kernels.Bernoulli[T]{Logits: w.logits[lo*d : hi*d]}, hi-lo, d)
}

// eachSegment calls f with the segments of row i and the bits from..to that they are for.
func (w *nadeWork[T]) eachSegment(i int, f func(k, from, to int)) {
	from := 0
	for k := w.first[i]; k < w.first[i+1]; k++ {
		to := w.dim
		if k+1 < w.first[i+1] {
			to = w.bit[k+1] + 1
		}
		f(k, from, to)
		from = to
	}
}

func (w *nadeWork[T]) backward(dout, dlp, out []T, lo, hi int) {
	n, d, ld := w.units, w.dim, w.dim+w.units
	a, b := w.first[lo], w.first[hi]
	kernels.BernoulliLogProbBackward(nil, &kernels.BernoulliGrad[T]{Logits: w.dl[lo*d : hi*d]}, dlp[lo:hi], w.x[lo*d:hi*d],
		&kernels.Bernoulli[T]{Logits: w.logits[lo*d : hi*d]}, hi-lo, d)
	clear(w.dy[a*d : b*d])
	for i := lo; i < hi; i++ {
		copy(dout[i*ld:i*ld+d], w.dl[i*d:])
		w.eachSegment(i, func(k, from, to int) { copy(w.dy[k*d+from:k*d+to], w.dl[i*d+from:]) })
	}
	da := w.da[a*n : b*n]
	w.out.InputGrad(da, w.dy[a*d:b*d], b-a, 0, n, false)
	kernels.SigmoidBackward(da, da, w.s[a*n:b*n])
	for i := lo; i < hi; i++ {
		for k := w.first[i+1] - 2; k >= w.first[i]; k-- {
			kernels.Axpy(w.da[k*n:(k+1)*n], w.da[(k+1)*n:(k+2)*n], 1)
		}
		copy(dout[i*ld+d:(i+1)*ld], w.da[w.first[i]*n:])
	}
}

func (w *nadeWork[T]) paramGrad(grad likelihood[T], i, parts int) {
	g, n := grad.(*nade[T]), w.units
	lo, hi := share(w.dim, i, parts)
	w.out.ParamGrad(g.out, w.dy, w.s, len(w.bit), 0, n, lo, hi)
	for row := range len(w.first) - 1 {
		for k := w.first[row]; k < w.first[row+1]; k++ {
			if j := w.bit[k]; lo <= j && j < hi {
				kernels.Axpy(g.in.v[j*n:(j+1)*n], w.da[k*n:(k+1)*n], w.x[row*w.dim+j])
			}
		}
	}
}
