package bench_test

import (
	"go/ast"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/bench"
	"github.com/elbow-go/elbow/bench/internal/cases"
	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/cell"
)

// allKinds are the kinds of recurrent layers.
var allKinds = []cell.Kind{cell.LSTM, cell.GRU, cell.GRUBefore, cell.RNNTanh, cell.RNNReLU}

// timed benchmarks cases under every implementation, and reports the share of the peak that
// their products reach and the time of a row: of a step of a sequence, say.
func timed(b *testing.B, list []cases.Maker) {
	for _, m := range shortened(list) {
		b.Run(m.Keys, func(b *testing.B) {
			c := m.New()
			forEachImpl(b, true, func(b *testing.B) {
				peak := gemmPeak()
				b.ReportAllocs()
				for b.Loop() {
					c.Run()
				}
				peak.report(b, c.Flops)
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(c.Elems)/1e3, "us/row")
			}, c.Result)
		})
	}
}

// BenchmarkSequence is a batch of sequences of equal length through every kind of layer, as
// inference and as training with all gradients.
func BenchmarkSequence(b *testing.B) { timed(b, cases.Sequences(allKinds, bench.Sequences)) }

// BenchmarkSpun is a sequence whose steps two goroutines share, and the same on one.
func BenchmarkSpun(b *testing.B) { timed(b, cases.Spun(bench.SpunSequences)) }

// BenchmarkStream is a step of streams side by side, with the input's product.
func BenchmarkStream(b *testing.B) { timed(b, cases.Steps(allKinds, bench.PeerSteps)) }

// BenchmarkRagged is a training on sequences of different lengths.
func BenchmarkRagged(b *testing.B) { timed(b, cases.Raggeds(bench.Raggeds)) }

// BenchmarkOption is a training of layers with each of the options.
func BenchmarkOption(b *testing.B) { timed(b, cases.Options(bench.Sequences[0])) }

// BenchmarkQuantized is BenchmarkSequence with weights of int8, in inference.
func BenchmarkQuantized(b *testing.B) {
	forEachDot(b, func(b *testing.B) { timed(b, cases.Quantized(allKinds[:2], bench.QuantizedSequences)) })
}

// BenchmarkStack is a training of layers on top of each other.
func BenchmarkStack(b *testing.B) { timed(b, cases.Stacks()) }

// BenchmarkMLP is a training of dense layers and a pass through one.
func BenchmarkMLP(b *testing.B) { timed(b, cases.MLPs()) }

// BenchmarkConv1d is a training of a convolution over steps.
func BenchmarkConv1d(b *testing.B) { timed(b, cases.Convs()) }

// BenchmarkTrain is an update of a whole model: forward, backward, Adam and packing.
func BenchmarkTrain(b *testing.B) { timed(b, cases.Models(bench.Models)) }

// TestEveryLayerIsMeasured: every type of package cell that has a Forward or a Push is made by a
// case, every kind is in allKinds, and every field of Options is set by a case.
func TestEveryLayerIsMeasured(t *testing.T) {
	made, set := map[string]bool{"Stream": true}, map[string]bool{}
	walk(t, "internal/cases/*.go", func(n ast.Node) {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if p, ok := n.X.(*ast.Ident); ok && p.Name == "cell" {
				made[strings.TrimPrefix(n.Sel.Name, "New")] = true
			}
		case *ast.KeyValueExpr:
			if k, ok := n.Key.(*ast.Ident); ok {
				set[k.Name] = true
			}
		}
	})
	kinds := 0
	walk(t, "../cell/*.go", func(n ast.Node) {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil || n.Name.Name != "Forward" && n.Name.Name != "Push" {
				return
			}
			if name := receiver(n); ast.IsExported(name) && !made[name] {
				t.Errorf("no case makes a cell.%s", name)
			}
		case *ast.TypeSpec:
			s, ok := n.Type.(*ast.StructType)
			if !ok || n.Name.Name != "Options" {
				return
			}
			for _, f := range s.Fields.List {
				for _, name := range f.Names {
					if !set[name.Name] {
						t.Errorf("no case sets Options.%s", name.Name)
					}
				}
			}
		}
	})
	for k := cell.Kind(0); !strings.HasPrefix(k.String(), "Kind("); k++ {
		kinds++
		if !slices.Contains(allKinds, k) {
			t.Errorf("no benchmark of %v", k)
		}
	}
	if kinds != len(allKinds) {
		t.Errorf("%d kinds, %d of them measured", kinds, len(allKinds))
	}
}

// receiver is the name of the type that a method is of.
func receiver(f *ast.FuncDecl) (name string) {
	ast.Inspect(f.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && name == "" {
			name = id.Name
		}
		return true
	})
	return name
}

// TestEveryModelIsMeasured: the models that package model names are in bench.Models.
func TestEveryModelIsMeasured(t *testing.T) {
	walk(t, "../model/*.go", func(n ast.Node) {
		v, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(v.Names[0].Name, "Model") || len(v.Values) == 0 {
			return
		}
		if lit, ok := v.Values[0].(*ast.BasicLit); ok {
			name := strings.Trim(lit.Value, `"`)
			if !slices.ContainsFunc(bench.Models, func(m bench.Model) bool { return m.Name == name || strings.HasPrefix(m.Name, name+"-") }) {
				t.Errorf("no benchmark of the model %s", name)
			}
		}
	})
}

// TestLayerCases computes a case of each kind of layer twice.
func TestLayerCases(t *testing.T) {
	blastest.UseGo(t) // under OpenBLAS the first product after packing may have other bits than later ones
	tiny := bench.Sequence{B: 2, T: 3, I: 4, H: 8}
	list := slices.Concat(cases.Sequences(allKinds, []bench.Sequence{tiny}), cases.Steps(allKinds, [][2]int{{2, 8}}), cases.Options(tiny),
		cases.Raggeds([]bench.Ragged{{Lengths: []int{3, 2}, I: 4, H: 8}}), cases.Stacks()[:2], cases.MLPs()[2:4], cases.Models(bench.Models[2:]))
	for _, m := range list {
		c := m.New()
		first := c.Result()
		if again := c.Result(); !slices.Equal(first, again) || len(first) == 0 || c.Flops == 0 || c.Elems == 0 {
			t.Errorf("%s: the second result is not the first, or sizes are missing", c.Name())
		}
	}
}
