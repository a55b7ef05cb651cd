package kernels

import (
	"fmt"

	"github.com/elbow-go/elbow/internal/f32"
)

// The Gaussian kernels work on diagonal Gaussians, row by row. Everywhere in this family:
//
//   - The parameters mu and s are [rows, Z] matrices, row-major, with one row stride ld >= Z
//     for all parameter matrices of a call; usually they are the two halves of one head
//     [rows, 2Z]: head, head[Z:], ld = 2Z. A gradient dmu or ds has the layout of what it is
//     the gradient of, with the same ld. Everything else (x, z, eps, kl, ...) is dense. The
//     elements between the rows are neither read nor written.
//   - s gives the standard deviation sigma in one of the four forms of [ScaleForm], and ds is
//     the gradient of s as given.
//   - A row's sums run over 16 virtual lanes and are folded; the logarithms of the sigmas of
//     a row are taken as one logarithm of their product. float64 is the plain equations with
//     package math, and has the special values that those give.
//   - A NaN stays in its row, and in the gradients that are not sums, in its element.
//   - Zero sizes are legal. A row of no dimensions has the value 0.

// ScaleForm says in which form the argument s of a Gaussian kernel gives the standard
// deviation.
type ScaleForm uint8

// The forms of s. SoftplusSigma is what the networks of Chung et al. 2015 put out.
const (
	Sigma         ScaleForm = iota // s = sigma; a negative one makes sums of its row NaN
	LogSigma                       // s = ln sigma
	LogVar                         // s = ln sigma^2
	SoftplusSigma                  // sigma = ln(1 + e^s) + ScaleEps
)

// ScaleEps keeps the sigma of [SoftplusSigma] away from zero.
const ScaleEps = f32.ScaleEps

var scaleNames = [...]string{"Sigma", "LogSigma", "LogVar", "SoftplusSigma"}

// String returns the name of the constant.
func (f ScaleForm) String() string {
	if int(f) < len(scaleNames) {
		return scaleNames[f]
	}
	return fmt.Sprintf("ScaleForm(%d)", uint8(f))
}

// isLog reports whether s is a logarithm: those forms take no logarithm at all.
func (f ScaleForm) isLog() bool { return f == LogSigma || f == LogVar }

// gaussArgs are the arguments of a Gaussian kernel, as in its comment; nil is what it does not have.
type gaussArgs[T Float] struct {
	v                        []T // kl or lp
	dx, dmuQ, dsQ, dmuP, dsP []T // those without p are dmu and ds
	w                        []T // dkl or dlp
	x, muQ, sQ, muP, sP      []T
	form                     ScaleForm
	rows, n                  int
	ldx, ld                  int // ldx is n, or 0 for the components of a mixture
}

func checkForm(fn string, form ScaleForm) {
	if int(form) >= len(scaleNames) {
		panic(fmt.Sprintf("kernels: %s: form = %v, want Sigma, LogSigma, LogVar or SoftplusSigma", fn, form))
	}
}

// GaussKL writes the KL divergence between two diagonal Gaussians for each row, in nats.
//
//	kl[i] = sum_j ( (r^2 - 1 + t^2)/2 - ln r ),   r = sigmaQ/sigmaP,   t = (muQ - muP)/sigmaP
//
// muQ, sQ, muP and sP are [rows, z], row stride ld; kl is [rows] and overwritten. kl must not
// overlap the rest. sQ and sP have the same form.
//
// The value is never negative and 0 if q and p are the same. In float32 it is finite wherever
// the true value fits, else Inf; so no NaN arises from finite mu and |ln sigma| <= 80. sigma = 0
// or Inf in one of the two gives Inf, in both NaN.
// float32: the absolute error is at most
// (40 + z/16 + 2 max |ln r|) 2^-24 sum_j ((r^2 + 1 + t^2)/2 + |ln r|).
//
// GaussKL panics if a size is negative, a slice or the stride too short, or form unknown. It
// starts no goroutine and allocates nothing.
//
// Source: Kingma and Welling 2014, appendix B; Chung et al. 2015, equation 11.
func GaussKL[T Float](kl, muQ, sQ, muP, sP []T, form ScaleForm, rows, z, ld int) {
	const fn = "GaussKL"
	checkForm(fn, form)
	checkMatrix(fn, "muQ", len(muQ), rows, z, ld)
	checkMatrix(fn, "sQ", len(sQ), rows, z, ld)
	checkMatrix(fn, "muP", len(muP), rows, z, ld)
	checkMatrix(fn, "sP", len(sP), rows, z, ld)
	checkLen(fn, "kl", len(kl), rows)
	gaussKL(&gaussArgs[T]{v: kl, muQ: muQ, sQ: sQ, muP: muP, sP: sP, form: form, rows: rows, n: z, ld: ld})
}

// GaussKLStandard is [GaussKL] against the standard Gaussian, muP = 0 and sigmaP = 1.
//
//	kl[i] = sum_j ( (sigma^2 - 1 + mu^2)/2 - ln sigma )
//
// mu and s are [rows, z], row stride ld; kl is [rows] and overwritten. Bits, bounds, special
// values and panics are those of GaussKL.
func GaussKLStandard[T Float](kl, mu, s []T, form ScaleForm, rows, z, ld int) {
	const fn = "GaussKLStandard"
	checkForm(fn, form)
	checkMatrix(fn, "mu", len(mu), rows, z, ld)
	checkMatrix(fn, "s", len(s), rows, z, ld)
	checkLen(fn, "kl", len(kl), rows)
	gaussKL(&gaussArgs[T]{v: kl, muQ: mu, sQ: s, form: form, rows: rows, n: z, ld: ld})
}

func gaussKL[T Float](a *gaussArgs[T]) {
	switch a := any(a).(type) {
	case *gaussArgs[float32]:
		gaussKL32(a)
	case *gaussArgs[float64]:
		gaussKL64(a)
	}
}

func gaussLogProb[T Float](a *gaussArgs[T]) {
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
// and ds = dsigma dsigma/ds. dmuQ, dsQ, dmuP and dsP are overwritten, with the layout of muQ,
// sQ, muP and sP; dmuP and dsP may both be nil, if p is fixed. kl, if not nil, gets the
// values of GaussKL, bit for bit: one pass instead of two where dkl is known beforehand.
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
func GaussKLBackward[T Float](kl, dmuQ, dsQ, dmuP, dsP, dkl, muQ, sQ, muP, sP []T, form ScaleForm, rows, z, ld int) {
	const fn = "GaussKLBackward"
	checkForm(fn, form)
	checkMatrix(fn, "muQ", len(muQ), rows, z, ld)
	checkMatrix(fn, "sQ", len(sQ), rows, z, ld)
	checkMatrix(fn, "muP", len(muP), rows, z, ld)
	checkMatrix(fn, "sP", len(sP), rows, z, ld)
	checkMatrix(fn, "dmuQ", len(dmuQ), rows, z, ld)
	checkMatrix(fn, "dsQ", len(dsQ), rows, z, ld)
	if dmuP != nil || dsP != nil {
		checkMatrix(fn, "dmuP", len(dmuP), rows, z, ld)
		checkMatrix(fn, "dsP", len(dsP), rows, z, ld)
	}
	checkLen(fn, "dkl", len(dkl), rows)
	if kl != nil {
		checkLen(fn, "kl", len(kl), rows)
	}
	gaussKL(&gaussArgs[T]{v: kl, dmuQ: dmuQ, dsQ: dsQ, dmuP: dmuP, dsP: dsP, w: dkl, muQ: muQ, sQ: sQ, muP: muP, sP: sP,
		form: form, rows: rows, n: z, ld: ld})
}

// GaussKLStandardBackward is the gradient of [GaussKLStandard]: [GaussKLBackward] with
// sigmaP = 1, muP = 0 and no gradient for them.
//
//	dmu = w mu   dsigma = w (sigma^2 - 1)/sigma   w = dkl[i]
func GaussKLStandardBackward[T Float](kl, dmu, ds, dkl, mu, s []T, form ScaleForm, rows, z, ld int) {
	const fn = "GaussKLStandardBackward"
	checkForm(fn, form)
	checkMatrix(fn, "mu", len(mu), rows, z, ld)
	checkMatrix(fn, "s", len(s), rows, z, ld)
	checkMatrix(fn, "dmu", len(dmu), rows, z, ld)
	checkMatrix(fn, "ds", len(ds), rows, z, ld)
	checkLen(fn, "dkl", len(dkl), rows)
	if kl != nil {
		checkLen(fn, "kl", len(kl), rows)
	}
	gaussKL(&gaussArgs[T]{v: kl, dmuQ: dmu, dsQ: ds, w: dkl, muQ: mu, sQ: s, form: form, rows: rows, n: z, ld: ld})
}

// GaussLogProb writes the log-density of each row under a diagonal Gaussian, in nats.
//
//	lp[i] = -sum_j ( t^2/2 + ln sigma + ln(2 pi)/2 ),   t = (x - mu)/sigma
//
// x is [rows, d], dense; mu and s are [rows, d], row stride ld; lp is [rows] and overwritten.
// lp must not overlap the rest.
//
// In float32 it is finite wherever the true value fits, else Inf of the right sign; so no NaN
// arises from finite x and mu and |ln sigma| <= 80. Where sigma = 0 the density of x = mu is
// Inf and that of every other x is 0: lp = Inf in the first case, -Inf if the second occurs
// anywhere in the row. sigma = Inf gives -Inf.
// float32: the absolute error is at most
// (28 + d/16) 2^-24 sum_j (t^2/2 + |ln sigma| + 1).
//
// GaussLogProb panics if a size is negative, a slice or the stride too short, or form
// unknown. It starts no goroutine and allocates nothing.
func GaussLogProb[T Float](lp, x, mu, s []T, form ScaleForm, rows, d, ld int) {
	const fn = "GaussLogProb"
	checkForm(fn, form)
	checkMatrix(fn, "mu", len(mu), rows, d, ld)
	checkMatrix(fn, "s", len(s), rows, d, ld)
	checkMatrix(fn, "x", len(x), rows, d, d)
	checkLen(fn, "lp", len(lp), rows)
	gaussLogProb(&gaussArgs[T]{v: lp, x: x, muQ: mu, sQ: s, form: form, rows: rows, n: d, ldx: d, ld: ld})
}

// GaussLogProbBackward is the gradient of [GaussLogProb].
//
//	dmu = w t/sigma   dx = -dmu   dsigma = w (t^2 - 1)/sigma   w = dlp[i]
//
// and ds = dsigma dsigma/ds. dmu and ds are overwritten, with the layout of mu and s; dx is
// [rows, d], dense, overwritten, or nil. lp, if not nil, gets the values of GaussLogProb, bit
// for bit: training wants both, and one pass over x, mu and s does it.
// A gradient may be the very slice it is the gradient of; nothing else may overlap.
//
// In float32, finite x and mu, |ln sigma| <= 80 and |w| <= 2^30 give no NaN, and no Inf where the
// result fits, in every form: what overflows on the way is computed again in float64. At
// sigma = 0, the gradient of sigma is infinite or NaN.
// float32, with u = 24 2^-24, and as long as all of them are normal numbers: dmu is within u of
// its size, dsigma within u w (t^2 + 1)/sigma.
//
// GaussLogProbBackward panics as GaussLogProb does.
func GaussLogProbBackward[T Float](lp, dx, dmu, ds, dlp, x, mu, s []T, form ScaleForm, rows, d, ld int) {
	const fn = "GaussLogProbBackward"
	checkForm(fn, form)
	checkMatrix(fn, "mu", len(mu), rows, d, ld)
	checkMatrix(fn, "s", len(s), rows, d, ld)
	checkMatrix(fn, "dmu", len(dmu), rows, d, ld)
	checkMatrix(fn, "ds", len(ds), rows, d, ld)
	checkMatrix(fn, "x", len(x), rows, d, d)
	if dx != nil {
		checkMatrix(fn, "dx", len(dx), rows, d, d)
	}
	checkLen(fn, "dlp", len(dlp), rows)
	if lp != nil {
		checkLen(fn, "lp", len(lp), rows)
	}
	gaussLogProb(&gaussArgs[T]{v: lp, dx: dx, dmuQ: dmu, dsQ: ds, w: dlp, x: x, muQ: mu, sQ: s,
		form: form, rows: rows, n: d, ldx: d, ld: ld})
}
