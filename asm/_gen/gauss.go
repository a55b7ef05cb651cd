package main

import "math"

// Diagonal Gaussians: KL divergence, log-density, samples, and their gradients, operation by
// operation as kernels/gauss_generic.go and kernels/gauss_latent_generic.go. In Go an element
// costs 5 to 220 ns, most of it emulated fma; here 0.1 to 4.
//
// The kernels with sums take plain rows only, which GaussPlain tells from the others: all |mu|
// up to 2^126, sigma (or s, as the form has it) up to 2^30, sigma from 2^-30 on. Then no
// difference of means overflows, 1/sigma is accurate, and two ratios of sigmas fit into a
// product. The caller gives the other rows to the reference; hence no case distinctions here.

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

func (c scale) scalars() []string {
	if c == logScale {
		return []string{"factor float32"}
	}
	return nil
}

func (c scale) doc() string {
	return [...]string{"s is sigma.", "factor s is ln sigma.", "sigma is ln(1+e^s) + ScaleEps."}[c]
}

const scaleEps = 1e-4

// lnSigma is ln sigma in logScale.
func (b *Block) lnSigma(s *Value) *Value { return b.Mul(s, b.Param("factor")) }

// sdev is sigma in the other scales; e is e^-|s| in softplusScale.
func (b *Block) sdev(c scale, s *Value) (sigma, e *Value) {
	if c == sigmaScale {
		return s, nil
	}
	e = b.exp(b.Or(s, b.Bits(0x80000000)), false, expNotAbove)
	l := b.Add(b.Keep(b.Cmp(GT, s, b.Const(0)), s), b.log1pUnit(e))
	return b.Add(l, b.Const(scaleEps)), e
}

// dSoftplus is the derivative of softplus at s, given e^-|s|.
func (b *Block) dSoftplus(s, e *Value) *Value {
	return b.Div(b.Select(b.Cmp(LT, s, b.Const(0)), e, b.Const(1)), b.Add(b.Const(1), e))
}

// toArg makes the gradient of s from that of sigma: 0 where the derivative is 0.
func (b *Block) toArg(c scale, s, e, d *Value) *Value {
	if c != softplusScale {
		return d
	}
	ds := b.dSoftplus(s, e)
	return b.Keep(b.Cmp(NEQ, ds, b.Const(0)), b.Mul(d, ds))
}

func (b *Block) neg(x *Value) *Value { return b.Xor(x, b.Bits(0x80000000)) }

// halfInv is e^(-l/2), kept finite.
func (b *Block) halfInv(l *Value) *Value {
	return b.MinC(math.MaxFloat32, b.exp(b.Mul(l, b.Const(-0.5)), false, expAny))
}

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
		k.one(b)
	}
}

func (c scale) each() func(b *Block, k *Vars) {
	if c == logScale {
		return nil
	}
	return func(b *Block, k *Vars) { k.normalize(b, false) }
}

func (c scale) logs(b *Block, k *Vars) *Value {
	if c == logScale {
		return b.Add(k.Sum(b, accLogs), b.Const(0))
	}
	return k.logProduct(b, false)
}

// klTerm is one dimension of a KL divergence: t = (muQ-muP)/sigmaP, r = sigmaQ/sigmaP.
type klTerm struct {
	c                scale
	std              bool
	t, r, h, l       *Value // h = e^(-ln(sigmaP)/2) and l = ln r in logScale
	sq, sp, q, p     *Value
	eq, ep, lq, invp *Value
}

func (b *Block) klTerm(c scale, std bool, muQ *Value) *klTerm {
	k := &klTerm{c: c, std: std, sq: b.Load("sQ", 0)}
	if !std {
		k.sp = b.Load("sP", 0)
	}
	switch {
	case c == logScale && std:
		k.lq = b.lnSigma(k.sq)
		k.l = k.lq
		k.t, k.r = muQ, b.exp(k.l, false, expAny)
	case c == logScale:
		k.lq = b.lnSigma(k.sq)
		lp := b.lnSigma(k.sp)
		k.l = b.Sub(k.lq, lp)
		b.Par(func() { k.r = b.exp(k.l, false, expAny) }, func() { k.h = b.halfInv(lp) })
		k.t = b.Mul(b.Mul(b.Sub(muQ, b.Load("muP", 0)), k.h), k.h)
	case std:
		k.q, k.eq = b.sdev(c, k.sq)
		k.t, k.r = muQ, k.q
	default:
		b.Par(func() { k.q, k.eq = b.sdev(c, k.sq) }, func() { k.p, k.ep = b.sdev(c, k.sp) })
		k.invp = b.Div(b.Const(1), k.p)
		k.t = b.Mul(b.Sub(muQ, b.Load("muP", 0)), k.invp)
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

// grad is the gradient of w times the term, of muQ and of sigmaQ and sigmaP or their ln.
func (k *klTerm) grad(b *Block, w *Value) (dmu, dq, dp *Value) {
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
			dp = b.neg(b.FMA(b.Mul(wl, k.t), k.t, dq))
		}
		return dmu, dq, dp
	}
	dmu = b.Mul(w, k.t)
	if !k.std {
		dmu = b.Mul(dmu, k.invp)
	}
	dq = b.Mul(b.Mul(w, b.Mul(r1, b.Div(b.Const(1), k.q))), r2)
	if !k.std {
		dp = b.neg(b.FMA(dmu, k.t, b.Mul(b.Mul(w, b.Mul(r1, k.invp)), r2)))
	}
	return dmu, dq, dp
}

// value is the KL divergence of the row: not negative.
func (c scale) klValue(b *Block, k *Vars) *Value {
	l := c.logs(b, k)
	kl := b.FMS(b.Const(2), k.Sum(b, accSquares), l)
	return b.Select(b.Cmp(LT, kl, b.Const(0)), b.Const(0), kl)
}

func strided(names ...string) (a []Array) {
	for _, n := range names {
		a = append(a, Array{Name: n, Kind: Strided, Ld: "ld"})
	}
	return a
}

func gaussKernels(f *File) {
	gaussPlain(f, "GaussPlain", nil)
	gaussPlain(f, "GaussPlainX", []Array{{Name: "x"}})
	for _, c := range scales {
		for _, std := range []bool{false, true} {
			gaussKL(f, c, std)
		}
	}
	for _, c := range scales {
		gaussLogProb(f, c)
		gaussSample(f, c)
	}
	for _, c := range scales {
		for _, std := range []bool{false, true} {
			latentStep(f, c, std)
		}
	}
}

// gaussPlain tells which rows are plain, in integers: |mu| by its bits, s after & smask and
// - slo, which must give at most span.
func gaussPlain(f *File, name string, x []Array) {
	means := "mu"
	if x != nil {
		means = "x mu"
	}
	f.Kernel(Kernel{
		Name: name, Doc: []string{"returns how many rows are left at the first row that is not plain, or 0: see asm/_gen/gauss.go.",
			"A row is plain if (bits of s & smask) - slo <= span as unsigned integers, span < 1<<31 - 1, and |mu| <= 2^126 in all its elements" +
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
				// What is not plain sets the sign: max > 2^126, or min(max, span+1) > span.
				last := b.AddI(b.Param("span"), b.Bits(1))
				bias := b.SubI(b.Bits(1<<31), last)
				var bad *Value
				for i := range k.acc[0] {
					m := b.AddI(b.Get(k.acc[0][i]), b.Bits(1<<31-1-0x7e800000))
					s := b.AddI(b.MinU(b.Get(k.acc[1][i]), last), bias)
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
	f.Kernel(Kernel{
		Name: name + c.String(), Doc: []string{"writes the KL divergences of plain rows: see kernels." + name + ".", c.doc()},
		Arrays: append([]Array{{Name: "kl", Kind: PerRow}}, strided(of...)...),
		Accs:   c.accs(), Lanes: 16, Scalars: c.scalars(),
		Passes: []Pass{{Uses: arrays, Serial: true, Before: c.zero, Each: c.each(),
			Body:  func(b *Block) { b.klTerm(c, std, b.Load("muQ", 0)).sum(b) },
			After: func(b *Block, k *Vars) { b.StoreRow("kl", c.klValue(b, k)) }}},
	})
	uses := arrays
	for _, o := range outs {
		uses += " " + o
	}
	f.Kernel(Kernel{
		Name: name + c.String() + "Backward", Doc: []string{"is the gradient of " + name + c.String() + ": see kernels." + name + "Backward.",
			"kl holds the weights, and gets the divergences. The gradients of p are stored before those of q, which may be in the same place."},
		Arrays: append(append([]Array{{Name: "kl", Kind: PerRow}}, strided(outs...)...), strided(of...)...),
		Accs:   c.accs(), Lanes: 16, Vars: 1, Scalars: c.scalars(),
		Passes: []Pass{{Uses: uses, Serial: true, Each: c.each(),
			Before: func(b *Block, k *Vars) {
				b.Set(k.Keep[0], b.LoadRow("kl"))
				c.zero(b, k)
			},
			Body: func(b *Block) {
				k := b.klTerm(c, std, b.Load("muQ", 0))
				k.sum(b)
				dmu, dq, dp := k.grad(b, b.Kept(0))
				if !std {
					b.Store("dmuP", 0, b.neg(dmu))
					b.Store("dsP", 0, b.toArg(c, k.sp, k.ep, dp))
				}
				b.Store("dmuQ", 0, dmu)
				b.Store("dsQ", 0, b.toArg(c, k.sq, k.eq, dq))
			},
			After: func(b *Block, k *Vars) { b.StoreRow("kl", c.klValue(b, k)) }}},
	})
}
