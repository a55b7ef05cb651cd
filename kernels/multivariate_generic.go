package kernels

import (
	"math"

	"github.com/elbow-go/elbow/internal/f32"
)

// multiResidual32 returns r_i of a row: one chain, over j in ascending order.
func multiResidual32(x, row []float32, n, i int, diagonal bool) float32 {
	r := x[i] - row[i]
	if diagonal {
		return r
	}
	for j := range i {
		r = f32.FMA(-row[multiOffset(n, j)+i-j-1], x[j]-row[j], r)
	}
	return r
}

// multiScale32 returns tanh(a/8), s and e^-s.
func multiScale32(a float32) (t, s, e float32) {
	t = tanh32(float32(a * (1 / f32.LogScaleBound)))
	s = float32(t * f32.LogScaleBound)
	return t, s, exp32(-s)
}

// multiScale64 is multiScale32 of a float64.
func multiScale64(a float64) (t, s, e float64) {
	t = math.Tanh(a / f32.LogScaleBound)
	s = f32.LogScaleBound * t
	return t, s, math.Exp(-s)
}

func multivariateGeneric(a *multiArgs) {
	for i := range a.rows {
		x, row := a.x[i*a.cols:][:a.cols], a.theta[i*a.ld:]
		var drow []float32
		if a.dlp != nil {
			drow = a.dtheta[i*a.ld:]
		}
		q, s := multiSums32(x, row, drow, a.diagonal)
		lp, log1p, c := a.value(q, s)
		if a.lp != nil {
			a.lp[i] = lp
		}
		if a.dlp == nil {
			continue
		}
		w := a.dlp[i]
		a.slopeOfNu(i, w, log1p, c)
		multiGrad32(drow, x, row, w, float32(w*c), a.diagonal)
	}
}

// value returns the log-density at q with the sum of the logarithms of scales, ln(1+q/nu), and (nu+D)/(nu+q).
func (a *multiArgs) value(q, logs float32) (lp, log1p, c float32) {
	lp, c = a.base-logs, 1
	if a.inv == 0 {
		return f32.FMA(-0.5, q, lp), 0, c
	}
	y := float32(q * a.inv)
	u := y + 1
	if log1p = log32(u); y <= 1 {
		log1p = log1pUnit32(y)
	}
	return f32.FMA(-a.half, log1p, lp), log1p, a.ratio / u
}

// slopeOfNu writes the gradient of the degrees of freedom of row i.
func (a *multiArgs) slopeOfNu(i int, w, log1p, c float32) {
	if a.dnu == nil {
		return
	}
	if a.dnu[i] = 0; a.inv != 0 {
		a.dnu[i] = w * float32(0.5*((a.slope-log1p)-c))
	}
}

// multiSums32 returns q and the sum of s of a row. If there is room for gradients it leaves e^-s in the
// place of those of mu and z in that of a.
func multiSums32(x, row, drow []float32, diagonal bool) (q, s float32) {
	n := len(x)
	var qs, ss [16]float32
	for i := range n {
		_, si, e := multiScale32(row[n+i])
		z := clamp32(float32(multiResidual32(x, row, n, i, diagonal)*e), f32.MaxMultiScore)
		qs[i%16] = f32.FMA(z, z, qs[i%16])
		ss[i%16] += si
		if drow != nil {
			drow[i], drow[n+i] = e, z
		}
	}
	return f32.Fold16(&qs), f32.Fold16(&ss)
}

// multiGrad32 makes the gradients of a row of what multiSums32 has left; wc is w c.
func multiGrad32(drow, x, row []float32, w, wc float32, diagonal bool) {
	n := len(x)
	for i := range n {
		e, z := drow[i], drow[n+i]
		t, _, _ := multiScale32(row[n+i])
		v := float32(wc * z)
		drow[i] = float32(v * e)
		drow[n+i] = float32(f32.FMA(v, z, -w) * f32.FMA(-t, t, 1))
	}
	if diagonal {
		return
	}
	for j := range n - 1 {
		at, d := multiOffset(n, j), x[j]-row[j]
		var sum [16]float32
		for k := range n - 1 - j {
			g := drow[j+1+k]
			drow[at+k] = float32(g * d)
			sum[k%16] = f32.FMA(row[at+k], g, sum[k%16])
		}
		drow[j] -= f32.Fold16(&sum)
	}
}

func multiSampleGeneric(x, theta, eps []float32, diagonal bool, rows, n, ld int) {
	for i := range rows {
		xi, row := x[i*n:][:n], theta[i*ld:]
		for j := range n {
			_, s, _ := multiScale32(row[n+j])
			xi[j] = float32(exp32(s) * eps[i*n+j])
		}
		for j := range n {
			if !diagonal {
				for k := j + 1; k < n; k++ {
					xi[k] = f32.FMA(row[multiOffset(n, j)+k-j-1], xi[j], xi[k])
				}
			}
		}
		for j := range n {
			xi[j] += row[j]
		}
	}
}

// multivariate64 writes lp or the gradients or both; what is nil is left out.
func multivariate64(lp, dtheta, dnu, dlp, x, theta []float64, k *multiConsts, diagonal bool, rows, n, ld int) {
	for i := range rows {
		xi, row := x[i*n:][:n], theta[i*ld:]
		term := func(i int) (t, s, e, z float64) {
			z = xi[i] - row[i]
			if !diagonal {
				for j := range i {
					z -= row[multiOffset(n, j)+i-j-1] * (xi[j] - row[j])
				}
			}
			t, s, e = multiScale64(row[n+i])
			return t, s, e, z * e
		}
		q, sum := 0.0, 0.0
		for i := range n {
			_, s, _, z := term(i)
			q, sum = q+z*z, sum+s
		}
		v, c, log1p := k.base-sum-q/2, 1.0, 0.0
		if k.inv != 0 {
			log1p = math.Log1p(q * k.inv)
			v, c = k.base-sum-k.half*log1p, k.ratio/(1+q*k.inv)
		}
		if lp != nil {
			lp[i] = v
		}
		if dlp == nil {
			continue
		}
		w, drow := dlp[i], dtheta[i*ld:]
		if dnu != nil {
			dnu[i] = k.slopeOfNu(w, log1p, c)
		}
		for i := range n {
			t, _, e, z := term(i)
			drow[i], drow[n+i] = w*c*z*e, w*(c*z*z-1)*(1-t*t)
		}
		for j := 0; !diagonal && j < n; j++ {
			at, d := multiOffset(n, j), xi[j]-row[j]
			for k := j + 1; k < n; k++ {
				drow[at+k-j-1] = drow[k] * d
				drow[j] -= row[at+k-j-1] * drow[k]
			}
		}
	}
}

func multiSample64(x, theta, eps []float64, diagonal bool, rows, n, ld int) {
	for i := range rows {
		xi, row := x[i*n:][:n], theta[i*ld:]
		for k := range n {
			xi[k] = math.Exp(f32.LogScaleBound*math.Tanh(row[n+k]/f32.LogScaleBound)) * eps[i*n+k]
			for j := 0; !diagonal && j < k; j++ {
				xi[k] += row[multiOffset(n, j)+k-j-1] * xi[j]
			}
		}
		for j := range n {
			xi[j] += row[j]
		}
	}
}
