package recipe

import (
	"math"
	"strings"

	. "github.com/elbow-go/elbow/asm/_gen/engine"
	"github.com/elbow-go/elbow/internal/f32"
)

// The log-density and the samples of diagonal Gaussians, and both together with the KL
// divergence: see gauss.go, which also has the terms they share.

// lpTerm is one dimension of a log-density: t = (x-mu)/sigma.
type lpTerm struct {
	c            scale
	s, e, t      *Value
	inv          *Value // 1/sigma
	slope        *Value // dsigma/ds in softplusScale
	h            *Value // e^(-ln(sigma)/2) in logScale
	sigmaOrItsLn *Value
}

func newLPTerm(b *Block, c scale) *lpTerm {
	k := &lpTerm{c: c, s: b.Load("s", 0)}
	d := b.Sub(b.Load("x", 0), b.Load("mu", 0))
	if c == logScale {
		k.sigmaOrItsLn = lnSigma(b, k.s)
		k.logScore(b, d, halfInv(b, k.sigmaOrItsLn))
	} else {
		k.sigmaOrItsLn, k.e = sdev(b, c, k.s)
		k.inv = b.Div(b.Const(1), k.sigmaOrItsLn)
		k.t = b.Mul(d, k.inv)
	}
	return k
}

// logScore sets h and t in logScale, for d = x-mu.
func (k *lpTerm) logScore(b *Block, d, h *Value) {
	k.h = h
	k.t = b.Mul(b.Mul(d, h), h)
}

// sum adds the term to the row.
func (k *lpTerm) sum(b *Block) {
	k.c.watch(b, k.s)
	if k.c == logScale {
		b.AccAdd(accLogs, k.sigmaOrItsLn)
	} else {
		b.AccMul(accLogs, k.sigmaOrItsLn)
	}
	u := b.Mul(k.t, b.Const(0.5))
	b.AccFMA(accSquares, u, u)
}

// weighted stores grad with the weight in the first of the Vars, as finite numbers, +0 where that
// is 0. The second of the Vars is the weight of ln sigma in logScale.
func (k *lpTerm) weighted(b *Block) {
	w := b.Kept(0)
	wl := w
	if k.c == logScale {
		wl = b.Kept(1)
	}
	dmu, ds := k.grad(b, w, wl)
	m := b.Not(b.Equal(w, b.Const(0)))
	b.Store("dmu", 0, b.Keep(m, clamp(b, dmu, math.MaxFloat32)))
	b.Store("ds", 0, b.Keep(m, clamp(b, ds, math.MaxFloat32)))
}

// grad is the gradient of w times the term, of mu and s. wl is the weight of ln sigma in logScale.
func (k *lpTerm) grad(b *Block, w, wl *Value) (dmu, ds *Value) {
	if k.c == logScale {
		dmu = b.Mul(b.Mul(b.Mul(w, k.h), k.t), k.h)
		return dmu, b.FMS(b.Mul(wl, k.t), k.t, wl)
	}
	dmu = b.Mul(b.Mul(w, k.t), k.inv)
	rest := b.Mul(w, k.inv)
	if k.c == sigmaScale {
		return dmu, b.FMS(dmu, k.t, rest)
	}
	if k.slope == nil {
		k.slope = dSoftplus(b, k.s, k.e)
	}
	return dmu, keepSlope(b, k.slope, b.FMS(b.Mul(dmu, k.slope), k.t, b.Mul(rest, k.slope)))
}

// logProbValue is the log-density of a row; d is the number of its columns.
func logProbValue(b *Block, squares, logs *Value) *Value {
	l := b.FMA(b.Param("d"), b.Const(f32.HalfLog2Pi), logs)
	return b.FMA(b.Const(-2), squares, b.Sub(b.Const(0), l))
}

// x has a stride of its own, so that the components of a mixture can be rows: then it is 0.
func gaussLogProb(f *File, c scale) {
	x := Array{Name: "x", Kind: Strided, Ld: "ldx"}
	laneSums(f, c, false, Kernel{
		Name: "GaussLogProb" + c.String(), Of: "GaussLogProb", When: c.when([...]string{"", "h == nil", "inv == nil"}[c]), Doc: []string{"leaves the lanes of log-densities, at most 16 rows, and reports rows that are not plain: see kernels.GaussLogProb.", c.doc()},
		Arrays: append([]Array{lanesOf, x}, strided("mu", "s")...),
	}, Pass{Uses: "x mu s", Ahead: "mu s",
		Body: func(b *Block) { newLPTerm(b, c).sum(b) }})
	switch c {
	case logScale:
		laneSums(f, c, false, Kernel{
			Name: "GaussLogProbLogKeep", Of: "GaussLogProb", When: c.when("h != nil"), Doc: []string{"is GaussLogProbLog, and writes e^(-ln(sigma)/2) to h.", c.doc()},
			Arrays: append([]Array{lanesOf, x}, strided("mu", "s", "h")...),
		}, Pass{Uses: "x mu s h", Ahead: "mu s",
			Body: func(b *Block) {
				k := newLPTerm(b, c)
				k.sum(b)
				b.Store("h", 0, k.h)
			}})
	case softplusScale:
		laneSums(f, c, false, Kernel{
			Name: "GaussLogProbSoftplusKeep", Of: "GaussLogProb", When: c.when("inv != nil"), Doc: []string{"is GaussLogProbSoftplus, and writes 1/sigma and dsigma/ds to inv and slope.", c.doc()},
			Arrays: append([]Array{lanesOf, x}, strided("mu", "s", "inv", "slope")...),
		}, Pass{Uses: "x mu s inv slope", Ahead: "mu s",
			Body: func(b *Block) {
				k := newLPTerm(b, c)
				k.sum(b)
				b.Store("inv", 0, k.inv)
				b.Store("slope", 0, dSoftplus(b, k.s, k.e))
			}})
	}
	for _, dx := range []bool{false, true} {
		name, does, first, uses := "Backward", "of mu and s", []Array{lanesOf}, "x mu s dmu ds"
		if dx {
			name, does, first, uses = "BackwardX", "of x, mu and s", append(first, Array{Name: "dx"}), uses+" dx"
		}
		laneSums(f, c, true, Kernel{
			Name: "GaussLogProb" + c.String() + name, Of: "GaussLogProbBackward", When: c.when(whether("dx", !dx)),
			Doc:    []string{"is GaussLogProb" + c.String() + " and its gradient " + does + ", with the weights in lanes: see kernels.GaussLogProbBackward."},
			Arrays: append(append(append(first, strided("dmu", "ds")...), x), strided("mu", "s")...),
		}, Pass{Uses: uses,
			Body: func(b *Block) {
				k := newLPTerm(b, c)
				k.sum(b)
				w := b.Kept(1)
				wl := w
				if c == logScale {
					wl = b.Mul(w, b.Param("factor"))
				}
				dmu, ds := k.grad(b, w, wl)
				b.Store("dmu", 0, dmu)
				if dx {
					b.Store("dx", 0, b.Neg(dmu))
				}
				b.Store("ds", 0, ds)
			}})
	}
}

// gmmGradient is the gradient of the components of a mixture, weighted by their responsibilities.
func gmmGradient(f *File, c scale) {
	f.Kernel(Kernel{
		Name: "GMMGradient" + c.String(), Of: "GMMGradient", When: c.when(whether("next", true)),
		Doc:    []string{"writes the gradients of log-densities of plain rows with weights w, +0 where w is 0: see kernels.GMMLogProbBackward.", c.doc()},
		Arrays: append([]Array{{Name: "w", Kind: PerRow}, {Name: "dmu"}, {Name: "ds"}, {Name: "x", Kind: Shared}}, Array{Name: "mu"}, Array{Name: "s"}),
		Vars:   gmmVars(c), Scalars: c.scalars(),
		Passes: []Pass{{Uses: "dmu ds x mu s", Ahead: "dmu ds", Serial: true, Before: c.weights,
			Body: func(b *Block) { newLPTerm(b, c).weighted(b) }}},
	})
}

// gmmVars is how many Vars weights sets.
func gmmVars(c scale) int {
	if c == logScale {
		return 2
	}
	return 1
}

// weights sets the Vars that weighted reads.
func (c scale) weights(b *Block, k *Vars) {
	w := b.LoadRow("w")
	b.Set(k.Keep[0], w)
	if c == logScale {
		b.Set(k.Keep[1], b.Mul(w, b.Param("factor")))
	}
}

// gmmGradientKept is gmmGradient where the gradients are not in the place of their arguments and
// hold what GaussLogProbLogKeep or GaussLogProbSoftplusKeep has left there: to take the sigmas
// twice would cost more than to write twice. It is short enough to wait for memory: meanwhile it
// fetches the means of the next mixture, which takes 4 to 6 % off a gradient from beyond the
// second cache.
func gmmGradientKept(f *File, c scale) {
	holds := map[scale]string{logScale: "e^(-ln(sigma)/2) in ds", softplusScale: "1/sigma in dmu and dsigma/ds in ds"}[c]
	f.Kernel(Kernel{
		Name: "GMMGradient" + c.String() + "Kept", Of: "GMMGradient", When: c.when(whether("next", false)),
		Doc:    []string{"is GMMGradient" + c.String() + " with " + holds + ", and fetches next ahead of its use: see asm/_gen/recipe/latent.go."},
		Arrays: []Array{{Name: "w", Kind: PerRow}, {Name: "dmu"}, {Name: "ds"}, {Name: "x", Kind: Shared}, {Name: "mu"}, {Name: "next"}},
		Vars:   gmmVars(c), Scalars: c.scalars(),
		Passes: []Pass{{Uses: "dmu ds x mu next", Ahead: "dmu next", Serial: true, Before: c.weights,
			Body: func(b *Block) {
				k := &lpTerm{c: c}
				d, kept := b.Sub(b.Load("x", 0), b.Load("mu", 0)), b.Load("ds", 0)
				if c == logScale {
					k.logScore(b, d, kept)
				} else {
					k.inv, k.slope = b.Load("dmu", 0), kept
					k.t = b.Mul(d, k.inv)
				}
				k.weighted(b)
			}}},
	})
}

// The samples need no sums and take all rows.
func gaussSample(f *File, c scale) {
	f.Kernel(Kernel{
		Name: "GaussSample" + c.String(), Of: "GaussSample", When: c.when(""), Doc: []string{"writes samples: see kernels.GaussSample.", c.doc()},
		Arrays: append(append([]Array{{Name: "z"}}, strided("mu", "s")...), Array{Name: "eps"}), Scalars: c.scalars(),
		Passes: []Pass{{Uses: "z mu s eps", Body: func(b *Block) {
			s := b.Load("s", 0)
			var sigma *Value
			if c == logScale {
				sigma = exp(b, lnSigma(b, s), false, expAny)
			} else {
				sigma, _ = sdev(b, c, s)
			}
			b.Store("z", 0, b.FMA(sigma, b.Load("eps", 0), b.Load("mu", 0)))
		}}},
	})
	f.Kernel(Kernel{
		Name: "GaussSample" + c.String() + "Backward", Of: "GaussSampleBackward", When: c.when(""), Doc: []string{"adds the gradient of samples: see kernels.GaussSampleBackward.", c.doc()},
		Arrays: append(append(strided("dmu", "ds"), Array{Name: "dz"}), append(strided("s"), Array{Name: "eps"})...), Scalars: c.scalars(),
		Passes: []Pass{{Uses: "dmu ds dz s eps", Body: func(b *Block) {
			g, s := b.Load("dz", 0), b.Load("s", 0)
			b.Store("dmu", 0, b.Add(b.Load("dmu", 0), g))
			g = b.Mul(g, b.Load("eps", 0))
			switch c {
			case logScale:
				g = b.FMA(g, b.Mul(b.Param("factor"), exp(b, lnSigma(b, s), false, expAny)), b.Load("ds", 0))
			case softplusScale:
				e := exp(b, b.Or(s, b.Bits(SignBit)), false, expNotAbove)
				g = b.FMA(g, dSoftplus(b, s, e), b.Load("ds", 0))
			default:
				g = b.Add(g, b.Load("ds", 0))
			}
			b.Store("ds", 0, g)
		}}},
	})
}

// latentStep is GaussSample and GaussKL in one pass. The pointers of the gradient take all
// registers there are; that of the weights is in memory.
func latentStep(f *File, c scale, std bool) {
	name, of, outs := "LatentStep", []string{"muQ", "sQ", "muP", "sP"}, []string{"dmuQ", "dsQ", "dmuP", "dsP"}
	if std {
		name, of, outs = "LatentStepStandard", of[:2], outs[:2]
	}
	uses := ""
	for _, a := range of {
		uses += " " + a
	}
	laneSums(f, c, false, Kernel{
		Name: name + c.String(), Of: "LatentStep", When: c.when(whether("muP", std)), Doc: []string{"writes sigmas and samples and leaves the lanes of KL divergences, at most 16 rows,",
			"and reports rows that are not plain: see kernels.LatentStep.", c.doc(),
			"sigmaQ is stored before z, which may be in the same place."},
		Arrays: append(append([]Array{{Name: "sigmaQ"}, {Name: "z"}, lanesOf}, strided(of...)...), Array{Name: "eps"}),
	}, Pass{Uses: "sigmaQ z eps" + uses,
		Body: func(b *Block) {
			mu := b.Load("muQ", 0)
			k := newKLTerm(b, c, std, mu)
			k.sum(b)
			sigma := k.q
			if c == logScale && std {
				sigma = k.r
			} else if c == logScale {
				sigma = exp(b, k.lq, false, expNormal)
			}
			z := b.FMA(sigma, b.Load("eps", 0), mu)
			b.Store("sigmaQ", 0, sigma)
			b.Store("z", 0, z)
		}})
	arrays := append(append(strided(outs...), Array{Name: "dz"}), append(strided(of...), Array{Name: "eps"}, Array{Name: "dkl", Kind: PerRowFar})...)
	f.Kernel(Kernel{
		Name: name + c.String() + "Backward", Of: "LatentStepBackward", When: c.when(whether("muP", std)), Doc: []string{"is the gradient of " + name + c.String() + ", and reports rows that are not plain: see kernels.LatentStepBackward.",
			"The gradients of p are stored before those of q, which may be in the same place."},
		Arrays: arrays, Scalars: c.scalars(), Vars: 3, Bad: true,
		First: func(b *Block, k *Vars) {
			b.Set(k.Keep[0], b.Bits(0))
			b.Set(k.Keep[1], b.Bits(0))
		},
		Last: func(b *Block, k *Vars) { // the scores are not in a value here
			far := b.AddI(b.Get(k.Keep[1]), b.Bits(1<<31-math.Float32bits(f32.MaxPlainScore)))
			b.Set(k.Keep[0], b.Or(c.outOfRange(b, k.Keep[0]), far))
		},
		Passes: []Pass{{Uses: strings.Join(outs, " ") + " dz eps" + uses, Serial: true,
			Before: func(b *Block, k *Vars) { b.Set(k.Keep[2], b.LoadRow("dkl")) },
			Body: func(b *Block) {
				k := newKLTerm(b, c, std, b.Load("muQ", 0))
				b.KeepMaxU(1, b.Abs(k.t))
				dmu, dq, dsP := k.grad(b, b.Kept(2))
				g, eps := b.Load("dz", 0), b.Load("eps", 0)
				if !std {
					b.Store("dmuP", 0, b.Neg(dmu))
					b.Store("dsP", 0, dsP)
				}
				switch {
				case c != logScale:
					dq = toArg(b, c, k.sq, k.eq, b.FMA(g, eps, dq))
				case std:
					dq = b.FMA(b.Mul(g, eps), b.Mul(b.Param("factor"), k.r), dq)
				default:
					dq = b.FMA(b.Mul(g, eps), b.Mul(b.Param("factor"), exp(b, k.lq, false, expNormal)), dq)
				}
				b.Store("dmuQ", 0, b.Add(dmu, g))
				b.Store("dsQ", 0, dq)
			}}},
	})
}
