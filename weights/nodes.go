package weights

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/cell"
)

// Recurrent is a node RNN, LSTM or GRU of ONNX: its layer, and how its inputs and outputs lie. Its attributes and inputs become
//
//	direction             bidirectional: a pair in Stack; reverse: Reverse
//	linear_before_reset   the kind, cell.GRU if it is 1, otherwise cell.GRUBefore
//	P                     the option Peepholes
//	activations           cell.RNNReLU for Relu; any that are not those of a kind are refused
//	layout                BatchFirst
//	initial_h, initial_c  H0 and C0, if they are constants
//	sequence_lens         Lengths, if it is a constant
//	clip, input_forget    refused, as package cell has neither: clip bounds the inputs of activations, where CellClip bounds the state
type Recurrent[T cell.Float] struct {
	Stack      *cell.Stack[T] // of one layer or a pair; it has to be packed
	Reverse    bool           // the only layer reads sequences from their ends
	BatchFirst bool
	H0, C0     []T // [directions, batch, hidden], or batch first; nil if the graph computes them or there are none
	Lengths    []int

	Inputs, Outputs []string // by their names in the graph, in the order of the node
}

// Recurrents returns all recurrent nodes of an ONNX file by their names, or those of their first outputs. The error lists
// every node that cannot be one of our layers, and why; the map has the others.
func Recurrents[T cell.Float](f *File) (map[string]*Recurrent[T], error) {
	return nodes(f, []string{"RNN", "LSTM", "GRU"}, recurrent[T])
}

// DenseNodes returns the nodes Gemm, and MatMul with the Add behind it, of an ONNX file by their names, those whose matrix is a
// constant: the layers of a network, without their activations. They have to be packed. The error lists those that
// cannot be layers of ours; the map has the others.
func DenseNodes[T cell.Float](f *File) (map[string]*cell.Dense[T], error) {
	return nodes(f, []string{"Gemm", "MatMul"}, func(f *File, n *Node) (*cell.Dense[T], error) {
		if t, _ := n.constant(1); t == nil || len(t.Shape) != 2 {
			return nil, nil
		}
		return denseNode[T](f, n)
	})
}

// nodes makes layers of all nodes of some kinds. One for which read returns nil is left out.
func nodes[L any](f *File, ops []string, read func(f *File, n *Node) (*L, error)) (map[string]*L, error) {
	layers := map[string]*L{}
	var errs []error
	for _, n := range f.Nodes {
		if !slices.Contains(ops, n.Op) {
			continue
		}
		l, err := read(f, n)
		if err == nil && layers[n.Name] != nil {
			err = errors.New("two nodes of that name")
		}
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("weights: %s: node %s %.60q: %w", f.Path, n.Op, n.Name, err))
		case l != nil:
			layers[n.Name] = l
		}
	}
	return layers, errors.Join(errs...)
}

// onnxAttributes are those that recurrent nodes and Gemm have.
type onnxAttributes struct {
	activations            []string
	alphas                 bool // activation_alpha or activation_beta is there
	clip, alpha, beta      float32
	direction              string
	hidden                 int64
	forget, linear, layout int64
	transA, transB         int64
	clipped                bool
}

func (n *Node) attributesOf() (onnxAttributes, error) {
	a := onnxAttributes{direction: "forward", alpha: 1, beta: 1}
	err := attributes(n.attributes, func(name string, raw []byte) error {
		return fields(raw, func(x field) error {
			switch name + fmt.Sprint(":", x.num) {
			case "activations:9":
				if len(a.activations) < 8 {
					a.activations = append(a.activations, string(x.bytes))
				}
			case "activation_alpha:7", "activation_beta:7":
				a.alphas = true
			case "clip:2":
				a.clip, a.clipped = math.Float32frombits(uint32(x.value)), true
			case "alpha:2":
				a.alpha = math.Float32frombits(uint32(x.value))
			case "beta:2":
				a.beta = math.Float32frombits(uint32(x.value))
			case "direction:4":
				a.direction = strings.ToLower(string(x.bytes))
			case "hidden_size:3":
				a.hidden = int64(x.value)
			case "input_forget:3":
				a.forget = int64(x.value)
			case "linear_before_reset:3":
				a.linear = int64(x.value)
			case "layout:3":
				a.layout = int64(x.value)
			case "transA:3":
				a.transA = int64(x.value)
			case "transB:3":
				a.transB = int64(x.value)
			}
			return nil
		})
	})
	return a, err
}

// kind returns the kind of a recurrent node, or says what of it we do not have.
func (n *Node) kind(a onnxAttributes) (cell.Kind, error) {
	way := 1
	if a.direction == "bidirectional" {
		way = 2
	} else if a.direction != "forward" && a.direction != "reverse" {
		return 0, fmt.Errorf("direction = %.20q, want forward, reverse or bidirectional", a.direction)
	}
	if a.clipped && a.clip != 0 {
		return 0, fmt.Errorf("clip = %v: it bounds the inputs of activations, which package cell does not; its CellClip bounds the state", a.clip)
	}
	if a.forget != 0 {
		return 0, errors.New("input_forget = 1: package cell has no coupled gates")
	}
	if a.alphas {
		return 0, errors.New("activation_alpha or activation_beta: package cell has no activations that take them")
	}
	kind, want := cell.RNNTanh, "Tanh"
	switch {
	case n.Op == "LSTM":
		kind, want = cell.LSTM, "Sigmoid Tanh Tanh"
	case n.Op == "GRU" && a.linear != 0:
		kind, want = cell.GRU, "Sigmoid Tanh"
	case n.Op == "GRU":
		kind, want = cell.GRUBefore, "Sigmoid Tanh"
	case len(a.activations) > 0 && strings.EqualFold(a.activations[0], "Relu"):
		kind, want = cell.RNNReLU, "Relu"
	}
	if want = strings.TrimSpace(strings.Repeat(want+" ", way)); len(a.activations) > 0 && !strings.EqualFold(strings.Join(a.activations, " "), want) {
		return 0, fmt.Errorf("activations = %.100q, want %s", strings.Join(a.activations, " "), want)
	}
	return kind, nil
}

// recurrent makes the layer of a node.
func recurrent[T cell.Float](f *File, n *Node) (*Recurrent[T], error) {
	a, err := n.attributesOf()
	if err != nil {
		return nil, err
	}
	kind, err := n.kind(a)
	if err != nil {
		return nil, err
	}
	g := &File{Path: f.Path, file: f.file}
	for i, name := range []string{1: "W", 2: "R", 3: "B", 7: "P"} {
		switch t, there := n.constant(i); {
		case name == "":
		case t != nil:
			g.Add(t.as(name))
		case there:
			return nil, fmt.Errorf("%s is %.60q, which the graph computes: want a constant", name, n.Inputs[i])
		case i < 3:
			return nil, fmt.Errorf("no input %s", name)
		}
	}
	st, err := Stack[T](g, ONNX.As(kind))
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "weights: "+f.Path+": "))
	}
	if both := st.Bidirectional != cell.OneWay; both != (a.direction == "bidirectional") || a.hidden != 0 && a.hidden != int64(st.Layers[0].Hidden) {
		return nil, fmt.Errorf("direction %s and hidden_size %d, but W and R are of %d layers of %d", a.direction, a.hidden, len(st.Layers), st.Layers[0].Hidden)
	}
	r := &Recurrent[T]{Stack: st, Reverse: a.direction == "reverse", BatchFirst: a.layout != 0, Inputs: n.Inputs, Outputs: n.Outputs}
	if t, _ := n.constant(4); t != nil {
		v, err := Values[float64](t)
		if err != nil {
			return nil, err
		}
		for _, x := range v {
			r.Lengths = append(r.Lengths, int(x))
		}
	}
	if kind != cell.LSTM && len(n.Inputs) > 6 && n.Inputs[6] != "" {
		return nil, fmt.Errorf("input initial_c is %.60q, want none: a layer of kind %v has no state c", n.Inputs[6], kind)
	}
	for i, to := range map[int]*[]T{5: &r.H0, 6: &r.C0} {
		if t, _ := n.constant(i); t != nil {
			if *to, err = Values[T](t); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

// denseNode makes the layer of a Gemm or MatMul whose matrix is a constant.
func denseNode[T cell.Float](f *File, n *Node) (*cell.Dense[T], error) {
	a, err := n.attributesOf()
	if err != nil {
		return nil, err
	}
	if a.transA != 0 {
		return nil, errors.New("transA = 1: a layer has its input in rows")
	}
	w, _ := n.constant(1)
	b, there := n.constant(2)
	if n.Op == "MatMul" {
		b, there = f.added(n), false
	}
	if there && b == nil {
		return nil, fmt.Errorf("input C is %.60q, which the graph computes: want a constant", n.Inputs[2])
	}
	in, out := w.Shape[0], w.Shape[1]
	if a.transB != 0 {
		in, out = out, in
	}
	if in > cell.MaxSize || out > cell.MaxSize {
		return nil, fmt.Errorf("%d inputs and %d outputs, want at most %d", in, out, cell.MaxSize)
	}
	values, err := Values[float64](w)
	if err != nil {
		return nil, err
	}
	d := cell.NewDense[T](in, out, cell.Linear)
	for o := range out {
		for i := range in {
			at := i*out + o
			if a.transB != 0 {
				at = o*in + i
			}
			d.W[o*in+i] = T(float64(a.alpha) * values[at])
		}
	}
	if b == nil {
		return d, nil
	}
	if values, err = Values[float64](b); err != nil {
		return nil, err
	}
	if len(values) != 1 && len(values) != out || len(b.Shape) > 0 && b.Shape[len(b.Shape)-1] != len(values) {
		return nil, fmt.Errorf("a bias of shape %v, want [%d]", b.Shape, out)
	}
	for o := range out {
		d.B[o] = T(float64(a.beta) * values[o%len(values)])
	}
	return d, nil
}

// added returns the constant that an Add adds to the output of a node, or nil.
func (f *File) added(n *Node) *Tensor {
	for _, m := range f.Nodes {
		if m.Op != "Add" || m.scope != n.scope || len(m.Inputs) != 2 {
			continue
		}
		for i := range 2 {
			if m.Inputs[i] == first(n.Outputs) {
				t, _ := m.constant(1 - i)
				return t
			}
		}
	}
	return nil
}

// Forward computes what the node does, on a batch of sequences of the given lengths; nil is that of the node, or all steps:
//
//	x [steps, batch, in]    y [steps, directions, batch, hidden]    yh, yc [directions, batch, hidden]
//
// or, BatchFirst, x [batch, steps, in], y [batch, steps, directions, hidden] and states [batch, directions, hidden], h0 and c0
// as yh and yc; nil is H0 and C0 of the node, or 0. Outputs behind the end of a sequence are 0. c0 and yc of a node that is no
// LSTM are nil. The stack is packed. It panics if x is not of whole rows, lengths has not one for each sequence, c0 has elements and
// the node is no LSTM, or as [cell.Stack.Forward] does.
func (r *Recurrent[T]) Forward(x []T, batch int, lengths []int, h0, c0 []T) (y, yh, yc []T) {
	const fn = "Recurrent.Forward"
	in, dirs, h := r.Stack.In(), len(r.Stack.Layers), r.Stack.Layers[0].Hidden
	steps := len(x) / max(1, batch*in)
	if batch < 1 || len(x) != steps*batch*in {
		panic(fmt.Sprintf("weights: %s: len(x) = %d, want a multiple of batch*in = %d*%d", fn, len(x), batch, in))
	}
	if lengths == nil {
		lengths = r.Lengths
	}
	if lengths == nil {
		lengths = slices.Repeat([]int{steps}, batch)
	}
	if len(lengths) != batch {
		panic(fmt.Sprintf("weights: %s: len(lengths) = %d, want batch = %d", fn, len(lengths), batch))
	}
	if kind := r.Stack.Layers[0].Kind; len(c0) > 0 && kind != cell.LSTM {
		panic(fmt.Sprintf("weights: %s: len(c0) = %d, want 0: a layer of kind %v has no state c", fn, len(c0), kind))
	}
	if h0 == nil {
		h0 = r.H0
	}
	if c0 == nil {
		c0 = r.C0
	}
	b := cell.NewBatch(lengths...)
	rows := make([]T, b.Shape.Rows()*in)
	cell.FromPadded(b, rows, x, cell.Padded{Steps: steps, Cols: in, BatchFirst: r.BatchFirst})
	r.turn(b.Shape, rows, in)
	seq := cell.NewStackSequence[T]()
	r.Stack.Forward(seq, b.Shape, rows, r.sorted(b, h0, h), r.sorted(b, c0, h), 1)
	hs, cs := r.Stack.StateSizes()
	yh, yc = make([]T, batch*hs), make([]T, batch*cs)
	seq.Final(yh, yc)
	r.turn(b.Shape, seq.H, dirs*h)

	flat := make([]T, steps*batch*dirs*h)
	cell.ToPadded(b, flat, seq.H, cell.Padded{Steps: steps, Cols: dirs * h, BatchFirst: r.BatchFirst}, 0)
	if y = flat; !r.BatchFirst {
		y = swapped(flat, steps, batch, dirs, h)
	}
	return y, r.unsorted(b, yh, h), r.unsorted(b, yc, h)
}

// swapped returns n arrays [a, b, c] as [b, a, c].
func swapped[T cell.Float](x []T, n, a, b, c int) []T {
	out := make([]T, len(x))
	for k := range n {
		for i := range a {
			for j := range b {
				copy(out[((k*b+j)*a+i)*c:][:c], x[((k*a+i)*b+j)*c:])
			}
		}
	}
	return out
}

// turn reverses every sequence of rows for a layer that reads them from their ends.
func (r *Recurrent[T]) turn(shape *cell.Ragged, rows []T, cols int) {
	if !r.Reverse {
		return
	}
	t := make([]T, cols)
	for i := range shape.Batch() {
		for from, to := 0, shape.Length(i)-1; from < to; from, to = from+1, to-1 {
			a, b := rows[shape.Row(from, i)*cols:][:cols], rows[shape.Row(to, i)*cols:][:cols]
			copy(t, a)
			copy(a, b)
			copy(b, t)
		}
	}
}

// sorted brings states as the node has them into the order of a stack, unsorted back.
func (r *Recurrent[T]) sorted(b *cell.Batch, x []T, h int) []T {
	if len(x) == 0 {
		return nil
	}
	if r.BatchFirst {
		x = swapped(x, 1, b.Shape.Batch(), len(r.Stack.Layers), h)
	}
	out := make([]T, len(x))
	cell.SortStates(b, out, x, h)
	return out
}

func (r *Recurrent[T]) unsorted(b *cell.Batch, x []T, h int) []T {
	if len(x) == 0 {
		return nil
	}
	out := make([]T, len(x))
	cell.UnsortStates(b, out, x, h)
	if r.BatchFirst {
		out = swapped(out, 1, len(r.Stack.Layers), b.Shape.Batch(), h)
	}
	return out
}
