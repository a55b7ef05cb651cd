package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
)

// multiOracle is the log-density in its usual form: the covariance, its Cholesky factor, a solve.
func multiOracle(x, row []float64, nu float64, diagonal bool) float64 {
	n := len(x)
	// 1-T and the rows of its inverse, from the top: the factor of the covariance is that times e^s.
	t := func(i, j int) float64 {
		if diagonal || j >= i {
			return 0
		}
		return row[multiOffset(n, j)+i-j-1]
	}
	factor, logs := make([][]float64, n), 0.0
	for i := range n {
		factor[i] = make([]float64, n)
		factor[i][i] = 1
		for j := range i {
			for k := j; k < i; k++ {
				factor[i][j] += t(i, k) * factor[k][j]
			}
		}
	}
	scale := make([]float64, n)
	for j := range n {
		s := 8 * math.Tanh(row[n+j]/8)
		logs, scale[j] = logs+s, math.Exp(s)
	}
	q, z := 0.0, make([]float64, n)
	for i := range n {
		v := x[i] - row[i]
		for j := range i {
			v -= factor[i][j] * scale[j] * z[j]
		}
		z[i] = v / scale[i]
		q += z[i] * z[i]
	}
	d := float64(n)
	if nu == 0 {
		return -logs - d/2*math.Log(2*math.Pi) - q/2
	}
	a, _ := math.Lgamma((nu + d) / 2)
	b, _ := math.Lgamma(nu / 2)
	return -logs + a - b - d/2*math.Log(nu*math.Pi) - (nu+d)/2*math.Log1p(q/nu)
}

// multiCase draws rows of data and parameters.
func multiCase(rng *rand.Rand, rows, n, ld int, diagonal bool) (x, theta []float64) {
	width := multivariateCols(n, diagonal)
	x, theta = make([]float64, rows*n), make([]float64, rows*ld)
	for i := range x {
		x[i] = float64(float32(1.5 * rng.NormFloat64()))
	}
	for i := range rows {
		for j := range width {
			v := rng.NormFloat64()
			if j >= 2*n {
				v /= math.Sqrt(float64(n))
			}
			theta[i*ld+j] = float64(float32(v))
		}
	}
	return x, theta
}

func narrow(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

// multiKinds calls f for all kinds of distributions.
func multiKinds(f func(nu float64, diagonal bool)) {
	for _, nu := range []float64{0, 0.5, 3, 40, 1e5} {
		for _, diagonal := range []bool{false, true} {
			f(nu, diagonal)
		}
	}
}

// TestMultivariateOracle: float64 agrees with the usual form of the density, its gradients with finite
// differences of that, and float32 on every instruction set with float64.
func TestMultivariateOracle(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, n := range []int{1, 2, 3, 8, 12, 17, 33} {
			multiKinds(func(nu float64, diagonal bool) { multiOracleCase(t, n, nu, diagonal) })
		}
	})
}

func multiOracleCase(t *testing.T, n int, nu float64, diagonal bool) {
	t.Helper()
	const rows = 3
	width := multivariateCols(n, diagonal)
	ld := width + 2
	rng := rand.New(rand.NewPCG(uint64(n), uint64(10*nu)))
	x, theta := multiCase(rng, rows, n, ld, diagonal)
	w := []float64{1, -0.5, 2}
	what := fmt.Sprintf("n=%d nu=%v diagonal=%v: ", n, nu, diagonal)
	p := &Multivariate[float64]{Theta: theta, Ld: ld, Nu: nu, Diagonal: diagonal}
	lp, dtheta, dnu := make([]float64, rows), make([]float64, rows*ld), make([]float64, rows)
	MultivariateLogProbBackward(lp, &MultivariateGrad[float64]{dtheta, dnu}, w, x, p, rows, n)
	near := func(name string, got, want, tol float64) {
		t.Helper()
		if !(math.Abs(got-want) <= tol*(1+math.Abs(want))) {
			t.Errorf("%s%s = %v, want %v", what, name, got, want)
		}
	}
	lp32, d32, dnu32 := make([]float32, rows), make([]float32, rows*ld), make([]float32, rows)
	MultivariateLogProbBackward(lp32, &MultivariateGrad[float32]{d32, dnu32}, narrow(w), narrow(x),
		&Multivariate[float32]{Theta: narrow(theta), Ld: ld, Nu: nu, Diagonal: diagonal}, rows, n)
	for i := range rows {
		xi, row := x[i*n:][:n], theta[i*ld:][:width]
		near("lp", lp[i], multiOracle(xi, row, nu, diagonal), 1e-11+1e-15*nu) // ln Γ of nu/2 is about as large as nu
		near("float32 lp", float64(lp32[i]), lp[i], 3e-5)
		size := 0.0
		for j := range row {
			const h = 1e-5
			old := row[j]
			row[j] = old + h
			up := multiOracle(xi, row, nu, diagonal)
			row[j] = old - h
			down := multiOracle(xi, row, nu, diagonal)
			row[j] = old
			near(fmt.Sprintf("gradient %d", j), dtheta[i*ld+j], w[i]*(up-down)/(2*h), 1e-5)
			size = max(size, math.Abs(dtheta[i*ld+j]))
		}
		for j := range row {
			if g := float64(d32[i*ld+j]); !(math.Abs(g-dtheta[i*ld+j]) <= 1e-4*(1+size)) {
				t.Errorf("%sfloat32 gradient %d = %v, want %v", what, j, g, dtheta[i*ld+j])
			}
		}
		if nu != 0 {
			h := 1e-4 * nu
			near("dnu", dnu[i], w[i]*(multiOracle(xi, row, nu+h, diagonal)-multiOracle(xi, row, nu-h, diagonal))/(2*h), 1e-6)
			near("float32 dnu", float64(dnu32[i]), dnu[i], 1e-4)
		}
	}
}

// TestMultivariateBits: every instruction set has the bits of the reference, for rows of any kind and
// number, gradients with and without values.
func TestMultivariateBits(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, n := range []int{1, 2, 5, 16, 31, 40, 2049} {
			rows := min(150, 4000/n)
			multiKinds(func(nu float64, diagonal bool) {
				if n > 1000 && !diagonal {
					return // the reference, wherever it is
				}
				ld := multivariateCols(n, diagonal) + 1
				x64, theta64 := multiCase(rand.New(rand.NewPCG(uint64(n), 5)), rows, n, ld, diagonal)
				x, theta, w := narrow(x64), narrow(theta64), make([]float32, rows)
				for i := range w {
					w[i] = float32(i%5) - 1.5
				}
				x[0] = float32(math.NaN())
				if rows > 2 {
					x[2*n], theta[ld+n] = float32(math.Inf(1)), 1e30
				}
				k := newMultiConsts(nu, n)
				want := multiArgs{make([]float32, rows), make([]float32, len(theta)), make([]float32, rows), w, x, theta, diagonal, 0, rows, n, ld,
					float32(k.base), float32(k.half), float32(k.inv), float32(k.ratio), float32(k.slope)}
				multivariateGeneric(&want)
				p := &Multivariate[float32]{Theta: theta, Ld: ld, Nu: nu, Diagonal: diagonal}
				lp, dtheta, dnu := make([]float32, rows), make([]float32, len(theta)), make([]float32, rows)
				MultivariateLogProb(lp, x, p, rows, n)
				asmtest.SameFloats(t, "lp", want.lp, lp)
				clear(lp)
				MultivariateLogProbBackward(lp, &MultivariateGrad[float32]{dtheta, dnu}, w, x, p, rows, n)
				asmtest.SameFloats(t, "lp of the gradient", want.lp, lp)
				asmtest.SameFloats(t, "dtheta", want.dtheta, dtheta)
				asmtest.SameFloats(t, "dnu", want.dnu, dnu)
				MultivariateLogProbBackward(nil, &MultivariateGrad[float32]{Theta: dtheta}, w, x, p, rows, n)
				asmtest.SameFloats(t, "dtheta alone", want.dtheta, dtheta)
			})
		}
	})
}

// TestMultivariateFinite: neither outliers nor a T of large entries make a NaN, and with a t the pull of an
// outlier is bounded.
func TestMultivariateFinite(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		const n = 32
		multiKinds(func(nu float64, diagonal bool) {
			ld := multivariateCols(n, diagonal)
			rng := rand.New(rand.NewPCG(1, 1))
			x, theta, dtheta := make([]float32, n), make([]float32, ld), make([]float32, ld)
			for _, size := range []float64{1, 100, 1e10, 1e15} {
				for i := range x {
					x[i] = float32(size * rng.NormFloat64())
				}
				for i := range theta {
					theta[i] = float32(size * rng.NormFloat64())
				}
				lp, dnu := []float32{0}, []float32{0}
				MultivariateLogProbBackward(lp, &MultivariateGrad[float32]{dtheta, dnu}, []float32{1}, x, &Multivariate[float32]{Theta: theta, Ld: ld, Nu: nu, Diagonal: diagonal}, 1, n)
				for _, v := range append(append(dtheta[:len(dtheta):len(dtheta)], lp...), dnu...) {
					if !finite32(v) {
						t.Fatalf("nu=%v diagonal=%v, size %v: %v among value and gradients", nu, diagonal, size, v)
					}
				}
				for _, v := range dtheta[n : 2*n] {
					if nu > 0 && float64(v) > (nu+n)*1.001 {
						t.Errorf("nu=%v: the gradient of a is %v, want at most nu+D", nu, v)
					}
				}
			}
		})
	})
}

// TestMultivariateLargest: the largest numbers for which nothing is to overflow, all pulling the same way.
func TestMultivariateLargest(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		multiKinds(func(nu float64, diagonal bool) {
			for _, n := range []int{80, 100} {
				x, theta := make([]float32, n), make([]float32, multivariateCols(n, diagonal))
				for i := range theta {
					theta[i] = -0x1p50
				}
				for i := range x {
					x[i] = 0x1p50
				}
				lp, dtheta := []float32{0}, make([]float32, len(theta))
				MultivariateLogProbBackward(lp, &MultivariateGrad[float32]{Theta: dtheta}, []float32{1}, x, &Multivariate[float32]{Theta: theta, Ld: len(theta), Nu: nu, Diagonal: diagonal}, 1, n)
				if !finite32(lp[0]) || n == 80 && slices.ContainsFunc(dtheta, func(v float32) bool { return !finite32(v) }) {
					t.Errorf("n=%d nu=%v diagonal=%v: value %v, gradients %v", n, nu, diagonal, lp[0], dtheta[:n])
				}
			}
		})
	})
}

// TestMultivariateNothing: without rows or columns nothing is done, whatever the rank.
func TestMultivariateNothing(t *testing.T) {
	p := &Multivariate[float32]{Rank: 1 << 40, Ld: 1 << 50}
	MultivariateLogProb(nil, nil, p, 0, 7)
	MultivariateLogProbBackward(nil, &MultivariateGrad[float32]{}, nil, nil, p, 0, 7)
	MultivariateSample(nil, p, nil, 0, 7)
	MultivariateImpute(nil, p, nil, 0, 7)
	MultivariateLogProb(make([]float32, 3), nil, p, 3, 0)
}

// TestMultivariateSample: draws have the covariance L L', L = (1-T)^-1 diag(e^s), and the mean mu.
func TestMultivariateSample(t *testing.T) {
	const n, rows = 3, 20000
	rng := rand.New(rand.NewPCG(7, 7))
	row := []float32{0.5, -1, 2, 0.1, -0.7, 0.4, 0.8, -0.5, 1.5} // T: 10 20 21
	theta, eps := make([]float32, 0, rows*len(row)), make([]float32, rows*n)
	for range rows {
		theta = append(theta, row...)
	}
	for i := range eps {
		eps[i] = float32(rng.NormFloat64())
	}
	s := func(i int) float64 { return math.Exp(8 * math.Tanh(float64(row[n+i])/8)) }
	l := [n][n]float64{{s(0)}, {0.8 * s(0), s(1)}, {(-0.5 + 1.5*0.8) * s(0), 1.5 * s(1), s(2)}}
	x := make([]float32, rows*n)
	MultivariateSample(x, &Multivariate[float32]{Theta: theta, Ld: len(row)}, eps, rows, n)
	x64, theta64, eps64 := make([]float64, rows*n), make([]float64, len(theta)), make([]float64, len(eps))
	for i, v := range theta {
		theta64[i] = float64(v)
	}
	for i, v := range eps {
		eps64[i] = float64(v)
	}
	MultivariateSample(x64, &Multivariate[float64]{Theta: theta64, Ld: len(row)}, eps64, rows, n)
	for i := range n {
		for j := range i + 1 {
			got, want := 0.0, 0.0
			for r := range rows {
				got += (x64[r*n+i] - float64(row[i])) * (x64[r*n+j] - float64(row[j])) / rows
			}
			for k := range n {
				want += l[i][k] * l[j][k]
			}
			if math.Abs(got-want) > 0.05*math.Sqrt(1+want*want) {
				t.Errorf("covariance %d %d = %v, want %v", i, j, got, want)
			}
		}
	}
	for i, v := range x64 {
		if math.Abs(float64(x[i])-v) > 1e-5*(1+math.Abs(v)) {
			t.Fatalf("draw %d = %v, %v in float64", i, x[i], v)
		}
	}
}
