package blas

import (
	"math"

	"github.com/elbow-go/elbow/blas/internal/shared"
	"github.com/elbow-go/elbow/internal/f32"
)

// A vector is element i at data[at+i*inc].
type vector[T Float] struct {
	data    []T
	at, inc int
}

// newVector returns the vector of count elements that BLAS means by x and inc.
func newVector[T Float](x []T, inc, count int) vector[T] {
	if inc < 0 {
		return vector[T]{x, (1 - count) * inc, inc}
	}
	return vector[T]{x, 0, inc}
}

// pow2 reports whether the first count elements are 0, infinite or powers of two.
func (v vector[T]) pow2(count int) bool {
	for i := range count {
		if math.Float64bits(float64(v.data[v.at+i*v.inc]))<<12 != 0 {
			return false
		}
	}
	return true
}

// gemvGeneric is Gemv for checked arguments.
func gemvGeneric[T Float](t Transpose, m, n int, alpha T, a []T, lda int, x []T, incX int, beta T, y []T, incY int) {
	if m == 0 || n == 0 {
		return
	}
	if t != NoTrans {
		m, n = n, m
	}
	vx, vy := newVector(x, incX, n), newVector(y, incY, m)
	if alpha == 0 {
		for i := range m {
			shared.Scale(1, 1, beta, vy.data[vy.at+i*vy.inc:], 1)
		}
		return
	}
	matrixVector(op(t, a, lda), m, n, alpha, vx, beta, vy)
}

// matrixVector sets y to alpha*A*x + beta*y, 4 chains at a time, straight from memory: each
// element of A is used once, so that packing would cost more than it gains.
func matrixVector[T Float](a view[T], rows, cols int, alpha T, x vector[T], beta T, y vector[T]) {
	exact := x.pow2(cols)
	for i := 0; i < rows; i += 4 {
		w := min(4, rows-i)
		at := y.at + i*y.inc
		var c [4]T
		if alpha == 1 && beta != 0 {
			for r := range w {
				c[r] = beta * y.data[at+r*y.inc]
			}
		}
		switch p := any(&c).(type) {
		case *[4]float32:
			a, x := any(a.from(i, 0)).(view[float32]), any(x).(vector[float32])
			if exact {
				chainsExact(p, a, w, cols, x)
			} else {
				chains(p, a, w, cols, x)
			}
		case *[4]float64:
			chains64(p, any(a.from(i, 0)).(view[float64]), w, cols, any(x).(vector[float64]))
		}
		for r := range w {
			v := &y.data[at+r*y.inc]
			if alpha == 1 {
				*v = c[r]
			} else {
				*v = finish(alpha, c[r], beta, *v)
			}
		}
	}
}

// special reports whether s may need more than a plain rounding to float32: it ends in a
// tie, or it is below the normal float32 and not 0. Unlike tie it needs to know nothing of
// the operands.
func special(s float64) bool {
	u := math.Float64bits(s)
	return uint32(u)&(1<<29-1) == 1<<28 || u<<1-1 < (1023-126)<<53-1
}

// chains continues c[r] by row r of A times x, for 4 rows. With w < 4 rows left the last of
// them takes the place of the others.
func chains(c *[4]float32, a view[float32], w, cols int, x vector[float32]) {
	p0, p1, p2, p3 := 0, min(1, w-1)*a.row, min(2, w-1)*a.row, (w-1)*a.row
	c0, c1, c2, c3 := float64(c[0]), float64(c[1]), float64(c[2]), float64(c[3])
	m, v := a.data, x.data
	px := x.at
	for k := 0; ; k++ {
		for ; k < cols; k++ {
			b := float64(v[px])
			s0 := float64(m[p0])*b + c0
			s1 := float64(m[p1])*b + c1
			s2 := float64(m[p2])*b + c2
			s3 := float64(m[p3])*b + c3
			if special(s0) || special(s1) || special(s2) || special(s3) {
				break
			}
			c0 = float64(float32(s0))
			c1 = float64(float32(s1))
			c2 = float64(float32(s2))
			c3 = float64(float32(s3))
			px += x.inc
			p0 += a.col
			p1 += a.col
			p2 += a.col
			p3 += a.col
		}
		if k == cols {
			break
		}
		b := v[px]
		c0 = float64(f32.FMA(m[p0], b, float32(c0)))
		c1 = float64(f32.FMA(m[p1], b, float32(c1)))
		c2 = float64(f32.FMA(m[p2], b, float32(c2)))
		c3 = float64(f32.FMA(m[p3], b, float32(c3)))
		px += x.inc
		p0 += a.col
		p1 += a.col
		p2 += a.col
		p3 += a.col
	}
	c[0], c[1], c[2], c[3] = float32(c0), float32(c1), float32(c2), float32(c3)
}

// chainsExact is chains where x has only 0 and powers of two. See exactTile.
func chainsExact(c *[4]float32, a view[float32], w, cols int, x vector[float32]) {
	p0, p1, p2, p3 := 0, min(1, w-1)*a.row, min(2, w-1)*a.row, (w-1)*a.row
	c0, c1, c2, c3 := float64(c[0]), float64(c[1]), float64(c[2]), float64(c[3])
	px := x.at
	for range cols {
		b := float64(x.data[px])
		c0 = float64(float32(float64(a.data[p0])*b + c0))
		c1 = float64(float32(float64(a.data[p1])*b + c1))
		c2 = float64(float32(float64(a.data[p2])*b + c2))
		c3 = float64(float32(float64(a.data[p3])*b + c3))
		px += x.inc
		p0 += a.col
		p1 += a.col
		p2 += a.col
		p3 += a.col
	}
	c[0], c[1], c[2], c[3] = float32(c0), float32(c1), float32(c2), float32(c3)
}

// chains64 is chains for float64.
func chains64(c *[4]float64, a view[float64], w, cols int, x vector[float64]) {
	p0, p1, p2, p3 := 0, min(1, w-1)*a.row, min(2, w-1)*a.row, (w-1)*a.row
	c0, c1, c2, c3 := c[0], c[1], c[2], c[3]
	px := x.at
	for range cols {
		b := x.data[px]
		c0 += a.data[p0] * b
		c1 += a.data[p1] * b
		c2 += a.data[p2] * b
		c3 += a.data[p3] * b
		px += x.inc
		p0 += a.col
		p1 += a.col
		p2 += a.col
		p3 += a.col
	}
	c[0], c[1], c[2], c[3] = c0, c1, c2, c3
}
