//go:build !(cgo && openblas)

package blas

var backends = []Backend{Go{}}

func status(name string) Status { return Status{Backend: name, Threads: 1} }

// usePanels reports whether a product by a packed op(B), which was stored as t says, reads the
// panels.
func usePanels[T Float](t Transpose, m, n, k int) bool { return true }

// makePanels reports whether any product reads panels.
func makePanels[T Float]() bool { return true }

// These are direct calls and no method of a Backend value, through which the compiler would
// see every argument escape to the heap.

func sgemm(tA, tB Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	Go{}.Sgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

func dgemm(tA, tB Transpose, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	Go{}.Dgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

func sgemv(t Transpose, m, n int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int) {
	Go{}.Sgemv(t, m, n, alpha, a, lda, x, incX, beta, y, incY)
}

func dgemv(t Transpose, m, n int, alpha float64, a []float64, lda int, x []float64, incX int, beta float64, y []float64, incY int) {
	Go{}.Dgemv(t, m, n, alpha, a, lda, x, incX, beta, y, incY)
}
