package kernels

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// gruStepUnit is the equation of GRUStep: r z n hn hx -> hy r z n.
func gruStepUnit(x []gateNum) []gateNum {
	r, z := x[0].sigmoid(), x[1].sigmoid()
	n := x[2].add(r.mul(x[3])).tanh()
	return []gateNum{gruUnit(z, n, x[4]), r, z, n}
}

// gruStepBackwardUnit is the equation of GRUStepBackward: dh r z n hn hx -> dr dz dn dhn dhx.
func gruStepBackwardUnit(x []gateNum) []gateNum {
	r, hn := x[1], x[4]
	dz, dn, dhx := gruBackwardUnit(x[0], x[2], x[3], x[5])
	dr := dn.mul(hn).mul(r).mul(r.oneMinus()).flushGrad()
	return []gateNum{dr, dz, dn, dn.mul(r).flushGrad(), dhx}
}

// gruResetUnit is the equation of GRUBeforeReset: r z - hx -> rh r z -.
func gruResetUnit(x []gateNum) []gateNum {
	r, z := x[0].sigmoid(), x[1].sigmoid()
	return []gateNum{r.mul(x[3]), r, z, x[2]}
}

// gruUpdateUnit is the equation of GRUBeforeUpdate: - z n hx -> hy - z n.
func gruUpdateUnit(x []gateNum) []gateNum {
	z, n := x[1], x[2].tanh()
	return []gateNum{gruUnit(z, n, x[3]), x[0], z, n}
}

// gruUpdateBackwardUnit is the equation of GRUBeforeUpdateBackward: dh - z n hx -> - dz dn dhx.
func gruUpdateBackwardUnit(x []gateNum) []gateNum {
	dz, dn, dhx := gruBackwardUnit(x[0], x[2], x[3], x[4])
	return []gateNum{{}, dz, dn, dhx}
}

// gruResetBackwardUnit is the equation of GRUBeforeResetBackward: dhx drh r - - hx -> dr - - dhx.
func gruResetBackwardUnit(x []gateNum) []gateNum {
	dhx, d, r, h := x[0], x[1], x[2], x[5]
	return []gateNum{d.mul(h).mul(r).mul(r.oneMinus()).flushGrad(), {}, {}, dhx.add(d.mul(r)).flushGrad()}
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
	const batch, hidden, ldg, ldhn = 3, 5, 17, 6
	const n = batch * hidden
	rng := rand.New(rand.NewPCG(7, 8))
	pre, hn, dh := gateRandn[float64](rng, batch*ldg), gateRandn[float64](rng, batch*ldhn), gateRandn[float64](rng, n)
	for _, hx := range [][]float64{gateRandn[float64](rng, n), nil} {
		hy := make([]float64, n)
		var gates []float64
		loss := func() float64 {
			gates = slices.Clone(pre)
			GRUStep(hy, gates, hn, hx, batch, hidden, ldg, ldhn)
			return gateDot(hy, dh)
		}
		loss()
		dgates, dhn, dhx := make([]float64, batch*ldg), make([]float64, batch*ldhn), make([]float64, n)
		GRUStepBackward(dgates, dhn, dhx, dh, gates, hn, hx, batch, hidden, ldg, ldhn)
		checkGateGradient(t, "dgates", loss, pre, dgates)
		checkGateGradient(t, "dhn", loss, hn, dhn)
		checkGateGradient(t, "dhx", loss, hx, dhx)
	}
}

// TestGRUBeforeFiniteDifferences runs both halves. The product in between is left out: rh
// goes into the loss directly, with drh as its weights.
func TestGRUBeforeFiniteDifferences(t *testing.T) {
	const batch, hidden, ldg, ldrh = 3, 5, 17, 6
	const n = batch * hidden
	rng := rand.New(rand.NewPCG(9, 10))
	pre, dh, drh := gateRandn[float64](rng, batch*ldg), gateRandn[float64](rng, n), gateRandn[float64](rng, batch*ldrh)
	for _, hx := range [][]float64{gateRandn[float64](rng, n), nil} {
		hy, rh := make([]float64, n), make([]float64, batch*ldrh)
		var gates []float64
		loss := func() float64 {
			gates = slices.Clone(pre)
			GRUBeforeReset(rh, gates, hx, batch, hidden, ldg, ldrh)
			GRUBeforeUpdate(hy, gates, hx, batch, hidden, ldg)
			return gateDot(hy, dh) + gateDot(rh, drh)
		}
		loss()
		dgates, dhx := make([]float64, batch*ldg), make([]float64, n)
		GRUBeforeUpdateBackward(dgates, dhx, dh, gates, hx, batch, hidden, ldg)
		GRUBeforeResetBackward(dgates, dhx, drh, gates, hx, batch, hidden, ldg, ldrh)
		checkGateGradient(t, "dgates", loss, pre, dgates)
		checkGateGradient(t, "dhx", loss, hx, dhx)
		// In place, over the activated gates.
		GRUBeforeUpdateBackward(gates, dhx, dh, gates, hx, batch, hidden, ldg)
		GRUBeforeResetBackward(gates, dhx, drh, gates, hx, batch, hidden, ldg, ldrh)
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
	after := slices.Concat(open, z, n)
	hyAfter := make([]float32, hidden)
	GRUStep(hyAfter, after, hn, hx, 1, hidden, 3*hidden, hidden)
	before := slices.Concat(open, z, n)
	hyBefore, rh := make([]float32, hidden), make([]float32, hidden)
	GRUBeforeReset(rh, before, hx, 1, hidden, 3*hidden, hidden)
	for j := range hidden {
		if rh[j] != hx[j] {
			t.Fatalf("rh[%d] = %v, want %v", j, rh[j], hx[j])
		}
		before[2*hidden+j] += hn[j]
	}
	GRUBeforeUpdate(hyBefore, before, hx, 1, hidden, 3*hidden)
	if !slices.Equal(hyBefore, hyAfter) || !slices.Equal(before, after) {
		t.Errorf("hy = %v, want %v", hyBefore, hyAfter)
	}
}

// TestGRUKeepsState: z = 1 keeps the state in every bit, for as long as it lasts.
func TestGRUKeepsState(t *testing.T) {
	const hidden = 100
	rng := rand.New(rand.NewPCG(13, 14))
	h := gateRandn[float32](rng, hidden)
	was := slices.Clone(h)
	for range 50 {
		gates := gateRandn[float32](rng, 3*hidden)
		for j := range hidden {
			gates[hidden+j] = 40
		}
		GRUStep(h, gates, gateRandn[float32](rng, hidden), h, 1, hidden, 3*hidden, hidden)
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
		rh := make([]float32, 1)
		for range 200 {
			GRUStep(h, make([]float32, 3), []float32{0}, h, 1, 1, 3, 1)
			gates := []float32{-200, 0, 0} // r at its least
			GRUBeforeReset(rh, gates, hb, 1, 1, 3, 1)
			GRUBeforeUpdate(hb, gates, hb, 1, 1, 3)
			if gateDenormal(h[0]) || gateDenormal(hb[0]) || gateDenormal(rh[0]) {
				t.Fatalf("denormal h = %v, %v or rh = %v", h[0], hb[0], rh[0])
			}
		}
		if bitsOf(h[0]) != 0 || bitsOf(hb[0]) != 0 || rh[0] != 0 {
			t.Errorf("from %v: h = %v, %v, rh = %v after 200 steps, want +0", start, h[0], hb[0], rh[0])
		}
		d, db := []float32{start}, []float32{start}
		for range 200 {
			gates, hn := []float32{0.5, 0.5, 0.25}, []float32{0.5}
			GRUStepBackward(gates, hn, d, d, gates, hn, []float32{0.5}, 1, 1, 3, 1)
			before := []float32{0.5, 0.5, 0.25}
			GRUBeforeUpdateBackward(before, db, db, before, []float32{0.5}, 1, 1, 3)
			GRUBeforeResetBackward(before, db, []float32{before[2] / 1024}, before, []float32{0.5}, 1, 1, 3, 1)
			for _, x := range slices.Concat(gates, hn, d, before, db) {
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
