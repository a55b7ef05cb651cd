package tile

import "math"

// Packed operands. Arrays, not flat slices: the tiles then index them without checks.
type (
	pair [2]float64 // one column of two rows of A
	quad [4]float64 // one row of four columns of B
)

// packPair sets dst[q] to elements (i, k+q) and (i+1, k+q) of v. With w = 1 row i+1 does
// not exist, and row i takes its place.
func packPair[T Float](dst []pair, v *place[T], i, k, w int) {
	p := v.at + i*v.row + k*v.col
	next := v.row * (w - 1)
	if v.col == 1 {
		x0 := v.data[p:][:len(dst)]
		x1 := v.data[p+next:][:len(dst)]
		for q := range dst {
			d := &dst[q]
			d[0] = float64(x0[q])
			d[1] = float64(x1[q])
		}
		return
	}
	for q := range dst {
		d := &dst[q]
		d[0] = float64(v.data[p])
		d[1] = float64(v.data[p+next])
		p += v.col
	}
}

// packQuad sets dst[q] to elements (k+q, j) to (k+q, j+3) of v. With w < 4 columns left
// the last of them takes the place of the others.
func packQuad[T Float](dst []quad, v *place[T], k, j, w int) {
	p := v.at + k*v.row + j*v.col
	if v.col == 1 && w == 4 {
		for q := range dst {
			x := v.data[p:][:4]
			d := &dst[q]
			d[0], d[1] = float64(x[0]), float64(x[1])
			d[2], d[3] = float64(x[2]), float64(x[3])
			p += v.row
		}
		return
	}
	p1, p2, p3 := p+min(1, w-1)*v.col, p+min(2, w-1)*v.col, p+(w-1)*v.col
	if v.row == 1 {
		x0, x1 := v.data[p:][:len(dst)], v.data[p1:][:len(dst)]
		x2, x3 := v.data[p2:][:len(dst)], v.data[p3:][:len(dst)]
		for q := range dst {
			d := &dst[q]
			d[0], d[1] = float64(x0[q]), float64(x1[q])
			d[2], d[3] = float64(x2[q]), float64(x3[q])
		}
		return
	}
	for q := range dst {
		d := q * v.row
		dst[q] = quad{float64(v.data[p+d]), float64(v.data[p1+d]), float64(v.data[p2+d]), float64(v.data[p3+d])}
	}
}

// A survey says what is known of packed rows of A.
type survey struct {
	pow2     bool // every value is 0, infinite or a power of two, of either sign
	exponent int  // 2^exponent is at most the magnitude of every value but 0
}

// magnitude orders numbers by their absolute value, with 0 above all others.
func magnitude(v float64) uint64 { return math.Float64bits(v)<<1 - 1 }

func newSurvey(x []pair) survey {
	least0, least1, frac := magnitude(0), magnitude(0), uint64(0)
	for i := range x {
		v0, v1 := x[i][0], x[i][1]
		least0, least1 = min(least0, magnitude(v0)), min(least1, magnitude(v1))
		frac |= math.Float64bits(v0) | math.Float64bits(v1)
	}
	return survey{frac<<12 == 0, int(min(least0, least1)>>53) - 1023}
}

// allPow2 reports whether every value is 0, infinite or a power of two. Dense data says no
// in its first values.
func allPow2(x []quad) bool {
	for i := range x {
		frac := math.Float64bits(x[i][0]) | math.Float64bits(x[i][1]) | math.Float64bits(x[i][2]) | math.Float64bits(x[i][3])
		if frac<<12 != 0 {
			return false
		}
	}
	return true
}

// allAtLeast reports whether every value but 0 has a magnitude above 2^exponent.
func allAtLeast(x []quad, exponent int) bool {
	bound := uint64(max(1023+exponent, 0)) << 53
	for i := range x { // four tests, not one with ||, which costs the compiler a flag
		if magnitude(x[i][0]) < bound {
			return false
		}
		if magnitude(x[i][1]) < bound {
			return false
		}
		if magnitude(x[i][2]) < bound {
			return false
		}
		if magnitude(x[i][3]) < bound {
			return false
		}
	}
	return true
}
