package par

import "sync/atomic"

// Spares keeps what calls have given back, for the next ones: as many as there are calls at a time.
// The collector does not empty it, unlike a sync.Pool, so that there is an end to allocations. The
// zero value is empty.
type Spares[E any] [64]atomic.Pointer[E]

// Get returns a spare, or a new zero value if there is none.
func (s *Spares[E]) Get() *E {
	for i := range s {
		if s[i].Load() != nil {
			if e := s[i].Swap(nil); e != nil {
				return e
			}
		}
	}
	return new(E)
}

// Put gives e back, which the caller must not use any more.
func (s *Spares[E]) Put(e *E) {
	for i := range s {
		if s[i].Load() == nil && s[i].CompareAndSwap(nil, e) {
			return
		}
	}
}
