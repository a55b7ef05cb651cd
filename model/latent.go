package model

import (
	"math"

	"github.com/elbow-go/elbow/cell"
	"github.com/elbow-go/elbow/internal/f64"
	"github.com/elbow-go/elbow/internal/pages"
	"github.com/elbow-go/elbow/kernels"
)

// latent is the latent variable of a pass: noise, draws and the KL term of all rows.
//
//	z = μ + σ ε     KL = KL(q || p), or, sampled, ln q(z) - ln p(z), which has it as its expectation
//
// The heads q and p are [rows, 2 size], [μ | a] per row, of the whole batch as all else is; without
// p it is N(0, I). The methods work on the rows lo..hi. Forward these are draw and kl, or step,
// which is both at once; backward klBackward and drawBackward, or stepBackward.
//
// At a draw the distance of z from the mean of q is known to be σ ε, which has more digits than
// z - μ:
//
//	ln q(z) = ln N(ε; 0, I) - Σ ln σ
type latent[T cell.Float] struct {
	form    kernels.ScaleForm // of σ in the heads
	size    int
	sampled bool
	step0   uint32 // of the batch, for the noise
	still   bool   // ε is 0, and z the mean of q

	eps, z, dz []T // [rows, size]

	// Of the sampled form.
	zero   []T // μ and ln σ of N(0, I), and points at its mean; never written to
	lq, lp []T // ln N(ε; 0, I) and ln p(z), then the gradient of the latter
}

// begin makes room for so many rows.
func (l *latent[T]) begin(rows int, obj Objective) {
	l.sampled = obj.sampled()
	l.eps, l.z = pages.Grow(l.eps, rows*l.size), pages.Grow(l.z, rows*l.size)
	if !l.sampled {
		return
	}
	l.lq, l.lp = pages.Grow(l.lq, rows), pages.Grow(l.lp, rows)
	if n := rows * 2 * l.size; len(l.zero) < n {
		l.zero = make([]T, n)
	}
}

// beginBackward makes room for the gradient of z, of as many rows.
func (l *latent[T]) beginBackward() { l.dz = pages.Grow(l.dz, len(l.z)) }

// noise draws ε of the rows lo..hi, which are the rows row... of step t of the batch.
func (l *latent[T]) noise(noise kernels.Noise, t, row uint32, lo, hi int) {
	if l.still {
		clear(l.rows(l.eps, lo, hi))
		return
	}
	kernels.Normals(l.rows(l.eps, lo, hi), noise, l.step0+t, row, hi-lo, l.size)
}

// rows returns the rows lo..hi of z, ε and the like, heads those of heads.
func (l *latent[T]) rows(x []T, lo, hi int) []T  { return x[lo*l.size : hi*l.size] }
func (l *latent[T]) heads(q []T, lo, hi int) []T { return q[lo*2*l.size : hi*2*l.size] }

// q returns the Gaussians of heads, dq the gradients of heads.
func (l *latent[T]) q(heads []T, lo, hi int) *kernels.Gauss[T] {
	return kernels.GaussHead(l.heads(heads, lo, hi), l.size, l.form)
}

func (l *latent[T]) dq(heads []T, lo, hi int) *kernels.GaussGrad[T] {
	return kernels.GaussHeadGrad(l.heads(heads, lo, hi), l.size)
}

// draw computes z.
func (l *latent[T]) draw(q []T, lo, hi int) {
	kernels.GaussSample(l.rows(l.z, lo, hi), l.q(q, lo, hi), l.rows(l.eps, lo, hi), hi-lo, l.size)
}

// kl computes the KL term.
func (l *latent[T]) kl(kl, q, p []T, lo, hi int) {
	switch {
	case l.sampled:
		l.atDraw(kl, q, p, lo, hi)
	case p != nil:
		kernels.GaussKL(kl[lo:hi], l.q(q, lo, hi), l.q(p, lo, hi), hi-lo, l.size)
	default:
		kernels.GaussKLStandard(kl[lo:hi], l.q(q, lo, hi), hi-lo, l.size)
	}
}

// atDraw is kl in its sampled form.
func (l *latent[T]) atDraw(kl, q, p []T, lo, hi int) {
	n, z := hi-lo, l.size
	kl, lq, lp := kl[lo:hi], l.lq[lo:hi], l.lp[lo:hi]
	standard := &kernels.Gauss[T]{Mu: l.zero, S: l.zero, Ld: z, Form: kernels.LogSigma}
	kernels.GaussLogProb(lq, l.rows(l.eps, lo, hi), standard, n, z)
	if p == nil {
		kernels.GaussLogProb(lp, l.rows(l.z, lo, hi), standard, n, z)
	} else {
		kernels.GaussLogProb(lp, l.rows(l.z, lo, hi), l.q(p, lo, hi), n, z)
	}
	kernels.GaussLogProb(kl, l.zero, l.centred(q, lo, hi), n, z) // -Σ (ln σ + ln(2π)/2)
	c := T(float64(z) / 2 * f64.Log(2*math.Pi))
	for i := range kl {
		kl[i] = (kl[i] + c) + (lq[i] - lp[i])
	}
}

// centred returns the Gaussians of heads with means 0.
func (l *latent[T]) centred(q []T, lo, hi int) *kernels.Gauss[T] {
	return &kernels.Gauss[T]{Mu: l.zero, S: l.heads(q, lo, hi)[l.size:], Ld: 2 * l.size, Form: l.form}
}

// step is draw and kl, with the standard prior.
func (l *latent[T]) step(kl, q []T, lo, hi int) {
	if l.sampled {
		l.draw(q, lo, hi)
		l.kl(kl, q, nil, lo, hi)
		return
	}
	kernels.LatentStep(&kernels.Latent[T]{Z: l.rows(l.z, lo, hi), KL: kl[lo:hi]}, l.q(q, lo, hi), nil, l.rows(l.eps, lo, hi), hi-lo, l.size)
}

// klBackward writes the gradients of Σ dkl kl to dq and dp, and, if it is sampled, to dz. What
// reaches q through z, which moves with its heads, is left to drawBackward.
func (l *latent[T]) klBackward(dq, dp, dkl, q, p []T, lo, hi int) {
	switch {
	case l.sampled:
		l.atDrawBackward(dq, dp, dkl, q, p, lo, hi)
	case p != nil:
		kernels.GaussKLBackward(nil, l.dq(dq, lo, hi), l.dq(dp, lo, hi), dkl[lo:hi], l.q(q, lo, hi), l.q(p, lo, hi), hi-lo, l.size)
	default:
		kernels.GaussKLStandardBackward(nil, l.dq(dq, lo, hi), dkl[lo:hi], l.q(q, lo, hi), hi-lo, l.size)
	}
}

// atDrawBackward is the gradient of atDraw. dq gets that of -Σ ln σ alone.
func (l *latent[T]) atDrawBackward(dq, dp, dkl, q, p []T, lo, hi int) {
	n, size := hi-lo, l.size
	dz, z, dkl := l.rows(l.dz, lo, hi), l.rows(l.z, lo, hi), dkl[lo:hi]
	if p == nil {
		for i, w := range dkl {
			kernels.Scal(dz[i*size:(i+1)*size], z[i*size:(i+1)*size], w)
		}
	} else {
		dlp := l.lp[lo:hi]
		for i, w := range dkl {
			dlp[i] = -w
		}
		kernels.GaussLogProbBackward(nil, dz, l.dq(dp, lo, hi), dlp, z, l.q(p, lo, hi), n, size)
	}
	// At the mean the gradient of ln N is 0 with respect to μ and -1/σ to σ.
	kernels.GaussLogProbBackward(nil, nil, l.dq(dq, lo, hi), dkl, l.zero, l.centred(q, lo, hi), n, size)
}

// drawBackward adds to dq what reaches it through z, of which dz is the gradient.
func (l *latent[T]) drawBackward(dq, q []T, lo, hi int) {
	kernels.GaussSampleBackward(l.dq(dq, lo, hi), l.rows(l.dz, lo, hi), l.q(q, lo, hi), l.rows(l.eps, lo, hi), hi-lo, l.size)
}

// stepBackward is the gradient of step once that of z is in dz, where klBackward has begun it if
// the term is sampled.
func (l *latent[T]) stepBackward(dq, dkl, q []T, lo, hi int) {
	if l.sampled {
		l.drawBackward(dq, q, lo, hi)
		return
	}
	kernels.LatentStepBackward(l.dq(dq, lo, hi), nil, l.rows(l.dz, lo, hi), dkl[lo:hi], l.q(q, lo, hi), nil, l.rows(l.eps, lo, hi), hi-lo, l.size)
}
