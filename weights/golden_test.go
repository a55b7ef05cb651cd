package weights

import (
	"cmp"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/cell"
)

// golden is what testdata/golden.py writes about the layers of a library.
type golden struct {
	MadeBy  string `json:"made_by"`
	Python  string
	Numpy   string
	Torch   string
	Keras   string
	OneDNN  string
	TF      string `json:"tensorflow"`
	In      int
	Hidden  int
	Steps   int
	Lengths []int
	Cases   []goldenCase
}

type goldenCase struct {
	Name   string
	Kind   string
	Layers int
	Both   bool
	In     int // if not that of all

	X, H0, C0 []float64
	Y, Hn, Cn []float64
	Z, FC     []float64 // of a dense layer: its input and output
}

func loadGolden(t *testing.T, name string) *golden {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	g := new(golden)
	if err := json.Unmarshal(raw, g); err != nil || len(g.Cases) == 0 {
		t.Fatalf("%s: %v, %d cases", name, err, len(g.Cases))
	}
	return g
}

func open(t testing.TB, path string) *File {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// as returns the convention for the kind of a case, where the tensors do not tell it.
func as(c Convention, kind string) Convention {
	if kind == "rnn-relu" {
		return c.As(cell.RNNReLU)
	}
	return c
}

// far returns how far got is from want, against 1 + |want|.
func far[T cell.Float](got []T, want []float64) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	most := 0.0
	for i, w := range want {
		if e := math.Abs(float64(got[i])-w) / (1 + math.Abs(w)); !(e <= most) {
			most = e
		}
	}
	return most
}

// run runs a stack over a padded batch, batch first.
func run[T cell.Float](g *golden, c *goldenCase, st *cell.Stack[T]) (y, hn, cn []T) {
	st.Pack()
	b := cell.NewBatch(g.Lengths...)
	cols := cmp.Or(c.In, g.In)
	in, out := cell.Padded{Steps: g.Steps, Cols: cols, BatchFirst: true}, cell.Padded{Steps: g.Steps, Cols: st.Out(), BatchFirst: true}
	x := make([]T, b.Shape.Rows()*cols)
	cell.FromPadded(b, x, to[T](c.X), in)
	h, seq := st.Layers[0].Out(), cell.NewStackSequence[T]()
	var h0, c0 []T
	if len(c.H0) > 0 {
		h0, c0 = make([]T, len(c.H0)), make([]T, len(c.C0))
		cell.SortStates(b, h0, to[T](c.H0), h)
		cell.SortStates(b, c0, to[T](c.C0), g.Hidden)
	}
	st.Forward(seq, b.Shape, x, h0, c0, 1)
	y = make([]T, len(g.Lengths)*g.Steps*st.Out())
	cell.ToPadded(b, y, seq.H, out, 0)
	hs, cs := st.StateSizes()
	last, mem := make([]T, hs*len(g.Lengths)), make([]T, cs*len(g.Lengths))
	seq.Final(last, mem)
	hn, cn = make([]T, len(last)), make([]T, len(mem))
	cell.UnsortStates(b, hn, last, h)
	cell.UnsortStates(b, cn, mem, g.Hidden)
	return y, hn, cn
}

func to[T cell.Float](v []float64) []T {
	out := make([]T, len(v))
	for i, x := range v {
		out[i] = T(x)
	}
	return out
}

// TestGoldenPyTorch: every kind of PyTorch, 1 to 3 layers, both directions, ragged, with states and with a projection.
func TestGoldenPyTorch(t *testing.T) {
	g, f := loadGolden(t, "torch.json"), open(t, "testdata/torch.safetensors")
	for _, c := range g.Cases {
		torchCase[float64](t, g, &c, f, 1e-12)
		torchCase[float32](t, g, &c, f, 1e-5)
	}
}

func torchCase[T cell.Float](t *testing.T, g *golden, c *goldenCase, f *File, bound float64) {
	t.Helper()
	stackCase[T](t, g, c, f.Under(c.Name+"rnn."), PyTorch, bound)
	fc, err := Dense[T](f.Under(c.Name+"fc."), PyTorch, cell.Linear)
	if err != nil {
		t.Fatal(err)
	}
	fc.Pack()
	z := make([]T, 2*fc.Out)
	fc.Forward(z, to[T](c.Z), 2)
	if d := far(z, c.FC); !(d <= bound) {
		t.Errorf("%s: fc is off by %v, want at most %v", c.Name, d, bound)
	}
}

// TestGoldenKeras: every kind of Keras 3, 1 to 3 layers, both directions, under a dense layer.
func TestGoldenKeras(t *testing.T) {
	g, f := loadGolden(t, "keras.json"), open(t, "testdata/keras.npz")
	for _, c := range g.Cases {
		kerasCase[float64](t, g, &c, f.Under(c.Name+"sequential/"), 1e-12)
		kerasCase[float32](t, g, &c, f.Under(c.Name+"sequential/"), 1e-5)
	}
}

// TestKerasNames: what Keras has made gets our names, and then the same again that Keras has given.
func TestKerasNames(t *testing.T) {
	f := open(t, "testdata/keras.npz")
	ours, err := FromKeras(f)
	if err != nil {
		t.Fatal(err)
	}
	if x := ours.Tensor("gru_3_both/sequential.2.reverse.bhn"); x == nil || !slices.Equal(x.Shape, []int{4}) {
		t.Errorf("no bias within the reset of the third layer among %d tensors", len(ours.Tensors))
	}
	theirs, err := ToKeras(ours)
	if err != nil || len(theirs.Tensors) != len(f.Tensors) {
		t.Fatal(err, len(theirs.Tensors))
	}
	for _, want := range f.Tensors {
		if got := theirs.Tensor(want.Name); got == nil || !slices.Equal(got.Shape, want.Shape) {
			t.Errorf("%s %v: got %v", want.Name, want.Shape, got)
		}
	}
}

func kerasCase[T cell.Float](t *testing.T, g *golden, c *goldenCase, f *File, bound float64) {
	t.Helper()
	st, err := Stack[T](f.Select("*_cell/*"), as(Keras, c.Kind))
	if err != nil {
		t.Fatal(err)
	}
	fc, err := Dense[T](f.Under("dense/"), Keras, cell.Linear)
	if err != nil {
		t.Fatal(err)
	}
	if st.Layers[0].Kind.String() != c.Kind || len(st.Layers) != c.Layers*map[bool]int{false: 1, true: 2}[c.Both] {
		t.Errorf("%s: %v, %d layers", c.Name, st.Layers[0].Kind, len(st.Layers))
	}
	y, _, _ := run(g, c, st)
	fc.Pack()
	z := make([]T, len(c.Y))
	fc.Forward(z, y, len(c.Y)/fc.Out)
	if d := far(z, c.Y); !(d <= bound) {
		t.Errorf("%s: y is off by %v, want at most %v", c.Name, d, bound)
	}
}

// TestGoldenOneDNN: every kind of oneDNN, 1 to 3 layers, both directions, with states, peepholes or a projection, in float32.
func TestGoldenOneDNN(t *testing.T) {
	g, f := loadGolden(t, "onednn.json"), open(t, "testdata/onednn.npz")
	for _, c := range g.Cases {
		stackCase[float64](t, g, &c, f.Under(c.Name), OneDNN, 1e-5)
		stackCase[float32](t, g, &c, f.Under(c.Name), OneDNN, 1e-5)
	}
}

// TestGoldenTensorFlow1: every cell of TensorFlow 1, 1 to 3 layers, both directions, ragged, with states, peepholes and a projection. The
// kernel of a BasicRNNCell would be that of an LSTM too.
func TestGoldenTensorFlow1(t *testing.T) {
	g, f := loadGolden(t, "tensorflow1.json"), open(t, "testdata/tensorflow1.npz")
	for _, c := range g.Cases {
		stackCase[float64](t, g, &c, f.Under(c.Name), TensorFlow1, 1e-12)
		stackCase[float32](t, g, &c, f.Under(c.Name), TensorFlow1, 1e-5)
	}
}

func stackCase[T cell.Float](t *testing.T, g *golden, c *goldenCase, f *File, from Convention, bound float64) {
	t.Helper()
	st, err := Stack[T](f, as(from, c.Kind))
	if err != nil {
		t.Fatal(err)
	}
	if kind := st.Layers[0].Kind.String(); kind != strings.TrimSuffix(c.Kind, "-proj") || (st.Bidirectional == cell.Concat) != c.Both || len(st.Layers) != c.Layers*map[bool]int{false: 1, true: 2}[c.Both] {
		t.Errorf("%s: %v, %d layers, %v", c.Name, st.Layers[0].Kind, len(st.Layers), st.Bidirectional)
	}
	y, hn, cn := run(g, c, st)
	for _, v := range []struct {
		name string
		far  float64
	}{{"y", far(y, c.Y)}, {"hn", far(hn, c.Hn)}, {"cn", far(cn, c.Cn)}} {
		if !(v.far <= bound) {
			t.Errorf("%s: %s is off by %v, want at most %v", c.Name, v.name, v.far, bound)
		}
	}
}

// TestTorchSave: what torch.save and safetensors keep of the same layers is the same.
func TestTorchSave(t *testing.T) {
	saved, f := open(t, "testdata/torch.pt"), open(t, "testdata/torch.safetensors")
	if saved.Format != TorchZip || len(saved.Tensors) < 40 {
		t.Errorf("%s, %d tensors", saved.Format, len(saved.Tensors))
	}
	for _, x := range saved.Tensors {
		got, err := Values[float64](x)
		if err != nil {
			t.Fatal(err)
		}
		want, err := Values[float64](f.Tensor(x.Name))
		if err != nil || !slices.Equal(got, want) || !slices.Equal(x.Shape, f.Tensor(x.Name).Shape) {
			t.Errorf("%s: %v, want %v", x.Name, got, want)
		}
	}
}
