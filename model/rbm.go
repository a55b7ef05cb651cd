package model

import (
	"fmt"
	"sort"

	"github.com/elbow-go/elbow/blas"
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/kernels"
)

// RBM is the restricted Boltzmann machine: bits that depend on each other through hidden ones,
// [b D | c Config.Units].
//
//	p(x) = exp(-F(x)) / Z     -F(x) = b·x + Σ_k ln(1 + exp(c_k + W_k·x))     Z = Σ_x exp(-F(x))
//
// The model gives the biases b and c of every step, W is a parameter of the likelihood. With
// [ModelRNN], the only model that it is for, it is the RNN-RBM.
//
// Nobody can compute Z, so there are three measures. Training descends the contrastive divergence
// F(x) - F(v), where v is what Config.Gibbs steps of a Gibbs chain make of x and stands still: its
// gradient is that of CD-k. After each epoch the valid split has a pseudo-likelihood, Σ_j
// ln p(x_j | all other bits), which is exact and takes no draws. The log-likelihood itself is
// estimated on request, see [Annealing].
//
// Draws are made by a chain of Config.Gibbs steps from no bit set, the mean by as many steps in
// which probabilities take the place of bits (mean field).
//
// Sources: Hinton 2002; Boulanger-Lewandowski et al. 2012.
const RBM = "rbm"

type rbm[T cell.Float] struct {
	plain[T]
	units, gibbs int
	w            *vector[T] // W [units, D]
}

// fieldGibbs is of an RBM; its default is that of Boulanger-Lewandowski's own tutorial.
var fieldGibbs = number("gibbs", func(c *Config) *int { return &c.Gibbs }, 15, 1, maxSize)

func newRBM[T cell.Float](c Config) likelihood[T] { return &rbm[T]{units: c.Units, gibbs: c.Gibbs} }

func (l *rbm[T]) slots(dim int) []slot[T] {
	return []slot[T]{{name: "rbm", place: &l.w, in: dim, out: l.units}}
}

func (*rbm[T]) value(_ int, v float32) error {
	if v == 0 || v == 1 {
		return nil
	}
	return fmt.Errorf("%v cannot be the outcome of an rbm, want 0 or 1", v)
}

func (l *rbm[T]) heads(dim int) []int { return []int{dim, l.units} }

// initBias: b as in bernoulli, c at 0.
func (l *rbm[T]) initBias(b []T, stats Stats) { bernoulli[T]{}.initBias(b[:len(stats.Mean)], stats) }

func (l *rbm[T]) work() worker[T] { return &rbmWork[T]{rbm: l} }

func (l *rbm[T]) sample(x, out []T, noise kernels.Noise, step, row0 uint32, rows, dim int) {
	w := &rbmWork[T]{rbm: l}
	w.begin(run[T]{shape: oneStep(rows), dim: dim, noise: noise, step: step, row0: int(row0)})
	n := min(rows, gibbsRows)
	p, h, y := make([]T, n*l.units), make([]T, n*l.units), make([]T, n*dim)
	for lo := 0; lo < rows; lo += n {
		hi := min(lo+n, rows)
		clear(x[lo*dim : hi*dim])
		p := p[:(hi-lo)*l.units]
		w.hidden(p, x[lo*dim:], out, lo, hi)
		kernels.Sigmoid(p, p)
		w.chain(x[lo*dim:hi*dim], p, h, y, out, lo, hi)
	}
}

func (l *rbm[T]) mean(x, out []T, rows, dim int) {
	w := &rbmWork[T]{rbm: l}
	w.begin(run[T]{shape: oneStep(rows), dim: dim})
	h := make([]T, rows*l.units)
	x = x[:rows*dim]
	clear(x)
	for range l.gibbs {
		w.hidden(h, x, out, 0, rows)
		kernels.Sigmoid(h, h)
		w.visible(x, h, out, 0, rows)
		kernels.Sigmoid(x, x)
	}
}

// channels adds the biases that the model gives.
func (l *rbm[T]) channels(add func(name string, values []T), out []T, rows, dim int) {
	add("theta_bias", out[:rows*(dim+l.units)])
}

// gibbsRows is how many rows a goroutine takes through a chain before the next ones: so many that
// products are quick, and so few that all of it stays in the cache.
const gibbsRows = 64

// rbmWork is an RBM over the rows of a batch.
type rbmWork[T cell.Float] struct {
	*rbm[T]
	run[T]

	toHidden, toVisible blas.Packed[T] // Wᵀ [D, units] and W [units, D]

	zero []T       // outcomes for kernels that then sum -ln(1 + exp(a)); never written to
	wt   []T       // Wᵀ [D, units], for the pseudo-likelihood
	free spares[T] // what a goroutine needs for some rows

	// Of every row: the end of its chain [D], and the probabilities of hidden bits given the data
	// and given that [units], which become gradients.
	v, s, sv []T

	annealed
}

// inHand: all neighbours of a row, or chains of annealed importance sampling; and zeros.
func (l *rbm[T]) inHand(dim int, a Annealing) int {
	if a.Runs > 0 {
		return annealRows(a.Runs) * (3*dim + 4*l.units)
	}
	return dim * (dim + 2*l.units)
}

// rowValues: in training the end of a chain, and both gradients of hidden bits.
func (l *rbm[T]) rowValues(x []float32, training bool) int {
	if !training {
		return 0
	}
	return len(x) + 2*l.units
}

func (w *rbmWork[T]) begin(r run[T]) {
	w.run = r
	n, d, rows := w.units, w.dim, r.shape.Rows()
	w.toHidden.Pack(blas.Trans, d, n, w.w.v, d)
	w.toVisible.Pack(blas.NoTrans, n, d, w.w.v, d)
	if most := max(gibbsRows, annealRows(r.anneal.Runs), d) * max(n, d); len(w.zero) < most {
		w.zero = make([]T, most)
	}
	switch {
	case r.training:
		w.noise.Stream = streamGibbs
		w.v, w.s, w.sv = pages.Grow(w.v, rows*d), pages.Grow(w.s, rows*n), pages.Grow(w.sv, rows*n)
	case r.anneal.Runs > 0:
		w.noise.Stream = streamAnneal
		w.beginAnneal(rows)
	default:
		w.wt = pages.Grow(w.wt, d*n)
		for j := range d {
			for k := range n {
				w.wt[j*n+k] = w.w.v[k*d+j]
			}
		}
	}
}

func (w *rbmWork[T]) beginBackward() {}

// mark says what the terms of the batch are.
func (w *rbmWork[T]) mark(t Totals) Totals {
	switch {
	case w.training:
		t.Measure = MeasureCD
	case w.anneal.Runs > 0:
		t.Measure = MeasureAnnealed
		for _, v := range w.variance {
			t.Variance += v
		}
	default:
		t.Measure = MeasurePseudo
	}
	return t
}

func (w *rbmWork[T]) logProb(lp, out []T, lo, hi int) {
	for next := lo; lo < hi; lo = next {
		next = min(lo+gibbsRows, hi)
		switch {
		case w.training:
			w.contrast(lp[lo:next], out, lo, next)
		case w.anneal.Runs > 0:
			t := w.stepOf(lo)
			off, n := w.shape.Step(t)
			next = min(lo+max(annealRows(w.anneal.Runs)/w.anneal.Runs, 1), off+n, hi)
			w.annealedLogProb(lp[lo:next], out, t, lo, next)
		default:
			w.pseudo(lp[lo:next], out, lo, next)
		}
	}
}

// contrast computes F(v) - F(x) of the rows lo..hi. What is said of a chain to be of some rows
// begins with the first of them.
func (w *rbmWork[T]) contrast(lp, out []T, lo, hi int) {
	n, d, rows := w.units, w.dim, hi-lo
	spare := w.free.get(rows * (n + d + 1))
	mem := *spare
	h, y, end := mem[:rows*n], mem[rows*n:rows*(n+d)], mem[rows*(n+d):]
	x, v, s, sv := w.x[lo*d:hi*d], w.v[lo*d:hi*d], w.s[lo*n:hi*n], w.sv[lo*n:hi*n]
	w.hidden(s, x, out, lo, hi)
	w.mass(lp, x, s, out, lo, hi)
	kernels.Sigmoid(s, s)
	copy(sv, s)
	w.chain(v, sv, h, y, out, lo, hi)
	w.mass(end, v, sv, out, lo, hi)
	kernels.Sigmoid(sv, sv)
	kernels.Axpy(lp, end, -1)
	w.free.Put(spare)
}

// chain takes the rows lo..hi through all Gibbs steps. It begins with p, the probabilities of the
// hidden bits; it leaves the visible ones in v and in p what the logits of hidden bits are then.
func (w *rbmWork[T]) chain(v, p, h, y, out []T, lo, hi int) {
	n, d, draws := w.units, w.dim, 2*uint32(w.gibbs)
	h, y = h[:(hi-lo)*n], y[:(hi-lo)*d]
	for k := uint32(0); k < draws; k += 2 {
		if k > 0 {
			kernels.Sigmoid(p, p)
		}
		w.uniforms(h, lo, hi, n, k, draws)
		decide(h, p)
		w.visible(y, h, out, lo, hi)
		kernels.Sigmoid(y, y)
		w.uniforms(v, lo, hi, d, k+1, draws)
		decide(v, y)
		w.hidden(p, v, out, lo, hi)
	}
}

// decide sets a bit where its uniform number u is below the probability p.
func decide[T cell.Float](u, p []T) {
	p = p[:len(u)]
	for i := range u {
		n := int32(0) // an integer takes no branch
		if u[i] < p[i] {
			n = 1
		}
		u[i] = T(n)
	}
}

// stepOf returns the time step of a row.
func (w *rbmWork[T]) stepOf(row int) int {
	return sort.Search(w.shape.Steps(), func(t int) bool {
		off, n := w.shape.Step(t)
		return off+n > row
	})
}

// uniforms writes numbers k of the draws that every row makes.
func (w *rbmWork[T]) uniforms(u []T, lo, hi, cols int, k, draws uint32) {
	for t, at := w.stepOf(lo), lo; at < hi; t++ {
		off, n := w.shape.Step(t)
		end := min(off+n, hi)
		kernels.Uniforms(u[(at-lo)*cols:], w.noise, (w.step+uint32(t))*draws+k, uint32(w.row0+at-off), end-at, cols)
		at = end
	}
}

// hidden computes the logits c + W v of the hidden bits of the rows lo..hi.
func (w *rbmWork[T]) hidden(a, v, out []T, lo, hi int) {
	n, d := w.units, w.dim
	for i := lo; i < hi; i++ {
		copy(a[(i-lo)*n:(i-lo+1)*n], out[i*(n+d)+d:])
	}
	blas.GemmPacked(hi-lo, 0, d, 0, n, v, d, &w.toHidden, 1, a, n)
}

// visible computes the logits b + Wᵀ h of the visible ones.
func (w *rbmWork[T]) visible(a, h, out []T, lo, hi int) {
	n, d := w.units, w.dim
	for i := lo; i < hi; i++ {
		copy(a[(i-lo)*d:(i-lo+1)*d], out[i*(n+d):])
	}
	blas.GemmPacked(hi-lo, 0, n, 0, d, h, n, &w.toVisible, 1, a, d)
}

// mass computes -F(v) from the logits a of the hidden bits.
func (w *rbmWork[T]) mass(lp, v, a, out []T, lo, hi int) {
	n, d := w.units, w.dim
	kernels.BernoulliLogProb(lp, w.zero, &kernels.Bernoulli[T]{Logits: a}, hi-lo, n)
	for i := range lp[:hi-lo] {
		lp[i] = T(dot(out[(lo+i)*(n+d):][:d], v[i*d:]) - float64(lp[i]))
	}
}

// dot returns the scalar product of numbers and bits, which is not rounded before the sum.
func dot[T cell.Float](a, bits []T) float64 {
	sum := 0.0
	for i, b := range bits[:len(a)] {
		sum += float64(a[i] * b)
	}
	return sum
}

// pseudo computes the pseudo-likelihood Σ_j ln s(F(x but for bit j) - F(x)) of the rows lo..hi.
func (w *rbmWork[T]) pseudo(lp, out []T, lo, hi int) {
	n, d, rows := w.units, w.dim, hi-lo
	spare := w.free.get(rows*n + d*n + d)
	mem := *spare
	as, flipped, logits := mem[:rows*n], mem[rows*n:rows*n+d*n], mem[rows*n+d*n:]
	w.hidden(as, w.x[lo*d:], out, lo, hi)
	kernels.BernoulliLogProb(lp, w.zero, &kernels.Bernoulli[T]{Logits: as}, rows, n)
	for i := range rows {
		x, a := w.x[(lo+i)*d:(lo+i+1)*d], as[i*n:(i+1)*n]
		for j, v := range x {
			to := flipped[j*n : (j+1)*n]
			copy(to, a)
			kernels.Axpy(to, w.wt[j*n:(j+1)*n], 1-2*v)
		}
		kernels.BernoulliLogProb(logits, w.zero, &kernels.Bernoulli[T]{Logits: flipped}, d, n)
		for j, v := range x { // of the other value of the bit
			b := out[(lo+i)*(n+d)+j]
			if v != 0 {
				b = -b
			}
			logits[j] = (lp[i] - logits[j]) + b
		}
		kernels.BernoulliLogProb(lp[i:i+1], w.zero, &kernels.Bernoulli[T]{Logits: logits}, 1, d)
	}
	w.free.Put(spare)
}

// backward: with respect to c the gradient of -F is s(c + W v), to b it is v, to W the product of both.
func (w *rbmWork[T]) backward(dout, dlp, _ []T, lo, hi int) {
	n, d := w.units, w.dim
	for i := lo; i < hi; i++ {
		db, dc := dout[i*(n+d):][:d], dout[i*(n+d)+d:][:n]
		s, sv := w.s[i*n:(i+1)*n], w.sv[i*n:(i+1)*n]
		copy(db, w.x[i*d:])
		kernels.Axpy(db, w.v[i*d:(i+1)*d], -1)
		kernels.Scal(db, db, dlp[i])
		kernels.Scal(s, s, dlp[i])
		kernels.Scal(sv, sv, -dlp[i])
		copy(dc, s)
		kernels.Axpy(dc, sv, 1)
	}
}

func (w *rbmWork[T]) paramGrad(grad likelihood[T], i, parts int) {
	n, d, rows := w.units, w.dim, w.shape.Rows()
	lo, hi := share(n, i, parts)
	if lo == hi || rows == 0 {
		return
	}
	g := grad.(*rbm[T]).w.v[lo*d : hi*d]
	blas.Gemm(blas.Trans, blas.NoTrans, hi-lo, d, rows, 1, w.s[lo:], n, w.x, d, 1, g, d)
	blas.Gemm(blas.Trans, blas.NoTrans, hi-lo, d, rows, 1, w.sv[lo:], n, w.v, d, 1, g, d)
}
