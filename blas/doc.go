// Package blas multiplies matrices: Gemm and Gemv over float32 and float64, row-major, in AVX-512
// and AVX2 code, chosen by package asm, and in plain Go for all other machines. Built with -tags
// openblas, OpenBLAS does what it is faster at.
//
//	op(A) [M,K] --+
//	              +--Gemm--> C [M,N] = alpha op(A) op(B) + beta C
//	op(B) [K,N] --+
//
//	 Gemm, Gemv                        check, then one of
//	     |                |
//	  backend "go"   backend "openblas"      Use, ELBOW_BLAS; "auto" is one of them for each product
//
//	B --Packed.Pack--> panels --GemmPacked--> C      under "go", and "auto" where that is faster
//
// It is the small part of BLAS that recurrent and variational models need, with the
// argument order of BLAS and the transpose type of gonum. The package gonumblas puts it
// under gonum's blas32, blas64 and mat.
//
// A matrix that takes part in many products, such as the weight of a layer, can be put in the
// order in which they read it once: [Packed], [GemmPacked].
//
// # The bit contract
//
// Under the backend "go" the float32 results are fixed to the last bit, on every machine,
// with every instruction set, whatever the shape, the strides, the transpositions and the
// place in the matrix:
//
//	alpha = 1:      c = chain(beta*C rounded, or +0 if beta = 0)
//	alpha != 1:     c = fma(alpha, chain(+0), beta*C rounded, or +0 if beta = 0)
//	chain(s):       for k ascending: s = fma(A[i,k], B[k,j], s)
//
// There is one chain per output; fma rounds once, to float32. A product over k may
// therefore be cut anywhere: two calls, the second with beta = 1, give the bits of one.
// NaN results are equal as NaN; their payload and sign are not fixed. Denormals are computed
// exactly. With alpha = 0, and with no k at all, C becomes beta*C. float64 promises the
// same bits for the same call with the same instruction set, on any number of threads, no more. OpenBLAS is outside of the
// contract: its sums have an order of their own, which depends on the CPU.
//
// # Rules for all routines
//
// No output may overlap an input. A wrong shape, stride or slice length is a bug in the
// caller: the routine panics with function, argument, got and want before anything is
// written, in the same words under every backend. Zero sizes are legal. Nothing outside of
// the matrices is read or written, and no alignment is asked for. With beta = 0 the output
// is not read, so it may hold NaN. Only [GemmThreads] starts goroutines, as many as it is told.
// The others allocate nothing but scratch, once for every call that runs at the same time as
// others, up to 6 MB each for large products; it is kept.
//
// # Choice of the backend
//
// A plain build has "go" alone. The build tag openblas (with cgo) adds "openblas", which computes
// everything with OpenBLAS, and "auto", the default then: float64 goes to OpenBLAS, and in float32
// each product to the faster one of the two, by tables of transpositions and sizes that were
// measured (choice.go). Without cgo the tag has no effect. The environment variable ELBOW_BLAS
// (go, openblas or auto) chooses at start, [Use] at any later time. A value that is unknown or
// not available leaves the default in force and is kept in [EnvError].
package blas
