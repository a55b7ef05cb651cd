package cases

import (
	"fmt"
	"math"

	"github.com/elbow-go/elbow/bench"
	"github.com/elbow-go/elbow/cell"
)

// Raggeds are batches of sequences of different lengths in training.
func Raggeds(shapes []bench.Ragged) (list []Maker) {
	for _, s := range shapes {
		keys := fmt.Sprintf("B=%d/T=%d..%d/I=%d/H=%d", len(s.Lengths), s.Lengths[len(s.Lengths)-1], s.Lengths[0], s.I, s.H)
		list = append(list, maker("Ragged", keys, func() *Case {
			return trainingOf(cell.LSTM, cell.NewRagged(s.Lengths...), s.I, s.H, cell.Options{})
		}))
	}
	return list
}

// Options are trainings of layers with each of the options.
func Options(s bench.Sequence) (list []Maker) {
	for _, o := range []struct {
		name string
		kind cell.Kind
		cell.Options
	}{
		{"none", cell.LSTM, cell.Options{}}, {"peepholes", cell.LSTM, cell.Options{Peepholes: true}}, {"clip", cell.LSTM, cell.Options{CellClip: 3}},
		{"projection", cell.LSTM, cell.Options{Proj: s.H / 2}}, {"heads", cell.LSTM, cell.Options{Heads: 4}}, {"norm", cell.LSTM, cell.Options{LayerNorm: true}},
		{"heads", cell.GRU, cell.Options{Heads: 4}}, {"heads", cell.GRUBefore, cell.Options{Heads: 4}}, {"norm", cell.GRU, cell.Options{LayerNorm: true}},
	} {
		keys := fmt.Sprintf("kind=%v/option=%s/B=%d/T=%d/I=%d/H=%d", o.kind, o.name, s.B, s.T, s.I, s.H)
		list = append(list, maker("Option", keys, func() *Case { return trainingOf(o.kind, equal(s.B, s.T), s.I, s.H, o.Options) }))
	}
	return list
}

// trainingOf is a training of a layer with options.
func trainingOf(kind cell.Kind, shape *cell.Ragged, inputs, hidden int, o cell.Options) *Case {
	r, rows := numbers(), shape.Rows()
	l := cell.NewRecurrentWith[float32](kind, inputs, hidden, o)
	for _, t := range l.Tensors() {
		copy(t.Data, r.normal(len(t.Data), 1/math.Sqrt(float64(hidden))))
	}
	seq, g := cell.NewSequence[float32](), l.NewGrad()
	x, dy, dx := in(r.normal(rows*inputs, 1)), in(r.normal(rows*l.Out(), 0.01)), out(rows*inputs)
	c := &Case{Elems: rows, Flops: 6 * float64(rows) * float64(len(l.Wih)+len(l.Whh)+len(l.Whr)), Arrays: []Array{dx}, Pack: l.PackForTraining}
	for _, t := range g.Tensors() {
		c.Arrays = append(c.Arrays, Array{t.Data, Out})
	}
	c.Run = func() {
		l.Forward(seq, shape, x.Data, nil, nil, Threads)
		cell.Zero(g.Tensors())
		l.Backward(seq, g, cell.Grads[float32]{DX: dx.Data, DY: dy.Data}, x.Data, Threads)
	}
	return c
}

// Stacks are trainings of layers on top of each other, in one direction and in both.
func Stacks() (list []Maker) {
	for _, s := range bench.Stacks {
		for _, both := range []cell.Bidirectional{cell.OneWay, cell.Concat} {
			keys := fmt.Sprintf("kind=lstm/layers=%d/directions=%d/B=%d/T=%d/I=%d/H=%d", s.Layers, 1+one(both != cell.OneWay), s.B, s.T, s.I, s.H)
			list = append(list, maker("Stack", keys, func() *Case {
				r, shape := numbers(), equal(s.B, s.T)
				st := cell.NewStack[float32](cell.StackConfig{Kind: cell.LSTM, In: s.I, Hidden: s.H, Layers: s.Layers, Bidirectional: both})
				weights := 0
				for _, t := range st.Tensors() {
					copy(t.Data, r.normal(len(t.Data), 1/math.Sqrt(float64(s.H))))
					if len(t.Shape) == 2 {
						weights += len(t.Data)
					}
				}
				rows := shape.Rows()
				seq, g := cell.NewStackSequence[float32](), st.NewGrad()
				x, dy, dx := in(r.normal(rows*s.I, 1)), in(r.normal(rows*st.Out(), 0.01)), out(rows*s.I)
				return &Case{Elems: rows, Flops: 6 * float64(rows) * float64(weights), Arrays: []Array{dx}, Pack: st.PackForTraining, Run: func() {
					st.Forward(seq, shape, x.Data, nil, nil, Threads)
					cell.Zero(g.Tensors())
					st.Backward(seq, g, cell.Grads[float32]{DX: dx.Data, DY: dy.Data}, x.Data, Threads)
				}}
			}))
		}
	}
	return list
}

// MLPs are dense layers, one and two of them, in training.
func MLPs() (list []Maker) {
	for _, s := range bench.MLPs {
		list = append(list, maker("MLP", fmt.Sprintf("B=%d/I=%d/H=%d/O=%d", s[0], s[1], s[2], s[3]), func() *Case {
			r, rows := numbers(), s[0]
			m := cell.NewMLP[float32](cell.Tanh, cell.Linear, s[1:]...)
			weights := 0
			for _, l := range m.Layers {
				copy(l.W, r.normal(len(l.W), 1/math.Sqrt(float64(l.In))))
				weights += len(l.W)
			}
			g := m.NewGrad()
			var a cell.Activations[float32]
			x, dy, dx, y := in(r.normal(rows*s[1], 1)), in(r.normal(rows*s[3], 0.01)), out(rows*s[1]), out(rows*s[3])
			return &Case{Elems: rows, Flops: 6 * float64(rows) * float64(weights), Arrays: []Array{y, dx}, Pack: m.PackForTraining, Run: func() {
				m.Forward(&a, x.Data, rows, Threads)
				cell.Zero(g.Tensors())
				m.Backward(&a, g, cell.Grads[float32]{DX: dx.Data, DY: dy.Data}, x.Data, Threads)
			}, Settle: func() { copy(y.Data, a.Y) }}
		}))
		list = append(list, maker("Dense", fmt.Sprintf("B=%d/I=%d/O=%d", s[0], s[1], s[2]), func() *Case {
			r, rows := numbers(), s[0]
			d := cell.NewDense[float32](s[1], s[2], cell.Tanh)
			copy(d.W, r.normal(len(d.W), 1/math.Sqrt(float64(d.In))))
			x, y := in(r.normal(rows*s[1], 1)), out(rows*s[2])
			return &Case{Elems: rows, Flops: 2 * float64(rows) * float64(len(d.W)), Arrays: []Array{y}, Pack: d.Pack, Run: func() { d.Forward(y.Data, x.Data, rows) }}
		}))
	}
	return list
}

// Convs are trainings of convolutions.
func Convs() (list []Maker) {
	for _, s := range bench.Convs {
		keys := fmt.Sprintf("B=%d/T=%d/I=%d/O=%d/K=%d/S=%d", s.B, s.T, s.I, s.O, s.Kernel, s.Stride)
		list = append(list, maker("Conv1d", keys, func() *Case {
			r := numbers()
			c := cell.NewConv1d[float32](s.I, s.O, cell.Window{Kernel: s.Kernel, Stride: s.Stride, Padding: s.Kernel / 2}, cell.ReLU)
			copy(c.W, r.normal(len(c.W), 1/math.Sqrt(float64(s.I*s.Kernel))))
			outputs := c.Outputs(s.T)
			rows, g := s.B*outputs, c.NewGrad()
			x, dy := in(r.normal(s.B*s.T*s.I, 1)), in(r.normal(rows*s.O, 0.01))
			y, da, dx := out(rows*s.O), make([]float32, rows*s.O), out(s.B*s.T*s.I)
			return &Case{Elems: rows, Flops: 6 * float64(rows) * float64(len(c.W)), Pack: c.PackForTraining,
				Arrays: []Array{y, dx, {g.W, Out}, {g.B, Out}}, Run: func() {
					c.Forward(y.Data, x.Data, s.B, s.T)
					copy(da, dy.Data)
					c.ActivateBackward(da, y.Data, s.B, s.T)
					c.InputGrad(dx.Data, da, s.B, s.T, false)
					cell.Zero(g.Tensors())
					c.ParamGrad(g, da, x.Data, s.B, s.T, 0, s.O)
				}}
		}))
	}
	return list
}
