package model

import (
	"math"
	"slices"

	"github.com/elbow-go/elbow/blas"
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/f64"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/internal/par"
	"github.com/elbow-go/elbow/kernels"
)

// Annealing says how the partition function Z of an RBM is estimated, of every step by itself:
// annealed importance sampling. Each of Runs chains goes from bits as frequent as in the training
// data, β = 0, to the RBM, β = 1, one Gibbs step at each of Temperatures equal steps of β, on
//
//	p_β(v) ∝ exp((1-β) a·v + β b·v) Π_k (1 + exp(β (c_k + W_k·v)))     a = logit of the frequencies
//
// and has the weight w = Π p_β'(v) / p_β(v) over the pairs of neighbours, whose mean is Z / Z_0.
// The mean over the runs has no bias; its logarithm is too low by about half the relative variance
// of the mean, which makes a likelihood that much too high.
//
// The zero value estimates nothing.
//
// Sources: Neal 2001; Salakhutdinov and Murray 2008.
type Annealing struct {
	Runs         int // at least 2, for a variance
	Temperatures int
}

// DefaultAnnealing returns what the command takes: RBMs of chorales are then known to a few
// thousandths of a nat.
func DefaultAnnealing() Annealing { return Annealing{Runs: 16, Temperatures: 500} }

// check panics unless Z can be estimated so, or not at all.
func (a Annealing) check(fn, arg string) {
	const runs, temperatures = 1 << 12, 1 << 16
	if a == (Annealing{}) || 2 <= a.Runs && a.Runs <= runs && 1 <= a.Temperatures && a.Temperatures <= temperatures {
		return // without the names, which are an allocation
	}
	checkSize(fn, arg+".Runs", a.Runs, 2, runs)
	checkSize(fn, arg+".Temperatures", a.Temperatures, 1, temperatures)
}

// annealRows returns how many chains a goroutine runs at a time, at least those of one row.
func annealRows(runs int) int { return max(runs, 4*gibbsRows) }

// annealed is what an estimate has for all rows.
type annealed struct {
	start    []float64 // logits of the frequencies
	lnZ0     float64   // of independent bits that are so frequent, without hidden bits
	variance []float64 // of ln Z of every row
	sums     spares[float64]
}

// rareness bounds the frequencies: what was never seen is no impossibility.
const rareness = 1e-3

func (w *rbmWork[T]) beginAnneal(rows int) {
	w.variance = pages.Grow(w.variance, rows)
	w.start, w.lnZ0 = pages.Grow(w.start, w.dim), 0
	for j, mean := range w.means {
		p := math.Min(math.Max(float64(mean), rareness), 1-rareness)
		w.start[j] = f64.Log(p / (1 - p))
		w.lnZ0 -= f64.Log(1 - p)
	}
}

// annealChains are the chains of some rows of one step, those of a row one after the other.
type annealChains[T cell.Float] struct {
	*rbmWork[T]
	lo, rows int // of the batch
	t        uint32
	row      uint32 // of the noise

	logit, gap   []T // of every row, between independent bits and the RBM: start/β + b and so on [D]
	v, y         []T // of every chain: visible bits and their probabilities [D]
	h, a, scaled []T // hidden bits, c + W v, and β times that [units]
	lp, before   []T
	lnW          []float64
}

// annealedLogProb computes ln p of the rows lo..hi, which are of step t.
func (w *rbmWork[T]) annealedLogProb(lp, out []T, t, lo, hi int) {
	n, d, rows, runs := w.units, w.dim, hi-lo, w.anneal.Runs
	m := rows * runs
	off, _ := w.shape.Step(t)
	mem, weights := w.free.get(2*rows*d+m*(2*d+3*n+2)), w.sums.get(m)
	rest, sums := *mem, *weights
	piece := func(size int) (s []T) { s, rest = rest[:size:size], rest[size:]; return s }
	c := annealChains[T]{rbmWork: w, lo: lo, rows: rows, t: uint32(t), row: uint32(noiseRow((w.row0+lo-off)*runs, m)),
		logit: piece(rows * d), gap: piece(rows * d), v: piece(m * d), y: piece(m * d),
		h: piece(m * n), a: piece(m * n), scaled: piece(m * n), lp: piece(m), before: piece(m), lnW: sums}
	c.run(out)
	w.hidden(c.a, w.x[lo*d:], out, lo, hi)
	w.mass(lp, w.x[lo*d:], c.a, out, lo, hi)
	for i := range rows {
		mean, variance := logMean(sums[i*runs : (i+1)*runs])
		lp[i] = T(float64(lp[i]) - (w.lnZ0 + float64(float64(n)*math.Ln2) + mean))
		w.variance[lo+i] = variance
	}
	w.free.Put(mem)
	w.sums.Put(weights)
}

// logMean returns the logarithm of the mean of exp(x), and its variance to first order.
func logMean(x []float64) (mean, variance float64) {
	most, sum, squares := slices.Max(x), 0.0, 0.0
	n := float64(len(x))
	for _, v := range x {
		sum += f64.Exp(v - most)
	}
	for _, v := range x {
		e := f64.Exp(v-most)*n/sum - 1
		squares += float64(e * e)
	}
	return most + f64.Log(sum/n), squares / (n * (n - 1))
}

// run takes all chains from β = 0 to 1.
func (c *annealChains[T]) run(out []T) {
	d, runs, steps := c.dim, c.anneal.Runs, c.anneal.Temperatures
	for i := range c.rows {
		gap := c.gap[i*d : (i+1)*d]
		for j, a := range c.start {
			gap[j] = out[(c.lo+i)*(d+c.units)+j] - T(a)
		}
	}
	for j := range d { // the first draw is of the start itself
		c.y[j] = T(1 / (1 + f64.Exp(-c.start[j])))
	}
	for i := 1; i < c.rows*runs; i++ {
		copy(c.y[i*d:(i+1)*d], c.y[:d])
	}
	c.decide(c.v, c.y, d, 0)
	clear(c.lnW)
	for k := 1; k <= steps; k++ {
		was, beta := float64(k-1)/float64(steps), float64(k)/float64(steps)
		c.weigh(out, was, beta)
		if k < steps {
			c.move(out, beta, uint32(k))
		}
	}
}

// weigh multiplies the weights by what the chains gain as β goes from was to beta.
func (c *annealChains[T]) weigh(out []T, was, beta float64) {
	n, d, runs := c.units, c.dim, c.anneal.Runs
	m := c.rows * runs
	for i := range m {
		copy(c.a[i*n:(i+1)*n], out[(c.lo+i/runs)*(n+d)+d:])
	}
	blas.GemmPacked(m, 0, d, 0, n, c.v, d, &c.toHidden, 1, c.a, n)
	kernels.Scal(c.scaled, c.a, T(was))
	kernels.BernoulliLogProb(c.before, c.zero, &kernels.Bernoulli[T]{Logits: c.scaled}, m, n)
	kernels.Scal(c.scaled, c.a, T(beta))
	kernels.BernoulliLogProb(c.lp, c.zero, &kernels.Bernoulli[T]{Logits: c.scaled}, m, n)
	for i := range c.lnW {
		row := i / runs
		visible := float64((beta - was) * dot(c.gap[row*d:(row+1)*d], c.v[i*d:]))
		c.lnW[i] += visible + (float64(c.before[i]) - float64(c.lp[i]))
	}
}

// move takes Gibbs step k, at beta, from the hidden logits that weigh has left.
func (c *annealChains[T]) move(out []T, beta float64, k uint32) {
	n, d, runs := c.units, c.dim, c.anneal.Runs
	m := c.rows * runs
	kernels.Sigmoid(c.scaled, c.scaled)
	c.decide(c.h, c.scaled, n, 2*k)
	for i := range c.rows {
		logit := c.logit[i*d : (i+1)*d]
		copy(logit, out[(c.lo+i)*(n+d):])
		for j, a := range c.start { // β times it is the logit of a bit without hidden ones
			logit[j] += T((1 - beta) / beta * a)
		}
	}
	for i := range m {
		copy(c.y[i*d:(i+1)*d], c.logit[i/runs*d:])
	}
	blas.GemmPacked(m, 0, n, 0, d, c.h, n, &c.toVisible, 1, c.y, d)
	kernels.Scal(c.y, c.y, T(beta))
	kernels.Sigmoid(c.y, c.y)
	c.decide(c.v, c.y, d, 2*k+1)
}

// decide draws bits of all chains, cols of each, by their probabilities: numbers k of its draws.
func (c *annealChains[T]) decide(bits, p []T, cols int, k uint32) {
	draws := 2 * uint32(c.anneal.Temperatures)
	kernels.Uniforms(bits, c.noise, (c.step+c.t)*draws+k, c.row, c.rows*c.anneal.Runs, cols)
	decide(bits, p)
}

// spares are slices for goroutines.
type spares[E any] struct{ par.Spares[[]E] }

// get returns one of at least n elements, which goes back with Put.
func (s *spares[E]) get(n int) *[]E {
	mem := s.Get()
	*mem = pages.Grow(*mem, n)
	return mem
}
