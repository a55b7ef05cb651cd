package cell

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/elbow-go/elbow/kernels"
)

// Steps shared by goroutines. Part i of them, on a goroutine of its own:
//
//	for each few steps
//	    project their input to a share of the outputs
//	    meet
//	    for each of them
//	        its units of the step      reads the whole state before the step
//	        meet

// A barrier makes goroutines wait until all of them have reached it. They do so every few
// microseconds, and waking a sleeping goroutine takes much longer than that, so those that wait
// keep checking instead, for a while.
type barrier struct {
	size    int32 // how many meet
	_       cacheLine
	arrived atomic.Int32
	_       cacheLine
	round   atomic.Uint32 // meetings so far
	_       cacheLine
	asleep  atomic.Int32 // how many have stopped checking, or are about to
	mu      sync.Mutex
	wake    sync.Cond
}

// cacheLine keeps what is written often on a line of its own.
type cacheLine [64]byte

// How a goroutine waits. It starts by checking barrierSpins times without a pause, which takes a few
// microseconds: the parts of a step take about equally long, and a goroutine that gives up its
// thread may continue on another core, away from the weights in its cache. Then it yields after
// every barrierSpins checks, because with fewer threads than goroutines the one it waits for may
// not be running. If barrierYields of those have not helped, after some 400 microseconds, the
// operating system has probably taken the core away from the thread it waits for, perhaps to run
// this very goroutine: so it sleeps until the last one comes. To wake up takes some 100 microseconds,
// which the other one must be ready to wait for, or they would sleep in turns. A sleep for a time would
// be one of a millisecond or more, since Go's network poller counts in those.
const (
	barrierSpins  = 2000
	barrierYields = 128
)

// init says how many meet.
func (b *barrier) init(size int) { b.size, b.wake.L = int32(size), &b.mu }

// wait returns once all have called it. What they wrote before is seen by all.
func (b *barrier) wait() {
	round := b.round.Load()
	if b.arrived.Add(1) == b.size {
		b.arrived.Store(0)
		b.round.Add(1)
		if b.asleep.Load() > 0 {
			b.mu.Lock()
			b.wake.Broadcast()
			b.mu.Unlock()
		}
		return
	}
	for spins := 1; b.round.Load() == round; spins++ {
		switch {
		case spins%barrierSpins != 0:
		case spins < barrierYields*barrierSpins:
			runtime.Gosched()
		default:
			b.sleep(round)
		}
	}
}

// sleep returns when a round is over.
func (b *barrier) sleep(round uint32) {
	b.asleep.Add(1)
	b.mu.Lock()
	for b.round.Load() == round {
		b.wake.Wait()
	}
	b.mu.Unlock()
	b.asleep.Add(-1)
}

// spinBatch is how many sequences for each goroutine are enough to share these instead: the
// weights are then read for several rows at a time, and nobody waits.
const spinBatch = 4

// leastShared is the number of recurrent weights from which a step takes longer than goroutines take to meet.
const leastShared = 1 << 15

// shareable reports whether so many goroutines may share the steps.
func (s *Sequence[T]) shareable(threads int) bool {
	return threads > 1 && s.shape.Steps() > 0 && s.shape.Batch() < spinBatch*threads && s.layer.divides() &&
		(alwaysShare || threads <= runtime.GOMAXPROCS(0) && len(s.layer.Whh) >= leastShared)
}

// alwaysShare has all share that may. It is for tests.
var alwaysShare bool

// shareCols is the number of outputs at whose multiples the projection is shared out: the columns of a
// panel of Wih.
const shareCols = 64

// divides reports whether goroutines gain from sharing a step, and may: what follows the product in
// package cell itself is not divided.
func (l *Recurrent[T]) divides() bool { return l.fused() && l.CellClip == 0 && l.whh.Divides() }

// share returns the part of n elements that is that of goroutine i.
func (s *Sequence[T]) share(i, n int) (lo, hi int) {
	size := int(s.barrier.size)
	return i * n / size, (i + 1) * n / size
}

func (s *Sequence[T]) part(i int) kernels.StepPart {
	return kernels.StepPart{Index: i, Of: int(s.barrier.size), Meet: s.meet}
}

// forwardUnits is the part of goroutine i in Forward.
func (s *Sequence[T]) forwardUnits(i, _ int) {
	l, h := s.layer, s.out
	from, to := s.share(i, (s.outputs()+shareCols-1)/shareCols)
	from, to = min(from*shareCols, s.outputs()), min(to*shareCols, s.outputs())
	hx := s.HPrev
	for t0, t1 := 0, 0; t0 < s.shape.Steps(); t0 = t1 {
		t1 = s.until(t0)
		first := s.firstRow(t0)
		lo, _ := s.shape.Step(t0)
		hi, _ := s.shape.Step(t1)
		s.project(lo, hi, first, from, to)
		s.meet()
		for t := t0; t < t1; t++ {
			off, n := s.shape.Step(t)
			l.fusedStep(s, t, 0, n, first, hx[:n*h], s.part(i))
			s.meet()
			// The next step reads the state from H, since the others may still be copying it.
			hx = s.H[off*h:]
			next, more := s.shape.Step(t + 1)
			lo, hi := s.share(i, more*h)
			copy(s.HPrev[next*h+lo:next*h+hi], hx[lo:hi])
		}
	}
}

// backwardUnits is the part of goroutine i in Backward.
func (s *Sequence[T]) backwardUnits(i, _ int) {
	l := s.layer
	for t := s.shape.Steps() - 1; t >= 0; t-- {
		_, n := s.shape.Step(t)
		if i == 0 {
			l.collect(s, t, 0, n, s.outputGrad(t))
		}
		s.meet()
		l.stepBackward(s, t, 0, n, s.part(i))
		s.meet()
	}
}
