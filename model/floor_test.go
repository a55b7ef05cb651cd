package model

import (
	"math"
	"slices"
	"testing"

	"github.com/elbow-go/elbow/cell"
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

// TestRegressionFloor: Predict gives the σ that the likelihood has.
func TestRegressionFloor(t *testing.T) {
	m := newModel[float32](t, Config{Model: ModelRegression, Data: 3, Given: 2, Hidden: 4, SigmaFloor: 0.5}).(*Regression[float32])
	m.Init(1, Stats{Mean: make([]float64, 3)})
	m.Pack()
	x := []float32{1, -2, 3, 0.5, 0.25, -1}
	mu, sigma := make([]float32, 2), make([]float32, 2)
	m.Predict(mu, sigma, []float32{1, -2, 0.5, 0.25}, 2)
	p := m.NewPass(1)
	p.Forward(&Batch[float32]{Shape: cell.NewRagged(2), X: x}, Bound(2), false)
	p.Channels(func(name string, values []float32) {
		if want := map[string][]float32{"theta_mu": mu, "theta_sig": sigma}[name]; want != nil && !slices.Equal(values, want) {
			t.Errorf("%s = %v, but Predict gives %v", name, values, want)
		}
	})
	if sigma[0] < 0.5 || sigma[1] < 0.5 {
		t.Errorf("sigma = %v, want at least the floor 0.5", sigma)
	}
}
