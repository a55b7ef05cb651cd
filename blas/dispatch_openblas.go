//go:build cgo && openblas

package blas

import "github.com/elbow-go/elbow/blas/openblas"

var backends = []Backend{Go{}, openblas.Backend{}}

func status(name string) Status {
	s := Status{Backend: name, Threads: 1}
	if name == (openblas.Backend{}).Name() {
		s.Core, s.Threads, s.Warning = openblas.Core(), openblas.Threads(), openblas.Warning()
	}
	return s
}

// usePanels reports whether a product reads the panels of a packed matrix.
func usePanels(m, n, k int) bool { return active.Load() == 0 }

// These are direct calls and no method of a Backend value, through which the compiler would
// see every argument escape to the heap.

func sgemm(tA, tB Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	if active.Load() == 0 {
		Go{}.Sgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
		return
	}
	openblas.Backend{}.Sgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

func dgemm(tA, tB Transpose, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	if active.Load() == 0 {
		Go{}.Dgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
		return
	}
	openblas.Backend{}.Dgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

func sgemv(t Transpose, m, n int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int) {
	if active.Load() == 0 {
		Go{}.Sgemv(t, m, n, alpha, a, lda, x, incX, beta, y, incY)
		return
	}
	openblas.Backend{}.Sgemv(t, m, n, alpha, a, lda, x, incX, beta, y, incY)
}

func dgemv(t Transpose, m, n int, alpha float64, a []float64, lda int, x []float64, incX int, beta float64, y []float64, incY int) {
	if active.Load() == 0 {
		Go{}.Dgemv(t, m, n, alpha, a, lda, x, incX, beta, y, incY)
		return
	}
	openblas.Backend{}.Dgemv(t, m, n, alpha, a, lda, x, incX, beta, y, incY)
}
