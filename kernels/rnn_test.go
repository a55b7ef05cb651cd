package kernels

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
)

// rnnUnit is the equation of RNNStep: a -> h.
func rnnUnit(act string) func(x []gateNum) []gateNum {
	return func(x []gateNum) []gateNum {
		a := x[0]
		if act == "tanh" {
			return []gateNum{a.tanh().flushState()}
		}
		if a.v < 0 {
			a.v = 0
		}
		return []gateNum{a.flushState()}
	}
}

// rnnBackwardUnit is the equation of RNNStepBackward: dh h -> da.
func rnnBackwardUnit(act string) func(x []gateNum) []gateNum {
	return func(x []gateNum) []gateNum {
		dh, h := x[0].flushGrad(), x[1]
		switch {
		case act == "tanh":
			return []gateNum{dh.mul(h.mul(h).oneMinus()).flushGrad()}
		case h.v <= 0:
			return []gateNum{{0, 0, h.p}}
		}
		return []gateNum{dh}
	}
}

func TestRNNFiniteDifferences(t *testing.T) {
	const batch, hidden = 3, 5
	rng := rand.New(rand.NewPCG(3, 4))
	for _, act := range []Activation{RNNTanh, RNNReLU} {
		a, dh := gateRandn[float64](rng, batch*hidden), gateRandn[float64](rng, batch*hidden)
		h, da := make([]float64, batch*hidden), make([]float64, batch*hidden)
		s := &Step[float64]{H: h, Gates: a, Act: act, Batch: batch, Ld: hidden}
		loss := func() float64 {
			RNNStep(s, hidden)
			return gateDot(h, dh)
		}
		loss()
		RNNStepBackward(&StepGrad[float64]{H: dh, Gates: da}, s, hidden)
		checkGateGradient(t, fmt.Sprint("act ", act, ": da"), loss, a, da)
	}
}

func TestRNNUnknownActivation(t *testing.T) {
	for name, f := range map[string]func(x []float32){
		"RNNStep": func(x []float32) { RNNStep(&Step[float32]{H: x, Gates: x, Act: 7, Batch: 1, Ld: 1}, 1) },
		"RNNStepBackward": func(x []float32) {
			RNNStepBackward(&StepGrad[float32]{H: x, Gates: x}, &Step[float32]{H: x, Act: 7, Batch: 1, Ld: 1}, 1)
		},
	} {
		x := []float32{0.5}
		func() {
			defer func() {
				want := "kernels: " + name + ": s.Act = 7, want RNNTanh (0) or RNNReLU (1)"
				if got := fmt.Sprint(recover()); got != want {
					t.Errorf("panic %q, want %q", got, want)
				}
			}()
			f(x)
		}()
		if x[0] != 0.5 {
			t.Errorf("%s: written before the panic", name)
		}
	}
}

// unit returns the step of one unit.
func unit[T Float](h, a []T, act Activation) *Step[T] {
	return &Step[T]{H: h, Gates: a, Act: act, Batch: 1, Ld: 1}
}

// TestRNNDecay halves a state and a gradient at every step: both end at +0 and never pass
// through the denormals.
func TestRNNDecay(t *testing.T) {
	for _, act := range []Activation{RNNTanh, RNNReLU} {
		for _, start := range []float32{1, -1} {
			h, d := []float32{start}, []float32{start}
			for step := range 200 {
				RNNStep(unit(h, []float32{h[0] / 2}, act), 1)
				d[0] /= 2
				RNNStepBackward(&StepGrad[float32]{H: d, Gates: d}, unit([]float32{0x1p-50}, nil, act), 1)
				if gateDenormal(h[0]) || gateDenormal(d[0]) {
					t.Fatalf("act %d: step %d: denormal h = %v or da = %v", act, step, h[0], d[0])
				}
			}
			if bitsOf(h[0]) != 0 || bitsOf(d[0]) != 0 {
				t.Errorf("act %d: h = %v and da = %v after 200 halvings, want +0", act, h[0], d[0])
			}
		}
	}
}

// TestRNNReLUFlush is what the README says of the flush: a state of 1 that halves with every step
// ends after 61 steps, and its unit gets no gradient then; in float64 it goes on.
func TestRNNReLUFlush(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		h, da, dh := []float32{1}, []float32{0}, []float32{1}
		steps := 0
		for ; h[0] > 0 && steps < 200; steps++ {
			RNNStepBackward(&StepGrad[float32]{H: dh, Gates: da}, unit(h, nil, RNNReLU), 1)
			if da[0] != 1 {
				t.Errorf("h = %v: da = %v, want 1", h[0], da[0])
			}
			RNNStep(unit(h, []float32{h[0] / 2}, RNNReLU), 1)
		}
		RNNStepBackward(&StepGrad[float32]{H: dh, Gates: da}, unit(h, nil, RNNReLU), 1)
		if steps != 61 || da[0] != 0 {
			t.Errorf("the state ends after %d steps with a gradient of %v, want 61 and 0", steps, da[0])
		}
	})
	h := []float64{1}
	for range 200 {
		RNNStep(unit(h, []float64{h[0] / 2}, RNNReLU), 1)
	}
	if h[0] != 0x1p-200 {
		t.Errorf("float64: %v after 200 steps, want 2^-200", h[0])
	}
}
