package kernels

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
)

// LayerNorm normalises each row to mean 0 and variance 1, and adds it, with a weight for each
// column, to y.
//
//	xhat[i,j] = (x[i,j] - m_i) rstd[i]     y[i,j] += weight[j] xhat[i,j]
//	m_i = sum_k x[i,k] / cols              rstd[i] = 1 / sqrt(sum_k (x[i,k] - m_i)² / cols + eps)
//
// y, xhat and x are [rows, cols], row-major, with the row stride ld >= cols; rstd is [rows] and
// weight is [cols]. y comes with the bias, which [SetRows] puts there, or with what else is to be
// added; xhat and rstd are overwritten, and [LayerNormBackward] reads them. xhat may be x; no other
// arguments may overlap.
//
// A NaN or an Inf makes its row of y and xhat NaN, and no other; so does a sum over a row that
// overflows float32, as that of two elements of 3e38 does. Where only the squares overflow, rstd and
// xhat are 0. float32: both sums run over 16 virtual lanes, the squares as a chain
// of fma in each, and y is rounded once behind xhat. The error of xhat is at most
// (4 + cols/16) 2^-22 (1 + |xhat| + max_k |x[i,k]| rstd[i]). float64 sums in order.
//
// LayerNorm panics if a size is negative or a slice or the stride is too short.
//
// Source: Ba, Kiros and Hinton 2016; as torch.nn.functional.layer_norm.
func LayerNorm[T Float](y, xhat, rstd, x, weight []T, rows, cols, ld int, eps T) {
	const fn = "LayerNorm"
	checkMatrix(fn, "y", len(y), rows, cols, ld)
	checkMatrix(fn, "xhat", len(xhat), rows, cols, ld)
	checkLen(fn, "rstd", len(rstd), rows)
	checkMatrix(fn, "x", len(x), rows, cols, ld)
	checkLen(fn, "weight", len(weight), cols)
	if rows == 0 || cols == 0 {
		return
	}
	if is32[T]() {
		layerNorm(f32s(y), f32s(xhat), f32s(rstd), f32s(x), f32s(weight), rows, cols, ld, float32(eps))
	} else {
		layerNorm64(f64s(y), f64s(xhat), f64s(rstd), f64s(x), f64s(weight), rows, cols, ld, float64(eps))
	}
}

func layerNorm(y, xhat, rstd, x, weight []float32, rows, cols, ld int, eps float32) {
	if isa := asm.Active(); isa == asm.Generic {
		layerNormGeneric(y, xhat, rstd, x, weight, rows, cols, ld, eps)
	} else {
		simd.LayerNorm(isa, &y[0], &xhat[0], &rstd[0], &x[0], &weight[0], rows, cols, ld, float32(cols), eps)
	}
}

// LayerNormBackward writes the gradient of [LayerNorm] with respect to x, given what it left in xhat
// and rstd.
//
//	g[i,j] = weight[j] dy[i,j]
//	dx[i,j] = rstd[i] (g[i,j] - sum_k g[i,k] / cols - xhat[i,j] sum_k g[i,k] xhat[i,k] / cols)
//
// dx, dy and xhat are [rows, cols], row-major, with the row stride ld >= cols; rstd is [rows] and
// weight is [cols]. dx is overwritten and may be dy or xhat; no other arguments may overlap. The
// gradient of the weight is the sum of dy xhat over the rows, see [AddColumnProducts], and that of a
// bias the sum of dy, see [AddColumnSums].
//
// A NaN or an Inf makes its row NaN. float32: both sums run over 16 virtual lanes, that with xhat as
// a chain of fma in each. float64 sums in order. LayerNormBackward panics if a size is negative or a
// slice or the stride is too short.
func LayerNormBackward[T Float](dx, dy, xhat, rstd, weight []T, rows, cols, ld int) {
	const fn = "LayerNormBackward"
	checkMatrix(fn, "dx", len(dx), rows, cols, ld)
	checkMatrix(fn, "dy", len(dy), rows, cols, ld)
	checkMatrix(fn, "xhat", len(xhat), rows, cols, ld)
	checkLen(fn, "rstd", len(rstd), rows)
	checkLen(fn, "weight", len(weight), cols)
	if rows == 0 || cols == 0 {
		return
	}
	if is32[T]() {
		layerNormBackward(f32s(dx), f32s(dy), f32s(xhat), f32s(rstd), f32s(weight), rows, cols, ld)
	} else {
		layerNormBackward64(f64s(dx), f64s(dy), f64s(xhat), f64s(rstd), f64s(weight), rows, cols, ld)
	}
}

func layerNormBackward(dx, dy, xhat, rstd, weight []float32, rows, cols, ld int) {
	if isa := asm.Active(); isa == asm.Generic {
		layerNormBackwardGeneric(dx, dy, xhat, rstd, weight, rows, cols, ld)
	} else {
		simd.LayerNormBackward(isa, &dx[0], &dy[0], &xhat[0], &rstd[0], &weight[0], rows, cols, ld, float32(cols))
	}
}
