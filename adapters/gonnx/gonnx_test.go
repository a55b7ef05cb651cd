package elbowgonnx

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/advancedclimatesystems/gonnx"
	"github.com/advancedclimatesystems/gonnx/onnx"
	"google.golang.org/protobuf/proto"
	"gorgonia.org/tensor"
)

// A net is a model of one recurrent node: what of it is not as usual, and its sizes.
type net struct {
	op                                string
	steps, batch, in, hidden          int
	attributes                        []*onnx.AttributeProto
	both, wide, peepholes, lens, free bool // both directions, float64, input P, input sequence_lens, and other names of outputs than Y
}

func text(name, v string) *onnx.AttributeProto {
	return &onnx.AttributeProto{Name: name, Type: onnx.AttributeProto_STRING, S: []byte(v)}
}

func number(name string, v int) *onnx.AttributeProto {
	return &onnx.AttributeProto{Name: name, Type: onnx.AttributeProto_INT, I: int64(v)}
}

func (n net) gates() int { return map[string]int{"LSTM": 4, "GRU": 3, "RNN": 1}[n.op] }

func (n net) dirs() int {
	if n.both {
		return 2
	}
	return 1
}

// parameters draws W, R, B and P.
func (n net) parameters() map[string][]float64 {
	noise := rand.New(rand.NewPCG(1, 2))
	d, g, h := n.dirs(), n.gates(), n.hidden
	all := map[string][]float64{}
	for name, size := range map[string]int{"W": d * g * h * n.in, "R": d * g * h * h, "B": d * 2 * g * h, "P": d * 3 * h} {
		all[name] = make([]float64, size)
	}
	for _, name := range []string{"W", "R", "B", "P"} {
		for i := range all[name] {
			all[name][i] = (2*noise.Float64() - 1) / math.Sqrt(float64(h))
		}
	}
	return all
}

// file returns the model as a file.
func (n net) file(t testing.TB, p map[string][]float64) []byte {
	t.Helper()
	d, g, h := int64(n.dirs()), int64(n.gates()), int64(n.hidden)
	shapes := map[string][]int64{"W": {d, g * h, int64(n.in)}, "R": {d, g * h, h}, "B": {d, 2 * g * h}, "P": {d, 3 * h}}
	typ := onnx.TensorProto_FLOAT
	if n.wide {
		typ = onnx.TensorProto_DOUBLE
	}
	graph := &onnx.GraphProto{Name: "g"}
	inputs := []string{"X", "W", "R", "B", "", "h0", "c0", "P"}
	if !n.peepholes {
		inputs = inputs[:7]
	}
	if n.op != "LSTM" {
		inputs = inputs[:6]
	}
	if n.lens {
		inputs[4] = "lens"
	}
	for _, name := range []string{"W", "R", "B", "P"} {
		x := &onnx.TensorProto{Name: name, DataType: int32(typ), Dims: shapes[name]}
		for _, v := range p[name] {
			if n.wide {
				x.RawData = binary.LittleEndian.AppendUint64(x.RawData, math.Float64bits(v))
			} else {
				x.RawData = binary.LittleEndian.AppendUint32(x.RawData, math.Float32bits(float32(v)))
			}
		}
		if slices.Contains(inputs, name) {
			graph.Initializer = append(graph.Initializer, x)
		}
	}
	value := func(name string, rank int, typ onnx.TensorProto_DataType) *onnx.ValueInfoProto {
		shape := &onnx.TensorShapeProto{}
		for i := range rank {
			shape.Dim = append(shape.Dim, &onnx.TensorShapeProto_Dimension{Value: &onnx.TensorShapeProto_Dimension_DimParam{DimParam: fmt.Sprint("d", i)}})
		}
		return &onnx.ValueInfoProto{Name: name, Type: &onnx.TypeProto{Value: &onnx.TypeProto_TensorType{TensorType: &onnx.TypeProto_Tensor{ElemType: int32(typ), Shape: shape}}}}
	}
	for _, name := range inputs {
		switch name {
		case "X", "h0", "c0":
			graph.Input = append(graph.Input, value(name, 3, typ))
		case "lens":
			graph.Input = append(graph.Input, value(name, 1, onnx.TensorProto_INT32))
		}
	}
	outputs := []string{"Y", "Y_h", "Y_c"}[:2]
	if n.op == "LSTM" {
		outputs = []string{"Y", "Y_h", "Y_c"}
	}
	if n.free {
		outputs = []string{"all", "last"}
	}
	for _, name := range outputs {
		graph.Output = append(graph.Output, value(name, 3, typ))
	}
	graph.Node = []*onnx.NodeProto{{OpType: n.op, Input: inputs, Output: outputs, Attribute: append(n.attributes, number("hidden_size", n.hidden))}}
	raw, err := proto.Marshal(&onnx.ModelProto{IrVersion: 7, OpsetImport: []*onnx.OperatorSetIdProto{{Version: 13}}, Graph: graph})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// draw returns a tensor of random numbers.
func (n net) draw(seed uint64, shape ...int) tensor.Tensor {
	noise, size := rand.New(rand.NewPCG(3, seed)), 1
	for _, s := range shape {
		size *= s
	}
	narrow, wide := make([]float32, size), make([]float64, size)
	for i := range wide {
		wide[i] = 2*noise.Float64() - 1
		narrow[i] = float32(wide[i])
	}
	if n.wide {
		return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(wide))
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(narrow))
}

// inputs are made anew for every run: gonnx changes the shape of its states.
func (n net) inputs() gonnx.Tensors {
	in := gonnx.Tensors{"X": n.draw(1, n.steps, n.batch, n.in), "h0": n.draw(2, n.dirs(), n.batch, n.hidden)}
	if n.op == "LSTM" {
		in["c0"] = n.draw(3, n.dirs(), n.batch, n.hidden)
	}
	return in
}

func floats(t testing.TB, x tensor.Tensor) (v []float64) {
	t.Helper()
	switch d := x.Data().(type) {
	case []float64:
		v = d
	case []float32:
		for _, f := range d {
			v = append(v, float64(f))
		}
	default:
		t.Fatalf("%T", d)
	}
	return v
}

func far(a, b []float64) (most float64) {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	for i := range a {
		if d := math.Abs(a[i] - b[i]); !(d <= most) {
			most = d
		}
	}
	return most
}

func ours(t testing.TB, raw []byte) *gonnx.Model {
	t.Helper()
	m, err := gonnx.NewModelFromBytes(raw)
	if err != nil {
		t.Fatal(err)
	}
	if left, err := Replace(m, raw); left != nil || err != nil {
		t.Fatal(left, err)
	}
	return m
}

// TestSame: what gonnx computes itself, within the rounding of sums. In float64, in which it fails, it is compared with ours.
func TestSame(t *testing.T) {
	before := []*onnx.AttributeProto{number("linear_before_reset", 0)}
	after := []*onnx.AttributeProto{number("linear_before_reset", 1)}
	for _, n := range []net{{op: "RNN"}, {op: "LSTM"}, {op: "GRU", attributes: before}, {op: "GRU", attributes: after}, {op: "LSTM", peepholes: true}} {
		for _, size := range [][4]int{{1, 1, 2, 2}, {1, 3, 5, 4}, {7, 1, 3, 8}, {6, 4, 9, 17}} {
			n.steps, n.batch, n.in, n.hidden, n.wide = size[0], size[1], size[2], size[3], false
			theirs, err := gonnx.NewModelFromBytes(n.file(t, n.parameters()))
			if err != nil {
				t.Fatal(err)
			}
			want, err := theirs.Run(n.inputs())
			if err != nil {
				t.Fatal(err)
			}
			for _, n.wide = range []bool{false, true} {
				m := ours(t, n.file(t, n.parameters()))
				for range 2 { // the second run has the same layer
					got, err := m.Run(n.inputs())
					if err != nil {
						t.Fatal(err)
					}
					for name := range want {
						if d := far(floats(t, got[name]), floats(t, want[name])); !(d <= 2e-6) || !got[name].Shape().Eq(want[name].Shape()) {
							t.Errorf("%s %v wide %v: %s is off by %v, shapes %v and %v", n.op, size, n.wide, name, d, got[name].Shape(), want[name].Shape())
						}
					}
				}
			}
		}
	}
}

// TestMore: both directions and sequences of different lengths, which gonnx does not have, made of what it has.
func TestMore(t *testing.T) {
	n := net{op: "GRU", steps: 5, batch: 3, in: 4, hidden: 6, both: true, lens: true, free: true, attributes: []*onnx.AttributeProto{text("direction", "bidirectional"), number("linear_before_reset", 1)}}
	p := n.parameters()
	in := n.inputs()
	lengths := []int{5, 2, 4}
	in["lens"] = tensor.New(tensor.WithShape(3), tensor.WithBacking([]int32{5, 2, 4}))
	got, err := ours(t, n.file(t, p)).Run(in)
	if err != nil {
		t.Fatal(err)
	}
	y, last := floats(t, got["all"]), floats(t, got["last"])
	x, h0 := floats(t, in["X"]), floats(t, in["h0"])
	for d := range 2 {
		one := net{op: "GRU", batch: 1, in: 4, hidden: 6, attributes: n.attributes[1:]}
		half := map[string][]float64{}
		for name, v := range p {
			half[name] = v[d*len(v)/2:][:len(v)/2]
		}
		m, err := gonnx.NewModelFromBytes(one.file(t, half))
		if err != nil {
			t.Fatal(err)
		}
		for b, length := range lengths {
			var rows, want []float32
			at := func(s int) int {
				if d == 1 {
					return length - 1 - s
				}
				return s
			}
			for s := range length {
				for _, v := range x[(at(s)*3+b)*4:][:4] {
					rows = append(rows, float32(v))
				}
			}
			for _, v := range h0[(d*3+b)*6:][:6] {
				want = append(want, float32(v))
			}
			out, err := m.Run(gonnx.Tensors{"X": tensor.New(tensor.WithShape(length, 1, 4), tensor.WithBacking(rows)), "h0": tensor.New(tensor.WithShape(1, 1, 6), tensor.WithBacking(want))})
			if err != nil {
				t.Fatal(err)
			}
			theirs := floats(t, out["Y"])
			for s := range 5 {
				row := y[((s*2+d)*3+b)*6:][:6]
				expected := make([]float64, 6) // 0 behind the end
				if s < length {
					expected = theirs[at(s)*6:][:6]
				}
				if e := far(row, expected); !(e <= 1e-6) {
					t.Errorf("direction %d, sequence %d, step %d: off by %v", d, b, s, e)
				}
			}
			if e := far(last[(d*3+b)*6:][:6], theirs[(length-1)*6:][:6]); !(e <= 1e-6) {
				t.Errorf("direction %d, sequence %d, last: off by %v", d, b, e)
			}
		}
	}
}

// TestLeft: a node that is not ours stays gonnx's, and is named.
func TestLeft(t *testing.T) {
	n := net{op: "LSTM", steps: 2, batch: 1, in: 3, hidden: 4, attributes: []*onnx.AttributeProto{{Name: "activations", Type: onnx.AttributeProto_STRINGS, Strings: [][]byte{[]byte("relu"), []byte("tanh"), []byte("tanh")}}}}
	raw := n.file(t, n.parameters())
	m, err := gonnx.NewModelFromBytes(raw)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := m.Run(n.inputs())
	if err != nil {
		t.Fatal(err)
	}
	left, err := Replace(m, raw)
	if err != nil || left == nil || !strings.Contains(left.Error(), "activations") {
		t.Fatal(left, err)
	}
	got, err := m.Run(n.inputs())
	if err != nil {
		t.Fatal(err)
	}
	if d := far(floats(t, got["Y"]), floats(t, theirs["Y"])); d != 0 {
		t.Errorf("off by %v", d)
	}
}

// TestErrors: wrong inputs are errors, no panics.
func TestErrors(t *testing.T) {
	n := net{op: "LSTM", steps: 2, batch: 3, in: 3, hidden: 4, lens: true}
	m := ours(t, n.file(t, n.parameters()))
	good := func() gonnx.Tensors {
		in := n.inputs()
		in["lens"] = tensor.New(tensor.WithShape(3), tensor.WithBacking([]int32{2, 1, 0}))
		return in
	}
	if _, err := m.Run(good()); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		input string
		t     tensor.Tensor
		want  string
	}{
		"columns":     {"X", n.draw(1, 2, 3, 4), "shape (2, 3, 4)"},
		"type of x":   {"X", tensor.New(tensor.WithShape(2, 3, 3), tensor.WithBacking(make([]float64, 18))), "float64"},
		"batch of h":  {"h0", n.draw(1, 1, 2, 4), "initial_h of shape"},
		"type of c":   {"c0", tensor.New(tensor.WithShape(1, 3, 4), tensor.WithBacking(make([]float64, 12))), "type of the weights"},
		"lengths":     {"lens", tensor.New(tensor.WithShape(2), tensor.WithBacking([]int32{1, 2})), "want 3 numbers"},
		"long length": {"lens", tensor.New(tensor.WithShape(3), tensor.WithBacking([]int32{1, 3, 1})), "sequence_lens[1] = 3"},
	} {
		in := good()
		in[c.input] = c.t
		if _, err := m.Run(in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	// A view of every other row, whose elements do not lie in a row.
	in := good()
	wide := n.draw(1, 2, 3, 6)
	view, err := wide.Slice(nil, nil, tensor.S(0, 3))
	if err != nil {
		t.Fatal(err)
	}
	in["X"] = view
	got, err := m.Run(in)
	if err != nil {
		t.Fatal(err)
	}
	in = good()
	in["X"] = view.Materialize()
	want, err := m.Run(in)
	if err != nil || far(floats(t, got["Y"]), floats(t, want["Y"])) != 0 {
		t.Errorf("a view has other outputs: %v", err)
	}
}

// TestOpen: files, and what is none.
func TestOpen(t *testing.T) {
	n := net{op: "RNN", steps: 2, batch: 1, in: 3, hidden: 4}
	path := filepath.Join(t.TempDir(), "m.onnx")
	if err := os.WriteFile(path, n.file(t, n.parameters()), 0o666); err != nil {
		t.Fatal(err)
	}
	m, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Run(n.inputs()); err != nil {
		t.Error(err)
	}
	if _, err := Open(path + "x"); err == nil {
		t.Error("no file opens")
	}
	if _, err := FromBytes([]byte("hello")); err == nil {
		t.Error("text is a model")
	}
}

// BenchmarkRun is a model of one node, 40 inputs and 256 units.
func BenchmarkRun(b *testing.B) {
	for _, op := range []string{"LSTM", "GRU", "RNN"} {
		for _, size := range [][2]int{{1, 1}, {100, 1}, {100, 16}} {
			n := net{op: op, steps: size[0], batch: size[1], in: 40, hidden: 256}
			raw := n.file(b, n.parameters())
			theirs, err := gonnx.NewModelFromBytes(raw)
			if err != nil {
				b.Fatal(err)
			}
			for name, m := range map[string]*gonnx.Model{"gonnx": theirs, "elbow": ours(b, raw)} {
				b.Run(fmt.Sprintf("%s/T=%d/B=%d/impl=%s", op, n.steps, n.batch, name), func(b *testing.B) {
					for b.Loop() {
						if _, err := m.Run(n.inputs()); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}
