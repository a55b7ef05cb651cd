package bench_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/bench/internal/cases"
	"github.com/elbow-go/elbow/internal/pages"
)

// randoms returns n numbers, in large pages as the buffers of package cell are.
func randoms(n int, gen func(*rand.Rand) float32) []float32 {
	r := rand.New(rand.NewPCG(5, 6))
	s := pages.Make[float32](n)
	for i := range s {
		s[i] = gen(r)
	}
	return s
}

// family benchmarks the shapes of a kernel under every implementation. Beside the time of an
// element it reports which part of the rate of a plain copy the kernel reads and writes at.
func family(b *testing.B, name string) {
	for _, m := range shortened(cases.Of(name)) {
		c := m.New()
		b.Run(c.Keys, func(b *testing.B) {
			forEachImpl(b, false, func(b *testing.B) {
				bw := copyRate(c.Resident())
				b.SetBytes(int64(c.Bytes()))
				b.ReportAllocs()
				for b.Loop() {
					c.Run()
				}
				seconds := b.Elapsed().Seconds() / float64(b.N)
				b.ReportMetric(seconds*1e9/float64(c.Elems), "ns/elem")
				b.ReportMetric(100*float64(c.Bytes())/seconds/bw, "%bw")
			}, c.Result)
		})
	}
}

func BenchmarkExp(b *testing.B)                        { family(b, "Exp") }
func BenchmarkLog(b *testing.B)                        { family(b, "Log") }
func BenchmarkTanh(b *testing.B)                       { family(b, "Tanh") }
func BenchmarkSigmoid(b *testing.B)                    { family(b, "Sigmoid") }
func BenchmarkSoftplus(b *testing.B)                   { family(b, "Softplus") }
func BenchmarkReLU(b *testing.B)                       { family(b, "ReLU") }
func BenchmarkSquare(b *testing.B)                     { family(b, "Square") }
func BenchmarkSqrt(b *testing.B)                       { family(b, "Sqrt") }
func BenchmarkMagnitude(b *testing.B)                  { family(b, "Magnitude") }
func BenchmarkTanhBackward(b *testing.B)               { family(b, "TanhBackward") }
func BenchmarkSigmoidBackward(b *testing.B)            { family(b, "SigmoidBackward") }
func BenchmarkSoftplusBackward(b *testing.B)           { family(b, "SoftplusBackward") }
func BenchmarkReLUBackward(b *testing.B)               { family(b, "ReLUBackward") }
func BenchmarkSoftmax(b *testing.B)                    { family(b, "Softmax") }
func BenchmarkSoftmaxBackward(b *testing.B)            { family(b, "SoftmaxBackward") }
func BenchmarkLogSumExp(b *testing.B)                  { family(b, "LogSumExp") }
func BenchmarkLayerNorm(b *testing.B)                  { family(b, "LayerNorm") }
func BenchmarkLayerNormBackward(b *testing.B)          { family(b, "LayerNormBackward") }
func BenchmarkAxpy(b *testing.B)                       { family(b, "Axpy") }
func BenchmarkScal(b *testing.B)                       { family(b, "Scal") }
func BenchmarkSumSquares(b *testing.B)                 { family(b, "SumSquares") }
func BenchmarkSetRows(b *testing.B)                    { family(b, "SetRows") }
func BenchmarkColumnSums(b *testing.B)                 { family(b, "ColumnSums") }
func BenchmarkColumnProducts(b *testing.B)             { family(b, "ColumnProducts") }
func BenchmarkGaussKL(b *testing.B)                    { family(b, "GaussKL") }
func BenchmarkGaussKLBackward(b *testing.B)            { family(b, "GaussKLBackward") }
func BenchmarkGaussKLStandard(b *testing.B)            { family(b, "GaussKLStandard") }
func BenchmarkGaussKLStandardBackward(b *testing.B)    { family(b, "GaussKLStandardBackward") }
func BenchmarkGaussLogProb(b *testing.B)               { family(b, "GaussLogProb") }
func BenchmarkGaussLogProbBackward(b *testing.B)       { family(b, "GaussLogProbBackward") }
func BenchmarkGaussSample(b *testing.B)                { family(b, "GaussSample") }
func BenchmarkGaussSampleBackward(b *testing.B)        { family(b, "GaussSampleBackward") }
func BenchmarkLatentStep(b *testing.B)                 { family(b, "LatentStep") }
func BenchmarkLatentStepBackward(b *testing.B)         { family(b, "LatentStepBackward") }
func BenchmarkLatentStepStandard(b *testing.B)         { family(b, "LatentStepStandard") }
func BenchmarkLatentStepStandardBackward(b *testing.B) { family(b, "LatentStepStandardBackward") }
func BenchmarkGMMLogProb(b *testing.B)                 { family(b, "GMMLogProb") }
func BenchmarkGMMLogProbBackward(b *testing.B)         { family(b, "GMMLogProbBackward") }
func BenchmarkBernoulliLogProb(b *testing.B)           { family(b, "BernoulliLogProb") }
func BenchmarkBernoulliLogProbBackward(b *testing.B)   { family(b, "BernoulliLogProbBackward") }
func BenchmarkCategoricalLogProb(b *testing.B)         { family(b, "CategoricalLogProb") }
func BenchmarkCategoricalLogProbBackward(b *testing.B) { family(b, "CategoricalLogProbBackward") }
func BenchmarkBivariateMixtureLogProb(b *testing.B)    { family(b, "BivariateMixtureLogProb") }
func BenchmarkBivariateMixtureLogProbBackward(b *testing.B) {
	family(b, "BivariateMixtureLogProbBackward")
}
func BenchmarkMultivariateLogProb(b *testing.B)         { family(b, "MultivariateLogProb") }
func BenchmarkMultivariateLogProbBackward(b *testing.B) { family(b, "MultivariateLogProbBackward") }
func BenchmarkMultivariateStudentBackward(b *testing.B) { family(b, "MultivariateStudentBackward") }
func BenchmarkMultivariateLowRank(b *testing.B)         { family(b, "MultivariateLowRank") }
func BenchmarkMultivariateLowRankBackward(b *testing.B) { family(b, "MultivariateLowRankBackward") }
func BenchmarkMultivariateMaskedBackward(b *testing.B)  { family(b, "MultivariateMaskedBackward") }
func BenchmarkMultivariateSample(b *testing.B)          { family(b, "MultivariateSample") }
func BenchmarkMultivariateImpute(b *testing.B)          { family(b, "MultivariateImpute") }
func BenchmarkBivariateLogProb(b *testing.B)            { family(b, "BivariateLogProb") }
func BenchmarkBivariateLogProbBackward(b *testing.B)    { family(b, "BivariateLogProbBackward") }
func BenchmarkLogisticMixtureLogProb(b *testing.B)      { family(b, "LogisticMixtureLogProb") }
func BenchmarkLogisticMixtureLogProbBackward(b *testing.B) {
	family(b, "LogisticMixtureLogProbBackward")
}
func BenchmarkUniform(b *testing.B)        { family(b, "Uniform") }
func BenchmarkNormal(b *testing.B)         { family(b, "Normal") }
func BenchmarkAdam(b *testing.B)           { family(b, "Adam") }
func BenchmarkAdagrad(b *testing.B)        { family(b, "Adagrad") }
func BenchmarkSGD(b *testing.B)            { family(b, "SGD") }
func BenchmarkLSTMGates(b *testing.B)      { family(b, "LSTMGates") }
func BenchmarkGRUGates(b *testing.B)       { family(b, "GRUGates") }
func BenchmarkGRUBeforeGates(b *testing.B) { family(b, "GRUBeforeGates") }
func BenchmarkRNNGates(b *testing.B)       { family(b, "RNNGates") }

// TestEveryKernelIsMeasured compares the exported functions of package kernels with the calls
// in the cases and in the benchmarks of steps, and the cases with the benchmarks above. What
// makes integers or arguments is not measured, nor the product behind a whole sequence.
func TestEveryKernelIsMeasured(t *testing.T) {
	calls := map[string]bool{"Uint32s": true, "Shuffle": true, "GaussHead": true, "GaussHeadGrad": true, "RecurrentGrad": true, "SoftplusFloor": true}
	for _, pattern := range []string{"internal/cases/*.go", "step_test.go", "int8_test.go"} {
		walk(t, pattern, func(n ast.Node) {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if p, ok := s.X.(*ast.Ident); ok && p.Name == "kernels" {
					calls[s.Sel.Name] = true
				}
			}
		})
	}
	walk(t, "../kernels/*.go", func(n ast.Node) {
		if f, ok := n.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.IsExported() && !calls[f.Name.Name] {
			t.Errorf("no case calls kernels.%s", f.Name.Name)
		}
	})
	var benchmarks []string
	walk(t, "kernels_test.go", func(n ast.Node) {
		if f, ok := n.(*ast.FuncDecl); ok {
			if name, ok := strings.CutPrefix(f.Name.Name, "Benchmark"); ok {
				benchmarks = append(benchmarks, name)
			}
		}
	})
	if f := cases.Families(); !slices.Equal(slices.Sorted(slices.Values(f)), slices.Sorted(slices.Values(benchmarks))) {
		t.Errorf("cases %v\nbenchmarks %v", f, benchmarks)
	}
}

// walk calls f with every node of the Go files of a pattern, tests of other packages aside.
func walk(t *testing.T, pattern string, f func(ast.Node)) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(files), err)
	}
	for _, path := range files {
		if strings.HasPrefix(path, "..") && strings.HasSuffix(path, "_test.go") {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			f(n)
			return true
		})
	}
}

// TestCases computes a case of every family twice.
func TestCases(t *testing.T) {
	for _, name := range cases.Families() {
		for _, m := range cases.Of(name) {
			c := m.New()
			if c.Resident() > 1<<20 {
				continue
			}
			first := slices.Clone(c.Result())
			c.Run()
			if again := c.Result(); !slices.Equal(first, again) || len(first) == 0 || c.Elems == 0 || c.Bytes() < c.Resident() {
				t.Errorf("%s: the second result is not the first, or sizes are wrong", c.Name())
			}
			for i, v := range first {
				if v != v {
					t.Errorf("%s: NaN at %d", c.Name(), i)
					break
				}
			}
		}
	}
}
