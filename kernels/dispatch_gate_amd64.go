//go:build !purego

package kernels

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/avx2"
	"github.com/elbow-go/elbow/asm/avx512"
)

// The gate kernels. A call of machine code gets whole rows.

// maxRows is how many rows of n elements make one call. A unit of an LSTM takes as long as
// several elements.
func maxRows(rows, n int) int { return min(rows, max(1, maxElems/2/n)) }

// orElse returns x and all ones; for an x that is nil, another slice, which may be read in
// its place, and zero, which says that it does not count.
func orElse(x, other []float32) (y []float32, has uint32) {
	if x == nil {
		return other, 0
	}
	return x, 1<<32 - 1
}

func rnnStep(h, a []float32, batch, hidden, lda int, act Activation) {
	for b, r := 0, 0; b < batch; b += r {
		r = maxRows(batch-b, hidden)
		switch isa := asm.Active(); {
		case isa == asm.AVX512 && act == RNNTanh:
			avx512.RNNTanhStep(&h[b*hidden], &a[b*lda], r, hidden, lda)
		case isa == asm.AVX512:
			avx512.RNNReLUStep(&h[b*hidden], &a[b*lda], r, hidden, lda)
		case isa == asm.AVX2 && act == RNNTanh:
			avx2.RNNTanhStep(&h[b*hidden], &a[b*lda], r, hidden, lda)
		case isa == asm.AVX2:
			avx2.RNNReLUStep(&h[b*hidden], &a[b*lda], r, hidden, lda)
		default:
			rnnStepGeneric(h, a, batch, hidden, lda, act)
			return
		}
	}
}

func rnnStepBackward(da, dh, h []float32, batch, hidden, ldda int, act Activation) {
	for b, r := 0, 0; b < batch; b += r {
		r = maxRows(batch-b, hidden)
		switch isa := asm.Active(); {
		case isa == asm.AVX512 && act == RNNTanh:
			avx512.RNNTanhStepBackward(&da[b*ldda], &dh[b*hidden], &h[b*hidden], r, hidden, ldda)
		case isa == asm.AVX512:
			avx512.RNNReLUStepBackward(&da[b*ldda], &dh[b*hidden], &h[b*hidden], r, hidden, ldda)
		case isa == asm.AVX2 && act == RNNTanh:
			avx2.RNNTanhStepBackward(&da[b*ldda], &dh[b*hidden], &h[b*hidden], r, hidden, ldda)
		case isa == asm.AVX2:
			avx2.RNNReLUStepBackward(&da[b*ldda], &dh[b*hidden], &h[b*hidden], r, hidden, ldda)
		default:
			rnnStepBackwardGeneric(da, dh, h, batch, hidden, ldda, act)
			return
		}
	}
}

func lstmStep(hy, cy, gates, cx, peephole []float32, batch, hidden, ldg int) {
	c, hasCx := orElse(cx, cy)
	for b, r := 0, 0; b < batch; b += r {
		r = maxRows(batch-b, hidden)
		switch isa := asm.Active(); {
		case isa == asm.AVX512 && peephole == nil:
			avx512.LSTMStep(&hy[b*hidden], &cy[b*hidden], &gates[b*ldg], &c[b*hidden], r, hidden, ldg, hasCx)
		case isa == asm.AVX512:
			avx512.LSTMPeepholeStep(&hy[b*hidden], &cy[b*hidden], &gates[b*ldg], &c[b*hidden], &peephole[0], r, hidden, ldg, hasCx)
		case isa == asm.AVX2 && peephole == nil:
			avx2.LSTMStep(&hy[b*hidden], &cy[b*hidden], &gates[b*ldg], &c[b*hidden], r, hidden, ldg, hasCx)
		case isa == asm.AVX2:
			avx2.LSTMPeepholeStep(&hy[b*hidden], &cy[b*hidden], &gates[b*ldg], &c[b*hidden], &peephole[0], r, hidden, ldg, hasCx)
		default:
			lstmStepGeneric(hy, cy, gates, cx, peephole, batch, hidden, ldg)
			return
		}
	}
}

func lstmStepBackward(dgates, dcx, dh, dcy, gates, cx, cy, peephole []float32, batch, hidden, ldg int) {
	c, hasCx := orElse(cx, cy)
	dc, hasDcy := orElse(dcy, dh)
	for b, r := 0, 0; b < batch; b += r {
		r = maxRows(batch-b, hidden)
		switch isa := asm.Active(); {
		case isa == asm.AVX512 && peephole == nil:
			avx512.LSTMStepBackward(&dgates[b*ldg], &dcx[b*hidden], &dh[b*hidden], &dc[b*hidden],
				&gates[b*ldg], &c[b*hidden], &cy[b*hidden], r, hidden, ldg, hasCx, hasDcy)
		case isa == asm.AVX512:
			avx512.LSTMPeepholeStepBackward(&dgates[b*ldg], &dcx[b*hidden], &dh[b*hidden], &dc[b*hidden],
				&gates[b*ldg], &c[b*hidden], &cy[b*hidden], &peephole[0], r, hidden, ldg, hasCx, hasDcy)
		case isa == asm.AVX2 && peephole == nil:
			avx2.LSTMStepBackward(&dgates[b*ldg], &dcx[b*hidden], &dh[b*hidden], &dc[b*hidden],
				&gates[b*ldg], &c[b*hidden], &cy[b*hidden], r, hidden, ldg, hasCx, hasDcy)
		case isa == asm.AVX2:
			avx2.LSTMPeepholeStepBackward(&dgates[b*ldg], &dcx[b*hidden], &dh[b*hidden], &dc[b*hidden],
				&gates[b*ldg], &c[b*hidden], &cy[b*hidden], &peephole[0], r, hidden, ldg, hasCx, hasDcy)
		default:
			lstmStepBackwardGeneric(dgates, dcx, dh, dcy, gates, cx, cy, peephole, batch, hidden, ldg)
			return
		}
	}
}

func gruStep(hy, gates, hn, hx []float32, batch, hidden, ldg, ldhn int) {
	h, has := orElse(hx, hy)
	for b, r := 0, 0; b < batch; b += r {
		r = maxRows(batch-b, hidden)
		switch isa := asm.Active(); {
		case isa == asm.AVX512:
			avx512.GRUStep(&hy[b*hidden], &gates[b*ldg], &hn[b*ldhn], &h[b*hidden], r, hidden, ldg, ldhn, has)
		case isa == asm.AVX2:
			avx2.GRUStep(&hy[b*hidden], &gates[b*ldg], &hn[b*ldhn], &h[b*hidden], r, hidden, ldg, ldhn, has)
		default:
			gruStepGeneric(hy, gates, hn, hx, batch, hidden, ldg, ldhn)
			return
		}
	}
}

func gruStepBackward(dgates, dhn, dhx, dh, gates, hn, hx []float32, batch, hidden, ldg, ldhn int) {
	h, has := orElse(hx, dh)
	for b, r := 0, 0; b < batch; b += r {
		r = maxRows(batch-b, hidden)
		switch isa := asm.Active(); {
		case isa == asm.AVX512:
			avx512.GRUStepBackward(&dgates[b*ldg], &dhn[b*ldhn], &dhx[b*hidden], &dh[b*hidden],
				&gates[b*ldg], &hn[b*ldhn], &h[b*hidden], r, hidden, ldg, ldhn, has)
		case isa == asm.AVX2:
			avx2.GRUStepBackward(&dgates[b*ldg], &dhn[b*ldhn], &dhx[b*hidden], &dh[b*hidden],
				&gates[b*ldg], &hn[b*ldhn], &h[b*hidden], r, hidden, ldg, ldhn, has)
		default:
			gruStepBackwardGeneric(dgates, dhn, dhx, dh, gates, hn, hx, batch, hidden, ldg, ldhn)
			return
		}
	}
}

func gruBeforeReset(rh, gates, hx []float32, batch, hidden, ldg, ldrh int) {
	h, has := orElse(hx, rh)
	for b, r := 0, 0; b < batch; b += r {
		r = maxRows(batch-b, hidden)
		switch isa := asm.Active(); {
		case isa == asm.AVX512:
			avx512.GRUBeforeReset(&rh[b*ldrh], &gates[b*ldg], &h[b*hidden], r, hidden, ldrh, ldg, has)
		case isa == asm.AVX2:
			avx2.GRUBeforeReset(&rh[b*ldrh], &gates[b*ldg], &h[b*hidden], r, hidden, ldrh, ldg, has)
		default:
			gruBeforeResetGeneric(rh, gates, hx, batch, hidden, ldg, ldrh)
			return
		}
	}
}

func gruBeforeUpdate(hy, gates, hx []float32, batch, hidden, ldg int) {
	h, has := orElse(hx, hy)
	for b, r := 0, 0; b < batch; b += r {
		r = maxRows(batch-b, hidden)
		switch isa := asm.Active(); {
		case isa == asm.AVX512:
			avx512.GRUBeforeUpdate(&hy[b*hidden], &gates[b*ldg], &h[b*hidden], r, hidden, ldg, has)
		case isa == asm.AVX2:
			avx2.GRUBeforeUpdate(&hy[b*hidden], &gates[b*ldg], &h[b*hidden], r, hidden, ldg, has)
		default:
			gruBeforeUpdateGeneric(hy, gates, hx, batch, hidden, ldg)
			return
		}
	}
}

func gruBeforeUpdateBackward(dgates, dhx, dh, gates, hx []float32, batch, hidden, ldg int) {
	h, has := orElse(hx, dh)
	for b, r := 0, 0; b < batch; b += r {
		r = maxRows(batch-b, hidden)
		switch isa := asm.Active(); {
		case isa == asm.AVX512:
			avx512.GRUBeforeUpdateBackward(&dgates[b*ldg], &dhx[b*hidden], &dh[b*hidden], &gates[b*ldg], &h[b*hidden], r, hidden, ldg, has)
		case isa == asm.AVX2:
			avx2.GRUBeforeUpdateBackward(&dgates[b*ldg], &dhx[b*hidden], &dh[b*hidden], &gates[b*ldg], &h[b*hidden], r, hidden, ldg, has)
		default:
			gruBeforeUpdateBackwardGeneric(dgates, dhx, dh, gates, hx, batch, hidden, ldg)
			return
		}
	}
}

func gruBeforeResetBackward(dgates, dhx, drh, gates, hx []float32, batch, hidden, ldg, lddrh int) {
	h, has := orElse(hx, dhx)
	for b, r := 0, 0; b < batch; b += r {
		r = maxRows(batch-b, hidden)
		switch isa := asm.Active(); {
		case isa == asm.AVX512:
			avx512.GRUBeforeResetBackward(&dgates[b*ldg], &dhx[b*hidden], &drh[b*lddrh], &gates[b*ldg], &h[b*hidden], r, hidden, ldg, lddrh, has)
		case isa == asm.AVX2:
			avx2.GRUBeforeResetBackward(&dgates[b*ldg], &dhx[b*hidden], &drh[b*lddrh], &gates[b*ldg], &h[b*hidden], r, hidden, ldg, lddrh, has)
		default:
			gruBeforeResetBackwardGeneric(dgates, dhx, drh, gates, hx, batch, hidden, ldg, lddrh)
			return
		}
	}
}
