package kernels

import (
	"math"
	"slices"
)

// gmmMasked is gmm with a mask. The rows of which a part is missing are done one by one.
func gmmMasked[T Float](lp, dx []T, dp *MixtureGrad[T], dlp, x []T, p *Mixture[T], rows, cols int, s mixtureSize) {
	for i := 0; i < rows; i++ {
		row := func(m []T, ld int) []T { return from(m, min(i*ld, len(m))) } // without components there are no elements
		q := Mixture[T]{Logits: row(p.Logits, s.ldl), Mu: row(p.Mu, s.ld), S: row(p.S, s.ld), K: p.K, Form: p.Form}
		dq := MixtureGrad[T]{Logits: row(dp.Logits, s.ldl), Mu: row(dp.Mu, s.ld), S: row(dp.S, s.ld)}
		n := complete(p.Mask, i, rows, cols)
		if n > 0 {
			gmmAll(from(lp, i), from(dx, i*cols), &dq, from(dlp, i), x[i*cols:], &q, n, cols, s)
			i += n - 1
			continue
		}
		r := gmmPart[T]{Mixture: &q, x: x[i*cols:][:cols], mask: p.Mask[i*cols:][:cols]}
		r.largest, r.prior = maxLogSum(q.Logits[:p.K])
		all := r.logSum()
		switch {
		case !slices.ContainsFunc(r.mask, func(m T) bool { return m != 0 }):
			all = r.prior // all of it is missing
			clear(dq.Logits[:min(p.K, len(dq.Logits))])
			clear(dq.Mu[:min(p.K*cols, len(dq.Mu))])
			clear(dq.S[:min(p.K*cols, len(dq.S))])
			clearRow(dx, i, cols, cols)
		case dlp != nil:
			r.backward(rowAt(dx, i, cols, cols), &dq, dlp[i], finiteOr0(all))
		}
		if lp != nil {
			lp[i] = all - r.prior
		}
	}
}

// A gmmPart is a row of which something is missing, with its mixture. The components are done in
// chunks, each of them row after row of Gaussians with the same x, as in other rows.
type gmmPart[T Float] struct {
	*Mixture[T]
	x, mask        []T
	largest, prior T
}

const gmmChunk = 16

// gauss returns the arguments of the Gaussians c to c+n for a span of x.
func (r *gmmPart[T]) gauss(s *spans[T], c, n int) gaussArgs[T] {
	d, at := len(r.x), c*len(r.x)+s.col
	return gaussArgs[T]{x: r.x[s.col:], muQ: r.Mu[at:], sQ: r.S[at:], form: r.Form, rows: n, n: s.cols, ld: d}
}

// terms writes l_c + ln N(x; mu_c, sigma_c) of the components from c on.
func (r *gmmPart[T]) terms(dst []T, c int) {
	for j := range dst {
		dst[j] = r.Logits[c+j] - r.largest
	}
	for s := newSpans(r.mask, 1, len(r.x)); s.next(); {
		var v [gmmChunk]T
		a := r.gauss(&s, c, len(dst))
		a.v = v[:]
		gaussLogProbAll(&a)
		for j := range dst {
			dst[j] += v[j]
		}
	}
}

// logSum returns the log-sum-exp of all terms.
func (r *gmmPart[T]) logSum() T {
	var t [1 + gmmChunk]T // the sum so far, and the next terms
	all := [1]T{T(math.Inf(-1))}
	for c := 0; c < r.K; c += gmmChunk {
		n := min(r.K-c, gmmChunk)
		t[0] = all[0]
		r.terms(t[1:1+n], c)
		LogSumExp(all[:], t[:1+n], 1, 1+n)
	}
	return all[0]
}

// backward writes the gradients of w times the log-density; all is what logSum has returned.
func (r *gmmPart[T]) backward(dx []T, dp *MixtureGrad[T], w, all T) {
	d := len(r.x)
	for c := 0; c < r.K; c += gmmChunk {
		n := min(r.K-c, gmmChunk)
		var p, pi [gmmChunk]T
		r.terms(p[:n], c)
		for j := range n {
			p[j], pi[j] = p[j]-all, r.Logits[c+j]-r.largest-r.prior
		}
		Exp(p[:n], p[:n])
		Exp(pi[:n], pi[:n])
		for j := range n {
			dp.Logits[c+j] = w * (p[j] - pi[j])
			p[j] *= w
		}
		for s := newSpans(r.mask, 1, d); s.next(); {
			a := r.gauss(&s, c, n)
			a.w, a.dmuQ, a.dsQ = p[:n], dp.Mu[c*d+s.col:], dp.S[c*d+s.col:]
			gaussLogProbAll(&a)
		}
		for j, w := range p[:n] {
			r.bound(dp.Mu[(c+j)*d:][:d], w)
			r.bound(dp.S[(c+j)*d:][:d], w)
		}
	}
	for j := range dx {
		sum := 0.0
		for c := range r.K {
			sum -= float64(dp.Mu[c*d+j])
		}
		dx[j] = clampAny(T(sum))
	}
}

// bound keeps the gradients of a component finite, as those of other rows are, and clears those of
// missing entries, and all of a component without weight.
func (r *gmmPart[T]) bound(d []T, w T) {
	for j, v := range d {
		if d[j] = clampAny(v); w == 0 || r.mask[j] == 0 {
			d[j] = 0
		}
	}
}

// clampAny keeps a float32 finite.
func clampAny[T Float](v T) T {
	if is32[T]() {
		v = T(clamp32(float32(v), math.MaxFloat32))
	}
	return v
}
