package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
)

// shiftCase is a mixture likelihood with everything drawn but the logits, which are [rows, k].
type shiftCase[T Float] struct {
	name string
	run  func(logits []T) []T // values and gradients, one behind the other
}

const shiftRows = 3

func shiftCases[T Float](rng *rand.Rand, form ScaleForm, k, d int) []shiftCase[T] {
	draw := func(n int) []T {
		x := make([]T, n)
		for i := range x {
			x[i] = T(rng.NormFloat64())
		}
		return x
	}
	scales := func(n int) []T {
		x := make([]T, n)
		for i := range x {
			x[i] = T(drawScale(rng, form, 1))
		}
		return x
	}
	ld := k*d + 2
	x, w, mu, s := draw(shiftRows*d), draw(shiftRows), draw(shiftRows*ld), scales(shiftRows*ld)
	theta, y := draw(shiftRows*(1+6*k)), draw(3*shiftRows)
	for i := range shiftRows {
		copy(theta[i*(1+6*k)+biAt(biS1, k, 0):], scales(2*k))
	}
	return []shiftCase[T]{
		{"GMM", func(logits []T) []T {
			wide := make([]T, shiftRows*ld)
			for i := range shiftRows {
				copy(wide[i*ld:], logits[i*k:][:k])
			}
			lp, lp2, dx := make([]T, shiftRows), make([]T, shiftRows), make([]T, len(x))
			dl, dmu, ds := make([]T, len(wide)), make([]T, len(mu)), make([]T, len(s))
			GMMLogProb(lp, x, mixtureOf(wide, mu, s, form, k, ld), shiftRows, d)
			GMMLogProbBackward(lp2, dx, mixtureGradOf(dl, dmu, ds), w, x, mixtureOf(wide, mu, s, form, k, ld), shiftRows, d)
			return joined(lp, lp2, dx, dl, dmu, ds)
		}},
		{"LogisticMixture", func(logits []T) []T {
			lp, lp2 := make([]T, shiftRows), make([]T, shiftRows)
			dl, dmu, ds := make([]T, len(logits)), make([]T, len(logits)), make([]T, len(logits))
			LogisticMixtureLogProb(lp, x, 256, mixtureOf(logits, mu, s, form, k, k), shiftRows, 1)
			LogisticMixtureLogProbBackward(lp2, mixtureGradOf(dl, dmu, ds), w, x, 256, mixtureOf(logits, mu, s, form, k, k), shiftRows, 1)
			return joined(lp, lp2, dl, dmu, ds)
		}},
		{"BivariateMixture", func(logits []T) []T {
			for i := range shiftRows {
				copy(theta[i*(1+6*k)+biAt(biLogits, k, 0):], logits[i*k:][:k])
			}
			lp, lp2, dy, dtheta := make([]T, shiftRows), make([]T, shiftRows), make([]T, len(y)), make([]T, len(theta))
			BivariateMixtureLogProb(lp, y, bivariateOf(theta, form, k, 1+6*k), shiftRows)
			BivariateMixtureLogProbBackward(lp2, dy, bivariateGradOf(dtheta), w, y, bivariateOf(theta, form, k, 1+6*k), shiftRows)
			return joined(lp, lp2, dy, dtheta)
		}},
	}
}

func joined[T Float](parts ...[]T) (all []T) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// TestMixtureShift adds the same number to all logits of a row so that no sum is rounded: every
// value and gradient keeps its bits.
func TestMixtureShift(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		testMixtureShift[float32](t)
		testMixtureShift[float64](t)
	})
}

func testMixtureShift[T Float](t *testing.T) {
	for _, form := range gaussForms {
		for _, k := range []int{1, 2, 5, 16, 21, 40} {
			rng := rand.New(rand.NewPCG(uint64(form), uint64(k)))
			for _, c := range shiftCases[T](rng, form, k, 3) {
				for _, unit := range []int{-9, -3, -20, 0, 4, 60, 103} {
					logits, shifted := make([]T, shiftRows*k), make([]T, shiftRows*k)
					for i := range shiftRows {
						by := rng.IntN(1<<23) - 1<<22
						for j := range k {
							q := rng.IntN(1<<12) - 1<<11
							logits[i*k+j], shifted[i*k+j] = T(math.Ldexp(float64(q), unit)), T(math.Ldexp(float64(q+by), unit))
						}
					}
					want := append([]T(nil), c.run(logits)...)
					got := c.run(shifted)
					for i := range want {
						if got[i] != got[i] {
							t.Fatalf("%s %v: result %d is NaN", c.name, form, i)
						}
						if math.Float64bits(float64(got[i])) != math.Float64bits(float64(want[i])) {
							t.Fatalf("%T %s %v k=%d, logits in units of 2^%d: result %d = %v after the shift, want %v",
								got[i], c.name, form, k, unit, i, got[i], want[i])
						}
					}
				}
			}
		}
	}
}

// TestMixtureLargeLogits: logits count by their differences only, up to the ends of float32.
func TestMixtureLargeLogits(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, shift := range []float32{0, 16384, 1 << 22} {
			lp, dl, dmu, ds := []float32{0}, make([]float32, 2), make([]float32, 2), make([]float32, 2)
			GMMLogProbBackward(lp, nil, mixtureGradOf(dl, dmu, ds), []float32{1}, []float32{0.3}, mixtureOf([]float32{1 + shift, 0.5 + shift}, []float32{0, 3}, []float32{1, 1}, Sigma, 2, 2), 1, 1)
			if got := fmt.Sprintf("%.5f %.5f", lp, dl); got != "[-1.42158] [0.36124 -0.36124]" {
				t.Errorf("logits shifted by %v: lp, dlogits = %s", shift, got)
			}
		}
		for _, logit := range []float32{0, -2.6e38, 3.4e38} {
			lp := []float32{0}
			for _, levels := range []int{2, 256, 65536} {
				LogisticMixtureLogProb(lp, []float32{0.5}, levels, mixtureOf([]float32{logit}, []float32{-1e38}, []float32{1}, Sigma, 1, 1), 1, 1)
				if math.Abs(float64(lp[0])+1e38) > 1e32 {
					t.Errorf("LogisticMixture, %d levels, logit %v: lp = %v, want -1e38", levels, logit, lp[0])
				}
			}
			GMMLogProb(lp, []float32{0}, mixtureOf([]float32{logit}, []float32{1e19}, []float32{1}, Sigma, 1, 1), 1, 1)
			if math.Abs(float64(lp[0])+5e37) > 1e32 {
				t.Errorf("GMM, logit %v: lp = %v, want -5e37", logit, lp[0])
			}
			BivariateMixtureLogProb(lp, []float32{0, 0, 0}, bivariateOf([]float32{0, 1e19, 0, 1, 1, 0, logit}, Sigma, 1, 7), 1)
			if math.Abs(float64(lp[0])+5e37) > 1e32 {
				t.Errorf("BivariateMixture, logit %v: lp = %v, want -5e37", logit, lp[0])
			}
		}
	})
}
