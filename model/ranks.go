package model

import (
	"bytes"
	"context"
	"encoding/gob"
	"fmt"
	"slices"

	"github.com/elbow-go/elbow/dist"
)

// Join has the training share out its shards among the ranks of comm: all of them make the same training, with
// the same settings and data, and every one computes neighbouring shards. Its bits are those of one
// process. It is called once, before Run, by all ranks; only one of them should have a Dir and what else leaves
// something. The error is that there are more ranks than shards.
//
// A rank lets go of the values, X, of sequences for training and validation that others read: Data becomes a copy in
// which those have a Source that only knows how many steps they have. With Reshuffle or Transpose any rank may read any
// sequence for training, so all of those stay.
//
// When the context of one rank ends, all stop after the update. A rank whose Run returns another error ends
// the others with [dist.Comm.Abort]: they wait for it otherwise.
func (t *Trainer) Join(comm *dist.Comm) error {
	checkThere("Trainer.Join", "the model of a trainer that is not from NewTrainer or Resume", t.shards != nil)
	count := len(t.shards.sums)
	if comm.Size() > count {
		return fmt.Errorf("model: %d ranks, but a batch is in %d shards: want at least as many", comm.Size(), count)
	}
	t.shards = newShards(t.Model, count, t.Config.Threads, comm)
	t.shards.gradTo(t.grad)
	if t.ema != nil {
		t.ema.shards = newShards(t.ema.model, count, t.Config.Threads, comm)
	}
	t.forget()
	return nil
}

// forget lets go of the sequences that other ranks read. Those with a Source stay, which does not hold rows.
func (t *Trainer) forget() {
	d, s := *t.Data, t.shards
	if !t.Config.Reshuffle && t.moves == nil { // otherwise any rank may read any of them
		read := make([]bool, len(d.Train))
		for _, batch := range t.cuts {
			s.split(len(batch), func(i int) int { return d.Train[batch[i]].Steps(d.Dim) })
			for _, i := range batch[s.bounds[s.lo]:s.bounds[s.hi]] {
				read[i] = true
			}
		}
		d.Train = keep(d.Train, d.Dim, read)
		t.train = d.Train
	}
	read, scored := make([]bool, len(d.Valid)), s.scored(d.Valid)
	for shard := s.lo; shard < s.hi; shard++ {
		for _, i := range scored(shard) {
			read[i] = true
		}
	}
	d.Valid = keep(d.Valid, d.Dim, read)
	t.Data = &d
}

// keep returns sequences of which those that are not read know no more than how many steps they have.
func keep(seqs []Sequence, dim int, read []bool) []Sequence {
	seqs = slices.Clone(seqs)
	for i := range seqs {
		if s := &seqs[i]; !read[i] && s.Source == nil {
			s.Source, s.X = unread(s.Steps(dim)), nil
		}
	}
	return seqs
}

// unread is a sequence of so many steps that another rank reads.
type unread int

// Steps implements [Source].
func (n unread) Steps() int { return int(n) }

// Read implements [Source]: it panics.
func (n unread) Read([]float32, int) { panic("model: a sequence is read that another rank has") }

// asked returns the error of ctx or, with several ranks, of that of any one, when all know of it.
func (t *Trainer) asked(ctx context.Context) error {
	err := ctx.Err()
	if t.shards.comm.Size() == 1 {
		return err
	}
	t.shards.stopping = err != nil
	if t.shards.stopped {
		return context.Canceled
	}
	return nil
}

// message is what a rank tells the others of its shards.
type message struct {
	Sums []shardSum
	Rows []int
	H, C []float32 // the states of their rows
	Stop bool
}

// tell exchanges what shards have come to with all other ranks.
func (s *shards) tell(carry bool) error {
	states := func(lo, hi int) (h, c []float32) {
		if !carry {
			return nil, nil
		}
		n := s.segment.samples * s.model.State()
		return s.h[s.bounds[lo]*n : s.bounds[hi]*n], s.c[s.bounds[lo]*n : s.bounds[hi]*n]
	}
	own := message{Sums: s.sums[s.lo:s.hi], Rows: s.rows[s.lo:s.hi], Stop: s.stopping}
	own.H, own.C = states(s.lo, s.hi)
	all, err := gathered(s.comm, []message{own})
	if err != nil {
		return err
	}
	for r, m := range all {
		lo, hi := dist.Share(len(s.sums), r, len(all))
		copy(s.sums[lo:hi], m.Sums)
		copy(s.rows[lo:hi], m.Rows)
		h, c := states(lo, hi)
		copy(h, m.H)
		copy(c, m.C)
		s.stopped = s.stopped || m.Stop
	}
	return nil
}

// gathered returns what all ranks have, by rank.
func gathered[V any](comm *dist.Comm, own []V) (all []V, err error) {
	var out bytes.Buffer
	if err := gob.NewEncoder(&out).Encode(own); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	texts, err := comm.Gather(out.Bytes())
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	for r, text := range texts {
		var part []V
		if err := gob.NewDecoder(bytes.NewReader(text)).Decode(&part); err != nil {
			return nil, fmt.Errorf("model: rank %d: %w", r, err)
		}
		all = append(all, part...)
	}
	return all, nil
}
