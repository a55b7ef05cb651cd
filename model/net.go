package model

import (
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/kernels"
)

// net is a net of a model at work, or nothing where the model has none. What is not said to be of
// some rows belongs to the whole batch.
type net[T cell.Float] struct {
	cell.Activations[T]
	mlp    *cell.MLP[T]
	squash int // how many outputs of a row go through a sigmoid, the first ones
}

// outputNet is the net of a model of data points that ends in the outputs of its likelihood.
func (m *base[T]) outputNet(mlp *cell.MLP[T]) net[T] {
	if m.squash {
		return net[T]{mlp: mlp, squash: m.dim}
	}
	return net[T]{mlp: mlp}
}

// beginNets prepares nets for so many rows.
func beginNets[T cell.Float](rows int, nets ...*net[T]) {
	for _, n := range nets {
		if n.mlp != nil {
			n.Begin(n.mlp, rows)
		}
	}
}

// beginNetsBackward prepares them for the gradients.
func beginNetsBackward[T cell.Float](nets ...*net[T]) {
	for _, n := range nets {
		if n.mlp != nil {
			n.BeginBackward()
		}
	}
}

// project gives the rows lo..hi the columns from..to of their input, all columns of x. There may be
// none.
func (n *net[T]) project(x []T, lo, hi, from, to int) {
	if w := to - from; w > 0 {
		n.mlp.Project(&n.Activations, x[lo*w:hi*w], lo, hi, from, to)
	}
}

// activate computes the outputs of the rows lo..hi, of which all columns are projected.
func (n *net[T]) activate(lo, hi int) {
	n.mlp.Activate(&n.Activations, lo, hi)
	if n.squash > 0 {
		for i, w := lo, n.mlp.Out(); i < hi; i++ {
			mean := n.Y[i*w : i*w+n.squash]
			kernels.Sigmoid(mean, mean)
		}
	}
}

// forward computes the outputs of the rows lo..hi; x are the parts of the input, in the order of
// their columns, of which some may not be there.
func (n *net[T]) forward(lo, hi int, x ...[]T) {
	if n.mlp == nil || lo == hi {
		return
	}
	rows, from := len(n.Y)/n.mlp.Out(), 0
	for _, x := range x {
		if to := from + len(x)/rows; to > from {
			n.project(x, lo, hi, from, to)
			from = to
		}
	}
	n.activate(lo, hi)
}

// back turns the gradient of the outputs of the rows lo..hi into that of all pre-activations.
func (n *net[T]) back(lo, hi int) {
	if n.squash > 0 {
		for i, w := lo, n.mlp.Out(); i < hi; i++ {
			d := n.DY[i*w : i*w+n.squash]
			kernels.SigmoidBackward(d, d, n.Y[i*w:i*w+n.squash])
		}
	}
	n.mlp.ActivateBackward(&n.Activations, lo, hi)
}

// inputGrad computes the gradient of the input columns from..to, all columns of dx, or adds to it.
func (n *net[T]) inputGrad(dx []T, lo, hi, from, to int, add bool) {
	w := to - from
	n.mlp.InputGrad(&n.Activations, dx[lo*w:hi*w], lo, hi, from, to, add)
}

// paramGrad adds part i of parts of the gradient of the parameters; x are the parts of the input.
func (n *net[T]) paramGrad(grad *cell.MLP[T], i, parts int, x ...[]T) {
	n.mlp.ParamGrad(grad, &n.Activations, i, parts, x...)
}

// pointNet is a net that data points go into. It sees each of them once, however many rows there
// are of it, which are neighbours.
type pointNet[T cell.Float] struct {
	net[T]
	points, k int    // data points, and rows of each
	u         []T    // x - mean of every point, with its conditions
	y, dy     []T    // outputs of every row and their gradients; with one row of each those of the net itself
	repeated  [2][]T // what they are otherwise
}

// begin prepares for rows, k of each point.
func (n *pointNet[T]) begin(rows, k int) {
	n.points, n.k = rows/k, k
	beginNets(n.points, &n.net)
	n.u = pages.Grow(n.u, n.points*n.mlp.In())
	n.y = n.ofRows(0, n.Y)
}

// beginBackward prepares for the gradients.
func (n *pointNet[T]) beginBackward() {
	beginNetsBackward(&n.net)
	n.dy = n.ofRows(1, n.DY)
}

func (n *pointNet[T]) ofRows(i int, y []T) []T {
	if n.k == 1 {
		return y
	}
	n.repeated[i] = pages.Grow(n.repeated[i], n.k*len(y))
	return n.repeated[i]
}

// see computes the outputs Y of the points lo..hi, which are the rows of x, ld values apart, less
// the mean, and of given, ldg values apart.
func (n *pointNet[T]) see(x []T, ld int, mean, given []T, ldg, lo, hi int) {
	for i, w, d := lo, n.mlp.In(), len(mean); i < hi; i++ {
		u := n.u[i*w : (i+1)*w]
		copy(u[:d], x[i*ld:])
		kernels.Axpy(u[:d], mean, -1)
		if w > d {
			copy(u[d:], given[i*ldg:])
		}
	}
	n.forward(lo, hi, n.u)
}

// repeat makes those of their rows of them.
func (n *pointNet[T]) repeat(lo, hi int) {
	if w := n.mlp.Out(); n.k > 1 {
		for i := lo * n.k; i < hi*n.k; i++ {
			copy(n.y[i*w:(i+1)*w], n.Y[i/n.k*w:])
		}
	}
}

// back turns the gradient of the outputs of all rows of the points lo..hi, whose sum in order is
// that of a point, into that of all pre-activations.
func (n *pointNet[T]) back(lo, hi int) {
	if w, k := n.mlp.Out(), n.k; k > 1 {
		for i := lo; i < hi; i++ {
			d := n.DY[i*w : (i+1)*w]
			copy(d, n.dy[i*k*w:])
			for r := i*k + 1; r < (i+1)*k; r++ {
				kernels.Axpy(d, n.dy[r*w:(r+1)*w], 1)
			}
		}
	}
	n.net.back(lo, hi)
}

// gaussians writes μ and σ, [rows, dim], that a net gives for rows of x, less the mean, and of given;
// sigma may be nil. fn is the function that was given them.
func (m *base[T]) gaussians(fn string, of net[T], mu, sigma, x, given []T, rows, dim int) {
	m.checkPacked(fn, false)
	checkSize(fn, "rows", rows, 0, cell.MaxRows)
	checkLen(fn, "x", len(x), rows, len(m.Mean))
	checkExact(fn, "given", len(given), rows, m.given())
	checkLen(fn, "mu", len(mu), rows, dim)
	if sigma != nil {
		checkLen(fn, "sigma", len(sigma), rows, dim)
	}
	n := pointNet[T]{net: of}
	n.begin(rows, 1)
	n.see(x, len(m.Mean), m.Mean, given, m.given(), 0, rows)
	gaussiansOf(mu, sigma, n.Y, m.form, rows, dim)
}

// gaussiansOf writes μ and σ of heads [μ | a], where they are not nil.
func gaussiansOf[T cell.Float](mu, sigma, heads []T, form kernels.ScaleForm, rows, dim int) {
	if mu != nil {
		for i := range rows {
			copy(mu[i*dim:(i+1)*dim], heads[i*2*dim:])
		}
	}
	if sigma != nil {
		sigmas(sigma, from(heads, dim), form, rows, dim, 2*dim)
	}
}
