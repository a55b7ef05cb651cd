// Package tile multiplies matrices: the one product under packages blas and kernels, in machine
// code and in plain Go, bit for bit the same in float32. Arguments have been checked by its
// callers.
//
//	blas:     Gemm, Gemv                    kernels:  the fused steps
//	          Packed --Panels               weights --Panels
//	             |        |                              |
//	           Gemm   Panels.Gemm                      Step, with what follows the product
//	             |        |                              |     while that is in the first cache
//	             +--------+----- tiles ------------------+
//
// The unit of machine code is a tile: a few rows of A times a panel of B, which is up to four
// vectors of columns, with a chain per output in a register; asm/_gen has it. Tiles read A from
// where it is, whatever its strides, or from a copy where that is faster (tiles.go). B has to have
// its columns side by side, so where it has not it is packed: for one product in scratch (blocks.go
// has the order of the tiles), or beforehand in [Panels]. A block of k goes on with the chains in C.
// With alpha other than 1, and where C has a stride between columns, the chains are in a block of
// scratch instead.
//
// The plain Go tile (plain.go) is that of asm.Generic. It packs both operands for
// itself, so there are no panels for it, and a product is one piece.
package tile
