package cell

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/kernels"
)

func newTestMLP[T Float](rng *rand.Rand, hidden, out Activation, sizes ...int) *MLP[T] {
	m := NewMLP[T](hidden, out, sizes...)
	for _, ts := range m.Tensors() {
		randomize(ts.Data, rng)
	}
	m.PackForTraining()
	return m
}

func TestMLPGradient(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, sizes := range [][]int{{3, 2}, {3, 5, 2}, {4, 6, 5, 3}} {
		m := newTestMLP[float64](rng, Tanh, Softplus, sizes...)
		const rows = 4
		a, grad, x := new(Activations[float64]), m.NewGrad(), random[float64](rows*m.In(), rng)
		g := Grads[float64]{DY: random[float64](rows*m.Out(), rng), DX: make([]float64, len(x))}
		forward := func() (loss float64) {
			m.Forward(a, x, rows, 1)
			for i, w := range g.DY {
				loss += w * a.Y[i]
			}
			return loss
		}
		forward()
		m.Backward(a, grad, g, x, 1)
		check := func(what string, values, grad []float64) {
			t.Helper()
			for i := range values {
				const h = 1e-5
				old := values[i]
				values[i] = old + h
				m.Pack()
				up := forward()
				values[i] = old - h
				m.Pack()
				down := forward()
				values[i] = old
				if want := (up - down) / (2 * h); math.Abs(grad[i]-want) > 1e-8*(1+math.Abs(want)) {
					t.Fatalf("%v: d%s[%d] = %v, want %v", sizes, what, i, grad[i], want)
				}
			}
		}
		for i, ts := range m.Tensors() {
			check(ts.Name, ts.Data, grad.Tensors()[i].Data)
		}
		check("x", x, g.DX)
	}
}

// TestMLPBits: neither threads, nor parts of the input, nor parts of the rows change a bit, on any
// instruction set.
func TestMLPBits(t *testing.T) {
	blastest.UseGo(t)
	var first [][]float32
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(2, 2))
		m := newTestMLP[float32](rng, ReLU, Linear, 7, 33, 18, 5)
		const rows = 11
		a, x := new(Activations[float32]), random[float32](rows*7, rng)
		g := Grads[float32]{DY: random[float32](rows*5, rng), DX: make([]float32, rows*7)}
		keep := func(grad *MLP[float32]) [][]float32 {
			rs := [][]float32{slices.Clone(a.Y), slices.Clone(g.DX)}
			for _, ts := range grad.Tensors() {
				rs = append(rs, ts.Data)
			}
			return rs
		}
		run := func(threads int) [][]float32 {
			grad := m.NewGrad()
			m.Forward(a, x, rows, threads)
			m.Backward(a, grad, g, x, threads)
			return keep(grad)
		}
		want := run(1)
		if first == nil {
			first = want
		}
		sameResults(t, "this instruction set", want, first)
		for threads := 0; threads < 6; threads++ {
			sameResults(t, fmt.Sprint("threads ", threads), run(threads), want)
		}
		x0, x1 := columns(x, rows, 7, 0, 2), columns(x, rows, 7, 2, 7)
		grad := m.NewGrad()
		a.Begin(m, rows)
		for _, r := range [][2]int{{4, rows}, {0, 4}} {
			m.Project(a, x0[r[0]*2:], r[0], r[1], 0, 2)
			m.Project(a, x1[r[0]*5:], r[0], r[1], 2, 7)
			m.Activate(a, r[0], r[1])
		}
		a.BeginBackward()
		copy(a.DY, g.DY)
		clear(g.DX)
		for _, r := range [][2]int{{4, rows}, {0, 4}} {
			m.ActivateBackward(a, r[0], r[1])
			m.InputGrad(a, g.DX[r[0]*7:], r[0], r[1], 0, 7, true)
		}
		for i := range 4 {
			m.ParamGrad(grad, a, i, 4, x0, x1)
		}
		sameResults(t, "in parts", keep(grad), want)
	})
}

// TestMLPCut: the gradient of rows that are cut is the sum of those of the parts, along the tree, and with
// Overwrite it is the same whatever was there.
func TestMLPCut(t *testing.T) {
	blastest.UseGo(t)
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(4, 4))
		m := newTestMLP[float32](rng, Tanh, Linear, 7, 70, 18, 5)
		for _, ends := range [][]int{{0}, {9}, {4, 9}, {2, 2, 5}, {1, 3, 4, 8, 9, 13, 20, 31}, {12, 24, 31, 40, 41}} {
			rows := ends[len(ends)-1]
			x, dy := random[float32](rows*7, rng), random[float32](rows*5, rng)
			x0, x1 := columns(x, rows, 7, 0, 2), columns(x, rows, 7, 2, 7)
			of := func(from, to int, set func(a *Activations[float32], grad *MLP[float32])) [][]float32 {
				a, grad := new(Activations[float32]), m.NewGrad()
				m.Forward(a, x[from*7:to*7], to-from, 1)
				a.BeginBackward()
				copy(a.DY, dy[from*5:to*5])
				m.ActivateBackward(a, 0, to-from)
				set(a, grad)
				for i := range 3 {
					m.ParamGrad(grad, a, i, 3, x0[from*2:to*2], x1[from*5:to*5])
				}
				var rs [][]float32
				for _, ts := range grad.Tensors() {
					rs = append(rs, ts.Data)
				}
				return rs
			}
			var parts [][][]float32
			from := 0
			for _, to := range ends {
				parts = append(parts, of(from, to, func(*Activations[float32], *MLP[float32]) {}))
				from = to
			}
			for n := len(parts); n > 1; n = len(parts) { // neighbours, again and again
				var sums [][][]float32
				for i := 0; i < n; i += 2 {
					if sums = append(sums, parts[i]); i+1 < n {
						for k := range parts[i] {
							kernels.Axpy(parts[i][k], parts[i+1][k], 1)
						}
					}
				}
				parts = sums
			}
			sameResults(t, fmt.Sprint("ends ", ends), of(0, rows, func(a *Activations[float32], _ *MLP[float32]) { a.Cut(ends) }), parts[0])
			sameResults(t, fmt.Sprint("overwritten, ends ", ends), of(0, rows, func(a *Activations[float32], grad *MLP[float32]) {
				a.Cut(ends)
				a.Overwrite()
				for _, ts := range grad.Tensors() {
					for i := range ts.Data {
						ts.Data[i] = float32(math.NaN())
					}
				}
			}), parts[0])
		}
	})
}

func TestMLPAllocations(t *testing.T) {
	blastest.UseGo(t)
	rng := rand.New(rand.NewPCG(3, 3))
	m := newTestMLP[float32](rng, ReLU, Linear, 5, 8, 3)
	a, grad, x := new(Activations[float32]), m.NewGrad(), random[float32](4*5, rng)
	g, ends := Grads[float32]{DY: random[float32](4*3, rng), DX: make([]float32, 4*5)}, []int{1, 3, 4}
	if n := testing.AllocsPerRun(5, func() {
		m.Forward(a, x, 4, 1)
		m.Backward(a, grad, g, x, 1)
		a.Cut(ends)
		m.Backward(a, grad, g, x, 1)
	}); n != 0 {
		t.Errorf("forward and backward allocate %v times, want 0", n)
	}
}
