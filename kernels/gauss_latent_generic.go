package kernels

import (
	"github.com/elbow-go/elbow/internal/f32"
)

func gaussSampleGeneric(z, mu, s, eps []float32, form ScaleForm, rows, n, ld int) {
	for i := range rows {
		for j := range n {
			z[i*n+j] = f32.FMA(sigma32(form, s[i*ld+j]), eps[i*n+j], mu[i*ld+j])
		}
	}
}

func gaussSampleBackwardGeneric(dmu, ds, dz, s, eps []float32, form ScaleForm, rows, n, ld int) {
	for i := range rows {
		for j := range n {
			at, g := i*ld+j, dz[i*n+j]
			dmu[at] += g
			ds[at] = f32.FMA(float32(g*eps[i*n+j]), dSigma32(form, s[at]), ds[at])
		}
	}
}

func latentStepGeneric(sigmaQ, z, kl, muQ, sQ, muP, sP, eps []float32, form ScaleForm, rows, n, ld int) {
	var k klTerm32
	for i := range rows {
		sum := klSum32{logs: newLogSum32()}
		for j := range n {
			at := i*ld + j
			k.set(form, muQ, sQ, muP, sP, at)
			sum.add(j, &k)
			sigma := sigma32(form, sQ[at]) // known: k.q.v, or k.r if p is standard
			z[i*n+j] = f32.FMA(sigma, eps[i*n+j], muQ[at])
			if sigmaQ != nil {
				sigmaQ[i*n+j] = sigma
			}
		}
		kl[i] = sum.value()
	}
}

func latentStepBackwardGeneric(dmuQ, dsQ, dmuP, dsP, dz, dkl, muQ, sQ, muP, sP, eps []float32, form ScaleForm, rows, n, ld int) {
	var k klTerm32
	for i := range rows {
		for j := range n {
			at, g, e := i*ld+j, dz[i*n+j], eps[i*n+j]
			k.set(form, muQ, sQ, muP, sP, at)
			dmu, dq, dp := k.grad(form, dkl[i])
			if dmuP != nil {
				dmuP[at], dsP[at] = -dmu, dp
			}
			if form.isLog() {
				dq = f32.FMA(float32(g*e), dSigma32(form, sQ[at]), dq)
			} else {
				dq = toArg32(form, sQ[at], f32.FMA(g, e, dq))
			}
			dmuQ[at], dsQ[at] = dmu+g, dq
		}
	}
}

func gaussSample64(z, mu, s, eps []float64, form ScaleForm, rows, n, ld int) {
	for i := range rows {
		for j := range n {
			sigma, _, _ := sigma64(form, s[i*ld+j])
			z[i*n+j] = mu[i*ld+j] + sigma*eps[i*n+j]
		}
	}
}

func gaussSampleBackward64(dmu, ds, dz, s, eps []float64, form ScaleForm, rows, n, ld int) {
	for i := range rows {
		for j := range n {
			at, g := i*ld+j, dz[i*n+j]
			_, _, d := sigma64(form, s[at])
			dmu[at] += g
			ds[at] += g * eps[i*n+j] * d
		}
	}
}

func latentStep64(sigmaQ, z, kl, muQ, sQ, muP, sP, eps []float64, form ScaleForm, rows, n, ld int) {
	gaussKL64(kl, muQ, sQ, muP, sP, form, rows, n, ld)
	for i := range rows {
		for j := range n {
			sigma, _, _ := sigma64(form, sQ[i*ld+j])
			z[i*n+j] = muQ[i*ld+j] + sigma*eps[i*n+j]
			if sigmaQ != nil {
				sigmaQ[i*n+j] = sigma
			}
		}
	}
}

func latentStepBackward64(dmuQ, dsQ, dmuP, dsP, dz, dkl, muQ, sQ, muP, sP, eps []float64, form ScaleForm, rows, n, ld int) {
	for i := range rows {
		for j := range n {
			at, g := i*ld+j, dz[i*n+j]
			dmu, dq, dp, _ := klGrad64(form, dkl[i], muQ, sQ, muP, sP, at)
			_, _, d := sigma64(form, sQ[at])
			if dmuP != nil {
				dmuP[at], dsP[at] = -dmu, dp
			}
			dmuQ[at], dsQ[at] = dmu+g, dq+g*eps[i*n+j]*d
		}
	}
}
