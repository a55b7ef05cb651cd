package model

import (
	"math"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/f64"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/kernels"
)

// sampledKL computes ln q(z) - ln p(z) at the draw z = μ + σ ε, which has KL(q || p) as its
// expectation. Heads are [μ | a] per row; without a head, p is N(0, I). The distance of z
// from the mean of q is known to be σ ε, which has more digits than z - μ:
//
//	ln q(z) = ln N(ε; 0, I) - Σ ln σ
type sampledKL[T cell.Float] struct {
	form   kernels.ScaleForm // of σ in the heads
	zero   []T               // μ and ln σ of N(0, I), and points at its mean; never written to
	lq, lp []T               // ln N(ε; 0, I) and ln p(z), then the gradient of the latter
}

func (s *sampledKL[T]) size(rows, l int) {
	s.lq, s.lp = pages.Grow(s.lq, rows), pages.Grow(s.lp, rows)
	if n := rows * 2 * l; len(s.zero) < n {
		s.zero = make([]T, n)
	}
}

// forward writes kl of the rows lo..hi of l columns. q and p are the heads of these rows;
// kl, z and eps belong to the whole batch.
func (s *sampledKL[T]) forward(kl, z, eps, q, p []T, lo, hi, l int) {
	n, zero := hi-lo, s.zero
	kl, lq, lp := kl[lo:hi], s.lq[lo:hi], s.lp[lo:hi]
	standard := &kernels.Gauss[T]{Mu: zero, S: zero, Ld: l, Form: kernels.LogSigma}
	kernels.GaussLogProb(lq, eps[lo*l:hi*l], standard, n, l)
	if p == nil {
		kernels.GaussLogProb(lp, z[lo*l:hi*l], standard, n, l)
	} else {
		kernels.GaussLogProb(lp, z[lo*l:hi*l], kernels.GaussHead(p, l, s.form), n, l)
	}
	kernels.GaussLogProb(kl, zero, &kernels.Gauss[T]{Mu: zero, S: q[l:], Ld: 2 * l, Form: s.form}, n, l) // -Σ (ln σ + ln(2π)/2)
	c := T(float64(l) / 2 * f64.Log(2*math.Pi))
	for i := range kl {
		kl[i] = (kl[i] + c) + (lq[i] - lp[i])
	}
}

// backward writes the gradients of Σ dkl kl: to dz, of the rows lo..hi of the batch, to the
// heads dq and dp, of these rows. What reaches q through z, which moves with its heads, is
// left to the caller: dq has that of -Σ ln σ alone.
func (s *sampledKL[T]) backward(dz, dq, dp, dkl, z, q, p []T, lo, hi, l int) {
	n := hi - lo
	dz, z, dkl = dz[lo*l:hi*l], z[lo*l:hi*l], dkl[lo:hi]
	if p == nil {
		for i, w := range dkl {
			kernels.Scal(dz[i*l:(i+1)*l], z[i*l:(i+1)*l], w)
		}
	} else {
		dlp := s.lp[lo:hi]
		for i, w := range dkl {
			dlp[i] = -w
		}
		kernels.GaussLogProbBackward(nil, dz, kernels.GaussHeadGrad(dp, l), dlp, z, kernels.GaussHead(p, l, s.form), n, l)
	}
	// At the mean the gradient of ln N is 0 with respect to μ and -1/σ to σ.
	kernels.GaussLogProbBackward(nil, nil, kernels.GaussHeadGrad(dq, l), dkl, s.zero,
		&kernels.Gauss[T]{Mu: s.zero, S: q[l:], Ld: 2 * l, Form: s.form}, n, l)
}
