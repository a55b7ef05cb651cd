// Package asm says which instruction set the kernels use, and holds the machine
// code itself in one leaf package per instruction set.
//
//	          ELBOW_ISA        Use (tests, benchmarks)
//	              |               |
//	cpuid --> Available -------> Active
//	                               |
//	        kernels, internal/tile       generic: plain Go
//	                               |
//	                   asm/simd          one switch per kernel, best first
//	                               |
//	      asm/avx512, asm/avx2, asm/neon
//
// The CPU is asked once, at start. The same inputs give the same float32 bits under
// every instruction set, so the choice changes the speed of a program and nothing else.
//
// The environment variable ELBOW_ISA (generic, neon, avx2 or avx512) forces the choice
// down: it can turn off what the machine has, never turn on what it lacks. A value that
// is unknown or not available leaves the default in force and is kept in [EnvError].
// ELBOW_DOT=off does the same for the one instruction that only some machines with an instruction set have: see
// [Dot].
// The build tag purego removes all machine code; generic is then the only choice.
//
// The promise of the same bits needs the processor's float control register as Go leaves it:
// [FloatError] says whether it was so at start, [CheckFloat] whether it is so now, on the thread
// that calls it.
package asm
