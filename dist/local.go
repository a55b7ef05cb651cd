package dist

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
	"unsafe"
)

// Local returns the ranks of a group of goroutines in one process.
func Local(size int) []*Comm { return Simulate(size, 0, 0) }

// Simulate is [Local] with a network between the ranks: what a rank sends arrives after the latency, and its link
// carries, in each direction, so many bytes a second. Without a rate it carries any number.
func Simulate(size int, latency time.Duration, bytesPerSecond float64) []*Comm {
	g := &group{waiting: sync.Cond{L: new(sync.Mutex)}, latency: latency, rate: bytesPerSecond}
	for i := range g.meetings {
		g.meetings[i].sent = make([]parcel, size)
	}
	comms := make([]*Comm, size)
	for r := range comms {
		l := &local{group: g, number: r}
		for i := range l.lanes {
			l.lanes[i] = localLane{local: l, meeting: &g.meetings[i], ended: make(chan error, 1)}
		}
		comms[r] = newComm(l)
	}
	return comms
}

// ErrAborted is the error of ranks that wait for one that has called Abort.
var ErrAborted = errors.New("dist: another rank has given up")

// group is what the ranks of Local share.
type group struct {
	waiting  sync.Cond
	aborted  error
	meetings [lanes]meeting

	latency time.Duration
	rate    float64
}

// meeting is where all ranks meet in a lane.
type meeting struct {
	arrived int
	turn    int
	sent    []parcel // by all ranks
}

// parcel is what a rank has for the others: the same for all, or its part for each.
type parcel struct {
	data   []byte
	counts []int
}

// to returns what goes to a rank.
func (p parcel) to(rank int) []byte {
	if p.counts == nil {
		return p.data
	}
	return part(p.data, p.counts, rank)
}

// part returns the part of a rank of what is of all ranks.
func part(all []byte, counts []int, rank int) []byte {
	at := 0
	for _, n := range counts[:rank] {
		at += n
	}
	return all[at : at+counts[rank]]
}

// wait returns when all ranks wait.
func (g *group) wait(m *meeting) error {
	g.waiting.L.Lock()
	defer g.waiting.L.Unlock()
	turn := m.turn
	if m.arrived++; m.arrived == len(m.sent) {
		m.arrived, m.turn = 0, turn+1
		g.waiting.Broadcast()
	}
	for m.turn == turn && g.aborted == nil {
		g.waiting.Wait()
	}
	if m.turn != turn {
		return nil // all were there before
	}
	return g.aborted
}

// local is the transport of a goroutine.
type local struct {
	*group
	number int
	lanes  [lanes]localLane

	link sync.Mutex
	free time.Time // when the link has carried what it has been given
}

func (l *local) rank() int       { return l.number }
func (l *local) size() int       { return len(l.meetings[0].sent) }
func (l *local) lane(i int) lane { return &l.lanes[i] }

// carry takes as long as a link with so many bytes in one direction.
func (l *local) carry(bytes int) {
	due := time.Now()
	if l.rate > 0 {
		l.link.Lock()
		if l.free.After(due) {
			due = l.free
		}
		due = due.Add(time.Duration(float64(bytes) / l.rate * float64(time.Second)))
		l.free = due
		l.link.Unlock()
	}
	time.Sleep(time.Until(due.Add(l.latency)))
}

// localLane is a lane of a goroutine.
type localLane struct {
	*local
	meeting *meeting
	buffers [buffers][]uint64
	ended   chan error
}

func (l *localLane) memory(i, n int) []byte {
	if len(l.buffers[i])*8 < n {
		l.buffers[i] = make([]uint64, (n+7)/8)
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(l.buffers[i]))), n)
}

func (l *localLane) exchange(recv, send []byte, recvCounts, sendCounts []int) error {
	go func() { l.ended <- l.deliver(recv, recvCounts, parcel{send, sendCounts}) }()
	return nil
}

func (l *localLane) collect(all []byte, counts []int) error {
	go func() { l.ended <- l.deliver(all, counts, parcel{data: part(all, counts, l.number)}) }()
	return nil
}

func (l *localLane) done(int) (bool, error) {
	select {
	case err := <-l.ended:
		return true, err
	default:
		return false, nil
	}
}

// deliver sends a parcel and receives those of all others.
func (l *localLane) deliver(recv []byte, counts []int, own parcel) error {
	l.meeting.sent[l.number] = own
	if err := l.wait(l.meeting); err != nil {
		return err
	}
	out, in := 0, 0
	for q, other := range l.meeting.sent {
		if q != l.number {
			copy(part(recv, counts, q), other.to(l.number))
			out, in = out+len(own.to(q)), in+counts[q]
		}
	}
	if l.latency > 0 || l.rate > 0 {
		l.carry(max(out, in))
	}
	return l.wait(l.meeting)
}

func (l *local) yield() { runtime.Gosched() }
func (l *local) pause() { time.Sleep(50 * time.Microsecond) }

func (l *local) abort(code int) {
	l.waiting.L.Lock()
	defer l.waiting.L.Unlock()
	l.aborted = fmt.Errorf("%w (code %d, rank %d)", ErrAborted, code, l.number)
	l.waiting.Broadcast()
}

func (l *local) close() error { return nil }
