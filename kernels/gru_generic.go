package kernels

import (
	"math"

	"github.com/elbow-go/elbow/internal/f32"
)

func gruStepGeneric(hy, gates, hn, hx []float32, batch, hidden, ldg, ldhn int) {
	for b := range batch {
		gates, hn := gates[b*ldg:][:3*hidden], hn[b*ldhn:][:hidden]
		for j := range hidden {
			k := b*hidden + j
			r := gateSigmoid32(gates[j])
			z := gateSigmoid32(gates[hidden+j])
			n := gateTanh32(f32.FMA(r, hn[j], gates[2*hidden+j]))
			gates[j], gates[hidden+j], gates[2*hidden+j] = r, z, n
			hy[k] = gruMix(z, n, orZero(hx, k))
		}
	}
}

// gruMix returns (1-z)n + z·h in two roundings, flushed. In this form z = 1 keeps h exactly
// and z = 0 gives n exactly, which n + z(h-n) does not: there, a long memory would drift.
func gruMix(z, n, h float32) float32 {
	return flushState(f32.FMA(z, h, f32.FMA(-z, n, n)))
}

func gruStepBackwardGeneric(dgates, dhn, dhx, dh, gates, hn, hx []float32, batch, hidden, ldg, ldhn int) {
	for b := range batch {
		gates, dgates := gates[b*ldg:][:3*hidden], dgates[b*ldg:][:3*hidden]
		hn, dhn := hn[b*ldhn:][:hidden], dhn[b*ldhn:][:hidden]
		for j := range hidden {
			k := b*hidden + j
			r, z, n := gates[j], gates[hidden+j], gates[2*hidden+j]
			dz, dn, dh := gruMixBackward(dh[k], z, n, orZero(hx, k))
			dr := flushGrad(float32(dn*hn[j]) * dSigmoid(r))
			dhn[j] = flushGrad(dn * r)
			dgates[j], dgates[hidden+j], dgates[2*hidden+j] = dr, dz, dn
			dhx[k] = dh
		}
	}
}

// gruMixBackward returns the gradients of gruMix behind the activations of z and n, and the
// direct path to h, all flushed.
func gruMixBackward(d, z, n, h float32) (dz, dn, dh float32) {
	d = flushGrad(d)
	dz = flushGrad(float32(d*(h-n)) * dSigmoid(z))
	dn = flushGrad(f32.FMA(-z, d, d) * dTanh(n))
	dh = flushGrad(d * z)
	return dz, dn, dh
}

func gruBeforeResetGeneric(rh, gates, hx []float32, batch, hidden, ldg, ldrh int) {
	for b := range batch {
		gates, rh := gates[b*ldg:][:3*hidden], rh[b*ldrh:][:hidden]
		for j := range hidden {
			r := gateSigmoid32(gates[j])
			z := gateSigmoid32(gates[hidden+j])
			gates[j], gates[hidden+j] = r, z
			rh[j] = r * orZero(hx, b*hidden+j)
		}
	}
}

func gruBeforeUpdateGeneric(hy, gates, hx []float32, batch, hidden, ldg int) {
	for b := range batch {
		gates := gates[b*ldg:][:3*hidden]
		for j := range hidden {
			k := b*hidden + j
			z := gates[hidden+j]
			n := gateTanh32(gates[2*hidden+j])
			gates[2*hidden+j] = n
			hy[k] = gruMix(z, n, orZero(hx, k))
		}
	}
}

func gruBeforeUpdateBackwardGeneric(dgates, dhx, dh, gates, hx []float32, batch, hidden, ldg int) {
	for b := range batch {
		gates, dgates := gates[b*ldg:][:3*hidden], dgates[b*ldg:][:3*hidden]
		for j := range hidden {
			k := b*hidden + j
			z, n := gates[hidden+j], gates[2*hidden+j]
			dgates[hidden+j], dgates[2*hidden+j], dhx[k] = gruMixBackward(dh[k], z, n, orZero(hx, k))
		}
	}
}

func gruBeforeResetBackwardGeneric(dgates, dhx, drh, gates, hx []float32, batch, hidden, ldg, lddrh int) {
	for b := range batch {
		r, dr := gates[b*ldg:][:hidden], dgates[b*ldg:][:hidden]
		drh := drh[b*lddrh:][:hidden]
		for j := range hidden {
			k := b*hidden + j
			r, d := r[j], drh[j]
			dr[j] = flushGrad(float32(d*orZero(hx, k)) * dSigmoid(r))
			dhx[k] = flushGrad(f32.FMA(d, r, dhx[k]))
		}
	}
}

func gruStep64(hy, gates, hn, hx []float64, batch, hidden, ldg, ldhn int) {
	for b := range batch {
		gates, hn := gates[b*ldg:][:3*hidden], hn[b*ldhn:][:hidden]
		for j := range hidden {
			k := b*hidden + j
			r := gateSigmoid64(gates[j])
			z := gateSigmoid64(gates[hidden+j])
			n := math.Tanh(gates[2*hidden+j] + r*hn[j])
			gates[j], gates[hidden+j], gates[2*hidden+j] = r, z, n
			hy[k] = (1-z)*n + z*orZero(hx, k)
		}
	}
}

func gruStepBackward64(dgates, dhn, dhx, dh, gates, hn, hx []float64, batch, hidden, ldg, ldhn int) {
	for b := range batch {
		gates, dgates := gates[b*ldg:][:3*hidden], dgates[b*ldg:][:3*hidden]
		hn, dhn := hn[b*ldhn:][:hidden], dhn[b*ldhn:][:hidden]
		for j := range hidden {
			k := b*hidden + j
			r, z, n := gates[j], gates[hidden+j], gates[2*hidden+j]
			dz, dn, dh := gruMixBackward64(dh[k], z, n, orZero(hx, k))
			dr := dn * hn[j] * r * (1 - r)
			dhn[j] = dn * r
			dgates[j], dgates[hidden+j], dgates[2*hidden+j] = dr, dz, dn
			dhx[k] = dh
		}
	}
}

func gruMixBackward64(d, z, n, h float64) (dz, dn, dh float64) {
	return d * (h - n) * z * (1 - z), d * (1 - z) * (1 - n*n), d * z
}

func gruBeforeReset64(rh, gates, hx []float64, batch, hidden, ldg, ldrh int) {
	for b := range batch {
		gates, rh := gates[b*ldg:][:3*hidden], rh[b*ldrh:][:hidden]
		for j := range hidden {
			r := gateSigmoid64(gates[j])
			z := gateSigmoid64(gates[hidden+j])
			gates[j], gates[hidden+j] = r, z
			rh[j] = r * orZero(hx, b*hidden+j)
		}
	}
}

func gruBeforeUpdate64(hy, gates, hx []float64, batch, hidden, ldg int) {
	for b := range batch {
		gates := gates[b*ldg:][:3*hidden]
		for j := range hidden {
			k := b*hidden + j
			z := gates[hidden+j]
			n := math.Tanh(gates[2*hidden+j])
			gates[2*hidden+j] = n
			hy[k] = (1-z)*n + z*orZero(hx, k)
		}
	}
}

func gruBeforeUpdateBackward64(dgates, dhx, dh, gates, hx []float64, batch, hidden, ldg int) {
	for b := range batch {
		gates, dgates := gates[b*ldg:][:3*hidden], dgates[b*ldg:][:3*hidden]
		for j := range hidden {
			k := b*hidden + j
			z, n := gates[hidden+j], gates[2*hidden+j]
			dgates[hidden+j], dgates[2*hidden+j], dhx[k] = gruMixBackward64(dh[k], z, n, orZero(hx, k))
		}
	}
}

func gruBeforeResetBackward64(dgates, dhx, drh, gates, hx []float64, batch, hidden, ldg, lddrh int) {
	for b := range batch {
		r, dr := gates[b*ldg:][:hidden], dgates[b*ldg:][:hidden]
		drh := drh[b*lddrh:][:hidden]
		for j := range hidden {
			k := b*hidden + j
			r, d := r[j], drh[j]
			dr[j] = d * orZero(hx, k) * r * (1 - r)
			dhx[k] += d * r
		}
	}
}
