package cell

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/kernels"
)

// withAndWithoutDot runs f on every instruction set, with the instruction for products of bytes where there is
// one, and without.
func withAndWithoutDot(t *testing.T, f func(t *testing.T)) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		was := asm.UseDot(false)
		defer asm.UseDot(was)
		f(t)
		if asm.HasDot() {
			asm.UseDot(true)
			f(t)
		}
	})
}

// TestPackInt8: outputs are near those of float32, and have the same bits on every instruction set, on
// several goroutines and as a stream; there is no way back, and Pack undoes it.
func TestPackInt8(t *testing.T) {
	want := map[string][]float32{} // of plain Go
	withAndWithoutDot(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(4, 5))
		ls := layers[float32](9, 70, rng)
		for _, name := range slices.Sorted(maps.Keys(ls)) {
			l := ls[name]
			for _, ts := range l.Tensors() {
				for i := range ts.Data {
					ts.Data[i] *= 0.2 // far from saturation
				}
			}
			p := newProblem(l, rng, 6, 6, 6, 5, 1)
			l.PackForTraining()
			p.forward(l)
			exact := slices.Clone(p.seq.H)

			l.PackInt8()
			p.forward(l)
			h := slices.Clone(p.seq.H)
			if want[name] == nil {
				want[name] = h
			}
			asmtest.SameFloats(t, name, h, want[name])
			far := 0.0
			for i := range h {
				far = max(far, math.Abs(float64(h[i]-exact[i])))
			}
			if l.Kind != RNNReLU && !(far < 0.1) || far == 0 {
				t.Errorf("%s: the largest difference to float32 is %v", name, far)
			}
			mustPanic(t, "call PackForTraining", func() { p.backward(l) })
			for _, spin := range []bool{false, true} {
				p.threads = 3
				shareAlways(t, spin)
				p.forward(l)
				asmtest.SameFloats(t, name+" on goroutines", p.seq.H, h)
			}
			p.threads = 1

			s := l.NewStream(1)
			hs, cs := s.States()
			copy(hs, p.h0[:l.Out()])
			copy(cs, p.c0)
			for step := range p.shape.Length(0) {
				row := p.shape.Row(step, 0)
				y := s.Push(p.x[row*l.In:][:l.In])
				asmtest.SameFloats(t, name+" as a stream", y, h[row*l.Out():][:l.Out()])
			}

			l.Wih[0] += 3
			mustPanic(t, "wih was written to", func() { p.forward(l) })
			l.PackInt8()
			p.forward(l)
			if slices.Equal(h, p.seq.H) {
				t.Errorf("%s: input weights that were written to are not read again", name)
			}
			l.Wih[0] -= 3
			l.PackForTraining()
			p.forward(l)
			p.backward(l)
		}
	})
	mustPanic(t, "cell: Recurrent.PackInt8: the layer is of float64", NewRecurrent[float64](LSTM, 2, 3).PackInt8)
}

// TestDensePackInt8: a layer is the product of kernels, part by part of its input.
func TestDensePackInt8(t *testing.T) {
	const rows, in, out = 5, 21, 70
	withAndWithoutDot(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(6, 7))
		d := NewDense[float32](in, out, Linear)
		randomize(d.W, rng)
		randomize(d.B, rng)
		x := random[float32](rows*in, rng)
		want, got := make([]float32, rows*out), make([]float32, rows*out)
		product := func(from, to int) {
			var w kernels.Int8Weights
			w.Pack(d.W[from:], out, to-from, in)
			kernels.GemmInt8(want, x[from:], &w, rows, out, in)
		}
		d.PackInt8()
		for i := range rows {
			copy(want[i*out:], d.B)
		}
		product(0, in)
		d.Forward(got, x, rows)
		asmtest.SameFloats(t, "at once", got, want)

		part := make([]float32, rows*in)
		for i := range rows {
			copy(want[i*out:], d.B)
		}
		for _, r := range [][2]int{{0, 8}, {8, 21}} {
			product(r[0], r[1])
			n := r[1] - r[0]
			for i := range rows {
				copy(part[i*n:(i+1)*n], x[i*in+r[0]:])
			}
			d.Project(got, part, rows, r[0], r[1])
		}
		asmtest.SameFloats(t, "in parts", got, want)
	})
	mustPanic(t, "cell: Dense.PackInt8: the layer is of float64", NewDense[float64](2, 3, ReLU).PackInt8)
}

// TestStackPackInt8: stacks and MLPs pack all of their layers.
func TestStackPackInt8(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 9))
	st := NewStack[float32](StackConfig{Kind: GRU, In: 3, Hidden: 20, Layers: 2, Bidirectional: Concat})
	m := NewMLP[float32](ReLU, Tanh, 40, 30, 2)
	for _, ts := range append(st.Tensors(), m.Tensors()...) {
		randomize(ts.Data, rng)
	}
	shape, x := NewRagged(5, 3), random[float32](8*3, rng)
	s, a := new(StackSequence[float32]), new(Activations[float32])
	run := func() []float32 {
		st.Forward(s, shape, x, nil, nil, 1)
		m.Forward(a, s.H, 8, 1)
		return slices.Clone(a.Y)
	}
	st.Pack()
	m.Pack()
	before := run()
	st.PackInt8()
	one := run()
	m.PackInt8()
	both := run()
	if slices.Equal(before, one) || slices.Equal(one, both) {
		t.Error("outputs are those of float32")
	}
	for i := range before {
		if math.Abs(float64(before[i]-both[i])) > 0.1 {
			t.Errorf("output %d is %v, with float32 %v", i, both[i], before[i])
		}
	}
	for _, l := range st.Layers {
		if !l.products.int8.on {
			t.Error("a layer is not packed")
		}
	}
	st.Pack()
	m.Pack()
	asmtest.SameFloats(t, "after Pack", run(), before)
}

func TestInt8Allocations(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for name, l := range layers[float32](5, 33, rng) {
		p := newProblem(l, rng, 4, 3, 1)
		l.PackInt8()
		p.forward(l)
		if n := testing.AllocsPerRun(5, func() { l.Forward(p.seq, p.shape, p.x, p.h0, p.c0, 1) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestPackInt8Less: with the mean in the bias, bits are quantised without an error.
func TestPackInt8Less(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	const rows, in, out = 4, 40, 7
	m := NewMLP[float32](ReLU, Linear, in, out)
	for i := range m.Layers[0].W { // which are, too
		m.Layers[0].W[i] = float32(2*rng.IntN(2) - 1)
	}
	randomize(m.Layers[0].B, rng)
	mean, x, less := random[float32](in, rng), make([]float32, rows*in), make([]float32, rows*in)
	for i := range x {
		x[i] = float32(rng.IntN(2))
		less[i] = x[i] - mean[i%in]
	}
	a := new(Activations[float32])
	run := func(x []float32) []float32 { m.Forward(a, x, rows, 1); return slices.Clone(a.Y) }
	far := func(x, y []float32) (d float64) {
		for i := range x {
			d = max(d, math.Abs(float64(x[i]-y[i])))
		}
		return d
	}
	m.Pack()
	want := run(less)
	m.PackInt8()
	if d := far(run(less), want); d < 1e-3 {
		t.Errorf("less its mean an input is quantised with an error of %v only", d)
	}
	m.PackInt8Less(mean)
	if d := far(run(x), want); d > 1e-4 {
		t.Errorf("bits are quantised with an error of %v", d)
	}
	m.Pack()
	asmtest.SameFloats(t, "after Pack", run(less), want)
	mustPanic(t, "cell: MLP.PackInt8Less: len(mean) = 39", func() { m.PackInt8Less(mean[1:]) })
}
