package cell

import (
	"fmt"

	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/kernels"
)

// Ragged is the shape of a batch of sequences of different lengths, stored time-major and
// without padding: step t holds the rows of the sequences that are still running, steps
// follow each other.
//
//	lengths 4 2 1      step 0: rows 0 1 2     step 1: rows 3 4     step 2: row 5     step 3: row 6
//
// Lengths must not increase, so the sequences that are running at step t are always the
// first n_t of the batch and sequence b is row b of every step it takes part in. A matrix
// over the whole batch has Rows() rows, the sum of the lengths, and work outside a
// recurrent loop treats it as one matrix.
//
// A zero Ragged has no shape yet; its methods panic until Reset gives it one.
type Ragged struct {
	lengths []int
	count   []int  // rows of step t
	off     []int  // first row of step t; off[steps] = all rows
	version uint64 // counts what it has been
}

// NewRagged returns the shape for the given lengths; see [Ragged.Reset].
func NewRagged(lengths ...int) *Ragged {
	r := new(Ragged)
	r.Reset(lengths)
	return r
}

// Reset makes r the shape of a batch with the given lengths, which are copied. It panics
// if a length is negative, larger than the one before it or than [MaxSteps], or if the sum is
// larger than [MaxRows]. It allocates only when r has never been this large.
func (r *Ragged) Reset(lengths []int) {
	const fn = "Ragged.Reset"
	rows := 0
	for b, n := range lengths {
		switch {
		case n < 0 || n > MaxSteps:
			panic(fmt.Sprintf("cell: %s: lengths[%d] = %d, want 0..%d", fn, b, n, MaxSteps))
		case b > 0 && n > lengths[b-1]:
			panic(fmt.Sprintf("cell: %s: lengths[%d] = %d, want at most lengths[%d] = %d: sort the batch, longest first", fn, b, n, b-1, lengths[b-1]))
		case rows > MaxRows-n:
			panic(fmt.Sprintf("cell: %s: the sum of lengths[:%d] is %d, want at most %d", fn, b+1, rows+n, MaxRows))
		}
		rows += n
	}
	r.version++
	r.lengths = append(r.lengths[:0], lengths...)
	r.count, r.off = r.count[:0], append(r.off[:0], 0)
	if len(lengths) == 0 {
		return
	}
	n := len(lengths)
	for t := range lengths[0] {
		for lengths[n-1] <= t {
			n--
		}
		r.count = append(r.count, n)
		r.off = append(r.off, r.off[t]+n)
	}
}

// check panics unless r has a shape.
func (r *Ragged) check(fn string) {
	if r == nil || len(r.off) == 0 {
		panic("cell: " + fn + ": the shape is a zero Ragged, want one from NewRagged, or Reset")
	}
}

// Batch returns the number of sequences.
func (r *Ragged) Batch() int {
	r.check("Ragged.Batch")
	return len(r.lengths)
}

// Steps returns the length of the longest sequence.
func (r *Ragged) Steps() int {
	r.check("Ragged.Steps")
	return len(r.count)
}

// Rows returns the sum of the lengths.
func (r *Ragged) Rows() int {
	r.check("Ragged.Rows")
	return r.off[len(r.off)-1]
}

// Length returns the length of sequence b. It panics unless 0 ≤ b < Batch().
func (r *Ragged) Length(b int) int {
	if uint(b) >= uint(len(r.lengths)) {
		badIndex("Ragged.Length", "b", b, len(r.lengths))
	}
	return r.lengths[b]
}

// Step returns the first row of step t and the number of its rows, which is 0 for t = Steps().
// It panics unless 0 ≤ t ≤ Steps().
func (r *Ragged) Step(t int) (off, n int) {
	if uint(t) >= uint(len(r.count)) {
		return r.end(t), 0
	}
	return r.off[t], r.count[t]
}

// end is Step for t = Steps().
func (r *Ragged) end(t int) int {
	checkIndex("Ragged.Step", "t", t, len(r.off))
	return r.off[t]
}

// Row returns the row of sequence b at step t. It panics unless 0 ≤ t < Length(b).
func (r *Ragged) Row(t, b int) int {
	if uint(t) >= uint(len(r.count)) || uint(b) >= uint(r.count[t]) {
		r.noRow(t, b)
	}
	return r.off[t] + b
}

// noRow is the panic of Row.
func (r *Ragged) noRow(t, b int) {
	checkIndex("Ragged.Row", "b", b, len(r.lengths))
	badIndex("Ragged.Row", "t", t, r.lengths[b])
}

// Reverse copies src to dst, both [Rows, cols], with every sequence reversed within its
// own length. The slices must not overlap. It panics if one is too short or cols is negative or
// larger than [MaxSize].
func Reverse[T Float](r *Ragged, dst, src []T, cols int) {
	const fn = "Reverse"
	r.check(fn)
	checkSize(fn, "cols", cols, MaxSize)
	checkMatrix(fn, "dst", len(dst), r.Rows(), cols)
	checkMatrix(fn, "src", len(src), r.Rows(), cols)
	m := mover[T]{dst: dst, src: src, ldd: cols, lds: cols, cols: cols, reverse: true}
	m.rows(r, 0, r.Batch())
}

// A mover copies columns of a matrix over a batch to columns of another, or adds them.
type mover[T Float] struct {
	dst, src []T
	ldd, lds int  // distance of rows
	to, from int  // first columns
	cols     int  // how many
	reverse  bool // every sequence is reversed within its own length
	add      bool
}

// rows does this for the sequences b0..b1.
func (m mover[T]) rows(r *Ragged, b0, b1 int) {
	for t := range r.Steps() {
		off, n := r.Step(t)
		for b := b0; b < min(n, b1); b++ {
			from := off + b
			if m.reverse {
				from = r.Row(r.Length(b)-1-t, b)
			}
			dst, src := m.dst[(off+b)*m.ldd+m.to:][:m.cols], m.src[from*m.lds+m.from:][:m.cols]
			if m.add {
				kernels.Axpy(dst, src, 1)
			} else {
				copy(dst, src)
			}
		}
	}
}

// ones makes r the shape of a single step of n rows.
func (r *Ragged) ones(n int) {
	r.version++
	r.lengths = pages.Grow(r.lengths, n)
	for i := range r.lengths {
		r.lengths[i] = 1
	}
	r.count, r.off = append(r.count[:0], n), append(r.off[:0], 0, n)
}
