package kernels

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"sync"
	"testing"
)

// goldenCase is one case of testdata/golden.json: what PyTorch computes in float64. The
// script testdata/golden.py, which wrote it, lists the cases and what their values mean;
// values have the names of the arguments in Go, and dX is the gradient of X.
type goldenCase struct {
	Act    string               `json:"act"`   // RNNCell only
	Scale  string               `json:"scale"` // of the Gaussian family
	Sizes  map[string]int       `json:"sizes"`
	Values map[string][]float64 `json:"values"`
}

var goldenCases = sync.OnceValues(func() (map[string][]goldenCase, error) {
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		return nil, err
	}
	var file struct {
		Cases map[string][]goldenCase `json:"cases"`
	}
	err = json.Unmarshal(data, &file)
	return file.Cases, err
})

// loadGolden returns the cases of one name.
func loadGolden(t testing.TB, name string) []goldenCase {
	t.Helper()
	cases, err := goldenCases()
	if err != nil {
		t.Fatal(err)
	}
	if len(cases[name]) == 0 {
		t.Fatalf("testdata/golden.json has no case %q", name)
	}
	return cases[name]
}

// goldenValue returns a value as a slice of T, and fails if there is none.
func goldenValue[T Float](t testing.TB, c goldenCase, name string) []T {
	t.Helper()
	v, ok := c.Values[name]
	if !ok {
		t.Fatalf("the golden case has no value %q", name)
	}
	x := make([]T, len(v))
	for i := range v {
		x[i] = T(v[i])
	}
	return x
}

// checkGolden compares got with the golden value of that name.
func checkGolden[T Float](t testing.TB, c goldenCase, name string, got []T, tol float64) {
	t.Helper()
	checkClose(t, name, got, goldenValue[float64](t, c, name), tol)
}

// checkClose compares to tol relative to the larger of 1 and the value.
func checkClose[T Float](t testing.TB, what string, got []T, want []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("len(%s) = %d, want %d", what, len(got), len(want))
	}
	for i, w := range want {
		if !(math.Abs(float64(got[i])-w) <= tol*max(1, math.Abs(w))) {
			t.Fatalf("%s[%d] = %v, want %v", what, i, got[i], w)
		}
	}
}

// TestGoldenCells puts the gate kernels between plain products and compares the result with
// the cells of torch.nn: values, and the gradients that come out of the products.
func TestGoldenCells(t *testing.T) {
	for _, name := range []string{"RNNCell", "LSTMCell", "LSTMCellPeephole", "GRUCell", "GRUCellBefore"} {
		for _, c := range loadGolden(t, name) {
			t.Run(name+c.Act+"/float32", func(t *testing.T) { testGoldenCell[float32](t, name, c, 2e-6) })
			t.Run(name+c.Act+"/float64", func(t *testing.T) { testGoldenCell[float64](t, name, c, 1e-13) })
		}
	}
}

func testGoldenCell[T Float](t *testing.T, name string, c goldenCase, tol float64) {
	value := func(name string) []T { return goldenValue[T](t, c, name) }
	batch, in, hidden := c.Sizes["batch"], c.Sizes["in"], c.Sizes["hidden"]
	x, hx, wih, whh, b := value("x"), value("hx"), value("wih"), value("whh"), value("b")
	width := len(b) // gates*hidden
	hy := make([]T, batch*hidden)
	dh := value("dhy")
	dhx := make([]T, batch*hidden)
	var dpre []T // gradient of the input part of the pre-activations
	pre := make([]T, batch*width)
	for i := range pre {
		pre[i] = b[i%width]
	}
	addProduct(pre, x, wih, batch, in, width)

	switch name {
	case "RNNCell":
		s := &Step[T]{H: hy, Gates: pre, Act: map[string]Activation{"RNNTanh": RNNTanh, "RNNReLU": RNNReLU}[c.Act], Batch: batch, Ld: hidden}
		addProduct(pre, hx, whh, batch, hidden, width)
		RNNStep(s, hidden)
		dpre = pre
		RNNStepBackward(&StepGrad[T]{H: dh, Gates: dpre}, s, hidden)
		addProductT(dhx, dpre, whh, batch, width, hidden)

	case "LSTMCell", "LSTMCellPeephole":
		var peephole []T
		if name == "LSTMCellPeephole" {
			peephole = value("peephole")
		}
		cx, cy, dcx := value("cx"), make([]T, batch*hidden), make([]T, batch*hidden)
		s := &Step[T]{H: hy, C: cy, Gates: pre, CPrev: cx, Peephole: peephole, Batch: batch, Ld: width}
		addProduct(pre, hx, whh, batch, hidden, width)
		LSTMStep(s, hidden)
		checkGolden(t, c, "cy", cy, tol)
		dpre = pre
		LSTMStepBackward(&StepGrad[T]{H: dh, C: value("dcy"), Gates: dpre, CPrev: dcx}, s, hidden)
		checkGolden(t, c, "dcx", dcx, tol)
		addProductT(dhx, dpre, whh, batch, width, hidden)
		if peephole != nil {
			dpeephole := make([]T, 3*hidden)
			for k := range batch * hidden {
				d, j := dpre[k/hidden*width:], k%hidden
				dpeephole[j] += d[j] * cx[k]
				dpeephole[hidden+j] += d[hidden+j] * cx[k]
				dpeephole[2*hidden+j] += d[3*hidden+j] * cy[k]
			}
			checkGolden(t, c, "dpeephole", dpeephole, tol)
		}

	case "GRUCell":
		// One matrix holds the gates and, behind them, the recurrent part of n.
		ld := width + hidden
		m := make([]T, batch*ld)
		rec := make([]T, batch*width)
		addProduct(rec, hx, whh, batch, hidden, width)
		bhn := value("bhn")
		for r := range batch {
			row, pre, rec := m[r*ld:], pre[r*width:], rec[r*width:]
			for j := range hidden {
				row[j] = pre[j] + rec[j]
				row[hidden+j] = pre[hidden+j] + rec[hidden+j]
				row[2*hidden+j] = pre[2*hidden+j]
				row[3*hidden+j] = rec[2*hidden+j] + bhn[j]
			}
		}
		s := &Step[T]{H: hy, Gates: m, HPrev: hx, Batch: batch, Ld: ld}
		GRUStep(s, hidden)
		GRUStepBackward(&StepGrad[T]{H: dh, Gates: m, HPrev: dhx}, s, hidden)
		dpre = make([]T, batch*width)
		drec := make([]T, batch*width)
		dbhn := make([]T, hidden)
		for r := range batch {
			copy(dpre[r*width:], m[r*ld:][:width])
			copy(drec[r*width:], m[r*ld:][:2*hidden])
			copy(drec[r*width+2*hidden:], m[r*ld+width:][:hidden])
			for j := range hidden {
				dbhn[j] += m[r*ld+width+j]
			}
		}
		checkGolden(t, c, "dbhn", dbhn, tol)
		addProductT(dhx, drec, whh, batch, width, hidden)

	case "GRUCellBefore":
		rz, un := whh[:2*hidden*hidden], whh[2*hidden*hidden:]
		rec := make([]T, batch*2*hidden)
		addProduct(rec, hx, rz, batch, hidden, 2*hidden)
		ld := width + hidden
		m, rh := make([]T, batch*ld), make([]T, batch*hidden)
		for r := range batch {
			copy(m[r*ld:], pre[r*width:][:width])
			for j, v := range rec[r*2*hidden:][:2*hidden] {
				m[r*ld+j] += v
			}
		}
		s := &Step[T]{H: hy, Gates: m, HPrev: hx, Batch: batch, Ld: ld}
		GRUBeforeReset(s, hidden)
		for r := range batch {
			copy(rh[r*hidden:], m[r*ld+width:][:hidden])
		}
		rec = make([]T, batch*hidden)
		addProduct(rec, rh, un, batch, hidden, hidden)
		for i, v := range rec {
			m[i/hidden*ld+2*hidden+i%hidden] += v
		}
		GRUBeforeUpdate(s, hidden)
		GRUBeforeUpdateBackward(&StepGrad[T]{H: dh, Gates: m, HPrev: dhx}, s, hidden)
		dpre = make([]T, batch*width)
		dn, drz := make([]T, batch*hidden), make([]T, batch*2*hidden)
		drh := make([]T, batch*hidden)
		for r := range batch {
			copy(dn[r*hidden:], m[r*ld+2*hidden:][:hidden])
		}
		addProductT(drh, dn, un, batch, hidden, hidden)
		GRUBeforeResetBackward(&StepGrad[T]{H: drh, Gates: m, HPrev: dhx}, s, hidden)
		for r := range batch {
			copy(dpre[r*width:], m[r*ld:][:width])
			copy(drz[r*2*hidden:], m[r*ld:][:2*hidden])
		}
		addProductT(dhx, drz, rz, batch, 2*hidden, hidden)
	}

	checkGolden(t, c, "hy", hy, tol)
	checkGolden(t, c, "dhx", dhx, tol)
	dx, db := make([]T, batch*in), make([]T, width)
	addProductT(dx, dpre, wih, batch, width, in)
	checkGolden(t, c, "dx", dx, tol)
	for i, d := range dpre {
		db[i%width] += d
	}
	checkGolden(t, c, "db", db, tol)
}

// addProduct adds x w^T to y: x [m,k], w [n,k], y [m,n].
func addProduct[T Float](y, x, w []T, m, k, n int) {
	for i := range m {
		for j := range n {
			for l := range k {
				y[i*n+j] += x[i*k+l] * w[j*k+l]
			}
		}
	}
}

// addProductT adds dy w to dx: dy [m,k], w [k,n], dx [m,n].
func addProductT[T Float](dx, dy, w []T, m, k, n int) {
	for i := range m {
		for j := range n {
			for l := range k {
				dx[i*n+j] += dy[i*k+l] * w[l*n+j]
			}
		}
	}
}

// TestGoldenOptim follows five steps of torch.optim. In float32 beta2 = 0.999 is rounded to
// 0.99900001, which makes 1-beta2, and so v, smaller by 1.3e-5; gradients of both signs
// cancel in m.
func TestGoldenOptim(t *testing.T) {
	t.Run("float32", func(t *testing.T) { testGoldenOptim[float32](t, 5e-6, 2e-5) })
	t.Run("float64", func(t *testing.T) { testGoldenOptim[float64](t, 1e-13, 1e-13) })
}

func testGoldenOptim[T Float](t *testing.T, tol, tolV float64) {
	for name, state := range map[string][]string{"Adam": {"m", "v"}, "AdamW": {"m", "v"}, "SGD": {"m"}, "Adagrad": {"s"}} {
		c := loadGolden(t, name)[0]
		n := c.Sizes["n"]
		one := func(name string) T { return goldenValue[T](t, c, name)[0] }
		p := goldenValue[T](t, c, "p")[:n]
		s := [][]T{make([]T, n), make([]T, n)}
		decay := T(0)
		if name == "AdamW" {
			decay = one("decay")
		}
		check := func(value string, step int, got []T, tol float64) {
			t.Helper()
			want := goldenValue[float64](t, c, value)[step*n:][:n]
			checkClose(t, fmt.Sprintf("%s %s, step %d: ", name, value, step), got, want, tol)
		}
		for step := range c.Sizes["steps"] {
			g := goldenValue[T](t, c, "g")[step*n:][:n]
			switch name {
			case "Adam", "AdamW":
				c1 := 1 - math.Pow(c.Values["beta1"][0], float64(step+1))
				c2 := 1 - math.Pow(c.Values["beta2"][0], float64(step+1))
				Adam(p, g, &Moments[T]{s[0], s[1]}, &AdamSettings[T]{LR: one("lr"), Beta1: one("beta1"), Beta2: one("beta2"),
					Eps: one("eps"), Decay: decay, C1: T(c1), C2: T(c2)})
			case "SGD":
				SGD(p, g, s[0], &SGDSettings[T]{LR: one("lr"), Momentum: one("mu")})
			case "Adagrad":
				Adagrad(p, g, s[0], &AdagradSettings[T]{LR: one("lr"), Eps: one("eps")})
			}
			check("p", step+1, p, tol)
			for i, value := range state {
				if value == "v" {
					check(value, step, s[i], tolV)
				} else {
					check(value, step, s[i], tol)
				}
			}
		}
	}
}
