package model

import (
	"errors"
	"fmt"
	"slices"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/internal/par"
	"github.com/elbow-go/elbow/kernels"
)

// Classifier tells which of several classes a sequence belongs to.
//
//	h_t = cell(x_t, h_{t-1})     p(class | x) = softmax(W h_T + b)
//
// It reads the sequence, or its reverse, from a start state h_0 that is trained with the
// rest. The classes are those of [Sequence].Label.
//
// It is meant to be trained on few labelled sequences after a [VRAE] has seen many
// unlabelled ones, see [Classifier.FromEncoder] and [Classifier.FromDecoder]. Its scores
// are in nats per sequence, and exact.
//
// Source: Fabius and van Amersfoort 2014, whose abstract proposes to initialise weights and
// network state of a supervised network in this way.
type Classifier[T cell.Float] struct {
	base[T]

	cell  *cell.Recurrent[T]
	start *vector[T] // h_0
	head  *cell.Dense[T]

	classes map[string]int32
}

func newClassifier[T cell.Float](c Config) builder[T] {
	m := &Classifier[T]{base: newBase[T]("Classifier", c), classes: map[string]int32{}}
	for i, name := range c.Labels {
		m.classes[name] = int32(i)
	}
	m.has(
		slot[T]{name: "cell", place: &m.cell, in: c.Data, out: c.Hidden},
		slot[T]{name: "start", place: &m.start, out: c.Hidden},
		slot[T]{name: "head", place: &m.head, in: c.Hidden, out: len(c.Labels)})
	return m
}

// resolveClassifier is [Config.Resolve] for the classifier.
func (c Config) resolveClassifier() (Config, error) {
	r, err := c.take(fieldData, fieldHidden, fieldCell(cell.RNNTanh), fieldInit)
	if err != nil {
		return r, err
	}
	r.Layers, r.Reverse, r.Labels = 1, c.Reverse, c.Labels
	if len(c.Labels) == 0 {
		return r, errors.New("model: a classifier needs the labels of its classes")
	}
	seen := map[string]bool{}
	for _, name := range c.Labels {
		if seen[name] {
			return r, fmt.Errorf("model: labels: %q is there twice", name)
		}
		seen[name] = true
	}
	return r, inRange("labels", len(c.Labels), 1, maxSize)
}

// checkData reports sequences of other classes.
func (m *Classifier[T]) checkData(d *Data) error {
	for _, seqs := range [][]Sequence{d.Train, d.Valid, d.Test} {
		for _, s := range seqs {
			if !slices.Contains(m.Labels, s.Label) {
				return fmt.Errorf("model: data set %q: sequence %q has the label %q, which is not one of the classes", d.Name, s.Name, s.Label)
			}
		}
	}
	return nil
}

// Labels returns the labels of the sequences, sorted, each once: what Config.Labels has
// to be to tell them apart.
func Labels(seqs []Sequence) []string {
	var names []string
	for _, s := range seqs {
		names = append(names, s.Label)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// PackBF16 implements [BF16Packer].
func (m *Classifier[T]) PackBF16() { m.packBF16() }

// Sample implements [Model]. A classifier has no distribution over sequences: it panics.
func (m *Classifier[T]) Sample([]T, int, int, uint64, bool) {
	panic("model: Sample: a classifier has no distribution over sequences")
}

// FromEncoder takes the recurrent weights of the encoder of v, and its start state, which
// is 0. The head stays as it is. It reports a model of other sizes. Afterwards the
// classifier has to be packed.
func (m *Classifier[T]) FromEncoder(v *VRAE[T]) error {
	checkThere("Classifier.FromEncoder", "v", v != nil)
	if m.Reverse != v.Reverse {
		return fmt.Errorf("model: classifier: reverse = %t, the encoder has %t", m.Reverse, v.Reverse)
	}
	if err := m.take(v.encoder); err != nil {
		return err
	}
	clear(m.start.v)
	return nil
}

// FromDecoder takes the recurrent weights of the decoder of v and, as start state, the one
// from which it decodes the mean of the prior, z = 0. v is packed. Otherwise as
// [Classifier.FromEncoder].
func (m *Classifier[T]) FromDecoder(v *VRAE[T]) error {
	checkThere("Classifier.FromDecoder", "v", v != nil)
	v.checkPacked("Classifier.FromDecoder", false)
	if m.Reverse {
		return fmt.Errorf("model: classifier: reverse = true, a decoder runs forwards")
	}
	if err := m.take(v.decoder); err != nil {
		return err
	}
	v.start.Forward(m.start.v, make([]T, v.Latent), 1)
	return nil
}

func (m *Classifier[T]) take(from *cell.Recurrent[T]) error {
	to := m.cell
	if from.Kind != to.Kind || from.In != to.In || from.Hidden != to.Hidden {
		return fmt.Errorf("model: classifier: %v %d x %d, the model to start from has %v %d x %d", to.Kind, to.In, to.Hidden, from.Kind, from.In, from.Hidden)
	}
	ts := to.Tensors()
	for i, t := range from.Tensors() {
		copy(ts[i].Data, t.Data)
	}
	return nil
}

// Classify returns the most probable class of every sequence, in the order of seqs; of
// equally probable ones the first. The model is packed. The sequences are read in batches
// of the given size; the result depends on neither that nor the number of goroutines.
func (m *Classifier[T]) Classify(seqs []Sequence, batch, threads int) []string {
	const fn = "Classifier.Classify"
	m.checkPacked(fn, false)
	EvalConfig{Batch: batch, Threads: threads}.check(fn)
	checkSequences(fn, seqs, m.Data)
	classes := make([]string, len(seqs))
	n := len(m.Labels)
	p := m.pass(threads)
	var b Batch[T]
	for _, places := range cut(seqs, m.Data, batch) {
		segment(&b, seqs, places, m.Data, 0, 0, 1, 0)
		p.run(&b)
		for k, i := range places {
			row, best := p.logits[k*n:(k+1)*n], 0
			for c, v := range row {
				if v > row[best] {
					best = c
				}
			}
			classes[i] = m.Labels[best]
		}
	}
	return classes
}

// Accuracy is the share of sequences whose most probable class is their label.
func (m *Classifier[T]) Accuracy(seqs []Sequence, batch, threads int) float64 {
	right := 0
	for i, c := range m.Classify(seqs, batch, threads) {
		if c == seqs[i].Label {
			right++
		}
	}
	return float64(right) / float64(len(seqs))
}

// classifierPass runs a [Classifier] over one batch after another; see [Pass]. Its terms
// are one LogProb per sequence.
type classifierPass[T cell.Float] struct {
	passBase[T]
	m *Classifier[T]

	seq     *cell.Sequence[T]
	ones    *cell.Ragged // one row per sequence
	lengths []int

	read, rev, h0, h, logits []T
	label                    []int32
	dlogits, dh, dh0         []T

	g *Classifier[T] // where a running Backward adds

	params func(lo, hi int) // made once: a closure per call would be an allocation
}

// NewPass implements [Model].
func (m *Classifier[T]) NewPass(threads int) Pass[T] { return m.pass(threads) }

func (m *Classifier[T]) pass(threads int) *classifierPass[T] {
	p := &classifierPass[T]{passBase: m.newPass(threads), m: m, seq: cell.NewSequence[T](), ones: new(cell.Ragged)}
	p.params = p.paramGrad
	return p
}

// run computes the logits of every sequence of b.
func (p *classifierPass[T]) run(b *Batch[T]) {
	m, rows, n := p.m, b.Shape.Rows(), b.Shape.Batch()
	p.read = b.X
	if m.Reverse {
		p.rev = pages.Grow(p.rev, rows*m.Data)
		cell.Reverse(b.Shape, p.rev, b.X, m.Data)
		p.read = p.rev
	}
	p.h0, p.h, p.logits = pages.Grow(p.h0, n*m.Hidden), pages.Grow(p.h, n*m.Hidden), pages.Grow(p.logits, n*len(m.Labels))
	kernels.SetRows(p.h0, m.start.v, n, m.Hidden, m.Hidden)
	m.cell.Forward(p.seq, b.Shape, p.read, p.h0, nil, p.threads)
	p.seq.Final(p.h, nil)
	m.head.Forward(p.logits, p.h, n)
}

// Forward implements [Pass]. The labels of the batch are among the classes.
func (p *classifierPass[T]) Forward(b *Batch[T], obj Objective, training bool) {
	p.check(b, obj, training)
	n := b.Shape.Batch()
	checkLen("Pass.Forward", "b.Label", len(b.Label), n, 1)
	p.label, p.lengths = pages.Grow(p.label, n), pages.Grow(p.lengths, n)
	for i := range n {
		y, ok := p.m.classes[b.Label[i]]
		if !ok {
			panic(fmt.Sprintf("model: Pass.Forward: b.Label[%d] = %q, want one of the classes %q", i, b.Label[i], p.m.Labels))
		}
		p.label[i], p.lengths[i] = y, 1
	}
	p.ones.Reset(p.lengths)
	p.open(b, p.ones, obj, training)
	p.run(b)
	kernels.CategoricalLogProb(p.LogProb, p.label, p.logits, n, len(p.m.Labels))
}

// Backward implements [Pass].
func (p *classifierPass[T]) Backward(grad Model[T]) {
	if !p.startBackward(p.m, grad) {
		return
	}
	m, n := p.m, p.shape.Batch()
	p.g = grad.(*Classifier[T])
	p.dlogits, p.dh, p.dh0 = pages.Grow(p.dlogits, n*len(m.Labels)), pages.Grow(p.dh, n*m.Hidden), pages.Grow(p.dh0, n*m.Hidden)
	kernels.CategoricalLogProbBackward(nil, p.dlogits, p.dlp, p.label, p.logits, n, len(m.Labels))
	m.head.InputGrad(p.dh, p.dlogits, n, 0, m.Hidden, false)
	m.cell.Backward(p.seq, p.g.cell, cell.Grads[T]{DHn: p.dh, DH0: p.dh0}, p.read, p.threads)
	kernels.AddColumnSums(p.g.start.v, p.dh0, n, m.Hidden, m.Hidden)
	par.Do(p.threads, m.head.Out, p.params)
	p.g = nil
}

func (p *classifierPass[T]) paramGrad(lo, hi int) {
	p.m.head.ParamGrad(p.g.head, p.dlogits, p.h, p.shape.Batch(), 0, p.m.Hidden, lo, hi)
}

// Channels implements [Pass].
func (p *classifierPass[T]) Channels(add func(name string, values []T)) {
	p.checkRan("Pass.Channels")
	checkThere("Pass.Channels", "add", add != nil)
	add("logits", p.logits)
}
