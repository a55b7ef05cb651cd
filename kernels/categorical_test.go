package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
)

func TestCategoricalOracle(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		var value, grad worstRatio
		for _, k := range gaussSizes() {
			if k == 0 {
				continue
			}
			rng := rand.New(rand.NewPCG(uint64(k), 31))
			for _, scale := range []float64{0, 1, 10, 80} {
				l := randRow(k, func() float64 { return scale*rng.NormFloat64() + scale })
				target := []int32{rng.Int32N(int32(k))}
				lp, dl, p := []float32{-7}, make([]float32, k), make([]float32, k)
				CategoricalLogProbBackward(lp, &CategoricalGrad[float32]{Logits: dl}, []float32{0.75}, target, &Categorical[float32]{Logits: l}, 1, k)
				lse := oracleLSE(widen(l))
				want := float64(l[target[0]]) - lse
				what := fmt.Sprintf("k=%d scale %v: ", k, scale)
				value.within(t, what+"lp", float64(lp[0]), want,
					gaussU*(12+float64(k)/16+3*math.Log(float64(k))+2*math.Abs(want)))
				Softmax(p, l, 1, k)
				for c := range l {
					hot := float32(0)
					if c == int(target[0]) {
						hot = 1
					}
					if want := 0.75 * (hot - p[c]); dl[c] != want {
						t.Errorf("%sdlogits[%d] = %v, want %v from Softmax", what, c, dl[c], want)
					}
					q := math.Exp(float64(l[c]) - lse)
					grad.within(t, what+"dlogits", float64(dl[c]), 0.75*(float64(hot)-q),
						gaussU*(2+q*(11+float64(k)/16+10*scale+math.Log(float64(k))))+0x1p-140)
				}
				lp64 := []float64{-7}
				CategoricalLogProb(lp64, target, &Categorical[float64]{Logits: widen(l)}, 1, k)
				if math.Abs(lp64[0]-want) > 1e-12*(1+math.Abs(want)) {
					t.Errorf("%sfloat64 lp = %v, want %v", what, lp64[0], want)
				}
			}
		}
		t.Logf("lp at most %.3f of its bound, dlogits %.3f", value, grad)
	})
}

func TestCategoricalFiniteDifferences(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 32))
	const rows, k = 3, 7
	l := widen(randRow(rows*k, rng.NormFloat64))
	target, w := []int32{0, 6, 3}, []float64{1.5, -0.5, 1}
	lp, dl := make([]float64, rows), make([]float64, rows*k)
	p := &Categorical[float64]{Logits: l}
	CategoricalLogProbBackward(nil, &CategoricalGrad[float64]{Logits: dl}, w, target, p, rows, k)
	checkDiff(t, "dlogits", func() float64 {
		CategoricalLogProb(lp, target, p, rows, k)
		return lp[0]*w[0] + lp[1]*w[1] + lp[2]*w[2]
	}, l, dl)
}

func TestCategoricalSpecials(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		logits []float32
		y      int32
		want   float32
	}{
		{[]float32{5}, 0, 0},
		{[]float32{3e38, -3e38}, 0, 0},
		{[]float32{3e38, -3e38}, 1, -inf}, // the true value does not fit
		{[]float32{-inf, 1}, 0, -inf},
		{[]float32{-inf, 1}, 1, 0},
		{[]float32{-inf, -inf}, 0, nan},
		{[]float32{inf, 0}, 0, nan},
		{[]float32{inf, 0}, 1, nan},
		{[]float32{nan, 0}, 1, nan},
		{[]float32{-1e30, -1e30}, 1, -math.Ln2},
	} {
		lp := []float32{-7}
		CategoricalLogProb(lp, []int32{c.y}, &Categorical[float32]{Logits: c.logits}, 1, len(c.logits))
		if !asmtest.SameBits(lp[0], c.want) {
			t.Errorf("logits %v, target %d: %v, want %v", c.logits, c.y, lp[0], c.want)
		}
	}
}

func TestCategoricalBadTarget(t *testing.T) {
	for _, y := range []int32{-1, 4, math.MaxInt32} {
		func() {
			lp := []float32{-7, -7}
			defer func() {
				want := fmt.Sprintf("kernels: CategoricalLogProb: target[1] = %d, want at least 0 and less than cols = 4", y)
				if got := recover(); got != want {
					t.Errorf("panic %v, want %v", got, want)
				}
				if lp[0] != -7 {
					t.Error("written before the panic")
				}
			}()
			CategoricalLogProb(lp, []int32{3, y}, &Categorical[float32]{Logits: make([]float32, 8)}, 2, 4)
		}()
	}
	defer func() {
		if got, want := recover(), "kernels: CategoricalLogProb: len(target) = 1, want at least 2"; got != want {
			t.Errorf("panic %v, want %v", got, want)
		}
	}()
	CategoricalLogProb(make([]float32, 2), []int32{3}, &Categorical[float32]{Logits: make([]float32, 8)}, 2, 4)
}

func ExampleCategoricalLogProb() {
	p := &Categorical[float32]{Logits: []float32{0, 1, 2}}
	lp, dp := make([]float32, 1), &CategoricalGrad[float32]{Logits: make([]float32, 3)}
	CategoricalLogProb(lp, []int32{1}, p, 1, 3)
	CategoricalLogProbBackward(nil, dp, []float32{1}, []int32{1}, p, 1, 3)
	fmt.Printf("%.4f %.4f\n", lp[0], dp.Logits)
	// Output: -1.4076 [-0.0900 0.7553 -0.6652]
}
