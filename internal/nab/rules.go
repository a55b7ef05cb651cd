package nab

import (
	"math"

	"github.com/elbow-go/elbow/internal/f64"
)

// Records returns how far every value lies outside of those before it, in units of their range: 0
// within it. A record among n values comes log n times, whatever their distribution, so that this
// score needs no threshold of the series.
//
//	R_t = max(0, x_t - max x_<t, min x_<t - x_t) / (max x_<t - min x_<t)
//
// Where all values before were the same, another one is as far as the range that it makes.
func Records(x []float64) []float64 {
	r := make([]float64, len(x))
	lo, hi := math.Inf(1), math.Inf(-1)
	for t, v := range x {
		if out := max(v-hi, lo-v); t > 0 && out > 0 {
			if r[t] = 1; hi > lo {
				r[t] = out / (hi - lo)
			}
		}
		lo, hi = min(lo, v), max(hi, v)
	}
	return r
}

// Means returns the mean of every value and the width-1 ones before it, as far as they are there.
func Means(x []float64, width int) []float64 {
	m := make([]float64, len(x))
	sum := 0.0
	for t, v := range x {
		if sum += v; t >= width {
			sum -= x[t-width]
		}
		m[t] = sum / float64(min(t+1, width))
	}
	return m
}

// MeanRecords is Records of the means of width values, from where there are so many.
func MeanRecords(x []float64, width int) []float64 {
	r := make([]float64, len(x))
	if len(x) >= width {
		copy(r[width-1:], Records(Means(x, width)[width-1:]))
	}
	return r
}

// Walk returns how much every value surprises whoever expects the mean of the last width values, of 1
// a random walk: half the square of the error in units of the root of the mean square of all before, at
// most most.
func Walk(x []float64, width int, most float64) []float64 {
	r := make([]float64, len(x))
	means := Means(x, width)
	sum := 0.0
	for t := 1; t < len(x); t++ {
		e := x[t] - means[t-1]
		square := float64(e * e)
		switch {
		case t == 1 || square == 0: // nothing is known yet, or nothing happened
		case sum == 0:
			r[t] = most
		default:
			r[t] = min(square*float64(t-1)/(2*sum), most)
		}
		sum += square
	}
	return r
}

// leastVariance bounds the variance of surprises from below.
const leastVariance = 0.01

// Likelihood returns how unlikely the mean q of the last short surprises r is, by the normal
// distribution that the long ones before have, with mean m and variance v:
//
//	L = -log10 Q((q - m)/sqrt(max(v, 0.01)))/40, at most 1
//
// where Q is the upper tail of N(0, 1). Source: Ahmad et al. 2017, section 3.2.
func Likelihood(r []float64, long, short int) []float64 {
	l := make([]float64, len(r))
	recent := Means(r, short)
	var sum, squares float64
	for t, v := range r {
		if n := float64(min(t, long)); n > 0 {
			mean := sum / n
			sd := math.Sqrt(max(squares/n-float64(mean*mean), leastVariance))
			l[t] = min(-log10Tail((recent[t]-mean)/sd)/40, 1)
		}
		sum, squares = sum+v, squares+float64(v*v)
		if t >= long {
			sum, squares = sum-r[t-long], squares-float64(r[t-long]*r[t-long])
		}
	}
	return l
}

// log10Tail returns log10 Q(z), Abramowitz and Stegun 26.2.11 and, for the tail, the continued fraction
// 26.2.14. It is of the same bits everywhere, which math.Erfc is not.
//
//	Q(z) = 1/2 - φ(z) (z + z³/3 + z⁵/(3 5) + ...) = φ(z) / (z + 1/(z + 2/(z + 3/(z + ...))))
func log10Tail(z float64) float64 {
	const terms = 40 // of both, for an error below 1e-7 everywhere
	const far = 1.5
	if z < -far {
		return f64.Log(1-f64.Exp(math.Ln10*log10Tail(-z))) / math.Ln10
	}
	logPhi := -float64(z*z/2) - halfLog2Pi
	if z > far {
		f := z
		for k := float64(terms); k > 0; k-- {
			f = z + k/f
		}
		return (logPhi - f64.Log(f)) / math.Ln10
	}
	sum, term := z, z
	for k := 1; k < terms; k++ {
		term *= z * z / float64(2*k+1)
		sum += float64(term)
	}
	return f64.Log(0.5-float64(f64.Exp(logPhi)*sum)) / math.Ln10
}

const halfLog2Pi = 0.91893853320467274178

// Quiet sets every score to 0 that is not above all of the width ones before it: one anomaly is one
// alarm, not one for every row that it lasts.
func Quiet(scores []float64, width int) {
	last := make([]float64, 0, width) // as they were
	for t, v := range scores {
		for _, before := range last {
			if before >= v {
				scores[t] = 0
				break
			}
		}
		if len(last) == width {
			copy(last, last[1:])
			last = last[:width-1]
		}
		last = append(last, v)
	}
}
