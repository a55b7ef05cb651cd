package kernels

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
)

// The functions in this file work element by element. dst (dx in the backward forms) is
// overwritten in its first len(x) elements (len(y) in the backward forms); it may be the
// same slice as any input, but must not overlap one in part. An element's result depends on
// that element alone, so a NaN stays where it is.

// Exp writes e^x.
//
//	dst[i] = e^x[i]
//
// dst has at least len(x) elements and may be x. e^-Inf = 0, e^Inf = Inf, NaN gives NaN;
// denormal results are within the same bound, and overflow gives Inf.
// float32: at most 0.90 ULP. float64: package math.
// Exp panics if dst is shorter than x.
func Exp[T Float](dst, x []T) {
	checkLen("Exp", "dst", len(dst), len(x))
	if is32[T]() {
		exps(f32s(dst), f32s(x))
	} else {
		exp64(f64s(dst), f64s(x))
	}
}

func exps(dst, x []float32) {
	if isa := asm.Active(); isa == asm.Generic {
		expGeneric(dst, x)
	} else {
		simd.Exp(isa, ref(dst, 0), ref(x, 0), len(x))
	}
}

// Log writes the natural logarithm.
//
//	dst[i] = ln x[i]
//
// dst has at least len(x) elements and may be x. ln 0 = -Inf for either zero, ln Inf = Inf,
// NaN for x < 0 and for NaN; denormal arguments are not flushed.
// float32: at most 0.86 ULP, and never falling. float64: package math.
// Log panics if dst is shorter than x.
func Log[T Float](dst, x []T) {
	checkLen("Log", "dst", len(dst), len(x))
	if is32[T]() {
		logs(f32s(dst), f32s(x))
	} else {
		log64(f64s(dst), f64s(x))
	}
}

func logs(dst, x []float32) {
	if isa := asm.Active(); isa == asm.Generic {
		logGeneric(dst, x)
	} else {
		simd.Log(isa, ref(dst, 0), ref(x, 0), len(x))
	}
}

// Tanh writes the hyperbolic tangent.
//
//	dst[i] = tanh x[i]
//
// dst has at least len(x) elements and may be x. tanh ±Inf = ±1, the sign of zero stays, NaN
// gives NaN. float32: at most 1.37 ULP, exactly odd, and never falling. float64: package math.
// Tanh panics if dst is shorter than x.
func Tanh[T Float](dst, x []T) {
	checkLen("Tanh", "dst", len(dst), len(x))
	if is32[T]() {
		tanhs(f32s(dst), f32s(x))
	} else {
		tanh64(f64s(dst), f64s(x))
	}
}

func tanhs(dst, x []float32) {
	if isa := asm.Active(); isa == asm.Generic {
		tanhGeneric(dst, x)
	} else {
		simd.Tanh(isa, ref(dst, 0), ref(x, 0), len(x))
	}
}

// Sigmoid writes the logistic function.
//
//	dst[i] = 1 / (1 + e^-x[i])
//
// dst has at least len(x) elements and may be x. NaN gives NaN. float32: at most 2 ULP of
// the function at x limited to [-87, 87], so that no result is zero or denormal: from -87
// down to -Inf it is 1.6e-38, from 17 up it is 1. float64: package math, not limited.
// Sigmoid panics if dst is shorter than x.
func Sigmoid[T Float](dst, x []T) {
	checkLen("Sigmoid", "dst", len(dst), len(x))
	if is32[T]() {
		sigmoids(f32s(dst), f32s(x))
	} else {
		sigmoid64(f64s(dst), f64s(x))
	}
}

func sigmoids(dst, x []float32) {
	if isa := asm.Active(); isa == asm.Generic {
		sigmoidGeneric(dst, x)
	} else {
		simd.Sigmoid(isa, ref(dst, 0), ref(x, 0), len(x))
	}
}

// Softplus writes the smooth form of max(x, 0).
//
//	dst[i] = ln(1 + e^x[i]) = max(x[i], 0) + ln(1 + e^-|x[i]|)
//
// dst has at least len(x) elements and may be x. Nothing overflows; -Inf gives 0, Inf gives
// Inf, NaN gives NaN. float32: at most 1.66 ULP, denormal results included. float64: package
// math. Softplus panics if dst is shorter than x.
func Softplus[T Float](dst, x []T) {
	checkLen("Softplus", "dst", len(dst), len(x))
	if is32[T]() {
		softpluses(f32s(dst), f32s(x))
	} else {
		softplus64(f64s(dst), f64s(x))
	}
}

func softpluses(dst, x []float32) {
	if isa := asm.Active(); isa == asm.Generic {
		softplusGeneric(dst, x)
	} else {
		simd.Softplus(isa, ref(dst, 0), ref(x, 0), len(x))
	}
}

// ReLU writes the positive part.
//
//	dst[i] = x[i] if x[i] > 0, else +0
//
// dst has at least len(x) elements and may be x. NaN gives NaN. Exact.
// ReLU panics if dst is shorter than x.
func ReLU[T Float](dst, x []T) {
	checkLen("ReLU", "dst", len(dst), len(x))
	if is32[T]() {
		relus(f32s(dst), f32s(x))
	} else {
		relu(f64s(dst), f64s(x))
	}
}

func relus(dst, x []float32) {
	if isa := asm.Active(); isa == asm.Generic {
		relu(dst, x)
	} else {
		simd.ReLU(isa, ref(dst, 0), ref(x, 0), len(x))
	}
}

// Square writes the square.
//
//	dst[i] = x[i]^2
//
// dst has at least len(x) elements and may be x. NaN gives NaN. Rounded once; from 2^64 up a float32
// gives Inf, below 2^-75 it gives 0.
// Square panics if dst is shorter than x.
func Square[T Float](dst, x []T) {
	checkLen("Square", "dst", len(dst), len(x))
	if is32[T]() {
		squares(f32s(dst), f32s(x))
	} else {
		square(f64s(dst), f64s(x))
	}
}

func squares(dst, x []float32) {
	if isa := asm.Active(); isa == asm.Generic {
		square(dst, x)
	} else {
		simd.Square(isa, ref(dst, 0), ref(x, 0), len(x))
	}
}

// Sqrt writes the square root.
//
//	dst[i] = √x[i]
//
// dst has at least len(x) elements and may be x. Rounded once, as IEEE 754 has it: √-0 = -0, √Inf = Inf,
// NaN for x < 0 and for NaN.
// Sqrt panics if dst is shorter than x.
func Sqrt[T Float](dst, x []T) {
	checkLen("Sqrt", "dst", len(dst), len(x))
	if is32[T]() {
		sqrts(f32s(dst), f32s(x))
	} else {
		sqrt(f64s(dst), f64s(x))
	}
}

func sqrts(dst, x []float32) {
	if isa := asm.Active(); isa == asm.Generic {
		sqrt(dst, x)
	} else {
		simd.Sqrt(isa, ref(dst, 0), ref(x, 0), len(x))
	}
}

// Magnitude writes the absolute values of complex numbers, whose parts are in two slices: the spectrum
// that a Fourier transform gives.
//
//	dst[i] = √(re[i]^2 + im[i]^2)
//
// dst and im have at least len(re) elements; dst may be re or im. Squares, sum and root are rounded
// once each and nothing is scaled, so it is the same for re and im exchanged, within 2 ULP for results
// from 2^-50 to 2^63, Inf for larger ones than 2^64 and 0 for those below 2^-75 (all in float32). NaN in
// either part gives NaN, even beside Inf.
// Magnitude panics if dst or im is shorter than re.
func Magnitude[T Float](dst, re, im []T) {
	checkLen("Magnitude", "dst", len(dst), len(re))
	checkLen("Magnitude", "im", len(im), len(re))
	if is32[T]() {
		magnitudes(f32s(dst), f32s(re), f32s(im))
	} else {
		magnitude(f64s(dst), f64s(re), f64s(im))
	}
}

func magnitudes(dst, re, im []float32) {
	if isa := asm.Active(); isa == asm.Generic {
		magnitude(dst, re, im)
	} else {
		simd.Magnitude(isa, ref(dst, 0), ref(re, 0), ref(im, 0), len(re))
	}
}

// TanhBackward writes the gradient of [Tanh], given its output y.
//
//	dx[i] = dy[i] (1 - y[i]^2)
//
// dx and dy have at least len(y) elements; dx may be dy or y. The two float32 operations
// are 1 - y^2, rounded once, and the product. A NaN in dy or y gives NaN.
// TanhBackward panics if dx or dy is shorter than y.
func TanhBackward[T Float](dx, dy, y []T) {
	checkLen("TanhBackward", "dx", len(dx), len(y))
	checkLen("TanhBackward", "dy", len(dy), len(y))
	if is32[T]() {
		tanhBackward(f32s(dx), f32s(dy), f32s(y))
	} else {
		tanhBackward64(f64s(dx), f64s(dy), f64s(y))
	}
}

func tanhBackward(dx, dy, y []float32) {
	if isa := asm.Active(); isa == asm.Generic {
		tanhBackwardGeneric(dx, dy, y)
	} else {
		simd.TanhBackward(isa, ref(dx, 0), ref(dy, 0), ref(y, 0), len(y))
	}
}

// SigmoidBackward writes the gradient of [Sigmoid], given its output y.
//
//	dx[i] = dy[i] y[i] (1 - y[i])
//
// dx and dy have at least len(y) elements; dx may be dy or y. In float32 the derivative
// y - y^2 is rounded once. A NaN in dy or y gives NaN.
// SigmoidBackward panics if dx or dy is shorter than y.
func SigmoidBackward[T Float](dx, dy, y []T) {
	checkLen("SigmoidBackward", "dx", len(dx), len(y))
	checkLen("SigmoidBackward", "dy", len(dy), len(y))
	if is32[T]() {
		sigmoidBackward(f32s(dx), f32s(dy), f32s(y))
	} else {
		sigmoidBackward64(f64s(dx), f64s(dy), f64s(y))
	}
}

func sigmoidBackward(dx, dy, y []float32) {
	if isa := asm.Active(); isa == asm.Generic {
		sigmoidBackwardGeneric(dx, dy, y)
	} else {
		simd.SigmoidBackward(isa, ref(dx, 0), ref(dy, 0), ref(y, 0), len(y))
	}
}

// SoftplusBackward writes the gradient of [Softplus], given its output y >= 0.
//
//	dx[i] = dy[i] (1 - e^-y[i])
//
// dx and dy have at least len(y) elements; dx may be dy or y. float32: the derivative is within
// 2.46 ULP for the y that is given, and within 4.25 ULP of the derivative at x where y is what
// Softplus makes of x; its product with dy is rounded once more. A NaN in dy or y gives NaN. SoftplusBackward
// panics if dx or dy is shorter than y.
func SoftplusBackward[T Float](dx, dy, y []T) {
	checkLen("SoftplusBackward", "dx", len(dx), len(y))
	checkLen("SoftplusBackward", "dy", len(dy), len(y))
	if is32[T]() {
		softplusBackward(f32s(dx), f32s(dy), f32s(y))
	} else {
		softplusBackward64(f64s(dx), f64s(dy), f64s(y))
	}
}

func softplusBackward(dx, dy, y []float32) {
	if isa := asm.Active(); isa == asm.Generic {
		softplusBackwardGeneric(dx, dy, y)
	} else {
		simd.SoftplusBackward(isa, ref(dx, 0), ref(dy, 0), ref(y, 0), len(y))
	}
}

// ReLUBackward writes the gradient of [ReLU], given its output y or its argument.
//
//	dx[i] = +0 if y[i] <= 0, else dy[i]
//
// dx and dy have at least len(y) elements; dx may be dy or y. Where y is NaN, dy passes.
// The derivative at 0 is taken as 0. Exact.
// ReLUBackward panics if dx or dy is shorter than y.
func ReLUBackward[T Float](dx, dy, y []T) {
	checkLen("ReLUBackward", "dx", len(dx), len(y))
	checkLen("ReLUBackward", "dy", len(dy), len(y))
	if is32[T]() {
		reluBackwards(f32s(dx), f32s(dy), f32s(y))
	} else {
		reluBackward(f64s(dx), f64s(dy), f64s(y))
	}
}

func reluBackwards(dx, dy, y []float32) {
	if isa := asm.Active(); isa == asm.Generic {
		reluBackward(dx, dy, y)
	} else {
		simd.ReLUBackward(isa, ref(dx, 0), ref(dy, 0), ref(y, 0), len(y))
	}
}
