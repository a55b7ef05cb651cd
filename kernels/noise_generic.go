package kernels

import (
	"math"
	"math/bits"

	"github.com/elbow-go/elbow/internal/f32"
)

// What Philox adds to its two keys after a round: the golden ratio and sqrt(3) - 1.
const (
	philoxW0 = 0x9e3779b9
	philoxW1 = 0xbb67ae85
)

// philox is Philox 4x32-10: the counter c under the key (k0, k1).
func philox(c [4]uint32, k0, k1 uint32) [4]uint32 {
	for range 10 {
		h0, l0 := bits.Mul32(f32.PhiloxM0, c[0])
		h1, l1 := bits.Mul32(f32.PhiloxM1, c[2])
		c = [4]uint32{h1 ^ c[1] ^ k0, l1, h0 ^ c[3] ^ k1, l0}
		k0 += philoxW0
		k1 += philoxW1
	}
	return c
}

// philoxGroup writes the words of 64 columns of one row, those of the 16 blocks from block on, or
// of the blocks that its first cols columns need.
func philoxGroup(w *[64]uint32, n Noise, block, step, row uint32, cols int) {
	for j := range uint32(min(cols, 16)) {
		c := philox([4]uint32{block + j | uint32(n.Stream)<<24, step, row, n.Update},
			uint32(n.Seed), uint32(n.Seed>>32))
		w[j], w[16+j], w[32+j], w[48+j] = c[0], c[1], c[2], c[3]
	}
}

// uniform32 returns ((w>>8) + 1/2) 2^-24, rounded once, and never 1.
func uniform32(w uint32) float32 {
	u := f32.FMA(float32(w>>8), 0x1p-24, 0x1p-25)
	if 1-0x1p-24 < u {
		u = 1 - 0x1p-24
	}
	return u
}

func uniformsGeneric[T Float](dst []T, n Noise, step, row uint32, rows, cols int) {
	var w [64]uint32
	for i := range rowsOf(rows, cols) {
		di := dst[i*cols:][:cols]
		for g := 0; g < cols; g += 64 {
			philoxGroup(&w, n, uint32(g/4), step, row+uint32(i), cols-g)
			for j := range min(64, cols-g) {
				di[g+j] = T(uniform32(w[j]))
			}
		}
	}
}

func normalsGeneric[T Float](dst []T, n Noise, step, row uint32, rows, cols int) {
	var w [64]uint32
	var z [64]float32
	for i := range rowsOf(rows, cols) {
		di := dst[i*cols:][:cols]
		for g := 0; g < cols; g += 64 {
			philoxGroup(&w, n, uint32(g/4), step, row+uint32(i), cols-g)
			for j := range min(16, cols-g) {
				z[j], z[16+j] = boxMuller(w[j], w[16+j])
			}
			for j := 32; j < min(48, cols-g); j++ {
				z[j], z[16+j] = boxMuller(w[j], w[16+j])
			}
			for j := range min(64, cols-g) {
				di[g+j] = T(z[j])
			}
		}
	}
}

// boxMuller turns two words into two normals: radius from w0, angle from w1.
func boxMuller(w0, w1 uint32) (z0, z1 float32) {
	r := float32(math.Sqrt(float64(-2 * log32(uniform32(w0))))) // correctly rounded
	s, c := sincos32(uniform32(w1))
	return r * c, r * s
}

func shuffle(dst []int, n Noise, step, row uint32) {
	var w [64]uint32
	for i := range dst {
		if i%32 == 0 {
			philoxGroup(&w, n, uint32(i/2), step, row, 2*(len(dst)-i))
		}
		x := uint64(w[2*i%64])<<32 | uint64(w[2*i%64+1])
		j, _ := bits.Mul64(x, uint64(i)+1)
		dst[i] = dst[j]
		dst[j] = i
	}
}
