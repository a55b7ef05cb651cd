package ngram

import (
	"math"
	"testing"
)

// TestModel: in every context the probabilities are positive and add up to 1.
func TestModel(t *testing.T) {
	x := make([]uint16, 3000)
	state := uint32(1)
	for i := range x {
		state = state*1664525 + 1013904223
		x[i] = uint16(state>>24) % 7
		if i > 2 && x[i] < 4 {
			x[i] = (x[i-1] + x[i-3]) % 7
		}
	}
	const classes = 9 // two are never seen
	m := New(x, classes)
	seen, unseen := contextOf(x, 100), uint64(8)<<48|uint64(8)<<32|8<<16|8
	half := uint64(8)<<48 | shorten(seen, 3)
	for _, h := range []uint64{seen, unseen, half} {
		for n := range Order {
			sum := 0.0
			for c := range uint16(classes) {
				p := m.prob(n, h, c)
				if !(p > 0) {
					t.Errorf("order %d, context %x: P(%d) = %v", n+1, h, c, p)
				}
				sum += p
			}
			if math.Abs(sum-1) > 1e-12 {
				t.Errorf("order %d, context %x: the probabilities add up to %v", n+1, h, sum)
			}
		}
	}
	// What can be learned from three symbols back is learned; noise is not.
	if b := m.Bits(x); b > 2.5 || b < 0.5 {
		t.Errorf("%v bits, uniform is %v", b, math.Log2(classes))
	}
	constant := make([]uint16, 500)
	if b := New(constant, 4).Bits(constant); b > 0.02 {
		t.Errorf("a constant text takes %v bits", b)
	}
	if b := New(nil, 4).Bits([]uint16{1, 2}); b != 2 {
		t.Errorf("without training %v bits, want 2", b)
	}
}

// TestByHand compares the counts of "abab" with those written down by hand.
func TestByHand(t *testing.T) {
	m := New([]uint16{0, 1, 0, 1}, 2)
	// The first "ab" is a beginning, the second has a left neighbour that is new.
	if n := m.orders[1].counts[gram{0, 1}]; n != 2 {
		t.Errorf("N(a b) = %d, want 2", n)
	}
	if n := m.orders[1].counts[gram{1, 0}]; n != 1 {
		t.Errorf("N(b a) = %d, want 1", n)
	}
	if at := m.orders[0].contexts[0]; at.total != 3 || at.types != 2 {
		t.Errorf("unigrams: %+v, want 3 of 2 types", *at)
	}
}
