//go:build !purego

package measure

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/avx2"
	"github.com/elbow-go/elbow/asm/avx512"
)

// Peak is the number of float32 operations a second of independent multiply-adds on
// registers, each counted as 2, with the vectors of the instruction set; 0 where there is no
// code for it.
func Peak(isa asm.ISA) float64 {
	const steps, chains = 4000, 12
	switch isa {
	case asm.AVX512:
		return 2 * 16 * chains * steps / Fastest(50, func() { avx512.Chains(steps) })
	case asm.AVX2:
		return 2 * 8 * chains * steps / Fastest(50, func() { avx2.Chains(steps) })
	}
	return 0
}
