package model

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
)

// TestAverage follows the average in float64, and compares what is scored and stored with it.
func TestAverage(t *testing.T) {
	c := testTrainConfig()
	c.Epochs, c.EMADecay = 3, 0.75
	d := testData(5)
	tr := newTestTrainer(t, Config{Model: ModelRNN, Hidden: 6}, c, d, t.TempDir())
	var want [][]float64
	tr.OnBatch = func() {
		for i, p := range tr.Model.Tensors() {
			if len(want) <= i {
				want = append(want, make([]float64, len(p.Data)))
			}
			for j, v := range p.Data {
				if tr.opt.Update == 1 {
					want[i][j] = float64(v)
				}
				want[i][j] = 0.75*want[i][j] + 0.25*float64(v)
			}
		}
	}
	tr.OnEpoch = func(e Epoch) error {
		if s := Evaluate(tr.Scored(), d.Valid, c.Eval()); s != e.Valid {
			t.Errorf("epoch %d: valid %+v, the average scores %+v", e.Epoch, e.Valid, s)
		}
		if !e.Best {
			return nil
		}
		best, _, err := Load(filepath.Join(tr.Dir, BestFile))
		if err != nil {
			return err
		}
		for i, p := range tr.Scored().Tensors() {
			asmtest.SameFloats(t, "the best checkpoint's "+p.Name, best.Tensors()[i].Data, p.Data)
		}
		return nil
	}
	if err := tr.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	last, _, err := Load(filepath.Join(tr.Dir, CheckpointFile))
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range tr.Scored().Tensors() {
		asmtest.SameFloats(t, "the last checkpoint's "+p.Name, last.Tensors()[i].Data, p.Data)
		for j, v := range p.Data {
			if math.Abs(float64(v)-want[i][j]) > 1e-5 {
				t.Fatalf("%s[%d]: average %v, want %v", p.Name, j, v, want[i][j])
			}
		}
	}
	for i, p := range tr.Model.Constants() {
		asmtest.SameFloats(t, p.Name, tr.Scored().Constants()[i].Data, p.Data)
	}
}

// TestAverageOfNothing: a training that ends before its first update leaves the model that it began
// with, not one of zeros.
func TestAverageOfNothing(t *testing.T) {
	c := testTrainConfig()
	c.EMADecay = 0.75
	tr := newTestTrainer(t, Config{Model: ModelRNN, Hidden: 6}, c, testData(5), t.TempDir())
	if err := tr.Run(&countdown{Context: t.Context()}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	m, _, err := Load(filepath.Join(tr.Dir, CheckpointFile))
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range tr.Model.Tensors() {
		asmtest.SameFloats(t, p.Name, m.Tensors()[i].Data, p.Data)
	}
}
