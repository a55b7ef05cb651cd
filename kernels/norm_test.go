package kernels

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
)

// oracleLayerNorm returns a normalised row, 1 over its root mean square, and the gradient of the row
// for that of the output.
func oracleLayerNorm(x, weight, dy []float32, eps float64) (xhat []float64, rstd float64, dx []float64) {
	n, mean, variance := float64(len(x)), 0.0, 0.0
	for _, v := range x {
		mean += float64(v) / n
	}
	for _, v := range x {
		variance += (float64(v) - mean) * (float64(v) - mean) / n
	}
	rstd = 1 / math.Sqrt(variance+eps)
	s, p := 0.0, 0.0
	for j, v := range x {
		xhat = append(xhat, (float64(v)-mean)*rstd)
		g := float64(dy[j]) * float64(weight[j])
		s, p = s+g/n, p+g*xhat[j]/n
	}
	for j, v := range dy {
		dx = append(dx, rstd*(float64(v)*float64(weight[j])-s-xhat[j]*p))
	}
	return xhat, rstd, dx
}

func TestLayerNorm(t *testing.T) {
	const eps = 1e-5
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(5, 6))
		for cols := 1; cols <= 300; cols += 1 + cols/70*37 {
			for _, far := range []float64{0, 5} { // mean over standard deviation
				const rows = 3
				ld := cols + 2
				x, w := vecRandn[float32](rng, rows*ld, 2), vecRandn[float32](rng, cols, 1)
				for i := range x {
					x[i] += float32(2 * far)
				}
				y, dy := vecRandn[float32](rng, rows*ld, 1), vecRandn[float32](rng, rows*ld, 1)
				was := append([]float32(nil), y...)
				xhat, dx, rstd := make([]float32, rows*ld), make([]float32, rows*ld), make([]float32, rows)
				n := &Norm[float32]{XHat: xhat, RStd: rstd, Weight: w, Ld: ld}
				LayerNorm(y, x, n, rows, cols, eps)
				LayerNormBackward(dx, dy, n, rows, cols)
				for i := range rows {
					at := i * ld
					want, r, grad := oracleLayerNorm(x[at:][:cols], w, dy[at:][:cols], eps)
					largest, size := 0.0, 0.0
					for j, v := range x[at:][:cols] {
						largest = max(largest, math.Abs(float64(v))*r)
						size = max(size, math.Abs(float64(dy[at+j]*w[j])))
					}
					unit := (4 + float64(cols)/16) * 0x1p-22
					for j := range cols {
						bound := unit * (1 + math.Abs(want[j]) + largest)
						if got := float64(xhat[at+j]); math.Abs(got-want[j]) > bound {
							t.Fatalf("cols=%d xhat[%d] = %v, want %v, bound %v", cols, j, got, want[j], bound)
						}
						exact := float64(was[at+j]) + float64(w[j])*float64(xhat[at+j])
						if got := float64(y[at+j]); math.Abs(got-exact) > 0x1p-24*math.Abs(exact)+0x1p-140 {
							t.Fatalf("cols=%d y[%d] = %v, want %v", cols, j, got, exact)
						}
						bound = unit * r * size * (2 + math.Abs(want[j])) * (2 + largest)
						if got := float64(dx[at+j]); math.Abs(got-grad[j]) > bound {
							t.Fatalf("cols=%d dx[%d] = %v, want %v, bound %v", cols, j, got, grad[j], bound)
						}
					}
				}
			}
		}
	})
}

func TestLayerNormFiniteDifferences(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 7))
	const rows, cols, h = 2, 7, 1e-6
	x, dy, w := vecRandn[float64](rng, rows*cols, 2), vecRandn[float64](rng, rows*cols, 1), vecRandn[float64](rng, cols, 1)
	xhat, rstd, dx := make([]float64, rows*cols), make([]float64, rows), make([]float64, rows*cols)
	n := &Norm[float64]{XHat: xhat, RStd: rstd, Weight: w, Ld: cols}
	loss := func() (s float64) {
		y := make([]float64, rows*cols)
		LayerNorm(y, x, n, rows, cols, 0.1)
		for k, v := range y {
			s += v * dy[k]
		}
		return s
	}
	loss()
	LayerNormBackward(dx, dy, n, rows, cols)
	dw := make([]float64, cols)
	AddColumnProducts(dw, dy, xhat, rows, cols, cols, cols)
	check := func(what string, v, d []float64) {
		for k := range v {
			old := v[k]
			v[k] = old + h
			up := loss()
			v[k] = old - h
			down := loss()
			v[k] = old
			if want := (up - down) / (2 * h); math.Abs(want-d[k]) > 1e-8 {
				t.Errorf("d%s[%d] = %v, finite difference %v", what, k, d[k], want)
			}
		}
	}
	check("x", x, dx)
	check("weight", w, dw)
}

// TestLayerNormOverflow: a row whose sum overflows is NaN, one of which only the squares do is 0.
func TestLayerNormOverflow(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		x, y, rstd, weight := []float32{3e38, 3e38, 1e30, -1e30}, make([]float32, 4), make([]float32, 2), []float32{1, 1}
		LayerNorm(y, x, &Norm[float32]{XHat: x, RStd: rstd, Weight: weight, Ld: 2}, 2, 2, 1e-5)
		if x[0] == x[0] || y[1] == y[1] || x[2] != 0 || y[3] != 0 || rstd[1] != 0 {
			t.Errorf("xhat = %v, y = %v, rstd = %v, want NaN in the first row and 0 in the second", x, y, rstd)
		}
	})
}
