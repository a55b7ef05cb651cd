package cell

import (
	"fmt"

	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/kernels"
)

// Dropout drops elements of a matrix x with a row for every step of a batch, in training only:
//
//	y = x m / (1 - P),   m = 0 with probability P, else 1
//
// so that the expectation stays and nothing is scaled outside training (Srivastava et al. 2014;
// torch.nn.Dropout). The gradient of x is that of y times the same factors, so Apply is the
// backward pass too. [Stack] does this between its layers.
//
// What is kept depends on the noise, the step and the row alone. A Dropout belongs to one caller and
// is sized by Begin; its zero value is ready for use and drops nothing.
type Dropout[T Float] struct {
	P float64 // at least 0 and less than 1; read by Begin

	training bool // as Train and Eval say
	noise    kernels.Noise
	row0     int

	shape *Ragged // of the batch, nil before Begin
	share float64 // that the batch drops
	width int
	keep  []T // [Rows, width]: 0 or 1/(1-P), empty where nothing is dropped
}

// Train has the batches that begin from now on drop elements. Sequence b of a batch is row row0+b
// of the noise; each update of a training and each use within it gets a noise of its own. It panics
// if row0 is negative or larger than [MaxRows].
func (d *Dropout[T]) Train(noise kernels.Noise, row0 int) {
	d.train("Dropout.Train", noise, row0)
}

func (d *Dropout[T]) train(fn string, noise kernels.Noise, row0 int) {
	checkSize(fn, "row0", row0, MaxRows)
	d.training, d.noise, d.row0 = true, noise, row0
}

// Eval has the batches that begin from now on drop nothing.
func (d *Dropout[T]) Eval() { d.training = false }

// Begin prepares for a batch of the given shape, which is kept, and rows of width elements. It
// panics if width is negative or P is not a share below 1.
func (d *Dropout[T]) Begin(shape *Ragged, width int) {
	const fn = "Dropout.Begin"
	shape.check(fn)
	checkSize(fn, "width", width, MaxSize)
	checkShare(fn, "P", d.P)
	d.begin(fn, shape, width)
}

func (d *Dropout[T]) begin(fn string, shape *Ragged, width int) {
	d.shape, d.share, d.width = shape, 0, width
	if d.training {
		d.share = d.P
	}
	if !d.drops() {
		return
	}
	checkRoom(fn, shape.Rows(), width)
	d.keep = pages.Grow(d.keep, shape.Rows()*width)
}

// checkShare panics unless p is a share below 1.
func checkShare(fn, arg string, p float64) {
	if !(p >= 0 && p < 1) {
		panic(fmt.Sprintf("cell: %s: %s = %v, want at least 0 and less than 1", fn, arg, p))
	}
}

// drops reports whether anything is dropped in the batch that has begun.
func (d *Dropout[T]) drops() bool { return d.share > 0 }

// Draw draws what is kept in step t of the sequences b0..b1 of the batch, as far as they are still
// running, which comes before Apply. Disjoint ranges may be drawn by different goroutines. It
// panics if there is no such step or range, or no batch has begun.
func (d *Dropout[T]) Draw(t, b0, b1 int) {
	const fn = "Dropout.Draw"
	d.check(fn)
	checkIndex(fn, "t", t, d.shape.Steps())
	checkRange(fn, "b0..b1", b0, b1, d.shape.Batch())
	d.draw(t, b0, b1)
}

func (d *Dropout[T]) draw(t, b0, b1 int) {
	off, n := d.shape.Step(t)
	if n = min(n, b1); n <= b0 || !d.drops() {
		return
	}
	keep := d.keep[(off+b0)*d.width : (off+n)*d.width]
	kernels.Uniforms(keep, d.noise, uint32(t), uint32(d.row0+b0), n-b0, d.width)
	scale := T(1 / (1 - d.share))
	for i, u := range keep {
		keep[i] = scale
		if float64(u) < d.share {
			keep[i] = 0
		}
	}
}

// DrawAll is Draw for all steps of the sequences b0..b1.
func (d *Dropout[T]) DrawAll(b0, b1 int) {
	const fn = "Dropout.DrawAll"
	d.check(fn)
	checkRange(fn, "b0..b1", b0, b1, d.shape.Batch())
	d.drawAll(b0, b1)
}

func (d *Dropout[T]) drawAll(b0, b1 int) {
	for t := range d.shape.Steps() {
		d.draw(t, b0, b1)
	}
}

// Apply writes the rows lo..hi of y to dst, of which src are the same rows of x, both [hi-lo, width]
// and either the same slice or apart. Where nothing is dropped it copies. It panics if there is no
// such range, a slice is too short, or no batch has begun.
func (d *Dropout[T]) Apply(dst, src []T, lo, hi int) {
	const fn = "Dropout.Apply"
	d.check(fn)
	checkRange(fn, "lo..hi", lo, hi, d.shape.Rows())
	checkMatrix(fn, "dst", len(dst), hi-lo, d.width)
	checkMatrix(fn, "src", len(src), hi-lo, d.width)
	d.apply(dst, src, lo, hi, 0, d.width)
}

// apply is Apply for rows of the columns from..to.
func (d *Dropout[T]) apply(dst, src []T, lo, hi, from, to int) {
	n := to - from
	if !d.drops() {
		copy(dst[:(hi-lo)*n], src)
		return
	}
	for i := lo; i < hi; i++ {
		at := (i - lo) * n
		y, x := dst[at:at+n], src[at:at+n]
		for j, k := range d.keep[i*d.width+from : i*d.width+to] {
			y[j] = x[j] * k
		}
	}
}

// check panics unless a batch has begun.
func (d *Dropout[T]) check(fn string) {
	if d.shape == nil {
		panic("cell: " + fn + ": no batch has begun: call Begin")
	}
}
