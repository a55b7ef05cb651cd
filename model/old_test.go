package model

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/cell"
)

var addOld = flag.Bool("add-old", false, "write checkpoints and figures of the cases of TestOldCheckpoints that have none")

// oldFigures are what was written down when a checkpoint in testdata/old was made.
type oldFigures struct {
	Fresh   string             // hash of a model that has been initialised
	Scores  map[string]float64 // nats per step, with 1 and with 4 draws
	Samples string             // hash of draws from the model
	Resumed string             // hash of all that is stored when training went on for another epoch
}

// oldCheckpoints returns the trainings of one epoch whose checkpoints are in testdata/old.
func oldCheckpoints() map[string]struct {
	Config
	TrainConfig
} {
	cases := map[string]struct {
		Config
		TrainConfig
	}{}
	add := func(name string, c Config, change func(*TrainConfig)) {
		t := DefaultTrainConfig()
		t.Epochs, t.Batch, t.Rate = 1, 4, 1e-2
		if change != nil {
			change(&t)
		}
		c.Hidden = 3
		if c.Data == 0 {
			c.Data = 2
		}
		cases[name] = struct {
			Config
			TrainConfig
		}{c, t}
	}
	truncated := func(t *TrainConfig) { t.Truncate = 4 }
	add("rnn-bernoulli", Config{Model: ModelRNN}, truncated)
	add("rnn-gauss", Config{Model: ModelRNN, Likelihood: Gauss, Cell: "gru"}, nil)
	add("rnn-gmm", Config{Model: ModelRNN, Likelihood: GMM, Components: 2, Cell: "rnn"}, nil)
	add("rnn-categorical", Config{Model: ModelRNN, Likelihood: Categorical, Data: 1, Classes: 5}, nil)
	add("rnn-bivariate", Config{Model: ModelRNN, Likelihood: Bivariate, Data: 3, Cell: "rnn-relu"}, nil)
	add("rnn-bivariate-mixture", Config{Model: ModelRNN, Likelihood: BivariateMixture, Data: 3, Components: 2}, nil)
	add("rnn-logistic-mixture", Config{Model: ModelRNN, Likelihood: LogisticMixture, Components: 2, Levels: 5}, nil)
	add("rnn-nade", Config{Model: ModelRNN, Likelihood: NADE, Units: 4}, nil)
	add("rnn-rbm", Config{Model: ModelRNN, Likelihood: RBM, Units: 4, Cell: "gru"}, truncated)
	add("vrnn", Config{Model: ModelVRNN, Likelihood: Gauss, Latent: 2}, func(t *TrainConfig) {
		t.KLWarmup, t.FreeBits, t.Truncate = 2, 0.1, 4
	})
	add("vrnn-layers", Config{Model: ModelVRNN, Cell: "gru-before", Layers: 2, Dropout: 0.3, Latent: 2, Depth: 2}, func(t *TrainConfig) {
		t.Samples, t.Importance = 3, true
	})
	add("vrnn-i", Config{Model: ModelVRNNI, Cell: "gru", Latent: 2}, func(t *TrainConfig) { t.Samples, t.Sampled = 2, true })
	add("storn", Config{Model: ModelSTORN, Cell: "rnn", Layers: 2, Dropout: 0.3, Latent: 2}, truncated)
	add("storn-categorical", Config{Model: ModelSTORN, Likelihood: Categorical, Data: 1, Classes: 5, Latent: 2}, func(t *TrainConfig) {
		t.Samples, t.Importance = 3, true
	})
	add("vrae", Config{Model: ModelVRAE, Latent: 2}, func(t *TrainConfig) { t.Optimizer = OptimizerAdagrad })
	add("vrae-teacher", Config{Model: ModelVRAE, Likelihood: Gauss, Cell: "lstm", Latent: 2, Teacher: true, Reverse: true}, func(t *TrainConfig) {
		t.Samples, t.Sampled = 2, true
	})
	add("classifier", Config{Model: ModelClassifier, Cell: "gru", Labels: []string{"a", "b", "c"}}, nil)
	add("vae", Config{Model: ModelVAE, Latent: 2}, func(t *TrainConfig) { t.Samples, t.Importance = 3, true })
	add("vae-unit", Config{Model: ModelVAE, Likelihood: Gauss, Means: MeansUnit, Scale: ScaleLogVar, Activation: "relu", Latent: 2}, func(t *TrainConfig) {
		t.Method, t.Samples = MethodBaseline, 2
	})
	add("vae-linear", Config{Model: ModelVAE, Likelihood: Gauss, Depth: noLayers, Latent: 1, Init: InitNormal}, func(t *TrainConfig) {
		t.Method = MethodWakeSleep
	})
	add("regression", Config{Model: ModelRegression, Data: 3, Given: 2}, func(t *TrainConfig) { t.WeightPosterior = true })
	add("regression-sampled", Config{Model: ModelRegression, Data: 3, Given: 1, Means: MeansUnit}, func(t *TrainConfig) {
		t.Samples, t.Importance = 3, true
	})
	return cases
}

// oldData returns data that suit the configuration. The figures depend on it.
func oldData(c Config) *Data {
	rng := rand.New(rand.NewPCG(6, 6))
	seqs := func(n int) (list []Sequence) {
		for i := range n {
			s := Sequence{Name: fmt.Sprint(i), Label: string(rune('a' + i%3)), X: make([]float32, (3+rng.IntN(8))*c.Data)}
			for j := range s.X {
				switch {
				case c.Likelihood == Categorical:
					s.X[j] = float32(rng.IntN(c.Classes))
				case c.Likelihood == LogisticMixture:
					s.X[j] = float32(rng.IntN(c.Levels))/2 - 1
				case c.Likelihood == Gauss || c.Likelihood == GMM || c.Model == ModelRegression || c.Data == 3 && j%3 > 0:
					s.X[j] = float32(rng.Float64() - 0.3)
				default:
					s.X[j] = float32(rng.IntN(2))
				}
			}
			list = append(list, s)
		}
		return list
	}
	d := &Data{Name: "old", Dim: c.Data, Hash: "old", Train: seqs(9), Valid: seqs(4), Test: seqs(4)}
	d.Form.Classes = c.Classes
	return d
}

func hashOf(ts []cell.Tensor[float32]) string {
	h := sha256.New()
	for _, x := range ts {
		for _, v := range x.Data {
			h.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)))
		}
	}
	return fmt.Sprintf("%.8x", h.Sum(nil))
}

// TestOldCheckpoints: checkpoints of all models that were written by earlier versions are read,
// score the same figures, and training goes on from them to the same bits.
func TestOldCheckpoints(t *testing.T) {
	blastest.UseGo(t)
	const figures = "testdata/old/figures.json"
	want := map[string]oldFigures{}
	text, err := os.ReadFile(figures)
	if err == nil {
		err = json.Unmarshal(text, &want)
	}
	if err != nil && !*addOld {
		t.Fatal(err)
	}
	for name, c := range oldCheckpoints() {
		t.Run(name, func(t *testing.T) {
			file, d, dir := filepath.Join("testdata/old", name+".safetensors"), oldData(c.Config), t.TempDir()
			path := filepath.Join(dir, CheckpointFile)
			if _, old := want[name]; !old && *addOld {
				writeOld(t, file, c.Config, c.TrainConfig, d)
			}
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, raw, 0o666); err != nil {
				t.Fatal(err)
			}
			got := figuresOf(t, dir, c.Config, d)
			if _, old := want[name]; !old && *addOld {
				want[name] = got
			}
			if !reflect.DeepEqual(got, want[name]) {
				t.Errorf("%+v, want %+v", got, want[name])
			}
		})
	}
	if *addOld {
		text, err := json.MarshalIndent(want, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(figures, append(text, '\n'), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func writeOld(t *testing.T, file string, c Config, tc TrainConfig, d *Data) {
	dir := t.TempDir()
	m := newModel[float32](t, c)
	m.Init(3, d.Stats())
	tr, err := NewTrainer(m, d, tc)
	if err != nil {
		t.Fatal(err)
	}
	tr.Dir = dir
	if err := tr.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, CheckpointFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, raw, 0o666); err != nil {
		t.Fatal(err)
	}
}

// figuresOf computes the figures of the checkpoint in dir.
func figuresOf(t *testing.T, dir string, c Config, d *Data) oldFigures {
	fresh := newModel[float32](t, c)
	fresh.Init(3, d.Stats())
	m, _, err := Load(filepath.Join(dir, CheckpointFile))
	if err != nil {
		t.Fatal(err)
	}
	f := oldFigures{Fresh: hashOf(stored(fresh)), Scores: map[string]float64{}}
	for _, k := range []int{1, 4} {
		e := EvalConfig{Batch: 3, Samples: k, Seed: 5, Threads: 1}
		if k > 1 {
			e.Anneal = Annealing{Runs: k, Temperatures: k} // of an rbm; else its pseudo-likelihood
		}
		f.Scores[fmt.Sprint(k)] = Evaluate(m, d.Test, e).Figure()
	}
	if _, none := m.(*Classifier[float32]); !none {
		draws := append(Sample(m, Draw{Count: 3, Steps: 5, Seed: 9}), Sample(m, Draw{Count: 3, Steps: 5, Seed: 9, Mean: true})...)
		f.Samples = hashOf([]cell.Tensor[float32]{{Data: draws}})
	}
	tr, err := Resume(dir, d, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.Resumed = hashOf(append(stored(tr.Model), tr.training()...))
	return f
}
