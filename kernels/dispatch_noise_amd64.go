//go:build !purego

package kernels

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/avx2"
	"github.com/elbow-go/elbow/asm/avx512"
)

// Machine code makes whole groups of 64 columns. A last group that is not whole goes through
// a buffer.

func uniforms(dst []float32, n Noise, step, row uint32, rows, cols int) {
	if asm.Active() < asm.AVX2 {
		uniformsGeneric(dst, n, step, row, rows, cols)
		return
	}
	noise(dst, n, step, row, rows, cols, false)
}

func normals(dst []float32, n Noise, step, row uint32, rows, cols int) {
	if asm.Active() < asm.AVX2 {
		normalsGeneric(dst, n, step, row, rows, cols)
		return
	}
	noise(dst, n, step, row, rows, cols, true)
}

func noise(dst []float32, n Noise, step, row uint32, rows, cols int, normal bool) {
	keys := philoxKeys(n.Seed)
	var last [64]float32
	for i := range rowsOf(rows, cols) {
		ctr := [4]uint32{uint32(n.Stream) << 24, step, row + uint32(i), n.Update}
		for di := dst[i*cols:][:cols]; len(di) > 0; {
			groups := min(len(di), maxElems) / 64
			if groups > 0 {
				noiseGroups(&di[0], &ctr, &keys, groups, normal)
				di = di[64*groups:]
			} else {
				noiseGroups(&last[0], &ctr, &keys, 1, normal)
				copy(di, last[:])
				di = nil
			}
			ctr[0] += uint32(16 * groups)
		}
	}
}

func noiseGroups(dst *float32, ctr *[4]uint32, keys *[20]uint32, groups int, normal bool) {
	switch isa := asm.Active(); {
	case isa == asm.AVX512 && normal:
		avx512.Normals(dst, &ctr[0], &keys[0], groups)
	case isa == asm.AVX512:
		avx512.Uniforms(dst, &ctr[0], &keys[0], groups)
	case normal:
		avx2.Normals(dst, &ctr[0], &keys[0], groups)
	default:
		avx2.Uniforms(dst, &ctr[0], &keys[0], groups)
	}
}

// philoxKeys returns the two keys of each round.
func philoxKeys(seed uint64) (keys [20]uint32) {
	k0, k1 := uint32(seed), uint32(seed>>32)
	for i := 0; i < len(keys); i += 2 {
		keys[i], keys[i+1] = k0, k1
		k0 += philoxW0
		k1 += philoxW1
	}
	return keys
}
