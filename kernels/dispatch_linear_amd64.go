//go:build !purego

package kernels

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/avx2"
	"github.com/elbow-go/elbow/asm/avx512"

	"github.com/elbow-go/elbow/internal/f32"
)

func axpy(dst, x []float32, a float32) {
	for len(x) > 0 {
		n := min(len(x), maxElems)
		switch asm.Active() {
		case asm.AVX512:
			avx512.Axpy(&dst[0], &x[0], n, a)
		case asm.AVX2:
			avx2.Axpy(&dst[0], &x[0], n, a)
		default:
			axpyGeneric(dst, x[:n], a)
		}
		dst, x = dst[n:], x[n:]
	}
}

func scal(dst, x []float32, a float32) {
	for len(x) > 0 {
		n := min(len(x), maxElems)
		switch asm.Active() {
		case asm.AVX512:
			avx512.Scal(&dst[0], &x[0], n, a)
		case asm.AVX2:
			avx2.Scal(&dst[0], &x[0], n, a)
		default:
			scale(dst, x[:n], a)
		}
		dst, x = dst[n:], x[n:]
	}
}

// addColumnSums32 takes four rows at a time, then what is left.
func addColumnSums32(dst, x []float32, rows, cols, ldx int) {
	for i, r := 0, 0; i < rowsOf(rows, cols); i += r {
		r = maxRows(rows-i, cols)
		four := r >= 4
		if four {
			r &^= 3
		}
		switch isa := asm.Active(); {
		case isa == asm.AVX512 && four:
			avx512.AddColumnSums4(&dst[0], &x[i*ldx], r/4, cols, ldx)
		case isa == asm.AVX512:
			avx512.AddColumnSums(&dst[0], &x[i*ldx], r, cols, ldx)
		case isa == asm.AVX2 && four:
			avx2.AddColumnSums4(&dst[0], &x[i*ldx], r/4, cols, ldx)
		case isa == asm.AVX2:
			avx2.AddColumnSums(&dst[0], &x[i*ldx], r, cols, ldx)
		default:
			addColumnSums(dst, x, rows, cols, ldx)
			return
		}
	}
}

func addColumnProducts(dst, a, b []float32, rows, cols, lda, ldb int) {
	for i, r := 0, 0; i < rowsOf(rows, cols); i += r {
		r = maxRows(rows-i, cols)
		four := r >= 4
		if four {
			r &^= 3
		}
		switch isa := asm.Active(); {
		case isa == asm.AVX512 && four:
			avx512.AddColumnProducts4(&dst[0], &a[i*lda], &b[i*ldb], r/4, cols, lda, ldb)
		case isa == asm.AVX512:
			avx512.AddColumnProducts(&dst[0], &a[i*lda], &b[i*ldb], r, cols, lda, ldb)
		case isa == asm.AVX2 && four:
			avx2.AddColumnProducts4(&dst[0], &a[i*lda], &b[i*ldb], r/4, cols, lda, ldb)
		case isa == asm.AVX2:
			avx2.AddColumnProducts(&dst[0], &a[i*lda], &b[i*ldb], r, cols, lda, ldb)
		default:
			addColumnProductsGeneric(dst, a, b, rows, cols, lda, ldb)
			return
		}
	}
}

// sumSquares: maxElems is a multiple of 64, so each part starts at lane 0.
func sumSquares(x []float32) float32 {
	var lanes [64]float32
	for len(x) > 0 {
		n := min(len(x), maxElems)
		switch asm.Active() {
		case asm.AVX512:
			avx512.SumSquares(&lanes[0], &x[0], n)
		case asm.AVX2:
			avx2.SumSquares(&lanes[0], &x[0], n)
		default:
			return sumSquaresGeneric(x)
		}
		x = x[n:]
	}
	return f32.Fold64(&lanes)
}
