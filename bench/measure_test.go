package bench_test

import (
	"math"
	"math/bits"
	"testing"

	"github.com/elbow-go/elbow/internal/measure"
)

// A peak is what a rate is compared with.
type peak struct {
	unit  string  // of the comparison, such as %scalar-peak
	flops float64 // per second; a multiply-add is 2
}

// report adds the rate of a product, its time per multiply-add and its part of the peak to
// the results of b, which has run b.Loop to the end. flops is the work of one iteration.
func (p peak) report(b *testing.B, flops float64) {
	perSecond := flops * float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(perSecond/1e9, "GFLOP/s")
	b.ReportMetric(2e9/perSecond, "ns/fma")
	b.ReportMetric(100*perSecond/p.flops, p.unit)
}

// scalarPeak measures how fast plain Go can do steps of float32 chains with one rounding:
// the work of f32.FMA's fast path, written out, on 8 chains and without loads.
func scalarPeak() peak {
	const steps = 2000
	return peak{"%scalar-peak", 2 * 8 * steps / measure.Fastest(50, func() { scalarChains(steps) })}
}

// copyRates holds what copyRate has measured.
var copyRates = map[int]float64{}

// copyRate is measure.CopyRate, measured once in a process for each power of 2.
func copyRate(size int) float64 {
	n := 1 << bits.Len(uint(size-1))
	if _, ok := copyRates[n]; !ok {
		copyRates[n] = measure.CopyRate(n)
	}
	return copyRates[n]
}

var sink float64

// scalarChains returns the number of steps done, all of them unless one met a tie.
//
//go:noinline
func scalarChains(steps int) (done int) {
	tie := func(s float64) bool { return uint32(math.Float64bits(s))&(1<<29-1) == 1<<28 }
	a0, a1 := float64(float32(1.1)), float64(float32(0.7))
	b0, b1, b2, b3 := float64(float32(0.3)), float64(float32(-0.9)), float64(float32(1.7)), float64(float32(-1.3))
	var c0, c1, c2, c3, c4, c5, c6, c7, s float64
	for done < steps {
		s = a0*b0 + c0
		if tie(s) {
			break
		}
		c0 = float64(float32(s))
		s = a0*b1 + c1
		if tie(s) {
			break
		}
		c1 = float64(float32(s))
		s = a0*b2 + c2
		if tie(s) {
			break
		}
		c2 = float64(float32(s))
		s = a0*b3 + c3
		if tie(s) {
			break
		}
		c3 = float64(float32(s))
		s = a1*b0 + c4
		if tie(s) {
			break
		}
		c4 = float64(float32(s))
		s = a1*b1 + c5
		if tie(s) {
			break
		}
		c5 = float64(float32(s))
		s = a1*b2 + c6
		if tie(s) {
			break
		}
		c6 = float64(float32(s))
		s = a1*b3 + c7
		if tie(s) {
			break
		}
		c7 = float64(float32(s))
		a0, a1 = -a1, -a0
		done++
	}
	sink = c0 + c1 + c2 + c3 + c4 + c5 + c6 + c7
	return done
}

func TestScalarPeak(t *testing.T) {
	if n := scalarChains(2000); n != 2000 {
		t.Errorf("a tie in step %d: the peak would be too high", n)
	}
}
