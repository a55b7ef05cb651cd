package main

import (
	"math"

	"github.com/elbow-go/elbow/dist"
)

// A network is what a rank sends through. A collective operation in which every rank sends a message to every other one
// takes
//
//	start + (ranks-1) message + bytes/rate
//
// with the most bytes that a rank sends. Operations that go on at the same time share messages and rate.
type network struct {
	name    string
	start   float64 // seconds: the network's delay, and until somebody who looks now and then has seen the end
	message float64 // seconds of a core, for a message
	rate    float64 // bytes in a second
}

// A stage is a part of the gradient that is final at the same time of a backward pass.
type stage struct {
	at    float64 // as a part of the time of the pass
	share float64 // of all numbers
}

// A job is a model, and what an update of it takes.
type job struct {
	name     string
	numbers  int     // parameters
	sequence float64 // seconds that a node computes for a sequence, forward and backward
	stages   []stage
}

// forward is the part of a step before the backward pass: a forward pass is two of the six products.
const forward = 1.0 / 3

// bucket is how many bytes so many ranks send at a time.
func bucket(ranks int) int { return 4 * dist.Bucket(ranks) }

// rivalBucket is how many bytes others sum at a time: the default of PyTorch's DistributedDataParallel.
const rivalBucket = 25 << 20

// parts returns how many subtrees the leaves of every rank are. A leaf a rank is one, without a look.
func parts(leaves, ranks int) []int {
	list := make([]int, ranks)
	if leaves == ranks {
		for r := range list {
			list[r] = 1
		}
		return list
	}
	for r := range list {
		lo, hi := dist.Share(leaves, r, ranks)
		list[r] = len(dist.Nodes(leaves, lo, hi))
	}
	return list
}

func largest(list []int) (most int) {
	for _, n := range list {
		most = max(most, n)
	}
	return most
}

func mean(list []int) float64 {
	sum := 0
	for _, n := range list {
		sum += n
	}
	return float64(sum) / float64(len(list))
}

// buckets returns when buckets of so many bytes are ready, as a part of the time of a step.
func (j job) buckets(size int) (ready []float64) {
	count := (4*j.numbers + size - 1) / size
	for b := range count {
		last, sum := math.Min(float64((b+1)*size)/4, float64(j.numbers)), 0.0
		for i, s := range j.stages {
			if sum += s.share * float64(j.numbers); sum >= last*(1-1e-9) || i == len(j.stages)-1 {
				ready = append(ready, forward+(1-forward)*s.at)
				break
			}
		}
	}
	return ready
}

// bytes returns those of bucket b.
func (j job) bytes(size, b int) float64 { return math.Min(float64(size), float64(4*j.numbers-size*b)) }

// step returns the seconds of a step of ranks that compute for so long. A sum is a pipeline of buckets: the parts of one
// are on their way while the sums of the one before come back. So nothing is through before any bucket, when it is ready,
// and all those after it have been sent.
func (n network) step(j job, leaves, ranks int, compute float64) float64 {
	if ranks == 1 {
		return compute
	}
	k := float64(largest(parts(leaves, ranks)))
	others := float64(ranks - 1)
	piece := others / float64(ranks) / n.rate
	size := bucket(ranks)
	ready := j.buckets(size)
	end, after := 0.0, 0.0
	for b := len(ready) - 1; b >= 0; b-- {
		exchange := n.start + others*n.message + k*piece*j.bytes(size, b)
		collect := n.start + others*n.message + piece*j.bytes(size, b)
		end = math.Max(end, ready[b]*compute+exchange+collect+after)
		after += n.start + 2*others*n.message + (k+1)*piece*j.bytes(size, b) // the two that go on at a time begin together
	}
	return math.Max(end, compute)
}

// ring returns the seconds of a step that sums in a ring, in buckets too, with the same delay a hop.
func (n network) ring(j job, ranks int, compute float64) float64 {
	others := float64(ranks - 1)
	return n.rival(j, compute, 2*others*(n.hop()), 2*others/float64(ranks)/n.rate)
}

// binary returns the seconds of a step that sums along two binary trees, each for a half, up and down.
func (n network) binary(j job, ranks int, compute float64) float64 {
	if ranks == 1 {
		return compute
	}
	return n.rival(j, compute, 2*math.Ceil(math.Log2(float64(ranks)))*n.hop(), 2/n.rate)
}

// hop is the delay of a message whose receiver waits for it.
func (n network) hop() float64 { return n.message + wire }

// rival is a step in which a bucket takes so long before its bytes flow, and each byte then.
func (n network) rival(j job, compute, delay, byte float64) float64 {
	end, after := 0.0, 0.0
	ready := j.buckets(rivalBucket)
	for b := len(ready) - 1; b >= 0; b-- {
		took := delay + byte*j.bytes(rivalBucket, b)
		end = math.Max(end, ready[b]*compute+took+after)
		after += took
	}
	return math.Max(end, compute)
}
