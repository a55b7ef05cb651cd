package cell

import (
	"sync"
	"sync/atomic"

	"github.com/elbow-go/elbow/blas"
	"github.com/elbow-go/elbow/kernels"
)

// products are those of a weight w [out, in], which a layer multiplies by many times between two
// writes to it. Each has a copy of w in the order in which it reads it, made when that pays: a
// product with few rows may be done sooner than a copy, and a layer that gets no gradient from
// its input needs only one of the two. The bits do not depend on it.
//
// The zero value serves any weight, after reset. Many goroutines may multiply at a time.
type products[T Float] struct {
	forward, backward lazy[T]
	int8              int8Products // in place of forward, if on
}

// A lazy is a packed matrix that is packed once enough rows were multiplied by it.
type lazy[T Float] struct {
	packed blas.Packed[T]
	ready  atomic.Bool  // packed may be read
	rows   atomic.Int64 // multiplied without it
	uses   atomic.Int32 // products since reset: none, one, or two and more
	once   bool         // there was one between the two resets before
	mu     sync.Mutex   // held while it is being packed
}

// When a copy pays, by measurement; it costs about as much as 10 to 20 rows. Turned over, w has
// to be copied inside of every product but that of a single row. As it is stored, a product with
// many rows copies it, and one with few hardly gains.
const (
	forwardSoon   = 2   // rows of a product from which it makes a copy at once
	forwardLate   = 16  // rows after which products with fewer make one
	backwardSoon  = 32  // the same for the gradient
	backwardLate  = 128 //
	backwardLeast = 4   // rows of a product that gains from a copy
	onceRows      = 192 // most rows of a product that rather copies panel by panel, if no other uses the copy
)

// reset has the products read w again, which was written to.
func (p *products[T]) reset() {
	p.forward.reset()
	p.backward.reset()
	p.int8.reset(false)
}

func (l *lazy[T]) reset() {
	l.ready.Store(false)
	l.rows.Store(0)
	l.once = l.uses.Swap(0) == 1
}

// use counts a product and reports whether it is the first one. From the third on nothing is written,
// which other cores would wait for.
func (l *lazy[T]) use() bool {
	return l.uses.Load() < 2 && l.uses.Add(1) == 1
}

// get returns the packed matrix op(w) [k, n] for a product of so many rows, or nil if the product
// reads w itself.
func (l *lazy[T]) get(t blas.Transpose, k, n int, w []T, ld, rows, soon, late int) *blas.Packed[T] {
	first := l.use()
	if l.ready.Load() {
		return &l.packed
	}
	// A training often multiplies by w once between two updates. A panel that is copied just before
	// its use is still in the second cache then, and all of w would not be.
	if first && l.once && rows <= onceRows {
		return nil
	}
	if rows < soon && l.rows.Add(int64(rows)) < int64(late) {
		return nil
	}
	if !l.mu.TryLock() {
		return nil // another goroutine is at it
	}
	defer l.mu.Unlock()
	if !l.ready.Load() {
		l.packed.Pack(t, k, n, w, ld)
		l.ready.Store(true)
	}
	return &l.packed
}

// project computes y = bias + x w[j0:j1, from:to]ᵀ, or adds to y if bias is nil, with w [out, in],
// y [rows, j1-j0] and x [rows, to-from], whose rows may overlap, as those of a [Conv1d] do.
func (p *products[T]) project(y, x, w, bias []T, rows, j0, j1, out, in, from, to, ldy, ldx int) {
	if rows == 0 || j0 == j1 {
		return
	}
	var b *blas.Packed[T]
	if from < to && !p.int8.on {
		b = p.forward.get(blas.Trans, in, out, w, in, rows, forwardSoon, forwardLate)
	}
	if bias != nil && b == nil {
		kernels.SetRows(y, bias, rows, j1-j0, ldy)
	}
	switch {
	case from == to:
		return
	case p.int8.on:
		projectInt8(&p.int8, y, x, w, rows, j0, j1, in, from, to, ldy, ldx)
		return
	case b != nil && bias != nil:
		blas.GemmPackedBias(rows, from, to, j0, j1, x, ldx, b, bias, y, ldy)
		return
	case b != nil:
		blas.GemmPacked(rows, from, to, j0, j1, x, ldx, b, 1, y, ldy)
		return
	}
	if k := to - from; ldx < k {
		for i := range rows {
			mulT(y[i*ldy:], x[i*ldx:], w[j0*in+from:], 1, j1-j0, k, ldy, k, in)
		}
		return
	}
	mulT(y, x, w[j0*in+from:], rows, j1-j0, to-from, ldy, ldx, in)
}

// inputGrad computes dx = dy w[:, from:to], or dx += if add is set, with w [out, in], dx
// [rows, to-from] and dy [rows, out].
func (p *products[T]) inputGrad(dx, dy, w []T, rows, out, in, from, to, lddx, lddy int, add bool) {
	if rows >= backwardLeast && from < to && out > 0 {
		if b := p.backward.get(blas.NoTrans, out, in, w, in, rows, backwardSoon, backwardLate); b != nil {
			var beta T
			if add {
				beta = 1
			}
			blas.GemmPacked(rows, 0, out, from, to, dy, lddy, b, beta, dx, lddx)
			return
		}
	}
	mul(dx, dy, w[min(from, len(w)):], rows, to-from, out, lddx, lddy, in, add)
}
