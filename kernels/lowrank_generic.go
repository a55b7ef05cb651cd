package kernels

import (
	"github.com/elbow-go/elbow/internal/f32"
	"github.com/elbow-go/elbow/internal/pages"
)

// The parts of a covariance of low rank: see lowrank.go.

// multiWhitenGeneric writes y = (x - mu) e^-s to y and v, the sums of s, and e^-s and tanh(a/8) where the gradients
// of mu and a come, if there is that place.
func multiWhitenGeneric(s, y, v, dtheta, x, theta []float32, rows, n, ld int) {
	for r := range rows {
		var sums [16]float32
		for i := range n {
			t, si, e := multiScale32(theta[r*ld+n+i])
			at := r*n + i
			y[at] = clamp32(float32((x[at]-theta[r*ld+i])*e), f32.MaxMultiScore)
			v[at] = y[at]
			sums[i%16] += si
			if dtheta != nil {
				dtheta[r*ld+i], dtheta[r*ld+n+i] = e, t
			}
		}
		s[r] = f32.Fold16(&sums)
	}
}

// multiDotGeneric writes the sums of a b.
func multiDotGeneric(dot, a, b []float32, rows, n, lda, ldb int) {
	for r := range rows {
		var sums [16]float32
		for i := range n {
			sums[i%16] = f32.FMA(a[r*lda+i], b[r*ldb+i], sums[i%16])
		}
		dot[r] = f32.Fold16(&sums)
	}
}

// multiUpdateGeneric subtracts t d from r, with one d a row.
func multiUpdateGeneric(r, d, t []float32, rows, n, ldr, ldd, ld int) {
	for i := range rows {
		for j := range n {
			r[i*ldr+j] = f32.FMA(-t[i*ld+j], d[i*ldd], r[i*ldr+j])
		}
	}
}

// multiNormGeneric keeps v within its bound and writes the sums of v^2.
func multiNormGeneric(q, v []float32, rows, n int) {
	for r := range rows {
		var sums [16]float32
		for i := range n {
			z := clamp32(v[r*n+i], f32.MaxMultiScore)
			v[r*n+i], sums[i%16] = z, f32.FMA(z, z, sums[i%16])
		}
		q[r] = f32.Fold16(&sums)
	}
}

// multiWhitenBackwardGeneric makes the gradients of mu and a.
func multiWhitenBackwardGeneric(w, wc, dtheta, y, v []float32, rows, n, ld int) {
	for r := range rows {
		for i := range n {
			e, t := &dtheta[r*ld+i], &dtheta[r*ld+n+i]
			g := float32(wc[r] * v[r*n+i])
			*e = float32(g * *e)
			*t = float32(f32.FMA(g, y[r*n+i], -w[r]) * f32.FMA(-*t, *t, 1))
		}
	}
}

// lowRankRow makes y, b and v of what the mask says is there of a row, all of it without one, in float64, and returns q
// and the logarithm of the root of the determinant.
func lowRankRow[T Float](m *lowRankRoom, x []T, p *Multivariate[T]) (squares, logs float64) {
	n, k, u := len(x), p.Rank, p.Theta[2*len(x):]
	m.begin(k)
	m.t, m.e, m.y64, m.v64 = pages.Grow(m.t, n), pages.Grow(m.e, n), pages.Grow(m.y64, n), pages.Grow(m.v64, n)
	clear(m.c)
	clear(m.b)
	there := func(i int) bool { return p.Mask == nil || p.Mask[i] != 0 }
	for i := range n {
		if !there(i) {
			continue
		}
		var s float64
		m.t[i], s, m.e[i] = multiScale(p.Theta[n+i])
		m.y64[i] = bound((float64(x[i])-float64(p.Theta[i]))*m.e[i], f32.MaxMultiScore)
		logs += s
		for j := range k {
			uj := float64(u[j*n+i])
			m.b[j] += float64(uj * m.y64[i])
			for l := range j + 1 {
				m.c[j*k+l] += float64(uj * float64(u[l*n+i]))
			}
		}
	}
	for j := range k {
		m.c[j*k+j]++
	}
	logs += m.solve()
	for _, b := range m.b {
		squares += float64(b * b)
	}
	for i := range n {
		if !there(i) {
			continue
		}
		v := m.y64[i]
		for j, b := range m.b {
			v -= float64(float64(u[j*n+i]) * b)
		}
		m.v64[i] = bound(v, f32.MaxMultiScore)
		squares += float64(m.v64[i] * m.v64[i])
	}
	return squares, logs
}

// lowRank64 writes lp or the gradients or both; what is nil is left out.
func lowRank64(lp, dtheta, dnu, dlp, x []float64, p *Multivariate[float64], k *multiConsts, rows, n int) {
	m := lowRankRooms.Get()
	for i := range rows {
		q := Multivariate[float64]{Theta: p.Theta[i*p.Ld:], Rank: p.Rank}
		value, log1p, c := k.value(lowRankRow(m, x[i*n:][:n], &q))
		if lp != nil {
			lp[i] = value
		}
		if dlp == nil {
			continue
		}
		w, d, u := dlp[i], dtheta[i*p.Ld:], q.Theta[2*n:]
		if dnu != nil {
			dnu[i] = k.slopeOfNu(w, log1p, c)
		}
		m.invert()
		for i := range n {
			v := w * c * m.v64[i]
			d[i], d[n+i] = v*m.e[i], (v*m.y64[i]-w)*(1-m.t[i]*m.t[i])
			for j, b := range m.b {
				g := v * b
				for l := range m.b {
					g -= w * u[l*n+i] * m.inv[j*p.Rank+l]
				}
				d[(2+j)*n+i] = g
			}
		}
	}
	lowRankRooms.Put(m)
}

// lowRankSample draws e^s (eps + U eta) + mu, with eta behind eps in a row of noise.
func lowRankSample[T Float](x []T, p *Multivariate[T], eps []T, rows, n int) {
	for r := range rows {
		theta, noise := p.Theta[r*p.Ld:], eps[r*(n+p.Rank):][:n+p.Rank]
		for i := range n {
			_, _, e := multiScale(theta[n+i])
			d := float64(noise[i])
			for j, eta := range noise[n:] {
				d += float64(float64(theta[(2+j)*n+i]) * float64(eta))
			}
			x[r*n+i] = T(float64(theta[i]) + d/e)
		}
	}
}

// imputeLowRank fills in a row. Given what is there the factors eta are N(b, C^-1), times the square of c for a t.
func (p *Multivariate[T]) imputeLowRank(x, eps []T) {
	m, n := lowRankRooms.Get(), len(x)
	squares, _ := lowRankRow(m, x, p)
	scale := p.spread(squares, n-missingOf(p.Mask))
	if eps != nil {
		eta := m.inv[:p.Rank]
		for j := range eta {
			eta[j] = float64(scale * float64(eps[n+j]))
		}
		m.back(eta)
		for j, v := range eta {
			m.b[j] += v
		}
	}
	for i := range x {
		if p.Mask[i] != 0 {
			continue
		}
		_, _, e := multiScale(p.Theta[n+i])
		d := 0.0
		if eps != nil {
			d = float64(scale * float64(eps[i]))
		}
		for j, b := range m.b {
			d += float64(float64(p.Theta[(2+j)*n+i]) * b)
		}
		x[i] = clampAny(T(float64(p.Theta[i]) + d/e))
	}
	lowRankRooms.Put(m)
}
