package kernels

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
	"github.com/elbow-go/elbow/internal/size"
)

// A GRU comes in two forms. Reset-after (PyTorch, cuDNN) applies the reset gate to the
// recurrent product of the candidate, so that one product per step is enough. Reset-before
// (Cho et al. 2014) applies it to the state in front of that product; its step is two
// kernels with the product in between.

// GRUStep finishes one time step of a GRU, reset-after form, for a batch.
//
//	r, z = σ(r), σ(z)    n = tanh(n + r⊙hn)    hy = (1-z)⊙n + z⊙hx
//
// gates is [B, 3H], gate order r z n, row stride ldg ≥ 3H: the whole pre-activations of r
// and z, and the input part of n with its bias. hn is [B, H], row stride ldhn ≥ H: the
// recurrent part of n with its own bias. hx and hy are [B, H], dense, row-major. hx nil is
// a state of zeros, with the same result in every bit.
// gates is overwritten with the activated r z n, which GRUStepBackward reads together with
// hn, which stays; hy is overwritten. hy may be hx; no other arguments may overlap, but
// gates and hn may be columns of one matrix.
//
// A NaN reaches only the elements computed from it: its gate, n and hy of its row and unit.
// An infinite pre-activation saturates its gate; hx = ±Inf gives hy = ±Inf.
// In float32 the update is fma(z, hx, fma(-z, n, n)), two roundings, so that z = 1 keeps hx
// in every bit. σ and tanh are the inner forms, within the bounds of the package comment, on
// every ISA; their arguments are clamped to ±40, so that σ never falls below 2^-57.8.
// |hy| < 2^-60 is written as +0: a decaying state ends at +0, and hy is never a denormal,
// with hx nil as well. float64 is package math, without clamp and flush.
//
// GRUStep panics if a size is negative, a slice or stride too short. Zero sizes do nothing.
// It starts no goroutine and allocates nothing.
//
// Source: Cho et al. 2014 with the reset of cuDNN; layout as torch.nn.GRUCell.
func GRUStep[T Float](hy, gates, hn, hx []T, batch, hidden, ldg, ldhn int) {
	const fn = "GRUStep"
	checkGateSizes(fn, batch, hidden)
	checkGate(fn, "hy", len(hy), batch, hidden, hidden)
	checkSize(fn, "ldg", ldg, size.Mul(3, hidden))
	checkGate(fn, "gates", len(gates), batch, size.Mul(3, hidden), ldg)
	checkSize(fn, "ldhn", ldhn, hidden)
	checkGate(fn, "hn", len(hn), batch, hidden, ldhn)
	checkGateOrNil(fn, "hx", hx, batch, hidden)
	if batch == 0 || hidden == 0 {
		return
	}
	if is32[T]() {
		gruStep(f32s(hy), f32s(gates), f32s(hn), f32s(hx), batch, hidden, ldg, ldhn)
	} else {
		gruStep64(f64s(hy), f64s(gates), f64s(hn), f64s(hx), batch, hidden, ldg, ldhn)
	}
}

// GRUStepBackward is the gradient of GRUStep.
//
//	dz = dh⊙(hx-n)⊙z(1-z)    dn = dh⊙(1-z)⊙(1-n²)    dhn = dn⊙r
//	dr = dn⊙hn⊙r(1-r)        dhx = dh⊙z
//
// gates, hn and hx are what GRUStep was given and left: gates [B, 3H] holds the activated
// r z n. dh [B, H] is the whole gradient of hy. dgates [B, 3H] gets the gradients of the
// pre-activations dr dz dn; gates and dgates share the row stride ldg ≥ 3H, hn and dhn
// share ldhn ≥ H. dhx [B, H] gets the direct path only: the caller adds the product of
// (dr, dz, dhn) with the recurrent weights. All three outputs are overwritten. hx nil is a
// state of zeros.
// dgates may be gates, dhn may be hn, dhx may be dh; no other arguments may overlap, but
// gates and hn, or dgates and dhn, may be columns of one matrix.
//
// A NaN reaches only its row and unit. An infinite dh, hx or hn makes the gradients that use
// it infinite or NaN.
// In float32 |dh| < 2^-70 counts as +0, and every output of magnitude < 2^-70 is written as
// +0: vanishing gradients end at zero and no denormal reaches a product. No operation of the
// formulas is rounded more than once. float64 has no flush.
//
// GRUStepBackward panics if a size is negative, a slice or stride too short. Zero sizes do
// nothing. It starts no goroutine and allocates nothing.
func GRUStepBackward[T Float](dgates, dhn, dhx, dh, gates, hn, hx []T, batch, hidden, ldg, ldhn int) {
	const fn = "GRUStepBackward"
	checkGateSizes(fn, batch, hidden)
	checkSize(fn, "ldg", ldg, size.Mul(3, hidden))
	checkSize(fn, "ldhn", ldhn, hidden)
	checkGate(fn, "dgates", len(dgates), batch, size.Mul(3, hidden), ldg)
	checkGate(fn, "dhn", len(dhn), batch, hidden, ldhn)
	checkGate(fn, "dhx", len(dhx), batch, hidden, hidden)
	checkGate(fn, "dh", len(dh), batch, hidden, hidden)
	checkGate(fn, "gates", len(gates), batch, size.Mul(3, hidden), ldg)
	checkGate(fn, "hn", len(hn), batch, hidden, ldhn)
	checkGateOrNil(fn, "hx", hx, batch, hidden)
	if batch == 0 || hidden == 0 {
		return
	}
	if is32[T]() {
		gruStepBackward(f32s(dgates), f32s(dhn), f32s(dhx), f32s(dh), f32s(gates), f32s(hn), f32s(hx), batch, hidden, ldg, ldhn)
	} else {
		gruStepBackward64(f64s(dgates), f64s(dhn), f64s(dhx), f64s(dh), f64s(gates), f64s(hn), f64s(hx), batch, hidden, ldg, ldhn)
	}
}

// GRUBeforeReset is the first half of a time step of a GRU, reset-before form.
//
//	r, z = σ(r), σ(z)    rh = r⊙hx
//
// gates is [B, 3H], gate order r z n, row stride ldg ≥ 3H: the whole pre-activations of r
// and z. hx is [B, H], dense, row-major; nil is a state of zeros. rh is [B, H] with row
// stride ldrh ≥ H: the caller adds its product with the recurrent weights of n to the n
// columns and calls GRUBeforeUpdate.
// The r and z columns of gates are overwritten with the activated gates, the n columns are
// neither read nor written; rh is overwritten. No arguments may overlap.
//
// A NaN in r or hx reaches rh of its row and unit, a NaN in z only its gate. An infinite
// pre-activation saturates its gate.
// In float32 σ is the inner form, within the bound of the package comment and never below
// 2^-57.8: rh of a state that came from GRUBeforeUpdate (0 or at least 2^-60) is 0 or a
// normal number. float64 is package math.
//
// GRUBeforeReset panics if a size is negative, a slice or stride too short. Zero sizes do
// nothing. It starts no goroutine and allocates nothing.
//
// Source: Cho et al. 2014.
func GRUBeforeReset[T Float](rh, gates, hx []T, batch, hidden, ldg, ldrh int) {
	const fn = "GRUBeforeReset"
	checkGateSizes(fn, batch, hidden)
	checkSize(fn, "ldrh", ldrh, hidden)
	checkGate(fn, "rh", len(rh), batch, hidden, ldrh)
	checkSize(fn, "ldg", ldg, size.Mul(3, hidden))
	checkGate(fn, "gates", len(gates), batch, size.Mul(3, hidden), ldg)
	checkGateOrNil(fn, "hx", hx, batch, hidden)
	if batch == 0 || hidden == 0 {
		return
	}
	if is32[T]() {
		gruBeforeReset(f32s(rh), f32s(gates), f32s(hx), batch, hidden, ldg, ldrh)
	} else {
		gruBeforeReset64(f64s(rh), f64s(gates), f64s(hx), batch, hidden, ldg, ldrh)
	}
}

// GRUBeforeUpdate is the second half of a time step of a GRU, reset-before form.
//
//	n = tanh(n)    hy = (1-z)⊙n + z⊙hx
//
// gates is [B, 3H], gate order r z n, row stride ldg ≥ 3H: z as GRUBeforeReset left it, and
// the whole pre-activation of n. hx and hy are [B, H], dense, row-major; hx nil is a state
// of zeros. The n columns of gates are overwritten with the activated n, the others stay,
// so that gates then holds what the backward kernels read; hy is overwritten.
// hy may be hx; no other arguments may overlap.
//
// NaN, Inf, the fma form of the update and the flush of hy are those of GRUStep, and so are
// the panics. It starts no goroutine and allocates nothing.
//
// Source: Cho et al. 2014, with z and 1-z as in PyTorch.
func GRUBeforeUpdate[T Float](hy, gates, hx []T, batch, hidden, ldg int) {
	const fn = "GRUBeforeUpdate"
	checkGateSizes(fn, batch, hidden)
	checkGate(fn, "hy", len(hy), batch, hidden, hidden)
	checkSize(fn, "ldg", ldg, size.Mul(3, hidden))
	checkGate(fn, "gates", len(gates), batch, size.Mul(3, hidden), ldg)
	checkGateOrNil(fn, "hx", hx, batch, hidden)
	if batch == 0 || hidden == 0 {
		return
	}
	if is32[T]() {
		gruBeforeUpdate(f32s(hy), f32s(gates), f32s(hx), batch, hidden, ldg)
	} else {
		gruBeforeUpdate64(f64s(hy), f64s(gates), f64s(hx), batch, hidden, ldg)
	}
}

// GRUBeforeUpdateBackward is the gradient of GRUBeforeUpdate: the first half of the
// backward step.
//
//	dz = dh⊙(hx-n)⊙z(1-z)    dn = dh⊙(1-z)⊙(1-n²)    dhx = dh⊙z
//
// gates [B, 3H] holds the activated r z n, hx is the state the step was given (nil for
// zeros), dh [B, H] is the whole gradient of hy. The z and n columns of dgates [B, 3H] are
// overwritten with the gradients of the pre-activations (of z behind its σ, so that
// GRUBeforeResetBackward has nothing left to do for z); its r columns are not touched.
// gates and dgates share the row stride ldg ≥ 3H. dhx [B, H] is overwritten with the direct
// path. The caller then forms drh, the product of dn with the recurrent weights of n, and
// calls GRUBeforeResetBackward.
// dgates may be gates (r then stays where it is needed), dhx may be dh; no other arguments
// may overlap.
//
// NaN, Inf and the flush of gradients are those of GRUStepBackward, and so are the panics.
// It starts no goroutine and allocates nothing.
func GRUBeforeUpdateBackward[T Float](dgates, dhx, dh, gates, hx []T, batch, hidden, ldg int) {
	const fn = "GRUBeforeUpdateBackward"
	checkGateSizes(fn, batch, hidden)
	checkSize(fn, "ldg", ldg, size.Mul(3, hidden))
	checkGate(fn, "dgates", len(dgates), batch, size.Mul(3, hidden), ldg)
	checkGate(fn, "dhx", len(dhx), batch, hidden, hidden)
	checkGate(fn, "dh", len(dh), batch, hidden, hidden)
	checkGate(fn, "gates", len(gates), batch, size.Mul(3, hidden), ldg)
	checkGateOrNil(fn, "hx", hx, batch, hidden)
	if batch == 0 || hidden == 0 {
		return
	}
	if is32[T]() {
		gruBeforeUpdateBackward(f32s(dgates), f32s(dhx), f32s(dh), f32s(gates), f32s(hx), batch, hidden, ldg)
	} else {
		gruBeforeUpdateBackward64(f64s(dgates), f64s(dhx), f64s(dh), f64s(gates), f64s(hx), batch, hidden, ldg)
	}
}

// GRUBeforeResetBackward is the gradient of GRUBeforeReset: the second half of the backward
// step.
//
//	dr = drh⊙hx⊙r(1-r)    dhx += drh⊙r
//
// Only the r columns of gates [B, 3H] are read: the activated r. hx is the state the step
// was given (nil for zeros). drh is [B, H] with row stride lddrh ≥ H, the gradient of rh.
// The r columns of dgates [B, 3H] are overwritten with the gradient of the pre-activation,
// the others are not touched; gates and dgates share the row stride ldg ≥ 3H. dhx [B, H] is
// added to: it holds the direct path from GRUBeforeUpdateBackward. The caller adds the
// product of (dr, dz) with the recurrent weights of r and z.
// dgates may be gates; no other arguments may overlap.
//
// A NaN reaches only its row and unit. An infinite drh or hx makes the gradients that use it
// infinite or NaN. In float32 |dr| and |dhx| < 2^-70 are written as +0. float64 has no flush.
//
// GRUBeforeResetBackward panics if a size is negative, a slice or stride too short. Zero
// sizes do nothing. It starts no goroutine and allocates nothing.
func GRUBeforeResetBackward[T Float](dgates, dhx, drh, gates, hx []T, batch, hidden, ldg, lddrh int) {
	const fn = "GRUBeforeResetBackward"
	checkGateSizes(fn, batch, hidden)
	checkSize(fn, "ldg", ldg, size.Mul(3, hidden))
	checkSize(fn, "lddrh", lddrh, hidden)
	checkGate(fn, "dgates", len(dgates), batch, size.Mul(3, hidden), ldg)
	checkGate(fn, "dhx", len(dhx), batch, hidden, hidden)
	checkGate(fn, "drh", len(drh), batch, hidden, lddrh)
	checkGate(fn, "gates", len(gates), batch, size.Mul(3, hidden), ldg)
	checkGateOrNil(fn, "hx", hx, batch, hidden)
	if batch == 0 || hidden == 0 {
		return
	}
	if is32[T]() {
		gruBeforeResetBackward(f32s(dgates), f32s(dhx), f32s(drh), f32s(gates), f32s(hx), batch, hidden, ldg, lddrh)
	} else {
		gruBeforeResetBackward64(f64s(dgates), f64s(dhx), f64s(drh), f64s(gates), f64s(hx), batch, hidden, ldg, lddrh)
	}
}

func gruStep(hy, gates, hn, hx []float32, batch, hidden, ldg, ldhn int) {
	isa := asm.Active()
	if isa == asm.Generic {
		gruStepGeneric(hy, gates, hn, hx, batch, hidden, ldg, ldhn)
		return
	}
	x, has := either(hx, hy)
	simd.GRUStep(isa, &hy[0], &gates[0], &hn[0], &x[0], batch, hidden, hidden, ldg, ldhn, has)
}

func gruStepBackward(dgates, dhn, dhx, dh, gates, hn, hx []float32, batch, hidden, ldg, ldhn int) {
	isa := asm.Active()
	if isa == asm.Generic {
		gruStepBackwardGeneric(dgates, dhn, dhx, dh, gates, hn, hx, batch, hidden, ldg, ldhn)
		return
	}
	x, has := either(hx, dh)
	simd.GRUStepBackward(isa, &dgates[0], &dhn[0], &dhx[0], &dh[0], &gates[0], &hn[0], &x[0], batch, hidden, ldg, ldhn, hidden, has)
}

func gruBeforeReset(rh, gates, hx []float32, batch, hidden, ldg, ldrh int) {
	isa := asm.Active()
	if isa == asm.Generic {
		gruBeforeResetGeneric(rh, gates, hx, batch, hidden, ldg, ldrh)
		return
	}
	x, has := either(hx, rh)
	simd.GRUBeforeReset(isa, &rh[0], &gates[0], &x[0], batch, hidden, ldrh, ldg, hidden, has)
}

func gruBeforeUpdate(hy, gates, hx []float32, batch, hidden, ldg int) {
	isa := asm.Active()
	if isa == asm.Generic {
		gruBeforeUpdateGeneric(hy, gates, hx, batch, hidden, ldg)
		return
	}
	x, has := either(hx, hy)
	simd.GRUBeforeUpdate(isa, &hy[0], &gates[0], &x[0], batch, hidden, hidden, ldg, has)
}

func gruBeforeUpdateBackward(dgates, dhx, dh, gates, hx []float32, batch, hidden, ldg int) {
	isa := asm.Active()
	if isa == asm.Generic {
		gruBeforeUpdateBackwardGeneric(dgates, dhx, dh, gates, hx, batch, hidden, ldg)
		return
	}
	x, has := either(hx, dh)
	simd.GRUBeforeUpdateBackward(isa, &dgates[0], &dhx[0], &dh[0], &gates[0], &x[0], batch, hidden, ldg, hidden, has)
}

func gruBeforeResetBackward(dgates, dhx, drh, gates, hx []float32, batch, hidden, ldg, lddrh int) {
	isa := asm.Active()
	if isa == asm.Generic {
		gruBeforeResetBackwardGeneric(dgates, dhx, drh, gates, hx, batch, hidden, ldg, lddrh)
		return
	}
	x, has := either(hx, dhx)
	simd.GRUBeforeResetBackward(isa, &dgates[0], &dhx[0], &drh[0], &gates[0], &x[0], batch, hidden, ldg, hidden, lddrh, has)
}
