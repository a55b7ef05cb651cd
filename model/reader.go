package model

import (
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/kernels"
)

// reader makes one vector of a whole sequence, or of its reverse.
//
//	h_t = cell([x_t, given_t], h_{t-1})     y = W h_T + b
type reader[T cell.Float] struct {
	model   *base[T]
	cell    *cell.Recurrent[T]
	start   *vector[T] // h_0, nil for 0
	head    *cell.Dense[T]
	threads int

	seq         *cell.Sequence[T]
	shape       *cell.Ragged
	x           []T // what the cell reads
	joined      []T // x with its conditions
	reversed    []T
	h0, h, y    []T // of every sequence of the batch
	dh0, dh, dy []T // after beginBackward: their gradients
}

// read computes y of every sequence of b, of which it reads x. They stay as they are until backward.
func (r *reader[T]) read(b *Batch[T], x []T) {
	m, n := r.model, b.Shape.Batch()
	r.shape, r.x = b.Shape, x
	in := m.Data
	if given := m.given(); given > 0 {
		rows := b.Shape.Rows()
		in += given
		r.joined = pages.Grow(r.joined, rows*in)
		join(r.joined, x, b.Given, rows, m.Data, given)
		r.x = r.joined
	}
	if m.Reverse {
		r.reversed = pages.Grow(r.reversed, b.Shape.Rows()*in)
		cell.Reverse(b.Shape, r.reversed, r.x, in)
		r.x = r.reversed
	}
	if r.start != nil {
		r.h0 = pages.Grow(r.h0, n*m.Hidden)
		kernels.SetRows(r.h0, r.start.v, n, m.Hidden, m.Hidden)
	}
	r.cell.Forward(r.seq, b.Shape, r.x, r.h0, nil, r.threads)
	r.h, r.y = pages.Grow(r.h, n*m.Hidden), pages.Grow(r.y, n*r.head.Out)
	r.seq.Final(r.h, nil)
	r.head.Forward(r.y, r.h, n)
}

// join writes rows of n numbers of x and m of y to dst.
func join[T cell.Float](dst, x, y []T, rows, n, m int) {
	for i := range rows {
		row := dst[i*(n+m) : (i+1)*(n+m)]
		copy(row[:n], x[i*n:])
		copy(row[n:], y[i*m:])
	}
}

// each reads sequences in batches of the given size and calls f with the place of each and its y.
// fn is the function that was given them.
func (r *reader[T]) each(fn string, seqs []Sequence, batch int, f func(i int, y []T)) {
	m, w := r.model, r.head.Out
	m.checkPacked(fn, false)
	EvalConfig{Batch: batch, Threads: r.threads}.check(fn)
	checkSequences(fn, seqs, m.Config)
	var b Batch[T]
	for _, places := range cut(byLength(seqs, m.Data), batch) {
		segment(&b, seqs, places, m.Config, 0, 0, 1, 0)
		r.read(&b, b.X)
		for k, i := range places {
			f(i, r.y[k*w:(k+1)*w])
		}
	}
}

// beginBackward makes room for the gradients. That of y is to be filled in.
func (r *reader[T]) beginBackward() {
	r.dh0, r.dh, r.dy = pages.Grow(r.dh0, len(r.h0)), pages.Grow(r.dh, len(r.h)), pages.Grow(r.dy, len(r.y))
}

// headBackward computes the gradient of h_T of the sequences lo..hi.
func (r *reader[T]) headBackward(lo, hi int) {
	h, w := r.head.In, r.head.Out
	r.head.InputGrad(r.dh[lo*h:hi*h], r.dy[lo*w:hi*w], hi-lo, 0, h, false)
}

// backward adds the gradients of the parameters of the cell, and of its start state, to those of
// grad and start.
func (r *reader[T]) backward(grad *cell.Recurrent[T], start *vector[T]) {
	g := cell.Grads[T]{DHn: r.dh}
	if r.start != nil {
		g.DH0 = r.dh0
	}
	r.cell.Backward(r.seq, grad, g, r.x, r.threads)
	if h := r.cell.Hidden; r.start != nil {
		kernels.AddColumnSums(start.v, r.dh0, r.shape.Batch(), h, h)
	}
}

// headGrad adds part i of parts of the gradients of the head's parameters to those of grad.
func (r *reader[T]) headGrad(grad *cell.Dense[T], i, parts int) {
	lo, hi := share(r.head.Out, i, parts)
	r.head.ParamGrad(grad, r.dy, r.h, r.shape.Batch(), 0, r.head.In, lo, hi)
}
