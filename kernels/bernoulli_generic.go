package kernels

import (
	"math"

	"github.com/elbow-go/elbow/internal/f32"
)

// bernoulliLogProbGeneric writes lp or the gradient dlogits or both; what is nil is left out.
// With e = e^-|l| the factors 1 + e lie in [1, 2] and go into the product as they are.
func bernoulliLogProbGeneric(lp, dlogits, dlp, x, logits []float32, rows, d int) {
	for i := range rows {
		var lanes [16]float32
		logs := newLogSum32()
		for j := range d {
			l, c := logits[i*d+j], x[i*d+j]
			e := exp32(-abs32(l))
			q := e / (1 + e) // sigmoid(-|l|)
			if l > 0 {
				c -= 1
			} else {
				q = -q
			}
			if dlogits != nil {
				dlogits[i*d+j] = dlp[i] * (c + q)
			}
			if c == 0 {
				l = 0 // so that certainty costs nothing: no 0*Inf
			}
			lanes[j%16] = f32.FMA(c, l, lanes[j%16])
			logs.mul(j, 1+e, 0)
		}
		if lp != nil {
			lp[i] = f32.Fold16(&lanes) - logs.value()
		}
	}
}

func bernoulliLogProb64(lp, dlogits, dlp, x, logits []float64, rows, d int) {
	for i := range rows {
		sum := 0.0
		for j := range d {
			l, c := logits[i*d+j], x[i*d+j]
			e := math.Exp(-math.Abs(l))
			q := e / (1 + e)
			if l > 0 {
				c -= 1
			} else {
				q = -q
			}
			if dlogits != nil {
				dlogits[i*d+j] = dlp[i] * (c + q)
			}
			if c != 0 {
				sum += c * l
			}
			sum -= math.Log1p(e)
		}
		if lp != nil {
			lp[i] = sum
		}
	}
}
