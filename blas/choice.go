//go:build cgo && openblas

package blas

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/blas/openblas"
)

// The backend "auto" gives each product to the faster one of the two others, by tables that were
// measured on one machine:
//
//	ELBOW_ISA=avx512 go test -tags openblas ./bench -run ChoiceTable -rewrite
//	ELBOW_ISA=avx2 OPENBLAS_CORETYPE=Haswell go test -tags openblas ./bench -run ChoiceTable -rewrite
//
// measure them again and write choice_avx512.go and choice_avx2.go. In float32 under another
// instruction set, which is plain Go, and in float64, OpenBLAS computes everything.

// A choice says who computes a float32 product. A size is of a class from 0 to 5:
//
//	1    2 to 8    9 to 32    33 to 128    129 to 512    more
//
// gemm has four lines for each of A B as stored, A B^T, A^T B, A^T B^T: one per class of m, with a
// word for each class of n, with a letter for each class of k. gemv has a line for A and one for
// A^T, with a word for each class of m and a letter for each class of n, A being [m,n] as stored.
//
//	g    the product of this package
//	p    the same, if B was packed beforehand
//	o    OpenBLAS
type choice struct {
	gemm [4][6]string
	gemv [2]string
}

// sizeClass returns the class of a size.
func sizeClass(n int) int {
	class := 0
	for _, most := range [...]int{1, 8, 32, 128, 512} {
		if n > most {
			class++
		}
	}
	return class
}

// letter returns the letter for two classes in a line.
func letter(line string, word, at int) byte { return line[7*word+at] }

// choiceOf returns the table for an instruction set, or nil.
func choiceOf(isa asm.ISA) *choice {
	switch isa {
	case asm.AVX512:
		return &choiceAVX512
	case asm.AVX2:
		return &choiceAVX2
	}
	return nil
}

// who returns the letter for a product.
func who(tA, tB Transpose, m, n, k int) byte {
	c := choiceOf(asm.Active())
	if c == nil {
		return 'o'
	}
	op := 0
	if tA != NoTrans {
		op += 2
	}
	if tB != NoTrans {
		op++
	}
	return letter(c.gemm[op][sizeClass(m)], sizeClass(n), sizeClass(k))
}

// whoGemv returns the letter for a product with a vector.
func whoGemv(t Transpose, m, n int) byte {
	c := choiceOf(asm.Active())
	switch {
	case c == nil:
		return 'o'
	case t == NoTrans:
		return letter(c.gemv[0], sizeClass(m), sizeClass(n))
	}
	return letter(c.gemv[1], sizeClass(m), sizeClass(n))
}

// auto is the backend "auto".
type auto struct{}

func (auto) Name() string { return "auto" }

func (auto) Sgemm(tA, tB Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	if who(tA, tB, m, n, k) == 'g' {
		Go{}.Sgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
		return
	}
	openblas.Backend{}.Sgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

func (auto) Dgemm(tA, tB Transpose, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	openblas.Backend{}.Dgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

func (auto) Sgemv(t Transpose, m, n int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int) {
	if whoGemv(t, m, n) == 'g' {
		Go{}.Sgemv(t, m, n, alpha, a, lda, x, incX, beta, y, incY)
		return
	}
	openblas.Backend{}.Sgemv(t, m, n, alpha, a, lda, x, incX, beta, y, incY)
}

func (auto) Dgemv(t Transpose, m, n int, alpha float64, a []float64, lda int, x []float64, incX int, beta float64, y []float64, incY int) {
	openblas.Backend{}.Dgemv(t, m, n, alpha, a, lda, x, incX, beta, y, incY)
}
