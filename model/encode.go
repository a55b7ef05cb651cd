package model

import (
	"fmt"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/internal/par"
	"github.com/elbow-go/elbow/kernels"
)

// Encoding is what the latent variables of a model say of a sequence: a row for every step, or one
// row where there is one z for all of it.
type Encoding struct {
	Mean, Sigma []float32 // of q(z | x) [rows, Latent]
	// KL has the KL term of every dimension of z [rows, Latent], in nats:
	//
	//	KL_j = ln σp_j/σq_j + (σq_j² + (μq_j - μp_j)²) / (2 σp_j²) - 1/2
	//
	// where p is the prior, given the past, or N(0, I).
	KL []float32
}

// Encode returns the encodings of the sequences. Nothing is drawn: wherever a model goes on with z,
// z is the mean of q. A model that carries its state does so over the whole sequence, however long. The
// model is packed; the result does not depend on the number of goroutines. It panics if the model has
// no latent variables, or a sequence does not consist of whole steps.
func Encode(m Model[float32], seqs []Sequence, threads int) []Encoding {
	list := make([]Encoding, len(seqs))
	eachPosterior("Encode", m, seqs, threads, func(i int, p *posterior[float32]) {
		e, n := &list[i], len(p.q)/2
		z := p.model.Latent
		mean, sigma, kl := make([]float32, n), make([]float32, n), make([]float32, n)
		gaussiansOf(mean, sigma, p.q, p.model.form, n/z, z)
		q := p.perDimension(p.q)
		if len(p.p) > 0 {
			kernels.GaussKL(kl, q, p.perDimension(p.p), n, 1)
		} else {
			kernels.GaussKLStandard(kl, q, n, 1)
		}
		e.Mean, e.Sigma, e.KL = append(e.Mean, mean...), append(e.Sigma, sigma...), append(e.KL, kl...)
	})
	return list
}

// Reconstruct returns for every sequence the means of p(x_t | z), [steps, Data], with z the mean of q(z | x). A
// model that feeds data back sees the sequence itself. Otherwise as [Encode].
func Reconstruct(m Model[float32], seqs []Sequence, threads int) [][]float32 {
	list := make([][]float32, len(seqs))
	eachPosterior("Reconstruct", m, seqs, threads, func(i int, p *posterior[float32]) {
		x := make([]float32, p.rows*p.model.Data)
		p.model.like.mean(x, p.out, p.rows, p.model.Data)
		list[i] = append(list[i], x...)
	})
	return list
}

// posterior is what a pass over a part of one sequence has left.
type posterior[T cell.Float] struct {
	model *base[T]
	q, p  []T // heads of posterior and prior; the latter may not be there
	out   []T // outputs of the decoder
	rows  int // of them
}

// perDimension returns the Gaussians of heads as if every dimension were a row.
func (p *posterior[T]) perDimension(heads []T) *kernels.Gauss[T] {
	z := p.model.Latent
	g := &kernels.Gauss[T]{Ld: 1, Form: p.model.form}
	for at := 0; at < len(heads); at += 2 * z {
		g.Mu, g.S = append(g.Mu, heads[at:at+z]...), append(g.S, heads[at+z:at+2*z]...)
	}
	return g
}

// latentPass is a pass of a model with latent variables.
type latentPass[T cell.Float] interface {
	Pass[T]
	// hold has z be the mean of q from now on.
	hold()
	// latents returns the heads of posterior and prior, and the outputs, of the last Forward.
	latents() (q, p, out []T)
}

func (p *passBase[T]) hold() { p.lat.still = true }

func (p *vrnnPass[T]) latents() (q, pr, out []T)  { return p.posterior.Y, p.prior.Y, p.decoder.Y }
func (p *stornPass[T]) latents() (q, pr, out []T) { return p.posterior.Y, nil, p.decoder.Y }
func (p *vaePass[T]) latents() (q, pr, out []T)   { return p.encoder.y, nil, p.decoder.Y }
func (p *vraePass[T]) latents() (q, pr, out []T)  { return p.enc.y, nil, p.out }

// eachPosterior calls f with the parts of every sequence, those of one in order; several goroutines
// may do so at once.
func eachPosterior(fn string, m Model[float32], seqs []Sequence, threads int, f func(i int, p *posterior[float32])) {
	checkThere(fn, "m", m != nil)
	checkThreads(fn, threads)
	c := m.Settings()
	if c.Latent == 0 {
		panic(fmt.Sprintf("model: %s: a %s has no latent variables", fn, c.Model))
	}
	checkSequences(fn, seqs, c)
	threads = max(threads, 1)
	inPass := threads / max(min(threads, len(seqs)), 1)
	par.Do(threads, len(seqs), func(lo, hi int) {
		pass := m.NewPass(inPass).(latentPass[float32])
		pass.hold()
		b := Batch[float32]{Noise: kernels.Noise{Stream: streamEval}}
		h := States[float32]{}
		for i := lo; i < hi; i++ {
			steps, part := seqs[i].Steps(c.Data), evalSteps
			if takesWhole(m) {
				part = max(steps, 1)
			}
			b.H, b.C, b.Step0 = nil, nil, 0
			for from := 0; from < steps; from += part {
				segment(&b, []Sequence{seqs[i].Slice(from, min(from+part, steps), c.Data)}, []int{0}, c, 0, 0, 1, 0)
				pass.Forward(&b, Objective{KLWeight: 1}, false)
				p := &posterior[float32]{model: partsOf(m), rows: b.Shape.Rows()}
				p.q, p.p, p.out = pass.latents()
				f(i, p)
				b.Step0 += b.Shape.Steps()
				if n := m.State(); n > 0 {
					h.H, h.C = pages.Grow(h.H, n), pages.Grow(h.C, n)
					pass.Final(h.H, h.C)
					b.H, b.C = h.H, h.C
				}
			}
		}
	})
}
