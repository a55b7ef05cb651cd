package kernels

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The equations of the Gaussian family in float64, written apart from the kernels: sigma is
// never formed in the log forms, and every bound below is derived from the float32
// operations, in units u = gaussU; a function within n ULP is within 2n u.

var gaussForms = []ScaleForm{Sigma, LogSigma, LogVar, SoftplusSigma, SoftplusFloor(0.03)}

// oracleLogSigma returns ln sigma.
func oracleLogSigma(form ScaleForm, s float64) float64 {
	switch {
	case form == LogSigma:
		return s
	case form == LogVar:
		return s / 2
	case form.isSoftplus():
		return math.Log(oracleSoftplus(s) + form.Floor())
	}
	return math.Log(s)
}

// oracleScore returns (x-mu)/sigma.
func oracleScore(form ScaleForm, x, mu, s float64) float64 {
	if form == Sigma {
		return (x - mu) / s
	}
	return (x - mu) * math.Exp(-oracleLogSigma(form, s))
}

// oracleKLTerm returns one dimension of the KL divergence and the sum of the sizes of its parts.
// A standard p has form Sigma, mu 0 and sigma 1.
func oracleKLTerm(form, formP ScaleForm, muQ, sQ, muP, sP float64) (v, size float64) {
	l := oracleLogSigma(form, sQ) - oracleLogSigma(formP, sP)
	t := oracleScore(formP, muQ, muP, sP)
	return (math.Expm1(2*l)+t*t)/2 - l, (math.Exp(2*l)+1+t*t)/2 + math.Abs(l)
}

func oracleLogProbTerm(form ScaleForm, x, mu, s float64) (v, size float64) {
	l, t := oracleLogSigma(form, s), oracleScore(form, x, mu, s)
	return -t*t/2 - l - math.Log(2*math.Pi)/2, t*t/2 + math.Abs(l) + 1
}

// klBound and lpBound are the bounds of the doc comments for a row of n terms with the given
// sum of sizes. From the operations, in u, for SoftplusSigma, the worst sigma form: sigma 5
// (softplus 1.7 ULP and one addition); r 5+5+2, its square 24 with the rounding; t 5+1+1+1, its
// square 16; the sum over n/16 elements of a lane and 4 folds n/16+5. The logarithm: 10 of the two
// sigmas, 3 of r and the product for each of n elements, 16 of the fold, and a few of its own
// size. In the log forms the rounding of ln r makes 2 |ln r| of r^2, at most 2 maxLog.
func klBound(n int, size, maxLog float64) float64 {
	return (40 + float64(n)/16 + 2*maxLog) * gaussU * size
}

// With t alone: (16 + n/16+5)/2 of t^2, and 6 n of the logarithm.
func lpBound(n int, size float64) float64 { return (28 + float64(n)/16) * gaussU * size }

// drawScale draws an s with ln sigma about uniform in [-spread, spread].
func drawScale(rng *rand.Rand, form ScaleForm, spread float64) float64 {
	l := spread * (2*rng.Float64() - 1)
	switch {
	case form == LogSigma:
		return l
	case form == LogVar:
		return 2 * l
	case form.isSoftplus():
		y := math.Exp(l)
		return y + math.Log(-math.Expm1(-y)) // the inverse of softplus
	}
	return math.Exp(l)
}

func randRow(n int, f func() float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(f())
	}
	return x
}

func widen(x []float32) []float64 {
	if x == nil {
		return nil
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// checkDiff compares the gradient dx of f at x with central differences of f in float64.
func checkDiff(t *testing.T, what string, f func() float64, x, dx []float64) {
	t.Helper()
	for i := range x {
		x0, h := x[i], 1e-5*math.Max(1e-3, math.Abs(x[i]))
		x[i] = x0 + h
		up, xu := f(), x[i]
		x[i] = x0 - h
		diff := (up - f()) / (xu - x[i])
		x[i] = x0
		if tol := 1e-6 * math.Max(1, math.Abs(diff)); !(math.Abs(diff-dx[i]) <= tol) {
			t.Errorf("%s[%d] = %v, finite difference %v", what, i, dx[i], diff)
		}
	}
}
