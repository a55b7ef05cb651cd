package tile

import (
	"math"

	"github.com/elbow-go/elbow/internal/f32"
)

// plainRow sets C to A*B + beta*C where both A and C have one row, four chains at a time, straight
// from memory: each element of B is used once, so that packing would cost more than it gains.
func (p *product[T]) plainRow(n int, beta T) {
	exact := p.pow2()
	for j := 0; j < n; j += 4 {
		w := min(4, n-j)
		var c [4]T
		if beta != 0 {
			for r := range w {
				c[r] = beta * *p.c.ptr(0, j+r)
			}
		}
		switch c := any(&c).(type) {
		case *[4]float32:
			p := any(p).(*product[float32])
			if exact {
				chainsExact(c, &p.b, j, w, p.k, &p.a)
			} else {
				chains(c, &p.b, j, w, p.k, &p.a)
			}
		case *[4]float64:
			p := any(p).(*product[float64])
			chains64(c, &p.b, j, w, p.k, &p.a)
		}
		for r := range w {
			*p.c.ptr(0, j+r) = c[r]
		}
	}
}

// pow2 reports whether all of the row of A are 0, infinite or powers of two.
func (p *product[T]) pow2() bool {
	for k := range p.k {
		if math.Float64bits(float64(*p.a.ptr(0, k)))<<12 != 0 {
			return false
		}
	}
	return true
}

// special reports whether s may need more than a plain rounding to float32: it ends in a
// tie, or it is below the normal float32 and not 0. Unlike tie it needs to know nothing of
// the operands.
func special(s float64) bool {
	u := math.Float64bits(s)
	return uint32(u)&(1<<29-1) == 1<<28 || u<<1-1 < (1023-126)<<53-1
}

// quadOf returns the places of the first elements of four columns of B from j on, and of the row
// A. With w < 4 columns left the last of them takes the place of the others.
func quadOf[T Float](b *place[T], j, w int, a *place[T]) (p0, p1, p2, p3, px int) {
	p0 = b.at + j*b.col
	return p0, p0 + min(1, w-1)*b.col, p0 + min(2, w-1)*b.col, p0 + (w-1)*b.col, a.at
}

// chains continues c[r] by the row A times column j+r of B, for 4 columns, of which w exist.
func chains(c *[4]float32, b *place[float32], j, w, steps int, a *place[float32]) {
	p0, p1, p2, p3, px := quadOf(b, j, w, a)
	c0, c1, c2, c3 := float64(c[0]), float64(c[1]), float64(c[2]), float64(c[3])
	m, v := b.data, a.data
	for k := 0; ; k++ {
		for ; k < steps; k++ {
			x := float64(v[px])
			s0 := float64(m[p0])*x + c0
			s1 := float64(m[p1])*x + c1
			s2 := float64(m[p2])*x + c2
			s3 := float64(m[p3])*x + c3
			if special(s0) || special(s1) || special(s2) || special(s3) {
				break
			}
			c0 = float64(float32(s0))
			c1 = float64(float32(s1))
			c2 = float64(float32(s2))
			c3 = float64(float32(s3))
			px += a.col
			p0 += b.row
			p1 += b.row
			p2 += b.row
			p3 += b.row
		}
		if k == steps {
			break
		}
		x := v[px]
		c0 = float64(f32.FMA(m[p0], x, float32(c0)))
		c1 = float64(f32.FMA(m[p1], x, float32(c1)))
		c2 = float64(f32.FMA(m[p2], x, float32(c2)))
		c3 = float64(f32.FMA(m[p3], x, float32(c3)))
		px += a.col
		p0 += b.row
		p1 += b.row
		p2 += b.row
		p3 += b.row
	}
	c[0], c[1], c[2], c[3] = float32(c0), float32(c1), float32(c2), float32(c3)
}

// chainsExact is chains where A has only 0 and powers of two. See exactTile.
func chainsExact(c *[4]float32, b *place[float32], j, w, steps int, a *place[float32]) {
	p0, p1, p2, p3, px := quadOf(b, j, w, a)
	c0, c1, c2, c3 := float64(c[0]), float64(c[1]), float64(c[2]), float64(c[3])
	for range steps {
		x := float64(a.data[px])
		c0 = float64(float32(float64(b.data[p0])*x + c0))
		c1 = float64(float32(float64(b.data[p1])*x + c1))
		c2 = float64(float32(float64(b.data[p2])*x + c2))
		c3 = float64(float32(float64(b.data[p3])*x + c3))
		px += a.col
		p0 += b.row
		p1 += b.row
		p2 += b.row
		p3 += b.row
	}
	c[0], c[1], c[2], c[3] = float32(c0), float32(c1), float32(c2), float32(c3)
}

// chains64 is chains for float64.
func chains64(c *[4]float64, b *place[float64], j, w, steps int, a *place[float64]) {
	p0, p1, p2, p3, px := quadOf(b, j, w, a)
	c0, c1, c2, c3 := c[0], c[1], c[2], c[3]
	for range steps {
		x := a.data[px]
		c0 += b.data[p0] * x
		c1 += b.data[p1] * x
		c2 += b.data[p2] * x
		c3 += b.data[p3] * x
		px += a.col
		p0 += b.row
		p1 += b.row
		p2 += b.row
		p3 += b.row
	}
	c[0], c[1], c[2], c[3] = c0, c1, c2, c3
}
