package weights

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

func randomConv(w cell.Window) *cell.Conv1d[float32] {
	l := cell.NewConv1d[float32](3, 4, w, cell.Linear)
	l.Init(kernels.Noise{Seed: 8})
	return l
}

// TestConv1dRoundTrip: every library has the shape that it should, and gives back the layer.
func TestConv1dRoundTrip(t *testing.T) {
	l := randomConv(cell.Window{Kernel: 2, Stride: 3, Padding: 1})
	shapes := map[string][]int{"PyTorch": {4, 3, 2}, "ONNX": {4, 3, 2}, "Keras": {2, 3, 4}, "TensorFlow 1": {2, 3, 4}, "Elbow": {4, 2, 3}}
	for _, c := range Conventions() {
		if len(c.conv) == 0 {
			continue
		}
		f := new(File)
		AddConv1d(f, "conv"+c.sep, l, c)
		got, err := Conv1d[float32](f.Under("conv"+c.sep), c, cell.Window{Stride: 3, Padding: 1}, cell.Linear)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.W, l.W) || !slices.Equal(got.B, l.B) || got.Window != l.Window {
			t.Errorf("%s: %v, want %v", c.Name, got.W, l.W)
		}
		if !slices.Equal(f.Tensors[0].Shape, shapes[c.Name]) {
			t.Errorf("%s: shape %v, want %v", c.Name, f.Tensors[0].Shape, shapes[c.Name])
		}
		delete(shapes, c.Name)
	}
	if len(shapes) > 0 {
		t.Errorf("no convolutions of %v", shapes)
	}
}

// TestConv1dOfPyTorch: element [out, in, tap] of PyTorch is [out, tap, in] of ours.
func TestConv1dOfPyTorch(t *testing.T) {
	f := new(File)
	f.Add(Of("c.weight", []int{2, 3, 2}, []float32{111, 112, 121, 122, 131, 132, 211, 212, 221, 222, 231, 232}))
	l, err := Conv1d[float32](f.Under("c."), PyTorch, cell.Window{Stride: 1}, cell.ReLU)
	if err != nil {
		t.Fatal(err)
	}
	if want := []float32{111, 121, 131, 112, 122, 132, 211, 221, 231, 212, 222, 232}; !slices.Equal(l.W, want) || l.Act != cell.ReLU || l.B[1] != 0 {
		t.Errorf("%v, want %v", l.W, want)
	}
}

func TestConv1dMismatch(t *testing.T) {
	f := new(File)
	f.Add(Of("weight", []int{2, 3}, make([]float32, 6)), Of("other", nil, []float32{1}), Of("bias", []int{3}, make([]float32, 3)))
	if _, err := Conv1d[float32](f, PyTorch, cell.Window{Stride: 1}, cell.Linear); err == nil || !strings.Contains(err.Error(), "left over other") ||
		!strings.Contains(err.Error(), "weight: shape [2 3] of F32") {
		t.Error(err)
	}
	f = new(File)
	AddConv1d(f, "", randomConv(cell.Window{Kernel: 2, Stride: 1}), PyTorch)
	if _, err := Conv1d[float32](f, PyTorch, cell.Window{Kernel: 3, Stride: 1}, cell.Linear); err == nil || !strings.Contains(err.Error(), "a kernel of 2, want 3") {
		t.Error(err)
	}
	if _, err := Conv1d[float32](f, OneDNN, cell.Window{Stride: 1}, cell.Linear); err == nil || !strings.Contains(err.Error(), "oneDNN has no convolutions") {
		t.Error(err)
	}
}

// TestConvNodes: the nodes Conv of ONNX with their attributes, and what is refused.
func TestConvNodes(t *testing.T) {
	g := NewGraph[float32]("convolutions")
	l := randomConv(cell.Window{Kernel: 2, Stride: 1})
	f := new(File)
	AddConv1d(f, "", l, ONNX)
	v, err := Values[float32](f.Tensor("W"))
	if err != nil {
		t.Fatal(err)
	}
	x, w, b := g.Input("x", "batch", 3, "steps"), g.Constant([]int{4, 3, 2}, v), g.Constant([]int{4}, l.B)
	windows, refused := map[string]cell.Window{}, map[string]string{}
	add := func(w cell.Window, a map[string]any, inputs ...string) { windows[g.Op("Conv", a, inputs...)] = w }
	refuse := func(what string, a map[string]any, inputs ...string) { refused[g.Op("Conv", a, inputs...)] = what }
	add(cell.Window{Kernel: 2, Stride: 1}, nil, x, w, b)
	add(cell.Window{Kernel: 2, Stride: 3, Padding: 5}, map[string]any{"kernel_shape": []int{2}, "strides": []int{3}, "pads": []int{5, 5}, "dilations": []int{1}, "group": 1}, x, w, b)
	add(cell.Window{Kernel: 2, Stride: 1}, map[string]any{"auto_pad": "VALID"}, x, w)
	refuse("pads = [0 1]", map[string]any{"pads": []int{0, 1}}, x, w)
	refuse("dilations = [2]", map[string]any{"dilations": []int{2}}, x, w)
	refuse("group = 3", map[string]any{"group": 3}, x, w)
	refuse(`auto_pad = "SAME_UPPER"`, map[string]any{"auto_pad": "SAME_UPPER"}, x, w)
	refuse("strides = [0]", map[string]any{"strides": []int{0}}, x, w)
	refuse("strides = [1 1], want 1 sizes", map[string]any{"strides": []int{1, 1}}, x, w)
	refuse("a kernel of 2, want 3", map[string]any{"kernel_shape": []int{3}}, x, w)
	refuse("graph computes", nil, x, w, x)
	refuse("B: shape [4 3 2]", nil, x, w, w)
	g.Op("Conv", nil, x, x) // is no layer
	var raw bytes.Buffer
	if err := g.Write(&raw, nil); err != nil {
		t.Fatal(err)
	}
	if f, err = Parse("f", raw.Bytes()); err != nil {
		t.Fatal(err)
	}
	all, err := ConvNodes[float32](f)
	if len(all) != len(windows) || err == nil {
		t.Fatalf("%d nodes, %v", len(all), err)
	}
	for name, w := range windows {
		got := all[name]
		if got == nil || got.Window != w || !slices.Equal(got.W, l.W) || len(f.Nodes[0].Inputs) == 3 && got.B[0] != l.B[0] && got.B[0] != 0 {
			t.Errorf("%s: %+v, want %+v", name, got, w)
		}
	}
	for name, what := range refused {
		lines := slices.DeleteFunc(strings.Split(err.Error(), "\n"), func(l string) bool { return !strings.Contains(l, `"`+name+`"`) })
		if len(lines) != 1 || !strings.Contains(lines[0], what) {
			t.Errorf("%s: %v, want %q", name, lines, what)
		}
	}
}
