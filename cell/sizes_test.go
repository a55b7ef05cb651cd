package cell

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"math"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/kernels"
)

// The sizes of TestSizes: the layers are 2 to 3, the batch is 2 and 1 steps long.
const (
	sizesIn, sizesOut = 2, 3
	sizesRows         = 3
	sizesRoom         = 40 // elements of a slice that is long enough
)

// oddSizes are sizes that no layer has and their products do not fit, as far as an int holds them.
var oddSizes = func() (odd []int) {
	for _, n := range []int64{math.MinInt64, -1 << 62, -1, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1<<32 + 1, 1 << 62, 1<<62 + 1, math.MaxInt64} {
		if int64(int(n)) == n {
			odd = append(odd, int(n))
		}
	}
	return odd
}()

// A sizeCall calls an exported function with n integers and the slices s, and says whether
// these are right.
type sizeCall struct {
	ints, slices int
	call         func(w *sizeWorld, n []int, s [][]float32)
	right        func(n, lens []int) bool
	as           string // whose panic it is, if not its own
}

// sizeWorld is what the calls work on.
type sizeWorld struct {
	dense *Dense[float32]
	conv  *Conv1d[float32]
	lstm  *Recurrent[float32]
	shape *Ragged
	seq   *Sequence[float32]
	mlp   *MLP[float32]
	act   *Activations[float32]
	stack *Stack[float32]
	sseq  *StackSequence[float32]
	drop  Dropout[float32]
}

func newSizeWorld() *sizeWorld {
	w := &sizeWorld{dense: NewDense[float32](sizesIn, sizesOut, Tanh), conv: NewConv1d[float32](sizesIn, sizesOut, sizesWindow, Tanh), lstm: NewRecurrentWith[float32](LSTM, sizesIn, sizesOut, Options{Peepholes: true}),
		shape: NewRagged(2, 1), seq: NewSequence[float32](), mlp: NewMLP[float32](ReLU, Linear, sizesIn, 4, sizesOut), act: new(Activations[float32]),
		stack: NewStack[float32](StackConfig{Kind: LSTM, In: sizesIn, Hidden: sizesOut, Layers: 2}), sseq: NewStackSequence[float32](),
		drop: Dropout[float32]{P: 0.5}}
	w.drop.Train(noNoise, 0)
	w.mlp.PackForTraining()
	w.stack.PackForTraining()
	w.dense.PackForTraining()
	w.conv.PackForTraining()
	w.lstm.PackForTraining()
	return w
}

// forward makes the sequence one that has gone forward, backward one that goes backward.
func (w *sizeWorld) forward() {
	w.lstm.Forward(w.seq, w.shape, make([]float32, sizesRows*sizesIn), nil, nil, 1)
}

func (w *sizeWorld) backward() {
	w.forward()
	w.seq.BeginBackward(nil, nil)
}

// has says whether a slice of n elements has room for a matrix; the product is not one of ints.
func has(n, rows, cols int) bool {
	return rows >= 0 && cols >= 0 && float64(rows)*float64(cols) <= float64(n)
}

// cut returns of x no more than rows*cols elements: TestPanics says what becomes of more.
func cut(x []float32, rows, cols int) []float32 {
	if has(len(x), rows, cols) {
		return x[:rows*cols]
	}
	return x
}

// in says whether lo..hi is a range within 0..n.
func in(lo, hi, n int) bool { return 0 <= lo && lo <= hi && hi <= n }

// states says whether slices hold the states of the batch of two; none is nil.
func states(lens ...int) bool { return slices.Min(lens) >= 2*sizesOut }

var noNoise kernels.Noise

// sizeCalls has every exported function that takes sizes or slices of numbers.
var sizeCalls = map[string]sizeCall{
	"NewDense": {ints: 2, call: func(_ *sizeWorld, n []int, _ [][]float32) { NewDense[float32](n[0], n[1], Linear) },
		right: func(n, _ []int) bool { return in(0, n[0], 9) && in(0, n[1], 9) }},
	"NewRecurrent": {ints: 2, call: func(_ *sizeWorld, n []int, _ [][]float32) { NewRecurrent[float32](LSTM, n[0], n[1]) },
		right: func(n, _ []int) bool { return in(0, n[0], 9) && in(0, n[1], 9) }},
	"NewRecurrentWith": {ints: 2, call: func(_ *sizeWorld, n []int, _ [][]float32) {
		NewRecurrentWith[float32](LSTM, n[0], n[1], Options{Peepholes: true})
	}, right: func(n, _ []int) bool { return in(0, n[0], 9) && in(0, n[1], 9) }},
	"NewRagged": {ints: 3, call: func(_ *sizeWorld, n []int, _ [][]float32) { NewRagged(n...) }, right: rightLengths, as: "Ragged.Reset"},
	"Ragged.Reset": {ints: 3, call: func(w *sizeWorld, n []int, _ [][]float32) { w.shape.Reset(n) },
		right: rightLengths},
	"Ragged.Length": {ints: 1, call: func(w *sizeWorld, n []int, _ [][]float32) { w.shape.Length(n[0]) },
		right: func(n, _ []int) bool { return in(0, n[0], 1) }},
	"Ragged.Step": {ints: 1, call: func(w *sizeWorld, n []int, _ [][]float32) { w.shape.Step(n[0]) },
		right: func(n, _ []int) bool { return in(0, n[0], 2) }},
	"Ragged.Row": {ints: 2, call: func(w *sizeWorld, n []int, _ [][]float32) { w.shape.Row(n[0], n[1]) },
		right: func(n, _ []int) bool { return in(0, n[1], 1) && in(0, n[0], 1-n[1]) }},
	"Reverse": {ints: 1, slices: 2, call: func(w *sizeWorld, n []int, s [][]float32) { Reverse(w.shape, s[0], s[1], n[0]) },
		right: func(n, lens []int) bool { return has(lens[0], sizesRows, n[0]) && has(lens[1], sizesRows, n[0]) }},
	"Uniform": {ints: 2, slices: 1, call: func(_ *sizeWorld, n []int, s [][]float32) { Uniform(s[0], n[0], 0, 1, noNoise, n[1]) },
		right: func(n, lens []int) bool {
			if n[0] < 0 || n[0] > MaxWeights {
				return false
			}
			return lens[0] == 0 || n[0] > 0 && lens[0]%n[0] == 0 && n[1] >= 0 && float64(n[1])+float64(lens[0]/n[0]) <= 1<<32
		}},
	"Orthogonal": {ints: 2, slices: 1, call: func(_ *sizeWorld, n []int, s [][]float32) { Orthogonal(s[0], n[0], noNoise, n[1]) },
		right: func(n, lens []int) bool {
			return has(lens[0], n[0], n[0]) && n[1] >= 0 && float64(n[1])+float64(n[0]) <= 1<<32
		}},

	"NewBatch": {ints: 3, call: func(_ *sizeWorld, n []int, _ [][]float32) { NewBatch(n...) }, right: rightAnyLengths, as: "Batch.Reset"},
	"Batch.Reset": {ints: 3, call: func(_ *sizeWorld, n []int, _ [][]float32) { new(Batch).Reset(n) },
		right: rightAnyLengths},
	"FromPadded": {ints: 2, slices: 2, call: func(_ *sizeWorld, n []int, s [][]float32) {
		FromPadded(NewBatch(1, 2), s[0], cut(s[1], 2*n[0], n[1]), Padded{Steps: n[0], Cols: n[1]})
	}, right: func(n, lens []int) bool {
		return in(2, n[0], MaxSteps) && in(0, n[1], MaxSize) && has(lens[0], sizesRows, n[1]) && has(lens[1], 2*n[0], n[1])
	}},
	"ToPadded": {ints: 2, slices: 2, call: func(_ *sizeWorld, n []int, s [][]float32) {
		ToPadded(NewBatch(1, 2), cut(s[0], 2*n[0], n[1]), s[1], Padded{Steps: n[0], Cols: n[1], BatchFirst: true}, 0)
	}, right: func(n, lens []int) bool {
		return in(2, n[0], MaxSteps) && in(0, n[1], MaxSize) && has(lens[1], sizesRows, n[1]) && has(lens[0], 2*n[0], n[1])
	}},
	"SortStates": {ints: 1, slices: 2, call: func(_ *sizeWorld, n []int, s [][]float32) { SortStates(NewBatch(1, 2), s[0], s[1], n[0]) },
		right: rightStates},
	"UnsortStates": {ints: 1, slices: 2, call: func(_ *sizeWorld, n []int, s [][]float32) { UnsortStates(NewBatch(1, 2), s[0], s[1], n[0]) },
		right: rightStates},

	"Dense.Forward": {ints: 1, slices: 2, call: func(w *sizeWorld, n []int, s [][]float32) { w.dense.Forward(s[0], s[1], n[0]) },
		right: func(n, lens []int) bool { return has(lens[0], n[0], sizesOut) && has(lens[1], n[0], sizesIn) }, as: "Dense.Project"},
	"Dense.Project": {ints: 3, slices: 2, call: func(w *sizeWorld, n []int, s [][]float32) { w.dense.Project(s[0], s[1], n[0], n[1], n[2]) },
		right: func(n, lens []int) bool {
			return in(n[1], n[2], sizesIn) && has(lens[0], n[0], sizesOut) && has(lens[1], n[0], n[2]-n[1])
		}},
	"Dense.Activate": {ints: 1, slices: 1, call: func(w *sizeWorld, n []int, s [][]float32) { w.dense.Activate(s[0], n[0]) },
		right: func(n, lens []int) bool { return has(lens[0], n[0], sizesOut) }},
	"Dense.ActivateBackward": {ints: 1, slices: 2, call: func(w *sizeWorld, n []int, s [][]float32) { w.dense.ActivateBackward(s[0], s[1], n[0]) },
		right: func(n, lens []int) bool { return has(lens[0], n[0], sizesOut) && has(lens[1], n[0], sizesOut) }},
	"Dense.InputGrad": {ints: 3, slices: 2, call: func(w *sizeWorld, n []int, s [][]float32) { w.dense.InputGrad(s[0], s[1], n[0], n[1], n[2], true) },
		right: func(n, lens []int) bool {
			return in(n[1], n[2], sizesIn) && has(lens[0], n[0], n[2]-n[1]) && has(lens[1], n[0], sizesOut)
		}},
	"Dense.ParamGrad": {ints: 5, slices: 2, call: func(w *sizeWorld, n []int, s [][]float32) {
		w.dense.ParamGrad(w.dense.NewGrad(), s[0], s[1], n[0], n[1], n[2], n[3], n[4])
	}, right: func(n, lens []int) bool {
		return in(n[1], n[2], sizesIn) && in(n[3], n[4], sizesOut) && has(lens[0], n[0], sizesOut) && has(lens[1], n[0], n[2]-n[1])
	}},

	"NewConv1d": {ints: 2, call: func(_ *sizeWorld, n []int, _ [][]float32) { NewConv1d[float32](n[0], n[1], sizesWindow, Linear) },
		right: func(n, _ []int) bool { return in(0, n[0], 9) && in(0, n[1], 9) }},
	"Window.Outputs": {ints: 1, call: func(_ *sizeWorld, n []int, _ [][]float32) { sizesWindow.Outputs(n[0]) },
		right: func(n, _ []int) bool { return in(0, n[0], MaxSteps) }},
	"Conv1d.Forward": {ints: 2, slices: 2, call: func(w *sizeWorld, n []int, s [][]float32) { w.conv.Forward(s[0], s[1], n[0], n[1]) },
		right: func(n, lens []int) bool { return convFits(n, lens[1], lens[0]) }},
	"Conv1d.ActivateBackward": {ints: 2, slices: 2, call: func(w *sizeWorld, n []int, s [][]float32) { w.conv.ActivateBackward(s[0], s[1], n[0], n[1]) },
		right: func(n, lens []int) bool { return convFits(n, sizesRoom*sizesRoom, min(lens[0], lens[1])) }},
	"Conv1d.InputGrad": {ints: 2, slices: 2, call: func(w *sizeWorld, n []int, s [][]float32) { w.conv.InputGrad(s[0], s[1], n[0], n[1], false) },
		right: func(n, lens []int) bool { return convFits(n, lens[0], lens[1]) }},
	"Conv1d.ParamGrad": {ints: 4, slices: 2, call: func(w *sizeWorld, n []int, s [][]float32) {
		w.conv.ParamGrad(w.conv.NewGrad(), s[0], s[1], n[0], n[1], n[2], n[3])
	}, right: func(n, lens []int) bool { return in(n[2], n[3], sizesOut) && convFits(n, lens[1], lens[0]) }},

	"Recurrent.Project": {ints: 4, slices: 1, call: func(w *sizeWorld, n []int, s [][]float32) {
		w.seq.Begin(w.lstm, w.shape, nil, nil)
		w.lstm.Project(w.seq, s[0], n[0], n[1], n[2], n[3])
	}, right: func(n, lens []int) bool {
		return in(n[0], n[1], sizesRows) && in(n[2], n[3], sizesIn) && has(lens[0], n[1]-n[0], n[3]-n[2])
	}},
	"Recurrent.Step": {ints: 3, call: func(w *sizeWorld, n []int, _ [][]float32) {
		w.forward()
		w.lstm.Step(w.seq, n[0], n[1], n[2])
	}, right: func(n, _ []int) bool { return in(0, n[0], 1) && in(n[1], n[2], 2) }},
	"Recurrent.StepBackward": {ints: 3, slices: 1, call: func(w *sizeWorld, n []int, s [][]float32) {
		w.backward()
		w.lstm.StepBackward(w.seq, n[0], n[1], n[2], s[0])
	}, right: func(n, lens []int) bool { return in(0, n[0], 1) && in(n[1], n[2], 2) && lens[0]%sizesOut == 0 }},
	"Recurrent.InputGrad": {ints: 4, slices: 1, call: func(w *sizeWorld, n []int, s [][]float32) {
		w.backward()
		w.lstm.InputGrad(w.seq, s[0], n[0], n[1], n[2], n[3], false)
	}, right: func(n, lens []int) bool {
		return in(n[0], n[1], sizesRows) && in(n[2], n[3], sizesIn) && has(lens[0], n[1]-n[0], n[3]-n[2])
	}},
	"Recurrent.ParamGrad": {ints: 4, slices: 1, call: func(w *sizeWorld, n []int, s [][]float32) {
		w.backward()
		w.lstm.ParamGrad(w.lstm.NewGrad(), w.seq, s[0], n[0], n[1], n[2], n[3])
	}, right: func(n, lens []int) bool {
		return in(n[0], n[1], sizesIn) && in(n[2], n[3], 4*sizesOut) && has(lens[0], sizesRows, n[1]-n[0])
	}},
	"Recurrent.Forward": {ints: 1, slices: 3, call: func(w *sizeWorld, n []int, s [][]float32) {
		w.lstm.Forward(w.seq, w.shape, cut(s[0], sizesRows, sizesIn), s[1], s[2], n[0])
	}, right: func(n, lens []int) bool {
		return in(0, n[0], MaxThreads) && has(lens[0], sizesRows, sizesIn) && states(lens[1:]...)
	}},
	"Recurrent.Backward": {ints: 1, slices: 7, call: func(w *sizeWorld, n []int, s [][]float32) {
		w.forward()
		w.lstm.Backward(w.seq, w.lstm.NewGrad(), Grads[float32]{DX: s[0], DH0: s[1], DC0: s[2], DY: s[3], DHn: s[4], DCn: s[5]}, s[6], n[0])
	}, right: func(n, lens []int) bool {
		return in(0, n[0], MaxThreads) && has(lens[0], sizesRows, sizesIn) && has(lens[3], sizesRows, sizesOut) &&
			states(lens[1], lens[2], lens[4], lens[5]) && has(lens[6], sizesRows, sizesIn)
	}},
	"Recurrent.NewStream": {ints: 1, call: func(w *sizeWorld, n []int, _ [][]float32) { w.lstm.NewStream(n[0]) },
		right: func(n, _ []int) bool { return in(0, n[0], 9) }},
	"Stream.Push": {slices: 1, call: func(w *sizeWorld, _ []int, s [][]float32) { w.lstm.NewStream(2).Push(cut(s[0], 2, sizesIn)) },
		right: func(_, lens []int) bool { return has(lens[0], 2, sizesIn) }},

	"Sequence.Begin": {slices: 2, call: func(w *sizeWorld, _ []int, s [][]float32) { w.seq.Begin(w.lstm, w.shape, s[0], s[1]) },
		right: func(_, lens []int) bool { return states(lens...) }},
	"Sequence.Final": {slices: 2, call: func(w *sizeWorld, _ []int, s [][]float32) {
		w.forward()
		w.seq.Final(s[0], s[1])
	}, right: func(_, lens []int) bool { return states(lens...) }},
	"Sequence.BeginBackward": {slices: 2, call: func(w *sizeWorld, _ []int, s [][]float32) {
		w.forward()
		w.seq.BeginBackward(s[0], s[1])
	}, right: func(_, lens []int) bool { return states(lens...) }},
	"Sequence.InitialGrad": {ints: 2, slices: 2, call: func(w *sizeWorld, n []int, s [][]float32) {
		w.backward()
		w.seq.InitialGrad(s[0], s[1], n[0], n[1])
	}, right: func(n, lens []int) bool { return in(n[0], n[1], 2) && states(lens...) }},
}

var sizesWindow = Window{Kernel: 2, Stride: 1, Padding: 1}

// convFits says whether input and output of a convolution have room for n[0] sequences of n[1] steps, each of
// which makes one output more.
func convFits(n []int, x, y int) bool {
	most := float64(sizesRoom * sizesRoom)
	return in(0, n[0], MaxRows) && in(0, n[1], MaxSteps) && float64(n[0])*float64(n[1]+1) <= most &&
		has(x, n[0]*n[1], sizesIn) && has(y, n[0]*(n[1]+1), sizesOut)
}

func rightAnyLengths(n, _ []int) bool { return in(0, n[0], 9) && in(0, n[1], 9) && in(0, n[2], 9) }

// rightStates says whether the second slice has whole layers of states of a batch of two.
func rightStates(n, lens []int) bool {
	if n[0] == 0 {
		return lens[1] == 0
	}
	return in(0, n[0], MaxSize) && lens[1]%(2*n[0]) == 0 && lens[0] >= lens[1]
}

func rightLengths(n, _ []int) bool { return in(0, n[2], n[1]) && in(n[1], n[0], 9) }

// TestSizes calls every exported function with sizes from the negative ones to the largest and
// slices that are too short. What is wrong is a panic of the package, by the name of the function
// and before anything is written; what is right is none; and nothing outside the slices is
// touched.
func TestSizes(t *testing.T) {
	blastest.UseGo(t)
	if got, want := slices.Sorted(maps.Keys(sizeCalls)), exportedWithSizes(t); !slices.Equal(got, want) {
		t.Fatalf("the table has\n%v\nthe package\n%v", got, want)
	}
	draws := 300
	if testing.Short() {
		draws = 100
	}
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, name := range slices.Sorted(maps.Keys(sizeCalls)) {
			c := sizeCalls[name]
			rng := rand.New(rand.NewPCG(8, 8))
			fences := make([]*asmtest.Fence, c.slices)
			for i := range fences {
				fences[i] = asmtest.NewFence(sizesRoom)
				defer fences[i].Close()
			}
			outcomes := map[bool]int{}
			for range draws {
				n, s := make([]int, c.ints), make([][]float32, c.slices)
				for i := range n {
					if n[i] = rng.IntN(4); rng.IntN(2*c.ints) == 0 {
						n[i] = oddSizes[rng.IntN(len(oddSizes))]
					}
				}
				for i, f := range fences {
					length := sizesRoom
					if rng.IntN(2*c.slices) == 0 {
						length = rng.IntN(8)
					}
					if s[i] = f.Head(length); rng.IntN(2) == 0 {
						s[i] = f.Tail(length)
					}
					for j := range s[i] {
						s[i][j] = float32(j%5) - 2
					}
				}
				if outcomes[c.try(t, name, n, s, fences)]++; t.Failed() {
					return
				}
			}
			if c.ints+c.slices > 0 && (outcomes[true] < draws/50 || outcomes[false] < draws/50) {
				t.Errorf("%s: %d calls were right and %d wrong: nothing was tested", name, outcomes[true], outcomes[false])
			}
		}
	})
}

// try makes one call and reports whether it was right.
func (c sizeCall) try(t *testing.T, name string, n []int, s [][]float32, fences []*asmtest.Fence) (right bool) {
	t.Helper()
	lens, before := make([]int, len(s)), make([][]float32, len(s))
	for i := range s {
		lens[i], before[i] = len(s[i]), slices.Clone(s[i])
	}
	right = c.right(n, lens)
	what := fmt.Sprintf("%s: sizes %v, lengths %v", name, n, lens)
	problem := func() (p any) {
		defer func() { p = recover() }()
		c.call(newSizeWorld(), slices.Clone(n), s)
		return nil
	}()
	as := c.as
	if as == "" {
		as = name
	}
	_, fault := problem.(runtime.Error)
	switch text := fmt.Sprint(problem); {
	case right && problem != nil:
		t.Errorf("%s: panic %q, want none", what, text)
	case !right && problem == nil:
		t.Errorf("%s: no panic", what)
	case !right && (fault || !strings.HasPrefix(text, "cell: "+as+": ")):
		t.Errorf("%s: panic %q, want one of cell: %s", what, text, as)
	}
	for i, f := range fences {
		if at, written := f.Check(s[i]); written {
			t.Errorf("%s: element %d of slice %d was written", what, at, i)
		}
		if problem != nil && !slices.Equal(s[i], before[i]) {
			t.Errorf("%s: slice %d was written before the panic", what, i)
		}
	}
	return right
}

// exportedWithSizes returns the exported functions and methods of the package that take integers
// or slices of numbers, sorted.
func exportedWithSizes(t *testing.T) (names []string) {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || !f.Name.IsExported() || !slices.ContainsFunc(f.Type.Params.List, func(p *ast.Field) bool { return isSize(p.Type) }) {
				continue
			}
			name := f.Name.Name
			if f.Recv != nil {
				name = asmtest.TypeName(f.Recv.List[0].Type) + "." + name
			}
			if ast.IsExported(name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// isSize reports whether a parameter is an integer or a slice of numbers.
func isSize(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name == "int" || e.Name == "T"
	case *ast.Ellipsis:
		return isSize(e.Elt)
	case *ast.ArrayType:
		return isSize(e.Elt)
	}
	return false
}
