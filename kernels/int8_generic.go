package kernels

import (
	"math"

	"github.com/elbow-go/elbow/internal/f32"
)

func quantizeInt8Generic(q []int8, scale, x []float32, rows, cols, ldq, ldx int, magic float32) {
	for i := range rows {
		xi := x[i*ldx:][:cols]
		var largest uint32 // as an integer, so that a NaN is the largest
		for _, v := range xi {
			largest = max(largest, math.Float32bits(v)&(1<<31-1))
		}
		m := math.Float32frombits(largest)
		inv, s, finite := 127/m, m/127, m < float32(math.Inf(1))
		switch {
		case !finite:
			inv, s = 0, float32(math.NaN())
		case m < f32.Int8Least:
			inv, s = 0, 0
		}
		scale[i] = s
		for k, v := range xi {
			if !finite {
				v = 0
			}
			q[i*ldq+k] = int8(math.Float32bits(f32.FMA(v, inv, magic)))
		}
	}
}

func gemmInt8Generic(c []float32, x *int8Rows, w *Int8Weights, ldc int) {
	ld := x.stride()
	for i := range x.rows {
		xi, s := x.q[i*ld:][:ld], x.scale[i]
		for j := range w.out {
			panel := w.w[j/int8Panel*int8Panel*ld:]
			t := int32(0)
			for k, q := range xi {
				t += int32(q) * int32(panel[(k/4*int8Panel+j%int8Panel)*4+k%4])
			}
			cij := &c[i*ldc+j]
			*cij = f32.FMA(float32(float32(t)*w.scale[j]), s, *cij)
		}
	}
}
