package model

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// pointConfigs returns every kind of a model of data points, with sizes that differ from each other.
func pointConfigs(model string) []Config {
	c := Config{Model: model, Likelihood: Bernoulli, Data: 5, Hidden: 4, Latent: 3, Depth: 2, Posterior: 6, Decoder: 7}
	if model == ModelRegression {
		c.Likelihood, c.Given, c.Noise = Gauss, 2, 0.7
	}
	relu, logVar, gauss, unit, linear := c, c, c, c, c
	relu.Activation, relu.Depth = "relu", 1
	logVar.Scale = ScaleLogVar
	gauss.Likelihood = Gauss
	unit.Likelihood, unit.Means, unit.Scale = Gauss, MeansUnit, ScaleLogVar
	linear.Likelihood, linear.Depth = Gauss, noLayers
	list := []Config{c, relu, logVar, gauss, unit, linear}
	if model == ModelVAE {
		given := c
		given.Given = 2
		list = append(list, given)
		for _, l := range []string{GaussFull, StudentFull, GaussLowRank} {
			c := gauss
			c.Likelihood, c.Rank = l, likelihoodTests[l].rank
			list = append(list, c)
		}
	}
	return list
}

func vaeConfigs() []Config { return pointConfigs(ModelVAE) }

// newPointBatch returns data points in sequences of the given lengths, every one of them
// samples times.
func newPointBatch[T cell.Float](c Config, samples int, lengths ...int) *Batch[T] {
	rng := rand.New(rand.NewPCG(9, 9))
	var seqs []Sequence
	var order []int
	for i, n := range lengths {
		x := make([]float32, n*c.Data)
		for j := range x {
			if c.Likelihood == Bernoulli {
				x[j] = float32(rng.IntN(2))
			} else {
				x[j] = float32(rng.NormFloat64())
			}
		}
		seqs, order = append(seqs, Sequence{X: x, Given: conditionsOf(n, c.given())}), append(order, i)
	}
	b := &Batch[T]{Noise: kernels.Noise{Seed: 3, Stream: streamTrain, Update: 11}}
	segment(b, seqs, order, c, 0, 0, samples, 0)
	return b
}

// TestVAETerms compares the terms of every row with the equations, written out in float64,
// and the mean of the sampled KL with the closed form.
func TestVAETerms(t *testing.T) {
	for _, c := range vaeConfigs() {
		m := newTestModel[float64](t, c).(*VAE[float64])
		const k = 2000
		b := newPointBatch[float64](c, k, 1)
		p := m.pass(2)
		p.Forward(b, Objective{KLWeight: 1, Scale: 1, Samples: k, Sampled: true}, false)
		mu, sigma := make([]float64, m.Latent), make([]float64, m.Latent)
		m.Encode(mu, sigma, b.X, b.Given[:m.Given], 1)
		closed := 0.0
		for j, s := range sigma {
			closed += (s*s+mu[j]*mu[j]-1)/2 - math.Log(s)
		}
		sum, squares := 0.0, 0.0
		logNormal := func(x, mu, s float64) float64 {
			return -(x-mu)*(x-mu)/(2*s*s) - math.Log(s) - math.Log(2*math.Pi)/2
		}
		mean := make([]float64, c.Data)
		for i, kl := range p.KL {
			sum += kl
			squares += kl * kl
			if i > 50 {
				continue
			}
			want := 0.0
			z := p.lat.z[i*m.Latent : (i+1)*m.Latent]
			for j, s := range sigma {
				want += logNormal(z[j], mu[j], s) - logNormal(z[j], 0, 1)
			}
			if math.Abs(kl-want) > 1e-12*(1+math.Abs(want)) {
				t.Fatalf("%s: sampled KL of row %d is %v, want %v", c.testName(), i, kl, want)
			}
			m.Decode(mean, z, b.Given[:m.Given], 1)
			lp := 0.0
			if c.Likelihood != Bernoulli && c.Likelihood != Gauss {
				of := make([]float64, 1)
				logProbs(m.like, of, b.X[:c.Data], m.outputsAt(z, b.Given[:m.Given], 1), c.Data)
				lp = of[0]
			}
			for j, x := range b.X[:c.Data] {
				switch c.Likelihood {
				case Bernoulli:
					lp += x*math.Log(mean[j]) + (1-x)*math.Log(1-mean[j])
				case Gauss:
					s := make([]float64, 1)
					sigmas(s, m.outputsAt(z, b.Given[:m.Given], 1)[c.Data+j:], m.like.(gauss[float64]).form, 1, 1, 1)
					lp += logNormal(x, mean[j], s[0])
				}
			}
			if math.Abs(p.LogProb[i]-lp) > 1e-11*(1+math.Abs(lp)) {
				t.Fatalf("%s: ln p(x|z) of row %d is %v, want %v", c.testName(), i, p.LogProb[i], lp)
			}
			if c.Means == MeansUnit && (mean[0] <= 0 || mean[0] >= 1) {
				t.Errorf("mean %v is not in (0, 1)", mean[0])
			}
		}
		variance := squares/k - sum/k*sum/k
		if d := math.Abs(sum/k - closed); d > 5*math.Sqrt(variance/k) {
			t.Errorf("%s: mean of the sampled KL %v, closed form %v, standard error %v", c.testName(), sum/k, closed, math.Sqrt(variance/k))
		}
	}
}

// TestVAEUse: reconstruction is decoding of the encoded means, samples follow the seed and
// their place, and their mean is that of the model.
func TestVAEUse(t *testing.T) {
	for _, c := range vaeConfigs() {
		m := newTestModel[float64](t, c).(*VAE[float64])
		b := newPointBatch[float64](c, 1, 1, 1, 1)
		z, sigma := make([]float64, 3*m.Latent), make([]float64, 3*m.Latent)
		m.Encode(z, sigma, b.X, b.Given, 3)
		x, y := make([]float64, 3*m.Data), make([]float64, 3*m.Data)
		m.Decode(x, z, b.Given, 3)
		m.Reconstruct(y, b.X, b.Given, 3)
		if !slices.Equal(x, y) {
			t.Errorf("%s: reconstruction is %v, decoded means are %v", c.testName(), y, x)
		}
		const n = 4000
		given := conditionsOf(n, m.Given)
		three := Sample(m, Draw{Count: 3, Steps: 2, Seed: 8, Given: given[:3*2*m.Given]})
		one := Sample(m, Draw{Count: 1, Steps: 2, Seed: 8, Given: given[:2*m.Given]})
		if !slices.Equal(three[:len(one)], one) || slices.Equal(three[:len(one)], three[len(one):2*len(one)]) {
			t.Errorf("%s: samples %v and %v", c.testName(), three, one)
		}
		draws := Sample(m, Draw{Count: n, Steps: 1, Seed: 8, Given: given})
		means := Sample(m, Draw{Count: n, Steps: 1, Seed: 8, Mean: true, Given: given})
		for j := range m.Data {
			sum, squares := 0.0, 0.0
			for i := range n {
				d := draws[i*m.Data+j] - means[i*m.Data+j]
				sum += d
				squares += d * d
			}
			if math.Abs(sum)/n > 5*math.Sqrt(squares)/n {
				t.Errorf("%s: draws are off their means by %v, standard error %v", c.testName(), sum/n, math.Sqrt(squares)/n)
			}
		}
	}
}

func TestVAEConfig(t *testing.T) {
	good := Config{Model: ModelVAE, Data: 4, Hidden: 3}
	c, err := good.Resolve()
	if err != nil || c.Posterior != 3 || c.Decoder != 3 || c.Latent != 20 || c.Activation != "tanh" || c.Depth != 1 || c.Means != MeansLinear {
		t.Errorf("resolved to %+v, %v", c, err)
	}
	again, err := c.Resolve()
	if err != nil || !reflect.DeepEqual(again, c) {
		t.Errorf("resolved twice: %+v, %v, want %+v", again, err, c)
	}
	pairs := Config{Model: ModelRegression, Data: 4, Given: 1, Hidden: 3}
	if c, err = pairs.Resolve(); err != nil || c.Likelihood != Gauss || c.Decoder != 3 || c.Latent != 0 {
		t.Errorf("regression: resolved to %+v, %v", c, err)
	}
	for name, change := range map[string]func(*Config){
		"likelihood": func(c *Config) { c.Likelihood = "cauchy" }, "init": func(c *Config) { c.Init = "x" },
		"activation": func(c *Config) { c.Activation = "sigmoid" }, "means": func(c *Config) { c.Means = "x" },
		"bernoulli means": func(c *Config) { c.Means = MeansUnit }, "scale": func(c *Config) { c.Scale = "x" },
		"data": func(c *Config) { c.Data = 0 }, "hidden": func(c *Config) { c.Hidden = -1 }, "latent": func(c *Config) { c.Latent = 1 << 20 },
		"depth": func(c *Config) { c.Depth = -2 }, "deep": func(c *Config) { c.Depth = 1000 },
		"given":  func(c *Config) { c.Model, c.Likelihood, c.Given = ModelRegression, Gauss, 4 },
		"none":   func(c *Config) { c.Model, c.Likelihood = ModelRegression, Gauss },
		"noise":  func(c *Config) { c.Model, c.Likelihood, c.Given, c.Noise = ModelRegression, Gauss, 1, math.NaN() },
		"binary": func(c *Config) { c.Model, c.Likelihood, c.Given = ModelRegression, Bernoulli, 1 },
	} {
		c := good
		change(&c)
		if _, err := New[float32](c); err == nil {
			t.Errorf("%s: %+v gave no error", name, c)
		}
	}
}
