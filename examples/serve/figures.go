package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// figures are what /metrics shows, in the text format of Prometheus.
type figures struct {
	started   time.Time
	frames    atomic.Uint64
	sessions  atomic.Uint64 // that were started
	streams   atomic.Int64  // that are open
	sequences histogram     // of a batch
	wait      histogram     // seconds a call was in the queue
	compute   histogram     // seconds of a batch
	expired   atomic.Uint64 // sessions
	deleted   atomic.Uint64

	mu        sync.Mutex
	responses map[string]uint64 // by their labels
}

func newFigures() *figures {
	seconds := []float64{100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 100e-3, 250e-3, 500e-3, 1, 2.5, 5, 10}
	return &figures{started: time.Now(), responses: map[string]uint64{}, wait: newHistogram(seconds...), compute: newHistogram(seconds...),
		sequences: newHistogram(1, 2, 4, 8, 16, 32, 64, 128, 256)}
}

// response counts an answer.
func (f *figures) response(handler string, code int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.responses[fmt.Sprintf(`handler="%s",code="%d"`, handler, code)]++
}

// write writes all figures; open and waiting are the sessions and calls of this moment.
func (f *figures) write(w io.Writer, open, waiting int) {
	var b strings.Builder
	one := func(name, kind, help string, v any) {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n%s %v\n", name, help, name, kind, name, v)
	}
	one("serve_sessions", "gauge", "Sessions that are open.", open)
	one("serve_streams", "gauge", "Streams that are open.", f.streams.Load())
	one("serve_queue", "gauge", "Requests and frames of streams that wait.", waiting)
	one("serve_goroutines", "gauge", "Goroutines.", runtime.NumGoroutine())
	one("serve_start_time_seconds", "gauge", "When the server started, in seconds since 1970.", f.started.Unix())
	one("serve_sessions_started_total", "counter", "Sessions that were started.", f.sessions.Load())
	one("serve_sessions_expired_total", "counter", "Sessions that ended because nobody used them.", f.expired.Load())
	one("serve_sessions_deleted_total", "counter", "Sessions that clients ended.", f.deleted.Load())
	one("serve_frames_total", "counter", "Frames that went through the network.", f.frames.Load())
	f.sequences.write(&b, "serve_batch_sessions", "Sessions in a batch.")
	f.wait.write(&b, "serve_wait_seconds", "Time that a request waited for its first batch.")
	f.compute.write(&b, "serve_batch_seconds", "Time that a batch took.")
	fmt.Fprint(&b, "# HELP serve_responses_total Answers by handler and status.\n# TYPE serve_responses_total counter\n")
	f.mu.Lock()
	for _, labels := range slices.Sorted(maps.Keys(f.responses)) {
		fmt.Fprintf(&b, "serve_responses_total{%s} %d\n", labels, f.responses[labels])
	}
	f.mu.Unlock()
	io.WriteString(w, b.String())
}

// A histogram counts values up to each of some bounds.
type histogram struct {
	bounds []float64
	counts []atomic.Uint64 // one more than bounds
	sum    atomic.Uint64   // bits of a float64
}

func newHistogram(bounds ...float64) histogram {
	return histogram{bounds: bounds, counts: make([]atomic.Uint64, len(bounds)+1)}
}

func (h *histogram) add(v float64) {
	i, _ := slices.BinarySearch(h.bounds, v)
	h.counts[i].Add(1)
	for {
		old := h.sum.Load()
		if h.sum.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+v)) {
			return
		}
	}
}

func (h *histogram) write(w io.Writer, name, help string) {
	fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s histogram\n", name, help, name)
	total := uint64(0)
	for i := range h.counts {
		total += h.counts[i].Load()
		bound := "+Inf"
		if i < len(h.bounds) {
			bound = fmt.Sprint(h.bounds[i])
		}
		fmt.Fprintf(w, "%s_bucket{le=\"%s\"} %d\n", name, bound, total)
	}
	fmt.Fprintf(w, "%s_sum %v\n%s_count %d\n", name, math.Float64frombits(h.sum.Load()), name, total)
}
