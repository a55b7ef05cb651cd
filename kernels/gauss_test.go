package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
)

// gaussSizes are the row lengths of the accuracy tests: past four vectors, and past the
// renormalisation of the product.
func gaussSizes() []int {
	n := []int{1000, 1024, 1040, 2100}
	for i := range 68 {
		n = append(n, i)
	}
	return n
}

// gaussFill draws parameters with ln sigma up to spread and means up to width standard
// deviations of a typical one apart.
func gaussFill(rng *rand.Rand, form ScaleForm, n int, spread float64) (mu, s []float32) {
	mu = randRow(n, func() float64 { return 2 * rng.NormFloat64() })
	return mu, randRow(n, func() float64 { return drawScale(rng, form, spread) })
}

// gaussOf and gradOf are the arguments that two slices make, nil where there are none.
func gaussOf[T Float](mu, s []T, form ScaleForm, ld int) *Gauss[T] {
	if mu == nil && s == nil {
		return nil
	}
	return &Gauss[T]{Mu: mu, S: s, Ld: ld, Form: form}
}

func gradOf[T Float](dmu, ds []T) *GaussGrad[T] {
	if dmu == nil && ds == nil {
		return nil
	}
	return &GaussGrad[T]{dmu, ds}
}

func TestGaussKLOracle(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, form := range gaussForms {
			var worst, near, worst64 worstRatio
			for _, n := range gaussSizes() {
				rng := rand.New(rand.NewPCG(uint64(n), 1))
				for _, spread := range []float64{0.01, 2, 6} {
					muQ, sQ := gaussFill(rng, form, n, spread)
					muP, sP := gaussFill(rng, form, n, spread)
					if spread == 0.01 { // q near p
						for j := range muP {
							muP[j] = muQ[j] * (1 + float32(0.01*rng.NormFloat64()))
						}
					}
					want, size, wantStd, sizeStd, maxLog := 0.0, 0.0, 0.0, 0.0, 0.0
					for j := range n {
						m, s := float64(muQ[j]), float64(sQ[j])
						v, a := oracleKLTerm(form, form, m, s, float64(muP[j]), float64(sP[j]))
						want, size = want+v, size+a
						maxLog = max(maxLog, math.Abs(oracleLogSigma(form, s)-oracleLogSigma(form, float64(sP[j]))))
						v, a = oracleKLTerm(form, Sigma, m, s, 0, 1)
						wantStd, sizeStd = wantStd+v, sizeStd+a
					}
					what := fmt.Sprintf("%v n=%d spread %v: kl", form, n, spread)
					kl, std := []float32{-7}, []float32{-7}
					GaussKL(kl, gaussOf(muQ, sQ, form, n), gaussOf(muP, sP, form, n), 1, n)
					GaussKLStandard(std, gaussOf(muQ, sQ, form, n), 1, n)
					w := &worst
					if spread == 0.01 {
						w = &near
					}
					w.within(t, what, float64(kl[0]), want, klBound(n, size, maxLog))
					w.within(t, what+" standard", float64(std[0]), wantStd, klBound(n, sizeStd, maxLog))
					kl64 := []float64{-7}
					GaussKL(kl64, gaussOf(widen(muQ), widen(sQ), form, n), gaussOf(widen(muP), widen(sP), form, n), 1, n)
					worst64.within(t, what+" float64", kl64[0], want, 1e-13*(1+size))
				}
			}
			t.Logf("%v: at most %.3f of the bound, q near p %.3f", form, worst, near)
		}
	})
}

func TestGaussLogProbOracle(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, form := range gaussForms {
			var worst, worst64 worstRatio
			for _, n := range gaussSizes() {
				rng := rand.New(rand.NewPCG(uint64(n), 2))
				for _, spread := range []float64{0.01, 2, 6} {
					mu, s := gaussFill(rng, form, n, spread)
					x := randRow(n, rng.NormFloat64)
					want, size := 0.0, 0.0
					for j := range n {
						v, a := oracleLogProbTerm(form, float64(x[j]), float64(mu[j]), float64(s[j]))
						want, size = want+v, size+a
					}
					what := fmt.Sprintf("%v n=%d spread %v: lp", form, n, spread)
					lp := []float32{-7}
					GaussLogProb(lp, x, gaussOf(mu, s, form, n), 1, n)
					worst.within(t, what, float64(lp[0]), want, lpBound(n, size))
					lp64 := []float64{-7}
					GaussLogProb(lp64, widen(x), gaussOf(widen(mu), widen(s), form, n), 1, n)
					worst64.within(t, what+" float64", lp64[0], want, 1e-13*(1+size))
				}
			}
			t.Logf("%v: at most %.3f of the bound", form, worst)
		}
	})
}

// TestSigma: sigma and its derivative in every form, over all binades.
func TestSigma(t *testing.T) {
	step := uint32(8009)
	if *exhaustive {
		step = 101 // minutes, not hours: the parts are swept without gaps in TestScalarAccuracy
	} else if testing.Short() {
		step = 40009
	}
	for _, form := range gaussForms[1:] {
		bound, dbound := 1.0, 1.0
		if form.isSoftplus() {
			bound, dbound = 2.5, 2.6
		}
		worst, dworst := 0.0, 0.0
		for i := uint32(0); i < 255<<23; i += min(step, 255<<23-i) {
			for _, s := range []float32{math.Float32frombits(i), -math.Float32frombits(i)} {
				sigma, d := math.Exp(oracleLogSigma(form, float64(s))), oracleDSigma(form, float64(s))
				if form.isSoftplus() {
					sigma = oracleSoftplus(float64(s)) + form.Floor()
				}
				worst = max(worst, asmtest.ULP(sigma32(form, s), sigma))
				if sigma < math.MaxFloat32 { // LogVar halves it
					dworst = max(dworst, asmtest.ULP(dSigma32(form, s), d))
				}
			}
		}
		t.Logf("%v: sigma within %.3f ULP, its derivative %.3f", form, worst, dworst)
		if worst > bound || dworst > dbound {
			t.Errorf("%v: %v ULP, bound %v; derivative %v, bound %v", form, worst, bound, dworst, dbound)
		}
	}
}

// TestGaussSample: z is one fma of sigma, and its gradient one of dsigma/ds.
func TestGaussSample(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		const rows, n = 7, 67
		for _, form := range gaussForms {
			rng := rand.New(rand.NewPCG(uint64(form), 3))
			mu, s := gaussFill(rng, form, rows*n, 5)
			eps, dz := randRow(rows*n, rng.NormFloat64), randRow(rows*n, rng.NormFloat64)
			z, dmu, ds := make([]float32, rows*n), slices.Clone(mu), slices.Clone(eps)
			GaussSample(z, gaussOf(mu, s, form, n), eps, rows, n)
			GaussSampleBackward(gradOf(dmu, ds), dz, gaussOf(nil, s, form, n), eps, rows, n)
			var worst worstRatio
			for i := range z {
				sigma, d := math.Exp(oracleLogSigma(form, float64(s[i]))), oracleDSigma(form, float64(s[i]))
				e, m, g := float64(eps[i]), float64(mu[i]), float64(dz[i])
				worst.within(t, "z", float64(z[i]), m+sigma*e, gaussU*(math.Abs(m+sigma*e)+5.1*math.Abs(sigma*e)))
				worst.within(t, "dmu", float64(dmu[i]), m+g, gaussU*math.Abs(m+g))
				worst.within(t, "ds", float64(ds[i]), e+g*e*d, gaussU*(math.Abs(e+g*e*d)+6.4*math.Abs(g*e*d)))
			}
			t.Logf("%v: at most %.3f of the bound", form, worst)
		}
	})
}

// TestGaussSame: the divergence of a Gaussian from itself is exactly 0, and so are its
// gradients, for every mantissa in the plain range and beyond it.
func TestGaussSame(t *testing.T) {
	step := uint32(97)
	if *exhaustive {
		step = 1
	} else if testing.Short() {
		step = 1021
	}
	var s, mu, kl, d [4][64]float32
	for m := uint32(0); m < 1<<23; {
		for i := range 64 {
			for k, e := range []uint32{67, 127, 187, 1} { // near 2^-60, 1, near 2^60, 2^-126
				s[k][i] = math.Float32frombits(e<<23 | m&(1<<23-1))
			}
			m += step
		}
		for k := range s {
			GaussKLBackward(kl[k][:], gradOf(d[0][:], d[1][:]), gradOf(d[2][:], d[3][:]), slices.Repeat([]float32{1}, 64), gaussOf(mu[k][:], s[k][:], Sigma, 1), gaussOf(mu[k][:], s[k][:], Sigma, 1), 64, 1)
			for i, v := range kl[k] {
				if v != 0 || d[0][i] != 0 || d[1][i] != 0 || d[2][i] != 0 || d[3][i] != 0 {
					t.Fatalf("sigma = %x: KL(q, q) = %v, gradients %v %v %v %v", s[k][i], v, d[0][i], d[1][i], d[2][i], d[3][i])
				}
			}
		}
	}
	rng := rand.New(rand.NewPCG(5, 6))
	for _, form := range gaussForms {
		mu, s := gaussFill(rng, form, 1000, 60)
		kl := make([]float32, 1)
		GaussKL(kl, gaussOf(mu, s, form, 1000), gaussOf(mu, s, form, 1000), 1, 1000)
		if kl[0] != 0 {
			t.Errorf("%v: KL(q, q) = %v", form, kl[0])
		}
	}
}

// TestGaussKLNotNegative looks where rounding makes the sum negative: near 0.
func TestGaussKLNotNegative(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	const rows, z = 300, 40
	for _, form := range gaussForms {
		clamped := 0
		for _, near := range []float64{1e-6, 1e-5, 1e-4, 1e-3} {
			muQ, sQ := gaussFill(rng, form, rows*z, 3)
			muP, sP := slices.Clone(muQ), slices.Clone(sQ)
			for j := range sP {
				sP[j] *= 1 + float32(near*rng.NormFloat64())
			}
			kl := make([]float32, rows)
			GaussKL(kl, gaussOf(muQ, sQ, form, z), gaussOf(muP, sP, form, z), rows, z)
			for _, v := range kl {
				if v < 0 || v > 1e-3 {
					t.Fatalf("%v: KL = %v", form, v)
				}
				if v == 0 {
					clamped++
				}
			}
		}
		if clamped == 0 && form.isLog() { // the product of the others rounds down, if anything
			t.Errorf("%v: no row at 0: the test does not see the clamp", form)
		}
	}
}

// TestGaussBackward compares the float64 gradients with finite differences, and the float32
// ones with the float64 ones, within the bounds of the doc comments.
func TestGaussBackward(t *testing.T) {
	const rows, n, ld = 3, 5, 12
	for _, form := range gaussForms {
		rng := rand.New(rand.NewPCG(uint64(form), 9))
		muQ, sQ := gaussFill(rng, form, rows*ld, 1.5)
		muP, sP := gaussFill(rng, form, rows*ld, 1.5)
		x := randRow(rows*n, rng.NormFloat64)
		w := randRow(rows, rng.NormFloat64)
		mq, sq, mp, sp, x64, w64 := widen(muQ), widen(sQ), widen(muP), widen(sP), widen(x), widen(w)
		val := make([]float64, rows)
		dot := func() (s float64) {
			for i, v := range val {
				s += v * w64[i]
			}
			return s
		}
		new64 := func(size int) []float64 { return make([]float64, size) }
		new32 := func(size int) []float32 { return make([]float32, size) }

		a, b, c, d := new64(rows*ld), new64(rows*ld), new64(rows*ld), new64(rows*ld)
		GaussKLBackward(nil, gradOf(a, b), gradOf(c, d), w64, gaussOf(mq, sq, form, ld), gaussOf(mp, sp, form, ld), rows, n)
		kl := func() float64 {
			GaussKL(val, gaussOf(mq, sq, form, ld), gaussOf(mp, sp, form, ld), rows, n)
			return dot()
		}
		what := form.String() + " KL "
		checkDiff(t, what+"dmuQ", kl, mq, a)
		checkDiff(t, what+"dsQ", kl, sq, b)
		checkDiff(t, what+"dmuP", kl, mp, c)
		checkDiff(t, what+"dsP", kl, sp, d)
		a, b = new64(rows*ld), new64(rows*ld)
		GaussKLStandardBackward(nil, gradOf(a, b), w64, gaussOf(mq, sq, form, ld), rows, n)
		kl = func() float64 { GaussKLStandard(val, gaussOf(mq, sq, form, ld), rows, n); return dot() }
		checkDiff(t, what+"standard dmu", kl, mq, a)
		checkDiff(t, what+"standard ds", kl, sq, b)
		a, b, c = new64(rows*ld), new64(rows*ld), new64(rows*n)
		GaussLogProbBackward(nil, c, gradOf(a, b), w64, x64, gaussOf(mq, sq, form, ld), rows, n)
		lp := func() float64 { GaussLogProb(val, x64, gaussOf(mq, sq, form, ld), rows, n); return dot() }
		what = form.String() + " log-density "
		checkDiff(t, what+"dx", lp, x64, c)
		checkDiff(t, what+"dmu", lp, mq, a)
		checkDiff(t, what+"ds", lp, sq, b)

		// float32, with wider scales.
		muQ, sQ = gaussFill(rng, form, rows*ld, 5)
		muP, sP = gaussFill(rng, form, rows*ld, 5)
		mq, sq, mp, sp = widen(muQ), widen(sQ), widen(muP), widen(sP)
		var mu, sig worstRatio
		a, b, c, d = new64(rows*ld), new64(rows*ld), new64(rows*ld), new64(rows*ld)
		e, f, g, h := new32(rows*ld), new32(rows*ld), new32(rows*ld), new32(rows*ld)
		GaussKLBackward(nil, gradOf(a, b), gradOf(c, d), w64, gaussOf(mq, sq, form, ld), gaussOf(mp, sp, form, ld), rows, n)
		GaussKLBackward(nil, gradOf(e, f), gradOf(g, h), w, gaussOf(muQ, sQ, form, ld), gaussOf(muP, sP, form, ld), rows, n)
		bounds := func(i, j int) (q, p float64) { // in u, of dsQ and dsP
			at := i*ld + j
			lq, lp := oracleLogSigma(form, sq[at]), oracleLogSigma(form, sp[at])
			r, t := math.Exp(lq-lp), oracleScore(form, mq[at], mp[at], sp[at])
			dq, dp := math.Exp(-lq)*oracleDSigma(form, sq[at]), math.Exp(-lp)*oracleDSigma(form, sp[at])
			v := (24 + 2*math.Abs(lq-lp)) * gaussU * math.Abs(w64[i])
			return v * (r*r + 1) * dq, v * (r*r + 1 + t*t) * dp
		}
		for i := range rows {
			for j := range n {
				at := i*ld + j
				bq, bp := bounds(i, j)
				what := fmt.Sprintf("%v KL row %d dim %d ", form, i, j)
				mu.within(t, what+"dmuQ", float64(e[at]), a[at], 24*gaussU*math.Abs(a[at]))
				mu.within(t, what+"dmuP", float64(g[at]), c[at], 24*gaussU*math.Abs(c[at]))
				sig.within(t, what+"dsQ", float64(f[at]), b[at], bq)
				sig.within(t, what+"dsP", float64(h[at]), d[at], bp)
			}
		}
		a, b, c, d = new64(rows*ld), new64(rows*ld), new64(rows*n), nil
		x32, e, f := new32(rows*n), new32(rows*ld), new32(rows*ld)
		GaussLogProbBackward(nil, c, gradOf(a, b), w64, x64, gaussOf(mq, sq, form, ld), rows, n)
		GaussLogProbBackward(nil, x32, gradOf(e, f), w, x, gaussOf(muQ, sQ, form, ld), rows, n)
		for i := range rows {
			for j := range n {
				at := i*ld + j
				what := fmt.Sprintf("%v log-density row %d dim %d ", form, i, j)
				t1 := oracleScore(form, x64[i*n+j], mq[at], sq[at])
				bound := 24 * gaussU * math.Abs(w64[i]) * (t1*t1 + 1) * math.Exp(-oracleLogSigma(form, sq[at])) * oracleDSigma(form, sq[at])
				mu.within(t, what+"dmu", float64(e[at]), a[at], 24*gaussU*math.Abs(a[at]))
				mu.within(t, what+"dx", float64(x32[i*n+j]), c[i*n+j], 24*gaussU*math.Abs(c[i*n+j]))
				sig.within(t, what+"ds", float64(f[at]), b[at], bound)
			}
		}
		t.Logf("%v: dmu at most %.3f of its bound, ds %.3f", form, mu, sig)
	}
}

// oracleDSigma is dsigma/ds.
func oracleDSigma(form ScaleForm, s float64) float64 {
	switch {
	case form == LogSigma:
		return math.Exp(s)
	case form == LogVar:
		return math.Exp(s/2) / 2
	case form.isSoftplus():
		return oracleSigmoid(s)
	}
	return 1
}

// TestGaussExtremes: with |ln sigma| up to 80 and means up to the largest float32 nothing is
// NaN, what fits in float32 is finite and right, and the rest is Inf of the right sign; the
// gradients too.
func TestGaussExtremes(t *testing.T) {
	means := []float32{0, 1, -3, 1e-38, 1e-20, 1e10, -1e19, 3e38, -3e38}
	logs := []float64{-80, -79.5, -60, -44.4, -41.6, -41.5, -30, -1, 0, 2, 25, 41.6, 44.3, 60, 80}
	if testing.Short() {
		means = []float32{0, 1, -1e19, 3e38, -3e38}
	}
	check := func(what string, got float32, want, bound float64) {
		t.Helper()
		const edge = 3.4028236e38 // where rounding alone decides between finite and Inf
		switch {
		case got != got,
			math.Abs(want) > edge*(1+1e-4) && float64(got) != math.Inf(int(math.Copysign(1, want))),
			math.Abs(want) < edge*(1-1e-4) && !(math.Abs(float64(got)-want) <= bound+0x1p-140):
			t.Errorf("%s = %v, want %v within %.3g", what, got, want, bound)
		}
	}
	one := []float32{1}
	for _, form := range gaussForms {
		sOf := func(l float64) float32 {
			switch {
			case form == LogSigma:
				return float32(l)
			case form == LogVar:
				return float32(2 * l)
			case form.isSoftplus():
				if l < 25 {
					return float32(4 * l) // down to -320: sigma is the floor, with no gradient left
				}
			}
			return float32(math.Exp(l))
		}
		for _, lq := range logs {
			sq := []float32{sOf(lq)}
			for _, mq := range means {
				for _, lp := range logs {
					sp := []float32{sOf(lp)}
					for _, mp := range means {
						muQ, muP, kl, lpr := []float32{mq}, []float32{mp}, []float32{0}, []float32{0}
						a, b, c, d := []float32{0}, []float32{0}, []float32{0}, []float32{0}
						what := fmt.Sprintf("%v q %v %v, p %v %v: ", form, mq, sq[0], mp, sp[0])

						sig, l := math.Exp(oracleLogSigma(form, float64(sp[0]))), oracleLogSigma(form, float64(sq[0]))-oracleLogSigma(form, float64(sp[0]))
						sigQ, r, z := sig*math.Exp(l), math.Exp(l), oracleScore(form, float64(mq), float64(mp), float64(sp[0]))
						dq, dp := oracleDSigma(form, float64(sq[0])), oracleDSigma(form, float64(sp[0]))
						u := (24 + 2*math.Abs(l)) * gaussU
						ds := func(what string, got float32, dsigma, size, d float64) {
							t.Helper()
							if form.isSoftplus() && math.Abs(dsigma) > 3e38 { // the limit the comment names
								if got != got {
									t.Errorf("%s is NaN", what)
								}
								return
							}
							check(what, got, dsigma*d, u*size*d+0x1p-149*size) // d may be denormal
						}

						want, size := oracleKLTerm(form, form, float64(mq), float64(sq[0]), float64(mp), float64(sp[0]))
						GaussKL(kl, gaussOf(muQ, sq, form, 1), gaussOf(muP, sp, form, 1), 1, 1)
						check(what+"KL", kl[0], want, klBound(1, size, math.Abs(l)))
						GaussKLBackward(nil, gradOf(a, b), gradOf(c, d), one, gaussOf(muQ, sq, form, 1), gaussOf(muP, sp, form, 1), 1, 1)
						check(what+"KL dmuQ", a[0], z/sig, u*math.Abs(z/sig))
						check(what+"KL dmuP", c[0], -z/sig, u*math.Abs(z/sig))
						ds(what+"KL dsQ", b[0], (r*r-1)/sigQ, (r*r+1)/sigQ, dq)
						ds(what+"KL dsP", d[0], -(r*r-1+z*z)/sig, (r*r+1+z*z)/sig, dp)

						want, size = oracleLogProbTerm(form, float64(mq), float64(mp), float64(sp[0]))
						GaussLogProbBackward(lpr, a, gradOf(b, c), one, muQ, gaussOf(muP, sp, form, 1), 1, 1)
						check(what+"log-density", lpr[0], want, lpBound(1, size))
						check(what+"log-density dx", a[0], -z/sig, u*math.Abs(z/sig))
						check(what+"log-density dmu", b[0], z/sig, u*math.Abs(z/sig))
						ds(what+"log-density ds", c[0], (z*z-1)/sig, (z*z+1)/sig, dp)
					}
				}
			}
		}
	}
}
