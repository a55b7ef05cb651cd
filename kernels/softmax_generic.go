package kernels

import (
	"math"

	"github.com/elbow-go/elbow/internal/f32"
)

// rowMax returns the largest element of a row, passing over NaN (a comparison with NaN is
// false); NaN reach the sums through exp. The order of the comparisons does not matter, so
// machine code may use any number of lanes: whether a zero maximum is +0 or -0 cannot be
// seen in e^(x-m), nor in m + ln s, where s >= 1.
func rowMax[T Float](x []T) T {
	m := T(math.Inf(-1))
	for _, v := range x {
		if v > m {
			m = v
		}
	}
	return m
}

// finiteOr0 replaces an infinite maximum, so that neither -Inf - -Inf nor Inf - Inf arises.
func finiteOr0[T Float](m T) T {
	if math.IsInf(float64(m), 0) {
		m = 0
	}
	return m
}

// maxLogSum is maxLogSum32 or maxLogSum64.
func maxLogSum[T Float](x []T) (largest, logSum T) {
	if is32[T]() {
		m, l := maxLogSum32(f32s(x))
		return T(m), T(l)
	}
	m, l := maxLogSum64(f64s(x))
	return T(m), T(l)
}

func softmaxGeneric(dst, x []float32, rows, cols int) {
	for i := range rows {
		xi, di := x[i*cols:][:cols], dst[i*cols:][:cols]
		m := rowMax(xi)
		var lanes [16]float32
		for j, v := range xi {
			e := exp32(v - m)
			di[j] = e
			lanes[j%16] += e
		}
		inv := 1 / f32.Fold16(&lanes)
		for j, e := range di {
			di[j] = e * inv
		}
	}
}

func softmaxBackwardGeneric(dx, dy, y []float32, rows, cols int) {
	for i := range rows {
		dxi, dyi, yi := dx[i*cols:][:cols], dy[i*cols:][:cols], y[i*cols:][:cols]
		var lanes [16]float32
		for j, v := range yi {
			lanes[j%16] = f32.FMA(dyi[j], v, lanes[j%16])
		}
		s := f32.Fold16(&lanes)
		for j, v := range yi {
			dxi[j] = v * (dyi[j] - s)
		}
	}
}

// maxLogSum32 returns a log-sum-exp in two parts, whose sum it is: the largest element (0 if
// that is infinite) and ln sum e^(x - largest). The second does not change if the same number is
// added to all elements, as far as the sums are exact.
func maxLogSum32(x []float32) (largest, logSum float32) {
	largest = finiteOr0(rowMax(x))
	var lanes [16]float32
	for j, v := range x {
		lanes[j%16] += exp32(v - largest)
	}
	return largest, log32(f32.Fold16(&lanes))
}

func logSumExpGeneric(dst, x []float32, rows, cols int) {
	for i := range rows {
		m, l := maxLogSum32(x[i*cols:][:cols])
		dst[i] = m + l
	}
}

func softmax64(dst, x []float64, rows, cols int) {
	for i := range rows {
		xi, di := x[i*cols:][:cols], dst[i*cols:][:cols]
		m, s := rowMax(xi), 0.0
		for j, v := range xi {
			di[j] = math.Exp(v - m)
			s += di[j]
		}
		for j := range di {
			di[j] /= s
		}
	}
}

func softmaxBackward64(dx, dy, y []float64, rows, cols int) {
	for i := range rows {
		dxi, dyi, yi := dx[i*cols:][:cols], dy[i*cols:][:cols], y[i*cols:][:cols]
		s := 0.0
		for j, v := range yi {
			s += dyi[j] * v
		}
		for j, v := range yi {
			dxi[j] = v * (dyi[j] - s)
		}
	}
}

// maxLogSum64 is maxLogSum32.
func maxLogSum64(x []float64) (largest, logSum float64) {
	largest = finiteOr0(rowMax(x))
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(v - largest)
	}
	return largest, math.Log(sum)
}

func logSumExp64(dst, x []float64, rows, cols int) {
	for i := range rows {
		m, l := maxLogSum64(x[i*cols:][:cols])
		dst[i] = m + l
	}
}
