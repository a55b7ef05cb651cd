package model

import (
	"fmt"
	"slices"

	"github.com/elbow-go/elbow/cell"
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
)

// Sequence is one sequence of a data set: X is [steps, Dim].
type Sequence struct {
	Name  string
	Label string // the class it belongs to, if that is known; only a classifier sees it
	X     []float32
}

// Data is a data set in three parts. Hash identifies its contents; a checkpoint remembers
// it.
type Data struct {
	Name               string
	Dim                int
	Hash               string
	Train, Valid, Test []Sequence
}

// Check reports a data set that cannot be trained on.
func (d *Data) Check() error {
	if d.Dim < 1 {
		return fmt.Errorf("model: data set %q: %d dimensions, want at least 1", d.Name, d.Dim)
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
		}
		if steps == 0 {
			return fmt.Errorf("model: data set %q: split %s has no steps", d.Name, split.name)
		}
	}
	return nil
}

// Stats are the statistics of the training data that a model starts from.
type Stats struct {
	Steps int
	Mean  []float64 // per dimension
}

// Stats returns the statistics of the train split.
func (d *Data) Stats() Stats {
	s := Stats{Mean: make([]float64, d.Dim)}
	for _, q := range d.Train {
		for i, v := range q.X {
			s.Mean[i%d.Dim] += float64(v)
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

// shuffle returns the order of n batches in an epoch.
func shuffle(n int, seed uint64, epoch int) []int {
	order := make([]int, n)
	kernels.Shuffle(order, kernels.Noise{Seed: seed, Stream: streamShuffle, Update: uint32(epoch)}, 0, 0)
	return order
}

// segment fills b with the steps from..from+steps of the sequences in the batch, as far as
// they have them, every sequence samples times; steps 0 means all. The sequences that have
// none are left out: they are the last ones, so the others keep their places.
func segment[T cell.Float](b *Batch[T], seqs []Sequence, batch []int, dim, from, steps, samples int) {
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
	b.X, b.Label = grow(b.X, b.Shape.Rows()*dim), grow(b.Label, len(lengths))
	for k := range lengths {
		b.Label[k] = seqs[batch[k/samples]].Label
		x := seqs[batch[k/samples]].X
		for t := range lengths[k] {
			row := b.X[b.Shape.Row(t, k)*dim:][:dim]
			for j, v := range x[(from+t)*dim : (from+t+1)*dim] {
				row[j] = T(v)
			}
		}
	}
}
