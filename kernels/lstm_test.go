package kernels

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// lstmUnit is the equation of LSTMStep: i f g o cx [pi pf po] -> hy cy i f g o.
func lstmUnit(x []gateNum) []gateNum {
	i, f, g, o, c := x[0], x[1], x[2], x[3], x[4]
	peep := x[5:]
	if len(peep) > 0 {
		i = i.add(peep[0].mul(c))
		f = f.add(peep[1].mul(c))
	}
	i, f, g = i.sigmoid(), f.sigmoid(), g.tanh()
	c = f.mul(c).add(i.mul(g)).flushState()
	if len(peep) > 0 {
		o = o.add(peep[2].mul(c))
	}
	o = o.sigmoid()
	return []gateNum{o.mul(c.tanh()), c, i, f, g, o}
}

// lstmBackwardUnit is the equation of LSTMStepBackward:
// dh dcy i f g o cx cy [pi pf po] -> di df dg do dcx.
func lstmBackwardUnit(x []gateNum) []gateNum {
	dh, dc, i, f, g, o, c := x[0].flushGrad(), x[1].flushGrad(), x[2], x[3], x[4], x[5], x[6]
	t := x[7].tanh()
	peep := x[8:]
	do := dh.mul(t).mul(o).mul(o.oneMinus()).flushGrad()
	dc = dc.add(dh.mul(o).mul(t.mul(t).oneMinus()))
	if len(peep) > 0 {
		dc = dc.add(do.mul(peep[2]))
	}
	di := dc.mul(g).mul(i).mul(i.oneMinus()).flushGrad()
	df := dc.mul(c).mul(f).mul(f.oneMinus()).flushGrad()
	dg := dc.mul(i).mul(g.mul(g).oneMinus()).flushGrad()
	dcx := dc.mul(f)
	if len(peep) > 0 {
		dcx = dcx.add(di.mul(peep[0])).add(df.mul(peep[1]))
	}
	return []gateNum{di, df, dg, do, dcx.flushGrad()}
}

func TestLSTMFiniteDifferences(t *testing.T) {
	const batch, hidden, ldg = 3, 5, 23
	const n = batch * hidden
	rng := rand.New(rand.NewPCG(5, 6))
	pre := gateRandn[float64](rng, batch*ldg)
	dh, dcy := gateRandn[float64](rng, n), gateRandn[float64](rng, n)
	for _, c := range []struct {
		name         string
		cx, dcy, pee []float64
	}{
		{"plain", gateRandn[float64](rng, n), dcy, nil},
		{"no state", nil, dcy, nil},
		{"no dcy", gateRandn[float64](rng, n), nil, nil},
		{"peephole", gateRandn[float64](rng, n), dcy, gateRandn[float64](rng, 3*hidden)},
		{"peephole, no state", nil, dcy, gateRandn[float64](rng, 3*hidden)},
	} {
		hy, cy, dcx := make([]float64, n), make([]float64, n), make([]float64, n)
		step := &Step[float64]{H: hy, C: cy, CPrev: c.cx, Peephole: c.pee, Batch: batch, Ld: ldg}
		loss := func() float64 {
			step.Gates = slices.Clone(pre)
			LSTMStep(step, hidden)
			s := gateDot(hy, dh)
			if c.dcy != nil {
				s += gateDot(cy, c.dcy)
			}
			return s
		}
		loss()
		dgates := make([]float64, batch*ldg)
		LSTMStepBackward(&StepGrad[float64]{H: dh, C: c.dcy, Gates: dgates, CPrev: dcx}, step, hidden)
		checkGateGradient(t, c.name+": dgates", loss, pre, dgates)
		checkGateGradient(t, c.name+": dcx", loss, c.cx, dcx)
		if c.pee == nil {
			continue
		}
		// The gradient of the peepholes, as the doc comment says it.
		loss() // checkGateGradient left the cy of a changed state
		dpee := make([]float64, 3*hidden)
		for b := range batch {
			for j := range hidden {
				d := dgates[b*ldg:]
				x := 0.0
				if c.cx != nil {
					x = c.cx[b*hidden+j]
				}
				dpee[j] += d[j] * x
				dpee[hidden+j] += d[hidden+j] * x
				dpee[2*hidden+j] += d[3*hidden+j] * cy[b*hidden+j]
			}
		}
		checkGateGradient(t, c.name+": dpeephole", loss, c.pee, dpee)
	}
}

// TestLSTMDecay feeds a silent input: σ(0) = 1/2 exactly and g = 0, so that c halves at
// every step, and backwards so does dc. Both end at +0, and nothing that a product reads
// is ever a denormal.
func TestLSTMDecay(t *testing.T) {
	for _, start := range []float32{1, -1} {
		c, h := []float32{start}, []float32{0}
		steps := 0
		for range 200 {
			LSTMStep(&Step[float32]{H: h, C: c, Gates: make([]float32, 4), CPrev: c, Batch: 1, Ld: 4}, 1)
			if gateDenormal(c[0]) || gateDenormal(h[0]) {
				t.Fatalf("denormal c = %v or h = %v", c[0], h[0])
			}
			if c[0] != 0 {
				steps++
			}
		}
		if bitsOf(c[0]) != 0 || bitsOf(h[0]) != 0 {
			t.Errorf("from %v: c = %v, h = %v after 200 steps, want +0", start, c[0], h[0])
		}
		if steps != 60 { // 2^-60 itself stays
			t.Errorf("from %v: c was not zero for %d steps, want 60", start, steps)
		}
		dc := []float32{start}
		steps = 0
		for range 200 {
			gates := []float32{0.5, 0.5, 0.25, 0.5}
			LSTMStepBackward(&StepGrad[float32]{H: []float32{0}, C: dc, Gates: gates, CPrev: dc},
				&Step[float32]{C: []float32{0.5}, Gates: gates, CPrev: []float32{0.5}, Batch: 1, Ld: 4}, 1)
			for _, d := range append(gates, dc[0]) {
				if gateDenormal(d) {
					t.Fatalf("denormal gradient: dgates = %v, dcx = %v", gates, dc)
				}
			}
			if dc[0] != 0 {
				steps++
			}
		}
		if bitsOf(dc[0]) != 0 || steps != 70 {
			t.Errorf("from %v: dc = %v, not zero for %d steps, want +0 and 70", start, dc[0], steps)
		}
	}
}

// TestLSTMSaturated starts at a state of zeros with gates at their ends: outputs are zero
// or normal, whatever the pre-activations.
func TestLSTMSaturated(t *testing.T) {
	ends := []float32{-gateInf, -1e30, -104, -88, -87, -41, -40, -1e-20, -0x1p-140, 0, 0x1p-149, 1e-10, 40, 88, gateInf}
	for _, i := range ends {
		for _, g := range ends {
			for _, o := range ends {
				h, c := []float32{0}, []float32{0}
				LSTMStep(&Step[float32]{H: h, C: c, Gates: []float32{i, 0, g, o}, Batch: 1, Ld: 4}, 1)
				if gateDenormal(c[0]) || gateDenormal(h[0]) || h[0] != h[0] {
					t.Fatalf("i g o = %v %v %v: c = %v, h = %v", i, g, o, c[0], h[0])
				}
				if c[0] != 0 && abs32(c[0]) < 0x1p-60 || h[0] != 0 && abs32(h[0]) < 0x1p-118 {
					t.Fatalf("i g o = %v %v %v: c = %v, h = %v are not flushed", i, g, o, c[0], h[0])
				}
			}
		}
	}
}
