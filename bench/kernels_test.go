package bench

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/elbow-go/elbow/kernels"
)

func randoms(n int, gen func(*rand.Rand) float32) []float32 {
	r := rand.New(rand.NewPCG(5, 6))
	s := make([]float32, n)
	for i := range s {
		s[i] = gen(r)
	}
	return s
}

func wide(r *rand.Rand) float32     { return 3 * normal(r) }
func positive(r *rand.Rand) float32 { return r.Float32() + 0.1 }

// elements benchmarks f, which works on elems elements and moves bytes bytes. check computes
// what f does and returns it, from the same input at every call.
func elements(b *testing.B, name string, elems, bytes int, f func(), check func() []float32) {
	b.Run(name, func(b *testing.B) {
		forEachImpl(b, false, func(b *testing.B) {
			b.SetBytes(int64(bytes))
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(elems), "ns/elem")
		}, check)
	})
}

// unary benchmarks a function of one argument.
func unary(b *testing.B, f func(dst, x []float32), gen func(*rand.Rand) float32) {
	for _, n := range shortened(vectorLengths) {
		x, dst := randoms(n, gen), make([]float32, n)
		run := func() { f(dst, x) }
		elements(b, fmt.Sprintf("N=%d", n), n, 8*n, run, func() []float32 { run(); return dst })
	}
}

func BenchmarkExp(b *testing.B)      { unary(b, kernels.Exp[float32], wide) }
func BenchmarkLog(b *testing.B)      { unary(b, kernels.Log[float32], positive) }
func BenchmarkTanh(b *testing.B)     { unary(b, kernels.Tanh[float32], wide) }
func BenchmarkSigmoid(b *testing.B)  { unary(b, kernels.Sigmoid[float32], wide) }
func BenchmarkSoftplus(b *testing.B) { unary(b, kernels.Softplus[float32], wide) }

// BenchmarkLSTMGates is the step behind the matrix product, and its gradient. An element is
// one unit: four gates, state and output.
func BenchmarkLSTMGates(b *testing.B) {
	for _, s := range gateShapes {
		n, h := s.batch*s.hidden, s.hidden
		pre, cx, dh := randoms(4*n, normal), randoms(n, normal), randoms(n, normal)
		gates, hy, cy := make([]float32, 4*n), make([]float32, n), make([]float32, n)
		dgates, dcx := make([]float32, 4*n), make([]float32, n)
		step := func() { kernels.LSTMStep(hy, cy, gates, cx, nil, s.batch, h, 4*h) }
		check := func() []float32 { copy(gates, pre); step(); return hy }
		elements(b, fmt.Sprintf("dir=forward/B=%d/H=%d", s.batch, h), n, 4*11*n, step, check)
		check() // activated gates again
		back := func() { kernels.LSTMStepBackward(dgates, dcx, dh, dh, gates, cx, cy, nil, s.batch, h, 4*h) }
		elements(b, fmt.Sprintf("dir=backward/B=%d/H=%d", s.batch, h), n, 4*13*n, back, func() []float32 { back(); return dgates })
	}
}

// BenchmarkGRUGates is the reset-after form.
func BenchmarkGRUGates(b *testing.B) {
	for _, s := range gateShapes {
		n, h := s.batch*s.hidden, s.hidden
		pre, hn, hx, dh := randoms(3*n, normal), randoms(n, normal), randoms(n, normal), randoms(n, normal)
		gates, hy := make([]float32, 3*n), make([]float32, n)
		dgates, dhn, dhx := make([]float32, 3*n), make([]float32, n), make([]float32, n)
		step := func() { kernels.GRUStep(hy, gates, hn, hx, s.batch, h, 3*h, h) }
		check := func() []float32 { copy(gates, pre); step(); return hy }
		elements(b, fmt.Sprintf("dir=forward/B=%d/H=%d", s.batch, h), n, 4*9*n, step, check)
		check()
		back := func() { kernels.GRUStepBackward(dgates, dhn, dhx, dh, gates, hn, hx, s.batch, h, 3*h, h) }
		elements(b, fmt.Sprintf("dir=backward/B=%d/H=%d", s.batch, h), n, 4*11*n, back, func() []float32 { back(); return dgates })
	}
}

func BenchmarkAdam(b *testing.B) {
	for _, n := range shortened(vectorLengths) {
		p, g, m, v := randoms(n, normal), randoms(n, normal), make([]float32, n), make([]float32, n)
		run := func() { kernels.Adam(p, g, m, v, 1e-3, 0.9, 0.999, 1e-8, 0.1, 0.001) }
		elements(b, fmt.Sprintf("N=%d", n), n, 28*n, run, func() []float32 {
			copy(p, g)
			clear(m)
			clear(v)
			run()
			return p
		})
	}
}

func noise(b *testing.B, f func(dst []float32, n kernels.Noise, step, row uint32, rows, cols int)) {
	for _, n := range shortened(vectorLengths) {
		dst, noise := make([]float32, n), kernels.Noise{Seed: 1, Stream: 2}
		run := func() { f(dst, noise, 3, 0, n/64, 64) }
		elements(b, fmt.Sprintf("N=%d", n), n, 4*n, run, func() []float32 { run(); return dst })
	}
}

func BenchmarkNormal(b *testing.B)  { noise(b, kernels.Normals[float32]) }
func BenchmarkUniform(b *testing.B) { noise(b, kernels.Uniforms[float32]) }

func BenchmarkSoftmax(b *testing.B) {
	for _, s := range []struct{ rows, cols int }{{64, 10}, {64, 64}, {4, 1024}} {
		n := s.rows * s.cols
		x, dst := randoms(n, wide), make([]float32, n)
		run := func() { kernels.Softmax(dst, x, s.rows, s.cols) }
		elements(b, fmt.Sprintf("B=%d/K=%d", s.rows, s.cols), n, 8*n, run, func() []float32 { run(); return dst })
	}
}

// BenchmarkSumSquares is the norm of a gradient.
func BenchmarkSumSquares(b *testing.B) {
	for _, n := range shortened(vectorLengths) {
		x, sum := randoms(n, normal), make([]float32, 1)
		run := func() { sum[0] = float32(kernels.SumSquares(x)) }
		elements(b, fmt.Sprintf("N=%d", n), n, 4*n, run, func() []float32 { run(); return sum })
	}
}

// BenchmarkColumnSums is the gradient of a bias.
func BenchmarkColumnSums(b *testing.B) {
	for _, s := range gateShapes {
		n := s.batch * s.hidden
		x, sum := randoms(n, normal), make([]float32, s.hidden)
		run := func() { kernels.AddColumnSums(sum, x, s.batch, s.hidden, s.hidden) }
		elements(b, fmt.Sprintf("B=%d/H=%d", s.batch, s.hidden), n, 4*n, run, func() []float32 { clear(sum); run(); return sum })
	}
}

func BenchmarkGaussKL(b *testing.B) {
	for _, s := range shortened(latentShapes) {
		rows, z := s[0], s[1]
		q, p, kl := randoms(2*rows*z, normal), randoms(2*rows*z+1, normal)[1:], make([]float32, rows)
		run := func() { kernels.GaussKL(kl, q, q[z:], p, p[z:], kernels.SoftplusSigma, rows, z, 2*z) }
		elements(b, fmt.Sprintf("B=%d/Z=%d", rows, z), rows*z, 4*4*rows*z, run, func() []float32 { run(); return kl })
	}
}

func BenchmarkBivariateMixtureLogProb(b *testing.B) { bivariate(b, false) }

func BenchmarkBivariateMixtureLogProbBackward(b *testing.B) { bivariate(b, true) }

// bivariate counts components as elements.
func bivariate(b *testing.B, backward bool) {
	for _, s := range shortened(mixtureShapes) {
		rows, k := s[0], s[1]
		ld := 1 + 6*k
		theta, y := randoms(rows*ld, normal), randoms(3*rows, normal)
		lp, dtheta, w := make([]float32, rows), make([]float32, rows*ld), randoms(rows, positive)
		run := func() { kernels.BivariateMixtureLogProb(lp, y, theta, kernels.SoftplusSigma, rows, k, ld) }
		bytes, out := 4*rows*ld, lp
		if backward {
			run = func() {
				kernels.BivariateMixtureLogProbBackward(lp, nil, dtheta, w, y, theta, kernels.SoftplusSigma, rows, k, ld)
			}
			bytes, out = 2*bytes, dtheta
		}
		elements(b, fmt.Sprintf("B=%d/K=%d", rows, k), rows*k, bytes, run, func() []float32 { run(); return out })
	}
}

func BenchmarkLogisticMixtureLogProb(b *testing.B) {
	for _, s := range shortened(mixtureShapes) {
		rows, k := s[0], s[1]
		p, x, lp := randoms(3*rows*k, normal), randoms(rows, normal), make([]float32, rows)
		run := func() {
			kernels.LogisticMixtureLogProb(lp, x, p, p[k:], p[2*k:], kernels.LogSigma, 256, rows, k, 1, 3*k)
		}
		elements(b, fmt.Sprintf("B=%d/K=%d", rows, k), rows*k, 4*3*rows*k, run, func() []float32 { run(); return lp })
	}
}
