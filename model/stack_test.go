package model

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/cell"
)

// TestDropout: training drops, by the noise of the batch; outside training nothing is dropped.
func TestDropout(t *testing.T) {
	c := Config{Model: ModelRNN, Cell: "rnn", Likelihood: Gauss, Data: 2, Hidden: 50, Layers: 3, Dropout: 0.3}
	m := newTestModel[float32](t, c).(*VRNN[float32])
	b := newTestBatch[float32](m, rand.New(rand.NewPCG(1, 1)), 40, 30)
	p := newVRNNPass(m, 1)
	run := func(training bool) []float32 {
		p.Forward(b, Bound(70), training)
		return slices.Clone(p.LogProb)
	}
	first := run(true)
	asmtest.SameFloats(t, "again", run(true), first)
	b.Noise.Update++
	if slices.Equal(run(true), first) {
		t.Error("two updates drop the same")
	}
	plain := run(false)
	if slices.Equal(plain, first) {
		t.Error("nothing is dropped in training")
	}
	b.Noise.Update++
	asmtest.SameFloats(t, "outside training", run(false), plain)
}

// TestLayers: two layers are the second one fed with the states of the first.
func TestLayers(t *testing.T) {
	m := newTestModel[float64](t, Config{Model: ModelRNN, Cell: "gru", Likelihood: Gauss, Data: 2, Hidden: 4, Layers: 2}).(*VRNN[float64])
	b := newTestBatch[float64](m, rand.New(rand.NewPCG(1, 1)), 5, 3)
	b.H, b.C = nil, nil
	p := newVRNNPass(m, 1)
	p.Forward(b, Bound(8), false)
	want := make([]float64, 0)
	x := p.phiX.Y
	for _, l := range m.stack.Layers {
		s := cell.NewSequence[float64]()
		l.Forward(s, b.Shape, x, nil, nil, 1)
		x = slices.Clone(s.H)
		want = append(want[:0], s.HPrev...)
	}
	if !slices.Equal(p.cells.seq.HPrev, want) {
		t.Errorf("states before the steps %v, want %v", p.cells.seq.HPrev, want)
	}
}

// TestSampleFollowsModel: what is fed back when sampling leads to the states that the model
// has on the same sequence: a sequence of means has these means as its predictions.
func TestSampleFollowsModel(t *testing.T) {
	for _, layers := range []int{1, 2} {
		c := testConfig(ModelRNN, "lstm", Gauss)
		c.Layers = layers
		m := newTestModel[float64](t, c).(*VRNN[float64])
		const steps = 6
		x := Sample(m, 1, steps, 1, true)
		p := newVRNNPass(m, 1)
		p.Forward(&Batch[float64]{Shape: cell.NewRagged(steps), X: x}, Bound(steps), false)
		mean := make([]float64, len(x))
		m.like.mean(mean, p.decoder.Y, steps, m.Data)
		for i := range x {
			if math.Abs(mean[i]-x[i]) > 1e-12 {
				t.Fatalf("%d layers: prediction %v of element %d, sampled %v", layers, mean[i], i, x[i])
			}
		}
	}
}
