package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
)

// oracleLogistic is ln P of level j by another equation than the kernel's: with z the middle of
// the bin and w half its width, both over the scale,
//
//	F(z+w) - F(z-w) = sinh w/(cosh w + cosh z)
//
// the logarithms of the hyperbolic functions being taken without their overflow.
func oracleLogistic(form ScaleForm, j, levels int, mu, s float64) float64 {
	l := oracleLogSigma(form, s)
	last := float64(levels - 1)
	z, w := ((2*float64(j)-last)/last-mu)*math.Exp(-l), math.Exp(-l)/last
	switch j {
	case 0:
		return -oracleSoftplus(-(z + w))
	case levels - 1:
		return -oracleSoftplus(z - w)
	}
	lnSinh := w + math.Log(-math.Expm1(-2*w)/2)
	lnCosh := func(x float64) float64 { return math.Abs(x) + math.Log1p(math.Exp(-2*math.Abs(x))) - math.Ln2 }
	return lnSinh - oracleLSE([]float64{lnCosh(w), lnCosh(z)})
}

// logisticGradient is what the gradients of ln P are made of: 1/s, the derivative of ln s, the
// difference F(a) - F(-b) with the bound of its error, and the bracket of ds.
type logisticGradient struct{ inv, slope, mean, meanTol, bracket float64 }

// newLogisticGradient takes the derivatives of the equation of oracleLogistic; at the ends of the
// grid, of ln F(b) and ln F(-a). F(a) and F(-b) are only there for the bound.
func newLogisticGradient(form ScaleForm, j, levels int, mu, s float64) (g logisticGradient) {
	l, last := oracleLogSigma(form, s), float64(levels-1)
	g.inv = math.Exp(-l)
	g.slope = g.inv * oracleDSigma(form, s)
	z, w := ((2*float64(j)-last)/last-mu)*g.inv, g.inv/last
	a, b := z-w, z+w
	fa, fb := oracleSigmoid(a), oracleSigmoid(-b)
	switch j {
	case 0:
		fa, a, g.mean, g.bracket = 0, 0, -fb, -b*fb
	case levels - 1:
		fb, b, g.mean, g.bracket = 0, 0, fa, a*fa
	default:
		// the hyperbolic functions of z and w, times 2 e^-max(|z|, w)
		ez, ew := math.Exp(-2*math.Abs(z)), math.Exp(-2*w)
		least := min(math.Abs(z), w)
		high, low := math.Exp(least-w), math.Exp(least-math.Abs(z))
		sum := low*(1+ew) + high*(1+ez)
		dz := -math.Copysign(high*-math.Expm1(-2*math.Abs(z)), z) / sum
		g.mean = -dz
		// d ln P/dw = coth w - sinh w/(cosh w + cosh z)
		dw := (1+ew)/-math.Expm1(-2*w) - low*-math.Expm1(-2*w)/sum
		g.bracket = -(z*dz + w*dw)
	}
	g.meanTol = 8 * gaussU * (fa*(1+math.Abs(a)) + fb*(1+math.Abs(b)))
	return g
}

// gridLevel is where level j lies.
func gridLevel(j, levels int) float64 { return 2*float64(j)/float64(levels-1) - 1 }

// drawLogistic draws the n components of mixtures: means about the grid, some of them close to
// x, and scales from far below a bin to far above the grid.
func drawLogistic(rng *rand.Rand, form ScaleForm, n int, x float64) (logits, mu, s []float32) {
	logits = randRow(n, func() float64 { return 3 * rng.NormFloat64() })
	mu = randRow(n, func() float64 {
		if rng.IntN(3) == 0 {
			return x + rng.NormFloat64()*1e-4
		}
		return rng.NormFloat64()
	})
	// e^-9.2 to e^3; ScaleEps is the least of SoftplusSigma.
	s = randRow(n, func() float64 {
		l := -9 + 12*rng.Float64()
		switch {
		case form == LogSigma:
			return l
		case form == LogVar:
			return 2 * l
		case form.isSoftplus():
			y := math.Exp(l)
			return y + math.Log(-math.Expm1(-y))
		}
		return math.Exp(l)
	})
	return logits, mu, s
}

func TestLogisticOracle(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, form := range gaussForms {
			rng := rand.New(rand.NewPCG(uint64(form), 71))
			var worst, worst64, resp, grad, grad64 worstRatio
			ks := []int{1, 2, 5, 10, 16, 17, 33, 50}
			if testing.Short() {
				ks = []int{1, 10}
			}
			for _, k := range ks {
				for _, levels := range []int{2, 3, 256, 65536} {
					for _, j := range []int{0, levels - 1, levels / 2, rng.IntN(levels)} {
						what := fmt.Sprintf("%v k=%d level %d of %d: ", form, k, j, levels)
						x := []float32{float32(gridLevel(j, levels))}
						logits, mu, s := drawLogistic(rng, form, k, float64(x[0]))
						var joint, lnP, bounds []float64
						shifted := oracleLogits(logits)
						for c := range k {
							v := oracleLogistic(form, j, levels, float64(mu[c]), float64(s[c]))
							lnP, joint = append(lnP, v), append(joint, v+shifted[c])
							bounds = append(bounds, gaussU*(32+12*math.Abs(v)+math.Abs(shifted[c])+math.Abs(joint[c])))
						}
						all, prior := oracleLSE(joint), oracleLSE(shifted)
						bound := 0.0
						for c, b := range bounds {
							if joint[c] > all-30-b {
								bound = max(bound, b)
							}
						}
						bound += mixtureBound(k, all-prior)
						lp, w := []float32{-7}, []float32{-1.5}
						LogisticMixtureLogProb(lp, x, levels, mixtureOf(logits, mu, s, form, k, k), 1, 1)
						worst.within(t, what+"lp", float64(lp[0]), all-prior, bound)
						dl, dmu, ds := make([]float32, k), make([]float32, k), make([]float32, k)
						LogisticMixtureLogProbBackward(nil, mixtureGradOf(dl, dmu, ds), w, x, levels, mixtureOf(logits, mu, s, form, k, k), 1, 1)
						lp64, dl64, dmu64, ds64 := []float64{0}, make([]float64, k), make([]float64, k), make([]float64, k)
						LogisticMixtureLogProbBackward(lp64, mixtureGradOf(dl64, dmu64, ds64), widen(w), widen(x), levels, mixtureOf(widen(logits), widen(mu), widen(s), form, k, k), 1, 1)
						worst64.within(t, what+"float64 lp", lp64[0], all-prior, bound*0x1p-26)
						for c := range k {
							p, pi := math.Exp(joint[c]-all), math.Exp(shifted[c]-prior)
							off := 4*gaussU*p + math.Exp(joint[c]-all+bound+bounds[c]) - p // how far p is off
							resp.within(t, what+"dlogits", float64(dl[c]), -1.5*(p-pi), 1.5*(off+30*gaussU*pi+4*gaussU*(p+pi)+0x1p-126))
							g := newLogisticGradient(form, j, levels, float64(mu[c]), float64(s[c]))
							tiny := 0x1p-126 * (1 + g.inv) * (2 + math.Abs(lnP[c]))
							off += 4 * gaussU * p // the products
							grad.within(t, what+"dmu", float64(dmu[c]), -1.5*p*g.mean*g.inv, 1.5*g.inv*(off*math.Abs(g.mean)+p*g.meanTol)+tiny)
							grad64.within(t, what+"float64 dmu", dmu64[c], -1.5*p*g.mean*g.inv, 0x1p-26*g.inv*(p+0x1p-900))
							bracket := 12 * gaussU * (1 + math.Abs(lnP[c]))
							grad.within(t, what+"ds", float64(ds[c]), -1.5*p*g.bracket*g.slope, 1.5*g.slope*(off*math.Abs(g.bracket)+p*bracket)+tiny)
							grad64.within(t, what+"float64 ds", ds64[c], -1.5*p*g.bracket*g.slope, 0x1p-26*g.slope*(p+0x1p-900)*(1+math.Abs(lnP[c])))
						}
					}
				}
			}
			t.Logf("%v: lp at most %.3f of its bound, dlogits %.3f, dmu and ds %.3f; float64 lp %.3f, dmu and ds %.3f", form, worst, resp, grad, worst64, grad64)
		}
	})
}

// TestLogisticFactors holds the gradients of single components to the bounds of their factors.
func TestLogisticFactors(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 74))
		var mean, bracket worstRatio
		for n := range 20000 {
			form, levels := ScaleForm(n%4), []int{2, 3, 16, 256, 65536}[rng.IntN(5)]
			j := []int{0, levels - 1, rng.IntN(levels), rng.IntN(levels)}[rng.IntN(4)]
			x := []float32{float32(gridLevel(j, levels))}
			_, mu, s := drawLogistic(rng, form, 1, float64(x[0]))
			dl, dmu, ds := []float32{0}, []float32{0}, []float32{0}
			LogisticMixtureLogProbBackward(nil, mixtureGradOf(dl, dmu, ds), []float32{1}, x, levels, mixtureOf([]float32{0}, mu, s, form, 1, 1), 1, 1)
			g := newLogisticGradient(form, j, levels, float64(mu[0]), float64(s[0]))
			lnP := oracleLogistic(form, j, levels, float64(mu[0]), float64(s[0]))
			what := fmt.Sprintf("%v level %d of %d, mu = %v, s = %v: ", form, j, levels, mu[0], s[0])
			mean.within(t, what+"dmu", float64(dmu[0])/g.inv, g.mean, g.meanTol+0x1p-126)
			bracket.within(t, what+"ds", float64(ds[0])/g.slope, g.bracket, 12*gaussU*(1+math.Abs(lnP))+0x1p-126/g.slope)
		}
		t.Logf("F(a) - F(-b) at most %.3f of its bound, the bracket %.3f", mean, bracket)
	})
}

func TestLogisticFiniteDifferences(t *testing.T) {
	const rows, k, d, ld = 2, 3, 4, 13
	for _, levels := range []int{2, 5, 256, 65536} {
		for _, form := range gaussForms {
			rng := rand.New(rand.NewPCG(uint64(form), 72))
			_, s32 := gaussFill(rng, form, rows*ld, 1.5)
			mu, logits := widen(randRow(rows*ld, rng.NormFloat64)), widen(randRow(rows*ld, rng.NormFloat64))
			s, w, lp := widen(s32), []float64{1.3, -0.4}, make([]float64, rows)
			x := []float64{-1, 1, 0, gridLevel(levels/3, levels), -1, -1, 1, gridLevel(levels/4, levels)}
			f := func() float64 {
				LogisticMixtureLogProb(lp, x, levels, mixtureOf(logits, mu, s, form, k, ld), rows, d)
				return lp[0]*w[0] + lp[1]*w[1]
			}
			dl, dmu, ds := make([]float64, rows*ld), make([]float64, rows*ld), make([]float64, rows*ld)
			LogisticMixtureLogProbBackward(nil, mixtureGradOf(dl, dmu, ds), w, x, levels, mixtureOf(logits, mu, s, form, k, ld), rows, d)
			checkDiff(t, form.String()+" dlogits", f, logits, dl)
			checkDiff(t, form.String()+" dmu", f, mu, dmu)
			checkDiff(t, form.String()+" ds", f, s, ds)
		}
	}
}

// TestLogisticSum: the probabilities of all levels sum to 1, whatever the scales.
func TestLogisticSum(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, levels := range []int{2, 3, 256, 1000, 65536} {
			scales := []float32{-60, -14, -9, -5, 0, 8, 60}
			if levels == 65536 {
				scales = []float32{-9, 0} // the reference is slow
				if testing.Short() {
					continue
				}
			}
			for _, scale := range scales {
				logits, mu, s := []float32{0.5, -1, 0}, []float32{-0.3, 0.01234, 1.2}, []float32{scale, scale - 1, scale + 1}
				lp, x := make([]float32, levels), make([]float32, levels)
				for j := range x {
					x[j] = float32(gridLevel(j, levels))
				}
				logits, mu, s = slices.Repeat(logits, levels), slices.Repeat(mu, levels), slices.Repeat(s, levels)
				LogisticMixtureLogProb(lp, x, levels, mixtureOf(logits, mu, s, LogSigma, 3, 3), levels, 1)
				sum := 0.0
				for _, v := range lp {
					sum += math.Exp(float64(v))
				}
				if math.Abs(sum-1) > 5e-6 {
					t.Errorf("%d levels, log scale %v: the sum is %v", levels, scale, sum)
				}
			}
		}
	})
}

// TestLogisticGrid: a value counts as its level, values outside as the ends.
func TestLogisticGrid(t *testing.T) {
	for _, levels := range []int{2, 3, 256, 65536} {
		h := 1 / float32(levels-1)
		for _, j := range []int{0, 1, levels / 2, levels - 2, levels - 1} {
			g := float32(gridLevel(j, levels))
			x := []float32{g, g + 0.9*h, g - 0.9*h}
			if j == 0 {
				x = append(x, -1.5, float32(math.Inf(-1)), -3e38)
			}
			if j == levels-1 {
				x = append(x, 1.5, float32(math.Inf(1)), 3e38)
			}
			lp := make([]float32, len(x))
			LogisticMixtureLogProb(lp, x, levels, mixtureOf(make([]float32, len(x)), make([]float32, len(x)), slices.Repeat([]float32{-2}, len(x)), LogSigma, 1, 1), len(x), 1)
			for i, v := range lp {
				if v != lp[0] {
					t.Errorf("%d levels, x = %v: lp = %v, want that of level %d, %v", levels, x[i], v, j, lp[0])
				}
			}
			d := []float64{0}
			LogisticMixtureLogProb(d, []float64{float64(x[1])}, levels, mixtureOf([]float64{0}, []float64{0}, []float64{-2}, LogSigma, 1, 1), 1, 1)
			if math.Abs(d[0]-float64(lp[0])) > 1e-5*max(1, math.Abs(d[0])) {
				t.Errorf("%d levels, level %d: float32 %v, float64 %v", levels, j, lp[0], d[0])
			}
		}
	}
}

// TestLogisticExtremes: the ends of the scales, far means, special logits.
func TestLogisticExtremes(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	const lnWidth = -4.8481164 // ln(2/255)
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, c := range []struct {
			name       string
			form       ScaleForm
			x          float32
			logit      float32
			mu, s      float32
			mu2, s2    float32
			want       float64
			zeroSecond bool // no gradient of the second component
		}{
			{"certain", LogSigma, 1, 0, 1, -60, 1, -80, 0, false},
			{"certain at the low end", LogSigma, -1, 0, -3e38, 0, -1e30, 5, 0, false},
			{"certain at the high end", LogSigma, 1, 0, 3e38, 0, 1e30, 5, 0, false},
			{"far", LogSigma, -1, 0, 1e6, 0, 1e6, 0, -1e6, false},
			{"far beyond float32", LogSigma, -1, 0, 3e38, -60, 3e38, -60, -0x1.cp127, false},
			{"one far", LogSigma, 1.0 / 255, 0, 1.0 / 255, -60, 1e30, 0, -math.Ln2, true},
			{"wide", LogSigma, 1.0 / 255, 0, 0, 40, 0, 40, lnWidth - 40 - 2*math.Ln2, false},
			{"end of sigma", LogVar, 1.0 / 255, 0, 0, inf, 0, 3e38, -121 * math.Ln2, false},
			{"other end of sigma", Sigma, 1.0 / 255, 0, 1.0 / 255, 0, 1.0 / 255, 0x1p-140, 0, false},
			{"negative sigma", Sigma, 0, 0, 0, -1, 0, 1, math.NaN(), false},
			{"one off", LogSigma, 1, -inf, 0, 0, 1, -60, 0, false},
			{"all off", LogSigma, 1, nan, 0, 0, 0, 0, math.NaN(), false},
			{"Inf logit", LogSigma, 1, inf, 0, 0, 0, 0, math.NaN(), false},
			{"NaN scale", SoftplusSigma, 1, 0, 0, nan, 0, 0, math.NaN(), false},
			{"softplus", SoftplusSigma, -1, 0, -1.5, -300, -1.5, -3e38, 0, false},
		} {
			logits, mu, s := []float32{c.logit, 0}, []float32{c.mu, c.mu2}, []float32{c.s, c.s2}
			if c.logit != c.logit {
				logits = []float32{-inf, -inf}
			}
			x, lp, lp2 := []float32{c.x}, []float32{-7}, []float32{-7}
			LogisticMixtureLogProb(lp, x, 256, mixtureOf(logits, mu, s, c.form, 2, 2), 1, 1)
			if got := float64(lp[0]); got != c.want && !(math.Abs(got-c.want) <= 1e-5*max(1, math.Abs(c.want))) && (got == got || c.want == c.want) {
				t.Errorf("%s: lp = %v, want %v", c.name, got, c.want)
			}
			dl, dmu, ds := make([]float32, 2), make([]float32, 2), make([]float32, 2)
			LogisticMixtureLogProbBackward(lp2, mixtureGradOf(dl, dmu, ds), []float32{1}, x, 256, mixtureOf(logits, mu, s, c.form, 2, 2), 1, 1)
			if !asmtest.SameBits(lp2[0], lp[0]) {
				t.Errorf("%s: lp = %v in the backward pass, want %v", c.name, lp2[0], lp[0])
			}
			for _, g := range slices.Concat(dl, dmu, ds) {
				if c.want == c.want && g != g {
					t.Errorf("%s: NaN among the gradients %v %v %v", c.name, dl, dmu, ds)
				}
			}
			if c.zeroSecond && (dmu[1] != 0 || ds[1] != 0) {
				t.Errorf("%s: gradients %v %v, want 0", c.name, dmu[1], ds[1])
			}
		}
	})
	lp := []float32{0, 0}
	LogisticMixtureLogProb(lp, []float32{0}, 256, mixtureOf[float32](nil, nil, nil, Sigma, 0, 0), 1, 1)
	LogisticMixtureLogProb(lp[1:], nil, 256, mixtureOf[float32](nil, nil, nil, Sigma, 4, 0), 1, 0)
	if lp[0] == lp[0] || lp[1] != 0 {
		t.Errorf("no component: lp = %v, want NaN; no dimension: %v, want 0", lp[0], lp[1])
	}
}

// TestLogisticFinite: finite arguments never give NaN, nor an infinite value.
func TestLogisticFinite(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 73))
		draw := func() float32 {
			switch rng.IntN(4) {
			case 0:
				return float32(rng.NormFloat64())
			case 1:
				return float32(rng.IntN(3) - 1)
			}
			return float32(math.Copysign(math.Ldexp(1+rng.Float64(), rng.IntN(276)-149), rng.NormFloat64()))
		}
		for range 3000 {
			k, form, levels := 1+rng.IntN(20), ScaleForm(rng.IntN(4)), 2+rng.IntN(65535)
			logits, mu, s := make([]float32, k), make([]float32, k), make([]float32, k)
			for i := range k {
				logits[i], mu[i], s[i] = draw(), draw(), draw()
				if form == Sigma {
					s[i] = abs32(s[i])
				}
			}
			x, lp, dl, dmu, ds := []float32{draw()}, []float32{0}, make([]float32, k), make([]float32, k), make([]float32, k)
			LogisticMixtureLogProbBackward(lp, mixtureGradOf(dl, dmu, ds), []float32{1}, x, levels, mixtureOf(logits, mu, s, form, k, k), 1, 1)
			if math.IsInf(float64(lp[0]), 0) {
				t.Fatalf("lp = %v", lp[0])
			}
			for i, g := range slices.Concat(lp, dl, dmu, ds) {
				if g != g {
					t.Fatalf("%v, k = %d: element %d of lp and gradients is NaN; x = %v, logits = %v, mu = %v, s = %v", form, k, i, x, logits, mu, s)
				}
			}
		}
	})
}

func TestLogisticLevels(t *testing.T) {
	for _, levels := range []int{-1, 0, 1, 65537} {
		func() {
			defer func() {
				want := fmt.Sprintf("kernels: LogisticMixtureLogProb: levels = %d, want 2 to 65536", levels)
				if msg := fmt.Sprint(recover()); !strings.HasPrefix(msg, want) {
					t.Errorf("panic %q, want %q", msg, want)
				}
			}()
			LogisticMixtureLogProb(make([]float32, 1), make([]float32, 1), levels, mixtureOf(make([]float32, 1), make([]float32, 1), make([]float32, 1), Sigma, 1, 1), 1, 1)
		}()
	}
}
