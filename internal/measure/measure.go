package measure

import (
	"math/bits"
	"slices"
	"time"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
	"github.com/elbow-go/elbow/internal/f32"
	"github.com/elbow-go/elbow/internal/pages"
)

// Fastest returns the seconds of one call of f, as the tenth percentile of rounds calls:
// low, because what disturbs only makes slower, but not the lowest, which may be a quirk of
// the clock.
func Fastest(rounds int, f func()) float64 { return Interleave(rounds, f)[0] }

// Interleave calls the functions in turn, rounds times each, and returns the tenth
// percentile of the seconds of each. Two functions are then compared under the same
// conditions, also on a machine whose speed drifts. A call should take 10 us at least.
func Interleave(rounds int, fs ...func()) []float64 {
	times := make([][]float64, len(fs))
	for range rounds {
		for i, f := range fs {
			start := time.Now()
			f()
			times[i] = append(times[i], time.Since(start).Seconds())
		}
	}
	low := make([]float64, len(fs))
	for i, t := range times {
		slices.Sort(t)
		low[i] = t[len(t)/10]
	}
	return low
}

// Peak is the number of float32 operations a second of [Chains], 0 where there is no code
// for it.
func Peak(isa asm.ISA) float64 {
	call, flops := Chains(isa)
	if call == nil {
		return 0
	}
	return flops / Fastest(50, call)
}

// CopyRate is how many bytes a second a plain copy reads and writes, all its bytes together
// being size, rounded up to a power of 2: the share of a kernel that does nothing but move the
// same working set.
func CopyRate(size int) float64 {
	n := 1 << bits.Len(uint(size-1))
	dst, src := pages.Make[byte](n/2), pages.Make[byte](n/2)
	for i := range src {
		src[i] = byte(i)
	}
	calls := max(1, 1<<20/n)
	return float64(n*calls) / Fastest(30, func() {
		for range calls {
			copy(dst, src)
		}
	})
}

// ReadRate is how many bytes a second the sum of squares of an array of so many bytes reads,
// again and again: little more than loads. Without machine code it is their sum.
func ReadRate(size int) float64 {
	x := pages.Make[float32](size / 4)
	for i := range x {
		x[i] = 1
	}
	calls := max(1, 1<<21/size)
	rounds := max(5, min(30, 1<<30/size)) // of what is large a few are as fast as many
	return float64(4*len(x)*calls) / Fastest(rounds, func() {
		for range calls {
			readAll(asm.Active(), x)
		}
	})
}

func readAll(isa asm.ISA, x []float32) float32 {
	var lanes [64]float32
	if isa != asm.Generic {
		simd.SumSquares(isa, &lanes[0], &x[0], len(x))
	} else {
		for i, v := range x {
			lanes[i%64] += v
		}
	}
	return f32.Fold64(&lanes)
}
