package kernels

import (
	"math"
	"slices"

	"github.com/elbow-go/elbow/internal/f32"
	"github.com/elbow-go/elbow/internal/f64"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/internal/par"
	"github.com/elbow-go/elbow/internal/size"
)

// multivariate writes values and gradients; what is nil is not asked for. Rows in which nothing is missing are
// done as if there was no mask, the others one by one.
func multivariate[T Float](lp []T, dp *MultivariateGrad[T], dlp, x []T, p *Multivariate[T], rows, cols int) {
	if p.Mask == nil || cols == 0 {
		multiAll(lp, dp, dlp, x, p, rows, cols)
		return
	}
	room := multiRoomOf[T]()
	for i := 0; i < rows; i++ {
		q := *p
		q.Theta = p.Theta[i*p.Ld:]
		dq := MultivariateGrad[T]{from(dp.Theta, i*p.Ld), from(dp.Nu, i)}
		if n := complete(p.Mask, i, rows, cols); n > 0 {
			multiAll(from(lp, i), &dq, from(dlp, i), x[i*cols:], &q, n, cols)
			i += n - 1
			continue
		}
		q.Mask = p.Mask[i*cols:][:cols]
		value, w := from(lp, i), from(dlp, i)
		switch {
		case !slices.ContainsFunc(q.Mask, func(m T) bool { return m != 0 }):
			clear(value[:min(1, len(value))])
			if dlp != nil {
				clear(dq.Theta[:p.width(cols)])
				clear(dq.Nu[:min(1, len(dq.Nu))])
			}
		case p.Diagonal || p.Rank > 0:
			room.gathered(value, &dq, w, x[i*cols:], &q, cols)
		default:
			room.part(value, &dq, w, x[i*cols:][:cols], &q)
		}
	}
	putMultiRoom(room)
}

// A multiRoom is memory for rows of which something is missing.
type multiRoom[T Float] struct {
	multiPart
	x, theta, dtheta []T
}

var (
	multiRooms32 par.Spares[multiRoom[float32]]
	multiRooms64 par.Spares[multiRoom[float64]]
)

func multiRoomOf[T Float]() *multiRoom[T] {
	if is32[T]() {
		return any(multiRooms32.Get()).(*multiRoom[T])
	}
	return any(multiRooms64.Get()).(*multiRoom[T])
}

func putMultiRoom[T Float](r *multiRoom[T]) {
	switch r := any(r).(type) {
	case *multiRoom[float32]:
		multiRooms32.Put(r)
	case *multiRoom[float64]:
		multiRooms64.Put(r)
	}
}

// gathered does a row of independent scales or of low rank: what is there of it is a row of fewer dimensions.
func (r *multiRoom[T]) gathered(lp []T, dp *MultivariateGrad[T], dlp, x []T, p *Multivariate[T], cols int) {
	gather := func(dst, x []T) []T {
		for i, v := range x {
			if p.Mask[i%cols] != 0 {
				dst = append(dst, v)
			}
		}
		return dst
	}
	width := p.width(cols)
	r.x, r.theta = gather(r.x[:0], x[:cols]), gather(r.theta[:0], p.Theta[:width])
	n := len(r.theta)
	q := Multivariate[T]{Theta: r.theta, Ld: n, Nu: p.Nu, Diagonal: p.Diagonal, Rank: p.Rank}
	dq := MultivariateGrad[T]{Nu: dp.Nu}
	if dlp != nil {
		r.dtheta = pages.Grow(r.dtheta, n)
		dq.Theta = r.dtheta
	}
	multiAll(lp, &dq, dlp, r.x, &q, 1, len(r.x))
	if dlp == nil {
		return
	}
	at := 0
	for i := range width {
		if dp.Theta[i] = 0; p.Mask[i%cols] != 0 {
			dp.Theta[i] = dq.Theta[at]
			at++
		}
	}
}

// A multiPart is a row in which dimensions m are missing and o are there, in float64. With M = diag(e^-s) (1-T),
// z = M d, what is there has the density
//
//	N(d_o) = N(d) / N(d_m | d_o)      d_m | d_o ~ N(fill, (M_m' M_m)^-1)
//
// for any d_m, so at the fill, which minimises |M d|^2: a least-squares problem, M_m = Q L, where Q has orthonormal
// columns and L is triangular. Its columns are eliminated from the last to the first, each by the reflection of
// Householder that moves its elements in the rows of o to the row of the dimension itself. So a row of m is as it
// was until its turn, and no element on the diagonal of L is less than that of M, which is e^-s: nothing is divided
// by less. Reflections are orthogonal, so nothing grows but the fill, where it has to.
//
//	ln|M_m' M_m|/2 = sum ln L_cc      gradient of that: dM_m = Q L'^-1 = G, and so da_i = -|Q_i|^2
type multiPart struct {
	n, k  int   // dimensions up to the last one that matters, how many of them are missing
	miss  []int // which ones, ascending
	there []bool

	t, e    []float64 // tanh(a/8), e^-s
	d, z    []float64
	gz      []float64 // w c z e^-s
	a       []float64 // [n, k+1]: M_m and M_o d_o, then reflections below the rows of m, L in these, Q' M_o d_o
	v, beta []float64 // of the reflections: the element in the row of m, 2/|v|^2
	q, g    []float64 // [n, k] Q, a row of G

	squares, logs float64 // q, the logarithm of |Cov(d_o)|/2
}

// maxFill bounds the fill, which can be as large as the product of all T, so that its products are finite.
const maxFill = 0x1p200

// part does a row with a matrix T.
func (r *multiRoom[T]) part(lp []T, dp *MultivariateGrad[T], dlp, x []T, p *Multivariate[T]) {
	last := len(x) - 1
	for p.Mask[last] == 0 {
		last--
	}
	m := &r.multiPart
	partBegin(m, x, p, last+1)
	m.eliminate()
	k := newMultiConsts(p.Nu, len(x)-missingOf(p.Mask))
	value, log1p, c := k.value(m.squares, m.logs)
	if lp != nil {
		lp[0] = clampAny(T(value))
	}
	if dlp == nil {
		return
	}
	w := float64(dlp[0])
	if dp.Nu != nil {
		dp.Nu[0] = T(k.slopeOfNu(w, log1p, c))
	}
	m.solve(nil)
	m.project()
	partGrad(m, dp.Theta, p.Theta, w, c, len(x))
}

// missingOf returns how many entries are missing.
func missingOf[T Float](mask []T) (n int) {
	for _, v := range mask {
		if v == 0 {
			n++
		}
	}
	return n
}

// value returns the log-density at q with the sum of the logarithms of scales, ln(1+q/nu), and (nu+D)/(nu+q).
func (k *multiConsts) value(q, logs float64) (lp, log1p, c float64) {
	if k.inv == 0 {
		return k.base - logs - float64(q/2), 0, 1
	}
	y := float64(q * k.inv)
	// Of small y the rounding of 1+y is made up for, as Kahan does.
	log1p = y
	if u := 1 + y; u != 1 {
		log1p = f64.Log(u) * (y / (u - 1))
	}
	return k.base - logs - float64(k.half*log1p), log1p, k.ratio / (1 + y)
}

// slopeOfNu returns the gradient of the degrees of freedom.
func (k *multiConsts) slopeOfNu(w, log1p, c float64) float64 {
	if k.inv == 0 {
		return 0
	}
	return w / 2 * (k.slope - log1p - c)
}

// partBegin makes M and d of the first n dimensions of a row.
func partBegin[T Float](m *multiPart, x []T, p *Multivariate[T], n int) {
	cols, row := len(x), p.Theta
	m.n, m.miss, m.logs = n, m.miss[:0], 0
	m.there = pages.Grow(m.there, n)
	m.t, m.e, m.d, m.z, m.gz = pages.Grow(m.t, n), pages.Grow(m.e, n), pages.Grow(m.d, n), pages.Grow(m.z, n), pages.Grow(m.gz, n)
	for i := range n {
		var s float64
		m.t[i], s, m.e[i] = multiScale(row[cols+i])
		m.logs += s
		if m.there[i] = p.Mask[i] != 0; m.there[i] {
			m.d[i] = float64(x[i]) - float64(row[i])
		} else {
			m.miss = append(m.miss, i)
		}
	}
	m.k = len(m.miss)
	w := m.k + 1
	m.a, m.q = pages.Grow(m.a, n*w), pages.Grow(m.q, n*m.k)
	m.v, m.beta, m.g = pages.Grow(m.v, m.k), pages.Grow(m.beta, m.k), pages.Grow(m.g, m.k)
	clear(m.a)
	for i, c := 0, 0; i < n; i++ {
		if m.there[i] {
			m.a[i*w+m.k] = m.e[i] * m.d[i]
		} else {
			m.a[i*w+c] = m.e[i]
			c++
		}
	}
	for j, c := 0, 0; j < n; j++ {
		column := row[multiOffset(cols, j):]
		for i := j + 1; i < n; i++ {
			v := float64(m.e[i] * float64(column[i-j-1]))
			if m.there[j] {
				m.a[i*w+m.k] -= float64(v * m.d[j])
			} else {
				m.a[i*w+c] = -v
			}
		}
		if !m.there[j] {
			c++
		}
	}
}

// multiScale returns tanh(a/8), s and e^-s.
func multiScale[T Float](a T) (t, s, e float64) {
	if is32[T]() {
		t, s, e := multiScale32(float32(a))
		return float64(t), float64(s), float64(e)
	}
	return multiScale64(float64(a))
}

// eliminate takes the missing dimensions out, and leaves q and the logarithms.
func (m *multiPart) eliminate() {
	w := m.k + 1
	for c := m.k - 1; c >= 0; c-- {
		p := m.miss[c]
		pivot, sum := m.a[p*w+c], 0.0
		for i := p + 1; i < m.n; i++ {
			if m.there[i] {
				sum += float64(m.a[i*w+c] * m.a[i*w+c])
			}
		}
		if m.v[c], m.beta[c] = 0, 0; sum != 0 {
			norm := math.Sqrt(float64(pivot*pivot) + sum)
			m.v[c] = pivot + norm
			m.beta[c] = 1 / float64(norm*m.v[c])
			m.a[p*w+c] = -norm
			for j := range w {
				if j < c || j == m.k {
					m.reflect(m.a, w, j, c)
				}
			}
		}
		m.logs += f64.Log(math.Abs(m.a[p*w+c]))
	}
	m.squares = 0
	for i := range m.n {
		if m.z[i] = 0; m.there[i] {
			m.z[i] = m.a[i*w+m.k]
			m.squares += square64(m.z[i])
		}
	}
}

// square64 is that of a score, which is not above a bound.
func square64(z float64) float64 {
	z = bound(z, f32.MaxMultiScore)
	return float64(z * z)
}

// bound keeps v within a limit; a NaN stays one.
func bound(v, limit float64) float64 {
	if v > limit || v < -limit {
		return math.Copysign(limit, v)
	}
	return v
}

// reflect applies reflection c to column j of x, whose rows have w elements.
func (m *multiPart) reflect(x []float64, w, j, c int) {
	if m.beta[c] == 0 {
		return
	}
	p, ld := m.miss[c], m.k+1
	sum := float64(m.v[c] * x[p*w+j])
	for i := p + 1; i < m.n; i++ {
		if m.there[i] {
			sum += float64(m.a[i*ld+c] * x[i*w+j])
		}
	}
	sum *= m.beta[c]
	x[p*w+j] -= float64(sum * m.v[c])
	for i := p + 1; i < m.n; i++ {
		if m.there[i] {
			x[i*w+j] -= float64(sum * m.a[i*ld+c])
		}
	}
}

// solve fills in d: L d_m = noise - Q' M_o d_o, with noise of the missing dimensions, nil for none.
func (m *multiPart) solve(noise []float64) {
	for c, p := range m.miss {
		row := m.a[p*(m.k+1):]
		v := -row[m.k]
		if noise != nil {
			v += noise[c]
		}
		for j := range c {
			v -= float64(row[j] * m.d[m.miss[j]])
		}
		m.d[p] = bound(v/row[c], maxFill)
	}
}

// project makes z that of the fill, and Q.
func (m *multiPart) project() {
	clear(m.q)
	for c, p := range m.miss {
		m.q[p*m.k+c] = 1
		for j := c; j < m.k; j++ {
			m.reflect(m.q, m.k, c, j)
		}
	}
	for c := range m.k {
		m.reflect(m.z, 1, 0, c)
	}
}

// rowOfG returns row i of G = Q L'^-1.
func (m *multiPart) rowOfG(i int) []float64 {
	for c, p := range m.miss {
		row, v := m.a[p*(m.k+1):], m.q[i*m.k+c]
		for j := range c {
			v -= float64(row[j] * m.g[j])
		}
		m.g[c] = bound(v/row[c], maxFill)
	}
	return m.g
}

// partGrad writes the gradients of w times the log-density, with c as in MultivariateLogProbBackward; those of
// the means of missing dimensions are 0.
//
//	dT_ij = g_i d_j, and of missing j w e^-s_i G_ij beside     da_i = w (c z_i^2 - 1 + |Q_i|^2) (1 - tanh(a_i/8)^2)
func partGrad[T Float](m *multiPart, dtheta, theta []T, w, c float64, cols int) {
	clear(dtheta[:multivariateCols(cols, false)])
	for i := range m.n {
		z, taken := bound(m.z[i], f32.MaxMultiScore), 0.0
		for _, q := range m.q[i*m.k:][:m.k] {
			taken += float64(q * q)
		}
		v := float64(float64(w*c) * z)
		m.gz[i] = float64(v * m.e[i])
		dtheta[cols+i] = clampAny(T((float64(v*z) - float64(w*(1-taken))) * (1 - float64(m.t[i]*m.t[i]))))
		g, at := m.rowOfG(i), 0
		for j := range i {
			d := float64(m.gz[i] * m.d[j])
			if !m.there[j] {
				d += float64(float64(w*m.e[i]) * g[at])
				at++
			}
			dtheta[multiOffset(cols, j)+i-j-1] = clampAny(T(d))
		}
	}
	for j := range m.n {
		if !m.there[j] {
			continue
		}
		d, column := m.gz[j], theta[multiOffset(cols, j):]
		for i := j + 1; i < m.n; i++ {
			d -= float64(float64(column[i-j-1]) * m.gz[i])
		}
		dtheta[j] = clampAny(T(d))
	}
}

// MultivariateImpute fills in the missing entries of x, by draws given those that are there.
//
//	d_m = E[d_m | d_o] + c L^-1 eps_m      L'L = M_m' M_m, M = diag(e^-s) (1-T)      x_m = mu_m + d_m
//
// c is 1, or of a t sqrt((nu+q)/(nu+o)), with q of the o entries that are there; divide each row of eps before by the
// root of a draw of Gamma((nu+o)/2) with the rate (nu+o)/2. x and eps, N(0, I), are [rows, D], dense; without eps
// missing entries get their means. With a Rank K eps is [rows, D+K], and
//
//	x_m = mu_m + e^s_m (c eps_m + U_m (b + c L'^-1 eps_D+1..D+K))      L L' = C, C and b of what is there
//
// It is plain Go on every instruction set, in float64.
//
// MultivariateImpute panics as MultivariateLogProb does.
func MultivariateImpute[T Float](x []T, p *Multivariate[T], eps []T, rows, cols int) {
	const fn = "MultivariateImpute"
	p.check(fn, x, rows, cols)
	noise := size.Add(cols, p.Rank)
	checkDenseOrNil(fn, "eps", eps, rows, noise)
	if p.Mask == nil || cols == 0 {
		return
	}
	room := multiRoomOf[T]()
	for i := 0; i < rows; i++ {
		if i += complete(p.Mask, i, rows, cols); i == rows {
			break
		}
		q := *p
		q.Theta, q.Mask = p.Theta[i*p.Ld:], p.Mask[i*cols:][:cols]
		switch row, e := x[i*cols:][:cols], rowAt(eps, i, noise, noise); {
		case p.Rank > 0:
			q.imputeLowRank(row, e)
		case p.Diagonal:
			q.imputeDiagonal(row, e)
		default:
			room.impute(row, &q, e)
		}
	}
	putMultiRoom(room)
}

// impute fills in a row with a matrix T.
func (r *multiRoom[T]) impute(x []T, p *Multivariate[T], eps []T) {
	m, cols := &r.multiPart, len(x)
	partBegin(m, x, p, cols)
	m.eliminate()
	var noise []float64
	if eps != nil {
		scale := p.spread(m.squares, cols-m.k)
		noise = m.beta // the reflections are done
		for c, i := range m.miss {
			noise[c] = float64(scale * float64(eps[i]))
		}
	}
	m.solve(noise)
	for _, i := range m.miss {
		x[i] = clampAny(T(float64(p.Theta[i]) + m.d[i]))
	}
}

// imputeDiagonal fills in a row of independent scales.
func (p *Multivariate[T]) imputeDiagonal(x, eps []T) {
	cols, squares := len(x), 0.0
	for i, v := range x {
		if p.Mask[i] != 0 {
			_, _, e := multiScale(p.Theta[cols+i])
			squares += square64(float64((float64(v) - float64(p.Theta[i])) * e))
		}
	}
	scale := p.spread(squares, cols-missingOf(p.Mask))
	for i := range x {
		if p.Mask[i] != 0 {
			continue
		}
		if x[i] = p.Theta[i]; eps != nil {
			_, _, e := multiScale(p.Theta[cols+i])
			x[i] = clampAny(T(float64(p.Theta[i]) + float64(scale*float64(eps[i]))/e))
		}
	}
}

// spread returns c of MultivariateImpute.
func (p *Multivariate[T]) spread(squares float64, there int) float64 {
	if p.Nu == 0 {
		return 1
	}
	return math.Sqrt((p.Nu + squares) / (p.Nu + float64(there)))
}
