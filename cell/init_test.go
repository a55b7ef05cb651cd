package cell

import (
	"fmt"
	"math"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/kernels"
)

// TestInit: parameters fill their range, gains are 1, no two tensors are drawn alike, and the draw
// depends on the noise alone.
func TestInit(t *testing.T) {
	const in, hidden = 9, 16
	noise := kernels.Noise{Seed: 4}
	mlp := NewMLP[float32](ReLU, Linear, in, 12, 5)
	stack := NewStack[float32](StackConfig{Kind: GRU, In: in, Hidden: hidden, Layers: 2, Bidirectional: Concat})
	norm := NewRecurrentWith[float32](LSTM, in, hidden, Options{LayerNorm: true})
	for name, c := range map[string]struct {
		init func(kernels.Noise)
		ts   []Tensor[float32]
		fan  func(Tensor[float32]) int
	}{
		"MLP":   {mlp.Init, mlp.Tensors(), func(x Tensor[float32]) int { return map[byte]int{'0': in, '1': 12}[x.Name[0]] }},
		"Stack": {stack.Init, stack.Tensors(), func(Tensor[float32]) int { return hidden }},
		"norm":  {norm.Init, norm.Tensors(), func(Tensor[float32]) int { return hidden }},
	} {
		c.init(noise)
		firsts := map[float32]string{}
		for _, x := range c.ts {
			lo, hi := math.Inf(1), math.Inf(-1)
			for _, v := range x.Data {
				lo, hi = min(lo, float64(v)), max(hi, float64(v))
			}
			switch x.Name {
			case "gih", "ghh", "gc":
				if lo != 1 || hi != 1 {
					t.Errorf("%s: %s is from %v to %v, want 1", name, x.Name, lo, hi)
				}
				continue
			case "bc":
				if lo != 0 || hi != 0 {
					t.Errorf("%s: %s is from %v to %v, want 0", name, x.Name, lo, hi)
				}
				continue
			}
			bound := 1 / math.Sqrt(float64(c.fan(x)))
			if lo < -bound || hi > bound || len(x.Data) > 50 && (lo > -0.8*bound || hi < 0.8*bound) {
				t.Errorf("%s: %s is from %v to %v, want ±%v filled", name, x.Name, lo, hi, bound)
			}
			if other, ok := firsts[x.Data[0]]; ok {
				t.Errorf("%s: %s is drawn as %s", name, x.Name, other)
			}
			firsts[x.Data[0]] = x.Name
			before := x.Data[len(x.Data)-1]
			if c.init(noise); x.Data[len(x.Data)-1] != before {
				t.Errorf("%s: %s is drawn anew with the same noise", name, x.Name)
			}
		}
	}
	mlp.Layers[1].W = mlp.Layers[1].W[:3]
	mustPanic(t, "cell: MLP.Init: len(W) = 3, want 5*12", func() { mlp.Init(noise) })
}

// TestOrthogonal: rows are orthonormal, those that the float64 reference makes of the same draws one
// after the other, with the same bits on every instruction set and under every backend.
func TestOrthogonal(t *testing.T) {
	noise := kernels.Noise{Seed: 4}
	want := map[int][]float32{}
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, n := range []int{0, 1, 5, orthogonalRows, orthogonalRows + 1, 200} {
			w := make([]float32, n*n)
			Orthogonal(w, n, noise, 7)
			if want[n] == nil {
				want[n] = w
			}
			asmtest.SameFloats(t, fmt.Sprint(n, " rows"), w, want[n])
			x := make([]float64, n*n)
			kernels.Normals(x, noise, 0, 7, n, n)
			orthonormalise(x, n)
			for i, v := range x {
				if n <= orthogonalRows && w[i] != float32(v) || math.Abs(float64(w[i])-v) > 2e-6 {
					t.Fatalf("%d rows: element %d is %v, want %v", n, i, w[i], v)
				}
			}
			for i := range n {
				for k := range i + 1 {
					d := 0.0
					for j := range n {
						d += float64(w[i*n+j]) * float64(w[k*n+j])
					}
					if i == k {
						d--
					}
					if math.Abs(d) > 1e-6 {
						t.Fatalf("%d rows: the product of rows %d and %d is %v off", n, i, k, d)
					}
				}
			}
		}
	})
}
