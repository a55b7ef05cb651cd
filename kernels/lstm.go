package kernels

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
	"github.com/elbow-go/elbow/internal/size"
)

// LSTMStep finishes one LSTM time step for a batch, given the gate pre-activations.
//
//	i, f, o = σ(i), σ(f), σ(o)    g = tanh(g)
//	cy = f⊙cx + i⊙g               hy = o⊙tanh(cy)
//
// With peepholes, i + pi⊙cx, f + pf⊙cx and o + po⊙cy take the place of i, f and o.
//
// gates is [B, 4H], gate order i f g o, row stride ldg ≥ 4H; cx, cy and hy are [B, H],
// dense, row-major; peephole is nil or [3H], in the order pi pf po. cx nil is a state of
// zeros, with the same result in every bit.
// gates is overwritten with the activated gates, which LSTMStepBackward reads; hy and cy
// are overwritten. cy may be cx; no other arguments may overlap.
//
// A NaN reaches only the elements computed from it: the gate it was in, cy and hy of its
// row and unit (a NaN in o leaves cy alone). An infinite pre-activation saturates its
// gate; cx = ±Inf gives cy = ±Inf and hy = ±o.
// In float32 σ and tanh are the inner forms, within the bounds of the package comment, on
// every ISA: their arguments are clamped to ±40, so that σ never falls below 2^-57.8.
// Without peepholes cy is within 14u(|f⊙cx| + |i⊙g|) + 2^-57(|cx| + 1) of the exact value,
// with u = 2^-24. |cy| < 2^-60 is written as +0, which leaves hy = 0 or |hy| ≥ 2^-118: a
// state that halves every step ends at +0, and neither hy nor cy is ever a denormal, with
// cx nil as well. float64 is package math, without clamp and flush.
//
// LSTMStep panics if a size is negative, a slice or stride too short. Zero sizes do
// nothing. It starts no goroutine and allocates nothing.
//
// Source: Gers, Schmidhuber and Cummins 2000; peepholes as in Gers, Schraudolph and
// Schmidhuber 2002; layout as torch.nn.LSTMCell.
func LSTMStep[T Float](hy, cy, gates, cx, peephole []T, batch, hidden, ldg int) {
	const fn = "LSTMStep"
	checkGateSizes(fn, batch, hidden)
	checkGate(fn, "hy", len(hy), batch, hidden, hidden)
	checkGate(fn, "cy", len(cy), batch, hidden, hidden)
	checkSize(fn, "ldg", ldg, size.Mul(4, hidden))
	checkGate(fn, "gates", len(gates), batch, size.Mul(4, hidden), ldg)
	checkGateOrNil(fn, "cx", cx, batch, hidden)
	checkGateOrNil(fn, "peephole", peephole, 1, size.Mul(3, hidden))
	if batch == 0 || hidden == 0 {
		return
	}
	if is32[T]() {
		lstmStep(f32s(hy), f32s(cy), f32s(gates), f32s(cx), f32s(peephole), batch, hidden, ldg)
	} else {
		lstmStep64(f64s(hy), f64s(cy), f64s(gates), f64s(cx), f64s(peephole), batch, hidden, ldg)
	}
}

// LSTMStepBackward is the gradient of LSTMStep.
//
//	t  = tanh(cy)                       (computed again)
//	do = dh⊙t⊙o(1-o)                    dc = dcy + dh⊙o⊙(1-t²)  [ + po⊙do ]
//	di = dc⊙g⊙i(1-i)                    df = dc⊙cx⊙f(1-f)
//	dg = dc⊙i⊙(1-g²)                    dcx = dc⊙f  [ + pi⊙di + pf⊙df ]
//
// The terms in brackets belong to the peepholes.
//
// gates, cx, cy and peephole are what LSTMStep was given and left: gates [B, 4H] holds the
// activated gates. dh [B, H] is the whole gradient of hy (from the output and from the
// next step's product); dcy [B, H] is the gradient of cy from the next step, nil for zero.
// dgates [B, 4H] gets the gradients of the pre-activations, order i f g o; gates and dgates
// share the row stride ldg ≥ 4H. dcx [B, H] gets the gradient of cx. Both are overwritten.
// cx nil is a state of zeros, as in LSTMStep. The gradient of peephole is not computed
// here: it is the sum over rows of di⊙cx, df⊙cx and do⊙cy.
// dgates may be gates, dcx may be dcy; no other arguments may overlap.
//
// A NaN reaches only its row and unit. An infinite dh, dcy or cx makes the gradients that
// use it infinite or NaN.
// In float32, |dh| and |dcy| < 2^-70 count as +0, and |di|, |df|, |dg|, |do| and |dcx| < 2^-70
// are written as +0: vanishing gradients end at zero and no denormal reaches a product. No
// operation of the formulas is rounded more than once; tanh is the inner form. float64 is
// package math, without a flush.
//
// LSTMStepBackward panics if a size is negative, a slice or stride too short. Zero sizes do
// nothing. It starts no goroutine and allocates nothing.
func LSTMStepBackward[T Float](dgates, dcx, dh, dcy, gates, cx, cy, peephole []T, batch, hidden, ldg int) {
	const fn = "LSTMStepBackward"
	checkGateSizes(fn, batch, hidden)
	checkSize(fn, "ldg", ldg, size.Mul(4, hidden))
	checkGate(fn, "dgates", len(dgates), batch, size.Mul(4, hidden), ldg)
	checkGate(fn, "dcx", len(dcx), batch, hidden, hidden)
	checkGate(fn, "dh", len(dh), batch, hidden, hidden)
	checkGateOrNil(fn, "dcy", dcy, batch, hidden)
	checkGate(fn, "gates", len(gates), batch, size.Mul(4, hidden), ldg)
	checkGateOrNil(fn, "cx", cx, batch, hidden)
	checkGate(fn, "cy", len(cy), batch, hidden, hidden)
	checkGateOrNil(fn, "peephole", peephole, 1, size.Mul(3, hidden))
	if batch == 0 || hidden == 0 {
		return
	}
	if is32[T]() {
		lstmStepBackward(f32s(dgates), f32s(dcx), f32s(dh), f32s(dcy), f32s(gates), f32s(cx), f32s(cy), f32s(peephole), batch, hidden, ldg)
	} else {
		lstmStepBackward64(f64s(dgates), f64s(dcx), f64s(dh), f64s(dcy), f64s(gates), f64s(cx), f64s(cy), f64s(peephole), batch, hidden, ldg)
	}
}

func lstmStep(hy, cy, gates, cx, peephole []float32, batch, hidden, ldg int) {
	isa := asm.Active()
	if isa == asm.Generic {
		lstmStepGeneric(hy, cy, gates, cx, peephole, batch, hidden, ldg)
		return
	}
	c, has := either(cx, cy)
	simd.LSTMStep(isa, &hy[0], &cy[0], &gates[0], &c[0], ref(peephole, 0), batch, hidden, hidden, ldg, has)
}

func lstmStepBackward(dgates, dcx, dh, dcy, gates, cx, cy, peephole []float32, batch, hidden, ldg int) {
	isa := asm.Active()
	if isa == asm.Generic {
		lstmStepBackwardGeneric(dgates, dcx, dh, dcy, gates, cx, cy, peephole, batch, hidden, ldg)
		return
	}
	c, hasCx := either(cx, cy)
	dc, hasDcy := either(dcy, dh)
	simd.LSTMStepBackward(isa, &dgates[0], &dcx[0], &dh[0], &dc[0], &gates[0], &c[0], &cy[0], ref(peephole, 0),
		batch, hidden, ldg, hidden, hasCx, hasDcy)
}
