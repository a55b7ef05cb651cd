package cell

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/kernels"
)

// TestDropoutLayer: the right share is dropped and the rest scaled, in place and apart, in parts and
// at once; nothing is dropped outside training.
func TestDropoutLayer(t *testing.T) {
	const width, drop = 33, 0.2
	shape := NewRagged(20, 20, 7, 1)
	rows := shape.Rows()
	x := random[float32](rows*width, rand.New(rand.NewPCG(1, 1)))
	var d Dropout[float32]
	d.P = drop
	noise := kernels.Noise{Seed: 3}
	run := func(parts [][2]int) []float32 {
		y := slices.Clone(x)
		d.Begin(shape, width)
		for _, b := range parts {
			d.DrawAll(b[0], b[1])
		}
		d.Apply(y[:9*width], y[:9*width], 0, 9)
		d.Apply(y[9*width:], x[9*width:], 9, rows)
		return y
	}
	asmtest.SameFloats(t, "before training", run([][2]int{{0, 4}}), x)
	d.Train(noise, 6)
	first := run([][2]int{{0, 4}})
	asmtest.SameFloats(t, "in parts", run([][2]int{{1, 4}, {0, 1}}), first)
	zeros := 0
	for i, y := range first {
		switch want := x[i] * float32(1/(1-drop)); y {
		case 0:
			zeros++
		case want:
		default:
			t.Fatalf("element %d is %v, want 0 or %v", i, y, want)
		}
	}
	if n := float64(len(first)); math.Abs(float64(zeros)/n-drop) > 5*math.Sqrt(drop*(1-drop)/n) {
		t.Errorf("%d of %v dropped, want the share %v", zeros, n, drop)
	}
	noise.Update++
	d.Train(noise, 6)
	if slices.Equal(run([][2]int{{0, 4}}), first) {
		t.Error("two updates drop the same")
	}
	d.Eval()
	asmtest.SameFloats(t, "outside training", run([][2]int{{0, 4}}), x)
}

func TestDropoutAllocations(t *testing.T) {
	shape := NewRagged(20, 20, 7, 1)
	x := make([]float32, shape.Rows()*33)
	d := Dropout[float32]{P: 0.2}
	d.Train(kernels.Noise{Seed: 3}, 6)
	run := func() {
		d.Begin(shape, 33)
		d.DrawAll(0, 4)
		d.Apply(x, x, 0, shape.Rows())
	}
	run()
	if n := testing.AllocsPerRun(5, run); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// TestDropoutOfBatch: what is said between a batch and its gradient is about the batches that follow.
func TestDropoutOfBatch(t *testing.T) {
	st, shape := NewStack[float64](StackConfig{Kind: GRU, In: 3, Hidden: 4, Layers: 2, Dropout: 0.4}), NewRagged(5, 3)
	rng := rand.New(rand.NewPCG(1, 2))
	for _, p := range st.Tensors() {
		copy(p.Data, random[float64](len(p.Data), rng))
	}
	st.PackForTraining()
	x, dy := random[float64](shape.Rows()*3, rng), random[float64](shape.Rows()*4, rng)
	gradient := func(between func(s *StackSequence[float64])) []float64 {
		s, dx := NewStackSequence[float64](), make([]float64, len(x))
		s.Train(kernels.Noise{Seed: 3}, 0)
		st.Forward(s, shape, x, nil, nil, 1)
		between(s)
		st.Backward(s, nil, Grads[float64]{DY: dy, DX: dx}, x, 1)
		return dx
	}
	want := gradient(func(*StackSequence[float64]) {})
	if !slices.Equal(gradient(func(s *StackSequence[float64]) { s.Eval() }), want) {
		t.Error("Eval after Forward changes its gradient")
	}

	d, y := Dropout[float64]{P: 0.4}, make([]float64, len(x))
	d.Begin(shape, 3)
	d.DrawAll(0, 2)
	d.Train(kernels.Noise{Seed: 3}, 0)
	if d.Apply(y, x, 0, shape.Rows()); !slices.Equal(y, x) {
		t.Error("Train after Begin drops elements of a batch that has begun without")
	}
}

// TestDropoutPanics: shares out of range, and what comes before Begin.
func TestDropoutPanics(t *testing.T) {
	for name, f := range map[string]func(){
		"P = 1":       func() { (&Dropout[float32]{P: 1}).Begin(NewRagged(1), 1) },
		"P = NaN":     func() { (&Dropout[float32]{P: math.NaN()}).Begin(NewRagged(1), 1) },
		"Draw early":  func() { new(Dropout[float32]).Draw(0, 0, 1) },
		"Apply early": func() { new(Dropout[float32]).Apply(nil, nil, 0, 0) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}
