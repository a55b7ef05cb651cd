//go:build !purego

package asm

// detect has nothing to ask: Advanced SIMD belongs to arm64.
func detect() []ISA { return []ISA{Generic, NEON} }
