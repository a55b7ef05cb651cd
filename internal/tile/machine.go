package tile

import (
	"unsafe"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
)

// The machine code of package simd, for elements of either type.

// Args are those of GemmTiles, GemmFinish, GemmTile16 and GemvRows.
type Args[T Float] struct {
	A, B, C, Bias, Add, Next                       *T
	ARow, AStep, BStep, NextStep                   int
	CRow, AddRow, AddNext, Adds                    int
	CVec, CLast, K, Tiles, Rows, Vecs, Tail, Start int
	Alpha, Beta                                    T
}

type rowArgs[T Float] struct {
	A, B, B2, C                                       *T
	AStep, CVec, CLast, CPanel, K, Pairs, Vecs, Start int
	Rows, ARow, CRow                                  int
}

type packArgs[T Float] struct {
	Dst           *T
	DstRow        int
	Src           *T
	SrcRow        int
	K, Vecs, Tail int
}

func (a *Args[T]) float32() *simd.GemmArgs {
	return (*simd.GemmArgs)((*Args[float32])(unsafe.Pointer(a)))
}

func (a *Args[T]) float64() *simd.GemmArgs64 {
	return (*simd.GemmArgs64)((*Args[float64])(unsafe.Pointer(a)))
}

func (a *packArgs[T]) float32() *simd.PackArgs {
	return (*simd.PackArgs)((*packArgs[float32])(unsafe.Pointer(a)))
}

func (a *packArgs[T]) float64() *simd.PackArgs64 {
	return (*simd.PackArgs64)((*packArgs[float64])(unsafe.Pointer(a)))
}

func (a *rowArgs[T]) float32() *simd.RowArgs {
	return (*simd.RowArgs)((*rowArgs[float32])(unsafe.Pointer(a)))
}

// gemmTiles computes the last vector of a row as half of one if there is nothing in its upper half, which
// would take as long as the lower one where vectors are computed in halves.
func gemmTiles[T Float](isa asm.ISA, args *Args[T]) {
	switch lanes := lanes[T](isa); {
	case is64[T]():
		simd.GemmTiles64(isa, args.float64())
	case inHalves[T](isa) && args.Tail <= lanes/2 && args.CVec == lanes*size[T]():
		simd.GemmHalfTiles(isa, args.float32())
	default:
		simd.GemmTiles(isa, args.float32())
	}
}

func gemmFinish[T Float](isa asm.ISA, args *Args[T]) {
	if is64[T]() {
		simd.GemmFinish64(isa, args.float64())
	} else {
		simd.GemmFinish(isa, args.float32())
	}
}

func gemvRows[T Float](isa asm.ISA, args *Args[T]) {
	if is64[T]() {
		simd.GemvRows64(isa, args.float64())
	} else {
		simd.GemvRows(isa, args.float32())
	}
}

func gemmPack[T Float](isa asm.ISA, args *packArgs[T]) {
	if is64[T]() {
		simd.GemmPack64(isa, args.float64())
	} else {
		simd.GemmPack(isa, args.float32())
	}
}

func gemmPackT[T Float](isa asm.ISA, args *packArgs[T]) {
	if is64[T]() {
		simd.GemmPackT64(isa, args.float64())
	} else {
		simd.GemmPackT(isa, args.float32())
	}
}

func gemvCols[T Float](isa asm.ISA, args *Args[T]) {
	if is64[T]() {
		simd.GemvCols64(isa, args.float64())
	} else {
		simd.GemvCols(isa, args.float32())
	}
}

func gemvDots[T Float](isa asm.ISA, args *Args[T]) { simd.GemvDots64(isa, args.float64()) }

// Only float32 has the rest: no other panels are made for a Step.

func gemmTile16[T Float](isa asm.ISA, args *Args[T]) { simd.GemmTile16(isa, args.float32()) }

func gemmRow[T Float](isa asm.ISA, half bool, args *rowArgs[T]) {
	if half {
		simd.GemmRow16(isa, args.float32())
	} else {
		simd.GemmRow(isa, args.float32())
	}
}
