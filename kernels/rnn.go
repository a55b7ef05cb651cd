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

// RNNStep finishes one step of a plain recurrent layer, given its pre-activations.
//
//	h = tanh(a)    or    h = max(a, 0)
//
// a is [B, H] with row stride lda ≥ H; h is [B, H], dense, row-major, and overwritten.
// h may be a when lda == H; otherwise they must not overlap.
//
// A NaN in a gives a NaN in the same place of h, and nowhere else. ±Inf gives ±1 with
// RNNTanh; with RNNReLU +Inf stays and -Inf gives 0. In float32, tanh is the inner form,
// within the bound of the package comment, and |h| < 2^-60 is written as +0, so that a
// decaying state ends at zero and never reaches the denormals, which the next product
// would pay for; no element of h is a denormal, whatever a holds. With RNNReLU, whose states may
// have any scale, such a unit counts as off: RNNStepBackward gives it no gradient. float64 is
// package math and has no flush.
//
// RNNStep panics if batch or hidden is negative, a slice or the stride too short, or act
// unknown. Zero sizes do nothing. It starts no goroutine and allocates nothing.
//
// Source: Elman 1990; equation as torch.nn.RNNCell.
func RNNStep[T Float](h, a []T, batch, hidden, lda int, act Activation) {
	const fn = "RNNStep"
	checkGateSizes(fn, batch, hidden)
	checkAct(fn, "act", act)
	checkGate(fn, "h", len(h), batch, hidden, hidden)
	checkSize(fn, "lda", lda, hidden)
	checkGate(fn, "a", len(a), batch, hidden, lda)
	if batch == 0 || hidden == 0 {
		return
	}
	if is32[T]() {
		rnnStep(f32s(h), f32s(a), batch, hidden, lda, act)
	} else {
		rnnStep64(f64s(h), f64s(a), batch, hidden, lda, act)
	}
}

// RNNStepBackward is the gradient of RNNStep.
//
//	da = dh⊙(1 - h⊙h)    or    da = dh where h > 0, else 0 (so where h was flushed, too)
//
// h is the output of RNNStep and dh its whole gradient: both [B, H], dense, row-major. da
// is [B, H] with row stride ldda ≥ H, and overwritten. da may be dh or h when ldda == H;
// no other overlap is allowed.
//
// A NaN in dh or, with RNNTanh, in h gives a NaN in the same place of da and nowhere else;
// with RNNReLU a NaN in h lets dh through. An infinite dh times a derivative of zero is a
// NaN with RNNTanh and 0 with RNNReLU. In float32 |dh| < 2^-70 counts as +0 and
// |da| < 2^-70 is written as +0: vanishing gradients end at zero, not in the denormals.
// da is rounded twice: within 2^-23 of its size.
//
// RNNStepBackward panics as RNNStep does. It starts no goroutine and allocates nothing.
func RNNStepBackward[T Float](da, dh, h []T, batch, hidden, ldda int, act Activation) {
	const fn = "RNNStepBackward"
	checkGateSizes(fn, batch, hidden)
	checkAct(fn, "act", act)
	checkSize(fn, "ldda", ldda, hidden)
	checkGate(fn, "da", len(da), batch, hidden, ldda)
	checkGate(fn, "dh", len(dh), batch, hidden, hidden)
	checkGate(fn, "h", len(h), batch, hidden, hidden)
	if batch == 0 || hidden == 0 {
		return
	}
	if is32[T]() {
		rnnStepBackward(f32s(da), f32s(dh), f32s(h), batch, hidden, ldda, act)
	} else {
		rnnStepBackward64(f64s(da), f64s(dh), f64s(h), batch, hidden, ldda, act)
	}
}

func checkAct(fn, arg string, act Activation) {
	if act > RNNReLU {
		badAct(fn, arg, act)
	}
}

//go:noinline
func badAct(fn, arg string, act Activation) {
	panic(fmt.Sprintf("kernels: %s: %s = %d, want RNNTanh (%d) or RNNReLU (%d)", fn, arg, act, RNNTanh, RNNReLU))
}

func rnnStep(h, a []float32, batch, hidden, lda int, act Activation) {
	if isa := asm.Active(); isa == asm.Generic {
		rnnStepGeneric(h, a, batch, hidden, lda, act)
	} else {
		simd.RNNStep(isa, act == RNNReLU, &h[0], &a[0], batch, hidden, hidden, lda)
	}
}

func rnnStepBackward(da, dh, h []float32, batch, hidden, ldda int, act Activation) {
	if isa := asm.Active(); isa == asm.Generic {
		rnnStepBackwardGeneric(da, dh, h, batch, hidden, ldda, act)
	} else {
		simd.RNNStepBackward(isa, act == RNNReLU, &da[0], &dh[0], &h[0], batch, hidden, ldda, hidden)
	}
}
