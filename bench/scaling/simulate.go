package main

import (
	"container/heap"
	"math"
)

// simulate returns the seconds of a step, message by message: every rank has buckets ready, and two lanes as in package
// dist, one for parts and one for sums, each with one bucket at a time. Lanes share the rank's line out and its line in,
// which are first come, first served. Rank r computes for compute[r] seconds.
func (n network) simulate(j job, leaves int, compute []float64) float64 {
	s := &simulation{network: n, job: j, parts: parts(leaves, len(compute)), ranks: make([]simulated, len(compute))}
	ready := j.buckets(bucket(len(compute)))
	for r := range s.ranks {
		rank := &s.ranks[r]
		for lane := range rank.lanes {
			rank.lanes[lane] = make([]operation, len(ready))
		}
		for _, at := range ready {
			rank.ready = append(rank.ready, at*compute[r])
		}
		s.end = math.Max(s.end, compute[r])
		s.next(r)
	}
	for len(s.events) > 0 {
		e := heap.Pop(&s.events).(event)
		if e.ended {
			s.ranks[e.rank].lanes[e.lane][e.bucket].ended = e.at
			s.end = math.Max(s.end, e.at)
			s.next(e.rank)
		} else {
			s.receive(e)
		}
	}
	return s.end
}

// The lanes.
const (
	partsLane = iota
	sumsLane
)

type simulation struct {
	network
	job
	parts  []int
	ranks  []simulated
	events events
	end    float64
}

// simulated is a rank.
type simulated struct {
	ready   []float64 // its buckets
	out, in float64   // when its lines are free
	lanes   [2][]operation
}

// operation is what a rank does with a bucket in a lane. Times are 0 until they are known.
type operation struct {
	sent  float64 // when the last byte has left
	came  int     // messages
	last  float64 // when the last byte of them has come
	ended float64
}

// event is a message that begins to come in, or an operation that ends.
type event struct {
	at                 float64
	ended              bool
	rank, lane, bucket int
	bytes              float64
}

// next begins the operations of a rank that can begin, as soon as they can.
func (s *simulation) next(r int) {
	rank := &s.ranks[r]
	exchanges, collects := rank.lanes[partsLane], rank.lanes[sumsLane]
	for b := range rank.ready {
		before := func(lane []operation, b int) (float64, bool) {
			return lane[max(b, 0)].ended, b < 0 || lane[b].ended > 0
		}
		if exchanges[b].sent == 0 {
			a, ok1 := before(exchanges, b-1)
			c, ok2 := before(collects, b-2) // until then nobody takes the parts of the bucket before
			if b < 1 {
				a = 0
			}
			if b < 2 {
				c = 0
			}
			if ok1 && ok2 {
				s.send(r, partsLane, b, math.Max(rank.ready[b], math.Max(a, c)))
			}
		}
		if collects[b].sent == 0 && exchanges[b].ended > 0 {
			c, ok := before(collects, b-1)
			if b < 1 {
				c = 0
			}
			if ok {
				s.send(r, sumsLane, b, math.Max(exchanges[b].ended, c))
			}
		}
	}
}

// send has a rank send a message to every other one.
func (s *simulation) send(r, lane, b int, at float64) {
	rank, count := &s.ranks[r], len(s.ranks)
	bytes := s.job.bytes(bucket(count), b) / float64(count)
	if lane == partsLane {
		bytes *= float64(s.parts[r])
	}
	rank.out = math.Max(rank.out, at)
	for i := 1; i < count; i++ {
		heap.Push(&s.events, event{at: rank.out + s.message + s.start, rank: (r + i) % count, lane: lane, bucket: b, bytes: bytes})
		rank.out += s.message + bytes/s.rate
	}
	rank.lanes[lane][b].sent = rank.out
	s.finish(r, lane, b)
}

// receive has a message come in.
func (s *simulation) receive(e event) {
	rank := &s.ranks[e.rank]
	rank.in = math.Max(rank.in, e.at) + e.bytes/s.rate
	op := &rank.lanes[e.lane][e.bucket]
	op.came++
	op.last = rank.in
	s.finish(e.rank, e.lane, e.bucket)
}

// finish ends an operation whose messages have all left and come.
func (s *simulation) finish(r, lane, b int) {
	if op := &s.ranks[r].lanes[lane][b]; op.sent > 0 && op.came == len(s.ranks)-1 {
		heap.Push(&s.events, event{at: math.Max(op.sent, op.last), ended: true, rank: r, lane: lane, bucket: b})
	}
}

// events are a heap by time.
type events []event

func (e events) Len() int           { return len(e) }
func (e events) Less(i, j int) bool { return e[i].at < e[j].at }
func (e events) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)        { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := len(*e) - 1
	x := (*e)[last]
	*e = (*e)[:last]
	return x
}
