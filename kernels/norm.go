package kernels

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
	"github.com/elbow-go/elbow/internal/size"
)

// Norm holds what [LayerNorm] reads and leaves beside the rows themselves: the Weight of each column,
// called gain as well; the rows normalised, XHat; and 1 over the standard deviation of each, RStd.
//
// XHat is [rows, cols], row-major, with the row stride Ld >= cols, which is that of the rows before and
// after, too. RStd is [rows] and Weight is [cols].
type Norm[T Float] struct {
	XHat, RStd, Weight []T
	Ld                 int
}

// check panics unless the sizes are right and n holds what function fn needs. It returns how many
// elements rows have to have.
func (n *Norm[T]) check(fn string, rows, cols int) (elements int) {
	if n == nil {
		panic(badNil(fn, "n"))
	}
	checkSizes(fn, rows, cols)
	checkSize(fn, "n.Ld", n.Ld, cols)
	elements = size.Matrix(rows, cols, n.Ld)
	checkLen(fn, "n.XHat", len(n.XHat), elements)
	checkLen(fn, "n.RStd", len(n.RStd), rows)
	checkLen(fn, "n.Weight", len(n.Weight), cols)
	return elements
}

// LayerNorm normalises each row to mean 0 and variance 1, and adds it, with a weight for each
// column, to y.
//
//	xhat[i,j] = (x[i,j] - m_i) rstd[i]     y[i,j] += weight[j] xhat[i,j]
//	m_i = sum_k x[i,k] / cols              rstd[i] = 1 / sqrt(sum_k (x[i,k] - m_i)² / cols + eps)
//
// y and x are [rows, cols], row-major, with the row stride n.Ld. y comes with the bias, which [SetRows]
// puts there, or with what else is to be added; xhat = n.XHat and rstd = n.RStd are overwritten, and
// [LayerNormBackward] reads them. n.XHat may be x; no other arguments may overlap.
//
// A NaN or an Inf makes its row of y and xhat NaN, and no other; so does a sum over a row that
// overflows float32, as that of two elements of 3e38 does. Where only the squares overflow, rstd and
// xhat are 0. float32: both sums run over 16 virtual lanes, the squares as a chain
// of fma in each, and y is rounded once behind xhat. The error of xhat is at most
// (4 + cols/16) 2^-22 (1 + |xhat| + max_k |x[i,k]| rstd[i]). float64 sums in order.
//
// LayerNorm panics if n is nil, a size negative, or a slice or the stride too short. It starts no
// goroutine and allocates nothing.
//
// Source: Ba, Kiros and Hinton 2016; as torch.nn.functional.layer_norm.
func LayerNorm[T Float](y, x []T, n *Norm[T], rows, cols int, eps T) {
	const fn = "LayerNorm"
	elements := n.check(fn, rows, cols)
	checkLen(fn, "y", len(y), elements)
	checkLen(fn, "x", len(x), elements)
	if elements == 0 {
		return
	}
	if is32[T]() {
		layerNorm(f32s(y), f32s(n.XHat), f32s(n.RStd), f32s(x), f32s(n.Weight), rows, cols, n.Ld, float32(eps))
	} else {
		layerNorm64(f64s(y), f64s(n.XHat), f64s(n.RStd), f64s(x), f64s(n.Weight), rows, cols, n.Ld, float64(eps))
	}
}

func layerNorm(y, xhat, rstd, x, weight []float32, rows, cols, ld int, eps float32) {
	if isa := asm.Active(); isa == asm.Generic {
		layerNormGeneric(y, xhat, rstd, x, weight, rows, cols, ld, eps)
	} else {
		simd.LayerNorm(isa, &y[0], &xhat[0], &rstd[0], &x[0], &weight[0], rows, cols, ld, float32(cols), eps)
	}
}

// LayerNormBackward writes the gradient of [LayerNorm] with respect to x, given what it left in n.
//
//	g[i,j] = weight[j] dy[i,j]
//	dx[i,j] = rstd[i] (g[i,j] - sum_k g[i,k] / cols - xhat[i,j] sum_k g[i,k] xhat[i,k] / cols)
//
// dx and dy are [rows, cols], row-major, with the row stride n.Ld. dx is overwritten and may be dy or
// n.XHat; no other arguments may overlap. The gradient of the weight is the sum of dy xhat over the
// rows, see [AddColumnProducts], and that of a bias the sum of dy, see [AddColumnSums].
//
// A NaN or an Inf makes its row NaN. float32: both sums run over 16 virtual lanes, that with xhat as
// a chain of fma in each. float64 sums in order. LayerNormBackward panics as LayerNorm does.
func LayerNormBackward[T Float](dx, dy []T, n *Norm[T], rows, cols int) {
	const fn = "LayerNormBackward"
	elements := n.check(fn, rows, cols)
	checkLen(fn, "dx", len(dx), elements)
	checkLen(fn, "dy", len(dy), elements)
	if elements == 0 {
		return
	}
	if is32[T]() {
		layerNormBackward(f32s(dx), f32s(dy), f32s(n.XHat), f32s(n.RStd), f32s(n.Weight), rows, cols, n.Ld)
	} else {
		layerNormBackward64(f64s(dx), f64s(dy), f64s(n.XHat), f64s(n.RStd), f64s(n.Weight), rows, cols, n.Ld)
	}
}

func layerNormBackward(dx, dy, xhat, rstd, weight []float32, rows, cols, ld int) {
	if isa := asm.Active(); isa == asm.Generic {
		layerNormBackwardGeneric(dx, dy, xhat, rstd, weight, rows, cols, ld)
	} else {
		simd.LayerNormBackward(isa, &dx[0], &dy[0], &xhat[0], &rstd[0], &weight[0], rows, cols, ld, float32(cols))
	}
}
