package kernels

import (
	"fmt"
	"math"

	"github.com/elbow-go/elbow/internal/f32"
	"github.com/elbow-go/elbow/internal/size"
)

// The Gaussian kernels work on diagonal Gaussians, row by row. Everywhere in this family:
//
//   - What is not a [Gauss] or its gradient (x, z, eps, kl, ...) is dense. The elements between
//     the rows of the parameters are neither read nor written.
//   - A row's sums run over 16 virtual lanes and are folded; the logarithms of the sigmas of
//     a row are taken as one logarithm of their product. float64 is the plain equations with
//     package math, and has the special values that those give.
//   - A NaN stays in its row, and in the gradients that are not sums, in its element.
//   - Zero sizes are legal. A row of no dimensions has the value 0.

// Gauss holds the parameters of diagonal Gaussians, one in each row: the means and, in one of the
// forms of [ScaleForm], the standard deviations. Mu and S are [rows, cols], row-major, both with
// the row stride Ld >= cols.
//
// In a call with two of them, q and p, both must have the same Ld and the same Form. Mask, of q where
// there are two, is [rows, cols], dense: 0 where the entry is missing of which this is the Gaussian, see
// the package comment, or nil if none is. Densities and divergences leave missing entries out, whose
// gradients are 0. Nothing is left out of a draw, so samples take no mask.
//
// Kernels only read a Gauss. They take a pointer because a struct of this size, passed by value, is
// copied right after it was put together, which takes as long as a small kernel.
type Gauss[T Float] struct {
	Mu, S []T
	Mask  []T
	Ld    int
	Form  ScaleForm
}

// GaussGrad holds the gradients of a [Gauss], those of Mu and of S as given. They have the layout
// of what they are the gradients of, with its row stride.
type GaussGrad[T Float] struct {
	Mu, S []T
}

// GaussHead returns the Gaussians of the outputs of a network, head [rows, 2 cols]: cols means and
// then cols scales in each row. Like [GaussHeadGrad] it is inlined, and allocates nothing where the
// result is only passed to a kernel.
func GaussHead[T Float](head []T, cols int, form ScaleForm) *Gauss[T] {
	return &Gauss[T]{Mu: head, S: scalesOf(head, cols), Ld: 2 * cols, Form: form}
}

// GaussHeadGrad returns the parts of the gradient of a head, for [GaussHead].
func GaussHeadGrad[T Float](dhead []T, cols int) *GaussGrad[T] {
	return &GaussGrad[T]{Mu: dhead, S: scalesOf(dhead, cols)}
}

// scalesOf returns head without the first cols elements, or nothing if there are not so many. A
// negative cols is for the kernel to refuse.
func scalesOf[T Float](head []T, cols int) []T { return head[max(0, min(cols, len(head))):] }

// ScaleForm says in which form s gives the standard deviation sigma: S of [Gauss], or the scales of
// a mixture. It is one of the constants, or what [SoftplusFloor] returns.
type ScaleForm uint64

// The forms of s. SoftplusSigma is what the networks of Chung et al. 2015 put out.
const (
	Sigma         ScaleForm = iota // s = sigma; a negative one makes sums of its row NaN
	LogSigma                       // s = ln sigma
	LogVar                         // s = ln sigma^2
	SoftplusSigma                  // sigma = ln(1 + e^s) + ScaleEps
)

// ScaleEps keeps the sigma of [SoftplusSigma] away from zero.
const ScaleEps = f32.ScaleEps

// The bits of a ScaleForm: the constant, and far above it by which bits the floor of a softplus
// differs from ScaleEps, so that SoftplusSigma is the form with that floor.
const (
	formMask   = 1<<8 - 1
	floorShift = 32
)

// SoftplusFloor returns the form
//
//	sigma = ln(1 + e^s) + floor
//
// which is [SoftplusSigma] with another floor than [ScaleEps]. Data that stand still for a while make
// their density at a mean as large as the floor allows: for standardised series 1e-4 is very little.
//
// It panics unless floor is within 2^-30 and 2^30.
func SoftplusFloor(floor float32) ScaleForm {
	if !(floor >= f32.MinPlainSigma && floor <= f32.MaxPlainSigma) {
		panic(fmt.Sprintf("kernels: SoftplusFloor: floor = %v, want 2^-30 to 2^30", floor))
	}
	return SoftplusSigma | ScaleForm(math.Float32bits(floor)^math.Float32bits(ScaleEps))<<floorShift
}

// isSoftplus reports whether sigma is a softplus and a floor.
func (f ScaleForm) isSoftplus() bool { return f&formMask == SoftplusSigma }

// floor returns the [ScaleForm.Floor] of a softplus in float32.
func (f ScaleForm) floor() float32 {
	return math.Float32frombits(uint32(f>>floorShift) ^ math.Float32bits(ScaleEps))
}

// Floor returns what a softplus has added to make sigma: [ScaleEps] or that of [SoftplusFloor]. Of the
// other forms it is 0.
func (f ScaleForm) Floor() float64 {
	switch {
	case f == SoftplusSigma:
		return ScaleEps // a closer 1e-4 than that of float32
	case f.isSoftplus():
		return float64(f.floor())
	}
	return 0
}

// known reports whether f is one of the forms.
func (f ScaleForm) known() bool {
	if f.isSoftplus() {
		v := f.floor()
		return f>>8&(1<<24-1) == 0 && v >= f32.MinPlainSigma && v <= f32.MaxPlainSigma
	}
	return f < SoftplusSigma
}

var scaleNames = [...]string{"Sigma", "LogSigma", "LogVar", "SoftplusSigma"}

// String returns the name of the constant, or the call that makes it.
func (f ScaleForm) String() string {
	switch {
	case f <= SoftplusSigma:
		return scaleNames[f]
	case f.known():
		return fmt.Sprintf("SoftplusFloor(%v)", f.floor())
	}
	return fmt.Sprintf("ScaleForm(%d)", uint64(f))
}

// isLog reports whether s is a logarithm: those forms take no logarithm at all.
func (f ScaleForm) isLog() bool { return f == LogSigma || f == LogVar }

// gaussArgs are the arguments of a Gaussian kernel, as in its comment; nil is what it does not have.
// The p of a density is q here.
type gaussArgs[T Float] struct {
	v                        []T // kl or lp
	dx, dmuQ, dsQ, dmuP, dsP []T
	w                        []T // dkl or dlp
	x, muQ, sQ, muP, sP      []T
	mask                     []T
	form                     ScaleForm
	rows, n                  int
	ldx, ld                  int // ldx is n, or 0 for the components of a mixture
}

// check panics unless the argument of function fn holds what it should. It returns how many elements
// the slices have to have. rows and cols have been checked.
func (g *Gauss[T]) check(fn, arg string, rows, cols int) (n int) {
	n = g.checkScale(fn, arg, rows, cols)
	if len(g.Mu) < n {
		panic(badField(fn, arg, "Mu", len(g.Mu), n))
	}
	checkDenseOrNil(fn, arg+".Mask", g.Mask, rows, cols)
	return n
}

// checkScale is check without the means.
func (g *Gauss[T]) checkScale(fn, arg string, rows, cols int) (n int) {
	switch {
	case g == nil:
		panic(badNil(fn, arg))
	case !g.Form.known():
		panic(badForm(fn, arg+".Form", g.Form))
	case g.Ld < cols:
		panic(badArg(fn, arg+".Ld", g.Ld, cols))
	}
	n = size.Matrix(rows, cols, g.Ld)
	if len(g.S) < n {
		panic(badField(fn, arg, "S", len(g.S), n))
	}
	return n
}

// checkBeside is check for an argument p beside q.
func (g *Gauss[T]) checkBeside(fn string, q *Gauss[T], n int) {
	switch {
	case g == nil:
		panic(badNil(fn, "p"))
	case g.Ld != q.Ld:
		panic(badOther(fn, "p.Ld", g.Ld, "q.Ld", q.Ld))
	case g.Form != q.Form:
		panic(badOther(fn, "p.Form", g.Form, "q.Form", q.Form))
	case g.Mask != nil:
		panic(badMask(fn, "p"))
	case len(g.Mu) < n:
		panic(badField(fn, "p", "Mu", len(g.Mu), n))
	case len(g.S) < n:
		panic(badField(fn, "p", "S", len(g.S), n))
	}
}

// checkNoMask panics if q of function fn has a mask.
func (g *Gauss[T]) checkNoMask(fn string) {
	if g.Mask != nil {
		panic(badMask(fn, "q"))
	}
}

// check panics unless the gradients have n elements each.
func (d *GaussGrad[T]) check(fn, arg string, n int) {
	switch {
	case d == nil:
		panic(badNil(fn, arg))
	case len(d.Mu) < n:
		panic(badField(fn, arg, "Mu", len(d.Mu), n))
	case len(d.S) < n:
		panic(badField(fn, arg, "S", len(d.S), n))
	}
}

// checkForm panics unless the form arg is known.
func checkForm(fn, arg string, form ScaleForm) {
	if !form.known() {
		panic(badForm(fn, arg, form))
	}
}

//go:noinline
func badForm(fn, arg string, form ScaleForm) any {
	return fmt.Sprintf("kernels: %s: %s = %v, want Sigma, LogSigma, LogVar, SoftplusSigma or a SoftplusFloor", fn, arg, form)
}

// GaussKL writes the KL divergence between two diagonal Gaussians for each row, in nats.
//
//	kl[i] = sum_j ( (r^2 - 1 + t^2)/2 - ln r ),   r = sigmaQ/sigmaP,   t = (muQ - muP)/sigmaP
//
// q and p are [rows, cols]; kl is [rows] and overwritten, and must not overlap the rest.
//
// The value is never negative and 0 if q and p are the same. In float32 it is finite wherever
// the true value fits, else Inf; so no NaN arises from finite mu and |ln sigma| <= 80. sigma = 0
// or Inf in one of the two gives Inf, in both NaN.
// float32: the absolute error is at most
// (40 + cols/16 + 2 max |ln r|) 2^-24 sum_j ((r^2 + 1 + t^2)/2 + |ln r|).
//
// GaussKL panics if a size is negative, a slice or a stride too short, a form unknown, or if q and p
// differ in Ld or Form. It starts no goroutine and allocates nothing.
//
// Source: Kingma and Welling 2014, appendix B; Chung et al. 2015, equation 11.
func GaussKL[T Float](kl []T, q, p *Gauss[T], rows, cols int) {
	const fn = "GaussKL"
	checkSizes(fn, rows, cols)
	n := q.check(fn, "q", rows, cols)
	p.checkBeside(fn, q, n)
	checkLen(fn, "kl", len(kl), rows)
	gaussKL(&gaussArgs[T]{v: kl, muQ: q.Mu, sQ: q.S, muP: p.Mu, sP: p.S, mask: q.Mask, form: q.Form, rows: rows, n: cols, ld: q.Ld})
}

// GaussKLStandard is [GaussKL] against the standard Gaussian, muP = 0 and sigmaP = 1.
//
//	kl[i] = sum_j ( (sigma^2 - 1 + mu^2)/2 - ln sigma )
//
// q is [rows, cols]; kl is [rows] and overwritten. Bits, bounds, special values and panics are
// those of GaussKL.
func GaussKLStandard[T Float](kl []T, q *Gauss[T], rows, cols int) {
	const fn = "GaussKLStandard"
	checkSizes(fn, rows, cols)
	q.check(fn, "q", rows, cols)
	checkLen(fn, "kl", len(kl), rows)
	gaussKL(&gaussArgs[T]{v: kl, muQ: q.Mu, sQ: q.S, mask: q.Mask, form: q.Form, rows: rows, n: cols, ld: q.Ld})
}

func gaussKL[T Float](a *gaussArgs[T]) {
	if a.mask != nil {
		a.masked(true)
	} else {
		gaussKLAll(a)
	}
}

// gaussKLAll is gaussKL without a mask.
func gaussKLAll[T Float](a *gaussArgs[T]) {
	switch a := any(a).(type) {
	case *gaussArgs[float32]:
		gaussKL32(a)
	case *gaussArgs[float64]:
		gaussKL64(a)
	}
}

func gaussLogProb[T Float](a *gaussArgs[T]) {
	if a.mask != nil {
		a.masked(false)
	} else {
		gaussLogProbAll(a)
	}
}

// gaussLogProbAll is gaussLogProb without a mask.
func gaussLogProbAll[T Float](a *gaussArgs[T]) {
	switch a := any(a).(type) {
	case *gaussArgs[float32]:
		gaussLogProb32(a)
	case *gaussArgs[float64]:
		gaussLogProb64(a)
	}
}

// GaussKLBackward is the gradient of [GaussKL].
//
//	dmuQ = w t/sigmaP             dmuP = -dmuQ                        w = dkl[i]
//	dsigmaQ = w (r^2 - 1)/sigmaQ  dsigmaP = -w (r^2 - 1 + t^2)/sigmaP
//
// and ds = dsigma dsigma/ds. dq and dp are overwritten; dp may be nil, if p is fixed.
// kl, if not nil, gets the values of GaussKL, bit for bit: one pass instead of two where dkl is
// known beforehand.
// A gradient may be the very slice it is the gradient of; nothing else may overlap.
//
// In float32, finite mu, |ln sigma| <= 80 and |w| <= 2^30 give no NaN, and no Inf where the result
// fits, in every form: what overflows on the way is computed again in float64. If q and p are the
// same all gradients are 0. dkl = 0 gives 0 where the gradient is finite.
// float32, with u = (24 + 2 |ln r|) 2^-24, and as long as all of them are normal numbers: dmu is
// within u of its size, dsigmaQ within u w (r^2 + 1)/sigmaQ, dsigmaP within
// u w (r^2 + 1 + t^2)/sigmaP.
//
// GaussKLBackward panics as GaussKL does.
func GaussKLBackward[T Float](kl []T, dq, dp *GaussGrad[T], dkl []T, q, p *Gauss[T], rows, cols int) {
	const fn = "GaussKLBackward"
	checkSizes(fn, rows, cols)
	n := q.check(fn, "q", rows, cols)
	p.checkBeside(fn, q, n)
	dq.check(fn, "dq", n)
	if dp != nil {
		dp.check(fn, "dp", n)
	}
	checkLen(fn, "dkl", len(dkl), rows)
	checkLenOrNil(fn, "kl", kl, rows)
	a := &gaussArgs[T]{v: kl, dmuQ: dq.Mu, dsQ: dq.S, w: dkl, muQ: q.Mu, sQ: q.S, muP: p.Mu, sP: p.S, mask: q.Mask, form: q.Form, rows: rows, n: cols, ld: q.Ld}
	if dp != nil {
		a.dmuP, a.dsP = dp.Mu, dp.S
	}
	gaussKL(a)
}

// GaussKLStandardBackward is the gradient of [GaussKLStandard]: [GaussKLBackward] with
// sigmaP = 1, muP = 0 and no gradient for them.
//
//	dmu = w mu   dsigma = w (sigma^2 - 1)/sigma   w = dkl[i]
func GaussKLStandardBackward[T Float](kl []T, dq *GaussGrad[T], dkl []T, q *Gauss[T], rows, cols int) {
	const fn = "GaussKLStandardBackward"
	checkSizes(fn, rows, cols)
	n := q.check(fn, "q", rows, cols)
	dq.check(fn, "dq", n)
	checkLen(fn, "dkl", len(dkl), rows)
	checkLenOrNil(fn, "kl", kl, rows)
	gaussKL(&gaussArgs[T]{v: kl, dmuQ: dq.Mu, dsQ: dq.S, w: dkl, muQ: q.Mu, sQ: q.S, mask: q.Mask, form: q.Form, rows: rows, n: cols, ld: q.Ld})
}

// GaussLogProb writes the log-density of each row under a diagonal Gaussian, in nats.
//
//	lp[i] = -sum_j ( t^2/2 + ln sigma + ln(2 pi)/2 ),   t = (x - mu)/sigma
//
// x is [rows, cols], dense; p, with mu and sigma, is [rows, cols]; lp is [rows] and overwritten, and
// must not overlap the rest.
//
// In float32 it is finite wherever the true value fits, else Inf of the right sign; so no NaN
// arises from finite x and mu and |ln sigma| <= 80. Where sigma = 0 the density of x = mu is
// Inf and that of every other x is 0: lp = Inf in the first case, -Inf if the second occurs
// anywhere in the row. sigma = Inf gives -Inf.
// float32: the absolute error is at most
// (28 + cols/16) 2^-24 sum_j (t^2/2 + |ln sigma| + 1).
//
// GaussLogProb panics if a size is negative, a slice or the stride too short, or the form unknown.
// It starts no goroutine and allocates nothing.
func GaussLogProb[T Float](lp, x []T, p *Gauss[T], rows, cols int) {
	const fn = "GaussLogProb"
	checkSizes(fn, rows, cols)
	p.check(fn, "p", rows, cols)
	checkDense(fn, "x", len(x), rows, cols)
	checkLen(fn, "lp", len(lp), rows)
	gaussLogProb(&gaussArgs[T]{v: lp, x: x, muQ: p.Mu, sQ: p.S, mask: p.Mask, form: p.Form, rows: rows, n: cols, ldx: cols, ld: p.Ld})
}

// GaussLogProbBackward is the gradient of [GaussLogProb].
//
//	dmu = w t/sigma   dx = -dmu   dsigma = w (t^2 - 1)/sigma   w = dlp[i]
//
// and ds = dsigma dsigma/ds. dp, which holds dmu and ds, is overwritten; dx is [rows, cols], dense,
// overwritten, or nil. lp, if not nil, gets the values of GaussLogProb, bit for bit: training wants
// both, and one pass over x and p does it.
// A gradient may be the very slice it is the gradient of; nothing else may overlap.
//
// In float32, finite x and mu, |ln sigma| <= 80 and |w| <= 2^30 give no NaN, and no Inf where the
// result fits, in every form: what overflows on the way is computed again in float64. At
// sigma = 0, the gradient of sigma is infinite or NaN.
// float32, with u = 24 2^-24, and as long as all of them are normal numbers: dmu is within u of
// its size, dsigma within u w (t^2 + 1)/sigma.
//
// GaussLogProbBackward panics as GaussLogProb does.
func GaussLogProbBackward[T Float](lp, dx []T, dp *GaussGrad[T], dlp, x []T, p *Gauss[T], rows, cols int) {
	const fn = "GaussLogProbBackward"
	checkSizes(fn, rows, cols)
	n := p.check(fn, "p", rows, cols)
	dp.check(fn, "dp", n)
	checkDense(fn, "x", len(x), rows, cols)
	checkDenseOrNil(fn, "dx", dx, rows, cols)
	checkLen(fn, "dlp", len(dlp), rows)
	checkLenOrNil(fn, "lp", lp, rows)
	gaussLogProb(&gaussArgs[T]{v: lp, dx: dx, dmuQ: dp.Mu, dsQ: dp.S, w: dlp, x: x, muQ: p.Mu, sQ: p.S,
		mask: p.Mask, form: p.Form, rows: rows, n: cols, ldx: cols, ld: p.Ld})
}
