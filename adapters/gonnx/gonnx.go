// Package elbowgonnx has the recurrent nodes of an ONNX model that gonnx runs computed by Elbow:
//
//	m, err := elbowgonnx.Open("model.onnx")      in place of gonnx.NewModelFromFile
//	outputs, err := m.Run(gonnx.Tensors{"x": x})
//
// All else is gonnx's (github.com/advancedclimatesystems/gonnx), whose Model has its operators in a field. RNN, LSTM and GRU
// with constant weights become layers of package cell, packed once; besides being faster they take float64, sequence_lens, the
// directions reverse and bidirectional, and outputs of any names, on all of which gonnx's own fail. The numbers differ from gonnx's by the
// rounding of sums.
package elbowgonnx

import (
	"fmt"
	"os"
	"slices"

	"github.com/advancedclimatesystems/gonnx"
	"github.com/advancedclimatesystems/gonnx/onnx"
	"github.com/advancedclimatesystems/gonnx/ops"
	"gorgonia.org/tensor"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/weights"
)

// Open is [gonnx.NewModelFromFile] and [Replace].
func Open(path string) (*gonnx.Model, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return FromBytes(raw)
}

// FromBytes is [gonnx.NewModelFromBytes] and [Replace].
func FromBytes(raw []byte) (*gonnx.Model, error) {
	m, err := gonnx.NewModelFromBytes(raw)
	if err != nil {
		return nil, err
	}
	_, err = Replace(m, raw)
	return m, err
}

// Replace has the recurrent nodes of m computed by Elbow; raw is the file that m was made of. Nodes that cannot be our layers,
// because of their activations, say, or weights that the graph computes, stay with gonnx: left says which and why, one a line, or is
// nil. The error is that raw is no model. Like a model of gonnx alone, m may be run by several goroutines only if
// none of its nodes stays.
func Replace(m *gonnx.Model, raw []byte) (left, err error) {
	f, err := weights.Parse("model", raw)
	if err != nil {
		return nil, err
	}
	if f.Format != weights.ONNXGraph {
		return nil, fmt.Errorf("elbowgonnx: %s is no ONNX model", f.Format)
	}
	narrow, left := weights.Recurrents[float32](f)
	var wide map[string]*weights.Recurrent[float64]
	if slices.ContainsFunc(f.Tensors, func(t *weights.Tensor) bool { return t.DType == weights.F64 }) {
		wide, _ = weights.Recurrents[float64](f) // what cannot be is in left
	}
	for _, r := range narrow {
		r.Stack.Pack()
	}
	for _, r := range wide {
		r.Stack.Pack()
	}
	of := m.GetOperator
	m.GetOperator = func(op string) (ops.Operator, error) {
		switch op {
		case "RNN", "LSTM", "GRU":
			return &operator{op: op, of: of, narrow: narrow, wide: wide}, nil
		}
		return of(op)
	}
	return left, nil
}

// An operator is a recurrent node in one run of a model: a layer of ours or, if there is none for it, gonnx's operator.
type operator struct {
	op     string
	of     gonnx.OpGetter
	narrow map[string]*weights.Recurrent[float32]
	wide   map[string]*weights.Recurrent[float64]

	name    string
	outputs int
	theirs  ops.Operator // or nil
}

func (o *operator) String() string { return o.op + " operator of Elbow" }

// Init finds the layer of a node by its name or, as package weights does, that of its first output.
func (o *operator) Init(n *onnx.NodeProto) (err error) {
	o.name, o.outputs = n.GetName(), len(n.GetOutput())
	if o.name == "" && o.outputs > 0 {
		o.name = n.GetOutput()[0]
	}
	if o.narrow[o.name] != nil {
		return nil
	}
	if o.theirs, err = o.of(o.op); err != nil {
		return err
	}
	return o.theirs.Init(n)
}

func (o *operator) GetMinInputs() int { return 3 }
func (o *operator) GetMaxInputs() int { return 8 }

func (o *operator) GetInputTypeConstraints() [][]tensor.Dtype {
	float := []tensor.Dtype{tensor.Float32, tensor.Float64}
	return [][]tensor.Dtype{float, float, float, float, {tensor.Int32}, float, float, float}
}

// ValidateInputs pads the inputs with nil.
func (o *operator) ValidateInputs(inputs []tensor.Tensor) ([]tensor.Tensor, error) {
	if o.theirs != nil {
		return o.theirs.ValidateInputs(inputs)
	}
	return ops.ValidateInputs(o, inputs)
}

func (o *operator) Apply(inputs []tensor.Tensor) (outputs []tensor.Tensor, err error) {
	if o.theirs != nil {
		return o.theirs.Apply(inputs)
	}
	if inputs[0].Dtype() == tensor.Float32 {
		outputs, err = apply(o.narrow[o.name], inputs)
	} else if r := o.wide[o.name]; r != nil {
		outputs, err = apply(r, inputs)
	} else {
		err = fmt.Errorf("input X is of float64, the weights are not")
	}
	if err != nil {
		return nil, fmt.Errorf("elbowgonnx: node %s %.60q: %w", o.op, o.name, err)
	}
	if o.outputs > len(outputs) {
		return nil, fmt.Errorf("elbowgonnx: node %s %.60q has %d outputs, want at most %d", o.op, o.name, o.outputs, len(outputs))
	}
	return outputs[:o.outputs], nil
}

// apply computes a node: Y, Y_h and, of an LSTM, Y_c.
func apply[T cell.Float](r *weights.Recurrent[T], inputs []tensor.Tensor) ([]tensor.Tensor, error) {
	shape := inputs[0].Shape()
	if len(shape) != 3 || shape[2] != r.Stack.In() {
		return nil, fmt.Errorf("input X of shape %v, want 3 dimensions, the last of %d", shape, r.Stack.In())
	}
	steps, batch, dirs, hidden := shape[0], shape[1], len(r.Stack.Layers), r.Stack.Layers[0].Hidden
	states, all := []int{dirs, batch, hidden}, []int{steps, dirs, batch, hidden}
	if r.BatchFirst {
		steps, batch = batch, steps
		states, all = []int{batch, dirs, hidden}, []int{batch, steps, dirs, hidden}
	}
	if steps < 1 || batch < 1 || steps > cell.MaxSteps || batch > cell.MaxRows/steps {
		return nil, fmt.Errorf("%d sequences of %d steps, want at least 1 and at most %d steps in all", batch, steps, cell.MaxRows)
	}
	x, err := values[T]("X", inputs[0], shape)
	if err != nil {
		return nil, err
	}
	lengths, err := lengthsOf(inputs[4], batch, steps)
	if err != nil {
		return nil, err
	}
	h0, err := values[T]("initial_h", inputs[5], states)
	if err != nil {
		return nil, err
	}
	var c0 []T
	if r.Stack.Layers[0].Kind == cell.LSTM {
		if c0, err = values[T]("initial_c", inputs[6], states); err != nil {
			return nil, err
		}
	}
	y, yh, yc := r.Forward(x, batch, lengths, h0, c0)
	outputs := []tensor.Tensor{tensorOf(all, y), tensorOf(states, yh)}
	if len(yc) > 0 {
		outputs = append(outputs, tensorOf(states, yc))
	}
	return outputs, nil
}

func tensorOf[T cell.Float](shape []int, values []T) tensor.Tensor {
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(values))
}

// values returns the elements of a tensor of some shape in C order, nil of none.
func values[T cell.Float](name string, t tensor.Tensor, shape []int) ([]T, error) {
	if t == nil {
		return nil, nil
	}
	if !t.Shape().Eq(tensor.Shape(shape)) {
		return nil, fmt.Errorf("input %s of shape %v, want %v", name, t.Shape(), shape)
	}
	d, ok := t.(*tensor.Dense)
	if ok && d.IsMaterializable() { // a view, or transposed in name only
		d, ok = d.Materialize().(*tensor.Dense)
	}
	if !ok || d.DataOrder().IsColMajor() {
		return nil, fmt.Errorf("input %s is %T, want a dense tensor in C order", name, t)
	}
	switch v := d.Data().(type) {
	case []T:
		return v, nil
	case T:
		return []T{v}, nil
	}
	return nil, fmt.Errorf("input %s is of %v, want the type of the weights", name, t.Dtype())
}

// lengthsOf returns sequence_lens, nil if there is none.
func lengthsOf(t tensor.Tensor, batch, steps int) ([]int, error) {
	if t == nil {
		return nil, nil
	}
	var lengths []int
	switch v := t.Data().(type) {
	case []int32:
		for _, n := range v {
			lengths = append(lengths, int(n))
		}
	case int32:
		lengths = []int{int(v)}
	}
	if len(lengths) != batch {
		return nil, fmt.Errorf("input sequence_lens is %v, want %d numbers", t, batch)
	}
	for i, n := range lengths {
		if n < 0 || n > steps {
			return nil, fmt.Errorf("sequence_lens[%d] = %d, want 0..%d", i, n, steps)
		}
	}
	return lengths, nil
}
