package weights

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/cell"
)

// TestNodes runs the node tests of ONNX for RNN, LSTM and GRU, and our own with the outputs of ONNX Runtime.
func TestNodes(t *testing.T) {
	f := open(t, "testdata/onnx_nodes.npz")
	names := map[string]bool{}
	for _, x := range f.Tensors {
		if name, ok := strings.CutSuffix(x.Name, "/model"); ok {
			names[name] = true
		}
	}
	count := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		node := f.Under(name + "/")
		count[name[:4]]++
		runNode[float32](t, name, node, 1e-5)
		runNode[float64](t, name, node, 1e-5)
	}
	if count["onnx"] < 10 || count["ort_"] < 15 {
		t.Errorf("cases: %v", count)
	}
}

func runNode[T cell.Float](t *testing.T, name string, c *File, bound float64) {
	t.Helper()
	model, err := Parse(name, c.Tensor("model").bytes())
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	// The cases of ONNX have the weights as inputs.
	for _, in := range c.Under("in/").Tensors {
		if in.Name != "X" && in.Name != "x" {
			model.Nodes[0].scope.tensors[in.Name] = in
		}
	}
	all, err := Recurrents[T](model)
	if err != nil {
		if strings.Contains(err.Error(), "clip") && strings.Contains(name, "clip") {
			return
		}
		t.Fatalf("%s: %v", name, err)
	}
	if len(all) != 1 {
		t.Fatalf("%s: %d nodes", name, len(all))
	}
	for _, r := range all {
		r.Stack.Pack()
		xt := c.Tensor("in/" + r.Inputs[0])
		x, err := Values[T](xt)
		if err != nil {
			t.Fatal(err)
		}
		batch := xt.Shape[1]
		if r.BatchFirst {
			batch = xt.Shape[0]
		}
		y, yh, yc := r.Forward(x, batch, nil, nil, nil)
		for i, got := range [][]T{y, yh, yc} {
			if i >= len(r.Outputs) || r.Outputs[i] == "" {
				continue
			}
			want, err := Values[float64](c.Tensor("out/" + r.Outputs[i]))
			if err != nil {
				t.Fatal(err)
			}
			if d := far(got, want); !(d <= bound) {
				t.Errorf("%s: %s is off by %v", name, r.Outputs[i], d)
			}
		}
	}
}

// TestNoMemory: a state c is refused where there is none, by graphs with an error.
func TestNoMemory(t *testing.T) {
	stacks(func(name string, st *cell.Stack[float32]) {
		if st.Layers[0].Kind == cell.LSTM || len(st.Layers) > 1 {
			return
		}
		g := NewGraph[float32]("refused")
		x, c := g.Input("x", "steps", "batch", st.In()), g.Input("c0", 1, "batch", 4)
		want := ": a layer of kind " + st.Layers[0].Kind.String() + " has no state c"
		if _, _, _, err := g.Stack(st, x, "", c); err == nil || err.Error() != `weights: c0 = "c0", want ""`+want {
			t.Errorf("%s: %v", name, err)
		}
		f, err := Parse(name, graphOf(t, st))
		if err != nil {
			t.Fatal(err)
		}
		all, err := Recurrents[float32](f)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range all {
			r.Stack.Pack()
			func() {
				defer func() {
					if got := recover(); got != "weights: Recurrent.Forward: len(c0) = 4, want 0"+want {
						t.Errorf("%s: panic %v", name, got)
					}
				}()
				r.Forward(make([]float32, st.In()), 1, nil, nil, make([]float32, 4))
			}()
		}
		f.Nodes[0].Inputs = append(f.Nodes[0].Inputs, "memory")
		if _, err := Recurrents[float32](f); err == nil || !strings.Contains(err.Error(), `input initial_c is "memory", want none`+want) {
			t.Errorf("%s: %v", name, err)
		}
	})
}
