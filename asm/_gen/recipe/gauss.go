package recipe

import (
	"math"

	. "github.com/elbow-go/elbow/asm/_gen/engine"
	"github.com/elbow-go/elbow/internal/f32"
)

// Diagonal Gaussians: KL divergence, log-density, samples, and their gradients, operation by
// operation as kernels/gauss_generic.go and kernels/gauss_latent_generic.go. In Go an element
// costs 5 to 220 ns, most of it emulated fma; here 0.1 to 4.
//
// The kernels take plain rows only: sigma, or s as the form has it, is in the range of plain,
// and means and what they are means of are at most f32.MaxPlainMean, or their scores at most
// f32.MaxPlainScore. Then 1/sigma is accurate, two ratios of sigmas fit into a product, exponentials in
// logScale need no limits, and no gradient overflows on the way if it fits; hence no case
// distinctions here. The kernels themselves report a call in which a sigma was not plain; where a
// score is too large, a value is not finite (or, in latentBackward, the score is reported as well).
// The caller then gives the rows that GaussPlain does not find plain to the reference. A gradient
// that lies where its argument was leaves no second try: then GaussPlain has to be asked first.

// A scale says how s gives sigma. LogVar is logScale with a factor of 1/2 on s, LogSigma with
// a factor of 1.
type scale int

const (
	sigmaScale scale = iota
	logScale
	softplusScale
)

var scales = []scale{sigmaScale, logScale, softplusScale}

func (c scale) String() string { return [...]string{"Sigma", "Log", "Softplus"}[c] }

// plain is the range of s in which a row is plain, as bits of s & mask - low <= span: for Sigma
// from 2^-30 to 2^30, for logScale |s| <= 40, for softplusScale |s| <= 2^30.
func (c scale) plain() (mask, low, span uint32) {
	switch c {
	case sigmaScale:
		low = math.Float32bits(f32.MinPlainSigma)
		return math.MaxUint32, low, math.Float32bits(f32.MaxPlainSigma) - low
	case logScale:
		return 1<<31 - 1, 0, math.Float32bits(f32.MaxPlainLog)
	}
	return 1<<31 - 1, 0, math.Float32bits(f32.MaxPlainSigma)
}

// watch notes in Keep[0] how far the numbers of an s are out of the plain range.
func (c scale) watch(b *Block, s *Value) {
	mask, low, _ := c.plain()
	if mask != math.MaxUint32 {
		s = b.And(s, b.Bits(mask))
	}
	if low != 0 {
		s = b.SubI(s, b.Bits(low))
	}
	b.KeepMaxU(0, s)
}

func watchFirst(b *Block, k *Vars) { b.Set(k.Keep[0], b.Bits(0)) }

// watchLast sets the signs of Keep[0] where there was a number out of range: min(x, span+1) > span.
func (c scale) watchLast(b *Block, k *Vars) { b.Set(k.Keep[0], c.outOfRange(b, k.Keep[0])) }

func (c scale) outOfRange(b *Block, v *Var) *Value {
	_, _, span := c.plain()
	return b.AddI(b.MinU(b.Get(v), b.Bits(span+1)), b.Bits(1<<31-span-1))
}

func (c scale) scalars() []string {
	if c == sigmaScale {
		return nil
	}
	return []string{"factor float32"}
}

// when is the condition under which a dispatch function calls a kernel of the form, and and.
func (c scale) when(and string) string {
	form := "scale == " + [...]string{"Sigma", "LogSigma", "SoftplusSigma"}[c]
	if and != "" {
		form += " && " + and
	}
	return form
}

// whether is the condition that an array is not there, or that it is.
func whether(array string, absent bool) string {
	return array + map[bool]string{false: " != nil", true: " == nil"}[absent]
}

func (c scale) doc() string {
	return [...]string{"s is sigma.", "factor s is ln sigma.", "sigma is ln(1+e^s) + factor."}[c]
}

// lnSigma is ln sigma in logScale.
func lnSigma(b *Block, s *Value) *Value { return b.Mul(s, b.Param("factor")) }

// sdev is sigma in the other scales; e is e^-|s| in softplusScale.
func sdev(b *Block, c scale, s *Value) (sigma, e *Value) {
	if c == sigmaScale {
		return s, nil
	}
	e = exp(b, b.Or(s, b.Bits(SignBit)), false, expNotAbove)
	l := b.Add(b.Keep(b.Greater(s, b.Const(0)), s), log1pUnit(b, e))
	return b.Add(l, b.Param("factor")), e
}

// dSoftplus is the derivative of softplus at s, given e^-|s|.
func dSoftplus(b *Block, s, e *Value) *Value {
	return b.Div(b.Select(b.Less(s, b.Const(0)), e, b.Const(1)), b.Add(b.Const(1), e))
}

// toArg makes the gradient of s from that of sigma.
func toArg(b *Block, c scale, s, e, d *Value) *Value {
	if c != softplusScale {
		return d
	}
	slope := dSoftplus(b, s, e)
	return keepSlope(b, slope, b.Mul(d, slope))
}

// keepSlope is the gradient d of a softplus argument, and 0 where the slope is 0.
func keepSlope(b *Block, slope, d *Value) *Value {
	return b.Keep(b.Not(b.Equal(slope, b.Const(0))), d)
}

// halfInv is e^(-l/2).
func halfInv(b *Block, l *Value) *Value { return exp(b, b.Mul(l, b.Const(-0.5)), false, expNormal) }

func (c scale) accs() int {
	if c == logScale {
		return 2
	}
	return 3
}

func (c scale) zero(b *Block, k *Vars) {
	k.Zero(b, accSquares)
	if c == logScale {
		k.Zero(b, accLogs)
	} else {
		one(b, k)
	}
}

func (c scale) each() func(b *Block, k *Vars) {
	if c == logScale {
		return nil
	}
	return func(b *Block, k *Vars) { normalize(b, k, false) }
}

// klTerm is one dimension of a KL divergence: t = (muQ-muP)/sigmaP, r = sigmaQ/sigmaP.
type klTerm struct {
	c                scale
	std              bool
	t, r, h, l       *Value // h = e^(-ln(sigmaP)/2) and l = ln r in logScale
	sq, sp, q, p     *Value
	eq, ep, lq, invp *Value
}

func newKLTerm(b *Block, c scale, std bool, muQ *Value) *klTerm {
	k := &klTerm{c: c, std: std, sq: b.Load("sQ", 0)}
	c.watch(b, k.sq)
	d := muQ
	if !std {
		k.sp = b.Load("sP", 0)
		c.watch(b, k.sp)
		d = b.Sub(muQ, b.Load("muP", 0))
	}
	switch {
	case c == logScale && std:
		k.lq = lnSigma(b, k.sq)
		k.l = k.lq
		k.t, k.r = muQ, exp(b, k.l, false, expNormal)
	case c == logScale:
		k.lq = lnSigma(b, k.sq)
		lp := lnSigma(b, k.sp)
		k.l = b.Sub(k.lq, lp)
		b.Par(func() { k.r = exp(b, k.l, false, expNormal) }, func() { k.h = halfInv(b, lp) })
		k.t = b.Mul(b.Mul(d, k.h), k.h)
	case std:
		k.q, k.eq = sdev(b, c, k.sq)
		k.t, k.r = muQ, k.q
	default:
		b.Par(func() { k.q, k.eq = sdev(b, c, k.sq) }, func() { k.p, k.ep = sdev(b, c, k.sp) })
		k.invp = b.Div(b.Const(1), k.p)
		k.t = b.Mul(d, k.invp)
		r := b.Mul(k.q, k.invp)
		k.r = b.FMA(b.FNMA(r, k.p, k.q), k.invp, r)
	}
	return k
}

// sum adds the term to the row.
func (k *klTerm) sum(b *Block) {
	t, r := b.Mul(k.t, b.Const(0.5)), b.Mul(k.r, b.Const(0.5))
	b.AccAdd(accSquares, b.FMA(t, t, b.FMA(r, r, b.Const(-0.25))))
	if k.c == logScale {
		b.AccAdd(accLogs, k.l)
	} else {
		b.AccMul(accLogs, k.r)
	}
}

// grad is the gradient of w times the term, of muQ, of sigmaQ or its ln, and of sP.
func (k *klTerm) grad(b *Block, w *Value) (dmu, dq, dsP *Value) {
	r1, r2 := b.Sub(k.r, b.Const(1)), b.Add(k.r, b.Const(1))
	if k.c == logScale {
		if k.std {
			dmu = b.Mul(w, k.t)
		} else {
			dmu = b.Mul(b.Mul(b.Mul(w, k.h), k.t), k.h)
		}
		wl := b.Mul(w, b.Param("factor"))
		dq = b.Mul(b.Mul(wl, r1), r2)
		if !k.std {
			dsP = b.Neg(b.FMA(b.Mul(wl, k.t), k.t, dq))
		}
		return dmu, dq, dsP
	}
	dmu = b.Mul(w, k.t)
	if !k.std {
		dmu = b.Mul(dmu, k.invp)
	}
	dq = b.Mul(b.Mul(w, b.Mul(r1, b.Div(b.Const(1), k.q))), r2)
	if k.std {
		return dmu, dq, nil
	}
	rest := b.Mul(w, b.Mul(r1, k.invp))
	if k.c == sigmaScale {
		return dmu, dq, b.Neg(b.FMA(dmu, k.t, b.Mul(rest, r2)))
	}
	slope := dSoftplus(b, k.sp, k.ep)
	dsP = b.FMA(b.Mul(dmu, slope), k.t, b.Mul(b.Mul(rest, slope), r2))
	return dmu, dq, keepSlope(b, slope, b.Neg(dsP))
}

// klValue is the KL divergence of a row: not negative.
func klValue(b *Block, squares, logs *Value) *Value {
	kl := b.FMS(b.Const(2), squares, logs)
	return b.Select(b.Less(kl, b.Const(0)), b.Const(0), kl)
}

func strided(names ...string) (a []Array) {
	for _, n := range names {
		a = append(a, Array{Name: n, Kind: Strided, Ld: "ld"})
	}
	return a
}

func Gauss(f *File) {
	gaussPlain(f, "GaussPlain", nil)
	gaussPlain(f, "GaussPlainX", []Array{{Name: "x"}})
	for _, log := range []bool{false, true} {
		for _, of := range []string{"GaussKL", "GaussLogProb"} {
			f.Serve(endName(of, log), endName(of, false), "scale "+map[bool]string{false: "!=", true: "=="}[log]+" LogSigma")
		}
		laneEnd(f, endName("GaussKL", log), "writes the KL divergences", log, "", klValue)
		laneEnd(f, endName("GaussLogProb", log), "writes the log-densities", log, ", d float32", logProbValue)
	}
	for _, c := range scales {
		for _, std := range []bool{false, true} {
			gaussKL(f, c, std)
		}
	}
	for _, c := range scales {
		gaussLogProb(f, c)
		gmmGradient(f, c)
		if c != sigmaScale {
			gmmGradientKept(f, c)
		}
		gaussSample(f, c)
	}
	for _, c := range scales {
		for _, std := range []bool{false, true} {
			latentStep(f, c, std)
		}
	}
}

// endName is the name of the laneEnd of a kernel.
func endName(kernel string, log bool) string {
	return kernel + map[bool]string{false: "", true: "Log"}[log] + "End"
}

// lanesOf is the array that kernels with sums have first.
var lanesOf = Array{Name: "lanes", Kind: Lanes}

// gaussPlain tells which rows are plain, in integers: |mu| by its bits, s after & smask and
// - slo, which must give at most span.
func gaussPlain(f *File, name string, x []Array) {
	means := "mu"
	if x != nil {
		means = "x mu"
	}
	f.Kernel(Kernel{
		Name: name, Of: "GaussPlain", When: whether("x", x == nil), Doc: []string{"returns how many rows are left at the first row that is not plain, or 0: see asm/_gen/recipe/gauss.go.",
			"A row is plain if (bits of s & smask) - slo <= span as unsigned integers, span < 1<<31 - 1, and |mu| <= 2^68 in all its elements" +
				map[bool]string{true: ".", false: ", and |x| too."}[x == nil]},
		Arrays: append(x, strided("mu", "s")...), Accs: 2, Lanes: 16, Vars: 1, Left: true,
		Scalars: []string{"smask uint32", "slo uint32", "span uint32"},
		Passes: []Pass{{Uses: means + " s",
			Before: func(b *Block, k *Vars) { k.Zero(b, 0); k.Zero(b, 1) },
			Body: func(b *Block) {
				if x != nil {
					b.AccMaxU(0, b.Abs(b.Load("x", 0)))
				}
				b.AccMaxU(0, b.Abs(b.Load("mu", 0)))
				b.AccMaxU(1, b.SubI(b.And(b.Load("s", 0), b.Param("smask")), b.Param("slo")))
			},
			After: func(b *Block, k *Vars) {
				// What is not plain sets the sign: max > f32.MaxPlainMean, or min(max, span+1) > span.
				last := b.AddI(b.Param("span"), b.Bits(1))
				bias := b.SubI(b.Bits(1<<31), last)
				var bad *Value
				for i := range k.Acc[0] {
					m := b.AddI(b.Get(k.Acc[0][i]), b.Bits(1<<31-1-math.Float32bits(f32.MaxPlainMean)))
					s := b.AddI(b.MinU(b.Get(k.Acc[1][i]), last), bias)
					for _, v := range []*Value{m, s} {
						if bad != nil {
							v = b.Or(bad, v)
						}
						bad = v
					}
				}
				b.Set(k.Keep[0], b.Sar(bad, 31))
			}}},
	})
}

func gaussKL(f *File, c scale, std bool) {
	name, of, arrays, outs := "GaussKL", []string{"muQ", "sQ", "muP", "sP"}, "muQ sQ muP sP", []string{"dmuQ", "dsQ", "dmuP", "dsP"}
	if std {
		name, of, arrays, outs = "GaussKLStandard", of[:2], "muQ sQ", outs[:2]
	}
	laneSums(f, c, false, Kernel{
		Name: name + c.String(), Of: "GaussKL", When: c.when(whether("muP", std)), Doc: []string{"leaves the lanes of KL divergences, at most 16 rows, and reports rows that are not plain: see kernels." + name + ".", c.doc()},
		Arrays: append([]Array{lanesOf}, strided(of...)...),
	}, Pass{Uses: arrays,
		Body: func(b *Block) { newKLTerm(b, c, std, b.Load("muQ", 0)).sum(b) }})
	uses := arrays
	for _, o := range outs {
		uses += " " + o
	}
	laneSums(f, c, true, Kernel{
		Name: name + c.String() + "Backward", Of: "GaussKLBackward", When: c.when(whether("muP", std)), Doc: []string{"is " + name + c.String() + " and its gradient, with the weights in lanes: see kernels." + name + "Backward.",
			"The gradients of p are stored before those of q, which may be in the same place."},
		Arrays: append(append([]Array{lanesOf}, strided(outs...)...), strided(of...)...),
	}, Pass{Uses: uses,
		Body: func(b *Block) {
			k := newKLTerm(b, c, std, b.Load("muQ", 0))
			k.sum(b)
			dmu, dq, dsP := k.grad(b, b.Kept(1))
			if !std {
				b.Store("dmuP", 0, b.Neg(dmu))
				b.Store("dsP", 0, dsP)
			}
			b.Store("dmuQ", 0, dmu)
			b.Store("dsQ", 0, toArg(b, c, k.sq, k.eq, dq))
		}})
}
