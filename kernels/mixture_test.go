package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/internal/f32"
)

// gmmRow is one row of a mixture problem, with its oracle.
type gmmRow struct {
	form          ScaleForm
	k, d          int
	x, logits     []float32
	mu, s         []float32
	joint, bounds []float64 // ln pi_c + ln N_c up to the constant prior, and their bounds
	all, prior    float64
}

func newGMMRow(rng *rand.Rand, form ScaleForm, k, d int, spread float64) *gmmRow {
	g := &gmmRow{form: form, k: k, d: d}
	g.mu, g.s = gaussFill(rng, form, k*d, spread)
	g.x, g.logits = randRow(d, rng.NormFloat64), randRow(k, func() float64 { return 3 * rng.NormFloat64() })
	g.oracle()
	return g
}

func (g *gmmRow) oracle() {
	g.joint, g.bounds = nil, nil
	logits := oracleLogits(g.logits)
	for c := range g.k {
		v, size := 0.0, 0.0
		for j := range g.d {
			a, b := oracleLogProbTerm(g.form, float64(g.x[j]), float64(g.mu[c*g.d+j]), float64(g.s[c*g.d+j]))
			v, size = v+a, size+b
		}
		v += logits[c]
		g.joint = append(g.joint, v)
		g.bounds = append(g.bounds, lpBound(g.d, size)+gaussU*(math.Abs(logits[c])+math.Abs(v)))
	}
	g.all, g.prior = oracleLSE(g.joint), oracleLSE(logits)
}

// oracleLogits returns logits from which the largest has been subtracted.
func oracleLogits(logits []float32) []float64 {
	l := widen(logits)
	largest := slices.Max(l)
	for c := range l {
		l[c] -= largest
	}
	return l
}

// mixtureBound is what the two log-sum-exps of a mixture of k components add to the error of
// its log-density lp.
func mixtureBound(k int, lp float64) float64 {
	return (16 + float64(k)/8) * gaussU * (1 + math.Abs(lp) + math.Log(float64(k)))
}

func oracleLSE(x []float64) float64 {
	m, s := math.Inf(-1), 0.0
	for _, v := range x {
		m = max(m, v)
	}
	for _, v := range x {
		s += math.Exp(v - m)
	}
	return m + math.Log(s)
}

// bound is that of the doc comment: the components that count, and the two log-sum-exps.
func (g *gmmRow) bound() float64 {
	worst := 0.0
	for c, b := range g.bounds {
		if g.joint[c] > g.all-30-b {
			worst = max(worst, b)
		}
	}
	return worst + mixtureBound(g.k, g.all-g.prior)
}

func TestGMMOracle(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, form := range gaussForms {
			rng := rand.New(rand.NewPCG(uint64(form), 11))
			var worst, resp, grad worstRatio
			ks := []int{1, 2, 5, 15, 16, 17, 20, 33, 50}
			if testing.Short() {
				ks = []int{1, 5, 20}
			}
			for _, k := range ks {
				for _, d := range []int{1, 2, 3, 16, 40, 200} {
					g := newGMMRow(rng, form, k, d, 1)
					what := fmt.Sprintf("%v k=%d d=%d: ", form, k, d)
					lp, one := []float32{-7}, []float32{-1.5}
					GMMLogProb(lp, g.x, mixtureOf(g.logits, g.mu, g.s, form, k, k*d), 1, d)
					worst.within(t, what+"lp", float64(lp[0]), g.all-g.prior, g.bound())

					dl, dmu, ds, dx := make([]float32, k), make([]float32, k*d), make([]float32, k*d), make([]float32, d)
					GMMLogProbBackward(nil, dx, mixtureGradOf(dl, dmu, ds), one, g.x, mixtureOf(g.logits, g.mu, g.s, form, k, k*d), 1, d)
					a, b, c, e := make([]float64, k), make([]float64, k*d), make([]float64, k*d), make([]float64, d)
					lp64 := []float64{0}
					GMMLogProbBackward(lp64, e, mixtureGradOf(a, b, c), widen(one), widen(g.x), mixtureOf(widen(g.logits), widen(g.mu), widen(g.s), form, k, k*d), 1, d)
					if math.Abs(lp64[0]-(g.all-g.prior)) > 1e-12*(math.Abs(g.all)+math.Abs(g.prior)+1) {
						t.Errorf("%sfloat64 lp = %v, want %v", what, lp64[0], g.all-g.prior)
					}
					for i := range k {
						p := math.Exp(g.joint[i] - g.all)
						pi := math.Exp(oracleLogits(g.logits)[i] - g.prior)
						rel := 4*gaussU + math.Expm1(g.bound()+g.bounds[i]) // of p
						bound := 1.5 * (rel*p + 30*gaussU*pi + 4*gaussU*(p+pi) + 0x1p-126)
						resp.within(t, what+"dlogits", float64(dl[i]), -1.5*(p-pi), bound)
						for j := range d {
							at := i*d + j
							z := oracleScore(form, float64(g.x[j]), float64(g.mu[at]), float64(g.s[at]))
							q := 1.5 * p * math.Exp(-oracleLogSigma(form, float64(g.s[at])))
							grad.within(t, what+"dmu", float64(dmu[at]), b[at], (rel+30*gaussU)*math.Abs(b[at])+0x1p-126*math.Abs(z))
							grad.within(t, what+"ds", float64(ds[at]), c[at],
								(rel+30*gaussU)*q*(z*z+1)*oracleDSigma(form, float64(g.s[at]))+0x1p-126*(z*z+1))
						}
					}
					for j := range d {
						sum := float32(0)
						for i := range k {
							sum -= dmu[i*d+j]
						}
						if sum != dx[j] {
							t.Errorf("%sdx[%d] = %v, want the sum of -dmu, %v", what, j, dx[j], sum)
						}
					}
				}
			}
			t.Logf("%v: lp at most %.3f of its bound, dlogits %.3f, dmu and ds %.3f", form, worst, resp, grad)
		}
	})
}

// mixtureOf and mixtureGradOf are the arguments that slices make.
func mixtureOf[T Float](logits, mu, s []T, form ScaleForm, k, ld int) *Mixture[T] {
	return &Mixture[T]{Logits: logits, Mu: mu, S: s, K: k, Ld: ld, Form: form}
}

func mixtureGradOf[T Float](dlogits, dmu, ds []T) *MixtureGrad[T] {
	return &MixtureGrad[T]{dlogits, dmu, ds}
}

func TestGMMFiniteDifferences(t *testing.T) {
	const rows, k, d, ld = 2, 3, 4, 13
	for _, form := range gaussForms {
		rng := rand.New(rand.NewPCG(uint64(form), 12))
		mu32, s32 := gaussFill(rng, form, rows*ld, 0.7)
		mu, s := widen(mu32), widen(s32)
		x, logits := widen(randRow(rows*d, rng.NormFloat64)), widen(randRow(rows*ld, rng.NormFloat64))
		w, lp := []float64{1.3, -0.4}, make([]float64, rows)
		f := func() float64 {
			GMMLogProb(lp, x, mixtureOf(logits, mu, s, form, k, ld), rows, d)
			return lp[0]*w[0] + lp[1]*w[1]
		}
		dx, dl := make([]float64, rows*d), make([]float64, rows*ld)
		dmu, ds := make([]float64, rows*ld), make([]float64, rows*ld)
		GMMLogProbBackward(nil, dx, mixtureGradOf(dl, dmu, ds), w, x, mixtureOf(logits, mu, s, form, k, ld), rows, d)
		checkDiff(t, form.String()+" dx", f, x, dx)
		checkDiff(t, form.String()+" dlogits", f, logits, dl)
		checkDiff(t, form.String()+" dmu", f, mu, dmu)
		checkDiff(t, form.String()+" ds", f, s, ds)
	}
}

// TestGMMOneComponent: a mixture of one, or of equal ones, is the Gaussian itself.
func TestGMMOneComponent(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 13))
	const d = 21
	mu, s := gaussFill(rng, SoftplusSigma, d, 2)
	x := randRow(d, rng.NormFloat64)
	want, got := []float32{0}, []float32{0}
	GaussLogProb(want, x, gaussOf(mu, s, SoftplusSigma, d), 1, d)
	GMMLogProb(got, x, mixtureOf([]float32{0}, mu, s, SoftplusSigma, 1, d), 1, d)
	if got[0] != want[0] {
		t.Errorf("one component: %v, want %v", got[0], want[0])
	}
	var mus, ss, logits []float32
	for range 40 {
		mus, ss, logits = append(mus, mu...), append(ss, s...), append(logits, 7.25)
	}
	GMMLogProb(got, x, mixtureOf(logits, mus, ss, SoftplusSigma, 40, 40*d), 1, d)
	if math.Abs(float64(got[0]-want[0])) > 1e-6*math.Abs(float64(want[0])) {
		t.Errorf("40 equal components: %v, want %v", got[0], want[0])
	}
}

// TestGMMSpecials: densities of 0 and Inf, logits of -Inf, and the far ends.
func TestGMMSpecials(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	const half = 0.9189385 // ln(2 pi)/2
	for _, c := range []struct {
		name          string
		x             float32
		logits, mu, s []float32 // s = ln sigma
		want          float64
	}{
		{"far component", 0, []float32{0, 0}, []float32{0, 1e30}, []float32{0, -80}, -half - math.Ln2},
		{"all far", 1e10, []float32{0, 1}, []float32{0, 5}, []float32{-80, -80}, math.Inf(-1)},
		{"one far, one off", 0, []float32{0, -inf}, []float32{1e30, 0}, []float32{0, 0}, math.Inf(-1)},
		{"one off", 0, []float32{-inf, 3}, []float32{7, 0}, []float32{0, 0}, -half},
		{"all off", 0, []float32{-inf, -inf}, []float32{0, 0}, []float32{0, 0}, math.NaN()},
		{"Inf logit", 0, []float32{inf, 0}, []float32{0, 0}, []float32{0, 0}, math.NaN()},
		{"large logits", 0, []float32{3e38, 3e38}, []float32{0, 0}, []float32{0, 0}, -half},
		{"point mass hit", 2, []float32{0, 0}, []float32{2, 0}, []float32{-inf, 0}, math.Inf(1)},
		{"point mass missed", 0, []float32{0, 0}, []float32{2, 0}, []float32{-inf, 0}, -half - math.Ln2},
		{"flat component", 0, []float32{0, 0}, []float32{2, 0}, []float32{inf, 0}, -half - math.Ln2},
		{"narrow", 1, []float32{0}, []float32{1}, []float32{-80}, 80 - half},
		{"NaN mean", 0, []float32{0, 0}, []float32{nan, 0}, []float32{0, 0}, math.NaN()},
		{"no component", 0, nil, nil, nil, math.NaN()},
	} {
		k := len(c.logits)
		x, lp, lp2 := []float32{c.x}, []float32{-7}, []float32{-7}
		GMMLogProb(lp, x, mixtureOf(c.logits, c.mu, c.s, LogSigma, k, k), 1, 1)
		if got := float64(lp[0]); got != c.want && !(math.Abs(got-c.want) < 1e-5) && (got == got || c.want == c.want) {
			t.Errorf("%s: lp = %v, want %v", c.name, got, c.want)
		}
		one, dl, dmu, ds := []float32{1}, make([]float32, k), make([]float32, k), make([]float32, k)
		GMMLogProbBackward(lp2, nil, mixtureGradOf(dl, dmu, ds), one, x, mixtureOf(c.logits, c.mu, c.s, LogSigma, k, k), 1, 1)
		if !asmtest.SameBits(lp2[0], lp[0]) {
			t.Errorf("%s: lp = %v in the backward pass, want %v", c.name, lp2[0], lp[0])
		}
		if c.want == c.want && c.want < 1000 {
			for i := range k {
				if dl[i] != dl[i] || dmu[i] != dmu[i] || ds[i] != ds[i] {
					t.Errorf("%s: component %d: NaN among the gradients %v %v %v", c.name, i, dl[i], dmu[i], ds[i])
				}
				if c.want == math.Inf(-1) && (dmu[i] != 0 || ds[i] != 0) {
					t.Errorf("%s: component %d: gradients %v %v, want 0", c.name, i, dmu[i], ds[i])
				}
			}
		}
	}
}

// TestGMMIntegral: the density of a mixture integrates to 1.
func TestGMMIntegral(t *testing.T) {
	x, cell := gridPoints(90, -9, 9)
	n := len(x) / 2
	lp := make([]float32, n)
	GMMLogProb(lp, x, mixtureOf(slices.Repeat([]float32{1, -1, 0, 0, 0, 0}, n), slices.Repeat([]float32{0.3, -0.5, 1, 2, -2, 0}, n), slices.Repeat([]float32{0.9, -0.2, 0.5, 0.5, -0.2, 1}, n), SoftplusSigma, 3, 6), n, 2)
	if sum := oracleMass(lp, cell); math.Abs(sum-1) > 3e-6 {
		t.Errorf("the mixture integrates to %v", sum)
	}
}

// TestLSELanes pins the lanes, the running maximum and the fold of the sum over components.
func TestLSELanes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 14))
	for _, k := range []int{1, 16, 17, 40, 100} {
		v := randRow(k, func() float64 { return 5 * rng.NormFloat64() })
		got := newLSELanes32()
		m, s := [16]float32{}, [16]float32{}
		for c, x := range v {
			got.add(c, x)
			if i := c & 15; c < 16 {
				m[i], s[i] = x, 1
			} else {
				top := max(m[i], x)
				m[i], s[i] = top, f32.FMA(s[i], exp32(m[i]-top), exp32(x-top))
			}
		}
		if n := min(k, 16); !slices.Equal(got.m[:n], m[:n]) || !slices.Equal(got.s[:n], s[:n]) {
			t.Errorf("k = %d: lanes %v %v, want %v %v", k, got.m, got.s, m, s)
		}
		top := m[0]
		for i := range min(k, 16) {
			top = max(top, m[i])
		}
		for i := range min(k, 16) {
			s[i] *= exp32(m[i] - top)
		}
		want := top + log32(f32.Fold16(&s))
		if lse := got.value(); lse != want {
			t.Errorf("k = %d: %v, want %v", k, lse, want)
		}
	}
}

// TestGMMLanesISA compares the sums over components with plain Go, bit for bit, for terms from
// near each other to where e^x is no normal number any more, in lanes of none to several terms.
func TestGMMLanesISA(t *testing.T) {
	inf := float32(math.Inf(1))
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 15))
		for k := range 68 {
			for _, width := range []float64{1e-3, 5, 15, 60, 120, 1e30} {
				logits := randRow(k, func() float64 { return width * rng.NormFloat64() })
				if k > 0 && rng.IntN(4) == 0 {
					logits[rng.IntN(k)] = []float32{-inf, -inf, -inf, math.MaxFloat32, -math.MaxFloat32, inf, inf - inf}[rng.IntN(7)]
				}
				x, mu, s := []float32{0.5}, randRow(k, rng.NormFloat64), randRow(k, rng.NormFloat64)
				what := fmt.Sprintf("k=%d width %v: ", k, width)
				got, want := []float32{-7}, []float32{-7}
				GMMLogProb(got, x, mixtureOf(logits, mu, s, LogVar, k, k), 1, 1)
				gmmLogProbGeneric(want, x, logits, mu, s, LogVar, 1, k, 1, k, k)
				asmtest.SameFloats(t, what+"lp", got, want)
				g, w := make([]float32, 2+3*k), make([]float32, 2+3*k)
				one := []float32{1}
				GMMLogProbBackward(g[:1], g[1:2], mixtureGradOf(g[2:][:k], g[2+k:][:k], g[2+2*k:]), one, x, mixtureOf(logits, mu, s, LogVar, k, k), 1, 1)
				gmmLogProbBackwardGeneric(w[:1], w[1:2], w[2:][:k], w[2+k:][:k], w[2+2*k:], one, x, logits, mu, s, LogVar, 1, k, 1, k, k)
				asmtest.SameFloats(t, what+"lp, dx, dlogits, dmu, ds", g, w)
			}
		}
	})
}
