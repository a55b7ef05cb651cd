// Command peers measures the kernels beside C code that does the same work on the same
// numbers, and says which targets of this project are met.
//
//	go run ./bench/peers        (make bench-peers)
//
//	bench/internal/cases --> arguments --> our kernels, each instruction set in turn
//	                             |              |   alternating, about a millisecond each
//	                             +--> pipe --> a process of C code (folder c)
//
// The C code is built with gcc into bench/peers/bin: SLEEF (impl=sleef: 1 ULP, sleef-u35:
// 3.5 ULP), loops of -O3 -ffast-math that call glibc's libmvec (impl=libmvec for functions of
// one argument, impl=c for fused loops), and for the same arrays read and written with one
// addition each (impl=limit). Names that end in -avx2 are the same for 256 bits. impl=c of
// LatentStep is the loops that the kernel replaces, not one fused loop.
//
// What C computes is compared with our results before anything is timed. All implementations
// of a case are timed in turn, in several rounds, and all cases in several sweeps; a time is
// the tenth percentile over the rounds, since what disturbs only makes slower. The samples
// themselves are written as lines of a Go benchmark to bench-peers.out, for benchstat:
//
//	go tool -modfile=tools/go.mod benchstat -col /impl bench-peers.out
//
// Nothing else in the module needs C.
package main
