package cell

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The golden files testdata/golden_*.json hold recurrent layers as PyTorch computes them in
// float64, forward and backward; testdata/golden.py writes them and describes them in full.
//
// x and y are ragged, time-major: lengths do not increase, step t holds the first n_t rows,
// steps follow each other. Everything is row-major and flat. The two directions are two
// layers over the same x. The reverse one reads every row from its own last step to step 0;
// its y stand at the time of the x they have read, H0 is the state before the row's last
// step, Hn the state after step 0. The loss is Σ Gy⊙Y + Σ Ghn⊙Hn + Σ Gcn⊙Cn, and the fields
// named D... are its gradients. Absent fields (C0, Cn, ... of the kinds without a cell
// state, Bhn, Peephole, Whr, Gih ...) are nil.
//
// B is the sum of PyTorch's two bias vectors, where one is redundant: everywhere but in the
// n gate of kind GRU, whose B is the input bias and Bhn the recurrent one.

// goldenFile is one file: one kind of layer in both directions.
type goldenFile struct {
	MadeBy     string             `json:"made_by"`
	Python     string             `json:"python"`
	Torch      string             `json:"torch"`
	Seed       int64              `json:"seed"`
	Kind       string             `json:"kind"` // one of goldenGates
	In         int                `json:"in"`
	Hidden     int                `json:"hidden"`
	Lengths    []int              `json:"lengths"`
	Proj       int                `json:"proj"` // LSTMProj only; out is Proj, and Hidden without
	Clip       float64            `json:"clip"` // LSTMClip only
	X          []float64          `json:"x"`    // [Σ n_t, In]
	Directions [2]goldenDirection `json:"directions"`
}

// goldenDirection is one layer. G is goldenGates of its kind, B the number of rows.
type goldenDirection struct {
	Reverse bool `json:"reverse"`

	Wih      []float64 `json:"wih"`      // [G*Hidden, In]
	Whh      []float64 `json:"whh"`      // [G*Hidden, out]
	B        []float64 `json:"b"`        // [G*Hidden]
	Bhn      []float64 `json:"bhn"`      // [Hidden], GRU and GRUNorm only
	Peephole []float64 `json:"peephole"` // [3*Hidden], i f o, LSTMPeephole only
	Whr      []float64 `json:"whr"`      // [Proj, Hidden], LSTMProj only
	Gih      []float64 `json:"gih"`      // [G*Hidden], the Norms only
	Ghh      []float64 `json:"ghh"`      // [G*Hidden]
	Gc       []float64 `json:"gc"`       // [Hidden], LSTMNorm only
	Bc       []float64 `json:"bc"`       // [Hidden]

	H0 []float64 `json:"h0"` // [B, out]
	C0 []float64 `json:"c0"` // [B, Hidden], the LSTMs only, like Cn, Gcn and DC0
	Y  []float64 `json:"y"`  // [Σ n_t, out]
	Hn []float64 `json:"hn"` // [B, out]
	Cn []float64 `json:"cn"`

	Gy  []float64 `json:"gy"` // weights of the loss
	Ghn []float64 `json:"ghn"`
	Gcn []float64 `json:"gcn"`

	DX        []float64 `json:"dx"` // gradients, shaped as the values
	DH0       []float64 `json:"dh0"`
	DC0       []float64 `json:"dc0"`
	DWih      []float64 `json:"dwih"`
	DWhh      []float64 `json:"dwhh"`
	DB        []float64 `json:"db"`
	DBhn      []float64 `json:"dbhn"`
	DPeephole []float64 `json:"dpeephole"`
	DWhr      []float64 `json:"dwhr"`
	DGih      []float64 `json:"dgih"`
	DGhh      []float64 `json:"dghh"`
	DGc       []float64 `json:"dgc"`
	DBc       []float64 `json:"dbc"`
}

// goldenGates is the number of gates of each kind. There is one file for each.
var goldenGates = map[string]int{
	"RNNTanh": 1, "RNNReLU": 1, "LSTM": 4, "LSTMPeephole": 4, "LSTMClip": 4, "LSTMProj": 4, "GRU": 3, "GRUBefore": 3,
	"LSTMNorm": 4, "GRUNorm": 3,
}

// out is the number of columns of h.
func (g *goldenFile) out() int {
	if g.Proj > 0 {
		return g.Proj
	}
	return g.Hidden
}

// loadGolden reads all golden files, by kind. Every slice has the length its comment above
// says, or is nil where the kind does not have it.
func loadGolden(t testing.TB) map[string]*goldenFile {
	t.Helper()
	names, err := filepath.Glob("testdata/golden_*.json")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*goldenFile{}
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		g := new(goldenFile)
		d := json.NewDecoder(f)
		d.DisallowUnknownFields()
		err = d.Decode(g)
		f.Close()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		g.check(t, name)
		files[g.Kind] = g
	}
	if len(files) != len(goldenGates) {
		t.Fatalf("testdata has golden files for %d kinds, want %d", len(files), len(goldenGates))
	}
	return files
}

// offsets returns, for every step, the index of its first row and its number of rows.
func (g *goldenFile) offsets() (off, n []int) {
	for t := range g.Lengths[0] {
		rows := 0
		for _, l := range g.Lengths {
			if l > t {
				rows++
			}
		}
		off = append(off, 0)
		if t > 0 {
			off[t] = off[t-1] + n[t-1]
		}
		n = append(n, rows)
	}
	return off, n
}

func (g *goldenFile) check(t testing.TB, name string) {
	t.Helper()
	gates := goldenGates[g.Kind] * g.Hidden
	if gates == 0 || g.In == 0 || len(g.Lengths) == 0 {
		t.Fatalf("%s: kind %q, in %d, hidden %d, lengths %v", name, g.Kind, g.In, g.Hidden, g.Lengths)
	}
	rows := 0
	for _, n := range g.Lengths {
		rows += n
	}
	state := len(g.Lengths) * g.out()
	cell, bhn, peephole := 0, 0, 0
	switch g.Kind {
	case "LSTM", "LSTMPeephole", "LSTMClip", "LSTMProj", "LSTMNorm":
		cell = len(g.Lengths) * g.Hidden
	case "GRU", "GRUNorm":
		bhn = g.Hidden
	}
	gains, gc := 0, 0
	if strings.HasSuffix(g.Kind, "Norm") {
		gains = gates
	}
	if g.Kind == "LSTMNorm" {
		gc = g.Hidden
	}
	if g.Kind == "LSTMPeephole" {
		peephole = 3 * g.Hidden
	}
	if (g.Kind == "LSTMProj") != (g.Proj > 0) || (g.Kind == "LSTMClip") != (g.Clip > 0) {
		t.Fatalf("%s: kind %q, proj %d, clip %v", name, g.Kind, g.Proj, g.Clip)
	}
	length := func(what string, x []float64, want int) {
		t.Helper()
		if len(x) != want {
			t.Fatalf("%s: %s has %d numbers, want %d", name, what, len(x), want)
		}
	}
	length("x", g.X, rows*g.In)
	for i, d := range g.Directions {
		if d.Reverse != (i == 1) {
			t.Fatalf("%s: direction %d has reverse = %v", name, i, d.Reverse)
		}
		length("wih", d.Wih, gates*g.In)
		length("whh", d.Whh, gates*g.out())
		length("b", d.B, gates)
		length("bhn", d.Bhn, bhn)
		length("peephole", d.Peephole, peephole)
		length("whr", d.Whr, g.Proj*g.Hidden)
		length("gih", d.Gih, gains)
		length("ghh", d.Ghh, gains)
		length("gc", d.Gc, gc)
		length("bc", d.Bc, gc)
		length("h0", d.H0, state)
		length("c0", d.C0, cell)
		length("y", d.Y, rows*g.out())
		length("hn", d.Hn, state)
		length("cn", d.Cn, cell)
		length("gy", d.Gy, len(d.Y))
		length("ghn", d.Ghn, len(d.Hn))
		length("gcn", d.Gcn, len(d.Cn))
		length("dx", d.DX, len(g.X))
		length("dh0", d.DH0, len(d.H0))
		length("dc0", d.DC0, len(d.C0))
		length("dwih", d.DWih, len(d.Wih))
		length("dwhh", d.DWhh, len(d.Whh))
		length("db", d.DB, len(d.B))
		length("dbhn", d.DBhn, len(d.Bhn))
		length("dpeephole", d.DPeephole, len(d.Peephole))
		length("dwhr", d.DWhr, len(d.Whr))
		length("dgih", d.DGih, len(d.Gih))
		length("dghh", d.DGhh, len(d.Ghh))
		length("dgc", d.DGc, len(d.Gc))
		length("dbc", d.DBc, len(d.Bc))
	}
}

// TestGoldenLayout finds the final states in y: at a row's last step, or at step 0 in the
// reverse direction. That holds only if the layout is read as it was written.
func TestGoldenLayout(t *testing.T) {
	for kind, g := range loadGolden(t) {
		off, _ := g.offsets()
		for _, d := range g.Directions {
			for b, n := range g.Lengths {
				last := n - 1
				if d.Reverse {
					last = 0
				}
				y := d.Y[(off[last]+b)*g.out():][:g.out()]
				if hn := d.Hn[b*g.out():][:g.out()]; !slices.Equal(y, hn) {
					t.Errorf("%s, reverse %v, row %d: y of the last step %v, hn %v", kind, d.Reverse, b, y, hn)
				}
			}
		}
	}
}

// TestGolden compares values and gradients with PyTorch, in both directions, in float64 to
// its rounding and in float32 to float32's.
func TestGolden(t *testing.T) {
	for kind, g := range loadGolden(t) {
		t.Run(kind+"/float64", func(t *testing.T) { compareGolden[float64](t, g, 1e-12) })
		t.Run(kind+"/float32", func(t *testing.T) { compareGolden[float32](t, g, 4e-6) })
	}
}

func compareGolden[T Float](t *testing.T, g *goldenFile, tol float64) {
	kind := map[string]Kind{"RNNTanh": RNNTanh, "RNNReLU": RNNReLU, "LSTM": LSTM, "LSTMPeephole": LSTM, "LSTMClip": LSTM, "LSTMProj": LSTM,
		"LSTMNorm": LSTM, "GRUNorm": GRU, "GRU": GRU, "GRUBefore": GRUBefore}[g.Kind]
	for _, d := range g.Directions {
		l := NewRecurrentWith[T](kind, g.In, g.Hidden, Options{Peepholes: d.Peephole != nil, CellClip: g.Clip, Proj: g.Proj, LayerNorm: d.Gih != nil})
		for _, p := range []struct {
			to   []T
			from []float64
		}{{l.Wih, d.Wih}, {l.Whh, d.Whh}, {l.B, d.B}, {l.Bhn, d.Bhn}, {l.Peephole, d.Peephole}, {l.Whr, d.Whr},
			{l.Gih, d.Gih}, {l.Ghh, d.Ghh}, {l.Gc, d.Gc}, {l.Bc, d.Bc}} {
			copy(p.to, convert[T](p.from))
		}
		l.PackForTraining()

		shape := NewRagged(g.Lengths...)
		// The layer runs forward in time; the other direction is its input and output reversed.
		turn := func(src []T, cols int) []T {
			if !d.Reverse {
				return src
			}
			dst := make([]T, len(src))
			Reverse(shape, dst, src, cols)
			return dst
		}
		x := turn(convert[T](g.X), g.In)
		s := NewSequence[T]()
		l.Forward(s, shape, x, convert[T](d.H0), convert[T](d.C0), 1)
		hn, cn := make([]T, len(d.Hn)), make([]T, len(d.Cn))
		s.Final(hn, cn)
		compare := func(what string, got []T, want []float64) {
			t.Helper()
			for i := range want {
				if diff := math.Abs(float64(got[i]) - want[i]); !(diff <= tol*(1+math.Abs(want[i]))) {
					t.Fatalf("reverse=%v %s[%d] = %v, want %v", d.Reverse, what, i, got[i], want[i])
				}
			}
		}
		compare("y", turn(s.H, g.out()), d.Y)
		compare("hn", hn, d.Hn)
		compare("cn", cn, d.Cn)

		grad := l.NewGrad()
		dx, dh0, dc0 := make([]T, len(g.X)), make([]T, len(d.H0)), make([]T, len(d.C0))
		if d.C0 == nil {
			dc0 = nil
		}
		l.Backward(s, grad, Grads[T]{DX: dx, DH0: dh0, DC0: dc0, DY: turn(convert[T](d.Gy), g.out()), DHn: convert[T](d.Ghn), DCn: convert[T](d.Gcn)}, x, 1)
		compare("dx", turn(dx, g.In), d.DX)
		compare("dh0", dh0, d.DH0)
		compare("dc0", dc0, d.DC0)
		compare("dwih", grad.Wih, d.DWih)
		compare("dwhh", grad.Whh, d.DWhh)
		compare("db", grad.B, d.DB)
		compare("dbhn", grad.Bhn, d.DBhn)
		compare("dpeephole", grad.Peephole, d.DPeephole)
		compare("dwhr", grad.Whr, d.DWhr)
		compare("dgih", grad.Gih, d.DGih)
		compare("dghh", grad.Ghh, d.DGhh)
		compare("dgc", grad.Gc, d.DGc)
		compare("dbc", grad.Bc, d.DBc)
	}
}

func convert[T Float](s []float64) []T {
	if s == nil {
		return nil
	}
	out := make([]T, len(s))
	for i, v := range s {
		out[i] = T(v)
	}
	return out
}
