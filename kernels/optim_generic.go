package kernels

import (
	"math"

	"github.com/elbow-go/elbow/internal/f32"
)

// flushBelow returns +0 for |x| < lim. NaN stays.
func flushBelow(x, lim float32) float32 {
	if abs32(x) < lim {
		x = 0
	}
	return x
}

func sqrt32(x float32) float32 { return float32(math.Sqrt(float64(x))) } // correctly rounded

// adamGeneric takes a = lr/c1 and s = 1/c2.
func adamGeneric(p, g, m, v []float32, beta1, beta2, a, eps, s float32) {
	b, d := 1-beta1, 1-beta2
	for i := range p {
		gi := g[i]
		mi := flushBelow(f32.FMA(beta1, m[i], float32(b*gi)), f32.FlushMean)
		vi := flushBelow(f32.FMA(float32(d*gi), gi, float32(beta2*v[i])), f32.FlushSquare)
		m[i], v[i] = mi, vi
		p[i] = f32.FMA(-a, mi/(sqrt32(vi*s)+eps), p[i])
	}
}

func adam64(p, g, m, v []float64, beta1, beta2, a, eps, s float64) {
	for i, gi := range g[:len(p)] {
		m[i] = beta1*m[i] + (1-beta1)*gi
		v[i] = beta2*v[i] + (1-beta2)*gi*gi
		p[i] = p[i] - a*m[i]/(math.Sqrt(v[i]*s)+eps)
	}
}

func sgdGeneric(p, g, m []float32, lr, mu float32) {
	for i := range p {
		mi := flushBelow(f32.FMA(mu, m[i], g[i]), f32.FlushMean)
		m[i] = mi
		p[i] = f32.FMA(-lr, mi, p[i])
	}
}

func sgd64(p, g, m []float64, lr, mu float64) {
	for i := range p {
		m[i] = mu*m[i] + g[i]
		p[i] -= lr * m[i]
	}
}

func adagradGeneric(p, g, s []float32, lr, eps float32) {
	for i := range p {
		si := flushBelow(f32.FMA(g[i], g[i], s[i]), f32.FlushSquare)
		s[i] = si
		p[i] = f32.FMA(-lr, g[i]/(sqrt32(si)+eps), p[i])
	}
}

func adagrad64(p, g, s []float64, lr, eps float64) {
	for i := range p {
		s[i] += g[i] * g[i]
		p[i] -= lr * g[i] / (math.Sqrt(s[i]) + eps)
	}
}
