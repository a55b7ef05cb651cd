package model

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/blas/blastest"
)

// TestResume stops trainings at every kind of place, also several times, and compares the
// last checkpoint with that of a training never stopped, byte for byte but for the clock.
func TestResume(t *testing.T) {
	blastest.UseGo(t)
	d := testData(5)
	for _, c := range []struct {
		name   string
		model  Config
		change func(*TrainConfig)
		stops  []int // updates after which to stop
	}{
		{"whole sequences", Config{Model: ModelVRNN, Hidden: 6}, func(*TrainConfig) {}, []int{1, 2, 6, 7, 13, 20}},
		{"segments", Config{Model: ModelVRNN, Cell: "lstm", Hidden: 6}, func(c *TrainConfig) { c.Truncate, c.ResetEvery = 3, 2 }, []int{1, 2, 3, 5, 8, 14, 23, 40}},
		{"gru segments", Config{Model: ModelRNN, Cell: "gru", Hidden: 6}, func(c *TrainConfig) { c.Truncate = 4 }, []int{4, 5, 11}},
		{"layers", Config{Model: ModelVRNN, Hidden: 6, Layers: 2, Dropout: 0.3}, func(c *TrainConfig) { c.Truncate = 4 }, []int{1, 6, 17, 30}},
		{"samples", Config{Model: ModelVRNN, Hidden: 6}, func(c *TrainConfig) { c.FreeBits, c.Samples, c.Importance = 0, 3, true }, []int{3, 9}},
		{"samples in segments", Config{Model: ModelVRNNI, Cell: "gru", Hidden: 6, Layers: 2},
			func(c *TrainConfig) { c.FreeBits, c.Samples, c.Sampled, c.Truncate, c.ResetEvery = 0, 2, true, 3, 3 }, []int{2, 11}},
		{"storn", Config{Model: ModelSTORN, Hidden: 6, Layers: 2, Dropout: 0.2}, func(c *TrainConfig) { c.Truncate = 4 }, []int{1, 17, 30}},
		{"preset", Config{Model: ModelVRNNI, Hidden: 6, Init: InitUniform, Depth: 2},
			func(c *TrainConfig) { c.ColumnClip, c.Beta1Decay, c.DivideByBatch, c.Clip = 0.3, 1e-3, true, 0.05 }, []int{3, 9}},
		{"adamw", Config{Model: ModelRNN, Hidden: 6}, func(c *TrainConfig) { c.Optimizer, c.WeightDecay = OptimizerAdamW, 0.1 }, []int{3, 9}},
		{"average", Config{Model: ModelVRNN, Hidden: 6}, func(c *TrainConfig) { c.EMADecay = 0.9 }, []int{1, 2, 8, 13}},
		{"average of means", Config{Model: ModelRNN, Hidden: 6}, func(c *TrainConfig) { c.EMADecay, c.WeightPosterior, c.Truncate = 0.9, true, 4 }, []int{3, 17}},
		{"transpose", Config{Model: ModelVRNN, Hidden: 6}, func(c *TrainConfig) { c.Transpose, c.Truncate, c.Reshuffle = 2, 4, true }, []int{1, 8, 23}},
		{"dropout", Config{Model: ModelVRNN, Hidden: 6, DropoutInput: 0.2, DropoutHeads: 0.3}, func(c *TrainConfig) { c.Truncate = 4 }, []int{1, 17}},
		{"dropout of storn", Config{Model: ModelSTORN, Hidden: 6, DropoutInput: 0.2, DropoutHeads: 0.3}, func(c *TrainConfig) { c.Truncate = 4 }, []int{1, 17}},
		{"step", Config{Model: ModelRNN, Hidden: 6}, func(c *TrainConfig) {
			c.Schedule = Schedule{Name: ScheduleStep, StepSize: 1, Gamma: 0.5, Warmup: 9}
		}, []int{3, 9, 14}},
		{"cosine", Config{Model: ModelVRNN, Hidden: 6}, func(c *TrainConfig) { c.Schedule = Schedule{Name: ScheduleCosine, TMax: 4} }, []int{7, 13}},
		{"plateau", Config{Model: ModelVRNN, Hidden: 6}, func(c *TrainConfig) {
			c.Epochs, c.Schedule = 9, Schedule{Name: SchedulePlateau, Patience: 1, Threshold: 0.5, Cooldown: 1}
		}, []int{13, 25, 26, 33, 47}},
	} {
		t.Run(c.name, func(t *testing.T) {
			tc := testTrainConfig()
			c.change(&tc)
			if testing.Short() {
				c.stops = c.stops[:2]
			}
			data := d
			if tc.Transpose > 0 {
				data = testRolls()
			}
			checkResume(t, c.model, tc, data, c.stops)
		})
	}
}

// checkResume stops a training after the given numbers of updates, and returns one that was
// never stopped.
func checkResume(t *testing.T, mc Config, tc TrainConfig, d *Data, stops []int) (whole *Trainer) {
	t.Helper()
	whole = newTestTrainer(t, mc, tc, d, t.TempDir())
	if err := whole.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	part := newTestTrainer(t, mc, tc, d, t.TempDir())
	for _, stop := range stops {
		ctx := &countdown{Context: context.Background(), left: stop - int(part.opt.Update)}
		if err := part.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("stop after %d updates: %v", stop, err)
		}
		if int(part.opt.Update) != stop {
			t.Fatalf("stopped after %d updates, want %d", part.opt.Update, stop)
		}
		var err error
		if part, err = Resume(part.Dir, d, 0, 2); err != nil {
			t.Fatal(err)
		}
	}
	if err := part.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	sameTrainers(t, part, whole)
	a, b := bestBytes(t, part.Dir), bestBytes(t, whole.Dir)
	if !slices.Equal(a, b) {
		t.Error("best.safetensors differs")
	}
	return whole
}

// countdown is a context that is cancelled when it was asked left times.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		c.left = -1
		return context.Canceled
	}
	return nil
}

func sameTrainers(t *testing.T, got, want *Trainer) {
	t.Helper()
	a, b := append(stored(got.Model), got.training()...), append(stored(want.Model), want.training()...)
	for i := range a {
		asmtest.SameFloats(t, a[i].Name, a[i].Data, b[i].Data)
	}
	for _, tr := range []*Trainer{got, want} {
		tr.state.Seconds = 0
		for i := range tr.state.History {
			tr.state.History[i].Seconds = 0
		}
	}
	if len(got.History()) != len(want.History()) {
		t.Fatalf("%d epochs, want %d", len(got.History()), len(want.History()))
	}
	for i, e := range got.History() {
		w := want.History()[i]
		if e.Train != w.Train || e.Valid != w.Valid || e.Rate != w.Rate || e.GradNorm != w.GradNorm || e.Updates != w.Updates {
			t.Errorf("epoch %d: %+v, want %+v", i+1, e, w)
		}
	}
}

func bestBytes(t *testing.T, dir string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, BestFile))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestResumeRefuses: other data, a model without training state, another batch order.
func TestResumeRefuses(t *testing.T) {
	d := testData(5)
	tr := newTestTrainer(t, Config{Hidden: 4}, testTrainConfig(), d, t.TempDir())
	tr.Config.Epochs = 1
	if err := tr.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	other := testData(5)
	other.Hash, other.Name = "4567", "another"
	if _, err := Resume(tr.Dir, other, 0, 1); err == nil || !strings.Contains(err.Error(), "other data: test (0123), not another (4567)") {
		t.Errorf("other data: %v", err)
	}
	if err := os.Rename(filepath.Join(tr.Dir, BestFile), filepath.Join(tr.Dir, CheckpointFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := Resume(tr.Dir, d, 0, 1); err == nil || !strings.Contains(err.Error(), "no training to go on with") {
		t.Errorf("best as checkpoint: %v", err)
	}
	if _, err := Resume(t.TempDir(), d, 0, 1); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no checkpoint: %v", err)
	}
}

func checkError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one with %q", err, want)
	}
}
