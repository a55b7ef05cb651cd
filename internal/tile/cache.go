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

// Halves reports whether a core computes vectors of 512 bits in two halves, as Zen 4 does. Products then
// take twice as long, so that what they read has twice the time to come.
func Halves() bool {
	return cpuid.CPU.VendorID == cpuid.AMD && cpuid.CPU.Family == 25 && cpuid.CPU.Supports(cpuid.AVX512F)
}
