//go:build cgo && openblas

package blas

import "github.com/elbow-go/elbow/blas/openblas"

// The indices of backends.
const (
	useGo = iota
	useOpenBLAS
	useAuto
)

var backends = []Backend{useGo: Go{}, useOpenBLAS: openblas.Backend{}, useAuto: auto{}}

func status(name string) Status {
	s := Status{Backend: name, Threads: 1}
	if name != (Go{}).Name() {
		s.Core, s.Threads, s.Warning = openblas.Core(), openblas.Threads(), openblas.Warning()
	}
	return s
}

// usePanels reports whether a product by a packed op(B), which was stored as t says, reads the
// panels.
func usePanels[T Float](t Transpose, m, n, k int) bool {
	switch {
	case !makePanels[T]():
		return false
	case active.Load() == useAuto:
		return who(NoTrans, t, m, n, k) != 'o'
	}
	return true
}

// makePanels reports whether any product reads panels. In float64 OpenBLAS computes everything
// wherever it may.
func makePanels[T Float]() bool {
	_, is32 := any(T(0)).(float32)
	return active.Load() == useGo || is32 && active.Load() == useAuto
}

// These are direct calls and no method of a Backend value, through which the compiler would
// see every argument escape to the heap.

func sgemm(tA, tB Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	switch active.Load() {
	case useGo:
		Go{}.Sgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	case useOpenBLAS:
		openblas.Backend{}.Sgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	case useAuto:
		auto{}.Sgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	}
}

func dgemm(tA, tB Transpose, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	switch active.Load() {
	case useGo:
		Go{}.Dgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	default:
		openblas.Backend{}.Dgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	}
}

func sgemv(t Transpose, m, n int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int) {
	switch active.Load() {
	case useGo:
		Go{}.Sgemv(t, m, n, alpha, a, lda, x, incX, beta, y, incY)
	case useOpenBLAS:
		openblas.Backend{}.Sgemv(t, m, n, alpha, a, lda, x, incX, beta, y, incY)
	case useAuto:
		auto{}.Sgemv(t, m, n, alpha, a, lda, x, incX, beta, y, incY)
	}
}

func dgemv(t Transpose, m, n int, alpha float64, a []float64, lda int, x []float64, incX int, beta float64, y []float64, incY int) {
	switch active.Load() {
	case useGo:
		Go{}.Dgemv(t, m, n, alpha, a, lda, x, incX, beta, y, incY)
	default:
		openblas.Backend{}.Dgemv(t, m, n, alpha, a, lda, x, incX, beta, y, incY)
	}
}
