//go:build purego || !amd64

package kernels

// The Gaussian and likelihood kernels where there is no machine code.

func bernoulliLogProb32(lp, dlogits, dlp, x, logits []float32, rows, d int) {
	bernoulliLogProbGeneric(lp, dlogits, dlp, x, logits, rows, d)
}

func gaussKL32(kl, muQ, sQ, muP, sP []float32, form ScaleForm, rows, z, ld int) {
	gaussKLGeneric(kl, muQ, sQ, muP, sP, form, rows, z, ld)
}

func gaussKLBackward32(kl, dmuQ, dsQ, dmuP, dsP, dkl, muQ, sQ, muP, sP []float32, form ScaleForm, rows, z, ld int) {
	gaussKLBackwardGeneric(kl, dmuQ, dsQ, dmuP, dsP, dkl, muQ, sQ, muP, sP, form, rows, z, ld)
}

func gaussLogProb32(lp, x, mu, s []float32, form ScaleForm, rows, d, ld int) {
	gaussLogProbGeneric(lp, x, mu, s, form, rows, d, ld)
}

func gaussLogProbBackward32(lp, dx, dmu, ds, dlp, x, mu, s []float32, form ScaleForm, rows, d, ld int) {
	gaussLogProbBackwardGeneric(lp, dx, dmu, ds, dlp, x, mu, s, form, rows, d, ld)
}

func gaussSample32(z, mu, s, eps []float32, form ScaleForm, rows, n, ld int) {
	gaussSampleGeneric(z, mu, s, eps, form, rows, n, ld)
}

func gaussSampleBackward32(dmu, ds, dz, s, eps []float32, form ScaleForm, rows, n, ld int) {
	gaussSampleBackwardGeneric(dmu, ds, dz, s, eps, form, rows, n, ld)
}

func latentStep32(sigmaQ, z, kl, muQ, sQ, muP, sP, eps []float32, form ScaleForm, rows, n, ld int) {
	latentStepGeneric(sigmaQ, z, kl, muQ, sQ, muP, sP, eps, form, rows, n, ld)
}

func latentStepBackward32(dmuQ, dsQ, dmuP, dsP, dz, dkl, muQ, sQ, muP, sP, eps []float32, form ScaleForm, rows, n, ld int) {
	latentStepBackwardGeneric(dmuQ, dsQ, dmuP, dsP, dz, dkl, muQ, sQ, muP, sP, eps, form, rows, n, ld)
}

func categoricalLogProb32(lp, dlogits, dlp []float32, target []int32, logits []float32, rows, k int) {
	categoricalLogProbGeneric(lp, dlogits, dlp, target, logits, rows, k)
}

func gmmLogProb32(lp, x, logits, mu, s []float32, form ScaleForm, rows, k, d, ldl, ld int) {
	gmmLogProbGeneric(lp, x, logits, mu, s, form, rows, k, d, ldl, ld)
}

func gmmLogProbBackward32(lp, dx, dlogits, dmu, ds, dlp, x, logits, mu, s []float32, form ScaleForm, rows, k, d, ldl, ld int) {
	gmmLogProbBackwardGeneric(lp, dx, dlogits, dmu, ds, dlp, x, logits, mu, s, form, rows, k, d, ldl, ld)
}

func bivariate32(lp, y, theta []float32, form ScaleForm, rows, k, ld int, mixture bool) {
	bivariateGeneric(lp, y, theta, form, rows, k, ld, mixture)
}

func bivariateBackward32(lp, dy, dtheta, dlp, y, theta []float32, form ScaleForm, rows, k, ld int, mixture bool) {
	bivariateBackwardGeneric(lp, dy, dtheta, dlp, y, theta, form, rows, k, ld, mixture)
}

func logisticMixture32(lp, dlogits, dmu, ds, dlp, x, logits, mu, s []float32, form ScaleForm, levels, rows, k, d, ld int) {
	logisticMixtureGeneric(lp, dlogits, dmu, ds, dlp, x, logits, mu, s, form, levels, rows, k, d, ld)
}
