package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/elbow-go/elbow/asm/asmtest"
)

// A rangeDraw draws arguments of Gaussians from near 1 to the ends of float32: numbers far from
// each other and equal ones, and their opposites.
type rangeDraw struct {
	rng    *rand.Rand
	form   ScaleForm
	spread float64 // of ln sigma
	exp    int     // largest exponent of means
	recent float64
}

// newRangeDraw: one in two draws means and sigmas that machine code takes.
func newRangeDraw(rng *rand.Rand, form ScaleForm) *rangeDraw {
	return &rangeDraw{rng: rng, form: form, spread: []float64{2, 15, 39, 80}[rng.IntN(4)], exp: []int{3, 66, 100, 127}[rng.IntN(4)]}
}

func (d *rangeDraw) mean() float64 {
	x := d.recent
	switch d.rng.IntN(8) {
	case 0:
		return 0
	case 1: // as before
	case 2:
		return -x
	case 3:
		x *= 1 + 0x1p-20*d.rng.NormFloat64()
	case 4:
		x = math.Ldexp(2-d.rng.Float64(), d.exp)
	case 5:
		x = d.rng.NormFloat64()
	default:
		x = math.Ldexp(1+d.rng.Float64(), d.exp-d.rng.IntN(d.exp+149))
	}
	x = math.Min(x, math.MaxFloat32)
	if d.rng.IntN(2) == 0 {
		x = -x
	}
	d.recent = x
	return x
}

func (d *rangeDraw) scale() float64 {
	if d.form.isSoftplus() && d.rng.IntN(3) == 0 { // where sigma is nearly the floor
		return -110 * d.rng.Float64()
	}
	return drawScale(d.rng, d.form, d.spread)
}

// weight goes up to where the comments promise something.
func (d *rangeDraw) weight() float64 {
	return math.Ldexp(d.rng.NormFloat64()/4, []int{0, d.rng.IntN(61) - 30}[d.rng.IntN(2)])
}

// fits reports whether got may stand for want: finite and within tol if want fits into float32,
// infinite if it does not. At the end of float32 both are right.
func fits(got float32, want, tol float64) bool {
	g := float64(got)
	size := math.Abs(want)
	switch end := float64(math.MaxFloat32); {
	case size < end*(1-1e-4)-tol:
		return math.Abs(g-want) <= tol
	case size > end*(1+1e-4)+tol:
		return math.IsInf(g, int(math.Copysign(1, want)))
	}
	return g == g
}

// rangeTerm is a Gaussian as one element of a likelihood in float64: score, ln sigma, 1/sigma and
// the derivative of ln sigma with respect to s.
type rangeTerm struct{ t, log, inv, slope float64 }

func newRangeTerm(form ScaleForm, x, mu, s float32) rangeTerm {
	l := oracleLogSigma(form, float64(s))
	g := rangeTerm{log: l, inv: math.Exp(-l)}
	g.t = (float64(x) - float64(mu)) * g.inv
	g.slope = g.inv * oracleDSigma(form, float64(s))
	return g
}

// tiny is the error of what lies below the normal numbers on the way.
func (g rangeTerm) tiny(w float64) float64 {
	return 0x1p-145 * (1 + g.inv*math.Sqrt(g.inv)) * (1 + math.Abs(g.t)) * (1 + g.slope) * (1 + math.Abs(w))
}

// tol is the error of a factor of the slope: that of the bounds of the comments, up to |ln r| = 160,
// and what the slope of a softplus loses below the normal numbers.
func (g rangeTerm) tol() float64 { return rangeTol*g.slope + 0x1p-147*g.inv }

const rangeTol = 1e-4

// TestGaussRange compares values and gradients with float64 wherever they fit into float32, for
// arguments from end to end; and machine code with plain Go, bit for bit, in place too.
func TestGaussRange(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 81))
		rounds := 300
		if *exhaustive {
			rounds = 30000
		}
		for n := range rounds {
			form := ScaleForm(n % 4)
			d := newRangeDraw(rng, form)
			rows, cols := 1+rng.IntN(20), 1+rng.IntN(20)
			if n%3 > 0 { // a row with one outlier in it is not for machine code
				rows, cols = 1+rng.IntN(40), 1
			}
			testGaussRange(t, d, rows, cols)
		}
	})
}

func testGaussRange(t *testing.T, d *rangeDraw, rows, cols int) {
	n, form := rows*cols, d.form
	x, mu, s, sp, w := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n), randRow(rows, d.weight)
	for i := range n {
		x[i], mu[i], s[i], sp[i] = float32(d.mean()), float32(d.mean()), float32(d.scale()), float32(d.scale())
	}
	lp, dx, dmu, ds := make([]float32, rows), make([]float32, n), make([]float32, n), make([]float32, n)
	GaussLogProbBackward(lp, dx, gradOf(dmu, ds), w, x, gaussOf(mu, s, form, cols), rows, cols)
	for i := range rows {
		want, size := 0.0, 0.0
		for j := range cols {
			at := i*cols + j
			g := newRangeTerm(form, x[at], mu[at], s[at])
			want, size = want-g.t*g.t/2-g.log-math.Log(2*math.Pi)/2, size+g.t*g.t/2+math.Abs(g.log)+1
			checkRange(t, g, form, float64(w[i]), dmu[at], ds[at], fmt.Sprintf("x %v mu %v", x[at], mu[at]), s[at])
			if dx[at] != -dmu[at] {
				t.Fatalf("dx = %v, want %v", dx[at], -dmu[at])
			}
		}
		if !fits(lp[i], want, rangeTol*size) {
			t.Fatalf("%v: lp = %v, want %v; x = %v, mu = %v, s = %v", form, lp[i], want, x[i*cols:][:cols], mu[i*cols:][:cols], s[i*cols:][:cols])
		}
	}
	a, b, c, e := make([]float32, rows), make([]float32, n), make([]float32, n), make([]float32, n)
	gaussLogProbGeneric(&gaussArgs[float32]{v: a, dx: b, dmuQ: c, dsQ: e, w: w, x: x, muQ: mu, sQ: s, form: form, rows: rows, n: cols, ldx: cols, ld: cols}, 0, rows)
	asmtest.SameFloats(t, "lp", lp, a)
	asmtest.SameFloats(t, "dmu", dmu, c)
	asmtest.SameFloats(t, "ds", ds, e)
	c, e = append(c[:0], mu...), append(e[:0], s...)
	GaussLogProbBackward(nil, nil, gradOf(c, e), w, x, gaussOf(c, e, form, cols), rows, cols)
	asmtest.SameFloats(t, "dmu in place", c, dmu)
	asmtest.SameFloats(t, "ds in place", e, ds)

	for _, std := range []bool{false, true} {
		muP, sP := mu, sp
		if std {
			muP, sP = nil, nil
		}
		testKLRange(t, d, w, x, s, muP, sP, rows, cols)
	}
}

// checkRange compares the gradients of w times a log-density.
func checkRange(t *testing.T, g rangeTerm, form ScaleForm, w float64, dmu, ds float32, what string, s float32) {
	t.Helper()
	want, tol := w*g.t*g.inv, math.Abs(w)*(g.t*g.t+1)*g.tol()
	if !fits(dmu, want, rangeTol*math.Abs(want)+g.tiny(w)) {
		t.Fatalf("%v: dmu = %v, want %v; %s, s %v, weight %v", form, dmu, want, what, s, w)
	}
	if want = w * (g.t*g.t - 1) * g.slope; !fits(ds, want, tol+g.tiny(w)*(1+math.Abs(g.t))) {
		t.Fatalf("%v: ds = %v, want %v; %s, s %v, weight %v", form, ds, want, what, s, w)
	}
}

func testKLRange(t *testing.T, d *rangeDraw, w, muQ, sQ, muP, sP []float32, rows, cols int) {
	n, form, std := rows*cols, d.form, muP == nil
	kl, dmu, ds := make([]float32, rows), make([]float32, n), make([]float32, n)
	var dmuP, dsP []float32
	if !std {
		dmuP, dsP = make([]float32, n), make([]float32, n)
	}
	args := gaussArgs[float32]{v: kl, dmuQ: dmu, dsQ: ds, dmuP: dmuP, dsP: dsP, w: w, muQ: muQ, sQ: sQ, muP: muP, sP: sP,
		form: form, rows: rows, n: cols, ld: cols}
	gaussKL(&args)
	dz, eps := randRow(n, d.rng.NormFloat64), randRow(n, d.rng.NormFloat64)
	zmu, zs, zmuP, zsP := make([]float32, n), make([]float32, n), append([]float32(nil), dmuP...), append([]float32(nil), dsP...)
	LatentStepBackward(gradOf(zmu, zs), gradOf(zmuP, zsP), dz, w, gaussOf(muQ, sQ, form, cols), gaussOf(muP, sP, form, cols), eps, rows, cols)
	for i := range rows {
		want, size := 0.0, 0.0
		for j := range cols {
			at := i*cols + j
			q, p := newRangeTerm(form, muQ[at], muQ[at], sQ[at]), rangeTerm{t: float64(muQ[at]), inv: 1}
			what := fmt.Sprintf("%v: muQ %v sQ %v weight %v", form, muQ[at], sQ[at], w[i])
			if !std {
				p = newRangeTerm(form, muQ[at], muP[at], sP[at])
				what += fmt.Sprintf(" muP %v sP %v", muP[at], sP[at])
			}
			l := q.log - p.log
			r2 := math.Exp(2 * l)
			want, size = want+(math.Expm1(2*l)+p.t*p.t)/2-l, size+(r2+1+p.t*p.t)/2+math.Abs(l)
			weight := float64(w[i])
			check := func(name string, got float32, want, tol float64) {
				t.Helper()
				if tol += p.tiny(weight) * (1 + q.tiny(0)/0x1p-145) * (1 + math.Abs(p.t)) * (1 + math.Exp(l)); !fits(got, want, tol) {
					t.Fatalf("%s = %v, want %v; %s", name, got, want, what)
				}
			}
			v := weight * p.t * p.inv
			check("dmuQ", dmu[at], v, rangeTol*math.Abs(v))
			g := float64(dz[at])
			check("latent dmuQ", zmu[at], v+g, rangeTol*(math.Abs(v)+math.Abs(g)))
			v, e := weight*math.Expm1(2*l)*q.slope, math.Abs(weight)*(r2+1)*q.tol()
			check("dsQ", ds[at], v, e)
			g *= float64(eps[at]) * oracleDSigma(form, float64(sQ[at]))
			check("latent dsQ", zs[at], v+g, e+rangeTol*math.Abs(g)+0x1p-147)
			if !std {
				check("dsP", dsP[at], -weight*(math.Expm1(2*l)+p.t*p.t)*p.slope, math.Abs(weight)*(r2+1+p.t*p.t)*p.tol())
				if dmuP[at] != -dmu[at] {
					t.Fatalf("dmuP = %v, want %v", dmuP[at], -dmu[at])
				}
			}
		}
		if !fits(kl[i], want, rangeTol*size) {
			t.Fatalf("%v: KL = %v, want %v", form, kl[i], want)
		}
	}
	a, b, c := make([]float32, rows), make([]float32, n), make([]float32, n)
	e, f := append([]float32(nil), dmuP...), append([]float32(nil), dsP...)
	args.v, args.dmuQ, args.dsQ, args.dmuP, args.dsP = a, b, c, e, f
	gaussKLGeneric(&args, 0, rows)
	asmtest.SameFloats(t, "KL", kl, a)
	asmtest.SameFloats(t, "dmuQ", dmu, b)
	asmtest.SameFloats(t, "dsQ", ds, c)
	asmtest.SameFloats(t, "dsP", dsP, f)
	latentStepBackwardGeneric(&latentArgs[float32]{gaussArgs: args, dz: dz, eps: eps}, 0, rows)
	asmtest.SameFloats(t, "latent dmuQ", zmu, b)
	asmtest.SameFloats(t, "latent dsQ", zs, c)
	asmtest.SameFloats(t, "latent dsP", zsP, f)
	b, c = append(b[:0], muQ...), append(c[:0], sQ...)
	e, f = append([]float32(nil), muP...), append([]float32(nil), sP...)
	gaussKL(&gaussArgs[float32]{dmuQ: b, dsQ: c, dmuP: e, dsP: f, w: w, muQ: b, sQ: c, muP: e, sP: f,
		form: form, rows: rows, n: cols, ld: cols})
	asmtest.SameFloats(t, "dmuQ in place", b, dmu)
	asmtest.SameFloats(t, "dsQ in place", c, ds)
	asmtest.SameFloats(t, "dsP in place", f, dsP)
}

// TestGaussFar: gradients of numbers at the ends of float32, in rows of one and of many columns.
func TestGaussFar(t *testing.T) {
	asmtest.ForEachISA(t, func(t *testing.T) {
		for _, form := range gaussForms {
			sigma := []float32{4, 1.3862944, 2.7725887, 3.9813976}[form&formMask] - float32(form.Floor()) // about 4
			for _, c := range []struct{ x, mu, w, want float32 }{
				{3e38, -3e38, 1, 3.75e37}, {-3e38, 3e38, 1, -3.75e37}, {3e38, 0, 8, 1.5e38}, {3e38, -3e38, 1e-30, 3.75e7},
			} {
				for _, cols := range []int{1, 40} {
					x, mu, s := make([]float32, cols), make([]float32, cols), make([]float32, cols)
					for j := range s {
						s[j] = sigma
					}
					at := cols / 2
					x[at], mu[at] = c.x, c.mu
					dx, dmu, ds, dmuP, dsP := make([]float32, cols), make([]float32, cols), make([]float32, cols), make([]float32, cols), make([]float32, cols)
					w := []float32{c.w}
					near := func(what string, got float32) {
						t.Helper()
						if !(abs32(got-c.want) <= 1e-3*abs32(c.want)) {
							t.Errorf("%v, %d columns: %s = %v, want %v", form, cols, what, got, c.want)
						}
					}
					GaussLogProbBackward(nil, dx, gradOf(dmu, ds), w, x, gaussOf(mu, s, form, cols), 1, cols)
					near("dmu", dmu[at])
					near("-dx", -dx[at])
					GaussKLBackward(nil, gradOf(dmu, ds), gradOf(dmuP, dsP), w, gaussOf(x, s, form, cols), gaussOf(mu, s, form, cols), 1, cols)
					near("dmuQ", dmu[at])
					near("-dmuP", -dmuP[at])
				}
			}
		}
	})
}
