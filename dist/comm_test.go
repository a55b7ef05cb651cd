package dist

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

// each runs f on all ranks.
func each(comms []*Comm, f func(c *Comm)) {
	var wg sync.WaitGroup
	for _, c := range comms {
		wg.Go(func() { f(c) })
	}
	wg.Wait()
}

// leaf is what leaf i comes to: slices of some lengths.
func leaf(i int, lengths []int) (vector [][]float32) {
	rng := rand.New(rand.NewPCG(uint64(i), 1))
	for _, n := range lengths {
		x := make([]float32, n)
		for j := range x {
			x[j] = float32(rng.NormFloat64() * math.Pow(10, float64(rng.IntN(6))))
		}
		vector = append(vector, x)
	}
	return vector
}

func add(into, from [][]float32) {
	for i := range into {
		for j := range into[i] {
			into[i][j] += from[i][j]
		}
	}
}

// parts are the parts of a rank.
func parts(leaves, rank, size int, lengths []int) []Part[[][]float32] {
	f := Fold[[][]float32]{Leaves: leaves, Join: add}
	lo, hi := Share(leaves, rank, size)
	for i := lo; i < hi; i++ {
		f.Push(Node{First: i}, leaf(i, lengths))
	}
	return f.Parts()
}

// checkSum compares the sum over ranks with that of one process.
func checkSum(c *Comm, leaves int, lengths []int) error {
	want := parts(leaves, 0, 1, lengths)[0].Value
	mine := parts(leaves, c.Rank(), c.Size(), lengths)
	got := mine[0].Value
	if err := c.Sum(got, leaves, mine); err != nil {
		return err
	}
	for i := range want {
		if !slices.Equal(got[i], want[i]) {
			return fmt.Errorf("%d ranks, %d leaves: slice %d of rank %d has other bits", c.Size(), leaves, i, c.Rank())
		}
	}
	return nil
}

// TestSum: the sum has the bits of one process, for any number of ranks and any bucket.
func TestSum(t *testing.T) {
	for _, size := range []int{1, 2, 3, 4, 5, 8} {
		for _, leaves := range []int{8, 12, 13} {
			for _, b := range []int{0, 100, 1} {
				each(Local(size), func(c *Comm) {
					c.Bucket = b
					for _, lengths := range [][]int{{5}, {0, 1, 300, 0, 33}, {}, {0}} {
						if err := checkSum(c, leaves, lengths); err != nil {
							t.Error(err)
						}
					}
				})
			}
		}
	}
}

// TestReduction: parts may come bit by bit, at every rank at another time, and ranks may tell each other
// something else meanwhile.
func TestReduction(t *testing.T) {
	const leaves = 5
	lengths := []int{70, 0, 300, 33}
	want := parts(leaves, 0, 1, lengths)[0].Value
	each(Simulate(3, time.Millisecond, 1e6), func(c *Comm) {
		c.Bucket = 64
		all := parts(leaves, c.Rank(), c.Size(), lengths)
		mine := make([]Part[[][]float32], len(all))
		for i, p := range all {
			mine[i].Node = p.Node
			for _, n := range lengths {
				mine[i].Value = append(mine[i].Value, make([]float32, n))
			}
		}
		r := c.Begin(mine[0].Value, leaves, mine)
		for k := range lengths {
			time.Sleep(time.Duration(c.Rank()) * time.Millisecond)
			for i, p := range all {
				copy(mine[i].Value[k], p.Value[k])
			}
			r.Ready(k + 1)
			if got, err := c.Gather([]byte{byte(k)}); err != nil || got[2][0] != byte(k) {
				t.Errorf("gathered %v, %v", got, err)
			}
		}
		if err := r.Wait(); err != nil {
			t.Error(err)
		}
		for i := range want {
			if !slices.Equal(mine[0].Value[i], want[i]) {
				t.Errorf("slice %d of rank %d has other bits", i, c.Rank())
			}
		}
	})
}

// TestSimulate: what is sent takes as long as the network asks for.
func TestSimulate(t *testing.T) {
	const latency, rate, n = 5 * time.Millisecond, 4e6, 10_000
	each(Simulate(2, latency, rate), func(c *Comm) {
		x := [][]float32{make([]float32, n)}
		start := time.Now()
		if err := c.Sum(x, 2, []Part[[][]float32]{{Node{First: c.Rank()}, x}}); err != nil {
			t.Error(err)
		}
		// Half of the vector goes to the other rank, and half of the sum comes back.
		if took, want := time.Since(start), 2*latency+10*time.Millisecond; took < want {
			t.Errorf("took %v, want at least %v", took, want)
		}
	})
}

// TestSumAlone: no group at all is a group of one.
func TestSumAlone(t *testing.T) {
	if err := checkSum(nil, 5, []int{5, 0, 33}); err != nil {
		t.Error(err)
	}
}

// TestGather: everyone has what all have given.
func TestGather(t *testing.T) {
	each(Local(5), func(c *Comm) {
		for round := range 3 {
			all, err := c.Gather(slices.Repeat([]byte{byte(c.Rank())}, c.Rank()*round))
			if err != nil {
				t.Error(err)
			}
			for r, x := range all {
				if len(x) != r*round || len(x) > 0 && x[0] != byte(r) {
					t.Errorf("round %d: rank %d has %v of rank %d", round, c.Rank(), x, r)
				}
			}
			if err := c.Barrier(); err != nil {
				t.Error(err)
			}
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	var one *Comm
	all, err := one.Gather([]byte("x"))
	if one.Size() != 1 || one.Rank() != 0 || err != nil || string(all[0]) != "x" || one.Close() != nil {
		t.Errorf("a group of one has %q, %v", all, err)
	}
}

// TestAbort: nobody waits for a rank that has given up.
func TestAbort(t *testing.T) {
	each(Local(3), func(c *Comm) {
		if c.Rank() == 1 {
			c.Abort(3)
			return
		}
		if _, err := c.Gather(nil); !errors.Is(err, ErrAborted) {
			t.Errorf("rank %d: %v", c.Rank(), err)
		}
	})
}

// TestSumParts: wrong parts panic before anything is sent.
func TestSumParts(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	c := Local(1)[0]
	c.Sum([][]float32{{1}}, 3, []Part[[][]float32]{{Node{0, 1}, [][]float32{{1}}}})
}

// TestBucket: few ranks send 2 MB at a time, many so much that messages are not all that a sum is.
func TestBucket(t *testing.T) {
	for _, c := range [][2]int{{1, 2}, {32, 2}, {64, 4}, {128, 8}, {256, 16}, {1000, 16}} {
		if got := Bucket(c[0]); got != c[1]<<18 {
			t.Errorf("%d ranks: %d numbers, want %d", c[0], got, c[1]<<18)
		}
	}
}
