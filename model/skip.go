package model

import (
	"fmt"
	"math"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/kernels"
)

// maxSkip bounds how many steps a linear skip may look back, and how many numbers those may be.
const (
	maxSkip        = 64
	maxSkipNumbers = 4096
)

// startable is a likelihood whose first outputs are the mean of x, and whose outputs can be chosen for a
// mean and a covariance. A skip is for those alone.
type startable[T cell.Float] interface {
	start(out []T, mean, cov []float64)
}

// fieldSkip comes after the likelihood.
func fieldSkip(r *Config, c Config) error {
	if _, ok := newLikelihood[float32](*r).(startable[float32]); !ok || c.Skip == 0 {
		return nil
	}
	r.Skip = c.Skip
	if err := inRange("skip", c.Skip, 0, maxSkip); err != nil {
		return err
	}
	if n := c.Skip * r.Data; n > maxSkipNumbers {
		return fmt.Errorf("model: skip = %d steps of %d dimensions: want at most %d numbers", c.Skip, r.Data, maxSkipNumbers)
	}
	return nil
}

// skipIn returns how many numbers a skip sees: the lags, and whether a sequence begins.
func (c Config) skipIn() int {
	if c.Skip == 0 {
		return 0
	}
	return c.Skip*c.Data + 1
}

// residuals returns how many numbers a posterior sees of what a skip does not foresee.
func (c Config) residuals() int {
	if c.Skip == 0 {
		return 0
	}
	return c.Data
}

// skip is the linear part of the outputs at work.
//
//	out_t += S [x_{t-1} - mean | x_{t-1} - x_{t-2} | x_{t-2} - x_{t-3} | ... | first]
//
// Before its first step a sequence stands still, and the first of these is 0 there. The columns of a state
// have the same numbers as they are for the next step, with 1 where the sequence has begun. Outputs other
// than the means have a linear part in first steps alone.
type skip[T cell.Float] struct {
	net[T]
	m    *base[T]
	from int // the first of its columns of the states
	x    []T // what it sees, missing values filled in
	u    []T // [rows, skipIn]

	// What the means of the linear part leave of x, r = x - mean - S [...], and its gradient, [rows, Data]: of a
	// model with latent variables, whose posterior sees it.
	r, dr []T
}

func newSkip[T cell.Float](m *base[T], mlp *cell.MLP[T]) skip[T] {
	return skip[T]{net: net[T]{mlp: mlp}, m: m, from: m.state - m.skipIn()}
}

// begin prepares for the batch of a pass.
func (s *skip[T]) begin(p *passBase[T]) {
	if s.mlp == nil {
		return
	}
	rows := p.shape.Rows()
	beginNets(rows, &s.net)
	s.x, s.u = p.x, pages.Grow(s.u, rows*s.m.skipIn())
	if s.m.Latent > 0 {
		s.r = pages.Grow(s.r, rows*s.m.Data)
	}
	if p.mask != nil {
		return // step by step
	}
	for t := range p.shape.Steps() {
		s.see(p.batch, t, 0, p.shape.Batch())
	}
}

// see makes the rows of step t of the sequences b0..b1, whose steps before are known.
func (s *skip[T]) see(b *Batch[T], t, b0, b1 int) {
	if s.mlp == nil {
		return
	}
	d, in := s.m.Data, s.m.skipIn()
	off, n := b.Shape.Step(t)
	for i := b0; i < min(n, b1); i++ {
		u := s.u[(off+i)*in:][:in]
		if t == 0 {
			s.first(u, b.H, i)
			continue
		}
		before, _ := b.Shape.Step(t - 1)
		s.next(u, s.u[(before+i)*in:], s.x[(before+i)*d:])
	}
}

// first makes the row of the first step of sequence i of its state.
func (s *skip[T]) first(u, h []T, i int) {
	clear(u)
	if h != nil {
		copy(u, h[i*s.m.state+s.from:])
	}
	u[len(u)-1] = 1 - u[len(u)-1]
}

// resume begins to draw so many sequences from states.
func (s *skip[T]) resume(h []T, count int) {
	if s.mlp == nil {
		return
	}
	in := s.m.skipIn()
	s.u = make([]T, count*in)
	for i := range count {
		s.first(s.u[i*in:(i+1)*in], h, i)
	}
}

// saw has the next step know the last one, x, of each of the sequences that are drawn.
func (s *skip[T]) saw(x []T, count int) {
	if s.mlp == nil {
		return
	}
	d, in := s.m.Data, s.m.skipIn()
	for i := range count {
		u := s.u[i*in : (i+1)*in]
		s.next(u, u, x[i*d:(i+1)*d])
	}
}

// next makes the row u of the one before it, which may be the same, and the step x.
func (s *skip[T]) next(u, before, x []T) {
	d, n := s.m.Data, len(u)-1
	begun := before[n] == 0
	copy(u[d:n], before[:n-d]) // x_{t-1} where its difference comes
	copy(u[:d], x)
	kernels.Axpy(u[:d], s.m.Mean, -1)
	switch {
	case !begun:
		clear(u[d:n])
	case n > d:
		kernels.Scal(u[d:2*d], u[d:2*d], -1)
		kernels.Axpy(u[d:2*d], u[:d], 1)
	}
	u[n] = 0
}

// residuals computes r of the rows lo..hi of x, whose linear outputs are known.
func (s *skip[T]) residuals(x []T, lo, hi int) {
	if s.mlp == nil {
		return
	}
	for i, d, w := lo, s.m.Data, s.mlp.Out(); i < hi; i++ {
		r := s.r[i*d : (i+1)*d]
		copy(r, x[i*d:])
		kernels.Axpy(r, s.m.Mean, -1)
		kernels.Axpy(r, s.Y[i*w:i*w+d], -1)
	}
}

// residualsBackward adds the gradient that the linear outputs have as part of r, the last input of the
// posterior.
func (s *skip[T]) residualsBackward(posterior *net[T], lo, hi int) {
	if s.mlp == nil || lo == hi {
		return
	}
	in := posterior.mlp.In()
	posterior.inputGrad(s.dr, lo, hi, in-s.m.Data, in, false)
	for i, d, w := lo, s.m.Data, s.mlp.Out(); i < hi; i++ {
		kernels.Axpy(s.DY[i*w:i*w+d], s.dr[i*d:(i+1)*d], -1)
	}
}

// add adds to the outputs of the rows lo..hi.
func (s *skip[T]) add(out []T, lo, hi int) {
	if s.mlp == nil {
		return
	}
	for i, w := lo, s.mlp.Out(); i < hi; i++ {
		n := s.outputs(i)
		kernels.Axpy(out[i*w:i*w+n], s.Y[i*w:i*w+n], 1)
	}
}

// outputs returns how many outputs of row i have a linear part: all of them in a first step, then the means.
func (s *skip[T]) outputs(i int) int {
	if in := s.m.skipIn(); s.u[(i+1)*in-1] == 0 {
		return s.m.Data
	}
	return s.mlp.Out()
}

// addBackward takes the gradient of those outputs.
func (s *skip[T]) addBackward(dout []T, lo, hi int) {
	if s.mlp == nil {
		return
	}
	for i, w := lo, s.mlp.Out(); i < hi; i++ {
		n := s.outputs(i)
		copy(s.DY[i*w:i*w+n], dout[i*w:])
		clear(s.DY[i*w+n : (i+1)*w])
	}
}

// beginBackward prepares for the gradients.
func (s *skip[T]) beginBackward() {
	beginNetsBackward(&s.net)
	s.dr = pages.Grow(s.dr, len(s.r))
}

// grad adds part i of parts of the gradient of the parameters.
func (s *skip[T]) grad(grad *cell.MLP[T], i, parts int) {
	if s.mlp != nil {
		s.paramGrad(grad, i, parts, s.u) // the net is linear: the gradient of its outputs is that of its pre-activations
	}
}

// final writes its columns of the states after a batch.
func (s *skip[T]) final(h, c []T, b *Batch[T]) {
	if s.mlp == nil {
		return
	}
	d, in, st := s.m.Data, s.m.skipIn(), s.m.state
	for t := range b.Shape.Steps() {
		off, n := b.Shape.Step(t)
		_, more := b.Shape.Step(t + 1)
		for i := more; i < n; i++ { // those whose last step it is
			to := h[i*st+s.from:][:in]
			s.next(to, s.u[(off+i)*in:], s.x[(off+i)*d:])
			to[in-1] = 1
			clear(c[i*st+s.from:][:in])
		}
	}
}

// startSkip sets the weights of a skip to the linear fit, where stats have one: its means, and what first
// steps have in place of the biases of the head.
func (m *base[T]) startSkip(l *cell.Dense[T], stats Stats) {
	clear(l.W)
	clear(l.B)
	like, ok := m.like.(startable[T])
	if !ok || stats.Skip == nil {
		return
	}
	n, mean := l.In, make([]float64, m.Data)
	for j := range m.Data {
		for k := range n {
			l.W[j*n+k] = T(stats.Skip[j*n+k])
		}
		mean[j] = stats.Mean[j] + stats.Skip[j*n+n-1]
	}
	begin, later := make([]T, l.Out), make([]T, l.Out)
	like.start(begin, mean, stats.First)
	like.start(later, stats.Mean, stats.Residual)
	for j := range begin {
		l.W[j*n+n-1] = begin[j] - later[j]
	}
}

// startResiduals divides the weights of the last d inputs of a layer, which are what a skip leaves of x, by the
// standard deviations of that in the training data, so that at first they count as much as inputs of size 1.
func (m *base[T]) startResiduals(l *cell.Dense[T], d int, stats Stats) {
	if d == 0 || stats.Skip == nil {
		return
	}
	for j := range d {
		scale := T(1 / math.Sqrt(stats.Residual[j*d+j]))
		for i := range l.Out {
			l.W[(i+1)*l.In-d+j] *= scale
		}
	}
}
