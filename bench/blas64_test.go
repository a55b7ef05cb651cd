package bench_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	gonumblas "gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"

	"github.com/elbow-go/elbow/bench"
	"github.com/elbow-go/elbow/blas"
	"github.com/elbow-go/elbow/internal/pages"
)

func normals64(n int) []float64 {
	rng := rand.New(rand.NewPCG(uint64(n), 1))
	x := pages.Make[float64](n)
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	return x
}

// BenchmarkDgemm is BenchmarkGemm in float64. gonum uses all processors for large products.
func BenchmarkDgemm(b *testing.B) {
	for _, s := range shortened(bench.Products64) {
		tA, tB, lda, ldb := blas.NoTrans, blas.NoTrans, s.K, s.N
		if s.TransA() {
			tA, lda = blas.Trans, s.M
		}
		if s.TransB() {
			tB, ldb = blas.Trans, s.K
		}
		x, y, z := normals64(s.M*s.K), normals64(s.K*s.N), normals64(s.M*s.N)
		b.Run(productName(s)[len("Gemm/"):], func(b *testing.B) {
			timed := func(run func()) func(b *testing.B) {
				return func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						run()
					}
					flops := 2 * float64(s.M) * float64(s.N) * float64(s.K)
					b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
				}
			}
			run := func() { blas.Gemm(tA, tB, s.M, s.N, s.K, 1, x, lda, y, ldb, 0, z, s.N) }
			forEachImpl(b, true, timed(run), func() []float64 { run(); return z })
			b.Run("impl=gonum", timed(func() {
				gonum.Implementation{}.Dgemm(tA, tB, s.M, s.N, s.K, 1, x, lda, y, ldb, 0, z, s.N)
			}))
		})
	}
}

// BenchmarkDgemv multiplies a matrix of float64, as stored and transposed, and a vector.
func BenchmarkDgemv(b *testing.B) {
	for _, s := range shortened(bench.Matrices64) {
		for _, t := range []gonumblas.Transpose{blas.NoTrans, blas.Trans} {
			m, n := s[0], s[1]
			a, x, y := normals64(m*n), normals64(max(m, n)), normals64(max(m, n))
			b.Run(fmt.Sprintf("M=%d/N=%d/tA=%c", m, n, t), func(b *testing.B) {
				timed := func(run func()) func(b *testing.B) {
					return func(b *testing.B) {
						b.ReportAllocs()
						b.SetBytes(int64(8 * m * n))
						for b.Loop() {
							run()
						}
					}
				}
				run := func() { blas.Gemv(t, m, n, 1, a, n, x, 1, 0, y, 1) }
				forEachImpl(b, true, timed(run), func() []float64 { run(); return y })
				b.Run("impl=gonum", timed(func() { gonum.Implementation{}.Dgemv(t, m, n, 1, a, n, x, 1, 0, y, 1) }))
			})
		}
	}
}
