package main

import (
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/elbow-go/elbow/cell"
)

// A call is frames of one session that are to go through the network.
type call struct {
	session *session
	x, y    []float32 // all frames in, all outputs
	frames  int
	at      int // frames that are done
	since   time.Time
	done    chan struct{} // has room for the one message that the call is through
}

var (
	errQueue   = errors.New("too many requests wait: try again later")
	errStopped = errors.New("the server is stopping")
)

// A queue holds the calls that wait, first come first served.
type queue struct {
	mu     sync.Mutex
	some   sync.Cond
	calls  []*call
	head   int // calls before it have been taken
	closed bool
}

func newQueue() *queue {
	q := new(queue)
	q.some.L = &q.mu
	return q
}

// push appends a call, unless so many wait already.
func (q *queue) push(c *call, most int) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return errStopped
	}
	if len(q.calls)-q.head >= most {
		return errQueue
	}
	q.calls = append(q.calls, c)
	q.some.Signal()
	return nil
}

// pushAgain appends calls that have been taken and are not through, however many wait.
func (q *queue) pushAgain(cs []*call) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.calls = append(q.calls, cs...)
	q.some.Signal()
}

// take waits for calls and moves up to most of them to dst. It returns none when the queue is closed and empty.
func (q *queue) take(dst []*call, most int) []*call {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.head == len(q.calls) && !q.closed {
		q.some.Wait()
		// The push that woke us is the first of many if there is much to do: those that are about to push go first.
		q.mu.Unlock()
		runtime.Gosched()
		q.mu.Lock()
	}
	n := min(most, len(q.calls)-q.head)
	dst = append(dst, q.calls[q.head:q.head+n]...)
	clear(q.calls[q.head : q.head+n])
	if q.head += n; q.head == len(q.calls) {
		q.calls, q.head = q.calls[:0], 0
	} else if q.head > 1<<12 {
		q.calls, q.head = append(q.calls[:0], q.calls[q.head:]...), 0
	}
	if q.head < len(q.calls) {
		q.some.Signal() // for another worker
	}
	return dst
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.calls) - q.head
}

// close lets workers end once the queue is empty.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.some.Broadcast()
}

// A worker takes what waits, up to a batch, and runs it in one pass: one frame of one session if little is going on, up to
// steps frames of batch sessions under load. What a session gets has the same bits in any company.
type worker struct {
	net          *network
	queue        *queue
	figures      *figures
	batch, steps int

	calls   []*call
	lengths []int
	shape   cell.Batch
	seq     *cell.StackSequence[float32]
	x, h, c []float32
	y       []float32 // of the dense layer
}

func newWorker(net *network, q *queue, f *figures, batch, steps int) *worker {
	return &worker{net: net, queue: q, figures: f, batch: batch, steps: steps, seq: cell.NewStackSequence[float32]()}
}

// run works until the queue is closed.
func (w *worker) run() {
	for {
		w.calls = w.queue.take(w.calls[:0], w.batch)
		if len(w.calls) == 0 {
			return
		}
		w.turn()
	}
}

// turn runs a batch of the calls that have been taken.
func (w *worker) turn() {
	start := time.Now()
	w.lengths = w.lengths[:0]
	for _, c := range w.calls {
		if c.at == 0 {
			w.figures.wait.add(start.Sub(c.since).Seconds())
		}
		w.lengths = append(w.lengths, min(c.frames-c.at, w.steps))
	}
	w.shape.Reset(w.lengths)
	w.gather()
	w.net.stack.Forward(w.seq, w.shape.Shape, w.x, w.h, w.c, 1)
	w.seq.Final(w.h, w.c)
	y := w.seq.H
	if d := w.net.dense; d != nil {
		w.y = grow(w.y, w.shape.Shape.Rows()*d.Out)
		d.Forward(w.y, y, w.shape.Shape.Rows())
		y = w.y
	}
	w.figures.sequences.add(float64(len(w.calls)))
	w.figures.frames.Add(uint64(w.shape.Shape.Rows()))
	w.figures.compute.add(time.Since(start).Seconds())
	w.scatter(y)
}

// gather copies frames to the rows of the batch, and states to its sequences.
func (w *worker) gather() {
	shape, in := w.shape.Shape, w.net.in()
	w.x = grow(w.x, shape.Rows()*in)
	for i, from := range w.shape.Order {
		c := w.calls[from]
		for t := range shape.Length(i) {
			copy(w.x[shape.Row(t, i)*in:][:in], c.x[(c.at+t)*in:])
		}
	}
	h, c := w.net.stack.StateSizes()
	w.h, w.c = grow(w.h, h*shape.Batch()), grow(w.c, c*shape.Batch())
	w.states(func(batch, one []float32) { copy(batch, one) })
}

// scatter copies outputs and states back, and tells those whose calls are through.
func (w *worker) scatter(y []float32) {
	w.states(func(batch, one []float32) { copy(one, batch) })
	shape, out := w.shape.Shape, w.net.out()
	for i, from := range w.shape.Order {
		c := w.calls[from]
		for t := range shape.Length(i) {
			copy(c.y[(c.at+t)*out:][:out], y[shape.Row(t, i)*out:])
		}
	}
	again := w.calls[:0]
	for i, c := range w.calls {
		if c.at += w.lengths[i]; c.at < c.frames {
			again = append(again, c)
		} else {
			c.done <- struct{}{}
		}
	}
	if len(again) > 0 {
		w.queue.pushAgain(again)
	}
}

// states calls move for the state of every layer of every call: where it is in the batch, [layers, batch, units], and
// where in the session.
func (w *worker) states(move func(batch, one []float32)) {
	n, h, c := w.shape.Shape.Batch(), 0, 0
	for _, l := range w.net.stack.Layers {
		units, memory := l.Out(), 0
		if l.Kind == cell.LSTM {
			memory = l.Hidden
		}
		for i, from := range w.shape.Order {
			s := w.calls[from].session
			move(w.h[h*n+i*units:][:units], s.h[h:][:units])
			move(w.c[c*n+i*memory:][:memory], s.c[c:][:memory])
		}
		h, c = h+units, c+memory
	}
}

// grow returns x with n elements of any value.
func grow(x []float32, n int) []float32 {
	if cap(x) < n {
		return make([]float32, n)
	}
	return x[:n]
}
