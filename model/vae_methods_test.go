package model

import (
	"math"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// TestEstimators: all estimators of the gradient of the posterior have the same mean, within
// standard errors over many draws, and B has less variance than A, a baseline less than none
// and the pathwise gradient less than both.
func TestEstimators(t *testing.T) {
	draws := 1500
	if testing.Short() {
		draws = 800
	}
	for _, c := range []Config{
		{Model: ModelVAE, Likelihood: Bernoulli, Data: 6, Hidden: 5, Latent: 2},
		{Model: ModelVAE, Likelihood: Gauss, Data: 4, Hidden: 5, Latent: 2, Scale: ScaleLogVar},
	} {
		for _, k := range []int{1, 4} {
			m := newTestModel[float32](t, c)
			b := newPointBatch[float32](c, k, 1, 1, 1)
			measure := func(method string, sampled bool) GradientStats {
				obj := Objective{KLWeight: 1, Scale: 1.0 / 3, Samples: k, Method: method, Sampled: sampled}
				return MeasureGradient(m, b, obj, draws, "encoder")
			}
			want := measure(MethodPathwise, false)
			same := func(name string, got GradientStats) {
				t.Helper()
				worst := 0.0
				for i := range got.Mean {
					// The draws are the same, so the errors are correlated; their sum bounds that.
					se := math.Sqrt(got.Variance[i]/float64(draws)) + math.Sqrt(want.Variance[i]/float64(draws))
					worst = math.Max(worst, math.Abs(got.Mean[i]-want.Mean[i])/se)
				}
				if worst > 4.5 {
					t.Errorf("%s L=%d, %s: a mean is off by %.1f standard errors", c.Likelihood, k, name, worst)
				}
			}
			a, score, baseline := measure(MethodPathwise, true), measure(MethodScore, false), measure(MethodBaseline, false)
			scoreA := measure(MethodScore, true)
			same("A", a)
			same("score", score)
			same("score, A", scoreA)
			same("score-baseline", baseline)
			if !(want.Total() < a.Total() && want.Total() < baseline.Total() && baseline.Total() < score.Total()) {
				t.Errorf("%s L=%d: variances: pathwise B %.3g, A %.3g, score %.3g, with baseline %.3g", c.Likelihood, k, want.Total(), a.Total(), score.Total(), baseline.Total())
			}
		}
	}
}

// TestScoreGradient: with z and the weights of the rows held still, the score-function
// gradient is that of Σ cost ln q(z|x), beside the closed KL.
func TestScoreGradient(t *testing.T) {
	for _, c := range vaeConfigs() {
		for _, obj := range []Objective{
			{KLWeight: 0.7, Scale: 1.0 / 3, Samples: 3, Method: MethodBaseline},
			{KLWeight: 0.7, Scale: 1.0 / 3, Samples: 1, Method: MethodBaseline},
			{KLWeight: 0.7, Scale: 1.0 / 3, Samples: 2, Method: MethodScore, Sampled: true},
		} {
			m := newTestModel[float64](t, c).(*VAE[float64])
			b := newPointBatch[float64](c, obj.Samples, 1, 1, 1)
			p := m.pass(1)
			p.Forward(b, obj, true)
			grad := m.NewGrad()
			p.Backward(grad)
			z, cost := slices.Clone(p.lat.z), slices.Clone(p.cost)
			rows := len(cost)
			mu, sigma := make([]float64, rows*m.Latent), make([]float64, rows*m.Latent)
			lq, kl := make([]float64, rows), make([]float64, rows)
			loss := func() (parts []float64) {
				m.PackForTraining()
				m.Encode(mu, sigma, b.X, b.Given, rows)
				kernels.GaussLogProb(lq, z, &kernels.Gauss[float64]{Mu: mu, S: sigma, Ld: m.Latent, Form: kernels.Sigma}, rows, m.Latent)
				kernels.GaussKLStandard(kl, &kernels.Gauss[float64]{Mu: mu, S: sigma, Ld: m.Latent, Form: kernels.Sigma}, rows, m.Latent)
				for i := range cost {
					parts = append(parts, cost[i]*lq[i])
					if !obj.Sampled {
						parts = append(parts, obj.KLWeight*obj.Scale/float64(obj.Samples)*kl[i])
					}
				}
				return parts
			}
			loss()
			encoder := 2 * len(m.encoder.Layers)
			checkDifferences(t, m.Tensors()[:encoder], grad.Tensors()[:encoder], loss)
			if obj.Method == MethodBaseline {
				group := obj.Samples
				if group == 1 {
					group = rows
				}
				sum := 0.0
				for _, v := range cost[:group] {
					sum += v
				}
				if math.Abs(sum) > 1e-12 {
					t.Errorf("weights with a leave-one-out baseline sum to %v in a group, want 0", sum)
				}
			}
		}
	}
}

// TestWakeSleep: the generative gradient is that of -ln p(x|z) at the draws, the posterior's
// that of -ln q(z|x) at the dreams, and dreams are draws from the model.
func TestWakeSleep(t *testing.T) {
	for _, c := range vaeConfigs() {
		for _, k := range []int{1, 2} {
			obj := Objective{KLWeight: 1, Scale: 1.0 / 6, Samples: k, Method: MethodWakeSleep}
			m := newTestModel[float64](t, c).(*VAE[float64])
			b := newPointBatch[float64](c, k, 2, 2, 1, 1)
			p := m.pass(2)
			p.Forward(b, obj, true)
			z := slices.Clone(p.lat.z)
			grad := m.NewGrad()
			p.Backward(grad)
			dreamZ, dreamX := slices.Clone(p.lat.dz[:6*m.Latent]), slices.Clone(p.dreamX)
			for i := range 6 * c.Given {
				if want := b.Given[i/c.Given*k*c.Given+i%c.Given]; p.dreamGiven[i] != want {
					t.Fatalf("%s: the dream of point %d is given %v, want %v", c.testName(), i/c.Given, p.dreamGiven[i], want)
				}
			}
			encoder := 2 * len(m.encoder.Layers)

			mu, sigma, lq := make([]float64, 6*m.Latent), make([]float64, 6*m.Latent), make([]float64, 6)
			checkDifferences(t, m.Tensors()[:encoder], grad.Tensors()[:encoder], func() (parts []float64) {
				m.PackForTraining()
				m.Encode(mu, sigma, dreamX, p.dreamGiven, 6)
				kernels.GaussLogProb(lq, dreamZ, &kernels.Gauss[float64]{Mu: mu, S: sigma, Ld: m.Latent, Form: kernels.Sigma}, 6, m.Latent)
				for _, v := range lq {
					parts = append(parts, -v*obj.Scale)
				}
				return parts
			})
			lp := make([]float64, 6*k)
			checkDifferences(t, m.Tensors()[encoder:], grad.Tensors()[encoder:], func() (parts []float64) {
				m.PackForTraining()
				logProbs(m.like, lp, b.X, m.outputsAt(z, b.Given, 6*k), m.Data)
				for _, v := range lp {
					parts = append(parts, -v*obj.Scale/float64(k))
				}
				return parts
			})
			// The sequences have 2, 2, 1 and 1 steps, so point 2 is row 2 of the first step and
			// point 5 row 1 of the second.
			m.PackForTraining()
			for _, at := range []struct{ point, step, row int }{{2, 0, 2}, {5, 1, 1}} {
				z, x := make([]float64, m.Latent), make([]float64, m.Data)
				noise := kernels.Noise{Seed: 3, Stream: streamDreamZ, Update: 11}
				kernels.Normals(z, noise, uint32(at.step), uint32(at.row), 1, m.Latent)
				noise.Stream = streamDreamX
				m.like.sample(x, m.outputsAt(z, p.dreamGiven[at.point*m.Given:][:m.Given], 1), noise, uint32(at.step), uint32(at.row), 1, m.Data)
				if i := at.point; !slices.Equal(z, dreamZ[i*m.Latent:(i+1)*m.Latent]) || !slices.Equal(x, dreamX[i*m.Data:(i+1)*m.Data]) {
					t.Errorf("%s: dream %d is %v, %v, want the draws %v, %v", c.testName(), i, dreamZ[i*m.Latent:(i+1)*m.Latent], dreamX[i*m.Data:(i+1)*m.Data], z, x)
				}
			}
		}
	}
}

// TestWeightPosterior checks the gradient of means and ln σ at fixed noise, the KL term
// against the equation, and that draws have the moments of the posterior.
func TestWeightPosterior(t *testing.T) {
	for _, c := range []Config{
		{Model: ModelVAE, Data: 5, Hidden: 4, Latent: 3},
		{Model: ModelVRNN, Data: 5, Hidden: 4, Latent: 3},
		{Model: ModelRegression, Likelihood: Gauss, Data: 5, Given: 2, Hidden: 4},
	} {
		m := newTestModel[float64](t, c)
		params := m.Tensors()
		w := NewWeightPosterior(params)
		for i, s := range w.LogSigma {
			for j := range s.Data {
				s.Data[j] = -1 - 0.1*float64((i+j)%7)
			}
		}
		b := newPointBatch[float64](c, 1, 2, 2, 1)
		p := m.NewPass(1)
		obj := Bound(5)
		noise := kernels.Noise{Seed: 1, Stream: streamWeights, Update: 4}
		loss := func() []float64 {
			w.Draw(noise)
			m.PackForTraining()
			p.Forward(b, obj, true)
			w.Restore()
			return append(losses(p), 0.01*w.KL())
		}
		loss()
		grad := m.NewGrad()
		w.Draw(noise)
		m.PackForTraining()
		p.Backward(grad)
		w.Restore()
		gs := grad.Tensors()
		w.Backward(gs, 0.01)
		checkDifferences(t, append(params, w.LogSigma...), append(gs, w.Grad...), loss)

		kl := 0.0
		for i, ts := range params {
			for j, mu := range ts.Data {
				s := math.Exp(w.LogSigma[i].Data[j])
				kl += (s*s+mu*mu-1)/2 - math.Log(s)
			}
		}
		if got := w.KL(); math.Abs(got-kl) > 1e-12*kl || got < 0 {
			t.Errorf("%s: KL of the weights %v, want %v", c.Model, got, kl)
		}
		// At the prior the KL is 0.
		for i, ts := range params {
			clear(ts.Data)
			clear(w.LogSigma[i].Data)
		}
		if got := w.KL(); got != 0 {
			t.Errorf("%s: KL of the prior from itself %v, want 0", c.Model, got)
		}
		// Draws of the prior are standard normal, all of them different.
		sum, squares, n := 0.0, 0.0, 0
		for u := range uint32(50) {
			noise.Update = u
			w.Draw(noise)
			if params[0].Data[0] == params[2].Data[0] {
				t.Errorf("%s: two parameters have the draw %v", c.Model, params[0].Data[0])
			}
			for _, ts := range params {
				for _, v := range ts.Data {
					sum += v
					squares += v * v
					n++
				}
			}
			w.Restore()
		}
		if mean, v := sum/float64(n), squares/float64(n); math.Abs(mean) > 5/math.Sqrt(float64(n)) || math.Abs(v-1) > 5*math.Sqrt(2/float64(n)) {
			t.Errorf("%s: draws have mean %v and variance %v", c.Model, mean, v)
		}
		if cell.Count(w.LogSigma) != cell.Count(params) {
			t.Errorf("%s: %d σ for %d parameters", c.Model, cell.Count(w.LogSigma), cell.Count(params))
		}
	}
}
