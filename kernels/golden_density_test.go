package kernels

import "testing"

// TestGoldenDensities compares the Gaussian family and the discrete densities, and their
// gradients, with torch.distributions.
func TestGoldenDensities(t *testing.T) {
	t.Run("float32", func(t *testing.T) { testGoldenDensities[float32](t, 1e-5) })
	t.Run("float64", func(t *testing.T) { testGoldenDensities[float64](t, 1e-12) })
}

func testGoldenDensities[T Float](t *testing.T, tol float64) {
	forms := map[string]ScaleForm{"Sigma": Sigma, "LogSigma": LogSigma, "LogVar": LogVar, "SoftplusSigma": SoftplusSigma}
	for name, run := range map[string]func(in, out func(string) []T, form ScaleForm, n map[string]int){
		"GaussKL": func(in, out func(string) []T, form ScaleForm, n map[string]int) {
			rows, z := n["rows"], n["z"]
			GaussKL(out("kl"), gaussOf(in("muQ"), in("sQ"), form, z), gaussOf(in("muP"), in("sP"), form, z), rows, z)
			GaussKLBackward(nil, gradOf(out("dmuQ"), out("dsQ")), gradOf(out("dmuP"), out("dsP")), in("dkl"), gaussOf(in("muQ"), in("sQ"), form, z), gaussOf(in("muP"), in("sP"), form, z), rows, z)
		},
		"GaussKLStandard": func(in, out func(string) []T, form ScaleForm, n map[string]int) {
			rows, z := n["rows"], n["z"]
			GaussKLStandard(out("kl"), gaussOf(in("mu"), in("s"), form, z), rows, z)
			GaussKLStandardBackward(nil, gradOf(out("dmu"), out("ds")), in("dkl"), gaussOf(in("mu"), in("s"), form, z), rows, z)
		},
		"GaussLogProb": func(in, out func(string) []T, form ScaleForm, n map[string]int) {
			rows, d := n["rows"], n["d"]
			GaussLogProb(out("lp"), in("x"), gaussOf(in("mu"), in("s"), form, d), rows, d)
			GaussLogProbBackward(nil, out("dx"), gradOf(out("dmu"), out("ds")), in("dlp"), in("x"), gaussOf(in("mu"), in("s"), form, d), rows, d)
		},
		"GMMLogProb": func(in, out func(string) []T, form ScaleForm, n map[string]int) {
			rows, k, d := n["rows"], n["k"], n["d"]
			GMMLogProb(out("lp"), in("x"), mixtureOf(in("logits"), in("mu"), in("s"), form, k, Dense), rows, d)
			GMMLogProbBackward(nil, out("dx"), mixtureGradOf(out("dlogits"), out("dmu"), out("ds")), in("dlp"), in("x"), mixtureOf(in("logits"), in("mu"), in("s"), form, k, Dense), rows, d)
		},
		"BivariateGMMLogProb": func(in, out func(string) []T, form ScaleForm, n map[string]int) {
			rows, k := n["rows"], n["k"]
			ld := 1 + 6*k
			y, theta := make([]T, 3*rows), make([]T, rows*ld)
			// each calls f with the places of the values in PyTorch's tensors and in ours.
			each := func(y, theta []T, value func(string) []T, f func(golden, ours *T)) {
				for name, blocks := range map[string][]int{"penLogit": nil, "logits": {biLogits}, "mu": {biMu1, biMu2},
					"s": {biS1, biS2}, "rho": {biCorr}} {
					v := value(name)
					for i := range v {
						at := i * ld
						if b := len(blocks); b > 0 {
							at = i/(b*k)*ld + biAt(blocks[i%b], k, i/b%k)
						}
						f(&v[i], &theta[at])
					}
				}
				x := value("x")
				for i := range x {
					f(&x[i], &y[i/2*3+1+i%2])
				}
			}
			each(y, theta, in, func(golden, ours *T) { *ours = *golden })
			for i, pen := range in("pen") {
				y[3*i] = pen
			}
			dy, dtheta := make([]T, len(y)), make([]T, len(theta))
			BivariateMixtureLogProb(out("lp"), y, bivariateOf(theta, form, k, ld), rows)
			BivariateMixtureLogProbBackward(nil, dy, bivariateGradOf(dtheta), in("dlp"), y, bivariateOf(theta, form, k, ld), rows)
			each(dy, dtheta, func(name string) []T { return out("d" + name) }, func(golden, ours *T) { *golden = *ours })
		},
		"BernoulliLogProb": func(in, out func(string) []T, _ ScaleForm, n map[string]int) {
			rows, d := n["rows"], n["d"]
			BernoulliLogProb(out("lp"), in("x"), &Bernoulli[T]{Logits: in("logits")}, rows, d)
			BernoulliLogProbBackward(nil, &BernoulliGrad[T]{Logits: out("dlogits")}, in("dlp"), in("x"), &Bernoulli[T]{Logits: in("logits")}, rows, d)
		},
		"CategoricalLogProb": func(in, out func(string) []T, _ ScaleForm, n map[string]int) {
			rows, k := n["rows"], n["k"]
			var target []int32
			for _, c := range in("target") {
				target = append(target, int32(c))
			}
			CategoricalLogProb(out("lp"), target, &Categorical[T]{Logits: in("logits")}, rows, k)
			CategoricalLogProbBackward(nil, &CategoricalGrad[T]{Logits: out("dlogits")}, in("dlp"), target, &Categorical[T]{Logits: in("logits")}, rows, k)
		},
	} {
		for _, c := range loadGolden(t, name) {
			got := map[string][]T{}
			in := func(name string) []T { return goldenValue[T](t, c, name) }
			out := func(name string) []T { got[name] = make([]T, len(in(name))); return got[name] }
			run(in, out, forms[c.Scale], c.Sizes)
			for value, x := range got {
				checkGolden(t, c, value, x, tol)
			}
		}
	}
}
