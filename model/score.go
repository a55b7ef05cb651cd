package model

import (
	"iter"
	"math"

	"github.com/elbow-go/elbow/dist"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/internal/par"
	"github.com/elbow-go/elbow/kernels"
)

// StepScore is the score of one step in nats; the lower, the more the model has expected it.
//
//	NLL = Recon + KL - Gain
//
// NLL is -ln p(x_t | x_<t) of a model without latent variables, where it is Recon and the others
// are 0. Otherwise it is the term of the variational bound, -ln p(x_t | z_t, x_<t) + KL(q || p) at one
// draw of z. With K draws Recon and KL are means over them, ln q(z) - ln p(z) at the draw in place of
// KL(q || p), and NLL is what the step adds to the importance-weighted bound (Burda et al. 2016),
//
//	NLL_t = L_{t-1} - L_t,   L_t = ln 1/K Σ_k exp Σ_{s<=t} [ ln p(x_s | z_s) - ln q(z_s) + ln p(z_s) ]
//
// of draw k, so that the steps add up to the bound of the sequence. Of an [RBM] NLL is an estimate
// or, without [EvalConfig].Anneal, a pseudo-likelihood.
//
// Missing values of the step are part of no term; Missing says how many there are.
type StepScore struct {
	NLL, Recon, KL, Gain float64
	Missing              int
}

// newStepScore returns the score that has these terms.
func newStepScore(recon, kl, gain float64) StepScore {
	return StepScore{NLL: recon + kl - gain, Recon: recon, KL: kl, Gain: gain}
}

// add adds the terms of another step.
func (s StepScore) add(t StepScore) StepScore {
	sum := newStepScore(s.Recon+t.Recon, s.KL+t.KL, s.Gain+t.Gain)
	sum.Missing = s.Missing + t.Missing
	return sum
}

// SequenceScore is the scores of all steps of a sequence. The KL term of a model with one latent
// variable for a whole sequence, and its part of Gain, belong to no step: they are in Whole.
type SequenceScore struct {
	Steps []StepScore
	Whole StepScore
}

// Sum returns the score of the sequence.
func (s SequenceScore) Sum() StepScore {
	sum := s.Whole
	for _, t := range s.Steps {
		sum = sum.add(t)
	}
	return sum
}

// Scorer scores a signal step by step, as it comes. It carries the state of the model from one
// piece to the next, and counts the steps for the draws: wherever a signal is cut, every step has
// exactly the score that it has when all of the signal is scored at once. That is so for the models
// whose [Kind] is Carried and for a [VAE], whose steps do not know of each other. For a [VRAE] every
// piece is a sequence of its own, with all that belongs to it.
//
// A Scorer belongs to one caller; the model may be shared.
type Scorer struct {
	model  Model[float32]
	pass   Pass[float32]
	config EvalConfig
	whole  bool // pieces are sequences of their own

	batch Batch[float32]
	h, c  []float32
	logW  []float64 // of every draw, ln of the weight of all steps so far
	bound float64   // what they come to
}

// NewScorer returns a Scorer at the beginning of a signal. m is packed; c.Batch does not matter. It
// panics if c is out of range or the model has no distribution over sequences.
func NewScorer(m Model[float32], c EvalConfig) *Scorer {
	const fn = "NewScorer"
	checkThere(fn, "m", m != nil)
	s := m.Settings()
	if s.Likelihood == "" {
		panic("model: " + fn + ": a " + s.Model + " has no distribution over sequences")
	}
	c.Batch = 1
	if c.check(fn); s.Latent == 0 {
		c.Samples = 1
	}
	c.Samples = max(c.Samples, 1)
	checkSize(fn, "c.Samples", c.Samples, 1, maxBatch)
	r := &Scorer{model: m, pass: m.NewPass(c.Threads), config: c, whole: takesWhole(m), logW: make([]float64, c.Samples)}
	r.Reset()
	return r
}

// takesWhole reports whether a pass has to see all steps of a sequence at once: they neither carry a state nor
// stand alone.
func takesWhole(m Model[float32]) bool { return m.State() == 0 && !partsOf(m).apart }

// Reset goes back to the beginning of a signal.
func (s *Scorer) Reset() {
	s.batch.Noise = kernels.Noise{Seed: s.config.Seed, Stream: streamEval}
	s.batch.H, s.batch.C, s.batch.Step0 = nil, nil, 0
	clear(s.logW)
	s.bound = 0
}

// Score scores the next piece. It panics if the piece does not consist of whole steps.
func (s *Scorer) Score(piece Sequence) SequenceScore {
	dim := s.model.Settings().Data
	checkSequences("Scorer.Score", []Sequence{piece}, s.model.Settings())
	if s.whole {
		s.Reset()
	}
	steps := piece.Steps(dim)
	score := SequenceScore{Steps: make([]StepScore, 0, steps)}
	part := max(evalSteps/s.config.Samples, 1)
	if s.whole {
		part = max(steps, 1)
	}
	for from := 0; from < steps; from += part {
		s.part(&score, piece.Slice(from, min(from+part, steps), dim))
	}
	return score
}

// Continue draws d.Count continuations of the pieces scored since the beginning, each of d.Steps
// steps, [d.Count, d.Steps, Data]. The signal can go on after it as if it had not been asked. Continuation i goes
// on from draw i mod Samples of the latent variables of the past and depends on d.Seed and i, not on
// the count. Before the first piece it is [Sample]; a [VRAE], whose pieces do not follow each other,
// has [VRAE.Continue]. It panics if d is out of range, or for a model that carries no state.
func (s *Scorer) Continue(d Draw) []float32 {
	const fn = "Scorer.Continue"
	n := s.model.State()
	if n == 0 {
		panic("model: " + fn + ": a " + s.model.Settings().Model + " carries no state from step to step")
	}
	if s.batch.H == nil {
		return sampleFrom(fn, s.model, d, nil)
	}
	checkResult(fn, d.Count, 1, n)
	var from States[float32]
	for i := range d.Count {
		k := i % s.config.Samples
		from.H = append(from.H, s.batch.H[k*n:(k+1)*n]...)
		from.C = append(from.C, s.batch.C[k*n:(k+1)*n]...)
	}
	return sampleFrom(fn, s.model, d, &from)
}

// part scores what a pass takes at once.
func (s *Scorer) part(score *SequenceScore, piece Sequence) {
	b, k := &s.batch, s.config.Samples
	segment(b, []Sequence{piece}, []int{0}, s.model.Settings(), 0, 0, k, 0)
	s.pass.Forward(b, Objective{KLWeight: 1, Samples: k, Sampled: k > 1, Anneal: s.config.Anneal}, false)
	lp, kl := s.pass.StepLogProb(), s.pass.StepKL()
	if s.whole && len(kl) > 0 {
		score.Whole, kl = s.step(nil, kl), nil
	}
	for t := range b.Shape.Steps() {
		rows := kl
		if len(kl) > 0 {
			rows = kl[t*k : (t+1)*k]
		}
		score.Steps = append(score.Steps, s.step(lp[t*k:(t+1)*k], rows))
		score.Steps[len(score.Steps)-1].Missing = missing(rowsOf(b.Mask, t*k, t*k+1, s.model.Settings().Data))
	}
	b.Step0 += b.Shape.Steps()
	if n := k * s.model.State(); n > 0 {
		s.h, s.c = pages.Grow(s.h, n), pages.Grow(s.c, n)
		s.pass.Final(s.h, s.c)
		b.H, b.C = s.h, s.c
	}
}

// step returns the score of the terms of all draws.
func (s *Scorer) step(logProb, kl []float32) StepScore {
	k := len(s.logW)
	var recon, cost float64
	for i, v := range logProb {
		recon -= float64(v)
		s.logW[i] += float64(v)
	}
	for i, v := range kl {
		cost += float64(v)
		s.logW[i] -= float64(v)
	}
	recon, cost = recon/float64(k), cost/float64(k)
	if k == 1 {
		return newStepScore(recon, cost, 0)
	}
	before := s.bound
	s.bound = importance(s.logW, k)
	return newStepScore(recon, cost, (s.bound-before)+(recon+cost))
}

// ScoreSteps scores the steps of every sequence, as a [Scorer] does that begins anew with each: the
// score of a sequence depends on nothing but the sequence, the model, the seed and the number of
// samples. It panics as [NewScorer] does, or if a sequence does not consist of whole steps.
func ScoreSteps(m Model[float32], seqs []Sequence, c EvalConfig) []SequenceScore {
	const fn = "ScoreSteps"
	checkThere(fn, "m", m != nil)
	c.Batch = 1
	c.check(fn)
	checkSequences(fn, seqs, m.Settings())
	scores := make([]SequenceScore, len(seqs))
	threads := max(c.Threads, 1)
	c.Threads = threads / max(min(threads, len(seqs)), 1)
	par.Do(threads, len(seqs), func(lo, hi int) {
		s := NewScorer(m, c)
		for i := lo; i < hi; i++ {
			s.Reset()
			scores[i] = s.Score(seqs[i])
		}
	})
	return scores
}

// ScoreStepsOn is [ScoreSteps] by all ranks of comm. Each scores neighbouring sequences, and all return all scores. All
// of them make the same call; the error is that another one is gone.
func ScoreStepsOn(comm *dist.Comm, m Model[float32], seqs []Sequence, c EvalConfig) ([]SequenceScore, error) {
	if comm.Size() == 1 {
		return ScoreSteps(m, seqs, c), nil
	}
	checkThere("ScoreStepsOn", "m", m != nil)
	bounds := make([]int, comm.Size()+1)
	divide(bounds, len(seqs), func(i int) int { return seqs[i].Steps(m.Settings().Data) })
	return gathered(comm, ScoreSteps(m, seqs[bounds[comm.Rank()]:bounds[comm.Rank()+1]], c))
}

// Spread is how values are distributed: their number, their mean and their standard deviation, the
// square root of the mean square of the distances from the mean.
type Spread struct {
	N    int     `json:"n"`
	Mean float64 `json:"mean"`
	Std  float64 `json:"std"`
}

// SpreadOf returns the spread of values, which it goes through twice.
func SpreadOf(values iter.Seq[float64]) Spread {
	var s Spread
	for v := range values {
		s.N++
		s.Mean += v
	}
	s.Mean /= float64(max(s.N, 1))
	for v := range values {
		d := v - s.Mean
		s.Std += float64(d * d)
	}
	s.Std = math.Sqrt(s.Std / float64(max(s.N, 1)))
	return s
}

// Z returns how many standard deviations v is above the mean, NaN where nothing varies.
func (s Spread) Z(v float64) float64 {
	if s.N < 2 || s.Std == 0 {
		return math.NaN()
	}
	return (v - s.Mean) / s.Std
}

// MemoryToScoreSteps returns what [ScoreSteps] takes beside the model and the data, with what it
// returns.
func (c Config) MemoryToScoreSteps(seqs []Sequence, dim int, e EvalConfig) float64 {
	const perStep = 32 // a StepScore
	part, total, longest := max(evalSteps/max(e.Samples, 1), 1), 0.0, 0
	for i := range seqs {
		n := seqs[i].Steps(dim)
		total += float64(n)
		longest = max(longest, n)
	}
	if k, err := KindOf(c.Model); err == nil && k.Latent != LatentSequence {
		longest = min(longest, part)
	}
	passes := float64(min(max(e.Threads, 1), max(len(seqs), 1)))
	pass := product(float32Bytes, float64(longest), float64(max(e.Samples, 1)), c.row(false)) + c.inHand(e)
	return product(perStep, total) + product(passes, pass)
}

// MemoryToEncode returns what [Encode] or [Reconstruct] takes beside the model and the data, with
// what it returns.
func (c Config) MemoryToEncode(seqs []Sequence, dim, threads int) float64 {
	total := 0.0
	for i := range seqs {
		total += float64(seqs[i].Steps(dim))
	}
	return c.MemoryToScoreSteps(seqs, dim, EvalConfig{Threads: threads}) + product(float32Bytes, total, float64(max(6*c.Latent, 2*c.Data)))
}
