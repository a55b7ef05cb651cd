package cell

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/elbow-go/elbow/internal/pages"
)

// Batch is a batch of sequences of any lengths in any order, as a program that works with padding
// has it, and the [Ragged] shape in which layers read it, longest first. From one to the other:
//
//	b := NewBatch(2, 5, 1)                                       the lengths as they are
//	FromPadded(b, rows, x, Padded{Steps: 5, Cols: in})           x [steps, batch, in] to [Rows, in]
//	SortStates(b, h0, given, hidden)                             if there are initial states
//	layer.Forward(seq, b.Shape, rows, h0, nil, 1)
//	ToPadded(b, y, seq.H, Padded{Steps: 5, Cols: hidden}, 0)     [Rows, hidden] to padded outputs
//	UnsortStates(b, hn, last, hidden)
//
// and the gradients the same way: that of the outputs goes through FromPadded, that of the inputs
// through ToPadded with a fill of 0, those of states through SortStates and UnsortStates. What
// stands in the padding is never read.
//
// It is pack_padded_sequence and pad_packed_sequence of PyTorch, with enforce_sorted=False.
type Batch struct {
	Shape *Ragged
	Order []int // sequence i of the shape is sequence Order[i] of the batch; equal lengths keep their order

	lengths []int // sorted
}

// NewBatch returns the batch of sequences of the given lengths; see [Batch.Reset].
func NewBatch(lengths ...int) *Batch {
	b := new(Batch)
	b.Reset(lengths)
	return b
}

// Reset makes b the batch of sequences of the given lengths. It panics if a length is negative or
// larger than [MaxSteps], or if the sum is larger than [MaxRows]. It allocates only when b has
// never been this large.
func (b *Batch) Reset(lengths []int) {
	const fn = "Batch.Reset"
	rows := 0
	for i, n := range lengths {
		if n < 0 || n > MaxSteps {
			panic(fmt.Sprintf("cell: %s: lengths[%d] = %d, want 0..%d", fn, i, n, MaxSteps))
		}
		if rows += n; rows > MaxRows {
			panic(fmt.Sprintf("cell: %s: the sum of lengths[:%d] is %d, want at most %d", fn, i+1, rows, MaxRows))
		}
	}
	b.Order, b.lengths = pages.Grow(b.Order, len(lengths)), pages.Grow(b.lengths, len(lengths))
	for i := range b.Order {
		b.Order[i] = i
	}
	slices.SortStableFunc(b.Order, func(i, j int) int { return cmp.Compare(lengths[j], lengths[i]) })
	for i, from := range b.Order {
		b.lengths[i] = lengths[from]
	}
	if b.Shape == nil {
		b.Shape = new(Ragged)
	}
	b.Shape.Reset(b.lengths)
}

// Padded is the layout of a padded batch: sequences of Steps rows of Cols columns, of which the
// last ones may be padding.
type Padded struct {
	Steps, Cols int
	BatchFirst  bool // [batch, Steps, Cols] instead of [Steps, batch, Cols]
}

// row returns the number of the row of sequence i at step t, of so many sequences.
func (p Padded) row(t, i, batch int) int {
	if p.BatchFirst {
		return i*p.Steps + t
	}
	return t*batch + i
}

// check panics unless b fits into the layout and the slices are of its size.
func (p Padded) check(fn string, b *Batch, rows, padded int, nameRows, namePadded string) {
	b.check(fn)
	checkSize(fn, "p.Steps", p.Steps, MaxSteps)
	checkSize(fn, "p.Cols", p.Cols, MaxSize)
	if p.Steps < b.Shape.Steps() {
		panic(fmt.Sprintf("cell: %s: p.Steps = %d, want at least %d, the largest length", fn, p.Steps, b.Shape.Steps()))
	}
	checkMatrix(fn, nameRows, rows, b.Shape.Rows(), p.Cols)
	checkExact(fn, namePadded, padded, b.Shape.Batch()*p.Steps, p.Cols)
}

// check panics unless b has a shape, and that is its own.
func (b *Batch) check(fn string) {
	if b == nil || b.Shape == nil {
		panic("cell: " + fn + ": the batch is a zero Batch, want one from NewBatch, or Reset")
	}
	b.Shape.check(fn)
	if !slices.Equal(b.Shape.lengths, b.lengths) || len(b.Order) != len(b.lengths) {
		panic("cell: " + fn + ": Shape or Order is not that of the batch, want them as Batch.Reset has set them")
	}
}

// FromPadded copies a padded batch src, laid out as p says, to the rows dst [Rows, Cols] that
// layers read. The slices must not overlap. It panics if dst is too short, src has not as many
// elements as the batch, or a sequence is longer than p.Steps.
func FromPadded[T Float](b *Batch, dst, src []T, p Padded) {
	p.check("FromPadded", b, len(dst), len(src), "dst", "src")
	for t := range b.Shape.Steps() {
		off, n := b.Shape.Step(t)
		for i := range n {
			at := p.row(t, b.Order[i], b.Shape.Batch()) * p.Cols
			copy(dst[(off+i)*p.Cols:(off+i+1)*p.Cols], src[at:])
		}
	}
}

// ToPadded copies rows src [Rows, Cols], as layers write them, to a padded batch dst, laid out as p
// says, and sets the padding to fill. The slices must not overlap. It panics as [FromPadded] does, with the two
// changed over.
func ToPadded[T Float](b *Batch, dst, src []T, p Padded, fill T) {
	p.check("ToPadded", b, len(src), len(dst), "src", "dst")
	batch := b.Shape.Batch()
	for i, to := range b.Order {
		n := b.Shape.Length(i)
		for t := range p.Steps {
			at := p.row(t, to, batch) * p.Cols
			row := dst[at : at+p.Cols]
			if t < n {
				copy(row, src[b.Shape.Row(t, i)*p.Cols:])
				continue
			}
			for j := range row {
				row[j] = fill
			}
		}
	}
}

// SortStates copies the states src [batch, cols], or those of several layers [n, batch, cols] one
// after the other, to dst in the order of the shape. The slices must not overlap. It panics if src
// does not consist of whole layers, dst is shorter than src, or cols is not a size.
func SortStates[T Float](b *Batch, dst, src []T, cols int) {
	layers := b.checkStates("SortStates", len(dst), len(src), cols)
	n := b.Shape.Batch()
	for l := range layers {
		for i, from := range b.Order {
			copy(dst[(l*n+i)*cols:(l*n+i+1)*cols], src[(l*n+from)*cols:])
		}
	}
}

// UnsortStates is the way back: it copies states in the order of the shape to dst in that of the
// batch. It panics as [SortStates] does.
func UnsortStates[T Float](b *Batch, dst, src []T, cols int) {
	layers := b.checkStates("UnsortStates", len(dst), len(src), cols)
	n := b.Shape.Batch()
	for l := range layers {
		for i, to := range b.Order {
			copy(dst[(l*n+to)*cols:(l*n+to+1)*cols], src[(l*n+i)*cols:])
		}
	}
}

// checkStates returns of how many layers the states of so many elements are.
func (b *Batch) checkStates(fn string, dst, src, cols int) (layers int) {
	b.check(fn)
	checkSize(fn, "cols", cols, MaxSize)
	size := b.Shape.Batch() * cols
	if src%max(size, 1) != 0 || size == 0 && src > 0 {
		panic(fmt.Sprintf("cell: %s: len(src) = %d, want a multiple of batch*cols = %d", fn, src, size))
	}
	checkMatrix(fn, "dst", dst, 1, src)
	return src / max(size, 1)
}
