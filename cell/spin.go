package cell

import (
	"runtime"
	"sync/atomic"
	"time"

	"github.com/elbow-go/elbow/kernels"
)

// Steps shared by goroutines. Part i of them, on a goroutine of its own:
//
//	project a share of all rows
//	meet
//	for each step
//	    its units of the step      reads the whole state before the step
//	    meet

// A barrier is where goroutines wait for each other. They are to meet every few microseconds,
// much less than it takes to wake one that sleeps, so they look again and again.
type barrier struct {
	size    int32 // how many meet
	_       cacheLine
	arrived atomic.Int32
	_       cacheLine
	round   atomic.Uint32 // meetings so far
	_       cacheLine
}

// cacheLine keeps what is written often on a line of its own.
type cacheLine [64]byte

// How long a goroutine waits in which way. First it looks so often, for some microseconds:
// parts of a step differ by less, and a goroutine that has been away may come back on another
// core, far from its weights. Then it lets another one have its thread: where there are fewer
// threads than goroutines, the one to wait for may not be running at all. When that did not
// help so many times, some 50 microseconds, the thread to wait for has lost its core, maybe to
// this very goroutine, which then sleeps for it to go on.
const (
	barrierSpins  = 2000
	barrierYields = 16
	barrierSleep  = 20 * time.Microsecond
)

// wait returns once all have called it. What they wrote before is seen by all.
func (b *barrier) wait() {
	round := b.round.Load()
	if b.arrived.Add(1) == b.size {
		b.arrived.Store(0)
		b.round.Add(1)
		return
	}
	for spins := 1; b.round.Load() == round; spins++ {
		switch {
		case spins%barrierSpins != 0:
		case spins <= barrierYields*barrierSpins:
			runtime.Gosched()
		default:
			time.Sleep(barrierSleep)
		}
	}
}

// spinBatch is how many sequences for each goroutine are enough to share these instead: the
// weights are then read for several rows at a time, and nobody waits.
const spinBatch = 4

// spins reports whether so many goroutines share the steps.
func (s *Sequence[T]) spins(threads int) bool {
	return s.Spin && threads > 1 && s.shape.Batch() < spinBatch*threads && s.layer.whh.Divides()
}

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
	l, h := s.layer, s.hidden
	lo, hi := s.share(i, s.shape.Rows())
	l.project(s, s.x[lo*l.In:], lo, hi, 0, l.In)
	s.meet()
	hx := s.HPrev
	for t := range s.shape.Steps() {
		off, n := s.shape.Step(t)
		l.fusedStep(s, t, 0, n, hx[:n*h], s.part(i))
		s.meet()
		// The next step reads the state from H, since the others may still be copying it.
		hx = s.H[off*h:]
		next, more := s.shape.Step(t + 1)
		lo, hi := s.share(i, more*h)
		copy(s.HPrev[next*h+lo:next*h+hi], hx[lo:hi])
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
	if lo, hi := s.share(i, s.shape.Rows()); s.dx != nil && lo < hi {
		l.InputGrad(s, s.dx[lo*l.In:], lo, hi, 0, l.In, false)
	}
}
