package tile

import (
	"unsafe"

	"github.com/elbow-go/elbow/asm"
)

// Machine returns isa if it has machine code for products of elements T, and Generic otherwise:
// the one place where the plain Go tile is chosen.
func Machine[T Float](isa asm.ISA) asm.ISA {
	if is64[T]() {
		return asm.Generic
	}
	return isa
}

// Args says what the kernels of tiles work on: see GemmArgs in package asm/avx512.
type Args[T Float] struct {
	A, B, C, Next                                        *T
	ARow, AStep, BStep, NextStep                         int
	CRow, CVec, CLast, K, Tiles, Rows, Vecs, Tail, Start int
	Alpha, Beta                                          T
}

// rowArgs are RowArgs of package asm/avx512.
type rowArgs[T Float] struct {
	A, B, B2, C                                       *T
	AStep, CVec, CLast, CPanel, K, Pairs, Vecs, Start int
}

// packArgs are PackArgs of package asm/avx512.
type packArgs[T Float] struct {
	Dst           *T
	DstRow        int
	Src           *T
	SrcRow        int
	K, Vecs, Tail int
}

func gemmTiles[T Float](isa asm.ISA, args *Args[T]) {
	gemmTiles32(isa, (*Args[float32])(unsafe.Pointer(args)))
}

func gemmFinish[T Float](isa asm.ISA, args *Args[T]) {
	gemmFinish32(isa, (*Args[float32])(unsafe.Pointer(args)))
}

func gemvRows[T Float](isa asm.ISA, args *Args[T]) {
	gemvRows32(isa, (*Args[float32])(unsafe.Pointer(args)))
}

func gemmPack[T Float](isa asm.ISA, args *packArgs[T]) {
	gemmPack32(isa, (*packArgs[float32])(unsafe.Pointer(args)))
}

func gemmPackT[T Float](isa asm.ISA, args *packArgs[T]) {
	gemmPackT32(isa, (*packArgs[float32])(unsafe.Pointer(args)))
}

// The next two have float32 only: no other panels are made for a Step.

func gemmRow[T Float](isa asm.ISA, half bool, args *rowArgs[T]) {
	gemmRow32(isa, half, (*rowArgs[float32])(unsafe.Pointer(args)))
}

func gemmTile16[T Float](isa asm.ISA, args *Args[T]) {
	gemmTile1632(isa, (*Args[float32])(unsafe.Pointer(args)))
}
