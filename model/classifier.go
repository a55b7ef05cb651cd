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
	recurrentBase[T]

	cell  *cell.Recurrent[T]
	start *vector[T] // h_0
	head  *cell.Dense[T]

	classes map[string]int32
}

func newClassifier[T cell.Float](c Config) builder[T] {
	m := &Classifier[T]{recurrentBase: recurrentBase[T]{newBase[T]("Classifier", c)}, classes: map[string]int32{}}
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

// Sample implements [Model]. A classifier has no distribution over sequences: it panics.
func (m *Classifier[T]) Sample([]T, Draw, *States[T]) {
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
	classes := make([]string, len(seqs))
	m.reader(threads).each("Classifier.Classify", seqs, batch, func(i int, logits []T) {
		best := 0
		for c, v := range logits {
			if v > logits[best] {
				best = c
			}
		}
		classes[i] = m.Labels[best]
	})
	return classes
}

func (m *Classifier[T]) reader(threads int) *reader[T] {
	return &reader[T]{model: &m.base, cell: m.cell, start: m.start, head: m.head, threads: threads, seq: cell.NewSequence[T]()}
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

	read    *reader[T]   // whose y are the logits
	ones    *cell.Ragged // one row per sequence
	lengths []int
	label   []int32

	g *Classifier[T] // where a running Backward adds

	params func(lo, hi int) // made once: a closure per call would be an allocation
}

// NewPass implements [Model].
func (m *Classifier[T]) NewPass(threads int) Pass[T] {
	p := &classifierPass[T]{passBase: m.newPass(threads), m: m, read: m.reader(threads), ones: new(cell.Ragged)}
	p.params = p.paramGrad
	return p
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
	p.read.read(b, b.X)
	kernels.CategoricalLogProb(p.LogProb, p.label, &kernels.Categorical[T]{Logits: p.read.y}, n, len(p.m.Labels))
}

// Backward implements [Pass].
func (p *classifierPass[T]) Backward(grad Model[T]) {
	if !p.startBackward(p.m, grad) {
		return
	}
	r, n := p.read, p.shape.Batch()
	p.g = grad.(*Classifier[T])
	r.beginBackward()
	kernels.CategoricalLogProbBackward(nil, &kernels.CategoricalGrad[T]{Logits: r.dy}, p.dlp, p.label, &kernels.Categorical[T]{Logits: r.y}, n, len(p.m.Labels))
	r.headBackward(0, n)
	r.backward(p.g.cell, p.g.start)
	par.Do(p.threads, p.threads, p.params)
	p.g = nil
}

func (p *classifierPass[T]) paramGrad(lo, hi int) {
	for i := lo; i < hi; i++ {
		p.read.headGrad(p.g.head, i, p.threads)
	}
}

// Channels implements [Pass].
func (p *classifierPass[T]) Channels(add func(name string, values []T)) {
	p.checkRan("Pass.Channels")
	checkThere("Pass.Channels", "add", add != nil)
	add("logits", p.read.y)
}
