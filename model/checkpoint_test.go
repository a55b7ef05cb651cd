package model

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"testing"
)

// TestCheckpointNotFinite: a figure that JSON cannot hold, as of an outlier, costs neither the
// checkpoint nor, after a resume, the figure.
func TestCheckpointNotFinite(t *testing.T) {
	dir, d := t.TempDir(), testData(3)
	tc := testTrainConfig()
	tr := newTestTrainer(t, Config{Hidden: 4}, tc, d, dir)
	tr.OnEpoch = func(e Epoch) error {
		if e.Epoch == 2 {
			return errStop
		}
		return nil
	}
	if err := tr.Run(context.Background()); !errors.Is(err, errStop) {
		t.Fatal(err)
	}
	e := &tr.state.History[0]
	e.Train.NLLPerStep, e.Valid.NLLPerSeq, e.GradNorm = math.Inf(1), math.Inf(-1), math.NaN()
	for name, c := range e.Channels {
		c.Max = math.Inf(1)
		e.Channels[name] = c
	}
	tr.state.Sum.LogProb = math.Inf(-1)
	if err := tr.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	back, err := Resume(dir, d, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	got := back.History()[0]
	if !math.IsInf(got.Train.NLLPerStep, 1) || !math.IsInf(got.Valid.NLLPerSeq, -1) || !math.IsNaN(got.GradNorm) || !math.IsInf(back.state.Sum.LogProb, -1) {
		t.Errorf("read back: %+v", got)
	}
	for name, c := range got.Channels {
		if !math.IsInf(c.Max, 1) {
			t.Errorf("channel %s: %v", name, c)
		}
	}
	if err := back.Run(context.Background()); err != nil {
		t.Error(err)
	}
}

var errStop = errors.New("enough")

// TestTrainingEnded: whether a training has ended is read from its checkpoint.
func TestTrainingEnded(t *testing.T) {
	d := testData(3)
	for _, c := range []struct {
		epochs, patience, stop, done int
		ended                        bool
	}{
		{3, 0, 0, 3, true}, {3, 0, 2, 2, false}, {50, 1, 0, 0, true}, {50, 1, 1, 1, false},
	} {
		dir, tc := t.TempDir(), testTrainConfig()
		tc.Epochs, tc.Patience, tc.Rate = c.epochs, c.patience, 0
		tr := newTestTrainer(t, Config{Model: ModelRNN, Hidden: 4}, tc, d, dir)
		tr.OnEpoch = func(e Epoch) error {
			if e.Epoch == c.stop {
				return errStop
			}
			return nil
		}
		if err := tr.Run(context.Background()); err != nil && !errors.Is(err, errStop) {
			t.Fatal(err)
		}
		info, err := ReadInfo(filepath.Join(dir, CheckpointFile))
		if err != nil {
			t.Fatal(err)
		}
		tn := info.Training
		if tn == nil || tn.Ended != c.ended || c.done > 0 && len(tn.History) != c.done || tn.Config.Epochs != c.epochs {
			t.Errorf("%+v: %+v", c, tn)
		}
		if info, err := ReadInfo(filepath.Join(dir, BestFile)); err != nil || info.Training != nil {
			t.Errorf("%s: %+v, %v, want no training", BestFile, info.Training, err)
		}
	}
}
