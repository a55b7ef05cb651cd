package sound

import (
	"fmt"
	"math"

	"github.com/elbow-go/elbow/internal/f64"
)

// The filter of a resampler: a sinc under a Kaiser window. Within passband of the lower of both rates' halves nothing
// changes by more than 0.01 dB; what is at or above that half, and would come back as another frequency, is 80 dB
// down.
const (
	crossings = 48    // zero crossings of the sinc on each side
	cutoff    = 0.948 // of the half rate, in the middle of the transition: passband = 2 cutoff - 1, about
	beta      = 7.86  // of the window: 80 dB
)

// maxTaps bounds the table of a resampler.
const maxTaps = 1 << 24

// Resampler changes the rate of a signal by any rational factor: a polyphase filter of linear phase without delay,
// the output at time t is that of the input at t.
//
//	y[n] = Σ_k h(n from/to - k) x[k]      h(t) = c sinc(c t) kaiser(t)
//
// Signals are 0 before they begin and after they end. A signal in parts gives the bits of the whole: every output is
// one sum in a fixed order. A Resampler belongs to one caller.
//
// Source: Crochiere and Rabiner 1983; Kaiser 1974.
type Resampler struct {
	up, down    int // to/from in lowest terms
	taps        int // of a phase, a multiple of 4
	phases      []float64
	kept        []float64 // input from the first tap of the next output on
	skip        int       // input before that which has not come yet
	phase       int       // of the next output
	read, wrote int
}

// NewResampler returns a resampler at the beginning of a signal. The error is that a rate is not positive, or that
// both have so little in common that the filter takes more than 128 MB.
func NewResampler(from, to int) (*Resampler, error) {
	if from < 1 || to < 1 {
		return nil, fmt.Errorf("sound: from %d to %d samples per second, want positive rates", from, to)
	}
	g := gcd(from, to)
	r := &Resampler{up: to / g, down: from / g}
	if r.up != r.down {
		c := cutoff * math.Min(1, float64(to)/float64(from))
		wide := crossings / c // may be more than an int holds
		if taps := 2 * wide; taps*float64(r.up) > maxTaps {
			return nil, fmt.Errorf("sound: from %d to %d samples per second: %d phases of %.0f taps are too many", from, to, r.up, taps)
		}
		reach := (int(math.Ceil(wide)) + 1) &^ 1 // samples on each side
		r.taps = 2 * reach
		r.design(c, reach)
	}
	r.reset()
	return r, nil
}

func gcd(a, b int) int {
	for b > 0 {
		a, b = b, a%b
	}
	return a
}

// design makes the filters. Each has a gain of 1 for what does not change.
func (r *Resampler) design(c float64, reach int) {
	r.phases = make([]float64, r.up*r.taps)
	for p := range r.up {
		h, sum := r.phases[p*r.taps:][:r.taps], 0.0
		for k := range h {
			t := float64(p)/float64(r.up) + float64(reach-1-k)
			if u := t / float64(reach); math.Abs(u) < 1 {
				h[k] = sinc(float64(c*t)) * bessel0(beta*math.Sqrt(1-float64(u*u)))
			}
			sum += h[k]
		}
		for k := range h {
			h[k] /= sum
		}
	}
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	n := math.RoundToEven(x)
	s := f64.CosPi(0.5 - (x - n)) // sin(pi (x-n))
	if int(n)%2 != 0 {
		s = -s
	}
	return s / (math.Pi * x)
}

// bessel0 is the modified Bessel function I0, by its power series.
func bessel0(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > sum*1e-17; k++ {
		term = float64(term * (x * x / (4 * k * k)))
		sum += term
	}
	return sum
}

// reset begins a signal: its first output has the middle of the filter over the first sample.
func (r *Resampler) reset() {
	r.kept, r.skip, r.phase, r.read, r.wrote = r.kept[:0], 0, 0, 0, 0
	for range r.taps/2 - 1 {
		r.kept = append(r.kept, 0)
	}
}

// Outputs returns how many samples a signal of n has at the new rate: n to/from, rounded up.
func (r *Resampler) Outputs(n int) int { return (n*r.up + r.down - 1) / r.down }

// Push takes the next samples of a signal and appends to dst those that they complete: all but the last crossings of the
// filter. It allocates nothing once it has been called with as many, if dst has room. x must not overlap dst.
func (r *Resampler) Push(dst, x []float32) []float32 {
	r.read += len(x)
	if r.up == r.down {
		return append(dst, x...)
	}
	n := min(r.skip, len(x))
	r.skip -= n
	for _, v := range x[n:] {
		r.kept = append(r.kept, float64(v))
	}
	return r.run(dst, math.MaxInt)
}

// Flush ends the signal: it appends to dst the samples that are left, Outputs of all that was pushed, and begins
// another signal.
func (r *Resampler) Flush(dst []float32) []float32 {
	if r.up != r.down {
		total := r.Outputs(r.read)
		for r.wrote < total {
			n := min(r.skip, r.taps)
			for r.skip -= n; n < r.taps; n++ {
				r.kept = append(r.kept, 0)
			}
			dst = r.run(dst, total)
		}
	}
	r.reset()
	return dst
}

// run appends the outputs that what is kept completes, up to so many of the signal.
func (r *Resampler) run(dst []float32, total int) []float32 {
	at := 0
	for at+r.taps <= len(r.kept) && r.wrote < total {
		dst = append(dst, float32(dot(r.phases[r.phase*r.taps:][:r.taps], r.kept[at:])))
		r.wrote++
		r.phase += r.down
		at += r.phase / r.up
		r.phase %= r.up
	}
	n := min(at, len(r.kept))
	r.skip += at - n
	r.kept = r.kept[:copy(r.kept, r.kept[n:])]
	return dst
}

// dot returns the sum of the products with h, whose length is a multiple of 4: in four sums, as a processor adds up
// several at a time. Nothing is fused, so that all processors have the same bits.
func dot(h, x []float64) float64 {
	var s0, s1, s2, s3 float64
	x = x[:len(h)]
	for len(h) >= 4 && len(x) >= 4 {
		s0 += float64(h[0] * x[0])
		s1 += float64(h[1] * x[1])
		s2 += float64(h[2] * x[2])
		s3 += float64(h[3] * x[3])
		h, x = h[4:], x[4:]
	}
	return (s0 + s2) + (s1 + s3)
}

// Resample returns a whole signal at another rate. The error is that of [NewResampler].
func Resample(x []float32, from, to int) ([]float32, error) {
	r, err := NewResampler(from, to)
	if err != nil {
		return nil, err
	}
	return r.Flush(r.Push(make([]float32, 0, r.Outputs(len(x))), x)), nil
}
