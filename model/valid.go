package model

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/size"
)

// The checks of what callers give. What does not fit is their bug and panics with function,
// argument, got and want, before anything is written. Products of sizes cannot overflow.

// The largest numbers that a caller may ask for: sequences of a batch or draws of one in a pass,
// and draws in an evaluation, which makes them in many passes.
const (
	maxBatch       = 1 << 20
	maxEvalSamples = 1 << 30
)

// maxShards bounds the parts of a batch: each of them has a sum of its own.
const maxShards = 1 << 12

// checkSize panics unless arg is within least..most.
func checkSize(fn, arg string, got, least, most int) {
	if got < least || got > most {
		panic(fmt.Sprintf("model: %s: %s = %d, want %d..%d", fn, arg, got, least, most))
	}
}

// checkLen panics unless slice arg has room for rows of cols columns. A negative number of
// either is taken for a very large one.
func checkLen(fn, arg string, got, rows, cols int) {
	if size.Mul(rows, cols) > got {
		panic(fmt.Sprintf("model: %s: len(%s) = %d, want at least %d*%d", fn, arg, got, rows, cols))
	}
}

// checkExact panics unless slice arg has rows of cols columns and no more: what more there is would be
// ignored.
func checkExact(fn, arg string, got, rows, cols int) {
	if size.Mul(rows, cols) != got {
		panic(fmt.Sprintf("model: %s: len(%s) = %d, want %d*%d", fn, arg, got, rows, cols))
	}
}

// checkThere panics if a value that a function cannot do without is not there.
func checkThere(fn, arg string, there bool) {
	if !there {
		panic(fmt.Sprintf("model: %s: %s is nil", fn, arg))
	}
}

// checkMade panics if a model is the zero value of its type.
func checkMade(fn string, made bool) {
	if !made {
		panic("model: " + fn + ": the model is a zero value, want one from New or Load")
	}
}

// checkThreads panics unless there may be so many goroutines; 0 is one.
func checkThreads(fn string, threads int) { checkSize(fn, "threads", threads, 0, cell.MaxThreads) }

// checkResult panics unless count sequences of steps steps of dim values can be in one slice.
func checkResult(fn string, count, steps, dim int) {
	checkSize(fn, "count", count, 0, cell.MaxWeights)
	checkSize(fn, "steps", steps, 0, cell.MaxWeights)
	if size.Mul(size.Mul(count, steps), dim) > cell.MaxWeights {
		panic(fmt.Sprintf("model: %s: count*steps*data = %d*%d*%d, want at most %d", fn, count, steps, dim, cell.MaxWeights))
	}
}

// checkSample is checkResult for values that go to dst.
func checkSample(fn string, dst, count, steps, dim int) {
	checkResult(fn, count, steps, dim)
	checkLen(fn, "dst", dst, count*steps, dim)
}

// checkSequences panics unless all sequences consist of whole steps with the conditions of each.
func checkSequences(fn string, seqs []Sequence, c Config) {
	for i := range seqs {
		s := &seqs[i]
		if s.Source == nil && len(s.X)%c.Data != 0 {
			panic(fmt.Sprintf("model: %s: len(seqs[%d].X) = %d, want a multiple of data = %d", fn, i, len(s.X), c.Data))
		}
		if steps, given := s.Steps(c.Data), c.given(); len(s.Given) != steps*given {
			panic(fmt.Sprintf("model: %s: len(seqs[%d].Given) = %d, want steps*given = %d*%d", fn, i, len(s.Given), steps, given))
		}
	}
}

// checkBatch panics unless a pass of the model can work on b.
func (m *base[T]) checkBatch(b *Batch[T], obj Objective, training bool) {
	const fn = "Pass.Forward"
	checkThere(fn, "b", b != nil)
	checkThere(fn, "b.Shape", b.Shape != nil)
	n, rows := b.Shape.Batch(), b.Shape.Rows()
	checkLen(fn, "b.X", len(b.X), rows, m.Data)
	if b.Mask != nil {
		checkLen(fn, "b.Mask", len(b.Mask), rows, m.Data)
		if err := m.masks(); err != nil {
			panic("model: " + fn + ": b.Mask: " + err.Error())
		}
	}
	checkExact(fn, "b.Given", len(b.Given), rows, m.given())
	if b.H != nil {
		checkLen(fn, "b.H", len(b.H), n, m.state)
	}
	if b.C != nil {
		checkLen(fn, "b.C", len(b.C), n, m.state)
	}
	if b.Row0 < 0 || uint64(b.Row0)+uint64(n) > 1<<32 {
		panic(fmt.Sprintf("model: %s: b.Row0 = %d, want at least 0 and, with the batch of %d, at most 2^32", fn, b.Row0, n))
	}
	if b.Step0 < 0 || uint64(b.Step0)+uint64(b.Shape.Steps()) > 1<<32 || training && b.Step0 > 0 {
		panic(fmt.Sprintf("model: %s: b.Step0 = %d, want at least 0 and, with the steps of the batch, at most 2^32; in training 0", fn, b.Step0))
	}
	checkSize(fn, "obj.Samples", obj.Samples, 0, maxBatch)
	obj.Anneal.check(fn, "obj.Anneal")
	if !m.kind.knows(obj.Method) {
		panic(fmt.Sprintf("model: %s: obj.Method = %.40q, which is none for a %s", fn, obj.Method, m.Model))
	}
	if l, ok := m.like.(indexed[T]); ok {
		l.checkIndices(fn, b.X[:rows], b.Mask)
	}
}

// stage is how far the use of a pass has come.
type stage uint8

const (
	fresh     stage = iota
	forward         // Forward, for the terms only
	trainable       // Forward, with what Backward needs
	backward        // Backward
)

// checkRan panics unless there was a Forward.
func (y *tally[T]) checkRan(fn string) {
	if y.stage == fresh {
		panic("model: " + fn + ": call Pass.Forward first")
	}
}

// goBack panics unless Backward may follow the last Forward of a pass of m, and grad can hold the
// gradient. Backward uses up what Forward has left.
func (y *tally[T]) goBack(m, grad Model[T]) {
	const fn = "Pass.Backward"
	y.checkRan(fn)
	switch y.stage {
	case forward:
		panic("model: " + fn + ": the last Pass.Forward was not for training")
	case backward:
		panic("model: " + fn + ": the last Pass.Forward has gone backward already")
	}
	if grad == nil || grad != y.grads {
		checkGrad(fn, m, grad)
		y.grads = grad
	}
	y.stage = backward
}

// checkGrad panics unless grad is a model of the kind and the sizes of m.
func checkGrad[T cell.Float](fn string, m, grad Model[T]) {
	if grad == nil || reflect.TypeOf(grad) != reflect.TypeOf(m) || reflect.ValueOf(grad).IsNil() {
		panic(fmt.Sprintf("model: %s: grad is a %T, want a %T from NewGrad", fn, grad, m))
	}
	want, got := m.Tensors(), grad.Tensors()
	same := slices.EqualFunc(want, got, func(a, b cell.Tensor[T]) bool { return a.Name == b.Name && len(a.Data) == len(b.Data) })
	if !same {
		panic(fmt.Sprintf("model: %s: the tensors of grad are not those of the model, want one from NewGrad", fn))
	}
}

// checkStates panics unless h and c have room for the states of a batch.
func checkStates(h, c, batch, state int) {
	checkLen("Pass.Final", "h", h, batch, state)
	checkLen("Pass.Final", "c", c, batch, state)
}

// check panics unless sequences can be scored so.
func (c EvalConfig) check(fn string) {
	checkSize(fn, "Batch", c.Batch, 1, maxBatch)
	checkSize(fn, "Samples", c.Samples, 0, maxEvalSamples)
	checkSize(fn, "Shards", c.Shards, 0, maxShards)
	checkThreads(fn, c.Threads)
	c.Anneal.check(fn, "Anneal")
}

// checkStats panics unless the statistics are of data of dim dimensions and so many classes.
func checkStats(fn string, s Stats, dim, classes int) {
	if len(s.Mean) != dim {
		panic(fmt.Sprintf("model: %s: len(stats.Mean) = %d, want %d", fn, len(s.Mean), dim))
	}
	if len(s.Counts) > classes && classes > 0 {
		panic(fmt.Sprintf("model: %s: len(stats.Counts) = %d, want at most %d", fn, len(s.Counts), classes))
	}
	checkSize(fn, "stats.Steps", s.Steps, 0, int(^uint(0)>>1))
}

// checkWeights reports a matrix that is too large to be made. The sizes of c are resolved.
func (c Config) checkWeights() error {
	for _, l := range c.landmarks() {
		n := uint64(1)
		for _, size := range l.shape {
			n *= uint64(size) // below 2^19 each
		}
		if n > cell.MaxWeights {
			return fmt.Errorf("model: %s would have %v elements, want at most %d: make the model smaller", l.name, l.shape, cell.MaxWeights)
		}
	}
	return nil
}
