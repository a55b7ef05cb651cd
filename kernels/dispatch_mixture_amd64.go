//go:build !purego

package kernels

import "github.com/elbow-go/elbow/asm"

// The mixture takes the densities of its components from the machine code, a component a
// call; what is left is a few exponentials per component.

func gmmInGo(d int) bool {
	isa := asm.Active()
	return isa != asm.AVX512 && isa != asm.AVX2 || d == 0
}

// gmmPrior is lseRow32.
func gmmPrior(logits []float32) float32 {
	var l [1]float32
	logSumExp(l[:], logits, 1, len(logits))
	return l[0]
}

func gmmLogProb32(lp, x, logits, mu, s []float32, form ScaleForm, rows, k, d, ldl, ld int) {
	if gmmInGo(d) {
		gmmLogProbGeneric(lp, x, logits, mu, s, form, rows, k, d, ldl, ld)
		return
	}
	var v [1]float32
	for i := range rows {
		xi, li := rowAt(x, i, d, d), rowAt(logits, i, k, ldl)
		joint := newLSELanes32()
		for c, l := range li {
			at := i*ld + c*d
			gaussLogProb32(v[:], xi, mu[at:], s[at:], form, 1, d, d)
			joint.add(c, l+v[0])
		}
		lp[i] = joint.value() - gmmPrior(li)
	}
}

// gmmLogProbBackward32: see gmmLogProbBackwardGeneric.
func gmmLogProbBackward32(lp, dx, dlogits, dmu, ds, dlp, x, logits, mu, s []float32, form ScaleForm, rows, k, d, ldl, ld int) {
	if gmmInGo(d) {
		gmmLogProbBackwardGeneric(lp, dx, dlogits, dmu, ds, dlp, x, logits, mu, s, form, rows, k, d, ldl, ld)
		return
	}
	var v [1]float32
	one := [1]float32{1}
	for i := range rows {
		xi, li, dli := rowAt(x, i, d, d), rowAt(logits, i, k, ldl), rowAt(dlogits, i, k, ldl)
		joint := newLSELanes32()
		for c, l := range li {
			at := i*ld + c*d
			gaussLogProbBackward32(v[:], nil, dmu[at:], ds[at:], one[:], xi, mu[at:], s[at:], form, 1, d, d)
			dli[c] = l + v[0]
			joint.add(c, dli[c])
		}
		all, prior := joint.value(), gmmPrior(li)
		if lp != nil {
			lp[i] = all - prior
		}
		dxi := rowAt(dx, i, d, d)
		clear(dxi)
		for c, l := range li {
			p := exp32(dli[c] - finiteOr0(all))
			dli[c] = dlp[i] * (p - exp32(l-prior))
			wp := float32(dlp[i] * p)
			at := i*ld + c*d
			for _, g := range [2][]float32{dmu[at:][:d], ds[at:][:d]} {
				if wp == 0 {
					clear(g)
				} else {
					scal(g, g, wp)
				}
			}
			if dxi != nil {
				axpy(dxi, dmu[at:][:d], -1)
			}
		}
	}
}
