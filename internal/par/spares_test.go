package par

import (
	"sync"
	"testing"
)

// TestSpares: what is given back comes again, nobody has what another one has, and what finds no room is left to the collector.
func TestSpares(t *testing.T) {
	var s Spares[int]
	first := s.Get()
	*first = 7
	s.Put(first)
	if got := s.Get(); got != first || *got != 7 {
		t.Errorf("Get returns %p with %d, want %p with 7", got, *got, first)
	}
	if got := s.Get(); got == first || *got != 0 {
		t.Errorf("Get returns %p with %d, want a new zero", got, *got)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 2000 {
				e := s.Get()
				if *e++; *e%2 != 1 { // another one has it too
					t.Error("two have the same")
				}
				*e++
				s.Put(e)
			}
		})
	}
	wg.Wait()
	for range 2 * len(s) {
		s.Put(new(int))
	}
	if e := s.Get(); e == nil {
		t.Error("Get returns nil")
	}
}
