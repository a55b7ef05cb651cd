package kernels

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
	"github.com/elbow-go/elbow/internal/f64"
	"github.com/elbow-go/elbow/internal/size"
)

// Multivariate holds the parameters of multivariate Gaussians or Student's t distributions of D
// dimensions, one in each row of Theta, which is [rows, 2D + D(D-1)/2] with the row stride Ld:
//
//	mu[D]   a[D]   T[D(D-1)/2]
//
// T is a matrix with zeros on and above its diagonal, stored by columns: T_10 T_20 ... T_21 T_31 ...
// It is a regression of each dimension on those before it,
//
//	d = x - mu      r_i = d_i - sum_{j<i} T_ij d_j      z_i = r_i e^-s_i      s_i = 8 tanh(a_i/8)
//
// so the covariance is L L' with L = (1-T)^-1 diag(e^s), and its inverse needs no solving: any T will
// do, and the density is finite as long as no number is huge, see [MultivariateLogProb]. Nu is the degrees
// of freedom of a t; 0 makes it a Gaussian. With Diagonal set there is no T, and a row is mu and a alone.
// With a Rank K above 0 a row has K factors of D numbers in place of T,
//
//	mu[D]   a[D]   U_1[D] ... U_K[D]       Cov = diag(e^s) (1 + U U') diag(e^s)
//
// that is e^2s on the diagonal and a product W W', W = diag(e^s) U, which is less to learn and to compute where D
// is large. Mask, [rows, D], dense, is 0 where an entry of x is missing; nil is nowhere. What is left has its marginal
// distribution, which with a T is computed in float64.
//
// Source: the modified Cholesky decomposition of the inverse covariance, Pourahmadi 1999; factor analysis, Rubin and
// Thayer 1982, whose likelihood needs a factor of a matrix [K, K] alone (Woodbury 1950).
type Multivariate[T Float] struct {
	Theta    []T
	Ld       int
	Nu       float64
	Diagonal bool
	Rank     int
	Mask     []T
}

// MultivariateGrad holds the gradient of Theta of a [Multivariate], with its layout and row stride. Nu, if
// not nil, is [rows]: of each row that of the degrees of freedom, 0 for a Gaussian.
type MultivariateGrad[T Float] struct {
	Theta, Nu []T
}

// width returns how many parameters a row has.
func (p *Multivariate[T]) width(cols int) int {
	if p.Rank > 0 {
		return size.Mul(size.Add(2, p.Rank), cols)
	}
	return multivariateCols(cols, p.Diagonal)
}

// multivariateCols returns how many parameters a row of D = cols dimensions has.
func multivariateCols(cols int, diagonal bool) int {
	n := size.Mul(2, cols)
	if !diagonal {
		n = size.Add(n, size.Mul(cols, cols-1)/2)
	}
	return n
}

// multiOffset is where column j of T begins, behind mu and a.
func multiOffset(cols, j int) int { return 2*cols + j*(cols-1) - j*(j-1)/2 }

// MultivariateLogProb writes the log-density of each row, in nats.
//
//	q = sum_i z_i^2
//	Gaussian    lp = -sum s - D/2 ln(2 pi) - q/2
//	Student t   lp = -sum s + ln Γ((nu+D)/2) - ln Γ(nu/2) - D/2 ln(nu pi) - (nu+D)/2 ln(1 + q/nu)
//
// x is [rows, D], dense, p as [Multivariate] says, lp [rows], overwritten, which must not overlap the
// rest. |z| counts as 2^60 at most. As long as |x|, |mu| and |T| are at most 2^50 and rows have up to 100
// dimensions no value overflows. A NaN or an Inf stays in its row.
// float32: r_i is one chain of D roundings, so its error is at most 2^-24 D (|d_i| + sum_j |T_ij d_j|);
// e^-s_i has one of at most 8 2^-24 |s_i| beside that of exp. Of rows of up to 33 dimensions with |T| about
// D^-1/2, lp is within 3e-5 (1 + |lp|) of float64.
//
// MultivariateLogProb panics if a size is negative, a slice or the stride too short, or Nu is neither 0
// nor within 2^-10 and 2^30. It starts no goroutine and allocates nothing.
//
// Source: Lange, Little and Taylor 1989 for the t distribution.
func MultivariateLogProb[T Float](lp, x []T, p *Multivariate[T], rows, cols int) {
	const fn = "MultivariateLogProb"
	p.check(fn, x, rows, cols)
	checkLen(fn, "lp", len(lp), rows)
	multivariate(lp, &MultivariateGrad[T]{}, nil, x, p, rows, cols)
}

// MultivariateLogProbBackward is the gradient of [MultivariateLogProb].
//
//	c = 1, or (nu+D)/(nu+q) of a t      g_i = w c z_i e^-s_i      w = dlp[i]
//	dT_ij = g_i d_j     dmu_j = g_j - sum_{i>j} T_ij g_i     da_i = w (c z_i^2 - 1) (1 - tanh(a_i/8)^2)
//	dnu = w/2 (ψ((nu+D)/2) - ψ(nu/2) - D/nu - ln(1+q/nu) + (nu+D) q/(nu (nu+q)))
//
// With a Rank K, where y, b, v and C are those of the source below,
//
//	dmu = w c v e^-s     da_i = w (c v_i y_i - 1) (1 - tanh(a_i/8)^2)     dU = w (c v b' - U C^-1)
//
// dp is overwritten. lp, if not nil, gets the values of MultivariateLogProb, bit for bit. Nothing may
// overlap. A NaN in a row makes gradients of that row NaN, and no other's. What a t makes of an outlier is
// bounded: c z^2 is at most nu+D. Within the bounds of MultivariateLogProb no gradient overflows as long as |w|
// is at most 1 and rows have up to 80 dimensions: dmu sums that many numbers of up to 2^122.
//
// MultivariateLogProbBackward panics as MultivariateLogProb does.
func MultivariateLogProbBackward[T Float](lp []T, dp *MultivariateGrad[T], dlp, x []T, p *Multivariate[T], rows, cols int) {
	const fn = "MultivariateLogProbBackward"
	n := p.check(fn, x, rows, cols)
	switch {
	case dp == nil:
		panic(badNil(fn, "dp"))
	case len(dp.Theta) < n:
		panic(badField(fn, "dp", "Theta", len(dp.Theta), n))
	case dp.Nu != nil && len(dp.Nu) < rows:
		panic(badField(fn, "dp", "Nu", len(dp.Nu), rows))
	}
	checkLen(fn, "dlp", len(dlp), rows)
	checkLenOrNil(fn, "lp", lp, rows)
	multivariate(lp, dp, dlp, x, p, rows, cols)
}

// MultivariateSample writes draws made of the noise eps, N(0, I).
//
//	d_i = e^s_i eps_i + sum_{j<i} T_ij d_j, in the order of i      x = mu + d
//
// x and eps are [rows, D], dense; x may be eps. With a Rank K eps is [rows, D+K], d = e^s (eps_1..D + U eps_D+1..D+K),
// and x must not be eps. For a t divide each row of eps by the root of a draw of
// Gamma(nu/2) with the rate nu/2 before: neither Nu nor Mask is read. It is plain Go on every instruction set.
//
// MultivariateSample panics as MultivariateLogProb does.
func MultivariateSample[T Float](x []T, p *Multivariate[T], eps []T, rows, cols int) {
	const fn = "MultivariateSample"
	p.check(fn, x, rows, cols)
	checkDense(fn, "eps", len(eps), rows, size.Add(cols, p.Rank))
	if rows == 0 || cols == 0 {
		return
	}
	if p.Rank > 0 {
		lowRankSample(x, p, eps, rows, cols)
	} else if is32[T]() {
		multiSampleGeneric(f32s(x), f32s(p.Theta), f32s(eps), p.Diagonal, rows, cols, p.Ld)
	} else {
		multiSample64(f64s(x), f64s(p.Theta), f64s(eps), p.Diagonal, rows, cols, p.Ld)
	}
}

// f64 returns p as what it is known to be.
func (p *Multivariate[T]) f64() *Multivariate[float64] {
	return (*Multivariate[float64])(unsafe.Pointer(p))
}

// check panics unless p holds what it should, and x too. It returns how many elements Theta has to have.
func (p *Multivariate[T]) check(fn string, x []T, rows, cols int) (n int) {
	checkSizes(fn, rows, cols)
	if p == nil {
		panic(badNil(fn, "p"))
	}
	width := p.width(cols)
	switch {
	case p.Rank < 0:
		panic(badArg(fn, "p.Rank", p.Rank, 0))
	case p.Rank > 0 && p.Diagonal:
		panic("kernels: " + fn + ": p.Diagonal is set, want false beside p.Rank")
	case p.Ld < width:
		panic(badArg(fn, "p.Ld", p.Ld, width))
	case p.Nu != 0 && !(p.Nu >= 0x1p-10 && p.Nu <= 0x1p30):
		panic(fmt.Sprintf("kernels: %s: p.Nu = %v, want 0 or 2^-10 to 2^30", fn, p.Nu))
	}
	n = size.Matrix(rows, width, p.Ld)
	if len(p.Theta) < n {
		panic(badField(fn, "p", "Theta", len(p.Theta), n))
	}
	checkDense(fn, "x", len(x), rows, cols)
	checkDenseOrNil(fn, "p.Mask", p.Mask, rows, cols)
	return n
}

// multiConsts are the numbers of a density of so many dimensions and degrees of freedom. All but base are
// 0 for a Gaussian.
type multiConsts struct {
	base  float64 // what does not depend on the row
	half  float64 // (nu+D)/2
	inv   float64 // 1/nu
	ratio float64 // (nu+D)/nu
	slope float64 // ψ((nu+D)/2) - ψ(nu/2) - D/nu + ratio
}

func newMultiConsts(nu float64, cols int) (k multiConsts) {
	d := float64(cols)
	if nu == 0 {
		k.base = -d * halfLog2Pi64
		return k
	}
	k.half, k.inv = (nu+d)/2, 1/nu
	k.ratio = float64((nu + d) * k.inv)
	k.base = f64.Lgamma(k.half) - f64.Lgamma(nu/2) - float64(d/2*f64.Log(nu*math.Pi))
	k.slope = f64.Digamma(k.half) - f64.Digamma(nu/2) - float64(d*k.inv) + k.ratio
	return k
}

// multiAll is multivariate of rows in which nothing is missing.
func multiAll[T Float](lp []T, dp *MultivariateGrad[T], dlp, x []T, p *Multivariate[T], rows, cols int) {
	if rows == 0 || cols == 0 { // then the rank may be anything
		clear(lp[:min(rows, len(lp))])
		clear(dp.Nu[:min(rows, len(dp.Nu))])
		return
	}
	k := newMultiConsts(p.Nu, cols)
	if !is32[T]() {
		if p.Rank > 0 {
			lowRank64(f64s(lp), f64s(dp.Theta), f64s(dp.Nu), f64s(dlp), f64s(x), p.f64(), &k, rows, cols)
			return
		}
		multivariate64(f64s(lp), f64s(dp.Theta), f64s(dp.Nu), f64s(dlp), f64s(x), f64s(p.Theta), &k, p.Diagonal, rows, cols, p.Ld)
		return
	}
	a := multiArgs{f32s(lp), f32s(dp.Theta), f32s(dp.Nu), f32s(dlp), f32s(x), f32s(p.Theta), p.Diagonal, p.Rank, rows, cols, p.Ld,
		float32(k.base), float32(k.half), float32(k.inv), float32(k.ratio), float32(k.slope)}
	switch isa := asm.Active(); {
	case p.Rank > 0:
		lowRank32(isa, &a)
	case isa == asm.Generic || cols > multiBuffer:
		multivariateGeneric(&a)
	case rows*cols <= multiFew:
		var d, r [multiFew]float32
		multivariate32(isa, &a, d[:], r[:])
	default:
		var d, r [multiBuffer]float32
		multivariate32(isa, &a, d[:], r[:])
	}
}

// multiArgs are the arguments of a call in float32.
type multiArgs struct {
	lp, dtheta, dnu, dlp, x, theta []float32
	diagonal                       bool
	rank, rows, cols, ld           int

	base, half, inv, ratio, slope float32
}

// The elements of the buffers for d and r of a block of rows: of calls with few of them, and of all.
const (
	multiFew    = 256
	multiBuffer = 2048
)

// multivariate32 has machine code go over blocks of rows, column of T by column.
func multivariate32(isa asm.ISA, a *multiArgs, d, r []float32) {
	n, ld := a.cols, a.ld
	var weights, unwanted [distRows]float32
	for i, rows := 0, 0; i < a.rows; i += rows {
		rows = min(a.rows-i, distRows, len(d)/n)
		theta := a.theta[i*ld:]
		simd.MultiCenter(isa, &d[0], &r[0], &a.x[i*n], &theta[0], rows, n, ld)
		if !a.diagonal {
			for j := range n - 1 {
				simd.MultiUpdate(isa, &r[j+1], &d[j], &theta[multiOffset(n, j)], rows, n-1-j, n, n, ld)
			}
		}
		if a.dlp == nil {
			simd.MultiTerms(isa, &a.lp[i], &r[0], &theta[n], rows, n, ld, a.base, a.half, a.inv)
			continue
		}
		dtheta, dnu := a.dtheta[i*ld:], unwanted[:rows]
		if a.dnu != nil {
			dnu = a.dnu[i : i+rows]
		}
		clear(dnu)
		simd.MultiTermsBackward(isa, values(a.lp, &weights, a.dlp, i, rows), &dnu[0], &r[0], &dtheta[0], &dtheta[n], &theta[n],
			rows, n, ld, a.base, a.half, a.inv, a.ratio, a.slope)
		if !a.diagonal {
			for j := range n - 1 {
				at := multiOffset(n, j)
				simd.MultiColumn(isa, &dtheta[j], &dtheta[at], &r[j+1], &d[j], &theta[at], rows, n-1-j, ld, n)
			}
		}
	}
}
