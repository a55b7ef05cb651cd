package cell

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/blas/blastest"
)

// A plainLSTM is the equations of an LSTM with its options, for one sequence, in float64.
type plainLSTM struct{ l *Recurrent[float64] }

// step returns the states after a step.
func (p plainLSTM) step(h, c, x []float64) (hy, cy []float64) {
	l := p.l
	n := l.Hidden
	σ := func(a float64) float64 { return 1 / (1 + math.Exp(-a)) }
	a := make([]float64, 4*n)
	for j := range a {
		a[j] = l.B[j]
		for k, v := range x {
			a[j] += l.Wih[j*l.In+k] * v
		}
		for k, v := range h {
			a[j] += l.Whh[j*len(h)+k] * v
		}
	}
	cy = make([]float64, n)
	m := make([]float64, n)
	for j := range n {
		cy[j] = σ(a[n+j])*c[j] + σ(a[j])*math.Tanh(a[2*n+j])
		if l.CellClip > 0 {
			cy[j] = max(-l.CellClip, min(l.CellClip, cy[j]))
		}
		m[j] = σ(a[3*n+j]) * math.Tanh(cy[j])
	}
	if l.Proj == 0 {
		return m, cy
	}
	hy = make([]float64, l.Proj)
	for i := range hy {
		for j, v := range m {
			hy[i] += l.Whr[i*n+j] * v
		}
	}
	return hy, cy
}

// TestOptions: layers with options compute their equations.
func TestOptions(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	ls := layers[float64](4, 6, rng)
	for _, name := range []string{"lstm", "lstm-clip", "lstmp", "lstmp-clip"} {
		l, s := ls[name], NewSequence[float64]()
		p := newProblem(l, rng, 5)
		h, c := p.h0, p.c0
		l.Forward(s, p.shape, p.x, h, c, 1)
		for step := range 5 {
			h, c = plainLSTM{l}.step(h, c, p.x[step*4:][:4])
			for j := range h {
				if got := s.H[step*len(h)+j]; math.Abs(got-h[j]) > 1e-14 {
					t.Errorf("%s: step %d: h[%d] = %v, want %v", name, step, j, got, h[j])
				}
			}
			for j := range c {
				if got := s.C[step*len(c)+j]; math.Abs(got-c[j]) > 1e-14 {
					t.Errorf("%s: step %d: c[%d] = %v, want %v", name, step, j, got, c[j])
				}
			}
		}
	}
}

// TestCellClip: some states are clipped, also infinite ones, NaN are not, and a bound that none
// reaches changes no bit.
func TestCellClip(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(6, 6))
		ls := layers[float32](4, 33, rng)
		plain, clipped := ls["lstm"], ls["lstm-clip"]
		far := NewRecurrentWith[float32](LSTM, 4, 33, Options{CellClip: 1e30})
		for i, ts := range far.Tensors() {
			copy(ts.Data, plain.Tensors()[i].Data)
			copy(clipped.Tensors()[i].Data, ts.Data)
		}
		far.PackForTraining()
		clipped.PackForTraining()
		p, q := newProblem(plain, rand.New(rand.NewPCG(7, 7)), 6, 3), newProblem(far, rand.New(rand.NewPCG(7, 7)), 6, 3)
		p.forward(plain)
		q.forward(far)
		asmtest.SameFloats(t, "h with a far bound", q.seq.H, p.seq.H)
		p.backward(plain)
		q.backward(far)
		asmtest.SameFloats(t, "dh0 with a far bound", q.dh0, p.dh0)

		inf := float32(math.Inf(1))
		p.c0[0], p.c0[1], p.c0[2] = inf, -inf, float32(math.NaN())
		p.forward(clipped)
		at, bound := 0, float32(clipped.CellClip)
		for _, c := range p.seq.C {
			if c > bound || c < -bound {
				t.Fatalf("a state is %v, the bound %v", c, bound)
			}
			if c == bound || c == -bound {
				at++
			}
		}
		if at < len(p.seq.C)/20 || at > len(p.seq.C)*19/20 {
			t.Errorf("%d states of %d are clipped: nothing was tested", at, len(p.seq.C))
		}
		if c := p.seq.C; c[0] != bound || c[1] != -bound || c[2] == c[2] {
			t.Errorf("states +Inf, -Inf and NaN become %v", c[:3])
		}
	})
}

// TestHeads: a layer with heads has the bits of one whose other weights are 0, in the outputs and in
// all gradients.
func TestHeads(t *testing.T) {
	blastest.UseGo(t)
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, size := range [][2]int{{6, 2}, {32, 2}, {66, 3}, {64, 8}} {
			h, heads := size[0], size[1]
			d := h / heads
			for _, k := range kinds {
				o := Options{Peepholes: k == LSTM}
				whole := NewRecurrentWith[float32](k, 5, h, o)
				o.Heads = heads
				l := NewRecurrentWith[float32](k, 5, h, o)
				rng := rand.New(rand.NewPCG(8, uint64(h)))
				for i, ts := range l.Tensors() {
					if randomize(ts.Data, rng); ts.Name != "whh" {
						copy(whole.Tensors()[i].Data, ts.Data)
					}
				}
				for row := range k.Gates() * h {
					copy(whole.Whh[row*h+row%h/d*d:], l.Whh[row*d:(row+1)*d])
				}
				l.PackForTraining()
				whole.PackForTraining()
				p, q := newProblem(l, rand.New(rand.NewPCG(9, 9)), 6, 6, 3, 1), newProblem(whole, rand.New(rand.NewPCG(9, 9)), 6, 6, 3, 1)
				p.threads = 2
				p.forward(l)
				q.forward(whole)
				asmtest.SameFloats(t, fmt.Sprint(k, size, " h"), p.seq.H, q.seq.H)
				p.backward(l)
				q.backward(whole)
				asmtest.SameFloats(t, fmt.Sprint(k, size, " dx"), p.dx, q.dx)
				asmtest.SameFloats(t, fmt.Sprint(k, size, " dh0"), p.dh0, q.dh0)
				for i, g := range p.grad.Tensors() {
					want := q.grad.Tensors()[i].Data
					if g.Name == "whh" {
						var blocks []float32
						for row := range k.Gates() * h {
							blocks = append(blocks, want[row*h+row%h/d*d:][:d]...)
						}
						want = blocks
					}
					asmtest.SameFloats(t, fmt.Sprint(k, size, " d", g.Name), g.Data, want)
				}
			}
		}
	})
}
