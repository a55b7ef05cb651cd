package model

import "github.com/elbow-go/elbow/kernels"

// EvalConfig says how to score.
type EvalConfig struct {
	Batch   int    // sequences (times samples) per pass, at least 1; the result does not depend on it
	Samples int    // draws per sequence; 0 and 1: the bound itself
	Seed    uint64 // of the draws
	Threads int
}

// passRows is how many draws of a sequence an evaluation with many of them makes at once,
// at least: the memory of a pass grows with it.
const passRows = 128

// Evaluate scores the sequences. With one sample of z per step it gives the variational
// bound with the KL divergence in closed form; with K the importance-weighted bound of
// Burda et al. 2016 over whole sequences, which rises with K towards the log-likelihood.
// The logarithms of the weights are summed in float64.
//
// The draws depend on the seed, the number of samples and a sequence's place in the order
// of lengths, not on the batch size.
func Evaluate(m Model[float32], seqs []Sequence, c EvalConfig) Score {
	return evaluate(m, m.NewPass(c.Threads), seqs, c, nil)
}

// evaluate calls each, if not nil, after every pass.
func evaluate(m Model[float32], p Pass[float32], seqs []Sequence, c EvalConfig, each func()) Score {
	s := m.Settings()
	k := max(c.Samples, 1)
	if s.Latent == 0 {
		k = 1
	}
	sum := evaluateTotals(m, p, seqs, c, k, each)
	score := sum.Score(s.Latent == 0)
	if k > 1 {
		score.Samples = k
	}
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

func evaluateTotals(m Model[float32], p Pass[float32], seqs []Sequence, c EvalConfig, k int, each func()) Totals {
	var sum Totals
	b := Batch[float32]{Noise: kernels.Noise{Seed: c.Seed, Stream: streamEval}}
	size, draws := c.split(k)
	logW := make([]float64, 0, k)
	rest := len(seqs)
	for _, batch := range cut(seqs, m.Settings().Data, size) {
		rest -= len(batch)
		logW = logW[:0]
		for done := 0; done < k; done += draws {
			n := min(draws, k-done)
			segment(&b, seqs, batch, m.Settings().Data, 0, 0, n, rest)
			b.Row0 = rest*k + done // batches of any size give a sequence the same rows
			p.Forward(&b, Objective{KLWeight: 1, Samples: n, Sampled: k > 1}, false)
			if each != nil {
				each()
			}
			t := p.Totals()
			if k == 1 {
				sum.Add(t)
				continue
			}
			if done > 0 {
				t.Steps, t.Sequences = 0, 0
			}
			part := float64(n) / float64(k)
			t.LogProb, t.KL = float64(t.LogProb*part), float64(t.KL*part)
			t.Gain = -(t.LogProb - t.KL)
			sum.Add(t)
			logW = append(logW, p.LogWeights()...)
		}
		if k > 1 {
			sum.Gain += importance(logW, k)
		}
	}
	return sum
}
