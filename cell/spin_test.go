package cell

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/blas/blastest"
)

// results are copies of all that a problem computes.
func (p *problem[T]) results() map[string][]T {
	r := map[string][]T{"H": p.seq.H, "HPrev": p.seq.HPrev, "C": p.seq.C, "hn": p.hn, "cn": p.cn, "dx": p.dx, "dh0": p.dh0, "dc0": p.dc0}
	for _, g := range p.grad.Tensors() {
		r["d"+g.Name] = g.Data
	}
	for name, s := range r {
		r[name] = slices.Clone(s)
	}
	return r
}

// TestSpinBits: sharing the steps changes no bit, with a thread for each goroutine and with one
// for all, and leaves no goroutine behind.
func TestSpinBits(t *testing.T) {
	blastest.UseGo(t)
	shapes := [][]int{{5}, {1}, {6, 4}, {7, 7, 2}, {4, 4, 4, 4, 3}, {9, 6, 6, 3, 1, 1, 0}, {3, 3, 3, 3, 3, 3, 3, 3}, {0}}
	asmtest.ForEachISA(t, func(t *testing.T) {
		before := runtime.NumGoroutine()
		for j, h := range []int{1, 19, 64, 70} {
			rng := rand.New(rand.NewPCG(4, uint64(h)))
			for name, l := range layers[float32](7, h, rng) {
				for i, lengths := range shapes {
					if testing.Short() && (i/2+j)%2 == 0 {
						continue
					}
					p := newProblem(l, rng, lengths...)
					p.forward(l)
					p.backward(l)
					want := p.results()
					p.seq, p.threads = NewSequence[float32](), 1+(i+j)%4
					shareAlways(t, true)
					for _, procs := range []int{1, p.threads} {
						was := runtime.GOMAXPROCS(procs)
						p.forward(l)
						p.backward(l)
						runtime.GOMAXPROCS(was)
						for key, s := range p.results() {
							asmtest.SameFloats(t, fmt.Sprintf("%s H=%d lengths=%v threads=%d procs=%d: %s", name, h, lengths, p.threads, procs, key), s, want[key])
						}
					}
				}
			}
		}
		// A goroutine may have said that it is done and not yet be gone.
		for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
			if time.Now().After(end) {
				t.Fatalf("%d goroutines, want %d", runtime.NumGoroutine(), before)
			}
		}
	})
}

// shareAlways has goroutines share the steps of small batches for the rest of a test, or not.
func shareAlways(t *testing.T, on bool) {
	alwaysShare = on
	t.Cleanup(func() { alwaysShare = false })
}

// TestShareable: steps are shared by several goroutines that have a thread each, and only for small batches
// and layers that are not tiny.
func TestShareable(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	for _, c := range []struct {
		hidden, batch, threads int
		want                   bool
	}{{128, 1, 2, true}, {128, 1, 1, false}, {128, 7, 2, true}, {128, 8, 2, false}, {128, 8, 3, true}, {128, 8, 4, false}, {64, 1, 2, false}} {
		l := NewRecurrent[float32](LSTM, 2, c.hidden)
		l.Pack()
		s := NewSequence[float32]()
		s.Begin(l, NewRagged(slices.Repeat([]int{1}, c.batch)...), nil, nil)
		if got := s.shareable(c.threads); got != (c.want && l.whh.Divides()) {
			t.Errorf("%d units, batch %d, %d goroutines: shared %v, want %v", c.hidden, c.batch, c.threads, got, c.want && l.whh.Divides())
		}
	}
}

// TestChoice: the way that is quicker is gone, also when that changes, and the other one ever less often.
func TestChoice(t *testing.T) {
	var c choice
	of := choiceCase{batch: 1, threads: 2}
	slow := map[bool]time.Duration{true: 3000, false: 2000}
	run := func(passes int) (units int) {
		for range passes {
			way := c.next(of)
			if c.done(way, slow[way]); way {
				units++
			}
		}
		return units
	}
	if got := run(10000); got < 5 || got > 20 {
		t.Errorf("by units, which is slower: %d of 10000 passes", got)
	}
	slow[false] = 4000
	if got := run(10000); got < 9970 {
		t.Errorf("by units, which has become quicker: %d of 10000 passes", got)
	}
	slow[true] = 1000
	run(5000)
	if c.done(true, time.Second); run(5) < 4 {
		t.Error("after one pass by units that took long, those behind it are not")
	}
	if slow[true], slow[false] = 3000, 2000; run(3*trialLate) > 2*trialLate {
		t.Error("by units, which has become slower, in most passes")
	}
	if of.batch = 2; !c.next(of) {
		t.Error("another batch is not measured anew")
	}
}

// TestBarrier: between two meetings everybody sees what the others wrote before the first. The
// race detector, which does not see what machine code reads and writes, sees this.
func TestBarrier(t *testing.T) {
	for size := 1; size <= 5; size++ {
		for _, procs := range []int{1, 2} {
			was := runtime.GOMAXPROCS(procs)
			var b barrier
			b.init(size)
			written := make([]int, size)
			var wg sync.WaitGroup
			for i := range size {
				wg.Go(func() {
					for round := range 50 {
						written[i] = round
						if i == 0 && round == 25 {
							time.Sleep(5 * time.Millisecond) // the others are asleep by then
						}
						b.wait()
						for j, r := range written {
							if r != round {
								t.Errorf("%d goroutines: in round %d, that of goroutine %d is %d", size, round, j, r)
							}
						}
						b.wait()
					}
				})
			}
			wg.Wait()
			runtime.GOMAXPROCS(was)
		}
	}
}

// TestSpinAllocations: sharing the steps allocates no more than splitting the batch.
func TestSpinAllocations(t *testing.T) {
	blastest.UseGo(t)
	for name, l := range layers[float32](5, 40, rand.New(rand.NewPCG(3, 3))) {
		p := newProblem(l, rand.New(rand.NewPCG(5, 5)), 6, 5)
		allocs := map[bool]float64{}
		for _, spin := range []bool{false, true} {
			shareAlways(t, spin)
			allocs[spin] = testing.AllocsPerRun(20, func() {
				l.Forward(p.seq, p.shape, p.x, p.h0, p.c0, 2)
				l.Backward(p.seq, p.grad, Grads[float32]{DX: p.dx, DH0: p.dh0, DC0: p.dc0, DY: p.wy, DHn: p.whn, DCn: p.wcn}, p.x, 2)
			})
		}
		if allocs[true] > allocs[false] {
			t.Errorf("%s: %v allocations with shared steps, %v without", name, allocs[true], allocs[false])
		}
	}
}
