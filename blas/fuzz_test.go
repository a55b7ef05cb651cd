package blas_test

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/blas"
	"github.com/elbow-go/elbow/internal/f32"
)

// FuzzGemm turns bytes into sizes, strides and any float32 values at all, and compares the
// plain Go product with the chains of the contract, bit for bit.
func FuzzGemm(f *testing.F) {
	for _, n := range []uint8{0, 1, 2, 4, 5, 8, 16, 17, 33, 64, 66} {
		f.Add(n, n+1, n, uint8(0), []byte{0, 0, 128, 63, 1, 0, 128, 63, 0, 0, 0, 0})
		f.Add(n, uint8(3), uint8(64), n, []byte{1, 0, 0, 0, 0, 0, 128, 51, 255, 255, 127, 63, 0, 0, 128, 191})
	}
	f.Fuzz(func(t *testing.T, m8, n8, k8, mode uint8, values []byte) {
		m, n, k := int(m8%70), int(n8%70), int(k8%70)
		at := 0
		next := func() float32 { // the bytes again and again, rotated so that rows differ
			if len(values) < 4 {
				return float32(at)
			}
			at++
			p := at * 4 % (len(values) - 3)
			return math.Float32frombits(binary.LittleEndian.Uint32(values[p:]))
		}
		fill := func(size int) []float32 {
			x := make([]float32, size)
			for i := range x {
				x[i] = next()
			}
			return x
		}
		tA, tB, gap := blas.NoTrans, blas.NoTrans, int(mode>>4%4)
		lda, ldb, ldc := k+gap, n+gap, n+gap
		rowA, colA, rowB, colB := lda, 1, ldb, 1
		if mode&1 != 0 {
			tA, lda = blas.Trans, m+gap
			rowA, colA = 1, lda
		}
		if mode&2 != 0 {
			tB, ldb = blas.Trans, k+gap
			rowB, colB = 1, ldb
		}
		alpha, beta := []float32{1, -0.3}[mode>>2&1], []float32{0, 0.7}[mode>>3&1]
		a, b, c := fill(lda*max(m, k)), fill(ldb*max(n, k)), fill(ldc*m)
		want := make([]float32, len(c))
		copy(want, c)
		for i := range m {
			for j := range n {
				start := float32(0)
				if beta != 0 {
					start = beta * want[i*ldc+j]
				}
				s := float32(0)
				if alpha == 1 {
					s = start
				}
				for q := range k {
					s = f32.FMA(a[i*rowA+q*colA], b[q*rowB+j*colB], s)
				}
				switch {
				case k == 0:
					s = start
				case alpha != 1:
					s = f32.FMA(alpha, s, start)
				}
				want[i*ldc+j] = s
			}
		}
		blas.Go{}.Sgemm(tA, tB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
		asmtest.SameFloats(t, "C", c, want)
	})
}
