package model

import (
	"math"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/f64"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/kernels"
)

// ImputeConfig says how missing values are filled in.
type ImputeConfig struct {
	Draws   int       // particles, of which each is a way in which the signal may have gone; at least 2
	Lag     int       // how many later steps have a say in a value
	Levels  []float64 // of the quantiles
	Seed    uint64
	Threads int
}

// Imputation is a sequence whose missing values are filled in.
type Imputation struct {
	Mean      []float32   // [steps, Data]: the values that are there, and means of the draws of the others
	Quantiles [][]float32 // likewise, for each level; of a value that is there, the value
	Missing   []bool      // [steps, Data]
}

// Impute fills in the missing values, NaN, of a sequence. It follows the sequence with a particle filter:
// every draw k has a state of the model and of every missing value a draw from what the model
// expects there, and counts by how well the model then expects what is there,
//
//	w_k = Π_s p(x_s | z_s, ...) p(z_s) / q(z_s)
//
// with the product over the steps up to Lag later, so that a value is seen from both sides. Where
// less than half of the draws count, they are drawn anew by their weights. A [VAE], whose steps do not
// know of each other, has the step alone, a [VRAE] the whole sequence at once. It panics if c is out of range or the model cannot do with missing
// values, whether q has any or not; [CheckMissing] reports that of a sequence that has.
//
// Source: Gordon, Salmond and Smith 1993; Kitagawa 1996 (fixed lag).
func Impute(m Model[float32], q Sequence, c ImputeConfig) Imputation {
	const fn = "Impute"
	checkThere(fn, "m", m != nil)
	checkSize(fn, "c.Draws", c.Draws, 2, maxBatch)
	checkSize(fn, "c.Lag", c.Lag, 0, cell.MaxRows)
	checkThreads(fn, c.Threads)
	s := m.Settings()
	checkSequences(fn, []Sequence{q}, s)
	if err := partsOf(m).masks(); err != nil {
		panic("model: " + fn + ": " + err.Error())
	}
	f := newImputer(m, q, c)
	steps := q.Steps(s.Data)
	if takesWhole(m) && steps > 0 {
		f.step(0, steps)
		f.settle()
		return f.Imputation
	}
	for t := range steps {
		f.step(t, t+1)
		if t >= f.Lag {
			f.settle()
		}
	}
	for len(f.past) > 0 {
		f.settle()
	}
	return f.Imputation
}

// imputer is Impute at work.
type imputer struct {
	ImputeConfig
	Imputation
	model Model[float32]
	pass  Pass[float32]
	fill  *filling[float32] // of the pass
	seq   []Sequence
	dim   int

	batch Batch[float32]
	h, c  []float32
	logW  []float64
	past  []guesses // of the steps that are not settled yet
}

// newImputer returns one for a sequence.
func newImputer(m Model[float32], q Sequence, c ImputeConfig) *imputer {
	s := m.Settings()
	f := &imputer{ImputeConfig: c, model: m, pass: m.NewPass(max(c.Threads, 1)), seq: []Sequence{q}, dim: s.Data}
	f.fill = f.pass.(interface{ filling() *filling[float32] }).filling()
	f.fill.draw = true
	if m.State() == 0 {
		f.Lag = 0
	}
	x := q.Values(s.Data)
	f.Mean, f.Missing = x, make([]bool, len(x))
	for range c.Levels {
		f.Quantiles = append(f.Quantiles, q.Values(s.Data))
	}
	for i, v := range x {
		f.Missing[i] = v != v
	}
	f.logW = make([]float64, c.Draws)
	return f
}

// guesses are the draws of the missing values of a step, [Draws, len(at)].
type guesses struct {
	at []int // in Mean
	x  []float32
}

// step goes on by the steps t..to.
func (f *imputer) step(t, to int) {
	b, n := &f.batch, f.Draws
	one := f.seq[0].Slice(t, to, f.dim)
	segment(b, []Sequence{one}, []int{0}, f.model.Settings(), 0, 0, n, 0)
	b.Noise, b.Step0 = kernels.Noise{Seed: f.Seed, Stream: streamEval}, t
	f.pass.Forward(b, Objective{KLWeight: 1, Sampled: f.model.Settings().Latent > 0}, false)
	for i, w := range f.pass.LogWeights() {
		f.logW[i] += w
	}
	if s := f.model.State(); s > 0 {
		f.h, f.c = pages.Grow(f.h, n*s), pages.Grow(f.c, n*s)
		f.pass.Final(f.h, f.c)
		b.H, b.C = f.h, f.c
	}
	var g guesses
	for at := t * f.dim; at < to*f.dim; at++ {
		if f.Missing[at] {
			g.at = append(g.at, at)
		}
	}
	for i := range n {
		for _, at := range g.at {
			row := b.Shape.Row(at/f.dim-t, i)
			g.x = append(g.x, f.fill.x[row*f.dim+at%f.dim])
		}
	}
	f.past = append(f.past, g)
	if f.Lag > 0 {
		f.renew(t)
	}
}

// weights returns the normalised weights, and how many draws count.
func (f *imputer) weights() (w []float64, count float64) {
	most, sum, squares := math.Inf(-1), 0.0, 0.0
	for _, v := range f.logW {
		most = max(most, v)
	}
	w = make([]float64, len(f.logW))
	for i, v := range f.logW {
		if w[i] = 1; !math.IsInf(most, 0) && most == most {
			w[i] = f64.Exp(v - most)
		}
		sum += w[i]
	}
	for i := range w {
		w[i] /= sum
		squares += float64(w[i] * w[i])
	}
	return w, 1 / squares
}

// chosen returns as many draws as there are, each as often as its weight says, of step t. Systematic
// resampling: one random number for all of them.
func (f *imputer) chosen(w []float64, t int) (list []int) {
	var u [1]float32
	kernels.Uniforms(u[:], kernels.Noise{Seed: f.Seed, Stream: streamChoice}, uint32(t), 0, 1, 1)
	n := len(w)
	sum, at := w[0], 0
	for i := range n {
		for at < n-1 && (float64(i)+float64(u[0]))/float64(n) >= sum {
			at++
			sum += w[at]
		}
		list = append(list, at)
	}
	return list
}

// renew draws the particles anew once too few of them count.
func (f *imputer) renew(t int) {
	w, count := f.weights()
	if count >= float64(f.Draws)/2 {
		return
	}
	from := f.chosen(w, t)
	f.batch.H, f.batch.C = take(f.h, from), take(f.c, from)
	for i := range f.past {
		f.past[i].x = take(f.past[i].x, from)
	}
	clear(f.logW)
}

// take returns rows of x, of which there are as many as there are in the list.
func take(x []float32, rows []int) (y []float32) {
	n := len(x) / len(rows)
	y = make([]float32, 0, len(x))
	for _, i := range rows {
		y = append(y, x[i*n:(i+1)*n]...)
	}
	return y
}

// settle fills in the oldest step.
func (f *imputer) settle() {
	g := f.past[0]
	f.past = f.past[1:]
	if len(g.at) > 0 {
		w, _ := f.weights()
		mean, quantiles := Quantiles(take(g.x, f.chosen(w, g.at[0]/f.dim)), f.Draws, f.Levels)
		for i, at := range g.at {
			f.Mean[at] = mean[i]
			for l := range quantiles {
				f.Quantiles[l][at] = quantiles[l][i]
			}
		}
	}
	if f.Lag == 0 {
		clear(f.logW)
	}
}
