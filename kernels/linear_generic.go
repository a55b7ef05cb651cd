package kernels

import "github.com/elbow-go/elbow/internal/f32"

// addColumnSums only adds, so one text serves both types.
func addColumnSums[T Float](dst, x []T, rows, cols, ldx int) {
	for i := range rowsOf(rows, cols) {
		for j, v := range x[i*ldx:][:cols] {
			dst[j] += v
		}
	}
}

func addColumnProductsGeneric(dst, a, b []float32, rows, cols, lda, ldb int) {
	for i := range rowsOf(rows, cols) {
		bi := b[i*ldb:][:cols]
		for j, v := range a[i*lda:][:cols] {
			dst[j] = f32.FMA(v, bi[j], dst[j])
		}
	}
}

func addColumnProducts64(dst, a, b []float64, rows, cols, lda, ldb int) {
	for i := range rowsOf(rows, cols) {
		bi := b[i*ldb:][:cols]
		for j, v := range a[i*lda:][:cols] {
			dst[j] += v * bi[j]
		}
	}
}

func axpyGeneric(dst, x []float32, a float32) {
	for i, v := range x {
		dst[i] = f32.FMA(a, v, dst[i])
	}
}

func axpy64(dst, x []float64, a float64) {
	for i, v := range x {
		dst[i] += a * v
	}
}

// scale only multiplies, so one text serves both types.
func scale[T Float](dst, x []T, a T) {
	for i, v := range x {
		dst[i] = a * v
	}
}

func sumSquaresGeneric(x []float32) float32 {
	var lanes [64]float32
	for i, v := range x {
		lanes[i%64] = f32.FMA(v, v, lanes[i%64])
	}
	return f32.Fold64(&lanes)
}

func sumSquares64(x []float64) float64 {
	var lanes [64]float64
	for i, v := range x {
		lanes[i%64] += v * v
	}
	for n := 32; n > 0; n /= 2 {
		for i := range n {
			lanes[i] += lanes[i+n]
		}
	}
	return lanes[0]
}
