package asm

import (
	"errors"
	"math"
)

// The processor's float control register (MXCSR, FPCR) can be set to flush denormals to 0 and to
// round otherwise than to nearest. Go leaves it alone, but C code that was linked with -ffast-math
// may set it as it is loaded, and then float32 results lose the bits they promise.

var floatErr = CheckFloat()

// FloatError returns what was wrong with the float control register when the program started, or
// nil. The register belongs to a thread of the operating system, and a thread usually starts with
// that of its parent. So what a library sets as it is loaded is seen here, but not what C code sets
// on some thread later; [CheckFloat] looks again, at one thread.
func FloatError() error { return floatErr }

// CheckFloat looks at the float control register of the thread that it runs on, by computing with
// it.
func CheckFloat() error { return checkFloat(mul, add) }

//go:noinline
func mul(a, b float32) float32 { return a * b }

//go:noinline
func add(a, b float32) float32 { return a + b }

func checkFloat(mul, add func(a, b float32) float32) error {
	const least = 0x1p-126 // normal
	bits := math.Float32bits
	switch {
	// Compared in bits: a comparison of floats is itself subject to the register.
	case bits(mul(least, 0.5)) != 1<<22:
		return errors.New("asm: denormal results become 0 (FTZ is set, as by C code linked with -ffast-math): float32 results may differ from those of other machines")
	case bits(mul(math.Float32frombits(1), 0x1p+24)) != bits(0x1p-125):
		return errors.New("asm: denormal operands count as 0 (DAZ is set, as by C code linked with -ffast-math): float32 results may differ from those of other machines")
	case add(1, 0x1.8p-24) != 1+0x1p-23, add(1, 0x1p-25) != 1, add(-1, -0x1p-25) != -1:
		return errors.New("asm: float32 results are not rounded to nearest: they differ from those of other machines")
	}
	return nil
}
