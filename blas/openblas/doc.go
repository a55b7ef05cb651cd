// Package openblas is the backend "openblas" of package blas. It has code only with cgo and
// the build tag openblas, and needs libopenblas with its header-less standard names at link
// time (Debian: libopenblas-dev).
//
//	blas --> openblas: checks, empty products --> gonum.org/v1/netlib --> libopenblas
//
// At start it does two things that decide the speed:
//
//   - OpenBLAS runs on one thread. The layers above split the work over goroutines; a
//     second team of threads would fight with them for the same cores.
//   - OpenBLAS chooses its kernels from a list of processors and, for one it does not know,
//     falls back to kernels of the 2000s. Release 0.3.21 does so for recent Xeons and is then
//     5 times slower. If the processor has AVX2, the choice was one without it and
//     OPENBLAS_CORETYPE is not set, the choice is made again with the kernels for Skylake-X
//     (AVX-512) or Haswell (AVX2). [Core] is what OpenBLAS says afterwards, and [Warning]
//     says so if that is still wrong.
//
// The results are those of OpenBLAS: their last bits depend on its version and on the
// processor, and are outside of the bit contract of package blas.
package openblas
