package model

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSchedules compares the rates with those of torch.optim.lr_scheduler 1.13: StepLR(3, 0.5),
// CosineAnnealingLR(8, 0.01), LinearLR(1/5, total_iters=4) and ReduceLROnPlateau(factor=0.3,
// patience=2, cooldown=1, min_lr=0.002), one step an epoch from lr = 0.1.
func TestSchedules(t *testing.T) {
	check := func(name string, at int, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-15 {
			t.Errorf("%s: rate %d is %v, want %v", name, at, got, want)
		}
	}
	step := Schedule{Name: ScheduleStep, StepSize: 3, Gamma: 0.5}
	for e, want := range []float64{0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025, 0.0125} {
		check("step", e, step.rate(0.1, e, 1, nil), want)
	}
	cosine := Schedule{Name: ScheduleCosine, TMax: 8, MinRate: 0.01}
	for e, want := range []float64{0.1, 0.0965745789630079, 0.08681980515339463, 0.07222075445642905, 0.055, 0.03777924554357096,
		0.023180194846605363, 0.013425421036992097, 0.01, 0.01} { // the last one is ours: PyTorch's rises again
		check("cosine", e, cosine.rate(0.1, e, 1, nil), want)
	}
	warm := Schedule{Warmup: 5}
	for i, want := range []float64{0.02, 0.04, 0.06, 0.08, 0.1, 0.1, 0.1} {
		check("warm-up", i+1, warm.rate(0.1, 0, uint32(i+1), nil), want)
	}
	warm.Name, warm.StepSize = ScheduleStep, 1
	check("warm-up and step", 2, warm.rate(0.1, 1, 2, nil), 0.004)

	flat := Schedule{Name: SchedulePlateau, Gamma: 0.3, Patience: 2, Cooldown: 1, MinRate: 0.002}
	p := &plateau{Rate: 0.1}
	bounds := []float64{5, 4, 4.5, 4.2, 3.9999, 3.999, 3.5, 3.6, 3.6, 3.6, 3.6, 3.6, 3.4, 3.5, 3.5, 3.5, 3.5, 3.5, 3.5, 3.5, 3.5, 3.5, 3.5, 3.5}
	for e, want := range []float64{0.1, 0.1, 0.1, 0.1, 0.1, 0.03, 0.03, 0.03, 0.03, 0.03, 0.009, 0.009, 0.009, 0.009, 0.009, 0.009,
		0.0027, 0.0027, 0.0027, 0.0027, 0.002, 0.002, 0.002, 0.002} {
		check("plateau", e, flat.rate(0.1, e, 1, p), want)
		p.see(bounds[e], flat)
	}
	// A negative bound that stays is no better one.
	p = &plateau{Rate: 0.1}
	for range 4 {
		p.see(-7, flat)
	}
	check("plateau below 0", 4, p.Rate, 0.03)
}

// TestScheduleErrors: settings out of range, of another schedule, or without sense.
func TestScheduleErrors(t *testing.T) {
	for _, c := range []struct {
		schedule Schedule
		want     string
	}{
		{Schedule{Name: "linear"}, `unknown schedule "linear", want one of [constant step cosine plateau]`},
		{Schedule{Warmup: -1}, "warmup = -1"},
		{Schedule{Name: ScheduleStep}, "schedule step: step_size = 0, want 1.."},
		{Schedule{Name: ScheduleCosine}, "schedule cosine: t_max = 0, want 1.."},
		{Schedule{Name: ScheduleStep, StepSize: 1, Gamma: 1}, "gamma = 1"},
		{Schedule{Name: ScheduleStep, StepSize: 1, TMax: 4}, "schedule step has no use for t_max"},
		{Schedule{Gamma: 0.5}, "schedule constant has no use for gamma"},
		{Schedule{Name: SchedulePlateau, Threshold: math.NaN()}, "threshold = NaN"},
		{Schedule{Name: ScheduleCosine, TMax: 4, MinRate: 5e-3}, "min_lr = 0.005 is not below lr = 0.005"},
		{Schedule{Name: ScheduleCosine, TMax: 3}, "the rate is 0 after t_max = 3 epochs"},
		{Schedule{Name: SchedulePlateau, Patience: 50}, "training stops after 50"},
		{Schedule{Name: SchedulePlateau, Patience: -2}, "patience = -2, want -1..1073741824"},
	} {
		tc := testTrainConfig()
		tc.Schedule = c.schedule
		d := testData(5)
		m := newModel[float32](t, Config{Model: ModelRNN, Hidden: 4, Data: 5})
		tc.KLWarmup, tc.FreeBits = 0, 0
		_, err := NewTrainer(m, d, tc)
		checkError(t, err, c.want)
	}
}

// TestScheduledRates: the updates have the rates that the history names.
func TestScheduledRates(t *testing.T) {
	c := testTrainConfig()
	c.Schedule = Schedule{Name: ScheduleStep, StepSize: 2, Warmup: 8}
	tr := newTestTrainer(t, Config{Model: ModelRNN, Hidden: 4}, c, testData(5), "")
	if err := tr.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	n := float64(tr.History()[0].Updates)
	for i, want := range []float64{5e-3 * n / 8, 5e-3, 5e-4, 5e-4} {
		if got := tr.History()[i].Rate; math.Abs(got-want) > 1e-15 {
			t.Errorf("epoch %d: rate %v, want %v", i+1, got, want)
		}
	}
	if tr.opt.Rate != tr.History()[3].Rate {
		t.Errorf("the last update had the rate %v", tr.opt.Rate)
	}
}

// TestPlateauState: a checkpoint without the state of its schedule is refused, and the rate of a
// plateau falls.
func TestPlateauState(t *testing.T) {
	c, d := testTrainConfig(), testData(5)
	c.Epochs, c.Schedule = 6, Schedule{Name: SchedulePlateau, Patience: 1, Threshold: 1}
	tr := newTestTrainer(t, Config{Model: ModelRNN, Hidden: 4}, c, d, t.TempDir())
	if err := tr.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := tr.History()[5].Rate; math.Abs(got-5e-5) > 1e-15 {
		t.Errorf("after two reductions the rate is %v, want 5e-5", got)
	}
	none := c
	none.Schedule.Patience = NoPatience
	every := newTestTrainer(t, Config{Model: ModelRNN, Hidden: 4}, none, d, "")
	if err := every.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := every.History()[2].Rate; math.Abs(got-5e-4) > 1e-15 {
		t.Errorf("with no patience the rate after one epoch without a better bound is %v, want 5e-4", got)
	}
	if _, err := Resume(tr.Dir, d, 5, 1); err == nil || !strings.Contains(err.Error(), "epochs = 5, but 6 are done") {
		t.Errorf("fewer epochs than are done: %v", err)
	}
	if _, err := Resume(tr.Dir, d, 1<<30+1, 1); err == nil || strings.Count(err.Error(), "model:") != 1 || !strings.Contains(err.Error(), "epochs = 1073741825, want 0..1073741824") {
		t.Errorf("an error of the settings: %v", err)
	}
	path := filepath.Join(tr.Dir, CheckpointFile)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for old, damaged := range map[string]string{`\"plateau\":{`: `\"plateaw\":{`, `\"plateau\":{\"lr\":0`: `\"plateau\":{\"lr\":9`} {
		if !bytes.Contains(raw, []byte(old)) {
			t.Fatalf("no %s in the header", old)
		}
		if err := os.WriteFile(path, bytes.Replace(raw, []byte(old), []byte(damaged), 1), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := Resume(tr.Dir, d, 0, 1)
		checkError(t, err, "the state of schedule plateau is missing or out of range")
	}
}
