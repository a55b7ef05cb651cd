// Package asmtest holds what the tests of kernels, blas and cell share: runs under every
// instruction set, slices with guards around them, comparison in bits and in ULP.
package asmtest
