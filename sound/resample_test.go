package sound

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// tone is a sine of a frequency at a rate.
func tone(n, rate int, hz float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(math.Sin(2 * math.Pi * hz * float64(i) / float64(rate)))
	}
	return x
}

var rates = []int{8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000, 47999}

// TestResampleTones: a tone below the half rate is the same tone, in phase; one above is gone.
func TestResampleTones(t *testing.T) {
	for _, from := range rates {
		for _, to := range []int{16000, 8000} {
			if from == 47999 && (testing.Short() || to == 8000) {
				continue // a filter of 3 million taps
			}
			r, err := NewResampler(from, to)
			if err != nil {
				t.Fatal(err)
			}
			half := float64(min(from, to)) / 2
			for _, part := range []float64{0.01, 0.3, 0.7, 0.88, 1.001, 1.3, 1.9} {
				hz := part * half
				if hz >= float64(from)/2 || part > 1 && from <= to {
					continue
				}
				y := r.Flush(r.Push(nil, tone(from/4, from, hz)))
				if len(y) != (from/4*to+from-1)/from {
					t.Fatalf("%d to %d: %d samples", from, to, len(y))
				}
				want := tone(len(y), to, hz)
				if part > 1 {
					want = make([]float32, len(y))
				}
				edge, worst := len(y)/5, 0.0 // where the signal begins and ends there are all frequencies
				for i := edge; i < len(y)-edge; i++ {
					worst = max(worst, math.Abs(float64(y[i])-float64(want[i])))
				}
				bound := 1e-3 // 0.01 dB
				if part > 1 {
					bound = 2e-4 // 74 dB: several images of 80
				}
				if worst > bound && from != to {
					t.Errorf("%d to %d, %.0f Hz: off by %v, want at most %v", from, to, hz, worst, bound)
				}
			}
		}
	}
}

// TestResampleStream: a signal in parts has the bits of the whole, and of one after another signal.
func TestResampleStream(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, from := range rates[:8] {
		for _, to := range []int{16000, 8000, 44100} {
			r, err := NewResampler(from, to)
			if err != nil {
				t.Fatal(err)
			}
			for range 4 {
				x := make([]float32, rng.IntN(3000))
				for i := range x {
					x[i] = float32(rng.NormFloat64())
				}
				want, err := Resample(x, from, to)
				if err != nil {
					t.Fatal(err)
				}
				var got []float32
				for at, n := 0, 0; at < len(x); at += n {
					n = min(rng.IntN(700), len(x)-at)
					got = r.Push(got, x[at:at+n])
				}
				if got = r.Flush(got); !slices.Equal(got, want) || len(want) != r.Outputs(len(x)) {
					t.Fatalf("%d to %d, %d samples: %d in parts, %d at once, or other values", from, to, len(x), len(got), len(want))
				}
				if from == to && !slices.Equal(want, x) {
					t.Errorf("%d to %d changes the signal", from, to)
				}
			}
		}
	}
}

// TestResampleImpulse: the filter is symmetric.
func TestResampleImpulse(t *testing.T) {
	x := make([]float32, 301)
	x[150] = 1
	y, err := Resample(x, 8000, 16000)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 290 {
		if d := math.Abs(float64(y[300-i] - y[300+i])); d > 1e-7 {
			t.Errorf("%d before and after the middle: %v, %v", i, y[300-i], y[300+i])
		}
	}
}

func TestResampleErrors(t *testing.T) {
	for _, c := range [][2]int{{0, 1}, {1, 0}, {-8000, 16000}, {999983, 1000003}, {math.MaxInt, 1}, {math.MaxInt, 2}, {math.MaxInt, 3}, {1, math.MaxInt}, {math.MinInt, 1}} {
		if _, err := Resample(nil, c[0], c[1]); err == nil || !strings.HasPrefix(err.Error(), "sound: from ") {
			t.Errorf("%v: %v", c, err)
		}
	}
	if y, err := Resample(nil, 8000, 16000); err != nil || len(y) != 0 {
		t.Errorf("nothing becomes %v, %v", y, err)
	}
}

func TestResampleAlloc(t *testing.T) {
	r, err := NewResampler(44100, 16000)
	if err != nil {
		t.Fatal(err)
	}
	x, dst := tone(1000, 44100, 100), make([]float32, 0, 1000)
	r.Push(dst, x)
	r.Push(dst, x)
	if n := testing.AllocsPerRun(20, func() { r.Push(dst, x) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
