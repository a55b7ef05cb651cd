package model

import (
	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/kernels"
)

// sampledKL computes ln q(z) - ln p(z) at the draw z, which has KL(q || p) as its
// expectation. Heads are [μ | a] per row, with σ = softplus(a) + 1e-4; without a head, p is
// N(0, I).
type sampledKL[T cell.Float] struct {
	zero     []T // μ and ln σ of N(0, I)
	lp       []T // ln p(z), then the gradient of it
	dx, dNil []T
}

func (s *sampledKL[T]) size(rows, z int, training bool) {
	s.lp, s.zero = grow(s.lp, rows), grow(s.zero, rows*z)
	clear(s.zero)
	if training {
		s.dx, s.dNil = grow(s.dx, rows*z), grow(s.dNil, rows*2*z)
	}
}

// forward writes kl of the rows lo..hi. q and p are the heads of these rows; kl and draws
// belong to the whole batch.
func (s *sampledKL[T]) forward(kl, draws, q, p []T, lo, hi, z int) {
	n, x, lp := hi-lo, draws[lo*z:hi*z], s.lp[lo:hi]
	kernels.GaussLogProb(kl[lo:hi], x, q, q[z:], kernels.SoftplusSigma, n, z, 2*z)
	if p == nil {
		zero := s.zero[lo*z : hi*z]
		kernels.GaussLogProb(lp, x, zero, zero, kernels.LogSigma, n, z, z)
	} else {
		kernels.GaussLogProb(lp, x, p, p[z:], kernels.SoftplusSigma, n, z, 2*z)
	}
	for i, v := range lp {
		kl[lo+i] -= v
	}
}

// backward writes the gradients of Σ dkl kl: to dz, of the rows lo..hi of the batch, to the
// heads dq and dp, of these rows.
func (s *sampledKL[T]) backward(dz, dq, dp, dkl, draws, q, p []T, lo, hi, z int) {
	n, x, dlp, dx := hi-lo, draws[lo*z:hi*z], s.lp[lo:hi], s.dx[lo*z:hi*z]
	kernels.GaussLogProbBackward(nil, dz[lo*z:hi*z], dq, dq[z:], dkl[lo:hi], x, q, q[z:], kernels.SoftplusSigma, n, z, 2*z)
	for i, v := range dkl[lo:hi] {
		dlp[i] = -v
	}
	if p == nil {
		zero, d := s.zero[lo*z:hi*z], s.dNil[lo*2*z:hi*2*z]
		kernels.GaussLogProbBackward(nil, dx, d, d[n*z:], dlp, x, zero, zero, kernels.LogSigma, n, z, z)
	} else {
		kernels.GaussLogProbBackward(nil, dx, dp, dp[z:], dlp, x, p, p[z:], kernels.SoftplusSigma, n, z, 2*z)
	}
	kernels.Axpy(dz[lo*z:hi*z], dx, 1)
}
