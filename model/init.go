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

// Init implements [Model]. Weights are drawn as configured, recurrent ones orthogonal gate by gate.
// Biases are 0 but for those of σ of latent variables and of the output, which start as the
// likelihood says, such as at the logits of the mean; Mean is the mean of the inputs. With
// Config.Skip or a full covariance and a fit in stats, see [Data.StatsFor], all outputs start at that fit. The draw
// depends on seed alone. With [InitNormal] the start of a model of data points is that of Kingma
// and Welling 2014: every parameter is drawn from N(0, 0.01²) and Mean is 0.
func (m *base[T]) Init(seed uint64, stats Stats) {
	checkMade(m.typ+".Init", m.slots != nil)
	if m.like != nil {
		checkStats(m.typ+".Init", stats, m.Data, m.Classes)
	}
	d := newInitialiser(m, seed)
	for i := range m.slots {
		d.slot(m, &m.slots[i], stats)
	}
}

func newInitialiser[T cell.Float](m *base[T], seed uint64) *initialiser[T] {
	d := &initialiser[T]{seed: seed, kind: m.Config.Init, index: map[*T]uint32{}}
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

// slot draws the layer in a slot of m.
func (d *initialiser[T]) slot(m *base[T], s *slot[T], stats Stats) {
	switch p := s.place.(type) {
	case **cell.MLP[T]:
		if s.head == linear {
			m.startSkip((*p).Layers[0], stats)
			return
		}
		d.dense(m, s.head, stats, (*p).Layers...)
		m.startResiduals((*p).Layers[0], s.residuals, stats)
	case **cell.Dense[T]:
		d.dense(m, s.head, stats, *p)
	case **cell.Stack[T]:
		for _, l := range (*p).Layers {
			d.recurrent(l)
		}
	case **cell.Recurrent[T]:
		d.recurrent(*p)
	case **vector[T]:
		if fill((*p).v, T(s.start)); s.in > 0 {
			d.draw((*p).v, s.in, 0, s.out)
		}
	case *[]T:
		if clear(*p); !d.drawsAll(m) {
			mean := m.like.inputMean(stats)
			for j := range *p {
				(*p)[j] = T(mean[j])
			}
		}
	}
}

// drawsAll reports whether biases are drawn too.
func (d *initialiser[T]) drawsAll(m *base[T]) bool { return m.points && d.kind == InitNormal }

// dense draws layers on top of each other. The outputs of the last fall into parts that are layers
// of their own, if it is a head.
func (d *initialiser[T]) dense(m *base[T], h head, stats Stats, layers ...*cell.Dense[T]) {
	for i, l := range layers {
		parts := []int{l.Out}
		switch clear(l.B); {
		case i < len(layers)-1:
		case h == gaussian:
			parts = []int{l.Out / 2, l.Out / 2}
		case h == output:
			parts = m.like.heads(m.dim)
		}
		lo := 0
		for _, n := range parts {
			d.draw(l.W, l.In, lo, lo+n)
			lo += n
		}
		if d.drawsAll(m) {
			d.draw(l.B, l.Out, 0, 1)
		} else if i == len(layers)-1 {
			m.startHead(l, h, stats)
		}
	}
}

// startHead sets the biases of a head, which are 0. Beside a skip or a full covariance that start at a fit its weights
// become 0, so that the model starts at that fit: the narrower its covariance, the more nats cost the errors that weights
// drawn at random would add to the means.
func (m *base[T]) startHead(l *cell.Dense[T], h head, stats Stats) {
	b := l.B
	switch h {
	case gaussian:
		if m.form == kernels.SoftplusSigma {
			fill(b[len(b)/2:], sigmaBias)
		}
	case output:
		stats.Mean = stats.Mean[m.Data-m.dim:]
		m.like.initBias(b, stats)
		full := stats.Residual != nil && (m.Likelihood == GaussFull || m.Likelihood == StudentFull)
		if full || m.Skip > 0 && stats.Skip != nil {
			clear(l.W)
		}
		if m.squash {
			bernoulli[T]{}.initBias(b[:m.dim], stats)
		}
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

func fill[T cell.Float](s []T, v T) {
	for i := range s {
		s[i] = v
	}
}
