package model

import (
	"math"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/blas/blastest"
)

// TestEncode: every model with latent variables has means, sigmas and KL terms per dimension, which
// add up to those of a pass whose z are the means, however the sequence is cut for passes; VAE
// and VRAE have them from their own methods too.
func TestEncode(t *testing.T) {
	blastest.UseGo(t)
	whole := evalSteps
	defer func() { evalSteps = whole }()
	for _, c := range everyModel() {
		m := newTestModel[float32](t, c)
		s := m.Settings()
		if s.Latent == 0 {
			mustPanic(t, "has no latent variables", func() { Encode(m, nil, 1) })
			continue
		}
		seqs := []Sequence{signalFor(m, 13), signalFor(m, 4), signalFor(m, 9)}
		evalSteps = whole
		codes, images := Encode(m, seqs, 2), Reconstruct(m, seqs, 2)
		evalSteps = 3
		parts, again := Encode(m, seqs, 1), Reconstruct(m, seqs, 1)
		for i, e := range codes {
			rows := seqs[i].Steps(s.Data)
			if k, _ := KindOf(s.Model); k.Latent == LatentSequence {
				rows = 1
			}
			if len(e.Mean) != rows*s.Latent || len(images[i]) != len(seqs[i].X) {
				t.Fatalf("%s: %d means for %d rows of %d, %d values", c.testName(), len(e.Mean), rows, s.Latent, len(images[i]))
			}
			asmtest.SameFloats(t, c.testName()+": mean", parts[i].Mean, e.Mean)
			asmtest.SameFloats(t, c.testName()+": sigma", parts[i].Sigma, e.Sigma)
			asmtest.SameFloats(t, c.testName()+": KL", parts[i].KL, e.KL)
			asmtest.SameFloats(t, c.testName()+": reconstruction", again[i], images[i])
			sum, want := 0.0, 0.0
			for j, kl := range e.KL {
				sum += float64(kl)
				if !(kl >= -1e-6) || !(e.Sigma[j] > 0) {
					t.Errorf("%s: KL %v, sigma %v", c.testName(), kl, e.Sigma[j])
				}
				if s.Prior == 0 { // N(0, I)
					mu, sigma := float64(e.Mean[j]), float64(e.Sigma[j])
					if one := (sigma*sigma+mu*mu-1)/2 - math.Log(sigma); math.Abs(one-float64(kl)) > 1e-5 {
						t.Errorf("%s: KL %v, want %v", c.testName(), kl, one)
					}
				}
			}
			evalSteps = whole
			p := m.NewPass(1)
			p.(latentPass[float32]).hold()
			b := Batch[float32]{}
			segment(&b, seqs, []int{i}, s, 0, 0, 1, 0)
			p.Forward(&b, Objective{KLWeight: 1}, false)
			for _, kl := range p.StepKL() {
				want += float64(kl)
			}
			if math.Abs(sum-want) > 1e-4*(1+want) {
				t.Errorf("%s: KL terms add up to %v, want %v", c.testName(), sum, want)
			}
			evalSteps = 3
		}
		switch m := m.(type) {
		case *VRAE[float32]:
			mean, sigma := m.Encode(seqs, 2, 1)
			for i, e := range codes {
				asmtest.SameFloats(t, "VRAE.Encode", e.Mean, mean[i*s.Latent:(i+1)*s.Latent])
				asmtest.SameFloats(t, "VRAE.Encode", e.Sigma, sigma[i*s.Latent:(i+1)*s.Latent])
			}
			if !m.Teacher {
				asmtest.SameFloats(t, "VRAE.Decode", images[0], m.Decode(mean[:s.Latent], seqs[0].Given, 1, 13))
			}
		case *VAE[float32]:
			y := make([]float32, len(seqs[0].X))
			m.Reconstruct(y, seqs[0].X, seqs[0].Given, 13)
			asmtest.SameFloats(t, "VAE.Reconstruct", images[0], y)
		}
	}
}
