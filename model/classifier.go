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
	Config

	cell  *cell.Recurrent[T]
	start *vector[T] // h_0
	head  *cell.Dense[T]

	classes map[string]int32
}

// vector is a layer that is nothing but one parameter.
type vector[T cell.Float] struct {
	v      []T
	packed []T // v at Pack
}

func (v *vector[T]) Tensors() []cell.Tensor[T] {
	return []cell.Tensor[T]{{Name: "h", Shape: []int{len(v.v)}, Data: v.v}}
}

// Pack remembers the parameter, which is read from where it is.
func (v *vector[T]) Pack() { v.packed = append(v.packed[:0], v.v...) }

// PackForTraining is Pack.
func (v *vector[T]) PackForTraining() { v.Pack() }

// newClassifier returns a model with all parameters 0 for a configuration that was
// resolved.
func newClassifier[T cell.Float](c Config) Model[T] {
	m := &Classifier[T]{Config: c, cell: cell.NewRecurrent[T](c.kind(), c.Data, c.Hidden), start: &vector[T]{v: make([]T, c.Hidden)},
		head: cell.NewDense[T](c.Hidden, len(c.Labels), cell.Linear), classes: map[string]int32{}}
	for i, name := range c.Labels {
		m.classes[name] = int32(i)
	}
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

// checkLabelsOf reports sequences of other classes than those of the classifier.
func (c Config) checkLabelsOf(d *Data) error {
	for _, seqs := range [][]Sequence{d.Train, d.Valid, d.Test} {
		for _, s := range seqs {
			if !slices.Contains(c.Labels, s.Label) {
				return fmt.Errorf("sequence %q has the label %q, which is not one of the classes", s.Name, s.Label)
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

// classifierLandmarks is [Config.landmarks] for the classifier.
func (c Config) classifierLandmarks() []landmark {
	g := c.kind().Gates()
	return []landmark{
		{"cell.wih", []int{g * c.Hidden, c.Data}},
		{"cell.whh", []int{g * c.Hidden, c.Hidden}},
		{"head.w", []int{len(c.Labels), c.Hidden}},
	}
}

func (m *Classifier[T]) parts() []part[T] {
	return []part[T]{{"cell", m.cell}, {"start", m.start}, {"head", m.head}}
}

// Settings implements [Model].
func (m *Classifier[T]) Settings() Config { return m.Config }

// Tensors implements [Model].
func (m *Classifier[T]) Tensors() []cell.Tensor[T] { return partTensors(m.parts()) }

// Constants implements [Model]: there are none.
func (m *Classifier[T]) Constants() []cell.Tensor[T] { return nil }

// State implements [Model]: sequences are not cut.
func (m *Classifier[T]) State() int { return 0 }

// Init implements [Model]. The start state is 0.
func (m *Classifier[T]) Init(seed uint64, _ Stats) {
	d := newInitialiser[T](m, seed)
	d.recurrent(m.cell)
	clear(m.start.v)
	d.dense(m.head)
}

// NewGrad implements [Model].
func (m *Classifier[T]) NewGrad() Model[T] {
	return &Classifier[T]{Config: m.Config, cell: m.cell.NewGrad(), start: &vector[T]{v: make([]T, m.Hidden)}, head: m.head.NewGrad(), classes: m.classes}
}

// Pack implements [Model].
func (m *Classifier[T]) Pack() { packParts(m.parts(), false) }

// PackBF16 implements [BF16Packer].
func (m *Classifier[T]) PackBF16() {
	m.Pack()
	m.cell.PackBF16()
}

// PackForTraining implements [Model].
func (m *Classifier[T]) PackForTraining() { packParts(m.parts(), true) }

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
	checkPacked("Classifier.FromDecoder", v.packed(false))
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
	checkPacked(fn, m.packed(false))
	EvalConfig{Batch: batch, Threads: threads}.check(fn)
	checkSequences(fn, seqs, m.Data)
	classes := make([]string, len(seqs))
	n := len(m.Labels)
	p := m.newPass(threads)
	var b Batch[T]
	for _, places := range cut(seqs, m.Data, batch) {
		segment(&b, seqs, places, m.Data, 0, 0, 1, 0)
		p.read(&b)
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
	tally[T]

	m       *Classifier[T]
	threads int
	seq     *cell.Sequence[T]
	ones    *cell.Ragged // one row per sequence
	lengths []int

	rev, x, h0, h, logits []T
	label                 []int32

	dlp, dlogits, dh, dh0 []T

	grad *Classifier[T]

	params func(lo, hi int) // made once: a closure per call would be an allocation
}

// NewPass implements [Model].
func (m *Classifier[T]) NewPass(threads int) Pass[T] { return m.newPass(threads) }

func (m *Classifier[T]) newPass(threads int) *classifierPass[T] {
	checkThreads("NewPass", threads)
	checkMade("NewPass", m.head != nil)
	p := &classifierPass[T]{m: m, threads: max(threads, 1), seq: cell.NewSequence[T](), ones: new(cell.Ragged)}
	p.params = p.paramGrad
	return p
}

// read computes the logits of every sequence of b.
func (p *classifierPass[T]) read(b *Batch[T]) {
	m, rows, n := p.m, b.Shape.Rows(), b.Shape.Batch()
	p.x = b.X
	if m.Reverse {
		p.rev = pages.Grow(p.rev, rows*m.Data)
		cell.Reverse(b.Shape, p.rev, b.X, m.Data)
		p.x = p.rev
	}
	p.h0, p.h, p.logits = pages.Grow(p.h0, n*m.Hidden), pages.Grow(p.h, n*m.Hidden), pages.Grow(p.logits, n*len(m.Labels))
	kernels.SetRows(p.h0, m.start.v, n, m.Hidden, m.Hidden)
	m.cell.Forward(p.seq, b.Shape, p.x, p.h0, nil, p.threads)
	p.seq.Final(p.h, nil)
	m.head.Forward(p.logits, p.h, n)
}

// Forward implements [Pass]. The labels of the batch are among the classes.
func (p *classifierPass[T]) Forward(b *Batch[T], obj Objective, training bool) {
	checkPacked("Pass.Forward", p.m.packed(training))
	checkBatch(p.m.Config, 0, b, obj)
	n := b.Shape.Batch()
	checkLen("Pass.Forward", "b.Label", len(b.Label), n, 1)
	p.label = pages.Grow(p.label, n)
	for i := range n {
		y, ok := p.m.classes[b.Label[i]]
		if !ok {
			panic(fmt.Sprintf("model: Pass.Forward: b.Label[%d] = %q, want one of the classes %q", i, b.Label[i], p.m.Labels))
		}
		p.label[i] = y
	}
	p.lengths = pages.Grow(p.lengths, n)
	for i := range p.lengths {
		p.lengths[i] = 1
	}
	p.ones.Reset(p.lengths)
	p.begin(obj, p.ones, false, training)
	p.read(b)
	kernels.CategoricalLogProb(p.LogProb, p.label, p.logits, n, len(p.m.Labels))
}

// Backward implements [Pass].
func (p *classifierPass[T]) Backward(grad Model[T]) {
	checkPacked("Pass.Backward", p.m.packed(true))
	p.goBack(p.m, grad)
	m, n := p.m, p.shape.Batch()
	g := grad.(*Classifier[T])
	p.grad = g
	p.dlp, p.dlogits = pages.Grow(p.dlp, n), pages.Grow(p.dlogits, n*len(m.Labels))
	p.dh, p.dh0 = pages.Grow(p.dh, n*m.Hidden), pages.Grow(p.dh0, n*m.Hidden)
	p.tally.grad(p.dlp, nil)
	kernels.CategoricalLogProbBackward(nil, p.dlogits, p.dlp, p.label, p.logits, n, len(m.Labels))
	m.head.InputGrad(p.dh, p.dlogits, n, 0, m.Hidden, false)
	m.cell.Backward(p.seq, g.cell, cell.Grads[T]{DHn: p.dh, DH0: p.dh0}, p.x, p.threads)
	kernels.AddColumnSums(g.start.v, p.dh0, n, m.Hidden, m.Hidden)
	par.Do(p.threads, m.head.Out, p.params)
	p.grad = nil
}

func (p *classifierPass[T]) paramGrad(lo, hi int) {
	p.m.head.ParamGrad(p.grad.head, p.dlogits, p.h, p.shape.Batch(), 0, p.m.Hidden, lo, hi)
}

// Final implements [Pass]: a sequence is never cut, so there is nothing to carry.
func (p *classifierPass[T]) Final(_, _ []T) { p.checkRan("Pass.Final") }

// Channels implements [Pass].
func (p *classifierPass[T]) Channels(add func(name string, values []T)) {
	p.checkRan("Pass.Channels")
	checkThere("Pass.Channels", "add", add != nil)
	add("logits", p.logits)
}
