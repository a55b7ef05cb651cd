//go:build !purego

package kernels

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/avx2"
	"github.com/elbow-go/elbow/asm/avx512"
)

// The rows of softmax. A row is never split: one of maxElems elements takes 20 microseconds.

func softmax(dst, x []float32, rows, cols int) {
	for i, r := 0, 0; i < rows; i += r {
		r = maxRows(rows-i, cols)
		switch asm.Active() {
		case asm.AVX512:
			avx512.Softmax(&dst[i*cols], &x[i*cols], r, cols)
		case asm.AVX2:
			avx2.Softmax(&dst[i*cols], &x[i*cols], r, cols)
		default:
			softmaxGeneric(dst, x, rows, cols)
			return
		}
	}
}

func softmaxBackward(dx, dy, y []float32, rows, cols int) {
	for i, r := 0, 0; i < rows; i += r {
		r = maxRows(rows-i, cols)
		switch asm.Active() {
		case asm.AVX512:
			avx512.SoftmaxBackward(&dx[i*cols], &dy[i*cols], &y[i*cols], r, cols)
		case asm.AVX2:
			avx2.SoftmaxBackward(&dx[i*cols], &dy[i*cols], &y[i*cols], r, cols)
		default:
			softmaxBackwardGeneric(dx, dy, y, rows, cols)
			return
		}
	}
}

func logSumExp(dst, x []float32, rows, cols int) {
	if cols == 0 {
		logSumExpGeneric(dst, x, rows, cols)
		return
	}
	for i, r := 0, 0; i < rows; i += r {
		r = maxRows(rows-i, cols)
		switch asm.Active() {
		case asm.AVX512:
			avx512.LogSumExp(&dst[i], &x[i*cols], r, cols)
		case asm.AVX2:
			avx2.LogSumExp(&dst[i], &x[i*cols], r, cols)
		default:
			logSumExpGeneric(dst, x, rows, cols)
			return
		}
	}
}
