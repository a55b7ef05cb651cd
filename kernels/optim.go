package kernels

import (
	"github.com/klauspost/cpuid/v2"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
)

// The optimisers read the gradient and write parameters and state in one pass. All slices
// of a call have len(p) elements or more, and none may overlap another. Each element is
// computed alone, so a NaN in g makes that element of p and of the state NaN, for good.
//
// float32 stores a first moment below 2^-100 (7.9e-31) in magnitude, and a second moment
// below 2^-120 (7.5e-37, whose root is 8.7e-19), as +0. Otherwise the state of a parameter
// whose gradient has become 0 decays into the denormals and stays there, where each step
// costs many times as much. The limits are far below what eps lets through. float64 has none.

// Moments holds what [Adam] keeps of the gradients of a parameter: the averages of them and of their
// squares. Both start at 0.
type Moments[T Float] struct {
	M, V []T
}

// AdamSettings are those of [Adam] for one step, under the names of torch.optim.Adam.
type AdamSettings[T Float] struct {
	LR           T // learning rate
	Beta1, Beta2 T // decay of the moments; 0.9 and 0.999 are usual
	Eps          T // keeps the divisor away from 0; 1e-8 is usual
	Decay        T // weight_decay of AdamW; 0 is Adam

	// 1 - Beta1^t and 1 - Beta2^t in step t = 1, 2, ..., which correct the bias of moments that start
	// at 0; 1 leaves the correction out.
	C1, C2 T

	// Scale times g is what g becomes before it is used, as by [Scal]: a factor of all gradients, such as that
	// of a clipped norm. 0 is 1.
	Scale T
}

// Adam makes one step of Adam or, with Decay above 0, of AdamW.
//
//	g = scale g
//	m = beta1 m + (1-beta1) g
//	v = beta2 v + (1-beta2) g^2
//	p = (1 - lr decay) p - lr (m/c1) / (sqrt(v/c2) + eps)
//
// The decay is decoupled: the parameter shrinks by a share of itself, whatever its gradient is
// divided by. With a Decay of 0 every bit is that of Adam. Eps is added outside the root, after the
// correction.
//
// The operations in float32, each rounded once: b = 1-beta1, d = 1-beta2, a = lr/c1, s = 1/c2
// and keep = 1 - lr*decay once; then for each element
//
//	g = scale*g                        only with a Scale
//	m = fma(beta1, m, b*g)             |m| < 2^-100 becomes +0
//	v = fma(d*g, g, beta2*v)           |v| < 2^-120 becomes +0
//	p = fma(-a, m / (sqrt(v*s) + eps), keep*p)
//
// v overflows to Inf from |g| = 5.8e20 on (for beta2 = 0.999), and the gradient moves the parameter
// no more from then on; v*s may overflow from 1.8e19 on, and it rests for that step.
// An infinite g gives NaN.
// Without a Scale g is not written.
// Adam panics if g, a.M or a.V is shorter than p, a or o is nil, or Beta2, Eps, C1 or C2 is 0: none of
// them can be left unset. Beta1 may be 0, which is Adam without a first moment.
//
// Source: Kingma and Ba 2015, Loshchilov and Hutter 2019; eps and decay as in torch.optim.Adam and
// torch.optim.AdamW (weight_decay).
func Adam[T Float](p, g []T, a *Moments[T], o *AdamSettings[T]) {
	const fn = "Adam"
	switch {
	case a == nil:
		panic(badNil(fn, "a"))
	case o == nil:
		panic(badNil(fn, "o"))
	}
	checkLen(fn, "g", len(g), len(p))
	checkLen(fn, "a.M", len(a.M), len(p))
	checkLen(fn, "a.V", len(a.V), len(p))
	checkSet(fn, "o.Beta2", o.Beta2)
	checkSet(fn, "o.Eps", o.Eps)
	checkSet(fn, "o.C1", o.C1)
	checkSet(fn, "o.C2", o.C2)
	m, v, size := a.M, a.V, len(p)
	scale, keep := o.Scale, 1-T(o.LR*o.Decay)
	if scale == 0 {
		scale = 1
	}
	if scale == 1 && o.Decay == 0 {
		adamOf(p, g, m, v, o, size)
		return
	}
	// Passes of their own, in pieces that the first cache holds: a factor in the other one would slow Adam too.
	for len(p) > 0 {
		n := min(len(p), 1024)
		if scale != 1 {
			Scal(g[:n], g[:n], scale)
		}
		if o.Decay != 0 {
			Scal(p[:n], p[:n], keep)
		}
		adamOf(p[:n], g, m, v, o, size)
		p, g, m, v = p[n:], g[n:], m[n:], v[n:]
	}
}

// adamOf is Adam without scale and decay, for a piece of arrays that have size elements.
func adamOf[T Float](p, g, m, v []T, o *AdamSettings[T], size int) {
	if is32[T]() {
		adam(f32s(p), f32s(g), f32s(m), f32s(v), float32(o.Beta1), float32(o.Beta2), float32(o.LR/o.C1), float32(o.Eps), float32(1/o.C2), size)
	} else {
		adam64(f64s(p), f64s(g), f64s(m), f64s(v), float64(o.Beta1), float64(o.Beta2), float64(o.LR/o.C1), float64(o.Eps), float64(1/o.C2))
	}
}

// slowDivider says that a vector of quotients takes so long, 10 cycles on a Xeon, that AVX-512 code multiplies
// instead for most of them, with the same bits. The divider of a Zen 4 is quicker than that code; others are
// taken to be as well.
var slowDivider = cpuid.CPU.VendorID == cpuid.Intel

// adam takes a = lr/c1 and s = 1/c2, and a piece of arrays that have size elements. AVX2 code, which divides, serves
// AVX-512 too unless division is slow, the arrays fit into the second cache (from beyond, memory binds) and eps is
// one with which the code of AVX-512 divides exactly.
func adam(p, g, m, v []float32, beta1, beta2, a, eps, s float32, size int) {
	isa := asm.Active()
	if isa == asm.Generic {
		adamGeneric(p, g, m, v, beta1, beta2, a, eps, s)
		return
	}
	if isa == asm.AVX512 && !(slowDivider && size <= 1<<17 && eps >= 0x1p-60) {
		isa = asm.AVX2
	}
	simd.Adam(isa, ref(p, 0), ref(g, 0), ref(m, 0), ref(v, 0), len(p), beta1, beta2, 1-beta1, 1-beta2, a, eps, s)
}

// SGDSettings are those of [SGD], under the names of torch.optim.SGD.
type SGDSettings[T Float] struct {
	LR       T // learning rate
	Momentum T
}

// SGD makes one step of gradient descent, with momentum unless m is nil.
//
//	m = momentum m + g
//	p = p - lr m        (m nil: p = p - lr g)
//
// m starts at 0. float32: m = fma(momentum, m, g), below 2^-100 in magnitude +0, then
// p = fma(-lr, m, p). SGD panics if g, or m unless it is nil, is shorter than p, o is nil, or there is
// a Momentum without an m.
//
// Source: Polyak 1964, in the form of torch.optim.SGD (no dampening).
func SGD[T Float](p, g, m []T, o *SGDSettings[T]) {
	const fn = "SGD"
	if o == nil {
		panic(badNil(fn, "o"))
	}
	checkLen(fn, "g", len(g), len(p))
	if m == nil {
		if o.Momentum != 0 && len(p) > 0 {
			panic(badMomentum(fn, float64(o.Momentum)))
		}
		Axpy(p, g[:len(p)], -o.LR)
		return
	}
	checkLen(fn, "m", len(m), len(p))
	if is32[T]() {
		sgd(f32s(p), f32s(g), f32s(m), float32(o.LR), float32(o.Momentum))
	} else {
		sgd64(f64s(p), f64s(g), f64s(m), float64(o.LR), float64(o.Momentum))
	}
}

func sgd(p, g, m []float32, lr, mu float32) {
	if isa := asm.Active(); isa == asm.Generic {
		sgdGeneric(p, g, m, lr, mu)
	} else {
		simd.SGD(isa, ref(p, 0), ref(g, 0), ref(m, 0), len(p), lr, mu)
	}
}

// AdagradSettings are those of [Adagrad], under the names of torch.optim.Adagrad.
type AdagradSettings[T Float] struct {
	LR  T // learning rate
	Eps T // keeps the divisor away from 0; 1e-10 is usual
}

// Adagrad makes one step of Adagrad.
//
//	s = s + g^2
//	p = p - lr g / (sqrt(s) + eps)
//
// s starts at 0 or a positive constant. float32: s = fma(g, g, s), below 2^-120 +0,
// then p = fma(-lr, g / (sqrt(s) + eps), p). |g| above 1.8e19 overflows s to Inf, after which
// the parameter stays; an infinite g gives NaN.
// Adagrad panics if g or s is shorter than p, o is nil, or Eps is 0.
//
// Source: Duchi, Hazan and Singer 2011, the diagonal form.
func Adagrad[T Float](p, g, s []T, o *AdagradSettings[T]) {
	const fn = "Adagrad"
	if o == nil {
		panic(badNil(fn, "o"))
	}
	checkLen(fn, "g", len(g), len(p))
	checkLen(fn, "s", len(s), len(p))
	checkSet(fn, "o.Eps", o.Eps)
	if is32[T]() {
		adagrad(f32s(p), f32s(g), f32s(s), float32(o.LR), float32(o.Eps))
	} else {
		adagrad64(f64s(p), f64s(g), f64s(s), float64(o.LR), float64(o.Eps))
	}
}

func adagrad(p, g, s []float32, lr, eps float32) {
	if isa := asm.Active(); isa == asm.Generic {
		adagradGeneric(p, g, s, lr, eps)
	} else {
		simd.Adagrad(isa, ref(p, 0), ref(g, 0), ref(s, 0), len(p), lr, eps)
	}
}
