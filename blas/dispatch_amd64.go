//go:build !purego

package blas

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/avx2"
	"github.com/elbow-go/elbow/asm/avx512"
)

// gemm32 is Gemm[float32] for checked arguments.
func gemm32(tA, tB Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	switch isa := asm.Active(); isa {
	case asm.AVX512, asm.AVX2:
		gemmTiled(isa, tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	default:
		gemmGeneric(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	}
}

// gemv32 is Gemv[float32] for checked arguments.
func gemv32(t Transpose, m, n int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int) {
	switch isa := asm.Active(); isa {
	case asm.AVX512, asm.AVX2:
		gemvTiled(isa, t, m, n, alpha, a, lda, x, incX, beta, y, incY)
	default:
		gemvGeneric(t, m, n, alpha, a, lda, x, incX, beta, y, incY)
	}
}

// The kernels of the tiled product. The argument types of the packages are the same.

func tiles(isa asm.ISA, args *avx512.GemmArgs) {
	switch isa {
	case asm.AVX512:
		avx512.GemmTiles(args)
	case asm.AVX2:
		avx2.GemmTiles((*avx2.GemmArgs)(args))
	}
}

func finishTiles(isa asm.ISA, args *avx512.GemmArgs) {
	switch isa {
	case asm.AVX512:
		avx512.GemmFinish(args)
	case asm.AVX2:
		avx2.GemmFinish((*avx2.GemmArgs)(args))
	}
}

func gemvRows(isa asm.ISA, args *avx512.GemmArgs) {
	switch isa {
	case asm.AVX512:
		avx512.GemvRows(args)
	case asm.AVX2:
		avx2.GemvRows((*avx2.GemmArgs)(args))
	}
}

func packPanel(isa asm.ISA, args *avx512.PackArgs) {
	switch isa {
	case asm.AVX512:
		avx512.GemmPack(args)
	case asm.AVX2:
		avx2.GemmPack((*avx2.PackArgs)(args))
	}
}

func packPanelT(isa asm.ISA, args *avx512.PackArgs) {
	switch isa {
	case asm.AVX512:
		avx512.GemmPackT(args)
	case asm.AVX2:
		avx2.GemmPackT((*avx2.PackArgs)(args))
	}
}
