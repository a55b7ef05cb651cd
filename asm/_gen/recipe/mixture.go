package recipe

import (
	"math"

	. "github.com/elbow-go/elbow/asm/_gen/engine"
)

// What the kernels with mixtures inside a row share: lanes run over the components, and the
// log-sum-exps are those of kernels/mixture_generic.go (lseLanes32) and kernels/softmax_generic.go
// (maxLogSum32). The largest logit is subtracted from all of them, wherever they are read.
//
//	pass 1   the largest logit
//	pass 2   the terms of the components, both log-sum-exps
//	pass 3   of gradients: the responsibilities, and the gradients times them
//
// In Go a component takes 300 to 600 ns, nearly all of it emulated fma.

// Reductions and kept values of these kernels.
const (
	mixPrior = iota // lanes of the sum of e^(logit-largest); of gradients, then its logarithm
	mixTop          // running maxima of the terms, one a lane
	mixSum          // sums of e^(term-maximum)
	mixAccs

	mixFirst = 0 // Keep: the largest logit
	mixRow   = 1 // Keep: what is added to the value of the row; then that value
	mixAll   = 2 // Keep, of gradients: the log-sum-exp of the terms, or 0 for an infinite one

	mixGrad1 = mixTop // in pass 3 the lanes of the terms are free for two sums of gradients
)

var lowest = -float32(math.MaxFloat32)

// expTerm is e^x as a term of a sum that is at least 1, or Inf, or 0 altogether: 0 below -87,
// where it cannot be seen in the sum. The lanes that do not exist, and the first term of each
// lane, have x far below that, and a result below the normal numbers would cost 100 cycles.
func expTerm(b *Block, x *Value) *Value {
	e := exp(b, b.AtMost(89, b.AtLeast(-87, x)), false, expNormal)
	return b.Keep(b.Not(b.Less(x, b.Const(-87))), e)
}

// expWeight is e^x for any x, without that cost for the many that are 0.
func expWeight(b *Block, x *Value) *Value {
	counts := b.Not(b.LessEqual(x, b.Const(-104)))
	return b.Keep(counts, exp(b, b.Keep(counts, x), false, expAny))
}

// mixLargest is pass 1.
func mixLargest(after func(b *Block, k *Vars)) Pass {
	return Pass{Uses: "logits",
		Before: func(b *Block, k *Vars) { k.Lowest(b, mixTop) },
		Body:   func(b *Block) { b.AccMax(mixTop, b.Load("logits", 0)) },
		After: func(b *Block, k *Vars) {
			m := k.Max(b, mixTop)
			b.Set(k.Keep[mixFirst], b.Keep(b.Less(b.Abs(m), b.Bits(0x7f800000)), m))
			if after != nil {
				after(b, k)
			}
		}}
}

// mixTerms is pass 2; term records a component and returns its term without the logit, which
// grad leaves in dlogits. row is the value of the row, given that of the mixture. As many
// copies as there are vectors of lanes: more would share them.
func mixTerms(uses string, grad bool, term func(b *Block) *Value, row func(b *Block, lp *Value) *Value) Pass {
	return Pass{Uses: uses, Copies: 1, Serial: true,
		Before: func(b *Block, k *Vars) {
			k.Zero(b, mixPrior)
			for i := range k.Acc[mixTop] {
				b.Set(k.Acc[mixTop][i], b.Const(lowest))
			}
			k.Zero(b, mixSum)
		},
		Body: func(b *Block) {
			v := term(b)
			l := b.Sub(b.Load("logits", 0), b.Kept(mixFirst))
			v = b.Add(l, v)
			if grad {
				b.Store("dlogits", 0, v)
			}
			b.Note("the lanes of the log-sum-exp of the logits")
			b.AccAdd(mixPrior, expTerm(b, l))
			b.Note("of the terms: a new maximum m, sum e^(old-m) + e^(term-m)")
			v = b.TailFill(v, b.Const(float32(math.Inf(-1))))
			top, sum := b.Acc(mixTop), b.Acc(mixSum)
			m := b.AtMost(math.MaxFloat32, b.Larger(v, b.Get(top)))
			old, e := b.Sub(b.Get(top), m), b.Sub(v, m)
			b.Set(top, m)
			b.Par(func() { old = expTerm(b, old) }, func() { e = expTerm(b, e) })
			b.Set(sum, b.FMA(b.Get(sum), old, e))
		},
		After: func(b *Block, k *Vars) {
			top := k.MaxOf(b, mixTop)
			for i, v := range k.Acc[mixSum] {
				b.Set(v, b.Mul(b.Get(v), expTerm(b, b.Sub(b.Get(k.Acc[mixTop][i]), top))))
			}
			all := b.Add(top, log(b, k.Sum(b, mixSum)))
			prior := log(b, k.Sum(b, mixPrior))
			lp := row(b, b.Sub(all, prior))
			if !grad {
				b.StoreRow("lp", lp)
				return
			}
			b.Set(k.Keep[mixRow], lp)
			b.Set(k.Acc[mixPrior][0], prior)
			b.Set(k.Keep[mixAll], b.Keep(b.Not(b.Equal(b.Abs(all), b.Bits(0x7f800000))), all)) // NaN stays
		}}
}

// mixGrads is pass 3. dlogits holds the terms and the other gradients are those of weight 1;
// scale calls times for each of them, which multiplies it and returns the product, limited to
// finite numbers if asked to. lp holds the weight, and gets the value of the row.
func mixGrads(uses string, finite bool, before func(b *Block, k *Vars), scale func(b *Block, times func(array string, block int) *Value), after func(b *Block, k *Vars)) Pass {
	return Pass{Uses: uses, Serial: true, Before: before,
		Body: func(b *Block) {
			w := b.LoadRow("lp")
			var p, pi *Value
			v := b.Sub(b.Load("dlogits", 0), b.Kept(mixAll))
			l := b.Sub(b.Sub(b.Load("logits", 0), b.Kept(mixFirst)), b.Get(b.AccOf(mixPrior, 0)))
			b.Par(func() { p = expWeight(b, v) }, func() { pi = expWeight(b, l) })
			b.Store("dlogits", 0, b.Mul(w, b.Sub(p, pi)))
			wp := b.Mul(w, p)
			counts := b.Not(b.Equal(wp, b.Const(0)))
			b.Note("the gradients times their responsibilities")
			scale(b, func(array string, block int) *Value {
				g := b.Mul(b.Load(array, block), wp)
				if finite {
					g = clamp(b, g, math.MaxFloat32)
				}
				g = b.Keep(counts, g)
				b.Store(array, block, g)
				return g
			})
		},
		After: func(b *Block, k *Vars) {
			b.StoreRow("lp", b.Kept(mixRow))
			if after != nil {
				after(b, k)
			}
		}}
}
