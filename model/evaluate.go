package model

import (
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/kernels"
)

// EvalConfig says how to score.
type EvalConfig struct {
	Batch   int    // sequences (times samples) per pass, at least 1; beyond rounding, the result does not depend on it
	Samples int    // draws per sequence; 0 and 1: the bound itself
	Seed    uint64 // of the draws
	Shards  int    // parts that are summed along a tree, see [TrainConfig]; 0 is 1
	Threads int

	Anneal Annealing // of an [RBM]; without it the score is a pseudo-likelihood
}

// passRows is how many draws of a sequence an evaluation with many of them makes at once,
// at least: the memory of a pass grows with it.
const passRows = 128

// evalSteps is how many steps a pass of an evaluation takes at most, the state carried over:
// its memory does not grow with the length of a recording or a table.
var evalSteps = 1 << 14 // a variable for tests

// Evaluate scores the sequences. With one sample of z per step it gives the variational
// bound with the KL divergence in closed form; with K the importance-weighted bound of
// Burda et al. 2016 over whole sequences, which rises with K towards the log-likelihood.
// The logarithms of the weights are summed in float64.
//
// The likelihood of an [RBM] is estimated if c.Anneal says how.
//
// The draws depend on the seed, the number of samples and a sequence's place in the order
// of lengths, not on the batch size. It panics if c is out of range or a sequence has no whole
// steps.
func Evaluate(m Model[float32], seqs []Sequence, c EvalConfig) Score {
	const fn = "Evaluate"
	checkThere(fn, "m", m != nil)
	c.check(fn)
	checkSequences(fn, seqs, m.Settings())
	score, _, _ := newShards(m, c.Shards, c.Threads, nil).evaluate(seqs, c, false)
	return score
}

// split returns how many sequences, and draws of each of them, a pass takes for k draws.
func (c EvalConfig) split(k int) (size, draws int) {
	if k == 1 {
		return c.Batch, 1
	}
	rows := max(c.Batch, passRows)
	return max(rows/k, 1), min(rows, k)
}

// noiseRow returns the first of n rows of noise. They are counted in 32 bits: an evaluation of more
// draws than that begins again, with the noise of other sequences.
func noiseRow(row, n int) int {
	if row = int(uint32(row)); uint64(row)+uint64(n) > 1<<32 {
		return 0
	}
	return row
}

// total scores the sequences in the given order, shortest first. rest counts them from the end of all
// sequences. It calls each, if not nil, after every pass.
func (c EvalConfig) total(m Model[float32], p Pass[float32], seqs []Sequence, order []int, rest, k int, each func()) Totals {
	var sum Totals
	b := Batch[float32]{Noise: kernels.Noise{Seed: c.Seed, Stream: streamEval}}
	size, draws := c.split(k)
	logW := make([]float64, 0, k)
	score := scorer{m: m, pass: p, seqs: seqs, batch: &b, each: each, anneal: c.Anneal}
	for _, batch := range cut(order, size) {
		rest -= len(batch)
		logW = logW[:0]
		for done := 0; done < k; done += draws {
			n := min(draws, k-done)
			b.Row0 = noiseRow(rest*k+done, len(batch)*n) // batches of any size give a sequence the same rows
			t, weights := score.sequences(batch, n, rest, k > 1)
			if k == 1 {
				sum.Add(t)
				continue
			}
			if done > 0 {
				t.Steps, t.Sequences, t.Missing = 0, 0, 0
			}
			part := float64(n) / float64(k)
			t.LogProb, t.KL = float64(t.LogProb*part), float64(t.KL*part)
			t.Gain = -(t.LogProb - t.KL)
			sum.Add(t)
			logW = append(logW, weights...)
		}
		if k > 1 {
			sum.Gain += importance(logW, k)
		}
	}
	return sum
}

// scorer scores sequences in parts of evalSteps.
type scorer struct {
	m      Model[float32]
	pass   Pass[float32]
	seqs   []Sequence
	batch  *Batch[float32]
	each   func()
	anneal Annealing

	h, c    []float32
	weights []float64
}

// sequences scores n draws of each sequence of a batch and returns the logarithms of their
// weights if they are sampled.
func (s *scorer) sequences(batch []int, n, row0 int, sampled bool) (sum Totals, weights []float64) {
	b, dim, steps, state := s.batch, s.m.Settings().Data, evalSteps, s.m.State()
	longest := s.seqs[batch[0]].Steps(dim)
	if state == 0 && !partsOf(s.m).apart {
		steps = 0 // it needs whole sequences
	}
	b.H, b.C, b.Noise.Update = nil, nil, 0
	s.weights = s.weights[:0]
	for from := 0; ; from += steps {
		segment(b, s.seqs, batch, s.m.Settings(), from, steps, n, row0)
		s.pass.Forward(b, Objective{KLWeight: 1, Samples: n, Sampled: sampled, Anneal: s.anneal}, false)
		if s.each != nil {
			s.each()
		}
		t := s.pass.Totals()
		if from > 0 {
			t.Sequences = 0 // counted with their first part
		}
		sum.Add(t)
		if sampled {
			for i, w := range s.pass.LogWeights() {
				if from == 0 {
					s.weights = append(s.weights, w)
				} else {
					s.weights[i] += w
				}
			}
		}
		if steps == 0 || from+steps >= longest {
			b.H, b.C, b.Noise.Update = nil, nil, 0
			return sum, s.weights
		}
		if rows := len(batch) * n * state; rows > 0 {
			s.h, s.c = pages.Grow(s.h, rows), pages.Grow(s.c, rows)
			s.pass.Final(s.h, s.c)
			b.H, b.C = s.h, s.c
		}
		b.Noise.Update++ // other draws than those of the part before
	}
}
