package dist

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"
)

// Local returns the ranks of a group of goroutines in one process.
func Local(size int) []*Comm {
	g := &group{waiting: sync.Cond{L: new(sync.Mutex)}, sent: make([]parcel, size)}
	comms := make([]*Comm, size)
	for r := range comms {
		comms[r] = newComm(&local{group: g, number: r})
	}
	return comms
}

// ErrAborted is the error of ranks that wait for one that has called Abort.
var ErrAborted = errors.New("dist: another rank has given up")

// group is what the ranks of Local share.
type group struct {
	waiting sync.Cond
	arrived int
	turn    int // of the barrier
	aborted error
	sent    []parcel // by all ranks
}

// parcel is what a rank sends.
type parcel struct {
	data   []byte
	counts []int // to every rank; nil if all get all of it
}

// wait returns when all ranks wait.
func (g *group) wait() error {
	g.waiting.L.Lock()
	defer g.waiting.L.Unlock()
	turn := g.turn
	if g.arrived++; g.arrived == len(g.sent) {
		g.arrived, g.turn = 0, turn+1
		g.waiting.Broadcast()
	}
	for g.turn == turn && g.aborted == nil {
		g.waiting.Wait()
	}
	if g.turn != turn {
		return nil // all were there before
	}
	return g.aborted
}

// local is the transport of a goroutine.
type local struct {
	*group
	number  int
	buffers [2][]uint64
}

func (l *local) rank() int { return l.number }
func (l *local) size() int { return len(l.sent) }

func (l *local) memory(i, n int) []byte {
	if len(l.buffers[i])*8 < n {
		l.buffers[i] = make([]uint64, (n+7)/8)
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(l.buffers[i]))), n)
}

func (l *local) exchange(recv, send []byte, _, sendCounts []int) error {
	return l.deliver(recv, parcel{send, sendCounts})
}

func (l *local) collect(recv, send []byte, _ []int) error { return l.deliver(recv, parcel{send, nil}) }

// deliver sends a parcel and receives those of all ranks.
func (l *local) deliver(recv []byte, p parcel) error {
	l.sent[l.number] = p
	if err := l.wait(); err != nil {
		return err
	}
	for _, p := range l.sent {
		data := p.data
		if p.counts != nil {
			at := 0
			for _, n := range p.counts[:l.number] {
				at += n
			}
			data = data[at : at+p.counts[l.number]]
		}
		recv = recv[copy(recv, data):]
	}
	return l.wait()
}

func (l *local) abort(code int) {
	l.waiting.L.Lock()
	defer l.waiting.L.Unlock()
	l.aborted = fmt.Errorf("%w (code %d, rank %d)", ErrAborted, code, l.number)
	l.waiting.Broadcast()
}

func (l *local) close() error { return l.wait() }
