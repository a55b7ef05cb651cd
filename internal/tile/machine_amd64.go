//go:build !purego

package tile

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/avx2"
	"github.com/elbow-go/elbow/asm/avx512"
)

func gemmTiles32(isa asm.ISA, args *Args[float32]) {
	if isa == asm.AVX512 {
		avx512.GemmTiles((*avx512.GemmArgs)(args))
	} else {
		avx2.GemmTiles((*avx2.GemmArgs)(args))
	}
}

func gemmFinish32(isa asm.ISA, args *Args[float32]) {
	if isa == asm.AVX512 {
		avx512.GemmFinish((*avx512.GemmArgs)(args))
	} else {
		avx2.GemmFinish((*avx2.GemmArgs)(args))
	}
}

func gemvRows32(isa asm.ISA, args *Args[float32]) {
	if isa == asm.AVX512 {
		avx512.GemvRows((*avx512.GemmArgs)(args))
	} else {
		avx2.GemvRows((*avx2.GemmArgs)(args))
	}
}

func gemmPack32(isa asm.ISA, args *packArgs[float32]) {
	if isa == asm.AVX512 {
		avx512.GemmPack((*avx512.PackArgs)(args))
	} else {
		avx2.GemmPack((*avx2.PackArgs)(args))
	}
}

func gemmPackT32(isa asm.ISA, args *packArgs[float32]) {
	if isa == asm.AVX512 {
		avx512.GemmPackT((*avx512.PackArgs)(args))
	} else {
		avx2.GemmPackT((*avx2.PackArgs)(args))
	}
}

func gemmTile1632(isa asm.ISA, args *Args[float32]) {
	if isa == asm.AVX512 {
		avx512.GemmTile16((*avx512.GemmArgs)(args))
	} else {
		avx2.GemmTile16((*avx2.GemmArgs)(args))
	}
}

func gemmRow32(isa asm.ISA, half bool, args *rowArgs[float32]) {
	switch {
	case isa == asm.AVX512 && half:
		avx512.GemmRow16((*avx512.RowArgs)(args))
	case isa == asm.AVX512:
		avx512.GemmRow((*avx512.RowArgs)(args))
	case half:
		avx2.GemmRow16((*avx2.RowArgs)(args))
	default:
		avx2.GemmRow((*avx2.RowArgs)(args))
	}
}
