//go:build purego || !amd64

package measure

import "github.com/elbow-go/elbow/asm"

// Chains returns a call of about 10 us that does nothing but independent multiply-adds on
// registers, with the vectors of the instruction set, and the number of its float32
// operations, each multiply-add counted as 2; nil and 0 where there is no code for it.
func Chains(asm.ISA) (call func(), flops float64) { return nil, 0 }
