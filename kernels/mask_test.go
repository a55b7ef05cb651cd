package kernels

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// eachMasked runs tests for every kernel that takes a mask, and form, f32 on every instruction set.
func eachMasked(t *testing.T, f32 func(*testing.T, *kernel[float32], ScaleForm), f64 func(*testing.T, *kernel[float64], ScaleForm)) {
	eachKernel(t, ifMasked(f32), ifMasked(f64))
}

func ifMasked[T Float](f func(*testing.T, *kernel[T], ScaleForm)) func(*testing.T, *kernel[T], ScaleForm) {
	return func(t *testing.T, k *kernel[T], form ScaleForm) {
		if k.mask() < 0 {
			t.Skip("takes no mask")
		}
		f(t, k, form)
	}
}

// mask returns the index of the mask, -1 if there is none.
func (k *kernel[T]) mask() int {
	for i := range k.arrays {
		if k.isMask(i) {
			return i
		}
	}
	return -1
}

// TestMaskOfOnes: a mask of ones changes no bit.
func TestMaskOfOnes(t *testing.T) { eachMasked(t, testMaskOfOnes[float32], testMaskOfOnes[float64]) }

func testMaskOfOnes[T Float](t *testing.T, k *kernel[T], form ScaleForm) {
	rng := rand.New(rand.NewPCG(1, uint64(form)))
	for i, n := range []int{0, 1, 3, 15, 16, 17, 33, 67} {
		for j, rows := range []int{0, 1, 3, 8, 33} {
			if !*exhaustive && (i+j+int(form))%2 != 0 { // for time
				continue
			}
			s := shape{form, rows, n, rng.IntN(3)}
			ones, none := k.newCall(s, i).fill(uint64(rows), drawUsual).withOnes(), k.newCall(s, i).fill(uint64(rows), drawUsual)
			none.a[k.mask()] = nil
			before := ones.snapshot()
			ones.run()
			none.run()
			ones.same(t, "mask of ones", none)
			ones.unchanged(t, before, false)
		}
	}
}

// wholeRows are the kernels whose rows are missing as a whole.
func wholeRows(name string) bool {
	return strings.HasPrefix(name, "Categorical") || strings.HasPrefix(name, "Bivariate")
}

// TestMaskMissing: what is missing, and what belongs to it alone, may be NaN and has no influence; its
// gradient is 0, the value of a row without anything is 0. What is there has the value that it has
// when the rest is not part of the row at all.
func TestMaskMissing(t *testing.T) {
	eachMasked(t, testMaskMissing[float32], testMaskMissing[float64])
}

func testMaskMissing[T Float](t *testing.T, k *kernel[T], form ScaleForm) {
	const n = 37
	m := k.mask()
	s := shape{form, 9, n, 2}
	want, got := k.newCall(s, 0).fill(2, drawUsual), k.newCall(s, 0).fill(2, drawUsual)
	for _, c := range []*call[T]{want, got} { // rows without anything, with all, with one entry, and others
		for r, v := range []T{0, 1, 0} {
			for j := range c.row(m, r) {
				c.row(m, r)[j] = v
			}
		}
		c.row(m, 2)[len(c.row(m, 2))/2] = 1
	}
	missing := func(r, entry int) bool {
		row := got.row(m, r)
		if wholeRows(k.name) {
			return slices.Contains(row, 0)
		}
		return row[entry] == 0
	}
	// entryOf returns what entry of x the column of an array belongs to; -1: to none in particular.
	entryOf := func(i, col int) int {
		entries, width, name := got.width(m), got.width(i), k.arrays[i].name
		field := name[strings.LastIndex(name, ".")+1:]
		switch {
		case strings.HasPrefix(k.name, "Categorical") && name == "target", wholeRows(k.name) && width > 1:
			return 0
		case width < entries || entries == 0 || width == 1 && entries > 1 || !wholeRows(k.name) && width == 1:
			return -1
		case strings.HasPrefix(k.name, "GMM") && strings.HasSuffix(field, "ogits"):
			return -1
		case strings.HasPrefix(k.name, "GMM"):
			return col % entries
		case strings.HasPrefix(k.name, "Multivariate") && width >= 2*entries: // mu alone where there is a T, else all
			if col >= entries && k.with["p.Diagonal"] != true && k.with["p.Rank"] == 0 {
				return -1
			}
			return col % entries
		}
		return col / (width / entries)
	}
	for i, a := range k.arrays {
		for r := range got.rowsOf(i) {
			for col := range got.row(i, r) {
				if e := entryOf(i, col); a.in && i != m && e >= 0 && missing(r, e) {
					got.row(i, r)[col] = T(math.NaN())
					if a.blocks[0].kind == kindTarget {
						got.row(i, r)[col] = -1
					}
				}
			}
		}
	}
	want.run()
	got.run()
	got.same(t, "NaN where nothing is", want)
	for i, a := range k.arrays {
		if !a.out {
			continue
		}
		for r := range got.rowsOf(i) {
			for col, v := range got.row(i, r) {
				e := entryOf(i, col)
				if (e >= 0 && missing(r, e) || r == 0) && v != 0 {
					t.Errorf("%s[%d,%d] = %v, want 0", a.name, r, col, v)
				}
			}
		}
	}
}

// TestMaskRefused: draws leave nothing out, and of two Gaussians the first has the mask.
func TestMaskRefused(t *testing.T) {
	one := []float64{1}
	g := func(mask []float64) *Gauss[float64] { return &Gauss[float64]{Mu: one, S: one, Mask: mask, Ld: 1} }
	v, w := []float64{0}, []float64{0}
	grad := &GaussGrad[float64]{Mu: v, S: w}
	for want, f := range map[string]func(){
		"GaussSample: q.Mask":         func() { GaussSample(v, g(one), one, 1, 1) },
		"GaussSampleBackward: q.Mask": func() { GaussSampleBackward(grad, one, g(one), one, 1, 1) },
		"LatentStep: q.Mask":          func() { LatentStep(&Latent[float64]{Z: v, KL: w}, g(one), g(nil), one, 1, 1) },
		"LatentStepBackward: q.Mask":  func() { LatentStepBackward(grad, nil, one, one, g(one), g(nil), one, 1, 1) },
		"GaussKL: p.Mask":             func() { GaussKL(v, g(nil), g(one), 1, 1) },
	} {
		func() {
			defer func() {
				if got := recover(); got != "kernels: "+want+" is set, want nil" {
					t.Errorf("%s: panic %v", want, got)
				}
			}()
			f()
		}()
	}
}

// TestMaskMarginal compares the values of rows with missing entries with those of rows that have no
// such entries.
func TestMaskMarginal(t *testing.T) {
	const d, k = 7, 20
	rng := rand.New(rand.NewPCG(3, 4))
	draw := func(n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = rng.NormFloat64()
		}
		return x
	}
	mask := []float64{0, 1, 1, 0, 1, 0, 1}
	// left returns what is there of rows of entries of so many numbers.
	left := func(x []float64, each int) (y []float64) {
		for i := 0; i < len(x); i += each {
			if mask[i/each%d] != 0 {
				y = append(y, x[i:i+each]...)
			}
		}
		return y
	}
	n := len(left(mask, 1))
	check := func(what string, got, want []float64) {
		t.Helper()
		if math.Abs(got[0]-want[0]) > 1e-12*(1+math.Abs(want[0])) || want[0] == 0 {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	x, mu, s, l := draw(d), draw(k*d), draw(k*d), draw(k)
	got, want := make([]float64, 1), make([]float64, 1)
	GaussLogProb(got, x, &Gauss[float64]{Mu: mu, S: s, Ld: d, Form: LogVar, Mask: mask}, 1, d)
	GaussLogProb(want, left(x, 1), &Gauss[float64]{Mu: left(mu, 1), S: left(s, 1), Ld: n, Form: LogVar}, 1, n)
	check("GaussLogProb", got, want)
	GaussKL(got, &Gauss[float64]{Mu: mu, S: s, Ld: d, Form: LogVar, Mask: mask}, &Gauss[float64]{Mu: s, S: mu, Ld: d, Form: LogVar}, 1, d)
	GaussKL(want, &Gauss[float64]{Mu: left(mu, 1), S: left(s, 1), Ld: n, Form: LogVar}, &Gauss[float64]{Mu: left(s, 1), S: left(mu, 1), Ld: n, Form: LogVar}, 1, n)
	check("GaussKL", got, want)
	BernoulliLogProb(got, x, &Bernoulli[float64]{Logits: mu, Mask: mask}, 1, d)
	BernoulliLogProb(want, left(x, 1), &Bernoulli[float64]{Logits: left(mu, 1)}, 1, n)
	check("BernoulliLogProb", got, want)
	GMMLogProb(got, x, &Mixture[float64]{Logits: l, Mu: mu, S: s, K: k, Ld: Dense, Form: LogSigma, Mask: mask}, 1, d)
	GMMLogProb(want, left(x, 1), &Mixture[float64]{Logits: l, Mu: left(mu, 1), S: left(s, 1), K: k, Ld: Dense, Form: LogSigma}, 1, n)
	check("GMMLogProb", got, want)
	logits := draw(k * d)
	LogisticMixtureLogProb(got, x, 256, &Mixture[float64]{Logits: logits, Mu: mu, S: s, K: k, Ld: Dense, Form: LogSigma, Mask: mask}, 1, d)
	LogisticMixtureLogProb(want, left(x, 1), 256, &Mixture[float64]{Logits: left(logits, k), Mu: left(mu, k), S: left(s, k), K: k, Ld: Dense, Form: LogSigma}, 1, n)
	check("LogisticMixtureLogProb", got, want)
}

// TestMaskGradients compares the gradients of the masked kernels, in float64, with finite differences of
// their values.
func TestMaskGradients(t *testing.T) {
	eachForm(t, ifMasked(func(t *testing.T, k *kernel[float64], form ScaleForm) {
		if !strings.Contains(k.fn(), "Backward") {
			t.Skip("has no gradients")
		}
		c := k.newCall(shape{form, 4, 5, 1}, 0).fill(9, drawUsual)
		c.run()
		value := k.array("lp")
		if value < 0 {
			value = k.array("kl")
		}
		weights := k.array("dlp")
		if weights < 0 {
			weights = k.array("dkl")
		}
		// gradients go into a copy, which would else be overwritten
		grads := make([][]float64, len(c.a))
		for i := range c.a {
			grads[i] = slices.Clone(c.a[i])
		}
		sum := func() (v float64) {
			c.run()
			for r := range c.rows {
				v += c.row(weights, r)[0] * c.row(value, r)[0]
			}
			return v
		}
		checked := 0
		for o, a := range k.arrays {
			of := strings.TrimPrefix(a.name, "d")
			i := k.array(of)
			if !a.out || o == value || i < 0 || !strings.HasPrefix(a.name, "d") || strings.HasPrefix(k.name, "Logistic") && of == "x" {
				continue
			}
			for r := range c.rows {
				for col := range c.row(i, r) {
					x := &c.row(i, r)[col]
					was, h := *x, 1e-5
					*x = was + h
					up := sum()
					*x = was - h
					down := sum()
					*x = was
					want, got := (up-down)/(2*h), grads[o][r*c.ld(o)+col]
					if math.Abs(got-want) > 1e-5*(1+math.Abs(want)) {
						t.Errorf("%s[%d,%d] = %v, finite differences %v", a.name, r, col, got, want)
					}
					checked++
				}
			}
		}
		if checked == 0 {
			t.Error("no gradient was compared")
		}
	}))
}
