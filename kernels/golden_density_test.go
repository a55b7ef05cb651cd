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
			GaussKL(out("kl"), in("muQ"), in("sQ"), in("muP"), in("sP"), form, rows, z, z)
			GaussKLBackward(nil, out("dmuQ"), out("dsQ"), out("dmuP"), out("dsP"), in("dkl"),
				in("muQ"), in("sQ"), in("muP"), in("sP"), form, rows, z, z)
		},
		"GaussKLStandard": func(in, out func(string) []T, form ScaleForm, n map[string]int) {
			rows, z := n["rows"], n["z"]
			GaussKLStandard(out("kl"), in("mu"), in("s"), form, rows, z, z)
			GaussKLStandardBackward(nil, out("dmu"), out("ds"), in("dkl"), in("mu"), in("s"), form, rows, z, z)
		},
		"GaussLogProb": func(in, out func(string) []T, form ScaleForm, n map[string]int) {
			rows, d := n["rows"], n["d"]
			GaussLogProb(out("lp"), in("x"), in("mu"), in("s"), form, rows, d, d)
			GaussLogProbBackward(nil, out("dx"), out("dmu"), out("ds"), in("dlp"), in("x"), in("mu"), in("s"), form, rows, d, d)
		},
		"GMMLogProb": func(in, out func(string) []T, form ScaleForm, n map[string]int) {
			rows, k, d := n["rows"], n["k"], n["d"]
			GMMLogProb(out("lp"), in("x"), in("logits"), in("mu"), in("s"), form, rows, k, d, k, k*d)
			GMMLogProbBackward(nil, out("dx"), out("dlogits"), out("dmu"), out("ds"), in("dlp"),
				in("x"), in("logits"), in("mu"), in("s"), form, rows, k, d, k, k*d)
		},
		"BernoulliLogProb": func(in, out func(string) []T, _ ScaleForm, n map[string]int) {
			rows, d := n["rows"], n["d"]
			BernoulliLogProb(out("lp"), in("x"), in("logits"), rows, d)
			BernoulliLogProbBackward(nil, out("dlogits"), in("dlp"), in("x"), in("logits"), rows, d)
		},
		"CategoricalLogProb": func(in, out func(string) []T, _ ScaleForm, n map[string]int) {
			rows, k := n["rows"], n["k"]
			var target []int32
			for _, c := range in("target") {
				target = append(target, int32(c))
			}
			CategoricalLogProb(out("lp"), target, in("logits"), rows, k)
			CategoricalLogProbBackward(nil, out("dlogits"), in("dlp"), target, in("logits"), rows, k)
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
