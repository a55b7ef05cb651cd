package kernels

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
)

// A GRU comes in two forms. Reset-after (PyTorch, cuDNN) applies the reset gate to the
// recurrent product of the candidate, so that one product per step is enough. Reset-before
// (Cho et al. 2014) applies it to the state in front of that product; its step is two
// kernels with the product in between.

// GRUStep finishes one time step of a GRU, reset-after form, for a batch, given the gate
// pre-activations.
//
//	r, z = σ(r), σ(z)    n = tanh(n + r⊙hn)    h = (1-z)⊙n + z⊙hPrev
//
// s.Gates is [B, 4H], order r z n hn: the whole pre-activations of r and z, the input part of n with
// its bias, and hn, the recurrent part of n with its own bias. s.HPrev nil is a state of zeros, with
// the same result in every bit.
// s.Gates is overwritten with the activated r z n; hn stays, for GRUStepBackward reads it too. s.H is
// overwritten. s.H may be s.HPrev; no other arguments may overlap.
//
// A NaN reaches only the elements computed from it: its gate, n and h of its row and unit.
// An infinite pre-activation saturates its gate; hPrev = ±Inf gives h = ±Inf.
// In float32 the update is fma(z, hPrev, fma(-z, n, n)), two roundings, so that z = 1 keeps hPrev
// in every bit. σ and tanh are the inner forms, within the bounds of the package comment, on
// every ISA; their arguments are clamped to ±40, so that σ never falls below 2^-57.8.
// |h| < 2^-60 is written as +0: a decaying state ends at +0, and h is never a denormal,
// with s.HPrev nil as well. float64 is package math, without clamp and flush.
//
// GRUStep panics if s is nil, a size negative, a slice or the stride too short. Zero sizes do
// nothing. It starts no goroutine and allocates nothing.
//
// Source: Cho et al. 2014 with the reset of cuDNN; layout as torch.nn.GRUCell.
func GRUStep[T Float](s *Step[T], hidden int) {
	if s.checkGRU("GRUStep", hidden) == 0 {
		return
	}
	if is32[T]() {
		gruStep(s.f32(), hidden)
	} else {
		gruStep64(s.f64(), hidden)
	}
}

// GRUStepBackward is the gradient of GRUStep.
//
//	dz = dh⊙(hPrev-n)⊙z(1-z)    dn = dh⊙(1-z)⊙(1-n²)    dhn = dn⊙r
//	dr = dn⊙hn⊙r(1-r)           dhPrev = dh⊙z
//
// s.Gates and s.HPrev are what GRUStep was given and left: the gates are the activated r z n, and hn.
// d.H is dh, the whole gradient of h. d.Gates [B, 4H] is overwritten with the gradients dr dz dn dhn,
// d.HPrev with the direct path of dhPrev only: the caller adds the product of (dr, dz, dhn) with the
// recurrent weights. s.HPrev nil is a state of zeros.
// d.Gates may be s.Gates, d.HPrev may be d.H; no other arguments may overlap.
//
// A NaN reaches only its row and unit. An infinite dh, hPrev or hn makes the gradients that use
// it infinite or NaN.
// In float32 |dh| < 2^-70 counts as +0, and every output of magnitude < 2^-70 is written as
// +0: vanishing gradients end at zero and no denormal reaches a product. No operation of the
// formulas is rounded more than once. float64 has no flush.
//
// GRUStepBackward panics if d or s is nil, a size negative, a slice or the stride too short. Zero
// sizes do nothing. It starts no goroutine and allocates nothing.
func GRUStepBackward[T Float](d *StepGrad[T], s *Step[T], hidden int) {
	if s.checkGRUBackward("GRUStepBackward", hidden, d) == 0 {
		return
	}
	if is32[T]() {
		gruStepBackward(d.f32(), s.f32(), hidden)
	} else {
		gruStepBackward64(d.f64(), s.f64(), hidden)
	}
}

// GRUBeforeReset is the first half of a time step of a GRU, reset-before form.
//
//	r, z = σ(r), σ(z)    rh = r⊙hPrev
//
// s.Gates is [B, 4H], order r z n rh: the whole pre-activations of r and z. s.HPrev nil is a state
// of zeros. The r and z columns of s.Gates are overwritten with the activated gates, the rh columns
// with rh; the n columns are neither read nor written. The caller adds the product of rh with the
// recurrent weights of n to them and calls GRUBeforeUpdate. s.H is not needed. No arguments may
// overlap.
//
// A NaN in r or hPrev reaches rh of its row and unit, a NaN in z only its gate. An infinite
// pre-activation saturates its gate.
// In float32 σ is the inner form, within the bound of the package comment and never below
// 2^-57.8: rh of a state that came from GRUBeforeUpdate (0 or at least 2^-60) is 0 or a
// normal number. float64 is package math.
//
// GRUBeforeReset panics if s is nil, a size negative, a slice or the stride too short. Zero sizes do
// nothing. It starts no goroutine and allocates nothing.
//
// Source: Cho et al. 2014.
func GRUBeforeReset[T Float](s *Step[T], hidden int) {
	const fn = "GRUBeforeReset"
	state, gates := s.sizes(fn, hidden, 4)
	checkLen(fn, "s.Gates", len(s.Gates), gates)
	checkLenOrNil(fn, "s.HPrev", s.HPrev, state)
	if gates == 0 {
		return
	}
	if is32[T]() {
		gruBeforeReset(s.f32(), hidden)
	} else {
		gruBeforeReset64(s.f64(), hidden)
	}
}

// GRUBeforeUpdate is the second half of a time step of a GRU, reset-before form.
//
//	n = tanh(n)    h = (1-z)⊙n + z⊙hPrev
//
// s.Gates is [B, 4H], order r z n rh: z as GRUBeforeReset left it, and the whole pre-activation of
// n. s.HPrev nil is a state of zeros. The n columns of s.Gates are overwritten with the activated n,
// the others stay, so that it then holds what the backward kernels read; s.H is overwritten.
// s.H may be s.HPrev; no other arguments may overlap.
//
// NaN, Inf, the fma form of the update and the flush of h are those of GRUStep, and so are
// the panics. It starts no goroutine and allocates nothing.
//
// Source: Cho et al. 2014, with z and 1-z as in PyTorch.
func GRUBeforeUpdate[T Float](s *Step[T], hidden int) {
	if s.checkGRU("GRUBeforeUpdate", hidden) == 0 {
		return
	}
	if is32[T]() {
		gruBeforeUpdate(s.f32(), hidden)
	} else {
		gruBeforeUpdate64(s.f64(), hidden)
	}
}

// GRUBeforeUpdateBackward is the gradient of GRUBeforeUpdate: the first half of the
// backward step.
//
//	dz = dh⊙(hPrev-n)⊙z(1-z)    dn = dh⊙(1-z)⊙(1-n²)    dhPrev = dh⊙z
//
// s.Gates holds the activated r z n, s.HPrev is the state the step was given (nil for zeros), d.H is
// dh, the whole gradient of h. The z and n columns of d.Gates [B, 4H] are overwritten with the
// gradients of the pre-activations (of z behind its σ, so that GRUBeforeResetBackward has nothing
// left to do for z); the others are not touched. d.HPrev is overwritten with the direct path. The
// caller then puts the product of dn with the recurrent weights of n, which is the gradient of rh,
// into d.H and calls GRUBeforeResetBackward.
// d.Gates may be s.Gates (r then stays where it is needed), d.HPrev may be d.H (then only for this
// half); no other arguments may overlap.
//
// NaN, Inf and the flush of gradients are those of GRUStepBackward, and so are the panics.
// It starts no goroutine and allocates nothing.
func GRUBeforeUpdateBackward[T Float](d *StepGrad[T], s *Step[T], hidden int) {
	if s.checkGRUBackward("GRUBeforeUpdateBackward", hidden, d) == 0 {
		return
	}
	if is32[T]() {
		gruBeforeUpdateBackward(d.f32(), s.f32(), hidden)
	} else {
		gruBeforeUpdateBackward64(d.f64(), s.f64(), hidden)
	}
}

// GRUBeforeResetBackward is the gradient of GRUBeforeReset: the second half of the backward
// step.
//
//	dr = drh⊙hPrev⊙r(1-r)    dhPrev += drh⊙r
//
// Of s.Gates only the activated r is read. s.HPrev is the state the step was given (nil for zeros).
// d.H is drh, the gradient of rh. The r columns of d.Gates [B, 4H] are overwritten with the gradient
// of the pre-activation, the others are not touched. d.HPrev is added to: it holds the direct path
// from GRUBeforeUpdateBackward. The caller adds the product of (dr, dz) with the recurrent weights
// of r and z.
// d.Gates may be s.Gates; no other arguments may overlap.
//
// A NaN reaches only its row and unit. An infinite drh or hPrev makes the gradients that use it
// infinite or NaN. In float32 |dr| and |dhPrev| < 2^-70 are written as +0. float64 has no flush.
// The panics are those of GRUStepBackward. It starts no goroutine and allocates nothing.
func GRUBeforeResetBackward[T Float](d *StepGrad[T], s *Step[T], hidden int) {
	if s.checkGRUBackward("GRUBeforeResetBackward", hidden, d) == 0 {
		return
	}
	if is32[T]() {
		gruBeforeResetBackward(d.f32(), s.f32(), hidden)
	} else {
		gruBeforeResetBackward64(d.f64(), s.f64(), hidden)
	}
}

// checkGRU panics unless s holds what the step needs. It returns the number of elements of the gates.
func (s *Step[T]) checkGRU(fn string, hidden int) int {
	state, gates := s.sizes(fn, hidden, 4)
	checkLen(fn, "s.H", len(s.H), state)
	checkLen(fn, "s.Gates", len(s.Gates), gates)
	checkLenOrNil(fn, "s.HPrev", s.HPrev, state)
	return gates
}

// checkGRUBackward is checkGRU for the gradient.
func (s *Step[T]) checkGRUBackward(fn string, hidden int, d *StepGrad[T]) int {
	state, gates := s.sizes(fn, hidden, 4)
	if d == nil {
		panic(badNil(fn, "d"))
	}
	checkLen(fn, "d.H", len(d.H), state)
	checkLen(fn, "d.Gates", len(d.Gates), gates)
	checkLen(fn, "d.HPrev", len(d.HPrev), state)
	checkLen(fn, "s.Gates", len(s.Gates), gates)
	checkLenOrNil(fn, "s.HPrev", s.HPrev, state)
	return gates
}

func gruStep(s *Step[float32], hidden int) {
	isa := asm.Active()
	if isa == asm.Generic {
		gruStepGeneric(s, hidden)
		return
	}
	hx, has := either(s.HPrev, s.H)
	simd.GRUStep(isa, &s.H[0], &s.Gates[0], &s.Gates[3*hidden], &hx[0], s.Batch, hidden, hidden, s.Ld, s.Ld, has)
}

func gruStepBackward(d *StepGrad[float32], s *Step[float32], hidden int) {
	isa := asm.Active()
	if isa == asm.Generic {
		gruStepBackwardGeneric(d, s, hidden)
		return
	}
	hx, has := either(s.HPrev, d.H)
	simd.GRUStepBackward(isa, &d.Gates[0], &d.Gates[3*hidden], &d.HPrev[0], &d.H[0], &s.Gates[0], &s.Gates[3*hidden], &hx[0],
		s.Batch, hidden, s.Ld, s.Ld, hidden, has)
}

func gruBeforeReset(s *Step[float32], hidden int) {
	isa := asm.Active()
	if isa == asm.Generic {
		gruBeforeResetGeneric(s, hidden)
		return
	}
	hx, has := either(s.HPrev, s.Gates)
	simd.GRUBeforeReset(isa, &s.Gates[3*hidden], &s.Gates[0], &hx[0], s.Batch, hidden, s.Ld, s.Ld, hidden, has)
}

func gruBeforeUpdate(s *Step[float32], hidden int) {
	isa := asm.Active()
	if isa == asm.Generic {
		gruBeforeUpdateGeneric(s, hidden)
		return
	}
	hx, has := either(s.HPrev, s.H)
	simd.GRUBeforeUpdate(isa, &s.H[0], &s.Gates[0], &hx[0], s.Batch, hidden, hidden, s.Ld, has)
}

func gruBeforeUpdateBackward(d *StepGrad[float32], s *Step[float32], hidden int) {
	isa := asm.Active()
	if isa == asm.Generic {
		gruBeforeUpdateBackwardGeneric(d, s, hidden)
		return
	}
	hx, has := either(s.HPrev, d.H)
	simd.GRUBeforeUpdateBackward(isa, &d.Gates[0], &d.HPrev[0], &d.H[0], &s.Gates[0], &hx[0], s.Batch, hidden, s.Ld, hidden, has)
}

func gruBeforeResetBackward(d *StepGrad[float32], s *Step[float32], hidden int) {
	isa := asm.Active()
	if isa == asm.Generic {
		gruBeforeResetBackwardGeneric(d, s, hidden)
		return
	}
	hx, has := either(s.HPrev, d.H)
	simd.GRUBeforeResetBackward(isa, &d.Gates[0], &d.HPrev[0], &d.H[0], &s.Gates[0], &hx[0], s.Batch, hidden, s.Ld, hidden, hidden, has)
}
