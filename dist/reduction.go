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

// Reduction is a sum that is under way while its parts are computed.
type Reduction struct {
	comm   *Comm
	dst    [][]float32
	parts  []Part[[][]float32]
	length int        // of the vector
	bucket int        // numbers that are sent at a time
	summed chan error // from each of the two goroutines
	pieces chan []byte

	mu    sync.Mutex
	more  sync.Cond
	ready int // numbers that are there
}

// Sum writes to dst the sum over all leaves. Rank r gives what those of Share come to, its parts, which are at
// the subtrees of [Nodes]. All vectors are in as many slices of the same lengths; dst may be one of them. It
// panics if the parts are others.
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
	r := &Reduction{comm: c, dst: dst, parts: parts, bucket: c.Bucket, pieces: make(chan []byte), summed: make(chan error, 2)}
	r.more.L = &r.mu
	for _, x := range dst {
		r.length += len(x)
	}
	if r.bucket <= 0 {
		r.bucket = bucket
	}
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
func (r *Reduction) Wait() error { return errors.Join(<-r.summed, <-r.summed) }

// await returns when the first n numbers are ready.
func (r *Reduction) await(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.ready < n {
		r.more.Wait()
	}
}

// exchangeAll sends the parts of all buckets to the owners of their pieces, and passes on those of its own.
func (r *Reduction) exchangeAll() error {
	defer close(r.pieces)
	for i, lo := 0, 0; lo < r.length; i, lo = i+1, lo+r.bucket {
		hi := min(lo+r.bucket, r.length)
		r.await(hi)
		recv, err := r.exchange(i%2, lo, hi)
		if err != nil {
			return err
		}
		r.pieces <- recv
	}
	return nil
}

// exchange returns what all ranks have for this one of the numbers lo..hi, in one of two buffers: the other
// one is still in use.
func (r *Reduction) exchange(buffer, lo, hi int) ([]byte, error) {
	c, size, me := r.comm, r.comm.size(), r.comm.rank()
	pieces, sendCounts, recvCounts := split(hi-lo, size), make([]int, size), make([]int, size)
	mine, from := pieces[me+1]-pieces[me], 0
	for q := range size {
		sendCounts[q] = 4 * len(r.parts) * (pieces[q+1] - pieces[q])
		recvCounts[q] = 4 * len(c.nodes[q]) * mine
		from += recvCounts[q]
	}
	l := c.lane(partsLane)
	recv, send := l.memory(buffer, from), l.memory(2, 4*len(r.parts)*(hi-lo))
	at := floats(send)
	for q := range size {
		for _, p := range r.parts {
			w := pieces[q+1] - pieces[q]
			spans(p.Value, lo+pieces[q], w, func(x []float32, k int) { copy(at[k:], x) })
			at = at[w:]
		}
	}
	return recv, l.exchange(recv, send, recvCounts, sendCounts)
}

// collectAll adds up the pieces of all buckets and sends the sums to all ranks.
func (r *Reduction) collectAll() (err error) {
	lo := 0
	for in := range r.pieces {
		hi := min(lo+r.bucket, r.length)
		if err == nil { // what comes after an error nobody has a use for
			err = r.collect(floats(in), lo, hi)
		}
		lo = hi
	}
	return err
}

// collect adds up the parts of a piece of the numbers lo..hi and writes what they, and the pieces of others, come to.
func (r *Reduction) collect(in []float32, lo, hi int) error {
	c, n, size, me := r.comm, hi-lo, r.comm.size(), r.comm.rank()
	pieces, counts := split(n, size), make([]int, size)
	mine := pieces[me+1] - pieces[me]
	c.sum.Reset()
	for _, nodes := range c.nodes {
		for _, node := range nodes {
			c.sum.Push(node, in[:mine])
			in = in[mine:]
		}
	}
	for q := range size {
		counts[q] = 4 * (pieces[q+1] - pieces[q])
	}
	l := c.lane(sumsLane)
	recv, send := l.memory(0, 4*n), l.memory(1, 4*mine)
	copy(floats(send), c.sum.Parts()[0].Value)
	if err := l.collect(recv, send, counts); err != nil {
		return err
	}
	all := floats(recv)
	spans(r.dst, lo, n, func(x []float32, k int) { copy(x, all[k:]) })
	return nil
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

// split returns where the pieces of n numbers begin, one for each rank, and where the last one ends.
func split(n, size int) []int {
	pieces := make([]int, size+1)
	for q := range size {
		pieces[q] = min((n+align-1)/align*q/size*align, n)
	}
	pieces[size] = n
	return pieces
}

// spans calls f with the slices that hold the numbers lo.. of a vector, n of them, and how many came before.
func spans(vector [][]float32, lo, n int, f func(x []float32, before int)) {
	before := 0
	for _, x := range vector {
		if lo >= len(x) {
			lo -= len(x)
			continue
		}
		if n == before {
			return
		}
		x = x[lo:min(len(x), lo+n-before)]
		f(x, before)
		before, lo = before+len(x), 0
	}
}
