package model

import (
	"github.com/elbow-go/elbow/dist"
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

// EvaluateOn is [Evaluate] by all ranks of comm. Each scores neighbouring batches, however many shards there
// are, and all return the same score, to the last bit that of one process. All of them make the same call; the error
// is that another one is gone.
func EvaluateOn(comm *dist.Comm, m Model[float32], seqs []Sequence, c EvalConfig) (Score, error) {
	if comm.Size() == 1 {
		return Evaluate(m, seqs, c), nil
	}
	const fn = "EvaluateOn"
	checkThere(fn, "m", m != nil)
	c.check(fn)
	checkSequences(fn, seqs, m.Settings())
	s := newShards(m, c.Shards, 1, nil)
	scored := s.scored(seqs)
	t := c.summing(m, m.NewPass(max(c.Threads, 1)), seqs)
	type part struct {
		shard, rest int
		batch       []int
	}
	var parts []part
	for i := range s.sums {
		rest := s.bounds[i+1]
		for _, batch := range cut(scored(i), t.size) {
			rest -= len(batch)
			parts = append(parts, part{i, rest, batch})
		}
	}
	bounds := make([]int, comm.Size()+1)
	divide(bounds, len(parts), func(i int) (steps int) {
		for _, q := range parts[i].batch {
			steps += seqs[q].Steps(m.Settings().Data)
		}
		return steps
	})
	own := make([][]Totals, 0, len(parts))
	for _, p := range parts[bounds[comm.Rank()]:bounds[comm.Rank()+1]] {
		var terms []Totals
		t.terms(p.batch, p.rest, func(term Totals) { terms = append(terms, term) })
		own = append(own, terms)
	}
	all, err := gathered(comm, own)
	if err != nil {
		return Score{}, err
	}
	for i, terms := range all { // in the order of one process
		for _, term := range terms {
			s.sums[parts[i].shard].Totals.Add(term)
		}
	}
	sum, err := s.sum(false)
	return c.score(m, sum.Totals), err
}

// summing adds up the scores of sequences.
type summing struct {
	EvalConfig
	scorer
	k           int // draws per sequence
	size, draws int // sequences, and draws of each of them, that a pass takes
	logW        []float64
}

func (c EvalConfig) summing(m Model[float32], p Pass[float32], seqs []Sequence) *summing {
	b := &Batch[float32]{Noise: kernels.Noise{Seed: c.Seed, Stream: streamEval}}
	t := &summing{EvalConfig: c, scorer: scorer{m: m, pass: p, seqs: seqs, batch: b, anneal: c.Anneal}, k: c.drawn(m)}
	t.size, t.draws = c.split(t.k)
	return t
}

// drawn returns how many draws of a sequence there are.
func (c EvalConfig) drawn(m Model[float32]) int {
	if m.Settings().Latent == 0 {
		return 1
	}
	return max(c.Samples, 1)
}

// score returns the score of all sequences.
func (c EvalConfig) score(m Model[float32], sum Totals) Score {
	score := sum.Score(m.Settings().Latent == 0)
	if k := c.drawn(m); k > 1 {
		score.Samples = k
	}
	return score
}

// total scores the sequences in the given order, shortest first. rest counts them from the end of all
// sequences.
func (t *summing) total(order []int, rest int) (sum Totals) {
	for _, batch := range cut(order, t.size) {
		rest -= len(batch)
		t.terms(batch, rest, sum.Add)
	}
	return sum
}

// terms scores some sequences, after which there are rest, and calls add with what is to be added up.
func (t *summing) terms(batch []int, rest int, add func(Totals)) {
	t.logW = t.logW[:0]
	for done := 0; done < t.k; done += t.draws {
		n := min(t.draws, t.k-done)
		t.batch.Row0 = noiseRow(rest*t.k+done, len(batch)*n) // batches of any size give a sequence the same rows
		sum, weights := t.sequences(batch, n, rest, t.k > 1)
		if t.k == 1 {
			add(sum)
			continue
		}
		if done > 0 {
			sum.Steps, sum.Sequences, sum.Missing = 0, 0, 0
		}
		part := float64(n) / float64(t.k)
		sum.LogProb, sum.KL = float64(sum.LogProb*part), float64(sum.KL*part)
		sum.Gain = -(sum.LogProb - sum.KL)
		add(sum)
		t.logW = append(t.logW, weights...)
	}
	if t.k > 1 {
		add(Totals{Gain: importance(t.logW, t.k)})
	}
}

// scorer scores sequences in parts of evalSteps.
type scorer struct {
	m      Model[float32]
	pass   Pass[float32]
	seqs   []Sequence
	batch  *Batch[float32]
	each   func() // is called after every pass
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
