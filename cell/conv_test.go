package cell

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/blas/blastest"
	"github.com/elbow-go/elbow/kernels"
)

// convOracle is the equation in float64, before the activation.
func convOracle[T Float](c *Conv1d[T], x []T, batch, steps int) []float64 {
	outs := c.Outputs(steps)
	y := make([]float64, batch*outs*c.Out)
	for n := range batch {
		for t := range outs {
			for o := range c.Out {
				sum := float64(c.B[o])
				for k := range c.Kernel {
					s := t*c.Stride + k - c.Padding
					for i := 0; s >= 0 && s < steps && i < c.In; i++ {
						sum += float64(c.W[(o*c.Kernel+k)*c.In+i]) * float64(x[(n*steps+s)*c.In+i])
					}
				}
				y[(n*outs+t)*c.Out+o] = sum
			}
		}
	}
	return y
}

func randomConv[T Float](in, out int, w Window, act Activation, rng *rand.Rand) *Conv1d[T] {
	c := NewConv1d[T](in, out, w, act)
	for _, t := range c.Tensors() {
		randomize(t.Data, rng)
	}
	c.PackForTraining()
	return c
}

// A convShape is a convolution of a batch.
type convShape struct {
	in, out      int
	w            Window
	batch, steps int
}

// convShapes are all small windows, few and many channels, and batches smaller and larger than the outputs.
func convShapes() (shapes []convShape) {
	rng := rand.New(rand.NewPCG(1, 9))
	for kernel := range 5 {
		for stride := range 4 {
			for padding := range 4 {
				for range 3 {
					s := convShape{1 + rng.IntN(5), 1 + rng.IntN(20), Window{1 + kernel, 1 + stride, padding}, rng.IntN(7), rng.IntN(12)}
					if rng.IntN(2) == 0 {
						s.in += tapChannels
					}
					shapes = append(shapes, s)
				}
			}
		}
	}
	return append(shapes, convShape{1, 33, Window{32, 16, 0}, 2, 160}, convShape{2, 5, Window{3, 1, 40}, 1, 4}, convShape{0, 3, Window{2, 1, 1}, 2, 3},
		convShape{3, 0, Window{2, 1, 1}, 2, 3}, convShape{129, 128, Window{3, 1, 1}, 1, 4}, convShape{129, 128, Window{3, 2, 1}, 16, 4})
}

// TestConv1d compares outputs with the equation in float64: the error of a chain is at most its length times
// that of its largest sum. Plain Go has the bits of every instruction set, in the gradients too.
func TestConv1d(t *testing.T) {
	blastest.UseGo(t)
	for _, s := range convShapes() {
		rng := rand.New(rand.NewPCG(2, 3))
		c := randomConv[float32](s.in, s.out, s.w, Linear, rng)
		x, outs := random[float32](s.batch*s.steps*s.in, rng), s.w.Outputs(s.steps)
		da := random[float32](s.batch*outs*s.out, rng)
		var want [4][]float32
		asmtest.ForEachISA(t, func(t *testing.T) {
			c.PackForTraining()
			grad := c.NewGrad()
			got := [4][]float32{make([]float32, len(da)), make([]float32, len(x)), grad.W, grad.B}
			c.Forward(got[0], x, s.batch, s.steps)
			c.InputGrad(got[1], da, s.batch, s.steps, false)
			c.ParamGrad(grad, da, x, s.batch, s.steps, 0, s.out)
			for i, want := range convOracle(c, x, s.batch, s.steps) {
				if d := math.Abs(float64(got[0][i]) - want); !(d <= 1e-6*float64(1+s.w.Kernel*s.in)) {
					t.Fatalf("%+v: y[%d] = %v, want %v", s, i, got[0][i], want)
				}
			}
			if asm.Active() == asm.Generic {
				want = got
			}
			for i, what := range []string{"y", "dx", "dw", "db"} {
				asmtest.SameFloats(t, fmt.Sprintf("%+v: %s", s, what), got[i], want[i])
			}
		})
	}
}

// TestConv1dGradient: finite differences of a linear functional of the outputs.
func TestConv1dGradient(t *testing.T) {
	for i, s := range []convShape{{2, 3, Window{3, 1, 1}, 2, 4}, {2, 2, Window{3, 2, 1}, 1, 5}, {1, 3, Window{4, 2, 0}, 2, 8}, {tapChannels, 2, Window{3, 2, 2}, 1, 5},
		{3, 2, Window{2, 3, 3}, 5, 2}} {
		rng := rand.New(rand.NewPCG(4, uint64(i)))
		c := randomConv[float64](s.in, s.out, s.w, Activation(i), rng)
		x, w := random[float64](s.batch*s.steps*s.in, rng), random[float64](s.batch*s.w.Outputs(s.steps)*s.out, rng)
		y, dx := make([]float64, len(w)), make([]float64, len(x))
		loss := func() (sum float64) {
			c.PackForTraining()
			c.Forward(y, x, s.batch, s.steps)
			for i := range y {
				sum += w[i] * y[i]
			}
			return sum
		}
		loss()
		dy, grad := slices.Clone(w), c.NewGrad()
		c.ActivateBackward(dy, y, s.batch, s.steps)
		c.InputGrad(dx, dy, s.batch, s.steps, false)
		c.ParamGrad(grad, dy, x, s.batch, s.steps, 0, s.out)
		for what, v := range map[string][2][]float64{"w": {c.W, grad.W}, "b": {c.B, grad.B}, "x": {x, dx}} {
			for i := range v[0] {
				const h = 1e-6
				old := v[0][i]
				v[0][i] = old + h
				up := loss()
				v[0][i] = old - h
				down := loss()
				v[0][i] = old
				if want := (up - down) / (2 * h); math.Abs(v[1][i]-want) > 1e-8*(1+math.Abs(want)) {
					t.Fatalf("%+v, %v: d%s[%d] = %v, want %v", s, c.Act, what, i, v[1][i], want)
				}
			}
		}
	}
}

// TestConv1dSplit: a batch in parts, sequences whole or as a stream, outputs of the gradient split: the same bits.
func TestConv1dSplit(t *testing.T) {
	blastest.UseGo(t)
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, s := range convShapes() {
			if s.batch == 0 || s.in == 0 || s.out == 0 {
				continue
			}
			rng := rand.New(rand.NewPCG(5, 6))
			c := randomConv[float32](s.in, s.out, s.w, Tanh, rng)
			outs := s.w.Outputs(s.steps)
			x, da := random[float32](s.batch*s.steps*s.in, rng), random[float32](s.batch*outs*s.out, rng)
			y, dx, grad := make([]float32, len(da)), random[float32](len(x), rng), c.NewGrad()
			y1, dx1, grad1 := make([]float32, len(da)), slices.Clone(dx), c.NewGrad()
			c.Forward(y, x, s.batch, s.steps)
			c.InputGrad(dx, da, s.batch, s.steps, true)
			c.ParamGrad(grad, da, x, s.batch, s.steps, 0, s.out)
			for n := range s.batch {
				xn, yn := x[n*s.steps*s.in:][:s.steps*s.in], n*outs*s.out
				c.Forward(y1[yn:], xn, 1, s.steps)
				c.InputGrad(dx1[n*len(xn):], da[yn:], 1, s.steps, true)
				for o := range s.out {
					c.ParamGrad(grad1, da[yn:], xn, 1, s.steps, o, o+1)
				}
			}
			what := fmt.Sprintf("%+v: ", s)
			asmtest.SameFloats(t, what+"y by sequences", y1, y)
			asmtest.SameFloats(t, what+"dx by sequences", dx1, dx)
			asmtest.SameFloats(t, what+"dw by sequences", grad1.W, grad.W)
			asmtest.SameFloats(t, what+"db by sequences", grad1.B, grad.B)
			if s.w.Padding == 0 {
				asmtest.SameFloats(t, what+"y of a stream", convStream(c, x[:s.steps*s.in], rng), y[:outs*s.out])
			}
		}
	})
}

// convStream gives a layer the steps of a sequence in parts, as the comment of Conv1d says.
func convStream(c *Conv1d[float32], x []float32, rng *rand.Rand) (y []float32) {
	var kept []float32
	skip := 0 // steps that no output sees any more, but have not come yet
	for len(x) > 0 {
		n := min(len(x)/c.In, 1+rng.IntN(4))
		kept, x = append(kept, x[:n*c.In]...), x[n*c.In:]
		gone := min(skip, len(kept)/c.In)
		kept, skip = kept[gone*c.In:], skip-gone
		steps := len(kept) / c.In
		outs := c.Outputs(steps)
		part := make([]float32, outs*c.Out)
		c.Forward(part, kept, 1, steps)
		y = append(y, part...)
		gone = min(outs*c.Stride, steps)
		kept, skip = kept[gone*c.In:], skip+outs*c.Stride-gone
	}
	return y
}

// TestConv1dFences: nothing outside of the slices is read or written.
func TestConv1dFences(t *testing.T) {
	blastest.UseGo(t)
	var fences [3]*asmtest.Fence
	for i := range fences {
		fences[i] = asmtest.NewFence(1 << 15)
		defer fences[i].Close()
	}
	asmtest.ForEachISA(t, func(t *testing.T) {
		for i, s := range convShapes() {
			rng := rand.New(rand.NewPCG(7, 8))
			c := randomConv[float32](s.in, s.out, s.w, ReLU, rng)
			place := func(f *asmtest.Fence, n int) []float32 {
				if i%2 == 0 {
					return f.Head(n)
				}
				return f.Tail(n)
			}
			x, y := place(fences[0], s.batch*s.steps*s.in), place(fences[1], s.batch*s.w.Outputs(s.steps)*s.out)
			dx := place(fences[2], len(x))
			randomize(x, rng)
			was := slices.Clone(x)
			c.Forward(y, x, s.batch, s.steps)
			c.InputGrad(dx, y, s.batch, s.steps, false)
			c.ParamGrad(c.NewGrad(), y, x, s.batch, s.steps, 0, s.out)
			asmtest.SameFloats(t, "x", x, was)
			for k, v := range [][]float32{x, y, dx} {
				if at, bad := fences[k].Check(v); bad {
					t.Fatalf("%+v: element %d of slice %d was written", s, at, k)
				}
			}
		}
	})
}

func TestConv1dAlloc(t *testing.T) {
	blastest.UseGo(t)
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(9, 9))
		for _, s := range convShapes() {
			c := randomConv[float32](s.in, s.out, s.w, ReLU, rng)
			x, y, grad := random[float32](s.batch*s.steps*s.in, rng), make([]float32, s.batch*s.w.Outputs(s.steps)*s.out), c.NewGrad()
			dx := make([]float32, len(x))
			pass := func() {
				c.Forward(y, x, s.batch, s.steps)
				c.InputGrad(dx, y, s.batch, s.steps, false)
				c.ParamGrad(grad, y, x, s.batch, s.steps, 0, s.out)
			}
			for range 2 + backwardLate/max(1, s.batch*s.w.Outputs(s.steps)) { // until all that is packed late is packed
				pass()
			}
			if n := testing.AllocsPerRun(5, pass); n != 0 {
				t.Fatalf("%+v: %v allocations", s, n)
			}
		}
	})
}

// TestConv1dInit: the bounds are those of PyTorch, and reached.
func TestConv1dInit(t *testing.T) {
	c := NewConv1d[float32](40, 50, Window{Kernel: 5, Stride: 1}, Linear)
	c.Init(kernels.Noise{Seed: 3})
	bound := 1 / math.Sqrt(200)
	for _, ts := range c.Tensors() {
		most := float64(max(slices.Max(ts.Data), -slices.Min(ts.Data)))
		if most > bound || most < 0.9*bound {
			t.Errorf("%s: the largest is %v, want nearly %v", ts.Name, most, bound)
		}
	}
	if slices.Equal(c.W[:50], c.B) {
		t.Error("w and b are the same draws")
	}
}

// TestConv1dGolden compares with PyTorch: see testdata/golden_conv.py. float32 is on the whole as close to
// float64 as PyTorch's own.
func TestConv1dGolden(t *testing.T) {
	raw, err := os.ReadFile("testdata/conv.json")
	if err != nil {
		t.Fatal(err)
	}
	var g struct {
		Cases []convGolden
	}
	if err := json.Unmarshal(raw, &g); err != nil || len(g.Cases) == 0 {
		t.Fatalf("%d cases, %v", len(g.Cases), err)
	}
	var ratios []float64
	for _, c := range g.Cases {
		for what, diff := range runConvGolden[float64](c) {
			if !(diff.most <= 1e-12) {
				t.Errorf("%+v: %s is off by %v, want at most 1e-12", c.window(), what, diff.most)
			}
		}
		for what, diff := range runConvGolden[float32](c) {
			if !(diff.most <= 1e-5*16) { // sums to 16
				t.Errorf("%+v: float32 %s is off by %v", c.window(), what, diff.most)
			}
			if c.Err[what] > 0 {
				ratios = append(ratios, diff.rms/c.Err[what])
			}
		}
	}
	slices.Sort(ratios)
	if median := ratios[len(ratios)/2]; !(median <= 1.5) {
		t.Errorf("the median error of float32 is %v that of PyTorch, want at most 1.5", median)
	}
}

// convGolden is a case of testdata/conv.json.
type convGolden struct {
	In, Out, Kernel, Stride, Padding, Batch, Steps int
	ReLU                                           bool
	X, W, B, Y, Gy, DX, DW, DB                     []float64
	Err                                            map[string]float64
}

func (c *convGolden) window() Window { return Window{c.Kernel, c.Stride, c.Padding} }

type convDiff struct{ most, rms float64 }

func runConvGolden[T Float](g convGolden) map[string]convDiff {
	act := Linear
	if g.ReLU {
		act = ReLU
	}
	c := NewConv1d[T](g.In, g.Out, g.window(), act)
	convert := func(dst []T, src []float64) []T {
		for i, v := range src {
			dst[i] = T(v)
		}
		return dst
	}
	convert(c.W, g.W)
	convert(c.B, g.B)
	c.PackForTraining()
	x, y, dx, grad := convert(make([]T, len(g.X)), g.X), make([]T, len(g.Y)), make([]T, len(g.X)), c.NewGrad()
	dy := convert(make([]T, len(g.Gy)), g.Gy)
	c.Forward(y, x, g.Batch, g.Steps)
	c.ActivateBackward(dy, y, g.Batch, g.Steps)
	c.InputGrad(dx, dy, g.Batch, g.Steps, false)
	c.ParamGrad(grad, dy, x, g.Batch, g.Steps, 0, g.Out)
	diffs := map[string]convDiff{}
	for what, v := range map[string]struct {
		got  []T
		want []float64
	}{"y": {y, g.Y}, "dx": {dx, g.DX}, "dw": {grad.W, g.DW}, "db": {grad.B, g.DB}} {
		d := convDiff{}
		for i, w := range v.want {
			e := math.Abs(float64(v.got[i]) - w)
			d.most, d.rms = max(d.most, e), d.rms+e*e
		}
		d.rms = math.Sqrt(d.rms / float64(len(v.want)))
		diffs[what] = d
	}
	return diffs
}
