package dist

import (
	"unsafe"

	"github.com/elbow-go/elbow/kernels"
)

// Comm is a group of ranks, which all run the same program: goroutines of [Local], or the processes that
// mpirun has started, see [Start]. Every rank has a Comm of its own and makes the same calls in the same
// order; one goroutine at a time may call, but calls may come between [Comm.Begin] and [Reduction.Wait]. An
// error says that a rank is gone, or the network, and that there is nothing to go on with.
//
// A nil Comm is a group of one.
type Comm struct {
	// Bucket is how many numbers a sum sends at a time, the same at all ranks; 0 is a default. No bit depends on
	// it.
	Bucket int

	transport
	sum   Fold[[]float32]
	nodes [][]Node // of every rank, for the leaves of sum
}

// transport is how ranks reach each other.
type transport interface {
	rank() int
	size() int
	// lane returns lane i of the lanes there are.
	lane(i int) lane
	// hurry says by 1 that somebody has nothing to do but to wait for a lane, by -1 that the wait is over.
	hurry(by int32)
	// abort ends all ranks.
	abort(code int)
	// close leaves the group when all others do.
	close() error
}

// lane carries bytes between ranks, one operation at a time, whatever the other lanes do meanwhile. What is of
// different ranks lies in the order of the ranks, without gaps. Nothing goes from a rank to itself.
type lane interface {
	// memory returns buffer i of the lane, of n bytes. It holds what it did, if it was as long.
	memory(i, n int) []byte
	// exchange sends every other rank its part of send and receives one from each of them (MPI_Alltoallv). There is
	// no part of this rank in recv, but there is one in send.
	exchange(recv, send []byte, recvCounts, sendCounts []int) error
	// collect receives in all the parts of the other ranks, beside that of this one, which is there
	// (MPI_Allgatherv).
	collect(all []byte, counts []int) error
}

// What may go on at the same time has lanes of its own: operations of a lane are in the same order at all ranks,
// those of different lanes need not be.
const (
	partsLane  = iota // parts on their way to the owners of pieces
	sumsLane          // pieces of sums on their way back
	gatherLane        // all else
	lanes
)

// buffers is how many buffers a lane has.
const buffers = 3

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
	c.hurry(1)
	defer c.hurry(-1)
	l := c.lane(gatherLane)
	lengths := words(l.memory(0, n*word))
	lengths[c.rank()] = uint64(len(x))
	if err := l.collect(l.memory(0, n*word), counts); err != nil {
		return nil, err
	}
	total, at := 0, 0
	for i, n := range lengths {
		if counts[i] = int(n); i == c.rank() {
			at = total
		}
		total += int(n)
	}
	all := make([][]byte, n)
	if total == 0 {
		return all, nil
	}
	recv := l.memory(0, total)
	copy(recv[at:], x)
	if err := l.collect(recv, counts); err != nil {
		return nil, err
	}
	recv = append([]byte(nil), recv...)
	for i, n := range counts {
		all[i], recv = recv[:n:n], recv[n:]
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

// floats, bytes and words are memory as something else.
func floats(b []byte) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/4)
}

func bytes(x []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
}

func words(b []byte) []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/8)
}
