package kernels

import (
	"fmt"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
)

// Activation is the function of a plain recurrent unit.
type Activation uint8

// The activations of RNNStep.
const (
	RNNTanh Activation = iota // h = tanh(a)
	RNNReLU                   // h = max(a, 0)
)

// RNNStep finishes one step of a plain recurrent layer for a batch, given its pre-activations.
//
//	h = tanh(a)    or    h = max(a, 0)
//
// s.Gates [B, H] is a, s.Act says which function; s.H is overwritten. s.H may be s.Gates when
// s.Ld == H; otherwise they must not overlap.
//
// A NaN in a gives a NaN in the same place of h, and nowhere else. ±Inf gives ±1 with
// RNNTanh; with RNNReLU +Inf stays and -Inf gives 0. In float32, tanh is the inner form,
// within the bound of the package comment, and |h| < 2^-60 is written as +0, so that a
// decaying state ends at zero and never reaches the denormals, which the next product
// would pay for; no element of h is a denormal, whatever a holds. With RNNReLU, whose states may
// have any scale, such a unit counts as off: RNNStepBackward gives it no gradient. float64 is
// package math and has no flush.
//
// RNNStep panics if s is nil, a size negative, a slice or the stride too short, or s.Act
// unknown. Zero sizes do nothing. It starts no goroutine and allocates nothing.
//
// Source: Elman 1990; equation as torch.nn.RNNCell.
func RNNStep[T Float](s *Step[T], hidden int) {
	if s.checkRNN("RNNStep", hidden) == 0 {
		return
	}
	if is32[T]() {
		rnnStep(s.f32(), hidden)
	} else {
		rnnStep64(s.f64(), hidden)
	}
}

// RNNStepBackward is the gradient of RNNStep.
//
//	da = dh⊙(1 - h⊙h)    or    da = dh where h > 0, else 0 (so where h was flushed, too)
//
// s.H is what RNNStep left; of s it needs no other slice. d.H is dh, the whole gradient of h. d.Gates
// is da, [B, H] with the row stride s.Ld, and overwritten. It may be d.H or s.H when s.Ld == H; no
// other overlap is allowed.
//
// A NaN in dh or, with RNNTanh, in h gives a NaN in the same place of da and nowhere else;
// with RNNReLU a NaN in h lets dh through. An infinite dh times a derivative of zero is a
// NaN with RNNTanh and 0 with RNNReLU. In float32 |dh| < 2^-70 counts as +0 and
// |da| < 2^-70 is written as +0: vanishing gradients end at zero, not in the denormals.
// da is rounded twice: within 2^-23 of its size.
//
// RNNStepBackward panics as RNNStep does, and if d is nil. It starts no goroutine and allocates
// nothing.
func RNNStepBackward[T Float](d *StepGrad[T], s *Step[T], hidden int) {
	if s.checkRNNBackward("RNNStepBackward", hidden, d) == 0 {
		return
	}
	if is32[T]() {
		rnnStepBackward(d.f32(), s.f32(), hidden)
	} else {
		rnnStepBackward64(d.f64(), s.f64(), hidden)
	}
}

// checkRNN panics unless s holds what the step needs. It returns the number of elements of the gates.
func (s *Step[T]) checkRNN(fn string, hidden int) int {
	state, gates := s.sizes(fn, hidden, 1)
	checkLen(fn, "s.H", len(s.H), state)
	checkLen(fn, "s.Gates", len(s.Gates), gates)
	checkAct(fn, "s.Act", s.Act)
	return gates
}

// checkRNNBackward is checkRNN for the gradient.
func (s *Step[T]) checkRNNBackward(fn string, hidden int, d *StepGrad[T]) int {
	state, gates := s.sizes(fn, hidden, 1)
	if d == nil {
		panic(badNil(fn, "d"))
	}
	checkLen(fn, "d.H", len(d.H), state)
	checkLen(fn, "d.Gates", len(d.Gates), gates)
	checkLen(fn, "s.H", len(s.H), state)
	checkAct(fn, "s.Act", s.Act)
	return gates
}

func checkAct(fn, arg string, act Activation) {
	if act > RNNReLU {
		panic(badAct(fn, arg, act))
	}
}

//go:noinline
func badAct(fn, arg string, act Activation) any {
	return fmt.Sprintf("kernels: %s: %s = %d, want RNNTanh (%d) or RNNReLU (%d)", fn, arg, act, RNNTanh, RNNReLU)
}

func rnnStep(s *Step[float32], hidden int) {
	if isa := asm.Active(); isa == asm.Generic {
		rnnStepGeneric(s, hidden)
	} else {
		simd.RNNStep(isa, s.Act == RNNReLU, &s.H[0], &s.Gates[0], s.Batch, hidden, hidden, s.Ld)
	}
}

func rnnStepBackward(d *StepGrad[float32], s *Step[float32], hidden int) {
	if isa := asm.Active(); isa == asm.Generic {
		rnnStepBackwardGeneric(d, s, hidden)
	} else {
		simd.RNNStepBackward(isa, s.Act == RNNReLU, &d.Gates[0], &d.H[0], &s.H[0], s.Batch, hidden, s.Ld, hidden)
	}
}
