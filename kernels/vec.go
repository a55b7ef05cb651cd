package kernels

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
	switch x := any(x).(type) {
	case []float32:
		exps(any(dst).([]float32), x)
	case []float64:
		exp64(any(dst).([]float64), x)
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
	switch x := any(x).(type) {
	case []float32:
		logs(any(dst).([]float32), x)
	case []float64:
		log64(any(dst).([]float64), x)
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
	switch x := any(x).(type) {
	case []float32:
		tanhs(any(dst).([]float32), x)
	case []float64:
		tanh64(any(dst).([]float64), x)
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
	switch x := any(x).(type) {
	case []float32:
		sigmoids(any(dst).([]float32), x)
	case []float64:
		sigmoid64(any(dst).([]float64), x)
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
	switch x := any(x).(type) {
	case []float32:
		softpluses(any(dst).([]float32), x)
	case []float64:
		softplus64(any(dst).([]float64), x)
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
	switch x := any(x).(type) {
	case []float32:
		relus(any(dst).([]float32), x)
	case []float64:
		relu(any(dst).([]float64), x)
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
	switch y := any(y).(type) {
	case []float32:
		tanhBackward(any(dx).([]float32), any(dy).([]float32), y)
	case []float64:
		tanhBackward64(any(dx).([]float64), any(dy).([]float64), y)
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
	switch y := any(y).(type) {
	case []float32:
		sigmoidBackward(any(dx).([]float32), any(dy).([]float32), y)
	case []float64:
		sigmoidBackward64(any(dx).([]float64), any(dy).([]float64), y)
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
	switch y := any(y).(type) {
	case []float32:
		softplusBackward(any(dx).([]float32), any(dy).([]float32), y)
	case []float64:
		softplusBackward64(any(dx).([]float64), any(dy).([]float64), y)
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
	switch y := any(y).(type) {
	case []float32:
		reluBackwards(any(dx).([]float32), any(dy).([]float32), y)
	case []float64:
		reluBackward(any(dx).([]float64), any(dy).([]float64), y)
	}
}
