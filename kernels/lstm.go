package kernels

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
	"github.com/elbow-go/elbow/internal/size"
)

// LSTMStep finishes one LSTM time step for a batch, given the gate pre-activations.
//
//	i, f, o = σ(i), σ(f), σ(o)    g = tanh(g)
//	c = f⊙cPrev + i⊙g             h = o⊙tanh(c)
//
// With peepholes, i + pi⊙cPrev, f + pf⊙cPrev and o + po⊙c take the place of i, f and o.
//
// s.Gates is [B, 4H], gate order i f g o; s.Peephole is nil or [3H], in the order pi pf po. s.CPrev
// nil is a state of zeros, with the same result in every bit. s.Gates is overwritten with the
// activated gates, which LSTMStepBackward reads; s.H and s.C are overwritten. s.C may be s.CPrev; no
// other arguments may overlap.
//
// A NaN reaches only the elements computed from it: the gate it was in, c and h of its
// row and unit (a NaN in o leaves c alone). An infinite pre-activation saturates its
// gate; cPrev = ±Inf gives c = ±Inf and h = ±o.
// In float32 σ and tanh are the inner forms, within the bounds of the package comment, on
// every ISA: their arguments are clamped to ±40, so that σ never falls below 2^-57.8.
// Without peepholes c is within 14u(|f⊙cPrev| + |i⊙g|) + 2^-57(|cPrev| + 1) of the exact value,
// with u = 2^-24. |c| < 2^-60 is written as +0, which leaves h = 0 or |h| ≥ 2^-118: a
// state that halves every step ends at +0, and neither h nor c is ever a denormal, with
// s.CPrev nil as well. float64 is package math, without clamp and flush.
//
// LSTMStep panics if s is nil, a size negative, a slice or the stride too short. Zero sizes do
// nothing. It starts no goroutine and allocates nothing.
//
// Source: Gers, Schmidhuber and Cummins 2000; peepholes as in Gers, Schraudolph and
// Schmidhuber 2002; layout as torch.nn.LSTMCell.
func LSTMStep[T Float](s *Step[T], hidden int) {
	if s.checkLSTM("LSTMStep", hidden) == 0 {
		return
	}
	if is32[T]() {
		lstmStep(s.f32(), hidden)
	} else {
		lstmStep64(s.f64(), hidden)
	}
}

// LSTMStepBackward is the gradient of LSTMStep.
//
//	t  = tanh(c)                        (computed again)
//	do = dh⊙t⊙o(1-o)                    dc = dcNext + dh⊙o⊙(1-t²)  [ + po⊙do ]
//	di = dc⊙g⊙i(1-i)                    df = dc⊙cPrev⊙f(1-f)
//	dg = dc⊙i⊙(1-g²)                    dcPrev = dc⊙f  [ + pi⊙di + pf⊙df ]
//
// The terms in brackets belong to the peepholes.
//
// s.Gates, s.C, s.CPrev and s.Peephole are what LSTMStep was given and left: the gates are the
// activated ones. d.H is dh, the whole gradient of h (from the output and from the next step's
// product); d.C is dcNext, the gradient of c from the next step, nil for zero. d.Gates [B, 4H] is
// overwritten with the gradients of the pre-activations, order i f g o, d.CPrev with that of cPrev.
// s.CPrev nil is a state of zeros, as in LSTMStep. The gradient of the peepholes is not computed
// here: it is the sum over rows of di⊙cPrev, df⊙cPrev and do⊙c.
// d.Gates may be s.Gates, d.CPrev may be d.C; no other arguments may overlap.
//
// A NaN reaches only its row and unit. An infinite dh, dcNext or cPrev makes the gradients that
// use it infinite or NaN.
// In float32, |dh| and |dcNext| < 2^-70 count as +0, and |di|, |df|, |dg|, |do| and |dcPrev| < 2^-70
// are written as +0: vanishing gradients end at zero and no denormal reaches a product. No
// operation of the formulas is rounded more than once; tanh is the inner form. float64 is
// package math, without a flush.
//
// LSTMStepBackward panics if d or s is nil, a size negative, a slice or the stride too short. Zero
// sizes do nothing. It starts no goroutine and allocates nothing.
func LSTMStepBackward[T Float](d *StepGrad[T], s *Step[T], hidden int) {
	if s.checkLSTMBackward("LSTMStepBackward", hidden, d) == 0 {
		return
	}
	if is32[T]() {
		lstmStepBackward(d.f32(), s.f32(), hidden)
	} else {
		lstmStepBackward64(d.f64(), s.f64(), hidden)
	}
}

// checkLSTM panics unless s holds what the step needs. It returns the number of elements of the gates.
func (s *Step[T]) checkLSTM(fn string, hidden int) int {
	state, gates := s.sizes(fn, hidden, 4)
	checkLen(fn, "s.H", len(s.H), state)
	checkLen(fn, "s.C", len(s.C), state)
	checkLen(fn, "s.Gates", len(s.Gates), gates)
	checkLenOrNil(fn, "s.CPrev", s.CPrev, state)
	if s.Peephole != nil {
		checkLen(fn, "s.Peephole", len(s.Peephole), size.Mul(3, hidden))
	}
	return gates
}

// checkLSTMBackward is checkLSTM for the gradient.
func (s *Step[T]) checkLSTMBackward(fn string, hidden int, d *StepGrad[T]) int {
	state, gates := s.sizes(fn, hidden, 4)
	if d == nil {
		panic(badNil(fn, "d"))
	}
	checkLen(fn, "d.H", len(d.H), state)
	checkLenOrNil(fn, "d.C", d.C, state)
	checkLen(fn, "d.Gates", len(d.Gates), gates)
	checkLen(fn, "d.CPrev", len(d.CPrev), state)
	checkLen(fn, "s.C", len(s.C), state)
	checkLen(fn, "s.Gates", len(s.Gates), gates)
	checkLenOrNil(fn, "s.CPrev", s.CPrev, state)
	if s.Peephole != nil {
		checkLen(fn, "s.Peephole", len(s.Peephole), size.Mul(3, hidden))
	}
	return gates
}

func lstmStep(s *Step[float32], hidden int) {
	isa := asm.Active()
	if isa == asm.Generic {
		lstmStepGeneric(s, hidden)
		return
	}
	cx, has := either(s.CPrev, s.C)
	simd.LSTMStep(isa, &s.H[0], &s.C[0], &s.Gates[0], &cx[0], ref(s.Peephole, 0), s.Batch, hidden, hidden, s.Ld, has)
}

func lstmStepBackward(d *StepGrad[float32], s *Step[float32], hidden int) {
	isa := asm.Active()
	if isa == asm.Generic {
		lstmStepBackwardGeneric(d, s, hidden)
		return
	}
	cx, hasCx := either(s.CPrev, s.C)
	dcy, hasDcy := either(d.C, d.H)
	simd.LSTMStepBackward(isa, &d.Gates[0], &d.CPrev[0], &d.H[0], &dcy[0], &s.Gates[0], &cx[0], &s.C[0], ref(s.Peephole, 0),
		s.Batch, hidden, s.Ld, hidden, hasCx, hasDcy)
}
