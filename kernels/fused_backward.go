package kernels

// RNNFusedStepBackward is the gradient of [RNNFusedStep] with respect to the pre-activations,
// given those of the step after it.
//
//	dh += dnext Whh      then as RNNStepBackward:
//	da = dh⊙act'(h)
//
// s.H is what RNNFusedStep left; of s it needs no other slice. d.H and d.Next are as in [StepGrad];
// d.Gates is overwritten with da. Nothing may overlap.
//
// NaN, infinity, accuracy and flush are those of the product (see package blas) and of
// [RNNStepBackward]. It panics if w is not packed for StepRNN with training and the instruction set in use,
// if a size is negative, d.NextRows > B, a slice or stride too short. Zero sizes do nothing. It
// starts no goroutine and allocates nothing.
func RNNFusedStepBackward[T Float](d *StepGrad[T], s *Step[T], w *StepWeights[T]) {
	if s.checkFusedBackward("RNNFusedStepBackward", StepRNN, w, d) {
		var f fusedStep[T]
		f.set(opRNNBackward, s, d)
		f.run(w)
	}
}

// LSTMFusedStepBackward is the gradient of [LSTMFusedStep] with respect to the
// pre-activations and s.CPrev, given those of the step after it.
//
//	dh += dnext Whh      then as LSTMStepBackward
//
// s.Gates, s.C, s.CPrev and s.Peephole are what LSTMFusedStep had and left; s.H and s.HPrev are not
// read. d is as in [StepGrad]: d.Gates and d.CPrev are overwritten, with the rules of
// [LSTMStepBackward]; d.Next overlaps nothing.
//
// NaN, infinity, accuracy and flush are those of the product (see package blas) and of
// [LSTMStepBackward]. It panics if w is not packed for StepLSTM with training and the instruction set in use,
// if a size is negative, d.NextRows > B, a slice or stride too short. Zero sizes do nothing. It
// starts no goroutine and allocates nothing.
func LSTMFusedStepBackward[T Float](d *StepGrad[T], s *Step[T], w *StepWeights[T]) {
	if s.checkFusedBackward("LSTMFusedStepBackward", StepLSTM, w, d) {
		var f fusedStep[T]
		f.set(opLSTMBackward, s, d)
		f.run(w)
	}
}

// GRUFusedStepBackward is the gradient of [GRUFusedStep] with respect to the pre-activations,
// and the direct path to s.HPrev, given the gradients of the step after it.
//
//	dh += (dr dz dhn of dnext) Whh      then as GRUStepBackward
//
// s.Gates and s.HPrev are what GRUFusedStep had and left; s.H is not read. d.H comes with the direct
// path of the step after it too. d.Gates, order r z n hn, and d.HPrev, which gets the direct path,
// are overwritten. d.Gates may be s.Gates; nothing else may overlap.
//
// NaN, infinity, accuracy and flush are those of the product (see package blas) and of
// [GRUStepBackward]. It panics if w is not packed for StepGRU with training and the instruction set in use,
// if a size is negative, d.NextRows > B, a slice or stride too short. Zero sizes do nothing. It
// starts no goroutine and allocates nothing.
func GRUFusedStepBackward[T Float](d *StepGrad[T], s *Step[T], w *StepWeights[T]) {
	if s.checkFusedBackward("GRUFusedStepBackward", StepGRU, w, d) {
		var f fusedStep[T]
		f.set(opGRUBackward, s, d)
		f.run(w)
	}
}

// GRUBeforeFusedStepBackward is the gradient of [GRUBeforeFusedStep] with respect to the
// pre-activations, and all of the path to s.HPrev but the product with r and z, given the
// gradients of the step after it.
//
//	dh += (dr dz of dnext) Whh      then as GRUBeforeUpdateBackward
//	drh = dn Whn                    then as GRUBeforeResetBackward
//
// The arguments are those of [GRUFusedStepBackward], with the order r z n rh, of which the
// columns rh are left alone; d.H is overwritten with drh.
//
// NaN, infinity, accuracy and flush are those of the product (see package blas) and of
// the two gate kernels. It panics if w is not packed for StepGRUBefore with training and the instruction set in use,
// if a size is negative, d.NextRows > B, a slice or stride too short. Zero sizes do nothing. It
// starts no goroutine and allocates nothing.
func GRUBeforeFusedStepBackward[T Float](d *StepGrad[T], s *Step[T], w *StepWeights[T]) {
	if !s.checkFusedBackward("GRUBeforeFusedStepBackward", StepGRUBefore, w, d) {
		return
	}
	var f fusedStep[T]
	f.set(opGRUUpdateBackward, s, d)
	f.run(w)
	s.Part.meet()
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
// It panics if w is not packed with training for the instruction set in use, if a size is negative, a slice or stride too short. Zero sizes do nothing. It starts no goroutine
// and allocates nothing.
func RecurrentGrad[T Float](dh, dnext []T, w *StepWeights[T], next, ldg int) {
	const fn = "RecurrentGrad"
	checkSize(fn, "next", next, 0)
	w.check(fn, w.anyKind(), true, &StepPart{})
	hidden := w.hidden
	cols := stepLayouts[w.kind].saved * hidden
	checkSize(fn, "ldg", ldg, cols)
	checkGate(fn, "dnext", len(dnext), next, cols, ldg)
	checkGate(fn, "dh", len(dh), next, hidden, hidden)
	if next == 0 || hidden == 0 {
		return
	}
	f := fusedStep[T]{op: opRecurrentGrad, Step: Step[T]{Batch: next, Ld: ldg}, d: StepGrad[T]{H: dh, Next: dnext, NextRows: next}}
	f.run(w)
}

// anyKind returns the kind of w, for a function that takes them all.
func (w *StepWeights[T]) anyKind() StepKind {
	if w == nil {
		return 0 // which is refused as weights that are not packed
	}
	return w.kind
}
