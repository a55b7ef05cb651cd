//go:build !purego

package asm

import "github.com/klauspost/cpuid/v2"

// detect has nothing to ask: Advanced SIMD belongs to arm64.
func detect() []ISA { return []ISA{Generic, NEON} }

// detectDot asks the operating system, through cpuid.
func detectDot() ISA {
	if cpuid.CPU.Supports(cpuid.ASIMDDP) {
		return NEON
	}
	return Generic
}
