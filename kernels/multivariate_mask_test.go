package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
)

// multiCovariance returns the covariance of a row of parameters, L L' with L = (1-T)^-1 diag(e^s).
func multiCovariance(row []float64, n int) [][]float64 {
	l := make([][]float64, n)
	for i := range n {
		l[i] = make([]float64, n)
		l[i][i] = 1
		for k := range i {
			for j := range k + 1 {
				l[i][j] += row[multiOffset(n, k)+i-k-1] * l[k][j]
			}
		}
	}
	for _, li := range l {
		for j := range li {
			li[j] *= math.Exp(8 * math.Tanh(row[n+j]/8))
		}
	}
	return squareOf(l)
}

// lowRankCovariance returns diag(e^s) (1 + U U') diag(e^s).
func lowRankCovariance(row []float64, n, rank int) [][]float64 {
	l := make([][]float64, n)
	for i := range n {
		e := math.Exp(8 * math.Tanh(row[n+i]/8))
		l[i] = make([]float64, n+rank)
		l[i][i] = e
		for k := range rank {
			l[i][n+k] = e * row[(2+k)*n+i]
		}
	}
	return squareOf(l)
}

// multiKind is a kind of distribution, with a matrix T or of low rank.
type multiKind struct {
	rank     int
	diagonal bool
}

// draw draws a row of data and one of parameters.
func (m multiKind) draw(rng *rand.Rand, n int) (x, row []float64) {
	x, row = multiCase(rng, 1, n, multivariateCols(n, m.diagonal)+m.rank*n, m.diagonal)
	if m.rank > 0 {
		row = row[:(2+m.rank)*n]
		for i := range row[2*n:] {
			row[2*n+i] = float64(float32(rng.NormFloat64()))
		}
	}
	return x, row
}

func (m multiKind) covariance(row []float64, n int) [][]float64 {
	switch {
	case m.rank > 0:
		return lowRankCovariance(row, n, m.rank)
	case m.diagonal:
		return lowRankCovariance(row, n, 0)
	}
	return multiCovariance(row, n)
}

// squareOf returns l l'.
func squareOf(l [][]float64) [][]float64 {
	c := make([][]float64, len(l))
	for i := range l {
		for j := range l {
			sum := 0.0
			for k := range l[i] {
				sum += l[i][k] * l[j][k]
			}
			c[i] = append(c[i], sum)
		}
	}
	return c
}

// solveDense returns ln det and y'A^-1 for a positive definite A, by Gauss and Jordan.
func solveDense(a [][]float64, y []float64) (logDet float64, x []float64) {
	n := len(y)
	m := make([][]float64, n)
	for i := range m {
		m[i] = append(append([]float64(nil), a[i]...), y[i])
	}
	for i := range n {
		p := m[i][i]
		logDet += math.Log(p)
		for j := range m[i] {
			m[i][j] /= p
		}
		for k := range m {
			if f := m[k][i]; k != i {
				for j := range m[k] {
					m[k][j] -= f * m[i][j]
				}
			}
		}
	}
	for i := range m {
		x = append(x, m[i][n])
	}
	return logDet, x
}

// those returns the elements where the mask is not 0, or is.
func those(x, mask []float64, there bool) (y []float64) {
	for i, v := range x {
		if mask[i] != 0 == there {
			y = append(y, v)
		}
	}
	return y
}

// marginalOracle is the density of what is there of x by the covariance of that.
func marginalOracle(x, mu, mask []float64, cov [][]float64, nu float64) float64 {
	var a [][]float64
	for i, row := range cov {
		if mask[i] != 0 {
			a = append(a, those(row, mask, true))
		}
	}
	d := those(x, mask, true)
	for i, m := range those(mu, mask, true) {
		d[i] -= m
	}
	logDet, solved := solveDense(a, d)
	q, n := 0.0, float64(len(d))
	for i, v := range d {
		q += v * solved[i]
	}
	if nu == 0 {
		return -logDet/2 - n/2*math.Log(2*math.Pi) - q/2
	}
	g, _ := math.Lgamma((nu + n) / 2)
	h, _ := math.Lgamma(nu / 2)
	return -logDet/2 + g - h - n/2*math.Log(nu*math.Pi) - (nu+n)/2*math.Log1p(q/nu)
}

// someMissing draws a mask in which something is missing and something is there.
func someMissing(rng *rand.Rand, n int) []float64 {
	mask := make([]float64, n)
	for {
		sum := 0.0
		for i := range mask {
			mask[i] = float64(rng.IntN(2))
			sum += mask[i]
		}
		if sum > 0 && sum < float64(n) {
			return mask
		}
	}
}

// TestMultivariateMarginal compares values of rows with missing entries, and of whole rows, with those of the
// covariance of what is there, and gradients with differences of that; float32 on every instruction set with float64.
func TestMultivariateMarginal(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(8, 8))
		for _, n := range []int{2, 3, 5, 12, 20} {
			for _, nu := range []float64{0, 0.5, 3, 40} {
				for _, kind := range []multiKind{{}, {rank: 1}, {rank: 4}, {diagonal: true}} {
					marginalCase(t, rng, kind, n, nu, someMissing(rng, n))
					marginalCase(t, rng, kind, n, nu, slices.Repeat([]float64{1}, n))
				}
			}
		}
	})
}

func marginalCase(t *testing.T, rng *rand.Rand, kind multiKind, n int, nu float64, mask []float64) {
	t.Helper()
	x, row := kind.draw(rng, n)
	what := fmt.Sprintf("n=%d nu=%v %+v %v: ", n, nu, kind, mask)
	oracle := func() float64 { return marginalOracle(x, row[:n], mask, kind.covariance(row, n), nu) }
	differ := func(v *float64, h float64) float64 {
		old := *v
		*v = old + h
		up := oracle()
		*v = old - h
		down := oracle()
		*v = old
		return -1.5 * (up - down) / (2 * h)
	}
	p := &Multivariate[float64]{Theta: row, Ld: len(row), Nu: nu, Diagonal: kind.diagonal, Rank: kind.rank, Mask: mask}
	lp, d, dnu := []float64{0}, make([]float64, len(row)), []float64{0}
	MultivariateLogProbBackward(lp, &MultivariateGrad[float64]{d, dnu}, []float64{-1.5}, x, p, 1, n)
	if want := oracle(); math.Abs(lp[0]-want) > 1e-10*(1+math.Abs(want)) {
		t.Errorf("%slp = %v, want %v", what, lp[0], want)
	}
	size := 0.0
	for j := range row {
		size = max(size, math.Abs(d[j]))
		if want := differ(&row[j], 1e-5); math.Abs(d[j]-want) > 1e-5*(1+math.Abs(want)) {
			t.Errorf("%sgradient %d = %v, want %v", what, j, d[j], want)
		}
	}
	p32 := &Multivariate[float32]{Theta: narrow(row), Ld: len(row), Nu: nu, Diagonal: kind.diagonal, Rank: kind.rank, Mask: narrow(mask)}
	lp32, d32, dnu32 := []float32{0}, make([]float32, len(row)), []float32{0}
	MultivariateLogProbBackward(lp32, &MultivariateGrad[float32]{d32, dnu32}, []float32{-1.5}, narrow(x), p32, 1, n)
	if math.Abs(float64(lp32[0])-lp[0]) > 3e-5*(1+math.Abs(lp[0])) {
		t.Errorf("%sfloat32 lp = %v, want %v", what, lp32[0], lp[0])
	}
	for j, v := range d {
		if math.Abs(float64(d32[j])-v) > 1e-4*(1+size) {
			t.Errorf("%sfloat32 gradient %d = %v, want %v", what, j, d32[j], v)
		}
	}
	if nu == 0 {
		return
	}
	want := dnu[0]
	if diff := differ(&nu, 1e-4*nu); math.Abs(diff-want) > 1e-6*(1+math.Abs(want)) || math.Abs(float64(dnu32[0])-want) > 1e-4*(1+math.Abs(want)) {
		t.Errorf("%sdnu = %v, %v in float32, want %v", what, want, dnu32[0], diff)
	}
}

// TestMultivariateImpute: means are those of the conditional distribution, and draws have its covariance, of a t
// with its scale.
func TestMultivariateImpute(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	for _, n := range []int{2, 4, 7} {
		for _, nu := range []float64{0, 0.5, 40} {
			for _, kind := range []multiKind{{}, {rank: 1}, {rank: 3}, {diagonal: true}} {
				imputeCase(t, rng, kind, n, nu)
			}
		}
	}
}

func imputeCase(t *testing.T, rng *rand.Rand, kind multiKind, n int, nu float64) {
	t.Helper()
	x, row := kind.draw(rng, n)
	cov, mask := kind.covariance(row, n), someMissing(rng, n)
	p := &Multivariate[float64]{Theta: row, Ld: len(row), Nu: nu, Diagonal: kind.diagonal, Rank: kind.rank, Mask: mask}
	what := fmt.Sprintf("n=%d nu=%v %+v: ", n, nu, kind)
	d := those(x, mask, true)
	for i, m := range those(row[:n], mask, true) {
		d[i] -= m
	}
	var oo, mo, mm [][]float64
	for i, r := range cov {
		if mask[i] != 0 {
			oo = append(oo, those(r, mask, true))
		} else {
			mo, mm = append(mo, those(r, mask, true)), append(mm, those(r, mask, false))
		}
	}
	_, solved := solveDense(oo, d)
	scale, q := 1.0, 0.0
	for i, v := range d {
		q += v * solved[i]
	}
	if nu != 0 {
		scale = (nu + q) / (nu + float64(len(d)))
	}
	mean := slices.Clone(x)
	MultivariateImpute(mean, p, nil, 1, n)
	const rows = 4000
	sums, eps, y := make([]float64, len(mm)*len(mm)), make([]float64, n+kind.rank), make([]float64, n)
	for range rows {
		for i := range eps {
			eps[i] = rng.NormFloat64()
		}
		copy(y, x)
		MultivariateImpute(y, p, eps, 1, n)
		centred := those(y, mask, false)
		for i, v := range those(mean, mask, false) {
			centred[i] -= v
		}
		for i, v := range centred {
			for j, w := range centred {
				sums[i*len(mm)+j] += v * w / rows
			}
		}
	}
	mu := those(row[:n], mask, false)
	for i, v := range those(mean, mask, false) {
		want := mu[i]
		for j, s := range solved {
			want += mo[i][j] * s
		}
		if math.Abs(v-want) > 1e-9*(1+math.Abs(want)) {
			t.Errorf("%smean %d = %v, want %v", what, i, v, want)
		}
		for j := range mm {
			_, back := solveDense(oo, mo[j])
			want := mm[i][j]
			for k, b := range back {
				want -= mo[i][k] * b
			}
			if want, got := want*scale, sums[i*len(mm)+j]; math.Abs(got-want) > 0.12*scale*math.Sqrt(mm[i][i]*mm[j][j]) {
				t.Errorf("%scovariance %d %d = %v, want %v", what, i, j, got, want)
			}
		}
	}
	x32 := narrow(x)
	MultivariateImpute(x32, &Multivariate[float32]{Theta: narrow(row), Ld: len(row), Nu: nu, Diagonal: kind.diagonal, Rank: kind.rank, Mask: narrow(mask)}, narrow(eps), 1, n)
	for i, v := range y {
		if mask[i] != 0 && (mean[i] != x[i] || v != x[i]) {
			t.Errorf("%swhat is there has been changed", what)
		}
		if math.Abs(float64(x32[i])-v) > 1e-4*(1+math.Abs(v)) {
			t.Errorf("%sdraw %d is %v in float32, want %v", what, i, x32[i], v)
		}
	}
}

// TestMultivariateImputeBits pins the bits of what is filled in.
func TestMultivariateImputeBits(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		const rows, n = 40, 17
		var sum uint32
		for i, kind := range []multiKind{{}, {diagonal: true}, {rank: 3}, {}, {rank: 2}} {
			rng := rand.New(rand.NewPCG(10, 1))
			nu := 4.5 * float64(i/3)
			ld := multivariateCols(n, false) + 1
			x, theta := multiCase(rng, rows, n, ld, false)
			mask, eps := make([]float32, rows*n), make([]float32, rows*(n+kind.rank))
			for i := range eps {
				eps[i] = float32(rng.NormFloat64())
			}
			for i := range mask {
				if mask[i] = float32(rng.IntN(3)); i < 2*n {
					mask[i] = float32(i / n) // a row of nothing, and a row of all
				}
				if mask[i] == 0 {
					x[i] = math.NaN()
				}
			}
			y := narrow(x)
			p := &Multivariate[float32]{Theta: narrow(theta), Ld: ld, Nu: nu, Diagonal: kind.diagonal, Rank: kind.rank, Mask: mask}
			MultivariateImpute(y, p, eps, rows, n)
			sum = bitsCRC(sum, y...)
			for i, v := range y {
				if !finite32(v) {
					t.Fatalf("%v at %d", v, i)
				}
			}
		}
		if sum != 0x427753f3 {
			t.Errorf("another sum: %#08x", sum)
		}
	})
}

// TestMultivariateImputeAllocs: filling in allocates nothing.
func TestMultivariateImputeAllocs(t *testing.T) {
	const rows, n = 10, 17
	for _, kind := range []multiKind{{}, {diagonal: true}, {rank: 3}} {
		rng := rand.New(rand.NewPCG(10, 1))
		ld := multivariateCols(n, false) + 1
		x, theta := multiCase(rng, rows, n, ld, false)
		mask := make([]float32, rows*n)
		for i := range mask {
			mask[i] = float32(i % 2)
		}
		y := narrow(x)
		p := &Multivariate[float32]{Theta: narrow(theta), Ld: ld, Diagonal: kind.diagonal, Rank: kind.rank, Mask: mask}
		if a := testing.AllocsPerRun(3, func() { MultivariateImpute(y, p, nil, rows, n) }); a != 0 {
			t.Errorf("%+v: %v allocations, want 0", kind, a)
		}
	}
}

// TestMultivariateMarginalFinite: neither outliers nor a T or U of large entries make a NaN, where a part is missing
// or of low rank.
func TestMultivariateMarginalFinite(t *testing.T) {
	const n = 32
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 1))
		for _, kind := range []multiKind{{}, {rank: 1}, {rank: 5}} {
			for _, nu := range []float64{0, 0.5, 40} {
				for _, size := range []float64{1, 100, 1e10, 1e15} {
					x, theta := make([]float32, n), make([]float32, multivariateCols(n, false))
					for i := range x {
						x[i] = float32(size * rng.NormFloat64())
					}
					for i := range theta {
						theta[i] = float32(size * rng.NormFloat64())
					}
					whole := &Multivariate[float32]{Theta: theta, Ld: len(theta), Nu: nu, Rank: kind.rank}
					part := *whole
					part.Mask = narrow(someMissing(rng, n))
					for _, p := range []*Multivariate[float32]{whole, &part} {
						lp, dnu, dtheta := []float32{0}, []float32{0}, make([]float32, len(theta))
						MultivariateLogProbBackward(lp, &MultivariateGrad[float32]{dtheta, dnu}, []float32{1}, x, p, 1, n)
						filled := slices.Clone(x)
						MultivariateImpute(filled, p, make([]float32, n+kind.rank), 1, n)
						for _, v := range slices.Concat(dtheta, lp, dnu, filled) {
							if !finite32(v) {
								t.Fatalf("%+v nu=%v, size %v, mask %t: %v among value and gradients", kind, nu, size, p.Mask != nil, v)
							}
						}
					}
				}
			}
		}
	})
}
