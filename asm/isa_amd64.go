//go:build !purego

package asm

import "github.com/klauspost/cpuid/v2"

// detect asks the CPU and, through XGETBV inside cpuid, the operating system.
func detect() []ISA {
	isas := []ISA{Generic}
	if cpuid.CPU.Supports(cpuid.AVX2, cpuid.FMA3) {
		isas = append(isas, AVX2)
		if cpuid.CPU.Supports(cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL) {
			isas = append(isas, AVX512)
		}
	}
	return isas
}

func detectDot() ISA {
	if cpuid.CPU.Supports(cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL, cpuid.AVX512VNNI) {
		return AVX512
	}
	return Generic
}
