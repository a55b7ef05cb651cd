package kernels

import "math"

// The float64 forms: the equations as they are, with package math.

const halfLog2Pi64 = 0.91893853320467274178 // ln(2 pi)/2

// sigma64 returns the standard deviation that s stands for, its logarithm and its derivative.
func sigma64(form ScaleForm, s float64) (sigma, log, d float64) {
	switch {
	case form == LogSigma:
		sigma = math.Exp(s)
		return sigma, s, sigma
	case form == LogVar:
		sigma = math.Exp(0.5 * s)
		return sigma, 0.5 * s, 0.5 * sigma
	case form.isSoftplus():
		e := math.Exp(-math.Abs(s))
		d = 1 / (1 + e)
		if s < 0 {
			d = e / (1 + e)
		}
		sigma = max(s, 0) + math.Log1p(e) + form.Floor()
		return sigma, math.Log(sigma), d
	}
	return s, math.Log(s), 1
}

func gaussKL64(a *gaussArgs[float64]) {
	for i := range a.rows {
		sum := 0.0
		for j := range a.n {
			at := i*a.ld + j
			if a.w == nil {
				_, _, _, _, _, _, v := klTerm64(a, at)
				sum += v
				continue
			}
			dmu, dq, dp, v := klGrad64(a, at, a.w[i])
			sum += v
			if a.dmuP != nil {
				a.dmuP[at], a.dsP[at] = -dmu, dp
			}
			a.dmuQ[at], a.dsQ[at] = dmu, dq
		}
		if a.v != nil {
			a.v[i] = max(sum, 0)
		}
	}
}

// klTerm64 returns the two sigmas and their derivatives, r, t and the value of the term at index at;
// p is the standard Gaussian if muP and sP are nil.
func klTerm64(a *gaussArgs[float64], at int) (q, dq, p, dp, r, t, v float64) {
	q, lq, dq := sigma64(a.form, a.sQ[at])
	mu, p, lp := 0.0, 1.0, 0.0
	if a.muP != nil || a.sP != nil {
		mu = a.muP[at]
		p, lp, dp = sigma64(a.form, a.sP[at])
	}
	r, t = q/p, (a.muQ[at]-mu)/p
	return q, dq, p, dp, r, t, 0.5*(r*r-1+t*t) - (lq - lp)
}

// klGrad64 returns the gradients of w times the term at index at, and the term.
func klGrad64(a *gaussArgs[float64], at int, w float64) (dmu, dsQ, dsP, v float64) {
	q, dq, p, dp, r, t, v := klTerm64(a, at)
	return w * t / p, w * (r/p - 1/q) * dq, w * (1 - r*r - t*t) / p * dp, v
}

func gaussLogProb64(a *gaussArgs[float64]) {
	for i := range a.rows {
		v := gaussLogProbRow64(rowAt(a.dx, i, a.n, a.n), rowAt(a.dmuQ, i, a.n, a.ld), rowAt(a.dsQ, i, a.n, a.ld), orZero(a.w, i),
			rowAt(a.x, i, a.n, a.ldx), rowAt(a.muQ, i, a.n, a.ld), rowAt(a.sQ, i, a.n, a.ld), a.form)
		if a.v != nil {
			a.v[i] = v
		}
	}
}

func gaussLogProbRow64(dx, dmu, ds []float64, w float64, x, mu, s []float64, form ScaleForm) (lp float64) {
	for j, xj := range x {
		sigma, l, d := sigma64(form, s[j])
		t := (xj - mu[j]) / sigma
		lp -= 0.5*t*t + l + halfLog2Pi64
		if dmu != nil {
			dmu[j], ds[j] = w*t/sigma, w*(t*t-1)/sigma*d
		}
		if dx != nil {
			dx[j] = -w * t / sigma
		}
	}
	return lp
}
