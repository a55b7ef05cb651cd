package model

import (
	"math"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// sigmaBias is where the biases of all σ outputs start: softplus(0.6) = 1.04.
const sigmaBias = 0.6

// normalSigma is the σ of InitNormal.
const normalSigma = 0.01

// initialiser draws parameters. Tensor k of a model is drawn from the noise with Update k,
// row by row.
type initialiser[T cell.Float] struct {
	seed  uint64
	kind  string // of the configuration
	index map[*T]uint32
}

func newInitialiser[T cell.Float](m Model[T], seed uint64) *initialiser[T] {
	d := &initialiser[T]{seed: seed, kind: m.Settings().Init, index: map[*T]uint32{}}
	for k, t := range m.Tensors() {
		d.index[&t.Data[0]] = uint32(k)
	}
	return d
}

// noise returns that of the tensor w.
func (d *initialiser[T]) noise(w []T) kernels.Noise {
	return kernels.Noise{Seed: d.seed, Stream: streamInit, Update: d.index[&w[0]]}
}

// draw fills the rows lo..hi of w, with in columns, which are a layer of their own.
func (d *initialiser[T]) draw(w []T, in, lo, hi int) {
	rows, limit := w[lo*in:hi*in], 0.08
	switch d.kind {
	case InitNormal:
		kernels.Normals(rows, d.noise(w), 0, uint32(lo), hi-lo, in)
		kernels.Scal(rows, rows, normalSigma)
		return
	case InitGlorot:
		limit = math.Sqrt(6 / float64(in+hi-lo))
	}
	cell.Uniform(rows, in, -limit, limit, d.noise(w), lo)
}

// net draws the weights of a net, whose outputs fall into heads that are layers of their
// own; without heads they are one. Biases are 0.
func (d *initialiser[T]) net(n *cell.MLP[T], heads ...int) {
	if n == nil {
		return
	}
	for i, l := range n.Layers {
		clear(l.B)
		if i < len(n.Layers)-1 || len(heads) == 0 {
			d.draw(l.W, l.In, 0, l.Out)
			continue
		}
		lo := 0
		for _, h := range heads {
			d.draw(l.W, l.In, lo, lo+h)
			lo += h
		}
	}
}

// stack draws the weights of recurrent layers.
func (d *initialiser[T]) stack(st *cell.Stack[T]) {
	for _, l := range st.Layers {
		d.recurrent(l)
	}
}

// recurrent draws the weights of a recurrent layer: input weights as in a dense layer,
// recurrent ones orthogonal gate by gate. Biases are 0.
func (d *initialiser[T]) recurrent(l *cell.Recurrent[T]) {
	gates, h := l.Kind.Gates(), l.Hidden
	d.draw(l.Wih, l.In, 0, gates*h)
	for g := range gates {
		cell.Orthogonal(l.Whh[g*h*h:(g+1)*h*h], h, d.noise(l.Whh), g*h)
	}
	clear(l.B)
	clear(l.Bhn)
}

// dense is net for a single layer.
func (d *initialiser[T]) dense(l *cell.Dense[T], heads ...int) {
	d.net(&cell.MLP[T]{Layers: []*cell.Dense[T]{l}}, heads...)
}

// gaussHead draws a net whose outputs are μ and σ of z dimensions.
func (d *initialiser[T]) gaussHead(n *cell.MLP[T], z int) {
	if n != nil {
		d.net(n, z, z)
		fill(last(n).B[z:], sigmaBias)
	}
}

func fill[T cell.Float](s []T, v T) {
	for i := range s {
		s[i] = v
	}
}
