package kernels

import (
	"math"

	"github.com/elbow-go/elbow/internal/f32"
)

func rnnStepGeneric(s *Step[float32], hidden int) {
	for b := range s.Batch {
		a, h := s.Gates[b*s.Ld:][:hidden], s.H[b*hidden:][:hidden]
		for j, x := range a {
			if s.Act == RNNReLU {
				// One comparison is both the ReLU and the flush; it is false for NaN.
				if x < f32.FlushState {
					x = 0
				}
				h[j] = x
			} else {
				h[j] = flushState(gateTanh32(x))
			}
		}
	}
}

func rnnStepBackwardGeneric(d *StepGrad[float32], s *Step[float32], hidden int) {
	for b := range s.Batch {
		da, dh, h := d.Gates[b*s.Ld:][:hidden], d.H[b*hidden:][:hidden], s.H[b*hidden:][:hidden]
		for j, h := range h {
			d := flushGrad(dh[j])
			if s.Act == RNNReLU {
				if h <= 0 {
					d = 0
				}
				da[j] = d
			} else {
				da[j] = flushGrad(d * dTanh(h))
			}
		}
	}
}

// flushState returns the state x, or +0 if it is too small to keep: see f32.FlushState. NaN stays.
func flushState(x float32) float32 {
	if abs32(x) < f32.FlushState {
		return 0
	}
	return x
}

// flushGrad is flushState for gradients.
func flushGrad(x float32) float32 {
	if abs32(x) < f32.FlushGrad {
		return 0
	}
	return x
}

// dSigmoid returns the derivative s(1-s) of the sigmoid whose value is s, rounded once.
func dSigmoid(s float32) float32 { return f32.FMA(-s, s, s) }

// dTanh returns the derivative 1-t² of the tanh whose value is t, rounded once.
func dTanh(t float32) float32 { return f32.FMA(-t, t, 1) }

// orZero returns x[k], or +0 if x is nil: an absent state runs through the same
// operations as a state of zeros.
func orZero[T Float](x []T, k int) T {
	if x == nil {
		return 0
	}
	return x[k]
}

func rnnStep64(s *Step[float64], hidden int) {
	for b := range s.Batch {
		a, h := s.Gates[b*s.Ld:][:hidden], s.H[b*hidden:][:hidden]
		for j, x := range a {
			switch {
			case s.Act == RNNTanh:
				h[j] = math.Tanh(x)
			case x <= 0:
				h[j] = 0
			default:
				h[j] = x
			}
		}
	}
}

func rnnStepBackward64(d *StepGrad[float64], s *Step[float64], hidden int) {
	for b := range s.Batch {
		da, dh, h := d.Gates[b*s.Ld:][:hidden], d.H[b*hidden:][:hidden], s.H[b*hidden:][:hidden]
		for j, h := range h {
			switch {
			case s.Act == RNNTanh:
				da[j] = dh[j] * (1 - h*h)
			case h <= 0:
				da[j] = 0
			default:
				da[j] = dh[j]
			}
		}
	}
}

// gateSigmoid64 is the float64 sigmoid of the gates.
func gateSigmoid64(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
