package model

import (
	"math"

	"github.com/elbow-go/elbow/cell"
)

// Objective is what training descends: the nats of a batch, with weights on the KL term,
// divided by its steps.
//
//	loss = Scale Σ_rows [ -ln p(x|z) + KLWeight max(FreeBits, KL) ]
type Objective struct {
	KLWeight float64 // 1 is the bound itself
	FreeBits float64 // nats of KL per row that cost nothing more when saved
	Scale    float64 // 1 / active steps
}

// Bound returns the negative variational bound of steps steps as an objective.
func Bound(steps int) Objective { return Objective{KLWeight: 1, Scale: 1 / float64(max(steps, 1))} }

// warmup returns the KL weight of an epoch when epochs epochs are done: it rises linearly
// from 0.1 to 1 over the first warm epochs and is constant within an epoch.
func warmup(done, warm int) float64 {
	if warm <= 0 {
		return 1
	}
	return math.Min(1, 0.1+0.9*float64(done)/float64(warm))
}

// rowsGrad fills in the gradient of the loss with respect to LogProb and KL of the rows
// from lo on.
func rowsGrad[T cell.Float](obj Objective, dlp, dkl, kl []T, lo int) {
	for i := range dlp {
		dlp[i] = T(-obj.Scale)
		if len(kl) == 0 {
			continue
		}
		dkl[i] = T(obj.Scale * obj.KLWeight)
		if float64(kl[lo+i]) < obj.FreeBits {
			dkl[i] = 0
		}
	}
}

// Totals are sums over rows, in nats.
type Totals struct {
	LogProb   float64 `json:"log_prob"`
	KL        float64 `json:"kl"`
	Steps     int     `json:"steps"`
	Sequences int     `json:"sequences"`
}

// Add adds the totals of another set of rows.
func (t *Totals) Add(u Totals) {
	t.LogProb += u.LogProb
	t.KL += u.KL
	t.Steps += u.Steps
	t.Sequences += u.Sequences
}

// Totals sums the rows of the last Forward, in float64 and in storage order.
func (p *Pass[T]) Totals() Totals {
	t := Totals{Steps: p.batch.Shape.Rows(), Sequences: p.batch.Shape.Batch()}
	for _, v := range p.LogProb {
		t.LogProb += float64(v)
	}
	for _, v := range p.KL {
		t.KL += float64(v)
	}
	return t
}

// Loss returns the objective of the last Forward.
func (p *Pass[T]) Loss(obj Objective) float64 {
	sum := 0.0
	for i, v := range p.LogProb {
		sum -= float64(v)
		if len(p.KL) > 0 {
			sum += float64(obj.KLWeight * math.Max(obj.FreeBits, float64(p.KL[i])))
		}
	}
	return sum * obj.Scale
}

// Score is the result of a split, as it is written to files. NLL is in nats, lower is
// better: exact for a model without latent variables, otherwise an upper bound with one
// sample of z per step.
type Score struct {
	NLLPerStep   float64 `json:"nll_per_step"`
	NLLPerSeq    float64 `json:"nll_per_seq"`
	ReconPerStep float64 `json:"recon_per_step"`
	KLPerStep    float64 `json:"kl_per_step"`
	Exact        bool    `json:"exact"`
	Steps        int     `json:"steps"`
	Sequences    int     `json:"sequences"`
}

// Score turns totals into per-step and per-sequence figures.
func (t Totals) Score(exact bool) Score {
	steps, seqs := float64(max(t.Steps, 1)), float64(max(t.Sequences, 1))
	nll := t.KL - t.LogProb
	return Score{NLLPerStep: nll / steps, NLLPerSeq: nll / seqs, ReconPerStep: -t.LogProb / steps,
		KLPerStep: t.KL / steps, Exact: exact, Steps: t.Steps, Sequences: t.Sequences}
}
