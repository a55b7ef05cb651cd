package model

import (
	"fmt"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/pages"
)

// net is a stack of dense layers. Its input may come in parts, as that of a [cell.Dense].
type net[T cell.Float] struct {
	layers []*cell.Dense[T]
}

// newNet returns a net of depth hidden ReLU layers of the given width, followed by a
// linear head with out outputs unless out is 0.
func newNet[T cell.Float](in, width, depth, out int) *net[T] {
	return newMLP[T](in, width, depth, out, cell.ReLU)
}

// newMLP is newNet with hidden layers of another activation.
func newMLP[T cell.Float](in, width, depth, out int, act cell.Activation) *net[T] {
	n := new(net[T])
	for range depth {
		n.layers = append(n.layers, cell.NewDense[T](in, width, act))
		in = width
	}
	if out > 0 {
		n.layers = append(n.layers, cell.NewDense[T](in, out, cell.Linear))
	}
	return n
}

func (n *net[T]) newGrad() *net[T] {
	if n == nil {
		return nil
	}
	g := new(net[T])
	for _, d := range n.layers {
		g.layers = append(g.layers, d.NewGrad())
	}
	return g
}

func (n *net[T]) first() *cell.Dense[T] { return n.layers[0] }
func (n *net[T]) last() *cell.Dense[T]  { return n.layers[len(n.layers)-1] }

// tensors appends the parameters of n to ts, as prefix.0.w and so on.
func (n *net[T]) tensors(ts []cell.Tensor[T], prefix string) []cell.Tensor[T] {
	if n == nil {
		return ts
	}
	for i, d := range n.layers {
		for _, t := range d.Tensors() {
			t.Name = fmt.Sprintf("%s.%d.%s", prefix, i, t.Name)
			ts = append(ts, t)
		}
	}
	return ts
}

// netLandmarks appends the shapes of the matrices of a net, as newNet makes it; see
// [Config.landmarks].
func (c Config) netLandmarks(ls []landmark, prefix string, in, width, out int) []landmark {
	for i := range c.layers() {
		ls = append(ls, landmark{fmt.Sprintf("%s.%d.w", prefix, i), []int{width, in}})
		in = width
	}
	if out > 0 {
		ls = append(ls, landmark{fmt.Sprintf("%s.%d.w", prefix, c.layers()), []int{out, in}})
	}
	return ls
}

func (n *net[T]) pack(training bool) {
	if n == nil {
		return
	}
	for _, d := range n.layers {
		if training {
			d.PackForTraining()
		} else {
			d.Pack()
		}
	}
}

// tape holds the outputs of every layer of a net for all rows of a batch and, in training,
// their gradients.
type tape[T cell.Float] struct {
	y, d [][]T
}

func (tp *tape[T]) size(n *net[T], rows int, training bool) {
	if n == nil {
		return
	}
	if tp.y == nil {
		tp.y, tp.d = make([][]T, len(n.layers)), make([][]T, len(n.layers))
	}
	for i, l := range n.layers {
		tp.y[i] = pages.Grow(tp.y[i], rows*l.Out)
		if training {
			tp.d[i] = pages.Grow(tp.d[i], rows*l.Out)
		}
	}
}

// out returns the outputs of the net, dOut their gradients.
func (tp *tape[T]) out() []T  { return tp.y[len(tp.y)-1] }
func (tp *tape[T]) dOut() []T { return tp.d[len(tp.d)-1] }

// project gives the rows lo..hi of the net the columns from..to of their input; x belongs
// to the whole batch and has to-from columns.
func (n *net[T]) project(tp *tape[T], x []T, lo, hi, from, to int) {
	d := n.first()
	d.Project(tp.y[0][lo*d.Out:], x[lo*(to-from):], hi-lo, from, to)
}

// finish computes the rows lo..hi once all their columns are projected.
func (n *net[T]) finish(tp *tape[T], lo, hi int) {
	d := n.first()
	d.Activate(tp.y[0][lo*d.Out:hi*d.Out], hi-lo)
	for i, d := range n.layers[1:] {
		d.Forward(tp.y[i+1][lo*d.Out:hi*d.Out], tp.y[i][lo*d.In:hi*d.In], hi-lo)
	}
}

// backward turns the gradient of the output, in tp.dOut, into the gradients of all
// pre-activations.
func (n *net[T]) backward(tp *tape[T], lo, hi int) {
	for i := len(n.layers) - 1; i >= 0; i-- {
		d := n.layers[i]
		da := tp.d[i][lo*d.Out : hi*d.Out]
		d.ActivateBackward(da, tp.y[i][lo*d.Out:hi*d.Out], hi-lo)
		if i > 0 {
			d.InputGrad(tp.d[i-1][lo*d.In:hi*d.In], da, hi-lo, 0, d.In, false)
		}
	}
}

// inputGrad computes (or, with add, adds to) the gradient of the input columns from..to of
// the rows lo..hi after backward.
func (n *net[T]) inputGrad(tp *tape[T], dx []T, lo, hi, from, to int, add bool) {
	d := n.first()
	d.InputGrad(dx[lo*(to-from):], tp.d[0][lo*d.Out:hi*d.Out], hi-lo, from, to, add)
}

// paramGrad adds part i of parts of the gradient of all parameters to grad: the outputs of
// every layer are split. x are the input parts of the net, in column order.
func (n *net[T]) paramGrad(grad *net[T], tp *tape[T], rows, i, parts int, x ...[]T) {
	for k, d := range n.layers {
		lo, hi := share(d.Out, i, parts)
		if k > 0 {
			d.ParamGrad(grad.layers[k], tp.d[k], tp.y[k-1], rows, 0, d.In, lo, hi)
			continue
		}
		from := 0
		for _, part := range x {
			to := from + len(part)/max(rows, 1)
			d.ParamGrad(grad.layers[0], tp.d[0], part, rows, from, to, lo, hi)
			from = to
		}
	}
}

// share returns part i of parts of n outputs.
func share(n, i, parts int) (lo, hi int) { return n * i / parts, n * (i + 1) / parts }
