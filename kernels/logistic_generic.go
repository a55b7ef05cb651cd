package kernels

import (
	"math"

	"github.com/elbow-go/elbow/internal/f32"
)

// logisticGrid counts the levels from the middle, in units of h: the integers from -(levels-1) to
// levels-1. In these units the edges of the bins are integers too, so that neighbours share theirs
// to the last bit, and the probabilities sum to 1. All of them are then multiplied by the power of
// two, step, that puts the last of them between 1/2 and 1: so the product with a mean is in range.
type logisticGrid struct {
	levels1    float32 // levels-1
	step, last float32 // last = step (levels-1)
	unit       float32 // 1/last
}

func newLogisticGrid(levels int) logisticGrid {
	g := logisticGrid{levels1: float32(levels - 1), step: 1}
	for g.levels1*g.step > 1 {
		g.step /= 2
	}
	g.last = g.levels1 * g.step
	g.unit = 1 / g.last
	return g
}

// point returns the level nearest to x.
func (g *logisticGrid) point(x float32) float32 {
	half := float32(0.5 * g.levels1)
	t := f32.FMA(x, half, half)
	if g.levels1 < t {
		t = g.levels1
	}
	if 0 > t {
		t = 0
	}
	return float32(f32.FMA(2, float32(t+f32.Magic)-f32.Magic, -g.levels1) * g.step)
}

// logisticTerm32 is one component. With softplus(z) = max(z, 0) + ln(1 + e^-|z|) and
// t = e^delta - 1,
//
//	ln P = ln(1 - e^-delta) - softplus(a) - softplus(-b)
//	     = ln( t/(t+1) / ((1 + e^-|a|) (1 + e^-|b|)) ) - max(a, 0) - max(-b, 0)
//
// At the ends of the grid a is -Inf, or b Inf, and 1 - e^-delta is replaced by 1.
type logisticTerm32 struct {
	inv      float32 // 1/s
	a, b     float32
	ea, eb   float32 // e^-|a|, e^-|b|
	r        float32 // 1/((1 + ea) (1 + eb))
	width, t float32 // delta and e^delta - 1
	inner    bool    // neither end of the grid
	lp       float32
}

func newLogisticTerm32(form ScaleForm, g *logisticGrid, point, mu, s float32) (l logisticTerm32) {
	inf := float32(math.Inf(1))
	lo, hi := point-g.step, point+g.step
	if point == -g.last {
		lo = -inf
	}
	if point == g.last {
		hi = inf
	}
	l.inner = abs32(point) < g.last
	l.inv, _ = invSigma32(form, s)
	w := float32(l.inv * g.unit)
	l.a = clamp32(float32(f32.FMA(-mu, g.last, lo)*w), f32.MaxBinScore)
	l.b = clamp32(float32(f32.FMA(-mu, g.last, hi)*w), f32.MaxBinScore)
	w = float32(w * g.step) // delta/2
	if 1/f32.MaxSigma > w {
		w = 1 / f32.MaxSigma
	}
	if f32.MaxHalfWidth < w {
		w = f32.MaxHalfWidth
	}
	l.width, l.t = w+w, expm1Twice32(w)
	l.ea, l.eb = exp32(-abs32(l.a)), exp32(-abs32(l.b))
	l.r = 1 / float32((1+l.ea)*(1+l.eb))
	q := l.t / (l.t + 1)
	if !l.inner {
		q = 1
	}
	left, right := l.a, -l.b
	if left < 0 {
		left = 0
	}
	if right < 0 {
		right = 0
	}
	l.lp = logNormal32(float32(q*l.r), 0) - left - right
	return l
}

func (l *logisticTerm32) grad(form ScaleForm, s float32) (dmu, ds float32) {
	na, nb := l.ea, float32(1)
	if l.a > 0 {
		na = 1
	}
	if l.b > 0 {
		nb = l.eb
	}
	fa := float32(float32(na*(1+l.eb)) * l.r) // F(a)
	fb := float32(float32(nb*(1+l.ea)) * l.r) // F(-b)
	var k float32
	if l.inner {
		k = l.width / l.t
	}
	dmu = float32((fa - fb) * l.inv)
	return dmu, dInvSigma32(form, s, l.inv, f32.FMA(l.a, fa, -f32.FMA(l.b, fb, k)))
}

// logisticMixtureGeneric writes lp or the gradients or both; what is nil is left out. dlogits
// holds the components' terms, and dmu and ds the gradients with weight 1, until the
// responsibilities are known. No gradient is infinite: as in gmmGradient32.
func logisticMixtureGeneric(lp, dlogits, dmu, ds, dlp, x, logits, mu, s []float32, form ScaleForm, levels, rows, k, d, ld int) {
	grid := newLogisticGrid(levels)
	for i := range rows {
		var lanes [16]float32
		for j := range d {
			at := i*ld + j*k
			li := partAt(logits, at, k)
			point := grid.point(x[i*d+j])
			largest, prior := maxLogSum32(li)
			joint := newLSELanes32()
			for c, l := range li {
				t := newLogisticTerm32(form, &grid, point, mu[at+c], s[at+c])
				v := l - largest + t.lp
				joint.add(c, v)
				if dlogits != nil {
					dlogits[at+c] = v
					dmu[at+c], ds[at+c] = t.grad(form, s[at+c])
				}
			}
			all := joint.value()
			lanes[j%16] += all - prior
			if dlogits == nil {
				continue
			}
			all = finiteOr0(all)
			for c, l := range li {
				p := exp32(dlogits[at+c] - all)
				dlogits[at+c] = dlp[i] * (p - exp32(l-largest-prior))
				wp := float32(dlp[i] * p)
				dmu[at+c] = clamp32(scaleOrClear32(dmu[at+c], wp), math.MaxFloat32)
				ds[at+c] = clamp32(scaleOrClear32(ds[at+c], wp), math.MaxFloat32)
			}
		}
		if lp != nil {
			lp[i] = f32.Fold16(&lanes)
		}
	}
}

// logisticTerm64 returns ln P and its derivatives: logisticTerm32's equations.
func logisticTerm64(form ScaleForm, point, mu, s, last float64) (lp, dmu, ds float64) {
	sigma, _, dsigma := sigma64(form, s)
	softplus := func(z float64) float64 { return max(z, 0) + math.Log1p(math.Exp(-math.Abs(z))) }
	lower, upper := point != -last, point != last
	width := 2 / last / sigma
	if lower {
		a := ((point-1)/last - mu) / sigma
		f := 1 / (1 + math.Exp(-a))
		lp -= softplus(a)
		dmu += f / sigma
		ds += a * f / sigma
	}
	if upper {
		b := ((point+1)/last - mu) / sigma
		f := 1 / (1 + math.Exp(b))
		lp -= softplus(-b)
		dmu -= f / sigma
		ds -= b * f / sigma
	}
	if lower && upper {
		lp += math.Log(-math.Expm1(-width))
		ds -= width / math.Expm1(width) / sigma
	}
	return lp, dmu, ds * dsigma
}

func logisticMixture64(lp, dlogits, dmu, ds, dlp, x, logits, mu, s []float64, form ScaleForm, levels, rows, k, d, ld int) {
	last := float64(levels - 1)
	for i := range rows {
		sum := 0.0
		for j := range d {
			at := i*ld + j*k
			li := partAt(logits, at, k)
			point := x[i*d+j]
			point = 2*math.RoundToEven((min(max(point, -1), 1)+1)/2*last) - last
			largest, prior := maxLogSum64(li)
			joint := newLSE64()
			for c, l := range li {
				v, dm, dsig := logisticTerm64(form, point, mu[at+c], s[at+c], last)
				v += l - largest
				joint.add(v)
				if dlogits != nil {
					dlogits[at+c], dmu[at+c], ds[at+c] = v, dm, dsig
				}
			}
			all := joint.value()
			sum += all - prior
			if dlogits == nil {
				continue
			}
			for c, l := range li {
				p := math.Exp(dlogits[at+c] - finiteOr0(all))
				dlogits[at+c] = dlp[i] * (p - math.Exp(l-largest-prior))
				if w := dlp[i] * p; w != 0 {
					dmu[at+c] *= w
					ds[at+c] *= w
				} else {
					dmu[at+c], ds[at+c] = 0, 0
				}
			}
		}
		if lp != nil {
			lp[i] = sum
		}
	}
}
