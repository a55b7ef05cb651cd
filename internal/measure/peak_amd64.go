//go:build !purego

package measure

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/avx2"
	"github.com/elbow-go/elbow/asm/avx512"
)

// Chains returns a call of about 10 us that does nothing but independent multiply-adds on
// registers, with the vectors of the instruction set, and the number of its float32
// operations, each multiply-add counted as 2; nil and 0 where there is no code for it.
func Chains(isa asm.ISA) (call func(), flops float64) {
	const steps, chains = 3000, 12
	switch isa {
	case asm.AVX512:
		return func() { avx512.Chains(steps) }, 2 * 16 * chains * steps
	case asm.AVX2:
		return func() { avx2.Chains(steps) }, 2 * 8 * chains * steps
	}
	return nil, 0
}
