package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
)

// biOracle is a bivariate Gaussian in float64, as N(x1) N(x2 | x1): another equation than the
// kernel's. u2 - rho u1 is formed so that nothing cancels where rho is close to 1 or -1.
type biOracle struct {
	lp, q          float64 // log-density, quadratic form
	u1, u2, g1, g2 float64 // scores, and the derivatives of q
	dr             float64 // derivative of lp
	size           float64 // of the other terms of lp
}

func newBiOracle(form ScaleForm, x1, x2, mu1, mu2, s1, s2, r float64) (o biOracle) {
	o.u1, o.u2 = oracleScore(form, x1, mu1, s1), oracleScore(form, x2, mu2, s2)
	l1, l2 := oracleLogSigma(form, s1), oracleLogSigma(form, s2)
	sign := math.Copysign(1, r)
	rest := o.u2 - sign*o.u1 + sign*o.u1*2/(math.Exp(2*math.Abs(r))+1) // u2 - rho u1
	z := rest * math.Cosh(r)
	lnCosh := math.Abs(r) + math.Log1p(math.Exp(-2*math.Abs(r))) - math.Ln2
	o.q = (o.u1*o.u1 + z*z) / 2
	o.lp = -math.Log(2*math.Pi) - l1 - l2 + lnCosh - o.q
	o.g2 = z * math.Cosh(r)
	o.g1 = o.u1 - math.Tanh(r)*o.g2
	o.dr = math.Tanh(r) - z*(z*math.Tanh(r)-o.u1/math.Cosh(r))
	o.size = 2 * (math.Abs(r) + math.Abs(l1) + math.Abs(l2))
	return o
}

// bound is that of the doc comment. In u, for SoftplusSigma: the scores 8 (softplus 4, one each of
// adding ScaleEps, the inverse, the difference and the product), which makes 8 |g u| of each; e^a
// and its inverse 3, with the difference and the product 6 of t, 12 of its square, and 3 of the
// sums; of the logarithm 16 of the two sigmas and 6 of its own; the sums are of five terms.
func (o *biOracle) bound() float64 {
	return gaussU * (24 + 2*math.Abs(o.lp) + o.size + 16*o.q + 8*(math.Abs(o.g1*o.u1)+math.Abs(o.g2*o.u2)))
}

// spread is (|u1|+|u2|) cosh(r)^2, to which the errors of the derivatives of q are proportional.
func (o *biOracle) spread(r float64) float64 {
	return (math.Abs(o.u1) + math.Abs(o.u2)) * math.Cosh(r) * math.Cosh(r)
}

// drawTheta fills a row of a bivariate mixture, with correlations up to corr before tanh.
func drawTheta(rng *rand.Rand, form ScaleForm, k int, spread, corr float64) []float32 {
	theta := randRow(1+6*k, rng.NormFloat64)
	for c := range k {
		theta[biAt(biS1, k, c)] = float32(drawScale(rng, form, spread))
		theta[biAt(biS2, k, c)] = float32(drawScale(rng, form, spread))
		theta[biAt(biCorr, k, c)] = float32(corr * (2*rng.Float64() - 1))
		theta[biAt(biLogits, k, c)] *= 3
	}
	return theta
}

func TestBivariateOracle(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, form := range gaussForms {
			rng := rand.New(rand.NewPCG(uint64(form), 61))
			var worst, resp, grad, worst64 worstRatio
			ks := []int{1, 2, 5, 15, 16, 17, 20, 33, 50}
			if testing.Short() {
				ks = []int{1, 5, 20}
			}
			for _, k := range ks {
				for _, corr := range []float64{0, 0.5, 2, 6, 15} {
					what := fmt.Sprintf("%v k=%d corr=%v: ", form, k, corr)
					theta := drawTheta(rng, form, k, 2, corr)
					y := []float32{float32(rng.IntN(2)), float32(rng.NormFloat64()), float32(rng.NormFloat64())}
					at := func(plane, c int) float64 { return float64(theta[biAt(plane, k, c)]) }
					var comps []biOracle
					var joint []float64
					logits := oracleLogits(theta[biAt(biLogits, k, 0):])
					for c := range k {
						o := newBiOracle(form, float64(y[1]), float64(y[2]), at(biMu1, c), at(biMu2, c), at(biS1, c), at(biS2, c), at(biCorr, c))
						comps = append(comps, o)
						joint = append(joint, o.lp+logits[c])
					}
					all, prior := oracleLSE(joint), oracleLSE(logits)
					l, pen := float64(theta[0]), float64(y[0])
					b := 1 / (1 + math.Exp(-l))
					want := all - prior + pen*math.Log(b) + (1-pen)*math.Log1p(-b)
					bound := 0.0
					for c, o := range comps {
						if e := o.bound() + gaussU*(math.Abs(logits[c])+math.Abs(joint[c])); joint[c] > all-30-e {
							bound = max(bound, e)
						}
					}
					bound += mixtureBound(k, want) + gaussU*16*(1+math.Abs(l))

					lp, w, dtheta, dy := []float32{-7}, []float32{-1.5}, make([]float32, len(theta)), make([]float32, 3)
					BivariateMixtureLogProb(lp, y, bivariateOf(theta, form, k, 1+6*k), 1)
					worst.within(t, what+"lp", float64(lp[0]), want, bound)
					BivariateMixtureLogProbBackward(nil, dy, bivariateGradOf(dtheta), w, y, bivariateOf(theta, form, k, 1+6*k), 1)
					lp64, d64, dy64 := []float64{0}, make([]float64, len(theta)), make([]float64, 3)
					BivariateMixtureLogProbBackward(lp64, dy64, bivariateGradOf(d64), widen(w), widen(y), bivariateOf(widen(theta), form, k, 1+6*k), 1)
					worst64.within(t, what+"float64 lp", lp64[0], want, bound*0x1p-26)
					grad.within(t, what+"dpenLogit", float64(dtheta[0]), -1.5*(pen-b), 16*gaussU)
					grad.within(t, what+"dpen", float64(dy[0]), -1.5*l, 4*gaussU*math.Abs(l))
					for c, o := range comps {
						p, pi := math.Exp(joint[c]-all), math.Exp(logits[c]-prior)
						off := 4*gaussU*p + math.Exp(joint[c]-all+bound+o.bound()) - p // how far p is off
						resp.within(t, what+"dlogits", float64(dtheta[biAt(biLogits, k, c)]), -1.5*(p-pi),
							1.5*(off+30*gaussU*pi+4*gaussU*(p+pi)+0x1p-126))
						r, e := at(biCorr, c), 40*gaussU
						check := func(plane int, want, size, scale float64) {
							t.Helper()
							q := 1.5 * p * scale
							// A result below the normal numbers, or a factor p that is, loses digits.
							bound := 1.5*scale*off*math.Abs(want) + q*e*size + 0x1p-126*scale*(1+size)
							grad.within(t, fmt.Sprintf("%sgradient %d of %d", what, plane, c), float64(dtheta[biAt(plane, k, c)]), -q*want, bound)
							grad.within(t, fmt.Sprintf("%sfloat64 gradient %d of %d", what, plane, c), d64[biAt(plane, k, c)], -q*want, 0x1p-26*bound+0x1p-900)
						}
						spread := o.spread(r)
						for i, g := range [2]float64{o.g1, o.g2} {
							s, u := at(biS1+i, c), [2]float64{o.u1, o.u2}[i]
							inv := math.Exp(-oracleLogSigma(form, s))
							check(biMu1+i, g, spread, inv)
							check(biS1+i, g*u-1, 1+math.Abs(u)*spread, inv*oracleDSigma(form, s))
						}
						check(biCorr, o.dr, 1+(math.Abs(o.u1)+math.Abs(o.u2))*spread, 1)
					}
				}
			}
			t.Logf("%v: lp at most %.3f of its bound, dlogits %.3f, others %.3f; float64 lp %.3f", form, worst, resp, grad, worst64)
		}
	})
}

func TestBivariateFiniteDifferences(t *testing.T) {
	const rows, k, ld = 2, 3, 21
	for _, form := range gaussForms {
		rng := rand.New(rand.NewPCG(uint64(form), 62))
		var theta []float64
		for range rows {
			theta = append(append(theta, widen(drawTheta(rng, form, k, 0.7, 1.5))...), 0, 0)
		}
		y := widen(randRow(3*rows, rng.NormFloat64))
		w, lp := []float64{1.3, -0.4}, make([]float64, rows)
		dy, dtheta := make([]float64, len(y)), make([]float64, len(theta))
		f := func() float64 {
			BivariateMixtureLogProb(lp, y, bivariateOf(theta, form, k, ld), rows)
			return lp[0]*w[0] + lp[1]*w[1]
		}
		BivariateMixtureLogProbBackward(nil, dy, bivariateGradOf(dtheta), w, y, bivariateOf(theta, form, k, ld), rows)
		checkDiff(t, form.String()+" mixture dy", f, y, dy)
		checkDiff(t, form.String()+" mixture dtheta", f, theta, dtheta)

		f = func() float64 {
			BivariateLogProb(lp, y, bivariateOf(theta, form, 1, 7), rows)
			return lp[0]*w[0] + lp[1]*w[1]
		}
		single := append(widen(drawTheta(rng, form, 1, 0.7, 1.5)), widen(drawTheta(rng, form, 1, 0.7, 1.5))...)
		theta = single
		clear(dtheta)
		BivariateLogProbBackward(nil, dy, bivariateGradOf(dtheta), w, y, bivariateOf(theta, form, 1, 7), rows)
		checkDiff(t, form.String()+" dy", f, y, dy)
		checkDiff(t, form.String()+" dtheta", f, theta, dtheta[:len(theta)])
	}
}

// TestBivariateSingle: without the logit, a row is a mixture of one component; and one with r = 0
// is two Gaussians.
func TestBivariateSingle(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, form := range gaussForms {
			for _, rows := range []int{0, 1, 2, 3, 130} {
				rng := rand.New(rand.NewPCG(uint64(form), uint64(rows)))
				var theta, mixture []float32
				for range rows {
					row := drawTheta(rng, form, 1, 2, 5)
					row[biAt(biLogits, 1, 0)] = 0
					theta, mixture = append(theta, row[:6]...), append(mixture, row...)
				}
				y, w := randRow(3*rows, rng.NormFloat64), randRow(rows, rng.NormFloat64)
				var lp, dy, d [2][]float32
				for i := range lp {
					lp[i], dy[i], d[i] = make([]float32, rows), make([]float32, 3*rows), make([]float32, 7*rows)
				}
				BivariateLogProb(lp[0], y, bivariateOf(theta, form, 1, 6), rows)
				BivariateMixtureLogProb(lp[1], y, bivariateOf(mixture, form, 1, 7), rows)
				asmtest.SameFloats(t, "lp", lp[0], lp[1])
				clear(lp[0])
				BivariateLogProbBackward(lp[0], dy[0], bivariateGradOf(d[0]), w, y, bivariateOf(theta, form, 1, 6), rows)
				BivariateMixtureLogProbBackward(lp[1], dy[1], bivariateGradOf(d[1]), w, y, bivariateOf(mixture, form, 1, 7), rows)
				asmtest.SameFloats(t, "lp of the backward pass", lp[0], lp[1])
				asmtest.SameFloats(t, "dy", dy[0], dy[1])
				for i := range rows {
					asmtest.SameFloats(t, "dtheta", d[0][6*i:][:6], d[1][7*i:][:6])
					if g := d[1][7*i+6]; g != 0 {
						t.Errorf("the gradient of the only logit is %v", g)
					}
				}
			}
		}
	})
	theta, y, lp := []float32{0, 0.5, -1, 0.25, -0.5, 0}, []float32{1, 0.7, -0.3}, []float32{0}
	BivariateLogProb(lp, y, bivariateOf(theta, LogSigma, 1, 6), 1)
	want := []float32{0}
	GaussLogProb(want, y[1:], gaussOf(theta[1:], theta[3:], LogSigma, 2), 1, 2)
	if d := lp[0] - (want[0] - math.Ln2); math.Abs(float64(d)) > 1e-6 {
		t.Errorf("r = 0: %v, want %v", lp[0], want[0]-math.Ln2)
	}
}

// TestBivariateExtremes: full correlation, the ends of the scales, far points, special logits.
func TestBivariateExtremes(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	const base = -1.8378770664 - math.Ln2 // ln N at the mean of a standard one, and a pen logit of 0
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, c := range []struct {
			name       string
			form       ScaleForm
			x1, x2     float32
			mu, s1, s2 float32
			r          float32
			want       float64
		}{
			{"full correlation, at the mean", LogSigma, 0, 0, 0, 0, 0, 40, base + 40 - math.Ln2},
			{"on the diagonal", LogSigma, 1, 1, 0, 0, 0, 60, base + 60 - math.Ln2 - 0.5},
			{"on the other one", LogSigma, 1, -1, 0, 0, 0, -60, base + 60 - math.Ln2 - 0.5},
			{"off the diagonal", LogSigma, 1, 1 + 0x1p-20, 0, 0, 0, 20, base + 20 - math.Ln2 - 0.5 - math.Exp(40)*0x1p-43},
			{"far off", LogSigma, 1, -1, 0, 0, 0, 60, math.Inf(-1)},
			{"end of r", LogSigma, 0, 0, 0, 0, 0, 80, base + 80 - math.Ln2},
			{"beyond r", LogSigma, 0, 0, 0, 0, 0, -3e38, base + 80 - math.Ln2},
			{"r = Inf", LogSigma, 2, 2, 2, 0, 0, inf, base + 80 - math.Ln2},
			{"narrow", LogSigma, 1, 1, 1, -80, -80, 0, base + 160},
			{"wide", LogSigma, 1, 1, 1, 80, 80, 0, base - 160},
			{"end of sigma", LogVar, 1, 1, 1, -1e30, -inf, 0, base + 240*math.Ln2},
			{"sigma = 0", Sigma, 1, 1, 1, 0, 0x1p-130, 0, base + 240*math.Ln2},
			{"sigma = Inf", Sigma, 1, 1, 1, inf, 0x1p127, 0, base - 240*math.Ln2},
			{"sigma < 0", Sigma, 1, 1, 1, -1, 1, 0, math.NaN()},
			{"difference above float32", LogSigma, 3e38, -3e38, -3e38, 80, 0, 0, base - 80 - 0.5*math.Pow(6e38*math.Exp(-80), 2)},
			{"far and wide", LogSigma, 3e38, 0, -3e38, 80, 83, 80, math.Inf(-1)},
			{"softplus", SoftplusSigma, 0, 0, 0, -200, 3e38, 0, base - math.Log(ScaleEps) - 120*math.Ln2},
			{"NaN r", LogSigma, 0, 0, 0, 0, 0, nan, math.NaN()},
		} {
			theta := []float32{0, c.mu, c.mu, c.s1, c.s2, c.r}
			y, lp, lp2 := []float32{0, c.x1, c.x2}, []float32{-7}, []float32{-7}
			BivariateLogProb(lp, y, bivariateOf(theta, c.form, 1, 6), 1)
			if got := float64(lp[0]); got != c.want && !(math.Abs(got-c.want) < 3e-5*max(1, math.Abs(c.want))) && (got == got || c.want == c.want) {
				t.Errorf("%s: lp = %v, want %v", c.name, got, c.want)
			}
			d := make([]float32, 6)
			BivariateLogProbBackward(lp2, nil, bivariateGradOf(d), []float32{1}, y, bivariateOf(theta, c.form, 1, 6), 1)
			if !asmtest.SameBits(lp2[0], lp[0]) {
				t.Errorf("%s: lp = %v in the backward pass, want %v", c.name, lp2[0], lp[0])
			}
			for i, g := range d[1:] {
				if c.want == c.want && (g != g || math.IsInf(c.want, -1) && g != 0) {
					t.Errorf("%s: gradient %d is %v", c.name, i, g)
				}
			}
		}
		// Two components at the mean; what is far, off or certain.
		for _, c := range []struct {
			name           string
			pen, penLogit  float32
			far            float32
			logit1, logit2 float32
			want           float64
		}{
			{"equal", 0, 0, 0, 3, 3, base},
			{"one far", 0, 0, 1e30, 0, 0, base - math.Ln2},
			{"one off", 0, 0, 0, -inf, 3, base},
			{"far and off", 0, 0, 1e30, 0, -inf, math.Inf(-1)},
			{"all off", 0, 0, 0, -inf, -inf, math.NaN()},
			{"Inf logit", 0, 0, 0, inf, 0, math.NaN()},
			{"large logits", 0, 0, 0, 3e38, 3e38, base},
			{"certain pen", 1, inf, 0, 0, 0, base + math.Ln2},
			{"wrong pen", 0, 3e38, 0, 0, 0, -3e38},
			{"impossible pen", 0, inf, 0, 0, 0, math.Inf(-1)},
			{"no pen", 0, -200, 0, 0, 0, base + math.Ln2},
		} {
			theta := []float32{c.penLogit, c.far, 0, 0, 0, 0, 0, 0, 0, 0, 0, c.logit1, c.logit2}
			y, lp, lp2 := []float32{c.pen, 0, 0}, []float32{-7}, []float32{-7}
			BivariateMixtureLogProb(lp, y, bivariateOf(theta, LogSigma, 2, 13), 1)
			if got := float64(lp[0]); got != c.want && !(math.Abs(got-c.want) < 1e-5*max(1, math.Abs(c.want))) && (got == got || c.want == c.want) {
				t.Errorf("%s: lp = %v, want %v", c.name, got, c.want)
			}
			d, dy := make([]float32, 13), make([]float32, 3)
			BivariateMixtureLogProbBackward(lp2, dy, bivariateGradOf(d), []float32{1}, y, bivariateOf(theta, LogSigma, 2, 13), 1)
			if !asmtest.SameBits(lp2[0], lp[0]) {
				t.Errorf("%s: lp = %v in the backward pass, want %v", c.name, lp2[0], lp[0])
			}
			for i, g := range append(d, dy[1:]...) {
				if c.want == c.want && g != g {
					t.Errorf("%s: gradient %d is NaN", c.name, i)
				}
			}
		}
	})
	lp := []float32{0}
	BivariateMixtureLogProb(lp, make([]float32, 3), bivariateOf([]float32{0}, Sigma, 0, 1), 1)
	if lp[0] == lp[0] {
		t.Errorf("no component: lp = %v", lp[0])
	}
}

// TestBivariateFinite: finite arguments never give NaN, however far they are from sense.
func TestBivariateFinite(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 63))
		draw := func() float32 {
			switch rng.IntN(4) {
			case 0:
				return float32(rng.NormFloat64())
			case 1:
				return 0
			}
			return float32(math.Copysign(math.Ldexp(1+rng.Float64(), rng.IntN(276)-149), rng.NormFloat64()))
		}
		calls := 3000
		if testing.Short() {
			calls = 500
		}
		for range calls {
			k := 1 + rng.IntN(20)
			form := ScaleForm(rng.IntN(4))
			theta, y := make([]float32, 1+6*k), []float32{float32(rng.IntN(2)), draw(), draw()}
			for i := range theta {
				theta[i] = draw()
				if form == Sigma && i > 2*k && i <= 4*k {
					theta[i] = abs32(theta[i])
				}
			}
			lp, d := []float32{0}, make([]float32, len(theta))
			BivariateMixtureLogProbBackward(lp, nil, bivariateGradOf(d), []float32{1}, y, bivariateOf(theta, form, k, len(theta)), 1)
			for i, g := range append(d, lp...) {
				if g != g {
					t.Fatalf("%v, k = %d: element %d of the gradient and lp is NaN; y = %v, theta = %v", form, k, i, y, theta)
				}
			}
		}
	})
}

// TestBivariateIntegral: the density integrates to 1, over both values of the pen.
func TestBivariateIntegral(t *testing.T) {
	if testing.Short() {
		t.Skip("no build has another integral")
	}
	x, cell := gridPoints(110, -9, 9)
	n := len(x) / 2
	var y, thetas []float32
	theta := []float32{0.7, 0.3, -1, 2, -0.5, 1, 0, 0.9, 0.2, 0.5, 0.5, -0.2, 1, 0.8, -1.3, 0, 1, -1, 0}
	for i := range n {
		y, thetas = append(y, float32(i%2), x[2*i], x[2*i+1]), append(thetas, theta...)
	}
	lp := make([]float32, n)
	sum := 0.0
	for range 2 {
		BivariateMixtureLogProb(lp, y, bivariateOf(thetas, SoftplusSigma, 3, len(theta)), n)
		sum += oracleMass(lp, cell)
		for i := range n {
			y[3*i] = 1 - y[3*i]
		}
	}
	if math.Abs(sum-1) > 3e-6 {
		t.Errorf("the mixture integrates to %v", sum)
	}
}

// bivariateOf and bivariateGradOf are the arguments that a slice makes.
func bivariateOf[T Float](theta []T, form ScaleForm, k, ld int) *Bivariate[T] {
	return &Bivariate[T]{Theta: theta, K: k, Ld: ld, Form: form}
}

func bivariateGradOf[T Float](dtheta []T) *BivariateGrad[T] { return &BivariateGrad[T]{dtheta} }

func TestBivariateSinglePanics(t *testing.T) {
	for what, f := range map[string]func(){
		"BivariateLogProb: len(y) = 5, want at least 6": func() {
			BivariateLogProb(make([]float32, 2), make([]float32, 5), bivariateOf(make([]float32, 12), Sigma, 1, 6), 2)
		},
		"BivariateLogProb: len(p.Theta) = 12, want at least 13": func() {
			BivariateLogProb(make([]float32, 2), make([]float32, 6), bivariateOf(make([]float32, 12), Sigma, 1, 7), 2)
		},
		"BivariateLogProb: p.Ld = 5, want at least 6": func() {
			BivariateLogProb(make([]float64, 2), make([]float64, 6), bivariateOf(make([]float64, 12), Sigma, 1, 5), 2)
		},
		"BivariateLogProb: len(lp) = 1, want at least 2": func() {
			BivariateLogProb(make([]float32, 1), make([]float32, 6), bivariateOf(make([]float32, 12), Sigma, 1, 6), 2)
		},
		"BivariateLogProbBackward: len(dp.Theta) = 11, want at least 12": func() {
			BivariateLogProbBackward(nil, nil, bivariateGradOf(make([]float32, 11)), make([]float32, 2), make([]float32, 6), bivariateOf(make([]float32, 12), Sigma, 1, 6), 2)
		},
		"BivariateLogProbBackward: len(dlp) = 1, want at least 2": func() {
			BivariateLogProbBackward(nil, nil, bivariateGradOf(make([]float32, 12)), make([]float32, 1), make([]float32, 6), bivariateOf(make([]float32, 12), Sigma, 1, 6), 2)
		},
		"BivariateLogProb: p.K = 2, want 1": func() {
			BivariateLogProb(make([]float32, 2), make([]float32, 6), bivariateOf(make([]float32, 24), Sigma, 2, 11), 2)
		},
		"BivariateLogProb: p.Form = ScaleForm(9)": func() {
			BivariateLogProb(make([]float32, 2), make([]float32, 6), bivariateOf(make([]float32, 12), 9, 1, 6), 2)
		},
	} {
		func() {
			defer func() {
				if msg := fmt.Sprint(recover()); !strings.HasPrefix(msg, "kernels: "+what) {
					t.Errorf("panic %q, want %q", msg, what)
				}
			}()
			f()
		}()
	}
}
