package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
)

func TestBernoulliOracle(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		var value, grad worstRatio
		for _, d := range gaussSizes() {
			rng := rand.New(rand.NewPCG(uint64(d), 21))
			for _, scale := range []float64{0, 1, 10, 100} {
				x := randRow(d, func() float64 { return float64(rng.IntN(2)) })
				if scale == 1 {
					x = randRow(d, rng.Float64)
				}
				l := randRow(d, func() float64 { return scale * rng.NormFloat64() })
				if scale == 10 { // mostly right, as after training
					for j := range l {
						l[j] = (2*x[j] - 1) * abs32(l[j])
					}
				}
				lp, dl, w := []float32{-7}, make([]float32, d), []float32{0.75}
				BernoulliLogProbBackward(lp, &BernoulliGrad[float32]{Logits: dl}, w, x, &Bernoulli[float32]{Logits: l}, 1, d)
				want, size := 0.0, 0.0
				what := fmt.Sprintf("d=%d scale %v: ", d, scale)
				for j := range d {
					a, b := float64(x[j]), float64(l[j])
					want += a*-oracleSoftplus(-b) - (1-a)*oracleSoftplus(b)
					c, q := a, oracleSigmoid(-math.Abs(b))
					g := a - oracleSigmoid(b)
					if b > 0 {
						c, g = a-1, a-1+q // precise where a = 1
					}
					size += math.Abs(c * b)
					grad.within(t, what+"dlogits", float64(dl[j]), 0.75*g, 0.75*gaussU*(3*math.Abs(c)+8*q)+0x1p-149)
				}
				value.within(t, what+"lp", float64(lp[0]), want, gaussU*(4*float64(d)+24+(8+float64(d)/16)*size))
				lp64 := []float64{-7}
				BernoulliLogProb(lp64, widen(x), &Bernoulli[float64]{Logits: widen(l)}, 1, d)
				if math.Abs(lp64[0]-want) > 1e-12*(1+size+float64(d)) {
					t.Errorf("%sfloat64 lp = %v, want %v", what, lp64[0], want)
				}
			}
		}
		t.Logf("lp at most %.3f of its bound, dlogits %.3f", value, grad)
	})
}

func TestBernoulliFiniteDifferences(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 22))
	const rows, d = 2, 9
	x, l := widen(randRow(rows*d, rng.Float64)), widen(randRow(rows*d, func() float64 { return 3 * rng.NormFloat64() }))
	w, lp, dl := []float64{1.5, -0.5}, make([]float64, rows), make([]float64, rows*d)
	p := &Bernoulli[float64]{Logits: l}
	BernoulliLogProbBackward(nil, &BernoulliGrad[float64]{Logits: dl}, w, x, p, rows, d)
	checkDiff(t, "dlogits", func() float64 { BernoulliLogProb(lp, x, p, rows, d); return lp[0]*w[0] + lp[1]*w[1] }, l, dl)
}

func TestBernoulliSpecials(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct{ x, l, lp, dl float32 }{
		{1, inf, 0, 0}, {0, -inf, 0, 0}, {0, inf, -inf, -1}, {1, -inf, -inf, 1}, {0.5, inf, -inf, -0.5},
		{1, 3e38, 0, 0}, {0, 3e38, -3e38, -1}, {1, -3e38, -3e38, 1}, {0, -3e38, 0, 0},
		{1, 0, -math.Ln2, 0.5}, {0, 0, -math.Ln2, -0.5}, {0.5, float32(math.Copysign(0, -1)), -math.Ln2, 0},
		{1, 50, 0, 1.9287498e-22}, {0, -50, 0, -1.9287498e-22}, // precise, not 0
	} {
		lp, dl := []float32{-7}, []float32{-7}
		BernoulliLogProbBackward(lp, &BernoulliGrad[float32]{Logits: dl}, []float32{1}, []float32{c.x}, &Bernoulli[float32]{Logits: []float32{c.l}}, 1, 1)
		if lp[0] != c.lp || abs32(dl[0]-c.dl) > 3e-7*abs32(c.dl) {
			t.Errorf("x = %v, logit %v: lp = %v, gradient %v, want %v, %v", c.x, c.l, lp[0], dl[0], c.lp, c.dl)
		}
	}
}

func ExampleBernoulliLogProb() {
	x, p := []float32{1, 0, 1}, &Bernoulli[float32]{Logits: []float32{2, -1, 0}}
	lp, dp := make([]float32, 1), &BernoulliGrad[float32]{Logits: make([]float32, 3)}
	BernoulliLogProb(lp, x, p, 1, 3)
	BernoulliLogProbBackward(nil, dp, []float32{1}, x, p, 1, 3)
	fmt.Printf("%.4f %.4f\n", lp[0], dp.Logits)
	// Output: -1.1333 [0.1192 -0.2689 0.5000]
}
