package main

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
	"github.com/elbow-go/elbow/weights"
)

// network is what is served: recurrent layers and, if there is one, a dense layer on their outputs. It is packed and
// shared by all who run it.
type network struct {
	stack  *cell.Stack[float32]
	dense  *cell.Dense[float32] // or nil
	h0, c0 []float32            // of a new session
}

func (n *network) in() int { return n.stack.In() }

func (n *network) out() int {
	if n.dense != nil {
		return n.dense.Out
	}
	return n.stack.Out()
}

func (n *network) String() string {
	return fmt.Sprintf("%v, layers %d, inputs %d, outputs %d", n.stack.Layers[0].Kind, len(n.stack.Layers), n.in(), n.out())
}

// source is where a network comes from.
type source struct {
	file, convention, prefix, nodes, dense string
	int8                                   bool
}

func sourceFlags(flags *flag.FlagSet) *source {
	s := new(source)
	flags.StringVar(&s.file, "weights", "", "file of the network: safetensors, npz, ONNX or .pt of PyTorch")
	flags.StringVar(&s.convention, "convention", "pytorch", "whose names and shapes the tensors have: "+strings.Join(slices.Sorted(maps.Keys(conventions())), ", "))
	flags.StringVar(&s.prefix, "prefix", "", "what the names of the recurrent layers begin with, such as lstm.")
	flags.StringVar(&s.nodes, "nodes", "", "of an ONNX file, the recurrent nodes from the input up, with commas; by default the only one")
	flags.StringVar(&s.dense, "dense", "", "what the names of a dense layer on top begin with, such as fc.; none by default")
	flags.BoolVar(&s.int8, "int8", false, "quantise the weights to int8")
	return s
}

// conventions are those of package weights by their names as a flag has them.
func conventions() map[string]weights.Convention {
	all := map[string]weights.Convention{}
	for _, c := range weights.Conventions() {
		all[strings.ToLower(strings.ReplaceAll(c.Name, " ", ""))] = c
	}
	return all
}

// open reads the network.
func (s *source) open() (*network, error) {
	c, ok := conventions()[s.convention]
	if !ok {
		return nil, fmt.Errorf("-convention %q: want one of %s", s.convention, strings.Join(slices.Sorted(maps.Keys(conventions())), ", "))
	}
	if s.file == "" {
		return nil, fmt.Errorf("want -weights FILE")
	}
	f, err := weights.Open(s.file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	n := new(network)
	if f.Format == weights.ONNXGraph {
		err = n.readNodes(f, s)
	} else if n.stack, err = weights.Stack[float32](f.Under(s.prefix), c); err == nil && s.dense != "" {
		n.dense, err = weights.Dense[float32](f.Under(s.dense), c, cell.Linear)
	}
	if err != nil {
		return nil, err
	}
	return n, n.prepare(s)
}

// readNodes takes the layers from the nodes of an ONNX file.
func (n *network) readNodes(f *weights.File, s *source) error {
	nodes, err := weights.Recurrents[float32](f)
	refused := "" // why some nodes are not in the map
	if err != nil {
		refused = fmt.Sprintf(" (%v)", err)
	}
	names := strings.Split(s.nodes, ",")
	if s.nodes == "" {
		if names = slices.Sorted(maps.Keys(nodes)); len(names) != 1 {
			return fmt.Errorf("%s: recurrent nodes %q, want -nodes to choose%s", f.Path, names, refused)
		}
	}
	var layers []*cell.Recurrent[float32]
	for i, name := range names {
		node := nodes[name]
		switch {
		case node == nil:
			return fmt.Errorf("%s: no recurrent node %q, has %q%s", f.Path, name, slices.Sorted(maps.Keys(nodes)), refused)
		case node.Reverse || len(node.Stack.Layers) > 1:
			return fmt.Errorf("%s: node %q reads sequences from their ends: it cannot run as a session", f.Path, name)
		case i > 0 && node.Stack.In() != layers[i-1].Out():
			return fmt.Errorf("%s: node %q has %d inputs, want %d", f.Path, name, node.Stack.In(), layers[i-1].Out())
		}
		layers = append(layers, node.Stack.Layers[0])
		n.h0, n.c0 = append(n.h0, node.H0...), append(n.c0, node.C0...)
	}
	n.stack = cell.NewStackOf(cell.OneWay, 0, layers...)
	if s.dense == "" {
		return nil
	}
	dense, err := weights.DenseNodes[float32](f)
	if n.dense = dense[s.dense]; n.dense == nil {
		return fmt.Errorf("%s: no dense node %q, has %q (%v)", f.Path, s.dense, slices.Sorted(maps.Keys(dense)), err)
	}
	return nil
}

// prepare checks that the parts fit, and packs them.
func (n *network) prepare(s *source) error {
	if n.stack.Bidirectional != cell.OneWay {
		return fmt.Errorf("%s: the layers are bidirectional: they need the end of a sequence before its first output", s.file)
	}
	if n.dense != nil && n.dense.In != n.stack.Out() {
		return fmt.Errorf("%s: the dense layer has %d inputs, want %d, the outputs of the recurrent layers", s.file, n.dense.In, n.stack.Out())
	}
	h, c := n.stack.StateSizes()
	for _, state := range []struct {
		is   *[]float32
		want int
	}{{&n.h0, h}, {&n.c0, c}} {
		if len(*state.is) == 0 {
			*state.is = make([]float32, state.want)
		}
		if len(*state.is) != state.want {
			return fmt.Errorf("%s: initial states of %d numbers, want %d: of one sequence, for all layers or none", s.file, len(*state.is), state.want)
		}
	}
	switch {
	case s.int8:
		n.stack.PackInt8()
	default:
		n.stack.Pack()
	}
	if n.dense != nil {
		if s.int8 {
			n.dense.PackInt8()
		} else {
			n.dense.Pack()
		}
	}
	return nil
}

// session returns a session of its own, which shares nothing but the network.
func (n *network) session() *cell.Stream[float32] {
	s, err := n.stack.NewStream(1)
	if err != nil {
		panic(err) // prepare has refused bidirectional layers
	}
	h, c := s.States()
	copy(h, n.h0)
	copy(c, n.c0)
	return s
}

// step returns the outputs of the next frame.
func (n *network) step(s *cell.Stream[float32], x []float32) []float32 {
	y := s.Push(x)
	if n.dense == nil {
		return y
	}
	z := make([]float32, n.dense.Out)
	n.dense.Forward(z, y, 1)
	return z
}

// random writes an LSTM with random weights, under PyTorch's names.
func random(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("random FILE", flag.ContinueOnError)
	in := flags.Int("in", 40, "inputs")
	hidden := flags.Int("hidden", 256, "units")
	layers := flags.Int("layers", 1, "layers")
	seed := flags.Uint64("seed", 1, "of the weights")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 || min(*in, *hidden, *layers) < 1 || max(*in, *hidden, *layers) > 1<<12 {
		return fmt.Errorf("want a file name, and numbers of 1 to 4096")
	}
	st := cell.NewStack[float32](cell.StackConfig{Kind: cell.LSTM, In: *in, Hidden: *hidden, Layers: *layers})
	st.Init(kernels.Noise{Seed: *seed})
	f := new(weights.File)
	if err := weights.AddStack(f, "lstm.", st, weights.PyTorch); err != nil {
		return err
	}
	if err := f.WriteFile(flags.Arg(0)); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: LSTM, layers %d, inputs %d, units %d, names lstm.*\n", flags.Arg(0), *layers, *in, *hidden)
	return nil
}
