package cell

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
)

// stackGolden is a file testdata/stack_*.json: stacks as PyTorch computes them from padded batches
// in any order. testdata/golden_stack.py writes the files and describes them.
type stackGolden struct {
	MadeBy  string            `json:"made_by"`
	Python  string            `json:"python"`
	Torch   string            `json:"torch"`
	Seed    int64             `json:"seed"`
	Kind    string            `json:"kind"`
	In      int               `json:"in"`
	Hidden  int               `json:"hidden"`
	Proj    int               `json:"proj"`
	Norm    bool              `json:"norm"`
	Steps   int               `json:"steps"`
	Lengths []int             `json:"lengths"`
	Cases   []stackGoldenCase `json:"cases"`
}

type stackGoldenCase struct {
	Layers        int  `json:"layers"`
	Bidirectional bool `json:"bidirectional"`
	BatchFirst    bool `json:"batch_first"`

	X, H0, C0    []float64
	Y, Hn, Cn    []float64
	Gy, Ghn, Gcn []float64
	DX, DH0, DC0 []float64
	Params       []struct {
		Name        string
		Value, Grad []float64
	} `json:"params"`
	Err map[string]float64 `json:"err"` // root mean square error of PyTorch's float32
}

func loadStackGolden(t *testing.T, name string) *stackGolden {
	t.Helper()
	f, err := os.Open("testdata/stack_" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	g := new(stackGolden)
	d := json.NewDecoder(f)
	d.DisallowUnknownFields()
	if err := d.Decode(g); err != nil {
		t.Fatal(err)
	}
	if len(g.Cases) == 0 {
		t.Fatalf("%s has no cases", f.Name())
	}
	return g
}

// TestGoldenStack compares stacks of one to three layers, in one direction and both, with PyTorch:
// padded batches whose lengths are in any order, all values, all gradients. float64 agrees to its
// rounding; float32 is in every file, and with one direction and both, about as close to float64 as
// PyTorch's own.
func TestGoldenStack(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		for name, kind := range map[string]Kind{"rnntanh": RNNTanh, "lstm": LSTM, "gru": GRU, "lstm_proj": LSTM, "lstm_norm": LSTM, "gru_norm": GRU} {
			g := loadStackGolden(t, name)
			bound := 1e-5
			if g.Norm {
				bound = 4e-5 // the least variance of three units divides
			}
			ratios := map[bool][]float64{} // by whether it is bidirectional
			for _, c := range g.Cases {
				for what, diff := range runStackGolden[float64](t, g, c, kind) {
					if !(diff.most <= 1e-12) {
						t.Errorf("%s, %d layers, bidirectional %v: %s is off by %v, want at most 1e-12", name, c.Layers, c.Bidirectional, what, diff.most)
					}
				}
				for what, diff := range runStackGolden[float32](t, g, c, kind) {
					if !(diff.most <= bound) {
						t.Errorf("%s, %d layers, bidirectional %v: float32 %s is off by %v", name, c.Layers, c.Bidirectional, what, diff.most)
					}
					ratios[c.Bidirectional] = append(ratios[c.Bidirectional], diff.rms/c.Err[what])
				}
			}
			for both, r := range ratios {
				slices.Sort(r)
				median := r[len(r)/2]
				t.Logf("%s, bidirectional %v: errors of float32 to those of PyTorch: median %.2f, from %.2f to %.2f in %d tensors", name, both, median, r[0], r[len(r)-1], len(r))
				if !(median <= 1.5) {
					t.Errorf("%s, bidirectional %v: the median error of float32 is %v that of PyTorch, want at most 1.5", name, both, median)
				}
			}
		}
	})
}

// goldenDiff is how far a tensor is from what PyTorch has in float64.
type goldenDiff struct{ most, rms float64 }

// runStackGolden runs a case and returns how far each result is off.
func runStackGolden[T Float](t *testing.T, g *stackGolden, c stackGoldenCase, kind Kind) map[string]goldenDiff {
	t.Helper()
	config := StackConfig{Kind: kind, In: g.In, Hidden: g.Hidden, Layers: c.Layers, Options: Options{Proj: g.Proj, LayerNorm: g.Norm}}
	if c.Bidirectional {
		config.Bidirectional = Concat
	}
	st := NewStack[T](config)
	params := st.Tensors()
	for i, p := range c.Params {
		if i >= len(params) || params[i].Name != p.Name || len(params[i].Data) != len(p.Value) {
			t.Fatalf("parameter %d is %s of %d elements, not one of the stack", i, p.Name, len(p.Value))
		}
		copy(params[i].Data, convert[T](p.Value))
	}
	st.PackForTraining()

	b := NewBatch(g.Lengths...)
	in, out := Padded{Steps: g.Steps, Cols: g.In, BatchFirst: c.BatchFirst}, Padded{Steps: g.Steps, Cols: st.Out(), BatchFirst: c.BatchFirst}
	rows := func(src []float64, p Padded) []T {
		dst := make([]T, b.Shape.Rows()*p.Cols)
		FromPadded(b, dst, convert[T](src), p)
		return dst
	}
	padded := func(src []T, p Padded) []T {
		dst := make([]T, len(g.Lengths)*g.Steps*p.Cols)
		ToPadded(b, dst, src, p, 0)
		return dst
	}
	h, cc := st.Layers[0].Out(), g.Hidden // columns of the states
	sorted := func(src []float64, cols int) []T {
		dst := make([]T, len(src))
		SortStates(b, dst, convert[T](src), cols)
		return dst
	}
	unsorted := func(src []T, cols int) []T {
		dst := make([]T, len(src))
		UnsortStates(b, dst, src, cols)
		return dst
	}
	x, seq, grad := rows(c.X, in), NewStackSequence[T](), st.NewGrad()
	st.Forward(seq, b.Shape, x, sorted(c.H0, h), sorted(c.C0, cc), 1)
	hn, cn := make([]T, len(c.Hn)), make([]T, len(c.Cn))
	seq.Final(hn, cn)
	y := padded(seq.H, out)
	gs := Grads[T]{DY: rows(c.Gy, out), DHn: sorted(c.Ghn, h), DCn: sorted(c.Gcn, cc),
		DX: make([]T, len(x)), DH0: make([]T, len(c.H0)), DC0: make([]T, len(c.C0))}
	st.Backward(seq, grad, gs, x, 1)

	diffs := map[string]goldenDiff{"y": diff(y, c.Y), "hn": diff(unsorted(hn, h), c.Hn), "dx": diff(padded(gs.DX, in), c.DX), "dh0": diff(unsorted(gs.DH0, h), c.DH0)}
	if kind == LSTM {
		diffs["cn"], diffs["dc0"] = diff(unsorted(cn, cc), c.Cn), diff(unsorted(gs.DC0, cc), c.DC0)
	}
	grads := grad.Tensors()
	for i, p := range c.Params {
		diffs["d"+p.Name] = diff(grads[i].Data, p.Grad)
	}
	if len(diffs) != len(c.Err) || len(c.Params) != len(params) {
		t.Fatalf("%d results and %d parameters, want %d and %d", len(diffs), len(params), len(c.Err), len(c.Params))
	}
	return diffs
}

func diff[T Float](got []T, want []float64) (d goldenDiff) {
	if len(got) != len(want) {
		return goldenDiff{math.Inf(1), math.Inf(1)}
	}
	sum := 0.0
	for i, w := range want {
		e := math.Abs(float64(got[i]) - w)
		sum += e * e
		if e /= 1 + math.Abs(w); !(e <= d.most) {
			d.most = e
		}
	}
	d.rms = math.Sqrt(sum / float64(len(want)))
	return d
}
