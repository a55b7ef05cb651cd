package kernels

import (
	"math"
	"math/rand/v2"
	"testing"
)

// gateNum is an exact value together with a bound of the error that a computed value may
// have: v is the equation in float64, e grows with every operation by the error of its
// arguments and by one rounding (running error analysis). The kernels may fuse or reorder
// as they like, they only round less often than the equation written out. So one text of
// the equation is the oracle and the derivation of its bound.
//
// e = +Inf means unknown: an intermediate value may have left the range of float32, or a
// flushed zero may have met an infinity.
type gateNum struct {
	v, e float64
	p    *gatePrecision
}

// gatePrecision is what one element type promises.
type gatePrecision struct {
	u, tiny, max    float64 // half a unit of rounding; half the least denormal; largest value
	sigmoid, tanh   float64 // relative errors of the inner forms
	clamp           float64 // of the arguments of sigmoid
	flState, flGrad float64 // flush limits
}

var (
	// 2.49 and 2.6 ULP are the bounds of gateSigmoid32 and gateTanh32; one ULP is at most 2u.
	gateSingle = &gatePrecision{u: 0x1p-24, tiny: 0x1p-150, max: math.MaxFloat32, sigmoid: 2.49 * 0x1p-23, tanh: 2.6 * 0x1p-23,
		clamp: 40, flState: 0x1p-60, flGrad: 0x1p-70}
	// Go's math.Exp and math.Tanh are allowed 2 and 4 ULP.
	gateDouble = &gatePrecision{u: 0x1p-53, tiny: 0x1p-1074, max: math.MaxFloat64, sigmoid: 0x1p-50, tanh: 0x1p-50,
		clamp: math.Inf(1)}
)

func gatePrecisionOf[T Float]() *gatePrecision {
	if _, ok := any(T(0)).(float32); ok {
		return gateSingle
	}
	return gateDouble
}

// finish adds one rounding to e and sorts out what is not a plain number.
func (p *gatePrecision) finish(v, e float64) gateNum {
	switch {
	case v != v || math.IsInf(v, 0):
		if e != 0 { // an infinity that the computed value may not have met
			return gateNum{v, math.Inf(1), p}
		}
		return gateNum{v, 0, p}
	case e != e || math.IsInf(e, 0) || math.Abs(v)+e > p.max:
		return gateNum{v, math.Inf(1), p}
	case v == 0 && e == 0:
		return gateNum{v, 0, p}
	}
	return gateNum{v, e + p.u*(math.Abs(v)+e) + p.tiny, p}
}

func (x gateNum) add(y gateNum) gateNum { return x.p.finish(x.v+y.v, x.e+y.e) }
func (x gateNum) sub(y gateNum) gateNum { return x.p.finish(x.v-y.v, x.e+y.e) }

func (x gateNum) mul(y gateNum) gateNum {
	e := 0.0
	if x.e > 0 {
		e += x.e * (math.Abs(y.v) + y.e)
	}
	if y.e > 0 {
		e += y.e * math.Abs(x.v)
	}
	return x.p.finish(x.v*y.v, e)
}

// oneMinus returns 1 - x.
func (x gateNum) oneMinus() gateNum { return gateNum{1, 0, x.p}.sub(x) }

func (x gateNum) sigmoid() gateNum {
	c := math.Max(-x.p.clamp, math.Min(x.p.clamp, x.v))
	y := 1 / (1 + math.Exp(-c))
	if math.IsInf(x.e, 1) {
		return gateNum{y, x.e, x.p} // x may have become a NaN
	}
	// The slope is at most y on the left and 1-y on the right of its own place; e is small.
	return x.p.finish(y, x.p.sigmoid*y+2*x.e*y*(1-y)+x.e*x.e)
}

func (x gateNum) tanh() gateNum {
	y := math.Tanh(x.v)
	if math.IsInf(x.e, 1) {
		return gateNum{y, x.e, x.p}
	}
	return x.p.finish(y, x.p.tanh*math.Abs(y)+x.e+4*x.p.tiny)
}

func (x gateNum) flush(limit float64) gateNum {
	switch {
	case math.Abs(x.v)+x.e < limit:
		return gateNum{0, 0, x.p}
	case math.Abs(x.v)-x.e < limit: // it may go either way
		x.e += limit
	}
	return x
}

func (x gateNum) flushState() gateNum { return x.flush(x.p.flState) }
func (x gateNum) flushGrad() gateNum  { return x.flush(x.p.flGrad) }

// holds reports whether got may be the computed value of x. If x is infinite or NaN, then
// so is got: the same in a forward kernel (exact), not finite in a backward kernel.
func (x gateNum) holds(got float64, exact bool) bool {
	switch {
	case math.IsInf(x.e, 1):
		return true
	case x.v != x.v:
		return got != got || !exact && math.IsInf(got, 0)
	case math.IsInf(x.v, 0):
		return got == x.v || !exact && (got != got || math.IsInf(got, 0))
	}
	return math.Abs(got-x.v) <= x.e
}

// checkGateGradient compares dx with central differences of f, which depends on x.
func checkGateGradient(t *testing.T, name string, f func() float64, x, dx []float64) {
	t.Helper()
	for i, was := range x {
		const h = 1e-5 // error h² f”'/6 + 1e-16 f/h, about 1e-10
		x[i] = was + h
		up := f()
		x[i] = was - h
		down := f()
		x[i] = was
		if d := (up - down) / (2 * h); math.Abs(d-dx[i]) > 2e-9*(1+math.Abs(d)) {
			t.Fatalf("%s[%d] = %v, finite difference %v", name, i, dx[i], d)
		}
	}
}

// gateRandn returns n normal deviates.
func gateRandn[T Float](rng *rand.Rand, n int) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = T(rng.NormFloat64())
	}
	return x
}

func gateDot(x, y []float64) (s float64) {
	for i := range x {
		s += x[i] * y[i]
	}
	return s
}

// gateDenormal reports whether x is a denormal.
func gateDenormal(x float32) bool { return x != 0 && abs32(x) < 0x1p-126 }
