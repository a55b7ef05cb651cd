package weights

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/elbow-go/elbow/cell"
)

// The versions of ONNX in which graphs are written.
const (
	onnxOpset = 17
	onnxIR    = 8
)

// Graph is an ONNX graph that is being built, of operators of opset 17, to be run by any ONNX runtime. Values go by
// the names that the methods return:
//
//	g := weights.NewGraph[float32]("encoder")
//	x := g.Input("x", "steps", "batch", 3)
//	y, hn, cn, err := g.Stack(st, x, "", "")
//	g.Output("y", y, "steps", "batch", st.Out())
//	err = g.Write(w, nil)
//
// Dimensions are numbers, or names for those that are free. All numbers are of type T, but for those in tensors of shapes.
type Graph[T cell.Float] struct {
	name                  string
	body, inputs, outputs []byte // fields of GraphProto
	count                 int    // of names given out
}

// NewGraph returns an empty graph.
func NewGraph[T cell.Float](name string) *Graph[T] { return &Graph[T]{name: name} }

// message appends a field that holds a message.
func message(b []byte, num protowire.Number, content []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), content)
}

func text(b []byte, num protowire.Number, s string) []byte { return message(b, num, []byte(s)) }

func number(b []byte, num protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), v)
}

// onnxNumber is the way back from onnxTypes.
func onnxNumber(d DType) uint64 {
	for n, t := range onnxTypes {
		if t == d {
			return n
		}
	}
	return 0
}

// The fields of the types of inputs and outputs, and of versions.
const (
	valueName  = 1
	valueType  = 2
	typeTensor = 1
	elemType   = 1
	elemShape  = 2
	shapeDim   = 1
	dimValue   = 1
	dimParam   = 2
	opsetOf    = 2 // version
)

func (g *Graph[T]) value(name string, typ DType, dims []any) []byte {
	var shape []byte
	for _, d := range dims {
		switch d := d.(type) {
		case int:
			shape = message(shape, shapeDim, number(nil, dimValue, uint64(d)))
		case string:
			shape = message(shape, shapeDim, text(nil, dimParam, d))
		default:
			panic(fmt.Sprintf("weights: Graph: dimension %v of %s, want a number or a name", d, name))
		}
	}
	tensor := message(number(nil, elemType, onnxNumber(typ)), elemShape, shape)
	return message(text(nil, valueName, name), valueType, message(nil, typeTensor, tensor))
}

// Input adds an input of the graph. It panics if a dimension is neither an int nor a string.
func (g *Graph[T]) Input(name string, dims ...any) string {
	g.inputs = message(g.inputs, graphInput, g.value(name, dtypeOf[T](), dims))
	return name
}

// Lengths adds an input of numbers of steps, one for each sequence.
func (g *Graph[T]) Lengths(name string, dim any) string {
	g.inputs = message(g.inputs, graphInput, g.value(name, I32, []any{dim}))
	return name
}

// Output makes a value an output of the graph under the given name. It panics as Input does.
func (g *Graph[T]) Output(name, value string, dims ...any) {
	g.node("Identity", []string{value}, []string{name}, nil)
	g.outputs = message(g.outputs, graphOutput, g.value(name, dtypeOf[T](), dims))
}

func (g *Graph[T]) fresh(what string) string {
	g.count++
	return fmt.Sprintf("%s_%d", what, g.count)
}

// Constant adds a constant of the given shape.
func (g *Graph[T]) Constant(shape []int, values []T) string { return g.tensor(Of("", shape, values)) }

// ints adds a constant list of integers, as the operators on shapes take it.
func (g *Graph[T]) ints(v ...int) string {
	raw := make([]byte, 0, 8*len(v))
	for _, x := range v {
		raw = protowire.AppendFixed64(raw, uint64(x))
	}
	return g.tensor(&Tensor{Shape: []int{len(v)}, DType: I64, bytes: func() []byte { return raw }})
}

// Index adds a constant integer, for operators such as Gather.
func (g *Graph[T]) Index(i int) string {
	return g.tensor(&Tensor{DType: I64, bytes: func() []byte { return protowire.AppendFixed64(nil, uint64(i)) }})
}

func (g *Graph[T]) tensor(t *Tensor) string {
	name := g.fresh("const")
	var b []byte
	for _, n := range t.Shape {
		b = number(b, tensorDims, uint64(n))
	}
	b = text(number(b, tensorType, onnxNumber(t.DType)), tensorName, name)
	g.body = message(g.body, graphInitializer, message(b, tensorRaw, t.bytes()))
	return name
}

// Op adds a node of an operator of ONNX and returns its output. Attributes are int, float64, string, []int or []string. It panics
// if one is of another type.
func (g *Graph[T]) Op(op string, attributes map[string]any, inputs ...string) string {
	out := g.fresh(op)
	g.node(op, inputs, []string{out}, attributes)
	return out
}

// The types of attributes.
const (
	attrIsFloat   = 1
	attrIsInt     = 2
	attrIsString  = 3
	attrIsInts    = 7
	attrIsStrings = 8
)

func (g *Graph[T]) node(op string, inputs, outputs []string, attributes map[string]any) {
	var b []byte
	for _, in := range inputs {
		b = text(b, nodeInput, in)
	}
	for _, out := range outputs {
		b = text(b, nodeOutput, out)
	}
	b = text(text(b, nodeName, outputs[0]), nodeOp, op)
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := text(nil, attrName, name)
		switch v := attributes[name].(type) {
		case int:
			a = number(number(a, attrI, uint64(v)), attrType, attrIsInt)
		case float64:
			a = protowire.AppendFixed32(protowire.AppendTag(a, attrF, protowire.Fixed32Type), math.Float32bits(float32(v)))
			a = number(a, attrType, attrIsFloat)
		case string:
			a = number(text(a, attrS, v), attrType, attrIsString)
		case []int:
			for _, x := range v {
				a = number(a, attrInts, uint64(x))
			}
			a = number(a, attrType, attrIsInts)
		case []string:
			for _, x := range v {
				a = text(a, attrStrings, x)
			}
			a = number(a, attrType, attrIsStrings)
		default:
			panic(fmt.Sprintf("weights: Graph: attribute %s = %v of %s", name, v, op))
		}
		b = message(b, nodeAttr, a)
	}
	g.body = message(g.body, graphNode, b)
}

// Write writes the graph as a model of ONNX to w, with text beside it.
func (g *Graph[T]) Write(w io.Writer, meta map[string]string) error {
	graph := text(slices.Clone(g.body), graphName, g.name)
	b := text(number(nil, modelIR, onnxIR), modelProducer, "elbow")
	b = message(b, modelGraph, append(append(graph, g.inputs...), g.outputs...))
	b = message(b, modelOpset, number(text(nil, entryKey, ""), opsetOf, onnxOpset))
	for _, k := range slices.Sorted(maps.Keys(meta)) {
		b = message(b, modelMeta, text(text(nil, entryKey, k), entryValue, meta[k]))
	}
	_, err := w.Write(b)
	return err
}

// Dense adds a dense layer: x [rows, In], and returns its output [rows, Out].
func (g *Graph[T]) Dense(d *cell.Dense[T], x string) string {
	y := g.Op("Gemm", map[string]any{"transB": 1}, x, g.Constant([]int{d.Out, d.In}, d.W), g.Constant([]int{d.Out}, d.B))
	op := map[cell.Activation]string{cell.ReLU: "Relu", cell.Tanh: "Tanh", cell.Sigmoid: "Sigmoid", cell.Softplus: "Softplus"}[d.Act]
	if op == "" {
		return y
	}
	return g.Op(op, nil, y)
}

// MLP adds the layers of an MLP, as Dense does.
func (g *Graph[T]) MLP(m *cell.MLP[T], x string) string {
	for _, d := range m.Layers {
		x = g.Dense(d, x)
	}
	return x
}

// Reverse is RaggedStack for a stack of one direction that reads every sequence from its end; only the last states are of use.
func (g *Graph[T]) Reverse(st *cell.Stack[T], x, lengths string) (hn string, err error) {
	_, hn, _, err = g.recurrent(st, x, lengths, "", "", "reverse")
	return hn, err
}

// Stack adds the recurrent layers of a stack, in one direction or both:
//
//	x [steps, batch, In]    h0, hn, c0, cn [layers, batch, Out or Hidden]    y [steps, batch, Out]
//
// h0 and c0 are values or "", which stands for 0; without an LSTM c0 has to be, and cn is, "". All layers are of one kind. The
// error names what ONNX does not have.
func (g *Graph[T]) Stack(st *cell.Stack[T], x, h0, c0 string) (y, hn, cn string, err error) {
	return g.RaggedStack(st, x, "", h0, c0)
}

// RaggedStack is Stack for sequences of different lengths, one of which each has in lengths, a value from Lengths; y is 0
// behind their ends.
func (g *Graph[T]) RaggedStack(st *cell.Stack[T], x, lengths, h0, c0 string) (y, hn, cn string, err error) {
	if st.Bidirectional != cell.OneWay {
		return g.recurrent(st, x, lengths, h0, c0, "bidirectional")
	}
	return g.recurrent(st, x, lengths, h0, c0, "forward")
}

// recurrent adds a node for each layer or pair.
func (g *Graph[T]) recurrent(st *cell.Stack[T], x, lengths, h0, c0, direction string) (y, hn, cn string, err error) {
	d := 1
	if direction == "bidirectional" {
		d = 2
	}
	if st.Bidirectional == cell.Sum {
		return "", "", "", fmt.Errorf("weights: a stack whose directions are added up: ONNX has none")
	}
	kind, hidden := st.Layers[0].Kind, st.Layers[0].Hidden
	lstm := kind == cell.LSTM
	if c0 != "" && !lstm {
		return "", "", "", fmt.Errorf("weights: c0 = %q, want \"\": a layer of kind %v has no state c", c0, kind)
	}
	var hs, cs []string
	for from := 0; from < len(st.Layers); from += d {
		f := new(File)
		pair := st.Layers[from : from+d]
		for _, l := range pair {
			if err = ONNX.lacks(l.Kind, l.Options); err == nil && (l.Kind != kind || l.Hidden != hidden) {
				err = fmt.Errorf("layers that differ in kind or size")
			}
			if err != nil {
				return "", "", "", fmt.Errorf("weights: layer %d: %w", from/d, err)
			}
		}
		if err := addLevel(f, "", ONNX, 0, pair); err != nil {
			return "", "", "", fmt.Errorf("weights: layer %d: %w", from/d, err)
		}
		inputs := []string{x}
		for _, t := range f.Tensors[:3] {
			inputs = append(inputs, g.tensor(t))
		}
		inputs = append(inputs, lengths, g.layers(h0, from, d, len(st.Layers)))
		if lstm {
			inputs = append(inputs, g.layers(c0, from, d, len(st.Layers)))
			if len(f.Tensors) > 3 {
				inputs = append(inputs, g.tensor(f.Tensors[3]))
			}
		}
		op, attributes := onnxOperator(kind, d)
		attributes["hidden_size"], attributes["direction"] = hidden, direction
		outputs := []string{g.fresh("Y"), g.fresh("Y_h")}
		if lstm {
			outputs = append(outputs, g.fresh("Y_c"))
			cs = append(cs, outputs[2])
		}
		g.node(op, inputs, outputs, attributes)
		hs = append(hs, outputs[1])
		x = g.Op("Reshape", nil, g.Op("Transpose", map[string]any{"perm": []int{0, 2, 1, 3}}, outputs[0]), g.ints(0, 0, d*hidden))
	}
	return x, g.concat(0, hs), g.concat(0, cs), nil
}

// onnxOperator returns the operator of a kind of layers in d directions, and its attributes.
func onnxOperator(kind cell.Kind, d int) (op string, attributes map[string]any) {
	attributes = map[string]any{}
	switch kind {
	case cell.LSTM:
		return "LSTM", attributes
	case cell.GRU:
		attributes["linear_before_reset"] = 1
		return "GRU", attributes
	case cell.GRUBefore:
		return "GRU", attributes
	case cell.RNNReLU:
		attributes["activations"] = slices.Repeat([]string{"Relu"}, d)
	}
	return "RNN", attributes
}

// layers returns the states of d layers from the given one, of so many in all.
func (g *Graph[T]) layers(states string, from, d, all int) string {
	if states == "" || d == all {
		return states
	}
	return g.slice(states, 0, from, from+d)
}

// slice returns the part from..to of an axis.
func (g *Graph[T]) slice(x string, axis, from, to int) string {
	return g.Op("Slice", nil, x, g.ints(from), g.ints(to), g.ints(axis))
}

// Columns returns the columns from..to of x [rows, columns].
func (g *Graph[T]) Columns(x string, from, to int) string { return g.slice(x, 1, from, to) }

// Join returns all x [rows, columns] side by side.
func (g *Graph[T]) Join(x ...string) string { return g.concat(1, x) }

func (g *Graph[T]) concat(axis int, x []string) string {
	switch len(x) {
	case 0:
		return ""
	case 1:
		return x[0]
	}
	return g.Op("Concat", map[string]any{"axis": axis}, x...)
}

// Step is Stack for a single step: x [batch, In], y [batch, Out].
func (g *Graph[T]) Step(st *cell.Stack[T], x, h0, c0 string) (y, hn, cn string, err error) {
	y, hn, cn, err = g.Stack(st, g.Op("Unsqueeze", nil, x, g.ints(0)), h0, c0)
	if err != nil {
		return "", "", "", err
	}
	return g.Op("Squeeze", nil, y, g.ints(0)), hn, cn, nil
}
