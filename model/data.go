package model

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/kernels"
)

// The noise streams. Draws of different streams have nothing in common, so each use of
// randomness can be repeated on its own.
const (
	streamInit    = 1 // initial parameters; Update counts tensors
	streamTrain   = 2 // z in training; Update counts optimiser steps
	streamEval    = 3 // z in evaluation; Update is 0, so that every epoch sees the same draws
	streamShuffle = 4 // order of the batches; Update counts epochs
	streamPrior   = 5 // z when sampling from a model
	streamOutput  = 6 // x when sampling from a model
	streamClass   = 7 // its component or class
	streamDropout = 8 // Update counts optimiser steps

	streamDropoutR = 9  // likewise, in a recognition network
	streamItems    = 10 // order in which sequences are dealt; Update counts epochs
	streamWeights  = 11 // draws of the parameters; Update counts optimiser steps
	streamDreamZ   = 12 // z of the sleep phase, likewise
	streamDreamX   = 13 // x of the sleep phase, likewise
	streamPen      = 14 // pen bit when sampling from a model

	streamBinarise = 20 // x drawn from the probabilities in the data; Update as for z
)

// Sequence is one sequence of a data set: X is [steps, Dim].
type Sequence struct {
	Name  string
	Label string // the class it belongs to, if that is known; only a classifier sees it
	X     []float32

	// Binarise says that X are probabilities: a model sees ones and zeros that are drawn
	// from them again each time the sequence is put into a batch. The draw depends on the
	// noise of the batch, on the step and on the row, so every update of a training sees
	// another one and every evaluation with one seed the same.
	Binarise bool
}

// Data is a data set in three parts. Hash identifies its contents; a checkpoint remembers
// it, with Form.
type Data struct {
	Name               string
	Dim                int
	Hash               string
	Form               Form
	Train, Valid, Test []Sequence
}

// The kinds of data.
const (
	FormRoll    = "roll"    // piano rolls: a dimension is a key
	FormWave    = "wave"    // sound: a step is a frame of samples
	FormImage   = "image"   // a sequence of one step, an image row by row
	FormStrokes = "strokes" // pen_up, dx, dy
	FormText    = "text"    // Dim is 1, X holds the index of a symbol
	FormSeries  = "series"  // any other real numbers
)

// Form says what the numbers of a data set stand for, as far as it takes to turn what a
// model has drawn back into what the data were read from.
type Form struct {
	Kind string `json:"kind,omitempty"`
	Rate int    `json:"rate,omitempty"` // roll: steps per quarter note; wave: samples per second
	Rows int    `json:"rows,omitempty"` // image
	Cols int    `json:"cols,omitempty"` // image

	// Window and Hop are those of [Windows], 0 where the sequences are whole.
	Window int `json:"window,omitempty"`
	Hop    int `json:"hop,omitempty"`

	// The raw value of dimension j is X*Scale[j] + Offset[j]. One element stands for all
	// dimensions; none means that X is the raw value.
	Offset []float64 `json:"offset,omitempty"`
	Scale  []float64 `json:"scale,omitempty"`

	// Classes is how many values a categorical X can take, 0 if X is not categorical. In
	// text, class k is the k-th character of Symbols.
	Classes int    `json:"classes,omitempty"`
	Symbols string `json:"symbols,omitempty"`

	// Levels is how many levels between -1 and 1 X has been quantised to, 0 if it has not.
	Levels int `json:"levels,omitempty"`
}

// Raw turns x, [rows, dim], into raw values in place.
func (f Form) Raw(x []float32, dim int) {
	if len(f.Scale) == 0 {
		return
	}
	for i, v := range x {
		j := i % dim
		x[i] = float32(float64(v)*f.Scale[min(j, len(f.Scale)-1)] + f.Offset[min(j, len(f.Offset)-1)])
	}
}

// check reports a form that Raw or a sampler could not use; it may come from a file.
func (f Form) check(dim int) error {
	switch {
	case len(f.Scale) != len(f.Offset) || len(f.Scale) > 1 && len(f.Scale) != dim:
		return fmt.Errorf("form: %d scales and %d offsets for %d dimensions", len(f.Scale), len(f.Offset), dim)
	case f.Kind == FormImage && (f.Rows < 1 || f.Cols < 1 || f.Rows > dim || f.Cols > dim || f.Rows*f.Cols != dim):
		return fmt.Errorf("form: image of %d x %d in %d dimensions", f.Rows, f.Cols, dim)
	case f.Classes < 0 || f.Classes > maxSize || f.Classes > 0 && dim != 1:
		return fmt.Errorf("form: %d classes in %d dimensions", f.Classes, dim)
	case f.Kind == FormText && utf8.RuneCountInString(f.Symbols) != f.Classes:
		return fmt.Errorf("form: %d symbols for %d classes", utf8.RuneCountInString(f.Symbols), f.Classes)
	case f.Levels < 0 || f.Levels > maxSize:
		return fmt.Errorf("form: %d levels", f.Levels)
	case f.Rate < 0 || f.Rate > 1<<20:
		return fmt.Errorf("form: rate %d", f.Rate)
	}
	return nil
}

// Check reports a data set that cannot be trained on.
func (d *Data) Check() error {
	if d.Dim < 1 {
		return fmt.Errorf("model: data set %q: %d dimensions, want at least 1", d.Name, d.Dim)
	}
	if err := d.Form.check(d.Dim); err != nil {
		return fmt.Errorf("model: data set %q: %w", d.Name, err)
	}
	for _, split := range []struct {
		name string
		seqs []Sequence
	}{{"train", d.Train}, {"valid", d.Valid}, {"test", d.Test}} {
		steps := 0
		for i, s := range split.seqs {
			if len(s.X)%d.Dim != 0 {
				return fmt.Errorf("model: data set %q: %s sequence %d (%s) has %d values, want a multiple of %d", d.Name, split.name, i, s.Name, len(s.X), d.Dim)
			}
			steps += len(s.X) / d.Dim
			for k, v := range s.X {
				if c := d.Form.Classes; c > 0 && !(v >= 0 && v < float32(c) && v == float32(int(v))) {
					return fmt.Errorf("model: data set %q: %s sequence %d (%s), step %d: class %v, want a whole number below %d", d.Name, split.name, i, s.Name, k, v, c)
				}
			}
		}
		if steps == 0 {
			return fmt.Errorf("model: data set %q: split %s has no steps", d.Name, split.name)
		}
	}
	return nil
}

// Stats are the statistics of the training data that a model starts from.
type Stats struct {
	Steps  int
	Mean   []float64 // per dimension
	Counts []int     // per class, if the data are classes
}

// Stats returns the statistics of the train split.
func (d *Data) Stats() Stats {
	s := Stats{Mean: make([]float64, d.Dim)}
	if d.Form.Classes > 0 {
		s.Counts = make([]int, d.Form.Classes)
	}
	for _, q := range d.Train {
		for i, v := range q.X {
			s.Mean[i%d.Dim] += float64(v)
			if v >= 0 && v < float32(len(s.Counts)) {
				s.Counts[int(v)]++
			}
		}
		s.Steps += len(q.X) / d.Dim
	}
	for j := range s.Mean {
		s.Mean[j] /= float64(max(s.Steps, 1))
	}
	return s
}

// cut sorts the sequences by length, ties by index, and cuts them into batches of at most
// size sequences, so that those of a batch are of similar length. Batches hold indices into
// seqs, longest first. What is left over for the last batch are the longest sequences.
func cut(seqs []Sequence, size int) [][]int {
	order := make([]int, len(seqs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return len(seqs[a].X) - len(seqs[b].X) })
	var batches [][]int
	for batch := range slices.Chunk(order, size) {
		slices.Reverse(batch)
		batches = append(batches, batch)
	}
	return batches
}

// deal cuts the sequences into batches in the given order, so that a batch has sequences of
// all lengths; in each the longest come first, ties as in order.
func deal(seqs []Sequence, size int, order []int) [][]int {
	var batches [][]int
	for batch := range slices.Chunk(order, size) {
		slices.SortStableFunc(batch, func(a, b int) int { return len(seqs[b].X) - len(seqs[a].X) })
		batches = append(batches, batch)
	}
	return batches
}

// shuffle returns the order of n batches, or sequences, in an epoch.
func shuffle(n int, stream uint8, seed uint64, epoch int) []int {
	order := make([]int, n)
	kernels.Shuffle(order, kernels.Noise{Seed: seed, Stream: stream, Update: uint32(epoch)}, 0, 0)
	return order
}

// segment fills b with the steps from..from+steps of the sequences in the batch, as far as
// they have them, every sequence samples times; steps 0 means all. The sequences that have
// none are left out: they are the last ones, so the others keep their places. The noise of
// b, with row0 and on as rows, chooses the draws of sequences that are to be binarised: one
// for all samples.
func segment[T cell.Float](b *Batch[T], seqs []Sequence, batch []int, dim, from, steps, samples, row0 int) {
	lengths := make([]int, 0, len(batch)*samples)
	for _, i := range batch {
		n := len(seqs[i].X)/dim - from
		if steps > 0 {
			n = min(n, steps)
		}
		if n > 0 || from == 0 {
			for range samples {
				lengths = append(lengths, n)
			}
		}
	}
	if b.Shape == nil {
		b.Shape = new(cell.Ragged)
	}
	b.Shape.Reset(lengths)
	b.X, b.Label = pages.Grow(b.X, b.Shape.Rows()*dim), pages.Grow(b.Label, len(lengths))
	for k := range lengths {
		s := seqs[batch[k/samples]]
		b.Label[k] = s.Label
		for t := range lengths[k] {
			row, x := b.X[b.Shape.Row(t, k)*dim:][:dim], s.X[(from+t)*dim:(from+t+1)*dim]
			if same, ok := any(row).([]float32); ok {
				copy(same, x)
			} else {
				for j, v := range x {
					row[j] = T(v)
				}
			}
			if s.Binarise {
				b.u = pages.Grow(b.u, dim)
				binarise(row, b.u, b.Noise, uint32(from+t), uint32(row0+k/samples))
			}
		}
	}
}

// binarise replaces the probabilities p of one row by ones and zeros drawn from them. u is
// scratch of the same length.
func binarise[T cell.Float](p, u []T, noise kernels.Noise, step, row uint32) {
	noise.Stream = streamBinarise
	kernels.Uniforms(u, noise, step, row, 1, len(p))
	for j, v := range p {
		p[j] = 0
		if u[j] < v {
			p[j] = 1
		}
	}
}
