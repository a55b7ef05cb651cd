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

func latentStepGeneric(a *latentArgs[float32], i, end int) {
	var k klTerm32
	for ; i < end; i++ {
		sum := klSum32{logs: newLogSum32()}
		for j := range a.n {
			at, to := i*a.ld+j, i*a.n+j
			k.set(&a.gaussArgs, at)
			sum.add(j, &k)
			sigma := sigma32(a.form, a.sQ[at]) // known: k.q.v, or k.r if p is standard
			a.z[to] = f32.FMA(sigma, a.eps[to], a.muQ[at])
			if a.sigma != nil {
				a.sigma[to] = sigma
			}
		}
		a.v[i] = sum.value()
	}
}

func latentStepBackwardGeneric(a *latentArgs[float32], i, end int) {
	var k klTerm32
	for ; i < end; i++ {
		for j := range a.n {
			at, to := i*a.ld+j, i*a.n+j
			g, e := a.dz[to], a.eps[to]
			k.set(&a.gaussArgs, at)
			dmu, dq, dp := k.grad(a.form, a.w[i])
			if a.dmuP != nil {
				a.dmuP[at], a.dsP[at] = -dmu, dp
			}
			if a.form.isLog() {
				dq = f32.FMA(float32(g*e), dSigma32(a.form, k.sQ), dq)
			} else {
				dq = toArg32(a.form, k.sQ, f32.FMA(g, e, dq))
			}
			a.dmuQ[at], a.dsQ[at] = dmu+g, dq
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

func latentStep64(a *latentArgs[float64]) {
	gaussKL64(&a.gaussArgs)
	for i := range a.rows {
		for j := range a.n {
			at, to := i*a.ld+j, i*a.n+j
			sigma, _, _ := sigma64(a.form, a.sQ[at])
			a.z[to] = a.muQ[at] + sigma*a.eps[to]
			if a.sigma != nil {
				a.sigma[to] = sigma
			}
		}
	}
}

func latentStepBackward64(a *latentArgs[float64]) {
	for i := range a.rows {
		for j := range a.n {
			at, to := i*a.ld+j, i*a.n+j
			g := a.dz[to]
			dmu, dq, dp, _ := klGrad64(&a.gaussArgs, at, a.w[i])
			_, _, d := sigma64(a.form, a.sQ[at])
			if a.dmuP != nil {
				a.dmuP[at], a.dsP[at] = -dmu, dp
			}
			a.dmuQ[at], a.dsQ[at] = dmu+g, dq+g*a.eps[to]*d
		}
	}
}
