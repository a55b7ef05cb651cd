package kernels

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
)

// Softmax writes the softmax of each row.
//
//	dst[i,j] = e^(x[i,j] - m_i) / sum_k e^(x[i,k] - m_i),   m_i = max_k x[i,k]
//
// x and dst are [rows, cols], dense, row-major; dst is overwritten and may be x, but must
// not overlap it in part. No finite row overflows. An entry of -Inf gets 0 beside a finite
// one. A row that is all -Inf, or that has an Inf or a NaN, is all NaN; no other row is.
//
// float32: the sum runs over 16 virtual lanes, and each row is multiplied by its reciprocal.
// The relative error is at most (11 + cols/16 + |x[i,j] - m_i| + ln cols) 2^-24 where the result is a
// normal number. Softmax panics if rows or cols is negative or a slice is too short.
func Softmax[T Float](dst, x []T, rows, cols int) {
	checkMatrix("Softmax", "x", len(x), rows, cols, cols)
	checkMatrix("Softmax", "dst", len(dst), rows, cols, cols)
	if rows == 0 || cols == 0 {
		return
	}
	if is32[T]() {
		softmax(f32s(dst), f32s(x), rows, cols)
	} else {
		softmax64(f64s(dst), f64s(x), rows, cols)
	}
}

func softmax(dst, x []float32, rows, cols int) {
	if isa := asm.Active(); isa == asm.Generic {
		softmaxGeneric(dst, x, rows, cols)
	} else {
		simd.Softmax(isa, &dst[0], &x[0], rows, cols)
	}
}

// SoftmaxBackward writes the gradient of [Softmax], given its output y.
//
//	dx[i,j] = y[i,j] (dy[i,j] - s_i),   s_i = sum_k dy[i,k] y[i,k]
//
// All are [rows, cols], dense, row-major. dx is overwritten and may be dy or y. A NaN makes
// its row NaN. float32: s is a chain of fma in each of 16 virtual lanes, folded.
// SoftmaxBackward panics if rows or cols is negative or a slice is too short.
func SoftmaxBackward[T Float](dx, dy, y []T, rows, cols int) {
	checkMatrix("SoftmaxBackward", "y", len(y), rows, cols, cols)
	checkMatrix("SoftmaxBackward", "dy", len(dy), rows, cols, cols)
	checkMatrix("SoftmaxBackward", "dx", len(dx), rows, cols, cols)
	if rows == 0 || cols == 0 {
		return
	}
	if is32[T]() {
		softmaxBackward(f32s(dx), f32s(dy), f32s(y), rows, cols)
	} else {
		softmaxBackward64(f64s(dx), f64s(dy), f64s(y), rows, cols)
	}
}

func softmaxBackward(dx, dy, y []float32, rows, cols int) {
	if isa := asm.Active(); isa == asm.Generic {
		softmaxBackwardGeneric(dx, dy, y, rows, cols)
	} else {
		simd.SoftmaxBackward(isa, &dx[0], &dy[0], &y[0], rows, cols)
	}
}

// LogSumExp writes the logarithm of the sum of the exponentials of each row, in nats.
//
//	dst[i] = m_i + ln sum_k e^(x[i,k] - m_i),   m_i = max_k x[i,k]
//
// x is [rows, cols], dense, row-major; dst is [rows], overwritten, and must not overlap x.
// The gradient is dst's gradient times the [Softmax] of the row. No finite row overflows
// unless the result does. A row that is all -Inf gives -Inf, so does one with no columns;
// an Inf gives Inf; a NaN gives NaN.
//
// float32: 16 virtual lanes; the absolute error is at most
// (8 + cols/16 + |dst| + 3 ln cols) 2^-24.
// LogSumExp panics if rows or cols is negative or a slice is too short.
func LogSumExp[T Float](dst, x []T, rows, cols int) {
	checkMatrix("LogSumExp", "x", len(x), rows, cols, cols)
	checkLen("LogSumExp", "dst", len(dst), rows)
	if is32[T]() {
		logSumExp(f32s(dst), f32s(x), rows, cols)
	} else {
		logSumExp64(f64s(dst), f64s(x), rows, cols)
	}
}

func logSumExp(dst, x []float32, rows, cols int) {
	if isa := asm.Active(); isa == asm.Generic || rows == 0 || cols == 0 {
		logSumExpGeneric(dst, x, rows, cols)
	} else {
		simd.LogSumExp(isa, &dst[0], &x[0], rows, cols)
	}
}
