package kernels

// GaussSample draws from a diagonal Gaussian, given standard normal noise.
//
//	z = mu + sigma eps
//
// q, with mu and sigma, is [rows, cols]; eps and z are [rows, cols], dense. z is overwritten and
// may be eps; nothing else may overlap.
// A NaN stays in its element. float32: one fma, so the error is half an ULP of z plus that of
// sigma times eps: sigma is within 1 ULP in the log forms, within 2.5 ULP in SoftplusSigma.
// GaussSample panics if a size is negative, a slice or the stride too short, the form unknown, or q has a mask.
// It starts no goroutine and allocates nothing.
func GaussSample[T Float](z []T, q *Gauss[T], eps []T, rows, cols int) {
	const fn = "GaussSample"
	checkSizes(fn, rows, cols)
	q.check(fn, "q", rows, cols)
	q.checkNoMask(fn)
	checkDense(fn, "eps", len(eps), rows, cols)
	checkDense(fn, "z", len(z), rows, cols)
	if rows == 0 || cols == 0 {
		return
	}
	if is32[T]() {
		gaussSample32(f32s(z), f32s(q.Mu), f32s(q.S), f32s(eps), q.Form, rows, cols, q.Ld)
	} else {
		gaussSample64(f64s(z), f64s(q.Mu), f64s(q.S), f64s(eps), q.Form, rows, cols, q.Ld)
	}
}

// GaussSampleBackward adds the gradient of [GaussSample]: the reparameterised, or pathwise,
// gradient.
//
//	dmu += dz   ds += dz eps dsigma/ds
//
// It adds to dq, which holds dmu and ds, because q gets a gradient from the KL term as well. dz and
// eps are [rows, cols], dense; q and eps are what GaussSample had, but q.Mu is not read and may be
// nil. ds must not be s; nothing may overlap.
// A NaN stays in its element. float32: dsigma/ds is within 1 ULP in the log forms and 2.6 ULP in
// SoftplusSigma; the product and the sum are rounded once more each.
// GaussSampleBackward panics as GaussSample does.
//
// Source: Kingma and Welling 2014, section 2.4.
func GaussSampleBackward[T Float](dq *GaussGrad[T], dz []T, q *Gauss[T], eps []T, rows, cols int) {
	const fn = "GaussSampleBackward"
	checkSizes(fn, rows, cols)
	n := q.checkScale(fn, "q", rows, cols)
	q.checkNoMask(fn)
	dq.check(fn, "dq", n)
	checkDense(fn, "dz", len(dz), rows, cols)
	checkDense(fn, "eps", len(eps), rows, cols)
	if rows == 0 || cols == 0 {
		return
	}
	if is32[T]() {
		gaussSampleBackward32(f32s(dq.Mu), f32s(dq.S), f32s(dz), f32s(q.S), f32s(eps), q.Form, rows, cols, q.Ld)
	} else {
		gaussSampleBackward64(f64s(dq.Mu), f64s(dq.S), f64s(dz), f64s(q.S), f64s(eps), q.Form, rows, cols, q.Ld)
	}
}

// latentArgs are the arguments of LatentStep and its gradient.
type latentArgs[T Float] struct {
	gaussArgs[T]
	z, sigma, dz, eps []T
}

// Latent holds what [LatentStep] computes: the draw Z [rows, cols], KL [rows] and, if it is not nil,
// the standard deviation Sigma [rows, cols] of the posterior. All are dense.
type Latent[T Float] struct {
	Z, KL, Sigma []T
}

// LatentStep does in one pass what a variational model does between its heads and its latent
// variable: sigma, the sample and the KL term, from raw head outputs and noise.
//
//	Z = muQ + sigmaQ eps   KL[i] = KL(q || p)   Sigma = sigmaQ
//
// q and p are [rows, cols]; a nil p is the standard Gaussian. eps is [rows, cols],
// dense. The fields of out are overwritten; out.Z may be eps, nothing else may overlap.
//
// The bits are those of [GaussSample] and of [GaussKL] or [GaussKLStandard]; so are bounds and
// special values, and the panics, those at a mask among them. It starts no goroutine and allocates nothing.
//
// Source: Chung et al. 2015, equations 5 to 11; Kingma and Welling 2014, appendix B.
func LatentStep[T Float](out *Latent[T], q, p *Gauss[T], eps []T, rows, cols int) {
	const fn = "LatentStep"
	checkLatent(fn, q, p, eps, rows, cols)
	if out == nil {
		panic(badNil(fn, "out"))
	}
	checkDense(fn, "out.Z", len(out.Z), rows, cols)
	checkLen(fn, "out.KL", len(out.KL), rows)
	checkDenseOrNil(fn, "out.Sigma", out.Sigma, rows, cols)
	a := &latentArgs[T]{sigma: out.Sigma, z: out.Z, eps: eps, gaussArgs: gaussArgs[T]{v: out.KL,
		muQ: q.Mu, sQ: q.S, form: q.Form, rows: rows, n: cols, ld: q.Ld}}
	if p != nil {
		a.muP, a.sP = p.Mu, p.S
	}
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
// dz is [rows, cols], dense; dkl is [rows]; q, p and eps are what LatentStep had. dq and dp are
// overwritten; dp is nil if p is the standard Gaussian or fixed.
// A gradient may be the very slice it is the gradient of; nothing else may overlap.
//
// Bounds and special values of the KL part are those of [GaussKLBackward]. The result is what
// [GaussSampleBackward] makes of it: in the same bits for dmuQ and in the log forms, and in the
// sigma forms with one product by dsigmaQ/dsQ in place of two.
// LatentStepBackward panics as LatentStep does, and if there is a dp without a p.
func LatentStepBackward[T Float](dq, dp *GaussGrad[T], dz, dkl []T, q, p *Gauss[T], eps []T, rows, cols int) {
	const fn = "LatentStepBackward"
	n := checkLatent(fn, q, p, eps, rows, cols)
	dq.check(fn, "dq", n)
	if dp != nil {
		p.checkBeside(fn, q, n)
		dp.check(fn, "dp", n)
	}
	checkDense(fn, "dz", len(dz), rows, cols)
	checkLen(fn, "dkl", len(dkl), rows)
	a := &latentArgs[T]{dz: dz, eps: eps, gaussArgs: gaussArgs[T]{dmuQ: dq.Mu, dsQ: dq.S, w: dkl,
		muQ: q.Mu, sQ: q.S, form: q.Form, rows: rows, n: cols, ld: q.Ld}}
	if p != nil {
		a.muP, a.sP = p.Mu, p.S
	}
	if dp != nil {
		a.dmuP, a.dsP = dp.Mu, dp.S
	}
	switch a := any(a).(type) {
	case *latentArgs[float32]:
		latentStepBackward32(a)
	case *latentArgs[float64]:
		latentStepBackward64(a)
	}
}

func checkLatent[T Float](fn string, q, p *Gauss[T], eps []T, rows, cols int) (n int) {
	checkSizes(fn, rows, cols)
	n = q.check(fn, "q", rows, cols)
	q.checkNoMask(fn)
	if p != nil {
		p.checkBeside(fn, q, n)
	}
	checkDense(fn, "eps", len(eps), rows, cols)
	return n
}
