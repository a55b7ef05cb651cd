//go:build purego || !amd64

package measure

import "github.com/elbow-go/elbow/asm"

// Peak is the number of float32 operations a second of independent multiply-adds on
// registers, each counted as 2, with the vectors of the instruction set; 0 where there is no
// code for it.
func Peak(asm.ISA) float64 { return 0 }
