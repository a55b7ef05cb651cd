package kernels

import (
	"math"

	"github.com/elbow-go/elbow/internal/f32"
)

func layerNormGeneric(y, xhat, rstd, x, weight []float32, rows, cols, ld int, eps float32) {
	for i := range rows {
		x, xhat, y := x[i*ld:][:cols], xhat[i*ld:][:cols], y[i*ld:][:cols]
		var lanes [16]float32
		for j, v := range x {
			lanes[j%16] += v
		}
		mean := f32.Fold16(&lanes) / float32(cols)
		lanes = [16]float32{}
		for j, v := range x {
			d := v - mean
			lanes[j%16] = f32.FMA(d, d, lanes[j%16])
		}
		variance := f32.Fold16(&lanes) / float32(cols)
		r := 1 / float32(math.Sqrt(float64(variance+eps)))
		for j, v := range x {
			xhat[j] = (v - mean) * r
			y[j] = f32.FMA(xhat[j], weight[j], y[j])
		}
		rstd[i] = r
	}
}

func layerNormBackwardGeneric(dx, dy, xhat, rstd, weight []float32, rows, cols, ld int) {
	for i := range rows {
		xhat, dy, dx := xhat[i*ld:][:cols], dy[i*ld:][:cols], dx[i*ld:][:cols]
		var sums, products [16]float32
		for j, v := range dy {
			g := float32(v * weight[j])
			sums[j%16] += g
			products[j%16] = f32.FMA(g, xhat[j], products[j%16])
		}
		s, p := f32.Fold16(&sums)/float32(cols), f32.Fold16(&products)/float32(cols)
		for j, v := range dy {
			g := float32(v*weight[j]) - s
			dx[j] = f32.FMA(-xhat[j], p, g) * rstd[i]
		}
	}
}

func layerNorm64(y, xhat, rstd, x, weight []float64, rows, cols, ld int, eps float64) {
	for i := range rows {
		x, xhat, y := x[i*ld:][:cols], xhat[i*ld:][:cols], y[i*ld:][:cols]
		mean, variance := 0.0, 0.0
		for _, v := range x {
			mean += v
		}
		mean /= float64(cols)
		for _, v := range x {
			variance += float64((v - mean) * (v - mean))
		}
		r := 1 / math.Sqrt(variance/float64(cols)+eps)
		for j, v := range x {
			xhat[j] = (v - mean) * r
			y[j] += float64(xhat[j] * weight[j])
		}
		rstd[i] = r
	}
}

func layerNormBackward64(dx, dy, xhat, rstd, weight []float64, rows, cols, ld int) {
	for i := range rows {
		xhat, dy, dx := xhat[i*ld:][:cols], dy[i*ld:][:cols], dx[i*ld:][:cols]
		s, p := 0.0, 0.0
		for j, v := range dy {
			g := float64(v * weight[j])
			s += g
			p += float64(g * xhat[j])
		}
		s, p = s/float64(cols), p/float64(cols)
		for j, v := range dy {
			g := float64(v*weight[j]) - s
			dx[j] = (g - float64(xhat[j]*p)) * rstd[i]
		}
	}
}
