package cell

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/blas/blastest"
)

func TestDenseGradient(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for act := Linear; act <= Softplus; act++ {
		t.Run(act.String(), func(t *testing.T) {
			const rows, in, out = 6, 5, 4
			d := NewDense[float64](in, out, act)
			for _, ts := range d.Tensors() {
				randomize(ts.Data, rng)
			}
			d.PackForTraining()
			x, w := random[float64](rows*in, rng), random[float64](rows*out, rng)
			y, dx := make([]float64, rows*out), make([]float64, rows*in)
			loss := func() float64 {
				d.PackForTraining()
				d.Forward(y, x, rows)
				sum := 0.0
				for i := range y {
					sum += w[i] * y[i]
				}
				return sum
			}
			loss()
			dy, grad := append([]float64(nil), w...), d.NewGrad()
			d.ActivateBackward(dy, y, rows)
			d.InputGrad(dx, dy, rows, 0, in, false)
			d.ParamGrad(grad, dy, x, rows, 0, in, 0, out)
			check := func(what string, values, got []float64) {
				for i := range values {
					const h = 1e-6
					old := values[i]
					values[i] = old + h
					up := loss()
					values[i] = old - h
					down := loss()
					values[i] = old
					if want := (up - down) / (2 * h); math.Abs(got[i]-want) > 1e-8*(1+math.Abs(want)) {
						t.Fatalf("d%s[%d] = %v, want %v", what, i, got[i], want)
					}
				}
			}
			check("w", d.W, grad.W)
			check("b", d.B, grad.B)
			check("x", x, dx)
		})
	}
}

// TestDenseParts: input given in parts, outputs split, and gradients added to, bit for bit.
func TestDenseParts(t *testing.T) {
	blastest.UseGo(t)
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(2, 3))
		for _, size := range [][3]int{{1, 1, 1}, {3, 7, 5}, {17, 16, 33}, {0, 4, 4}, {4, 0, 3}} {
			rows, in, out := size[0], size[1], size[2]
			d := NewDense[float32](in, out, Tanh)
			for _, ts := range d.Tensors() {
				randomize(ts.Data, rng)
			}
			d.PackForTraining()
			x, da := random[float32](rows*in, rng), random[float32](rows*out, rng)
			y, parts := make([]float32, rows*out), make([]float32, rows*out)
			d.Forward(y, x, rows)
			whole := d.NewGrad()
			d.ParamGrad(whole, da, x, rows, 0, in, 0, out)
			dx := make([]float32, rows*in)
			d.InputGrad(dx, da, rows, 0, in, false)
			for cut := range in + 1 {
				a, b := columns(x, rows, in, 0, cut), columns(x, rows, in, cut, in)
				d.Project(parts, a, rows, 0, cut)
				if cut > 0 {
					d.Project(parts, b, rows, cut, in)
				} else if in > 0 {
					d.Project(parts, b, rows, 0, in)
				}
				d.Activate(parts, rows)
				asmtest.SameFloats(t, "y in parts", parts, y)
				db := make([]float32, rows*(in-cut))
				d.InputGrad(db, da, rows, cut, in, false)
				asmtest.SameFloats(t, "dx of the later columns", db, columns(dx, rows, in, cut, in))
				if cut > 0 {
					g := d.NewGrad()
					for o := range out {
						d.ParamGrad(g, da, a, rows, 0, cut, o, o+1)
						d.ParamGrad(g, da, b, rows, cut, in, o, o+1)
					}
					asmtest.SameFloats(t, "dw in parts", g.W, whole.W)
					asmtest.SameFloats(t, "db in parts", g.B, whole.B)
				}
			}
		}
	})
}
