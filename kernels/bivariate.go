package kernels

import (
	"fmt"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/simd"
	"github.com/elbow-go/elbow/internal/size"
)

// Bivariate holds the parameters of bivariate Gaussians with correlation and of a pen bit, in each
// row one, or a mixture of K. Theta is [rows, 1 + 6K], row stride Ld; a row is one head, component
// index last:
//
//	penLogit   mu1[K]   mu2[K]   s1[K]   s2[K]   r[K]   logits[K]
//
// s1 and s2 give the scales in one of the forms of [ScaleForm]. [BivariateLogProb] wants K = 1 and
// goes without the logits. Mask, [rows, 3], dense, is 0 where a number of y is missing, and with it
// all of its row; nil is nowhere.
type Bivariate[T Float] struct {
	Theta []T
	Mask  []T
	K, Ld int
	Form  ScaleForm
}

// BivariateGrad holds the gradient of Theta of a [Bivariate], with its layout and row stride.
type BivariateGrad[T Float] struct {
	Theta []T
}

// BivariateMixtureLogProb writes the log-density of each row under a mixture of bivariate
// Gaussians with correlation, together with one Bernoulli bit, in nats: the pen strokes of
// Graves 2013.
//
//	lp[i] = ln sum_c pi_c N(x1, x2; component c) + pen ln b + (1-pen) ln(1-b)
//
//	ln N = -ln(2 pi s1 s2) - ln(1-rho^2)/2 - (u1^2 + u2^2 - 2 rho u1 u2)/(2 (1-rho^2))
//	u1 = (x1-mu1)/s1   u2 = (x2-mu2)/s2   rho = tanh(r)   pi = softmax(logits)   b = sigmoid(penLogit)
//
// y is [rows, 3], dense, a row (pen, x1, x2); pen is 0 or 1, or a probability between them.
// p is laid out as [Bivariate] says. lp is [rows], overwritten, and must not overlap the rest. For
// K = 1 see [BivariateLogProb], which goes without the logit.
//
// 1-rho^2 is never formed from rho, and the quadratic form is a sum of squares: correlations
// of -1 and 1 to the last bit do no harm. |r| counts as 80 at most (1-rho^2 = e^-158.6), in float32
// sigma as within 2^-120 and 2^120; beyond these, values and gradients are those of the end
// of the range. Finite arguments never give NaN: a component whose log-density is below the
// range of float32 counts as 0, and lp is -Inf where that holds for all of them. A logit of -Inf
// switches its component off. An Inf among the logits, nothing but -Inf among them, K = 0, a
// negative s of form [Sigma] and a NaN anywhere in a row give NaN, in that row alone.
// float32: the absolute error of ln N is at most 2^-24 (24 + 2 |ln N| + 2 (|r| + |ln s1| +
// |ln s2|) + 16 Q + 8 (|g1 u1| + |g2 u2|)) with Q the quadratic form and g its derivatives by u1
// and u2 (the last term is what the rounding of u costs where |rho| is near 1); that of lp is at
// most the largest of the components' and 2^-24 ((16 + K/8) (1 + |lp| + ln K) +
// 16 (1 + |penLogit|)). What [GMMLogProb] says of the logits holds here.
//
// BivariateMixtureLogProb panics if a size is negative, a slice or the stride too short, or
// the form unknown. It starts no goroutine and allocates nothing.
//
// Source: Graves 2013, "Generating sequences with recurrent neural networks", section 4.1.
func BivariateMixtureLogProb[T Float](lp, y []T, p *Bivariate[T], rows int) {
	const fn = "BivariateMixtureLogProb"
	p.check(fn, y, rows, true)
	checkLen(fn, "lp", len(lp), rows)
	bivariate(lp, nil, nil, nil, y, p, rows, true)
}

// BivariateMixtureLogProbBackward is the gradient of [BivariateMixtureLogProb].
//
//	p_c = softmax_c(logits_c + ln N_c)                       the responsibilities
//	dlogits_c = w (p_c - pi_c)                               w = dlp[i]
//	dmu_c = w p_c g/s   ds_c = w p_c (g u - 1)/s             of both dimensions
//	dr_c = w p_c (rho + ((1+rho^2) u1 u2 - rho (u1^2 + u2^2))/(1-rho^2))
//	dpenLogit = w (pen - b)    dpen = w penLogit    dx = -sum_c dmu_c
//
// with g1 = (u1 - rho u2)/(1-rho^2) and g2 alike. dp is overwritten; dy is [rows, 3], dense,
// overwritten, or nil. lp, if not nil, gets the values of BivariateMixtureLogProb, bit for bit.
// Nothing may overlap.
//
// A component with w p_c = 0 gets gradients of exactly 0; a row with lp = -Inf has no
// responsibilities. A NaN in a row makes that row's gradients NaN, and no other's.
// float32: p_c has a relative error of the errors of lp and its component together. The other
// factors have, with D = (|u1|+|u2|)/(1-rho^2), errors of at most 40 2^-24 D in g,
// 40 2^-24 (1 + |u| D) in g u - 1, and 40 2^-24 (1 + (|u1|+|u2|) D) in the factor of dr. A row with
// a gradient that overflows is done again in float64. None is infinite: one beyond the range, and
// one in a sum dx, counts as the end of it. Finite arguments and |w| <= 2^30 give no NaN.
//
// BivariateMixtureLogProbBackward panics as BivariateMixtureLogProb does.
func BivariateMixtureLogProbBackward[T Float](lp, dy []T, dp *BivariateGrad[T], dlp, y []T, p *Bivariate[T], rows int) {
	checkBivariateBackward("BivariateMixtureLogProbBackward", lp, dy, dp, dlp, y, p, rows, true)
	bivariate(lp, dy, dp.Theta, dlp, y, p, rows, true)
}

// BivariateLogProb is [BivariateMixtureLogProb] with one component, K = 1, whose logit is left out: a
// row of p.Theta is
//
//	penLogit   mu1   mu2   s1   s2   r
//
// and Ld >= 6. It has the bits of a mixture of one component, whatever its logit.
func BivariateLogProb[T Float](lp, y []T, p *Bivariate[T], rows int) {
	const fn = "BivariateLogProb"
	p.check(fn, y, rows, false)
	checkLen(fn, "lp", len(lp), rows)
	bivariate(lp, nil, nil, nil, y, p, rows, false)
}

// BivariateLogProbBackward is the gradient of [BivariateLogProb]: see
// [BivariateMixtureLogProbBackward].
func BivariateLogProbBackward[T Float](lp, dy []T, dp *BivariateGrad[T], dlp, y []T, p *Bivariate[T], rows int) {
	checkBivariateBackward("BivariateLogProbBackward", lp, dy, dp, dlp, y, p, rows, false)
	bivariate(lp, dy, dp.Theta, dlp, y, p, rows, false)
}

// check panics unless p holds what it should, and y too. It returns how many elements Theta has to
// have.
func (p *Bivariate[T]) check(fn string, y []T, rows int, mixture bool) (n int) {
	checkSize(fn, "rows", rows, 0)
	switch {
	case p == nil:
		panic(badNil(fn, "p"))
	case p.K < 0:
		panic(badArg(fn, "p.K", p.K, 0))
	case p.K != 1 && !mixture:
		panic(fmt.Sprintf("kernels: %s: p.K = %d, want 1", fn, p.K))
	}
	checkForm(fn, "p.Form", p.Form)
	cols := biCols(p.K, mixture)
	if p.Ld < cols {
		panic(badArg(fn, "p.Ld", p.Ld, cols))
	}
	n = size.Matrix(rows, cols, p.Ld)
	if len(p.Theta) < n {
		panic(badField(fn, "p", "Theta", len(p.Theta), n))
	}
	checkDense(fn, "y", len(y), rows, 3)
	checkDenseOrNil(fn, "p.Mask", p.Mask, rows, 3)
	return n
}

// biCols returns how many columns theta has.
func biCols(k int, mixture bool) int {
	planes := biLogits
	if mixture {
		planes++
	}
	return size.Add(1, size.Mul(planes, k))
}

func checkBivariateBackward[T Float](fn string, lp, dy []T, dp *BivariateGrad[T], dlp, y []T, p *Bivariate[T], rows int, mixture bool) {
	n := p.check(fn, y, rows, mixture)
	switch {
	case dp == nil:
		panic(badNil(fn, "dp"))
	case len(dp.Theta) < n:
		panic(badField(fn, "dp", "Theta", len(dp.Theta), n))
	}
	checkDenseOrNil(fn, "dy", dy, rows, 3)
	checkLen(fn, "dlp", len(dlp), rows)
	checkLenOrNil(fn, "lp", lp, rows)
}

// bivariate writes lp or, with weights dlp, the gradients, and lp if it is not nil.
func bivariate[T Float](lp, dy, dtheta, dlp, y []T, p *Bivariate[T], rows int, mixture bool) {
	for i := 0; i < rows; i++ {
		n := rows - i
		if p.Mask != nil {
			n = complete(p.Mask, i, rows, 3)
		}
		if n > 0 {
			bivariateRows(from(lp, i), from(dy, 3*i), from(dtheta, i*p.Ld), from(dlp, i), y[3*i:], p.Theta[i*p.Ld:], p.Form, n, p.K, p.Ld, mixture)
			i += n
		}
		if i < rows { // row i is missing
			clearRow(lp, i, 1, 1)
			clearRow(dy, i, 3, 3)
			clearRow(dtheta, i, biCols(p.K, mixture), p.Ld)
		}
	}
}

func bivariateRows[T Float](lp, dy, dtheta, dlp, y, theta []T, form ScaleForm, rows, k, ld int, mixture bool) {
	switch {
	case !is32[T]():
		bivariate64(f64s(lp), f64s(dy), f64s(dtheta), f64s(dlp), f64s(y), f64s(theta), form, rows, k, ld, mixture)
	case dlp == nil:
		bivariate32(f32s(lp), f32s(y), f32s(theta), form, rows, k, ld, mixture)
	default:
		bivariateBackward32(f32s(lp), f32s(dy), f32s(dtheta), f32s(dlp), f32s(y), f32s(theta), form, rows, k, ld, mixture)
	}
}

// biLogitsFrom returns the logits of the rows from row i on, and their stride: without, those of
// rows of one component, which are 0.
func biLogitsFrom(theta []float32, zeros *[distRows]float32, i, k, ld int, mixture bool) (logits *float32, ldl int) {
	if !mixture {
		return &zeros[0], 1
	}
	return &theta[i*ld+biAt(biLogits, k, 0)], ld
}

func bivariate32(lp, y, theta []float32, form ScaleForm, rows, k, ld int, mixture bool) {
	isa := asm.Active()
	if isa == asm.Generic || k == 0 {
		bivariateGeneric(lp, y, theta, form, rows, k, ld, mixture)
		return
	}
	scale, factor := form.machine()
	var zeros [distRows]float32
	for i, r := 0, 0; i < rows; i += r {
		r = mixRows(rows-i, k)
		l, ldl := biLogitsFrom(theta, &zeros, i, k, ld, mixture)
		simd.Bivariate(isa, scale, &lp[i], &y[3*i], &theta[i*ld+1], l, r, k, ld, ldl, factor)
	}
}

func bivariateBackward32(lp, dy, dtheta, dlp, y, theta []float32, form ScaleForm, rows, k, ld int, mixture bool) {
	isa := asm.Active()
	if isa == asm.Generic || k == 0 {
		bivariateBackwardGeneric(lp, dy, dtheta, dlp, y, theta, form, rows, k, ld, mixture)
		return
	}
	scale, factor := form.machine()
	var zeros, unwanted, weights [distRows]float32
	var noDy [3 * distRows]float32
	for i, r := 0, 0; i < rows; i += r {
		r = mixRows(rows-i, k)
		l, ldl := biLogitsFrom(theta, &zeros, i, k, ld, mixture)
		dl, _ := biLogitsFrom(dtheta, &unwanted, i, k, ld, mixture)
		dys := noDy[:3*r]
		if dy != nil {
			dys = dy[3*i:][:3*r]
		}
		simd.BivariateBackward(isa, scale, values(lp, &weights, dlp, i, r), &dys[0], &dtheta[i*ld+1], dl,
			&y[3*i], &theta[i*ld+1], l, r, k, ld, ldl, factor)
		for j := i; j < i+r; j++ {
			if d := dys[3*(j-i):][:3]; !finite32(d[1]) || !finite32(d[2]) {
				biWideRow32(rowAt(dy, j, 3, 3), dtheta[j*ld:], dlp[j], y[3*j:][:3], theta[j*ld:], form, k, mixture)
			}
		}
	}
}
