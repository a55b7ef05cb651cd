package model

import (
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// Sample draws count sequences of the given number of steps from m, from its initial state:
// z from the prior, x_t from the output distribution, fed back where the model feeds back.
// Sequence i is result[i*steps*Data:], [steps, Data]; it depends on the seed and i, not on
// count.
//
// With mean set, x_t is the mean of the output instead of a draw from it. It panics if count or
// steps is negative or the result would have more than [cell.MaxWeights] elements.
func Sample[T cell.Float](m Model[T], count, steps int, seed uint64, mean bool) []T {
	checkThere("Sample", "m", m != nil)
	checkResult("Sample", count, steps, m.Settings().Data)
	dst := make([]T, count*steps*m.Settings().Data)
	if len(dst) > 0 {
		m.Sample(dst, count, steps, seed, mean)
	}
	return dst
}

// Sample implements [Model].
func (m *VRNN[T]) Sample(dst []T, count, steps int, seed uint64, mean bool) {
	const fn = "VRNN.Sample"
	checkPacked(fn, m.packed(false))
	checkSample(fn, len(dst), count, steps, m.Data)
	if steps == 0 {
		return
	}
	var (
		cells                  = newStackTape(m.stack, streamDropout)
		phiX, phiZ, prior, dec cell.Activations[T]
		state                  = Batch[T]{H: make([]T, count*m.State()), C: make([]T, count*m.State())}
		h                      = make([]T, count*m.Hidden) // of the topmost layer
		x, u                   = make([]T, count*m.Data), make([]T, count*len(m.Mean))
		z, eps                 = make([]T, count*m.Latent), make([]T, count*m.Latent)
		noisePrior, noiseOut   = kernels.Noise{Seed: seed, Stream: streamPrior}, kernels.Noise{Seed: seed, Stream: streamOutput}
		muP, sP                []T
	)
	state.Shape = oneStep(count)
	beginNet(m.phiX, &phiX, count)
	beginNet(m.phiZ, &phiZ, count)
	beginNet(m.prior, &prior, count)
	beginNet(m.decoder, &dec, count)
	for t := range steps {
		from := 0
		if l := m.Latent; l > 0 {
			kernels.Normals(eps, noisePrior, uint32(t), 0, count, l)
			copy(z, eps)
			if m.prior != nil {
				m.prior.Project(&prior, h, 0, count, 0, m.Hidden)
				m.prior.Activate(&prior, 0, count)
				muP, sP = prior.Y, prior.Y[l:]
				kernels.GaussSample(z, &kernels.Gauss[T]{Mu: muP, S: sP, Ld: 2 * l, Form: kernels.SoftplusSigma}, eps, count, l)
			}
			m.phiZ.Project(&phiZ, z, 0, count, 0, l)
			m.phiZ.Activate(&phiZ, 0, count)
			m.decoder.Project(&dec, phiZ.Y, 0, count, 0, m.PhiZ)
			from = m.PhiZ
		}
		m.decoder.Project(&dec, h, 0, count, from, from+m.Hidden)
		m.decoder.Activate(&dec, 0, count)
		if mean {
			m.like.mean(x, dec.Y, count, m.Data)
		} else {
			m.like.sample(x, dec.Y, noiseOut, uint32(t), 0, count, m.Data)
		}
		for i := range count {
			copy(dst[(i*steps+t)*m.Data:], x[i*m.Data:(i+1)*m.Data])
		}
		encode(m.like, u, x, m.Mean, count, m.Data)
		m.phiX.Project(&phiX, u, 0, count, 0, len(m.Mean))
		m.phiX.Activate(&phiX, 0, count)
		cells.begin(&state, 0, m.State(), false)
		m.stack.Project(cells.seq, phiX.Y, 0, count, 0, m.PhiX)
		if m.Latent > 0 {
			m.stack.Project(cells.seq, phiZ.Y, 0, count, m.PhiX, m.PhiX+m.PhiZ)
		}
		m.stack.Step(cells.seq, 0, 0, count)
		cells.final(state.H, state.C, count, 0, m.State())
		h = cells.seq.H
	}
}

// oneStep returns the shape of count sequences of one step.
func oneStep(count int) *cell.Ragged {
	ones := make([]int, count)
	for i := range ones {
		ones[i] = 1
	}
	return cell.NewRagged(ones...)
}
