package model

import (
	"math"
	"testing"

	"github.com/elbow-go/elbow/kernels"
)

// TestSigmaFloor: at a mean that is the data and with a scale output far below 0, the density is that
// of the floor, which the configuration sets, and draws are as far apart as it says.
func TestSigmaFloor(t *testing.T) {
	for _, c := range []Config{
		{Model: ModelRNN, Likelihood: Gauss, Data: 1},
		{Model: ModelRNN, Likelihood: GMM, Components: 1, Data: 1},
	} {
		for floor, want := range map[float64]float64{0: 1e-4, 1e-4: 1e-4, 0.25: 0.25} {
			c.Hidden, c.SigmaFloor = 4, floor
			c, err := c.Resolve()
			if err != nil {
				t.Fatal(err)
			}
			l := newLikelihood[float64](c)
			out := []float64{0, 3, -1e3}
			if c.Likelihood == Gauss {
				out = out[1:]
			}
			lp, dout := []float64{0}, make([]float64, len(out))
			x := []float64{3}
			l.(direct[float64]).logProb(lp, x, nil, out, 1, 1)
			if v := -math.Log(want * math.Sqrt(2*math.Pi)); math.Abs(lp[0]-v) > 1e-12 {
				t.Errorf("%s, floor %v: ln p = %v, want %v", c.Likelihood, floor, lp[0], v)
			}
			x[0] += want
			l.(direct[float64]).backward(dout, []float64{1}, x, nil, out, 1, 1)
			// x is rounded: 3 + 1e-4 is 5e-12 off in units of σ.
			if got := dout[len(out)-2]; math.Abs(got*want-1) > 1e-9 {
				t.Errorf("%s, floor %v: dmu = %v, want %v", c.Likelihood, floor, got, 1/want)
			}
		}
	}
	for _, bad := range []float64{-1, 1e-10, math.NaN(), math.Inf(1)} {
		if _, err := (Config{Model: ModelRNN, Likelihood: Gauss, Data: 1, Hidden: 4, SigmaFloor: bad}).Resolve(); err == nil {
			t.Errorf("floor %v is accepted", bad)
		}
	}
	c, err := Config{Model: ModelRNN, Likelihood: Categorical, Classes: 3, Data: 1, Hidden: 4, SigmaFloor: 0.1}.Resolve()
	if err != nil || c.SigmaFloor != 0 {
		t.Errorf("a categorical output keeps the floor %v, %v", c.SigmaFloor, err)
	}
	if f := (Config{SigmaFloor: 1e-4}).outputForm(); f != kernels.SoftplusSigma {
		t.Errorf("the default as a number is the form %v", f)
	}
}
