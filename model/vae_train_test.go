package model

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/blas/blastest"
)

// linearGauss returns a VAE that is a factor analyser, with the exact posterior for its
// encoder, and the exact ln p(x).
//
//	x = W z + b + s ε, columns of W orthogonal     p(x) = N(b, W Wᵀ + s² I)
//	q(z|x) = N(w_j·(x-b)/(s² c_j), 1/c_j)           c_j = 1 + |w_j|²/s²
func linearGauss(t *testing.T) (m *VAE[float32], exact func(x []float32) float64) {
	t.Helper()
	const d, s = 6, 0.6
	model, err := New[float32](Config{Model: ModelVAE, Likelihood: Gauss, Data: d, Hidden: 1, Latent: 2, Depth: noLayers, Scale: ScaleLogVar})
	if err != nil {
		t.Fatal(err)
	}
	m = model.(*VAE[float32])
	w := [2][d]float64{{1, -0.5, 0.25, 0, 0.75, 0.5}, {0.5, 1, 0, 0.5, 0, 0}}
	b := [d]float64{0.1, -0.2, 0.3, 0, 0.5, -0.4}
	var c [2]float64
	for j := range w {
		c[j] = 1
		for i, v := range w[j] {
			c[j] += v * v / (s * s)
			last(m.decoder).W[i*2+j] = float32(v)
		}
	}
	for i, v := range b {
		last(m.decoder).B[i] = float32(v)
		last(m.decoder).B[d+i] = float32(2 * math.Log(s))
	}
	for j := range w {
		bias := 0.0
		for i, v := range w[j] {
			last(m.encoder).W[j*d+i] = float32(v / (s * s * c[j]))
			bias -= v * b[i] / (s * s * c[j])
		}
		last(m.encoder).B[j] = float32(bias)
		last(m.encoder).B[2+j] = float32(-math.Log(c[j]))
	}
	m.Pack()
	return m, func(x []float32) float64 {
		lp := -d/2.0*math.Log(2*math.Pi) - d*math.Log(s)
		var dot [2]float64
		for i, v := range x {
			r := float64(v) - b[i]
			lp -= r * r / (2 * s * s)
			for j := range w {
				dot[j] += w[j][i] * r
			}
		}
		for j := range w {
			lp += dot[j]*dot[j]/(2*s*s*s*s*c[j]) - math.Log(c[j])/2
		}
		return lp
	}
}

// TestMarginalLikelihood compares importance sampling with the exact value of a linear
// model: with the exact posterior any number of samples gives it, with another one the
// bound rises to it with the number.
func TestMarginalLikelihood(t *testing.T) {
	m, exact := linearGauss(t)
	x := Sample(m, Draw{Count: 40, Steps: 1, Seed: 5})
	var seqs []Sequence
	want := 0.0
	for i := 0; i < len(x); i += m.Data {
		seqs = append(seqs, Sequence{X: x[i : i+m.Data]})
		want += exact(x[i:i+m.Data]) / 40
	}
	score := func(k int) float64 {
		return -Evaluate(m, seqs, EvalConfig{Batch: 16, Samples: k, Seed: 2, Threads: 2}).NLLPerSeq
	}
	for _, k := range []int{2, 7, 300} {
		if got := score(k); math.Abs(got-want) > 1e-4 {
			t.Errorf("exact posterior, K = %d: %v, want %v", k, got, want)
		}
	}
	// The variational bound takes KL in closed form, so it has the noise of its draws.
	if got := score(1); math.Abs(got-want) > 0.5 {
		t.Errorf("exact posterior, bound %v, want about %v", got, want)
	}
	for j := range m.Latent {
		last(m.encoder).B[j] += 0.4
		last(m.encoder).B[m.Latent+j] += 0.8
	}
	m.Pack()
	last := math.Inf(-1)
	for _, k := range []int{1, 5, 50, 5000} {
		got := score(k)
		if got <= last || got > want+0.02 {
			t.Errorf("K = %d: bound %v after %v, exact value %v", k, got, last, want)
		}
		last = got
	}
	if math.Abs(last-want) > 0.01 {
		t.Errorf("5000 samples give %v, want %v", last, want)
	}
}

// TestBinariseSamples: all samples of an image see the same draw of its pixels, in training
// as in evaluation, so that importance weights belong to one x.
func TestBinariseSamples(t *testing.T) {
	p := []float32{0.5, 0.4, 0.3, 0.6, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5}
	seqs := []Sequence{{X: p, Binarise: true}, {X: p, Binarise: true}, {X: p}}
	var b Batch[float32]
	segment(&b, seqs, []int{0, 1, 2}, Config{Data: 12}, 0, 0, 3, 0)
	for i := range 9 {
		if whole := slices.Equal(b.X[i*12:(i+1)*12], p); whole != (i >= 6) {
			t.Errorf("row %d is %v, the data %v", i, b.X[i*12:(i+1)*12], p)
		}
		if same := slices.Equal(b.X[i*12:(i+1)*12], b.X[:12]); same != (i < 3) {
			t.Errorf("row %d is %v, row 0 %v", i, b.X[i*12:(i+1)*12], b.X[:12])
		}
	}
}

// testImages returns noisy copies of four patterns, as sequences of one step.
func testImages(n int, seed uint64) []Sequence {
	rng := rand.New(rand.NewPCG(11, seed))
	seqs := make([]Sequence, n)
	for i := range seqs {
		x := make([]float32, 16)
		k := rng.IntN(4)
		for j := range x {
			if (j/4 == k) != (rng.IntN(12) == 0) {
				x[j] = 1
			}
		}
		seqs[i].X = x
	}
	return seqs
}

func testImageData() *Data {
	return &Data{Name: "bars", Dim: 16, Hash: "45", Train: testImages(400, 1), Valid: testImages(100, 2), Test: testImages(100, 3)}
}

func imageTrainConfig() TrainConfig {
	c := DefaultTrainConfig()
	c.Epochs, c.Batch, c.Rate, c.Patience, c.Reshuffle = 20, 20, 1e-2, 0, true
	return c
}

// TestVAELearns: every way of training gets well below the independent pixels' 10.9 nats.
func TestVAELearns(t *testing.T) {
	blastest.UseGo(t)
	d := testImageData()
	for _, c := range []struct {
		name   string
		change func(*TrainConfig)
		limit  float64
	}{
		{"aevb", func(*TrainConfig) {}, 7.3},
		{"L=3", func(c *TrainConfig) { c.Samples = 3 }, 7.3},
		{"A", func(c *TrainConfig) { c.Sampled = true }, 7.3},
		{"iwae", func(c *TrainConfig) { c.Samples, c.Importance = 5, true }, 7.1},
		{"wake-sleep", func(c *TrainConfig) { c.Method = MethodWakeSleep }, 7.5},
		{"score-baseline", func(c *TrainConfig) { c.Method, c.Samples = MethodBaseline, 5 }, 7.4},
		{"adagrad", func(c *TrainConfig) { c.Optimizer, c.Rate, c.WeightDecay = OptimizerAdagrad, 0.1, 1 }, 7.5},
		{"sgd", func(c *TrainConfig) { c.Optimizer, c.Rate = OptimizerSGD, 0.05 }, 7.7},
		{"weight posterior", func(c *TrainConfig) { c.WeightPosterior = true }, 7.4},
	} {
		if testing.Short() && c.name != "aevb" {
			continue
		}
		tc := imageTrainConfig()
		c.change(&tc)
		tr := newTestTrainer(t, Config{Model: ModelVAE, Hidden: 16, Latent: 3}, tc, d, "")
		if err := tr.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		bound, _ := tr.Best()
		if bound > c.limit {
			t.Errorf("%s: valid bound %v, want at most %v", c.name, bound, c.limit)
		}
		e := tr.History()[len(tr.History())-1]
		if (e.WeightKL > 0) != tc.WeightPosterior {
			t.Errorf("%s: KL of the weights %v", c.name, e.WeightKL)
		}
	}
}

// TestVAEResume stops trainings of data points in all their ways; images are dealt out anew
// in every epoch.
func TestVAEResume(t *testing.T) {
	blastest.UseGo(t)
	d := testImageData()
	for i := range d.Train {
		d.Train[i].Binarise = i%2 == 0
		if d.Train[i].Binarise {
			for j := range d.Train[i].X {
				d.Train[i].X[j] = 0.2 + 0.6*d.Train[i].X[j]
			}
		}
	}
	for _, c := range []struct {
		name   string
		model  Config
		change func(*TrainConfig)
	}{
		{"adagrad", Config{Model: ModelVAE, Init: InitNormal}, func(c *TrainConfig) { c.Optimizer, c.WeightDecay = OptimizerAdagrad, 1 }},
		{"sgd", Config{Model: ModelVAE}, func(c *TrainConfig) { c.Optimizer, c.Sampled = OptimizerSGD, true }},
		{"plain sgd", Config{Model: ModelVAE}, func(c *TrainConfig) { c.Optimizer, c.Beta1, c.Method = OptimizerSGD, 0, MethodWakeSleep }},
		{"weight posterior", Config{Model: ModelVAE, Depth: noLayers}, func(c *TrainConfig) { c.WeightPosterior, c.Samples, c.Importance = true, 3, true }},
		{"regression", Config{Model: ModelRegression, Likelihood: Gauss, Given: 10}, func(c *TrainConfig) { c.WeightPosterior = true }},
		{"vrae", Config{Model: ModelVRAE}, func(c *TrainConfig) { c.WeightPosterior = true }},
		{"vrnn", Config{Model: ModelVRNN}, func(c *TrainConfig) { c.WeightPosterior, c.Optimizer = true, OptimizerAdagrad }},
	} {
		t.Run(c.name, func(t *testing.T) {
			tc := imageTrainConfig()
			tc.Epochs, tc.Rate, tc.Batch = 2, 1e-3, 80
			c.change(&tc)
			c.model.Hidden, c.model.Latent = 5, 2
			checkResume(t, c.model, tc, d, []int{1, 5, 7})
		})
	}
}

// TestVAEOnEveryISA: a short training ends with the bits of plain Go.
func TestVAEOnEveryISA(t *testing.T) {
	blastest.UseGo(t)
	d := testImageData()
	d.Train = d.Train[:100]
	want := map[string][]float32{}
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, name := range []string{OptimizerAdam, OptimizerAdagrad, OptimizerSGD} {
			tc := imageTrainConfig()
			tc.Epochs, tc.Optimizer, tc.Rate, tc.WeightPosterior = 1, name, 1e-3, name == OptimizerAdam
			tr := newTestTrainer(t, Config{Model: ModelVAE, Hidden: 19, Latent: 17}, tc, d, "")
			if err := tr.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			var got []float32
			for _, ts := range append(stored(tr.Model), tr.training()...) {
				got = append(got, ts.Data...)
			}
			got = append(got, Sample(tr.Model, Draw{Count: 2, Steps: 1, Seed: 1})...)
			if asm.Active() == asm.Generic {
				want[name] = got
			} else {
				asmtest.SameFloats(t, name, got, want[name])
			}
		}
	})
}

// TestWeightDecay: the gradient of -ln p(w)/N with p = N(0, I) joins that of the matrices.
func TestWeightDecay(t *testing.T) {
	d := testImageData()
	tc := imageTrainConfig()
	tc.WeightDecay, tc.Optimizer, tc.Beta1, tc.Rate, tc.Clip = 8, OptimizerSGD, 0, 1, 0
	tr := newTestTrainer(t, Config{Model: ModelVAE, Hidden: 3, Latent: 2}, tc, d, "")
	if tr.opt.Decay != 8.0/400 {
		t.Fatalf("decay %v, want 8/400", tr.opt.Decay)
	}
	if ts := tr.opt.tensors(tr.params); len(ts) != 0 {
		t.Errorf("SGD without momentum keeps %d tensors", len(ts))
	}
	tr.opt.Divisor = 4
	var before [][]float32
	for i, p := range tr.params {
		before = append(before, slices.Clone(p.Data))
		fill(tr.grads[i].Data, 2)
	}
	size := tr.opt.Step(tr.params, tr.grads)
	squares := 0.0
	for i, p := range tr.params {
		for j, v := range p.Data {
			g := 0.5
			if len(p.Shape) == 2 {
				g += 0.02 * float64(before[i][j])
			}
			squares += g * g
			if want := float64(before[i][j]) - g; math.Abs(float64(v)-want) > 1e-6 {
				t.Fatalf("%s[%d] = %v, want %v", p.Name, j, v, want)
			}
		}
	}
	if want := 4 * math.Sqrt(squares); math.Abs(size-want) > 1e-5*size {
		t.Errorf("norm %v, want %v", size, want)
	}
}

// TestInitNormal: every parameter of a VAE starts from N(0, 0.01²), and nothing from data.
func TestInitNormal(t *testing.T) {
	m, err := New[float32](Config{Model: ModelVAE, Data: 100, Hidden: 60, Init: InitNormal})
	if err != nil {
		t.Fatal(err)
	}
	m.Init(3, Stats{Steps: 1, Mean: slices.Repeat([]float64{0.5}, 100)})
	n, squares := 0, 0.0
	for _, ts := range m.Tensors() {
		for i, v := range ts.Data {
			if v == 0 || math.Abs(float64(v)) > 0.06 {
				t.Fatalf("%s[%d] = %v", ts.Name, i, v)
			}
			squares += float64(v) * float64(v)
			n++
		}
	}
	if v := squares / float64(n) / 1e-4; math.Abs(v-1) > 5*math.Sqrt(2/float64(n)) {
		t.Errorf("variance %v of 0.01²", v)
	}
	for _, v := range m.Constants()[0].Data {
		if v != 0 {
			t.Fatalf("mean %v, want 0", v)
		}
	}
	vrnn := newModel[float32](t, Config{Model: ModelVRNN, Data: 20, Hidden: 30, Init: InitNormal})
	vrnn.Init(3, Stats{Steps: 1, Mean: slices.Repeat([]float64{0.5}, 20)})
	if w := vrnn.Tensors()[0].Data; w[0] == 0 || math.Abs(float64(slices.Max(w))) > 0.06 {
		t.Errorf("VRNN: weights up to %v", slices.Max(w))
	}
}

// TestVAECheckpoint: a saved model comes back with its bits, and a header whose sizes are
// not those of the tensors is refused before a model is made.
func TestVAECheckpoint(t *testing.T) {
	for _, c := range []Config{
		{Model: ModelVAE, Likelihood: Gauss, Data: 16, Hidden: 3, Latent: 2, Means: MeansUnit},
		{Model: ModelVAE, Data: 16, Hidden: 3, Latent: 2, Depth: noLayers},
		{Model: ModelRegression, Likelihood: Gauss, Data: 16, Given: 5, Hidden: 3, Depth: 2},
	} {
		m := newTestModel[float32](t, c)
		path := filepath.Join(t.TempDir(), BestFile)
		if err := Save(path, m, testImageData()); err != nil {
			t.Fatal(err)
		}
		got, _, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got.Settings(), m.Settings()) {
			t.Errorf("settings %+v, want %+v", got.Settings(), m.Settings())
		}
		for i, ts := range stored(got) {
			asmtest.SameFloats(t, ts.Name, ts.Data, stored(m)[i].Data)
		}
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, change := range [][2]string{{`\"data\":16`, `\"data\":17`}, {`\"decoder\":3`, `\"decoder\":9`}, {`\"latent\":2`, `\"latent\":3`},
			{`\"given\":5`, `\"given\":4`}, {`\"depth\":2`, `\"depth\":3`}, {`\"posterior\":3`, `\"posterior\":4`}} {
			bad := bytes.Replace(good, []byte(change[0]), []byte(change[1]), 1)
			if bytes.Equal(bad, good) || c.Depth == noLayers && (strings.Contains(change[0], "decoder") || strings.Contains(change[0], "posterior")) {
				continue // not in this header, or the width of no layer
			}
			if err := os.WriteFile(path, bad, 0o666); err != nil {
				t.Fatal(err)
			}
			if _, _, err := Load(path); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: %s in place of %s: %v", c.Model, change[1], change[0], err)
			}
		}
	}
}

// TestSettingsRefused: what a model cannot be trained with is an error before training.
func TestSettingsRefused(t *testing.T) {
	d := testImageData()
	for name, c := range map[string]struct {
		model  Config
		change func(*TrainConfig)
	}{
		"method":    {Config{Model: ModelVAE}, func(c *TrainConfig) { c.Method = "dream" }},
		"optimizer": {Config{Model: ModelVAE}, func(c *TrainConfig) { c.Optimizer = "lbfgs" }},
		"vrnn":      {Config{Model: ModelVRNN}, func(c *TrainConfig) { c.Method = MethodWakeSleep }},
		"iwae":      {Config{Model: ModelVAE}, func(c *TrainConfig) { c.Method, c.Importance = MethodScore, true }},
		"priors":    {Config{Model: ModelVAE}, func(c *TrainConfig) { c.WeightPosterior, c.WeightDecay = true, 1 }},
		"decay":     {Config{Model: ModelVAE}, func(c *TrainConfig) { c.WeightDecay = -1 }},
		"truncate":  {Config{Model: ModelVAE}, func(c *TrainConfig) { c.Truncate = 5 }},
		"cut pairs": {Config{Model: ModelRegression, Likelihood: Gauss, Given: 3}, func(c *TrainConfig) { c.Truncate = 5 }},
	} {
		c.model.Data, c.model.Hidden = 16, 3
		m, err := New[float32](c.model)
		if err != nil {
			t.Fatal(err)
		}
		tc := imageTrainConfig()
		c.change(&tc)
		if _, err := NewTrainer(m, d, tc); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestWeightPosteriorMeans: without a step the means stay where they are, whatever is drawn.
func TestWeightPosteriorMeans(t *testing.T) {
	tc := imageTrainConfig()
	tc.WeightPosterior, tc.Rate, tc.Epochs = true, 0, 1
	tr := newTestTrainer(t, Config{Model: ModelVAE, Hidden: 3, Latent: 2}, tc, testImageData(), "")
	before := slices.Clone(tr.params[0].Data)
	if err := tr.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(before, tr.params[0].Data) {
		t.Error("the parameters have changed")
	}
}

// TestWeightPosteriorDiverges: an error leaves the means in the model, not a draw, and packed.
func TestWeightPosteriorDiverges(t *testing.T) {
	d := testImageData()
	tc := imageTrainConfig()
	tc.WeightPosterior, tc.Batch = true, 400
	tr := newTestTrainer(t, Config{Model: ModelVAE, Hidden: 3, Latent: 2}, tc, d, "")
	before := slices.Clone(tr.params[0].Data)
	tr.params[1].Data[0] = float32(math.NaN())
	if err := tr.Run(context.Background()); !errors.Is(err, ErrDiverged) {
		t.Fatal(err)
	}
	if !slices.Equal(before, tr.params[0].Data) {
		t.Error("the parameters have changed")
	}
	if err := tr.Model.(*VAE[float32]).packed(true); err != nil {
		t.Error(err)
	}
}
