package dist

import (
	"time"
	"unsafe"
)

// Comm is a group of ranks, which all run the same program: goroutines of [Local], or the processes that
// mpirun has started, see [Start]. Every rank has a Comm of its own and makes the same calls in the same
// order; one goroutine at a time may call, but calls may come between [Comm.Begin] and [Reduction.Wait]. An
// error says that a rank is gone, or the network, and that there is nothing to go on with.
//
// A nil Comm is a group of one.
type Comm struct {
	// Bucket is how many numbers a sum sends at a time, the same at all ranks; 0 is the default of the function
	// Bucket. No bit depends on it.
	Bucket int

	transport
	going *Reduction // that nobody has waited for

	sum              Fold[*addend]
	nodes            [][]Node // of every rank, for the leaves of sum
	terms            []addend // of sum
	send, recv, sums []int    // bytes of every rank, of a bucket
}

// transport is how ranks reach each other.
type transport interface {
	rank() int
	size() int
	// lane returns lane i of the lanes there are.
	lane(i int) lane
	// yield lets others compute that want to: ranks may share cores.
	yield()
	// pause leaves the core to others for some 50 microseconds.
	pause()
	// abort ends all ranks.
	abort(code int)
	// close leaves the group, with which all ranks are done.
	close() error
}

// lane carries bytes between ranks, one operation at a time, whatever the other lanes do meanwhile. What is of
// different ranks lies in the order of the ranks, without gaps. Nothing goes from a rank to itself. An operation goes
// on while somebody asks whether it is done.
type lane interface {
	// memory returns buffer i of the lane, of n bytes. It holds what it did, if it was as long.
	memory(i, n int) []byte
	// exchange begins to send every other rank its part of send and to receive one from each of them (as MPI_Ialltoallv).
	// There is no part of this rank in recv, but there is one in send.
	exchange(recv, send []byte, recvCounts, sendCounts []int) error
	// collect begins to receive in all the parts of the other ranks, beside that of this one, which is there (as
	// MPI_Iallgatherv).
	collect(all []byte, counts []int) error
	// done has the operation that has begun go on, looks so often at most whether it is complete and reports it.
	done(looks int) (bool, error)
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
	return &Comm{transport: t, sum: Fold[*addend]{Join: join}}
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
	if err := c.Barrier(); err != nil {
		return err
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
	l := c.lane(gatherLane)
	lengths := words(l.memory(0, n*word))
	lengths[c.rank()] = uint64(len(x))
	if err := c.complete(l, l.collect(l.memory(0, n*word), counts)); err != nil {
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
	if err := c.complete(l, l.collect(recv, counts)); err != nil {
		return nil, err
	}
	recv = append([]byte(nil), recv...)
	for i, n := range counts {
		all[i], recv = recv[:n:n], recv[n:]
	}
	return all, nil
}

// complete returns when an operation that has begun, if it has, is complete. Meanwhile a sum goes on.
func (c *Comm) complete(l lane, err error) error {
	for p := c.newPatience(); err == nil; {
		var done bool
		if done, err = l.done(patient); done {
			break
		}
		p.rest(c.going != nil && c.going.advance(patient))
	}
	return err
}

// patience is that of one who has nothing to do but to wait. Many operations are done before a pause is
// over; but who waits for long leaves the core alone.
type patience struct {
	comm  *Comm
	since time.Time // something has happened last
}

const (
	// patient is how many looks at an operation are taken at a time: a call of C takes as long as some of them.
	patient = 16
	// eager is for how long after something has happened more of it is looked for without a pause by one beside whom
	// others compute, idle by one who has nothing else to do.
	eager = 20 * time.Microsecond
	idle  = 10 * time.Millisecond
)

func (c *Comm) newPatience() patience { return patience{c, time.Now()} }

// rest waits a little, if nothing has happened since the last time.
func (p *patience) rest(happened bool) {
	switch {
	case happened:
		p.since = time.Now()
	case time.Since(p.since) > idle:
		p.comm.pause()
	default:
		p.comm.yield()
	}
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
