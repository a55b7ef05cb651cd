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
					p.seq.Spin = true
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

// TestSpins: steps are shared by several goroutines, and only for small batches.
func TestSpins(t *testing.T) {
	l := NewRecurrent[float32](LSTM, 2, 3)
	l.Pack()
	divides := l.whh.Divides()
	for _, c := range []struct {
		spin           bool
		batch, threads int
		want           bool
	}{{true, 1, 2, true}, {false, 1, 2, false}, {true, 1, 1, false}, {true, 7, 2, true}, {true, 8, 2, false}, {true, 8, 3, true}} {
		s := NewSequence[float32]()
		s.Spin = c.spin
		s.Begin(l, NewRagged(make([]int, c.batch)...), nil, nil)
		if got := s.spins(c.threads); got != (c.want && divides) {
			t.Errorf("Spin = %v, batch %d, %d goroutines: shared %v, want %v", c.spin, c.batch, c.threads, got, c.want && divides)
		}
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
						if i == 0 && round%10 == 0 {
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
			p.seq.Spin = spin
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
