package dist

import (
	"errors"
	"fmt"
	"sync"
)

// bucket is the default of [Comm].Bucket: 1 MB. Smaller ones can be sent earlier, larger ones wait less often for
// the network.
const bucket = 1 << 18

// align is of how many numbers the pieces of a bucket are multiples.
const align = 16

// piece is what a rank adds up of a bucket.
type piece struct {
	of   span
	in   []float32   // of the other ranks
	mine [][]float32 // of this one
}

// Reduction is a sum that is under way while its parts are computed.
type Reduction struct {
	comm   *Comm
	dst    [][]float32
	parts  []Part[[][]float32]
	ends   []int      // of the buckets
	summed chan error // from each of the two goroutines
	pieces chan piece

	mu    sync.Mutex
	more  sync.Cond
	ready int // numbers that are there
}

// Sum writes to dst the sum over all leaves. Rank r gives what those of Share come to, its parts, which are at
// the subtrees of [Nodes]. All vectors are in as many slices of the same lengths; dst may be one of them, and
// what is in the others afterwards is of no use. It panics if the parts are others.
//
// Every rank owns a piece of the vector. It receives that of all parts, adds them up along the tree and sends
// the sum back, so that a rank whose leaves are one subtree sends as much as in a ring.
func (c *Comm) Sum(dst [][]float32, leaves int, parts []Part[[][]float32]) error {
	r := c.Begin(dst, leaves, parts)
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
	if c == nil {
		c = Local(1)[0]
	}
	r := &Reduction{comm: c, dst: dst, parts: parts, ends: buckets(dst, c.Bucket), pieces: make(chan piece), summed: make(chan error, 2)}
	r.more.L = &r.mu
	c.plan(leaves)
	if !c.fit(parts) {
		panic(fmt.Sprintf("dist: Comm.Begin: the parts of rank %d are not at the nodes %v", c.rank(), c.nodes[c.rank()]))
	}
	go func() { r.summed <- r.exchangeAll() }()
	go func() { r.summed <- r.collectAll() }()
	return r
}

// Ready says that the first n slices of all parts are there, which nobody changes from now on.
func (r *Reduction) Ready(n int) {
	ready := 0
	for _, x := range r.dst[:n] {
		ready += len(x)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ready = max(r.ready, ready)
	r.more.Signal()
}

// Wait returns when the sum is in dst. All slices are ready by then.
func (r *Reduction) Wait() error {
	r.comm.hurry(1)
	defer r.comm.hurry(-1)
	return errors.Join(<-r.summed, <-r.summed)
}

// await returns when the first n numbers are ready.
func (r *Reduction) await(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.ready < n {
		r.more.Wait()
	}
}

// buckets returns where the buckets of a vector end, of about so many numbers. A long slice has buckets of its
// own, which can be sent as they are.
func buckets(vector [][]float32, size int) (ends []int) {
	if size <= 0 {
		size = bucket
	}
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

// exchangeAll sends the parts of all buckets to the owners of their pieces, and passes on those of its own.
func (r *Reduction) exchangeAll() error {
	defer close(r.pieces)
	lo := 0
	for i, hi := range r.ends {
		r.await(hi)
		p, err := r.exchange(i%2, span{lo, hi})
		if err != nil {
			return err
		}
		r.pieces <- p
		lo = hi
	}
	return nil
}

// exchange returns what all ranks have for this one of some numbers, in one of two buffers: the other one is
// still in use.
func (r *Reduction) exchange(buffer int, of span) (piece, error) {
	c, size, me := r.comm, r.comm.size(), r.comm.rank()
	pieces, sendCounts, recvCounts := of.split(size), make([]int, size), make([]int, size)
	n, parts, others := pieces[me].len(), len(r.parts), 0
	for q := range size {
		sendCounts[q] = 4 * parts * pieces[q].len()
		if q != me {
			recvCounts[q] = 4 * len(c.nodes[q]) * n
			others += len(c.nodes[q]) * n
		}
	}
	l := c.lane(partsLane)
	if send, recv := of.within(r.parts[0].Value), l.memory(buffer, 4*others); parts == 1 && send != nil {
		p := piece{of, floats(recv), [][]float32{pieces[me].within(r.parts[0].Value)}}
		return p, l.exchange(recv, bytes(send), recvCounts, sendCounts)
	}
	all, send := floats(l.memory(buffer, 4*(others+parts*n))), floats(l.memory(2, 4*parts*of.len()))
	p, own, at := piece{of: of, in: all[:others]}, all[others:], send
	for q := range size {
		for _, part := range r.parts {
			if q == me {
				pieces[q].read(own[:n], part.Value)
				p.mine, own = append(p.mine, own[:n]), own[n:]
			} else {
				pieces[q].read(at, part.Value)
			}
			at = at[pieces[q].len():]
		}
	}
	return p, l.exchange(bytes(p.in), bytes(send), recvCounts, sendCounts)
}

// collectAll adds up the pieces of all buckets and sends the sums to all ranks.
func (r *Reduction) collectAll() (err error) {
	for p := range r.pieces {
		if err == nil { // what comes after an error nobody has a use for
			err = r.collect(p)
		}
	}
	return err
}

// collect adds up the parts of a piece and writes to dst what they, and the pieces of others, come to.
func (r *Reduction) collect(p piece) error {
	c, size, me := r.comm, r.comm.size(), r.comm.rank()
	pieces, counts := p.of.split(size), make([]int, size)
	n, in := pieces[me].len(), p.in
	c.sum.Reset()
	for q, nodes := range c.nodes {
		for i, node := range nodes {
			if q == me {
				c.sum.Push(node, p.mine[i])
				continue
			}
			c.sum.Push(node, in[:n])
			in = in[n:]
		}
	}
	for q := range size {
		counts[q] = 4 * pieces[q].len()
	}
	l, all := c.lane(sumsLane), p.of.within(r.dst)
	if all != nil {
		copy(all[pieces[me].lo-p.of.lo:], c.sum.Parts()[0].Value)
		return l.collect(bytes(all), counts)
	}
	all = floats(l.memory(0, 4*p.of.len()))
	copy(all[pieces[me].lo-p.of.lo:], c.sum.Parts()[0].Value)
	err := l.collect(bytes(all), counts)
	p.of.write(r.dst, all)
	return err
}

// plan finds the subtrees of all ranks.
func (c *Comm) plan(leaves int) {
	if c.sum.Leaves == leaves {
		return
	}
	c.sum.Leaves, c.nodes = leaves, nil
	for r := range c.size() {
		lo, hi := Share(leaves, r, c.size())
		c.nodes = append(c.nodes, Nodes(leaves, lo, hi))
	}
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

// split returns the pieces of s, one for each rank.
func (s span) split(size int) []span {
	pieces, n := make([]span, size), s.len()
	at := func(q int) int { return s.lo + min((n+align-1)/align*q/size*align, n) }
	for q := range pieces {
		pieces[q] = span{at(q), at(q + 1)}
	}
	return pieces
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
