package model

import (
	"fmt"
	"math"
	"runtime"
	"testing"

	"github.com/elbow-go/elbow/blas/blastest"
)

// live returns how many bytes are in use.
func live() float64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return float64(s.HeapAlloc)
}

func repeated(n, steps, dim int) *Data {
	d := &Data{Name: "x", Dim: dim, Hash: "x"}
	for i := range n + 2 {
		s := []Sequence{{X: make([]float32, steps*dim)}}
		for j := 0; j < len(s[0].X); j += 2 {
			s[0].X[j] = 1 // what takes more the more bits are set
		}
		switch i {
		case n:
			d.Valid = s
		case n + 1:
			d.Test = s
		default:
			d.Train = append(d.Train, s...)
		}
	}
	return d
}

// TestMemoryToTrain compares the estimate with what is in use after an epoch, once where parameters
// are most of it, once where the pass is.
func TestMemoryToTrain(t *testing.T) {
	if testing.Short() {
		t.Skip("trains large models")
	}
	blastest.UseGo(t)
	for _, c := range []struct {
		name   string
		model  Config
		change func(*TrainConfig)
	}{
		{"rnn", Config{Model: ModelRNN, Cell: "lstm"}, nil},
		{"tanh rnn", Config{Model: ModelRNN, Cell: "rnn"}, nil},
		{"gru", Config{Model: ModelRNN, Cell: "gru-before"}, nil},
		{"vrnn", Config{Model: ModelVRNN}, nil},
		{"layers", Config{Model: ModelRNN, Layers: 3, Dropout: 0.2}, nil},
		{"dropout", Config{Model: ModelVRNN, DropoutInput: 0.2, DropoutHeads: 0.3}, nil},
		{"deep", Config{Model: ModelVRNNI, Depth: 4}, nil},
		{"storn", Config{Model: ModelSTORN}, nil},
		{"vrae", Config{Model: ModelVRAE}, nil},
		{"vae", Config{Model: ModelVAE, Likelihood: Gauss}, nil},
		{"gmm", Config{Model: ModelRNN, Likelihood: GMM, Components: 30}, nil},
		{"nade", Config{Model: ModelRNN, Likelihood: NADE}, nil},
		{"truncated nade", Config{Model: ModelRNN, Likelihood: NADE}, func(c *TrainConfig) { c.Truncate = 40 }},
		{"rbm", Config{Model: ModelRNN, Likelihood: RBM}, nil},
		{"wide rbm", Config{Model: ModelRNN, Likelihood: RBM, Units: 4000}, nil},
		{"draws", Config{Model: ModelVRNN}, func(c *TrainConfig) { c.Samples, c.Sampled = 5, true }},
		{"importance", Config{Model: ModelVRNN}, func(c *TrainConfig) { c.Samples, c.Importance = 5, true }},
		{"posterior", Config{Model: ModelRNN}, func(c *TrainConfig) { c.WeightPosterior = true }},
		{"average", Config{Model: ModelVRNN}, func(c *TrainConfig) { c.EMADecay = 0.9 }},
		{"sgd", Config{Model: ModelRNN}, func(c *TrainConfig) { c.Optimizer, c.Beta1 = OptimizerSGD, 0 }},
	} {
		for _, big := range []struct{ hidden, batch, steps, dim int }{{200, 1, 2, 20}, {16, 20, 150, 30}} {
			t.Run(fmt.Sprintf("%s/H=%d", c.name, big.hidden), func(t *testing.T) {
				mc := c.model
				mc.Hidden, mc.Data = big.hidden, big.dim
				mc, err := mc.Resolve()
				if err != nil {
					t.Fatal(err)
				}
				tc := DefaultTrainConfig()
				tc.Epochs, tc.Batch = 1, big.batch
				if c.change != nil {
					c.change(&tc)
				}
				d := repeated(big.batch, big.steps, big.dim)
				before := live()
				m := newModel[float32](t, mc)
				m.Init(1, d.Stats())
				tr, err := NewTrainer(m, d, tc)
				if err != nil {
					t.Fatal(err)
				}
				if err := tr.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				used := live() - before
				want := mc.MemoryToTrain(tc, d)
				if ratio := want / used; ratio < 1 || ratio > 3.2 {
					t.Errorf("%.2f MB in use, estimated %.2f", used/1e6, want/1e6)
				}
				runtime.KeepAlive(tr)
			})
		}
	}
}

// TestMemoryToUse does the same for scoring and drawing.
func TestMemoryToUse(t *testing.T) {
	if testing.Short() {
		t.Skip("trains large models")
	}
	blastest.UseGo(t)
	for _, c := range []struct {
		model   Config
		samples int
	}{
		{Config{Model: ModelRNN}, 1}, {Config{Model: ModelRNN, Likelihood: GMM}, 1}, {Config{Model: ModelRNN, Likelihood: NADE}, 1}, {Config{Model: ModelRNN, Likelihood: RBM}, 20},
		{Config{Model: ModelVRNN}, 1}, {Config{Model: ModelVRNN}, 300},
		{Config{Model: ModelSTORN, Layers: 2}, 4}, {Config{Model: ModelVRAE}, 1}, {Config{Model: ModelVAE}, 50},
	} {
		c.model.Hidden, c.model.Data = 16, 12
		mc, err := c.model.Resolve()
		if err != nil {
			t.Fatal(err)
		}
		d := repeated(30, 60, 12)
		m := newModel[float32](t, mc)
		m.Init(1, d.Stats())
		m.Pack()
		before := live()
		p := newShards(m, 1, 1, nil)
		e := EvalConfig{Batch: 10, Samples: c.samples, Threads: 1}
		if mc.Likelihood == RBM {
			e.Anneal = Annealing{Runs: c.samples, Temperatures: 2}
		}
		p.evaluate(d.Train, e, true)
		used, want := live()-before, mc.MemoryToScore(d.Train, d.Dim, e)
		if ratio := want / used; ratio < 1 || ratio > 3.2 {
			t.Errorf("%s with %d draws: %.2f MB in use, estimated %.2f", mc.Model, c.samples, used/1e6, want/1e6)
		}
		runtime.KeepAlive(p)

		const count, steps = 50, 200
		before = live()
		x := Sample(m, Draw{Count: count, Steps: steps, Seed: 1})
		used, want = live()-before, mc.MemoryToSample(count, steps)
		if ratio := want / used; ratio < 1 || ratio > 3.2 {
			t.Errorf("%s, drawn from: %.2f MB in use, estimated %.2f", mc.Model, used/1e6, want/1e6)
		}
		runtime.KeepAlive(x)

		if parts := partsOf[float32](m); mc.Likelihood == RBM || mc.Likelihood == NADE || parts.masks() != nil {
			continue
		}
		q := repeated(1, 60, 12).Train[0]
		for i := range q.X {
			q.X[i] = float32(math.NaN())
		}
		config := ImputeConfig{Draws: 300, Lag: 60, Levels: []float64{0.1, 0.9}, Seed: 1, Threads: 1}
		before = live()
		f := newImputer(m, q, config)
		if takesWhole(m) {
			f.step(0, 60)
		} else {
			for t := range 60 {
				f.step(t, t+1)
			}
		}
		used, want = live()-before, mc.MemoryToImpute([]Sequence{q}, config)
		if ratio := want / used; ratio < 1 || ratio > 3.2 {
			t.Errorf("%s, filling in: %.2f MB in use, estimated %.2f", mc.Model, used/1e6, want/1e6)
		}
		runtime.KeepAlive(f)
	}
}

// Settings of any size are estimated without a panic, and as more than any machine has.
func TestMemoryOfAbsurdSettings(t *testing.T) {
	if testing.Short() {
		t.Skip("counts tensors of models with a million layers, which is the same everywhere")
	}
	d := repeated(2, 3, 2)
	for _, c := range []Config{{Hidden: maxSize}, {Hidden: 8, Depth: maxSize, PhiX: maxSize}, {Hidden: 4096, Layers: maxSize}} {
		c.Model, c.Data, c.Likelihood = ModelVRNN, 2, Gauss
		mc, err := c.Resolve()
		if err != nil {
			t.Fatal(err)
		}
		if need := mc.MemoryToTrain(DefaultTrainConfig(), d); need < 1e12 {
			t.Errorf("%+v: %v bytes", c, need)
		}
	}
	mc, err := Config{Model: ModelVRNN, Hidden: 4, Data: 2}.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	if need := mc.MemoryToScore(d.Train, 2, EvalConfig{Batch: 1, Samples: 1 << 62}); need < 1e18 {
		t.Errorf("2^62 draws: %v bytes", need)
	}
	if need := mc.MemoryToSample(1<<40, 1<<40); need < 1e24 {
		t.Errorf("2^80 steps: %v bytes", need)
	}
}
