package dist

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/elbow-go/elbow/kernels"
)

// Bucket returns the default of [Comm].Bucket: as many numbers as 2 MB hold, from 32 ranks on as many as 1 MB for 16 of
// them, up to 16 MB. Smaller buckets can be sent earlier, larger ones wait less often for the network, and every one
// takes a message to each rank, which with many of them is what a sum is made of.
func Bucket(ranks int) int { return min(max(ranks/16, 2), 16) << 18 }

// align is of how many numbers the pieces of a bucket are multiples.
const align = 16

// piece is what a rank adds up of a bucket.
type piece struct {
	of   span
	in   []float32   // of the other ranks
	mine [][]float32 // of this one
}

// addend is a part of a piece.
type addend struct {
	x    []float32
	mine bool // in memory of this rank's own
}

// join adds from to into. The order of two does not matter, so what is this rank's own may keep its place.
func join(into, from *addend) {
	if from.mine {
		*into, *from = *from, *into
	}
	kernels.Axpy(into.x, from.x, 1)
}

// Reduction is a sum that is under way while its parts are computed.
type Reduction struct {
	comm  *Comm
	dst   [][]float32
	parts []Part[[][]float32]
	ends  []int // of the buckets

	ready  atomic.Int64  // numbers that are there
	need   atomic.Int64  // as many as the next bucket needs: to wake somebody for less costs more than it is worth
	waited atomic.Bool   // somebody waits, and sees to it that the sum goes on
	more   chan struct{} // ready or waited is another one

	mu sync.Mutex // of who has the sum go on
	// Buckets whose parts have been sent, whose other parts are there, whose sum is on its way, and is there.
	sent, met, summed, back int
	pieces                  [2]piece // of the buckets between sent and summed
	all                     []float32
	err                     error
}

// Sum writes to dst the sum over all leaves. Rank r gives what those of Share come to, its parts, which are at
// the subtrees of [Nodes]. All vectors are in as many slices of the same lengths; dst may be one of them, and
// what is in the others afterwards is of no use. It panics if the parts are others.
//
// Every rank owns a piece of the vector. It receives that of all parts, adds them up along the tree and sends
// the sum back, so that a rank whose leaves are one subtree sends as much as in a ring.
func (c *Comm) Sum(dst [][]float32, leaves int, parts []Part[[][]float32]) error {
	r := c.reduction(dst, leaves, parts)
	r.Ready(len(dst))
	return r.Wait()
}

// Begin is [Comm.Sum] with parts that are still to be computed, from the first slice to the last:
// [Reduction.Ready] says how far, [Reduction.Wait] waits for the sum. There is one sum at a time.
//
// The vector is summed bucket by bucket. While the parts of one are on their way to their owners, the sums of
// the one before are on their way back:
//
//	parts --Ready--> exchange bucket 0 | exchange bucket 1 | exchange bucket 2 |
//	                                   | add up, collect 0 | add up, collect 1 | add up, collect 2 --> sum
func (c *Comm) Begin(dst [][]float32, leaves int, parts []Part[[][]float32]) *Reduction {
	r := c.reduction(dst, leaves, parts)
	go r.goOn()
	return r
}

// reduction is a sum that nobody has go on.
func (c *Comm) reduction(dst [][]float32, leaves int, parts []Part[[][]float32]) *Reduction {
	if c == nil {
		c = Local(1)[0]
	}
	c.plan(leaves)
	if !c.fit(parts) {
		panic(fmt.Sprintf("dist: Comm.Begin: the parts of rank %d are not at the nodes %v", c.rank(), c.nodes[c.rank()]))
	}
	c.going = &Reduction{comm: c, dst: dst, parts: parts, ends: buckets(dst, c.bucket()), more: make(chan struct{}, 1)}
	c.going.expect()
	return c.going
}

// Ready says that the first n slices of all parts are there, which nobody changes from now on.
func (r *Reduction) Ready(n int) {
	ready := 0
	for _, x := range r.dst[:n] {
		ready += len(x)
	}
	for old := r.ready.Load(); int64(ready) > old && !r.ready.CompareAndSwap(old, int64(ready)); old = r.ready.Load() {
	}
	if int64(ready) >= r.need.Load() {
		r.signal()
	}
}

func (r *Reduction) signal() {
	select {
	case r.more <- struct{}{}:
	default:
	}
}

// Wait returns when the sum is in dst. All slices are ready by then. The sum goes on in the calling goroutine: to hand
// it over and back takes as long as a small sum.
func (r *Reduction) Wait() error {
	r.waited.Store(true)
	r.signal()
	p := r.comm.newPatience()
	for !r.over() {
		p.rest(r.advance(patient))
	}
	r.comm.going = nil
	return r.err
}

// over reports whether the sum is there, or will never be.
func (r *Reduction) over() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err != nil || r.back == len(r.ends)
}

// goOn has the sum go on until somebody waits for it. It looks after it now and then, since others compute.
func (r *Reduction) goOn() {
	since := time.Now()
	for !r.waited.Load() && !r.over() {
		happened := r.advance(1)
		r.mu.Lock()
		still := r.sent == r.back
		r.mu.Unlock()
		switch {
		case happened:
			since = time.Now()
		case still:
			<-r.more
		case time.Since(since) > eager:
			r.comm.pause()
		}
	}
}

// advance has the sum go on by what can be done after so many looks, and reports whether there was something.
func (r *Reduction) advance(looks int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return false
	}
	was := r.sent + r.met + r.summed + r.back
	r.err = r.look(looks)
	return was < r.sent+r.met+r.summed+r.back
}

// look begins what can be begun and ends what is complete.
func (r *Reduction) look(looks int) error {
	parts, sums := r.comm.lane(partsLane), r.comm.lane(sumsLane)
	if r.back < r.summed {
		done, err := sums.done(looks)
		if err != nil {
			return err
		}
		if done {
			r.bring(r.span(r.back))
			r.back++
		}
	}
	if r.met < r.sent {
		done, err := parts.done(looks)
		if err != nil {
			return err
		}
		if done {
			r.met++
		}
	}
	if i := r.sent; i == r.met && i < r.summed+len(r.pieces) && i < len(r.ends) && r.ready.Load() >= int64(r.ends[i]) {
		if err := r.exchange(i%len(r.pieces), r.span(i)); err != nil {
			return err
		}
		r.sent++
		r.expect()
	}
	if r.summed < r.met && r.summed == r.back {
		if err := r.collect(r.pieces[r.summed%len(r.pieces)]); err != nil {
			return err
		}
		r.summed++
	}
	return nil
}

// expect says how many numbers the next bucket needs.
func (r *Reduction) expect() {
	if r.sent < len(r.ends) {
		r.need.Store(int64(r.ends[r.sent]))
	}
}

// span is where a bucket is.
func (r *Reduction) span(bucket int) span {
	if bucket == 0 {
		return span{0, r.ends[0]}
	}
	return span{r.ends[bucket-1], r.ends[bucket]}
}

// bucket returns how many numbers are sent at a time.
func (c *Comm) bucket() int {
	if c.Bucket > 0 {
		return c.Bucket
	}
	return Bucket(c.size())
}

// buckets returns where the buckets of a vector end, of about so many numbers. A long slice has buckets of its
// own, which can be sent as they are.
func buckets(vector [][]float32, size int) (ends []int) {
	from, at := 0, 0
	for _, x := range vector {
		long := 4*len(x) >= size
		if at > from && (long || at+len(x)-from > size) {
			ends, from = append(ends, at), at
		}
		if n := (len(x) + size - 1) / size; long {
			for i := range n {
				ends = append(ends, at+len(x)*(i+1)/n)
			}
			from = at + len(x)
		}
		at += len(x)
	}
	if at > from {
		ends = append(ends, at)
	}
	return ends
}

// exchange begins to receive what all ranks have for this one of a bucket, in one of two buffers: the other one is
// still in use.
func (r *Reduction) exchange(buffer int, of span) error {
	c, size, me := r.comm, r.comm.size(), r.comm.rank()
	n, parts, others := of.piece(me, size).len(), len(r.parts), 0
	for q := range size {
		c.send[q] = 4 * parts * of.piece(q, size).len()
		if q != me {
			c.recv[q] = 4 * len(c.nodes[q]) * n
			others += len(c.nodes[q]) * n
		}
	}
	l, p := c.lane(partsLane), &r.pieces[buffer]
	p.of, p.mine = of, p.mine[:0]
	if send := of.within(r.parts[0].Value); parts == 1 && send != nil {
		p.in, p.mine = floats(l.memory(buffer, 4*others)), append(p.mine, of.piece(me, size).within(r.parts[0].Value))
		return l.exchange(bytes(p.in), bytes(send), c.recv, c.send)
	}
	all, send := floats(l.memory(buffer, 4*(others+parts*n))), floats(l.memory(2, 4*parts*of.len()))
	p.in = all[:others]
	own, at := all[others:], send
	for q := range size {
		piece := of.piece(q, size)
		for _, part := range r.parts {
			if q == me {
				piece.read(own[:n], part.Value)
				p.mine, own = append(p.mine, own[:n]), own[n:]
			} else {
				piece.read(at, part.Value)
			}
			at = at[piece.len():]
		}
	}
	return l.exchange(bytes(p.in), bytes(send), c.recv, c.send)
}

// collect adds up the parts of a piece and begins to send the sum to all ranks.
func (r *Reduction) collect(p piece) error {
	c, size, me := r.comm, r.comm.size(), r.comm.rank()
	n, in, terms := p.of.piece(me, size).len(), p.in, c.terms
	c.sum.Reset()
	for q, nodes := range c.nodes {
		for i, node := range nodes {
			if q == me {
				terms[0] = addend{p.mine[i], true}
			} else {
				terms[0], in = addend{in[:n], false}, in[n:]
			}
			c.sum.Push(node, &terms[0])
			terms = terms[1:]
		}
	}
	for q := range size {
		c.sums[q] = 4 * p.of.piece(q, size).len()
	}
	l := c.lane(sumsLane)
	if r.all = p.of.within(r.dst); r.all == nil {
		r.all = floats(l.memory(0, 4*p.of.len()))
	}
	sum, to := c.sum.Parts()[0].Value.x, r.all[p.of.piece(me, size).lo-p.of.lo:]
	if n > 0 && &sum[0] != &to[0] {
		copy(to, sum)
	}
	return l.collect(bytes(r.all), c.sums)
}

// bring writes the sum of a bucket to dst, if it is not there.
func (r *Reduction) bring(of span) {
	if of.within(r.dst) == nil {
		of.write(r.dst, r.all)
	}
}

// plan finds the subtrees of all ranks.
func (c *Comm) plan(leaves int) {
	if c.sum.Leaves == leaves {
		return
	}
	size, terms := c.size(), 0
	c.sum.Leaves, c.nodes = leaves, nil
	for r := range size {
		lo, hi := Share(leaves, r, size)
		c.nodes = append(c.nodes, Nodes(leaves, lo, hi))
		terms += len(c.nodes[r])
	}
	c.terms, c.send, c.recv, c.sums = make([]addend, terms), make([]int, size), make([]int, size), make([]int, size)
}

// fit reports whether the parts are those of this rank.
func (c *Comm) fit(parts []Part[[][]float32]) bool {
	want := c.nodes[c.rank()]
	if len(parts) != len(want) {
		return false
	}
	for i, p := range parts {
		if p.Node != want[i] {
			return false
		}
	}
	return true
}

// span is the numbers lo..hi of a vector, which is in slices.
type span struct{ lo, hi int }

func (s span) len() int { return s.hi - s.lo }

// piece returns the piece of s that rank q of so many owns.
func (s span) piece(q, size int) span {
	at := func(q int) int { return s.lo + min((s.len()+align-1)/align*q/size*align, s.len()) }
	return span{at(q), at(q + 1)}
}

// within returns the numbers if they are in one slice, otherwise nil.
func (s span) within(vector [][]float32) []float32 {
	for _, x := range vector {
		if s.lo < len(x) {
			if s.hi <= len(x) {
				return x[s.lo:s.hi]
			}
			return nil
		}
		s = span{s.lo - len(x), s.hi - len(x)}
	}
	return nil
}

// read copies the numbers to dst, write from src.
func (s span) read(dst []float32, vector [][]float32) {
	s.each(vector, func(x []float32, before int) { copy(dst[before:], x) })
}

func (s span) write(vector [][]float32, src []float32) {
	s.each(vector, func(x []float32, before int) { copy(x, src[before:]) })
}

// each calls f with the slices that hold the numbers, and how many came before.
func (s span) each(vector [][]float32, f func(x []float32, before int)) {
	before := 0
	for _, x := range vector {
		if lo, hi := max(s.lo, 0), min(s.hi, len(x)); lo < hi {
			f(x[lo:hi], before)
			before += hi - lo
		}
		s = span{s.lo - len(x), s.hi - len(x)}
	}
}
