package kernels

import "github.com/elbow-go/elbow/internal/size"

// RNNFusedStepBackward is the gradient of [RNNFusedStep] with respect to the pre-activations,
// given those of the step after it.
//
//	dh += dnext Whh      then as RNNStepBackward:
//	da = dh⊙act'(h)
//
// dnext [next, H] holds the gradients da of the step after this one for the first next of the
// B rows; the others have none, because their sequences end here. dh [B, H] comes with what
// else flows into h, and is overwritten with the whole gradient. h is what RNNFusedStep left.
// da and dnext share the row stride ldda ≥ H; dh and h are dense. No arguments may overlap.
// part is as in [StepPart].
//
// NaN, infinity, accuracy and flush are those of the product (see package blas) and of
// [RNNStepBackward]. It panics if w is not packed for StepRNN with training, H units and the
// instruction set in use, if a size is negative, next > B, a slice or stride too short. Zero
// sizes do nothing. It starts no goroutine and allocates nothing.
func RNNFusedStepBackward[T Float](da, dh, dnext, h []T, w *StepWeights[T], batch, next, hidden, ldda int, act Activation, part StepPart) {
	const fn = "RNNFusedStepBackward"
	checkGateSizes(fn, batch, hidden)
	checkAct(fn, act)
	w.check(fn, StepRNN, hidden, true, part)
	checkSize(fn, "ldda", ldda, hidden)
	checkNext(fn, len(dnext), batch, next, hidden, ldda)
	checkGate(fn, "da", len(da), batch, hidden, ldda)
	checkGate(fn, "dh", len(dh), batch, hidden, hidden)
	checkGate(fn, "h", len(h), batch, hidden, hidden)
	if batch == 0 || hidden == 0 {
		return
	}
	f := fusedStep[T]{op: opRNNBackward, act: act, batch: batch, next: next, hidden: hidden, ldg: ldda, part: part,
		dgates: da, dh: dh, dnext: dnext, hy: h}
	f.run(w)
}

// LSTMFusedStepBackward is the gradient of [LSTMFusedStep] with respect to the
// pre-activations and cx, given those of the step after it.
//
//	dh += dnext Whh      then as LSTMStepBackward
//
// dnext [next, 4H] holds the gradients dgates of the step after this one for the first next
// of the B rows; the others have none, because their sequences end here. dh [B, H] comes with
// what else flows into hy, and is overwritten with the whole gradient. The other arguments
// are those of [LSTMStepBackward], with the same rules; dnext has the row stride ldg too and
// overlaps nothing. part is as in [StepPart].
//
// NaN, infinity, accuracy and flush are those of the product (see package blas) and of
// [LSTMStepBackward]. It panics if w is not packed for StepLSTM with training, H units and the
// instruction set in use, if a size is negative, next > B, a slice or stride too short. Zero
// sizes do nothing. It starts no goroutine and allocates nothing.
func LSTMFusedStepBackward[T Float](dgates, dcx, dh, dnext, dcy, gates, cx, cy, peephole []T, w *StepWeights[T], batch, next, hidden, ldg int, part StepPart) {
	const fn = "LSTMFusedStepBackward"
	checkGateSizes(fn, batch, hidden)
	w.check(fn, StepLSTM, hidden, true, part)
	checkSize(fn, "ldg", ldg, size.Mul(4, hidden))
	checkNext(fn, len(dnext), batch, next, size.Mul(4, hidden), ldg)
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
	f := fusedStep[T]{op: opLSTMBackward, batch: batch, next: next, hidden: hidden, ldg: ldg, part: part,
		dgates: dgates, dcx: dcx, dh: dh, dnext: dnext, dcy: dcy,
		gates: gates, cx: cx, cy: cy, peephole: peephole}
	f.run(w)
}

// GRUFusedStepBackward is the gradient of [GRUFusedStep] with respect to the pre-activations,
// and the direct path to hx, given the gradients of the step after it.
//
//	dh += (dr dz dhn of dnext) Whh      then as GRUStepBackward
//
// dnext [next, 4H] holds the gradients dgates of the step after this one for the first next
// of the B rows; the others have none, because their sequences end here. dh [B, H] comes with
// what else flows into hy, the direct path of the step after it among that, and is overwritten
// with the whole gradient. gates and dgates are [B, 4H], order r z n hn, row stride ldg ≥ 4H,
// and dgates may be gates; dhx [B, H] gets the direct path. No other arguments may overlap.
// part is as in [StepPart].
//
// NaN, infinity, accuracy and flush are those of the product (see package blas) and of
// [GRUStepBackward]. It panics if w is not packed for StepGRU with training, H units and the
// instruction set in use, if a size is negative, next > B, a slice or stride too short. Zero
// sizes do nothing. It starts no goroutine and allocates nothing.
func GRUFusedStepBackward[T Float](dgates, dhx, dh, dnext, gates, hx []T, w *StepWeights[T], batch, next, hidden, ldg int, part StepPart) {
	const fn = "GRUFusedStepBackward"
	gruCheckBackward(fn, dgates, dhx, dh, dnext, gates, hx, w, StepGRU, batch, next, hidden, ldg, part)
	if batch == 0 || hidden == 0 {
		return
	}
	f := fusedStep[T]{op: opGRUBackward, batch: batch, next: next, hidden: hidden, ldg: ldg, part: part,
		dgates: dgates, dhx: dhx, dh: dh, dnext: dnext, gates: gates, hx: hx}
	f.run(w)
}

// GRUBeforeFusedStepBackward is the gradient of [GRUBeforeFusedStep] with respect to the
// pre-activations, and all of the path to hx but the product with r and z, given the
// gradients of the step after it.
//
//	dh += (dr dz of dnext) Whh      then as GRUBeforeUpdateBackward
//	drh = dn Whn                    then as GRUBeforeResetBackward
//
// The arguments are those of [GRUFusedStepBackward], with the order r z n rh, of which the
// columns rh are left alone; dh is overwritten with drh.
//
// NaN, infinity, accuracy and flush are those of the product (see package blas) and of the two
// gate kernels. It panics if w is not packed for StepGRUBefore with training, H units and the
// instruction set in use, if a size is negative, next > B, a slice or stride too short. Zero
// sizes do nothing. It starts no goroutine and allocates nothing.
func GRUBeforeFusedStepBackward[T Float](dgates, dhx, dh, dnext, gates, hx []T, w *StepWeights[T], batch, next, hidden, ldg int, part StepPart) {
	const fn = "GRUBeforeFusedStepBackward"
	gruCheckBackward(fn, dgates, dhx, dh, dnext, gates, hx, w, StepGRUBefore, batch, next, hidden, ldg, part)
	if batch == 0 || hidden == 0 {
		return
	}
	f := fusedStep[T]{op: opGRUUpdateBackward, batch: batch, next: next, hidden: hidden, ldg: ldg, part: part,
		dgates: dgates, dhx: dhx, dh: dh, dnext: dnext, gates: gates, hx: hx}
	f.run(w)
	part.meet()
	f.op = opGRUResetBackward
	f.run(w)
}

// RecurrentGrad adds to the gradient of a state what flows back from the step behind it
// through the recurrent product.
//
//	dh += dnext Whh
//
// dnext [next, G*H], row stride ldg, holds the gradients of the pre-activations of that step:
// G = 1 and 4 gates of [RNNFusedStep] and [LSTMFusedStep]; dr dz dn dhn of [GRUFusedStep], of
// which dn has no part in it; dr dz dn rh of [GRUBeforeFusedStep], of which dr and dz have.
// dh is [next, H], dense. It must not overlap dnext. The fused backward steps do the same and
// go on; this is for the initial state, which has no step.
//
// It panics if w is not packed with training, for H units and the instruction set in use, if a
// size is negative, a slice or stride too short. Zero sizes do nothing. It starts no goroutine
// and allocates nothing.
func RecurrentGrad[T Float](dh, dnext []T, w *StepWeights[T], next, hidden, ldg int) {
	const fn = "RecurrentGrad"
	checkGateSizes(fn, next, hidden)
	w.check(fn, w.anyKind(), hidden, true, StepPart{})
	cols := stepLayouts[w.kind].saved * hidden
	checkSize(fn, "ldg", ldg, cols)
	checkGate(fn, "dnext", len(dnext), next, cols, ldg)
	checkGate(fn, "dh", len(dh), next, hidden, hidden)
	if next == 0 || hidden == 0 {
		return
	}
	h := hidden
	f := fusedStep[T]{op: opRecurrentGrad, batch: next, next: next, hidden: h, ldg: ldg, dh: dh, dnext: dnext}
	f.run(w)
}

// anyKind returns the kind of w, for a function that takes them all.
func (w *StepWeights[T]) anyKind() StepKind {
	if w == nil {
		return 0 // which is refused as weights that are not packed
	}
	return w.kind
}

func gruCheckBackward[T Float](fn string, dgates, dhx, dh, dnext, gates, hx []T, w *StepWeights[T], kind StepKind, batch, next, hidden, ldg int, part StepPart) {
	checkGateSizes(fn, batch, hidden)
	w.check(fn, kind, hidden, true, part)
	checkSize(fn, "ldg", ldg, size.Mul(4, hidden))
	checkNext(fn, len(dnext), batch, next, size.Mul(4, hidden), ldg)
	checkGate(fn, "dgates", len(dgates), batch, size.Mul(4, hidden), ldg)
	checkGate(fn, "dhx", len(dhx), batch, hidden, hidden)
	checkGate(fn, "dh", len(dh), batch, hidden, hidden)
	checkGate(fn, "gates", len(gates), batch, size.Mul(4, hidden), ldg)
	checkGate(fn, "hx", len(hx), batch, hidden, hidden)
}

// checkNext panics unless the first next of batch rows have gradients in a slice of length got.
func checkNext(fn string, got, batch, next, cols, ld int) {
	checkSize(fn, "next", next, 0)
	checkMost(fn, "next", next, batch)
	if next > 0 {
		checkGate(fn, "dnext", got, next, cols, ld)
	}
}
