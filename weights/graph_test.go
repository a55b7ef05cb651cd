package weights

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// graphOf is a stack as an ONNX file with the inputs x, lengths, h0 and, of an LSTM, c0.
func graphOf[T cell.Float](t testing.TB, st *cell.Stack[T]) []byte {
	t.Helper()
	g := NewGraph[T]("stack")
	n := len(st.Layers)
	x, lengths, h0, c0 := g.Input("x", "steps", "batch", st.In()), g.Lengths("lengths", "batch"), g.Input("h0", n, "batch", 4), ""
	if st.Layers[0].Kind == cell.LSTM {
		c0 = g.Input("c0", n, "batch", 4)
	}
	y, hn, cn, err := g.RaggedStack(st, x, lengths, h0, c0)
	if err != nil {
		t.Fatal(err)
	}
	g.Output("y", y, "steps", "batch", st.Out())
	g.Output("hn", hn, n, "batch", 4)
	if cn != "" {
		g.Output("cn", cn, n, "batch", 4)
	}
	var b bytes.Buffer
	if err := g.Write(&b, map[string]string{"key": "value"}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// stacks calls f with a stack of every kind that ONNX has, 1 to 3 layers, in one direction and both.
func stacks[T cell.Float](f func(name string, st *cell.Stack[T])) {
	for kind := range cell.Kind(5) {
		for layers := 1; layers <= 3; layers++ {
			for _, both := range []cell.Bidirectional{cell.OneWay, cell.Concat} {
				o := cell.Options{Peepholes: kind == cell.LSTM && layers == 2}
				f(fmt.Sprintf("%v_%d_%d", kind, layers, both), random[T](kind, layers, both, o))
			}
		}
	}
}

// TestGraphRoundTrip: what is written for ONNX comes back bit by bit, node by node.
func TestGraphRoundTrip(t *testing.T) {
	graphRoundTrip[float32](t)
	graphRoundTrip[float64](t)
}

func graphRoundTrip[T cell.Float](t *testing.T) {
	stacks(func(name string, st *cell.Stack[T]) {
		f, err := Parse(name, graphOf(t, st))
		if err != nil {
			t.Fatal(err)
		}
		all, err := Recurrents[T](f)
		if err != nil {
			t.Fatal(err)
		}
		d := 1
		if st.Bidirectional == cell.Concat {
			d = 2
		}
		if len(all) != len(st.Layers)/d || f.Meta["key"] != "value" {
			t.Fatalf("%s: %d nodes, %v", name, len(all), f.Meta)
		}
		var nodes []string
		for name := range all {
			nodes = append(nodes, name)
		}
		slices.SortFunc(nodes, natural)
		var layers []*cell.Recurrent[T]
		for _, n := range nodes {
			layers = append(layers, all[n].Stack.Layers...)
		}
		if err := sameStack(st, cell.NewStackOf(st.Bidirectional, 0, layers...)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	})
}

// TestGraphDense: dense layers come back too, as Gemm and as MatMul and Add.
func TestGraphDense(t *testing.T) {
	d := cell.NewDense[float32](3, 2, cell.Linear)
	d.Init(kernels.Noise{Seed: 7})
	g := NewGraph[float32]("dense")
	x := g.Input("x", "rows", 3)
	g.Output("y", g.Dense(d, x), "rows", 2)
	w := make([]float32, 6)
	reorder(w, d.W, "h i", "i h", sizes{'h': 2, 'i': 3})
	product := g.Op("MatMul", nil, x, g.Constant([]int{3, 2}, w))
	g.Output("z", g.Op("Add", nil, g.Constant([]int{1, 2}, d.B), product), "rows", 2)
	var b bytes.Buffer
	if err := g.Write(&b, nil); err != nil {
		t.Fatal(err)
	}
	f, err := Parse("f", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	all, err := DenseNodes[float32](f)
	if err != nil || len(all) != 2 {
		t.Fatalf("%v, %v", all, err)
	}
	for name, got := range all {
		if !slices.Equal(got.W, d.W) || !slices.Equal(got.B, d.B) {
			t.Errorf("%s: %v, want %v", name, got.W, d.W)
		}
	}
}

// TestRefusedNodes: what package cell does not have is named, for every node.
func TestRefusedNodes(t *testing.T) {
	g := NewGraph[float32]("refused")
	x := g.Input("x", "steps", "batch", 3)
	w, r := g.Constant([]int{1, 16, 3}, make([]float32, 48)), g.Constant([]int{1, 16, 4}, make([]float32, 64))
	want := map[string]string{}
	add := func(what string, attributes map[string]any, inputs ...string) {
		want[g.Op("LSTM", attributes, inputs...)] = what
	}
	add("clip = 3", map[string]any{"clip": 3.0}, x, w, r)
	add("input_forget", map[string]any{"input_forget": 1}, x, w, r)
	add(`activations = "HardSigmoid Tanh Tanh"`, map[string]any{"activations": []string{"HardSigmoid", "Tanh", "Tanh"}}, x, w, r)
	add("direction", map[string]any{"direction": "sideways"}, x, w, r)
	add("hidden_size 5", map[string]any{"hidden_size": 5}, x, w, r)
	add("bidirectional", map[string]any{"direction": "bidirectional"}, x, w, r)
	add("graph computes", nil, x, x, r)
	add("no input R", nil, x, w)
	add("R: shape [1 16 3]", nil, x, r, w)
	add("", map[string]any{"clip": 0.0, "activations": []string{"sigmoid", "tanh", "tanh"}, "direction": "reverse", "hidden_size": 4}, x, w, r)
	var b bytes.Buffer
	if err := g.Write(&b, nil); err != nil {
		t.Fatal(err)
	}
	f, err := Parse("f", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	all, err := Recurrents[float32](f)
	if err == nil || len(all) != 1 {
		t.Fatalf("%d nodes, %v", len(all), err)
	}
	for name, what := range want {
		lines := slices.DeleteFunc(strings.Split(err.Error(), "\n"), func(l string) bool { return !strings.Contains(l, `"`+name+`"`) })
		if what == "" && (len(lines) > 0 || !all[name].Reverse) || what != "" && (len(lines) != 1 || !strings.Contains(lines[0], what)) {
			t.Errorf("%s: %v, want %q", name, lines, what)
		}
	}
}

// TestBranches: constants and nodes inside the branches of an If, with names that both branches use.
func TestBranches(t *testing.T) {
	branch := func(v float32) []byte {
		g := NewGraph[float32]("branch")
		var a []byte
		w := message(number(number(number(text(nil, tensorName, "inner"), tensorDims, 1), tensorDims, 4), tensorDims, 1), tensorRaw, bytes.Repeat([]byte{0, 0, 0x80, 0x3f}, 4))
		w = number(w, tensorType, 1)
		a = number(message(text(nil, attrName, "value"), attrT, w), attrType, 4)
		g.body = message(g.body, graphNode, message(text(text(nil, nodeOutput, "W"), nodeOp, "Constant"), nodeAttr, a))
		r := g.Constant([]int{1, 4, 1}, []float32{v, v, v, v})
		g.node("Identity", []string{r}, []string{"R"}, nil)
		g.node("LSTM", []string{"x", "W", "R"}, []string{fmt.Sprint("y", v)}, nil)
		return text(g.body, graphName, "branch")
	}
	g := NewGraph[float32]("outer")
	node := text(text(text(nil, nodeName, "if"), nodeOp, "If"), nodeOutput, "y")
	for i, name := range []string{"then_branch", "else_branch"} {
		node = message(node, nodeAttr, number(message(text(nil, attrName, name), attrG, branch(float32(i+2))), attrType, 5))
	}
	g.body = message(g.body, graphNode, node)
	var b bytes.Buffer
	if err := g.Write(&b, nil); err != nil {
		t.Fatal(err)
	}
	f, err := Parse("f", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	all, err := Recurrents[float32](f)
	if err != nil || len(all) != 2 {
		t.Fatalf("%v, %v", all, err)
	}
	if a, b := all["y2"].Stack.Layers[0], all["y3"].Stack.Layers[0]; a.Whh[0] != 2 || b.Whh[0] != 3 || a.Wih[3] != 1 {
		t.Errorf("%v, %v", a.Whh, b.Whh)
	}
	if f.Tensor("W") == nil || f.Tensor("if/else_branch/W") == nil {
		t.Errorf("%d tensors", len(f.Tensors))
	}
}

// TestWriteGraphs writes, if ELBOW_GRAPHS names a folder, the graphs of all stacks with inputs and our outputs for
// testdata/run_graphs.py, which compares them with ONNX Runtime.
func TestWriteGraphs(t *testing.T) {
	dir := os.Getenv("ELBOW_GRAPHS")
	if dir == "" {
		t.Skip("ELBOW_GRAPHS is not set")
	}
	lengths := []int{3, 5, 1}
	stacks(func(name string, st *cell.Stack[float32]) {
		if err := os.WriteFile(filepath.Join(dir, name+".onnx"), graphOf(t, st), 0o666); err != nil {
			t.Fatal(err)
		}
		g := &golden{In: 3, Hidden: 4, Steps: 5, Lengths: lengths}
		draw := func(n int, seed uint64) []float64 {
			v := make([]float64, n)
			cell.Uniform(v, n, -1, 1, kernels.Noise{Seed: seed}, 0)
			return to[float64](v)
		}
		n := len(st.Layers) * 3 * 4
		c := &goldenCase{X: draw(3*5*3, 1), H0: draw(n, 2)}
		if st.Layers[0].Kind == cell.LSTM {
			c.C0 = draw(n, 3)
		}
		y, hn, cn := run(g, c, st)
		raw, err := json.Marshal(map[string]any{"lengths": lengths, "steps": 5, "in": 3, "hidden": 4, "x": c.X, "h0": c.H0, "c0": c.C0, "y": y, "hn": hn, "cn": cn})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".json"), raw, 0o666); err != nil {
			t.Fatal(err)
		}
	})
}
