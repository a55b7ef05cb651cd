// Command fused finds float arithmetic that has other bits on other architectures.
//
//	go run ./internal/check/fused        (make check-fused)
//
// For arm64, and for ppc64, s390x, riscv64 and loong64, the Go compiler makes one instruction
// of x*y + z, which rounds once and not twice, wherever the product is not converted by an
// explicit float64(x*y); x/2 is a product too. And most functions of package math are written
// in another way for each architecture. What reaches a file or a decision depends on neither.
//
//	packages --> sources ----------------------------> uses of package math --+
//	   |                                                                      +--> those that
//	   +--> compiler for arm64, with -S --> instructions with file and line --+    are not allowed
//
// The tests are compiled too, since a generic function has code only where it is used, but
// what is in them is not reported. An instruction counts where it was written, also if the
// function was inlined into another.
//
// In package kernels only what float32 goes through is promised to have the same bits; its
// functions of float64 may do as they like. Packages tile and blas are left to their own tests: a
// product is a chain of fused multiply-adds there by contract.
package main
