package blastest

import (
	"fmt"
	"math"
	"testing"

	"github.com/elbow-go/elbow/blas"
)

// Panics tests that wrong arguments are refused in the words all backends share, with
// nothing written.
func Panics(t *testing.T, b blas.Backend) {
	t.Run("float32", func(t *testing.T) { testPanics(t, b.Sgemm, b.Sgemv) })
	t.Run("float64", func(t *testing.T) { testPanics(t, b.Dgemm, b.Dgemv) })
}

func testPanics[T blas.Float](t *testing.T, gemm gemmFunc[T], gemv gemvFunc[T]) {
	const no, yes = blas.NoTrans, blas.Trans
	out := make([]T, 100)
	in := make([]T, 100)
	for i := range out {
		out[i], in[i] = T(i), 1
	}
	refuse := func(want string, f func()) {
		t.Helper()
		defer func() {
			t.Helper()
			if got, _ := recover().(string); got != want {
				t.Errorf("panic %q, want %q", got, want)
			}
			for i, v := range out {
				if v != T(i) {
					t.Fatalf("before the panic %q element %d was written", want, i)
				}
			}
		}()
		f()
	}
	mm := func(want string, tA, tB blas.Transpose, m, n, k, lenA, lda, lenB, ldb, lenC, ldc int) {
		t.Helper()
		refuse(want, func() { gemm(tA, tB, m, n, k, 1, in[:lenA], lda, in[:lenB], ldb, 0, out[:lenC], ldc) })
	}
	mm(`blas: Gemm: tA = 'x', want NoTrans ('N'), Trans ('T') or ConjTrans ('C')`, 'x', no, 2, 3, 4, 8, 4, 12, 3, 6, 3)
	mm(`blas: Gemm: tB = '\x00', want NoTrans ('N'), Trans ('T') or ConjTrans ('C')`, no, 0, 2, 3, 4, 8, 4, 12, 3, 6, 3)
	mm("blas: Gemm: m = -1, want at least 0", no, no, -1, 3, 4, 8, 4, 12, 3, 6, 3)
	mm("blas: Gemm: n = -2, want at least 0", no, no, 2, -2, 4, 8, 4, 12, 3, 6, 3)
	mm("blas: Gemm: k = -3, want at least 0", no, no, 2, 3, -3, 8, 4, 12, 3, 6, 3)
	mm("blas: Gemm: lda = 3, want at least k = 4", no, no, 2, 3, 4, 8, 3, 12, 3, 6, 3)
	mm("blas: Gemm: lda = 1, want at least m = 2", yes, no, 2, 3, 4, 8, 1, 12, 3, 6, 3)
	mm("blas: Gemm: ldb = 2, want at least n = 3", no, no, 2, 3, 4, 8, 4, 12, 2, 6, 3)
	mm("blas: Gemm: ldb = -4, want at least k = 4", no, yes, 2, 3, 4, 8, 4, 12, -4, 6, 3)
	mm("blas: Gemm: ldc = 0, want at least n = 3", no, no, 2, 3, 4, 8, 4, 12, 3, 6, 0)
	mm("blas: Gemm: len(a) = 7, want at least (m-1)*lda+k = 8", no, no, 2, 3, 4, 7, 4, 12, 3, 6, 3)
	mm("blas: Gemm: len(a) = 10, want at least (k-1)*lda+m = 11", yes, no, 2, 3, 4, 10, 3, 12, 3, 6, 3)
	mm("blas: Gemm: len(b) = 11, want at least (k-1)*ldb+n = 12", no, no, 2, 3, 4, 8, 4, 11, 3, 6, 3)
	mm("blas: Gemm: len(b) = 0, want at least (n-1)*ldb+k = 12", no, yes, 2, 3, 4, 8, 4, 0, 4, 6, 3)
	mm("blas: Gemm: len(c) = 12, want at least (m-1)*ldc+n = 13", no, no, 2, 3, 4, 8, 4, 12, 3, 12, 10)
	most := fmt.Sprint(math.MaxInt) // what a product that no int can hold counts as
	mm("blas: Gemm: len(a) = 1, want at least (m-1)*lda+k >= "+most, no, no, math.MaxInt/2+2, 1, 1, 1, math.MaxInt/2+1, 1, 1, 1, 1)
	mm("blas: Gemm: len(c) = 6, want at least (m-1)*ldc+n >= "+most, no, no, 2, 3, 4, 8, 4, 12, 3, 6, math.MaxInt)

	mv := func(want string, tr blas.Transpose, m, n, lenA, lda, lenX, incX, lenY, incY int) {
		t.Helper()
		refuse(want, func() { gemv(tr, m, n, 1, in[:lenA], lda, in[:lenX], incX, 0, out[:lenY], incY) })
	}
	mv(`blas: Gemv: t = 'n', want NoTrans ('N'), Trans ('T') or ConjTrans ('C')`, 'n', 2, 3, 6, 3, 3, 1, 2, 1)
	mv("blas: Gemv: m = -2, want at least 0", no, -2, 3, 6, 3, 3, 1, 2, 1)
	mv("blas: Gemv: n = -3, want at least 0", no, 2, -3, 6, 3, 3, 1, 2, 1)
	mv("blas: Gemv: lda = 2, want at least n = 3", yes, 2, 3, 6, 2, 3, 1, 2, 1)
	mv("blas: Gemv: len(a) = 5, want at least (m-1)*lda+n = 6", no, 2, 3, 5, 3, 3, 1, 2, 1)
	mv("blas: Gemv: incX = 0, want anything but 0", no, 2, 3, 6, 3, 3, 0, 2, 1)
	mv("blas: Gemv: incY = 0, want anything but 0", no, 2, 3, 6, 3, 3, 1, 2, 0)
	mv("blas: Gemv: len(x) = 4, want at least (n-1)*|incX|+1 = 5", no, 2, 3, 6, 3, 4, -2, 2, 1)
	mv("blas: Gemv: len(y) = 1, want at least (m-1)*|incY|+1 = 2", no, 2, 3, 6, 3, 3, 1, 1, 1)
	mv("blas: Gemv: len(x) = 1, want at least (m-1)*|incX|+1 = 2", yes, 2, 3, 6, 3, 1, 1, 3, 1)
	mv("blas: Gemv: len(y) = 6, want at least (n-1)*|incY|+1 = 7", yes, 2, 3, 6, 3, 2, 1, 6, 3)
	mv("blas: Gemv: len(x) = 3, want at least (n-1)*|incX|+1 >= "+most, no, 2, 3, 6, 3, 3, math.MinInt, 2, 1)
	mv("blas: Gemv: len(y) = 2, want at least (m-1)*|incY|+1 >= "+most, no, 2, 3, 6, 3, 3, 1, 2, math.MaxInt)

	// Zero sizes are legal, with empty slices and leading dimensions of 0, and write nothing
	// but beta*C where only k is 0.
	gemm(no, no, 0, 0, 0, 1, nil, 0, nil, 0, 0, nil, 0)
	gemm(no, no, 0, 3, 4, 1, nil, 4, in[:12], 3, 0, nil, 3)
	gemm(no, yes, 3, 0, 4, 1, in[:12], 4, nil, 4, 0, nil, 0)
	gemv(no, 0, 3, 1, nil, 3, in[:3], 1, 0, nil, 1)
	gemv(no, 3, 0, 1, nil, 0, nil, 1, 0, out[:3], 1)
	gemv(yes, 0, 3, 1, nil, 3, nil, -1, 0, out[:3], 1)
	for i, v := range out {
		if v != T(i) {
			t.Fatalf("a product without elements wrote element %d", i)
		}
	}
	gemm(no, no, 2, 3, 0, 1, nil, 0, nil, 3, 0, out[:6], 3)
	gemm(yes, yes, 2, 3, 0, 1, nil, 2, nil, 0, 0.5, out[6:12], 3)
	for i, v := range out[:12] {
		if want := T(i/6*i) / 2; v != want {
			t.Errorf("with k = 0: C[%d] = %v, want beta*C = %v", i, v, want)
		}
	}
}
