//go:build !purego

package kernels

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/avx2"
	"github.com/elbow-go/elbow/asm/avx512"
	"github.com/elbow-go/elbow/internal/f32"
)

// logisticMixture32 is what logisticMixtureGeneric is. The machine code takes mixtures: rows
// with one dimension, or the dimensions of one row, whose values are summed here.
func logisticMixture32(lp, dlogits, dmu, ds, dlp, x, logits, mu, s []float32, form ScaleForm, levels, rows, k, d, ld int) {
	isa := asm.Active()
	if isa != asm.AVX512 && isa != asm.AVX2 || k == 0 || d == 0 {
		logisticMixtureGeneric(lp, dlogits, dmu, ds, dlp, x, logits, mu, s, form, levels, rows, k, d, ld)
		return
	}
	var v [distRows]float32
	if d == 1 {
		for i, r := 0, 0; i < rows; i += r {
			r = biRows(rows-i, k)
			if dlogits != nil {
				copy(v[:r], dlp[i:])
			}
			at := i * ld
			logisticMixtures(isa, &v, from(dlogits, at), from(dmu, at), from(ds, at), x[i:], logits[at:], mu[at:], s[at:], form, levels, r, k, ld)
			if lp != nil {
				copy(lp[i:], v[:r])
			}
		}
		return
	}
	for i := range rows {
		var lanes [16]float32
		for j, r := 0, 0; j < d; j += r {
			r = biRows(d-j, k)
			for m := range r {
				if dlogits != nil {
					v[m] = dlp[i]
				}
			}
			at := i*ld + j*k
			logisticMixtures(isa, &v, from(dlogits, at), from(dmu, at), from(ds, at), x[i*d+j:], logits[at:], mu[at:], s[at:], form, levels, r, k, k)
			for m := range r {
				lanes[(j+m)%16] += v[m]
			}
		}
		if lp != nil {
			lp[i] = f32.Fold16(&lanes)
		}
	}
}

// logisticMixtures calls the machine code for n mixtures. v holds the weights, if there are
// gradients, and gets the values.
func logisticMixtures(isa asm.ISA, v *[distRows]float32, dlogits, dmu, ds, x, logits, mu, s []float32, form ScaleForm, levels, n, k, ld int) {
	g := newLogisticGrid(levels)
	if dlogits == nil {
		switch {
		case isa == asm.AVX512 && form == Sigma:
			avx512.LogisticSigma(&v[0], &x[0], &logits[0], &mu[0], &s[0], n, k, ld, g.levels1, g.step, g.last, g.unit)
		case isa == asm.AVX512 && form == SoftplusSigma:
			avx512.LogisticSoftplus(&v[0], &x[0], &logits[0], &mu[0], &s[0], n, k, ld, g.levels1, g.step, g.last, g.unit)
		case isa == asm.AVX512:
			avx512.LogisticLog(&v[0], &x[0], &logits[0], &mu[0], &s[0], n, k, ld, g.levels1, g.step, g.last, g.unit, form.factor())
		case form == Sigma:
			avx2.LogisticSigma(&v[0], &x[0], &logits[0], &mu[0], &s[0], n, k, ld, g.levels1, g.step, g.last, g.unit)
		case form == SoftplusSigma:
			avx2.LogisticSoftplus(&v[0], &x[0], &logits[0], &mu[0], &s[0], n, k, ld, g.levels1, g.step, g.last, g.unit)
		default:
			avx2.LogisticLog(&v[0], &x[0], &logits[0], &mu[0], &s[0], n, k, ld, g.levels1, g.step, g.last, g.unit, form.factor())
		}
		return
	}
	switch {
	case isa == asm.AVX512 && form == Sigma:
		avx512.LogisticSigmaBackward(&v[0], &dlogits[0], &dmu[0], &ds[0], &x[0], &logits[0], &mu[0], &s[0], n, k, ld, g.levels1, g.step, g.last, g.unit)
	case isa == asm.AVX512 && form == SoftplusSigma:
		avx512.LogisticSoftplusBackward(&v[0], &dlogits[0], &dmu[0], &ds[0], &x[0], &logits[0], &mu[0], &s[0], n, k, ld, g.levels1, g.step, g.last, g.unit)
	case isa == asm.AVX512:
		avx512.LogisticLogBackward(&v[0], &dlogits[0], &dmu[0], &ds[0], &x[0], &logits[0], &mu[0], &s[0], n, k, ld, g.levels1, g.step, g.last, g.unit, form.factor())
	case form == Sigma:
		avx2.LogisticSigmaBackward(&v[0], &dlogits[0], &dmu[0], &ds[0], &x[0], &logits[0], &mu[0], &s[0], n, k, ld, g.levels1, g.step, g.last, g.unit)
	case form == SoftplusSigma:
		avx2.LogisticSoftplusBackward(&v[0], &dlogits[0], &dmu[0], &ds[0], &x[0], &logits[0], &mu[0], &s[0], n, k, ld, g.levels1, g.step, g.last, g.unit)
	default:
		avx2.LogisticLogBackward(&v[0], &dlogits[0], &dmu[0], &ds[0], &x[0], &logits[0], &mu[0], &s[0], n, k, ld, g.levels1, g.step, g.last, g.unit, form.factor())
	}
}
