package kernels

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
	"github.com/elbow-go/elbow/internal/f32"
	"github.com/elbow-go/elbow/internal/tile"
)

// SetRows writes one row into every row of a matrix: the start of the sums of a matrix
// product with a bias.
//
//	c[i,j] = bias[j], or +0 if bias is nil
//
// c is [rows, cols], row-major, row stride ldc >= cols; bias is [cols] or nil and must not
// overlap c. c is overwritten, the gaps between its rows are not touched. Exact; NaN is
// copied. SetRows panics if a size is negative or a slice or the stride is too short.
func SetRows[T Float](c, bias []T, rows, cols, ldc int) {
	checkMatrix("SetRows", "c", len(c), rows, cols, ldc)
	if bias != nil {
		checkLen("SetRows", "bias", len(bias), cols)
	}
	tile.SetRows(rowsOf(rows, cols), cols, bias, c, ldc)
}

// AddColumnSums adds the sum of each column of a matrix: the gradient of a bias.
//
//	dst[j] = (..(dst[j] + x[0,j]) + ..) + x[rows-1,j]
//
// x is [rows, cols], row-major, row stride ldx >= cols; dst is [cols], is added to, and must
// not overlap x. One chain of additions per column, rows ascending, each rounded to T; so a
// matrix added in parts from top to bottom gives the bits of the whole. NaN and Inf follow
// the additions. AddColumnSums panics if a size is negative or a slice or the stride is too
// short.
func AddColumnSums[T Float](dst, x []T, rows, cols, ldx int) {
	checkMatrix("AddColumnSums", "x", len(x), rows, cols, ldx)
	checkLen("AddColumnSums", "dst", len(dst), cols)
	if is32[T]() {
		addColumnSums32(f32s(dst), f32s(x), rows, cols, ldx)
	} else {
		addColumnSums(f64s(dst), f64s(x), rows, cols, ldx)
	}
}

// addColumnSums32 takes four rows at a time, then what is left.
func addColumnSums32(dst, x []float32, rows, cols, ldx int) {
	isa := asm.Active()
	if isa == asm.Generic || cols == 0 {
		addColumnSums(dst, x, rows, cols, ldx)
		return
	}
	four := rows &^ 3
	if four > 0 {
		simd.AddColumnSums4(isa, &dst[0], &x[0], four/4, cols, ldx)
	}
	if four < rows {
		simd.AddColumnSums(isa, &dst[0], &x[four*ldx], rows-four, cols, ldx)
	}
}

// AddColumnProducts adds the sum over the rows of the elementwise product of two matrices:
// the gradient of a vector that multiplies every row, such as a peephole weight.
//
//	dst[j] = fma(a[i,j], b[i,j], dst[j]) for i = 0, 1, .. rows-1
//
// a and b are [rows, cols], row-major, row strides lda and ldb >= cols; they may be the same.
// dst is [cols], is added to, and must not overlap them. One chain of fma per column, rows
// ascending; so matrices added in parts from top to bottom give the bits of the whole. NaN
// and Inf follow the arithmetic. AddColumnProducts panics if a size is negative or a slice
// or a stride is too short.
func AddColumnProducts[T Float](dst, a, b []T, rows, cols, lda, ldb int) {
	checkMatrix("AddColumnProducts", "a", len(a), rows, cols, lda)
	checkMatrix("AddColumnProducts", "b", len(b), rows, cols, ldb)
	checkLen("AddColumnProducts", "dst", len(dst), cols)
	if is32[T]() {
		addColumnProducts(f32s(dst), f32s(a), f32s(b), rows, cols, lda, ldb)
	} else {
		addColumnProducts64(f64s(dst), f64s(a), f64s(b), rows, cols, lda, ldb)
	}
}

func addColumnProducts(dst, a, b []float32, rows, cols, lda, ldb int) {
	isa := asm.Active()
	if isa == asm.Generic || cols == 0 {
		addColumnProductsGeneric(dst, a, b, rows, cols, lda, ldb)
		return
	}
	four := rows &^ 3
	if four > 0 {
		simd.AddColumnProducts4(isa, &dst[0], &a[0], &b[0], four/4, cols, lda, ldb)
	}
	if four < rows {
		simd.AddColumnProducts(isa, &dst[0], &a[four*lda], &b[four*ldb], rows-four, cols, lda, ldb)
	}
}

// Axpy adds a multiple of one vector to another.
//
//	dst[i] = fma(a, x[i], dst[i])
//
// dst has at least len(x) elements, is added to, and may be x. float32 is rounded once.
// With a = 0 a NaN or Inf in x still gives NaN. Axpy panics if dst is shorter than x.
func Axpy[T Float](dst, x []T, a T) {
	checkLen("Axpy", "dst", len(dst), len(x))
	if is32[T]() {
		axpy(f32s(dst), f32s(x), float32(a))
	} else {
		axpy64(f64s(dst), f64s(x), float64(a))
	}
}

func axpy(dst, x []float32, a float32) {
	if isa := asm.Active(); isa == asm.Generic {
		axpyGeneric(dst, x, a)
	} else {
		simd.Axpy(isa, ref(dst, 0), ref(x, 0), len(x), a)
	}
}

// Scal writes a multiple of a vector.
//
//	dst[i] = a x[i]
//
// dst has at least len(x) elements, is overwritten, and may be x. Correctly rounded. With
// a = 0 a NaN or Inf in x still gives NaN. Scal panics if dst is shorter than x.
func Scal[T Float](dst, x []T, a T) {
	checkLen("Scal", "dst", len(dst), len(x))
	if is32[T]() {
		scal(f32s(dst), f32s(x), float32(a))
	} else {
		scale(f64s(dst), f64s(x), float64(a))
	}
}

func scal(dst, x []float32, a float32) {
	if isa := asm.Active(); isa == asm.Generic {
		scale(dst, x, a)
	} else {
		simd.Scal(isa, ref(dst, 0), ref(x, 0), len(x), a)
	}
}

// SumSquares returns the sum of the squares of x; 0 if x is empty.
//
// Element i belongs to virtual lane i mod 64; each lane is a chain of fma in T, the lanes
// are folded in halves, and the result is widened. float32: no term is negative, so the
// relative error is at most (7 + len(x)/64) 2^-24; a sum beyond 3.4e38 is Inf, squares far
// below 1e-38 are lost. A NaN gives NaN. For the norm over several tensors add the results
// in float64, in a fixed order.
func SumSquares[T Float](x []T) float64 {
	if is32[T]() {
		return float64(sumSquares(f32s(x)))
	}
	return sumSquares64(f64s(x))
}

func sumSquares(x []float32) float32 {
	isa := asm.Active()
	if isa == asm.Generic {
		return sumSquaresGeneric(x)
	}
	var lanes [64]float32
	simd.SumSquares(isa, &lanes[0], ref(x, 0), len(x))
	return f32.Fold64(&lanes)
}

// rowsOf is the number of rows a loop has to visit: none if they are empty.
func rowsOf(rows, cols int) int {
	if cols == 0 {
		return 0
	}
	return rows
}
