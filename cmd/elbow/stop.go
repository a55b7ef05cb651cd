package main

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/elbow-go/elbow/dist"
	"github.com/elbow-go/elbow/internal/atomicfile"
	"github.com/elbow-go/elbow/internal/rundir"
)

// grace is how long a command may take to end by itself after a signal. Reading, scoring and
// drawing do not ask whether they should end, so they are ended.
const grace = 600 * time.Millisecond

// stopper ends the process in good order:
//
//	first signal  the context ends; after grace, and once nothing is held, the process
//	another one   the process
//
// No temporary file is left either way. A training holds the process until its checkpoint is
// written.
type stopper struct {
	cancel context.CancelFunc
	exit   func(code int) // ends the process

	mu   sync.Mutex
	held int
	free *sync.Cond
	code int // exit code of the first call of stop; 0 before it
}

type stopperKey struct{}

// newStopper returns a context that knows its stopper.
func newStopper(comm *dist.Comm) (context.Context, *stopper) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &stopper{cancel: cancel, exit: func(code int) {
		atomicfile.Abandon()
		rundir.Abandon()
		leave(comm, code)
	}}
	s.free = sync.NewCond(&s.mu)
	return context.WithValue(ctx, stopperKey{}, s), s
}

// stopperOf returns the stopper of a context, or one that does nothing.
func stopperOf(ctx context.Context) *stopper {
	s, _ := ctx.Value(stopperKey{}).(*stopper)
	return s
}

// impatience is how long after the first signal another one ends the process at once: shells and
// systems send two for one, as when a terminal is closed.
const impatience = 200 * time.Millisecond

// listen obeys the signals that come.
func (s *stopper) listen(signals <-chan os.Signal) {
	<-signals
	first := time.Now()
	s.stop(codeInterrupted)
	for range signals {
		if time.Since(first) > impatience {
			s.exit(codeInterrupted)
		}
	}
}

// stop has the process end in good order, with an exit code. Only the first call counts.
func (s *stopper) stop(code int) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.code != 0 {
		return
	}
	s.code = code
	s.cancel()
	go func() {
		time.Sleep(grace)
		s.mu.Lock()
		defer s.mu.Unlock()
		for s.held > 0 {
			s.free.Wait()
		}
		s.exit(s.code)
	}()
}

// hold keeps a signal from ending the process until release is called, once or more often.
func (s *stopper) hold() (release func()) {
	if s == nil {
		return func() {}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held++
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.held--
		s.free.Broadcast()
	})
}

// stopped returns the exit code with which to end, or 0.
func (s *stopper) stopped() int {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.code
}
