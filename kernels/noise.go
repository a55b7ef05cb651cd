package kernels

import (
	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
)

// A Noise names one source of random numbers. The numbers are computed from their place,
// not drawn one after the other: the same Noise, step, row and column give the same number
// in whatever order, in whatever parts and on whatever machine they are asked for.
//
// The generator is Philox 4x32 with 10 rounds. Its key is Seed (low word first); its counter
// is, word by word,
//
//	block | Stream<<24,  time step,  row,  Update
//
// and a block counts groups of four numbers of one row: columns come in groups of 64, and
// block 16g + j gives, in its words w = 0..3, the columns 64g + 16w + j. So four vectors of
// 16 lanes hold 64 columns in order, without a transposition.
//
// Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011.
type Noise struct {
	Seed   uint64 // the seed of the run
	Stream uint8  // what the numbers are for; streams are independent of each other
	Update uint32 // number of the parameter update, so that each one sees new noise
}

// maxNoiseCols is what 24 bits of block, with four numbers each, can hold.
const maxNoiseCols = 1 << 26

// Uniforms writes uniform random numbers from the open interval (0, 1).
//
//	dst[i,j] = min(((w>>8) + 1/2) 2^-24, 1 - 2^-24),   w the Philox word of (step, row+i, j)
//
// dst is [rows, cols], dense, row-major, and is overwritten; element (i, j) belongs to time
// step step and row row+i. For importance sample k of K of a batch row b, row is b*K + k.
// float32 rounds once; above 1/2 that keeps 23 bits of w, and the minimum keeps the result
// below 1. float64 gets the same values widened. A Bernoulli draw is dst[i,j] < p: never
// true for p = 0, always for p = 1.
// Uniforms panics if rows or cols is negative, row+rows > 2^32, cols > 2^26 or dst is short.
func Uniforms[T Float](dst []T, n Noise, step, row uint32, rows, cols int) {
	checkNoise("Uniforms", len(dst), row, rows, cols)
	if isa := asm.Active(); isa == asm.Generic {
		uniformsGeneric(dst, n, step, row, rows, cols)
	} else {
		noise(isa, dst, n, step, row, rows, cols, false)
	}
}

// Normals writes standard normal random numbers.
//
//	dst[i,j] = sqrt(-2 ln u) cos(2 pi v)   dst[i,j+16] = sqrt(-2 ln u) sin(2 pi v)
//
// for j mod 32 < 16, where u and v are the uniforms that [Uniforms] gives for (i, j) and
// (i, j+16): in each block the words (0, 1) and (2, 3) are the pairs, the first of a pair
// gives the radius and gets the cosine, the second gives the angle and gets the sine.
//
// dst is [rows, cols], dense, row-major, and is overwritten; rows and steps are numbered as
// in [Uniforms]. No result is beyond ±5.89, the radius of the smallest u. float32 follows
// the bit contract; float64 gets the same values widened.
// Normals panics if rows or cols is negative, row+rows > 2^32, cols > 2^26 or dst is short.
//
// Source: Box and Muller 1958.
func Normals[T Float](dst []T, n Noise, step, row uint32, rows, cols int) {
	checkNoise("Normals", len(dst), row, rows, cols)
	if isa := asm.Active(); isa == asm.Generic {
		normalsGeneric(dst, n, step, row, rows, cols)
	} else {
		noise(isa, dst, n, step, row, rows, cols, true)
	}
}

// Uint32s writes uniform random words: dst[j] is the Philox word of column j of one row, the
// word that [Uniforms] turns into a number. Uint32s panics if len(dst) > 2^26.
func Uint32s(dst []uint32, n Noise, step, row uint32) {
	checkMost("Uint32s", "len(dst)", len(dst), maxNoiseCols)
	var w [64]uint32
	for g := 0; g < len(dst); g += 64 {
		philoxGroup(&w, n, uint32(g/4), step, row, len(dst)-g)
		copy(dst[g:], w[:])
	}
}

// Shuffle writes a random permutation of 0..len(dst)-1, the same on every machine.
//
// It is the inside-out form of Fisher and Yates: element i changes places with element
// floor(x (i+1) 2^-64), x the 64-bit number of words 2i (high) and 2i+1 (low) of [Uint32s].
// Its bias is below len(dst) 2^-64. Shuffle panics if len(dst) > 2^25.
func Shuffle(dst []int, n Noise, step, row uint32) {
	checkMost("Shuffle", "len(dst)", len(dst), maxNoiseCols/2)
	shuffle(dst, n, step, row)
}

func checkNoise(fn string, length int, row uint32, rows, cols int) {
	checkMatrix(fn, "dst", length, rows, cols, cols)
	checkMost(fn, "cols", cols, maxNoiseCols)
	if uint64(row)+uint64(rows) > 1<<32 {
		panic(badMost(fn, "row + rows", uint64(row)+uint64(rows), 1<<32))
	}
}

// noise has machine code make whole groups of 64 columns. A last group that is not whole goes
// through a buffer, as do all groups of float64.
func noise[T Float](isa asm.ISA, dst []T, n Noise, step, row uint32, rows, cols int, normal bool) {
	keys := philoxKeys(n.Seed)
	var part [64]float32
	for i := range rowsOf(rows, cols) {
		ctr := [4]uint32{uint32(n.Stream) << 24, step, row + uint32(i), n.Update}
		for di := dst[i*cols:][:cols]; len(di) > 0; {
			groups := 0
			if is32[T]() {
				groups = min(len(di), simd.MaxElems) / 64
			}
			if groups > 0 {
				noiseGroups(isa, &f32s(di)[0], &ctr, &keys, groups, normal)
			} else {
				groups = 1
				noiseGroups(isa, &part[0], &ctr, &keys, groups, normal)
				for j := range min(len(di), len(part)) {
					di[j] = T(part[j])
				}
			}
			di = di[min(len(di), 64*groups):]
			ctr[0] += uint32(16 * groups)
		}
	}
}

func noiseGroups(isa asm.ISA, dst *float32, ctr *[4]uint32, keys *[20]uint32, groups int, normal bool) {
	if normal {
		simd.Normals(isa, dst, &ctr[0], &keys[0], groups)
	} else {
		simd.Uniforms(isa, dst, &ctr[0], &keys[0], groups)
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
