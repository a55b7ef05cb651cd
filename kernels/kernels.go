package kernels

import "unsafe"

// Float is the element type of every kernel. float32 has machine code and the bit
// contract; float64 is plain Go, but for the products of the fused steps, for gradient checks and
// for comparison.
type Float interface{ float32 | float64 }

// is32 reports whether T is float32. It is a constant to the compiler, and costs nothing.
func is32[T Float]() bool { return unsafe.Sizeof(*new(T)) == 4 }

// f32s and f64s return x as what it is known to be. An assertion of any(x) would cost a nanosecond.
func f32s[T Float](x []T) []float32 { return *(*[]float32)(unsafe.Pointer(&x)) }
func f64s[T Float](x []T) []float64 { return *(*[]float64)(unsafe.Pointer(&x)) }

// f32 and f64 are f32s and f64s for the arguments of a step.
func (s *Step[T]) f32() *Step[float32]         { return (*Step[float32])(unsafe.Pointer(s)) }
func (s *Step[T]) f64() *Step[float64]         { return (*Step[float64])(unsafe.Pointer(s)) }
func (d *StepGrad[T]) f32() *StepGrad[float32] { return (*StepGrad[float32])(unsafe.Pointer(d)) }
func (d *StepGrad[T]) f64() *StepGrad[float64] { return (*StepGrad[float64])(unsafe.Pointer(d)) }

// ref returns the address of x[i] for machine code; nil if x is nil or empty.
func ref(x []float32, i int) *float32 {
	if len(x) == 0 {
		return nil
	}
	return &x[i]
}

// from returns x from index i on; nil if x is nil.
func from[T Float](x []T, i int) []T {
	if x == nil {
		return nil
	}
	return x[i:]
}
