package par

import (
	"sync/atomic"
	"testing"
)

func TestDo(t *testing.T) {
	for threads := -1; threads < 6; threads++ {
		for n := range 9 {
			var parts atomic.Int32
			seen := make([]atomic.Int32, n)
			Do(threads, n, func(lo, hi int) {
				parts.Add(1)
				if lo >= hi {
					t.Errorf("threads %d, n %d: empty part %d..%d", threads, n, lo, hi)
				}
				for i := lo; i < hi; i++ {
					seen[i].Add(1)
				}
			})
			for i := range seen {
				if c := seen[i].Load(); c != 1 {
					t.Errorf("threads %d, n %d: %d seen %d times", threads, n, i, c)
				}
			}
			if want := min(max(threads, 1), n); int(parts.Load()) != want {
				t.Errorf("threads %d, n %d: %d parts, want %d", threads, n, parts.Load(), want)
			}
		}
	}
	f := func(lo, hi int) {}
	if a := testing.AllocsPerRun(10, func() { Do(1, 5, f) }); a != 0 {
		t.Errorf("one part: %v allocations, want 0", a)
	}
}
