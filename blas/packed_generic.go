//go:build purego || !amd64

package blas

import "github.com/elbow-go/elbow/asm"

func (q *panels) pack(isa asm.ISA, t Transpose, k, n int, b []float32, ldb int) {}

func (q *panels) gemm(isa asm.ISA, m, n, k, k0, j0 int, a []float32, lda int, beta float32, c []float32, ldc int) bool {
	return false
}
