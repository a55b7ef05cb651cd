package model

import (
	"fmt"
	"math"
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

	streamTranspose = 15 // by how much pieces are moved; Update counts epochs

	streamDropoutInput  = 16 // Update counts optimiser steps
	streamDropoutHeads  = 17 // likewise
	streamDropoutHeadsR = 18 // likewise, in a recognition network

	streamGibbs  = 21 // chains of an RBM; Update counts optimiser steps
	streamAnneal = 22 // those of its partition functions; Update as in evaluation

	streamFill   = 23 // what stands for missing values; Update as for z
	streamChoice = 24 // which draws of them go on
	streamGamma  = 25 // draws of the scale of a t distribution when sampling from a model
	streamAccept = 26 // whether one is accepted
	streamFillZ  = 27 // z from which streamFill draws

	streamBinarise = 20 // x drawn from the probabilities in the data; Update as for z
)

// Data is a data set in three parts. Hash identifies its contents; a checkpoint remembers
// it, with Form.
type Data struct {
	Name               string
	Dim                int
	Given              int // numbers of every step of Sequence.Given
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

// Form says what the numbers of a data set stand for: all it takes to turn a file into rows
// as a model has learned them, and rows back into what the data were read from. It is found
// once, on the data that a model is trained on, and kept in its checkpoint; whatever the
// model reads later is read by it.
type Form struct {
	Kind string `json:"kind,omitempty"`
	Rate int    `json:"rate,omitempty"` // roll: steps per quarter note; wave: samples per second
	Rows int    `json:"rows,omitempty"` // image
	Cols int    `json:"cols,omitempty"` // image

	// Builtin names the data if they ship inside the program.
	Builtin string `json:"builtin,omitempty"`

	// Pixels is the way in which the bytes of an image became numbers.
	Pixels string `json:"pixels,omitempty"`

	// Columns are the names of the dimensions of a table, none if it had no names.
	Columns []string `json:"columns,omitempty"`

	// Given says what the conditions of a step are, in the order of their numbers; none if there are
	// none, or if they have no names. GivenFile is the table that they were read from, if that is
	// not the data.
	Given     []Condition `json:"given,omitempty"`
	GivenFile string      `json:"given_file,omitempty"`

	// Held and Shuffle say how a reader has split what came without a split of its own: how
	// many were held out as valid, and whether in another order.
	Held    int  `json:"held,omitempty"`
	Shuffle bool `json:"shuffle,omitempty"`

	// Streams is in how many parts a long sequence is read beside each other in training.
	Streams int `json:"streams,omitempty"`

	// Window and Hop are those of [Windows], 0 where the sequences are whole. HeldHop is that of valid and
	// test, so that no step of them counts twice; 0 is Hop, as it was in earlier versions.
	Window  int `json:"window,omitempty"`
	Hop     int `json:"hop,omitempty"`
	HeldHop int `json:"held_hop,omitempty"`

	// The raw value of dimension j is X*Scale[j] + Offset[j]. One element stands for all
	// dimensions; none means that X is the raw value.
	Offset []float64 `json:"offset,omitempty"`
	Scale  []float64 `json:"scale,omitempty"`

	// Classes is how many values a categorical X can take, 0 if X is not categorical. In
	// text, class k is the k-th character of Symbols; the last one stands for all characters
	// that the training data do not have.
	Classes int    `json:"classes,omitempty"`
	Symbols string `json:"symbols,omitempty"`

	// Levels is how many levels between -1 and 1 X has been quantised to, 0 if it has not.
	Levels int `json:"levels,omitempty"`
}

// Condition is a part of what is given with every step: a number, (raw value - Offset) / Scale, or one
// of Classes, which is as many numbers, a 1 in its place and 0 elsewhere.
type Condition struct {
	Name    string   `json:"name"`
	Classes []string `json:"classes,omitempty"`
	Offset  float64  `json:"offset,omitempty"`
	Scale   float64  `json:"scale,omitempty"`
}

// Width returns how many numbers it is.
func (c Condition) Width() int { return max(len(c.Classes), 1) }

// GivenWidth returns how many numbers the conditions of a step are.
func (f Form) GivenWidth() (n int) {
	for _, c := range f.Given {
		n += c.Width()
	}
	return n
}

// Raw turns x, [rows, dim], into raw values in place.
func (f Form) Raw(x []float32, dim int) {
	if len(f.Scale) == 0 {
		return
	}
	for i, v := range x {
		j := i % dim
		x[i] = float32(float64(float64(v)*f.Scale[min(j, len(f.Scale)-1)]) + f.Offset[min(j, len(f.Offset)-1)])
	}
}

// check reports a form that Raw or a sampler could not use; it may come from a file.
func (f Form) check(dim, given int) error {
	for _, c := range f.Given {
		if len(c.Classes) == 0 && !(c.Scale > 0 && c.Scale <= math.MaxFloat64 && math.Abs(c.Offset) <= math.MaxFloat64) {
			return fmt.Errorf("form: condition %.40q: scale %v, offset %v", c.Name, c.Scale, c.Offset)
		}
	}
	switch {
	case len(f.Given) > 0 && f.GivenWidth() != given:
		return fmt.Errorf("form: conditions of %d numbers, given are %d", f.GivenWidth(), given)
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
	if err := d.Form.check(d.Dim, d.Given); err != nil {
		return fmt.Errorf("model: data set %q: %w", d.Name, err)
	}
	for _, split := range []struct {
		name string
		seqs []Sequence
	}{{"train", d.Train}, {"valid", d.Valid}, {"test", d.Test}} {
		steps := 0
		for i := range split.seqs {
			q := &split.seqs[i]
			if q.Source == nil && len(q.X)%d.Dim != 0 {
				return fmt.Errorf("model: data set %q: %s sequence %d (%s) has %d values, want a multiple of %d", d.Name, split.name, i, q.Name, len(q.X), d.Dim)
			}
			n := q.Steps(d.Dim)
			if len(q.Given) != n*d.Given {
				return fmt.Errorf("model: data set %q: %s sequence %d (%s) has %d numbers in Given, want %d for each of %d steps", d.Name, split.name, i, q.Name, len(q.Given), d.Given, n)
			}
			steps += n
		}
		if steps == 0 {
			return fmt.Errorf("model: data set %q: split %s has no steps", d.Name, split.name)
		}
		c := d.Form.Classes
		if c == 0 {
			continue
		}
		if err := walk(split.seqs, d.Dim, func(i, step int, row []float32) error {
			if v := row[0]; v == v && !(v >= 0 && v < float32(c) && v == float32(int(v))) {
				return fmt.Errorf("model: data set %q: %s sequence %d (%s), step %d: class %v, want a whole number below %d", d.Name, split.name, i, split.seqs[i].Name, step, v, c)
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// Stats are the statistics of the training data that a model starts from.
type Stats struct {
	Steps  int
	Mean   []float64 // per dimension
	Counts []int     // per class, if the data are classes

	linearFit // of [Data.StatsFor], where a model starts from one
}

// Stats returns the statistics of the train split, of the values that are not missing.
func (d *Data) Stats() Stats {
	s := Stats{Mean: make([]float64, d.Dim)}
	gone := make([]int, d.Dim)
	if d.Form.Classes > 0 {
		s.Counts = make([]int, d.Form.Classes)
	}
	walk(d.Train, d.Dim, func(_, _ int, row []float32) error {
		for j, v := range row {
			if v != v {
				gone[j]++
				continue
			}
			s.Mean[j] += float64(v)
			if v >= 0 && v < float32(len(s.Counts)) {
				s.Counts[int(v)]++
			}
		}
		s.Steps++
		return nil
	})
	for j := range s.Mean {
		s.Mean[j] /= float64(max(s.Steps-gone[j], 1))
	}
	return s
}

// byLength returns the order of the sequences by length, shortest first, ties by index.
func byLength(seqs []Sequence, dim int) []int {
	order := make([]int, len(seqs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return seqs[a].Steps(dim) - seqs[b].Steps(dim) })
	return order
}

// cut cuts sequences in the order of byLength into batches of at most size, so that those of a batch are of
// similar length. Batches hold indices, longest first, in the memory of order. What is left over for the last
// batch are the longest sequences.
func cut(order []int, size int) [][]int {
	var batches [][]int
	for batch := range slices.Chunk(order, size) {
		slices.Reverse(batch)
		batches = append(batches, batch)
	}
	return batches
}

// deal cuts the sequences into batches in the given order, so that a batch has sequences of
// all lengths; in each the longest come first, ties as in order.
func deal(seqs []Sequence, dim, size int, order []int) [][]int {
	var batches [][]int
	for batch := range slices.Chunk(order, size) {
		slices.SortStableFunc(batch, func(a, b int) int { return seqs[b].Steps(dim) - seqs[a].Steps(dim) })
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
func segment[T cell.Float](b *Batch[T], seqs []Sequence, batch []int, c Config, from, steps, samples, row0 int) {
	dim, given := c.Data, c.given()
	lengths := make([]int, 0, len(batch)*samples)
	for _, i := range batch {
		n := seqs[i].Steps(dim) - from
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
	b.Given, b.Mask = pages.Grow(b.Given, b.Shape.Rows()*given), nil
	for k := range lengths {
		s := &seqs[batch[k/samples]]
		b.Label[k] = s.Label
		if lengths[k] <= 0 {
			continue
		}
		rows := s.X
		if s.Source == nil {
			rows = rows[from*dim:]
		} else {
			b.rows = pages.Grow(b.rows, lengths[k]*dim)
			rows = b.rows
			s.Source.Read(rows, from)
		}
		for t := range lengths[k] {
			at := b.Shape.Row(t, k)
			row := b.X[at*dim:][:dim]
			convert(row, rows[t*dim:])
			b.note(row, at*dim)
			if given > 0 {
				convert(b.Given[at*given:][:given], s.Given[(from+t)*given:])
			}
			if s.Binarise {
				b.u = pages.Grow(b.u, dim)
				binarise(row, b.u, b.Noise, uint32(b.Step0+from+t), uint32(row0+k/samples))
			}
		}
	}
}

// note enters in the mask what is missing in a row that is in X from element at on.
func (b *Batch[T]) note(row []T, at int) {
	for j, v := range row {
		if v == v {
			continue
		}
		if b.Mask == nil {
			b.mask = pages.Grow(b.mask, len(b.X))
			b.Mask = b.mask
			fill(b.Mask, 1)
		}
		b.Mask[at+j] = 0
	}
}

// convert overwrites dst with the first numbers of src.
func convert[T cell.Float](dst []T, src []float32) {
	if same, ok := any(dst).([]float32); ok {
		copy(same, src)
		return
	}
	for j := range dst {
		dst[j] = T(src[j])
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
