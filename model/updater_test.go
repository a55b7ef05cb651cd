package model

import (
	"errors"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/blas/blastest"
)

// sameParameters compares all tensors of two models bit for bit.
func sameParameters(t *testing.T, got, want Model[float32]) {
	t.Helper()
	ws := want.Tensors()
	for i, g := range got.Tensors() {
		for j, v := range g.Data {
			if math.Float32bits(v) != math.Float32bits(ws[i].Data[j]) {
				t.Fatalf("%s[%d] = %v, want %v", g.Name, j, v, ws[i].Data[j])
			}
		}
	}
}

// epochOf makes the updates of an epoch of one batch, as a Trainer does, and returns the sum of the terms.
func epochOf(t *testing.T, u *Updater, d *Data, truncate int) Totals {
	t.Helper()
	order := cut(byLength(d.Train, d.Dim), len(d.Train))[0]
	k := u.config.samples()
	var b Batch[float32]
	var sum Totals
	for from := 0; from < d.Train[order[0]].Steps(d.Dim); from += truncate {
		segment(&b, d.Train, order, Config{Data: d.Dim}, from, truncate, k, 0)
		got, err := u.Step(&b)
		if err != nil {
			t.Fatal(err)
		}
		sum.Add(got)
		n := b.Shape.Batch() * u.Model().State()
		b.H, b.C = make([]float32, n), make([]float32, n)
		u.Pass().Final(b.H, b.C)
		if truncate == 0 {
			break
		}
	}
	return sum
}

// TestUpdaterIsTrainer: the same batches give the bits of a Trainer, whatever the settings.
func TestUpdaterIsTrainer(t *testing.T) {
	blastest.UseGo(t)
	d := testData(5)
	for _, c := range []struct {
		name   string
		model  Config
		change func(*TrainConfig)
	}{
		{"vrnn", Config{Model: ModelVRNN}, func(*TrainConfig) {}},
		{"segments", Config{Model: ModelRNN, Cell: "gru"}, func(c *TrainConfig) { c.Truncate = 4 }},
		{"draws", Config{Model: ModelVRNN}, func(c *TrainConfig) { c.FreeBits, c.Samples, c.Importance = 0, 3, true }},
		{"adamw", Config{Model: ModelRNN}, func(c *TrainConfig) { c.Optimizer, c.WeightDecay = OptimizerAdamW, 0.1 }},
		{"divided", Config{Model: ModelVRNNI}, func(c *TrainConfig) { c.DivideByBatch, c.KLWeight, c.Clip = true, 0.5, 0.01 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.model.Hidden = 6
			tc := testTrainConfig()
			tc.Epochs, tc.Batch, tc.KLWarmup = 3, len(d.Train), 0
			if c.model.Model == ModelRNN {
				tc.FreeBits = 0
			}
			c.change(&tc)
			tr := newTestTrainer(t, c.model, tc, d, "")
			truncate := tc.Truncate
			tc.Truncate = 0
			u, err := NewUpdater(newTestTrainer(t, c.model, tc, d, "").Model, tc)
			if err != nil {
				t.Fatal(err)
			}
			if err := tr.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			for i, e := range tr.History() {
				if got := epochOf(t, u, d, truncate); got.LogProb/float64(got.Steps) != -e.Train.ReconPerStep {
					t.Errorf("epoch %d: ln p = %v a step, want %v", i+1, got.LogProb/float64(got.Steps), -e.Train.ReconPerStep)
				}
			}
			if u.Updates() != int(tr.opt.Update) {
				t.Errorf("%d updates, want %d", u.Updates(), tr.opt.Update)
			}
			sameParameters(t, u.Model(), tr.Model)
		})
	}
}

// TestUpdaterResumes: what was stored goes on with the same bits, after a Trainer too.
func TestUpdaterResumes(t *testing.T) {
	blastest.UseGo(t)
	d := testData(5)
	tc := testTrainConfig()
	tc.Epochs, tc.FreeBits, tc.KLWarmup, tc.Truncate = 1, 0, 0, 4
	tr := newTestTrainer(t, Config{Model: ModelRNN, Hidden: 6}, tc, d, t.TempDir())
	if err := tr.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	whole, states, err := LoadUpdater(filepath.Join(tr.Dir, CheckpointFile), 1)
	if err != nil || states != nil {
		t.Fatal(states, err)
	}
	if whole.Updates() != int(tr.opt.Update) {
		t.Fatalf("%d updates, want %d", whole.Updates(), tr.opt.Update)
	}
	sameParameters(t, whole.Model(), tr.Model)
	whole.SetRate(2e-3)
	epochOf(t, whole, d, 4)

	path := filepath.Join(t.TempDir(), CheckpointFile)
	from := &States[float32]{H: []float32{1, 2, 3, 4, 5, 6}, C: make([]float32, 6)}
	if err := whole.Save(path, d, from); err != nil {
		t.Fatal(err)
	}
	part, back, err := LoadUpdater(path, 2)
	if err != nil {
		t.Fatal(err)
	}
	if back == nil || !slices.Equal(back.H, from.H) || !slices.Equal(back.C, from.C) {
		t.Errorf("states %v, want %v", back, from)
	}
	if got, want := epochOf(t, part, d, 4), epochOf(t, whole, d, 4); got != want {
		t.Errorf("terms %v, want %v", got, want)
	}
	sameParameters(t, part.Model(), whole.Model())

	if _, err := Resume(filepath.Dir(path), d, 0, 1); err == nil {
		t.Error("a Trainer went on from an Updater")
	}
	if err := Save(path, part.Model(), d); err != nil {
		t.Fatal(err)
	}
	_, _, err = LoadUpdater(path, 1)
	checkError(t, err, "no optimiser to go on with")
}

// TestUpdaterDiverges: a step that cannot be made changes nothing.
func TestUpdaterDiverges(t *testing.T) {
	d := testData(5)
	tc := testTrainConfig()
	tc.FreeBits, tc.KLWarmup = 0, 0
	c := Config{Model: ModelRNN, Likelihood: Gauss, Hidden: 6}
	u, err := NewUpdater(newTestTrainer(t, c, tc, d, "").Model, tc)
	if err != nil {
		t.Fatal(err)
	}
	epochOf(t, u, d, 0)
	before := newTestTrainer(t, c, tc, d, "").Model
	for i, ts := range before.Tensors() {
		copy(ts.Data, u.params[i].Data)
	}
	var b Batch[float32]
	segment(&b, d.Train, []int{0}, Config{Data: d.Dim}, 0, 0, 1, 0)
	b.X[3] = float32(math.Inf(1))
	if _, err := u.Step(&b); !errors.Is(err, ErrDiverged) {
		t.Fatalf("Step: %v, want ErrDiverged", err)
	}
	b.Shape.Reset(nil)
	if got, err := u.Step(&b); err != nil || got != (Totals{}) {
		t.Errorf("a step of no rows: %v, %v", got, err)
	}
	sameParameters(t, u.Model(), before)
	if u.Updates() != 1 {
		t.Errorf("%d updates, want 1", u.Updates())
	}
}

func TestUpdaterRefuses(t *testing.T) {
	d := testData(5)
	for want, change := range map[string]func(*TrainConfig){
		"schedule is for a Trainer":         func(c *TrainConfig) { c.Schedule = Schedule{Name: ScheduleCosine, TMax: 4} },
		"truncate is for a Trainer":         func(c *TrainConfig) { c.Truncate = 3 },
		"ema_decay is for a Trainer":        func(c *TrainConfig) { c.EMADecay = 0.9 },
		"weight_posterior is for a Trainer": func(c *TrainConfig) { c.WeightPosterior = true },
		"weight_decay without adamw is for": func(c *TrainConfig) { c.WeightDecay = 1 },
		"reshuffle is for a Trainer":        func(c *TrainConfig) { c.Reshuffle = true },
		"lr = -1":                           func(c *TrainConfig) { c.Rate = -1 },
		"no latent variables":               func(c *TrainConfig) { c.Samples = 2 },
	} {
		tc := testTrainConfig()
		tc.FreeBits, tc.KLWarmup = 0, 0
		m := newTestTrainer(t, Config{Model: ModelRNN, Hidden: 4}, tc, d, "").Model
		change(&tc)
		_, err := NewUpdater(m, tc)
		checkError(t, err, want)
	}
}

// TestUpdaterAllocations: a step allocates nothing, once the updater has its memory, with values missing or not.
func TestUpdaterAllocations(t *testing.T) {
	blastest.UseGo(t)
	d := testData(5)
	tc := testTrainConfig()
	tc.FreeBits, tc.KLWarmup, tc.Threads = 0, 0, 1
	for _, c := range []Config{{Model: ModelRNN}, {Model: ModelVRNN}, {Model: ModelRNN, Likelihood: StudentFull, Skip: 2}, {Model: ModelVRNN, Likelihood: GaussFull, Skip: 2}} {
		c.Hidden = 6
		u, err := NewUpdater(newTestTrainer(t, c, tc, d, "").Model, tc)
		if err != nil {
			t.Fatal(err)
		}
		var b Batch[float32]
		segment(&b, d.Train, []int{0}, Config{Data: d.Dim}, 0, 0, 1, 0)
		n := u.Model().State()
		b.H, b.C = make([]float32, n), make([]float32, n)
		check := func() {
			t.Helper()
			if n := testing.AllocsPerRun(30, func() {
				if _, err := u.Step(&b); err != nil {
					t.Fatal(err)
				}
				u.Pass().Final(b.H, b.C)
			}); n != 0 {
				t.Errorf("%s %s: %v allocations in a step, want 0", c.Model, c.Likelihood, n)
			}
		}
		if check(); c.Skip == 0 {
			hide(&b, d.Dim, 1)
			check()
		}
	}
}
