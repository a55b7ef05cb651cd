package model

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/blas/blastest"
)

// shardCases are trainings of all kinds of models.
func shardCases() []shardCase {
	const hidden = 6
	text := func(c *TrainConfig) { c.Truncate, c.ResetEvery, c.Reshuffle = 3, 3, true }
	return []shardCase{
		{"vrnn", Config{Hidden: hidden, Model: ModelVRNN, Dropout: 0.2, Layers: 2}, testData(5), nil},
		{"vrnn importance", Config{Hidden: hidden, Model: ModelVRNN, Likelihood: Gauss, DropoutInput: 0.1}, testData(5), func(c *TrainConfig) { c.Importance, c.Samples, c.FreeBits = true, 3, 0 }},
		{"vae", Config{Hidden: hidden, Model: ModelVAE}, testData(5), func(c *TrainConfig) { c.Samples, c.DivideByBatch = 2, true }},
		{"vae points", Config{Hidden: hidden, Model: ModelVAE}, testPoints(5), func(c *TrainConfig) { c.Samples = 2 }},
		{"vae weights", Config{Hidden: hidden, Model: ModelVAE, Likelihood: Gauss}, testData(5), func(c *TrainConfig) { c.WeightPosterior = true }},
		{"vrae", Config{Hidden: hidden, Model: ModelVRAE}, testData(5), func(c *TrainConfig) { c.EMADecay = 0.9 }},
		{"storn", Config{Hidden: hidden, Model: ModelSTORN}, testData(5), func(c *TrainConfig) { c.Truncate = 4 }},
		{"rnn text", Config{Hidden: hidden, Model: ModelRNN, Likelihood: Categorical, Classes: 5}, testClasses(5), text},
		{"rnn-rbm", Config{Hidden: hidden, Model: ModelRNN, Likelihood: RBM}, testData(5), nil},
	}
}

type shardCase struct {
	name   string
	model  Config
	data   *Data
	change func(*TrainConfig)
}

// trainer returns a trainer of the case with so many shards.
func (c shardCase) trainer(t *testing.T, shards, threads int) *Trainer {
	tc := testTrainConfig()
	tc.Epochs, tc.Batch, tc.Shards, tc.Threads, tc.KLWarmup = 2, 11, shards, threads, 1
	if c.change != nil {
		c.change(&tc)
	}
	return newTestTrainer(t, c.model, tc, c.data, t.TempDir())
}

// TestShardsThreads: the bits of a training depend on the number of shards and not on that of the
// goroutines, also where it is resumed with another number of them.
func TestShardsThreads(t *testing.T) {
	blastest.UseGo(t)
	for _, c := range shardCases() {
		t.Run(c.name, func(t *testing.T) {
			for _, shards := range []int{8, 3} {
				tr := c.trainer(t, shards, 1)
				whole := checkResume(t, c.model, tr.Config, c.data, []int{1, 3}) // with 2 threads
				threads := []int{2, 3, 11}
				if testing.Short() {
					threads = threads[:2]
				}
				for _, n := range threads {
					tr := c.trainer(t, shards, n)
					if err := tr.Run(t.Context()); err != nil {
						t.Fatal(err)
					}
					sameTrainers(t, tr, whole)
					if !bytes.Equal(bestBytes(t, tr.Dir), bestBytes(t, whole.Dir)) {
						t.Errorf("%d shards, %d threads: best.safetensors differs", shards, n)
					}
				}
			}
		})
	}
}

// TestShardsAgree: beyond rounding, loss, gradient, totals, states and scores do not depend on the number of shards.
func TestShardsAgree(t *testing.T) {
	blastest.UseGo(t)
	for _, c := range shardCases() {
		t.Run(c.name, func(t *testing.T) {
			one, many := c.trainer(t, 1, 1), c.trainer(t, 8, 2)
			for _, tr := range []*Trainer{one, many} {
				tr.Model.PackForTraining()
				tr.changing.Lock()
				for range 2 {
					if _, err := tr.update(tr.cuts[0]); err != nil {
						t.Fatal(err)
					}
					if one.Config.Truncate > 0 {
						tr.state.Segment++
					}
				}
			}
			near := func(what string, got, want, tolerance float64) {
				t.Helper()
				if !(math.Abs(got-want) <= tolerance*(1+math.Abs(want))) {
					t.Errorf("%s: %v, of one shard %v", what, got, want)
				}
			}
			a, b := one.state.Sum, many.state.Sum
			if a.Steps != b.Steps || a.Sequences != b.Sequences || a.Measure != b.Measure || a.Steps == 0 {
				t.Errorf("totals %+v, of one shard %+v", b, a)
			}
			near("log p", b.LogProb, a.LogProb, 1e-4)
			near("kl", b.KL, a.KL, 1e-4)
			near("gain", b.Gain, a.Gain, 1e-4)
			near("norm", many.state.NormSum, one.state.NormSum, 1e-4)
			for i, p := range one.params {
				for j, v := range p.Data {
					near(p.Name, float64(many.params[i].Data[j]), float64(v), 2e-3)
				}
			}
			for i := range one.h {
				near("state", float64(many.h[i]), float64(one.h[i]), 1e-2)
			}

			e, more := EvalConfig{Batch: 4, Samples: one.Config.Samples, Seed: 2}, EvalConfig{Batch: 3, Samples: one.Config.Samples, Seed: 2, Shards: 5, Threads: 3}
			want, ch, _ := newShards(one.Model, 1, 1, nil).evaluate(c.data.Train, e, true)
			got, channels, _ := newShards(one.Model, 5, 3, nil).evaluate(c.data.Train, more, true)
			near("score", got.Figure(), want.Figure(), 1e-12)
			near("kl", got.KLPerStep, want.KLPerStep, 1e-12)
			if got.Steps != want.Steps || got.Measure != want.Measure || len(channels) != len(ch) {
				t.Errorf("score %+v, of one shard %+v", got, want)
			}
			for name, of := range ch {
				if g := channels[name]; g == nil || g.Min != of.Min || g.Max != of.Max || g.N != of.N {
					t.Errorf("channel %s: %+v, of one shard %+v", name, g, of)
				} else {
					near(name, g.Mean, of.Mean, 1e-12)
				}
			}
		})
	}
}

// testPoints returns a small data set of data points, sequences of a single step.
func testPoints(dim int) *Data {
	d := testData(dim)
	for _, seqs := range []*[]Sequence{&d.Train, &d.Valid, &d.Test} {
		var points []Sequence
		for _, s := range *seqs {
			points = append(points, Sequence{X: s.X[dim : 2*dim]})
		}
		*seqs = points
	}
	return d
}

// TestShardsCut: a pass that computes several shards at once has the bits of one for each.
func TestShardsCut(t *testing.T) {
	blastest.UseGo(t)
	gaps := testPoints(5)
	for i := range gaps.Train {
		gaps.Train[i].X[i%5] = float32(math.NaN())
	}
	for _, c := range []shardCase{
		{"aevb", Config{}, testPoints(5), nil},
		{"samples", Config{Likelihood: Gauss}, testPoints(5), func(c *TrainConfig) { c.Samples, c.Sampled, c.FreeBits = 3, true, 0 }},
		{"importance", Config{}, testPoints(5), func(c *TrainConfig) { c.Importance, c.Samples, c.FreeBits = true, 3, 0 }},
		{"wake-sleep", Config{}, testPoints(5), func(c *TrainConfig) { c.Method, c.FreeBits, c.KLWeight, c.KLWarmup = MethodWakeSleep, 0, 0, 0 }},
		{"score", Config{}, testPoints(5), func(c *TrainConfig) { c.Method, c.FreeBits = MethodScore, 0 }},
		{"baseline of samples", Config{}, testPoints(5), func(c *TrainConfig) { c.Method, c.FreeBits, c.Samples = MethodBaseline, 0, 2 }},
		{"baseline", Config{}, testPoints(5), func(c *TrainConfig) { c.Method, c.FreeBits = MethodBaseline, 0 }}, // not at once
		{"gaps", Config{}, gaps, nil},
		{"weights", Config{Likelihood: Gauss}, testPoints(5), func(c *TrainConfig) { c.WeightPosterior = true }},
		{"own parameters", Config{Likelihood: Student}, testPoints(5), nil}, // not at once
		{"steps", Config{}, testData(5), nil},                               // not at once
	} {
		t.Run(c.name, func(t *testing.T) {
			c.model.Model, c.model.Hidden = ModelVAE, 6
			for _, shards := range []int{2, 7, 8, 13} { // of 11 points at most
				for threads := 1; threads <= 3; threads++ {
					together, apart := c.trainer(t, shards, threads), c.trainer(t, shards, 1)
					for _, r := range apart.shards.replicas {
						r.pass = struct{ Pass[float32] }{r.pass} // which has no other methods
					}
					for _, tr := range []*Trainer{together, apart} {
						tr.Model.PackForTraining()
						tr.changing.Lock()
						for _, cut := range tr.cuts {
							if _, err := tr.update(cut); err != nil {
								t.Fatal(err)
							}
						}
					}
					if at := c.name != "baseline" && c.name != "own parameters" && c.name != "steps"; together.shards.together != at || apart.shards.together {
						t.Fatalf("at once: %v and %v, want %v and false", together.shards.together, apart.shards.together, at)
					}
					for i, p := range together.params {
						asmtest.SameFloats(t, p.Name, p.Data, apart.params[i].Data)
					}
					if together.state.Sum != apart.state.Sum || together.state.NormSum != apart.state.NormSum {
						t.Errorf("%d shards, %d threads: totals %+v, of one for each %+v", shards, threads, together.state.Sum, apart.state.Sum)
					}
				}
			}
		})
	}
}

// TestShardsSplit: every sequence is in one shard, in order, and long ones have one to themselves.
func TestShardsSplit(t *testing.T) {
	m := newTestModel[float32](t, Config{Model: ModelRNN, Data: 2, Hidden: 2})
	for _, c := range []struct {
		lengths []int
		want    string
	}{
		{[]int{3, 3, 3, 3, 3, 3, 3, 3}, "[0 2 4 6 8]"},
		{[]int{9, 3, 3, 3}, "[0 0 1 2 4]"},
		{[]int{5, 5}, "[0 0 1 1 2]"},
		{[]int{5, 0, 0}, "[0 0 0 1 3]"},
		{[]int{0, 0}, "[0 2 2 2 2]"},
		{nil, "[0 0 0 0 0]"},
	} {
		s := newShards(m, 4, 3, nil)
		if s.split(len(c.lengths), func(i int) int { return c.lengths[i] }); fmt.Sprint(s.bounds) != c.want {
			t.Errorf("%v: %v, want %v", c.lengths, s.bounds, c.want)
		}
	}
}

// benchData returns n sequences of 0 and 1 to learn from.
func benchData(n, steps, dim int) *Data {
	rng := rand.New(rand.NewPCG(1, 2))
	d := &Data{Dim: dim, Name: "data", Hash: "0123"}
	for range n {
		x := make([]float32, steps*dim)
		for i := range x {
			if rng.IntN(8) == 0 {
				x[i] = 1
			}
		}
		d.Train = append(d.Train, Sequence{X: x})
	}
	d.Valid, d.Test = d.Train[:2], d.Train[:2]
	return d
}

// BenchmarkShards is an update of the VAE of Kingma and Welling 2014 with batches of so many data points.
func BenchmarkShards(b *testing.B) {
	for _, batch := range []int{64, 100, 256, 1024} {
		d := benchData(batch, 1, 784)
		for _, shards := range []int{1, 8} {
			b.Run(fmt.Sprintf("B=%d/S=%d", batch, shards), func(b *testing.B) {
				c := testTrainConfig()
				c.Batch, c.Shards, c.Threads = batch, shards, 1
				tr := newTestTrainer(b, Config{Model: ModelVAE, Hidden: 500, Latent: 20, Depth: 1}, c, d, b.TempDir())
				tr.Model.PackForTraining()
				tr.changing.Lock()
				for b.Loop() {
					if _, err := tr.update(tr.cuts[0]); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
