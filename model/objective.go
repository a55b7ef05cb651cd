package model

import (
	"fmt"
	"math"
	"slices"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/f64"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/kernels"
)

// Objective is what training descends: the nats of a batch, with weights on the KL term,
// divided by its steps. With one sample of z per step, or the mean over K of them,
//
//	loss = Scale/K Σ_rows [ -ln p(x|z) + KLWeight max(FreeBits, KL) ]
//
// and with Importance the bound of Burda et al. 2016 on the likelihood of whole sequences,
//
//	loss = -Scale Σ_sequences ln 1/K Σ_k w_k,   ln w = Σ_steps [ ln p(x|z) - KLWeight (ln q(z) - ln p(z)) ]
//
// computed in the logarithms.
type Objective struct {
	KLWeight float64 // 1 is the bound itself
	FreeBits float64 // nats of KL per row that cost nothing more when saved; for the closed form only
	Scale    float64 // 1 / active steps, those of one sample

	// Samples is the number K of draws per sequence: L of the SGVB estimator, K of the
	// importance bound. 0 is 1.
	Samples int
	// Sampled takes ln q(z) - ln p(z) at the draw in place of the closed form of KL(q || p):
	// SGVB estimator A of Kingma and Welling 2014 in place of B.
	Sampled bool
	// Importance is the importance-weighted bound. It implies Sampled.
	Importance bool

	// Anneal says how the likelihood of an [RBM] is estimated where no gradient is wanted; without
	// it the terms are pseudo-likelihoods. No other likelihood has a use for it.
	Anneal Annealing

	// Method says how the parameters learn from the draws; see the methods. Only a VAE knows
	// other ones than MethodPathwise, which is the default.
	Method string
}

// The methods, by the names used in configurations.
const (
	// MethodPathwise is auto-encoding variational Bayes: the gradient of the objective with
	// z moving with the posterior's parameters (the reparameterisation trick).
	MethodPathwise = "aevb"
	// MethodWakeSleep is Hinton et al. 1995. Wake: the gradient of -ln p(x|z) at z ~ q(z|x),
	// for the generative parameters alone. Sleep: the gradient of -ln q(z|x) at dreams (x, z)
	// of the model, for the posterior's.
	MethodWakeSleep = "wake-sleep"
	// MethodScore estimates the gradient of the posterior by the score function,
	//
	//	d/dq E[f] = E[ (f - b) d ln q(z|x) ]
	//
	// where f is the part of a row's loss that depends on its draw z: -ln p(x|z), weighed as in
	// the objective, and with Sampled the KL term at the draw too. Without Sampled that term is
	// in closed form and has its own gradient. The baseline b is 0; MethodBaseline takes the
	// mean of f over the other draws. Both have the mean of the pathwise gradient and more
	// variance.
	MethodScore    = "score"
	MethodBaseline = "score-baseline"
)

var methods = []string{MethodPathwise, MethodWakeSleep, MethodScore, MethodBaseline}

// Bound returns the negative variational bound of steps steps as an objective. It panics if steps
// is negative; 0 is 1.
func Bound(steps int) Objective {
	checkSize("Bound", "steps", steps, 0, int(^uint(0)>>1))
	return Objective{KLWeight: 1, Scale: 1 / float64(max(steps, 1))}
}

func (o Objective) samples() int  { return max(o.Samples, 1) }
func (o Objective) sampled() bool { return o.Sampled || o.Importance }

// warmup returns the KL weight of an epoch when epochs epochs are done: it rises linearly
// from 0.1 to 1 over the first warm epochs and is constant within an epoch.
func warmup(done, warm int) float64 {
	if warm <= 0 {
		return 1
	}
	return math.Min(1, 0.1+0.9*float64(done)/float64(warm))
}

// tally turns the terms of the rows of a pass into the objective and its gradient. It is
// what the passes of all models have in common.
type tally[T cell.Float] struct {
	LogProb []T // ln p(x|z) of every row, nats
	// KL is KL(q || p) of every row, or its sampled form, in nats; empty without latent
	// variables. A model with one z per sequence has one KL per sequence of the batch.
	KL          []T
	perSequence bool

	obj    Objective
	shape  *cell.Ragged
	stage  stage
	grads  Model[T]  // the one that Backward has looked at
	logW   []float64 // per row of the batch
	weight []T       // likewise: normalised importance weights
}

// begin sizes the terms for a batch.
func (y *tally[T]) begin(obj Objective, shape *cell.Ragged, latent, training bool) {
	if k := obj.samples(); shape.Batch()%k != 0 {
		panic(fmt.Sprintf("model: Pass.Forward: b.Shape.Batch() = %d, want a multiple of obj.Samples = %d", shape.Batch(), k))
	}
	y.obj, y.shape, y.stage = obj, shape, forward
	if training {
		y.stage = trainable
	}
	y.LogProb, y.KL = pages.Grow(y.LogProb, shape.Rows()), y.KL[:0]
	switch {
	case latent && y.perSequence:
		y.KL = pages.Grow(y.KL, shape.Batch())
	case latent:
		y.KL = pages.Grow(y.KL, shape.Rows())
	}
}

// StepLogProb implements [Pass].
func (y *tally[T]) StepLogProb() []T {
	y.checkRan("Pass.StepLogProb")
	return y.LogProb
}

// StepKL implements [Pass].
func (y *tally[T]) StepKL() []T {
	y.checkRan("Pass.StepKL")
	return y.KL
}

// LogWeights implements [Pass].
func (y *tally[T]) LogWeights() []float64 {
	y.checkRan("Pass.LogWeights")
	y.logW = pages.Grow(y.logW, y.shape.Batch())
	clear(y.logW)
	add := func(b int, lp float64, kl []T, at int) {
		y.logW[b] += lp
		if len(kl) > 0 {
			y.logW[b] -= float64(y.obj.KLWeight * float64(kl[at]))
		}
	}
	rows := y.KL
	if y.perSequence {
		rows = nil
		for b := range y.KL {
			add(b, 0, y.KL, b)
		}
	}
	for t := range y.shape.Steps() {
		off, n := y.shape.Step(t)
		for b := range n {
			add(b, float64(y.LogProb[off+b]), rows, off+b)
		}
	}
	return y.logW
}

// importance returns Σ_sequences ln 1/K Σ_k w_k of the log weights.
func importance(logW []float64, k int) float64 {
	sum := 0.0
	for g := 0; g < len(logW); g += k {
		most, weights := slices.Max(logW[g:g+k]), 0.0
		if math.IsInf(most, 0) {
			most = 0 // infinite weights keep their sum, and no weight at all is -Inf
		}
		for _, w := range logW[g : g+k] {
			weights += f64.Exp(w - most)
		}
		sum += most + f64.Log(weights) - f64.Log(float64(k))
	}
	return sum
}

// Loss implements [Pass].
func (y *tally[T]) Loss() float64 {
	y.checkRan("Pass.Loss")
	sum := 0.0
	y.eachTerm(func(v float64) { sum += v })
	return y.ofTerms(sum)
}

// ofTerms returns the part of the objective that is the given sum of terms.
func (y *tally[T]) ofTerms(sum float64) float64 {
	if y.obj.Importance {
		return sum * y.obj.Scale
	}
	return sum * y.obj.Scale / float64(y.obj.samples())
}

// eachTerm calls f with the terms of the objective, unscaled: of every row and of every KL term or,
// with Importance, of every sequence.
func (y *tally[T]) eachTerm(f func(v float64)) {
	if k := y.obj.samples(); y.obj.Importance {
		for w := range slices.Chunk(y.LogWeights(), k) {
			f(-importance(w, k))
		}
		return
	}
	klOf := func(v T) float64 {
		kl := float64(v)
		if !y.obj.Sampled {
			kl = math.Max(y.obj.FreeBits, kl)
		}
		return float64(y.obj.KLWeight * kl)
	}
	for i, v := range y.LogProb {
		f(-float64(v))
		if len(y.KL) > 0 && !y.perSequence {
			f(klOf(y.KL[i]))
		}
	}
	if y.perSequence {
		for _, v := range y.KL {
			f(klOf(v))
		}
	}
}

// Totals implements [Pass].
func (y *tally[T]) Totals() Totals {
	y.checkRan("Pass.Totals")
	k := y.obj.samples()
	t := Totals{Steps: y.shape.Rows() / k, Sequences: y.shape.Batch() / k}
	for _, v := range y.LogProb {
		t.LogProb += float64(v)
	}
	for _, v := range y.KL {
		t.KL += float64(v)
	}
	t.LogProb /= float64(k)
	t.KL /= float64(k)
	if y.obj.Importance {
		weight := y.obj.KLWeight
		y.obj.KLWeight = 1 // a total is the bound itself
		t.Gain = importance(y.LogWeights(), k) - (t.LogProb - t.KL)
		y.obj.KLWeight = weight
	}
	return t
}

// grad fills in the gradient of the loss with respect to LogProb and KL.
func (y *tally[T]) grad(dlp, dkl []T) {
	k := y.obj.samples()
	if y.obj.Importance {
		// The weights go through the softmax of the kernels, so that their bits are the same
		// everywhere; the largest is taken off before they lose digits.
		logW := y.LogWeights()
		y.weight = pages.Grow(y.weight, len(logW))
		for g := 0; g < len(logW); g += k {
			most := logW[g]
			for _, v := range logW[g : g+k] {
				most = math.Max(most, v)
			}
			for i, v := range logW[g : g+k] {
				y.weight[g+i] = T(v - most)
			}
		}
		kernels.Softmax(y.weight, y.weight, len(logW)/k, k)
	}
	scale := y.obj.Scale / float64(k)
	coefficient := func(b int) float64 {
		if y.obj.Importance {
			return y.obj.Scale * float64(y.weight[b])
		}
		return scale
	}
	klGrad := func(b int, kl T) T {
		if !y.obj.sampled() && float64(kl) < y.obj.FreeBits {
			return 0
		}
		return T(coefficient(b) * y.obj.KLWeight)
	}
	for t := range y.shape.Steps() {
		off, n := y.shape.Step(t)
		for b := range n {
			dlp[off+b] = T(-coefficient(b))
			if len(y.KL) > 0 && !y.perSequence {
				dkl[off+b] = klGrad(b, y.KL[off+b])
			}
		}
	}
	if y.perSequence {
		for b, kl := range y.KL {
			dkl[b] = klGrad(b, kl)
		}
	}
}

// Totals are sums over steps, in nats, and means over the samples of an objective.
type Totals struct {
	LogProb float64 `json:"log_prob"`
	KL      float64 `json:"kl"`
	// Gain is what the importance bound is above LogProb - KL, the mean of the bounds of
	// the samples.
	Gain      float64 `json:"gain,omitempty"`
	Steps     int     `json:"steps"`
	Sequences int     `json:"sequences"`
	Missing   int     `json:"missing,omitempty"` // values of the steps that are missing, and part of no term

	// Measure says what LogProb is where that is not exact, Variance how sure an estimate is.
	Measure  string  `json:"measure,omitempty"`
	Variance float64 `json:"variance,omitempty"`
}

// What stands in the place of log-likelihoods that cannot be computed, those of an [RBM].
const (
	MeasureCD       = "contrastive divergence"
	MeasurePseudo   = "pseudo-likelihood"
	MeasureAnnealed = "annealed importance sampling"
)

// Bound returns the lower bound on the log-likelihood, in nats.
func (t Totals) Bound() float64 { return t.LogProb - t.KL + t.Gain }

// Add adds the totals of another set of rows.
func (t *Totals) Add(u Totals) {
	t.LogProb += u.LogProb
	t.KL += u.KL
	t.Gain += u.Gain
	t.Steps += u.Steps
	t.Sequences += u.Sequences
	t.Missing += u.Missing
	if u.Measure != "" { // no rows have none
		t.Measure = u.Measure
	}
	t.Variance += u.Variance
}

// Score is the result of a split, as it is written to files. NLL is in nats, lower is
// better: exact for a model without latent variables, otherwise an upper bound. With one
// sample of z per step NLL is Recon + KL, with importance weights it is below that.
//
// Of an [RBM] NLL is an estimate, by annealed importance sampling, or not there: a score of
// another measure is in MeasurePerStep.
type Score struct {
	NLLPerStep   float64 `json:"nll_per_step,omitempty"`
	NLLPerSeq    float64 `json:"nll_per_seq,omitempty"`
	ReconPerStep float64 `json:"recon_per_step,omitempty"`
	KLPerStep    float64 `json:"kl_per_step"`
	Exact        bool    `json:"exact"`
	Samples      int     `json:"samples,omitempty"` // of the importance bound; none otherwise
	Steps        int     `json:"steps"`
	Sequences    int     `json:"sequences"`
	Missing      int     `json:"missing,omitempty"` // values of the steps that are part of no term

	Measure        string  `json:"measure,omitempty"`          // one of the measures; none if NLL is exact or a bound
	MeasurePerStep float64 `json:"measure_per_step,omitempty"` // negative, in nats: lower is better
	// Of an estimate, per step: the standard error of NLL, and how much too low it is to be
	// expected, to first order, since Z is in a logarithm.
	StdErr float64 `json:"std_err,omitempty"`
	Bias   float64 `json:"bias,omitempty"`
}

// Figure returns the number, in nats per step, lower is better, that a training descends or is
// stopped by: NLL or what stands in its place.
func (s Score) Figure() float64 {
	if s.Measure == MeasureCD || s.Measure == MeasurePseudo {
		return s.MeasurePerStep
	}
	return s.NLLPerStep
}

// Score turns totals into per-step and per-sequence figures.
func (t Totals) Score(exact bool) Score {
	steps, seqs := float64(max(t.Steps, 1)), float64(max(t.Sequences, 1))
	nll := t.KL - t.LogProb - t.Gain
	s := Score{KLPerStep: t.KL / steps, Exact: exact && t.Measure == "", Steps: t.Steps, Sequences: t.Sequences, Missing: t.Missing, Measure: t.Measure}
	switch t.Measure {
	case MeasureCD, MeasurePseudo:
		s.MeasurePerStep = nll / steps
	default:
		s.NLLPerStep, s.NLLPerSeq, s.ReconPerStep = nll/steps, nll/seqs, -t.LogProb/steps
		s.StdErr, s.Bias = math.Sqrt(t.Variance)/steps, t.Variance/2/steps
	}
	return s
}
