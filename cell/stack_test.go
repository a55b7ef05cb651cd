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

// stacks returns stacks of one to three layers with random parameters, packed for training: of
// every kind, of different kinds and sizes, and of pairs.
func stacks[T Float](in, hidden int, dropout float64, rng *rand.Rand) map[string]*Stack[T] {
	sts := map[string]*Stack[T]{}
	for i, k := range kinds {
		sts[k.String()] = NewStack[T](StackConfig{Kind: k, In: in, Hidden: hidden, Layers: 2 + i%2, Dropout: dropout})
	}
	sts["mixed"] = NewStackOf(OneWay, dropout, NewRecurrentWith[T](LSTM, in, hidden, Options{Peepholes: true}), NewRecurrent[T](GRU, hidden, hidden+1), NewRecurrent[T](LSTM, hidden+1, hidden-1))
	sts["one"] = NewStack[T](StackConfig{Kind: LSTM, In: in, Hidden: hidden, Layers: 1, Dropout: dropout})
	for i, k := range kinds {
		both := []Bidirectional{Concat, Sum}[i%2]
		sts[fmt.Sprint("both-", k)] = NewStack[T](StackConfig{Kind: k, In: in, Hidden: hidden, Layers: 1 + i%3, Bidirectional: both, Dropout: dropout})
	}
	sts["both-mixed"] = NewStackOf(Concat, dropout, NewRecurrent[T](LSTM, in, hidden), NewRecurrent[T](GRU, in, hidden-1),
		NewRecurrent[T](RNNTanh, 2*hidden-1, 2), NewRecurrent[T](LSTM, 2*hidden-1, hidden))
	sts["proj"] = NewStack[T](StackConfig{Kind: LSTM, In: in, Hidden: hidden, Layers: 2, Dropout: dropout, Options: Options{Proj: 3, CellClip: 0.5}})
	sts["both-proj"] = NewStack[T](StackConfig{Kind: LSTM, In: in, Hidden: hidden, Layers: 2, Bidirectional: Concat, Dropout: dropout, Options: Options{Proj: 2}})
	sts["heads"] = NewStack[T](StackConfig{Kind: GRU, In: in, Hidden: 2 * hidden, Layers: 2, Dropout: dropout, Options: Options{Heads: 2}})
	sts["both-heads"] = NewStack[T](StackConfig{Kind: LSTM, In: in, Hidden: 2 * hidden, Layers: 2, Bidirectional: Sum, Dropout: dropout, Options: Options{Heads: 2}})
	for _, st := range sts {
		for _, ts := range st.Tensors() {
			randomize(ts.Data, rng)
		}
		st.PackForTraining()
	}
	return sts
}

// stackProblem is a whole use of a stack: a linear functional of all outputs and final states.
type stackProblem[T Float] struct {
	st      *Stack[T]
	shape   *Ragged
	x       []T
	h0, c0  []T
	hn, cn  []T
	g       Grads[T]
	grad    *Stack[T]
	seq     *StackSequence[T]
	threads int
}

func newStackProblem[T Float](st *Stack[T], rng *rand.Rand, lengths ...int) *stackProblem[T] {
	s := NewRagged(lengths...)
	h, c := st.StateSizes()
	r, nh, nc := s.Rows(), s.Batch()*h, s.Batch()*c
	return &stackProblem[T]{st: st, shape: s, x: random[T](r*st.In(), rng), h0: random[T](nh, rng), c0: random[T](nc, rng),
		hn: make([]T, nh), cn: make([]T, nc), grad: st.NewGrad(), seq: NewStackSequence[T](), threads: 1,
		g: Grads[T]{DY: random[T](r*st.Out(), rng), DHn: random[T](nh, rng), DCn: random[T](nc, rng),
			DX: make([]T, r*st.In()), DH0: make([]T, nh), DC0: make([]T, nc)}}
}

func (p *stackProblem[T]) forward() float64 {
	p.st.Forward(p.seq, p.shape, p.x, p.h0, p.c0, p.threads)
	p.seq.Final(p.hn, p.cn)
	loss := 0.0
	for _, f := range [][2][]T{{p.g.DY, p.seq.H}, {p.g.DHn, p.hn}, {p.g.DCn, p.cn}} {
		for i, w := range f[0] {
			loss += float64(w) * float64(f[1][i])
		}
	}
	return loss
}

func (p *stackProblem[T]) backward() {
	Zero(p.grad.Tensors())
	p.st.Backward(p.seq, p.grad, p.g, p.x, p.threads)
}

// results returns copies of all that forward and backward compute.
func (p *stackProblem[T]) results() [][]T {
	p.forward()
	rs := [][]T{slices.Clone(p.seq.H), slices.Clone(p.hn), slices.Clone(p.cn)}
	p.backward()
	rs = append(rs, slices.Clone(p.g.DX), slices.Clone(p.g.DH0), slices.Clone(p.g.DC0))
	for _, ts := range p.grad.Tensors() {
		rs = append(rs, slices.Clone(ts.Data))
	}
	return rs
}

func sameResults(t *testing.T, what string, got, want [][]float32) {
	t.Helper()
	for i := range want {
		asmtest.SameFloats(t, fmt.Sprintf("%s, result %d", what, i), got[i], want[i])
	}
}

// TestStackGradient compares all gradients with finite differences, with dropout too.
func TestStackGradient(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, dropout := range []float64{0, 0.4} {
		for name, st := range stacks[float64](3, 4, dropout, rng) {
			t.Run(fmt.Sprint(name, dropout), func(t *testing.T) {
				p := newStackProblem(st, rng, 5, 3, 3, 1, 0)
				p.seq.Train(kernels.Noise{Seed: 1}, 2)
				p.forward()
				p.backward()
				check := func(what string, values, grad []float64) {
					t.Helper()
					for i := range values {
						const h = 1e-5
						old := values[i]
						values[i] = old + h
						st.Pack()
						up := p.forward()
						values[i] = old - h
						st.Pack()
						down := p.forward()
						values[i] = old
						want := (up - down) / (2 * h)
						if math.Abs(grad[i]-want) > 1e-8*(1+math.Abs(want)) {
							t.Fatalf("d%s[%d] = %v, want %v", what, i, grad[i], want)
						}
					}
				}
				grads := p.grad.Tensors()
				for i, ts := range st.Tensors() {
					check(ts.Name, ts.Data, grads[i].Data)
				}
				check("x", p.x, p.g.DX)
				check("h0", p.h0, p.g.DH0)
				check("c0", p.c0, p.g.DC0)
			})
		}
	}
}

// TestStackBits: values and gradients do not depend on threads, on whether goroutines share the
// steps, or on whether layers run one after the other or steps do.
func TestStackBits(t *testing.T) {
	blastest.UseGo(t)
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(2, 2))
		for name, st := range stacks[float32](7, 18, 0.3, rng) {
			p := newStackProblem(st, rng, 9, 9, 5, 4, 4, 1)
			p.seq.Train(kernels.Noise{Seed: 3}, 5)
			want := p.results()
			for p.threads = 2; p.threads <= 5; p.threads++ {
				sameResults(t, fmt.Sprint(name, " threads ", p.threads), p.results(), want)
			}
			p.threads = 2
			shareAlways(t, true)
			sameResults(t, name+" spinning", p.results(), want)
			if st.Bidirectional == OneWay {
				sameResults(t, name+" by steps", p.bySteps(), want)
			}
		}
	})
}

// bySteps is results by the parts that models call: the input in two parts, steps in two parts
// of the batch, parameter gradients in three.
func (p *stackProblem[T]) bySteps() [][]T {
	st, s, shape := p.st, p.seq, p.shape
	rows, in := shape.Rows(), st.In()
	x0, x1 := columns(p.x, rows, in, 0, 3), columns(p.x, rows, in, 3, in)
	s.Begin(st, shape, p.h0, p.c0)
	st.Project(s, x0[:2*3], 0, 2, 0, 3)
	st.Project(s, x0[2*3:], 2, rows, 0, 3)
	st.Project(s, x1, 0, rows, 3, in)
	for _, b := range [][2]int{{2, shape.Batch()}, {0, 2}} {
		for t := range shape.Steps() {
			st.Step(s, t, b[0], b[1])
		}
	}
	s.Final(p.hn, p.cn)
	rs := [][]T{slices.Clone(s.H), slices.Clone(p.hn), slices.Clone(p.cn)}
	s.BeginBackward(p.g.DHn, p.g.DCn)
	for _, b := range [][2]int{{2, shape.Batch()}, {0, 2}} {
		for t := shape.Steps() - 1; t >= 0; t-- {
			off, n := shape.Step(t)
			st.StepBackward(s, t, b[0], b[1], p.g.DY[off*st.Out():(off+n)*st.Out()])
		}
	}
	dx := make([]T, rows*in)
	st.InputGrad(s, dx, 0, rows, 0, in, false)
	s.InitialGrad(p.g.DH0, p.g.DC0)
	rs = append(rs, dx, slices.Clone(p.g.DH0), slices.Clone(p.g.DC0))
	Zero(p.grad.Tensors())
	for i := range 3 {
		st.ParamGrad(p.grad, s, i, 3, x0, x1)
	}
	for _, ts := range p.grad.Tensors() {
		rs = append(rs, slices.Clone(ts.Data))
	}
	return rs
}

// TestStackLayers: a stack is its layers, each fed with the outputs of the one below.
func TestStackLayers(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for name, st := range stacks[float32](3, 5, 0.5, rng) {
		if st.Bidirectional != OneWay {
			continue
		}
		p := newStackProblem(st, rng, 4, 3)
		p.forward() // nothing is dropped outside training
		x, b := p.x, p.shape.Batch()
		var hn, cn, hPrev []float32
		atH, atC := 0, 0
		for _, l := range st.Layers {
			s := NewSequence[float32]()
			h, c := l.Out(), l.memory()
			var c0 []float32
			if c > 0 {
				c0 = p.c0[atC*b : (atC+c)*b]
			}
			l.Forward(s, p.shape, x, p.h0[atH*b:(atH+h)*b], c0, 1)
			x, hPrev, atH, atC = s.H, s.HPrev, atH+h, atC+c
			lastH, lastC := make([]float32, b*h), make([]float32, b*c)
			s.Final(lastH, lastC)
			hn, cn = append(hn, lastH...), append(cn, lastC...)
		}
		asmtest.SameFloats(t, name+" H", p.seq.H, x)
		asmtest.SameFloats(t, name+" HPrev", p.seq.HPrev, hPrev)
		asmtest.SameFloats(t, name+" hn", p.hn, hn)
		asmtest.SameFloats(t, name+" cn", p.cn, cn)
	}
}

// TestDropout: the right share is dropped between the layers and what is kept is scaled; layers,
// steps, rows and updates have masks of their own, which do not depend on the batch around them.
func TestDropout(t *testing.T) {
	const hidden, drop = 50, 0.3
	rng := rand.New(rand.NewPCG(1, 1))
	st := NewStack[float32](StackConfig{Kind: RNNTanh, In: 2, Hidden: hidden, Layers: 3, Dropout: drop})
	for _, ts := range st.Tensors() {
		randomize(ts.Data, rng)
	}
	st.Pack()
	s, shape, x := NewStackSequence[float32](), NewRagged(40, 30), random[float32](70*2, rng)
	noise := kernels.Noise{Seed: 7}
	s.Train(noise, 0)
	st.Forward(s, shape, x, nil, nil, 1)
	first := slices.Clone(s.H)
	var masks [][]float32
	zeros, n := 0, 0
	for l := 1; l < 3; l++ {
		in, h := s.in[l], s.seqs[l-1].H
		mask := make([]float32, len(in))
		for i, v := range in {
			if v == 0 {
				zeros++
				continue
			}
			mask[i] = 1
			if want := h[i] * float32(1/(1-drop)); v != want {
				t.Fatalf("layer %d sees %v, want %v/(1-%v) = %v", l, v, h[i], drop, want)
			}
		}
		n += len(in)
		masks = append(masks, mask[:hidden], mask[hidden:2*hidden], mask[2*hidden:3*hidden]) // two rows, a later step
	}
	if share := float64(zeros) / float64(n); math.Abs(share-drop) > 5*math.Sqrt(drop*(1-drop)/float64(n)) {
		t.Errorf("%v of %d dropped, want %v", share, n, drop)
	}
	for i := range masks {
		for j := range i {
			if slices.Equal(masks[i], masks[j]) {
				t.Errorf("masks %d and %d are the same", i, j)
			}
		}
	}
	// The second sequence on its own.
	var x1, h1 []float32
	for step := range 30 {
		r := shape.Row(step, 1)
		x1, h1 = append(x1, x[r*2:(r+1)*2]...), append(h1, first[r*hidden:(r+1)*hidden]...)
	}
	s.Train(noise, 1)
	st.Forward(s, NewRagged(30), x1, nil, nil, 1)
	asmtest.SameFloats(t, "alone", s.H, h1)
	noise.Update++
	s.Train(noise, 0)
	st.Forward(s, shape, x, nil, nil, 1)
	if slices.Equal(s.H, first) {
		t.Error("two updates drop the same")
	}
	s.Eval()
	st.Forward(s, shape, x, nil, nil, 1)
	if slices.Equal(s.H, first) {
		t.Error("nothing is dropped in training")
	}
}

func TestStackAllocations(t *testing.T) {
	blastest.UseGo(t)
	rng := rand.New(rand.NewPCG(3, 3))
	for name, st := range stacks[float32](5, 8, 0.2, rng) {
		p := newStackProblem(st, rng, 6, 5, 2)
		p.seq.Train(kernels.Noise{}, 0)
		if n := testing.AllocsPerRun(5, func() {
			st.Forward(p.seq, p.shape, p.x, p.h0, p.c0, 1)
			p.seq.Final(p.hn, p.cn)
			st.Backward(p.seq, p.grad, p.g, p.x, 1)
		}); n != 0 {
			t.Errorf("%s: forward and backward allocate %v times, want 0", name, n)
		}
	}
}

// TestStackReuse: one workspace serves stacks of any depth, one after the other.
func TestStackReuse(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	sts := stacks[float32](3, 5, 0.2, rng)
	seq := NewStackSequence[float32]()
	for _, name := range []string{"gru", "one", "mixed", "gru", "lstm"} {
		p := newStackProblem(sts[name], rng, 4, 4, 2)
		p.seq.Train(kernels.Noise{}, 0)
		want := p.results()
		p.seq = seq
		p.seq.Train(kernels.Noise{}, 0)
		sameResults(t, name, p.results(), want)
	}
}

// TestBidirectional: a pair is a layer over the sequences and one over the reversed sequences, and
// the next pair sees both outputs.
func TestBidirectional(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for name, st := range stacks[float32](3, 5, 0, rng) {
		if st.Bidirectional == OneWay {
			continue
		}
		p := newStackProblem(st, rng, 4, 3, 3, 0)
		p.forward()
		x, b := p.x, p.shape.Batch()
		var hn, cn []float32
		atH, atC := 0, 0
		for level := range st.levels() {
			var ys [2][]float32
			for d := range 2 {
				l, in := st.Layers[2*level+d], x
				if d == 1 {
					in = make([]float32, len(x))
					Reverse(p.shape, in, x, l.In)
				}
				s, h, c := NewSequence[float32](), l.Out(), l.memory()
				l.Forward(s, p.shape, in, p.h0[atH*b:(atH+h)*b], block(p.c0, atC, c, b), 1)
				lastH, lastC := make([]float32, b*h), make([]float32, b*c)
				s.Final(lastH, lastC)
				hn, cn, atH, atC = append(hn, lastH...), append(cn, lastC...), atH+h, atC+c
				if ys[d] = s.H; d == 1 {
					ys[d] = make([]float32, len(s.H))
					Reverse(p.shape, ys[d], s.H, h)
				}
			}
			h0, h1 := st.Layers[2*level].Out(), st.Layers[2*level+1].Out()
			x = nil
			for r := range p.shape.Rows() {
				y0, y1 := ys[0][r*h0:(r+1)*h0], ys[1][r*h1:(r+1)*h1]
				if x = append(x, y0...); st.Bidirectional == Concat {
					x = append(x, y1...)
					continue
				}
				for j, v := range y1 {
					x[r*h0+j] += v
				}
			}
		}
		asmtest.SameFloats(t, name+" H", p.seq.H, x)
		asmtest.SameFloats(t, name+" hn", p.hn, hn)
		asmtest.SameFloats(t, name+" cn", p.cn, cn)
		if p.seq.HPrev != nil {
			t.Errorf("%s: there are states before the steps", name)
		}
	}
}

// TestStackOnEveryISA: all results are those of plain Go.
func TestStackOnEveryISA(t *testing.T) {
	blastest.UseGo(t)
	want := map[string][][]float32{}
	asmtest.ForEachISA(t, func(t *testing.T) {
		for name, st := range stacks[float32](9, 17, 0.3, rand.New(rand.NewPCG(6, 6))) {
			// Maps have no order, so every stack has its own generators.
			for i, ts := range st.Tensors() {
				randomize(ts.Data, rand.New(rand.NewPCG(uint64(i), 8)))
			}
			st.PackForTraining()
			p := newStackProblem(st, rand.New(rand.NewPCG(7, 7)), 7, 6, 6, 2, 1)
			p.seq.Train(kernels.Noise{Seed: 9}, 0)
			got := p.results()
			if want[name] == nil {
				want[name] = got
			}
			sameResults(t, name, got, want[name])
		}
	})
}

func TestStackTensors(t *testing.T) {
	names := func(st *Stack[float32]) (ns []string) {
		for _, ts := range st.Tensors() {
			ns = append(ns, ts.Name)
		}
		return ns
	}
	c := StackConfig{Kind: RNNTanh, In: 1, Hidden: 1, Layers: 2}
	if got, want := names(NewStack[float32](c)), []string{"wih", "whh", "b", "1.wih", "1.whh", "1.b"}; !slices.Equal(got, want) {
		t.Errorf("tensors %q, want %q", got, want)
	}
	c.Bidirectional = Concat
	want := []string{"wih", "whh", "b", "reverse.wih", "reverse.whh", "reverse.b",
		"1.wih", "1.whh", "1.b", "1.reverse.wih", "1.reverse.whh", "1.reverse.b"}
	if got := names(NewStack[float32](c)); !slices.Equal(got, want) {
		t.Errorf("tensors %q, want %q", got, want)
	}
}

// TestStackSegments: sequences cut in time go on from the states of the segment before.
func TestStackSegments(t *testing.T) {
	blastest.UseGo(t)
	const cut = 3
	rng := rand.New(rand.NewPCG(8, 8))
	for name, st := range stacks[float32](4, 9, 0, rng) {
		if st.Bidirectional != OneWay {
			continue
		}
		p := newStackProblem(st, rng, 9, 9, 5, 4, 3, 1)
		p.forward()
		h, hn, cn := slices.Clone(p.seq.H), slices.Clone(p.hn), slices.Clone(p.cn)
		first, rest := make([]int, 6), make([]int, 6)
		for b := range 6 {
			first[b], rest[b] = min(p.shape.Length(b), cut), max(p.shape.Length(b)-cut, 0)
		}
		at, _ := p.shape.Step(cut)
		st.Forward(p.seq, NewRagged(first...), p.x[:at*st.In()], p.h0, p.c0, 1)
		asmtest.SameFloats(t, name+" first segment", p.seq.H, h[:at*st.Out()])
		p.seq.Final(p.hn, p.cn)
		st.Forward(p.seq, NewRagged(rest...), p.x[at*st.In():], p.hn, p.cn, 1)
		asmtest.SameFloats(t, name+" second segment", p.seq.H, h[at*st.Out():])
		p.seq.Final(p.hn, p.cn)
		asmtest.SameFloats(t, name+" hn", p.hn, hn)
		asmtest.SameFloats(t, name+" cn", p.cn, cn)
	}
}

// TestStackZero: sizes of 0 are legal and do nothing; sequences without steps keep their states,
// and so do their gradients.
func TestStackZero(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	for _, both := range []Bidirectional{OneWay, Concat, Sum} {
		for _, kind := range kinds {
			for _, size := range [][2]int{{0, 0}, {0, 3}, {2, 0}, {2, 3}} {
				st := NewStack[float32](StackConfig{Kind: kind, In: size[0], Hidden: size[1], Layers: 2, Bidirectional: both, Dropout: 0.5})
				for _, ts := range st.Tensors() {
					randomize(ts.Data, rng)
				}
				st.PackForTraining()
				for _, lengths := range [][]int{{}, {0}, {0, 0}, {2, 0}} {
					p := newStackProblem(st, rng, lengths...)
					p.seq.Train(kernels.Noise{}, 0)
					p.results()
					h, c := st.StateSizes()
					if len(p.hn) != h*len(lengths) || len(p.cn) != c*len(lengths) {
						t.Fatalf("states of %d and %d elements", len(p.hn), len(p.cn))
					}
					if p.shape.Rows() == 0 {
						asmtest.SameFloats(t, "hn", p.hn, p.h0)
						asmtest.SameFloats(t, "cn", p.cn, p.c0)
						asmtest.SameFloats(t, "dh0", p.g.DH0, p.g.DHn)
						asmtest.SameFloats(t, "dc0", p.g.DC0, p.g.DCn)
					}
				}
				if both == OneWay {
					mustStream(t, st, 0).Push(nil)
				}
			}
		}
	}
	for _, sizes := range [][]int{{0, 0}, {2, 0, 3}, {0, 2}, {2, 3}} {
		m, a := newTestMLP[float32](rng, ReLU, Linear, sizes...), new(Activations[float32])
		for _, rows := range []int{0, 2} {
			x, grad := make([]float32, rows*m.In()), m.NewGrad()
			m.Forward(a, x, rows, 2)
			m.Backward(a, grad, Grads[float32]{DX: make([]float32, len(x))}, x, 2)
		}
	}
}
