package kernels

import (
	"math"

	"github.com/elbow-go/elbow/internal/f32"
)

func lstmStepGeneric(s *Step[float32], hidden int) {
	peephole := s.Peephole
	for b := range s.Batch {
		gates := s.Gates[b*s.Ld:][:4*hidden]
		for j := range hidden {
			k := b*hidden + j
			c := orZero(s.CPrev, k)
			i, f, g, o := gates[j], gates[hidden+j], gates[2*hidden+j], gates[3*hidden+j]
			if peephole != nil {
				i = f32.FMA(peephole[j], c, i)
				f = f32.FMA(peephole[hidden+j], c, f)
			}
			i = gateSigmoid32(i)
			f = gateSigmoid32(f)
			g = gateTanh32(g)
			c = flushState(f32.FMA(f, c, float32(i*g)))
			if peephole != nil {
				o = f32.FMA(peephole[2*hidden+j], c, o)
			}
			o = gateSigmoid32(o)
			gates[j], gates[hidden+j], gates[2*hidden+j], gates[3*hidden+j] = i, f, g, o
			s.C[k] = c
			s.H[k] = o * gateTanh32(c)
		}
	}
}

func lstmStepBackwardGeneric(d *StepGrad[float32], s *Step[float32], hidden int) {
	peephole := s.Peephole
	for b := range s.Batch {
		gates, dgates := s.Gates[b*s.Ld:][:4*hidden], d.Gates[b*s.Ld:][:4*hidden]
		for j := range hidden {
			k := b*hidden + j
			i, f, g, o := gates[j], gates[hidden+j], gates[2*hidden+j], gates[3*hidden+j]
			c, t := orZero(s.CPrev, k), gateTanh32(s.C[k])
			dh, dc := flushGrad(d.H[k]), flushGrad(orZero(d.C, k))
			do := flushGrad(float32(dh*t) * dSigmoid(o))
			dc = f32.FMA(float32(dh*o), dTanh(t), dc)
			if peephole != nil {
				dc = f32.FMA(do, peephole[2*hidden+j], dc)
			}
			di := flushGrad(float32(dc*g) * dSigmoid(i))
			df := flushGrad(float32(dc*c) * dSigmoid(f))
			dg := flushGrad(float32(dc*i) * dTanh(g))
			dc = float32(dc * f)
			if peephole != nil {
				dc = f32.FMA(di, peephole[j], dc)
				dc = f32.FMA(df, peephole[hidden+j], dc)
			}
			dgates[j], dgates[hidden+j], dgates[2*hidden+j], dgates[3*hidden+j] = di, df, dg, do
			d.CPrev[k] = flushGrad(dc)
		}
	}
}

func lstmStep64(s *Step[float64], hidden int) {
	peephole := s.Peephole
	for b := range s.Batch {
		gates := s.Gates[b*s.Ld:][:4*hidden]
		for j := range hidden {
			k := b*hidden + j
			c := orZero(s.CPrev, k)
			i, f, g, o := gates[j], gates[hidden+j], gates[2*hidden+j], gates[3*hidden+j]
			if peephole != nil {
				i += peephole[j] * c
				f += peephole[hidden+j] * c
			}
			i = gateSigmoid64(i)
			f = gateSigmoid64(f)
			g = math.Tanh(g)
			c = f*c + i*g
			if peephole != nil {
				o += peephole[2*hidden+j] * c
			}
			o = gateSigmoid64(o)
			gates[j], gates[hidden+j], gates[2*hidden+j], gates[3*hidden+j] = i, f, g, o
			s.C[k] = c
			s.H[k] = o * math.Tanh(c)
		}
	}
}

func lstmStepBackward64(d *StepGrad[float64], s *Step[float64], hidden int) {
	peephole := s.Peephole
	for b := range s.Batch {
		gates, dgates := s.Gates[b*s.Ld:][:4*hidden], d.Gates[b*s.Ld:][:4*hidden]
		for j := range hidden {
			k := b*hidden + j
			i, f, g, o := gates[j], gates[hidden+j], gates[2*hidden+j], gates[3*hidden+j]
			c, t := orZero(s.CPrev, k), math.Tanh(s.C[k])
			dh, dc := d.H[k], orZero(d.C, k)
			do := dh * t * o * (1 - o)
			dc += dh * o * (1 - t*t)
			if peephole != nil {
				dc += do * peephole[2*hidden+j]
			}
			di := dc * g * i * (1 - i)
			df := dc * c * f * (1 - f)
			dg := dc * i * (1 - g*g)
			dc *= f
			if peephole != nil {
				dc += di*peephole[j] + df*peephole[hidden+j]
			}
			dgates[j], dgates[hidden+j], dgates[2*hidden+j], dgates[3*hidden+j] = di, df, dg, do
			d.CPrev[k] = dc
		}
	}
}
