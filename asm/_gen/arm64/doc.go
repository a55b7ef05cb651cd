// Package arm64 is the target NEON of the generator. Its files are text for Go's assembler:
//
//	table.go     an instruction a row: encoding, operands, GNU's and Go's mnemonics
//	classes.go   what operands there are: their range, their bits, their two texts
//	encode.go    Enc: one row and its operands give the word and both texts
//	general.go   the instructions of general registers, which Go's assembler encodes
//	write.go     a file of functions and tables, and the Go declarations for it
//
// and above that what the engine wants of a target:
//
//	machine.go, scalar.go, vectors.go     verbs for code that orders itself
//	lower.go                              operations of blocks
//	tail.go                               parts of vectors
//	transpose.go                          rows of a matrix to vectors across rows
//
// Go 1.26's assembler knows about half of the instructions of vectors, 1.27's most of them.
// The others are words with their text in a comment, and the tests see to it that a word is
// what its comment says: a decoder, LLVM's assembler and both Go assemblers have to agree.
package arm64
