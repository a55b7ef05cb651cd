//go:build !purego

package kernels

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/avx2"
	"github.com/elbow-go/elbow/asm/avx512"
)

// The gate kernels. Those named ..Step take a whole layer; a call of machine code gets whole
// rows. Those named ..Units are the calls: n of the h units of some rows, which is what the
// fused steps need, in slices that start with the first of them.

// maxRows is how many rows of n elements make one call. A unit of an LSTM takes as long as
// several elements.
func maxRows(rows, n int) int { return min(rows, max(1, maxElems/2/n)) }

// machine reports whether there is machine code for the gates.
func machine(isa asm.ISA) bool { return isa == asm.AVX512 || isa == asm.AVX2 }

// orElse returns x and all ones; for an x that is nil, another slice, which may be read in
// its place, and zero, which says that it does not count.
func orElse(x, other []float32) (y []float32, has uint32) {
	if x == nil {
		return other, 0
	}
	return x, 1<<32 - 1
}

func rnnStep(h, a []float32, batch, hidden, lda int, act Activation) {
	isa := asm.Active()
	if !machine(isa) {
		rnnStepGeneric(h, a, batch, hidden, lda, act)
		return
	}
	for b, r := 0, 0; b < batch; b += r {
		r = maxRows(batch-b, hidden)
		rnnUnits(isa, h[b*hidden:], a[b*lda:], r, hidden, hidden, lda, act)
	}
}

func rnnUnits(isa asm.ISA, hy, a []float32, rows, n, h, lda int, act Activation) {
	switch {
	case isa == asm.AVX512 && act == RNNTanh:
		avx512.RNNTanhStep(&hy[0], &a[0], rows, n, h, lda)
	case isa == asm.AVX512:
		avx512.RNNReLUStep(&hy[0], &a[0], rows, n, h, lda)
	case isa == asm.AVX2 && act == RNNTanh:
		avx2.RNNTanhStep(&hy[0], &a[0], rows, n, h, lda)
	case isa == asm.AVX2:
		avx2.RNNReLUStep(&hy[0], &a[0], rows, n, h, lda)
	}
}

func rnnStepBackward(da, dh, h []float32, batch, hidden, ldda int, act Activation) {
	isa := asm.Active()
	if !machine(isa) {
		rnnStepBackwardGeneric(da, dh, h, batch, hidden, ldda, act)
		return
	}
	for b, r := 0, 0; b < batch; b += r {
		r = maxRows(batch-b, hidden)
		rnnUnitsBackward(isa, da[b*ldda:], dh[b*hidden:], h[b*hidden:], r, hidden, hidden, ldda, act)
	}
}

func rnnUnitsBackward(isa asm.ISA, da, dh, hy []float32, rows, n, h, ldda int, act Activation) {
	switch {
	case isa == asm.AVX512 && act == RNNTanh:
		avx512.RNNTanhStepBackward(&da[0], &dh[0], &hy[0], rows, n, ldda, h)
	case isa == asm.AVX512:
		avx512.RNNReLUStepBackward(&da[0], &dh[0], &hy[0], rows, n, ldda, h)
	case isa == asm.AVX2 && act == RNNTanh:
		avx2.RNNTanhStepBackward(&da[0], &dh[0], &hy[0], rows, n, ldda, h)
	case isa == asm.AVX2:
		avx2.RNNReLUStepBackward(&da[0], &dh[0], &hy[0], rows, n, ldda, h)
	}
}

func lstmStep(hy, cy, gates, cx, peephole []float32, batch, hidden, ldg int) {
	isa := asm.Active()
	if !machine(isa) {
		lstmStepGeneric(hy, cy, gates, cx, peephole, batch, hidden, ldg)
		return
	}
	c, has := orElse(cx, cy)
	for b, r := 0, 0; b < batch; b += r {
		r = maxRows(batch-b, hidden)
		lstmUnits(isa, hy[b*hidden:], cy[b*hidden:], gates[b*ldg:], c[b*hidden:], has, peephole, r, hidden, hidden, ldg)
	}
}

func lstmUnits(isa asm.ISA, hy, cy, gates, cx []float32, hasCx uint32, peephole []float32, rows, n, h, ldg int) {
	switch {
	case isa == asm.AVX512 && peephole == nil:
		avx512.LSTMStep(&hy[0], &cy[0], &gates[0], &cx[0], rows, n, h, ldg, hasCx)
	case isa == asm.AVX512:
		avx512.LSTMPeepholeStep(&hy[0], &cy[0], &gates[0], &cx[0], &peephole[0], rows, n, h, ldg, hasCx)
	case isa == asm.AVX2 && peephole == nil:
		avx2.LSTMStep(&hy[0], &cy[0], &gates[0], &cx[0], rows, n, h, ldg, hasCx)
	case isa == asm.AVX2:
		avx2.LSTMPeepholeStep(&hy[0], &cy[0], &gates[0], &cx[0], &peephole[0], rows, n, h, ldg, hasCx)
	}
}

func lstmStepBackward(dgates, dcx, dh, dcy, gates, cx, cy, peephole []float32, batch, hidden, ldg int) {
	isa := asm.Active()
	if !machine(isa) {
		lstmStepBackwardGeneric(dgates, dcx, dh, dcy, gates, cx, cy, peephole, batch, hidden, ldg)
		return
	}
	c, hasCx := orElse(cx, cy)
	dc, hasDcy := orElse(dcy, dh)
	for b, r := 0, 0; b < batch; b += r {
		r = maxRows(batch-b, hidden)
		lstmUnitsBackward(isa, dgates[b*ldg:], dcx[b*hidden:], dh[b*hidden:], dc[b*hidden:], gates[b*ldg:], c[b*hidden:], cy[b*hidden:],
			hasCx, hasDcy, peephole, r, hidden, hidden, ldg)
	}
}

func lstmUnitsBackward(isa asm.ISA, dgates, dcx, dh, dcy, gates, cx, cy []float32, hasCx, hasDcy uint32, peephole []float32, rows, n, h, ldg int) {
	switch {
	case isa == asm.AVX512 && peephole == nil:
		avx512.LSTMStepBackward(&dgates[0], &dcx[0], &dh[0], &dcy[0], &gates[0], &cx[0], &cy[0], rows, n, ldg, h, hasCx, hasDcy)
	case isa == asm.AVX512:
		avx512.LSTMPeepholeStepBackward(&dgates[0], &dcx[0], &dh[0], &dcy[0], &gates[0], &cx[0], &cy[0], &peephole[0], rows, n, ldg, h, hasCx, hasDcy)
	case isa == asm.AVX2 && peephole == nil:
		avx2.LSTMStepBackward(&dgates[0], &dcx[0], &dh[0], &dcy[0], &gates[0], &cx[0], &cy[0], rows, n, ldg, h, hasCx, hasDcy)
	case isa == asm.AVX2:
		avx2.LSTMPeepholeStepBackward(&dgates[0], &dcx[0], &dh[0], &dcy[0], &gates[0], &cx[0], &cy[0], &peephole[0], rows, n, ldg, h, hasCx, hasDcy)
	}
}

func gruStep(hy, gates, hn, hx []float32, batch, hidden, ldg, ldhn int) {
	isa := asm.Active()
	if !machine(isa) {
		gruStepGeneric(hy, gates, hn, hx, batch, hidden, ldg, ldhn)
		return
	}
	x, has := orElse(hx, hy)
	for b, r := 0, 0; b < batch; b += r {
		r = maxRows(batch-b, hidden)
		gruUnits(isa, hy[b*hidden:], gates[b*ldg:], hn[b*ldhn:], x[b*hidden:], has, r, hidden, hidden, ldg, ldhn)
	}
}

func gruUnits(isa asm.ISA, hy, gates, hn, hx []float32, hasHx uint32, rows, n, h, ldg, ldhn int) {
	switch {
	case isa == asm.AVX512:
		avx512.GRUStep(&hy[0], &gates[0], &hn[0], &hx[0], rows, n, h, ldg, ldhn, hasHx)
	case isa == asm.AVX2:
		avx2.GRUStep(&hy[0], &gates[0], &hn[0], &hx[0], rows, n, h, ldg, ldhn, hasHx)
	}
}

func gruStepBackward(dgates, dhn, dhx, dh, gates, hn, hx []float32, batch, hidden, ldg, ldhn int) {
	isa := asm.Active()
	if !machine(isa) {
		gruStepBackwardGeneric(dgates, dhn, dhx, dh, gates, hn, hx, batch, hidden, ldg, ldhn)
		return
	}
	x, has := orElse(hx, dh)
	for b, r := 0, 0; b < batch; b += r {
		r = maxRows(batch-b, hidden)
		gruUnitsBackward(isa, dgates[b*ldg:], dhn[b*ldhn:], dhx[b*hidden:], dh[b*hidden:], gates[b*ldg:], hn[b*ldhn:], x[b*hidden:], has,
			r, hidden, hidden, ldg, ldhn)
	}
}

func gruUnitsBackward(isa asm.ISA, dgates, dhn, dhx, dh, gates, hn, hx []float32, hasHx uint32, rows, n, h, ldg, ldhn int) {
	switch {
	case isa == asm.AVX512:
		avx512.GRUStepBackward(&dgates[0], &dhn[0], &dhx[0], &dh[0], &gates[0], &hn[0], &hx[0], rows, n, ldg, ldhn, h, hasHx)
	case isa == asm.AVX2:
		avx2.GRUStepBackward(&dgates[0], &dhn[0], &dhx[0], &dh[0], &gates[0], &hn[0], &hx[0], rows, n, ldg, ldhn, h, hasHx)
	}
}

func gruBeforeReset(rh, gates, hx []float32, batch, hidden, ldg, ldrh int) {
	isa := asm.Active()
	if !machine(isa) {
		gruBeforeResetGeneric(rh, gates, hx, batch, hidden, ldg, ldrh)
		return
	}
	x, has := orElse(hx, rh)
	for b, r := 0, 0; b < batch; b += r {
		r = maxRows(batch-b, hidden)
		gruResetUnits(isa, rh[b*ldrh:], gates[b*ldg:], x[b*hidden:], has, r, hidden, hidden, ldg, ldrh)
	}
}

func gruResetUnits(isa asm.ISA, rh, gates, hx []float32, hasHx uint32, rows, n, h, ldg, ldrh int) {
	switch {
	case isa == asm.AVX512:
		avx512.GRUBeforeReset(&rh[0], &gates[0], &hx[0], rows, n, ldrh, ldg, h, hasHx)
	case isa == asm.AVX2:
		avx2.GRUBeforeReset(&rh[0], &gates[0], &hx[0], rows, n, ldrh, ldg, h, hasHx)
	}
}

func gruBeforeUpdate(hy, gates, hx []float32, batch, hidden, ldg int) {
	isa := asm.Active()
	if !machine(isa) {
		gruBeforeUpdateGeneric(hy, gates, hx, batch, hidden, ldg)
		return
	}
	x, has := orElse(hx, hy)
	for b, r := 0, 0; b < batch; b += r {
		r = maxRows(batch-b, hidden)
		gruUpdateUnits(isa, hy[b*hidden:], gates[b*ldg:], x[b*hidden:], has, r, hidden, hidden, ldg)
	}
}

func gruUpdateUnits(isa asm.ISA, hy, gates, hx []float32, hasHx uint32, rows, n, h, ldg int) {
	switch {
	case isa == asm.AVX512:
		avx512.GRUBeforeUpdate(&hy[0], &gates[0], &hx[0], rows, n, h, ldg, hasHx)
	case isa == asm.AVX2:
		avx2.GRUBeforeUpdate(&hy[0], &gates[0], &hx[0], rows, n, h, ldg, hasHx)
	}
}

func gruBeforeUpdateBackward(dgates, dhx, dh, gates, hx []float32, batch, hidden, ldg int) {
	isa := asm.Active()
	if !machine(isa) {
		gruBeforeUpdateBackwardGeneric(dgates, dhx, dh, gates, hx, batch, hidden, ldg)
		return
	}
	x, has := orElse(hx, dh)
	for b, r := 0, 0; b < batch; b += r {
		r = maxRows(batch-b, hidden)
		gruUpdateUnitsBackward(isa, dgates[b*ldg:], dhx[b*hidden:], dh[b*hidden:], gates[b*ldg:], x[b*hidden:], has, r, hidden, hidden, ldg)
	}
}

func gruUpdateUnitsBackward(isa asm.ISA, dgates, dhx, dh, gates, hx []float32, hasHx uint32, rows, n, h, ldg int) {
	switch {
	case isa == asm.AVX512:
		avx512.GRUBeforeUpdateBackward(&dgates[0], &dhx[0], &dh[0], &gates[0], &hx[0], rows, n, ldg, h, hasHx)
	case isa == asm.AVX2:
		avx2.GRUBeforeUpdateBackward(&dgates[0], &dhx[0], &dh[0], &gates[0], &hx[0], rows, n, ldg, h, hasHx)
	}
}

func gruBeforeResetBackward(dgates, dhx, drh, gates, hx []float32, batch, hidden, ldg, lddrh int) {
	isa := asm.Active()
	if !machine(isa) {
		gruBeforeResetBackwardGeneric(dgates, dhx, drh, gates, hx, batch, hidden, ldg, lddrh)
		return
	}
	x, has := orElse(hx, dhx)
	for b, r := 0, 0; b < batch; b += r {
		r = maxRows(batch-b, hidden)
		gruResetUnitsBackward(isa, dgates[b*ldg:], dhx[b*hidden:], drh[b*lddrh:], gates[b*ldg:], x[b*hidden:], has, r, hidden, hidden, ldg, lddrh)
	}
}

func gruResetUnitsBackward(isa asm.ISA, dgates, dhx, drh, gates, hx []float32, hasHx uint32, rows, n, h, ldg, lddrh int) {
	switch {
	case isa == asm.AVX512:
		avx512.GRUBeforeResetBackward(&dgates[0], &dhx[0], &drh[0], &gates[0], &hx[0], rows, n, ldg, h, lddrh, hasHx)
	case isa == asm.AVX2:
		avx2.GRUBeforeResetBackward(&dgates[0], &dhx[0], &drh[0], &gates[0], &hx[0], rows, n, ldg, h, lddrh, hasHx)
	}
}
