package cases

import (
	"fmt"

	"github.com/elbow-go/elbow/kernels"
)

// A gmmShape is a batch of mixtures: rows, components, dimensions.
type gmmShape struct {
	rows, k, x int
	form       kernels.ScaleForm
}

// gmmShapes: frames of 200 samples of speech under 20 components (Chung et al. 2015), and a
// small one.
var gmmShapes = []gmmShape{
	{128, 20, 200, kernels.Sigma},
	{128, 20, 200, kernels.LogVar},
	{128, 20, 200, kernels.SoftplusSigma},
	{16, 5, 16, kernels.SoftplusSigma},
}

func gmm(name string, backward bool) family {
	return family{name, each(gmmShapes, func(s gmmShape) *Case {
		r, b, n := numbers(), s.rows*s.k, s.rows*s.k*s.x
		x, logits := in(r.uniform(s.rows*s.x, -1, 1)), in(r.normal(b, 0.5))
		m, sd := in(r.uniform(n, -1, 1)), in(r.scales(n, s.form))
		p := &kernels.Mixture[float32]{Logits: logits.Data, Mu: m.Data, S: sd.Data, K: s.k, Ld: kernels.Dense, Form: s.form}
		lp := out(s.rows)
		c := &Case{Keys: fmt.Sprintf("B=%d/K=%d/X=%d/form=%v", s.rows, s.k, s.x, s.form), Dims: []int{s.rows, s.k, s.x}, Elems: n}
		if !backward {
			c.Arrays = []Array{lp, x, logits, m, sd}
			c.Run = func() {
				kernels.GMMLogProb(lp.Data, x.Data, p, s.rows, s.x)
			}
			return c
		}
		dl, dm, ds, w := out(b), out(n), out(n), in(r.uniform(s.rows, 0.5, 1.5))
		c.Arrays = []Array{lp, dl, dm, ds, w, x, logits, m, sd}
		dp := &kernels.MixtureGrad[float32]{Logits: dl.Data, Mu: dm.Data, S: ds.Data}
		c.Run = func() {
			kernels.GMMLogProbBackward(lp.Data, nil, dp, w.Data, x.Data, p, s.rows, s.x)
		}
		return c
	})}
}

// bernoulliShapes: pictures of 28 x 28, steps of a piano roll.
var bernoulliShapes = []shape{{128, 784}, {64, 88}}

func bernoulli(name string, backward bool) family {
	return family{name, each(bernoulliShapes, func(s shape) *Case {
		r, n := numbers(), s[0]*s[1]
		lp, dl, w := out(s[0]), out(n), in(r.uniform(s[0], 0.5, 1.5))
		x, l := in(r.uniform(n, 0, 1)), in(r.normal(n, 3))
		c := &Case{Keys: fmt.Sprintf("B=%d/X=%d", s[0], s[1]), Dims: s[:], Elems: n}
		p, dp := &kernels.Bernoulli[float32]{Logits: l.Data}, &kernels.BernoulliGrad[float32]{Logits: dl.Data}
		if !backward {
			c.Arrays = []Array{lp, x, l}
			c.Run = func() { kernels.BernoulliLogProb(lp.Data, x.Data, p, s[0], s[1]) }
			return c
		}
		c.Arrays = []Array{lp, dl, w, x, l}
		c.Run = func() { kernels.BernoulliLogProbBackward(lp.Data, dp, w.Data, x.Data, p, s[0], s[1]) }
		return c
	})}
}

// categorical: characters, 8-bit samples. The targets are no Array.
func categorical(name string, backward bool) family {
	return family{name, each([]shape{{256, 256}, {64, 64}}, func(s shape) *Case {
		r, n := numbers(), s[0]*s[1]
		lp, dl, w, l := out(s[0]), out(n), in(r.uniform(s[0], 0.5, 1.5)), in(r.normal(n, 3))
		target := make([]int32, s[0])
		for i := range target {
			target[i] = int32(r.r.IntN(s[1]))
		}
		c := &Case{Keys: fmt.Sprintf("B=%d/K=%d", s[0], s[1]), Dims: s[:], Elems: n}
		p, dp := &kernels.Categorical[float32]{Logits: l.Data}, &kernels.CategoricalGrad[float32]{Logits: dl.Data}
		if !backward {
			c.Arrays = []Array{lp, l}
			c.Run = func() { kernels.CategoricalLogProb(lp.Data, target, p, s[0], s[1]) }
			return c
		}
		c.Arrays = []Array{lp, dl, w, l}
		c.Run = func() {
			kernels.CategoricalLogProbBackward(lp.Data, dp, w.Data, target, p, s[0], s[1])
		}
		return c
	})}
}

// innerShapes are B, K of mixtures whose components lie side by side: strokes under the 20 of
// Graves 2013, one row for every step of a batch of drawings, and audio samples under the 10
// of van den Oord et al. 2018.
var innerShapes = []shape{{128, 20}, {6000, 20}, {128, 10}}

// bivariate counts components as elements.
func bivariate(name string, backward bool) family {
	return family{name, each(innerShapes, func(s shape) *Case {
		const form = kernels.SoftplusSigma
		r, ld := numbers(), 1+6*s[1]
		lp, dtheta, w := out(s[0]), out(s[0]*ld), in(r.uniform(s[0], 0.5, 1.5))
		y, theta := in(r.normal(3*s[0], 1)), in(r.normal(s[0]*ld, 1))
		p := &kernels.Bivariate[float32]{Theta: theta.Data, K: s[1], Ld: ld, Form: form}
		dp := &kernels.BivariateGrad[float32]{Theta: dtheta.Data}
		c := &Case{Keys: fmt.Sprintf("B=%d/K=%d", s[0], s[1]), Dims: s[:], Elems: s[0] * s[1]}
		if !backward {
			c.Arrays = []Array{lp, y, theta}
			c.Run = func() { kernels.BivariateMixtureLogProb(lp.Data, y.Data, p, s[0]) }
			return c
		}
		c.Arrays = []Array{lp, dtheta, w, y, theta}
		c.Run = func() {
			kernels.BivariateMixtureLogProbBackward(lp.Data, nil, dp, w.Data, y.Data, p, s[0])
		}
		return c
	})}
}

// singleBivariate is one component a row.
func singleBivariate(name string, backward bool) family {
	return family{name, each([]int{128, 6000}, func(rows int) *Case {
		const form, ld = kernels.SoftplusSigma, 6
		r := numbers()
		lp, dtheta, w := out(rows), out(rows*ld), in(r.uniform(rows, 0.5, 1.5))
		y, theta := in(r.normal(3*rows, 1)), in(r.normal(rows*ld, 1))
		p := &kernels.Bivariate[float32]{Theta: theta.Data, K: 1, Ld: ld, Form: form}
		dp := &kernels.BivariateGrad[float32]{Theta: dtheta.Data}
		c := &Case{Keys: fmt.Sprintf("B=%d", rows), Dims: []int{rows}, Elems: rows}
		if !backward {
			c.Arrays = []Array{lp, y, theta}
			c.Run = func() { kernels.BivariateLogProb(lp.Data, y.Data, p, rows) }
			return c
		}
		c.Arrays = []Array{lp, dtheta, w, y, theta}
		c.Run = func() {
			kernels.BivariateLogProbBackward(lp.Data, nil, dp, w.Data, y.Data, p, rows)
		}
		return c
	})}
}

// multivariateShapes are B, D: the cepstra of a batch of utterances, and a wider series.
var multivariateShapes = []shape{{320, 12}, {320, 32}}

// holes is a mask in which an entry of ten is missing.
func holes(r source, n int) []float32 {
	mask := r.uniform(n, 0, 1)
	for i, v := range mask {
		if mask[i] = 1; v < 0.1 {
			mask[i] = 0
		}
	}
	return mask
}

// multivariateMasked has the shapes of multivariate. Three rows in four, of the wider ones nearly all, lack an entry.
var multivariateMasked = family{"MultivariateMaskedBackward", each(multivariateShapes, func(s shape) *Case {
	rows, d := s[0], s[1]
	r, ld := numbers(), 2*d+d*(d-1)/2
	lp, dtheta, w := out(rows), out(rows*ld), in(r.uniform(rows, 0.5, 1.5))
	x, theta, mask := in(r.normal(rows*d, 1)), in(r.normal(rows*ld, 0.3)), in(holes(r, rows*d))
	p := &kernels.Multivariate[float32]{Theta: theta.Data, Ld: ld, Mask: mask.Data}
	dp := &kernels.MultivariateGrad[float32]{Theta: dtheta.Data}
	return &Case{Keys: fmt.Sprintf("B=%d/D=%d", rows, d), Dims: s[:], Elems: rows, Arrays: []Array{lp, dtheta, w, x, theta, mask},
		Run: func() { kernels.MultivariateLogProbBackward(lp.Data, dp, w.Data, x.Data, p, rows, d) }}
})}

// multivariateImpute fills these entries in.
var multivariateImpute = family{"MultivariateImpute", each(multivariateShapes, func(s shape) *Case {
	rows, d := s[0], s[1]
	r, ld := numbers(), 2*d+d*(d-1)/2
	x, eps := inout(r.normal(rows*d, 1)), in(r.normal(rows*d, 1))
	theta, mask := in(r.normal(rows*ld, 0.3)), in(holes(r, rows*d))
	p := &kernels.Multivariate[float32]{Theta: theta.Data, Ld: ld, Mask: mask.Data}
	return &Case{Keys: fmt.Sprintf("B=%d/D=%d", rows, d), Dims: s[:], Elems: rows, Arrays: []Array{x, eps, theta, mask},
		Run: func() { kernels.MultivariateImpute(x.Data, p, eps.Data, rows, d) }}
})}

// multivariate counts rows as elements.
func multivariate(name string, nu float64, backward bool) family {
	return family{name, each(multivariateShapes, func(s shape) *Case {
		rows, d := s[0], s[1]
		r, ld := numbers(), 2*d+d*(d-1)/2
		lp, dtheta, w := out(rows), out(rows*ld), in(r.uniform(rows, 0.5, 1.5))
		x, theta := in(r.normal(rows*d, 1)), in(r.normal(rows*ld, 0.3))
		p := &kernels.Multivariate[float32]{Theta: theta.Data, Ld: ld, Nu: nu}
		dp := &kernels.MultivariateGrad[float32]{Theta: dtheta.Data}
		c := &Case{Keys: fmt.Sprintf("B=%d/D=%d", rows, d), Dims: s[:], Elems: rows}
		if !backward {
			c.Arrays = []Array{lp, x, theta}
			c.Run = func() { kernels.MultivariateLogProb(lp.Data, x.Data, p, rows, d) }
			return c
		}
		c.Arrays = []Array{lp, dtheta, w, x, theta}
		c.Run = func() {
			kernels.MultivariateLogProbBackward(lp.Data, dp, w.Data, x.Data, p, rows, d)
		}
		return c
	})}
}

// lowRankShapes are B, D.
var lowRankShapes = []shape{{320, 12}, {320, 64}, {320, 256}}

// lowRank counts rows as elements.
func lowRank(name string, backward bool) family {
	return family{name, each(lowRankShapes, func(s shape) *Case {
		const k = 4
		rows, d := s[0], s[1]
		r, ld := numbers(), (2+k)*d
		lp, dtheta, w := out(rows), out(rows*ld), in(r.uniform(rows, 0.5, 1.5))
		x, theta := in(r.normal(rows*d, 1)), in(r.normal(rows*ld, 0.3))
		p := &kernels.Multivariate[float32]{Theta: theta.Data, Ld: ld, Rank: k}
		dp := &kernels.MultivariateGrad[float32]{Theta: dtheta.Data}
		c := &Case{Keys: fmt.Sprintf("B=%d/D=%d", rows, d), Dims: s[:], Elems: rows}
		if !backward {
			c.Arrays = []Array{lp, x, theta}
			c.Run = func() { kernels.MultivariateLogProb(lp.Data, x.Data, p, rows, d) }
			return c
		}
		c.Arrays = []Array{lp, dtheta, w, x, theta}
		c.Run = func() { kernels.MultivariateLogProbBackward(lp.Data, dp, w.Data, x.Data, p, rows, d) }
		return c
	})}
}

// multivariateSample has the shapes of multivariate.
var multivariateSample = family{"MultivariateSample", each(multivariateShapes, func(s shape) *Case {
	rows, d := s[0], s[1]
	r, ld := numbers(), 2*d+d*(d-1)/2
	x, eps, theta := out(rows*d), in(r.normal(rows*d, 1)), in(r.normal(rows*ld, 0.3))
	p := &kernels.Multivariate[float32]{Theta: theta.Data, Ld: ld}
	return &Case{Keys: fmt.Sprintf("B=%d/D=%d", rows, d), Dims: s[:], Elems: rows, Arrays: []Array{x, eps, theta},
		Run: func() { kernels.MultivariateSample(x.Data, p, eps.Data, rows, d) }}
})}

// logistic: samples of 8 bits.
func logistic(name string, backward bool) family {
	return family{name, each(innerShapes, func(s shape) *Case {
		const form, levels = kernels.LogSigma, 256
		r, n := numbers(), s[0]*s[1]
		lp, w, x := out(s[0]), in(r.uniform(s[0], 0.5, 1.5)), in(r.uniform(s[0], -1, 1))
		l, m, sd := in(r.normal(n, 1)), in(r.normal(n, 1)), in(r.normal(n, 1))
		p := &kernels.Mixture[float32]{Logits: l.Data, Mu: m.Data, S: sd.Data, K: s[1], Ld: s[1], Form: form}
		c := &Case{Keys: fmt.Sprintf("B=%d/K=%d", s[0], s[1]), Dims: s[:], Elems: n}
		if !backward {
			c.Arrays = []Array{lp, x, l, m, sd}
			c.Run = func() {
				kernels.LogisticMixtureLogProb(lp.Data, x.Data, levels, p, s[0], 1)
			}
			return c
		}
		dl, dm, ds := out(n), out(n), out(n)
		c.Arrays = []Array{lp, dl, dm, ds, w, x, l, m, sd}
		dp := &kernels.MixtureGrad[float32]{Logits: dl.Data, Mu: dm.Data, S: ds.Data}
		c.Run = func() {
			kernels.LogisticMixtureLogProbBackward(lp.Data, dp, w.Data, x.Data, levels, p, s[0], 1)
		}
		return c
	})}
}

func noise(name string, f func(dst []float32, n kernels.Noise, step, row uint32, rows, cols int)) family {
	return family{name, each(lengths, func(n int) *Case {
		dst, noise := out(n), kernels.Noise{Seed: 1, Stream: 2}
		return &Case{Keys: fmt.Sprintf("N=%d", n), Dims: []int{n}, Elems: n, Arrays: []Array{dst},
			Run: func() { f(dst.Data, noise, 3, 0, n/64, 64) }}
	})}
}

var discreteFamilies = []family{
	gmm("GMMLogProb", false),
	gmm("GMMLogProbBackward", true),
	bernoulli("BernoulliLogProb", false),
	bernoulli("BernoulliLogProbBackward", true),
	categorical("CategoricalLogProb", false),
	categorical("CategoricalLogProbBackward", true),
	bivariate("BivariateMixtureLogProb", false),
	bivariate("BivariateMixtureLogProbBackward", true),
	singleBivariate("BivariateLogProb", false),
	singleBivariate("BivariateLogProbBackward", true),
	multivariate("MultivariateLogProb", 0, false),
	multivariate("MultivariateLogProbBackward", 0, true),
	multivariate("MultivariateStudentBackward", 5, true),
	lowRank("MultivariateLowRank", false),
	lowRank("MultivariateLowRankBackward", true),
	multivariateMasked,
	multivariateSample,
	multivariateImpute,
	logistic("LogisticMixtureLogProb", false),
	logistic("LogisticMixtureLogProbBackward", true),
	noise("Uniform", kernels.Uniforms[float32]),
	noise("Normal", kernels.Normals[float32]),
}

// parameters are their numbers in a small layer, in one that fits the second cache with its
// state, and in a model of 4 million.
var parameters = []int{1 << 16, 1 << 12, 1 << 22}

// optimiser has parameters, gradients and states.
func optimiser(name string, states int, f func(p, g []float32, s [][]float32)) family {
	return family{name, each(parameters, func(n int) *Case {
		r := numbers()
		p, g := inout(r.normal(n, 1)), in(r.normal(n, 0.1))
		c := &Case{Keys: fmt.Sprintf("N=%d", n), Dims: []int{n}, Elems: n, Arrays: []Array{p}}
		var state [][]float32
		for range states {
			a := inout(r.uniform(n, 0.01, 0.1))
			c.Arrays, state = append(c.Arrays, a), append(state, a.Data)
		}
		c.Arrays = append(c.Arrays, g)
		c.Run = func() { f(p.Data, g.Data, state) }
		return c
	})}
}

var optimFamilies = []family{
	optimiser("Adam", 2, func(p, g []float32, s [][]float32) {
		kernels.Adam(p, g, &kernels.Moments[float32]{M: s[0], V: s[1]},
			&kernels.AdamSettings[float32]{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, C1: 0.5, C2: 0.1})
	}),
	optimiser("Adagrad", 1, func(p, g []float32, s [][]float32) {
		kernels.Adagrad(p, g, s[0], &kernels.AdagradSettings[float32]{LR: 1e-3, Eps: 1e-8})
	}),
	optimiser("SGD", 1, func(p, g []float32, s [][]float32) {
		kernels.SGD(p, g, s[0], &kernels.SGDSettings[float32]{LR: 1e-3, Momentum: 0.9})
	}),
}
