package cell

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/blas/blastest"
)

var kinds = []Kind{RNNTanh, RNNReLU, LSTM, GRU, GRUBefore}

// headed is the number of heads in which the tests split the units: any that divides them.
const headed = -1

// optional are the layers with options that the tests try.
var optional = map[string]struct {
	kind Kind
	Options
}{
	"rnn-heads":      {RNNTanh, Options{Heads: headed}},
	"gru-heads":      {GRU, Options{Heads: headed}},
	"before-heads":   {GRUBefore, Options{Heads: headed}},
	"lstm-heads":     {LSTM, Options{Heads: headed}},
	"lstm-heads-all": {LSTM, Options{Heads: headed, Peepholes: true}},
	"lstm-norm":      {LSTM, Options{LayerNorm: true}},
	"gru-norm":       {GRU, Options{LayerNorm: true}},
	"lstm-peephole":  {LSTM, Options{Peepholes: true}},
	"lstm-clip":      {LSTM, Options{CellClip: 0.375}}, // within the states that the tests meet
	"lstmp":          {LSTM, Options{Proj: 3}},
	"lstmp-all":      {LSTM, Options{Proj: 20, Peepholes: true}},
	"lstmp-clip":     {LSTM, Options{Proj: 2, CellClip: 0.375}},
}

// layers returns one layer of every kind, and those with options, with random parameters, packed
// for training.
func layers[T Float](in, hidden int, rng *rand.Rand) map[string]*Recurrent[T] {
	ls := map[string]*Recurrent[T]{}
	for _, k := range kinds {
		ls[k.String()] = NewRecurrent[T](k, in, hidden)
	}
	for name, o := range optional {
		if o.Heads == headed {
			for o.Heads = 2; o.Heads < hidden && hidden%o.Heads > 0; o.Heads++ {
			}
		}
		if o.Heads > hidden {
			continue
		}
		ls[name] = NewRecurrentWith[T](o.kind, in, hidden, o.Options)
	}
	for _, name := range slices.Sorted(maps.Keys(ls)) {
		for _, t := range ls[name].Tensors() {
			randomize(t.Data, rng)
		}
		ls[name].PackForTraining()
	}
	return ls
}

func randomize[T Float](s []T, rng *rand.Rand) {
	for i := range s {
		s[i] = T(rng.Float64()*1.6 - 0.8)
	}
}

func random[T Float](n int, rng *rand.Rand) []T {
	s := make([]T, n)
	randomize(s, rng)
	return s
}

// problem is a whole use of a layer: a linear functional of all outputs and final states.
type problem[T Float] struct {
	shape        *Ragged
	x, h0, c0    []T
	wy, whn, wcn []T // the weights of the functional, which are its gradients
	hn, cn       []T
	dx, dh0, dc0 []T
	grad         *Recurrent[T]
	seq          *Sequence[T]
	threads      int
}

func newProblem[T Float](l *Recurrent[T], rng *rand.Rand, lengths ...int) *problem[T] {
	s := NewRagged(lengths...)
	r, b, c, h := s.Rows(), s.Batch(), l.memory(), l.Out()
	return &problem[T]{shape: s, x: random[T](r*l.In, rng), h0: random[T](b*h, rng), c0: random[T](b*c, rng),
		wy: random[T](r*h, rng), whn: random[T](b*h, rng), wcn: random[T](b*c, rng),
		hn: make([]T, b*h), cn: make([]T, b*c), dx: make([]T, r*l.In), dh0: make([]T, b*h), dc0: make([]T, b*c),
		grad: l.NewGrad(), seq: NewSequence[T](), threads: 1}
}

func (p *problem[T]) forward(l *Recurrent[T]) float64 {
	l.Forward(p.seq, p.shape, p.x, p.h0, p.c0, p.threads)
	p.seq.Final(p.hn, p.cn)
	loss := 0.0
	for i, w := range p.wy {
		loss += float64(w) * float64(p.seq.H[i])
	}
	for i, w := range p.whn {
		loss += float64(w) * float64(p.hn[i])
	}
	for i, w := range p.wcn {
		loss += float64(w) * float64(p.cn[i])
	}
	return loss
}

func (p *problem[T]) backward(l *Recurrent[T]) {
	Zero(p.grad.Tensors())
	l.Backward(p.seq, p.grad, Grads[T]{DX: p.dx, DH0: p.dh0, DC0: p.dc0, DY: p.wy, DHn: p.whn, DCn: p.wcn}, p.x, p.threads)
}

func TestRecurrentGradient(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	ls := layers[float64](3, 6, rng)
	for _, name := range slices.Sorted(maps.Keys(ls)) {
		l := ls[name]
		t.Run(name, func(t *testing.T) {
			p := newProblem(l, rng, 6, 4, 4, 1, 0)
			p.forward(l)
			p.backward(l)
			check := func(what string, values, grad []float64) {
				for i := range values {
					at := func(x float64) float64 {
						values[i] = x
						l.PackForTraining()
						return p.forward(l)
					}
					// Of fourth order, since normalisation of similar numbers is steep.
					const h = 1e-5
					old := values[i]
					want := (8*(at(old+h)-at(old-h)) - (at(old+2*h) - at(old-2*h))) / (12 * h)
					values[i] = old
					if math.Abs(grad[i]-want) > 1e-8*(1+math.Abs(want)) {
						t.Fatalf("d%s[%d] = %v, want %v", what, i, grad[i], want)
					}
				}
				l.PackForTraining()
			}
			grads := p.grad.Tensors()
			for i, ts := range l.Tensors() {
				check(ts.Name, ts.Data, grads[i].Data)
			}
			check("x", p.x, p.dx)
			check("h0", p.h0, p.dh0)
			check("c0", p.c0, p.dc0)
		})
	}
}

// TestRecurrentBits: states, outputs and input gradients do not depend on threads, on the
// split of the batch or of time, nor parameter gradients on threads.
func TestRecurrentBits(t *testing.T) {
	blastest.UseGo(t)
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(2, 2))
		for name, l := range layers[float32](7, 19, rng) {
			t.Run(name, func(t *testing.T) {
				p := newProblem(l, rng, 9, 9, 5, 4, 4, 1)
				p.forward(l)
				h := append([]float32(nil), p.seq.H...)
				hn, cn := append([]float32(nil), p.hn...), append([]float32(nil), p.cn...)
				p.backward(l)
				dx, dh0 := append([]float32(nil), p.dx...), append([]float32(nil), p.dh0...)
				grads := l.NewGrad()
				for i, g := range grads.Tensors() {
					copy(g.Data, p.grad.Tensors()[i].Data)
				}

				for threads := 2; threads <= 7; threads++ {
					p.threads = threads
					p.forward(l)
					asmtest.SameFloats(t, "H", p.seq.H, h)
					asmtest.SameFloats(t, "hn", p.hn, hn)
					asmtest.SameFloats(t, "cn", p.cn, cn)
					p.backward(l)
					asmtest.SameFloats(t, "dx", p.dx, dx)
					asmtest.SameFloats(t, "dh0", p.dh0, dh0)
					for i, g := range grads.Tensors() {
						asmtest.SameFloats(t, fmt.Sprintf("threads=%d d%s", threads, g.Name), p.grad.Tensors()[i].Data, g.Data)
					}
				}

				// Each sequence alone, and as a stream of steps.
				one, stream := NewSequence[float32](), l.NewStream(1)
				out, mem := l.Out(), l.memory()
				for b := range p.shape.Batch() {
					n := p.shape.Length(b)
					x := make([]float32, 0, n*l.In)
					for s := range n {
						r := p.shape.Row(s, b)
						x = append(x, p.x[r*l.In:(r+1)*l.In]...)
					}
					h0, c0 := p.h0[b*out:(b+1)*out], p.c0[b*mem:(b+1)*mem]
					l.Forward(one, NewRagged(n), x, h0, c0, 1)
					hs, cs := stream.States()
					copy(hs, h0)
					copy(cs, c0)
					for s := range n {
						want := h[p.shape.Row(s, b)*out:][:out]
						asmtest.SameFloats(t, "H of one sequence", one.H[s*out:(s+1)*out], want)
						asmtest.SameFloats(t, "h of a stream", stream.Push(x[s*l.In:(s+1)*l.In]), want)
					}
					asmtest.SameFloats(t, "h after a stream", hs, hn[b*out:(b+1)*out])
					asmtest.SameFloats(t, "c of a stream", cs, cn[b*mem:(b+1)*mem])
				}

				// The input columns in two parts.
				s := NewSequence[float32]()
				s.Begin(l, p.shape, p.h0, p.c0)
				rows := p.shape.Rows()
				l.Project(s, columns(p.x, rows, l.In, 0, 3), 0, rows, 0, 3)
				l.Project(s, columns(p.x, rows, l.In, 3, l.In), 0, rows, 3, l.In)
				for step := range p.shape.Steps() {
					l.Step(s, step, 0, p.shape.Batch())
				}
				asmtest.SameFloats(t, "H with the input in two parts", s.H, h)
			})
		}
	})
}

// TestSameOnEveryISA: outputs and all gradients of every layer, for sizes around the vector
// widths, are those of plain Go.
func TestSameOnEveryISA(t *testing.T) {
	blastest.UseGo(t)
	type result struct{ values [][]float32 }
	want := map[string]result{}
	sizes := [][2]int{{1, 1}, {3, 16}, {16, 17}, {17, 3}, {33, 31}, {8, 64}, {5, 70}}
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, size := range sizes {
			rng := rand.New(rand.NewPCG(uint64(size[0]), uint64(size[1])))
			ls := layers[float32](size[0], size[1], rng)
			for _, name := range slices.Sorted(maps.Keys(ls)) {
				l := ls[name]
				p := newProblem(l, rng, 7, 7, 6, 3, 3, 2, 1)
				p.forward(l)
				var r result
				keep := func(s []float32) { r.values = append(r.values, append([]float32(nil), s...)) }
				for _, s := range [][]float32{p.seq.H, p.hn, p.cn} {
					keep(s)
				}
				p.backward(l)
				for _, s := range [][]float32{p.dx, p.dh0, p.dc0} {
					keep(s)
				}
				for _, g := range p.grad.Tensors() {
					keep(g.Data)
				}
				key := fmt.Sprint(name, size)
				if asm.Active() == asm.Generic {
					want[key] = r
					continue
				}
				for i, s := range r.values {
					asmtest.SameFloats(t, fmt.Sprintf("%s, result %d", key, i), s, want[key].values[i])
				}
			}
		}
	})
}

func columns[T Float](x []T, rows, cols, from, to int) []T {
	var out []T
	for i := range rows {
		out = append(out, x[i*cols+from:i*cols+to]...)
	}
	return out
}

func TestReverse(t *testing.T) {
	r := NewRagged(4, 2, 1)
	src := []float32{0, 10, 20, 1, 11, 2, 3}
	dst := make([]float32, len(src))
	Reverse(r, dst, src, 1)
	asmtest.SameFloats(t, "reversed", dst, []float32{3, 11, 20, 2, 10, 1, 0})
	Reverse(r, src, append([]float32(nil), dst...), 1)
	asmtest.SameFloats(t, "reversed twice", src, []float32{0, 10, 20, 1, 11, 2, 3})
}

func TestRagged(t *testing.T) {
	for _, lengths := range [][]int{{}, {0}, {0, 0}, {1}, {3, 3}, {5, 2, 2, 0}, {7, 6, 5, 4, 3, 2, 1}} {
		r := NewRagged(lengths...)
		rows, steps := 0, 0
		for _, n := range lengths {
			rows += n
			steps = max(steps, n)
		}
		if r.Rows() != rows || r.Steps() != steps || r.Batch() != len(lengths) {
			t.Errorf("%v: Rows %d Steps %d Batch %d", lengths, r.Rows(), r.Steps(), r.Batch())
		}
		next := 0
		for s := range r.Steps() {
			off, n := r.Step(s)
			running := 0
			for _, l := range lengths {
				if l > s {
					running++
				}
			}
			if off != next || n != running {
				t.Errorf("%v: Step(%d) = %d, %d, want %d, %d", lengths, s, off, n, next, running)
			}
			next += n
		}
	}
	if n := testing.AllocsPerRun(10, func() { raggedReuse.Reset(raggedLengths) }); n != 0 {
		t.Errorf("Reset allocates %v times", n)
	}
}

var (
	raggedLengths = []int{9, 4, 4, 2}
	raggedReuse   = NewRagged(9, 9, 9, 9, 9)
)

func TestAllocations(t *testing.T) {
	blastest.UseGo(t)
	rng := rand.New(rand.NewPCG(3, 3))
	for name, l := range layers[float32](5, 8, rng) {
		p := newProblem(l, rng, 6, 5, 2)
		if n := testing.AllocsPerRun(5, func() {
			l.Forward(p.seq, p.shape, p.x, p.h0, p.c0, 1)
			l.Backward(p.seq, p.grad, Grads[float32]{DX: p.dx, DH0: p.dh0, DC0: p.dc0, DY: p.wy, DHn: p.whn, DCn: p.wcn}, p.x, 1)
		}); n != 0 {
			t.Errorf("%s: forward and backward allocate %v times, want 0", name, n)
		}
	}
	d := NewDense[float32](5, 4, Tanh)
	d.PackForTraining()
	g, x, y, dx := d.NewGrad(), make([]float32, 15), make([]float32, 12), make([]float32, 15)
	if n := testing.AllocsPerRun(5, func() {
		d.Forward(y, x, 3)
		d.ActivateBackward(y, y, 3)
		d.InputGrad(dx, y, 3, 0, 5, false)
		d.ParamGrad(g, y, x, 3, 0, 5, 0, 4)
	}); n != 0 {
		t.Errorf("a dense layer allocates %v times, want 0", n)
	}
}

func TestPacking(t *testing.T) {
	l := NewRecurrent[float32](LSTM, 2, 3)
	s, shape := NewSequence[float32](), NewRagged(2)
	x := make([]float32, 4)
	mustPanic(t, "not packed", func() { l.Forward(s, shape, x, nil, nil, 1) })
	l.Pack()
	l.Forward(s, shape, x, nil, nil, 1)
	mustPanic(t, "packed for inference only", func() { l.Backward(s, nil, Grads[float32]{}, x, 1) })
	l.PackForTraining()
	mustPanic(t, "has kept nothing", func() { l.Backward(s, nil, Grads[float32]{}, x, 1) })
	mustPanic(t, "has kept nothing", func() { l.Step(s, 0, 0, 1) })
	l.Forward(s, shape, x, nil, nil, 1)
	l.Backward(s, nil, Grads[float32]{}, x, 1)
	for _, isa := range asm.Available() {
		if isa == asm.Active() {
			continue
		}
		was := asm.Use(isa)
		mustPanic(t, "call Pack", func() { l.Forward(s, shape, x, nil, nil, 1) })
		asm.Use(was)
	}
}

// TestPackBF16: rounding in the copy is rounding of the parameters, forward; there is no way
// back.
func TestPackBF16(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(4, 4))
		for name, l := range layers[float32](5, 70, rng) {
			p := newProblem(l, rng, 4, 3, 1)
			if !l.fused() {
				mustPanic(t, "cell: Recurrent.PackBF16: Proj = ", l.PackBF16)
				continue
			}
			l.PackBF16()
			p.forward(l)
			h := append([]float32(nil), p.seq.H...)
			mustPanic(t, "call PackForTraining", func() { p.backward(l) })
			p.forward(l)
			for i, x := range l.Whh { // nearest, for weights far from ties
				lo := math.Float32frombits(math.Float32bits(x) &^ 0xffff)
				hi := math.Float32frombits(math.Float32bits(x)&^0xffff + 0x10000)
				if l.Whh[i] = lo; math.Abs(float64(hi-x)) < math.Abs(float64(x-lo)) {
					l.Whh[i] = hi
				}
			}
			l.Pack()
			p.forward(l)
			asmtest.SameFloats(t, name, h, p.seq.H)
			// Input weights that were written to are read again, whichever way they are packed.
			l.Wih[0] += 0.5
			l.Pack()
			p.forward(l)
			copy(h, p.seq.H)
			l.Wih[0] -= 0.5
			l.Pack()
			p.forward(l)
			l.Wih[0] += 0.5
			l.PackBF16()
			p.forward(l)
			asmtest.SameFloats(t, name, h, p.seq.H)
		}
	})
}

func mustPanic(t *testing.T, text string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := fmt.Sprint(recover()); !strings.Contains(got, text) {
			t.Errorf("panic %q, want one with %q", got, text)
		}
	}()
	f()
}
