package model

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/internal/music"
)

// tuneWindows returns windows of the training tunes in their own keys, labelled by tune.
func tuneWindows(length, hop int) *Data {
	d := &Data{Name: "tunes", Dim: music.Dims, Hash: "tunes"}
	tunes, _, _ := music.Tunes()
	for _, t := range tunes {
		steps, _ := t.Rolls(2)
		x := make([]float32, len(steps)*music.Dims)
		music.Rows(x, steps)
		d.Train = append(d.Train, Sequence{Name: t.Name, Label: t.Name, X: x})
	}
	d.Valid, d.Test = d.Train, d.Train
	return Windows(d, length, hop)
}

// fewLabels splits the windows into a few for each label, spread evenly, to train on, and
// all others to test on.
func fewLabels(d *Data, each int) *Data {
	few := *d
	few.Train, few.Test = nil, nil
	byLabel := map[string][]Sequence{}
	for _, s := range d.Train {
		byLabel[s.Label] = append(byLabel[s.Label], s)
	}
	for _, label := range Labels(d.Train) {
		list := byLabel[label]
		for i, s := range list {
			chosen := false
			for k := range each {
				chosen = chosen || i == (2*k+1)*len(list)/(2*each)
			}
			if chosen {
				few.Train = append(few.Train, s)
			} else {
				few.Test = append(few.Test, s)
			}
		}
	}
	few.Valid = few.Test
	return &few
}

func trained(t *testing.T, m Model[float32], d *Data, change func(*TrainConfig)) {
	t.Helper()
	tc := DefaultTrainConfig()
	tc.Patience = 0
	change(&tc)
	tr, err := NewTrainer(m, d, tc)
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// TestFewLabels: with one labelled window of each of 18 tunes, a classifier that starts
// from the encoder of a VRAE, which has seen all windows without their labels, tells more
// of the other windows right than one that starts at random.
func TestFewLabels(t *testing.T) {
	if testing.Short() || asm.Active() == asm.Generic {
		t.Skip("trains for two seconds, and without vector instructions for a minute")
	}
	all := tuneWindows(32, 8)
	few := fewLabels(all, 1)
	c := Config{Cell: "gru", Data: all.Dim, Hidden: 40}
	c.Model, c.Latent = ModelVRAE, 20
	m, err := New[float32](c)
	if err != nil {
		t.Fatal(err)
	}
	m.Init(1, all.Stats())
	v := m.(*VRAE[float32])
	trained(t, v, all, func(tc *TrainConfig) { tc.Epochs, tc.Rate, tc.KLWeight = 25, 3e-3, 0.1 })

	c.Model, c.Labels = ModelClassifier, Labels(all.Train)
	accuracy := func(seed uint64, from func(*Classifier[float32]) error) float64 {
		m, err := New[float32](c)
		if err != nil {
			t.Fatal(err)
		}
		m.Init(seed, few.Stats())
		k := m.(*Classifier[float32])
		if err := from(k); err != nil {
			t.Fatal(err)
		}
		trained(t, k, few, func(tc *TrainConfig) { tc.Epochs, tc.Rate = 30, 4e-3 })
		if got := k.Accuracy(few.Train, 16, 1); got < 0.9 {
			t.Errorf("%.2f of the labelled windows right", got)
		}
		return k.Accuracy(few.Test, 16, 1)
	}
	random, encoder := 0.0, 0.0
	for seed := uint64(2); seed < 4; seed++ {
		random += accuracy(seed, func(*Classifier[float32]) error { return nil }) / 2
		encoder += accuracy(seed, func(k *Classifier[float32]) error { return k.FromEncoder(v) }) / 2
	}
	t.Logf("%d labelled windows, %d others: right at random %.3f, from the encoder %.3f", len(few.Train), len(few.Test), random, encoder)
	if encoder < random+0.05 {
		t.Errorf("accuracy from the encoder %.3f, at random %.3f", encoder, random)
	}
}

func TestClassifierStart(t *testing.T) {
	v := newTestModel[float64](t, Config{Model: ModelVRAE, Cell: "lstm", Data: 5, Hidden: 7, Latent: 3}).(*VRAE[float64])
	c := Config{Model: ModelClassifier, Cell: "lstm", Data: 5, Hidden: 7, Labels: []string{"a", "b"}}
	k := newTestModel[float64](t, c).(*Classifier[float64])
	head := slices.Clone(k.head.W)
	if err := k.FromEncoder(v); err != nil {
		t.Fatal(err)
	}
	for i, ts := range k.cell.Tensors() {
		if !slices.Equal(ts.Data, v.encoder.Tensors()[i].Data) {
			t.Errorf("%s is not the encoder's", ts.Name)
		}
	}
	if slices.ContainsFunc(k.start.v, func(h float64) bool { return h != 0 }) {
		t.Errorf("start %v, want the encoder's, 0", k.start.v)
	}
	if err := k.FromDecoder(v); err != nil {
		t.Fatal(err)
	}
	if want := s0(v, make([]float64, 3)); !slices.Equal(k.start.v, want) || want[0] == 0 {
		t.Errorf("start %v, want that of the decoder, %v", k.start.v, want)
	}
	if !slices.Equal(k.cell.Whh, v.decoder.Whh) {
		t.Error("whh is not the decoder's")
	}
	if !slices.Equal(head, k.head.W) {
		t.Error("the head changed")
	}

	c.Reverse = true
	back := newTestModel[float64](t, c).(*Classifier[float64])
	c.Reverse, c.Hidden = false, 6
	small := newTestModel[float64](t, c).(*Classifier[float64])
	for want, err := range map[string]error{
		"reverse = true, the encoder has false":    back.FromEncoder(v),
		"a decoder runs forwards":                  back.FromDecoder(v),
		"lstm 5 x 6, the model to start from has ": small.FromEncoder(v),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestClassify(t *testing.T) {
	d := labelled(testData(5))
	labels := Labels(slices.Concat(d.Train, d.Valid, d.Test))
	c := Config{Model: ModelClassifier, Cell: "gru", Data: 5, Hidden: 12, Labels: labels}
	m, err := New[float32](c)
	if err != nil {
		t.Fatal(err)
	}
	m.Init(1, d.Stats())
	k := m.(*Classifier[float32])
	trained(t, k, d, func(tc *TrainConfig) { tc.Epochs, tc.Rate, tc.Batch = 40, 1e-2, 4 })
	if got := k.Accuracy(d.Train, 4, 1); got < 0.95 {
		t.Errorf("accuracy %v on the data it was trained on", got)
	}
	if a, b := k.Classify(d.Test, 1, 1), k.Classify(d.Test, 3, 2); !slices.Equal(a, b) {
		t.Errorf("batches of 1: %v, of 3: %v", a, b)
	}
	// The bound of an evaluation is that of a pass, and is exact and per sequence.
	score := Evaluate(k, d.Test, EvalConfig{Batch: 3, Threads: 1})
	if !score.Exact || score.Steps != len(d.Test) || score.NLLPerStep != score.NLLPerSeq {
		t.Errorf("score %+v, want one exact term per sequence", score)
	}
	a, b := Evaluate(k, d.Test, EvalConfig{Batch: 1, Threads: 1}), score
	if a.NLLPerSeq-b.NLLPerSeq > 1e-9 || b.NLLPerSeq-a.NLLPerSeq > 1e-9 {
		t.Errorf("batches of 1 %v, of 3 %v", a, b)
	}

	c.Labels = labels[:len(labels)-1]
	if m, err = New[float32](c); err != nil {
		t.Fatal(err)
	}
	if _, err := NewTrainer(m, d, DefaultTrainConfig()); err == nil || !strings.Contains(err.Error(), "not one of the classes") {
		t.Errorf("labels that are no classes: %v", err)
	}
	for _, bad := range [][]string{nil, {"a", "a"}} {
		c.Labels = bad
		if _, err := New[float32](c); err == nil {
			t.Errorf("labels %q are accepted", bad)
		}
	}
}
