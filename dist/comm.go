package dist

import (
	"fmt"
	"unsafe"

	"github.com/elbow-go/elbow/kernels"
)

// Comm is a group of ranks, which all run the same program: goroutines of [Local], or the processes that
// mpirun has started, see [Start]. Every rank has a Comm of its own and makes the same calls in the same
// order; one goroutine at a time may call. An error says that a rank is gone, or the network, and that there
// is nothing to go on with.
//
// A nil Comm is a group of one.
type Comm struct {
	transport
	sum   Fold[[]float32]
	nodes [][]Node // of every rank, for the leaves of sum
}

// transport carries bytes between ranks. What goes to different ranks lies in the order of the ranks,
// without gaps.
type transport interface {
	rank() int
	size() int
	// memory returns buffer i, of n bytes, which all buffers are. It holds what it did, if it was as long.
	memory(i, n int) []byte
	// exchange sends every rank its part and receives one from every rank (MPI_Alltoallv).
	exchange(recv, send []byte, recvCounts, sendCounts []int) error
	// collect receives the parts of all ranks (MPI_Allgatherv).
	collect(recv, send []byte, counts []int) error
	// abort ends all ranks.
	abort(code int)
	// close leaves the group when all others do.
	close() error
}

func newComm(t transport) *Comm {
	return &Comm{transport: t, sum: Fold[[]float32]{Join: func(into, from []float32) { kernels.Axpy(into, from, 1) }}}
}

// Rank returns the number of this rank, from 0 on.
func (c *Comm) Rank() int {
	if c == nil {
		return 0
	}
	return c.rank()
}

// Size returns how many ranks there are.
func (c *Comm) Size() int {
	if c == nil {
		return 1
	}
	return c.size()
}

// Abort ends all ranks, processes with the given exit code, which must not be 0. It does not return
// where ranks are processes.
func (c *Comm) Abort(code int) {
	if c != nil {
		c.abort(code)
	}
}

// Close waits until all ranks call it. A process that leaves without it, or without Abort, has failed for
// mpirun.
func (c *Comm) Close() error {
	if c == nil {
		return nil
	}
	return c.close()
}

// Barrier waits until all ranks call it.
func (c *Comm) Barrier() error {
	_, err := c.Gather(nil)
	return err
}

// Gather returns what all ranks have given, by rank.
func (c *Comm) Gather(x []byte) ([][]byte, error) {
	if c == nil {
		return [][]byte{x}, nil
	}
	n := c.size()
	const word = 8
	counts := make([]int, n)
	for i := range counts {
		counts[i] = word
	}
	lengths, length := words(c.memory(0, n*word)), words(c.memory(1, word))
	length[0] = uint64(len(x))
	if err := c.collect(c.memory(0, n*word), c.memory(1, word), counts); err != nil {
		return nil, err
	}
	total := 0
	for i, l := range lengths {
		counts[i] = int(l)
		total += int(l)
	}
	all := make([][]byte, n)
	if total == 0 {
		return all, nil
	}
	recv, send := c.memory(0, total), c.memory(1, len(x))
	copy(send, x)
	if err := c.collect(recv, send, counts); err != nil {
		return nil, err
	}
	recv = append([]byte(nil), recv...)
	for i, l := range counts {
		all[i], recv = recv[:l:l], recv[l:]
	}
	return all, nil
}

// Share returns which leaves are those of a rank.
func Share(leaves, rank, size int) (lo, hi int) {
	return rank * leaves / size, (rank + 1) * leaves / size
}

// Nodes returns what the leaves lo..hi come to: the largest subtrees among them.
func Nodes(leaves, lo, hi int) (nodes []Node) {
	f := Fold[int]{Leaves: leaves, Join: func(int, int) {}}
	for i := lo; i < hi; i++ {
		f.Push(Node{First: i}, 0)
	}
	for _, p := range f.Parts() {
		nodes = append(nodes, p.Node)
	}
	return nodes
}

// bucket is how many numbers a sum sends at a time. No bit depends on it: it bounds the buffers, and MPI
// counts in 32 bits.
var bucket = 1 << 22

// align is of how many numbers the pieces of a bucket are multiples.
const align = 16

// Sum writes to dst the sum over all leaves. Rank r gives what those of Share come to, its parts, which are at
// the subtrees of [Nodes]. All vectors are in as many slices of the same lengths; dst may be one of them. It
// panics if the parts are others.
//
// Every rank owns a piece of the vector. It receives that of all parts, adds them up along the tree and sends
// the sum back, so that a rank whose leaves are one subtree sends as much as in a ring.
func (c *Comm) Sum(dst [][]float32, leaves int, parts []Part[[][]float32]) error {
	if c == nil {
		c = Local(1)[0]
	}
	n := 0
	for _, x := range dst {
		n += len(x)
	}
	c.plan(leaves)
	if !c.fit(parts) {
		panic(fmt.Sprintf("dist: Comm.Sum: the parts of rank %d are not at the nodes %v", c.rank(), c.nodes[c.rank()]))
	}
	for lo := 0; lo < n; lo += bucket {
		if err := c.sumRange(dst, parts, lo, min(lo+bucket, n)); err != nil {
			return err
		}
	}
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

// sumRange computes the numbers lo..hi of the sum.
func (c *Comm) sumRange(dst [][]float32, parts []Part[[][]float32], lo, hi int) error {
	size, me, n := c.size(), c.rank(), hi-lo
	pieces, sendCounts, recvCounts := make([]int, size+1), make([]int, size), make([]int, size)
	for q := range pieces {
		pieces[q] = min((n+align-1)/align*q/size*align, n)
	}
	pieces[size] = n
	mine, from := pieces[me+1]-pieces[me], 0
	for q := range size {
		sendCounts[q] = 4 * len(parts) * (pieces[q+1] - pieces[q])
		recvCounts[q] = 4 * len(c.nodes[q]) * mine
		from += recvCounts[q]
	}
	recv, send := c.memory(0, from), c.memory(1, 4*len(parts)*n)
	at := floats(send)
	for q := range size {
		for _, p := range parts {
			w := pieces[q+1] - pieces[q]
			spans(p.Value, lo+pieces[q], w, func(x []float32, k int) { copy(at[k:], x) })
			at = at[w:]
		}
	}
	if err := c.exchange(recv, send, recvCounts, sendCounts); err != nil {
		return err
	}
	c.sum.Reset()
	in := floats(recv)
	for _, nodes := range c.nodes {
		for _, node := range nodes {
			c.sum.Push(node, in[:mine])
			in = in[mine:]
		}
	}
	sum := c.sum.Parts()[0].Value
	for q := range size {
		recvCounts[q] = 4 * (pieces[q+1] - pieces[q])
	}
	send = c.memory(1, 4*n)[:4*mine]
	copy(floats(send), sum)
	recv = c.memory(0, 4*n)
	if err := c.collect(recv, send, recvCounts); err != nil {
		return err
	}
	all := floats(recv)
	spans(dst, lo, n, func(x []float32, k int) { copy(x, all[k:]) })
	return nil
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

// floats and words are bytes of a buffer as what they hold.
func floats(b []byte) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/4)
}

func words(b []byte) []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/8)
}
