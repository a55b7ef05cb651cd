// Command netlib lets the test drivers of the reference BLAS loose on the products of package
// blas, in every way to call them and on every instruction set of this machine.
//
//	go run ./internal/check/netlib        (make test-netlib)
//
//	libblas-test: xblat2s, xscblat3, ... --> sgemm_, cblas_sgemm, ... --> Gemm, Gemv
//	  |   ^                                  (folder _shim, preloaded)    Packed, GemmPacked
//	  |   |                                                               GemmThreads
//	  |   +-- sizes, alpha, beta                                          gonumblas
//	  v
//	"SGEMM  PASSED THE COMPUTATIONAL TESTS ( 59049 CALLS)"
//
// The drivers are by the authors of BLAS. They call every combination of sizes, transpositions,
// increments, alpha and beta, and look at the result, at the operands and at the memory between
// the rows. Only the error exits are left out: package blas panics instead.
//
// Each driver runs a second time with one element of one product wrong, and has to find it, so
// that a driver that calls something else, or nothing, does not count as passed.
//
// It needs gcc and the drivers, which are linked with the reference BLAS (Debian: libblas-test,
// libblas3). Those for C need it; any other BLAS lacks a variable of theirs.
package main
