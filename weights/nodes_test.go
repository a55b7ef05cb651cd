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
