package kernels

import (
	"math"

	"github.com/elbow-go/elbow/internal/f32"
)

// categoricalLogProbGeneric writes lp or the gradient dlogits or both; what is nil is left out.
// The exponentials wait in dlogits for their sum.
func categoricalLogProbGeneric(lp, dlogits, dlp []float32, target []int32, logits []float32, rows, k int) {
	for i := range rows {
		li, di, y := rowAt(logits, i, k, k), rowAt(dlogits, i, k, k), target[i]
		m := rowMax(li)
		ly := li[y] - m
		var lanes [16]float32
		for c, l := range li {
			e := exp32(l - m)
			if di != nil {
				di[c] = e
			}
			lanes[c%16] += e
		}
		sum := f32.Fold16(&lanes)
		if lp != nil {
			lp[i] = ly - log32(sum)
		}
		inv := 1 / sum
		for c, e := range di {
			t := float32(0)
			if c == int(y) {
				t = 1
			}
			di[c] = dlp[i] * (t - float32(e*inv))
		}
	}
}

func categoricalLogProb64(lp, dlogits, dlp []float64, target []int32, logits []float64, rows, k int) {
	for i := range rows {
		li, di, y := rowAt(logits, i, k, k), rowAt(dlogits, i, k, k), target[i]
		m, sum := rowMax(li), 0.0
		ly := li[y] - m
		for c, l := range li {
			e := math.Exp(l - m)
			if di != nil {
				di[c] = e
			}
			sum += e
		}
		if lp != nil {
			lp[i] = ly - math.Log(sum)
		}
		for c := range di {
			di[c] *= -dlp[i] / sum
		}
		if di != nil {
			di[y] += dlp[i]
		}
	}
}
