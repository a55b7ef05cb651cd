package measure

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
)

// Chains returns a call of about 10 us that does nothing but independent multiply-adds on
// registers, with the vectors of the instruction set, and the number of its float32
// operations, each multiply-add counted as 2; nil and 0 where there is no code for it.
func Chains(isa asm.ISA) (call func(), flops float64) {
	if isa == asm.Generic {
		return nil, 0
	}
	const n = 48 * 750
	return func() { simd.Chains(isa, n) }, float64(2 * simd.Lanes(isa) * n)
}
