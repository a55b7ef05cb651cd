package kernels

import (
	"math"

	"github.com/elbow-go/elbow/internal/f32"
)

func gruStepGeneric(s *Step[float32], hidden int) {
	for b := range s.Batch {
		gates := s.Gates[b*s.Ld:][:4*hidden]
		for j := range hidden {
			k := b*hidden + j
			r := gateSigmoid32(gates[j])
			z := gateSigmoid32(gates[hidden+j])
			n := gateTanh32(f32.FMA(r, gates[3*hidden+j], gates[2*hidden+j]))
			gates[j], gates[hidden+j], gates[2*hidden+j] = r, z, n
			s.H[k] = gruMix(z, n, orZero(s.HPrev, k))
		}
	}
}

// gruMix returns (1-z)n + z·h in two roundings, flushed. In this form z = 1 keeps h exactly
// and z = 0 gives n exactly, which n + z(h-n) does not: there, a long memory would drift.
func gruMix(z, n, h float32) float32 {
	return flushState(f32.FMA(z, h, f32.FMA(-z, n, n)))
}

func gruStepBackwardGeneric(d *StepGrad[float32], s *Step[float32], hidden int) {
	for b := range s.Batch {
		gates, dgates := s.Gates[b*s.Ld:][:4*hidden], d.Gates[b*s.Ld:][:4*hidden]
		for j := range hidden {
			k := b*hidden + j
			r, z, n, hn := gates[j], gates[hidden+j], gates[2*hidden+j], gates[3*hidden+j]
			dz, dn, dh := gruMixBackward(d.H[k], z, n, orZero(s.HPrev, k))
			dr := flushGrad(float32(dn*hn) * dSigmoid(r))
			dhn := flushGrad(dn * r)
			dgates[j], dgates[hidden+j], dgates[2*hidden+j], dgates[3*hidden+j] = dr, dz, dn, dhn
			d.HPrev[k] = dh
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

func gruBeforeResetGeneric(s *Step[float32], hidden int) {
	for b := range s.Batch {
		gates := s.Gates[b*s.Ld:][:4*hidden]
		for j := range hidden {
			r := gateSigmoid32(gates[j])
			z := gateSigmoid32(gates[hidden+j])
			gates[j], gates[hidden+j] = r, z
			gates[3*hidden+j] = r * orZero(s.HPrev, b*hidden+j)
		}
	}
}

func gruBeforeUpdateGeneric(s *Step[float32], hidden int) {
	for b := range s.Batch {
		gates := s.Gates[b*s.Ld:][:3*hidden]
		for j := range hidden {
			k := b*hidden + j
			z := gates[hidden+j]
			n := gateTanh32(gates[2*hidden+j])
			gates[2*hidden+j] = n
			s.H[k] = gruMix(z, n, orZero(s.HPrev, k))
		}
	}
}

func gruBeforeUpdateBackwardGeneric(d *StepGrad[float32], s *Step[float32], hidden int) {
	for b := range s.Batch {
		gates, dgates := s.Gates[b*s.Ld:][:3*hidden], d.Gates[b*s.Ld:][:3*hidden]
		for j := range hidden {
			k := b*hidden + j
			z, n := gates[hidden+j], gates[2*hidden+j]
			dgates[hidden+j], dgates[2*hidden+j], d.HPrev[k] = gruMixBackward(d.H[k], z, n, orZero(s.HPrev, k))
		}
	}
}

func gruBeforeResetBackwardGeneric(d *StepGrad[float32], s *Step[float32], hidden int) {
	for b := range s.Batch {
		gates, dgates := s.Gates[b*s.Ld:][:hidden], d.Gates[b*s.Ld:][:hidden]
		for j := range hidden {
			k := b*hidden + j
			r, drh := gates[j], d.H[k]
			dgates[j] = flushGrad(float32(drh*orZero(s.HPrev, k)) * dSigmoid(r))
			d.HPrev[k] = flushGrad(f32.FMA(drh, r, d.HPrev[k]))
		}
	}
}

func gruStep64(s *Step[float64], hidden int) {
	for b := range s.Batch {
		gates := s.Gates[b*s.Ld:][:4*hidden]
		for j := range hidden {
			k := b*hidden + j
			r := gateSigmoid64(gates[j])
			z := gateSigmoid64(gates[hidden+j])
			n := math.Tanh(gates[2*hidden+j] + r*gates[3*hidden+j])
			gates[j], gates[hidden+j], gates[2*hidden+j] = r, z, n
			s.H[k] = (1-z)*n + z*orZero(s.HPrev, k)
		}
	}
}

func gruStepBackward64(d *StepGrad[float64], s *Step[float64], hidden int) {
	for b := range s.Batch {
		gates, dgates := s.Gates[b*s.Ld:][:4*hidden], d.Gates[b*s.Ld:][:4*hidden]
		for j := range hidden {
			k := b*hidden + j
			r, z, n, hn := gates[j], gates[hidden+j], gates[2*hidden+j], gates[3*hidden+j]
			dz, dn, dh := gruMixBackward64(d.H[k], z, n, orZero(s.HPrev, k))
			dr := dn * hn * r * (1 - r)
			dhn := dn * r
			dgates[j], dgates[hidden+j], dgates[2*hidden+j], dgates[3*hidden+j] = dr, dz, dn, dhn
			d.HPrev[k] = dh
		}
	}
}

func gruMixBackward64(d, z, n, h float64) (dz, dn, dh float64) {
	return d * (h - n) * z * (1 - z), d * (1 - z) * (1 - n*n), d * z
}

func gruBeforeReset64(s *Step[float64], hidden int) {
	for b := range s.Batch {
		gates := s.Gates[b*s.Ld:][:4*hidden]
		for j := range hidden {
			r := gateSigmoid64(gates[j])
			z := gateSigmoid64(gates[hidden+j])
			gates[j], gates[hidden+j] = r, z
			gates[3*hidden+j] = r * orZero(s.HPrev, b*hidden+j)
		}
	}
}

func gruBeforeUpdate64(s *Step[float64], hidden int) {
	for b := range s.Batch {
		gates := s.Gates[b*s.Ld:][:3*hidden]
		for j := range hidden {
			k := b*hidden + j
			z := gates[hidden+j]
			n := math.Tanh(gates[2*hidden+j])
			gates[2*hidden+j] = n
			s.H[k] = (1-z)*n + z*orZero(s.HPrev, k)
		}
	}
}

func gruBeforeUpdateBackward64(d *StepGrad[float64], s *Step[float64], hidden int) {
	for b := range s.Batch {
		gates, dgates := s.Gates[b*s.Ld:][:3*hidden], d.Gates[b*s.Ld:][:3*hidden]
		for j := range hidden {
			k := b*hidden + j
			z, n := gates[hidden+j], gates[2*hidden+j]
			dgates[hidden+j], dgates[2*hidden+j], d.HPrev[k] = gruMixBackward64(d.H[k], z, n, orZero(s.HPrev, k))
		}
	}
}

func gruBeforeResetBackward64(d *StepGrad[float64], s *Step[float64], hidden int) {
	for b := range s.Batch {
		gates, dgates := s.Gates[b*s.Ld:][:hidden], d.Gates[b*s.Ld:][:hidden]
		for j := range hidden {
			k := b*hidden + j
			r, drh := gates[j], d.H[k]
			dgates[j] = drh * orZero(s.HPrev, k) * r * (1 - r)
			d.HPrev[k] += drh * r
		}
	}
}
