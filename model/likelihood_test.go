package model

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/cell"
)

// likelihoodTest is what tests have to know of a likelihood. The zero value will do for one of
// real numbers.
type likelihoodTest struct {
	data, components, rank, classes, levels, units, gibbs int // of its configuration, 0 is 5 dimensions
	// value draws dimension j of a row.
	value    func(rng *rand.Rand, j int) float64
	channels string // beside x
}

var likelihoodTests = map[string]likelihoodTest{
	Bernoulli:        {value: func(rng *rand.Rand, _ int) float64 { return float64(rng.IntN(2)) }, channels: "theta_mu theta_sig"},
	NADE:             {value: func(rng *rand.Rand, _ int) float64 { return float64(rng.IntN(2)) }, units: 6, channels: "theta_bias"},
	RBM:              {value: func(rng *rand.Rand, _ int) float64 { return float64(rng.IntN(2)) }, units: 6, gibbs: 2, channels: "theta_bias"},
	Gauss:            {channels: "theta_mu theta_sig"},
	GaussFull:        {channels: "theta_mu theta_sig"},
	Student:          {channels: "theta_mu theta_sig"},
	StudentFull:      {channels: "theta_mu theta_sig"},
	GaussLowRank:     {rank: 2, channels: "theta_mu theta_sig"},
	GMM:              {components: 3, channels: "theta_mu theta_sig coeff"},
	Categorical:      {data: 1, classes: 11, value: func(rng *rand.Rand, _ int) float64 { return float64(rng.IntN(11)) }, channels: "theta_max"},
	Bivariate:        {data: 3, value: penAndPoint, channels: "theta_mu theta_sig theta_pen theta_corr"},
	BivariateMixture: {data: 3, components: 2, value: penAndPoint, channels: "theta_mu theta_sig theta_pen theta_corr coeff"},
	// levels, both ends among them
	LogisticMixture: {components: 3, levels: 16, value: func(rng *rand.Rand, _ int) float64 { return 2*float64(rng.IntN(16))/15 - 1 },
		channels: "theta_mu theta_sig coeff"},
}

func penAndPoint(rng *rand.Rand, j int) float64 {
	if j == 0 {
		return float64(rng.IntN(2))
	}
	return rng.NormFloat64()
}

// likelihoodValue draws dimension j of a row that suits the likelihood.
func likelihoodValue(likelihood string, rng *rand.Rand, j int) float64 {
	if value := likelihoodTests[likelihood].value; value != nil {
		return value(rng, j)
	}
	return rng.NormFloat64()
}

// support returns points that a distribution over two dimensions, one of classes or a pen bit
// and two dimensions can be summed over, and the volume that each of them stands for.
func support(c Config) (x []float64, volume float64) {
	switch c.Likelihood {
	case Categorical:
		for k := range c.Classes {
			x = append(x, float64(k))
		}
		return x, 1
	case Bernoulli, NADE, RBM:
		return []float64{0, 0, 0, 1, 1, 0, 1, 1}, 1
	case LogisticMixture:
		last := float64(c.Levels - 1)
		for i := range c.Levels {
			for j := range c.Levels {
				x = append(x, 2*float64(i)/last-1, 2*float64(j)/last-1)
			}
		}
		return x, 1
	}
	const h = 0.25 // small beside every σ, so the error of the sum is far below 1e-6
	for i := -48; i <= 48; i++ {
		for j := -48; j <= 48; j++ {
			if c.Data == 2 {
				x = append(x, h*float64(i), h*float64(j))
				continue
			}
			for pen := range 2 {
				x = append(x, float64(pen), h*float64(i), h*float64(j))
			}
		}
	}
	return x, h * h
}

// TestLikelihoods: the probabilities that a model gives to all that a step can be sum to 1,
// and what it samples has the mean and the second moments of these probabilities.
func TestLikelihoods(t *testing.T) {
	for _, name := range Likelihoods() {
		t.Run(name, func(t *testing.T) {
			c := testConfig(ModelRNN, "lstm", name)
			if c.Data > 3 {
				c.Data = 2
			}
			m := newTestModel[float64](t, c).(*VRNN[float64])
			rng := rand.New(rand.NewPCG(2, 2))
			for i := range last(m.decoder).B { // a distribution with a shape
				last(m.decoder).B[i] += rng.NormFloat64() * 0.7
			}
			if b := last(m.decoder).B; name == LogisticMixture { // and not all at the ends
				for i := len(b) / 3; i < len(b); i++ {
					b[i] *= 0.3
				}
				for i := 2 * len(b) / 3; i < len(b); i++ {
					b[i] -= 4
				}
			}
			m.PackForTraining()
			x, volume := support(m.Config)
			n := len(x) / m.Data
			lengths := make([]int, n)
			for i := range lengths {
				lengths[i] = 1
			}
			p := newVRNNPass(m, 1)
			obj, tol := Bound(n), 1e-6
			if name == RBM { // an estimate, without bias
				obj.Anneal, tol = Annealing{Runs: 1000, Temperatures: 50}, 0.01
			}
			switch name { // the tails beyond the points
			case Student, StudentFull:
				tol = 0.02
			case GaussLowRank:
				tol = 1e-5
			}
			p.Forward(&Batch[float64]{Shape: cell.NewRagged(lengths...), X: x}, obj, false)
			// Moments: 1, the dimensions, their products.
			moments := func(row []float64) []float64 {
				ms := append([]float64{1}, row...)
				for i, a := range row {
					for _, b := range row[:i+1] {
						ms = append(ms, a*b)
					}
				}
				return ms
			}
			want := make([]float64, len(moments(x[:m.Data])))
			square := make([]float64, len(want))
			for i := range n {
				for j, v := range moments(x[i*m.Data : (i+1)*m.Data]) {
					w := math.Exp(p.LogProb[i]) * volume
					want[j] += w * v
					square[j] += w * v * v
				}
			}
			if math.Abs(want[0]-1) > tol {
				t.Errorf("the probabilities sum to %v", want[0])
			}
			const count = 10000
			got := make([]float64, len(want))
			for i, draws := 0, Sample(m, Draw{Count: count, Steps: 1, Seed: 3}); i < len(draws); i += m.Data {
				for j, v := range moments(draws[i : i+m.Data]) {
					got[j] += v / count
				}
			}
			for j := range got {
				sd := math.Sqrt(math.Max(square[j]-want[j]*want[j], 0) / count)
				if math.Abs(got[j]-want[j]) > 5*sd+tol {
					t.Errorf("moment %d of the samples is %v, want %v +- %v", j, got[j], want[j], sd)
				}
			}
			mean := Sample(m, Draw{Count: 1, Steps: 1, Seed: 3, Mean: true})
			if name == NADE || name == RBM {
				return // what they give for a mean is none
			}
			if name == Categorical { // its mode
				for i, lp := range p.LogProb {
					if lp > p.LogProb[int(mean[0])] {
						t.Errorf("class %d is more likely than the mode %v", i, mean[0])
					}
				}
				return
			}
			switch tol = 1e-6; name {
			case GaussLowRank:
				tol = 1e-4
			case GaussFull:
				tol = 1e-5
			case Student, StudentFull:
				tol = 0.02 // the tails beyond the points
			}
			if name == LogisticMixture { // a level, and the ends cut off tails
				tol = 1.5 / float64(c.Levels-1)
			}
			for j, v := range mean {
				if math.Abs(v-want[1+j]) > tol {
					t.Errorf("mean %v of dimension %d, want %v", v, j, want[1+j])
				}
			}
		})
	}
}

// TestChannels: every model shows its channels, and what they say is possible.
func TestChannels(t *testing.T) {
	signed := map[string]bool{"x": true, "theta_bias": true, "logits": true, "theta_mu": true, "theta_corr": true}
	shares := map[string]bool{"coeff": true, "theta_max": true, "theta_pen": true, "theta_corr": true}
	for _, c := range testConfigs() {
		m := newTestModel[float32](t, c)
		c = m.Settings()
		p := m.NewPass(2)
		p.Forward(newTestBatch(m, rand.New(rand.NewPCG(9, 9)), 6, 4, 1), Bound(11), false)
		got := channels{}
		p.Channels(got.add)
		want := map[string]bool{"x": true}
		for name := range strings.FieldsSeq(likelihoodTests[c.Likelihood].channels) {
			want[name] = true
		}
		if c.Likelihood == "" {
			want = map[string]bool{"logits": true}
		}
		if c.Latent > 0 {
			want["phi_sig"] = true
		}
		if c.Model == ModelVRNN {
			want["prior_sig"] = true
		}
		for name, ch := range got.result() {
			if !want[name] {
				t.Errorf("%s: channel %s is not wanted", c.testName(), name)
			}
			delete(want, name)
			if !(ch.Min <= ch.Mean && ch.Mean <= ch.Max) || !signed[name] && ch.Min < 0 {
				t.Errorf("%s: channel %s = %+v", c.testName(), name, ch)
			}
			if shares[name] && ch.Max > 1 {
				t.Errorf("%s: channel %s = %+v", c.testName(), name, ch)
			}
		}
		for name := range want {
			t.Errorf("%s: no channel %s", c.testName(), name)
		}
	}
}

// TestConfigErrors: what cannot be built is refused, with the reason.
func TestConfigErrors(t *testing.T) {
	for _, c := range []struct {
		config Config
		want   string
	}{
		{Config{Model: "nope", Data: 1, Hidden: 1}, `unknown model "nope"`},
		{Config{Likelihood: "nope", Data: 1, Hidden: 1}, `unknown likelihood "nope"`},
		{Config{Cell: "nope", Data: 1, Hidden: 1}, `unknown kind "nope"`},
		{Config{Data: 1}, "hidden = 0"},
		{Config{Data: 0, Hidden: 1}, "data = 0"},
		{Config{Data: 1, Hidden: 1 << 20}, "hidden = 1048576"},
		{Config{Data: 1, Hidden: 1, Likelihood: Categorical}, "classes = 0"},
		{Config{Data: 2, Hidden: 1, Likelihood: Categorical, Classes: 4}, "data = 2"},
		{Config{Data: 1, Hidden: 1, Likelihood: GMM, Components: -1}, "components = -1"},
		{Config{Data: 1, Hidden: 1, Likelihood: LogisticMixture, Levels: 1}, "levels = 1"},
		{Config{Data: 1, Hidden: 1, Likelihood: LogisticMixture, Levels: 1 << 17}, "levels = 131072"},
		{Config{Data: 4, Hidden: 1, Likelihood: Bivariate}, "data = 4"},
		{Config{Data: 1, Hidden: 1, Dropout: 1, Layers: 2}, "dropout = 1"},
		{Config{Data: 1, Hidden: 1, Dropout: 0.5}, "one recurrent layer"},
		{Config{Data: 1, Hidden: 1, DropoutInput: -0.1}, "dropout_input = -0.1"},
		{Config{Data: 1, Hidden: 1, DropoutHeads: 1}, "dropout_heads = 1"},
		{Config{Data: 1, Hidden: 1, Layers: -1}, "layers = -1"},
		{Config{Model: ModelVRAE, Data: 1, Hidden: 1, Likelihood: GMM, Components: -1}, "components = -1"},
		{Config{Model: ModelVRAE, Data: 1, Hidden: 1, Likelihood: LogisticMixture, Levels: 1}, "levels = 1"},
		{Config{Model: ModelVRNN, Data: 1, Hidden: 1, Likelihood: RBM}, "likelihood rbm is not for a vrnn, want one of [bernoulli "},
		{Config{Model: ModelVRAE, Data: 1, Hidden: 1, Likelihood: RBM, Teacher: true}, "likelihood rbm is not for a vrae"},
		{Config{Model: ModelVAE, Data: 1, Hidden: 1, Likelihood: RBM}, "likelihood rbm is not for a vae"},
		{Config{Model: ModelRNN, Data: 1, Hidden: 1, Likelihood: RBM, Units: -1}, "units = -1"},
		{Config{Model: ModelRNN, Data: 1, Hidden: 1, Likelihood: RBM, Gibbs: -1}, "gibbs = -1"},
		{Config{Data: 9999, Hidden: 1, Likelihood: GMM, Components: 9999}, "outputs"},
	} {
		_, err := New[float32](c.config)
		checkError(t, err, c.want)
	}
}

// TestClassesSeen: a model sees a class as a vector with a single 1, less the frequencies.
func TestClassesSeen(t *testing.T) {
	m := newModel[float64](t, Config{Model: ModelRNN, Likelihood: Categorical, Data: 1, Classes: 3, Hidden: 2}).(*VRNN[float64])
	d := &Data{Dim: 1, Form: Form{Classes: 3}, Train: []Sequence{{X: []float32{0, 2, 2, 2}}}}
	m.Init(1, d.Stats())
	u := make([]float64, 6)
	m.encode(u, []float64{2, 0}, 0, 2)
	for i, want := range []float64{-0.25, 0, 0.25, 0.75, 0, -0.75} {
		if u[i] != want {
			t.Errorf("element %d is %v, want %v", i, u[i], want)
		}
	}
	for c, want := range []float64{1.5 / 5.5, 0.5 / 5.5, 3.5 / 5.5} {
		if got := math.Exp(last(m.decoder).B[c]); math.Abs(got-want) > 1e-12 {
			t.Errorf("class %d starts with probability %v, want %v", c, got, want)
		}
	}
}
