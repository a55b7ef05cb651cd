package kernels

import (
	"math"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
	"github.com/elbow-go/elbow/internal/f32"
	"github.com/elbow-go/elbow/internal/f64"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/internal/par"
)

// Covariances of low rank, E (1 + U U') E with E = diag(e^s), by the matrix of Woodbury that has as many rows as U
// has columns, in nuclear physics and elsewhere called capacitance:
//
//	y = E^-1 (x - mu)     C = 1 + U'U = L L'     b = C^-1 U'y     v = y - U b
//	q = y' (1 + U U')^-1 y = |v|^2 + |b|^2       ln|1 + U U'| = ln|C| = 2 sum ln L_kk
//	dmu = w c E^-1 v     ds = w (c v y - 1)      dU = w (c v b' - U C^-1)
//
// No eigenvalue of C is below 1, nor is any square on the diagonal of L: it always has a factor. Sums over the
// dimensions are done in float32, as in other kernels, and what has the size of C in float64.

// A capacitance is C and what is made of it.
type capacitance struct {
	k   int
	c   []float64 // [k, k], of which the lower half counts; then L
	inv []float64 // C^-1
	b   []float64 // U'y, then C^-1 U'y
}

func (m *capacitance) begin(k int) {
	m.k, m.c, m.inv, m.b = k, pages.Grow(m.c, k*k), pages.Grow(m.inv, k*k), pages.Grow(m.b, k)
}

// maxSolved bounds b, which is not longer than y.
const maxSolved = 2 * f32.MaxMultiScore

// solve turns C into L and U'y into b, and returns ln|C|/2.
func (m *capacitance) solve() float64 {
	k, logs, pivots := m.k, 0.0, 1.0
	for i := range k {
		row := m.c[i*k:][:i+1]
		for j := range row {
			other, sum := m.c[j*k:][:j+1], row[j]
			for l := range j {
				sum -= float64(row[l] * other[l])
			}
			if j < i {
				row[j] = sum / other[j]
				continue
			}
			if sum < 1 { // by rounding alone
				sum = 1
			}
			if pivots *= sum; pivots > 1e200 {
				logs, pivots = logs+f64.Log(pivots), 1
			}
			row[i] = math.Sqrt(sum)
		}
	}
	for i := range k {
		for j := range i {
			m.b[i] -= float64(m.c[i*k+j] * m.b[j])
		}
		m.b[i] /= m.c[i*k+i]
	}
	m.back(m.b)
	for i, v := range m.b {
		m.b[i] = bound(v, maxSolved)
	}
	return (logs + f64.Log(pivots)) / 2
}

// back solves L' x = b in place.
func (m *capacitance) back(b []float64) {
	for i := m.k - 1; i >= 0; i-- {
		for j := i + 1; j < m.k; j++ {
			b[i] -= float64(m.c[j*m.k+i] * b[j])
		}
		b[i] /= m.c[i*m.k+i]
	}
}

// invert makes C^-1 of L.
func (m *capacitance) invert() {
	k := m.k
	for j := range k {
		x := m.inv[j*k:][:k]
		clear(x)
		x[j] = 1 / m.c[j*k+j]
		for i := j + 1; i < k; i++ {
			for l := j; l < i; l++ {
				x[i] -= float64(m.c[i*k+l] * x[l])
			}
			x[i] /= m.c[i*k+i]
		}
		m.back(x)
	}
}

// A lowRankRoom is memory for rows of low rank.
type lowRankRoom struct {
	capacitance
	y, v, s, q    []float32 // of a block
	w, wc         []float32
	dots          []float32 // of every k U_k'y, U_k'U_0 ... U_k'U_k of all rows
	coef          []float32 // of every row b, then with gradients -w c b and w C^-1
	logs, squares []float64 // ln|C|/2 and |b|^2

	t, e, y64, v64 []float64 // of one row
}

var lowRankRooms par.Spares[lowRankRoom]

// lowRankBlock is about how many parameters are gone over together, so that they stay near.
const lowRankBlock = 4096

// lowRank32 goes over blocks of rows. Plain Go does in lowrank_generic.go what machine code does.
func lowRank32(isa asm.ISA, a *multiArgs) {
	m := lowRankRooms.Get()
	n, k := a.cols, a.rank
	most := min(max(1, lowRankBlock/((2+k)*n)), distRows, a.rows)
	m.begin(k)
	m.y, m.v, m.dots = pages.Grow(m.y, most*n), pages.Grow(m.v, most*n), pages.Grow(m.dots, most*k*(k+3)/2)
	m.s, m.q, m.w, m.wc = pages.Grow(m.s, most), pages.Grow(m.q, most), pages.Grow(m.w, most), pages.Grow(m.wc, most)
	m.coef, m.logs, m.squares = pages.Grow(m.coef, most*k*(k+1)), pages.Grow(m.logs, most), pages.Grow(m.squares, most)
	for i := 0; i < a.rows; i += most {
		rows := min(a.rows-i, most)
		m.values(isa, a, i, rows)
		if a.dlp != nil {
			m.gradients(isa, a, i, rows)
		}
	}
	lowRankRooms.Put(m)
}

// width is how many coefficients a row has.
func (m *lowRankRoom) width(a *multiArgs) int {
	if a.dlp == nil {
		return a.rank
	}
	return a.rank * (a.rank + 1)
}

// values computes the log-densities of the rows i..i+rows, and leaves y, v and the coefficients of gradients.
func (m *lowRankRoom) values(isa asm.ISA, a *multiArgs, i, rows int) {
	n, ld, k := a.cols, a.ld, a.rank
	theta, u := a.theta[i*ld:], a.theta[i*ld+2*n:]
	if x := a.x[i*n:]; a.dlp == nil {
		multiWhiten(isa, m.s, m.y, m.v, nil, x, theta, rows, n, ld)
	} else {
		multiWhiten(isa, m.s, m.y, m.v, a.dtheta[i*ld:], x, theta, rows, n, ld)
	}
	at := m.dots
	for j := range k {
		multiDot(isa, at, u[j*n:], m.y, rows, n, ld, n)
		at = at[rows:]
		for l := range j + 1 {
			multiDot(isa, at, u[j*n:], u[l*n:], rows, n, ld, ld)
			at = at[rows:]
		}
	}
	width := m.width(a)
	for r := range rows {
		m.row(a, m.coef[r*width:][:width], i, r, rows)
	}
	for j := range k {
		multiUpdate(isa, m.v, m.coef[j:], u[j*n:], rows, n, n, width, ld)
	}
	multiNorm(isa, m.q, m.v, rows, n)
	for r := range rows {
		q := float32(float64(m.q[r]) + m.squares[r])
		lp, log1p, c := a.value(q, float32(float64(m.s[r])+m.logs[r]))
		if a.lp != nil {
			a.lp[i+r] = lp
		}
		if a.dlp == nil {
			continue
		}
		w := a.dlp[i+r]
		a.slopeOfNu(i+r, w, log1p, c)
		m.w[r], m.wc[r] = w, float32(w*c)
		for j, b := range m.coef[r*width:][:k] {
			m.coef[r*width+j] = -float32(m.wc[r] * b)
		}
	}
}

// row solves for b of row r of a block, and of gradients for w C^-1.
func (m *lowRankRoom) row(a *multiArgs, coef []float32, i, r, rows int) {
	k, at := m.k, r
	next := func() float64 { at += rows; return float64(m.dots[at-rows]) }
	for j := range k {
		m.b[j] = next()
		for l := range j + 1 {
			m.c[j*k+l] = next()
		}
		m.c[j*k+j]++
	}
	m.logs[r], m.squares[r] = m.solve(), 0
	for j, b := range m.b {
		coef[j] = float32(b)
		m.squares[r] += float64(float64(coef[j]) * float64(coef[j]))
	}
	if a.dlp == nil {
		return
	}
	m.invert()
	for j, v := range m.inv {
		coef[k+j] = float32(float64(a.dlp[i+r]) * v)
	}
}

// gradients makes them of what values has left.
func (m *lowRankRoom) gradients(isa asm.ISA, a *multiArgs, i, rows int) {
	n, ld, k := a.cols, a.ld, a.rank
	u, dtheta, width := a.theta[i*ld+2*n:], a.dtheta[i*ld:], m.width(a)
	multiWhitenBackward(isa, m.w, m.wc, dtheta, m.y, m.v, rows, n, ld)
	for j := range k {
		du := dtheta[(2+j)*n:]
		for r := range rows {
			clear(du[r*ld:][:n])
		}
		multiUpdate(isa, du, m.coef[j:], m.v, rows, n, ld, width, n)
		for l := range k {
			multiUpdate(isa, du, m.coef[k+j*k+l:], u[l*n:], rows, n, ld, width, ld)
		}
	}
}

// The functions of package simd, or plain Go.

func multiWhiten(isa asm.ISA, s, y, v, dtheta, x, theta []float32, rows, n, ld int) {
	switch {
	case isa == asm.Generic:
		multiWhitenGeneric(s, y, v, dtheta, x, theta, rows, n, ld)
	case dtheta == nil:
		simd.MultiWhiten(isa, &s[0], &y[0], &v[0], &x[0], &theta[0], &theta[n], rows, n, ld)
	default:
		simd.MultiWhitenKeep(isa, &s[0], &y[0], &v[0], &dtheta[0], &dtheta[n], &x[0], &theta[0], &theta[n], rows, n, ld)
	}
}

func multiDot(isa asm.ISA, dot, a, b []float32, rows, n, lda, ldb int) {
	if isa == asm.Generic {
		multiDotGeneric(dot, a, b, rows, n, lda, ldb)
		return
	}
	simd.MultiDot(isa, &dot[0], &a[0], &b[0], rows, n, lda, ldb)
}

func multiUpdate(isa asm.ISA, r, d, t []float32, rows, n, ldr, ldd, ld int) {
	if isa == asm.Generic {
		multiUpdateGeneric(r, d, t, rows, n, ldr, ldd, ld)
		return
	}
	simd.MultiUpdate(isa, &r[0], &d[0], &t[0], rows, n, ldr, ldd, ld)
}

func multiNorm(isa asm.ISA, q, v []float32, rows, n int) {
	if isa == asm.Generic {
		multiNormGeneric(q, v, rows, n)
		return
	}
	simd.MultiNorm(isa, &q[0], &v[0], rows, n)
}

func multiWhitenBackward(isa asm.ISA, w, wc, dtheta, y, v []float32, rows, n, ld int) {
	if isa == asm.Generic {
		multiWhitenBackwardGeneric(w, wc, dtheta, y, v, rows, n, ld)
		return
	}
	simd.MultiWhitenBackward(isa, &w[0], &wc[0], &dtheta[0], &dtheta[n], &y[0], &v[0], rows, n, ld)
}
