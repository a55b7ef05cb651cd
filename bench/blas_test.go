package bench_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"gonum.org/v1/gonum/blas/gonum"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/bench"
	"github.com/elbow-go/elbow/blas"
	"github.com/elbow-go/elbow/internal/measure"
	"github.com/elbow-go/elbow/internal/pages"
)

// gemmPeak is what products of the implementation in use are compared with.
func gemmPeak() peak {
	if p := measure.Peak(asm.Active()); p > 0 {
		return peak{"%peak", p}
	}
	return scalarPeak()
}

// The kinds of input that layers see; a product may be slow on one of them alone.
var inputs = []struct {
	name string
	gen  func(*rand.Rand) float32
}{
	{"dense", normal},
	{"relu", func(r *rand.Rand) float32 { return max(0, normal(r)) }},
	{"binary", func(r *rand.Rand) float32 { return float32(r.IntN(2)) }},
	{"bytes", func(r *rand.Rand) float32 { return float32(r.IntN(256)) / 256 }},
	{"sparse", func(r *rand.Rand) float32 { return float32(r.IntN(20)/19) * normal(r) }},
	{"vanishing", func(r *rand.Rand) float32 { return normal(r) * 0x1p-68 }}, // gradients before they are flushed
}

func normal(r *rand.Rand) float32 { return float32(r.NormFloat64()) }

// A product has the operands of one shape.
type product struct {
	bench.Product
	tA, tB   blas.Transpose
	lda, ldb int
	a, b, c  []float32
	packed   blas.Packed[float32] // op(B)
}

// newProduct returns operands with values of gen in A, normal ones in B.
func newProduct(s bench.Product, gen func(*rand.Rand) float32) *product {
	p := &product{Product: s, tA: blas.NoTrans, tB: blas.NoTrans, lda: s.K, ldb: s.N,
		a: pages.Make[float32](s.M * s.K), b: pages.Make[float32](s.K * s.N), c: pages.Make[float32](s.M * s.N)}
	if s.TransA() {
		p.tA, p.lda = blas.Trans, s.M
	}
	if s.TransB() {
		p.tB, p.ldb = blas.Trans, s.K
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range p.a {
		p.a[i] = gen(rng)
	}
	for i := range p.b {
		p.b[i] = normal(rng)
	}
	return p
}

// productName is the name of the benchmark without the implementation.
func productName(s bench.Product) string {
	return fmt.Sprintf("Gemm/M=%d/N=%d/K=%d/tA=%c/tB=%c", s.M, s.N, s.K, s.Op[0], s.Op[1])
}

func (p *product) run() {
	blas.Gemm(p.tA, p.tB, p.M, p.N, p.K, 1, p.a, p.lda, p.b, p.ldb, 0, p.c, p.N)
}

func (p *product) pack() { p.packed.Pack(p.tB, p.K, p.N, p.b, p.ldb) }

// runPacked is run with B packed beforehand.
func (p *product) runPacked() {
	blas.GemmPacked(p.M, 0, p.K, 0, p.N, p.a, p.lda, &p.packed, 0, p.c, p.N)
}

// gonum is run by gonum itself, which uses all processors for large products.
func (p *product) gonum() {
	gonum.Implementation{}.Sgemm(p.tA, p.tB, p.M, p.N, p.K, 1, p.a, p.lda, p.b, p.ldb, 0, p.c, p.N)
}

func (p *product) flops() float64 { return 2 * float64(p.M) * float64(p.N) * float64(p.K) }

// check runs the product and compares a sample of C with sums in float64, within the bound
// of blas.Gemm.
func (p *product) check(tb testing.TB) {
	tb.Helper()
	p.run()
	rowA, colA, rowB, colB := p.lda, 1, p.ldb, 1
	if p.TransA() {
		rowA, colA = 1, p.lda
	}
	if p.TransB() {
		rowB, colB = 1, p.ldb
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		i, j := rng.IntN(p.M), rng.IntN(p.N)
		var want, abs float64
		for k := range p.K {
			v := float64(p.a[i*rowA+k*colA]) * float64(p.b[k*rowB+j*colB])
			want += v
			abs += math.Abs(v)
		}
		got := float64(p.c[i*p.N+j])
		if bound := 1.001 * float64(p.K+2) * (0x1p-24*abs + 0x1p-149); !(math.Abs(got-want) <= bound) {
			tb.Fatalf("C[%d,%d] = %v, want %v within %.2g", i, j, got, want, bound)
		}
	}
}

// bench times the product under every implementation.
func (p *product) bench(b *testing.B) {
	p.check(b)
	forEachImpl(b, true, func(b *testing.B) {
		peak := gemmPeak()
		b.ReportAllocs()
		for b.Loop() {
			p.run()
		}
		peak.report(b, p.flops())
	}, func() []float32 { p.run(); return p.c })
}

func BenchmarkGemm(b *testing.B) {
	for _, s := range shortened(bench.Products) {
		p := newProduct(s, normal)
		b.Run(strings.TrimPrefix(productName(p.Product), "Gemm/"), func(b *testing.B) {
			p.bench(b)
			b.Run("impl=gonum", func(b *testing.B) {
				peak := gemmPeak()
				for b.Loop() {
					p.gonum()
				}
				peak.report(b, p.flops())
			})
		})
	}
}

// BenchmarkGemmPacked is BenchmarkGemm with B packed beforehand, for shapes that layers have.
func BenchmarkGemmPacked(b *testing.B) {
	for _, s := range shortened(bench.Products) {
		if s.TransA() {
			continue
		}
		p := newProduct(s, normal)
		b.Run(strings.TrimPrefix(productName(p.Product), "Gemm/"), func(b *testing.B) {
			forEachImpl(b, false, func(b *testing.B) {
				p.pack()
				peak := gemmPeak()
				b.ReportAllocs()
				for b.Loop() {
					p.runPacked()
				}
				peak.report(b, p.flops())
			}, func() []float32 { p.pack(); p.runPacked(); return p.c })
		})
	}
}

// BenchmarkGemmData is one shape of BenchmarkGemm on all kinds of input.
func BenchmarkGemmData(b *testing.B) {
	for _, in := range shortened(inputs) {
		b.Run("data="+in.name, func(b *testing.B) {
			newProduct(bench.Product{M: 32, N: 128, K: 256, Op: "NT"}, in.gen).bench(b)
		})
	}
}

// BenchmarkGemmThreads is a large product on several goroutines, with the best instruction set.
func BenchmarkGemmThreads(b *testing.B) {
	defer blas.Use(blas.Active().Name())
	blas.Use("go")
	p := newProduct(bench.Product{M: 2048, N: 1024, K: 256, Op: "NT"}, normal)
	p.check(b)
	for procs := 1; procs <= runtime.GOMAXPROCS(0); procs *= 2 {
		b.Run(fmt.Sprintf("%s/procs=%d/impl=%v", strings.TrimPrefix(productName(p.Product), "Gemm/"), procs, asm.Active()), func(b *testing.B) {
			peak := gemmPeak()
			for b.Loop() {
				blas.GemmThreads(procs, p.tA, p.tB, p.M, p.N, p.K, 1, p.a, p.lda, p.b, p.ldb, 0, p.c, p.N)
			}
			peak.report(b, p.flops())
		})
	}
}
