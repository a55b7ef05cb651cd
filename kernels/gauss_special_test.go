package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/asm"
	"github.com/elbow-go/elbow/asm/asmtest"
	"github.com/elbow-go/elbow/internal/f32"
)

// TestGaussSpecials is the table of the special values that the doc comments name, and of those
// that follow from IEEE arithmetic. Every form that can say the sigma is tried.
func TestGaussSpecials(t *testing.T) {
	inf, nan, tiny := float32(math.Inf(1)), float32(math.NaN()), float32(0x1p-149)
	eq := func(what string, got, want float32) {
		t.Helper()
		if !asmtest.SameBits(got, want) && !(abs32(got-want) <= 1e-5*abs32(want)) {
			t.Errorf("%s = %v, want %v", what, got, want)
		}
	}
	// args calls f with s in each form that can say sigma exactly enough.
	args := func(sigma ...float32) (forms []ScaleForm, s [][]float32) {
		forms, s = []ScaleForm{Sigma}, [][]float32{sigma}
		l, v := make([]float32, len(sigma)), make([]float32, len(sigma))
		for i, x := range sigma {
			if x < 0 {
				return forms, s
			}
			l[i] = float32(math.Log(float64(x)))
			v[i] = float32(2 * math.Log(float64(x)))
		}
		return append(forms, LogSigma, LogVar), append(s, l, v)
	}
	for _, c := range []struct {
		x, mu, sigma float32
		want         float32
	}{
		{0, 0, 1, -0.9189385},
		{2, 2, 0, inf}, {2, 1, 0, -inf}, {0, 0, 0, inf},
		{0, 0, inf, -inf}, {1, -3, inf, -inf}, {inf, 0, 1, -inf}, {0, -inf, 1, -inf},
		{inf, inf, 1, nan}, {inf, -inf, 1, -inf}, {nan, 0, 1, nan}, {0, nan, 1, nan}, {0, 0, nan, nan},
		{0, 0, tiny, 103.27893 - 0.9189385}, {0, 7 * tiny, tiny, 103.27893 - 0.9189385 - 24.5}, {1, 0, tiny, -inf},
		{0, 0, 3e38, -88.59678 - 0.9189385}, {3e38, -3e38, 3e38, -2 - 88.59678 - 0.9189385},
		{3e38, -3e38, 0x1p-100, -inf}, {3e38, -3e38, 1e20, -1.8e37},
	} {
		forms, s := args(c.sigma)
		for i, form := range forms {
			lp := []float32{-7}
			GaussLogProb(lp, []float32{c.x}, gaussOf([]float32{c.mu}, s[i], form, 1), 1, 1)
			eq(fmt.Sprintf("%v: log-density of %v under %v, sigma %v", form, c.x, c.mu, c.sigma), lp[0], c.want)
		}
	}
	for _, sigma := range []float32{-1, -inf, -tiny, nan} {
		lp, kl, kl2 := []float32{-7}, []float32{-7}, []float32{-7}
		zero, s, one := []float32{0}, []float32{sigma}, []float32{1}
		GaussLogProb(lp, zero, gaussOf(zero, s, Sigma, 1), 1, 1)
		GaussKL(kl, gaussOf(zero, s, Sigma, 1), gaussOf(zero, one, Sigma, 1), 1, 1)
		GaussKL(kl2, gaussOf(zero, one, Sigma, 1), gaussOf(zero, s, Sigma, 1), 1, 1)
		if lp[0] == lp[0] || kl[0] == kl[0] || kl2[0] == kl2[0] {
			t.Errorf("sigma = %v: %v, %v, %v, want NaN", sigma, lp[0], kl[0], kl2[0])
		}
	}
	for _, c := range []struct{ muQ, q, muP, p, want float32 }{
		{0, 1, 0, 1, 0}, {1, 1, 0, 1, 0.5}, {0, 2, 0, 1, 1.5 - 0.6931472},
		{0, 0, 0, 1, inf}, {0, 1, 0, 0, inf}, {3, 1, 0, 0, inf}, {0, 0, 0, 0, nan}, {1, 0, 0, 0, nan},
		{0, inf, 0, 1, inf}, {0, 1, 0, inf, inf}, {0, inf, 0, inf, nan}, {0, 0, 0, inf, inf}, {0, inf, 0, 0, inf},
		{inf, 1, 0, 1, inf}, {inf, 1, inf, 1, nan}, {nan, 1, 0, 1, nan}, {0, nan, 0, 1, nan}, {0, 1, 0, nan, nan},
		{1, tiny, 1, tiny, 0}, {0, 3e38, 0, 3e38, 0}, {0, tiny, 0, 3e38, 103.27893 + 88.59678 - 0.5},
		{0, 3e38, 0, tiny, inf}, {3e38, 1, -3e38, 1e20, 1.8e37},
	} {
		forms, s := args(c.q, c.p)
		for i, form := range forms {
			kl := []float32{-7}
			GaussKL(kl, gaussOf([]float32{c.muQ}, s[i][:1], form, 1), gaussOf([]float32{c.muP}, s[i][1:], form, 1), 1, 1)
			eq(fmt.Sprintf("%v: KL of %v, %v from %v, %v", form, c.muQ, c.q, c.muP, c.p), kl[0], c.want)
		}
	}
	// One bad dimension does not spoil the sign: a distance of Inf wins over a width of 0.
	lp := []float32{-7}
	GaussLogProb(lp, []float32{1, 2}, gaussOf([]float32{1, 1}, []float32{0, 0}, Sigma, 2), 1, 2)
	eq("one hit, one miss", lp[0], -inf)
	GaussLogProb(lp, []float32{1, 2}, gaussOf([]float32{1, 1}, []float32{0, 1}, Sigma, 2), 1, 2)
	eq("one hit, one normal", lp[0], inf)
}

// TestGaussStandard: against a p given as mu = 0, sigma = 1 the standard form has the same bits.
func TestGaussStandard(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 41))
	const rows, z = 20, 37
	for _, form := range []ScaleForm{Sigma, LogSigma, LogVar} {
		mu, s := gaussFill(rng, form, rows*z, 70)
		zero, one := make([]float32, rows*z), make([]float32, rows*z)
		if form == Sigma {
			for i := range one {
				one[i] = 1
			}
		}
		a, b := make([]float32, rows), make([]float32, rows)
		GaussKL(a, gaussOf(mu, s, form, z), gaussOf(zero, one, form, z), rows, z)
		GaussKLStandard(b, gaussOf(mu, s, form, z), rows, z)
		asmtest.SameFloats(t, form.String(), b, a)
	}
}

// TestGaussIntegral: densities integrate to 1, in one dimension and in two.
func TestGaussIntegral(t *testing.T) {
	const steps, lo, hi = 600, -9, 9
	const h = float32(hi-lo) / steps
	at := func(i int) float32 { return lo + h*(float32(i)+0.5) }
	check := func(what string, sum float64) {
		t.Helper()
		if math.Abs(sum-1) > 3e-6 {
			t.Errorf("%s integrates to %v", what, sum)
		}
	}
	for _, form := range gaussForms {
		s := [][]float32{Sigma: {0.9, 0.4}, LogSigma: {0.2, -0.4}, LogVar: {0.5, -0.8}, SoftplusSigma: {0.9, -0.2}}[form&formMask]
		x, lp := make([]float32, steps), make([]float32, steps)
		for i := range x {
			x[i] = at(i)
		}
		GaussLogProb(lp, x, gaussOf(slices.Repeat([]float32{0.3}, steps), slices.Repeat(s[:1], steps), form, 1), steps, 1)
		check(form.String(), oracleMass(lp, float64(h)))
		x, cell := gridPoints(90, -9, 9)
		lp = make([]float32, len(x)/2)
		GaussLogProb(lp, x, gaussOf(slices.Repeat([]float32{0.3, -0.5}, len(lp)), slices.Repeat(s, len(lp)), form, 2), len(lp), 2)
		check(form.String()+", two dimensions", oracleMass(lp, cell))
	}
}

// gridPoints are the centres of n by n cells, pairs of coordinates, and the area of a cell.
func gridPoints(n int, lo, hi float32) (x []float32, cell float64) {
	h := (hi - lo) / float32(n)
	for i := range n {
		for j := range n {
			x = append(x, lo+h*(float32(i)+0.5), lo+h*(float32(j)+0.5))
		}
	}
	return x, float64(h * h)
}

// oracleMass adds up a density over cells.
func oracleMass(lp []float32, cell float64) (sum float64) {
	for _, v := range lp {
		sum += math.Exp(float64(v)) * cell
	}
	return sum
}

// TestLatentStep: the fused pass has the bits of its parts, and its gradient is theirs.
func TestLatentStep(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		const rows, n, ld = 5, 37, 80
		for _, form := range gaussForms {
			for _, std := range []bool{false, true} {
				rng := rand.New(rand.NewPCG(uint64(form), 42))
				muQ, sQ := gaussFill(rng, form, rows*ld, 3)
				muP, sP := gaussFill(rng, form, rows*ld, 3)
				eps, dz := randRow(rows*n, rng.NormFloat64), randRow(rows*n, rng.NormFloat64)
				dkl := randRow(rows, rng.NormFloat64)
				z, kl, sigma := make([]float32, rows*n), make([]float32, rows), make([]float32, rows*n)
				wantZ, wantKL, wantSigma := make([]float32, rows*n), make([]float32, rows), make([]float32, rows*n)
				dmu, ds, dmuP, dsP := make([]float32, rows*ld), make([]float32, rows*ld), make([]float32, rows*ld), make([]float32, rows*ld)
				a, b, c, d := make([]float32, rows*ld), make([]float32, rows*ld), make([]float32, rows*ld), make([]float32, rows*ld)
				GaussSample(wantZ, gaussOf(muQ, sQ, form, ld), eps, rows, n)
				one, zero := make([]float32, rows*n), make([]float32, rows*ld)
				for i := range one {
					one[i] = 1
				}
				GaussSample(wantSigma, gaussOf(zero, sQ, form, ld), one, rows, n)
				if std {
					GaussKLStandard(wantKL, gaussOf(muQ, sQ, form, ld), rows, n)
					LatentStep(&Latent[float32]{Z: z, KL: kl, Sigma: sigma}, gaussOf(muQ, sQ, form, ld), nil, eps, rows, n)
					GaussKLStandardBackward(nil, gradOf(a, b), dkl, gaussOf(muQ, sQ, form, ld), rows, n)
					LatentStepBackward(gradOf(dmu, ds), nil, dz, dkl, gaussOf(muQ, sQ, form, ld), nil, eps, rows, n)
				} else {
					GaussKL(wantKL, gaussOf(muQ, sQ, form, ld), gaussOf(muP, sP, form, ld), rows, n)
					LatentStep(&Latent[float32]{Z: z, KL: kl, Sigma: sigma}, gaussOf(muQ, sQ, form, ld), gaussOf(muP, sP, form, ld), eps, rows, n)
					GaussKLBackward(nil, gradOf(a, b), gradOf(c, d), dkl, gaussOf(muQ, sQ, form, ld), gaussOf(muP, sP, form, ld), rows, n)
					LatentStepBackward(gradOf(dmu, ds), gradOf(dmuP, dsP), dz, dkl, gaussOf(muQ, sQ, form, ld), gaussOf(muP, sP, form, ld), eps, rows, n)
				}
				what := fmt.Sprintf("%v standard=%v ", form, std)
				asmtest.SameFloats(t, what+"z", z, wantZ)
				asmtest.SameFloats(t, what+"kl", kl, wantKL)
				asmtest.SameFloats(t, what+"sigma", sigma, wantSigma)
				asmtest.SameFloats(t, what+"dmuP", dmuP, c)
				asmtest.SameFloats(t, what+"dsP", dsP, d)
				part := append([]float32(nil), b...)
				GaussSampleBackward(gradOf(a, b), dz, gaussOf(nil, sQ, form, ld), eps, rows, n)
				asmtest.SameFloats(t, what+"dmuQ", dmu, a)
				var worst worstRatio
				for i := range rows {
					for j := range n {
						at := i*ld + j
						size := math.Abs(float64(part[at])) + math.Abs(float64(b[at]-part[at]))
						worst.within(t, what+"dsQ", float64(ds[at]), float64(b[at]), 6*gaussU*size)
					}
				}
				t.Logf("%sdsQ at most %.3f of its bound from the sum of the parts", what, worst)
			}
		}
	})
}

func TestLatentFiniteDifferences(t *testing.T) {
	const rows, n, ld = 2, 4, 9
	for _, form := range gaussForms {
		for _, std := range []bool{false, true} {
			rng := rand.New(rand.NewPCG(uint64(form), 43))
			fill := func() ([]float64, []float64) {
				mu, s := gaussFill(rng, form, rows*ld, 1)
				return widen(mu), widen(s)
			}
			muQ, sQ := fill()
			muP, sP := fill()
			if std {
				muP, sP = nil, nil
			}
			eps, dz := widen(randRow(rows*n, rng.NormFloat64)), widen(randRow(rows*n, rng.NormFloat64))
			dkl := []float64{0.7, -1.2}
			z, kl := make([]float64, rows*n), make([]float64, rows)
			f := func() float64 {
				LatentStep(&Latent[float64]{Z: z, KL: kl}, gaussOf(muQ, sQ, form, ld), gaussOf(muP, sP, form, ld), eps, rows, n)
				sum := kl[0]*dkl[0] + kl[1]*dkl[1]
				for i, v := range z {
					sum += v * dz[i]
				}
				return sum
			}
			what := fmt.Sprintf("%v standard=%v ", form, std)
			a, b := make([]float64, rows*ld), make([]float64, rows*ld)
			var c, d []float64
			if !std {
				c, d = make([]float64, rows*ld), make([]float64, rows*ld)
			}
			LatentStepBackward(gradOf(a, b), gradOf(c, d), dz, dkl, gaussOf(muQ, sQ, form, ld), gaussOf(muP, sP, form, ld), eps, rows, n)
			checkDiff(t, what+"dmuQ", f, muQ, a)
			checkDiff(t, what+"dsQ", f, sQ, b)
			checkDiff(t, what+"dmuP", f, muP, c)
			checkDiff(t, what+"dsP", f, sP, d)

			// GaussSampleBackward adds.
			s, e := widen(randRow(rows*ld, rng.NormFloat64)), make([]float64, rows*ld)
			copy(e, s)
			a2 := make([]float64, rows*ld)
			GaussSampleBackward(gradOf(a2, e), dz, gaussOf(nil, sQ, form, ld), eps, rows, n)
			for i := range e {
				e[i] -= s[i]
			}
			g := func() float64 {
				GaussSample(z, gaussOf(muQ, sQ, form, ld), eps, rows, n)
				sum := 0.0
				for i, v := range z {
					sum += v * dz[i]
				}
				return sum
			}
			checkDiff(t, what+"sample dmu", g, muQ, a2)
			checkDiff(t, what+"sample ds", g, sQ, e)
		}
	}
}

// TestLatentGivenPrior: gradients for a prior that was not given are the caller's mistake.
func TestLatentGivenPrior(t *testing.T) {
	defer func() {
		want := "kernels: LatentStepBackward: p = nil, want what it points to"
		if got := recover(); got != want {
			t.Errorf("panic %v, want %v", got, want)
		}
	}()
	x := make([]float32, 2)
	LatentStepBackward(gradOf(x, x), gradOf(x, x), x, x, gaussOf(x, x, Sigma, 2), nil, x, 1, 2)
}

// TestPlainRows: machine code takes the rows that plain Go calls plain. No result shows if it takes
// fewer, only the time.
func TestPlainRows(t *testing.T) {
	near := func(list ...float32) (x []float32) {
		for _, v := range list {
			x = append(x, v, math.Nextafter32(v, 0), math.Nextafter32(v, 2*v))
		}
		return append(x, 0, -1, float32(math.Inf(1)), float32(math.NaN()))
	}
	asmtest.ForEachISA(t, func(t *testing.T) {
		if asm.Active() == asm.Generic {
			t.Skip("is the reference")
		}
		const rows, gap = 5, 3
		rng := rand.New(rand.NewPCG(17, 18))
		try := func(form ScaleForm, what string, plain bool, change func(x, mu, s *float32)) {
			t.Helper()
			n := 1 + rng.IntN(70)
			x := randRow(rows*n, rng.NormFloat64)
			mu, s := gaussFill(rng, form, rows*(n+gap), 2)
			i, j := rng.IntN(rows), rng.IntN(n)
			change(&x[i*n+j], &mu[i*(n+gap)+j], &s[i*(n+gap)+j])
			want := rows
			if !plain {
				want = i
			}
			if got := plainRows(asm.Active(), x, mu, s, form, rows, n, n+gap); got != want {
				t.Errorf("%v, n=%d, %s in row %d, column %d: %d plain rows, want %d", form, n, what, i, j, got, want)
			}
			if got := plainRows(asm.Active(), nil, mu, s, form, rows, n, n+gap); got != want && what[0] != 'x' {
				t.Errorf("%v, n=%d, %s in row %d, column %d: %d plain rows without x, want %d", form, n, what, i, j, got, want)
			}
		}
		for _, form := range gaussForms {
			for _, v := range near(0x1p-30, 0x1p30, 40, -40, -0x1p30) {
				try(form, fmt.Sprintf("s = %x", v), form.plainScale(v), func(_, _, s *float32) { *s = v })
			}
			for _, v := range near(f32.MaxPlainMean, -f32.MaxPlainMean) {
				plain := abs32(v) <= f32.MaxPlainMean
				try(form, fmt.Sprintf("mu = %x", v), plain, func(_, mu, _ *float32) { *mu = v })
				try(form, fmt.Sprintf("x = %x", v), plain, func(x, _, _ *float32) { *x = v })
			}
		}
	})
}
