package kernels

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
)

// int8Step is a step in its parts: quantised products, and the gate kernel.
func (c *fusedCase[T]) int8Step() {
	h, b, ld := c.h, c.batch, c.ldg
	mul := func(col, row, rows int, x []T, ldx int) {
		var w Int8Weights
		w.Pack(f32s(c.whh[row*h*h:]), rows*h, h, h)
		if b > 0 && h > 0 {
			GemmInt8(f32s(c.gates[col*h:]), f32s(x), &w, b, ld, ldx)
		}
	}
	s := c.step(StepPart{})
	switch fusedKinds[c.kind].kind {
	case StepRNN:
		mul(0, 0, 1, c.hx, h)
		RNNStep(&s, h)
	case StepLSTM:
		mul(0, 0, 4, c.hx, h)
		LSTMStep(&s, h)
	case StepGRU:
		hn := c.gates[min(3*h, len(c.gates)):]
		SetRows(hn, c.bhn, b, h, ld)
		mul(0, 0, 2, c.hx, h)
		mul(3, 2, 1, c.hx, h)
		GRUStep(&s, h)
	case StepGRUBefore:
		rh := c.gates[min(3*h, len(c.gates)):]
		mul(0, 0, 2, c.hx, h)
		GRUBeforeReset(&s, h)
		mul(2, 2, 1, rh, ld)
		GRUBeforeUpdate(&s, h)
	}
}

// TestInt8Steps: a fused step has the bits of its parts, on every instruction set,
// whatever part of a step other goroutines would do.
func TestInt8Steps(t *testing.T) {
	for kind, k := range fusedKinds {
		for _, s := range [][2]int{{0, 3}, {1, 0}, {1, 1}, {1, 17}, {2, 64}, {3, 31}, {5, 70}, {13, 33}, {1, 130}, {20, 16}} {
			in := newFusedCase[float32](kind, s[0], 0, s[1], s[1]%3, 7)
			want := in.clone(func(n int) []float32 { return make([]float32, n) })
			was := asm.Use(asm.Generic)
			want.int8Step()
			asm.Use(was)
			forEachDot(t, func(t *testing.T) {
				var w StepWeights[float32]
				w.PackInt8(k.kind, in.whh, in.h)
				got := in.clone(func(n int) []float32 { return make([]float32, n) })
				if w.Divides() {
					t.Error("weights of int8 are not divided")
				}
				got.forwardPart(&w, StepPart{Falling: s[0]%2 == 1, Index: 0, Of: 2, Meet: func() {}})
				for name, x := range want.outputs() {
					asmtest.SameFloats(t, fmt.Sprintf("%s, %d rows of %d: %s", k.name, s[0], s[1], name), got.outputs()[name], x)
				}
				got.forwardPart(&w, StepPart{Index: 1, Of: 2, Meet: func() {}})
				for name, x := range want.outputs() {
					asmtest.SameFloats(t, "part 1: "+name, got.outputs()[name], x)
				}
			})
		}
	}
}

func TestInt8StepPanics(t *testing.T) {
	c := newFusedCase[float32](2, 1, 1, 8, 0, 1)
	var w StepWeights[float32]
	w.PackInt8(StepLSTM, c.whh, c.h)
	for want, f := range map[string]func(){
		"the weights are packed for inference only":       func() { c.backward(&w, false) },
		"PackInt8: the weights are float64, want float32": func() { new(StepWeights[float64]).PackInt8(StepRNN, make([]float64, 4), 2) },
		"PackInt8: len(whh) = 3, want at least 4":         func() { w.PackInt8(StepRNN, make([]float32, 3), 2) },
	} {
		if got := panicText(f); !strings.Contains(got, want) {
			t.Errorf("panic %q, want %q", got, want)
		}
	}
	w.Pack(StepLSTM, c.whh, c.h, true) // and it is as before
	was := slices.Clone(c.hy)
	c.forward(&w, false)
	c.backward(&w, false)
	if slices.Equal(was, c.hy) {
		t.Error("no step")
	}
}

func TestInt8StepAllocs(t *testing.T) {
	for kind, k := range fusedKinds {
		c := newFusedCase[float32](kind, 3, 0, 33, 0, 1)
		var w StepWeights[float32]
		w.PackInt8(k.kind, c.whh, c.h)
		if n := testing.AllocsPerRun(20, func() { c.forward(&w, false) }); n != 0 {
			t.Errorf("%s: %v allocations", k.name, n)
		}
	}
}
