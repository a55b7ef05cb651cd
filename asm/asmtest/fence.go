package asmtest

import "math"

// A Fence is memory for float32 between two fences. Where the system allows it (Linux), the
// fences are pages that cannot be read or written: an access by one element too many stops
// the program. Elsewhere, and for what a program may read, they are NaN of their own kind,
// and Check finds what was written over.
type Fence struct {
	all   []float32 // fence, room, fence; with unreadable pages only the room
	room  []float32
	start int // in all, of what was handed out last
	close func()
}

// fenceLen is the length of a fence of numbers.
const fenceLen = 64

// NewFence returns a Fence with room for n elements or a little more.
func NewFence(n int) *Fence { return newFence(n) }

// Head returns n elements at the start of the room, right behind the first fence, filled
// with a NaN that no computation makes. Earlier slices are void.
func (f *Fence) Head(n int) []float32 { return f.part(0, n) }

// Tail returns n elements at the end of the room, right before the second fence.
func (f *Fence) Tail(n int) []float32 { return f.part(len(f.room)-n, n) }

func (f *Fence) part(at, n int) []float32 {
	f.all[0] = guardNaN
	for done := 1; done < len(f.all); done *= 2 {
		copy(f.all[done:], f.all[:done])
	}
	f.start = len(f.all)/2 - len(f.room)/2 + at // the room is in the middle
	return f.room[at : at+n : at+n]
}

// Check returns the index, relative to s, of an element outside s that was written since
// Head or Tail returned s or a longer slice that starts there, and false if there is none.
func (f *Fence) Check(s []float32) (at int, written bool) {
	for i, v := range f.all[:f.start] {
		if !isGuard(v) {
			return i - f.start, true
		}
	}
	for i, v := range f.all[f.start+len(s):] {
		if !isGuard(v) {
			return len(s) + i, true
		}
	}
	return 0, false
}

// Close gives the memory back.
func (f *Fence) Close() { f.close() }

// plainFence is a Fence without help from the system.
func plainFence(n int) *Fence {
	all := make([]float32, n+2*fenceLen)
	return &Fence{all: all, room: all[fenceLen : fenceLen+n], close: func() {}}
}

// guardNaN fills memory that a kernel must neither read nor write.
var guardNaN = math.Float32frombits(guardBits)

const guardBits = 0x7fc0fe4c

func isGuard(x float32) bool { return math.Float32bits(x) == guardBits }
