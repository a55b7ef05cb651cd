package model

import (
	"bytes"
	"context"
	"runtime/pprof"
	"strings"
	"testing"
)

// TestPhases: a profile tells the phases of a training apart, also from goroutines of the program's own, whose
// labels are as before afterwards.
func TestPhases(t *testing.T) {
	labels := func() string {
		var b bytes.Buffer
		if err := pprof.Lookup("goroutine").WriteTo(&b, 1); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	d := testData(3)
	c := DefaultTrainConfig()
	c.Epochs = 1
	m, err := New[float32](Config{Model: ModelRNN, Data: d.Dim, Hidden: 3})
	if err != nil {
		t.Fatal(err)
	}
	m.Init(1, d.Stats())
	pprof.Do(context.Background(), pprof.Labels("job", "test"), func(ctx context.Context) {
		tr, err := NewTrainer(m, d, c)
		if err != nil {
			t.Fatal(err)
		}
		var batch, epoch string
		tr.OnBatch = func() { batch = labels() }
		tr.OnEpoch = func(Epoch) error { epoch = labels(); return nil }
		if err := tr.Run(ctx); err != nil {
			t.Fatal(err)
		}
		for _, v := range [][2]string{{batch, `{"job":"test", "phase":"update"}`}, {epoch, `{"job":"test", "phase":"valid"}`}, {labels(), `labels: {"job":"test"}`}} {
			if !strings.Contains(v[0], v[1]) {
				t.Errorf("no %s in %s", v[1], v[0])
			}
		}
	})
}
