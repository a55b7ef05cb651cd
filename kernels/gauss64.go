package kernels

import "math"

// The float64 forms: the equations as they are, with package math.

const halfLog2Pi64 = 0.91893853320467274178 // ln(2 pi)/2

// sigma64 returns the standard deviation that s stands for, its logarithm and its derivative.
func sigma64(form ScaleForm, s float64) (sigma, log, d float64) {
	switch form {
	case LogSigma:
		sigma = math.Exp(s)
		return sigma, s, sigma
	case LogVar:
		sigma = math.Exp(0.5 * s)
		return sigma, 0.5 * s, 0.5 * sigma
	case SoftplusSigma:
		e := math.Exp(-math.Abs(s))
		d = 1 / (1 + e)
		if s < 0 {
			d = e / (1 + e)
		}
		sigma = max(s, 0) + math.Log1p(e) + ScaleEps
		return sigma, math.Log(sigma), d
	}
	return s, math.Log(s), 1
}

// prior64 returns p at index at: the standard Gaussian if muP and sP are nil.
func prior64(form ScaleForm, muP, sP []float64, at int) (mu, sigma, log, d float64) {
	if muP == nil && sP == nil {
		return 0, 1, 0, 0
	}
	sigma, log, d = sigma64(form, sP[at])
	return muP[at], sigma, log, d
}

func gaussKL64(kl, muQ, sQ, muP, sP []float64, form ScaleForm, rows, z, ld int) {
	for i := range rows {
		sum := 0.0
		for j := range z {
			at := i*ld + j
			q, lq, _ := sigma64(form, sQ[at])
			mu, p, lp, _ := prior64(form, muP, sP, at)
			r, t := q/p, (muQ[at]-mu)/p
			sum += 0.5*(r*r-1+t*t) - (lq - lp)
		}
		kl[i] = max(sum, 0)
	}
}

func gaussKLBackward64(kl, dmuQ, dsQ, dmuP, dsP, dkl, muQ, sQ, muP, sP []float64, form ScaleForm, rows, z, ld int) {
	for i := range rows {
		sum := 0.0
		for j := range z {
			at := i*ld + j
			dmu, dq, dp, v := klGrad64(form, dkl[i], muQ, sQ, muP, sP, at)
			if dmuP != nil {
				dmuP[at], dsP[at] = -dmu, dp
			}
			dmuQ[at], dsQ[at] = dmu, dq
			sum += v
		}
		if kl != nil {
			kl[i] = max(sum, 0)
		}
	}
}

// klGrad64 returns the gradients of w times the term at index at, and the term.
func klGrad64(form ScaleForm, w float64, muQ, sQ, muP, sP []float64, at int) (dmu, dsQ, dsP, v float64) {
	q, lq, dq := sigma64(form, sQ[at])
	mu, p, lp, dp := prior64(form, muP, sP, at)
	r, t := q/p, (muQ[at]-mu)/p
	return w * t / p, w * (r/p - 1/q) * dq, w * (1 - r*r - t*t) / p * dp, 0.5*(r*r-1+t*t) - (lq - lp)
}

func gaussLogProb64(lp, x, mu, s []float64, form ScaleForm, rows, d, ld int) {
	for i := range rows {
		lp[i] = gaussLogProbRow64(nil, nil, nil, 0, rowAt(x, i, d, d), rowAt(mu, i, d, ld), rowAt(s, i, d, ld), form)
	}
}

func gaussLogProbBackward64(lp, dx, dmu, ds, dlp, x, mu, s []float64, form ScaleForm, rows, d, ld int) {
	for i := range rows {
		v := gaussLogProbRow64(rowAt(dx, i, d, d), rowAt(dmu, i, d, ld), rowAt(ds, i, d, ld), dlp[i],
			rowAt(x, i, d, d), rowAt(mu, i, d, ld), rowAt(s, i, d, ld), form)
		if lp != nil {
			lp[i] = v
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
