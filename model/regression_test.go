package model

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/blas/blastest"
)

// TestRegressionSampled: the squared error of a draw has the expectation
// (|y-μ|² + σ²)/(2 Noise²), and the importance objective that of the likelihood with both
// variances.
func TestRegressionSampled(t *testing.T) {
	c := Config{Model: ModelRegression, Likelihood: Gauss, Data: 2, Given: 1, Hidden: 4, Noise: 0.5}
	m := newTestModel[float64](t, c).(*Regression[float64])
	const k = 20000
	b := newPointBatch[float64](c, k, 1)
	mu, sigma := make([]float64, 1), make([]float64, 1)
	m.Predict(mu, sigma, b.X, 1)
	y, s0 := b.X[1], m.Config.Noise
	p := m.NewPass(1)
	obj := Objective{KLWeight: 1, Scale: 1, Samples: k, Sampled: true}
	p.Forward(b, obj, false)
	d := y - mu[0]
	want := (d*d+sigma[0]*sigma[0])/(2*s0*s0) + math.Log(s0) + math.Log(2*math.Pi)/2
	// The variance of the squared error of a draw is 2σ⁴ + 4d²σ².
	v := sigma[0] * sigma[0]
	if se := math.Sqrt((2*v*v+4*d*d*v)/k) / (2 * s0 * s0); math.Abs(p.Loss()-want) > 5*se {
		t.Errorf("squared error %v, want %v within %v", p.Loss(), want, se)
	}
	obj.Importance = true
	p.Forward(b, obj, false)
	v += s0 * s0
	want = d*d/(2*v) + math.Log(2*math.Pi*v)/2
	if math.Abs(p.Loss()-want) > 0.05 {
		t.Errorf("importance objective %v, want %v", p.Loss(), want)
	}
}

// heteroscedastic is y = sin 2x + (0.4 + 0.15 (x+1)) ε on [-1, 1].
func heteroscedastic(n int, seed uint64) []Sequence {
	rng := rand.New(rand.NewPCG(3, seed))
	seqs := make([]Sequence, n)
	for i := range seqs {
		x := 2*rng.Float64() - 1
		mu, sigma := trueRegression(x)
		seqs[i].X = []float32{float32(x), float32(mu + sigma*rng.NormFloat64())}
	}
	return seqs
}

func trueRegression(x float64) (mu, sigma float64) { return math.Sin(2 * x), 0.4 + 0.15*(x+1) }

// TestRegressionLearns: the likelihood and the importance objective find μ(x) and σ(x); the
// squared error of single draws finds μ(x) and pulls σ down, as it must.
func TestRegressionLearns(t *testing.T) {
	blastest.UseGo(t)
	d := &Data{Name: "lines", Dim: 2, Train: heteroscedastic(3000, 1), Valid: heteroscedastic(100, 2), Test: heteroscedastic(10, 3)}
	for _, c := range []struct {
		name       string
		change     func(*TrainConfig)
		noise      float64
		mean, high float64 // largest mean error, and largest error of σ
	}{
		{"likelihood", func(*TrainConfig) {}, 0, 0.12, 0.08},
		{"importance", func(c *TrainConfig) { c.Samples, c.Importance = 15, true }, 0.38, 0.12, 0.08},
		{"squared error", func(c *TrainConfig) { c.Sampled = true }, 1, 0.2, 0},
	} {
		if testing.Short() && c.name != "likelihood" {
			continue
		}
		tc := DefaultTrainConfig()
		tc.Epochs, tc.Batch, tc.Rate, tc.Patience, tc.Reshuffle = 20, 100, 1e-2, 0, true
		c.change(&tc)
		tr := newTestTrainer(t, Config{Model: ModelRegression, Likelihood: Gauss, Given: 1, Hidden: 8, Noise: c.noise}, tc, d, "")
		if err := tr.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		m := tr.Model.(*Regression[float32])
		mu, sigma := make([]float32, 1), make([]float32, 1)
		for x := -0.7; x < 0.8; x += 0.2 {
			m.Predict(mu, sigma, []float32{float32(x)}, 1)
			wantMu, wantSigma := trueRegression(x)
			got := float64(sigma[0])
			if c.name == "importance" {
				got = math.Hypot(got, c.noise)
			}
			if math.Abs(float64(mu[0])-wantMu) > c.mean {
				t.Errorf("%s: μ(%.1f) = %.3f, want %.3f", c.name, x, mu[0], wantMu)
			}
			if c.high > 0 && math.Abs(got-wantSigma) > c.high {
				t.Errorf("%s: σ(%.1f) = %.3f, want %.3f", c.name, x, got, wantSigma)
			}
			if c.high == 0 && got > 0.05 {
				t.Errorf("%s: σ(%.1f) = %.3f, want it to vanish", c.name, x, got)
			}
		}
		x := Sample(tr.Model, Draw{Count: 3, Steps: 1, Seed: 1})
		if x[0] != m.Mean[0] || x[2] != m.Mean[0] || slices.Equal(x[:2], x[2:4]) {
			t.Errorf("%s: samples %v, want different y at x = %v", c.name, x, m.Mean[0])
		}
	}
}
