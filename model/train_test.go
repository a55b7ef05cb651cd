package model

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/cell"
)

// testData returns a small data set of noisy periodic sequences, which a model can learn.
func testData(dim int) *Data {
	rng := rand.New(rand.NewPCG(4, 4))
	make1 := func(n int) []Sequence {
		var seqs []Sequence
		for range n {
			steps := 5 + rng.IntN(12)
			x := make([]float32, steps*dim)
			phase := rng.IntN(dim)
			for t := range steps {
				x[t*dim+(t+phase)%dim] = 1
				if rng.IntN(8) == 0 {
					x[t*dim+rng.IntN(dim)] = 1
				}
			}
			seqs = append(seqs, Sequence{X: x})
		}
		return seqs
	}
	return &Data{Name: "test", Dim: dim, Hash: "0123", Train: make1(21), Valid: make1(6), Test: make1(5)}
}

// testClasses returns a small data set of classes that follow each other.
func testClasses(classes int) *Data {
	d := testData(classes)
	d.Dim, d.Form = 1, Form{Classes: classes}
	for _, seqs := range [][]Sequence{d.Train, d.Valid, d.Test} {
		for i, s := range seqs {
			var x []float32
			for t := range len(s.X) / classes {
				x = append(x, float32(slices.Index(s.X[t*classes:(t+1)*classes], 1)))
			}
			seqs[i].X = x
		}
	}
	return d
}

func testTrainConfig() TrainConfig {
	c := DefaultTrainConfig()
	c.Epochs, c.Batch, c.Rate, c.KLWarmup, c.FreeBits = 4, 4, 5e-3, 2, 0.1
	return c
}

// newTestTrainer leaves out what tc says of a KL term if the model has none.
func newTestTrainer(t testing.TB, mc Config, tc TrainConfig, d *Data, dir string) *Trainer {
	t.Helper()
	mc.Data = d.Dim
	m := newModel[float32](t, mc)
	if m.Settings().Latent == 0 {
		tc.KLWarmup, tc.KLWeight, tc.FreeBits = 0, 0, 0
	}
	m.Init(tc.Seed, d.Stats())
	tr, err := NewTrainer(m, d, tc)
	if err != nil {
		t.Fatal(err)
	}
	tr.Dir = dir
	return tr
}

func TestTrainingLearns(t *testing.T) {
	blastest.UseGo(t)
	d := testData(6)
	for _, name := range sequenceModels {
		if testing.Short() && name != ModelVRNN {
			continue
		}
		c := testTrainConfig()
		c.Epochs = 14
		tr := newTestTrainer(t, Config{Model: name, Hidden: 12}, c, d, t.TempDir())
		if err := tr.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		h := tr.History()
		first, best := h[0].Valid.NLLPerStep, h[0].Valid.NLLPerStep
		for _, e := range h {
			best = min(best, e.Valid.NLLPerStep)
		}
		if best > first-0.8 {
			t.Errorf("%s: valid went from %v to %v", name, first, best)
		}
		// What best.safetensors holds scores what the history says.
		m, info, err := Load(filepath.Join(tr.Dir, BestFile))
		if err != nil {
			t.Fatal(err)
		}
		bound, at := tr.Best()
		if info.Name != d.Name || info.Hash != d.Hash || info.Seed != c.Seed || h[at-1].Valid.NLLPerStep != bound {
			t.Errorf("best: %+v, bound %v at %d", info, bound, at)
		}
		if s := Evaluate(m, d.Valid, EvalConfig{Batch: 3, Seed: c.Seed, Threads: 2}); math.Abs(s.NLLPerStep-bound) > 1e-12 {
			t.Errorf("%s: best.safetensors scores %v, want %v", name, s.NLLPerStep, bound)
		}
	}
}

// TestTrainerErrors: settings and data that do not suit the model.
func TestTrainerErrors(t *testing.T) {
	for _, c := range []struct {
		model  Config
		data   *Data
		change func(*TrainConfig, *Data)
		want   string
	}{
		{Config{Model: ModelRNN}, testData(5), func(c *TrainConfig, _ *Data) { c.Samples = 2 }, "no latent variables"},
		{Config{Model: ModelRNN}, testData(5), func(c *TrainConfig, _ *Data) { c.Importance = true }, "no latent variables"},
		{Config{}, testData(5), func(c *TrainConfig, _ *Data) { c.Sampled = true }, "free_bits"},
		{Config{}, testData(5), func(c *TrainConfig, _ *Data) { c.FreeBits, c.Importance, c.Truncate = 0, true, 3 }, "whole sequences"},
		{Config{}, testData(5), func(c *TrainConfig, _ *Data) { c.Samples = -1 }, "samples = -1"},
		{Config{}, testData(5), func(c *TrainConfig, _ *Data) { c.Transpose = 2 }, "transpose moves the notes of piano rolls"},
		{Config{}, testRolls(), func(c *TrainConfig, _ *Data) { c.TransposeProb = 1 }, "transpose_prob is how often"},
		{Config{}, testRolls(), func(c *TrainConfig, _ *Data) { c.Transpose, c.TransposeProb = 1, 1.5 }, "transpose_prob = 1.5"},
		{Config{}, testData(5), func(c *TrainConfig, _ *Data) { c.Beta1 = 1 - 1e-8 }, "beta1 = 0.99999999, want 0..0.9999999"},
		{Config{}, testData(5), func(c *TrainConfig, _ *Data) { c.Beta2 = 1 - 1e-8 }, "beta2 = 0.99999999, want 0..0.9999999"},
		{Config{}, testData(5), func(c *TrainConfig, _ *Data) { c.Optimizer = OptimizerAdamW }, "weight_decay = 0"},
		{Config{}, testData(5), func(c *TrainConfig, _ *Data) { c.Optimizer, c.WeightDecay = OptimizerAdamW, 200 }, "lr times it below 1"},
		{Config{}, testData(5), func(c *TrainConfig, _ *Data) {
			c.Optimizer, c.WeightDecay, c.WeightPosterior = OptimizerAdamW, 0.1, true
		}, "neither weight_decay"},
		{Config{}, testData(5), func(_ *TrainConfig, d *Data) { d.Valid[2].X[7] = 1.5 }, "sequence 2 (), step 1: 1.5"},
		{Config{}, testData(5), func(_ *TrainConfig, d *Data) { d.Dim = 1 }, "1 dimensions, the model 5"},
		{Config{Likelihood: Bivariate}, testData(3), func(_ *TrainConfig, d *Data) { d.Valid[1].X[3] = 2 }, "sequence 1 (), step 1: 2 cannot be"},
		{Config{Likelihood: LogisticMixture}, testData(3), func(_ *TrainConfig, d *Data) { d.Valid[1].X[3] = -2 }, "sequence 1 (), step 1: -2 is not"},
		{Config{Likelihood: Categorical, Classes: 4}, testClasses(4), func(_ *TrainConfig, d *Data) { d.Form.Classes = 5 }, "5 classes, the model 4"},
	} {
		c.model.Hidden, c.model.Data = 4, c.data.Dim
		m := newModel[float32](t, c.model)
		tc := testTrainConfig()
		c.change(&tc, c.data)
		_, err := NewTrainer(m, c.data, tc)
		checkError(t, err, c.want)
	}
}

func TestDivergenceStops(t *testing.T) {
	d := testData(5)
	d.Train[3].X[2] = float32(math.Inf(1))
	tr := newTestTrainer(t, Config{Model: ModelVRNN, Likelihood: Gauss, Hidden: 4}, testTrainConfig(), d, t.TempDir())
	if err := tr.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(tr.Dir, CheckpointFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.Run(context.Background()); !errors.Is(err, ErrDiverged) {
		t.Fatalf("Run: %v, want ErrDiverged", err)
	}
	after, err := os.ReadFile(filepath.Join(tr.Dir, CheckpointFile))
	if err != nil || !slices.Equal(before, after) {
		t.Errorf("the checkpoint was changed: %v", err)
	}
	for _, ts := range tr.Model.Tensors() {
		for i, v := range ts.Data {
			if v != v {
				t.Fatalf("%s[%d] is NaN", ts.Name, i)
			}
		}
	}
}

func TestSegments(t *testing.T) {
	const dim = 2
	var seqs []Sequence
	for i, n := range []int{3, 7, 5, 0} {
		x := make([]float32, n*dim)
		for t := range n {
			x[t*dim], x[t*dim+1] = float32(i), float32(t)
		}
		seqs = append(seqs, Sequence{X: x})
	}
	batches := cut(byLength(seqs, dim), 3)
	if len(batches) != 2 || !slices.Equal(batches[0], []int{2, 0, 3}) || !slices.Equal(batches[1], []int{1}) {
		t.Fatalf("cut: %v", batches)
	}
	batch := []int{1, 2, 0}
	var b Batch[float32]
	for _, c := range []struct {
		from, steps int
		lengths     []int
	}{{0, 0, []int{7, 5, 3}}, {0, 3, []int{3, 3, 3}}, {3, 3, []int{3, 2}}, {6, 3, []int{1}}} {
		segment(&b, seqs, batch, Config{Data: dim}, c.from, c.steps, 1, 0)
		if b.Shape.Batch() != len(c.lengths) {
			t.Fatalf("segment from %d: %d sequences, want %d", c.from, b.Shape.Batch(), len(c.lengths))
		}
		for k, n := range c.lengths {
			if b.Shape.Length(k) != n {
				t.Errorf("segment from %d: length %d of sequence %d, want %d", c.from, b.Shape.Length(k), k, n)
			}
			for s := range n {
				row := b.X[b.Shape.Row(s, k)*dim:]
				if row[0] != float32(batch[k]) || row[1] != float32(c.from+s) {
					t.Errorf("segment from %d: row %v of sequence %d, step %d", c.from, row[:2], k, s)
				}
			}
		}
	}
	order := shuffle(9, streamShuffle, 1, 0)
	if slices.Equal(order, shuffle(9, streamShuffle, 1, 1)) || !slices.Equal(order, shuffle(9, streamShuffle, 1, 0)) {
		t.Error("shuffle does not depend on the epoch alone")
	}
}

func TestWarmup(t *testing.T) {
	for _, c := range []struct {
		done, warm int
		want       float64
	}{{0, 0, 1}, {9, 0, 1}, {0, 50, 0.1}, {25, 50, 0.55}, {50, 50, 1}, {80, 50, 1}} {
		if got := warmup(c.done, c.warm); math.Abs(got-c.want) > 1e-15 {
			t.Errorf("warmup(%d, %d) = %v, want %v", c.done, c.warm, got, c.want)
		}
	}
}

// TestCarriedState: at learning rate 0, segments with the state carried over score what
// whole sequences do, and segments from the zero state do not. The model with latent
// variables draws other ones in every update, so its σ is put to nearly nothing.
func TestCarriedState(t *testing.T) {
	blastest.UseGo(t)
	d := testData(5)
	for _, c := range []Config{{Model: ModelRNN, Hidden: 6}, {Model: ModelRNN, Cell: "gru", Hidden: 6},
		{Model: ModelRNN, Hidden: 6, Layers: 3}, {Model: ModelSTORN, Hidden: 6, Layers: 2}} {
		score := func(truncate, reset int) float64 {
			tc := testTrainConfig()
			tc.Epochs, tc.Rate, tc.Truncate, tc.ResetEvery = 1, 0, truncate, reset
			tr := newTestTrainer(t, c, tc, d, "")
			if m, ok := tr.Model.(*STORN[float32]); ok {
				fill(last(m.posterior).B[6:], -100)
			}
			if err := tr.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			return tr.History()[0].Train.NLLPerStep
		}
		tol := 1e-12
		if c.Model == ModelSTORN {
			tol = 1e-6
		}
		whole, carried, cut := score(0, 0), score(3, 0), score(3, 1)
		if math.Abs(carried-whole) > tol*whole {
			t.Errorf("%+v: segments with the state carried over score %v, whole sequences %v", c, carried, whole)
		}
		if math.Abs(cut-whole) < 4e-6*whole {
			t.Errorf("%+v: segments from the zero state score %v, as whole sequences do: %v", c, cut, whole)
		}
	}
}

// TestBestStartsAgain: the search for the best begins anew when the KL weight reaches 1. At
// learning rate 0 all bounds are the same, so nothing else can be a best one.
func TestBestStartsAgain(t *testing.T) {
	c := testTrainConfig()
	c.Epochs, c.Rate, c.KLWarmup = 5, 0, 3
	tr := newTestTrainer(t, Config{Model: ModelVRNN, Hidden: 6}, c, testData(5), "")
	if err := tr.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, false, true, false, false} {
		if got := tr.History()[i].Best; got != want {
			t.Errorf("epoch %d: best = %v, want %v", i+1, got, want)
		}
	}
}

// TestColumnClipTensors: the input and dense matrices are clipped, recurrent ones and biases
// are not.
func TestColumnClipTensors(t *testing.T) {
	const limit = 0.5
	var ts, gs []cell.Tensor[float32]
	for _, name := range []string{"phi_x.0.w", "cell.wih", "cell.whh", "cell.peephole"} {
		ts = append(ts, cell.Tensor[float32]{Name: name, Shape: []int{2, 2}, Data: []float32{3, 4, 3, 4}})
	}
	ts = append(ts, cell.Tensor[float32]{Name: "cell.b", Shape: []int{4}, Data: []float32{3, 4, 3, 4}})
	for range ts {
		gs = append(gs, cell.Tensor[float32]{Data: make([]float32, 4)})
	}
	a := Optimizer{Rate: 1e-3, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, ColumnClip: limit}
	a.Step(ts, gs)
	for i, ts := range ts {
		want := 5.0
		if i < 2 {
			want = limit
		}
		if got := math.Hypot(float64(ts.Data[0]), float64(ts.Data[1])); math.Abs(got-want) > 1e-6 {
			t.Errorf("%s: norm of a row %v, want %v", ts.Name, got, want)
		}
	}
}

func TestColumnClip(t *testing.T) {
	w := []float32{3, 4, 0.3, 0.4}
	clipRows(w, 2, 1)
	asmtest.SameFloats(t, "w", w[2:], []float32{0.3, 0.4})
	if n := math.Hypot(float64(w[0]), float64(w[1])); math.Abs(n-1) > 1e-6 {
		t.Errorf("norm of the clipped row %v, want 1", n)
	}
}

func TestSample(t *testing.T) {
	blastest.UseGo(t)
	for _, c := range testConfigs() {
		if c.Model == ModelClassifier {
			continue // it has no distribution over sequences
		}
		m := newTestModel[float32](t, c)
		const count, steps = 3, 7
		given := conditionsOf(count*steps, c.given())
		x := Sample(m, Draw{Count: count, Steps: steps, Seed: 5, Given: given})
		one := Sample(m, Draw{Count: 1, Steps: steps, Seed: 5, Given: given[:steps*c.given()]})
		asmtest.SameFloats(t, "the first of three", x[:steps*m.Settings().Data], one)
		if c.Likelihood == Bernoulli {
			for _, v := range x {
				if v != 0 && v != 1 {
					t.Fatalf("%s: sample %v, want 0 or 1", c.testName(), v)
				}
			}
		}
		if slices.Equal(x, Sample(m, Draw{Count: count, Steps: steps, Seed: 6, Given: given})) {
			t.Errorf("%s: two seeds give the same sample", c.testName())
		}
	}
}

// TestSampleFrequencies: what a model samples first has the probabilities it gives.
func TestSampleFrequencies(t *testing.T) {
	m := newTestModel[float32](t, Config{Model: ModelRNN, Data: 4, Hidden: 5})
	const count = 5000
	x := Sample(m, Draw{Count: count, Steps: 1, Seed: 1})
	p := Sample(m, Draw{Count: 1, Steps: 1, Seed: 1, Mean: true})
	for j, want := range p {
		sum := 0.0
		for i := range count {
			sum += float64(x[i*m.Settings().Data+j])
		}
		sd := math.Sqrt(float64(want*(1-want)) / count)
		if got := sum / count; math.Abs(got-float64(want)) > 5*sd {
			t.Errorf("dimension %d: frequency %v, want %v +- %v", j, got, want, sd)
		}
	}
}

func TestStats(t *testing.T) {
	d := &Data{Name: "d", Dim: 2, Train: []Sequence{{X: []float32{1, 0, 1, 1}}, {X: []float32{0, 0}}}}
	s := d.Stats()
	if s.Steps != 3 || s.Mean[0] != 2.0/3 || s.Mean[1] != 1.0/3 {
		t.Errorf("Stats = %+v", s)
	}
	if err := d.Check(); err == nil || !strings.Contains(err.Error(), "valid has no steps") {
		t.Errorf("Check: %v", err)
	}
	m := newModel[float64](t, Config{Model: ModelRNN, Data: 2, Hidden: 3}).(*VRNN[float64])
	m.Init(1, s)
	if got, want := last(m.decoder).B[0], math.Log(2.5/1.5); math.Abs(got-want) > 1e-12 {
		t.Errorf("output bias %v, want logit((2+0.5)/(3+1)) = %v", got, want)
	}
}
