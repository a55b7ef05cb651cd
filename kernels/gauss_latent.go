package kernels

// GaussSample draws from a diagonal Gaussian, given standard normal noise.
//
//	z = mu + sigma eps
//
// mu and s are [rows, n], row stride ld; eps and z are [rows, n], dense. z is overwritten and
// may be eps; nothing else may overlap. s has one of the forms of [ScaleForm].
// A NaN stays in its element. float32: one fma, so the error is half an ULP of z plus that of
// sigma times eps: sigma is within 1 ULP in the log forms, within 2.5 ULP in SoftplusSigma.
// GaussSample panics if a size is negative, a slice or the stride too short, or form unknown.
// It starts no goroutine and allocates nothing.
func GaussSample[T Float](z, mu, s, eps []T, form ScaleForm, rows, n, ld int) {
	const fn = "GaussSample"
	checkForm(fn, form)
	checkMatrix(fn, "mu", len(mu), rows, n, ld)
	checkMatrix(fn, "s", len(s), rows, n, ld)
	checkMatrix(fn, "eps", len(eps), rows, n, n)
	checkMatrix(fn, "z", len(z), rows, n, n)
	if rows == 0 || n == 0 {
		return
	}
	if is32[T]() {
		gaussSample32(f32s(z), f32s(mu), f32s(s), f32s(eps), form, rows, n, ld)
	} else {
		gaussSample64(f64s(z), f64s(mu), f64s(s), f64s(eps), form, rows, n, ld)
	}
}

// GaussSampleBackward adds the gradient of [GaussSample]: the reparameterised, or pathwise,
// gradient.
//
//	dmu += dz   ds += dz eps dsigma/ds
//
// It adds, because mu and s get a gradient from the KL term as well. dmu and ds are [rows, n]
// with the row stride ld of s; dz and eps are [rows, n], dense; s and eps are what GaussSample
// had. ds must not be s; nothing may overlap.
// A NaN stays in its element. float32: dsigma/ds is within 1 ULP in the log forms and 2.6 ULP in
// SoftplusSigma; the product and the sum are rounded once more each.
// GaussSampleBackward panics as GaussSample does.
//
// Source: Kingma and Welling 2014, section 2.4.
func GaussSampleBackward[T Float](dmu, ds, dz, s, eps []T, form ScaleForm, rows, n, ld int) {
	const fn = "GaussSampleBackward"
	checkForm(fn, form)
	checkMatrix(fn, "s", len(s), rows, n, ld)
	checkMatrix(fn, "dmu", len(dmu), rows, n, ld)
	checkMatrix(fn, "ds", len(ds), rows, n, ld)
	checkMatrix(fn, "dz", len(dz), rows, n, n)
	checkMatrix(fn, "eps", len(eps), rows, n, n)
	if rows == 0 || n == 0 {
		return
	}
	if is32[T]() {
		gaussSampleBackward32(f32s(dmu), f32s(ds), f32s(dz), f32s(s), f32s(eps), form, rows, n, ld)
	} else {
		gaussSampleBackward64(f64s(dmu), f64s(ds), f64s(dz), f64s(s), f64s(eps), form, rows, n, ld)
	}
}

// latentArgs are the arguments of LatentStep and its gradient.
type latentArgs[T Float] struct {
	gaussArgs[T]
	z, sigma, dz, eps []T
}

// LatentStep does in one pass what a variational model does between its heads and its latent
// variable: sigma, the sample and the KL term, from raw head outputs and noise.
//
//	z = muQ + sigmaQ eps   kl[i] = KL(q || p)
//
// muQ, sQ, muP and sP are [rows, n], row stride ld; muP and sP both nil make p the standard
// Gaussian. eps and z are [rows, n], dense; kl is [rows]; sigmaQ is [rows, n], dense, or nil if
// it is not wanted. sigmaQ, z and kl are overwritten; z may be eps, nothing else may overlap.
//
// The bits are those of [GaussSample] and of [GaussKL] or [GaussKLStandard]; so are bounds and
// special values.
// LatentStep panics if a size is negative, a slice or the stride too short, or form unknown.
// It starts no goroutine and allocates nothing.
//
// Source: Chung et al. 2015, equations 5 to 11; Kingma and Welling 2014, appendix B.
func LatentStep[T Float](sigmaQ, z, kl, muQ, sQ, muP, sP, eps []T, form ScaleForm, rows, n, ld int) {
	const fn = "LatentStep"
	checkLatent(fn, muQ, sQ, muP, sP, eps, form, rows, n, ld)
	if sigmaQ != nil {
		checkMatrix(fn, "sigmaQ", len(sigmaQ), rows, n, n)
	}
	checkMatrix(fn, "z", len(z), rows, n, n)
	checkLen(fn, "kl", len(kl), rows)
	a := &latentArgs[T]{sigma: sigmaQ, z: z, eps: eps,
		gaussArgs: gaussArgs[T]{v: kl, muQ: muQ, sQ: sQ, muP: muP, sP: sP, form: form, rows: rows, n: n, ld: ld}}
	switch a := any(a).(type) {
	case *latentArgs[float32]:
		latentStep32(a)
	case *latentArgs[float64]:
		latentStep64(a)
	}
}

// LatentStepBackward is the gradient of [LatentStep]. It needs its inputs and nothing else.
//
//	dmuQ = dz + dkl d(kl)/dmuQ           dmuP = dkl d(kl)/dmuP
//	dsQ = (dz eps + dkl d(kl)/dsigmaQ) dsigmaQ/dsQ   dsP = dkl d(kl)/dsP
//
// dz is [rows, n], dense; dkl is [rows]; muQ, sQ, muP, sP and eps are what LatentStep had. dmuQ,
// dsQ, dmuP and dsP have the layout of muQ, sQ, muP and sP, with the same ld, and are
// overwritten. dmuP and dsP are both nil if p is the standard Gaussian or fixed.
// A gradient may be the very slice it is the gradient of; nothing else may overlap.
//
// Bounds and special values of the KL part are those of [GaussKLBackward]. The result is what
// [GaussSampleBackward] makes of it: in the same bits for dmuQ and in the log forms, and in the
// sigma forms with one product by dsigmaQ/dsQ in place of two.
// LatentStepBackward panics as LatentStep does, and if dmuP is given and muP is not.
func LatentStepBackward[T Float](dmuQ, dsQ, dmuP, dsP, dz, dkl, muQ, sQ, muP, sP, eps []T, form ScaleForm, rows, n, ld int) {
	const fn = "LatentStepBackward"
	checkLatent(fn, muQ, sQ, muP, sP, eps, form, rows, n, ld)
	checkMatrix(fn, "dmuQ", len(dmuQ), rows, n, ld)
	checkMatrix(fn, "dsQ", len(dsQ), rows, n, ld)
	if dmuP != nil || dsP != nil {
		checkMatrix(fn, "muP", len(muP), rows, n, ld)
		checkMatrix(fn, "sP", len(sP), rows, n, ld)
		checkMatrix(fn, "dmuP", len(dmuP), rows, n, ld)
		checkMatrix(fn, "dsP", len(dsP), rows, n, ld)
	}
	checkMatrix(fn, "dz", len(dz), rows, n, n)
	checkLen(fn, "dkl", len(dkl), rows)
	a := &latentArgs[T]{dz: dz, eps: eps, gaussArgs: gaussArgs[T]{dmuQ: dmuQ, dsQ: dsQ, dmuP: dmuP, dsP: dsP, w: dkl,
		muQ: muQ, sQ: sQ, muP: muP, sP: sP, form: form, rows: rows, n: n, ld: ld}}
	switch a := any(a).(type) {
	case *latentArgs[float32]:
		latentStepBackward32(a)
	case *latentArgs[float64]:
		latentStepBackward64(a)
	}
}

func checkLatent[T Float](fn string, muQ, sQ, muP, sP, eps []T, form ScaleForm, rows, n, ld int) {
	checkForm(fn, form)
	checkMatrix(fn, "muQ", len(muQ), rows, n, ld)
	checkMatrix(fn, "sQ", len(sQ), rows, n, ld)
	if muP != nil || sP != nil {
		checkMatrix(fn, "muP", len(muP), rows, n, ld)
		checkMatrix(fn, "sP", len(sP), rows, n, ld)
	}
	checkMatrix(fn, "eps", len(eps), rows, n, n)
}
