package weights

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// random returns a stack with parameters that are all different.
func random[T cell.Float](kind cell.Kind, layers int, both cell.Bidirectional, o cell.Options) *cell.Stack[T] {
	st := cell.NewStack[T](cell.StackConfig{Kind: kind, In: 3, Hidden: 4, Layers: layers, Bidirectional: both, Options: o})
	st.Init(kernels.Noise{Seed: 7})
	return st
}

// sameStack reports the first parameter in which two stacks differ.
func sameStack[T cell.Float](a, b *cell.Stack[T]) error {
	as, bs := a.Tensors(), b.Tensors()
	if len(as) != len(bs) || a.Bidirectional != b.Bidirectional {
		return fmt.Errorf("%d tensors and %d", len(as), len(bs))
	}
	for i := range as {
		if as[i].Name != bs[i].Name || !slices.Equal(as[i].Shape, bs[i].Shape) || !slices.Equal(as[i].Data, bs[i].Data) {
			return fmt.Errorf("%s %v and %s %v differ", as[i].Name, as[i].Shape, bs[i].Name, bs[i].Shape)
		}
	}
	for i, l := range a.Layers {
		if l.Kind != b.Layers[i].Kind || l.Options != b.Layers[i].Options {
			return fmt.Errorf("layer %d: %v and %v", i, l.Kind, b.Layers[i].Kind)
		}
	}
	return nil
}

// TestRoundTrips: whatever a library can store comes back bit by bit, through both formats.
func TestRoundTrips(t *testing.T) {
	count := 0
	for _, c := range Conventions() {
		c.ForgetBias = 0 // adding 1 and taking it away rounds
		for kind := range cell.Kind(5) {
			for _, o := range []cell.Options{{}, {Peepholes: true}, {Proj: 2}, {CellClip: 1}, {Heads: 2}, {LayerNorm: true}} {
				if kind != cell.LSTM && (o.Peepholes || o.Proj > 0 || o.CellClip > 0) || kind != cell.LSTM && kind != cell.GRU && o != (cell.Options{}) {
					continue
				}
				for layers := 1; layers <= 3; layers++ {
					for _, both := range []cell.Bidirectional{cell.OneWay, cell.Concat} {
						count += roundTrip[float32](t, c, kind, layers, both, o)
						count += roundTrip[float64](t, c, kind, layers, both, o)
					}
				}
			}
		}
	}
	if count < 300 {
		t.Errorf("%d round trips", count)
	}
}

func roundTrip[T cell.Float](t *testing.T, c Convention, kind cell.Kind, layers int, both cell.Bidirectional, o cell.Options) int {
	t.Helper()
	st, f := random[T](kind, layers, both, o), new(File)
	what := fmt.Sprintf("%s, %v %+v, %d layers, %d", c.Name, kind, o, layers, both)
	err := AddStack(f, "net/", st, c)
	if lacks := c.lacks(kind, o); lacks != nil {
		if err == nil || !strings.Contains(err.Error(), c.Name) {
			t.Errorf("%s: %v, want what %s does not have", what, err, c.Name)
		}
		return 0
	}
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	for _, write := range []func(*bytes.Buffer) error{
		func(b *bytes.Buffer) error { return WriteSafetensors(b, f) }, func(b *bytes.Buffer) error { return WriteNPZ(b, f) }} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		back, err := Parse("back", b.Bytes())
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		got, err := Stack[T](back.Under("net/"), c.As(kind))
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if err := sameStack(st, got); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	return 1
}

// TestDenseRoundTrip: likewise for dense layers.
func TestDenseRoundTrip(t *testing.T) {
	d := cell.NewDense[float32](3, 2, cell.Tanh)
	d.Init(kernels.Noise{Seed: 7})
	for _, c := range Conventions() {
		if len(c.dense) == 0 {
			continue
		}
		f := new(File)
		AddDense(f, "fc"+c.sep, d, c)
		got, err := Dense[float32](f.Under("fc"+c.sep), c, cell.Tanh)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.W, d.W) || !slices.Equal(got.B, d.B) || got.Act != cell.Tanh {
			t.Errorf("%s: %v, want %v", c.Name, got.W, d.W)
		}
	}
}

// TestMismatch: everything that does not fit is told at once.
func TestMismatch(t *testing.T) {
	f := new(File)
	if err := AddStack(f, "lstm.", random[float32](cell.LSTM, 2, cell.OneWay, cell.Options{}), PyTorch); err != nil {
		t.Fatal(err)
	}
	AddDense(f, "fc.", cell.NewDense[float32](4, 2, cell.Linear), PyTorch)
	f = f.Select("lstm.weight_hh*", "lstm.weight_ih_l0", "lstm.bias*", "fc.*") // without weight_ih_l1
	for _, x := range f.Tensors {
		if x.Name == "lstm.bias_hh_l0" {
			x.Shape = []int{2, 8}
		}
	}
	_, err := Stack[float32](f, PyTorch)
	var m *MismatchError
	if !errors.As(err, &m) {
		t.Fatal(err)
	}
	if !slices.Equal(m.Missing, []string{"lstm.weight_ih_l1"}) || !slices.Equal(m.Left, []string{"fc.weight", "fc.bias"}) || len(m.Shape) != 1 || !strings.Contains(m.Shape[0], "lstm.bias_hh_l0: shape [2 8], want [16]") {
		t.Errorf("%v", err)
	}
	ts := cell.NewDense[float32](4, 3, cell.Linear).Tensors()
	if err := Load(f.Under("fc.").Rename("weight", "w"), ts); !errors.As(err, &m) || len(m.Missing)+len(m.Left)+len(m.Shape) != 3 {
		t.Errorf("%v", err)
	}
	if _, err := Dense[float32](f.Under("fc.").Rename("weight", "wight"), PyTorch, cell.Linear); !errors.As(err, &m) || len(m.Missing) != 1 || len(m.Left) != 1 {
		t.Errorf("%v", err)
	}
	if _, err := Stack[float32](new(File), PyTorch); !errors.As(err, &m) || len(m.Missing) != 1 {
		t.Errorf("%v", err)
	}
}

// TestRename: stars stand for any text, and the first pattern decides.
func TestRename(t *testing.T) {
	for _, c := range [][3]string{{"a.b.c", "a.*.c", "*"}, {"x.1.weight", "x.*.weight", "y.*.w"}, {"x.1.bias", "x.*.weight", "y.*.w"}, {"a+b", "a+b", "plain"}, {"aab", "a+b", "plain"}} {
		f := &File{Tensors: []*Tensor{{Name: c[0]}}}
		want := map[string]string{"a.b.c": "b", "x.1.weight": "y.1.w", "x.1.bias": "x.1.bias", "a+b": "plain", "aab": "aab"}[c[0]]
		if got := f.Rename(c[1], c[2], c[1], "second").Tensors[0].Name; got != want {
			t.Errorf("%v: %q, want %q", c, got, want)
		}
	}
	f := &File{Tensors: []*Tensor{{Name: "lstm.w"}, {Name: "lstm_1.w"}, {Name: "gru.w"}}}
	if n := len(f.Select("lstm.*", "g*").Tensors); n != 2 {
		t.Errorf("%d tensors selected", n)
	}
}

// TestRead: elements of every type that is read, in either precision.
func TestRead(t *testing.T) {
	raw := func(b ...byte) func() []byte { return func() []byte { return b } }
	for _, c := range []struct {
		DType
		raw  func() []byte
		want float64
	}{
		{F64, raw(0x9a, 0x99, 0x99, 0x99, 0x99, 0x99, 0xb9, 0x3f), 0.1}, {F32, raw(0, 0, 0xc0, 0x3f), 1.5}, {F16, raw(0, 0xc2), -3}, {F16, raw(1, 0), 0x1p-24},
		{BF16, raw(0x80, 0xbf), -1}, {I64, raw(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), -1}, {I32, raw(2, 0, 0, 0), 2}, {I16, raw(3, 1), 259}, {I8, raw(0xfe), -2},
		{U64, raw(1, 0, 0, 0, 0, 0, 0, 1), 1 << 56}, {U32, raw(0, 0, 0, 0x80), 1 << 31}, {U16, raw(255, 255), 65535}, {U8, raw(200), 200}, {Bool, raw(1), 1},
	} {
		x := &Tensor{Shape: []int{1}, DType: c.DType, bytes: c.raw}
		wide, err := Values[float64](x)
		narrow, err2 := Values[float32](x)
		if err != nil || err2 != nil || wide[0] != c.want || narrow[0] != float32(c.want) {
			t.Errorf("%s: %v, %v, want %v", c.DType, wide, narrow, c.want)
		}
	}
	if _, err := Values[float32](&Tensor{Name: "x", DType: "C64"}); err == nil || !strings.Contains(err.Error(), "C64") {
		t.Errorf("%v", err)
	}
}

// TestOpen: files on disk, closed ones, and those that are none.
func TestOpen(t *testing.T) {
	dir, f := t.TempDir(), new(File)
	f.Meta = map[string]string{"a": "b\"\n\u00e9"}
	f.Add(Of("x", []int{2, 0}, []float32{}), Of("\u00fc\\y\"", nil, []float64{7}), Of("big", []int{3000}, make([]float32, 3000)))
	for _, name := range []string{"f.safetensors", "f.npz"} {
		path := filepath.Join(dir, name)
		if err := f.WriteFile(path); err != nil {
			t.Fatal(err)
		}
		g := open(t, path)
		y, err := Values[float32](g.Tensor("\u00fc\\y\""))
		if err != nil || y[0] != 7 || !slices.Equal(g.Tensor("x").Shape, []int{2, 0}) || len(g.Tensors) != 3 {
			t.Errorf("%s: %v, %v", name, y, err)
		}
		if name == "f.safetensors" && g.Meta["a"] != f.Meta["a"] {
			t.Errorf("%q", g.Meta)
		}
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := f.WriteFile(filepath.Join(dir, "f.txt")); err == nil || !strings.Contains(err.Error(), "f.txt") {
		t.Errorf("%v", err)
	}
	f.Add(Of("x", nil, []float32{1}))
	if err := f.WriteFile(filepath.Join(dir, "twice.npz")); err == nil || !strings.Contains(err.Error(), `"x"`) {
		t.Errorf("%v", err)
	}
	for name, raw := range map[string]string{"empty": "", "text": "hello", "cut": "\xff\x00\x00\x00\x00\x00\x00\x00{"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(raw), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, raw := range []string{"\x89HDF\r\n\x1a\n\x00", "PK\x03\x04 config.json model.weights.h5"} {
		if _, err := Parse("f.keras", []byte(raw)); err == nil || !strings.Contains(err.Error(), "f.keras: HDF5") || !strings.Contains(err.Error(), "np.savez") {
			t.Errorf("%v", err)
		}
	}
	if _, err := Open(dir); err == nil {
		t.Error("a folder opens")
	}
}
