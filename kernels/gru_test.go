package kernels

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// gruStepUnit is the equation of GRUStep: r z n hn hPrev -> h r z n hn.
func gruStepUnit(x []gateNum) []gateNum {
	r, z := x[0].sigmoid(), x[1].sigmoid()
	n := x[2].add(r.mul(x[3])).tanh()
	return []gateNum{gruUnit(z, n, x[4]), r, z, n, x[3]}
}

// gruStepBackwardUnit is the equation of GRUStepBackward: dh r z n hn hPrev -> dr dz dn dhn dhPrev.
func gruStepBackwardUnit(x []gateNum) []gateNum {
	r, hn := x[1], x[4]
	dz, dn, dhx := gruBackwardUnit(x[0], x[2], x[3], x[5])
	dr := dn.mul(hn).mul(r).mul(r.oneMinus()).flushGrad()
	return []gateNum{dr, dz, dn, dn.mul(r).flushGrad(), dhx}
}

// gruResetUnit is the equation of GRUBeforeReset: r z - - hPrev -> r z - rh.
func gruResetUnit(x []gateNum) []gateNum {
	r, z := x[0].sigmoid(), x[1].sigmoid()
	return []gateNum{r, z, {}, r.mul(x[4])}
}

// gruUpdateUnit is the equation of GRUBeforeUpdate: - z n - hPrev -> h - z n -.
func gruUpdateUnit(x []gateNum) []gateNum {
	z, n := x[1], x[2].tanh()
	return []gateNum{gruUnit(z, n, x[4]), {}, z, n, {}}
}

// gruUpdateBackwardUnit is the equation of GRUBeforeUpdateBackward: dh - z n - hPrev -> - dz dn - dhPrev.
func gruUpdateBackwardUnit(x []gateNum) []gateNum {
	dz, dn, dhx := gruBackwardUnit(x[0], x[2], x[3], x[5])
	return []gateNum{{}, dz, dn, {}, dhx}
}

// gruResetBackwardUnit is the equation of GRUBeforeResetBackward: dhPrev drh r - - - hPrev -> dr - - - dhPrev.
func gruResetBackwardUnit(x []gateNum) []gateNum {
	dhx, d, r, h := x[0], x[1], x[2], x[6]
	return []gateNum{d.mul(h).mul(r).mul(r.oneMinus()).flushGrad(), {}, {}, {}, dhx.add(d.mul(r)).flushGrad()}
}

// gruUnit is the update, common to both forms.
func gruUnit(z, n, h gateNum) gateNum { return z.oneMinus().mul(n).add(z.mul(h)).flushState() }

func gruBackwardUnit(dh, z, n, h gateNum) (dz, dn, dhx gateNum) {
	dh = dh.flushGrad()
	dz = dh.mul(h.sub(n)).mul(z).mul(z.oneMinus()).flushGrad()
	dn = dh.mul(z.oneMinus()).mul(n.mul(n).oneMinus()).flushGrad()
	return dz, dn, dh.mul(z).flushGrad()
}

func TestGRUFiniteDifferences(t *testing.T) {
	const batch, hidden, ldg = 3, 5, 23
	const n = batch * hidden
	rng := rand.New(rand.NewPCG(7, 8))
	pre, dh := gateRandn[float64](rng, batch*ldg), gateRandn[float64](rng, n)
	for _, hx := range [][]float64{gateRandn[float64](rng, n), nil} {
		step := &Step[float64]{H: make([]float64, n), HPrev: hx, Batch: batch, Ld: ldg}
		loss := func() float64 {
			step.Gates = slices.Clone(pre)
			GRUStep(step, hidden)
			return gateDot(step.H, dh)
		}
		loss()
		dgates, dhx := make([]float64, batch*ldg), make([]float64, n)
		GRUStepBackward(&StepGrad[float64]{H: dh, Gates: dgates, HPrev: dhx}, step, hidden)
		checkGateGradient(t, "dgates", loss, pre, dgates)
		checkGateGradient(t, "dhx", loss, hx, dhx)
	}
}

// TestGRUBeforeFiniteDifferences runs both halves. The product in between is left out: rh
// goes into the loss directly, with drh as its weights.
func TestGRUBeforeFiniteDifferences(t *testing.T) {
	const batch, hidden, ldg = 3, 5, 23
	const n = batch * hidden
	rng := rand.New(rand.NewPCG(9, 10))
	pre, dh, drh := gateRandn[float64](rng, batch*ldg), gateRandn[float64](rng, n), gateRandn[float64](rng, n)
	for _, hx := range [][]float64{gateRandn[float64](rng, n), nil} {
		step := &Step[float64]{H: make([]float64, n), HPrev: hx, Batch: batch, Ld: ldg}
		loss := func() float64 {
			step.Gates = slices.Clone(pre)
			GRUBeforeReset(step, hidden)
			GRUBeforeUpdate(step, hidden)
			sum := gateDot(step.H, dh)
			for b := range batch {
				sum += gateDot(step.Gates[b*ldg+3*hidden:][:hidden], drh[b*hidden:][:hidden])
			}
			return sum
		}
		loss()
		gates, dgates, dhx := step.Gates, make([]float64, batch*ldg), make([]float64, n)
		backward := func(dgates []float64) {
			GRUBeforeUpdateBackward(&StepGrad[float64]{H: dh, Gates: dgates, HPrev: dhx}, step, hidden)
			GRUBeforeResetBackward(&StepGrad[float64]{H: drh, Gates: dgates, HPrev: dhx}, step, hidden)
		}
		backward(dgates)
		checkGateGradient(t, "dgates", loss, pre, dgates)
		checkGateGradient(t, "dhx", loss, hx, dhx)
		// In place, over the activated gates.
		step.Gates = gates
		backward(gates)
		for b := range batch {
			for j := range 3 * hidden {
				if gates[b*ldg+j] != dgates[b*ldg+j] {
					t.Fatalf("in place: dgates[%d,%d] = %v, want %v", b, j, gates[b*ldg+j], dgates[b*ldg+j])
				}
			}
		}
	}
}

// TestGRUForms: with the reset gate open (r = 1) both forms are the same function.
func TestGRUForms(t *testing.T) {
	const hidden = 50
	rng := rand.New(rand.NewPCG(11, 12))
	z, n, hn, hx := gateRandn[float32](rng, hidden), gateRandn[float32](rng, hidden), gateRandn[float32](rng, hidden), gateRandn[float32](rng, hidden)
	open := slices.Repeat([]float32{100}, hidden)
	after := &Step[float32]{H: make([]float32, hidden), Gates: slices.Concat(open, z, n, hn), HPrev: hx, Batch: 1, Ld: 4 * hidden}
	GRUStep(after, hidden)
	before := &Step[float32]{H: make([]float32, hidden), Gates: slices.Concat(open, z, n, hn), HPrev: hx, Batch: 1, Ld: 4 * hidden}
	GRUBeforeReset(before, hidden)
	for j := range hidden {
		if rh := before.Gates[3*hidden+j]; rh != hx[j] {
			t.Fatalf("rh[%d] = %v, want %v", j, rh, hx[j])
		}
		before.Gates[2*hidden+j] += hn[j]
	}
	GRUBeforeUpdate(before, hidden)
	if !slices.Equal(before.H, after.H) || !slices.Equal(before.Gates[:3*hidden], after.Gates[:3*hidden]) {
		t.Errorf("h = %v, want %v", before.H, after.H)
	}
}

// TestGRUKeepsState: z = 1 keeps the state in every bit, for as long as it lasts.
func TestGRUKeepsState(t *testing.T) {
	const hidden = 100
	rng := rand.New(rand.NewPCG(13, 14))
	h := gateRandn[float32](rng, hidden)
	was := slices.Clone(h)
	for range 50 {
		gates := gateRandn[float32](rng, 4*hidden)
		for j := range hidden {
			gates[hidden+j] = 40
		}
		GRUStep(&Step[float32]{H: h, Gates: gates, HPrev: h, Batch: 1, Ld: 4 * hidden}, hidden)
	}
	if !slices.Equal(h, was) {
		t.Errorf("h = %v, want %v", h, was)
	}
}

// TestGRUDecay: z = σ(0) = 1/2 and n = 0 halve h at every step, and backwards dh. Both end
// at +0, and nothing that a product reads is ever a denormal.
func TestGRUDecay(t *testing.T) {
	for _, start := range []float32{1, -1} {
		h, hb := []float32{start}, []float32{start}
		rh := float32(0)
		for range 200 {
			GRUStep(&Step[float32]{H: h, Gates: make([]float32, 4), HPrev: h, Batch: 1, Ld: 4}, 1)
			before := &Step[float32]{H: hb, Gates: []float32{-200, 0, 0, 0}, HPrev: hb, Batch: 1, Ld: 4} // r at its least
			GRUBeforeReset(before, 1)
			GRUBeforeUpdate(before, 1)
			if rh = before.Gates[3]; gateDenormal(h[0]) || gateDenormal(hb[0]) || gateDenormal(rh) {
				t.Fatalf("denormal h = %v, %v or rh = %v", h[0], hb[0], rh)
			}
		}
		if bitsOf(h[0]) != 0 || bitsOf(hb[0]) != 0 || rh != 0 {
			t.Errorf("from %v: h = %v, %v, rh = %v after 200 steps, want +0", start, h[0], hb[0], rh)
		}
		d, db := []float32{start}, []float32{start}
		for range 200 {
			gates := []float32{0.5, 0.5, 0.25, 0.5}
			GRUStepBackward(&StepGrad[float32]{H: d, Gates: gates, HPrev: d}, &Step[float32]{Gates: gates, HPrev: []float32{0.5}, Batch: 1, Ld: 4}, 1)
			before := []float32{0.5, 0.5, 0.25, 0}
			step := &Step[float32]{Gates: before, HPrev: []float32{0.5}, Batch: 1, Ld: 4}
			GRUBeforeUpdateBackward(&StepGrad[float32]{H: db, Gates: before, HPrev: db}, step, 1)
			GRUBeforeResetBackward(&StepGrad[float32]{H: []float32{before[2] / 1024}, Gates: before, HPrev: db}, step, 1)
			for _, x := range slices.Concat(gates, d, before, db) {
				if gateDenormal(x) || x != 0 && abs32(x) < 0x1p-70 {
					t.Fatalf("gradient %v is not flushed", x)
				}
			}
		}
		if bitsOf(d[0]) != 0 || bitsOf(db[0]) != 0 {
			t.Errorf("from %v: dhx = %v, %v after 200 steps, want +0", start, d[0], db[0])
		}
	}
}
