// Package par splits loops over goroutines.
package par

import "sync"

// Do calls f for parts of 0..n that together cover it, each on a goroutine of its own, and
// waits for them: at most threads parts of nearly equal size. With one part the caller's
// goroutine runs it and nothing is allocated. A panic in a part is a panic of the program.
func Do(threads, n int, f func(lo, hi int)) {
	switch parts := min(threads, n); {
	case parts > 1:
		fork(parts, n, f)
	case n > 0:
		f(0, n)
	}
}

// fork is apart from Do because what its closures capture is moved to the heap on entry.
func fork(parts, n int, f func(lo, hi int)) {
	var wg sync.WaitGroup
	for i := 1; i < parts; i++ {
		wg.Go(func() { f(i*n/parts, (i+1)*n/parts) })
	}
	f(0, n/parts)
	wg.Wait()
}
