package model

import (
	"slices"
	"testing"
)

// lazy is a source that computes what it gives.
type lazy struct {
	steps, dim int
	value      func(i int) float32
}

func (l lazy) Steps() int { return l.steps }

func (l lazy) Read(dst []float32, from int) {
	for i := range dst {
		dst[i] = l.value(from*l.dim + i)
	}
}

// TestSource: a data set whose rows are made when they are needed trains to the same bits
// as one in memory, whole or in windows.
func TestSource(t *testing.T) {
	whole := &Data{Name: "d", Dim: 3}
	made := &Data{Name: "d", Dim: 3}
	value := func(seq int) func(i int) float32 {
		return func(i int) float32 { return float32((i*7+seq*3)%5) / 4 }
	}
	for k, part := range []func(*Data) *[]Sequence{func(d *Data) *[]Sequence { return &d.Train }, func(d *Data) *[]Sequence { return &d.Valid }, func(d *Data) *[]Sequence { return &d.Test }} {
		for i, steps := range []int{9, 0, 30, 11} {
			s := Sequence{Name: "s", Source: lazy{steps, 3, value(4*k + i)}, Binarise: i == 2}
			*part(made) = append(*part(made), s)
			s.X, s.Source = s.Values(3), nil
			*part(whole) = append(*part(whole), s)
		}
	}
	train := func(d *Data, truncate int) []float32 {
		m := newModel[float32](t, Config{Model: ModelVRNN, Data: 3, Hidden: 4})
		m.Init(1, d.Stats())
		c := DefaultTrainConfig()
		c.Epochs, c.Batch, c.Truncate = 2, 2, truncate
		tr, err := NewTrainer(m, d, c)
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		var all []float32
		for _, p := range m.Tensors() {
			all = append(all, p.Data...)
		}
		return append(all, float32(tr.History()[1].Valid.NLLPerStep))
	}
	if !slices.Equal(train(whole, 0), train(made, 0)) || !slices.Equal(train(whole, 4), train(made, 4)) {
		t.Error("whole sequences: the results differ")
	}
	if !slices.Equal(train(Windows(whole, 5, 3), 0), train(Windows(made, 5, 3), 0)) {
		t.Error("windows: the results differ")
	}
	s := made.Train[2].Slice(3, 12, 3).Slice(1, 4, 3)
	if want := whole.Train[2].X[4*3 : 7*3]; s.Steps(3) != 3 || !slices.Equal(s.Values(3), want) {
		t.Errorf("a slice of a slice: %v, want %v", s.Values(3), want)
	}
}
