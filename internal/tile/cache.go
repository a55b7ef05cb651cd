package tile

import "github.com/klauspost/cpuid/v2"

// L2 returns the size in bytes of the second cache of a core, as the processor says, or 1 MB, which
// most have, if it does not.
func L2() int {
	if n := cpuid.CPU.Cache.L2; n > 0 {
		return n
	}
	return 1 << 20
}
